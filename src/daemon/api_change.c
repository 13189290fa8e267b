#include <stdio.h>
#include <string.h>

#include "daemon/api_internal.h"
#include "daemon/log.h"
#include "redis/queue_view.h"
#include "redis/reply_view.h"
#include "redis/resolve.h"

#define BODY_MAX ((size_t)4096)

/* ---- what is asked for ---- */

static bool
take_reason(struct bh_api_task *task, const struct bh_json_value *value)
{
    struct bh_str text;
    if (value == NULL)
        return true;
    if (!bh_json_string(value, &text) || text.len > BH_API_REASON_MAX)
        return false;
    memcpy(task->reason, text.ptr, text.len);
    task->reason[text.len] = '\0';
    return true;
}

static bool
take_word(struct bh_api_task *task, const struct bh_json_value *value)
{
    struct bh_str text;
    enum bh_resolve_word word;
    if (!bh_json_string(value, &text) || !bh_resolve_word_from_name(text.ptr, &word))
        return false;
    task->word = (int)word;
    return true;
}

bool
bh_api_read_change(const struct bh_http_request *request, const struct bh_api_route *route,
                   struct bh_api_task *ret_task, struct bh_http_answer *ret_answer)
{
    struct bh_json *json;
    struct bh_error error = {"", ""};
    const char *why = NULL;
    if (bh_json_parse(request->body, BODY_MAX, BH_JSON_STRICT, &json, &error) != BH_OK) {
        bh_api_refuse(ret_answer, 400, error.text);
        return false;
    }
    const struct bh_json_value *root = bh_json_root(json);
    if (bh_json_type(root) != BH_JSON_OBJECT)
        why = "an object is wanted, at least {}";
    else if (!take_reason(ret_task, bh_json_get(root, "reason")))
        why = "reason: a text of at most 120 bytes is wanted";
    else if (route->kind == BH_API_JOB_RESOLVE && !take_word(ret_task, bh_json_get(root, "word")))
        why = "word: sent, failed or resend is wanted";
    if (why != NULL)
        bh_api_refuse(ret_answer, 400, why);
    bh_json_free(json);
    return why == NULL;
}

/* ---- what became of it ---- */

static const char *
name_of(enum bh_api_kind kind)
{
    switch (kind) {
    case BH_API_QUEUE_PAUSE: return "queue pause";
    case BH_API_QUEUE_RESUME: return "queue resume";
    case BH_API_ACCOUNT_PAUSE: return "account pause";
    case BH_API_ACCOUNT_RESUME: return "account resume";
    case BH_API_JOB_RETRY: return "retry";
    case BH_API_JOB_CANCEL: return "cancel";
    case BH_API_JOB_RESOLVE: return "resolve";
    case BH_API_NONE:
    case BH_API_NOT_FOUND:
    case BH_API_NOT_ALLOWED:
    case BH_API_BAD:
    case BH_API_PAGE:
    case BH_API_SCRIPT:
    case BH_API_STYLE:
    case BH_API_ICON:
    case BH_API_OVERVIEW:
    case BH_API_HISTORY:
    case BH_API_SHAPE:
    case BH_API_JOBS:
    case BH_API_JOB: break;
    }
    return "";
}

static void
tell(const struct bh_api_task *task, const char *result)
{
    const struct bh_log_field fields[] = {
        bh_log_text("what", name_of(task->route.kind)),
        bh_log_text("queue", task->route.queue),
        bh_log_text("id", task->route.id),
        bh_log_text("who", task->who),
        bh_log_text("result", result),
        bh_log_text("reason", task->reason),
    };
    bh_log_write(BH_LOG_INFO, "operator", fields, BH_ARRAY_LEN(fields),
                 "the administrator asked for a change");
}

void
bh_api_answer_done(const struct bh_api_task *task, bool done, const char *text,
                   struct bh_http_answer *answer)
{
    struct bh_json_writer writer;
    tell(task, text);
    answer->status = 200;
    answer->content_type = "application/json";
    bh_json_writer_init(&writer, &answer->body);
    bh_json_open_object(&writer, NULL);
    bh_json_put_bool(&writer, "done", done);
    bh_json_put_text(&writer, "text", text);
    bh_json_close_object(&writer);
}

/* 404 or 409 with a sentence. */
void
bh_api_answer_not_done(const struct bh_api_task *task, unsigned status, const char *text,
                       struct bh_http_answer *answer)
{
    tell(task, text);
    bh_api_refuse(answer, status, text);
}

void
bh_api_answer_nonsense(struct bh_http_answer *answer)
{
    bh_api_refuse(answer, 502, "Redis answered what no script of ours does");
}

/* ---- queues ---- */

static void
control_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_queue_control control;
    bool pause = task->route.kind == BH_API_QUEUE_PAUSE;
    if (bh_decode_control(task->slots[0].reply, &control) != BH_OK)
        bh_api_answer_nonsense(answer);
    else if (control.changed)
        bh_api_answer_done(task, true, pause ? "the queue is paused" : "the queue goes on", answer);
    else
        bh_api_answer_done(task, false,
                           pause ? "the queue was paused already" : "the queue was not paused",
                           answer);
}

static void
ask_control(struct bh_api_task *task)
{
    struct bh_call call;
    struct bh_str who = bh_str_from(task->who), reason = bh_str_from(task->reason);
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    if (task->route.kind == BH_API_QUEUE_PAUSE)
        bh_encode_queue_pause(&call, &task->keys, who, reason);
    else
        bh_encode_queue_resume(&call, &task->keys, who, reason);
    task->next = control_came;
    bh_api_ask_script(task, &call);
}

/* ---- the account ---- */

static void
account_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    bool done;
    bh_ms wait_ms;
    bool pause = task->route.kind == BH_API_ACCOUNT_PAUSE;
    if (bh_decode_account_done(task->slots[0].reply, &done, &wait_ms) != BH_OK)
        bh_api_answer_nonsense(answer);
    else if (done)
        bh_api_answer_done(task, true,
                           pause ? "the account is paused for all workers"
                                 : "the account is open, and all workers go on",
                           answer);
    else
        bh_api_answer_done(
            task, false, pause ? "the account was paused already" : "the account was open already",
            answer);
}

static void
ask_account(struct bh_api_task *task)
{
    struct bh_call call;
    struct bh_str who = bh_str_from(task->who), reason = bh_str_from(task->reason);
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    if (task->route.kind == BH_API_ACCOUNT_PAUSE)
        bh_encode_operator_pause(&call, &task->api->account_keys, who, reason);
    else
        bh_encode_operator_resume(&call, &task->api->account_keys, who, reason);
    task->next = account_came;
    bh_api_ask_script(task, &call);
}

void
bh_api_begin_change(struct bh_api_task *task)
{
    switch (task->route.kind) {
    case BH_API_QUEUE_PAUSE:
    case BH_API_QUEUE_RESUME: ask_control(task); break;
    case BH_API_ACCOUNT_PAUSE:
    case BH_API_ACCOUNT_RESUME: ask_account(task); break;
    case BH_API_JOB_RETRY:
    case BH_API_JOB_CANCEL: bh_api_ask_steer(task); break;
    case BH_API_JOB_RESOLVE: bh_api_ask_resolve(task); break;
    case BH_API_NONE:
    case BH_API_NOT_FOUND:
    case BH_API_NOT_ALLOWED:
    case BH_API_BAD:
    case BH_API_PAGE:
    case BH_API_SCRIPT:
    case BH_API_STYLE:
    case BH_API_ICON:
    case BH_API_OVERVIEW:
    case BH_API_HISTORY:
    case BH_API_SHAPE:
    case BH_API_JOBS:
    case BH_API_JOB: BH_ASSERT(false && "not a change");
    }
}
