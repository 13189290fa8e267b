/*
 * reply_view - look into a reply of Redis without trusting its shape.
 */
#ifndef BH_REDIS_REPLY_VIEW_H
#define BH_REDIS_REPLY_VIEW_H

#include "core/base.h"
#include "core/str.h"

struct redisReply;

/* The number of elements; 0 for anything that is not an array, NULL included. */
size_t bh_reply_count(const struct redisReply *reply);

bool bh_reply_is_array(const struct redisReply *reply);

/* The element `at` itself; NULL: there is none. */
const struct redisReply *bh_reply_at(const struct redisReply *reply, size_t at);

/* The element `at` when it is an integer within [min, max]. */
bool bh_reply_int(const struct redisReply *reply, size_t at, int64_t min, int64_t max,
                  int64_t *ret_value);

/* The element `at` when it is a string; the view borrows from the reply. */
bool bh_reply_str(const struct redisReply *reply, size_t at, struct bh_str *ret_view);

/* The element `at` when it is a string that is a decimal number: a score, a field of a hash. */
bool bh_reply_number(const struct redisReply *reply, size_t at, int64_t *ret_number);

/* The whole reply, when it is an integer within [min, max]. */
bool bh_reply_is_int(const struct redisReply *reply, int64_t min, int64_t max, int64_t *ret_value);

/* The words of an error reply; false for other replies. */
bool bh_reply_error(const struct redisReply *reply, struct bh_str *ret_text);

#endif
