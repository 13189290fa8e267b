/*
 * webhook_address - the URL under which the gateway is asked to call us, and how it may be shown.
 *
 * Pure.  [http] webhook_url is where the gateway reaches our endpoint from outside; the secret token is a setting of its own,
 * so that the URL can be written down and shown.  The address is made of both by one rule, here, for everybody who
 * subscribes it or compares with it.
 */
#ifndef BH_CORE_WEBHOOK_ADDRESS_H
#define BH_CORE_WEBHOOK_ADDRESS_H

#include "core/base.h"
#include "core/buf.h"
#include "core/str.h"

#define BH_WEBHOOK_ADDRESS_MAX 4096

/*
 * Append the address to `address`, which the caller has initialised with BH_WEBHOOK_ADDRESS_MAX:
 *
 * - a URL in which the token stands already (as it is, or percent-encoded) is the address;
 * - else "/webhook/TOKEN" is appended to its path, before a query, and one slash at the path's end is dropped.
 *
 * BH_EINVAL when URL or token is empty.  BH_ETOOBIG, BH_ENOMEM.
 */
enum bh_status bh_webhook_address(struct bh_str url, struct bh_str token,
                                  struct bh_buf *address) BH_MUST_CHECK;

/*
 * Append `url` (anybody's) as it may stand in a log or on a screen: the token, whatever follows "/webhook/" in the path, and
 * user and password become "***".  An empty token hides nothing by itself.  A sentence with a URL in it will do as well, but
 * for user and password.
 */
enum bh_status bh_webhook_mask(struct bh_str url, struct bh_str token, struct bh_buf *text);

/*
 * Do two URLs lead to the same place?  Scheme and host are compared without regard to case, a port that is the scheme's own and
 * the slash of an empty path do not count; all else byte by byte.
 */
bool bh_webhook_is_same(struct bh_str a, struct bh_str b);

/*
 * Does `url` lead to the webhook of the place that `address` leads to, under another token?  Both end with /webhook/ and
 * something, and are the same before that.
 */
bool bh_webhook_is_former(struct bh_str url, struct bh_str address);

#endif
