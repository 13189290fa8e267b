/*
 * gateway_profile - who we are towards the gateway, out of the configuration.
 */
#ifndef BH_CORE_GATEWAY_PROFILE_H
#define BH_CORE_GATEWAY_PROFILE_H

#include "core/config.h"
#include "core/gateway_request.h"

/* Strings are borrowed from `gateway`; `sent_with` likewise. */
struct bh_gateway_profile bh_gateway_profile_from(const struct bh_config_gateway *gateway,
                                                  const char *sent_with);

#endif
