/*
 * options - read a command line by a table of options.
 *
 * Long options only, anywhere on the line: --name VALUE or --name=VALUE; `_` counts as `-`, since the fields of a
 * job are written with it.  "--" ends the options, "-" alone is an operand.  Abbreviations are not
 * taken: in a script they change their meaning when an option is added.  getopt_long, which is not of POSIX
 * either, offers neither help texts nor guesses.
 */
#ifndef BH_CLI_OPTIONS_H
#define BH_CLI_OPTIONS_H

#include <bellhop/error.h>

#include "core/base.h"

#define BH_OPTION_LIST_MAX 256

enum bh_option_kind {
    BH_OPTION_FLAG,  /* bool */
    BH_OPTION_TEXT,  /* const char *; once */
    BH_OPTION_MAYBE, /* struct bh_option_maybe: --name or --name=VALUE, never --name VALUE */
    BH_OPTION_LIST,  /* struct bh_option_list: any number of times */
};

struct bh_option_maybe {
    bool given;
    const char *value; /* NULL: none */
};

struct bh_option_list {
    const char *values[BH_OPTION_LIST_MAX];
    size_t count;
};

struct bh_option {
    const char *name; /* without the dashes */
    enum bh_option_kind kind;
    const char *value; /* what the value is called in the help; NULL for a flag */
    const char *help;
    size_t offset; /* of the member in the struct that is filled */
};

/* A table and the struct that it fills. */
struct bh_option_set {
    const struct bh_option *options;
    size_t count;
    void *values;
};

/* What is left of the command line; borrowed from argv. */
struct bh_operands {
    char **values;
    size_t count;
};

/*
 * Read `argc` arguments against all `sets`.  The operands are moved to the front of `argv`.  With
 * `stop_at_operand` the reading ends before the first operand, and *ret_operands is all from there on.
 * BH_EINVAL: *ret_error says what is wrong.
 */
enum bh_status bh_options_read(const struct bh_option_set *sets, size_t sets_count, int argc,
                               char **argv, bool stop_at_operand, struct bh_operands *ret_operands,
                               struct bh_error *ret_error) BH_MUST_CHECK;

#endif
