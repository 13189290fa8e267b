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
#include "core/gateway_journal.h"
#include "core/instant.h"
#include "core/job_head.h"
#include "core/outcome.h"
#include "engine/breaker.h"
#include "engine/progress.h"
#include "engine/protocol.h"

/* Beyond the lock's own time: the gateway's clock starts at acceptance, ours before. */
#define BH_LOCK_MARGIN_MS (10 * BH_SECOND_MS)

/* What a request is for. */
enum bh_try {
    BH_TRY_FRESH,   /* nobody whom it asks can have the message yet */
    BH_TRY_GUARDED, /* identical to one without an answer, inside the reload lock's time */
    BH_TRY_RESENT,  /* again, because nothing tells and the policy prefers that */
};

/* What the look-ups of this claim in the gateway's journal have said. */
enum bh_looked {
    BH_LOOKED_NOT_YET,
    BH_LOOKED_ABSENT,    /* they were answered: who is still uncertain does not stand in it */
    BH_LOOKED_IN_VAIN,   /* at least one of them could not be read */
    BH_LOOKED_UNREACHED, /* at least one was not answered at all */
};

/* What the ledgers of the other queues say about the lock that refused this request. */
enum bh_twins {
    BH_TWINS_NONE,    /* no job there explains it, or none was looked for */
    BH_TWINS_HELD,    /* one may have armed it */
    BH_TWINS_UNKNOWN, /* they could not be asked in time */
};

/* All that a decision depends on. */
struct bh_case {
    const struct bh_job *job;
    const struct bh_queue_config *queue;
    const struct bh_config_gateway *gateway;
    struct bh_progress *progress; /* brought up to date by the decision */
    const size_t
        *asked; /* recipients of the request, as indices of the job's; for bh_policy_answer */
    size_t asked_count;
    bool ledger_held;        /* our ledger excluded twins of ours when the request began */
    uint32_t attempts;       /* before this request */
    bool recovered;          /* its last worker lost it, and nothing was settled since */
    enum bh_waiting waiting; /* why it waited before this claim, and for what */
    enum bh_reason reason;
    enum bh_try try;
    enum bh_journal_access journal;
    enum bh_lock_knowledge lock;
    enum bh_looked looked;
    enum bh_twins twins;
    bh_ms twins_ms;                 /* when HELD: so long its entry lives */
    bool gateway_down;              /* the breaker is open */
    bool found;                     /* look-ups of this claim found recipients in the journal */
    bool doubled;                   /* and one of them more than once */
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
    const char *
        confirmed_by; /* "response", "reload_lock", "journal"; NULL unless something was accepted */
    bool
        look_up; /* the journal is to be asked before this is settled: see bh_policy_looked_after */
    bool doubt;  /* accepted, and an earlier request may have been accepted as well */
    bool doubled;      /* that is what the journal says */
    bool contradicted; /* the reload lock says that it was sent, and the journal does not show it */
    bool only_guarded; /* no request but guarded retries stands between the first one and this */
    bool lock_doubtful; /* what was known of the account's reload lock has been contradicted */
    char error[BH_ERROR_TEXT_MAX]; /* one sentence for a person; "" when all is well */
    char next[160];                /* what happens now, for the log: "will retry in 45 s" */
    bool silent;                   /* the status hash says already what is true */
    const char *quotes_field;      /* `error` quotes values of the job; the field at fault, or "" */
};

/* Judge the outcome of a request.  Advances case->progress. */
void bh_policy_answer(const struct bh_case *the_case, const struct bh_outcome *outcome,
                      struct bh_verdict *ret_verdict);

/*
 * Whether that outcome would be taken for the reload lock's word that an earlier request was accepted, so that
 * the other queues have to be asked first whether a message of theirs explains it.
 */
bool bh_policy_rests_on_lock(const struct bh_case *the_case, const struct bh_outcome *outcome);

/*
 * Take stock of a job that was just claimed: whose request died with its worker is uncertain, as is everybody in
 * the record of a worker that did not keep recipients apart; whom an operator wants sent to again is open.
 * Advances case->progress and case->uncertain_since.
 */
void bh_policy_take_up(struct bh_case *the_case);

enum bh_next {
    BH_NEXT_SEND,    /* to whom the plan says */
    BH_NEXT_LOOK_UP, /* ask the journal about the recipients that are marked so, and then this again */
    BH_NEXT_SETTLE, /* the verdict is written: it waits, or ends */
};

struct bh_plan {
    enum bh_try try;
    bool to_open, to_uncertain; /* which recipients are asked */
};

/*
 * What is to be done now with a job in hand that is not a fresh one: recipients whose request was not answered
 * are looked up, asked again at their moments, and given up at the end; the others are sent to when
 * they are due, and are not held up by them.  May be asked again at any time before the request is sent.
 */
enum bh_next bh_policy_next(const struct bh_case *the_case, struct bh_plan *ret_plan,
                            struct bh_verdict *ret_verdict);

/*
 * A guarded retry that was admitted too late for its answer to prove anything, or under a lock of which something
 * else is known by now.
 */
bool bh_policy_is_guard_stale(const struct bh_case *the_case);

/* The journal's answers, recipient by recipient, and then what a round of them came to. */
void bh_policy_found(const struct bh_case *the_case, size_t recipient,
                     const struct bh_journal_entry *entry);
void bh_policy_looked(const struct bh_case *the_case, enum bh_looked looked);

/* The look-ups that a verdict asked for are done; brings the verdict up to date. */
void bh_policy_looked_after(const struct bh_case *the_case, struct bh_verdict *verdict);

/* Since when and until when entries of the journal can be about this job. */
struct bh_window {
    struct bh_wall from, until;
    bool skips_failed; /* a request of ours inside it was refused; what failed may be that one */
};
struct bh_window bh_policy_journal_window(const struct bh_case *the_case, struct bh_wall created);

/* Judge a job that was accepted for every recipient before, in an earlier life of ours or of Redis: nothing is sent. */
void bh_policy_sent_before(const struct bh_case *the_case, const struct bh_sent_trace *trace,
                           struct bh_verdict *ret_verdict);

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
