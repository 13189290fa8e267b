#include "cli/picture_json.h"

#include <stdio.h>

#include "cli/picture_text.h"
#include "core/json.h"
#include "core/money.h"

#define LINE_MAX ((size_t)64 * 1024)

static void
put_held(struct bh_json_writer *writer, const struct bh_picture_queue *queue)
{
    bh_json_open_object(writer, "held");
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++)
        bh_json_put_int(writer, bh_reason_name((enum bh_reason)reason),
                        (int64_t)bh_picture_held(queue, (enum bh_reason)reason));
    bh_json_close_object(writer);
}

static void
put_outcomes(struct bh_json_writer *writer, const struct bh_picture_queue *queue)
{
    bh_json_open_object(writer, "outcomes");
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_state_is_final((enum bh_state)state))
            bh_json_put_int(writer, bh_state_name((enum bh_state)state),
                            bh_picture_outcome(queue, (enum bh_state)state));
    }
    bh_json_put_int(writer, "duplicate_id", bh_picture_find(queue, "outcome:duplicate_id"));
    bh_json_close_object(writer);
}

/* As the account's hash has them; null while nothing is known. */
static const char *const lock_words[] = {
    [BH_LOCK_UNKNOWN] = NULL,
    [BH_LOCK_ON] = "on",
    [BH_LOCK_OFF] = "off",
};

static const char *const journal_words[] = {
    [BH_JOURNAL_UNKNOWN] = NULL,
    [BH_JOURNAL_READABLE] = "yes",
    [BH_JOURNAL_DENIED] = "no",
};

static void
put_account(struct bh_json_writer *writer, const struct bh_picture *picture)
{
    const struct bh_account_view *account = &picture->account;
    int64_t spend = bh_picture_spend_micro(picture);
    if (!picture->account_known)
        return;
    bh_json_open_object(writer, "account");
    bh_json_put_text(writer, "state",
                     account->state == BH_ACCOUNT_TRIAL ? "trial" : bh_account_word(account));
    bh_json_put_text(writer, "reason", account->reason);
    bh_json_put_text(writer, "text", account->text);
    bh_json_put_int(writer, "since", account->since.ms);
    if (account->balance_micro != INT64_MIN) {
        bh_json_put_raw(writer, "balance",
                        bh_str_from(bh_money_format(account->balance_micro).text));
        bh_json_put_int(writer, "balance_at", account->balance_at.ms);
    }
    if (spend >= 0)
        bh_json_put_raw(writer, "spend_per_hour", bh_str_from(bh_money_format(spend).text));
    bh_json_put_text(writer, "reload_lock", lock_words[account->lock]);
    bh_json_put_int(writer, "reload_lock_at", account->lock_at.ms);
    bh_json_put_text(writer, "journal", journal_words[account->journal]);
    bh_json_close_object(writer);
}

static void
put_server(struct bh_json_writer *writer, const struct bh_redis_survey *server)
{
    bh_json_open_object(writer, "redis");
    bh_json_put_text(writer, "version", server->version);
    bh_json_put_text(writer, "role", server->role);
    bh_json_put_int(writer, "used_bytes", server->memory_used);
    bh_json_put_int(writer, "max_bytes", server->memory_max);
    if (server->appendonly != BH_UNKNOWN)
        bh_json_put_bool(writer, "append_only", server->appendonly == BH_YES);
    bh_json_close_object(writer);
}

static void
put_verdict(struct bh_json_writer *writer, const struct bh_judgement *verdict)
{
    bh_json_open_object(writer, "verdict");
    bh_json_put_text(writer, "cause", bh_cause_name(verdict->cause));
    bh_json_put_text(writer, "gravity", bh_gravity_name(verdict->gravity));
    bh_json_put_text(writer, "queue", verdict->queue);
    bh_json_put_text(writer, "text", verdict->text);
    bh_json_put_text(writer, "todo", verdict->todo);
    bh_json_close_object(writer);
}

/* Milliseconds from microseconds; null: not known. */
static void
put_latency(struct bh_json_writer *writer, const char *name, int64_t us)
{
    if (us < 0)
        bh_json_put_null(writer, name);
    else
        bh_json_put_raw(writer, name, bh_str_from(bh_money_format(us * 1000).text));
}

static void
put_gateway(struct bh_json_writer *writer, const struct bh_picture *picture)
{
    const struct bh_process_sum sum = bh_picture_sum(picture);
    bh_json_open_object(writer, "gateway");
    put_latency(writer, "p50_ms", sum.gateway_p50_us);
    put_latency(writer, "p95_ms", sum.gateway_p95_us);
    put_latency(writer, "p99_ms", sum.gateway_p99_us);
    bh_json_put_int(writer, "connections_open", sum.connections);
    bh_json_close_object(writer);
    bh_json_put_int(writer, "processes", (int64_t)sum.alive);
    bh_json_put_int(writer, "workers", (int64_t)sum.workers);
    bh_json_put_int(writer, "workers_stalled", (int64_t)sum.stalled);
    put_latency(writer, "loop_lag_p99_ms", sum.lag_p99_us);
}

/* What the gateway answered about this queue's jobs within the time; null: no minute reaches back. */
static void
put_codes_of(struct bh_json_writer *writer, const char *name, const struct bh_picture_queue *queue,
             bh_ms window_ms)
{
    const struct bh_str prefix = BH_STR_LITERAL("code:");
    bh_ms over_ms;
    struct bh_str counter;
    int64_t ever;
    if (bh_picture_grown(queue, "attempts", window_ms, &over_ms) < 0) {
        bh_json_put_null(writer, name);
        return;
    }
    bh_json_open_object(writer, name);
    for (size_t i = 0; i < queue->view.counters_count; i++) {
        char text[48];
        if (!bh_queue_view_counter(&queue->view, i, &counter, &ever) ||
            !bh_str_starts_with(counter, prefix) || counter.len >= sizeof(text))
            continue;
        (void)snprintf(text, sizeof(text), "%.*s", BH_STR_ARGS(counter));
        int64_t grown = bh_picture_grown(queue, text, window_ms, &over_ms);
        if (grown > 0)
            bh_json_put_int(writer, text + prefix.len, grown);
    }
    bh_json_close_object(writer);
}

static void
put_codes(struct bh_json_writer *writer, const struct bh_picture_queue *queue)
{
    bh_json_open_object(writer, "codes");
    put_codes_of(writer, "m1", queue, BH_MINUTE_MS);
    put_codes_of(writer, "m15", queue, 15 * BH_MINUTE_MS);
    put_codes_of(writer, "m60", queue, BH_HOUR_MS);
    bh_json_close_object(writer);
}

/* Thousandths as a decimal; null: not known. */
static void
put_milli(struct bh_json_writer *writer, const char *name, bool known, int64_t milli)
{
    if (!known || milli > INT64_MAX / 1000)
        bh_json_put_null(writer, name);
    else
        bh_json_put_raw(writer, name, bh_str_from(bh_money_format(milli * 1000).text));
}

static void
put_flow(struct bh_json_writer *writer, const struct bh_picture_queue *queue)
{
    const struct bh_verdict_queue facts = bh_picture_queue_facts(queue);
    bh_json_put_int(writer, "oldest_ms", queue->oldest_ms);
    put_milli(writer, "in_per_s", queue->flow_known, queue->flow.in_milli);
    put_milli(writer, "out_per_s", queue->flow_known, queue->flow.out_milli);
    if (queue->drain_ms >= 0)
        bh_json_put_int(writer, "drain_ms", queue->drain_ms);
    else
        bh_json_put_null(writer, "drain_ms");
    bh_json_put_bool(writer, "expires_waiting", bh_verdict_is_too_slow(&facts));
}

static void
put_counts(struct bh_json_writer *writer, const struct bh_picture_queue *queue)
{
    const struct bh_verdict_queue facts = bh_picture_queue_facts(queue);
    bh_json_put_int(writer, "ready", (int64_t)queue->ready);
    bh_json_put_int(writer, "scheduled", bh_picture_find(queue, "now:scheduled"));
    bh_json_put_int(writer, "retrying", bh_picture_find(queue, "now:retrying"));
    put_held(writer, queue);
    bh_json_put_int(writer, "in_flight", (int64_t)queue->view.leases);
    bh_json_put_int(writer, "uncertain", bh_picture_find(queue, "now:uncertain"));
    bh_json_put_int(writer, "suspects", bh_picture_find(queue, "now:suspects"));
    bh_json_put_int(writer, "open_messages", (int64_t)queue->view.open);
    bh_json_put_int(writer, "silent_ms", bh_picture_silence_ms(&queue->view));
    bh_json_put_int(writer, "dead", (int64_t)queue->view.dead);
    bh_json_put_int(writer, "callbacks", (int64_t)queue->view.callbacks);
    bh_json_put_int(writer, "callbacks_failing", (int64_t)queue->view.callbacks_failing);
    bh_json_put_int(writer, "callbacks_failing_ms", facts.callbacks_failing_ms);
    bh_json_put_int(writer, "callbacks_late_ms", facts.callbacks_late_ms);
    bh_json_put_int(writer, "taken", bh_picture_find(queue, "handle"));
    bh_json_put_int(writer, "attempts", bh_picture_find(queue, "attempts"));
    put_outcomes(writer, queue);
}

static void
put_queue(struct bh_json_writer *writer, const struct bh_picture_queue *queue)
{
    bh_json_put_text(writer, "queue", queue->name);
    put_counts(writer, queue);
    put_flow(writer, queue);
    put_codes(writer, queue);
    bh_json_put_bool(writer, "paused", queue->view.paused);
    if (queue->view.paused) {
        bh_json_put_string(writer, "paused_reason", queue->view.reason);
        bh_json_put_string(writer, "paused_by", queue->view.by);
        bh_json_put_int(writer, "paused_since", queue->view.since.ms);
    }
    bh_json_put_int(writer, "next_due", queue->view.next_due.ms);
}

/* `queue` NULL: there is nothing to tell of queues. */
static enum bh_status
print_line(const struct bh_picture *picture, const struct bh_judgement *verdict,
           const struct bh_picture_queue *queue)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    if (queue != NULL)
        put_queue(&writer, queue);
    put_verdict(&writer, verdict);
    put_account(&writer, picture);
    if (picture->processes_known)
        put_gateway(&writer, picture);
    if (picture->server_known)
        put_server(&writer, &picture->server);
    bh_json_close_object(&writer);
    enum bh_status result = bh_buf_status(&line);
    if (result == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return result;
}

enum bh_status
bh_picture_print_json(const struct bh_picture *picture, const struct bh_judgement *verdict)
{
    enum bh_status result = BH_OK;
    if (!picture->redis_up)
        return print_line(picture, verdict, NULL);
    for (size_t i = 0; i < picture->queues_count && result == BH_OK; i++)
        result = print_line(picture, verdict, &picture->queues[i]);
    return result;
}
