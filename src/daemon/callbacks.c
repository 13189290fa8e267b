#include "daemon/callbacks.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <bellhop/version.h>

#include "core/alloc.h"
#include "core/callback.h"
#include "core/dice.h"
#include "daemon/callback_hosts.h"
#include "daemon/callback_letter.h"
#include "daemon/clock.h"
#include "daemon/hush.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "gateway/webpost.h"
#include "redis/callback.h"
#include "redis/refusal.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"

#define LOOK_MS        BH_SECOND_MS
#define QUIET_LOOK_MS  BH_MINUTE_MS /* at a queue that allows nothing */
#define AWAY_LOOK_MS   (5 * BH_SECOND_MS)
#define STOP_GRACE_MS  (2 * BH_SECOND_MS)
#define ERROR_TEXT_MAX 320

/* A queue's outbox. */
struct lane {
    char name[BH_QUEUE_NAME_MAX + 1];
    struct bh_callback_host *host; /* NULL: the queue allows nothing */
    struct bh_mono look_at;
    bool looking;
    bool more; /* the last look left something that is due */
};

/* What one entry, or one look, needs for as long as it is under way. */
struct errand {
    struct bh_callbacks *callbacks;
    struct errand *next;
    char queue[BH_QUEUE_NAME_MAX + 1];
    struct bh_queue_keys keys;
    struct bh_callback_host *host; /* NULL: it is posted nowhere */
    unsigned taken;                /* look: how much room it keeps */
    struct bh_callback_entry entry;
    struct bh_wall server_now;
    struct bh_script_call call;
    bool posting; /* what comes next is the receiver's word */
};

struct bh_callbacks {
    struct bh_callbacks_options options;
    const struct bh_config *config; /* owned reference */
    char who[160];
    struct bh_settings settings;
    struct bh_redis_connection connection;
    struct bh_webpost *post;
    uv_timer_t timer;
    struct lane lanes[BH_CONFIG_QUEUES_MAX];
    size_t lanes_count;
    struct bh_callback_hosts hosts;
    struct errand *errands;  /* owned; in no order */
    unsigned in_hand;        /* entries, and room that looks keep */
    struct bh_shells shells; /* counted while they close */
    bool stopping, stopped;
    struct bh_mono stop_at;
    struct bh_dice dice;
    struct bh_hush hush;
};

static void plan(struct bh_callbacks *callbacks);

/* ---- what is told ---- */

static void
tell(const struct errand *errand, const char *event, const char *error, const char *text)
{
    struct bh_callbacks *callbacks = errand->callbacks;
    unsigned kept_back = 0;
    if (!bh_hush_may_say(&callbacks->hush, event, NULL, bh_clock_mono(), &kept_back))
        return;
    const struct bh_log_field fields[] = {
        bh_log_text("queue", errand->queue),
        bh_log_text("id", errand->entry.id),
        bh_log_text("host", errand->host != NULL ? errand->host->origin : ""),
        bh_log_text("reason", error),
        bh_log_int("kept_back", kept_back),
    };
    bh_log_write(BH_LOG_WARN, event, fields, BH_ARRAY_LEN(fields), "%s", text);
}

static void
tell_outcome(const struct errand *errand, const struct bh_callback_word *word)
{
    switch (word->outcome) {
    case BH_CALLBACK_AGAIN:
        tell(errand, "callback_failed", word->error,
             "a callback was not taken; it is posted again by its schedule");
        break;
    case BH_CALLBACK_GIVEN_UP:
        tell(errand, "callback_given_up", word->error,
             "a callback was not taken and is not posted any more");
        break;
    case BH_CALLBACK_REFUSED:
        tell(errand, "callback_refused", word->error,
             "a callback would go where the configuration does not allow it, and was not posted");
        break;
    case BH_CALLBACK_DONE:
    case BH_CALLBACK_DROPPED: break;
    }
}

/* ---- errands ---- */

static struct errand *
errand_new(struct bh_callbacks *callbacks, const char *queue, struct bh_callback_host *host)
{
    struct errand *errand = bh_alloc_zero(sizeof(*errand));
    if (errand == NULL)
        return NULL;
    if (bh_queue_keys_init(&errand->keys, callbacks->config->redis.prefix, queue) != BH_OK) {
        bh_free(errand);
        return NULL;
    }
    errand->callbacks = callbacks;
    errand->host = host;
    (void)snprintf(errand->queue, sizeof(errand->queue), "%s", queue);
    errand->next = callbacks->errands;
    callbacks->errands = errand;
    return errand;
}

static void
errand_free(struct errand *errand)
{
    struct errand **at = &errand->callbacks->errands;
    while (*at != errand)
        at = &(*at)->next;
    *at = errand->next;
    bh_script_call_release(&errand->call);
    bh_free(errand);
}

static struct lane *
find_lane(struct bh_callbacks *callbacks, const char *queue)
{
    for (size_t i = 0; i < callbacks->lanes_count; i++) {
        if (strcmp(callbacks->lanes[i].name, queue) == 0)
            return &callbacks->lanes[i];
    }
    return NULL;
}

/* Its place is free; the next one of its queue may come at once. */
static void
entry_end(struct errand *errand)
{
    struct bh_callbacks *callbacks = errand->callbacks;
    struct lane *lane = find_lane(callbacks, errand->queue);
    if (lane != NULL && lane->more)
        lane->look_at = bh_mono_min(lane->look_at, bh_clock_mono());
    callbacks->in_hand--;
    errand_free(errand);
    plan(callbacks);
}

/* The host's place, too; for an entry that was not posted. */
static void
entry_end_unposted(struct errand *errand)
{
    if (errand->host != NULL)
        errand->host->under_way--;
    errand->host = NULL;
    entry_end(errand);
}

/* What Redis did not hear is posted again when the lease is over. */
static void
word_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    (void)error_text;
    if (reply != NULL)
        (void)bh_redis_refusal(&errand->callbacks->connection, reply);
    entry_end(errand);
}

static void
say(struct errand *errand, enum bh_callback_outcome outcome, bh_ms delay_ms, const char *error)
{
    struct bh_callbacks *callbacks = errand->callbacks;
    const struct bh_callback_word word = {outcome, errand->entry.id, errand->entry.ticket, delay_ms,
                                          error};
    tell_outcome(errand, &word);
    errand->host = NULL;
    struct bh_call *call =
        bh_script_call_begin(&errand->call, &callbacks->connection, BH_SCRIPT_CALLBACK);
    bh_encode_callback_word(call, &errand->keys, &word);
    if (bh_script_call_send(&errand->call, word_on_reply, errand) != BH_OK)
        entry_end(errand);
}

/* ---- 3: the receiver's word ---- */

static void
say_failed(struct errand *errand, const struct bh_webpost_result *result)
{
    char text[ERROR_TEXT_MAX];
    bh_ms delay_ms;
    unsigned posts = errand->entry.failed + 1;
    uint32_t dice = (uint32_t)bh_dice_next(&errand->callbacks->dice);
    if (result->http_status != 410 &&
        bh_callback_again(posts, result->retry_after_ms, dice, &delay_ms)) {
        say(errand, BH_CALLBACK_AGAIN, delay_ms, result->text);
        return;
    }
    (void)snprintf(text, sizeof(text), "given up after %u post%s: %s", posts, posts == 1 ? "" : "s",
                   result->text);
    say(errand, BH_CALLBACK_GIVEN_UP, 0, text);
}

static void
post_on_done(void *arg, void *tag, const struct bh_webpost_result *result)
{
    struct errand *errand = tag;
    (void)arg;
    errand->posting = false;
    /* Another answer than "later" is about this one post, and says that the receiver works. */
    if (result->taken || !result->may_again)
        bh_callback_host_done(errand->host);
    else
        bh_callback_host_failed(errand->host, result->retry_after_ms, bh_clock_mono());
    if (result->taken)
        say(errand, BH_CALLBACK_DONE, 0, NULL);
    else
        say_failed(errand, result);
}

/* ---- 2: the status, and the post ---- */

/* By what the configuration allows now; NULL: it may be posted. */
static const char *
refusal_of(const struct errand *errand, struct bh_str url)
{
    const struct bh_queue_config *queue =
        bh_config_queue_get(errand->callbacks->config, bh_str_from(errand->queue));
    if (queue == NULL || queue->callback_url[0] == '\0' || errand->host == NULL)
        return "the queue allows no callbacks";
    return bh_callback_url_problem(bh_str_from(queue->callback_url), url);
}

static void
say_refused(struct errand *errand, const char *problem)
{
    char text[ERROR_TEXT_MAX];
    bh_ms delay_ms;
    uint32_t dice = (uint32_t)bh_dice_next(&errand->callbacks->dice);
    if (!bh_callback_again(errand->entry.failed + 1, -1, dice, &delay_ms))
        delay_ms = -1;
    (void)snprintf(text, sizeof(text), "not posted, because its address is not allowed: it %s",
                   problem);
    if (errand->host != NULL)
        errand->host->under_way--;
    say(errand, BH_CALLBACK_REFUSED, delay_ms, text);
}

static enum bh_status
post(struct errand *errand, const struct bh_callback_source *source, struct bh_str url)
{
    struct bh_callbacks *callbacks = errand->callbacks;
    enum bh_status status = bh_callback_letter_send(callbacks->post, source, url,
                                                    &callbacks->config->http.callback_key, errand);
    errand->posting = status == BH_OK;
    return status;
}

static void
drop(struct errand *errand)
{
    if (errand->host != NULL)
        errand->host->under_way--;
    say(errand, BH_CALLBACK_DROPPED, 0, NULL);
}

static void
status_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_callbacks *callbacks = errand->callbacks;
    struct bh_callback_field fields[BH_CALLBACK_FIELDS_MAX];
    struct bh_callback_source source = {
        .queue = errand->queue, .id = errand->entry.id, .now = errand->server_now};
    (void)error_text;
    if (reply == NULL || bh_redis_refusal(&callbacks->connection, reply) != NULL ||
        callbacks->stopping || !bh_callback_letter_read(reply, fields, &source)) {
        entry_end_unposted(errand);
        return;
    }
    struct bh_str url = bh_callback_letter_url(&source);
    if (url.len == 0 || !bh_callback_has_news(&source)) {
        drop(errand);
        return;
    }
    const char *problem = refusal_of(errand, url);
    if (problem != NULL)
        say_refused(errand, problem);
    else if (post(errand, &source, url) != BH_OK)
        entry_end_unposted(errand);
}

static enum bh_status
ask_status(struct errand *errand)
{
    struct bh_str argv[2] = {BH_STR_LITERAL("HGETALL")};
    struct bh_buf key;
    bh_buf_init(&key, 512);
    enum bh_status status = bh_key_append_status(&key, &errand->keys, errand->entry.id);
    argv[1] = bh_buf_str(&key);
    if (status == BH_OK)
        status = bh_redis_connection_send(&errand->callbacks->connection, BH_ARRAY_LEN(argv), argv,
                                          0, status_on_reply, errand);
    bh_buf_release(&key);
    return status;
}

/* ---- 1: what is due ---- */

/* In the place of the room that its look has kept. */
static void
begin_entry(const struct errand *look, const struct bh_callback_taken *taken, size_t at)
{
    struct bh_callbacks *callbacks = look->callbacks;
    struct errand *errand = errand_new(callbacks, look->queue, look->host);
    if (errand == NULL)
        return;
    callbacks->in_hand++;
    if (errand->host != NULL)
        errand->host->under_way++;
    errand->entry = taken->entries[at];
    errand->server_now = taken->server_now;
    if (ask_status(errand) != BH_OK)
        entry_end_unposted(errand);
}

static void
take_all(struct errand *look, const struct bh_callback_taken *taken)
{
    struct lane *lane = find_lane(look->callbacks, look->queue);
    bh_ms next_ms = taken->next_ms >= 0 ? bh_ms_min(taken->next_ms, LOOK_MS) : LOOK_MS;
    if (lane != NULL)
        lane->more = taken->next_ms == 0;
    if (lane != NULL && (lane->host != NULL || lane->more))
        lane->look_at = bh_mono_add(bh_clock_mono(), next_ms);
    for (size_t i = 0; i < taken->count; i++)
        begin_entry(look, taken, i);
}

static void
look_refused(const struct errand *look, const struct redisReply *reply)
{
    struct bh_str text = BH_STR_LITERAL("no answer of ours");
    unsigned kept_back;
    (void)bh_reply_error(reply, &text);
    if (!bh_hush_may_say(&look->callbacks->hush, "callbacks_stuck", NULL, bh_clock_mono(),
                         &kept_back))
        return;
    char reason[160];
    (void)snprintf(reason, sizeof(reason), "%.*s", (int)(text.len < 150 ? text.len : 150),
                   text.ptr);
    const struct bh_log_field fields[] = {
        bh_log_text("queue", look->queue),
        bh_log_text("reason", reason),
        bh_log_int("kept_back", kept_back),
    };
    bh_log_write(BH_LOG_ERROR, "callbacks_stuck", fields, BH_ARRAY_LEN(fields),
                 "Redis does not give the callbacks that are due");
}

static void
look_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *look = arg;
    struct bh_callbacks *callbacks = look->callbacks;
    struct lane *lane = find_lane(callbacks, look->queue);
    struct bh_callback_taken taken;
    (void)error_text;
    callbacks->in_hand -= look->taken;
    if (look->host != NULL)
        look->host->under_way -= look->taken;
    if (lane != NULL) {
        lane->looking = false;
        lane->look_at =
            bh_mono_add(bh_clock_mono(), lane->host != NULL ? AWAY_LOOK_MS : QUIET_LOOK_MS);
    }
    if (reply != NULL && bh_redis_refusal(&callbacks->connection, reply) == NULL &&
        bh_decode_callback_taken(reply, &taken) == BH_OK)
        take_all(look, &taken);
    else if (reply != NULL)
        look_refused(look, reply);
    errand_free(look);
    plan(callbacks);
}

static unsigned
room_of(const struct bh_callbacks *callbacks, const struct lane *lane, struct bh_mono now)
{
    unsigned free_places = BH_CALLBACKS_POSTS_MAX - callbacks->in_hand;
    if (lane->host == NULL)
        return free_places;
    unsigned room = bh_callback_host_room(lane->host, BH_CALLBACKS_PER_HOST_MAX, now);
    return room < free_places ? room : free_places;
}

static void
look(struct bh_callbacks *callbacks, struct lane *lane, unsigned room)
{
    struct errand *errand = errand_new(callbacks, lane->name, lane->host);
    if (errand == NULL)
        return;
    struct bh_call *call =
        bh_script_call_begin(&errand->call, &callbacks->connection, BH_SCRIPT_CALLBACK);
    bh_encode_callback_take(call, &errand->keys, room, BH_CALLBACKS_LEASE_MS);
    if (bh_script_call_send(&errand->call, look_on_reply, errand) != BH_OK) {
        errand_free(errand);
        return;
    }
    errand->taken = room;
    callbacks->in_hand += room;
    if (lane->host != NULL)
        lane->host->under_way += room;
    lane->looking = true;
}

/* ---- time ---- */

/* The earliest of the next looks; what has no room now is looked at when there is some, and each second. */
static void
look_around(struct bh_callbacks *callbacks, struct bh_mono now)
{
    bool is_up = bh_redis_connection_state(&callbacks->connection) == BH_REDIS_READY;
    for (size_t i = 0; i < callbacks->lanes_count; i++) {
        struct lane *lane = &callbacks->lanes[i];
        if (lane->looking || !bh_mono_reached(lane->look_at, now))
            continue;
        unsigned room = is_up ? room_of(callbacks, lane, now) : 0;
        lane->look_at = bh_mono_add(now, LOOK_MS);
        if (room > 0)
            look(callbacks, lane, room);
    }
}

static void
shut(struct bh_callbacks *callbacks)
{
    callbacks->stopped = true;
    uv_timer_stop(&callbacks->timer);
    bh_webpost_stop(callbacks->post);
    bh_redis_connection_stop(&callbacks->connection);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_callbacks *callbacks = timer->data;
    struct bh_mono now = bh_clock_mono();
    if (!callbacks->stopping)
        look_around(callbacks, now);
    else if (callbacks->errands == NULL || bh_mono_reached(callbacks->stop_at, now)) {
        shut(callbacks);
        return;
    }
    plan(callbacks);
}

static void
plan(struct bh_callbacks *callbacks)
{
    struct bh_mono now = bh_clock_mono(), next = BH_MONO_NEVER;
    if (callbacks->stopped)
        return;
    for (size_t i = 0; i < callbacks->lanes_count; i++) {
        if (!callbacks->lanes[i].looking)
            next = bh_mono_min(next, callbacks->lanes[i].look_at);
    }
    if (callbacks->stopping)
        next = callbacks->errands == NULL ? now : callbacks->stop_at;
    if (bh_mono_is_never(next))
        uv_timer_stop(&callbacks->timer);
    else
        uv_timer_start(&callbacks->timer, timer_on_fire, (uint64_t)bh_ms_max(next.ms - now.ms, 0),
                       0);
}

/* ---- life ---- */

static void
make_lanes(struct bh_callbacks *callbacks)
{
    const struct bh_config *config = callbacks->config;
    struct lane before[BH_CONFIG_QUEUES_MAX];
    size_t before_count = callbacks->lanes_count;
    memcpy(before, callbacks->lanes, sizeof(before));
    bh_callback_hosts_begin(&callbacks->hosts);
    callbacks->lanes_count = config->queues_count;
    for (size_t i = 0; i < config->queues_count; i++) {
        const struct bh_queue_config *queue = &config->queues[i];
        struct lane *lane = &callbacks->lanes[i];
        *lane = (struct lane){.look_at = bh_clock_mono()};
        for (size_t k = 0; k < before_count; k++) {
            if (strcmp(before[k].name, queue->name) == 0)
                lane->looking = before[k].looking;
        }
        (void)snprintf(lane->name, sizeof(lane->name), "%s", queue->name);
        lane->host = bh_callback_hosts_name(&callbacks->hosts,
                                            bh_callback_origin(bh_str_from(queue->callback_url)));
    }
}

static void
webpost_on_closed(void *arg)
{
    struct bh_callbacks *callbacks = arg;
    bh_shells_closed(&callbacks->shells);
}

static void
connection_on_closed(void *arg)
{
    struct bh_callbacks *callbacks = arg;
    bh_shells_close_timer(&callbacks->shells, &callbacks->timer);
    bh_shells_closed(&callbacks->shells);
}

static enum bh_status
open_shells(struct bh_callbacks *callbacks, uv_loop_t *loop, struct bh_error *error)
{
    const struct bh_redis_listener listener = {.on_closed = connection_on_closed, .arg = callbacks};
    const struct bh_webpost_options post = {
        .timeout_ms = BH_CALLBACKS_TIMEOUT_MS,
        .user_agent = "Bellhop/" BELLHOP_VERSION,
        .parallel = BH_CALLBACKS_POSTS_MAX,
        .body_bytes_max = BH_CALLBACK_BODY_MAX,
        .on_done = post_on_done,
        .on_closed = webpost_on_closed,
        .arg = callbacks,
    };
    enum bh_status status =
        bh_settings_redis(&callbacks->settings, callbacks->config, callbacks->who, error);
    if (status != BH_OK)
        return status;
    status = bh_redis_connection_init(&callbacks->connection, loop, &callbacks->settings.redis,
                                      &listener, error);
    if (status == BH_OK) {
        status = bh_webpost_new(loop, &post, &callbacks->post);
        if (status != BH_OK)
            bh_redis_connection_release(&callbacks->connection);
    }
    if (status != BH_OK)
        bh_settings_release(&callbacks->settings);
    return status;
}

enum bh_status
bh_callbacks_new(uv_loop_t *loop, const struct bh_callbacks_options *options,
                 struct bh_callbacks **ret_callbacks, struct bh_error *error)
{
    uint64_t seed = 0;
    struct bh_callbacks *callbacks = bh_alloc_zero(sizeof(*callbacks));
    if (callbacks == NULL)
        return BH_ENOMEM;
    callbacks->options = *options;
    callbacks->config = bh_config_retain(options->config);
    (void)snprintf(callbacks->who, sizeof(callbacks->who), "%s/callbacks",
                   options->config->pool.instance);
    enum bh_status status = open_shells(callbacks, loop, error);
    if (status != BH_OK) {
        bh_config_release(callbacks->config);
        bh_free(callbacks);
        return status;
    }
    /* Without it all processes spread alike, which is no harm. */
    ssize_t seeded = getrandom(&seed, sizeof(seed), 0);
    (void)seeded;
    bh_dice_init_number(&callbacks->dice, seed);
    bh_shells_expect(&callbacks->shells, 3, options->on_closed, options->arg);
    uv_timer_init(loop, &callbacks->timer);
    callbacks->timer.data = callbacks;
    make_lanes(callbacks);
    *ret_callbacks = callbacks;
    return BH_OK;
}

void
bh_callbacks_start(struct bh_callbacks *callbacks)
{
    bh_redis_connection_start(&callbacks->connection);
    plan(callbacks);
}

void
bh_callbacks_configure(struct bh_callbacks *callbacks, const struct bh_config *config)
{
    const struct bh_config *old = callbacks->config;
    callbacks->config = bh_config_retain(config);
    bh_config_release(old);
    make_lanes(callbacks);
    plan(callbacks);
}

void
bh_callbacks_stop(struct bh_callbacks *callbacks)
{
    if (callbacks->stopping)
        return;
    callbacks->stopping = true;
    callbacks->stop_at = bh_mono_add(bh_clock_mono(), STOP_GRACE_MS);
    plan(callbacks);
}

void
bh_callbacks_free(struct bh_callbacks *callbacks)
{
    if (callbacks == NULL)
        return;
    /* Posts that were cut off: nobody else holds them. */
    while (callbacks->errands != NULL) {
        BH_ASSERT(callbacks->errands->posting);
        errand_free(callbacks->errands);
    }
    bh_redis_connection_release(&callbacks->connection);
    bh_webpost_free(callbacks->post);
    bh_settings_release(&callbacks->settings);
    bh_config_release(callbacks->config);
    bh_free(callbacks);
}
