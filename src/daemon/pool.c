#include "daemon/pool.h"

#include <stdio.h>

#include "core/alloc.h"

static enum bh_status
make_worker(struct bh_pool *pool, const struct bh_worker_options *common, unsigned number,
            struct bh_error *error)
{
    char owner[128];
    struct bh_worker_options options = *common;
    snprintf(owner, sizeof(owner), "%s/%u", common->config->pool.instance, number);
    options.number = number;
    options.owner = owner;
    options.room = &pool->room;
    return bh_worker_new(&options, &pool->workers[number], error);
}

enum bh_status
bh_pool_make(struct bh_pool *pool, const struct bh_worker_options *options, struct bh_error *error)
{
    unsigned count = (unsigned)options->config->pool.workers;
    pool->workers = bh_alloc_array(count, sizeof(struct bh_worker *));
    if (pool->workers == NULL)
        return BH_ENOMEM;
    if (bh_quiet_room_init(&pool->room, count) != BH_OK)
        return BH_EIO;
    for (unsigned i = 0; i < count; i++) {
        enum bh_status status = make_worker(pool, options, i, error);
        if (status != BH_OK)
            return status;
        pool->count = i + 1;
    }
    return BH_OK;
}

enum bh_status
bh_pool_start(struct bh_pool *pool, const char *past)
{
    pool->started = true;
    for (unsigned i = 0; i < pool->count; i++) {
        bh_worker_set_past(pool->workers[i], past);
        enum bh_status status = bh_worker_start(pool->workers[i]);
        if (status != BH_OK)
            return status;
        pool->running++;
    }
    return BH_OK;
}

void
bh_pool_post(struct bh_pool *pool, struct bh_message message)
{
    for (unsigned i = 0; pool->started && i < pool->count; i++) {
        if (message.kind == BH_MESSAGE_CONFIGURE)
            message.config = bh_config_retain(message.config);
        bh_worker_post(pool->workers[i], &message);
    }
}

void
bh_pool_tell_account(struct bh_pool *pool, const struct bh_account_event *event)
{
    for (unsigned i = 0; pool->started && i < pool->count; i++) {
        struct bh_message message = {.kind = BH_MESSAGE_ACCOUNT, .account = *event};
        if (event->state == BH_ACCOUNT_TRIAL && i > 0)
            message.account.state = BH_ACCOUNT_PAUSED;
        bh_worker_post(pool->workers[i], &message);
    }
}

struct bh_pool_sum
bh_pool_sum(const struct bh_pool *pool)
{
    struct bh_pool_sum sum = {0};
    for (unsigned i = 0; i < pool->count; i++) {
        const struct bh_worker_gauges *gauges = bh_worker_gauges(pool->workers[i]);
        sum.up += atomic_load(&gauges->store_up);
        sum.breakers += atomic_load(&gauges->breaker_open);
        sum.in_flight += atomic_load(&gauges->in_flight);
        sum.in_hand += atomic_load(&gauges->slots_used);
        sum.sent += atomic_load(&gauges->sent);
    }
    return sum;
}

bool
bh_pool_turns(const struct bh_pool *pool, struct bh_mono now, bh_ms within_ms)
{
    for (unsigned i = 0; pool->started && i < pool->count; i++) {
        if (now.ms - atomic_load(&bh_worker_gauges(pool->workers[i])->turned_at_ms) > within_ms)
            return false;
    }
    return true;
}

void
bh_pool_release(struct bh_pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++)
        bh_worker_free(pool->workers[i]);
    bh_free(pool->workers);
    bh_quiet_room_release(&pool->room);
}
