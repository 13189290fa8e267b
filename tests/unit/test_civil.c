#include <criterion/criterion.h>

#include "core/civil.h"

Test(civil, counts_every_day_of_a_thousand_years)
{
    int64_t days = bh_civil_to_days((struct bh_civil){1600, 1, 1});
    cr_assert_eq(days, -135140);
    for (int64_t year = 1600; year < 2600; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= bh_civil_month_days(year, month); day++, days++) {
                struct bh_civil date = {year, month, day};
                struct bh_civil back = bh_civil_from_days(days);
                cr_assert_eq(bh_civil_to_days(date), days, "%lld-%u-%u", (long long)year, month,
                             day);
                cr_assert(back.year == year && back.month == month && back.day == day, "%lld-%u-%u",
                          (long long)year, month, day);
            }
        }
    }
    cr_expect_eq(days, bh_civil_to_days((struct bh_civil){2600, 1, 1}));
    cr_expect_eq(days, 230103);
}

Test(civil, knows_some_days_and_the_far_past_and_future)
{
    static const struct {
        struct bh_civil date;
        int64_t days;
    } rows[] = {
        {{1970, 1, 1},      0           },
        {{1969, 12, 31},    -1          },
        {{2000, 2, 29},     11016       },
        {{2000, 3, 1},      11017       },
        {{2026, 3, 29},     20541       },
        {{2100, 3, 1},      47541       },
        {{1, 1, 1},         -719162     },
        {{0, 3, 1},         -719468     },
        {{0, 2, 29},        -719469     },
        {{-400, 3, 1},      -865565     },
        {{292277022, 1, 1}, 106751270680},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_civil back = bh_civil_from_days(rows[i].days);
        cr_expect_eq(bh_civil_to_days(rows[i].date), rows[i].days, "row %zu: %lld", i,
                     (long long)bh_civil_to_days(rows[i].date));
        cr_expect(back.year == rows[i].date.year && back.month == rows[i].date.month &&
                      back.day == rows[i].date.day,
                  "row %zu: %lld-%u-%u", i, (long long)back.year, back.month, back.day);
    }
}

Test(civil, refuses_dates_that_are_not_in_the_calendar)
{
    static const struct {
        struct bh_civil date;
        bool ok;
    } rows[] = {
        {{2026, 1, 31},      true },
        {{2026, 2, 28},      true },
        {{2024, 2, 29},      true },
        {{2000, 2, 29},      true },
        {{2026, 2, 29},      false},
        {{2100, 2, 29},      false},
        {{2026, 2, 31},      false},
        {{2026, 4, 31},      false},
        {{2026, 0, 1},       false},
        {{2026, 13, 1},      false},
        {{2026, 1, 0},       false},
        {{2026, 12, 32},     false},
        {{2026, 256 + 1, 1}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(bh_civil_is_valid(rows[i].date), rows[i].ok, "row %zu", i);
}

Test(civil, divides_towards_the_past)
{
    cr_expect_eq(bh_floor_div(7, 7), 1);
    cr_expect_eq(bh_floor_div(6, 7), 0);
    cr_expect_eq(bh_floor_div(0, 7), 0);
    cr_expect_eq(bh_floor_div(-1, 7), -1);
    cr_expect_eq(bh_floor_div(-7, 7), -1);
    cr_expect_eq(bh_floor_div(-8, 7), -2);
    cr_expect_eq(bh_floor_div(INT64_MIN, 1000), INT64_MIN / 1000 - 1);
}
