/*
 * callback - what is posted to a producer's address when a job of his has ended or its delivery is known: where to, what,
 * how signed, and when again.
 *
 * A job names its address itself, so this is where requests are kept from being forged through jobs: an address is posted to
 * only if it lies beneath the one that the queue's configuration allows, compared piece by piece and never as text alone.
 *
 * The body is made of the job's status hash at the time of posting, so it tells the newest state; a post may come twice, and
 * never tells less than the one before.  Members are always the same and in the same order; null is "not known".  Only the
 * fields that are named here are taken, so that nothing private can leave.
 *
 * Pure: fields, time and key are arguments.
 */
#ifndef BH_CORE_CALLBACK_H
#define BH_CORE_CALLBACK_H

#include "core/base.h"
#include "core/buf.h"
#include "core/digest.h"
#include "core/instant.h"
#include "core/str.h"

/* ---- where to ---- */

/*
 * NULL when `prefix` can be what a queue allows, else the rule that it breaks, as the end of a sentence.  It is an http or
 * https URL (core/http_url.h) without the tricks that bh_callback_url_problem refuses.
 */
const char *bh_callback_prefix_problem(struct bh_str prefix);

/*
 * NULL when `url` may be posted to by a queue that allows `prefix`, else the rule that it breaks, as the end of a sentence.
 *
 * Scheme, host and port are equal (case of the first two aside, the scheme's own port counts as written), and the path of
 * `prefix` is that of `url` or ends where a segment of it ends.  A path with "." or ".." as a segment, with a slash, backslash, dot, percent
 * sign or control character in its %XX form is refused, because the receiver's server may read it as another path.
 * A prefix with a query allows itself only.
 */
const char *bh_callback_url_problem(struct bh_str prefix, struct bh_str url);

/* Scheme, host and port as they stand: posts to equal ones go to one server.  Empty for what is no URL. */
struct bh_str bh_callback_origin(struct bh_str url);

/* ---- what ---- */

/* Larger than the result for all recipients of the longest job; what does not fit is left out (recipients: null). */
#define BH_CALLBACK_BODY_MAX ((size_t)1024 * 1024)

struct bh_callback_field {
    struct bh_str name, value;
};

struct bh_callback_source {
    const char *queue;
    const char *id;
    const struct bh_callback_field *fields; /* of the status hash */
    size_t fields_count;
    struct bh_wall now; /* Redis' time when the hash was read */
};

/*
 * Is there something to tell: a final state or a delivery?  A dead job that was taken up again in the meantime has neither;
 * its next end is told.
 */
bool bh_callback_has_news(const struct bh_callback_source *source);

/*
 * Append the JSON object to an empty `buf` of at least BH_CALLBACK_BODY_MAX, and name it: *ret_delivery is made of all but the time of
 * posting, so that a post that is repeated has the name of the first, and one that tells something else has another.
 *
 *   event           "delivery" when the gateway has said what became of the message, else "state"
 *   queue id type state reason
 *   code            the gateway's last one, a number
 *   http_status error attempts to foreign_id label message_id parts encoding
 *   price           a number, in the account's currency
 *   confirmed_by
 *   recipients      the array of the status hash
 *   delivery delivered_at
 *   delivery_path   an array of {delivery, at}
 *   duration caller_id price_per_minute meta
 *   resend_of resend_number resent_as
 *   created_at sent_at updated_at
 *   at              unix ms of the status: of two posts about a job the one with the larger number is the newer
 *
 * Times are unix milliseconds.  BH_ENOMEM; BH_ETOOBIG: not even without recipients.
 */
enum bh_status bh_callback_write(const struct bh_callback_source *source, struct bh_buf *buf,
                                 struct bh_digest *ret_delivery) BH_MUST_CHECK;

/* ---- how signed ---- */

#define BH_CALLBACK_SIGNATURE_MAX 128

/*
 * The whole header, "Bellhop-Signature: t=SECONDS,v1=HEX": the HMAC-SHA256 of "SECONDS.BODY" under `key`, in lower-case hex.  The time is
 * signed too, so that a receiver can refuse what somebody has recorded and sends again.  BH_ENOMEM, or what the hash says.
 */
enum bh_status bh_callback_sign(struct bh_str key, struct bh_wall now, struct bh_str body,
                                char ret_header[BH_CALLBACK_SIGNATURE_MAX]) BH_MUST_CHECK;

/* ---- when again ---- */

/* The first post and one for each distance: 10s, 1m, 5m, 30m, 2h, 6h, 12h, 24h. */
#define BH_CALLBACK_POSTS_MAX 9

/*
 * How long after the post number `posts` (1 is the first) that failed the next one is made.  What the receiver has asked for by
 * Retry-After (-1: nothing) can only lengthen it.  `dice` spreads it by up to a tenth.  False: given up.
 */
bool bh_callback_again(unsigned posts, bh_ms retry_after_ms, uint32_t dice, bh_ms *ret_delay_ms);

#endif
