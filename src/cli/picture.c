#include "cli/picture.h"

#include <stdio.h>

#include "cli/display.h"
#include "cli/session.h"
#include "core/alloc.h"
#include "core/fault.h"
#include "core/gateway_profile.h"
#include "core/redis_error.h"
#include "redis/reply_reader.h"
#include "redis/reply_text.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"
#include "redis/sync.h"

/* ---- Asking ---- */

static bool
exchange(struct bh_cli *cli, size_t argc, const struct bh_str *argv, bh_ms timeout_ms,
         struct redisReply **ret_reply, struct bh_error *trouble)
{
    (void)bh_error_set(trouble, NULL, "short of memory");
    if (cli->session == NULL && bh_session_open(cli, trouble) != BH_OK)
        return false;
    return bh_redis_sync_call(bh_session_sync(cli), argc, argv, timeout_ms, ret_reply, trouble) ==
           BH_OK;
}

/* Frees an error reply, and says it. */
static bool
is_answer(struct redisReply *reply, struct bh_error *trouble)
{
    struct bh_str words;
    if (!bh_reply_error(reply, &words))
        return true;
    const struct bh_redis_error *known = bh_redis_error_find(words);
    struct bh_buf said;
    bh_buf_init(&said, 1024);
    (void)bh_display_append(&said, words);
    (void)bh_error_set(trouble, NULL, "it says \"%.100s\"%s%.200s", bh_buf_text(&said),
                       known->advice != NULL ? " - " : "",
                       known->advice != NULL ? known->advice : "");
    bh_buf_release(&said);
    bh_redis_reply_free(reply);
    return false;
}

bool
bh_picture_ask(struct bh_cli *cli, size_t argc, const struct bh_str *argv, bh_ms timeout_ms,
               struct redisReply **ret_reply, struct bh_error *trouble)
{
    return exchange(cli, argc, argv, timeout_ms, ret_reply, trouble) &&
           is_answer(*ret_reply, trouble);
}

bool
bh_picture_call(struct bh_cli *cli, struct bh_call *call, bh_ms timeout_ms,
                struct redisReply **ret_reply, struct bh_error *trouble)
{
    const struct bh_str *argv;
    size_t argc;
    if (bh_call_argv(call, &argv, &argc) != BH_OK)
        return bh_error_set(trouble, NULL, "short of memory") == BH_OK;
    if (!exchange(cli, argc, argv, timeout_ms, ret_reply, trouble))
        return false;
    if (!bh_script_is_unknown(*ret_reply))
        return is_answer(*ret_reply, trouble);
    bh_redis_reply_free(*ret_reply);
    if (bh_call_eval_argv(call, &argv, &argc) != BH_OK)
        return bh_error_set(trouble, NULL, "short of memory") == BH_OK;
    return exchange(cli, argc, argv, timeout_ms, ret_reply, trouble) &&
           is_answer(*ret_reply, trouble);
}

struct look {
    struct bh_cli *cli;
    bh_ms timeout_ms;
    struct bh_picture *picture;
};

static bool
ask(const struct look *look, size_t argc, const struct bh_str *argv, struct redisReply **ret_reply)
{
    return bh_picture_ask(look->cli, argc, argv, look->timeout_ms, ret_reply,
                          &look->picture->trouble);
}

static bool
call_and_release(const struct look *look, struct bh_call *call, struct redisReply **ret_reply)
{
    bool answered =
        bh_picture_call(look->cli, call, look->timeout_ms, ret_reply, &look->picture->trouble);
    bh_call_release(call);
    return answered;
}

static bool
unreadable(const struct look *look, const char *what)
{
    (void)bh_error_set(&look->picture->trouble, NULL, "its answer about %s cannot be read", what);
    return false;
}

static bool
look_at_server(const struct look *look)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("INFO")};
    struct redisReply *reply;
    struct bh_str text;
    if (!ask(look, 1, argv, &reply))
        return false;
    bool readable = bh_reply_text(reply, &text);
    if (readable) {
        look->picture->server = (struct bh_redis_survey){.memory_used = -1, .memory_max = -1};
        bh_redis_survey_read_info(&look->picture->server, text);
        look->picture->server_known = true;
    }
    bh_redis_reply_free(reply);
    return readable || unreadable(look, "itself");
}

static bool
look_at_account(const struct look *look)
{
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    struct bh_account_keys keys;
    struct bh_call call;
    struct redisReply *reply;
    const struct bh_config *config = look->cli->config;
    if (!look->cli->account_known || bh_gateway_account_name(&config->gateway, account) != BH_OK ||
        bh_account_keys_init(&keys, config->redis.prefix, account) != BH_OK)
        return true;
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    bh_encode_account_read(&call, &keys);
    if (!call_and_release(look, &call, &reply))
        return false;
    look->picture->account_known = bh_decode_account_read(reply, &look->picture->account) == BH_OK;
    bh_redis_reply_free(reply);
    if (!look->picture->account_known)
        return unreadable(look, "the account");
    look->picture->server_now = look->picture->account.server_now;
    return true;
}

static bool
look_at_processes(const struct look *look)
{
    char key[BH_KEY_MAX];
    struct bh_str argv[BH_PROCESSES_ARGC];
    struct redisReply *reply;
    if (bh_processes_key(key, look->cli->config->redis.prefix) != BH_OK)
        return true;
    bh_processes_read_argv(key, argv);
    if (!ask(look, BH_PROCESSES_ARGC, argv, &reply))
        return false;
    look->picture->processes_known = bh_decode_processes(reply, &look->picture->processes) == BH_OK;
    bh_redis_reply_free(reply);
    return look->picture->processes_known || unreadable(look, "the processes");
}

/* ---- A queue ---- */

int64_t
bh_picture_find(const struct bh_picture_queue *queue, const char *name)
{
    return queue->reply != NULL ? bh_queue_view_find(&queue->view, name) : 0;
}

static int64_t
find_counter(const void *arg, const char *name)
{
    return bh_picture_find(arg, name);
}

static struct bh_counter_source
counters_of(const struct bh_picture_queue *queue)
{
    return (struct bh_counter_source){find_counter, queue};
}

uint64_t
bh_picture_held(const struct bh_picture_queue *queue, enum bh_reason reason)
{
    const struct bh_counter_source counters = counters_of(queue);
    return bh_count_held_for(&counters, reason);
}

int64_t
bh_picture_outcome(const struct bh_picture_queue *queue, enum bh_state state)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "outcome:%s", bh_state_name(state));
    return bh_picture_find(queue, name);
}

static void
reckon(struct bh_picture_queue *queue)
{
    const struct bh_counter_source counters = counters_of(queue);
    queue->held = bh_count_held(&counters);
    queue->ready = bh_count_ready(&queue->view, &counters);
    queue->tally = bh_tally_of_view(&queue->view);
    queue->oldest_ms = bh_minutes_oldest_ms(&queue->minutes, &queue->view);
    queue->flow_known = bh_minutes_flow(&queue->minutes, &queue->tally, BH_MINUTE_MS, &queue->flow);
    queue->drain_ms = -1;
    if (queue->flow_known)
        queue->drain_ms = bh_flow_drain_ms(&queue->flow, queue->ready + queue->held);
}

static bool
look_at_queue(const struct look *look, const struct bh_queue_keys *keys,
              struct bh_picture_queue *queue)
{
    struct bh_str argv[BH_MINUTES_ARGC];
    struct bh_call call;
    struct redisReply *reply;
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, keys);
    if (!call_and_release(look, &call, &queue->reply)) {
        queue->reply = NULL;
        return false;
    }
    if (bh_decode_inspect(queue->reply, &queue->view) != BH_OK)
        return unreadable(look, "a queue");
    bh_minutes_read_argv(keys, argv);
    if (!ask(look, BH_MINUTES_ARGC, argv, &reply))
        return false;
    enum bh_status read = bh_decode_minutes(reply, &queue->minutes);
    bh_redis_reply_free(reply);
    if (read != BH_OK)
        return unreadable(look, "a queue's last hour");
    look->picture->server_now = queue->view.server_now;
    reckon(queue);
    return true;
}

static bool
look_at_queues(const struct look *look, const struct bh_queue_choice *choice)
{
    struct bh_picture *picture = look->picture;
    picture->queues = bh_alloc_array(choice->count, sizeof(picture->queues[0]));
    if (picture->queues == NULL)
        return bh_error_set(&picture->trouble, NULL, "short of memory") == BH_OK;
    for (size_t i = 0; i < choice->count; i++) {
        picture->queues[i].name = choice->names[i];
        picture->queues[i].config = choice->configs[i];
    }
    picture->queues_count = choice->count;
    for (size_t i = 0; i < choice->count; i++) {
        if (!look_at_queue(look, &choice->keys[i], &picture->queues[i]))
            return false;
    }
    return true;
}

void
bh_picture_take(struct bh_cli *cli, const struct bh_queue_choice *queues, bh_ms timeout_ms,
                struct bh_picture *ret_picture)
{
    *ret_picture = (struct bh_picture){
        .low_balance_micro = cli->config->gateway.low_balance_micro,
        .oldest_limit_ms = cli->config->alert.oldest_job_ms,
    };
    const struct look look = {cli, timeout_ms, ret_picture};
    ret_picture->redis_up = look_at_server(&look) && look_at_account(&look) &&
                            look_at_processes(&look) && look_at_queues(&look, queues);
    if (ret_picture->server_now.ms > 0)
        ret_picture->clock_ahead_ms = ret_picture->server_now.ms - bh_cli_now().ms;
}

void
bh_picture_release(struct bh_picture *picture)
{
    for (size_t i = 0; i < picture->queues_count; i++) {
        bh_redis_reply_free(picture->queues[i].reply);
        bh_minutes_release(&picture->queues[i].minutes);
    }
    bh_free(picture->queues);
    bh_processes_release(&picture->processes);
    *picture = (struct bh_picture){0};
}

/* ---- Sums and the verdict ---- */

struct bh_process_sum
bh_picture_sum(const struct bh_picture *picture)
{
    struct bh_process_sum sum = bh_process_sum_begin();
    for (size_t i = 0; i < picture->processes.count; i++)
        bh_process_sum_add_row(&sum, &picture->processes.rows[i], picture->server_now);
    return sum;
}

struct bh_verdict_queue
bh_picture_queue_facts(const struct bh_picture_queue *queue)
{
    const struct bh_queue_source source = {
        .name = queue->name,
        .config = queue->config,
        .view = queue->reply != NULL ? &queue->view : NULL,
        .minutes = &queue->minutes,
        .tally = &queue->tally,
        .oldest_ms = queue->oldest_ms,
        .counters = counters_of(queue),
    };
    return bh_queue_facts(&source);
}

size_t
bh_picture_judge(const struct bh_picture *picture, struct bh_judgement verdicts[BH_CAUSE_COUNT])
{
    struct bh_verdict_queue queues[BH_CONFIG_QUEUES_MAX];
    const struct bh_process_sum sum = bh_picture_sum(picture);
    struct bh_verdict_facts facts = {
        .redis_up = picture->redis_up,
        .redis_trouble = picture->trouble.text,
        .server = picture->server_known ? &picture->server : NULL,
        .queues = queues,
        .queues_count = picture->queues_count,
        .oldest_limit_ms = picture->oldest_limit_ms,
        .clock_ahead_ms = picture->clock_ahead_ms,
    };
    if (picture->processes_known)
        bh_process_facts(&facts, &sum);
    bh_account_facts(&facts, picture->account_known, &picture->account, picture->low_balance_micro);
    for (size_t i = 0; i < picture->queues_count; i++)
        queues[i] = bh_picture_queue_facts(&picture->queues[i]);
    return bh_verdict_find(&facts, verdicts);
}

/* ---- Looking back ---- */

int64_t
bh_picture_grown(const struct bh_picture_queue *queue, const char *name, bh_ms window_ms,
                 bh_ms *ret_over_ms)
{
    const struct bh_minute *minute =
        bh_minutes_before(&queue->minutes, queue->view.server_now, window_ms);
    *ret_over_ms = 0;
    if (minute == NULL)
        return -1;
    int64_t grown = bh_picture_find(queue, name) - bh_minute_find(minute, name);
    *ret_over_ms = queue->view.server_now.ms - minute->at.ms;
    return grown > 0 ? grown : 0;
}

int64_t
bh_picture_silence_ms(const struct bh_queue_view *view)
{
    return view->silent_since.ms > 0 ? bh_ms_max(view->server_now.ms - view->silent_since.ms, 0)
                                     : 0;
}

int64_t
bh_picture_spend_micro(const struct bh_picture *picture)
{
    int64_t sum = -1;
    for (size_t i = 0; i < picture->queues_count; i++) {
        bh_ms over_ms;
        int64_t spent = bh_picture_grown(&picture->queues[i], "spend_micro", BH_HOUR_MS, &over_ms);
        if (spent < 0 || over_ms <= 0)
            continue;
        /* A minute's spending is no forecast of an hour's, but it is the best there is. */
        int64_t per_hour = spent < INT64_MAX / BH_HOUR_MS ? spent * BH_HOUR_MS / over_ms
                                                          : spent / over_ms * BH_HOUR_MS;
        sum = (sum < 0 ? 0 : sum) + per_hour;
    }
    return sum;
}
