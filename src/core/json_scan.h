/*
 * json_scan - is this text JSON, exactly as RFC 8259 says, and within our bounds?
 *
 * Builds nothing and allocates nothing.  It runs before the library that builds the tree, because that
 * library accepts more than JSON (leading zeros, "1.", raw control characters, text behind the end,
 * malformed UTF-8), cuts strings at an escaped NUL and numbers at 63 characters.  Text that has passed
 * here reads the same for every reader.
 *
 * The skipping functions trust their text: they may only be used on text that has passed the scan.
 */
#ifndef BH_CORE_JSON_SCAN_H
#define BH_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

/* Objects and arrays inside each other. */
#define BH_JSON_DEPTH_MAX 16

/* Objects, arrays and scalars in one text: each costs about 80 bytes once it is a tree. */
#define BH_JSON_VALUES_MAX 65536

/* Digits, sign, point and exponent of one number. */
#define BH_JSON_NUMBER_MAX 60

struct bh_json_fault {
    size_t at;           /* byte offset, from 0 */
    const char *problem; /* constant text, no full stop */
};

/* A byte order mark is a fault here; a caller who tolerates one cuts it off first. */
bool bh_json_scan(struct bh_str text, struct bh_json_fault *ret_fault);

/* The offset behind the blanks at `at`. */
size_t bh_json_skip_blanks(struct bh_str text, size_t at);

/* The offset behind the string or the literal or number that starts at `at`. */
size_t bh_json_skip_scalar(struct bh_str text, size_t at);

#endif
