/*
 * wake - let idle workers look into their queues now.
 *
 * An idle worker waits up to five seconds for a push; what an operator puts into the line is no push.  So its wait is
 * ended (CLIENT UNBLOCK).  A push of something that is no job would wake it too, but older workers would bury it.
 *
 * Where Redis does not allow it, nothing is lost but these seconds.
 */
#ifndef BH_CLI_WAKE_H
#define BH_CLI_WAKE_H

#include "cli/cli.h"

/* Never fails, never tells anything.  Not before the first command of the session. */
void bh_wake_workers(struct bh_cli *cli);

#endif
