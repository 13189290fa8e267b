/*
 * app - the daemon as a whole: the pool of workers, the account's keeper, signals, reload, drain.
 *
 * Runs on the main thread's loop.  Built in one function in the order of dependency and taken down in the
 * reverse order; the process ends only when every loop has closed clean.
 */
#ifndef BH_DAEMON_APP_H
#define BH_DAEMON_APP_H

#include "core/base.h"
#include "core/config.h"

/* Exit codes of bellhopd, documented in its manual page. */
enum bh_exit {
    BH_EXIT_CLEAN = 0,
    BH_EXIT_NOT_STARTED = 1,
    BH_EXIT_USAGE = 2,
    BH_EXIT_CONFIG = 3,
    BH_EXIT_INSTANCE = 4, /* another process has the instance's name */
};

/*
 * To be called first of all: a SIGHUP that comes before anybody listens ends the process otherwise.  bh_app_run lets it
 * in when it does listen, so a file that has changed since it was read is read again.
 */
void bh_app_hold_reloads(void);

/*
 * Run until told to stop.  `config_path` is read again at SIGHUP.  Returns the process' exit code.
 * Takes a reference to `config`.
 */
enum bh_exit bh_app_run(const char *config_path, const struct bh_config *config);

#endif
