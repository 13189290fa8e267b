/*
 * form - read application/x-www-form-urlencoded: queries and bodies of strangers.
 *
 * Names and values are decoded into room of a fixed size.  What does not fit, or is badly encoded, is skipped as a
 * whole: half a value would be another value.  Writing is bh_percent_append of codec.h.
 */
#ifndef BH_CORE_FORM_H
#define BH_CORE_FORM_H

#include "core/base.h"
#include "core/str.h"

#define BH_FORM_NAME_MAX  63
#define BH_FORM_VALUE_MAX 255

/* More fields than this are not looked at: nobody who reports a message needs them. */
#define BH_FORM_FIELDS_MAX 256

struct bh_form_field {
    char name[BH_FORM_NAME_MAX + 1];   /* NUL-terminated, without NUL inside */
    char value[BH_FORM_VALUE_MAX + 1]; /* likewise */
};

struct bh_form {
    struct bh_str rest; /* borrowed */
    unsigned seen;
};

/* Begin to read `text`, which must outlive the reading. */
struct bh_form bh_form_from(struct bh_str text);

/* The next field that can be read; false when there are no more. */
bool bh_form_next(struct bh_form *form, struct bh_form_field *ret_field);

/* The same without decoding: pieces as they are written, borrowed from the text, of any length, the name not empty. */
bool bh_form_next_written(struct bh_form *form, struct bh_str *ret_name, struct bh_str *ret_value);

/*
 * Decode %XX, and with `plus_is_blank` also "+", into `out`, which has room for `size` bytes with the NUL.  False
 * when a "%" is not followed by two hex digits, when a NUL comes out, or when it does not fit; `out` then holds
 * the empty string.
 */
bool bh_percent_decode(struct bh_str text, bool plus_is_blank, char *out, size_t size);

#endif
