#include "support/daemon_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/remove_tree.h"

#define RUN_MS          30000
#define ENVIRONMENT_MAX 16

static _Noreturn void
give_up(const char *what)
{
    fprintf(stderr, "daemon_process: %s: %s\n", what, strerror(errno));
    abort();
}

static const char *
program(void)
{
    const char *name = getenv("BELLHOP_TEST_DAEMON");
    return name != NULL && name[0] != '\0' ? name : BH_DAEMON_PROGRAM;
}

void
bh_daemon_init(struct bh_daemon *daemon)
{
    *daemon = (struct bh_daemon){.notices = -1};
    snprintf(daemon->dir, sizeof(daemon->dir), "/tmp/bellhop-daemon.XXXXXX");
    if (mkdtemp(daemon->dir) == NULL)
        give_up("mkdtemp");
    snprintf(daemon->config, sizeof(daemon->config), "%s/bellhop.ini", daemon->dir);
    snprintf(daemon->process.log, sizeof(daemon->process.log), "%s/log", daemon->dir);
}

void
bh_daemon_configure(struct bh_daemon *daemon, const char *text)
{
    size_t len = strlen(text);
    int fd = open(daemon->config, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
        give_up(daemon->config);
}

static void
listen_for_notices(struct bh_daemon *daemon, char *variable, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notices", daemon->dir);
    snprintf(variable, size, "NOTIFY_SOCKET=%s", address.sun_path);
    if (daemon->notices >= 0)
        close(daemon->notices);
    unlink(address.sun_path);
    daemon->notices = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (daemon->notices < 0 || fcntl(daemon->notices, F_SETFD, FD_CLOEXEC) != 0 ||
        bind(daemon->notices, (struct sockaddr *)&address, sizeof(address)) != 0)
        give_up(address.sun_path);
}

void
bh_daemon_start(struct bh_daemon *daemon, const char *const *environment)
{
    const char *argv[] = {program(), "--config", daemon->config, NULL};
    const char *all[ENVIRONMENT_MAX];
    char notify[128];
    size_t count = 0;
    if (daemon->process.pid != 0)
        give_up("it is running already");
    listen_for_notices(daemon, notify, sizeof(notify));
    all[count++] = notify;
    for (; environment != NULL && *environment != NULL && count + 1 < ENVIRONMENT_MAX;
         environment++)
        all[count++] = *environment;
    all[count] = NULL;
    bh_process_start(&daemon->process, argv, all);
}

bool
bh_daemon_wait_ready(struct bh_daemon *daemon, int timeout_ms)
{
    long long until = bh_now_ms() + timeout_ms;
    struct pollfd watched = {.fd = daemon->notices, .events = POLLIN};
    while (bh_now_ms() < until) {
        char notice[512];
        bool running = bh_process_is_running(&daemon->process);
        if (poll(&watched, 1, running ? 20 : 0) == 1) {
            ssize_t len = recv(daemon->notices, notice, sizeof(notice) - 1, 0);
            notice[len > 0 ? len : 0] = '\0';
            if (strstr(notice, "READY=1") != NULL)
                return true;
        } else if (!running) {
            return false;
        }
    }
    return false;
}

int
bh_daemon_run(struct bh_daemon *daemon, const char *argument)
{
    const char *argv[] = {program(), "--config", daemon->config, argument, NULL};
    bh_process_start(&daemon->process, argv, NULL);
    if (!bh_process_wait(&daemon->process, RUN_MS))
        give_up("it does not end");
    return daemon->process.end;
}

int
bh_daemon_stop(struct bh_daemon *daemon, int timeout_ms)
{
    if (!bh_process_is_running(&daemon->process))
        return daemon->process.end;
    bh_process_signal(&daemon->process, SIGTERM);
    return bh_process_wait(&daemon->process, timeout_ms) ? daemon->process.end : -1000;
}

void
bh_daemon_release(struct bh_daemon *daemon)
{
    bh_process_kill(&daemon->process);
    if (daemon->notices >= 0)
        close(daemon->notices);
    bh_remove_tree(daemon->dir);
}
