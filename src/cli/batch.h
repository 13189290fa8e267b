/*
 * batch - several reading commands that go to Redis together and are waited for together.
 *
 * Arguments are copied.  After a failed append later ones do nothing, and bh_batch_run tells.
 */
#ifndef BH_CLI_BATCH_H
#define BH_CLI_BATCH_H

#include "cli/cli.h"
#include "core/buf.h"
#include "core/str.h"
#include "redis/keys.h"

struct redisReply;

#define BH_BATCH_COMMANDS_MAX 256
#define BH_BATCH_ARGS_MAX     4096

/* Private to batch.c, but for `replies`: one per command after a run, in their order. */
struct bh_batch {
    struct bh_buf bytes;
    size_t ends[BH_BATCH_ARGS_MAX];       /* where each argument ends in `bytes` */
    size_t firsts[BH_BATCH_COMMANDS_MAX]; /* the first argument of each command */
    size_t args_count;
    size_t count;
    struct redisReply *replies[BH_BATCH_COMMANDS_MAX]; /* owned */
};

void bh_batch_init(struct bh_batch *batch);
void bh_batch_release(struct bh_batch *batch);

/* No commands and no replies; memory is kept. */
void bh_batch_clear(struct bh_batch *batch);

/* Begin a command by its name. */
void bh_batch_command(struct bh_batch *batch, const char *name);
void bh_batch_add(struct bh_batch *batch, struct bh_str argument);
void bh_batch_add_text(struct bh_batch *batch, const char *argument);
void bh_batch_add_key(struct bh_batch *batch, const struct bh_queue_keys *keys, enum bh_key key);
void bh_batch_add_status(struct bh_batch *batch, const struct bh_queue_keys *keys,
                         struct bh_str id);

/*
 * Send them all and wait.  An error reply to any of them is a failure.  `what` as for bh_session_command; a failure
 * has been told.
 */
enum bh_exit bh_batch_run(struct bh_cli *cli, const char *what,
                          struct bh_batch *batch) BH_MUST_CHECK;

#endif
