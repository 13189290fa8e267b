#include "support/tap.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.h"

#define LINES_MAX   256
#define PIECE       65536
#define REQUEST_MAX ((size_t)32 * 1024 * 1024)

struct line {
    int client, server; /* -1: free */
    char *bytes;        /* owned; of the request that is being read */
    size_t len, capacity;
};

struct bh_tap {
    int listener;
    int wake[2]; /* closed at one end: stop */
    uint16_t port, upstream;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the requests */
    struct bh_tap_request *first, **last;
    struct line lines[LINES_MAX];
};

static _Noreturn void
give_up(const char *what)
{
    fprintf(stderr, "tap: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- requests -------------------------------------------------------------------------------------- */

static char *
copy(const char *bytes, size_t len)
{
    char *text = malloc(len + 1);
    if (text == NULL)
        give_up("memory");
    memcpy(text, bytes, len);
    text[len] = '\0';
    return text;
}

static size_t
content_length(const char *head)
{
    size_t len = 0;
    const char *line = head;
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            len = strtoul(line + 15, NULL, 10);
    }
    return len;
}

static void
keep(struct bh_tap *tap, const char *head, size_t head_len, const char *body, size_t body_len)
{
    struct bh_tap_request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        give_up("memory");
    request->head = copy(head, head_len);
    request->body = copy(body, body_len);
    request->body_len = body_len;
    request->at_ms = bh_now_ms();
    request->at_us = bh_unix_us();
    pthread_mutex_lock(&tap->mutex);
    *tap->last = request;
    tap->last = &request->next;
    pthread_mutex_unlock(&tap->mutex);
}

/* Take complete requests from the front of the line's bytes. */
static void
read_requests(struct bh_tap *tap, struct line *line)
{
    for (;;) {
        line->bytes[line->len] = '\0';
        const char *end = strstr(line->bytes, "\r\n\r\n");
        if (end == NULL)
            return;
        size_t head_len = (size_t)(end - line->bytes) + 4;
        char *head = copy(line->bytes, head_len);
        size_t body_len = content_length(head);
        free(head);
        if (line->len < head_len + body_len)
            return;
        keep(tap, line->bytes, head_len, line->bytes + head_len, body_len);
        line->len -= head_len + body_len;
        memmove(line->bytes, line->bytes + head_len + body_len, line->len);
    }
}

static void
record(struct bh_tap *tap, struct line *line, const char *bytes, size_t len)
{
    if (line->len + len > REQUEST_MAX)
        give_up("a request without end");
    if (line->len + len + 1 > line->capacity) {
        line->capacity = (line->len + len + 1) * 2;
        line->bytes = realloc(line->bytes, line->capacity);
        if (line->bytes == NULL)
            give_up("memory");
    }
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
    read_requests(tap, line);
}

/* ---- lines ----------------------------------------------------------------------------------------- */

static void
close_line(struct line *line)
{
    close(line->client);
    close(line->server);
    line->client = line->server = -1;
    line->len = 0;
}

static bool
send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* False: the line has ended. */
static bool
pass(struct bh_tap *tap, struct line *line, bool from_client)
{
    static _Thread_local char piece[PIECE];
    int from = from_client ? line->client : line->server,
        to = from_client ? line->server : line->client;
    ssize_t got = recv(from, piece, sizeof(piece), 0);
    if (got <= 0)
        return false;
    if (from_client)
        record(tap, line, piece, (size_t)got);
    return send_all(to, piece, (size_t)got);
}

static void
accept_line(struct bh_tap *tap)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(tap->upstream),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int one = 1, client = accept(tap->listener, NULL, NULL);
    if (client < 0)
        return;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0)
        give_up("socket");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (size_t i = 0; i < LINES_MAX; i++) {
        struct line *line = &tap->lines[i];
        if (line->client >= 0)
            continue;
        if (connect(server, (struct sockaddr *)&address, sizeof(address)) != 0)
            break;
        line->client = client;
        line->server = server;
        return;
    }
    close(client);
    close(server);
}

static void *
run(void *arg)
{
    struct bh_tap *tap = arg;
    static _Thread_local struct pollfd watched[2 + 2 * LINES_MAX];
    static _Thread_local struct line *owners[2 + 2 * LINES_MAX];
    for (;;) {
        nfds_t count = 2;
        watched[0] = (struct pollfd){.fd = tap->wake[0], .events = POLLIN};
        watched[1] = (struct pollfd){.fd = tap->listener, .events = POLLIN};
        for (size_t i = 0; i < LINES_MAX; i++) {
            if (tap->lines[i].client < 0)
                continue;
            owners[count] = owners[count + 1] = &tap->lines[i];
            watched[count++] = (struct pollfd){.fd = tap->lines[i].client, .events = POLLIN};
            watched[count++] = (struct pollfd){.fd = tap->lines[i].server, .events = POLLIN};
        }
        if (poll(watched, count, -1) < 0 && errno != EINTR)
            give_up("poll");
        if (watched[0].revents != 0)
            return NULL;
        for (nfds_t at = 2; at < count; at++) {
            bool from_client = at % 2 == 0;
            if (watched[at].revents != 0 && owners[at]->client >= 0 &&
                !pass(tap, owners[at], from_client))
                close_line(owners[at]);
        }
        if (watched[1].revents != 0)
            accept_line(tap);
    }
}

struct bh_tap *
bh_tap_start(uint16_t upstream_port)
{
    struct bh_tap *tap = calloc(1, sizeof(*tap));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    if (tap == NULL)
        give_up("memory");
    tap->upstream = upstream_port;
    tap->last = &tap->first;
    for (size_t i = 0; i < LINES_MAX; i++)
        tap->lines[i].client = tap->lines[i].server = -1;
    tap->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (tap->listener < 0 || bind(tap->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(tap->listener, 128) != 0 ||
        getsockname(tap->listener, (struct sockaddr *)&address, &size) != 0 || pipe(tap->wake) != 0)
        give_up("listen");
    tap->port = ntohs(address.sin_port);
    pthread_mutex_init(&tap->mutex, NULL);
    if (pthread_create(&tap->thread, NULL, run, tap) != 0)
        give_up("thread");
    return tap;
}

uint16_t
bh_tap_port(const struct bh_tap *tap)
{
    return tap->port;
}

void
bh_tap_stop(struct bh_tap *tap)
{
    if (tap == NULL)
        return;
    close(tap->wake[1]);
    pthread_join(tap->thread, NULL);
    close(tap->wake[0]);
    close(tap->listener);
    for (size_t i = 0; i < LINES_MAX; i++) {
        if (tap->lines[i].client >= 0)
            close_line(&tap->lines[i]);
        free(tap->lines[i].bytes);
    }
    struct bh_tap_request *next;
    for (struct bh_tap_request *request = tap->first; request != NULL; request = next) {
        next = request->next;
        free(request->head);
        free(request->body);
        free(request);
    }
    pthread_mutex_destroy(&tap->mutex);
    free(tap);
}

/* ---- reading --------------------------------------------------------------------------------------- */

static int
hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

static char *
decode(const char *from, size_t len)
{
    char *text = copy(from, len);
    size_t to = 0;
    for (size_t at = 0; at < len; at++) {
        if (from[at] == '%' && at + 2 < len && hex(from[at + 1]) >= 0 && hex(from[at + 2]) >= 0) {
            text[to++] = (char)(hex(from[at + 1]) * 16 + hex(from[at + 2]));
            at += 2;
        } else {
            text[to++] = from[at] == '+' ? ' ' : from[at];
        }
    }
    text[to] = '\0';
    return text;
}

char *
bh_tap_form(const struct bh_tap_request *request, const char *name, unsigned *ret_count)
{
    char *found = NULL;
    unsigned count = 0;
    for (const char *at = request->body; *at != '\0';) {
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=&");
        char *key = decode(at, name_len);
        if (strcmp(key, name) == 0) {
            if (count++ == 0)
                found =
                    name_len < len ? decode(at + name_len + 1, len - name_len - 1) : copy("", 0);
        }
        free(key);
        at += len + (at[len] == '&');
    }
    if (ret_count != NULL)
        *ret_count = count;
    return found;
}

unsigned
bh_tap_form_size(const struct bh_tap_request *request)
{
    unsigned count = request->body_len > 0;
    for (const char *at = request->body; *at != '\0'; at++)
        count += *at == '&';
    return count;
}

char *
bh_tap_header(const struct bh_tap_request *request, const char *name)
{
    size_t len = strlen(name);
    const char *line = request->head;
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1 + strspn(line + len + 1, " \t");
            return copy(value, strcspn(value, "\r"));
        }
    }
    return NULL;
}

static bool
matches(const struct bh_tap_request *request, const char *name, const char *value)
{
    if (name == NULL)
        return true;
    char *found = bh_tap_form(request, name, NULL);
    bool same = found != NULL && strcmp(found, value) == 0;
    free(found);
    return same;
}

const struct bh_tap_request *
bh_tap_find(struct bh_tap *tap, const char *name, const char *value, unsigned nth)
{
    const struct bh_tap_request *found = NULL;
    pthread_mutex_lock(&tap->mutex);
    for (const struct bh_tap_request *at = tap->first; at != NULL && found == NULL; at = at->next)
        if (matches(at, name, value) && nth-- == 0)
            found = at;
    pthread_mutex_unlock(&tap->mutex);
    return found;
}

unsigned
bh_tap_count(struct bh_tap *tap, const char *name, const char *value)
{
    unsigned count = 0;
    pthread_mutex_lock(&tap->mutex);
    for (const struct bh_tap_request *at = tap->first; at != NULL; at = at->next)
        count += matches(at, name, value);
    pthread_mutex_unlock(&tap->mutex);
    return count;
}
