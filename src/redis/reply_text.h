/*
 * reply_text - a reply that is one string; reply_view.h looks into arrays.
 */
#ifndef BH_REDIS_REPLY_TEXT_H
#define BH_REDIS_REPLY_TEXT_H

#include "core/base.h"
#include "core/str.h"

struct redisReply;

/* The reply itself when it is a string; the view borrows from it.  False for anything else, NULL included. */
bool bh_reply_text(const struct redisReply *reply, struct bh_str *ret_text);

#endif
