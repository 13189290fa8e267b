/*
 * steer - what an operator does to jobs that wait or have died: calls of the script `steer`, and what they answer.
 *
 * One call is one operation on up to BH_STEER_MAX jobs of a queue, done as a whole; each job has its own result.  What
 * a worker has in hand stays as it is, and so does what may have been sent, but for `cancel`.  A call whose answer was
 * lost may be repeated: what was done is `already` so.
 *
 * A job that may have been sent is settled by redis/resolve.h.
 */
#ifndef BH_REDIS_STEER_H
#define BH_REDIS_STEER_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_STEER_MAX      64 /* jobs of one call */
#define BH_STEER_LINE_MAX 48

/* What each means stands at the script's head. */
enum bh_steering {
    BH_STEER_HOLD,
    BH_STEER_RELEASE,
    BH_STEER_CANCEL,
    BH_STEER_EXPIRE,
    BH_STEER_RETRY,
    BH_STEER_REQUEUE,
    BH_STEER_DELETE,
};

#define BH_STEERINGS (BH_STEER_DELETE + 1)

enum bh_steer_code {
    BH_STEERED_DONE,
    BH_STEERED_NONE,      /* there is no such job in this queue */
    BH_STEERED_IN_HAND,   /* a worker has it */
    BH_STEERED_STATE,     /* `before` does not allow it */
    BH_STEERED_ALREADY,   /* it is so already */
    BH_STEERED_GONE,      /* its payload is no longer kept */
    BH_STEERED_UNCERTAIN, /* it may have been sent, nothing was done */
    BH_STEERED_UNKNOWN,   /* cancel: it may have been sent, and has ended as unknown */
    BH_STEERED_PARTLY,    /* requeue: some of its recipients were reached, and would be again */
    BH_STEERED_HELD,      /* retry, requeue: an operator holds it */
    BH_STEERED_EARLY,     /* it was never admitted, so nobody knows its id */
    BH_STEERED_LEFT, /* cancel: in a worker's hand or not claimed yet; it ends at its next admission */
    BH_STEERED_TAKEN, /* it died long ago, and another job has its id by now */
};

#define BH_STEERED_CODES (BH_STEERED_TAKEN + 1)

struct bh_steer_job {
    const char *id;       /* empty: it was never admitted, and the handle tells */
    struct bh_str handle; /* empty: as its status says */
};

/* Everything is borrowed until the call has been encoded. */
struct bh_steer {
    enum bh_steering operation;
    struct bh_str who;       /* for the audit: a user's or a program's name */
    struct bh_str chosen_by; /* likewise: the filter */
    struct bh_str
        line; /* of the audit, by an earlier call of the same command to this queue; else empty */
    bh_ms retention_ms;  /* of a final status, and of a tombstone */
    uint32_t events_cap; /* about how many events the stream keeps; 0: no events */
    const struct bh_steer_job *jobs;
    size_t count; /* at most BH_STEER_MAX */
};

/* Views borrow from the reply. */
struct bh_steered {
    enum bh_steer_code code;
    struct bh_str before; /* its state; empty: it has none */
    struct bh_str after;  /* empty: as before, or none yet */
};

/* Append a whole call to an initialised `call` of BH_SCRIPT_STEER; bh_call_argv tells failures. */
void bh_encode_steer(struct bh_call *call, const struct bh_queue_keys *keys,
                     const struct bh_steer *steer);

/*
 * The results of `count` jobs in their order, and the line of the audit (empty: nothing has been changed yet).
 * BH_EPROTO: not what the script gives.
 */
enum bh_status bh_decode_steer(const struct redisReply *reply, size_t count,
                               struct bh_steered *ret_steered,
                               struct bh_str *ret_line) BH_MUST_CHECK;

/* "hold", "release", ... */
const char *bh_steering_name(enum bh_steering operation);

#endif
