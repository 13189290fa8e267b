#include "redis/connection_private.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* A login's NULL reply needs nothing: end_connection is what sends it. */

static void
login_on_auth(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)error_text;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        bh_redis_connection_end_by_reply(arg, reply, BH_REDIS_ALARM, "login refused");
}

static void
login_on_select(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)error_text;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        bh_redis_connection_end_by_reply(arg, reply, BH_REDIS_ALARM, "database refused");
}

/* An error of one command, and not of the server's mood: the user may log in, but not do this. */
static bool
concerns_command_only(const struct redisReply *reply)
{
    const struct bh_redis_error *error = bh_redis_connection_error_of(reply);
    return error->class == BH_REDIS_OTHER || strcmp(error->word, "NOPERM") == 0 ||
           strcmp(error->word, "ERR unknown command") == 0;
}

/* The name is a convenience; a user who may not set it works as well. */
static void
login_on_name(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)error_text;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && !concerns_command_only(reply))
        bh_redis_connection_end_by_reply(arg, reply, BH_REDIS_OTHER, "not ready");
}

/* The last command of the login.  It is there to be refused: a server that still loads accepts the others. */
static void
login_on_ping(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)error_text;
    if (reply == NULL)
        return;
    bool is_error = reply->type == REDIS_REPLY_ERROR;
    bool lacks_right = is_error && strcmp(bh_redis_connection_error_of(reply)->word, "NOPERM") == 0;
    if (is_error && !lacks_right)
        bh_redis_connection_end_by_reply(arg, reply, BH_REDIS_OTHER, "not ready");
    else
        bh_redis_connection_ready(arg);
}

static enum bh_status
submit_login(struct bh_redis_connection *conn, size_t argc, const struct bh_str *argv,
             bh_redis_on_reply *on_reply)
{
    /* The time for the whole attempt covers these. */
    return bh_redis_connection_submit(conn, argc, argv, BH_MONO_NEVER, on_reply, conn);
}

static enum bh_status
submit_auth(struct bh_redis_connection *conn)
{
    const struct bh_redis_url *url = conn->options.url;
    struct bh_str argv[3] = {BH_STR_LITERAL("AUTH")};
    size_t argc = 1;
    if (url->password == NULL)
        return BH_OK;
    if (url->username != NULL)
        argv[argc++] = bh_str_from(url->username);
    argv[argc++] = bh_str_from(url->password);
    return submit_login(conn, argc, argv, login_on_auth);
}

static enum bh_status
submit_select(struct bh_redis_connection *conn)
{
    char db[16];
    snprintf(db, sizeof(db), "%d", conn->options.url->db);
    struct bh_str argv[2] = {BH_STR_LITERAL("SELECT"), bh_str_from(db)};
    return conn->options.url->db != 0 ? submit_login(conn, 2, argv, login_on_select) : BH_OK;
}

static enum bh_status
submit_name(struct bh_redis_connection *conn)
{
    struct bh_str argv[3] = {BH_STR_LITERAL("CLIENT"), BH_STR_LITERAL("SETNAME"),
                             bh_str_from(conn->options.client_name)};
    return conn->options.client_name != NULL ? submit_login(conn, 3, argv, login_on_name) : BH_OK;
}

/* All at once: the first refusal counts, what follows it is not looked at. */
void
bh_redis_connection_log_in(struct bh_redis_connection *conn)
{
    struct bh_str ping = BH_STR_LITERAL("PING");
    enum bh_status status = submit_auth(conn);
    if (status == BH_OK)
        status = submit_select(conn);
    if (status == BH_OK)
        status = submit_name(conn);
    if (status == BH_OK)
        status = submit_login(conn, 1, &ping, login_on_ping);
    if (status != BH_OK)
        bh_redis_connection_end_soon(conn, (struct bh_redis_cause){.class = BH_REDIS_WAIT},
                                     "the login cannot be sent: %s", bh_status_name(status));
}
