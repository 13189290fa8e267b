/*
 * push - put valid jobs onto a queue's list, several at once, and say which ids went in.
 */
#ifndef BH_CLI_PUSH_H
#define BH_CLI_PUSH_H

#include "cli/cli.h"
#include "core/buf.h"
#include "core/str.h"
#include "redis/keys.h"

#define BH_PUSH_BATCH       64
#define BH_PUSH_BATCH_BYTES ((size_t)1024 * 1024)
#define BH_PUSH_WATCHED_MAX ((size_t)10000) /* jobs whose ids are kept for --wait */

/* Private to push.c, but for `pushed` and the ids. */
struct bh_push {
    struct bh_cli *cli;
    const char *queue;                /* borrowed */
    const struct bh_queue_keys *keys; /* borrowed */
    bool keep_ids;

    struct bh_buf bytes; /* of the jobs that wait to be pushed */
    size_t ends[BH_PUSH_BATCH];
    char *waiting[BH_PUSH_BATCH]; /* owned; their ids */
    size_t waiting_count;

    size_t pushed;
    char **ids; /* owned; of what was pushed, when they are to be kept */
    size_t ids_capacity;
};

void bh_push_init(struct bh_push *push, struct bh_cli *cli, const char *queue,
                  const struct bh_queue_keys *keys, bool keep_ids);
void bh_push_release(struct bh_push *push);

/* Copy a job, and push when enough have gathered. */
enum bh_exit bh_push_add(struct bh_push *push, const char *id, struct bh_str json) BH_MUST_CHECK;

/* Push what has gathered, in its order, and print the ids. */
enum bh_exit bh_push_flush(struct bh_push *push) BH_MUST_CHECK;

#endif
