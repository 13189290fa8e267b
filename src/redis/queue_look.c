#include "redis/queue_look.h"

#include <stdio.h>

#include "core/alloc.h"

struct look {
    char name[BH_QUEUE_NAME_MAX + 1];
    bh_queue_on_look *on_look;
    void *arg;
};

static void
look_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct look *look = arg;
    struct bh_queue_view view;
    (void)error_text;
    bool read = reply != NULL && bh_decode_inspect(reply, &view) == BH_OK;
    look->on_look(look->arg, look->name, read ? &view : NULL);
    bh_free(look);
}

/* With its text, not its digest: this is asked rarely, and Redis may have forgotten the script. */
static enum bh_status
send_look(struct bh_redis_connection *connection, struct bh_call *call, struct look *look)
{
    const struct bh_str *argv;
    size_t argc;
    enum bh_status status = bh_call_eval_argv(call, &argv, &argc);
    if (status == BH_OK)
        status = bh_redis_connection_send(connection, argc, argv, 0, look_on_reply, look);
    return status;
}

enum bh_status
bh_queue_look(struct bh_redis_connection *connection, const char *prefix, const char *name,
              bh_queue_on_look *on_look, void *arg)
{
    struct bh_queue_keys keys;
    struct bh_call call;
    enum bh_status status = bh_queue_keys_init(&keys, prefix, name);
    if (status != BH_OK)
        return status;
    struct look *look = bh_alloc_zero(sizeof(*look));
    if (look == NULL)
        return BH_ENOMEM;
    (void)snprintf(look->name, sizeof(look->name), "%s", name);
    look->on_look = on_look;
    look->arg = arg;
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, &keys);
    status = send_look(connection, &call, look);
    bh_call_release(&call);
    if (status != BH_OK)
        bh_free(look);
    return status;
}
