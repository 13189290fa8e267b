/*
 * store_private - what the files of the store share.
 *
 *   store.c        making, configuring, coming up, going down, ending
 *   store_batch.c  commands that become script calls: gathering, sending, answering
 *   store_line.c   one queue: its keys, the claims that are known, its leases' adoption
 *   store_wait.c   WAIT: the blocking connection of one queue
 *
 * A *batch* is one script call about some commands of one kind and queue.  A *line* is one queue.  There is
 * one timer; whatever has to happen later keeps the time itself and calls bh_store_arm.
 */
#ifndef BH_REDIS_STORE_PRIVATE_H
#define BH_REDIS_STORE_PRIVATE_H

#include "core/config.h"
#include "redis/account_codec.h"
#include "redis/connection.h"
#include "redis/keys.h"
#include "redis/store.h"
#include "redis/store_codec.h"

#define BH_STORE_KINDS (BH_COMMAND_ACCOUNT + 1)

/* The claims of this life that are still under way, by token; see store_line.c. */
struct bh_known_claim {
    uint64_t token;
    size_t jobs;            /* not ended yet */
    struct bh_mono ends_at; /* no lease of it lives longer */
};

struct bh_waiter {
    struct bh_redis_connection connection;
    bool initialised; /* until the connection is released */
    bool started;     /* until on_closed */
    bool sent;        /* a BLMOVE is under way */
    bool lost;        /* the answer of one was lost, and what it has moved is to be looked for */
    size_t open;      /* WAITs to be answered by the next wake-up */
    unsigned queue;   /* the number that they name */
    struct bh_mono wake_at; /* answer then without having read anything; NEVER: not planned */
};

struct bh_line {
    struct bh_store *store;
    struct bh_line *next;
    struct bh_store_queue config; /* `name` points to our copy */
    char name[BH_QUEUE_NAME_MAX + 1];
    struct bh_queue_keys keys;
    size_t batches; /* that point to us */
    bool
        gone; /* not configured any more: freed when nothing points to it, and no claim of it is known */
    unsigned char numbers[BH_CONFIG_QUEUE_NUMBERS_MAX / 8]; /* a bit for each that it has had */
    bool adopted;
    bool adopting;    /* the answer is under way */
    bool was_adopted; /* once before: what an earlier life held has been given back */
    char cursor[24];
    struct bh_store_mark met;        /* what this store was given */
    struct bh_store_mark asked_with; /* what the adoption under way raises Redis to */
    bool behind;                     /* a claim was given a token that is not new... */
    uint64_t remembered;             /* ...so that Redis knows our claims up to this one at most */
    struct bh_known_claim *known;    /* owned */
    size_t known_count;
    size_t known_capacity;
    struct bh_waiter waiter;
};

struct bh_batch {
    struct bh_batch *next;
    struct bh_store *store;
    struct bh_line *line; /* NULL for GRANT, and for a queue that does not exist */
    enum bh_command_kind kind;
    struct bh_command *commands; /* owned */
    size_t count;
    size_t capacity;
    size_t bytes;
    struct bh_mono asked_at;
    uint64_t sent_ns;
    bool reloaded;          /* sent a second time because the script was not known */
    bool unlimited;         /* GRANT without a limit: late, but not failed */
    struct bh_mono late_at; /* when to answer it, on the list `late` */
};

struct bh_batch_list {
    struct bh_batch *first;
    struct bh_batch *last;
};

struct bh_store {
    uv_loop_t *loop;
    struct bh_store_options options; /* strings are copies */
    struct bh_account_keys account_keys;
    char prefix[BH_KEY_PREFIX_MAX + 1];
    char owner[BH_STORE_OWNER_MAX + 1 + BH_STORE_LIFE_MAX + 1]; /* OWNER or OWNER#LIFE */
    char past[BH_STORE_LIFE_MAX + 1]; /* a life that is over; empty: none */
    struct bh_store_counters counters;

    struct bh_redis_connection connection;
    uv_timer_t timer;
    bool started;
    bool stopping;
    bool connection_closed;
    bool timer_closed;
    bool closed_told;

    bool up;
    bool loaded;
    size_t loads_pending;
    bool load_failed;
    bh_ms load_retry_ms;
    struct bh_mono proceed_at; /* try again to come up; NEVER: not planned */

    struct bh_line *lines; /* owned list, also of those that are gone */
    unsigned walks;        /* through `lines` with events on the way: nothing may be freed */
    struct bh_batch_list gathered[BH_STORE_KINDS];
    struct bh_batch_list late;
    size_t open;
};

/* ---- store.c ------------------------------------------------------------------------------------- */

struct bh_mono bh_store_now(const struct bh_store *store);

/* Set the timer to the earliest of all times that are kept. */
void bh_store_arm(struct bh_store *store);

void bh_store_emit(struct bh_store *store, const struct bh_event *event);

/*
 * An error reply: counts it, tells it, reconnects where its class says so.  Returns after how long asking
 * again makes sense; 0: at once.
 */
bh_ms bh_store_error(struct bh_store *store, struct bh_redis_connection *connection,
                     const char *what, struct bh_str text);

/* A reply that does not look as it must.  Returns as bh_store_error. */
bh_ms bh_store_garbled(struct bh_store *store, const char *what);

void bh_store_trouble(struct bh_store *store, enum bh_redis_class class, const char *what,
                      const char *text, const char *advice);

/* Go on with coming up: load, adopt, tell.  Only from the loop. */
void bh_store_proceed(struct bh_store *store);

/* Tell on_closed when the last handle is gone.  May be the end of the store. */
void bh_store_maybe_closed(struct bh_store *store);

/* ---- store_batch.c ------------------------------------------------------------------------------- */

enum bh_status bh_batch_take(struct bh_store *store, struct bh_line *line,
                             const struct bh_command *command) BH_MUST_CHECK;

/* Send what has gathered, claims of queues that are not adopted yet excepted. */
void bh_batch_flush(struct bh_store *store);

/* Answer what is due on the list `late`; all of it, and what has gathered, when `all`. */
void bh_batch_answer_late(struct bh_store *store, bool all);
struct bh_mono bh_batch_late_at(const struct bh_store *store);

/* ---- store_line.c -------------------------------------------------------------------------------- */

/* NULL when short of memory. */
struct bh_line *bh_line_new(struct bh_store *store, const struct bh_store_queue *queue);
void bh_line_configure(struct bh_line *line, const struct bh_store_queue *queue);
struct bh_line *bh_line_by_name(struct bh_store *store, const char *name);
struct bh_line *bh_line_by_number(struct bh_store *store, unsigned number);

/* Likewise, for what is in hand: also one that is gone, or has another number since.  NULL: it holds nothing of ours. */
struct bh_line *bh_line_in_hand(struct bh_store *store, unsigned number);
struct bh_store_caller bh_line_caller(const struct bh_line *line);

/* Free the lines that are gone and that nothing points to, unless somebody walks through them. */
void bh_line_sweep(struct bh_store *store);
void bh_line_free(struct bh_line *line);

/*
 * A claim was answered: remember what it gave.  False: nothing of it may be used, because its token was given
 * before; bh_line_behind has to follow.
 */
bool bh_line_meet(struct bh_line *line, const struct bh_claimed_event *claimed);

/* Redis has rolled back under a connection that stayed: begin anew. */
void bh_line_behind(struct bh_line *line);

/* A claim has given `jobs` jobs; one of them has ended; its lease was lengthened. */
void bh_line_claimed(struct bh_line *line, uint64_t token, size_t jobs, struct bh_mono asked_at);
void bh_line_ended(struct bh_line *line, uint64_t token);
void bh_line_renewed(struct bh_line *line, uint64_t token, struct bh_mono asked_at);

/* Ask for the next page of leases of ours that we do not know. */
void bh_line_adopt(struct bh_line *line);

/* The connection is lost. */
void bh_line_down(struct bh_line *line);

/* ---- store_wait.c -------------------------------------------------------------------------------- */

void bh_waiter_add(struct bh_line *line, unsigned queue);

/* Read, or plan to answer without. */
void bh_waiter_pump(struct bh_line *line);

/* Answer all WAITs now; those of all queues whose time has come by `now`. */
void bh_waiter_wake(struct bh_line *line);
void bh_waiter_wake_due(struct bh_store *store, struct bh_mono now);

/* End the connection; bh_line_sweep or bh_store_maybe_closed follow when it has. */
void bh_waiter_stop(struct bh_line *line);

#endif
