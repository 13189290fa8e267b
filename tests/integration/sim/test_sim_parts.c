/*
 * The pure parts of the simulator in this process: what a table can settle without sockets.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/answer.h"
#include "sim/calendar.h"
#include "sim/encoding.h"
#include "sim/http.h"
#include "sim/json.h"
#include "sim/recipients.h"
#include "sim/reports.h"
#include "sim/signing.h"
#include "sim/sms.h"
#include "sim/table.h"

static const char *
text_of(struct bh_sim_buf *buf)
{
    bh_sim_buf_text(buf, "");
    return buf->ptr;
}

Test(sim_parts, print_local_time_across_the_changes_of_the_year)
{
    static const struct {
        int64_t unix_ms;
        const char *wanted, *iso;
    } rows[] = {
        {0,             "1970-01-01 01:00:00.000", "1970-01-01T01:00:00+01:00"},
        {1648342799999, "2022-03-27 01:59:59.999", "2022-03-27T01:59:59+01:00"},
        {1648342800000, "2022-03-27 03:00:00.000", "2022-03-27T03:00:00+02:00"},
        {1667091599999, "2022-10-30 02:59:59.999", "2022-10-30T02:59:59+02:00"},
        {1667091600000, "2022-10-30 02:00:00.000", "2022-10-30T02:00:00+01:00"},
        {1709164800000, "2024-02-29 01:00:00.000", "2024-02-29T01:00:00+01:00"},
        {1735686000000, "2025-01-01 00:00:00.000", "2025-01-01T00:00:00+01:00"},
        {4102441199001, "2099-12-31 23:59:59.001", "2099-12-31T23:59:59+01:00"},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_sim_buf buf = {0}, iso = {0};
        bh_sim_calendar_print(&buf, rows[at].unix_ms, 3);
        bh_sim_calendar_print_iso(&iso, rows[at].unix_ms);
        cr_expect_str_eq(text_of(&buf), rows[at].wanted);
        cr_expect_str_eq(text_of(&iso), rows[at].iso);
        bh_sim_buf_release(&buf);
        bh_sim_buf_release(&iso);
    }
}

Test(sim_parts, read_local_time)
{
    static const struct {
        const char *text;
        int64_t wanted; /* -1: refused */
    } rows[] = {
        {"2022-04-03 10:11",      1648973460000},
        {"2022-04-03 10:11:12",   1648973472000},
        {"2022-04-03T10:11:12",   1648973472000},
        {"2022-01-01",            1640991600000},
        {"2022-03-27 02:30",      1648344600000}, /* does not exist; read as winter time */
        {"2022-10-30 02:30",      1667089800000}, /* exists twice; the first */
        {"2022-10-30 03:00",      1667095200000},
        {"",                      -1           },
        {"2022",                  -1           },
        {"2022-4-3 10:11",        -1           },
        {"2022-13-01 10:11",      -1           },
        {"2022-00-01 10:11",      -1           },
        {"2022-01-32 10:11",      -1           },
        {"2022-01-01 24:00",      -1           },
        {"2022-01-01 10:60",      -1           },
        {"2022-01-01 10:00:60",   -1           },
        {"2022-01-01 10",         -1           },
        {"2022-01-01 10:11:",     -1           },
        {"2022-01-01 10:11 ",     -1           },
        {"2022-01-01 10:11:12.5", -1           },
        {"tomorrow",              -1           },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        int64_t got = -1;
        bool good = bh_sim_calendar_parse(bh_sim_str_from(rows[at].text), &got);
        cr_expect_eq(good, rows[at].wanted >= 0, "%s", rows[at].text);
        cr_expect_eq(got, rows[at].wanted, "%s: %lld", rows[at].text, (long long)got);
    }
}

Test(sim_parts, print_the_date_of_http)
{
    struct bh_sim_buf buf = {0};
    bh_sim_calendar_print_http(&buf, 784111777000);
    cr_expect_str_eq(text_of(&buf), "Sun, 06 Nov 1994 08:49:37 GMT");
    bh_sim_buf_release(&buf);
}

Test(sim_parts, print_and_read_money_exactly)
{
    static const struct {
        const char *text;
        int64_t amount;
        const char *printed, *fixed;
    } rows[] = {
        {"0",         0,        "0",        "0.0000" },
        {"0.075",     75000,    "0.075",    "0.0750" },
        {"54.013",    54013000, "54.013",   "54.0130"},
        {"-1.5",      -1500000, "-1.5",     "-1.5000"},
        {"10.000000", 10000000, "10",       "10.0000"},
        {"0.000001",  1,        "0.000001", "0.0000" },
        {"007.5",     7500000,  "7.5",      "7.5000" },
    };
    static const char *const bad[] = {"",          "-",           ".",  ".5", "1,5", "1e5",
                                      "0.0000001", "99999999999", " 1", "1 ", "+1"};
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        bh_sim_money amount = 42;
        struct bh_sim_buf printed = {0}, fixed = {0};
        cr_expect(bh_sim_money_parse(bh_sim_str_from(rows[at].text), &amount), "%s", rows[at].text);
        cr_expect_eq(amount, rows[at].amount, "%s", rows[at].text);
        bh_sim_money_print(&printed, amount);
        bh_sim_money_print_fixed(&fixed, amount);
        cr_expect_str_eq(text_of(&printed), rows[at].printed);
        cr_expect_str_eq(text_of(&fixed), rows[at].fixed);
        bh_sim_buf_release(&printed);
        bh_sim_buf_release(&fixed);
    }
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++) {
        bh_sim_money amount;
        cr_expect_not(bh_sim_money_parse(bh_sim_str_from(bad[at]), &amount), "%s", bad[at]);
    }
}

Test(sim_parts, escape_json_as_php_does)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"",                     "\"\""                     },
        {"a/b",                  "\"a\\/b\""                },
        {"\"\\",                 "\"\\\"\\\\\""             },
        {"\b\f\n\r\t",           "\"\\b\\f\\n\\r\\t\""      },
        {"\x01\x1f\x7f",         "\"\\u0001\\u001f\x7f\""   },
        {"\xc3\xa4\xe2\x82\xac", "\"\\u00e4\\u20ac\""       },
        {"\xf0\x9f\x98\x80x",    "\"\\ud83d\\ude00x\""      },
        {"\xf4\x8f\xbf\xbf",     "\"\\udbff\\udfff\""       },
        {"\xff",                 "\"\\ufffd\""              },
        {"\xc3",                 "\"\\ufffd\""              },
        {"\xed\xa0\x80",         "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xc0\x80",             "\"\\ufffd\\ufffd\""       },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_sim_buf buf = {0};
        bh_sim_json_text(&buf, rows[at].text);
        cr_expect_str_eq(text_of(&buf), rows[at].wanted, "row %zu: %s", at, buf.ptr);
        bh_sim_buf_release(&buf);
    }
}

Test(sim_parts, know_the_gsm_alphabet)
{
    int one = 0, two = 0;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        one += bh_sim_gsm_septets(code) == 1 ? 1 : 0;
        two += bh_sim_gsm_septets(code) == 2 ? 1 : 0;
    }
    /* 128 places of the table without ESC, and the ten of its extension. */
    cr_expect_eq(one, 127, "%d", one);
    cr_expect_eq(two, 10, "%d", two);
    cr_expect_eq(bh_sim_gsm_septets('@'), 1);
    cr_expect_eq(bh_sim_gsm_septets('`'), 0);
    cr_expect_eq(bh_sim_gsm_septets(0xe7), 0, "the small c with cedilla");
    cr_expect_eq(bh_sim_gsm_septets(0xc7), 1, "the capital one");
    cr_expect_eq(bh_sim_gsm_septets(0x1b), 0, "ESC is no character");
}

Test(sim_parts, flatten_json_or_refuse_it_whole)
{
    static const struct {
        const char *json, *wanted; /* NULL: refused */
    } rows[] = {
        {"{}",                                     ""                      },
        {"[]",                                     ""                      },
        {"{\"a\":\"b\"}",                          "a=b;"                  },
        {"{\"a\":1,\"b\":1.5,\"c\":-7,\"d\":1e3}", "a=1;b=1.5;c=-7;d=1000;"},
        {"{\"a\":true,\"b\":false,\"c\":null}",    "a=1;b=0;"              },
        {"{\"f\":[{\"n\":\"x\"},{\"n\":\"y\"}]}",  "f[0][n]=x;f[1][n]=y;"  },
        {"{\"ids\":[\"1\",\"2\"]}",                "ids[0]=1;ids[1]=2;"    },
        {"[\"a\"]",                                "0=a;"                  },
        {"{\"\":\"x\",\"a\":\"y\"}",               "a=y;"                  },
        {"{\"a\":1779000000000}",                  "a=1779000000000;"      },
        {"{\"a\":1e400}",                          ""                      },
        {" {\"a\":\"\\u00e4\"} \n",                "a=\xc3\xa4;"           },
        {"",                                       NULL                    },
        {"1",                                      NULL                    },
        {"\"a\"",                                  NULL                    },
        {"{\"a\":1} 2",                            NULL                    },
        {"{\"a\":",                                NULL                    },
        {"{'a':1}",                                NULL                    },
        {"{\"a\":\"\\u0000\"}",                    NULL                    },
        {"{\"a\":\"\xff\"}",                       NULL                    },
        {"{\"a\":\"\n\"}",                         NULL                    },
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",    NULL                    },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_sim_params params = {0};
        struct bh_sim_buf got = {0};
        bool good = bh_sim_json_add(&params, bh_sim_str_from(rows[at].json));
        cr_expect_eq(good, rows[at].wanted != NULL, "%s", rows[at].json);
        for (size_t item = 0; item < params.count; item++)
            bh_sim_buf_printf(&got, "%.*s=%.*s;", BH_SIM_STR_ARGS(bh_sim_params_key(&params, item)),
                              BH_SIM_STR_ARGS(bh_sim_params_value(&params, item)));
        cr_expect_str_eq(text_of(&got), rows[at].wanted != NULL ? rows[at].wanted : "", "%s: %s",
                         rows[at].json, got.ptr);
        bh_sim_buf_release(&got);
        bh_sim_params_release(&params);
    }
}

Test(sim_parts, decode_forms_as_php_does)
{
    static const struct {
        const char *form, *wanted;
    } rows[] = {
        {"",                      ""                      },
        {"a=b&c=d",               "a=b;c=d;"              },
        {"a",                     "a=;"                   },
        {"=b&&a=1&",              "a=1;"                  },
        {"a=b=c",                 "a=b=c;"                },
        {"a=%41%2b+%7A",          "a=A+ z;"               },
        {"a=100%&b=%4&c=%zz&d=%", "a=100%;b=%4;c=%zz;d=%;"},
        {"a%5Bb%5D=c",            "a[b]=c;"               },
        {"i[]=1&i[]=2&j[]=3",     "i[0]=1;i[1]=2;j[0]=3;" },
        {"a+b=1",                 "a b=1;"                },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_sim_params params = {0};
        struct bh_sim_buf got = {0};
        bh_sim_params_add_form(&params, bh_sim_str_from(rows[at].form));
        for (size_t item = 0; item < params.count; item++)
            bh_sim_buf_printf(&got, "%.*s=%.*s;", BH_SIM_STR_ARGS(bh_sim_params_key(&params, item)),
                              BH_SIM_STR_ARGS(bh_sim_params_value(&params, item)));
        cr_expect_str_eq(text_of(&got), rows[at].wanted, "%s: %s", rows[at].form, got.ptr);
        bh_sim_buf_release(&got);
        bh_sim_params_release(&params);
    }
}

Test(sim_parts, take_no_more_than_a_thousand_parameters)
{
    struct bh_sim_params params = {0};
    struct bh_sim_buf form = {0};
    for (int number = 0; number < 1200; number++)
        bh_sim_buf_printf(&form, "k[]=%d&", number);
    bh_sim_params_add_form(&params, bh_sim_buf_view(&form));
    cr_expect_eq(params.count, 1000);
    cr_expect(params.overflowed);
    bh_sim_buf_release(&form);
    bh_sim_params_release(&params);
}

Test(sim_parts, read_the_same_request_in_whatever_pieces_it_comes)
{
    static const char bytes[] =
        "POST /api/sms?a=b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nA:  b c \r\n\r\n"
        "4\r\nwiki\r\n5;x=y\r\npedia\r\n0\r\nT: u\r\n\r\nNEXT";
    size_t len = sizeof bytes - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        struct bh_sim_http http = {0};
        size_t used = 0;
        bh_sim_http_reset(&http);
        while (used < cut && http.state != BH_SIM_HTTP_DONE)
            used += bh_sim_http_feed(&http, bytes + used, cut - used);
        while (used < len && http.state != BH_SIM_HTTP_DONE && http.state != BH_SIM_HTTP_BAD)
            used += bh_sim_http_feed(&http, bytes + used, len - used);
        cr_assert_eq(http.state, BH_SIM_HTTP_DONE, "cut at %zu", cut);
        cr_assert_eq(used, len - 4, "cut at %zu: %zu", cut, used);
        cr_assert(bh_sim_str_is(bh_sim_buf_view(&http.body), "wikipedia"));
        cr_assert(bh_sim_str_is(http.path, "/api/sms"));
        cr_assert(bh_sim_str_is(http.query, "a=b"));
        cr_assert(bh_sim_str_is(bh_sim_http_header(&http, "a")->value, "b c"));
        bh_sim_http_release(&http);
    }
}

Test(sim_parts, keep_a_table_within_its_bound)
{
    struct bh_sim_table table;
    bh_sim_table_init(&table, 5000);
    for (int64_t number = 0; number < 6000; number++) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)number);
        struct bh_sim_table_entry *entry = bh_sim_table_put(
            &table, bh_sim_table_key(bh_sim_str_from(text), BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY), 0);
        if (number < 5000) {
            cr_assert_not_null(entry);
            entry->count = number;
            entry->until_ms = number < 4000 ? 100 : BH_SIM_TABLE_FOREVER;
        } else {
            cr_assert_null(entry, "%lld", (long long)number);
        }
    }
    cr_expect_eq(table.refused, 1000);
    cr_expect_eq(table.used, 5000);
    for (int64_t number = 0; number < 5000; number++) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)number);
        struct bh_sim_table_entry *entry = bh_sim_table_find(
            &table, bh_sim_table_key(bh_sim_str_from(text), BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY));
        cr_assert_not_null(entry);
        cr_assert_eq(entry->count, number);
    }
    /* Once most of it is over, new entries take their place. */
    struct bh_sim_table_key fresh =
        bh_sim_table_key(BH_SIM_STR("new"), BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    cr_expect_not_null(bh_sim_table_put(&table, fresh, 100));
    cr_expect_eq(table.used, 1001);
    bh_sim_table_release(&table);
}

Test(sim_parts, tell_the_borders_of_key_texts_apart)
{
    struct bh_sim_table_key a =
        bh_sim_table_key(BH_SIM_STR("ab"), BH_SIM_STR("c"), BH_SIM_STR_EMPTY);
    struct bh_sim_table_key b =
        bh_sim_table_key(BH_SIM_STR("a"), BH_SIM_STR("bc"), BH_SIM_STR_EMPTY);
    struct bh_sim_table_key c =
        bh_sim_table_key(BH_SIM_STR("abc"), BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    cr_expect(a.a != b.a && b.a != c.a && a.a != c.a);
    cr_expect(a.b != b.b && b.b != c.b && a.b != c.b);
}

Test(sim_parts, plan_deliveries_as_they_were_recorded)
{
    enum { COUNT = 20000 };
    struct bh_sim_world world;
    struct bh_error error;
    int delivered = 0, fast = 0, expired = 0;
    int64_t least = INT64_MAX, most = 0;
    cr_assert(bh_sim_world_init(&world, NULL, &error));
    for (int message = 0; message < COUNT; message++) {
        struct bh_sim_message draft = {.kind = BH_SIM_KIND_SMS, .send_ms = 1000};
        bh_sim_reports_plan(&world, &draft, 172800000);
        cr_assert_eq(draft.steps_count, 2);
        cr_assert_leq(draft.steps[0].at_ms, draft.steps[1].at_ms);
        int64_t after_ms = draft.steps[1].at_ms - 1000;
        if (draft.steps[1].status == BH_SIM_STATUS_EXPIRED) {
            expired++;
            cr_assert(after_ms >= 172800000 && after_ms <= 172805000);
        }
        if (draft.steps[1].status != BH_SIM_STATUS_DELIVERED)
            continue;
        delivered++;
        fast += after_ms < 10000 ? 1 : 0;
        least = after_ms < least ? after_ms : least;
        most = after_ms > most ? after_ms : most;
    }
    cr_expect(delivered > COUNT * 90 / 100 && delivered < COUNT * 95 / 100, "%d", delivered);
    cr_expect(fast > delivered * 88 / 100 && fast < delivered * 96 / 100, "%d of %d", fast,
              delivered);
    cr_expect(expired > COUNT * 2 / 100 && expired < COUNT * 4 / 100, "%d", expired);
    cr_expect(least >= 1100 && most <= 50600 && most > 30000, "%lld to %lld", (long long)least,
              (long long)most);
    bh_sim_world_release(&world);
}

Test(sim_parts, plan_calls_that_end_one_way)
{
    struct bh_sim_world world;
    struct bh_error error;
    int ends[BH_SIM_STATUS_COUNT] = {0};
    cr_assert(bh_sim_world_init(&world, NULL, &error));
    for (int call = 0; call < 2000; call++) {
        struct bh_sim_message draft = {.kind = BH_SIM_KIND_VOICE,
                                       .send_ms = 0,
                                       .ring_s = 7,
                                       .text = BH_SIM_STR("thirty characters are two s...")};
        bh_sim_reports_plan(&world, &draft, 0);
        const struct bh_sim_step *last = &draft.steps[draft.steps_count - 1];
        cr_assert_eq(draft.steps[0].status, BH_SIM_STATUS_INITIATED);
        for (size_t at = 1; at < draft.steps_count; at++)
            cr_assert_lt(draft.steps[at - 1].at_ms, draft.steps[at].at_ms);
        ends[last->status]++;
        if (last->status == BH_SIM_STATUS_NO_ANSWER)
            cr_assert_eq(last->at_ms - draft.steps[1].at_ms, 7000);
        if (last->status == BH_SIM_STATUS_COMPLETED)
            cr_assert(draft.duration_s == 5 && last->at_ms - draft.steps[2].at_ms >= 4999);
    }
    cr_expect_eq(ends[BH_SIM_STATUS_COMPLETED] + ends[BH_SIM_STATUS_NO_ANSWER] +
                     ends[BH_SIM_STATUS_CALL_FAILED],
                 2000);
    cr_expect(ends[BH_SIM_STATUS_COMPLETED] > 1600 && ends[BH_SIM_STATUS_NO_ANSWER] > 140 &&
              ends[BH_SIM_STATUS_CALL_FAILED] > 60);
    bh_sim_world_release(&world);
}

Test(sim_parts, make_the_vendors_signatures)
{
    static const struct bh_sim_signed parts = {
        .timestamp = {"1795316485",                                 10},
        .nonce = {"o5yulq4uwm1ro69chejynerien5sks3j",           32},
        .method = {"GET",                                        3 },
        .url = {"http://127.0.0.1:18080/api/status?msg_id=1", 42},
        .body = {"",                                           0 },
    };
    char hex[BH_SIM_SIGNATURE_HEX];
    bh_sim_signing_make("sekret", &parts, hex);
    cr_expect_str_eq(hex, "6b9e57666b55c869101f599b63017b253ad74a76a602084ea8b4d6757177b153");
}
