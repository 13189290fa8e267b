#include <criterion/criterion.h>

#include <string.h>

#include "core/uuid.h"

Test(uuid, follows_the_example_of_the_rfc)
{
    /* RFC 9562 appendix A.6; the bits of version and variant are filled with the opposite here. */
    static const unsigned char random[BH_UUID_RANDOM_BYTES] = {0x8C, 0xC3, 0x58, 0xC4, 0xDC,
                                                               0x0C, 0x0C, 0x07, 0x39, 0x8F};
    struct bh_uuid_text got = bh_uuid7_format((struct bh_wall){0x017F22E279B0}, random);
    cr_expect_str_eq(got.text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "%s", got.text);
}

Test(uuid, has_version_and_variant_whatever_the_dice_say)
{
    static const struct {
        int64_t ms;
        int fill;
        const char *wanted;
    } rows[] = {
        {0,               0x00, "00000000-0000-7000-8000-000000000000"},
        {0,               0xFF, "00000000-0000-7fff-bfff-ffffffffffff"},
        {-1,              0x00, "00000000-0000-7000-8000-000000000000"},
        {INT64_MIN,       0x00, "00000000-0000-7000-8000-000000000000"},
        {0xFFFFFFFFFFFF,  0x00, "ffffffff-ffff-7000-8000-000000000000"},
        {0x1000000000001, 0x00, "00000000-0001-7000-8000-000000000000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char random[BH_UUID_RANDOM_BYTES];
        memset(random, rows[i].fill, sizeof(random));
        struct bh_uuid_text got = bh_uuid7_format((struct bh_wall){rows[i].ms}, random);
        cr_expect_str_eq(got.text, rows[i].wanted, "row %zu: %s", i, got.text);
    }
}

Test(uuid, sorts_by_time)
{
    unsigned char high[BH_UUID_RANDOM_BYTES], low[BH_UUID_RANDOM_BYTES];
    memset(high, 0xFF, sizeof(high));
    memset(low, 0x00, sizeof(low));
    struct bh_uuid_text earlier = bh_uuid7_format((struct bh_wall){1774746000000}, high);
    struct bh_uuid_text later = bh_uuid7_format((struct bh_wall){1774746000001}, low);
    cr_expect_lt(strcmp(earlier.text, later.text), 0);
}
