#include "sim/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *ptr)
{
    if (ptr == NULL) {
        fputs("bellhop-sim: out of memory\n", stderr);
        exit(1);
    }
    return ptr;
}

void *
bh_sim_alloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *
bh_sim_alloc_zero(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1));
}

void *
bh_sim_realloc(void *ptr, size_t size)
{
    return checked(realloc(ptr, size > 0 ? size : 1));
}

char *
bh_sim_strndup(const char *text, size_t len)
{
    char *copy = bh_sim_alloc(len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

struct bh_sim_str
bh_sim_str_from(const char *text)
{
    return text != NULL ? (struct bh_sim_str){text, strlen(text)} : BH_SIM_STR_EMPTY;
}

bool
bh_sim_str_equal(struct bh_sim_str a, struct bh_sim_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
bh_sim_str_is(struct bh_sim_str a, const char *text)
{
    return bh_sim_str_equal(a, bh_sim_str_from(text));
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
bh_sim_str_is_nocase(struct bh_sim_str a, const char *text)
{
    size_t at = 0;
    while (at < a.len && text[at] != '\0' && lower(a.ptr[at]) == lower(text[at]))
        at++;
    return at == a.len && text[at] == '\0';
}

bool
bh_sim_str_starts(struct bh_sim_str a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && memcmp(a.ptr, prefix, len) == 0;
}

bool
bh_sim_str_contains(struct bh_sim_str a, struct bh_sim_str needle)
{
    if (needle.len == 0)
        return true;
    for (size_t at = 0; at + needle.len <= a.len; at++)
        if (memcmp(a.ptr + at, needle.ptr, needle.len) == 0)
            return true;
    return false;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bh_sim_str
bh_sim_str_trim(struct bh_sim_str a)
{
    while (a.len > 0 && is_blank(a.ptr[0]))
        a = (struct bh_sim_str){a.ptr + 1, a.len - 1};
    while (a.len > 0 && is_blank(a.ptr[a.len - 1]))
        a.len--;
    return a;
}

struct bh_sim_str
bh_sim_str_tail(struct bh_sim_str a, size_t from)
{
    if (from >= a.len)
        return BH_SIM_STR_EMPTY;
    return (struct bh_sim_str){a.ptr + from, a.len - from};
}

bool
bh_sim_str_split(struct bh_sim_str *rest, char separator, struct bh_sim_str *ret_piece)
{
    if (rest->ptr == NULL)
        return false;
    const char *end = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (end == NULL) {
        *ret_piece = *rest;
        *rest = (struct bh_sim_str){NULL, 0};
        return true;
    }
    size_t len = (size_t)(end - rest->ptr);
    *ret_piece = (struct bh_sim_str){rest->ptr, len};
    *rest = (struct bh_sim_str){end + 1, rest->len - len - 1};
    return true;
}

int
bh_sim_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
bh_sim_str_to_int(struct bh_sim_str a, int64_t *ret_value)
{
    bool minus = a.len > 0 && a.ptr[0] == '-';
    size_t at = a.len > 0 && (a.ptr[0] == '-' || a.ptr[0] == '+') ? 1 : 0;
    if (at == a.len)
        return false;
    int64_t value = 0;
    for (; at < a.len; at++) {
        if (a.ptr[at] < '0' || a.ptr[at] > '9')
            return false;
        int digit = a.ptr[at] - '0';
        if (value > (INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = minus ? -value : value;
    return true;
}

uint64_t
bh_sim_hash(struct bh_sim_str a, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);
    for (size_t at = 0; at < a.len; at++)
        hash = (hash ^ (unsigned char)a.ptr[at]) * 0x100000001b3u;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ (hash >> 32);
}

void
bh_sim_buf_release(struct bh_sim_buf *buf)
{
    free(buf->ptr);
    *buf = (struct bh_sim_buf){0};
}

void
bh_sim_buf_reserve(struct bh_sim_buf *buf, size_t extra)
{
    size_t wanted = buf->len + extra + 1;
    if (wanted <= buf->capacity)
        return;
    size_t capacity = buf->capacity > 0 ? buf->capacity : 256;
    while (capacity < wanted)
        capacity *= 2;
    buf->ptr = bh_sim_realloc(buf->ptr, capacity);
    buf->capacity = capacity;
}

void
bh_sim_buf_append(struct bh_sim_buf *buf, const void *bytes, size_t len)
{
    bh_sim_buf_reserve(buf, len);
    if (len > 0)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void
bh_sim_buf_str(struct bh_sim_buf *buf, struct bh_sim_str view)
{
    bh_sim_buf_append(buf, view.ptr, view.len);
}

void
bh_sim_buf_text(struct bh_sim_buf *buf, const char *text)
{
    bh_sim_buf_append(buf, text, strlen(text));
}

void
bh_sim_buf_char(struct bh_sim_buf *buf, char c)
{
    bh_sim_buf_append(buf, &c, 1);
}

void
bh_sim_buf_int(struct bh_sim_buf *buf, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    bh_sim_buf_append(buf, digits + at, sizeof digits - at);
}

void
bh_sim_buf_printf(struct bh_sim_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0) {
        bh_sim_buf_reserve(buf, (size_t)len);
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

struct bh_sim_str
bh_sim_buf_view(const struct bh_sim_buf *buf)
{
    return buf->len > 0 ? (struct bh_sim_str){buf->ptr, buf->len} : BH_SIM_STR_EMPTY;
}

uint64_t
bh_sim_dice_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

double
bh_sim_dice_unit(uint64_t *state)
{
    return (double)(bh_sim_dice_next(state) >> 11) / 9007199254740992.0;
}
