#include <criterion/criterion.h>

#include "storm.h"

void
storm_must_hold(const struct storm *storm, unsigned seconds, unsigned jobs)
{
    struct storm_toll toll;
    if (!storm_run(storm, seconds, jobs, &toll))
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
