#include <stdio.h>
#include <string.h>

#include <bellhop/job.h>

#include "daemon/api_internal.h"
#include "redis/job_page.h"
#include "redis/job_peek.h"
#include "redis/reply_view.h"

/* ---- a page of jobs ---- */

static const enum bh_key places[] = {
    [BH_API_PLACE_DUE] = BH_KEY_DUE,           [BH_API_PLACE_READY] = BH_KEY_READY,
    [BH_API_PLACE_LEASES] = BH_KEY_LEASES,     [BH_API_PLACE_DEAD] = BH_KEY_DEAD,
    [BH_API_PLACE_SUSPECTS] = BH_KEY_SUSPECTS,
};

/* Of a job whose status hash has been forgotten, or was never written. */
static const char *
state_by_record(const struct bh_job_head *head, enum bh_api_place place)
{
    if (place == BH_API_PLACE_LEASES)
        return "sending";
    if (place == BH_API_PLACE_DEAD)
        return head->waiting == BH_WAITING_UNCERTAIN ? "unknown" : "failed";
    switch (head->waiting) {
    case BH_WAITING_NEW: return "ready";
    case BH_WAITING_SCHEDULED: return "scheduled";
    case BH_WAITING_RETRY: return "retrying";
    case BH_WAITING_HELD: return "held";
    case BH_WAITING_UNCERTAIN: return "uncertain";
    }
    return "";
}

static void
put_time(struct bh_json_writer *writer, const char *name, struct bh_wall at)
{
    if (at.ms > 0)
        bh_json_put_int(writer, name, at.ms);
    else
        bh_json_put_null(writer, name);
}

/* What its status hash knows; NULL, or without a state: nothing. */
enum known { KNOWN_STATE, KNOWN_TO, KNOWN_ERROR, KNOWN_CODE, KNOWN_COUNT };

static struct bh_str
known_field(const struct redisReply *reply, enum known field)
{
    struct bh_str text = {"", 0};
    if (reply != NULL)
        (void)bh_reply_str(reply, field, &text);
    return text;
}

static void
put_job(struct bh_json_writer *writer, const struct bh_api_task *task,
        const struct bh_listed_job *job, const struct redisReply *known)
{
    const char *reason = bh_reason_name(job->head.reason);
    struct bh_str state = known_field(known, KNOWN_STATE);
    bool is_set =
        task->route.place != BH_API_PLACE_READY && task->route.place != BH_API_PLACE_SUSPECTS;
    bool dead = task->route.place == BH_API_PLACE_DEAD;
    bh_json_open_object(writer, NULL);
    bh_json_put_text(writer, "id", job->head.id);
    bh_json_put_text(writer, "queue", task->route.queue);
    if (state.len > 0)
        bh_json_put_string(writer, "state", state);
    else
        bh_json_put_text(writer, "state", state_by_record(&job->head, task->route.place));
    bh_json_put_text(writer, "reason", reason);
    bh_json_put_bool(writer, "uncertain",
                     job->head.waiting == BH_WAITING_UNCERTAIN || job->head.uncertain_since.ms > 0);
    bh_json_put_int(writer, "attempts", job->head.attempts);
    put_time(writer, "created_at", job->head.created);
    put_time(writer, dead ? "died_at" : "next_at", is_set ? job->score : (struct bh_wall){0});
    put_time(writer, "expires_at", job->head.expires);
    bh_api_put_recipients(writer, known_field(known, KNOWN_TO), task->admin);
    bh_api_put_words(writer, "error", known_field(known, KNOWN_ERROR), task->admin);
    bh_json_put_string(writer, "code", known_field(known, KNOWN_CODE));
    bh_json_close_object(writer);
}

/* The statuses stand behind the page, in its order, for the jobs that have an id. */
static void
answer_page(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_job_page page;
    struct bh_listed_job job;
    struct bh_json_writer writer;
    size_t slot = 1;
    if (bh_decode_job_page(task->slots[0].reply, &page) != BH_OK) {
        bh_api_answer_nonsense(answer);
        return;
    }
    answer->status = 200;
    answer->content_type = "application/json";
    bh_json_writer_init(&writer, &answer->body);
    bh_json_open_object(&writer, NULL);
    bh_json_put_int(&writer, "at", page.server_now.ms);
    bh_json_put_int(&writer, "looked", (int64_t)page.looked);
    bh_json_put_string(&writer, "next", page.next);
    bh_json_open_array(&writer, "jobs");
    for (size_t i = 0; i < page.count; i++) {
        if (!bh_job_page_get(&page, i, &job))
            continue;
        bool has_status = job.head.id[0] != '\0' && slot < task->asked;
        put_job(&writer, task, &job, has_status ? task->slots[slot].reply : NULL);
        slot += has_status;
    }
    bh_json_close_array(&writer);
    bh_json_close_object(&writer);
}

static void
ask_status(struct bh_api_task *task, const char *id)
{
    struct bh_buf key;
    bh_buf_init(&key, BH_KEY_MAX + BH_JOB_ID_MAX + 16);
    if (bh_key_append_status(&key, &task->keys, id) == BH_OK) {
        const struct bh_str argv[] = {BH_STR_LITERAL("HMGET"), bh_buf_str(&key),
                                      BH_STR_LITERAL("state"), BH_STR_LITERAL("to"),
                                      BH_STR_LITERAL("error"), BH_STR_LITERAL("code")};
        bh_api_ask(task, BH_ARRAY_LEN(argv), argv);
    }
    bh_buf_release(&key);
}

static void
page_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_job_page page;
    struct bh_listed_job job;
    task->next = answer_page;
    if (bh_decode_job_page(task->slots[0].reply, &page) == BH_OK) {
        for (size_t i = 0; i < page.count && i < BH_API_PAGE_JOBS; i++) {
            if (bh_job_page_get(&page, i, &job) && job.head.id[0] != '\0')
                ask_status(task, job.head.id);
        }
    }
    if (task->awaited == 0 && !task->lost)
        answer_page(task, answer);
}

void
bh_api_ask_page(struct bh_api_task *task, enum bh_key place, unsigned count, const char *cursor,
                const char *waiting)
{
    const struct bh_job_page_ask ask = {
        .place = place,
        .cursor = bh_str_from(cursor),
        .count = count,
        .waiting = waiting,
    };
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_LIST);
    bh_encode_job_page(&call, &task->keys, &ask);
    bh_api_ask_script(task, &call);
}

/* ---- jobs that no worker has seen ---- */

/* A longer payload is not looked into. */
#define UNCLAIMED_BYTES_MAX ((size_t)16 * 1024)

static uint64_t
places_before(const struct bh_api_task *task)
{
    int64_t before = 0;
    bool is_number = bh_str_to_int64(bh_str_from(task->route.cursor), &before);
    return is_number && before > 0 ? (uint64_t)before : 0;
}

static void
put_recipient_of(struct bh_json_writer *writer, struct bh_str payload, bool admin)
{
    struct bh_json *json;
    struct bh_str to = {"", 0};
    if (bh_json_parse(payload, UNCLAIMED_BYTES_MAX, BH_JSON_LENIENT, &json, NULL) != BH_OK) {
        bh_api_put_recipients(writer, to, admin);
        return;
    }
    (void)bh_json_string(bh_json_get(bh_json_root(json), "to"), &to);
    bh_api_put_recipients(writer, to, admin);
    bh_json_free(json);
}

/* Nothing is known of it but what its producer wrote, which nobody has checked. */
static void
put_unclaimed(struct bh_json_writer *writer, const struct bh_api_task *task, struct bh_str payload)
{
    char id[BH_JOB_ID_MAX + 1] = "";
    (void)bh_job_peek_id(payload.ptr, payload.len, id);
    bh_json_open_object(writer, NULL);
    bh_json_put_text(writer, "id", id);
    bh_json_put_text(writer, "queue", task->route.queue);
    bh_json_put_text(writer, "state", "ready");
    bh_json_put_text(writer, "reason", "");
    bh_json_put_bool(writer, "uncertain", false);
    bh_json_put_int(writer, "attempts", 0);
    bh_json_put_null(writer, "created_at");
    bh_json_put_null(writer, "next_at");
    bh_json_put_null(writer, "expires_at");
    put_recipient_of(writer, payload, task->admin);
    bh_json_put_text(writer, "error", "");
    bh_json_put_text(writer, "code", "");
    bh_json_close_object(writer);
}

static bool
put_peeked(struct bh_json_writer *writer, const struct bh_api_task *task,
           const struct redisReply *reply, struct bh_job_peek *ret_peek)
{
    struct bh_str payload;
    uint64_t bytes;
    if (bh_decode_job_peek(reply, ret_peek) != BH_OK)
        return false;
    for (size_t i = 0; i < ret_peek->count; i++) {
        if (bh_job_peek_get(ret_peek, i, &payload, &bytes))
            put_unclaimed(writer, task, payload);
    }
    return true;
}

/* First what a blocking wait has moved aside, which is older than all others. */
static void
peek_came(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct bh_job_peek peek, aside;
    struct bh_json_writer writer;
    char next[24] = "";
    answer->status = 200;
    answer->content_type = "application/json";
    bh_json_writer_init(&writer, &answer->body);
    bh_json_open_object(&writer, NULL);
    bh_json_open_array(&writer, "jobs");
    if ((task->asked > 1 && !put_peeked(&writer, task, task->slots[1].reply, &aside)) ||
        !put_peeked(&writer, task, task->slots[0].reply, &peek)) {
        bh_api_answer_nonsense(answer);
        return;
    }
    bh_json_close_array(&writer);
    if (peek.more)
        (void)snprintf(next, sizeof(next), "%llu",
                       (unsigned long long)(places_before(task) + peek.count));
    bh_json_put_int(&writer, "at", peek.server_now.ms);
    bh_json_put_int(&writer, "looked", (int64_t)peek.count);
    bh_json_put_text(&writer, "next", next);
    bh_json_close_object(&writer);
}

static void
ask_peek(struct bh_api_task *task, enum bh_key place, uint64_t before)
{
    struct bh_call call;
    const struct bh_job_peek_ask ask = {
        .place = place,
        .before = before,
        .count = BH_API_PAGE_JOBS,
        .payload_max = UNCLAIMED_BYTES_MAX,
    };
    bh_call_init(&call, BH_SCRIPT_PEEK);
    bh_encode_job_peek(&call, &task->keys, &ask);
    bh_api_ask_script(task, &call);
}

static void
begin_unclaimed(struct bh_api_task *task)
{
    uint64_t before = places_before(task);
    task->next = peek_came;
    ask_peek(task, BH_KEY_RAW, before);
    if (before == 0)
        ask_peek(task, BH_KEY_IN, 0);
}

void
bh_api_begin_jobs(struct bh_api_task *task)
{
    if (task->route.place == BH_API_PLACE_UNCLAIMED) {
        begin_unclaimed(task);
        return;
    }
    task->next = page_came;
    bh_api_ask_page(task, places[task->route.place], BH_API_PAGE_JOBS, task->route.cursor,
                    task->route.waiting);
}
