#include "redis/reply_text.h"

#include <hiredis/hiredis.h>

bool
bh_reply_text(const struct redisReply *reply, struct bh_str *ret_text)
{
    if (reply == NULL || reply->type != REDIS_REPLY_STRING)
        return false;
    *ret_text = (struct bh_str){reply->str, (size_t)reply->len};
    return true;
}
