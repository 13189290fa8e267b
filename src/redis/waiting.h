/*
 * waiting - delivery reports that wait in Redis for their job: calls of the script `waiting`, and what it answers.
 *
 * A report may come before the gateway's answer was settled, when nobody knows the number of its message yet; or while a
 * worker has the job in hand.  It is kept in PREFIX:{@reports}:waiting, apart from all queues since nobody knows whose it is,
 * and looked at again at growing distance, for a day, by any process.  There are at most BH_WAITING_MAX; the least
 * promising gives way.
 *
 * A report's name is made of event, message, foreign id and status: the same one is kept once, however often it comes.
 *
 * Counters: `kept:unknown` and `kept:early`, by why they came to wait; `home` and `other` that found their job, or one that they
 * do not fit to; `dropped:age` and `dropped:room` that did not.
 */
#ifndef BH_REDIS_WAITING_H
#define BH_REDIS_WAITING_H

#include "core/base.h"
#include "core/delivery_report.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_WAITING_MAX      10000
#define BH_WAITING_TAKE_MAX 64
#define BH_WAITING_NAME_MAX 160

struct bh_waiting_keys {
    char waiting[BH_KEY_MAX];
    char letters[BH_KEY_MAX];
    char counters[BH_KEY_MAX];
};

enum bh_waiting_why {
    BH_WAITING_UNKNOWN, /* no job is known by its ids */
    BH_WAITING_EARLY,   /* the job has not ended */
};

/* BH_EINVAL when the prefix is not valid. */
enum bh_status bh_waiting_keys_init(struct bh_waiting_keys *keys, const char *prefix) BH_MUST_CHECK;

/* The report is of event DLR or VOICE. */
void bh_waiting_name(const struct bh_delivery_report *report,
                     char ret_name[BH_WAITING_NAME_MAX + 1]);

/* Append a whole call to an initialised `call` of BH_SCRIPT_WAITING; bh_call_argv tells failures. */
void bh_encode_waiting_keep(struct bh_call *call, const struct bh_waiting_keys *keys,
                            const struct bh_delivery_report *report, enum bh_waiting_why why);
void bh_encode_waiting_take(struct bh_call *call, const struct bh_waiting_keys *keys);

/* `found`: it was brought to its job; else it waits for none that it fits to. */
void bh_encode_waiting_done(struct bh_call *call, const struct bh_waiting_keys *keys,
                            const char *name, bool found);
void bh_encode_waiting_look(struct bh_call *call, const struct bh_waiting_keys *keys);

/* The answer to `keep`.  BH_EPROTO: not what the script gives.  *ret_new: false when it was there already. */
enum bh_status bh_decode_waiting_kept(const struct redisReply *reply, bool *ret_new) BH_MUST_CHECK;

/* The answer to `take`; views borrow from the reply. */
struct bh_waiting_taken {
    bh_ms next_ms; /* until another one is due; -1: none waits */
    size_t count;
    struct {
        struct bh_str name, report;
    } letters[BH_WAITING_TAKE_MAX];
};

enum bh_status bh_decode_waiting_taken(const struct redisReply *reply,
                                       struct bh_waiting_taken *ret_taken) BH_MUST_CHECK;

/* The answer to `look`: how many wait, and the counters. */
struct bh_waiting_view {
    uint64_t waiting;
    uint64_t kept_unknown, kept_early;
    uint64_t home, other;
    uint64_t dropped_age, dropped_room;
};

enum bh_status bh_decode_waiting_look(const struct redisReply *reply,
                                      struct bh_waiting_view *ret_view) BH_MUST_CHECK;

#endif
