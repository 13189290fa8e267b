/*
 * daemon_rows - tables of jobs through a real daemon: what the gateway was asked, what it accepted, what the
 * status hash says.
 */
#ifndef BH_TESTS_DAEMON_ROWS_H
#define BH_TESTS_DAEMON_ROWS_H

#include "support/rig.h"

#define ROW_LIST_MAX 12

struct daemon_row {
    const char *name;
    const char *job;   /* the members of its JSON object but for the id, which the table gives */
    const char *state; /* final */
    /* Of the request: "name=value", or "!name" for a field that must not be there.  Empty: there is no request. */
    const char *form[ROW_LIST_MAX];
    /* Parts of the simulator's record of the (first) accepted message.  Empty: nothing was accepted. */
    const char *accepted[ROW_LIST_MAX];
    /* Of the status hash: "name=value", "name~part", "!name". */
    const char *status[ROW_LIST_MAX];
};

/* Push all rows as ids PREFIX-0, PREFIX-1, ..., wait for each to end, and check it.  The rig has a tap. */
void daemon_rows_run(struct bh_rig *rig, const char *queue, const char *prefix,
                     const struct daemon_row *rows, size_t count);

/* Check "name=value", "name~part" or "!name" of a status hash. */
void daemon_check_status(struct bh_rig *rig, const char *queue, const char *id, const char *row,
                         const char *wanted);

#endif
