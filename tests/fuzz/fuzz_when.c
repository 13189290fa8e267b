/*
 * An accepted time is between 2000 and 2100, the zone matters to local times alone and the base to
 * relative ones.
 */
#include "core/base.h"
#include "core/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct bh_wall base = {1774699200000};
    static const struct bh_wall later = {1774699200000 + 5000};
    struct bh_str text = {(const char *)bytes, len};
    struct bh_wall at, at_later;
    struct bh_error error;
    if (bh_when_parse(text, base, NULL, &at, &error) != BH_OK) {
        BH_ASSERT(error.text[0] != '\0');
        return 0;
    }
    BH_ASSERT(at.ms >= 946684800000 && at.ms < 4133980800000);
    if (bh_when_parse(text, later, NULL, &at_later, NULL) == BH_OK)
        BH_ASSERT(at_later.ms - at.ms == (text.ptr[0] == '+' ? 5000 : 0));
    else
        BH_ASSERT(text.ptr[0] == '+');
    return 0;
}
