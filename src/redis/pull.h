/*
 * pull - which messages the gateway is to be asked about now: calls of the script `pull`, and the jobs that the messages
 * belong to.
 *
 * 1. Script `pull` gives the numbers that are due and makes them due again later.
 * 2. The index of messages leads to their jobs, and the jobs' status to what has to be known for asking: whether it is a
 *    call, and the name by which a report finds the job.
 *
 * A message whose job is not known any more is left out: there is no status to tell what became of it.
 */
#ifndef BH_REDIS_PULL_H
#define BH_REDIS_PULL_H

#include <bellhop/job.h>

#include "core/base.h"
#include "core/config.h"
#include "core/gateway_status.h"
#include "core/instant.h"
#include "redis/call.h"
#include "redis/connection.h"
#include "redis/keys.h"

/* Between two questions about the same message: as long as it is old by then, within these bounds. */
#define BH_PULL_NEAREST_MS  BH_MINUTE_MS
#define BH_PULL_FARTHEST_MS (6 * BH_HOUR_MS)

struct bh_pull_message {
    char id[24]; /* digits */
    struct bh_wall accepted;
    bool call;
    char foreign_id[BH_JOB_ID_MAX + 1]; /* the producer's own, else the job's id */
};

struct bh_pull_batch {
    bh_ms next_ms;     /* until the next message is due; 0: now, -1: there is none */
    unsigned given_up; /* of these no final report came in time */
    size_t count;
    struct bh_pull_message messages[BH_PULL_MESSAGES_MAX];
};

/*
 * BH_OK: `batch` is valid during the callback.  BH_EDOWN: Redis went away, or cannot now; what was taken is due again
 * later.  BH_EIO: it answered with an error, `error_text` (else NULL).  BH_EPROTO: with something that no script of ours
 * gives.  BH_ENOMEM, BH_ETOOBIG.
 */
typedef void bh_pull_on_taken(void *arg, enum bh_status status, const struct bh_pull_batch *batch,
                              const char *error_text);

/*
 * One answer, from the loop, never from within the call.  Anything but BH_OK: nothing was sent, and no answer will come.
 * `age_max_ms` is the age at which a message is given up.
 */
enum bh_status bh_pull_take(struct bh_redis_connection *connection,
                            const struct bh_queue_keys *keys, bh_ms age_max_ms,
                            bh_pull_on_taken *on_taken, void *arg) BH_MUST_CHECK;

/* The parts of it.  Append a whole call to an initialised `call` of BH_SCRIPT_PULL; bh_call_argv tells failures. */
void bh_encode_pull(struct bh_call *call, const struct bh_queue_keys *keys, unsigned most,
                    bh_ms age_max_ms);

/* Numbers that are none are left out.  BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_pull(const struct redisReply *reply,
                              struct bh_pull_batch *ret_batch) BH_MUST_CHECK;

#endif
