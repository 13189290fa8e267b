/*
 * inbound_sms - read the webhook event `sms_mo`: an SMS that somebody has sent to one of the account's numbers.
 *
 * Believes nothing: ids and numbers are cut of their alphabet, a text is UTF-8, and everything has a bound.
 */
#ifndef BH_CORE_INBOUND_SMS_H
#define BH_CORE_INBOUND_SMS_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/webhook_body.h"
#include "core/zone.h"

#define BH_INBOUND_TEXT_MAX 4096 /* bytes; a text of ten parts needs less */
#define BH_INBOUND_NAME_MAX 64

struct bh_inbound_sms {
    char id[24];                          /* digits; "" not given */
    char sender[BH_INBOUND_NAME_MAX + 1]; /* a number, or a name: printable ASCII; "" not given */
    char system[BH_INBOUND_NAME_MAX + 1]; /* likewise: the number of ours that it was sent to */
    char type[33];                        /* `message_type`, if it is a word; else "" */
    struct bh_wall at;                    /* 0 not given */
    bool is_cut;                          /* the text was longer */
    char text[BH_INBOUND_TEXT_MAX + 1]; /* UTF-8, whole characters; others than that are left out */
};

/*
 * BH_OK: *ret_sms is filled.  BH_EINVAL: there is neither an id nor a sender, or the body cannot be read; `error` (may be NULL) says
 * it.  BH_ENOMEM.  `zone` as for bh_delivery_report_parse.
 */
enum bh_status bh_inbound_sms_parse(const struct bh_webhook_post *post, const struct bh_zone *zone,
                                    struct bh_inbound_sms *ret_sms,
                                    struct bh_error *error) BH_MUST_CHECK;

#endif
