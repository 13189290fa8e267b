#include <criterion/criterion.h>

#include "core/mask.h"

Test(mask, keeps_country_and_last_three_digits_of_a_number)
{
    static const struct {
        const char *input;
        const char *wanted;
    } rows[] = {
        {"+49171123456",     "49******456"    },
        {"0171 / 123-456",   "49******456"    },
        {"+1 650 555 1234",  "1*******234"    },
        {"123456789012345",  "1***********345"},
        {"2901234",          "290****"        },
        {"4912345",          "49****5"        },
        {"1234567",          "1****67"        },
        {"Max Mustermann",   "M...(14)"       },
        {"+49 (0)171 12345", "+...(16)"       },
        {"0171x123456",      "0...(11)"       },
        {"110",              "...(3)"         },
        {"",                 "...(0)"         },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_masked masked = bh_mask_msisdn(bh_str_from(rows[i].input));
        cr_expect_str_eq(masked.text, rows[i].wanted, "%s: %s", rows[i].input, masked.text);
    }
}

Test(mask, keeps_first_character_and_length_of_a_text)
{
    const struct {
        struct bh_str input;
        const char *wanted;
    } rows[] = {
        {BH_STR_LITERAL("Your code is 1234"), "Y...(17)"      },
        {BH_STR_LITERAL("123"),               "...(3)"        },
        {BH_STR_LITERAL("1234"),              "1...(4)"       },
        {BH_STR_LITERAL(""),                  "...(0)"        },
        {{NULL, 0},                           "...(0)"        },
        {BH_STR_LITERAL("\xC3\x84pfel"),      "\xC3\x84...(5)"},
        {BH_STR_LITERAL("\xF0\x9F\x98\x80"
                        "abc"),
         "\xF0\x9F\x98\x80...(4)"                             },
        {BH_STR_LITERAL("\nabc"),             "\\x0A...(4)"   },
        {BH_STR_LITERAL("\xE2\x80\xAE"
                        "abc"),
         "\\xE2\\x80\\xAE...(4)"                              },
        {BH_STR_LITERAL("abc\xFF"
                        "defg"),
         "...(8)"                                             },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_masked masked = bh_mask_text(rows[i].input);
        cr_expect_str_eq(masked.text, rows[i].wanted, "row %zu: %s", i, masked.text);
    }
}
