/*
 * uuid - ids for jobs that come without one: UUID version 7 of RFC 9562.
 *
 * They sort by time, which keeps ids of a day together wherever somebody lists them.  Time and
 * randomness are arguments.
 */
#ifndef BH_CORE_UUID_H
#define BH_CORE_UUID_H

#include "core/instant.h"

#define BH_UUID_RANDOM_BYTES 10

/* "0197e0c4-1234-7abc-8def-0123456789ab", NUL-terminated. */
struct bh_uuid_text {
    char text[37];
};

/*
 * The upper 48 bits are `now` in milliseconds (0 if it is before 1970, cut if it is after the year
 * 10889); of the ten random bytes 74 bits are used, six give way to version and variant.
 */
struct bh_uuid_text bh_uuid7_format(struct bh_wall now,
                                    const unsigned char random[BH_UUID_RANDOM_BYTES]);

#endif
