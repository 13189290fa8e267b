#include "redis/script_call.h"

#include "redis/reply_view.h"

static void call_on_reply(void *arg, const struct redisReply *reply, const char *error_text);

bool
bh_script_is_unknown(const struct redisReply *reply)
{
    struct bh_str text;
    return bh_reply_error(reply, &text) && bh_redis_error_find(text)->class == BH_REDIS_LOAD_SCRIPT;
}

enum bh_status
bh_script_load(struct bh_redis_connection *connection, enum bh_script_id script,
               bh_redis_on_reply *on_reply, void *arg)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("SCRIPT"), BH_STR_LITERAL("LOAD"),
                                  bh_scripts[script].text};
    return bh_redis_connection_send(connection, BH_ARRAY_LEN(argv), argv, 0, on_reply, arg);
}

enum bh_status
bh_script_send(struct bh_redis_connection *connection, struct bh_call *call,
               bh_redis_on_reply *on_reply, void *arg)
{
    const struct bh_str *argv;
    size_t argc;
    enum bh_status status = bh_call_argv(call, &argv, &argc);
    if (status == BH_OK)
        status = bh_redis_connection_send(connection, argc, argv, 0, on_reply, arg);
    return status;
}

static void
load_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)arg;
    (void)reply;
    (void)error_text;
}

bool
bh_script_teach(struct bh_redis_connection *connection, enum bh_script_id script,
                const struct redisReply *reply, bool *taught, bh_redis_on_reply *on_load, void *arg)
{
    if (*taught || !bh_script_is_unknown(reply) ||
        bh_script_load(connection, script, on_load != NULL ? on_load : load_on_reply, arg) != BH_OK)
        return false;
    *taught = true;
    return true;
}

/* ---- a call that does it all --------------------------------------------------------------------- */

struct bh_call *
bh_script_call_begin(struct bh_script_call *call, struct bh_redis_connection *connection,
                     enum bh_script_id script)
{
    bh_script_call_release(call);
    call->connection = connection;
    call->taught = false;
    bh_call_init(&call->call, script);
    return &call->call;
}

enum bh_status
bh_script_call_send(struct bh_script_call *call, bh_redis_on_reply *on_reply, void *arg)
{
    call->on_reply = on_reply;
    call->arg = arg;
    return bh_script_send(call->connection, &call->call, call_on_reply, call);
}

static void
call_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_script_call *call = arg;
    if (bh_script_teach(call->connection, call->call.script, reply, &call->taught, NULL, NULL) &&
        bh_script_send(call->connection, &call->call, call_on_reply, call) == BH_OK)
        return;
    call->on_reply(call->arg, reply, error_text); /* perhaps the end of the call */
}

void
bh_script_call_release(struct bh_script_call *call)
{
    bh_call_release(&call->call);
}
