#include <criterion/criterion.h>

#include "core/money.h"

Test(money, reads_decimals_exactly_and_nothing_else)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t micro;
    } rows[] = {
        {"0",                             true,  0               },
        {"-0",                            true,  0               },
        {"0.075",                         true,  75000           },
        {"54.013",                        true,  54013000        },
        {"123.875",                       true,  123875000       },
        {"0.1",                           true,  100000          },
        {"1e-2",                          true,  10000           },
        {"7.5E-2",                        true,  75000           },
        {"1.5e+1",                        true,  15000000        },
        {"1e0",                           true,  1000000         },
        {"-3.25",                         true,  -3250000        },
        {"0.0000004",                     true,  0               },
        {"0.0000005",                     true,  1               },
        {"-0.0000005",                    true,  -1              },
        {"0.9999995",                     true,  1000000         },
        {"0.07499999999999999999999999",  true,  75000           },
        {"000.5",                         true,  500000          },
        {"0e400",                         true,  0               },
        {"0e99999999999",                 true,  0               },
        {"1e-99999999999",                true,  0               },
        {"1000000000",                    true,  1000000000000000},
        {"1000000000.000001",             false, 0               },
        {"1e400",                         false, 0               },
        {"1e99999999999999999999",        false, 0               },
        {"99999999999999999999999999999", false, 0               },
        {"",                              false, 0               },
        {"-",                             false, 0               },
        {".5",                            false, 0               },
        {"5.",                            false, 0               },
        {"+5",                            false, 0               },
        {"5,5",                           false, 0               },
        {"5 ",                            false, 0               },
        {" 5",                            false, 0               },
        {"1e",                            false, 0               },
        {"1e-",                           false, 0               },
        {"1e1.5",                         false, 0               },
        {"0x10",                          false, 0               },
        {"nan",                           false, 0               },
        {"inf",                           false, 0               },
        {"1.2.3",                         false, 0               },
        {"5 EUR",                         false, 0               },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        int64_t micro = 42;
        cr_expect_eq(bh_money_parse(bh_str_from(rows[i].text), &micro), rows[i].ok, "%s",
                     rows[i].text);
        cr_expect_eq(micro, rows[i].ok ? rows[i].micro : 42, "%s gives %lld", rows[i].text,
                     (long long)micro);
    }
}

Test(money, stops_at_the_end_of_the_view)
{
    int64_t micro = 42;
    cr_expect(bh_money_parse((struct bh_str){"0.0759", 5}, &micro));
    cr_expect_eq(micro, 75000);
    cr_expect_not(bh_money_parse((struct bh_str){NULL, 0}, &micro));
}

Test(money, writes_no_needless_zeros_and_reads_them_again)
{
    static const struct {
        int64_t micro;
        const char *wanted;
    } rows[] = {
        {0,         "0"                    },
        {1,         "0.000001"             },
        {75000,     "0.075"                },
        {100000,    "0.1"                  },
        {1000000,   "1"                    },
        {10000000,  "10"                   },
        {1000001,   "1.000001"             },
        {-1,        "-0.000001"            },
        {-2500000,  "-2.5"                 },
        {INT64_MAX, "9223372036854.775807" },
        {INT64_MIN, "-9223372036854.775808"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_money_text got = bh_money_format(rows[i].micro);
        int64_t again;
        cr_expect_str_eq(got.text, rows[i].wanted);
        if (rows[i].micro >= -BH_MONEY_MICRO_MAX && rows[i].micro <= BH_MONEY_MICRO_MAX) {
            cr_expect(bh_money_parse(bh_str_from(got.text), &again), "%s", got.text);
            cr_expect_eq(again, rows[i].micro, "%s", got.text);
        }
    }
}
