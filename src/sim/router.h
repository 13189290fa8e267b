/*
 * router - from path and method to the endpoint that answers.
 */
#ifndef BH_SIM_ROUTER_H
#define BH_SIM_ROUTER_H

#include "sim/world.h"

/* Answer an opened exchange: authenticate, then let the endpoint work.  Never fails. */
void bh_sim_route(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/* Paths below /_sim/ steer the simulator: no key, no faults, not counted. */
bool bh_sim_route_is_control(const struct bh_sim_exchange *exchange);

#endif
