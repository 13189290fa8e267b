/*
 * policy - what to do about an outcome: the verdict.
 *
 * Pure.  The meaning of each code is data (core/gateway_code); here stands only how causes combine for a job:
 * which recipients are done with, whether another try is allowed and fits the ttl, and what an answer
 * means after an earlier one was lost.
 *
 * Attempts are requests that may have become a message: accepted, refused on their own account, failed at the
 * carrier, or uncertain.  A request that the gateway turned away for a reason outside the job (lock,
 * daily limit, credit, key, overload) or that never left is none.
 */
#ifndef BH_ENGINE_POLICY_H
#define BH_ENGINE_POLICY_H

#include <bellhop/job.h>
#include <bellhop/state.h>

#include "core/config.h"
#include "core/instant.h"
#include "core/job_head.h"
#include "core/outcome.h"
#include "engine/breaker.h"
#include "engine/progress.h"
#include "engine/protocol.h"

/* Beyond the lock's own time: the gateway's clock starts at acceptance, ours before. */
#define BH_LOCK_MARGIN_MS (10 * BH_SECOND_MS)

/* All that a decision depends on. */
struct bh_case {
    const struct bh_job *job;
    const struct bh_queue_config *queue;
    const struct bh_config_gateway *gateway;
    struct bh_progress *progress; /* brought up to date by the decision */
    const size_t
        *asked; /* recipients of the request, as indices of the job's; for bh_policy_answer */
    size_t asked_count;
    bool ledger_held;  /* our ledger excluded twins of ours when the request began */
    uint32_t attempts; /* before this request */
    uint32_t recoveries;
    enum bh_waiting waiting; /* why it waited before this claim, and for what */
    enum bh_reason reason;
    struct bh_wall uncertain_since; /* 0: no earlier request is without an answer */
    struct bh_wall began;           /* when this request began */
    struct bh_wall expires;
    struct bh_wall now;
    uint32_t dice;
};

struct bh_verdict {
    enum bh_state state; /* final, RETRYING or HELD */
    enum bh_reason reason;
    enum bh_disposition disposition;
    bh_ms delay_ms;          /* for WAIT, with jitter already in it */
    bool delay_from_breaker; /* for WAIT: the breaker knows better */
    uint32_t attempts;
    struct bh_wall uncertain_since;
    enum bh_waiting waiting;
    enum bh_ledger_action ledger;
    enum bh_gateway_mood mood;
    bh_ms retry_after_ms; /* the gateway's wish, for the breaker; -1 none */
    bool account_speaks;  /* the answer says something about the account */
    enum bh_account_word account;
    bool unclassified; /* a code that nobody knows: many of them mean a broken configuration */
    int code;          /* the code to show; 0 none */
    const char *confirmed_by; /* "response", "reload_lock"; NULL unless something was accepted */
    char error[BH_ERROR_TEXT_MAX]; /* one sentence for a person; "" when all is well */
    char next[120];                /* what happens now, for the log: "will retry in 45 s" */
    bool silent;                   /* the status hash says already what is true */
    const char *quotes_field;      /* `error` quotes values of the job; the field at fault, or "" */
};

/* Judge the outcome of a request.  Advances case->progress. */
void bh_policy_answer(const struct bh_case *the_case, const struct bh_outcome *outcome,
                      struct bh_verdict *ret_verdict);

/*
 * Judge a job with an earlier request unanswered before it is sent again: the worker that sent it died, or the
 * moment for the guarded retry was missed, or the policy is to hold it by now.  False: go on and send it now (the
 * guarded retry's moment, or plain resending is due).
 */
bool bh_policy_unanswered(const struct bh_case *the_case, struct bh_verdict *ret_verdict);

/* The ttl has run out before the job could be sent. */
void bh_policy_expired(const struct bh_case *the_case, struct bh_verdict *ret_verdict);

/* A twin of ours holds the reload lock's ledger for `wait_ms` more. */
void bh_policy_locked(const struct bh_case *the_case, bh_ms wait_ms,
                      struct bh_verdict *ret_verdict);

/* Give the job back untouched: pause, drain.  `reason` tells the status hash why; NONE leaves it as it is. */
void bh_policy_give_back(const struct bh_case *the_case, enum bh_reason reason,
                         struct bh_verdict *ret_verdict);

/* Whether the reload lock can tell twins of this job apart at all, so that the ledger is kept for it. */
bool bh_policy_uses_ledger(const struct bh_job *job, const struct bh_config_gateway *gateway);

/* "45 s", "2 min", "3 h": for sentences. */
struct bh_span {
    char text[24];
};
struct bh_span bh_span(bh_ms duration);

#endif
