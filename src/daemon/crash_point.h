/*
 * crash_point - named places where a test may let the process kill itself.
 *
 * Compiled in by the CMake option BH_CRASH_POINTS only; the environment variable BELLHOP_CRASH_POINT names
 * one place, or NAME:N for its N-th passing.  In other builds it is nothing at all.
 *
 * Places: after_claim, after_admit, before_send, after_answer, before_finish, after_finish.
 */
#ifndef BH_DAEMON_CRASH_POINT_H
#define BH_DAEMON_CRASH_POINT_H

#ifdef BH_CRASH_POINTS
void bh_crash_point(const char *name);
#else
static inline void
bh_crash_point(const char *name)
{
    (void)name;
}
#endif

#endif
