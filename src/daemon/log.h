/*
 * log - the daemon's log on standard error: one line per decision, from any thread.
 *
 * Lines are made by core/log_line and written with one write(2) each, so that lines of different threads
 * never mix.  What somebody else wrote (a reason of Redis, a library's words) comes in as a field.
 */
#ifndef BH_DAEMON_LOG_H
#define BH_DAEMON_LOG_H

#include "core/config.h"
#include "core/log_line.h"
#include "engine/note.h"

/* Before any thread starts: where standard error leads is found out once. */
void bh_log_open(void);

/*
 * Level, format and zone from now on; from the main thread, at start, at a reload, and now and then in between,
 * because the zone's offset changes with the season.
 */
void bh_log_configure(const struct bh_config *config);

bool bh_log_wants(enum bh_log_level level);

/* One line.  The text is a sentence for people; `fields` may be NULL. */
void bh_log_write(enum bh_log_level level, const char *event, const struct bh_log_field *fields,
                  size_t fields_count, const char *format, ...) BH_PRINTF(5, 6);

/* A decision of an engine. */
void bh_log_note(const struct bh_note *note, unsigned worker);

#endif
