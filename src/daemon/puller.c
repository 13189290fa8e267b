#include "daemon/puller.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/pull_log.h"
#include "daemon/pull_places.h"
#include "daemon/pull_question.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
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

    struct bh_pull_places places;
    bh_ms gap_ms;
    bool trouble_told;
    struct bh_puller_counters counters;
    bool stopping;
    struct bh_shells shells; /* counted while they close */
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
    struct bh_pull_place *place = &puller->places.places[source];
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
    struct bh_pull_place *place = &puller->places.places[source];
    if (!place->told)
        bh_pull_log_shut(source, reason);
    place->told = true;
}

/* ---- where ---- */

/* The question about this part of the batch, or else about the next, or else there is nothing more to ask. */
static void
begin_part(struct bh_puller *puller)
{
    enum bh_pull_source source;
    for (; puller->part < PART_END; puller->part++) {
        if (!bh_pull_places_find(&puller->places, puller->part == PART_CALLS, bh_clock_mono(),
                                 &source) ||
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
    struct bh_mono now = bh_clock_mono(), open_at = bh_pull_places_all_shut(&puller->places, now);
    /* What is taken without being asked about would be due again much later. */
    if (!bh_mono_is_never(open_at)) {
        plan(puller, bh_ms_max(open_at.ms - now.ms, LOOK_MIN_MS));
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
        bh_pull_places_hear(&puller->places, &puller->question, bh_clock_mono());
        puller->phase = more ? PHASE_ASK : PHASE_TELL;
        puller->told = 0;
        plan(puller, more ? BETWEEN_MS : 0);
    } else if (bh_pull_places_concern(pulled, code, exchange->http_status)) {
        bh_pull_places_shut(&puller->places, source, bh_clock_mono());
        tell_shut(puller, source, bh_pull_reason(exchange, code).text);
        begin_part(puller);
    } else {
        tell_trouble(puller, bh_pull_reason(exchange, code).text);
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
shell_on_closed(void *arg)
{
    struct bh_puller *puller = arg;
    bh_shells_closed(&puller->shells);
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
    puller->places = (struct bh_pull_places){.hollow = 0};
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

void
bh_puller_stop(struct bh_puller *puller)
{
    if (puller->stopping)
        return;
    puller->stopping = true;
    bh_shells_expect(&puller->shells, is_open(puller) ? 3 : 1, puller->options.on_closed,
                     puller->options.arg);
    bh_pull_log_summary(&puller->counters);
    bh_shells_close_timer(&puller->shells, &puller->timer);
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
