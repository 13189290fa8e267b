#include "sim/payload.h"

#include <string.h>

#include "sim/answer.h"
#include "sim/calendar.h"

void
bh_sim_payload_number(struct bh_sim_payload *payload, const char *name, struct bh_sim_str value)
{
    if (payload->json.len > 0)
        bh_sim_buf_char(&payload->json, ',');
    bh_sim_json_text(&payload->json, name);
    bh_sim_buf_char(&payload->json, ':');
    bh_sim_buf_str(&payload->json, value);
    bh_sim_params_add(&payload->fields, bh_sim_str_from(name), value);
}

void
bh_sim_payload_string(struct bh_sim_payload *payload, const char *name, struct bh_sim_str value)
{
    if (payload->json.len > 0)
        bh_sim_buf_char(&payload->json, ',');
    bh_sim_json_text(&payload->json, name);
    bh_sim_buf_char(&payload->json, ':');
    bh_sim_json_string(&payload->json, value);
    bh_sim_params_add(&payload->fields, bh_sim_str_from(name), value);
}

void
bh_sim_payload_release(struct bh_sim_payload *payload)
{
    bh_sim_buf_release(&payload->json);
    bh_sim_params_release(&payload->fields);
}

static void
append_encoded(struct bh_sim_buf *buf, struct bh_sim_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c != '\0' && strchr("-_.", c) != NULL);
        if (plain) {
            bh_sim_buf_char(buf, (char)c);
        } else if (c == ' ') {
            bh_sim_buf_char(buf, '+');
        } else {
            bh_sim_buf_char(buf, '%');
            bh_sim_buf_char(buf, digits[c >> 4]);
            bh_sim_buf_char(buf, digits[c & 15]);
        }
    }
}

static void
append_field(struct bh_sim_buf *buf, bool nested, struct bh_sim_str name, struct bh_sim_str value)
{
    if (buf->len > 0)
        bh_sim_buf_char(buf, '&');
    if (nested)
        bh_sim_buf_text(buf, "data%5B");
    append_encoded(buf, name);
    if (nested)
        bh_sim_buf_text(buf, "%5D");
    bh_sim_buf_char(buf, '=');
    append_encoded(buf, value);
}

void
bh_sim_payload_form(const struct bh_sim_payload *payload, bool nested, struct bh_sim_buf *buf)
{
    for (size_t at = 0; at < payload->fields.count; at++)
        append_field(buf, nested, bh_sim_params_key(&payload->fields, at),
                     bh_sim_params_value(&payload->fields, at));
}

void
bh_sim_payload_form_event(const char *event, int64_t now_ms, struct bh_sim_buf *buf)
{
    struct bh_sim_buf time = {0};
    bh_sim_calendar_print_iso(&time, now_ms);
    append_field(buf, false, BH_SIM_STR("webhook_event"), bh_sim_str_from(event));
    append_field(buf, false, BH_SIM_STR("webhook_timestamp"), bh_sim_buf_view(&time));
    bh_sim_buf_release(&time);
}

void
bh_sim_payload_json(const struct bh_sim_payload *payload, const char *event, int64_t now_ms,
                    struct bh_sim_buf *buf)
{
    bh_sim_buf_text(buf, "{\"data\":{");
    bh_sim_buf_str(buf, bh_sim_buf_view(&payload->json));
    bh_sim_buf_printf(buf, "},\"webhook_event\":\"%s\",\"webhook_timestamp\":\"", event);
    bh_sim_calendar_print_iso(buf, now_ms);
    bh_sim_buf_text(buf, "\"}");
}
