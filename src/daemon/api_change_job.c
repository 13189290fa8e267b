#include <stdio.h>

#include "daemon/api_internal.h"
#include "redis/resolve.h"
#include "redis/steer.h"

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

static const char *
done_text(const struct bh_api_task *task, enum bh_steer_code code)
{
    bool retry = task->route.kind == BH_API_JOB_RETRY;
    switch (code) {
    case BH_STEERED_DONE: return retry ? "it is tried within seconds" : "it is cancelled";
    case BH_STEERED_ALREADY: return retry ? "it is about to be tried" : "it was cancelled already";
    case BH_STEERED_UNKNOWN:
        return "it is not sent again; whether it was sent before is not known, and waits for your "
               "word: resolve";
    case BH_STEERED_LEFT:
        return "it is in a worker's hand, or no worker has seen it yet: it ends before it would be "
               "sent the next time";
    case BH_STEERED_NONE:
    case BH_STEERED_IN_HAND:
    case BH_STEERED_STATE:
    case BH_STEERED_GONE:
    case BH_STEERED_UNCERTAIN:
    case BH_STEERED_PARTLY:
    case BH_STEERED_HELD:
    case BH_STEERED_EARLY:
    case BH_STEERED_TAKEN: break;
    }
    return NULL;
}

static const char *
refusal_text(enum bh_steer_code code)
{
    switch (code) {
    case BH_STEERED_NONE: return not_known;
    case BH_STEERED_IN_HAND: return "a worker has it in hand right now; try again in a moment";
    case BH_STEERED_STATE:
        return "its state does not allow it: it has ended, or waits for its delay";
    case BH_STEERED_GONE: return "its text is no longer kept";
    case BH_STEERED_UNCERTAIN:
        return "whether it was sent is not known, so it cannot be hurried: resolve it";
    case BH_STEERED_PARTLY: return "some of its recipients were reached, and would get it again";
    case BH_STEERED_HELD: return "an operator holds it: it has to be released first";
    case BH_STEERED_EARLY: return "no worker has read it yet";
    case BH_STEERED_TAKEN: return "it ended long ago, and another job has its id by now";
    case BH_STEERED_DONE:
    case BH_STEERED_ALREADY:
    case BH_STEERED_UNKNOWN:
    case BH_STEERED_LEFT: break;
    }
    return "";
}

static void
steer_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_steered steered;
    struct bh_str line;
    if (bh_decode_steer(task->slots[0].reply, 1, &steered, &line) != BH_OK) {
        bh_api_answer_nonsense(answer);
        return;
    }
    const char *done = done_text(task, steered.code);
    if (done != NULL)
        bh_api_answer_done(task, steered.code != BH_STEERED_ALREADY, done, answer);
    else
        bh_api_answer_not_done(task, steered.code == BH_STEERED_NONE ? 404 : 409,
                               refusal_text(steered.code), answer);
}

void
bh_api_ask_steer(struct bh_api_task *task)
{
    struct bh_call call;
    const struct bh_config *config = task->api->config;
    const struct bh_steer_job job = {.id = task->route.id};
    const struct bh_steer steer = {
        .operation = task->route.kind == BH_API_JOB_RETRY ? BH_STEER_RETRY : BH_STEER_CANCEL,
        .who = bh_str_from(task->who),
        .retention_ms = config->status.retention_ms,
        .events_cap = (uint32_t)config->status.events_max,
        .jobs = &job,
        .count = 1,
    };
    bh_call_init(&call, BH_SCRIPT_STEER);
    bh_encode_steer(&call, &task->keys, &steer);
    task->next = steer_came;
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
        .tracking =
            bh_tracking_of(config, bh_config_queue_get(config, bh_str_from(task->route.queue))),
    };
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &task->keys, &resolve);
    task->next = resolve_came;
    bh_api_ask_script(task, &call);
}
