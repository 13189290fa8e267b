/*
 * claim_watch - notices a worker that lets work lie: nothing stands against a claim, and none is answered.
 *
 * A healthy worker is answered every few seconds, even if the answer is "nothing", "paused" or "limited".  A worker
 * that has heard nothing for longer than the bound is suspected; whether work waits is asked on another connection.
 * If it does, the worker's connections are opened anew, once; if that does not help within the bound either, the
 * process is past help, and the watchdog is not fed any more.
 *
 * Pure: told the time and what the workers show, it says what to do.  Belongs to the main thread.
 */
#ifndef BH_DAEMON_CLAIM_WATCH_H
#define BH_DAEMON_CLAIM_WATCH_H

#include "core/base.h"
#include "core/instant.h"

struct bh_claim_watch_worker {
    struct bh_mono silent_since; /* see bh_engine_silent_since */
    struct bh_mono counted_from; /* what lay before does not count: we slept, or it was helped */
    uint64_t answers;            /* that it has had so far */
    bool helped;                 /* its connections were opened anew, and nothing was heard since */
};

struct bh_claim_watch {
    struct bh_claim_watch_worker *workers; /* owned */
    unsigned workers_count;
    bh_ms bound_ms;
    struct bh_mono last_pulse; /* 0: none yet */
    struct bh_mono look_at;    /* not before */
    bool looking;
};

enum bh_claim_advice {
    BH_CLAIM_ADVICE_NONE,
    BH_CLAIM_ADVICE_REOPEN, /* open its connections to Redis anew */
    BH_CLAIM_ADVICE_END,    /* that was done, in vain: the process has to be started again */
};

/* BH_ENOMEM. */
enum bh_status bh_claim_watch_init(struct bh_claim_watch *watch, unsigned workers) BH_MUST_CHECK;
void bh_claim_watch_release(struct bh_claim_watch *watch);

/* How long a worker may be silent; commands to Redis time out after so long. */
void bh_claim_watch_configure(struct bh_claim_watch *watch, bh_ms command_timeout_ms);

/* At each pulse, for each worker; `answers` is the number of claims that were answered so far. */
void bh_claim_watch_show(struct bh_claim_watch *watch, unsigned worker, struct bh_mono silent_since,
                         uint64_t answers);

/*
 * About once per second, behind the shows.  True: ask Redis now whether work waits, and tell by
 * bh_claim_watch_looked; nothing else is wanted before.
 */
bool bh_claim_watch_pulse(struct bh_claim_watch *watch, struct bh_mono now);

/* Redis has answered, or could not be asked, which counts as no work. */
void bh_claim_watch_looked(struct bh_claim_watch *watch, struct bh_mono now);

/* What to do about the worker when work waits; to be asked between a look and the next pulse, once per worker. */
enum bh_claim_advice bh_claim_watch_advise(struct bh_claim_watch *watch, unsigned worker,
                                           struct bh_mono now);

/* For how long it has been silent, as far as it counts. */
bh_ms bh_claim_watch_silence(const struct bh_claim_watch *watch, unsigned worker,
                             struct bh_mono now);

/* Whether some worker is silent for longer than the bound. */
bool bh_claim_watch_any_silent(const struct bh_claim_watch *watch, struct bh_mono now);

#endif
