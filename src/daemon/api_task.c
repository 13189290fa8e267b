#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "daemon/api_internal.h"
#include "daemon/clock.h"
#include "redis/refusal.h"
#include "redis/reply_reader.h"

#define AGAIN_S 1 /* when who came at a bad time may come again */

static void
task_free(struct bh_api_task *task)
{
    task->api->tasks--;
    for (size_t i = 0; i < task->asked; i++) {
        if (task->slots[i].reply != NULL)
            bh_redis_reply_free(task->slots[i].reply);
    }
    bh_free(task);
}

static void
refuse_lost(const struct bh_api_task *task, struct bh_http_answer *answer)
{
    char text[256];
    bool change = bh_api_is_change(task->route.kind) && task->asked > 0;
    (void)snprintf(text, sizeof(text), "Redis gave no answer (%s)%s", task->trouble,
                   change ? "; whether it was done is not known: look before you ask again" : "");
    bh_api_refuse(answer, 503, text);
    answer->retry_after_s = AGAIN_S;
}

/* Answered, or asked on. */
static void
go_on(struct bh_api_task *task)
{
    struct bh_api *api = task->api;
    struct bh_http_answer answer = {.status = 0};
    bh_buf_init(&answer.body, BH_HTTP_ANSWER_MAX);
    if (!task->lost)
        task->next(task, &answer);
    if (task->awaited > 0) {
        bh_buf_release(&answer.body);
        return;
    }
    if (task->lost)
        refuse_lost(task, &answer);
    if (bh_buf_status(&answer.body) != BH_OK) {
        bh_buf_clear(&answer.body);
        bh_api_refuse(&answer, 500, "short of memory");
    }
    api->options.on_answer(api->options.arg, task->ticket, &answer);
    task_free(task);
}

static void
lose(struct bh_api_task *task, const char *why)
{
    task->lost = true;
    (void)snprintf(task->trouble, sizeof(task->trouble), "%.150s", why);
}

static void
slot_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_api_slot *slot = arg;
    struct bh_api_task *task = slot->task;
    const struct bh_redis_error *refusal = NULL;
    task->awaited--;
    if (reply == NULL)
        lose(task, error_text != NULL ? error_text : "not connected");
    else if ((refusal = bh_redis_refusal(&task->api->connection, reply)) != NULL)
        lose(task, refusal->word);
    else
        slot->reply = bh_redis_connection_take_reply(&task->api->connection);
    if (task->awaited == 0)
        go_on(task);
}

void
bh_api_ask(struct bh_api_task *task, size_t argc, const struct bh_str *argv)
{
    BH_ASSERT(task->asked < BH_API_REPLIES);
    struct bh_api_slot *slot = &task->slots[task->asked];
    slot->task = task;
    if (bh_redis_connection_send(&task->api->connection, argc, argv, 0, slot_on_reply, slot) !=
        BH_OK) {
        lose(task, "not connected");
        return;
    }
    task->asked++;
    task->awaited++;
}

/* With the script's text: these are asked rarely, and Redis may have forgotten the script. */
void
bh_api_ask_script(struct bh_api_task *task, struct bh_call *call)
{
    const struct bh_str *argv;
    size_t argc;
    if (bh_call_eval_argv(call, &argv, &argc) == BH_OK)
        bh_api_ask(task, argc, argv);
    else
        lose(task, "short of memory");
    bh_call_release(call);
}

/* Not more than so many at a time, and so many per second; strangers leave half of it to the administrator. */
static bool
has_room(struct bh_api *api, bool admin)
{
    unsigned share = admin ? 1 : 2;
    int64_t second = bh_clock_mono().ms / BH_SECOND_MS;
    if (second != api->second) {
        api->second = second;
        api->begun_in_second = 0;
    }
    if (api->stopping || api->tasks >= BH_API_TASKS_MAX / share ||
        api->begun_in_second >= BH_API_TASKS_PER_S / share)
        return false;
    api->begun_in_second++;
    return true;
}

void
bh_api_task_begin(struct bh_api *api, const struct bh_http_request *request,
                  const struct bh_api_route *route, bool admin,
                  void (*begin)(struct bh_api_task *task), const struct bh_api_task *more,
                  struct bh_http_answer *ret_answer)
{
    struct bh_api_task *task = has_room(api, admin) ? bh_alloc_zero(sizeof(*task)) : NULL;
    if (task == NULL) {
        bh_api_refuse(ret_answer, 503, "too much is asked at the moment");
        ret_answer->retry_after_s = AGAIN_S;
        return;
    }
    api->tasks++;
    task->api = api;
    task->ticket = request->ticket;
    task->route = *route;
    task->admin = admin;
    task->word = more->word;
    memcpy(task->reason, more->reason, sizeof(task->reason));
    (void)snprintf(task->who, sizeof(task->who), "dashboard %.*s", BH_STR_ARGS(request->address));
    if (route->queue[0] == '\0' ||
        bh_queue_keys_init(&task->keys, api->config->redis.prefix, route->queue) == BH_OK)
        begin(task);
    if (task->awaited > 0) {
        ret_answer->later = true;
        return;
    }
    refuse_lost(task, ret_answer);
    task_free(task);
}
