#include "core/placeholder.h"

#include <stddef.h>

static bool
is_name_byte(char c)
{
    return c != '[' && c != ']' && (unsigned char)c >= 0x20 && c != 0x7F;
}

static size_t
name_len(struct bh_str text)
{
    size_t len = 0;
    while (len < text.len && is_name_byte(text.ptr[len]))
        len++;
    return len;
}

bool
bh_placeholder_name_is_valid(struct bh_str name)
{
    return name.len > 0 && name_len(name) == name.len;
}

bool
bh_placeholder_next(struct bh_str *rest, struct bh_str *ret_name)
{
    struct bh_str text = *rest;
    size_t at = 0;
    while (at + 4 < text.len) {
        if (text.ptr[at] != '[' || text.ptr[at + 1] != '[') {
            at++;
            continue;
        }
        size_t start = at + 2;
        size_t len = name_len((struct bh_str){text.ptr + start, text.len - start});
        size_t end = start + len;
        if (len > 0 && end + 1 < text.len && text.ptr[end] == ']' && text.ptr[end + 1] == ']') {
            *ret_name = (struct bh_str){text.ptr + start, len};
            *rest = (struct bh_str){text.ptr + end + 2, text.len - end - 2};
            return true;
        }
        /* What was skipped as a name holds no bracket, so no placeholder begins in it. */
        at = len > 0 ? end : at + 1;
    }
    return false;
}

bool
bh_placeholder_stands_in(struct bh_str text, struct bh_str name)
{
    struct bh_str found;
    while (bh_placeholder_next(&text, &found)) {
        if (bh_str_equal(found, name))
            return true;
    }
    return false;
}
