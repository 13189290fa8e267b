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

#endif
