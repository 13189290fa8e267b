/*
 * alerter - tells somebody, on the main loop: a program is run, a text is posted to an address, or both.
 *
 * Once per second it looks at the facts and lets the board (core/alert.h) decide what is due.  Each of the two ways has
 * a line of its own of at most BH_ALERTER_LINE alerts, so that a program that hangs does not hold up the other; when a
 * line is full its oldest alert is dropped with a word in the log.  A program runs once; a post is tried again after 5
 * and after 30 seconds.  What could not be delivered is logged once, until something gets through again.
 *
 * Every alert is also one line of the log, whatever is configured.
 */
#ifndef BH_DAEMON_ALERTER_H
#define BH_DAEMON_ALERTER_H

#include <uv.h>

#include "core/config.h"
#include "daemon/alert_facts.h"

#define BH_ALERTER_LINE       32
#define BH_ALERTER_TIMEOUT_MS (10 * BH_SECOND_MS) /* of one program, of one post */

struct bh_alerter;

struct bh_alerter_options {
    const struct bh_config *config; /* a reference is taken */
    /* Fill in what is known now. */
    void (*look)(void *arg, struct bh_alert_facts *ret_facts);
    void (*on_closed)(void *arg);
    void *arg;
};

enum bh_status bh_alerter_new(uv_loop_t *loop, const struct bh_alerter_options *options,
                              struct bh_alerter **ret_alerter) BH_MUST_CHECK;
void bh_alerter_start(struct bh_alerter *alerter);
void bh_alerter_configure(struct bh_alerter *alerter, const struct bh_config *config);

/* What is still in a line is dropped with a word.  on_closed follows; then bh_alerter_free. */
void bh_alerter_stop(struct bh_alerter *alerter);
void bh_alerter_free(struct bh_alerter *alerter);

#endif
