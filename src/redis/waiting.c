#include "redis/waiting.h"

#include <stdio.h>
#include <string.h>

#include "redis/reply_view.h"

/* More than a script could make of doubles. */
#define MS_MAX    ((int64_t)1 << 53)
#define COUNT_MAX INT64_MAX

enum bh_status
bh_waiting_keys_init(struct bh_waiting_keys *keys, const char *prefix)
{
    if (!bh_key_prefix_valid(bh_str_from(prefix)))
        return BH_EINVAL;
    (void)snprintf(keys->waiting, sizeof(keys->waiting), "%s:{@reports}:waiting", prefix);
    (void)snprintf(keys->letters, sizeof(keys->letters), "%s:{@reports}:letters", prefix);
    (void)snprintf(keys->counters, sizeof(keys->counters), "%s:{@reports}:counters", prefix);
    return BH_OK;
}

void
bh_waiting_name(const struct bh_delivery_report *report, char ret_name[BH_WAITING_NAME_MAX + 1])
{
    const char *status =
        report->status > BH_DELIVERY_OTHER ? bh_delivery_name(report->status) : report->status_word;
    (void)snprintf(ret_name, BH_WAITING_NAME_MAX + 1, "%s %s %s %s",
                   report->event == BH_WEBHOOK_VOICE ? "voice" : "dlr", report->message_id,
                   report->foreign_id, status);
}

static void
begin(struct bh_call *call, const struct bh_waiting_keys *keys, const char *operation)
{
    bh_call_key(call, bh_str_from(keys->waiting));
    bh_call_key(call, bh_str_from(keys->letters));
    bh_call_key(call, bh_str_from(keys->counters));
    bh_call_text(call, operation);
}

void
bh_encode_waiting_keep(struct bh_call *call, const struct bh_waiting_keys *keys,
                       const struct bh_delivery_report *report, enum bh_waiting_why why)
{
    char name[BH_WAITING_NAME_MAX + 1];
    struct bh_buf text;
    bh_waiting_name(report, name);
    bh_buf_init(&text, BH_REPORT_TEXT_MAX);
    begin(call, keys, "keep");
    bh_call_text(call, name);
    enum bh_status status = bh_delivery_report_write(&text, report);
    if (status == BH_OK)
        bh_call_str(call, bh_buf_str(&text));
    else if (call->failed == BH_OK)
        call->failed = status;
    bh_call_text(call, why == BH_WAITING_EARLY ? "early" : "unknown");
    bh_call_int(call, BH_WAITING_MAX);
    bh_buf_release(&text);
}

void
bh_encode_waiting_take(struct bh_call *call, const struct bh_waiting_keys *keys)
{
    begin(call, keys, "take");
    bh_call_int(call, BH_WAITING_TAKE_MAX);
}

void
bh_encode_waiting_done(struct bh_call *call, const struct bh_waiting_keys *keys, const char *name,
                       bool found)
{
    begin(call, keys, "done");
    bh_call_text(call, name);
    bh_call_text(call, found ? "home" : "other");
}

void
bh_encode_waiting_look(struct bh_call *call, const struct bh_waiting_keys *keys)
{
    begin(call, keys, "look");
}

enum bh_status
bh_decode_waiting_kept(const struct redisReply *reply, bool *ret_new)
{
    int64_t code;
    if (bh_reply_count(reply) != 1 || !bh_reply_int(reply, 0, 0, 1, &code))
        return BH_EPROTO;
    *ret_new = code == 0;
    return BH_OK;
}

enum bh_status
bh_decode_waiting_taken(const struct redisReply *reply, struct bh_waiting_taken *ret_taken)
{
    int64_t code;
    struct bh_waiting_taken taken;
    size_t count = bh_reply_count(reply);
    if (count < 2 || count % 2 != 0 || (count - 2) / 2 > BH_WAITING_TAKE_MAX ||
        !bh_reply_int(reply, 0, 0, 0, &code) || !bh_reply_int(reply, 1, -1, MS_MAX, &taken.next_ms))
        return BH_EPROTO;
    taken.count = (count - 2) / 2;
    for (size_t i = 0; i < taken.count; i++) {
        if (!bh_reply_str(reply, 2 + 2 * i, &taken.letters[i].name) ||
            !bh_reply_str(reply, 3 + 2 * i, &taken.letters[i].report))
            return BH_EPROTO;
    }
    ret_taken->next_ms = taken.next_ms;
    ret_taken->count = taken.count;
    memcpy(ret_taken->letters, taken.letters, taken.count * sizeof(taken.letters[0]));
    return BH_OK;
}

static void
take_counter(struct bh_waiting_view *view, struct bh_str name, int64_t value)
{
    const struct {
        const char *name;
        uint64_t *value;
    } rows[] = {
        {"kept:unknown", &view->kept_unknown},
        {"kept:early",   &view->kept_early  },
        {"home",         &view->home        },
        {"other",        &view->other       },
        {"dropped:age",  &view->dropped_age },
        {"dropped:room", &view->dropped_room},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (bh_str_equal_text(name, rows[i].name) && value > 0)
            *rows[i].value = (uint64_t)value;
    }
}

enum bh_status
bh_decode_waiting_look(const struct redisReply *reply, struct bh_waiting_view *ret_view)
{
    struct bh_waiting_view view = {.waiting = 0};
    size_t count = bh_reply_count(reply);
    int64_t code, waiting, value;
    struct bh_str name;
    if (count < 2 || count % 2 != 0 || !bh_reply_int(reply, 0, 0, 0, &code) ||
        !bh_reply_int(reply, 1, 0, COUNT_MAX, &waiting))
        return BH_EPROTO;
    view.waiting = (uint64_t)waiting;
    for (size_t i = 2; i < count; i += 2) {
        if (!bh_reply_str(reply, i, &name))
            return BH_EPROTO;
        if (bh_reply_number(reply, i + 1, &value))
            take_counter(&view, name, value);
    }
    *ret_view = view;
    return BH_OK;
}
