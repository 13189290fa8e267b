/*
 * Everything at once: processes, Redis, lines and gateway fail in every way there is while jobs of all kinds
 * flow.  Short here; scripts/soak runs it for as long as one likes.
 */
#include <criterion/criterion.h>

#include "storm.h"

#define SECONDS 40
#define JOBS    800

Test(soak, everything_fails_at_once_and_nothing_is_lost_or_doubled)
{
    static const struct storm storm = {
        .name = "soak",
        .faults = {STORM_ALL_FAULTS},
        .faults_count = 1,
    };
    storm_must_hold(&storm, SECONDS, JOBS);
}
