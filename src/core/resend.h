/*
 * resend - a message that was accepted and did not arrive, as a new job.
 *
 * `sent` is final, so what is sent again is another job: the same fields byte for byte, under an id of its own, with what
 * is left of the ttl.  `resend_of` and `resend_number` in it say whose it is and the how-manieth, so that a chain of
 * them ends however often Redis forgets or a person moves a job.
 *
 * Which words of a report ask for it: EXPIRED and FAILED for an SMS of a queue with `resend_on_report`, no-answer and
 * failed for a call of a queue with `redial`.  NOTDELIVERED and REJECTED would come out the same again.  A job with
 * several recipients is never sent again, because those who were reached would get it twice.
 *
 * Knows nothing of Redis: that the right to send again is taken once is the script's.
 */
#ifndef BH_CORE_RESEND_H
#define BH_CORE_RESEND_H

#include <bellhop/error.h>
#include <bellhop/job.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/delivery_report.h"
#include "core/instant.h"
#include "core/str.h"

/* Each costs money: so many times at most, however long ttl and schedule go on. */
#define BH_RESEND_SMS_MAX 10

struct bh_resend_facts {
    const struct bh_queue_config *queue;
    const struct bh_config_gateway *gateway;
    enum bh_delivery delivery; /* the word that asks for it */
    const char *id;            /* of the job that was sent */
    const char *new_id;        /* valid as an id */
    struct bh_wall now;
    struct bh_wall
        accepted; /* when the gateway had taken the message, or later; 0: not known, then `now` */
    struct bh_wall expires; /* the end of its ttl */
    bh_ms
        lock_ms; /* how long the gateway refuses the same SMS after `accepted`, margins included; 0: it does not */
};

enum bh_resend_answer {
    BH_RESEND_MADE,
    BH_RESEND_OFF,     /* neither the word nor the job ask for it, as the queue is configured */
    BH_RESEND_SEVERAL, /* the job has several recipients, or a group */
    BH_RESEND_OFTEN,   /* it was sent as often as it may */
    BH_RESEND_ARRIVED, /* one in whose place it was sent has arrived after all; known to whoever looks into Redis */
    BH_RESEND_EXPIRED, /* less than a minute of the ttl would be left */
    BH_RESEND_UNREADABLE, /* the job, or the new one, is not valid: the rules have changed, or it has grown too big */
};

struct bh_resend {
    enum bh_resend_answer answer;
    unsigned number;     /* from 1; 0 when it could not be read */
    struct bh_wall due;  /* whole seconds */
    int64_t ttl_minutes; /* from then on */
    struct bh_error error;
};

/* Can this word, in this queue, ask for one at all?  What needs no payload. */
bool bh_resend_is_asked(const struct bh_queue_config *queue, enum bh_delivery delivery);

/* Which words are the end of a hope: DELIVERED and completed.  Nothing is sent again after them. */
bool bh_resend_is_over(enum bh_delivery delivery);

/*
 * The new job's JSON is appended to `buf` when the answer is MADE, and bh_job_parse accepts it; after any other answer
 * what was appended is of no use.  BH_ENOMEM, BH_ETOOBIG: the buffer's, and *ret_resend is not written.
 */
enum bh_status bh_resend_make(struct bh_str payload, const struct bh_resend_facts *facts,
                              struct bh_buf *buf, struct bh_resend *ret_resend) BH_MUST_CHECK;

/* A sentence for people: why nothing is sent again; "" for MADE. */
const char *bh_resend_reason(enum bh_resend_answer answer);

#endif
