#include "core/buf.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

void
bh_buf_init(struct bh_buf *buf, size_t max)
{
    *buf = (struct bh_buf){.max = max};
}

void
bh_buf_release(struct bh_buf *buf)
{
    bh_free(buf->ptr);
    *buf = (struct bh_buf){.max = buf->max};
}

void
bh_buf_clear(struct bh_buf *buf)
{
    buf->len = 0;
    buf->failed = BH_OK;
    if (buf->ptr != NULL)
        buf->ptr[0] = '\0';
}

enum bh_status
bh_buf_status(const struct bh_buf *buf)
{
    return buf->failed;
}

/* Make room for `extra` bytes and the NUL behind them. */
static enum bh_status
reserve(struct bh_buf *buf, size_t extra)
{
    if (buf->failed != BH_OK)
        return buf->failed;
    if (extra > buf->max || buf->len > buf->max - extra)
        return buf->failed = BH_ETOOBIG;

    size_t wanted = buf->len + extra + 1;
    if (wanted <= buf->capacity)
        return BH_OK;

    size_t capacity = buf->capacity > 0 ? buf->capacity : 64;
    while (capacity < wanted)
        capacity = capacity > SIZE_MAX / 2 ? wanted : capacity * 2;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;

    char *grown = bh_realloc(buf->ptr, capacity);
    if (grown == NULL)
        return buf->failed = BH_ENOMEM;
    buf->ptr = grown;
    buf->capacity = capacity;
    return BH_OK;
}

enum bh_status
bh_buf_append(struct bh_buf *buf, const void *bytes, size_t len)
{
    enum bh_status status = reserve(buf, len);
    if (status != BH_OK)
        return status;
    if (len > 0)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
    return BH_OK;
}

enum bh_status
bh_buf_append_str(struct bh_buf *buf, struct bh_str view)
{
    return bh_buf_append(buf, view.ptr, view.len);
}

enum bh_status
bh_buf_append_text(struct bh_buf *buf, const char *text)
{
    return bh_buf_append(buf, text, strlen(text));
}

enum bh_status
bh_buf_append_char(struct bh_buf *buf, char c)
{
    return bh_buf_append(buf, &c, 1);
}

enum bh_status
bh_buf_append_int(struct bh_buf *buf, int64_t value)
{
    return bh_buf_printf(buf, "%lld", (long long)value);
}

enum bh_status
bh_buf_printf(struct bh_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum bh_status status = bh_buf_vprintf(buf, format, args);
    va_end(args);
    return status;
}

enum bh_status
bh_buf_vprintf(struct bh_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    BH_ASSERT(len >= 0);

    enum bh_status status = reserve(buf, (size_t)len);
    if (status == BH_OK) {
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return status;
}

void
bh_buf_consume(struct bh_buf *buf, size_t len)
{
    if (len >= buf->len) {
        buf->len = 0;
    } else {
        memmove(buf->ptr, buf->ptr + len, buf->len - len);
        buf->len -= len;
    }
    if (buf->ptr != NULL)
        buf->ptr[buf->len] = '\0';
}

struct bh_str
bh_buf_str(const struct bh_buf *buf)
{
    return (struct bh_str){buf->ptr, buf->len};
}

const char *
bh_buf_text(const struct bh_buf *buf)
{
    return buf->ptr != NULL ? buf->ptr : "";
}

char *
bh_buf_take(struct bh_buf *buf)
{
    char *taken = buf->ptr != NULL ? buf->ptr : bh_strdup("");
    size_t max = buf->max;
    *buf = (struct bh_buf){.max = max};
    return taken;
}
