/*
 * settings - translate a configuration into the options of the shells.  One place, so that no shell knows
 * where its options come from and the configuration knows no shell.
 */
#ifndef BH_DAEMON_SETTINGS_H
#define BH_DAEMON_SETTINGS_H

#include <bellhop/error.h>

#include "core/config.h"
#include "core/redis_url.h"
#include "daemon/sent_journal.h"
#include "gateway/transport.h"
#include "redis/store.h"

/* What connections to Redis borrow for their whole life. */
struct bh_settings {
    struct bh_redis_url url; /* owned */
    char *client_name;       /* owned */
    struct bh_redis_options redis;
};

/* BH_EINVAL with a sentence for a URL that is not usable; BH_ENOMEM. */
enum bh_status bh_settings_redis(struct bh_settings *settings, const struct bh_config *config,
                                 const char *client_name, struct bh_error *error) BH_MUST_CHECK;
void bh_settings_release(struct bh_settings *settings);

/* Fill `queues` (room for BH_CONFIG_QUEUES_MAX); returns how many.  Names are borrowed from the config. */
size_t bh_settings_queues(const struct bh_config *config, struct bh_store_queue *queues);

/* Fill the account-wide limits, BH_LIMIT_COUNT of them. */
void bh_settings_limits(const struct bh_config *config, struct bh_store_limit *limits);

/*
 * Strings are borrowed from the config, and the directory from `state_directory` when none is configured: one
 * directory, several with colons in between, of which the first counts, or empty.
 */
struct bh_sent_journal_options bh_settings_journal(const struct bh_config *config,
                                                   struct bh_str state_directory);
bool bh_settings_journal_is_off(const struct bh_config *config);

/* Strings are borrowed from the config. */
struct bh_gateway_transport_options bh_settings_transport(const struct bh_config *config);

#endif
