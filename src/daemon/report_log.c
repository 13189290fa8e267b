#include "daemon/report_log.h"

#include "core/mask.h"
#include "daemon/clock.h"
#include "daemon/log.h"

static void
tell(struct bh_report_log *log, const struct bh_delivery_report *report, enum bh_log_level level,
     const char *event, const char *queue, const char *text)
{
    unsigned kept_back = 0;
    if (level == BH_LOG_WARN &&
        !bh_hush_may_say(&log->hush, event, NULL, bh_clock_mono(), &kept_back))
        return;
    const struct bh_log_field fields[] = {
        bh_log_text("id", report->foreign_id),
        bh_log_text("queue", queue != NULL ? queue : ""),
        bh_log_text("message_id", report->message_id),
        bh_log_text("delivery", bh_delivery_name(report->status)),
        bh_log_int("kept_back", kept_back),
    };
    bh_log_write(level, event, fields, BH_ARRAY_LEN(fields), "%s", text);
}

void
bh_report_log_fate(struct bh_report_log *log, const struct bh_delivery_report *report,
                   const struct bh_report_result *result)
{
    struct bh_report_counters *counters = &log->counters;
    switch (result->fate) {
    case BH_REPORT_NO_JOB:
        counters->no_job++;
        tell(log, report, BH_LOG_DEBUG, "report", result->queue,
             "a report that no job is known for; it is kept for a day");
        break;
    case BH_REPORT_AMBIGUOUS:
        counters->ambiguous++;
        tell(log, report, BH_LOG_WARN, "report_ambiguous", NULL,
             "jobs of this id are in more than one queue, and a report does not say which one is "
             "meant; it is dropped");
        break;
    case BH_REPORT_OTHER_MESSAGE:
        counters->other_message++;
        tell(log, report, BH_LOG_WARN, "report_other_message", result->queue,
             "a report names a message that this job is not known by: it may have been sent twice");
        break;
    case BH_REPORT_REPEATED:
        counters->repeated++;
        tell(log, report, BH_LOG_DEBUG, "report", result->queue, "a report of what was known");
        break;
    case BH_REPORT_EARLY:
    case BH_REPORT_NOTED:
        counters->noted++;
        tell(log, report, BH_LOG_DEBUG, "report", result->queue, "a report was noted");
        break;
    case BH_REPORT_SETTLED:
        counters->noted++;
        counters->settled++;
        tell(log, report, BH_LOG_INFO, "report_settled", result->queue,
             "the answer was lost, and a delivery report proves that the message was taken; the "
             "job is sent");
        break;
    }
}

void
bh_report_log_sms(struct bh_report_log *log, const struct bh_inbound_sms *sms, bool is_new)
{
    const struct bh_log_field fields[] = {
        bh_log_text("message_id", sms->id),
        bh_log_text("from", bh_mask_msisdn(bh_str_from(sms->sender)).text),
        bh_log_text("text", bh_mask_text(bh_str_from(sms->text)).text),
    };
    log->counters.sms += is_new;
    bh_log_write(BH_LOG_DEBUG, "inbox", fields, BH_ARRAY_LEN(fields), "%s",
                 is_new ? "an SMS to us is in the inbox" : "an SMS that is in the inbox already");
}

void
bh_report_log_refused(struct bh_report_log *log, const char *error_text)
{
    unsigned kept_back;
    if (!bh_hush_may_say(&log->hush, "report_refused", NULL, bh_clock_mono(), &kept_back))
        return;
    const struct bh_log_field fields[] = {
        bh_log_text("reason", error_text != NULL ? error_text : "no answer of ours"),
        bh_log_int("kept_back", kept_back),
    };
    bh_log_write(BH_LOG_ERROR, "report_refused", fields, BH_ARRAY_LEN(fields),
                 "Redis refuses a delivery report or an SMS; the gateway is asked to send it "
                 "again");
}

void
bh_report_log_summary(const struct bh_report_log *log)
{
    const struct bh_report_counters *counters = &log->counters;
    const struct bh_log_field fields[] = {
        bh_log_int("taken", (int64_t)counters->taken),
        bh_log_int("not_taken", (int64_t)counters->not_taken),
        bh_log_int("noted", (int64_t)counters->noted),
        bh_log_int("settled", (int64_t)counters->settled),
        bh_log_int("repeated", (int64_t)counters->repeated),
        bh_log_int("no_job", (int64_t)counters->no_job),
        bh_log_int("ambiguous", (int64_t)counters->ambiguous),
        bh_log_int("other_message", (int64_t)counters->other_message),
        bh_log_int("came_home", (int64_t)counters->came_home),
        bh_log_int("sms", (int64_t)counters->sms),
    };
    if (counters->taken + counters->not_taken > 0)
        bh_log_write(BH_LOG_INFO, "reports", fields, BH_ARRAY_LEN(fields),
                     "delivery reports since the start");
}
