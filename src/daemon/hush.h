/*
 * hush - say the same thing once.
 *
 * A Redis that is away, or a right that is missing, is noticed by every connection at every try.  The first
 * notice is told at once, the next ones are counted and told with growing distance; what has been quiet for a
 * while is news again.  Pure: the time is an argument.  Belongs to one thread.
 */
#ifndef BH_DAEMON_HUSH_H
#define BH_DAEMON_HUSH_H

#include "core/base.h"
#include "core/instant.h"

#define BH_HUSH_ROWS 16

/* Between two tellings at first; doubles up to the longest. */
#define BH_HUSH_FIRST_MS   BH_MINUTE_MS
#define BH_HUSH_LONGEST_MS BH_HOUR_MS

/* Nobody complained for so long: the matter is over. */
#define BH_HUSH_OVER_MS BH_MINUTE_MS

struct bh_hush_row {
    const char *what, *kind; /* borrowed constants; what NULL: free */
    struct bh_mono told_at, seen_at;
    bh_ms distance_ms;
    unsigned kept_back;
};

/* All zero is the beginning. */
struct bh_hush {
    struct bh_hush_row rows[BH_HUSH_ROWS];
};

/*
 * Whether to say it.  `what` and `kind` (NULL is a kind too) name the matter; both must stay valid for the
 * hush's life.  *ret_kept_back: how often it was kept back since it was told last.  With more matters than
 * rows the one that was seen longest ago is forgotten.
 */
bool bh_hush_may_say(struct bh_hush *hush, const char *what, const char *kind, struct bh_mono now,
                     unsigned *ret_kept_back);

#endif
