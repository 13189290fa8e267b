#include "redis/link.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/alloc.h"

#define READ_BUFFER_BYTES  ((size_t)64 * 1024)
#define PLAIN_BUFFER_BYTES ((size_t)16 * 1024) /* one TLS record */

/* A server that has vanished is noticed within half a minute, even while we ask nothing. */
#define KEEPALIVE_IDLE_S     15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT      3
#define UNACKNOWLEDGED_MS    30000

static void try_address(struct bh_redis_link *self);
static void write_tls(struct bh_redis_link *self);

static struct bh_mono
now(void)
{
    return bh_mono_from_ns(uv_hrtime());
}

enum bh_status
bh_redis_link_init(struct bh_redis_link *link, uv_loop_t *loop,
                   const struct bh_redis_link_events *events)
{
    *link = (struct bh_redis_link){.loop = loop, .events = *events};
    link->read_buffer = bh_alloc(READ_BUFFER_BYTES);
    if (link->read_buffer == NULL)
        return BH_ENOMEM;
    /* Its content comes whole from the owner's buffer, which has the bound; TLS adds a few per cent. */
    bh_buf_init(&link->in_flight, SIZE_MAX - 1);
    return BH_OK;
}

void
bh_redis_link_release(struct bh_redis_link *link)
{
    BH_ASSERT(bh_redis_link_handles(link) == 0);
    bh_buf_release(&link->in_flight);
    bh_free(link->read_buffer);
    *link = (struct bh_redis_link){0};
}

unsigned
bh_redis_link_handles(const struct bh_redis_link *link)
{
    return (unsigned)link->resolving + (unsigned)link->socket_open + (unsigned)link->timer_open;
}

/* ---- the end --------------------------------------------------------------------------------------- */

/* `what` and the address make the reason. */
static void
break_off(struct bh_redis_link *self, bool alarm, const char *what)
{
    char reason[360];
    if (self->deaf || self->closing)
        return;
    self->broken = true;
    self->deaf = true;
    snprintf(reason, sizeof(reason), "%s (%s)", what, self->peer);
    self->events.on_broken(self->events.arg, alarm, reason);
}

static void
break_off_uv(struct bh_redis_link *self, const char *doing, int error)
{
    char what[160];
    snprintf(what, sizeof(what), "%s: %s", doing, uv_strerror(error));
    break_off(self, false, what);
}

/* What the server said before it closed may still be waiting, and says more than the broken pipe. */
static void
break_off_writing(struct bh_redis_link *self, int error)
{
    if (self->broken || self->closing)
        return;
    break_off_uv(self, "writing failed", error);
    self->deaf = false;
}

/* Called whenever a handle or request has ended; the last one ends the attempt. */
static void
finish_close(struct bh_redis_link *self)
{
    if (!self->closing || bh_redis_link_handles(self) > 0)
        return;
    uv_freeaddrinfo(self->addresses);
    self->addresses = NULL;
    self->address = NULL;
    self->closing = false;
    bh_tls_release(&self->tls);
    bh_buf_clear(&self->in_flight);
    self->events.on_closed(self->events.arg);
}

static void
socket_on_close(uv_handle_t *handle)
{
    struct bh_redis_link *self = handle->data;
    self->socket_open = false;
    if (self->closing) {
        finish_close(self);
        return;
    }
    /* The address before has failed. */
    try_address(self);
}

static void
timer_on_close(uv_handle_t *handle)
{
    struct bh_redis_link *self = handle->data;
    self->timer_open = false;
    finish_close(self);
}

void
bh_redis_link_close(struct bh_redis_link *link)
{
    if (link->closing || bh_redis_link_handles(link) == 0)
        return;
    link->closing = true;
    /* Refused while a thread is at it; its callback comes in any case, and nothing is freed before. */
    if (link->resolving)
        (void)uv_cancel((uv_req_t *)&link->resolve);
    if (link->socket_open && !uv_is_closing(&link->socket.handle))
        uv_close(&link->socket.handle, socket_on_close);
    if (link->timer_open)
        uv_close((uv_handle_t *)&link->timer, timer_on_close);
}

/* ---- writing --------------------------------------------------------------------------------------- */

static void
write_on_done(uv_write_t *request, int status)
{
    struct bh_redis_link *self = request->data;
    self->writing = false;
    bh_buf_clear(&self->in_flight);
    if (self->closing || status == UV_ECANCELED)
        return;
    if (status < 0) {
        break_off_writing(self, status);
        return;
    }
    if (self->tls_context != NULL)
        write_tls(self);
    if (self->open && !self->writing)
        self->events.on_drained(self->events.arg);
}

/* Hand what is in in_flight to libuv; it stays untouched until write_on_done. */
static void
write_rest(struct bh_redis_link *self)
{
    uv_buf_t buf = {.base = self->in_flight.ptr, .len = self->in_flight.len};
    self->write.data = self;
    int error = uv_write(&self->write, &self->socket.stream, &buf, 1, write_on_done);
    if (error != 0) {
        bh_buf_clear(&self->in_flight);
        break_off_writing(self, error);
        return;
    }
    self->writing = true;
}

/* One try to write at once.  Returns how many bytes were taken, or the error. */
static int
write_now(struct bh_redis_link *self, struct bh_str bytes)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.ptr,
                               bytes.len > INT32_MAX ? INT32_MAX : (unsigned)bytes.len);
    int taken = uv_try_write(&self->socket.stream, &buf, 1);
    return taken == UV_EAGAIN ? 0 : taken;
}

static void
write_plain(struct bh_redis_link *self, struct bh_buf *bytes)
{
    int taken = write_now(self, bh_buf_str(bytes));
    if (taken < 0) {
        bh_buf_clear(bytes);
        break_off_writing(self, taken);
        return;
    }
    bh_buf_consume(bytes, (size_t)taken);
    if (bytes->len == 0)
        return;

    /* Exchanged, not copied; each keeps its own bound. */
    struct bh_buf rest = *bytes;
    rest.max = self->in_flight.max;
    size_t max = bytes->max;
    *bytes = self->in_flight;
    bytes->max = max;
    self->in_flight = rest;
    write_rest(self);
}

/* Send what OpenSSL has produced.  While a write is in flight it stays there until write_on_done. */
static void
write_tls(struct bh_redis_link *self)
{
    struct bh_str wire = bh_tls_outgoing(&self->tls);
    if (wire.len == 0 || self->writing || self->broken)
        return;
    int taken = write_now(self, wire);
    if (taken < 0) {
        break_off_writing(self, taken);
        return;
    }
    if ((size_t)taken < wire.len &&
        bh_buf_append(&self->in_flight, wire.ptr + taken, wire.len - (size_t)taken) != BH_OK) {
        bh_buf_clear(&self->in_flight);
        break_off(self, false, "out of memory");
        return;
    }
    bh_tls_outgoing_clear(&self->tls);
    if (self->in_flight.len > 0)
        write_rest(self);
}

void
bh_redis_link_write(struct bh_redis_link *link, struct bh_buf *bytes)
{
    BH_ASSERT(link->open && !link->writing);
    if (link->broken || link->closing || bytes->len == 0)
        return;
    if (link->tls_context == NULL) {
        write_plain(link, bytes);
        return;
    }
    enum bh_status status = bh_tls_encrypt(&link->tls, bytes->ptr, bytes->len);
    bh_buf_clear(bytes);
    if (status != BH_OK) {
        break_off(link, false, link->tls.reason);
        return;
    }
    write_tls(link);
}

bool
bh_redis_link_is_writing(const struct bh_redis_link *link)
{
    return link->writing;
}

size_t
bh_redis_link_in_flight(const struct bh_redis_link *link)
{
    return link->in_flight.len;
}

/* ---- reading --------------------------------------------------------------------------------------- */

static void
announce_open(struct bh_redis_link *self)
{
    self->open = true;
    self->events.on_open(self->events.arg);
}

/* One step of TLS.  False when there is nothing more to do now. */
static bool
advance_tls(struct bh_redis_link *self)
{
    char plain[PLAIN_BUFFER_BYTES];
    size_t len = 0;
    enum bh_tls_step step = bh_tls_next(&self->tls, plain, sizeof(plain), &len);
    write_tls(self);
    switch (step) {
    case BH_TLS_ESTABLISHED: announce_open(self); break;
    case BH_TLS_BYTES: self->events.on_bytes(self->events.arg, plain, len); break;
    case BH_TLS_MORE: return false;
    case BH_TLS_ENDED: break_off(self, false, "the server closed the connection"); return false;
    case BH_TLS_FAILED:
        break_off(self, self->tls.certificate_refused, self->tls.reason);
        return false;
    }
    return !self->deaf && !self->closing;
}

static void
take_bytes(struct bh_redis_link *self, const char *bytes, size_t len)
{
    if (self->tls_context == NULL) {
        self->events.on_bytes(self->events.arg, bytes, len);
        return;
    }
    if (bh_tls_feed(&self->tls, bytes, len) != BH_OK) {
        break_off(self, false, "out of memory");
        return;
    }
    while (advance_tls(self))
        continue;
}

static void
socket_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)suggested;
    struct bh_redis_link *self = handle->data;
    *ret_buf = uv_buf_init(self->read_buffer, (unsigned)READ_BUFFER_BYTES);
}

static void
socket_on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct bh_redis_link *self = stream->data;
    if (self->deaf || self->closing)
        return;
    if (count > 0)
        take_bytes(self, buf->base, (size_t)count);
    else if (count == UV_EOF)
        break_off(self, false, "the server closed the connection");
    else if (count < 0)
        break_off_uv(self, "reading failed", (int)count);
}

/* ---- connecting ------------------------------------------------------------------------------------ */

static void
begin_tls(struct bh_redis_link *self)
{
    enum bh_status status = bh_tls_start(&self->tls, self->tls_context, self->url->hosts[0].name);
    if (status != BH_OK) {
        break_off(self, false, "TLS failed: the session cannot be set up");
        return;
    }
    while (advance_tls(self))
        continue;
}

/* Best effort: a connection without these is still one, and the deadlines of commands stay. */
static void
tune_tcp(struct bh_redis_link *self)
{
    (void)uv_tcp_nodelay(&self->socket.tcp, 1);
    (void)uv_tcp_keepalive(&self->socket.tcp, 1, KEEPALIVE_IDLE_S);
    uv_os_fd_t fd;
    if (uv_fileno(&self->socket.handle, &fd) != 0)
        return;
#if defined(TCP_KEEPINTVL) && defined(TCP_KEEPCNT)
    int interval_s = KEEPALIVE_INTERVAL_S, count = KEEPALIVE_COUNT;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
#endif
#ifdef TCP_USER_TIMEOUT
    unsigned unacknowledged_ms = UNACKNOWLEDGED_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
                     sizeof(unacknowledged_ms));
#endif
}

static void
socket_stands(struct bh_redis_link *self)
{
    self->connected = true;
    uv_timer_stop(&self->timer);
    if (self->url->kind == BH_REDIS_TCP)
        tune_tcp(self);
    int error = uv_read_start(&self->socket.stream, socket_on_alloc, socket_on_read);
    if (error != 0)
        break_off_uv(self, "reading failed", error);
    else if (self->tls_context != NULL)
        begin_tls(self);
    else
        announce_open(self);
}

/* Remember why, and go on with the next address when this one's socket is closed. */
static void
give_up_address(struct bh_redis_link *self, const char *why)
{
    snprintf(self->last_reason, sizeof(self->last_reason), "%s", why);
    uv_timer_stop(&self->timer);
    if (self->addresses_left > 0) {
        self->address = self->address->ai_next;
        self->addresses_left--;
    }
    uv_close(&self->socket.handle, socket_on_close);
}

static void
connect_on_done(uv_connect_t *request, int status)
{
    struct bh_redis_link *self = request->data;
    if (self->closing || uv_is_closing(&self->socket.handle))
        return; /* given up already */
    if (status == 0)
        socket_stands(self);
    else
        give_up_address(self, uv_strerror(status));
}

static void
timer_on_share_over(uv_timer_t *timer)
{
    struct bh_redis_link *self = timer->data;
    if (self->socket_open && !self->connected && !uv_is_closing(&self->socket.handle))
        give_up_address(self, "no answer");
}

/* What is left of the owner's time is shared among the addresses that are left; the last has no share. */
static void
start_share(struct bh_redis_link *self)
{
    if (self->addresses_left < 2)
        return;
    bh_ms left_ms = self->give_up_at.ms - now().ms;
    bh_ms share_ms = bh_ms_max(left_ms / (bh_ms)self->addresses_left, 1);
    uv_timer_start(&self->timer, timer_on_share_over, (uint64_t)share_ms, 0);
}

static void
name_peer(struct bh_redis_link *self)
{
    const struct sockaddr *any = self->address->ai_addr;
    char name[64] = "?";
    (void)uv_ip_name(any, name, sizeof(name));
    if (any->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)any;
        snprintf(self->peer, sizeof(self->peer), "[%s]:%u", name, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)any;
        snprintf(self->peer, sizeof(self->peer), "%s:%u", name, ntohs(in->sin_port));
    }
}

static void
try_address(struct bh_redis_link *self)
{
    if (self->broken)
        return;
    if (self->addresses_left == 0) {
        break_off(self, false, self->last_reason);
        return;
    }
    name_peer(self);
    int error = uv_tcp_init(self->loop, &self->socket.tcp);
    if (error != 0) {
        break_off_uv(self, "no socket", error);
        return;
    }
    self->socket_open = true;
    self->socket.handle.data = self;
    self->connect.data = self;
    start_share(self);
    error =
        uv_tcp_connect(&self->connect, &self->socket.tcp, self->address->ai_addr, connect_on_done);
    if (error != 0)
        give_up_address(self, uv_strerror(error));
}

static void
connect_unix(struct bh_redis_link *self)
{
    snprintf(self->peer, sizeof(self->peer), "%s", self->url->path);
    int error = uv_pipe_init(self->loop, &self->socket.pipe, 0);
    if (error != 0) {
        break_off_uv(self, "no socket", error);
        return;
    }
    self->socket_open = true;
    self->socket.handle.data = self;
    self->connect.data = self;
    uv_pipe_connect(&self->connect, &self->socket.pipe, self->url->path, connect_on_done);
}

static void
resolve_on_done(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct bh_redis_link *self = request->data;
    self->resolving = false;
    if (self->closing || status != 0) {
        uv_freeaddrinfo(addresses);
        if (self->closing)
            finish_close(self);
        else
            break_off_uv(self, "the name cannot be resolved", status);
        return;
    }
    self->addresses = addresses;
    self->address = addresses;
    self->addresses_left = 0;
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next)
        self->addresses_left += self->addresses_left < BH_REDIS_LINK_ADDRESSES_MAX;
    try_address(self);
}

static void
resolve(struct bh_redis_link *self)
{
    const struct bh_redis_host *host = &self->url->hosts[0];
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    snprintf(port, sizeof(port), "%u", (unsigned)host->port);
    snprintf(self->peer, sizeof(self->peer), "%.64s:%u", host->name, (unsigned)host->port);

    self->resolve.data = self;
    int error =
        uv_getaddrinfo(self->loop, &self->resolve, resolve_on_done, host->name, port, &hints);
    if (error != 0)
        break_off_uv(self, "the name cannot be resolved", error);
    else
        self->resolving = true;
}

void
bh_redis_link_open(struct bh_redis_link *link, const struct bh_redis_url *url,
                   struct bh_tls_context *tls_context, bh_ms timeout_ms)
{
    BH_ASSERT(bh_redis_link_handles(link) == 0);
    link->url = url;
    link->tls_context = tls_context;
    link->connected = false;
    link->open = false;
    link->broken = false;
    link->deaf = false;
    link->last_reason[0] = '\0';
    link->addresses_left = 0;
    link->give_up_at = bh_mono_add(now(), timeout_ms);

    int error = uv_timer_init(link->loop, &link->timer);
    BH_ASSERT(error == 0); /* it has no way to fail */
    link->timer.data = link;
    link->timer_open = true;

    if (url->kind == BH_REDIS_UNIX)
        connect_unix(link);
    else
        resolve(link);
}

const char *
bh_redis_link_peer(const struct bh_redis_link *link)
{
    return link->peer;
}

const char *
bh_redis_link_doing(const struct bh_redis_link *link)
{
    if (link->resolving)
        return "resolving the name";
    if (!link->connected)
        return "connecting";
    if (!link->open)
        return "the TLS handshake";
    return "the login";
}
