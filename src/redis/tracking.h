/*
 * tracking - what is remembered of a queue's messages after the gateway has taken them.
 *
 * Somebody has to bring reports, or nothing is written: a webhook's token, [gateway] pull_reports, or a queue that
 * sends again by a report's word ([queue NAME] resend_on_report, redial).
 */
#ifndef BH_REDIS_TRACKING_H
#define BH_REDIS_TRACKING_H

#include "core/base.h"
#include "core/config.h"
#include "core/instant.h"

/* The gateway tries for two days at most; what it has not told a day later, it tells no more. */
#define BH_TRACKING_OPEN_MS (3 * BH_DAY_MS)

/* All zero: nothing is remembered. */
struct bh_tracking {
    bh_ms open_ms;       /* how long a message waits for its final report; 0: none does */
    bh_ms pull_after_ms; /* the gateway is asked about it that long after it took it; 0: never */
    bool keeps_sms;      /* the payload of an SMS with one recipient stays, to be sent again */
    bool keeps_calls;    /* that of a call */
};

/* `queue` is one of the configuration's; NULL: one that it does not have. */
struct bh_tracking bh_tracking_of(const struct bh_config *config,
                                  const struct bh_queue_config *queue);

#endif
