/*
 * minutes - a queue's figures of the last hour, one line per minute, kept in Redis for all who ask.
 *
 * Whichever bellhopd comes first writes the minute's line (script `minute`); reading is LRANGE of at most 61 short
 * lines.  A line is "MS RAW IN READY DUE LEASES DEAD OLDEST_MS" and then " NAME VALUE" per counter: those of
 * queue_view.h but for `token`.  Counters only grow, gauges (`now:...`) do not.
 *
 * Decoding trusts nothing: a line that is none is left out.
 */
#ifndef BH_REDIS_MINUTES_H
#define BH_REDIS_MINUTES_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"
#include "redis/queue_view.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_MINUTES_MAX      61
#define BH_MINUTE_BYTES_MAX 4096 /* of a line */

struct bh_minute {
    struct bh_wall at; /* by the server's clock */
    uint64_t raw, moved, ready, due, leases, dead;
    bh_ms
        oldest_ms; /* age of the oldest job that could run then, as far as known; 0: there was none */
    struct bh_str counters; /* " NAME VALUE..."; see bh_minute_find */
};

/* Newest first. */
struct bh_minutes {
    struct bh_minute rows[BH_MINUTES_MAX];
    size_t count;
    char *text; /* owned; what the counters borrow from */
};

/* The call that writes the minute's line if it is time; `oldest_ms` is the caller's knowledge, 0 for none. */
void bh_encode_minute(struct bh_call *call, const struct bh_queue_keys *keys, bh_ms oldest_ms);

/* *ret_written: the line is ours; *ret_wait_ms: until the next one is to be written, more than 0. */
enum bh_status bh_decode_minute(const struct redisReply *reply, bool *ret_written,
                                bh_ms *ret_wait_ms) BH_MUST_CHECK;

/* The plain command that reads them all; `argv` borrows from `keys`. */
#define BH_MINUTES_ARGC 4
void bh_minutes_read_argv(const struct bh_queue_keys *keys, struct bh_str argv[BH_MINUTES_ARGC]);

/* The reply of that command, copied.  BH_EPROTO: not an array; BH_ENOMEM.  Release it in the end. */
enum bh_status bh_decode_minutes(const struct redisReply *reply,
                                 struct bh_minutes *ret_minutes) BH_MUST_CHECK;
void bh_minutes_release(struct bh_minutes *minutes);

/* The counter or gauge of that name, 0 when the line has none. */
int64_t bh_minute_find(const struct bh_minute *minute, const char *name);

/*
 * The line that a look back over `window_ms` from `now` (the server's clock) starts from: the one nearest to that age, and
 * half a minute old at least.  NULL: there is none.
 */
const struct bh_minute *bh_minutes_before(const struct bh_minutes *minutes, struct bh_wall now,
                                          bh_ms window_ms);

/*
 * The age of the oldest job that could run now, as far as can be told: 0 for none.  Of jobs that no worker has seen, whose
 * producer does not tell their time, it is known to the minute, and for an hour back.
 */
bh_ms bh_minutes_oldest_ms(const struct bh_minutes *minutes, const struct bh_queue_view *view);

/* ---- In and out ---- */

/* Ever-growing totals of one moment. */
struct bh_tally {
    struct bh_wall at;
    int64_t pushed; /* jobs that were ever in the queue */
    int64_t left;   /* of these: ended */
};

struct bh_tally bh_tally_of_view(const struct bh_queue_view *view);
struct bh_tally bh_tally_of_minute(const struct bh_minute *minute);

/* Thousandths of a job per second, over the time that really lies between. */
struct bh_flow {
    int64_t in_milli;
    int64_t out_milli;
    bh_ms over_ms;
};

/* False when no line reaches back, and nothing can be told. */
bool bh_minutes_flow(const struct bh_minutes *minutes, const struct bh_tally *now, bh_ms window_ms,
                     struct bh_flow *ret_flow);

/* Until the queue is empty at this flow; -1: never, or nothing leaves it. */
bh_ms bh_flow_drain_ms(const struct bh_flow *flow, uint64_t waiting);

#endif
