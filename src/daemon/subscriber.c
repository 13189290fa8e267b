#include "daemon/subscriber.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway_profile.h"
#include "core/webhook_address.h"
#include "daemon/log.h"
#include "gateway/stamp.h"

/* Between a look that failed and the next; doubled each time. */
#define GAP_FIRST_MS (10 * BH_SECOND_MS)
#define GAP_MAX_MS   BH_HOUR_MS

/* Between two looks when all is right. */
#define LOOK_AGAIN_MS BH_DAY_MS

/* Another process has the turn: not before its time is over, but not at once either. */
#define TURN_AGAIN_MS (200)
#define TURN_MAX_MS   (5 * BH_SECOND_MS)

static const char turn[] = "hooks";
static const char *const events[BH_SUBSCRIBER_EVENTS] = {"dlr", "voice_status"};

static void begin(struct bh_subscriber *subscriber);
static void subscribe_next(struct bh_subscriber *subscriber);

/* ---- when ---- */

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_subscriber *subscriber = timer->data;
    if (subscriber->stage == BH_SUBSCRIBER_IDLE && !subscriber->closing)
        begin(subscriber);
}

static bool
is_wanted(const struct bh_subscriber *subscriber)
{
    const struct bh_config_http *http = &subscriber->options.config->http;
    return http->webhook_url[0] != '\0' && http->webhook_token.len > 0 &&
           http->listen.host[0] != '\0';
}

static void
wait_for(struct bh_subscriber *subscriber, bh_ms wait_ms)
{
    if (!subscriber->closing)
        uv_timer_start(&subscriber->timer, timer_on_fire, (uint64_t)wait_ms, 0);
}

static void
turn_on_given_back(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    (void)arg; /* if it was not heard, it runs out */
    (void)status;
    (void)done;
    (void)wait_ms;
}

/* The look is over, for better or worse. */
static void
end(struct bh_subscriber *subscriber, bh_ms wait_ms)
{
    const struct bh_subscriber_options *options = &subscriber->options;
    enum bh_status status =
        bh_account_turn(options->desk, turn, options->who, 0, turn_on_given_back, subscriber);
    (void)status; /* as above */
    subscriber->stage = BH_SUBSCRIBER_IDLE;
    wait_for(subscriber, subscriber->stale ? 0 : wait_ms);
}

static void
end_well(struct bh_subscriber *subscriber)
{
    subscriber->done = !subscriber->stale;
    subscriber->trouble_told = false;
    subscriber->gap_ms = 0;
    end(subscriber, LOOK_AGAIN_MS);
}

static void
end_badly(struct bh_subscriber *subscriber)
{
    subscriber->gap_ms = bh_ms_min(bh_ms_max(subscriber->gap_ms * 2, GAP_FIRST_MS), GAP_MAX_MS);
    end(subscriber, subscriber->gap_ms);
}

/* ---- saying it ---- */

/* Whatever it is, a person learns it once, until it has changed. */
static void
tell_refusal(struct bh_subscriber *subscriber, const char *event,
             const struct bh_hooks_answer *answer)
{
    const char *advice = bh_hooks_advice(answer);
    const struct bh_log_field fields[] = {
        bh_log_int("code", answer->code),
        bh_log_text("event", event),
    };
    if (subscriber->trouble_told)
        return;
    subscriber->trouble_told = true;
    bh_log_write(
        BH_LOG_WARN, "hook_refused", fields, event[0] != '\0' ? 2 : 1,
        "delivery reports cannot be subscribed at the gateway: %s%s%s; it is tried again, and "
        "`bellhop hooks check` shows what is missing",
        answer->error, advice[0] != '\0' ? "; " : "", advice);
}

static void
tell_failure(struct bh_subscriber *subscriber, const char *why)
{
    if (!subscriber->trouble_told)
        bh_log_write(BH_LOG_WARN, "hook_refused", NULL, 0,
                     "delivery reports cannot be subscribed at the gateway: %s", why);
    subscriber->trouble_told = true;
}

static void
tell_subscribed(const struct bh_subscriber *subscriber, const char *event, const char *id)
{
    const struct bh_config_secret *token = &subscriber->options.config->http.webhook_token;
    const struct bh_log_field fields[] = {bh_log_text("event", event), bh_log_text("id", id)};
    struct bh_buf shown;
    bh_buf_init(&shown, 2 * (size_t)BH_WEBHOOK_ADDRESS_MAX);
    (void)bh_webhook_mask(bh_buf_str(&subscriber->address),
                          (struct bh_str){token->bytes, token->len}, &shown);
    bh_log_write(BH_LOG_INFO, "hook_ensured", fields, id[0] != '\0' ? 2 : 1,
                 "the gateway sends its reports to %s from now on", bh_buf_text(&shown));
    bh_buf_release(&shown);
}

/* What stands in the list, when it is news: good, or not to be mended by adding something. */
static void
tell_found(const char *event, const struct bh_hooks_found *found)
{
    const struct bh_log_field fields[] = {
        bh_log_text("event", event),
        bh_log_text("id", found->hook->id),
    };
    if (found->fit == BH_HOOKS_FIT_DISABLED)
        bh_log_write(
            BH_LOG_WARN, "hook_refused", fields, 2,
            "our subscription is switched off at the gateway, which it may do itself after "
            "failures: no reports come; `bellhop hooks remove %s` and `bellhop hooks add --event "
            "%s` "
            "begin anew",
            found->hook->id, event);
    else if (found->fit == BH_HOOKS_FIT_FILTERED)
        bh_log_write(
            BH_LOG_WARN, "hook_refused", fields, 2,
            "our subscription has a filter: only some reports come; `bellhop hooks add --event %s` "
            "adds one without",
            event);
    else if (found->good > 1)
        bh_log_write(
            BH_LOG_INFO, "hook_ensured", fields, 2,
            "the gateway sends its reports to us, each of them %zu times, which does no harm",
            found->good);
    else
        bh_log_write(BH_LOG_INFO, "hook_ensured", fields, 2, "the gateway sends its reports to us");
}

/* ---- asking the gateway ---- */

static void
ask(struct bh_subscriber *subscriber, const struct bh_gateway_hooks_query *query)
{
    const struct bh_subscriber_options *options = &subscriber->options;
    const struct bh_gateway_profile profile =
        bh_gateway_profile_from(&options->config->gateway, options->sent_with);
    struct bh_gateway_stamp_text text;
    struct bh_gateway_stamp stamp;
    struct bh_error error = {"", "short of memory"};
    enum bh_status status = bh_gateway_stamp_now(&text, &stamp);
    if (status == BH_OK)
        status = bh_gateway_request_hooks(&subscriber->request, &profile, &stamp, query, &error);
    if (status != BH_OK) {
        tell_failure(subscriber, error.text);
        end_badly(subscriber);
        return;
    }
    const struct bh_submit_command submit = {
        .slot = {.index = options->slot},
        .url = bh_buf_text(&subscriber->request.url),
        .headers = subscriber->request.headers,
        .body = bh_buf_str(&subscriber->request.body),
        .timeout_ms = options->config->gateway.timeout_ms,
    };
    bh_gateway_transport_submit(options->transport, &submit);
}

static void
subscribe_next(struct bh_subscriber *subscriber)
{
    while (subscriber->event < BH_SUBSCRIBER_EVENTS && !subscriber->missing[subscriber->event])
        subscriber->event++;
    if (subscriber->event == BH_SUBSCRIBER_EVENTS || subscriber->stale) {
        end_well(subscriber);
        return;
    }
    subscriber->stage = BH_SUBSCRIBER_SUBSCRIBE;
    ask(subscriber, &(struct bh_gateway_hooks_query){
                        .action = BH_HOOKS_SUBSCRIBE,
                        .url = bh_buf_text(&subscriber->address),
                        .event = events[subscriber->event],
                        .method = "JSON",
                    });
}

/* ---- what was answered ---- */

/* What was said last, so that a daily look that finds the same says nothing. */
static void
append_found(char *text, size_t size, const struct bh_hooks_found *found)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%d/%zu/%s ", (int)found->fit, found->good,
             found->hook != NULL ? found->hook->id : "");
}

static void
judge_list(struct bh_subscriber *subscriber, const struct bh_hooks_answer *list)
{
    struct bh_hooks_found found[BH_SUBSCRIBER_EVENTS];
    char told[sizeof(subscriber->told)] = "";
    for (size_t i = 0; i < BH_SUBSCRIBER_EVENTS; i++) {
        found[i] = bh_hooks_find(list, bh_buf_text(&subscriber->address), events[i]);
        subscriber->missing[i] =
            found[i].fit == BH_HOOKS_FIT_NONE || found[i].fit == BH_HOOKS_FIT_FORMER;
        append_found(told, sizeof(told), &found[i]);
    }
    bool is_news = strcmp(told, subscriber->told) != 0;
    memcpy(subscriber->told, told, sizeof(told));
    for (size_t i = 0; i < BH_SUBSCRIBER_EVENTS && is_news; i++)
        if (!subscriber->missing[i])
            tell_found(events[i], &found[i]);
    subscriber->event = 0;
    subscribe_next(subscriber);
}

static void
list_answered(struct bh_subscriber *subscriber, const struct bh_exchange *exchange)
{
    struct bh_hooks_answer list;
    if (bh_hooks_read_list(exchange, &list) != BH_OK) {
        tell_failure(subscriber, "short of memory");
        end_badly(subscriber);
        return;
    }
    if (list.result == BH_HOOKS_DONE) {
        judge_list(subscriber, &list);
    } else {
        tell_refusal(subscriber, "", &list);
        end_badly(subscriber);
    }
    bh_hooks_answer_release(&list);
}

/* A subscription whose answer was lost may stand: the next look shows it, before anything is added. */
static void
subscription_answered(struct bh_subscriber *subscriber, const struct bh_exchange *exchange)
{
    struct bh_hooks_answer answer;
    if (bh_hooks_read_change(exchange, &answer) != BH_OK) {
        tell_failure(subscriber, "short of memory");
        end_badly(subscriber);
        return;
    }
    if (answer.result == BH_HOOKS_DONE) {
        tell_subscribed(subscriber, events[subscriber->event], answer.id);
        subscriber->event++;
        subscribe_next(subscriber);
    } else {
        tell_refusal(subscriber, events[subscriber->event], &answer);
        end_badly(subscriber);
    }
    bh_hooks_answer_release(&answer);
}

void
bh_subscriber_answered(struct bh_subscriber *subscriber, const struct bh_exchange *exchange)
{
    if (subscriber->closing)
        return;
    if (subscriber->stage == BH_SUBSCRIBER_LIST)
        list_answered(subscriber, exchange);
    else if (subscriber->stage == BH_SUBSCRIBER_SUBSCRIBE)
        subscription_answered(subscriber, exchange);
}

/* ---- our turn ---- */

static void
turn_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    struct bh_subscriber *subscriber = arg;
    if (subscriber->closing)
        return;
    if (status == BH_OK && done && !subscriber->stale) {
        subscriber->stage = BH_SUBSCRIBER_LIST;
        ask(subscriber, &(struct bh_gateway_hooks_query){.action = BH_HOOKS_READ});
        return;
    }
    subscriber->stage = BH_SUBSCRIBER_IDLE;
    if (subscriber->stale)
        wait_for(subscriber, 0);
    else if (status == BH_OK)
        wait_for(subscriber, bh_ms_min(bh_ms_max(wait_ms, TURN_AGAIN_MS), TURN_MAX_MS));
    else
        wait_for(subscriber, GAP_FIRST_MS); /* Redis' trouble is told elsewhere */
}

/* Long enough for all questions; a process that dies holds nobody up for longer. */
static bh_ms
lease_ms(const struct bh_subscriber *subscriber)
{
    return (BH_SUBSCRIBER_EVENTS + 1) * subscriber->options.config->gateway.timeout_ms +
           GAP_FIRST_MS;
}

static bool
take_address(struct bh_subscriber *subscriber)
{
    const struct bh_config_http *http = &subscriber->options.config->http;
    bh_buf_clear(&subscriber->address);
    return bh_webhook_address(bh_str_from(http->webhook_url),
                              (struct bh_str){http->webhook_token.bytes, http->webhook_token.len},
                              &subscriber->address) == BH_OK;
}

static void
begin(struct bh_subscriber *subscriber)
{
    const struct bh_subscriber_options *options = &subscriber->options;
    subscriber->stale = false;
    if (!is_wanted(subscriber) || !subscriber->may_begin)
        return;
    if (!take_address(subscriber)) {
        tell_failure(subscriber, "[http] webhook_url and webhook_token make too long an address");
        return;
    }
    subscriber->stage = BH_SUBSCRIBER_TURN;
    if (bh_account_turn(options->desk, turn, options->who, lease_ms(subscriber), turn_on_done,
                        subscriber) == BH_OK)
        return;
    subscriber->stage = BH_SUBSCRIBER_IDLE;
    wait_for(subscriber, GAP_FIRST_MS);
}

/* ---- life ---- */

/* A key that is refused is no time for questions; a lack of credit is, and so is a pause by hand. */
static bool
may_ask(const struct bh_account_view *view)
{
    return view->state == BH_ACCOUNT_OPEN ||
           strcmp(view->reason, bh_reason_name(BH_REASON_AUTH)) != 0;
}

void
bh_subscriber_view(struct bh_subscriber *subscriber, const struct bh_account_view *view)
{
    subscriber->may_begin = may_ask(view);
    bool is_waiting = uv_is_active((uv_handle_t *)&subscriber->timer) != 0;
    if (subscriber->may_begin && !subscriber->done && !is_waiting && !subscriber->closing &&
        subscriber->stage == BH_SUBSCRIBER_IDLE)
        begin(subscriber);
}

void
bh_subscriber_configure(struct bh_subscriber *subscriber, const struct bh_config *config)
{
    subscriber->options.config = config;
    subscriber->done = false;
    subscriber->trouble_told = false;
    subscriber->gap_ms = 0;
    subscriber->told[0] = '\0';
    if (subscriber->closing)
        return;
    uv_timer_stop(&subscriber->timer);
    if (subscriber->stage == BH_SUBSCRIBER_IDLE)
        begin(subscriber);
    else
        subscriber->stale = true;
}

void
bh_subscriber_init(struct bh_subscriber *subscriber, uv_loop_t *loop)
{
    *subscriber = (struct bh_subscriber){.closing = false};
    bh_gateway_request_init(&subscriber->request, 0);
    bh_buf_init(&subscriber->address, BH_WEBHOOK_ADDRESS_MAX);
    uv_timer_init(loop, &subscriber->timer);
    subscriber->timer.data = subscriber;
}

void
bh_subscriber_open(struct bh_subscriber *subscriber, const struct bh_subscriber_options *options)
{
    subscriber->options = *options;
}

static void
timer_on_closed(uv_handle_t *timer)
{
    struct bh_subscriber *subscriber = timer->data;
    subscriber->on_closed(subscriber->arg);
}

void
bh_subscriber_close(struct bh_subscriber *subscriber, void (*on_closed)(void *arg), void *arg)
{
    subscriber->closing = true;
    subscriber->on_closed = on_closed;
    subscriber->arg = arg;
    uv_close((uv_handle_t *)&subscriber->timer, timer_on_closed);
}

void
bh_subscriber_release(struct bh_subscriber *subscriber)
{
    bh_gateway_request_release(&subscriber->request);
    bh_buf_release(&subscriber->address);
}
