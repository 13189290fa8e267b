/* What was parsed and formatted parses to the same value again. */
#include "core/base.h"
#include "core/duration.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str text = {(const char *)bytes, len};
    bh_ms duration, duration_again;
    uint64_t size, size_again;
    if (bh_duration_parse(text, BH_UNIT_ZERO_MAY_BE_BARE, &duration, NULL) == BH_OK) {
        struct bh_duration_text formatted = bh_duration_format(duration);
        BH_ASSERT(duration >= 0);
        BH_ASSERT(bh_duration_parse(bh_str_from(formatted.text), BH_UNIT_REQUIRED, &duration_again,
                                    NULL) == BH_OK);
        BH_ASSERT(duration == duration_again);
    }
    if (bh_size_parse(text, BH_UNIT_ZERO_MAY_BE_BARE, &size, NULL) == BH_OK) {
        struct bh_duration_text formatted = bh_size_format(size);
        BH_ASSERT(bh_size_parse(bh_str_from(formatted.text), BH_UNIT_REQUIRED, &size_again, NULL) ==
                  BH_OK);
        BH_ASSERT(size == size_again);
    }
    return 0;
}
