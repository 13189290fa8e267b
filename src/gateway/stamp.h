/*
 * stamp - nonce and timestamp of a request that is made now.
 *
 * The impure part of signing: the system's dice and this machine's clock.  A gateway refuses a timestamp
 * that is more than 30 s old, so a stamp is made when the request is rendered and not kept.
 */
#ifndef BH_GATEWAY_STAMP_H
#define BH_GATEWAY_STAMP_H

#include "core/base.h"
#include "core/gateway_request.h"
#include "core/signing.h"

struct bh_gateway_stamp_text {
    char nonce[BH_NONCE_LEN + 1];
};

/* The stamp borrows *text.  BH_EIO: the system gives no random numbers. */
enum bh_status bh_gateway_stamp_now(struct bh_gateway_stamp_text *text,
                                    struct bh_gateway_stamp *ret_stamp) BH_MUST_CHECK;

#endif
