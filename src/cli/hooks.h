/*
 * hooks - what the parts of `bellhop hooks` share: the gateway's list, and a question to the gateway.
 */
#ifndef BH_CLI_HOOKS_H
#define BH_CLI_HOOKS_H

#include "cli/cli.h"
#include "cli/gateway_line.h"
#include "core/buf.h"
#include "core/gateway_hooks.h"

struct bh_hooks_options {
    struct bh_option_list events;
    const char *method;
    const char *filter;
    bool show_token;
    bool yes;
};

/* One run of the command. */
struct bh_hooks {
    struct bh_cli *cli;
    const struct bh_hooks_options *options;
    struct bh_operands operands;  /* behind the word that says what to do */
    struct bh_gateway_line *line; /* owned */
    struct bh_buf address; /* owned; what the daemon subscribes; empty: it is not configured */
};

/* Ask the gateway.  The answer is the caller's to release; on failure the person has been told. */
enum bh_exit bh_hooks_ask(struct bh_hooks *hooks, const struct bh_gateway_hooks_query *query,
                          struct bh_hooks_answer *ret_answer) BH_MUST_CHECK;

enum bh_exit bh_hooks_check(struct bh_hooks *hooks);

#endif
