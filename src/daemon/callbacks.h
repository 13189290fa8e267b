/*
 * callbacks - posts what became of jobs to their producers' addresses, on the main loop.
 *
 * Jobs that have ended and deliveries that have come lie in an outbox in Redis (redis/callback.h); each queue's is looked at once
 * per second where the queue allows callbacks, and once per minute otherwise, for what was left there by an earlier
 * configuration.  What is taken stays there under a lease: a process that dies while it posts has its entries posted by
 * another one, so a post is made at least once.
 *
 * The address stands in the job's status.  It is compared with what the queue allows *now*, each time: one that is not allowed is
 * never contacted, and stays in the outbox like one whose receiver fails, because the configuration may come back, and
 * another process may have a newer one.
 *
 * A receiver gets at most eight posts at a time; one that has failed three times in a row is left alone for a while, growing up to a
 * minute, and then asked by one post: its entries wait meanwhile, and no other receiver waits for it.  Redirects are not
 * followed.  Workers have threads of their own: nothing here delays sending.
 *
 * Knows nothing of what made a change.
 */
#ifndef BH_DAEMON_CALLBACKS_H
#define BH_DAEMON_CALLBACKS_H

#include <bellhop/error.h>
#include <uv.h>

#include "core/config.h"

#define BH_CALLBACKS_POSTS_MAX    32 /* in hand at a time */
#define BH_CALLBACKS_PER_HOST_MAX 8
#define BH_CALLBACKS_TIMEOUT_MS   (10 * BH_SECOND_MS) /* of one post */
#define BH_CALLBACKS_LEASE_MS     (60 * BH_SECOND_MS) /* of what is in hand */

struct bh_callbacks;

struct bh_callbacks_options {
    const struct bh_config *config; /* a reference is taken */
    void (*on_closed)(void *arg);
    void *arg;
};

/* BH_EINVAL with a sentence: the URL of Redis cannot be used; BH_ENOMEM. */
enum bh_status bh_callbacks_new(uv_loop_t *loop, const struct bh_callbacks_options *options,
                                struct bh_callbacks **ret_callbacks,
                                struct bh_error *error) BH_MUST_CHECK;
void bh_callbacks_start(struct bh_callbacks *callbacks);

/* What is allowed and how it is signed holds from now on; the connection's own settings take a restart. */
void bh_callbacks_configure(struct bh_callbacks *callbacks, const struct bh_config *config);

/*
 * Nothing new is taken; posts under way have two seconds, and what is not done then is posted after its lease by whoever looks.
 * on_closed follows; then bh_callbacks_free.
 */
void bh_callbacks_stop(struct bh_callbacks *callbacks);
void bh_callbacks_free(struct bh_callbacks *callbacks);

#endif
