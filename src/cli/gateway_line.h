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
#include "gateway/stamp.h"

struct bh_gateway_line;

/* Who asks, and what makes this request unlike every other.  Points into itself: not to be copied. */
struct bh_gateway_caller {
    struct bh_gateway_profile profile;
    struct bh_gateway_stamp stamp;
    struct bh_gateway_stamp_text text;
};

/* For one request, rendered at once: a stamp is good for seconds.  On failure *ret_error has a sentence. */
enum bh_status bh_gateway_caller_init(const struct bh_cli *cli,
                                      struct bh_gateway_caller *ret_caller,
                                      struct bh_error *ret_error) BH_MUST_CHECK;

/* By the configuration, which has been loaded.  On failure the person has been told. */
enum bh_exit bh_gateway_line_open(const struct bh_cli *cli,
                                  struct bh_gateway_line **ret_line) BH_MUST_CHECK;

/* Views inside the exchange are valid until `on_answer` returns, which is called exactly once. */
void bh_gateway_line_ask(struct bh_gateway_line *line, const struct bh_gateway_request *request,
                         void (*on_answer)(void *arg, const struct bh_exchange *exchange),
                         void *arg);

/*
 * For addresses other than the gateway's, by the configuration's proxy and time limits, but with the system's
 * certificates: [gateway] ca_file is for the gateway alone.
 */
enum bh_exit bh_gateway_line_open_elsewhere(const struct bh_cli *cli,
                                            struct bh_gateway_line **ret_line) BH_MUST_CHECK;

/* Get a URL, with nothing of ours in it, which is borrowed until the answer.  Otherwise as above. */
void bh_gateway_line_get(struct bh_gateway_line *line, const char *url,
                         void (*on_answer)(void *arg, const struct bh_exchange *exchange),
                         void *arg);

/* NULL is fine. */
void bh_gateway_line_close(struct bh_gateway_line *line);

#endif
