#include "daemon/shells.h"

#include "core/base.h"

void
bh_shells_expect(struct bh_shells *shells, unsigned count, void (*on_closed)(void *arg), void *arg)
{
    BH_ASSERT(count > 0);
    *shells = (struct bh_shells){.open = count, .on_closed = on_closed, .arg = arg};
}

void
bh_shells_closed(struct bh_shells *shells)
{
    BH_ASSERT(shells->open > 0);
    if (--shells->open == 0)
        shells->on_closed(shells->arg);
}

static void
timer_on_closed(uv_handle_t *timer)
{
    bh_shells_closed(timer->data);
}

void
bh_shells_close_timer(struct bh_shells *shells, uv_timer_t *timer)
{
    timer->data = shells;
    uv_close((uv_handle_t *)timer, timer_on_closed);
}
