/*
 * keeper - looks after the gateway account for all workers of this process, on the main thread.
 *
 * The account's state lives in Redis and is common to all processes.  The keeper tells it what the workers' answers say,
 * learns every change, asks for the balance while the account is paused (60 s, doubling, to the configured
 * longest), and takes the trial: when the balance looks right again, one worker of one process sends one
 * job, and if that gets through, all go on.
 *
 * While the account works, the balance is asked for every `balance_interval`, once for all processes, for
 * operators to see and to warn below `low_balance`.
 *
 * What could tell about lost answers, journal and reload lock, is the witness' part (witness.h); that delivery reports are
 * subscribed at the gateway is the subscriber's (subscriber.h).
 *
 * When its Redis connection first comes up it surveys the server and logs what is at risk; later it surveys it again
 * every ten minutes, and logs what has changed.
 */
#ifndef BH_DAEMON_KEEPER_H
#define BH_DAEMON_KEEPER_H

#include <uv.h>

#include <bellhop/error.h>

#include "core/config.h"
#include "engine/protocol.h"
#include "redis/queue_look.h"

struct bh_keeper;

struct bh_keeper_options {
    const struct bh_config *config; /* a reference is taken */
    const char *account;            /* 12 hex digits; copied */
    const char *sent_with;          /* borrowed */
    /* What the workers may do from now on.  TRIAL is for one worker. */
    void (*on_account)(void *arg, const struct bh_account_event *event);
    void (*on_closed)(void *arg);
    void *arg;
};

enum bh_status bh_keeper_new(uv_loop_t *loop, const struct bh_keeper_options *options,
                             struct bh_keeper **ret_keeper, struct bh_error *error) BH_MUST_CHECK;
void bh_keeper_start(struct bh_keeper *keeper);

/* A worker's answer said something about the account. */
void bh_keeper_hear(struct bh_keeper *keeper, const struct bh_account_command *word);

void bh_keeper_configure(struct bh_keeper *keeper, const struct bh_config *config);

/*
 * Ask for the figures of all queues; `on_queue` follows once for each, never from within, and on_closed comes
 * behind them.  Returns how many follow.
 */
unsigned bh_keeper_inspect(struct bh_keeper *keeper, bh_queue_on_look *on_queue, void *arg);

/* What the last survey has found worst, a sentence; "" when nothing is at risk; NULL before the first.  Borrowed until
 * the loop turns. */
const char *bh_keeper_redis_risk(const struct bh_keeper *keeper);

/* When the gateway last told it the balance; 0: it never has. */
struct bh_mono bh_keeper_answered_at(const struct bh_keeper *keeper);

/* on_closed follows; then bh_keeper_free. */
void bh_keeper_stop(struct bh_keeper *keeper);
void bh_keeper_free(struct bh_keeper *keeper);

#endif
