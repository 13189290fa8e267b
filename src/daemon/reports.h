/*
 * reports - delivery reports, and SMS that people send to us, on their way to Redis, on the main thread's loop.
 *
 * Whoever brings one is told how it ended, and may forget it only when it was taken: then Redis has it.  What was not
 * taken (Redis is away or refuses, there is no room, it took too long) is his to bring again; the gateway does, when it
 * is answered 500.  So a process that is killed loses nothing: in its memory is only what nobody was told of.
 *
 * A report that finds no job, or one that has not ended, is kept in Redis (redis/waiting.h) and looked at again at
 * growing distance, by any process that runs this.  It then has its say as if it had come later.
 */
#ifndef BH_DAEMON_REPORTS_H
#define BH_DAEMON_REPORTS_H

#include <uv.h>

#include <bellhop/error.h>

#include "core/config.h"
#include "core/delivery_report.h"
#include "core/inbound_sms.h"
#include "core/signing.h"

/* In hand at a time; and of these, asked of Redis at a time. */
#define BH_REPORTS_MAX       1024
#define BH_REPORTS_ASKED_MAX 64

/* The gateway waits for five seconds (its page on webhooks); whoever was not told by then is told no. */
#define BH_REPORTS_ANSWER_MS (4 * BH_SECOND_MS)

struct bh_reports;

/* What the bringer wants to have back when he is told. */
struct bh_reports_receipt {
    uint64_t ticket; /* 0: he does not want to be told */
    char nonce[BH_NONCE_LEN + 1];
};

struct bh_reports_options {
    const struct bh_config *config; /* a reference is taken */
    /* Once for each that was let in with a ticket; never from within the call that brought it. */
    void (*on_taken)(void *arg, const struct bh_reports_receipt *receipt, bool taken);
    void (*on_closed)(void *arg); /* the answer to stop */
    void *arg;
};

enum bh_status bh_reports_new(uv_loop_t *loop, const struct bh_reports_options *options,
                              struct bh_reports **ret_reports,
                              struct bh_error *error) BH_MUST_CHECK;
void bh_reports_start(struct bh_reports *reports);

/* A report of event DLR or VOICE.  False: not now, nothing is kept, and nobody will be told. */
bool bh_reports_take_for(struct bh_reports *reports, const struct bh_delivery_report *report,
                         const struct bh_reports_receipt *receipt);

/* The same for one who does not want to be told. */
bool bh_reports_take(struct bh_reports *reports, const struct bh_delivery_report *report);

/* An SMS to us. */
bool bh_reports_take_sms(struct bh_reports *reports, const struct bh_inbound_sms *sms,
                         const struct bh_reports_receipt *receipt);

/* Queues and retention of what is taken from now on. */
void bh_reports_configure(struct bh_reports *reports, const struct bh_config *config);

/* The bringers will soon be gone: who has waited for half a second is told no. */
void bh_reports_hurry(struct bh_reports *reports);

/* What is in hand is given up to two seconds; then on_closed, and then bh_reports_free. */
void bh_reports_stop(struct bh_reports *reports);
void bh_reports_free(struct bh_reports *reports);

#endif
