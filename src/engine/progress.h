/*
 * progress - what is known about a job from its earlier attempts; the memo of its record in Redis.
 *
 * Counters that schedules need, and the result of each recipient that is done with.  A job with several
 * recipients is sent again only to those that are still open, so that nobody is sent to twice.
 *
 * Stored form: a first line of NAME=NUMBER pairs, then a line per finished recipient:
 * INDEX STATE CODE PARTS PRICE_MICRO ID MSISDN, "-" for what is unknown.  Unknown names are skipped, so that an
 * older worker can read a newer one's memo.  That is also why those whose request went unanswered have no
 * lines, but are named by numbers qN of the first line, whose bit B stands for recipient 32 N + B: to a worker
 * that does not know them they are open, in a job with an unanswered request, as they always were.
 */
#ifndef BH_ENGINE_PROGRESS_H
#define BH_ENGINE_PROGRESS_H

#include "core/base.h"
#include "core/buf.h"
#include "core/outcome.h"
#include "core/str.h"

enum bh_recipient_state {
    BH_RECIPIENT_OPEN,
    BH_RECIPIENT_UNCERTAIN, /* a request to it was not answered: not to be asked again before its time */
    BH_RECIPIENT_ACCEPTED,
    BH_RECIPIENT_FAILED,
    BH_RECIPIENT_DUPLICATE, /* the reload lock refused it for longer than it lasts */
    BH_RECIPIENT_UNKNOWN,   /* may have been sent; given up asking, for the job has ended */
};

struct bh_recipient_progress {
    enum bh_recipient_state state;
    struct bh_recipient_result result;
    bool look_up; /* the gateway's journal is to be asked about it; not stored */
};

struct bh_progress {
    unsigned retries;       /* steps of the retry schedule that are used up */
    unsigned lock_waits;    /* waits for the gateway's reload lock */
    unsigned daily_waits;   /* waits for the next day */
    unsigned guarded_tries; /* guarded retries made in the time of the lock that counts */
    unsigned
        refused_at_s; /* unix time of the last refusal that may have armed the reload lock; 0 none */
    /* While recipients are uncertain; unix times, 0 none. */
    unsigned first_lost_s; /* when the first request without an answer began, rounded down */
    unsigned last_lost_s;  /* when the last one began, rounded up */
    unsigned looked_at_s;  /* when the journal was last asked about all of them */
    unsigned
        absent_at_s; /* when it first said, since the last request, that it knows none of them */
    unsigned resend_due_s; /* not sent to again before this, whatever the policy; 0: never */
    unsigned open_due_s;   /* those who are open are not sent to before this; 0: at once */
    unsigned
        attempts; /* of the job when this was written: a request behind them died with its worker */
    struct bh_recipient_progress *recipients; /* owned; one per recipient of the job */
    size_t recipients_count;
};

/* All open, all zero.  BH_ENOMEM. */
enum bh_status bh_progress_init(struct bh_progress *progress, size_t recipients) BH_MUST_CHECK;
void bh_progress_release(struct bh_progress *progress);

/* Read a memo into an initialised progress.  What cannot be read is an error of ours: BH_EPROTO. */
enum bh_status bh_progress_parse(struct bh_str memo, struct bh_progress *progress) BH_MUST_CHECK;

/* Whether some recipient was accepted, by the memo alone; false when it cannot be read. */
bool bh_progress_memo_has_accepted(struct bh_str memo);

/* Append the stored form; nothing is appended when all is zero and open. */
enum bh_status bh_progress_format(const struct bh_progress *progress, struct bh_buf *buf);

/* The recipients that are still open, as indices; returns how many.  `ret_open` has room for all. */
size_t bh_progress_open(const struct bh_progress *progress, size_t *ret_open);

/* How many are in a state. */
size_t bh_progress_count(const struct bh_progress *progress, enum bh_recipient_state state);

#endif
