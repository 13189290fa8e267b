/*
 * top_act - what the keys of `bellhop top` change: a queue's pause, and jobs that wait for their next try.
 *
 * By the same scripts as the commands, with the same lines in the audit.  Tells nobody: what came of it is a sentence, because a
 * screen is drawn meanwhile.
 */
#ifndef BH_CLI_TOP_ACT_H
#define BH_CLI_TOP_ACT_H

#include "cli/configuration.h"
#include "cli/picture.h"

#define BH_TOP_NOTE_MAX 256

enum bh_top_act_kind {
    BH_TOP_PAUSE,
    BH_TOP_RESUME,
    BH_TOP_RETRY,
};

struct bh_top_act {
    struct bh_cli *cli;                   /* its session is used; the configuration is loaded */
    const struct bh_queue_choice *queues; /* borrowed */
    size_t queue;                         /* index into the choice */
    enum bh_top_act_kind kind;
    const char *who; /* of the audit */
    bh_ms timeout_ms;
    /* Between two questions to Redis; false: stop here.  Such a stop is told in the note. */
    bool (*go_on)(void *arg);
    void *arg;
};

/*
 * What RETRY is about: the jobs of the queue that wait for their next try, are held (but not by an operator) or uncertain.  Not
 * those whose delay is not over: their producers want them later.  At most BH_SELECTION_LIMIT_CHANGE of them are tried.
 */
uint64_t bh_top_act_retryable(const struct bh_picture_queue *queue);

/* Do it; idle workers are woken where that helps. */
void bh_top_act(const struct bh_top_act *act, char ret_note[BH_TOP_NOTE_MAX]);

#endif
