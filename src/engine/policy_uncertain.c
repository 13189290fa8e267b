/*
 * The uncertain outcome: a request was sent and its answer lost.
 */
#include "engine/policy_internal.h"

#include <stdio.h>

#include "core/gateway_code.h"
#include "core/schedule.h"

/* Moments of the guarded retries and their latest one, in parts of the lock's time: 45 s, 100 s, 150 s of 180 s. */
static const struct {
    int numerator, denominator;
} guarded_moments[] =
    {
        {1, 4},
        {5, 9}
},
  guarded_deadline = {5, 6};

enum bh_on_uncertain
bh_policy_on_uncertain(const struct bh_case *c)
{
    if (c->job->on_uncertain != BH_ON_UNCERTAIN_DEFAULT)
        return c->job->on_uncertain;
    /* What a queue of messages prefers was not said about calls; nobody is rung twice unasked. */
    if (c->job->type == BH_JOB_VOICE && c->queue->type != BH_JOB_VOICE)
        return BH_ON_UNCERTAIN_HOLD;
    return c->queue->on_uncertain;
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
    bool may_be_armed =
        refused_at_ms != 0 && refused_at_ms + bh_policy_lock_ms(c->gateway) > since.ms;
    return c->ledger_held && !may_be_armed && c->job->recipients_count == 1 &&
           c->job->recipients[0].msisdn != NULL && c->job->files_count == 0 &&
           !c->job->performance_tracking;
}

/* Whether a 402 now proves that the earlier, unanswered request of this very job was taken. */
bool
bh_policy_lock_proves(const struct bh_case *c)
{
    return c->uncertain_since.ms != 0 && lock_can_witness(c, c->uncertain_since) &&
           c->began.ms < c->uncertain_since.ms + bh_policy_lock_ms(c->gateway);
}

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
    bh_ms lock = bh_policy_lock_ms(c->gateway);
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
    bh_verdict_wait(v, BH_STATE_RETRYING, BH_REASON_UNCERTAIN, delay_ms);
    v->waiting = BH_WAITING_UNCERTAIN;
    snprintf(v->next, sizeof(v->next), "%s in %s", what, bh_span(delay_ms).text);
}

/* Send again once the lock has lapsed: only where the policy prefers a second message to a lost one. */
static bool
plain_resend(const struct bh_case *c, struct bh_wall since, struct bh_verdict *v)
{
    bh_ms delay_ms;
    if (!bh_policy_next_by_schedule(c, NULL, &delay_ms))
        return false;
    if (c->ledger_held) {
        bh_ms lapse_ms = since.ms + bh_policy_lock_ms(c->gateway) + BH_LOCK_MARGIN_MS - c->now.ms;
        lapse_ms = bh_jitter_up(bh_ms_max(lapse_ms, 0), c->dice, BH_LOCK_JITTER_PERCENT);
        delay_ms = bh_ms_max(delay_ms, lapse_ms);
    }
    if (!bh_policy_fits_ttl(c, delay_ms))
        return false;
    c->progress->retries++;
    wait_uncertain(v, delay_ms, "will be sent again (on_uncertain = resend)");
    return true;
}

/*
 * From when the lock's time counts after a request without an answer: from the first such request, or from
 * this one when the first one's lock has lapsed meanwhile.
 */
struct bh_wall
bh_policy_unanswered_since(const struct bh_case *c)
{
    struct bh_wall first = c->uncertain_since;
    if (first.ms != 0 && c->began.ms < first.ms + bh_policy_lock_ms(c->gateway))
        return first;
    c->progress->guarded_tries = 0;
    return c->began;
}

void
bh_policy_settle_uncertain(const struct bh_case *c, struct bh_wall since, struct bh_verdict *v)
{
    v->uncertain_since = since;
    if (bh_policy_on_uncertain(c) == BH_ON_UNCERTAIN_RESEND) {
        bh_ms delay_ms;
        if (guarded_moment(c, since, &delay_ms) && bh_policy_fits_ttl(c, delay_ms)) {
            c->progress->guarded_tries++;
            wait_uncertain(v, delay_ms, "guarded retry inside the reload lock's time");
            return;
        }
        if (plain_resend(c, since, v))
            return;
    }
    bh_verdict_say_error(
        v, "the request was sent and its answer lost; whether it was taken is not known");
    bh_verdict_end_open(c, BH_RECIPIENT_UNKNOWN, v->code);
    bh_verdict_end_by_recipients(c, v);
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
        bh_verdict_end_recipient(c, i, BH_RECIPIENT_FAILED, result->code);
    }
}

void
bh_policy_judge_uncertain(const struct bh_case *c, const struct bh_outcome *outcome,
                          struct bh_verdict *v)
{
    bool ours = outcome->trouble == BH_TROUBLE_CANCELLED || outcome->trouble == BH_TROUBLE_INTERNAL;
    v->attempts++;
    v->mood = ours ? BH_MOOD_NEUTRAL : BH_MOOD_BAD;
    take_refusals(c, outcome);
    bh_policy_settle_uncertain(c, bh_policy_unanswered_since(c), v);
}

/* Too late for the guarded retry, too early for another: a request now could meet the lock's last moment. */
static bool
is_between_windows(const struct bh_case *c)
{
    bh_ms lock = bh_policy_lock_ms(c->gateway);
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
    if (!recovered && bh_policy_on_uncertain(c) == BH_ON_UNCERTAIN_RESEND && !is_between_windows(c))
        return false;
    bh_verdict_init(c, v);
    bh_verdict_say_error(
        v, recovered ? "the worker that was sending it ended before the answer came"
                     : "an earlier request was not answered, and it is too late to ask again");
    struct bh_case again = *c;
    again.began = c->uncertain_since;
    /* Of several requests the last one died with its worker, perhaps a moment ago; the record has the first. */
    bool is_stale = c->now.ms >= c->uncertain_since.ms + bh_policy_lock_ms(c->gateway);
    if (recovered && c->attempts > 1 && is_stale)
        again.began = c->now;
    bh_policy_settle_uncertain(&again, bh_policy_unanswered_since(&again), v);
    return true;
}
