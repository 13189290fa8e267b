/*
 * First byte: the content type, and where the rest is cut into query and body.
 *
 * Properties: what comes out is made of the characters that it may be made of; reading twice gives the same; and what was
 * understood, written as a flat form, is understood in the same way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/delivery_report.h"
#include "core/job_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static void
require_digits(const char *text, size_t size)
{
    REQUIRE(memchr(text, '\0', size) != NULL);
    REQUIRE(strspn(text, "0123456789") == strlen(text));
}

static void
require_word(const char *text, size_t size)
{
    REQUIRE(memchr(text, '\0', size) != NULL);
    REQUIRE(text[0] == '\0' || bh_job_is_word(bh_str_from(text), size - 1));
}

static void
check(const struct bh_delivery_report *report)
{
    bool is_message = report->event == BH_WEBHOOK_DLR || report->event == BH_WEBHOOK_VOICE;
    require_digits(report->message_id, sizeof(report->message_id));
    require_digits(report->recipient, sizeof(report->recipient));
    require_digits(report->caller_id, sizeof(report->caller_id));
    require_word(report->foreign_id, sizeof(report->foreign_id));
    require_word(report->status_word, sizeof(report->status_word));
    require_word(report->event_word, sizeof(report->event_word));
    REQUIRE(is_message == (report->message_id[0] != '\0' || report->foreign_id[0] != '\0'));
    REQUIRE(report->status < BH_DELIVERY_COUNT);
    REQUIRE(report->status <= BH_DELIVERY_OTHER ||
            (report->status >= BH_DELIVERY_CALL_INITIATED) == (report->event == BH_WEBHOOK_VOICE));
    REQUIRE(report->at.ms == 0 || report->at.ms >= (int64_t)946684800000);
    REQUIRE(report->duration_s >= -1 && report->price_per_minute_micro >= -1);
}

static void
require_equal(const struct bh_delivery_report *a, const struct bh_delivery_report *b)
{
    REQUIRE(a->event == b->event && a->status == b->status && a->at.ms == b->at.ms);
    REQUIRE(strcmp(a->message_id, b->message_id) == 0);
    REQUIRE(strcmp(a->foreign_id, b->foreign_id) == 0);
    REQUIRE(strcmp(a->recipient, b->recipient) == 0);
    REQUIRE(strcmp(a->caller_id, b->caller_id) == 0);
    REQUIRE(a->duration_s == b->duration_s);
}

static void
check_written_again(const struct bh_delivery_report *report)
{
    char text[512];
    struct bh_delivery_report again;
    bool call = report->event == BH_WEBHOOK_VOICE;
    const char *status =
        report->status == BH_DELIVERY_OTHER ? "else" : bh_delivery_name(report->status);
    int len =
        snprintf(text, sizeof(text),
                 "webhook_event=%s&msg_id=%s&foreign_id=%s&status=%s&recipient=%s&callerId=%s",
                 call ? "voice_status" : "dlr", report->message_id, report->foreign_id, status,
                 report->recipient, report->caller_id);
    if (report->at.ms != 0)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "&timestamp=%lld.%03lld",
                        (long long)report->at.ms / 1000, (long long)report->at.ms % 1000);
    if (report->duration_s >= 0)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "&duration=%lld",
                        (long long)report->duration_s);
    const struct bh_webhook_post post = {
        .query = {text, (size_t)len}
    };
    REQUIRE(bh_delivery_report_parse(&post, NULL, &again, NULL) == BH_OK);
    require_equal(report, &again);
}

/* As it is kept in Redis until its job is known. */
static void
check_kept(const struct bh_delivery_report *report)
{
    struct bh_buf text;
    struct bh_delivery_report again;
    bh_buf_init(&text, BH_REPORT_TEXT_MAX);
    REQUIRE(bh_delivery_report_write(&text, report) == BH_OK);
    const struct bh_webhook_post post = {.body = bh_buf_str(&text)};
    REQUIRE(bh_delivery_report_parse(&post, NULL, &again, NULL) == BH_OK);
    /* A status that is not even a word says as much as none. */
    if (report->status == BH_DELIVERY_OTHER && report->status_word[0] == '\0')
        again.status = BH_DELIVERY_OTHER;
    require_equal(report, &again);
    REQUIRE(report->price_per_minute_micro == again.price_per_minute_micro);
    bh_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"", "application/x-www-form-urlencoded", "application/json",
                                        "text/plain"};
    if (size == 0)
        return 0;
    size_t cut = (size_t)(data[0] >> 2);
    if (cut > size - 1)
        cut = 0;
    const char *rest = (const char *)data + 1;
    const struct bh_webhook_post post = {
        .content_type = bh_str_from(types[data[0] % 4]),
        .query = {rest,       cut           },
        .body = {rest + cut, size - 1 - cut},
    };
    struct bh_delivery_report report, again;
    struct bh_error error = {"", ""};
    enum bh_status status = bh_delivery_report_parse(&post, NULL, &report, &error);
    REQUIRE(status == BH_OK || (status == BH_EINVAL && error.text[0] != '\0'));
    if (status != BH_OK)
        return 0;
    check(&report);
    REQUIRE(bh_delivery_report_parse(&post, NULL, &again, NULL) == BH_OK);
    require_equal(&report, &again);
    if (report.event == BH_WEBHOOK_DLR || report.event == BH_WEBHOOK_VOICE) {
        check_written_again(&report);
        check_kept(&report);
    }
    return 0;
}
