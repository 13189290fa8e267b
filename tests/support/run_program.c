#include "support/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
give_up(const char *what)
{
    fprintf(stderr, "run_program: %s: %s\n", what, strerror(errno));
    abort();
}

static int
open_file(const char *directory, const char *name, int flags)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/run.%s", directory, name);
    int file = open(path, flags | O_CLOEXEC, 0600);
    if (file < 0)
        give_up(path);
    return file;
}

static void
write_input(const struct run_request *request)
{
    const char *text = request->input != NULL ? request->input : "";
    size_t len = strlen(text);
    int file = open_file(request->directory, "in", O_WRONLY | O_CREAT | O_TRUNC);
    while (len > 0) {
        ssize_t wrote = write(file, text, len);
        if (wrote < 0)
            give_up("write");
        text += wrote;
        len -= (size_t)wrote;
    }
    close(file);
}

static char *
read_output(const char *directory, const char *name)
{
    char *text = malloc(RUN_OUTPUT_MAX + 1);
    if (text == NULL)
        give_up("malloc");
    int file = open_file(directory, name, O_RDONLY);
    size_t len = 0;
    ssize_t got;
    while (len < RUN_OUTPUT_MAX && (got = read(file, text + len, RUN_OUTPUT_MAX - len)) > 0)
        len += (size_t)got;
    close(file);
    text[len] = '\0';
    return text;
}

static void
set_environment(const char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        char name[128];
        const char *equals = strchr(*environment, '=');
        snprintf(name, sizeof(name), "%.*s", (int)(equals - *environment), *environment);
        setenv(name, equals + 1, 1);
    }
}

/* In the child; never comes back. */
static void
become(const struct run_request *request)
{
    char *argv[RUN_ARGS_MAX + 2];
    int count = 0;
    char program[512];
    snprintf(program, sizeof(program), "%s", request->program);
    argv[count++] = program;
    for (; request->args[count - 1] != NULL && count <= RUN_ARGS_MAX; count++)
        argv[count] = strdup(request->args[count - 1]);
    argv[count] = NULL;
    if (dup2(open_file(request->directory, "in", O_RDONLY), STDIN_FILENO) < 0 ||
        dup2(open_file(request->directory, "out", O_WRONLY | O_CREAT | O_TRUNC), STDOUT_FILENO) <
            0 ||
        dup2(open_file(request->directory, "err", O_WRONLY | O_CREAT | O_TRUNC), STDERR_FILENO) < 0)
        give_up("dup2");
    set_environment(request->environment);
    execv(program, argv);
    give_up(program);
}

void
run_program(const struct run_request *request, struct run_result *ret_result)
{
    write_input(request);
    pid_t pid = fork();
    if (pid < 0)
        give_up("fork");
    if (pid == 0)
        become(request);
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            give_up("waitpid");
    }
    *ret_result = (struct run_result){
        .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .out = read_output(request->directory, "out"),
        .err = read_output(request->directory, "err"),
    };
}

void
run_release(struct run_result *result)
{
    free(result->out);
    free(result->err);
    result->out = NULL;
    result->err = NULL;
}
