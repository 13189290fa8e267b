#include "support/timed_loop.h"

#include <stdio.h>
#include <stdlib.h>

static void
on_tick(uv_timer_t *timer)
{
    struct timed_loop *loop = timer->data;
    if (loop->ticks_left > 0)
        loop->ticks_left--;
}

static void
insist(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "timed_loop: %s: %s\n", what, uv_strerror(result));
    abort(); /* in a tear-down an assertion of Criterion would be printed and pass */
}

void
timed_loop_open(struct timed_loop *loop)
{
    insist(uv_loop_init(&loop->uv), "no loop");
    insist(uv_timer_init(&loop->uv, &loop->tick), "no timer");
    loop->tick.data = loop;
    insist(uv_timer_start(&loop->tick, on_tick, TIMED_LOOP_TICK_MS, TIMED_LOOP_TICK_MS),
           "no timer");
}

void
timed_loop_close(struct timed_loop *loop)
{
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    insist(uv_loop_close(&loop->uv), "a handle was left open");
}

void
timed_loop_idle(struct timed_loop *loop, unsigned ticks)
{
    loop->ticks_left = ticks;
    while (loop->ticks_left > 0)
        uv_run(&loop->uv, UV_RUN_ONCE);
}
