#include "daemon/metrics_reports.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/delivery_report.h"
#include "core/money.h"
#include "daemon/metrics.h"
#include "redis/report.h"

#define STALE_MS BH_MINUTE_MS

struct writer {
    struct bh_buf *buf;
    const struct bh_overview_snapshot *snapshot;
};

static const int64_t bounds_ms[] = BH_REPORT_DELAY_BOUNDS;

/* ---- the format ---- */

static void
put_family(struct bh_buf *buf, const char *name, const char *type, const char *help)
{
    bh_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* NAME{LABEL="VALUE",SECOND="VALUE"} and a blank; NULL: no such label. */
static void
put_name(struct bh_buf *buf, const char *name, const char *const labels[4])
{
    bh_buf_append_text(buf, name);
    for (size_t i = 0; i < 4 && labels[i] != NULL; i += 2) {
        bh_buf_printf(buf, "%s%s=\"", i == 0 ? "{" : ",", labels[i]);
        bh_metrics_append_label(buf, bh_str_from(labels[i + 1]));
        bh_buf_append_char(buf, '"');
    }
    bh_buf_append_text(buf, labels[0] != NULL ? "} " : " ");
}

static void
put_count(struct bh_buf *buf, const char *name, const char *const labels[4], uint64_t value)
{
    put_name(buf, name, labels);
    bh_buf_printf(buf, "%" PRIu64 "\n", value);
}

static void
put_ms(struct bh_buf *buf, const char *name, const char *const labels[4], bh_ms value_ms)
{
    put_name(buf, name, labels);
    bh_buf_printf(buf, "%s\n", bh_money_format(value_ms * 1000).text);
}

#define LABELS(...) ((const char *const[4]){__VA_ARGS__})

/* ---- queues ---- */

static bool
is_fresh(const struct writer *w, const struct bh_overview_queue *queue)
{
    return queue->known && w->snapshot->mono.ms - queue->read_at.ms <= STALE_MS;
}

static uint64_t
counter(const struct bh_overview_queue *queue, const char *beginning, const char *rest)
{
    char name[48];
    (void)snprintf(name, sizeof(name), "%s%s", beginning, rest);
    int64_t value = bh_overview_queue_find(queue, name);
    return value > 0 ? (uint64_t)value : 0;
}

static void
put_messages(const struct writer *w)
{
    static const char name[] = "bellhop_messages_total";
    put_family(w->buf, name, "counter",
               "Messages that the gateway has taken, while reports of them are awaited.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (queue->known)
            put_count(w->buf, name, LABELS("queue", queue->name), counter(queue, "messages", ""));
    }
}

/* Words that have not come yet are told as 0, or the first of them would be no rise. */
static void
put_reports(const struct writer *w)
{
    static const char name[] = "bellhop_reports_total";
    put_family(w->buf, name, "counter",
               "What reports said of messages, each word once per message; none when no final one "
               "came in time.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        for (int word = BH_DELIVERY_OTHER + 1; queue->known && word < BH_DELIVERY_COUNT; word++) {
            const char *status = bh_delivery_name((enum bh_delivery)word);
            put_count(w->buf, name, LABELS("queue", queue->name, "status", status),
                      counter(queue, "delivery:", status));
        }
        if (queue->known)
            put_count(w->buf, name, LABELS("queue", queue->name, "status", "none"),
                      counter(queue, "delivery:", "none"));
    }
}

static void
put_delay(const struct writer *w, const struct bh_overview_queue *queue)
{
    static const char bucket[] = "bellhop_delivery_seconds_bucket";
    uint64_t sum = 0;
    char text[24];
    for (size_t i = 0; i < BH_ARRAY_LEN(bounds_ms); i++) {
        (void)snprintf(text, sizeof(text), "%" PRId64, bounds_ms[i]);
        sum += counter(queue, "delivery_ms:", text);
        (void)snprintf(text, sizeof(text), "%" PRId64, bounds_ms[i] / 1000);
        put_count(w->buf, bucket, LABELS("queue", queue->name, "le", text), sum);
    }
    sum += counter(queue, "delivery_ms:", "over");
    put_count(w->buf, bucket, LABELS("queue", queue->name, "le", "+Inf"), sum);
    put_ms(w->buf, "bellhop_delivery_seconds_sum", LABELS("queue", queue->name),
           (bh_ms)counter(queue, "delivery_ms:", "sum"));
    put_count(w->buf, "bellhop_delivery_seconds_count", LABELS("queue", queue->name), sum);
}

static void
put_delays(const struct writer *w)
{
    put_family(w->buf, "bellhop_delivery_seconds", "histogram",
               "From the gateway's acceptance of a message to its delivery, or the end of a call.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        if (w->snapshot->queues[i].known)
            put_delay(w, &w->snapshot->queues[i]);
    }
}

static void
put_open(const struct writer *w)
{
    static const char name[] = "bellhop_open_messages";
    static const char *const ages[BH_QUEUE_OPEN_AGES] = {"60", "300", "600"};
    put_family(w->buf, name, "gauge",
               "Messages of which no final report has come, by how many seconds they have waited "
               "for longer.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        if (!is_fresh(w, queue))
            continue;
        put_count(w->buf, name, LABELS("queue", queue->name, "longer_than", "0"), queue->open);
        for (size_t age = 0; age < BH_QUEUE_OPEN_AGES; age++)
            put_count(w->buf, name, LABELS("queue", queue->name, "longer_than", ages[age]),
                      queue->open_for[age]);
    }
}

static void
put_silence(const struct writer *w)
{
    static const char name[] = "bellhop_report_silence_seconds";
    put_family(w->buf, name, "gauge",
               "Since when messages have gone out and no report has come; 0 when it is not so.");
    for (size_t i = 0; i < w->snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &w->snapshot->queues[i];
        bh_ms silent_ms = queue->silent_since.ms > 0 ? queue->at.ms - queue->silent_since.ms : 0;
        if (is_fresh(w, queue))
            put_ms(w->buf, name, LABELS("queue", queue->name), bh_ms_max(silent_ms, 0));
    }
}

/* ---- what waits ---- */

static void
put_waiting(const struct writer *w)
{
    const struct bh_waiting_view *view = &w->snapshot->waiting;
    const struct {
        const char *name, *type, *help;
        struct {
            const char *label, *value;
            uint64_t count;
        } rows[3];
    } families[] = {
        {"bellhop_reports_waiting",
         "gauge",   "Reports that wait in Redis for their job.",
         {{NULL, "", view->waiting}}                                                      },
        {"bellhop_reports_kept_total",
         "counter", "Reports that came to wait: no job was known for them, or it had not ended.",
         {{"why", "unknown", view->kept_unknown}, {"why", "early", view->kept_early}}     },
        {"bellhop_reports_found_total",
         "counter", "Reports that found their job after having waited.",
         {{NULL, "", view->home}}                                                         },
        {"bellhop_reports_dropped_total",
         "counter", "Reports that were dropped after having waited: for a day, for want of room, or because "
         "they fit to no job.",                                                {{"why", "age", view->dropped_age},
          {"why", "room", view->dropped_room},
          {"why", "other", view->other}}},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(families); i++) {
        put_family(w->buf, families[i].name, families[i].type, families[i].help);
        for (size_t at = 0; w->snapshot->waiting_known && at < 3; at++) {
            if (families[i].rows[at].value != NULL)
                put_count(w->buf, families[i].name,
                          LABELS(families[i].rows[at].label, families[i].rows[at].value),
                          families[i].rows[at].count);
        }
    }
}

/* ---- this process ---- */

static void
put_webhooks(const struct writer *w, const struct bh_webhook_counts *counts)
{
    static const char requests[] = "bellhop_webhook_requests_total";
    static const char events[] = "bellhop_webhook_events_total";
    put_family(
        w->buf, requests, "counter",
        "Webhooks that this process has answered, by how; not_taken ones are to come again.");
    put_count(w->buf, requests, LABELS("result", "taken"), counts->taken);
    put_count(w->buf, requests, LABELS("result", "not_taken"), counts->not_taken);
    put_count(w->buf, requests, LABELS("result", "repeated"), counts->repeated);
    for (int i = 0; i < BH_HTTP_REFUSALS; i++)
        put_count(w->buf, requests,
                  LABELS("result", bh_webhook_refusal_name((enum bh_http_refusal)i)),
                  counts->refused[i]);
    put_family(w->buf, events, "counter", "Events that webhooks have told this process of.");
    for (int i = 0; i < BH_WEBHOOK_KINDS; i++)
        put_count(w->buf, events, LABELS("event", bh_webhook_kind_name((enum bh_webhook_kind)i)),
                  counts->events[i]);
}

enum bh_status
bh_metrics_write_reports(struct bh_buf *buf, const struct bh_overview_snapshot *snapshot,
                         const struct bh_webhook_counts *webhooks)
{
    const struct writer w = {buf, snapshot};
    put_messages(&w);
    put_reports(&w);
    put_delays(&w);
    put_open(&w);
    put_silence(&w);
    put_waiting(&w);
    put_webhooks(&w, webhooks);
    return bh_buf_status(buf);
}
