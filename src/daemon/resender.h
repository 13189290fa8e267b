/*
 * resender - deliver a report to its job, and do what the queue wants done by its word: send the message again, or call
 * that back because the first one has arrived after all.
 *
 * In one step for the bringer of the report: it is done with when both are.  Whatever fails for want of Redis leaves the
 * report undone, and it is safe to bring it again: what was done already is not done twice.
 */
#ifndef BH_DAEMON_RESENDER_H
#define BH_DAEMON_RESENDER_H

#include "redis/report.h"

/* As bh_report_deliver, in every respect. */
enum bh_status bh_resender_deliver(struct bh_redis_connection *connection,
                                   const struct bh_config *config,
                                   const struct bh_delivery_report *report,
                                   bh_report_on_done *on_done, void *arg) BH_MUST_CHECK;

#endif
