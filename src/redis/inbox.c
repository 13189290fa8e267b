#include "redis/inbox.h"

#include <stdio.h>

#include "core/digest.h"
#include "redis/reply_view.h"

#define FIELDS_MAX 7

struct fields {
    struct {
        const char *name, *value;
    } list[FIELDS_MAX];
    size_t count;
};

static void
put(struct fields *fields, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    BH_ASSERT(fields->count < FIELDS_MAX);
    fields->list[fields->count].name = name;
    fields->list[fields->count++].value = value;
}

/* Its id, or for one without an id what it consists of. */
static enum bh_status
name_of(const struct bh_inbound_sms *sms, const char *time, struct bh_digest *ret_digest)
{
    const struct bh_str by_id[] = {BH_STR_LITERAL("id"), bh_str_from(sms->id)};
    const struct bh_str by_content[] = {BH_STR_LITERAL("sms"), bh_str_from(sms->sender),
                                        bh_str_from(sms->system), bh_str_from(time),
                                        bh_str_from(sms->text)};
    if (sms->id[0] != '\0')
        return bh_digest_pieces(by_id, BH_ARRAY_LEN(by_id), ret_digest);
    return bh_digest_pieces(by_content, BH_ARRAY_LEN(by_content), ret_digest);
}

enum bh_status
bh_encode_inbox(struct bh_call *call, const char *prefix, const struct bh_inbound_sms *sms,
                bh_ms keep_ms)
{
    char events[BH_KEY_MAX], seen[BH_KEY_MAX], time[24] = "";
    struct fields fields = {.count = 0};
    struct bh_digest name;
    if (!bh_key_prefix_valid(bh_str_from(prefix)))
        return BH_EINVAL;
    if (sms->at.ms > 0)
        (void)snprintf(time, sizeof(time), "%lld", (long long)sms->at.ms);
    enum bh_status status = name_of(sms, time, &name);
    if (status != BH_OK)
        return status;
    put(&fields, "id", sms->id);
    put(&fields, "sender", sms->sender);
    put(&fields, "system", sms->system);
    put(&fields, "type", sms->type);
    put(&fields, "time", time);
    put(&fields, "text", sms->text);
    put(&fields, "cut", sms->is_cut ? "1" : "");
    (void)snprintf(events, sizeof(events), "%s:{@inbox}:events", prefix);
    (void)snprintf(seen, sizeof(seen), "%s:{@inbox}:seen", prefix);
    bh_call_key(call, bh_str_from(events));
    bh_call_key(call, bh_str_from(seen));
    bh_call_text(call, name.hex);
    bh_call_int(call, BH_INBOX_MAX);
    bh_call_int(call, keep_ms);
    bh_call_int(call, (int64_t)fields.count);
    for (size_t i = 0; i < fields.count; i++) {
        bh_call_text(call, fields.list[i].name);
        bh_call_text(call, fields.list[i].value);
    }
    return BH_OK;
}

enum bh_status
bh_decode_inbox(const struct redisReply *reply, bool *ret_new)
{
    int64_t code;
    if (bh_reply_count(reply) != 1 || !bh_reply_int(reply, 0, 0, 1, &code))
        return BH_EPROTO;
    *ret_new = code == 0;
    return BH_OK;
}
