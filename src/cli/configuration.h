/*
 * configuration - the daemon's configuration as far as this command needs it.
 *
 * Producers and operators may run `bellhop` where the daemon does not run, without the right to read the API
 * key, or while somebody is editing the file.  So only [redis], [status] and the queues have to be right; what is
 * wrong elsewhere is told as a warning and left out.  `bellhopd --check-config` judges the whole.
 *
 * Without any file the built-in defaults and BELLHOP_* variables hold, and no queue is known.
 */
#ifndef BH_CLI_CONFIGURATION_H
#define BH_CLI_CONFIGURATION_H

#include "cli/cli.h"
#include "core/config.h"
#include "redis/keys.h"

#define BH_CLI_CONFIG_DEFAULT "/etc/bellhop/bellhop.ini"

/* Load cli->config unless it is loaded.  On failure the person has been told. */
enum bh_exit bh_configuration_load(struct bh_cli *cli) BH_MUST_CHECK;

/* How much of a configuration can be used; where nothing is, cli->config stays NULL. */
struct bh_examined {
    bool redis;   /* [redis]; where it is not, it has its defaults, and so has the rest */
    bool gateway; /* [gateway] and [pool]; the API key may be missing */
    bool all;
};

/*
 * Look at the whole configuration as the daemon would, and load what of it can be used; tells nobody.
 *
 * The report is the caller's (zeroed before) and has everything that is wrong.  `ret_error` is empty
 * unless the file could not be read.  A secret's file that cannot be read counts as read: who may read which is looked at
 * by others.
 */
struct bh_examined bh_configuration_examine(struct bh_cli *cli, struct bh_config_report *report,
                                            struct bh_error *ret_error) BH_MUST_CHECK;

/* Which queues a command is about. */
struct bh_queue_choice {
    size_t count;
    const char *names[BH_CONFIG_QUEUES_MAX]; /* borrowed from config or option */
    const struct bh_queue_config *configs[BH_CONFIG_QUEUES_MAX]; /* NULL: not configured here */
    struct bh_queue_keys keys[BH_CONFIG_QUEUES_MAX];
};

/*
 * The queue called `name`, or all of the configuration when `name` is NULL; loads the configuration.
 * On failure the person has been told: a bad or unknown name, or no queue is known at all.
 */
enum bh_exit bh_configuration_queues(struct bh_cli *cli, const char *name,
                                     struct bh_queue_choice *ret_choice) BH_MUST_CHECK;

void bh_configuration_release(struct bh_cli *cli);

#endif
