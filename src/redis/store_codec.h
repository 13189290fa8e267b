/*
 * store_codec - the engine's commands as script calls, and the scripts' replies as values.
 *
 * Knows the order of each script's keys, arguments and results, and nothing about connections.  Decoders
 * believe nothing: a reply that does not look as the script's head says is BH_EPROTO.
 */
#ifndef BH_REDIS_STORE_CODEC_H
#define BH_REDIS_STORE_CODEC_H

#include "core/job_head.h"
#include "engine/protocol.h"
#include "redis/call.h"
#include "redis/keys.h"
#include "redis/store.h"

#define BH_CLAIM_REPLY_BYTES ((size_t)1024 * 1024) /* stop taking after so many bytes of payloads */

/* Whose calls these are. */
struct bh_store_caller {
    const struct bh_store_queue *queue;
    const struct bh_queue_keys *keys;
    const char *owner;
};

/* Each appends a whole call to an initialised `call` of the right script; bh_call_argv tells failures. */
void bh_encode_claim(struct bh_call *call, const struct bh_store_caller *caller,
                     const struct bh_claim_command *claim);
void bh_encode_admit(struct bh_call *call, const struct bh_store_caller *caller,
                     const struct bh_command *commands, size_t count);
void bh_encode_settle(struct bh_call *call, const struct bh_store_caller *caller,
                      const struct bh_command *commands, size_t count);
void bh_encode_renew(struct bh_call *call, const struct bh_store_caller *caller,
                     const struct bh_command *commands, size_t count);
void bh_encode_twin(struct bh_call *call, const struct bh_store_caller *caller,
                    const struct bh_command *commands, size_t count);
void bh_encode_adopt(struct bh_call *call, const struct bh_store_caller *caller,
                     struct bh_str cursor, bool restarted, const struct bh_store_mark *met,
                     const uint64_t *known_tokens, size_t tokens_count);
/* Behind bh_encode_adopt: `life`, an earlier one of this process, is over. */
void bh_encode_adopt_past(struct bh_call *call, const char *life);

/* About how many bytes the command adds to a call. */
size_t bh_encoded_size(const struct bh_command *command);

/*
 * Fills all of *ret_claimed but `queue` and `asked_at`, and of the jobs what Redis knows.  `jobs` has room for
 * BH_CLAIM_MAX; it and the views in it borrow from `reply`.
 */
enum bh_status bh_decode_claim(const struct redisReply *reply, struct bh_claimed_job *jobs,
                               struct bh_claimed_event *ret_claimed) BH_MUST_CHECK;

/* Each fills `count` entries, all but their `slot` (and `asked_at`); the reply must speak of as many jobs. */
enum bh_status bh_decode_admit(const struct redisReply *reply, size_t count,
                               struct bh_admitted_event *ret_admitted) BH_MUST_CHECK;
enum bh_status bh_decode_settle(const struct redisReply *reply, size_t count,
                                struct bh_settled_event *ret_settled) BH_MUST_CHECK;
enum bh_status bh_decode_renew(const struct redisReply *reply, size_t count,
                               struct bh_renewed_event *ret_renewed) BH_MUST_CHECK;
enum bh_status bh_decode_twin(const struct redisReply *reply, size_t count,
                              struct bh_twin_event *ret_twins) BH_MUST_CHECK;

struct bh_adopted {
    struct bh_str cursor; /* borrows from the reply; "0" when all has been looked at */
    uint64_t recovered;
    uint64_t seen;    /* token of this instance's last claim; 0: not remembered */
    uint64_t token;   /* of anybody's last claim */
    uint64_t handle;  /* given last */
    uint64_t waiting; /* jobs without a handle */
};

enum bh_status bh_decode_adopt(const struct redisReply *reply,
                               struct bh_adopted *ret_adopted) BH_MUST_CHECK;

#endif
