#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "daemon/api_internal.h"
#include "daemon/log.h"
#include "redis/change.h"
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
        bh_api_refuse(ret_answer, 400, "the body is no JSON that we take");
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

static void
answer_done(const struct bh_api_task *task, bool done, const char *text,
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
static void
answer_not_done(const struct bh_api_task *task, unsigned status, const char *text,
                struct bh_http_answer *answer)
{
    tell(task, text);
    bh_api_refuse(answer, status, text);
}

static void
answer_nonsense(struct bh_http_answer *answer)
{
    bh_api_refuse(answer, 502, "Redis answered what no script of ours does");
}

static const char not_known[] =
    "it is not known in this queue: no worker has seen it yet, it was never pushed, or it ended "
    "so long ago that its status has been forgotten";

static const char *
leased_text(bh_ms wait_ms, char *text, size_t size)
{
    (void)snprintf(text, size, "a worker has it in hand right now; try again in %lld s",
                   (long long)((wait_ms + BH_SECOND_MS - 1) / BH_SECOND_MS));
    return text;
}

/* ---- queues ---- */

static void
control_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    bool changed;
    bool pause = task->route.kind == BH_API_QUEUE_PAUSE;
    if (bh_decode_control(task->slots[0].reply, &changed) != BH_OK)
        answer_nonsense(answer);
    else if (changed)
        answer_done(task, true, pause ? "the queue is paused" : "the queue goes on", answer);
    else
        answer_done(task, false,
                    pause ? "the queue was paused already" : "the queue was not paused", answer);
}

static void
ask_control(struct bh_api_task *task)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    if (task->route.kind == BH_API_QUEUE_PAUSE)
        bh_encode_queue_pause(&call, &task->keys, bh_str_from(task->reason),
                              bh_str_from(task->who));
    else
        bh_encode_queue_resume(&call, &task->keys);
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
        answer_nonsense(answer);
    else if (done)
        answer_done(task, true,
                    pause ? "the account is paused for all workers"
                          : "the account is open, and all workers go on",
                    answer);
    else
        answer_done(task, false,
                    pause ? "the account was paused already" : "the account was open already",
                    answer);
}

static void
ask_account(struct bh_api_task *task)
{
    struct bh_call call;
    char text[BH_API_REASON_MAX + BH_API_WHO_MAX + 8];
    const struct bh_account_keys *keys = &task->api->account_keys;
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    (void)snprintf(text, sizeof(text), "%s%sby %s", task->reason,
                   task->reason[0] != '\0' ? ", " : "", task->who);
    if (task->route.kind == BH_API_ACCOUNT_PAUSE)
        bh_encode_account_pause(&call, keys, bh_reason_name(BH_REASON_PAUSED), 0, bh_str_from(text),
                                task->api->config->gateway.balance_interval_ms);
    else
        bh_encode_account_resume(&call, keys);
    task->next = account_came;
    bh_api_ask_script(task, &call);
}

/* ---- jobs ---- */

static void
change_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_changed changed;
    char text[160];
    bool retry = task->route.kind == BH_API_JOB_RETRY;
    if (bh_decode_change(task->slots[0].reply, &changed) != BH_OK) {
        answer_nonsense(answer);
        return;
    }
    switch (changed.code) {
    case BH_CHANGED_DONE:
        if (retry)
            answer_done(task, true, "it is tried within seconds", answer);
        else if (bh_str_equal_text(changed.after, "unknown"))
            answer_done(task, true,
                        "it is not sent again; whether it was sent before is not known, and waits "
                        "for your word: resolve",
                        answer);
        else
            answer_done(task, true, "it is cancelled", answer);
        break;
    case BH_CHANGED_NONE: answer_not_done(task, 404, not_known, answer); break;
    case BH_CHANGED_LEASED:
        answer_not_done(task, 409, leased_text(changed.wait_ms, text, sizeof(text)), answer);
        break;
    case BH_CHANGED_ENDED: answer_not_done(task, 409, "it has ended already", answer); break;
    case BH_CHANGED_ALREADY:
        answer_done(task, false, retry ? "it is about to be tried" : "it was cancelled already",
                    answer);
        break;
    case BH_CHANGED_APART:
        answer_not_done(task, 409,
                        "it waits for its own delay, or for what becomes of a request whose answer "
                        "was lost, and cannot be hurried",
                        answer);
        break;
    }
}

static void
ask_change(struct bh_api_task *task)
{
    struct bh_call call;
    const struct bh_config *config = task->api->config;
    const struct bh_change change = {
        .id = task->route.id,
        .word = task->route.kind == BH_API_JOB_RETRY ? BH_CHANGE_RETRY : BH_CHANGE_CANCEL,
        .who = bh_str_from(task->who),
        .retention_ms = config->status.retention_ms,
        .events_cap = (uint32_t)config->status.events_max,
    };
    bh_call_init(&call, BH_SCRIPT_CHANGE);
    bh_encode_change(&call, &task->keys, &change);
    task->next = change_came;
    bh_api_ask_script(task, &call);
}

static void
resolve_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_resolved resolved;
    char text[160];
    if (bh_decode_resolve(task->slots[0].reply, &resolved) != BH_OK) {
        answer_nonsense(answer);
        return;
    }
    switch (resolved.code) {
    case BH_RESOLVED_DONE:
        (void)snprintf(text, sizeof(text), "it is %.*s now, by your word",
                       BH_STR_ARGS(resolved.after));
        answer_done(task, true, text, answer);
        break;
    case BH_RESOLVED_NONE: answer_not_done(task, 404, not_known, answer); break;
    case BH_RESOLVED_CERTAIN:
        (void)snprintf(text, sizeof(text), "it is %.*s, not uncertain: there is nothing to resolve",
                       (int)(resolved.before.len < 40 ? resolved.before.len : 40),
                       resolved.before.ptr);
        answer_not_done(task, 409, text, answer);
        break;
    case BH_RESOLVED_LEASED:
        answer_not_done(task, 409, leased_text(resolved.wait_ms, text, sizeof(text)), answer);
        break;
    case BH_RESOLVED_ALREADY: answer_done(task, false, "it is so already", answer); break;
    case BH_RESOLVED_GONE:
        answer_not_done(
            task, 409,
            "it cannot be sent again: its text is no longer kept; send it as a new job, "
            "and resolve this one as sent or failed",
            answer);
        break;
    case BH_RESOLVED_EXPIRED:
        answer_not_done(task, 409,
                        "it would only expire: its ttl has run out; send it as a new job if it is "
                        "still wanted, and resolve this one as sent or failed",
                        answer);
        break;
    case BH_RESOLVED_SEVERAL:
        answer_not_done(task, 409,
                        "it cannot end as sent: it was not sent to all of its recipients yet, and "
                        "the others still wait",
                        answer);
        break;
    }
}

static void
ask_resolve(struct bh_api_task *task)
{
    struct bh_call call;
    const struct bh_config *config = task->api->config;
    const struct bh_resolve resolve = {
        .id = task->route.id,
        .word = (enum bh_resolve_word)task->word,
        .source = BH_RESOLVE_BY_OPERATOR,
        .who = bh_str_from(task->who),
        .retention_ms = config->status.retention_ms,
        .events_cap = (uint32_t)config->status.events_max,
    };
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &task->keys, &resolve);
    task->next = resolve_came;
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
    case BH_API_JOB_CANCEL: ask_change(task); break;
    case BH_API_JOB_RESOLVE: ask_resolve(task); break;
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
