#include "core/reconnect.h"

static bh_ms
or_default(bh_ms value, bh_ms fallback)
{
    return value > 0 ? value : fallback;
}

void
bh_reconnect_init(struct bh_reconnect *reconnect, const struct bh_reconnect_policy *policy)
{
    *reconnect = (struct bh_reconnect){
        .policy = {.first_ms = or_default(policy->first_ms, 50),
                   .max_ms = or_default(policy->max_ms, 5 * BH_SECOND_MS),
                   .stable_ms = or_default(policy->stable_ms, 10 * BH_SECOND_MS)}
    };
}

static bh_ms
doubled(const struct bh_reconnect *reconnect)
{
    bh_ms delay = reconnect->policy.first_ms;
    for (unsigned i = 1; i < reconnect->failures && delay < reconnect->policy.max_ms; i++)
        delay = delay > reconnect->policy.max_ms / 2 ? reconnect->policy.max_ms : delay * 2;
    return bh_ms_min(delay, reconnect->policy.max_ms);
}

bh_ms
bh_reconnect_ended(struct bh_reconnect *reconnect, bh_ms up_ms, bool slow, uint64_t dice)
{
    if (up_ms >= reconnect->policy.stable_ms)
        reconnect->failures = 0;
    if (reconnect->failures < UINT32_MAX)
        reconnect->failures++;

    bh_ms delay = slow ? reconnect->policy.max_ms : doubled(reconnect);
    return delay + (bh_ms)(dice % ((uint64_t)delay / 2 + 1));
}
