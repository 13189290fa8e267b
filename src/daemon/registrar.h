/*
 * registrar - holds the instance's name in Redis while this process lives.
 *
 * Two processes of one name would not take each other's jobs (the leases bear the name of one run), but their
 * share of the account's connections, their logs and their figures would be wrong, and nobody would notice.
 * So the second one is refused.  The registration counts for BH_REGISTRAR_TTL_MS and is renewed three times in
 * that time.
 *
 * A name that is taken is ours at once if its holder is certainly over: it said so, or it held the same local
 * lock (daemon/instance_lock.h) in the same network namespace of the same boot.  Else we wait until its time is
 * over; if it is renewed meanwhile somebody else is alive, and we are refused.
 *
 * Belongs to the main loop.
 */
#ifndef BH_DAEMON_REGISTRAR_H
#define BH_DAEMON_REGISTRAR_H

#include <bellhop/error.h>
#include <uv.h>

#include "core/config.h"
#include "redis/instance.h"

#define BH_REGISTRAR_TTL_MS   (15 * BH_SECOND_MS)
#define BH_REGISTRAR_RENEW_MS (5 * BH_SECOND_MS)

struct bh_registrar_options {
    const struct bh_config *config; /* a reference is taken */
    const char *life; /* BH_LIFE_LEN hex digits, names this run of the process; copied */
    const char *lock; /* the name of the local lock that is held; copied */

    /* Once: the name is ours.  `past` is the life of an earlier run that is certainly over, or empty. */
    void (*on_held)(void *arg, const char *past);
    /* Once, and nothing but on_closed follows: another process has the name.  `text` is a sentence. */
    void (*on_refused)(void *arg, const char *text);
    void (*on_closed)(void *arg);
    void *arg;
};

struct bh_registrar;

enum bh_status bh_registrar_new(uv_loop_t *loop, const struct bh_registrar_options *options,
                                struct bh_registrar **ret_registrar,
                                struct bh_error *error) BH_MUST_CHECK;
void bh_registrar_start(struct bh_registrar *registrar);

/*
 * Give the name back if it is held and Redis can be reached, then on_closed.  Only when none of our workers can act
 * any more: whoever comes next takes what they held.
 */
void bh_registrar_stop(struct bh_registrar *registrar);

/* Behind on_closed.  NULL is fine. */
void bh_registrar_free(struct bh_registrar *registrar);

/* BH_LIFE_LEN hex digits that no other run of any process has. */
enum bh_status bh_registrar_draw_life(char life[BH_LIFE_LEN + 1]) BH_MUST_CHECK;

#endif
