#include "core/gateway_code.h"

#define RETRY_CARRIER      "60s, 5m, 15m"
#define RETRY_CARRIER_SLOW "2m, 10m, 30m"

/*
 * 300 is "credentials missing" in the sources that are old enough to have meant it; newer tables reuse the
 * numbers around it.  Nobody is served by pausing an account on such a guess: unclassified.
 * 801 is a temporary error in one source and a missing logo file in another; 802 is a missing file or a bad
 * label.  801 goes the careful way, 802 is final in either reading.
 * Both 600 and 700 leave open whether anything was sent.  The gateway's pages call 600 the carrier's
 * refusal and 700 unknown, and that is how they are told apart.
 */
/* clang-format off */
static const struct bh_gateway_code codes[] = {
    {100, BH_ACTION_ACCEPT,             NULL,               "accepted by the gateway"},
    {101, BH_ACTION_READ_RECIPIENTS,    NULL,               "sending to at least one recipient failed"},
    {11,  BH_ACTION_RETRY_CARRIER_SLOW, RETRY_CARRIER_SLOW, "the carrier is temporarily not available"},
    {201, BH_ACTION_REJECT,             NULL,
     "the sender is invalid (at most 11 alphanumeric or 16 numeric characters are allowed)"},
    {202, BH_ACTION_REJECT,             NULL,               "the recipient's number is invalid"},
    {300, BH_ACTION_UNCLASSIFIED,       NULL,               "credentials or another parameter are missing"},
    {301, BH_ACTION_REJECT,             NULL,               "the recipient is missing or cannot be read"},
    {302, BH_ACTION_UNCLASSIFIED,       NULL,               "a parameter is missing or invalid"},
    {303, BH_ACTION_UNCLASSIFIED,       NULL,               "a parameter is missing or invalid"},
    {304, BH_ACTION_UNCLASSIFIED,       NULL,               "the type of message is missing"},
    {305, BH_ACTION_REJECT,             NULL,               "the text is missing or invalid"},
    {306, BH_ACTION_UNCLASSIFIED,       NULL,               "the sender's number is invalid"},
    {307, BH_ACTION_UNCLASSIFIED,       NULL,               "a web address is missing"},
    {308, BH_ACTION_UNCLASSIFIED,       NULL,               "a parameter is unknown or not supported"},
    {400, BH_ACTION_UNCLASSIFIED,       NULL,               "the type of message is invalid"},
    {401, BH_ACTION_REJECT,             NULL,               "the text is too long"},
    {402, BH_ACTION_RELOAD_LOCK,        NULL,
     "the same SMS was sent to this recipient within the reload lock's time"},
    {403, BH_ACTION_DAILY_LIMIT,        NULL,               "the daily limit for this recipient is reached"},
    {500, BH_ACTION_PAUSE_CREDIT,       NULL,               "the account has too little credit"},
    {600, BH_ACTION_RETRY_CARRIER,      RETRY_CARRIER,      "the carrier did not take the message"},
    {700, BH_ACTION_UNCERTAIN,          NULL,               "the gateway reports an unknown error"},
    {801, BH_ACTION_UNCERTAIN,          NULL,               "the gateway reports a temporary error"},
    {802, BH_ACTION_REJECT,             NULL,               "the label is invalid"},
    {803, BH_ACTION_UNCLASSIFIED,       NULL,               "a parameter is missing or invalid"},
    {900, BH_ACTION_PAUSE_AUTH,         NULL,               "the API key is refused"},
    {901, BH_ACTION_PAUSE_AUTH,         NULL,
     "the request's signature is refused (signing key wrong, or the clock is more than 30 s off)"},
    {902, BH_ACTION_PAUSE_AUTH,         NULL,               "the API key has no right to use this endpoint"},
    {903, BH_ACTION_PAUSE_AUTH,         NULL,
     "the address of this server is not on the account's list"},
};

static const struct bh_gateway_code unknown_code =
    {0,   BH_ACTION_UNCLASSIFIED,       NULL,               "the gateway answered a code that is not known"};

/* A row applies to `from` <= status <= `to`; the first that fits wins. */
struct status_row {
    int from;
    int to;
    struct bh_gateway_code row;
};

static const struct status_row statuses[] = {
    {200, 299, {0,   BH_ACTION_UNCERTAIN,      NULL, "the answer cannot be read"}},
    {300, 399, {0,   BH_ACTION_GATEWAY_BROKEN, NULL, "the address answers with a redirect, which is not followed"}},
    {401, 401, {401, BH_ACTION_PAUSE_AUTH,     NULL, "access is refused before the gateway's own checks"}},
    {403, 403, {403, BH_ACTION_PAUSE_AUTH,     NULL, "access is refused before the gateway's own checks"}},
    {408, 408, {408, BH_ACTION_UNCERTAIN,      NULL, "a server in front of the gateway gave up waiting"}},
    {429, 429, {429, BH_ACTION_RATE_LIMITED,   NULL, "the gateway asks to send less often"}},
    {400, 499, {0,   BH_ACTION_GATEWAY_BROKEN, NULL, "the address does not answer like the gateway"}},
    {500, 599, {0,   BH_ACTION_UNCERTAIN,      NULL, "a server of the gateway failed"}},
};

static const struct bh_gateway_code status_overload =
    {503, BH_ACTION_RATE_LIMITED, NULL, "the gateway is overloaded and asks to come back later"};

static const struct bh_gateway_code status_strange =
    {0, BH_ACTION_UNCERTAIN, NULL, "the answer is not an HTTP answer that exists"};
/* clang-format on */

const struct bh_gateway_code *
bh_gateway_code_find(int code)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(codes); i++)
        if (codes[i].code == code)
            return &codes[i];
    return &unknown_code;
}

const struct bh_gateway_code *
bh_gateway_code_at(size_t at)
{
    return at < BH_ARRAY_LEN(codes) ? &codes[at] : NULL;
}

const struct bh_gateway_code *
bh_gateway_status_find(int http_status, bool has_retry_after)
{
    if (http_status == 503 && has_retry_after)
        return &status_overload;
    for (size_t i = 0; i < BH_ARRAY_LEN(statuses); i++)
        if (http_status >= statuses[i].from && http_status <= statuses[i].to)
            return &statuses[i].row;
    return &status_strange;
}
