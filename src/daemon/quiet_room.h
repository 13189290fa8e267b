/*
 * quiet_room - engine/quiet.h for threads: a lock around it, and the workers are woken whom a turn's end concerns.
 *
 * The lock is held for a few assignments, twice per turn of a worker; a process with one worker does not take it.
 */
#ifndef BH_DAEMON_QUIET_ROOM_H
#define BH_DAEMON_QUIET_ROOM_H

#include <uv.h>

#include "daemon/mailbox.h"
#include "engine/quiet.h"

struct bh_quiet_room {
    uv_mutex_t mutex;
    struct bh_quiet quiet;
    struct bh_mailbox *boxes[BH_QUIET_WORKERS_MAX]; /* borrowed; NULL: not to be woken */
};

/* `workers` 1 to BH_QUIET_WORKERS_MAX.  BH_EIO: there is nothing to release. */
enum bh_status bh_quiet_room_init(struct bh_quiet_room *room, unsigned workers) BH_MUST_CHECK;
void bh_quiet_room_release(struct bh_quiet_room *room);

/* Before any worker turns: whom to nudge. */
void bh_quiet_room_enter(struct bh_quiet_room *room, unsigned number, struct bh_mailbox *box);

/* Its last turn is over, and its mailbox may be closed. */
void bh_quiet_room_leave(struct bh_quiet_room *room, unsigned number, struct bh_mono now);

/* See bh_quiet_begin_turn and bh_quiet_end_turn; from the worker's own thread. */
struct bh_company bh_quiet_room_begin_turn(struct bh_quiet_room *room, unsigned number,
                                           struct bh_mono now);
void bh_quiet_room_end_turn(struct bh_quiet_room *room, unsigned number,
                            const struct bh_bearing *bearing, struct bh_mono now);

#endif
