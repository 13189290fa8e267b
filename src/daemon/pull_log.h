/*
 * pull_log - what the log is told about questions to the gateway about messages.  How often is the puller's to decide.
 */
#ifndef BH_DAEMON_PULL_LOG_H
#define BH_DAEMON_PULL_LOG_H

#include "core/outcome.h"
#include "daemon/pull_question.h"
#include "daemon/puller.h"

struct bh_pull_reason {
    char text[160];
};

/* Why an answer was none; `code` is the gateway's in place of an answer, or 0. */
struct bh_pull_reason bh_pull_reason(const struct bh_exchange *exchange, int code);

/* A place is left alone from now on. */
void bh_pull_log_shut(enum bh_pull_source source, const char *reason);

/* At the end, for whoever wonders whether it is worth it; nothing if nothing was asked. */
void bh_pull_log_summary(const struct bh_puller_counters *counters);

#endif
