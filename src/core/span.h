/*
 * span - durations as people say them, rounded: "850 ms", "42 s", "2 min 5 s", "3 h 10 min", "2 d 4 h".
 *
 * For sentences and screens.  duration.h is what a configuration says: exact, and read again.
 */
#ifndef BH_CORE_SPAN_H
#define BH_CORE_SPAN_H

#include "core/instant.h"

struct bh_span_text {
    char text[48];
};

/* The two largest units, rounded down; no sign. */
struct bh_span_text bh_span_format(bh_ms span);

#endif
