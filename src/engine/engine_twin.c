/*
 * Questions to the ledgers of other queues: did the reload lock refuse this job because of its own earlier request, or
 * because of a message of another queue with the same text to the same number?
 *
 * The ledger is a queue's and the gateway's lock the account's.  So a refusal that would prove that a lost request
 * was accepted is judged only when every other queue has been asked, all at once.  An entry outlives the lock by
 * BH_LOCK_MARGIN_MS, so what is said later than that after our request proves nothing, nor what is not said at all.
 */
#include "engine/engine_internal.h"

/* A store that fails does not fail for long, or the time is over; but one that fails at once must not be asked for ever. */
#define ROUNDS_MAX 10

/* The next queue from `from` on that is not the job's own; BH_CONFIG_QUEUE_NUMBERS_MAX when there is none. */
static unsigned
next_queue(const struct bh_engine *engine, const struct bh_slot *slot, unsigned from)
{
    while (from < BH_CONFIG_QUEUE_NUMBERS_MAX &&
           (engine->queues[from].config == NULL || from == slot->claim.queue))
        from++;
    return from;
}

static bool
is_too_late(const struct bh_engine *engine, const struct bh_slot *slot)
{
    return engine->turn.mono.ms - slot->began_mono.ms >= BH_LOCK_MARGIN_MS;
}

static void
conclude(struct bh_engine *engine, struct bh_slot *slot)
{
    struct bh_comparison *comparison = &slot->comparison;
    if (comparison->twins != BH_TWINS_HELD && (comparison->failed || is_too_late(engine, slot)))
        comparison->twins = BH_TWINS_UNKNOWN;
    bh_job_conclude(engine, slot);
}

static void
begin_round(struct bh_engine *engine, struct bh_slot *slot)
{
    slot->comparison.next = 0;
    slot->comparison.rounds++;
    slot->comparison.failed = false;
    bh_slot_move(&engine->slots, slot, BH_STAGE_COMPARE);
}

bool
bh_twin_begin(struct bh_engine *engine, struct bh_slot *slot)
{
    if (next_queue(engine, slot, 0) == BH_CONFIG_QUEUE_NUMBERS_MAX)
        return false;
    BH_ASSERT(slot->ledger_count == 1);
    begin_round(engine, slot);
    return true;
}

/* Every question of the round is answered. */
static void
end_round(struct bh_engine *engine, struct bh_slot *slot)
{
    const struct bh_comparison *comparison = &slot->comparison;
    if (comparison->failed && comparison->twins != BH_TWINS_HELD &&
        comparison->rounds < ROUNDS_MAX && !is_too_late(engine, slot))
        begin_round(engine, slot);
    else
        conclude(engine, slot);
}

bool
bh_twin_next(struct bh_engine *engine, struct bh_command *ret_command)
{
    struct bh_slot *slot;
    while ((slot = bh_slot_first(&engine->slots, BH_STAGE_COMPARE)) != NULL) {
        struct bh_comparison *comparison = &slot->comparison;
        unsigned queue = next_queue(engine, slot, comparison->next);
        if (queue == BH_CONFIG_QUEUE_NUMBERS_MAX) {
            bh_slot_move(&engine->slots, slot, BH_STAGE_COMPARING);
            if (comparison->open == 0)
                end_round(engine, slot);
            continue;
        }
        comparison->next = queue + 1;
        comparison->open++;
        *ret_command = (struct bh_command){
            .kind = BH_COMMAND_TWIN,
            .twin = {bh_slot_handle(slot), queue, slot->ledger[0]},
        };
        return true;
    }
    return false;
}

void
bh_twin_answered(struct bh_engine *engine, const struct bh_twin_event *event)
{
    struct bh_slot *slot = bh_slot_find(&engine->slots, event->slot);
    if (slot == NULL || (slot->stage != BH_STAGE_COMPARE && slot->stage != BH_STAGE_COMPARING) ||
        slot->comparison.open == 0) {
        engine->stats.stale_handles++;
        return;
    }
    struct bh_comparison *comparison = &slot->comparison;
    comparison->open--;
    switch (event->code) {
    case BH_TWIN_NONE: break;
    case BH_TWIN_HELD:
        comparison->twins = BH_TWINS_HELD;
        comparison->twins_ms = bh_ms_max(comparison->twins_ms, bh_ms_max(event->wait_ms, 1));
        break;
    case BH_TWIN_FAILED: comparison->failed = true; break;
    }
    if (slot->stage == BH_STAGE_COMPARING && comparison->open == 0)
        end_round(engine, slot);
}
