#include "sim/answer.h"

#include <stdio.h>

#include "sim/encoding.h"

const char BH_SIM_TYPE_TEXT[] = "text/plain; charset=utf-8";
const char BH_SIM_TYPE_JSON[] = "application/json";
const char BH_SIM_TYPE_HTML[] = "text/html; charset=iso-8859-1";

#define KEPT_BYTES_MAX  (64u * 1024)
#define MONEY_UNIT      1000000
#define MONEY_DECIMALS  6
#define MONEY_WHOLE_MAX 9000000000

void
bh_sim_answer_release(struct bh_sim_answer *answer)
{
    bh_sim_buf_release(&answer->body);
    bh_sim_buf_release(&answer->headers);
}

void
bh_sim_answer_clear(struct bh_sim_answer *answer)
{
    if (answer->body.capacity > KEPT_BYTES_MAX)
        bh_sim_buf_release(&answer->body);
    answer->status = 200;
    answer->content_type = BH_SIM_TYPE_TEXT;
    answer->body.len = 0;
    answer->headers.len = 0;
    answer->code = 0;
}

static void
escape_unit(struct bh_sim_buf *buf, uint32_t unit)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\',
                    'u',
                    digits[(unit >> 12) & 15],
                    digits[(unit >> 8) & 15],
                    digits[(unit >> 4) & 15],
                    digits[unit & 15]};
    bh_sim_buf_append(buf, text, sizeof text);
}

static void
escape_code(struct bh_sim_buf *buf, uint32_t code)
{
    static const char named[] = {'"', '\\', '/', '\b', '\f', '\n', '\r', '\t'};
    static const char letters[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    for (size_t at = 0; at < sizeof named; at++) {
        if (code == (unsigned char)named[at]) {
            bh_sim_buf_char(buf, '\\');
            bh_sim_buf_char(buf, letters[at]);
            return;
        }
    }
    if (code > 0xffff) {
        escape_unit(buf, 0xd800 + ((code - 0x10000) >> 10));
        escape_unit(buf, 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
        escape_unit(buf, code);
    }
}

void
bh_sim_json_string(struct bh_sim_buf *buf, struct bh_sim_str text)
{
    bh_sim_buf_reserve(buf, text.len + 2);
    bh_sim_buf_char(buf, '"');
    size_t plain = 0; /* start of the run of bytes that need no escape */
    size_t at = 0;
    while (at < text.len) {
        unsigned char c = (unsigned char)text.ptr[at];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '/') {
            at++;
            continue;
        }
        bh_sim_buf_append(buf, text.ptr + plain, at - plain);
        uint32_t code = 0xfffd;
        if (!bh_sim_utf8_next(text, &at, &code))
            at++;
        escape_code(buf, code);
        plain = at;
    }
    bh_sim_buf_append(buf, text.ptr + plain, text.len - plain);
    bh_sim_buf_char(buf, '"');
}

void
bh_sim_json_text(struct bh_sim_buf *buf, const char *text)
{
    bh_sim_json_string(buf, bh_sim_str_from(text));
}

void
bh_sim_json_string_or_null(struct bh_sim_buf *buf, struct bh_sim_str text)
{
    if (text.len == 0)
        bh_sim_buf_text(buf, "null");
    else
        bh_sim_json_string(buf, text);
}

void
bh_sim_json_bool(struct bh_sim_buf *buf, bool value)
{
    bh_sim_buf_text(buf, value ? "true" : "false");
}

static void
print_sign(struct bh_sim_buf *buf, bh_sim_money amount, uint64_t *ret_amount)
{
    if (amount < 0)
        bh_sim_buf_char(buf, '-');
    *ret_amount = amount < 0 ? 0u - (uint64_t)amount : (uint64_t)amount;
}

void
bh_sim_money_print(struct bh_sim_buf *buf, bh_sim_money amount)
{
    uint64_t rest;
    print_sign(buf, amount, &rest);
    bh_sim_buf_int(buf, (int64_t)(rest / MONEY_UNIT));
    uint64_t fraction = rest % MONEY_UNIT;
    if (fraction == 0)
        return;
    char digits[MONEY_DECIMALS];
    size_t len = MONEY_DECIMALS;
    for (size_t at = MONEY_DECIMALS; at-- > 0; fraction /= 10)
        digits[at] = (char)('0' + fraction % 10);
    while (digits[len - 1] == '0')
        len--;
    bh_sim_buf_char(buf, '.');
    bh_sim_buf_append(buf, digits, len);
}

void
bh_sim_money_print_fixed(struct bh_sim_buf *buf, bh_sim_money amount)
{
    uint64_t rest;
    print_sign(buf, amount, &rest);
    bh_sim_buf_printf(buf, "%llu.%04llu", (unsigned long long)(rest / MONEY_UNIT),
                      (unsigned long long)(rest % MONEY_UNIT / 100));
}

bool
bh_sim_money_parse(struct bh_sim_str text, bh_sim_money *ret_amount)
{
    bool minus = text.len > 0 && text.ptr[0] == '-';
    size_t at = minus ? 1 : 0;
    int64_t whole = 0, fraction = 0;
    size_t digits = 0, decimals = 0;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++, digits++) {
        whole = whole * 10 + (text.ptr[at] - '0');
        if (whole > MONEY_WHOLE_MAX)
            return false;
    }
    if (digits > 0 && at < text.len && text.ptr[at] == '.') {
        for (at++; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
            if (++decimals > MONEY_DECIMALS)
                return false;
            fraction = fraction * 10 + (text.ptr[at] - '0');
        }
    }
    if (digits == 0 || at != text.len)
        return false;
    for (; decimals < MONEY_DECIMALS; decimals++)
        fraction *= 10;
    int64_t amount = whole * MONEY_UNIT + fraction;
    *ret_amount = minus ? -amount : amount;
    return true;
}
