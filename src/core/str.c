#include "core/str.h"

#include <string.h>

#include "core/ascii.h"

struct bh_str
bh_str_from(const char *text)
{
    if (text == NULL)
        return (struct bh_str){NULL, 0};
    return (struct bh_str){text, strlen(text)};
}

bool
bh_str_equal(struct bh_str a, struct bh_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
bh_str_equal_text(struct bh_str a, const char *text)
{
    return bh_str_equal(a, bh_str_from(text));
}

bool
bh_str_equal_nocase(struct bh_str a, struct bh_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (bh_to_lower(a.ptr[i]) != bh_to_lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool
bh_str_starts_with(struct bh_str view, struct bh_str prefix)
{
    return view.len >= prefix.len && bh_str_equal((struct bh_str){view.ptr, prefix.len}, prefix);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bh_str
bh_str_trim(struct bh_str view)
{
    while (view.len > 0 && is_blank(view.ptr[0])) {
        view.ptr++;
        view.len--;
    }
    while (view.len > 0 && is_blank(view.ptr[view.len - 1]))
        view.len--;
    return view;
}

bool
bh_str_split(struct bh_str *rest, char separator, struct bh_str *ret_piece)
{
    if (rest->ptr == NULL)
        return false;

    const char *at = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (at == NULL) {
        *ret_piece = *rest;
        *rest = (struct bh_str){NULL, 0};
        return true;
    }

    size_t len = (size_t)(at - rest->ptr);
    *ret_piece = (struct bh_str){rest->ptr, len};
    *rest = (struct bh_str){at + 1, rest->len - len - 1};
    return true;
}

bool
bh_str_to_int64(struct bh_str view, int64_t *ret_value)
{
    bool negative = view.len > 0 && view.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == view.len)
        return false;

    int64_t value = 0;
    for (; i < view.len; i++) {
        char c = view.ptr[i];
        if (!bh_is_digit(c))
            return false;
        /* Counted downwards, because the negative half is the larger one. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, c - '0', &value))
            return false;
    }
    if (!negative) {
        if (value == INT64_MIN)
            return false;
        value = -value;
    }
    *ret_value = value;
    return true;
}
