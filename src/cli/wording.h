/*
 * wording - a job's status in sentences: what the state means for it, and what happens next.
 */
#ifndef BH_CLI_WORDING_H
#define BH_CLI_WORDING_H

#include "cli/display.h"
#include "cli/record.h"

/* "retrying, next try in 42 s: the gateway is overloaded", one line, safe for a terminal. */
void bh_wording_append_state(const struct bh_record *record, struct bh_wall now,
                             struct bh_buf *buf);

/* Green for sent, red for an end that somebody has to look at, yellow for what waits. */
enum bh_style bh_wording_style(const struct bh_record *record);

/* One or two sentences: what bellhopd will do with it by itself, or what a person can do. */
void bh_wording_append_next(const struct bh_record *record, struct bh_wall now, struct bh_buf *buf);

/*
 * For a job that may or may not have been sent: a line per word that `bellhop resolve` takes about it, behind
 * `indent` blanks.  Nothing for others.
 */
void bh_wording_append_ways(const struct bh_record *record, int indent, struct bh_buf *buf);

#endif
