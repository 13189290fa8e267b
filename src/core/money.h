/*
 * money - decimal amounts as whole millionths, without floating point in between.
 */
#ifndef BH_CORE_MONEY_H
#define BH_CORE_MONEY_H

#include "core/base.h"
#include "core/str.h"

/* Amounts beyond this many millionths are refused as nonsense: a thousand million units. */
#define BH_MONEY_MICRO_MAX ((int64_t)1000000000 * 1000000)

/*
 * Read an amount as JSON and PHP print numbers: optional minus sign, digits, optional fraction, optional
 * exponent ("0.075", "54.013", "0", "1.0e-2").  The whole view must be the number.  More than six
 * decimals are rounded half away from zero.
 */
bool bh_money_parse(struct bh_str text, int64_t *ret_micro);

struct bh_money_text {
    char text[24];
};

/* A decimal number without needless zeros, "0.075", "-2.5", "54"; parsed it gives the same again. */
struct bh_money_text bh_money_format(int64_t micro);

#endif
