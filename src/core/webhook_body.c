#include "core/webhook_body.h"

#include "core/alloc.h"
#include "core/fault.h"
#include "core/form.h"
#include "core/json.h"

/* Who is told of the fields. */
struct listener {
    bh_webhook_on_field *on_field;
    void *arg;
};

static void
tell(const struct listener *listener, struct bh_str name, struct bh_str value)
{
    listener->on_field(listener->arg, name, bh_str_trim(value));
}

/* The name inside of data[NAME]; other names are as they are. */
static struct bh_str
without_nesting(struct bh_str name)
{
    static const struct bh_str nest = {"data[", 5};
    if (bh_str_starts_with(name, nest) && name.ptr[name.len - 1] == ']')
        return (struct bh_str){name.ptr + nest.len, name.len - nest.len - 1};
    return name;
}

static enum bh_status
read_form(const struct listener *listener, struct bh_str text)
{
    struct bh_form form = bh_form_from(text);
    struct bh_str written_name, written_value;
    char name[BH_FORM_NAME_MAX + 1];
    if (text.len == 0)
        return BH_OK;
    char *value = bh_alloc(BH_WEBHOOK_VALUE_MAX + 1);
    if (value == NULL)
        return BH_ENOMEM;
    while (bh_form_next_written(&form, &written_name, &written_value)) {
        if (bh_percent_decode(written_name, true, name, sizeof(name)) && name[0] != '\0' &&
            bh_percent_decode(written_value, true, value, BH_WEBHOOK_VALUE_MAX + 1))
            tell(listener, without_nesting(bh_str_from(name)), bh_str_from(value));
    }
    bh_free(value);
    return BH_OK;
}

static void
read_members(const struct listener *listener, const struct bh_json *json,
             const struct bh_json_value *object)
{
    const struct bh_json_value *member = bh_json_first(object);
    for (; member != NULL; member = bh_json_next(member)) {
        struct bh_str text;
        if (bh_json_type(member) == BH_JSON_NUMBER)
            text = bh_json_raw(json, member);
        else if (!bh_json_string(member, &text))
            continue;
        tell(listener, bh_json_name(member), text);
    }
}

static enum bh_status
read_json(const struct listener *listener, struct bh_str text, bool *ret_empty,
          struct bh_error *error)
{
    struct bh_json *json;
    enum bh_status status = bh_json_parse(text, BH_WEBHOOK_BODY_MAX, BH_JSON_LENIENT, &json, error);
    if (status != BH_OK)
        return status == BH_ENOMEM ? BH_ENOMEM : BH_EINVAL;
    const struct bh_json_value *root = bh_json_root(json);
    enum bh_json_type type = bh_json_type(root);
    bool is_container = type == BH_JSON_OBJECT || type == BH_JSON_ARRAY;
    *ret_empty = type == BH_JSON_NULL || (is_container && bh_json_first(root) == NULL);
    if (type == BH_JSON_OBJECT) {
        const struct bh_json_value *nested = bh_json_get(root, "data");
        if (bh_json_type(nested) == BH_JSON_OBJECT)
            read_members(listener, json, nested);
        read_members(listener, json, root);
    }
    bh_json_free(json);
    return BH_OK;
}

static bool
contains_nocase(struct bh_str text, struct bh_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (bh_str_equal_nocase((struct bh_str){text.ptr + i, part.len}, part))
            return true;
    }
    return false;
}

static enum bh_status
read_body(const struct listener *listener, const struct bh_webhook_post *post, bool *ret_empty,
          struct bh_error *error)
{
    struct bh_str body = bh_str_trim(post->body);
    struct bh_str type = post->content_type;
    *ret_empty = body.len == 0;
    if (*ret_empty)
        return BH_OK;
    if (body.len > BH_WEBHOOK_BODY_MAX)
        return bh_error_set(error, NULL, "the body is longer than %zu bytes", BH_WEBHOOK_BODY_MAX);
    if (contains_nocase(type, BH_STR_LITERAL("json")) || body.ptr[0] == '{' || body.ptr[0] == '[')
        return read_json(listener, body, ret_empty, error);
    if (type.len > 0 && !contains_nocase(type, BH_STR_LITERAL("x-www-form-urlencoded")) &&
        !contains_nocase(type, BH_STR_LITERAL("text/plain")))
        return bh_error_set(error, NULL, "a body of type \"%s\" is not understood",
                            bh_quote(type).text);
    return read_form(listener, body);
}

enum bh_status
bh_webhook_read(const struct bh_webhook_post *post, bh_webhook_on_field *on_field, void *arg,
                bool *ret_empty, struct bh_error *error)
{
    const struct listener listener = {on_field, arg};
    bool empty = false;
    enum bh_status status = read_body(&listener, post, &empty, error);
    if (status == BH_OK)
        status = read_form(&listener, post->query);
    if (status == BH_OK)
        *ret_empty = empty;
    return status;
}
