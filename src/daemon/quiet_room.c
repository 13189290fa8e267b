#include "daemon/quiet_room.h"

enum bh_status
bh_quiet_room_init(struct bh_quiet_room *room, unsigned workers)
{
    *room = (struct bh_quiet_room){0};
    bh_quiet_init(&room->quiet, workers);
    return uv_mutex_init(&room->mutex) == 0 ? BH_OK : BH_EIO;
}

void
bh_quiet_room_release(struct bh_quiet_room *room)
{
    uv_mutex_destroy(&room->mutex);
}

void
bh_quiet_room_enter(struct bh_quiet_room *room, unsigned number, struct bh_mailbox *box)
{
    uv_mutex_lock(&room->mutex);
    room->boxes[number] = box;
    uv_mutex_unlock(&room->mutex);
}

/* Under the lock: whoever leaves is not nudged behind its back. */
static void
wake(struct bh_quiet_room *room, unsigned number, enum bh_quiet_wake whom)
{
    for (unsigned i = 0; whom != BH_QUIET_WAKE_NOBODY && i < room->quiet.count; i++) {
        bool is_meant =
            whom == BH_QUIET_WAKE_TAKER ? i == bh_quiet_taker(&room->quiet) : i != number;
        if (is_meant && room->boxes[i] != NULL)
            bh_mailbox_nudge(room->boxes[i]);
    }
}

void
bh_quiet_room_leave(struct bh_quiet_room *room, unsigned number, struct bh_mono now)
{
    uv_mutex_lock(&room->mutex);
    room->boxes[number] = NULL;
    wake(room, number, bh_quiet_end_turn(&room->quiet, number, &(struct bh_bearing){0}, now));
    uv_mutex_unlock(&room->mutex);
}

struct bh_company
bh_quiet_room_begin_turn(struct bh_quiet_room *room, unsigned number, struct bh_mono now)
{
    /* Set once, before there are threads. */
    if (room->quiet.count == 1)
        return (struct bh_company){.alone = true};
    uv_mutex_lock(&room->mutex);
    struct bh_company company = bh_quiet_begin_turn(&room->quiet, number, now);
    uv_mutex_unlock(&room->mutex);
    return company;
}

void
bh_quiet_room_end_turn(struct bh_quiet_room *room, unsigned number,
                       const struct bh_bearing *bearing, struct bh_mono now)
{
    if (room->quiet.count == 1)
        return;
    uv_mutex_lock(&room->mutex);
    wake(room, number, bh_quiet_end_turn(&room->quiet, number, bearing, now));
    uv_mutex_unlock(&room->mutex);
}
