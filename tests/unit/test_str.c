#include <criterion/criterion.h>

#include "core/str.h"

Test(str, splits_and_keeps_empty_pieces)
{
    struct bh_str rest = bh_str_from("a,,b,"), piece;
    const char *wanted[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        cr_assert(bh_str_split(&rest, ',', &piece));
        cr_assert(bh_str_equal_text(piece, wanted[i]), "piece %zu", i);
    }
    cr_assert_not(bh_str_split(&rest, ',', &piece));
}

Test(str, reads_whole_numbers_only)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0",                    true,  0        },
        {"-1",                   true,  -1       },
        {"9223372036854775807",  true,  INT64_MAX},
        {"-9223372036854775808", true,  INT64_MIN},
        {"9223372036854775808",  false, 0        },
        {"-9223372036854775809", false, 0        },
        {"",                     false, 0        },
        {"-",                    false, 0        },
        {"+1",                   false, 0        },
        {" 1",                   false, 0        },
        {"1 ",                   false, 0        },
        {"1.0",                  false, 0        },
        {"0x10",                 false, 0        },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 42;
        cr_expect_eq(bh_str_to_int64(bh_str_from(rows[i].text), &value), rows[i].ok, "%s",
                     rows[i].text);
        cr_expect_eq(value, rows[i].ok ? rows[i].value : 42, "%s", rows[i].text);
    }
}

Test(str, trims_and_compares)
{
    cr_expect(bh_str_equal_text(bh_str_trim(bh_str_from(" \t x y\r\n")), "x y"));
    cr_expect_eq(bh_str_trim(bh_str_from("  ")).len, 0);
    cr_expect(bh_str_equal_nocase(bh_str_from("Retry-After"), bh_str_from("retry-aFTER")));
    cr_expect_not(bh_str_equal_nocase(bh_str_from("a"), bh_str_from("ab")));
    cr_expect(bh_str_starts_with(bh_str_from("abc"), bh_str_from("ab")));
    cr_expect_not(bh_str_starts_with(bh_str_from("a"), bh_str_from("ab")));
    cr_expect(bh_str_equal(bh_str_from(NULL), bh_str_from("")));
}
