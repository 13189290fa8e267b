#include <criterion/criterion.h>
#include <string.h>

#include "core/placeholder.h"

Test(placeholder, finds_each_in_its_order)
{
    /* `wanted`: the names, each followed by a bar. */
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"Here it is: [[document.pdf]]", "document.pdf|"},
        {"[[a]][[b]]",                   "a|b|"         },
        {"[[a]] and [[a]]",              "a|a|"         },
        {"[[a b.pdf]]",                  "a b.pdf|"     },
        {"[[\xC3\xA4.pdf]]",             "\xC3\xA4.pdf|"},
        {"[[[a]]]",                      "a|"           },
        {"[[a[[b]]",                     "b|"           },
        {"[[a]b]] [[c]]",                "c|"           },
        {"[[a] [[b]]",                   "b|"           },
        {"[[a\n]] [[b]]",                "b|"           },
        {"[[a]]]]",                      "a|"           },
        {"[[[[a]]]]",                    "a|"           },
        {"",                             ""             },
        {"[[]]",                         ""             },
        {"[[",                           ""             },
        {"[[a",                          ""             },
        {"[[a]",                         ""             },
        {"[[a] ]",                       ""             },
        {"[a]]",                         ""             },
        {"[ [a]]",                       ""             },
        {"]]a[[",                        ""             },
        {"[[[[[[[[",                     ""             },
        {"]]]]]]]]",                     ""             },
        {"[[\t]]",                       ""             },
        {"[[\x7f]]",                     ""             },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[64] = {0};
        struct bh_str rest = bh_str_from(rows[i].text), name;
        while (bh_placeholder_next(&rest, &name)) {
            cr_assert_lt(strlen(got) + name.len + 2, sizeof(got));
            size_t used = strlen(got);
            memcpy(got + used, name.ptr, name.len);
            got[used + name.len] = '|';
        }
        cr_expect_str_eq(got, rows[i].wanted, "%s: %s", rows[i].text, got);
    }
}

Test(placeholder, compares_whole_names)
{
    struct bh_str text = bh_str_from("x [[a.pdf]] y [[b]]");
    cr_expect(bh_placeholder_stands_in(text, bh_str_from("a.pdf")));
    cr_expect(bh_placeholder_stands_in(text, bh_str_from("b")));
    cr_expect_not(bh_placeholder_stands_in(text, bh_str_from("a.pd")));
    cr_expect_not(bh_placeholder_stands_in(text, bh_str_from("A.pdf")));
    cr_expect_not(bh_placeholder_stands_in(text, bh_str_from("")));
}

Test(placeholder, names_have_no_brackets_and_no_control_characters)
{
    static const char *const bad[] = {"", "[", "]", "a[b", "a]", "a\nb", "\x7f", "a\tb"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(bh_placeholder_name_is_valid(bh_str_from(bad[i])), "row %zu", i);
    cr_expect(bh_placeholder_name_is_valid(bh_str_from("a b (1).pdf")));
    cr_expect_not(bh_placeholder_name_is_valid((struct bh_str){"a\0b", 3}));
}
