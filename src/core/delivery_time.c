#include "core/delivery_time.h"

#include "core/gateway_time.h"
#include "core/scan.h"

#define EARLIEST_MS ((int64_t)946684800 * 1000)  /* 2000-01-01 00:00 UTC */
#define TOO_LATE_MS ((int64_t)4133980800 * 1000) /* 2101-01-01 00:00 UTC */

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
    if ((!west && !bh_scan_char(rest, '+')) || !bh_gateway_time_scan_number(rest, 2, &hours))
        return false;
    if (rest->len > 0) {
        bh_scan_char(rest, ':');
        if (!bh_gateway_time_scan_number(rest, 2, &minutes))
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
    struct bh_datetime local;
    int32_t offset_s = 0;
    if (!bh_gateway_time_scan(&rest, &local))
        return false;
    bool has_offset = rest.len > 0;
    if (has_offset && (!take_offset(&rest, &offset_s) || rest.len > 0))
        return false;
    struct bh_wall at;
    if (!bh_zone_from_local(has_offset ? NULL : zone, &local, &at))
        return false;
    ret_at->ms = at.ms - (int64_t)offset_s * BH_SECOND_MS;
    return true;
}

static bool
read_unix(struct bh_str rest, struct bh_wall *ret_at)
{
    uint64_t seconds;
    unsigned ms;
    size_t digits = bh_scan_digits(&rest, 10, &seconds);
    if (digits == 0 || !bh_gateway_time_scan_fraction(&rest, &ms) || rest.len > 0)
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
