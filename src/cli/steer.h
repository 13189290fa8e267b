/*
 * steer - the commands that change jobs: hold, release, cancel, expire, retry, requeue, delete, and those of the dead.
 *
 * One frame for all: choose the jobs, show or ask, change them 64 at a time, tell what became of each.
 */
#ifndef BH_CLI_STEER_H
#define BH_CLI_STEER_H

#include "cli/selection.h"
#include "redis/steer.h"

struct bh_steer_options {
    const char *queue;
    bool yes;
    bool dry_run;
};

/*
 * Do `operation` to the jobs that the operands choose.  By filter, only those in `states` (bits of enum
 * bh_filter_state) are chosen; ids are tried whatever their state.  With `only` set, ids too.
 */
enum bh_exit bh_steer_run(struct bh_cli *cli, const struct bh_steer_options *options,
                          struct bh_operands operands, enum bh_steering operation, uint32_t states,
                          bool only) BH_MUST_CHECK;

#endif
