#include "redis/sync.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "redis/reply_reader.h"

struct bh_redis_sync {
    uv_loop_t loop;
    struct bh_redis_connection conn;
    bool down; /* an attempt or a connection has ended since this was last cleared */
    bool closed;
    char reason[512]; /* why */
};

/* One call on its way. */
struct call {
    struct bh_redis_sync *sync;
    struct redisReply *reply; /* owned */
    bool over;
};

static void
connection_on_down(void *arg, const struct bh_redis_down *down)
{
    struct bh_redis_sync *sync = arg;
    sync->down = true;
    snprintf(sync->reason, sizeof(sync->reason), "%s", down->reason);
}

static void
connection_on_closed(void *arg)
{
    struct bh_redis_sync *sync = arg;
    sync->closed = true;
}

static void
call_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)error_text; /* on_down tells the same */
    struct call *call = arg;
    call->over = true;
    if (reply != NULL)
        call->reply = bh_redis_connection_take_reply(&call->sync->conn);
}

/* Run the loop until the connection is READY or an attempt at it has failed. */
static enum bh_status
wait_until_ready(struct bh_redis_sync *sync, struct bh_error *error)
{
    /* See what happened since the last call before anything is sent into a dead connection. */
    uv_run(&sync->loop, UV_RUN_NOWAIT);
    sync->down = false;
    while (bh_redis_connection_state(&sync->conn) != BH_REDIS_READY && !sync->down)
        uv_run(&sync->loop, UV_RUN_ONCE);
    if (!sync->down)
        return BH_OK;
    (void)bh_error_set(error, "url", "no connection to Redis: %s", sync->reason);
    return BH_EDOWN;
}

static enum bh_status
init_loop_and_connection(struct bh_redis_sync *sync, const struct bh_redis_options *options,
                         struct bh_error *error)
{
    struct bh_redis_listener listener = {
        .on_down = connection_on_down, .on_closed = connection_on_closed, .arg = sync};
    if (uv_loop_init(&sync->loop) != 0)
        return BH_ENOMEM;
    enum bh_status status =
        bh_redis_connection_init(&sync->conn, &sync->loop, options, &listener, error);
    if (status != BH_OK)
        BH_ASSERT(uv_loop_close(&sync->loop) == 0);
    return status;
}

enum bh_status
bh_redis_sync_open(const struct bh_redis_options *options, struct bh_redis_sync **ret_sync,
                   struct bh_error *ret_error)
{
    struct bh_redis_sync *sync = bh_alloc_zero(sizeof(*sync));
    if (sync == NULL)
        return BH_ENOMEM;
    enum bh_status status = init_loop_and_connection(sync, options, ret_error);
    if (status != BH_OK) {
        bh_free(sync);
        return status;
    }
    bh_redis_connection_start(&sync->conn);
    status = wait_until_ready(sync, ret_error);
    if (status != BH_OK) {
        bh_redis_sync_close(sync);
        return status;
    }
    *ret_sync = sync;
    return BH_OK;
}

/* Send them all; those that were sent are waited for, whatever happens. */
static enum bh_status
send_and_wait(struct bh_redis_sync *sync, struct call *calls,
              const struct bh_redis_sync_command *commands, size_t count, bh_ms timeout_ms)
{
    enum bh_status status = BH_OK;
    size_t sent = 0;
    while (sent < count && status == BH_OK) {
        calls[sent] = (struct call){.sync = sync};
        status = bh_redis_connection_send(&sync->conn, commands[sent].argc, commands[sent].argv,
                                          timeout_ms, call_on_reply, &calls[sent]);
        if (status == BH_OK)
            sent++;
    }
    for (size_t i = 0; i < sent; i++) {
        while (!calls[i].over)
            uv_run(&sync->loop, UV_RUN_ONCE);
    }
    for (size_t i = sent; i < count; i++)
        calls[i] = (struct call){.sync = sync, .over = true};
    return status;
}

enum bh_status
bh_redis_sync_calls(struct bh_redis_sync *sync, const struct bh_redis_sync_command *commands,
                    size_t count, bh_ms timeout_ms, struct redisReply **ret_replies,
                    struct bh_error *ret_error)
{
    struct call calls[BH_REDIS_SYNC_COMMANDS_MAX];
    BH_ASSERT(count <= BH_REDIS_SYNC_COMMANDS_MAX);
    enum bh_status status = wait_until_ready(sync, ret_error);
    if (status != BH_OK)
        return status;
    status = send_and_wait(sync, calls, commands, count, timeout_ms);
    if (status != BH_OK)
        (void)bh_error_set(ret_error, NULL, "the command cannot be sent: %s",
                           bh_status_name(status));
    bool lost = false;
    for (size_t i = 0; i < count; i++)
        lost = lost || calls[i].reply == NULL;
    if (status == BH_OK && lost) {
        (void)bh_error_set(
            ret_error, NULL,
            "the connection to Redis was lost before the reply came, the command may "
            "or may not have been executed: %s",
            sync->reason);
        status = BH_EDOWN;
    }
    for (size_t i = 0; i < count; i++) {
        if (status == BH_OK)
            ret_replies[i] = calls[i].reply;
        else
            bh_redis_reply_free(calls[i].reply);
    }
    return status;
}

enum bh_status
bh_redis_sync_call(struct bh_redis_sync *sync, size_t argc, const struct bh_str *argv,
                   bh_ms timeout_ms, struct redisReply **ret_reply, struct bh_error *ret_error)
{
    const struct bh_redis_sync_command command = {argc, argv};
    return bh_redis_sync_calls(sync, &command, 1, timeout_ms, ret_reply, ret_error);
}

struct surveying {
    struct bh_redis_survey *survey;
    bool done;
};

static void
survey_on_done(void *arg, const struct bh_redis_survey *survey)
{
    struct surveying *surveying = arg;
    *surveying->survey = *survey;
    surveying->done = true;
}

enum bh_status
bh_redis_sync_survey(struct bh_redis_sync *sync, const struct bh_queue_keys *queue,
                     const struct bh_account_keys *account, struct bh_redis_survey *ret_survey,
                     struct bh_error *ret_error)
{
    struct bh_redis_survey survey;
    struct surveying surveying = {.survey = &survey};
    const struct bh_survey_options options = {
        .connection = &sync->conn,
        .queue = queue,
        .account = account,
        .on_done = survey_on_done,
        .arg = &surveying,
    };
    enum bh_status status = wait_until_ready(sync, ret_error);
    if (status == BH_OK)
        status = bh_survey_start(&options);
    if (status != BH_OK)
        return status;
    /* A lost connection answers everything that is open before it is told: then nothing calls us any more. */
    while (!surveying.done && !sync->down)
        uv_run(&sync->loop, UV_RUN_ONCE);
    if (!surveying.done) {
        (void)bh_error_set(ret_error, "url", "the connection to Redis was lost: %s", sync->reason);
        return BH_EDOWN;
    }
    *ret_survey = survey;
    return BH_OK;
}

void
bh_redis_sync_close(struct bh_redis_sync *sync)
{
    if (sync == NULL)
        return;
    bh_redis_connection_stop(&sync->conn);
    while (!sync->closed)
        uv_run(&sync->loop, UV_RUN_ONCE);
    bh_redis_connection_release(&sync->conn);
    BH_ASSERT(uv_loop_close(&sync->loop) == 0);
    bh_free(sync);
}
