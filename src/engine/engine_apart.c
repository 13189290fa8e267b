/*
 * Trying suspects apart.
 *
 * A suspect is a job whose workers ended, or lost it, twice in a row.  The claim tells that one waits, and gives it
 * only to a worker with nothing in hand.  So now and then this worker makes room: it claims nothing from any
 * queue, finishes what it has, waits until the other workers of the process have nothing in hand either (engine/quiet.h),
 * claims the suspect alone and handles it.  If that ends the process, nobody else is hurt, and the job is known as
 * the cause.
 *
 * Only one worker of a process may do so (see struct bh_engine_options): two suspects at a time in one process
 * would be blamed for each other.  While other work waits, it is quiet for at most half of the time.
 *
 * The other workers are asked for quiet until a moment, so that one that hangs does not stop them for ever: until the room
 * ought to have been made; then for a lease longer than the suspect may take.
 */
#include "engine/engine_internal.h"

/* From one quiet phase to the next while other work waits; as long as the phase if that was longer. */
#define FAIR_PAUSE_MS (2 * BH_SECOND_MS)

/* ... and while nothing else is known of: long enough to hear of what has come meanwhile. */
#define IDLE_PAUSE_MS ((bh_ms)100)

/* What waits for a limit or for the gateway is given back after this; the requests on their way may finish. */
#define GIVE_BACK_MS (5 * BH_SECOND_MS)

/* Beyond the request timeout: for admitting and settling. */
#define ROOM_MARGIN_MS (10 * BH_SECOND_MS)

/* Beyond the room's end: a loop that turns has given up by then. */
#define LATE_TURN_MS (5 * BH_SECOND_MS)

static bh_ms
patience_ms(const struct bh_engine *engine)
{
    return engine->config->gateway.timeout_ms + ROOM_MARGIN_MS;
}

static bool
may_begin(const struct bh_engine *engine)
{
    return engine->takes_suspects && !engine->draining && engine->store_up &&
           engine->account.state != BH_ACCOUNT_PAUSED && !engine->breaker.open;
}

static bool
has_suspects(const struct bh_engine *engine, const struct bh_queue_state *queue)
{
    return queue->suspects > 0 && !queue->claiming &&
           bh_mono_reached(queue->blocked_until, engine->turn.mono);
}

/* The next queue with suspects, in turns; NULL: there is none. */
static struct bh_queue_state *
next_queue(struct bh_engine *engine)
{
    size_t count = engine->config->queues_count;
    for (size_t i = 0; i < count; i++) {
        size_t at = (engine->apart.cursor + i) % count;
        struct bh_queue_state *queue = &engine->queues[engine->config->queues[at].no];
        if (!has_suspects(engine, queue))
            continue;
        engine->apart.cursor = (at + 1) % count;
        return queue;
    }
    return NULL;
}

static bool
other_work_waits(const struct bh_engine *engine)
{
    if (engine->company.others_have_jobs)
        return true;
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        const struct bh_queue_state *queue = &engine->queues[engine->config->queues[i].no];
        if (queue->ready && bh_mono_reached(queue->blocked_until, engine->turn.mono))
            return true;
    }
    return false;
}

static void
end_phase(struct bh_engine *engine)
{
    struct bh_apart *apart = &engine->apart;
    struct bh_mono now = engine->turn.mono;
    apart->phase = BH_APART_NONE;
    apart->not_before = bh_mono_add(now, IDLE_PAUSE_MS);
    apart->fair_at = bh_mono_add(now, bh_ms_max(FAIR_PAUSE_MS, now.ms - apart->began.ms));
}

static void
begin_phase(struct bh_engine *engine)
{
    struct bh_apart *apart = &engine->apart;
    struct bh_mono now = engine->turn.mono;
    struct bh_mono from = other_work_waits(engine) ? apart->fair_at : apart->not_before;
    if (!may_begin(engine) || !bh_mono_reached(from, now))
        return;
    struct bh_queue_state *queue = next_queue(engine);
    if (queue == NULL)
        return;
    apart->phase = BH_APART_ROOM;
    apart->queue = queue->config->no;
    apart->began = now;
    apart->give_back_at = bh_mono_add(now, GIVE_BACK_MS);
    apart->give_up_at = bh_mono_add(now, patience_ms(engine));
    apart->quiet_until = bh_mono_add(apart->give_up_at, LATE_TURN_MS);
}

static bool
is_empty(const struct bh_engine *engine)
{
    return bh_slot_count(&engine->slots, BH_STAGE_FREE) == engine->slots.count;
}

static void
give_back_waiting(struct bh_engine *engine, struct bh_mono *give_back_at)
{
    if (!bh_mono_reached(*give_back_at, engine->turn.mono))
        return;
    *give_back_at = BH_MONO_NEVER;
    bh_job_give_back_waiting(engine);
}

static void
make_room(struct bh_engine *engine)
{
    struct bh_apart *apart = &engine->apart;
    const struct bh_queue_state *queue = &engine->queues[apart->queue];
    if (!may_begin(engine) || queue->config == NULL ||
        bh_mono_reached(apart->give_up_at, engine->turn.mono)) {
        end_phase(engine);
        return;
    }
    give_back_waiting(engine, &apart->give_back_at);
}

/* As in one's own room: what waits goes back, so that it does not hold up the one who asked. */
static void
keep_quiet(struct bh_engine *engine)
{
    if (!bh_apart_is_hushed(engine))
        return;
    if (engine->hushed_until.ms != engine->company.until.ms) {
        engine->hushed_until = engine->company.until;
        engine->hush_give_back_at = bh_mono_add(engine->turn.mono, GIVE_BACK_MS);
    }
    give_back_waiting(engine, &engine->hush_give_back_at);
}

bool
bh_apart_is_hushed(const struct bh_engine *engine)
{
    return engine->company.hushed && !bh_mono_reached(engine->company.until, engine->turn.mono);
}

void
bh_engine_set_company(struct bh_engine *engine, const struct bh_company *company)
{
    engine->company = *company;
}

struct bh_bearing
bh_engine_bearing(const struct bh_engine *engine)
{
    return (struct bh_bearing){
        .in_hand = !is_empty(engine) || bh_claim_is_under_way(engine),
        .alone_until =
            engine->apart.phase != BH_APART_NONE ? engine->apart.quiet_until : (struct bh_mono){0},
    };
}

void
bh_apart_advance(struct bh_engine *engine)
{
    keep_quiet(engine);
    switch (engine->apart.phase) {
    case BH_APART_NONE: begin_phase(engine); break;
    case BH_APART_ROOM: make_room(engine); break;
    case BH_APART_ASKING: break;
    case BH_APART_HOLDING:
        if (bh_slot_find(&engine->slots, engine->apart.suspect) == NULL)
            end_phase(engine);
        else
            give_back_waiting(engine, &engine->apart.give_back_at);
        break;
    }
}

bool
bh_apart_next(struct bh_engine *engine, struct bh_command *ret_command)
{
    struct bh_apart *apart = &engine->apart;
    if (apart->phase != BH_APART_ROOM || !engine->company.alone || !is_empty(engine) ||
        bh_claim_is_under_way(engine))
        return false;
    if (bh_gate_wanted(engine) == 0) {
        end_phase(engine);
        return false;
    }
    apart->phase = BH_APART_ASKING;
    apart->quiet_until =
        bh_mono_add(engine->turn.mono, 2 * patience_ms(engine) + engine->config->pool.lease_ms);
    engine->queues[apart->queue].claiming = true;
    *ret_command = (struct bh_command){
        .kind = BH_COMMAND_CLAIM,
        .claim = {.queue = apart->queue, .count = 1, .alone = true},
    };
    return true;
}

void
bh_apart_claimed(struct bh_engine *engine, unsigned queue)
{
    if (engine->apart.phase == BH_APART_ASKING && engine->apart.queue == queue)
        end_phase(engine);
}

void
bh_apart_opened(struct bh_engine *engine, const struct bh_slot *slot)
{
    if (slot->head.recoveries != BH_SUSPECT_RECOVERIES)
        return;
    engine->stats.tried_apart++;
    engine->apart.phase = BH_APART_HOLDING;
    engine->apart.suspect = bh_slot_handle(slot);
    engine->apart.give_back_at = bh_mono_add(engine->turn.mono, patience_ms(engine));
}

struct bh_mono
bh_apart_wake_at(const struct bh_engine *engine)
{
    const struct bh_apart *apart = &engine->apart;
    if (bh_apart_is_hushed(engine) && apart->phase == BH_APART_NONE)
        return bh_mono_min(engine->hush_give_back_at, engine->company.until);
    if (apart->phase == BH_APART_ROOM)
        return bh_mono_min(apart->give_back_at, apart->give_up_at);
    if (apart->phase == BH_APART_HOLDING)
        return apart->give_back_at;
    if (apart->phase != BH_APART_NONE || !may_begin(engine))
        return BH_MONO_NEVER;
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        if (has_suspects(engine, &engine->queues[engine->config->queues[i].no]))
            return other_work_waits(engine) ? apart->fair_at : apart->not_before;
    }
    return BH_MONO_NEVER;
}

void
bh_apart_check(const struct bh_engine *engine)
{
    const struct bh_apart *apart = &engine->apart;
    unsigned suspects = 0, used = 0;
    for (uint32_t i = 0; i < engine->slots.count; i++) {
        const struct bh_slot *slot = &engine->slots.slots[i];
        used += slot->stage != BH_STAGE_FREE;
        suspects += slot->stage != BH_STAGE_FREE && slot->head.recoveries == BH_SUSPECT_RECOVERIES;
    }
    BH_ASSERT(suspects == 0 || (used == 1 && apart->phase == BH_APART_HOLDING));
}
