/*
 * queue_view - a queue's figures in one look, and its pause and limits: calls of the scripts `inspect` and
 * `control`, and what they answer.
 *
 * For metrics, the dashboard and the operator's command.  Asking costs Redis the same for queues of any
 * length.
 */
#ifndef BH_REDIS_QUEUE_VIEW_H
#define BH_REDIS_QUEUE_VIEW_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

/* A rate or concurrency that was not set at run time: the configuration's applies. */
#define BH_QUEUE_LIMIT_UNSET (-1)

/* The ages that open messages are counted by: more than 1, 5 and 10 minutes. */
#define BH_QUEUE_OPEN_AGES 3

/* Of a change: this limit is left as it is. */
#define BH_QUEUE_LIMIT_STAYS (-2)

/* Elements of the answer before the counters. */
#define BH_QUEUE_VIEW_HEADER 28

/* Views borrow from the reply. */
struct bh_queue_view {
    struct bh_wall server_now;
    uint64_t raw;   /* pushed by producers, not seen by any worker */
    uint64_t moved; /* as above, moved aside by a blocking wait */
    uint64_t ready; /* may run now: promoted, recovered, released */
    uint64_t due;   /* delayed, retried, held */
    uint64_t leases;
    uint64_t dead;
    uint64_t overdue;        /* of `due` and `leases`: the next claim takes them; at most 200 */
    struct bh_wall next_due; /* 0: none waits */
    struct bh_wall ready_created; /* of the job at the head of `ready`; 0: none, or not admitted */
    struct bh_wall
        pushed_at;      /* of the oldest in `raw` and `in`, as its producer says; 0: unknown */
    uint64_t callbacks; /* changes that are to be posted */
    uint64_t callbacks_failing; /* of these: posts have failed */
    struct bh_wall
        callbacks_due; /* when the first of them is, or was, to be posted; 0: none waits */
    struct bh_wall callbacks_failing_since; /* posts have failed, and none was taken; 0: not so */
    struct bh_str callbacks_error;          /* why the last of these failed */
    bool paused;
    struct bh_str reason; /* an operator's words */
    struct bh_str by;
    struct bh_wall since;
    int64_t rate;        /* jobs per second, 0 no limit, or BH_QUEUE_LIMIT_UNSET */
    int64_t concurrency; /* likewise */
    uint64_t open;       /* messages of which no final report has come */
    uint64_t open_for[BH_QUEUE_OPEN_AGES];
    struct bh_wall silent_since; /* messages have gone out, and no report has come; 0: not so */
    const struct redisReply *reply;
    size_t counters_count;
};

void bh_encode_inspect(struct bh_call *call, const struct bh_queue_keys *keys);

/* BH_EPROTO: not what the script gives.  The view lives as long as the reply. */
enum bh_status bh_decode_inspect(const struct redisReply *reply,
                                 struct bh_queue_view *ret_view) BH_MUST_CHECK;

/*
 * The counter `at` < counters_count.  Names: "outcome:STATE", "code:N" (answers by the gateway's code),
 * "callbacks_failing_since" (unix ms),
 * "attempts", "recovered", "spend_micro", "unreadable", "handle", "token", "uncertain:WITNESS" (what settled an
 * uncertain job), "delivery:WORD", "messages" and "delivery_ms:..." (redis/report.h), "reported_at" (unix ms), "callback:OUTCOME" (redis/callback.h), and the gauges "now:scheduled",
 * "now:retrying", "now:held:REASON", "now:uncertain", "now:suspects" of the jobs in `due`, `ready` and
 * `suspects`.
 * False: not a number (skip it).
 */
bool bh_queue_view_counter(const struct bh_queue_view *view, size_t at, struct bh_str *ret_name,
                           int64_t *ret_value);

/* The counter of that name; 0 when there is none. */
int64_t bh_queue_view_find(const struct bh_queue_view *view, const char *name);

/*
 * Each change and its line in the queue's audit are one: `who` and `reason` are any words, for people.  They work at each
 * worker's next claim.  What was so already is not changed and not audited.
 */
void bh_encode_queue_pause(struct bh_call *call, const struct bh_queue_keys *keys,
                           struct bh_str who, struct bh_str reason);

/* The same pause; the audit calls it a drain. */
void bh_encode_queue_drain(struct bh_call *call, const struct bh_queue_keys *keys,
                           struct bh_str who, struct bh_str reason);
void bh_encode_queue_resume(struct bh_call *call, const struct bh_queue_keys *keys,
                            struct bh_str who, struct bh_str reason);

/* Limits at run time: 0 for none, BH_QUEUE_LIMIT_UNSET for the configuration's, BH_QUEUE_LIMIT_STAYS; at most UINT32_MAX. */
void bh_encode_queue_limit(struct bh_call *call, const struct bh_queue_keys *keys,
                           struct bh_str who, int64_t rate, int64_t concurrency);

/* What came of it. */
struct bh_queue_control {
    bool changed; /* false: it was so already */
    int64_t rate; /* at run time, now: jobs per second, 0 no limit, or BH_QUEUE_LIMIT_UNSET */
    int64_t concurrency; /* likewise */
};

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_control(const struct redisReply *reply,
                                 struct bh_queue_control *ret_control) BH_MUST_CHECK;

#endif
