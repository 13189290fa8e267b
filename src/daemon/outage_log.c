#include "daemon/outage_log.h"

#include <stdio.h>

#include "daemon/log.h"
#include "engine/policy.h"

static uint64_t
jobs_waiting(const struct bh_outage_sight *sight)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sight->picture->queues_count; i++) {
        const struct bh_overview_queue *queue = &sight->picture->queues[i];
        sum += queue->raw + queue->moved + queue->ready + queue->due;
    }
    return sum;
}

/* It sends nothing, because the gateway fails or has asked for patience. */
static bool
holds_back(const struct bh_worker_gauges *gauges, struct bh_mono now)
{
    bool ill = atomic_load(&gauges->gateway_ill_since_ms) != 0;
    return atomic_load(&gauges->breaker_open) ||
           (ill && atomic_load(&gauges->breaker_until_ms) > now.ms);
}

/* When the first of the workers tries the gateway again; 0: none waits for that. */
static bh_ms
next_try_ms(const struct bh_outage_sight *sight, struct bh_mono now)
{
    bh_ms next = INT64_MAX;
    for (unsigned i = 0; i < sight->workers_count; i++) {
        const struct bh_worker_gauges *gauges = bh_worker_gauges(sight->workers[i]);
        if (holds_back(gauges, now))
            next = bh_ms_min(next, atomic_load(&gauges->breaker_until_ms) - now.ms);
    }
    return next == INT64_MAX ? 0 : bh_ms_max(next, 0);
}

static bool
is_now(const struct bh_outage_sight *sight, enum bh_outage_kind kind, struct bh_mono now)
{
    unsigned up = 0, holding = 0;
    for (unsigned i = 0; i < sight->workers_count; i++) {
        const struct bh_worker_gauges *gauges = bh_worker_gauges(sight->workers[i]);
        up += atomic_load(&gauges->store_up);
        holding += holds_back(gauges, now);
    }
    switch (kind) {
    case BH_OUTAGE_GATEWAY: return holding > 0;
    case BH_OUTAGE_ACCOUNT:
        return sight->account_state.state != BH_ACCOUNT_OPEN &&
               sight->account_state.reason != BH_REASON_NONE;
    case BH_OUTAGE_REDIS: return up < sight->workers_count;
    }
    return false;
}

static void
say(const struct bh_outage_sight *sight, enum bh_outage_kind kind, bool over,
    const struct bh_outage_summary *summary, struct bh_mono now)
{
    static const char *const lasting[] = {
        [BH_OUTAGE_GATEWAY] = "the gateway still does not answer as it should",
        [BH_OUTAGE_ACCOUNT] = "the account is still paused",
        [BH_OUTAGE_REDIS] = "Redis is still away",
    };
    static const char *const ended[] = {
        [BH_OUTAGE_GATEWAY] = "the gateway did not answer as it should and does again",
        [BH_OUTAGE_ACCOUNT] = "the account was paused and works again",
        [BH_OUTAGE_REDIS] = "Redis was away and is back",
    };
    char next[64] = "";
    if (!over && kind == BH_OUTAGE_GATEWAY)
        snprintf(next, sizeof(next), ", next try in %s", bh_span(next_try_ms(sight, now)).text);
    const char *known = kind == BH_OUTAGE_REDIS && !over ? " as far as known" : "";
    unsigned long long jobs = jobs_waiting(sight);
    const struct bh_log_field fields[] = {
        bh_log_text("what", bh_outage_name(kind)),
        bh_log_duration("lasted", summary->lasted_ms / BH_SECOND_MS * BH_SECOND_MS),
        bh_log_int("jobs", (int64_t)jobs),
        bh_log_int("in_hand", sight->in_hand),
        bh_log_int("kept_back", (int64_t)summary->kept_back),
    };
    bh_log_write(over ? BH_LOG_INFO : BH_LOG_WARN, over ? "outage_over" : "outage", fields,
                 BH_ARRAY_LEN(fields), "%s, after %s; %llu job%s%s%s",
                 over ? ended[kind] : lasting[kind], bh_span(summary->lasted_ms).text, jobs,
                 jobs == 1 ? " waits" : "s wait", known, next);
}

void
bh_outage_log_pulse(struct bh_outage_log *log, const struct bh_outage_sight *sight,
                    struct bh_mono now)
{
    for (unsigned i = 0; i < BH_OUTAGE_COUNT; i++) {
        enum bh_outage_kind kind = (enum bh_outage_kind)i;
        struct bh_outage_summary summary;
        enum bh_outage_word word = bh_outage_pulse(&log->watch, &log->notes, kind,
                                                   is_now(sight, kind, now), now, &summary);
        if (word != BH_OUTAGE_SAYS_NOTHING)
            say(sight, kind, word == BH_OUTAGE_SAYS_OVER, &summary, now);
    }
}
