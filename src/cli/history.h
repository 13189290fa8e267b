/*
 * history - what is known about a job beside its status: where it is, what speaks for and against its having been
 * sent, its callback that is still to be posted, its changes of state, and what people did to it.
 *
 * From its record, the queue's stream of events (off unless [status] events is set) and the queue's audit.  Both
 * streams are read backwards with a bound, so that an old change may be missing; that is told.
 */
#ifndef BH_CLI_HISTORY_H
#define BH_CLI_HISTORY_H

#include "cli/record.h"
#include "cli/selection.h"

struct bh_json_writer;
struct bh_history;

/*
 * Read it for a job whose status has been read.  On BH_EXIT_DONE bh_history_free; a failure has been
 * told.  A job that changed meanwhile may be seen half before, half after.
 */
enum bh_exit bh_history_read(struct bh_cli *cli, const struct bh_queue_keys *keys,
                             const struct bh_record *record,
                             struct bh_history **ret_history) BH_MUST_CHECK;

/* NULL is fine. */
void bh_history_free(struct bh_history *history);

/* "TITLE  TEXT" lines, the title `width` columns wide behind two blanks; safe for a terminal. */
void bh_history_append(const struct bh_history *history, struct bh_wall now, int width, bool colour,
                       struct bh_buf *buf);

/* Members of an object that is open: place, evidence, callback (while one is to be posted), history, audit. */
void bh_history_put(const struct bh_history *history, struct bh_json_writer *writer);

#endif
