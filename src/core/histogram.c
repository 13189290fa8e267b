#include "core/histogram.h"

#include <string.h>

/* 1, 1.5, 2, 3, 5, 7 of a power of ten. */
#define STEPS    6
#define FIRST_US ((int64_t)100)

int64_t
bh_histogram_bound_us(size_t at)
{
    static const int64_t tenths[STEPS] = {10, 15, 20, 30, 50, 70};
    BH_ASSERT(at < BH_HISTOGRAM_BOUNDS);
    int64_t decade = FIRST_US / 10;
    for (size_t i = 0; i < at / STEPS; i++)
        decade *= 10;
    return decade * tenths[at % STEPS];
}

size_t
bh_histogram_bucket(int64_t us)
{
    size_t low = 0, high = BH_HISTOGRAM_BOUNDS;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bh_histogram_bound_us(middle) >= us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void
bh_histogram_add(struct bh_histogram *histogram, int64_t us)
{
    histogram->counts[bh_histogram_bucket(us)]++;
    histogram->count++;
    histogram->sum_us += us > 0 ? (uint64_t)us : 0;
}

void
bh_histogram_merge(struct bh_histogram *histogram, const struct bh_histogram *other)
{
    for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++)
        histogram->counts[i] += other->counts[i];
    histogram->count += other->count;
    histogram->sum_us += other->sum_us;
}

static uint64_t
grown(uint64_t now, uint64_t older)
{
    return now > older ? now - older : 0;
}

struct bh_histogram
bh_histogram_since(const struct bh_histogram *now, const struct bh_histogram *older)
{
    struct bh_histogram since = {.sum_us = grown(now->sum_us, older->sum_us)};
    for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
        since.counts[i] = grown(now->counts[i], older->counts[i]);
        since.count += since.counts[i];
    }
    return since;
}

int64_t
bh_histogram_quantile_us(const struct bh_histogram *histogram, unsigned permille)
{
    BH_ASSERT(permille >= 1 && permille <= 1000);
    if (histogram->count == 0)
        return -1;
    /* The rank of the one that is asked for, from 1; in two parts, so that no product overflows. */
    uint64_t rank =
        histogram->count / 1000 * permille + (histogram->count % 1000 * permille + 999) / 1000;
    uint64_t before = 0;
    size_t at = 0;
    while (at < BH_HISTOGRAM_BOUNDS && before + histogram->counts[at] < rank)
        before += histogram->counts[at++];
    if (at == BH_HISTOGRAM_BOUNDS)
        return bh_histogram_bound_us(BH_HISTOGRAM_BOUNDS - 1);
    int64_t from = at > 0 ? bh_histogram_bound_us(at - 1) : 0;
    double share = (double)(rank - before) / (double)histogram->counts[at];
    return from + (int64_t)((double)(bh_histogram_bound_us(at) - from) * share);
}

uint64_t
bh_histogram_up_to(const struct bh_histogram *histogram, size_t at)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= at && i < BH_HISTOGRAM_BUCKETS; i++)
        sum += histogram->counts[i];
    return sum;
}

/* ---- what was counted lately ---- */

void
bh_histogram_window_init(struct bh_histogram_window *window, bh_ms step_ms)
{
    BH_ASSERT(step_ms > 0);
    memset(window, 0, sizeof(*window));
    window->step_ms = step_ms;
}

static size_t
newest(const struct bh_histogram_window *window)
{
    return (window->next + BH_HISTOGRAM_WINDOW_STEPS - 1) % BH_HISTOGRAM_WINDOW_STEPS;
}

void
bh_histogram_window_show(struct bh_histogram_window *window, struct bh_mono now,
                         const struct bh_histogram *state)
{
    if (window->count > 0 && now.ms - window->at[newest(window)].ms < window->step_ms)
        return;
    window->states[window->next] = *state;
    window->at[window->next] = now;
    window->next = (window->next + 1) % BH_HISTOGRAM_WINDOW_STEPS;
    if (window->count < BH_HISTOGRAM_WINDOW_STEPS)
        window->count++;
}

/* After a sleep the older states lie further back than the window reaches: the first one within it counts. */
struct bh_histogram
bh_histogram_window_get(const struct bh_histogram_window *window, struct bh_mono now,
                        const struct bh_histogram *state, bh_ms *ret_over_ms)
{
    const bh_ms reach_ms = window->step_ms * BH_HISTOGRAM_WINDOW_STEPS;
    size_t first = window->count < BH_HISTOGRAM_WINDOW_STEPS ? 0 : window->next;
    for (size_t i = 0; i < window->count; i++) {
        size_t at = (first + i) % BH_HISTOGRAM_WINDOW_STEPS;
        bh_ms over_ms = now.ms - window->at[at].ms;
        if (over_ms > reach_ms && i + 1 < window->count)
            continue;
        *ret_over_ms = over_ms;
        return bh_histogram_since(state, &window->states[at]);
    }
    *ret_over_ms = 0;
    return (struct bh_histogram){0};
}
