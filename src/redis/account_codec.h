/*
 * account_codec - the operations of the account script as calls, and its replies as values.
 */
#ifndef BH_REDIS_ACCOUNT_CODEC_H
#define BH_REDIS_ACCOUNT_CODEC_H

#include "engine/protocol.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_ACCOUNT_REASON_MAX 31
#define BH_ACCOUNT_TEXT_MAX   255

/* What all workers of an account know about it. */
struct bh_account_view {
    enum bh_account_state state;            /* TRIAL: somebody may send the one job that tries it */
    char reason[BH_ACCOUNT_REASON_MAX + 1]; /* word of enum bh_reason; "" while open */
    int code;                               /* the gateway's, 0 none */
    char text[BH_ACCOUNT_TEXT_MAX + 1];     /* a sentence for people */
    struct bh_wall since;                   /* of this state; 0: always */
    int64_t balance_micro;                  /* INT64_MIN: not known */
    struct bh_wall balance_at;
    bh_ms probe_wait_ms; /* until somebody may ask for the balance; -1: nobody should */
    bh_ms trial_wait_ms; /* until somebody may take the trial; -1: there is none */
    struct bh_wall server_now;
    char newest[48]; /* the log's newest entry */

    enum bh_journal_access journal; /* may the key read the gateway's journal of sent messages? */
    struct bh_wall journal_at;      /* when that was learnt; 0 never */
    enum bh_lock_knowledge lock;    /* does the account's reload lock work? */
    struct bh_wall lock_at;         /* when that was learnt, or given up; 0 never */
    char lock_why[BH_ACCOUNT_TEXT_MAX + 1]; /* how; a sentence for people */
};

/* How a trial ended. */
enum bh_account_trial {
    BH_ACCOUNT_TRIAL_GOOD, /* the gateway took the job, or refused it for a reason of its own */
    BH_ACCOUNT_TRIAL_BAD,  /* still no credit, key still refused */
    BH_ACCOUNT_TRIAL_NONE, /* not sent: somebody else may try */
};

/* Each appends keys, operation and arguments to an initialised call of BH_SCRIPT_ACCOUNT. */
void bh_encode_account_read(struct bh_call *call, const struct bh_account_keys *keys);
void bh_encode_account_pause(struct bh_call *call, const struct bh_account_keys *keys,
                             const char *reason, int code, struct bh_str text, bh_ms longest_ms);
void bh_encode_account_resume(struct bh_call *call, const struct bh_account_keys *keys);

/*
 * The same by an operator's word: such a pause ends by such a resume only, and the account's audit tells of both.  `who` and
 * `reason` are any words, for people; of both together the account's text has the first 255 bytes.
 */
void bh_encode_operator_pause(struct bh_call *call, const struct bh_account_keys *keys,
                              struct bh_str who, struct bh_str reason);
void bh_encode_operator_resume(struct bh_call *call, const struct bh_account_keys *keys,
                               struct bh_str who, struct bh_str reason);
void bh_encode_account_probe(struct bh_call *call, const struct bh_account_keys *keys,
                             const char *who, bh_ms lease_ms);
void bh_encode_account_turn(struct bh_call *call, const struct bh_account_keys *keys,
                            const char *what, const char *who, bh_ms lease_ms);
void bh_encode_account_probed(struct bh_call *call, const struct bh_account_keys *keys, bool usable,
                              bh_ms longest_ms);
void bh_encode_account_trial_take(struct bh_call *call, const struct bh_account_keys *keys,
                                  const char *who, bh_ms lease_ms);
void bh_encode_account_trial_done(struct bh_call *call, const struct bh_account_keys *keys,
                                  const char *who, enum bh_account_trial trial, const char *reason,
                                  int code, struct bh_str text, bh_ms longest_ms);
void bh_encode_account_balance(struct bh_call *call, const struct bh_account_keys *keys,
                               int64_t balance_micro);

/* READABLE or DENIED. */
void bh_encode_account_journal(struct bh_call *call, const struct bh_account_keys *keys,
                               enum bh_journal_access journal);

/* UNKNOWN: what was known does not hold any more. */
void bh_encode_account_lock(struct bh_call *call, const struct bh_account_keys *keys,
                            enum bh_lock_knowledge lock, struct bh_str why);

/* `rate` is in tokens per second and not 0; the bucket holds one second's worth. */
void bh_encode_grant(struct bh_call *call, const struct bh_account_keys *keys,
                     const struct bh_grant_command *grant, uint32_t rate);

enum bh_status bh_decode_account_read(const struct redisReply *reply,
                                      struct bh_account_view *ret_view) BH_MUST_CHECK;

/* *ret_done: it was done; else nothing was changed, and *ret_wait_ms (-1: unknown) tells when to ask again. */
enum bh_status bh_decode_account_done(const struct redisReply *reply, bool *ret_done,
                                      bh_ms *ret_wait_ms) BH_MUST_CHECK;

/* *ret_count <= wanted; *ret_wait_ms until one more could be had, 0 when all were given. */
enum bh_status bh_decode_grant(const struct redisReply *reply, unsigned wanted, unsigned *ret_count,
                               bh_ms *ret_wait_ms) BH_MUST_CHECK;

#endif
