#include "core/outcome.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_code.h"

void
bh_outcome_release(struct bh_outcome *outcome)
{
    bh_free(outcome->results);
    bh_free(outcome->extras);
    *outcome = (struct bh_outcome){
        .kind = BH_OUTCOME_UNCERTAIN,
        .retry_after_ms = -1,
        .balance_micro = INT64_MIN,
        .total_price_micro = -1,
    };
}

const char *
bh_outcome_kind_name(enum bh_outcome_kind kind)
{
    static const char *const names[] = {
        [BH_OUTCOME_ACCEPTED] = "accepted",
        [BH_OUTCOME_REFUSED] = "refused",
        [BH_OUTCOME_UNSENT] = "unsent",
        [BH_OUTCOME_UNCERTAIN] = "uncertain",
    };
    BH_ASSERT((size_t)kind < BH_ARRAY_LEN(names));
    return names[kind];
}

static const char *const trouble_names[] = {
    [BH_TROUBLE_NONE] = "none",
    [BH_TROUBLE_RESOLVE] = "resolve",
    [BH_TROUBLE_CONNECT] = "connect",
    [BH_TROUBLE_TLS] = "tls",
    [BH_TROUBLE_CERTIFICATE] = "certificate",
    [BH_TROUBLE_TIMEOUT] = "timeout",
    [BH_TROUBLE_RESET] = "reset",
    [BH_TROUBLE_GARBAGE] = "garbage",
    [BH_TROUBLE_TOO_BIG] = "too_big",
    [BH_TROUBLE_CANCELLED] = "cancelled",
    [BH_TROUBLE_INTERNAL] = "internal",
};

const char *
bh_trouble_name(enum bh_trouble trouble)
{
    BH_ASSERT((size_t)trouble < BH_ARRAY_LEN(trouble_names));
    return trouble_names[trouble];
}

bool
bh_trouble_from_name(const char *name, enum bh_trouble *ret_trouble)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(trouble_names); i++) {
        if (strcmp(trouble_names[i], name) == 0) {
            *ret_trouble = (enum bh_trouble)i;
            return true;
        }
    }
    return false;
}

const char *
bh_trouble_sentence(enum bh_trouble trouble)
{
    switch (trouble) {
    case BH_TROUBLE_NONE: return "the answer is missing";
    case BH_TROUBLE_RESOLVE: return "the gateway's name cannot be resolved";
    case BH_TROUBLE_CONNECT: return "no connection to the gateway";
    case BH_TROUBLE_TLS: return "no secure connection to the gateway (TLS)";
    case BH_TROUBLE_CERTIFICATE: return "the gateway's certificate is not trusted";
    case BH_TROUBLE_TIMEOUT: return "no whole answer came in time";
    case BH_TROUBLE_RESET: return "the connection broke before the answer was complete";
    case BH_TROUBLE_GARBAGE: return "the answer is not HTTP";
    case BH_TROUBLE_TOO_BIG: return "the answer is too long";
    case BH_TROUBLE_CANCELLED: return "the worker ended the request itself";
    case BH_TROUBLE_INTERNAL: return "this machine is short of memory or descriptors";
    }
    return "unknown trouble";
}

struct bh_illness_text
bh_gateway_illness_text(const struct bh_gateway_illness *illness)
{
    struct bh_illness_text text;
    int status = illness->http_status;
    if (illness->trouble != BH_TROUBLE_NONE)
        (void)snprintf(text.text, sizeof(text.text), "%s", bh_trouble_sentence(illness->trouble));
    else if (illness->code != 0)
        (void)snprintf(text.text, sizeof(text.text), "%s (code %d)",
                       bh_gateway_code_find(illness->code)->meaning, illness->code);
    else
        (void)snprintf(text.text, sizeof(text.text), "%s (HTTP %d)",
                       bh_gateway_status_find(status, illness->asks_patience)->meaning, status);
    return text;
}
