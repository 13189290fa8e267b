#include "redis/resolve.h"

#include <string.h>

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

static const char *const words[] = {
    [BH_RESOLVE_SENT] = "sent",
    [BH_RESOLVE_FAILED] = "failed",
    [BH_RESOLVE_RESEND] = "resend",
};

const char *
bh_resolve_word_name(enum bh_resolve_word word)
{
    return words[word];
}

bool
bh_resolve_word_from_name(const char *name, enum bh_resolve_word *ret_word)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (strcmp(words[i], name) == 0) {
            *ret_word = (enum bh_resolve_word)i;
            return true;
        }
    }
    return false;
}

static void
add_message_key(struct bh_call *call, const struct bh_queue_keys *keys,
                const struct bh_resolve *resolve)
{
    for (size_t i = 0; i < resolve->fields_count && resolve->tracking.open_ms > 0; i++) {
        if (strcmp(resolve->fields[i].name, "message_id") == 0) {
            bh_key_append_message(bh_call_buf(call), keys, resolve->fields[i].value);
            bh_call_end_key(call);
            return;
        }
    }
}

static const char *
kept_types(const struct bh_tracking *tracking)
{
    if (tracking->keeps_sms)
        return tracking->keeps_calls ? "sms,voice" : "sms";
    return tracking->keeps_calls ? "voice" : "";
}

void
bh_encode_resolve(struct bh_call *call, const struct bh_queue_keys *keys,
                  const struct bh_resolve *resolve)
{
    static const enum bh_key order[] = {
        BH_KEY_HEADS,     BH_KEY_JOBS,           BH_KEY_LEASES,   BH_KEY_READY,  BH_KEY_DUE,
        BH_KEY_DEAD,      BH_KEY_CONTROL,        BH_KEY_COUNTERS, BH_KEY_EVENTS, BH_KEY_AUDIT,
        BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES, BH_KEY_OPEN,     BH_KEY_PULL};
    bh_key_append_status(bh_call_buf(call), keys, resolve->id);
    bh_call_end_key(call);
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
    bh_key_append_kept(bh_call_buf(call), keys, resolve->id);
    bh_call_end_key(call);
    bh_key_append_cancel(bh_call_buf(call), keys, resolve->id);
    bh_call_end_key(call);
    add_message_key(call, keys, resolve);
    bh_call_text(call, resolve->id);
    bh_call_text(call, words[resolve->word]);
    bh_call_text(call, resolve->source == BH_RESOLVE_BY_OPERATOR ? "operator" : "report");
    bh_call_str(call, resolve->who);
    bh_call_int(call, bh_ms_max(resolve->retention_ms, 1));
    bh_call_int(call, resolve->events_cap);
    bh_call_str(call, resolve->recipient);
    bh_call_str(call, resolve->handle);
    bh_call_int(call, resolve->tracking.open_ms > 0);
    bh_call_int(call, resolve->tracking.pull_after_ms);
    bh_call_text(call, kept_types(&resolve->tracking));
    bh_call_int(call, (int64_t)resolve->fields_count);
    for (size_t i = 0; i < resolve->fields_count; i++) {
        bh_call_text(call, resolve->fields[i].name);
        bh_call_str(call, resolve->fields[i].value);
    }
}

enum bh_status
bh_decode_resolve(const struct redisReply *reply, struct bh_resolved *ret_resolved)
{
    struct bh_resolved resolved = {0};
    int64_t code, attempts, milliseconds;
    if (bh_reply_count(reply) != 8 ||
        !bh_reply_int(reply, 0, BH_RESOLVED_DONE, BH_RESOLVED_SEVERAL, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &resolved.server_now.ms) ||
        !bh_reply_str(reply, 2, &resolved.before) ||
        !bh_reply_int(reply, 3, 0, EXACT_MAX, &resolved.since.ms) ||
        !bh_reply_int(reply, 4, 0, UINT32_MAX, &attempts) ||
        !bh_reply_str(reply, 5, &resolved.why) || !bh_reply_str(reply, 6, &resolved.after) ||
        !bh_reply_int(reply, 7, 0, EXACT_MAX, &milliseconds))
        return BH_EPROTO;
    resolved.code = (enum bh_resolve_code)code;
    resolved.attempts = (uint32_t)attempts;
    if (resolved.code == BH_RESOLVED_LEASED)
        resolved.wait_ms = milliseconds;
    if (resolved.code == BH_RESOLVED_EXPIRED)
        resolved.expired.ms = milliseconds;
    *ret_resolved = resolved;
    return BH_OK;
}
