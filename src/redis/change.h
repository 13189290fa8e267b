/*
 * change - an operator's word about one job that waits: calls of the script `change`, and what they answer.
 *
 * Uncertain jobs are not called back silently: cancelled, they end `unknown` and are kept for redis/resolve.h.
 */
#ifndef BH_REDIS_CHANGE_H
#define BH_REDIS_CHANGE_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

enum bh_change_word {
    BH_CHANGE_RETRY,  /* try it at once; attempts stay as they are */
    BH_CHANGE_CANCEL, /* never send it */
};

enum bh_change_code {
    BH_CHANGED_DONE,
    BH_CHANGED_NONE,    /* there is no such job in this queue, or no worker has seen it yet */
    BH_CHANGED_LEASED,  /* a worker has it in hand, for `wait_ms` unless it goes on */
    BH_CHANGED_ENDED,   /* `before` is the state that it ended in */
    BH_CHANGED_ALREADY, /* it is so already, or about to be */
    BH_CHANGED_APART, /* only retry: it waits for its delay, or for what becomes of a lost answer */
};

/* Everything is borrowed until the call has been encoded. */
struct bh_change {
    const char *id;
    enum bh_change_word word;
    struct bh_str who;   /* for the audit */
    bh_ms retention_ms;  /* of a final status */
    uint32_t events_cap; /* about how many events the stream keeps; 0: no events */
};

/* Views borrow from the reply. */
struct bh_changed {
    enum bh_change_code code;
    struct bh_wall server_now;
    struct bh_str before; /* the state in its status; empty: none */
    struct bh_str after;  /* the state that it has now, when something was done */
    bh_ms wait_ms;        /* BH_CHANGED_LEASED */
};

/* Append a whole call to an initialised `call` of BH_SCRIPT_CHANGE; bh_call_argv tells failures. */
void bh_encode_change(struct bh_call *call, const struct bh_queue_keys *keys,
                      const struct bh_change *change);

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_change(const struct redisReply *reply,
                                struct bh_changed *ret_changed) BH_MUST_CHECK;

#endif
