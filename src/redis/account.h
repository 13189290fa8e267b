/*
 * account - what the workers of all processes share about one gateway account, kept in Redis.
 *
 * Two parts.  The *desk* asks the account script: pause, probe, trial, resume, balance, what is
 * known of its journal and its reload lock.  The *watcher* tells
 * within milliseconds when any process has changed the state: it blocks in the account's log on a connection
 * of its own, and whatever wakes it, it reads the whole state anew, so nothing can be missed or told twice.
 *
 * Which answer of the gateway pauses the account, and who probes when, is not decided here.
 *
 * Each belongs to one loop and is used from that loop's thread only.
 */
#ifndef BH_REDIS_ACCOUNT_H
#define BH_REDIS_ACCOUNT_H

#include <bellhop/error.h>
#include <uv.h>

#include "core/base.h"
#include "redis/account_codec.h"
#include "redis/connection.h"

/* ---- desk ---------------------------------------------------------------------------------------- */

/*
 * BH_OK: the script answered; `done` false means "not now, or nothing to change", and `wait_ms` tells when
 * to ask again (-1: unknown).  BH_EDOWN: no answer, it may or may not have been done.  BH_EIO: Redis answered
 * with an error, nothing was done.  BH_EPROTO: an answer that no script of ours gives.
 */
typedef void bh_account_on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms);

/* As above; the view is valid until the call returns, and NULL unless BH_OK. */
typedef void bh_account_on_read(void *arg, enum bh_status status,
                                const struct bh_account_view *view);

/* Asks on somebody else's connection; holds nothing itself. */
struct bh_account_desk {
    struct bh_redis_connection *connection; /* borrowed until the last answer */
    struct bh_account_keys keys;
};

/*
 * One answer each, from the loop, never from within the call.  BH_EDOWN, BH_ETOOBIG or BH_ENOMEM: not sent,
 * and no answer will come.  Texts are copied.
 */
enum bh_status bh_account_read(const struct bh_account_desk *desk, bh_account_on_read *on_read,
                               void *arg) BH_MUST_CHECK;

/*
 * Stop all workers.  `reason` is the word of enum bh_reason; "paused" is an operator's, goes before every
 * other, and ends by resume alone.  An account that is paused for that reason already is left alone.  The first
 * probe is made after a minute, or after `longest_ms` if that is less; no two are further apart than that.
 */
enum bh_status bh_account_pause(const struct bh_account_desk *desk, const char *reason, int code,
                                struct bh_str text, bh_ms longest_ms, bh_account_on_done *on_done,
                                void *arg) BH_MUST_CHECK;

/* Let all workers go on at once. */
enum bh_status bh_account_resume(const struct bh_account_desk *desk, bh_account_on_done *on_done,
                                 void *arg) BH_MUST_CHECK;

/* May I ask the gateway for the balance now?  Done: nobody else may for `lease_ms`. */
enum bh_status bh_account_probe(const struct bh_account_desk *desk, const char *who, bh_ms lease_ms,
                                bh_account_on_done *on_done, void *arg) BH_MUST_CHECK;

/*
 * What the probe showed.  Usable: one job may try.  Else the next probe is twice as far away as this one was,
 * from 60 s up to `longest_ms`.
 */
enum bh_status bh_account_probed(const struct bh_account_desk *desk, bool usable, bh_ms longest_ms,
                                 bh_account_on_done *on_done, void *arg) BH_MUST_CHECK;

/* May I send the one job that tries the account?  Done: nobody else may for `lease_ms`. */
enum bh_status bh_account_trial_take(const struct bh_account_desk *desk, const char *who,
                                     bh_ms lease_ms, bh_account_on_done *on_done,
                                     void *arg) BH_MUST_CHECK;

/* How it ended: GOOD opens the account, BAD pauses it again for `reason`, NONE lets another one try. */
enum bh_status bh_account_trial_done(const struct bh_account_desk *desk, const char *who,
                                     enum bh_account_trial trial, const char *reason, int code,
                                     struct bh_str text, bh_ms longest_ms,
                                     bh_account_on_done *on_done, void *arg) BH_MUST_CHECK;

/* For people to look at. */
enum bh_status bh_account_balance(const struct bh_account_desk *desk, int64_t balance_micro,
                                  bh_account_on_done *on_done, void *arg) BH_MUST_CHECK;

/* Whether the key may read the gateway's journal: READABLE or DENIED.  Done: that is news. */
enum bh_status bh_account_journal(const struct bh_account_desk *desk,
                                  enum bh_journal_access journal, bh_account_on_done *on_done,
                                  void *arg) BH_MUST_CHECK;

/* What is known of the reload lock, and how.  UNKNOWN takes it back; done: there was something to take back. */
enum bh_status bh_account_lock(const struct bh_account_desk *desk, enum bh_lock_knowledge lock,
                               struct bh_str why, bh_account_on_done *on_done,
                               void *arg) BH_MUST_CHECK;

/*
 * May I do `what` (a word) now, which only one process of the account does at a time?  Done: nobody else may for `lease_ms`, or
 * until it is given back with a lease of 0.
 */
enum bh_status bh_account_turn(const struct bh_account_desk *desk, const char *what,
                               const char *who, bh_ms lease_ms, bh_account_on_done *on_done,
                               void *arg) BH_MUST_CHECK;

/* ---- watcher ------------------------------------------------------------------------------------- */

struct bh_account_watcher_options {
    struct bh_redis_options redis; /* what it borrows is borrowed until closed */
    const char *prefix;            /* copied */
    const char *account;           /* 12 hex digits; copied */

    /*
     * The state, first after each connect and then when anything of it has changed (times to wait and the
     * server's clock do not count).  A new balance, and that the
     * journal was asked again to the same end, are noticed within about five seconds.
     */
    void (*on_change)(void *arg, const struct bh_account_view *view);
    /* Redis' trouble, for the log; may be NULL. */
    void (*on_trouble)(void *arg, enum bh_redis_class class, const char *text, const char *advice);
    void (*on_closed)(void *arg); /* may be NULL */
    void *arg;
};

struct bh_account_watcher;

/* BH_EINVAL with a sentence in *ret_error (may be NULL), or BH_ENOMEM.  Opens nothing. */
enum bh_status bh_account_watcher_new(uv_loop_t *loop,
                                      const struct bh_account_watcher_options *options,
                                      struct bh_account_watcher **ret_watcher,
                                      struct bh_error *ret_error) BH_MUST_CHECK;
void bh_account_watcher_start(struct bh_account_watcher *watcher);

/* Once, after start; then on_closed. */
void bh_account_watcher_stop(struct bh_account_watcher *watcher);

/* When never started, or behind on_closed (not from within).  NULL is fine. */
void bh_account_watcher_release(struct bh_account_watcher *watcher);

#endif
