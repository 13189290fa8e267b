#include "core/http_date.h"

#include <stdio.h>
#include <string.h>

struct scan {
    const char *at;
    const char *end;
};

struct date {
    int year;
    int month; /* 1-12 */
    int day;
    int hour;
    int minute;
    int second;
};

static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool
take_text(struct scan *scan, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, text, len) != 0)
        return false;
    scan->at += len;
    return true;
}

/* Exactly `count` digits. */
static bool
take_number(struct scan *scan, int count, int *ret_value)
{
    int value = 0;
    if (scan->end - scan->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        char c = scan->at[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    scan->at += count;
    *ret_value = value;
    return true;
}

static bool
take_month(struct scan *scan, int *ret_month)
{
    for (int i = 0; i < 12; i++) {
        if (take_text(scan, month_names[i])) {
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

/* The short name of a day ("Sun") or its long one, followed by `behind`. */
static bool
take_day_name(struct scan *scan, bool is_long, const char *behind)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(day_names); i++) {
        struct scan attempt = *scan;
        char name[12];
        snprintf(name, sizeof(name), "%.*s", is_long ? (int)sizeof(name) - 1 : 3, day_names[i]);
        if (take_text(&attempt, name) && take_text(&attempt, behind)) {
            *scan = attempt;
            return true;
        }
    }
    return false;
}

static bool
take_time(struct scan *scan, struct date *date)
{
    return take_number(scan, 2, &date->hour) && take_text(scan, ":") &&
           take_number(scan, 2, &date->minute) && take_text(scan, ":") &&
           take_number(scan, 2, &date->second);
}

static bool
take_fixed(struct scan *scan, struct date *date)
{
    return take_day_name(scan, false, ", ") && take_number(scan, 2, &date->day) &&
           take_text(scan, " ") && take_month(scan, &date->month) && take_text(scan, " ") &&
           take_number(scan, 4, &date->year) && take_text(scan, " ") && take_time(scan, date) &&
           take_text(scan, " GMT");
}

static bool
take_rfc850(struct scan *scan, struct date *date)
{
    if (!take_day_name(scan, true, ", ") || !take_number(scan, 2, &date->day) ||
        !take_text(scan, "-") || !take_month(scan, &date->month) || !take_text(scan, "-") ||
        !take_number(scan, 2, &date->year) || !take_text(scan, " ") || !take_time(scan, date) ||
        !take_text(scan, " GMT"))
        return false;
    date->year += date->year < 70 ? 2000 : 1900;
    return true;
}

static bool
take_asctime(struct scan *scan, struct date *date)
{
    if (!take_day_name(scan, false, " ") || !take_month(scan, &date->month) ||
        !take_text(scan, " "))
        return false;
    bool short_day = take_text(scan, " ");
    return take_number(scan, short_day ? 1 : 2, &date->day) && take_text(scan, " ") &&
           take_time(scan, date) && take_text(scan, " ") && take_number(scan, 4, &date->year);
}

static bool
is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool
is_possible(const struct date *date)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int last = days[date->month - 1] + (date->month == 2 && is_leap(date->year) ? 1 : 0);
    return date->year >= 1970 && date->day >= 1 && date->day <= last && date->hour <= 23 &&
           date->minute <= 59 && date->second <= 60;
}

static int64_t
days_since_1970(const struct date *date)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t years = date->year - 1970;
    int64_t past = date->year - 1; /* leap days of all whole years before */
    int64_t leaps = (past / 4 - past / 100 + past / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
    int64_t days = years * 365 + leaps + before[date->month - 1] + date->day - 1;
    return date->month > 2 && is_leap(date->year) ? days + 1 : days;
}

bool
bh_http_date_parse(struct bh_str text, struct bh_wall *ret_date)
{
    static bool (*const forms[])(struct scan *, struct date *) = {take_fixed, take_rfc850,
                                                                  take_asctime};
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < BH_ARRAY_LEN(forms); i++) {
        struct scan scan = {text.ptr, text.ptr + text.len};
        struct date date = {0};
        if (!forms[i](&scan, &date) || scan.at != scan.end || !is_possible(&date))
            continue;
        int second = date.second == 60 ? 59 : date.second;
        int64_t seconds =
            days_since_1970(&date) * 86400 + date.hour * 3600 + date.minute * 60 + second;
        *ret_date = (struct bh_wall){seconds * 1000};
        return true;
    }
    return false;
}

/* One to any number of digits; a huge number is the longest wait. */
static bool
parse_seconds(struct bh_str text, bh_ms *ret_delay_ms)
{
    int64_t seconds = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < '0' || c > '9')
            return false;
        if (seconds <= BH_RETRY_AFTER_MAX_MS)
            seconds = seconds * 10 + (c - '0');
    }
    if (text.len == 0)
        return false;
    *ret_delay_ms = bh_ms_min(seconds, BH_RETRY_AFTER_MAX_MS / BH_SECOND_MS) * BH_SECOND_MS;
    return true;
}

bool
bh_retry_after_parse(struct bh_str text, struct bh_wall now, bh_ms *ret_delay_ms)
{
    text = bh_str_trim(text);
    if (parse_seconds(text, ret_delay_ms))
        return true;
    struct bh_wall date;
    if (!bh_http_date_parse(text, &date))
        return false;
    bool is_over = date.ms <= now.ms;
    /* Compared before subtracting: `now` may be anything. */
    if (is_over)
        *ret_delay_ms = 0;
    else if (now.ms < 0 || date.ms - now.ms > BH_RETRY_AFTER_MAX_MS)
        *ret_delay_ms = BH_RETRY_AFTER_MAX_MS;
    else
        *ret_delay_ms = date.ms - now.ms;
    return true;
}
