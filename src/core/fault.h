/*
 * fault - write a struct bh_error.
 */
#ifndef BH_CORE_FAULT_H
#define BH_CORE_FAULT_H

#include <bellhop/error.h>

#include "core/base.h"

/*
 * Set field and text; too long a text is cut at a character's start and ends in "...".
 * `error` may be NULL.  Always returns BH_EINVAL, so that a validator can end with it.
 */
enum bh_status bh_error_set(struct bh_error *error, const char *field, const char *format, ...)
    BH_PRINTF(3, 4);

#endif
