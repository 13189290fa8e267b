/*
 * The uncertain outcome: a request was sent and its answer lost.
 *
 * A recipient stays uncertain until something tells what became of its request: the gateway's journal, the
 * reload lock, the answer to another request, an operator.  What is tried, and when, follows from the times of
 * the requests alone, so that a job that was given back, or whose worker died, goes on where it was:
 *
 *   1. The journal is asked once the request can no longer be under way, before anything is sent again, and, where
 *      nothing is, three times more.
 *   2. A guarded retry, identical and inside the reload lock's time: a 402 proves that the first was taken.
 *   3. Policy `resend`: again when the lock has lapsed; where the journal can be asked, not before it
 *      has said twice, a minute apart, that it knows nothing of it.
 *   4. Else the job ends `unknown`; where nobody knows yet whether the journal can be read, some minutes later.
 */
#include "engine/policy_internal.h"

#include <stdio.h>

#include "core/gateway_code.h"
#include "core/schedule.h"

#define NEVER INT64_MAX

/* Moments of the guarded retries and their latest one, in parts of the lock's time: 45 s, 100 s, 150 s of 180 s. */
static const struct {
    int numerator, denominator;
} guarded_moments[] =
    {
        {1, 4},
        {5, 9}
},
  guarded_deadline = {5, 6};

/* When the journal is asked, counted from the last request; never before first_look(). */
static const bh_ms look_moments[] = {30 * BH_SECOND_MS, BH_MINUTE_MS, 5 * BH_MINUTE_MS, BH_HOUR_MS};

/* After the last moment a look-up in vain is repeated when a quarter more of the time has passed, for so long. */
#define LOOK_MOST_MS BH_DAY_MS

/* Two answers of the journal so far apart: what lags behind is there by the second. */
#define ABSENT_APART_MS BH_MINUTE_MS

/*
 * A journal that cannot be read holds a resend up for so long after the last request, and one that cannot be
 * reached longer, for it is likely that nothing can.
 */
#define PROOF_WAIT_MS       (5 * BH_MINUTE_MS)
#define PROOF_WAIT_REACH_MS (30 * BH_MINUTE_MS)
#define PROOF_WAIT_AGAIN_MS (30 * BH_SECOND_MS)

enum bh_on_uncertain
bh_policy_on_uncertain(const struct bh_case *c)
{
    if (c->job->on_uncertain != BH_ON_UNCERTAIN_DEFAULT)
        return c->job->on_uncertain;
    /* What a queue of messages prefers was not said about calls; nobody is rung twice unasked. */
    if (c->job->type == BH_JOB_VOICE && c->queue->type != BH_JOB_VOICE)
        return BH_ON_UNCERTAIN_HOLD;
    /* It asks the gateway to let twins through, so that nothing would stop the second one. */
    if (c->job->no_reload)
        return BH_ON_UNCERTAIN_HOLD;
    return c->queue->on_uncertain;
}

static bool
resends(const struct bh_case *c)
{
    return bh_policy_on_uncertain(c) == BH_ON_UNCERTAIN_RESEND;
}

static size_t
count(const struct bh_case *c, enum bh_recipient_state state)
{
    return bh_progress_count(c->progress, state);
}

static int64_t
later(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static int64_t
part_of(int64_t whole, int numerator, int denominator)
{
    return whole * numerator / denominator;
}

unsigned
bh_policy_seconds(int64_t ms)
{
    return (unsigned)((ms + BH_SECOND_MS - 1) / BH_SECOND_MS);
}

static int64_t
ms_of(unsigned seconds)
{
    return (int64_t)seconds * BH_SECOND_MS;
}

/* ---- when a request was lost ---- */

/* No sooner than anything but plain resending allows: nothing is known then but the schedule. */
static void
plan_resend(const struct bh_case *c)
{
    bh_ms delay_ms;
    c->progress->resend_due_s = 0;
    if (resends(c) && bh_policy_next_by_schedule(c, NULL, &delay_ms))
        c->progress->resend_due_s = bh_policy_seconds(c->now.ms + delay_ms);
}

/*
 * The lock's time counts from the first request without an answer, or from this one when the first one's lock has
 * lapsed meanwhile.
 */
struct bh_wall
bh_policy_note_loss(const struct bh_case *c, struct bh_wall began)
{
    struct bh_progress *progress = c->progress;
    struct bh_wall since = c->uncertain_since;
    if (since.ms == 0 || began.ms >= since.ms + bh_policy_lock_ms(c->gateway)) {
        since = began;
        progress->guarded_tries = 0;
    }
    if (progress->first_lost_s == 0)
        progress->first_lost_s = (unsigned)(since.ms / BH_SECOND_MS);
    progress->last_lost_s = bh_policy_seconds(began.ms);
    progress->looked_at_s = progress->absent_at_s = 0;
    plan_resend(c);
    return since;
}

static void
rename_all(const struct bh_case *c, enum bh_recipient_state from, enum bh_recipient_state to)
{
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        struct bh_recipient_progress *one = &c->progress->recipients[i];
        if (one->state == from)
            one->state = to;
    }
}

static void
forget_losses(struct bh_progress *progress)
{
    progress->first_lost_s = progress->last_lost_s = progress->resend_due_s = 0;
    progress->looked_at_s = progress->absent_at_s = progress->guarded_tries = 0;
}

void
bh_policy_close_question(const struct bh_case *c, struct bh_verdict *v)
{
    if (count(c, BH_RECIPIENT_UNCERTAIN) > 0)
        return;
    v->uncertain_since = (struct bh_wall){0};
    forget_losses(c->progress);
}

/*
 * The record has the first request without an answer.  When the last one left, which died with its worker, is known
 * only if it was that one: else it may have been a moment ago, or so long ago that its lock has lapsed, too.
 */
static void
note_death(struct bh_case *c)
{
    struct bh_wall began = c->uncertain_since;
    bool is_first_loss = c->progress->first_lost_s == 0;
    bool is_stale = c->now.ms >= began.ms + bh_policy_lock_ms(c->gateway);
    if (!is_first_loss && is_stale)
        began = c->now;
    c->uncertain_since = bh_policy_note_loss(c, began);
    if (!is_first_loss && is_stale)
        bh_policy_stop_guarding(c);
    if (c->attempts > 1)
        c->progress->last_lost_s = bh_policy_seconds(c->now.ms);
}

/* A worker that did not keep these has waited for the moment already. */
static void
adopt_older_record(const struct bh_case *c)
{
    struct bh_progress *progress = c->progress;
    progress->first_lost_s = (unsigned)(c->uncertain_since.ms / BH_SECOND_MS);
    progress->last_lost_s = bh_policy_seconds(c->uncertain_since.ms);
    progress->resend_due_s = resends(c) ? progress->last_lost_s : 0;
}

void
bh_policy_take_up(struct bh_case *c)
{
    /* An attempt that no settlement has counted: else its worker ended, or never heard of it, before it sent. */
    bool was_lost =
        c->recovered && c->waiting == BH_WAITING_UNCERTAIN && c->attempts > c->progress->attempts;
    if (count(c, BH_RECIPIENT_UNKNOWN) > 0) {
        for (size_t i = 0; i < c->progress->recipients_count; i++) {
            struct bh_recipient_progress *one = &c->progress->recipients[i];
            if (one->state == BH_RECIPIENT_UNKNOWN)
                *one = (struct bh_recipient_progress){.state = BH_RECIPIENT_OPEN};
        }
        forget_losses(c->progress);
        if (!was_lost)
            c->uncertain_since = (struct bh_wall){0};
    }
    if (c->uncertain_since.ms == 0) {
        rename_all(c, BH_RECIPIENT_UNCERTAIN, BH_RECIPIENT_OPEN);
        forget_losses(c->progress);
        return;
    }
    if (was_lost || count(c, BH_RECIPIENT_UNCERTAIN) == 0)
        rename_all(c, BH_RECIPIENT_OPEN, BH_RECIPIENT_UNCERTAIN);
    if (was_lost)
        note_death(c);
    else if (c->progress->last_lost_s == 0)
        adopt_older_record(c);
}

/* ---- moments ---- */

enum act { ACT_NONE, ACT_LOOK, ACT_RESEND, ACT_GUARD };

struct moment {
    enum act act;
    int64_t at;
};

static int64_t
guarded_until(const struct bh_case *c)
{
    return c->uncertain_since.ms + part_of(bh_policy_lock_ms(c->gateway),
                                           guarded_deadline.numerator,
                                           guarded_deadline.denominator);
}

/* A lock that is known to work lets no second one pass, whatever the policy. */
static bool
may_guard(const struct bh_case *c)
{
    return c->lock == BH_LOCK_ON || (resends(c) && c->lock != BH_LOCK_OFF);
}

/* Half a timeout longer than the last request can have been under way. */
static int64_t
first_look(const struct bh_case *c)
{
    return ms_of(c->progress->last_lost_s) + later(look_moments[0], c->gateway->timeout_ms * 3 / 2);
}

/*
 * The next guarded retry: identical, inside the lock's time, so that 402 proves that the first request was
 * taken.  Not before the last request's timeout has passed, because a gateway that is still busy with it has not
 * armed its lock.  A lock that nobody has seen to work may let the second one pass: where the journal can be asked, it is
 * asked first, also about a request that died with its worker; but for locks whose moments come before the journal's.
 */
static int64_t
guard_at(const struct bh_case *c)
{
    unsigned tries = c->progress->guarded_tries;
    if (!may_guard(c) || tries >= BH_ARRAY_LEN(guarded_moments) ||
        !bh_policy_lock_can_witness(c, c->uncertain_since))
        return NEVER;
    int64_t at = c->uncertain_since.ms + part_of(bh_policy_lock_ms(c->gateway),
                                                 guarded_moments[tries].numerator,
                                                 guarded_moments[tries].denominator);
    int64_t earliest_look =
        c->uncertain_since.ms + later(look_moments[0], c->gateway->timeout_ms * 3 / 2);
    bool looks_first = c->lock != BH_LOCK_ON && bh_policy_can_look(c) && at >= earliest_look;
    at = later(at, ms_of(c->progress->last_lost_s) + c->gateway->timeout_ms);
    if (looks_first)
        at = later(at, first_look(c));
    at = later(at, c->now.ms);
    return at <= guarded_until(c) && at < c->expires.ms ? at : NEVER;
}

/* Whether the last request is over, so that what the journal says about it is final. */
static bool
may_look_now(const struct bh_case *c)
{
    return c->looked == BH_LOOKED_NOT_YET && bh_policy_can_look(c) && c->now.ms >= first_look(c);
}

bool
bh_policy_was_absent_twice(const struct bh_case *c)
{
    const struct bh_progress *progress = c->progress;
    return progress->absent_at_s != 0 &&
           ms_of(progress->looked_at_s) >= ms_of(progress->absent_at_s) + ABSENT_APART_MS;
}

static bool
was_in_vain(const struct bh_case *c)
{
    return c->looked == BH_LOOKED_IN_VAIN || c->looked == BH_LOOKED_UNREACHED;
}

/* The journal ought to say so first and does not answer. */
static int64_t
without_proof_at(const struct bh_case *c)
{
    int64_t patience = ms_of(c->progress->last_lost_s) +
                       (c->looked == BH_LOOKED_UNREACHED ? PROOF_WAIT_REACH_MS : PROOF_WAIT_MS);
    if (c->now.ms >= patience)
        return c->now.ms;
    return bh_ms_min(patience, c->now.ms + PROOF_WAIT_AGAIN_MS);
}

/*
 * Sending again, whatever became of the first.  Not while the lock may still be on, for the last moment of its
 * time proves nothing and costs a request.
 */
static int64_t
resend_at(const struct bh_case *c)
{
    if (!resends(c) || c->progress->resend_due_s == 0)
        return NEVER;
    int64_t at = ms_of(c->progress->resend_due_s);
    if (c->ledger_held)
        at = later(at, c->uncertain_since.ms + bh_policy_lock_ms(c->gateway) + BH_LOCK_MARGIN_MS);
    if (bh_policy_can_look(c)) {
        at = later(at, first_look(c));
        if (c->progress->absent_at_s != 0)
            at = later(at, ms_of(c->progress->absent_at_s) + ABSENT_APART_MS);
        if (was_in_vain(c))
            at = later(at, without_proof_at(c));
    }
    return at < c->expires.ms ? at : NEVER;
}

/* The next time that the journal is asked for its own sake. */
static int64_t
look_at(const struct bh_case *c, bool will_resend)
{
    if (!bh_policy_can_look(c))
        return NEVER;
    int64_t base = ms_of(c->progress->last_lost_s);
    size_t moments = will_resend ? 1 : BH_ARRAY_LEN(look_moments);
    int64_t behind = was_in_vain(c) ? c->now.ms : ms_of(c->progress->looked_at_s);
    for (size_t i = 0; i < moments; i++) {
        int64_t at = later(base + look_moments[i], first_look(c));
        if (at > behind)
            return at;
    }
    bool is_over = will_resend || c->now.ms >= base + LOOK_MOST_MS;
    return was_in_vain(c) && !is_over ? c->now.ms + (c->now.ms - base) / 4 : NEVER;
}

/* Of those that are due together the later ones are worth more: they look first where that is possible. */
static struct moment
next_moment(const struct bh_case *c)
{
    int64_t resend = resend_at(c);
    const struct moment moments[] = {
        {ACT_LOOK, look_at(c, resend != NEVER)},
        {ACT_RESEND,        resend       },
        {ACT_GUARD,        guard_at(c) },
    };
    struct moment next = {ACT_NONE, NEVER};
    for (size_t i = 0; i < BH_ARRAY_LEN(moments); i++) {
        int64_t at = moments[i].at == NEVER ? NEVER : later(moments[i].at, c->now.ms);
        if (at != NEVER && at <= next.at)
            next = (struct moment){moments[i].act, at};
    }
    return next;
}

void
bh_policy_stop_guarding(const struct bh_case *c)
{
    c->progress->guarded_tries = BH_ARRAY_LEN(guarded_moments);
}

bool
bh_policy_is_guard_stale(const struct bh_case *c)
{
    return c->try == BH_TRY_GUARDED && (c->now.ms > guarded_until(c) || !may_guard(c));
}

/* ---- waiting, and the end of it ---- */

static void
wait_uncertain(const struct bh_case *c, const struct moment *moment, struct bh_verdict *v)
{
    static const char *const words[] = {
        [ACT_NONE] = "",
        [ACT_LOOK] = "the gateway's journal is asked",
        [ACT_RESEND] = "will be sent again (on_uncertain = resend)",
        [ACT_GUARD] = "guarded retry inside the reload lock's time",
    };
    bh_ms delay_ms = moment->at - c->now.ms;
    /* The guarded retry has its deadline; the others may spread. */
    if (moment->act != ACT_GUARD)
        delay_ms = bh_jitter_up(delay_ms, c->dice, BH_LOCK_JITTER_PERCENT);
    bh_verdict_wait(v, BH_STATE_RETRYING, BH_REASON_UNCERTAIN, delay_ms);
    v->waiting = BH_WAITING_UNCERTAIN;
    snprintf(v->next, sizeof(v->next), "%s in %s", words[moment->act], bh_span(delay_ms).text);
}

static void
wait_for_open(const struct bh_case *c, struct bh_verdict *v)
{
    bh_ms delay_ms = later(ms_of(c->progress->open_due_s) - c->now.ms, 0);
    bh_verdict_wait(v, BH_STATE_RETRYING, BH_REASON_NONE, delay_ms);
    snprintf(v->next, sizeof(v->next), "will be sent to the other recipients in %s",
             bh_span(delay_ms).text);
}

/*
 * Nothing is left to be tried, but a worker that has just begun, or has a new key, may hear any moment that the
 * journal can be read.
 */
static bool
wait_for_journal(const struct bh_case *c, struct bh_verdict *v)
{
    const struct moment moment = {ACT_LOOK, c->now.ms + PROOF_WAIT_AGAIN_MS};
    if (!bh_policy_may_look_later(c) ||
        c->now.ms >= ms_of(c->progress->last_lost_s) + PROOF_WAIT_MS)
        return false;
    wait_uncertain(c, &moment, v);
    return true;
}

static void
give_up(const struct bh_case *c, struct bh_verdict *v)
{
    if (wait_for_journal(c, v))
        return;
    if (c->uncertain_since.ms != 0)
        bh_verdict_add_error(v, "whether an earlier request was accepted is not known");
    else
        bh_verdict_say_error(v, "the answer was lost; whether it was accepted is not known");
    bh_verdict_end_all(c, BH_RECIPIENT_UNCERTAIN, BH_RECIPIENT_UNKNOWN, v->code);
    bh_verdict_end_by_recipients(c, v);
    snprintf(v->next, sizeof(v->next), "an operator decides: bellhop resolve");
}

static size_t
count_asked(const struct bh_case *c, enum bh_recipient_state state)
{
    size_t asked = 0;
    for (size_t i = 0; i < c->asked_count; i++)
        asked += c->progress->recipients[c->asked[i]].state == state;
    return asked;
}

/* What a definite answer says about when to ask again holds for whoever was asked, uncertain or not. */
static void
note_rest(const struct bh_case *c, enum bh_rest rest, const struct bh_verdict *v)
{
    struct bh_progress *progress = c->progress;
    unsigned due_s = bh_policy_seconds(c->now.ms + v->delay_ms);
    if (rest == BH_REST_NOTHING)
        return;
    if (count_asked(c, BH_RECIPIENT_OPEN) > 0 && rest == BH_REST_WAITS)
        /* Rounded down: it is claimed again when its delay is over, and must be found due then. */
        progress->open_due_s = (unsigned)((c->now.ms + v->delay_ms) / BH_SECOND_MS);
    if (count_asked(c, BH_RECIPIENT_UNCERTAIN) == 0)
        return;
    if (rest != BH_REST_WAITS)
        progress->resend_due_s = 0;
    else if (progress->resend_due_s != 0 && due_s > progress->resend_due_s)
        progress->resend_due_s = due_s;
}

static void
wait_for_uncertain(const struct bh_case *c, enum bh_rest rest, struct bh_verdict *v)
{
    struct bh_case now = *c;
    now.uncertain_since = v->uncertain_since;
    struct moment moment = next_moment(&now);
    bool is_open = count(c, BH_RECIPIENT_OPEN) > 0;
    bool waits = rest == BH_REST_WAITS;
    if (moment.act == ACT_NONE && !is_open) {
        give_up(c, v);
        return;
    }
    /* What it waits for anyway is the cause to be shown. */
    if (waits && moment.act == ACT_RESEND && !is_open) {
        v->delay_ms = later(v->delay_ms, moment.at - c->now.ms);
        return;
    }
    bool has_wait = waits && count_asked(c, BH_RECIPIENT_OPEN) > 0;
    if (is_open && !has_wait)
        wait_for_open(c, v);
    if (!is_open || moment.at < c->now.ms + v->delay_ms)
        wait_uncertain(c, &moment, v);
}

void
bh_policy_wait_for_rest(const struct bh_case *c, enum bh_rest rest, struct bh_verdict *v)
{
    if (count(c, BH_RECIPIENT_UNCERTAIN) > 0) {
        note_rest(c, rest, v);
        wait_for_uncertain(c, rest, v);
        return;
    }
    bh_policy_close_question(c, v);
    if (count(c, BH_RECIPIENT_OPEN) == 0) {
        bh_verdict_end_by_recipients(c, v);
        if (v->state == BH_STATE_FAILED && rest == BH_REST_EXPIRED)
            bh_verdict_end_as(v, BH_STATE_EXPIRED);
    } else if (rest != BH_REST_WAITS) {
        wait_for_open(c, v);
    }
}

void
bh_policy_judge_uncertain(const struct bh_case *c, const struct bh_outcome *outcome,
                          struct bh_verdict *v)
{
    bool ours = outcome->trouble == BH_TROUBLE_CANCELLED || outcome->trouble == BH_TROUBLE_INTERNAL;
    v->attempts++;
    if (c->try == BH_TRY_RESENT)
        c->progress->retries++;
    v->mood = ours ? BH_MOOD_NEUTRAL : BH_MOOD_BAD;
    for (size_t i = 0; i < c->asked_count; i++)
        c->progress->recipients[c->asked[i]].state = BH_RECIPIENT_UNCERTAIN;
    v->uncertain_since = bh_policy_note_loss(c, c->began);
    bh_policy_wait_for_rest(c, BH_REST_NOTHING, v);
}

/* ---- what is to be done now ---- */

static const char *
why_it_waits(const struct bh_case *c)
{
    if (c->looked == BH_LOOKED_ABSENT)
        return "an earlier request was not answered, and the gateway's journal does not show it";
    if (was_in_vain(c))
        return "an earlier request was not answered, and the gateway's journal cannot be read";
    if (c->recovered)
        return "the worker that was sending it ended before the answer came";
    return "an earlier request was not answered";
}

static enum bh_next
settle_now(const struct bh_case *c, enum bh_rest rest, struct bh_verdict *v)
{
    bool is_left = count(c, BH_RECIPIENT_OPEN) + count(c, BH_RECIPIENT_UNCERTAIN) > 0;
    bh_verdict_init(c, v);
    if (rest == BH_REST_EXPIRED)
        bh_verdict_say_error(v, "the ttl ran out before it could be sent to all");
    else if (is_left)
        bh_verdict_say_error(v, why_it_waits(c));
    if (c->found && !is_left)
        v->code = 100;
    bool was_guarded = c->progress->guarded_tries > 0 && bh_policy_is_only_guarded(c);
    if (c->looked == BH_LOOKED_UNREACHED && c->gateway_down && is_left &&
        c->now.ms < ms_of(c->progress->last_lost_s) + LOOK_MOST_MS) {
        bh_verdict_wait_for_gateway(v);
        return BH_NEXT_SETTLE;
    }
    bh_policy_wait_for_rest(c, rest, v);
    bh_policy_looked_after(c, v);
    v->lock_doubtful = c->doubled && was_guarded;
    return BH_NEXT_SETTLE;
}

enum bh_next
bh_policy_next(const struct bh_case *c, struct bh_plan *ret_plan, struct bh_verdict *v)
{
    enum bh_rest rest = BH_REST_NOTHING;
    if (c->now.ms >= c->expires.ms && count(c, BH_RECIPIENT_OPEN) > 0) {
        bh_verdict_end_all(c, BH_RECIPIENT_OPEN, BH_RECIPIENT_FAILED, 0);
        rest = BH_REST_EXPIRED;
    }
    bool is_open_due =
        count(c, BH_RECIPIENT_OPEN) > 0 && ms_of(c->progress->open_due_s) <= c->now.ms;
    struct moment moment = {ACT_NONE, NEVER};
    if (count(c, BH_RECIPIENT_UNCERTAIN) > 0)
        moment = next_moment(c);

    bool is_due = moment.at <= c->now.ms;
    if (is_due && may_look_now(c)) {
        bh_policy_mark_uncertain(c);
        return BH_NEXT_LOOK_UP;
    }
    *ret_plan = (struct bh_plan){BH_TRY_FRESH, is_open_due, false};
    if (is_due && moment.act == ACT_GUARD)
        *ret_plan = (struct bh_plan){BH_TRY_GUARDED, false, true};
    else if (is_due && moment.act == ACT_RESEND)
        *ret_plan = (struct bh_plan){BH_TRY_RESENT, is_open_due, true};
    bool is_down = c->gateway_down && c->looked == BH_LOOKED_UNREACHED;
    if ((ret_plan->to_open || ret_plan->to_uncertain) && !is_down)
        return BH_NEXT_SEND;
    return settle_now(c, rest, v);
}
