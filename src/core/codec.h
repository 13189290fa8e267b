/*
 * codec - bytes as text and back: base64, hex, percent-encoding.
 *
 * Strict in what is accepted: each of these has one spelling per value here (hex apart, which may be
 * in either case), so what was checked is what is sent.  Blanks and line breaks are refused
 * everywhere.
 */
#ifndef BH_CORE_CODEC_H
#define BH_CORE_CODEC_H

#include <stdbool.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/str.h"

/*
 * Is it base64 by RFC 4648 section 4: its alphabet, in whole quantums, padded, and with the unused
 * bits zero (section 3.5)?  On success *ret_len is the number of bytes that it stands for.  The
 * empty text is valid and stands for none.  Nothing is decoded: files travel to the gateway as they
 * came.
 */
bool bh_base64_check(struct bh_str text, size_t *ret_len);

/* Append `len` bytes as padded base64. */
enum bh_status bh_base64_append(struct bh_buf *buf, const void *bytes, size_t len);

/* An even number of hex digits, upper or lower case; the empty text is not hex. */
bool bh_hex_is_valid(struct bh_str text);

/*
 * Decode into `bytes`, which has room for `size`.  False, and nothing of use written, when the text
 * is not hex or stands for more bytes than that.
 */
bool bh_hex_decode(struct bh_str text, unsigned char *bytes, size_t size, size_t *ret_len);

/* Write `len` bytes as lower-case hex to `out`, which has room for 2 * len characters and a NUL. */
void bh_hex_write(const void *bytes, size_t len, char *out);

/*
 * Append with everything but the unreserved characters of RFC 3986 (letters, digits, "-._~") as
 * %XX.  Good for the values of application/x-www-form-urlencoded as well as for queries and path
 * segments: the blank becomes %20 and not "+", since every form decoder reads both and a path
 * decoder only the former.
 */
enum bh_status bh_percent_append(struct bh_buf *buf, struct bh_str text);

#endif
