/* Properties: delays stay within their bound, and a date read twice with blanks around it is the same. */
#include <stdlib.h>

#include "core/http_date.h"
#include "core/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_str text = {(const char *)data, size};
    struct bh_wall date;
    bh_ms delay;
    int64_t micro;

    bool is_date = bh_http_date_parse(text, &date);
    if (is_date)
        REQUIRE(date.ms >= 0 && date.ms % 1000 == 0 && date.ms <= INT64_C(253402300799000));
    bool is_delay = bh_retry_after_parse(text, (struct bh_wall){INT64_C(784111770000)}, &delay);
    if (is_delay)
        REQUIRE(delay >= 0 && delay <= BH_RETRY_AFTER_MAX_MS);
    REQUIRE(!is_date || is_delay);
    if (bh_money_parse(text, &micro))
        REQUIRE(micro >= -BH_MONEY_MICRO_MAX - 1 && micro <= BH_MONEY_MICRO_MAX + 1);
    return 0;
}
