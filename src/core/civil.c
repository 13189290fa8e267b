#include "core/civil.h"

/* Both algorithms count years from 1 March, so that the leap day is the last of its year. */
#define DAYS_PER_400_YEARS 146097
#define DAYS_PER_100_YEARS 36524
#define DAYS_PER_4_YEARS   1461
#define DAYS_PER_YEAR      365

/* From 1 March of year 0 to 1 January 1970. */
#define DAYS_TO_1970 719468

bool
bh_civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned
bh_civil_month_days(int64_t year, unsigned month)
{
    static const unsigned char days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12)
        return 0;
    return month == 2 && bh_civil_is_leap(year) ? 29 : days[month];
}

bool
bh_civil_is_valid(struct bh_civil date)
{
    return date.day >= 1 && date.day <= bh_civil_month_days(date.year, date.month);
}

int64_t
bh_civil_to_days(struct bh_civil date)
{
    bool before_march = date.month <= 2;
    int64_t year = before_march ? date.year - 1 : date.year;
    int64_t month = (int64_t)date.month + (before_march ? 9 : -3); /* 0 is March */
    int64_t day_of_year = (153 * month + 2) / 5 + (int64_t)date.day - 1;
    return year * DAYS_PER_YEAR + bh_floor_div(year, 4) - bh_floor_div(year, 100) +
           bh_floor_div(year, 400) + day_of_year - DAYS_TO_1970;
}

/*
 * The last part of a cycle is one day longer than the others; its last day must not open a next
 * part.
 */
static int64_t
take_parts(int64_t *days, int64_t days_per_part, int64_t parts_max)
{
    int64_t parts = *days / days_per_part;
    if (parts > parts_max)
        parts = parts_max;
    *days -= parts * days_per_part;
    return parts;
}

struct bh_civil
bh_civil_from_days(int64_t days)
{
    days += DAYS_TO_1970;
    int64_t year = 400 * bh_floor_div(days, DAYS_PER_400_YEARS);
    days -= bh_floor_div(days, DAYS_PER_400_YEARS) * DAYS_PER_400_YEARS;
    year += 100 * take_parts(&days, DAYS_PER_100_YEARS, 3);
    year += 4 * take_parts(&days, DAYS_PER_4_YEARS, 24);
    year += take_parts(&days, DAYS_PER_YEAR, 3);

    int64_t month = (5 * days + 2) / 153;
    unsigned day = (unsigned)(days - (153 * month + 2) / 5) + 1;
    bool before_march = month >= 10;
    return (struct bh_civil){
        .year = before_march ? year + 1 : year,
        .month = (unsigned)(before_march ? month - 9 : month + 3),
        .day = day,
    };
}
