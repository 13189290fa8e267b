/*
 * Which queue to claim from, how many jobs, and when to sleep.
 *
 * A queue is asked when there may be something: after a wake-up, when a waiting job becomes due, while the last
 * claim said that there is more.  When a claim finds nothing, one blocking wait per queue replaces all
 * polling; the wait ends after some seconds by itself, and the claim behind it also picks up what
 * crashed workers left.
 */
#include "engine/engine_internal.h"

/* Under load, claim in batches rather than one job at a time. */
#define BATCH_WANTED 16

void
bh_claim_configure(struct bh_engine *engine)
{
    for (size_t i = 0; i < BH_CONFIG_QUEUE_NUMBERS_MAX; i++)
        engine->queues[i].config = NULL;
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        const struct bh_queue_config *config = &engine->config->queues[i];
        struct bh_queue_state *queue = &engine->queues[config->no];
        queue->config = config;
        queue->ready = true;
    }
}

static bool
is_due(const struct bh_queue_state *queue, struct bh_mono now)
{
    return queue->ready || bh_mono_reached(queue->next_due, now);
}

static bool
can_claim(const struct bh_queue_state *queue, struct bh_mono now)
{
    return queue->config != NULL && !queue->claiming && is_due(queue, now) &&
           bh_mono_reached(queue->blocked_until, now);
}

/* ---- choosing ---- */

/* Of queues that have left the configuration, too. */
bool
bh_claim_is_under_way(const struct bh_engine *engine)
{
    for (size_t i = 0; i < BH_CONFIG_QUEUE_NUMBERS_MAX; i++) {
        if (engine->queues[i].claiming)
            return true;
    }
    return false;
}

static unsigned
claim_size(const struct bh_engine *engine)
{
    unsigned wanted = bh_gate_wanted(engine);
    unsigned free = bh_slot_count(&engine->slots, BH_STAGE_FREE);
    unsigned size = wanted < free ? wanted : free;
    if (size > BH_CLAIM_MAX)
        size = BH_CLAIM_MAX;
    bool hungry = bh_slot_count(&engine->slots, BH_STAGE_GATED) == 0;
    return hungry || size >= BATCH_WANTED ? size : 0;
}

static struct bh_queue_state *
choose_queue(struct bh_engine *engine)
{
    struct bh_share_candidate candidates[BH_CONFIG_QUEUES_MAX];
    struct bh_queue_state *queues[BH_CONFIG_QUEUES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        struct bh_queue_state *queue = &engine->queues[engine->config->queues[i].no];
        if (!can_claim(queue, engine->turn.mono))
            continue;
        /* Whoever had nothing to do joins where the others are. */
        bh_share_join(&queue->share, engine->pass_now[queue->config->strict]);
        queues[count] = queue;
        candidates[count++] = (struct bh_share_candidate){
            &queue->share, (unsigned)queue->config->weight, queue->config->strict};
    }
    if (count == 0)
        return NULL;
    struct bh_queue_state *chosen = queues[bh_share_choose(candidates, count)];
    engine->pass_now[chosen->config->strict] = chosen->share.pass;
    return chosen;
}

static bool
next_wait(struct bh_engine *engine, struct bh_command *ret_command)
{
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        struct bh_queue_state *queue = &engine->queues[engine->config->queues[i].no];
        if (queue->waiting || queue->claiming || queue->ready ||
            !bh_mono_reached(queue->blocked_until, engine->turn.mono))
            continue;
        queue->waiting = true;
        queue->waiting_since = engine->turn.mono;
        *ret_command =
            (struct bh_command){.kind = BH_COMMAND_WAIT, .wait_queue = queue->config->no};
        return true;
    }
    return false;
}

bool
bh_claim_next(struct bh_engine *engine, struct bh_command *ret_command)
{
    if (engine->draining)
        return false;
    if (engine->settle_first) {
        if (bh_slot_count(&engine->slots, BH_STAGE_SETTLE) +
                bh_slot_count(&engine->slots, BH_STAGE_SETTLING) >
            0)
            return false;
        engine->settle_first = false;
    }
    if (engine->apart.phase != BH_APART_NONE)
        return bh_apart_next(engine, ret_command);
    if (bh_apart_is_hushed(engine))
        return false;
    /* A claim that is under way may fill a whole batch. */
    unsigned size = bh_claim_is_under_way(engine) ? 0 : claim_size(engine);
    struct bh_queue_state *queue = size > 0 ? choose_queue(engine) : NULL;
    if (queue == NULL)
        return next_wait(engine, ret_command);

    queue->claiming = true;
    queue->ready = false;
    queue->next_due = BH_MONO_NEVER;
    *ret_command = (struct bh_command){
        .kind = BH_COMMAND_CLAIM,
        .claim = {.queue = queue->config->no, .count = size},
    };
    return true;
}

/* ---- answers ---- */

void
bh_claim_next_due(struct bh_engine *engine, unsigned number, bh_ms next_due_ms)
{
    if (next_due_ms < 0)
        return;
    struct bh_queue_state *queue = &engine->queues[number];
    queue->next_due = bh_mono_min(queue->next_due, bh_mono_add(engine->turn.mono, next_due_ms));
}

void
bh_claim_done(struct bh_engine *engine, const struct bh_claimed_event *event)
{
    struct bh_queue_state *queue = &engine->queues[event->queue];
    /* Forgotten when the store came up anew: there may be no room for its jobs any more. */
    if (!queue->claiming) {
        engine->stats.dropped += event->jobs_count;
        return;
    }
    queue->claiming = false;
    engine->claim_answered = engine->turn.mono;
    engine->stats.claims_answered++;
    queue->suspects = event->suspects;
    bh_apart_claimed(engine, event->queue);
    bh_engine_learn_clock(engine, event->server_now, event->asked_at);
    bh_claim_next_due(engine, event->queue, event->next_due_ms);
    queue->full = event->code == BH_CLAIM_LIMITED && event->wait_ms <= 0;
    if (event->code == BH_CLAIM_LIMITED) {
        bh_ms wait_ms = event->wait_ms > 0 ? event->wait_ms : BH_ENGINE_RETRY_MS;
        queue->blocked_until = bh_mono_add(engine->turn.mono, wait_ms);
        queue->ready = true;
    } else if (event->code == BH_CLAIM_PAUSED) {
        queue->blocked_until = bh_mono_add(engine->turn.mono, BH_ENGINE_PAUSE_POLL_MS);
        queue->ready = true;
    } else if (event->more) {
        queue->ready = true;
    }

    engine->stats.claimed += event->jobs_count;
    if (queue->config != NULL)
        bh_share_charge(&queue->share, (unsigned)queue->config->weight,
                        (unsigned)event->jobs_count);
    for (size_t i = 0; i < event->jobs_count; i++)
        bh_job_open(engine, event, &event->jobs[i]);
}

void
bh_claim_lease_freed(struct bh_engine *engine, unsigned number)
{
    struct bh_queue_state *queue = &engine->queues[number];
    if (queue->full)
        queue->blocked_until = engine->turn.mono;
    queue->full = false;
}

void
bh_claim_failed(struct bh_engine *engine, unsigned number)
{
    struct bh_queue_state *queue = &engine->queues[number];
    engine->claim_answered = engine->turn.mono;
    queue->claiming = false;
    queue->ready = true;
    queue->blocked_until = bh_mono_add(engine->turn.mono, BH_ENGINE_RETRY_MS);
    bh_apart_claimed(engine, number);
}

void
bh_claim_woken(struct bh_engine *engine, unsigned number)
{
    engine->queues[number].waiting = false;
    engine->queues[number].ready = true;
}

/* ---- silence ---- */

static bool
stands_against_claims(const struct bh_engine *engine)
{
    return !engine->store_up || engine->draining || engine->settle_first ||
           bh_apart_is_hushed(engine) || engine->apart.phase == BH_APART_ROOM ||
           engine->apart.phase == BH_APART_HOLDING || claim_size(engine) == 0;
}

struct bh_mono
bh_engine_silent_since(struct bh_engine *engine, struct bh_turn turn)
{
    engine->turn = turn;
    if (stands_against_claims(engine)) {
        engine->claim_free = BH_MONO_NEVER;
        return BH_MONO_NEVER;
    }
    if (bh_mono_is_never(engine->claim_free))
        engine->claim_free = turn.mono;
    struct bh_mono since = engine->claim_answered;
    /* A wait that does not end keeps one queue silent while the others go on. */
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        const struct bh_queue_state *queue = &engine->queues[engine->config->queues[i].no];
        if (queue->waiting)
            since = bh_mono_min(since, queue->waiting_since);
    }
    return since.ms > engine->claim_free.ms ? since : engine->claim_free;
}

struct bh_mono
bh_claim_wake_at(const struct bh_engine *engine, struct bh_mono now)
{
    if (engine->draining)
        return BH_MONO_NEVER;
    struct bh_mono at = bh_apart_wake_at(engine);
    if (engine->apart.phase != BH_APART_NONE || bh_apart_is_hushed(engine))
        return at;
    for (size_t i = 0; i < engine->config->queues_count; i++) {
        const struct bh_queue_state *queue = &engine->queues[engine->config->queues[i].no];
        if (queue->claiming)
            continue;
        if (!bh_mono_reached(queue->blocked_until, now))
            at = bh_mono_min(at, queue->blocked_until);
        else if (!bh_mono_reached(queue->next_due, now))
            at = bh_mono_min(at, queue->next_due);
    }
    return at;
}
