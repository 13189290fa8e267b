#include "cli/top_act.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/selection.h"
#include "cli/wake.h"
#include "core/alloc.h"
#include "core/fault.h"
#include "redis/job_page.h"
#include "redis/reply_reader.h"
#include "redis/steer.h"

#define HANDLE_MAX 24
#define PAGE       BH_JOB_PAGE_MAX

/* Letters of enum bh_waiting: retried, uncertain, held. */
#define WAITS_FOR_A_TRY "ruh"

/* As the filter of `bellhop retry` would say it. */
#define CHOSEN_BY "by bellhop top: state=retrying,held,uncertain reason!=operator"

/* ---- pause and resume ---- */

static void
control(const struct bh_top_act *act, char note[BH_TOP_NOTE_MAX])
{
    const struct bh_queue_keys *keys = &act->queues->keys[act->queue];
    const char *name = act->queues->names[act->queue];
    bool pause = act->kind == BH_TOP_PAUSE;
    struct bh_str who = bh_str_from(act->who), reason = BH_STR_LITERAL("by bellhop top");
    struct bh_error trouble = {.text = ""};
    struct bh_queue_control answer;
    struct redisReply *reply;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    if (pause)
        bh_encode_queue_pause(&call, keys, who, reason);
    else
        bh_encode_queue_resume(&call, keys, who, reason);
    bool answered = bh_picture_call(act->cli, &call, act->timeout_ms, &reply, &trouble);
    bh_call_release(&call);
    if (!answered) {
        (void)snprintf(note, BH_TOP_NOTE_MAX, "%s was not changed, or nobody knows: %.180s", name,
                       trouble.text);
        return;
    }
    if (bh_decode_control(reply, &answer) != BH_OK)
        (void)snprintf(note, BH_TOP_NOTE_MAX, "Redis' answer about %s cannot be read", name);
    else
        (void)snprintf(note, BH_TOP_NOTE_MAX, "%s %s %s", name,
                       answer.changed ? "is" : "was already", pause ? "paused" : "running");
    bh_redis_reply_free(reply);
    if (!pause)
        bh_wake_workers(act->cli);
}

/* ---- retry ---- */

/* Gathered first and changed afterwards: what is tried and fails meanwhile must not be met again. */
struct waiting {
    char id[BH_JOB_ID_MAX + 1];
    char handle[HANDLE_MAX];
};

struct retry {
    const struct bh_top_act *act;
    struct waiting *jobs; /* owned */
    size_t count, capacity;
    char cursor[BH_JOB_PAGE_CURSOR_MAX];
    char line[BH_STEER_LINE_MAX];
    size_t done, refused;
    bool more;    /* there are more than one command may change */
    bool stopped; /* somebody wants to leave */
    bool failed;  /* `trouble` has a sentence */
    struct bh_error trouble;
};

/* Always false. */
static bool
trouble(struct retry *retry, const char *text)
{
    retry->failed = true;
    return bh_error_set(&retry->trouble, NULL, "%s", text) == BH_OK;
}

static bool
may_go_on(struct retry *retry)
{
    retry->stopped = retry->stopped || !retry->act->go_on(retry->act->arg);
    return !retry->stopped;
}

static bool
add(struct retry *retry, const struct bh_listed_job *listed)
{
    bool ours =
        listed->head.reason != BH_REASON_OPERATOR || listed->head.waiting != BH_WAITING_HELD;
    if (!ours || listed->head.id[0] == '\0' || listed->handle.len >= HANDLE_MAX)
        return true;
    if (retry->count == BH_SELECTION_LIMIT_CHANGE) {
        retry->more = true;
        return true;
    }
    if (retry->count == retry->capacity) {
        size_t capacity = retry->capacity == 0 ? PAGE : 2 * retry->capacity;
        struct waiting *jobs = bh_realloc_array(retry->jobs, capacity, sizeof(*jobs));
        if (jobs == NULL)
            return trouble(retry, "short of memory");
        retry->jobs = jobs;
        retry->capacity = capacity;
    }
    struct waiting *job = &retry->jobs[retry->count++];
    (void)snprintf(job->id, sizeof(job->id), "%s", listed->head.id);
    (void)snprintf(job->handle, sizeof(job->handle), "%.*s", BH_STR_ARGS(listed->handle));
    return true;
}

static bool
take_page(struct retry *retry, const struct redisReply *reply)
{
    struct bh_job_page page;
    struct bh_listed_job listed;
    if (bh_decode_job_page(reply, &page) != BH_OK || page.next.len >= sizeof(retry->cursor))
        return trouble(retry, "its answer cannot be read");
    for (size_t i = 0; i < page.count; i++) {
        if (bh_job_page_get(&page, i, &listed) && !add(retry, &listed))
            return false;
    }
    (void)snprintf(retry->cursor, sizeof(retry->cursor), "%.*s", BH_STR_ARGS(page.next));
    return true;
}

static bool
ask(struct retry *retry, struct bh_call *call, struct redisReply **ret_reply)
{
    bool answered =
        bh_picture_call(retry->act->cli, call, retry->act->timeout_ms, ret_reply, &retry->trouble);
    bh_call_release(call);
    retry->failed = !answered;
    return answered;
}

static bool
gather(struct retry *retry)
{
    do {
        const struct bh_job_page_ask page = {BH_KEY_DUE, bh_str_from(retry->cursor), PAGE,
                                             WAITS_FOR_A_TRY};
        struct redisReply *reply;
        struct bh_call call;
        bh_call_init(&call, BH_SCRIPT_LIST);
        bh_encode_job_page(&call, &retry->act->queues->keys[retry->act->queue], &page);
        if (!may_go_on(retry) || !ask(retry, &call, &reply))
            return false;
        bool taken = take_page(retry, reply);
        bh_redis_reply_free(reply);
        if (!taken)
            return false;
    } while (retry->cursor[0] != '\0' && !retry->more);
    return true;
}

static bool
take_results(struct retry *retry, const struct redisReply *reply, size_t count)
{
    struct bh_steered steered[BH_STEER_MAX];
    struct bh_str line;
    if (bh_decode_steer(reply, count, steered, &line) != BH_OK)
        return trouble(retry, "its answer cannot be read");
    (void)snprintf(retry->line, sizeof(retry->line), "%.*s", BH_STR_ARGS(line));
    for (size_t i = 0; i < count; i++) {
        bool done = steered[i].code == BH_STEERED_DONE || steered[i].code == BH_STEERED_ALREADY;
        retry->done += done;
        retry->refused += !done;
    }
    return true;
}

static bool
change(struct retry *retry, const struct waiting *jobs, size_t count)
{
    const struct bh_top_act *act = retry->act;
    struct bh_steer_job listed[BH_STEER_MAX];
    struct redisReply *reply;
    struct bh_call call;
    for (size_t i = 0; i < count; i++)
        listed[i] = (struct bh_steer_job){jobs[i].id, bh_str_from(jobs[i].handle)};
    const struct bh_steer steer = {
        .operation = BH_STEER_RETRY,
        .who = bh_str_from(act->who),
        .chosen_by = BH_STR_LITERAL(CHOSEN_BY),
        .line = bh_str_from(retry->line),
        .retention_ms = act->cli->config->status.retention_ms,
        .events_cap = (uint32_t)act->cli->config->status.events_max,
        .jobs = listed,
        .count = count,
    };
    bh_call_init(&call, BH_SCRIPT_STEER);
    bh_encode_steer(&call, &act->queues->keys[act->queue], &steer);
    if (!ask(retry, &call, &reply))
        return false;
    bool taken = take_results(retry, reply, count);
    bh_redis_reply_free(reply);
    return taken;
}

static bool
change_all(struct retry *retry)
{
    for (size_t i = 0; i < retry->count; i += BH_STEER_MAX) {
        size_t left = retry->count - i;
        if (!may_go_on(retry) ||
            !change(retry, &retry->jobs[i], left < BH_STEER_MAX ? left : BH_STEER_MAX))
            return false;
    }
    return true;
}

static void
tell_retry(const struct retry *retry, char note[BH_TOP_NOTE_MAX])
{
    const char *name = retry->act->queues->names[retry->act->queue];
    if (retry->failed)
        (void)snprintf(note, BH_TOP_NOTE_MAX,
                       "%s: %zu tried now, of the others nobody knows: %.150s", name, retry->done,
                       retry->trouble.text);
    else if (retry->count == 0)
        (void)snprintf(note, BH_TOP_NOTE_MAX, "%s: no job waits for its next try", name);
    else if (retry->refused > 0 || retry->stopped)
        (void)snprintf(note, BH_TOP_NOTE_MAX, "%s: %zu of %zu tried now, %zu had changed meanwhile",
                       name, retry->done, retry->count, retry->refused);
    else
        (void)snprintf(note, BH_TOP_NOTE_MAX, "%s: %zu job%s tried now%s", name, retry->done,
                       retry->done == 1 ? " is" : "s are", retry->more ? "; there are more" : "");
}

static void
retry_queue(const struct bh_top_act *act, char note[BH_TOP_NOTE_MAX])
{
    struct retry retry = {.act = act, .trouble = {.text = ""}};
    if (gather(&retry))
        (void)change_all(&retry);
    if (retry.done > 0)
        bh_wake_workers(act->cli);
    tell_retry(&retry, note);
    bh_free(retry.jobs);
}

/* ---- for top ---- */

uint64_t
bh_top_act_retryable(const struct bh_picture_queue *queue)
{
    int64_t count = (int64_t)queue->held - (int64_t)bh_picture_held(queue, BH_REASON_OPERATOR) +
                    bh_picture_find(queue, "now:retrying") +
                    bh_picture_find(queue, "now:uncertain");
    return count > 0 ? (uint64_t)count : 0;
}

void
bh_top_act(const struct bh_top_act *act, char ret_note[BH_TOP_NOTE_MAX])
{
    if (act->kind == BH_TOP_RETRY)
        retry_queue(act, ret_note);
    else
        control(act, ret_note);
}
