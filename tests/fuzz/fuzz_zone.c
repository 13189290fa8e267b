/*
 * Any zone that parses gives local times that are in the calendar and come back to the same or an
 * earlier instant that shows the same clock, and midnights that lie ahead.  Input: eight bytes of an
 * instant, then the file.
 */
#include <string.h>

#include "core/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_instant(const struct bh_zone *zone, struct bh_wall at)
{
    struct bh_datetime local = bh_zone_to_local(zone, at);
    BH_ASSERT(local.month >= 1 && local.month <= 12 && local.day >= 1 && local.day <= 31);
    BH_ASSERT(local.hour < 24 && local.minute < 60 && local.second < 60 &&
              local.millisecond < 1000);
    BH_ASSERT(local.offset_s == bh_zone_offset_s(zone, at));
    BH_ASSERT(bh_zone_next_midnight(zone, at).ms > at.ms);

    struct bh_wall back;
    if (!bh_zone_from_local(zone, &local, &back)) {
        BH_ASSERT(local.year < 1 || local.year > 9999);
        return;
    }
    struct bh_datetime again = bh_zone_to_local(zone, back);
    BH_ASSERT(back.ms <= at.ms);
    BH_ASSERT(again.second == local.second && again.minute == local.minute &&
              again.hour == local.hour && again.day == local.day);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_zone *zone;
    int64_t ms;
    if (len < sizeof(ms))
        return 0;
    memcpy(&ms, bytes, sizeof(ms));
    if (bh_zone_parse(bytes + sizeof(ms), len - sizeof(ms), &zone, NULL) != BH_OK)
        return 0;
    check_instant(zone, (struct bh_wall){ms % ((int64_t)1 << 50)});
    check_instant(zone, (struct bh_wall){1774746000000 + ms % (2 * BH_DAY_MS)});
    bh_zone_free(zone);
    return 0;
}
