/*
 * gateway_line - one request to the gateway at a time, waiting for its answer.
 *
 * The transport of src/gateway with a private loop that runs only inside these calls; for commands that have
 * to try something at the gateway itself.  Jobs are never sent from here.
 */
#ifndef BH_CLI_GATEWAY_LINE_H
#define BH_CLI_GATEWAY_LINE_H

#include "cli/cli.h"
#include "core/gateway_request.h"
#include "core/outcome.h"

struct bh_gateway_line;

/* By the configuration, which has been loaded.  On failure the person has been told. */
enum bh_exit bh_gateway_line_open(const struct bh_cli *cli,
                                  struct bh_gateway_line **ret_line) BH_MUST_CHECK;

/* Views inside the exchange are valid until `on_answer` returns, which is called exactly once. */
void bh_gateway_line_ask(struct bh_gateway_line *line, const struct bh_gateway_request *request,
                         void (*on_answer)(void *arg, const struct bh_exchange *exchange),
                         void *arg);

/* NULL is fine. */
void bh_gateway_line_close(struct bh_gateway_line *line);

#endif
