/*
 * schedule - when to try again: the retry schedule of a queue or of a single job.
 *
 * Written as delays separated by commas, "5s, 15s, 45s, 2m, 5m, 10m, 30m*".  "D*N" stands for N
 * times D; a "D*" at the end repeats until the job's ttl ends it.  Blanks around delays are allowed,
 * inside not.
 *
 * A plain value: copied by assignment, owns nothing.
 */
#ifndef BH_CORE_SCHEDULE_H
#define BH_CORE_SCHEDULE_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"

#define BH_SCHEDULE_STEPS_MAX 32
#define BH_SCHEDULE_DELAY_MAX (30 * BH_DAY_MS)
#define BH_SCHEDULE_TIMES_MAX 1000

/* A step that never runs out; only the last one can be. */
#define BH_SCHEDULE_ENDLESS UINT32_MAX

struct bh_schedule_step {
    bh_ms delay;    /* 1 .. BH_SCHEDULE_DELAY_MAX */
    uint32_t times; /* 1 .. BH_SCHEDULE_TIMES_MAX, or BH_SCHEDULE_ENDLESS */
};

struct bh_schedule {
    struct bh_schedule_step steps[BH_SCHEDULE_STEPS_MAX];
    size_t steps_len; /* all zero is a schedule too: never try again */
};

/* At least one delay; a delay of zero is refused, since it would retry in a circle. */
enum bh_status bh_schedule_parse(struct bh_str text, struct bh_schedule *ret_schedule,
                                 struct bh_error *error) BH_MUST_CHECK;

/*
 * The delay before retry number `retry_index` (0 is the first retry, after the first attempt),
 * without jitter.  False when the schedule is used up.
 */
bool bh_schedule_delay(const struct bh_schedule *schedule, uint32_t retry_index, bh_ms *ret_delay);

/* Append in one spelling: parsed again it gives the same schedule. */
enum bh_status bh_schedule_format(const struct bh_schedule *schedule, struct bh_buf *buf);

/*
 * Spread what would otherwise come together: `delay` made longer by up to `percent` of itself, in
 * proportion to `dice` (0 adds nothing, UINT32_MAX all).  Never shorter, because a gateway or a lock
 * may have asked for no less.  Saturates; `delay` is not negative, `percent` at most 100.
 */
bh_ms bh_jitter_up(bh_ms delay, uint32_t dice, unsigned percent);

#endif
