#include "core/log_line.h"

#include <stdlib.h>

#include "core/duration.h"
#include "core/utf8.h"
#include "core/zone.h"

#define YEAR_1_MS    INT64_C(-62135596800000)
#define YEAR_9999_MS INT64_C(253402300799999)
#define OFFSET_MAX_S (18 * 3600)

struct bh_log_field
bh_log_string(const char *name, struct bh_str value)
{
    return (struct bh_log_field){.name = name, .type = BH_LOG_FIELD_STRING, .string = value};
}

struct bh_log_field
bh_log_text(const char *name, const char *value)
{
    return bh_log_string(name, bh_str_from(value));
}

struct bh_log_field
bh_log_int(const char *name, int64_t value)
{
    return (struct bh_log_field){.name = name, .type = BH_LOG_FIELD_INT, .number = value};
}

struct bh_log_field
bh_log_duration(const char *name, bh_ms value_ms)
{
    return (struct bh_log_field){.name = name, .type = BH_LOG_FIELD_DURATION, .number = value_ms};
}

struct bh_log_field
bh_log_bool(const char *name, bool value)
{
    return (struct bh_log_field){.name = name, .type = BH_LOG_FIELD_BOOL, .number = value};
}

static const struct {
    const char *name;
    int priority;
} levels[] = {
    [BH_LOG_ERROR] = {"error", 3},
    [BH_LOG_WARN] = {"warn",  4},
    [BH_LOG_INFO] = {"info",  6},
    [BH_LOG_DEBUG] = {"debug", 7},
};

const char *
bh_log_level_name(enum bh_log_level level)
{
    BH_ASSERT((unsigned)level < BH_ARRAY_LEN(levels));
    return levels[level].name;
}

static int
priority_of(enum bh_log_level level)
{
    BH_ASSERT((unsigned)level < BH_ARRAY_LEN(levels));
    return levels[level].priority;
}

/* ---- Strings ---- */

/*
 * Characters that could break the line, drive a terminal, or show the reader another order than that of
 * the bytes (Unicode's bidirectional controls).
 */
static bool
is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E ||
           code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

static void
append_escape(struct bh_buf *buf, uint32_t code)
{
    switch (code) {
    case '\n': bh_buf_append_text(buf, "\\n"); break;
    case '\r': bh_buf_append_text(buf, "\\r"); break;
    case '\t': bh_buf_append_text(buf, "\\t"); break;
    default: bh_buf_printf(buf, "\\u%04x", (unsigned)code); break;
    }
}

/* What is kept of a long value: whole characters, and room for the dots. */
static struct bh_str
shorten(struct bh_str value, bool *ret_cut)
{
    *ret_cut = value.len > BH_LOG_VALUE_MAX;
    if (!*ret_cut)
        return value;
    value.len = BH_LOG_VALUE_MAX - 3;
    for (int i = 0; i < 3 && ((unsigned char)value.ptr[value.len] & 0xC0) == 0x80; i++)
        value.len--;
    return value;
}

/* A JSON string (RFC 8259 section 7), which serves the text format as well. */
static void
append_quoted(struct bh_buf *buf, struct bh_str value)
{
    bool cut;
    value = shorten(value, &cut);
    bh_buf_append_char(buf, '"');
    while (value.len > 0) {
        uint32_t code = 0;
        size_t len = bh_utf8_decode(value, &code);
        if (len == 0) {
            bh_buf_append_text(buf, "\xEF\xBF\xBD");
            len = 1;
        } else if (code == '"' || code == '\\') {
            bh_buf_append_char(buf, '\\');
            bh_buf_append_char(buf, (char)code);
        } else if (is_unsafe(code)) {
            append_escape(buf, code);
        } else {
            bh_buf_append(buf, value.ptr, len);
        }
        value.ptr += len;
        value.len -= len;
    }
    bh_buf_append_text(buf, cut ? "...\"" : "\"");
}

/* Visible ASCII without what separates or quotes can stand without quotation marks. */
static bool
is_bare(struct bh_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return value.len > 0 && value.len <= BH_LOG_VALUE_MAX;
}

/* ---- Time ---- */

/* RFC 3339 with milliseconds. */
static void
append_time(struct bh_buf *buf, const struct bh_log_line *line)
{
    int64_t offset_s = line->zone_offset_s;
    if (offset_s > OFFSET_MAX_S)
        offset_s = OFFSET_MAX_S;
    if (offset_s < -OFFSET_MAX_S)
        offset_s = -OFFSET_MAX_S;
    offset_s -= offset_s % 60;
    int64_t local_ms = line->at.ms;
    if (local_ms > YEAR_9999_MS - offset_s * 1000)
        local_ms = YEAR_9999_MS - offset_s * 1000;
    if (local_ms < YEAR_1_MS - offset_s * 1000)
        local_ms = YEAR_1_MS - offset_s * 1000;

    struct bh_datetime at = bh_zone_to_local(NULL, (struct bh_wall){local_ms + offset_s * 1000});
    int minutes = abs((int)(offset_s / 60));
    bh_buf_printf(buf, "%04d-%02u-%02uT%02u:%02u:%02u.%03u%c%02d:%02d", (int)at.year, at.month,
                  at.day, at.hour, at.minute, at.second, at.millisecond, offset_s < 0 ? '-' : '+',
                  minutes / 60, minutes % 60);
}

/* ---- Lines ---- */

static void
append_text_field(struct bh_buf *buf, const struct bh_log_field *field)
{
    bh_buf_printf(buf, " %s=", field->name);
    switch (field->type) {
    case BH_LOG_FIELD_STRING:
        if (is_bare(field->string))
            bh_buf_append_str(buf, field->string);
        else
            append_quoted(buf, field->string);
        break;
    case BH_LOG_FIELD_INT: bh_buf_append_int(buf, field->number); break;
    case BH_LOG_FIELD_DURATION:
        bh_buf_append_text(buf, bh_duration_format(field->number).text);
        break;
    case BH_LOG_FIELD_BOOL: bh_buf_append_text(buf, field->number ? "yes" : "no"); break;
    }
}

static void
append_text_line(struct bh_buf *buf, const struct bh_log_line *line)
{
    append_time(buf, line);
    bh_buf_printf(buf, " %-5s %s", bh_log_level_name(line->level), line->event);
    for (size_t i = 0; i < line->fields_count; i++)
        append_text_field(buf, &line->fields[i]);
    if (line->message.len > 0) {
        bh_buf_append_text(buf, " msg=");
        append_quoted(buf, line->message);
    }
}

static void
append_json_field(struct bh_buf *buf, const struct bh_log_field *field)
{
    bool duration = field->type == BH_LOG_FIELD_DURATION;
    bh_buf_printf(buf, ",\"%s%s\":", field->name, duration ? "_ms" : "");
    switch (field->type) {
    case BH_LOG_FIELD_STRING: append_quoted(buf, field->string); break;
    case BH_LOG_FIELD_INT:
    case BH_LOG_FIELD_DURATION: bh_buf_append_int(buf, field->number); break;
    case BH_LOG_FIELD_BOOL: bh_buf_append_text(buf, field->number ? "true" : "false"); break;
    }
}

static void
append_json_line(struct bh_buf *buf, const struct bh_log_line *line)
{
    bh_buf_append_text(buf, "{\"time\":\"");
    append_time(buf, line);
    bh_buf_printf(buf, "\",\"level\":\"%s\",\"event\":\"%s\"", bh_log_level_name(line->level),
                  line->event);
    for (size_t i = 0; i < line->fields_count; i++)
        append_json_field(buf, &line->fields[i]);
    if (line->message.len > 0) {
        bh_buf_append_text(buf, ",\"msg\":");
        append_quoted(buf, line->message);
    }
    bh_buf_append_char(buf, '}');
}

/* As the buffer was at `len`, with the failure forgotten. */
static void
take_back(struct bh_buf *buf, size_t len)
{
    buf->len = len;
    buf->failed = BH_OK;
    if (buf->ptr != NULL)
        buf->ptr[len] = '\0';
}

enum bh_status
bh_log_line_format(const struct bh_log_line *line, enum bh_log_format format, bool journal_prefix,
                   struct bh_buf *buf)
{
    enum bh_status status = bh_buf_status(buf);
    size_t before = buf->len;
    if (status != BH_OK)
        return status;
    if (journal_prefix)
        bh_buf_printf(buf, "<%d>", priority_of(line->level));
    if (format == BH_LOG_JSON)
        append_json_line(buf, line);
    else
        append_text_line(buf, line);
    bh_buf_append_char(buf, '\n');

    status = bh_buf_status(buf);
    if (status != BH_OK)
        take_back(buf, before);
    return status;
}
