#include "core/gateway_body.h"

#include <string.h>

#include "core/alloc.h"
#include "core/money.h"

void
bh_gateway_body_release(struct bh_gateway_body *body)
{
    bh_free(body->messages);
    *body = (struct bh_gateway_body){0};
}

bool
bh_gateway_body_decides(const struct bh_exchange *exchange)
{
    return exchange->http_status >= 200 && exchange->http_status <= 299 &&
           exchange->headers_complete && exchange->body_complete;
}

struct bh_str
bh_gateway_body_text(const struct bh_exchange *exchange)
{
    struct bh_str mark = BH_STR_LITERAL("\xef\xbb\xbf"), text = bh_str_trim(exchange->body);
    if (bh_str_starts_with(text, mark))
        text = bh_str_trim((struct bh_str){text.ptr + mark.len, text.len - mark.len});
    return text;
}

bool
bh_gateway_code_parse(struct bh_str text, int *ret_code)
{
    int64_t code;
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = (struct bh_str){text.ptr + 1, text.len - 2};
    if (text.len < 2 || text.len > 3 || !bh_str_to_int64(text, &code))
        return false;
    if (text.ptr[0] == '0' || code < BH_GATEWAY_CODE_MIN || code > BH_GATEWAY_CODE_MAX)
        return false;
    *ret_code = (int)code;
    return true;
}

void
bh_gateway_copy_digits(struct bh_str text, char *ret_digits, size_t size)
{
    ret_digits[0] = '\0';
    if (text.len >= size)
        return;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return;
    if (text.len > 0)
        memcpy(ret_digits, text.ptr, text.len);
    ret_digits[text.len] = '\0';
}

void
bh_gateway_copy_encoding(struct bh_str text, char ret_encoding[8])
{
    ret_encoding[0] = '\0';
    if (bh_str_equal_text(text, "gsm") || bh_str_equal_text(text, "ucs2")) {
        memcpy(ret_encoding, text.ptr, text.len);
        ret_encoding[text.len] = '\0';
    }
}

/* ---- lines of text ------------------------------------------------------------------------------- */

/* "100 LF id LF price" of voice; "100 [LF id]... [LF nine details]" of SMS. */
struct lines {
    struct bh_str rest;
    struct bh_str line; /* the current one, trimmed */
    bool has_line;
};

static void
next_line(struct lines *lines)
{
    lines->has_line = bh_str_split(&lines->rest, '\n', &lines->line);
    if (lines->has_line)
        lines->line = bh_str_trim(lines->line);
}

static bool
is_id(struct bh_str line, char ret_id[24])
{
    bh_gateway_copy_digits(line, ret_id, 24);
    return ret_id[0] != '\0';
}

/* The value behind "label:" if the line begins with one of the two labels, in any case. */
static bool
take_detail(struct bh_str line, const char *german, const char *english, struct bh_str *ret_value)
{
    struct bh_str label, rest = line;
    if (!bh_str_split(&rest, ':', &label) || rest.ptr == NULL)
        return false;
    if (!bh_str_equal_nocase(label, bh_str_from(german)) &&
        !bh_str_equal_nocase(label, bh_str_from(english)))
        return false;
    *ret_value = bh_str_trim(rest);
    return true;
}

/* Booked, price and credit stand above the text, which may have line breaks of its own. */
static void
read_upper_details(struct lines *lines, struct bh_gateway_body *body)
{
    struct bh_str value;
    for (int i = 0; i < 3 && lines->has_line; i++, next_line(lines)) {
        int64_t micro;
        if (take_detail(lines->line, "Preis", "price", &value) && bh_money_parse(value, &micro) &&
            micro >= 0)
            body->total_price_micro = micro;
        if (take_detail(lines->line, "Guthaben", "credit", &value) && bh_money_parse(value, &micro))
            body->balance_micro = micro;
    }
}

/* The last line of `text`, cut off from it. */
static bool
take_last_line(struct bh_str *text, struct bh_str *ret_line)
{
    if (text->len == 0)
        return false;
    size_t start = text->len;
    while (start > 0 && text->ptr[start - 1] != '\n')
        start--;
    *ret_line = bh_str_trim((struct bh_str){text->ptr + start, text->len - start});
    text->len = start > 0 ? start - 1 : 0;
    return true;
}

/* Type, flash, encoding, GSM 03.38 flag and debug stand below the text, so they are read from the end. */
static void
read_lower_details(struct bh_str text, struct bh_gateway_body *body)
{
    struct bh_str line, value;
    for (int i = 0; i < 3 && take_last_line(&text, &line); i++) {
        if (i == 0 && take_detail(line, "Debug", "debug", &value))
            body->debug = bh_str_equal_text(value, "true");
        if (i == 2 && take_detail(line, "Encoding", "encoding", &value))
            bh_gateway_copy_encoding(value, body->encoding);
    }
}

static bool
has_group(const struct bh_gateway_asked *asked)
{
    for (size_t i = 0; i < asked->recipients_count; i++)
        if (asked->recipients[i]->msisdn == NULL)
            return true;
    return false;
}

/*
 * Lines with ids behind a 100 (a call has one; behind it stands the price): one message each, and one without id for each further recipient, who was
 * accepted too.  More ids than recipients are possible with a group only.
 */
static enum bh_status
read_ids(struct lines *lines, const struct bh_gateway_asked *asked, struct bh_gateway_body *body)
{
    size_t count_max =
        asked->recipients_count + (has_group(asked) ? (size_t)BH_GATEWAY_EXTRAS_MAX : 0);
    char id[24];
    if (!lines->has_line || !is_id(lines->line, id))
        return BH_OK;

    body->messages = bh_alloc_array(count_max, sizeof(*body->messages));
    if (body->messages == NULL)
        return BH_ENOMEM;
    do {
        if (body->messages_count < count_max)
            memcpy(body->messages[body->messages_count++].id, id, sizeof(id));
        next_line(lines);
    } while (asked->type == BH_JOB_SMS && lines->has_line && is_id(lines->line, id));
    if (body->messages_count < asked->recipients_count)
        body->messages_count = asked->recipients_count;
    for (size_t i = 0; i < body->messages_count; i++) {
        body->messages[i].answered = body->messages[i].accepted = true;
        body->messages[i].code = 100;
        body->messages[i].price_micro = -1;
    }
    return BH_OK;
}

/* Whatever the amount, a single recipient's message is all that was charged; of several the line is ambiguous. */
static void
settle_price(const struct bh_gateway_asked *asked, struct bh_gateway_body *body)
{
    if (body->code != 100 || asked->recipients_count != 1)
        body->total_price_micro = -1;
    else if (body->debug && body->total_price_micro > 0)
        body->total_price_micro = 0; /* the price line shows what it would have cost */
    if (body->messages_count == 1)
        body->messages[0].price_micro = body->total_price_micro;
}

enum bh_status
bh_gateway_body_read_text(struct bh_str text, const struct bh_gateway_asked *asked,
                          struct bh_gateway_body *ret_body)
{
    struct bh_gateway_body body = {
        .balance_micro = INT64_MIN, .total_price_micro = -1, .debug = asked->debug};
    struct lines lines = {.rest = text};
    int64_t micro;

    next_line(&lines);
    if (!lines.has_line || !bh_gateway_code_parse(lines.line, &body.code))
        return BH_EPROTO;
    next_line(&lines);
    if (body.code == 100) {
        enum bh_status status = read_ids(&lines, asked, &body);
        if (status != BH_OK)
            return status;
    }
    if (asked->type == BH_JOB_VOICE) {
        if (lines.has_line && lines.line.len == 0)
            next_line(&lines); /* a call without id leaves its line empty */
        if (lines.has_line && bh_money_parse(lines.line, &micro) && micro >= 0)
            body.total_price_micro = micro;
    } else if (lines.has_line) {
        read_upper_details(&lines, &body);
        read_lower_details(text, &body);
    }
    settle_price(asked, &body);
    *ret_body = body;
    return BH_OK;
}
