/*
 * share - which queue is served next.
 *
 * Strict queues come before all others.  Among equals each queue advances a virtual time by the jobs it
 * got divided by its weight, and the one that is furthest behind is next (stride scheduling), so that over
 * time jobs are claimed in proportion to the weights and an idle queue saves up nothing.
 */
#ifndef BH_ENGINE_SHARE_H
#define BH_ENGINE_SHARE_H

#include "core/base.h"

struct bh_share {
    uint64_t pass; /* virtual time */
};

struct bh_share_candidate {
    struct bh_share *share;
    unsigned weight; /* >= 1 */
    bool strict;
};

/* The index of the candidate to be served next; `count` >= 1. */
size_t bh_share_choose(const struct bh_share_candidate *candidates, size_t count);

/* It got `jobs` jobs. */
void bh_share_charge(struct bh_share *share, unsigned weight, unsigned jobs);

/* It has work again after having had none: it joins where the others are. */
void bh_share_join(struct bh_share *share, uint64_t pass_of_the_others);

#endif
