/*
 * shells - the parts of an owner that close in their own time, counted until the last one has.
 *
 * Who owns timers, connections and transports has ended when all of them have reported their end, each in a turn of the loop of
 * its own.  Here is the count, and who is told when it is nothing.
 *
 * Knows nothing about what closes: the owner says how many there are, and each that has closed is counted once.
 */
#ifndef BH_DAEMON_SHELLS_H
#define BH_DAEMON_SHELLS_H

#include <uv.h>

struct bh_shells {
    unsigned open; /* that have not reported their end */
    void (*on_closed)(void *arg);
    void *arg;
};

/* Before the first of them may report: `count` (> 0) will; then on_closed(arg), once, from within the last report. */
void bh_shells_expect(struct bh_shells *shells, unsigned count, void (*on_closed)(void *arg),
                      void *arg);

/* One of them has reported its end. */
void bh_shells_closed(struct bh_shells *shells);

/* Close a timer that is one of them.  Its data is overwritten; it does not fire any more. */
void bh_shells_close_timer(struct bh_shells *shells, uv_timer_t *timer);

#endif
