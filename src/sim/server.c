#include "sim/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/router.h"
#include "sim/wire.h"

#define READ_BYTES     (64u * 1024)
#define BACKLOG_MAX    (256u * 1024)
#define ENDLESS_BYTES  (64u * 1024)
#define KEPT_BYTES_MAX (64u * 1024)
#define LISTEN_BACKLOG 1024
#define LINGER_MS      500
#define ADDRESS_MAX    108u

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

struct connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct bh_sim_server *server; /* borrowed */
    struct connection *next, *previous;
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

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    struct bh_sim_server *server;
    struct listener *next;
    bool is_tcp;
};

struct bh_sim_server {
    struct bh_sim_world *world; /* borrowed */
    uv_loop_t *loop;            /* borrowed */
    struct listener *listeners;
    struct connection *connections;
    bool stopping;
    int64_t second; /* in which connections are being counted */
    int64_t second_count;
    char *read_buffer; /* owned; one for all: libuv reads and calls back before the next read */
    char *endless;     /* owned; a chunk for endless bodies */
};

static size_t take_bytes(struct connection *connection, const char *bytes, size_t len);
static void work(struct connection *connection);
static void finish_write(struct connection *connection);

static void
free_connection(struct connection *connection)
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
    struct connection *connection = handle->data;
    if (--connection->handles == 0)
        free_connection(connection);
}

static void
leave_flight(struct connection *connection)
{
    if (connection->in_flight)
        connection->server->world->stats.in_flight--;
    connection->in_flight = false;
}

/* `reset`: the peer sees RST instead of FIN; sockets in the file system know no RST. */
static void
close_connection(struct connection *connection, bool reset)
{
    struct bh_sim_server *server = connection->server;
    if (connection->state == CLOSING)
        return;
    connection->state = CLOSING;
    leave_flight(connection);
    server->world->stats.open--;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
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
    struct connection *connection = timer->data;
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
arm(struct connection *connection, int64_t ms)
{
    uv_timer_start(&connection->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
    struct connection *connection = handle->data;
    (void)size; /* libuv's suggestion is our size */
    *ret_buf = uv_buf_init(connection->server->read_buffer, READ_BYTES);
}

static void
on_shutdown(uv_shutdown_t *request, int status)
{
    (void)status; /* a peer that is gone already needs no FIN */
    struct connection *connection = request->data;
    if (connection->state == LINGERING && connection->peer_ended)
        close_connection(connection, false);
}

/*
 * End politely: FIN, then wait a moment for the peer's own, so that bytes of a request that were never read
 * do not turn our close into a RST that overtakes the answer.
 */
static void
linger(struct connection *connection)
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
end_connection(struct connection *connection)
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
pump(struct connection *connection)
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
    struct connection *connection = stream->data;
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
start_reading(struct connection *connection)
{
    if (connection->reading)
        return;
    connection->reading = uv_read_start(&connection->socket.stream, on_alloc, on_read) == 0;
    if (!connection->reading)
        close_connection(connection, false);
}

/* Back to READING; bytes of the next request may be there already. */
static void
next_request(struct connection *connection)
{
    leave_flight(connection);
    bh_sim_http_reset(&connection->http);
    bh_sim_exchange_clear(&connection->exchange);
    connection->head_seen = false;
    connection->stop_at_body = -1;
    connection->state = READING;
    if (connection->out.capacity > KEPT_BYTES_MAX)
        bh_sim_buf_release(&connection->out);
    arm(connection, connection->server->world->config.idle_ms);
    start_reading(connection);
    pump(connection);
}

static void
on_written(uv_write_t *request, int status)
{
    struct connection *connection = request->data;
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
write_bytes(struct connection *connection, const char *bytes, size_t len)
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
answer_is_out(struct connection *connection)
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
write_endless(struct connection *connection)
{
    uv_buf_t buf = uv_buf_init(connection->server->endless, ENDLESS_BYTES);
    connection->write.data = connection;
    if (uv_write(&connection->write, &connection->socket.stream, &buf, 1, on_written) != 0)
        close_connection(connection, false);
}

static void
write_drop(struct connection *connection)
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
finish_write(struct connection *connection)
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
breaks_off(struct connection *connection)
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
send_answer(struct connection *connection, bool close)
{
    struct bh_sim_exchange *exchange = &connection->exchange;
    connection->out.len = 0;
    struct bh_sim_wire wire =
        bh_sim_wire_print(connection->server->world, exchange, close, &connection->out);
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
work(struct connection *connection)
{
    struct bh_sim_world *world = connection->server->world;
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
    bool last = connection->requests >= world->config.requests_per_connection ||
                connection->server->stopping;
    send_answer(connection, last || !connection->http.keep_alive);
}

static void
request_is_read(struct connection *connection)
{
    struct bh_sim_world *world = connection->server->world;
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
refuse_bytes(struct connection *connection, int status)
{
    struct bh_sim_exchange *exchange = &connection->exchange;
    connection->server->world->stats.bad_requests++;
    bh_sim_exchange_clear(exchange);
    exchange->answer.status = status;
    exchange->answer.content_type = BH_SIM_TYPE_HTML;
    bh_sim_buf_printf(&exchange->answer.body, "<html><head><title>%d %s</title></head></html>\n",
                      status, bh_sim_wire_reason(status));
    send_answer(connection, true);
}

static void
begin_head(struct connection *connection)
{
    struct bh_sim_exchange *exchange = &connection->exchange;
    struct bh_sim_effect effect;
    connection->head_seen = true;
    connection->requests++;
    exchange->connection_request = connection->requests;
    if (!bh_sim_route_is_control(exchange) &&
        bh_sim_faults_at_head(connection->server->world, exchange, &effect)) {
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
body_fault_is_due(const struct connection *connection)
{
    return connection->stop_at_body > 0 &&
           (int64_t)connection->http.body.len >= connection->stop_at_body;
}

/* Returns how many bytes were used; fewer than `len` once a request is complete. */
static size_t
take_bytes(struct connection *connection, const char *bytes, size_t len)
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
        arm(connection, connection->server->world->config.request_ms);
    return used;
}

static bool
over_rate(struct bh_sim_server *server)
{
    int64_t limit = server->world->config.connections_per_second;
    int64_t second = (int64_t)(uv_now(server->loop) / 1000);
    if (second != server->second) {
        server->second = second;
        server->second_count = 0;
    }
    return limit > 0 && ++server->second_count > limit;
}

static void
read_peer(struct connection *connection)
{
    struct sockaddr_storage address;
    int len = (int)sizeof address;
    snprintf(connection->peer, sizeof connection->peer, "unix");
    if (!connection->is_tcp ||
        uv_tcp_getpeername(&connection->socket.tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    uv_ip_name((struct sockaddr *)&address, connection->peer, sizeof connection->peer);
}

static struct connection *
new_connection(struct bh_sim_server *server, bool is_tcp)
{
    struct connection *connection = bh_sim_alloc_zero(sizeof *connection);
    connection->server = server;
    connection->is_tcp = is_tcp;
    connection->stop_at_body = -1;
    bh_sim_http_reset(&connection->http);
    bh_sim_exchange_clear(&connection->exchange);
    connection->exchange.http = &connection->http;
    connection->exchange.peer = connection->peer;
    if (is_tcp)
        uv_tcp_init(server->loop, &connection->socket.tcp);
    else
        uv_pipe_init(server->loop, &connection->socket.pipe, 0);
    uv_timer_init(server->loop, &connection->timer);
    connection->socket.handle.data = connection->timer.data = connection;
    connection->handles = 2;
    connection->next = server->connections;
    if (server->connections != NULL)
        server->connections->previous = connection;
    server->connections = connection;
    struct bh_sim_stats *stats = &server->world->stats;
    if (++stats->open > stats->open_max)
        stats->open_max = stats->open;
    return connection;
}

/* Over the limit of new connections per second: refuse as configured.  True: nothing else to do. */
static bool
refuse_over_limit(struct connection *connection)
{
    struct bh_sim_world *world = connection->server->world;
    bool crowded = (int64_t)world->stats.open > world->config.connections_max;
    if (!crowded && !over_rate(connection->server))
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

static void
on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    struct bh_sim_server *server = listener->server;
    if (status < 0 || server->stopping)
        return;
    struct connection *connection = new_connection(server, listener->is_tcp);
    server->world->stats.connections++;
    if (uv_accept(stream, &connection->socket.stream) != 0) {
        close_connection(connection, false);
        return;
    }
    if (connection->is_tcp)
        (void)uv_tcp_nodelay(&connection->socket.tcp, 1); /* only speed is lost */
    read_peer(connection);
    struct bh_sim_effect effect;
    if (bh_sim_faults_at_connect(server->world, &effect)) {
        connection->exchange.effect = effect;
        if (effect.kind == BH_SIM_FAULT_DROP)
            close_connection(connection, effect.reset);
        else
            connection->state = HANGING; /* and never reads */
        return;
    }
    if (refuse_over_limit(connection))
        return;
    arm(connection, server->world->config.idle_ms);
    start_reading(connection);
}

struct bh_sim_server *
bh_sim_server_new(struct bh_sim_world *world, uv_loop_t *loop)
{
    struct bh_sim_server *server = bh_sim_alloc_zero(sizeof *server);
    server->world = world;
    server->loop = loop;
    server->read_buffer = bh_sim_alloc(READ_BYTES);
    server->endless = bh_sim_alloc(ENDLESS_BYTES);
    memset(server->endless, 'x', ENDLESS_BYTES);
    /* A valid chunk: size line of 6 bytes, data, line end. */
    memcpy(server->endless, "fff8\r\n", 6);
    memcpy(server->endless + ENDLESS_BYTES - 2, "\r\n", 2);
    return server;
}

static bool
fail(struct bh_error *ret_error, const char *address, const char *why)
{
    snprintf(ret_error->field, sizeof ret_error->field, "listen");
    snprintf(ret_error->text, sizeof ret_error->text, "cannot listen on %.100s: %s", address, why);
    return false;
}

static void
on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct listener *
new_listener(struct bh_sim_server *server, bool is_tcp)
{
    struct listener *listener = bh_sim_alloc_zero(sizeof *listener);
    listener->server = server;
    listener->is_tcp = is_tcp;
    if (is_tcp)
        uv_tcp_init(server->loop, &listener->socket.tcp);
    else
        uv_pipe_init(server->loop, &listener->socket.pipe, 0);
    listener->socket.handle.data = listener;
    return listener;
}

static bool
open_listener(struct bh_sim_server *server, struct listener *listener, const char *address,
              int bind_error, struct bh_error *ret_error)
{
    int error = bind_error;
    if (error == 0)
        error = uv_listen(&listener->socket.stream, LISTEN_BACKLOG, on_connection);
    if (error != 0) {
        uv_close(&listener->socket.handle, on_listener_closed);
        return fail(ret_error, address, uv_strerror(error));
    }
    listener->next = server->listeners;
    server->listeners = listener;
    return true;
}

static bool
is_loopback(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, address, sizeof v4);
    memcpy(&v6, address, sizeof v6);
    if (address->ss_family == AF_INET)
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* "127.0.0.1:80", "localhost:80", "[::1]:80". */
static bool
parse_address(const char *text, struct sockaddr_storage *ret_address)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || !bh_sim_str_to_int(bh_sim_str_from(colon + 1), &port) || port < 0 ||
        port > 65535)
        return false;
    char host[ADDRESS_MAX];
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || len >= sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(bracketed ? len - 2 : len),
             text + (bracketed ? 1 : 0));
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    memset(ret_address, 0, sizeof *ret_address);
    if (bracketed)
        return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)ret_address) == 0;
    return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret_address) == 0;
}

static void
print_url(const struct listener *listener, struct bh_sim_buf *ret_url)
{
    struct sockaddr_storage address;
    int len = (int)sizeof address;
    char name[INET6_ADDRSTRLEN] = "";
    if (uv_tcp_getsockname(&listener->socket.tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    uv_ip_name((struct sockaddr *)&address, name, sizeof name);
    struct sockaddr_in v4;
    memcpy(&v4, &address, sizeof v4); /* the port lies at the same place in both families */
    bh_sim_buf_printf(ret_url, address.ss_family == AF_INET6 ? "http://[%s]:%d" : "http://%s:%d",
                      name, ntohs(v4.sin_port));
}

static bool
listen_unix(struct bh_sim_server *server, const char *address, struct bh_sim_buf *ret_url,
            struct bh_error *ret_error)
{
    const char *path = address + strlen("unix:");
    if (path[0] == '\0' || strlen(path) >= ADDRESS_MAX)
        return fail(ret_error, address, "the path is empty or too long");
    struct listener *listener = new_listener(server, false);
    int error = uv_pipe_bind(&listener->socket.pipe, path);
    if (!open_listener(server, listener, address, error, ret_error))
        return false;
    bh_sim_buf_printf(ret_url, "unix:%s", path);
    return true;
}

bool
bh_sim_server_listen(struct bh_sim_server *server, const char *address, struct bh_sim_buf *ret_url,
                     struct bh_error *ret_error)
{
    struct sockaddr_storage where;
    if (strncmp(address, "unix:", 5) == 0)
        return listen_unix(server, address, ret_url, ret_error);
    if (!parse_address(address, &where))
        return fail(ret_error, address, "it is no HOST:PORT with a numeric address");
    if (!is_loopback(&where) && !server->world->config.allow_remote)
        return fail(ret_error, address, "it is no loopback address (--allow-remote permits it)");
    struct listener *listener = new_listener(server, true);
    int error = uv_tcp_bind(&listener->socket.tcp, (struct sockaddr *)&where, 0);
    if (!open_listener(server, listener, address, error, ret_error))
        return false;
    print_url(listener, ret_url);
    return true;
}

void
bh_sim_server_stop(struct bh_sim_server *server)
{
    server->stopping = true;
    while (server->listeners != NULL) {
        struct listener *listener = server->listeners;
        server->listeners = listener->next;
        uv_close(&listener->socket.handle, on_listener_closed);
    }
    while (server->connections != NULL)
        close_connection(server->connections, false);
}

void
bh_sim_server_free(struct bh_sim_server *server)
{
    free(server->read_buffer);
    free(server->endless);
    free(server);
}
