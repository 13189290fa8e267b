#include "daemon/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <bellhop/version.h>

#include "core/alloc.h"
#include "core/gateway_profile.h"
#include "daemon/alerter.h"
#include "daemon/callbacks.h"
#include "daemon/claim_guard.h"
#include "daemon/clock.h"
#include "daemon/endpoint.h"
#include "daemon/gateway_news.h"
#include "daemon/instance_lock.h"
#include "daemon/keeper.h"
#include "daemon/log.h"
#include "daemon/mailbox.h"
#include "daemon/outage_log.h"
#include "daemon/overview.h"
#include "daemon/pool.h"
#include "daemon/puller.h"
#include "daemon/registrar.h"
#include "daemon/reload.h"
#include "daemon/sent_journal.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "daemon/supervisor.h"
#include "engine/policy.h"

/* How often the loops are asked for a sign of life, and the status text is brought up to date. */
#define PULSE_MS     BH_SECOND_MS
#define PULSE_MIN_MS ((bh_ms)20)

/* A loop that has not turned for so long, although it was asked, hangs. */
#define HANGING_AFTER_MS (10 * BH_SECOND_MS)

struct app {
    const char *config_path;
    const struct bh_config *config; /* owned reference */
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    uv_loop_t loop;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t pulse, drain_limit;
    struct bh_mailbox mailbox;
    struct bh_supervisor supervisor;
    struct bh_instance_lock instance_lock;
    struct bh_registrar *registrar;
    char life[BH_LIFE_LEN + 1];      /* names this run of the process in Redis */
    struct bh_sent_journal *journal; /* NULL: switched off */
    struct bh_keeper *keeper;
    struct bh_overview *overview;
    struct bh_alerter *alerter;
    struct bh_callbacks *callbacks;
    struct bh_outage_log outages;
    struct bh_endpoint *endpoint;
    struct bh_puller *puller;
    struct bh_account_event account_state;

    struct bh_pool pool; /* starts when the instance's name is ours */
    bool draining, stopping;
    struct bh_shells shells; /* the five with on_closed that go last: counted while they close */
    enum bh_exit exit_code;
    bool ending; /* the workers are gone: the keeper goes for good */
    bool hanging_told;
    struct bh_claim_guard claim_guard;
};

/* ---- stopping ---- */

static void
mask_hangup(int how)
{
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    int failed = pthread_sigmask(how, &hangup, NULL);
    BH_ASSERT(failed == 0);
}

void
bh_app_hold_reloads(void)
{
    mask_hangup(SIG_BLOCK);
}

static void
close_app(void *arg)
{
    struct app *app = arg;
    bh_app_hold_reloads();
    uv_close((uv_handle_t *)&app->on_term, NULL);
    uv_close((uv_handle_t *)&app->on_int, NULL);
    uv_close((uv_handle_t *)&app->on_hup, NULL);
    uv_close((uv_handle_t *)&app->pulse, NULL);
    uv_close((uv_handle_t *)&app->drain_limit, NULL);
    bh_mailbox_close(&app->mailbox);
}

/* What follows may free the keeper, which must not happen under its own callback. */
static void
keeper_on_closed(void *arg)
{
    struct app *app = arg;
    const struct bh_message message = {.kind = BH_MESSAGE_KEEPER_CLOSED};
    bool posted = bh_mailbox_post(&app->mailbox, &message);
    BH_ASSERT(posted);
}

/*
 * Behind the endpoint, which is closed when no worker is left to tell about: nobody acts under the instance's name any
 * more.
 */
static void
endpoint_on_closed(void *arg)
{
    struct app *app = arg;
    app->ending = true;
    bh_shells_expect(&app->shells, 5, close_app, app);
    bh_keeper_stop(app->keeper);
    bh_registrar_stop(app->registrar);
    bh_alerter_stop(app->alerter);
    bh_callbacks_stop(app->callbacks);
    bh_overview_stop(app->overview);
}

static void
shell_on_closed(void *arg)
{
    struct app *app = arg;
    bh_shells_closed(&app->shells);
}

static void
alerter_look(void *arg, struct bh_alert_facts *ret_facts)
{
    struct app *app = arg;
    const char *risk = bh_keeper_redis_risk(app->keeper);
    bh_alert_facts_gather(bh_overview_peek(app->overview), risk != NULL, risk != NULL ? risk : "",
                          ret_facts);
}

/* Whose reports the endpoint's part takes to Redis. */
static void
puller_on_closed(void *arg)
{
    struct app *app = arg;
    bh_endpoint_stop(app->endpoint);
}

static bool
puller_on_report(void *arg, const struct bh_delivery_report *report)
{
    struct app *app = arg;
    return bh_endpoint_report(app->endpoint, report);
}

static void
end_endpoint(struct app *app)
{
    bh_puller_stop(app->puller);
}

static void
stop_workers(struct app *app)
{
    if (app->stopping)
        return;
    app->stopping = true;
    unsigned left = bh_pool_sum(&app->pool).in_hand;
    if (left > 0)
        bh_log_write(
            BH_LOG_WARN, "stop", NULL, 0,
            "stopping with %u jobs in hand; they are taken up again at the next start, or by "
            "another worker when their leases have run out",
            left);
    bh_pool_post(&app->pool, (struct bh_message){.kind = BH_MESSAGE_STOP});
    if (app->pool.running == 0)
        end_endpoint(app);
}

/* Who is stopping has stopped workers, which need not turn any more. */
static bool
loops_turn(const struct app *app)
{
    return app->stopping || bh_pool_turns(&app->pool, bh_clock_mono(), HANGING_AFTER_MS);
}

static void
tell_overview(struct app *app)
{
    bh_overview_tell(app->overview, app->pool.started, app->draining, app->stopping,
                     loops_turn(app));
    bh_overview_tell_pulled(app->overview, bh_puller_counters(app->puller)->answers);
}

static void
drain_limit_on_fire(uv_timer_t *timer)
{
    struct app *app = timer->data;
    bh_log_write(BH_LOG_WARN, "drain_timeout", NULL, 0,
                 "drain_timeout is over and requests are still on their way");
    stop_workers(app);
}

static void
drain(struct app *app, const char *signal_name)
{
    if (app->draining) {
        bh_log_write(BH_LOG_WARN, "stop", NULL, 0, "%s again: stopping at once", signal_name);
        stop_workers(app);
        return;
    }
    app->draining = true;
    tell_overview(app);
    bh_supervisor_stopping(&app->supervisor);
    if (!app->pool.started) {
        stop_workers(app);
        return;
    }
    bh_supervisor_status(&app->supervisor, "draining");
    bh_log_write(BH_LOG_INFO, "drain", NULL, 0,
                 "%s: claiming nothing more, giving back what is unsent, finishing %u jobs in hand",
                 signal_name, bh_pool_sum(&app->pool).in_hand);
    uv_timer_start(&app->drain_limit, drain_limit_on_fire,
                   (uint64_t)app->config->pool.drain_timeout_ms, 0);
    bh_pool_post(&app->pool, (struct bh_message){.kind = BH_MESSAGE_DRAIN});
}

/* ---- the account ---- */

/*
 * Until the keeper has heard from Redis what the account allows.  A pause must outlive the process that made it: an
 * operator who paused the account does not expect a restart to send.
 */
static const struct bh_account_event account_not_known = {
    .state = BH_ACCOUNT_PAUSED,
    .reason = BH_REASON_NONE,
};

/* The keeper says what the account allows. */
static void
keeper_on_account(void *arg, const struct bh_account_event *event)
{
    struct app *app = arg;
    app->account_state = *event;
    if (app->puller != NULL)
        bh_puller_account(app->puller, event);
    bh_pool_tell_account(&app->pool, event);
}

static enum bh_status
open_keeper(struct app *app, struct bh_error *error)
{
    const struct bh_keeper_options options = {
        .config = app->config,
        .account = app->account,
        .sent_with = "Bellhop/" BELLHOP_VERSION,
        .on_account = keeper_on_account,
        .on_closed = keeper_on_closed,
        .arg = app,
    };
    return bh_keeper_new(&app->loop, &options, &app->keeper, error);
}

static void
renew_keeper(struct app *app)
{
    struct bh_error error = {"", ""};
    bh_keeper_free(app->keeper);
    enum bh_status status = open_keeper(app, &error);
    /* Its options were good a moment ago, so this is a machine without memory: let somebody restart us. */
    BH_ASSERT(status == BH_OK);
    bh_keeper_start(app->keeper);
}

/* Another key or gateway is another account: what the old one was paused for does not count any more. */
static void
follow_account(struct app *app)
{
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    if (bh_gateway_account_name(&app->config->gateway, account) != BH_OK ||
        strcmp(account, app->account) == 0) {
        bh_keeper_configure(app->keeper, app->config);
        return;
    }
    memcpy(app->account, account, sizeof(account));
    keeper_on_account(app, &account_not_known);
    bh_keeper_stop(app->keeper);
}

/* ---- reload ---- */

static void
reload(struct app *app)
{
    struct bh_config *fresh = NULL;
    bh_supervisor_reloading(&app->supervisor, (int64_t)(uv_hrtime() / 1000));
    if (bh_reload_read(app->config_path, app->config, &fresh) == BH_OK) {
        bh_config_release(app->config);
        app->config = fresh;
        bh_log_configure(fresh);
        bh_pool_post(&app->pool,
                     (struct bh_message){.kind = BH_MESSAGE_CONFIGURE, .config = app->config});
        follow_account(app);
        bh_overview_configure(app->overview, fresh, app->account);
        bh_alerter_configure(app->alerter, fresh);
        bh_callbacks_configure(app->callbacks, fresh);
        bh_endpoint_configure(app->endpoint, fresh);
        bh_puller_configure(app->puller, fresh);
        bh_log_write(BH_LOG_INFO, "reloaded", NULL, 0, "the configuration was read again");
    }
    bh_supervisor_ready(&app->supervisor);
}

static void
app_on_signal(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;
    if (number == SIGHUP && !app->draining)
        reload(app);
    else if (number == SIGTERM)
        drain(app, "SIGTERM");
    else if (number == SIGINT)
        drain(app, "SIGINT");
}

/* ---- the pulse ---- */

static const char *
account_wording(const struct bh_account_event *account)
{
    if (account->state == BH_ACCOUNT_OPEN)
        return "open";
    return account->reason == BH_REASON_NONE ? "not heard of yet" : "paused: ";
}

static void
show_status(struct app *app)
{
    const struct bh_pool_sum sum = bh_pool_sum(&app->pool);
    const char *redis = sum.up == app->pool.count ? "up" : sum.up == 0 ? "away" : "partly up";
    bh_supervisor_status(&app->supervisor,
                         "%s%sRedis %s, gateway %s, account %s%s; %u jobs in hand, %u in flight, "
                         "%llu sent",
                         app->draining ? "draining; " : "",
                         app->pool.started ? "" : "waiting for the instance's name; ", redis,
                         sum.breakers > 0 ? "down" : "up", account_wording(&app->account_state),
                         bh_reason_name(app->account_state.reason), sum.in_hand, sum.in_flight,
                         sum.sent);
}

static void
guard_claims(struct app *app)
{
    bh_claim_guard_pulse(&app->claim_guard,
                         &(struct bh_claim_guard_sight){
                             .config = app->config,
                             .keeper = app->keeper,
                             .account_open = app->account_state.state == BH_ACCOUNT_OPEN,
                             .ending = app->draining || app->stopping || !app->pool.started,
                         });
}

/* What one of them knows and the others should, and what the log should say of all. */
static void
look_at_workers(struct app *app)
{
    if (!app->pool.started)
        return;
    bh_gateway_news_spread(app->pool.workers, app->pool.count, bh_keeper_answered_at(app->keeper),
                           bh_clock_mono());
    bh_outage_log_pulse(&app->outages,
                        &(struct bh_outage_sight){
                            .workers = app->pool.workers,
                            .workers_count = app->pool.count,
                            .in_hand = bh_pool_sum(&app->pool).in_hand,
                            .account_state = app->account_state,
                            .picture = bh_overview_peek(app->overview),
                        },
                        bh_clock_mono());
}

/* The supervisor may want to hear from us more often than we would bother otherwise. */
static uint64_t
pulse_distance(const struct app *app)
{
    bh_ms watchdog_ms = app->supervisor.watchdog_ms;
    return watchdog_ms > 0 ? (uint64_t)bh_ms_max(bh_ms_min(watchdog_ms / 2, PULSE_MS), PULSE_MIN_MS)
                           : PULSE_MS;
}

static bool
endpoint_is_healthy(void *arg)
{
    const struct app *app = arg;
    return loops_turn(app);
}

static void
pulse_on_fire(uv_timer_t *timer)
{
    struct app *app = timer->data;
    bool turning = loops_turn(app);
    if (turning && !app->claim_guard.lost)
        bh_supervisor_pet(&app->supervisor);
    else if (!turning && !app->hanging_told)
        bh_log_write(BH_LOG_ERROR, "hanging", NULL, 0,
                     "a worker's loop has not turned for %lld s; the watchdog is no longer fed",
                     (long long)(HANGING_AFTER_MS / BH_SECOND_MS));
    app->hanging_told = !turning;
    tell_overview(app);
    if (!app->stopping) {
        bh_log_configure(app->config);
        bh_pool_post(&app->pool,
                     (struct bh_message){.kind = BH_MESSAGE_PING, .posted_ns = uv_hrtime()});
        guard_claims(app);
        look_at_workers(app);
        show_status(app);
    }
}

/* ---- messages ---- */

static void
app_on_message(void *arg, const struct bh_message *message)
{
    struct app *app = arg;
    switch (message->kind) {
    case BH_MESSAGE_ACCOUNT_WORD: bh_keeper_hear(app->keeper, &message->word); break;
    case BH_MESSAGE_STORE: show_status(app); break;
    case BH_MESSAGE_DRAINED:
        if (++app->pool.drained == app->pool.count) {
            uv_timer_stop(&app->drain_limit);
            stop_workers(app);
        }
        break;
    case BH_MESSAGE_STOPPED:
        if (--app->pool.running == 0)
            end_endpoint(app);
        break;
    case BH_MESSAGE_KEEPER_CLOSED:
        if (app->ending)
            bh_shells_closed(&app->shells);
        else
            renew_keeper(app);
        break;
    case BH_MESSAGE_CONFIGURE:
    case BH_MESSAGE_ACCOUNT:
    case BH_MESSAGE_DRAIN:
    case BH_MESSAGE_STOP:
    case BH_MESSAGE_REOPEN:
    case BH_MESSAGE_GATEWAY_ANSWERS:
    case BH_MESSAGE_PING: BH_ASSERT(false && "a message for a worker");
    }
}

/* ---- building ---- */

static enum bh_status
make_workers(struct app *app, struct bh_error *error)
{
    const struct bh_worker_options options = {
        .config = app->config,
        .life = app->life,
        .account = app->account,
        .sent_with = "Bellhop/" BELLHOP_VERSION,
        .to_main = &app->mailbox,
        .journal = app->journal,
        .account_state = &app->account_state,
        .outages = &app->outages.notes,
    };
    enum bh_status status = bh_pool_make(&app->pool, &options, error);
    if (status == BH_OK)
        status = bh_claim_guard_init(&app->claim_guard, app->pool.workers, app->pool.count);
    return status;
}

/* The instance's name is ours: now leases may be taken. */
static void
registrar_on_held(void *arg, const char *past)
{
    struct app *app = arg;
    if (app->stopping)
        return;
    if (bh_pool_start(&app->pool, past) != BH_OK) {
        bh_log_write(BH_LOG_ERROR, "not_started", NULL, 0, "a thread cannot be started");
        app->exit_code = BH_EXIT_NOT_STARTED;
        stop_workers(app);
        return;
    }
    tell_overview(app);
    /* What they have missed. */
    const struct bh_account_event account = app->account_state;
    keeper_on_account(app, &account);
    bh_pool_post(&app->pool,
                 (struct bh_message){.kind = BH_MESSAGE_CONFIGURE, .config = app->config});
}

/* Leases bear the name of this run, so what is in hand may be finished; no more than that. */
static void
registrar_on_refused(void *arg, const char *text)
{
    struct app *app = arg;
    bh_log_write(BH_LOG_ERROR, "instance_refused", NULL, 0, "%s", text);
    app->exit_code = BH_EXIT_INSTANCE;
    if (!app->draining)
        drain(app, "the instance's name is another's");
}

static enum bh_status
open_registrar(struct app *app, struct bh_error *error)
{
    enum bh_status status = bh_registrar_draw_life(app->life);
    if (status != BH_OK)
        return status;
    const struct bh_registrar_options options = {
        .config = app->config,
        .life = app->life,
        .lock = app->instance_lock.name,
        .on_held = registrar_on_held,
        .on_refused = registrar_on_refused,
        .on_closed = shell_on_closed,
        .arg = app,
    };
    return bh_registrar_new(&app->loop, &options, &app->registrar, error);
}

/*
 * What was sent is remembered outside Redis as well: in the configured directory, in the one that the service manager
 * gives us, or else as long as this process lives.
 */
static enum bh_status
open_journal(struct app *app)
{
    struct bh_sent_journal_options options =
        bh_settings_journal(app->config, bh_str_from(getenv("STATE_DIRECTORY")));
    if (bh_settings_journal_is_off(app->config)) {
        bh_log_write(
            BH_LOG_INFO, "journal", NULL, 0,
            "no journal of what was sent is kept ([pool] journal = off): should Redis lose "
            "what it has acknowledged, messages may be sent again");
        return BH_OK;
    }
    if (options.directory.len == 0)
        bh_log_write(
            BH_LOG_INFO, "journal", NULL, 0,
            "the journal of what was sent is kept in memory only: should Redis lose what it "
            "has acknowledged and this process be restarted, messages may be sent again; "
            "give it a directory with [pool] journal");
    return bh_sent_journal_open(&options, &app->journal);
}

/* What others look into us through. */
static enum bh_status
open_windows(struct app *app, struct bh_error *error)
{
    const struct bh_overview_options overview = {
        .config = app->config,
        .account = app->account,
        .workers = app->pool.workers,
        .workers_count = app->pool.count,
        .on_closed = shell_on_closed,
        .arg = app,
    };
    enum bh_status status = bh_overview_new(&app->loop, &overview, &app->overview, error);
    if (status != BH_OK)
        return status;
    const struct bh_alerter_options alerter = {
        .config = app->config,
        .look = alerter_look,
        .on_closed = shell_on_closed,
        .arg = app,
    };
    status = bh_alerter_new(&app->loop, &alerter, &app->alerter);
    if (status != BH_OK)
        return status;
    const struct bh_callbacks_options callbacks = {
        .config = app->config,
        .on_closed = shell_on_closed,
        .arg = app,
    };
    status = bh_callbacks_new(&app->loop, &callbacks, &app->callbacks, error);
    if (status != BH_OK)
        return status;
    const struct bh_endpoint_options endpoint = {
        .config = app->config,
        .overview = app->overview,
        .is_healthy = endpoint_is_healthy,
        .on_closed = endpoint_on_closed,
        .arg = app,
    };
    status = bh_endpoint_new(&app->loop, &endpoint, &app->endpoint, error);
    if (status != BH_OK)
        return status;
    const struct bh_puller_options puller = {
        .config = app->config,
        .sent_with = "Bellhop/" BELLHOP_VERSION,
        .on_report = puller_on_report,
        .on_closed = puller_on_closed,
        .arg = app,
    };
    return bh_puller_new(&app->loop, &puller, &app->puller, error);
}

static void
watch_signal(struct app *app, uv_signal_t *handle, int number)
{
    uv_signal_init(&app->loop, handle);
    handle->data = app;
    uv_signal_start(handle, app_on_signal, number);
}

/* Who holds the name is alive: the kernel takes it from the dead.  To start again and again would not help. */
static enum bh_status
take_instance(struct app *app, struct bh_error *error)
{
    enum bh_status status = bh_instance_lock_take(&app->instance_lock, app->config, error);
    if (status == BH_EINVAL)
        app->exit_code = BH_EXIT_INSTANCE;
    return status;
}

static enum bh_status
build(struct app *app, struct bh_error *error)
{
    enum bh_status status = bh_gateway_account_name(&app->config->gateway, app->account);
    if (status == BH_OK)
        status = take_instance(app, error);
    if (status == BH_OK)
        status = open_journal(app);
    if (status == BH_OK)
        status = bh_mailbox_open(&app->mailbox, &app->loop, app_on_message, app);
    if (status != BH_OK)
        return status;

    watch_signal(app, &app->on_term, SIGTERM);
    watch_signal(app, &app->on_int, SIGINT);
    watch_signal(app, &app->on_hup, SIGHUP);
    mask_hangup(SIG_UNBLOCK);
    uv_timer_init(&app->loop, &app->pulse);
    uv_timer_init(&app->loop, &app->drain_limit);
    app->pulse.data = app->drain_limit.data = app;

    status = open_registrar(app, error);
    if (status == BH_OK)
        status = open_keeper(app, error);
    if (status == BH_OK)
        status = make_workers(app, error);
    if (status == BH_OK)
        status = open_windows(app, error);
    return status;
}

static void
say_hello(const struct app *app)
{
    const struct bh_log_field fields[] = {
        bh_log_text("version", BELLHOP_VERSION),
        bh_log_text("instance", app->config->pool.instance),
        bh_log_int("workers", app->config->pool.workers),
        bh_log_int("queues", (int64_t)app->config->queues_count),
        bh_log_text("config", app->config_path),
    };
    bh_log_write(BH_LOG_INFO, "start", fields, BH_ARRAY_LEN(fields), "bellhopd starts");
}

static void
take_down(struct app *app)
{
    bh_pool_release(&app->pool);
    bh_puller_free(app->puller);
    bh_endpoint_free(app->endpoint);
    bh_alerter_free(app->alerter);
    bh_callbacks_free(app->callbacks);
    bh_overview_free(app->overview);
    bh_claim_guard_release(&app->claim_guard);
    bh_keeper_free(app->keeper);
    bh_registrar_free(app->registrar);
    bh_sent_journal_close(app->journal);
    if (app->mailbox.items != NULL)
        bh_mailbox_release(&app->mailbox);
    bh_instance_lock_release(&app->instance_lock);
    bh_supervisor_close(&app->supervisor);
    int closed = uv_loop_close(&app->loop);
    BH_ASSERT(closed == 0);
    bh_config_release(app->config);
}

enum bh_exit
bh_app_run(const char *config_path, const struct bh_config *config)
{
    /* Static, because what a failed start leaves behind stays in reach of it until the process ends. */
    static struct app app;
    app = (struct app){
        .config_path = config_path,
        .config = bh_config_retain(config),
        .instance_lock = BH_INSTANCE_LOCK_NONE,
        .account_state = account_not_known,
    };
    struct bh_error error = {"", ""};
    if (uv_loop_init(&app.loop) != 0) {
        bh_config_release(app.config);
        return BH_EXIT_NOT_STARTED;
    }
    bh_supervisor_open(&app.supervisor);
    say_hello(&app);
    enum bh_status status = build(&app, &error);
    if (status != BH_OK) {
        bh_log_write(BH_LOG_ERROR, "not_started", NULL, 0, "%s",
                     error.text[0] != '\0' ? error.text : bh_status_name(status));
        /* The process ends here; closing half-built loops would only hide the reason. */
        bh_config_release(app.config);
        return app.exit_code != BH_EXIT_CLEAN ? app.exit_code : BH_EXIT_NOT_STARTED;
    }

    bh_keeper_start(app.keeper);
    bh_overview_start(app.overview);
    bh_alerter_start(app.alerter);
    bh_callbacks_start(app.callbacks);
    bh_endpoint_start(app.endpoint);
    bh_registrar_start(app.registrar);
    uv_timer_start(&app.pulse, pulse_on_fire, 0, pulse_distance(&app));
    bh_supervisor_ready(&app.supervisor);
    uv_run(&app.loop, UV_RUN_DEFAULT);
    bh_log_write(BH_LOG_INFO, "stopped", NULL, 0, "bellhopd has stopped");
    take_down(&app);
    return app.exit_code;
}
