/*
 * did_you_mean - the name that somebody probably meant: "unknown field `tll`, did you mean `ttl`?"
 *
 * Names of fields, config keys, commands: short ASCII words out of a fixed list.  The distance is
 * that of Damerau and Levenshtein with adjacent transpositions, each pair changed at most once;
 * upper and lower case are equal.
 *
 * Nothing is offered beyond two changes, nor when half of the word would change: a wild guess is
 * worse than none.
 */
#ifndef BH_CORE_DID_YOU_MEAN_H
#define BH_CORE_DID_YOU_MEAN_H

#include <stddef.h>

#include "core/str.h"

/* Longer words and names are never close to anything. */
#define BH_DID_YOU_MEAN_LEN_MAX 64

/* A search in progress, for lists whose names sit in tables of other things. */
struct bh_did_you_mean {
    struct bh_str given; /* borrowed */
    const char *name;    /* the closest so far, borrowed; NULL when none is close */
    unsigned distance;
};

void bh_did_you_mean_start(struct bh_did_you_mean *search, struct bh_str given);

/* Of names equally close the first one offered stays. */
void bh_did_you_mean_offer(struct bh_did_you_mean *search, const char *name);

/* All in one: the closest of `names`, or NULL. */
const char *bh_did_you_mean(struct bh_str given, const char *const names[], size_t names_len);

#endif
