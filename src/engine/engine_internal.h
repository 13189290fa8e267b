/*
 * engine_internal - what the parts of the engine share.  Included by engine*.c alone.
 *
 * engine.c        feed, next, wake_at: the order in which things are looked at
 * engine_gate.c   may a request start now: account, breaker, connections, tokens
 * engine_claim.c  which queue to claim from, how many, when to sleep
 * engine_apart.c  making room for a job that must be tried alone
 * engine_open.c   a claimed job gets a slot, is parsed and prepared
 * engine_ask.c    questions to the gateway's journal
 * engine_twin.c   questions to the ledgers of other queues
 * engine_job.c    a job's way through its slot: admitted, submitted, answered
 * engine_settle.c what is written about it, and what the log is told
 */
#ifndef BH_ENGINE_INTERNAL_H
#define BH_ENGINE_INTERNAL_H

#include "core/dice.h"
#include "engine/alarm.h"
#include "engine/breaker.h"
#include "engine/engine.h"
#include "engine/share.h"
#include "engine/slot.h"

/* After a failed call to Redis that did not end the connection. */
#define BH_ENGINE_RETRY_MS BH_SECOND_MS

/* How often a paused queue is asked whether it still is; the claim itself tells. */
#define BH_ENGINE_PAUSE_POLL_MS BH_SECOND_MS

/* So many unknown refusals within a minute mean a broken configuration, not broken jobs. */
#define BH_ENGINE_UNCLASSIFIED_MAX 5

struct bh_queue_state {
    const struct bh_queue_config *config; /* borrowed from engine->config; NULL: not served */
    struct bh_share share;
    bool claiming;
    bool waiting; /* a blocking wait is open */
    struct bh_mono waiting_since;
    bool ready;                   /* there may be something to take */
    struct bh_mono next_due;      /* a waiting job becomes due */
    struct bh_mono blocked_until; /* limited, paused, or Redis said no */
    bool full;                    /* blocked because its leases are used up */
    uint64_t suspects;            /* so many wait, by the last claim's answer */
};

enum bh_apart_phase {
    BH_APART_NONE,
    BH_APART_ROOM, /* nothing is claimed until the slots are empty, those of the other workers too */
    BH_APART_ASKING,  /* the claim for the suspect is under way */
    BH_APART_HOLDING, /* it is in hand, alone */
};

/* One quiet phase at a time. */
struct bh_apart {
    enum bh_apart_phase phase;
    unsigned queue; /* whose suspect it is about */
    size_t cursor;  /* which queue is looked at first next time */
    struct bh_slot_handle suspect;
    struct bh_mono began;
    struct bh_mono give_back_at; /* what waits goes back then: others, or the suspect itself */
    struct bh_mono give_up_at;   /* while making room */
    struct bh_mono quiet_until;  /* the other workers need not wait for longer */
    struct bh_mono not_before, fair_at; /* the next phase: else, and while other work waits */
};

struct bh_tokens {
    unsigned stock;
    struct bh_mono fresh_until; /* what is left then goes back to the fleet by being forgotten */
    bool asked;
    struct bh_mono wait_until;
};

struct bh_engine {
    const struct bh_config *config; /* owned reference */
    const char *sent_with;
    bh_note_fn on_note;
    void *note_arg;
    struct bh_dice dice;

    struct bh_slot_table slots;
    struct bh_alarm alarms; /* by slot: renewal, or end of the lease */
    struct bh_queue_state queues[BH_CONFIG_QUEUE_NUMBERS_MAX];
    uint64_t pass_now[2]; /* where the queue stood that was served last; strict ones apart */

    struct bh_breaker breaker;
    struct bh_tokens tokens[BH_LIMIT_COUNT];
    unsigned connections_open;
    unsigned connections_share; /* this worker's part of max_connections */

    struct bh_account_event account;
    bool trial_running;
    struct bh_account_command account_words[4]; /* to be told; a full queue drops the oldest */
    unsigned account_words_count;
    struct bh_mono unclassified_since;
    unsigned unclassified;

    bool takes_suspects;
    struct bh_apart apart;
    struct bh_company company;
    struct bh_mono hushed_until;      /* the quiet that we know of, and */
    struct bh_mono hush_give_back_at; /* when what waits goes back for it */

    struct bh_mono claim_answered; /* the last claim, whatever the answer was */
    struct bh_mono
        claim_free; /* since when nothing of ours stands against one; NEVER: something does */

    bool store_up;
    bool draining;
    bool settle_first;      /* results of before an outage wait: no claims */
    bh_ms server_offset_ms; /* Redis' wall clock minus our monotonic one */
    uint32_t renew_cursor;
    unsigned renew_due_count, cancel_due_count;
    struct bh_turn turn;
    struct bh_engine_stats stats;
};

/* Redis' time, as well as we know it. */
struct bh_wall bh_engine_server_now(const struct bh_engine *engine);
void bh_engine_learn_clock(struct bh_engine *engine, struct bh_wall server_now,
                           struct bh_mono asked_at);
uint32_t bh_engine_dice(struct bh_engine *engine);
void bh_engine_note(const struct bh_engine *engine, const struct bh_note *note);

/* gate */
unsigned bh_gate_in_flight(const struct bh_engine *engine);
bool bh_gate_take(struct bh_engine *engine, struct bh_slot *slot);
bool bh_gate_take_look_up(struct bh_engine *engine, struct bh_slot *slot);
void bh_gate_give_back(struct bh_engine *engine, struct bh_slot *slot);
bool bh_gate_next_grant(struct bh_engine *engine, struct bh_command *ret_command);
void bh_gate_granted(struct bh_engine *engine, const struct bh_granted_event *event);
void bh_gate_account(struct bh_engine *engine, const struct bh_account_event *event);
void bh_gate_pause(struct bh_engine *engine, enum bh_reason reason);
void bh_gate_say_account(struct bh_engine *engine, const struct bh_account_command *word);
struct bh_mono bh_gate_wake_at(const struct bh_engine *engine, struct bh_mono now);
void bh_gate_configure(struct bh_engine *engine);
unsigned bh_gate_wanted(const struct bh_engine *engine);

/* claim */
bool bh_claim_next(struct bh_engine *engine, struct bh_command *ret_command);
bool bh_claim_is_under_way(const struct bh_engine *engine);
void bh_claim_done(struct bh_engine *engine, const struct bh_claimed_event *event);
void bh_claim_failed(struct bh_engine *engine, unsigned queue);
void bh_claim_woken(struct bh_engine *engine, unsigned queue);
/* A job of ours gave its lease up: a queue whose leases were used up may be asked again. */
void bh_claim_lease_freed(struct bh_engine *engine, unsigned queue);
void bh_claim_next_due(struct bh_engine *engine, unsigned queue, bh_ms next_due_ms);
struct bh_mono bh_claim_wake_at(const struct bh_engine *engine, struct bh_mono now);
void bh_claim_configure(struct bh_engine *engine);

/* apart */
/* Begin and end phases by what is so now; before settling, because it may give jobs back. */
void bh_apart_advance(struct bh_engine *engine);
/* Another worker of the process asked for quiet. */
bool bh_apart_is_hushed(const struct bh_engine *engine);
bool bh_apart_next(struct bh_engine *engine, struct bh_command *ret_command);
/* The claim of the queue was answered; before its jobs are opened. */
void bh_apart_claimed(struct bh_engine *engine, unsigned queue);
void bh_apart_opened(struct bh_engine *engine, const struct bh_slot *slot);
struct bh_mono bh_apart_wake_at(const struct bh_engine *engine);
void bh_apart_check(const struct bh_engine *engine);

/* open */
void bh_job_open(struct bh_engine *engine, const struct bh_claimed_event *claim,
                 const struct bh_claimed_job *claimed);
/* The recipients of the next request, and their ledger entries.  BH_ENOMEM leaves none. */
enum bh_status bh_job_list_asked(struct bh_slot *slot, const struct bh_plan *plan) BH_MUST_CHECK;
/* Where what becomes of the job is posted to, if that is allowed; NULL: nowhere. */
const char *bh_job_callback_url(const struct bh_slot *slot);

/* job */
bool bh_job_next_admit(struct bh_engine *engine, struct bh_command *ret_command);
void bh_job_admitted(struct bh_engine *engine, const struct bh_admitted_event *event);
bool bh_job_next_submit(struct bh_engine *engine, struct bh_command *ret_command);
void bh_job_answered(struct bh_engine *engine, const struct bh_answered_event *event);
/* Nothing more is to be known about the request that has ended: judge it. */
void bh_job_conclude(struct bh_engine *engine, struct bh_slot *slot);
void bh_job_lease_ended(struct bh_engine *engine, struct bh_slot *slot);
void bh_job_set_alarm(struct bh_engine *engine, struct bh_slot *slot);
void bh_job_drop(struct bh_engine *engine, struct bh_slot *slot, const char *why);
const char *bh_job_first_recipient(const struct bh_slot *slot);
struct bh_case bh_job_case(struct bh_engine *engine, struct bh_slot *slot);

/*
 * No message of this job can be older.  One that is sent again (core/resend.h) may bear the foreign_id of the message
 * before it, which the journal must not be asked for: it is counted from the moment for which it was put off.
 */
struct bh_wall bh_job_earliest(const struct bh_slot *slot);
bool bh_job_is_expired(const struct bh_engine *engine, const struct bh_slot *slot);
void bh_job_expire(struct bh_engine *engine, struct bh_slot *slot);
/* Nothing more is to be sent now: we drain, or the account is paused. */
bool bh_job_must_go_back(const struct bh_engine *engine);
void bh_job_give_back(struct bh_engine *engine, struct bh_slot *slot);
/* Some of its recipients are not simply to be sent to. */
bool bh_job_is_in_question(const struct bh_slot *slot);
/* What is to be done with it now.  True: it stays in line for its request; else it has gone elsewhere. */
bool bh_job_decide(struct bh_engine *engine, struct bh_slot *slot);
/* Back to the gate. */
void bh_job_line_up(struct bh_engine *engine, struct bh_slot *slot);
/* All that wait for the gate go back to Redis. */
void bh_job_give_back_waiting(struct bh_engine *engine);
/* Draw what makes a signed request unlike every other. */
#define BH_NONCE_BYTES 33
void bh_job_throw_nonce(struct bh_engine *engine, char *ret_nonce);
/* What a request's end says about the gateway; `illness` and `text` say what happened, for operators and the log. */
void bh_job_feed_breaker(struct bh_engine *engine, enum bh_gateway_mood mood, bh_ms retry_after_ms,
                         const struct bh_gateway_illness *illness, const char *text);
/* Somebody else of the process was answered since our last failure. */
void bh_job_hear_good(struct bh_engine *engine);

/* ask */

/* Ask about the recipients that are marked so; `after` a verdict that waits for the answers, or before one. */
void bh_ask_begin(struct bh_engine *engine, struct bh_slot *slot, bool after);
bool bh_ask_next(struct bh_engine *engine, struct bh_command *ret_command);
void bh_ask_answered(struct bh_engine *engine, struct bh_slot *slot,
                     const struct bh_exchange *exchange);
/* Nothing is asked any more: a verdict that waited is settled, any other job goes back. */
void bh_ask_abandon(struct bh_engine *engine, struct bh_slot *slot);

/* twin */

/* Ask the other queues whether they explain a refusal by the reload lock.  False: there are none. */
bool bh_twin_begin(struct bh_engine *engine, struct bh_slot *slot);
bool bh_twin_next(struct bh_engine *engine, struct bh_command *ret_command);
void bh_twin_answered(struct bh_engine *engine, const struct bh_twin_event *event);

/* settle */
void bh_settle_verdict(struct bh_engine *engine, struct bh_slot *slot,
                       const struct bh_outcome *outcome);
void bh_settle_invalid(struct bh_engine *engine, struct bh_slot *slot,
                       const struct bh_error *error);
/* A job that was not opened, by its verdict and its record alone; the record's memo stays. */
void bh_settle_unopened(struct bh_engine *engine, struct bh_slot *slot);
void bh_settle_give_back(struct bh_engine *engine, struct bh_slot *slot, enum bh_reason reason);
bool bh_settle_next(struct bh_engine *engine, struct bh_command *ret_command);
void bh_settle_done(struct bh_engine *engine, const struct bh_settled_event *event);
void bh_settle_admit_fields(struct bh_slot *slot);

#endif
