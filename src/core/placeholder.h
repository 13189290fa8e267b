/*
 * placeholder - where files stand in a text: "[[name]]", by the gateway's SMS page.
 *
 * A placeholder is two opening brackets, a name, two closing brackets.  The name is not empty and holds
 * no bracket and no control character; so of "[[[a]]]" the inner "[[a]]" counts, and "[[a]" is text.
 */
#ifndef BH_CORE_PLACEHOLDER_H
#define BH_CORE_PLACEHOLDER_H

#include <stdbool.h>

#include "core/str.h"

/* Characters of a file's name; the gateway states no bound. */
#define BH_FILE_NAME_MAX 100

/*
 * Cut the text up to and including the next placeholder off the front of *rest and give its name, which is
 * borrowed from the text.  False, and *rest as it was, when there is none.
 */
bool bh_placeholder_next(struct bh_str *rest, struct bh_str *ret_name);

/* Can a placeholder of that name stand in a text?  Length is not looked at. */
bool bh_placeholder_name_is_valid(struct bh_str name);

bool bh_placeholder_stands_in(struct bh_str text, struct bh_str name);

#endif
