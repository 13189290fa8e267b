#include "redis/steer.h"

#include "core/fault.h"
#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

static const char *const names[] = {
    [BH_STEER_HOLD] = "hold",     [BH_STEER_RELEASE] = "release", [BH_STEER_CANCEL] = "cancel",
    [BH_STEER_EXPIRE] = "expire", [BH_STEER_RETRY] = "retry",     [BH_STEER_REQUEUE] = "requeue",
    [BH_STEER_DELETE] = "delete",
};

const char *
bh_steering_name(enum bh_steering operation)
{
    return names[operation];
}

void
bh_encode_steer(struct bh_call *call, const struct bh_queue_keys *keys,
                const struct bh_steer *steer)
{
    static const enum bh_key order[] = {BH_KEY_HEADS,     BH_KEY_JOBS,          BH_KEY_READY,
                                        BH_KEY_DUE,       BH_KEY_DEAD,          BH_KEY_CONTROL,
                                        BH_KEY_COUNTERS,  BH_KEY_EVENTS,        BH_KEY_AUDIT,
                                        BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES};
    BH_ASSERT(steer->count <= BH_STEER_MAX);
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
    for (size_t i = 0; i < steer->count; i++) {
        bh_key_append_status(bh_call_buf(call), keys, steer->jobs[i].id);
        bh_call_end_key(call);
        bh_key_append_cancel(bh_call_buf(call), keys, steer->jobs[i].id);
        bh_call_end_key(call);
    }
    bh_call_text(call, names[steer->operation]);
    bh_call_str(call, steer->who);
    bh_call_str(call, steer->chosen_by);
    bh_call_int(call, bh_ms_max(steer->retention_ms, 1));
    bh_call_int(call, steer->events_cap);
    bh_call_str(call, steer->line);
    bh_call_int(call, (int64_t)steer->count);
    for (size_t i = 0; i < steer->count; i++) {
        bh_call_text(call, steer->jobs[i].id);
        bh_call_str(call, steer->jobs[i].handle);
    }
}

enum bh_status
bh_decode_steer(const struct redisReply *reply, size_t count, struct bh_steered *ret_steered,
                struct bh_str *ret_line)
{
    int64_t zero, now, code;
    struct bh_str line;
    if (bh_reply_count(reply) != 3 + 3 * count || !bh_reply_int(reply, 0, 0, 0, &zero) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &now) || !bh_reply_str(reply, 2, &line) ||
        line.len >= BH_STEER_LINE_MAX)
        return BH_EPROTO;
    for (size_t i = 0; i < count; i++) {
        if (!bh_reply_int(reply, 3 + 3 * i, 0, BH_STEERED_CODES - 1, &code) ||
            !bh_reply_str(reply, 4 + 3 * i, &ret_steered[i].before) ||
            !bh_reply_str(reply, 5 + 3 * i, &ret_steered[i].after))
            return BH_EPROTO;
        ret_steered[i].code = (enum bh_steer_code)code;
    }
    *ret_line = line;
    return BH_OK;
}
