/*
 * facts - what Redis tells of queues, processes and the account, as the facts that a verdict is found from.
 *
 * `bellhop` and bellhopd keep what they have read in forms of their own; here is the one place that says what it means, so that
 * the command line and the dashboard never name different causes.
 */
#ifndef BH_REDIS_FACTS_H
#define BH_REDIS_FACTS_H

#include <bellhop/state.h>

#include "core/config.h"
#include "core/verdict.h"
#include "redis/account_codec.h"
#include "redis/minutes.h"
#include "redis/processes.h"
#include "redis/queue_view.h"

/* A worker that has not turned for so long, although it is asked every second, does no work. */
#define BH_WORKER_STANDS_STILL_MS (10 * BH_SECOND_MS)

/* ---- A queue ---- */

/* Its counters and gauges by name (queue_view.h), 0 for those that it has not. */
struct bh_counter_source {
    int64_t (*find)(const void *arg, const char *name);
    const void *arg; /* borrowed */
};

/* Held for that reason, and for whatever reason. */
uint64_t bh_count_held_for(const struct bh_counter_source *counters, enum bh_reason reason);
uint64_t bh_count_held(const struct bh_counter_source *counters);

/* May run now and was never tried: pushed, moved aside, given back.  The view's counters are not looked at. */
uint64_t bh_count_ready(const struct bh_queue_view *view, const struct bh_counter_source *counters);

/* All of it borrowed; so is what stands in the facts. */
struct bh_queue_source {
    const char *name;
    const struct bh_queue_config *config; /* NULL: not configured here */
    const struct bh_queue_view *view;     /* NULL: not known; its counters are not looked at */
    const struct bh_minutes *minutes;
    const struct bh_tally *tally;
    bh_ms oldest_ms;
    struct bh_counter_source counters;
};

struct bh_verdict_queue bh_queue_facts(const struct bh_queue_source *source);

/* ---- Processes ---- */

/* What all that live tell together. */
struct bh_process_sum {
    size_t alive, draining;
    bh_ms running_ms;        /* the longest; of those whose report was read */
    size_t silent;           /* that have a report, and an old one */
    bh_ms silent_ms;         /* since the newest of these; -1: there is none */
    const char *silent_name; /* whose that is; borrowed from the report */
    size_t workers, holding, stalled, cut_off;
    size_t ill;    /* holding ones of processes that tell why: see redis/processes.h */
    bh_ms ill_ms;  /* the longest */
    bh_ms wait_ms; /* the shortest */
    struct bh_gateway_illness illness; /* of the longest */
    int64_t lag_p99_us;                /* of the slowest loop; -1: not known */
    int64_t gateway_p50_us, gateway_p95_us,
        gateway_p99_us; /* of the slowest process; -1: not known */
    uint64_t gateway_count;
    bh_ms window_ms;
    unsigned connections;
};

/* Of none. */
struct bh_process_sum bh_process_sum_begin(void);

/* One that reports. */
void bh_process_sum_add(struct bh_process_sum *sum, const struct bh_process_report *report);

/* One that has reported so long ago that it counts as silent. */
void bh_process_sum_add_silent(struct bh_process_sum *sum, const struct bh_process_report *report,
                               bh_ms age_ms);

/* All of them, each by the age of its report. */
void bh_process_sum_add_row(struct bh_process_sum *sum, const struct bh_process_row *row,
                            struct bh_wall server_now);

void bh_process_facts(struct bh_verdict_facts *facts, const struct bh_process_sum *sum);

/* ---- The account ---- */

/* `known` false: only that is told. */
void bh_account_facts(struct bh_verdict_facts *facts, bool known,
                      const struct bh_account_view *account, int64_t low_balance_micro);

#endif
