/*
 * calendar - unix time to and from the gateway's local time, Europe/Berlin.  Pure.
 *
 * The rule of the European Union since 1996: summer time from the last Sunday of March to the last Sunday
 * of October, both at 01:00 UTC.  Own code, because the machine's zone and zone files are the wrong
 * ones to ask.
 */
#ifndef BH_SIM_CALENDAR_H
#define BH_SIM_CALENDAR_H

#include "sim/base.h"

/* "2022-04-03 10:11:12"; `decimals` of 0, 3 or 6 append a fraction of a second. */
void bh_sim_calendar_print(struct bh_sim_buf *buf, int64_t unix_ms, int decimals);

/* "2022-04-03T10:11:12+02:00". */
void bh_sim_calendar_print_iso(struct bh_sim_buf *buf, int64_t unix_ms);

/* "Sun, 06 Nov 1994 08:49:37 GMT", the form of HTTP. */
void bh_sim_calendar_print_http(struct bh_sim_buf *buf, int64_t unix_ms);

/* "yyyy-mm-dd hh:ii" or with ":ss", or "yyyy-mm-dd" alone, in local time.  False on anything else. */
bool bh_sim_calendar_parse(struct bh_sim_str text, int64_t *ret_unix_ms);

/* The local calendar day as a number that grows by one per day. */
int64_t bh_sim_calendar_day(int64_t unix_ms);

#endif
