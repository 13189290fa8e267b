/*
 * self_report - what this process tells about itself: from the workers' gauges and meters, with quantiles of the last 15
 * minutes.
 *
 * Belongs to the main thread.
 */
#ifndef BH_DAEMON_SELF_REPORT_H
#define BH_DAEMON_SELF_REPORT_H

#include "core/histogram.h"
#include "daemon/worker.h"
#include "redis/processes.h"

struct bh_self_report {
    struct bh_worker *const *workers; /* borrowed */
    unsigned workers_count;
    char instance[BH_INSTANCE_NAME_MAX + 1];
    struct bh_wall started_at;
    struct bh_histogram_window gateway, redis;
    struct bh_histogram_window *lags; /* owned; by worker */
};

/* `workers` may be filled until the first show.  BH_ENOMEM. */
enum bh_status bh_self_report_init(struct bh_self_report *self, const char *instance,
                                   struct bh_worker *const *workers, unsigned count) BH_MUST_CHECK;
void bh_self_report_release(struct bh_self_report *self);

/* Every few seconds: how it is now is remembered for later. */
void bh_self_report_show(struct bh_self_report *self, struct bh_mono now);

/* Everything but `draining`. */
void bh_self_report_make(const struct bh_self_report *self, struct bh_mono now,
                         struct bh_process_report *ret_report);

#endif
