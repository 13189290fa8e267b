/*
 * reports - delivery reports on their way from the HTTP endpoint to Redis, on the main thread's loop.
 *
 * A report is taken when Redis is there and there is room, and then it is ours: if Redis goes away in between it is
 * repeated, which does no harm.  What is not taken is the gateway's to send again.  In memory only: a process that is
 * killed loses the few that it had in hand, and says with them no more than the gateway's next report for the same
 * message would have.
 *
 * A report that comes while a worker has the job in hand is looked at again for some minutes, because the worker may yet
 * lose its answer, and then the report is the witness.
 */
#ifndef BH_DAEMON_REPORTS_H
#define BH_DAEMON_REPORTS_H

#include <uv.h>

#include <bellhop/error.h>

#include "core/config.h"
#include "core/delivery_report.h"

/* Taken and not yet done with; of these, those that came before the job's answer. */
#define BH_REPORTS_MAX       1024
#define BH_REPORTS_EARLY_MAX 256

struct bh_reports;

struct bh_reports_options {
    const struct bh_config *config; /* a reference is taken */
    void (*on_closed)(void *arg);   /* the answer to stop */
    void *arg;
};

enum bh_status bh_reports_new(uv_loop_t *loop, const struct bh_reports_options *options,
                              struct bh_reports **ret_reports,
                              struct bh_error *error) BH_MUST_CHECK;
void bh_reports_start(struct bh_reports *reports);

/* False: not now, and nothing is kept. */
bool bh_reports_take(struct bh_reports *reports, const struct bh_delivery_report *report);

/* Queues and retention of what is taken from now on. */
void bh_reports_configure(struct bh_reports *reports, const struct bh_config *config);

/* What is in hand is given up to two seconds; then on_closed, and then bh_reports_free. */
void bh_reports_stop(struct bh_reports *reports);
void bh_reports_free(struct bh_reports *reports);

#endif
