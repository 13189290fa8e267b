#include "redis/store_private.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"

/* When asking again makes sense, by what went wrong. */
#define SOON_MS   ((bh_ms)250)
#define SLOWLY_MS ((bh_ms)1000)

/* ---- the clock and the timer --------------------------------------------------------------------- */

struct bh_mono
bh_store_now(const struct bh_store *store)
{
    if (store->options.now != NULL)
        return store->options.now(store->options.arg);
    return bh_mono_from_ns(uv_hrtime());
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_store *store = timer->data;
    struct bh_mono now = bh_store_now(store);
    bh_batch_answer_late(store, false);
    bh_waiter_wake_due(store, now);
    if (bh_mono_reached(store->proceed_at, now))
        bh_store_proceed(store);
    bh_store_arm(store);
}

void
bh_store_arm(struct bh_store *store)
{
    struct bh_mono at = bh_mono_min(bh_batch_late_at(store), store->proceed_at);
    if (!store->started || store->connection_closed)
        return;
    for (const struct bh_line *line = store->lines; line != NULL; line = line->next)
        at = bh_mono_min(at, line->waiter.wake_at);
    if (bh_mono_is_never(at)) {
        uv_timer_stop(&store->timer);
        return;
    }
    /* The loop's own clock may be behind by the length of this turn; without this we would wake too early. */
    uv_update_time(store->loop);
    uv_timer_start(&store->timer, timer_on_fire,
                   (uint64_t)bh_ms_max(0, at.ms - bh_store_now(store).ms), 0);
}

/* ---- telling ------------------------------------------------------------------------------------- */

void
bh_store_emit(struct bh_store *store, const struct bh_event *event)
{
    if (event->kind != BH_EVENT_STORE_UP && event->kind != BH_EVENT_STORE_DOWN) {
        BH_ASSERT(store->open > 0);
        store->open--;
    }
    store->options.on_event(store->options.arg, event);
}

void
bh_store_trouble(struct bh_store *store, enum bh_redis_class class, const char *what,
                 const char *text, const char *advice)
{
    const struct bh_store_trouble trouble = {class, what, text, advice};
    if (store->options.on_trouble != NULL)
        store->options.on_trouble(store->options.arg, &trouble);
}

bh_ms
bh_store_error(struct bh_store *store, struct bh_redis_connection *connection, const char *what,
               struct bh_str text)
{
    const struct bh_redis_error *row = bh_redis_error_find(text);
    char words[256];
    (void)snprintf(words, sizeof(words), "%.*s", (int)(text.len < 255 ? text.len : 255), text.ptr);
    store->counters.errors++;
    bh_store_trouble(store, row->class, what, words, row->advice);
    switch (row->class) {
    case BH_REDIS_RECONNECT: bh_redis_connection_reconnect(connection, row, words); return 0;
    case BH_REDIS_WAIT: return SOON_MS;
    case BH_REDIS_LOAD_SCRIPT: return SOON_MS;
    case BH_REDIS_FULL:
    case BH_REDIS_ALARM:
    case BH_REDIS_OTHER: break;
    }
    return SLOWLY_MS;
}

bh_ms
bh_store_garbled(struct bh_store *store, const char *what)
{
    store->counters.garbled++;
    bh_store_trouble(store, BH_REDIS_OTHER, what, "the reply is not what the script gives",
                     "Something else answers in the place of Redis, or our scripts were replaced.  "
                     "The worker tries again slowly.");
    return SLOWLY_MS;
}

/* ---- coming up ----------------------------------------------------------------------------------- */

static void
loads_done(struct bh_store *store)
{
    store->loaded = !store->load_failed;
    if (store->loaded) {
        bh_store_proceed(store);
        return;
    }
    store->proceed_at = bh_mono_add(bh_store_now(store), store->load_retry_ms);
    bh_store_arm(store);
}

static void
load_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_store *store = arg;
    struct bh_str text;
    (void)error_text;
    store->loads_pending--;
    if (reply == NULL)
        return; /* on_down follows and begins anew */
    if (bh_reply_error(reply, &text)) {
        store->load_failed = true;
        store->load_retry_ms =
            bh_ms_max(SOON_MS, bh_store_error(store, &store->connection, "script load", text));
    }
    if (store->loads_pending == 0)
        loads_done(store);
}

static void
load_scripts(struct bh_store *store)
{
    store->load_failed = false;
    for (size_t i = 0; i < BH_SCRIPT_COUNT; i++) {
        if (bh_script_load(&store->connection, (enum bh_script_id)i, load_on_reply, store) ==
            BH_OK) {
            store->loads_pending++;
            store->counters.commands++;
        } else {
            store->load_failed = true;
            store->load_retry_ms = SLOWLY_MS;
        }
    }
    if (store->loads_pending == 0)
        loads_done(store);
}

/* True when all leases have been looked at; else asks for the next pages. */
static bool
adopt_all(struct bh_store *store)
{
    bool all = true;
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (line->gone || line->adopted)
            continue;
        all = false;
        if (!line->adopting)
            bh_line_adopt(line);
    }
    return all;
}

void
bh_store_proceed(struct bh_store *store)
{
    store->proceed_at = BH_MONO_NEVER;
    if (store->stopping || store->loads_pending > 0 ||
        bh_redis_connection_state(&store->connection) != BH_REDIS_READY)
        return;
    if (!store->loaded) {
        load_scripts(store);
        return;
    }
    if (adopt_all(store) && !store->up) {
        store->up = true;
        store->counters.ups++;
        bh_store_emit(store, &(struct bh_event){.kind = BH_EVENT_STORE_UP});
    }
    if (store->up)
        bh_store_flush(store); /* claims that waited for an adoption */
}

/* Every open command is answered, then the store is down. */
static void
go_down(struct bh_store *store)
{
    bool was_up = store->up;
    store->up = false;
    store->loaded = false;
    store->proceed_at = BH_MONO_NEVER;
    for (struct bh_line *line = store->lines; line != NULL; line = line->next)
        bh_line_down(line);
    bh_batch_answer_late(store, true);
    store->walks++;
    for (struct bh_line *line = store->lines; line != NULL; line = line->next)
        bh_waiter_wake(line);
    store->walks--;
    bh_line_sweep(store);
    if (was_up)
        bh_store_emit(store, &(struct bh_event){.kind = BH_EVENT_STORE_DOWN});
}

static void
connection_on_up(void *arg)
{
    bh_store_proceed(arg);
}

static void
connection_on_down(void *arg, const struct bh_redis_down *down)
{
    struct bh_store *store = arg;
    if (down->retry_after_ms >= 0)
        bh_store_trouble(store, down->class, "connection", down->reason, down->advice);
    go_down(store);
}

static void
timer_on_close(uv_handle_t *handle)
{
    struct bh_store *store = handle->data;
    store->timer_closed = true;
    bh_store_maybe_closed(store);
}

static void
connection_on_closed(void *arg)
{
    struct bh_store *store = arg;
    go_down(store);
    store->connection_closed = true;
    uv_close((uv_handle_t *)&store->timer, timer_on_close);
}

void
bh_store_maybe_closed(struct bh_store *store)
{
    if (!store->connection_closed || !store->timer_closed || store->closed_told)
        return;
    for (const struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (line->waiter.started)
            return;
    }
    store->closed_told = true;
    if (store->options.on_closed != NULL)
        store->options.on_closed(store->options.arg);
}

/* ---- making and configuring ---------------------------------------------------------------------- */

static bool
is_owner(const char *owner)
{
    size_t length = owner != NULL ? strlen(owner) : 0;
    if (length == 0 || length > BH_STORE_OWNER_MAX || strcmp(owner, "-") == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (owner[i] <= ' ' || owner[i] > '~')
            return false;
    }
    return true;
}

/* NULL, or what the script `adopt` takes for a life. */
static bool
is_life(const char *life)
{
    size_t length = life != NULL ? strlen(life) : 1;
    return length >= 1 && length <= BH_STORE_LIFE_MAX &&
           (life == NULL || strspn(life, "0123456789abcdefghijklmnopqrstuvwxyz") == length);
}

static enum bh_status
check_options(const struct bh_store_options *options, struct bh_error *ret_error)
{
    struct bh_account_keys keys;
    if (!bh_key_prefix_valid(bh_str_from(options->prefix)))
        return bh_error_set(ret_error, "prefix",
                            "prefix must be 1 to %d printable characters without blanks and braces",
                            BH_KEY_PREFIX_MAX);
    if (!is_owner(options->owner) || !is_life(options->life))
        return bh_error_set(ret_error, "instance",
                            "the worker's name must be 1 to %d printable characters without blanks",
                            BH_STORE_OWNER_MAX);
    if (bh_account_keys_init(&keys, options->prefix, options->account) != BH_OK)
        return bh_error_set(ret_error, "account", "the account must be named by %d hex digits",
                            BH_ACCOUNT_MAX);
    return BH_OK;
}

enum bh_status
bh_store_new(uv_loop_t *loop, const struct bh_store_options *options, struct bh_store **ret_store,
             struct bh_error *ret_error)
{
    enum bh_status status = check_options(options, ret_error);
    if (status != BH_OK)
        return status;
    struct bh_store *store = bh_alloc_zero(sizeof(*store));
    if (store == NULL)
        return BH_ENOMEM;
    store->loop = loop;
    store->options = *options;
    store->proceed_at = BH_MONO_NEVER;
    (void)snprintf(store->prefix, sizeof(store->prefix), "%s", options->prefix);
    bool lives = options->life != NULL;
    (void)snprintf(store->owner, sizeof(store->owner), "%s%s%s", options->owner, lives ? "#" : "",
                   lives ? options->life : "");
    status = bh_account_keys_init(&store->account_keys, options->prefix, options->account);
    BH_ASSERT(status == BH_OK);

    const struct bh_redis_listener listener = {connection_on_up, connection_on_down,
                                               connection_on_closed, store};
    status = bh_redis_connection_init(&store->connection, loop, &store->options.redis, &listener,
                                      ret_error);
    if (status != BH_OK) {
        bh_free(store);
        return status;
    }
    *ret_store = store;
    return BH_OK;
}

void
bh_store_set_past(struct bh_store *store, const char *life)
{
    BH_ASSERT(life[0] == '\0' || is_life(life));
    (void)snprintf(store->past, sizeof(store->past), "%s", life);
}

static bool
queues_valid(const struct bh_store_queue *queues, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!bh_queue_name_valid(bh_str_from(queues[i].name)) ||
            queues[i].number >= BH_CONFIG_QUEUE_NUMBERS_MAX)
            return false;
        for (size_t k = 0; k < i; k++) {
            if (queues[k].number == queues[i].number || strcmp(queues[k].name, queues[i].name) == 0)
                return false;
        }
    }
    return true;
}

/* Lines for the names that have none yet; all or nothing. */
static enum bh_status
make_lines(struct bh_store *store, const struct bh_store_queue *queues, size_t count)
{
    struct bh_line *fresh = NULL;
    for (size_t i = 0; i < count; i++) {
        if (bh_line_by_name(store, queues[i].name) != NULL)
            continue;
        struct bh_line *line = bh_line_new(store, &queues[i]);
        if (line == NULL) {
            while (fresh != NULL) {
                struct bh_line *next = fresh->next;
                bh_line_free(fresh);
                fresh = next;
            }
            return BH_ENOMEM;
        }
        line->next = fresh;
        fresh = line;
    }
    while (fresh != NULL) {
        struct bh_line *next = fresh->next;
        fresh->next = store->lines;
        store->lines = fresh;
        fresh = next;
    }
    return BH_OK;
}

enum bh_status
bh_store_configure(struct bh_store *store, const struct bh_store_queue *queues, size_t count)
{
    if (!queues_valid(queues, count))
        return BH_EINVAL;
    if (make_lines(store, queues, count) != BH_OK)
        return BH_ENOMEM;
    for (struct bh_line *line = store->lines; line != NULL; line = line->next)
        line->gone = true;
    for (size_t i = 0; i < count; i++)
        bh_line_configure(bh_line_by_name(store, queues[i].name), &queues[i]);
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (line->gone)
            bh_waiter_stop(line);
    }
    bh_line_sweep(store);
    if (store->started && !store->stopping) {
        store->proceed_at = bh_store_now(store);
        bh_store_arm(store);
    }
    return BH_OK;
}

void
bh_store_set_account(struct bh_store *store, const char *account,
                     const struct bh_store_limit *limits)
{
    enum bh_status status = bh_account_keys_init(&store->account_keys, store->prefix, account);
    BH_ASSERT(status == BH_OK);
    memcpy(store->options.limits, limits, sizeof(store->options.limits));
}

/* ---- life ---------------------------------------------------------------------------------------- */

void
bh_store_start(struct bh_store *store)
{
    BH_ASSERT(!store->started);
    store->started = true;
    uv_timer_init(store->loop, &store->timer);
    store->timer.data = store;
    bh_redis_connection_start(&store->connection);
}

static unsigned
queue_of(const struct bh_command *command)
{
    switch (command->kind) {
    case BH_COMMAND_CLAIM: return command->claim.queue;
    case BH_COMMAND_WAIT: return command->wait_queue;
    case BH_COMMAND_ADMIT: return command->admit.claim.queue;
    case BH_COMMAND_SETTLE: return command->settle.claim.queue;
    case BH_COMMAND_RENEW: return command->renew.claim.queue;
    case BH_COMMAND_TWIN: return command->twin.queue;
    case BH_COMMAND_GRANT:
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: break;
    }
    BH_ASSERT(false && "a command about a queue");
    return 0;
}

enum bh_status
bh_store_execute(struct bh_store *store, const struct bh_command *command)
{
    struct bh_line *line = NULL;
    if (store->stopping || !store->started)
        return BH_EDOWN;
    if (command->kind == BH_COMMAND_CLAIM || command->kind == BH_COMMAND_WAIT)
        line = bh_line_by_number(store, queue_of(command));
    else if (command->kind != BH_COMMAND_GRANT)
        line = bh_line_in_hand(store, queue_of(command));
    if (command->kind != BH_COMMAND_WAIT || line == NULL)
        return bh_batch_take(store, line, command);
    bh_waiter_add(line, command->wait_queue);
    store->open++;
    return BH_OK;
}

void
bh_store_flush(struct bh_store *store)
{
    bh_batch_flush(store);
    for (struct bh_line *line = store->lines; line != NULL; line = line->next)
        bh_waiter_pump(line);
}

void
bh_store_reopen(struct bh_store *store)
{
    static const char reason[] = "opened anew, because an answer is missing";
    if (!store->started || store->stopping)
        return;
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (line->waiter.started)
            bh_redis_connection_reconnect(&line->waiter.connection, NULL, reason);
    }
    bh_redis_connection_reconnect(&store->connection, NULL, reason);
}

bool
bh_store_is_up(const struct bh_store *store)
{
    return store->up;
}

size_t
bh_store_open(const struct bh_store *store)
{
    return store->open;
}

const struct bh_store_counters *
bh_store_counters(const struct bh_store *store)
{
    return &store->counters;
}

void
bh_store_stop(struct bh_store *store)
{
    BH_ASSERT(store->started);
    if (store->stopping)
        return;
    store->stopping = true;
    bh_redis_connection_stop(&store->connection);
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (line->waiter.started)
            bh_redis_connection_stop(&line->waiter.connection);
    }
}

void
bh_store_release(struct bh_store *store)
{
    if (store == NULL)
        return;
    BH_ASSERT(!store->started || store->closed_told);
    while (store->lines != NULL) {
        struct bh_line *line = store->lines;
        store->lines = line->next;
        bh_line_free(line);
    }
    bh_redis_connection_release(&store->connection);
    bh_free(store);
}
