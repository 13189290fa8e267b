/*
 * lookup - /api/lookup (format, hlr, mnp, cnam), /api/pricing, /api/validate_for_voice.
 *
 * Numbers are judged by their prefix; nothing is looked up anywhere.
 */
#ifndef BH_SIM_LOOKUP_H
#define BH_SIM_LOOKUP_H

#include "sim/world.h"

void bh_sim_lookup(struct bh_sim_world *world, struct bh_sim_exchange *exchange); /* ?type= */
void bh_sim_lookup_type(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                        struct bh_sim_str type);
void bh_sim_lookup_pricing(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
void bh_sim_lookup_validate(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

#endif
