#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "http/server_internal.h"

#define CONNECTIONS_MAX    64
#define BODY_BYTES_MAX     ((size_t)256 * 1024)
#define REQUEST_TIMEOUT_MS (10 * BH_SECOND_MS)
#define HEAD_BYTES_MAX     ((size_t)32 * 1024)

/* Waiting connections that the system keeps for us. */
#define BACKLOG 128

/* How often connections are looked at that may be too slow. */
#define PATROL_MS BH_SECOND_MS

/* Requests that have begun when the server stops. */
#define STOP_GRACE_MS BH_SECOND_MS

static void turn(struct bh_http_server *server);

/* ---- connections ---- */

struct bh_http_visitor *
bh_http_visitor_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static struct bh_http_visitor *
take_visitor(struct bh_http_server *server)
{
    for (unsigned i = 0; i < server->options.connections_max; i++) {
        struct bh_http_visitor *visitor = &server->visitors[i];
        if (visitor->taken)
            continue;
        *visitor = (struct bh_http_visitor){.server = server, .taken = true};
        server->visitors_count++;
        return visitor;
    }
    return NULL;
}

static bool
is_loopback(const struct sockaddr *address)
{
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address == NULL || address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(in6) ||
           (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == IN_LOOPBACKNET);
}

/* Whoever has an address of IPv6 has a network of them. */
static void
tell_address(struct MHD_Connection *connection, struct bh_http_visitor *visitor)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    visitor->address[0] = visitor->peer[0] = '\0';
    visitor->is_loopback = is_loopback(address);
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, visitor->address, BH_HTTP_ADDRESS_MAX);
        memcpy(visitor->peer, visitor->address, BH_HTTP_ADDRESS_MAX);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        struct in6_addr network = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        inet_ntop(AF_INET6, &network, visitor->peer, BH_HTTP_ADDRESS_MAX);
        if (!IN6_IS_ADDR_V4MAPPED(&network))
            memset(network.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &network, visitor->address, BH_HTTP_ADDRESS_MAX);
    }
}

static void
visitor_on_connection(void *arg, struct MHD_Connection *connection, void **context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct bh_http_server *server = arg;
    struct bh_http_visitor *visitor = *context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        visitor->taken = false;
        server->visitors_count--;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    /* There is one: connections are only taken while fewer are open than there is room for. */
    visitor = take_visitor(server);
    BH_ASSERT(visitor != NULL && info != NULL);
    visitor->fd = info->connect_fd;
    tell_address(connection, visitor);
    visitor->since = bh_mono_from_ns(uv_hrtime());
    server->counters.connections++;
    *context = visitor;
}

/* The library meets the end of the stream and closes. */
static void
cut(struct bh_http_visitor *visitor)
{
    visitor->cut = true;
    shutdown(visitor->fd, SHUT_RDWR);
}

static void
cut_the_slow(struct bh_http_server *server, struct bh_mono now)
{
    bool stop_now = server->stopping && bh_mono_reached(server->stop_at, now);
    for (unsigned i = 0; i < server->options.connections_max; i++) {
        struct bh_http_visitor *visitor = &server->visitors[i];
        if (!visitor->taken || visitor->cut)
            continue;
        bool slow =
            bh_mono_reached(bh_mono_add(visitor->since, server->options.request_timeout_ms), now);
        server->counters.timeouts += slow;
        /* Who waits for an answer of ours is not to blame, and the library does not look at it meanwhile. */
        if (visitor->ticket != 0 && (slow || stop_now))
            bh_http_visitor_refuse(visitor, slow ? 504 : 503, slow ? "took too long" : "stopping");
        else if (slow || stop_now || (server->stopping && !visitor->busy))
            cut(visitor);
    }
}

/* ---- accepting ---- */

/* True: a connection was taken, and there may be more. */
static bool
accept_one(struct bh_http_server *server)
{
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    int fd = accept(server->listen_fd, (struct sockaddr *)&from, &from_len);
    if (fd < 0) {
        server->starved = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        server->counters.starved += server->starved;
        return errno == EINTR || errno == ECONNABORTED;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* Refused for want of memory or a descriptor: the library has closed it, and the visitor tries again. */
    (void)MHD_add_connection(server->library, fd, (struct sockaddr *)&from, from_len);
    /* It may only have been put aside, and counts when the library has met it. */
    MHD_run(server->library);
    return true;
}

static void
listen_on_event(uv_poll_t *poll, int status, int events)
{
    struct bh_http_server *server = poll->data;
    (void)events;
    while (status >= 0 && server->visitors_count < server->options.connections_max &&
           accept_one(server))
        continue;
    /* Watched again unless it would only tell the same: at the bound, or out of descriptors. */
    uv_poll_stop(poll);
    server->accepting = false;
    turn(server);
}

static void
accept_again(struct bh_http_server *server)
{
    if (server->accepting || server->stopping || server->starved ||
        server->visitors_count >= server->options.connections_max)
        return;
    server->accepting = uv_poll_start(&server->listen_poll, UV_READABLE, listen_on_event) == 0;
}

/* ---- the loop ---- */

static void
handle_on_closed(uv_handle_t *handle)
{
    struct bh_http_server *server = handle->data;
    if (--server->handles > 0)
        return;
    /* Its epoll descriptor is watched no more. */
    MHD_stop_daemon(server->library);
    close(server->listen_fd);
    server->library = NULL;
    server->listen_fd = -1;
    server->port = 0;
    BH_ASSERT(server->visitors_count == 0);
    if (server->options.on_closed != NULL)
        server->options.on_closed(server->options.arg);
}

static void
close_handles(struct bh_http_server *server)
{
    uv_close((uv_handle_t *)&server->listen_poll, handle_on_closed);
    uv_close((uv_handle_t *)&server->poll, handle_on_closed);
    uv_close((uv_handle_t *)&server->timer, handle_on_closed);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_http_server *server = timer->data;
    server->starved = false;
    turn(server);
}

/* When the library wants to be called again, and while anybody is there the patrol. */
static void
arm(struct bh_http_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    uint64_t next_ms = UINT64_MAX;
    if (server->visitors_count > 0 || !server->accepting)
        next_ms = PATROL_MS;
    if (server->stopping)
        next_ms = STOP_GRACE_MS / 10;
    if (MHD_get_timeout(server->library, &wait_ms) == MHD_YES && wait_ms < next_ms)
        next_ms = wait_ms;
    if (next_ms == UINT64_MAX)
        uv_timer_stop(&server->timer);
    else
        uv_timer_start(&server->timer, timer_on_fire, next_ms, 0);
}

static void
turn(struct bh_http_server *server)
{
    if (uv_is_closing((uv_handle_t *)&server->timer))
        return;
    cut_the_slow(server, bh_mono_from_ns(uv_hrtime()));
    MHD_run(server->library);
    if (server->stopping && server->visitors_count == 0) {
        close_handles(server);
        return;
    }
    accept_again(server);
    arm(server);
}

static void
library_on_event(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data);
}

/* ---- listening ---- */

static enum bh_status
resolve(struct bh_http_server *server, struct bh_error *error)
{
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (server->address.ss_family != 0)
        return BH_OK;
    snprintf(port, sizeof(port), "%u", (unsigned)server->options.port);
    int failed = getaddrinfo(server->options.host, port, &hints, &found);
    if (failed != 0)
        return bh_error_set(error, NULL, "%s is no address of this machine (%s)",
                            bh_quote(bh_str_from(server->options.host)).text, gai_strerror(failed));
    BH_ASSERT(found->ai_addrlen <= sizeof(server->address));
    memcpy(&server->address, found->ai_addr, found->ai_addrlen);
    server->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return BH_OK;
}

static uint16_t
bound_port(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return 0;
    if (at.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
    return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

static enum bh_status
open_socket(struct bh_http_server *server, struct bh_error *error)
{
    const int on = 1;
    int fd = socket(server->address.ss_family, SOCK_STREAM, 0);
    if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&server->address, server->address_len) == 0 &&
        listen(fd, BACKLOG) == 0) {
        server->listen_fd = fd;
        server->port = bound_port(fd);
        return BH_OK;
    }
    (void)bh_error_set(error, NULL, "%s:%u: %s", server->options.host,
                       (unsigned)server->options.port, strerror(errno));
    bool foreign = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
    if (fd >= 0)
        close(fd);
    return foreign ? BH_EINVAL : BH_EIO;
}

static struct MHD_Daemon *
start_library(struct bh_http_server *server)
{
    /* It never sees the listening socket: what is accepted is ours to bound, and a lack of descriptors must not spin. */
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        bh_http_exchange_on_access, server, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, server->options.connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES_MAX, MHD_OPTION_URI_LOG_CALLBACK,
        bh_http_exchange_on_uri, server, MHD_OPTION_NOTIFY_COMPLETED, bh_http_exchange_on_completed,
        server, MHD_OPTION_NOTIFY_CONNECTION, visitor_on_connection, server, MHD_OPTION_END);
}

static void
open_handles(struct bh_http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->library, MHD_DAEMON_INFO_EPOLL_FD);
    BH_ASSERT(info != NULL);
    /* Both descriptors are fresh and good for polling; no new one is needed. */
    int failed = uv_poll_init(server->loop, &server->poll, info->epoll_fd);
    BH_ASSERT(failed == 0);
    failed = uv_poll_init_socket(server->loop, &server->listen_poll, server->listen_fd);
    BH_ASSERT(failed == 0);
    uv_timer_init(server->loop, &server->timer);
    server->poll.data = server->timer.data = server->listen_poll.data = server;
    server->handles = 3;
}

enum bh_status
bh_http_server_listen(struct bh_http_server *server, struct bh_error *error)
{
    BH_ASSERT(server->library == NULL && !server->stopping);
    enum bh_status status = resolve(server, error);
    if (status == BH_OK)
        status = open_socket(server, error);
    if (status != BH_OK)
        return status;
    server->library = start_library(server);
    if (server->library == NULL) {
        close(server->listen_fd);
        server->listen_fd = -1;
        server->port = 0;
        (void)bh_error_set(error, NULL,
                           "the HTTP library does not start: out of memory or descriptors");
        return BH_EIO;
    }
    open_handles(server);
    uv_poll_start(&server->poll, UV_READABLE, library_on_event);
    accept_again(server);
    return BH_OK;
}

/* ---- life ---- */

enum bh_status
bh_http_server_new(uv_loop_t *loop, const struct bh_http_server_options *options,
                   struct bh_http_server **ret_server)
{
    struct bh_http_server *server = bh_alloc_zero(sizeof(*server));
    if (server == NULL)
        return BH_ENOMEM;
    server->loop = loop;
    server->listen_fd = -1;
    server->options = *options;
    if (server->options.connections_max == 0)
        server->options.connections_max = CONNECTIONS_MAX;
    if (server->options.body_bytes_max == 0)
        server->options.body_bytes_max = BODY_BYTES_MAX;
    if (server->options.request_timeout_ms == 0)
        server->options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    server->host = bh_strdup(options->host);
    server->options.host = server->host;
    server->visitors = bh_alloc_array(server->options.connections_max, sizeof(*server->visitors));
    if (server->host == NULL || server->visitors == NULL) {
        bh_http_server_free(server);
        return BH_ENOMEM;
    }
    *ret_server = server;
    return BH_OK;
}

uint16_t
bh_http_server_port(const struct bh_http_server *server)
{
    return server->port;
}

const struct bh_http_counters *
bh_http_server_counters(const struct bh_http_server *server)
{
    return &server->counters;
}

unsigned
bh_http_server_connections(const struct bh_http_server *server)
{
    return server->visitors_count;
}

void
bh_http_server_answer(struct bh_http_server *server, uint64_t ticket, struct bh_http_answer *answer)
{
    for (unsigned i = 0; i < server->options.connections_max; i++) {
        struct bh_http_visitor *visitor = &server->visitors[i];
        if (!visitor->taken || ticket == 0 || visitor->ticket != ticket)
            continue;
        if (bh_buf_status(&answer->body) != BH_OK)
            answer->status = 500;
        bh_http_visitor_answer(visitor, answer);
        turn(server);
        break;
    }
    bh_buf_release(&answer->body);
}

void
bh_http_server_stop(struct bh_http_server *server)
{
    if (server->stopping)
        return;
    BH_ASSERT(server->library != NULL);
    server->stopping = true;
    server->accepting = false;
    uv_poll_stop(&server->listen_poll);
    server->stop_at = bh_mono_add(bh_mono_from_ns(uv_hrtime()), STOP_GRACE_MS);
    turn(server);
}

void
bh_http_server_free(struct bh_http_server *server)
{
    if (server == NULL)
        return;
    BH_ASSERT(server->library == NULL && server->handles == 0);
    bh_free(server->visitors);
    bh_free(server->host);
    bh_free(server);
}
