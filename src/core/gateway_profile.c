#include "core/gateway_profile.h"

#include <string.h>

#include "core/digest.h"

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

enum bh_status
bh_gateway_account_name(const struct bh_config_gateway *gateway,
                        char ret_name[BH_GATEWAY_ACCOUNT_MAX + 1])
{
    const struct bh_str pieces[] = {
        bh_str_from(gateway->url),
        {gateway->api_key.bytes, gateway->api_key.len},
    };
    struct bh_digest digest;
    enum bh_status status = bh_digest_pieces(pieces, BH_ARRAY_LEN(pieces), &digest);
    if (status != BH_OK)
        return status;
    memcpy(ret_name, digest.hex, BH_GATEWAY_ACCOUNT_MAX);
    ret_name[BH_GATEWAY_ACCOUNT_MAX] = '\0';
    return BH_OK;
}

bool
bh_gateway_is_same_account(const struct bh_config_gateway *a, const struct bh_config_gateway *b)
{
    const struct bh_str key_a = {a->api_key.bytes, a->api_key.len};
    const struct bh_str key_b = {b->api_key.bytes, b->api_key.len};
    return strcmp(a->url, b->url) == 0 && bh_str_equal(key_a, key_b);
}
