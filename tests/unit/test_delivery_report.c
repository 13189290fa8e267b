#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/delivery_report.h"
#include "core/delivery_time.h"
#include "core/form.h"
#include "core/json.h"
#include "support/scarce_memory.h"
#include "support/tzif.h"

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"

static struct bh_zone *berlin;

static void
load_zone(void)
{
    berlin = tzif_load("Europe/Berlin");
}

static void
free_zone(void)
{
    bh_zone_free(berlin);
}

static enum bh_status
parse(const char *type, const char *query, const char *body, struct bh_delivery_report *report,
      struct bh_error *error)
{
    const struct bh_webhook_post post = {bh_str_from(type), bh_str_from(query), bh_str_from(body)};
    return bh_delivery_report_parse(&post, berlin, report, error);
}

Test(delivery_report, of_an_sms_is_read_in_every_form, .init = load_zone, .fini = free_zone)
{
    static const struct {
        const char *name, *type, *query, *body;
        const char *foreign_id;
        int64_t at_ms;
    } rows[] = {
        {"GET",                                     NULL,                   "msg_id=77112&status=DELIVERED&timestamp=2026-03-29%2014:30:00.123", NULL,                                              "",
         1774787400123                                                                                                                                                                                                    },
        {"GET, blanks as plus",                     NULL,
         "msg_id=77112&status=DELIVERED&timestamp=2026-03-29+14%3A30%3A00.123",                                                                  NULL,                                              "",
         1774787400123                                                                                                                                                                                                    },
        {"POST, nested",                            FORM,                   NULL,
         "data%5Bmsg_id%5D=77112&data%5Bstatus%5D=DELIVERED&data%5Btimestamp%5D=2026-03-29+14%3A30%"
         "3A00."
         "123456&data%5Bforeign_id%5D=job-1&webhook_event=dlr&webhook_timestamp=2026-03-29T14%3A30%"
         "3A05%"
         "2B02%3A00",                                                                                                                                                                               "job-1", 1774787400123},
        {"POST, nested, brackets as they are",      FORM "; charset=utf-8", "",
         "data[msg_id]=77112&data[status]=DELIVERED&webhook_event=dlr&webhook_timestamp="
         "2026-03-29T14:30:05%2B02:00",                                                                                                                                                             "",      1774787405000},
        {"POST, flat",                              FORM,                   NULL,
         "webhook_event=dlr&msg_id=77112&foreign_id=a%40b&status=delivered&timestamp=2026-03-29+14:"
         "30:00",                                                                                                                                                                                   "a@b",   1774787400000},
        {"POST without a type",                     NULL,                   NULL,                                                                "webhook_event=dlr&msg_id=77112&status=DELIVERED", "",
         0                                                                                                                                                                                                                },
        {"JSON, nested",                            JSON,                   NULL,
         "{\"data\":{\"msg_id\":\"77112\",\"status\":\"DELIVERED\",\"timestamp\":\"2026-03-29 "
         "14:30:00.123456\",\"foreign_id\":\"job-1\"},\"webhook_event\":\"dlr\",\"webhook_"
         "timestamp\":"
         "\"2026-03-29 14:30:05\"}",                                                                                                                                                                "job-1", 1774787400123},
        {"JSON, flat, id as a number",              JSON "; charset=utf-8", NULL,
         "{\"msg_id\":77112,\"status\":\"DELIVERED\",\"webhook_event\":\"dlr\"}",                                                                                                                   "",      0            },
        {"JSON that says it is a form",             FORM,                   NULL,
         " {\"msg_id\":77112,\"status\":\"DELIVERED\",\"webhook_event\":\"dlr\"}",                                                                                                                  "",      0            },
        {"JSON, nothing but null for a foreign id", JSON,                   NULL,
         "{\"data\":{\"msg_id\":\"77112\",\"status\":\"DELIVERED\",\"foreign_id\":null},"
         "\"webhook_event\":\"DLR\"}",                                                                                                                                                              "",      0            },
        {"the body goes before the query",          FORM,                   "msg_id=1&status=FAILED&foreign_id=job-1",
         "msg_id=77112&status=DELIVERED",                                                                                                                                                           "job-1", 0            },
        {"an empty body, all in the query",         FORM,                   "msg_id=77112&status=DELIVERED",                                     "",                                                "",      0            },
        {"fields that nobody knows",                JSON,                   "utm_source=x",
         "{\"data\":{\"msg_id\":\"77112\",\"status\":\"DELIVERED\",\"mccmnc\":[1,{}],\"x\":{"
         "\"status\":"
         "\"FAILED\"}},\"webhook_event\":\"dlr\"}",                                                                                                                                                 "",      0            },
        {"repeated: the first counts",              FORM,                   NULL,
         "msg_id=77112&status=DELIVERED&status=FAILED&msg_id=1",                                                                                                                                    "",      0            },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_delivery_report got = {.event = BH_WEBHOOK_OTHER};
        struct bh_error error = {"", ""};
        cr_assert_eq(parse(rows[i].type, rows[i].query, rows[i].body, &got, &error), BH_OK,
                     "%s: %s", rows[i].name, error.text);
        cr_expect_eq(got.event, BH_WEBHOOK_DLR, "%s", rows[i].name);
        cr_expect_str_eq(got.message_id, "77112", "%s", rows[i].name);
        cr_expect_str_eq(got.foreign_id, rows[i].foreign_id, "%s", rows[i].name);
        cr_expect_eq(got.status, BH_DELIVERY_DELIVERED, "%s", rows[i].name);
        cr_expect_eq(got.at.ms, rows[i].at_ms, "%s: %lld", rows[i].name, (long long)got.at.ms);
        cr_expect_eq(got.duration_s, -1, "%s", rows[i].name);
    }
}

Test(delivery_report, of_a_call_has_more_to_tell, .init = load_zone, .fini = free_zone)
{
    static const char *const forms[][2] = {
        {JSON, "{\"data\":{\"callerId\":\"+49 30\",\"recipient\":\"+491711234567\",\"id\":\"5501\","
               "\"status\":\"completed\",\"duration\":\"12\",\"pricePerMinute\":0.045,"
               "\"timestamp\":1774787400,"
               "\"foreign_id\":\"call-1\"},\"webhook_event\":\"voice_status\"}"},
        {FORM,
         "data[recipient]=00491711234567&data[id]=5501&data[status]=completed&data[duration]=12&"
         "data[pricePerMinute]=0.045&data[timestamp]=1774787400&data[foreign_id]=call-1&webhook_"
         "event="
         "voice_status"                                                                      },
        {FORM, "callerId=%2B0049&recipient=491711234567&id=5501&status=Completed&duration=12&"
               "pricePerMinute=.045&"
               "timestamp=1774787400.0&foreign_id=call-1"                      },
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct bh_delivery_report got;
        cr_assert_eq(parse(forms[i][0], "", forms[i][1], &got, NULL), BH_OK, "form %zu", i);
        cr_expect_eq(got.event, BH_WEBHOOK_VOICE, "form %zu", i);
        cr_expect_str_eq(got.message_id, "5501", "form %zu", i);
        cr_expect_str_eq(got.recipient, "491711234567", "form %zu", i);
        cr_expect_str_eq(got.caller_id, "", "form %zu", i);
        cr_expect_str_eq(got.foreign_id, "call-1", "form %zu", i);
        cr_expect_eq(got.status, BH_DELIVERY_CALL_COMPLETED, "form %zu", i);
        cr_expect_eq(got.duration_s, 12, "form %zu", i);
        cr_expect_eq(got.at.ms, 1774787400000, "form %zu", i);
        cr_expect(i == 2 || got.price_per_minute_micro == 45000, "form %zu", i);
    }
}

Test(delivery_report, that_is_nothing_or_no_report_is_said_to_be_so, .init = load_zone,
     .fini = free_zone)
{
    static const struct {
        const char *name, *type, *query, *body;
        int event;          /* -1: refused */
        const char *wanted; /* of the sentence */
    } rows[] = {
        {"nothing at all",                      NULL,                              NULL,      NULL,                                              BH_WEBHOOK_NOTHING, ""                },
        {"a form of nothing",                   FORM,                              "",        "",                                                BH_WEBHOOK_NOTHING, ""                },
        {"blanks",                              FORM,                              "",        " \r\n\t ",                                        BH_WEBHOOK_NOTHING, ""                },
        {"an empty JSON body",                  JSON,                              "",        "",                                                BH_WEBHOOK_NOTHING, ""                },
        {"an empty object",                     JSON,                              "",        "{}",                                              BH_WEBHOOK_NOTHING, ""                },
        {"what PHP makes of an empty array",    JSON,                              "",        "[]",                                              BH_WEBHOOK_NOTHING, ""                },
        {"null",                                JSON,                              "",        "null",                                            BH_WEBHOOK_NOTHING, ""                },
        {"a query that is somebody else's",     NULL,                              "probe=1", NULL,                                              BH_WEBHOOK_NOTHING, ""                },
        {"an SMS to us",                        JSON,                              "",
         "{\"data\":{\"id\":\"9\",\"text\":\"hi\"},\"webhook_event\":\"sms_mo\"}",                                                               BH_WEBHOOK_SMS_MO,  ""                },
        {"clicks",                              FORM,                              "",        "webhook_event=tracking&data[sms_id]=4",           BH_WEBHOOK_OTHER,   ""                },
        {"an event that is no word",            FORM,                              "",        "webhook_event=%3Cscript%3E",                      BH_WEBHOOK_OTHER,   ""                },
        {"half an object",                      JSON,                              "",        "{\"data\":{\"msg_id\":\"77112\"",                 -1,                 ""                },
        {"text behind it",                      JSON,                              "",        "{\"webhook_event\":\"dlr\",\"msg_id\":1} x",      -1,                 ""                },
        {"a string",                            JSON,                              "",        "\"dlr\"",                                         -1,                 "no report"       },
        {"a list of reports",                   JSON,                              "",        "[{\"msg_id\":\"77112\"}]",                        -1,                 "no report"       },
        {"data that is a string",               JSON,                              "",        "{\"data\":\"msg_id=77112\"}",                     -1,                 "no report"       },
        {"not UTF-8",                           JSON,                              "",        "{\"webhook_event\":\"dlr\",\"msg_id\":\"\xff\"}", -1,                 ""                },
        {"XML",                                 "text/xml",                        "",        "<dlr/>",                                          -1,                 "\"text/xml\""    },
        {"parts",                               "multipart/form-data; boundary=x", "",        "--x\r\n",                                         -1,                 "multipart"       },
        {"words",                               NULL,                              "",        "hello",                                           -1,                 "no report"       },
        {"a form about something else",         FORM,                              "",        "a=b&c=d",                                         -1,                 "no report"       },
        {"a status of nothing",                 FORM,                              "",        "status=DELIVERED",                                -1,                 "no report"       },
        {"no message",                          FORM,                              "",        "webhook_event=dlr&status=DELIVERED",              -1,                 "names no message"},
        {"an id that is no number",             FORM,                              "",        "webhook_event=dlr&msg_id=77x&status=DELIVERED",   -1,
         "names no message"                                                                                                                                                            },
        {"an id that is too long",              FORM,                              "",        "msg_id=123456789012345678901234",                 -1,
         "names no message"                                                                                                                                                            },
        {"a negative id",                       JSON,                              "",        "{\"msg_id\":-5}",                                 -1,                 "names no message"},
        {"an id with an exponent",              JSON,                              "",        "{\"msg_id\":1e5}",                                -1,                 "names no message"},
        {"an id with a NUL",                    JSON,                              "",        "{\"msg_id\":\"77\\u0000112\"}",                   -1,                 ""                },
        {"an id with an encoded NUL",           FORM,                              "",        "webhook_event=dlr&msg_id=77%00112",               -1,
         "names no message"                                                                                                                                                            },
        {"an id that is badly encoded",         FORM,                              "",        "webhook_event=dlr&msg_id=77%1",                   -1,
         "names no message"                                                                                                                                                            },
        {"an id in a deeper nest",              FORM,                              "",        "data[data][msg_id]=77112",                        -1,                 "no report"       },
        {"a nest that is not closed",           FORM,                              "",        "data[msg_id=77112",                               -1,                 "no report"       },
        {"a foreign id with a blank alone",     FORM,                              "",        "webhook_event=dlr&foreign_id=a+b",                -1,
         "names no message"                                                                                                                                                            },
        {"a foreign id with a line feed alone", FORM,                              "",        "webhook_event=dlr&foreign_id=a%0Ab",              -1,
         "names no message"                                                                                                                                                            },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_delivery_report got = {.duration_s = 99};
        struct bh_error error = {"", ""};
        enum bh_status status = parse(rows[i].type, rows[i].query, rows[i].body, &got, &error);
        cr_expect_eq(status, rows[i].event < 0 ? BH_EINVAL : BH_OK, "%s: %d", rows[i].name, status);
        if (rows[i].event >= 0)
            cr_expect_eq((int)got.event, rows[i].event, "%s: %d", rows[i].name, (int)got.event);
        else
            cr_expect_eq(got.duration_s, 99, "%s: written", rows[i].name);
        cr_expect(strstr(error.text, rows[i].wanted) != NULL, "%s: %s", rows[i].name, error.text);
        cr_expect((error.text[0] != '\0') == (rows[i].event < 0), "%s: %s", rows[i].name,
                  error.text);
    }
}

Test(delivery_report, counts_a_field_that_is_not_as_it_should_be_as_not_given, .init = load_zone,
     .fini = free_zone)
{
    static const struct {
        const char *name, *body;
        const char *foreign_id, *status_word;
        enum bh_delivery status;
    } rows[] = {
        {"a status that nobody knows", "msg_id=1&status=SEEN",                                    "",                                                                 "SEEN",      BH_DELIVERY_OTHER},
        {"no status",                  "msg_id=1",                                                "",                                                                 "",          BH_DELIVERY_NONE },
        {"an empty status",            "msg_id=1&status=",                                        "",                                                                 "",          BH_DELIVERY_NONE },
        {"a call's status for an SMS", "msg_id=1&status=completed",                               "",                                                                 "completed",
         BH_DELIVERY_OTHER                                                                                                                                                                          },
        {"a status with a line feed",  "msg_id=1&status=A%0AB",                                   "",                                                                 "",          BH_DELIVERY_OTHER},
        {"a long status",              "msg_id=1&status=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",       "",                                                                 "",
         BH_DELIVERY_OTHER                                                                                                                                                                          },
        {"a foreign id of 64",
         "msg_id=1&foreign_id=aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd",  "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", "",          BH_DELIVERY_NONE },
        {"a foreign id of 65",
         "msg_id=1&foreign_id=aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddde", "",                                                                 "",          BH_DELIVERY_NONE },
        {"a foreign id with braces",   "msg_id=1&foreign_id=%7Bsms%7D",                           "",                                                                 "",          BH_DELIVERY_NONE },
        {"a foreign id with a colon",  "msg_id=1&foreign_id=a:b",                                 "",                                                                 "",          BH_DELIVERY_NONE },
        {"a foreign id beyond ASCII",  "msg_id=1&foreign_id=%C3%A4",                              "",                                                                 "",          BH_DELIVERY_NONE },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_delivery_report got;
        cr_assert_eq(parse(FORM, "", rows[i].body, &got, NULL), BH_OK, "%s", rows[i].name);
        cr_expect_str_eq(got.message_id, "1", "%s", rows[i].name);
        cr_expect_str_eq(got.foreign_id, rows[i].foreign_id, "%s", rows[i].name);
        cr_expect_str_eq(got.status_word, rows[i].status_word, "%s", rows[i].name);
        cr_expect_eq(got.status, rows[i].status, "%s", rows[i].name);
    }
}

Test(delivery_report, has_bounds, .init = load_zone, .fini = free_zone)
{
    size_t size = BH_WEBHOOK_BODY_MAX + 2;
    char *body = malloc(size);
    struct bh_delivery_report got;
    struct bh_error error = {"", ""};
    cr_assert_not_null(body);
    memset(body, '&', size);
    body[size - 1] = '\0';
    cr_expect_eq(parse(FORM, "", body, &got, &error), BH_EINVAL);
    cr_expect_not_null(strstr(error.text, "longer"), "%s", error.text);
    memset(body, '[', size - 2);
    body[size - 2] = '\0';
    cr_expect_eq(parse(JSON, "", body, &got, &error), BH_EINVAL);

    /* Behind the last field that is looked at nothing is found. */
    memset(body, '&', size);
    snprintf(body + BH_FORM_FIELDS_MAX, 32, "msg_id=1");
    cr_expect_eq(parse(FORM, "", body, &got, &error), BH_EINVAL, "too many fields");
    snprintf(body + BH_FORM_FIELDS_MAX - 1, 32, "msg_id=1");
    cr_expect_eq(parse(FORM, "", body, &got, &error), BH_OK, "%s", error.text);
    free(body);
}

Test(delivery_report, says_when_memory_is_short, .init = load_zone, .fini = free_zone)
{
    static const char body[] =
        "{\"data\":{\"msg_id\":\"77112\",\"status\":\"DELIVERED\"},\"webhook_event\":\"dlr\"}";
    enum bh_status status = BH_ENOMEM;
    long count = 0;
    bh_json_use_allocator();
    bh_use_scarce_memory();
    while (status != BH_OK && count < 1000) {
        struct bh_delivery_report got = {.duration_s = 99};
        bh_allocations_left = count++;
        status = parse(JSON, "", body, &got, NULL);
        cr_expect(status == BH_OK || (status == BH_ENOMEM && got.duration_s == 99),
                  "allocation %ld: %d", count, status);
    }
    bh_alloc_replace(NULL);
    cr_expect_eq(status, BH_OK);
    cr_expect_gt(count, 5, "%ld", count);
}

Test(delivery_report, times_are_read_in_every_form, .init = load_zone, .fini = free_zone)
{
    static const struct {
        const char *text;
        int64_t wanted_ms; /* -1: none */
    } rows[] = {
        {"2026-03-29 14:30:00",        1774787400000},
        {"2026-03-29 14:30:00.1",      1774787400100},
        {"2026-03-29 14:30:00.123",    1774787400123},
        {"2026-03-29 14:30:00.123999", 1774787400123},
        {"2026-03-29T14:30:00",        1774787400000},
        {"2026-03-29T14:30:00+02:00",  1774787400000},
        {"2026-03-29T12:30:00Z",       1774787400000},
        {"2026-03-29T12:30:00.5Z",     1774787400500},
        {"2026-03-29T08:30:00-0400",   1774787400000},
        {"2026-03-29T18:15:00+0545",   1774787400000},
        {"2026-03-29T13:30:00+01",     1774787400000},
        {"2026-03-29 02:30:00",        1774747800000}, /* skipped by the clocks */
        {"1774787400",                 1774787400000},
        {"1774787400.25",              1774787400250},
        {"",                           -1           },
        {"0",                          -1           },
        {"-1774787400",                -1           },
        {"1774787400000",              -1           },
        {"17747874001",                -1           },
        {"946684799",                  -1           },
        {"1774787400.",                -1           },
        {"1774787400.1234567890",      -1           },
        {"1774787400 ",                -1           },
        {"2026-03-29",                 -1           },
        {"2026-03-29 14:30",           -1           },
        {"2026-3-29 14:30:00",         -1           },
        {"2026-02-30 14:30:00",        -1           },
        {"2026-13-01 14:30:00",        -1           },
        {"2026-03-29 24:00:00",        -1           },
        {"2026-03-29 14:60:00",        -1           },
        {"2026-03-29 14:30:60",        -1           },
        {"2026-03-29  14:30:00",       -1           },
        {"2026-03-29 14:30:00 ",       -1           },
        {"2026-03-29 14:30:00.",       -1           },
        {"2026-03-29T14:30:00+2",      -1           },
        {"2026-03-29T14:30:00+02:0",   -1           },
        {"2026-03-29T14:30:00+24:00",  -1           },
        {"2026-03-29T14:30:00+02:60",  -1           },
        {"2026-03-29T14:30:00Zulu",    -1           },
        {"1999-12-31 23:59:59",        -1           },
        {"2101-01-01 01:00:00",        -1           },
        {"9999-99-99 99:99:99",        -1           },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_wall got = {77};
        bool ok = bh_delivery_time_parse(bh_str_from(rows[i].text), berlin, &got);
        cr_expect_eq(ok, rows[i].wanted_ms >= 0, "%s", rows[i].text);
        cr_expect_eq(got.ms, ok ? rows[i].wanted_ms : 77, "%s: %lld", rows[i].text,
                     (long long)got.ms);
    }
}

Test(delivery_report, words_are_their_own_inverse)
{
    unsigned finals = 0;
    for (int i = BH_DELIVERY_OTHER + 1; i < BH_DELIVERY_COUNT; i++) {
        enum bh_delivery delivery = (enum bh_delivery)i;
        bool call = delivery >= BH_DELIVERY_CALL_INITIATED;
        struct bh_str word = bh_str_from(bh_delivery_name(delivery));
        cr_expect_eq(bh_delivery_from_word(word, call), delivery, "%s", word.ptr);
        finals += bh_delivery_is_final(delivery);
    }
    cr_expect_eq(finals, 9);
    cr_expect_eq(bh_delivery_from_word(bh_str_from("delivered "), false), BH_DELIVERY_OTHER);
    cr_expect_eq(bh_delivery_from_word(bh_str_from(""), false), BH_DELIVERY_NONE);
    cr_expect_eq(bh_delivery_from_word(bh_str_from("DELIVERED"), true), BH_DELIVERY_OTHER);
}

Test(form, decodes_strictly)
{
    static const struct {
        const char *text;
        bool plus;
        const char *wanted; /* NULL: refused */
    } rows[] = {
        {"",             true,  ""           },
        {"a+b",          true,  "a b"        },
        {"a+b",          false, "a+b"        },
        {"%41%4a%4A",    false, "AJJ"        },
        {"%2B+",         true,  "+ "         },
        {"%25",          false, "%"          },
        {"%2525",        false, "%25"        },
        {"%",            false, NULL         },
        {"%4",           false, NULL         },
        {"%4g",          false, NULL         },
        {"%%41",         false, NULL         },
        {"%u0041",       false, NULL         },
        {"a%00b",        false, NULL         },
        {"123456789012", false, NULL         }, /* does not fit */
        {"12345678901",  false, "12345678901"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[12] = "untouched";
        bool ok = bh_percent_decode(bh_str_from(rows[i].text), rows[i].plus, out, sizeof(out));
        cr_expect_eq(ok, rows[i].wanted != NULL, "%s", rows[i].text);
        cr_expect_str_eq(out, ok ? rows[i].wanted : "", "%s", rows[i].text);
    }
}
