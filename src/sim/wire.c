#include "sim/wire.h"

#include <string.h>

#include "sim/calendar.h"

const char *
bh_sim_wire_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"                             },
        {307, "Temporary Redirect"             },
        {400, "Bad Request"                    },
        {401, "Unauthorized"                   },
        {403, "Forbidden"                      },
        {404, "Not Found"                      },
        {405, "Method Not Allowed"             },
        {408, "Request Timeout"                },
        {413, "Content Too Large"              },
        {414, "URI Too Long"                   },
        {429, "Too Many Requests"              },
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"          },
        {501, "Not Implemented"                },
        {502, "Bad Gateway"                    },
        {503, "Service Unavailable"            },
        {504, "Gateway Timeout"                },
        {505, "HTTP Version Not Supported"     },
    };
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(reasons); at++)
        if (reasons[at].status == status)
            return reasons[at].reason;
    return "Status";
}

static enum bh_sim_framing
framing_of(const struct bh_sim_world *world, const struct bh_sim_exchange *exchange)
{
    if (exchange->effect.framing >= 0)
        return (enum bh_sim_framing)exchange->effect.framing;
    if (exchange->http->minor == 0 && world->config.framing == BH_SIM_FRAMING_CHUNKED)
        return BH_SIM_FRAMING_LENGTH;
    return (enum bh_sim_framing)world->config.framing;
}

static void
print_date(struct bh_sim_world *world, struct bh_sim_buf *out)
{
    int64_t second = bh_sim_now_ms(world) / 1000;
    if (second != world->date_second) {
        struct bh_sim_buf date = {.ptr = world->date, .len = 0, .capacity = sizeof world->date};
        bh_sim_calendar_print_http(&date, second * 1000);
        world->date_second = second;
        world->date_len = date.len;
    }
    bh_sim_buf_text(out, "Date: ");
    bh_sim_buf_append(out, world->date, world->date_len);
    bh_sim_buf_text(out, "\r\n");
}

struct bh_sim_wire
bh_sim_wire_print(struct bh_sim_world *world, struct bh_sim_exchange *exchange, bool close,
                  struct bh_sim_buf *out)
{
    const struct bh_sim_answer *answer = &exchange->answer;
    enum bh_sim_framing framing = framing_of(world, exchange);
    struct bh_sim_wire wire = {.close = close || framing == BH_SIM_FRAMING_CLOSE};
    size_t start = out->len;

    bh_sim_buf_text(out, "HTTP/1.1 ");
    bh_sim_buf_int(out, answer->status);
    bh_sim_buf_char(out, ' ');
    bh_sim_buf_text(out, bh_sim_wire_reason(answer->status));
    bh_sim_buf_text(out, "\r\n");
    print_date(world, out);
    bh_sim_buf_text(out,
                    "Server: Apache\r\nX-Frame-Options: SAMEORIGIN\r\nVary: Accept-Encoding\r\n");
    bh_sim_buf_str(out, bh_sim_buf_view(&answer->headers));
    if (world->config.upgrade_header != 0)
        bh_sim_buf_text(out, wire.close ? "Upgrade: h2\r\nConnection: Upgrade, close\r\n"
                                        : "Upgrade: h2\r\nConnection: Upgrade\r\n");
    else if (wire.close)
        bh_sim_buf_text(out, "Connection: close\r\n");
    else if (exchange->http->minor == 0)
        bh_sim_buf_text(out, "Connection: keep-alive\r\n");
    if (framing == BH_SIM_FRAMING_CHUNKED) {
        bh_sim_buf_text(out, "Transfer-Encoding: chunked\r\n");
    } else if (framing == BH_SIM_FRAMING_LENGTH) {
        bh_sim_buf_text(out, "Content-Length: ");
        bh_sim_buf_int(out, (int64_t)answer->body.len);
        bh_sim_buf_text(out, "\r\n");
    }
    bh_sim_buf_text(out, "Content-Type: ");
    bh_sim_buf_text(out, answer->content_type);
    bh_sim_buf_text(out, "\r\n\r\n");
    wire.head_bytes = out->len - start;

    if (framing != BH_SIM_FRAMING_CHUNKED) {
        bh_sim_buf_str(out, bh_sim_buf_view(&answer->body));
        return wire;
    }
    if (answer->body.len > 0) {
        bh_sim_buf_printf(out, "%zx\r\n", answer->body.len);
        bh_sim_buf_str(out, bh_sim_buf_view(&answer->body));
        bh_sim_buf_text(out, "\r\n");
    }
    bh_sim_buf_text(out, "0\r\n\r\n");
    return wire;
}

static void
answer_status(struct bh_sim_answer *answer, const struct bh_sim_effect *effect)
{
    bh_sim_answer_clear(answer);
    answer->status = (int)effect->status;
    answer->content_type = BH_SIM_TYPE_HTML;
    if (effect->retry_after >= 0)
        bh_sim_buf_printf(&answer->headers, "Retry-After: %lld\r\n",
                          (long long)effect->retry_after);
    if (effect->body[0] != '\0')
        bh_sim_buf_text(&answer->body, effect->body);
    else
        bh_sim_buf_printf(&answer->body, "<html><head><title>%d %s</title></head></html>\n",
                          answer->status, bh_sim_wire_reason(answer->status));
}

void
bh_sim_wire_spoil_answer(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_answer *answer = &exchange->answer;
    const struct bh_sim_effect *effect = &exchange->effect;
    int code = answer->code > 0 ? answer->code : 100;
    switch (effect->kind) {
    case BH_SIM_FAULT_CODE:
        if (effect->recipient[0] == '\0')
            bh_sim_refuse(world, exchange, (int)effect->code);
        break;
    case BH_SIM_FAULT_STATUS: answer_status(answer, effect); break;
    case BH_SIM_FAULT_REDIRECT:
        bh_sim_answer_clear(answer);
        answer->status = 307;
        bh_sim_buf_printf(&answer->headers, "Location: %s\r\n", effect->location);
        break;
    case BH_SIM_FAULT_EMPTY: answer->body.len = 0; break;
    case BH_SIM_FAULT_UNPARSABLE:
        answer->body.len = 0;
        bh_sim_buf_text(&answer->body, effect->body[0] != '\0'
                                           ? effect->body
                                           : "{\"success\":\"100\",\"messages\":[{\"id\":");
        break;
    case BH_SIM_FAULT_BARE_CODE:
        answer->body.len = 0;
        bh_sim_buf_int(&answer->body, code);
        break;
    case BH_SIM_FAULT_QUOTED_CODE:
        answer->body.len = 0;
        bh_sim_buf_printf(&answer->body, "\"%d\"", code);
        break;
    case BH_SIM_FAULT_NONE:
    case BH_SIM_FAULT_DELAY:
    case BH_SIM_FAULT_DROP:
    case BH_SIM_FAULT_HANG:
    case BH_SIM_FAULT_CUT_HEAD:
    case BH_SIM_FAULT_CUT_BODY:
    case BH_SIM_FAULT_BAD_CHUNK:
    case BH_SIM_FAULT_GARBAGE:
    case BH_SIM_FAULT_ENDLESS:
    case BH_SIM_FAULT_DRIP:
    case BH_SIM_FAULT_CONTINUE:
    case BH_SIM_FAULT_DUPLICATE:
    case BH_SIM_FAULT_CLOSE_IDLE:
    case BH_SIM_FAULT_KIND_COUNT: break;
    }
}

static void
cut(struct bh_sim_buf *out, size_t len)
{
    if (len < out->len)
        out->len = len;
}

static size_t
bytes_or(const struct bh_sim_effect *effect, size_t usual)
{
    return effect->bytes >= 0 && (uint64_t)effect->bytes < SIZE_MAX ? (size_t)effect->bytes : usual;
}

void
bh_sim_wire_spoil_bytes(const struct bh_sim_effect *effect, struct bh_sim_wire *wire,
                        struct bh_sim_buf *out)
{
    size_t body_bytes = out->len - wire->head_bytes;
    switch (effect->kind) {
    case BH_SIM_FAULT_CUT_HEAD:
        cut(out, bytes_or(effect, wire->head_bytes - 6));
        wire->close = true;
        break;
    case BH_SIM_FAULT_CUT_BODY: {
        size_t wanted = bytes_or(effect, body_bytes / 2);
        cut(out, wire->head_bytes + (wanted < body_bytes ? wanted : body_bytes));
        wire->close = true;
        break;
    }
    case BH_SIM_FAULT_BAD_CHUNK:
        cut(out, wire->head_bytes);
        bh_sim_buf_text(out, "zz\r\nno chunk size\r\n");
        wire->close = true;
        break;
    case BH_SIM_FAULT_GARBAGE:
        out->len = 0;
        bh_sim_buf_append(out, "\x15\x03\x01\x00\x02\x02\x16 no HTTP at all\n", 7 + 16);
        wire->close = true;
        break;
    case BH_SIM_FAULT_CONTINUE:
        out->len = 0;
        bh_sim_buf_text(out, "HTTP/1.1 100 Continue\r\n\r\n");
        wire->close = true;
        break;
    case BH_SIM_FAULT_DUPLICATE: {
        size_t once = out->len;
        bh_sim_buf_reserve(out, once);
        bh_sim_buf_append(out, out->ptr, once);
        break;
    }
    case BH_SIM_FAULT_ENDLESS: cut(out, wire->head_bytes); break;
    case BH_SIM_FAULT_NONE:
    case BH_SIM_FAULT_DELAY:
    case BH_SIM_FAULT_CODE:
    case BH_SIM_FAULT_STATUS:
    case BH_SIM_FAULT_DROP:
    case BH_SIM_FAULT_HANG:
    case BH_SIM_FAULT_DRIP:
    case BH_SIM_FAULT_EMPTY:
    case BH_SIM_FAULT_UNPARSABLE:
    case BH_SIM_FAULT_BARE_CODE:
    case BH_SIM_FAULT_QUOTED_CODE:
    case BH_SIM_FAULT_CLOSE_IDLE:
    case BH_SIM_FAULT_REDIRECT:
    case BH_SIM_FAULT_KIND_COUNT: break;
    }
}
