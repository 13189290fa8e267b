/*
 * when - the `delay` of a job: at which instant it is due.
 *
 *   1767225600            unix seconds; from 12 digits on milliseconds, as some clients send
 *   2026-03-29 14:30      local time in the gateway's zone, with or without seconds
 *   +90s +15m +2h +1d     from the moment of enqueueing; +1d is 24 hours, also over a clock change
 *
 * Nothing else: no "tomorrow", no "T" between date and time, no offset, no blanks around.  What is
 * not understood must not become a message at the wrong time.  An instant in the past is fine (due
 * at once); one outside the years 2000 to 2100 is a mistake and refused, since nobody would notice
 * it for a long time.
 */
#ifndef BH_CORE_WHEN_H
#define BH_CORE_WHEN_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "core/zone.h"

/*
 * `base` is the moment of enqueueing; `zone` is for local times, NULL is UTC.  A local time that the
 * clocks skip or show twice is taken as bh_zone_from_local says.
 */
enum bh_status bh_when_parse(struct bh_str text, struct bh_wall base, const struct bh_zone *zone,
                             struct bh_wall *ret_at, struct bh_error *error) BH_MUST_CHECK;

#endif
