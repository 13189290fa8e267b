#include "core/inbound_sms.h"

#include <string.h>

#include "core/ascii.h"
#include "core/delivery_time.h"
#include "core/fault.h"
#include "core/job_word.h"
#include "core/utf8.h"

enum field { ID, SENDER, SYSTEM, TYPE, TIME, POSTED_AT, TEXT };

#define FIELDS (TEXT + 1)

static const char *const field_names[FIELDS] = {
    [ID] = "id",         [SENDER] = "sender",
    [SYSTEM] = "system", [TYPE] = "message_type",
    [TIME] = "time",     [POSTED_AT] = "webhook_timestamp",
    [TEXT] = "text",
};

/* Of a repeated field the first counts. */
struct reading {
    struct bh_inbound_sms *sms;
    const struct bh_zone *zone;
    bool given[FIELDS];
    struct bh_wall posted_at;
};

static void
take_digits(struct bh_str value, char *ret_text, size_t size)
{
    if (value.len >= size)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (!bh_is_digit(value.ptr[i]))
            return;
    }
    if (value.len > 0)
        memcpy(ret_text, value.ptr, value.len);
    ret_text[value.len] = '\0';
}

static void
take_name(struct bh_str value, char *ret_text, size_t size)
{
    if (value.len >= size)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7E)
            return;
    }
    if (value.len > 0)
        memcpy(ret_text, value.ptr, value.len);
    ret_text[value.len] = '\0';
}

static void
take_text(struct bh_str value, struct bh_inbound_sms *sms)
{
    size_t len = 0;
    while (value.len > 0) {
        uint32_t code;
        size_t bytes = bh_utf8_decode(value, &code);
        if (bytes > 0 && code != 0) {
            if (len + bytes > BH_INBOUND_TEXT_MAX) {
                sms->is_cut = true;
                break;
            }
            memcpy(sms->text + len, value.ptr, bytes);
            len += bytes;
        }
        value.ptr += bytes > 0 ? bytes : 1;
        value.len -= bytes > 0 ? bytes : 1;
    }
    sms->text[len] = '\0';
}

static void
take_type(struct bh_str value, struct bh_inbound_sms *sms)
{
    if (bh_job_is_word(value, sizeof(sms->type) - 1)) {
        memcpy(sms->type, value.ptr, value.len);
        sms->type[value.len] = '\0';
    }
}

static void
take_field(struct reading *reading, enum field field, struct bh_str value)
{
    struct bh_inbound_sms *sms = reading->sms;
    switch (field) {
    case ID: take_digits(value, sms->id, sizeof(sms->id)); break;
    case SENDER: take_name(value, sms->sender, sizeof(sms->sender)); break;
    case SYSTEM: take_name(value, sms->system, sizeof(sms->system)); break;
    case TYPE: take_type(value, sms); break;
    case TIME: (void)bh_delivery_time_parse(value, reading->zone, &sms->at); break;
    case POSTED_AT: (void)bh_delivery_time_parse(value, reading->zone, &reading->posted_at); break;
    case TEXT: take_text(value, sms); break;
    }
}

static void
reading_on_field(void *arg, struct bh_str name, struct bh_str value)
{
    struct reading *reading = arg;
    for (int i = 0; i < FIELDS; i++) {
        if (!bh_str_equal_text(name, field_names[i]) || reading->given[i])
            continue;
        reading->given[i] = true;
        take_field(reading, (enum field)i, value);
    }
}

enum bh_status
bh_inbound_sms_parse(const struct bh_webhook_post *post, const struct bh_zone *zone,
                     struct bh_inbound_sms *ret_sms, struct bh_error *error)
{
    struct bh_inbound_sms sms = {.id = ""};
    struct reading reading = {.sms = &sms, .zone = zone};
    bool empty;
    enum bh_status status = bh_webhook_read(post, reading_on_field, &reading, &empty, error);
    if (status != BH_OK)
        return status;
    if (sms.id[0] == '\0' && sms.sender[0] == '\0')
        return bh_error_set(error, "id", "the SMS has neither an id nor a sender");
    if (sms.at.ms == 0)
        sms.at = reading.posted_at;
    *ret_sms = sms;
    return BH_OK;
}
