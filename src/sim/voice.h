/*
 * voice - POST and GET /api/voice, and /api/voice/ID/hangup.
 */
#ifndef BH_SIM_VOICE_H
#define BH_SIM_VOICE_H

#include "sim/world.h"

void bh_sim_voice_call(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
void bh_sim_voice_hangup(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                         struct bh_sim_str id);

/* Charge a call that is over, once.  Price by begun minute. */
void bh_sim_voice_charge(struct bh_sim_world *world, struct bh_sim_message *message);
bh_sim_money bh_sim_voice_price(const struct bh_sim_world *world,
                                const struct bh_sim_message *message);

#endif
