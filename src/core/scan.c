#include "core/scan.h"

bool
bh_scan_char(struct bh_str *rest, char wanted)
{
    if (rest->len == 0 || rest->ptr[0] != wanted)
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

size_t
bh_scan_digits(struct bh_str *rest, size_t digits_max, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t len = 0;
    for (; len < digits_max && len < rest->len && bh_is_digit(rest->ptr[len]); len++) {
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(rest->ptr[len] - '0'), &number))
            number = UINT64_MAX;
    }
    if (len == 0)
        return 0;
    rest->ptr += len;
    rest->len -= len;
    *ret_number = number;
    return len;
}
