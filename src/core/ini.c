#include "core/ini.h"

#include <string.h>

#include "core/ascii.h"
#include "core/fault.h"
#include "core/utf8.h"

void
bh_ini_init(struct bh_ini *ini, struct bh_str bytes)
{
    *ini = (struct bh_ini){.rest = bytes};
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct bh_str
trim_blanks(struct bh_str view)
{
    while (view.len > 0 && is_blank(view.ptr[0])) {
        view.ptr++;
        view.len--;
    }
    while (view.len > 0 && is_blank(view.ptr[view.len - 1]))
        view.len--;
    return view;
}

/* The column of the character that begins at byte `at`; bytes that continue a character do not count. */
static unsigned
column_at(struct bh_str line, size_t at)
{
    unsigned column = 1;
    for (size_t i = 0; i < at && i < line.len; i++) {
        if (((unsigned char)line.ptr[i] & 0xC0) != 0x80)
            column++;
    }
    return column;
}

static unsigned
column_of(struct bh_str line, struct bh_str part)
{
    return column_at(line, (size_t)(part.ptr - line.ptr));
}

static enum bh_ini_kind
fault(struct bh_ini_item *item, unsigned column, const char *text)
{
    item->kind = BH_INI_FAULT;
    item->column = column;
    (void)bh_error_set(&item->fault, "", "%s", text);
    return BH_INI_FAULT;
}

/* Cut the next line off, without its line feed; one CR before that goes with it. */
static struct bh_str
take_line(struct bh_str *rest)
{
    struct bh_str line = *rest;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    if (end == NULL) {
        *rest = (struct bh_str){NULL, 0};
    } else {
        line.len = (size_t)(end - rest->ptr);
        rest->ptr += line.len + 1;
        rest->len -= line.len + 1;
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Control characters, those of C1 too: they would reach terminals with the messages. */
static bool
is_control(const char *at, size_t left)
{
    unsigned char c = (unsigned char)at[0];
    if (c == 0xC2 && left > 1)
        return (unsigned char)at[1] < 0xA0;
    return (c < 0x20 && c != '\t') || c == 0x7F;
}

static enum bh_ini_kind
check_bytes(struct bh_str line, struct bh_ini_item *item)
{
    if (line.len > BH_INI_LINE_MAX)
        return fault(item, column_at(line, BH_INI_LINE_MAX), "the line has more than 4096 bytes");
    size_t valid = bh_utf8_valid_prefix(line);
    for (size_t i = 0; i < valid; i++) {
        if (is_control(line.ptr + i, valid - i)) {
            return fault(item, column_at(line, i),
                         line.ptr[i] == '\0'
                             ? "a NUL byte stands here; this is not a text file"
                             : "a control character stands here; only tabs are allowed");
        }
    }
    if (valid < line.len)
        return fault(item, column_at(line, valid),
                     "this is not UTF-8; save the file in that encoding");
    return BH_INI_VALUE;
}

static bool
is_key_char(char c)
{
    return bh_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static enum bh_ini_kind
read_section(struct bh_ini *ini, struct bh_str line, struct bh_str text, struct bh_ini_item *item)
{
    ini->in_section = false;
    ini->skipping = true;
    const char *end = memchr(text.ptr, ']', text.len);
    if (end == NULL)
        return fault(item, column_at(line, line.len), "the section header has no closing bracket");
    if (end != text.ptr + text.len - 1)
        return fault(
            item, column_of(line, (struct bh_str){end + 1, 0}),
            "something stands behind the section header; comments need a line of their own");

    struct bh_str inner = trim_blanks((struct bh_str){text.ptr + 1, text.len - 2});
    if (inner.len == 0)
        return fault(item, column_of(line, text), "the section has no name");
    size_t word = 0;
    while (word < inner.len && !is_blank(inner.ptr[word]))
        word++;
    ini->section = (struct bh_str){inner.ptr, word};
    ini->name = trim_blanks((struct bh_str){inner.ptr + word, inner.len - word});
    ini->in_section = true;
    ini->skipping = false;

    item->kind = BH_INI_SECTION;
    item->column = column_of(line, inner);
    item->section = ini->section;
    item->name = ini->name;
    return BH_INI_SECTION;
}

static enum bh_ini_kind
check_key(struct bh_str line, struct bh_str key, struct bh_ini_item *item)
{
    if (key.len == 0)
        return fault(item, column_of(line, key), "there is no key before the `=`");
    if (key.len > BH_INI_KEY_MAX)
        return fault(item, column_of(line, key), "the key is longer than 64 characters");
    for (size_t i = 0; i < key.len; i++) {
        if (!is_key_char(key.ptr[i]))
            return fault(item, column_of(line, (struct bh_str){key.ptr + i, 0}),
                         "a key consists of letters, digits, `_`, `-` and `.`");
    }
    return BH_INI_VALUE;
}

static enum bh_ini_kind
read_value(struct bh_ini *ini, struct bh_str line, struct bh_str text, struct bh_ini_item *item)
{
    const char *equals = memchr(text.ptr, '=', text.len);
    if (equals == NULL)
        return fault(item, column_of(line, text),
                     "this is neither a [section], nor `key = value`, nor a comment; values cannot "
                     "go on over several lines");
    struct bh_str key = trim_blanks((struct bh_str){text.ptr, (size_t)(equals - text.ptr)});
    if (check_key(line, key, item) == BH_INI_FAULT)
        return BH_INI_FAULT;
    if (!ini->in_section)
        return fault(item, column_of(line, key), "this key stands before the first [section]");

    struct bh_str behind = {equals + 1, (size_t)(text.ptr + text.len - equals) - 1};
    item->kind = BH_INI_VALUE;
    item->section = ini->section;
    item->name = ini->name;
    item->key = key;
    item->value = trim_blanks(behind);
    item->column = column_of(line, key);
    item->value_column = column_of(line, item->value);
    return BH_INI_VALUE;
}

/* What a byte order mark at the start says about the encoding.  UTF-16 ends the reading. */
static enum bh_ini_kind
check_mark(struct bh_ini *ini, struct bh_ini_item *item)
{
    if (bh_str_starts_with(ini->rest, BH_STR_LITERAL("\xEF\xBB\xBF"))) {
        ini->rest.ptr += 3;
        ini->rest.len -= 3;
        item->line = 1;
        return fault(item, 1,
                     "the file begins with a byte order mark; save it as UTF-8 without one");
    }
    if (bh_str_starts_with(ini->rest, BH_STR_LITERAL("\xFF\xFE")) ||
        bh_str_starts_with(ini->rest, BH_STR_LITERAL("\xFE\xFF"))) {
        ini->rest = (struct bh_str){NULL, 0};
        item->line = 1;
        return fault(item, 1, "the file is UTF-16; save it as UTF-8 without a byte order mark");
    }
    return BH_INI_VALUE;
}

/* One line: its kind, or END when it says nothing. */
static enum bh_ini_kind
read_line(struct bh_ini *ini, struct bh_str line, struct bh_ini_item *item)
{
    if (check_bytes(line, item) == BH_INI_FAULT) {
        /* A header that cannot be read must not leave its keys to the section before it. */
        struct bh_str start = trim_blanks(line);
        if (start.len > 0 && start.ptr[0] == '[') {
            ini->in_section = false;
            ini->skipping = true;
        }
        return BH_INI_FAULT;
    }
    struct bh_str text = trim_blanks(line);
    if (text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == ';')
        return BH_INI_END;
    if (text.ptr[0] == '[')
        return read_section(ini, line, text, item);
    if (ini->skipping)
        return BH_INI_END;
    return read_value(ini, line, text, item);
}

enum bh_ini_kind
bh_ini_next(struct bh_ini *ini, struct bh_ini_item *ret_item)
{
    *ret_item = (struct bh_ini_item){.kind = BH_INI_END};
    if (!ini->started) {
        ini->started = true;
        if (check_mark(ini, ret_item) == BH_INI_FAULT)
            return BH_INI_FAULT;
    }
    while (ini->rest.len > 0) {
        struct bh_str line = take_line(&ini->rest);
        ini->line++;
        ret_item->line = ini->line;
        if (read_line(ini, line, ret_item) != BH_INI_END)
            return ret_item->kind;
    }
    *ret_item = (struct bh_ini_item){.kind = BH_INI_END};
    return BH_INI_END;
}
