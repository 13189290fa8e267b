/*
 * First byte: how the exchange went and the number; the rest: the body.
 *
 * Properties: FOUND needs a body that decides; what is found is a span of possible prices of at least one country and
 * network, never more of them than opening braces; what is not found is all zero but for the code; the name is bounded and
 * whole UTF-8 whenever the body is; reading twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "core/gateway_pricing.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

static size_t
count_braces(struct bh_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '{' ? 1 : 0;
    return count;
}

static bool
is_utf8(struct bh_str text)
{
    uint32_t code;
    while (text.len > 0) {
        if (!bh_utf8_next(&text, &code))
            return false;
    }
    return true;
}

static void
check(enum bh_pricing_finding finding, const struct bh_pricing *pricing,
      const struct bh_exchange *exchange)
{
    if (finding != BH_PRICING_FOUND) {
        REQUIRE(pricing->countries == 0 && pricing->networks == 0 && pricing->country[0] == '\0');
        REQUIRE(pricing->low_micro == 0 && pricing->high_micro == 0);
        REQUIRE(pricing->code == 0 || finding != BH_PRICING_ABSENT);
        REQUIRE(pricing->code >= 0 && pricing->code <= 999);
        return;
    }
    REQUIRE(exchange->http_status >= 200 && exchange->http_status <= 299);
    REQUIRE(exchange->headers_complete && exchange->body_complete);
    REQUIRE(pricing->code == 0 && pricing->countries >= 1);
    REQUIRE(pricing->networks >= pricing->countries);
    REQUIRE(pricing->networks + pricing->countries <= count_braces(exchange->body));
    REQUIRE(pricing->low_micro >= 0 && pricing->low_micro <= pricing->high_micro);
    REQUIRE(pricing->high_micro <= BH_PRICING_MICRO_MAX);
    REQUIRE(memchr(pricing->country, '\0', sizeof(pricing->country)) != NULL);
    REQUIRE(!is_utf8(exchange->body) || is_utf8(bh_str_from(pricing->country)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 0, 201, 302, 403, 503};
    static const char *const numbers[] = {"491711234567", "12125550100"};
    if (size == 0)
        return 0;
    uint8_t choice = data[0];
    struct bh_exchange exchange = {
        .handed_over = BH_HANDED_ALL,
        .http_status = statuses[choice >> 5],
        .headers_complete = choice != 64,
        .body_complete = choice != 65,
        .retry_after_ms = -1,
        .body = {(const char *)data + 1, size - 1},
    };
    struct bh_pricing pricing, again;
    enum bh_pricing_finding finding =
        bh_gateway_pricing_read(&exchange, numbers[choice & 1], &pricing);
    check(finding, &pricing, &exchange);
    REQUIRE(bh_gateway_pricing_read(&exchange, numbers[choice & 1], &again) == finding);
    REQUIRE(again.networks == pricing.networks && again.high_micro == pricing.high_micro &&
            again.low_micro == pricing.low_micro && again.code == pricing.code);
    return 0;
}
