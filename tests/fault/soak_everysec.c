/*
 * Kills of Redis, each of which takes the last second of its file along, while workers are killed, too: by
 * `scripts/soak --everysec` alone.  What a run has of it is test_rolled_back.
 */
#include <criterion/criterion.h>

#include "storm.h"

#define SECONDS 40
#define JOBS    800

/*
 * Appendfsync everysec, and the host goes down with Redis.  A job that was pushed within the second before may be
 * gone, sent or not.  What was sent in that second is offered again; the host that has sent it knows, and what another
 * one sends then, for it cannot know, is counted apart.  All others are accounted for as ever.
 */
Test(soak_everysec, a_redis_that_forgets_a_second_loses_that_alone)
{
    static const struct storm storm = {
        .name = "everysec",
        .faults = {STORM_REDIS_KILL, STORM_WORKER_KILL, STORM_LINE_CUT},
        .faults_count = 3,
        .forgets = true,
    };
    storm_must_hold(&storm, SECONDS, JOBS);
}
