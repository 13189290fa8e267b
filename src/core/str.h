/*
 * str - a borrowed piece of text or bytes: pointer and length, no terminator promised.
 *
 * The bytes belong to somebody else and live as long as he says.  An empty view may have a NULL pointer.
 */
#ifndef BH_CORE_STR_H
#define BH_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bh_str {
    const char *ptr;
    size_t len;
};

#define BH_STR_LITERAL(text) ((struct bh_str){(text), sizeof(text) - 1})

/* For printf: "%.*s". */
#define BH_STR_ARGS(view) (int)(view).len, (view).ptr

/* A view of a NUL-terminated string; NULL gives the empty view. */
struct bh_str bh_str_from(const char *text);

bool bh_str_equal(struct bh_str a, struct bh_str b);
bool bh_str_equal_text(struct bh_str a, const char *text);
bool bh_str_equal_nocase(struct bh_str a, struct bh_str b); /* ASCII only */
bool bh_str_starts_with(struct bh_str view, struct bh_str prefix);

/* Without blanks (space, tab, CR, LF) at both ends. */
struct bh_str bh_str_trim(struct bh_str view);

/*
 * Cut the next piece up to `separator` off the front of *rest; the separator is consumed.
 * False when *rest was already used up; "a,,b" gives "a", "", "b" and "a," gives "a", "".
 * Start with *rest pointing at the text; used up is marked by a NULL pointer.
 */
bool bh_str_split(struct bh_str *rest, char separator, struct bh_str *ret_piece);

/* A decimal number that fills the whole view, with optional minus sign; false on anything else or overflow. */
bool bh_str_to_int64(struct bh_str view, int64_t *ret_value);

#endif
