/*
 * state - the states of a job and the reasons for holding one, as values and as the words that stand in
 * the status hash.
 */
#ifndef BELLHOP_STATE_H
#define BELLHOP_STATE_H

#include <bellhop/export.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bh_state {
    BH_STATE_SCHEDULED, /* waiting for its `delay` */
    BH_STATE_SENDING,   /* claimed by a worker */
    BH_STATE_RETRYING,  /* waiting after a transient failure */
    BH_STATE_HELD,      /* waiting for a cause outside the job; see enum bh_reason */
    BH_STATE_SENT,      /* final from here on: accepted for every recipient */
    BH_STATE_PARTIAL,   /* accepted for some recipients, failed for others */
    BH_STATE_FAILED,    /* refused for good, or the retry schedule is used up */
    BH_STATE_EXPIRED,   /* its ttl ran out before it could be sent */
    BH_STATE_CANCELLED, /* by an operator */
    BH_STATE_DUPLICATE, /* never sent: somebody else sends the same */
    BH_STATE_UNKNOWN,   /* may or may not have been sent, and nothing could tell */
    BH_STATE_INVALID,   /* not a valid job */
};

#define BH_STATE_COUNT (BH_STATE_INVALID + 1)

enum bh_reason {
    BH_REASON_NONE,
    BH_REASON_RELOAD_LOCK,  /* the gateway refuses an identical SMS for a while */
    BH_REASON_DAILY_LIMIT,  /* this recipient has had his share for today */
    BH_REASON_CREDIT,       /* the account has too little credit */
    BH_REASON_AUTH,         /* key, signature, rights or address refused */
    BH_REASON_GATEWAY_DOWN, /* unreachable or failing */
    BH_REASON_PAUSED,       /* queue or account paused by an operator */
    BH_REASON_OPERATOR,     /* this job held by an operator */
    BH_REASON_UNCERTAIN,    /* sent, answer lost: waiting for evidence or for the guarded retry */
};

#define BH_REASON_COUNT (BH_REASON_UNCERTAIN + 1)

/* The word in the status hash, e.g. "retrying"; never NULL. */
BH_EXPORT const char *bh_state_name(enum bh_state state);

/* The state of that name; false, and *ret_state untouched, if there is none. */
BH_EXPORT bool bh_state_from_name(const char *name, enum bh_state *ret_state);

/* No later state follows, except by an operator's `requeue` or `resolve`. */
BH_EXPORT bool bh_state_is_final(enum bh_state state);

/* The word in the status hash's `reason`, e.g. "reload_lock"; "" for BH_REASON_NONE. */
BH_EXPORT const char *bh_reason_name(enum bh_reason reason);

/* The reason of that name, "" included; false, and *ret_reason untouched, if there is none. */
BH_EXPORT bool bh_reason_from_name(const char *name, enum bh_reason *ret_reason);

#ifdef __cplusplus
}
#endif

#endif
