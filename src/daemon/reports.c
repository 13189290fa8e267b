#include "daemon/reports.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "daemon/clock.h"
#include "daemon/report_log.h"
#include "daemon/resender.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "redis/inbox.h"
#include "redis/refusal.h"
#include "redis/report.h"
#include "redis/script_call.h"
#include "redis/waiting.h"

#define STOP_GRACE_MS (2 * BH_SECOND_MS)
#define HURRY_MS      (BH_SECOND_MS / 2)

/* Looking for reports that wait and are due: when none of ours is, others may have left some. */
#define LOOK_MS       (30 * BH_SECOND_MS)
#define LOOK_SOON_MS  (BH_SECOND_MS / 4)
#define LOOK_NEXT_MS  (BH_SECOND_MS / 20) /* as many as there may be were due */
#define LOOK_FIRST_MS (2 * BH_SECOND_MS)

/* One report, or one SMS, in hand. */
struct letter {
    struct bh_reports *reports;
    struct bh_delivery_report report;
    struct bh_inbound_sms *sms;         /* owned; NULL: it is a report */
    bool waits;                         /* it is among those that wait in Redis ... */
    char name[BH_WAITING_NAME_MAX + 1]; /* ... by this name */
    struct bh_reports_receipt receipt;  /* ticket 0: nobody has to be told (any more) */
    struct bh_mono since;               /* when it was let in */
    struct letter *next_waiting;        /* to be asked of Redis */
    struct letter *before, *behind;     /* of all */
    struct bh_script_call call;
};

struct bh_reports {
    struct bh_reports_options options;
    const struct bh_config *config; /* owned reference */
    char who[160];
    struct bh_settings settings;
    struct bh_redis_connection connection;
    struct bh_waiting_keys keys;
    uv_timer_t timer;
    struct letter *first, *last;           /* all letters, owned, in the order of their coming */
    struct letter *line_first, *line_last; /* of these, who has not been asked of Redis */
    unsigned count, asked;
    struct bh_script_call look;
    bool looking;
    struct bh_mono look_at;
    bh_ms answer_ms;
    struct bh_shells shells; /* counted while they close */
    bool stopping, stopped;
    struct bh_mono stop_at;
    struct bh_report_log log;
};

static void plan(struct bh_reports *reports);
static void move_on(struct bh_reports *reports);

/* ---- letters ---- */

static struct letter *
letter_new(struct bh_reports *reports)
{
    struct letter *letter = reports->count < BH_REPORTS_MAX ? bh_alloc_zero(sizeof(*letter)) : NULL;
    if (letter == NULL)
        return NULL;
    letter->reports = reports;
    letter->since = bh_clock_mono();
    letter->before = reports->last;
    if (reports->last != NULL)
        reports->last->behind = letter;
    else
        reports->first = letter;
    reports->last = letter;
    reports->count++;
    return letter;
}

static void
letter_free(struct letter *letter)
{
    struct bh_reports *reports = letter->reports;
    if (letter->before != NULL)
        letter->before->behind = letter->behind;
    else
        reports->first = letter->behind;
    if (letter->behind != NULL)
        letter->behind->before = letter->before;
    else
        reports->last = letter->before;
    reports->count--;
    bh_script_call_release(&letter->call);
    bh_free(letter->sms);
    bh_free(letter);
}

/* Once; then nobody waits for it any more. */
static void
answer(struct letter *letter, bool taken)
{
    struct bh_reports *reports = letter->reports;
    const struct bh_reports_receipt receipt = letter->receipt;
    letter->receipt.ticket = 0;
    if (receipt.ticket != 0)
        reports->options.on_taken(reports->options.arg, &receipt, taken);
}

/* It was asked of Redis, and that has come to its end. */
static void
finish(struct letter *letter, bool taken)
{
    struct bh_reports *reports = letter->reports;
    reports->log.counters.taken += taken && !letter->waits;
    reports->log.counters.not_taken += !taken && !letter->waits;
    answer(letter, taken);
    letter_free(letter);
    reports->asked--;
    move_on(reports);
}

/* Redis is away, or does not want it.  What waits there still does. */
static void
fail(struct letter *letter, enum bh_status status, const char *error_text)
{
    if (status == BH_EIO || status == BH_EPROTO)
        bh_report_log_refused(&letter->reports->log, error_text);
    finish(letter, false);
}

/* ---- the wait ---- */

static void
kept_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct letter *letter = arg;
    struct bh_reports *reports = letter->reports;
    char text[BH_REDIS_REFUSAL_TEXT] = "";
    bool is_new;
    (void)error_text;
    enum bh_status status = bh_redis_judge(&reports->connection, reply, text);
    if (status == BH_OK)
        status = bh_decode_waiting_kept(reply, &is_new);
    if (status != BH_OK) {
        fail(letter, status, text);
        return;
    }
    reports->look_at = bh_mono_min(reports->look_at, bh_mono_add(bh_clock_mono(), LOOK_FIRST_MS));
    finish(letter, true);
}

static void
keep(struct letter *letter, enum bh_waiting_why why)
{
    struct bh_reports *reports = letter->reports;
    struct bh_call *call =
        bh_script_call_begin(&letter->call, &reports->connection, BH_SCRIPT_WAITING);
    bh_encode_waiting_keep(call, &reports->keys, &letter->report, why);
    enum bh_status status = bh_script_call_send(&letter->call, kept_on_reply, letter);
    if (status != BH_OK)
        fail(letter, status, NULL);
}

static void
done_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    (void)reply;
    (void)error_text;
    finish(arg, true);
}

/* What is not taken away now is looked at once more, and says nothing new. */
static void
wait_no_more(struct letter *letter, bool found)
{
    struct bh_reports *reports = letter->reports;
    struct bh_call *call =
        bh_script_call_begin(&letter->call, &reports->connection, BH_SCRIPT_WAITING);
    bh_encode_waiting_done(call, &reports->keys, letter->name, found);
    reports->log.counters.came_home += found;
    if (bh_script_call_send(&letter->call, done_on_reply, letter) != BH_OK)
        finish(letter, true);
}

/* ---- asking Redis ---- */

static void
delivered(struct letter *letter, const struct bh_report_result *result)
{
    bool is_open = result->fate == BH_REPORT_NO_JOB || result->fate == BH_REPORT_EARLY;
    bool fits = result->fate != BH_REPORT_AMBIGUOUS && result->fate != BH_REPORT_OTHER_MESSAGE;
    /* Looked at again without success, it is no news. */
    if (!letter->waits || !is_open)
        bh_report_log_fate(&letter->reports->log, &letter->report, result);
    if (!letter->waits && is_open)
        keep(letter, result->fate == BH_REPORT_EARLY ? BH_WAITING_EARLY : BH_WAITING_UNKNOWN);
    else if (letter->waits && !is_open)
        wait_no_more(letter, fits);
    else
        finish(letter, true);
}

static void
letter_on_done(void *arg, enum bh_status status, const struct bh_report_result *result,
               const char *error_text)
{
    if (status == BH_OK)
        delivered(arg, result);
    else
        fail(arg, status, error_text);
}

static void
sms_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct letter *letter = arg;
    char text[BH_REDIS_REFUSAL_TEXT] = "";
    bool is_new;
    (void)error_text;
    enum bh_status status = bh_redis_judge(&letter->reports->connection, reply, text);
    if (status == BH_OK)
        status = bh_decode_inbox(reply, &is_new);
    if (status != BH_OK) {
        fail(letter, status, text);
        return;
    }
    bh_report_log_sms(&letter->reports->log, letter->sms, is_new);
    finish(letter, true);
}

static enum bh_status
ask_for_sms(struct letter *letter)
{
    struct bh_reports *reports = letter->reports;
    struct bh_call *call =
        bh_script_call_begin(&letter->call, &reports->connection, BH_SCRIPT_INBOX);
    enum bh_status status = bh_encode_inbox(call, reports->config->redis.prefix, letter->sms,
                                            reports->config->status.retention_ms);
    return status == BH_OK ? bh_script_call_send(&letter->call, sms_on_reply, letter) : status;
}

static enum bh_status
ask_for(struct letter *letter)
{
    struct bh_reports *reports = letter->reports;
    if (letter->sms != NULL)
        return ask_for_sms(letter);
    return bh_resender_deliver(&reports->connection, reports->config, &letter->report,
                               letter_on_done, letter);
}

static struct letter *
line_take(struct bh_reports *reports)
{
    struct letter *letter = reports->line_first;
    if (letter == NULL)
        return NULL;
    reports->line_first = letter->next_waiting;
    if (reports->line_first == NULL)
        reports->line_last = NULL;
    return letter;
}

static void
line_add(struct letter *letter)
{
    struct bh_reports *reports = letter->reports;
    letter->next_waiting = NULL;
    if (reports->line_last != NULL)
        reports->line_last->next_waiting = letter;
    else
        reports->line_first = letter;
    reports->line_last = letter;
    /* From the timer, so that nobody is told from within the call that brought it. */
    plan(reports);
}

/* Who cannot be asked of Redis now is told so. */
static void
ask_for_line(struct bh_reports *reports)
{
    struct letter *letter;
    while (reports->asked < BH_REPORTS_ASKED_MAX && (letter = line_take(reports)) != NULL) {
        reports->asked++;
        enum bh_status status = ask_for(letter);
        if (status != BH_OK) {
            reports->asked--;
            reports->log.counters.not_taken++;
            answer(letter, false);
            letter_free(letter);
        }
    }
}

static void
move_on(struct bh_reports *reports)
{
    if (!reports->stopped)
        ask_for_line(reports);
    plan(reports);
}

/* ---- looking at what waits ---- */

static void
look_at_one(struct bh_reports *reports, struct bh_str name, struct bh_str text)
{
    struct letter *letter = letter_new(reports);
    const struct bh_webhook_post post = {.body = text};
    if (letter == NULL || name.len > BH_WAITING_NAME_MAX) {
        if (letter != NULL)
            letter_free(letter);
        return;
    }
    letter->waits = true;
    if (name.len > 0)
        memcpy(letter->name, name.ptr, name.len);
    letter->name[name.len] = '\0';
    if (bh_delivery_report_parse(&post, NULL, &letter->report, NULL) == BH_OK) {
        line_add(letter);
        return;
    }
    /* Of another version, perhaps: whoever understands it will look, too. */
    letter_free(letter);
}

static void
look_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_reports *reports = arg;
    struct bh_waiting_taken taken;
    bh_ms wait_ms = LOOK_MS;
    char text[BH_REDIS_REFUSAL_TEXT] = "";
    (void)error_text;
    reports->looking = false;
    if (bh_redis_judge(&reports->connection, reply, text) == BH_OK &&
        bh_decode_waiting_taken(reply, &taken) == BH_OK) {
        for (size_t i = 0; i < taken.count; i++)
            look_at_one(reports, taken.letters[i].name, taken.letters[i].report);
        if (taken.count == BH_WAITING_TAKE_MAX)
            wait_ms = LOOK_NEXT_MS;
        else if (taken.next_ms >= 0)
            wait_ms = bh_ms_min(bh_ms_max(taken.next_ms, LOOK_SOON_MS), LOOK_MS);
    }
    reports->look_at = bh_mono_add(bh_clock_mono(), wait_ms);
    move_on(reports);
}

static void
look(struct bh_reports *reports, struct bh_mono now)
{
    bool may = !reports->looking && !reports->stopping &&
               bh_redis_connection_state(&reports->connection) == BH_REDIS_READY;
    if (!bh_mono_reached(reports->look_at, now))
        return;
    reports->look_at = bh_mono_add(now, LOOK_MS);
    /* What comes in goes before what waits. */
    if (!may || reports->count + BH_WAITING_TAKE_MAX > BH_REPORTS_MAX)
        return;
    struct bh_call *call =
        bh_script_call_begin(&reports->look, &reports->connection, BH_SCRIPT_WAITING);
    bh_encode_waiting_take(call, &reports->keys);
    reports->looking = bh_script_call_send(&reports->look, look_on_reply, reports) == BH_OK;
}

/* ---- taking ---- */

static struct letter *
let_in(struct bh_reports *reports, const struct bh_reports_receipt *receipt)
{
    struct letter *letter = NULL;
    if (!reports->stopping && bh_redis_connection_state(&reports->connection) == BH_REDIS_READY)
        letter = letter_new(reports);
    if (letter == NULL) {
        reports->log.counters.not_taken++;
        return NULL;
    }
    if (receipt != NULL)
        letter->receipt = *receipt;
    return letter;
}

bool
bh_reports_take_for(struct bh_reports *reports, const struct bh_delivery_report *report,
                    const struct bh_reports_receipt *receipt)
{
    BH_ASSERT(report->event == BH_WEBHOOK_DLR || report->event == BH_WEBHOOK_VOICE);
    struct letter *letter = let_in(reports, receipt);
    if (letter == NULL)
        return false;
    letter->report = *report;
    line_add(letter);
    return true;
}

bool
bh_reports_take(struct bh_reports *reports, const struct bh_delivery_report *report)
{
    return bh_reports_take_for(reports, report, NULL);
}

bool
bh_reports_take_sms(struct bh_reports *reports, const struct bh_inbound_sms *sms,
                    const struct bh_reports_receipt *receipt)
{
    struct letter *letter = let_in(reports, receipt);
    if (letter == NULL)
        return false;
    letter->sms = bh_alloc(sizeof(*letter->sms));
    if (letter->sms == NULL) {
        reports->log.counters.not_taken++;
        letter_free(letter);
        return false;
    }
    *letter->sms = *sms;
    line_add(letter);
    return true;
}

/* ---- time ---- */

static struct bh_mono
answer_by(const struct letter *letter)
{
    return letter->receipt.ticket != 0 ? bh_mono_add(letter->since, letter->reports->answer_ms)
                                       : BH_MONO_NEVER;
}

/* It goes on; but who brought it is told to come again before he gives up by himself. */
static void
answer_the_patient(struct bh_reports *reports, struct bh_mono now)
{
    for (struct letter *letter = reports->first; letter != NULL; letter = letter->behind) {
        if (bh_mono_reached(answer_by(letter), now))
            answer(letter, false);
    }
}

static void
shut(struct bh_reports *reports)
{
    struct letter *letter;
    reports->stopped = true;
    while ((letter = line_take(reports)) != NULL) {
        reports->log.counters.not_taken++;
        answer(letter, false);
        letter_free(letter);
    }
    bh_redis_connection_stop(&reports->connection);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_reports *reports = timer->data;
    struct bh_mono now = bh_clock_mono();
    ask_for_line(reports);
    answer_the_patient(reports, now);
    look(reports, now);
    if (reports->stopping && !reports->stopped &&
        ((reports->count == 0 && !reports->looking) || bh_mono_reached(reports->stop_at, now)))
        shut(reports);
    else
        plan(reports);
}

/* The earliest moment at which there is something to do. */
static struct bh_mono
next_moment(const struct bh_reports *reports, struct bh_mono now)
{
    struct bh_mono next = reports->stopping ? reports->stop_at : reports->look_at;
    bool has_ended = reports->stopping && reports->count == 0 && !reports->looking;
    bool may_ask = reports->line_first != NULL && reports->asked < BH_REPORTS_ASKED_MAX;
    if (has_ended || may_ask)
        return now;
    /* In the order of their coming, and all have the same time. */
    for (const struct letter *letter = reports->first; letter != NULL; letter = letter->behind) {
        if (letter->receipt.ticket != 0)
            return bh_mono_min(next, answer_by(letter));
    }
    return next;
}

static void
plan(struct bh_reports *reports)
{
    struct bh_mono now = bh_clock_mono();
    if (reports->stopped)
        return;
    struct bh_mono next = next_moment(reports, now);
    if (bh_mono_is_never(next))
        uv_timer_stop(&reports->timer);
    else
        uv_timer_start(&reports->timer, timer_on_fire, (uint64_t)bh_ms_max(next.ms - now.ms, 0), 0);
}

/* ---- life ---- */

static void
connection_on_up(void *arg)
{
    struct bh_reports *reports = arg;
    reports->look_at = bh_clock_mono();
    plan(reports);
}

static void
connection_on_closed(void *arg)
{
    struct bh_reports *reports = arg;
    BH_ASSERT(reports->count == 0);
    bh_report_log_summary(&reports->log);
    bh_shells_close_timer(&reports->shells, &reports->timer);
    bh_shells_closed(&reports->shells);
}

enum bh_status
bh_reports_new(uv_loop_t *loop, const struct bh_reports_options *options,
               struct bh_reports **ret_reports, struct bh_error *error)
{
    struct bh_reports *reports = bh_alloc_zero(sizeof(*reports));
    if (reports == NULL)
        return BH_ENOMEM;
    snprintf(reports->who, sizeof(reports->who), "%s/reports", options->config->pool.instance);
    enum bh_status status = bh_waiting_keys_init(&reports->keys, options->config->redis.prefix);
    if (status == BH_OK)
        status = bh_settings_redis(&reports->settings, options->config, reports->who, error);
    if (status == BH_OK) {
        const struct bh_redis_listener listener = {
            .on_up = connection_on_up,
            .on_closed = connection_on_closed,
            .arg = reports,
        };
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
    bh_shells_expect(&reports->shells, 2, options->on_closed, options->arg);
    reports->answer_ms = BH_REPORTS_ANSWER_MS;
    reports->look_at = BH_MONO_NEVER;
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
bh_reports_hurry(struct bh_reports *reports)
{
    reports->answer_ms = HURRY_MS;
    plan(reports);
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
    bh_script_call_release(&reports->look);
    bh_redis_connection_release(&reports->connection);
    bh_settings_release(&reports->settings);
    bh_config_release(reports->config);
    bh_free(reports);
}
