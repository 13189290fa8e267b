/*
 * storm_own - what the parts of the storm share among themselves: the plan, the jobs, the world.
 */
#ifndef BH_TESTS_FAULT_STORM_OWN_H
#define BH_TESTS_FAULT_STORM_OWN_H

#include "core/dice.h"
#include "fault/storm.h"
#include "support/linecut.h"
#include "support/rig.h"

#define STORM_DAEMONS  2
#define STORM_LEASE_MS 5000
#define STORM_LOCK_S   20
#define STORM_PREFIX                                                                               \
    "4917" /* then eight digits: no two numbers are alike, no lock is shared by chance */

/* ---- the plan ---- */

enum storm_domain {
    STORM_PROCESS_ONE,
    STORM_PROCESS_TWO,
    STORM_REDIS,
    STORM_LINE,
    STORM_WIRE,
    STORM_GATEWAY,
    STORM_DOMAINS,
};

struct storm_world;
struct storm_strike;
struct storm_gap;

struct storm_row {
    const char *name;
    enum storm_domain domain; /* STORM_PROCESS_ONE stands for both */
    void (*begin)(struct storm_world *world, struct storm_strike *strike);
    void (*end)(struct storm_world *world, struct storm_strike *strike);
    int shortest_ms, longest_ms;
};

extern const struct storm_row storm_rows[STORM_FAULTS];

struct storm_strike {
    enum storm_fault fault;
    enum storm_domain domain;
    unsigned daemon;               /* whom it meets; STORM_DAEMONS: all */
    unsigned dice, turn;           /* choose its variant: at random, or one after the other */
    long long begin_ms, length_ms; /* since the storm began */
    char detail[48];               /* filled in when it begins */
    /* while it goes on */
    bool ended, recovered;
    long long began_at, ended_at;
    unsigned long sent_before[STORM_DAEMONS];
};

struct storm_plan {
    struct storm_strike *strikes; /* owned; in the order of their beginnings within a domain */
    size_t count;
};

void storm_plan_make(const struct storm *storm, unsigned long long seed, long long length_ms,
                     struct storm_plan *ret_plan);
void storm_plan_print(const struct storm *storm, const struct storm_plan *plan);

/* ---- the jobs ---- */

enum storm_job_kind {
    STORM_JOB_PLAIN,
    STORM_JOB_NAMELESS, /* without an id */
    STORM_JOB_MANY,     /* three recipients */
    STORM_JOB_TWIN,     /* the second of two with the same recipient and text */
    STORM_JOB_DELAYED,
    STORM_JOB_SHORT,   /* a ttl of a minute */
    STORM_JOB_CAREFUL, /* policy `hold` */
    STORM_JOB_CALL,
    STORM_JOB_INVALID,
    STORM_JOB_KINDS,
};

struct storm_job {
    enum storm_job_kind kind;
    unsigned number; /* of its first recipient */
    unsigned recipients;
    long long pushed_at;  /* monotonic */
    long long not_before; /* unix ms; 0: at once */
    bool forgotten;       /* its push is one of those that Redis lost */
    bool uncertain;       /* its history says so */
    bool seen, final;     /* a status was found */
    bool buried;          /* three times in a row its worker ended */
    bool accused;         /* its history has been shown */
    bool undecided;       /* an answer was lost, and somebody will ask for it later */
    char state[12], error[96];
};

struct storm_jobs {
    struct storm_job *items; /* owned */
    size_t count, capacity;
    unsigned numbers; /* handed out so far */
    struct bh_dice dice;
};

/* Make the next job and push it.  False: Redis did not take it, and it was not counted. */
bool storm_job_push(struct storm_world *world);

/* What is pushed for job number `index`. */
void storm_job_print(const struct storm_job *job, size_t index, char *ret_json, size_t size);

/* Redis is there again: mark the jobs whose push it has forgotten. */
void storm_jobs_forget(struct storm_world *world);

const char *storm_job_queue(enum storm_job_kind kind);
bool storm_job_has_id(enum storm_job_kind kind);

/* ---- the world ---- */

struct storm_seat {
    struct bh_linecut *line; /* to Redis */
    char line_path[96];
    char shift_path[96];
    _Atomic long long *shift_ms; /* of its wall clock */
    bool may_be_down;            /* its end is part of a fault */
    long log_offset;
    unsigned long sent; /* lines about sent jobs so far */
    unsigned descriptors;
};

struct storm_world {
    struct bh_rig rig;
    const struct storm *storm;
    unsigned long long seed;
    long long length_ms, begin_at;
    long long wanted_jobs;
    bool redis_away; /* do not talk to it */
    struct bh_linecut *wire;
    struct storm_seat seats[STORM_DAEMONS];
    struct storm_plan plan;
    struct storm_jobs jobs;
    struct storm_toll *toll;
    /* sizes of the append-only file, to forget its last second */
    struct {
        long long at, bytes;
    } sizes[64];
    size_t sizes_count;
    struct storm_gap *gaps; /* owned; what Redis forgot */
    size_t gaps_count;
};

/* What was written to Redis between these moments (unix ms) was forgotten. */
struct storm_gap {
    long long from_ms, to_ms;
};

const char *storm_seat_environment(struct storm_world *world, unsigned daemon);

/* The newest file that Redis appends to; false when there is none. */
bool storm_append_file(struct storm_world *world, char *ret_path, size_t size);

/* The directory of a daemon's journal of what was sent. */
const char *storm_journal(struct storm_world *world, unsigned daemon);

/* All requests that stand in the daemons' journals of what was sent. */
struct storm_requests {
    struct storm_request *items; /* owned */
    size_t count;
};

void storm_requests_read(struct storm_world *world, struct storm_requests *ret_requests);

/* Those of one job, on standard error. */
void storm_requests_tell(struct storm_world *world, const struct storm_requests *requests,
                         const struct storm_job *job);

/*
 * How many second messages of this job each host's journal could not prevent, 0 or 1: both hosts have sent it, each of them
 * once.  `first_at` is when its first message was accepted, unix ms: a moment of which Redis has forgotten everything.
 */
unsigned storm_sent_by_another(struct storm_world *world, const struct storm_requests *requests,
                               const struct storm_job *job, long long first_at);

/* After the last job: what came of each, and what is left. */
void storm_count(struct storm_world *world);

#endif
