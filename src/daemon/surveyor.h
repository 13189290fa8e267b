/*
 * surveyor - looks whether the server is fit for a queue, logs what is news, and remembers what is at risk.
 *
 * A part of the keeper, on its connection: looks when the server is first reached, and every ten minutes from then on.  What the
 * findings are is core/redis_survey's business.
 */
#ifndef BH_DAEMON_SURVEYOR_H
#define BH_DAEMON_SURVEYOR_H

#include "core/config.h"
#include "daemon/shells.h"
#include "redis/survey.h"

struct bh_surveyor_options {
    struct bh_redis_connection *connection; /* borrowed */
    const struct bh_account_keys *account;  /* borrowed */
    void (*on_first)(void *arg);            /* the first survey has come to its end */
    void *arg;
};

struct bh_surveyor {
    struct bh_surveyor_options options;
    struct bh_queue_keys queue; /* where the scripts' rights are tried */
    uv_timer_t timer;
    bool surveying, surveyed, closing;
    char risk[320];       /* the worst finding at risk; "" none */
    uint64_t known_risks; /* what was logged: level and topic of each */
};

/* Makes the timer; it is closed by bh_surveyor_close. */
void bh_surveyor_init(struct bh_surveyor *surveyor, uv_loop_t *loop);

/* Before the connection starts.  Errors: those of bh_queue_keys_init. */
enum bh_status bh_surveyor_open(struct bh_surveyor *surveyor, const struct bh_config *config,
                                const struct bh_surveyor_options *options);

/* The connection stands.  True: the first survey has begun, and on_first follows unless the connection is lost. */
bool bh_surveyor_up(struct bh_surveyor *surveyor);

/* The connection is lost: a survey that was under way has ended unheard. */
void bh_surveyor_down(struct bh_surveyor *surveyor);

/* The worst that is at risk, "" for nothing; NULL: no survey has ended yet.  Valid until the next one. */
const char *bh_surveyor_risk(const struct bh_surveyor *surveyor);

/* No survey begins any more; its timer is counted among `shells`. */
void bh_surveyor_close(struct bh_surveyor *surveyor, struct bh_shells *shells);

#endif
