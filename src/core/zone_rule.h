/*
 * zone_rule - the rule in the footer of a TZif file: "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * The grammar is the TZ variable of POSIX with the extensions of RFC 8536 section 3.3.1 (times of
 * day from -167 to 167 hours).  Used by zone alone.  Names of the two times are checked and
 * dropped.  A summer time without rules, which POSIX leaves to the system, is refused.
 */
#ifndef BH_CORE_ZONE_RULE_H
#define BH_CORE_ZONE_RULE_H

#include "core/base.h"
#include "core/str.h"

/* RFC 8536 section 3.2: where an offset from UTC has to stay, in seconds east. */
#define BH_ZONE_OFFSET_MIN_S (-89999)
#define BH_ZONE_OFFSET_MAX_S 93599

/* From `at_s` (unix seconds) on, local time is `offset_s` east of UTC. */
struct bh_zone_change {
    int64_t at_s;
    int32_t offset_s;
};

enum bh_zone_day_kind {
    BH_ZONE_DAY_OF_WEEK, /* Mm.w.d: the w-th weekday d (0 is Sunday) of month m, 5 is the last */
    BH_ZONE_DAY_NO_LEAP, /* Jn: 1..365, 29 February is never counted */
    BH_ZONE_DAY_OF_YEAR, /* n: 0..365, 29 February is counted */
};

struct bh_zone_day {
    enum bh_zone_day_kind kind;
    unsigned month;
    unsigned week;
    unsigned day;   /* of the week or of the year */
    int32_t time_s; /* local time before the change, from midnight; may be negative or over a day */
};

struct bh_zone_rule {
    int32_t standard_s;
    int32_t summer_s; /* equal to standard_s when there is no summer time */
    bool has_summer;
    struct bh_zone_day summer_starts;
    struct bh_zone_day summer_ends;
};

/* False when the text is not such a rule. */
bool bh_zone_rule_parse(struct bh_str text, struct bh_zone_rule *ret_rule);

/* Seconds east of UTC at an instant. */
int32_t bh_zone_rule_offset_s(const struct bh_zone_rule *rule, int64_t at_s);

/* The first change after an instant; false when there are none. */
bool bh_zone_rule_next(const struct bh_zone_rule *rule, int64_t after_s,
                       struct bh_zone_change *ret_change);

#endif
