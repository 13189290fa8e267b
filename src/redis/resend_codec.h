/*
 * resend_codec - the calls of the scripts `resend` and `recall`, and what they answer.
 */
#ifndef BH_REDIS_RESEND_CODEC_H
#define BH_REDIS_RESEND_CODEC_H

#include "core/base.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

enum bh_resend_code {
    BH_RESEND_CODE_PUSHED,
    BH_RESEND_CODE_TAKEN, /* somebody has done it, or nothing was kept, or a report has said that it arrived */
    BH_RESEND_CODE_LAPSED, /* not sent again, and it is not asked any more */
};

/*
 * Append a whole call to an initialised `call` of BH_SCRIPT_RESEND.  An empty `new_id`: the right lapses.
 * bh_call_argv tells failures.
 */
void bh_encode_resend(struct bh_call *call, const struct bh_queue_keys *keys, const char *id,
                      const char *new_id, struct bh_str payload, int64_t events_cap);

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_resend(const struct redisReply *reply,
                                enum bh_resend_code *ret_code) BH_MUST_CHECK;

enum bh_recall_code {
    BH_RECALL_CODE_DONE,     /* it will be cancelled at its next admission */
    BH_RECALL_CODE_TOO_LATE, /* it is being sent, or was; from now on none is sent in its place */
    BH_RECALL_CODE_ALREADY,  /* it is, or will be, cancelled, or ended unsent by itself */
};

/* The same for BH_SCRIPT_RECALL, about the job that was sent again. */
void bh_encode_recall(struct bh_call *call, const struct bh_queue_keys *keys, const char *new_id,
                      bh_ms retention_ms);

/* *ret_next: TOO_LATE: the job that was pushed in its place, else empty; borrowed from the reply. */
enum bh_status bh_decode_recall(const struct redisReply *reply, enum bh_recall_code *ret_code,
                                struct bh_str *ret_next) BH_MUST_CHECK;

#endif
