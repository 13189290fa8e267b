#include "daemon/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/str.h"

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, len);
    /* "@name" stands for the abstract name space, whose names start with a NUL. */
    if (path[0] == '@')
        address.sun_path[0] = '\0';

    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0)
        return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        connect(fd, (const struct sockaddr *)&address, size) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bh_ms
watchdog_from_environment(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    int64_t microseconds, wanted_pid;
    if (pid != NULL && (!bh_str_to_int64(bh_str_from(pid), &wanted_pid) || wanted_pid != getpid()))
        return 0;
    const char *text = getenv("WATCHDOG_USEC");
    if (text == NULL || !bh_str_to_int64(bh_str_from(text), &microseconds) || microseconds <= 0)
        return 0;
    return microseconds / 1000;
}

void
bh_supervisor_open(struct bh_supervisor *supervisor)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *supervisor = (struct bh_supervisor){.fd = path != NULL ? connect_to(path) : -1};
    if (supervisor->fd >= 0)
        supervisor->watchdog_ms = watchdog_from_environment();
}

void
bh_supervisor_close(struct bh_supervisor *supervisor)
{
    if (supervisor->fd >= 0)
        close(supervisor->fd);
    supervisor->fd = -1;
}

/*
 * A supervisor that does not take a message must not hold up messages of ours: when its queue is full, false,
 * and what matters is told again with the next pulse.  A supervisor that is gone counts as told.
 */
static bool
notify(const struct bh_supervisor *supervisor, const char *text)
{
    if (supervisor->fd < 0)
        return true;
    ssize_t sent;
    do
        sent = send(supervisor->fd, text, strlen(text), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

void
bh_supervisor_ready(struct bh_supervisor *supervisor)
{
    supervisor->ready_owed = !notify(supervisor, "READY=1");
}

void
bh_supervisor_reloading(struct bh_supervisor *supervisor, int64_t monotonic_us)
{
    char text[80];
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)monotonic_us);
    (void)notify(supervisor, text);
}

void
bh_supervisor_stopping(struct bh_supervisor *supervisor)
{
    supervisor->ready_owed = false;
    (void)notify(supervisor, "STOPPING=1");
}

void
bh_supervisor_pet(struct bh_supervisor *supervisor)
{
    if (supervisor->ready_owed)
        bh_supervisor_ready(supervisor);
    if (supervisor->watchdog_ms > 0)
        (void)notify(supervisor, "WATCHDOG=1");
}

void
bh_supervisor_status(struct bh_supervisor *supervisor, const char *format, ...)
{
    char text[sizeof(supervisor->status)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (strcmp(text, supervisor->status) == 0)
        return;
    char message[sizeof(text) + 8];
    snprintf(message, sizeof(message), "STATUS=%s", text);
    if (notify(supervisor, message))
        memcpy(supervisor->status, text, sizeof(text));
}
