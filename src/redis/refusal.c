#include "redis/refusal.h"

#include "redis/reply_view.h"

const struct bh_redis_error *
bh_redis_refusal(struct bh_redis_connection *connection, const struct redisReply *reply)
{
    struct bh_str text;
    if (!bh_reply_error(reply, &text))
        return NULL;
    const struct bh_redis_error *row = bh_redis_error_find(text);
    if (row->class == BH_REDIS_RECONNECT)
        bh_redis_connection_reconnect(connection, row, row->word);
    return row;
}
