/* doctor: what the service manager says of the unit. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"

#define ANSWER_MAX 8192

/* The service manager answers within milliseconds; one that is stuck must not hold us up. */
#define ANSWER_TIME_MS 5000

extern char **environ;

static int64_t
now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * systemctl with its standard output into `out`; what it complains about is nobody's business.  The system's
 * signature lacks a const: nothing is changed.
 */
static pid_t
spawn(const char *unit, int out)
{
    const char *const argv[] = {
        "systemctl",
        "show",
        "--no-pager",
        "--property=LoadState,ActiveState,UnitFileState,LimitNOFILESoft,OOMScoreAdjust,"
        "WatchdogUSec,User,StateDirectory",
        "--",
        unit,
        NULL,
    };
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    if (posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) != 0 ||
        posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* Until its end, the bound, or the limit of time; returns the bytes. */
static size_t
read_answer(int fd, char *answer, size_t size)
{
    size_t len = 0;
    int64_t until = now_ms() + ANSWER_TIME_MS;
    while (len < size) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = until - now_ms();
        int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        ssize_t got = read(fd, answer + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return len;
}

/* It has closed its output or had its time: nothing is lost when it is ended. */
static bool
reap(pid_t pid)
{
    int status = 0;
    for (int i = 0; i < 100; i++) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        const struct timespec moment = {.tv_nsec = 10000000};
        (void)nanosleep(&moment, NULL);
    }
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return false;
}

void
bh_doctor_ask_unit(const char *unit, struct bh_unit_facts *ret_facts)
{
    char answer[ANSWER_MAX];
    int ends[2];
    size_t len = 0;
    bh_unit_facts_read(ret_facts, (struct bh_str){NULL, 0});
    if (pipe(ends) != 0)
        return;
    bool closes =
        fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
    pid_t pid = closes ? spawn(unit, ends[1]) : -1;
    (void)close(ends[1]);
    if (pid > 0)
        len = read_answer(ends[0], answer, sizeof(answer));
    (void)close(ends[0]);
    if (pid > 0 && reap(pid))
        bh_unit_facts_read(ret_facts, (struct bh_str){answer, len});
}
