#include "redis/queue_view.h"

#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

void
bh_encode_inspect(struct bh_call *call, const struct bh_queue_keys *keys)
{
    static const enum bh_key order[] = {BH_KEY_RAW,   BH_KEY_IN,        BH_KEY_READY,
                                        BH_KEY_DUE,   BH_KEY_LEASES,    BH_KEY_DEAD,
                                        BH_KEY_HEADS, BH_KEY_CONTROL,   BH_KEY_COUNTERS,
                                        BH_KEY_OPEN,  BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES};
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
}

static bool
read_length(const struct redisReply *reply, size_t at, uint64_t *ret_length)
{
    int64_t value;
    if (!bh_reply_int(reply, at, 0, EXACT_MAX, &value))
        return false;
    *ret_length = (uint64_t)value;
    return true;
}

static bool
read_wall(const struct redisReply *reply, size_t at, struct bh_wall *ret_wall)
{
    return bh_reply_int(reply, at, 0, EXACT_MAX, &ret_wall->ms);
}

static bool
read_limit(const struct redisReply *reply, size_t at, int64_t *ret_limit)
{
    struct bh_str text;
    int64_t value = BH_QUEUE_LIMIT_UNSET;
    if (!bh_reply_str(reply, at, &text))
        return false;
    if (text.len > 0 && (!bh_str_to_int64(text, &value) || value < 0 || value > UINT32_MAX))
        return false;
    *ret_limit = value;
    return true;
}

static bool
read_pause(const struct redisReply *reply, struct bh_queue_view *view)
{
    int64_t paused;
    if (!bh_reply_int(reply, 10, 0, 1, &paused) || !bh_reply_str(reply, 11, &view->reason) ||
        !bh_reply_str(reply, 12, &view->by) || !read_wall(reply, 13, &view->since))
        return false;
    view->paused = paused == 1;
    return true;
}

static bool
read_open(const struct redisReply *reply, struct bh_queue_view *view)
{
    for (size_t i = 0; i < BH_QUEUE_OPEN_AGES; i++) {
        if (!read_length(reply, 20 + i, &view->open_for[i]))
            return false;
    }
    return read_length(reply, 18, &view->open) && read_wall(reply, 19, &view->silent_since);
}

static bool
read_callbacks(const struct redisReply *reply, struct bh_queue_view *view)
{
    return read_length(reply, 23, &view->callbacks) &&
           read_length(reply, 24, &view->callbacks_failing) &&
           read_wall(reply, 25, &view->callbacks_due) &&
           read_wall(reply, 26, &view->callbacks_failing_since) &&
           bh_reply_str(reply, 27, &view->callbacks_error);
}

enum bh_status
bh_decode_inspect(const struct redisReply *reply, struct bh_queue_view *ret_view)
{
    struct bh_queue_view view = {.reply = reply};
    size_t count = bh_reply_count(reply);
    int64_t code;
    if (count < BH_QUEUE_VIEW_HEADER || (count - BH_QUEUE_VIEW_HEADER) % 2 != 0 ||
        !bh_reply_int(reply, 0, 0, 0, &code) || !read_wall(reply, 1, &view.server_now) ||
        !read_length(reply, 2, &view.raw) || !read_length(reply, 3, &view.moved) ||
        !read_length(reply, 4, &view.ready) || !read_length(reply, 5, &view.due) ||
        !read_length(reply, 6, &view.leases) || !read_length(reply, 7, &view.dead) ||
        !read_wall(reply, 8, &view.next_due) || !read_wall(reply, 9, &view.ready_created) ||
        !read_pause(reply, &view) || !read_limit(reply, 14, &view.rate) ||
        !read_limit(reply, 15, &view.concurrency) || !read_length(reply, 16, &view.overdue) ||
        !read_wall(reply, 17, &view.pushed_at) || !read_open(reply, &view) ||
        !read_callbacks(reply, &view))
        return BH_EPROTO;
    view.counters_count = (count - BH_QUEUE_VIEW_HEADER) / 2;
    *ret_view = view;
    return BH_OK;
}

bool
bh_queue_view_counter(const struct bh_queue_view *view, size_t at, struct bh_str *ret_name,
                      int64_t *ret_value)
{
    struct bh_str name, text;
    int64_t value;
    if (at >= view->counters_count ||
        !bh_reply_str(view->reply, BH_QUEUE_VIEW_HEADER + 2 * at, &name) ||
        !bh_reply_str(view->reply, BH_QUEUE_VIEW_HEADER + 2 * at + 1, &text) ||
        !bh_str_to_int64(text, &value))
        return false;
    *ret_name = name;
    *ret_value = value;
    return true;
}

int64_t
bh_queue_view_find(const struct bh_queue_view *view, const char *name)
{
    for (size_t i = 0; i < view->counters_count; i++) {
        struct bh_str found;
        int64_t value;
        if (bh_queue_view_counter(view, i, &found, &value) && bh_str_equal_text(found, name))
            return value;
    }
    return 0;
}

static void
begin_control(struct bh_call *call, const struct bh_queue_keys *keys, const char *operation,
              struct bh_str who)
{
    bh_call_key(call, bh_queue_key(keys, BH_KEY_CONTROL));
    bh_call_key(call, bh_queue_key(keys, BH_KEY_AUDIT));
    bh_call_text(call, operation);
    bh_call_str(call, who);
}

void
bh_encode_queue_pause(struct bh_call *call, const struct bh_queue_keys *keys, struct bh_str who,
                      struct bh_str reason)
{
    begin_control(call, keys, "pause", who);
    bh_call_str(call, reason);
}

void
bh_encode_queue_drain(struct bh_call *call, const struct bh_queue_keys *keys, struct bh_str who,
                      struct bh_str reason)
{
    begin_control(call, keys, "drain", who);
    bh_call_str(call, reason);
}

void
bh_encode_queue_resume(struct bh_call *call, const struct bh_queue_keys *keys, struct bh_str who,
                       struct bh_str reason)
{
    begin_control(call, keys, "resume", who);
    bh_call_str(call, reason);
}

static void
add_limit(struct bh_call *call, int64_t limit)
{
    if (limit == BH_QUEUE_LIMIT_STAYS)
        bh_call_text(call, "");
    else if (limit < 0)
        bh_call_text(call, "configured");
    else
        bh_call_int(call, limit);
}

void
bh_encode_queue_limit(struct bh_call *call, const struct bh_queue_keys *keys, struct bh_str who,
                      int64_t rate, int64_t concurrency)
{
    begin_control(call, keys, "limit", who);
    add_limit(call, rate);
    add_limit(call, concurrency);
}

enum bh_status
bh_decode_control(const struct redisReply *reply, struct bh_queue_control *ret_control)
{
    struct bh_queue_control control;
    int64_t code, now;
    if (bh_reply_count(reply) != 4 || !bh_reply_int(reply, 0, 0, 1, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &now) || !read_limit(reply, 2, &control.rate) ||
        !read_limit(reply, 3, &control.concurrency))
        return BH_EPROTO;
    control.changed = code == 0;
    *ret_control = control;
    return BH_OK;
}
