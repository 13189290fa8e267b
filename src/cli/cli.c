#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/session.h"
#include "core/alloc.h"
#include "core/fault.h"

static const struct bh_option global_options[] = {
    {"config",  BH_OPTION_TEXT, "FILE",
     "the daemon's configuration (else $BELLHOP_CONFIG, else " BH_CLI_CONFIG_DEFAULT ")",
     offsetof(struct bh_cli,                                                                                                  config_path)},
    {"redis",   BH_OPTION_TEXT, "URL",  "where Redis is, instead of the configuration's [redis] url",
     offsetof(struct bh_cli,                                                                                                  redis_url)  },
    {"json",    BH_OPTION_FLAG, NULL,   "print JSON, one object per line",
     offsetof(struct bh_cli,                                                                                                  json)       },
    {"help",    BH_OPTION_FLAG, NULL,   "explain this command",                                       offsetof(struct bh_cli, help)       },
    {"version", BH_OPTION_FLAG, NULL,   "print the version",                                          offsetof(struct bh_cli, version)    },
};

const struct bh_option *
bh_cli_options(size_t *ret_count)
{
    *ret_count = BH_ARRAY_LEN(global_options);
    return global_options;
}

/* ---- Telling people ---- */

static void tell(const char *format, va_list args) BH_PRINTF(1, 0);

static void
tell(const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof(text), format, args);
    fprintf(stderr, "bellhop: %s\n", text);
}

enum bh_exit
bh_cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(format, args);
    va_end(args);
    return BH_EXIT_FAILED;
}

/* The command whose help is worth reading; NULL before it is known. */
static const char *helpful;

enum bh_exit
bh_cli_misuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(format, args);
    va_end(args);
    fprintf(stderr, "bellhop: see bellhop help%s%s\n", helpful != NULL ? " " : "",
            helpful != NULL ? helpful : "");
    return BH_EXIT_USAGE;
}

void
bh_cli_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(format, args);
    va_end(args);
}

struct bh_wall
bh_cli_now(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    BH_ASSERT(failed == 0);
    return bh_wall_from_timespec(now.tv_sec, now.tv_nsec);
}

/* ---- The frame ---- */

static enum bh_exit
unknown_command(const char *name)
{
    const char *guess = bh_command_guess(name);
    struct bh_quoted quoted = bh_quote(bh_str_from(name));
    if (guess != NULL)
        return bh_cli_misuse("there is no command `%s`; did you mean `%s`?", quoted.text, guess);
    return bh_cli_misuse("there is no command `%s`", quoted.text);
}

static enum bh_exit
help(struct bh_operands operands)
{
    if (operands.count == 0) {
        bh_command_print_list(global_options, BH_ARRAY_LEN(global_options));
        return BH_EXIT_DONE;
    }
    if (strcmp(operands.values[0], "help") == 0)
        return help((struct bh_operands){NULL, 0});
    const struct bh_command_row *command = bh_command_get(operands.values[0]);
    if (command == NULL)
        return unknown_command(operands.values[0]);
    bh_command_print_help(command);
    return BH_EXIT_DONE;
}

static enum bh_exit
run_command(struct bh_cli *cli, const struct bh_command_row *command, struct bh_operands line)
{
    void *values = NULL;
    helpful = command->name;
    if (command->options_size > 0) {
        values = bh_alloc_zero(command->options_size);
        if (values == NULL)
            return bh_cli_fail("short of memory");
    }
    const struct bh_option_set sets[] = {
        {command->options, command->options_count,       values},
        {global_options,   BH_ARRAY_LEN(global_options), cli   },
    };
    struct bh_operands operands;
    struct bh_error error;
    enum bh_exit result;
    if (bh_options_read(sets, BH_ARRAY_LEN(sets), (int)line.count - 1, line.values + 1, false,
                        &operands, &error) != BH_OK) {
        result = bh_cli_misuse("%s", error.text);
    } else if (cli->help) {
        bh_command_print_help(command);
        result = BH_EXIT_DONE;
    } else {
        result = command->run(cli, values, operands);
    }
    bh_free(values);
    return result;
}

static enum bh_exit
run(struct bh_cli *cli, int argc, char **argv)
{
    const struct bh_option_set sets[] = {
        {global_options, BH_ARRAY_LEN(global_options), cli}
    };
    struct bh_operands line;
    struct bh_error error;
    if (bh_options_read(sets, BH_ARRAY_LEN(sets), argc, argv, true, &line, &error) != BH_OK)
        return bh_cli_misuse("%s", error.text);
    if (cli->version) {
        printf("bellhop %s\n", BH_VERSION);
        return BH_EXIT_DONE;
    }
    if (cli->help)
        return help(line);
    if (line.count == 0) {
        (void)help((struct bh_operands){NULL, 0});
        return BH_EXIT_USAGE;
    }
    if (strcmp(line.values[0], "help") == 0)
        return help((struct bh_operands){line.values + 1, line.count - 1});
    const struct bh_command_row *command = bh_command_get(line.values[0]);
    if (command == NULL)
        return unknown_command(line.values[0]);
    return run_command(cli, command, line);
}

/* https://no-color.org: any value but the empty one. */
static bool
wants_colour(void)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && (refused == NULL || refused[0] == '\0') &&
           terminal != NULL && strcmp(terminal, "dumb") != 0;
}

/* A report that a full disk swallowed must not pass as done. */
static enum bh_exit
finish_output(enum bh_exit result)
{
    errno = 0;
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed)
        return result;
    if (errno == EPIPE) /* whoever read us has seen enough */
        return result;
    return bh_cli_fail("cannot write to standard output: %s",
                       errno != 0 ? strerror(errno) : "an earlier write failed");
}

/*
 * Whoever starts us with standard input, output or error closed would give their numbers to our sockets.  For reading
 * only, so that output still fails, and is told, where it can be.
 */
static void
fill_standard_files(void)
{
    int file;
    do {
        file = open("/dev/null", O_RDONLY);
    } while (file >= 0 && file <= STDERR_FILENO);
    if (file >= 0)
        (void)close(file);
}

int
bh_cli_main(int argc, char **argv)
{
    struct bh_cli cli = {.colour = wants_colour()};
    fill_standard_files();
    /* A closed socket is answered by the connection, a closed output by finish_output. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return BH_EXIT_FAILED;
    enum bh_exit result = run(&cli, argc > 0 ? argc - 1 : 0, argv + 1);
    result = finish_output(result);
    bh_session_close(cli.session);
    bh_configuration_release(&cli);
    return (int)result;
}
