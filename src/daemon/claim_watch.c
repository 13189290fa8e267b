#include "daemon/claim_watch.h"

#include "core/alloc.h"

/* A blocking wait of the store, three times, and never less than this. */
#define WAITS_MS ((bh_ms)3 * 5 * BH_SECOND_MS)
#define LEAST_MS (30 * BH_SECOND_MS)

/* Between two looks at Redis. */
#define LOOK_DISTANCE_MS (10 * BH_SECOND_MS)

/* A pulse that comes so late says that this process did not run: what the workers did not hear is no wonder. */
#define SLEPT_MS (5 * BH_SECOND_MS)

enum bh_status
bh_claim_watch_init(struct bh_claim_watch *watch, unsigned workers)
{
    *watch = (struct bh_claim_watch){.bound_ms = LEAST_MS, .workers_count = workers};
    watch->workers = bh_alloc_array(workers, sizeof(*watch->workers));
    if (watch->workers == NULL)
        return BH_ENOMEM;
    for (unsigned i = 0; i < workers; i++)
        watch->workers[i] = (struct bh_claim_watch_worker){.silent_since = BH_MONO_NEVER};
    return BH_OK;
}

void
bh_claim_watch_release(struct bh_claim_watch *watch)
{
    bh_free(watch->workers);
    watch->workers = NULL;
    watch->workers_count = 0;
}

void
bh_claim_watch_configure(struct bh_claim_watch *watch, bh_ms command_timeout_ms)
{
    watch->bound_ms = bh_ms_max(LEAST_MS, WAITS_MS + command_timeout_ms);
}

void
bh_claim_watch_show(struct bh_claim_watch *watch, unsigned number, struct bh_mono silent_since,
                    uint64_t answers)
{
    struct bh_claim_watch_worker *worker = &watch->workers[number];
    worker->helped = worker->helped && worker->answers == answers;
    worker->answers = answers;
    worker->silent_since = silent_since;
}

bh_ms
bh_claim_watch_silence(const struct bh_claim_watch *watch, unsigned number, struct bh_mono now)
{
    const struct bh_claim_watch_worker *worker = &watch->workers[number];
    if (bh_mono_is_never(worker->silent_since))
        return 0;
    return now.ms - bh_ms_max(worker->silent_since.ms, worker->counted_from.ms);
}

static bool
is_silent(const struct bh_claim_watch *watch, unsigned number, struct bh_mono now)
{
    return bh_claim_watch_silence(watch, number, now) > watch->bound_ms;
}

bool
bh_claim_watch_any_silent(const struct bh_claim_watch *watch, struct bh_mono now)
{
    for (unsigned i = 0; i < watch->workers_count; i++) {
        if (is_silent(watch, i, now))
            return true;
    }
    return false;
}

bool
bh_claim_watch_pulse(struct bh_claim_watch *watch, struct bh_mono now)
{
    bool slept = now.ms - watch->last_pulse.ms > SLEPT_MS;
    watch->last_pulse = now;
    for (unsigned i = 0; slept && i < watch->workers_count; i++)
        watch->workers[i].counted_from = now;
    if (!bh_claim_watch_any_silent(watch, now) || watch->looking ||
        !bh_mono_reached(watch->look_at, now))
        return false;
    watch->looking = true;
    return true;
}

void
bh_claim_watch_looked(struct bh_claim_watch *watch, struct bh_mono now)
{
    watch->looking = false;
    watch->look_at = bh_mono_add(now, LOOK_DISTANCE_MS);
}

enum bh_claim_advice
bh_claim_watch_advise(struct bh_claim_watch *watch, unsigned number, struct bh_mono now)
{
    struct bh_claim_watch_worker *worker = &watch->workers[number];
    if (!is_silent(watch, number, now))
        return BH_CLAIM_ADVICE_NONE;
    if (worker->helped)
        return BH_CLAIM_ADVICE_END;
    worker->helped = true;
    worker->counted_from = now;
    return BH_CLAIM_ADVICE_REOPEN;
}
