/*
 * outage_log - the log's lines about outages that last and that are over, for all workers of the process.
 *
 * What passes and when a summary is due is daemon/outage's; here is what is so now, and the words.
 */
#ifndef BH_DAEMON_OUTAGE_LOG_H
#define BH_DAEMON_OUTAGE_LOG_H

#include "core/instant.h"
#include "daemon/outage.h"
#include "daemon/overview.h"
#include "daemon/worker.h"
#include "engine/protocol.h"

/* All zero is the beginning. */
struct bh_outage_log {
    struct bh_outage_notes notes; /* shared with the workers */
    struct bh_outage_watch watch;
};

/* All borrowed. */
struct bh_outage_sight {
    struct bh_worker *const *workers;
    unsigned workers_count;
    unsigned in_hand; /* jobs, of all of them */
    struct bh_account_event account_state;
    const struct bh_overview_snapshot *picture;
};

/* About once per second, while workers run. */
void bh_outage_log_pulse(struct bh_outage_log *log, const struct bh_outage_sight *sight,
                         struct bh_mono now);

#endif
