#include "sim/connection.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/router.h"
#include "sim/wire.h"

#define READ_BYTES     (64u * 1024)
#define BACKLOG_MAX    (256u * 1024)
#define ENDLESS_BYTES  (64u * 1024)
#define KEPT_BYTES_MAX (64u * 1024)
#define LINGER_MS      500

enum state {
    READING,
    WAITING_BEFORE,
    WAITING_AFTER,
    HANGING,
    WRITING,
    DRIPPING,
    LINGERING,
    CLOSING
};

struct bh_sim_connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct bh_sim_hub *hub; /* borrowed */
    struct bh_sim_connection *next, *previous;
    enum state state;
    bool is_tcp;
    bool reading;         /* uv_read_start is in force */
    bool peer_ended;      /* the client sent its FIN */
    bool in_flight;       /* counted as such */
    bool close_after;     /* no further request after this answer */
    bool reset_after;     /* end by RST */
    bool head_seen;       /* the faults of this head were asked */
    int64_t stop_at_body; /* bytes of the body after which an early fault acts; -1 none */
    int handles;          /* not yet closed */
    int64_t requests;
    char peer[INET6_ADDRSTRLEN];
    struct bh_sim_http http;
    struct bh_sim_exchange exchange;
    struct bh_sim_buf out;     /* owned; what is being written */
    size_t out_at;             /* of a drip */
    struct bh_sim_buf backlog; /* owned; bytes behind the request at work */
    size_t backlog_at;         /* what of it was taken */
    bool pumping;              /* a loop further up the stack takes the next request */
};

static size_t take_bytes(struct bh_sim_connection *connection, const char *bytes, size_t len);
static void work(struct bh_sim_connection *connection);
static void finish_write(struct bh_sim_connection *connection);

static void
free_connection(struct bh_sim_connection *connection)
{
    bh_sim_http_release(&connection->http);
    bh_sim_exchange_release(&connection->exchange);
    bh_sim_buf_release(&connection->out);
    bh_sim_buf_release(&connection->backlog);
    free(connection);
}

static void
on_closed(uv_handle_t *handle)
{
    struct bh_sim_connection *connection = handle->data;
    if (--connection->handles == 0)
        free_connection(connection);
}

static void
leave_flight(struct bh_sim_connection *connection)
{
    if (connection->in_flight)
        connection->hub->world->stats.in_flight--;
    connection->in_flight = false;
}

/* `reset`: the peer sees RST instead of FIN; sockets in the file system know no RST. */
static void
close_connection(struct bh_sim_connection *connection, bool reset)
{
    struct bh_sim_hub *hub = connection->hub;
    if (connection->state == CLOSING)
        return;
    connection->state = CLOSING;
    leave_flight(connection);
    hub->world->stats.open--;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        hub->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    uv_close((uv_handle_t *)&connection->timer, on_closed);
    if (reset && connection->is_tcp && uv_tcp_close_reset(&connection->socket.tcp, on_closed) == 0)
        return;
    uv_close(&connection->socket.handle, on_closed);
}

static void
on_timer(uv_timer_t *timer)
{
    struct bh_sim_connection *connection = timer->data;
    switch (connection->state) {
    case WAITING_BEFORE: work(connection); break;
    case WAITING_AFTER: finish_write(connection); break;
    case DRIPPING: finish_write(connection); break;
    case READING:
    case HANGING:
    case WRITING:
    case LINGERING: close_connection(connection, false); break;
    case CLOSING: break;
    }
}

static void
arm(struct bh_sim_connection *connection, int64_t ms)
{
    uv_timer_start(&connection->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
    struct bh_sim_connection *connection = handle->data;
    (void)size; /* libuv's suggestion is our size */
    *ret_buf = uv_buf_init(connection->hub->read_buffer, READ_BYTES);
}

static void
on_shutdown(uv_shutdown_t *request, int status)
{
    (void)status; /* a peer that is gone already needs no FIN */
    struct bh_sim_connection *connection = request->data;
    if (connection->state == LINGERING && connection->peer_ended)
        close_connection(connection, false);
}

/*
 * End politely: FIN, then wait a moment for the peer's own, so that bytes of a request that were never read
 * do not turn our close into a RST that overtakes the answer.
 */
static void
linger(struct bh_sim_connection *connection)
{
    leave_flight(connection);
    connection->state = LINGERING;
    connection->shutdown.data = connection;
    if (uv_shutdown(&connection->shutdown, &connection->socket.stream, on_shutdown) != 0) {
        close_connection(connection, false);
        return;
    }
    arm(connection, LINGER_MS);
}

static void
end_connection(struct bh_sim_connection *connection)
{
    if (connection->reset_after)
        close_connection(connection, true);
    else
        linger(connection);
}

/*
 * Take requests from the backlog while there are any and nothing is at work.  A loop, not a recursion: a
 * client may pipeline thousands.
 */
static void
pump(struct bh_sim_connection *connection)
{
    if (connection->pumping)
        return;
    connection->pumping = true;
    while (connection->state == READING && connection->backlog_at < connection->backlog.len)
        connection->backlog_at +=
            take_bytes(connection, connection->backlog.ptr + connection->backlog_at,
                       connection->backlog.len - connection->backlog_at);
    connection->pumping = false;
    if (connection->backlog_at < connection->backlog.len)
        return;
    connection->backlog_at = 0;
    if (connection->backlog.capacity > KEPT_BYTES_MAX)
        bh_sim_buf_release(&connection->backlog);
    connection->backlog.len = 0;
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct bh_sim_connection *connection = stream->data;
    if (connection->state == CLOSING)
        return;
    if (count == UV_EOF) {
        connection->peer_ended = true;
        bool idle = connection->state == READING || connection->state == HANGING ||
                    connection->state == LINGERING;
        /* Whoever half-closes after his request still gets his answer. */
        if (idle)
            close_connection(connection, false);
        else
            connection->close_after = true;
        return;
    }
    if (count < 0 && connection->state == WAITING_BEFORE) {
        /* A gateway at work does not look at its socket: it accepts, and fails to tell anybody. */
        uv_read_stop(stream);
        connection->reading = false;
        connection->close_after = true;
        return;
    }
    if (count < 0) {
        close_connection(connection, false);
        return;
    }
    size_t used = 0;
    if (connection->state == READING && connection->backlog.len == 0) {
        connection->pumping = true;
        used = take_bytes(connection, buf->base, (size_t)count);
        connection->pumping = false;
    }
    if (connection->state == LINGERING || connection->state == CLOSING)
        return;
    bh_sim_buf_append(&connection->backlog, buf->base + used, (size_t)count - used);
    pump(connection);
    if (connection->state != CLOSING && connection->backlog.len > BACKLOG_MAX &&
        connection->reading) {
        uv_read_stop(stream);
        connection->reading = false;
    }
}

static void
start_reading(struct bh_sim_connection *connection)
{
    if (connection->reading)
        return;
    connection->reading = uv_read_start(&connection->socket.stream, on_alloc, on_read) == 0;
    if (!connection->reading)
        close_connection(connection, false);
}

/* Back to READING; bytes of the next request may be there already. */
static void
next_request(struct bh_sim_connection *connection)
{
    leave_flight(connection);
    bh_sim_http_reset(&connection->http);
    bh_sim_exchange_clear(&connection->exchange);
    connection->head_seen = false;
    connection->stop_at_body = -1;
    connection->state = READING;
    if (connection->out.capacity > KEPT_BYTES_MAX)
        bh_sim_buf_release(&connection->out);
    arm(connection, connection->hub->world->config.idle_ms);
    start_reading(connection);
    pump(connection);
}

static void
on_written(uv_write_t *request, int status)
{
    struct bh_sim_connection *connection = request->data;
    if (connection->state == CLOSING)
        return;
    if (status < 0) {
        close_connection(connection, false);
        return;
    }
    finish_write(connection);
}

/* Write `len` bytes, at once if the socket takes them.  True: all written. */
static bool
write_bytes(struct bh_sim_connection *connection, const char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
    int written = uv_try_write(&connection->socket.stream, &buf, 1);
    if (written == (int)len)
        return true;
    if (written < 0 && written != UV_EAGAIN) {
        close_connection(connection, false);
        return false;
    }
    if (written > 0)
        buf = uv_buf_init(buf.base + written, (unsigned)(len - (size_t)written));
    connection->write.data = connection;
    if (uv_write(&connection->write, &connection->socket.stream, &buf, 1, on_written) != 0)
        close_connection(connection, false);
    return false;
}

/* The answer is out: next request, or the end. */
static void
answer_is_out(struct bh_sim_connection *connection)
{
    const struct bh_sim_effect *effect = &connection->exchange.effect;
    if (effect->kind == BH_SIM_FAULT_CLOSE_IDLE) {
        connection->reset_after = effect->reset;
        if (effect->ms == 0) {
            end_connection(connection);
            return;
        }
        int64_t ms = effect->ms;
        next_request(connection);
        if (connection->state == READING)
            arm(connection, ms);
        return;
    }
    if (connection->close_after)
        end_connection(connection);
    else
        next_request(connection);
}

static void
write_endless(struct bh_sim_connection *connection)
{
    uv_buf_t buf = uv_buf_init(connection->hub->endless, ENDLESS_BYTES);
    connection->write.data = connection;
    if (uv_write(&connection->write, &connection->socket.stream, &buf, 1, on_written) != 0)
        close_connection(connection, false);
}

static void
write_drop(struct bh_sim_connection *connection)
{
    if (connection->out_at >= connection->out.len) {
        answer_is_out(connection);
        return;
    }
    connection->state = DRIPPING;
    uv_buf_t buf = uv_buf_init(connection->out.ptr + connection->out_at, 1);
    int written = uv_try_write(&connection->socket.stream, &buf, 1);
    if (written < 0 && written != UV_EAGAIN) {
        close_connection(connection, false);
        return;
    }
    connection->out_at += written > 0 ? 1 : 0;
    arm(connection, connection->exchange.effect.ms > 0 ? connection->exchange.effect.ms : 10);
}

/* Called when the answer may go out, and again whenever a write has ended. */
static void
finish_write(struct bh_sim_connection *connection)
{
    enum bh_sim_fault_kind kind = connection->exchange.effect.kind;
    if (connection->state == WAITING_AFTER) {
        connection->state = WRITING;
        connection->out_at = 0;
        uv_timer_stop(&connection->timer);
        if (kind == BH_SIM_FAULT_DRIP) {
            write_drop(connection);
            return;
        }
        if (!write_bytes(connection, connection->out.ptr, connection->out.len))
            return;
    }
    if (kind == BH_SIM_FAULT_DRIP)
        write_drop(connection);
    else if (kind == BH_SIM_FAULT_ENDLESS)
        write_endless(connection);
    else
        answer_is_out(connection);
}

/* True when the effect ends the exchange without an answer. */
static bool
breaks_off(struct bh_sim_connection *connection)
{
    const struct bh_sim_effect *effect = &connection->exchange.effect;
    if (effect->kind == BH_SIM_FAULT_HANG) {
        connection->state = HANGING;
        uv_timer_stop(&connection->timer);
        return true;
    }
    if (effect->kind != BH_SIM_FAULT_DROP)
        return false;
    connection->reset_after = effect->reset;
    end_connection(connection);
    return true;
}

static void
send_answer(struct bh_sim_connection *connection, bool close)
{
    struct bh_sim_exchange *exchange = &connection->exchange;
    connection->out.len = 0;
    struct bh_sim_wire wire =
        bh_sim_wire_print(connection->hub->world, exchange, close, &connection->out);
    bh_sim_wire_spoil_bytes(&exchange->effect, &wire, &connection->out);
    connection->close_after = connection->close_after || wire.close;
    connection->reset_after = exchange->effect.reset;
    connection->state = WAITING_AFTER;
    if (exchange->effect.delay_after_ms > 0)
        arm(connection, exchange->effect.delay_after_ms);
    else
        finish_write(connection);
}

/* All is read, faults have spoken, delays before are over: let the gateway think. */
static void
work(struct bh_sim_connection *connection)
{
    struct bh_sim_world *world = connection->hub->world;
    struct bh_sim_exchange *exchange = &connection->exchange;
    bool control = bh_sim_route_is_control(exchange);
    if (exchange->effect.accept)
        bh_sim_route(world, exchange);
    if (!control) {
        bh_sim_wire_spoil_answer(world, exchange);
        bh_sim_stats_answer(world, exchange);
    }
    if (breaks_off(connection))
        return;
    bool last =
        connection->requests >= world->config.requests_per_connection || connection->hub->stopping;
    send_answer(connection, last || !connection->http.keep_alive);
}

static void
request_is_read(struct bh_sim_connection *connection)
{
    struct bh_sim_world *world = connection->hub->world;
    struct bh_sim_exchange *exchange = &connection->exchange;
    struct bh_sim_stats *stats = &world->stats;
    bh_sim_exchange_open(world, exchange);
    if (bh_sim_route_is_control(exchange)) {
        work(connection);
        return;
    }
    stats->requests++;
    connection->in_flight = true;
    if (++stats->in_flight > stats->in_flight_max)
        stats->in_flight_max = stats->in_flight;
    bh_sim_faults_at_request(world, exchange, &exchange->effect);
    exchange->effect.delay_after_ms += world->config.answer_delay_ms;
    connection->state = WAITING_BEFORE;
    if (exchange->effect.delay_before_ms > 0)
        arm(connection, exchange->effect.delay_before_ms);
    else
        work(connection);
}

/* Bytes that are no request: say so and close. */
static void
refuse_bytes(struct bh_sim_connection *connection, int status)
{
    struct bh_sim_exchange *exchange = &connection->exchange;
    connection->hub->world->stats.bad_requests++;
    bh_sim_exchange_clear(exchange);
    exchange->answer.status = status;
    exchange->answer.content_type = BH_SIM_TYPE_HTML;
    bh_sim_buf_printf(&exchange->answer.body, "<html><head><title>%d %s</title></head></html>\n",
                      status, bh_sim_wire_reason(status));
    send_answer(connection, true);
}

static void
begin_head(struct bh_sim_connection *connection)
{
    struct bh_sim_exchange *exchange = &connection->exchange;
    struct bh_sim_effect effect;
    connection->head_seen = true;
    connection->requests++;
    exchange->connection_request = connection->requests;
    if (!bh_sim_route_is_control(exchange) &&
        bh_sim_faults_at_head(connection->hub->world, exchange, &effect)) {
        exchange->effect = effect;
        connection->stop_at_body = effect.at == BH_SIM_AT_HEAD ? 0
                                   : effect.bytes > 0          ? effect.bytes
                                                               : 1;
        if (effect.at == BH_SIM_AT_HEAD) {
            breaks_off(connection);
            return;
        }
    }
    if (connection->http.expects_continue) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)go_on, sizeof go_on - 1);
        /* A socket that cannot take 25 bytes at this point leaves the client to its own timeout. */
        (void)uv_try_write(&connection->socket.stream, &buf, 1);
    }
}

static bool
body_fault_is_due(const struct bh_sim_connection *connection)
{
    return connection->stop_at_body > 0 &&
           (int64_t)connection->http.body.len >= connection->stop_at_body;
}

/* Returns how many bytes were used; fewer than `len` once a request is complete. */
static size_t
take_bytes(struct bh_sim_connection *connection, const char *bytes, size_t len)
{
    struct bh_sim_http *http = &connection->http;
    bool idle = bh_sim_http_is_idle(http);
    size_t used = 0;
    do {
        used += bh_sim_http_feed(http, bytes + used, len - used);
        if (http->state == BH_SIM_HTTP_HEAD_DONE && !connection->head_seen) {
            begin_head(connection);
            if (connection->state != READING)
                return len;
            used += bh_sim_http_feed(http, bytes + used, 0);
        }
        if (body_fault_is_due(connection)) {
            breaks_off(connection);
            return len;
        }
    } while (used < len && http->state != BH_SIM_HTTP_DONE && http->state != BH_SIM_HTTP_BAD);

    if (http->state == BH_SIM_HTTP_BAD) {
        refuse_bytes(connection, http->status);
        return len;
    }
    if (http->state == BH_SIM_HTTP_DONE)
        request_is_read(connection);
    else if (idle)
        arm(connection, connection->hub->world->config.request_ms);
    return used;
}

static bool
over_rate(struct bh_sim_hub *hub)
{
    int64_t limit = hub->world->config.connections_per_second;
    int64_t second = (int64_t)(uv_now(hub->loop) / 1000);
    if (second != hub->second) {
        hub->second = second;
        hub->second_count = 0;
    }
    return limit > 0 && ++hub->second_count > limit;
}

static void
read_peer(struct bh_sim_connection *connection)
{
    struct sockaddr_storage address;
    int len = (int)sizeof address;
    snprintf(connection->peer, sizeof connection->peer, "unix");
    if (!connection->is_tcp ||
        uv_tcp_getpeername(&connection->socket.tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    uv_ip_name((struct sockaddr *)&address, connection->peer, sizeof connection->peer);
}

static struct bh_sim_connection *
new_connection(struct bh_sim_hub *hub, bool is_tcp)
{
    struct bh_sim_connection *connection = bh_sim_alloc_zero(sizeof *connection);
    connection->hub = hub;
    connection->is_tcp = is_tcp;
    connection->stop_at_body = -1;
    bh_sim_http_reset(&connection->http);
    bh_sim_exchange_clear(&connection->exchange);
    connection->exchange.http = &connection->http;
    connection->exchange.peer = connection->peer;
    if (is_tcp)
        uv_tcp_init(hub->loop, &connection->socket.tcp);
    else
        uv_pipe_init(hub->loop, &connection->socket.pipe, 0);
    uv_timer_init(hub->loop, &connection->timer);
    connection->socket.handle.data = connection->timer.data = connection;
    connection->handles = 2;
    connection->next = hub->connections;
    if (hub->connections != NULL)
        hub->connections->previous = connection;
    hub->connections = connection;
    struct bh_sim_stats *stats = &hub->world->stats;
    if (++stats->open > stats->open_max)
        stats->open_max = stats->open;
    return connection;
}

/* Over the limit of new connections per second: refuse as configured.  True: nothing else to do. */
static bool
refuse_over_limit(struct bh_sim_connection *connection)
{
    struct bh_sim_world *world = connection->hub->world;
    bool crowded = (int64_t)world->stats.open > world->config.connections_max;
    if (!crowded && !over_rate(connection->hub))
        return false;
    world->stats.connections_refused++;
    if (crowded || world->config.over_limit == BH_SIM_OVER_REFUSE) {
        close_connection(connection, true);
        return true;
    }
    struct bh_sim_exchange *exchange = &connection->exchange;
    exchange->answer.status = world->config.over_limit == BH_SIM_OVER_429 ? 429 : 503;
    bh_sim_buf_text(&exchange->answer.headers, "Retry-After: 1\r\n");
    start_reading(connection);
    send_answer(connection, true);
    return true;
}

void
bh_sim_hub_accept(struct bh_sim_hub *hub, uv_stream_t *listener, bool is_tcp)
{
    if (hub->stopping)
        return;
    struct bh_sim_connection *connection = new_connection(hub, is_tcp);
    hub->world->stats.connections++;
    if (uv_accept(listener, &connection->socket.stream) != 0) {
        close_connection(connection, false);
        return;
    }
    if (connection->is_tcp)
        (void)uv_tcp_nodelay(&connection->socket.tcp, 1); /* only speed is lost */
    read_peer(connection);
    struct bh_sim_effect effect;
    if (bh_sim_faults_at_connect(hub->world, &effect)) {
        connection->exchange.effect = effect;
        if (effect.kind == BH_SIM_FAULT_DROP)
            close_connection(connection, effect.reset);
        else
            connection->state = HANGING; /* and never reads */
        return;
    }
    if (refuse_over_limit(connection))
        return;
    arm(connection, hub->world->config.idle_ms);
    start_reading(connection);
}

void
bh_sim_hub_init(struct bh_sim_hub *hub, struct bh_sim_world *world, uv_loop_t *loop)
{
    *hub = (struct bh_sim_hub){.world = world, .loop = loop};
    hub->read_buffer = bh_sim_alloc(READ_BYTES);
    hub->endless = bh_sim_alloc(ENDLESS_BYTES);
    memset(hub->endless, 'x', ENDLESS_BYTES);
    /* A valid chunk: size line of 6 bytes, data, line end. */
    memcpy(hub->endless, "fff8\r\n", 6);
    memcpy(hub->endless + ENDLESS_BYTES - 2, "\r\n", 2);
}

void
bh_sim_hub_stop(struct bh_sim_hub *hub)
{
    hub->stopping = true;
    while (hub->connections != NULL)
        close_connection(hub->connections, false);
}

void
bh_sim_hub_release(struct bh_sim_hub *hub)
{
    free(hub->read_buffer);
    free(hub->endless);
}
