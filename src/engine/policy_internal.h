/*
 * policy_internal - what the parts of the policy share.  Included by policy*.c alone.
 *
 * policy.c            outcomes that are certain, and verdicts without a request
 * policy_uncertain.c  a request was sent and its answer lost
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
/* The job waits and is taken again after the delay. */
void bh_verdict_wait(struct bh_verdict *v, enum bh_state state, enum bh_reason reason,
                     bh_ms delay_ms);
/* One recipient of the request is done with. */
void bh_verdict_end_recipient(const struct bh_case *c, size_t asked, enum bh_recipient_state state,
                              int code);
/* End all that are still open in one way. */
void bh_verdict_end_open(const struct bh_case *c, enum bh_recipient_state state, int code);
/* When no recipient is open any more, their states add up to the job's. */
void bh_verdict_end_by_recipients(const struct bh_case *c, struct bh_verdict *v);

/* What the job, else its queue, wants done when nothing can tell. */
enum bh_on_uncertain bh_policy_on_uncertain(const struct bh_case *c);
/* Whether a 402 now proves that the earlier, unanswered request of this very job was taken. */
bool bh_policy_lock_proves(const struct bh_case *c);
/* From when the lock's time counts after a request without an answer. */
struct bh_wall bh_policy_unanswered_since(const struct bh_case *c);
/* The next step for a job with a request unanswered since `since`, or its end. */
void bh_policy_settle_uncertain(const struct bh_case *c, struct bh_wall since,
                                struct bh_verdict *v);
void bh_policy_judge_uncertain(const struct bh_case *c, const struct bh_outcome *outcome,
                               struct bh_verdict *v);

#endif
