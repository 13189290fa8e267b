#include <criterion/criterion.h>

#include "daemon/gateway_news.h"

Test(gateway_news, concern_who_holds_back_since_before_somebody_else_was_answered)
{
    static const struct {
        const char *name;
        bool open;
        bh_ms bad_at, until, others, keeper, now;
        bool concerned;
    } rows[] = {
        {"it does not hold back",                    false, 1000, 3000, 2000, 2000, 50000, false},
        {"nobody was answered",                      true,  1000, 3000, 0,    0,    50000, false},
        {"another worker was, since",                true,  1000, 3000, 1001, 0,    1001,  true },
        {"another worker was, before",               true,  1000, 3000, 999,  0,    50000, false},
        {"another worker was, at that moment",       true,  1000, 3000, 1000, 0,    50000, false},
        {"the keeper was, and a job may yet try",    true,  1000, 3000, 0,    2000, 2999,  false},
        {"the keeper was, and a job would just try", true,  1000, 3000, 0,    2000, 12999, false},
        {"the keeper was, and no job tries",         true,  1000, 3000, 0,    2000, 13000, true },
        {"the keeper was, before",                   true,  1000, 3000, 0,    900,  50000, false},
        {"both were",                                true,  1000, 3000, 2000, 2000, 50000, true },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_worker_gauges gauges = {0};
        atomic_store(&gauges.breaker_open, rows[i].open);
        atomic_store(&gauges.breaker_until_ms, rows[i].until);
        atomic_store(&gauges.gateway_bad_at_ms, rows[i].bad_at);
        bool concerned = bh_gateway_news_concern(&gauges, (struct bh_mono){rows[i].others},
                                                 (struct bh_mono){rows[i].keeper},
                                                 (struct bh_mono){rows[i].now});
        cr_expect_eq(concerned, rows[i].concerned, "%s", rows[i].name);
    }
}
