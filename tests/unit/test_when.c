#include <criterion/criterion.h>

#include <string.h>

#include "core/when.h"
#include "support/tzif.h"

/* 2026-03-28 12:00 UTC: the day before the clocks change in Europe. */
static const struct bh_wall base = {1774699200000};

Test(when, understands_its_forms)
{
    static const struct {
        const char *text;
        int64_t wanted_ms;
    } rows[] = {
        {"1774746000",          1774746000000},
        {"946684800",           946684800000 },
        {"4133980799",          4133980799000},
        {"1774746000123",       1774746000123},
        {"946684800000",        946684800000 },
        {"0001774746000",       -1           }, /* 13 digits: the year 1970 in milliseconds */
        {"2026-03-29 01:59",    1774745940000},
        {"2026-03-29 01:59:59", 1774745999000},
        {"2026-03-29 02:30",    1774747800000},
        {"2026-03-29 03:00:00", 1774746000000},
        {"2026-10-25 02:30",    1792888200000},
        {"2024-02-29 12:00",    1709204400000},
        {"2000-01-01 01:00",    946684800000 },
        {"2100-12-31 23:59:59", 4133977199000},
        {"+0s",                 1774699200000},
        {"+90s",                1774699290000},
        {"+15m",                1774700100000},
        {"+2h",                 1774706400000},
        {"+1d",                 1774785600000}, /* 24 hours, though the local day has 23 */
        {"+0001s",              1774699201000},
    };
    struct bh_zone *berlin = tzif_load("Europe/Berlin");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_wall got = {77};
        struct bh_error error = {.text = ""};
        bool ok = rows[i].wanted_ms >= 0;
        cr_expect_eq(bh_when_parse(bh_str_from(rows[i].text), base, berlin, &got, &error),
                     ok ? BH_OK : BH_EINVAL, "%s: %s", rows[i].text, error.text);
        cr_expect_eq(got.ms, ok ? rows[i].wanted_ms : 77, "%s: %lld", rows[i].text,
                     (long long)got.ms);
    }
    bh_zone_free(berlin);
}

Test(when, takes_local_times_in_the_given_zone)
{
    static const struct {
        const char *zone;
        int64_t wanted_s;
    } rows[] = {
        {NULL,                  1774751400},
        {"America/New_York",    1774765800},
        {"Australia/Lord_Howe", 1774711800},
        {"Asia/Kathmandu",      1774730700},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_zone *zone = rows[i].zone != NULL ? tzif_load(rows[i].zone) : NULL;
        struct bh_wall got = {77};
        cr_expect_eq(bh_when_parse(bh_str_from("2026-03-29 02:30"), base, zone, &got, NULL), BH_OK);
        cr_expect_eq(got.ms, rows[i].wanted_s * 1000, "row %zu: %lld", i, (long long)got.ms);
        bh_zone_free(zone);
    }
}

Test(when, refuses_everything_else_with_a_sentence)
{
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        {"",                       "not a time"       },
        {" ",                      "not a time"       },
        {"now",                    "not a time"       },
        {"tomorrow",               "not a time"       },
        {"0",                      "between the years"},
        {"-1",                     "not a time"       },
        {"946684799",              "between the years"},
        {"4133980800",             "between the years"},
        {"946684799999",           "between the years"},
        {"4133980800000",          "between the years"},
        {"99999999999",            "between the years"},
        {"20260329",               "between the years"},
        {"9223372036854775807",    "between the years"},
        {"9223372036854775808",    "not a time"       },
        {"1774746000.5",           "not a time"       },
        {"1774746000 ",            "not a time"       },
        {" 1774746000",            "not a time"       },
        {"1.7e9",                  "not a time"       },
        {"0x6a3b2c10",             "not a time"       },
        {"1774746000s",            "not a time"       },
        {"2026-02-29 12:00",       "calendar"         },
        {"2026-02-31 12:00",       "calendar"         },
        {"2100-02-29 12:00",       "calendar"         },
        {"2026-04-31 12:00",       "calendar"         },
        {"2026-00-10 12:00",       "calendar"         },
        {"2026-13-10 12:00",       "calendar"         },
        {"2026-01-00 12:00",       "calendar"         },
        {"2026-01-32 12:00",       "calendar"         },
        {"2026-01-01 24:00",       "calendar"         },
        {"2026-01-01 12:60",       "calendar"         },
        {"2026-01-01 12:00:60",    "calendar"         },
        {"0000-01-01 00:00",       "calendar"         },
        {"1999-12-31 23:59",       "between the years"},
        {"2101-01-01 12:00",       "between the years"},
        {"2026-01-01",             "not a time"       },
        {"2026-01-01 ",            "not a time"       },
        {"2026-01-01 12",          "not a time"       },
        {"2026-01-01 12:0",        "not a time"       },
        {"2026-01-01 12:00:",      "not a time"       },
        {"2026-01-01 12:00:0",     "not a time"       },
        {"2026-01-01 12:00:000",   "not a time"       },
        {"2026-01-01 12:00:00.5",  "not a time"       },
        {"2026-01-01 12:00 ",      "not a time"       },
        {"2026-01-01T12:00",       "not a time"       },
        {"2026-01-01 12:00Z",      "not a time"       },
        {"2026-01-01 12:00+01:00", "not a time"       },
        {"2026-1-1 12:00",         "not a time"       },
        {"2026-01-01  12:00",      "not a time"       },
        {"2026-01-01 1:00",        "not a time"       },
        {"2026/01/01 12:00",       "not a time"       },
        {"01.01.2026 12:00",       "not a time"       },
        {"26-01-01 12:00",         "not a time"       },
        {"2026-01--1 12:00",       "not a time"       },
        {"2026-01-01 -1:00",       "not a time"       },
        {"+",                      "not a time"       },
        {"+s",                     "not a time"       },
        {"+90",                    "not a time"       },
        {"+90S",                   "not a time"       },
        {"+500ms",                 "not a time"       },
        {"+-5s",                   "not a time"       },
        {"++5s",                   "not a time"       },
        {"+ 5s",                   "not a time"       },
        {"+1.5h",                  "not a time"       },
        {"+1w",                    "not a time"       },
        {"-5m",                    "not a time"       },
        {"+1h30m",                 "not a time"       },
        {"+36500d",                "between the years"},
        {"+106751991167d",         "between the years"},
        {"+99999999999999999999s", "not a time"       },
        {"\x1B[2J",                "\\x1B"            },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_wall got = {77};
        struct bh_error error = {.text = ""};
        cr_expect_eq(bh_when_parse(bh_str_from(rows[i].text), base, NULL, &got, &error), BH_EINVAL,
                     "\"%s\"", rows[i].text);
        cr_expect_not_null(strstr(error.text, rows[i].wanted), "\"%s\": %s", rows[i].text,
                           error.text);
        cr_expect_eq(got.ms, 77);
    }
    struct bh_wall got = {77};
    cr_expect_eq(bh_when_parse((struct bh_str){NULL, 0}, base, NULL, &got, NULL), BH_EINVAL);
    cr_expect_eq(bh_when_parse(BH_STR_LITERAL("+5s\0"), base, NULL, &got, NULL), BH_EINVAL);
    cr_expect_eq(bh_when_parse(BH_STR_LITERAL("1774746000\0"), base, NULL, &got, NULL), BH_EINVAL);
}
