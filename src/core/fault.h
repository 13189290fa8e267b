/*
 * fault - write a struct bh_error, and make a stranger's value fit for it.
 */
#ifndef BH_CORE_FAULT_H
#define BH_CORE_FAULT_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/str.h"

#define BH_QUOTED_CHARACTERS_MAX 48

/*
 * A stranger's value as it may stand in a sentence or a log line; NUL-terminated, printable UTF-8.
 */
struct bh_quoted {
    char text[160];
};

/*
 * Set field and text; too long a text is cut at a character's start and ends in "...".
 * `error` may be NULL.  Always returns BH_EINVAL, so that a validator can end with it.
 */
enum bh_status bh_error_set(struct bh_error *error, const char *field, const char *format, ...)
    BH_PRINTF(3, 4);

/*
 * The value without what could break a line, a terminal or the reader's trust: control characters
 * (C0, DEL, C1), line and paragraph separators, characters that turn the direction of writing, and
 * bytes that are not UTF-8 become \xNN, byte by byte.  At most 48 characters (an escape is one),
 * fewer where they do not fit the 160 bytes; a cut is marked by "...".  No quotation marks are
 * added.
 */
struct bh_quoted bh_quote(struct bh_str value);

#endif
