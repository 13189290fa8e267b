#include "daemon/gateway_news.h"

/* When somebody else than worker `number` was last answered; 0: never. */
static struct bh_mono
others_answered_at(struct bh_worker *const *workers, unsigned count, unsigned number)
{
    bh_ms at_ms = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i != number)
            at_ms =
                bh_ms_max(at_ms, atomic_load(&bh_worker_gauges(workers[i])->gateway_good_at_ms));
    }
    return (struct bh_mono){at_ms};
}

bool
bh_gateway_news_concern(const struct bh_worker_gauges *gauges, struct bh_mono others_answered_at,
                        struct bh_mono keeper_answered_at, struct bh_mono now)
{
    if (!atomic_load(&gauges->breaker_open))
        return false;
    bh_ms good_at_ms = others_answered_at.ms;
    if (now.ms - atomic_load(&gauges->breaker_until_ms) >= BH_GATEWAY_NEWS_IDLE_MS)
        good_at_ms = bh_ms_max(good_at_ms, keeper_answered_at.ms);
    return good_at_ms > atomic_load(&gauges->gateway_bad_at_ms);
}

void
bh_gateway_news_spread(struct bh_worker *const *workers, unsigned count,
                       struct bh_mono keeper_answered_at, struct bh_mono now)
{
    const struct bh_message message = {.kind = BH_MESSAGE_GATEWAY_ANSWERS};
    for (unsigned i = 0; i < count; i++) {
        if (bh_gateway_news_concern(bh_worker_gauges(workers[i]),
                                    others_answered_at(workers, count, i), keeper_answered_at, now))
            bh_worker_post(workers[i], &message);
    }
}
