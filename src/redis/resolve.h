/*
 * resolve - settle a job whose request may or may not have been taken, by somebody's word: calls of the
 * script `resolve`, and what they answer.
 *
 * The word is an operator's (bellhop resolve), or a delivery report's, which proves that the message was
 * taken.  Only jobs that are uncertain are changed: those that wait after a request without an answer, and
 * those that ended `unknown`.  Whoever held the job before is fenced off: a result that comes later finds
 * it gone or stale.  What a worker has in hand is left to it, but for a report about a job that it has not been admitted
 * to send again: that one is settled, and the admission finds it gone.
 */
#ifndef BH_REDIS_RESOLVE_H
#define BH_REDIS_RESOLVE_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "engine/protocol.h"
#include "redis/call.h"
#include "redis/keys.h"
#include "redis/tracking.h"

struct redisReply; /* of <hiredis/hiredis.h> */

enum bh_resolve_word {
    BH_RESOLVE_SENT, /* it was taken: ends as sent, or partial where recipients had been refused */
    BH_RESOLVE_FAILED, /* it was not: ends as failed, kept in the dead set; partial if others were reached */
    BH_RESOLVE_RESEND, /* whatever became of it, send it again */
};

enum bh_resolve_source {
    BH_RESOLVE_BY_OPERATOR,
    BH_RESOLVE_BY_REPORT,
};

enum bh_resolve_code {
    BH_RESOLVED_DONE,
    BH_RESOLVED_NONE,    /* there is no such job in this queue */
    BH_RESOLVED_CERTAIN, /* it is not uncertain; `before` is its state */
    BH_RESOLVED_LEASED,  /* a worker has it in hand, for `wait_ms` unless it goes on */
    BH_RESOLVED_ALREADY, /* it is so already */
    BH_RESOLVED_GONE,    /* only resend: the payload was trimmed from the dead set */
    BH_RESOLVED_EXPIRED, /* only resend: its ttl ran out at `expired` */
    BH_RESOLVED_SEVERAL, /* only sent: other recipients wait to be sent to; or a report, if more are open than its own */
};

/* Everything is borrowed until the call has been encoded. */
struct bh_resolve {
    const char *id;
    enum bh_resolve_word word;
    enum bh_resolve_source source;
    struct bh_str who;           /* for the audit: a user's or a program's name */
    struct bh_str recipient;     /* a report's: the number that it is about; empty: not known */
    struct bh_str handle;        /* of a dead job whose status has been forgotten; else empty */
    bh_ms retention_ms;          /* of a final status */
    uint32_t events_cap;         /* about how many events the stream keeps; 0: no events */
    struct bh_tracking tracking; /* of the queue's messages */

    /* For the status of a job that was sent: message_id, price, delivery, ... */
    const struct bh_field *fields;
    size_t fields_count;
};

/* Views borrow from the reply. */
struct bh_resolved {
    enum bh_resolve_code code;
    struct bh_wall server_now;
    struct bh_str before; /* the state in its status; empty: none */
    struct bh_wall since; /* when it became uncertain; 0: it is not, or nobody knows */
    uint32_t attempts;
    struct bh_str why;      /* the error in its status; empty: none */
    struct bh_str after;    /* the state that it has now, when something was done */
    bh_ms wait_ms;          /* BH_RESOLVED_LEASED */
    struct bh_wall expired; /* BH_RESOLVED_EXPIRED */
};

/* Append a whole call to an initialised `call` of BH_SCRIPT_RESOLVE; bh_call_argv tells failures. */
void bh_encode_resolve(struct bh_call *call, const struct bh_queue_keys *keys,
                       const struct bh_resolve *resolve);

/* BH_EPROTO: not what the script gives.  The views live as long as the reply. */
enum bh_status bh_decode_resolve(const struct redisReply *reply,
                                 struct bh_resolved *ret_resolved) BH_MUST_CHECK;

/* "sent", "failed" or "resend". */
const char *bh_resolve_word_name(enum bh_resolve_word word);

/* False, and *ret_word untouched, if there is none of that name. */
bool bh_resolve_word_from_name(const char *name, enum bh_resolve_word *ret_word);

#endif
