#include "sim/lookup.h"

#include <string.h>

#include "sim/hooks.h"
#include "sim/recipients.h"
#include "sim/sms.h"

#define NUMBERS_MAX 100

/* What the simulator knows about the world's countries. */
static const struct country {
    const char *prefix, *iso2, *iso3, *name, *network, *short_name, *mcc, *mnc;
} countries[] = {
    {"49", "DE", "DEU", "Germany",        "Telekom",  "d1",  "262", "01" },
    {"43", "AT", "AUT", "Austria",        "A1",       "int", "232", "01" },
    {"41", "CH", "CHE", "Switzerland",    "Swisscom", "int", "228", "01" },
    {"44", "GB", "GBR", "United Kingdom", "Vodafone", "int", "234", "15" },
    {"33", "FR", "FRA", "France",         "Orange",   "int", "208", "01" },
    {"1",  "US", "USA", "United States",  "Verizon",  "int", "311", "480"},
};

static const struct country *
country_of(struct bh_sim_str number)
{
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(countries); at++)
        if (bh_sim_str_starts(number, countries[at].prefix))
            return &countries[at];
    return &countries[0];
}

static void
print_member(struct bh_sim_buf *buf, const char *name, struct bh_sim_str value)
{
    bh_sim_buf_printf(buf, ",\"%s\":", name);
    bh_sim_json_string(buf, value);
}

static void
print_text(struct bh_sim_buf *buf, const char *name, const char *value)
{
    print_member(buf, name, bh_sim_str_from(value));
}

/* "+49 179 999999" */
static void
print_formatted(struct bh_sim_buf *buf, const char *name, struct bh_sim_str number)
{
    const struct country *country = country_of(number);
    struct bh_sim_str national = bh_sim_str_tail(number, strlen(country->prefix));
    struct bh_sim_buf text = {0};
    bh_sim_buf_printf(&text, "+%s %.*s %.*s", country->prefix,
                      (int)(national.len < 3 ? national.len : 3), national.ptr,
                      BH_SIM_STR_ARGS(bh_sim_str_tail(national, 3)));
    print_member(buf, name, bh_sim_buf_view(&text));
    bh_sim_buf_release(&text);
}

static void
print_national(struct bh_sim_buf *buf, const char *name, struct bh_sim_str number)
{
    struct bh_sim_buf text = {0};
    bh_sim_buf_char(&text, '0');
    bh_sim_buf_str(&text, bh_sim_str_tail(number, strlen(country_of(number)->prefix)));
    print_member(buf, name, bh_sim_buf_view(&text));
    bh_sim_buf_release(&text);
}

static void
print_format(struct bh_sim_buf *buf, struct bh_sim_str number, struct bh_sim_str raw)
{
    if (number.len == 0) {
        bh_sim_buf_text(buf, "{\"success\":false,\"international\":");
        bh_sim_json_string(buf, raw);
        bh_sim_buf_text(buf, ",\"international_formatted\":");
        bh_sim_json_string(buf, raw);
        bh_sim_buf_text(buf, ",\"country_iso\":null,\"country_name\":null,\"country_code\":false,"
                             "\"national\":null,\"carrier\":null,\"network_type\":null}");
        return;
    }
    const struct country *country = country_of(number);
    bh_sim_buf_text(buf, "{\"success\":true");
    struct bh_sim_buf plus = {0};
    bh_sim_buf_char(&plus, '+');
    bh_sim_buf_str(&plus, number);
    print_national(buf, "national", number);
    print_text(buf, "carrier", country->network);
    print_text(buf, "country_code", country->prefix);
    print_text(buf, "country_iso", country->iso2);
    print_text(buf, "country_name", country->name);
    print_member(buf, "international", bh_sim_buf_view(&plus));
    print_formatted(buf, "international_formatted", number);
    bh_sim_buf_text(buf, ",\"network_type\":\"mobile\"}");
    bh_sim_buf_release(&plus);
}

static void
print_carrier(struct bh_sim_buf *buf, const char *name, const struct country *country)
{
    bh_sim_buf_printf(buf,
                      ",\"%s\":{\"network_code\":\"%s%s\",\"name\":\"%s\",\"country\":\"%s\","
                      "\"network_type\":\"mobile\"}",
                      name, country->mcc, country->mnc, country->network, country->iso2);
}

static void
print_hlr(struct bh_sim_buf *buf, struct bh_sim_str number, struct bh_sim_str raw)
{
    const struct country *country = country_of(number);
    bool valid = number.len > 0;
    bh_sim_buf_printf(buf,
                      "{\"status\":%s,\"status_message\":\"%s\",\"lookup_outcome\":%s,"
                      "\"lookup_outcome_message\":\"%s\"",
                      valid ? "true" : "false", valid ? "success" : "error",
                      valid ? "true" : "false", valid ? "success" : "error");
    print_member(buf, "international_format_number", valid ? number : raw);
    print_formatted(buf, "international_formatted", valid ? number : raw);
    print_national(buf, "national_format_number", valid ? number : raw);
    print_text(buf, "country_code", country->iso2);
    print_text(buf, "country_code_iso3", country->iso3);
    print_text(buf, "country_name", country->name);
    print_text(buf, "country_prefix", country->prefix);
    print_carrier(buf, "current_carrier", country);
    print_carrier(buf, "original_carrier", country);
    bh_sim_buf_printf(
        buf,
        ",\"valid_number\":\"%s\",\"reachable\":\"%s\",\"ported\":\"not_ported\","
        "\"roaming\":\"not_roaming\",\"gsm_code\":\"0\",\"gsm_message\":\"No error\"}",
        valid ? "valid" : "not_valid", valid ? "reachable" : "bad_number");
}

static void
print_mnp(const struct bh_sim_world *world, struct bh_sim_buf *buf, struct bh_sim_str number,
          struct bh_sim_str raw)
{
    const struct country *country = country_of(number);
    bh_sim_buf_printf(buf,
                      "{\"success\":%s,\"code\":%d,\"price\":", number.len > 0 ? "true" : "false",
                      number.len > 0 ? 100 : 202);
    bh_sim_money_print(buf, number.len > 0 ? world->config.price_mnp : 0);
    bh_sim_buf_text(buf, ",\"mnp\":{\"country\":");
    bh_sim_json_text(buf, country->iso2);
    print_member(buf, "number", number.len > 0 ? number : raw);
    print_national(buf, "national_format", number.len > 0 ? number : raw);
    print_text(buf, "network", country->network);
    bh_sim_buf_printf(buf, ",\"mccmnc\":\"%s%s\",\"networkType\":\"%s\"", country->mcc,
                      country->mnc, country->short_name);
    print_formatted(buf, "international_formatted", number.len > 0 ? number : raw);
    bh_sim_buf_text(buf, ",\"isPorted\":false}}");
}

static void
print_cnam(struct bh_sim_buf *buf, struct bh_sim_str number, struct bh_sim_str raw)
{
    bool valid = number.len > 0;
    bh_sim_buf_printf(buf,
                      "{\"success\":\"%s\",\"code\":\"%d\",\"number\":", valid ? "true" : "false",
                      valid ? 100 : 202);
    bh_sim_json_string(buf, valid ? number : raw);
    bh_sim_buf_text(buf, ",\"name\":\"GERMANY\"}");
}

static void
print_one(struct bh_sim_world *world, struct bh_sim_str type, struct bh_sim_str number,
          struct bh_sim_str raw, struct bh_sim_buf *buf)
{
    if (bh_sim_str_is(type, "format"))
        print_format(buf, number, raw);
    else if (bh_sim_str_is(type, "hlr"))
        print_hlr(buf, number, raw);
    else if (bh_sim_str_is(type, "mnp"))
        print_mnp(world, buf, number, raw);
    else
        print_cnam(buf, number, raw);
}

static bh_sim_money
price_of(const struct bh_sim_config *config, struct bh_sim_str type)
{
    if (bh_sim_str_is(type, "hlr"))
        return config->price_hlr;
    if (bh_sim_str_is(type, "mnp"))
        return config->price_mnp;
    return bh_sim_str_is(type, "cnam") ? config->price_cnam : 0;
}

static void
look_up(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_str type,
        struct bh_sim_str list, bool as_array)
{
    struct bh_sim_buf *buf = &exchange->answer.body, number = {0};
    struct bh_sim_str raw;
    int shown = 0;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    if (as_array)
        bh_sim_buf_char(buf, '[');
    while (shown < NUMBERS_MAX && bh_sim_str_split(&list, ',', &raw)) {
        raw = bh_sim_str_trim(raw);
        if (shown++ > 0)
            bh_sim_buf_char(buf, ',');
        number.len = 0;
        if (bh_sim_phone_normalise(raw, &number) && exchange->key->sandbox == 0) {
            world->config.balance -= price_of(&world->config, type);
            world->stats.spent += price_of(&world->config, type);
        }
        print_one(world, type, bh_sim_buf_view(&number), raw, buf);
    }
    if (as_array)
        bh_sim_buf_char(buf, ']');
    bh_sim_buf_release(&number);
}

static void
answer_lookup(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_str type,
              bool rest_path)
{
    static const char *const types[] = {"format", "hlr", "mnp", "cnam"};
    struct bh_sim_buf list = {0};
    bool known = false;
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(types); at++)
        known = known || bh_sim_str_is(type, types[at]);
    bool given = bh_sim_params_joined(&exchange->params, "number", &list) && list.len > 0;
    struct bh_sim_str numbers = bh_sim_buf_view(&list);
    bool several = bh_sim_str_contains(numbers, BH_SIM_STR(","));
    if (!known || !given) {
        bh_sim_refuse(world, exchange, known ? 301 : 400);
    } else if (bh_sim_str_is(type, "mnp") && !exchange->wants_json) {
        exchange->answer.code = 100;
        bh_sim_buf_text(&exchange->answer.body, country_of(numbers)->short_name);
    } else {
        bool array = several || (rest_path && !bh_sim_str_is(type, "cnam"));
        exchange->answer.code = 100;
        look_up(world, exchange, type, numbers, array);
    }
    bh_sim_buf_release(&list);
}

void
bh_sim_lookup(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    answer_lookup(world, exchange, bh_sim_params_text(&exchange->params, "type"), false);
}

void
bh_sim_lookup_type(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                   struct bh_sim_str type)
{
    answer_lookup(world, exchange, type, true);
}

static void
print_pricing_json(struct bh_sim_world *world, struct bh_sim_str wanted, struct bh_sim_buf *buf)
{
    size_t shown = 0;
    struct bh_sim_buf list = {0};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(countries); at++) {
        const struct country *country = &countries[at];
        if (wanted.len > 0 && !bh_sim_str_is_nocase(wanted, country->iso2))
            continue;
        bh_sim_buf_printf(
            &list,
            "%s{\"countryCode\":\"%s\",\"countryName\":\"%s\",\"countryPrefix\":\"%s\","
            "\"networks\":[{\"mcc\":\"%s\",\"mncs\":[\"%s\"],\"networkName\":\"%s\","
            "\"price\":",
            shown++ > 0 ? "," : "", country->iso2, country->name, country->prefix, country->mcc,
            country->mnc, country->network);
        bh_sim_money_print(&list,
                           bh_sim_sms_price(&world->config, bh_sim_str_from(country->prefix)));
        bh_sim_buf_text(&list,
                        ",\"features\":[\"alpha_sender\",\"long_code\"],\"comment\":\"\"}]}");
    }
    bh_sim_buf_printf(buf, "{\"countCountries\":%zu,\"countNetworks\":%zu,\"countries\":[%.*s]}",
                      shown, shown, BH_SIM_STR_ARGS(bh_sim_buf_view(&list)));
    bh_sim_buf_release(&list);
}

static void
print_pricing_csv(struct bh_sim_world *world, struct bh_sim_str wanted, struct bh_sim_buf *buf)
{
    bh_sim_buf_text(buf, "\"Country Code\";\"Country Name\";\"Country Prefix\";\"MCC\";\"MNCs\";"
                         "\"Network Name\";\"Price\";\"Features\";\"Comment\"\n");
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(countries); at++) {
        const struct country *country = &countries[at];
        if (wanted.len > 0 && !bh_sim_str_is_nocase(wanted, country->iso2))
            continue;
        bh_sim_buf_printf(buf, "\"%s\";\"%s\";\"%s\";\"%s\";\"%s\";\"%s\";\"", country->iso2,
                          country->name, country->prefix, country->mcc, country->mnc,
                          country->network);
        bh_sim_money_print(buf, bh_sim_sms_price(&world->config, bh_sim_str_from(country->prefix)));
        bh_sim_buf_text(buf, "\";\"alpha_sender,long_code\";\"\"\n");
    }
}

void
bh_sim_lookup_pricing(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_str wanted = bh_sim_params_text(&exchange->params, "country");
    if (bh_sim_str_is(bh_sim_params_text(&exchange->params, "format"), "csv")) {
        print_pricing_csv(world, wanted, &exchange->answer.body);
        return;
    }
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    print_pricing_json(world, wanted, &exchange->answer.body);
}

static void
call_back(struct bh_sim_world *world, struct bh_sim_str url, struct bh_sim_str number, int64_t id)
{
    struct bh_sim_payload payload = {0};
    struct bh_sim_buf text = {0}, plus = {0};
    bh_sim_buf_int(&text, id);
    bh_sim_buf_char(&plus, '+');
    bh_sim_buf_str(&plus, number);
    bh_sim_payload_string(&payload, "id", bh_sim_buf_view(&text));
    bh_sim_payload_string(&payload, "sender", number);
    bh_sim_payload_string(&payload, "formatted_output", bh_sim_buf_view(&plus));
    bh_sim_payload_string(&payload, "success", BH_SIM_STR("true"));
    bh_sim_payload_string(&payload, "error", BH_SIM_STR_EMPTY);
    bh_sim_payload_string(&payload, "voice", BH_SIM_STR("true"));
    bh_sim_hooks_callback(world, url, &payload, (int64_t)(10000.0 / world->config.speed));
    bh_sim_payload_release(&payload);
    bh_sim_buf_release(&text);
    bh_sim_buf_release(&plus);
}

static void
print_known(struct bh_sim_buf *buf, struct bh_sim_str number, int64_t id)
{
    bh_sim_buf_printf(buf, "{\"id\":%lld,\"sender\":", (long long)id);
    bh_sim_json_string(buf, number);
    bh_sim_buf_text(buf, ",\"formatted_output\":");
    bh_sim_json_string(buf, number);
    bh_sim_buf_text(buf, ",\"success\":true,\"error\":null,\"voice\":true}");
}

void
bh_sim_lookup_validate(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf *buf = &exchange->answer.body, digits = {0};
    struct bh_sim_str raw = bh_sim_params_text(&exchange->params, "number");
    struct bh_sim_str callback = bh_sim_params_text(&exchange->params, "callback");
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    if (!bh_sim_phone_normalise(raw, &digits)) {
        bh_sim_buf_text(buf, "{\"id\":null,\"sender\":");
        bh_sim_json_string(buf, raw);
        bh_sim_buf_text(buf, ",\"formatted_output\":null,\"success\":false,"
                             "\"error\":\"unexpected number format\",\"voice\":false}");
        return;
    }
    struct bh_sim_str number = bh_sim_buf_view(&digits);
    struct bh_sim_table_key key = bh_sim_table_key(number, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    struct bh_sim_table_entry *entry = bh_sim_table_find(&world->validated, key);
    if (entry != NULL) {
        print_known(buf, number, entry->count);
    } else {
        int64_t id = 18000 + (int64_t)world->validated.used;
        entry = bh_sim_table_put(&world->validated, key, 0);
        if (entry != NULL)
            entry->count = id;
        bh_sim_buf_printf(buf, "{\"success\":true,\"code\":\"%06llu\",\"error\":null}",
                          (unsigned long long)(bh_sim_dice_next(&world->dice) % 1000000));
        if (callback.len > 0)
            call_back(world, callback, number, id);
    }
    bh_sim_buf_release(&digits);
}
