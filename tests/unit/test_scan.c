#include <criterion/criterion.h>

#include "core/scan.h"

Test(scan, takes_as_many_digits_as_there_are_and_may_be)
{
    static const struct {
        const char *input;
        size_t digits_max;
        size_t taken;
        uint64_t value;
    } rows[] = {
        {"",                      9,        0,  77        },
        {"x1",                    9,        0,  77        },
        {"-1",                    9,        0,  77        },
        {"12",                    0,        0,  77        },
        {"12x",                   9,        2,  12        },
        {"12345",                 3,        3,  123       },
        {"007",                   SIZE_MAX, 3,  7         },
        {"18446744073709551615",  SIZE_MAX, 20, UINT64_MAX},
        {"18446744073709551616",  SIZE_MAX, 20, UINT64_MAX},
        {"184467440737095516150", SIZE_MAX, 21, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_str rest = bh_str_from(rows[i].input);
        uint64_t value = 77;
        cr_expect_eq(bh_scan_digits(&rest, rows[i].digits_max, &value), rows[i].taken, "%s",
                     rows[i].input);
        cr_expect_eq(value, rows[i].value, "%s", rows[i].input);
        cr_expect(bh_str_equal_text(rest, rows[i].input + rows[i].taken), "%s", rows[i].input);
    }
}

Test(scan, takes_a_character_only_if_it_is_the_wanted_one)
{
    struct bh_str rest = BH_STR_LITERAL("a\0");
    cr_expect_not(bh_scan_char(&rest, 'b'));
    cr_expect(bh_scan_char(&rest, 'a'));
    cr_expect_eq(bh_scan_peek(&rest), '\0');
    cr_expect(bh_scan_char(&rest, '\0'), "a NUL inside is a character");
    cr_expect_eq(bh_scan_peek(&rest), '\0');
    cr_expect_not(bh_scan_char(&rest, '\0'), "the end is none");
}
