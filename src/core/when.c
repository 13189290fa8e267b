#include "core/when.h"

#include "core/duration.h"
#include "core/fault.h"
#include "core/scan.h"

/* The smallest number with 12 digits: as seconds it is the year 5138. */
#define MILLISECONDS_FROM 100000000000

#define EARLIEST_MS ((int64_t)946684800 * 1000)  /* 2000-01-01 00:00 UTC */
#define TOO_LATE_MS ((int64_t)4133980800 * 1000) /* 2101-01-01 00:00 UTC */

#define FORMS "unix seconds, yyyy-mm-dd hh:mm[:ss], or +90s, +15m, +2h, +1d"

static enum bh_status
accept(int64_t ms, struct bh_str text, struct bh_wall *ret_at, struct bh_error *error)
{
    if (ms < EARLIEST_MS || ms >= TOO_LATE_MS)
        return bh_error_set(error, NULL, "\"%s\" is not between the years 2000 and 2100",
                            bh_quote(text).text);
    *ret_at = (struct bh_wall){ms};
    return BH_OK;
}

static enum bh_status
refuse(struct bh_str text, struct bh_error *error)
{
    return bh_error_set(error, NULL, "\"%s\" is not a time; write " FORMS, bh_quote(text).text);
}

static int64_t
milliseconds(int64_t number)
{
    if (number >= MILLISECONDS_FROM)
        return number;
    return number > 0 ? number * 1000 : 0;
}

static enum bh_status
parse_unix(struct bh_str text, struct bh_wall *ret_at, struct bh_error *error)
{
    int64_t number;
    if (!bh_str_to_int64(text, &number))
        return refuse(text, error);
    /* Digits count, not the value: padded to 12 digits it is in milliseconds as well. */
    int64_t ms = text.len >= 12 ? number : milliseconds(number);
    return accept(ms, text, ret_at, error);
}

static enum bh_status
parse_relative(struct bh_str text, struct bh_wall base, struct bh_wall *ret_at,
               struct bh_error *error)
{
    struct bh_str duration = {text.ptr + 1, text.len - 1};
    bh_ms delay;
    int64_t ms;
    bool in_ms = duration.len >= 2 && duration.ptr[duration.len - 2] == 'm';
    if (in_ms || bh_duration_parse(duration, BH_UNIT_REQUIRED, &delay, NULL) != BH_OK)
        return refuse(text, error);
    if (__builtin_add_overflow(base.ms, delay, &ms))
        ms = INT64_MAX;
    return accept(ms, text, ret_at, error);
}

static bool
take_digits(struct bh_str *rest, size_t count, unsigned *ret_number)
{
    uint64_t number;
    if (bh_scan_digits(rest, count, &number) != count)
        return false;
    *ret_number = (unsigned)number;
    return true;
}

static bool
read_local(struct bh_str rest, struct bh_datetime *local)
{
    unsigned year;
    if (!take_digits(&rest, 4, &year) || !bh_scan_char(&rest, '-') ||
        !take_digits(&rest, 2, &local->month) || !bh_scan_char(&rest, '-') ||
        !take_digits(&rest, 2, &local->day) || !bh_scan_char(&rest, ' ') ||
        !take_digits(&rest, 2, &local->hour) || !bh_scan_char(&rest, ':') ||
        !take_digits(&rest, 2, &local->minute))
        return false;
    if (rest.len > 0 && (!bh_scan_char(&rest, ':') || !take_digits(&rest, 2, &local->second)))
        return false;
    local->year = (int32_t)year;
    return rest.len == 0;
}

static enum bh_status
parse_local(struct bh_str text, const struct bh_zone *zone, struct bh_wall *ret_at,
            struct bh_error *error)
{
    struct bh_datetime local = {.year = 0};
    struct bh_wall at;
    if (!read_local(text, &local))
        return refuse(text, error);
    if (!bh_zone_from_local(zone, &local, &at))
        return bh_error_set(error, NULL, "\"%s\" is not in the calendar", bh_quote(text).text);
    return accept(at.ms, text, ret_at, error);
}

enum bh_status
bh_when_parse(struct bh_str text, struct bh_wall base, const struct bh_zone *zone,
              struct bh_wall *ret_at, struct bh_error *error)
{
    if (text.len == 0 || text.ptr[0] == '-')
        return refuse(text, error);
    if (text.ptr[0] == '+')
        return parse_relative(text, base, ret_at, error);
    if (text.len > 4 && text.ptr[4] == '-')
        return parse_local(text, zone, ret_at, error);
    return parse_unix(text, ret_at, error);
}
