/*
 * queue_look - the figures of one queue, asked on somebody's connection without waiting for them.
 */
#ifndef BH_REDIS_QUEUE_LOOK_H
#define BH_REDIS_QUEUE_LOOK_H

#include "redis/connection.h"
#include "redis/queue_view.h"

/* `view` is NULL when Redis gave none; it and `name` are valid until the function returns. */
typedef void bh_queue_on_look(void *arg, const char *name, const struct bh_queue_view *view);

/* Anything but BH_OK: nothing was asked, and nothing follows.  Else on_look follows once, never from within. */
enum bh_status bh_queue_look(struct bh_redis_connection *connection, const char *prefix,
                             const char *name, bh_queue_on_look *on_look, void *arg) BH_MUST_CHECK;

#endif
