#include "core/gateway_hooks.h"

#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/gateway_body.h"
#include "core/gateway_code.h"
#include "core/json.h"
#include "core/webhook_address.h"

#define ARENA_BYTES ((size_t)4 * 1024)
#define WORDS_BYTES ((size_t)4 * 1024)

const char *const bh_hooks_events[] = {"dlr",        "voice_status", "sms_mo",   "all",
                                       "voice_call", "voice_dtmf",   "tracking", "rcs",
                                       "rcs_dlr",    "rcs_mo",       NULL};
const char *const bh_hooks_methods[] = {"POST", "GET", "JSON", NULL};

bool
bh_hooks_event_is_known(const char *event)
{
    for (size_t i = 0; bh_hooks_events[i] != NULL; i++)
        if (strcmp(event, bh_hooks_events[i]) == 0)
            return true;
    return false;
}

/* ---- what did not work ---- */

static void
judge_code(int code, struct bh_hooks_answer *answer)
{
    answer->result = BH_HOOKS_REFUSED;
    answer->code = code;
    snprintf(answer->error, sizeof(answer->error), "the gateway refuses: %s (code %d)",
             bh_gateway_code_find(code)->meaning, code);
}

static void
judge_without_body(const struct bh_exchange *exchange, struct bh_hooks_answer *answer)
{
    answer->result = exchange->http_status >= 300 ? BH_HOOKS_REFUSED : BH_HOOKS_UNANSWERED;
    if (exchange->http_status >= 300)
        snprintf(
            answer->error, sizeof(answer->error), "the gateway refuses: %s (HTTP %d)",
            bh_gateway_status_find(exchange->http_status, exchange->retry_after_ms >= 0)->meaning,
            exchange->http_status);
    else
        snprintf(answer->error, sizeof(answer->error), "%s",
                 bh_trouble_sentence(exchange->trouble));
}

static void
judge_unreadable(struct bh_str text, struct bh_hooks_answer *answer)
{
    answer->result = BH_HOOKS_UNANSWERED;
    snprintf(answer->error, sizeof(answer->error), "%s",
             text.len == 0                                   ? "the answer is empty"
             : bh_str_starts_with(text, BH_STR_LITERAL("<")) ? "the answer is a web page"
                                                             : "the answer cannot be read");
}

/* In the gateway's own words, which are a stranger's, and may repeat the URL that was to be subscribed. */
static void
judge_words(const struct bh_json_value *root, struct bh_hooks_answer *answer)
{
    static const char *const names[] = {"error_message", "error", "message"};
    struct bh_str words = {"", 0};
    for (size_t i = 0; i < BH_ARRAY_LEN(names) && words.len == 0; i++)
        if (!bh_json_string(bh_json_get(root, names[i]), &words))
            words.len = 0;
    answer->result = BH_HOOKS_REFUSED;
    struct bh_buf shown;
    bh_buf_init(&shown, WORDS_BYTES);
    (void)bh_webhook_mask(words, (struct bh_str){"", 0}, &shown);
    if (shown.len > 0)
        snprintf(answer->error, sizeof(answer->error), "the gateway refuses: \"%s\"",
                 bh_quote(bh_buf_str(&shown)).text);
    else
        snprintf(answer->error, sizeof(answer->error), "the gateway refuses and does not say why");
    bh_buf_release(&shown);
}

const char *
bh_hooks_advice(const struct bh_hooks_answer *answer)
{
    if (answer->result == BH_HOOKS_DONE)
        return "";
    switch (answer->code) {
    case 900: return "look at [gateway] api_key";
    case 901: return "look at [gateway] signing_key, and at this machine's clock";
    case 902:
        return "give the key the right to webhooks in the gateway's settings, or subscribe there "
               "by hand";
    case 903: return "allow this machine's address in the gateway's settings of the key";
    default: break;
    }
    switch (answer->http_status) {
    case 401:
    case 403: return "look at [gateway] api_key, and at its rights in the gateway's settings";
    case 404: return "look at [gateway] url: there is no /hooks below it";
    default: break;
    }
    if (answer->result == BH_HOOKS_REFUSED && answer->http_status < 300)
        return "look at the URL: it has to be one that the gateway can reach";
    if (answer->result == BH_HOOKS_UNANSWERED && answer->http_status >= 200)
        return "look at [gateway] url: something else may answer there";
    return answer->trouble == BH_TROUBLE_RESOLVE || answer->trouble == BH_TROUBLE_CONNECT ||
                   answer->trouble == BH_TROUBLE_CERTIFICATE || answer->trouble == BH_TROUBLE_TLS
               ? "bellhop doctor looks at the way to the gateway"
               : "";
}

/* ---- an answer taken apart ---- */

/* Whether `success`, or a code in its place, allows to read on. */
static bool
is_success(const struct bh_json *json, const struct bh_json_value *root,
           struct bh_hooks_answer *answer)
{
    static const char *const names[] = {"success", "code"};
    const struct bh_json_value *success = bh_json_get(root, "success");
    bool is_array = bh_json_type(root) == BH_JSON_ARRAY;
    int code;
    for (size_t i = 0; i < BH_ARRAY_LEN(names); i++) {
        bool is_code = bh_gateway_success(json, bh_json_get(root, names[i]), &code);
        if (is_code && code != 0 && code != 100) {
            judge_code(code, answer);
            return false;
        }
    }
    if (is_array || (bh_json_type(success) == BH_JSON_NONE && bh_json_get(root, "hooks") != NULL))
        return true;
    if (bh_gateway_success(json, success, &code) && code == 100)
        return true;
    if (bh_json_type(success) == BH_JSON_NONE && bh_json_get(root, "error_message") == NULL)
        judge_unreadable(bh_json_raw(json, root), answer);
    else
        judge_words(root, answer);
    return false;
}

/* The document of a successful answer, which the caller frees; NULL: it is judged, or memory is short. */
static enum bh_status
open_answer(const struct bh_exchange *exchange, struct bh_hooks_answer *answer,
            struct bh_json **ret_json)
{
    struct bh_str text = bh_gateway_body_text(exchange);
    struct bh_json *json = NULL;
    int code;
    *answer = (struct bh_hooks_answer){
        .result = BH_HOOKS_UNANSWERED,
        .http_status = exchange->http_status,
        .trouble = exchange->trouble,
    };
    bh_arena_init(&answer->arena, ARENA_BYTES);
    *ret_json = NULL;
    if (!bh_gateway_body_decides(exchange)) {
        judge_without_body(exchange, answer);
        return BH_OK;
    }
    if (bh_gateway_code_parse(text, &code)) {
        judge_code(code, answer);
        return BH_OK;
    }
    enum bh_status status = bh_json_parse(text, text.len, BH_JSON_LENIENT, &json, NULL);
    if (status == BH_ENOMEM)
        return status;
    enum bh_json_type type = status == BH_OK ? bh_json_type(bh_json_root(json)) : BH_JSON_NONE;
    if (type != BH_JSON_OBJECT && type != BH_JSON_ARRAY)
        judge_unreadable(text, answer);
    else if (is_success(json, bh_json_root(json), answer)) {
        *ret_json = json;
        return BH_OK;
    }
    bh_json_free(json);
    return BH_OK;
}

/* ---- the list ---- */

/* BH_EPROTO: no string; *ret_text is "" for null and nothing. */
static enum bh_status
copy_text(struct bh_hooks_answer *answer, const struct bh_json_value *value, const char **ret_text)
{
    struct bh_str text = {"", 0};
    enum bh_json_type type = bh_json_type(value);
    if (type != BH_JSON_NULL && type != BH_JSON_NONE && !bh_json_string(value, &text))
        return BH_EPROTO;
    *ret_text = bh_arena_text(&answer->arena, text);
    return *ret_text != NULL ? BH_OK : BH_ENOMEM;
}

static enum bh_status
copy_id(const struct bh_json *json, const struct bh_json_value *item,
        struct bh_hooks_answer *answer, const char **ret_id)
{
    struct bh_str text;
    char id[24] = "";
    if (bh_gateway_scalar(json, bh_json_get(item, "id"), &text))
        bh_gateway_copy_digits(text, id, sizeof(id));
    *ret_id = bh_arena_text(&answer->arena, bh_str_from(id));
    return *ret_id != NULL ? BH_OK : BH_ENOMEM;
}

/* What is switched off says so; all else is on. */
static bool
is_enabled(const struct bh_json *json, const struct bh_json_value *value)
{
    int code;
    return bh_json_type(value) == BH_JSON_NONE || bh_json_type(value) == BH_JSON_NULL ||
           !bh_gateway_success(json, value, &code) || code != 0;
}

static enum bh_status
copy_hook(const struct bh_json *json, const struct bh_json_value *item,
          struct bh_hooks_answer *answer, struct bh_gateway_hook *hook)
{
    struct {
        const char *name;
        const char **member;
    } const rows[] = {
        {"target_url",     &hook->url    },
        {"event_type",     &hook->event  },
        {"event_filter",   &hook->filter },
        {"request_method", &hook->method },
        {"created",        &hook->created},
    };
    enum bh_status status =
        bh_json_type(item) == BH_JSON_OBJECT ? copy_id(json, item, answer, &hook->id) : BH_EPROTO;
    for (size_t i = 0; i < BH_ARRAY_LEN(rows) && status == BH_OK; i++)
        status = copy_text(answer, bh_json_get(item, rows[i].name), rows[i].member);
    if (status == BH_OK && (hook->url[0] == '\0' || hook->event[0] == '\0'))
        status = BH_EPROTO;
    if (status == BH_OK && hook->filter[0] == '\0')
        hook->filter = NULL;
    hook->enabled = is_enabled(json, bh_json_get(item, "enabled"));
    return status;
}

/* An array, the object that PHP makes of one with holes, or null for none at all. */
static enum bh_status
copy_list(const struct bh_json *json, const struct bh_json_value *list,
          struct bh_hooks_answer *answer)
{
    enum bh_json_type type = bh_json_type(list);
    size_t count = bh_json_count(list);
    if (type == BH_JSON_NULL)
        return BH_OK;
    if ((type != BH_JSON_ARRAY && type != BH_JSON_OBJECT) || count > BH_HOOKS_MAX)
        return BH_EPROTO;
    if (count > 0)
        answer->hooks = bh_arena_array(&answer->arena, count, sizeof(answer->hooks[0]));
    if (count > 0 && answer->hooks == NULL)
        return BH_ENOMEM;
    enum bh_status status = BH_OK;
    const struct bh_json_value *item = bh_json_first(list);
    for (; item != NULL && status == BH_OK; item = bh_json_next(item))
        status = copy_hook(json, item, answer, &answer->hooks[answer->count++]);
    return status;
}

enum bh_status
bh_hooks_read_list(const struct bh_exchange *exchange, struct bh_hooks_answer *ret_answer)
{
    struct bh_hooks_answer answer;
    struct bh_json *json;
    enum bh_status status = open_answer(exchange, &answer, &json);
    if (status == BH_OK && json != NULL) {
        const struct bh_json_value *root = bh_json_root(json);
        status = copy_list(
            json, bh_json_type(root) == BH_JSON_ARRAY ? root : bh_json_get(root, "hooks"), &answer);
        answer.result = status == BH_OK ? BH_HOOKS_DONE : BH_HOOKS_UNANSWERED;
        if (status == BH_EPROTO) {
            answer.count = 0;
            snprintf(answer.error, sizeof(answer.error), "the list of webhooks cannot be read");
            status = BH_OK;
        }
        bh_json_free(json);
    }
    if (status == BH_OK)
        *ret_answer = answer;
    else
        bh_hooks_answer_release(&answer);
    return status;
}

enum bh_status
bh_hooks_read_change(const struct bh_exchange *exchange, struct bh_hooks_answer *ret_answer)
{
    struct bh_hooks_answer answer;
    struct bh_json *json;
    struct bh_str id;
    enum bh_status status = open_answer(exchange, &answer, &json);
    if (status == BH_OK && json != NULL) {
        answer.result = BH_HOOKS_DONE;
        if (bh_gateway_scalar(json, bh_json_get(bh_json_root(json), "id"), &id))
            bh_gateway_copy_digits(id, answer.id, sizeof(answer.id));
        bh_json_free(json);
    }
    if (status == BH_OK)
        *ret_answer = answer;
    else
        bh_hooks_answer_release(&answer);
    return status;
}

void
bh_hooks_answer_release(struct bh_hooks_answer *answer)
{
    bh_arena_release(&answer->arena);
    answer->hooks = NULL;
    answer->count = 0;
}

/* ---- finding ourselves ---- */

static enum bh_hooks_fit
fit_of(const struct bh_gateway_hook *hook, struct bh_str address, const char *event)
{
    struct bh_str url = bh_str_from(hook->url);
    if (strcmp(hook->event, event) != 0 && strcmp(hook->event, "all") != 0)
        return BH_HOOKS_FIT_NONE;
    if (!bh_webhook_is_same(url, address))
        return bh_webhook_is_former(url, address) ? BH_HOOKS_FIT_FORMER : BH_HOOKS_FIT_NONE;
    if (!hook->enabled)
        return BH_HOOKS_FIT_DISABLED;
    return hook->filter != NULL ? BH_HOOKS_FIT_FILTERED : BH_HOOKS_FIT_GOOD;
}

struct bh_hooks_found
bh_hooks_find(const struct bh_hooks_answer *list, const char *address, const char *event)
{
    struct bh_hooks_found found = {.fit = BH_HOOKS_FIT_NONE};
    for (size_t i = 0; i < list->count; i++) {
        enum bh_hooks_fit fit = fit_of(&list->hooks[i], bh_str_from(address), event);
        if (fit > found.fit)
            found = (struct bh_hooks_found){.fit = fit, .hook = &list->hooks[i]};
        found.good += fit == BH_HOOKS_FIT_GOOD ? 1 : 0;
    }
    return found;
}
