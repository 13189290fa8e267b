/* doctor: does the daemon's HTTP endpoint answer? */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"

#define TIME_MS 3000

static int64_t
now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0, or the system's number of what went wrong. */
static int
wait_for(int fd, short events, int64_t until)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = events};
        int64_t left = until - now_ms();
        int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return 0;
        if (ready == 0)
            return ETIMEDOUT;
        if (errno != EINTR)
            return errno;
    }
}

static int
connect_within(int fd, const struct addrinfo *at, int64_t until)
{
    int failed = 0;
    socklen_t size = sizeof(failed);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return errno;
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    int trouble = wait_for(fd, POLLOUT, until);
    if (trouble != 0)
        return trouble;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 ? failed : errno;
}

/* As much of the answer as the status needs; its status, or 0 with *ret_trouble. */
static int
read_status(int fd, int64_t until, int *ret_trouble)
{
    char answer[13] = "";
    size_t len = 0;
    while (len < sizeof(answer) - 1) {
        int trouble = wait_for(fd, POLLIN, until);
        ssize_t got = trouble == 0 ? recv(fd, answer + len, sizeof(answer) - 1 - len, 0) : -1;
        if (got > 0) {
            len += (size_t)got;
            continue;
        }
        *ret_trouble = trouble != 0 ? trouble : got == 0 ? ECONNRESET : errno;
        return 0;
    }
    /* "HTTP/1.1 200" */
    int64_t status;
    *ret_trouble = EPROTO;
    if (memcmp(answer, "HTTP/1.", 7) != 0 ||
        !bh_str_to_int64((struct bh_str){answer + 9, 3}, &status) || status < 100)
        return 0;
    return (int)status;
}

static int
ask_address(const struct addrinfo *at, int64_t until, int *ret_trouble)
{
    static const char request[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    int status = 0;
    int fd = socket(at->ai_family, SOCK_STREAM, 0);
    if (fd < 0) {
        *ret_trouble = errno;
        return 0;
    }
    *ret_trouble = connect_within(fd, at, until);
    if (*ret_trouble == 0) {
        ssize_t sent = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
        *ret_trouble = sent == (ssize_t)sizeof(request) - 1 ? 0 : errno;
        if (*ret_trouble == 0)
            status = read_status(fd, until, ret_trouble);
    }
    (void)close(fd);
    return status;
}

static const char *
to_be_asked(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0)
        return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

int
bh_doctor_ask_health(const char *host, unsigned port, char *problem, size_t problem_size)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char service[8];
    int status = 0, trouble = ENOENT;
    int64_t until = now_ms() + TIME_MS;
    snprintf(service, sizeof(service), "%u", port);
    int failed = getaddrinfo(to_be_asked(host), service, &hints, &list);
    if (failed != 0) {
        snprintf(problem, problem_size, "%s", gai_strerror(failed));
        return 0;
    }
    for (const struct addrinfo *at = list; at != NULL && status == 0; at = at->ai_next)
        status = ask_address(at, until, &trouble);
    freeaddrinfo(list);
    problem[0] = '\0';
    if (status == 0 && strerror_r(trouble, problem, problem_size) != 0)
        snprintf(problem, problem_size, "error %d", trouble);
    return status;
}
