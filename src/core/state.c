#include <bellhop/state.h>

#include <stddef.h>
#include <string.h>

#include "core/base.h"

static const struct {
    const char *name;
    bool final;
} states[] = {
    [BH_STATE_SCHEDULED] = {"scheduled", false},
    [BH_STATE_SENDING] = {"sending",   false},
    [BH_STATE_RETRYING] = {"retrying",  false},
    [BH_STATE_HELD] = {"held",      false},
    [BH_STATE_SENT] = {"sent",      true },
    [BH_STATE_PARTIAL] = {"partial",   true },
    [BH_STATE_FAILED] = {"failed",    true },
    [BH_STATE_EXPIRED] = {"expired",   true },
    [BH_STATE_CANCELLED] = {"cancelled", true },
    [BH_STATE_DUPLICATE] = {"duplicate", true },
    [BH_STATE_UNKNOWN] = {"unknown",   true },
    [BH_STATE_INVALID] = {"invalid",   true },
};

static const char *const reasons[] = {
    [BH_REASON_NONE] = "",
    [BH_REASON_RELOAD_LOCK] = "reload_lock",
    [BH_REASON_DAILY_LIMIT] = "daily_limit",
    [BH_REASON_CREDIT] = "credit",
    [BH_REASON_AUTH] = "auth",
    [BH_REASON_GATEWAY_DOWN] = "gateway_down",
    [BH_REASON_PAUSED] = "paused",
    [BH_REASON_OPERATOR] = "operator",
    [BH_REASON_UNCERTAIN] = "uncertain",
};

_Static_assert(BH_ARRAY_LEN(states) == BH_STATE_COUNT, "a state without a name");
_Static_assert(BH_ARRAY_LEN(reasons) == BH_REASON_COUNT, "a reason without a name");

const char *
bh_state_name(enum bh_state state)
{
    BH_ASSERT((size_t)state < BH_STATE_COUNT);
    return states[state].name;
}

bool
bh_state_from_name(const char *name, enum bh_state *ret_state)
{
    for (size_t i = 0; i < BH_STATE_COUNT; i++) {
        if (strcmp(states[i].name, name) == 0) {
            *ret_state = (enum bh_state)i;
            return true;
        }
    }
    return false;
}

bool
bh_state_is_final(enum bh_state state)
{
    BH_ASSERT((size_t)state < BH_STATE_COUNT);
    return states[state].final;
}

const char *
bh_reason_name(enum bh_reason reason)
{
    BH_ASSERT((size_t)reason < BH_REASON_COUNT);
    return reasons[reason];
}

bool
bh_reason_from_name(const char *name, enum bh_reason *ret_reason)
{
    for (size_t i = 0; i < BH_REASON_COUNT; i++) {
        if (strcmp(reasons[i], name) == 0) {
            *ret_reason = (enum bh_reason)i;
            return true;
        }
    }
    return false;
}
