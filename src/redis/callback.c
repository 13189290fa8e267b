#include "redis/callback.h"

#include <string.h>

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)
#define HEADER    4
#define PER_ENTRY 3

const char *
bh_callback_outcome_name(enum bh_callback_outcome outcome)
{
    static const char *const names[BH_CALLBACK_OUTCOMES] = {
        [BH_CALLBACK_DONE] = "done",         [BH_CALLBACK_AGAIN] = "again",
        [BH_CALLBACK_GIVEN_UP] = "given_up", [BH_CALLBACK_REFUSED] = "refused",
        [BH_CALLBACK_DROPPED] = "dropped",
    };
    return names[outcome];
}

static void
add_keys(struct bh_call *call, const struct bh_queue_keys *keys)
{
    static const enum bh_key order[] = {BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES, BH_KEY_CONTROL,
                                        BH_KEY_COUNTERS};
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
}

void
bh_encode_callback_take(struct bh_call *call, const struct bh_queue_keys *keys, size_t most,
                        bh_ms lease_ms)
{
    BH_ASSERT(most <= BH_CALLBACK_TAKE_MAX && lease_ms > 0);
    add_keys(call, keys);
    bh_call_text(call, "take");
    bh_call_int(call, (int64_t)most);
    bh_call_int(call, lease_ms);
}

static bool
read_text(const struct redisReply *reply, size_t at, char *text, size_t size)
{
    struct bh_str view;
    if (!bh_reply_str(reply, at, &view) || view.len == 0 || view.len >= size ||
        memchr(view.ptr, '\0', view.len) != NULL)
        return false;
    memcpy(text, view.ptr, view.len);
    text[view.len] = '\0';
    return true;
}

static bool
read_entry(const struct redisReply *reply, size_t at, struct bh_callback_entry *entry)
{
    int64_t failed;
    if (!read_text(reply, at, entry->id, sizeof(entry->id)) ||
        !read_text(reply, at + 1, entry->ticket, sizeof(entry->ticket)) ||
        !bh_reply_int(reply, at + 2, 0, INT32_MAX, &failed))
        return false;
    entry->failed = (unsigned)failed;
    return true;
}

enum bh_status
bh_decode_callback_taken(const struct redisReply *reply, struct bh_callback_taken *ret_taken)
{
    size_t count = bh_reply_count(reply);
    int64_t code, waiting;
    if (count < HEADER || (count - HEADER) % PER_ENTRY != 0 ||
        (count - HEADER) / PER_ENTRY > BH_CALLBACK_TAKE_MAX ||
        !bh_reply_int(reply, 0, 0, 0, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &ret_taken->server_now.ms) ||
        !bh_reply_int(reply, 2, -1, EXACT_MAX, &ret_taken->next_ms) ||
        !bh_reply_int(reply, 3, 0, EXACT_MAX, &waiting))
        return BH_EPROTO;
    ret_taken->waiting = (uint64_t)waiting;
    ret_taken->count = (count - HEADER) / PER_ENTRY;
    for (size_t i = 0; i < ret_taken->count; i++) {
        if (!read_entry(reply, HEADER + PER_ENTRY * i, &ret_taken->entries[i]))
            return BH_EPROTO;
    }
    return BH_OK;
}

static const char *
operation_of(const struct bh_callback_word *word)
{
    switch (word->outcome) {
    case BH_CALLBACK_DONE: return "done";
    case BH_CALLBACK_AGAIN: return "again";
    case BH_CALLBACK_REFUSED: return word->delay_ms >= 0 ? "again" : "end";
    case BH_CALLBACK_GIVEN_UP: return "end";
    case BH_CALLBACK_DROPPED: break;
    }
    return "drop";
}

void
bh_encode_callback_word(struct bh_call *call, const struct bh_queue_keys *keys,
                        const struct bh_callback_word *word)
{
    const char *operation = operation_of(word);
    add_keys(call, keys);
    bh_key_append_status(bh_call_buf(call), keys, word->id);
    bh_call_end_key(call);
    bh_call_text(call, operation);
    bh_call_text(call, word->id);
    bh_call_text(call, word->ticket);
    if (strcmp(operation, "again") == 0)
        bh_call_int(call, word->delay_ms);
    if (word->error != NULL) {
        bh_call_text(call, word->error);
        bh_call_text(call, bh_callback_outcome_name(word->outcome));
    }
}

enum bh_status
bh_decode_callback_word(const struct redisReply *reply, bool *ret_changed)
{
    int64_t code, now;
    if (bh_reply_count(reply) != 2 || !bh_reply_int(reply, 0, 0, 1, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &now))
        return BH_EPROTO;
    *ret_changed = code == 1;
    return BH_OK;
}
