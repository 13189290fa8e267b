#include "daemon/crash_point.h"

#ifdef BH_CRASH_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/str.h"

void
bh_crash_point(const char *name)
{
    static atomic_llong passed;
    const char *wanted = getenv("BELLHOP_CRASH_POINT");
    if (wanted == NULL)
        return;
    struct bh_str rest = bh_str_from(wanted), point;
    int64_t at = 1;
    bh_str_split(&rest, ':', &point);
    if (!bh_str_equal_text(point, name))
        return;
    if (rest.ptr != NULL && !bh_str_to_int64(rest, &at))
        return;
    if (atomic_fetch_add(&passed, 1) + 1 == at)
        raise(SIGKILL);
}

#else

typedef int bh_crash_points_are_off;

#endif
