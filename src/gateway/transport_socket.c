#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "gateway/transport_internal.h"

/* libuv's watch on one socket of the library; freed in its close callback. */
struct watch {
    uv_poll_t poll;
    struct bh_gateway_transport *transport;
    curl_socket_t fd;
    int events; /* that the library waits for */
    unsigned errors;
};

/* So often a broken socket may be read on; an answer within our bound needs far fewer turns. */
#define ERRORS_MAX 1000

static void
act(struct bh_gateway_transport *transport, curl_socket_t fd, int events)
{
    int running;
    bh_gateway_transport_awake(transport);
    /* The code is about the whole multi handle; failures of single requests come as messages. */
    (void)curl_multi_socket_action(transport->multi, fd, events, &running);
    bh_gateway_transport_drain(transport);
}

static int
flags_of(int events)
{
    return ((events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
           ((events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);
}

/*
 * A broken socket is told as an error and as ready, because an answer may have come before the break and
 * still be there to be read.  (Told as an error alone the library gives up without a look.)  libuv has
 * stopped the watch by then; it goes on until the library has met the error itself.
 */
static void
watch_on_event(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    if (status >= 0) {
        act(watch->transport, watch->fd, flags_of(events));
        return;
    }
    bool is_hopeless = ++watch->errors > ERRORS_MAX;
    int flags = is_hopeless ? CURL_CSELECT_ERR : CURL_CSELECT_ERR | flags_of(watch->events);
    act(watch->transport, watch->fd, flags);
    /* A closed watch is freed in a later phase of this turn, so it may still be looked at. */
    if (!uv_is_closing((uv_handle_t *)poll))
        uv_poll_start(poll, watch->events, watch_on_event);
}

static void
watch_on_close(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct bh_gateway_transport *transport = watch->transport;
    bh_free(watch);
    transport->open_handles--;
    if (transport->is_closing)
        bh_gateway_transport_do_later(transport);
}

static struct watch *
watch_open(struct bh_gateway_transport *transport, curl_socket_t fd)
{
    struct watch *watch = bh_alloc_zero(sizeof(*watch));
    if (watch == NULL)
        return NULL;
    if (uv_poll_init_socket(transport->loop, &watch->poll, fd) != 0) {
        bh_free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->transport = transport;
    watch->fd = fd;
    transport->open_handles++;
    return watch;
}

static void
watch_close(struct watch *watch)
{
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, watch_on_close);
}

/* Without a watch the request would hang until its timeout: end it now. */
static void
doom(CURL *easy)
{
    char *private = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private) != CURLE_OK || private == NULL)
        return;
    struct bh_gateway_sending *request = (struct bh_gateway_sending *)(void *)private;
    request->doom = BH_TROUBLE_INTERNAL;
    bh_gateway_transport_do_later(request->transport);
}

static int
multi_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct bh_gateway_transport *transport = arg;
    struct watch *watch = socket_arg;

    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            curl_multi_assign(transport->multi, fd, NULL);
            watch_close(watch);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = watch_open(transport, fd);
        if (watch == NULL) {
            doom(easy);
            return 0;
        }
        curl_multi_assign(transport->multi, fd, watch);
    }
    int events = ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
    watch->events = events;
    if (uv_poll_start(&watch->poll, events, watch_on_event) != 0)
        doom(easy);
    return 0;
}

static void
timer_on_timeout(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* Only arms, for 0 ms too: the library must not be called from its own callback. */
static int
multi_on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct bh_gateway_transport *transport = arg;
    (void)multi;
    transport->wanted_at_ns = timeout_ms < 0 ? 0 : uv_hrtime() + (uint64_t)timeout_ms * 1000000;
    if (timeout_ms < 0)
        uv_timer_stop(&transport->timer);
    else
        uv_timer_start(&transport->timer, timer_on_timeout, (uint64_t)timeout_ms, 0);
    return 0;
}

enum bh_status
bh_gateway_transport_open_multi(struct bh_gateway_transport *transport)
{
    CURLM *multi = curl_multi_init();
    if (multi == NULL)
        return BH_ENOMEM;
    long max = (long)transport->options.max_connections;
    bool ok = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, multi_on_socket) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transport) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, multi_on_timer) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_TIMERDATA, transport) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, max) == CURLM_OK;
    if (!ok) {
        curl_multi_cleanup(multi);
        return BH_ENOMEM;
    }
    transport->multi = multi;
    return BH_OK;
}

/* ---- connections --------------------------------------------------------------------------------- */

static void
connection_forget(struct bh_gateway_connection **link)
{
    struct bh_gateway_connection *connection = *link;
    *link = connection->next;
    if (connection->user != NULL)
        connection->user->connection = NULL;
    connection->transport->stats.open_connections--;
    bh_free(connection);
}

/*
 * The library has been seen to close a socket without a word, when a process slept for longer than it may take
 * to connect.  Its number is then given out again.
 */
static void
connections_forget_closed(struct bh_gateway_transport *transport, int fd)
{
    struct bh_gateway_connection **link = &transport->connections;
    while (*link != NULL) {
        if ((*link)->fd == fd)
            connection_forget(link);
        else
            link = &(*link)->next;
    }
}

static curl_socket_t
connection_on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct bh_gateway_sending *request = arg;
    struct bh_gateway_transport *transport = request->transport;
    (void)purpose;
    if (bh_gateway_sending_refuse_resend(request))
        return CURL_SOCKET_BAD;

    struct bh_gateway_connection *connection = bh_alloc_zero(sizeof(*connection));
    int fd = connection != NULL
                 ? socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol)
                 : -1;
    if (fd < 0) {
        bool is_family = connection != NULL && errno == EAFNOSUPPORT;
        request->socket_failed = !is_family;
        bh_free(connection);
        return CURL_SOCKET_BAD;
    }
    connections_forget_closed(transport, fd);
    request->opened_socket = true;
    connection->transport = transport;
    connection->opener = request;
    connection->fd = fd;
    connection->next = transport->connections;
    transport->connections = connection;
    transport->stats.connections_opened++;
    transport->stats.open_connections++;
    return fd;
}

static bool
is_connected(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    return getpeername(fd, (struct sockaddr *)&address, &size) == 0;
}

static int
connection_on_close(void *arg, curl_socket_t fd)
{
    struct bh_gateway_transport *transport = arg;
    struct bh_gateway_connection **link = &transport->connections;
    while (*link != NULL && (*link)->fd != fd)
        link = &(*link)->next;
    struct bh_gateway_connection *connection = *link;
    if (connection != NULL) {
        if (connection->requests == 0 && is_connected(fd))
            connection->opener->was_connected = true;
        connection_forget(link);
    }
    return close(fd);
}

void
bh_gateway_transport_close_multi(struct bh_gateway_transport *transport)
{
    if (transport->multi == NULL)
        return;
    /* Handles of single requests are out already; this closes the idle connections. */
    curl_multi_cleanup(transport->multi);
    transport->multi = NULL;
    uv_timer_stop(&transport->timer);
    while (transport->connections != NULL)
        connection_forget(&transport->connections);
}

CURLcode
bh_gateway_sending_set_sockets(struct bh_gateway_sending *request)
{
    CURL *easy = request->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, connection_on_open);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, connection_on_close);
    /* The connection remembers this argument and may outlive the request. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, request->transport);
    return code;
}

static bool
has_local_end(const struct bh_gateway_connection *connection, const char *ip, int port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t size = sizeof(address);
    char text[INET6_ADDRSTRLEN];

    if (getsockname(connection->fd, &address.any, &size) != 0)
        return false;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port) == port &&
               inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof(text)) != NULL &&
               strcmp(text, ip) == 0;
    /* Without its scope: the library cuts it off as well. */
    return address.any.sa_family == AF_INET6 && ntohs(address.v6.sin6_port) == port &&
           inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof(text)) != NULL &&
           strcmp(text, ip) == 0;
}

/*
 * The library tells a request's connection by its local address only, right before it sends; there
 * is no option for the number of requests on a connection in the versions that we support.  The one that
 * reaches the bound is told not to be kept.
 */
void
bh_gateway_connection_take(struct bh_gateway_sending *request, const char *local_ip, int local_port)
{
    struct bh_gateway_transport *transport = request->transport;
    struct bh_gateway_connection *connection = transport->connections;
    bh_gateway_connection_leave(request);
    while (connection != NULL && !has_local_end(connection, local_ip, local_port))
        connection = connection->next;
    if (connection == NULL)
        return;
    /*
     * The library hands a connection on as soon as its last request is done, which may be before we have
     * read that it is: then it has a user still.
     */
    if (connection->user != NULL)
        connection->user->connection = NULL;
    request->connection = connection;
    request->is_first_use = connection->requests == 0;
    connection->user = request;
    connection->requests++;
    if (connection->requests >= transport->options.requests_per_connection)
        curl_easy_setopt(request->easy, CURLOPT_FORBID_REUSE, 1L);
}

void
bh_gateway_connection_leave(struct bh_gateway_sending *request)
{
    struct bh_gateway_connection *connection = request->connection;
    if (connection == NULL)
        return;
    connection->user = NULL;
    connection->idle_since_ns = uv_hrtime();
    request->connection = NULL;
}

static bool
is_usable(const struct bh_gateway_connection *connection, uint64_t now_ns)
{
    const struct bh_gateway_transport_options *options = &connection->transport->options;
    uint64_t idle_ns = now_ns - connection->idle_since_ns;
    return connection->requests > 0 && connection->requests < options->requests_per_connection &&
           idle_ns < (uint64_t)options->idle_ms * 1000000;
}

bool
bh_gateway_transport_needs_connection(const struct bh_gateway_transport *transport)
{
    size_t offered = 0, wanted = 0;
    uint64_t now_ns = uv_hrtime();
    if (transport->stats.waiting > 0 ||
        transport->stats.in_flight >= transport->options.max_connections)
        return false; /* it will wait for the connection of another */

    for (const struct bh_gateway_connection *connection = transport->connections;
         connection != NULL; connection = connection->next) {
        bool is_connecting = connection->requests == 0;
        if (connection->user == NULL && (is_connecting || is_usable(connection, now_ns)))
            offered++;
    }
    for (size_t i = 0; i < transport->slots; i++) {
        const struct bh_gateway_sending *request = &transport->requests[i];
        if (request->state == BH_SENDING_RUNNING && request->connection == NULL)
            wanted++;
    }
    return offered <= wanted;
}
