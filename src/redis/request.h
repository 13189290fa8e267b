/*
 * request - a command in the form that RESP2 sends it.
 *
 * Written here and not left to hiredis, because the format is this small: hiredis' function would allocate
 * each command and have us copy it, and who frees what it returns differs between its versions.
 */
#ifndef BH_REDIS_REQUEST_H
#define BH_REDIS_REQUEST_H

#include "core/base.h"
#include "core/buf.h"
#include "core/str.h"

/*
 * Append a command of `argc` >= 1 binary-safe arguments, whole or not at all: when there is no room or no
 * memory, the buffer is as it was and can be used further.  BH_ETOOBIG, BH_ENOMEM.
 */
enum bh_status bh_request_append(struct bh_buf *buf, size_t argc,
                                 const struct bh_str *argv) BH_MUST_CHECK;

#endif
