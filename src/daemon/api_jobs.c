#include <string.h>

#include "daemon/api_internal.h"
#include "daemon/api_render.h"
#include "redis/job_page.h"
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
        bh_api_refuse(answer, 502, "Redis answered what no script of ours does");
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

static void
ask_page(struct bh_api_task *task, enum bh_key place, unsigned count, const char *cursor,
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

void
bh_api_begin_jobs(struct bh_api_task *task)
{
    task->next = page_came;
    ask_page(task, places[task->route.place], BH_API_PAGE_JOBS, task->route.cursor,
             task->route.waiting);
}

/* ---- how old jobs are ---- */

/* Upper bounds of the buckets, doubling as in the mail system's tool that made this view known. */
static const int64_t bounds_s[] = {300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 76800};

#define BUCKETS (BH_ARRAY_LEN(bounds_s) + 1)

struct shape {
    uint64_t counts[BUCKETS];
    uint64_t looked;
    bool more;
};

static size_t
bucket_of(bh_ms age_ms)
{
    size_t at = 0;
    while (at < BH_ARRAY_LEN(bounds_s) && age_ms > bounds_s[at] * BH_SECOND_MS)
        at++;
    return at;
}

static void
count_page(struct shape *shape, const struct redisReply *reply)
{
    struct bh_job_page page;
    struct bh_listed_job job;
    if (bh_decode_job_page(reply, &page) != BH_OK)
        return;
    for (size_t i = 0; i < page.count; i++) {
        if (!bh_job_page_get(&page, i, &job) || job.head.created.ms == 0)
            continue;
        shape->counts[bucket_of(page.server_now.ms - job.head.created.ms)]++;
        shape->looked++;
    }
    shape->more = shape->more || page.next.len > 0;
}

/*
 * Jobs that no worker has seen lie in the order in which they were pushed, and the minutes tell how many were pushed when: for
 * an hour back.  What is older counts as old as the oldest is known to be.
 */
static void
count_unclaimed(struct shape *shape, const struct bh_overview_queue *queue)
{
    uint64_t left = queue->raw + queue->moved;
    bh_ms age_ms = 0;
    const struct bh_minutes *minutes = &queue->minutes;
    for (size_t i = 0; i < minutes->count && left > 0; i++) {
        struct bh_tally then = bh_tally_of_minute(&minutes->rows[i]);
        int64_t pushed_since = queue->tally.pushed - then.pushed;
        uint64_t counted = queue->raw + queue->moved - left;
        uint64_t younger = pushed_since > 0 ? (uint64_t)pushed_since : 0;
        uint64_t here = younger > counted ? younger - counted : 0;
        here = here < left ? here : left;
        age_ms = queue->at.ms - then.at.ms;
        shape->counts[bucket_of(age_ms)] += here;
        left -= here;
    }
    shape->counts[bucket_of(bh_ms_max(age_ms, queue->oldest_ms))] += left;
}

static void
render_shape(const struct bh_api_task *task, const struct shape *shape, uint64_t unclaimed,
             struct bh_buf *buf)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", task->route.queue);
    bh_json_open_array(&writer, "buckets_s");
    for (size_t i = 0; i < BH_ARRAY_LEN(bounds_s); i++)
        bh_json_put_int(&writer, NULL, bounds_s[i]);
    bh_json_close_array(&writer);
    bh_json_open_array(&writer, "counts");
    for (size_t i = 0; i < BUCKETS; i++)
        bh_json_put_int(&writer, NULL, (int64_t)shape->counts[i]);
    bh_json_close_array(&writer);
    bh_json_put_int(&writer, "looked", (int64_t)shape->looked);
    bh_json_put_int(&writer, "unclaimed", (int64_t)unclaimed);
    bh_json_put_bool(&writer, "more", shape->more);
    bh_json_close_object(&writer);
}

static void
answer_shape(struct bh_api_task *task, struct bh_http_answer *answer)
{
    struct shape shape = {.looked = 0};
    const struct bh_overview_queue *queue =
        bh_api_queue(bh_overview_look(task->api->options.overview), task->route.queue);
    for (size_t i = 0; i < task->asked; i++)
        count_page(&shape, task->slots[i].reply);
    if (queue != NULL)
        count_unclaimed(&shape, queue);
    render_shape(task, &shape, queue != NULL ? queue->raw + queue->moved : 0, &answer->body);
    answer->status = 200;
    answer->content_type = "application/json";
    bh_api_keep_shape(task->api, task->route.queue, bh_buf_str(&answer->body));
}

void
bh_api_begin_shape(struct bh_api_task *task)
{
    static const enum bh_key looked_at[] = {BH_KEY_DUE, BH_KEY_READY, BH_KEY_LEASES,
                                            BH_KEY_SUSPECTS};
    task->next = answer_shape;
    for (size_t i = 0; i < BH_ARRAY_LEN(looked_at); i++)
        ask_page(task, looked_at[i], BH_JOB_PAGE_MAX, "", "");
}
