/*
 * gateway_time - the front of a time as the gateway writes it, in its journal and in its reports.
 *
 * Which zone it is in, and what may stand behind it, is the caller's to know.
 */
#ifndef BH_CORE_GATEWAY_TIME_H
#define BH_CORE_GATEWAY_TIME_H

#include "core/base.h"
#include "core/str.h"
#include "core/zone.h"

/* Take exactly `digits` digits.  False: there are fewer. */
bool bh_gateway_time_scan_number(struct bh_str *rest, size_t digits, unsigned *ret_number);

/*
 * Take ".456" or nothing; without a point it is 0.  The first three digits count, up to nine are taken.  False: a
 * point without a digit.
 */
bool bh_gateway_time_scan_fraction(struct bh_str *rest, unsigned *ret_ms);

/* Take "2026-10-25 02:30:00", with "T" for the blank, with or without a fraction.  The ranges are not checked. */
bool bh_gateway_time_scan(struct bh_str *rest, struct bh_datetime *ret_local);

#endif
