#include "daemon/puller.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_code.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/pull_question.h"
#include "daemon/settings.h"
#include "gateway/transport.h"
#include "redis/pull.h"
#include "redis/tracking.h"

/* Between two requests: nobody is in a hurry. */
#define BETWEEN_MS ((bh_ms)50)

/* Before the same reports are offered again to whoever had no room for them. */
#define OFFER_AGAIN_MS ((bh_ms)100)

/* Looks for what is due: a message that was just accepted may be the next one after pull_after. */
#define LOOK_MIN_MS BH_SECOND_MS
#define LOOK_MAX_MS BH_MINUTE_MS

/* Between a question that was not answered and its repetition; doubled each time. */
#define GAP_FIRST_MS (10 * BH_SECOND_MS)
#define GAP_MAX_MS   BH_HOUR_MS

/* How long a place that has refused us is left alone; doubled each time. */
#define SHUT_FIRST_MS (10 * BH_MINUTE_MS)
#define SHUT_MAX_MS   (6 * BH_HOUR_MS)

/* See watch_hollow. */
#define HOLLOW_MAX 5

enum phase {
    PHASE_TAKE, /* find out what is due */
    PHASE_ASK,  /* the question stands */
    PHASE_TELL, /* its answer is there */
};

/* The parts of a batch; they are asked for apart. */
enum part {
    PART_SMS,
    PART_CALLS,
    PART_END,
};

/* What is known of one of the places to ask. */
struct place {
    struct bh_mono shut_until;
    bh_ms shut_ms; /* how long the last time; 0: it was never */
    bool told;
};

struct bh_puller {
    struct bh_puller_options options;
    const struct bh_config *config; /* owned reference */
    uv_loop_t *loop;
    char who[160];
    uv_timer_t timer;
    struct bh_settings settings;
    struct bh_redis_connection connection;
    struct bh_gateway_transport
        *transport; /* NULL until it is first wanted, as is the connection */
    struct bh_gateway_request request;

    bool may_ask; /* the account allows it */
    bool busy;    /* Redis or the gateway is about to answer */
    enum phase phase;
    size_t queue_at;
    bh_ms round_next_ms; /* the earliest of the queues that were looked into; -1: none */
    struct bh_pull_batch batch;
    enum part part;
    struct bh_pull_question question;
    size_t told; /* of the question's messages */

    struct place places[BH_PULL_SOURCE_COUNT];
    unsigned hollow; /* answers in a row that told the status of no message */
    bh_ms gap_ms;
    bool trouble_told;
    struct bh_puller_counters counters;
    bool stopping;
    unsigned closing; /* shells that have not reported their end */
};

static void timer_on_fire(uv_timer_t *timer);

/* ---- when ---- */

static bool
is_open(const struct bh_puller *puller)
{
    return puller->transport != NULL;
}

static void
plan(struct bh_puller *puller, bh_ms wait_ms)
{
    bool may_go = is_open(puller) && !puller->stopping && puller->may_ask &&
                  puller->config->gateway.pull_reports &&
                  bh_redis_connection_state(&puller->connection) == BH_REDIS_READY;
    if (puller->busy || puller->stopping)
        return;
    if (may_go)
        uv_timer_start(&puller->timer, timer_on_fire, (uint64_t)wait_ms, 0);
    else
        uv_timer_stop(&puller->timer);
}

static void
plan_later(struct bh_puller *puller)
{
    puller->gap_ms = bh_ms_min(bh_ms_max(puller->gap_ms * 2, GAP_FIRST_MS), GAP_MAX_MS);
    plan(puller, puller->gap_ms);
}

static void
next_queue(struct bh_puller *puller)
{
    puller->phase = PHASE_TAKE;
    if (++puller->queue_at < puller->config->queues_count) {
        plan(puller, 0);
        return;
    }
    bh_ms look_ms =
        bh_ms_min(bh_ms_max(puller->config->gateway.pull_after_ms, LOOK_MIN_MS), LOOK_MAX_MS);
    bool idle = puller->round_next_ms < 0;
    puller->queue_at = 0;
    plan(puller, idle ? look_ms : bh_ms_max(bh_ms_min(puller->round_next_ms, look_ms), BETWEEN_MS));
    puller->round_next_ms = -1;
}

static void
note_next(struct bh_puller *puller, bh_ms next_ms)
{
    if (next_ms >= 0 && (puller->round_next_ms < 0 || next_ms < puller->round_next_ms))
        puller->round_next_ms = next_ms;
}

/* ---- saying it ---- */

struct reason {
    char text[160];
};

static struct reason
reason_of(const struct bh_exchange *exchange, int code)
{
    struct reason reason;
    if (code != 0)
        snprintf(reason.text, sizeof(reason.text), "%s (code %d)",
                 bh_gateway_code_find(code)->meaning, code);
    else if (exchange->http_status >= 300)
        snprintf(reason.text, sizeof(reason.text), "%s (HTTP %d)",
                 bh_gateway_status_find(exchange->http_status, false)->meaning,
                 exchange->http_status);
    else if (exchange->trouble != BH_TROUBLE_NONE)
        snprintf(reason.text, sizeof(reason.text), "%s", bh_trouble_name(exchange->trouble));
    else
        snprintf(reason.text, sizeof(reason.text), "the answer cannot be understood");
    return reason;
}

static void
tell_trouble(struct bh_puller *puller, const char *reason)
{
    const struct bh_log_field field = bh_log_text("reason", reason);
    if (!puller->trouble_told)
        bh_log_write(BH_LOG_WARN, "pull_failed", &field, 1,
                     "what became of messages cannot be asked for just now; it is tried again with "
                     "growing distance");
    puller->trouble_told = true;
}

static void
tell_good(struct bh_puller *puller, enum bh_pull_source source)
{
    struct place *place = &puller->places[source];
    const struct bh_log_field field = bh_log_text("place", bh_pull_source_name(source));
    if (puller->trouble_told || place->told)
        bh_log_write(BH_LOG_INFO, "pull", &field, 1,
                     "the gateway tells again what became of messages");
    puller->trouble_told = false;
    puller->gap_ms = 0;
    place->told = false;
}

static void
tell_shut(struct bh_puller *puller, enum bh_pull_source source, const char *reason)
{
    static const char *const texts[BH_PULL_SOURCE_COUNT] = {
        [BH_PULL_STATUS] = "the gateway does not tell the status of messages by their numbers; its "
                           "journal is asked instead",
        [BH_PULL_JOURNAL] = "the gateway's journal does not tell what became of SMS; give the key "
                            "the right to read it, or have reports posted to a webhook",
        [BH_PULL_CALLS] = "the gateway's journal of calls does not tell what became of them; give "
                          "the key the right to read it, or have reports posted to a webhook",
    };
    const struct bh_log_field fields[] = {
        bh_log_text("place", bh_pull_source_name(source)),
        bh_log_text("reason", reason),
    };
    if (!puller->places[source].told)
        bh_log_write(source == BH_PULL_STATUS ? BH_LOG_INFO : BH_LOG_WARN, "pull_refused", fields,
                     BH_ARRAY_LEN(fields), "%s", texts[source]);
    puller->places[source].told = true;
}

/* ---- where ---- */

static bool
is_shut(const struct bh_puller *puller, enum bh_pull_source source)
{
    return !bh_mono_reached(puller->places[source].shut_until, bh_clock_mono());
}

static void
shut(struct bh_puller *puller, enum bh_pull_source source)
{
    struct place *place = &puller->places[source];
    place->shut_ms = bh_ms_min(bh_ms_max(place->shut_ms * 2, SHUT_FIRST_MS), SHUT_MAX_MS);
    place->shut_until = bh_mono_add(bh_clock_mono(), place->shut_ms);
}

/* False: nobody can be asked about this part. */
static bool
find_source(const struct bh_puller *puller, enum part part, enum bh_pull_source *ret_source)
{
    enum bh_pull_source source = part == PART_CALLS ? BH_PULL_CALLS : BH_PULL_STATUS;
    if (source == BH_PULL_STATUS && is_shut(puller, source))
        source = BH_PULL_JOURNAL;
    *ret_source = source;
    return !is_shut(puller, source);
}

/* What is taken without being asked about would be due again much later, so nothing is taken while all are shut. */
static bool
all_shut(const struct bh_puller *puller, bh_ms *ret_wait_ms)
{
    struct bh_mono first = BH_MONO_NEVER, now = bh_clock_mono();
    for (int i = 0; i < BH_PULL_SOURCE_COUNT; i++) {
        if (!is_shut(puller, (enum bh_pull_source)i))
            return false;
        first = bh_mono_min(first, puller->places[i].shut_until);
    }
    *ret_wait_ms = bh_ms_max(first.ms - now.ms, LOOK_MIN_MS);
    return true;
}

/* The question about this part of the batch, or else about the next, or else there is nothing more to ask. */
static void
begin_part(struct bh_puller *puller)
{
    enum bh_pull_source source;
    for (; puller->part < PART_END; puller->part++) {
        if (!find_source(puller, puller->part, &source) ||
            !bh_pull_question_begin(&puller->question, &puller->batch, source))
            continue;
        puller->phase = PHASE_ASK;
        plan(puller, BETWEEN_MS);
        return;
    }
    next_queue(puller);
}

/* ---- 1: what is due ---- */

static void
taken_on_done(void *arg, enum bh_status status, const struct bh_pull_batch *batch,
              const char *error_text)
{
    struct bh_puller *puller = arg;
    puller->busy = false;
    if (puller->stopping)
        return;
    if (status != BH_OK) {
        if (status != BH_EDOWN)
            tell_trouble(puller, error_text != NULL ? error_text : bh_status_name(status));
        plan_later(puller);
        return;
    }
    puller->counters.given_up += batch->given_up;
    note_next(puller, batch->next_ms);
    if (batch->count == 0) {
        next_queue(puller);
        return;
    }
    puller->batch = *batch;
    puller->part = PART_SMS;
    begin_part(puller);
}

static void
take(struct bh_puller *puller)
{
    struct bh_queue_keys keys;
    bh_ms wait_ms;
    if (all_shut(puller, &wait_ms)) {
        plan(puller, wait_ms);
        return;
    }
    if (puller->queue_at >= puller->config->queues_count)
        puller->queue_at = 0;
    const struct bh_queue_config *queue = &puller->config->queues[puller->queue_at];
    enum bh_status status = bh_queue_keys_init(&keys, puller->config->redis.prefix, queue->name);
    BH_ASSERT(status == BH_OK);
    status = bh_pull_take(&puller->connection, &keys, bh_tracking_of(puller->config, queue).open_ms,
                          taken_on_done, puller);
    puller->busy = status == BH_OK;
    if (status != BH_OK)
        plan_later(puller);
}

/* ---- 2: the question ---- */

static void
ask(struct bh_puller *puller)
{
    struct bh_error error = {"", ""};
    enum bh_status status = bh_pull_question_render(
        &puller->question, puller->config, puller->options.sent_with, &puller->request, &error);
    if (status != BH_OK) {
        tell_trouble(puller, error.text[0] != '\0' ? error.text : bh_status_name(status));
        plan_later(puller);
        return;
    }
    const struct bh_submit_command submit = {
        .slot = {.index = 0},
        .url = bh_buf_text(&puller->request.url),
        .headers = puller->request.headers,
        .body = bh_buf_str(&puller->request.body),
        .timeout_ms = puller->config->gateway.timeout_ms,
    };
    puller->busy = true;
    bh_gateway_transport_submit(puller->transport, &submit);
}

/*
 * An endpoint that has been left behind may answer and know nothing.  Sooner or later every message gets a word, so when so
 * many answers in a row bring none the journal is asked for a while.
 */
static void
watch_hollow(struct bh_puller *puller)
{
    const struct bh_pull_question *question = &puller->question;
    if (question->source != BH_PULL_STATUS)
        return;
    for (size_t i = 0; i < question->count; i++) {
        if (question->messages[i].delivery != BH_DELIVERY_NONE) {
            puller->hollow = 0;
            puller->places[BH_PULL_STATUS].shut_ms = 0;
            return;
        }
    }
    if (++puller->hollow < HOLLOW_MAX)
        return;
    puller->hollow = 0;
    shut(puller, BH_PULL_STATUS);
}

/* A key, a signature or an address that is refused here is refused everywhere; a right is this place's. */
static bool
is_about_place(enum bh_pulled pulled, const struct bh_exchange *exchange, int code)
{
    return pulled == BH_PULLED_NOT_SO ||
           (pulled == BH_PULLED_REFUSED &&
            (code == 902 || (code == 0 && exchange->http_status == 403)));
}

static void
transport_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct bh_puller *puller = arg;
    enum bh_pull_source source = puller->question.source;
    int code;
    bool more;
    (void)slot;
    puller->busy = false;
    if (puller->stopping)
        return;
    enum bh_pulled pulled =
        bh_pull_question_read(&puller->question, puller->config, exchange, &code, &more);
    puller->counters.answers[pulled]++;
    if (pulled == BH_PULLED_READ) {
        tell_good(puller, source);
        watch_hollow(puller);
        puller->phase = more ? PHASE_ASK : PHASE_TELL;
        puller->told = 0;
        plan(puller, more ? BETWEEN_MS : 0);
    } else if (is_about_place(pulled, exchange, code)) {
        shut(puller, source);
        tell_shut(puller, source, reason_of(exchange, code).text);
        begin_part(puller);
    } else {
        tell_trouble(puller, reason_of(exchange, code).text);
        plan_later(puller);
        if (exchange->retry_after_ms > puller->gap_ms)
            plan(puller, bh_ms_min(exchange->retry_after_ms, GAP_MAX_MS));
    }
}

/* ---- 3: the answer ---- */

static struct bh_delivery_report
report_of(const struct bh_puller *puller, size_t at)
{
    const struct bh_pulled_message *pulled = &puller->question.messages[at];
    const struct bh_pull_message *message = &puller->batch.messages[puller->question.of_batch[at]];
    struct bh_delivery_report report = {
        .event = message->call ? BH_WEBHOOK_VOICE : BH_WEBHOOK_DLR,
        .status = pulled->delivery,
        .at = pulled->at,
        .duration_s = pulled->duration_s,
        .price_per_minute_micro = -1,
    };
    memcpy(report.message_id, message->id, sizeof(report.message_id));
    memcpy(report.foreign_id, message->foreign_id, sizeof(report.foreign_id));
    snprintf(report.status_word, sizeof(report.status_word), "%s",
             bh_delivery_name(pulled->delivery));
    return report;
}

static void
tell(struct bh_puller *puller)
{
    for (; puller->told < puller->question.count; puller->told++) {
        if (puller->question.messages[puller->told].delivery == BH_DELIVERY_NONE)
            continue;
        const struct bh_delivery_report report = report_of(puller, puller->told);
        if (!puller->options.on_report(puller->options.arg, &report)) {
            plan(puller, OFFER_AGAIN_MS);
            return;
        }
        puller->counters.reports++;
    }
    puller->counters.asked += puller->question.count;
    /* There may be more where this came from. */
    note_next(puller, 0);
    puller->part++;
    begin_part(puller);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_puller *puller = timer->data;
    switch (puller->phase) {
    case PHASE_TAKE: take(puller); break;
    case PHASE_ASK: ask(puller); break;
    case PHASE_TELL: tell(puller); break;
    }
}

/* ---- life ---- */

static void
shell_closed(struct bh_puller *puller)
{
    BH_ASSERT(puller->closing > 0);
    if (--puller->closing == 0)
        puller->options.on_closed(puller->options.arg);
}

static void
shell_on_closed(void *arg)
{
    shell_closed(arg);
}

static void
timer_on_closed(uv_handle_t *timer)
{
    shell_closed(timer->data);
}

static void
connection_on_up(void *arg)
{
    plan(arg, 0);
}

static enum bh_status
open_shells(struct bh_puller *puller, struct bh_error *error)
{
    const struct bh_redis_listener listener = {
        .on_up = connection_on_up,
        .on_closed = shell_on_closed,
        .arg = puller,
    };
    struct bh_gateway_transport_options transport = bh_settings_transport(puller->config);
    enum bh_status status =
        bh_settings_redis(&puller->settings, puller->config, puller->who, error);
    if (status != BH_OK)
        return status;
    status = bh_redis_connection_init(&puller->connection, puller->loop, &puller->settings.redis,
                                      &listener, error);
    if (status != BH_OK) {
        bh_settings_release(&puller->settings);
        return status;
    }
    status = bh_gateway_transport_start(puller->loop, 1, &transport, transport_on_answered, puller,
                                        &puller->transport);
    if (status != BH_OK) {
        bh_redis_connection_release(&puller->connection);
        bh_settings_release(&puller->settings);
        return status;
    }
    bh_redis_connection_start(&puller->connection);
    return BH_OK;
}

/* Made when it is first wanted: it keeps a connection to Redis. */
static enum bh_status
want_shells(struct bh_puller *puller, struct bh_error *error)
{
    if (is_open(puller) || !puller->config->gateway.pull_reports)
        return BH_OK;
    return open_shells(puller, error);
}

enum bh_status
bh_puller_new(uv_loop_t *loop, const struct bh_puller_options *options,
              struct bh_puller **ret_puller, struct bh_error *error)
{
    struct bh_puller *puller = bh_alloc_zero(sizeof(*puller));
    if (puller == NULL)
        return BH_ENOMEM;
    puller->options = *options;
    puller->loop = loop;
    puller->config = bh_config_retain(options->config);
    puller->round_next_ms = -1;
    snprintf(puller->who, sizeof(puller->who), "%s/pull", options->config->pool.instance);
    bh_gateway_request_init(&puller->request, 0);
    enum bh_status status = want_shells(puller, error);
    if (status != BH_OK) {
        bh_gateway_request_release(&puller->request);
        bh_config_release(puller->config);
        bh_free(puller);
        return status;
    }
    uv_timer_init(loop, &puller->timer);
    puller->timer.data = puller;
    *ret_puller = puller;
    return BH_OK;
}

/* As for the journal: a lack of credit is no reason not to ask, a refused key and an operator's pause are. */
void
bh_puller_account(struct bh_puller *puller, const struct bh_account_event *account)
{
    bool may_ask = account->state == BH_ACCOUNT_OPEN || account->reason == BH_REASON_CREDIT;
    bool news = may_ask != puller->may_ask;
    puller->may_ask = may_ask;
    if (news)
        plan(puller, 0);
}

/* What was taken by the old configuration is due again by itself. */
void
bh_puller_configure(struct bh_puller *puller, const struct bh_config *config)
{
    struct bh_error error = {"", ""};
    if (puller->stopping)
        return;
    bh_config_release(puller->config);
    puller->config = bh_config_retain(config);
    enum bh_status status = BH_OK;
    if (is_open(puller)) {
        struct bh_gateway_transport_options transport = bh_settings_transport(config);
        status = bh_gateway_transport_configure(puller->transport, &transport);
    } else {
        status = want_shells(puller, &error);
    }
    if (status != BH_OK)
        bh_log_write(BH_LOG_ERROR, "reload_failed", NULL, 0,
                     "what became of messages is not asked for by the new settings: %s",
                     error.text[0] != '\0' ? error.text : bh_status_name(status));
    memset(puller->places, 0, sizeof(puller->places));
    puller->gap_ms = 0;
    puller->trouble_told = false;
    if (!config->gateway.pull_reports && !puller->busy)
        puller->phase = PHASE_TAKE;
    plan(puller, 0);
}

const struct bh_puller_counters *
bh_puller_counters(const struct bh_puller *puller)
{
    return &puller->counters;
}

/* What became of all of it, for whoever wonders whether it is worth it. */
static void
sum_up(const struct bh_puller *puller)
{
    const struct bh_puller_counters *counters = &puller->counters;
    const uint64_t *answers = counters->answers;
    const struct bh_log_field fields[] = {
        bh_log_int("read", (int64_t)answers[BH_PULLED_READ]),
        bh_log_int("refused", (int64_t)answers[BH_PULLED_REFUSED]),
        bh_log_int("not_so", (int64_t)answers[BH_PULLED_NOT_SO]),
        bh_log_int("nothing", (int64_t)answers[BH_PULLED_NOTHING]),
        bh_log_int("asked", (int64_t)counters->asked),
        bh_log_int("reports", (int64_t)counters->reports),
        bh_log_int("given_up", (int64_t)counters->given_up),
    };
    if (answers[BH_PULLED_READ] + answers[BH_PULLED_REFUSED] + answers[BH_PULLED_NOT_SO] +
            answers[BH_PULLED_NOTHING] >
        0)
        bh_log_write(BH_LOG_INFO, "pulled", fields, BH_ARRAY_LEN(fields),
                     "questions about messages since the start");
}

void
bh_puller_stop(struct bh_puller *puller)
{
    if (puller->stopping)
        return;
    puller->stopping = true;
    puller->closing = is_open(puller) ? 3 : 1;
    sum_up(puller);
    uv_close((uv_handle_t *)&puller->timer, timer_on_closed);
    if (is_open(puller)) {
        bh_gateway_transport_stop(puller->transport, shell_on_closed, puller);
        bh_redis_connection_stop(&puller->connection);
    }
}

void
bh_puller_free(struct bh_puller *puller)
{
    if (puller == NULL)
        return;
    if (is_open(puller)) {
        bh_redis_connection_release(&puller->connection);
        bh_settings_release(&puller->settings);
    }
    bh_gateway_request_release(&puller->request);
    bh_config_release(puller->config);
    bh_free(puller);
}
