/*
 * An address that is accepted lies beneath what is allowed by the byte, too, and another server is never accepted.  A
 * body made of any fields is one JSON object with the promised members.
 *
 * The input: the address, and behind a zero byte the value of every field.
 */
#include <string.h>

#include "core/callback.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char allowed[] = "https://app.example/hooks";

static void
check_url(struct bh_str url)
{
    if (bh_callback_url_problem(bh_str_from(allowed), url) != NULL)
        return;
    BH_ASSERT(url.len >= sizeof(allowed) - 1);
    BH_ASSERT(memchr(url.ptr, '\\', url.len) == NULL && memchr(url.ptr, '\n', url.len) == NULL);
    struct bh_str origin = bh_callback_origin(url);
    BH_ASSERT(bh_str_equal_nocase(origin, BH_STR_LITERAL("https://app.example")) ||
              bh_str_equal_nocase((struct bh_str){origin.ptr, 20},
                                  BH_STR_LITERAL("https://app.example:")));
    struct bh_str path = {url.ptr + origin.len, url.len - origin.len};
    BH_ASSERT(bh_str_starts_with(path, BH_STR_LITERAL("/hooks")));
    BH_ASSERT(path.len == 6 || path.ptr[6] == '/' || path.ptr[6] == '?');
    for (size_t i = 0; i + 3 < path.len && path.ptr[i] != '?'; i++)
        BH_ASSERT(memcmp(path.ptr + i, "/../", 4) != 0);
}

static void
check_body(struct bh_str value)
{
    static const char *const names[] = {
        "state",         "code",     "price",        "recipients",       "meta", "delivery",
        "delivery_path", "duration", "delivered_at", "price_per_minute", "to",   "callback_url",
    };
    struct bh_callback_field fields[BH_ARRAY_LEN(names)];
    for (size_t i = 0; i < BH_ARRAY_LEN(names); i++)
        fields[i] = (struct bh_callback_field){bh_str_from(names[i]), value};
    const struct bh_callback_source source = {"q", "id", fields, BH_ARRAY_LEN(fields), {7}};
    struct bh_digest delivery;
    struct bh_buf buf;
    struct bh_json *json;
    bh_buf_init(&buf, BH_CALLBACK_BODY_MAX);
    BH_ASSERT(bh_callback_write(&source, &buf, &delivery) == BH_OK);
    /* Two things our own reader refuses: what was nested as deep as possible is one deeper now, and an escaped NUL. */
    if (bh_json_parse(bh_buf_str(&buf), BH_CALLBACK_BODY_MAX, BH_JSON_LENIENT, &json, NULL) ==
        BH_OK) {
        int64_t at;
        BH_ASSERT(bh_json_count(bh_json_root(json)) == 33);
        BH_ASSERT(bh_json_int64(json, bh_json_get(bh_json_root(json), "at"), &at) && at == 7);
        BH_ASSERT(bh_json_get(bh_json_root(json), "callback_url") == NULL);
        bh_json_free(json);
    } else {
        BH_ASSERT(value.len >= 16 || memchr(value.ptr, '\0', value.len) != NULL);
    }
    bh_buf_release(&buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str url = {(const char *)bytes, len}, value = {"", 0};
    const char *end = len > 0 ? memchr(url.ptr, '\0', len) : NULL;
    if (end != NULL) {
        url.len = (size_t)(end - url.ptr);
        value = (struct bh_str){end + 1, len - url.len - 1};
    }
    check_url(url);
    if (value.len < 10000)
        check_body(value);
    return 0;
}
