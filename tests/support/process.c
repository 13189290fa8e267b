#include "support/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS      5
#define SHOWN_MAX    12000
#define LINE_MAX_LEN 4096

extern char **environ;

static _Noreturn void
give_up(const char *what)
{
    fprintf(stderr, "process: %s: %s\n", what, strerror(errno));
    abort();
}

void
bh_sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static long long
clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

long long
bh_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

long long
bh_unix_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

long long
bh_unix_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- life ------------------------------------------------------------------------------------------ */

/* Built before the fork: behind it, in a program with threads, memory must not be asked for. */
static char **
make_environment(const char *const *more)
{
    size_t own = 0, added = 0;
    while (environ[own] != NULL)
        own++;
    while (more != NULL && more[added] != NULL)
        added++;
    char **all = calloc(own + added + 1, sizeof(*all));
    if (all == NULL)
        give_up("memory");
    /* The first of two equal names counts. */
    for (size_t i = 0; i < added; i++)
        all[i] = (char *)(uintptr_t)more[i];
    for (size_t i = 0; i < own; i++)
        all[added + i] = environ[i];
    return all;
}

static _Noreturn void
become(const struct bh_process *process, const char *const *argv, char **environment, pid_t parent)
{
    sigset_t none;
    int fd = open(process->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    /* A mask is inherited, and the child must not depend on the test program's. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        execve(argv[0], (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

void
bh_process_start(struct bh_process *process, const char *const *argv,
                 const char *const *environment)
{
    pid_t parent = getpid();
    char **all = make_environment(environment);
    process->pid = fork();
    if (process->pid < 0)
        give_up("fork");
    if (process->pid == 0)
        become(process, argv, all, parent);
    free(all);
}

static void
note_end(struct bh_process *process, int status)
{
    process->pid = 0;
    process->end = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool
bh_process_is_running(struct bh_process *process)
{
    int status;
    if (process->pid == 0)
        return false;
    if (waitpid(process->pid, &status, WNOHANG) != process->pid)
        return true;
    note_end(process, status);
    return false;
}

bool
bh_process_wait(struct bh_process *process, int timeout_ms)
{
    long long until = bh_now_ms() + timeout_ms;
    while (bh_process_is_running(process)) {
        if (bh_now_ms() > until)
            return false;
        bh_sleep_ms(POLL_MS);
    }
    return true;
}

void
bh_process_signal(struct bh_process *process, int number)
{
    siginfo_t info;
    if (process->pid == 0)
        return;
    if (kill(process->pid, number) != 0)
        give_up("kill");
    /* A signal is only on its way when kill() returns, and what is pushed next must not be claimed any more. */
    if (number == SIGSTOP &&
        waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WEXITED | WNOWAIT) != 0)
        give_up("waitid");
}

void
bh_process_kill(struct bh_process *process)
{
    int status;
    if (process->pid == 0)
        return;
    kill(process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0)
        if (errno != EINTR)
            give_up("waitpid");
    note_end(process, status);
}

/* ---- log ------------------------------------------------------------------------------------------- */

static FILE *
open_log(const struct bh_process *process, long offset)
{
    FILE *file = fopen(process->log, "r");
    if (file != NULL)
        fseek(file, offset, SEEK_SET);
    return file;
}

unsigned
bh_process_count(const struct bh_process *process, const char *part)
{
    char line[LINE_MAX_LEN];
    unsigned count = 0;
    FILE *file = open_log(process, process->mark);
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, part) != NULL && strchr(line, '\n') != NULL;
    fclose(file);
    return count;
}

bool
bh_process_wait_line(struct bh_process *process, const char *part, int timeout_ms)
{
    long long until = bh_now_ms() + timeout_ms;
    for (;;) {
        bool running = bh_process_is_running(process);
        if (bh_process_count(process, part) > 0)
            return true;
        if (!running || bh_now_ms() > until)
            return false;
        bh_sleep_ms(POLL_MS);
    }
}

void
bh_process_set_mark(struct bh_process *process)
{
    FILE *file = open_log(process, 0);
    if (file == NULL)
        return;
    fseek(file, 0, SEEK_END);
    process->mark = ftell(file);
    fclose(file);
}

void
bh_process_show(const struct bh_process *process)
{
    char line[LINE_MAX_LEN];
    FILE *file = open_log(process, 0);
    if (file == NULL)
        return;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, size > SHOWN_MAX ? size - SHOWN_MAX : 0, SEEK_SET);
    fprintf(stderr, "  %s:\n", process->log);
    while (fgets(line, sizeof(line), file) != NULL)
        fprintf(stderr, "    %s", line);
    fclose(file);
}

/* ---- what it costs --------------------------------------------------------------------------------- */

static bool
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    fclose(file);
    return len > 0;
}

long
bh_process_cpu_us(pid_t pid)
{
    char text[1024];
    unsigned long user = 0, system = 0;
    if (!read_proc(pid, "stat", text, sizeof(text)))
        return 0;
    const char *rest = strrchr(text, ')'); /* the program's name may hold anything */
    if (rest == NULL || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               &user, &system) != 2)
        return 0;
    return (long)((user + system) * (1000000UL / (unsigned long)sysconf(_SC_CLK_TCK)));
}

long
bh_process_rss_kib(pid_t pid)
{
    char text[4096];
    if (!read_proc(pid, "status", text, sizeof(text)))
        return 0;
    const char *line = strstr(text, "VmRSS:");
    return line != NULL ? strtol(line + 6, NULL, 10) : 0;
}

unsigned
bh_process_descriptors(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}
