#include "sim/courier.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/address.h"
#include "sim/signing.h"

#define HOST_MAX   254u
#define ANSWER_MAX 64u /* of the answer only the status line is read */

struct target {
    char host[HOST_MAX];
    char authority[HOST_MAX + 8]; /* host and port as written */
    int port;
    struct bh_sim_str path; /* in the letter's URL; with query, without fragment */
};

struct trip {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_write_t write;
    uv_getaddrinfo_t resolve;
    struct bh_sim_courier *courier; /* borrowed */
    struct bh_sim_letter *letter;   /* owned until it is given back */
    struct trip *next, *previous;
    struct target target;
    struct bh_sim_buf request; /* owned */
    char answer[ANSWER_MAX];
    size_t answer_len;
    int handles;    /* not yet closed, and a resolution under way */
    bool resolving; /* the resolver still points at us */
    bool ended;
};

struct bh_sim_courier {
    struct bh_sim_world *world;
    uv_loop_t *loop;
    bh_sim_courier_done *on_done;
    void *context;
    struct bh_sim_letter *first, **last; /* waiting */
    size_t waiting;
    struct trip *trips;
    size_t under_way;
    bool stopping;
};

static void start_next(struct bh_sim_courier *courier);

void
bh_sim_letter_free(struct bh_sim_letter *letter)
{
    free(letter->url);
    free(letter->content_type);
    free(letter->body);
    free(letter->headers);
    free(letter);
}

bool
bh_sim_courier_is_url(struct bh_sim_str url)
{
    size_t scheme = bh_sim_str_starts(url, "http://")    ? 7
                    : bh_sim_str_starts(url, "https://") ? 8
                                                         : 0;
    struct bh_sim_str rest = bh_sim_str_tail(url, scheme);
    for (size_t at = 0; at < url.len; at++)
        if ((unsigned char)url.ptr[at] <= ' ' || url.ptr[at] == 0x7f)
            return false;
    return scheme > 0 && rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != ':' && url.len < 2000;
}

static bool
parse_target(const char *url, struct target *target)
{
    struct bh_sim_str rest = bh_sim_str_from(url);
    if (!bh_sim_str_starts(rest, "http://"))
        return false;
    rest = bh_sim_str_tail(rest, 7);
    size_t len = 0;
    while (len < rest.len && strchr("/?#", rest.ptr[len]) == NULL)
        len++;
    struct bh_sim_str authority = {rest.ptr, len};
    struct bh_sim_str path = bh_sim_str_tail(rest, len), fragment;
    bh_sim_str_split(&path, '#', &fragment);
    target->path = fragment;
    if (len == 0 || len >= sizeof target->authority)
        return false;
    snprintf(target->authority, sizeof target->authority, "%.*s", BH_SIM_STR_ARGS(authority));

    size_t host_len = len;
    int64_t port = 80;
    for (size_t at = len; at-- > 0 && authority.ptr[at] != ']';) {
        if (authority.ptr[at] != ':')
            continue;
        if (!bh_sim_str_to_int(bh_sim_str_tail(authority, at + 1), &port) || port < 1 ||
            port > 65535)
            return false;
        host_len = at;
        break;
    }
    bool bracketed = authority.ptr[0] == '[' && host_len > 2;
    if (host_len >= HOST_MAX)
        return false;
    snprintf(target->host, sizeof target->host, "%.*s", (int)(host_len - (bracketed ? 2 : 0)),
             authority.ptr + (bracketed ? 1 : 0));
    target->port = (int)port;
    return true;
}

static void
on_closed(uv_handle_t *handle)
{
    struct trip *trip = handle->data;
    if (--trip->handles > 0)
        return;
    bh_sim_buf_release(&trip->request);
    free(trip);
}

/* The one end of a trip.  `status` as in bh_sim_courier_done. */
static void
end_trip(struct trip *trip, int status)
{
    struct bh_sim_courier *courier = trip->courier;
    if (trip->ended)
        return;
    trip->ended = true;
    if (trip->previous != NULL)
        trip->previous->next = trip->next;
    else
        courier->trips = trip->next;
    if (trip->next != NULL)
        trip->next->previous = trip->previous;
    courier->under_way--;
    struct bh_sim_letter *letter = trip->letter;
    trip->letter = NULL;
    if (trip->resolving)
        (void)uv_cancel((uv_req_t *)&trip->resolve); /* its callback comes in any case */
    uv_close((uv_handle_t *)&trip->timer, on_closed);
    uv_close((uv_handle_t *)&trip->tcp, on_closed);
    if (courier->stopping) {
        bh_sim_letter_free(letter);
        return;
    }
    courier->on_done(courier->context, letter, status);
    start_next(courier);
}

static void
on_timeout(uv_timer_t *timer)
{
    end_trip(timer->data, 0);
}

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
    struct trip *trip = handle->data;
    (void)size;
    *ret_buf =
        uv_buf_init(trip->answer + trip->answer_len, (unsigned)(ANSWER_MAX - trip->answer_len));
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct trip *trip = stream->data;
    (void)buf; /* it lies in trip->answer */
    if (count > 0)
        trip->answer_len += (size_t)count;
    struct bh_sim_str answer = {trip->answer, trip->answer_len};
    int64_t status = 0;
    /* "HTTP/1.1 200" */
    if (answer.len >= 12) {
        bool good = bh_sim_str_starts(answer, "HTTP/1.") &&
                    bh_sim_str_to_int((struct bh_sim_str){answer.ptr + 9, 3}, &status) &&
                    status >= 100;
        end_trip(trip, good ? (int)status : 0);
    } else if (count < 0) {
        end_trip(trip, 0);
    }
}

static void
on_written(uv_write_t *request, int status)
{
    struct trip *trip = request->data;
    if (!trip->ended && status < 0)
        end_trip(trip, 0);
}

static void
add_header(struct bh_sim_buf *out, const char *name, struct bh_sim_str value)
{
    bh_sim_buf_printf(out, "%s: ", name);
    bh_sim_buf_str(out, value);
    bh_sim_buf_text(out, "\r\n");
}

static void
sign(struct trip *trip)
{
    struct bh_sim_world *world = trip->courier->world;
    const struct bh_sim_letter *letter = trip->letter;
    char nonce[BH_SIM_NONCE_LEN + 1], signature[BH_SIM_SIGNATURE_HEX];
    struct bh_sim_buf timestamp = {0};
    bh_sim_buf_int(&timestamp, bh_sim_now_ms(world) / 1000);
    bh_sim_signing_nonce(&world->dice, nonce);
    struct bh_sim_signed parts = {
        .timestamp = bh_sim_buf_view(&timestamp),
        .nonce = bh_sim_str_from(nonce),
        .method = letter->body != NULL ? BH_SIM_STR("POST") : BH_SIM_STR("GET"),
        .url = bh_sim_str_from(letter->url),
        .body = {letter->body != NULL ? letter->body : "", letter->body_len},
    };
    bh_sim_signing_make(world->config.signing_key, &parts, signature);
    add_header(&trip->request, "X-Timestamp", parts.timestamp);
    add_header(&trip->request, "X-Nonce", parts.nonce);
    add_header(&trip->request, "X-Signature", bh_sim_str_from(signature));
    bh_sim_buf_release(&timestamp);
}

/* The subscriber's own headers; a line that is none, or that would break the request, is left out. */
static void
add_own_headers(struct bh_sim_buf *out, const char *headers)
{
    struct bh_sim_str rest = bh_sim_str_from(headers), line, name;
    while (headers != NULL && bh_sim_str_split(&rest, '\n', &line)) {
        struct bh_sim_str value = bh_sim_str_trim(line);
        bool clean = value.len > 0 && memchr(value.ptr, '\r', value.len) == NULL;
        if (!clean)
            continue;
        bh_sim_str_split(&value, ':', &name);
        if (value.ptr == NULL || name.len == 0)
            continue;
        bh_sim_buf_str(out, name);
        add_header(out, "", bh_sim_str_trim(value));
    }
}

static void
print_request(struct trip *trip)
{
    const struct bh_sim_letter *letter = trip->letter;
    struct bh_sim_buf *out = &trip->request;
    struct bh_sim_str path = trip->target.path;
    bh_sim_buf_text(out, letter->body != NULL ? "POST " : "GET ");
    if (path.len == 0 || path.ptr[0] != '/')
        bh_sim_buf_char(out, '/');
    bh_sim_buf_str(out, path);
    bh_sim_buf_text(out, " HTTP/1.1\r\n");
    add_header(out, "Host", bh_sim_str_from(trip->target.authority));
    add_header(out, "User-Agent", BH_SIM_STR("bellhop-sim"));
    add_header(out, "Accept", BH_SIM_STR("*/*"));
    add_header(out, "Connection", BH_SIM_STR("close"));
    if (letter->body != NULL) {
        add_header(out, "Content-Type", bh_sim_str_from(letter->content_type));
        bh_sim_buf_printf(out, "Content-Length: %zu\r\n", letter->body_len);
    }
    sign(trip);
    add_own_headers(out, letter->headers);
    bh_sim_buf_text(out, "\r\n");
    bh_sim_buf_append(out, letter->body, letter->body_len);
}

static void
on_connected(uv_connect_t *request, int status)
{
    struct trip *trip = request->data;
    if (trip->ended)
        return;
    if (status < 0) {
        end_trip(trip, 0);
        return;
    }
    print_request(trip);
    uv_buf_t buf = uv_buf_init(trip->request.ptr, (unsigned)trip->request.len);
    trip->write.data = trip;
    if (uv_write(&trip->write, (uv_stream_t *)&trip->tcp, &buf, 1, on_written) != 0 ||
        uv_read_start((uv_stream_t *)&trip->tcp, on_alloc, on_read) != 0)
        end_trip(trip, 0);
}

static void
connect_to(struct trip *trip, const struct sockaddr *address)
{
    if (!bh_sim_address_is_loopback(address) && !trip->courier->world->config.allow_remote) {
        end_trip(trip, -1);
        return;
    }
    trip->connect.data = trip;
    if (uv_tcp_connect(&trip->connect, &trip->tcp, address, on_connected) != 0)
        end_trip(trip, 0);
}

static void
on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct trip *trip = request->data;
    trip->resolving = false;
    if (!trip->ended) {
        if (status < 0)
            end_trip(trip, 0);
        else
            connect_to(trip, found->ai_addr);
    }
    uv_freeaddrinfo(found);
    if (--trip->handles == 0) {
        bh_sim_buf_release(&trip->request);
        free(trip);
    }
}

static void
find_address(struct trip *trip)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    const char *host = trip->target.host;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (uv_ip4_addr(host, trip->target.port, &v4) == 0) {
        connect_to(trip, (const struct sockaddr *)&v4);
        return;
    }
    if (uv_ip6_addr(host, trip->target.port, &v6) == 0) {
        connect_to(trip, (const struct sockaddr *)&v6);
        return;
    }
    /* A name is not even looked up when it could not be used. */
    if (!trip->courier->world->config.allow_remote) {
        end_trip(trip, -1);
        return;
    }
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    snprintf(service, sizeof service, "%d", trip->target.port);
    trip->resolve.data = trip;
    trip->resolving = uv_getaddrinfo(trip->courier->loop, &trip->resolve, on_resolved, host,
                                     service, &hints) == 0;
    if (trip->resolving)
        trip->handles++;
    else
        end_trip(trip, 0);
}

static void
start_trip(struct bh_sim_courier *courier, struct bh_sim_letter *letter)
{
    struct trip *trip = bh_sim_alloc_zero(sizeof *trip);
    trip->courier = courier;
    trip->letter = letter;
    letter->attempts++;
    uv_tcp_init(courier->loop, &trip->tcp);
    uv_timer_init(courier->loop, &trip->timer);
    trip->tcp.data = trip->timer.data = trip;
    trip->handles = 2;
    trip->next = courier->trips;
    if (courier->trips != NULL)
        courier->trips->previous = trip;
    courier->trips = trip;
    courier->under_way++;
    uv_timer_start(&trip->timer, on_timeout, (uint64_t)courier->world->config.hook_timeout_ms, 0);
    if (parse_target(letter->url, &trip->target))
        find_address(trip);
    else
        end_trip(trip, -1);
}

static void
start_next(struct bh_sim_courier *courier)
{
    while (courier->first != NULL &&
           courier->under_way < (size_t)courier->world->config.hook_parallel) {
        struct bh_sim_letter *letter = courier->first;
        courier->first = letter->next;
        if (courier->first == NULL)
            courier->last = &courier->first;
        courier->waiting--;
        letter->next = NULL;
        start_trip(courier, letter);
    }
}

void
bh_sim_courier_send(struct bh_sim_courier *courier, struct bh_sim_letter *letter)
{
    if (courier->stopping) {
        bh_sim_letter_free(letter);
        return;
    }
    letter->next = NULL;
    *courier->last = letter;
    courier->last = &letter->next;
    courier->waiting++;
    start_next(courier);
}

struct bh_sim_courier *
bh_sim_courier_new(struct bh_sim_world *world, uv_loop_t *loop, bh_sim_courier_done *on_done,
                   void *context)
{
    struct bh_sim_courier *courier = bh_sim_alloc_zero(sizeof *courier);
    courier->world = world;
    courier->loop = loop;
    courier->on_done = on_done;
    courier->context = context;
    courier->last = &courier->first;
    return courier;
}

size_t
bh_sim_courier_pending(const struct bh_sim_courier *courier)
{
    return courier->waiting + courier->under_way;
}

void
bh_sim_courier_stop(struct bh_sim_courier *courier)
{
    courier->stopping = true;
    while (courier->first != NULL) {
        struct bh_sim_letter *letter = courier->first;
        courier->first = letter->next;
        bh_sim_letter_free(letter);
    }
    courier->last = &courier->first;
    courier->waiting = 0;
    while (courier->trips != NULL)
        end_trip(courier->trips, 0);
}

void
bh_sim_courier_free(struct bh_sim_courier *courier)
{
    free(courier);
}
