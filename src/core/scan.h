/*
 * scan - take characters and numbers off the front of a view; what small grammars are written with.
 *
 * Each function moves *rest behind what it took, and leaves it alone when it took nothing.
 */
#ifndef BH_CORE_SCAN_H
#define BH_CORE_SCAN_H

#include "core/ascii.h"
#include "core/str.h"

/* The character at the front; NUL at the end. */
static inline char
bh_scan_peek(const struct bh_str *rest)
{
    return rest->len > 0 ? rest->ptr[0] : '\0';
}

/* Take `wanted`, if it is what stands there. */
bool bh_scan_char(struct bh_str *rest, char wanted);

/*
 * Take up to `digits_max` digits; their number, 0 when there are none.  *ret_number is their value,
 * UINT64_MAX when it is larger than that.
 */
size_t bh_scan_digits(struct bh_str *rest, size_t digits_max, uint64_t *ret_number);

#endif
