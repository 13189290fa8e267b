#include <string.h>

#include "core/alloc.h"
#include "core/gateway_body.h"
#include "core/money.h"

/* A message of 1520 characters has ten parts; a larger number is not a count of parts. */
#define PARTS_MAX 1000

/* What a `success` can say beside a code. */
#define SAYS_NO 0

bool
bh_gateway_scalar(const struct bh_json *json, const struct bh_json_value *value,
                  struct bh_str *ret_text)
{
    if (bh_json_type(value) != BH_JSON_NUMBER)
        return bh_json_string(value, ret_text);
    *ret_text = bh_json_raw(json, value);
    return true;
}

/* The same without blanks around it. */
static bool
scalar_text(const struct bh_json *json, const struct bh_json_value *value, struct bh_str *ret_text)
{
    if (!bh_gateway_scalar(json, value, ret_text))
        return false;
    *ret_text = bh_str_trim(*ret_text);
    return true;
}

bool
bh_gateway_success(const struct bh_json *json, const struct bh_json_value *value, int *ret_code)
{
    bool flag;
    struct bh_str text;
    if (bh_json_bool(value, &flag)) {
        *ret_code = flag ? 100 : SAYS_NO;
        return true;
    }
    if (!scalar_text(json, value, &text))
        return false;
    if (bh_gateway_code_parse(text, ret_code))
        return true;
    bool yes = bh_str_equal_text(text, "1") || bh_str_equal_text(text, "true");
    bool no = bh_str_equal_text(text, "0") || bh_str_equal_text(text, "false");
    if (yes || no)
        *ret_code = yes ? 100 : SAYS_NO;
    return yes || no;
}

/* The code in an `error`: a number or a string of digits. */
static bool
read_error_code(const struct bh_json *json, const struct bh_json_value *value, int *ret_code)
{
    struct bh_str text;
    return scalar_text(json, value, &text) && bh_gateway_code_parse(text, ret_code);
}

bool
bh_gateway_money(const struct bh_json *json, const struct bh_json_value *value, int64_t *ret_micro)
{
    struct bh_str text;
    return scalar_text(json, value, &text) && bh_money_parse(text, ret_micro);
}

static int64_t
read_price(const struct bh_json *json, const struct bh_json_value *value)
{
    int64_t micro;
    return bh_gateway_money(json, value, &micro) && micro >= 0 ? micro : -1;
}

static bool
read_debug(const struct bh_json *json, const struct bh_json_value *value)
{
    int code;
    return bh_gateway_success(json, value, &code) && code == 100;
}

/* Cut at a character's start; control characters become blanks, since the words end up in logs. */
static void
copy_words(struct bh_str words, char *ret_text, size_t size)
{
    size_t len = words.len < size ? words.len : size - 1;
    while (len > 0 && len < words.len && ((unsigned char)words.ptr[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++)
        ret_text[i] =
            (unsigned char)words.ptr[i] < 0x20 || words.ptr[i] == 0x7f ? ' ' : words.ptr[i];
    ret_text[len] = '\0';
}

void
bh_gateway_copy_msisdn(struct bh_str text, char ret_msisdn[24])
{
    text = bh_str_trim(text);
    if (text.len > 1 && text.ptr[0] == '+')
        text = (struct bh_str){text.ptr + 1, text.len - 1};
    else if (text.len > 2 && text.ptr[0] == '0' && text.ptr[1] == '0')
        text = (struct bh_str){text.ptr + 2, text.len - 2};
    bh_gateway_copy_digits(text, ret_msisdn, 24);
}

/* Accepted or not, and why not.  Without `success` the message follows the whole request, unless it has an error. */
static void
read_verdict(const struct bh_json *json, const struct bh_json_value *message, int request_code,
             struct bh_recipient_result *result)
{
    int success, error = 0;
    bool has_error = read_error_code(json, bh_json_get(message, "error"), &error);
    if (!bh_gateway_success(json, bh_json_get(message, "success"), &success))
        success = has_error ? SAYS_NO : request_code;

    if (success == 101) /* "at least one failed" says nothing about this one */
        return;
    if (success != 100 && has_error && error == 100) /* refused, because it was accepted? */
        return;
    result->answered = true;
    result->accepted = success == 100;
    if (result->accepted)
        result->code = 100;
    else if (has_error)
        result->code = error;
    else if (success != SAYS_NO)
        result->code = success;
    else if (request_code != 100 && request_code != 101)
        result->code = request_code;
}

static void
read_message(const struct bh_json *json, const struct bh_json_value *message, int request_code,
             struct bh_recipient_result *result)
{
    struct bh_str text;
    int64_t parts;

    *result = (struct bh_recipient_result){.price_micro = -1};
    if (bh_json_type(message) != BH_JSON_OBJECT)
        return;
    read_verdict(json, message, request_code, result);
    if (scalar_text(json, bh_json_get(message, "id"), &text))
        bh_gateway_copy_digits(text, result->id, sizeof(result->id));
    if (bh_json_int64(json, bh_json_get(message, "parts"), &parts) && parts > 0 &&
        parts <= PARTS_MAX)
        result->parts = (int)parts;
    result->price_micro = read_price(json, bh_json_get(message, "price"));
    if (bh_gateway_scalar(json, bh_json_get(message, "recipient"), &text))
        bh_gateway_copy_msisdn(text, result->msisdn);
    if (!result->accepted && (bh_json_string(bh_json_get(message, "error_text"), &text) ||
                              bh_json_string(bh_json_get(message, "error"), &text)))
        copy_words(text, result->error, sizeof(result->error));
}

/* An array, or the object that PHP makes of an array with holes in its numbering. */
static enum bh_status
read_messages(const struct bh_json *json, const struct bh_json_value *messages, size_t count_max,
              struct bh_gateway_body *body)
{
    size_t count = bh_json_count(messages);
    if (count > count_max)
        count = count_max;
    if (count == 0)
        return BH_OK;
    body->messages = bh_alloc_array(count, sizeof(*body->messages));
    if (body->messages == NULL)
        return BH_ENOMEM;

    const struct bh_json_value *message = bh_json_first(messages);
    for (; body->messages_count < count && message != NULL; message = bh_json_next(message)) {
        read_message(json, message, body->code, &body->messages[body->messages_count]);
        body->messages_count++;
        struct bh_str encoding;
        if (body->encoding[0] == '\0' &&
            bh_json_string(bh_json_get(message, "encoding"), &encoding))
            bh_gateway_copy_encoding(encoding, body->encoding);
    }
    return BH_OK;
}

static enum bh_status
read_object(const struct bh_json *json, const struct bh_gateway_asked *asked,
            struct bh_gateway_body *ret_body)
{
    const struct bh_json_value *root = bh_json_root(json);
    struct bh_gateway_body body = {0};

    if (!bh_gateway_success(json, bh_json_get(root, "success"), &body.code))
        return BH_EPROTO;
    if (body.code == SAYS_NO && !read_error_code(json, bh_json_get(root, "error"), &body.code))
        (void)read_error_code(json, bh_json_get(root, "code"), &body.code); /* else it stays 0 */
    body.debug = read_debug(json, bh_json_get(root, "debug"));
    if (!bh_gateway_money(json, bh_json_get(root, "balance"), &body.balance_micro))
        body.balance_micro = INT64_MIN;
    body.total_price_micro = read_price(json, bh_json_get(root, "total_price"));

    enum bh_status status = read_messages(json, bh_json_get(root, "messages"),
                                          asked->recipients_count + BH_GATEWAY_EXTRAS_MAX, &body);
    if (status != BH_OK) {
        bh_gateway_body_release(&body);
        return status;
    }
    *ret_body = body;
    return BH_OK;
}

enum bh_status
bh_gateway_body_read_json(struct bh_str text, const struct bh_gateway_asked *asked,
                          struct bh_gateway_body *ret_body)
{
    struct bh_json *json;
    enum bh_status status = bh_json_parse(text, text.len, BH_JSON_LENIENT, &json, NULL);
    if (status == BH_ENOMEM)
        return status;
    if (status != BH_OK)
        return BH_EPROTO;
    status = read_object(json, asked, ret_body);
    bh_json_free(json);
    return status;
}
