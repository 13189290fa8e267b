#include "engine/engine_internal.h"

#include "core/alloc.h"

/* Slots per request in flight: one being claimed and admitted, one on its way, and some being settled. */
#define SLOTS_PER_REQUEST 2
#define SLOTS_SPARE       16

struct bh_wall
bh_engine_server_now(const struct bh_engine *engine)
{
    return (struct bh_wall){engine->turn.mono.ms + engine->server_offset_ms};
}

void
bh_engine_learn_clock(struct bh_engine *engine, struct bh_wall server_now, struct bh_mono asked_at)
{
    /* The answer was made between asking and now: the middle errs least. */
    bh_ms middle = asked_at.ms + (engine->turn.mono.ms - asked_at.ms) / 2;
    engine->server_offset_ms = server_now.ms - middle;
}

uint32_t
bh_engine_dice(struct bh_engine *engine)
{
    return (uint32_t)(bh_dice_next(&engine->dice) >> 32);
}

void
bh_engine_note(const struct bh_engine *engine, const struct bh_note *note)
{
    if (engine->on_note != NULL)
        engine->on_note(engine->note_arg, note);
}

static uint32_t
slots_wanted(const struct bh_config *config, unsigned connections_share)
{
    unsigned requests = (unsigned)config->pool.concurrency;
    if (requests > connections_share)
        requests = connections_share;
    return requests * SLOTS_PER_REQUEST + SLOTS_SPARE;
}

enum bh_status
bh_engine_new(const struct bh_engine_options *options, struct bh_engine **ret_engine)
{
    struct bh_engine *engine = bh_alloc_zero(sizeof(*engine));
    if (engine == NULL)
        return BH_ENOMEM;
    engine->config = bh_config_retain(options->config);
    engine->sent_with = options->sent_with;
    engine->on_note = options->on_note;
    engine->note_arg = options->note_arg;
    engine->takes_suspects = options->takes_suspects;
    engine->company.alone = true;
    engine->claim_free = BH_MONO_NEVER;
    engine->stats.balance_micro = INT64_MIN;
    bh_dice_init(&engine->dice, options->seed);
    bh_gate_configure(engine);
    bh_breaker_init(&engine->breaker, engine->connections_share);
    bh_claim_configure(engine);

    uint32_t slots = slots_wanted(engine->config, engine->connections_share);
    if (bh_slot_table_init(&engine->slots, slots) != BH_OK ||
        bh_alarm_init(&engine->alarms, slots) != BH_OK) {
        bh_engine_free(engine);
        return BH_ENOMEM;
    }
    *ret_engine = engine;
    return BH_OK;
}

void
bh_engine_free(struct bh_engine *engine)
{
    if (engine == NULL)
        return;
    bh_slot_table_release(&engine->slots);
    bh_alarm_release(&engine->alarms);
    bh_config_release(engine->config);
    bh_free(engine);
}

void
bh_engine_configure(struct bh_engine *engine, const struct bh_config *config)
{
    const struct bh_config *old = engine->config;
    engine->config = bh_config_retain(config);
    bh_config_release(old);
    bh_gate_configure(engine);
    bh_breaker_set_limit(&engine->breaker, engine->connections_share);
    bh_claim_configure(engine);
}

uint32_t
bh_engine_slots(const struct bh_engine *engine)
{
    return engine->slots.count;
}

void
bh_engine_set_connections(struct bh_engine *engine, unsigned open)
{
    engine->connections_open = open;
}

/* ---- events ---- */

static void
store_up(struct bh_engine *engine)
{
    engine->store_up = true;
    engine->settle_first = bh_slot_count(&engine->slots, BH_STAGE_SETTLE) > 0;
    for (size_t i = 0; i < BH_CONFIG_QUEUE_NUMBERS_MAX; i++) {
        engine->queues[i].ready = true;
        engine->queues[i].blocked_until = (struct bh_mono){0};
        /* What was open has been answered before the store went down; an answer that got lost is gone. */
        engine->queues[i].claiming = engine->queues[i].waiting = false;
    }
}

static void
drain(struct bh_engine *engine)
{
    engine->draining = true;
    bh_job_give_back_waiting(engine);
}

static void
renewed(struct bh_engine *engine, const struct bh_renewed_event *event)
{
    struct bh_slot *slot = bh_slot_find(&engine->slots, event->slot);
    if (slot == NULL) {
        engine->stats.stale_handles++;
        return;
    }
    slot->renewing = false;
    switch (event->code) {
    case BH_RENEW_OK:
        slot->lease_until = bh_mono_add(event->asked_at, slot->config->pool.lease_ms);
        slot->renew_at = bh_mono_add(event->asked_at, slot->config->pool.lease_ms / 3);
        break;
    case BH_RENEW_LOST: bh_job_lease_ended(engine, slot); return;
    case BH_RENEW_FAILED:
        slot->renew_at = bh_mono_add(engine->turn.mono, BH_ENGINE_RETRY_MS);
        break;
    }
    bh_job_set_alarm(engine, slot);
}

void
bh_engine_feed(struct bh_engine *engine, const struct bh_event *event, struct bh_turn turn)
{
    engine->turn = turn;
    switch (event->kind) {
    case BH_EVENT_STORE_UP: store_up(engine); break;
    case BH_EVENT_STORE_DOWN: engine->store_up = false; break;
    case BH_EVENT_CLAIMED: bh_claim_done(engine, &event->claimed); break;
    case BH_EVENT_CLAIM_FAILED: bh_claim_failed(engine, event->queue); break;
    case BH_EVENT_WOKEN: bh_claim_woken(engine, event->queue); break;
    case BH_EVENT_ADMITTED: bh_job_admitted(engine, &event->admitted); break;
    case BH_EVENT_ANSWERED: bh_job_answered(engine, &event->answered); break;
    case BH_EVENT_SETTLED: bh_settle_done(engine, &event->settled); break;
    case BH_EVENT_RENEWED: renewed(engine, &event->renewed); break;
    case BH_EVENT_GRANTED: bh_gate_granted(engine, &event->granted); break;
    case BH_EVENT_TWIN: bh_twin_answered(engine, &event->twin); break;
    case BH_EVENT_ACCOUNT: bh_gate_account(engine, &event->account); break;
    case BH_EVENT_GATEWAY_ANSWERS: bh_job_hear_good(engine); break;
    case BH_EVENT_DRAIN: drain(engine); break;
    }
}

/* ---- commands ---- */

static void
ring_alarms(struct bh_engine *engine)
{
    uint32_t index;
    while (bh_alarm_take_due(&engine->alarms, engine->turn.mono, &index)) {
        struct bh_slot *slot = &engine->slots.slots[index];
        BH_ASSERT(slot->stage != BH_STAGE_FREE);
        if (bh_mono_reached(slot->lease_until, engine->turn.mono)) {
            bh_job_lease_ended(engine, slot);
            continue;
        }
        if (!slot->renewing && !slot->renew_due && engine->store_up) {
            slot->renew_due = true;
            engine->renew_due_count++;
        }
        slot->renew_at = bh_mono_add(engine->turn.mono, BH_ENGINE_RETRY_MS);
        bh_job_set_alarm(engine, slot);
    }
}

/* The flagged slots are few and close together: all of a claim are renewed at the same moment. */
static struct bh_slot *
next_flagged(struct bh_engine *engine, bool (*is_flagged)(const struct bh_slot *))
{
    for (uint32_t i = 0; i < engine->slots.count; i++) {
        uint32_t index = (engine->renew_cursor + i) % engine->slots.count;
        if (is_flagged(&engine->slots.slots[index])) {
            engine->renew_cursor = index;
            return &engine->slots.slots[index];
        }
    }
    return NULL;
}

static bool
is_renew_due(const struct bh_slot *slot)
{
    return slot->renew_due;
}

static bool
is_cancel_due(const struct bh_slot *slot)
{
    return slot->cancel_due;
}

static bool
next_renew(struct bh_engine *engine, struct bh_command *ret_command)
{
    if (engine->renew_due_count == 0)
        return false;
    struct bh_slot *slot = next_flagged(engine, is_renew_due);
    BH_ASSERT(slot != NULL);
    slot->renew_due = false;
    engine->renew_due_count--;
    slot->renewing = true;
    *ret_command = (struct bh_command){
        .kind = BH_COMMAND_RENEW,
        .renew = {bh_slot_handle(slot), slot->claim},
    };
    return true;
}

static bool
next_cancel(struct bh_engine *engine, struct bh_command *ret_command)
{
    if (engine->cancel_due_count == 0)
        return false;
    struct bh_slot *slot = next_flagged(engine, is_cancel_due);
    BH_ASSERT(slot != NULL);
    slot->cancel_due = false;
    engine->cancel_due_count--;
    *ret_command = (struct bh_command){.kind = BH_COMMAND_CANCEL, .cancel = bh_slot_handle(slot)};
    return true;
}

static bool
next_account_word(struct bh_engine *engine, struct bh_command *ret_command)
{
    if (engine->account_words_count == 0)
        return false;
    *ret_command =
        (struct bh_command){.kind = BH_COMMAND_ACCOUNT, .account = engine->account_words[0]};
    engine->account_words_count--;
    for (unsigned i = 0; i < engine->account_words_count; i++)
        engine->account_words[i] = engine->account_words[i + 1];
    return true;
}

bool
bh_engine_next(struct bh_engine *engine, struct bh_turn turn, struct bh_command *ret_command)
{
    engine->turn = turn;
    ring_alarms(engine);

    if (next_cancel(engine, ret_command) || next_account_word(engine, ret_command))
        return true;
    /* A submit needs no Redis any more: the job is admitted. */
    if (bh_job_next_submit(engine, ret_command) || bh_ask_next(engine, ret_command))
        return true;
    if (!engine->store_up)
        return false;
    bh_apart_advance(engine);
    return bh_twin_next(engine, ret_command) || bh_settle_next(engine, ret_command) ||
           next_renew(engine, ret_command) || bh_job_next_admit(engine, ret_command) ||
           bh_gate_next_grant(engine, ret_command) || bh_claim_next(engine, ret_command);
}

struct bh_mono
bh_engine_wake_at(const struct bh_engine *engine, struct bh_mono now)
{
    struct bh_mono at = bh_alarm_first(&engine->alarms);
    at = bh_mono_min(at, bh_gate_wake_at(engine, now));
    if (engine->store_up)
        at = bh_mono_min(at, bh_claim_wake_at(engine, now));
    return at;
}

/* ---- looking in ---- */

enum bh_engine_phase
bh_engine_phase(const struct bh_engine *engine)
{
    bool empty = bh_slot_count(&engine->slots, BH_STAGE_FREE) == engine->slots.count;
    if (engine->draining) {
        return empty && !bh_claim_is_under_way(engine) ? BH_PHASE_DRAINED : BH_PHASE_DRAINING;
    }
    return engine->store_up ? BH_PHASE_RUNNING : BH_PHASE_DOWN;
}

const struct bh_engine_stats *
bh_engine_stats(const struct bh_engine *engine)
{
    /* The gauges among the counters are taken when somebody looks. */
    struct bh_engine_stats *stats = &((struct bh_engine *)(uintptr_t)engine)->stats;
    stats->slots_used = engine->slots.count - bh_slot_count(&engine->slots, BH_STAGE_FREE);
    stats->in_flight = bh_slot_count(&engine->slots, BH_STAGE_SENDING) +
                       bh_slot_count(&engine->slots, BH_STAGE_ASKING);
    stats->breaker_open = engine->breaker.open;
    stats->breaker_until = engine->breaker.closed_until;
    stats->gateway_good_at = engine->breaker.good_at;
    stats->gateway_bad_at = engine->breaker.bad_at;
    stats->gateway_ill_since = engine->breaker.ill_since;
    return stats;
}

void
bh_engine_check(const struct bh_engine *engine)
{
    bh_slot_table_check(&engine->slots);
    bh_alarm_check(&engine->alarms);
    bh_apart_check(engine);
    unsigned renew_due = 0, cancel_due = 0, trials = 0;
    for (uint32_t i = 0; i < engine->slots.count; i++) {
        const struct bh_slot *slot = &engine->slots.slots[i];
        bool free = slot->stage == BH_STAGE_FREE;
        BH_ASSERT(!free || (slot->job == NULL && engine->alarms.positions[i] == 0));
        BH_ASSERT(free || slot->lease_ended || engine->alarms.positions[i] != 0);
        renew_due += slot->renew_due;
        cancel_due += slot->cancel_due;
        trials += !free && slot->trial;
    }
    BH_ASSERT(renew_due == engine->renew_due_count && cancel_due == engine->cancel_due_count);
    BH_ASSERT(trials <= 1);
    BH_ASSERT(bh_gate_in_flight(engine) <= engine->slots.count);
}
