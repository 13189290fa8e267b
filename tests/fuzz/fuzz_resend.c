/*
 * First byte: the word of the report.  Second: the moment.  The rest is the payload.
 *
 * Properties: what is made is a job, of the same message to the same recipient; it comes later than the lock of the first
 * and has no more time than the first has left; and made again, chain after chain, it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "core/resend.h"
#include "core/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define NOW                INT64_C(1700000000000)

static struct bh_schedule schedule;
static struct bh_queue_config queue = {
    .retry = &schedule,
    .resend_on_report = true,
    .redial = 3,
    .redial_after_ms = 90 * BH_SECOND_MS,
    .max_job_bytes = 4096,
    .max_job_with_files_bytes = 8192,
};
static const struct bh_config_gateway gateway = {.country = "49"};

static struct bh_job *
parse(struct bh_str payload)
{
    const struct bh_job_rules rules = {queue.type, 4096, 8192, "49"};
    struct bh_job *job = NULL;
    return bh_job_parse(payload.ptr, payload.len, &rules, &job, NULL) == BH_JOB_VALID ? job : NULL;
}

static bool
equal(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void
require_same_message(const struct bh_job *a, const struct bh_job *b)
{
    REQUIRE(a->type == b->type && a->recipients_count == 1 && b->recipients_count == 1);
    REQUIRE(equal(a->recipients[0].written, b->recipients[0].written));
    REQUIRE(equal(a->text, b->text) && equal(a->from, b->from) && equal(a->udh, b->udh));
    REQUIRE(equal(a->label, b->label) && equal(a->retry, b->retry) && equal(a->meta, b->meta));
    REQUIRE(equal(a->callback_url, b->callback_url) && a->on_uncertain == b->on_uncertain);
    REQUIRE(a->no_reload == b->no_reload && a->unicode == b->unicode && a->flash == b->flash);
    REQUIRE(a->utf8 == b->utf8 && a->xml == b->xml && a->debug == b->debug);
    REQUIRE(a->performance_tracking == b->performance_tracking);
    REQUIRE(a->files_count == b->files_count);
    for (size_t i = 0; i < a->files_count; i++) {
        REQUIRE(equal(a->files[i].name, b->files[i].name));
        REQUIRE(equal(a->files[i].contents, b->files[i].contents));
        REQUIRE(equal(a->files[i].password, b->files[i].password));
        REQUIRE(a->files[i].validity_days == b->files[i].validity_days);
    }
}

static void
check(const struct bh_resend_facts *facts, struct bh_str before, struct bh_str after,
      const struct bh_resend *resend)
{
    struct bh_job *old = parse(before), *new = parse(after);
    REQUIRE(old != NULL && new != NULL);
    require_same_message(old, new);
    REQUIRE(equal(new->id, facts->new_id) && equal(new->resend_of, facts->id));
    REQUIRE(equal(new->foreign_id, equal(old->foreign_id, facts->id) ? NULL : old->foreign_id));
    REQUIRE(new->resend_number == old->resend_number + 1 && new->resend_number == resend->number);
    REQUIRE(new->enqueued_at_ms == facts->now.ms &&new->ttl_minutes == resend->ttl_minutes);
    REQUIRE(strtoll(new->delay, NULL, 10) * BH_SECOND_MS == resend->due.ms);
    REQUIRE(resend->due.ms >= facts->now.ms);
    REQUIRE(new->type == BH_JOB_VOICE || new->no_reload ||
            resend->due.ms >= facts->accepted.ms + facts->lock_ms);
    REQUIRE(resend->due.ms + resend->ttl_minutes * BH_MINUTE_MS <= facts->expires.ms);
    bh_job_free(old);
    bh_job_free(new);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_buf bufs[2];
    if (size < 2)
        return 0;
    REQUIRE(bh_schedule_parse(BH_STR_LITERAL("5s, 2m*"), &schedule, NULL) == BH_OK);
    queue.type = (data[0] & 0x80) != 0 ? BH_JOB_VOICE : BH_JOB_SMS;
    struct bh_resend_facts facts = {
        .queue = &queue,
        .gateway = &gateway,
        .delivery = (enum bh_delivery)((data[0] & 0x7f) % BH_DELIVERY_COUNT),
        .id = "old",
        .new_id = "new",
        .now = {NOW + data[1]},
        .accepted = {NOW - data[1] * BH_SECOND_MS},
        .expires = {NOW + BH_DAY_MS},
        .lock_ms = 190 * BH_SECOND_MS,
    };
    struct bh_str payload = {(const char *)data + 2, size - 2};
    struct bh_resend resend = {.answer = BH_RESEND_MADE};
    unsigned times = 0;
    bh_buf_init(&bufs[0], 16384);
    bh_buf_init(&bufs[1], 16384);
    for (; resend.answer == BH_RESEND_MADE; times++) {
        struct bh_buf *buf = &bufs[times % 2];
        bh_buf_clear(buf);
        REQUIRE(times <= BH_RESEND_SMS_MAX);
        REQUIRE(bh_resend_make(payload, &facts, buf, &resend) == BH_OK);
        if (resend.answer != BH_RESEND_MADE)
            break;
        check(&facts, payload, bh_buf_str(buf), &resend);
        payload = bh_buf_str(buf);
        facts.now = facts.accepted = resend.due;
    }
    bh_buf_release(&bufs[0]);
    bh_buf_release(&bufs[1]);
    return 0;
}
