#include "cli/record.h"

#include <bellhop/job.h>
#include <bellhop/state.h>

#include "cli/session.h"
#include "core/ascii.h"
#include "core/json.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"

enum bh_exit
bh_record_read(struct bh_cli *cli, const char *queue, const struct bh_queue_keys *keys,
               const char *id, struct bh_record *ret_record)
{
    struct bh_buf key;
    bh_buf_init(&key, BH_KEY_MAX + BH_JOB_ID_MAX + 16);
    if (bh_key_append_status(&key, keys, id) != BH_OK) {
        bh_buf_release(&key);
        return bh_cli_fail("short of memory");
    }
    const struct bh_str argv[] = {BH_STR_LITERAL("HGETALL"), bh_buf_str(&key)};
    struct redisReply *reply = NULL;
    enum bh_exit result = bh_session_command(cli, "read the job's status", 2, argv, &reply);
    bh_buf_release(&key);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_reply_count(reply) == 0) {
        bh_redis_reply_free(reply);
        return BH_EXIT_NOTHING;
    }
    *ret_record = (struct bh_record){queue, id, reply};
    return BH_EXIT_DONE;
}

void
bh_record_release(struct bh_record *record)
{
    bh_redis_reply_free(record->reply);
    record->reply = NULL;
}

struct bh_str
bh_record_get(const struct bh_record *record, const char *field)
{
    struct bh_str name, value;
    for (size_t i = 0; i + 1 < bh_reply_count(record->reply); i += 2) {
        if (bh_reply_str(record->reply, i, &name) && bh_str_equal_text(name, field) &&
            bh_reply_str(record->reply, i + 1, &value))
            return value;
    }
    return (struct bh_str){NULL, 0};
}

int64_t
bh_record_number(const struct bh_record *record, const char *field)
{
    int64_t number;
    return bh_str_to_int64(bh_record_get(record, field), &number) ? number : 0;
}

bool
bh_record_is_final(const struct bh_record *record)
{
    struct bh_str word = bh_record_get(record, "state");
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_str_equal_text(word, bh_state_name((enum bh_state)state)))
            return bh_state_is_final((enum bh_state)state);
    }
    return false;
}

bool
bh_record_is_uncertain(const struct bh_record *record)
{
    struct bh_str state = bh_record_get(record, "state");
    return bh_str_equal_text(state, bh_state_name(BH_STATE_UNKNOWN)) ||
           (bh_str_equal_text(state, bh_state_name(BH_STATE_RETRYING)) &&
            bh_str_equal_text(bh_record_get(record, "reason"),
                              bh_reason_name(BH_REASON_UNCERTAIN)));
}

/* "12", "-3" or "0.075": what JSON calls a number, without exponent and without needless zeros. */
static bool
is_number(struct bh_str text)
{
    size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t digits = 0, begin = at;
    while (at < text.len && bh_is_digit(text.ptr[at]))
        at++;
    digits = at - begin;
    if (digits == 0 || (digits > 1 && text.ptr[begin] == '0'))
        return false;
    if (at == text.len)
        return true;
    if (text.ptr[at++] != '.' || at == text.len)
        return false;
    while (at < text.len && bh_is_digit(text.ptr[at]))
        at++;
    return at == text.len;
}

/* Only these are numbers by their meaning: an id or a recipient may look like one and must stay text. */
static bool
is_number_field(struct bh_str name)
{
    static const char *const names[] = {
        "attempts",   "created_at",       "updated_at",    "code",         "http_status", "next_at",
        "expires_at", "sent_at",          "parts",         "delivered_at", "duration",    "price",
        "balance",    "price_per_minute", "resend_number", "callback_at",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(names); i++) {
        if (bh_str_equal_text(name, names[i]))
            return true;
    }
    return false;
}

static bool
is_json(struct bh_str text, enum bh_json_type wanted)
{
    struct bh_json *json;
    if (bh_json_parse(text, BH_JOB_BYTES_MAX_WITH_FILES, BH_JSON_LENIENT, &json, NULL) != BH_OK)
        return false;
    bool is_wanted = bh_json_type(bh_json_root(json)) == wanted;
    bh_json_free(json);
    return is_wanted;
}

void
bh_record_put_members(const struct bh_record *record, struct bh_json_writer *writer)
{
    struct bh_str name, value;
    bh_json_put_text(writer, "queue", record->queue);
    bh_json_put_text(writer, "id", record->id);
    for (size_t i = 0; i + 1 < bh_reply_count(record->reply); i += 2) {
        if (!bh_reply_str(record->reply, i, &name) || !bh_reply_str(record->reply, i + 1, &value))
            continue;
        if (bh_str_equal_text(name, "handle")) /* private to the scripts */
            continue;
        bool raw = (is_number_field(name) && is_number(value)) ||
                   (bh_str_equal_text(name, "recipients") && is_json(value, BH_JSON_ARRAY)) ||
                   (bh_str_equal_text(name, "meta") && is_json(value, BH_JSON_OBJECT));
        /* hiredis ends each string with a NUL, so the name can be handed on as text. */
        if (raw)
            bh_json_put_shown(writer, name.ptr, value);
        else
            bh_json_put_string(writer, name.ptr, value);
    }
}

enum bh_status
bh_record_append_json(const struct bh_record *record, struct bh_buf *buf)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_record_put_members(record, &writer);
    bh_json_close_object(&writer);
    return bh_buf_status(buf);
}
