/*
 * config_load - the configuration from the system: its file, the files of secrets, the environment, the
 * host's name, the zone database.
 *
 * All rules are those of core/config.h; here is only what touches the system.  Nothing blocks: only regular
 * files are read, so that neither a forgotten pipe nor a terminal can stop a daemon at a reload.
 */
#ifndef BH_DAEMON_CONFIG_LOAD_H
#define BH_DAEMON_CONFIG_LOAD_H

#include "core/config.h"

/*
 * Read the file at `path`, with values from `environment` ("NAME=value", ended by NULL; mostly environ) in
 * place of its own.
 *
 * BH_OK: *ret_config is a snapshot with one reference, the caller's; the report may hold warnings.
 * BH_EINVAL: the report holds at least one error; one about the file itself counts too.  BH_ENOMEM.
 *
 * A file counts as exposed, which is worth a warning if it holds a secret, when others may read or
 * write it, or when a group may that is not the process's own.  The service manager's credentials
 * (CREDENTIALS_DIRECTORY) are never exposed: it guards the directory and shows odd modes.
 */
enum bh_status bh_config_load(const char *path, const char *const *environment,
                              struct bh_config_report *report,
                              struct bh_config **ret_config) BH_MUST_CHECK;

#endif
