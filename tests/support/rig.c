#include "support/rig.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/remove_tree.h"

#define START_MS 30000
#define STOP_MS  40000
#define POLL_MS  5

static const char *const instances[BH_RIG_DAEMONS_MAX] = {"one", "two", "three", "four"};

struct kept {
    struct kept *next;
    char text[];
};

static void *
memory_or_end(void *memory)
{
    if (memory == NULL) {
        fputs("rig: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static char *
keep(struct bh_rig *rig, const char *text, size_t len)
{
    struct kept *kept = memory_or_end(malloc(sizeof(*kept) + len + 1));
    memcpy(kept->text, text, len);
    kept->text[len] = '\0';
    kept->next = rig->kept;
    rig->kept = kept;
    return kept->text;
}

static char *print(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static char *
print(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = memory_or_end(malloc((size_t)len + 1));
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

const char *
bh_rig_text(struct bh_rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    const char *kept = keep(rig, text, strlen(text));
    free(text);
    return kept;
}

static void
release(struct bh_rig *rig)
{
    for (unsigned i = 0; i < rig->daemons_count; i++)
        bh_daemon_release(&rig->daemons[i]);
    bh_process_kill(&rig->sim);
    bh_tap_stop(rig->tap);
    bh_rig_disconnect(rig);
    bh_redis_process_release(&rig->redis);
    bh_remove_tree(rig->dir);
    while (rig->kept != NULL) {
        struct kept *next = rig->kept->next;
        free(rig->kept);
        rig->kept = next;
    }
}

void
bh_rig_fail(struct bh_rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    fprintf(stderr, "rig: %s\n", text);
    free(text);
    for (unsigned i = 0; i < rig->daemons_count; i++) {
        struct bh_process *process = &rig->daemons[i].process;
        if (bh_process_is_running(process))
            fprintf(stderr, "daemon %s runs:\n", instances[i]);
        else
            fprintf(stderr, "daemon %s has ended with %d:\n", instances[i], process->end);
        bh_process_show(process);
    }
    bh_process_show(&rig->sim);
    release(rig);
    abort();
}

void
bh_rig_begin_waiting(struct bh_rig *rig, int timeout_ms)
{
    rig->wait_until = bh_now_ms() + timeout_ms;
}

/* Nobody waits for something of a daemon that has just crashed. */
static void
check_daemons(struct bh_rig *rig)
{
    for (unsigned i = 0; i < rig->daemons_count; i++) {
        struct bh_process *process = &rig->daemons[i].process;
        if (process->pid != 0 && !bh_process_is_running(process) && process->end != 0)
            bh_rig_fail(rig, "daemon %s has ended with %d", instances[i], process->end);
    }
}

bool
bh_rig_may_wait(struct bh_rig *rig)
{
    check_daemons(rig);
    if (bh_now_ms() > rig->wait_until)
        return false;
    bh_sleep_ms(POLL_MS);
    return true;
}

/* ---- configuration --------------------------------------------------------------------------------- */

/* Whether the lines give this key a value. */
static bool
has_key(const char *lines, const char *key)
{
    size_t len = strlen(key);
    for (const char *line = lines; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        line += strspn(line, " ");
        if (strncmp(line, key, len) == 0 && strspn(line + len, " =") > 0)
            return true;
    }
    return false;
}

struct text {
    char *bytes;
    size_t len;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *more = print(format, args);
    va_end(args);
    size_t len = strlen(more);
    text->bytes = memory_or_end(realloc(text->bytes, text->len + len + 1));
    memcpy(text->bytes + text->len, more, len + 1);
    text->len += len;
    free(more);
}

static void
add_key(struct text *text, const char *lines, const char *key, const char *value)
{
    if (!has_key(lines, key))
        add(text, "%s = %s\n", key, value);
}

static void
add_lines(struct text *text, const char *lines)
{
    add(text, "%s\n", lines != NULL ? lines : "");
}

const char *
bh_rig_config(struct bh_rig *rig, const struct bh_rig_options *options, unsigned index)
{
    struct text text = {0};
    const struct bh_rig_options *o = options != NULL ? options : &rig->options;
    add(&text, "[redis]\n");
    add_key(&text, o->redis, "url", rig->redis.url);
    add_lines(&text, o->redis);
    add(&text, "[gateway]\n");
    add_key(&text, o->gateway, "url",
            bh_rig_text(rig, "http://127.0.0.1:%u/api", (unsigned)rig->gateway_port));
    add_key(&text, o->gateway, "api_key", "sim-live-key");
    add_key(&text, o->gateway, "connections_per_second", "1000");
    add_lines(&text, o->gateway);
    add(&text, "[pool]\n");
    add_key(&text, o->pool, "instance", instances[index]);
    add_lines(&text, o->pool);
    add(&text, "[status]\n");
    add_lines(&text, o->status);
    add(&text, "[http]\n");
    add_key(&text, o->http, "listen", "");
    add_lines(&text, o->http);
    add(&text, "[log]\n");
    add_key(&text, o->log, "mask", "no");
    add_lines(&text, o->log);
    add_lines(&text, o->queues != NULL ? o->queues
                                       : "[queue sms]\ntype = sms\n[queue voice]\ntype = voice");
    const char *kept = keep(rig, text.bytes, text.len);
    free(text.bytes);
    return kept;
}

/* ---- starting -------------------------------------------------------------------------------------- */

void
bh_rig_start_redis(struct bh_rig *rig)
{
    bh_redis_process_start(&rig->redis, rig->options.redis_args);
    bh_rig_connect(rig);
}

static void
read_sim_port(struct bh_rig *rig)
{
    static const char mark[] = "listening on http://127.0.0.1:";
    char line[256];
    if (!bh_process_wait_line(&rig->sim, mark, START_MS))
        bh_rig_fail(rig, "the simulator did not come up");
    FILE *file = fopen(rig->sim.log, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *found = strstr(line, mark);
        if (found != NULL)
            rig->sim_port = (uint16_t)strtoul(found + strlen(mark), NULL, 10);
    }
    if (file != NULL)
        fclose(file);
}

void
bh_rig_start_sim(struct bh_rig *rig)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/sim.ini", rig->dir);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(rig->options.sim != NULL ? rig->options.sim : "", file) < 0 ||
        fclose(file) != 0)
        bh_rig_fail(rig, "%s: %s", path, strerror(errno));
    const char *argv[] = {
        BH_SIM_PROGRAM, "--listen", bh_rig_text(rig, "127.0.0.1:%u", (unsigned)rig->sim_port),
        "--config",     path,       NULL};
    bh_process_set_mark(&rig->sim);
    bh_process_start(&rig->sim, argv, NULL);
    read_sim_port(rig);
}

static void
wait_until_started(struct bh_rig *rig, struct bh_daemon *daemon)
{
    if (!bh_daemon_wait_ready(daemon, START_MS))
        bh_rig_fail(rig, "bellhopd did not start; its end: %d", daemon->process.end);
}

struct bh_daemon *
bh_rig_start_daemon(struct bh_rig *rig, const struct bh_rig_options *options,
                    const char *const *environment)
{
    if (rig->daemons_count == BH_RIG_DAEMONS_MAX)
        bh_rig_fail(rig, "too many daemons");
    struct bh_daemon *daemon = &rig->daemons[rig->daemons_count];
    bh_daemon_init(daemon);
    bh_daemon_configure(daemon, bh_rig_config(rig, options, rig->daemons_count++));
    bh_daemon_start(daemon, environment);
    wait_until_started(rig, daemon);
    return daemon;
}

void
bh_rig_restart_daemon_with(struct bh_rig *rig, struct bh_daemon *daemon,
                           const char *const *environment)
{
    bh_process_set_mark(&daemon->process);
    bh_daemon_start(daemon, environment);
    wait_until_started(rig, daemon);
}

void
bh_rig_restart_daemon(struct bh_rig *rig, struct bh_daemon *daemon)
{
    bh_rig_restart_daemon_with(rig, daemon, NULL);
}

void
bh_rig_reload(struct bh_rig *rig, unsigned index, const struct bh_rig_options *options)
{
    bh_daemon_configure(&rig->daemons[index], bh_rig_config(rig, options, index));
    bh_process_set_mark(&rig->daemons[index].process);
    bh_process_signal(&rig->daemons[index].process, SIGHUP);
}

void
bh_rig_start(struct bh_rig *rig, const struct bh_rig_options *options)
{
    *rig = (struct bh_rig){.options = *options};
    snprintf(rig->dir, sizeof(rig->dir), "/tmp/bellhop-rig.XXXXXX");
    if (mkdtemp(rig->dir) == NULL)
        bh_rig_fail(rig, "mkdtemp: %s", strerror(errno));
    snprintf(rig->sim.log, sizeof(rig->sim.log), "%s/sim.log", rig->dir);
    bh_redis_process_init(&rig->redis);
    if (!options->without_redis)
        bh_rig_start_redis(rig);
    if (!options->without_sim)
        bh_rig_start_sim(rig);
    rig->gateway_port = rig->sim_port;
    if (options->tap) {
        rig->tap = bh_tap_start(rig->sim_port);
        rig->gateway_port = bh_tap_port(rig->tap);
    }
    if (!options->without_daemon)
        bh_rig_start_daemon(rig, NULL, NULL);
}

void
bh_rig_stop(struct bh_rig *rig)
{
    for (unsigned i = 0; i < rig->daemons_count; i++)
        if (bh_process_is_running(&rig->daemons[i].process))
            bh_process_signal(&rig->daemons[i].process, SIGTERM);
    for (unsigned i = 0; i < rig->daemons_count; i++) {
        struct bh_process *process = &rig->daemons[i].process;
        bool was_running = process->pid != 0;
        if (!bh_process_wait(process, STOP_MS))
            bh_rig_fail(rig, "daemon %s does not end at SIGTERM", instances[i]);
        if (was_running && process->end != 0)
            bh_rig_fail(rig, "daemon %s ended with %d", instances[i], process->end);
    }
    if (bh_process_is_running(&rig->sim)) {
        bh_process_signal(&rig->sim, SIGTERM);
        if (!bh_process_wait(&rig->sim, STOP_MS) || rig->sim.end != 0)
            bh_rig_fail(rig, "the simulator ended with %d", rig->sim.end);
    }
    release(rig);
}
