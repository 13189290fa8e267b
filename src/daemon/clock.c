#include "daemon/clock.h"

#include <time.h>
#include <uv.h>

#include "daemon/clock_shift.h"

struct bh_mono
bh_clock_mono(void)
{
    return bh_mono_from_ns(uv_hrtime());
}

struct bh_wall
bh_clock_wall(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    struct bh_wall wall = bh_wall_from_timespec(now.tv_sec, now.tv_nsec);
    wall.ms += bh_clock_shift();
    return wall;
}
