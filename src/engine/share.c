#include "engine/share.h"

/* Divisible by the small weights that people use, and far from overflow in 64 bits. */
#define STRIDE UINT64_C(720720)

static bool
goes_before(const struct bh_share_candidate *a, const struct bh_share_candidate *b)
{
    if (a->strict != b->strict)
        return a->strict;
    return a->share->pass < b->share->pass;
}

size_t
bh_share_choose(const struct bh_share_candidate *candidates, size_t count)
{
    BH_ASSERT(count > 0);
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (goes_before(&candidates[i], &candidates[best]))
            best = i;
    }
    return best;
}

void
bh_share_charge(struct bh_share *share, unsigned weight, unsigned jobs)
{
    BH_ASSERT(weight > 0);
    share->pass += jobs * (STRIDE / weight);
}

void
bh_share_join(struct bh_share *share, uint64_t pass_of_the_others)
{
    if (share->pass < pass_of_the_others)
        share->pass = pass_of_the_others;
}
