/*
 * The promise, with everything killed that can be killed: no job is lost, and no message is sent twice as long as
 * the gateway's reload lock can tell.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "storm.h"

static void
weather(const struct storm *storm)
{
    struct storm_toll toll;
    storm_run(storm, &toll);
    fprintf(stderr,
            "storm %s: %lld jobs, %lld accepted, %lld ids, %lld doubled; killed: workers %lld, "
            "Redis %lld times, "
            "connections %lld times; %lld answers lost, %lld jobs recovered\n",
            storm->name, toll.jobs, toll.accepted, toll.ids, toll.doubled, toll.worker_kills,
            toll.redis_kills, toll.kicks, toll.answers_lost, toll.recovered);

    cr_expect_eq(toll.ids, toll.jobs, "%s: lost %lld", storm->name, toll.jobs - toll.ids);
    cr_expect_eq(toll.doubled, 0, "%s: doubled %lld", storm->name, toll.doubled);
    cr_expect_eq(toll.accepted, toll.jobs, "%s: %lld messages", storm->name, toll.accepted);
    cr_expect_eq(toll.sent, toll.jobs, "%s: sent %lld", storm->name, toll.sent);
    cr_expect_eq(toll.dead, 0, "%s: dead %lld", storm->name, toll.dead);
    cr_expect_eq(toll.left, 0, "%s: left behind %lld", storm->name, toll.left);
    cr_expect_eq(toll.gauges_off, 0, "%s: gauges that are not 0: %lld", storm->name,
                 toll.gauges_off);
    cr_expect_gt(toll.worker_kills, 0);
    cr_expect(!storm->kills_redis || toll.redis_kills > 0);
    cr_expect(!storm->kicks_clients || toll.kicks > 0);
    cr_expect(!storm->loses_answers || toll.answers_lost > 0);
}

Test(kill_storm, killed_workers_lose_and_double_nothing)
{
    weather(&(struct storm){.name = "workers", .kicks_clients = true});
}

Test(kill_storm, a_killed_redis_loses_and_doubles_nothing_that_it_acknowledged)
{
    weather(&(struct storm){.name = "Redis", .kills_redis = true});
}

Test(kill_storm, lost_answers_lose_and_double_nothing_inside_the_lock)
{
    weather(&(struct storm){.name = "answers", .loses_answers = true});
}
