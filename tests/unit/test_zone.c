#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/zone.h"
#include "support/tzif.h"

#define HOUR_S 3600

static struct bh_wall
seconds(int64_t at_s)
{
    return (struct bh_wall){at_s * 1000};
}

static void
spell(struct bh_datetime local, char text[64])
{
    int offset_s = local.offset_s < 0 ? -local.offset_s : local.offset_s;
    snprintf(text, 64, "%04d-%02u-%02u %02u:%02u:%02u %c%02d:%02d", local.year, local.month,
             local.day, local.hour, local.minute, local.second, local.offset_s < 0 ? '-' : '+',
             offset_s / HOUR_S, offset_s / 60 % 60);
}

static struct bh_datetime
read_local(const char *text)
{
    struct bh_datetime local = {.year = 0};
    cr_assert_eq(sscanf(text, "%d-%u-%u %u:%u:%u", &local.year, &local.month, &local.day,
                        &local.hour, &local.minute, &local.second),
                 6, "%s", text);
    return local;
}

Test(zone, shows_the_local_time_of_an_instant)
{
    static const struct {
        const char *zone;
        int64_t at_s;
        const char *wanted;
    } rows[] = {
        {"Europe/Berlin",       0,           "1970-01-01 01:00:00 +01:00"},
        {"Europe/Berlin",       1774745999,  "2026-03-29 01:59:59 +01:00"},
        {"Europe/Berlin",       1774746000,  "2026-03-29 03:00:00 +02:00"},
        {"Europe/Berlin",       1792889999,  "2026-10-25 02:59:59 +02:00"},
        {"Europe/Berlin",       1792890000,  "2026-10-25 02:00:00 +01:00"},
        {"Europe/Berlin",       -2422054409, "1893-03-31 23:59:59 +00:53"},
        {"Europe/Berlin",       -2422054408, "1893-04-01 00:06:32 +01:00"},
        {"Europe/Berlin",       2531955599,  "2050-03-27 01:59:59 +01:00"},
        {"Europe/Berlin",       2531955600,  "2050-03-27 03:00:00 +02:00"},
        {"Europe/Berlin",       2550704399,  "2050-10-30 02:59:59 +02:00"},
        {"Europe/Berlin",       2550704400,  "2050-10-30 02:00:00 +01:00"},
        {"Europe/Berlin",       4118119200,  "2100-07-01 12:00:00 +02:00"},
        {"America/New_York",    1772953199,  "2026-03-08 01:59:59 -05:00"},
        {"America/New_York",    1772953200,  "2026-03-08 03:00:00 -04:00"},
        {"America/New_York",    1793512800,  "2026-11-01 01:00:00 -05:00"},
        {"Australia/Sydney",    1791043199,  "2026-10-04 01:59:59 +10:00"},
        {"Australia/Sydney",    1791043200,  "2026-10-04 03:00:00 +11:00"},
        {"Australia/Sydney",    1775318399,  "2026-04-05 02:59:59 +11:00"},
        {"Australia/Sydney",    1775318400,  "2026-04-05 02:00:00 +10:00"},
        {"Australia/Lord_Howe", 1791041399,  "2026-10-04 01:59:59 +10:30"},
        {"Australia/Lord_Howe", 1791041400,  "2026-10-04 02:30:00 +11:00"},
        {"Australia/Lord_Howe", 1775314799,  "2026-04-05 01:59:59 +11:00"},
        {"Australia/Lord_Howe", 1775314800,  "2026-04-05 01:30:00 +10:30"},
        {"America/Phoenix",     1782932400,  "2026-07-01 12:00:00 -07:00"},
        {"Asia/Kathmandu",      1767204900,  "2026-01-01 00:00:00 +05:45"},
        {"Pacific/Apia",        1325239199,  "2011-12-29 23:59:59 -10:00"},
        {"Pacific/Apia",        1325239200,  "2011-12-31 00:00:00 +14:00"},
        {"Europe/Dublin",       1774746000,  "2026-03-29 02:00:00 +01:00"},
        {"Europe/Dublin",       1792890000,  "2026-10-25 01:00:00 +00:00"},
        {"UTC",                 951782400,   "2000-02-29 00:00:00 +00:00"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[64];
        struct bh_zone *zone = tzif_load(rows[i].zone);
        spell(bh_zone_to_local(zone, seconds(rows[i].at_s)), got);
        cr_expect_str_eq(got, rows[i].wanted, "%s at %lld: %s", rows[i].zone,
                         (long long)rows[i].at_s, got);
        bh_zone_free(zone);
    }
}

Test(zone, moves_a_skipped_time_forward_and_takes_the_first_of_two)
{
    static const struct {
        const char *zone;
        const char *local;
        int64_t wanted;
    } rows[] = {
        {"Europe/Berlin",       "2026-03-29 01:59:59", 1774745999 },
        {"Europe/Berlin",       "2026-03-29 02:00:00", 1774746000 },
        {"Europe/Berlin",       "2026-03-29 02:30:00", 1774747800 },
        {"Europe/Berlin",       "2026-03-29 02:59:59", 1774749599 },
        {"Europe/Berlin",       "2026-03-29 03:00:00", 1774746000 },
        {"Europe/Berlin",       "2026-10-25 01:59:59", 1792886399 },
        {"Europe/Berlin",       "2026-10-25 02:00:00", 1792886400 },
        {"Europe/Berlin",       "2026-10-25 02:59:59", 1792889999 },
        {"Europe/Berlin",       "2026-10-25 03:00:00", 1792893600 },
        {"Europe/Berlin",       "2050-03-27 02:30:00", 2531957400 },
        {"Europe/Berlin",       "2050-10-30 02:30:00", 2550702600 },
        {"America/New_York",    "2026-03-08 02:30:00", 1772955000 },
        {"America/New_York",    "2026-11-01 01:30:00", 1793511000 },
        {"Australia/Sydney",    "2026-10-04 02:30:00", 1791045000 },
        {"Australia/Sydney",    "2026-04-05 02:30:00", 1775316600 },
        {"Australia/Lord_Howe", "2026-10-04 02:15:00", 1791042300 },
        {"Australia/Lord_Howe", "2026-10-04 02:30:00", 1791041400 },
        {"Australia/Lord_Howe", "2026-04-05 01:45:00", 1775313900 },
        {"Australia/Lord_Howe", "2026-04-05 02:00:00", 1775316600 },
        {"Europe/Dublin",       "2026-03-29 01:30:00", 1774747800 },
        {"Europe/Dublin",       "2026-10-25 01:30:00", 1792888200 },
        {"Pacific/Apia",        "2011-12-30 12:00:00", 1325282400 },
        {"Pacific/Apia",        "2011-12-29 23:59:59", 1325239199 },
        {"America/Havana",      "2026-03-08 00:00:00", 1772946000 },
        {"America/Havana",      "2026-11-01 00:30:00", 1793507400 },
        {"America/St_Johns",    "2010-11-06 23:30:00", 1289095200 },
        {"America/St_Johns",    "2010-11-07 00:00:00", 1289097000 },
        {"America/Phoenix",     "2026-03-08 02:30:00", 1772962200 },
        {"Africa/Casablanca",   "2026-02-15 02:30:00", 1771119000 },
        {"Europe/Berlin",       "1893-04-01 00:03:00", -2422054228},
        {"UTC",                 "2000-02-29 23:59:59", 951868799  },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_zone *zone = tzif_load(rows[i].zone);
        struct bh_datetime local = read_local(rows[i].local);
        struct bh_wall got = {0};
        cr_expect(bh_zone_from_local(zone, &local, &got), "%s", rows[i].local);
        cr_expect_eq(got.ms, rows[i].wanted * 1000, "%s %s: %lld", rows[i].zone, rows[i].local,
                     (long long)got.ms);
        bh_zone_free(zone);
    }
}

Test(zone, refuses_times_that_are_in_no_calendar)
{
    static const struct bh_datetime rows[] = {
        {2026,      2,          29, 0,  0,  0,  0,    0},
        {2026,      4,          31, 0,  0,  0,  0,    0},
        {2026,      0,          1,  0,  0,  0,  0,    0},
        {2026,      13,         1,  0,  0,  0,  0,    0},
        {2026,      1,          0,  0,  0,  0,  0,    0},
        {2026,      1,          1,  24, 0,  0,  0,    0},
        {2026,      1,          1,  0,  60, 0,  0,    0},
        {2026,      1,          1,  0,  0,  60, 0,    0},
        {2026,      1,          1,  0,  0,  0,  1000, 0},
        {0,         1,          1,  0,  0,  0,  0,    0},
        {10000,     1,          1,  0,  0,  0,  0,    0},
        {-1,        1,          1,  0,  0,  0,  0,    0},
        {INT32_MAX, 1,          1,  0,  0,  0,  0,    0},
        {2026,      UINT32_MAX, 1,  0,  0,  0,  0,    0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_wall got = {77};
        cr_expect_not(bh_zone_from_local(NULL, &rows[i], &got), "row %zu", i);
        cr_expect_eq(got.ms, 77);
    }
}

Test(zone, finds_the_next_local_midnight)
{
    static const struct {
        const char *name;
        const char *zone;
        int64_t at_s;
        int64_t wanted;
    } rows[] = {
        {"a plain day",                           "Europe/Berlin",       1767265200, 1767308400},
        {"at midnight it is the next one",        "Europe/Berlin",       1767222000, 1767308400},
        {"a second before",                       "Europe/Berlin",       1767308399, 1767308400},
        {"a day of 23 hours",                     "Europe/Berlin",       1774738800, 1774821600},
        {"a day of 25 hours",                     "Europe/Berlin",       1792879200, 1792969200},
        {"in the first 02:30",                    "Europe/Berlin",       1792888200, 1792969200},
        {"in the second 02:30",                   "Europe/Berlin",       1792891800, 1792969200},
        {"beyond the table",                      "Europe/Berlin",       4118119200, 4118162400},
        {"skipped midnight becomes 01:00",        "America/Havana",      1772942400, 1772946000},
        {"skipped midnight in Brazil",            "America/Sao_Paulo",   1541296800, 1541300400},
        {"turned back at midnight, first 23:30",  "America/Sao_Paulo",   1518917400, 1518922800},
        {"turned back at midnight, second 23:30", "America/Sao_Paulo",   1518921000, 1518922800},
        {"turned back over it, first 23:30",      "America/St_Johns",    1289095200, 1289097000},
        {"turned back over it, second 23:30",     "America/St_Johns",    1289098800, 1289100600},
        {"turned back over it, in the minute",    "America/St_Johns",    1289097030, 1289187000},
        {"midnight that happens twice",           "America/Havana",      1793505540, 1793505600},
        {"between the two midnights",             "America/Havana",      1793507400, 1793595600},
        {"a day that was left out",               "Pacific/Apia",        1325239199, 1325239200},
        {"half an hour of summer time",           "Australia/Lord_Howe", 1791037800, 1791118800},
        {"before 1970",                           "UTC",                 -1,         0         },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_zone *zone = tzif_load(rows[i].zone);
        struct bh_wall late_in_the_second = {rows[i].at_s * 1000 + 999};
        struct bh_wall got = bh_zone_next_midnight(zone, seconds(rows[i].at_s));
        cr_expect_eq(got.ms, rows[i].wanted * 1000, "%s: %lld", rows[i].name, (long long)got.ms);
        got = bh_zone_next_midnight(zone, late_in_the_second);
        cr_expect_eq(got.ms, rows[i].wanted * 1000, "%s, 999 ms later: %lld", rows[i].name,
                     (long long)got.ms);
        bh_zone_free(zone);
    }
}

Test(zone, comes_back_to_every_quarter_of_an_hour)
{
    static const char *const zones[] = {"Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns",
                                        "Africa/Casablanca", "Pacific/Apia"};
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct bh_zone *zone = tzif_load(zones[i]);
        for (int64_t at_s = 1262304000; at_s < 1356998400; at_s += HOUR_S / 4) {
            struct bh_datetime local = bh_zone_to_local(zone, seconds(at_s));
            struct bh_wall back;
            cr_assert(bh_zone_from_local(zone, &local, &back));
            /*
             * The second of two equal local times comes back as the first; it is shown by a larger
             * offset.
             */
            int64_t earlier_s = at_s - back.ms / 1000;
            int32_t offset_s = bh_zone_offset_s(zone, back);
            cr_assert(earlier_s >= 0 && earlier_s == offset_s - local.offset_s, "%s at %lld",
                      zones[i], (long long)at_s);
        }
        bh_zone_free(zone);
    }
}

Test(zone, agrees_with_the_table_when_it_knows_the_rule_alone)
{
    static const struct {
        const char *zone;
        const char *rule;
    } rows[] = {
        {"Europe/Berlin",       "CET-1CEST,M3.5.0,M10.5.0/3"          },
        {"America/New_York",    "EST5EDT,M3.2.0,M11.1.0"              },
        {"Australia/Sydney",    "AEST-10AEDT,M10.1.0,M4.1.0/3"        },
        {"Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
        {"Europe/Dublin",       "IST-1GMT0,M10.5.0,M3.5.0/1"          },
        {"America/Nuuk",        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"     },
        {"Antarctica/Troll",    "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3"    },
        {"America/Phoenix",     "MST7"                                },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const struct tzif_type type = {0};
        struct bh_zone *table = tzif_load(rows[i].zone);
        struct bh_zone *rule = NULL;
        struct tzif_bytes file = tzif_build(&type, 1, NULL, 0, rows[i].rule);
        cr_assert_eq(bh_zone_parse(file.bytes, file.len, &rule, NULL), BH_OK, "%s", rows[i].rule);
        for (int64_t at_s = 1735689600; at_s < 1924992000; at_s += HOUR_S / 2) {
            cr_assert_eq(bh_zone_offset_s(table, seconds(at_s)),
                         bh_zone_offset_s(rule, seconds(at_s)), "%s at %lld", rows[i].zone,
                         (long long)at_s);
        }
        bh_zone_free(table);
        bh_zone_free(rule);
    }
}

Test(zone, follows_every_form_of_rule)
{
    static const struct {
        const char *rule;
        int64_t at_s;
        int32_t offset_s;
    } rows[] = {
        {"XXX0",                        0,                       0                },
        {"<-00>0",                      0,                       0                },
        {"<+0330>-3:30",                0,                       3 * HOUR_S + 1800},
        {"XXX24:59:59",                 0,                       -89999           },
        {"XXX+5",                       0,                       -5 * HOUR_S      },
 /* J60 is 1 March in every year, 59 is 1 March or 29 February */
        {"XXX0YYY,J60/0,J300/0",        1709164800,              0                }, /* 2024-02-29 */
        {"XXX0YYY,J60/0,J300/0",        1709251200,              HOUR_S           }, /* 2024-03-01 */
        {"XXX0YYY,J60/0,J300/0",        1772323200,              HOUR_S           }, /* 2026-03-01 */
        {"XXX0YYY,J60/0,J300/0",        1772323199,              0                },
        {"XXX0YYY,59/0,300/0",          1709164800,              HOUR_S           }, /* 2024-02-29 */
        {"XXX0YYY,59/0,300/0",          1772323199,              0                },
        {"XXX0YYY,59/0,300/0",          1772323200,              HOUR_S           },
        {"XXX0YYY,J1/0,J31/0",          1767225599,              0                },
        {"XXX0YYY,J1/0,J31/0",          1767225600,              HOUR_S           }, /* 2026-01-01 */
  /*
   * fifth Sunday is the last, fourth or fifth; Friday before the fourth Sunday is a time of -50
   * hours
   */
        {"XXX0YYY,M2.5.0/0,M11.1.0/0",  1771718399,              0                }, /* 2026-02-22 */
        {"XXX0YYY,M2.5.0/0,M11.1.0/0",  1771718400,              HOUR_S           },
        {"IST-2IDT,M3.4.4/26,M10.5.0",  1774569599,              2 * HOUR_S       }, /* 2026-03-27 02:00 */
        {"IST-2IDT,M3.4.4/26,M10.5.0",  1774569600,              3 * HOUR_S       },
        {"XXX0YYY,M3.5.0/-50,M10.5.0",  1774562399,              0                }, /* 2026-03-26 22:00 */
        {"XXX0YYY,M3.5.0/-50,M10.5.0",  1774562400,              HOUR_S           },
 /* summer time all year: the example of RFC 8536 section 3.3.1 */
        {"XXX3EDT4,0/0,J365/23",        1767225600 + 4 * HOUR_S, -4 * HOUR_S      },
        {"XXX3EDT4,0/0,J365/23",        1767225600 + 3 * HOUR_S, -4 * HOUR_S      },
        {"XXX3EDT4,0/0,J365/23",        1782864000,              -4 * HOUR_S      },
 /* a week off the day, over the turn of the year */
        {"XXX0YYY,J365/167,J180",       1767740399,              0                },
        {"XXX0YYY,J365/167,J180",       1767740400,              HOUR_S           },
        {"XXX0YYY,J180,J1/-167",        1766620799,              HOUR_S           },
        {"XXX0YYY,J180,J1/-167",        1766620800,              0                },
        {"XXX0YYY-0:20,M3.2.0,M11.1.0", 1782864000,              1200             },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const struct tzif_type type = {0};
        struct bh_zone *zone = NULL;
        struct tzif_bytes file = tzif_build(&type, 1, NULL, 0, rows[i].rule);
        cr_assert_eq(bh_zone_parse(file.bytes, file.len, &zone, NULL), BH_OK, "%s", rows[i].rule);
        int32_t got = bh_zone_offset_s(zone, seconds(rows[i].at_s));
        cr_expect_eq(got, rows[i].offset_s, "%s at %lld: %d", rows[i].rule, (long long)rows[i].at_s,
                     got);
        bh_zone_free(zone);
    }
}

Test(zone, refuses_rules_that_break_the_grammar)
{
    static const char *const rules[] = {
        "X0",
        "XX0",
        "XXX",
        "XXX25",
        "XXX-25",
        "XXX0:60",
        "XXX0:00:60",
        "XXX0:",
        "XXX1000",
        "0",
        "-1",
        "<XXX0",
        "<X>0",
        "<XX X>0",
        ">XXX0",
        "XXX0 ",
        " XXX0",
        "XXX0Y",
        "XXX0YYY",
        "XXX0YYY,",
        "XXX0YYY,M3.5.0",
        "XXX0YYY,M3.5.0,",
        "XXX0YYY,M0.5.0,M10.5.0",
        "XXX0YYY,M13.5.0,M10.5.0",
        "XXX0YYY,M3.0.0,M10.5.0",
        "XXX0YYY,M3.6.0,M10.5.0",
        "XXX0YYY,M3.5.7,M10.5.0",
        "XXX0YYY,M3.5,M10.5.0",
        "XXX0YYY,J0,J365",
        "XXX0YYY,J366,J365",
        "XXX0YYY,366,1",
        "XXX0YYY,J1/168,J365",
        "XXX0YYY,J1/-168,J365",
        "XXX0YYY,J1,J365,J2",
        "XXX0YYY,J1,J365/",
        "XXX0YYY,J1,J365x",
        "XXX0YYY-,J1,J365",
        "XXX0,J1,J365",
        ":Europe/Berlin",
        "CET-1CEST;M3.5.0;M10.5.0/3",
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        static const struct tzif_type type = {0};
        struct bh_zone *zone = NULL;
        struct bh_error error = {.text = ""};
        struct tzif_bytes file = tzif_build(&type, 1, NULL, 0, rules[i]);
        cr_expect_eq(bh_zone_parse(file.bytes, file.len, &zone, &error), BH_EINVAL, "%s", rules[i]);
        cr_expect_str_neq(error.text, "");
        cr_expect_null(zone);
    }
}

Test(zone, keeps_the_last_offset_when_the_footer_is_empty)
{
    static const struct tzif_type types[] = {{-1800}, {3600}, {7200}};
    static const struct tzif_change changes[] = {
        {1000, 1},
        {2000, 2},
        {3000, 1}
    };
    struct bh_zone *zone = NULL;
    struct tzif_bytes file = tzif_build(types, 3, changes, 3, "");
    cr_assert_eq(bh_zone_parse(file.bytes, file.len, &zone, NULL), BH_OK);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(INT32_MIN)), -1800);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(999)), -1800);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(1000)), 3600);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(2999)), 7200);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(4000000000)), 3600);
    bh_zone_free(zone);
}

Test(zone, reads_version_one_and_is_utc_without_a_zone)
{
    struct tzif_bytes file = tzif_read("Europe/Berlin");
    struct bh_zone *zone = NULL;
    file.bytes[4] = '\0';
    cr_assert_eq(bh_zone_parse(file.bytes, file.len, &zone, NULL), BH_OK);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(1774746000)), 7200);
    cr_expect_eq(bh_zone_offset_s(zone, seconds(4118119200)), 3600,
                 "no rule: the last offset stays");
    bh_zone_free(zone);

    char got[64];
    spell(bh_zone_to_local(NULL, seconds(1774746000)), got);
    cr_expect_str_eq(got, "2026-03-29 01:00:00 +00:00");
    cr_expect_eq(bh_zone_next_midnight(NULL, seconds(0)).ms, BH_DAY_MS);
    cr_expect_eq(bh_zone_to_local(NULL, (struct bh_wall){-1}).millisecond, 999);
    bh_zone_free(NULL);
}

Test(zone, survives_the_ends_of_time)
{
    static const char *const zones[] = {"Europe/Berlin", "America/St_Johns", "Pacific/Apia"};
    static const int64_t instants[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct bh_zone *zone = tzif_load(zones[i]);
        for (size_t j = 0; j < sizeof(instants) / sizeof(instants[0]); j++) {
            struct bh_wall at = {instants[j]};
            struct bh_datetime local = bh_zone_to_local(zone, at);
            cr_expect(local.month >= 1 && local.month <= 12 && local.millisecond < 1000);
            cr_expect_geq(bh_zone_next_midnight(zone, at).ms, at.ms);
        }
        bh_zone_free(zone);
    }
}

Test(zone, refuses_damaged_files)
{
    static const struct tzif_type types[] = {{0}, {3600}};
    static const struct tzif_change changes[] = {
        {1000, 1},
        {2000, 0}
    };
    static const struct {
        const char *name;
        size_t at; /* in the second block, which starts at 44 */
        unsigned char byte;
    } rows[] = {
        {"magic",                          0,           'X' },
        {"second magic",                   44,          'X' },
        {"leap seconds of no file",        44 + 31,     1   },
        {"UT indicators of no type",       44 + 23,     1   },
        {"standard indicators of no type", 44 + 27,     1   },
        {"huge number of changes",         44 + 32,     0xFF},
        {"huge number of types",           44 + 36,     0xFF},
        {"no types",                       44 + 39,     0   },
        {"huge number of characters",      44 + 40,     0xFF},
        {"first block longer than all",    32,          0x7F},
        {"change to a type of nobody",     88 + 16,     2   },
        {"summer flag of two",             88 + 18 + 4, 2   },
        {"name outside",                   88 + 18 + 5, 4   },
        {"offset of more than a day",      88 + 18 + 1, 0x7F},
        {"changes out of order",           88 + 6,      0xFF},
        {"change before all time",         88,          0x80},
        {"change after all time",          88 + 8,      0x7F},
        {"no line feed before the rule",   88 + 34,     'X' },
    };
    struct tzif_bytes whole = tzif_build(types, 2, changes, 2, "XXX0");
    struct bh_zone *zone = NULL;
    cr_assert_eq(bh_zone_parse(whole.bytes, whole.len, &zone, NULL), BH_OK);
    bh_zone_free(zone);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tzif_bytes file = whole;
        struct bh_error error = {.text = ""};
        file.bytes[rows[i].at] = rows[i].byte;
        cr_expect_eq(bh_zone_parse(file.bytes, file.len, &zone, &error), BH_EINVAL, "%s",
                     rows[i].name);
        cr_expect_str_neq(error.text, "", "%s", rows[i].name);
    }
    for (size_t len = 0; len < whole.len; len++)
        cr_expect_eq(bh_zone_parse(whole.bytes, len, &zone, NULL), BH_EINVAL, "cut after %zu", len);
    cr_expect_eq(bh_zone_parse(whole.bytes, BH_ZONE_BYTES_MAX + 1, &zone, NULL), BH_ETOOBIG);
    cr_expect_eq(bh_zone_parse(NULL, 0, &zone, NULL), BH_EINVAL);
}

Test(zone, refuses_files_that_count_leap_seconds_and_says_so)
{
    static const struct tzif_type type = {0};
    struct tzif_bytes file = tzif_build(&type, 1, NULL, 0, "CET-1CEST,M3.5.0,M10.5.0/3");
    struct bh_zone *zone = NULL;
    struct bh_error error = {.text = ""};
    file.bytes[44 + 31] = 1; /* its twelve bytes are taken from the rule */
    cr_expect_eq(bh_zone_parse(file.bytes, file.len, &zone, &error), BH_EINVAL);
    cr_expect_not_null(strstr(error.text, "leap seconds"), "%s", error.text);
}

static void *
no_memory(size_t size)
{
    (void)size;
    return NULL;
}

Test(zone, says_when_memory_is_short)
{
    static const struct bh_allocator poor = {no_memory, realloc, free};
    struct tzif_bytes file = tzif_read("Europe/Berlin");
    struct bh_zone *zone = NULL;
    bh_alloc_replace(&poor);
    cr_expect_eq(bh_zone_parse(file.bytes, file.len, &zone, NULL), BH_ENOMEM);
    bh_alloc_replace(NULL);
    cr_expect_null(zone);
}
