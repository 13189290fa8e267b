#include "daemon/witness.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway_code.h"
#include "core/gateway_journal.h"
#include "core/gateway_profile.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "gateway/stamp.h"

/* Between a question that was not answered and the next; doubled each time. */
#define GAP_FIRST_MS (10 * BH_SECOND_MS)
#define GAP_MAX_MS   BH_HOUR_MS

/* Entries from the future show that the journal's times are not what we take them for. */
#define FUTURE_MS (10 * BH_MINUTE_MS)

#define WITHOUT_JOURNAL                                                                            \
    "lost answers are cleared up by the reload lock and by delivery reports only"

static void plan(struct bh_witness *witness);

static void
sent_or_told(enum bh_status status)
{
    if (status != BH_OK)
        bh_log_write(BH_LOG_WARN, "account", NULL, 0,
                     "what was learnt about the account cannot be written to Redis just now (%s)",
                     bh_status_name(status));
}

static void
desk_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    (void)arg;
    (void)done;
    (void)wait_ms;
    sent_or_told(status);
}

/* ---- saying it ---- */

static void
tell_journal(struct bh_witness *witness, enum bh_journal_access journal, bool is_empty)
{
    bool readable = journal == BH_JOURNAL_READABLE;
    const struct bh_log_field fields[] = {
        bh_log_text("access", readable ? "readable" : "denied"),
        bh_log_bool("empty", is_empty),
    };
    witness->journal_told = journal;
    if (!readable)
        bh_log_write(BH_LOG_WARN, "journal", fields, 1,
                     "this key may not read the gateway's journal: " WITHOUT_JOURNAL
                     "; give the key the right to the journal in the gateway's settings");
    else if (is_empty)
        bh_log_write(BH_LOG_INFO, "journal", fields, 2,
                     "the gateway's journal can be read, but there is nothing in it; if SMS were "
                     "sent before, its retention is off, and " WITHOUT_JOURNAL);
    else
        bh_log_write(BH_LOG_INFO, "journal", fields, 1,
                     "the gateway's journal can be read: it tells whether a message whose answer "
                     "was lost was sent");
}

struct day_text {
    char text[16];
};

static struct day_text
day_of(const struct bh_witness *witness, struct bh_wall at)
{
    struct bh_datetime local = bh_zone_to_local(witness->options.config->gateway.zone, at);
    struct day_text day;
    snprintf(day.text, sizeof(day.text), "%04d-%02u-%02u", (int)(local.year % 10000),
             local.month % 100, local.day % 100);
    return day;
}

static void
tell_lock(const struct bh_witness *witness)
{
    const struct bh_account_view *view = &witness->view;
    static const char *const words[] = {
        [BH_LOCK_UNKNOWN] = "assumed",
        [BH_LOCK_ON] = "proven",
        [BH_LOCK_OFF] = "off",
    };
    bool is_off = witness->options.config->gateway.reload_lock_ms == 0;
    const struct bh_log_field field = bh_log_text("lock", words[is_off ? BH_LOCK_OFF : view->lock]);
    struct day_text day = day_of(witness, view->lock_at);
    if (is_off)
        bh_log_write(BH_LOG_INFO, "reload_lock", &field, 1,
                     "the reload lock is off by configuration: it cannot tell about a lost answer");
    else if (view->lock == BH_LOCK_ON)
        bh_log_write(BH_LOG_INFO, "reload_lock", &field, 1,
                     "the reload lock was proven on %s: a repetition tells whether a message whose "
                     "answer was lost was sent, and cannot send it twice",
                     day.text);
    else if (view->lock == BH_LOCK_OFF)
        bh_log_write(BH_LOG_WARN, "reload_lock", &field, 1,
                     "the account has no reload lock, as was seen on %s: it cannot tell about a "
                     "lost answer, and nothing is repeated in reliance on it",
                     day.text);
    else
        bh_log_write(BH_LOG_INFO, "reload_lock", &field, 1,
                     "that the account's reload lock works is assumed and not proven; "
                     "`bellhop probe-lock --to NUMBER` tries it with one SMS");
}

/* What was known is taken back: every process says so once, and what to do. */
static void
tell_doubt(const struct bh_account_view *view)
{
    bh_log_write(BH_LOG_ERROR, "reload_lock_doubtful", NULL, 0,
                 "%s; what is known of the reload lock does not hold any more: look at the "
                 "account's settings, and run `bellhop probe-lock --to NUMBER`",
                 view->lock_why[0] != '\0' ? view->lock_why
                                           : "the account's knowledge in Redis was removed");
}

void
bh_witness_view(struct bh_witness *witness, const struct bh_account_view *view)
{
    struct bh_account_view was = witness->view;
    bool first = !witness->view_known;
    witness->view = *view;
    witness->view_known = true;
    bool is_news = was.lock != view->lock || was.lock_at.ms != view->lock_at.ms;
    if (!first && was.lock != BH_LOCK_UNKNOWN && view->lock == BH_LOCK_UNKNOWN)
        tell_doubt(view);
    else if (first || is_news)
        tell_lock(witness);
    if (witness->answered && view->journal != BH_JOURNAL_UNKNOWN &&
        view->journal != witness->journal_told)
        tell_journal(witness, view->journal, false);
    plan(witness);
}

/* ---- asking the journal ---- */

static enum bh_status
render(struct bh_witness *witness, struct bh_error *error)
{
    const struct bh_gateway_profile profile =
        bh_gateway_profile_from(&witness->options.config->gateway, witness->options.sent_with);
    const struct bh_gateway_journal_query query = {.limit = 1};
    struct bh_gateway_stamp_text text;
    struct bh_gateway_stamp stamp;
    enum bh_status status = bh_gateway_stamp_now(&text, &stamp);
    if (status == BH_OK)
        status = bh_gateway_request_journal(&witness->request, &profile, &stamp, &query, error);
    return status;
}

static void
ask(struct bh_witness *witness)
{
    struct bh_error error = {"", ""};
    enum bh_status status = render(witness, &error);
    if (status != BH_OK) {
        bh_log_write(BH_LOG_ERROR, "journal", NULL, 0, "the journal cannot be asked: %s",
                     error.text[0] != '\0' ? error.text : bh_status_name(status));
        return;
    }
    witness->asking = true;
    const struct bh_submit_command submit = {
        .slot = {.index = witness->options.slot},
        .url = bh_buf_text(&witness->request.url),
        .headers = witness->request.headers,
        .body = bh_buf_str(&witness->request.body),
        .timeout_ms = witness->options.config->gateway.timeout_ms,
    };
    bh_gateway_transport_submit(witness->options.transport, &submit);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_witness *witness = timer->data;
    if (!witness->asking && !witness->closing)
        ask(witness);
}

/* A key that is refused, and an operator's pause, are no time for questions; a lack of credit is. */
static bool
may_ask(const struct bh_witness *witness)
{
    const char *credit = bh_reason_name(BH_REASON_CREDIT);
    return witness->view.state == BH_ACCOUNT_OPEN || strcmp(witness->view.reason, credit) == 0;
}

static void
plan(struct bh_witness *witness)
{
    if (!witness->view_known || witness->asking || witness->closing)
        return;
    if (!may_ask(witness)) {
        uv_timer_stop(&witness->timer);
        return;
    }
    bh_ms wait_ms = witness->gap_ms;
    if (witness->answered)
        wait_ms = bh_ms_max(BH_DAY_MS - (witness->view.server_now.ms - witness->view.journal_at.ms),
                            GAP_FIRST_MS);
    else if (uv_is_active((uv_handle_t *)&witness->timer) != 0)
        return; /* the next try has its time */
    uv_timer_start(&witness->timer, timer_on_fire, (uint64_t)wait_ms, 0);
}

static void
learn(struct bh_witness *witness, enum bh_journal_access journal, bool is_empty)
{
    bool is_news = journal != witness->journal_told;
    witness->answered = true;
    witness->trouble_told = false;
    witness->gap_ms = 0;
    witness->view.journal = journal;
    witness->view.journal_at = witness->view.server_now;
    if (is_news)
        tell_journal(witness, journal, is_empty);
    sent_or_told(bh_account_journal(witness->options.desk, journal, desk_on_done, witness));
}

static void
tell_trouble(struct bh_witness *witness, const struct bh_exchange *exchange, int code)
{
    const struct bh_gateway_illness illness = {
        .trouble = exchange->http_status >= 200 ? BH_TROUBLE_NONE : exchange->trouble,
        .http_status = exchange->http_status,
        .code = code,
    };
    if (!witness->trouble_told)
        bh_log_write(BH_LOG_INFO, "journal", NULL, 0,
                     "whether the gateway's journal may be read is not known yet: %s; it is asked "
                     "again",
                     bh_gateway_illness_text(&illness).text);
    witness->trouble_told = true;
}

static void
check_times(const struct bh_witness *witness, const struct bh_journal_entry *newest)
{
    if (newest->sent_at.ms > witness->view.server_now.ms + FUTURE_MS &&
        newest->sent_at.ms > bh_clock_wall().ms + FUTURE_MS)
        bh_log_write(BH_LOG_WARN, "journal", NULL, 0,
                     "the newest entry of the gateway's journal is from the future: [gateway] "
                     "timezone is not the gateway's, or a clock is wrong, and messages will not be "
                     "found in the journal");
}

static void
ask_anew(struct bh_witness *witness)
{
    witness->stale = witness->asking;
    witness->answered = false;
    witness->trouble_told = false;
    witness->gap_ms = 0;
    uv_timer_stop(&witness->timer);
}

void
bh_witness_answered(struct bh_witness *witness, const struct bh_exchange *exchange)
{
    struct bh_journal_entry entry;
    witness->asking = false;
    if (witness->closing)
        return;
    enum bh_journal_finding finding =
        bh_gateway_journal_probe(exchange, witness->options.config->gateway.zone, &entry);
    /* What refuses the key, the signature or our address everywhere is no word about the journal. */
    bool is_denied = finding == BH_JOURNAL_REFUSED &&
                     (entry.code == 902 || (entry.code == 0 && exchange->http_status == 403));
    if (finding == BH_JOURNAL_FOUND || finding == BH_JOURNAL_ABSENT) {
        learn(witness, BH_JOURNAL_READABLE, finding == BH_JOURNAL_ABSENT);
        check_times(witness, &entry);
    } else if (is_denied) {
        learn(witness, BH_JOURNAL_DENIED, false);
    } else {
        tell_trouble(witness, exchange, entry.code);
        witness->gap_ms = bh_ms_min(bh_ms_max(witness->gap_ms * 2, GAP_FIRST_MS), GAP_MAX_MS);
        witness->answered = false;
    }
    if (witness->stale)
        ask_anew(witness);
    plan(witness);
}

/* ---- what the workers say ---- */

void
bh_witness_hear(struct bh_witness *witness, const struct bh_account_command *word)
{
    char why[BH_ACCOUNT_TEXT_MAX + 1];
    if (word->word == BH_ACCOUNT_SAYS_NO_JOURNAL) {
        sent_or_told(
            bh_account_journal(witness->options.desk, BH_JOURNAL_DENIED, desk_on_done, witness));
        return;
    }
    snprintf(why, sizeof(why), "%s",
             word->code == 402
                 ? "a repetition was refused (code 402), although the account had no reload lock"
                 : "a repetition was accepted, although the reload lock was proven: a message was "
                   "sent twice");
    sent_or_told(bh_account_lock(witness->options.desk, BH_LOCK_UNKNOWN, bh_str_from(why),
                                 desk_on_done, witness));
}

/* ---- life ---- */

void
bh_witness_init(struct bh_witness *witness, uv_loop_t *loop)
{
    *witness = (struct bh_witness){.closing = false};
    bh_gateway_request_init(&witness->request, 0);
    uv_timer_init(loop, &witness->timer);
    witness->timer.data = witness;
}

void
bh_witness_open(struct bh_witness *witness, const struct bh_witness_options *options)
{
    witness->options = *options;
}

void
bh_witness_configure(struct bh_witness *witness, const struct bh_config *config)
{
    witness->options.config = config;
    ask_anew(witness);
    plan(witness);
}

static void
timer_on_closed(uv_handle_t *timer)
{
    struct bh_witness *witness = timer->data;
    witness->on_closed(witness->arg);
}

void
bh_witness_close(struct bh_witness *witness, void (*on_closed)(void *arg), void *arg)
{
    witness->closing = true;
    witness->on_closed = on_closed;
    witness->arg = arg;
    uv_close((uv_handle_t *)&witness->timer, timer_on_closed);
}

void
bh_witness_release(struct bh_witness *witness)
{
    bh_gateway_request_release(&witness->request);
}
