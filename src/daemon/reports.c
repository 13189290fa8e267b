#include "daemon/reports.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "daemon/clock.h"
#include "daemon/hush.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "redis/report.h"

#define AWAY_AGAIN_MS    BH_SECOND_MS       /* Redis went away, or has no room for commands */
#define REFUSED_AGAIN_MS (5 * BH_SECOND_MS) /* Redis answered with an error */
#define REFUSED_MAX      5
#define STOP_GRACE_MS    (2 * BH_SECOND_MS)

/*
 * A report that came before its job's answer: the distances at which it is looked at again.  An answer is lost after
 * [gateway] timeout at the latest, and before the first guarded retry, 45 s later, the report should have had its say.
 */
static const bh_ms early_again_ms[] = {
    2 * BH_SECOND_MS,  5 * BH_SECOND_MS,  10 * BH_SECOND_MS, 10 * BH_SECOND_MS, 10 * BH_SECOND_MS,
    20 * BH_SECOND_MS, 60 * BH_SECOND_MS, 2 * BH_MINUTE_MS,  2 * BH_MINUTE_MS,
};

/* Ever-growing. */
struct counters {
    uint64_t taken;
    uint64_t not_taken; /* the gateway was asked to try again */
    uint64_t noted;     /* brought something new into a status */
    uint64_t settled;   /* ... and ended an uncertain job */
    uint64_t repeated;
    uint64_t no_job; /* forged, too old, or of somebody else on the same account */
    uint64_t ambiguous;
    uint64_t other_message;
    uint64_t lost; /* given up: Redis refused them again and again, or we had to stop */
};

/* One report that was taken. */
struct letter {
    struct bh_reports *reports;
    struct bh_delivery_report report;
    struct letter *next; /* while it waits */
    struct bh_mono again_at;
    unsigned refused; /* how often Redis answered with an error */
    unsigned looks;   /* how often it came too early */
};

struct bh_reports {
    struct bh_reports_options options;
    const struct bh_config *config; /* owned reference */
    char who[160];
    struct bh_settings settings;
    struct bh_redis_connection connection;
    uv_timer_t timer;
    struct letter *waiting; /* owned; in no order */
    unsigned count;         /* of all letters */
    unsigned under_way, early;
    unsigned closing; /* handles that are still open */
    bool stopping, stopped;
    struct bh_mono stop_at;
    struct bh_hush hush;
    struct counters counters;
};

static void plan(struct bh_reports *reports);

/* ---- what is told ---- */

static void
tell(const struct letter *letter, enum bh_log_level level, const char *event, const char *queue,
     const char *text)
{
    unsigned kept_back = 0;
    struct bh_reports *reports = letter->reports;
    if (level == BH_LOG_WARN &&
        !bh_hush_may_say(&reports->hush, event, NULL, bh_clock_mono(), &kept_back))
        return;
    const struct bh_log_field fields[] = {
        bh_log_text("id", letter->report.foreign_id),
        bh_log_text("queue", queue != NULL ? queue : ""),
        bh_log_text("message_id", letter->report.message_id),
        bh_log_text("delivery", bh_delivery_name(letter->report.status)),
        bh_log_int("kept_back", kept_back),
    };
    bh_log_write(level, event, fields, BH_ARRAY_LEN(fields), "%s", text);
}

/* Counts it, and tells what somebody should know. */
static void
account_for(const struct letter *letter, const struct bh_report_result *result)
{
    struct counters *counters = &letter->reports->counters;
    switch (result->fate) {
    case BH_REPORT_NO_JOB:
        counters->no_job++;
        tell(letter, BH_LOG_DEBUG, "report", result->queue, "a report that no job waits for");
        break;
    case BH_REPORT_AMBIGUOUS:
        counters->ambiguous++;
        tell(letter, BH_LOG_WARN, "report_ambiguous", NULL,
             "jobs of this id are in more than one queue, and a report does not say which one is "
             "meant; it is dropped");
        break;
    case BH_REPORT_OTHER_MESSAGE:
        counters->other_message++;
        tell(letter, BH_LOG_WARN, "report_other_message", result->queue,
             "a report names a message that this job is not known by: it may have been sent twice");
        break;
    case BH_REPORT_REPEATED:
        counters->repeated++;
        tell(letter, BH_LOG_DEBUG, "report", result->queue, "a report of what was known");
        break;
    case BH_REPORT_EARLY:
    case BH_REPORT_NOTED:
        counters->noted++;
        tell(letter, BH_LOG_DEBUG, "report", result->queue, "a report was noted");
        break;
    case BH_REPORT_SETTLED:
        counters->noted++;
        counters->settled++;
        tell(letter, BH_LOG_INFO, "report_settled", result->queue,
             "the answer was lost, and a delivery report proves that the message was taken; the "
             "job is sent");
        break;
    }
}

/* ---- letters ---- */

static void
letter_free(struct letter *letter)
{
    letter->reports->count--;
    if (letter->looks > 0)
        letter->reports->early--;
    bh_free(letter);
}

static void
put_aside(struct letter *letter, bh_ms again_ms)
{
    struct bh_reports *reports = letter->reports;
    letter->again_at = bh_mono_add(bh_clock_mono(), again_ms);
    letter->next = reports->waiting;
    reports->waiting = letter;
}

static void
give_up(struct letter *letter)
{
    letter->reports->counters.lost++;
    tell(letter, BH_LOG_WARN, "report_lost", NULL,
         "Redis did not take a delivery report; it is dropped");
    letter_free(letter);
}

static void
refused(struct letter *letter, const char *error_text)
{
    unsigned kept_back;
    if (bh_hush_may_say(&letter->reports->hush, "report_refused", NULL, bh_clock_mono(),
                        &kept_back)) {
        const struct bh_log_field fields[] = {
            bh_log_text("reason", error_text != NULL ? error_text : "no answer of ours"),
            bh_log_int("kept_back", kept_back),
        };
        bh_log_write(BH_LOG_ERROR, "report_refused", fields, BH_ARRAY_LEN(fields),
                     "Redis refuses a delivery report; it is tried again a few times");
    }
    if (++letter->refused >= REFUSED_MAX)
        give_up(letter);
    else
        put_aside(letter, REFUSED_AGAIN_MS);
}

/* The worker that has the job may yet lose its answer. */
static void
came_early(struct letter *letter)
{
    struct bh_reports *reports = letter->reports;
    bool has_room = letter->looks > 0 || reports->early < BH_REPORTS_EARLY_MAX;
    if (reports->stopping || letter->looks >= BH_ARRAY_LEN(early_again_ms) || !has_room) {
        letter_free(letter);
        return;
    }
    if (letter->looks == 0)
        reports->early++;
    put_aside(letter, early_again_ms[letter->looks++]);
}

static void
letter_on_done(void *arg, enum bh_status status, const struct bh_report_result *result,
               const char *error_text)
{
    struct letter *letter = arg;
    struct bh_reports *reports = letter->reports;
    reports->under_way--;
    if (status == BH_OK) {
        /* Looked at again, it is no news. */
        if (letter->looks == 0 || result->fate == BH_REPORT_SETTLED)
            account_for(letter, result);
        if (result->fate == BH_REPORT_EARLY)
            came_early(letter);
        else
            letter_free(letter);
    } else if (reports->stopped) {
        give_up(letter);
    } else if (status == BH_EIO || status == BH_EPROTO) {
        refused(letter, error_text);
    } else {
        put_aside(letter, AWAY_AGAIN_MS);
    }
    plan(reports);
}

/* BH_OK: under way.  Else the letter is as it was. */
static enum bh_status
post(struct letter *letter)
{
    struct bh_reports *reports = letter->reports;
    enum bh_status status = bh_report_deliver(&reports->connection, reports->config,
                                              &letter->report, letter_on_done, letter);
    if (status == BH_OK)
        reports->under_way++;
    return status;
}

bool
bh_reports_take(struct bh_reports *reports, const struct bh_delivery_report *report)
{
    struct letter *letter = NULL;
    if (!reports->stopping && reports->count < BH_REPORTS_MAX &&
        bh_redis_connection_state(&reports->connection) == BH_REDIS_READY)
        letter = bh_alloc_zero(sizeof(*letter));
    if (letter == NULL) {
        reports->counters.not_taken++;
        return false;
    }
    letter->reports = reports;
    letter->report = *report;
    reports->count++;
    /* A message's own number leads to no job: there is no index of them. */
    if (report->foreign_id[0] == '\0') {
        const struct bh_report_result nobody = {.fate = BH_REPORT_NO_JOB};
        reports->counters.taken++;
        account_for(letter, &nobody);
        letter_free(letter);
        return true;
    }
    if (post(letter) != BH_OK) {
        letter_free(letter);
        reports->counters.not_taken++;
        return false;
    }
    reports->counters.taken++;
    return true;
}

/* ---- time ---- */

static void
post_what_is_due(struct bh_reports *reports, struct bh_mono now)
{
    struct letter *letter = reports->waiting, *next;
    bool is_up = bh_redis_connection_state(&reports->connection) == BH_REDIS_READY;
    reports->waiting = NULL;
    for (; letter != NULL; letter = next) {
        next = letter->next;
        bool due = bh_mono_reached(letter->again_at, now) || reports->stopping;
        if (reports->stopping && letter->looks > 0) {
            letter_free(letter);
        } else if (!due) {
            letter->next = reports->waiting;
            reports->waiting = letter;
        } else if (!is_up || post(letter) != BH_OK) {
            put_aside(letter, AWAY_AGAIN_MS);
        }
    }
}

static void
shut(struct bh_reports *reports)
{
    reports->stopped = true;
    for (struct letter *letter = reports->waiting, *next; letter != NULL; letter = next) {
        next = letter->next;
        give_up(letter);
    }
    reports->waiting = NULL;
    bh_redis_connection_stop(&reports->connection);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_reports *reports = timer->data;
    struct bh_mono now = bh_clock_mono();
    post_what_is_due(reports, now);
    if (reports->stopping && !reports->stopped &&
        (reports->count == 0 || bh_mono_reached(reports->stop_at, now)))
        shut(reports);
    else
        plan(reports);
}

/* Set the timer to the earliest moment at which there is something to do. */
static void
plan(struct bh_reports *reports)
{
    struct bh_mono next = reports->stopping ? reports->stop_at : BH_MONO_NEVER;
    struct bh_mono now = bh_clock_mono();
    if (reports->stopped)
        return;
    for (const struct letter *letter = reports->waiting; letter != NULL; letter = letter->next)
        next = bh_mono_min(next, letter->again_at);
    if (reports->stopping && reports->count == 0)
        next = now;
    if (bh_mono_is_never(next))
        uv_timer_stop(&reports->timer);
    else
        uv_timer_start(&reports->timer, timer_on_fire, (uint64_t)bh_ms_max(next.ms - now.ms, 0), 0);
}

/* ---- life ---- */

static void
handle_closed(struct bh_reports *reports)
{
    if (--reports->closing == 0)
        reports->options.on_closed(reports->options.arg);
}

static void
timer_on_closed(uv_handle_t *timer)
{
    handle_closed(timer->data);
}

/* What became of all of them, for whoever wonders about the gateway's reports. */
static void
sum_up(const struct bh_reports *reports)
{
    const struct counters *counters = &reports->counters;
    const struct bh_log_field fields[] = {
        bh_log_int("taken", (int64_t)counters->taken),
        bh_log_int("not_taken", (int64_t)counters->not_taken),
        bh_log_int("noted", (int64_t)counters->noted),
        bh_log_int("settled", (int64_t)counters->settled),
        bh_log_int("repeated", (int64_t)counters->repeated),
        bh_log_int("no_job", (int64_t)counters->no_job),
        bh_log_int("ambiguous", (int64_t)counters->ambiguous),
        bh_log_int("other_message", (int64_t)counters->other_message),
        bh_log_int("lost", (int64_t)counters->lost),
    };
    if (counters->taken + counters->not_taken > 0)
        bh_log_write(BH_LOG_INFO, "reports", fields, BH_ARRAY_LEN(fields),
                     "delivery reports since the start");
}

static void
connection_on_closed(void *arg)
{
    struct bh_reports *reports = arg;
    BH_ASSERT(reports->count == 0);
    sum_up(reports);
    uv_close((uv_handle_t *)&reports->timer, timer_on_closed);
    handle_closed(reports);
}

enum bh_status
bh_reports_new(uv_loop_t *loop, const struct bh_reports_options *options,
               struct bh_reports **ret_reports, struct bh_error *error)
{
    struct bh_reports *reports = bh_alloc_zero(sizeof(*reports));
    if (reports == NULL)
        return BH_ENOMEM;
    snprintf(reports->who, sizeof(reports->who), "%s/reports", options->config->pool.instance);
    enum bh_status status =
        bh_settings_redis(&reports->settings, options->config, reports->who, error);
    if (status == BH_OK) {
        const struct bh_redis_listener listener = {.on_closed = connection_on_closed,
                                                   .arg = reports};
        status = bh_redis_connection_init(&reports->connection, loop, &reports->settings.redis,
                                          &listener, error);
        if (status != BH_OK)
            bh_settings_release(&reports->settings);
    }
    if (status != BH_OK) {
        bh_free(reports);
        return status;
    }
    reports->options = *options;
    reports->config = bh_config_retain(options->config);
    reports->closing = 2;
    uv_timer_init(loop, &reports->timer);
    reports->timer.data = reports;
    *ret_reports = reports;
    return BH_OK;
}

void
bh_reports_start(struct bh_reports *reports)
{
    bh_redis_connection_start(&reports->connection);
}

void
bh_reports_configure(struct bh_reports *reports, const struct bh_config *config)
{
    bh_config_release(reports->config);
    reports->config = bh_config_retain(config);
}

void
bh_reports_stop(struct bh_reports *reports)
{
    if (reports->stopping)
        return;
    reports->stopping = true;
    reports->stop_at = bh_mono_add(bh_clock_mono(), STOP_GRACE_MS);
    uv_timer_start(&reports->timer, timer_on_fire, 0, 0);
}

void
bh_reports_free(struct bh_reports *reports)
{
    if (reports == NULL)
        return;
    bh_redis_connection_release(&reports->connection);
    bh_settings_release(&reports->settings);
    bh_config_release(reports->config);
    bh_free(reports);
}
