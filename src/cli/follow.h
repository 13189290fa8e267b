/*
 * follow - watch jobs until each has reached its end.
 *
 * By looking at the status hash at growing distances (20 ms to 500 ms): the stream of events is off unless
 * somebody switched it on, and what has to work without it may as well do so always.
 */
#ifndef BH_CLI_FOLLOW_H
#define BH_CLI_FOLLOW_H

#include "cli/cli.h"
#include "redis/keys.h"

#define BH_FOLLOW_FOREVER ((bh_ms)-1)

struct bh_follow {
    const char *queue; /* all of one queue; borrowed */
    const struct bh_queue_keys *keys;
    const char *const *ids; /* borrowed */
    size_t count;
    bh_ms timeout_ms; /* BH_FOLLOW_FOREVER, or at most so long */
};

/*
 * Print each change of each job, on standard output; with --json the whole record.  BH_EXIT_DONE when all were
 * sent, else BH_EXIT_FAILED, with a word on standard error about those that are not over.
 */
enum bh_exit bh_follow_run(struct bh_cli *cli, const struct bh_follow *follow) BH_MUST_CHECK;

#endif
