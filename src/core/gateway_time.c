#include "core/gateway_time.h"

#include "core/scan.h"

bool
bh_gateway_time_scan_number(struct bh_str *rest, size_t digits, unsigned *ret_number)
{
    uint64_t number;
    if (bh_scan_digits(rest, digits, &number) != digits)
        return false;
    *ret_number = (unsigned)number;
    return true;
}

bool
bh_gateway_time_scan_fraction(struct bh_str *rest, unsigned *ret_ms)
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

bool
bh_gateway_time_scan(struct bh_str *rest, struct bh_datetime *ret_local)
{
    struct bh_datetime local = {.year = 0};
    unsigned year;
    if (!bh_gateway_time_scan_number(rest, 4, &year) || !bh_scan_char(rest, '-') ||
        !bh_gateway_time_scan_number(rest, 2, &local.month) || !bh_scan_char(rest, '-') ||
        !bh_gateway_time_scan_number(rest, 2, &local.day) ||
        (!bh_scan_char(rest, ' ') && !bh_scan_char(rest, 'T')) ||
        !bh_gateway_time_scan_number(rest, 2, &local.hour) || !bh_scan_char(rest, ':') ||
        !bh_gateway_time_scan_number(rest, 2, &local.minute) || !bh_scan_char(rest, ':') ||
        !bh_gateway_time_scan_number(rest, 2, &local.second) ||
        !bh_gateway_time_scan_fraction(rest, &local.millisecond))
        return false;
    local.year = (int32_t)year;
    *ret_local = local;
    return true;
}
