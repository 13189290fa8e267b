/*
 * refusal - what an error reply asks of the connection that it came on.
 */
#ifndef BH_REDIS_REFUSAL_H
#define BH_REDIS_REFUSAL_H

#include "core/redis_error.h"
#include "redis/connection.h"

/*
 * The row of core/redis_error.h for an error reply; one of class RECONNECT has the connection dropped and made anew.
 * NULL: no error reply (NULL is none).  Only inside on_reply.
 */
const struct bh_redis_error *bh_redis_refusal(struct bh_redis_connection *connection,
                                              const struct redisReply *reply);

/* A refusal's text, cut, with its NUL. */
#define BH_REDIS_REFUSAL_TEXT 160

/*
 * What a reply to one of our scripts says before anybody looks inside.  BH_OK: it is no error.  BH_EDOWN: Redis is away,
 * or takes nothing just now, and the same may be asked again.  BH_EIO: Redis refuses it.
 * An error's words go to `text`, which is left as it is otherwise.  Only inside on_reply.
 */
enum bh_status bh_redis_judge(struct bh_redis_connection *connection,
                              const struct redisReply *reply, char text[BH_REDIS_REFUSAL_TEXT]);

#endif
