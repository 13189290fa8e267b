#include "daemon/claim_guard.h"

#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"

enum bh_status
bh_claim_guard_init(struct bh_claim_guard *guard, struct bh_worker *const *workers, unsigned count)
{
    *guard = (struct bh_claim_guard){.workers = workers};
    return bh_claim_watch_init(&guard->watch, count);
}

void
bh_claim_guard_release(struct bh_claim_guard *guard)
{
    bh_claim_watch_release(&guard->watch);
    bh_config_release(guard->config);
    guard->config = NULL;
}

static void
note_not_claiming(const struct bh_claim_guard *guard, unsigned number, bh_ms silence_ms,
                  enum bh_claim_advice advice)
{
    const struct bh_worker_gauges *gauges = bh_worker_gauges(guard->workers[number]);
    const struct bh_log_field fields[] = {
        bh_log_text("queue", guard->queue),
        bh_log_int("waiting", (int64_t)guard->waiting),
        bh_log_int("worker", number),
        bh_log_duration("silent", silence_ms),
        bh_log_int("in_hand", atomic_load(&gauges->slots_used)),
        bh_log_int("in_flight", atomic_load(&gauges->in_flight)),
        bh_log_text("redis", atomic_load(&gauges->store_up) ? "up" : "away"),
        bh_log_text("gateway", atomic_load(&gauges->breaker_open) ? "down" : "up"),
        bh_log_text("account", guard->account_open ? "open" : "paused"),
    };
    bh_log_write(BH_LOG_ERROR, "not_claiming", fields, BH_ARRAY_LEN(fields), "%s",
                 advice == BH_CLAIM_ADVICE_END
                     ? "work waits, nothing stands against claiming it, and new connections did "
                       "not help; the watchdog is no longer fed"
                     : "work waits, nothing stands against claiming it, and no claim is answered; "
                       "the worker's connections to Redis are opened anew");
}

static void
help(struct bh_claim_guard *guard)
{
    struct bh_mono now = bh_clock_mono();
    for (unsigned i = 0; i < guard->watch.workers_count; i++) {
        bh_ms silence_ms = bh_claim_watch_silence(&guard->watch, i, now);
        enum bh_claim_advice advice = bh_claim_watch_advise(&guard->watch, i, now);
        if (advice == BH_CLAIM_ADVICE_NONE)
            continue;
        if (advice == BH_CLAIM_ADVICE_REOPEN || !guard->lost)
            note_not_claiming(guard, i, silence_ms, advice);
        if (advice == BH_CLAIM_ADVICE_REOPEN)
            bh_worker_post(guard->workers[i], &(struct bh_message){.kind = BH_MESSAGE_REOPEN});
        else
            guard->lost = true;
    }
}

/* All leases of the queue are given away: it waits for those who have them. */
static bool
is_limited(const struct bh_claim_guard *guard, const char *name, const struct bh_queue_view *view)
{
    int64_t most = view->concurrency;
    for (size_t i = 0; most < 0 && i < guard->config->queues_count; i++) {
        if (strcmp(guard->config->queues[i].name, name) == 0)
            most = guard->config->queues[i].concurrency;
    }
    return most > 0 && (int64_t)view->leases >= most;
}

static void
on_queue(void *arg, const char *name, const struct bh_queue_view *view)
{
    struct bh_claim_guard *guard = arg;
    if (view != NULL && !view->paused && !is_limited(guard, name, view)) {
        uint64_t waiting = view->raw + view->moved + view->ready + view->overdue;
        guard->waiting += waiting;
        if (waiting > guard->most) {
            guard->most = waiting;
            (void)snprintf(guard->queue, sizeof(guard->queue), "%s", name);
        }
    }
    if (--guard->open > 0)
        return;
    bh_claim_watch_looked(&guard->watch, bh_clock_mono());
    if (guard->waiting > 0 && !guard->ending)
        help(guard);
}

static void
show_workers(struct bh_claim_guard *guard)
{
    for (unsigned i = 0; i < guard->watch.workers_count; i++) {
        const struct bh_worker_gauges *gauges = bh_worker_gauges(guard->workers[i]);
        bh_claim_watch_show(&guard->watch, i,
                            (struct bh_mono){atomic_load(&gauges->silent_since_ms)},
                            atomic_load(&gauges->claims_answered));
    }
}

void
bh_claim_guard_pulse(struct bh_claim_guard *guard, const struct bh_claim_guard_sight *sight)
{
    /* A look may end behind a reload. */
    const struct bh_config *before = guard->config;
    guard->config = bh_config_retain(sight->config);
    bh_config_release(before);
    guard->account_open = sight->account_open;
    guard->ending = sight->ending;
    bh_claim_watch_configure(&guard->watch, sight->config->redis.command_timeout_ms);
    show_workers(guard);
    struct bh_mono now = bh_clock_mono();
    bool wants_look = bh_claim_watch_pulse(&guard->watch, now);
    guard->lost = guard->lost && bh_claim_watch_any_silent(&guard->watch, now);
    if (!wants_look)
        return;
    guard->waiting = guard->most = 0;
    guard->open = bh_keeper_inspect(sight->keeper, on_queue, guard);
    if (guard->open == 0)
        bh_claim_watch_looked(&guard->watch, now);
}
