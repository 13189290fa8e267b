/*
 * histogram - how long things took: counts per bucket of fixed bounds, and what can be told from them.
 *
 * Bounds are 1, 1.5, 2, 3, 5, 7 and 10 of each power of ten, from 100 microseconds to a bit more than a day, so that a
 * quantile is wrong by a quarter of itself at most.  All histograms have the same bounds: they can be added, and what
 * was counted within a time is the difference of two.
 *
 * Pure; the counting across threads is daemon/meters.h.
 */
#ifndef BH_CORE_HISTOGRAM_H
#define BH_CORE_HISTOGRAM_H

#include "core/base.h"
#include "core/instant.h"

#define BH_HISTOGRAM_BOUNDS  55
#define BH_HISTOGRAM_BUCKETS (BH_HISTOGRAM_BOUNDS + 1) /* the last one has no upper bound */

struct bh_histogram {
    uint64_t counts[BH_HISTOGRAM_BUCKETS]; /* not cumulative */
    uint64_t count;                        /* of all buckets */
    uint64_t sum_us;
};

/* The upper bound, inclusive, of bucket `at` < BH_HISTOGRAM_BOUNDS, in microseconds. */
int64_t bh_histogram_bound_us(size_t at);

/* The bucket of a duration; a negative one counts as none at all. */
size_t bh_histogram_bucket(int64_t us);

void bh_histogram_add(struct bh_histogram *histogram, int64_t us);
void bh_histogram_merge(struct bh_histogram *histogram, const struct bh_histogram *other);

/* What has come since `older`, an earlier state of the same histogram; a bucket that shrank counts as 0. */
struct bh_histogram bh_histogram_since(const struct bh_histogram *now,
                                       const struct bh_histogram *older);

/*
 * The duration that `permille` (1 to 1000) of what was counted do not exceed, in microseconds, interpolated within its
 * bucket; -1 when nothing was counted, the largest bound when it lies beyond all.
 */
int64_t bh_histogram_quantile_us(const struct bh_histogram *histogram, unsigned permille);

/* How many took at most as long as bucket `at` allows: Prometheus' cumulative count. */
uint64_t bh_histogram_up_to(const struct bh_histogram *histogram, size_t at);

/* ---- What was counted lately ---- */

#define BH_HISTOGRAM_WINDOW_STEPS 15

/* Earlier states of a histogram that only grows, `step_ms` apart. */
struct bh_histogram_window {
    struct bh_histogram states[BH_HISTOGRAM_WINDOW_STEPS];
    struct bh_mono at[BH_HISTOGRAM_WINDOW_STEPS];
    size_t next, count;
    bh_ms step_ms;
};

/* It reaches back BH_HISTOGRAM_WINDOW_STEPS steps, as soon as it is that old. */
void bh_histogram_window_init(struct bh_histogram_window *window, bh_ms step_ms);

/* To be called at least once per step; keeps `state` when a step has passed. */
void bh_histogram_window_show(struct bh_histogram_window *window, struct bh_mono now,
                              const struct bh_histogram *state);

/* What came within the window's time, `state` being the state now; *ret_over_ms is how far it reaches back. */
struct bh_histogram bh_histogram_window_get(const struct bh_histogram_window *window,
                                            struct bh_mono now, const struct bh_histogram *state,
                                            bh_ms *ret_over_ms);

#endif
