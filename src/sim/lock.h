/*
 * lock - the reload lock (same text, type and recipient), and the daily limit of a recipient.
 *
 * The lock is armed at acceptance and nowhere else; the sender is no part of it.
 */
#ifndef BH_SIM_LOCK_H
#define BH_SIM_LOCK_H

#include "sim/world.h"

/* Was the same accepted within the lock time, whether or not the lock is switched on? */
bool bh_sim_lock_holds(struct bh_sim_world *world, struct bh_sim_str number,
                       struct bh_sim_str text);
void bh_sim_lock_arm(struct bh_sim_world *world, struct bh_sim_str number, struct bh_sim_str text);

bool bh_sim_daily_reached(struct bh_sim_world *world, struct bh_sim_str number);
void bh_sim_daily_count(struct bh_sim_world *world, struct bh_sim_str number);

#endif
