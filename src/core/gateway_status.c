#include "core/gateway_status.h"

#include "core/delivery_time.h"
#include "core/gateway_body.h"
#include "core/gateway_code.h"
#include "core/json.h"
#include "core/scan.h"

struct bh_pulled_message *
bh_pulled_find(struct bh_pulled_message *messages, size_t count, struct bh_str id)
{
    for (size_t i = 0; i < count; i++)
        if (bh_str_equal_text(id, messages[i].id))
            return &messages[i];
    return NULL;
}

/* False: the word is none of an SMS. */
static bool
learn(struct bh_pulled_message *message, const struct bh_zone *zone, struct bh_str word,
      struct bh_str time)
{
    enum bh_delivery delivery = bh_delivery_from_word(bh_str_trim(word), false);
    if (delivery <= BH_DELIVERY_OTHER)
        return false;
    if (message->delivery != BH_DELIVERY_NONE)
        return true;
    message->delivery = delivery;
    if (!bh_delivery_time_parse(bh_str_trim(time), zone, &message->at))
        message->at = (struct bh_wall){0};
    return true;
}

/* ---- codes ----------------------------------------------------------------------------------------- */

static bool
means_unknown(const struct bh_status_asked *asked, int code)
{
    return asked->count == 1 && (code == 600 || (code == 901 && !asked->is_signed));
}

static enum bh_pulled
judge_code(const struct bh_status_asked *asked, int code, int *ret_code)
{
    if (means_unknown(asked, code))
        return BH_PULLED_READ;
    *ret_code = code;
    if (code == 901 && !asked->is_signed)
        return BH_PULLED_NOT_SO; /* one of several numbers is none */
    return bh_gateway_code_find(code)->action == BH_ACTION_PAUSE_AUTH ? BH_PULLED_REFUSED
                                                                      : BH_PULLED_NOT_SO;
}

static enum bh_pulled
judge_status(int http_status)
{
    switch (http_status) {
    case 401:
    case 403: return BH_PULLED_REFUSED;
    case 404:
    case 405:
    case 410:
    case 501: return BH_PULLED_NOT_SO;
    default: return BH_PULLED_NOTHING;
    }
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

/* True: it is an entry of a list of this kind, about whomever and whatever it says. */
static bool
read_entry(const struct bh_status_asked *asked, const struct bh_json *json,
           const struct bh_json_value *item)
{
    const struct bh_json_value *word = bh_json_get(item, "status");
    struct bh_str id, text, time = {"", 0};
    if (!bh_gateway_scalar(json, bh_json_get(item, "id"), &id))
        return false;
    if (bh_json_type(word) == BH_JSON_NULL)
        return true;
    if (!bh_json_string(word, &text))
        return false;
    if (!bh_gateway_scalar(json, bh_json_get(item, "status_time"), &time))
        time = (struct bh_str){"", 0};
    struct bh_pulled_message *message = bh_pulled_find(asked->messages, asked->count, id);
    return message == NULL || text.len == 0 || learn(message, asked->zone, text, time);
}

/* An array, or the object that PHP makes of an array with holes in its numbering. */
static enum bh_pulled
read_list(const struct bh_status_asked *asked, const struct bh_json *json,
          const struct bh_json_value *list)
{
    size_t entries = 0, read = 0;
    const struct bh_json_value *item = bh_json_first(list);
    for (; item != NULL; item = bh_json_next(item)) {
        entries++;
        if (bh_json_type(item) == BH_JSON_OBJECT)
            read += read_entry(asked, json, item);
    }
    return entries == 0 || read > 0 ? BH_PULLED_READ : BH_PULLED_NOT_SO;
}

static enum bh_pulled
read_object(const struct bh_status_asked *asked, const struct bh_json *json,
            const struct bh_json_value *root, int *ret_code)
{
    static const char *const names[] = {"success", "error", "code"};
    int code = 0;
    if (bh_json_type(bh_json_get(root, "id")) != BH_JSON_NONE)
        return read_entry(asked, json, root) ? BH_PULLED_READ : BH_PULLED_NOT_SO;
    for (size_t i = 0; i < BH_ARRAY_LEN(names) && code == 0; i++)
        if (!bh_gateway_success(json, bh_json_get(root, names[i]), &code))
            code = 0;
    if (code != 0)
        return judge_code(asked, code, ret_code);
    if (bh_json_type(bh_json_first(root)) == BH_JSON_OBJECT)
        return read_list(asked, json, root);
    return BH_PULLED_NOT_SO;
}

static enum bh_pulled
read_json(const struct bh_status_asked *asked, struct bh_str text, int *ret_code)
{
    struct bh_json *json;
    enum bh_pulled pulled = BH_PULLED_NOT_SO;
    enum bh_status status = bh_json_parse(text, text.len, BH_JSON_LENIENT, &json, NULL);
    if (status != BH_OK)
        return status == BH_ENOMEM ? BH_PULLED_NOTHING : BH_PULLED_NOT_SO;
    const struct bh_json_value *root = bh_json_root(json);
    if (bh_json_type(root) == BH_JSON_ARRAY)
        pulled = read_list(asked, json, root);
    else if (bh_json_type(root) == BH_JSON_OBJECT)
        pulled = read_object(asked, json, root, ret_code);
    bh_json_free(json);
    return pulled;
}

/* ---- text ------------------------------------------------------------------------------------------ */

static enum bh_pulled
read_lines(const struct bh_status_asked *asked, struct bh_str text)
{
    struct bh_str word = {"", 0}, time = {"", 0};
    if (asked->count != 1 || !bh_str_split(&text, '\n', &word))
        return BH_PULLED_NOT_SO;
    if (text.ptr != NULL)
        (void)bh_str_split(&text, '\n', &time);
    bool more = text.ptr != NULL && bh_str_trim(text).len > 0;
    return !more && learn(&asked->messages[0], asked->zone, word, time) ? BH_PULLED_READ
                                                                        : BH_PULLED_NOT_SO;
}

enum bh_pulled
bh_gateway_status_read(const struct bh_exchange *exchange, const struct bh_status_asked *asked,
                       int *ret_code)
{
    BH_ASSERT(asked->count > 0 && asked->count <= BH_PULL_MESSAGES_MAX);
    struct bh_str text = bh_gateway_body_text(exchange);
    int code;
    *ret_code = 0;
    if (!bh_gateway_body_decides(exchange))
        return judge_status(exchange->http_status);
    if (text.len == 0)
        return BH_PULLED_NOTHING;
    if (bh_gateway_code_parse(text, &code))
        return judge_code(asked, code, ret_code);
    if (text.ptr[0] == '[' || text.ptr[0] == '{')
        return read_json(asked, text, ret_code);
    return read_lines(asked, text);
}

const char *
bh_pulled_name(enum bh_pulled pulled)
{
    switch (pulled) {
    case BH_PULLED_READ: return "read";
    case BH_PULLED_REFUSED: return "refused";
    case BH_PULLED_NOT_SO: return "not_so";
    case BH_PULLED_NOTHING: return "nothing";
    }
    return "unknown";
}
