/*
 * list - a table, or JSON lines, of the jobs that a selection finds.
 */
#ifndef BH_CLI_LIST_H
#define BH_CLI_LIST_H

#include "cli/selection.h"

struct bh_list_options {
    const char *queue;
    const char *limit;
    const char *fields;
};

/* The rows of these options, for a command that lists: three of them. */
#define BH_LIST_OPTION_ROWS                                                                        \
    {"queue", BH_OPTION_TEXT, "NAME", "this queue only", offsetof(struct bh_list_options, queue)}, \
        {"limit", BH_OPTION_TEXT, "COUNT", "at most so many jobs (1000)",                          \
         offsetof(struct bh_list_options, limit)},                                                 \
    {                                                                                              \
        "fields", BH_OPTION_TEXT, "NAMES", "these columns only, with commas between them",         \
            offsetof(struct bh_list_options, fields)                                               \
    }

/*
 * List what the operands choose, of the jobs in `states` (bits of enum bh_filter_state; 0: all); the table has the
 * columns `fields` unless the options name others.  BH_EXIT_NOTHING: there was none, which has been told.
 */
enum bh_exit bh_list_run(struct bh_cli *cli, const struct bh_list_options *options,
                         struct bh_operands operands, uint32_t states,
                         const char *fields) BH_MUST_CHECK;

#endif
