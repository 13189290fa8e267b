/*
 * gateway_news - a worker that holds back hears when the gateway answers others.
 *
 * Each worker judges the gateway by its own requests, and one that holds back tries it again with its next job.  If the
 * others take all of these, or there are none, it would hold the gateway for unreachable for ever, and say so to whoever
 * looks.  So somebody else's answer counts too, if it is younger than the worker's own last failure:
 *
 * - another worker's, at once;
 * - the account's keeper's, which asks for the balance and not for a message to be sent, only when the worker's next try
 *   has been due for a while, and so had nothing to try it with.
 */
#ifndef BH_DAEMON_GATEWAY_NEWS_H
#define BH_DAEMON_GATEWAY_NEWS_H

#include "core/instant.h"
#include "daemon/worker.h"

/* A worker with a job tries it at once when it may. */
#define BH_GATEWAY_NEWS_IDLE_MS (10 * BH_SECOND_MS)

/* Whether the worker of these gauges should hear of it.  Times are 0 where there was no answer. */
bool bh_gateway_news_concern(const struct bh_worker_gauges *gauges,
                             struct bh_mono others_answered_at, struct bh_mono keeper_answered_at,
                             struct bh_mono now);

/* About once per second.  `keeper_answered_at`: 0 when it never was. */
void bh_gateway_news_spread(struct bh_worker *const *workers, unsigned count,
                            struct bh_mono keeper_answered_at, struct bh_mono now);

#endif
