#include "support/redis_process.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/remove_tree.h"

#define ARGS_MAX      64
#define START_TRIES   3 /* a free port may be taken by another program before the server has it */
#define START_POLL_MS 5
#define START_MAX_MS  20000

static void
show_file(const char *path)
{
    char line[512];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL)
        fprintf(stderr, "    %s", line);
    fclose(file);
}

static _Noreturn void
give_up(const struct bh_redis_process *process, const char *what)
{
    char log[128];
    fprintf(stderr, "redis_process: %s: %s\n", what, strerror(errno));
    if (process != NULL) {
        bh_redis_process_path(process, "log", log, sizeof(log));
        show_file(log);
    }
    abort();
}

static void
sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

void
bh_redis_process_path(const struct bh_redis_process *process, const char *name, char *ret_path,
                      size_t size)
{
    int len = snprintf(ret_path, size, "%s/%s", process->dir, name);
    if (len < 0 || (size_t)len >= size) {
        errno = ENAMETOOLONG;
        give_up(NULL, "a path");
    }
}

void
bh_redis_process_init(struct bh_redis_process *process)
{
    *process = (struct bh_redis_process){0};
    /* Not TMPDIR: a unix socket's path is short. */
    snprintf(process->dir, sizeof(process->dir), "/tmp/bellhop-redis.XXXXXX");
    if (mkdtemp(process->dir) == NULL)
        give_up(NULL, "mkdtemp");
    bh_redis_process_path(process, "redis.sock", process->socket_path,
                          sizeof(process->socket_path));
    snprintf(process->url, sizeof(process->url), "unix://%s", process->socket_path);
}

/* ---- ports and probes ------------------------------------------------------------------------------ */

static uint16_t
free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        give_up(NULL, "a free port");
    close(fd);
    return ntohs(address.sin_port);
}

void
bh_redis_process_want_tcp(struct bh_redis_process *process)
{
    process->port = free_port();
}

/* What the server answers to PING; false when it does not. */
static bool
ask_ping(const struct bh_redis_process *process, char *ret_answer, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 1};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", process->socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        give_up(process, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));

    ssize_t got = -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6)
        got = recv(fd, ret_answer, size - 1, 0);
    close(fd);
    if (got <= 0)
        return false;
    ret_answer[got] = '\0';
    return true;
}

/* A server that asks for a login is up as well. */
static bool
is_up(const struct bh_redis_process *process, bool loading_is_enough)
{
    char answer[256];
    if (!ask_ping(process, answer, sizeof(answer)))
        return false;
    return loading_is_enough || strncmp(answer, "-LOADING", 8) != 0;
}

/* ---- running --------------------------------------------------------------------------------------- */

/* Runs in the child: only calls that are safe behind a fork. */
static _Noreturn void
run(const char *program, char *const *argv, pid_t parent, const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    /* Gone with its test, however that ends; the second look is for an end before the first. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        execvp(program, argv);
    _exit(127);
}

static void
spawn(struct bh_redis_process *process, const char *const *args)
{
    const char *program = getenv("BELLHOP_TEST_REDIS_SERVER");
    char port[8], log[128];
    if (program == NULL || program[0] == '\0')
        program = "redis-server";
    snprintf(port, sizeof(port), "%u", (unsigned)process->port);
    bh_redis_process_path(process, "log", log, sizeof(log));

    const char *argv[ARGS_MAX] = {program,
                                  "--port",
                                  port,
                                  "--bind",
                                  "127.0.0.1",
                                  "--unixsocket",
                                  process->socket_path,
                                  "--dir",
                                  process->dir,
                                  "--save",
                                  "",
                                  "--appendonly",
                                  "no",
                                  "--daemonize",
                                  "no"};
    size_t argc = 0;
    while (argv[argc] != NULL)
        argc++;
    for (; args != NULL && *args != NULL && argc + 1 < ARGS_MAX; args++)
        argv[argc++] = *args;

    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid < 0)
        give_up(process, "fork");
    if (process->pid == 0)
        run(program, (char *const *)(uintptr_t)argv, parent, log);
}

static bool
wait_until_up(struct bh_redis_process *process, bool loading_is_enough)
{
    for (long waited = 0; waited < START_MAX_MS; waited += START_POLL_MS) {
        if (is_up(process, loading_is_enough))
            return true;
        if (waitpid(process->pid, NULL, WNOHANG) == process->pid) {
            process->pid = 0;
            return false;
        }
        sleep_ms(START_POLL_MS);
    }
    return false;
}

static void
start(struct bh_redis_process *process, const char *const *args, bool loading_is_enough)
{
    if (process->pid != 0)
        give_up(process, "it is running already");
    for (int i = 0; i < START_TRIES; i++) {
        spawn(process, args);
        if (wait_until_up(process, loading_is_enough)) {
            process->started_before = true;
            return;
        }
        if (process->pid != 0 || process->started_before || process->port == 0)
            break;
        process->port = free_port();
    }
    give_up(process, "the server did not come up");
}

void
bh_redis_process_start(struct bh_redis_process *process, const char *const *args)
{
    start(process, args, false);
}

void
bh_redis_process_start_loading(struct bh_redis_process *process, const char *const *args)
{
    start(process, args, true);
}

static void
end(struct bh_redis_process *process, int signal)
{
    if (process->pid == 0)
        return;
    kill(process->pid, signal);
    kill(process->pid, SIGCONT);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
}

void
bh_redis_process_stop(struct bh_redis_process *process)
{
    end(process, SIGTERM);
}

void
bh_redis_process_kill(struct bh_redis_process *process)
{
    end(process, SIGKILL);
}

void
bh_redis_process_pause(struct bh_redis_process *process)
{
    if (kill(process->pid, SIGSTOP) != 0)
        give_up(process, "SIGSTOP");
}

void
bh_redis_process_resume(struct bh_redis_process *process)
{
    if (kill(process->pid, SIGCONT) != 0)
        give_up(process, "SIGCONT");
}

void
bh_redis_process_release(struct bh_redis_process *process)
{
    bh_redis_process_kill(process);
    bh_remove_tree(process->dir);
}

static void
openssl(const struct bh_redis_process *process, const char *const *args)
{
    const char *argv[ARGS_MAX] = {"openssl"};
    char log[128];
    int status;
    for (size_t i = 0; args[i] != NULL; i++)
        argv[i + 1] = args[i];
    bh_redis_process_path(process, "openssl.log", log, sizeof(log));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        if (chdir(process->dir) != 0)
            _exit(126);
        run("openssl", (char *const *)(uintptr_t)argv, parent, log);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        show_file(log);
        give_up(NULL, "openssl failed");
    }
}

static void
make_certificate(const struct bh_redis_process *process, const char *name, const char *alternatives)
{
    char key[32], request[32], pem[32], extensions[32], path[128];
    snprintf(key, sizeof(key), "%s.key", name);
    snprintf(request, sizeof(request), "%s.csr", name);
    snprintf(pem, sizeof(pem), "%s.pem", name);
    snprintf(extensions, sizeof(extensions), "%s.ext", name);
    bh_redis_process_path(process, extensions, path, sizeof(path));
    FILE *file = fopen(path, "w");
    if (file == NULL)
        give_up(NULL, path);
    fprintf(file, "subjectAltName=%s\n", alternatives);
    fclose(file);

    openssl(process, (const char *const[]){"req", "-newkey", "ec", "-pkeyopt",
                                           "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                                           "-out", request, "-subj", "/CN=bellhop test", NULL});
    openssl(process, (const char *const[]){"x509", "-req", "-in", request, "-CA", "ca.pem",
                                           "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                                           "-extfile", extensions, "-out", pem, NULL});
}

void
bh_redis_process_make_certificates(const struct bh_redis_process *process)
{
    openssl(process, (const char *const[]){"req", "-x509", "-newkey", "ec", "-pkeyopt",
                                           "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                                           "-out", "ca.pem", "-days", "2", "-subj",
                                           "/CN=bellhop test authority", NULL});
    make_certificate(process, "server", "DNS:localhost,IP:127.0.0.1");
    make_certificate(process, "client", "DNS:client");
}
