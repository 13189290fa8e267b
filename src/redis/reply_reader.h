/*
 * reply_reader - bytes from a server in, replies out, with bounds that hiredis does not have.
 *
 * hiredis announces no limit: it allocates an array of four thousand million elements on a peer's word,
 * and buffers a string of any length.  Here each reply has a bound on its bytes, on its elements over all
 * levels, and on its depth; a line has a bound too, because hiredis searches an unfinished line from its
 * start at each call.  The bound on bytes is looked at between two feeds, so the last of them may pass it.
 * Only what RESP2 knows is accepted, whatever version of hiredis is linked.
 *
 * The only file that touches the insides of redisReader.  Works with hiredis 0.14 and 1.x.
 */
#ifndef BH_REDIS_REPLY_READER_H
#define BH_REDIS_REPLY_READER_H

#include "core/base.h"

#define BH_REPLY_DEPTH_MAX 7 /* what hiredis 0.14 can do */
#define BH_REPLY_LINE_MAX  ((size_t)64 * 1024)

struct redisReader;
struct redisReply;
struct bh_reply_functions; /* of reply_reader.c */

struct bh_reply_limits {
    size_t bytes_max;
    size_t elements_max;
};

/* Private to reply_reader.c. */
struct bh_reply_reader {
    struct redisReader *reader;           /* owned */
    struct bh_reply_functions *functions; /* owned */
    struct bh_reply_limits limits;
    size_t bytes;    /* fed since the last whole reply ended; an upper bound while several wait */
    size_t elements; /* announced so far in the reply that is being read */
    const char *refusal; /* literal; why we refused, NULL: we did not */
};

/* BH_ENOMEM.  The limits are copied. */
enum bh_status bh_reply_reader_init(struct bh_reply_reader *reader,
                                    const struct bh_reply_limits *limits) BH_MUST_CHECK;
void bh_reply_reader_release(struct bh_reply_reader *reader);

/* Forget everything that was fed, for a new connection.  BH_ENOMEM. */
enum bh_status bh_reply_reader_reset(struct bh_reply_reader *reader) BH_MUST_CHECK;

/*
 * Take `len` bytes.  Drain bh_reply_reader_next after each call.  BH_ENOMEM; otherwise what is wrong with
 * the bytes is told by bh_reply_reader_next.
 */
enum bh_status bh_reply_reader_feed(struct bh_reply_reader *reader, const char *bytes,
                                    size_t len) BH_MUST_CHECK;

/*
 * The next whole reply, or NULL when there is none yet; the caller owns it (bh_redis_reply_free).
 * BH_EPROTO: the bytes are no RESP2 or pass a limit; bh_reply_reader_error says what, and the reader is of
 * no use until the next reset.
 */
enum bh_status bh_reply_reader_next(struct bh_reply_reader *reader,
                                    struct redisReply **ret_reply) BH_MUST_CHECK;

/* Valid until the next call. */
const char *bh_reply_reader_error(const struct bh_reply_reader *reader);

/* NULL is fine. */
void bh_redis_reply_free(struct redisReply *reply);

#endif
