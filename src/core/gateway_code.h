/*
 * gateway_code - what each return code of the gateway and each class of HTTP status means, as one table.
 *
 * The table says what a code *is*, in a sentence, and which family of reactions it belongs to.  It does
 * not decide: attempts, clocks, ledgers and the queue's own rules are the policy's.
 * Codes and meanings are those of the gateway's SMS page, its client libraries and the tables that its
 * integrations carry; where those disagree, the row says how it was settled.
 */
#ifndef BH_CORE_GATEWAY_CODE_H
#define BH_CORE_GATEWAY_CODE_H

#include "core/base.h"

enum bh_code_action {
    BH_ACTION_ACCEPT,          /* taken by the gateway */
    BH_ACTION_READ_RECIPIENTS, /* the results of the single recipients tell */
    BH_ACTION_REJECT,          /* final: trying again cannot help */
    BH_ACTION_RELOAD_LOCK,     /* the same SMS was sent a moment ago, perhaps by ourselves */
    BH_ACTION_DAILY_LIMIT,     /* this number has had its share for today */
    BH_ACTION_PAUSE_CREDIT,    /* stop the account until there is credit */
    BH_ACTION_PAUSE_AUTH,    /* stop the account until somebody repairs key, signature or rights */
    BH_ACTION_RETRY_CARRIER, /* try again on the row's schedule */
    BH_ACTION_RETRY_CARRIER_SLOW, /* the same, patiently */
    BH_ACTION_UNCERTAIN,          /* may have been sent: only evidence or the guarded retry help */
    BH_ACTION_RATE_LIMITED,       /* not processed: slow down and send again */
    BH_ACTION_GATEWAY_BROKEN, /* not a gateway that we understand: wrong address, proxy, error page */
    BH_ACTION_UNCLASSIFIED,   /* a refusal of unknown worth: keep the job for a person */
};

#define BH_ACTION_COUNT (BH_ACTION_UNCLASSIFIED + 1)

struct bh_gateway_code {
    int code; /* the gateway's code or the HTTP status; 0: stands for a class or the unknown */
    enum bh_code_action action;
    const char *retry;   /* delays in the configuration's grammar; NULL: the action has none */
    const char *meaning; /* for people, starts in lower case, ends without a full stop */
};

/* The row of a return code.  Never NULL: an unknown code gets a row with code 0 and BH_ACTION_UNCLASSIFIED. */
const struct bh_gateway_code *bh_gateway_code_find(int code);

/* The rows one by one; NULL behind the last. */
const struct bh_gateway_code *bh_gateway_code_at(size_t at);

/*
 * The row of an HTTP status, for an answer whose body does not decide.  Never NULL.  A 2xx gets
 * BH_ACTION_UNCERTAIN: it was asked for because its body could not be read.  `has_retry_after` separates a
 * 503 that a front end answers in overload (not processed) from a 503 that may come from behind it.
 */
const struct bh_gateway_code *bh_gateway_status_find(int http_status, bool has_retry_after);

#endif
