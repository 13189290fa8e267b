/*
 * display - text for people: colours, times, and values of strangers that must not steer a terminal.
 */
#ifndef BH_CLI_DISPLAY_H
#define BH_CLI_DISPLAY_H

#include <stdio.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"

enum bh_style {
    BH_STYLE_PLAIN,
    BH_STYLE_DIM,
    BH_STYLE_BOLD,
    BH_STYLE_GOOD,
    BH_STYLE_WARN,
    BH_STYLE_BAD,
};

/* The sequence that begins the style; "" without colour.  bh_style_end ends any. */
const char *bh_style_begin(enum bh_style style, bool colour);
const char *bh_style_end(enum bh_style style, bool colour);

/*
 * Append with line ends, tabs and everything that a terminal would obey (C0, DEL, C1, changes of the
 * writing's direction) and bytes that are not UTF-8 as '?'.  The whole of it, unlike bh_quote.
 */
enum bh_status bh_display_append(struct bh_buf *buf, struct bh_str text);

/* Columns that a UTF-8 text takes, one per character. */
size_t bh_display_width(const char *text);

struct bh_time_text {
    char text[48];
};

/* "2024-03-01 12:00:05", in the zone of this machine. */
struct bh_time_text bh_display_time(struct bh_wall at);

/* The two largest units: "850 ms", "42 s", "2 min 5 s", "3 h 10 min", "2 d 4 h"; no sign. */
struct bh_time_text bh_display_span(bh_ms span);

/* "1.4 MiB" */
struct bh_time_text bh_display_bytes(int64_t bytes);

#endif
