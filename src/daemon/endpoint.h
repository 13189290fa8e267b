/*
 * endpoint - the daemon's HTTP endpoint on the main thread: joins the server, its routes and the reports.
 *
 * Messages go out whether it is there or not: an address that is taken is told as an error and tried again every ten
 * seconds.  It is opened before and closed behind everything else, so that during a drain health is still told and
 * reports are still taken.
 */
#ifndef BH_DAEMON_ENDPOINT_H
#define BH_DAEMON_ENDPOINT_H

#include <uv.h>

#include <bellhop/error.h>

#include "core/config.h"
#include "core/delivery_report.h"
#include "daemon/overview.h"

struct bh_endpoint;

struct bh_endpoint_options {
    const struct bh_config *config; /* a reference is taken */
    struct bh_overview *overview;   /* borrowed for the endpoint's life */
    bool (*is_healthy)(void *arg);  /* do all loops turn? */
    void (*on_closed)(void *arg);   /* the answer to stop */
    void *arg;
};

enum bh_status bh_endpoint_new(uv_loop_t *loop, const struct bh_endpoint_options *options,
                               struct bh_endpoint **ret_endpoint,
                               struct bh_error *error) BH_MUST_CHECK;

/* Listen, if an address is configured. */
void bh_endpoint_start(struct bh_endpoint *endpoint);

/* The token and the queues from now on; another address takes a restart. */
void bh_endpoint_configure(struct bh_endpoint *endpoint, const struct bh_config *config);

/* A report that did not come over HTTP.  False: not now, and nothing is kept. */
bool bh_endpoint_report(struct bh_endpoint *endpoint, const struct bh_delivery_report *report);

/* on_closed follows, from the loop; then bh_endpoint_free.  A second call does nothing. */
void bh_endpoint_stop(struct bh_endpoint *endpoint);
void bh_endpoint_free(struct bh_endpoint *endpoint);

#endif
