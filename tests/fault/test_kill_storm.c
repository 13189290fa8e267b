/*
 * The promise, with workers killed all the time and one more thing failing: no job is lost, and no message is sent
 * twice as long as the gateway's reload lock can tell.
 */
#include <criterion/criterion.h>

#include "storm.h"

#define SECONDS 6
#define JOBS    600

static void
weather(const struct storm *storm)
{
    struct storm_toll toll;
    if (!storm_run(storm, SECONDS, JOBS, &toll))
        return;
    storm_print(storm, &toll);
    cr_expect_eq(toll.lost, 0, "%s: lost %lld", storm->name, toll.lost);
    cr_expect_eq(toll.doubled + toll.doubled_uncertain, 0, "%s: doubled %lld", storm->name,
                 toll.doubled + toll.doubled_uncertain);
    /* A job that lost its worker three times in a row is left to a person, sent or not. */
    cr_expect_leq(toll.jobs - toll.accepted, toll.buried, "%s: %lld messages", storm->name,
                  toll.accepted);
    cr_expect_leq(toll.jobs - toll.sent, toll.buried, "%s: sent %lld", storm->name, toll.sent);
    cr_expect_eq(toll.odd, 0, "%s: odd %lld", storm->name, toll.odd);
    cr_expect_leq(toll.buried, 1 + toll.recovered / 50, "%s: buried %lld", storm->name,
                  toll.buried);
    cr_expect_eq(toll.left, 0, "%s: left behind %lld", storm->name, toll.left);
    cr_expect_eq(toll.gauges_off, 0, "%s: gauges that are not 0: %lld", storm->name,
                 toll.gauges_off);
    for (size_t i = 0; i < storm->faults_count; i++)
        cr_expect_gt(toll.faults[storm->faults[i]].struck, 0, "%s: fault %zu", storm->name, i);
}

Test(kill_storm, killed_workers_lose_and_double_nothing)
{
    weather(&(struct storm){
        .name = "workers",
        .plain = true,
        .faults = {STORM_WORKER_KILL, STORM_CLIENT_KILL, STORM_SCRIPT_FLUSH},
        .faults_count = 3,
    });
}

Test(kill_storm, a_killed_redis_loses_and_doubles_nothing_that_it_acknowledged)
{
    weather(&(struct storm){
        .name = "Redis",
        .plain = true,
        .faults = {STORM_WORKER_KILL, STORM_REDIS_KILL},
        .faults_count = 2,
    });
}

/* Guarded retries begin after a quarter of the lock's time and shall find a good gateway. */
Test(kill_storm, lost_answers_lose_and_double_nothing_inside_the_lock)
{
    weather(&(struct storm){
        .name = "answers",
        .plain = true,
        .gentle_gateway = true,
        .faults = {STORM_WORKER_KILL, STORM_MOOD_DROP_AFTER},
        .faults_count = 2,
    });
}
