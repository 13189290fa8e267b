/*
 * reconnect - how long to wait before the next attempt at a connection.
 *
 * The delay doubles from `first_ms` up to `max_ms`.  Dice lengthen it by up to a half, never shorten it, so
 * that a fleet that lost the same server does not come back in step.  Only a connection that stood for
 * `stable_ms` brings the delay back to its beginning: a server that accepts and drops at once is failing.
 *
 * Pure: the clock and the dice are arguments.
 */
#ifndef BH_CORE_RECONNECT_H
#define BH_CORE_RECONNECT_H

#include "core/base.h"
#include "core/instant.h"

/* A zero takes the default that stands behind it. */
struct bh_reconnect_policy {
    bh_ms first_ms;  /* 50 */
    bh_ms max_ms;    /* 5000 */
    bh_ms stable_ms; /* 10000 */
};

struct bh_reconnect {
    struct bh_reconnect_policy policy; /* without zeros */
    unsigned failures;                 /* ends in a row */
};

void bh_reconnect_init(struct bh_reconnect *reconnect, const struct bh_reconnect_policy *policy);

/*
 * A connection, or an attempt, has ended.  `up_ms` is how long it was of use; 0: never.  `slow` goes to
 * the longest delay at once: what is wrong does not heal by asking often (a wrong password).
 * `dice` is any number.  Returns the delay until the next attempt.
 */
bh_ms bh_reconnect_ended(struct bh_reconnect *reconnect, bh_ms up_ms, bool slow, uint64_t dice);

#endif
