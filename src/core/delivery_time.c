#include "core/delivery_time.h"

#include "core/scan.h"

#define EARLIEST_MS ((int64_t)946684800 * 1000)  /* 2000-01-01 00:00 UTC */
#define TOO_LATE_MS ((int64_t)4133980800 * 1000) /* 2101-01-01 00:00 UTC */

static bool
take(struct bh_str *rest, size_t digits, unsigned *ret_number)
{
    uint64_t number;
    if (bh_scan_digits(rest, digits, &number) != digits)
        return false;
    *ret_number = (unsigned)number;
    return true;
}

/* What stands behind a point: its first three digits count, up to nine are allowed.  Without a point it is 0. */
static bool
take_fraction(struct bh_str *rest, unsigned *ret_ms)
{
    uint64_t ms, finer;
    *ret_ms = 0;
    if (!bh_scan_char(rest, '.'))
        return true;
    size_t digits = bh_scan_digits(rest, 3, &ms);
    if (digits == 3)
        bh_scan_digits(rest, 6, &finer);
    for (size_t i = digits; i < 3; i++)
        ms *= 10;
    *ret_ms = (unsigned)ms;
    return digits > 0;
}

/* Z, +hh:mm, +hhmm or +hh. */
static bool
take_offset(struct bh_str *rest, int32_t *ret_offset_s)
{
    unsigned hours, minutes = 0;
    if (bh_scan_char(rest, 'Z')) {
        *ret_offset_s = 0;
        return true;
    }
    bool west = bh_scan_char(rest, '-');
    if ((!west && !bh_scan_char(rest, '+')) || !take(rest, 2, &hours))
        return false;
    if (rest->len > 0) {
        bh_scan_char(rest, ':');
        if (!take(rest, 2, &minutes))
            return false;
    }
    if (hours > 23 || minutes > 59)
        return false;
    *ret_offset_s = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static bool
read_date(struct bh_str rest, const struct bh_zone *zone, struct bh_wall *ret_at)
{
    struct bh_datetime local = {.year = 0};
    unsigned year, ms;
    int32_t offset_s = 0;
    if (!take(&rest, 4, &year) || !bh_scan_char(&rest, '-') || !take(&rest, 2, &local.month) ||
        !bh_scan_char(&rest, '-') || !take(&rest, 2, &local.day) ||
        (!bh_scan_char(&rest, ' ') && !bh_scan_char(&rest, 'T')) || !take(&rest, 2, &local.hour) ||
        !bh_scan_char(&rest, ':') || !take(&rest, 2, &local.minute) || !bh_scan_char(&rest, ':') ||
        !take(&rest, 2, &local.second) || !take_fraction(&rest, &ms))
        return false;
    local.year = (int32_t)year;
    bool has_offset = rest.len > 0;
    if (has_offset && (!take_offset(&rest, &offset_s) || rest.len > 0))
        return false;
    struct bh_wall at;
    if (!bh_zone_from_local(has_offset ? NULL : zone, &local, &at))
        return false;
    ret_at->ms = at.ms - (int64_t)offset_s * BH_SECOND_MS + ms;
    return true;
}

static bool
read_unix(struct bh_str rest, struct bh_wall *ret_at)
{
    uint64_t seconds;
    unsigned ms;
    size_t digits = bh_scan_digits(&rest, 10, &seconds);
    if (digits == 0 || !take_fraction(&rest, &ms) || rest.len > 0)
        return false;
    ret_at->ms = (int64_t)seconds * BH_SECOND_MS + ms;
    return true;
}

bool
bh_delivery_time_parse(struct bh_str text, const struct bh_zone *zone, struct bh_wall *ret_at)
{
    struct bh_wall at;
    bool is_date = text.len > 4 && text.ptr[4] == '-';
    if (!(is_date ? read_date(text, zone, &at) : read_unix(text, &at)))
        return false;
    if (at.ms < EARLIEST_MS || at.ms >= TOO_LATE_MS)
        return false;
    *ret_at = at;
    return true;
}
