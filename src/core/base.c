#include "core/base.h"

#include <stdio.h>
#include <stdlib.h>

const char *
bh_status_name(enum bh_status status)
{
    switch (status) {
    case BH_OK: return "ok";
    case BH_ENOMEM: return "out of memory";
    case BH_EINVAL: return "invalid";
    case BH_ETOOBIG: return "too big";
    case BH_ENOTFOUND: return "not found";
    case BH_EIO: return "i/o error";
    case BH_EPROTO: return "protocol error";
    case BH_EDOWN: return "not connected";
    case BH_ETIMEOUT: return "timed out";
    }
    return "unknown status";
}

_Noreturn void
bh_assert_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
    abort();
}
