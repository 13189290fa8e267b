#include "sim/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "sim/calendar.h"
#include "sim/courier.h"
#include "sim/events.h"
#include "sim/reports.h"
#include "sim/voice.h"

struct bh_sim_hooks {
    struct bh_sim_world *world; /* borrowed */
    uv_timer_t timer;
    struct bh_sim_courier *courier; /* owned */
    struct bh_sim_events events;
    struct bh_sim_hook *hooks; /* owned */
    size_t hooks_count;
    int64_t next_id;
    uint64_t posts; /* letters so far, for empty_every */
    bool stopping;
    struct bh_sim_hooks_stats stats;
};

/* Ids in the magnitude of recorded ones. */
#define FIRST_HOOK_ID 2045

/* What is told again is so within this time, and so often at most. */
#define REPEATED_WITHIN_S 30
#define REPEATS_MAX       3

/* False when the queue is full: the event (and its letter) is the caller's again. */
static bool
push(struct bh_sim_hooks *hooks, const struct bh_sim_event *event, bool *ret_is_first)
{
    if (hooks->stopping || hooks->events.count >= (size_t)hooks->world->config.events_max) {
        hooks->stats.dropped++;
        return false;
    }
    *ret_is_first = bh_sim_events_push(&hooks->events, event);
    hooks->stats.scheduled++;
    return true;
}

static void on_timer(uv_timer_t *timer);

void
bh_sim_hooks_wake(struct bh_sim_hooks *hooks)
{
    if (hooks == NULL || hooks->stopping)
        return;
    if (hooks->events.count == 0) {
        uv_timer_stop(&hooks->timer);
        return;
    }
    int64_t wait_ms = hooks->events.items[0].at_ms - bh_sim_now_ms(hooks->world);
    uv_update_time(hooks->timer.loop);
    uv_timer_start(&hooks->timer, on_timer, (uint64_t)(wait_ms > 0 ? wait_ms : 0), 0);
}

/* Re-arm only when the new event is the first: under load most are not. */
static bool
push_and_wake(struct bh_sim_hooks *hooks, struct bh_sim_event event)
{
    bool is_first;
    if (!push(hooks, &event, &is_first))
        return false;
    if (is_first)
        bh_sim_hooks_wake(hooks);
    return true;
}

static struct bh_sim_letter *
letter_to(struct bh_sim_str url, const char *headers)
{
    struct bh_sim_letter *letter = bh_sim_alloc_zero(sizeof *letter);
    letter->url = bh_sim_strndup(url.ptr, url.len);
    if (headers != NULL)
        letter->headers = bh_sim_strndup(headers, strlen(headers));
    return letter;
}

static void
append_query(struct bh_sim_letter *letter, struct bh_sim_str query)
{
    struct bh_sim_buf url = {0};
    bh_sim_buf_text(&url, letter->url);
    bh_sim_buf_char(&url, strchr(letter->url, '?') != NULL ? '&' : '?');
    bh_sim_buf_str(&url, query);
    free(letter->url);
    letter->url = url.ptr;
}

static void
fill_letter(struct bh_sim_hooks *hooks, const struct bh_sim_hook *hook, const char *event,
            const struct bh_sim_payload *payload, struct bh_sim_letter *letter)
{
    struct bh_sim_world *world = hooks->world;
    struct bh_sim_buf body = {0};
    if (hook->method == BH_SIM_HOOK_GET) {
        bh_sim_payload_form(payload, false, &body);
        append_query(letter, bh_sim_buf_view(&body));
        bh_sim_buf_release(&body);
        return;
    }
    bool json = hook->method == BH_SIM_HOOK_JSON;
    const char *type = json ? "application/json" : "application/x-www-form-urlencoded";
    int64_t every = world->config.hook_empty_every;
    letter->content_type = bh_sim_strndup(type, strlen(type));
    bh_sim_buf_text(&body, "");
    /* Seen in the wild: now and then a body is empty. */
    if (every == 0 || ++hooks->posts % (uint64_t)every != 0) {
        int64_t now_ms = bh_sim_now_ms(world);
        if (json) {
            bh_sim_payload_json(payload, event, now_ms, &body);
        } else {
            bh_sim_payload_form(payload, world->config.hook_body == BH_SIM_HOOK_BODY_NESTED, &body);
            bh_sim_payload_form_event(event, now_ms, &body);
        }
    }
    letter->body = body.ptr;
    letter->body_len = body.len;
}

static void
post(struct bh_sim_hooks *hooks, const struct bh_sim_hook *hook, const char *event,
     const struct bh_sim_payload *payload)
{
    if (bh_sim_courier_pending(hooks->courier) >= (size_t)hooks->world->config.events_max) {
        hooks->stats.dropped++;
        return;
    }
    for (int64_t at = 0; at < hooks->world->config.hook_repeat; at++) {
        struct bh_sim_letter *letter = letter_to(bh_sim_str_from(hook->url), hook->headers);
        letter->hook = hook->id;
        fill_letter(hooks, hook, event, payload, letter);
        bh_sim_courier_send(hooks->courier, letter);
    }
}

/* Seen in the wild: a webhook of a body without a byte. */
static void
post_nothing(struct bh_sim_hooks *hooks, const struct bh_sim_hook *hook)
{
    if (hook->method == BH_SIM_HOOK_GET ||
        bh_sim_courier_pending(hooks->courier) >= (size_t)hooks->world->config.events_max)
        return;
    bool json = hook->method == BH_SIM_HOOK_JSON;
    const char *type = json ? "application/json" : "application/x-www-form-urlencoded";
    struct bh_sim_letter *letter = letter_to(bh_sim_str_from(hook->url), hook->headers);
    letter->hook = hook->id;
    letter->content_type = bh_sim_strndup(type, strlen(type));
    letter->body = bh_sim_strndup("", 0);
    bh_sim_courier_send(hooks->courier, letter);
    hooks->stats.emptied++;
}

static bool
listens(const struct bh_sim_hook *hook, const char *event)
{
    if (hook->disabled)
        return false;
    return strcmp(hook->event_type, "all") == 0 || strcmp(hook->event_type, event) == 0;
}

static bool
anybody_listens(const struct bh_sim_hooks *hooks, const char *event)
{
    for (size_t at = 0; at < hooks->hooks_count; at++)
        if (listens(&hooks->hooks[at], event))
            return true;
    return false;
}

void
bh_sim_hooks_emit(struct bh_sim_world *world, const char *event,
                  const struct bh_sim_payload *payload, struct bh_sim_str subject)
{
    struct bh_sim_hooks *hooks = world->hooks;
    for (size_t at = 0; hooks != NULL && at < hooks->hooks_count; at++) {
        const struct bh_sim_hook *hook = &hooks->hooks[at];
        bool wanted = hook->event_filter == NULL || bh_sim_str_is(subject, hook->event_filter);
        if (wanted && listens(hook, event))
            post(hooks, hook, event, payload);
    }
}

void
bh_sim_hooks_callback(struct bh_sim_world *world, struct bh_sim_str url,
                      const struct bh_sim_payload *payload, int64_t after_ms)
{
    if (world->hooks == NULL || !bh_sim_courier_is_url(url))
        return;
    struct bh_sim_buf query = {0};
    struct bh_sim_letter *letter = letter_to(url, NULL);
    bh_sim_payload_form(payload, false, &query);
    append_query(letter, bh_sim_buf_view(&query));
    bh_sim_buf_release(&query);
    struct bh_sim_event event = {.at_ms = bh_sim_now_ms(world) + after_ms, .letter = letter};
    if (!push_and_wake(world->hooks, event))
        bh_sim_letter_free(letter);
}

static void
fill_dlr(const struct bh_sim_message *message, const struct bh_sim_step *step, int decimals,
         struct bh_sim_payload *payload)
{
    struct bh_sim_buf id = {0}, time = {0};
    bh_sim_buf_int(&id, message->id);
    bh_sim_calendar_print(&time, step->at_ms, decimals);
    bh_sim_payload_string(payload, "msg_id", bh_sim_buf_view(&id));
    bh_sim_payload_string(payload, "status", bh_sim_str_from(BH_SIM_STATUS_NAMES[step->status]));
    bh_sim_payload_string(payload, "timestamp", bh_sim_buf_view(&time));
    if (message->foreign_id.len > 0)
        bh_sim_payload_string(payload, "foreign_id", message->foreign_id);
    bh_sim_buf_release(&id);
    bh_sim_buf_release(&time);
}

static void
fill_voice_status(const struct bh_sim_world *world, const struct bh_sim_message *message,
                  const struct bh_sim_step *step, struct bh_sim_payload *payload)
{
    struct bh_sim_buf id = {0}, time = {0}, duration = {0}, price = {0};
    bool over = step->status == BH_SIM_STATUS_COMPLETED;
    bh_sim_buf_int(&id, message->id);
    bh_sim_buf_int(&time, step->at_ms / 1000);
    bh_sim_buf_int(&duration, over ? message->duration_s : 0);
    bh_sim_money_print(&price, world->config.price_voice_minute);
    bh_sim_payload_string(payload, "callerId", message->from);
    bh_sim_payload_string(payload, "recipient", message->to);
    bh_sim_payload_string(payload, "id", bh_sim_buf_view(&id));
    bh_sim_payload_string(payload, "status", bh_sim_str_from(BH_SIM_STATUS_NAMES[step->status]));
    bh_sim_payload_string(payload, "duration", bh_sim_buf_view(&duration));
    bh_sim_payload_number(payload, "pricePerMinute", bh_sim_buf_view(&price));
    bh_sim_payload_number(payload, "timestamp", bh_sim_buf_view(&time));
    if (message->foreign_id.len > 0)
        bh_sim_payload_string(payload, "foreign_id", message->foreign_id);
    bh_sim_buf_release(&id);
    bh_sim_buf_release(&time);
    bh_sim_buf_release(&duration);
    bh_sim_buf_release(&price);
}

static void
report_step(struct bh_sim_hooks *hooks, struct bh_sim_message *message,
            const struct bh_sim_step *step)
{
    struct bh_sim_world *world = hooks->world;
    bool voice = message->kind == BH_SIM_KIND_VOICE;
    const char *event = voice ? "voice_status" : "dlr";
    for (size_t at = 0; at < hooks->hooks_count; at++) {
        const struct bh_sim_hook *hook = &hooks->hooks[at];
        struct bh_sim_payload payload = {0};
        if (!listens(hook, event))
            continue;
        if (bh_sim_happens(world, world->config.report_empty))
            post_nothing(hooks, hook);
        if (voice)
            fill_voice_status(world, message, step, &payload);
        else
            fill_dlr(message, step, hook->method == BH_SIM_HOOK_GET ? 3 : 6, &payload);
        post(hooks, hook, event, &payload);
        bh_sim_payload_release(&payload);
    }
}

static void
repeat_later(struct bh_sim_hooks *hooks, const struct bh_sim_event *event)
{
    struct bh_sim_world *world = hooks->world;
    if (event->repeats == REPEATS_MAX || !bh_sim_happens(world, world->config.report_repeat))
        return;
    struct bh_sim_event again = *event;
    double wait_ms =
        bh_sim_dice_unit(&world->dice) * REPEATED_WITHIN_S * 1000 / world->config.speed;
    again.at_ms = bh_sim_now_ms(world) + (int64_t)wait_ms;
    again.repeats++;
    if (push_and_wake(hooks, again))
        hooks->stats.repeated++;
}

static void
serve_step(struct bh_sim_hooks *hooks, const struct bh_sim_event *event,
           struct bh_sim_message *message)
{
    struct bh_sim_world *world = hooks->world;
    const struct bh_sim_step *step = &message->steps[event->step];
    if (message->kind == BH_SIM_KIND_VOICE && step->status == BH_SIM_STATUS_COMPLETED)
        bh_sim_voice_charge(world, message);
    if (event->repeats == 0 && bh_sim_happens(world, world->config.report_lost)) {
        hooks->stats.lost++;
        return;
    }
    report_step(hooks, message, step);
    repeat_later(hooks, event);
}

static void
serve(struct bh_sim_hooks *hooks, const struct bh_sim_event *event)
{
    if (event->letter != NULL) {
        bh_sim_courier_send(hooks->courier, event->letter);
        return;
    }
    struct bh_sim_message *message =
        bh_sim_journal_find(&hooks->world->journals[event->kind], event->id);
    if (message != NULL && !message->cancelled && event->step < message->steps_count)
        serve_step(hooks, event, message);
}

static void
on_timer(uv_timer_t *timer)
{
    struct bh_sim_hooks *hooks = timer->data;
    int64_t now_ms = bh_sim_now_ms(hooks->world);
    /* Bounded, so that a clock moved by days does not starve the requests. */
    const struct bh_sim_events *events = &hooks->events;
    for (int served = 0; served < 1000 && events->count > 0 && events->items[0].at_ms <= now_ms;
         served++) {
        struct bh_sim_event event = bh_sim_events_pop(&hooks->events);
        serve(hooks, &event);
    }
    bh_sim_hooks_wake(hooks);
}

/* Any but `at`; counted from the first that is reported. */
static size_t
other_step(struct bh_sim_hooks *hooks, size_t at, size_t count)
{
    return (at + 1 + (size_t)(bh_sim_dice_next(&hooks->world->dice) % (count - 1))) % count;
}

/* The instant at which step `at` is reported: its own, or that of another one when order shall suffer. */
static int64_t
report_at(struct bh_sim_hooks *hooks, const struct bh_sim_message *message, size_t at, size_t first)
{
    const struct bh_sim_config *config = &hooks->world->config;
    size_t count = message->steps_count - first;
    size_t source = at;
    if (config->hook_order == BH_SIM_HOOK_ORDER_REVERSED)
        source = first + (count - 1 - (at - first));
    else if (config->hook_order == BH_SIM_HOOK_ORDER_SHUFFLED)
        source = first + (size_t)(bh_sim_dice_next(&hooks->world->dice) % count);
    else if (count > 1 && bh_sim_happens(hooks->world, config->report_shuffle))
        source = other_step(hooks, at - first, count) + first;
    int64_t after_ms = config->hook_delay_ms + (source != at ? 1 : 0);
    if (bh_sim_happens(hooks->world, config->report_late)) {
        double late_s = (double)config->report_late_s * (1 - bh_sim_dice_unit(&hooks->world->dice));
        after_ms += (int64_t)(late_s * 1000 / config->speed);
        hooks->stats.late++;
    }
    return message->steps[source].at_ms + after_ms;
}

void
bh_sim_hooks_schedule_from(struct bh_sim_world *world, struct bh_sim_message *message,
                           size_t first_step)
{
    struct bh_sim_hooks *hooks = world->hooks;
    if (hooks == NULL)
        return;
    /* Calls are always followed, as their end has to be charged. */
    bool voice = message->kind == BH_SIM_KIND_VOICE;
    if (!voice && (hooks->hooks_count == 0 || !anybody_listens(hooks, "dlr")))
        return;
    for (size_t at = first_step; at < message->steps_count; at++)
        push_and_wake(hooks,
                      (struct bh_sim_event){.at_ms = report_at(hooks, message, at, first_step),
                                            .kind = message->kind,
                                            .id = message->id,
                                            .step = at});
}

void
bh_sim_hooks_schedule(struct bh_sim_world *world, struct bh_sim_message *message)
{
    bh_sim_hooks_schedule_from(world, message, 0);
}

/* Seconds until the next attempt, after `attempts` of them; 0: given up. */
static int64_t
retry_after_s(const struct bh_sim_config *config, int status, int attempts)
{
    static const int64_t late_s[] = {60,    300,   1800,  3600,  7200,  36000, 36000,
                                     36000, 36000, 36000, 36000, 36000, 36000};
    if (config->era < 2026)
        return (status == 0 || status == 500) && attempts <= 6 ? 3600 : 0;
    bool again = status == 0 || status == 429 || status == 500 || status == 502 || status == 503 ||
                 status == 504;
    return again && (size_t)attempts <= BH_SIM_ARRAY_LEN(late_s) ? late_s[attempts - 1] : 0;
}

/* Who fails for long is switched off. */
static void
judge_receiver(struct bh_sim_hooks *hooks, int64_t id, bool taken)
{
    int64_t most = hooks->world->config.hook_disable_after;
    for (size_t at = 0; at < hooks->hooks_count; at++) {
        struct bh_sim_hook *hook = &hooks->hooks[at];
        if (hook->id != id)
            continue;
        hook->given_up = taken ? 0 : hook->given_up + 1;
        if (most > 0 && hook->given_up >= most && !hook->disabled) {
            hook->disabled = true;
            hooks->stats.disabled++;
        }
    }
}

static void
on_letter_done(void *context, struct bh_sim_letter *letter, int status)
{
    struct bh_sim_hooks *hooks = context;
    const struct bh_sim_config *config = &hooks->world->config;
    hooks->stats.attempts++;
    if (status < 0)
        hooks->stats.remote_refused++;
    int64_t wait_s = status < 0 ? 0 : retry_after_s(config, status, letter->attempts);
    if (wait_s > 0) {
        int64_t wait_ms = (int64_t)((double)wait_s * 1000.0 / config->speed);
        struct bh_sim_event event = {.at_ms = bh_sim_now_ms(hooks->world) + wait_ms,
                                     .letter = letter};
        if (push_and_wake(hooks, event)) {
            hooks->stats.retried++;
            return;
        }
    }
    bool taken = status >= 200 && status < 400;
    if (taken)
        hooks->stats.delivered++;
    else
        hooks->stats.failed++;
    judge_receiver(hooks, letter->hook, taken);
    bh_sim_letter_free(letter);
}

struct bh_sim_hooks *
bh_sim_hooks_new(struct bh_sim_world *world, uv_loop_t *loop)
{
    struct bh_sim_hooks *hooks = bh_sim_alloc_zero(sizeof *hooks);
    hooks->world = world;
    hooks->next_id = FIRST_HOOK_ID;
    uv_timer_init(loop, &hooks->timer);
    hooks->timer.data = hooks;
    hooks->courier = bh_sim_courier_new(world, loop, on_letter_done, hooks);
    return hooks;
}

static void
free_hook(struct bh_sim_hook *hook)
{
    free(hook->url);
    free(hook->event_type);
    free(hook->event_filter);
    free(hook->headers);
}

void
bh_sim_hooks_reset(struct bh_sim_hooks *hooks)
{
    for (size_t at = 0; at < hooks->events.count; at++)
        if (hooks->events.items[at].letter != NULL)
            bh_sim_letter_free(hooks->events.items[at].letter);
    hooks->events.count = 0;
    for (size_t at = 0; at < hooks->hooks_count; at++)
        free_hook(&hooks->hooks[at]);
    hooks->hooks_count = 0;
    hooks->posts = 0;
    hooks->stats = (struct bh_sim_hooks_stats){0};
    bh_sim_hooks_wake(hooks);
}

void
bh_sim_hooks_stop(struct bh_sim_hooks *hooks)
{
    bh_sim_hooks_reset(hooks);
    hooks->stopping = true;
    bh_sim_courier_stop(hooks->courier);
    uv_close((uv_handle_t *)&hooks->timer, NULL);
}

void
bh_sim_hooks_free(struct bh_sim_hooks *hooks)
{
    bh_sim_courier_free(hooks->courier);
    bh_sim_events_release(&hooks->events);
    free(hooks->hooks);
    free(hooks);
}

const struct bh_sim_hooks_stats *
bh_sim_hooks_stats(const struct bh_sim_hooks *hooks)
{
    return &hooks->stats;
}

size_t
bh_sim_hooks_pending(const struct bh_sim_hooks *hooks)
{
    return hooks->events.count + bh_sim_courier_pending(hooks->courier);
}

static void
print_hook(const struct bh_sim_world *world, const struct bh_sim_hook *hook, struct bh_sim_buf *buf)
{
    static const char *const methods[] = {"POST", "GET", "JSON"};
    bh_sim_buf_printf(buf, "{\"id\":\"%lld\",\"target_url\":", (long long)hook->id);
    bh_sim_json_text(buf, hook->url);
    bh_sim_buf_text(buf, ",\"event_type\":");
    bh_sim_json_text(buf, hook->event_type);
    if (world->config.era >= 2022) {
        bh_sim_buf_text(buf, ",\"event_filter\":");
        bh_sim_json_string_or_null(buf, bh_sim_str_from(hook->event_filter));
    }
    bh_sim_buf_printf(buf, ",\"request_method\":\"%s\"", methods[hook->method]);
    if (world->config.era >= 2022)
        bh_sim_buf_printf(buf, ",\"enabled\":%s", hook->disabled ? "false" : "true");
    bh_sim_buf_text(buf, ",\"created\":\"");
    bh_sim_calendar_print(buf, hook->created_ms, 0);
    bh_sim_buf_char(buf, '"');
    if (world->config.era >= 2024) {
        bh_sim_buf_text(buf, ",\"headers\":");
        bh_sim_json_text(buf, hook->headers);
    }
    bh_sim_buf_char(buf, '}');
}

static void
list(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    const struct bh_sim_hooks *hooks = world->hooks;
    bh_sim_buf_text(buf, "{\"success\":true,\"code\":null,\"hooks\":[");
    for (size_t at = 0; hooks != NULL && at < hooks->hooks_count; at++) {
        if (at > 0)
            bh_sim_buf_char(buf, ',');
        print_hook(world, &hooks->hooks[at], buf);
    }
    bh_sim_buf_text(buf, "]}");
}

static void
refuse(struct bh_sim_exchange *exchange, const char *why)
{
    bh_sim_buf_text(&exchange->answer.body, "{\"success\":false,\"code\":null,\"error_message\":");
    bh_sim_json_text(&exchange->answer.body, why);
    bh_sim_buf_char(&exchange->answer.body, '}');
}

static bool
read_method(struct bh_sim_str name, enum bh_sim_hook_method *ret_method)
{
    *ret_method = BH_SIM_HOOK_POST;
    if (name.len == 0 || bh_sim_str_is_nocase(name, "POST"))
        return true;
    if (bh_sim_str_is_nocase(name, "GET"))
        *ret_method = BH_SIM_HOOK_GET;
    else if (bh_sim_str_is_nocase(name, "JSON"))
        *ret_method = BH_SIM_HOOK_JSON;
    else
        return false;
    return true;
}

static bool
is_event_type(struct bh_sim_str name)
{
    static const char *const types[] = {"all",        "sms_mo",     "dlr",      "voice_status",
                                        "voice_call", "voice_dtmf", "tracking", "rcs",
                                        "rcs_dlr",    "rcs_mo"};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(types); at++)
        if (bh_sim_str_is(name, types[at]))
            return true;
    return false;
}

static char *
copy_or_null(struct bh_sim_str text)
{
    return text.len > 0 ? bh_sim_strndup(text.ptr, text.len) : NULL;
}

/* Messages that were accepted before somebody listened still have steps to come. */
static void
schedule_coming(struct bh_sim_world *world)
{
    const struct bh_sim_journal *journal = &world->journals[BH_SIM_KIND_SMS];
    int64_t now_ms = bh_sim_now_ms(world);
    for (int64_t id = bh_sim_journal_oldest(journal); id < journal->next_id; id++) {
        struct bh_sim_message *message = bh_sim_journal_find(journal, id);
        size_t first = 0;
        while (first < message->steps_count && message->steps[first].at_ms <= now_ms)
            first++;
        if (first < message->steps_count)
            bh_sim_hooks_schedule_from(world, message, first);
    }
}

static void
subscribe(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    const struct bh_sim_params *params = &exchange->params;
    struct bh_sim_hooks *hooks = world->hooks;
    struct bh_sim_str url = bh_sim_params_text(params, "target_url");
    struct bh_sim_str type = bh_sim_params_text(params, "event_type");
    enum bh_sim_hook_method method;
    if (!bh_sim_courier_is_url(url)) {
        refuse(exchange, "Invalid URL");
        return;
    }
    if (!is_event_type(type) ||
        !read_method(bh_sim_params_text(params, "request_method"), &method)) {
        refuse(exchange, "Invalid event type or request method");
        return;
    }
    if (hooks == NULL || hooks->hooks_count == BH_SIM_HOOKS_MAX) {
        refuse(exchange, "Too many hooks");
        return;
    }
    bool listened = anybody_listens(hooks, "dlr");
    hooks->hooks = bh_sim_realloc(hooks->hooks, (hooks->hooks_count + 1) * sizeof *hooks->hooks);
    struct bh_sim_hook *hook = &hooks->hooks[hooks->hooks_count++];
    *hook = (struct bh_sim_hook){
        .id = hooks->next_id++,
        .url = bh_sim_strndup(url.ptr, url.len),
        .event_type = bh_sim_strndup(type.ptr, type.len),
        .event_filter = copy_or_null(bh_sim_params_text(params, "event_filter")),
        .headers = copy_or_null(bh_sim_params_text(params, "headers")),
        .method = method,
        .created_ms = bh_sim_now_ms(world),
    };
    bh_sim_buf_printf(&exchange->answer.body, "{\"success\":true,\"code\":null,\"id\":%lld}",
                      (long long)hook->id);
    if (!listened && listens(hook, "dlr"))
        schedule_coming(world);
}

/* By id, or by the three parameters that it was created with. */
static bool
is_meant(const struct bh_sim_hook *hook, const struct bh_sim_params *params)
{
    struct bh_sim_str id;
    int64_t number;
    enum bh_sim_hook_method method;
    if (bh_sim_params_get(params, "id", &id))
        return bh_sim_str_to_int(id, &number) && number == hook->id;
    return bh_sim_str_is(bh_sim_params_text(params, "target_url"), hook->url) &&
           bh_sim_str_is(bh_sim_params_text(params, "event_type"), hook->event_type) &&
           read_method(bh_sim_params_text(params, "request_method"), &method) &&
           method == hook->method;
}

static void
unsubscribe(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_hooks *hooks = world->hooks;
    bool found = false;
    for (size_t at = 0; hooks != NULL && !found && at < hooks->hooks_count; at++) {
        if (!is_meant(&hooks->hooks[at], &exchange->params))
            continue;
        free_hook(&hooks->hooks[at]);
        memmove(&hooks->hooks[at], &hooks->hooks[at + 1],
                (hooks->hooks_count - at - 1) * sizeof *hooks->hooks);
        hooks->hooks_count--;
        found = true;
    }
    bh_sim_buf_printf(&exchange->answer.body, "{\"success\":%s}", found ? "true" : "false");
}

void
bh_sim_hooks_endpoint(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_str action = bh_sim_params_text(&exchange->params, "action");
    struct bh_sim_str method = exchange->http->method;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    if (bh_sim_str_is(action, "unsubscribe") || bh_sim_str_is(method, "DELETE"))
        unsubscribe(world, exchange);
    else if (bh_sim_str_is(action, "subscribe") ||
             (action.len == 0 && bh_sim_str_is(method, "POST")))
        subscribe(world, exchange);
    else if (bh_sim_str_is(action, "read") || action.len == 0)
        list(world, exchange);
    else
        refuse(exchange, "Invalid action");
}
