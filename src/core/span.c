#include "core/span.h"

#include <stdio.h>

#include "core/base.h"

struct bh_span_text
bh_span_format(bh_ms span)
{
    static const struct {
        bh_ms unit;
        const char *name;
        bh_ms next;
        const char *next_name;
    } units[] = {
        {BH_DAY_MS,    "d",   BH_HOUR_MS,   "h"  },
        {BH_HOUR_MS,   "h",   BH_MINUTE_MS, "min"},
        {BH_MINUTE_MS, "min", BH_SECOND_MS, "s"  },
    };
    struct bh_span_text text;
    if (span < 0)
        span = span == INT64_MIN ? INT64_MAX : -span;
    for (size_t i = 0; i < BH_ARRAY_LEN(units); i++) {
        if (span < units[i].unit)
            continue;
        long long whole = (long long)(span / units[i].unit);
        long long rest = (long long)(span % units[i].unit / units[i].next);
        if (rest == 0 || whole >= 100)
            snprintf(text.text, sizeof(text.text), "%lld %s", whole, units[i].name);
        else
            snprintf(text.text, sizeof(text.text), "%lld %s %lld %s", whole, units[i].name, rest,
                     units[i].next_name);
        return text;
    }
    if (span >= BH_SECOND_MS)
        snprintf(text.text, sizeof(text.text), "%lld s", (long long)(span / BH_SECOND_MS));
    else
        snprintf(text.text, sizeof(text.text), "%lld ms", (long long)span);
    return text;
}
