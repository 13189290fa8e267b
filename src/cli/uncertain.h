/*
 * uncertain - the jobs of all queues of which nobody knows whether they were sent.
 *
 * Those that ended `unknown`, and those that still wait for evidence.  Found page by page and with a bound:
 * a queue may hold millions of others.
 */
#ifndef BH_CLI_UNCERTAIN_H
#define BH_CLI_UNCERTAIN_H

#include "cli/configuration.h"

/* Most that are kept to be put in order, over all queues. */
#define BH_UNCERTAIN_MAX 1000

/*
 * Print the oldest `limit` (at most BH_UNCERTAIN_MAX) of them, oldest first: as a table, or JSON lines.
 * Numbers of recipients are masked.  BH_EXIT_NOTHING: there is none.  What was left out is told.
 */
enum bh_exit bh_uncertain_list(struct bh_cli *cli, const struct bh_queue_choice *queues,
                               size_t limit) BH_MUST_CHECK;

#define BH_UNCERTAIN_HANDLE_MAX 24

/*
 * Find an unknown job whose status has been forgotten: the dead are kept for longer.  BH_EXIT_NOTHING: not among those
 * that are looked at; when not all could be, that is told.
 */
enum bh_exit bh_uncertain_find(struct bh_cli *cli, const struct bh_queue_choice *queues,
                               const char *id, size_t *ret_queue,
                               char ret_handle[BH_UNCERTAIN_HANDLE_MAX]) BH_MUST_CHECK;

#endif
