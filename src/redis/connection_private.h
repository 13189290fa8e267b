/*
 * connection_private - what the two files of a connection share; nobody else includes it.
 *
 * connection.c keeps it alive, connection_login.c says what is to be said first.
 */
#ifndef BH_REDIS_CONNECTION_PRIVATE_H
#define BH_REDIS_CONNECTION_PRIVATE_H

#include "redis/connection.h"

/* Why a connection is to be ended. */
struct bh_redis_cause {
    enum bh_redis_class class;
    const char *advice; /* NULL: none */
    enum bh_redis_end_by by;
};

/*
 * Every reason to end a connection comes here, and only marks it; the end itself follows at the end of the
 * turn.  So a callback may ask for the end of the very connection that it was called from.
 */
void bh_redis_connection_end_soon(struct bh_redis_connection *conn, struct bh_redis_cause cause,
                                  const char *format, ...) BH_PRINTF(3, 4);

/* The same because of an error reply; `least` replaces the class OTHER. */
void bh_redis_connection_end_by_reply(struct bh_redis_connection *conn,
                                      const struct redisReply *reply, enum bh_redis_class least,
                                      const char *what);

/* The row of an error reply. */
const struct bh_redis_error *bh_redis_connection_error_of(const struct redisReply *reply);

/* Send, whatever the state; fails as bh_redis_connection_send does, BH_EDOWN apart. */
enum bh_status bh_redis_connection_submit(struct bh_redis_connection *conn, size_t argc,
                                          const struct bh_str *argv, struct bh_mono deadline,
                                          bh_redis_on_reply *on_reply, void *arg) BH_MUST_CHECK;

/* The link stands: log in, and call bh_redis_connection_ready or ask for the end. */
void bh_redis_connection_log_in(struct bh_redis_connection *conn);

/* The login has succeeded.  Nothing happens unless CONNECTING. */
void bh_redis_connection_ready(struct bh_redis_connection *conn);

#endif
