/* Counting, walking and the valid prefix agree; a quotation is short, printable and well-formed. */
#include <string.h>

#include "core/base.h"
#include "core/fault.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str text = {(const char *)bytes, len};
    struct bh_utf8_count count;
    size_t prefix = bh_utf8_valid_prefix(text);
    BH_ASSERT(prefix <= len);
    BH_ASSERT(bh_utf8_count(text, &count) == (prefix == len));
    BH_ASSERT(bh_utf8_count((struct bh_str){text.ptr, prefix}, &count));
    BH_ASSERT(count.code_points <= count.utf16_units && count.utf16_units <= prefix);

    struct bh_quoted quoted = bh_quote(text);
    struct bh_str shown = bh_str_from(quoted.text);
    BH_ASSERT(memchr(quoted.text, '\0', sizeof(quoted.text)) != NULL);
    BH_ASSERT(bh_utf8_is_valid(shown));
    for (size_t i = 0; i < shown.len; i++)
        BH_ASSERT((unsigned char)shown.ptr[i] >= 0x20 && shown.ptr[i] != 0x7F);
    return 0;
}
