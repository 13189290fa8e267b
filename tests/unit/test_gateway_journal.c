#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/gateway_journal.h"
#include "core/json.h"
#include "support/scarce_memory.h"
#include "support/tzif.h"

/* 2026-11-20 10:00:00 in Berlin and ten seconds later */
#define FROM_S  1795165200
#define UNTIL_S (FROM_S + 10)

/* 2026-10-25 02:30:00 in Berlin, first in summer time, an hour later in winter time */
#define SUMMER_S 1792888200
#define WINTER_S (SUMMER_S + 3600)

#define ID_   "\"id\":\"77214945865\","
#define TO_   "\"to\":\"491711234567\","
#define TEXT_ "\"text\":\"Gr\\u00fc\\u00dfe \\ud83d\\ude00 a\\/b\","
#define AT_   "\"timestamp\":\"2026-11-20 10:00:03.123\","
#define REST_ "\"from\":\"SMS\",\"price\":\"0.0750\",\"dlr\":\"DELIVERED\",\"type\":\"direct\","
#define F_    "\"foreign_id\":\"job-1\""

#define OURS "{" ID_ TO_ TEXT_ AT_ REST_ F_ "}"
#define OTHER                                                                                      \
    "{\"id\":\"1\",\"to\":\"491711234567\",\"text\":\"x\",\"timestamp\":\"2026-11-20 "             \
    "10:00:04.000\",\"foreign_id\":\"job-2\"}"

static struct bh_zone *berlin;

static void
init(void)
{
    bh_json_use_allocator();
    berlin = tzif_load("Europe/Berlin");
}

static void
fini(void)
{
    bh_zone_free(berlin);
}

TestSuite(gateway_journal, .init = init, .fini = fini);

static struct bh_exchange
answered(int status, const char *body)
{
    return (struct bh_exchange){
        .handed_over = BH_HANDED_ALL,
        .http_status = status,
        .headers_complete = true,
        .body_complete = true,
        .retry_after_ms = -1,
        .body = bh_str_from(body),
    };
}

static struct bh_journal_wanted
ours(void)
{
    return (struct bh_journal_wanted){
        .foreign_id = "job-1",
        .msisdn = "491711234567",
        .text = "Gr\xc3\xbc\xc3\x9f"
                "e \xf0\x9f\x98\x80 a/b",
        .from = {(int64_t)FROM_S * 1000},
        .until = {(int64_t)UNTIL_S * 1000},
        .zone = berlin,
    };
}

struct row {
    const char *name;
    const char *body;
    enum bh_journal_finding finding;
    unsigned count_or_code;
};

static void
check_row(const struct row *row, const struct bh_journal_wanted *wanted)
{
    struct bh_exchange exchange = answered(200, row->body);
    struct bh_journal_entry entry;
    enum bh_journal_finding finding = bh_gateway_journal_read(&exchange, wanted, &entry);
    unsigned got = finding == BH_JOURNAL_FOUND ? entry.count : (unsigned)entry.code;
    cr_expect_str_eq(bh_journal_finding_name(finding), bh_journal_finding_name(row->finding), "%s",
                     row->name);
    cr_expect_eq(got, row->count_or_code, "%s: %u", row->name, got);
    cr_expect(finding == BH_JOURNAL_FOUND || (entry.count == 0 && entry.id[0] == '\0'), "%s",
              row->name);
}

Test(gateway_journal, finds_what_agrees_in_every_word)
{
    static const struct row rows[] = {
        {"recorded form",                   "[" OURS "]",                                                           BH_JOURNAL_FOUND, 1},
        {"among others",                    "[" OTHER "," OURS "," OTHER "]",                                       BH_JOURNAL_FOUND, 1},
        {"twice",                           "[" OURS "," OTHER "," OURS "]",                                        BH_JOURNAL_FOUND, 2},
        {"blanks and a byte order mark",    "\xef\xbb\xbf \n[" OURS "]\n",                                          BH_JOURNAL_FOUND, 1},
        {"an object with holes",            "{\"3\":" OURS ",\"7\":" OTHER "}",                                     BH_JOURNAL_FOUND, 1},
        {"numbers instead of strings",
         "[{\"id\":77214945865,\"to\":491711234567," TEXT_ AT_ "\"price\":0.075," F_ "}]",
         BH_JOURNAL_FOUND,                                                                                                            1},
        {"recipient with plus",             "[{\"to\":\"+491711234567\"," TEXT_ AT_ F_ "}]",                        BH_JOURNAL_FOUND,
         1                                                                                                                             },
        {"recipient with zeros",            "[{\"to\":\"00491711234567\"," TEXT_ AT_ F_ "}]",                       BH_JOURNAL_FOUND,
         1                                                                                                                             },
        {"a text that is not shown",        "[{" TO_ "\"text\":null," AT_ F_ "}]",                                  BH_JOURNAL_FOUND, 1},
        {"an empty text",                   "[{" TO_ "\"text\":\"\"," AT_ F_ "}]",                                  BH_JOURNAL_FOUND, 1},
        {"no text at all",                  "[{" TO_ AT_ F_ "}]",                                                   BH_JOURNAL_FOUND, 1},
        {"escaped foreign id",              "[{" TO_ TEXT_ AT_ "\"foreign_id\":\"\\u006aob-1\"}]",
         BH_JOURNAL_FOUND,                                                                                                            1},
        {"seconds without fraction",
         "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 10:00:00\"," F_ "}]",                                           BH_JOURNAL_FOUND, 1},
        {"microseconds",                    "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 10:00:00.123456\"," F_ "}]",
         BH_JOURNAL_FOUND,                                                                                                            1},
        {"a clock one minute slow",
         "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 09:59:00.000\"," F_ "}]",                                       BH_JOURNAL_FOUND, 1},
        {"a clock one minute fast",
         "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 10:01:10.000\"," F_ "}]",                                       BH_JOURNAL_FOUND, 1},
        {"a match beside a doubtful entry", "[null," OURS ",7]",                                                    BH_JOURNAL_FOUND, 1},
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        check_row(&rows[i], &wanted);
}

Test(gateway_journal, does_not_find_what_differs_in_one_word)
{
    static const struct row rows[] = {
        {"nothing there",                      "[]",                                                                BH_JOURNAL_ABSENT, 0},
        {"others only",                        "[" OTHER "," OTHER "]",                                             BH_JOURNAL_ABSENT, 0},
        {"foreign id is longer",               "[{" TO_ TEXT_ AT_ "\"foreign_id\":\"job-11\"}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"foreign id is shorter",              "[{" TO_ TEXT_ AT_ "\"foreign_id\":\"job-\"}]",                      BH_JOURNAL_ABSENT,
         0                                                                                                                              },
        {"foreign id in another case",         "[{" TO_ TEXT_ AT_ "\"foreign_id\":\"JOB-1\"}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"foreign id with a blank",            "[{" TO_ TEXT_ AT_ "\"foreign_id\":\"job-1 \"}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"foreign id is null",                 "[{" TO_ TEXT_ AT_ "\"foreign_id\":null}]",                          BH_JOURNAL_ABSENT, 0},
        {"foreign id is empty",                "[{" TO_ TEXT_ AT_ "\"foreign_id\":\"\"}]",                          BH_JOURNAL_ABSENT, 0},
        {"our id in the label",                "[{" TO_ TEXT_ AT_ "\"label\":\"job-1\",\"foreign_id\":null}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"another recipient",                  "[{\"to\":\"491711234568\"," TEXT_ AT_ F_ "}]",                      BH_JOURNAL_ABSENT, 0},
        {"recipient without country",          "[{\"to\":\"01711234567\"," TEXT_ AT_ F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"another text",
         "[{" TO_ "\"text\":\"Gr\\u00fc\\u00dfe \\ud83d\\ude00 a\\/c\"," AT_ F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"the text goes on",
         "[{" TO_ "\"text\":\"Gr\\u00fc\\u00dfe \\ud83d\\ude00 a\\/bc\"," AT_ F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"the text is cut",                    "[{" TO_ "\"text\":\"Gr\\u00fc\\u00dfe\"," AT_ F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"too early",                          "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 09:58:59.999\"," F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"too late",                           "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 10:01:10.001\"," F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"the hour of another zone",
         "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 09:00:03.123\"," F_ "}]",                                       BH_JOURNAL_ABSENT, 0},
        {"the day before",                     "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-19 10:00:03.123\"," F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"the first of repeated names counts", "[{\"foreign_id\":\"job-2\"," TO_ TEXT_ AT_ F_ "}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
        {"names count with their case",
         "[{\"Foreign_Id\":\"job-1\",\"foreign_id\":null," TO_ TEXT_ AT_ "\"x\":1}]",
         BH_JOURNAL_ABSENT,                                                                                                            0},
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        check_row(&rows[i], &wanted);
}

Test(gateway_journal, takes_nothing_for_absent_that_it_cannot_read)
{
    static const struct row rows[] = {
        {"nothing at all",                   "",                                                               BH_JOURNAL_UNREADABLE, 0  },
        {"blanks",                           " \r\n",                                                          BH_JOURNAL_UNREADABLE, 0  },
        {"an error page",                    "<html>Bad Gateway</html>",                                       BH_JOURNAL_UNREADABLE, 0  },
        {"half a list",                      "[" OURS ",{\"id\":",                                             BH_JOURNAL_UNREADABLE, 0  },
        {"a list and more",                  "[" OURS "][]",                                                   BH_JOURNAL_UNREADABLE, 0  },
        {"an empty object",                  "{}",                                                             BH_JOURNAL_UNREADABLE, 0  },
        {"a list inside an object",          "{\"data\":[" OURS "]}",                                          BH_JOURNAL_UNREADABLE, 0  },
        {"a message inside a string",        "\"[]\"",                                                         BH_JOURNAL_UNREADABLE, 0  },
        {"null",                             "null",                                                           BH_JOURNAL_UNREADABLE, 0  },
        {"true",                             "true",                                                           BH_JOURNAL_UNREADABLE, 0  },
        {"accepted, and no list",            "100",                                                            BH_JOURNAL_UNREADABLE, 0  },
        {"accepted, and no list, as object", "{\"success\":\"100\"}",                                          BH_JOURNAL_UNREADABLE, 0  },
        {"a number that is no code",         "1234",                                                           BH_JOURNAL_UNREADABLE, 0  },
        {"entries that are none",            "[1,2]",                                                          BH_JOURNAL_UNREADABLE, 0  },
        {"a list of lists",                  "[[" OURS "]]",                                                   BH_JOURNAL_UNREADABLE, 0  },
        {"an entry that is null",            "[" OTHER ",null]",                                               BH_JOURNAL_UNREADABLE, 0  },
        {"an empty entry",                   "[{}]",                                                           BH_JOURNAL_UNREADABLE, 0  },
        {"no foreign id told",               "[{" TO_ TEXT_ AT_ "\"label\":null}]",                            BH_JOURNAL_UNREADABLE, 0  },
        {"foreign id is a list",             "[{" TO_ TEXT_ AT_ "\"foreign_id\":[\"job-1\"]}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"recipient is a name",              "[{\"to\":\"Alice\"," TEXT_ AT_ F_ "}]",                          BH_JOURNAL_UNREADABLE, 0  },
        {"recipient is hidden",              "[{\"to\":\"49171xxxx567\"," TEXT_ AT_ F_ "}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"recipient is missing",             "[{" TEXT_ AT_ F_ "}]",                                           BH_JOURNAL_UNREADABLE, 0  },
        {"recipient is too long",
         "[{\"to\":\"4917112345674917112345674917112345\"," TEXT_ AT_ F_ "}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"text is a list",                   "[{" TO_ "\"text\":[]," AT_ F_ "}]",                              BH_JOURNAL_UNREADABLE, 0  },
        {"time is missing",                  "[{" TO_ TEXT_ F_ "}]",                                           BH_JOURNAL_UNREADABLE, 0  },
        {"time is null",                     "[{" TO_ TEXT_ "\"timestamp\":null," F_ "}]",                     BH_JOURNAL_UNREADABLE, 0  },
        {"time is unix time",                "[{" TO_ TEXT_ "\"timestamp\":1795165203," F_ "}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"time has an offset",
         "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 10:00:03+01:00\"," F_ "}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"time ends in a point",             "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20 10:00:03.\"," F_ "}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"time is not in the calendar",
         "[{" TO_ TEXT_ "\"timestamp\":\"2026-02-30 10:00:03\"," F_ "}]",                                      BH_JOURNAL_UNREADABLE, 0  },
        {"day and month alone",              "[{" TO_ TEXT_ "\"timestamp\":\"2026-11-20\"," F_ "}]",
         BH_JOURNAL_UNREADABLE,                                                                                                       0  },
        {"temporary error",                  "700",                                                            BH_JOURNAL_UNREADABLE, 700},
        {"generic error",                    "{\"success\":false,\"error\":600}",                              BH_JOURNAL_UNREADABLE, 600},
        {"too little credit",                "500",                                                            BH_JOURNAL_UNREADABLE, 500},
        {"a code that nobody knows",         "999",                                                            BH_JOURNAL_UNREADABLE, 999},
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        check_row(&rows[i], &wanted);
}

Test(gateway_journal, knows_a_refusal_in_every_form)
{
    static const struct row rows[] = {
        {"bare",                      "900",                                   BH_JOURNAL_REFUSED, 900},
        {"bare with a line's end",    "902\r\n",                               BH_JOURNAL_REFUSED, 902},
        {"quoted",                    "\"902\"",                               BH_JOURNAL_REFUSED, 902},
        {"object",                    "{\"success\":\"903\",\"messages\":[]}", BH_JOURNAL_REFUSED, 903},
        {"object with a number",      "{\"success\":902}",                     BH_JOURNAL_REFUSED, 902},
        {"no, and the code in error", "{\"success\":false,\"error\":\"902\"}", BH_JOURNAL_REFUSED,
         902                                                                                          },
        {"no, and the code in code",  "{\"success\":\"0\",\"code\":900}",      BH_JOURNAL_REFUSED, 900},
        {"signature",                 "901",                                   BH_JOURNAL_REFUSED, 901},
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        check_row(&rows[i], &wanted);
}

Test(gateway_journal, judges_by_the_status_first)
{
    static const struct {
        const char *name;
        int status;
        bool complete;
        const char *body;
        enum bh_journal_finding finding;
    } rows[] = {
        {"created",           201, true,  "[" OURS "]", BH_JOURNAL_FOUND     },
        {"no answer",         0,   false, "",           BH_JOURNAL_UNREADABLE},
        {"cut",               200, false, "[]",         BH_JOURNAL_UNREADABLE},
        {"redirect",          302, true,  "[]",         BH_JOURNAL_UNREADABLE},
        {"key refused",       401, true,  "[" OURS "]", BH_JOURNAL_REFUSED   },
        {"access refused",    403, true,  "900",        BH_JOURNAL_REFUSED   },
        {"no such address",   404, true,  "[]",         BH_JOURNAL_UNREADABLE},
        {"too many requests", 429, true,  "[]",         BH_JOURNAL_UNREADABLE},
        {"server broke",      500, true,  "902",        BH_JOURNAL_UNREADABLE},
        {"overloaded",        503, true,  "[" OURS "]", BH_JOURNAL_UNREADABLE},
        {"not HTTP",          999, true,  "[]",         BH_JOURNAL_UNREADABLE},
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(rows[i].status, rows[i].body);
        struct bh_journal_entry entry;
        exchange.body_complete = rows[i].complete;
        cr_expect_str_eq(
            bh_journal_finding_name(bh_gateway_journal_read(&exchange, &wanted, &entry)),
            bh_journal_finding_name(rows[i].finding), "%s", rows[i].name);
        cr_expect_eq(entry.code, 0, "%s", rows[i].name);
    }
}

Test(gateway_journal, compares_texts_but_for_line_ends_and_blanks_around)
{
    static const struct {
        const char *sent, *shown;
        bool same;
    } rows[] = {
        {"a\r\nb",           "a\\nb",          true },
        {"a\nb",             "a\\r\\nb",       true },
        {"a\rb",             "a\\r\\nb",       true },
        {"a\n\nb",           "a\\nb",          false},
        {"a\r\n\r\nb",       "a\\n\\nb",       true },
        {"a ",               "a",              true },
        {"a\n",              "a",              true },
        {" a",               "a",              true },
        {"a  b",             "a b",            false},
        {"ab",               "a b",            false},
        {"a",                "A",              false},
        {"\xc3\xbc",         "\\u00fc",        true },
        {"\xc3\xbc",         "u\\u0308",       false},
        {"\xc3\xbc",         "\\u00c3\\u00bc", false},
        {"\xf0\x9f\x98\x80", "\\ud83d\\ude00", true },
        {"a/b\"c\\",         "a\\/b\\\"c\\\\", true },
        {"&amp;",            "&",              false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char body[256];
        struct bh_journal_wanted wanted = ours();
        struct bh_journal_entry entry;
        wanted.text = rows[i].sent;
        snprintf(body, sizeof(body), "[{" TO_ "\"text\":\"%s\"," AT_ F_ "}]", rows[i].shown);
        struct bh_exchange exchange = answered(200, body);
        cr_expect_eq(bh_gateway_journal_read(&exchange, &wanted, &entry),
                     rows[i].same ? BH_JOURNAL_FOUND : BH_JOURNAL_ABSENT, "row %zu: %s", i,
                     rows[i].shown);
    }
}

Test(gateway_journal, compares_only_what_is_wanted)
{
    struct bh_exchange exchange =
        answered(200, "[{\"to\":\"Team\",\"text\":\"rewritten\"," AT_ F_ "}," OURS "]");
    struct bh_journal_wanted wanted = ours();
    struct bh_journal_entry entry;
    wanted.msisdn = wanted.text = NULL;
    cr_expect_eq(bh_gateway_journal_read(&exchange, &wanted, &entry), BH_JOURNAL_FOUND);
    cr_expect_eq(entry.count, 2);
    wanted.msisdn = "491711234567";
    cr_expect_eq(bh_gateway_journal_read(&exchange, &wanted, &entry), BH_JOURNAL_FOUND);
    cr_expect_eq(entry.count, 1);
}

/* The last of several is the oldest. */
Test(gateway_journal, tells_what_the_oldest_match_says)
{
    static const struct {
        const char *name, *entry, *id, *delivery;
        int64_t price_micro;
    } rows[] = {
        {"all of it",               "\"id\":\"77214945865\",\"price\":\"0.0750\",\"dlr\":\"DELIVERED\"",
         "77214945865",                                                                                                 "DELIVERED",    75000     },
        {"numbers",                 "\"id\":77214945865,\"price\":0.15",                                 "77214945865", "",             150000    },
        {"a word in small letters", "\"dlr\":\"notdelivered\"",                                          "",            "NOTDELIVERED", -1        },
        {"nothing",                 "\"id\":null,\"price\":null,\"dlr\":null",                           "",            "",             -1        },
        {"an id that is none",      "\"id\":\"abc\",\"price\":\"free\",\"dlr\":\"ARRIVED\"",             "",            "",             -1        },
        {"an id that is too long",  "\"id\":\"123456789012345678901234\",\"price\":-1",                  "",            "",             -1        },
        {"a price with exponent",   "\"price\":\"1e3\"",                                                 "",            "",             1000000000},
        {"wrong types",             "\"id\":[],\"price\":{},\"dlr\":7",                                  "",            "",             -1        },
        {"a line's end in it",      "\"id\":\"12\\n\",\"dlr\":\"DELIVERED\\n\"",                         "",            "",             -1        },
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char body[1024];
        struct bh_journal_entry entry;
        snprintf(body, sizeof(body), "[" OURS "," OTHER ",{%s," TO_ TEXT_ AT_ F_ "}]",
                 rows[i].entry);
        struct bh_exchange exchange = answered(200, body);
        cr_assert_eq(bh_gateway_journal_read(&exchange, &wanted, &entry), BH_JOURNAL_FOUND, "%s",
                     rows[i].name);
        cr_expect_eq(entry.count, 2, "%s", rows[i].name);
        cr_expect_eq(entry.entries, 3, "%s", rows[i].name);
        cr_expect_str_eq(entry.id, rows[i].id, "%s", rows[i].name);
        cr_expect_str_eq(entry.delivery, rows[i].delivery, "%s", rows[i].name);
        cr_expect_eq(entry.price_micro, rows[i].price_micro, "%s: %lld", rows[i].name,
                     (long long)entry.price_micro);
        cr_expect_eq(entry.sent_at.ms, (int64_t)(FROM_S + 3) * 1000 + 123, "%s", rows[i].name);
    }
}

Test(gateway_journal, reads_the_hour_that_is_shown_twice_both_ways)
{
    static const struct {
        const char *name, *zone, *shown;
        int64_t sent_s;
        enum bh_journal_finding finding;
    } rows[] = {
        {"first time",               "Europe/Berlin",       "2026-10-25 02:30:05", SUMMER_S,        BH_JOURNAL_FOUND },
        {"second time",              "Europe/Berlin",       "2026-10-25 02:30:05", WINTER_S,        BH_JOURNAL_FOUND },
        {"between the two",          "Europe/Berlin",       "2026-10-25 02:30:05", SUMMER_S + 1800,
         BH_JOURNAL_ABSENT                                                                                           },
        {"before the hour",          "Europe/Berlin",       "2026-10-25 01:30:05", WINTER_S,        BH_JOURNAL_ABSENT},
        {"before the hour, right",   "Europe/Berlin",       "2026-10-25 01:30:05", SUMMER_S - 3600,
         BH_JOURNAL_FOUND                                                                                            },
        {"behind the hour",          "Europe/Berlin",       "2026-10-25 03:30:05", WINTER_S,        BH_JOURNAL_ABSENT},
        {"behind the hour, right",   "Europe/Berlin",       "2026-10-25 03:30:05", WINTER_S + 3600,
         BH_JOURNAL_FOUND                                                                                            },
        {"in spring",                "Europe/Berlin",       "2026-03-29 03:00:05", 1774746000,      BH_JOURNAL_FOUND },
        {"a time that is skipped",   "Europe/Berlin",       "2026-03-29 02:00:05", 1774746000,
         BH_JOURNAL_FOUND                                                                                            },
        {"half an hour is turned",   "Australia/Lord_Howe", "2026-04-05 01:30:00", 1775314800,
         BH_JOURNAL_FOUND                                                                                            },
        {"half an hour, first time", "Australia/Lord_Howe", "2026-04-05 01:30:00", 1775313000,
         BH_JOURNAL_FOUND                                                                                            },
        {"no zone",                  "UTC",                 "2026-10-25 02:30:05", SUMMER_S + 7200, BH_JOURNAL_FOUND },
        {"no zone, wrong hour",      "UTC",                 "2026-10-25 02:30:05", WINTER_S,        BH_JOURNAL_ABSENT},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char body[256];
        struct bh_zone *zone = tzif_load(rows[i].zone);
        struct bh_journal_wanted wanted = ours();
        struct bh_journal_entry entry;
        wanted.zone = zone;
        wanted.from.ms = wanted.until.ms = rows[i].sent_s * 1000;
        snprintf(body, sizeof(body), "[{" TO_ TEXT_ "\"timestamp\":\"%s\"," F_ "}]", rows[i].shown);
        struct bh_exchange exchange = answered(200, body);
        cr_expect_eq(bh_gateway_journal_read(&exchange, &wanted, &entry), rows[i].finding, "%s",
                     rows[i].name);
        if (rows[i].finding == BH_JOURNAL_FOUND)
            cr_expect(labs((long)(entry.sent_at.ms / 1000 - rows[i].sent_s)) <= 60, "%s",
                      rows[i].name);
        bh_zone_free(zone);
    }
}

/* `count` entries of others, the last at `last_time`. */
static char *
page_of(size_t count, const char *last_time, const char *rest)
{
    struct bh_buf buf;
    bh_buf_init(&buf, (size_t)1 << 20);
    bh_buf_append_char(&buf, '[');
    for (size_t i = 0; i < count; i++)
        bh_buf_printf(&buf,
                      "%s{\"id\":\"%zu\",\"to\":\"491711234567\",\"timestamp\":\"%s\","
                      "\"foreign_id\":null}",
                      i > 0 ? "," : "", i, i + 1 < count ? "2026-11-20 10:00:05.000" : last_time);
    bh_buf_append_text(&buf, rest);
    bh_buf_append_char(&buf, ']');
    return bh_buf_take(&buf);
}

Test(gateway_journal, asks_for_more_when_the_page_is_full)
{
    static const struct {
        const char *name;
        size_t count;
        const char *last_time, *rest;
        enum bh_journal_finding finding;
    } rows[] = {
        {"not full",                 BH_JOURNAL_PAGE - 1, "2026-11-20 10:00:05", "",       BH_JOURNAL_ABSENT},
        {"full",                     BH_JOURNAL_PAGE,     "2026-11-20 10:00:05", "",       BH_JOURNAL_MORE  },
        {"more than full",           1000,                "2026-11-20 10:00:05", "",       BH_JOURNAL_MORE  },
        {"full, and a match",        BH_JOURNAL_PAGE,     "2026-11-20 10:00:05", "," OURS, BH_JOURNAL_FOUND },
        {"full, and a doubtful one", BH_JOURNAL_PAGE,     "2026-11-20 10:00:05", ",null",
         BH_JOURNAL_UNREADABLE                                                                              },
        {"full, reaching back",      BH_JOURNAL_PAGE,     "2026-11-20 09:58:59", "",       BH_JOURNAL_ABSENT},
        {"full, just not back",      BH_JOURNAL_PAGE,     "2026-11-20 09:59:00", "",       BH_JOURNAL_MORE  },
        {"full, last time unclear",  BH_JOURNAL_PAGE,     "yesterday",           "",       BH_JOURNAL_MORE  },
    };
    struct bh_journal_wanted wanted = ours();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char *body = page_of(rows[i].count, rows[i].last_time, rows[i].rest);
        struct bh_exchange exchange = answered(200, body);
        struct bh_journal_entry entry;
        enum bh_journal_finding finding = bh_gateway_journal_read(&exchange, &wanted, &entry);
        cr_expect_str_eq(bh_journal_finding_name(finding), bh_journal_finding_name(rows[i].finding),
                         "%s", rows[i].name);
        bh_free(body);
    }
}

Test(gateway_journal, probe_tells_whether_it_may_be_read)
{
    static const struct {
        const char *name, *body;
        enum bh_journal_finding finding;
        int64_t at_ms;
    } rows[] = {
        {"an entry",              "[" OURS "]", BH_JOURNAL_FOUND,      (int64_t)(FROM_S + 3) * 1000 + 123},
        {"an entry without time", "[{}]",       BH_JOURNAL_FOUND,      0                                 },
        {"no entry",              "[]",         BH_JOURNAL_ABSENT,     0                                 },
        {"not an entry",          "[null]",     BH_JOURNAL_UNREADABLE, 0                                 },
        {"denied",                "902",        BH_JOURNAL_REFUSED,    0                                 },
        {"nonsense",              "moo",        BH_JOURNAL_UNREADABLE, 0                                 },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_journal_entry entry;
        cr_expect_eq(bh_gateway_journal_probe(&exchange, berlin, &entry), rows[i].finding, "%s",
                     rows[i].name);
        cr_expect_eq(entry.sent_at.ms, rows[i].at_ms, "%s", rows[i].name);
        cr_expect_eq(entry.count, 0, "%s", rows[i].name);
    }
}

Test(gateway_journal, learns_nothing_without_memory)
{
    struct bh_exchange exchange = answered(200, "[" OURS "]");
    struct bh_journal_wanted wanted = ours();
    struct bh_journal_entry entry;
    enum bh_journal_finding finding = BH_JOURNAL_UNREADABLE;
    int failures = 0;
    bh_use_scarce_memory();
    for (int nth = 0; nth < 1000 && finding != BH_JOURNAL_FOUND; nth++) {
        bh_allocations_left = nth;
        finding = bh_gateway_journal_read(&exchange, &wanted, &entry);
        cr_expect(finding == BH_JOURNAL_FOUND || finding == BH_JOURNAL_UNREADABLE, "allocation %d",
                  nth);
        failures += finding == BH_JOURNAL_FOUND ? 0 : 1;
    }
    bh_alloc_replace(NULL);
    cr_expect_eq(finding, BH_JOURNAL_FOUND);
    cr_expect_gt(failures, 2);
}
