/*
 * sim_store - the queues in Redis as the simulation sees them: the rules of the scripts, in C.
 *
 * A job is in exactly one place and only these functions move it.  What the gateway model knows about a job
 * (how often each recipient was accepted) stands beside it, so that both can be compared at the end.
 */
#ifndef BH_TESTS_ENGINE_SIM_STORE_H
#define BH_TESTS_ENGINE_SIM_STORE_H

#include <bellhop/job.h>

#include "core/dice.h"
#include "core/job_head.h"
#include "engine/engine.h"

#define SIM_PEOPLE_MAX 3
#define SIM_JOBS_MAX   1024
#define SIM_QUEUES     3
#define SIM_LEDGER_MAX 4096
#define SIM_NOBODY     (-1)
#define SIM_EPOCH_MS   (INT64_C(1781524800) * 1000)
#define SIM_LEASE_MS   (30 * BH_SECOND_MS)

enum sim_place { SIM_RAW, SIM_READY, SIM_DUE, SIM_LEASED, SIM_DEAD, SIM_GONE };

/* When a job ends the worker that handles it. */
enum sim_poison { SIM_HARMLESS, SIM_AT_OPEN, SIM_AT_ADMISSION, SIM_AT_SENDING };

struct sim_head {
    char waiting;
    char reason[24];
    uint32_t attempts, recoveries;
    int owner;   /* number of a worker, or SIM_NOBODY */
    int lost_by; /* likewise; nothing was settled since */
    uint64_t token;
    int64_t started, created, due, expires, uncertain;
    char id[BH_JOB_ID_MAX + 1];
    char *memo; /* owned; NULL: empty */
};

struct sim_job {
    /* As it was pushed. */
    unsigned queue;
    char payload[320];
    char id[24]; /* its own; empty: none */
    char text[16];
    unsigned long long people[SIM_PEOPLE_MAX];
    unsigned people_count;
    bool holds, no_reload, voice, invalid;
    enum sim_poison poison;

    /* In the store. */
    enum sim_place place;
    struct sim_head head;
    int64_t lease_end, due_at;
    bool cancelled; /* an operator's tombstone */
    unsigned ends;  /* how often it reached a final state */
    char state[16]; /* the last one written */

    /* What really happened. */
    unsigned accepted[SIM_PEOPLE_MAX];
    unsigned submits;
    unsigned deaths; /* of workers, by its poison */
    bool buried;     /* given out for the last time, without its payload */
    unsigned blind;  /* recoveries of a job that was marked as being sent */
    bool was_uncertain;
    bool asked[SIM_PEOPLE_MAX];      /* by its last request */
    bool unsure[SIM_PEOPLE_MAX];     /* a request to them was not answered */
    bool known[SIM_PEOPLE_MAX];      /* the journal has told a worker that they have it */
    int64_t sent_at;                 /* its last request; 0: none */
    int64_t lost_at[SIM_PEOPLE_MAX]; /* the last one without an answer; 0: none */
};

struct sim_list {
    unsigned items[SIM_JOBS_MAX * 4];
    unsigned count;
};

struct sim_queue {
    struct sim_list raw, ready, suspects; /* taken from the end */
    bool paused;
    unsigned rate, concurrency; /* 0: no limit */
    double tokens;
    int64_t tokens_at;
};

struct sim_ledger {
    unsigned queue; /* whose ledger it stands in */
    char digest[33];
    unsigned job;
    int64_t until;
};

struct sim_store {
    struct sim_job jobs[SIM_JOBS_MAX];
    unsigned jobs_count;
    struct sim_queue queues[SIM_QUEUES];
    struct sim_ledger ledger[SIM_LEDGER_MAX];
    unsigned ledger_count;
    uint64_t token;
    double limit_tokens[BH_LIMIT_COUNT];
    int64_t limit_at[BH_LIMIT_COUNT];
    unsigned late, stale, recovered, duplicate_ids;
    unsigned twins_asked[BH_TWIN_FAILED]; /* entries that were asked about, by what was said */
};

/* A command of an engine, copied, as it travels to the store. */
struct sim_request {
    enum bh_command_kind kind;
    int owner;
    struct bh_slot_handle slot;
    struct bh_mono asked_at; /* on the worker's clock */
    unsigned queue, count;   /* the store's number of the queue */
    bool alone, sent;
    unsigned number; /* the worker's number of it */
    unsigned job;
    uint64_t token;
    enum bh_admit_mode mode;
    char id[BH_JOB_ID_MAX + 1];
    int64_t created, due, expires;
    char ledger[SIM_PEOPLE_MAX][33];
    unsigned ledger_count;
    bh_ms ledger_ms, delay_ms;
    enum bh_disposition disposition;
    char waiting;
    char reason[24], state[16];
    uint32_t attempts;
    int64_t uncertain;
    char *memo; /* owned; NULL: empty */
    enum bh_ledger_action action;
    enum bh_limit limit;
    unsigned limit_rate;
};

struct sim_claimed {
    struct bh_claimed_job jobs[BH_CLAIM_MAX];
    char handles[BH_CLAIM_MAX][16];
    char *heads[BH_CLAIM_MAX]; /* owned */
};

/* Carry out a request at `now` (the store's wall clock); `claimed` is filled for CLAIM. */
struct bh_event sim_store_execute(struct sim_store *store, const struct sim_request *request,
                                  int64_t now, struct sim_claimed *claimed);

/* What the engine is told when no answer came. */
struct bh_event sim_store_failed(const struct sim_request *request);

/* Push a job that has been described in jobs[jobs_count]. */
void sim_store_push(struct sim_store *store);

/* Give back what `owner` holds under tokens that he does not know; it counts against the jobs after a restart. */
void sim_store_adopt(struct sim_store *store, int owner, bool restarted, int64_t now,
                     const uint64_t *known, size_t known_count);

/* Abort unless every job is in exactly one place. */
void sim_store_check(const struct sim_store *store);

/* Whoever its last request asked may have the message or not. */
void sim_store_lose(struct sim_job *job);

void sim_store_release(struct sim_store *store);

#endif
