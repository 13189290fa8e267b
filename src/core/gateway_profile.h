/*
 * gateway_profile - who we are towards the gateway, out of the configuration, and which account that is.
 */
#ifndef BH_CORE_GATEWAY_PROFILE_H
#define BH_CORE_GATEWAY_PROFILE_H

#include "core/config.h"
#include "core/gateway_request.h"

/* Strings are borrowed from `gateway`; `sent_with` likewise. */
struct bh_gateway_profile bh_gateway_profile_from(const struct bh_config_gateway *gateway,
                                                  const char *sent_with);

#define BH_GATEWAY_ACCOUNT_MAX 12

/*
 * The name of the account in Redis, in hex digits: who shares URL and key shares its pauses and limits.  Two
 * accounts on one Redis do not pause each other.
 */
enum bh_status bh_gateway_account_name(const struct bh_config_gateway *gateway,
                                       char ret_name[BH_GATEWAY_ACCOUNT_MAX + 1]) BH_MUST_CHECK;

/* Have both the same name, then? */
bool bh_gateway_is_same_account(const struct bh_config_gateway *a,
                                const struct bh_config_gateway *b);

#endif
