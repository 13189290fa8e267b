/*
 * instant - the two clocks as two types that do not mix, in milliseconds.
 *
 * bh_mono counts since some start, never jumps, and is for timeouts, leases and rates.  bh_wall is
 * unix time and is for what people and other machines see.  Nothing here reads a clock: `now` is an
 * argument everywhere in core and engine.
 */
#ifndef BH_CORE_INSTANT_H
#define BH_CORE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

typedef int64_t bh_ms; /* a duration */

struct bh_mono {
    int64_t ms;
};

struct bh_wall {
    int64_t ms;
};

#define BH_SECOND_MS ((bh_ms)1000)
#define BH_MINUTE_MS (60 * BH_SECOND_MS)
#define BH_HOUR_MS   (60 * BH_MINUTE_MS)
#define BH_DAY_MS    (24 * BH_HOUR_MS)

/* From the nanoseconds that loops and kernels count in; rounded down. */
static inline struct bh_mono
bh_mono_from_ns(uint64_t ns)
{
    return (struct bh_mono){(int64_t)(ns / 1000000)};
}

/* From the two members of a struct timespec, which this header must not know; rounded down. */
static inline struct bh_wall
bh_wall_from_timespec(int64_t seconds, long nanoseconds)
{
    return (struct bh_wall){seconds * BH_SECOND_MS + nanoseconds / 1000000};
}

/* Later than every real instant: "nothing to wait for". */
#define BH_MONO_NEVER ((struct bh_mono){INT64_MAX})

static inline bool
bh_mono_is_never(struct bh_mono at)
{
    return at.ms == INT64_MAX;
}

/* Saturates at BH_MONO_NEVER; adding to never gives never. */
static inline struct bh_mono
bh_mono_add(struct bh_mono at, bh_ms delay)
{
    if (bh_mono_is_never(at) || (delay > 0 && at.ms > INT64_MAX - delay))
        return BH_MONO_NEVER;
    return (struct bh_mono){at.ms + delay};
}

static inline bool
bh_mono_reached(struct bh_mono at, struct bh_mono now)
{
    return at.ms <= now.ms;
}

static inline struct bh_mono
bh_mono_min(struct bh_mono a, struct bh_mono b)
{
    return a.ms < b.ms ? a : b;
}

static inline bh_ms
bh_ms_min(bh_ms a, bh_ms b)
{
    return a < b ? a : b;
}

static inline bh_ms
bh_ms_max(bh_ms a, bh_ms b)
{
    return a > b ? a : b;
}

#endif
