#include "core/zone_rule.h"

#include "core/civil.h"
#include "core/scan.h"

#define DAY_S 86400

/*
 * Years around an instant whose changes are looked at.  A change can be a week off its day, so the
 * neighbours of the neighbours are needed at the turn of a year.
 */
#define YEARS_AROUND 2
#define CHANGES_MAX  (2 * (2 * YEARS_AROUND + 1))

/* "CET" or "<+0330>". */
static bool
take_name(struct bh_str *rest)
{
    bool quoted = bh_scan_char(rest, '<');
    size_t len = 0;
    while (bh_is_alpha(bh_scan_peek(rest)) ||
           (quoted && (bh_is_digit(bh_scan_peek(rest)) || bh_scan_peek(rest) == '+' ||
                       bh_scan_peek(rest) == '-'))) {
        bh_scan_char(rest, bh_scan_peek(rest));
        len++;
    }
    return len >= 3 && (!quoted || bh_scan_char(rest, '>'));
}

static bool
take_number(struct bh_str *rest, unsigned max, unsigned *ret_number)
{
    uint64_t number;
    if (bh_scan_digits(rest, 3, &number) == 0 || number > max)
        return false;
    *ret_number = (unsigned)number;
    return true;
}

/* "[+-]hh[:mm[:ss]]", in seconds. */
static bool
take_time(struct bh_str *rest, unsigned hours_max, int32_t *ret_time_s)
{
    unsigned hours, minutes = 0, seconds = 0;
    bool negative = bh_scan_char(rest, '-');
    if (!negative)
        bh_scan_char(rest, '+');
    if (!take_number(rest, hours_max, &hours))
        return false;
    if (bh_scan_char(rest, ':')) {
        if (!take_number(rest, 59, &minutes))
            return false;
        if (bh_scan_char(rest, ':') && !take_number(rest, 59, &seconds))
            return false;
    }
    int32_t time_s = (int32_t)(hours * 3600 + minutes * 60 + seconds);
    *ret_time_s = negative ? -time_s : time_s;
    return true;
}

static bool
take_week_day(struct bh_str *rest, struct bh_zone_day *day)
{
    day->kind = BH_ZONE_DAY_OF_WEEK;
    return take_number(rest, 12, &day->month) && day->month >= 1 && bh_scan_char(rest, '.') &&
           take_number(rest, 5, &day->week) && day->week >= 1 && bh_scan_char(rest, '.') &&
           take_number(rest, 6, &day->day);
}

/* ",M3.5.0/3" */
static bool
take_day(struct bh_str *rest, struct bh_zone_day *ret_day)
{
    struct bh_zone_day day = {.time_s = 2 * 3600};
    if (!bh_scan_char(rest, ','))
        return false;
    if (bh_scan_char(rest, 'M')) {
        if (!take_week_day(rest, &day))
            return false;
    } else if (bh_scan_char(rest, 'J')) {
        day.kind = BH_ZONE_DAY_NO_LEAP;
        if (!take_number(rest, 365, &day.day) || day.day < 1)
            return false;
    } else {
        day.kind = BH_ZONE_DAY_OF_YEAR;
        if (!take_number(rest, 365, &day.day))
            return false;
    }
    if (bh_scan_char(rest, '/') && !take_time(rest, 167, &day.time_s))
        return false;
    *ret_day = day;
    return true;
}

bool
bh_zone_rule_parse(struct bh_str text, struct bh_zone_rule *ret_rule)
{
    struct bh_zone_rule rule = {.has_summer = false};
    int32_t west_s;
    if (!take_name(&text) || !take_time(&text, 24, &west_s))
        return false;
    /* POSIX counts westwards, everybody else eastwards. */
    rule.standard_s = rule.summer_s = -west_s;
    if (text.len > 0) {
        if (!take_name(&text))
            return false;
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + 3600;
        if (bh_scan_peek(&text) != ',') {
            if (!take_time(&text, 24, &west_s))
                return false;
            rule.summer_s = -west_s;
        }
        if (!take_day(&text, &rule.summer_starts) || !take_day(&text, &rule.summer_ends) ||
            text.len > 0)
            return false;
    }
    *ret_rule = rule;
    return true;
}

/* The day in days since 1970. */
static int64_t
find_day(const struct bh_zone_day *day, int64_t year)
{
    int64_t new_year = bh_civil_to_days((struct bh_civil){year, 1, 1});
    if (day->kind == BH_ZONE_DAY_OF_YEAR)
        return new_year + day->day;
    if (day->kind == BH_ZONE_DAY_NO_LEAP) {
        bool behind_leap_day = day->day > 31 + 28 && bh_civil_is_leap(year);
        return new_year + day->day - (behind_leap_day ? 0 : 1);
    }

    int64_t first = bh_civil_to_days((struct bh_civil){year, day->month, 1});
    int64_t weekday = first + 4 - 7 * bh_floor_div(first + 4, 7); /* 1 January 1970 is a Thursday */
    int64_t found = first + ((int64_t)day->day - weekday + 7) % 7 + 7 * ((int64_t)day->week - 1);
    if (found >= first + bh_civil_month_days(year, day->month))
        found -= 7;
    return found;
}

static struct bh_zone_change
find_change(const struct bh_zone_day *day, int64_t year, int32_t before_s, int32_t after_s)
{
    return (struct bh_zone_change){find_day(day, year) * DAY_S + day->time_s - before_s, after_s};
}

/*
 * All changes of the years around, in order; of two at the same instant the later year's stays
 * last.
 */
static void
list_changes(const struct bh_zone_rule *rule, int64_t at_s,
             struct bh_zone_change changes[CHANGES_MAX])
{
    int64_t year = bh_civil_from_days(bh_floor_div(at_s, DAY_S)).year;
    size_t len = 0;
    for (int64_t y = year - YEARS_AROUND; y <= year + YEARS_AROUND; y++) {
        changes[len++] = find_change(&rule->summer_starts, y, rule->standard_s, rule->summer_s);
        changes[len++] = find_change(&rule->summer_ends, y, rule->summer_s, rule->standard_s);
    }
    for (size_t i = 1; i < len; i++) {
        for (size_t j = i; j > 0 && changes[j - 1].at_s > changes[j].at_s; j--) {
            struct bh_zone_change swap = changes[j];
            changes[j] = changes[j - 1];
            changes[j - 1] = swap;
        }
    }
}

int32_t
bh_zone_rule_offset_s(const struct bh_zone_rule *rule, int64_t at_s)
{
    struct bh_zone_change changes[CHANGES_MAX];
    int32_t offset_s = rule->standard_s;
    if (!rule->has_summer)
        return offset_s;
    list_changes(rule, at_s, changes);
    for (size_t i = 0; i < CHANGES_MAX && changes[i].at_s <= at_s; i++)
        offset_s = changes[i].offset_s;
    return offset_s;
}

bool
bh_zone_rule_next(const struct bh_zone_rule *rule, int64_t after_s,
                  struct bh_zone_change *ret_change)
{
    struct bh_zone_change changes[CHANGES_MAX];
    bool found = false;
    if (!rule->has_summer)
        return false;
    list_changes(rule, after_s, changes);
    for (size_t i = 0; i < CHANGES_MAX; i++) {
        if (changes[i].at_s <= after_s)
            continue;
        /* Two at one instant are one change, to what the later one says. */
        if (found && changes[i].at_s != ret_change->at_s)
            break;
        *ret_change = changes[i];
        found = true;
    }
    return found;
}
