#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bellhop/version.h>

#include "core/money.h"
#include "redis/callback.h"

#define STALE_MS BH_MINUTE_MS

/* What the families are written from. */
struct writer {
    struct bh_buf *buf;
    const struct bh_overview_snapshot *snapshot;
    const struct bh_overview_durations *durations;
};

/* ---- the format ---- */

void
bh_metrics_append_label(struct bh_buf *buf, struct bh_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' || c == '"')
            bh_buf_append_char(buf, '\\');
        if (c == '\n')
            bh_buf_append_text(buf, "\\n");
        else
            bh_buf_append_char(buf, c);
    }
}

static void
put_family(struct bh_buf *buf, const char *name, const char *type, const char *help)
{
    bh_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One or two labels; a NULL name stands for none. */
struct labels {
    const char *name, *value;
    const char *second_name;
    struct bh_str second_value;
};

static void
put_label(struct bh_buf *buf, const char *name, struct bh_str value)
{
    bh_buf_printf(buf, "%s=\"", name);
    bh_metrics_append_label(buf, value);
    bh_buf_append_char(buf, '"');
}

static void
put_labels(struct bh_buf *buf, const struct labels *labels)
{
    if (labels->name == NULL)
        return;
    bh_buf_append_char(buf, '{');
    put_label(buf, labels->name, bh_str_from(labels->value));
    if (labels->second_name != NULL) {
        bh_buf_append_char(buf, ',');
        put_label(buf, labels->second_name, labels->second_value);
    }
    bh_buf_append_char(buf, '}');
}

static void
put_sample(struct bh_buf *buf, const char *name, struct labels labels, uint64_t value)
{
    bh_buf_append_text(buf, name);
    put_labels(buf, &labels);
    bh_buf_printf(buf, " %" PRIu64 "\n", value);
}

/* A value in millionths. */
static void
put_sample_micro(struct bh_buf *buf, const char *name, struct labels labels, int64_t micro)
{
    bh_buf_append_text(buf, name);
    put_labels(buf, &labels);
    bh_buf_printf(buf, " %s\n", bh_money_format(micro).text);
}

/* ---- histograms ---- */

/* Which of the bounds are shown: 1, 2 and 5 of each power of ten, between two durations. */
struct range {
    int64_t from_us, to_us;
};

static bool
is_shown(size_t at, const struct range *range)
{
    int64_t bound_us = bh_histogram_bound_us(at), digit = bound_us;
    while (digit >= 10 && digit % 10 == 0)
        digit /= 10;
    return (digit == 1 || digit == 2 || digit == 5) && bound_us >= range->from_us &&
           bound_us <= range->to_us;
}

static void
put_bucket(struct bh_buf *buf, const char *name, const struct labels *labels, const char *bound,
           uint64_t count)
{
    bh_buf_printf(buf, "%s_bucket{", name);
    if (labels->name != NULL) {
        put_label(buf, labels->name, bh_str_from(labels->value));
        bh_buf_append_char(buf, ',');
    }
    bh_buf_printf(buf, "le=\"%s\"} %" PRIu64 "\n", bound, count);
}

/* The count is that of the buckets, so that they always agree. */
static void
put_histogram(struct bh_buf *buf, const char *name, struct labels labels, const struct range *range,
              const struct bh_histogram *histogram)
{
    uint64_t sum = 0;
    for (size_t at = 0; at < BH_HISTOGRAM_BOUNDS; at++) {
        sum += histogram->counts[at];
        if (is_shown(at, range))
            put_bucket(buf, name, &labels, bh_money_format(bh_histogram_bound_us(at)).text, sum);
    }
    sum += histogram->counts[BH_HISTOGRAM_BOUNDS];
    put_bucket(buf, name, &labels, "+Inf", sum);
    bh_buf_printf(buf, "%s_sum", name);
    put_labels(buf, &labels);
    bh_buf_printf(buf, " %s\n%s_count", bh_money_format((int64_t)histogram->sum_us).text, name);
    put_labels(buf, &labels);
    bh_buf_printf(buf, " %" PRIu64 "\n", sum);
}

static const struct range quick = {100, 10 * 1000 * 1000};
static const struct range patient = {10 * 1000, (int64_t)100 * 1000 * 1000};
static const struct range endless = {10 * 1000, INT64_C(100000) * 1000 * 1000};

/* ---- queues ---- */

static bool
is_fresh(const struct writer *w, const struct bh_overview_queue *queue)
{
    return queue->known && w->snapshot->mono.ms - queue->read_at.ms <= STALE_MS;
}

static void
put_jobs(const struct writer *w)
{
    put_family(w->buf, "bellhop_jobs", "gauge", "Jobs in a queue now, by state.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        for (int state = 0; is_fresh(w, queue) && state < BH_OVERVIEW_STATE_COUNT; state++)
            put_sample(
                w->buf, "bellhop_jobs",
                (struct labels){"queue", queue->name, "state",
                                bh_str_from(bh_overview_state_name((enum bh_overview_state)state))},
                bh_overview_queue_count(queue, (enum bh_overview_state)state));
    }
}

static void
put_held(const struct writer *w)
{
    put_family(w->buf, "bellhop_held_jobs", "gauge", "Held jobs, by what they wait for.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        for (int reason = BH_REASON_NONE + 1; is_fresh(w, queue) && reason < BH_REASON_COUNT;
             reason++)
            put_sample(w->buf, "bellhop_held_jobs",
                       (struct labels){"queue", queue->name, "reason",
                                       bh_str_from(bh_reason_name((enum bh_reason)reason))},
                       bh_overview_queue_held(queue, (enum bh_reason)reason));
    }
}

static void
put_ages(const struct writer *w)
{
    static const char name[] = "bellhop_oldest_job_seconds";
    put_family(w->buf, name, "gauge",
               "Age of the oldest job that could run now; 0 when there is none.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (is_fresh(w, queue))
            put_sample_micro(w->buf, name, (struct labels){.name = "queue", .value = queue->name},
                             queue->oldest_ms * 1000);
    }
}

static void
put_pauses(const struct writer *w)
{
    put_family(w->buf, "bellhop_queue_paused", "gauge",
               "1 while an operator has paused the queue.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (is_fresh(w, queue))
            put_sample(w->buf, "bellhop_queue_paused",
                       (struct labels){.name = "queue", .value = queue->name}, queue->paused);
    }
}

static uint64_t
counter(const struct bh_overview_queue *queue, const char *name)
{
    int64_t value = bh_overview_queue_find(queue, name);
    return value > 0 ? (uint64_t)value : 0;
}

/* The rest of the names of counters with this beginning, as values of the second label. */
static void
put_by_name(const struct writer *w, const char *metric, const char *label,
            const struct bh_overview_queue *queue, const char *beginning)
{
    for (size_t i = 0; i < queue->counters_count; i++) {
        struct bh_str name = bh_str_from(queue->counters[i].name);
        size_t skip = strlen(beginning);
        if (!bh_str_starts_with(name, bh_str_from(beginning)) || queue->counters[i].value < 0)
            continue;
        put_sample(w->buf, metric,
                   (struct labels){
                       "queue", queue->name, label, {name.ptr + skip, name.len - skip}
        },
                   (uint64_t)queue->counters[i].value);
    }
}

/* A job that another one's id kept from being taken is a duplicate like one that the gateway's lock refused. */
static uint64_t
ended_as(const struct bh_overview_queue *queue, enum bh_state state)
{
    char name[48];
    (void)snprintf(name, sizeof(name), "outcome:%s", bh_state_name(state));
    return counter(queue, name) +
           (state == BH_STATE_DUPLICATE ? counter(queue, "outcome:duplicate_id") : 0);
}

/* Ends that have not happened yet are told as 0, or the first of them would be no rise. */
static void
put_ends(const struct writer *w, const struct bh_overview_queue *queue)
{
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_state_is_final((enum bh_state)state))
            put_sample(w->buf, "bellhop_jobs_total",
                       (struct labels){"queue", queue->name, "outcome",
                                       bh_str_from(bh_state_name((enum bh_state)state))},
                       ended_as(queue, (enum bh_state)state));
    }
}

static void
put_outcomes(const struct writer *w)
{
    put_family(w->buf, "bellhop_jobs_total", "counter", "Jobs that have ended, by how.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        if (w->snapshot->queues[i].known)
            put_ends(w, &w->snapshot->queues[i]);
    }
}

static void
put_attempts(const struct writer *w)
{
    put_family(w->buf, "bellhop_attempts_total", "counter",
               "Requests that may have become messages, by the gateway's code; 0 without one.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++)
        put_by_name(w, "bellhop_attempts_total", "code", &w->snapshot->queues[i], "code:");
}

/* One figure per queue, from the counter of that name. */
static void
put_counter(const struct writer *w, const char *metric, const char *help, const char *name)
{
    put_family(w->buf, metric, "counter", help);
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (queue->known)
            put_sample(w->buf, metric, (struct labels){.name = "queue", .value = queue->name},
                       counter(queue, name));
    }
}

static void
put_uncertain(const struct writer *w)
{
    static const char metric[] = "bellhop_uncertain_total";
    static const char *const words[] = {"journal", "reload_lock", "report", "operator"};
    put_family(w->buf, metric, "counter",
               "Uncertain jobs, by what told what became of them; unknown when nothing did.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        for (size_t j = 0; queue->known && j < BH_ARRAY_LEN(words); j++) {
            char name[48];
            (void)snprintf(name, sizeof(name), "uncertain:%s", words[j]);
            put_sample(w->buf, metric,
                       (struct labels){"queue", queue->name, "resolution", bh_str_from(words[j])},
                       counter(queue, name));
        }
        if (queue->known)
            put_sample(
                w->buf, metric,
                (struct labels){"queue", queue->name, "resolution", BH_STR_LITERAL("unknown")},
                counter(queue, "outcome:unknown"));
    }
}

static void
put_callbacks(const struct writer *w)
{
    static const char gauge[] = "bellhop_callbacks";
    put_family(w->buf, gauge, "gauge",
               "Changes that are to be posted to producers; failing: and a post was in vain.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (!is_fresh(w, queue))
            continue;
        put_sample(w->buf, gauge,
                   (struct labels){"queue", queue->name, "state", BH_STR_LITERAL("waiting")},
                   queue->callbacks);
        put_sample(w->buf, gauge,
                   (struct labels){"queue", queue->name, "state", BH_STR_LITERAL("failing")},
                   queue->callbacks_failing);
    }
}

/* How long ago that was, by the server's clock; 0 for a moment to come, or for none. */
static void
put_since(const struct writer *w, const char *name, const struct bh_overview_queue *queue,
          struct bh_wall since)
{
    bh_ms ago_ms = since.ms > 0 ? bh_ms_max(queue->at.ms - since.ms, 0) : 0;
    put_sample_micro(w->buf, name,
                     (struct labels){
                         "queue", queue->name, NULL, {NULL, 0}
    },
                     ago_ms * 1000);
}

static void
put_callback_times(const struct writer *w)
{
    static const char failing[] = "bellhop_callback_failing_seconds";
    static const char late[] = "bellhop_callback_late_seconds";
    put_family(w->buf, failing, "gauge",
               "Since when posts to producers fail and none is taken; 0 when it is not so.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (is_fresh(w, queue))
            put_since(w, failing, queue, queue->callbacks_failing_since);
    }
    put_family(w->buf, late, "gauge",
               "How long ago the first waiting post to a producer should have been made.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (is_fresh(w, queue))
            put_since(w, late, queue, queue->callbacks_due);
    }
}

static void
put_callback_outcomes(const struct writer *w)
{
    static const char metric[] = "bellhop_callbacks_total";
    put_family(w->buf, metric, "counter", "Posts to producers, by what became of them.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        for (int outcome = 0; queue->known && outcome < BH_CALLBACK_DROPPED; outcome++) {
            const char *word = bh_callback_outcome_name((enum bh_callback_outcome)outcome);
            char name[48];
            (void)snprintf(name, sizeof(name), "callback:%s", word);
            put_sample(w->buf, metric,
                       (struct labels){"queue", queue->name, "outcome", bh_str_from(word)},
                       counter(queue, name));
        }
    }
}

static void
put_spend(const struct writer *w)
{
    put_family(w->buf, "bellhop_spend_total", "counter",
               "What messages have cost, in the account's currency.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (queue->known)
            put_sample_micro(w->buf, "bellhop_spend_total",
                             (struct labels){.name = "queue", .value = queue->name},
                             (int64_t)counter(queue, "spend_micro"));
    }
}

static void
put_waits(const struct writer *w)
{
    put_family(w->buf, "bellhop_wait_seconds", "histogram",
               "From push, or the due time, to the first byte of a job's first request.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++)
        put_histogram(w->buf, "bellhop_wait_seconds",
                      (struct labels){.name = "queue", .value = w->snapshot->queues[i].name},
                      &endless, &w->durations->wait[i]);
}

/* ---- gateway and account ---- */

static void
put_gateway(const struct writer *w)
{
    const struct bh_process_report *self = &w->snapshot->self;
    uint64_t down = 0;
    put_family(w->buf, "bellhop_gateway_seconds", "histogram",
               "Requests to the gateway, by phase: connect, first_byte of the answer, total.");
    for (int phase = 0; phase < BH_GATEWAY_PHASE_COUNT; phase++)
        put_histogram(w->buf, "bellhop_gateway_seconds",
                      (struct labels){.name = "phase",
                                      .value = bh_gateway_phase_name((enum bh_gateway_phase)phase)},
                      &patient, &w->durations->gateway[phase]);
    put_family(w->buf, "bellhop_gateway_connections_total", "counter",
               "Connections to the gateway that were opened.");
    put_sample(w->buf, "bellhop_gateway_connections_total", (struct labels){.name = NULL},
               self->connections_opened);
    for (size_t i = 0; i < self->workers_count; i++)
        down += self->workers[i].breaker_open;
    put_family(w->buf, "bellhop_gateway_down_workers", "gauge",
               "Workers that send nothing because the gateway fails.");
    put_sample(w->buf, "bellhop_gateway_down_workers", (struct labels){.name = NULL}, down);
}

static void
put_pulled(const struct writer *w)
{
    static const char *const answers[BH_PULLED_COUNT] = {
        [BH_PULLED_READ] = "read",
        [BH_PULLED_REFUSED] = "refused",
        [BH_PULLED_NOT_SO] = "unsupported",
        [BH_PULLED_NOTHING] = "none",
    };
    put_family(w->buf, "bellhop_pull_questions_total", "counter",
               "Questions to the gateway about what became of messages, by answer.");
    for (int i = 0; i < BH_PULLED_COUNT; i++)
        put_sample(w->buf, "bellhop_pull_questions_total",
                   (struct labels){.name = "answer", .value = answers[i]}, w->snapshot->pulled[i]);
}

static void
put_balance(const struct writer *w)
{
    const struct bh_account_view *account = &w->snapshot->account;
    put_family(w->buf, "bellhop_balance", "gauge",
               "The account's balance, as it was told last, in its currency.");
    if (w->snapshot->account_known && account->balance_micro != INT64_MIN)
        put_sample_micro(w->buf, "bellhop_balance", (struct labels){.name = NULL},
                         account->balance_micro);
    put_family(w->buf, "bellhop_low_balance", "gauge",
               "The balance that the configuration warns below; 0 for none.");
    put_sample_micro(w->buf, "bellhop_low_balance", (struct labels){.name = NULL},
                     w->snapshot->low_balance_micro);
}

static void
put_account(const struct writer *w)
{
    static const enum bh_reason reasons[] = {BH_REASON_CREDIT, BH_REASON_AUTH, BH_REASON_PAUSED};
    const struct bh_account_view *account = &w->snapshot->account;
    put_family(w->buf, "bellhop_account_paused", "gauge",
               "1 while the account is paused for this reason: no credit, key refused, operator.");
    for (size_t i = 0; w->snapshot->account_known && i < BH_ARRAY_LEN(reasons); i++) {
        const char *word = bh_reason_name(reasons[i]);
        bool paused = account->state != BH_ACCOUNT_OPEN && strcmp(account->reason, word) == 0;
        put_sample(w->buf, "bellhop_account_paused",
                   (struct labels){.name = "reason", .value = word}, paused);
    }
}

/* ---- this process ---- */

static void
put_redis(const struct writer *w)
{
    const struct bh_process_report *self = &w->snapshot->self;
    put_family(w->buf, "bellhop_redis_up", "gauge", "1 while Redis is connected.");
    put_sample(w->buf, "bellhop_redis_up", (struct labels){.name = NULL}, w->snapshot->redis_up);
    put_family(w->buf, "bellhop_redis_reconnects_total", "counter",
               "Connections of workers to Redis that were lost and came back.");
    put_sample(w->buf, "bellhop_redis_reconnects_total", (struct labels){.name = NULL},
               self->redis_reconnects);
    put_family(w->buf, "bellhop_redis_command_seconds", "histogram",
               "Calls of workers to Redis, from sending to the reply.");
    put_histogram(w->buf, "bellhop_redis_command_seconds", (struct labels){.name = NULL}, &quick,
                  &w->durations->redis);
}

static void
put_process(const struct writer *w)
{
    char reason[BH_OVERVIEW_REASON_MAX];
    put_family(w->buf, "bellhop_schedule_lateness_seconds", "histogram",
               "How long after its time a job with a delay was claimed.");
    put_histogram(w->buf, "bellhop_schedule_lateness_seconds", (struct labels){.name = NULL},
                  &endless, &w->durations->lateness);
    put_family(w->buf, "bellhop_loop_lag_seconds", "histogram",
               "How long a worker's loop let a message wait; asked once a second.");
    put_histogram(w->buf, "bellhop_loop_lag_seconds", (struct labels){.name = NULL}, &quick,
                  &w->durations->lag);
    put_family(w->buf, "bellhop_workers", "gauge", "Worker threads of this process.");
    put_sample(w->buf, "bellhop_workers", (struct labels){.name = NULL},
               w->snapshot->self.workers_count);
    put_family(w->buf, "bellhop_ready", "gauge", "1 while /readyz answers 200.");
    put_sample(w->buf, "bellhop_ready", (struct labels){.name = NULL},
               bh_overview_unready(w->snapshot, reason) == NULL);
    put_family(w->buf, "bellhop_build_info", "gauge", "Always 1; the version is in the label.");
    put_sample(w->buf, "bellhop_build_info",
               (struct labels){.name = "version", .value = BELLHOP_VERSION}, 1);
}

enum bh_status
bh_metrics_write(struct bh_buf *buf, const struct bh_overview_snapshot *snapshot,
                 const struct bh_overview_durations *durations)
{
    const struct writer w = {buf, snapshot, durations};
    put_jobs(&w);
    put_held(&w);
    put_ages(&w);
    put_pauses(&w);
    put_outcomes(&w);
    put_counter(&w, "bellhop_duplicate_ids_total",
                "Jobs that were not taken because their id had been seen; they are among the "
                "duplicates.",
                "outcome:duplicate_id");
    put_attempts(&w);
    put_counter(&w, "bellhop_recovered_total",
                "Jobs that were taken back from a worker that was lost.", "recovered");
    put_counter(&w, "bellhop_resent_total",
                "Jobs that were sent again as a new job, by a delivery report's word.", "resent");
    put_uncertain(&w);
    put_callbacks(&w);
    put_callback_times(&w);
    put_callback_outcomes(&w);
    put_spend(&w);
    put_waits(&w);
    put_gateway(&w);
    put_pulled(&w);
    put_balance(&w);
    put_account(&w);
    put_redis(&w);
    put_process(&w);
    return bh_buf_status(buf);
}
