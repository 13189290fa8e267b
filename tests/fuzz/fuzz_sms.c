/*
 * The parts hold the units and one part fewer would not; strict counting never needs fewer; the
 * foreign character is where the answer says.  Input: one byte of options, one of the header's
 * length, header, text.
 */
#include <bellhop/sms.h>

#include "core/base.h"
#include "core/gsm0338.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct bh_sms_options options = {.unicode = (bytes[0] & 1) != 0};
    struct bh_str text = {(const char *)bytes + 2, len - 2};
    if ((bytes[0] & 2) != 0 && bytes[1] <= text.len) {
        options.udh = text.ptr;
        options.udh_len = bytes[1];
        text.ptr += bytes[1];
        text.len -= bytes[1];
    }

    struct bh_sms_size size;
    if (!bh_sms_measure(text.ptr, text.len, &options, &size, NULL))
        return 0;
    BH_ASSERT(size.characters <= text.len);
    BH_ASSERT((size.units == 0) == (size.parts == 0) &&
              (size.parts == 0) == (size.parts_strict == 0));
    BH_ASSERT(size.units <= size.parts * size.units_per_part);
    BH_ASSERT(size.parts <= 1 || size.units > (size.parts - 1) * size.units_per_part);
    BH_ASSERT(size.parts <= size.parts_strict && size.parts_strict <= 2 * size.parts);
    BH_ASSERT(size.encoding != BH_SMS_GSM || size.foreign_count == 0);
    if (size.foreign_count > 0) {
        uint32_t code = 0;
        struct bh_str rest = {text.ptr + size.foreign_offset, text.len - size.foreign_offset};
        BH_ASSERT(bh_utf8_next(&rest, &code) && code == size.foreign_code);
        BH_ASSERT(bh_gsm0338_septets(code) == 0);
        BH_ASSERT(size.foreign_index + size.foreign_count <= size.characters);
    }
    return 0;
}
