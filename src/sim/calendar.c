#include "sim/calendar.h"

#define DAY_S    86400
#define SUMMER_S 7200
#define WINTER_S 3600

struct civil {
    int64_t year;
    int month, day, hour, minute, second;
};

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Days since 1970-01-01 of a proleptic Gregorian date; years are counted from March. */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct civil
civil_from_seconds(int64_t seconds)
{
    int64_t days = floor_div(seconds, DAY_S);
    int rest = (int)(seconds - days * DAY_S);
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted = (int)((5 * day_of_year + 2) / 153);
    int month = shifted < 10 ? shifted + 3 : shifted - 9;
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1),
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
    };
}

/* 01:00 UTC on the last Sunday of a month of 31 days. */
static int64_t
last_sunday(int64_t year, int month)
{
    int64_t last = days_from_civil(year, month, 31);
    int64_t weekday = (last % 7 + 11) % 7; /* day 0 was a Thursday; 0 is Sunday */
    return (last - weekday) * DAY_S + 3600;
}

static int
offset_at(int64_t seconds)
{
    int64_t year = civil_from_seconds(seconds).year;
    bool summer = seconds >= last_sunday(year, 3) && seconds < last_sunday(year, 10);
    return summer ? SUMMER_S : WINTER_S;
}

void
bh_sim_calendar_print(struct bh_sim_buf *buf, int64_t unix_ms, int decimals)
{
    int64_t seconds = floor_div(unix_ms, 1000);
    int ms = (int)(unix_ms - seconds * 1000);
    struct civil at = civil_from_seconds(seconds + offset_at(seconds));
    bh_sim_buf_printf(buf, "%04lld-%02d-%02d %02d:%02d:%02d", (long long)at.year, at.month, at.day,
                      at.hour, at.minute, at.second);
    if (decimals == 3)
        bh_sim_buf_printf(buf, ".%03d", ms);
    else if (decimals == 6)
        bh_sim_buf_printf(buf, ".%06d", ms * 1000);
}

void
bh_sim_calendar_print_iso(struct bh_sim_buf *buf, int64_t unix_ms)
{
    int64_t seconds = floor_div(unix_ms, 1000);
    int offset = offset_at(seconds);
    struct civil at = civil_from_seconds(seconds + offset);
    bh_sim_buf_printf(buf, "%04lld-%02d-%02dT%02d:%02d:%02d+%02d:00", (long long)at.year, at.month,
                      at.day, at.hour, at.minute, at.second, offset / 3600);
}

void
bh_sim_calendar_print_http(struct bh_sim_buf *buf, int64_t unix_ms)
{
    static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = floor_div(unix_ms, 1000);
    struct civil at = civil_from_seconds(seconds);
    int64_t day = floor_div(seconds, DAY_S);
    bh_sim_buf_printf(buf, "%s, %02d %s %04lld %02d:%02d:%02d GMT", days[(day % 7 + 7) % 7], at.day,
                      months[at.month - 1], (long long)at.year, at.hour, at.minute, at.second);
}

static bool
read_digits(struct bh_sim_str *rest, size_t count, char separator, int *ret_value)
{
    int value = 0;
    if (rest->len < count + (separator != '\0' ? 1u : 0u))
        return false;
    for (size_t at = 0; at < count; at++) {
        if (rest->ptr[at] < '0' || rest->ptr[at] > '9')
            return false;
        value = value * 10 + (rest->ptr[at] - '0');
    }
    if (separator != '\0') {
        if (rest->ptr[count] != separator)
            return false;
        count++;
    }
    *rest = (struct bh_sim_str){rest->ptr + count, rest->len - count};
    *ret_value = value;
    return true;
}

bool
bh_sim_calendar_parse(struct bh_sim_str text, int64_t *ret_unix_ms)
{
    int year, month, day, hour = 0, minute = 0, second = 0;
    struct bh_sim_str rest = text;
    if (!read_digits(&rest, 4, '-', &year) || !read_digits(&rest, 2, '-', &month) ||
        !read_digits(&rest, 2, '\0', &day))
        return false;
    if (rest.len > 0) {
        if (rest.ptr[0] != ' ' && rest.ptr[0] != 'T')
            return false;
        rest = bh_sim_str_tail(rest, 1);
        if (!read_digits(&rest, 2, ':', &hour) || !read_digits(&rest, 2, '\0', &minute))
            return false;
        if (rest.len > 0 && rest.ptr[0] == ':') {
            rest = bh_sim_str_tail(rest, 1);
            if (!read_digits(&rest, 2, '\0', &second))
                return false;
        }
    }
    bool fine = rest.len == 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 &&
                minute < 60 && second < 60;
    if (!fine)
        return false;
    int64_t local = days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
    /* In the hour that occurs twice the earlier instant is taken, as PHP does. */
    int64_t seconds = local - SUMMER_S;
    if (offset_at(seconds) != SUMMER_S)
        seconds = local - WINTER_S;
    *ret_unix_ms = seconds * 1000;
    return true;
}

int64_t
bh_sim_calendar_day(int64_t unix_ms)
{
    int64_t seconds = floor_div(unix_ms, 1000);
    return floor_div(seconds + offset_at(seconds), DAY_S);
}
