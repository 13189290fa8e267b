#include "redis/store_private.h"

#include "redis/reply_view.h"

/* Blocks in the server; a longer block would leave a half-open connection unnoticed for longer. */
#define BLOCK_SECONDS    "5"
#define BLOCK_TIMEOUT_MS ((bh_ms)7000)

/* Without a blocking read (no connection, or memory is full) the caller polls at this distance. */
#define POLL_MS ((bh_ms)1000)

static void
plan_wake(struct bh_line *line, bh_ms delay)
{
    line->waiter.wake_at = bh_mono_add(bh_store_now(line->store), delay);
    bh_store_arm(line->store);
}

void
bh_waiter_wake(struct bh_line *line)
{
    struct bh_waiter *waiter = &line->waiter;
    size_t open = waiter->open;
    waiter->wake_at = BH_MONO_NEVER;
    waiter->lost = false;
    waiter->open = 0; /* before the events: their receiver may wait again at once */
    for (; open > 0; open--) {
        struct bh_event event = {.kind = BH_EVENT_WOKEN, .queue = waiter->queue};
        bh_store_emit(line->store, &event);
    }
}

void
bh_waiter_wake_due(struct bh_store *store, struct bh_mono now)
{
    store->walks++;
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (bh_mono_reached(line->waiter.wake_at, now))
            bh_waiter_wake(line);
    }
    store->walks--;
    bh_line_sweep(store);
}

/* Something, nothing within the block's time, or an error: all but the last mean "look again now". */
static void
wait_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_line *line = arg;
    struct bh_str text;
    (void)error_text;
    line->waiter.sent = false;
    if (line->waiter.open == 0)
        return;
    if (reply == NULL) {
        line->waiter.lost = true;
        plan_wake(line, POLL_MS);
    } else if (bh_reply_error(reply, &text)) {
        (void)bh_store_error(line->store, &line->waiter.connection, "wait", text);
        plan_wake(line, POLL_MS);
    } else {
        bh_waiter_wake(line);
    }
}

/* A read whose answer was lost may have moved a job aside, which another read would not notice. */
static void
wait_on_up(void *arg)
{
    struct bh_line *line = arg;
    if (line->waiter.lost) {
        bh_waiter_wake(line);
        return;
    }
    line->waiter.wake_at = BH_MONO_NEVER; /* it was set for want of this connection */
    bh_waiter_pump(line);
}

static void
wait_on_down(void *arg, const struct bh_redis_down *down)
{
    struct bh_line *line = arg;
    if (down->retry_after_ms >= 0)
        bh_store_trouble(line->store, down->class, "waiting connection", down->reason,
                         down->advice);
    if (line->waiter.open > 0 && bh_mono_is_never(line->waiter.wake_at))
        plan_wake(line, POLL_MS);
}

static void
wait_on_closed(void *arg)
{
    struct bh_line *line = arg;
    struct bh_store *store = line->store;
    line->waiter.started = false;
    bh_redis_connection_release(&line->waiter.connection);
    line->waiter.initialised = false;
    if (store->stopping) {
        bh_store_maybe_closed(store);
        return;
    }
    /* Configured again while its connection closed: the next WAIT makes a new one. */
    if (!line->gone && line->waiter.open > 0)
        bh_waiter_pump(line);
    bh_line_sweep(store);
}

/* The connection is made at the first WAIT: many queues never wait alone. */
static bool
is_connecting(struct bh_line *line)
{
    struct bh_waiter *waiter = &line->waiter;
    struct bh_redis_options options = line->store->options.redis;
    const struct bh_redis_listener listener = {wait_on_up, wait_on_down, wait_on_closed, line};
    if (waiter->started)
        return true;
    if (line->gone || line->store->stopping)
        return false;
    options.seed += line->config.number + 1;
    if (bh_redis_connection_init(&waiter->connection, line->store->loop, &options, &listener,
                                 NULL) != BH_OK)
        return false;
    waiter->initialised = true;
    waiter->started = true;
    bh_redis_connection_start(&waiter->connection);
    return true;
}

static bool
send_wait(struct bh_line *line)
{
    const struct bh_str argv[] = {
        BH_STR_LITERAL("BLMOVE"),
        bh_queue_key(&line->keys, BH_KEY_RAW),
        bh_queue_key(&line->keys, BH_KEY_IN),
        BH_STR_LITERAL("RIGHT"),
        BH_STR_LITERAL("LEFT"),
        BH_STR_LITERAL(BLOCK_SECONDS),
    };
    struct bh_redis_connection *connection = &line->waiter.connection;
    if (bh_redis_connection_state(connection) != BH_REDIS_READY)
        return false;
    line->store->counters.commands++;
    return bh_redis_connection_send(connection, BH_ARRAY_LEN(argv), argv, BLOCK_TIMEOUT_MS,
                                    wait_on_reply, line) == BH_OK;
}

void
bh_waiter_pump(struct bh_line *line)
{
    struct bh_waiter *waiter = &line->waiter;
    /* Once a wake-up is planned, it is what ends the wait: a read that was refused would be refused again. */
    if (waiter->open == 0 || waiter->sent || !bh_mono_is_never(waiter->wake_at))
        return;
    if (line->store->up && is_connecting(line) && send_wait(line)) {
        waiter->sent = true;
    } else {
        plan_wake(line, POLL_MS);
    }
}

void
bh_waiter_add(struct bh_line *line, unsigned queue)
{
    line->waiter.open++;
    line->waiter.queue = queue;
}

void
bh_waiter_stop(struct bh_line *line)
{
    if (line->waiter.started)
        bh_redis_connection_stop(&line->waiter.connection);
    if (line->waiter.open > 0)
        plan_wake(line, 0);
}
