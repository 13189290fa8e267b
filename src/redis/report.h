/*
 * report - bring one delivery report to its job: find the job, settle it if it is uncertain, write the delivery into
 * its status.
 *
 * 1. Every queue of the configuration is asked which job has the report's message (an entry in the index that was
 *    written when the job ended), and for the status of the job whose id is the report's foreign id.  The message goes
 *    before the name: a producer may have chosen any name, even the id of another job, but a message is one job's.  The
 *    entry is believed only if that job's status knows the message, too.  Without it the name decides, by the best match.  Two
 *    that match equally well are none: a wrong word would do more harm than no word.
 * 2. A job whose request lost its answer, waiting or ended `unknown`, is settled as `sent`, confirmed by `report`, by script
 *    `resolve`: a report proves that the gateway has taken the message, whatever became of it since.
 * 3. `delivery` and what belongs to it goes into the status, by script `report`.
 *
 * A job with several recipients is settled by no report, because a report does not say whose message it is about.  A message
 * that its status knows is a recipient's, whose delivery is written; the id of any other is kept there
 * (`reported_ids`) as evidence for whoever resolves it.
 *
 * Knows nothing of sending again: what failed for want of Redis is the caller's to repeat, which does no harm.
 */
#ifndef BH_REDIS_REPORT_H
#define BH_REDIS_REPORT_H

#include "core/base.h"
#include "core/config.h"
#include "core/delivery_report.h"
#include "redis/connection.h"

enum bh_report_fate {
    BH_REPORT_NO_JOB,        /* nobody waits for it */
    BH_REPORT_AMBIGUOUS,     /* more than one job may be meant */
    BH_REPORT_OTHER_MESSAGE, /* the job is known under another message: it may have been sent twice */
    BH_REPORT_REPEATED,      /* all of it was known */
    BH_REPORT_NOTED,         /* it stands in the status now */
    BH_REPORT_SETTLED,       /* likewise, and the job is uncertain no more */
    /*
     * Likewise, but the job has not ended: a worker is sending it and may yet lose its answer, or waits with some of its
     * recipients.  To be delivered once more, later.
     */
    BH_REPORT_EARLY,
};

/*
 * How long messages took from their acceptance until they were delivered (a call: completed), in hash `counters`:
 * `delivery_ms:BOUND` counts those above the bound before and up to this one, in milliseconds, `delivery_ms:over`
 * those above the last, and `delivery_ms:sum` adds them up.  `messages` counts those of which reports were awaited,
 * `delivery:none` those of these that no final report came for.
 */
#define BH_REPORT_DELAY_BOUNDS                                                                     \
    {                                                                                              \
        5000, 15000, 30000, 60000, 300000, 600000, 3600000, 21600000, 86400000                     \
    }

struct bh_report_result {
    enum bh_report_fate fate;
    const char *queue; /* NULL: none; this and `id` are valid during the callback */
    const char *id;    /* of the job; NULL: none */

    /*
     * By what is known now the message has failed in a way that another one may mend (an SMS FAILED or EXPIRED, a call
     * no-answer or failed), and its payload is kept (bh_key_append_kept).  Told as long as nobody has taken the payload, also
     * when the report was a repetition: whoever takes it has the right to send again.
     */
    bool may_resend;
};

/*
 * BH_OK: `result` tells.  BH_EDOWN: Redis went away, or cannot now (it loads, or is a replica); some of it may be done.
 * BH_EIO: Redis answered with an error that waiting does not heal, `error_text` (else NULL).  BH_EPROTO: with something
 * that no script of ours gives.  BH_ENOMEM, BH_ETOOBIG.
 */
typedef void bh_report_on_done(void *arg, enum bh_status status,
                               const struct bh_report_result *result, const char *error_text);

/*
 * One answer, from the loop, never from within the call.  BH_EINVAL: the report names neither a job nor a message.  Anything but BH_OK: nothing was sent, and no answer will
 * come.  The report is copied, of the configuration a reference is taken.
 */
enum bh_status bh_report_deliver(struct bh_redis_connection *connection,
                                 const struct bh_config *config,
                                 const struct bh_delivery_report *report,
                                 bh_report_on_done *on_done, void *arg) BH_MUST_CHECK;

#endif
