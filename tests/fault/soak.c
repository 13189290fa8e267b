/*
 * Everything at once: processes, Redis, lines and gateway fail in every way there is while jobs of all kinds
 * flow.  Short here; scripts/soak runs it for as long as one likes.
 */
#include <criterion/criterion.h>

#include "storm.h"

#define SECONDS 40
#define JOBS    800

static void
weather(const struct storm *storm)
{
    struct storm_toll toll;
    if (!storm_run(storm, SECONDS, JOBS, &toll))
        return;
    storm_print(storm, &toll);
    cr_expect_eq(toll.lost, 0, "%s: lost %lld", storm->name, toll.lost);
    cr_expect_eq(toll.doubled, 0, "%s: doubled %lld", storm->name, toll.doubled);
    cr_expect_eq(toll.odd, 0, "%s: odd %lld", storm->name, toll.odd);
    cr_expect_leq(toll.buried, 1 + toll.recovered / 50, "%s: buried %lld", storm->name,
                  toll.buried);
    cr_expect_eq(toll.early, 0, "%s: early %lld", storm->name, toll.early);
    cr_expect_eq(toll.left, 0, "%s: left behind %lld", storm->name, toll.left);
    cr_expect_eq(toll.gauges_off, 0, "%s: gauges that are not 0: %lld", storm->name,
                 toll.gauges_off);
    cr_expect_eq(toll.descriptors_more, 0, "%s: %lld descriptors", storm->name,
                 toll.descriptors_more);
    cr_expect_leq(toll.rss_end_kib, 2 * toll.rss_start_kib + 32768, "%s: %ld KiB, before %ld",
                  storm->name, toll.rss_end_kib, toll.rss_start_kib);
}

Test(soak, everything_fails_at_once_and_nothing_is_lost_or_doubled)
{
    weather(&(struct storm){
        .name = "soak",
        .faults = {STORM_ALL_FAULTS},
        .faults_count = 1,
    });
}

/*
 * Appendfsync everysec, and the host goes down with Redis.  A job that was pushed within the second before may be
 * gone, sent or not.  What was sent in that second is offered again; the host that has sent it knows, and what another
 * one sends then, for it cannot know, is counted apart.  All others are accounted for as ever.
 */
Test(soak, a_redis_that_forgets_a_second_loses_that_alone)
{
    weather(&(struct storm){
        .name = "everysec",
        .faults = {STORM_REDIS_KILL, STORM_WORKER_KILL, STORM_LINE_CUT},
        .faults_count = 3,

        .forgets = true,
    });
}
