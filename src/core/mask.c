#include "core/mask.h"

#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/phone.h"
#include "core/utf8.h"

#define HIDDEN_MIN     4
#define SHOWN_AT_END   3
#define TELLING_LENGTH 4 /* shorter texts would be told by their first character */

struct bh_masked
bh_mask_msisdn(struct bh_str recipient)
{
    struct bh_msisdn msisdn;
    if (bh_msisdn_parse(recipient, &msisdn, NULL) != BH_OK)
        return bh_mask_text(recipient);

    struct bh_str digits = bh_str_from(msisdn.digits);
    size_t country_len = bh_country_code_len(digits);
    size_t rest = digits.len - country_len;
    size_t at_end = rest < HIDDEN_MIN + SHOWN_AT_END ? rest - HIDDEN_MIN : SHOWN_AT_END;

    struct bh_masked masked;
    memcpy(masked.text, digits.ptr, digits.len + 1);
    memset(masked.text + country_len, '*', rest - at_end);
    return masked;
}

struct bh_masked
bh_mask_text(struct bh_str text)
{
    struct bh_masked masked;
    struct bh_utf8_count count = {.code_points = text.len};
    uint32_t first;
    size_t first_len = 0;
    if (bh_utf8_count(text, &count) && count.code_points >= TELLING_LENGTH)
        first_len = bh_utf8_decode(text, &first);
    struct bh_quoted shown = bh_quote((struct bh_str){text.ptr, first_len});
    snprintf(masked.text, sizeof(masked.text), "%.16s...(%zu)", shown.text, count.code_points);
    return masked;
}
