/*
 * zone - one time zone: local time to unix time and back, from the bytes of a TZif file (RFC 8536).
 *
 * Why not the C library: localtime and mktime know one zone per process, taken from the environment,
 * whose change (tzset) is not safe in a process with several threads; and the zone of the gateway is
 * a setting of ours, independent of where the host stands.  Why not ICU: thirty megabytes of data
 * and a C++ runtime, for two conversions.  The format is small and stable, and the system keeps the
 * files up to date.
 *
 * Pure: the shell reads the file and hands over its bytes; the zone keeps none of them.  It is
 * immutable and may be read by several threads.  Versions 1 to 4 are read, beyond the table the
 * footer's rule holds.  A NULL zone is UTC everywhere.
 */
#ifndef BH_CORE_ZONE_H
#define BH_CORE_ZONE_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/instant.h"

/* The largest file that is read; those of the system have below 4 KiB. */
#define BH_ZONE_BYTES_MAX ((size_t)64 * 1024)

struct bh_zone;

/* A point in local time, with the offset that held there. */
struct bh_datetime {
    int32_t year;
    unsigned month;  /* 1..12 */
    unsigned day;    /* 1..31 */
    unsigned hour;   /* 0..23 */
    unsigned minute; /* 0..59 */
    unsigned second; /* 0..59: unix time has no leap seconds */
    unsigned millisecond;
    int32_t offset_s; /* east of UTC */
};

/*
 * The caller owns the zone (bh_zone_free).  BH_EINVAL with a sentence when the bytes are not a TZif
 * file, are damaged, or count leap seconds (the "right/" files, whose times are not unix times);
 * BH_ETOOBIG; BH_ENOMEM.
 */
enum bh_status bh_zone_parse(const void *bytes, size_t len, struct bh_zone **ret_zone,
                             struct bh_error *error) BH_MUST_CHECK;
void bh_zone_free(struct bh_zone *zone);

/* Seconds east of UTC at an instant. */
int32_t bh_zone_offset_s(const struct bh_zone *zone, struct bh_wall at);

struct bh_datetime bh_zone_to_local(const struct bh_zone *zone, struct bh_wall at);

/*
 * The instant of a local time; offset_s is not looked at.  False when there is no such date or time
 * in the calendar, or the year is outside 1..9999.
 *
 * A time that the clocks skip (02:30 when summer time begins at 02:00) is moved forward by what they
 * skip (03:30); a time that happens twice is the first of the two, still in summer time.  Both is
 * what PHP does, and so most likely the gateway.
 */
bool bh_zone_from_local(const struct bh_zone *zone, const struct bh_datetime *local,
                        struct bh_wall *ret_at);

/*
 * The next local midnight after `at`: the first instant of the next day, which is 01:00 where the
 * clocks skip midnight.  Where they are turned back over midnight, the day that is shown at `at`
 * counts.
 */
struct bh_wall bh_zone_next_midnight(const struct bh_zone *zone, struct bh_wall at);

#endif
