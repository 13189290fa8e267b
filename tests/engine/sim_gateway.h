/*
 * sim_gateway - the gateway as the simulation sees it: what it does with a request, and its own count of what it
 * accepted for whom.
 *
 * A call has a fate, thrown when it begins: whether it arrives, what is done, and what of the answer comes back.
 */
#ifndef BH_TESTS_ENGINE_SIM_GATEWAY_H
#define BH_TESTS_ENGINE_SIM_GATEWAY_H

#include "core/outcome.h"
#include "engine/sim_journal.h"
#include "engine/sim_store.h"

#define SIM_LOCK_MS (180 * BH_SECOND_MS)

enum sim_fate {
    SIM_ANSWERED,     /* arrives, is judged, the answer comes back */
    SIM_NEVER_LEFT,   /* no connection */
    SIM_CUT_BODY,     /* the request broke off in its middle */
    SIM_LOST_REQUEST, /* handed over whole, never judged, no answer */
    SIM_LOST_ANSWER,  /* judged, no answer */
    SIM_GARBLED,      /* judged, an answer that cannot be read */
    SIM_SERVER_ERROR, /* 5xx, perhaps judged */
    SIM_THROTTLED,    /* 429 or 503 with Retry-After */
    SIM_NOT_THERE,    /* 404 */
    SIM_FATES
};

struct sim_lock {
    unsigned long long number;
    char text[16];
    int64_t until;
};

struct sim_gateway {
    struct bh_dice *dice;
    struct sim_lock locks[4096];
    unsigned locks_count;
    bool no_credit, key_refused;
    bool refusals_arm; /* the lock also counts from a request that was refused */
    bool lock_off;     /* the account has none */
    bool is_strict;    /* whatever was lost can be cleared up, so that nobody is sent to twice */
    struct sim_journal journal;
    bool is_well;    /* no faults any more */
    bool has_faults; /* calls can be lost */
    unsigned accepted, calls, locked;
    unsigned fates[SIM_FATES];
};

struct sim_call {
    unsigned job;
    size_t people[SIM_PEOPLE_MAX]; /* indices into the job's people */
    size_t people_count;
    enum sim_fate fate;
    char foreign_id[BH_JOB_ID_MAX + 1];
};

struct sim_answer {
    struct bh_exchange exchange; /* its body points into `body` */
    char body[1024];
};

enum sim_fate sim_gateway_throw(struct sim_gateway *gateway);

/* Judge a call that arrives at `now`, and write the answer as if it came back. */
void sim_gateway_judge(struct sim_gateway *gateway, struct sim_store *store,
                       const struct sim_call *call, int64_t now, struct sim_answer *ret_answer);

/* What the transport reports for a fate without an answer. */
void sim_gateway_silence(struct sim_gateway *gateway, enum sim_fate fate,
                         struct sim_answer *ret_answer);

/* Another system on the account sends this job's text to its first recipient. */
void sim_gateway_foreign(struct sim_gateway *gateway, const struct sim_job *job, int64_t now);

#endif
