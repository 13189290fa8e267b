#include <criterion/criterion.h>

#include <inttypes.h>
#include <string.h>

#include "core/histogram.h"

#define MS INT64_C(1000)
#define S  (1000 * MS)

Test(histogram, has_bounds_that_grow_by_less_than_seven_tenths)
{
    cr_expect_eq(bh_histogram_bound_us(0), 100);
    cr_expect_eq(bh_histogram_bound_us(BH_HISTOGRAM_BOUNDS - 1), INT64_C(100000) * S);
    for (size_t i = 1; i < BH_HISTOGRAM_BOUNDS; i++) {
        int64_t before = bh_histogram_bound_us(i - 1), bound = bh_histogram_bound_us(i);
        cr_expect(bound > before && bound * 10 <= before * 17, "%zu: %" PRId64, i, bound);
    }
}

Test(histogram, puts_each_duration_below_its_bound_and_above_the_one_before)
{
    static const int64_t rows[] = {
        INT64_MIN, -1,    0,         1,        99,        100,        101,
        149,       150,   151,       999,      1000,      1001,       20 * MS,
        5 * S - 1, 5 * S, 5 * S + 1, 3600 * S, 86399 * S, 100000 * S, 100000 * S + 1,
        INT64_MAX,
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        size_t at = bh_histogram_bucket(rows[i]);
        cr_expect_lt(at, BH_HISTOGRAM_BUCKETS);
        cr_expect(at == BH_HISTOGRAM_BOUNDS || rows[i] <= bh_histogram_bound_us(at), "%" PRId64,
                  rows[i]);
        cr_expect(at == 0 || rows[i] > bh_histogram_bound_us(at - 1), "%" PRId64, rows[i]);
    }
}

Test(histogram, tells_quantiles_within_the_width_of_a_bucket)
{
    /* `count` durations from `step` on, `step` apart. */
    static const struct {
        const char *name;
        unsigned count;
        int64_t step;
        unsigned permille;
        int64_t wanted;
    } rows[] = {
        {"one value, the least",   1,    3 * MS,  1,    3 * MS  },
        {"one value, the median",  1,    3 * MS,  500,  3 * MS  },
        {"one value, all",         1,    3 * MS,  1000, 3 * MS  },
        {"a thousand, the median", 1000, 1 * MS,  500,  500 * MS},
        {"a thousand, 95 of 100",  1000, 1 * MS,  950,  950 * MS},
        {"a thousand, 99 of 100",  1000, 1 * MS,  990,  990 * MS},
        {"three, the median",      3,    10 * MS, 500,  20 * MS },
        {"minutes, 99 of 100",     100,  60 * S,  990,  5940 * S},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_histogram histogram = {0};
        for (unsigned j = 1; j <= rows[i].count; j++)
            bh_histogram_add(&histogram, j * rows[i].step);
        int64_t got = bh_histogram_quantile_us(&histogram, rows[i].permille);
        cr_expect(got >= rows[i].wanted * 6 / 10 && got <= rows[i].wanted * 17 / 10, "%s: %" PRId64,
                  rows[i].name, got);
    }
}

Test(histogram, tells_nothing_of_nothing_and_the_last_bound_of_what_lies_beyond)
{
    struct bh_histogram histogram = {0};
    cr_expect_eq(bh_histogram_quantile_us(&histogram, 500), -1);
    bh_histogram_add(&histogram, INT64_MAX);
    cr_expect_eq(bh_histogram_quantile_us(&histogram, 500), INT64_C(100000) * S);
    cr_expect_eq(bh_histogram_up_to(&histogram, BH_HISTOGRAM_BOUNDS - 1), 0);
    cr_expect_eq(bh_histogram_up_to(&histogram, BH_HISTOGRAM_BOUNDS), 1);
}

Test(histogram, does_not_overflow_where_very_many_were_counted)
{
    struct bh_histogram histogram = {.count = UINT64_MAX / 2};
    histogram.counts[3] = UINT64_MAX / 2;
    int64_t got = bh_histogram_quantile_us(&histogram, 990);
    cr_expect(got > bh_histogram_bound_us(2) && got <= bh_histogram_bound_us(3), "%" PRId64, got);
}

Test(histogram, counts_no_negative_time)
{
    struct bh_histogram histogram = {0};
    bh_histogram_add(&histogram, -5 * S);
    cr_expect_eq(histogram.count, 1);
    cr_expect_eq(histogram.sum_us, 0);
    cr_expect_eq(histogram.counts[0], 1);
}

Test(histogram, is_added_and_taken_apart_again)
{
    struct bh_histogram one = {0}, other = {0};
    bh_histogram_add(&one, 1 * MS);
    bh_histogram_add(&other, 1 * MS);
    bh_histogram_add(&other, 7 * S);
    struct bh_histogram both = one;
    bh_histogram_merge(&both, &other);
    cr_expect_eq(both.count, 3);
    cr_expect_eq(both.sum_us, 2 * MS + 7 * S);
    struct bh_histogram rest = bh_histogram_since(&both, &one);
    cr_expect_eq(memcmp(&rest, &other, sizeof(rest)), 0);
    /* A worker that began anew has counted less than before. */
    struct bh_histogram none = bh_histogram_since(&one, &both);
    cr_expect_eq(none.count, 0);
    cr_expect_eq(none.sum_us, 0);
}

/* ---- the window ---- */

static struct bh_histogram
with(uint64_t count)
{
    struct bh_histogram histogram = {.count = count, .sum_us = count};
    histogram.counts[0] = count;
    return histogram;
}

Test(histogram, looks_back_as_far_as_its_window)
{
    struct bh_histogram_window window;
    struct bh_histogram state = with(0);
    bh_ms over_ms;
    bh_histogram_window_init(&window, BH_MINUTE_MS);
    struct bh_histogram got =
        bh_histogram_window_get(&window, (struct bh_mono){5}, &state, &over_ms);
    cr_expect_eq(got.count, 0);
    cr_expect_eq(over_ms, 0);

    /* One a second for an hour, shown every two seconds. */
    for (int64_t s = 0; s <= 3600; s++) {
        const struct bh_mono now = {1000 + s * BH_SECOND_MS};
        state = with((uint64_t)s);
        if (s % 2 == 0)
            bh_histogram_window_show(&window, now, &state);
        got = bh_histogram_window_get(&window, now, &state, &over_ms);
        cr_expect_eq((int64_t)got.count, over_ms / BH_SECOND_MS, "%" PRId64, s);
        cr_expect_leq(over_ms, 15 * BH_MINUTE_MS, "%" PRId64, s);
        cr_expect_geq(over_ms, bh_ms_min(s * BH_SECOND_MS, 14 * BH_MINUTE_MS), "%" PRId64, s);
    }
}

Test(histogram, does_not_count_a_sleep_as_lately)
{
    struct bh_histogram_window window;
    struct bh_histogram state = with(100);
    bh_ms over_ms;
    bh_histogram_window_init(&window, BH_MINUTE_MS);
    bh_histogram_window_show(&window, (struct bh_mono){1}, &state);
    state = with(150);
    const struct bh_mono later = {BH_DAY_MS};
    bh_histogram_window_show(&window, later, &state);
    state = with(151);
    struct bh_histogram got =
        bh_histogram_window_get(&window, bh_mono_add(later, 10), &state, &over_ms);
    cr_expect_eq(got.count, 1);
    cr_expect_eq(over_ms, 10);
}
