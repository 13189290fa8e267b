#include "redis/resend_codec.h"

#include "redis/reply_view.h"

void
bh_encode_resend(struct bh_call *call, const struct bh_queue_keys *keys, const char *id,
                 const char *new_id, struct bh_str payload, int64_t events_cap)
{
    static const enum bh_key more[] = {BH_KEY_CONTROL, BH_KEY_COUNTERS, BH_KEY_EVENTS,
                                       BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES};
    bh_key_append_kept(bh_call_buf(call), keys, id);
    bh_call_end_key(call);
    bh_call_key(call, bh_queue_key(keys, BH_KEY_RAW));
    bh_key_append_status(bh_call_buf(call), keys, id);
    bh_call_end_key(call);
    for (size_t i = 0; i < BH_ARRAY_LEN(more); i++)
        bh_call_key(call, bh_queue_key(keys, more[i]));
    bh_call_text(call, id);
    bh_call_text(call, new_id);
    bh_call_str(call, payload);
    bh_call_int(call, events_cap);
}

enum bh_status
bh_decode_resend(const struct redisReply *reply, enum bh_resend_code *ret_code)
{
    int64_t code;
    struct bh_str state;
    if (bh_reply_count(reply) != 2 || !bh_reply_int(reply, 0, 0, BH_RESEND_CODE_LAPSED, &code) ||
        !bh_reply_str(reply, 1, &state))
        return BH_EPROTO;
    *ret_code = (enum bh_resend_code)code;
    return BH_OK;
}

void
bh_encode_recall(struct bh_call *call, const struct bh_queue_keys *keys, const char *new_id,
                 bh_ms retention_ms)
{
    bh_key_append_status(bh_call_buf(call), keys, new_id);
    bh_call_end_key(call);
    bh_key_append_cancel(bh_call_buf(call), keys, new_id);
    bh_call_end_key(call);
    bh_call_key(call, bh_queue_key(keys, BH_KEY_CONTROL));
    bh_key_append_kept(bh_call_buf(call), keys, new_id);
    bh_call_end_key(call);
    bh_call_int(call, retention_ms);
}

enum bh_status
bh_decode_recall(const struct redisReply *reply, enum bh_recall_code *ret_code,
                 struct bh_str *ret_next)
{
    int64_t code;
    struct bh_str state, next;
    if (bh_reply_count(reply) != 3 || !bh_reply_int(reply, 0, 0, BH_RECALL_CODE_ALREADY, &code) ||
        !bh_reply_str(reply, 1, &state) || !bh_reply_str(reply, 2, &next))
        return BH_EPROTO;
    *ret_code = (enum bh_recall_code)code;
    *ret_next = next;
    return BH_OK;
}
