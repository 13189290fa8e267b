/*
 * clock - the two clocks of this machine, for all threads of the daemon.
 */
#ifndef BH_DAEMON_CLOCK_H
#define BH_DAEMON_CLOCK_H

#include "core/instant.h"

/* The loops' own clock, read afresh. */
struct bh_mono bh_clock_mono(void);

struct bh_wall bh_clock_wall(void);

#endif
