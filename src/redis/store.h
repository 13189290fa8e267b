/*
 * store - the queues in Redis, as one worker thread uses them.
 *
 * It carries out the engine's commands CLAIM, WAIT, ADMIT, SETTLE, RENEW, GRANT and TWIN by calling the scripts
 * of src/redis/lua and gives the answers back as events.  It decides nothing about jobs; what is lawful is
 * decided by the scripts, under the lease.
 *
 * Connections: one for commands, and one per queue for WAIT, because a blocked read delays everything
 * behind it.  Both come back by themselves (see redis/connection.h).
 *
 * Rules:
 *
 *   1. Each command that bh_store_execute took (BH_OK) is answered by exactly one event, and never from
 *      within a function of this file: only from the loop.
 *   2. Commands gather until bh_store_flush, which sends those of one kind and queue as few calls of at most
 *      BH_STORE_BATCH jobs and about BH_STORE_BATCH_BYTES bytes; settlements first, claims last.
 *   3. What a command points to stays valid until its answer; nothing is copied before it is sent.
 *   4. No command is sent twice, except one that Redis refused unexecuted because it did not know the script.
 *   5. STORE_UP follows each connect, after the scripts were loaded and the leases of this owner that this
 *      store does not know (those of a claim whose answer was lost, and an earlier life's that is certainly
 *      over) were given back to the line; only an earlier life's count as recoveries of their jobs.
 *      STORE_DOWN comes after all open commands have been answered FAILED, CLAIM_FAILED or
 *      WOKEN.  Between the two, commands may be executed; at other times they are answered as failed.
 *   6. A token is given once: an adoption raises Redis' counters to what recall says, so that a late result of
 *      before a roll-back cannot pass for one of a later claim.  A claim that is given a token which is not
 *      larger than the last one is not handed on: the store connects anew and begins with rule 5.
 *   7. A failure for which asking again at once is of no use (Redis is loading, full, or wants a person) is
 *      answered late, so that a caller who simply asks again does not spin.
 *
 * Belongs to one loop and is used from that loop's thread only.
 */
#ifndef BH_REDIS_STORE_H
#define BH_REDIS_STORE_H

#include <bellhop/error.h>
#include <uv.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/redis_error.h"
#include "engine/protocol.h"
#include "redis/connection.h"
#include "redis/tracking.h"

#define BH_STORE_BATCH       64
#define BH_STORE_BATCH_BYTES ((size_t)1024 * 1024)
#define BH_STORE_OWNER_MAX   128
#define BH_STORE_LIFE_MAX    16

/* How the store treats one queue. */
struct bh_store_queue {
    unsigned number;  /* the one that commands and events name */
    const char *name; /* [a-z0-9_-]{1,32}; copied */
    bh_ms lease_ms;
    size_t payload_bytes_max;    /* a longer payload is announced with its length only */
    uint32_t rate;               /* jobs per second over all workers; 0: no limit */
    uint32_t concurrency;        /* leases over all workers; 0: no limit */
    uint32_t dead_max;           /* most jobs kept in the dead set */
    bh_ms dead_ttl_ms;           /* how long they are kept */
    bh_ms retention_ms;          /* how long a final status is kept */
    uint32_t events_cap;         /* about how many events the stream keeps; 0: no events */
    struct bh_tracking tracking; /* of its messages */
};

/* An account-wide token bucket; its size is one second's worth, at least one. */
struct bh_store_limit {
    uint32_t rate; /* per second; 0: no limit */
};

/* For the log: something about Redis that a person may want to know. */
struct bh_store_trouble {
    enum bh_redis_class class;
    const char *what;   /* the operation: "claim", "connection", ... */
    const char *text;   /* Redis' own words or a connection's reason */
    const char *advice; /* full sentences; may be NULL */
};

/*
 * What the caller has met of a queue: the largest token and handle that any store of this instance was ever given.
 * Redis is raised to them before anything is claimed, so that none is given a second time.
 */
struct bh_store_mark {
    uint64_t token;
    uint64_t handle;
    bool fresh; /* met so lately that Redis must remember our claims */
};

/* Redis remembers less than it had acknowledged. */
struct bh_store_roll_back {
    const char *queue;
    uint64_t remembered;   /* the last claim of this instance that it knows, by token; 0: none */
    uint64_t acknowledged; /* the last one that it had acknowledged */
    uint64_t handle;       /* jobs that wait without a handle will get those from here + 1 on... */
    uint64_t waiting;      /* ...and there are so many */
};

struct bh_store_options {
    struct bh_redis_options
        redis;          /* for every connection; what it borrows is borrowed until closed */
    const char *prefix; /* of all keys, e.g. "bellhop"; copied */
    const char
        *owner; /* INSTANCE/WORKER, over restarts: no blanks, not "-", at most BH_STORE_OWNER_MAX */
    const char *
        life; /* names this run of the process, letters and digits; copied; NULL: there is only one */
    const char *account; /* 12 hex digits, names the account's keys; copied */
    struct bh_store_limit limits[BH_LIMIT_COUNT];

    /* `event` is valid until the call returns.  Any function but release may be called from inside. */
    void (*on_event)(void *arg, const struct bh_event *event);
    void (*on_trouble)(void *arg, const struct bh_store_trouble *trouble); /* may be NULL */
    /* Asked before each adoption; may be NULL: then only what this store was given itself is compared. */
    struct bh_store_mark (*recall)(void *arg, const char *queue);
    /* Told before anything is claimed from a Redis that has rolled back; may be NULL. */
    void (*on_rolled_back)(void *arg, const struct bh_store_roll_back *roll_back);
    /* How long Redis took over a call, from its sending to its reply; blocking ones are not told.  May be NULL. */
    void (*on_timed)(void *arg, uint64_t microseconds);
    void (*on_closed)(void *arg);     /* the answer to stop; may be NULL */
    struct bh_mono (*now)(void *arg); /* the clock of `asked_at`; NULL: the loop's uv_hrtime */
    void *arg;
};

/* Ever-growing, for metrics.  Microseconds are from flush to reply. */
struct bh_store_counters {
    uint64_t commands; /* calls sent; WAIT counts too */
    uint64_t jobs;     /* jobs that these calls were about */
    uint64_t errors;   /* error replies */
    uint64_t failed;   /* commands answered as failed for any cause */
    uint64_t reloads;  /* calls sent again because Redis did not know the script */
    uint64_t garbled;  /* replies that do not look as they must */
    uint64_t ups;      /* times that the store came up */
    uint64_t microseconds;
    uint64_t adopted;     /* leases given back to the line by rule 5 */
    uint64_t rolled_back; /* times that Redis was found behind */
};

struct bh_store;

/*
 * Check and copy the options.  Opens nothing.  BH_EINVAL with a sentence in *ret_error (may be NULL), or
 * BH_ENOMEM.  The store belongs to the caller: bh_store_release, in the end.
 */
enum bh_status bh_store_new(uv_loop_t *loop, const struct bh_store_options *options,
                            struct bh_store **ret_store, struct bh_error *ret_error) BH_MUST_CHECK;

/*
 * Say which queues there are; may be called again at any time.  Of a queue that is gone nothing is claimed any more, and
 * CLAIM is answered as failed; jobs that were claimed before are admitted, renewed and settled as ever.  A queue is known by its
 * name and may get another number; what was claimed under the old one is named by that, as long as no other queue has it; answers
 * carry the number that their command named.  The claims of a queue that is
 * new while the store is up wait until its leases have been looked at (rule 5).
 * BH_ENOMEM, or BH_EINVAL (a bad name, a number or name twice): the old set stays.
 */
enum bh_status bh_store_configure(struct bh_store *store, const struct bh_store_queue *queues,
                                  size_t count) BH_MUST_CHECK;

/* Another account (12 hex digits) with its limits, from the next GRANT on. */
void bh_store_set_account(struct bh_store *store, const char *account,
                          const struct bh_store_limit *limits);

/*
 * Before start: an earlier run of this process that is certainly over, by its `life`; empty: none is known.  Its
 * leases are given back like those of this one that are not known (rule 5), whichever of its workers held them.
 */
void bh_store_set_past(struct bh_store *store, const char *life);

/* Begin to connect and stay connected. */
void bh_store_start(struct bh_store *store);

/*
 * Take one command of the seven kinds above.  BH_ENOMEM, or BH_EDOWN after bh_store_stop: not taken, no event
 * follows.  A command of an unknown queue is taken and answered as failed.
 */
enum bh_status bh_store_execute(struct bh_store *store,
                                const struct bh_command *command) BH_MUST_CHECK;

/* Send what has gathered. */
void bh_store_flush(struct bh_store *store);

bool bh_store_is_up(const struct bh_store *store);

/* Commands taken and not answered yet. */
size_t bh_store_open(const struct bh_store *store);

/*
 * Drop all connections and open them anew, as if Redis had ended them: for a caller who misses an answer and has
 * no better idea.
 */
void bh_store_reopen(struct bh_store *store);

/* Borrowed until release. */
const struct bh_store_counters *bh_store_counters(const struct bh_store *store);

/* End: open commands are answered as failed, STORE_DOWN if it was up, then on_closed.  Once, after start. */
void bh_store_stop(struct bh_store *store);

/* When never started, or behind on_closed (not from within).  NULL is fine. */
void bh_store_release(struct bh_store *store);

#endif
