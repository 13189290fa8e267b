/*
 * records - what happened so far: /api/status, /api/journal/..., /api/analytics.
 */
#ifndef BH_SIM_RECORDS_H
#define BH_SIM_RECORDS_H

#include "sim/world.h"

void bh_sim_records_status(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/* /api/journal?type=outbound */
void bh_sim_records_journal(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/* /api/journal/outbound */
void bh_sim_records_journal_type(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                                 struct bh_sim_str type);

void bh_sim_records_analytics(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
void bh_sim_records_analytics_by(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                                 struct bh_sim_str group);

#endif
