#include "core/json.h"

#include "core/utf8.h"

static void
append_escape(struct bh_buf *buf, uint32_t code)
{
    switch (code) {
    case '"': bh_buf_append_text(buf, "\\\""); break;
    case '\\': bh_buf_append_text(buf, "\\\\"); break;
    case '\n': bh_buf_append_text(buf, "\\n"); break;
    case '\r': bh_buf_append_text(buf, "\\r"); break;
    case '\t': bh_buf_append_text(buf, "\\t"); break;
    default: bh_buf_printf(buf, "\\u%04x", (unsigned)code); break;
    }
}

static bool
needs_escape(uint32_t code)
{
    return code < 0x20 || code == '"' || code == '\\' || (code >= 0x7F && code < 0xA0);
}

enum bh_status
bh_json_append_string(struct bh_buf *buf, struct bh_str text)
{
    bh_buf_append_char(buf, '"');
    while (text.len > 0) {
        uint32_t code = 0;
        size_t plain = 0, len;
        /* Copy as far as nothing has to be escaped, in one piece. */
        while ((len = bh_utf8_decode((struct bh_str){text.ptr + plain, text.len - plain}, &code)) >
                   0 &&
               !needs_escape(code))
            plain += len;
        bh_buf_append(buf, text.ptr, plain);
        text = (struct bh_str){text.ptr + plain, text.len - plain};
        if (text.len == 0)
            break;
        if (len > 0)
            append_escape(buf, code);
        else
            bh_buf_append_text(buf, "\xEF\xBF\xBD");
        len = len > 0 ? len : 1;
        text = (struct bh_str){text.ptr + len, text.len - len};
    }
    return bh_buf_append_char(buf, '"');
}

void
bh_json_writer_init(struct bh_json_writer *writer, struct bh_buf *buf)
{
    *writer = (struct bh_json_writer){.buf = buf};
}

/* Everything that stands before a value: comma, name, colon. */
static void
begin_value(struct bh_json_writer *writer, const char *name)
{
    if (writer->after_value)
        bh_buf_append_char(writer->buf, ',');
    if (name != NULL) {
        bh_json_append_string(writer->buf, bh_str_from(name));
        bh_buf_append_char(writer->buf, ':');
    }
    writer->after_value = true;
}

static void
open_container(struct bh_json_writer *writer, const char *name, char bracket)
{
    begin_value(writer, name);
    bh_buf_append_char(writer->buf, bracket);
    writer->after_value = false;
}

static void
close_container(struct bh_json_writer *writer, char bracket)
{
    bh_buf_append_char(writer->buf, bracket);
    writer->after_value = true;
}

void
bh_json_open_object(struct bh_json_writer *writer, const char *name)
{
    open_container(writer, name, '{');
}

void
bh_json_close_object(struct bh_json_writer *writer)
{
    close_container(writer, '}');
}

void
bh_json_open_array(struct bh_json_writer *writer, const char *name)
{
    open_container(writer, name, '[');
}

void
bh_json_close_array(struct bh_json_writer *writer)
{
    close_container(writer, ']');
}

void
bh_json_put_string(struct bh_json_writer *writer, const char *name, struct bh_str text)
{
    begin_value(writer, name);
    bh_json_append_string(writer->buf, text);
}

void
bh_json_put_text(struct bh_json_writer *writer, const char *name, const char *text)
{
    if (text == NULL)
        bh_json_put_null(writer, name);
    else
        bh_json_put_string(writer, name, bh_str_from(text));
}

void
bh_json_put_int(struct bh_json_writer *writer, const char *name, int64_t number)
{
    begin_value(writer, name);
    bh_buf_append_int(writer->buf, number);
}

void
bh_json_put_bool(struct bh_json_writer *writer, const char *name, bool flag)
{
    begin_value(writer, name);
    bh_buf_append_text(writer->buf, flag ? "true" : "false");
}

void
bh_json_put_null(struct bh_json_writer *writer, const char *name)
{
    begin_value(writer, name);
    bh_buf_append_text(writer->buf, "null");
}

void
bh_json_put_raw(struct bh_json_writer *writer, const char *name, struct bh_str json)
{
    begin_value(writer, name);
    bh_buf_append_str(writer->buf, json);
}

/* U+0080 to U+009F are the bytes C2 80 to C2 9F, which are never a part of another character. */
static bool
is_control(struct bh_str text, size_t at)
{
    return at + 1 < text.len && (unsigned char)text.ptr[at] == 0xC2 &&
           (unsigned char)text.ptr[at + 1] >= 0x80 && (unsigned char)text.ptr[at + 1] < 0xA0;
}

void
bh_json_put_shown(struct bh_json_writer *writer, const char *name, struct bh_str json)
{
    size_t from = 0;
    begin_value(writer, name);
    for (size_t i = 0; i < json.len; i++) {
        if (!is_control(json, i))
            continue;
        bh_buf_append(writer->buf, json.ptr + from, i - from);
        append_escape(writer->buf, (unsigned char)json.ptr[i + 1]);
        from = ++i + 1;
    }
    bh_buf_append(writer->buf, json.ptr + from, json.len - from);
}
