/*
 * alert - which alerts are due, given what is wrong at the moment.
 *
 * A board is shown, round by round, every condition that is watched; it says what a person has to be told: that one
 * has come up, that it still lasts, that it is over.  A condition has to hold for a while before it is told, and to be
 * away for a while before it is over: one that comes and goes is told once.
 *
 * Pure: the time is an argument.  The board is bounded; who it was shown to cannot make it grow.
 */
#ifndef BH_CORE_ALERT_H
#define BH_CORE_ALERT_H

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"

enum bh_alert_kind {
    BH_ALERT_ACCOUNT_PAUSED,
    BH_ALERT_BALANCE_LOW,
    BH_ALERT_OLDEST_JOB, /* of a queue */
    BH_ALERT_UNCERTAIN,  /* of a queue: jobs ended as unknown */
    BH_ALERT_DEAD_JOBS,  /* of a queue */
    BH_ALERT_REDIS_UNSAFE,
    BH_ALERT_REDIS_AWAY,
};
#define BH_ALERT_KIND_COUNT (BH_ALERT_REDIS_AWAY + 1)

/* "account_paused", "balance_low", ...: what machines look for. */
const char *bh_alert_kind_name(enum bh_alert_kind kind);

/* Kinds that are about one queue, and every queue of a configuration may have them at once. */
#define BH_ALERT_ROWS 256

#define BH_ALERT_SUBJECT_MAX 32 /* a queue's name; "" where the kind says it all */
#define BH_ALERT_TEXT_MAX                                                                          \
    399 /* one or two sentences for people, no number or text of a job in it */

/* Before a condition is told, and before its end is. */
#define BH_ALERT_HOLD_MS (5 * BH_SECOND_MS)
#define BH_ALERT_AWAY_MS (30 * BH_SECOND_MS)

enum bh_alert_sight {
    BH_ALERT_SIGHT_NO,
    BH_ALERT_SIGHT_YES,
    BH_ALERT_SIGHT_UNKNOWN, /* it cannot be seen just now: what was, stays */
};

struct bh_alert_condition {
    enum bh_alert_kind kind;
    enum bh_alert_sight sight;
    char subject[BH_ALERT_SUBJECT_MAX + 1];
    char text[BH_ALERT_TEXT_MAX + 1];
    int64_t value, limit; /* in the kind's own unit: jobs, ms, millionths; 0 where there is none */
    bh_ms hold_ms;        /* 0: BH_ALERT_HOLD_MS */
};

enum bh_alert_event {
    BH_ALERT_FIRED,
    BH_ALERT_REPEATED,
    BH_ALERT_RESOLVED,
};

const char *bh_alert_event_name(enum bh_alert_event event);

/* What somebody has to be told. */
struct bh_alert {
    enum bh_alert_event event;
    struct bh_alert_condition condition; /* as it was seen last while it held */
    struct bh_wall since;                /* it holds from then on */
    bh_ms lasted_ms;
    unsigned told; /* how often it was told, this time included; its end does not count */
};

struct bh_alert_row {
    bool used;
    bool seen;   /* in this round */
    bool firing; /* was told, and its end was not */
    enum bh_alert_sight sight;
    struct bh_alert_condition condition;
    struct bh_mono held_from, away_from, told_at;
    struct bh_wall since;
    unsigned told;
};

/* All zero is the beginning. */
struct bh_alert_board {
    struct bh_alert_row rows[BH_ALERT_ROWS];
    struct bh_mono now;
    struct bh_wall wall;
    uint64_t overflown; /* conditions that held and found no room */
};

/* A round: begin, every condition once, then next until it is false. */
void bh_alert_begin(struct bh_alert_board *board, struct bh_mono now, struct bh_wall wall);

/* A condition that is not shown in a round does not hold in it: its queue was taken out of the configuration. */
void bh_alert_show(struct bh_alert_board *board, const struct bh_alert_condition *condition);

/* The next one that is due; at most one for each row.  False: no more in this round. */
bool bh_alert_next(struct bh_alert_board *board, bh_ms repeat_ms, struct bh_alert *ret_alert);

/* How many hold and were told. */
size_t bh_alert_firing(const struct bh_alert_board *board);

/* ---- as others are told ---- */

/*
 * One JSON object without a line end: event, alert, queue (null where the kind is not about one), text, value, limit,
 * since, at (ms since 1970), lasted_ms, told, instance.
 */
enum bh_status bh_alert_write_json(const struct bh_alert *alert, const char *instance,
                                   struct bh_wall at, struct bh_buf *buf) BH_MUST_CHECK;

#endif
