#include "core/gateway_pricing.h"

#include <string.h>

#include "core/gateway_body.h"
#include "core/gateway_code.h"
#include "core/json.h"

struct reader {
    const struct bh_json *json;
    const char *msisdn;
    size_t prefix_len; /* of the best calling code so far */
    struct bh_pricing *pricing;
};

/* The calling code's length if the number begins with it; else 0. */
static size_t
prefix_of(const struct reader *reader, const struct bh_json_value *country)
{
    struct bh_str text;
    char digits[24];
    if (!bh_gateway_scalar(reader->json, bh_json_get(country, "countryPrefix"), &text))
        return 0;
    bh_gateway_copy_msisdn(text, digits);
    size_t len = strlen(digits);
    return len > 0 && strncmp(reader->msisdn, digits, len) == 0 ? len : 0;
}

static void
take_name(const struct bh_json_value *country, char ret_name[BH_PRICING_NAME_MAX + 1])
{
    struct bh_str text = {"", 0};
    (void)bh_json_string(bh_json_get(country, "countryName"), &text);
    if (text.len > BH_PRICING_NAME_MAX) {
        text.len = BH_PRICING_NAME_MAX;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
            text.len--;
    }
    memcpy(ret_name, text.ptr, text.len);
    ret_name[text.len] = '\0';
}

static void
take_price(struct bh_pricing *pricing, int64_t micro)
{
    if (pricing->networks == 0 || micro < pricing->low_micro)
        pricing->low_micro = micro;
    if (micro > pricing->high_micro)
        pricing->high_micro = micro;
    pricing->networks++;
}

static struct bh_pricing
read_country(const struct reader *reader, const struct bh_json_value *country)
{
    struct bh_pricing pricing = {.countries = 1};
    const struct bh_json_value *networks = bh_json_get(country, "networks");
    if (bh_json_type(networks) != BH_JSON_ARRAY)
        return pricing;
    for (const struct bh_json_value *at = bh_json_first(networks); at != NULL;
         at = bh_json_next(at)) {
        int64_t micro;
        if (bh_json_type(at) == BH_JSON_OBJECT &&
            bh_gateway_money(reader->json, bh_json_get(at, "price"), &micro) && micro >= 0 &&
            micro <= BH_PRICING_MICRO_MAX)
            take_price(&pricing, micro);
    }
    take_name(country, pricing.country);
    return pricing;
}

/* A longer calling code is a better one; of the same, all count. */
static void
offer(struct reader *reader, const struct bh_json_value *country)
{
    struct bh_pricing *best = reader->pricing;
    size_t len = prefix_of(reader, country);
    if (len == 0 || len < reader->prefix_len)
        return;
    struct bh_pricing pricing = read_country(reader, country);
    if (pricing.networks == 0)
        return;
    if (len > reader->prefix_len) {
        *best = pricing;
        reader->prefix_len = len;
        return;
    }
    best->countries++;
    best->networks += pricing.networks;
    if (pricing.low_micro < best->low_micro)
        best->low_micro = pricing.low_micro;
    if (pricing.high_micro > best->high_micro)
        best->high_micro = pricing.high_micro;
}

static enum bh_pricing_finding
judge_code(int code, struct bh_pricing *pricing)
{
    if (code < BH_GATEWAY_CODE_MIN || code == 100 || code == 101)
        return BH_PRICING_UNREADABLE;
    pricing->code = code;
    return bh_gateway_code_find(code)->action == BH_ACTION_PAUSE_AUTH ? BH_PRICING_REFUSED
                                                                      : BH_PRICING_UNREADABLE;
}

static int
object_code(const struct bh_json *json, const struct bh_json_value *root)
{
    static const char *const names[] = {"success", "error", "code"};
    int code = 0;
    for (size_t i = 0; i < BH_ARRAY_LEN(names) && code == 0; i++) {
        if (!bh_gateway_success(json, bh_json_get(root, names[i]), &code))
            code = 0;
    }
    return code;
}

static enum bh_pricing_finding
judge_json(const struct bh_json *json, const char *msisdn, struct bh_pricing *pricing)
{
    struct reader reader = {.json = json, .msisdn = msisdn, .pricing = pricing};
    const struct bh_json_value *root = bh_json_root(json);
    if (bh_json_type(root) != BH_JSON_OBJECT)
        return BH_PRICING_UNREADABLE;
    const struct bh_json_value *countries = bh_json_get(root, "countries");
    if (bh_json_type(countries) != BH_JSON_ARRAY)
        return judge_code(object_code(json, root), pricing);
    for (const struct bh_json_value *at = bh_json_first(countries); at != NULL;
         at = bh_json_next(at)) {
        if (bh_json_type(at) == BH_JSON_OBJECT)
            offer(&reader, at);
    }
    return pricing->networks > 0 ? BH_PRICING_FOUND : BH_PRICING_ABSENT;
}

enum bh_pricing_finding
bh_gateway_pricing_read(const struct bh_exchange *exchange, const char *msisdn,
                        struct bh_pricing *ret_pricing)
{
    struct bh_str text = bh_gateway_body_text(exchange);
    struct bh_json *json;
    int code;
    *ret_pricing = (struct bh_pricing){.code = 0};
    if (!bh_gateway_body_decides(exchange))
        return exchange->http_status == 401 || exchange->http_status == 403 ? BH_PRICING_REFUSED
                                                                            : BH_PRICING_UNREADABLE;
    if (bh_gateway_code_parse(text, &code))
        return judge_code(code, ret_pricing);
    if (bh_json_parse(text, text.len, BH_JSON_LENIENT, &json, NULL) != BH_OK)
        return BH_PRICING_UNREADABLE;
    enum bh_pricing_finding finding = judge_json(json, msisdn, ret_pricing);
    bh_json_free(json);
    return finding;
}
