/*
 * job_peek - the payloads of jobs that nobody has claimed, page by page: calls of the script `peek`, and what
 * they answer.
 *
 * Pages are places in a list that moves: a job that is claimed between two pages makes the next one begin one job
 * too late, one that jumps the line shows another twice.
 */
#ifndef BH_REDIS_JOB_PEEK_H
#define BH_REDIS_JOB_PEEK_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_JOB_PEEK_MAX   500                       /* most jobs of one page */
#define BH_JOB_PEEK_BYTES ((size_t)4 * 1024 * 1024) /* a page ends when it has so many, or more */

struct bh_job_peek_ask {
    enum bh_key place; /* BH_KEY_RAW or BH_KEY_IN */
    uint64_t before;   /* how many to pass over */
    unsigned count;    /* at most BH_JOB_PEEK_MAX */
    size_t payload_max;
};

struct bh_job_peek {
    struct bh_wall server_now;
    bool more;
    size_t count;
    const struct redisReply *reply; /* borrowed */
};

/* Append a whole call to an initialised `call` of BH_SCRIPT_PEEK; bh_call_argv tells failures. */
void bh_encode_job_peek(struct bh_call *call, const struct bh_queue_keys *keys,
                        const struct bh_job_peek_ask *ask);

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_job_peek(const struct redisReply *reply,
                                  struct bh_job_peek *ret_peek) BH_MUST_CHECK;

/* The job `at` < count.  The view borrows from the reply; it is empty when the payload is longer than asked for. */
bool bh_job_peek_get(const struct bh_job_peek *peek, size_t at, struct bh_str *ret_payload,
                     uint64_t *ret_bytes);

#endif
