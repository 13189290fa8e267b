/*
 * policy_internal - what the parts of the policy share.  Included by policy*.c alone.
 *
 * policy.c            outcomes that are certain, and verdicts without a request
 * policy_uncertain.c  a request was sent and its answer lost: what next, and when
 * policy_witness.c    what the journal and the reload lock say about it
 * policy_before.c     a job that Redis has forgotten to have been sent
 */
#ifndef BH_ENGINE_POLICY_INTERNAL_H
#define BH_ENGINE_POLICY_INTERNAL_H

#include "core/gateway_code.h"
#include "engine/policy.h"

#define BH_LOCK_JITTER_PERCENT 5

/* What the gateway's reload lock lasts. */
bh_ms bh_policy_lock_ms(const struct bh_config_gateway *gateway);
/* Whether something in `delay_ms` is before the end of the ttl. */
bool bh_policy_fits_ttl(const struct bh_case *c, bh_ms delay_ms);
/* The next delay of the schedule that applies; `row` may be NULL.  False: the schedule is used up. */
bool bh_policy_next_by_schedule(const struct bh_case *c, const struct bh_gateway_code *row,
                                bh_ms *ret_delay_ms);

void bh_verdict_init(const struct bh_case *c, struct bh_verdict *v);
/* The first sentence wins. */
void bh_verdict_say_error(struct bh_verdict *v, const char *text);
/* Why it ends, behind what the gateway said. */
void bh_verdict_add_error(struct bh_verdict *v, const char *text);
/* The job waits and is taken again after the delay. */
void bh_verdict_wait(struct bh_verdict *v, enum bh_state state, enum bh_reason reason,
                     bh_ms delay_ms);
/* It waits for as long as the breaker says. */
void bh_verdict_wait_for_gateway(struct bh_verdict *v);
/* One recipient of the request is done with. */
void bh_verdict_end_recipient(const struct bh_case *c, size_t asked, enum bh_recipient_state state,
                              int code);
/* End all that are in one state in another. */
void bh_verdict_end_all(const struct bh_case *c, enum bh_recipient_state from,
                        enum bh_recipient_state to, int code);
/* When no recipient is left, their states add up to the job's. */
void bh_verdict_end_by_recipients(const struct bh_case *c, struct bh_verdict *v);
void bh_verdict_end_as(struct bh_verdict *v, enum bh_state state);

/* What the job, else its queue, wants done when nothing can tell. */
enum bh_on_uncertain bh_policy_on_uncertain(const struct bh_case *c);
/* A moment in whole seconds, not before it. */
unsigned bh_policy_seconds(int64_t ms);
/* A request begun at `began` was not answered; returns since when the lock's time counts. */
struct bh_wall bh_policy_note_loss(const struct bh_case *c, struct bh_wall began);
/* When nobody is uncertain any more, nothing of the question remains. */
void bh_policy_close_question(const struct bh_case *c, struct bh_verdict *v);

/* No more guarded retries in this lock's time: a 402 could have another cause than the first request. */
void bh_policy_stop_guarding(const struct bh_case *c);

/* What the certain part of an answer came to, for the recipients that are left. */
enum bh_rest {
    BH_REST_NOTHING, /* it said nothing about them */
    BH_REST_WAITS,   /* the verdict holds a wait for those who were asked */
    BH_REST_REFUSED, /* they are not to be asked again */
    BH_REST_EXPIRED, /* nor in time */
};
/* Wait for whichever of the recipients that are left is due first; end the job when none is. */
void bh_policy_wait_for_rest(const struct bh_case *c, enum bh_rest rest, struct bh_verdict *v);

void bh_policy_judge_uncertain(const struct bh_case *c, const struct bh_outcome *outcome,
                               struct bh_verdict *v);

/* witness */

/* Whether a second request inside the lock's time could tell by a 402 what became of the first, begun at `since`. */
bool bh_policy_lock_can_witness(const struct bh_case *c, struct bh_wall since);
/* Whether a 402 now proves that the earlier, unanswered request of this very job was taken. */
bool bh_policy_lock_proves(const struct bh_case *c);
/* Whether the journal can be asked about any of its uncertain recipients. */
bool bh_policy_can_look(const struct bh_case *c);
/* Whether it could be if it turned out to be readable, which nobody knows yet. */
bool bh_policy_may_look_later(const struct bh_case *c);
/* Mark those for the look-up. */
void bh_policy_mark_uncertain(const struct bh_case *c);
/* Whether the journal is to be asked about a recipient whose answer is in. */
void bh_policy_mark_answered(const struct bh_case *c, size_t recipient);
/* Whether it said, since the last request, that it knows none of them, and long enough after the first time again. */
bool bh_policy_was_absent_twice(const struct bh_case *c);
/* Whether the requests without an answer all stand in the time of one lock, so that it ought to have let one pass. */
bool bh_policy_is_only_guarded(const struct bh_case *c);
/* What the verdict says when an earlier request may have been accepted, too. */
void bh_policy_say_doubt(struct bh_verdict *v);

#endif
