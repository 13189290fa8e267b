/*
 * sim_leases - what the engines believe about their leases, held against what the store knows.
 *
 * That nothing is sent from a lapsed lease shows a wrong belief only when a request happens to start in the
 * gap.  The belief itself is wrong much more often, so it is what is looked at here.
 */
#ifndef BH_TESTS_ENGINE_SIM_LEASES_H
#define BH_TESTS_ENGINE_SIM_LEASES_H

#include "engine/engine.h"
#include "engine/sim_store.h"

/*
 * Abort if the engine of worker `owner` believes that a lease lasts longer than it does.  `ahead_ms`: the store's
 * clock minus the engine's monotonic one.
 */
void sim_leases_check_belief(const struct bh_engine *engine, const struct sim_store *store,
                             int owner, int64_t ahead_ms);

/*
 * Abort if a lease under one of these tokens has less than half of its time left: its owner is well, and so are the
 * calls, so it should have been renewed.
 */
void sim_leases_check_renewed(const struct sim_store *store, int owner, const uint64_t *tokens,
                              size_t tokens_count, int64_t server_now);

#endif
