/*
 * buf - bytes that grow up to a bound.
 *
 * The bound is given at init, because every buffer here meets data of strangers.  Init allocates
 * nothing and cannot fail.  After a failed append the buffer is marked `failed`: its content stays
 * readable, later appends do nothing and say so again, so a builder may append many times and look
 * once at the end (bh_buf_status).  The bytes are always followed by a NUL that is not counted.
 */
#ifndef BH_CORE_BUF_H
#define BH_CORE_BUF_H

#include <stdarg.h>

#include "core/base.h"
#include "core/str.h"

struct bh_buf {
    char *ptr; /* owned; NULL until the first byte */
    size_t len;
    size_t capacity;
    size_t max;
    enum bh_status failed;
};

void bh_buf_init(struct bh_buf *buf, size_t max);
void bh_buf_release(struct bh_buf *buf);

/* Empty again, memory kept, failure forgotten. */
void bh_buf_clear(struct bh_buf *buf);

/* BH_OK, BH_ETOOBIG or BH_ENOMEM: the first failure since init or clear. */
enum bh_status bh_buf_status(const struct bh_buf *buf) BH_MUST_CHECK;

/* These return the status too, for callers that want to stop early. */
enum bh_status bh_buf_append(struct bh_buf *buf, const void *bytes, size_t len);
enum bh_status bh_buf_append_str(struct bh_buf *buf, struct bh_str view);
enum bh_status bh_buf_append_text(struct bh_buf *buf, const char *text);
enum bh_status bh_buf_append_char(struct bh_buf *buf, char c);
enum bh_status bh_buf_append_int(struct bh_buf *buf, int64_t value);
enum bh_status bh_buf_printf(struct bh_buf *buf, const char *format, ...) BH_PRINTF(2, 3);
enum bh_status bh_buf_vprintf(struct bh_buf *buf, const char *format, va_list args) BH_PRINTF(2, 0);

/* Drop `len` bytes from the front (at most all). */
void bh_buf_consume(struct bh_buf *buf, size_t len);

/* A view of the content, valid until the next change. */
struct bh_str bh_buf_str(const struct bh_buf *buf);

/* The content as a NUL-terminated string ("" when empty), valid until the next change. */
const char *bh_buf_text(const struct bh_buf *buf);

/* The caller becomes owner of the NUL-terminated bytes (bh_free); the buffer is empty again.  NULL when short of memory. */
char *bh_buf_take(struct bh_buf *buf) BH_MUST_CHECK;

#endif
