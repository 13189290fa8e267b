/*
 * inbox - the SMS that people send to us, in the stream PREFIX:{@inbox}:events for whoever reads it: the call of the script `inbox`.
 *
 * An entry has the fields `at` (unix ms, when we got it), `id`, `sender`, `system` (the number of ours), `text`, `type`, `time`
 * (unix ms, the gateway's), and `cut` = 1 when the text was longer than BH_INBOUND_TEXT_MAX.  What the gateway did not say is
 * left out.  One SMS is one entry, however often the gateway tells of it.  About BH_INBOX_MAX are kept, each as long as a final
 * status.
 */
#ifndef BH_REDIS_INBOX_H
#define BH_REDIS_INBOX_H

#include "core/base.h"
#include "core/inbound_sms.h"
#include "core/instant.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_INBOX_MAX 10000

/* Append a whole call to an initialised `call` of BH_SCRIPT_INBOX.  BH_EINVAL: the prefix is not valid; BH_ENOMEM. */
enum bh_status bh_encode_inbox(struct bh_call *call, const char *prefix,
                               const struct bh_inbound_sms *sms, bh_ms keep_ms) BH_MUST_CHECK;

/* BH_EPROTO: not what the script gives.  *ret_new: false when it was there already. */
enum bh_status bh_decode_inbox(const struct redisReply *reply, bool *ret_new) BH_MUST_CHECK;

#endif
