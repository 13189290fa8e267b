/*
 * keys - the names of everything that lies in Redis.
 *
 * All keys of a queue begin with PREFIX:{NAME}; the braces are a hash tag, so that one script may touch
 * them all on a cluster too.  Here are names only; what lies behind them is told by the scripts.
 */
#ifndef BH_REDIS_KEYS_H
#define BH_REDIS_KEYS_H

#include "core/base.h"
#include "core/buf.h"
#include "core/str.h"

#define BH_QUEUE_NAME_MAX 32
#define BH_KEY_PREFIX_MAX 64
#define BH_ACCOUNT_MAX    12
#define BH_KEY_MAX        (BH_KEY_PREFIX_MAX + BH_QUEUE_NAME_MAX + 24) /* of the fixed ones */

enum bh_key {
    BH_KEY_RAW,      /* list: the producers' */
    BH_KEY_IN,       /* list: where a blocking wait moves to */
    BH_KEY_READY,    /* list of handles that may run now */
    BH_KEY_DUE,      /* sorted set: handle by due time */
    BH_KEY_LEASES,   /* sorted set: handle by the lease's end */
    BH_KEY_JOBS,     /* hash: payload by handle */
    BH_KEY_HEADS,    /* hash: record by handle */
    BH_KEY_DEAD,     /* sorted set: handle by time of death */
    BH_KEY_CONTROL,  /* hash: pause, limits, bucket */
    BH_KEY_COUNTERS, /* hash */
    BH_KEY_EVENTS,   /* stream */
    BH_KEY_AUDIT,    /* stream: what people and reports have changed */
    BH_KEY_SUSPECTS, /* list of handles that are claimed alone only */
    BH_KEY_MINUTES,  /* list: the figures of the last hour, a line per minute */
    BH_KEY_OPEN,     /* sorted set: message by the time it was accepted; no final report has come */
    BH_KEY_PULL,     /* sorted set: message by the time when the gateway is asked about it next */
    BH_KEY_CALLBACKS, /* sorted set: job by the time when it is posted to its callback_url next */
    BH_KEY_CALLBACK_TRIES, /* hash: posts that failed, by job */
};

#define BH_KEY_COUNT (BH_KEY_CALLBACK_TRIES + 1)

/* The fixed keys of one queue. */
struct bh_queue_keys {
    char text[BH_KEY_COUNT][BH_KEY_MAX];
};

/* [a-z0-9_-]{1,32} */
bool bh_queue_name_valid(struct bh_str name);

/* 1 to BH_KEY_PREFIX_MAX printable characters, none of them a blank or a brace. */
bool bh_key_prefix_valid(struct bh_str prefix);

/* BH_EINVAL when prefix or name is not valid. */
enum bh_status bh_queue_keys_init(struct bh_queue_keys *keys, const char *prefix,
                                  const char *name) BH_MUST_CHECK;

struct bh_str bh_queue_key(const struct bh_queue_keys *keys, enum bh_key key);

/*
 * Append the key of a job's status, of its tombstone, of a ledger entry, and of an instance's last claim.  The
 * buffer's status.
 */
enum bh_status bh_key_append_status(struct bh_buf *buf, const struct bh_queue_keys *keys,
                                    const char *id);
enum bh_status bh_key_append_cancel(struct bh_buf *buf, const struct bh_queue_keys *keys,
                                    const char *id);
enum bh_status bh_key_append_lock(struct bh_buf *buf, const struct bh_queue_keys *keys,
                                  const char *digest);
enum bh_status bh_key_append_seen(struct bh_buf *buf, const struct bh_queue_keys *keys,
                                  struct bh_str instance);

/*
 * Likewise: the key that leads from a message's number to its job, and of the payload that is kept for a message that
 * may yet fail.
 */
enum bh_status bh_key_append_message(struct bh_buf *buf, const struct bh_queue_keys *keys,
                                     struct bh_str message_id);
enum bh_status bh_key_append_kept(struct bh_buf *buf, const struct bh_queue_keys *keys,
                                  const char *id);

/* The keys of a gateway account; they lie apart from all queues. */
struct bh_account_keys {
    char control[BH_KEY_MAX];
    char log[BH_KEY_MAX];
    char audit[BH_KEY_MAX];
};

/* `account` is 12 hex digits; BH_EINVAL otherwise, or when the prefix is not valid. */
enum bh_status bh_account_keys_init(struct bh_account_keys *keys, const char *prefix,
                                    const char *account) BH_MUST_CHECK;

#endif
