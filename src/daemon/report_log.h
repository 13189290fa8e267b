/*
 * report_log - what became of reports and SMS that were taken: counts it, and tells what somebody should know.
 *
 * Belongs to reports, and to the main thread.  What comes in crowds is told now and then only (hush.h); the summary has it all.
 */
#ifndef BH_DAEMON_REPORT_LOG_H
#define BH_DAEMON_REPORT_LOG_H

#include "core/inbound_sms.h"
#include "daemon/hush.h"
#include "redis/report.h"

/* Ever-growing. */
struct bh_report_counters {
    uint64_t taken;
    uint64_t not_taken; /* the bringer was asked to come again */
    uint64_t noted;     /* brought something new into a status */
    uint64_t settled;   /* ... and ended an uncertain job */
    uint64_t repeated;
    uint64_t no_job; /* kept: forged, too old, too early, or of somebody else on the same account */
    uint64_t ambiguous;
    uint64_t other_message;
    uint64_t came_home; /* found their job after having waited */
    uint64_t sms;
};

/* Zeroed, it is empty. */
struct bh_report_log {
    struct bh_hush hush;
    struct bh_report_counters counters; /* taken, not_taken and came_home are counted by reports */
};

/* A report has been brought to its job, or found none. */
void bh_report_log_fate(struct bh_report_log *log, const struct bh_delivery_report *report,
                        const struct bh_report_result *result);

/* An SMS to us is in the inbox; `is_new`: it was not before. */
void bh_report_log_sms(struct bh_report_log *log, const struct bh_inbound_sms *sms, bool is_new);

/* Redis does not want it; `error_text` NULL: it said nothing that we understand. */
void bh_report_log_refused(struct bh_report_log *log, const char *error_text);

/* At the end: a line with all counts, if there was anything. */
void bh_report_log_summary(const struct bh_report_log *log);

#endif
