/*
 * metrics_reports - what becomes of messages after the gateway has taken them, in Prometheus' text format; stands behind what
 * metrics.h writes, and what is said there holds here.
 *
 * Figures of queues, and of the reports that wait, come from Redis; those of webhooks are this process' own.
 */
#ifndef BH_DAEMON_METRICS_REPORTS_H
#define BH_DAEMON_METRICS_REPORTS_H

#include "core/buf.h"
#include "daemon/overview.h"
#include "daemon/webhooks.h"

/* Append everything; the buffer's status. */
enum bh_status bh_metrics_write_reports(struct bh_buf *buf,
                                        const struct bh_overview_snapshot *snapshot,
                                        const struct bh_webhook_counts *webhooks);

#endif
