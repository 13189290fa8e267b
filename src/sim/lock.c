#include "sim/lock.h"

#include "sim/calendar.h"

/* The only type since the cheaper one was withdrawn. */
#define TYPE BH_SIM_STR("direct")

bool
bh_sim_lock_holds(struct bh_sim_world *world, struct bh_sim_str number, struct bh_sim_str text)
{
    struct bh_sim_table_entry *entry =
        bh_sim_table_find(&world->locks, bh_sim_table_key(TYPE, number, text));
    return entry != NULL && entry->until_ms > bh_sim_now_ms(world);
}

void
bh_sim_lock_arm(struct bh_sim_world *world, struct bh_sim_str number, struct bh_sim_str text)
{
    int64_t now_ms = bh_sim_now_ms(world);
    if (world->config.lock_seconds == 0)
        return;
    struct bh_sim_table_entry *entry =
        bh_sim_table_put(&world->locks, bh_sim_table_key(TYPE, number, text), now_ms);
    if (entry != NULL)
        entry->until_ms = now_ms + world->config.lock_seconds * 1000;
}

static struct bh_sim_table_key
daily_key(struct bh_sim_world *world, struct bh_sim_str number)
{
    struct bh_sim_buf day = {0};
    bh_sim_buf_int(&day, bh_sim_calendar_day(bh_sim_now_ms(world)));
    struct bh_sim_table_key key = bh_sim_table_key(bh_sim_buf_view(&day), number, BH_SIM_STR_EMPTY);
    bh_sim_buf_release(&day);
    return key;
}

bool
bh_sim_daily_reached(struct bh_sim_world *world, struct bh_sim_str number)
{
    if (world->config.daily_limit == 0)
        return false;
    struct bh_sim_table_entry *entry = bh_sim_table_find(&world->daily, daily_key(world, number));
    return entry != NULL && entry->count >= world->config.daily_limit;
}

void
bh_sim_daily_count(struct bh_sim_world *world, struct bh_sim_str number)
{
    int64_t now_ms = bh_sim_now_ms(world);
    if (world->config.daily_limit == 0)
        return;
    struct bh_sim_table_entry *entry =
        bh_sim_table_put(&world->daily, daily_key(world, number), now_ms);
    if (entry == NULL)
        return;
    entry->count++;
    entry->until_ms = now_ms + 2 * 86400000;
}
