#include "engine/policy_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway_code.h"
#include "core/schedule.h"
#include "core/zone.h"

#define JITTER_PERCENT 20

/* What a lock lasts when the configuration says that there is none and the gateway answers with it nevertheless. */
#define LOCK_DEFAULT_MS (180 * BH_SECOND_MS)

/* Spread over the first half hour of the day, so that a whole night's backlog does not start at once. */
#define DAY_SPREAD_MS (30 * BH_MINUTE_MS)

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

bh_ms
bh_policy_lock_ms(const struct bh_config_gateway *gateway)
{
    return gateway->reload_lock_ms > 0 ? gateway->reload_lock_ms : LOCK_DEFAULT_MS;
}

bool
bh_policy_uses_ledger(const struct bh_job *job, const struct bh_config_gateway *gateway)
{
    return job->type == BH_JOB_SMS && !job->no_reload && !job->debug && gateway->reload_lock_ms > 0;
}

bool
bh_policy_fits_ttl(const struct bh_case *c, bh_ms delay_ms)
{
    return c->now.ms + delay_ms < c->expires.ms;
}

void
bh_verdict_init(const struct bh_case *c, struct bh_verdict *v)
{
    *v = (struct bh_verdict){
        .disposition = BH_SETTLE_FINAL,
        .attempts = c->attempts,
        .waiting = BH_WAITING_RETRY,
        .retry_after_ms = -1,
    };
    if (bh_progress_count(c->progress, BH_RECIPIENT_UNCERTAIN) > 0)
        v->uncertain_since = c->uncertain_since;
}

/* What was not sent now leaves the ledger to others, unless an earlier request may stand behind it. */
static enum bh_ledger_action
unsent_ledger(const struct bh_case *c)
{
    return c->uncertain_since.ms != 0 ? BH_LEDGER_KEEP : BH_LEDGER_FREE;
}

void
bh_verdict_say_error(struct bh_verdict *v, const char *text)
{
    if (v->error[0] == '\0')
        snprintf(v->error, sizeof(v->error), "%s", text);
}

void
bh_verdict_add_error(struct bh_verdict *v, const char *text)
{
    size_t len = strlen(v->error);
    if (len > 0 && v->error[len - 1] == '.')
        len--;
    snprintf(v->error + len, sizeof(v->error) - len, "%s%s", len > 0 ? "; " : "", text);
}

/* The job waits and is taken again after the delay. */
void
bh_verdict_wait(struct bh_verdict *v, enum bh_state state, enum bh_reason reason, bh_ms delay_ms)
{
    v->state = state;
    v->reason = reason;
    v->waiting = state == BH_STATE_HELD ? BH_WAITING_HELD : BH_WAITING_RETRY;
    v->disposition = BH_SETTLE_WAIT;
    v->delay_ms = delay_ms;
}

void
bh_verdict_end_as(struct bh_verdict *v, enum bh_state state)
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
void
bh_verdict_end_by_recipients(const struct bh_case *c, struct bh_verdict *v)
{
    size_t counts[BH_RECIPIENT_UNKNOWN + 1] = {0};
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        const struct bh_recipient_progress *one = &c->progress->recipients[i];
        counts[one->state]++;
        if (v->code == 0 && one->state != BH_RECIPIENT_ACCEPTED)
            v->code = one->result.code;
    }

    if (counts[BH_RECIPIENT_UNKNOWN] > 0)
        bh_verdict_end_as(v, BH_STATE_UNKNOWN);
    else if (counts[BH_RECIPIENT_ACCEPTED] == c->progress->recipients_count)
        bh_verdict_end_as(v, BH_STATE_SENT);
    else if (counts[BH_RECIPIENT_ACCEPTED] > 0)
        bh_verdict_end_as(v, BH_STATE_PARTIAL);
    else if (counts[BH_RECIPIENT_DUPLICATE] == c->progress->recipients_count)
        bh_verdict_end_as(v, BH_STATE_DUPLICATE);
    else
        bh_verdict_end_as(v, BH_STATE_FAILED);

    if (v->state == BH_STATE_SENT)
        v->error[0] = '\0';
    if (counts[BH_RECIPIENT_ACCEPTED] > 0 && v->confirmed_by == NULL)
        v->confirmed_by = c->found ? "journal" : "response";
    v->uncertain_since = (struct bh_wall){0};
}

void
bh_verdict_end_recipient(const struct bh_case *c, size_t asked, enum bh_recipient_state state,
                         int code)
{
    struct bh_recipient_progress *one = &c->progress->recipients[c->asked[asked]];
    one->state = state;
    one->result.answered = true;
    one->result.accepted = state == BH_RECIPIENT_ACCEPTED;
    if (one->result.code == 0)
        one->result.code = code;
}

void
bh_verdict_end_all(const struct bh_case *c, enum bh_recipient_state from,
                   enum bh_recipient_state to, int code)
{
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        struct bh_recipient_progress *one = &c->progress->recipients[i];
        if (one->state != from)
            continue;
        one->state = to;
        one->result.answered = true;
        if (one->result.code == 0)
            one->result.code = code;
    }
}

/* Those who are open are not asked any more. */
static enum bh_rest
refuse_open(const struct bh_case *c, struct bh_verdict *v, enum bh_recipient_state state,
            const char *why)
{
    bh_verdict_end_all(c, BH_RECIPIENT_OPEN, state, v->code);
    bh_verdict_add_error(v, why);
    return BH_REST_REFUSED;
}

static enum bh_rest
expire_open(const struct bh_case *c, struct bh_verdict *v, const char *why)
{
    refuse_open(c, v, BH_RECIPIENT_FAILED, why);
    return BH_REST_EXPIRED;
}

/* ---- waits, one function per cause; one that is not allowed ends the open recipients ---- */

/* The schedule that applies: one that somebody wrote wins over the code's own. */
bool
bh_policy_next_by_schedule(const struct bh_case *c, const struct bh_gateway_code *row,
                           bh_ms *ret_delay_ms)
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

static enum bh_rest
wait_by_schedule(const struct bh_case *c, const struct bh_gateway_code *row, struct bh_verdict *v)
{
    bh_ms delay_ms;
    if (!bh_policy_next_by_schedule(c, row, &delay_ms))
        return refuse_open(c, v, BH_RECIPIENT_FAILED, "the retry schedule is used up");
    /* A failed delivery may have armed the lock; a quicker retry would be taken for a twin. */
    if (c->ledger_held && v->ledger == BH_LEDGER_KEEP)
        delay_ms =
            bh_ms_max(delay_ms, bh_jitter_up(bh_policy_lock_ms(c->gateway) + BH_LOCK_MARGIN_MS / 2,
                                             c->dice, BH_LOCK_JITTER_PERCENT));
    if (!bh_policy_fits_ttl(c, delay_ms))
        return expire_open(c, v, "no further try fits the ttl");
    c->progress->retries++;
    bh_verdict_wait(v, BH_STATE_RETRYING, BH_REASON_NONE, delay_ms);
    snprintf(v->next, sizeof(v->next), "will retry in %s", bh_span(delay_ms).text);
    return BH_REST_WAITS;
}

static enum bh_rest
wait_for_lock(const struct bh_case *c, struct bh_verdict *v)
{
    if (c->progress->lock_waits > 0)
        return refuse_open(c, v, BH_RECIPIENT_DUPLICATE,
                           "refused again after the lock had lapsed: somebody else sends the same");
    bh_ms delay_ms = bh_jitter_up(bh_policy_lock_ms(c->gateway) + BH_LOCK_MARGIN_MS, c->dice,
                                  BH_LOCK_JITTER_PERCENT);
    if (!bh_policy_fits_ttl(c, delay_ms))
        return expire_open(c, v, "the gateway's reload lock outlasts the ttl");
    c->progress->lock_waits++;
    bh_verdict_wait(v, BH_STATE_HELD, BH_REASON_RELOAD_LOCK, delay_ms);
    snprintf(v->next, sizeof(v->next), "held until the lock has lapsed, in %s",
             bh_span(delay_ms).text);
    return BH_REST_WAITS;
}

/*
 * A message of another queue explains the lock, so that it says nothing about ours: as little as no answer.  It counts as
 * no wait for somebody else's lock, and nothing is sent again, guarded retries excepted, before it lapses.
 */
static enum bh_rest
wait_for_twin(const struct bh_case *c, struct bh_verdict *v)
{
    if (c->twins != BH_TWINS_HELD)
        return BH_REST_NOTHING;
    bh_ms delay_ms = bh_jitter_up(c->twins_ms, c->dice, BH_LOCK_JITTER_PERCENT);
    bh_verdict_wait(v, BH_STATE_HELD, BH_REASON_RELOAD_LOCK, delay_ms);
    snprintf(v->next, sizeof(v->next), "held until the lock has lapsed, in %s",
             bh_span(delay_ms).text);
    return BH_REST_WAITS;
}

static enum bh_rest
wait_for_tomorrow(const struct bh_case *c, struct bh_verdict *v)
{
    struct bh_wall midnight = bh_zone_next_midnight(c->gateway->zone, c->now);
    bh_ms delay_ms = midnight.ms - c->now.ms + (bh_ms)(c->dice % (uint32_t)DAY_SPREAD_MS);
    if (c->progress->daily_waits > 0)
        return refuse_open(c, v, BH_RECIPIENT_FAILED,
                           "the daily limit of this recipient is reached on a second day");
    if (!bh_policy_fits_ttl(c, delay_ms))
        return refuse_open(c, v, BH_RECIPIENT_FAILED,
                           "the ttl of this recipient's message ends before tomorrow");
    c->progress->daily_waits++;
    bh_verdict_wait(v, BH_STATE_HELD, BH_REASON_DAILY_LIMIT, delay_ms);
    snprintf(v->next, sizeof(v->next), "held until after midnight, for %s", bh_span(delay_ms).text);
    return BH_REST_WAITS;
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

void
bh_verdict_wait_for_gateway(struct bh_verdict *v)
{
    bh_verdict_wait(v, BH_STATE_HELD, BH_REASON_GATEWAY_DOWN, 0);
    v->delay_from_breaker = true;
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
    bh_verdict_wait_for_gateway(v);
}

/* What the answers of one request add up to, by action. */
struct tally {
    unsigned of[BH_ACTION_COUNT];
    const struct bh_gateway_code
        *row[BH_ACTION_COUNT]; /* the first row that asked for the action */
    unsigned accepted_again;   /* accepted now, with an earlier request unanswered */
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

static enum bh_code_action
action_for(const struct bh_case *c, const struct bh_outcome *outcome,
           const struct bh_recipient_result *result, const struct bh_gateway_code *row)
{
    if (outcome->kind == BH_OUTCOME_UNCERTAIN && !(result != NULL && result->answered))
        return BH_ACTION_UNCERTAIN;
    return effective_action(c, row);
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
    enum bh_code_action action = action_for(c, outcome, result, row);

    struct bh_recipient_progress *one = &c->progress->recipients[c->asked[asked]];
    bool was_uncertain = one->state == BH_RECIPIENT_UNCERTAIN;

    if (result != NULL && result->answered)
        one->result = *result;
    if (tally->row[action] == NULL)
        tally->row[action] = row;
    tally->of[action]++;

    if (action == BH_ACTION_ACCEPT) {
        tally->accepted_again += was_uncertain;
        if (was_uncertain && c->try == BH_TRY_GUARDED)
            bh_policy_mark_answered(c, c->asked[asked]);
        bh_verdict_end_recipient(c, asked, BH_RECIPIENT_ACCEPTED, 100);
    } else if (action == BH_ACTION_REJECT) {
        bh_verdict_end_recipient(c, asked, BH_RECIPIENT_FAILED, code);
    } else if (action == BH_ACTION_UNCLASSIFIED && !was_uncertain) {
        bh_verdict_end_recipient(c, asked, BH_RECIPIENT_FAILED, code);
    } else if (action == BH_ACTION_UNCERTAIN) {
        one->state = BH_RECIPIENT_UNCERTAIN;
    } else if (action == BH_ACTION_RELOAD_LOCK && was_uncertain && bh_policy_lock_proves(c)) {
        bh_policy_mark_answered(c, c->asked[asked]);
        bh_verdict_end_recipient(c, asked, BH_RECIPIENT_ACCEPTED, code);
        v->confirmed_by = "reload_lock";
    } else if (action == BH_ACTION_RELOAD_LOCK && !was_uncertain) {
        bh_policy_mark_answered(c, c->asked[asked]);
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
    if (ours > 0 && c->try == BH_TRY_RESENT)
        c->progress->retries++;
    v->lock_doubtful = tally->of[BH_ACTION_RELOAD_LOCK] > 0 && c->lock == BH_LOCK_OFF;
    /* A lock that is known to work would have refused the second; a journal that was asked twice would know the first. */
    bool excluded =
        c->try == BH_TRY_GUARDED ? c->lock == BH_LOCK_ON : bh_policy_was_absent_twice(c);
    v->doubt = tally->accepted_again > 0 && !excluded;
    v->doubled = c->doubled;

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

/* Wait for the weightiest cause that is no matter of account or gateway. */
static enum bh_rest
wait_by_cause(const struct bh_case *c, const struct tally *tally, struct bh_verdict *v)
{
    if (tally->of[BH_ACTION_RELOAD_LOCK] > 0)
        return c->twins != BH_TWINS_NONE ? wait_for_twin(c, v) : wait_for_lock(c, v);
    if (tally->of[BH_ACTION_DAILY_LIMIT] > 0)
        return wait_for_tomorrow(c, v);
    if (tally->of[BH_ACTION_RETRY_CARRIER] > 0)
        return wait_by_schedule(c, tally->row[BH_ACTION_RETRY_CARRIER], v);
    if (tally->of[BH_ACTION_GATEWAY_BROKEN] > 0)
        return wait_by_schedule(c, tally->row[BH_ACTION_GATEWAY_BROKEN], v);
    return tally->of[BH_ACTION_UNCLASSIFIED] > 0 ? BH_REST_REFUSED : BH_REST_NOTHING;
}

/* Recipients are left. */
static void
wait_for_left(const struct bh_case *c, const struct tally *tally, struct bh_verdict *v)
{
    bool is_open = bh_progress_count(c->progress, BH_RECIPIENT_OPEN) > 0;
    bool resends = bh_policy_on_uncertain(c) == BH_ON_UNCERTAIN_RESEND;
    if (tally->of[BH_ACTION_PAUSE_AUTH] > 0) {
        wait_for_account(v, BH_ACCOUNT_SAYS_AUTH);
    } else if (tally->of[BH_ACTION_PAUSE_CREDIT] > 0) {
        wait_for_account(v, BH_ACCOUNT_SAYS_CREDIT);
    } else if (tally->of[BH_ACTION_RATE_LIMITED] > 0) {
        bh_verdict_wait_for_gateway(v);
    } else {
        enum bh_rest rest = is_open || resends ? wait_by_cause(c, tally, v) : BH_REST_NOTHING;
        bh_policy_wait_for_rest(c, rest, v);
    }
}

static void
judge_answer(const struct bh_case *c, const struct bh_outcome *outcome, struct bh_verdict *v)
{
    struct tally tally = {.accepted_again = 0};
    for (size_t i = 0; i < c->asked_count; i++)
        judge_recipient(c, outcome, i, &tally, v);
    read_tally(c, &tally, v);
    if (c->twins == BH_TWINS_HELD)
        bh_verdict_add_error(v, "a message of another queue with this text explains that");
    else if (c->twins == BH_TWINS_UNKNOWN)
        bh_verdict_add_error(v, "whether a message of another queue explains that is not known");

    if (tally.of[BH_ACTION_UNCERTAIN] > 0)
        v->uncertain_since = bh_policy_note_loss(c, c->began);
    if (tally.of[BH_ACTION_PAUSE_CREDIT] + tally.of[BH_ACTION_PAUSE_AUTH] +
            tally.of[BH_ACTION_DAILY_LIMIT] + tally.of[BH_ACTION_RETRY_CARRIER] >
        0)
        c->progress->refused_at_s = bh_policy_seconds(c->now.ms);

    if (bh_progress_count(c->progress, BH_RECIPIENT_OPEN) +
            bh_progress_count(c->progress, BH_RECIPIENT_UNCERTAIN) >
        0) {
        wait_for_left(c, &tally, v);
    } else {
        bh_policy_wait_for_rest(c, BH_REST_NOTHING, v);
        /* All were accepted, but some of those that a group became were not. */
        if (v->state == BH_STATE_SENT && outcome->code == 101) {
            bh_verdict_end_as(v, BH_STATE_PARTIAL);
            bh_verdict_say_error(v, outcome->error);
        }
    }
    for (size_t i = 0; i < c->progress->recipients_count; i++)
        v->look_up = v->look_up || c->progress->recipients[i].look_up;
    if (!v->look_up)
        bh_policy_say_doubt(v);
}

bool
bh_policy_rests_on_lock(const struct bh_case *c, const struct bh_outcome *outcome)
{
    if (outcome->kind == BH_OUTCOME_UNSENT || c->asked_count != 1 || !bh_policy_lock_proves(c) ||
        c->progress->recipients[c->asked[0]].state != BH_RECIPIENT_UNCERTAIN)
        return false;
    const struct bh_recipient_result *result =
        outcome->results_count > 0 ? &outcome->results[0] : NULL;
    return action_for(c, outcome, result, row_of(outcome, result)) == BH_ACTION_RELOAD_LOCK;
}

/* It was read, and leaves out some of those who were asked. */
static bool
speaks_of_some(const struct bh_outcome *outcome)
{
    for (size_t i = 0; i < outcome->results_count; i++) {
        if (outcome->results[i].answered)
            return true;
    }
    return false;
}

void
bh_policy_answer(const struct bh_case *c, const struct bh_outcome *outcome, struct bh_verdict *v)
{
    bh_verdict_init(c, v);
    v->code = outcome->code;
    v->retry_after_ms = outcome->retry_after_ms;
    v->only_guarded = bh_policy_is_only_guarded(c);
    snprintf(v->error, sizeof(v->error), "%s", outcome->error);
    if (c->try == BH_TRY_GUARDED && outcome->kind != BH_OUTCOME_UNSENT)
        c->progress->guarded_tries++;

    switch (outcome->kind) {
    case BH_OUTCOME_UNSENT: judge_unsent(c, outcome, v); break;
    case BH_OUTCOME_UNCERTAIN:
        if (speaks_of_some(outcome))
            judge_answer(c, outcome, v);
        else
            bh_policy_judge_uncertain(c, outcome, v);
        break;
    case BH_OUTCOME_ACCEPTED:
    case BH_OUTCOME_REFUSED: judge_answer(c, outcome, v); break;
    }
    bh_policy_close_question(c, v);
}

/* ---- verdicts without a request ---- */

void
bh_policy_expired(const struct bh_case *c, struct bh_verdict *v)
{
    bh_verdict_init(c, v);
    v->ledger = unsent_ledger(c);
    bh_policy_wait_for_rest(c, expire_open(c, v, "the ttl ran out before it could be sent"), v);
}

void
bh_policy_locked(const struct bh_case *c, bh_ms wait_ms, struct bh_verdict *v)
{
    bh_verdict_init(c, v);
    if (c->try == BH_TRY_GUARDED)
        bh_policy_stop_guarding(c);
    bh_ms delay_ms = bh_jitter_up(wait_ms, c->dice, BH_LOCK_JITTER_PERCENT);
    if (!bh_policy_fits_ttl(c, delay_ms)) {
        static const char why[] =
            "an identical message of ours holds the reload lock for longer than the ttl";
        bh_policy_wait_for_rest(c, expire_open(c, v, why), v);
        return;
    }
    bh_verdict_wait(v, BH_STATE_HELD, BH_REASON_RELOAD_LOCK, delay_ms);
    bh_verdict_say_error(v,
                         "an identical message was just sent; the gateway would refuse this one");
    snprintf(v->next, sizeof(v->next), "held until the lock has lapsed, in %s",
             bh_span(delay_ms).text);
    bh_policy_wait_for_rest(c, BH_REST_WAITS, v);
}

void
bh_policy_give_back(const struct bh_case *c, enum bh_reason reason, struct bh_verdict *v)
{
    bh_verdict_init(c, v);
    v->ledger = unsent_ledger(c);
    v->disposition = BH_SETTLE_READY;
    v->state = BH_STATE_HELD;
    v->reason = reason != BH_REASON_NONE ? reason : c->reason;
    v->waiting = reason != BH_REASON_NONE ? BH_WAITING_HELD : c->waiting;
    v->silent = reason == BH_REASON_NONE;
    snprintf(v->next, sizeof(v->next), "back at the head of its queue");
}
