/*
 * commands - the table of subcommands.  To add one: its file with options and function, a line here, a row
 * in commands.c, its section in the manual page.
 */
#ifndef BH_CLI_COMMANDS_H
#define BH_CLI_COMMANDS_H

#include "cli/cli.h"

/* In the order of the list that `bellhop help` prints; ended by a row without a name. */
extern const struct bh_command_row *const bh_commands[];

extern const struct bh_command_row bh_command_audit;
extern const struct bh_command_row bh_command_balance;
extern const struct bh_command_row bh_command_cancel;
extern const struct bh_command_row bh_command_codes;
extern const struct bh_command_row bh_command_completion;
extern const struct bh_command_row bh_command_dead;
extern const struct bh_command_row bh_command_delete;
extern const struct bh_command_row bh_command_doctor;
extern const struct bh_command_row bh_command_drain;
extern const struct bh_command_row bh_command_estimate;
extern const struct bh_command_row bh_command_expire;
extern const struct bh_command_row bh_command_export;
extern const struct bh_command_row bh_command_hold;
extern const struct bh_command_row bh_command_hooks;
extern const struct bh_command_row bh_command_limit;
extern const struct bh_command_row bh_command_list;
extern const struct bh_command_row bh_command_pause;
extern const struct bh_command_row bh_command_probe_lock;
extern const struct bh_command_row bh_command_release;
extern const struct bh_command_row bh_command_requeue;
extern const struct bh_command_row bh_command_resolve;
extern const struct bh_command_row bh_command_resume;
extern const struct bh_command_row bh_command_retries;
extern const struct bh_command_row bh_command_retry;
extern const struct bh_command_row bh_command_send;
extern const struct bh_command_row bh_command_shape;
extern const struct bh_command_row bh_command_show;
extern const struct bh_command_row bh_command_status;
extern const struct bh_command_row bh_command_tail;
extern const struct bh_command_row bh_command_top;
extern const struct bh_command_row bh_command_workers;

/* NULL: there is none of that name. */
const struct bh_command_row *bh_command_get(const char *name);

/* The name nearest to a mistyped one, or NULL. */
const char *bh_command_guess(const char *name);

/* What --help prints; to standard output. */
void bh_command_print_list(const struct bh_option *options, size_t count);
void bh_command_print_help(const struct bh_command_row *command);

#endif
