#include "daemon/api_internal.h"
#include "daemon/api_render.h"
#include "redis/job_page.h"

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
        bh_api_ask_page(task, looked_at[i], BH_JOB_PAGE_MAX, "", "");
}
