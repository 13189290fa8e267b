#include "daemon/alert_command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/buf.h"

/* Between SIGTERM and SIGKILL. */
#define MERCY_MS (2 * BH_SECOND_MS)

/* Of its standard error. */
#define SAID_MAX 200

static const char *const inherited[] = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR",
};

#define OWN_VARIABLES   10
#define VARIABLES_MAX   (BH_ARRAY_LEN(inherited) + OWN_VARIABLES + 1)
#define VARIABLES_BYTES ((size_t)32 * 1024)

struct bh_alert_command {
    struct bh_alert_command_options options;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_process_t process;
    uv_pipe_t in, err;
    uv_write_t write;
    struct bh_buf json, environment;
    char said[SAID_MAX + 1];
    size_t said_len;
    char scrap[512];    /* what it says behind that */
    unsigned run_open;  /* handles of this run that are not closed yet */
    bool busy;          /* on_done is owed */
    bool spawned, late; /* late: it was told to end */
    bool timer_closed, stopping, closed_told;
    struct bh_alert_command_result result;
};

/* ---- the environment ---- */

/* Entries stand behind each other in one buffer, each with its NUL; the pointers are set when it has stopped growing. */
static void
put_variable(struct bh_buf *buf, const char *name, const char *value)
{
    bh_buf_printf(buf, "%s=%s", name, value);
    bh_buf_append_char(buf, '\0');
}

static void
put_number(struct bh_buf *buf, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    put_variable(buf, name, text);
}

static enum bh_status
make_environment(struct bh_buf *buf, const struct bh_alert *alert, const char *instance,
                 char *variables[VARIABLES_MAX])
{
    const struct bh_alert_condition *condition = &alert->condition;
    bh_buf_clear(buf);
    for (size_t i = 0; i < BH_ARRAY_LEN(inherited); i++) {
        const char *value = getenv(inherited[i]);
        if (value != NULL && strlen(value) < 2048)
            put_variable(buf, inherited[i], value);
    }
    put_variable(buf, "BELLHOP_ALERT_EVENT", bh_alert_event_name(alert->event));
    put_variable(buf, "BELLHOP_ALERT_NAME", bh_alert_kind_name(condition->kind));
    put_variable(buf, "BELLHOP_ALERT_QUEUE", condition->subject);
    put_variable(buf, "BELLHOP_ALERT_TEXT", condition->text);
    put_number(buf, "BELLHOP_ALERT_VALUE", condition->value);
    put_number(buf, "BELLHOP_ALERT_LIMIT", condition->limit);
    put_number(buf, "BELLHOP_ALERT_SINCE", alert->since.ms / BH_SECOND_MS);
    put_number(buf, "BELLHOP_ALERT_LASTED", alert->lasted_ms / BH_SECOND_MS);
    put_number(buf, "BELLHOP_ALERT_TOLD", (int64_t)alert->told);
    put_variable(buf, "BELLHOP_ALERT_INSTANCE", instance);
    enum bh_status status = bh_buf_status(buf);
    if (status != BH_OK)
        return status;
    size_t count = 0;
    for (char *at = buf->ptr; at < buf->ptr + buf->len; at += strlen(at) + 1)
        variables[count++] = at;
    variables[count] = NULL;
    return BH_OK;
}

/* ---- the end of a run ---- */

static void
close_when_over(struct bh_alert_command *command)
{
    if (!command->stopping || !command->timer_closed || command->run_open > 0 ||
        command->closed_told)
        return;
    command->closed_told = true;
    command->options.on_closed(command->options.arg);
}

static void
run_on_closed(uv_handle_t *handle)
{
    struct bh_alert_command *command = handle->data;
    if (--command->run_open > 0)
        return;
    if (command->busy && !command->stopping) {
        command->busy = false;
        command->options.on_done(command->options.arg, &command->result);
    }
    close_when_over(command);
}

static void
close_run(struct bh_alert_command *command)
{
    uv_handle_t *const handles[] = {
        (uv_handle_t *)&command->process,
        (uv_handle_t *)&command->in,
        (uv_handle_t *)&command->err,
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(handles); i++) {
        if (command->run_open > 0 && !uv_is_closing(handles[i]))
            uv_close(handles[i], run_on_closed);
    }
}

/* One line of what it said, without control characters; the log writer takes care of the rest. */
static void
tidy(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (unsigned char)text[len - 1] <= ' ')
        text[--len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    }
}

/* What was written before the end may not have been read yet; others that hold the pipe are not waited for. */
static void
read_rest(struct bh_alert_command *command)
{
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&command->err, &fd) != 0)
        return;
    while (command->said_len < SAID_MAX) {
        ssize_t len = read(fd, command->said + command->said_len, SAID_MAX - command->said_len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return;
        command->said_len += (size_t)len;
    }
}

static void
process_on_exit(uv_process_t *process, int64_t exit_code, int signal_number)
{
    struct bh_alert_command *command = process->data;
    struct bh_alert_command_result *result = &command->result;
    char how[96];
    uv_timer_stop(&command->timer);
    uv_read_stop((uv_stream_t *)&command->err);
    read_rest(command);
    command->said[command->said_len] = '\0';
    tidy(command->said);
    result->good = exit_code == 0 && signal_number == 0 && !command->late;
    if (command->late)
        snprintf(how, sizeof(how), "it took longer than %lld s and was ended",
                 (long long)(command->options.timeout_ms / BH_SECOND_MS));
    else if (signal_number != 0)
        snprintf(how, sizeof(how), "it was ended by signal %d", signal_number);
    else
        snprintf(how, sizeof(how), "its exit code is %lld", (long long)exit_code);
    bool spoke = command->said[0] != '\0';
    snprintf(result->text, sizeof(result->text), "%s%s%s", how, spoke ? ", it said: " : "",
             command->said);
    close_run(command);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_alert_command *command = timer->data;
    if (!command->spawned) { /* it could not be started; told in a turn of its own */
        close_run(command);
        return;
    }
    int signal_number = command->late ? SIGKILL : SIGTERM;
    /* The group; a program that has left it is not ours to chase. */
    if (kill(-command->process.pid, signal_number) != 0)
        (void)uv_process_kill(&command->process, signal_number);
    if (!command->late)
        uv_timer_start(timer, timer_on_fire, (uint64_t)MERCY_MS, 0);
    command->late = true;
}

/* ---- its standard streams ---- */

static void
err_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf)
{
    struct bh_alert_command *command = handle->data;
    (void)wanted;
    size_t room = SAID_MAX - command->said_len;
    *ret_buf = room > 0 ? uv_buf_init(command->said + command->said_len, (unsigned)room)
                        : uv_buf_init(command->scrap, sizeof(command->scrap));
}

static void
err_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct bh_alert_command *command = stream->data;
    if (len < 0)
        uv_read_stop(stream);
    else if (buf->base != command->scrap)
        command->said_len += (size_t)len;
}

/* A program that does not read its input is no failure; its exit code counts. */
static void
in_on_written(uv_write_t *write, int status)
{
    struct bh_alert_command *command = write->data;
    (void)status;
    if (!uv_is_closing((uv_handle_t *)&command->in))
        uv_close((uv_handle_t *)&command->in, run_on_closed);
}

static void
feed(struct bh_alert_command *command)
{
    uv_buf_t json = uv_buf_init(command->json.ptr, (unsigned)command->json.len);
    command->write.data = command;
    if (uv_write(&command->write, (uv_stream_t *)&command->in, &json, 1, in_on_written) != 0)
        uv_close((uv_handle_t *)&command->in, run_on_closed);
    if (uv_read_start((uv_stream_t *)&command->err, err_alloc, err_on_read) != 0)
        uv_close((uv_handle_t *)&command->err, run_on_closed);
}

/* ---- a run ---- */

static int
spawn(struct bh_alert_command *command, const char *program, char **variables)
{
    char *arguments[] = {(char *)(uintptr_t)program, NULL};
    uv_stdio_container_t streams[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,   .data.stream = (uv_stream_t *)&command->in},
        {.flags = UV_IGNORE                          },
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&command->err                                          },
    };
    const uv_process_options_t options = {
        .exit_cb = process_on_exit,
        .file = program,
        .args = arguments,
        .env = variables,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED, /* a process group of its own */
        .stdio_count = (int)BH_ARRAY_LEN(streams),
        .stdio = streams,
    };
    return uv_spawn(command->loop, &command->process, &options);
}

enum bh_status
bh_alert_command_run(struct bh_alert_command *command, const char *program,
                     const struct bh_alert *alert, const char *instance, struct bh_str json)
{
    char *variables[VARIABLES_MAX];
    BH_ASSERT(!command->busy && !command->stopping && command->run_open == 0);
    bh_buf_clear(&command->json);
    bh_buf_append_str(&command->json, json);
    bh_buf_append_char(&command->json, '\n');
    enum bh_status status = bh_buf_status(&command->json);
    if (status == BH_OK)
        status = make_environment(&command->environment, alert, instance, variables);
    if (status != BH_OK)
        return status;

    command->busy = true;
    command->late = false;
    command->said_len = 0;
    command->result = (struct bh_alert_command_result){.good = false};
    uv_pipe_init(command->loop, &command->in, 0);
    uv_pipe_init(command->loop, &command->err, 0);
    command->run_open = 3;
    int code = spawn(command, program, variables);
    command->process.data = command->in.data = command->err.data = command;
    command->spawned = code == 0;
    if (code != 0) {
        snprintf(command->result.text, sizeof(command->result.text), "it cannot be started: %s",
                 uv_strerror(code));
        uv_timer_start(&command->timer, timer_on_fire, 0, 0);
        return BH_OK;
    }
    feed(command);
    uv_timer_start(&command->timer, timer_on_fire, (uint64_t)command->options.timeout_ms, 0);
    return BH_OK;
}

bool
bh_alert_command_is_busy(const struct bh_alert_command *command)
{
    return command->busy;
}

/* ---- life ---- */

enum bh_status
bh_alert_command_new(uv_loop_t *loop, const struct bh_alert_command_options *options,
                     struct bh_alert_command **ret_command)
{
    struct bh_alert_command *command = bh_alloc_zero(sizeof(*command));
    if (command == NULL)
        return BH_ENOMEM;
    command->options = *options;
    command->loop = loop;
    bh_buf_init(&command->json, VARIABLES_BYTES);
    bh_buf_init(&command->environment, VARIABLES_BYTES);
    uv_timer_init(loop, &command->timer);
    command->timer.data = command;
    *ret_command = command;
    return BH_OK;
}

static void
timer_on_closed(uv_handle_t *timer)
{
    struct bh_alert_command *command = timer->data;
    command->timer_closed = true;
    close_when_over(command);
}

void
bh_alert_command_stop(struct bh_alert_command *command)
{
    if (command->stopping)
        return;
    command->stopping = true;
    uv_close((uv_handle_t *)&command->timer, timer_on_closed);
    close_run(command);
}

void
bh_alert_command_free(struct bh_alert_command *command)
{
    if (command == NULL)
        return;
    bh_buf_release(&command->json);
    bh_buf_release(&command->environment);
    bh_free(command);
}
