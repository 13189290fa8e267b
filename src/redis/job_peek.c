#include "redis/job_peek.h"

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)
#define HEADER    3 /* elements before the jobs */
#define PER_JOB   2

void
bh_encode_job_peek(struct bh_call *call, const struct bh_queue_keys *keys,
                   const struct bh_job_peek_ask *ask)
{
    bh_call_key(call, bh_queue_key(keys, ask->place));
    bh_call_int(call, (int64_t)ask->before);
    bh_call_int(call, ask->count);
    bh_call_int(call, (int64_t)BH_JOB_PEEK_BYTES);
    bh_call_int(call, (int64_t)ask->payload_max);
}

enum bh_status
bh_decode_job_peek(const struct redisReply *reply, struct bh_job_peek *ret_peek)
{
    struct bh_job_peek peek = {.reply = reply};
    size_t count = bh_reply_count(reply);
    int64_t code, more;
    if (count < HEADER || (count - HEADER) % PER_JOB != 0 || !bh_reply_int(reply, 0, 0, 0, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &peek.server_now.ms) ||
        !bh_reply_int(reply, 2, 0, 1, &more))
        return BH_EPROTO;
    peek.more = more == 1;
    peek.count = (count - HEADER) / PER_JOB;
    *ret_peek = peek;
    return BH_OK;
}

bool
bh_job_peek_get(const struct bh_job_peek *peek, size_t at, struct bh_str *ret_payload,
                uint64_t *ret_bytes)
{
    struct bh_str payload;
    int64_t bytes;
    size_t begin = HEADER + PER_JOB * at;
    if (at >= peek->count || !bh_reply_str(peek->reply, begin, &payload) ||
        !bh_reply_int(peek->reply, begin + 1, 0, EXACT_MAX, &bytes))
        return false;
    *ret_payload = payload;
    *ret_bytes = (uint64_t)bytes;
    return true;
}
