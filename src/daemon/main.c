/*
 * bellhopd - options, configuration, and on with the work.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bellhop/version.h>

#include "core/buf.h"
#include "daemon/app.h"
#include "daemon/config_load.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "gateway/transport.h"

extern char **environ;

#define DEFAULT_CONFIG "/etc/bellhop/bellhop.ini"

enum mode {
    MODE_RUN,
    MODE_CHECK_CONFIG,
    MODE_PRINT_CONFIG,
    MODE_PRINT_EXAMPLE,
};

struct options {
    enum mode mode;
    const char *config_path;
};

static void
print_usage(FILE *to)
{
    fputs("usage: bellhopd [--config FILE] [--check-config | --print-config | --print-example]\n"
          "\n"
          "Takes SMS and voice jobs from Redis lists and sends them through the seven.io gateway.\n"
          "\n"
          "  -c, --config FILE    read this configuration (default: $BELLHOP_CONFIG, else\n"
          "                       " DEFAULT_CONFIG ")\n"
          "      --check-config   say what is wrong with it, all at once, and exit 0 or 3\n"
          "      --print-config   print what is in force and where each value comes from\n"
          "      --print-example  print the complete, commented reference\n"
          "  -h, --help           print this\n"
          "      --version        print the version\n"
          "\n"
          "Signals: SIGHUP reads the configuration again; SIGTERM finishes what is being sent and\n"
          "exits; a second SIGTERM exits at once.\n"
          "Exit codes: 0 stopped as told, 1 could not start, 2 usage, 3 configuration refused,\n"
          "4 another process works under the same instance name.\n",
          to);
}

static int
parse_options(int argc, char **argv, struct options *options)
{
    enum { CHECK = 256, PRINT, EXAMPLE, VERSION };
    static const struct option table[] = {
        {"config",        required_argument, NULL, 'c'    },
        {"check-config",  no_argument,       NULL, CHECK  },
        {"print-config",  no_argument,       NULL, PRINT  },
        {"print-example", no_argument,       NULL, EXAMPLE},
        {"help",          no_argument,       NULL, 'h'    },
        {"version",       no_argument,       NULL, VERSION},
        {NULL,            0,                 NULL, 0      },
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:h", table, NULL)) != -1) {
        switch (option) {
        case 'c': options->config_path = optarg; break;
        case CHECK: options->mode = MODE_CHECK_CONFIG; break;
        case PRINT: options->mode = MODE_PRINT_CONFIG; break;
        case EXAMPLE: options->mode = MODE_PRINT_EXAMPLE; break;
        case 'h': print_usage(stdout); exit(BH_EXIT_CLEAN);
        case VERSION: puts("bellhopd " BELLHOP_VERSION); exit(BH_EXIT_CLEAN);
        default: print_usage(stderr); return BH_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bellhopd: unexpected argument \"%s\"\n", argv[optind]);
        print_usage(stderr);
        return BH_EXIT_USAGE;
    }
    return BH_EXIT_CLEAN;
}

static int
print_buf(enum bh_status status, struct bh_buf *buf)
{
    /* A full disk shows at the latest when the buffer of stdout is written. */
    if (status == BH_OK &&
        (fwrite(bh_buf_text(buf), 1, buf->len, stdout) != buf->len || fflush(stdout) != 0))
        status = BH_EIO;
    if (status != BH_OK)
        fprintf(stderr, "bellhopd: %s\n", bh_status_name(status));
    bh_buf_release(buf);
    return status == BH_OK ? BH_EXIT_CLEAN : BH_EXIT_NOT_STARTED;
}

static int
print_example(void)
{
    struct bh_buf buf;
    bh_buf_init(&buf, BH_CONFIG_FILE_MAX);
    return print_buf(bh_config_print_example(&buf), &buf);
}

static void
print_report(const struct bh_config_report *report)
{
    struct bh_buf buf;
    bh_buf_init(&buf, BH_CONFIG_FILE_MAX);
    if (bh_config_report_print(report, &buf) == BH_OK)
        fwrite(bh_buf_text(&buf), 1, buf.len, stderr);
    bh_buf_release(&buf);
}

static int
run(const struct options *options, const struct bh_config *config,
    const struct bh_config_report *report)
{
    struct bh_buf buf;
    switch (options->mode) {
    case MODE_CHECK_CONFIG:
        printf("%s: the configuration is good\n", options->config_path);
        return BH_EXIT_CLEAN;
    case MODE_PRINT_CONFIG:
        bh_buf_init(&buf, BH_CONFIG_FILE_MAX);
        return print_buf(bh_config_print(config, &buf), &buf);
    case MODE_PRINT_EXAMPLE: return print_example();
    case MODE_RUN: break;
    }
    bh_log_open();
    bh_log_configure(config);
    bh_reload_log_report(report);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error like a full disk */
    if (bh_gateway_transport_global_init() != BH_OK) {
        bh_log_write(BH_LOG_ERROR, "not_started", NULL, 0, "libcurl could not be set up");
        return BH_EXIT_NOT_STARTED;
    }
    int code = (int)bh_app_run(options->config_path, config);
    bh_gateway_transport_global_release();
    return code;
}

int
main(int argc, char **argv)
{
    struct options options = {MODE_RUN, getenv("BELLHOP_CONFIG")};
    if (options.config_path == NULL)
        options.config_path = DEFAULT_CONFIG;
    int code = parse_options(argc, argv, &options);
    if (code != BH_EXIT_CLEAN)
        return code;
    if (options.mode == MODE_PRINT_EXAMPLE)
        return print_example();

    if (options.mode == MODE_RUN)
        bh_app_hold_reloads();
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    enum bh_status status =
        bh_config_load(options.config_path, (const char *const *)environ, &report, &config);
    /* A running daemon's standard error is its log, in which warnings have the form of all other lines. */
    if (status != BH_OK || options.mode != MODE_RUN)
        print_report(&report);
    if (status != BH_OK) {
        fprintf(stderr, "bellhopd: %s: the configuration is refused\n", options.config_path);
        if (access(options.config_path, F_OK) != 0)
            fprintf(stderr, "bellhopd: --config FILE names another file; --print-example prints "
                            "one to begin with\n");
        code = BH_EXIT_CONFIG;
    } else {
        code = run(&options, config, &report);
    }
    bh_config_report_release(&report);
    bh_config_release(config);
    return code;
}
