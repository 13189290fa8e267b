/*
 * civil - dates of the Gregorian calendar, carried on backwards without end, as days since 1 January
 * 1970.
 *
 * Pure arithmetic without time zones or clocks; zone builds on it.
 */
#ifndef BH_CORE_CIVIL_H
#define BH_CORE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct bh_civil {
    int64_t year;
    unsigned month; /* 1..12 */
    unsigned day;   /* 1..31 */
};

/* Floor division, for seconds and days before 1970.  `divisor` is positive. */
static inline int64_t
bh_floor_div(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

bool bh_civil_is_leap(int64_t year);

/* 28..31; 0 when there is no such month. */
unsigned bh_civil_month_days(int64_t year, unsigned month);

bool bh_civil_is_valid(struct bh_civil date);

/*
 * Days since 1970-01-01, negative before.  The date is valid, its year within some hundred million.
 */
int64_t bh_civil_to_days(struct bh_civil date);
struct bh_civil bh_civil_from_days(int64_t days);

#endif
