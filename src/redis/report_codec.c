#include "redis/report_codec.h"

#include <bellhop/state.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "core/money.h"
#include "redis/reply_view.h"

#define STATUS_FIELDS 5

/* What is not there is empty. */
static bool
text_at(const struct redisReply *reply, size_t at, struct bh_str *ret_text)
{
    *ret_text = (struct bh_str){"", 0};
    return reply->element[at]->type == REDIS_REPLY_NIL || bh_reply_str(reply, at, ret_text);
}

enum bh_status
bh_decode_reported_status(const struct redisReply *reply, struct bh_reported_status *ret_status)
{
    struct bh_reported_status status;
    if (bh_reply_count(reply) != STATUS_FIELDS || !text_at(reply, 0, &status.state) ||
        !text_at(reply, 1, &status.to) || !text_at(reply, 2, &status.message_ids) ||
        !text_at(reply, 3, &status.foreign_id) || !text_at(reply, 4, &status.type))
        return BH_EPROTO;
    *ret_status = status;
    return BH_OK;
}

static bool
list_has(struct bh_str list, const char *word)
{
    struct bh_str piece, rest = list.len > 0 ? list : (struct bh_str){NULL, 0};
    while (bh_str_split(&rest, ',', &piece)) {
        if (bh_str_equal_text(piece, word))
            return true;
    }
    return false;
}

/* An order may be told of by an SMS and by a call, of one id, in a queue each. */
static bool
is_of_kind(const struct bh_delivery_report *report, const struct bh_reported_status *status)
{
    bool is_call = report->event == BH_WEBHOOK_VOICE;
    return status->type.len == 0 || bh_str_equal_text(status->type, is_call ? "voice" : "sms");
}

enum bh_report_match
bh_report_match(const struct bh_delivery_report *report, const struct bh_reported_status *status)
{
    if (status->state.len == 0 || report->foreign_id[0] == '\0' || !is_of_kind(report, status))
        return BH_REPORT_MATCH_NONE;
    if (status->foreign_id.len > 0 && !bh_str_equal_text(status->foreign_id, report->foreign_id))
        return BH_REPORT_MATCH_NONE;
    if (report->message_id[0] == '\0' || status->message_ids.len == 0)
        return BH_REPORT_MATCH_NAME;
    if (list_has(status->message_ids, report->message_id))
        return BH_REPORT_MATCH_EXACT;
    /* Of several recipients some may be known and others not. */
    if (bh_report_is_for_several(status) && !bh_report_state_is_settled(status->state))
        return BH_REPORT_MATCH_NAME;
    return BH_REPORT_MATCH_OTHER;
}

bool
bh_report_state_is_settled(struct bh_str state)
{
    enum bh_state known;
    char word[16] = "";
    if (state.len == 0 || state.len >= sizeof(word))
        return true;
    memcpy(word, state.ptr, state.len);
    return !bh_state_from_name(word, &known) ||
           (bh_state_is_final(known) && known != BH_STATE_UNKNOWN);
}

bool
bh_report_is_for_several(const struct bh_reported_status *status)
{
    return status->to.len > 0 && memchr(status->to.ptr, ',', status->to.len) != NULL;
}

bool
bh_report_is_of(const struct bh_delivery_report *report, const struct bh_reported_status *status)
{
    return report->message_id[0] != '\0' && is_of_kind(report, status) &&
           list_has(status->message_ids, report->message_id);
}

enum bh_status
bh_decode_message_entry(const struct redisReply *reply, struct bh_str *ret_id)
{
    if (reply->type == REDIS_REPLY_NIL) {
        *ret_id = (struct bh_str){"", 0};
        return BH_OK;
    }
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->len > BH_JOB_ID_MAX)
        return BH_EPROTO;
    *ret_id = (struct bh_str){reply->str, reply->len};
    return BH_OK;
}

static void
add_keys(struct bh_call *call, const struct bh_queue_keys *keys, const struct bh_report_note *note)
{
    static const enum bh_key order[] = {BH_KEY_CONTROL,       BH_KEY_COUNTERS, BH_KEY_EVENTS,
                                        BH_KEY_OPEN,          BH_KEY_PULL,     BH_KEY_CALLBACKS,
                                        BH_KEY_CALLBACK_TRIES};
    bh_key_append_status(bh_call_buf(call), keys, note->id);
    bh_call_end_key(call);
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
    bh_key_append_kept(bh_call_buf(call), keys, note->id);
    bh_call_end_key(call);
    if (note->tracking.open_ms > 0 && note->report->message_id[0] != '\0') {
        bh_key_append_message(bh_call_buf(call), keys, bh_str_from(note->report->message_id));
        bh_call_end_key(call);
    }
}

void
bh_encode_report(struct bh_call *call, const struct bh_queue_keys *keys,
                 const struct bh_report_note *note)
{
    const struct bh_delivery_report *report = note->report;
    bool has_duration = report->duration_s >= 0, has_price = report->price_per_minute_micro >= 0,
         has_caller = report->caller_id[0] != '\0';
    add_keys(call, keys, note);
    bh_call_text(call, note->id);
    bh_call_text(call, report->message_id);
    bh_call_text(call, bh_delivery_name(report->status));
    bh_call_int(call, bh_ms_max(report->at.ms, 0));
    bh_call_int(call, note->events_cap);
    bh_call_int(call, bh_ms_max(note->retention_ms, 1));
    bh_call_int(call, note->tracking.open_ms > 0);
    bh_call_int(call, note->tracking.pull_after_ms);
    bh_call_int(call, (int64_t)has_duration + has_price + has_caller);
    if (has_duration) {
        bh_call_text(call, "duration");
        bh_call_int(call, report->duration_s);
    }
    if (has_price) {
        bh_call_text(call, "price_per_minute");
        bh_call_text(call, bh_money_format(report->price_per_minute_micro).text);
    }
    if (has_caller) {
        bh_call_text(call, "caller_id");
        bh_call_text(call, report->caller_id);
    }
}

enum bh_status
bh_decode_report(const struct redisReply *reply, struct bh_report_noted *ret_noted)
{
    int64_t code, may_resend;
    struct bh_str state;
    if (bh_reply_count(reply) != 3 ||
        !bh_reply_int(reply, 0, BH_REPORT_CODE_NOTED, BH_REPORT_CODE_OTHER, &code) ||
        !bh_reply_str(reply, 1, &state) || !bh_reply_int(reply, 2, 0, 1, &may_resend))
        return BH_EPROTO;
    ret_noted->code = (enum bh_report_code)code;
    ret_noted->may_resend = may_resend == 1;
    return BH_OK;
}
