#include <string.h>

#include "core/scan.h"
#include "redis/pull.h"
#include "redis/reply_view.h"

#define EXACT_MAX    ((int64_t)1 << 53)
#define HEADER       4 /* elements before the messages */
#define PER_MESSAGE  2
#define GIVEN_UP_MAX 1000

void
bh_encode_pull(struct bh_call *call, const struct bh_queue_keys *keys, unsigned most,
               bh_ms age_max_ms)
{
    static const enum bh_key order[] = {BH_KEY_PULL, BH_KEY_OPEN, BH_KEY_CONTROL, BH_KEY_COUNTERS};
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
    bh_call_int(call, most);
    bh_call_int(call, age_max_ms);
    bh_call_int(call, BH_PULL_NEAREST_MS);
    bh_call_int(call, BH_PULL_FARTHEST_MS);
}

/* Whoever writes into our sets does not write into our requests: what is no number of a message is left out. */
static bool
is_message_id(struct bh_str id)
{
    int64_t number;
    return id.len > 0 && id.ptr[0] != '-' && id.ptr[0] != '+' && bh_str_to_int64(id, &number);
}

enum bh_status
bh_decode_pull(const struct redisReply *reply, struct bh_pull_batch *ret_batch)
{
    int64_t number;
    size_t count = bh_reply_count(reply);
    if (count < HEADER || (count - HEADER) % PER_MESSAGE != 0 ||
        (count - HEADER) / PER_MESSAGE > BH_PULL_MESSAGES_MAX ||
        !bh_reply_int(reply, 0, 0, 0, &number) || !bh_reply_int(reply, 1, 0, EXACT_MAX, &number) ||
        !bh_reply_int(reply, 2, -1, EXACT_MAX, &ret_batch->next_ms) ||
        !bh_reply_int(reply, 3, 0, GIVEN_UP_MAX, &number))
        return BH_EPROTO;
    ret_batch->given_up = (unsigned)number;
    ret_batch->count = 0;
    for (size_t at = HEADER; at < count; at += PER_MESSAGE) {
        struct bh_pull_message *message = &ret_batch->messages[ret_batch->count];
        struct bh_str id;
        *message = (struct bh_pull_message){.call = false};
        if (!bh_reply_str(reply, at, &id) ||
            !bh_reply_int(reply, at + 1, 0, EXACT_MAX, &message->accepted.ms))
            return BH_EPROTO;
        if (!is_message_id(id) || id.len >= sizeof(message->id))
            continue;
        memcpy(message->id, id.ptr, id.len);
        ret_batch->count++;
    }
    return BH_OK;
}
