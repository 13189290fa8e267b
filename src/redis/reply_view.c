#include "redis/reply_view.h"

#include <hiredis/hiredis.h>

size_t
bh_reply_count(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY ? (size_t)reply->elements : 0;
}

const struct redisReply *
bh_reply_at(const struct redisReply *reply, size_t at)
{
    return at < bh_reply_count(reply) ? reply->element[at] : NULL;
}

bool
bh_reply_is_array(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY;
}

bool
bh_reply_int(const struct redisReply *reply, size_t at, int64_t min, int64_t max,
             int64_t *ret_value)
{
    if (at >= bh_reply_count(reply) || reply->element[at]->type != REDIS_REPLY_INTEGER)
        return false;
    int64_t value = reply->element[at]->integer;
    if (value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

bool
bh_reply_str(const struct redisReply *reply, size_t at, struct bh_str *ret_view)
{
    if (at >= bh_reply_count(reply) || reply->element[at]->type != REDIS_REPLY_STRING)
        return false;
    *ret_view = (struct bh_str){reply->element[at]->str, (size_t)reply->element[at]->len};
    return true;
}

bool
bh_reply_number(const struct redisReply *reply, size_t at, int64_t *ret_number)
{
    struct bh_str text;
    return bh_reply_str(reply, at, &text) && bh_str_to_int64(text, ret_number);
}

bool
bh_reply_is_int(const struct redisReply *reply, int64_t min, int64_t max, int64_t *ret_value)
{
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER || reply->integer < min ||
        reply->integer > max)
        return false;
    *ret_value = reply->integer;
    return true;
}

bool
bh_reply_error(const struct redisReply *reply, struct bh_str *ret_text)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
        return false;
    *ret_text = (struct bh_str){reply->str, (size_t)reply->len};
    return true;
}
