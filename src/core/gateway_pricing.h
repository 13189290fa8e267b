/*
 * gateway_pricing - read the gateway's price list: what does a part of an SMS to this number cost?
 *
 * Pure.  The question is rendered by bh_gateway_request_pricing; the answer is one JSON object with `countries`, each with its
 * calling code and `networks`, each with a price.  Nobody can tell a number's network from its digits (numbers are ported), so
 * the answer is the span of its country's prices.
 *
 * Not here: calls, which are charged by time and not in this list; and the list as CSV.
 */
#ifndef BH_CORE_GATEWAY_PRICING_H
#define BH_CORE_GATEWAY_PRICING_H

#include "core/base.h"
#include "core/outcome.h"

/* More for a part is no price. */
#define BH_PRICING_MICRO_MAX ((int64_t)1000 * 1000000)

#define BH_PRICING_NAME_MAX 63

enum bh_pricing_finding {
    BH_PRICING_FOUND,
    BH_PRICING_ABSENT,  /* the list is there, and has no price for such a number */
    BH_PRICING_REFUSED, /* the key is refused, or may not read it: `code` tells, if there is one */
    BH_PRICING_UNREADABLE, /* no answer, or none that is a price list */
};

struct bh_pricing {
    char
        country[BH_PRICING_NAME_MAX + 1]; /* its name, of untrusted UTF-8, cut between characters */
    unsigned countries; /* with prices that share the calling code, like 1 and 7 */
    unsigned networks;  /* with a price, in all of these */
    int64_t low_micro;  /* the least and the most of a part */
    int64_t high_micro;
    int code; /* the gateway's code when there is one in place of a list; else 0 */
};

/*
 * `msisdn` is digits, country code first.  The countries with the longest calling code that begins it count.  A country or network
 * that cannot be read is passed over.  *ret_pricing is always written; all but `code` is zero unless FOUND.
 */
enum bh_pricing_finding bh_gateway_pricing_read(const struct bh_exchange *exchange,
                                                const char *msisdn, struct bh_pricing *ret_pricing);

#endif
