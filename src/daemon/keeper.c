#include "daemon/keeper.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_answer.h"
#include "core/gateway_code.h"
#include "core/gateway_profile.h"
#include "core/gateway_request.h"
#include "core/money.h"
#include "daemon/clock.h"
#include "daemon/hush.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "daemon/subscriber.h"
#include "daemon/surveyor.h"
#include "daemon/witness.h"
#include "gateway/stamp.h"
#include "gateway/transport.h"
#include "redis/account.h"

/* A prober or a trial whose process died is succeeded after this time. */
#define PROBE_LEASE_MS (60 * BH_SECOND_MS)

/* The transport's slots. */
enum slot {
    SLOT_BALANCE,
    SLOT_JOURNAL,
    SLOT_HOOKS,
    SLOT_COUNT,
};

/* Before asking Redis again about something that it said would be possible by now. */
#define ASK_AGAIN_MS BH_SECOND_MS

struct bh_keeper {
    struct bh_keeper_options options;
    const struct bh_config *config; /* owned reference */
    char account_name[13];
    char who[160];

    uv_timer_t timer; /* the next probe, trial or look at the balance */
    struct bh_settings settings;
    struct bh_redis_connection connection; /* for questions; the watcher has one of its own */
    struct bh_account_desk desk;
    struct bh_account_watcher *watcher;
    struct bh_gateway_transport *transport;
    struct bh_gateway_request request;
    bool asking; /* the balance request is on its way */
    struct bh_mono answered_at;
    bool probing; /* ... as the probe of a paused account */
    struct bh_witness witness;
    struct bh_subscriber subscriber;

    struct bh_account_view view;
    bool view_known;
    struct bh_account_event told; /* what the workers were told last */
    bool trial_is_ours;
    bool low_told;
    struct bh_hush hush;
    struct bh_surveyor surveyor;
    bool stopping;           /* for good, also when all shells are closed */
    struct bh_shells shells; /* counted while they close */
};

/* Paused for no reason that is known: what holds until the account's state was read. */
static const struct bh_account_event not_known = {
    .state = BH_ACCOUNT_PAUSED,
    .reason = BH_REASON_NONE,
};

static void plan(struct bh_keeper *keeper);

/* What the account script did not get is asked again by the next plan; the watcher keeps us up to date. */
static void
sent_or_told(struct bh_keeper *keeper, enum bh_status status)
{
    unsigned kept_back;
    if (status == BH_OK ||
        !bh_hush_may_say(&keeper->hush, "account", NULL, bh_clock_mono(), &kept_back))
        return;
    const struct bh_log_field field = bh_log_int("kept_back", (int64_t)kept_back);
    bh_log_write(BH_LOG_WARN, "account", &field, kept_back > 0,
                 "the account's state in Redis cannot be reached just now (%s); it is asked again",
                 bh_status_name(status));
}

static void
desk_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    struct bh_keeper *keeper = arg;
    (void)done;
    (void)wait_ms;
    sent_or_told(keeper, status);
}

/* ---- telling the workers ---- */

static void
tell_workers(struct bh_keeper *keeper)
{
    struct bh_account_event event = {
        .state = keeper->view.state,
        .journal = keeper->view.journal,
        .lock = keeper->view.lock,
    };
    if (event.state != BH_ACCOUNT_OPEN && !bh_reason_from_name(keeper->view.reason, &event.reason))
        event.reason = BH_REASON_PAUSED;
    /* Others' trial is nothing that our workers may act on. */
    if (event.state == BH_ACCOUNT_TRIAL && !keeper->trial_is_ours)
        event.state = BH_ACCOUNT_PAUSED;
    const struct bh_account_event *told = &keeper->told;
    if (event.state == told->state && event.reason == told->reason &&
        event.journal == told->journal && event.lock == told->lock)
        return;
    keeper->told = event;
    keeper->options.on_account(keeper->options.arg, &event);
}

static void
account_on_change(void *arg, const struct bh_account_view *view)
{
    struct bh_keeper *keeper = arg;
    if (view->state != BH_ACCOUNT_TRIAL)
        keeper->trial_is_ours = false;
    bool news = !keeper->view_known || keeper->view.state != view->state;
    keeper->view = *view;
    keeper->view_known = true;
    if (news && view->state == BH_ACCOUNT_PAUSED) {
        const struct bh_log_field fields[] = {
            bh_log_text("reason", view->reason),
            bh_log_int("code", view->code),
        };
        bh_log_write(
            BH_LOG_ERROR, "account_paused", fields, BH_ARRAY_LEN(fields),
            "%s; all workers of this account wait, no attempt is used up, and the balance is "
            "asked for until it works again",
            view->text[0] != '\0' ? view->text : "the gateway refuses the account");
    }
    tell_workers(keeper);
    plan(keeper);
    bh_witness_view(&keeper->witness, view);
    bh_subscriber_view(&keeper->subscriber, view);
}

/* ---- asking for the balance ---- */

static void timer_on_fire(uv_timer_t *timer);

/* The watcher brings a change; without one the distance to the next probe has to be asked for. */
static void
read_on_read(void *arg, enum bh_status status, const struct bh_account_view *view)
{
    struct bh_keeper *keeper = arg;
    sent_or_told(keeper, status);
    if (status == BH_OK)
        account_on_change(keeper, view);
}

static void
probed_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    struct bh_keeper *keeper = arg;
    (void)done;
    (void)wait_ms;
    sent_or_told(keeper, status);
    if (status == BH_OK && !keeper->stopping)
        sent_or_told(keeper, bh_account_read(&keeper->desk, read_on_read, keeper));
}

static enum bh_status
render_balance(struct bh_keeper *keeper, struct bh_error *error)
{
    const struct bh_gateway_profile profile =
        bh_gateway_profile_from(&keeper->config->gateway, keeper->options.sent_with);
    struct bh_gateway_stamp_text text;
    struct bh_gateway_stamp stamp;
    enum bh_status status = bh_gateway_stamp_now(&text, &stamp);
    if (status == BH_OK)
        status = bh_gateway_request_balance(&keeper->request, &profile, &stamp, error);
    return status;
}

static void
ask_balance(struct bh_keeper *keeper, bool as_probe)
{
    struct bh_error error = {"", ""};
    if (keeper->asking || keeper->stopping)
        return;
    enum bh_status status = render_balance(keeper, &error);
    if (status != BH_OK) {
        bh_log_write(BH_LOG_ERROR, "balance", NULL, 0, "the balance cannot be asked for: %s",
                     error.text[0] != '\0' ? error.text : bh_status_name(status));
        return;
    }
    keeper->asking = true;
    keeper->probing = as_probe;
    const struct bh_submit_command submit = {
        .slot = {.index = SLOT_BALANCE},
        .url = bh_buf_text(&keeper->request.url),
        .headers = keeper->request.headers,
        .body = bh_buf_str(&keeper->request.body),
        .timeout_ms = keeper->config->gateway.timeout_ms,
    };
    bh_gateway_transport_submit(keeper->transport, &submit);
}

static void
watch_low_balance(struct bh_keeper *keeper, int64_t balance_micro)
{
    int64_t low = keeper->config->gateway.low_balance_micro;
    bool is_low = low > 0 && balance_micro < low;
    if (is_low && !keeper->low_told)
        bh_log_write(
            BH_LOG_WARN, "low_balance", NULL, 0,
            "the account's balance is %s, below low_balance; top it up before messages wait",
            bh_money_format(balance_micro).text);
    keeper->low_told = is_low;
}

/* Whether it is worth a job to try: the key is taken, and for a lack of credit there is some. */
static bool
looks_usable(const struct bh_keeper *keeper, const struct bh_outcome *outcome)
{
    if (outcome->kind != BH_OUTCOME_ACCEPTED)
        return false;
    return strcmp(keeper->view.reason, bh_reason_name(BH_REASON_CREDIT)) != 0 ||
           outcome->balance_micro > 0;
}

static void
balance_answered(struct bh_keeper *keeper, const struct bh_exchange *exchange)
{
    struct bh_outcome outcome;
    keeper->asking = false;
    if (keeper->stopping || bh_gateway_answer_read_balance(exchange, &outcome) != BH_OK)
        return;
    bool known = outcome.kind == BH_OUTCOME_ACCEPTED;
    if (known) {
        keeper->answered_at = bh_clock_mono();
        keeper->view.balance_micro = outcome.balance_micro;
        keeper->view.balance_at = keeper->view.server_now;
        sent_or_told(
            keeper, bh_account_balance(&keeper->desk, outcome.balance_micro, desk_on_done, keeper));
        watch_low_balance(keeper, outcome.balance_micro);
    }
    if (keeper->probing) {
        bool usable = looks_usable(keeper, &outcome);
        bh_log_write(BH_LOG_INFO, "probe", NULL, 0, "asked for the balance: %s",
                     usable  ? "the account looks right again; one job tries it"
                     : known ? "there is still no credit"
                             : outcome.error);
        sent_or_told(keeper, bh_account_probed(&keeper->desk, usable,
                                               keeper->config->gateway.balance_interval_ms,
                                               probed_on_done, keeper));
    }
    bh_outcome_release(&outcome);
    plan(keeper);
}

static void
transport_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct bh_keeper *keeper = arg;
    if (slot.index == SLOT_JOURNAL)
        bh_witness_answered(&keeper->witness, exchange);
    else if (slot.index == SLOT_HOOKS)
        bh_subscriber_answered(&keeper->subscriber, exchange);
    else
        balance_answered(keeper, exchange);
}

/* ---- what comes next ---- */

static void
wait_again(struct bh_keeper *keeper, bh_ms wait_ms)
{
    if (keeper->stopping)
        return;
    uv_timer_start(&keeper->timer, timer_on_fire, (uint64_t)bh_ms_max(wait_ms, ASK_AGAIN_MS), 0);
}

static void
probe_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    struct bh_keeper *keeper = arg;
    sent_or_told(keeper, status);
    if (done)
        ask_balance(keeper, true);
    else
        wait_again(keeper, wait_ms);
}

static void
trial_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    struct bh_keeper *keeper = arg;
    sent_or_told(keeper, status);
    keeper->trial_is_ours = done && keeper->view.state == BH_ACCOUNT_TRIAL;
    if (keeper->trial_is_ours)
        tell_workers(keeper);
    wait_again(keeper, done ? PROBE_LEASE_MS : wait_ms);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_keeper *keeper = timer->data;
    enum bh_status status = BH_OK;
    switch (keeper->view.state) {
    case BH_ACCOUNT_PAUSED:
        status =
            bh_account_probe(&keeper->desk, keeper->who, PROBE_LEASE_MS, probe_on_done, keeper);
        break;
    case BH_ACCOUNT_TRIAL:
        status = bh_account_trial_take(&keeper->desk, keeper->who, PROBE_LEASE_MS, trial_on_done,
                                       keeper);
        break;
    case BH_ACCOUNT_OPEN: ask_balance(keeper, false); break;
    }
    if (status != BH_OK)
        wait_again(keeper, ASK_AGAIN_MS);
}

/* Until the balance is worth asking for again; somebody of the account's processes did so then. */
static bh_ms
balance_wait(const struct bh_keeper *keeper)
{
    bh_ms age = keeper->view.server_now.ms - keeper->view.balance_at.ms;
    return bh_ms_max(keeper->config->gateway.balance_interval_ms - age, ASK_AGAIN_MS);
}

static void
plan(struct bh_keeper *keeper)
{
    bh_ms wait_ms = -1;
    if (!keeper->view_known || keeper->asking || keeper->stopping)
        return;
    switch (keeper->view.state) {
    case BH_ACCOUNT_PAUSED: wait_ms = keeper->view.probe_wait_ms; break;
    case BH_ACCOUNT_TRIAL:
        wait_ms = keeper->trial_is_ours ? PROBE_LEASE_MS : keeper->view.trial_wait_ms;
        break;
    case BH_ACCOUNT_OPEN: wait_ms = balance_wait(keeper); break;
    }
    if (wait_ms < 0)
        uv_timer_stop(&keeper->timer);
    else
        uv_timer_start(&keeper->timer, timer_on_fire, (uint64_t)wait_ms, 0);
}

/* Credit, key, and how a trial ended. */
static void
hear_about_state(struct bh_keeper *keeper, const struct bh_account_command *word)
{
    const char *reason =
        bh_reason_name(word->word == BH_ACCOUNT_SAYS_CREDIT ? BH_REASON_CREDIT : BH_REASON_AUTH);
    char text[BH_ACCOUNT_TEXT_MAX + 1];
    if (word->code != 0)
        snprintf(text, sizeof(text), "the gateway answered: %s (code %d)",
                 bh_gateway_code_find(word->code)->meaning, word->code);
    else
        snprintf(text, sizeof(text), "the gateway answered with HTTP %d", word->http_status);

    enum bh_status status = BH_OK;
    if (word->trial)
        status = bh_account_trial_done(
            &keeper->desk, keeper->who,
            word->word == BH_ACCOUNT_SAYS_GOOD ? BH_ACCOUNT_TRIAL_GOOD : BH_ACCOUNT_TRIAL_BAD,
            reason, word->code, bh_str_from(text), keeper->config->gateway.balance_interval_ms,
            desk_on_done, keeper);
    else if (word->word != BH_ACCOUNT_SAYS_GOOD)
        status =
            bh_account_pause(&keeper->desk, reason, word->code, bh_str_from(text),
                             keeper->config->gateway.balance_interval_ms, desk_on_done, keeper);
    sent_or_told(keeper, status);
}

void
bh_keeper_hear(struct bh_keeper *keeper, const struct bh_account_command *word)
{
    switch (word->word) {
    case BH_ACCOUNT_SAYS_GOOD:
    case BH_ACCOUNT_SAYS_CREDIT:
    case BH_ACCOUNT_SAYS_AUTH: hear_about_state(keeper, word); break;
    case BH_ACCOUNT_SAYS_NO_JOURNAL:
    case BH_ACCOUNT_SAYS_LOCK_DOUBTFUL: bh_witness_hear(&keeper->witness, word); break;
    }
}

/* ---- the connection ---- */

static void
read_account(struct bh_keeper *keeper)
{
    sent_or_told(keeper, bh_account_read(&keeper->desk, read_on_read, keeper));
}

/* The account is read behind the survey: a server that refuses the one shall have been told about by the other. */
static void
surveyor_on_first(void *arg)
{
    read_account(arg);
}

static void
connection_on_up(void *arg)
{
    struct bh_keeper *keeper = arg;
    bh_log_write(BH_LOG_INFO, "redis_up", NULL, 0, "connected to Redis");
    /* A worker's word may have been lost with the connection: it waits for one from us, whatever we told before. */
    keeper->told = not_known;
    if (!bh_surveyor_up(&keeper->surveyor))
        read_account(keeper);
}

static void
connection_on_down(void *arg, const struct bh_redis_down *down)
{
    struct bh_keeper *keeper = arg;
    bh_surveyor_down(&keeper->surveyor);
    const struct bh_log_field fields[] = {
        bh_log_text("reason", down->reason),
        bh_log_duration("next_try", down->retry_after_ms),
    };
    /* The first failure and then the tenth, hundredth ...: an outage is one event, not thousands. */
    unsigned failures = down->failures;
    while (failures >= 10 && failures % 10 == 0)
        failures /= 10;
    if (down->retry_after_ms < 0 || (failures != 1 && !down->was_up))
        return;
    bh_log_write(
        BH_LOG_ERROR, "redis_down", fields, BH_ARRAY_LEN(fields), "%s",
        down->advice != NULL
            ? down->advice
            : "Redis is away; jobs wait there, results wait here, and the connection is tried "
              "again until it stands");
}

/* ---- life ---- */

static void
shell_on_closed(void *arg)
{
    struct bh_keeper *keeper = arg;
    bh_shells_closed(&keeper->shells);
}

struct bh_mono
bh_keeper_answered_at(const struct bh_keeper *keeper)
{
    return keeper->answered_at;
}

void
bh_keeper_stop(struct bh_keeper *keeper)
{
    if (keeper->stopping)
        return;
    keeper->stopping = true;
    bh_shells_expect(&keeper->shells, 7, keeper->options.on_closed, keeper->options.arg);
    bh_surveyor_close(&keeper->surveyor, &keeper->shells);
    bh_shells_close_timer(&keeper->shells, &keeper->timer);
    bh_witness_close(&keeper->witness, shell_on_closed, keeper);
    bh_subscriber_close(&keeper->subscriber, shell_on_closed, keeper);
    bh_gateway_transport_stop(keeper->transport, shell_on_closed, keeper);
    keeper->transport = NULL;
    bh_account_watcher_stop(keeper->watcher);
    bh_redis_connection_stop(&keeper->connection);
}

static enum bh_status
open_shells(struct bh_keeper *keeper, uv_loop_t *loop, struct bh_error *error)
{
    const struct bh_config *config = keeper->config;
    enum bh_status status = bh_surveyor_open(&keeper->surveyor, config,
                                             &(struct bh_surveyor_options){
                                                 .connection = &keeper->connection,
                                                 .account = &keeper->desk.keys,
                                                 .on_first = surveyor_on_first,
                                                 .arg = keeper,
                                             });
    if (status == BH_OK)
        status =
            bh_account_keys_init(&keeper->desk.keys, config->redis.prefix, keeper->account_name);
    if (status == BH_OK)
        status = bh_settings_redis(&keeper->settings, config, keeper->who, error);
    if (status != BH_OK)
        return status;

    const struct bh_redis_listener listener = {
        .on_up = connection_on_up,
        .on_down = connection_on_down,
        .on_closed = shell_on_closed,
        .arg = keeper,
    };
    status = bh_redis_connection_init(&keeper->connection, loop, &keeper->settings.redis, &listener,
                                      error);
    if (status != BH_OK)
        return status;
    keeper->desk.connection = &keeper->connection;
    const struct bh_account_watcher_options watcher = {
        .redis = keeper->settings.redis,
        .prefix = config->redis.prefix,
        .account = keeper->account_name,
        .on_change = account_on_change,
        .on_closed = shell_on_closed,
        .arg = keeper,
    };
    status = bh_account_watcher_new(loop, &watcher, &keeper->watcher, error);
    if (status != BH_OK)
        return status;
    struct bh_gateway_transport_options transport = bh_settings_transport(config);
    status = bh_gateway_transport_start(loop, SLOT_COUNT, &transport, transport_on_answered, keeper,
                                        &keeper->transport);
    if (status == BH_OK)
        bh_witness_open(&keeper->witness, &(struct bh_witness_options){
                                              .config = config,
                                              .sent_with = keeper->options.sent_with,
                                              .desk = &keeper->desk,
                                              .transport = keeper->transport,
                                              .slot = SLOT_JOURNAL,
                                          });
    if (status == BH_OK)
        bh_subscriber_open(&keeper->subscriber, &(struct bh_subscriber_options){
                                                    .config = config,
                                                    .sent_with = keeper->options.sent_with,
                                                    .who = keeper->who,
                                                    .desk = &keeper->desk,
                                                    .transport = keeper->transport,
                                                    .slot = SLOT_HOOKS,
                                                });
    return status;
}

enum bh_status
bh_keeper_new(uv_loop_t *loop, const struct bh_keeper_options *options,
              struct bh_keeper **ret_keeper, struct bh_error *error)
{
    struct bh_keeper *keeper = bh_alloc_zero(sizeof(*keeper));
    if (keeper == NULL)
        return BH_ENOMEM;
    keeper->options = *options;
    keeper->config = bh_config_retain(options->config);
    /* What the workers believe until the account's state was read. */
    keeper->told = not_known;
    snprintf(keeper->account_name, sizeof(keeper->account_name), "%s", options->account);
    snprintf(keeper->who, sizeof(keeper->who), "%s/main", options->config->pool.instance);
    bh_gateway_request_init(&keeper->request, 0);
    uv_timer_init(loop, &keeper->timer);
    keeper->timer.data = keeper;
    bh_surveyor_init(&keeper->surveyor, loop);
    bh_witness_init(&keeper->witness, loop);
    bh_subscriber_init(&keeper->subscriber, loop);
    enum bh_status status = open_shells(keeper, loop, error);
    if (status == BH_OK)
        *ret_keeper = keeper;
    /* A half-built keeper is left to the end of the process, which follows at once. */
    return status;
}

void
bh_keeper_start(struct bh_keeper *keeper)
{
    bh_redis_connection_start(&keeper->connection);
    bh_account_watcher_start(keeper->watcher);
}

unsigned
bh_keeper_inspect(struct bh_keeper *keeper, bh_queue_on_look *on_queue, void *arg)
{
    const struct bh_config *config = keeper->config;
    unsigned asked = 0;
    for (size_t i = 0; !keeper->stopping && i < config->queues_count; i++)
        asked += bh_queue_look(&keeper->connection, config->redis.prefix, config->queues[i].name,
                               on_queue, arg) == BH_OK;
    return asked;
}

void
bh_keeper_configure(struct bh_keeper *keeper, const struct bh_config *config)
{
    /* On its way out there is nothing left to configure; who comes next is made from what is in force then. */
    if (keeper->stopping)
        return;
    struct bh_gateway_transport_options transport = bh_settings_transport(config);
    if (bh_gateway_transport_configure(keeper->transport, &transport) != BH_OK)
        bh_log_write(BH_LOG_ERROR, "reload_failed", NULL, 0,
                     "out of memory: the balance is asked for with the old [gateway] settings");
    const struct bh_config *old = keeper->config;
    keeper->config = bh_config_retain(config);
    bh_witness_configure(&keeper->witness, keeper->config);
    bh_subscriber_configure(&keeper->subscriber, keeper->config);
    bh_config_release(old);
    plan(keeper);
}

const char *
bh_keeper_redis_risk(const struct bh_keeper *keeper)
{
    return bh_surveyor_risk(&keeper->surveyor);
}

void
bh_keeper_free(struct bh_keeper *keeper)
{
    if (keeper == NULL)
        return;
    bh_account_watcher_release(keeper->watcher);
    bh_redis_connection_release(&keeper->connection);
    bh_settings_release(&keeper->settings);
    bh_gateway_request_release(&keeper->request);
    bh_witness_release(&keeper->witness);
    bh_subscriber_release(&keeper->subscriber);
    bh_config_release(keeper->config);
    bh_free(keeper);
}
