/*
 * duration - durations and sizes as people write them: "500ms", "30s", "64KiB".
 *
 * One number and one unit, without a blank.  A bare number is refused, since whoever wrote it had
 * some unit in mind and half of them another one than we; fractions and sums ("1.5h", "1h30m") are
 * refused because each has a plain spelling in the next smaller unit.  Units are spelled exactly as
 * here: "M" and "m" or "KB" and "KiB" are not the same to everybody.
 */
#ifndef BH_CORE_DURATION_H
#define BH_CORE_DURATION_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"

enum bh_unit_flags {
    BH_UNIT_REQUIRED = 0,
    BH_UNIT_ZERO_MAY_BE_BARE = 1, /* "0", where zero means none or off */
};

/*
 * Units ms, s, m, h, d.  Never negative; every result fits a bh_ms.  Bounds of a key are the
 * caller's.
 */
enum bh_status bh_duration_parse(struct bh_str text, enum bh_unit_flags flags, bh_ms *ret_duration,
                                 struct bh_error *error) BH_MUST_CHECK;

/* Units B, KiB, MiB, GiB; at most INT64_MAX bytes. */
enum bh_status bh_size_parse(struct bh_str text, enum bh_unit_flags flags, uint64_t *ret_bytes,
                             struct bh_error *error) BH_MUST_CHECK;

struct bh_duration_text {
    char text[24];
};

/*
 * In the largest unit that is exact ("90s", "2h", "0s"), so that parsing gives the same again;
 * negative ones with "-".
 */
struct bh_duration_text bh_duration_format(bh_ms duration);
struct bh_duration_text bh_size_format(uint64_t bytes);

#endif
