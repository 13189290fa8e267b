/*
 * timed_loop - a loop of libuv on which a test waits for conditions, each with an end.
 *
 * It ticks, so that conditions that no event of the loop changes are looked at, too.
 */
#ifndef BH_TESTS_TIMED_LOOP_H
#define BH_TESTS_TIMED_LOOP_H

#include <uv.h>

#define TIMED_LOOP_TICK_MS 5
#define TIMED_LOOP_TICKS   6000 /* for one condition: at least 30 s */

struct timed_loop {
    uv_loop_t uv;
    uv_timer_t tick;
    unsigned ticks_left;
};

void timed_loop_open(struct timed_loop *loop);

/* What was opened on it must be closed: a handle that is left ends the test program, in a tear-down as well. */
void timed_loop_close(struct timed_loop *loop);

/* Run it for so many ticks. */
void timed_loop_idle(struct timed_loop *loop, unsigned ticks);

/* Run it until the condition is true; for tests of Criterion. */
#define TIMED_LOOP_UNTIL(loop, condition)                                                          \
    do {                                                                                           \
        (loop)->ticks_left = TIMED_LOOP_TICKS;                                                     \
        while (!(condition) && (loop)->ticks_left > 0)                                             \
            uv_run(&(loop)->uv, UV_RUN_ONCE);                                                      \
        cr_assert(condition, "waited too long for: %s", #condition);                               \
    } while (0)

#endif
