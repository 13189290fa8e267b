/* A number is 7 to 15 digits and its own normal form; a mask never tells more than it promises. */
#include <string.h>

#include "core/base.h"
#include "core/mask.h"
#include "core/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_number(const struct bh_msisdn *msisdn)
{
    struct bh_str digits = bh_str_from(msisdn->digits);
    BH_ASSERT(digits.len >= BH_MSISDN_DIGITS_MIN && digits.len <= BH_MSISDN_DIGITS_MAX);
    BH_ASSERT(strspn(msisdn->digits, "0123456789") == digits.len && msisdn->digits[0] != '0');

    struct bh_msisdn again;
    BH_ASSERT(bh_msisdn_parse(digits, &again, NULL) == BH_OK);
    BH_ASSERT(strcmp(again.digits, msisdn->digits) == 0);

    struct bh_masked masked = bh_mask_msisdn(digits);
    size_t hidden = 0;
    for (const char *c = masked.text; *c != '\0'; c++)
        hidden += *c == '*';
    BH_ASSERT(strlen(masked.text) == digits.len && hidden >= 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str text = {(const char *)bytes, len};
    struct bh_address recipient;
    struct bh_error error;
    bh_mask_text(text);
    bh_mask_msisdn(text);
    if (bh_recipient_parse(text, BH_STR_LITERAL("49"), &recipient, &error) != BH_OK) {
        BH_ASSERT(strlen(error.text) > 0);
        return 0;
    }
    if (recipient.is_number)
        check_number(&recipient.msisdn);
    else
        BH_ASSERT(recipient.name.len > 0 && recipient.name.len <= 4 * BH_RECIPIENT_NAME_MAX);
    return 0;
}
