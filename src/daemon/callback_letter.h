/*
 * callback_letter - what is posted to a receiver: a status as Redis has it, made a body, signed, and handed to the post.
 *
 * Knows nothing of when and whether: that is callbacks' business.
 */
#ifndef BH_DAEMON_CALLBACK_LETTER_H
#define BH_DAEMON_CALLBACK_LETTER_H

#include "core/callback.h"
#include "core/config.h"
#include "gateway/webpost.h"

struct redisReply;

#define BH_CALLBACK_FIELDS_MAX 128

/*
 * The fields of a status hash, by the reply to HGETALL; those beyond BH_CALLBACK_FIELDS_MAX are left out.  They go into
 * `fields`, borrow from the reply, and are the source's from then on.  False: it is no such reply.
 */
bool bh_callback_letter_read(const struct redisReply *reply,
                             struct bh_callback_field fields[BH_CALLBACK_FIELDS_MAX],
                             struct bh_callback_source *source);

/* Where it wants to go, borrowed; empty: nowhere. */
struct bh_str bh_callback_letter_url(const struct bh_callback_source *source);

/*
 * Write it, sign it where there is a key, and hand it over; `tag` comes back with what became of it.  Errors: those of
 * bh_callback_write, bh_callback_sign and bh_webpost_send; nothing follows then.
 */
enum bh_status bh_callback_letter_send(struct bh_webpost *post,
                                       const struct bh_callback_source *source, struct bh_str url,
                                       const struct bh_config_secret *key, void *tag) BH_MUST_CHECK;

#endif
