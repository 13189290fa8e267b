#include "daemon/self_report.h"

#include <stdio.h>
#include <unistd.h>

#include <bellhop/version.h>

#include "core/alloc.h"
#include "daemon/clock.h"

enum bh_status
bh_self_report_init(struct bh_self_report *self, const char *instance,
                    struct bh_worker *const *workers, unsigned count)
{
    BH_ASSERT(count <= BH_PROCESS_WORKERS_MAX);
    *self = (struct bh_self_report){
        .workers = workers,
        .workers_count = count,
        .started_at = bh_clock_wall(),
    };
    (void)snprintf(self->instance, sizeof(self->instance), "%s", instance);
    self->lags = bh_alloc_array(count, sizeof(*self->lags));
    if (self->lags == NULL)
        return BH_ENOMEM;
    bh_histogram_window_init(&self->gateway, BH_MINUTE_MS);
    bh_histogram_window_init(&self->redis, BH_MINUTE_MS);
    for (unsigned i = 0; i < count; i++)
        bh_histogram_window_init(&self->lags[i], BH_MINUTE_MS);
    return BH_OK;
}

void
bh_self_report_release(struct bh_self_report *self)
{
    bh_free(self->lags);
    self->lags = NULL;
}

/* ---- sums over the workers ---- */

static struct bh_histogram
gateway_now(const struct bh_self_report *self)
{
    struct bh_histogram sum = {0};
    for (unsigned i = 0; i < self->workers_count; i++)
        bh_meter_read(&bh_worker_meters(self->workers[i])->gateway[BH_GATEWAY_TOTAL], &sum);
    return sum;
}

static struct bh_histogram
redis_now(const struct bh_self_report *self)
{
    struct bh_histogram sum = {0};
    for (unsigned i = 0; i < self->workers_count; i++)
        bh_meter_read(&bh_worker_meters(self->workers[i])->redis, &sum);
    return sum;
}

static struct bh_histogram
lag_now(const struct bh_self_report *self, unsigned worker)
{
    struct bh_histogram lag = {0};
    bh_meter_read(&bh_worker_meters(self->workers[worker])->lag, &lag);
    return lag;
}

void
bh_self_report_show(struct bh_self_report *self, struct bh_mono now)
{
    struct bh_histogram state = gateway_now(self);
    bh_histogram_window_show(&self->gateway, now, &state);
    state = redis_now(self);
    bh_histogram_window_show(&self->redis, now, &state);
    for (unsigned i = 0; i < self->workers_count; i++) {
        state = lag_now(self, i);
        bh_histogram_window_show(&self->lags[i], now, &state);
    }
}

/* ---- the report ---- */

static struct bh_process_worker
worker_now(const struct bh_self_report *self, unsigned number, struct bh_mono now)
{
    const struct bh_worker_gauges *gauges = bh_worker_gauges(self->workers[number]);
    struct bh_histogram lag = lag_now(self, number);
    bh_ms over_ms;
    lag = bh_histogram_window_get(&self->lags[number], now, &lag, &over_ms);
    /* 0: it has not begun to turn. */
    int64_t turned_at_ms = atomic_load(&gauges->turned_at_ms);
    return (struct bh_process_worker){
        .number = number,
        .turned_ms_ago = turned_at_ms > 0 ? bh_ms_max(now.ms - turned_at_ms, 0) : 0,
        .lag_p99_us = bh_histogram_quantile_us(&lag, 990),
        .slots_used = atomic_load(&gauges->slots_used),
        .in_flight = atomic_load(&gauges->in_flight),
        .store_up = atomic_load(&gauges->store_up),
        .breaker_open = atomic_load(&gauges->breaker_open),
        .claimed = atomic_load(&gauges->claimed),
        .sent = atomic_load(&gauges->sent),
        .failed = atomic_load(&gauges->failed),
        .attempts = atomic_load(&gauges->attempts),
    };
}

static void
add_meters(struct bh_process_report *report, const struct bh_meters *meters)
{
    uint64_t ups = atomic_load_explicit(&meters->redis_ups, memory_order_relaxed);
    report->connections_open +=
        atomic_load_explicit(&meters->connections_open, memory_order_relaxed);
    report->connections_opened +=
        atomic_load_explicit(&meters->connections_opened, memory_order_relaxed);
    report->redis_reconnects += ups > 1 ? ups - 1 : 0;
}

/* Nothing is sent, and not because of a limit of ours. */
static void
add_illness(struct bh_process_report *report, const struct bh_worker_gauges *gauges,
            struct bh_mono now)
{
    bh_ms wait_ms = bh_ms_max(atomic_load(&gauges->breaker_until_ms) - now.ms, 0);
    bh_ms since_ms = atomic_load(&gauges->gateway_ill_since_ms);
    if (since_ms == 0 || (wait_ms == 0 && !atomic_load(&gauges->breaker_open)))
        return;
    bool is_first = report->gateway_holding++ == 0;
    if (is_first || wait_ms < report->gateway_wait_ms)
        report->gateway_wait_ms = wait_ms;
    if (!is_first && now.ms - since_ms <= report->gateway_ill_ms)
        return;
    report->gateway_ill_ms = bh_ms_max(now.ms - since_ms, 0);
    report->gateway_illness = (struct bh_gateway_illness){
        .trouble = (enum bh_trouble)atomic_load(&gauges->gateway_trouble),
        .http_status = atomic_load(&gauges->gateway_http_status),
        .code = atomic_load(&gauges->gateway_code),
        .asks_patience = atomic_load(&gauges->gateway_asks_patience),
    };
}

static void
add_quantiles(const struct bh_self_report *self, struct bh_mono now,
              struct bh_process_report *report)
{
    bh_ms over_ms;
    struct bh_histogram state = redis_now(self);
    state = bh_histogram_window_get(&self->redis, now, &state, &over_ms);
    report->redis_p50_us = bh_histogram_quantile_us(&state, 500);
    report->redis_p99_us = bh_histogram_quantile_us(&state, 990);
    state = gateway_now(self);
    state = bh_histogram_window_get(&self->gateway, now, &state, &report->window_ms);
    report->gateway_count = state.count;
    report->gateway_p50_us = bh_histogram_quantile_us(&state, 500);
    report->gateway_p95_us = bh_histogram_quantile_us(&state, 950);
    report->gateway_p99_us = bh_histogram_quantile_us(&state, 990);
}

void
bh_self_report_make(const struct bh_self_report *self, struct bh_mono now,
                    struct bh_process_report *ret_report)
{
    *ret_report = (struct bh_process_report){
        .version = BELLHOP_VERSION,
        .pid = (int64_t)getpid(),
        .started_at = self->started_at,
        .workers_count = self->workers_count,
    };
    (void)snprintf(ret_report->instance, sizeof(ret_report->instance), "%s", self->instance);
    for (unsigned i = 0; i < self->workers_count; i++) {
        ret_report->workers[i] = worker_now(self, i, now);
        add_meters(ret_report, bh_worker_meters(self->workers[i]));
        add_illness(ret_report, bh_worker_gauges(self->workers[i]), now);
    }
    add_quantiles(self, now, ret_report);
}
