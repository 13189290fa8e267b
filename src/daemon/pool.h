/*
 * pool - the workers of the process as one: made, started, told and summed up together.
 *
 * Belongs to the main thread; each worker is a thread of its own (worker.h).  What a worker says goes into the main thread's
 * mailbox: who owns the pool counts there who has drained and who has stopped.
 */
#ifndef BH_DAEMON_POOL_H
#define BH_DAEMON_POOL_H

#include "daemon/worker.h"

struct bh_pool {
    struct bh_worker **workers; /* owned */
    unsigned count;
    unsigned running; /* started, and not stopped yet; counted down by the owner */
    unsigned drained; /* counted by the owner */
    bool started;     /* bh_pool_start was called: workers may be told something */
    struct bh_quiet_room room;
};

/* Added up over all workers. */
struct bh_pool_sum {
    unsigned up;       /* connected to Redis */
    unsigned breakers; /* open */
    unsigned in_flight, in_hand;
    unsigned long long sent;
};

/*
 * Make as many workers as the configuration says.  Of `options`, number, owner and room are the pool's to fill in.
 * After an error, what was made stays in `pool`, which is left to the end of the process.
 */
enum bh_status bh_pool_make(struct bh_pool *pool, const struct bh_worker_options *options,
                            struct bh_error *error) BH_MUST_CHECK;

/* Start the threads; `past` as in bh_worker_set_past.  After an error those that run are counted, and have to be stopped. */
enum bh_status bh_pool_start(struct bh_pool *pool, const char *past) BH_MUST_CHECK;

/* Tell all; of a CONFIGURE, each is given a reference of its own.  Who does not run yet is told nothing. */
void bh_pool_post(struct bh_pool *pool, struct bh_message message);

/* Tell what the account allows.  A trial is for one worker; the others stay paused. */
void bh_pool_tell_account(struct bh_pool *pool, const struct bh_account_event *event);

struct bh_pool_sum bh_pool_sum(const struct bh_pool *pool);

/* Each loop has turned within that time; true as long as there is none. */
bool bh_pool_turns(const struct bh_pool *pool, struct bh_mono now, bh_ms within_ms);

/* Behind the last STOPPED message, or when none was started. */
void bh_pool_release(struct bh_pool *pool);

#endif
