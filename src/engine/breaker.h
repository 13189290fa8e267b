/*
 * breaker - how many requests the gateway may have in flight just now, judged by how it behaves.
 *
 * A window between 1 and the configured limit, as mail servers keep per destination: it grows by one per
 * window's worth of good answers, halves once per bad cohort, and after several failures in a row without
 * a good answer the breaker opens: nothing is sent until a growing delay has passed, then one request
 * probes.  A throttled answer (429, 503 with Retry-After) closes the door for as long as it asks.
 *
 * Pure: a function of what it is told, the time and the dice.  One breaker per worker and gateway.
 */
#ifndef BH_ENGINE_BREAKER_H
#define BH_ENGINE_BREAKER_H

#include "core/base.h"
#include "core/instant.h"

#define BH_BREAKER_OPENS_AFTER 3 /* failures in a row */

enum bh_gateway_mood {
    BH_MOOD_NEUTRAL,   /* says nothing about the gateway's health */
    BH_MOOD_GOOD,      /* it answered as a gateway does, refusals included */
    BH_MOOD_BAD,       /* unreachable, failing, or silent */
    BH_MOOD_THROTTLED, /* it asks for patience */
    BH_MOOD_BROKEN,    /* waiting does not heal it: certificate refused */
};

struct bh_breaker {
    unsigned limit;
    unsigned window;         /* 1..limit */
    unsigned good_in_cohort; /* good answers since the window last grew */
    unsigned cooling;        /* answers still to come that were asked for before the last halving */
    unsigned bad_in_row;
    unsigned openings;              /* in a row; sets the next delay */
    struct bh_mono closed_until;    /* nothing is sent before; its reach is the probe's moment */
    struct bh_mono throttled_until; /* as far as the gateway asked for patience itself */
    struct bh_mono good_at, bad_at; /* the last answer of each kind; 0: none yet */
    struct bh_mono ill_since;       /* no good answer since, but others; 0: not so */
    bool open;
};

void bh_breaker_init(struct bh_breaker *breaker, unsigned limit);

/* The configured limit changed. */
void bh_breaker_set_limit(struct bh_breaker *breaker, unsigned limit);

/* How many more may start when `in_flight` are on their way. */
unsigned bh_breaker_room(const struct bh_breaker *breaker, unsigned in_flight, struct bh_mono now);

/* When room may appear by the mere passing of time; BH_MONO_NEVER when time does not help. */
struct bh_mono bh_breaker_wake_at(const struct bh_breaker *breaker, struct bh_mono now);

/*
 * An answer, or its absence.  `retry_after_ms` is the gateway's wish (-1 none), `in_flight` what is still
 * on its way, `dice` any number: every delay is lengthened by up to a fifth of itself, never shortened.
 */
void bh_breaker_feed(struct bh_breaker *breaker, enum bh_gateway_mood mood, bh_ms retry_after_ms,
                     unsigned in_flight, uint32_t dice, struct bh_mono now);

/*
 * Somebody else has been answered since our last failure: an open breaker closes, though nothing of ours was tried, and
 * begins with a window of 1.  What the gateway asked for itself still holds.
 */
void bh_breaker_hear_good(struct bh_breaker *breaker);

/* How long a job that could not be sent should wait before it is tried again. */
bh_ms bh_breaker_delay(const struct bh_breaker *breaker, uint32_t dice, struct bh_mono now);

#endif
