/*
 * clock_shift - lets a test move this process's wall clock while it runs.
 *
 * Compiled in by the CMake option BH_CRASH_POINTS only; the environment variable BELLHOP_CLOCK_SHIFT names a file
 * of eight bytes that holds the milliseconds to add, a native int64_t, and may change at any time.  The monotonic
 * clock stays as it is, as on a machine whose clock somebody sets.  In other builds it is nothing at all.
 */
#ifndef BH_DAEMON_CLOCK_SHIFT_H
#define BH_DAEMON_CLOCK_SHIFT_H

#include "core/instant.h"

#ifdef BH_CRASH_POINTS
bh_ms bh_clock_shift(void);
#else
static inline bh_ms
bh_clock_shift(void)
{
    return 0;
}
#endif

#endif
