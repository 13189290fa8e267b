/*
 * outage - keeps a log readable while the gateway is unreachable, the account paused, or Redis away.
 *
 * Each of these three is one event, however many jobs and workers meet it.  The first line about it is told, and the
 * first line about a job that waits for it, as an example; the others are kept back and counted.  While it lasts a
 * summary follows with growing distance, and one at its end.  Nothing is lost for it: each job's status and
 * `bellhop show` tell everything, and at level debug nothing is kept back.
 *
 * Two halves: notes, shared by all workers, which say whether a line passes; and a watch of the main thread, which
 * says when a summary is due.  Pure but for the atomics: the time is an argument.
 */
#ifndef BH_DAEMON_OUTAGE_H
#define BH_DAEMON_OUTAGE_H

#include <stdatomic.h>

#include "core/base.h"
#include "core/instant.h"
#include "engine/note.h"

enum bh_outage_kind {
    BH_OUTAGE_GATEWAY,
    BH_OUTAGE_ACCOUNT,
    BH_OUTAGE_REDIS,
};
#define BH_OUTAGE_COUNT (BH_OUTAGE_REDIS + 1)

/* "gateway", "account", "redis". */
const char *bh_outage_name(enum bh_outage_kind kind);

/* All zero is the beginning. */
struct bh_outage_notes {
    atomic_uint gateways_down;              /* workers that hold the gateway for unreachable */
    atomic_bool account_down;               /* a worker has said that the account is paused */
    atomic_bool shown[BH_OUTAGE_COUNT];     /* one job's line was let through as the example */
    atomic_uint kept_back[BH_OUTAGE_COUNT]; /* lines since the watch took the count */
};

/* From any thread.  Whether the note is a line of its own; `store_up`: the worker's Redis is there. */
bool bh_outage_passes(struct bh_outage_notes *notes, const struct bh_note *note, bool store_up);

/* The first summary, and the largest distance of two; it doubles in between. */
#define BH_OUTAGE_FIRST_MS   (30 * BH_SECOND_MS)
#define BH_OUTAGE_LONGEST_MS BH_HOUR_MS

/* It is over when it was away for so long. */
#define BH_OUTAGE_OVER_MS (5 * BH_SECOND_MS)

enum bh_outage_word {
    BH_OUTAGE_SAYS_NOTHING,
    BH_OUTAGE_SAYS_LASTS,
    BH_OUTAGE_SAYS_OVER,
};

struct bh_outage_watch {
    struct {
        bool open;
        bool said; /* a summary */
        struct bh_mono since, seen_at, told_at;
        bh_ms distance_ms;
    } rows[BH_OUTAGE_COUNT];
};

struct bh_outage_summary {
    bh_ms lasted_ms;
    unsigned kept_back; /* since the last summary */
};

/*
 * About once per second and kind.  `active`: it is so now.  What was so short and so quiet that nothing was kept back
 * ends without a word.
 */
enum bh_outage_word bh_outage_pulse(struct bh_outage_watch *watch, struct bh_outage_notes *notes,
                                    enum bh_outage_kind kind, bool active, struct bh_mono now,
                                    struct bh_outage_summary *ret_summary);

#endif
