/*
 * resend - send a message again whose delivery report says that it did not arrive: look, make the new job, push it.
 * And call it back, when a later report says that the first one has arrived after all.
 *
 * The payload of a job that may be sent again is kept beside its status (key `kept`).  It is the right to do so: script
 * `resend` takes it away and pushes in one go, so that of two processes, of a report that comes twice and of a
 * process that is killed and started again, one pushes, once.  Where nothing is to be sent the right lapses.
 *
 * Stateless: what failed for want of Redis is the caller's to repeat, which does no harm.
 */
#ifndef BH_REDIS_RESEND_H
#define BH_REDIS_RESEND_H

#include "core/base.h"
#include "core/config.h"
#include "core/resend.h"
#include "core/uuid.h"
#include "redis/connection.h"
#include "redis/resend_codec.h"

/* What is sent again goes through this process' memory; a job with larger files is not. */
#define BH_RESEND_BYTES_MAX ((size_t)1024 * 1024)

struct bh_resend_errand {
    const char *queue; /* of the configuration */
    const char *id;    /* of the job that was sent */
    bh_ms lock_ms;     /* as struct bh_resend_facts */
    unsigned char random[BH_UUID_RANDOM_BYTES];
};

enum bh_resend_fate {
    BH_RESEND_NOTHING, /* nothing to do, or somebody has done it */
    BH_RESEND_PUSHED,
    BH_RESEND_LAPSED, /* it is not sent again, and not asked any more: `resend` says why */
    BH_RESEND_RECALLED, /* the message has arrived after all; what was to be sent in its place will be cancelled */
    BH_RESEND_TOO_LATE, /* likewise, but that has been sent, or is about to be */
};

struct bh_resend_result {
    enum bh_resend_fate fate;
    struct bh_resend resend;        /* PUSHED, LAPSED */
    char new_id[BH_JOB_ID_MAX + 1]; /* PUSHED, RECALLED, TOO_LATE */
};

/* As bh_report_on_done. */
typedef void bh_resend_on_done(void *arg, enum bh_status status,
                               const struct bh_resend_result *result, const char *error_text);

/*
 * One answer, from the loop, never from within the call.  Anything but BH_OK: nothing was sent, and no answer will
 * come.  What the errand holds is copied, of the configuration a reference is taken.  BH_EINVAL: there is no such
 * queue.
 */
enum bh_status bh_resend_run(struct bh_redis_connection *connection, const struct bh_config *config,
                             const struct bh_resend_errand *errand, bh_resend_on_done *on_done,
                             void *arg) BH_MUST_CHECK;

#endif
