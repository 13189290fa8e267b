#include "core/money.h"

#include <stdio.h>

#include "core/ascii.h"

#define DECIMALS     6
#define ONE_MICRO    1000000 /* millionths of one */
#define EXPONENT_MAX 400     /* beyond what a double can say; keeps the arithmetic small */

struct scan {
    const char *at;
    const char *end;
};

static bool
at_digit(const struct scan *scan)
{
    return scan->at < scan->end && bh_is_digit(*scan->at);
}

static bool
take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Skip a run of digits and give it as a view; false when there is none. */
static bool
take_digits(struct scan *scan, struct bh_str *ret_digits)
{
    const char *start = scan->at;
    while (at_digit(scan))
        scan->at++;
    *ret_digits = (struct bh_str){start, (size_t)(scan->at - start)};
    return ret_digits->len > 0;
}

/* The optional exponent; a value beyond EXPONENT_MAX is kept at the bound, its sign decides. */
static bool
take_exponent(struct scan *scan, int *ret_exponent)
{
    *ret_exponent = 0;
    if (!take(scan, 'e') && !take(scan, 'E'))
        return true;
    bool negative = take(scan, '-');
    if (!negative)
        (void)take(scan, '+'); /* allowed, says nothing */

    struct bh_str digits;
    if (!take_digits(scan, &digits))
        return false;
    int value = 0;
    for (size_t i = 0; i < digits.len && value <= EXPONENT_MAX; i++)
        value = value * 10 + (digits.ptr[i] - '0');
    if (value > EXPONENT_MAX)
        value = EXPONENT_MAX;
    *ret_exponent = negative ? -value : value;
    return true;
}

/* The i-th digit of whole and fraction written one behind the other; 0 beyond the last. */
static int
digit_at(struct bh_str whole, struct bh_str fraction, int64_t index)
{
    if (index < (int64_t)whole.len)
        return whole.ptr[index] - '0';
    index -= (int64_t)whole.len;
    return index < (int64_t)fraction.len ? fraction.ptr[index] - '0' : 0;
}

/* Digits up to `count`, then rounded by the next one.  False when the value is over the bound. */
static bool
collect(struct bh_str whole, struct bh_str fraction, int64_t count, int64_t *ret_value)
{
    int64_t value = 0;
    for (int64_t i = 0; i < count; i++) {
        value = value * 10 + digit_at(whole, fraction, i);
        if (value > BH_MONEY_MICRO_MAX)
            return false;
        if (value == 0 && i >= (int64_t)(whole.len + fraction.len))
            break; /* all zeros, however large the exponent */
    }
    if (count >= 0 && digit_at(whole, fraction, count) >= 5)
        value++;
    *ret_value = value;
    return true;
}

bool
bh_money_parse(struct bh_str text, int64_t *ret_micro)
{
    struct scan scan = {text.ptr, text.ptr + text.len};
    if (text.len == 0)
        return false;

    bool negative = take(&scan, '-');
    struct bh_str whole, fraction = {scan.at, 0};
    if (!take_digits(&scan, &whole))
        return false;
    if (take(&scan, '.') && !take_digits(&scan, &fraction))
        return false;
    int exponent;
    if (!take_exponent(&scan, &exponent) || scan.at != scan.end)
        return false;

    int64_t value;
    if (!collect(whole, fraction, (int64_t)whole.len + exponent + DECIMALS, &value))
        return false;
    *ret_micro = negative ? -value : value;
    return true;
}

struct bh_money_text
bh_money_format(int64_t micro)
{
    struct bh_money_text money;
    uint64_t magnitude = micro < 0 ? UINT64_C(0) - (uint64_t)micro : (uint64_t)micro;
    int len =
        snprintf(money.text, sizeof(money.text), "%s%llu.%06u", micro < 0 ? "-" : "",
                 (unsigned long long)(magnitude / ONE_MICRO), (unsigned)(magnitude % ONE_MICRO));
    while (money.text[len - 1] == '0')
        len--;
    if (money.text[len - 1] == '.')
        len--;
    money.text[len] = '\0';
    return money;
}
