#include <criterion/criterion.h>

#include <string.h>

#include "core/gateway_pricing.h"
#include "core/json.h"
#include "support/scarce_memory.h"

static void
init(void)
{
    bh_json_use_allocator();
}

TestSuite(gateway_pricing, .init = init);

static struct bh_exchange
answered(int status, const char *body)
{
    return (struct bh_exchange){
        .handed_over = BH_HANDED_ALL,
        .http_status = status,
        .headers_complete = true,
        .body_complete = true,
        .retry_after_ms = -1,
        .body = bh_str_from(body),
    };
}

/* clang-format off */
#define LIST(countries) "{\"countCountries\":1,\"countNetworks\":1,\"countries\":[" countries "]}"
#define COUNTRY(name, prefix, networks) "{\"countryCode\":\"XX\",\"countryName\":\"" name "\",\"countryPrefix\":" prefix ",\"networks\":[" networks "]}"
#define NETWORK(price) "{\"mcc\":\"262\",\"mncs\":[\"01\",\"06\"],\"networkName\":\"N\",\"price\":" price ",\"features\":[\"alpha_sender\"],\"comment\":\"\"}"
#define DE COUNTRY("Germany", "\"49\"", NETWORK("0.075") "," NETWORK("0.083"))
#define AT COUNTRY("Austria", "\"43\"", NETWORK("0.0825"))

static const struct {
    const char *name, *body, *msisdn;
    enum bh_pricing_finding finding;
    unsigned countries, networks;
    int64_t low_micro, high_micro;
    const char *country;
    int code;
} rows[] = {
    {"one price", LIST(AT), "436641234567", BH_PRICING_FOUND, 1, 1, 82500, 82500, "Austria", 0},
    {"a span", LIST(DE "," AT), "491711234567", BH_PRICING_FOUND, 1, 2, 75000, 83000, "Germany", 0},
    {"prices as text, the prefix as a number", LIST(COUNTRY("G", "49", NETWORK("\"0.0750\""))), "491711234567", BH_PRICING_FOUND, 1, 1, 75000, 75000, "G", 0},
    {"a prefix with a plus", LIST(COUNTRY("G", "\"+49\"", NETWORK("0.1"))), "491711234567", BH_PRICING_FOUND, 1, 1, 100000, 100000, "G", 0},
    {"two countries share a code", LIST(COUNTRY("United States", "\"1\"", NETWORK("0.01")) "," COUNTRY("Canada", "\"1\"", NETWORK("0.008"))), "12125550100", BH_PRICING_FOUND, 2, 2, 8000, 10000, "United States", 0},
    {"the longer code is the better one", LIST(COUNTRY("US", "\"1\"", NETWORK("0.01")) "," COUNTRY("Jamaica", "\"1876\"", NETWORK("0.2")) "," COUNTRY("Canada", "\"1\"", NETWORK("0.001"))), "18765550100", BH_PRICING_FOUND, 1, 1, 200000, 200000, "Jamaica", 0},
    {"free", LIST(COUNTRY("F", "\"49\"", NETWORK("0"))), "491711234567", BH_PRICING_FOUND, 1, 1, 0, 0, "F", 0},
    {"a free network and a dear one", LIST(COUNTRY("F", "\"49\"", NETWORK("2") "," NETWORK("0"))), "491711234567", BH_PRICING_FOUND, 1, 2, 0, 2000000, "F", 0},
    {"a better code without prices does not count", LIST(COUNTRY("N", "\"4917\"", "") "," AT "," DE), "491711234567", BH_PRICING_FOUND, 1, 2, 75000, 83000, "Germany", 0},
    {"what is no price is passed over", LIST(COUNTRY("G", "\"49\"", NETWORK("null") "," NETWORK("-1") "," NETWORK("1001") "," NETWORK("\"x\"") ",7,null,[]," NETWORK("0.5"))), "491711234567", BH_PRICING_FOUND, 1, 1, 500000, 500000, "G", 0},
    {"what is no country is passed over", LIST("null,7,[],{}," AT), "436641234567", BH_PRICING_FOUND, 1, 1, 82500, 82500, "Austria", 0},
    {"a country without a name", LIST("{\"countryPrefix\":\"43\",\"networks\":[{\"price\":1}]}"), "436641234567", BH_PRICING_FOUND, 1, 1, 1000000, 1000000, "", 0},
    {"a long name is cut between characters", LIST(COUNTRY("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\u00e9\\u00e9", "\"43\"", NETWORK("1"))), "436641234567", BH_PRICING_FOUND, 1, 1, 1000000, 1000000, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0},
    {"another country", LIST(DE), "436641234567", BH_PRICING_ABSENT, 0, 0, 0, 0, "", 0},
    {"no country at all", LIST(""), "436641234567", BH_PRICING_ABSENT, 0, 0, 0, 0, "", 0},
    {"networks that are no list", LIST("{\"countryPrefix\":\"43\",\"networks\":{\"price\":1}}"), "436641234567", BH_PRICING_ABSENT, 0, 0, 0, 0, "", 0},
    {"an empty prefix", LIST(COUNTRY("E", "\"\"", NETWORK("1"))), "436641234567", BH_PRICING_ABSENT, 0, 0, 0, 0, "", 0},
    {"a prefix longer than the number", LIST(COUNTRY("E", "\"4366412345678\"", NETWORK("1"))), "436641234567", BH_PRICING_ABSENT, 0, 0, 0, 0, "", 0},
    {"a prefix in words", LIST(COUNTRY("E", "\"43a\"", NETWORK("1"))), "436641234567", BH_PRICING_ABSENT, 0, 0, 0, 0, "", 0},
    {"a refused key", "900", "436641234567", BH_PRICING_REFUSED, 0, 0, 0, 0, "", 900},
    {"quoted", "\"900\"", "436641234567", BH_PRICING_REFUSED, 0, 0, 0, 0, "", 900},
    {"in an object", "{\"success\":\"900\"}", "436641234567", BH_PRICING_REFUSED, 0, 0, 0, 0, "", 900},
    {"no rights", "902", "436641234567", BH_PRICING_REFUSED, 0, 0, 0, 0, "", 902},
    {"an error of the gateway's", "600", "436641234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 600},
    {"well, but no list", "100", "436641234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"an object without it", "{}", "436641234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"an array", "[]", "436641234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"countries that are no list", "{\"countries\":{}}", "436641234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"half a list", "{\"countries\":[" AT, "436641234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"CSV", "\"Country Code\";\"Price\"\n\"DE\";\"0.075\"\n", "491711234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"a page", "<html>", "491711234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
    {"nothing", "", "491711234567", BH_PRICING_UNREADABLE, 0, 0, 0, 0, "", 0},
};
/* clang-format on */

Test(gateway_pricing, finds_the_prices_of_a_numbers_country)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_pricing pricing;
        enum bh_pricing_finding finding =
            bh_gateway_pricing_read(&exchange, rows[i].msisdn, &pricing);
        cr_expect_eq(finding, rows[i].finding, "%s: %d", rows[i].name, (int)finding);
        cr_expect_eq(pricing.countries, rows[i].countries, "%s: %u", rows[i].name,
                     pricing.countries);
        cr_expect_eq(pricing.networks, rows[i].networks, "%s: %u", rows[i].name, pricing.networks);
        cr_expect_eq(pricing.low_micro, rows[i].low_micro, "%s: %lld", rows[i].name,
                     (long long)pricing.low_micro);
        cr_expect_eq(pricing.high_micro, rows[i].high_micro, "%s: %lld", rows[i].name,
                     (long long)pricing.high_micro);
        cr_expect_str_eq(pricing.country, rows[i].country, "%s: %s", rows[i].name, pricing.country);
        cr_expect_eq(pricing.code, rows[i].code, "%s: %d", rows[i].name, pricing.code);
    }
}

Test(gateway_pricing, believes_whole_answers_only)
{
    static const struct {
        const char *name;
        int status;
        bool cut;
        enum bh_pricing_finding finding;
    } exchanges[] = {
        {"whole",              200, false, BH_PRICING_FOUND     },
        {"cut",                200, true,  BH_PRICING_UNREADABLE},
        {"no answer",          0,   true,  BH_PRICING_UNREADABLE},
        {"unauthorized",       401, false, BH_PRICING_REFUSED   },
        {"forbidden",          403, false, BH_PRICING_REFUSED   },
        {"not found",          404, false, BH_PRICING_UNREADABLE},
        {"a redirect",         302, false, BH_PRICING_UNREADABLE},
        {"an error's page",    500, false, BH_PRICING_UNREADABLE},
        {"too many questions", 429, false, BH_PRICING_UNREADABLE},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(exchanges); i++) {
        struct bh_exchange exchange = answered(exchanges[i].status, LIST(DE));
        struct bh_pricing pricing;
        exchange.body_complete = !exchanges[i].cut;
        enum bh_pricing_finding finding =
            bh_gateway_pricing_read(&exchange, "491711234567", &pricing);
        cr_expect_eq(finding, exchanges[i].finding, "%s: %d", exchanges[i].name, (int)finding);
        cr_expect_eq(pricing.networks, finding == BH_PRICING_FOUND ? 2 : 0);
    }
}

Test(gateway_pricing, is_unreadable_when_memory_is_short)
{
    struct bh_exchange exchange = answered(200, LIST(DE "," AT));
    struct bh_pricing pricing;
    enum bh_pricing_finding finding = BH_PRICING_UNREADABLE;
    bh_use_scarce_memory();
    for (long allowed = 0; finding != BH_PRICING_FOUND && allowed < 1000; allowed++) {
        bh_allocations_left = allowed;
        finding = bh_gateway_pricing_read(&exchange, "491711234567", &pricing);
        cr_expect(finding == BH_PRICING_FOUND || finding == BH_PRICING_UNREADABLE);
    }
    bh_alloc_replace(NULL);
    cr_expect_eq(finding, BH_PRICING_FOUND);
    cr_expect_eq(pricing.networks, 2);
}
