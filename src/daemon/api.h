/*
 * api - the dashboard and its API on the main thread: who may ask, what is answered at once from the overview's
 * picture, and what is asked of Redis for.
 *
 * What many look at (overview, history) is made at most once per second, whoever and however many ask, and the same bytes
 * go to all.  Looking at jobs and changing something asks Redis, on a connection of its own; of that no more is done at a time
 * than BH_API_TASKS_MAX, and BH_API_TASKS_PER_S of it begin per second: who comes on top is asked to come again.  Half of
 * both is kept for the administrator.
 *
 * A change is made for the administrator alone (http/access.h), is told in the log, and noted in the queue's audit.
 */
#ifndef BH_DAEMON_API_H
#define BH_DAEMON_API_H

#include <bellhop/error.h>
#include <uv.h>

#include "core/config.h"
#include "daemon/overview.h"
#include "http/server.h"

#define BH_API_TASKS_MAX   16
#define BH_API_TASKS_PER_S 50

struct bh_api;

struct bh_api_options {
    const struct bh_config *config; /* a reference is taken */
    struct bh_overview *overview;   /* borrowed for the api's life */
    /* An answer that was put off.  It takes the body over. */
    void (*on_answer)(void *arg, uint64_t ticket, struct bh_http_answer *answer);
    void (*on_closed)(void *arg);
    void *arg;
};

enum bh_status bh_api_new(uv_loop_t *loop, const struct bh_api_options *options,
                          struct bh_api **ret_api, struct bh_error *error) BH_MUST_CHECK;

/* Connect to Redis; until then jobs cannot be looked at. */
void bh_api_start(struct bh_api *api);

/* The token, the queues and the account from now on. */
void bh_api_configure(struct bh_api *api, const struct bh_config *config);

/*
 * Whether who asks may see figures, reasons and ids: who shows the token, and strangers of this machine.  False: `ret_refusal`
 * is filled, unless it is NULL.
 */
bool bh_api_may_look(struct bh_api *api, const struct bh_http_request *request,
                     struct bh_http_answer *ret_refusal);

/* Answer a request, now or later.  False: the path is not ours, and nothing was done. */
bool bh_api_serve(struct bh_api *api, const struct bh_http_request *request,
                  struct bh_http_answer *ret_answer);

/* Only after start.  on_closed follows, from the loop; then bh_api_free. */
void bh_api_stop(struct bh_api *api);
void bh_api_free(struct bh_api *api);

#endif
