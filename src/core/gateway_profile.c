#include "core/gateway_profile.h"

struct bh_gateway_profile
bh_gateway_profile_from(const struct bh_config_gateway *gateway, const char *sent_with)
{
    static const enum bh_gateway_auth auths[] = {
        [BH_CONFIG_AUTH_BASIC] = BH_AUTH_BASIC,
        [BH_CONFIG_AUTH_HEADER] = BH_AUTH_HEADER,
        [BH_CONFIG_AUTH_PARAMETER] = BH_AUTH_PARAMETER,
    };
    return (struct bh_gateway_profile){
        .url = gateway->url,
        .api_key = gateway->api_key.bytes,
        .auth = auths[gateway->auth],
        .signing_key = gateway->signing_key.bytes,
        .sent_with = sent_with,
    };
}
