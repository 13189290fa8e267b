#include "support/sim_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/http_client.h"

#define ARGUMENTS_MAX 16
#define READY_MS      30000
#define STOP_MS       30000

static void
become(int out, const char *const arguments[], bool with_listen)
{
    const char *all[ARGUMENTS_MAX + 4] = {BH_SIM_PROGRAM};
    size_t count = 1;
    if (with_listen) {
        all[count++] = "--listen";
        all[count++] = "127.0.0.1:0";
    }
    for (size_t at = 0; arguments != NULL && arguments[at] != NULL && at < ARGUMENTS_MAX; at++)
        all[count++] = arguments[at];
    all[count] = NULL;
    dup2(out, STDOUT_FILENO);
    if (!with_listen)
        dup2(out, STDERR_FILENO);
    execv(BH_SIM_PROGRAM, (char *const *)(uintptr_t)all);
    _exit(127);
}

/* Fork with a pipe at the child's output.  -1: failed. */
static pid_t
spawn(const char *const arguments[], bool with_listen, int *ret_out)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe(ends) != 0)
        return -1;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The parent may have died before the line above. */
        if (getppid() != parent)
            _exit(127);
        become(ends[1], arguments, with_listen);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -1;
    }
    *ret_out = ends[0];
    return pid;
}

/* The ready line ends with the URL; other lines may come first (further --listen). */
static bool
read_ready_line(struct bh_test_sim *sim)
{
    static const char mark[] = "bellhop-sim: listening on http://127.0.0.1:";
    char line[256];
    size_t len = 0;
    struct pollfd watched = {.fd = sim->out, .events = POLLIN};
    while (poll(&watched, 1, READY_MS) == 1) {
        if (read(sim->out, line + len, 1) != 1 || len + 2 >= sizeof line)
            return false;
        if (line[len] != '\n') {
            len++;
            continue;
        }
        line[len] = '\0';
        len = 0;
        if (strncmp(line, mark, strlen(mark)) != 0)
            continue;
        sim->port = (int)strtol(line + strlen(mark), NULL, 10);
        snprintf(sim->url, sizeof sim->url, "http://127.0.0.1:%d", sim->port);
        return true;
    }
    return false;
}

bool
bh_test_sim_start(struct bh_test_sim *sim, const char *const arguments[])
{
    *sim = (struct bh_test_sim){.pid = -1, .out = -1};
    sim->pid = spawn(arguments, true, &sim->out);
    if (sim->pid < 0)
        return false;
    if (read_ready_line(sim))
        return true;
    kill(sim->pid, SIGKILL);
    waitpid(sim->pid, NULL, 0);
    close(sim->out);
    sim->pid = -1;
    return false;
}

bool
bh_test_sim_start_with(struct bh_test_sim *sim, const char *ini)
{
    char path[] = "/tmp/bellhop-sim-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return false;
    size_t len = strlen(ini);
    bool good = write(fd, ini, len) == (ssize_t)len;
    close(fd);
    const char *const arguments[] = {"--config", path, NULL};
    good = good && bh_test_sim_start(sim, arguments);
    unlink(path);
    return good;
}

static int
wait_for(pid_t pid, int timeout_ms)
{
    const struct timespec step = {.tv_nsec = 2000000};
    int status;
    for (int waited_ms = 0; waitpid(pid, &status, WNOHANG) == 0; waited_ms += 2) {
        if (waited_ms > timeout_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        nanosleep(&step, NULL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
bh_test_sim_stop(struct bh_test_sim *sim)
{
    if (sim->pid <= 0)
        return -1;
    kill(sim->pid, SIGTERM);
    int code = wait_for(sim->pid, STOP_MS);
    close(sim->out);
    sim->pid = -1;
    return code;
}

bool
bh_test_sim_tell(const struct bh_test_sim *sim, const char *what, const char *json)
{
    char target[256];
    struct bh_test_http response;
    snprintf(target, sizeof target, "/_sim/%s", what);
    bh_test_http_call(sim->port, "POST", target, "Content-Type: application/json\r\n", json,
                      &response);
    bool good = response.end == BH_TEST_HTTP_WHOLE && response.status == 200;
    if (!good)
        fprintf(stderr, "%s %s: %d %s\n", target, json, response.status, response.body);
    bh_test_http_release(&response);
    return good;
}

long long
bh_test_sim_number(const struct bh_test_sim *sim, const char *what, const char *name)
{
    char target[512], mark[128];
    struct bh_test_http response;
    long long number = -1;
    snprintf(target, sizeof target, "/_sim/%s", what);
    snprintf(mark, sizeof mark, "\"%s\":", name);
    bh_test_http_call(sim->port, "GET", target, NULL, NULL, &response);
    const char *found = strstr(response.body, mark);
    if (found != NULL)
        number = strtoll(found + strlen(mark), NULL, 10);
    bh_test_http_release(&response);
    return number;
}

int
bh_test_sim_run(const char *const arguments[], char *output, size_t size)
{
    int out = -1;
    size_t len = 0;
    pid_t pid = spawn(arguments, false, &out);
    if (pid < 0)
        return -1;
    ssize_t count;
    while (len + 1 < size && (count = read(out, output + len, size - len - 1)) > 0)
        len += (size_t)count;
    output[len] = '\0';
    close(out);
    return wait_for(pid, STOP_MS);
}
