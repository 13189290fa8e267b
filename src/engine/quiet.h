/*
 * quiet - which workers of a process have a job in hand, and whether one of them may be alone.
 *
 * A suspect (see engine_apart.c) ends the whole process if it ends its worker, and whoever else had a job in hand would
 * be blamed with it.  So the worker that tries suspects asks for quiet: the others go on with what they have,
 * claim nothing new, and when all their hands are empty it is alone, until it says that it is done or until a
 * moment that it named before.  A worker that hangs can therefore keep the others waiting, but not for ever.
 *
 * Each worker says when it begins a turn and when it ends one.  A turn that begins while there is no quiet may
 * claim, so from its beginning the worker's hands count as not empty: no claim can slip in between the question
 * and its answer.
 *
 * Pure: one for all workers of a process, no lock of its own (see daemon/quiet_room.h).  Workers are numbered from 0; their
 * times are of one monotonic clock.
 */
#ifndef BH_ENGINE_QUIET_H
#define BH_ENGINE_QUIET_H

#include "core/base.h"
#include "core/instant.h"

#define BH_QUIET_WORKERS_MAX 64

enum bh_quiet_hand {
    BH_HAND_EMPTY,
    BH_HAND_OPEN, /* in a turn that may claim */
    BH_HAND_FULL, /* has jobs, or a claim under way */
};

struct bh_quiet {
    enum bh_quiet_hand hands[BH_QUIET_WORKERS_MAX];
    unsigned count;
    unsigned busy, full;  /* how many hands are not EMPTY, and how many are FULL */
    unsigned taker;       /* who asked for quiet */
    struct bh_mono until; /* 0: nobody does */
};

/* What a worker has to know of the others in this turn. */
struct bh_company {
    bool hushed;          /* another one asked for quiet: nothing may be claimed */
    struct bh_mono until; /* ... for so long at most */
    bool alone; /* the quiet that we asked for has come: nobody else has anything, or claims */
    bool others_have_jobs;
};

/* What a worker says of itself at the end of a turn. */
struct bh_bearing {
    bool in_hand; /* it has jobs, or a claim under way */
    struct bh_mono
        alone_until; /* it wants to be alone, or is, until then at most; 0: it does not */
};

/* Whom a turn's end concerns: they are to have a turn soon. */
enum bh_quiet_wake {
    BH_QUIET_WAKE_NOBODY,
    BH_QUIET_WAKE_TAKER,  /* it is alone now */
    BH_QUIET_WAKE_OTHERS, /* all but the one whose turn ends: quiet has begun or ended */
};

/* `count` 1 to BH_QUIET_WORKERS_MAX. */
void bh_quiet_init(struct bh_quiet *quiet, unsigned count);

/* At the beginning of a worker's turn, with the turn's time. */
struct bh_company bh_quiet_begin_turn(struct bh_quiet *quiet, unsigned number, struct bh_mono now);

/* At its end.  Also behind a worker's last turn, with empty hands and no wish: it has left. */
enum bh_quiet_wake bh_quiet_end_turn(struct bh_quiet *quiet, unsigned number,
                                     const struct bh_bearing *bearing,
                                     struct bh_mono now) BH_MUST_CHECK;

/* Who is to be woken for WAKE_TAKER. */
unsigned bh_quiet_taker(const struct bh_quiet *quiet);

#endif
