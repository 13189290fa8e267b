#include "redis/report_codec.h"

#include <bellhop/state.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "core/money.h"
#include "redis/reply_view.h"

#define STATUS_FIELDS 4

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
        !text_at(reply, 3, &status.foreign_id))
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

enum bh_report_match
bh_report_match(const struct bh_delivery_report *report, const struct bh_reported_status *status)
{
    if (status->state.len == 0 || report->foreign_id[0] == '\0')
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

void
bh_encode_report(struct bh_call *call, const struct bh_queue_keys *keys,
                 const struct bh_delivery_report *report)
{
    bool has_duration = report->duration_s >= 0, has_price = report->price_per_minute_micro >= 0,
         has_caller = report->caller_id[0] != '\0';
    bh_key_append_status(bh_call_buf(call), keys, report->foreign_id);
    bh_call_end_key(call);
    bh_call_key(call, bh_queue_key(keys, BH_KEY_CONTROL));
    bh_call_key(call, bh_queue_key(keys, BH_KEY_COUNTERS));
    bh_call_text(call, report->message_id);
    bh_call_text(call, bh_delivery_name(report->status));
    bh_call_int(call, report->at.ms);
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
bh_decode_report(const struct redisReply *reply, enum bh_report_code *ret_code)
{
    int64_t code;
    struct bh_str state;
    if (bh_reply_count(reply) != 2 ||
        !bh_reply_int(reply, 0, BH_REPORT_CODE_NOTED, BH_REPORT_CODE_SEVERAL, &code) ||
        !bh_reply_str(reply, 1, &state))
        return BH_EPROTO;
    *ret_code = (enum bh_report_code)code;
    return BH_OK;
}
