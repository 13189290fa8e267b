#include <criterion/criterion.h>

#include <string.h>

#include "core/duration.h"

Test(duration, parses_one_number_with_one_unit)
{
    static const struct {
        const char *input;
        bool ok;
        bh_ms wanted;
    } rows[] = {
        {"0ms",                            true,  0                       },
        {"500ms",                          true,  500                     },
        {"30s",                            true,  30000                   },
        {"5m",                             true,  300000                  },
        {"2h",                             true,  7200000                 },
        {"7d",                             true,  604800000               },
        {"007s",                           true,  7000                    },
        {"9223372036854775807ms",          true,  INT64_MAX               },
        {"106751991167d",                  true,  106751991167 * BH_DAY_MS},
        {"9223372036854775808ms",          false, 0                       },
        {"106751991168d",                  false, 0                       },
        {"18446744073709551616ms",         false, 0                       },
        {"18446744073709551617s",          false, 0                       },
        {"99999999999999999999999999999d", false, 0                       },
        {"",                               false, 0                       },
        {"s",                              false, 0                       },
        {"0",                              false, 0                       },
        {"30",                             false, 0                       },
        {"30 s",                           false, 0                       },
        {" 30s",                           false, 0                       },
        {"30s ",                           false, 0                       },
        {"30S",                            false, 0                       },
        {"30M",                            false, 0                       },
        {"30sec",                          false, 0                       },
        {"30\xC2\xB5s",                    false, 0                       },
        {"1.5h",                           false, 0                       },
        {"1,5h",                           false, 0                       },
        {"1h30m",                          false, 0                       },
        {"-5s",                            false, 0                       },
        {"+5s",                            false, 0                       },
        {"1e3s",                           false, 0                       },
        {"0x10s",                          false, 0                       },
        {"1w",                             false, 0                       },
        {"1y",                             false, 0                       },
        {"64KiB",                          false, 0                       },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_ms got = 77;
        struct bh_error error = {.text = ""};
        enum bh_status status =
            bh_duration_parse(bh_str_from(rows[i].input), BH_UNIT_REQUIRED, &got, &error);
        cr_expect_eq(status, rows[i].ok ? BH_OK : BH_EINVAL, "\"%s\"", rows[i].input);
        cr_expect_eq(got, rows[i].ok ? rows[i].wanted : 77, "\"%s\"", rows[i].input);
        cr_expect_eq(strlen(error.text) > 0, !rows[i].ok, "\"%s\": %s", rows[i].input, error.text);
    }
    bh_ms got;
    cr_expect_eq(bh_duration_parse(BH_STR_LITERAL("5s\0"), BH_UNIT_REQUIRED, &got, NULL),
                 BH_EINVAL);
    cr_expect_eq(bh_duration_parse((struct bh_str){NULL, 0}, BH_UNIT_REQUIRED, &got, NULL),
                 BH_EINVAL);
}

Test(duration, takes_a_bare_zero_only_where_it_may)
{
    static const struct {
        const char *input;
        bool ok;
    } rows[] = {
        {"0",  true },
        {"0s", true },
        {"00", false},
        {"1",  false},
        {"-0", false},
        {"",   false}
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_ms duration;
        uint64_t bytes;
        struct bh_str text = bh_str_from(rows[i].input);
        cr_expect_eq(bh_duration_parse(text, BH_UNIT_ZERO_MAY_BE_BARE, &duration, NULL) == BH_OK,
                     rows[i].ok, "\"%s\"", rows[i].input);
        cr_expect_eq(bh_size_parse(text, BH_UNIT_ZERO_MAY_BE_BARE, &bytes, NULL) == BH_OK,
                     strcmp(rows[i].input, "0") == 0, "\"%s\"", rows[i].input);
    }
}

Test(duration, parses_sizes)
{
    static const struct {
        const char *input;
        bool ok;
        uint64_t wanted;
    } rows[] = {
        {"0B",                    true,  0                     },
        {"512B",                  true,  512                   },
        {"64KiB",                 true,  65536                 },
        {"8MiB",                  true,  8388608               },
        {"1GiB",                  true,  1073741824            },
        {"9223372036854775807B",  true,  INT64_MAX             },
        {"8589934591GiB",         true,  INT64_MAX - 0x3FFFFFFF},
        {"9223372036854775808B",  false, 0                     },
        {"18446744073709551615B", false, 0                     },
        {"8589934592GiB",         false, 0                     },
        {"18446744073709551616B", false, 0                     },
        {"64",                    false, 0                     },
        {"64K",                   false, 0                     },
        {"64KB",                  false, 0                     },
        {"64kib",                 false, 0                     },
        {"64 KiB",                false, 0                     },
        {"1.5MiB",                false, 0                     },
        {"-1B",                   false, 0                     },
        {"B",                     false, 0                     },
        {"",                      false, 0                     },
        {"1TiB",                  false, 0                     },
        {"5m",                    false, 0                     },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t got = 77;
        enum bh_status status =
            bh_size_parse(bh_str_from(rows[i].input), BH_UNIT_REQUIRED, &got, NULL);
        cr_expect_eq(status, rows[i].ok ? BH_OK : BH_EINVAL, "\"%s\"", rows[i].input);
        cr_expect_eq(got, rows[i].ok ? rows[i].wanted : 77, "\"%s\"", rows[i].input);
    }
}

Test(duration, formats_in_the_largest_exact_unit)
{
    static const struct {
        bh_ms duration;
        const char *wanted;
    } rows[] = {
        {0,         "0s"                    },
        {1,         "1ms"                   },
        {999,       "999ms"                 },
        {1000,      "1s"                    },
        {90000,     "90s"                   },
        {90001,     "90001ms"               },
        {3600000,   "1h"                    },
        {172800000, "2d"                    },
        {INT64_MAX, "9223372036854775807ms" },
        {-90000,    "-90s"                  },
        {INT64_MIN, "-9223372036854775808ms"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_duration_text got = bh_duration_format(rows[i].duration);
        cr_expect_str_eq(got.text, rows[i].wanted, "%s", got.text);
    }
    cr_expect_str_eq(bh_size_format(0).text, "0B");
    cr_expect_str_eq(bh_size_format(65536).text, "64KiB");
    cr_expect_str_eq(bh_size_format(65537).text, "65537B");
    cr_expect_str_eq(bh_size_format(UINT64_MAX).text, "18446744073709551615B");
}
