#include "redis/connection.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "redis/connection_private.h"
#include "redis/request.h"

#define PENDING_CAPACITY_FIRST 64

static struct bh_mono
now(void)
{
    return bh_mono_from_ns(uv_hrtime());
}

const struct bh_redis_error *
bh_redis_connection_error_of(const struct redisReply *reply)
{
    return bh_redis_error_find((struct bh_str){reply->str, reply->len});
}

/* ---- the turn: what has gathered is done once, after the loop's callbacks ---------------------------- */

static void check_on_turn(uv_check_t *check);

/* Its only use is to be active: then the loop polls without sleeping. */
static void
idle_on_turn(uv_idle_t *idle)
{
    (void)idle;
}

/*
 * Work is done in a check handle and not in a prepare one, because callers may themselves run in a
 * prepare callback: a prepare handle started there does not run before the loop goes to sleep.
 */
static void
want_turn(struct bh_redis_connection *conn)
{
    if (conn->turn_wanted)
        return;
    conn->turn_wanted = true;
    uv_idle_start(&conn->idle, idle_on_turn);
    uv_check_start(&conn->check, check_on_turn);
}

/* ---- asking for the end ------------------------------------------------------------------------------ */

/* The text may hold words of a stranger, and it goes to logs. */
static void
make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

void
bh_redis_connection_end_soon(struct bh_redis_connection *conn, struct bh_redis_cause cause,
                             const char *format, ...)
{
    bool running = conn->state == BH_REDIS_CONNECTING || conn->state == BH_REDIS_READY;
    /* A server that throws us out says why, and we may meet the broken pipe before its words. */
    bool better =
        conn->ending && conn->end_by == BH_REDIS_END_BY_LINK && cause.by != BH_REDIS_END_BY_US;
    if (!running && !better)
        return;

    conn->end_class = cause.class;
    conn->end_advice = cause.advice;
    conn->end_by = cause.by;
    va_list args;
    va_start(args, format);
    vsnprintf(conn->end_reason, sizeof(conn->end_reason), format, args);
    va_end(args);
    make_printable(conn->end_reason);
    if (!running)
        return;
    conn->ending = true;
    conn->was_up = conn->state == BH_REDIS_READY;
    conn->state = BH_REDIS_CLOSING;
    want_turn(conn);
}

/* A server without AUTH repeats the arguments of the command that it does not know. */
static const char *
without_password(const struct bh_redis_connection *conn, const char *text)
{
    const char *password = conn->options.url->password;
    if (password != NULL && strstr(text, password) != NULL)
        return "(its words are withheld, since they repeat the password)";
    return text;
}

void
bh_redis_connection_end_by_reply(struct bh_redis_connection *conn, const struct redisReply *reply,
                                 enum bh_redis_class least, const char *what)
{
    const struct bh_redis_error *error = bh_redis_connection_error_of(reply);
    struct bh_redis_cause cause = {
        .class = error->class, .advice = error->advice, .by = BH_REDIS_END_BY_SERVER};
    if (cause.class == BH_REDIS_OTHER)
        cause.class = least;
    bh_redis_connection_end_soon(conn, cause, "%s: %.160s (%s)", what,
                                 without_password(conn, reply->str),
                                 bh_redis_link_peer(&conn->link));
}

static void
end_short_of_memory(struct bh_redis_connection *conn)
{
    bh_redis_connection_end_soon(conn, (struct bh_redis_cause){.class = BH_REDIS_WAIT},
                                 "out of memory");
}

/* ---- the ring of commands without reply -------------------------------------------------------------- */

static struct bh_redis_pending *
pending_at(struct bh_redis_connection *conn, size_t index)
{
    return &conn->pending[(conn->pending_first + index) & (conn->pending_capacity - 1)];
}

static enum bh_status
reserve_pending(struct bh_redis_connection *conn)
{
    if (conn->pending_count < conn->pending_capacity)
        return BH_OK;
    size_t capacity =
        conn->pending_capacity > 0 ? conn->pending_capacity * 2 : PENDING_CAPACITY_FIRST;
    struct bh_redis_pending *grown = bh_alloc_array(capacity, sizeof(*grown));
    if (grown == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < conn->pending_count; i++)
        grown[i] = *pending_at(conn, i);
    bh_free(conn->pending);
    conn->pending = grown;
    conn->pending_capacity = capacity;
    conn->pending_first = 0;
    return BH_OK;
}

static struct bh_redis_pending
pop_pending(struct bh_redis_connection *conn)
{
    struct bh_redis_pending popped = *pending_at(conn, 0);
    conn->pending_first = (conn->pending_first + 1) & (conn->pending_capacity - 1);
    conn->pending_count--;
    return popped;
}

/* ---- deadlines --------------------------------------------------------------------------------------- */

static void timer_on_due(uv_timer_t *timer);

static void
set_timer(struct bh_redis_connection *conn, bh_ms delay_ms)
{
    uv_timer_start(&conn->timer, timer_on_due, (uint64_t)bh_ms_max(delay_ms, 0), 0);
}

/*
 * The timer runs for the earliest deadline seen.  Replies do not touch it: when it fires too early, the
 * commands that are open then say when it is really due.  That costs one walk per timeout's length.
 */
static void
watch_deadline(struct bh_redis_connection *conn, struct bh_mono deadline)
{
    if (conn->state != BH_REDIS_READY || deadline.ms >= conn->timer_due.ms)
        return;
    conn->timer_due = deadline;
    set_timer(conn, deadline.ms - now().ms);
}

static void
judge_deadlines(struct bh_redis_connection *conn)
{
    conn->deadline_suspected = false;
    if (conn->state != BH_REDIS_READY)
        return;
    struct bh_mono earliest = BH_MONO_NEVER;
    for (size_t i = 0; i < conn->pending_count; i++)
        earliest = bh_mono_min(earliest, pending_at(conn, i)->deadline);

    if (bh_mono_reached(earliest, now())) {
        conn->counters.timeouts++;
        bh_redis_connection_end_soon(conn, (struct bh_redis_cause){.class = BH_REDIS_WAIT},
                                     "no reply in time, %zu commands open (%s)",
                                     conn->pending_count, bh_redis_link_peer(&conn->link));
        return;
    }
    conn->timer_due = BH_MONO_NEVER;
    if (!bh_mono_is_never(earliest))
        watch_deadline(conn, earliest);
}

/* ---- sending ----------------------------------------------------------------------------------------- */

static enum bh_status
append_command(struct bh_redis_connection *conn, size_t argc, const struct bh_str *argv)
{
    size_t in_flight = bh_redis_link_in_flight(&conn->link);
    if (in_flight >= conn->options.outgoing_bytes_max)
        return BH_ETOOBIG;
    conn->outgoing.max = conn->options.outgoing_bytes_max - in_flight;
    return bh_request_append(&conn->outgoing, argc, argv);
}

enum bh_status
bh_redis_connection_submit(struct bh_redis_connection *conn, size_t argc, const struct bh_str *argv,
                           struct bh_mono deadline, bh_redis_on_reply *on_reply, void *arg)
{
    if (conn->pending_count >= conn->options.pending_max)
        return BH_ETOOBIG;
    enum bh_status status = reserve_pending(conn);
    if (status == BH_OK)
        status = append_command(conn, argc, argv);
    if (status != BH_OK)
        return status;

    conn->pending_count++;
    *pending_at(conn, conn->pending_count - 1) =
        (struct bh_redis_pending){.on_reply = on_reply, .arg = arg, .deadline = deadline};
    conn->counters.commands++;
    watch_deadline(conn, deadline);
    want_turn(conn);
    return BH_OK;
}

static void
flush(struct bh_redis_connection *conn)
{
    bool able = conn->state == BH_REDIS_CONNECTING || conn->state == BH_REDIS_READY;
    if (!able || conn->outgoing.len == 0 || bh_redis_link_is_writing(&conn->link))
        return;
    conn->counters.writes++;
    conn->counters.bytes_out += conn->outgoing.len;
    bh_redis_link_write(&conn->link, &conn->outgoing);
}

/* ---- receiving --------------------------------------------------------------------------------------- */

static void
refuse_unasked(struct bh_redis_connection *conn, const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        bh_redis_connection_end_by_reply(conn, reply, BH_REDIS_OTHER, "the server said");
    else
        bh_redis_connection_end_soon(conn, (struct bh_redis_cause){.class = BH_REDIS_OTHER},
                                     "the server sent a reply that nobody asked for (%s)",
                                     bh_redis_link_peer(&conn->link));
}

static void
deliver(struct bh_redis_connection *conn, struct redisReply *reply)
{
    if (conn->pending_count == 0) {
        refuse_unasked(conn, reply);
        bh_redis_reply_free(reply);
        return;
    }
    struct bh_redis_pending command = pop_pending(conn);
    conn->counters.replies++;
    conn->reply = reply;
    command.on_reply(command.arg, reply, NULL);
    bh_redis_reply_free(conn->reply);
    conn->reply = NULL;
}

static void
link_on_bytes(void *arg, const char *bytes, size_t len)
{
    struct bh_redis_connection *conn = arg;
    conn->counters.bytes_in += len;
    if (bh_reply_reader_feed(&conn->reader, bytes, len) != BH_OK) {
        end_short_of_memory(conn);
        return;
    }
    struct redisReply *reply;
    enum bh_status status;
    while ((status = bh_reply_reader_next(&conn->reader, &reply)) == BH_OK && reply != NULL)
        deliver(conn, reply);
    if (status != BH_OK)
        bh_redis_connection_end_soon(
            conn, (struct bh_redis_cause){.class = BH_REDIS_OTHER}, "not a reply of Redis: %s (%s)",
            bh_reply_reader_error(&conn->reader), bh_redis_link_peer(&conn->link));
}

static void
link_on_open(void *arg)
{
    bh_redis_connection_log_in(arg);
}

static void
link_on_drained(void *arg)
{
    struct bh_redis_connection *conn = arg;
    if (conn->outgoing.len > 0)
        want_turn(conn);
}

static void
link_on_broken(void *arg, bool alarm, const char *reason)
{
    static const char advice[] = "The worker does not believe that this is the Redis it should "
                                 "talk to.  It tries again slowly.  "
                                 "Correct [redis] url or tls_ca, or the server's certificate.";
    struct bh_redis_connection *conn = arg;
    struct bh_redis_cause cause = {.class = alarm ? BH_REDIS_ALARM : BH_REDIS_RECONNECT,
                                   .advice = alarm ? advice : NULL,
                                   .by = BH_REDIS_END_BY_LINK};
    bh_redis_connection_end_soon(conn, cause, "%s", reason);
}

/* ---- beginning and ending ---------------------------------------------------------------------------- */

void
bh_redis_connection_ready(struct bh_redis_connection *conn)
{
    if (conn->state != BH_REDIS_CONNECTING)
        return;
    conn->state = BH_REDIS_READY;
    conn->counters.ups++;
    conn->up_since = now();
    conn->timer_due = BH_MONO_NEVER;
    uv_timer_stop(&conn->timer);
    if (conn->listener.on_up != NULL)
        conn->listener.on_up(conn->listener.arg);
}

static void
begin_attempt(struct bh_redis_connection *conn)
{
    conn->state = BH_REDIS_CONNECTING;
    conn->ending = false;
    conn->deadline_suspected = false;
    conn->counters.attempts++;
    bh_buf_clear(&conn->outgoing);
    if (bh_reply_reader_reset(&conn->reader) != BH_OK) {
        end_short_of_memory(conn);
        return;
    }
    set_timer(conn, conn->options.connect_timeout_ms);
    bh_redis_link_open(&conn->link, conn->options.url, conn->tls_context,
                       conn->options.connect_timeout_ms);
}

static void
handle_on_close(uv_handle_t *handle)
{
    struct bh_redis_connection *conn = handle->data;
    if (--conn->handles > 0)
        return;
    conn->started = false;
    conn->stopping = false;
    conn->turn_wanted = false;
    /* The last statement: the listener may release or start us again. */
    if (conn->listener.on_closed != NULL)
        conn->listener.on_closed(conn->listener.arg);
}

static void
close_handles(struct bh_redis_connection *conn)
{
    uv_close((uv_handle_t *)&conn->timer, handle_on_close);
    uv_close((uv_handle_t *)&conn->idle, handle_on_close);
    uv_close((uv_handle_t *)&conn->check, handle_on_close);
}

static void
link_on_closed(void *arg)
{
    struct bh_redis_connection *conn = arg;
    conn->state = BH_REDIS_DOWN;
    if (conn->stopping)
        close_handles(conn);
    else
        set_timer(conn, conn->retry_after_ms);
}

static void
answer_all_with_null(struct bh_redis_connection *conn)
{
    /* Cannot grow meanwhile: nothing is accepted in CLOSING. */
    while (conn->pending_count > 0) {
        struct bh_redis_pending command = pop_pending(conn);
        conn->counters.lost++;
        command.on_reply(command.arg, NULL, conn->end_reason);
    }
}

static void
plan_retry(struct bh_redis_connection *conn)
{
    bh_ms up_ms = conn->was_up ? bh_ms_max(now().ms - conn->up_since.ms, 1) : 0;
    bool slow = conn->end_class == BH_REDIS_ALARM;
    conn->retry_after_ms =
        bh_reconnect_ended(&conn->reconnect, up_ms, slow, bh_dice_next(&conn->dice));
    if (conn->stopping)
        conn->retry_after_ms = -1;
}

/* The one function that ends a connection or an attempt. */
static void
end_connection(struct bh_redis_connection *conn)
{
    conn->ending = false;
    uv_timer_stop(&conn->timer);
    bh_redis_link_close(&conn->link);
    bh_buf_clear(&conn->outgoing);
    answer_all_with_null(conn);
    plan_retry(conn);
    if (conn->listener.on_down != NULL) {
        struct bh_redis_down down = {.reason = conn->end_reason,
                                     .advice = conn->end_advice,
                                     .class = conn->end_class,
                                     .was_up = conn->was_up,
                                     .failures = conn->reconnect.failures,
                                     .retry_after_ms = conn->retry_after_ms};
        conn->listener.on_down(conn->listener.arg, &down);
    }
    /* Else its closing calls it. */
    if (bh_redis_link_handles(&conn->link) == 0)
        link_on_closed(conn);
}

static void
check_on_turn(uv_check_t *check)
{
    struct bh_redis_connection *conn = check->data;
    conn->turn_wanted = false;
    uv_idle_stop(&conn->idle);
    uv_check_stop(&conn->check);

    if (conn->deadline_suspected)
        judge_deadlines(conn);
    if (conn->ending)
        end_connection(conn);
    else if (conn->stopping && conn->state == BH_REDIS_DOWN)
        close_handles(conn);
    else
        flush(conn);
}

static void
timer_on_due(uv_timer_t *timer)
{
    struct bh_redis_connection *conn = timer->data;
    switch (conn->state) {
    case BH_REDIS_DOWN: begin_attempt(conn); break;
    case BH_REDIS_CONNECTING:
        conn->counters.timeouts++;
        bh_redis_connection_end_soon(
            conn, (struct bh_redis_cause){.class = BH_REDIS_WAIT, .by = BH_REDIS_END_BY_LINK},
            "%s took longer than %lld ms (%s)", bh_redis_link_doing(&conn->link),
            (long long)conn->options.connect_timeout_ms, bh_redis_link_peer(&conn->link));
        break;
    case BH_REDIS_READY:
        /* Looked at behind the next poll: after a pause of our own process the reply may be waiting. */
        conn->deadline_suspected = true;
        want_turn(conn);
        break;
    case BH_REDIS_CLOSING: break;
    }
}

/* ---- for callers ------------------------------------------------------------------------------------- */

static bh_ms
ms_or(bh_ms value, bh_ms fallback)
{
    BH_ASSERT(value >= 0);
    return value > 0 ? value : fallback;
}

static size_t
size_or(size_t value, size_t fallback)
{
    return value > 0 ? value : fallback;
}

static void
fill_in_defaults(struct bh_redis_options *options)
{
    options->connect_timeout_ms = ms_or(options->connect_timeout_ms, 2 * BH_SECOND_MS);
    options->command_timeout_ms = ms_or(options->command_timeout_ms, 5 * BH_SECOND_MS);
    options->outgoing_bytes_max = size_or(options->outgoing_bytes_max, (size_t)4 * 1024 * 1024);
    options->pending_max = size_or(options->pending_max, 16384);
    options->reply_bytes_max = size_or(options->reply_bytes_max, (size_t)64 * 1024 * 1024);
    options->reply_elements_max = size_or(options->reply_elements_max, (size_t)1024 * 1024);
}

static enum bh_status
check_url(const struct bh_redis_url *url, struct bh_error *error)
{
    switch (url->kind) {
    case BH_REDIS_TCP:
    case BH_REDIS_UNIX: return BH_OK;
    case BH_REDIS_SENTINEL:
        return bh_error_set(
            error, "url",
            "this version connects to a standalone server only: instead of "
            "redis+sentinel:// write redis://HOST:PORT/DB with the master's address");
    case BH_REDIS_CLUSTER:
        return bh_error_set(
            error, "url",
            "this version connects to a standalone server only: redis+cluster:// is "
            "not supported");
    }
    return bh_error_set(error, "url", "the URL is of an unknown kind");
}

static enum bh_status
make_parts(struct bh_redis_connection *conn, struct bh_error *error)
{
    struct bh_redis_link_events events = {.on_open = link_on_open,
                                          .on_bytes = link_on_bytes,
                                          .on_drained = link_on_drained,
                                          .on_broken = link_on_broken,
                                          .on_closed = link_on_closed,
                                          .arg = conn};
    struct bh_reply_limits limits = {.bytes_max = conn->options.reply_bytes_max,
                                     .elements_max = conn->options.reply_elements_max};
    enum bh_status status = BH_OK;
    if (conn->options.url->tls)
        status = bh_tls_context_new(&conn->options.tls, &conn->tls_context, error);
    if (status == BH_OK)
        status = bh_redis_link_init(&conn->link, conn->loop, &events);
    if (status == BH_OK)
        status = bh_reply_reader_init(&conn->reader, &limits);
    return status;
}

enum bh_status
bh_redis_connection_init(struct bh_redis_connection *conn, uv_loop_t *loop,
                         const struct bh_redis_options *options,
                         const struct bh_redis_listener *listener, struct bh_error *ret_error)
{
    enum bh_status status = check_url(options->url, ret_error);
    if (status != BH_OK)
        return status;

    *conn = (struct bh_redis_connection){.loop = loop, .options = *options, .listener = *listener};
    bh_dice_init_number(&conn->dice, options->seed);
    fill_in_defaults(&conn->options);
    bh_reconnect_init(&conn->reconnect, &options->reconnect);
    bh_buf_init(&conn->outgoing, conn->options.outgoing_bytes_max);
    status = make_parts(conn, ret_error);
    if (status != BH_OK)
        bh_redis_connection_release(conn);
    return status;
}

void
bh_redis_connection_release(struct bh_redis_connection *conn)
{
    BH_ASSERT(!conn->started && conn->handles == 0);
    bh_redis_link_release(&conn->link);
    bh_reply_reader_release(&conn->reader);
    bh_tls_context_free(conn->tls_context);
    bh_buf_release(&conn->outgoing);
    bh_free(conn->pending);
    *conn = (struct bh_redis_connection){0};
}

void
bh_redis_connection_start(struct bh_redis_connection *conn)
{
    BH_ASSERT(!conn->started);
    conn->started = true;
    /* None of these three can fail. */
    BH_ASSERT(uv_timer_init(conn->loop, &conn->timer) == 0);
    BH_ASSERT(uv_idle_init(conn->loop, &conn->idle) == 0);
    BH_ASSERT(uv_check_init(conn->loop, &conn->check) == 0);
    conn->timer.data = conn;
    conn->idle.data = conn;
    conn->check.data = conn;
    conn->handles = 3;
    /* What keeps the loop from ending is the attempt, the commands and the timer, see want_turn. */
    begin_attempt(conn);
}

void
bh_redis_connection_stop(struct bh_redis_connection *conn)
{
    BH_ASSERT(conn->started);
    if (conn->stopping)
        return;
    conn->stopping = true;
    bh_redis_connection_end_soon(conn, (struct bh_redis_cause){.class = BH_REDIS_OTHER}, "stopped");
    if (conn->state == BH_REDIS_DOWN) {
        uv_timer_stop(&conn->timer);
        want_turn(conn);
    }
}

enum bh_status
bh_redis_connection_send(struct bh_redis_connection *conn, size_t argc, const struct bh_str *argv,
                         bh_ms timeout_ms, bh_redis_on_reply *on_reply, void *arg)
{
    BH_ASSERT(argc > 0 && on_reply != NULL);
    enum bh_status status = BH_EDOWN;
    if (conn->state == BH_REDIS_READY) {
        bh_ms limit_ms = ms_or(timeout_ms, conn->options.command_timeout_ms);
        status = bh_redis_connection_submit(conn, argc, argv, bh_mono_add(now(), limit_ms),
                                            on_reply, arg);
    }
    if (status != BH_OK)
        conn->counters.refused++;
    return status;
}

void
bh_redis_connection_reconnect(struct bh_redis_connection *conn, const struct bh_redis_error *error,
                              const char *reason)
{
    struct bh_redis_cause cause = {.class = BH_REDIS_RECONNECT};
    if (error != NULL)
        cause = (struct bh_redis_cause){.class = error->class, .advice = error->advice};
    bh_redis_connection_end_soon(conn, cause, "%s (%s)", reason, bh_redis_link_peer(&conn->link));
}

struct redisReply *
bh_redis_connection_take_reply(struct bh_redis_connection *conn)
{
    BH_ASSERT(conn->reply != NULL);
    struct redisReply *taken = conn->reply;
    conn->reply = NULL; /* now the caller's */
    return taken;
}

enum bh_redis_state
bh_redis_connection_state(const struct bh_redis_connection *conn)
{
    return conn->state;
}

size_t
bh_redis_connection_pending(const struct bh_redis_connection *conn)
{
    return conn->pending_count;
}

const struct bh_redis_counters *
bh_redis_connection_counters(const struct bh_redis_connection *conn)
{
    return &conn->counters;
}

unsigned
bh_redis_connection_handles(const struct bh_redis_connection *conn)
{
    return conn->handles + bh_redis_link_handles(&conn->link);
}
