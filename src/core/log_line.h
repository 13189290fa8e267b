/*
 * log_line - one event of the daemon as one line of its log.
 *
 * Pure: the time is an argument and the line goes into a buffer; whoever owns standard error writes
 * it.  Nothing here masks anything: a caller that logs a number, a text or a key masks it first
 * (mask.h).  Whatever bytes come in, the line stays one line of valid UTF-8 without control
 * characters, so that neither a terminal nor a log collector can be led astray by a stranger.
 *
 * Two formats:
 *   text   2026-03-29T03:00:00.042+02:00 warn  job_retrying job=4f2a attempt=2 delay=40s msg="Will retry in 40 s."
 *   json   {"time":"2026-03-29T03:00:00.042+02:00","level":"warn","event":"job_retrying",...,"msg":"..."}
 */
#ifndef BH_CORE_LOG_LINE_H
#define BH_CORE_LOG_LINE_H

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"

/* In the order of loudness: a level is logged when it is <= the configured one. */
enum bh_log_level {
    BH_LOG_ERROR, /* somebody has to act */
    BH_LOG_WARN,  /* something is not as it should be, and the daemon copes */
    BH_LOG_INFO,  /* what an operator wants to read afterwards */
    BH_LOG_DEBUG, /* every step of every job */
};

enum bh_log_format {
    BH_LOG_TEXT,
    BH_LOG_JSON,
};

enum bh_log_field_type {
    BH_LOG_FIELD_STRING,
    BH_LOG_FIELD_INT,
    BH_LOG_FIELD_DURATION, /* text: "40s", "90s", "250ms"; json: a number, under NAME_ms */
    BH_LOG_FIELD_BOOL,
};

/* One field; make it with the functions below. */
struct bh_log_field {
    const char *name; /* borrowed; [a-z][a-z0-9_]*, a constant of the code, never a stranger's */
    enum bh_log_field_type type;
    struct bh_str string; /* borrowed */
    int64_t number;       /* INT; DURATION in ms; BOOL as 0 or 1 */
};

struct bh_log_field bh_log_string(const char *name, struct bh_str value);
struct bh_log_field bh_log_text(const char *name,
                                const char *value); /* NUL-terminated; NULL as empty */
struct bh_log_field bh_log_int(const char *name, int64_t value);
struct bh_log_field bh_log_duration(const char *name, bh_ms value_ms);
struct bh_log_field bh_log_bool(const char *name, bool value);

struct bh_log_line {
    enum bh_log_level level;
    struct bh_wall at;
    int32_t zone_offset_s; /* east of UTC, within 18 hours either way; whole minutes are shown */
    const char *event;     /* borrowed; [a-z][a-z0-9_]*, what machines look for */
    struct bh_str message; /* borrowed; one sentence for people; may be empty */
    const struct bh_log_field *fields; /* borrowed; may be NULL when fields_count is 0 */
    size_t fields_count;
};

/* "error", "warn", "info", "debug". */
const char *bh_log_level_name(enum bh_log_level level);

/*
 * Append the line with a final newline to `buf`.
 *
 * `journal_prefix`: standard error is the journal, so the line starts with "<N>", N the priority
 * (sd-daemon(3)); journald takes it off again.  A string longer than BH_LOG_VALUE_MAX bytes is cut at a
 * character's start and ends in "...".  Bytes that are not UTF-8 become U+FFFD; control characters, line
 * separators and what turns the direction of writing become \\uNNNN, in both formats.  Names that repeat
 * are not checked.  A time outside the years 1 to 9999 is shown as the nearest inside.
 * BH_OK, BH_ENOMEM or BH_ETOOBIG; on failure the buffer holds what it held before the call, so that a log
 * of many lines loses one line and not its shape.
 */
#define BH_LOG_VALUE_MAX 2048
enum bh_status bh_log_line_format(const struct bh_log_line *line, enum bh_log_format format,
                                  bool journal_prefix, struct bh_buf *buf);

#endif
