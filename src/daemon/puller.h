/*
 * puller - asks the gateway what became of messages of which no final report has come, on the main thread's loop.
 *
 * For where no webhook can reach us ([gateway] pull_reports).  Which messages are due is Redis' knowledge and common to all
 * processes (redis/pull.h); one question at a time goes out, about a hundred messages at most.  SMS are asked for by
 * their numbers, or where the gateway does not tell that way, looked up in its journal; calls are always looked up.
 * Each answer goes the way of a delivery report that was posted to us.
 *
 * - Nothing is asked while the account is paused for another reason than credit.
 * - A gateway that does not answer is asked again with growing distance, about the same messages.
 * - A place that refuses us is left alone with growing distance, and the others are asked on.
 * - What is wrong is told once, and once that it is right again.
 *
 * While pull_reports is off there is no connection, no timer and no cost.
 */
#ifndef BH_DAEMON_PULLER_H
#define BH_DAEMON_PULLER_H

#include <uv.h>

#include <bellhop/error.h>

#include "core/config.h"
#include "core/delivery_report.h"
#include "core/gateway_status.h"
#include "engine/protocol.h"

struct bh_puller;

struct bh_puller_options {
    const struct bh_config *config; /* a reference is taken */
    const char *sent_with;          /* borrowed */
    /* False: not now; the same is offered again soon. */
    bool (*on_report)(void *arg, const struct bh_delivery_report *report);
    void (*on_closed)(void *arg); /* the answer to stop */
    void *arg;
};

/* Ever-growing. */
struct bh_puller_counters {
    uint64_t answers[BH_PULLED_COUNT]; /* by what they were worth */
    uint64_t asked;                    /* messages in the questions that were read */
    uint64_t reports;                  /* of these, whose state was told */
    uint64_t given_up;                 /* messages that got too old */
};

enum bh_status bh_puller_new(uv_loop_t *loop, const struct bh_puller_options *options,
                             struct bh_puller **ret_puller, struct bh_error *error) BH_MUST_CHECK;

/* What the account allows, whenever that changes; before the first call nothing is asked. */
void bh_puller_account(struct bh_puller *puller, const struct bh_account_event *account);

/* Whatever refused us is asked anew: somebody may just have given the key the right. */
void bh_puller_configure(struct bh_puller *puller, const struct bh_config *config);

/* Borrowed until free. */
const struct bh_puller_counters *bh_puller_counters(const struct bh_puller *puller);

/* on_closed follows; then bh_puller_free.  A second call does nothing. */
void bh_puller_stop(struct bh_puller *puller);
void bh_puller_free(struct bh_puller *puller);

#endif
