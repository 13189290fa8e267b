#include "daemon/alerter.h"

#include <bellhop/version.h>

#include "core/alloc.h"
#include "daemon/alert_command.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/shells.h"
#include "gateway/webpost.h"

#define LOOK_MS        BH_SECOND_MS
#define JSON_BYTES_MAX ((size_t)8 * 1024)

static const bh_ms retries_ms[] = {5 * BH_SECOND_MS, 30 * BH_SECOND_MS};

/* One way to tell; its alerts wait in a ring. */
struct way {
    const char *name; /* of the key in [alert] */
    struct bh_alert line[BH_ALERTER_LINE];
    size_t first, count;
    unsigned tries; /* of the first, in vain */
    struct bh_mono not_before;
    bool failing; /* the last one was not delivered, and that was told */
};

struct bh_alerter {
    struct bh_alerter_options options;
    const struct bh_config *config; /* owned reference */
    uv_timer_t timer;
    struct bh_alert_board board;
    struct bh_alert_memory memory;
    struct bh_alert_facts facts;
    struct bh_alert_command *command;
    struct bh_webpost *post;
    struct way by_command, by_url;
    struct bh_buf json;
    bool overflow_told, stopping;
    struct bh_shells shells; /* counted while they close */
};

/* ---- the lines ---- */

static void
way_push(struct way *way, const struct bh_alert *alert)
{
    if (way->count == BH_ALERTER_LINE) {
        bh_log_write(BH_LOG_WARN, "alert_dropped", NULL, 0,
                     "more than %d alerts wait for [alert] %s; the oldest one is dropped",
                     BH_ALERTER_LINE, way->name);
        way->first = (way->first + 1) % BH_ALERTER_LINE;
        way->count--;
        way->tries = 0;
    }
    way->line[(way->first + way->count) % BH_ALERTER_LINE] = *alert;
    way->count++;
}

static void
way_shift(struct way *way)
{
    way->first = (way->first + 1) % BH_ALERTER_LINE;
    way->count -= way->count > 0;
    way->tries = 0;
}

static void
way_delivered(struct way *way)
{
    if (way->failing)
        bh_log_write(BH_LOG_INFO, "alert_delivered", NULL, 0, "alerts get through [alert] %s again",
                     way->name);
    way->failing = false;
    way_shift(way);
}

static void
way_failed(struct way *way, const char *why)
{
    const struct bh_alert *alert = &way->line[way->first];
    const struct bh_log_field fields[] = {
        bh_log_text("alert", bh_alert_kind_name(alert->condition.kind)),
        bh_log_text("reason", why),
    };
    if (!way->failing)
        bh_log_write(
            BH_LOG_ERROR, "alert_failed", fields, BH_ARRAY_LEN(fields),
            "an alert could not be delivered by [alert] %s: nobody was told by it; further "
            "failures are not logged until one gets through",
            way->name);
    way->failing = true;
    way_shift(way);
}

/* ---- delivering ---- */

static bool
render(struct bh_alerter *alerter, const struct bh_alert *alert)
{
    bh_buf_clear(&alerter->json);
    return bh_alert_write_json(alert, alerter->config->pool.instance, bh_clock_wall(),
                               &alerter->json) == BH_OK;
}

static void
run_next(struct bh_alerter *alerter)
{
    struct way *way = &alerter->by_command;
    const char *program = alerter->config->alert.command;
    if (alerter->stopping || way->count == 0 || bh_alert_command_is_busy(alerter->command))
        return;
    const struct bh_alert *alert = &way->line[way->first];
    if (program[0] == '\0') /* taken out of the configuration meanwhile */
        way_shift(way);
    else if (!render(alerter, alert) ||
             bh_alert_command_run(alerter->command, program, alert, alerter->config->pool.instance,
                                  bh_buf_str(&alerter->json)) != BH_OK)
        way_failed(way, "out of memory");
}

static void
post_next(struct bh_alerter *alerter)
{
    struct way *way = &alerter->by_url;
    const char *url = alerter->config->alert.url;
    if (alerter->stopping || way->count == 0 || bh_webpost_is_busy(alerter->post) ||
        !bh_mono_reached(way->not_before, bh_clock_mono()))
        return;
    if (url[0] == '\0')
        way_shift(way);
    else if (!render(alerter, &way->line[way->first]) ||
             bh_webpost_send(alerter->post,
                             &(struct bh_webpost_letter){
                                 .url = url, .json = bh_buf_str(&alerter->json)}) != BH_OK)
        way_failed(way, "out of memory");
}

static void
command_on_done(void *arg, const struct bh_alert_command_result *result)
{
    struct bh_alerter *alerter = arg;
    if (result->good)
        way_delivered(&alerter->by_command);
    else
        way_failed(&alerter->by_command, result->text);
    run_next(alerter);
}

static void
post_on_done(void *arg, void *tag, const struct bh_webpost_result *result)
{
    struct bh_alerter *alerter = arg;
    (void)tag;
    struct way *way = &alerter->by_url;
    way->not_before = bh_clock_mono();
    if (result->taken)
        way_delivered(way);
    else if (result->may_again && way->tries < BH_ARRAY_LEN(retries_ms))
        way->not_before = bh_mono_add(way->not_before, retries_ms[way->tries++]);
    else
        way_failed(way, result->text);
    post_next(alerter);
}

/* ---- looking ---- */

static void
tell(struct bh_alerter *alerter, const struct bh_alert *alert)
{
    const struct bh_alert_condition *condition = &alert->condition;
    struct bh_log_field fields[4];
    size_t count = 0;
    fields[count++] = bh_log_text("alert", bh_alert_kind_name(condition->kind));
    fields[count++] = bh_log_text("what", bh_alert_event_name(alert->event));
    if (condition->subject[0] != '\0')
        fields[count++] = bh_log_text("queue", condition->subject);
    if (alert->event != BH_ALERT_FIRED)
        fields[count++] = bh_log_duration("lasted", alert->lasted_ms / BH_SECOND_MS * BH_SECOND_MS);
    bool over = alert->event == BH_ALERT_RESOLVED;
    bh_log_write(over ? BH_LOG_INFO : BH_LOG_WARN, "alert", fields, count, "%s%s",
                 over ? "over: " : "", condition->text);
    if (alerter->config->alert.command[0] != '\0')
        way_push(&alerter->by_command, alert);
    if (alerter->config->alert.url[0] != '\0')
        way_push(&alerter->by_url, alert);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_alerter *alerter = timer->data;
    struct bh_alert alert;
    alerter->options.look(alerter->options.arg, &alerter->facts);
    bh_alert_begin(&alerter->board, bh_clock_mono(), bh_clock_wall());
    bh_alert_facts_show(&alerter->facts, alerter->config, &alerter->memory, &alerter->board);
    while (bh_alert_next(&alerter->board, alerter->config->alert.repeat_ms, &alert))
        tell(alerter, &alert);
    if (alerter->board.overflown > 0 && !alerter->overflow_told) {
        alerter->overflow_told = true;
        bh_log_write(BH_LOG_WARN, "alert_dropped", NULL, 0,
                     "more than %d alerts hold at once; the others are not told", BH_ALERT_ROWS);
    }
    run_next(alerter);
    post_next(alerter);
}

/* ---- life ---- */

static void
shell_on_closed(void *arg)
{
    struct bh_alerter *alerter = arg;
    bh_shells_closed(&alerter->shells);
}

static enum bh_status
open_ways(struct bh_alerter *alerter, uv_loop_t *loop)
{
    const struct bh_alert_command_options command = {
        .timeout_ms = BH_ALERTER_TIMEOUT_MS,
        .on_done = command_on_done,
        .on_closed = shell_on_closed,
        .arg = alerter,
    };
    const struct bh_webpost_options post = {
        .timeout_ms = BH_ALERTER_TIMEOUT_MS,
        .user_agent = "Bellhop/" BELLHOP_VERSION,
        .on_done = post_on_done,
        .on_closed = shell_on_closed,
        .arg = alerter,
    };
    enum bh_status status = bh_alert_command_new(loop, &command, &alerter->command);
    if (status == BH_OK)
        status = bh_webpost_new(loop, &post, &alerter->post);
    return status;
}

enum bh_status
bh_alerter_new(uv_loop_t *loop, const struct bh_alerter_options *options,
               struct bh_alerter **ret_alerter)
{
    struct bh_alerter *alerter = bh_alloc_zero(sizeof(*alerter));
    if (alerter == NULL)
        return BH_ENOMEM;
    alerter->options = *options;
    alerter->config = bh_config_retain(options->config);
    alerter->by_command.name = "command";
    alerter->by_url.name = "url";
    bh_buf_init(&alerter->json, JSON_BYTES_MAX);
    uv_timer_init(loop, &alerter->timer);
    alerter->timer.data = alerter;
    enum bh_status status = open_ways(alerter, loop);
    if (status == BH_OK)
        *ret_alerter = alerter;
    /* A half-built one is left to the end of the process, which follows at once. */
    return status;
}

void
bh_alerter_start(struct bh_alerter *alerter)
{
    uv_timer_start(&alerter->timer, timer_on_fire, (uint64_t)LOOK_MS, (uint64_t)LOOK_MS);
}

void
bh_alerter_configure(struct bh_alerter *alerter, const struct bh_config *config)
{
    const struct bh_config *old = alerter->config;
    alerter->config = bh_config_retain(config);
    bh_config_release(old);
}

void
bh_alerter_stop(struct bh_alerter *alerter)
{
    if (alerter->stopping)
        return;
    alerter->stopping = true;
    size_t left = alerter->by_command.count + alerter->by_url.count;
    if (left > 0)
        bh_log_write(BH_LOG_WARN, "alert_dropped", NULL, 0,
                     "stopping with %zu alerts that were not delivered yet", left);
    bh_shells_expect(&alerter->shells, 3, alerter->options.on_closed, alerter->options.arg);
    bh_shells_close_timer(&alerter->shells, &alerter->timer);
    bh_alert_command_stop(alerter->command);
    bh_webpost_stop(alerter->post);
}

void
bh_alerter_free(struct bh_alerter *alerter)
{
    if (alerter == NULL)
        return;
    bh_alert_command_free(alerter->command);
    bh_webpost_free(alerter->post);
    bh_buf_release(&alerter->json);
    bh_config_release(alerter->config);
    bh_free(alerter);
}
