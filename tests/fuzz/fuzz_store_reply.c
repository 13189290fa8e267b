/*
 * Whatever a server answers in the place of our scripts, the decoders either refuse it and leave their
 * output alone, or give values that the engine may rely on: known codes, times that are not negative, no
 * more jobs than were asked for, and views that lie inside the reply.
 *
 * The first byte picks the decoder, the second how many jobs were asked about; the rest is protocol.
 */
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <string.h>

#include "redis/account_codec.h"
#include "redis/job_page.h"
#include "redis/reply_reader.h"
#include "redis/resolve.h"
#include "redis/store_codec.h"

static volatile char sink;

/* Reads every byte, so that a view outside of its reply is noticed. */
static void
touch(struct bh_str view)
{
    for (size_t i = 0; i < view.len; i++)
        sink = view.ptr[i];
}

static void
check_claim(const struct redisReply *reply)
{
    struct bh_claimed_job jobs[BH_CLAIM_MAX];
    struct bh_claimed_event event = {.queue = 7, .asked_at = {9}, .jobs_count = 12345};
    if (bh_decode_claim(reply, jobs, &event) != BH_OK) {
        BH_ASSERT(event.jobs_count == 12345);
        return;
    }
    BH_ASSERT(event.queue == 7 && event.asked_at.ms == 9);
    BH_ASSERT(event.code <= BH_CLAIM_LIMITED && event.server_now.ms >= 0);
    BH_ASSERT(event.next_due_ms >= -1 && event.wait_ms >= -1 && event.jobs_count <= BH_CLAIM_MAX);
    BH_ASSERT(event.jobs_count == 0 || (event.token > 0 && event.code == BH_CLAIM_DONE));
    for (size_t i = 0; i < event.jobs_count; i++) {
        BH_ASSERT(event.jobs[i].handle.len > 0 &&
                  event.jobs[i].payload.len <= event.jobs[i].payload_bytes);
        touch(event.jobs[i].handle);
        touch(event.jobs[i].head);
        touch(event.jobs[i].payload);
    }
}

static void
check_admit(const struct redisReply *reply, size_t count)
{
    struct bh_admitted_event events[BH_STORE_BATCH];
    if (bh_decode_admit(reply, count, events) != BH_OK)
        return;
    for (size_t i = 0; i < count; i++)
        BH_ASSERT(events[i].code <= BH_ADMIT_LOST && events[i].wait_ms >= 0 &&
                  events[i].next_due_ms >= -1 && events[i].server_now.ms >= 0);
}

static void
check_settle(const struct redisReply *reply, size_t count)
{
    struct bh_settled_event events[BH_STORE_BATCH];
    if (bh_decode_settle(reply, count, events) != BH_OK)
        return;
    for (size_t i = 0; i < count; i++)
        BH_ASSERT(events[i].code <= BH_SETTLED_STALE && events[i].next_due_ms >= -1);
}

static void
check_renew(const struct redisReply *reply, size_t count)
{
    struct bh_renewed_event events[BH_STORE_BATCH];
    if (bh_decode_renew(reply, count, events) != BH_OK)
        return;
    for (size_t i = 0; i < count; i++)
        BH_ASSERT(events[i].code <= BH_RENEW_LOST);
}

static void
check_adopt(const struct redisReply *reply)
{
    struct bh_adopted adopted;
    if (bh_decode_adopt(reply, &adopted) != BH_OK)
        return;
    BH_ASSERT(adopted.cursor.len >= 1 && adopted.cursor.len <= 20);
    touch(adopted.cursor);
}

static void
check_account(const struct redisReply *reply, unsigned wanted)
{
    struct bh_account_view view;
    bool done;
    bh_ms wait_ms;
    unsigned given;
    if (bh_decode_account_read(reply, &view) == BH_OK) {
        BH_ASSERT(view.state <= BH_ACCOUNT_TRIAL && view.since.ms >= 0 && view.balance_at.ms >= 0);
        BH_ASSERT(memchr(view.reason, '\0', sizeof(view.reason)) != NULL);
        BH_ASSERT(memchr(view.text, '\0', sizeof(view.text)) != NULL);
        BH_ASSERT(memchr(view.newest, '\0', sizeof(view.newest)) != NULL && view.newest[0] != '\0');
        BH_ASSERT(memchr(view.lock_why, '\0', sizeof(view.lock_why)) != NULL);
        BH_ASSERT(view.journal <= BH_JOURNAL_DENIED && view.journal_at.ms >= 0);
        BH_ASSERT(view.lock <= BH_LOCK_OFF && view.lock_at.ms >= 0);
    }
    if (bh_decode_account_done(reply, &done, &wait_ms) == BH_OK)
        BH_ASSERT(wait_ms >= -1);
    if (bh_decode_grant(reply, wanted, &given, &wait_ms) == BH_OK)
        BH_ASSERT(given <= wanted && wait_ms >= 0 && (given == wanted || wait_ms >= 0));
}

static void
check_resolve(const struct redisReply *reply)
{
    struct bh_resolved resolved = {.attempts = 77};
    if (bh_decode_resolve(reply, &resolved) != BH_OK) {
        BH_ASSERT(resolved.attempts == 77);
        return;
    }
    BH_ASSERT(resolved.code <= BH_RESOLVED_SEVERAL && resolved.server_now.ms >= 0);
    BH_ASSERT(resolved.since.ms >= 0 && resolved.wait_ms >= 0 && resolved.expired.ms >= 0);
    touch(resolved.before);
    touch(resolved.why);
    touch(resolved.after);
}

static void
check_page(const struct redisReply *reply)
{
    struct bh_job_page page = {.count = 77};
    struct bh_listed_job job;
    if (bh_decode_job_page(reply, &page) != BH_OK) {
        BH_ASSERT(page.count == 77);
        return;
    }
    BH_ASSERT(page.next.len <= BH_JOB_PAGE_CURSOR_MAX && page.looked <= BH_JOB_PAGE_MAX);
    touch(page.next);
    for (size_t i = 0; i <= page.count; i++) {
        bool found = bh_job_page_get(&page, i, &job);
        BH_ASSERT(!found || (i < page.count && job.score.ms >= 0));
        if (found)
            touch(job.handle);
    }
}

static void
check(const struct redisReply *reply, uint8_t decoder, size_t count)
{
    switch (decoder % 8) {
    case 0: check_claim(reply); break;
    case 1: check_admit(reply, count); break;
    case 2: check_settle(reply, count); break;
    case 3: check_renew(reply, count); break;
    case 4: check_adopt(reply); break;
    case 5: check_account(reply, (unsigned)count); break;
    case 6: check_resolve(reply); break;
    default: check_page(reply); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bh_reply_limits limits = {.bytes_max = 100000, .elements_max = 1000};
    struct bh_reply_reader reader;
    struct redisReply *reply = NULL;
    if (size < 2 || bh_reply_reader_init(&reader, &limits) != BH_OK)
        return 0;
    if (bh_reply_reader_feed(&reader, (const char *)data + 2, size - 2) == BH_OK) {
        while (bh_reply_reader_next(&reader, &reply) == BH_OK && reply != NULL) {
            check(reply, data[0], data[1] % (BH_STORE_BATCH + 1));
            bh_redis_reply_free(reply);
        }
    }
    bh_reply_reader_release(&reader);
    return 0;
}
