/*
 * top_look - a thread that looks at Redis again and again, so that keys are answered while Redis is slow or away.
 *
 * The thread alone uses the command's session.  Pictures change hands: what was taken is the taker's.
 */
#ifndef BH_CLI_TOP_LOOK_H
#define BH_CLI_TOP_LOOK_H

#include "cli/picture.h"
#include "cli/top_act.h"

struct bh_top_look; /* of top_look.c */

/* The configuration is loaded; `queues` is borrowed.  `on_news` is called in the thread.  NULL: short of memory. */
struct bh_top_look *bh_top_look_start(struct bh_cli *cli, const struct bh_queue_choice *queues,
                                      bh_ms interval_ms, void (*on_news)(void *arg), void *arg);

/* Waits for the thread: at most as long as Redis lets a question wait; of many jobs the rest is left untouched.  NULL is fine. */
void bh_top_look_stop(struct bh_top_look *look);

/* The newest picture, if there is one that was not taken yet. */
bool bh_top_look_take(struct bh_top_look *look, struct bh_picture *ret_picture);

void bh_top_look_set_interval(struct bh_top_look *look, bh_ms interval_ms);

/* Change something; then look at once.  What came of it is in the next note. */
void bh_top_look_ask(struct bh_top_look *look, size_t queue, enum bh_top_act_kind kind);

/* A sentence about the last request, once. */
bool bh_top_look_note(struct bh_top_look *look, char note[BH_TOP_NOTE_MAX]);

#endif
