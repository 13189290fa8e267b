/*
 * callback - the outbox of callbacks: calls of script `callback`, and what they answer.
 *
 * Scripts that end a job or note its delivery put its id there.  Who posts takes what is due, reads the job's status by
 * himself, and says what became of the post.  A ticket makes sure that what came in the meantime is not forgotten.
 */
#ifndef BH_REDIS_CALLBACK_H
#define BH_REDIS_CALLBACK_H

#include <bellhop/job.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_CALLBACK_TAKE_MAX   64
#define BH_CALLBACK_TICKET_MAX 32

/* What became of a post; the names of the counters `callback:NAME`. */
enum bh_callback_outcome {
    BH_CALLBACK_DONE,     /* the receiver has it */
    BH_CALLBACK_AGAIN,    /* not yet, and it is tried again */
    BH_CALLBACK_GIVEN_UP, /* not, and it is not tried again */
    BH_CALLBACK_REFUSED, /* not posted, because the configuration does not allow the address; looked at again later */
    BH_CALLBACK_DROPPED, /* there is nothing to tell: the status is gone, or the job goes on; not counted */
};

#define BH_CALLBACK_OUTCOMES (BH_CALLBACK_DROPPED + 1)

/* "done", "again", "given_up", "refused", "dropped" */
const char *bh_callback_outcome_name(enum bh_callback_outcome outcome);

/* Take up to `most` entries, at most BH_CALLBACK_TAKE_MAX, for `lease_ms`. */
void bh_encode_callback_take(struct bh_call *call, const struct bh_queue_keys *keys, size_t most,
                             bh_ms lease_ms);

struct bh_callback_entry {
    char id[BH_JOB_ID_MAX + 1];
    char ticket[BH_CALLBACK_TICKET_MAX];
    unsigned failed; /* posts since the last change */
};

struct bh_callback_taken {
    struct bh_wall server_now;
    bh_ms next_ms;    /* until the next one is due; -1: there is none */
    uint64_t waiting; /* all that are there, those that were taken too */
    struct bh_callback_entry entries[BH_CALLBACK_TAKE_MAX];
    size_t count;
};

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_callback_taken(const struct redisReply *reply,
                                        struct bh_callback_taken *ret_taken) BH_MUST_CHECK;

struct bh_callback_word {
    enum bh_callback_outcome outcome;
    const char *id;
    const char *ticket;
    bh_ms
        delay_ms; /* AGAIN and REFUSED: until the next post; negative with REFUSED: there is none */
    const char *error; /* AGAIN, GIVEN_UP, REFUSED: for people */
};

void bh_encode_callback_word(struct bh_call *call, const struct bh_queue_keys *keys,
                             const struct bh_callback_word *word);

/* *ret_changed: something came in the meantime, which is posted in its turn.  BH_EPROTO. */
enum bh_status bh_decode_callback_word(const struct redisReply *reply,
                                       bool *ret_changed) BH_MUST_CHECK;

#endif
