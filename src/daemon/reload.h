/*
 * reload - reads a configuration again while one is in force, and tells the log what is different.
 *
 * Applying it is the caller's business.
 */
#ifndef BH_DAEMON_RELOAD_H
#define BH_DAEMON_RELOAD_H

#include "core/config.h"

/*
 * The successor of `old`, one reference of which is the caller's.  Anything but BH_OK: it was refused, and the log says
 * why.
 */
enum bh_status bh_reload_read(const char *path, const struct bh_config *old,
                              struct bh_config **ret_config) BH_MUST_CHECK;

/* The messages of a configuration's reading as lines of the log. */
void bh_reload_log_report(const struct bh_config_report *report);

#endif
