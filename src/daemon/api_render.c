#include "daemon/api_render.h"

#include <stdio.h>
#include <string.h>

#include <bellhop/job.h>
#include <bellhop/version.h>

#include "core/duration.h"
#include "core/money.h"
#include "daemon/api_words.h"
#include "daemon/overview_verdict.h"

#define EXACT_MAX      ((int64_t)1 << 53) /* what a browser's numbers hold */
#define COUNTER_PREFIX "code:"

/* How far back the rates look: the shortest that one minute's lines can tell. */
#define FLOW_MS (2 * BH_MINUTE_MS)

/* ---- values ---- */

static void
put_count(struct bh_json_writer *writer, const char *name, uint64_t count)
{
    bh_json_put_int(writer, name, count > (uint64_t)EXACT_MAX ? EXACT_MAX : (int64_t)count);
}

/* 0 stands for "not known", or for "never". */
static void
put_wall(struct bh_json_writer *writer, const char *name, struct bh_wall at)
{
    if (at.ms > 0)
        bh_json_put_int(writer, name, at.ms);
    else
        bh_json_put_null(writer, name);
}

static void
put_known(struct bh_json_writer *writer, const char *name, int64_t value)
{
    if (value >= 0)
        bh_json_put_int(writer, name, value);
    else
        bh_json_put_null(writer, name);
}

static void
put_milli(struct bh_json_writer *writer, const char *name, int64_t milli)
{
    char text[32];
    int64_t value = milli > 0 ? milli : 0;
    (void)snprintf(text, sizeof(text), "%lld.%03lld", (long long)(value / 1000),
                   (long long)(value % 1000));
    bh_json_put_raw(writer, name, bh_str_from(text));
}

static void
put_money(struct bh_json_writer *writer, const char *name, int64_t micro)
{
    if (micro == INT64_MIN)
        bh_json_put_null(writer, name);
    else
        bh_json_put_text(writer, name, bh_money_format(micro).text);
}

/* ---- one queue ---- */

static void
put_codes(struct bh_json_writer *writer, const char *name, const struct bh_overview_queue *queue,
          bh_ms window_ms)
{
    size_t prefix_len = sizeof(COUNTER_PREFIX) - 1;
    bh_json_open_object(writer, name);
    for (size_t i = 0; i < queue->counters_count; i++) {
        const char *counter = queue->counters[i].name;
        if (strncmp(counter, COUNTER_PREFIX, prefix_len) != 0)
            continue;
        int64_t grown = bh_overview_queue_grown(queue, counter, window_ms);
        if (grown > 0)
            bh_json_put_int(writer, counter + prefix_len, grown);
    }
    bh_json_close_object(writer);
}

static void
put_held(struct bh_json_writer *writer, const struct bh_overview_queue *queue)
{
    bh_json_open_object(writer, "held");
    for (unsigned reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++) {
        uint64_t held = bh_overview_queue_held(queue, (enum bh_reason)reason);
        if (held > 0)
            put_count(writer, bh_reason_name((enum bh_reason)reason), held);
    }
    bh_json_close_object(writer);
}

/* Jobs that could go out now, if nothing held them up. */
static uint64_t
waiting_now(const struct bh_overview_queue *queue)
{
    return queue->raw + queue->moved + queue->ready + queue->overdue;
}

static void
put_warning(struct bh_json_writer *writer, const struct bh_verdict_queue *facts)
{
    char text[160] = "";
    if (!facts->paused && bh_verdict_is_too_slow(facts))
        (void)snprintf(text, sizeof(text),
                       "at this pace jobs expire before their turn comes: the ttl is %s",
                       bh_duration_format(facts->ttl_ms).text);
    bh_json_put_text(writer, "warning", text[0] != '\0' ? text : NULL);
}

static void
put_flow(struct bh_json_writer *writer, const struct bh_overview_queue *queue,
         const struct bh_verdict_queue *facts, bh_ms oldest_limit_ms)
{
    struct bh_flow flow;
    bh_ms drain_ms = -1;
    bool known = bh_overview_queue_flow(queue, FLOW_MS, &flow);
    uint64_t waiting = waiting_now(queue);
    if (known) {
        put_milli(writer, "in_per_s", flow.in_milli);
        put_milli(writer, "out_per_s", flow.out_milli);
        drain_ms = waiting > 0 ? bh_flow_drain_ms(&flow, waiting) : 0;
    } else {
        bh_json_put_null(writer, "in_per_s");
        bh_json_put_null(writer, "out_per_s");
    }
    put_known(writer, "drain_ms", drain_ms);
    put_warning(writer, facts);
    bh_json_put_bool(writer, "late", bh_verdict_is_late(facts, oldest_limit_ms));
}

static void
put_pause(struct bh_json_writer *writer, const struct bh_overview_queue *queue, bool admin)
{
    bh_json_put_bool(writer, "paused", queue->paused);
    bh_api_put_words(writer, "reason", bh_str_from(queue->reason), admin);
    bh_api_put_words(writer, "by", bh_str_from(queue->by), admin);
    put_wall(writer, "since", queue->since);
}

static void
put_figures(struct bh_json_writer *writer, const struct bh_overview_queue *queue)
{
    static const enum bh_overview_state states[] = {BH_OVERVIEW_READY, BH_OVERVIEW_SCHEDULED,
                                                    BH_OVERVIEW_RETRYING, BH_OVERVIEW_INFLIGHT,
                                                    BH_OVERVIEW_DEAD};
    for (size_t i = 0; i < BH_ARRAY_LEN(states); i++)
        put_count(writer, bh_overview_state_name(states[i]),
                  bh_overview_queue_count(queue, states[i]));
    put_held(writer, queue);
    put_count(writer, "unclaimed", queue->raw + queue->moved);
    put_count(writer, "waiting", waiting_now(queue));
    bh_json_put_int(writer, "uncertain", bh_overview_queue_find(queue, "now:uncertain"));
    bh_json_put_int(writer, "suspects", bh_overview_queue_find(queue, "now:suspects"));
    bh_json_put_int(writer, "oldest_ms", queue->oldest_ms);
    put_wall(writer, "next_due", queue->next_due);
    put_known(writer, "rate", queue->rate);
    put_known(writer, "concurrency", queue->concurrency);
}

static void
put_outcomes(struct bh_json_writer *writer, const struct bh_overview_queue *queue)
{
    static const struct bh_str prefix = {"outcome:", 8};
    bh_json_open_object(writer, "outcomes_h");
    for (size_t i = 0; i < queue->counters_count; i++) {
        const char *counter = queue->counters[i].name;
        if (!bh_str_starts_with(bh_str_from(counter), prefix))
            continue;
        int64_t grown = bh_overview_queue_grown(queue, counter, BH_HOUR_MS);
        if (grown > 0)
            bh_json_put_int(writer, counter + prefix.len, grown);
    }
    bh_json_close_object(writer);
}

static void
put_queue(struct bh_json_writer *writer, const struct bh_overview_queue *queue,
          const struct bh_queue_config *config, bh_ms oldest_limit_ms, bool admin)
{
    const struct bh_verdict_queue facts = bh_overview_queue_facts(queue, config);
    bh_json_open_object(writer, NULL);
    bh_json_put_text(writer, "name", queue->name);
    bh_json_put_text(writer, "type", config != NULL ? bh_job_type_name(config->type) : "");
    bh_json_put_bool(writer, "known", queue->known);
    put_figures(writer, queue);
    put_flow(writer, queue, &facts, oldest_limit_ms);
    put_pause(writer, queue, admin);
    put_outcomes(writer, queue);
    bh_json_open_object(writer, "codes");
    put_codes(writer, "m1", queue, BH_MINUTE_MS);
    put_codes(writer, "m15", queue, 15 * BH_MINUTE_MS);
    put_codes(writer, "m60", queue, BH_HOUR_MS);
    bh_json_close_object(writer);
    bh_json_close_object(writer);
}

const struct bh_overview_queue *
bh_api_queue(const struct bh_overview_snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->queues_count; i++) {
        if (strcmp(snapshot->queues[i].name, name) == 0)
            return &snapshot->queues[i];
    }
    return NULL;
}

/* ---- account, gateway, processes ---- */

static int64_t
spent_last_hour(const struct bh_overview_snapshot *snapshot)
{
    int64_t sum = 0;
    for (size_t i = 0; i < snapshot->queues_count; i++)
        sum += bh_overview_queue_grown(&snapshot->queues[i], "spend_micro", BH_HOUR_MS);
    return sum;
}

static void
put_account(struct bh_json_writer *writer, const struct bh_overview_snapshot *snapshot,
            const struct bh_config *config, bool admin)
{
    static const char *const states[] = {
        [BH_ACCOUNT_OPEN] = "open",
        [BH_ACCOUNT_PAUSED] = "paused",
        [BH_ACCOUNT_TRIAL] = "trial",
    };
    static const char *const journals[] = {
        [BH_JOURNAL_UNKNOWN] = "unknown",
        [BH_JOURNAL_READABLE] = "readable",
        [BH_JOURNAL_DENIED] = "denied",
    };
    static const char *const locks[] = {
        [BH_LOCK_UNKNOWN] = "unknown",
        [BH_LOCK_ON] = "on",
        [BH_LOCK_OFF] = "off",
    };
    const struct bh_account_view *account = &snapshot->account;
    bh_json_open_object(writer, "account");
    bh_json_put_bool(writer, "known", snapshot->account_known);
    bh_json_put_text(writer, "state", snapshot->account_known ? states[account->state] : "unknown");
    bh_json_put_text(writer, "reason", account->reason);
    bh_json_put_int(writer, "code", account->code);
    bh_api_put_words(writer, "text", bh_str_from(account->text), admin);
    put_wall(writer, "since", account->since);
    int64_t balance = snapshot->account_known ? account->balance_micro : INT64_MIN;
    put_money(writer, "balance", balance);
    bh_json_put_bool(writer, "balance_low",
                     bh_verdict_balance_is_low(balance, config->gateway.low_balance_micro));
    put_wall(writer, "balance_at", account->balance_at);
    put_money(writer, "low_balance", config->gateway.low_balance_micro);
    put_money(writer, "spent_last_hour", spent_last_hour(snapshot));
    put_known(writer, "probe_wait_ms", account->probe_wait_ms);
    bh_json_put_text(writer, "journal", journals[account->journal]);
    bh_json_put_text(writer, "lock", locks[account->lock]);
    bh_json_close_object(writer);
}

static void
put_worker(struct bh_json_writer *writer, const struct bh_process_worker *worker)
{
    bh_json_open_object(writer, NULL);
    bh_json_put_int(writer, "number", worker->number);
    bh_json_put_int(writer, "turned_ms_ago", worker->turned_ms_ago);
    bh_json_put_bool(writer, "stalled", worker->turned_ms_ago > BH_WORKER_STANDS_STILL_MS);
    put_known(writer, "lag_p99_us", worker->lag_p99_us);
    bh_json_put_int(writer, "slots_used", worker->slots_used);
    bh_json_put_int(writer, "in_flight", worker->in_flight);
    bh_json_put_bool(writer, "store_up", worker->store_up);
    bh_json_put_bool(writer, "breaker_open", worker->breaker_open);
    put_count(writer, "claimed", worker->claimed);
    put_count(writer, "sent", worker->sent);
    put_count(writer, "failed", worker->failed);
    put_count(writer, "attempts", worker->attempts);
    bh_json_close_object(writer);
}

static void
put_process(struct bh_json_writer *writer, const struct bh_process_report *report,
            struct bh_wall at, bool alive, bool self)
{
    bh_json_open_object(writer, NULL);
    bh_json_put_text(writer, "instance", report->instance);
    bh_json_put_bool(writer, "self", self);
    bh_json_put_bool(writer, "alive", alive);
    put_wall(writer, "reported_at", at);
    bh_json_put_text(writer, "version", report->version);
    bh_json_put_int(writer, "pid", report->pid);
    put_wall(writer, "started_at", report->started_at);
    bh_json_put_text(writer, "state", report->draining ? "draining" : "running");
    bh_json_open_array(writer, "workers");
    for (size_t i = 0; i < report->workers_count; i++)
        put_worker(writer, &report->workers[i]);
    bh_json_close_array(writer);
    bh_json_open_object(writer, "gateway");
    put_count(writer, "count", report->gateway_count);
    put_known(writer, "p50_us", report->gateway_p50_us);
    put_known(writer, "p95_us", report->gateway_p95_us);
    put_known(writer, "p99_us", report->gateway_p99_us);
    bh_json_put_int(writer, "window_ms", report->window_ms);
    bh_json_put_int(writer, "connections_open", report->connections_open);
    put_count(writer, "connections_opened", report->connections_opened);
    bh_json_close_object(writer);
    bh_json_open_object(writer, "redis");
    put_count(writer, "reconnects", report->redis_reconnects);
    put_known(writer, "p50_us", report->redis_p50_us);
    put_known(writer, "p99_us", report->redis_p99_us);
    bh_json_close_object(writer);
    bh_json_close_object(writer);
}

/* This one is told as it is now, the others as they have reported. */
static void
put_processes(struct bh_json_writer *writer, const struct bh_overview_snapshot *snapshot)
{
    bh_json_open_array(writer, "processes");
    put_process(writer, &snapshot->self, snapshot->now, true, true);
    for (size_t i = 0; i < snapshot->processes.count; i++) {
        const struct bh_process_row *row = &snapshot->processes.rows[i];
        if (strcmp(row->report.instance, snapshot->self.instance) != 0)
            put_process(writer, &row->report, row->at,
                        bh_process_is_alive(row, snapshot->server_now), false);
    }
    bh_json_close_array(writer);
}

/* ---- the verdict ---- */

static void
put_verdict(struct bh_json_writer *writer, const char *name, const struct bh_judgement *verdict)
{
    bh_json_open_object(writer, name);
    bh_json_put_text(writer, "cause", bh_cause_name(verdict->cause));
    bh_json_put_text(writer, "gravity", bh_gravity_name(verdict->gravity));
    bh_json_put_text(writer, "queue", verdict->queue);
    bh_json_put_text(writer, "text", verdict->text);
    bh_json_put_text(writer, "todo", verdict->todo);
    bh_json_close_object(writer);
}

static void
put_verdicts(struct bh_json_writer *writer, const struct bh_overview_snapshot *snapshot,
             const struct bh_config *config, bool admin)
{
    struct bh_judgement verdicts[BH_CAUSE_COUNT];
    struct bh_overview_words words;
    size_t count =
        bh_overview_judge(snapshot, config, admin ? NULL : bh_api_hide, &words, verdicts);
    put_verdict(writer, "verdict", &verdicts[0]);
    bh_json_open_array(writer, "also");
    for (size_t i = 1; i < count; i++)
        put_verdict(writer, NULL, &verdicts[i]);
    bh_json_close_array(writer);
}

/* ---- the whole ---- */

void
bh_api_render_overview(struct bh_json_writer *writer, const struct bh_overview_snapshot *snapshot,
                       const struct bh_config *config, struct bh_api_viewer viewer)
{
    bh_json_open_object(writer, NULL);
    bh_json_put_int(writer, "at", snapshot->now.ms);
    bh_json_put_text(writer, "version", BELLHOP_VERSION);
    bh_json_put_text(writer, "instance", snapshot->self.instance);
    bh_json_put_bool(writer, "admin", viewer.admin);
    bh_json_put_bool(writer, "token_is_known", viewer.token_is_known);
    bh_json_put_bool(writer, "workers_started", snapshot->workers_started);
    bh_json_put_bool(writer, "loops_turn", snapshot->loops_turn);
    bh_json_open_object(writer, "redis");
    bh_json_put_bool(writer, "up", snapshot->redis_up);
    bh_json_put_text(writer, "trouble", snapshot->redis_trouble);
    put_wall(writer, "now", snapshot->server_now);
    put_known(writer, "answered_ms_ago",
              snapshot->answered_at.ms > 0 ? snapshot->mono.ms - snapshot->answered_at.ms : -1);
    bh_json_close_object(writer);
    put_verdicts(writer, snapshot, config, viewer.admin);
    put_account(writer, snapshot, config, viewer.admin);
    bh_json_open_array(writer, "queues");
    for (size_t i = 0; i < snapshot->queues_count; i++)
        put_queue(writer, &snapshot->queues[i],
                  bh_config_queue_get(config, bh_str_from(snapshot->queues[i].name)),
                  snapshot->oldest_limit_ms, viewer.admin);
    bh_json_close_array(writer);
    put_processes(writer, snapshot);
    bh_json_close_object(writer);
}

/* ---- the last hour ---- */

static int64_t
held_in_minute(const struct bh_minute *minute)
{
    char name[48];
    int64_t sum = 0;
    for (unsigned reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++) {
        (void)snprintf(name, sizeof(name), "now:held:%s", bh_reason_name((enum bh_reason)reason));
        sum += bh_ms_max(bh_minute_find(minute, name), 0);
    }
    return sum;
}

static void
put_minute(struct bh_json_writer *writer, const struct bh_minute *minute,
           const struct bh_minute *before)
{
    int64_t scheduled = bh_ms_max(bh_minute_find(minute, "now:scheduled"), 0);
    int64_t retrying = bh_ms_max(bh_minute_find(minute, "now:retrying"), 0) +
                       bh_ms_max(bh_minute_find(minute, "now:uncertain"), 0);
    int64_t held = held_in_minute(minute);
    int64_t waiting = (int64_t)(minute->ready + minute->due) - scheduled - retrying - held;
    struct bh_tally now = bh_tally_of_minute(minute);
    bh_json_open_object(writer, NULL);
    put_wall(writer, "at", minute->at);
    bh_json_put_int(writer, "ready",
                    (int64_t)(minute->raw + minute->moved) + bh_ms_max(waiting, 0));
    bh_json_put_int(writer, "scheduled", scheduled);
    bh_json_put_int(writer, "retrying", retrying);
    bh_json_put_int(writer, "held", held);
    put_count(writer, "inflight", minute->leases);
    put_count(writer, "dead", minute->dead);
    bh_json_put_int(writer, "oldest_ms", minute->oldest_ms);
    if (before != NULL) {
        struct bh_tally then = bh_tally_of_minute(before);
        bh_json_put_int(writer, "over_ms", now.at.ms - then.at.ms);
        bh_json_put_int(writer, "in", bh_ms_max(now.pushed - then.pushed, 0));
        bh_json_put_int(writer, "out", bh_ms_max(now.left - then.left, 0));
    }
    bh_json_close_object(writer);
}

static void
put_present(struct bh_json_writer *writer, const struct bh_overview_queue *queue)
{
    static const enum bh_overview_state states[] = {BH_OVERVIEW_READY,    BH_OVERVIEW_SCHEDULED,
                                                    BH_OVERVIEW_RETRYING, BH_OVERVIEW_HELD,
                                                    BH_OVERVIEW_INFLIGHT, BH_OVERVIEW_DEAD};
    bh_json_open_object(writer, "present");
    put_wall(writer, "at", queue->at);
    for (size_t i = 0; i < BH_ARRAY_LEN(states); i++)
        put_count(writer, bh_overview_state_name(states[i]),
                  bh_overview_queue_count(queue, states[i]));
    bh_json_put_int(writer, "oldest_ms", queue->oldest_ms);
    bh_json_close_object(writer);
}

void
bh_api_render_history(struct bh_json_writer *writer, const struct bh_overview_queue *queue)
{
    const struct bh_minutes *minutes = &queue->minutes;
    bh_json_open_object(writer, NULL);
    bh_json_put_text(writer, "queue", queue->name);
    bh_json_open_array(writer, "minutes");
    for (size_t i = minutes->count; i > 0; i--)
        put_minute(writer, &minutes->rows[i - 1], i < minutes->count ? &minutes->rows[i] : NULL);
    bh_json_close_array(writer);
    put_present(writer, queue);
    bh_json_close_object(writer);
}
