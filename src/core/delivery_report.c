#include "core/delivery_report.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/delivery_time.h"
#include "core/fault.h"
#include "core/form.h"
#include "core/job_word.h"
#include "core/json.h"
#include "core/money.h"
#include "core/scan.h"

/* A call longer than this is a mistake. */
#define DURATION_MAX_S 1000000

enum field {
    EVENT,
    POSTED_AT,
    MSG_ID,
    ID,
    FOREIGN_ID,
    STATUS,
    TIMESTAMP,
    RECIPIENT,
    CALLER_ID,
    DURATION,
    PRICE_PER_MINUTE,
};

#define FIELDS (PRICE_PER_MINUTE + 1)

static const char *const field_names[FIELDS] = {
    [EVENT] = "webhook_event",
    [POSTED_AT] = "webhook_timestamp",
    [MSG_ID] = "msg_id",
    [ID] = "id",
    [FOREIGN_ID] = "foreign_id",
    [STATUS] = "status",
    [TIMESTAMP] = "timestamp",
    [RECIPIENT] = "recipient",
    [CALLER_ID] = "callerId",
    [DURATION] = "duration",
    [PRICE_PER_MINUTE] = "pricePerMinute",
};

/* The fields that we know, as text, wherever they stood. */
struct gathered {
    char values[FIELDS][BH_FORM_VALUE_MAX + 1];
    bool given[FIELDS];
    bool any;
};

/* ---- words ---- */

static const struct {
    const char *word;
    bool is_call, is_final;
} deliveries[BH_DELIVERY_COUNT] = {
    [BH_DELIVERY_NONE] = {"",             false, false},
    [BH_DELIVERY_OTHER] = {"",             false, false},
    [BH_DELIVERY_ACCEPTED] = {"ACCEPTED",     false, false},
    [BH_DELIVERY_BUFFERED] = {"BUFFERED",     false, false},
    [BH_DELIVERY_TRANSMITTED] = {"TRANSMITTED",  false, false},
    [BH_DELIVERY_UNKNOWN] = {"UNKNOWN",      false, true },
    [BH_DELIVERY_EXPIRED] = {"EXPIRED",      false, true },
    [BH_DELIVERY_REJECTED] = {"REJECTED",     false, true },
    [BH_DELIVERY_FAILED] = {"FAILED",       false, true },
    [BH_DELIVERY_NOTDELIVERED] = {"NOTDELIVERED", false, true },
    [BH_DELIVERY_DELIVERED] = {"DELIVERED",    false, true },
    [BH_DELIVERY_CALL_INITIATED] = {"initiated",    true,  false},
    [BH_DELIVERY_CALL_RINGING] = {"ringing",      true,  false},
    [BH_DELIVERY_CALL_IN_PROGRESS] = {"in-progress",  true,  false},
    [BH_DELIVERY_CALL_NO_ANSWER] = {"no-answer",    true,  true },
    [BH_DELIVERY_CALL_FAILED] = {"failed",       true,  true },
    [BH_DELIVERY_CALL_COMPLETED] = {"completed",    true,  true },
};

const char *
bh_delivery_name(enum bh_delivery delivery)
{
    return deliveries[delivery].word;
}

bool
bh_delivery_is_final(enum bh_delivery delivery)
{
    return deliveries[delivery].is_final;
}

enum bh_delivery
bh_delivery_from_word(struct bh_str word, bool call)
{
    if (word.len == 0)
        return BH_DELIVERY_NONE;
    for (int i = BH_DELIVERY_OTHER + 1; i < BH_DELIVERY_COUNT; i++) {
        if (deliveries[i].is_call == call &&
            bh_str_equal_nocase(word, bh_str_from(deliveries[i].word)))
            return (enum bh_delivery)i;
    }
    return BH_DELIVERY_OTHER;
}

/* ---- gathering ---- */

static void
gather_on_field(void *arg, struct bh_str name, struct bh_str value)
{
    struct gathered *gathered = arg;
    for (int i = 0; i < FIELDS; i++) {
        if (!bh_str_equal_text(name, field_names[i]))
            continue;
        if (!gathered->given[i] && value.len <= BH_FORM_VALUE_MAX) {
            if (value.len > 0)
                memcpy(gathered->values[i], value.ptr, value.len);
            gathered->values[i][value.len] = '\0';
            gathered->given[i] = true;
        }
        gathered->any = true;
        return;
    }
}

/* ---- understanding ---- */

static struct bh_str
value_of(const struct gathered *gathered, enum field field)
{
    return bh_str_from(gathered->values[field]);
}

/* Only what fits and consists of the characters of words; else the empty string. */
static void
copy_word(struct bh_str text, char *ret_word, size_t size)
{
    ret_word[0] = '\0';
    if (!bh_job_is_word(text, size - 1))
        return;
    memcpy(ret_word, text.ptr, text.len);
    ret_word[text.len] = '\0';
}

/* Numbers may begin with "+" or "00"; ids do not, and are told apart by `is_number`. */
static void
copy_digits(struct bh_str text, bool is_number, char *ret_digits, size_t size)
{
    ret_digits[0] = '\0';
    if (is_number && text.len > 1 && text.ptr[0] == '+')
        text = (struct bh_str){text.ptr + 1, text.len - 1};
    else if (is_number && text.len > 2 && text.ptr[0] == '0' && text.ptr[1] == '0')
        text = (struct bh_str){text.ptr + 2, text.len - 2};
    bool twice = is_number && text.len > 1 && text.ptr[0] == '0' && text.ptr[1] == '0';
    if (text.len == 0 || text.len >= size || twice)
        return;
    for (size_t i = 0; i < text.len; i++) {
        if (!bh_is_digit(text.ptr[i]))
            return;
    }
    memcpy(ret_digits, text.ptr, text.len);
    ret_digits[text.len] = '\0';
}

static enum bh_webhook_event
event_of(const struct gathered *gathered)
{
    static const struct {
        const char *word;
        enum bh_webhook_event event;
    } words[] = {
        {"dlr",          BH_WEBHOOK_DLR   },
        {"voice_status", BH_WEBHOOK_VOICE },
        {"sms_mo",       BH_WEBHOOK_SMS_MO},
    };
    struct bh_str word = value_of(gathered, EVENT);
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (bh_str_equal_nocase(word, bh_str_from(words[i].word)))
            return words[i].event;
    }
    if (word.len > 0)
        return BH_WEBHOOK_OTHER;
    /* The query of a GET names no event; what it is about shows in how it calls the message. */
    if (gathered->given[MSG_ID])
        return BH_WEBHOOK_DLR;
    struct bh_str status = value_of(gathered, STATUS);
    bool known_call = bh_delivery_from_word(status, true) > BH_DELIVERY_OTHER;
    if (gathered->given[ID] && (gathered->given[CALLER_ID] || known_call))
        return BH_WEBHOOK_VOICE;
    if (gathered->given[FOREIGN_ID] && bh_delivery_from_word(status, false) > BH_DELIVERY_OTHER)
        return BH_WEBHOOK_DLR;
    return BH_WEBHOOK_NOTHING;
}

static void
fill_call(const struct gathered *gathered, struct bh_delivery_report *report)
{
    int64_t number;
    copy_digits(value_of(gathered, RECIPIENT), true, report->recipient, sizeof(report->recipient));
    copy_digits(value_of(gathered, CALLER_ID), true, report->caller_id, sizeof(report->caller_id));
    if (bh_str_to_int64(value_of(gathered, DURATION), &number) && number >= 0 &&
        number <= DURATION_MAX_S)
        report->duration_s = number;
    if (bh_money_parse(value_of(gathered, PRICE_PER_MINUTE), &number) && number >= 0)
        report->price_per_minute_micro = number;
}

static void
fill_message(const struct gathered *gathered, const struct bh_zone *zone,
             struct bh_delivery_report *report)
{
    bool call = report->event == BH_WEBHOOK_VOICE;
    copy_digits(value_of(gathered, MSG_ID), false, report->message_id, sizeof(report->message_id));
    if (report->message_id[0] == '\0')
        copy_digits(value_of(gathered, ID), false, report->message_id, sizeof(report->message_id));
    copy_word(value_of(gathered, FOREIGN_ID), report->foreign_id, sizeof(report->foreign_id));
    copy_word(value_of(gathered, STATUS), report->status_word, sizeof(report->status_word));
    report->status = bh_delivery_from_word(value_of(gathered, STATUS), call);
    if (!bh_delivery_time_parse(value_of(gathered, TIMESTAMP), zone, &report->at) &&
        !bh_delivery_time_parse(value_of(gathered, POSTED_AT), zone, &report->at))
        report->at = (struct bh_wall){0};
    if (call)
        fill_call(gathered, report);
}

enum bh_status
bh_delivery_report_parse(const struct bh_webhook_post *post, const struct bh_zone *zone,
                         struct bh_delivery_report *ret_report, struct bh_error *error)
{
    struct gathered gathered = {.any = false};
    bool empty = false;
    enum bh_status status = bh_webhook_read(post, gather_on_field, &gathered, &empty, error);
    if (status != BH_OK)
        return status;

    struct bh_delivery_report report = {.duration_s = -1, .price_per_minute_micro = -1};
    report.event = event_of(&gathered);
    copy_word(value_of(&gathered, EVENT), report.event_word, sizeof(report.event_word));
    if (report.event == BH_WEBHOOK_DLR || report.event == BH_WEBHOOK_VOICE) {
        fill_message(&gathered, zone, &report);
        if (report.message_id[0] == '\0' && report.foreign_id[0] == '\0')
            return bh_error_set(error, "msg_id", "the report names no message");
    } else if (report.event == BH_WEBHOOK_NOTHING && (!empty || gathered.any)) {
        return bh_error_set(error, NULL, "there is no report in it");
    }
    *ret_report = report;
    return BH_OK;
}

/* ---- writing ---- */

static void
write_text(struct bh_json_writer *writer, enum field field, const char *text)
{
    if (text[0] != '\0')
        bh_json_put_text(writer, field_names[field], text);
}

enum bh_status
bh_delivery_report_write(struct bh_buf *buf, const struct bh_delivery_report *report)
{
    struct bh_json_writer writer;
    char number[32];
    bool call = report->event == BH_WEBHOOK_VOICE;
    BH_ASSERT(call || report->event == BH_WEBHOOK_DLR);
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    write_text(&writer, EVENT, call ? "voice_status" : "dlr");
    write_text(&writer, call ? ID : MSG_ID, report->message_id);
    write_text(&writer, FOREIGN_ID, report->foreign_id);
    write_text(&writer, STATUS,
               report->status > BH_DELIVERY_OTHER ? bh_delivery_name(report->status)
                                                  : report->status_word);
    if (report->at.ms > 0) {
        (void)snprintf(number, sizeof(number), "%lld.%03d", (long long)(report->at.ms / 1000),
                       (int)(report->at.ms % 1000));
        write_text(&writer, TIMESTAMP, number);
    }
    write_text(&writer, RECIPIENT, report->recipient);
    write_text(&writer, CALLER_ID, report->caller_id);
    if (report->duration_s >= 0)
        bh_json_put_int(&writer, field_names[DURATION], report->duration_s);
    if (report->price_per_minute_micro >= 0)
        write_text(&writer, PRICE_PER_MINUTE, bh_money_format(report->price_per_minute_micro).text);
    bh_json_close_object(&writer);
    return bh_buf_status(buf);
}
