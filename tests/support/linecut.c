#include "support/linecut.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX  64
#define FLOW_BYTES ((size_t)64 * 1024)

/* One direction of one link. */
struct flow {
    char bytes[FLOW_BYTES];
    size_t len;
    int64_t ready_at_ms; /* not written before: BH_LINECUT_DELAY */
    bool ended;          /* its source has said FIN */
    bool end_told;
};

struct link {
    bool used;
    int client;
    int server; /* -1: no upstream */
    struct flow up;
    struct flow down;
};

enum order {
    ORDER_NONE,
    ORDER_CUT,
    ORDER_SAY,
    ORDER_STOP,
};

struct bh_linecut {
    struct bh_linecut_options options;
    int listener;
    uint16_t port;
    pthread_t thread;
    int wake[2]; /* a byte in it: there is an order */

    pthread_mutex_t mutex; /* for everything below */
    pthread_cond_t done;
    enum order order;
    enum bh_linecut_how how;
    const char *say_bytes;
    size_t say_len;
    enum bh_linecut_mode mode;
    unsigned value;
    uint64_t corrupt_at; /* in to_clients; UINT64_MAX: nothing to corrupt */
    uint64_t sever_at;   /* in to_clients; UINT64_MAX: nothing to sever */
    bool refused;
    struct bh_linecut_counters counters;
    struct link links[LINKS_MAX];
};

static _Noreturn void
give_up(const char *what)
{
    fprintf(stderr, "linecut: %s: %s\n", what, strerror(errno));
    abort();
}

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- sockets --------------------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

static socklen_t
make_address(const char *path, uint16_t port, union address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (path != NULL) {
        ret_address->un.sun_family = AF_UNIX;
        snprintf(ret_address->un.sun_path, sizeof(ret_address->un.sun_path), "%s", path);
        return sizeof(ret_address->un);
    }
    ret_address->in.sin_family = AF_INET;
    ret_address->in.sin_port = htons(port);
    ret_address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof(ret_address->in);
}

static int
make_socket(const union address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM, 0);
    if (fd < 0)
        give_up("socket");
    return fd;
}

static void
set_up_socket(int fd)
{
    int on = 1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not on a unix socket */
}

static void
listen_on(struct bh_linecut *self)
{
    union address address;
    socklen_t size = make_address(self->options.listen_path, self->options.listen_port, &address);
    if (self->options.listen_path == NULL && self->options.listen_address != NULL &&
        inet_pton(AF_INET, self->options.listen_address, &address.in.sin_addr) != 1)
        give_up("listen_address");
    self->listener = make_socket(&address);
    set_up_socket(self->listener);
    int again = 1;
    (void)setsockopt(self->listener, SOL_SOCKET, SO_REUSEADDR, &again, sizeof(again));
    /* Small, and inherited by what is accepted: a line that stands still must be felt soon. */
    int receive_bytes = 16 * 1024;
    (void)setsockopt(self->listener, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    if (bind(self->listener, &address.any, size) != 0 || listen(self->listener, 64) != 0)
        give_up("listen");
    size = sizeof(address);
    if (self->options.listen_path == NULL) {
        if (getsockname(self->listener, &address.any, &size) != 0)
            give_up("getsockname");
        self->port = ntohs(address.in.sin_port);
    }
}

/* -1: the upstream is not there, which the client shall notice as a closed connection. */
static int
connect_upstream(const struct bh_linecut *self)
{
    union address address;
    socklen_t size =
        make_address(self->options.upstream_path, self->options.upstream_port, &address);
    int fd = make_socket(&address);
    if (connect(fd, &address.any, size) != 0) {
        close(fd);
        return -1;
    }
    set_up_socket(fd);
    return fd;
}

static bool
has_upstream(const struct bh_linecut *self)
{
    return self->options.upstream_path != NULL || self->options.upstream_port != 0;
}

/* ---- links ----------------------------------------------------------------------------------------- */

static void
close_fd(int fd, enum bh_linecut_how how)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (fd < 0)
        return;
    if (how == BH_LINECUT_RST)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static void
close_link(struct bh_linecut *self, struct link *link, enum bh_linecut_how how)
{
    close_fd(link->client, how);
    close_fd(link->server, how);
    link->used = false;
    self->counters.open--;
}

static void
accept_link(struct bh_linecut *self)
{
    int client = accept(self->listener, NULL, NULL);
    if (client < 0)
        return;
    self->counters.accepted++;
    size_t i = 0;
    while (i < LINKS_MAX && self->links[i].used)
        i++;
    int server = -1;
    bool wanted = i < LINKS_MAX && !self->refused;
    if (wanted && has_upstream(self)) {
        server = connect_upstream(self);
        wanted = server >= 0;
    }
    if (!wanted) {
        close_fd(client, BH_LINECUT_RST);
        return;
    }
    set_up_socket(client);
    struct link *link = &self->links[i];
    memset(link, 0, sizeof(*link));
    link->used = true;
    link->client = client;
    link->server = server;
    self->counters.open++;
}

static void
corrupt(struct bh_linecut *self, char *bytes, size_t len)
{
    uint64_t first = self->counters.to_clients;
    if (self->corrupt_at >= first && self->corrupt_at < first + len) {
        bytes[self->corrupt_at - first] = (char)~bytes[self->corrupt_at - first];
        self->corrupt_at = UINT64_MAX;
    }
}

/* How much of `len` bytes passes; what does not is the end of its flow. */
static size_t
sever(struct bh_linecut *self, struct flow *flow, size_t len)
{
    if (self->sever_at > self->counters.to_clients + len)
        return len;
    len = (size_t)(self->sever_at - self->counters.to_clients);
    self->sever_at = UINT64_MAX;
    flow->ended = true;
    return len;
}

/* Read what there is.  False: the link is broken. */
static bool
fill(struct bh_linecut *self, struct flow *flow, int from, bool is_answer)
{
    if (from < 0 || flow->ended || flow->len == FLOW_BYTES)
        return true;
    ssize_t got = recv(from, flow->bytes + flow->len, FLOW_BYTES - flow->len, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        flow->ended = true;
        return true;
    }
    char *fresh = flow->bytes + flow->len;
    if (is_answer) {
        if (self->mode == BH_LINECUT_MUTE)
            return true;
        corrupt(self, fresh, (size_t)got);
        got = (ssize_t)sever(self, flow, (size_t)got);
        self->counters.to_clients += (uint64_t)got;
    } else {
        self->counters.from_clients += (uint64_t)got;
    }
    if (flow->len == 0 && self->mode == BH_LINECUT_DELAY)
        flow->ready_at_ms = now_ms() + self->value;
    flow->len += (size_t)got;
    return true;
}

/* Write as much as the mode allows now.  False: the link is broken. */
static bool
drain(const struct bh_linecut *self, struct flow *flow, int to)
{
    if (to < 0) {
        flow->len = 0;
        return !flow->ended;
    }
    size_t len = flow->len;
    if (self->mode == BH_LINECUT_TRICKLE && len > self->value)
        len = self->value;
    if (len > 0 && now_ms() >= flow->ready_at_ms) {
        ssize_t put = send(to, flow->bytes, len, MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN || errno == EINTR;
        flow->len -= (size_t)put;
        memmove(flow->bytes, flow->bytes + put, flow->len);
    }
    if (flow->ended && flow->len == 0 && !flow->end_told) {
        flow->end_told = true;
        shutdown(to, SHUT_WR);
    }
    return true;
}

static void
serve_link(struct bh_linecut *self, struct link *link)
{
    if (self->mode == BH_LINECUT_STALL)
        return;
    bool whole = fill(self, &link->up, link->client, false) &&
                 fill(self, &link->down, link->server, true) &&
                 drain(self, &link->up, link->server) && drain(self, &link->down, link->client);
    if (!whole || (link->up.end_told && link->down.end_told))
        close_link(self, link, BH_LINECUT_FIN);
}

/* ---- the thread ------------------------------------------------------------------------------------ */

static void
obey(struct bh_linecut *self)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link *link = &self->links[i];
        if (!link->used)
            continue;
        if (self->order == ORDER_CUT || self->order == ORDER_STOP)
            close_link(self, link, self->how);
        if (self->order == ORDER_SAY && link->down.len + self->say_len <= FLOW_BYTES) {
            memcpy(link->down.bytes + link->down.len, self->say_bytes, self->say_len);
            link->down.len += self->say_len;
        }
    }
    self->order = ORDER_NONE;
    pthread_cond_broadcast(&self->done);
}

static short
interest(const struct flow *in, const struct flow *out)
{
    int events = 0;
    if (!in->ended && in->len < FLOW_BYTES)
        events |= POLLIN;
    if (out->len > 0)
        events |= POLLOUT;
    return (short)events;
}

/* What to wait for.  Returns the count; slow modes are driven by the clock instead of by readiness. */
static nfds_t
collect(const struct bh_linecut *self, struct pollfd *ret_fds)
{
    nfds_t count = 0;
    bool by_clock = self->mode == BH_LINECUT_STALL || self->mode == BH_LINECUT_TRICKLE ||
                    self->mode == BH_LINECUT_DELAY;
    ret_fds[count++] = (struct pollfd){.fd = self->wake[0], .events = POLLIN};
    ret_fds[count++] = (struct pollfd){.fd = self->listener, .events = POLLIN};
    for (size_t i = 0; i < LINKS_MAX && !by_clock; i++) {
        const struct link *link = &self->links[i];
        if (!link->used)
            continue;
        ret_fds[count++] =
            (struct pollfd){.fd = link->client, .events = interest(&link->up, &link->down)};
        if (link->server >= 0)
            ret_fds[count++] =
                (struct pollfd){.fd = link->server, .events = interest(&link->down, &link->up)};
    }
    return count;
}

static void *
work(void *arg)
{
    struct bh_linecut *self = arg;
    bool stopped = false;
    pthread_mutex_lock(&self->mutex);
    while (!stopped) {
        struct pollfd fds[2 + 2 * LINKS_MAX];
        nfds_t count = collect(self, fds);
        int wait_ms = count == 2 && self->counters.open > 0 ? 1 : -1;
        pthread_mutex_unlock(&self->mutex);
        (void)poll(fds, count, wait_ms);
        pthread_mutex_lock(&self->mutex);

        char byte;
        if (fds[0].revents != 0 && read(self->wake[0], &byte, 1) == 1) {
            stopped = self->order == ORDER_STOP;
            obey(self);
        }
        if (!stopped && fds[1].revents != 0)
            accept_link(self);
        for (size_t i = 0; i < LINKS_MAX; i++) {
            if (self->links[i].used)
                serve_link(self, &self->links[i]);
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

/* ---- for tests ------------------------------------------------------------------------------------- */

struct bh_linecut *
bh_linecut_start(const struct bh_linecut_options *options)
{
    struct bh_linecut *self = calloc(1, sizeof(*self));
    if (self == NULL)
        give_up("calloc");
    self->options = *options;
    self->corrupt_at = UINT64_MAX;
    self->sever_at = UINT64_MAX;
    listen_on(self);
    if (pipe(self->wake) != 0)
        give_up("pipe");
    fcntl(self->wake[0], F_SETFD, FD_CLOEXEC);
    fcntl(self->wake[1], F_SETFD, FD_CLOEXEC);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->done, NULL);
    errno = pthread_create(&self->thread, NULL, work, self);
    if (errno != 0)
        give_up("pthread_create");
    return self;
}

uint16_t
bh_linecut_port(const struct bh_linecut *linecut)
{
    return linecut->port;
}

/* With the mutex held: wake the thread and wait until it has looked. */
static void
give_order(struct bh_linecut *self, enum order order)
{
    self->order = order;
    if (write(self->wake[1], "x", 1) != 1)
        give_up("write");
    while (self->order != ORDER_NONE)
        pthread_cond_wait(&self->done, &self->mutex);
}

void
bh_linecut_set(struct bh_linecut *linecut, enum bh_linecut_mode mode, unsigned value)
{
    pthread_mutex_lock(&linecut->mutex);
    linecut->mode = mode;
    linecut->value = value;
    linecut->corrupt_at =
        mode == BH_LINECUT_CORRUPT ? linecut->counters.to_clients + value : UINT64_MAX;
    linecut->sever_at =
        mode == BH_LINECUT_SEVER ? linecut->counters.to_clients + value : UINT64_MAX;
    /* An order of which nothing follows: the thread collects anew what it waits for. */
    linecut->say_len = 0;
    linecut->say_bytes = "";
    give_order(linecut, ORDER_SAY);
    pthread_mutex_unlock(&linecut->mutex);
}

void
bh_linecut_cut(struct bh_linecut *linecut, enum bh_linecut_how how)
{
    pthread_mutex_lock(&linecut->mutex);
    linecut->how = how;
    give_order(linecut, ORDER_CUT);
    pthread_mutex_unlock(&linecut->mutex);
}

void
bh_linecut_say(struct bh_linecut *linecut, const char *bytes, size_t len)
{
    pthread_mutex_lock(&linecut->mutex);
    linecut->say_bytes = bytes;
    linecut->say_len = len;
    give_order(linecut, ORDER_SAY);
    pthread_mutex_unlock(&linecut->mutex);
}

void
bh_linecut_redirect(struct bh_linecut *linecut, const char *upstream_path, uint16_t upstream_port)
{
    pthread_mutex_lock(&linecut->mutex);
    linecut->options.upstream_path = upstream_path;
    linecut->options.upstream_port = upstream_port;
    pthread_mutex_unlock(&linecut->mutex);
}

void
bh_linecut_refuse(struct bh_linecut *linecut, int refused)
{
    pthread_mutex_lock(&linecut->mutex);
    linecut->refused = refused != 0;
    pthread_mutex_unlock(&linecut->mutex);
}

struct bh_linecut_counters
bh_linecut_counters(struct bh_linecut *linecut)
{
    pthread_mutex_lock(&linecut->mutex);
    struct bh_linecut_counters counters = linecut->counters;
    pthread_mutex_unlock(&linecut->mutex);
    return counters;
}

void
bh_linecut_stop(struct bh_linecut *linecut)
{
    pthread_mutex_lock(&linecut->mutex);
    linecut->how = BH_LINECUT_FIN;
    give_order(linecut, ORDER_STOP);
    pthread_mutex_unlock(&linecut->mutex);
    pthread_join(linecut->thread, NULL);
    close(linecut->listener);
    close(linecut->wake[0]);
    close(linecut->wake[1]);
    if (linecut->options.listen_path != NULL)
        unlink(linecut->options.listen_path);
    pthread_mutex_destroy(&linecut->mutex);
    pthread_cond_destroy(&linecut->done);
    free(linecut);
}
