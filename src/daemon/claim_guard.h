/*
 * claim_guard - carries out what claim_watch.h decides: looks at the workers and, through the keeper's connection, at
 * the queues; says `not_claiming`, has connections opened anew, and in the end says that this process is lost.
 *
 * A queue counts as work that waits when it is neither paused nor at its bound of leases.  Belongs to the main thread.
 */
#ifndef BH_DAEMON_CLAIM_GUARD_H
#define BH_DAEMON_CLAIM_GUARD_H

#include "daemon/claim_watch.h"
#include "daemon/keeper.h"
#include "daemon/worker.h"
#include "redis/keys.h"

struct bh_claim_guard {
    struct bh_claim_watch watch;
    struct bh_worker *const *workers; /* borrowed */
    const struct bh_config *config;   /* owned reference, of the last pulse */
    bool account_open, ending;        /* likewise */
    unsigned open;                    /* queues whose figures are still to come */
    uint64_t waiting;                 /* jobs, by the look under way */
    uint64_t most;                    /* in one queue, the one named */
    char queue[BH_QUEUE_NAME_MAX + 1];
    bool
        lost; /* a worker does not claim and cannot be helped: the process has to be started again */
};

/* What the main thread knows at a pulse. */
struct bh_claim_guard_sight {
    const struct bh_config *config; /* a reference is taken */
    struct bh_keeper *keeper;
    bool account_open;
    bool ending; /* draining or stopping: nothing is claimed any more */
};

/* `workers` is borrowed, and may be filled until the first pulse.  BH_ENOMEM. */
enum bh_status bh_claim_guard_init(struct bh_claim_guard *guard, struct bh_worker *const *workers,
                                   unsigned count) BH_MUST_CHECK;
void bh_claim_guard_release(struct bh_claim_guard *guard);

/* About once per second. */
void bh_claim_guard_pulse(struct bh_claim_guard *guard, const struct bh_claim_guard_sight *sight);

#endif
