/*
 * delivery_report - read what the gateway posts to a webhook: what became of a message after it was accepted.
 *
 * In whichever form it is posted (core/webhook_body.h).  Whether anybody waits for the message is not known here, and
 * signatures are not checked here.
 *
 * Believes nothing: ids are digits, words come from lists or from the alphabet that our jobs allow, and everything has
 * a bound.  A field that is not as it should be counts as not given.  Of a repeated field the first counts, and the
 * body goes before the query.
 */
#ifndef BH_CORE_DELIVERY_REPORT_H
#define BH_CORE_DELIVERY_REPORT_H

#include <bellhop/error.h>
#include <bellhop/job.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"
#include "core/webhook_body.h"
#include "core/zone.h"

/* The `webhook_event`; without one it follows from the fields. */
enum bh_webhook_event {
    BH_WEBHOOK_NOTHING, /* empty: the gateway does that now and then, and it means nothing */
    BH_WEBHOOK_DLR,     /* the delivery of an SMS */
    BH_WEBHOOK_VOICE,   /* the state of a call */
    BH_WEBHOOK_SMS_MO,  /* an SMS to us */
    BH_WEBHOOK_OTHER,   /* some other event: calls to us, keys, clicks, what will be invented */
};

/* Where a message or a call has come to.  The order within each of the two lists is that of time. */
enum bh_delivery {
    BH_DELIVERY_NONE,  /* not given */
    BH_DELIVERY_OTHER, /* a word that is in neither list */

    BH_DELIVERY_ACCEPTED,
    BH_DELIVERY_BUFFERED,
    BH_DELIVERY_TRANSMITTED,
    BH_DELIVERY_UNKNOWN, /* final from here on */
    BH_DELIVERY_EXPIRED,
    BH_DELIVERY_REJECTED,
    BH_DELIVERY_FAILED,
    BH_DELIVERY_NOTDELIVERED,
    BH_DELIVERY_DELIVERED,

    BH_DELIVERY_CALL_INITIATED,
    BH_DELIVERY_CALL_RINGING,
    BH_DELIVERY_CALL_IN_PROGRESS,
    BH_DELIVERY_CALL_NO_ANSWER, /* final from here on */
    BH_DELIVERY_CALL_FAILED,
    BH_DELIVERY_CALL_COMPLETED,
};

#define BH_DELIVERY_COUNT (BH_DELIVERY_CALL_COMPLETED + 1)

struct bh_delivery_report {
    enum bh_webhook_event event;
    char event_word[33];                /* as given, if it is a word; else "" */
    char message_id[24];                /* digits; "" not given */
    char foreign_id[BH_JOB_ID_MAX + 1]; /* "" not given */
    char recipient[24];                 /* digits; calls only, "" not given */
    enum bh_delivery status;
    char status_word[33];           /* as given, if it is a word; else "" */
    struct bh_wall at;              /* of the event, else of the posting; 0 not given */
    int64_t duration_s;             /* of a call; -1 not given */
    char caller_id[24];             /* digits; "" not given */
    int64_t price_per_minute_micro; /* -1 not given */
};

/*
 * BH_OK: *ret_report is filled, its event possibly NOTHING.  BH_EINVAL: there is something, and it is no report;
 * `error` (may be NULL) says why in one sentence.  BH_ENOMEM.
 * `zone` is the gateway's, for times without an offset; NULL is UTC.
 */
enum bh_status bh_delivery_report_parse(const struct bh_webhook_post *post,
                                        const struct bh_zone *zone,
                                        struct bh_delivery_report *ret_report,
                                        struct bh_error *error) BH_MUST_CHECK;

/*
 * Append a report of event DLR or VOICE as one JSON object, at most BH_REPORT_TEXT_MAX bytes, in the gateway's own words: read
 * by the parser above it gives the same report.  The buffer's status.
 */
#define BH_REPORT_TEXT_MAX 512
enum bh_status bh_delivery_report_write(struct bh_buf *buf,
                                        const struct bh_delivery_report *report);

/* "DELIVERED", "in-progress"; "" for NONE and OTHER. */
const char *bh_delivery_name(enum bh_delivery delivery);

/* A word of the list of SMS, or with `call` of that of calls; case is not looked at. */
enum bh_delivery bh_delivery_from_word(struct bh_str word, bool call);

/* No other state follows. */
bool bh_delivery_is_final(enum bh_delivery delivery);

#endif
