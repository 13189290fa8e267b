#include "redis/facts.h"

#include <stdio.h>

#include "core/callback.h"
#include "core/gateway_code.h"

/* ---- A queue ---- */

static int64_t
find(const struct bh_counter_source *counters, const char *name)
{
    return counters->find(counters->arg, name);
}

static uint64_t
gauge(const struct bh_counter_source *counters, const char *name)
{
    int64_t value = find(counters, name);
    return value > 0 ? (uint64_t)value : 0;
}

uint64_t
bh_count_held_for(const struct bh_counter_source *counters, enum bh_reason reason)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "now:held:%s", bh_reason_name(reason));
    return gauge(counters, name);
}

uint64_t
bh_count_held(const struct bh_counter_source *counters)
{
    uint64_t sum = 0;
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++)
        sum += bh_count_held_for(counters, (enum bh_reason)reason);
    return sum;
}

/* What lies in `ready` and `due` and is not counted there for another reason: new ones that were given back. */
uint64_t
bh_count_ready(const struct bh_queue_view *view, const struct bh_counter_source *counters)
{
    uint64_t lies = view->ready + view->due;
    uint64_t counted = bh_count_held(counters) + gauge(counters, "now:scheduled") +
                       gauge(counters, "now:retrying") + gauge(counters, "now:uncertain");
    return view->raw + view->moved + (lies > counted ? lies - counted : 0);
}

/* Within the last while, or as far as the minutes reach back. */
static uint64_t
grown_within(const struct bh_queue_source *source, const char *name, bh_ms window_ms)
{
    const struct bh_minute *then =
        bh_minutes_before(source->minutes, source->view->server_now, window_ms);
    int64_t grown = then != NULL ? find(&source->counters, name) - bh_minute_find(then, name) : 0;
    return grown > 0 ? (uint64_t)grown : 0;
}

static uint64_t
grown_lately(const struct bh_queue_source *source, const char *name)
{
    return grown_within(source, name, BH_HOUR_MS);
}

static uint64_t
ended_as(const struct bh_queue_source *source, enum bh_state state)
{
    char name[48];
    (void)snprintf(name, sizeof(name), "outcome:%s", bh_state_name(state));
    return grown_within(source, name, BH_VERDICT_FAIL_WINDOW_MS);
}

/* The one that was said most often, if that is to half of them at least. */
static int
fail_code(const struct bh_queue_source *source, uint64_t failed)
{
    const struct bh_gateway_code *row;
    uint64_t most = failed / 2;
    int code = 0;
    for (size_t at = 0; (row = bh_gateway_code_at(at)) != NULL; at++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "code:%d", row->code);
        uint64_t grown = grown_within(source, name, BH_VERDICT_FAIL_WINDOW_MS);
        if (row->action == BH_ACTION_ACCEPT || grown <= most)
            continue;
        most = grown;
        code = row->code;
    }
    return code;
}

static void
add_ends(const struct bh_queue_source *source, struct bh_verdict_queue *facts)
{
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_state_is_final((enum bh_state)state))
            facts->ended_just_now += ended_as(source, (enum bh_state)state);
    }
    facts->sent_just_now = ended_as(source, BH_STATE_SENT) + ended_as(source, BH_STATE_PARTIAL);
    facts->failed_just_now = ended_as(source, BH_STATE_FAILED);
    facts->invalid_just_now = ended_as(source, BH_STATE_INVALID);
    if (facts->failed_just_now > 0)
        facts->fail_code = fail_code(source, facts->failed_just_now);
}

/* Less those that somebody has given his word on, and never more than the dead set holds. */
static uint64_t
unknown_lately(const struct bh_queue_source *source)
{
    uint64_t ended = grown_lately(source, "outcome:unknown");
    uint64_t settled = grown_lately(source, "uncertain:operator");
    uint64_t left = ended > settled ? ended - settled : 0;
    return left < source->view->dead ? left : source->view->dead;
}

/* `since` is 0 when it is not so. */
static bh_ms
for_ms(const struct bh_queue_view *view, struct bh_wall since)
{
    return since.ms > 0 ? bh_ms_max(view->server_now.ms - since.ms, 0) : 0;
}

static void
add_callbacks(const struct bh_queue_source *source, struct bh_verdict_queue *facts)
{
    const struct bh_queue_view *view = source->view;
    facts->callbacks = view->callbacks;
    facts->callbacks_failing = view->callbacks_failing;
    facts->callbacks_given_up_lately = grown_lately(source, "callback:given_up");
    facts->callbacks_failing_ms = for_ms(view, view->callbacks_failing_since);
    facts->callbacks_late_ms = for_ms(view, view->callbacks_due);
    facts->callbacks_error = view->callbacks_error;
    if (source->config != NULL)
        facts->callback_to = bh_callback_origin(bh_str_from(source->config->callback_url));
}

static bh_ms
served_ms(const struct bh_queue_source *source)
{
    const struct bh_minutes *minutes = source->minutes;
    if (minutes->count == 0)
        return -1;
    return bh_ms_max(source->view->server_now.ms - minutes->rows[0].at.ms, 0);
}

static int64_t
rate_of(const struct bh_queue_source *source)
{
    if (source->view != NULL && source->view->rate != BH_QUEUE_LIMIT_UNSET)
        return source->view->rate;
    return source->config != NULL ? source->config->rate : 0;
}

struct bh_verdict_queue
bh_queue_facts(const struct bh_queue_source *source)
{
    const struct bh_queue_view *view = source->view;
    struct bh_flow flow = {0};
    struct bh_verdict_queue facts = {
        .name = source->name,
        .ttl_ms = source->config != NULL ? source->config->ttl_ms : 0,
        .rate = rate_of(source),
        .pause_reason = {"", 0},
        .pause_by = {"", 0},
        .callback_to = {"", 0},
        .callbacks_error = {"", 0},
    };
    if (view == NULL)
        return facts;
    facts.waiting = bh_count_ready(view, &source->counters) + bh_count_held(&source->counters);
    facts.uncertain = gauge(&source->counters, "now:uncertain");
    facts.later = gauge(&source->counters, "now:retrying") + facts.uncertain;
    facts.dead = view->dead;
    facts.held_gateway = bh_count_held_for(&source->counters, BH_REASON_GATEWAY_DOWN);
    facts.unknown_lately = unknown_lately(source);
    facts.expired_lately = grown_lately(source, "outcome:expired");
    add_ends(source, &facts);
    facts.oldest_ms = source->oldest_ms;
    facts.flow_known = bh_minutes_flow(source->minutes, source->tally, BH_MINUTE_MS, &flow);
    facts.in_milli = flow.in_milli;
    facts.out_milli = flow.out_milli;
    facts.paused = view->paused;
    facts.pause_reason = view->reason;
    facts.pause_by = view->by;
    facts.paused_ms = bh_ms_max(view->server_now.ms - view->since.ms, 0);
    facts.silent_ms = for_ms(view, view->silent_since);
    facts.messages_lately = grown_lately(source, "messages");
    add_callbacks(source, &facts);
    facts.served_ms = served_ms(source);
    return facts;
}

/* ---- Processes ---- */

struct bh_process_sum
bh_process_sum_begin(void)
{
    return (struct bh_process_sum){.silent_ms = -1,
                                   .lag_p99_us = -1,
                                   .gateway_p50_us = -1,
                                   .gateway_p95_us = -1,
                                   .gateway_p99_us = -1};
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void
add_worker(struct bh_process_sum *sum, const struct bh_process_worker *worker)
{
    sum->workers++;
    sum->holding += worker->breaker_open;
    sum->stalled += worker->turned_ms_ago > BH_WORKER_STANDS_STILL_MS;
    sum->cut_off += !worker->store_up;
    sum->lag_p99_us = larger(sum->lag_p99_us, worker->lag_p99_us);
}

static void
add_illness(struct bh_process_sum *sum, const struct bh_process_report *report)
{
    if (report->gateway_holding == 0)
        return;
    if (sum->ill == 0 || report->gateway_wait_ms < sum->wait_ms)
        sum->wait_ms = report->gateway_wait_ms;
    if (sum->ill == 0 || report->gateway_ill_ms > sum->ill_ms) {
        sum->ill_ms = report->gateway_ill_ms;
        sum->illness = report->gateway_illness;
    }
    sum->ill += report->gateway_holding;
}

void
bh_process_sum_add(struct bh_process_sum *sum, const struct bh_process_report *report)
{
    sum->alive++;
    sum->draining += report->draining;
    for (size_t i = 0; i < report->workers_count; i++)
        add_worker(sum, &report->workers[i]);
    add_illness(sum, report);
    sum->gateway_count += report->gateway_count;
    sum->gateway_p50_us = larger(sum->gateway_p50_us, report->gateway_p50_us);
    sum->gateway_p95_us = larger(sum->gateway_p95_us, report->gateway_p95_us);
    sum->gateway_p99_us = larger(sum->gateway_p99_us, report->gateway_p99_us);
    sum->window_ms = bh_ms_max(sum->window_ms, report->window_ms);
    sum->connections += report->connections_open;
}

void
bh_process_sum_add_silent(struct bh_process_sum *sum, const struct bh_process_report *report,
                          bh_ms age_ms)
{
    sum->silent++;
    if (sum->silent_ms >= 0 && sum->silent_ms <= age_ms)
        return;
    sum->silent_ms = age_ms;
    sum->silent_name = report->instance;
}

void
bh_process_sum_add_row(struct bh_process_sum *sum, const struct bh_process_row *row,
                       struct bh_wall server_now)
{
    if (bh_process_is_alive(row, server_now)) {
        bh_process_sum_add(sum, &row->report);
        sum->running_ms = bh_ms_max(sum->running_ms, row->at.ms - row->report.started_at.ms);
    } else
        bh_process_sum_add_silent(sum, &row->report, bh_ms_max(server_now.ms - row->at.ms, 0));
}

void
bh_process_facts(struct bh_verdict_facts *facts, const struct bh_process_sum *sum)
{
    facts->processes_known = true;
    facts->processes = sum->alive;
    facts->draining = sum->draining;
    facts->running_ms = sum->running_ms;
    facts->silent = sum->silent;
    facts->silent_ms = sum->silent_ms;
    facts->silent_name = sum->silent_name;
    facts->workers = sum->workers;
    facts->workers_holding = sum->holding;
    facts->workers_ill = sum->ill;
    facts->ill_ms = sum->ill_ms;
    facts->ill_wait_ms = sum->wait_ms;
    facts->illness = sum->illness;
    facts->workers_stalled = sum->stalled;
    facts->workers_cut_off = sum->cut_off;
}

/* ---- The account ---- */

void
bh_account_facts(struct bh_verdict_facts *facts, bool known, const struct bh_account_view *account,
                 int64_t low_balance_micro)
{
    facts->account_known = known;
    facts->low_balance_micro = low_balance_micro;
    facts->account_reason = account->reason;
    facts->account_text = account->text;
    facts->balance_micro = INT64_MIN;
    facts->probe_wait_ms = -1;
    if (!known)
        return;
    facts->account_open = account->state == BH_ACCOUNT_OPEN;
    facts->account_paused_ms = bh_ms_max(account->server_now.ms - account->since.ms, 0);
    facts->probe_wait_ms =
        account->state == BH_ACCOUNT_TRIAL ? account->trial_wait_ms : account->probe_wait_ms;
    /* What was known before the account was paused does not explain it. */
    if (facts->account_open || account->balance_at.ms >= account->since.ms)
        facts->balance_micro = account->balance_micro;
}
