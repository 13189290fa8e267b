/*
 * utf8 - strict UTF-8: is it well-formed, which characters, how many.
 *
 * Well-formed is what table 3-7 of the Unicode standard and RFC 3629 allow: no overlong forms, no
 * surrogates, nothing above U+10FFFF, nothing cut.  U+0000 is a character like any other.  Nothing
 * is normalised or replaced: what the gateway compares and bills are the bytes as the producer wrote
 * them.
 */
#ifndef BH_CORE_UTF8_H
#define BH_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct bh_utf8_count {
    size_t code_points;
    size_t utf16_units; /* a character beyond U+FFFF counts two */
};

/*
 * The character that `text` starts with: its length in bytes (1..4), and its code point in
 * *ret_code.  0 when `text` is empty or does not start with a well-formed character; *ret_code is
 * untouched then.
 */
size_t bh_utf8_decode(struct bh_str text, uint32_t *ret_code);

/*
 * Take the next character off the front of *rest.  False at the end and at a malformed byte; the
 * two differ in whether rest->len is 0.
 */
bool bh_utf8_next(struct bh_str *rest, uint32_t *ret_code);

/* How many bytes at the front are well-formed: text.len when all of it is. */
size_t bh_utf8_valid_prefix(struct bh_str text);

bool bh_utf8_is_valid(struct bh_str text);

/* False when the text is not well-formed. */
bool bh_utf8_count(struct bh_str text, struct bh_utf8_count *ret_count);

#endif
