/*
 * slot - the table of jobs in hand, and everything that one of them needs until it is settled.
 *
 * A slot is in exactly one stage.  Stages that wait for the engine's own next step are lists
 * (struct bh_slot_list), so "which slot is next" needs no search.  Slots are numbered; others hold a handle
 * with a generation, never a pointer.
 */
#ifndef BH_ENGINE_SLOT_H
#define BH_ENGINE_SLOT_H

#include <bellhop/job.h>

#include "core/config.h"
#include "core/gateway_request.h"
#include "core/instant.h"
#include "core/job_head.h"
#include "engine/fields.h"
#include "engine/policy.h"
#include "engine/progress.h"
#include "engine/protocol.h"

enum bh_stage {
    BH_STAGE_FREE,
    BH_STAGE_SCHEDULE,  /* list: to be put aside until its delay is over */
    BH_STAGE_ASK,       /* list: the gateway's journal is to be asked about it */
    BH_STAGE_ASKING,    /* the transport has the question */
    BH_STAGE_GATED,     /* list: may go as soon as gateway and limits let it */
    BH_STAGE_ADMITTING, /* the store is asked */
    BH_STAGE_SUBMIT,    /* list: admitted, to be handed to the transport */
    BH_STAGE_SENDING,   /* the transport has it */
    BH_STAGE_COMPARE,   /* list: other queues are to be asked for a twin before it is judged */
    BH_STAGE_COMPARING, /* the store is asked */
    BH_STAGE_SETTLE,    /* list: result known, to be written */
    BH_STAGE_SETTLING,  /* the store is asked */
};
#define BH_STAGE_COUNT (BH_STAGE_SETTLING + 1)

#define BH_SLOT_NONE UINT32_MAX

/* A round of questions to the gateway's journal: one recipient after the other. */
struct bh_ask {
    bool after;            /* of a verdict that waits for it, and not before one */
    size_t at;             /* the recipient that is asked about */
    unsigned page;         /* of the journal, for that recipient */
    enum bh_looked looked; /* what the round has come to so far */
    bool found, doubled;
    struct bh_window window;
    struct bh_wall sent_at; /* of a single recipient's entry; 0 unknown */
    char delivery[16];      /* likewise; "" none yet */
};

/* A round of questions to the other queues' ledgers: all at once, and again while some are not answered. */
struct bh_comparison {
    unsigned next;       /* the queue that is asked next */
    unsigned open;       /* questions without an answer */
    unsigned rounds;     /* begun */
    bool failed;         /* one of this round was not answered */
    enum bh_twins twins; /* what they have come to */
    bh_ms twins_ms;
};

struct bh_slot {
    uint32_t index;
    uint32_t generation;
    uint32_t next_index, previous_index; /* in the list of its stage, or of the free ones */
    enum bh_stage stage;

    /* The claim.  Lives until the slot is freed. */
    const struct bh_config *config;      /* owned reference: the one that the job began with */
    const struct bh_queue_config *queue; /* borrowed from config */
    char handle[32];
    struct bh_claim_ref claim;
    struct bh_job_head head; /* its memo is not kept: see progress; nor is lost_by */
    bool recovered;          /* its last worker lost it */
    struct bh_mono lease_until;
    struct bh_mono renew_at;
    bool renew_due;   /* in line for RENEW */
    bool renewing;    /* asked, not answered */
    bool lease_ended; /* nothing may be sent any more */
    bool cancel_due;  /* in line for CANCEL */

    /* The job; NULL when the payload is not a valid one. */
    struct bh_job *job; /* owned */
    char id[BH_JOB_ID_MAX + 1];
    struct bh_wall created, due, expires;
    bh_ms
        late_ms; /* how long after its time a job with a delay was claimed; -1: it had none, or was tried before */
    struct bh_progress progress;
    struct bh_digest payload_digest; /* for the journal of what was sent */
    char (*ledger)[33];              /* owned */
    size_t ledger_count;
    bool ledger_complete; /* covers every recipient */
    bool first;           /* its id is not registered yet */
    bool trial;           /* it probes the account */
    int parts;            /* our own count; 0 for voice */
    bool ahead;           /* a request of it was not answered: it goes before fresh ones */

    /* The attempt. */
    struct bh_plan plan; /* what the attempt is for */
    struct bh_ask ask;
    size_t *asked;                                /* owned; its recipients as indices */
    const struct bh_recipient **asked_recipients; /* owned array of borrowed elements */
    size_t asked_count;
    struct bh_mono
        admit_asked; /* when the admission was asked for: the ledger's entries are no older */
    struct bh_wall began;
    struct bh_mono began_mono;
    bool took_request_token, took_connection_token;
    struct bh_gateway_request request;

    /* The result. */
    struct bh_outcome outcome;       /* owned; of the request */
    struct bh_comparison comparison; /* of its refusal by the reload lock */
    struct bh_verdict verdict;
    bool requested; /* a request began in this claim */
    bool sent;      /* and was handed over */
    struct bh_fields fields;
    struct bh_buf memo;
};

struct bh_slot_list {
    uint32_t head, tail;
    uint32_t count;
};

struct bh_slot_table {
    struct bh_slot *slots; /* owned */
    uint32_t count;
    struct bh_slot_list
        lists[BH_STAGE_COUNT]; /* FREE and all stages: count is true for every stage */
};

enum bh_status bh_slot_table_init(struct bh_slot_table *table, uint32_t count) BH_MUST_CHECK;
void bh_slot_table_release(struct bh_slot_table *table);

/* Move to the end of another stage's list. */
void bh_slot_move(struct bh_slot_table *table, struct bh_slot *slot, enum bh_stage stage);

/* The same, but behind those that are `ahead` there, and before the rest. */
void bh_slot_move_ahead(struct bh_slot_table *table, struct bh_slot *slot, enum bh_stage stage);

/* The first of a stage, or NULL. */
struct bh_slot *bh_slot_first(struct bh_slot_table *table, enum bh_stage stage);

/* The last of a stage, or NULL: to give back in the reverse order of taking. */
struct bh_slot *bh_slot_last(struct bh_slot_table *table, enum bh_stage stage);

uint32_t bh_slot_count(const struct bh_slot_table *table, enum bh_stage stage);

/* The slot of a handle, or NULL when it has been freed since. */
struct bh_slot *bh_slot_find(struct bh_slot_table *table, struct bh_slot_handle handle);

struct bh_slot_handle bh_slot_handle(const struct bh_slot *slot);

/* Drop what the slot owns, for the next job, and put it among the free ones. */
void bh_slot_reset(struct bh_slot_table *table, struct bh_slot *slot);

/* Abort unless lists and stages agree. */
void bh_slot_table_check(const struct bh_slot_table *table);

#endif
