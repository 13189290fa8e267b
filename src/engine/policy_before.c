/*
 * A job that was sent before, and of which Redis has forgotten it.
 */
#include <stdio.h>

#include "engine/policy_internal.h"

/* The gateway's code for an accepted message. */
#define CODE_ACCEPTED 100

/* What is known of each went with Redis; the ids are in the order of the recipients. */
static void
accept_all(const struct bh_case *c, struct bh_str message_ids)
{
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        struct bh_recipient_result *result = &c->progress->recipients[i].result;
        struct bh_str id = {"", 0};
        *result = (struct bh_recipient_result){
            .answered = true, .accepted = true, .code = CODE_ACCEPTED, .price_micro = -1};
        if (bh_str_split(&message_ids, ',', &id) && id.len < sizeof(result->id))
            snprintf(result->id, sizeof(result->id), "%.*s", BH_STR_ARGS(id));
        c->progress->recipients[i].state = BH_RECIPIENT_ACCEPTED;
    }
}

void
bh_policy_sent_before(const struct bh_case *c, const struct bh_sent_trace *trace,
                      struct bh_verdict *v)
{
    bh_verdict_init(c, v);
    if (trace->attempts > v->attempts)
        v->attempts = trace->attempts;
    v->code = CODE_ACCEPTED;
    accept_all(c, bh_str_from(trace->message_ids));
    bh_policy_close_question(c, v);
    bh_verdict_end_by_recipients(c, v);
    snprintf(v->next, sizeof(v->next),
             "nothing is sent now: it was sent before, and Redis had forgotten it");
}
