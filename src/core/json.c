#include "core/json.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "core/json_scan.h"

/*
 * The library's numbers are doubles and ints that saturate, so they are never looked at.  Instead its two
 * number members hold where a value stands in the text: valueint its start, valuedouble its end.
 *
 * The library resets one global at each parse, the place of the last error.  Nobody reads it, so that
 * several threads may write the same zeros to it.
 */
struct bh_json {
    struct bh_str text; /* borrowed */
    cJSON *root;        /* owned */
};

static const cJSON *
item_of(const struct bh_json_value *value)
{
    return (const cJSON *)(const void *)value;
}

static const struct bh_json_value *
value_of(const cJSON *item)
{
    return (const struct bh_json_value *)(const void *)item;
}

/* Write down where `item` and all below it stand; the offset behind it.  The text has passed the scan. */
static size_t
locate(struct bh_str text, cJSON *item, size_t at)
{
    at = bh_json_skip_blanks(text, at);
    item->valueint = (int)at;
    if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        at = bh_json_skip_blanks(text, at + 1);
        for (cJSON *child = item->child; child != NULL; child = child->next) {
            at = bh_json_skip_blanks(text, at);
            if (cJSON_IsObject(item)) {
                at = bh_json_skip_scalar(text, at);
                at = bh_json_skip_blanks(text, at) + 1; /* the colon */
            }
            at = bh_json_skip_blanks(text, locate(text, child, at));
            at += child->next != NULL ? 1 : 0; /* the comma */
        }
        at++; /* the closing bracket */
    } else {
        at = bh_json_skip_scalar(text, at);
    }
    item->valuedouble = (double)at;
    return at;
}

/* Quadratic, hence the bound on members. */
static enum bh_status
check_names(const cJSON *object, struct bh_error *error)
{
    size_t count = 0;
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        if (++count > BH_JSON_MEMBERS_MAX)
            return bh_error_set(error, NULL, "an object has more than %d members",
                                BH_JSON_MEMBERS_MAX);
        for (const cJSON *other = object->child; other != member; other = other->next) {
            if (strcmp(member->string, other->string) != 0)
                continue;
            struct bh_quoted shown = bh_quote(bh_str_from(member->string));
            return bh_error_set(error, shown.text, "field `%s` is given twice", shown.text);
        }
    }
    return BH_OK;
}

static enum bh_status
check_all_names(const cJSON *item, struct bh_error *error)
{
    if (cJSON_IsObject(item)) {
        enum bh_status status = check_names(item, error);
        if (status != BH_OK)
            return status;
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        enum bh_status status = check_all_names(child, error);
        if (status != BH_OK)
            return status;
    }
    return BH_OK;
}

static enum bh_status
check_text(struct bh_str text, size_t bytes_max, struct bh_error *error)
{
    /* The second bound is that of the offsets in `valueint`. */
    if (text.len > bytes_max || text.len > INT_MAX) {
        (void)bh_error_set(error, NULL, "the JSON text has %zu bytes; at most %zu are allowed",
                           text.len, bytes_max);
        return BH_ETOOBIG;
    }
    struct bh_json_fault fault;
    if (!bh_json_scan(text, &fault))
        return bh_error_set(error, NULL, "not valid JSON at byte %zu: %s", fault.at + 1,
                            fault.problem);
    return BH_OK;
}

enum bh_status
bh_json_parse(struct bh_str text, size_t bytes_max, enum bh_json_mode mode,
              struct bh_json **ret_json, struct bh_error *error)
{
    const struct bh_str mark = BH_STR_LITERAL("\xEF\xBB\xBF");
    if (mode == BH_JSON_LENIENT && bh_str_starts_with(text, mark))
        text = (struct bh_str){text.ptr + mark.len, text.len - mark.len};

    enum bh_status status = check_text(text, bytes_max, error);
    if (status != BH_OK)
        return status;

    struct bh_json *json = bh_alloc_zero(sizeof(*json));
    if (json == NULL)
        return BH_ENOMEM;
    json->text = text;
    json->root = cJSON_ParseWithLengthOpts(text.ptr, text.len, NULL, 0);
    if (json->root == NULL) {
        /* The scan has passed, so nothing but memory can be missing. */
        bh_json_free(json);
        return BH_ENOMEM;
    }
    locate(text, json->root, 0);
    if (mode == BH_JSON_STRICT)
        status = check_all_names(json->root, error);
    if (status != BH_OK) {
        bh_json_free(json);
        return status;
    }
    *ret_json = json;
    return BH_OK;
}

void
bh_json_free(struct bh_json *json)
{
    if (json == NULL)
        return;
    cJSON_Delete(json->root);
    bh_free(json);
}

const struct bh_json_value *
bh_json_root(const struct bh_json *json)
{
    return value_of(json->root);
}

enum bh_json_type
bh_json_type(const struct bh_json_value *value)
{
    if (value == NULL)
        return BH_JSON_NONE;
    switch (item_of(value)->type & 0xFF) {
    case cJSON_False:
    case cJSON_True: return BH_JSON_BOOL;
    case cJSON_Number: return BH_JSON_NUMBER;
    case cJSON_String: return BH_JSON_STRING;
    case cJSON_Array: return BH_JSON_ARRAY;
    case cJSON_Object: return BH_JSON_OBJECT;
    default: return BH_JSON_NULL;
    }
}

const char *
bh_json_type_name(enum bh_json_type type)
{
    switch (type) {
    case BH_JSON_NONE: return "nothing";
    case BH_JSON_NULL: return "null";
    case BH_JSON_BOOL: return "true or false";
    case BH_JSON_NUMBER: return "a number";
    case BH_JSON_STRING: return "a string";
    case BH_JSON_ARRAY: return "an array";
    case BH_JSON_OBJECT: return "an object";
    }
    return "nothing";
}

const struct bh_json_value *
bh_json_get(const struct bh_json_value *object, const char *name)
{
    if (bh_json_type(object) != BH_JSON_OBJECT)
        return NULL;
    return value_of(cJSON_GetObjectItemCaseSensitive(item_of(object), name));
}

const struct bh_json_value *
bh_json_first(const struct bh_json_value *container)
{
    return container != NULL ? value_of(item_of(container)->child) : NULL;
}

const struct bh_json_value *
bh_json_next(const struct bh_json_value *value)
{
    return value != NULL ? value_of(item_of(value)->next) : NULL;
}

size_t
bh_json_count(const struct bh_json_value *container)
{
    size_t count = 0;
    for (const struct bh_json_value *value = bh_json_first(container); value != NULL;
         value = bh_json_next(value))
        count++;
    return count;
}

struct bh_str
bh_json_name(const struct bh_json_value *member)
{
    return bh_str_from(member != NULL ? item_of(member)->string : NULL);
}

bool
bh_json_string(const struct bh_json_value *value, struct bh_str *ret_text)
{
    if (bh_json_type(value) != BH_JSON_STRING)
        return false;
    *ret_text = bh_str_from(item_of(value)->valuestring);
    return true;
}

bool
bh_json_bool(const struct bh_json_value *value, bool *ret_flag)
{
    if (bh_json_type(value) != BH_JSON_BOOL)
        return false;
    *ret_flag = (item_of(value)->type & 0xFF) == cJSON_True;
    return true;
}

struct bh_str
bh_json_raw(const struct bh_json *json, const struct bh_json_value *value)
{
    if (value == NULL)
        return (struct bh_str){NULL, 0};
    size_t start = (size_t)item_of(value)->valueint;
    size_t end = (size_t)item_of(value)->valuedouble;
    return (struct bh_str){json->text.ptr + start, end - start};
}

bool
bh_json_int64(const struct bh_json *json, const struct bh_json_value *value, int64_t *ret_number)
{
    return bh_json_type(value) == BH_JSON_NUMBER &&
           bh_str_to_int64(bh_json_raw(json, value), ret_number);
}

void
bh_json_use_allocator(void)
{
    cJSON_Hooks hooks = {bh_alloc, bh_free};
    cJSON_InitHooks(&hooks);
}
