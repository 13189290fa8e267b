#include "engine/policy.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway_code.h"
#include "core/schedule.h"
#include "core/zone.h"

#define JITTER_PERCENT      20
#define LOCK_JITTER_PERCENT 5

/* What a lock lasts when the configuration says that there is none and the gateway answers with it nevertheless. */
#define LOCK_DEFAULT_MS (180 * BH_SECOND_MS)

/* Spread over the first half hour of the day, so that a whole night's backlog does not start at once. */
#define DAY_SPREAD_MS (30 * BH_MINUTE_MS)

/* Moments of the guarded retries and their latest one, in parts of the lock's time: 45 s, 100 s, 150 s of 180 s. */
static const struct {
    int numerator, denominator;
} guarded_moments[] =
    {
        {1, 4},
        {5, 9}
},
  guarded_deadline = {5, 6};

struct bh_span
bh_span(bh_ms duration)
{
    struct bh_span span;
    if (duration < 10 * BH_SECOND_MS)
        snprintf(span.text, sizeof(span.text), "%.1f s", (double)duration / 1000.0);
    else if (duration < 2 * BH_MINUTE_MS)
        snprintf(span.text, sizeof(span.text), "%lld s", (long long)(duration / BH_SECOND_MS));
    else if (duration < 2 * BH_HOUR_MS)
        snprintf(span.text, sizeof(span.text), "%lld min", (long long)(duration / BH_MINUTE_MS));
    else
        snprintf(span.text, sizeof(span.text), "%lld h", (long long)(duration / BH_HOUR_MS));
    return span;
}

static bh_ms
lock_ms(const struct bh_config_gateway *gateway)
{
    return gateway->reload_lock_ms > 0 ? gateway->reload_lock_ms : LOCK_DEFAULT_MS;
}

bool
bh_policy_uses_ledger(const struct bh_job *job, const struct bh_config_gateway *gateway)
{
    return job->type == BH_JOB_SMS && !job->no_reload && !job->debug && gateway->reload_lock_ms > 0;
}

/*
 * Whether a 402 on a second request of this job can only mean that the first, begun at `since`, was taken: one
 * recipient that is a number, a text that the gateway does not rewrite, no twin of ours, and no request of
 * this job that the gateway refused: whether a refused one arms the lock is not documented.
 */
static bool
lock_can_witness(const struct bh_case *c, struct bh_wall since)
{
    int64_t refused_at_ms = c->progress->refused_at_s * BH_SECOND_MS;
    bool may_be_armed = refused_at_ms != 0 && refused_at_ms + lock_ms(c->gateway) > since.ms;
    return c->ledger_held && !may_be_armed && c->job->recipients_count == 1 &&
           c->job->recipients[0].msisdn != NULL && c->job->files_count == 0 &&
           !c->job->performance_tracking;
}

static enum bh_on_uncertain
on_uncertain(const struct bh_case *c)
{
    if (c->job->on_uncertain != BH_ON_UNCERTAIN_DEFAULT)
        return c->job->on_uncertain;
    /* What a queue of messages prefers was not said about calls; nobody is rung twice unasked. */
    if (c->job->type == BH_JOB_VOICE && c->queue->type != BH_JOB_VOICE)
        return BH_ON_UNCERTAIN_HOLD;
    return c->queue->on_uncertain;
}

static bool
fits_ttl(const struct bh_case *c, bh_ms delay_ms)
{
    return c->now.ms + delay_ms < c->expires.ms;
}

static void
verdict_init(const struct bh_case *c, struct bh_verdict *v)
{
    *v = (struct bh_verdict){
        .disposition = BH_SETTLE_FINAL,
        .attempts = c->attempts,
        .uncertain_since = c->uncertain_since,
        .waiting = BH_WAITING_RETRY,
        .retry_after_ms = -1,
    };
    c->progress->recoveries_seen = c->recoveries;
}

/* What was not sent now leaves the ledger to others, unless an earlier request may stand behind it. */
static enum bh_ledger_action
unsent_ledger(const struct bh_case *c)
{
    return c->uncertain_since.ms != 0 ? BH_LEDGER_KEEP : BH_LEDGER_FREE;
}

static void
say_error(struct bh_verdict *v, const char *text)
{
    if (v->error[0] == '\0')
        snprintf(v->error, sizeof(v->error), "%s", text);
}

/* Why it ends, behind what the gateway said. */
static void
add_error(struct bh_verdict *v, const char *text)
{
    size_t len = strlen(v->error);
    if (len > 0 && v->error[len - 1] == '.')
        len--;
    snprintf(v->error + len, sizeof(v->error) - len, "%s%s", len > 0 ? "; " : "", text);
}

/* The job waits and is taken again after the delay. */
static void
wait_for(struct bh_verdict *v, enum bh_state state, enum bh_reason reason, bh_ms delay_ms)
{
    v->state = state;
    v->reason = reason;
    v->waiting = state == BH_STATE_HELD ? BH_WAITING_HELD : BH_WAITING_RETRY;
    v->disposition = BH_SETTLE_WAIT;
    v->delay_ms = delay_ms;
}

static void
end_as(struct bh_verdict *v, enum bh_state state)
{
    bool needs_somebody = state == BH_STATE_FAILED || state == BH_STATE_UNKNOWN;
    v->state = state;
    v->reason = BH_REASON_NONE;
    v->disposition = needs_somebody ? BH_SETTLE_DEAD : BH_SETTLE_FINAL;
    snprintf(v->next, sizeof(v->next), "%s",
             needs_somebody ? "kept in the dead set for an operator" : "done");
}

/* ---- the end of a job ---- */

/* When no recipient is open any more, their states add up to the job's. */
static void
end_by_recipients(const struct bh_case *c, struct bh_verdict *v)
{
    size_t counts[BH_RECIPIENT_UNKNOWN + 1] = {0};
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        const struct bh_recipient_progress *one = &c->progress->recipients[i];
        counts[one->state]++;
        if (v->code == 0 && one->state != BH_RECIPIENT_ACCEPTED)
            v->code = one->result.code;
    }

    if (counts[BH_RECIPIENT_UNKNOWN] > 0)
        end_as(v, BH_STATE_UNKNOWN);
    else if (counts[BH_RECIPIENT_ACCEPTED] == c->progress->recipients_count)
        end_as(v, BH_STATE_SENT);
    else if (counts[BH_RECIPIENT_ACCEPTED] > 0)
        end_as(v, BH_STATE_PARTIAL);
    else if (counts[BH_RECIPIENT_DUPLICATE] == c->progress->recipients_count)
        end_as(v, BH_STATE_DUPLICATE);
    else
        end_as(v, BH_STATE_FAILED);

    if (v->state == BH_STATE_SENT)
        v->error[0] = '\0';
    if (counts[BH_RECIPIENT_ACCEPTED] > 0 && v->confirmed_by == NULL)
        v->confirmed_by = "response";
    v->uncertain_since = (struct bh_wall){0};
}

static void
end_recipient(const struct bh_case *c, size_t asked, enum bh_recipient_state state, int code)
{
    struct bh_recipient_progress *one = &c->progress->recipients[c->asked[asked]];
    one->state = state;
    one->result.answered = true;
    one->result.accepted = state == BH_RECIPIENT_ACCEPTED;
    if (one->result.code == 0)
        one->result.code = code;
}

/* What a recipient ends as that was not accepted, when that says nothing about an earlier, unanswered request. */
static enum bh_recipient_state
given_up(const struct bh_case *c, const struct bh_verdict *v, enum bh_recipient_state state)
{
    bool may_be_sent = c->uncertain_since.ms != 0 || v->uncertain_since.ms != 0;
    return may_be_sent ? BH_RECIPIENT_UNKNOWN : state;
}

/* End all that are still open in one way; the counterpart of a wait that is not allowed. */
static void
end_open(const struct bh_case *c, enum bh_recipient_state state, int code)
{
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        struct bh_recipient_progress *one = &c->progress->recipients[i];
        if (one->state != BH_RECIPIENT_OPEN)
            continue;
        one->state = state;
        one->result.answered = true;
        if (one->result.code == 0)
            one->result.code = code;
    }
}

/* No further try fits: expired when nobody has it yet, else what the recipients add up to. */
static void
end_by_ttl(const struct bh_case *c, struct bh_verdict *v, const char *why)
{
    end_open(c, given_up(c, v, BH_RECIPIENT_FAILED), v->code);
    add_error(v, why);
    end_by_recipients(c, v);
    if (v->state == BH_STATE_FAILED)
        end_as(v, BH_STATE_EXPIRED);
}

/* ---- waits, one function per cause; false: not allowed, the open recipients have been ended ---- */

/* The schedule that applies: one that somebody wrote wins over the code's own. */
static bool
next_by_schedule(const struct bh_case *c, const struct bh_gateway_code *row, bh_ms *ret_delay_ms)
{
    struct bh_schedule schedule = *c->queue->retry;
    if (c->job->retry != NULL) {
        if (bh_schedule_parse(bh_str_from(c->job->retry), &schedule, NULL) != BH_OK)
            return false;
    } else if (row != NULL && row->retry != NULL && !c->queue->retry_written) {
        if (bh_schedule_parse(bh_str_from(row->retry), &schedule, NULL) != BH_OK)
            return false;
    }
    bh_ms delay;
    if (!bh_schedule_delay(&schedule, c->progress->retries, &delay))
        return false;
    *ret_delay_ms = bh_jitter_up(delay, c->dice, JITTER_PERCENT);
    return true;
}

static bool
wait_by_schedule(const struct bh_case *c, const struct bh_gateway_code *row, struct bh_verdict *v)
{
    bh_ms delay_ms;
    if (!next_by_schedule(c, row, &delay_ms)) {
        end_open(c, given_up(c, v, BH_RECIPIENT_FAILED), v->code);
        add_error(v, "the retry schedule is used up");
        return false;
    }
    /* A failed delivery may have armed the lock; a quicker retry would be taken for a twin. */
    if (c->ledger_held && v->ledger == BH_LEDGER_KEEP)
        delay_ms = bh_ms_max(delay_ms, bh_jitter_up(lock_ms(c->gateway) + BH_LOCK_MARGIN_MS / 2,
                                                    c->dice, LOCK_JITTER_PERCENT));
    if (!fits_ttl(c, delay_ms)) {
        end_by_ttl(c, v, "no further try fits the ttl");
        return true;
    }
    c->progress->retries++;
    wait_for(v, BH_STATE_RETRYING, BH_REASON_NONE, delay_ms);
    snprintf(v->next, sizeof(v->next), "will retry in %s", bh_span(delay_ms).text);
    return true;
}

static bool
wait_for_lock(const struct bh_case *c, struct bh_verdict *v)
{
    if (c->progress->lock_waits > 0) {
        end_open(c, given_up(c, v, BH_RECIPIENT_DUPLICATE), v->code);
        add_error(v, "refused again after the lock had lapsed: somebody else sends the same");
        return false;
    }
    bh_ms delay_ms =
        bh_jitter_up(lock_ms(c->gateway) + BH_LOCK_MARGIN_MS, c->dice, LOCK_JITTER_PERCENT);
    if (!fits_ttl(c, delay_ms)) {
        end_by_ttl(c, v, "the gateway's reload lock outlasts the ttl");
        return true;
    }
    c->progress->lock_waits++;
    wait_for(v, BH_STATE_HELD, BH_REASON_RELOAD_LOCK, delay_ms);
    snprintf(v->next, sizeof(v->next), "held until the lock has lapsed, in %s",
             bh_span(delay_ms).text);
    return true;
}

static bool
wait_for_tomorrow(const struct bh_case *c, struct bh_verdict *v)
{
    struct bh_wall midnight = bh_zone_next_midnight(c->gateway->zone, c->now);
    bh_ms delay_ms = midnight.ms - c->now.ms + (bh_ms)(c->dice % (uint32_t)DAY_SPREAD_MS);
    if (c->progress->daily_waits > 0) {
        end_open(c, given_up(c, v, BH_RECIPIENT_FAILED), v->code);
        add_error(v, "the daily limit of this recipient is reached on a second day");
        return false;
    }
    if (!fits_ttl(c, delay_ms)) {
        end_open(c, given_up(c, v, BH_RECIPIENT_FAILED), v->code);
        add_error(v, "the ttl of this recipient's message ends before tomorrow");
        return false;
    }
    c->progress->daily_waits++;
    wait_for(v, BH_STATE_HELD, BH_REASON_DAILY_LIMIT, delay_ms);
    snprintf(v->next, sizeof(v->next), "held until after midnight, for %s", bh_span(delay_ms).text);
    return true;
}

static void
wait_for_account(struct bh_verdict *v, enum bh_account_word word)
{
    v->account_speaks = true;
    v->account = word;
    v->state = BH_STATE_HELD;
    v->reason = word == BH_ACCOUNT_SAYS_CREDIT ? BH_REASON_CREDIT : BH_REASON_AUTH;
    v->waiting = BH_WAITING_HELD;
    v->disposition = BH_SETTLE_READY;
    snprintf(v->next, sizeof(v->next),
             "held at the head of its queue until the account works again");
}

static void
wait_for_gateway(struct bh_verdict *v)
{
    wait_for(v, BH_STATE_HELD, BH_REASON_GATEWAY_DOWN, 0);
    v->delay_from_breaker = true;
}

/* ---- the uncertain outcome ---- */

static bh_ms
part_of(bh_ms whole, int numerator, int denominator)
{
    return whole * numerator / denominator;
}

/*
 * The moment of the next guarded retry: identical, inside the lock's time, so that 402 proves that the
 * first request was taken.  Not before the first request's timeout has passed, because a gateway that is
 * still busy with it has not armed its lock.  False when no such moment is left.
 */
static bool
guarded_moment(const struct bh_case *c, struct bh_wall since, bh_ms *ret_delay_ms)
{
    unsigned tries = c->progress->guarded_tries;
    if (!lock_can_witness(c, since) || tries >= BH_ARRAY_LEN(guarded_moments))
        return false;
    bh_ms lock = lock_ms(c->gateway);
    int64_t at = since.ms + part_of(lock, guarded_moments[tries].numerator,
                                    guarded_moments[tries].denominator);
    if (at < c->began.ms + c->gateway->timeout_ms)
        at = c->began.ms + c->gateway->timeout_ms;
    if (at < c->now.ms)
        at = c->now.ms;
    int64_t latest =
        since.ms + part_of(lock, guarded_deadline.numerator, guarded_deadline.denominator);
    if (at > latest)
        return false;
    *ret_delay_ms = at - c->now.ms;
    return true;
}

static void
wait_uncertain(struct bh_verdict *v, bh_ms delay_ms, const char *what)
{
    wait_for(v, BH_STATE_RETRYING, BH_REASON_UNCERTAIN, delay_ms);
    v->waiting = BH_WAITING_UNCERTAIN;
    snprintf(v->next, sizeof(v->next), "%s in %s", what, bh_span(delay_ms).text);
}

/* Send again once the lock has lapsed: only where the policy prefers a second message to a lost one. */
static bool
plain_resend(const struct bh_case *c, struct bh_wall since, struct bh_verdict *v)
{
    bh_ms delay_ms;
    if (!next_by_schedule(c, NULL, &delay_ms))
        return false;
    if (c->ledger_held) {
        bh_ms lapse_ms = since.ms + lock_ms(c->gateway) + BH_LOCK_MARGIN_MS - c->now.ms;
        lapse_ms = bh_jitter_up(bh_ms_max(lapse_ms, 0), c->dice, LOCK_JITTER_PERCENT);
        delay_ms = bh_ms_max(delay_ms, lapse_ms);
    }
    if (!fits_ttl(c, delay_ms))
        return false;
    c->progress->retries++;
    wait_uncertain(v, delay_ms, "will be sent again (on_uncertain = resend)");
    return true;
}

/*
 * From when the lock's time counts after a request without an answer: from the first such request, or from
 * this one when the first one's lock has lapsed meanwhile.
 */
static struct bh_wall
unanswered_since(const struct bh_case *c)
{
    struct bh_wall first = c->uncertain_since;
    if (first.ms != 0 && c->began.ms < first.ms + lock_ms(c->gateway))
        return first;
    c->progress->guarded_tries = 0;
    return c->began;
}

static void
settle_uncertain(const struct bh_case *c, struct bh_wall since, struct bh_verdict *v)
{
    v->uncertain_since = since;
    if (on_uncertain(c) == BH_ON_UNCERTAIN_RESEND) {
        bh_ms delay_ms;
        if (guarded_moment(c, since, &delay_ms) && fits_ttl(c, delay_ms)) {
            c->progress->guarded_tries++;
            wait_uncertain(v, delay_ms, "guarded retry inside the reload lock's time");
            return;
        }
        if (plain_resend(c, since, v))
            return;
    }
    say_error(v, "the request was sent and its answer lost; whether it was taken is not known");
    end_open(c, BH_RECIPIENT_UNKNOWN, v->code);
    end_by_recipients(c, v);
    snprintf(v->next, sizeof(v->next), "an operator decides: bellhop resolve");
}

/* An answer that leaves out some recipients may still refuse others for good. */
static void
take_refusals(const struct bh_case *c, const struct bh_outcome *outcome)
{
    for (size_t i = 0; i < c->asked_count && i < outcome->results_count; i++) {
        const struct bh_recipient_result *result = &outcome->results[i];
        if (!result->answered || result->accepted ||
            bh_gateway_code_find(result->code)->action != BH_ACTION_REJECT)
            continue;
        c->progress->recipients[c->asked[i]].result = *result;
        end_recipient(c, i, BH_RECIPIENT_FAILED, result->code);
    }
}

static void
judge_uncertain(const struct bh_case *c, const struct bh_outcome *outcome, struct bh_verdict *v)
{
    bool ours = outcome->trouble == BH_TROUBLE_CANCELLED || outcome->trouble == BH_TROUBLE_INTERNAL;
    v->attempts++;
    v->mood = ours ? BH_MOOD_NEUTRAL : BH_MOOD_BAD;
    take_refusals(c, outcome);
    settle_uncertain(c, unanswered_since(c), v);
}

/* Too late for the guarded retry, too early for another: a request now could meet the lock's last moment. */
static bool
is_between_windows(const struct bh_case *c)
{
    bh_ms lock = lock_ms(c->gateway);
    int64_t since_ms = c->uncertain_since.ms;
    return c->ledger_held &&
           c->now.ms >
               since_ms + part_of(lock, guarded_deadline.numerator, guarded_deadline.denominator) &&
           c->now.ms < since_ms + lock + BH_LOCK_MARGIN_MS / 2;
}

bool
bh_policy_unanswered(const struct bh_case *c, struct bh_verdict *v)
{
    bool recovered = c->recoveries > c->progress->recoveries_seen;
    if (!recovered && on_uncertain(c) == BH_ON_UNCERTAIN_RESEND && !is_between_windows(c))
        return false;
    verdict_init(c, v);
    say_error(v, recovered
                     ? "the worker that was sending it ended before the answer came"
                     : "an earlier request was not answered, and it is too late to ask again");
    struct bh_case again = *c;
    again.began = c->uncertain_since;
    /* Of several requests the last one died with its worker, perhaps a moment ago; the record has the first. */
    bool is_stale = c->now.ms >= c->uncertain_since.ms + lock_ms(c->gateway);
    if (recovered && c->attempts > 1 && is_stale)
        again.began = c->now;
    settle_uncertain(&again, unanswered_since(&again), v);
    return true;
}

/* ---- outcomes ---- */

static void
judge_unsent(const struct bh_case *c, const struct bh_outcome *outcome, struct bh_verdict *v)
{
    v->ledger = unsent_ledger(c);
    switch (outcome->trouble) {
    case BH_TROUBLE_CERTIFICATE: v->mood = BH_MOOD_BROKEN; break;
    case BH_TROUBLE_CANCELLED:
    case BH_TROUBLE_INTERNAL: v->mood = BH_MOOD_NEUTRAL; break;
    case BH_TROUBLE_NONE:
    case BH_TROUBLE_RESOLVE:
    case BH_TROUBLE_CONNECT:
    case BH_TROUBLE_TLS:
    case BH_TROUBLE_TIMEOUT:
    case BH_TROUBLE_RESET:
    case BH_TROUBLE_GARBAGE:
    case BH_TROUBLE_TOO_BIG: v->mood = BH_MOOD_BAD; break;
    }
    wait_for_gateway(v);
}

/* What the answers of one request add up to, by action. */
struct tally {
    unsigned of[BH_ACTION_COUNT];
    const struct bh_gateway_code
        *row[BH_ACTION_COUNT]; /* the first row that asked for the action */
};

static const struct bh_gateway_code *
row_of(const struct bh_outcome *outcome, const struct bh_recipient_result *result)
{
    bool is_bare_101 = result != NULL && result->code == 0 && outcome->code == 101;
    if (result != NULL && result->answered && !(is_bare_101 && outcome->results_count == 1))
        return bh_gateway_code_find(result->accepted ? 100 : result->code);
    if (outcome->code != 0)
        return bh_gateway_code_find(outcome->code);
    return bh_gateway_status_find(outcome->http_status, outcome->retry_after_ms >= 0);
}

/* Whether a 402 now proves that the earlier, unanswered request of this very job was taken. */
static bool
lock_proves(const struct bh_case *c)
{
    return c->uncertain_since.ms != 0 && lock_can_witness(c, c->uncertain_since) &&
           c->began.ms < c->uncertain_since.ms + lock_ms(c->gateway);
}

/* Fold the actions that the policy does not tell apart. */
static enum bh_code_action
effective_action(const struct bh_case *c, const struct bh_gateway_code *row)
{
    if (row->action == BH_ACTION_RETRY_CARRIER_SLOW)
        return BH_ACTION_RETRY_CARRIER;
    /* "Some recipient failed", and no word about which: plain for one recipient, open for several. */
    if (row->action == BH_ACTION_READ_RECIPIENTS)
        return c->asked_count == 1 ? BH_ACTION_REJECT : BH_ACTION_UNCERTAIN;
    return row->action;
}

/* Take over what is final for one recipient; what is not stays open and is counted. */
static void
judge_recipient(const struct bh_case *c, const struct bh_outcome *outcome, size_t asked,
                struct tally *tally, struct bh_verdict *v)
{
    const struct bh_recipient_result *result =
        asked < outcome->results_count ? &outcome->results[asked] : NULL;
    const struct bh_gateway_code *row = row_of(outcome, result);
    int code = result != NULL && result->answered ? result->code : outcome->code;
    enum bh_code_action action = effective_action(c, row);

    if (result != NULL && result->answered)
        c->progress->recipients[c->asked[asked]].result = *result;
    if (tally->row[action] == NULL)
        tally->row[action] = row;
    tally->of[action]++;

    if (action == BH_ACTION_ACCEPT) {
        end_recipient(c, asked, BH_RECIPIENT_ACCEPTED, 100);
    } else if (action == BH_ACTION_REJECT) {
        end_recipient(c, asked, BH_RECIPIENT_FAILED, code);
    } else if (action == BH_ACTION_UNCLASSIFIED) {
        end_recipient(c, asked, given_up(c, v, BH_RECIPIENT_FAILED), code);
    } else if (action == BH_ACTION_UNCERTAIN && c->asked_count > 1 &&
               on_uncertain(c) == BH_ON_UNCERTAIN_HOLD) {
        end_recipient(c, asked, BH_RECIPIENT_UNKNOWN, code);
    } else if (action == BH_ACTION_RELOAD_LOCK && lock_proves(c)) {
        end_recipient(c, asked, BH_RECIPIENT_ACCEPTED, code);
        v->confirmed_by = "reload_lock";
    }
}

static void
read_tally(const struct bh_case *c, const struct tally *tally, struct bh_verdict *v)
{
    unsigned accepted = tally->of[BH_ACTION_ACCEPT];
    unsigned ours = accepted + tally->of[BH_ACTION_REJECT] + tally->of[BH_ACTION_UNCLASSIFIED] +
                    tally->of[BH_ACTION_RETRY_CARRIER] + tally->of[BH_ACTION_UNCERTAIN] +
                    tally->of[BH_ACTION_GATEWAY_BROKEN];
    if (ours > 0)
        v->attempts++;

    v->mood = BH_MOOD_GOOD;
    if (tally->of[BH_ACTION_UNCERTAIN] > 0 || tally->of[BH_ACTION_GATEWAY_BROKEN] > 0)
        v->mood = BH_MOOD_BAD;
    if (tally->of[BH_ACTION_RATE_LIMITED] > 0)
        v->mood = BH_MOOD_THROTTLED;
    v->unclassified = tally->of[BH_ACTION_UNCLASSIFIED] > 0;
    v->account_speaks = accepted > 0;
    v->account = BH_ACCOUNT_SAYS_GOOD;

    if (accepted > 0 || v->confirmed_by != NULL)
        v->ledger = BH_LEDGER_ARM;
    else if (tally->of[BH_ACTION_RETRY_CARRIER] > 0 || tally->of[BH_ACTION_UNCERTAIN] > 0 ||
             tally->of[BH_ACTION_RELOAD_LOCK] > 0)
        v->ledger = BH_LEDGER_KEEP;
    else
        v->ledger = unsent_ledger(c);
}

/* Recipients are left open: wait for the weightiest cause.  A wait that is not allowed ends them. */
static void
wait_for_open(const struct bh_case *c, const struct tally *tally, struct bh_verdict *v)
{
    bool waits = false;
    if (tally->of[BH_ACTION_PAUSE_AUTH] > 0) {
        wait_for_account(v, BH_ACCOUNT_SAYS_AUTH);
        waits = true;
    } else if (tally->of[BH_ACTION_PAUSE_CREDIT] > 0) {
        wait_for_account(v, BH_ACCOUNT_SAYS_CREDIT);
        waits = true;
    } else if (tally->of[BH_ACTION_RATE_LIMITED] > 0) {
        wait_for_gateway(v);
        waits = true;
    } else if (tally->of[BH_ACTION_UNCERTAIN] > 0) {
        settle_uncertain(c, v->uncertain_since.ms != 0 ? v->uncertain_since : c->began, v);
        waits = true;
    } else if (tally->of[BH_ACTION_RELOAD_LOCK] > 0) {
        waits = wait_for_lock(c, v);
    } else if (tally->of[BH_ACTION_DAILY_LIMIT] > 0) {
        waits = wait_for_tomorrow(c, v);
    } else if (tally->of[BH_ACTION_RETRY_CARRIER] > 0) {
        waits = wait_by_schedule(c, tally->row[BH_ACTION_RETRY_CARRIER], v);
    } else {
        waits = wait_by_schedule(c, tally->row[BH_ACTION_GATEWAY_BROKEN], v);
    }
    if (!waits)
        end_by_recipients(c, v);
}

static void
judge_answer(const struct bh_case *c, const struct bh_outcome *outcome, struct bh_verdict *v)
{
    struct tally tally = {{0}, {NULL}};
    for (size_t i = 0; i < c->asked_count; i++)
        judge_recipient(c, outcome, i, &tally, v);
    read_tally(c, &tally, v);

    bool resends = on_uncertain(c) == BH_ON_UNCERTAIN_RESEND;
    if (tally.of[BH_ACTION_UNCERTAIN] > 0 && resends)
        v->uncertain_since = unanswered_since(c);
    if (tally.of[BH_ACTION_PAUSE_CREDIT] + tally.of[BH_ACTION_PAUSE_AUTH] +
            tally.of[BH_ACTION_DAILY_LIMIT] + tally.of[BH_ACTION_RETRY_CARRIER] >
        0)
        c->progress->refused_at_s = (unsigned)((c->now.ms + BH_SECOND_MS - 1) / BH_SECOND_MS);

    size_t open = 0;
    for (size_t i = 0; i < c->progress->recipients_count; i++)
        open += c->progress->recipients[i].state == BH_RECIPIENT_OPEN;
    if (open > 0) {
        wait_for_open(c, &tally, v);
        return;
    }
    end_by_recipients(c, v);
    /* All were accepted, but some of those that a group became were not. */
    if (v->state == BH_STATE_SENT && outcome->code == 101) {
        end_as(v, BH_STATE_PARTIAL);
        say_error(v, outcome->error);
    }
}

void
bh_policy_answer(const struct bh_case *c, const struct bh_outcome *outcome, struct bh_verdict *v)
{
    verdict_init(c, v);
    v->code = outcome->code;
    v->retry_after_ms = outcome->retry_after_ms;
    snprintf(v->error, sizeof(v->error), "%s", outcome->error);

    switch (outcome->kind) {
    case BH_OUTCOME_UNSENT: judge_unsent(c, outcome, v); break;
    case BH_OUTCOME_UNCERTAIN: judge_uncertain(c, outcome, v); break;
    case BH_OUTCOME_ACCEPTED:
    case BH_OUTCOME_REFUSED: judge_answer(c, outcome, v); break;
    }
}

/* ---- verdicts without a request ---- */

void
bh_policy_expired(const struct bh_case *c, struct bh_verdict *v)
{
    verdict_init(c, v);
    v->ledger = unsent_ledger(c);
    end_by_ttl(c, v, "the ttl ran out before it could be sent");
}

void
bh_policy_locked(const struct bh_case *c, bh_ms wait_ms, struct bh_verdict *v)
{
    verdict_init(c, v);
    bh_ms delay_ms = bh_jitter_up(wait_ms, c->dice, LOCK_JITTER_PERCENT);
    if (!fits_ttl(c, delay_ms)) {
        end_by_ttl(c, v,
                   "an identical message of ours holds the reload lock for longer than the ttl");
        return;
    }
    wait_for(v, BH_STATE_HELD, BH_REASON_RELOAD_LOCK, delay_ms);
    say_error(v, "an identical message was just sent; the gateway would refuse this one");
    snprintf(v->next, sizeof(v->next), "held until the lock has lapsed, in %s",
             bh_span(delay_ms).text);
}

void
bh_policy_give_back(const struct bh_case *c, enum bh_reason reason, struct bh_verdict *v)
{
    verdict_init(c, v);
    v->ledger = unsent_ledger(c);
    v->disposition = BH_SETTLE_READY;
    v->state = BH_STATE_HELD;
    v->reason = reason != BH_REASON_NONE ? reason : c->reason;
    v->waiting = reason != BH_REASON_NONE ? BH_WAITING_HELD : c->waiting;
    v->silent = reason == BH_REASON_NONE;
    snprintf(v->next, sizeof(v->next), "back at the head of its queue");
}
