#include <string.h>

#include "core/ascii.h"
#include "core/codec.h"
#include "core/fault.h"
#include "core/http_url.h"
#include "core/job_reader.h"
#include "core/job_word.h"
#include "core/schedule.h"
#include "core/utf8.h"
#include "core/when.h"

/* The gateway's SMS page: at most 11 alphanumeric or 16 numeric characters. */
#define SENDER_NAME_MAX   11
#define SENDER_DIGITS_MAX 16

/* A year: no carrier keeps a message so long, and more is a mistake of units. */
#define TTL_MINUTES_MAX 525600

/* A message carries 140 octets (3GPP TS 23.040), header included. */
#define UDH_HEX_MAX 280

/* Ten digits are seconds from 2001 to 2286, thirteen milliseconds of the same years. */
#define UNIX_SECONDS_MIN INT64_C(1000000000)
#define UNIX_SECONDS_MAX INT64_C(9999999999)

/*
 * Whoever sends the job knows clock and zone.  Here every form is read as of the earliest moment that is read
 * at all, so that what is refused would be refused at any time.
 */
#define EARLIEST_BASE ((struct bh_wall){INT64_C(946684800000)})

enum bh_status
bh_job_refuse(const struct bh_job_reader *reader, const char *field,
              const struct bh_json_value *value, const char *rule)
{
    enum bh_json_type type = bh_json_type(value);
    struct bh_str text;
    if (type == BH_JSON_NULL)
        return bh_error_set(reader->error, field, "field `%s` is null; leave it out instead",
                            field);
    if (bh_json_string(value, &text))
        return bh_error_set(reader->error, field, "field `%s` is \"%s\"; it must be %s", field,
                            bh_quote(text).text, rule);
    if (type == BH_JSON_OBJECT || type == BH_JSON_ARRAY)
        return bh_error_set(reader->error, field, "field `%s` is %s; it must be %s", field,
                            bh_json_type_name(type), rule);
    return bh_error_set(reader->error, field, "field `%s` is %s; it must be %s", field,
                        bh_quote(bh_json_raw(reader->json, value)).text, rule);
}

enum bh_status
bh_job_keep(struct bh_job_reader *reader, struct bh_str text, const char **ret_text)
{
    const char *kept = bh_arena_text(reader->arena, text);
    if (kept == NULL)
        return BH_ENOMEM;
    *ret_text = kept;
    return BH_OK;
}

bool
bh_job_whole_number(const struct bh_job_reader *reader, const struct bh_json_value *value,
                    int64_t *ret_number)
{
    struct bh_str text;
    if (bh_json_string(value, &text))
        return bh_str_to_int64(text, ret_number);
    return bh_json_int64(reader->json, value, ret_number);
}

/* "true, false, 0 or 1", the numbers also as strings, as forms have them. */
static bool
parse_flag(const struct bh_job_reader *reader, const struct bh_json_value *value, bool *ret_flag)
{
    struct bh_str text;
    if (bh_json_bool(value, ret_flag))
        return true;
    if (!bh_json_string(value, &text))
        text = bh_json_raw(reader->json, value);
    if (!bh_str_equal_text(text, "0") && !bh_str_equal_text(text, "1"))
        return false;
    *ret_flag = text.ptr[0] == '1';
    return true;
}

enum bh_status
bh_job_read_flag(struct bh_job_reader *reader, const struct bh_job_field *field,
                 const struct bh_json_value *value)
{
    bool flag;
    if (!parse_flag(reader, value, &flag))
        return bh_job_refuse(reader, field->name, value, field->rule);
    memcpy((unsigned char *)reader->job + field->offset, &flag, sizeof(flag));
    return BH_OK;
}

enum bh_status
bh_job_read_no_effect(struct bh_job_reader *reader, const struct bh_job_field *field,
                      const struct bh_json_value *value)
{
    bool flag;
    if (!parse_flag(reader, value, &flag))
        return bh_job_refuse(reader, field->name, value, field->rule);
    return BH_OK;
}

static enum bh_status
read_word(struct bh_job_reader *reader, const struct bh_job_field *field,
          const struct bh_json_value *value, size_t max, const char **ret_word)
{
    struct bh_str text;
    if (!bh_json_string(value, &text) || !bh_job_is_word(text, max))
        return bh_job_refuse(reader, field->name, value, field->rule);
    return bh_job_keep(reader, text, ret_word);
}

enum bh_status
bh_job_read_id(struct bh_job_reader *reader, const struct bh_job_field *field,
               const struct bh_json_value *value)
{
    return read_word(reader, field, value, BH_JOB_ID_MAX, &reader->job->id);
}

enum bh_status
bh_job_read_label(struct bh_job_reader *reader, const struct bh_job_field *field,
                  const struct bh_json_value *value)
{
    return read_word(reader, field, value, BH_JOB_LABEL_MAX, &reader->job->label);
}

enum bh_status
bh_job_read_foreign_id(struct bh_job_reader *reader, const struct bh_job_field *field,
                       const struct bh_json_value *value)
{
    return read_word(reader, field, value, BH_JOB_FOREIGN_MAX, &reader->job->foreign_id);
}

enum bh_status
bh_job_read_resend_of(struct bh_job_reader *reader, const struct bh_job_field *field,
                      const struct bh_json_value *value)
{
    return read_word(reader, field, value, BH_JOB_ID_MAX, &reader->job->resend_of);
}

enum bh_status
bh_job_read_resend_number(struct bh_job_reader *reader, const struct bh_job_field *field,
                          const struct bh_json_value *value)
{
    int64_t number;
    if (!bh_job_whole_number(reader, value, &number) || number < 1 ||
        number > BH_JOB_RESEND_NUMBER_MAX)
        return bh_job_refuse(reader, field->name, value, field->rule);
    reader->job->resend_number = (unsigned)number;
    return BH_OK;
}

enum bh_status
bh_job_read_type(struct bh_job_reader *reader, const struct bh_job_field *field,
                 const struct bh_json_value *value)
{
    struct bh_str text = {NULL, 0};
    (void)bh_json_string(value, &text); /* anything else compares as empty */
    if (bh_str_equal_text(text, bh_job_type_name(BH_JOB_SMS)))
        reader->job->type = BH_JOB_SMS;
    else if (bh_str_equal_text(text, bh_job_type_name(BH_JOB_VOICE)))
        reader->job->type = BH_JOB_VOICE;
    else
        return bh_job_refuse(reader, field->name, value, field->rule);
    return BH_OK;
}

/* The text itself stays out of the sentences: it is long, and often private. */
enum bh_status
bh_job_read_text(struct bh_job_reader *reader, const struct bh_job_field *field,
                 const struct bh_json_value *value)
{
    bool sms = reader->job->type == BH_JOB_SMS;
    size_t max = sms ? BH_JOB_SMS_TEXT_MAX : BH_JOB_CALL_TEXT_MAX;
    struct bh_str text;
    struct bh_utf8_count count;
    if (!bh_json_string(value, &text) || text.len == 0 || !bh_utf8_count(text, &count))
        return bh_job_refuse(reader, field->name, value, field->rule);
    if (count.code_points > max)
        return bh_error_set(reader->error, field->name,
                            "field `%s` has %zu characters; %s has at most %zu", field->name,
                            count.code_points, sms ? "an sms" : "a voice job", max);
    return bh_job_keep(reader, text, &reader->job->text);
}

static bool
is_numeric_sender(struct bh_str text)
{
    size_t plus = text.len > 0 && text.ptr[0] == '+' ? 1 : 0;
    for (size_t i = plus; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > plus && text.len - plus <= SENDER_DIGITS_MAX;
}

/* The further characters are those that the gateway's own client libraries let through. */
static bool
is_named_sender(struct bh_str text)
{
    if (text.len == 0 || text.len > SENDER_NAME_MAX)
        return false;
    bool alnum_seen = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool alnum = bh_is_alnum(c);
        if (!alnum && (c == '\0' || strchr(" /.-@_!()+$,&", c) == NULL))
            return false;
        alnum_seen = alnum_seen || alnum;
    }
    return alnum_seen && text.ptr[0] != ' ' && text.ptr[text.len - 1] != ' ';
}

enum bh_status
bh_job_read_from(struct bh_job_reader *reader, const struct bh_job_field *field,
                 const struct bh_json_value *value)
{
    bool sms = reader->job->type == BH_JOB_SMS;
    struct bh_str text;
    if (!bh_json_string(value, &text)) {
        int64_t number;
        bool whole = bh_json_int64(reader->json, value, &number) && number >= 0;
        text = whole ? bh_json_raw(reader->json, value) : (struct bh_str){NULL, 0};
    }
    if (is_numeric_sender(text) || (sms && is_named_sender(text)))
        return bh_job_keep(reader, text, &reader->job->from);
    return bh_job_refuse(reader, field->name, value,
                         sms ? "up to 11 characters of A-Z a-z 0-9, blank and /.-@_!()+$,&, or a "
                               "number of up to 16 digits"
                             : "a number of up to 16 digits for a voice job");
}

enum bh_status
bh_job_read_delay(struct bh_job_reader *reader, const struct bh_job_field *field,
                  const struct bh_json_value *value)
{
    struct bh_str text;
    if (!bh_json_string(value, &text)) {
        int64_t number;
        if (!bh_json_int64(reader->json, value, &number))
            return bh_job_refuse(reader, field->name, value, field->rule);
        text = bh_json_raw(reader->json, value);
    }
    struct bh_wall at;
    struct bh_error problem = {.text = ""};
    if (bh_when_parse(text, EARLIEST_BASE, NULL, &at, &problem) != BH_OK)
        return bh_error_set(reader->error, field->name, "field `%s`: %s", field->name,
                            problem.text);
    return bh_job_keep(reader, text, &reader->job->delay);
}

enum bh_status
bh_job_read_ttl(struct bh_job_reader *reader, const struct bh_job_field *field,
                const struct bh_json_value *value)
{
    int64_t minutes;
    if (!bh_job_whole_number(reader, value, &minutes) || minutes < 1 || minutes > TTL_MINUTES_MAX)
        return bh_job_refuse(reader, field->name, value, field->rule);
    reader->job->ttl_minutes = minutes;
    return BH_OK;
}

/*
 * Whether the text is hex too is not asked: with such a header the gateway sends hex as 8-bit data and
 * everything else as text.
 */
enum bh_status
bh_job_read_udh(struct bh_job_reader *reader, const struct bh_job_field *field,
                const struct bh_json_value *value)
{
    struct bh_str text;
    if (!bh_json_string(value, &text) || !bh_hex_is_valid(text))
        return bh_job_refuse(reader, field->name, value, field->rule);
    if (text.len > UDH_HEX_MAX)
        return bh_error_set(reader->error, field->name,
                            "field `%s` has %zu hex digits; at most %d fit into a message",
                            field->name, text.len, UDH_HEX_MAX);
    return bh_job_keep(reader, text, &reader->job->udh);
}

enum bh_status
bh_job_read_enqueued_at(struct bh_job_reader *reader, const struct bh_job_field *field,
                        const struct bh_json_value *value)
{
    int64_t at;
    if (!bh_job_whole_number(reader, value, &at))
        return bh_job_refuse(reader, field->name, value, field->rule);
    if (at >= UNIX_SECONDS_MIN && at <= UNIX_SECONDS_MAX)
        reader->job->enqueued_at_ms = at * 1000;
    else if (at >= UNIX_SECONDS_MIN * 1000 && at <= UNIX_SECONDS_MAX * 1000 + 999)
        reader->job->enqueued_at_ms = at;
    else
        return bh_job_refuse(reader, field->name, value, field->rule);
    return BH_OK;
}

enum bh_status
bh_job_read_on_uncertain(struct bh_job_reader *reader, const struct bh_job_field *field,
                         const struct bh_json_value *value)
{
    struct bh_str text = {NULL, 0};
    (void)bh_json_string(value, &text); /* anything else compares as empty */
    if (bh_str_equal_text(text, "hold"))
        reader->job->on_uncertain = BH_ON_UNCERTAIN_HOLD;
    else if (bh_str_equal_text(text, "resend"))
        reader->job->on_uncertain = BH_ON_UNCERTAIN_RESEND;
    else
        return bh_job_refuse(reader, field->name, value, field->rule);
    return BH_OK;
}

enum bh_status
bh_job_read_retry(struct bh_job_reader *reader, const struct bh_job_field *field,
                  const struct bh_json_value *value)
{
    struct bh_str text;
    struct bh_schedule schedule;
    struct bh_error problem = {.text = ""};
    if (!bh_json_string(value, &text))
        return bh_job_refuse(reader, field->name, value, field->rule);
    if (bh_schedule_parse(text, &schedule, &problem) != BH_OK)
        return bh_error_set(reader->error, field->name, "field `%s`: %s", field->name,
                            problem.text);
    return bh_job_keep(reader, text, &reader->job->retry);
}

enum bh_status
bh_job_read_callback_url(struct bh_job_reader *reader, const struct bh_job_field *field,
                         const struct bh_json_value *value)
{
    struct bh_str text;
    if (!bh_json_string(value, &text))
        return bh_job_refuse(reader, field->name, value, field->rule);
    const char *problem = bh_http_url_problem(text);
    if (problem != NULL)
        return bh_error_set(reader->error, field->name, "field `%s` is \"%s\"; it %s", field->name,
                            bh_quote(text).text, problem);
    return bh_job_keep(reader, text, &reader->job->callback_url);
}

enum bh_status
bh_job_read_meta(struct bh_job_reader *reader, const struct bh_job_field *field,
                 const struct bh_json_value *value)
{
    if (bh_json_type(value) != BH_JSON_OBJECT)
        return bh_job_refuse(reader, field->name, value, field->rule);
    struct bh_str raw = bh_json_raw(reader->json, value);
    if (raw.len > BH_JOB_META_MAX)
        return bh_error_set(reader->error, field->name,
                            "field `%s` has %zu bytes; at most %d are allowed", field->name,
                            raw.len, BH_JOB_META_MAX);
    return bh_job_keep(reader, raw, &reader->job->meta);
}
