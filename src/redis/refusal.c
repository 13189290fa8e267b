#include "redis/refusal.h"

#include <stdio.h>

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

enum bh_status
bh_redis_judge(struct bh_redis_connection *connection, const struct redisReply *reply,
               char text[BH_REDIS_REFUSAL_TEXT])
{
    struct bh_str words;
    if (reply == NULL)
        return BH_EDOWN;
    const struct bh_redis_error *row = bh_redis_refusal(connection, reply);
    if (row == NULL)
        return BH_OK;
    if (bh_reply_error(reply, &words))
        (void)snprintf(text, BH_REDIS_REFUSAL_TEXT, "%.*s",
                       (int)(words.len < 150 ? words.len : 150), words.ptr);
    return row->class == BH_REDIS_RECONNECT || row->class == BH_REDIS_WAIT ? BH_EDOWN : BH_EIO;
}
