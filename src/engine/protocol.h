/*
 * protocol - what the engine is told (events) and what it wants done (commands).
 *
 * The engine never calls out.  Shells feed events as they happen and carry out the commands that it gives
 * back.  Each command that names a slot is answered by exactly one event that names the same slot, never
 * from within the call that took the command.  Pointers in a command stay valid until its answer was fed;
 * pointers in an event are valid until bh_engine_feed returns.
 */
#ifndef BH_ENGINE_PROTOCOL_H
#define BH_ENGINE_PROTOCOL_H

#include <bellhop/state.h>

#include "core/instant.h"
#include "core/outcome.h"
#include "core/sent_record.h"
#include "core/str.h"

/* A slot holds one claimed job.  A handle outlives its job harmlessly: a stale generation is recognised. */
struct bh_slot_handle {
    uint32_t index;
    uint32_t generation;
};

/* ---- commands ------------------------------------------------------------------------------------ */

enum bh_command_kind {
    BH_COMMAND_CLAIM, /* take up to `claim.count` jobs of a queue -> CLAIMED or CLAIM_FAILED */
    BH_COMMAND_WAIT, /* sleep until the queue's list has something, at most some seconds -> WOKEN */
    BH_COMMAND_ADMIT,   /* register the job, take its ledger entries, mark it started -> ADMITTED */
    BH_COMMAND_SUBMIT,  /* send its request -> ANSWERED */
    BH_COMMAND_LOOK_UP, /* ask the gateway's journal about it -> ANSWERED, as for a request */
    BH_COMMAND_CANCEL,  /* end the slot's request now -> ANSWERED as for any end */
    BH_COMMAND_SETTLE,  /* write what became of it -> SETTLED */
    BH_COMMAND_RENEW,   /* lengthen its lease -> RENEWED */
    BH_COMMAND_GRANT,   /* ask for tokens of an account-wide limit -> GRANTED */
    BH_COMMAND_TWIN,    /* does a job of another queue stand behind the reload lock? -> TWIN */
    BH_COMMAND_ACCOUNT, /* tell the account's keeper what an answer said about the account; no answer */
};

struct bh_claim_command {
    unsigned queue; /* the queue's number */
    unsigned count; /* 1..BH_CLAIM_MAX */
    bool alone;     /* nothing is in hand, and nothing will be until it ends: may be a suspect */
};

#define BH_CLAIM_MAX 64

/* What to register at admission, once per claim. */
enum bh_admit_mode {
    BH_ADMIT_SEND,     /* mark it as being sent */
    BH_ADMIT_SCHEDULE, /* put it aside until `due`; ends the claim */
};

struct bh_field {
    const char *name;
    struct bh_str value;
};

/* How a claimed job is named towards Redis; all views live as long as the slot is taken. */
struct bh_claim_ref {
    unsigned queue;
    struct bh_str handle;
    uint64_t token;
};

#define BH_LEDGER_MAX 64 /* most recipients of a job that the ledger covers */

struct bh_admit_command {
    struct bh_slot_handle slot;
    struct bh_claim_ref claim;
    enum bh_admit_mode mode;
    bool first; /* not registered yet: refuse an id that has been seen */
    const char *id;
    struct bh_wall created;
    struct bh_wall due;
    struct bh_wall expires;
    const char (*ledger)[33]; /* digests of (type, recipient, text); NUL-terminated */
    size_t ledger_count;
    bh_ms ledger_ms;               /* how long an entry lives */
    const struct bh_field *fields; /* for the status hash */
    size_t fields_count;
};

/* What a request is remembered by outside Redis, should Redis forget it. */
struct bh_sent_mark {
    struct bh_claim_ref claim;
    const struct bh_digest *payload; /* as the CLAIMED event gave it; empty: not to be remembered */
    const char *id;
    uint32_t attempts;              /* this request included */
    struct bh_wall uncertain_since; /* of an earlier request; 0 none */
    struct bh_wall began;
};

struct bh_submit_command {
    struct bh_slot_handle slot;
    struct bh_sent_mark mark; /* for SUBMIT alone: a look-up sends nothing */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated list */
    struct bh_str body;
    bh_ms timeout_ms;
    struct bh_mono
        not_after; /* nothing of it leaves from then on: the lease's end; 0 no such bound */

    /* For figures about waiting alone, and of a job's first request alone; else -1. */
    bh_ms
        waited_ms; /* since it was pushed (its producer's word, or else its first claim), or due if that is later */
    bh_ms late_ms; /* of a job with a delay: how long after its time it was claimed */
};

enum bh_disposition {
    BH_SETTLE_FINAL, /* the job ends; its status stays for the retention */
    BH_SETTLE_DEAD,  /* as FINAL, and the payload is kept in the dead set */
    BH_SETTLE_WAIT,  /* due again in `delay_ms` */
    BH_SETTLE_READY, /* back to the head of the line, untouched */
};

enum bh_ledger_action {
    BH_LEDGER_KEEP, /* leave the entries as they are */
    BH_LEDGER_ARM,  /* the gateway took it: they live `ledger_ms` from now */
    BH_LEDGER_FREE, /* the gateway certainly did not: drop them */
};

/* Whether somebody is told by a post when the job ends; settled by the field `callback_url` of its status. */
enum bh_callback {
    BH_CALLBACK_NONE, /* nobody: the job has no such field */
    BH_CALLBACK_DUE,  /* the field is there, or among those of this command */
    BH_CALLBACK_LOOK, /* the job was not opened: its status knows */
};

/*
 * What is remembered of messages that were taken comes from three places.  Account-wide things (how long reports are waited
 * for, when the gateway is asked) are the store's own knowledge of its queues (bh_store_queue), one argument per call.  What
 * depends on the job (is its payload kept, is somebody told) is said here.  And whom to post to is a field of the status,
 * written with the first of them: it has to be known wherever the job ends, by scripts that have never seen the payload.
 */
struct bh_settle_command {
    struct bh_slot_handle slot;
    struct bh_claim_ref claim;
    enum bh_disposition disposition;
    bh_ms delay_ms;
    char waiting;       /* enum bh_waiting; for WAIT and READY */
    const char *reason; /* word, or "" */
    uint32_t attempts;
    struct bh_wall uncertain_since;
    struct bh_str memo;
    const char *id;
    const char (*ledger)[33];
    size_t ledger_count;
    enum bh_ledger_action ledger_action;
    bh_ms ledger_ms;
    const char *state;          /* for status hash and event */
    int code;                   /* the gateway's code, for counters and event; 0 none */
    bool sent;                  /* a request was handed over in this claim: counts code */
    enum bh_sent_result result; /* of the job, when a request began in this claim; OPEN: none did */
    struct bh_str message_ids;  /* with commas in between; may be empty */
    bh_ms
        kept_ms; /* the payload stays for so long, to be sent again should a report say so; 0: it goes */
    enum bh_callback callback; /* for a job that ends */
    struct bh_str first_error; /* kept if it is the first; empty: none */
    const struct bh_field *fields;
    size_t fields_count;
};

struct bh_renew_command {
    struct bh_slot_handle slot;
    struct bh_claim_ref claim;
};

enum bh_limit {
    BH_LIMIT_REQUESTS,    /* requests per second of the account */
    BH_LIMIT_CONNECTIONS, /* new connections per second of the account */
};
#define BH_LIMIT_COUNT 2

struct bh_grant_command {
    enum bh_limit limit;
    unsigned count;
};

struct bh_twin_command {
    struct bh_slot_handle slot;
    unsigned queue;     /* the other one's number */
    const char *digest; /* of the ledger's entry; NUL-terminated */
};

enum bh_account_word {
    BH_ACCOUNT_SAYS_GOOD,          /* an answer of the kind that a working account gets */
    BH_ACCOUNT_SAYS_CREDIT,        /* 500 */
    BH_ACCOUNT_SAYS_AUTH,          /* 900 901 902 903, HTTP 401 and 403 */
    BH_ACCOUNT_SAYS_NO_JOURNAL,    /* a look-up was refused: the key may not read the journal */
    BH_ACCOUNT_SAYS_LOCK_DOUBTFUL, /* an answer contradicts what is known of the reload lock */
};

struct bh_account_command {
    enum bh_account_word word;
    int code;
    int http_status;
    int64_t balance_micro; /* INT64_MIN unknown */
    bool trial;            /* it was the job that probes the account */
};

struct bh_command {
    enum bh_command_kind kind;
    union {
        struct bh_claim_command claim;
        unsigned wait_queue;
        struct bh_admit_command admit;
        struct bh_submit_command submit;
        struct bh_submit_command look_up;
        struct bh_slot_handle cancel;
        struct bh_settle_command settle;
        struct bh_renew_command renew;
        struct bh_grant_command grant;
        struct bh_twin_command twin;
        struct bh_account_command account;
    };
};

/* ---- events -------------------------------------------------------------------------------------- */

enum bh_event_kind {
    BH_EVENT_STORE_UP, /* connected, own leases of an earlier life adopted */
    BH_EVENT_STORE_DOWN, /* connection lost: every open store command is answered FAILED before this */
    BH_EVENT_CLAIMED,
    BH_EVENT_CLAIM_FAILED,
    BH_EVENT_WOKEN,
    BH_EVENT_ADMITTED,
    BH_EVENT_ANSWERED,
    BH_EVENT_SETTLED,
    BH_EVENT_RENEWED,
    BH_EVENT_GRANTED,
    BH_EVENT_TWIN,
    BH_EVENT_ACCOUNT,         /* the account's keeper says what is allowed */
    BH_EVENT_GATEWAY_ANSWERS, /* somebody else of this process was answered since our last failure */
    BH_EVENT_DRAIN,           /* claim nothing more, give back what is unsent, finish the rest */
};

/*
 * What is known of a claimed job outside Redis, from the local journal of what was sent.  Redis may know it too, if it has
 * not rolled back: then its record counts at least as many attempts.
 */
struct bh_sent_trace {
    bool accepted;        /* for every recipient; else a request is without a known answer */
    bool forgotten;       /* Redis does not even know that it was claimed before */
    struct bh_wall since; /* when the request began, or the first one without an answer */
    uint32_t attempts;
    const char *id;          /* that it was sent under; may be "" */
    const char *message_ids; /* with commas in between; may be "" */
    bool message_ids_cut;    /* there were more */
};

struct bh_claimed_job {
    struct bh_str handle;
    struct bh_str head; /* the record of job_head.h */
    /*
     * Empty when `payload_bytes` is over the bound given to the store.  Of a job that is to be buried (see
     * BH_SUSPECT_RECOVERIES) what it says its id is, if anything, instead of the payload.
     */
    struct bh_str payload;
    uint64_t payload_bytes;                  /* of the real one */
    struct bh_digest payload_digest;         /* empty when nobody keeps a journal */
    const struct bh_sent_trace *sent_before; /* NULL: nothing is known */
};

enum bh_claim_code {
    BH_CLAIM_DONE,
    BH_CLAIM_PAUSED,  /* an operator paused the queue */
    BH_CLAIM_LIMITED, /* rate or concurrency of the queue is used up: try again in wait_ms */
};

struct bh_claimed_event {
    unsigned queue;
    enum bh_claim_code code;
    struct bh_mono asked_at; /* before the command was sent: leases count from here */
    struct bh_wall server_now;
    bh_ms next_due_ms; /* until the next waiting job is due; -1: none */
    bh_ms wait_ms;     /* for LIMITED; -1: unknown */
    bool more;         /* the queue has more that could be taken now */
    uint64_t suspects; /* jobs of the queue that are given out alone only, and could be now */
    uint64_t token;
    const struct bh_claimed_job *jobs;
    size_t jobs_count;
};

enum bh_admit_code {
    BH_ADMIT_OK,
    BH_ADMIT_SCHEDULED,
    BH_ADMIT_DUPLICATE, /* the id has been seen; the job is gone, its first one's status untouched */
    BH_ADMIT_CANCELLED, /* an operator was quicker; the job is ended, as unknown if it was uncertain */
    BH_ADMIT_LOCKED,    /* another job of ours holds a ledger entry for another wait_ms */
    BH_ADMIT_LOST,      /* the lease is not ours any more */
    BH_ADMIT_FAILED,    /* no answer: it may or may not have happened */
};

struct bh_admitted_event {
    struct bh_slot_handle slot;
    enum bh_admit_code code;
    bh_ms wait_ms;
    struct bh_wall server_now;
    bh_ms next_due_ms;
};

enum bh_settle_code {
    BH_SETTLED_OK,
    BH_SETTLED_LATE,   /* the lease had ended, but the result was still taken */
    BH_SETTLED_GONE,   /* the job does not exist any more */
    BH_SETTLED_STALE,  /* somebody else owns it now: nothing written */
    BH_SETTLED_FAILED, /* no answer: ask again */
};

struct bh_settled_event {
    struct bh_slot_handle slot;
    enum bh_settle_code code;
    bh_ms next_due_ms;
};

enum bh_renew_code {
    BH_RENEW_OK,
    BH_RENEW_LOST,
    BH_RENEW_FAILED,
};

struct bh_renewed_event {
    struct bh_slot_handle slot;
    enum bh_renew_code code;
    struct bh_mono asked_at;
};

struct bh_answered_event {
    struct bh_slot_handle slot;
    const struct bh_exchange *exchange;
};

struct bh_granted_event {
    enum bh_limit limit;
    unsigned count; /* tokens given, 0 too */
    bh_ms wait_ms;  /* until the next could be had, when fewer than asked */
};

enum bh_twin_code {
    BH_TWIN_NONE,   /* no job of that queue can have armed the lock in its ledger's time */
    BH_TWIN_HELD,   /* one can, by a request that was accepted, not answered, or is under way */
    BH_TWIN_FAILED, /* no answer: ask again */
};

struct bh_twin_event {
    struct bh_slot_handle slot;
    enum bh_twin_code code;
    bh_ms wait_ms; /* when HELD: how long its entry lives, at least 1 */
};

enum bh_account_state {
    BH_ACCOUNT_OPEN,
    BH_ACCOUNT_PAUSED,
    BH_ACCOUNT_TRIAL, /* this worker may send exactly one job, as a probe */
};

/* Whether the key may read the gateway's journal of sent messages. */
enum bh_journal_access {
    BH_JOURNAL_UNKNOWN, /* not asked yet */
    BH_JOURNAL_READABLE,
    BH_JOURNAL_DENIED,
};

/* Whether the account's reload lock is known to work.  UNKNOWN: the configuration says so, nobody has tried. */
enum bh_lock_knowledge {
    BH_LOCK_UNKNOWN,
    BH_LOCK_ON,
    BH_LOCK_OFF,
};

struct bh_account_event {
    enum bh_account_state state;
    enum bh_reason reason; /* while not OPEN */
    enum bh_journal_access journal;
    enum bh_lock_knowledge lock;
};

struct bh_event {
    enum bh_event_kind kind;
    union {
        struct bh_claimed_event claimed;
        unsigned queue; /* WOKEN, CLAIM_FAILED */
        struct bh_admitted_event admitted;
        struct bh_answered_event answered;
        struct bh_settled_event settled;
        struct bh_renewed_event renewed;
        struct bh_granted_event granted;
        struct bh_twin_event twin;
        struct bh_account_event account;
    };
};

#endif
