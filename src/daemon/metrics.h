/*
 * metrics - what the overview shows, in Prometheus' text format 0.0.4.
 *
 * Costs are those of writing: a few hundred bytes per queue, nothing is asked.  Labels are names of queues, states, codes and
 * reasons, all of them bounded; never a number, a text, an id or a job's label.
 *
 * Two kinds of figures: those of queues and account come from Redis and are the same in every process of it, so that
 * `max by (queue)` is right for them, not `sum`; durations, connections and loops are this process' own.  A gauge whose figure is
 * older than a minute is left out: absent is better than wrong.
 */
#ifndef BH_DAEMON_METRICS_H
#define BH_DAEMON_METRICS_H

#include "core/buf.h"
#include "daemon/overview.h"

#define BH_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Append everything; the buffer's status. */
enum bh_status bh_metrics_write(struct bh_buf *buf, const struct bh_overview_snapshot *snapshot,
                                const struct bh_overview_durations *durations);

/* Append a label's value with the format's escapes: backslash, quotation mark, line feed. */
void bh_metrics_append_label(struct bh_buf *buf, struct bh_str value);

#endif
