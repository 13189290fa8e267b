#include "redis/job_page.h"

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)
#define HEADER    4 /* elements before the jobs */
#define PER_JOB   3

void
bh_encode_job_page(struct bh_call *call, const struct bh_queue_keys *keys,
                   const struct bh_job_page_ask *ask)
{
    bh_call_key(call, bh_queue_key(keys, ask->place));
    bh_call_key(call, bh_queue_key(keys, BH_KEY_HEADS));
    bh_call_str(call, ask->cursor);
    bh_call_int(call, ask->count);
    bh_call_int(call, BH_JOB_PAGE_MAX);
    bh_call_text(call, ask->waiting);
}

enum bh_status
bh_decode_job_page(const struct redisReply *reply, struct bh_job_page *ret_page)
{
    struct bh_job_page page = {.reply = reply};
    size_t count = bh_reply_count(reply);
    int64_t code, looked;
    if (count < HEADER || (count - HEADER) % PER_JOB != 0 || !bh_reply_int(reply, 0, 0, 0, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &page.server_now.ms) ||
        !bh_reply_str(reply, 2, &page.next) || page.next.len > BH_JOB_PAGE_CURSOR_MAX ||
        !bh_reply_int(reply, 3, 0, BH_JOB_PAGE_MAX, &looked))
        return BH_EPROTO;
    page.looked = (uint64_t)looked;
    page.count = (count - HEADER) / PER_JOB;
    *ret_page = page;
    return BH_OK;
}

bool
bh_job_page_get(const struct bh_job_page *page, size_t at, struct bh_listed_job *ret_job)
{
    struct bh_listed_job job;
    struct bh_str record;
    size_t begin = HEADER + PER_JOB * at;
    if (at >= page->count || !bh_reply_str(page->reply, begin, &job.handle) ||
        !bh_reply_int(page->reply, begin + 1, 0, EXACT_MAX, &job.score.ms) ||
        !bh_reply_str(page->reply, begin + 2, &record) ||
        bh_job_head_parse(record, &job.head) != BH_OK)
        return false;
    *ret_job = job;
    return true;
}
