#include <stdio.h>

#include "daemon/api_internal.h"
#include "redis/change.h"
#include "redis/resolve.h"

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

/* ---- retry and cancel ---- */

static void
change_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_changed changed;
    char text[160];
    bool retry = task->route.kind == BH_API_JOB_RETRY;
    if (bh_decode_change(task->slots[0].reply, &changed) != BH_OK) {
        bh_api_answer_nonsense(answer);
        return;
    }
    switch (changed.code) {
    case BH_CHANGED_DONE:
        if (retry)
            bh_api_answer_done(task, true, "it is tried within seconds", answer);
        else if (bh_str_equal_text(changed.after, "unknown"))
            bh_api_answer_done(
                task, true,
                "it is not sent again; whether it was sent before is not known, and waits "
                "for your word: resolve",
                answer);
        else
            bh_api_answer_done(task, true, "it is cancelled", answer);
        break;
    case BH_CHANGED_NONE: bh_api_answer_not_done(task, 404, not_known, answer); break;
    case BH_CHANGED_LEASED:
        bh_api_answer_not_done(task, 409, leased_text(changed.wait_ms, text, sizeof(text)), answer);
        break;
    case BH_CHANGED_ENDED: bh_api_answer_not_done(task, 409, "it has ended already", answer); break;
    case BH_CHANGED_ALREADY:
        bh_api_answer_done(task, false,
                           retry ? "it is about to be tried" : "it was cancelled already", answer);
        break;
    case BH_CHANGED_APART:
        bh_api_answer_not_done(
            task, 409,
            "it waits for its own delay, or for what becomes of a request whose answer "
            "was lost, and cannot be hurried",
            answer);
        break;
    }
}

void
bh_api_ask_change(struct bh_api_task *task)
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

/* ---- resolve ---- */

static void
resolve_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_resolved resolved;
    char text[160];
    if (bh_decode_resolve(task->slots[0].reply, &resolved) != BH_OK) {
        bh_api_answer_nonsense(answer);
        return;
    }
    switch (resolved.code) {
    case BH_RESOLVED_DONE:
        (void)snprintf(text, sizeof(text), "it is %.*s now, by your word",
                       BH_STR_ARGS(resolved.after));
        bh_api_answer_done(task, true, text, answer);
        break;
    case BH_RESOLVED_NONE: bh_api_answer_not_done(task, 404, not_known, answer); break;
    case BH_RESOLVED_CERTAIN:
        (void)snprintf(text, sizeof(text), "it is %.*s, not uncertain: there is nothing to resolve",
                       (int)(resolved.before.len < 40 ? resolved.before.len : 40),
                       resolved.before.ptr);
        bh_api_answer_not_done(task, 409, text, answer);
        break;
    case BH_RESOLVED_LEASED:
        bh_api_answer_not_done(task, 409, leased_text(resolved.wait_ms, text, sizeof(text)),
                               answer);
        break;
    case BH_RESOLVED_ALREADY: bh_api_answer_done(task, false, "it is so already", answer); break;
    case BH_RESOLVED_GONE:
        bh_api_answer_not_done(
            task, 409,
            "it cannot be sent again: its text is no longer kept; send it as a new job, "
            "and resolve this one as sent or failed",
            answer);
        break;
    case BH_RESOLVED_EXPIRED:
        bh_api_answer_not_done(
            task, 409,
            "it would only expire: its ttl has run out; send it as a new job if it is "
            "still wanted, and resolve this one as sent or failed",
            answer);
        break;
    case BH_RESOLVED_SEVERAL:
        bh_api_answer_not_done(
            task, 409,
            "it cannot end as sent: it was not sent to all of its recipients yet, and "
            "the others still wait",
            answer);
        break;
    }
}

void
bh_api_ask_resolve(struct bh_api_task *task)
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
