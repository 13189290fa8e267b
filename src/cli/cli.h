/*
 * cli - what every subcommand of `bellhop` shares: its place in the table, the global options, errors.
 *
 * A subcommand is a row of the table in commands.c and a function.  The frame reads the command line by the row's
 * options, answers --help, and calls the function with what it found; so a subcommand never sees a
 * command line that breaks its rules.
 *
 * Standard output carries results and nothing else; what goes wrong is told on standard error, to a person.
 */
#ifndef BH_CLI_CLI_H
#define BH_CLI_CLI_H

#include "cli/options.h"
#include "core/base.h"
#include "core/instant.h"

enum bh_exit {
    BH_EXIT_DONE = 0,
    BH_EXIT_FAILED = 1,
    BH_EXIT_USAGE = 2,
    BH_EXIT_NOTHING = 3, /* nothing matched */
};

struct bh_config;
struct bh_redis_sync;

/* One run of the program. */
struct bh_cli {
    /* Global options. */
    const char *config_path; /* NULL: $BELLHOP_CONFIG, then the default */
    const char *redis_url;   /* NULL: as the configuration says */
    bool json;
    bool help;
    bool version;

    bool colour; /* standard output is a terminal that takes it */

    /* Filled when first asked for; see configuration.h and session.h. */
    const struct bh_config *config; /* one reference; NULL: not loaded */
    const char *config_name;        /* the file's name; NULL: there is none */
    bool account_known;             /* the API key could be read */
    struct bh_session *session;     /* owned; NULL: not connected */
};

struct bh_command_row {
    const char *name;
    const char *summary; /* for the list: begins with a verb, without a full stop */
    const char *usage;   /* behind "bellhop NAME" */
    const char *text;    /* paragraphs and examples for `bellhop help NAME` */
    const struct bh_option *options;
    size_t options_count;
    size_t options_size; /* of the struct that they fill; zeroed first */
    enum bh_exit (*run)(struct bh_cli *cli, const void *options, struct bh_operands operands);
};

/* The whole program: `argv` of main.  Frees everything; flushes standard output. */
int bh_cli_main(int argc, char **argv);

/* The options of all commands. */
const struct bh_option *bh_cli_options(size_t *ret_count);

/* "bellhop: TEXT" and a line feed on standard error.  Returns BH_EXIT_FAILED. */
enum bh_exit bh_cli_fail(const char *format, ...) BH_PRINTF(1, 2);

/* The same with a hint at --help.  Returns BH_EXIT_USAGE. */
enum bh_exit bh_cli_misuse(const char *format, ...) BH_PRINTF(1, 2);

/* Something that does not stop us, on standard error. */
void bh_cli_warn(const char *format, ...) BH_PRINTF(1, 2);

/* Unix time of this machine. */
struct bh_wall bh_cli_now(void);

#endif
