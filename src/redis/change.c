#include "redis/change.h"

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

void
bh_encode_change(struct bh_call *call, const struct bh_queue_keys *keys,
                 const struct bh_change *change)
{
    static const enum bh_key order[] = {BH_KEY_HEADS,  BH_KEY_JOBS, BH_KEY_LEASES,  BH_KEY_READY,
                                        BH_KEY_DUE,    BH_KEY_DEAD, BH_KEY_CONTROL, BH_KEY_COUNTERS,
                                        BH_KEY_EVENTS, BH_KEY_AUDIT};
    static const char *const words[] = {
        [BH_CHANGE_RETRY] = "retry",
        [BH_CHANGE_CANCEL] = "cancel",
    };
    bh_key_append_status(bh_call_buf(call), keys, change->id);
    bh_call_end_key(call);
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
    bh_call_text(call, change->id);
    bh_call_text(call, words[change->word]);
    bh_call_str(call, change->who);
    bh_call_int(call, bh_ms_max(change->retention_ms, 1));
    bh_call_int(call, change->events_cap);
}

enum bh_status
bh_decode_change(const struct redisReply *reply, struct bh_changed *ret_changed)
{
    struct bh_changed changed = {0};
    int64_t code, milliseconds;
    if (bh_reply_count(reply) != 5 ||
        !bh_reply_int(reply, 0, BH_CHANGED_DONE, BH_CHANGED_APART, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &changed.server_now.ms) ||
        !bh_reply_str(reply, 2, &changed.before) || !bh_reply_str(reply, 3, &changed.after) ||
        !bh_reply_int(reply, 4, 0, EXACT_MAX, &milliseconds))
        return BH_EPROTO;
    changed.code = (enum bh_change_code)code;
    if (changed.code == BH_CHANGED_LEASED)
        changed.wait_ms = milliseconds;
    *ret_changed = changed;
    return BH_OK;
}
