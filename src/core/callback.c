#include "core/callback.h"

#include <stdio.h>
#include <string.h>

#include <bellhop/state.h>

#include "core/ascii.h"
#include "core/json.h"
#include "core/json_scan.h"
#include "core/schedule.h"

/* ---- the status hash ---- */

static struct bh_str
get(const struct bh_callback_source *source, const char *name)
{
    for (size_t i = 0; i < source->fields_count; i++) {
        if (bh_str_equal_text(source->fields[i].name, name))
            return source->fields[i].value;
    }
    return (struct bh_str){NULL, 0};
}

static bool
is_final(struct bh_str word)
{
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_str_equal_text(word, bh_state_name((enum bh_state)state)))
            return bh_state_is_final((enum bh_state)state);
    }
    return false;
}

bool
bh_callback_has_news(const struct bh_callback_source *source)
{
    return is_final(get(source, "state")) || get(source, "delivery").len > 0;
}

/* ---- members ---- */

enum form {
    FORM_TEXT,
    FORM_WHOLE,  /* a whole number */
    FORM_NUMBER, /* one with decimals: its text, so that no digit is lost */
    FORM_ARRAY,
    FORM_OBJECT,
    FORM_PATH, /* WORD@MS,WORD@MS */
};

struct member {
    const char *name; /* of the field, too */
    enum form form;
};

static const struct member members[] = {
    {"type",             FORM_TEXT  },
    {"state",            FORM_TEXT  },
    {"reason",           FORM_TEXT  },
    {"code",             FORM_WHOLE },
    {"http_status",      FORM_WHOLE },
    {"error",            FORM_TEXT  },
    {"attempts",         FORM_WHOLE },
    {"to",               FORM_TEXT  },
    {"foreign_id",       FORM_TEXT  },
    {"label",            FORM_TEXT  },
    {"message_id",       FORM_TEXT  },
    {"parts",            FORM_WHOLE },
    {"encoding",         FORM_TEXT  },
    {"price",            FORM_NUMBER},
    {"confirmed_by",     FORM_TEXT  },
    {"recipients",       FORM_ARRAY },
    {"delivery",         FORM_TEXT  },
    {"delivered_at",     FORM_WHOLE },
    {"delivery_path",    FORM_PATH  },
    {"duration",         FORM_WHOLE },
    {"caller_id",        FORM_TEXT  },
    {"price_per_minute", FORM_NUMBER},
    {"meta",             FORM_OBJECT},
    {"resend_of",        FORM_TEXT  },
    {"resend_number",    FORM_WHOLE },
    {"resent_as",        FORM_TEXT  },
    {"created_at",       FORM_WHOLE },
    {"sent_at",          FORM_WHOLE },
    {"updated_at",       FORM_WHOLE },
};

/* A JSON value of that first byte, and nothing behind. */
static bool
is_json(struct bh_str text, char first)
{
    struct bh_json_fault fault;
    return text.len > 0 && text.ptr[0] == first && bh_json_scan(text, &fault);
}

static bool
is_number(struct bh_str text)
{
    return text.len > 0 && text.len <= BH_JSON_NUMBER_MAX &&
           (text.ptr[0] == '-' || bh_is_digit(text.ptr[0])) && is_json(text, text.ptr[0]);
}

static void
put_whole(struct bh_json_writer *writer, const char *name, struct bh_str value)
{
    int64_t number;
    if (bh_str_to_int64(value, &number))
        bh_json_put_int(writer, name, number);
    else
        bh_json_put_null(writer, name);
}

static void
put_json(struct bh_json_writer *writer, const char *name, struct bh_str value, bool is_good)
{
    if (is_good)
        bh_json_put_raw(writer, name, value);
    else
        bh_json_put_null(writer, name);
}

static void
put_path(struct bh_json_writer *writer, const char *name, struct bh_str path)
{
    struct bh_str step, word;
    if (path.len == 0) {
        bh_json_put_null(writer, name);
        return;
    }
    bh_json_open_array(writer, name);
    while (bh_str_split(&path, ',', &step)) {
        if (!bh_str_split(&step, '@', &word) || word.len == 0)
            continue;
        bh_json_open_object(writer, NULL);
        bh_json_put_string(writer, "delivery", word);
        put_whole(writer, "at", step);
        bh_json_close_object(writer);
    }
    bh_json_close_array(writer);
}

static void
put_member(struct bh_json_writer *writer, const struct member *member, struct bh_str value)
{
    switch (member->form) {
    case FORM_TEXT:
        if (value.len > 0)
            bh_json_put_string(writer, member->name, value);
        else
            bh_json_put_null(writer, member->name);
        break;
    case FORM_WHOLE: put_whole(writer, member->name, value); break;
    case FORM_NUMBER: put_json(writer, member->name, value, is_number(value)); break;
    case FORM_ARRAY: put_json(writer, member->name, value, is_json(value, '[')); break;
    case FORM_OBJECT: put_json(writer, member->name, value, is_json(value, '{')); break;
    case FORM_PATH: put_path(writer, member->name, value); break;
    }
}

static enum bh_status
write(const struct bh_callback_source *source, bool whole, struct bh_buf *buf,
      struct bh_digest *ret_delivery)
{
    struct bh_json_writer writer;
    bh_buf_clear(buf);
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "event", get(source, "delivery").len > 0 ? "delivery" : "state");
    bh_json_put_text(&writer, "queue", source->queue);
    bh_json_put_text(&writer, "id", source->id);
    for (size_t i = 0; i < BH_ARRAY_LEN(members); i++) {
        bool leave_out = !whole && members[i].form == FORM_ARRAY;
        struct bh_str value = get(source, members[i].name);
        put_member(&writer, &members[i], leave_out ? (struct bh_str){NULL, 0} : value);
    }
    struct bh_str named = bh_buf_str(buf);
    enum bh_status status = bh_buf_status(buf);
    if (status == BH_OK)
        status = bh_digest_pieces(&named, 1, ret_delivery);
    if (status != BH_OK)
        return status;
    bh_json_put_int(&writer, "at", source->now.ms);
    bh_json_close_object(&writer);
    return bh_buf_status(buf);
}

enum bh_status
bh_callback_write(const struct bh_callback_source *source, struct bh_buf *buf,
                  struct bh_digest *ret_delivery)
{
    enum bh_status status = write(source, true, buf, ret_delivery);
    return status == BH_ETOOBIG ? write(source, false, buf, ret_delivery) : status;
}

/* ---- signature ---- */

enum bh_status
bh_callback_sign(struct bh_str key, struct bh_wall now, struct bh_str body,
                 char ret_header[BH_CALLBACK_SIGNATURE_MAX])
{
    struct bh_sha256_hex mac;
    struct bh_buf text;
    int64_t seconds = now.ms / BH_SECOND_MS;
    bh_buf_init(&text, body.len + 32);
    bh_buf_append_int(&text, seconds);
    bh_buf_append_char(&text, '.');
    bh_buf_append_str(&text, body);
    enum bh_status status = bh_buf_status(&text);
    if (status == BH_OK)
        status = bh_hmac_sha256_hex(key, bh_buf_str(&text), &mac);
    bh_buf_release(&text);
    if (status == BH_OK)
        (void)snprintf(ret_header, BH_CALLBACK_SIGNATURE_MAX, "Bellhop-Signature: t=%lld,v1=%s",
                       (long long)seconds, mac.hex);
    return status;
}

/* ---- schedule ---- */

bool
bh_callback_again(unsigned posts, bh_ms retry_after_ms, uint32_t dice, bh_ms *ret_delay_ms)
{
    static const bh_ms delays_ms[BH_CALLBACK_POSTS_MAX - 1] = {
        10 * BH_SECOND_MS, BH_MINUTE_MS,   5 * BH_MINUTE_MS, 30 * BH_MINUTE_MS,
        2 * BH_HOUR_MS,    6 * BH_HOUR_MS, 12 * BH_HOUR_MS,  24 * BH_HOUR_MS,
    };
    if (posts == 0 || posts > BH_ARRAY_LEN(delays_ms))
        return false;
    *ret_delay_ms = bh_ms_max(bh_jitter_up(delays_ms[posts - 1], dice, 10), retry_after_ms);
    return true;
}
