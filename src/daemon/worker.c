#include "daemon/worker.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/alloc.h"
#include "core/gateway_profile.h"
#include "core/redis_url.h"
#include "daemon/clock.h"
#include "daemon/crash_point.h"
#include "daemon/hush.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "gateway/transport.h"
#include "redis/store.h"

struct bh_worker {
    unsigned number;
    const struct bh_config *config; /* owned reference */
    char owner[BH_STORE_OWNER_MAX + 1];
    char life[BH_STORE_LIFE_MAX + 1];
    struct bh_mailbox *to_main;      /* borrowed */
    struct bh_sent_journal *journal; /* borrowed; NULL: none */
    struct bh_quiet_room *room;      /* borrowed */

    uv_loop_t loop;
    uv_thread_t thread;
    bool thread_started;
    struct bh_mailbox mailbox;
    uv_prepare_t pump;
    uv_timer_t timer;

    struct bh_engine *engine;
    struct bh_settings settings;
    struct bh_store *store;
    struct bh_gateway_transport *transport;
    struct bh_shells shells; /* counted while they close */
    bool stopping;
    bool drained_told;
    struct bh_hush hush;
    struct bh_worker_gauges gauges;
    struct bh_meters meters;
    struct bh_outage_notes *outages;
};

static struct bh_turn
turn_now(void)
{
    return (struct bh_turn){.mono = bh_clock_mono(), .wall = bh_clock_wall()};
}

static struct bh_mono
mono_now(void *arg)
{
    (void)arg;
    return bh_clock_mono();
}

static void
tell_main(struct bh_worker *worker, struct bh_message message)
{
    message.worker = worker->number;
    if (!bh_mailbox_post(worker->to_main, &message))
        bh_log_write(BH_LOG_ERROR, "mailbox_full", NULL, 0,
                     "the main thread does not take messages any more");
}

/* ---- the journal of what was sent ---- */

/* NULL when the queue is not configured any more. */
static const char *
queue_name(const struct bh_worker *worker, unsigned number)
{
    for (size_t i = 0; i < worker->config->queues_count; i++) {
        if (worker->config->queues[i].no == number)
            return worker->config->queues[i].name;
    }
    return NULL;
}

static void
remember_request(struct bh_worker *worker, const struct bh_sent_mark *mark)
{
    const char *queue = queue_name(worker, mark->claim.queue);
    if (worker->journal != NULL && queue != NULL)
        bh_sent_journal_begin(worker->journal, queue, mark);
}

static void
remember_result(struct bh_worker *worker, const struct bh_settle_command *settle)
{
    const char *queue = queue_name(worker, settle->claim.queue);
    if (worker->journal != NULL && queue != NULL)
        bh_sent_journal_end(worker->journal, queue, settle);
}

/* Feed a claim with what is known of its jobs outside Redis. */
static void
feed_claimed(struct bh_worker *worker, const struct bh_event *event)
{
    struct bh_claimed_job jobs[BH_CLAIM_MAX];
    struct bh_sent_memory memory[BH_CLAIM_MAX];
    struct bh_event told = *event;
    const char *queue = queue_name(worker, event->claimed.queue);
    if (worker->journal != NULL && queue != NULL) {
        told.claimed.jobs = jobs;
        for (size_t i = 0; i < event->claimed.jobs_count; i++) {
            jobs[i] = event->claimed.jobs[i];
            bh_sent_journal_claimed(worker->journal, queue, &event->claimed, &jobs[i], &memory[i]);
        }
    }
    bh_engine_feed(worker->engine, &told, turn_now());
}

static struct bh_store_mark
store_recall(void *arg, const char *queue)
{
    const struct bh_worker *worker = arg;
    return bh_sent_journal_mark(worker->journal, queue);
}

static void
store_on_rolled_back(void *arg, const struct bh_store_roll_back *roll_back)
{
    const struct bh_worker *worker = arg;
    bh_sent_journal_rolled_back(worker->journal, roll_back);
}

/* ---- events from the shells ---- */

static void
pass_crash_points(const struct bh_event *event)
{
    if (event->kind == BH_EVENT_CLAIMED && event->claimed.jobs_count > 0)
        bh_crash_point("after_claim");
    for (size_t i = 0; event->kind == BH_EVENT_CLAIMED && i < event->claimed.jobs_count; i++) {
        bh_crash_point_about("on_open", event->claimed.jobs[i].payload);
        bh_crash_point_hang(event->claimed.jobs[i].payload);
    }
    if (event->kind == BH_EVENT_ADMITTED && event->admitted.code == BH_ADMIT_OK)
        bh_crash_point("after_admit");
    if (event->kind == BH_EVENT_SETTLED)
        bh_crash_point("after_finish");
}

static void
store_on_event(void *arg, const struct bh_event *event)
{
    struct bh_worker *worker = arg;
    pass_crash_points(event);
    if (event->kind == BH_EVENT_CLAIMED && bh_crash_point_loses_claim(&event->claimed))
        return;
    if (event->kind == BH_EVENT_STORE_UP || event->kind == BH_EVENT_STORE_DOWN) {
        bool up = event->kind == BH_EVENT_STORE_UP;
        atomic_store(&worker->gauges.store_up, up);
        tell_main(worker, (struct bh_message){.kind = BH_MESSAGE_STORE, .store_up = up});
    }
    if (event->kind == BH_EVENT_CLAIMED)
        feed_claimed(worker, event);
    else
        bh_engine_feed(worker->engine, event, turn_now());
}

/* A connection's trouble has no advice, the server's errors have one each. */
static void
store_on_trouble(void *arg, const struct bh_store_trouble *trouble)
{
    struct bh_worker *worker = arg;
    unsigned kept_back;
    if (!bh_hush_may_say(&worker->hush, trouble->what, trouble->advice, mono_now(NULL), &kept_back))
        return;
    const struct bh_log_field fields[] = {
        bh_log_text("what", trouble->what),
        bh_log_text("redis", trouble->text),
        bh_log_int("worker", worker->number),
        bh_log_int("kept_back", kept_back),
    };
    enum bh_log_level level = trouble->class == BH_REDIS_ALARM ? BH_LOG_ERROR : BH_LOG_WARN;
    bh_log_write(level, "redis_trouble", fields, BH_ARRAY_LEN(fields) - (kept_back == 0), "%s",
                 trouble->advice != NULL ? trouble->advice
                                         : "the connection is tried again until it stands");
}

static void
store_on_timed(void *arg, uint64_t microseconds)
{
    struct bh_worker *worker = arg;
    bh_meter_add(&worker->meters.redis, (int64_t)microseconds);
}

static void
transport_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct bh_worker *worker = arg;
    bh_meters_answered(&worker->meters, slot, exchange);
    bh_crash_point("after_answer");
    bh_crash_point_fire(slot.index);
    const struct bh_event event = {
        .kind = BH_EVENT_ANSWERED,
        .answered = {slot, exchange},
    };
    bh_engine_feed(worker->engine, &event, turn_now());
}

/* ---- the pump ---- */

/* What cannot be handed over is answered at once as failed, so that each command has its one event. */
static void
fail_store_command(struct bh_worker *worker, const struct bh_command *command)
{
    struct bh_event event = {0};
    switch (command->kind) {
    case BH_COMMAND_CLAIM:
        event = (struct bh_event){.kind = BH_EVENT_CLAIM_FAILED, .queue = command->claim.queue};
        break;
    case BH_COMMAND_WAIT:
        event = (struct bh_event){.kind = BH_EVENT_WOKEN, .queue = command->wait_queue};
        break;
    case BH_COMMAND_ADMIT:
        event = (struct bh_event){
            .kind = BH_EVENT_ADMITTED,
            .admitted = {.slot = command->admit.slot, .code = BH_ADMIT_FAILED, .next_due_ms = -1},
        };
        break;
    case BH_COMMAND_SETTLE:
        event = (struct bh_event){
            .kind = BH_EVENT_SETTLED,
            .settled = {command->settle.slot, BH_SETTLED_FAILED, -1},
        };
        break;
    case BH_COMMAND_RENEW:
        event = (struct bh_event){
            .kind = BH_EVENT_RENEWED,
            .renewed = {command->renew.slot, BH_RENEW_FAILED, mono_now(NULL)},
        };
        break;
    case BH_COMMAND_GRANT:
        event = (struct bh_event){
            .kind = BH_EVENT_GRANTED,
            .granted = {command->grant.limit, 0, BH_SECOND_MS},
        };
        break;
    case BH_COMMAND_TWIN:
        event = (struct bh_event){
            .kind = BH_EVENT_TWIN,
            .twin = {command->twin.slot, BH_TWIN_FAILED, 0},
        };
        break;
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: return;
    }
    bh_engine_feed(worker->engine, &event, turn_now());
}

static void
carry_out(struct bh_worker *worker, const struct bh_command *command)
{
    switch (command->kind) {
    case BH_COMMAND_CLAIM:
    case BH_COMMAND_WAIT:
    case BH_COMMAND_ADMIT:
    case BH_COMMAND_RENEW:
    case BH_COMMAND_GRANT:
    case BH_COMMAND_TWIN:
        if (bh_store_execute(worker->store, command) != BH_OK)
            fail_store_command(worker, command);
        break;
    case BH_COMMAND_SETTLE:
        remember_result(worker, &command->settle);
        bh_crash_point("before_finish");
        if (bh_store_execute(worker->store, command) != BH_OK)
            fail_store_command(worker, command);
        break;
    case BH_COMMAND_SUBMIT:
        bh_crash_point("before_send");
        bh_crash_point_about("before_send", command->submit.body);
        bh_crash_point_arm("after_send", command->submit.body, command->submit.slot.index);
        remember_request(worker, &command->submit.mark);
        bh_meters_submitted(&worker->meters, &command->submit);
        bh_gateway_transport_submit(worker->transport, &command->submit);
        break;
    case BH_COMMAND_LOOK_UP:
        bh_gateway_transport_submit(worker->transport, &command->look_up);
        break;
    case BH_COMMAND_CANCEL: bh_gateway_transport_cancel(worker->transport, command->cancel); break;
    case BH_COMMAND_ACCOUNT:
        tell_main(worker, (struct bh_message){
                              .kind = BH_MESSAGE_ACCOUNT_WORD,
                              .word = command->account,
                          });
        break;
    }
}

static void
timer_on_fire(uv_timer_t *timer)
{
    /* The pump runs in every turn; the timer only makes one happen. */
    (void)timer;
}

static void
set_timer(struct bh_worker *worker, struct bh_turn turn)
{
    struct bh_mono at = bh_engine_wake_at(worker->engine, turn.mono);
    if (bh_mono_is_never(at)) {
        uv_timer_stop(&worker->timer);
        return;
    }
    uv_update_time(&worker->loop);
    bh_ms delay = bh_ms_max(at.ms - turn.mono.ms, 0);
    uv_timer_start(&worker->timer, timer_on_fire, (uint64_t)delay, 0);
}

static void
show_gauges(struct bh_worker *worker, struct bh_turn turn)
{
    const struct bh_engine_stats *stats = bh_engine_stats(worker->engine);
    struct bh_worker_gauges *gauges = &worker->gauges;
    atomic_store(&gauges->turned_at_ms, turn.mono.ms);
    atomic_store(&gauges->balance_micro, stats->balance_micro);
    atomic_store(&gauges->slots_used, stats->slots_used);
    atomic_store(&gauges->in_flight, stats->in_flight);
    atomic_store(&gauges->breaker_open, stats->breaker_open);
    atomic_store(&gauges->breaker_until_ms, stats->breaker_until.ms);
    atomic_store(&gauges->gateway_good_at_ms, stats->gateway_good_at.ms);
    atomic_store(&gauges->gateway_bad_at_ms, stats->gateway_bad_at.ms);
    atomic_store(&gauges->gateway_trouble, (int)stats->gateway_illness.trouble);
    atomic_store(&gauges->gateway_http_status, stats->gateway_illness.http_status);
    atomic_store(&gauges->gateway_code, stats->gateway_illness.code);
    atomic_store(&gauges->gateway_asks_patience, stats->gateway_illness.asks_patience);
    atomic_store(&gauges->gateway_ill_since_ms, stats->gateway_ill_since.ms);
    atomic_store(&gauges->claimed, stats->claimed);
    atomic_store(&gauges->claims_answered, stats->claims_answered);
    atomic_store(&gauges->silent_since_ms, bh_engine_silent_since(worker->engine, turn).ms);
    atomic_store(&gauges->attempts, stats->attempts);
    atomic_store(&gauges->sent, stats->by_state[BH_STATE_SENT]);
    atomic_store(&gauges->failed, stats->by_state[BH_STATE_FAILED]);
}

/* What the shells count themselves. */
static void
show_meters(struct bh_worker *worker)
{
    struct bh_meters *meters = &worker->meters;
    struct bh_gateway_transport_stats stats = bh_gateway_transport_stats(worker->transport);
    atomic_store_explicit(&meters->connections_opened, stats.connections_opened,
                          memory_order_relaxed);
    atomic_store_explicit(&meters->connections_open, stats.open_connections, memory_order_relaxed);
    atomic_store_explicit(&meters->redis_ups, bh_store_counters(worker->store)->ups,
                          memory_order_relaxed);
}

static void
pump_on_turn(uv_prepare_t *pump)
{
    struct bh_worker *worker = pump->data;
    struct bh_turn turn = turn_now();
    struct bh_command command;
    if (worker->stopping)
        return;
    struct bh_company company = bh_quiet_room_begin_turn(worker->room, worker->number, turn.mono);
    bh_engine_set_company(worker->engine, &company);
    bh_engine_set_connections(worker->engine,
                              bh_gateway_transport_open_connections(worker->transport));
    while (bh_engine_next(worker->engine, turn, &command))
        carry_out(worker, &command);
    struct bh_bearing bearing = bh_engine_bearing(worker->engine);
    bh_quiet_room_end_turn(worker->room, worker->number, &bearing, turn.mono);
    bh_store_flush(worker->store);
    set_timer(worker, turn);
    show_gauges(worker, turn);
    show_meters(worker);

    if (bh_engine_phase(worker->engine) == BH_PHASE_DRAINED && !worker->drained_told) {
        worker->drained_told = true;
        tell_main(worker, (struct bh_message){.kind = BH_MESSAGE_DRAINED});
    }
}

/* ---- messages ---- */

static void
close_loop(void *arg)
{
    struct bh_worker *worker = arg;
    uv_close((uv_handle_t *)&worker->pump, NULL);
    uv_close((uv_handle_t *)&worker->timer, NULL);
    bh_mailbox_close(&worker->mailbox);
}

static void
shell_on_closed(void *arg)
{
    struct bh_worker *worker = arg;
    bh_shells_closed(&worker->shells);
}

static void
stop(struct bh_worker *worker)
{
    if (worker->stopping)
        return;
    worker->stopping = true;
    bh_shells_expect(&worker->shells, 2, close_loop, worker);
    bh_quiet_room_leave(worker->room, worker->number, turn_now().mono);
    bh_gateway_transport_stop(worker->transport, shell_on_closed, worker);
    worker->transport = NULL;
    bh_store_stop(worker->store);
}

static void
configure(struct bh_worker *worker, const struct bh_config *config)
{
    struct bh_store_queue queues[BH_CONFIG_QUEUES_MAX];
    struct bh_store_limit limits[BH_LIMIT_COUNT];
    size_t count = bh_settings_queues(config, queues);
    if (bh_store_configure(worker->store, queues, count) != BH_OK) {
        bh_log_write(BH_LOG_ERROR, "reload_failed", NULL, 0,
                     "worker %u is out of memory and goes on with the old configuration",
                     worker->number);
        bh_config_release(config);
        return;
    }
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    bh_settings_limits(config, limits);
    if (bh_gateway_account_name(&config->gateway, account) == BH_OK)
        bh_store_set_account(worker->store, account, limits);
    struct bh_gateway_transport_options transport = bh_settings_transport(config);
    if (bh_gateway_transport_configure(worker->transport, &transport) != BH_OK)
        bh_log_write(BH_LOG_ERROR, "reload_failed", NULL, 0,
                     "worker %u is out of memory and sends with its old [gateway] settings",
                     worker->number);
    bh_engine_configure(worker->engine, config);
    bh_config_release(worker->config);
    worker->config = config;
}

static void
worker_on_message(void *arg, const struct bh_message *message)
{
    struct bh_worker *worker = arg;
    struct bh_event event;
    switch (message->kind) {
    case BH_MESSAGE_CONFIGURE: configure(worker, message->config); break;
    case BH_MESSAGE_ACCOUNT:
        event = (struct bh_event){.kind = BH_EVENT_ACCOUNT, .account = message->account};
        bh_engine_feed(worker->engine, &event, turn_now());
        break;
    case BH_MESSAGE_DRAIN:
        event = (struct bh_event){.kind = BH_EVENT_DRAIN};
        bh_engine_feed(worker->engine, &event, turn_now());
        break;
    case BH_MESSAGE_STOP: stop(worker); break;
    case BH_MESSAGE_PING: /* the turn that it causes is the answer */
        bh_meter_add(&worker->meters.lag, (int64_t)(uv_hrtime() - message->posted_ns) / 1000);
        break;
    case BH_MESSAGE_REOPEN: bh_store_reopen(worker->store); break;
    case BH_MESSAGE_GATEWAY_ANSWERS:
        event = (struct bh_event){.kind = BH_EVENT_GATEWAY_ANSWERS};
        bh_engine_feed(worker->engine, &event, turn_now());
        break;
    case BH_MESSAGE_ACCOUNT_WORD:
    case BH_MESSAGE_STORE:
    case BH_MESSAGE_DRAINED:
    case BH_MESSAGE_KEEPER_CLOSED:
    case BH_MESSAGE_STOPPED: BH_ASSERT(false && "a message for the main thread");
    }
}

/* ---- life ---- */

static void
worker_note(void *arg, const struct bh_note *note)
{
    const struct bh_worker *worker = arg;
    bool passes = bh_outage_passes(worker->outages, note, atomic_load(&worker->gauges.store_up));
    if (passes || bh_log_wants(BH_LOG_DEBUG))
        bh_log_note(note, worker->number);
}

static enum bh_status
open_engine(struct bh_worker *worker, const char *sent_with)
{
    struct bh_engine_options options = {
        .config = worker->config,
        .sent_with = sent_with,
        .on_note = worker_note,
        .note_arg = worker,
        .takes_suspects = worker->number == 0,
    };
    if (getrandom(options.seed, sizeof(options.seed), 0) != (ssize_t)sizeof(options.seed))
        return BH_EIO;
    return bh_engine_new(&options, &worker->engine);
}

static enum bh_status
open_store(struct bh_worker *worker, const char *account, struct bh_error *error)
{
    struct bh_store_queue queues[BH_CONFIG_QUEUES_MAX];
    struct bh_store_options options = {
        .prefix = worker->config->redis.prefix,
        .owner = worker->owner,
        .life = worker->life,
        .account = account,
        .on_event = store_on_event,
        .on_trouble = store_on_trouble,
        .on_closed = shell_on_closed,
        .recall = worker->journal != NULL ? store_recall : NULL,
        .on_timed = store_on_timed,
        .on_rolled_back = worker->journal != NULL ? store_on_rolled_back : NULL,
        .now = mono_now,
        .arg = worker,
    };
    enum bh_status status =
        bh_settings_redis(&worker->settings, worker->config, worker->owner, error);
    if (status != BH_OK)
        return status;
    options.redis = worker->settings.redis;
    bh_settings_limits(worker->config, options.limits);
    status = bh_store_new(&worker->loop, &options, &worker->store, error);
    if (status != BH_OK)
        return status;
    return bh_store_configure(worker->store, queues, bh_settings_queues(worker->config, queues));
}

static enum bh_status
open_transport(struct bh_worker *worker)
{
    struct bh_gateway_transport_options options = bh_settings_transport(worker->config);
    return bh_gateway_transport_start(&worker->loop, bh_engine_slots(worker->engine), &options,
                                      transport_on_answered, worker, &worker->transport);
}

enum bh_status
bh_worker_new(const struct bh_worker_options *options, struct bh_worker **ret_worker,
              struct bh_error *error)
{
    struct bh_worker *worker = bh_alloc_zero(sizeof(*worker));
    if (worker == NULL)
        return BH_ENOMEM;
    worker->number = options->number;
    worker->to_main = options->to_main;
    worker->journal = options->journal;
    worker->room = options->room;
    worker->outages = options->outages;
    worker->config = bh_config_retain(options->config);
    snprintf(worker->owner, sizeof(worker->owner), "%s", options->owner);
    snprintf(worker->life, sizeof(worker->life), "%s", options->life);
    if (uv_loop_init(&worker->loop) != 0) {
        bh_config_release(worker->config);
        bh_free(worker);
        return BH_EIO;
    }
    uv_prepare_init(&worker->loop, &worker->pump);
    uv_timer_init(&worker->loop, &worker->timer);
    worker->pump.data = worker;

    enum bh_status status =
        bh_mailbox_open(&worker->mailbox, &worker->loop, worker_on_message, worker);
    BH_ASSERT(status == BH_OK || worker->mailbox.items == NULL);
    if (status == BH_OK)
        status = open_engine(worker, options->sent_with);
    if (status == BH_OK)
        status = bh_meters_init(&worker->meters, bh_engine_slots(worker->engine));
    if (status == BH_OK)
        status = open_store(worker, options->account, error);
    if (status == BH_OK)
        status = open_transport(worker);
    if (status != BH_OK) {
        bh_worker_free(worker);
        return status;
    }
    atomic_store(&worker->gauges.silent_since_ms, BH_MONO_NEVER.ms);
    const struct bh_event account = {.kind = BH_EVENT_ACCOUNT, .account = *options->account_state};
    bh_engine_feed(worker->engine, &account, turn_now());
    bh_quiet_room_enter(worker->room, worker->number, &worker->mailbox);
    *ret_worker = worker;
    return BH_OK;
}

static void
worker_main(void *arg)
{
    struct bh_worker *worker = arg;
    uv_prepare_start(&worker->pump, pump_on_turn);
    bh_store_start(worker->store);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    tell_main(worker, (struct bh_message){.kind = BH_MESSAGE_STOPPED});
}

void
bh_worker_set_past(struct bh_worker *worker, const char *life)
{
    bh_store_set_past(worker->store, life);
}

enum bh_status
bh_worker_start(struct bh_worker *worker)
{
    /* Else it would seem to hang until its first turn. */
    atomic_store(&worker->gauges.turned_at_ms, turn_now().mono.ms);
    if (uv_thread_create(&worker->thread, worker_main, worker) != 0)
        return BH_EIO;
    worker->thread_started = true;
    return BH_OK;
}

void
bh_worker_post(struct bh_worker *worker, const struct bh_message *message)
{
    if (bh_mailbox_post(&worker->mailbox, message))
        return;
    if (message->kind == BH_MESSAGE_CONFIGURE)
        bh_config_release(message->config);
    bh_log_write(BH_LOG_ERROR, "mailbox_full", NULL, 0, "worker %u does not take messages any more",
                 worker->number);
}

/* A worker that never ran has open handles only: let the loop close them. */
static void
unstarted_on_stopped(void *arg)
{
    (void)arg;
}

static void
close_unstarted(struct bh_worker *worker)
{
    if (worker->transport != NULL)
        bh_gateway_transport_stop(worker->transport, unstarted_on_stopped, NULL);
    uv_close((uv_handle_t *)&worker->pump, NULL);
    uv_close((uv_handle_t *)&worker->timer, NULL);
    if (worker->mailbox.items != NULL)
        bh_mailbox_close(&worker->mailbox);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
}

void
bh_worker_free(struct bh_worker *worker)
{
    if (worker == NULL)
        return;
    if (worker->thread_started)
        uv_thread_join(&worker->thread);
    bh_store_release(worker->store);
    if (!worker->thread_started)
        close_unstarted(worker);
    if (worker->mailbox.items != NULL)
        bh_mailbox_release(&worker->mailbox);
    bh_engine_free(worker->engine);
    bh_meters_release(&worker->meters);
    bh_settings_release(&worker->settings);
    int closed = uv_loop_close(&worker->loop);
    BH_ASSERT(closed == 0);
    bh_config_release(worker->config);
    bh_free(worker);
}

const struct bh_worker_gauges *
bh_worker_gauges(const struct bh_worker *worker)
{
    return &worker->gauges;
}

const struct bh_meters *
bh_worker_meters(const struct bh_worker *worker)
{
    return &worker->meters;
}
