#include "engine/sim_leases.h"

#include "engine/engine_internal.h"

void
sim_leases_check_belief(const struct bh_engine *engine, const struct sim_store *store, int owner,
                        int64_t ahead_ms)
{
    for (uint32_t i = 0; i < engine->slots.count; i++) {
        const struct bh_slot *slot = &engine->slots.slots[i];
        if (slot->stage == BH_STAGE_FREE || slot->lease_ended)
            continue;
        int64_t number;
        BH_ASSERT(bh_str_to_int64(bh_str_from(slot->handle), &number));
        BH_ASSERT(number >= 0 && number < store->jobs_count);
        const struct sim_job *job = &store->jobs[number];
        if (job->place == SIM_LEASED && job->head.owner == owner &&
            job->head.token == slot->claim.token)
            BH_ASSERT(slot->lease_until.ms + ahead_ms <= job->lease_end);
    }
}

static bool
is_one_of(uint64_t token, const uint64_t *tokens, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        if (tokens[i] == token)
            return true;
    }
    return false;
}

void
sim_leases_check_renewed(const struct sim_store *store, int owner, const uint64_t *tokens,
                         size_t tokens_count, int64_t server_now)
{
    for (unsigned i = 0; i < store->jobs_count; i++) {
        const struct sim_job *job = &store->jobs[i];
        if (job->place != SIM_LEASED || job->head.owner != owner ||
            job->lease_end - server_now >= SIM_LEASE_MS / 2)
            continue;
        BH_ASSERT(!is_one_of(job->head.token, tokens, tokens_count));
    }
}
