/*
 * delivery_time - the times that stand in the gateway's reports.
 */
#ifndef BH_CORE_DELIVERY_TIME_H
#define BH_CORE_DELIVERY_TIME_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "core/zone.h"

/*
 * A time as the gateway writes it: local time "2026-03-29 14:30:00" with or without a fraction, ISO 8601 with
 * "T" and with or without an offset, unix seconds with or without a fraction.  Rounded down to milliseconds.  False for
 * anything else, and outside the years 2000 to 2100.
 */
bool bh_delivery_time_parse(struct bh_str text, const struct bh_zone *zone, struct bh_wall *ret_at);

#endif
