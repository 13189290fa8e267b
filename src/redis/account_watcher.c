#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "redis/account.h"
#include "redis/reply_view.h"

#define BLOCK_MS         "5000"
#define BLOCK_TIMEOUT_MS ((bh_ms)7000)
#define RETRY_MS         1000

/* Reads the state, blocks in the log until anything happens or the block ends, and begins anew. */
struct bh_account_watcher {
    struct bh_account_watcher_options options;
    struct bh_account_keys keys;
    struct bh_redis_connection connection;
    uv_loop_t *loop;
    uv_timer_t timer; /* after trouble */
    bool stopping;
    bool told; /* since the connect */
    struct bh_account_view last;
};

static void watcher_read(struct bh_account_watcher *watcher);

static void
timer_on_fire(uv_timer_t *timer)
{
    watcher_read(timer->data);
}

static void
retry_later(struct bh_account_watcher *watcher)
{
    if (!watcher->stopping)
        uv_timer_start(&watcher->timer, timer_on_fire, RETRY_MS, 0);
}

static void
tell_trouble(struct bh_account_watcher *watcher, enum bh_redis_class class, const char *text,
             const char *advice)
{
    if (watcher->options.on_trouble != NULL)
        watcher->options.on_trouble(watcher->options.arg, class, text, advice);
}

static void
wait_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_account_watcher *watcher = arg;
    struct bh_str text;
    char words[256];
    (void)error_text;
    if (reply == NULL)
        return; /* on_up begins anew */
    if (!bh_reply_error(reply, &text)) {
        watcher_read(watcher);
        return;
    }
    const struct bh_redis_error *row = bh_redis_error_find(text);
    (void)snprintf(words, sizeof(words), "%.*s", (int)(text.len < 255 ? text.len : 255), text.ptr);
    tell_trouble(watcher, row->class, words, row->advice);
    if (row->class == BH_REDIS_RECONNECT)
        bh_redis_connection_reconnect(&watcher->connection, row, words);
    else
        retry_later(watcher);
}

static void
watcher_wait(struct bh_account_watcher *watcher)
{
    const struct bh_str argv[] = {
        BH_STR_LITERAL("XREAD"),        BH_STR_LITERAL("BLOCK"),
        BH_STR_LITERAL(BLOCK_MS),       BH_STR_LITERAL("STREAMS"),
        bh_str_from(watcher->keys.log), bh_str_from(watcher->last.newest),
    };
    enum bh_status status = bh_redis_connection_send(&watcher->connection, BH_ARRAY_LEN(argv), argv,
                                                     BLOCK_TIMEOUT_MS, wait_on_reply, watcher);
    if (status != BH_OK && status != BH_EDOWN)
        retry_later(watcher);
}

/* Everything but what changes with the clock. */
static bool
same_state(const struct bh_account_view *a, const struct bh_account_view *b)
{
    return a->state == b->state && strcmp(a->reason, b->reason) == 0 && a->code == b->code &&
           strcmp(a->text, b->text) == 0 && a->since.ms == b->since.ms &&
           a->balance_micro == b->balance_micro && a->balance_at.ms == b->balance_at.ms &&
           a->journal == b->journal && a->journal_at.ms == b->journal_at.ms && a->lock == b->lock &&
           a->lock_at.ms == b->lock_at.ms && strcmp(a->lock_why, b->lock_why) == 0 &&
           strcmp(a->newest, b->newest) == 0;
}

static void
read_on_answer(void *arg, enum bh_status status, const struct bh_account_view *view)
{
    struct bh_account_watcher *watcher = arg;
    if (status == BH_EDOWN || watcher->stopping)
        return;
    if (status != BH_OK) {
        tell_trouble(watcher, BH_REDIS_OTHER, bh_status_name(status), NULL);
        retry_later(watcher);
        return;
    }
    bool fresh = !watcher->told || !same_state(view, &watcher->last);
    watcher->last = *view;
    watcher->told = true;
    watcher_wait(watcher);
    if (fresh)
        watcher->options.on_change(watcher->options.arg, &watcher->last);
}

static void
watcher_read(struct bh_account_watcher *watcher)
{
    const struct bh_account_desk desk = {&watcher->connection, watcher->keys};
    enum bh_status status = bh_account_read(&desk, read_on_answer, watcher);
    if (status != BH_OK && status != BH_EDOWN)
        retry_later(watcher);
}

static void
connection_on_up(void *arg)
{
    struct bh_account_watcher *watcher = arg;
    watcher->told = false;
    watcher_read(watcher);
}

static void
connection_on_down(void *arg, const struct bh_redis_down *down)
{
    struct bh_account_watcher *watcher = arg;
    uv_timer_stop(&watcher->timer);
    if (down->retry_after_ms >= 0)
        tell_trouble(watcher, down->class, down->reason, down->advice);
}

static void
timer_on_close(uv_handle_t *handle)
{
    struct bh_account_watcher *watcher = handle->data;
    if (watcher->options.on_closed != NULL)
        watcher->options.on_closed(watcher->options.arg);
}

static void
connection_on_closed(void *arg)
{
    struct bh_account_watcher *watcher = arg;
    uv_close((uv_handle_t *)&watcher->timer, timer_on_close);
}

enum bh_status
bh_account_watcher_new(uv_loop_t *loop, const struct bh_account_watcher_options *options,
                       struct bh_account_watcher **ret_watcher, struct bh_error *ret_error)
{
    struct bh_account_watcher *watcher = bh_alloc_zero(sizeof(*watcher));
    if (watcher == NULL)
        return BH_ENOMEM;
    const struct bh_redis_listener listener = {connection_on_up, connection_on_down,
                                               connection_on_closed, watcher};
    watcher->loop = loop;
    watcher->options = *options;
    enum bh_status status = bh_account_keys_init(&watcher->keys, options->prefix, options->account);
    if (status != BH_OK)
        bh_error_set(ret_error, "account", "the account must be named by %d hex digits",
                     BH_ACCOUNT_MAX);
    else
        status = bh_redis_connection_init(&watcher->connection, loop, &watcher->options.redis,
                                          &listener, ret_error);
    if (status != BH_OK) {
        bh_free(watcher);
        return status;
    }
    *ret_watcher = watcher;
    return BH_OK;
}

void
bh_account_watcher_start(struct bh_account_watcher *watcher)
{
    uv_timer_init(watcher->loop, &watcher->timer);
    watcher->timer.data = watcher;
    bh_redis_connection_start(&watcher->connection);
}

void
bh_account_watcher_stop(struct bh_account_watcher *watcher)
{
    if (watcher->stopping)
        return;
    watcher->stopping = true;
    uv_timer_stop(&watcher->timer);
    bh_redis_connection_stop(&watcher->connection);
}

void
bh_account_watcher_release(struct bh_account_watcher *watcher)
{
    if (watcher == NULL)
        return;
    bh_redis_connection_release(&watcher->connection);
    bh_free(watcher);
}
