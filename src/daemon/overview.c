#include "daemon/overview.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/redis_error.h"
#include "daemon/clock.h"
#include "daemon/overview_internal.h"
#include "daemon/self_report.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "redis/account.h"
#include "redis/reply_text.h"
#include "redis/reply_view.h"

/* Between two rounds of questions: while somebody looks, and otherwise. */
#define ROUND_LOOKED_MS (2 * BH_SECOND_MS)
#define ROUND_IDLE_MS   (5 * BH_SECOND_MS)

/* Somebody looks who has looked within this time. */
#define LOOKING_MS (15 * BH_SECOND_MS)

/* A Redis that has gone away holds up nobody's end. */
#define GONE_MS BH_SECOND_MS

struct bh_overview {
    struct bh_overview_options options;
    const struct bh_config *config; /* owned reference */
    char who[160];
    char processes_key[BH_KEY_MAX];
    uv_timer_t timer; /* the next round; at the end, how long the last word may take */
    struct bh_settings settings;
    struct bh_redis_connection connection;
    struct bh_account_desk desk;

    struct bh_overview_queue *queues; /* owned */
    struct bh_mono *minute_at;        /* owned; by queue: when its next minute is to be written */
    struct bh_self_report self;
    struct bh_overview_snapshot snapshot;
    struct bh_overview_durations durations;
    struct bh_mono looked_at, round_at, report_at;
    unsigned open; /* questions on their way */
    bool server_refused;
    bool stopping, closing_shells;
    struct bh_shells shells; /* counted while they close */
};

/* ---- questions ---- */

struct question {
    struct bh_overview *overview;
    char queue[BH_QUEUE_NAME_MAX + 1]; /* empty: it is about none */
    /* Not called when Redis gave no answer, or one that is an error. */
    void (*take)(struct bh_overview *overview, struct bh_overview_queue *queue,
                 const struct redisReply *reply);
    void (*refused)(struct bh_overview *overview); /* an error that is no trouble; NULL: it is */
};

typedef void take_fn(struct bh_overview *overview, struct bh_overview_queue *queue,
                     const struct redisReply *reply);

static void close_shells(struct bh_overview *overview);

static struct bh_overview_queue *
find_queue(struct bh_overview *overview, const char *name)
{
    for (size_t i = 0; i < overview->snapshot.queues_count; i++) {
        if (strcmp(overview->queues[i].name, name) == 0)
            return &overview->queues[i];
    }
    return NULL;
}

static void
note_error(struct bh_overview *overview, struct bh_str text)
{
    const struct bh_redis_error *row = bh_redis_error_find(text);
    (void)snprintf(overview->snapshot.redis_trouble, sizeof(overview->snapshot.redis_trouble),
                   "%.*s", (int)(text.len < 200 ? text.len : 200), text.ptr);
    if (row->class == BH_REDIS_RECONNECT)
        bh_redis_connection_reconnect(&overview->connection, row, row->word);
}

static void
question_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct question *question = arg;
    struct bh_overview *overview = question->overview;
    struct bh_overview_queue *queue = find_queue(overview, question->queue);
    struct bh_str text;
    (void)error_text;
    overview->open--;
    if (bh_reply_error(reply, &text) && question->refused != NULL)
        question->refused(overview);
    else if (bh_reply_error(reply, &text))
        note_error(overview, text);
    else if (reply != NULL && (queue != NULL || question->queue[0] == '\0'))
        question->take(overview, queue, reply);
    bh_free(question);
    if (overview->stopping)
        close_shells(overview);
}

static bool
put_question(const struct question *question, size_t argc, const struct bh_str *argv)
{
    struct bh_overview *overview = question->overview;
    struct question *kept = bh_alloc_zero(sizeof(*kept));
    if (kept == NULL)
        return false;
    *kept = *question;
    if (bh_redis_connection_send(&overview->connection, argc, argv, 0, question_on_reply, kept) !=
        BH_OK) {
        bh_free(kept);
        return false;
    }
    overview->open++;
    return true;
}

/* What cannot be asked now is asked in the next round. */
static bool
ask(struct bh_overview *overview, const struct bh_overview_queue *queue, size_t argc,
    const struct bh_str *argv, take_fn *take)
{
    struct question question = {.overview = overview, .take = take};
    if (queue != NULL)
        (void)snprintf(question.queue, sizeof(question.queue), "%s", queue->name);
    return put_question(&question, argc, argv);
}

/* Lets go of the call. */
static bool
ask_script(struct bh_overview *overview, const struct bh_overview_queue *queue,
           struct bh_call *call, take_fn *take)
{
    const struct bh_str *argv;
    size_t argc;
    bool asked =
        bh_call_eval_argv(call, &argv, &argc) == BH_OK && ask(overview, queue, argc, argv, take);
    bh_call_release(call);
    return asked;
}

/* ---- the queues ---- */

static struct bh_mono *
minute_of(struct bh_overview *overview, const struct bh_overview_queue *queue)
{
    return &overview->minute_at[queue - overview->queues];
}

static void
take_minutes(struct bh_overview *overview, struct bh_overview_queue *queue,
             const struct redisReply *reply)
{
    struct bh_minutes minutes;
    (void)overview;
    if (bh_decode_minutes(reply, &minutes) != BH_OK)
        return;
    bh_minutes_release(&queue->minutes);
    queue->minutes = minutes;
}

static void
take_minute(struct bh_overview *overview, struct bh_overview_queue *queue,
            const struct redisReply *reply)
{
    bool written;
    bh_ms wait_ms;
    if (bh_decode_minute(reply, &written, &wait_ms) == BH_OK)
        *minute_of(overview, queue) = bh_mono_add(bh_clock_mono(), wait_ms);
}

/* Behind the script, on the same connection: what it wrote is among them. */
static void
ask_minutes(struct bh_overview *overview, struct bh_overview_queue *queue,
            const struct bh_queue_keys *keys)
{
    struct bh_call call;
    struct bh_str argv[BH_MINUTES_ARGC];
    if (!bh_mono_reached(*minute_of(overview, queue), bh_clock_mono()))
        return;
    bh_call_init(&call, BH_SCRIPT_MINUTE);
    bh_encode_minute(&call, keys, queue->oldest_ms);
    bh_minutes_read_argv(keys, argv);
    if (ask_script(overview, queue, &call, take_minute))
        (void)ask(overview, queue, BH_ARRAY_LEN(argv), argv, take_minutes);
}

static void
take_figures(struct bh_overview *overview, struct bh_overview_queue *queue,
             const struct redisReply *reply)
{
    struct bh_queue_view view;
    struct bh_queue_keys keys;
    struct bh_overview_snapshot *snapshot = &overview->snapshot;
    if (bh_decode_inspect(reply, &view) != BH_OK)
        return;
    bh_overview_queue_take(queue, &view, bh_clock_mono());
    snapshot->server_now = view.server_now;
    snapshot->answered_at = bh_clock_mono();
    snapshot->redis_trouble[0] = '\0';
    if (!overview->stopping &&
        bh_queue_keys_init(&keys, overview->config->redis.prefix, queue->name) == BH_OK)
        ask_minutes(overview, queue, &keys);
}

static void
ask_queue(struct bh_overview *overview, const struct bh_overview_queue *queue)
{
    struct bh_call call;
    struct bh_queue_keys keys;
    if (bh_queue_keys_init(&keys, overview->config->redis.prefix, queue->name) != BH_OK)
        return;
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, &keys);
    (void)ask_script(overview, queue, &call, take_figures);
}

/* ---- account and processes ---- */

static void
desk_on_read(void *arg, enum bh_status status, const struct bh_account_view *view)
{
    struct bh_overview *overview = arg;
    overview->open--;
    if (status == BH_OK) {
        overview->snapshot.account = *view;
        overview->snapshot.account_known = true;
    }
    if (overview->stopping)
        close_shells(overview);
}

static void
ask_account(struct bh_overview *overview)
{
    overview->open += bh_account_read(&overview->desk, desk_on_read, overview) == BH_OK;
}

static void
take_nothing(struct bh_overview *overview, struct bh_overview_queue *queue,
             const struct redisReply *reply)
{
    (void)overview;
    (void)queue;
    (void)reply;
}

static void
take_processes(struct bh_overview *overview, struct bh_overview_queue *queue,
               const struct redisReply *reply)
{
    struct bh_processes processes;
    (void)queue;
    if (bh_decode_processes(reply, &processes) != BH_OK)
        return;
    bh_processes_release(&overview->snapshot.processes);
    overview->snapshot.processes = processes;
    overview->snapshot.processes_known = true;
}

static void
take_waiting(struct bh_overview *overview, struct bh_overview_queue *queue,
             const struct redisReply *reply)
{
    (void)queue;
    if (bh_decode_waiting_look(reply, &overview->snapshot.waiting) == BH_OK)
        overview->snapshot.waiting_known = true;
}

static void
ask_waiting(struct bh_overview *overview)
{
    struct bh_call call;
    struct bh_waiting_keys keys;
    if (bh_waiting_keys_init(&keys, overview->config->redis.prefix) != BH_OK)
        return;
    bh_call_init(&call, BH_SCRIPT_WAITING);
    bh_encode_waiting_look(&call, &keys);
    (void)ask_script(overview, NULL, &call, take_waiting);
}

static void
make_self(struct bh_overview *overview)
{
    struct bh_overview_snapshot *snapshot = &overview->snapshot;
    bool draining = snapshot->self.draining;
    bh_self_report_make(&overview->self, snapshot->mono, &snapshot->self);
    snapshot->self.draining = draining;
}

static void
report_process(struct bh_overview *overview)
{
    struct bh_call call;
    struct bh_buf json;
    make_self(overview);
    bh_buf_init(&json, BH_PROCESS_BYTES_MAX);
    if (bh_process_write(&json, &overview->snapshot.self) == BH_OK) {
        bh_call_init(&call, BH_SCRIPT_PROCESS);
        bh_encode_process(&call, overview->processes_key, overview->snapshot.self.instance,
                          bh_buf_str(&json));
        (void)ask_script(overview, NULL, &call, take_nothing);
    }
    bh_buf_release(&json);
}

static void
ask_processes(struct bh_overview *overview)
{
    struct bh_str argv[BH_PROCESSES_ARGC];
    if (overview->report_at.ms != 0 &&
        overview->snapshot.mono.ms - overview->report_at.ms < BH_PROCESS_EVERY_MS)
        return;
    /* A name that is not ours yet is another's to report under. */
    if (overview->snapshot.workers_started) {
        overview->report_at = overview->snapshot.mono;
        report_process(overview);
    }
    bh_processes_read_argv(overview->processes_key, argv);
    (void)ask(overview, NULL, BH_ARRAY_LEN(argv), argv, take_processes);
}

/* ---- the server ---- */

static void
take_server(struct bh_overview *overview, struct bh_overview_queue *queue,
            const struct redisReply *reply)
{
    struct bh_str text;
    (void)queue;
    if (!bh_reply_text(reply, &text))
        return;
    overview->snapshot.server = (struct bh_redis_survey){.memory_used = -1, .memory_max = -1};
    bh_redis_survey_read_info(&overview->snapshot.server, text);
    overview->snapshot.server_known = true;
}

static void
server_refused(struct bh_overview *overview)
{
    overview->server_refused = true;
    overview->snapshot.server_known = false;
}

/* Whoever may not ask does not ask again: the server notes each refusal. */
static void
ask_server(struct bh_overview *overview)
{
    static const struct bh_str argv[] = {
        {"INFO", 4}
    };
    const struct question question = {
        .overview = overview, .take = take_server, .refused = server_refused};
    if (!overview->server_refused)
        (void)put_question(&question, BH_ARRAY_LEN(argv), argv);
}

/* ---- rounds ---- */

static bh_ms
round_distance(const struct bh_overview *overview)
{
    bool looked = overview->looked_at.ms != 0 &&
                  overview->snapshot.mono.ms - overview->looked_at.ms < LOOKING_MS;
    return looked ? ROUND_LOOKED_MS : ROUND_IDLE_MS;
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_overview *overview = timer->data;
    overview->snapshot.mono = overview->round_at = bh_clock_mono();
    bh_self_report_show(&overview->self, overview->snapshot.mono);
    uv_timer_start(&overview->timer, timer_on_fire, (uint64_t)round_distance(overview), 0);
    /* A Redis that is slower than our rounds is not asked twice. */
    if (!overview->snapshot.redis_up || overview->open > 0)
        return;
    for (size_t i = 0; i < overview->snapshot.queues_count; i++)
        ask_queue(overview, &overview->queues[i]);
    ask_account(overview);
    ask_waiting(overview);
    ask_processes(overview);
    ask_server(overview);
}

static void
round_soon(struct bh_overview *overview)
{
    bh_ms since_ms = bh_clock_mono().ms - overview->round_at.ms;
    bh_ms wait_ms = overview->round_at.ms == 0 ? 0 : bh_ms_max(ROUND_LOOKED_MS - since_ms, 0);
    if (!overview->stopping)
        uv_timer_start(&overview->timer, timer_on_fire, (uint64_t)wait_ms, 0);
}

static void
connection_on_up(void *arg)
{
    struct bh_overview *overview = arg;
    overview->snapshot.redis_up = true;
    overview->snapshot.redis_trouble[0] = '\0';
    overview->server_refused = false;
    round_soon(overview);
}

static void
connection_on_down(void *arg, const struct bh_redis_down *down)
{
    struct bh_overview *overview = arg;
    overview->snapshot.redis_up = false;
    overview->snapshot.server_known = false;
    (void)snprintf(overview->snapshot.redis_trouble, sizeof(overview->snapshot.redis_trouble),
                   "%.200s", down->reason);
}

/* ---- looking ---- */

const struct bh_overview_snapshot *
bh_overview_peek(struct bh_overview *overview)
{
    overview->snapshot.mono = bh_clock_mono();
    overview->snapshot.now = bh_clock_wall();
    overview->snapshot.low_balance_micro = overview->config->gateway.low_balance_micro;
    overview->snapshot.oldest_limit_ms = overview->config->alert.oldest_job_ms;
    make_self(overview);
    return &overview->snapshot;
}

const struct bh_overview_durations *
bh_overview_durations(struct bh_overview *overview)
{
    struct bh_overview_durations *durations = &overview->durations;
    memset(durations, 0, sizeof(*durations));
    for (unsigned i = 0; i < overview->options.workers_count; i++) {
        const struct bh_meters *meters = bh_worker_meters(overview->options.workers[i]);
        for (size_t j = 0; j < overview->snapshot.queues_count; j++)
            bh_meter_read(&meters->wait[overview->queues[j].no], &durations->wait[j]);
        for (size_t j = 0; j < BH_GATEWAY_PHASE_COUNT; j++)
            bh_meter_read(&meters->gateway[j], &durations->gateway[j]);
        bh_meter_read(&meters->lateness, &durations->lateness);
        bh_meter_read(&meters->redis, &durations->redis);
        bh_meter_read(&meters->lag, &durations->lag);
    }
    return durations;
}

const struct bh_overview_snapshot *
bh_overview_look(struct bh_overview *overview)
{
    const struct bh_overview_snapshot *snapshot = bh_overview_peek(overview);
    bool was_idle = round_distance(overview) == ROUND_IDLE_MS;
    overview->looked_at = snapshot->mono;
    if (was_idle)
        round_soon(overview);
    return snapshot;
}

void
bh_overview_tell(struct bh_overview *overview, bool workers_started, bool draining, bool stopping,
                 bool loops_turn)
{
    struct bh_overview_snapshot *snapshot = &overview->snapshot;
    bool began = workers_started && !snapshot->workers_started;
    snapshot->workers_started = workers_started;
    if (began && snapshot->redis_up)
        round_soon(overview);
    snapshot->self.draining = draining;
    snapshot->stopping = stopping;
    snapshot->loops_turn = loops_turn;
}

void
bh_overview_tell_pulled(struct bh_overview *overview, const uint64_t pulled[BH_PULLED_COUNT])
{
    memcpy(overview->snapshot.pulled, pulled, sizeof(overview->snapshot.pulled));
}

/* ---- which queues ---- */

/* What is known of a queue moves on with it; a queue that went takes it along. */
static void
keep_known(struct bh_overview *overview, struct bh_overview_queue *fresh, struct bh_mono *minute_at)
{
    struct bh_overview_queue *known = find_queue(overview, fresh->name);
    if (known == NULL)
        return;
    unsigned no = fresh->no;
    *minute_at = *minute_of(overview, known);
    *fresh = *known;
    fresh->no = no;
    known->counters = NULL;
    known->counters_count = 0;
    known->minutes = (struct bh_minutes){.count = 0};
}

static void
release_queues(struct bh_overview *overview)
{
    for (size_t i = 0; i < overview->snapshot.queues_count; i++)
        bh_overview_queue_release(&overview->queues[i]);
    bh_free(overview->queues);
    bh_free(overview->minute_at);
    overview->queues = NULL;
    overview->minute_at = NULL;
    overview->snapshot.queues = NULL;
    overview->snapshot.queues_count = 0;
}

static enum bh_status
set_queues(struct bh_overview *overview, const struct bh_config *config)
{
    size_t count = config->queues_count;
    struct bh_overview_queue *queues = bh_alloc_array(count, sizeof(*queues));
    struct bh_mono *minute_at = bh_alloc_array(count, sizeof(*minute_at));
    if (queues == NULL || minute_at == NULL) {
        bh_free(queues);
        bh_free(minute_at);
        return BH_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(queues[i].name, sizeof(queues[i].name), "%s", config->queues[i].name);
        queues[i].no = config->queues[i].no;
        queues[i].rate = queues[i].concurrency = BH_QUEUE_LIMIT_UNSET;
        keep_known(overview, &queues[i], &minute_at[i]);
    }
    release_queues(overview);
    overview->queues = queues;
    overview->minute_at = minute_at;
    overview->snapshot.queues = queues;
    overview->snapshot.queues_count = count;
    return BH_OK;
}

void
bh_overview_configure(struct bh_overview *overview, const struct bh_config *config,
                      const char *account)
{
    struct bh_account_keys keys;
    if (overview->stopping)
        return;
    /* Short of memory, the queues stay as they were; the next reload may have more. */
    if (set_queues(overview, config) == BH_OK) {
        bh_config_release(overview->config);
        overview->config = bh_config_retain(config);
    }
    if (bh_account_keys_init(&keys, config->redis.prefix, account) == BH_OK &&
        strcmp(keys.control, overview->desk.keys.control) != 0) {
        overview->desk.keys = keys;
        overview->snapshot.account_known = false;
    }
    round_soon(overview);
}

/* ---- life ---- */

static void
shell_on_closed(void *arg)
{
    struct bh_overview *overview = arg;
    bh_shells_closed(&overview->shells);
}

/* When all questions are answered, or that took too long. */
static void
close_shells(struct bh_overview *overview)
{
    if (overview->closing_shells ||
        (overview->open > 0 && uv_is_active((const uv_handle_t *)&overview->timer)))
        return;
    overview->closing_shells = true;
    bh_shells_expect(&overview->shells, 2, overview->options.on_closed, overview->options.arg);
    bh_shells_close_timer(&overview->shells, &overview->timer);
    bh_redis_connection_stop(&overview->connection);
}

static void
gone_on_timeout(uv_timer_t *timer)
{
    close_shells(timer->data);
}

void
bh_overview_stop(struct bh_overview *overview)
{
    struct bh_call call;
    if (overview->stopping)
        return;
    overview->stopping = true;
    uv_timer_start(&overview->timer, gone_on_timeout, GONE_MS, 0);
    if (overview->snapshot.workers_started) {
        bh_call_init(&call, BH_SCRIPT_PROCESS);
        bh_encode_process_gone(&call, overview->processes_key, overview->self.instance);
        (void)ask_script(overview, NULL, &call, take_nothing);
    }
    close_shells(overview);
}

static enum bh_status
open_connection(struct bh_overview *overview, uv_loop_t *loop, struct bh_error *error)
{
    const struct bh_config *config = overview->config;
    enum bh_status status = bh_processes_key(overview->processes_key, config->redis.prefix);
    if (status == BH_OK)
        status = bh_account_keys_init(&overview->desk.keys, config->redis.prefix,
                                      overview->options.account);
    if (status == BH_OK)
        status = bh_settings_redis(&overview->settings, config, overview->who, error);
    if (status != BH_OK)
        return status;
    const struct bh_redis_listener listener = {
        .on_up = connection_on_up,
        .on_down = connection_on_down,
        .on_closed = shell_on_closed,
        .arg = overview,
    };
    overview->desk.connection = &overview->connection;
    return bh_redis_connection_init(&overview->connection, loop, &overview->settings.redis,
                                    &listener, error);
}

enum bh_status
bh_overview_new(uv_loop_t *loop, const struct bh_overview_options *options,
                struct bh_overview **ret_overview, struct bh_error *error)
{
    struct bh_overview *overview = bh_alloc_zero(sizeof(*overview));
    if (overview == NULL)
        return BH_ENOMEM;
    overview->options = *options;
    overview->config = bh_config_retain(options->config);
    (void)snprintf(overview->snapshot.redis_trouble, sizeof(overview->snapshot.redis_trouble),
                   "not connected yet");
    (void)snprintf(overview->who, sizeof(overview->who), "%s/view", options->config->pool.instance);
    uv_timer_init(loop, &overview->timer);
    overview->timer.data = overview;
    enum bh_status status = bh_self_report_init(&overview->self, options->config->pool.instance,
                                                options->workers, options->workers_count);
    if (status == BH_OK)
        status = set_queues(overview, options->config);
    if (status == BH_OK)
        status = open_connection(overview, loop, error);
    if (status == BH_OK)
        *ret_overview = overview;
    /* A half-built one is left to the end of the process, which follows at once. */
    return status;
}

void
bh_overview_start(struct bh_overview *overview)
{
    uv_timer_start(&overview->timer, timer_on_fire, 0, 0);
    bh_redis_connection_start(&overview->connection);
}

void
bh_overview_free(struct bh_overview *overview)
{
    if (overview == NULL)
        return;
    release_queues(overview);
    bh_processes_release(&overview->snapshot.processes);
    bh_self_report_release(&overview->self);
    bh_redis_connection_release(&overview->connection);
    bh_settings_release(&overview->settings);
    bh_config_release(overview->config);
    bh_free(overview);
}
