/*
 * main - the bellhop-sim program: options, start, signals, stop.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sim/hooks.h"
#include "sim/server.h"
#include "sim/world.h"

#ifndef BH_VERSION
#define BH_VERSION "unknown"
#endif

#define LISTEN_MAX       16
#define CONFIG_BYTES_MAX (4L * 1024 * 1024)

enum exit_code { EXIT_DONE = 0, EXIT_START = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

struct options {
    const char *listen[LISTEN_MAX];
    size_t listen_count;
    const char *config_path;
    bool allow_remote;
    bool print_config;
};

struct app {
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct bh_sim_world world;
    struct bh_sim_server *server;
};

static const char usage[] =
    "usage: bellhop-sim [--listen HOST:PORT|unix:PATH]... [--config FILE] [--allow-remote]\n"
    "\n"
    "A local stand-in for the sms77 / seven.io HTTP gateway.  Point a client's base URL at it.\n"
    "\n"
    "  --listen ADDRESS  where to listen; may be repeated (default 127.0.0.1:7077; port 0: any "
    "free)\n"
    "  --config FILE     settings (INI); everything has a default\n"
    "  --print-config    show the settings in force and exit\n"
    "  --allow-remote    permit addresses beyond loopback, to listen on and as webhook targets\n"
    "  --help, --version\n"
    "\n"
    "Keys without a config: sim-live-key (live), sim-sandbox-key (sandbox).\n"
    "\n"
    "Steering it (Content-Type: application/json; no key needed):\n"
    "  GET  /_sim/stats      what was really accepted, per recipient; requests, connections, "
    "answers;\n"
    "                        ?to=N, ?to=N&text=T or ?foreign_id=F: the count of that one\n"
    "  GET  /_sim/messages   accepted messages; kind, to, text, foreign_id, since, limit, offset\n"
    "  POST /_sim/fault      {\"kind\":K, \"at\":A, \"count\":N, \"match\":{...}, ...}\n"
    "  GET  /_sim/faults     POST /_sim/unfault {\"id\":N} (all without id)\n"
    "  POST /_sim/config     {\"lock\":{\"enabled\":false}}; GET shows the settings\n"
    "  POST /_sim/clock      {\"advance_ms\":N} or {\"now\":unix seconds}\n"
    "  POST /_sim/plan       {\"to\":N, \"plan\":\"TRANSMITTED@0.5,DELIVERED@2\"}\n"
    "  POST /_sim/inbound    {\"from\":N, \"to\":N, \"text\":T}\n"
    "  POST /_sim/reset\n"
    "\n"
    "Faults.  kind: delay (ms), code (code, recipient), status (status, retry_after, body), 429, "
    "503,\n"
    "  drop (end fin|rst), hang, cut_head (bytes), cut_body (bytes), bad_chunk, garbage, endless,\n"
    "  drip (ms), continue, empty, unparsable (body), bare_code, quoted_code, duplicate,\n"
    "  close_idle (ms), redirect (location).\n"
    "  at: connect, head, body (bytes), before (nothing accepted), after (accepted and counted).\n"
    "  match: path, method, to, text, foreign_id, nth, every, connection_request.\n"
    "  count: how often, -1 for ever (default 1); probability; framing chunked|length|close.\n"
    "\n"
    "Exit status: 0 stopped as told, 1 cannot listen, 2 usage, 3 settings refused.\n";

static int
read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"listen",       required_argument, NULL, 'l'},
        {"config",       required_argument, NULL, 'c'},
        {"allow-remote", no_argument,       NULL, 'r'},
        {"print-config", no_argument,       NULL, 'p'},
        {"help",         no_argument,       NULL, 'h'},
        {"version",      no_argument,       NULL, 'v'},
        {NULL,           0,                 NULL, 0  },
    };
    int option;
    while ((option = getopt_long(argc, argv, "l:c:h", known, NULL)) != -1) {
        switch (option) {
        case 'l':
            if (options->listen_count == LISTEN_MAX)
                return EXIT_USAGE;
            options->listen[options->listen_count++] = optarg;
            break;
        case 'c': options->config_path = optarg; break;
        case 'r': options->allow_remote = true; break;
        case 'p': options->print_config = true; break;
        case 'h': fputs(usage, stdout); exit(EXIT_DONE);
        case 'v': puts("bellhop-sim " BH_VERSION); exit(EXIT_DONE);
        default: return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bellhop-sim: unexpected argument \"%s\"\n", argv[optind]);
        return EXIT_USAGE;
    }
    if (options->listen_count == 0)
        options->listen[options->listen_count++] = "127.0.0.1:7077";
    return EXIT_DONE;
}

/* The whole file, NUL-terminated; NULL when it cannot be read or is too large. */
static char *
read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    struct bh_sim_buf text = {0};
    char piece[4096];
    size_t count;
    bh_sim_buf_text(&text, "");
    while ((count = fread(piece, 1, sizeof piece, file)) > 0 && text.len < CONFIG_BYTES_MAX)
        bh_sim_buf_append(&text, piece, count);
    bool good = ferror(file) == 0 && text.len < CONFIG_BYTES_MAX;
    fclose(file);
    if (!good)
        bh_sim_buf_release(&text);
    return good ? text.ptr : NULL;
}

static int
load_world(const struct options *options, struct bh_sim_world *world)
{
    struct bh_error error;
    char *text = NULL;
    if (options->config_path != NULL) {
        text = read_file(options->config_path);
        if (text == NULL) {
            fprintf(stderr, "bellhop-sim: cannot read %s\n", options->config_path);
            return EXIT_CONFIG;
        }
    }
    bool good = bh_sim_world_init(world, text, &error);
    free(text);
    if (!good) {
        fprintf(stderr, "bellhop-sim: %s: %s\n", options->config_path, error.text);
        return EXIT_CONFIG;
    }
    world->config.allow_remote = options->allow_remote;
    return EXIT_DONE;
}

static void
on_signal(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;
    (void)number; /* both mean the same */
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(app->signals); at++)
        uv_close((uv_handle_t *)&app->signals[at], NULL);
    bh_sim_server_stop(app->server);
    bh_sim_hooks_stop(app->world.hooks);
}

static void
watch_signals(struct app *app)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(numbers); at++) {
        uv_signal_init(&app->loop, &app->signals[at]);
        app->signals[at].data = app;
        uv_signal_start(&app->signals[at], on_signal, numbers[at]);
    }
    signal(SIGPIPE, SIG_IGN);
}

static bool
listen_everywhere(struct app *app, const struct options *options)
{
    for (size_t at = 0; at < options->listen_count; at++) {
        struct bh_error error;
        struct bh_sim_buf url = {0};
        bool good = bh_sim_server_listen(app->server, options->listen[at], &url, &error);
        if (good)
            printf("bellhop-sim: listening on %s\n", url.ptr);
        else
            fprintf(stderr, "bellhop-sim: %s\n", error.text);
        bh_sim_buf_release(&url);
        if (!good)
            return false;
    }
    fflush(stdout);
    return true;
}

static int
run(const struct options *options)
{
    struct app app;
    int code = load_world(options, &app.world);
    if (code != EXIT_DONE)
        return code;
    if (uv_loop_init(&app.loop) != 0) {
        fputs("bellhop-sim: no event loop\n", stderr);
        bh_sim_world_release(&app.world);
        return EXIT_START;
    }
    app.server = bh_sim_server_new(&app.world, &app.loop);
    app.world.hooks = bh_sim_hooks_new(&app.world, &app.loop);
    watch_signals(&app);
    if (!listen_everywhere(&app, options)) {
        code = EXIT_START;
        on_signal(&app.signals[0], SIGTERM);
    }
    uv_run(&app.loop, UV_RUN_DEFAULT);
    uv_loop_close(&app.loop);
    bh_sim_server_free(app.server);
    bh_sim_hooks_free(app.world.hooks);
    bh_sim_world_release(&app.world);
    return code;
}

static int
print_config(const struct options *options)
{
    struct bh_sim_world world;
    int code = load_world(options, &world);
    if (code != EXIT_DONE)
        return code;
    struct bh_sim_buf text = {0};
    bh_sim_config_print(&world.config, &text);
    fwrite(text.ptr, 1, text.len, stdout);
    bh_sim_buf_release(&text);
    bh_sim_world_release(&world);
    return EXIT_DONE;
}

int
main(int argc, char **argv)
{
    struct options options = {0};
    int code = read_options(argc, argv, &options);
    if (code != EXIT_DONE) {
        fputs("bellhop-sim: see --help\n", stderr);
        return code;
    }
    return options.print_config ? print_config(&options) : run(&options);
}
