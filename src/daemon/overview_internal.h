/*
 * overview_internal - what the files of the overview share.
 *
 * overview.c        asking Redis, keeping the picture, telling about this process
 * overview_queue.c  one queue's figures
 */
#ifndef BH_DAEMON_OVERVIEW_INTERNAL_H
#define BH_DAEMON_OVERVIEW_INTERNAL_H

#include "daemon/overview.h"

/* Copies the figures; short of memory, the old ones stay. */
void bh_overview_queue_take(struct bh_overview_queue *queue, const struct bh_queue_view *view,
                            struct bh_mono now);
void bh_overview_queue_release(struct bh_overview_queue *queue);

#endif
