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
static const struct bh_gateway_code codes[] = {
    {100, "accepted",            "accepted by the gateway",                                               BH_SCOPE_MESSAGE,   BH_ACTION_ACCEPT,       NULL              },
    {101, "partial",             "sending to at least one recipient failed",                              BH_SCOPE_MESSAGE,
     BH_ACTION_READ_RECIPIENTS,                                                                                                                       NULL              },
    {11,  "carrier_unavailable", "the carrier is temporarily not available",                              BH_SCOPE_GATEWAY,
     BH_ACTION_RETRY_CARRIER_SLOW,                                                                                                                    RETRY_CARRIER_SLOW},
    {201, "sender",
     "the sender is invalid (at most 11 alphanumeric or 16 numeric characters are allowed)",              BH_SCOPE_MESSAGE,   BH_ACTION_REJECT,       NULL              },
    {202, "recipient",           "the recipient's number is invalid",                                     BH_SCOPE_MESSAGE,   BH_ACTION_REJECT,
     NULL                                                                                                                                                               },
    {300, "parameter",           "credentials or another parameter are missing",                          BH_SCOPE_MESSAGE,
     BH_ACTION_UNCLASSIFIED,                                                                                                                          NULL              },
    {301, "to_missing",          "the recipient is missing or cannot be read",                            BH_SCOPE_MESSAGE,
     BH_ACTION_REJECT,                                                                                                                                NULL              },
    {302, "parameter",           "a parameter is missing or invalid",                                     BH_SCOPE_MESSAGE,
     BH_ACTION_UNCLASSIFIED,                                                                                                                          NULL              },
    {303, "parameter",           "a parameter is missing or invalid",                                     BH_SCOPE_MESSAGE,
     BH_ACTION_UNCLASSIFIED,                                                                                                                          NULL              },
    {304, "parameter",           "the type of message is missing",                                        BH_SCOPE_MESSAGE,   BH_ACTION_UNCLASSIFIED,
     NULL                                                                                                                                                               },
    {305, "text_missing",        "the text is missing or invalid",                                        BH_SCOPE_MESSAGE,   BH_ACTION_REJECT,
     NULL                                                                                                                                                               },
    {306, "parameter",           "the sender's number is invalid",                                        BH_SCOPE_MESSAGE,   BH_ACTION_UNCLASSIFIED,
     NULL                                                                                                                                                               },
    {307, "parameter",           "a web address is missing",                                              BH_SCOPE_MESSAGE,   BH_ACTION_UNCLASSIFIED, NULL              },
    {308, "parameter",           "a parameter is unknown or not supported",                               BH_SCOPE_MESSAGE,
     BH_ACTION_UNCLASSIFIED,                                                                                                                          NULL              },
    {400, "parameter",           "the type of message is invalid",                                        BH_SCOPE_MESSAGE,   BH_ACTION_UNCLASSIFIED,
     NULL                                                                                                                                                               },
    {401, "text_too_long",       "the text is too long",                                                  BH_SCOPE_MESSAGE,   BH_ACTION_REJECT,       NULL              },
    {402, "reload_lock",         "the same SMS was sent to this recipient within the reload lock's time",
     BH_SCOPE_RECIPIENT,                                                                                                      BH_ACTION_RELOAD_LOCK,  NULL              },
    {403, "daily_limit",         "the daily limit for this recipient is reached",                         BH_SCOPE_RECIPIENT,
     BH_ACTION_DAILY_LIMIT,                                                                                                                           NULL              },
    {500, "credit",              "the account has too little credit",                                     BH_SCOPE_ACCOUNT,   BH_ACTION_PAUSE_CREDIT,
     NULL                                                                                                                                                               },
    {600, "carrier",             "the carrier did not take the message",                                  BH_SCOPE_MESSAGE,
     BH_ACTION_RETRY_CARRIER,                                                                                                                         RETRY_CARRIER     },
    {700, "unknown_error",       "the gateway reports an unknown error",                                  BH_SCOPE_GATEWAY,
     BH_ACTION_UNCERTAIN,                                                                                                                             NULL              },
    {801, "unknown_error",       "the gateway reports a temporary error",                                 BH_SCOPE_GATEWAY,
     BH_ACTION_UNCERTAIN,                                                                                                                             NULL              },
    {802, "label",               "the label is invalid",                                                  BH_SCOPE_MESSAGE,   BH_ACTION_REJECT,       NULL              },
    {803, "parameter",           "a parameter is missing or invalid",                                     BH_SCOPE_MESSAGE,
     BH_ACTION_UNCLASSIFIED,                                                                                                                          NULL              },
    {900, "auth",                "the API key is refused",                                                BH_SCOPE_ACCOUNT,   BH_ACTION_PAUSE_AUTH,   NULL              },
    {901, "signature",
     "the request's signature is refused (signing key wrong, or the clock is more than 30 s off)",        BH_SCOPE_ACCOUNT,   BH_ACTION_PAUSE_AUTH,   NULL              },
    {902, "rights",              "the API key has no right to use this endpoint",                         BH_SCOPE_ACCOUNT,
     BH_ACTION_PAUSE_AUTH,                                                                                                                            NULL              },
    {903, "address",             "the address of this server is not on the account's list",               BH_SCOPE_ACCOUNT,
     BH_ACTION_PAUSE_AUTH,                                                                                                                            NULL              },
};

static const struct bh_gateway_code unknown_code = {0,
                                                    "unclassified",
                                                    "the gateway answered a code that is not known",
                                                    BH_SCOPE_MESSAGE,
                                                    BH_ACTION_UNCLASSIFIED,
                                                    NULL};

/* A row applies to `from` <= status <= `to`; the first that fits wins. */
struct status_row {
    int from;
    int to;
    struct bh_gateway_code row;
};

static const struct status_row statuses[] = {
    {200,
     299, {0, "unreadable", "the answer cannot be read", BH_SCOPE_MESSAGE, BH_ACTION_UNCERTAIN, NULL}},
    {300,
     399, {0, "http_redirect", "the address answers with a redirect, which is not followed",
      BH_SCOPE_GATEWAY, BH_ACTION_GATEWAY_BROKEN, NULL}                                     },
    {401,
     401, {401, "http_auth", "access is refused before the gateway's own checks", BH_SCOPE_ACCOUNT,
      BH_ACTION_PAUSE_AUTH, NULL}                                                           },
    {403,
     403, {403, "http_auth", "access is refused before the gateway's own checks", BH_SCOPE_ACCOUNT,
      BH_ACTION_PAUSE_AUTH, NULL}                                                           },
    {408,
     408, {408, "http_timeout", "a server in front of the gateway gave up waiting", BH_SCOPE_GATEWAY,
      BH_ACTION_UNCERTAIN, NULL}                                                            },
    {429,
     429, {429, "http_rate", "the gateway asks to send less often", BH_SCOPE_GATEWAY,
      BH_ACTION_RATE_LIMITED, NULL}                                                         },
    {400,
     499, {0, "http_client", "the address does not answer like the gateway", BH_SCOPE_GATEWAY,
      BH_ACTION_GATEWAY_BROKEN, NULL}                                                       },
    {500,
     599, {0, "http_server", "a server of the gateway failed", BH_SCOPE_GATEWAY, BH_ACTION_UNCERTAIN,
      NULL}                                                                                 },
};

static const struct bh_gateway_code status_overload = {
    503,
    "http_overload",
    "the gateway is overloaded and asks to come back later",
    BH_SCOPE_GATEWAY,
    BH_ACTION_RATE_LIMITED,
    NULL};

static const struct bh_gateway_code status_strange = {
    0,
    "http_strange",
    "the answer is not an HTTP answer that exists",
    BH_SCOPE_GATEWAY,
    BH_ACTION_UNCERTAIN,
    NULL};

static const struct bh_gateway_code *
find(int code)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(codes); i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

const struct bh_gateway_code *
bh_gateway_code_find(int code)
{
    const struct bh_gateway_code *row = find(code);
    return row != NULL ? row : &unknown_code;
}

bool
bh_gateway_code_is_known(int code)
{
    return find(code) != NULL;
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

const char *
bh_code_scope_name(enum bh_code_scope scope)
{
    static const char *const names[BH_SCOPE_COUNT] = {
        [BH_SCOPE_MESSAGE] = "message",
        [BH_SCOPE_RECIPIENT] = "recipient",
        [BH_SCOPE_ACCOUNT] = "account",
        [BH_SCOPE_GATEWAY] = "gateway",
    };
    BH_ASSERT((size_t)scope < BH_ARRAY_LEN(names));
    return names[scope];
}

const char *
bh_code_action_name(enum bh_code_action action)
{
    static const char *const names[BH_ACTION_COUNT] = {
        [BH_ACTION_ACCEPT] = "accept",
        [BH_ACTION_READ_RECIPIENTS] = "read_recipients",
        [BH_ACTION_REJECT] = "reject",
        [BH_ACTION_RELOAD_LOCK] = "reload_lock",
        [BH_ACTION_DAILY_LIMIT] = "daily_limit",
        [BH_ACTION_PAUSE_CREDIT] = "pause_credit",
        [BH_ACTION_PAUSE_AUTH] = "pause_auth",
        [BH_ACTION_RETRY_CARRIER] = "retry_carrier",
        [BH_ACTION_RETRY_CARRIER_SLOW] = "retry_carrier_slow",
        [BH_ACTION_UNCERTAIN] = "uncertain",
        [BH_ACTION_RATE_LIMITED] = "rate_limited",
        [BH_ACTION_GATEWAY_BROKEN] = "gateway_broken",
        [BH_ACTION_UNCLASSIFIED] = "unclassified",
    };
    BH_ASSERT((size_t)action < BH_ARRAY_LEN(names));
    return names[action];
}
