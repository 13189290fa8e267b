/*
 * pull_places - which of the places that tell what became of messages can be asked, and which are left alone for a while.
 *
 * Pure: the time is an argument.  It belongs to the puller, which asks, and which says what somebody should know.
 */
#ifndef BH_DAEMON_PULL_PLACES_H
#define BH_DAEMON_PULL_PLACES_H

#include "core/base.h"
#include "core/instant.h"
#include "core/outcome.h"
#include "daemon/pull_question.h"

/* How long a place that has refused us is left alone; doubled each time. */
#define BH_PULL_SHUT_FIRST_MS (10 * BH_MINUTE_MS)
#define BH_PULL_SHUT_MAX_MS   (6 * BH_HOUR_MS)

/* Answers in a row that tell nothing at all, before the status is left alone. */
#define BH_PULL_HOLLOW_MAX 5

struct bh_pull_place {
    struct bh_mono shut_until;
    bh_ms shut_ms; /* how long the last time; 0: it was never */
    bool told;     /* that it refuses; the puller's */
};

/* All zero is the beginning: all of them are open. */
struct bh_pull_places {
    struct bh_pull_place places[BH_PULL_SOURCE_COUNT];
    unsigned hollow; /* answers in a row in which the status told nothing */
};

/* Leave it alone from now on. */
void bh_pull_places_shut(struct bh_pull_places *places, enum bh_pull_source source,
                         struct bh_mono now);

/* Where calls, or else SMS, can be asked about: of the two for SMS the status goes before the journal.  False: nowhere. */
bool bh_pull_places_find(const struct bh_pull_places *places, bool calls, struct bh_mono now,
                         enum bh_pull_source *ret_source);

/* BH_MONO_NEVER while one of them is open; else when the first of them is. */
struct bh_mono bh_pull_places_all_shut(const struct bh_pull_places *places, struct bh_mono now);

/*
 * Hear a question that was answered.  A status endpoint that has been left behind may answer and know nothing.  Sooner or
 * later every message gets a word, so after BH_PULL_HOLLOW_MAX answers without any it is left alone too.
 */
void bh_pull_places_hear(struct bh_pull_places *places, const struct bh_pull_question *question,
                         struct bh_mono now);

/*
 * Whether an answer other than READ is about the place alone.  A key, a signature or an address that is refused there is
 * refused everywhere, and a gateway that does not answer may do so later; a right is the place's.
 */
bool bh_pull_places_concern(enum bh_pulled pulled, int code, int http_status);

#endif
