#include "sim_test.h"

static void
start_usual(void)
{
    start("[account]\nbalance = 54.238\n"
          "[contacts]\nAnna = 0171 1111111\nBert = +49172/2222222\nTom & Co = 491733333333\n"
          "[groups]\nGroup1 = Anna, Bert, 0174 4444444\nEmpty =\n"
          "[prices]\nsms.43 = 0.09\nsms.4366 = 0.1\n");
}

TestSuite(sim_sms, .init = start_usual, .fini = stop);

#define POST_SMS(name, body, wanted)                                                               \
    {                                                                                              \
        name, "POST", "/api/sms", LIVE FORM, body, 200, wanted                                     \
    }
#define JSON_SMS(name, body, wanted)                                                               \
    {                                                                                              \
        name, "POST", "/api/sms", LIVE JSON ACCEPT, body, 200, wanted                              \
    }

Test(sim_sms, takes_parameters_from_query_form_and_json_alike)
{
    static const struct row rows[] = {
        {"get",                              "GET",  "/api/sms?p=sim-live-key&to=0171999&text=a1",      NULL,                                                      NULL,                                   200, "100"              },
        {"get, plus and percent",            "GET",  "/api/sms?p=sim-live-key&to=%2B49171999&text=a+2", NULL,
         NULL,                                                                                                                                                                                             200, "100"              },
        {"get, unescaped exclamation mark",  "GET",  "/api/sms?p=sim-live-key&to=0171999&text=a3!",
         NULL,                                                                                                                                                     NULL,                                   200, "100"              },
        {"post, all in the query",           "POST", "/api/sms?to=0171999&text=a4",                     LIVE,                                                      NULL,                                   200, "100"              },
        {"post, empty body",                 "POST", "/api/sms?to=0171999&text=a5",                     LIVE FORM,                                                 "",                                     200, "100"              },
        {"post form",                        "POST", "/api/sms",                                        LIVE FORM,                                                 "to=0171999&text=a6",                   200, "100"              },
        {"post form with charset",           "POST", "/api/sms",
         LIVE "content-TYPE: application/x-www-form-urlencoded; charset=UTF-8\r\n",
         "to=0171999&text=a7",                                                                                                                                                                             200, "100"              },
        {"post without content type",        "POST", "/api/sms",                                        LIVE,                                                      "to=0171999&text=a8",                   200, "100"              },
        {"post json",                        "POST", "/api/sms",                                        LIVE JSON,                                                 "{\"to\":\"0171999\",\"text\":\"a9\"}", 200,
         "100"                                                                                                                                                                                                                     },
        {"post json with charset",           "POST", "/api/sms",
         LIVE "Content-Type: application/json; charset=utf-8\r\n",
         "{\"to\":\"0171999\",\"text\":\"b1\"}",                                                                                                                                                           200, "100"              },
        {"post json, number as number",      "POST", "/api/sms",                                        LIVE JSON,
         "{\"to\":491719999999,\"text\":\"b2\"}",                                                                                                                                                          200, "100"              },
        {"post json, to as list",            "POST", "/api/sms",                                        LIVE JSON ACCEPT,
         "{\"to\":[\"0171999\",\"0172999\"],\"text\":\"b3\"}",                                                                                                                                             200,
         "*\"recipient\":\"49171999\"*\"recipient\":\"49172999\"*"                                                                                                                                                                 },
        {"form, to as list",                 "POST", "/api/sms",                                        LIVE FORM ACCEPT,
         "to[]=0171999&to[]=0172999&text=b4",                                                                                                                                                              200,
         "*\"recipient\":\"49171999\"*\"recipient\":\"49172999\"*"                                                                                                                                                                 },
        {"query and body merged, body wins", "POST", "/api/sms?text=query&to=0171999",
         LIVE FORM ACCEPT,                                                                                                                                         "text=b5",                              200, "*\"text\":\"b5\"*"},
        {"multipart",                        "POST", "/api/sms",                                        LIVE "Content-Type: multipart/form-data; boundary=XX\r\n",
         "--XX\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n0171999\r\n"
         "--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nb6\r\n--XX--\r\n",                                                                                                                  200, "100"              },
        {"unknown parameters are ignored",   "POST", "/api/sms",                                        LIVE FORM,
         "to=0171999&text=b7&_json=1&sendWith=x",                                                                                                                                                          200, "100"              },
        {"absolute target",                  "POST", "http://127.0.0.1/api/sms?to=0171999&text=b8",     LIVE,                                                      NULL,                                   200,
         "100"                                                                                                                                                                                                                     },
        {"slash at the end",                 "POST", "/api/sms/?to=0171999&text=b9",                    LIVE,                                                      NULL,                                   200, "100"              },
        {"broken json",                      "POST", "/api/sms",                                        LIVE JSON,                                                 "{\"to\":\"0171999\",",                 200, "301"              },
        {"json with trailing text",          "POST", "/api/sms",                                        LIVE JSON,
         "{\"to\":\"0171999\",\"text\":\"x\"} x",                                                                                                                                                          200, "301"              },
        {"json of seventeen levels",         "POST", "/api/sms",                                        LIVE JSON,
         "{\"to\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}",                                                                                                                                                   200, "301"              },
        {"json with bad UTF-8",              "POST", "/api/sms",                                        LIVE JSON,
         "{\"to\":\"0171999\",\"text\":\"\xff\"}",                                                                                                                                                         200, "301"              },
        {"json string instead of an object", "POST", "/api/sms",                                        LIVE JSON,                                                 "\"to\"",                               200, "301"              },
        {"other method",                     "PUT",  "/api/sms",                                        LIVE,                                                      NULL,                                   405, "*"                },
        {"other path",                       "GET",  "/api/smss",                                       LIVE,                                                      NULL,                                   404, "*"                },
    };
    CHECK_ROWS(rows);
    expect_number("stats", "sms", 20);
}

Test(sim_sms, normalises_recipients)
{
    static const struct {
        const char *to,
            *wanted; /* wanted: comma-separated recipients, or the code of a bare refusal */
    } rows[] = {
        {"00491719999999",              "\"491719999999\""                                  },
        {"+491719999999",               "\"491719999999\""                                  },
        {"491719999999",                "\"491719999999\""                                  },
        {"01719999999",                 "\"491719999999\""                                  },
        {"0171-999 99/99",              "\"491719999999\""                                  },
        {"(0171) 999.9999",             "\"491719999999\""                                  },
        {"0043664111111",               "\"43664111111\""                                   },
        {"Anna",                        "\"491711111111\""                                  },
        {"anna",                        "\"491711111111\""                                  },
        {"Tom %26 Co",                  "\"491733333333\""                                  },
        {"Group1",                      "\"491711111111\",\"491722222222\",\"491744444444\""},
        {"01719999999,Group1",
         "\"491719999999\",\"491711111111\",\"491722222222\",\"491744444444\""              },
        {" 01719999999 , 01718888888 ", "\"491719999999\",\"491718888888\""                 },
        {"01719999999,,01718888888,",   "\"491719999999\",\"491718888888\""                 },
        {"0",                           "null"                                              },
        {"000",                         "null"                                              },
        {"nobody",                      "null"                                              },
        {"+",                           "null"                                              },
        {"++491719999999",              "null"                                              },
        {"49171+9999999",               "null"                                              },
        {"123456",                      "null"                                              },
        {"1234567890123456",            "null"                                              },
        {"0171999\xf0\x9f\x98\x80",     "null"                                              },
        {"01719999999,nobody",          "\"491719999999\",null"                             },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        char body[256], got_list[512] = "";
        struct bh_test_http got;
        snprintf(body, sizeof body, "text=row%zu&to=%s", at, rows[at].to);
        for (char *c = body; *c != '\0'; c++)
            if (*c == '+')
                *c = '\v';
        /* "+" in a form is a blank. */
        char escaped[600] = "";
        for (const char *c = body; *c != '\0'; c++) {
            char piece[4];
            snprintf(piece, sizeof piece, *c == '\v' ? "%%2B" : "%c", *c);
            append(escaped, sizeof escaped, piece);
        }
        bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM ACCEPT, escaped, &got);
        for (const char *found = got.body; (found = strstr(found, "\"recipient\":")) != NULL;) {
            found += strlen("\"recipient\":");
            size_t used = strlen(got_list);
            snprintf(got_list + used, sizeof got_list - used, "%s%.*s", used > 0 ? "," : "",
                     (int)strcspn(found, ","), found);
        }
        cr_expect_str_eq(got_list, rows[at].wanted, "%s: %s in %s", rows[at].to, got_list,
                         got.body);
        bh_test_http_release(&got);
    }
}

Test(sim_sms, gives_every_code_of_the_table)
{
    char long_text[1600], longest[1600];
    snprintf(long_text, sizeof long_text, "to=01719999&text=%01521d", 1);
    snprintf(longest, sizeof longest, "to=01719999&text=%01520d", 1);
    const struct row rows[] = {
        POST_SMS("to missing", "text=x", "301"),
        POST_SMS("to empty", "text=x&to=", "301"),
        POST_SMS("to blank", "text=x&to=+", "301"),
        POST_SMS("to only commas", "text=x&to=,,", "301"),
        POST_SMS("to zero", "text=x&to=0", "301"),
        POST_SMS("text missing", "to=01719999", "305"),
        POST_SMS("text empty", "to=01719999&text=", "305"),
        POST_SMS("text of 1521", long_text, "401"),
        POST_SMS("text of 1520", longest, "100"),
        POST_SMS("sender of 12 letters", "to=01719999&text=x&from=abcdefghijkl", "201"),
        POST_SMS("sender of 17 digits", "to=01719999&text=x&from=12345678901234567", "201"),
        POST_SMS("sender with a star", "to=01719999&text=x&from=a*b", "201"),
        POST_SMS("sender with an umlaut", "to=01719999&text=x&from=%C3%84rzte", "201"),
        POST_SMS("sender of 11 letters", "to=01719999&text=s1&from=abcdefghijk", "100"),
        POST_SMS("sender of 16 digits", "to=01719999&text=s2&from=1234567890123456", "100"),
        POST_SMS("sender with a plus", "to=01719999&text=s3&from=%2B491719999", "100"),
        POST_SMS("sender with all signs", "to=01719999&text=s4&from=+/.-@_!()%2B%24", "100"),
        POST_SMS("number too short", "to=123&text=x", "202"),
        POST_SMS("reload lock", "to=01719999&text=s4", "402"),
        POST_SMS("some fail", "to=01719999,123&text=s5", "101"),
        POST_SMS("all fail, first code wins", "to=123,0&text=s5", "202"),
        JSON_SMS("bare in json too", "{\"text\":\"x\"}", "301"),
        JSON_SMS("zero in json", "{\"to\":\"0\",\"text\":\"x\"}",
                 "{\"success\":\"301\",\"total_price\":0,*\"recipient\":null,*\"success\":false,"
                 "\"error\":301,\"error_text\":\"recipient missing\"}]}"),
        JSON_SMS(
            "some fail in json", "{\"to\":\"01719999,123\",\"text\":\"s6\"}",
            "{\"success\":\"101\",\"total_price\":0.075,*\"success\":true,\"error\":null,"
            "\"error_text\":null},{\"id\":null,*\"price\":0,\"success\":false,\"error\":202,*}]}"),
    };
    CHECK_ROWS(rows);
}

Test(sim_sms, switches_the_unsettled_codes)
{
    static const struct row hundred[] = {
        JSON_SMS("partial as 100", "{\"to\":\"01719999,123\",\"text\":\"p1\"}",
                 "{\"success\":\"100\",*\"success\":false*"),
        JSON_SMS("all failed as 101", "{\"to\":\"123\",\"text\":\"p2\"}", "{\"success\":\"101\",*"),
        JSON_SMS("refusal quoted", "{\"to\":\"123\"}", "\"305\""),
    };
    static const struct row object[] = {
        JSON_SMS("refusal as an object", "{\"to\":\"123\"}",
                 "{\"success\":\"305\",*\"messages\":[]}"),
        {"not asked for json", "POST", "/api/sms", LIVE FORM, "to=1719999", 200, "305"},
    };
    tell("config",
         "{\"gateway\":{\"partial_code\":100,\"all_failed\":\"101\",\"json_refusal\":\"quoted\"}}");
    CHECK_ROWS(hundred);
    tell("config", "{\"gateway\":{\"json_refusal\":\"object\"}}");
    CHECK_ROWS(object);
}

Test(sim_sms, answers_in_lines)
{
    static const struct row rows[] = {
        POST_SMS("id", "to=01719999&text=l1&return_msg_id=1", "100\n7721494586*"),
        POST_SMS("ids of several", "to=01719999,01718888&text=l2&return_msg_id=1",
                 "100\n7721494586*\n7721494586*"),
        POST_SMS("details", "to=01719999&text=l3&details=1",
                 "100\nVerbucht: 0.075\nPreis: 0.075\nGuthaben: 53.938\nText: l3\nSMS-Typ: direct\n"
                 "Flash SMS: false\nEncoding: gsm\nGSM0338: true\nDebug: false"),
        POST_SMS("id and details",
                 "to=01719999&text=l4&details=1&return_msg_id=1&flash=1&unicode=1",
                 "100\n77214945*\nVerbucht: 0.075\nPreis: 0.075\nGuthaben: 53.863\nText: l4\n"
                 "SMS-Typ: direct\nFlash SMS: true\nEncoding: ucs2\nGSM0338: false\nDebug: false"),
        POST_SMS("debug", "to=01719999&text=l5&details=1&return_msg_id=1&debug=1",
                 "100\n1234567890\nVerbucht: 0\nPreis: 0.075\nGuthaben: 53.863\nText: l5\n"
                 "SMS-Typ: direct\nFlash SMS: false\nEncoding: gsm\nGSM0338: true\nDebug: true"),
        {"sandbox key",  "POST", "/api/sms", SANDBOX FORM, "to=01719999&text=l6&return_msg_id=1",
           200,                                                                                          "100\n1234567890"},
        POST_SMS("booleans of all kinds", "to=01719999&text=l7&debug=true&return_msg_id=1",
                 "100\n1234567890"),
        {"json boolean", "POST", "/api/sms", LIVE JSON,
           "{\"to\":\"01719999\",\"text\":\"l8\",\"debug\":true,\"return_msg_id\":1}",              200,
           "100\n1234567890"                                                                                              },
        {"json false",   "POST", "/api/sms", LIVE JSON,
           "{\"to\":\"01719999\",\"text\":\"l9\",\"debug\":true,\"return_msg_id\":false}",          200,
           "100"                                                                                                          },
    };
    static const struct row english[] = {
        POST_SMS("english", "to=01719999&text=l3&details=1&debug=1",
                 "100\nbooked: 0\nprice: 0.075\ncredit: 53.863\ntext: l3\nSMS type: direct\n"
                 "Flash SMS: off\nEncoding: ASCII\nGSM0338: true\nDebug: true"),
    };
    CHECK_ROWS(rows);
    tell("config", "{\"gateway\":{\"labels\":\"english\"}}");
    CHECK_ROWS(english);
    expect_number("stats", "debug", 6);
    expect_number("stats", "sms", 5);
}

Test(sim_sms, answers_in_json_as_php_does)
{
    static const struct row rows[] = {
        {"everything",       "POST", "/api/sms", LIVE FORM,
         "json=1&from=Me&to=01719999&label=L-1&text=%C3%A4%2F%22%5C%F0%9F%98%80%0A",                             200,
         "{\"success\":\"100\",\"total_price\":0.075,\"balance\":54.163,\"debug\":\"false\","
         "\"sms_type\":\"direct\",\"messages\":[{\"id\":\"77214945865\",\"sender\":\"Me\","
         "\"recipient\":\"491719999\",\"text\":\"\\u00e4\\/\\\"\\\\\\ud83d\\ude00\\n\","
         "\"encoding\":\"ucs2\",\"label\":\"L-1\",\"parts\":1,\"udh\":null,\"is_binary\":false,"
         "\"price\":0.075,\"success\":true,\"error\":null,\"error_text\":null}]}"},
        {"debug",            "POST", "/api/sms", LIVE FORM,        "json=1&debug=1&to=01719999,01718888&text=d", 200,
         "{\"success\":\"100\",\"total_price\":0,\"balance\":54.013,\"debug\":\"true\",*\"id\":"
         "null,*"
         "\"price\":0,*"                                                         },
        {"prices by prefix", "POST", "/api/sms", LIVE FORM ACCEPT,
         "to=0043170000,0043660000,49170000&text=d",                                                             200,
         "{\"success\":\"100\",\"total_price\":0.265,\"balance\":53.898,*\"price\":0.09,*\"price\":"
         "0.1,"
         "*\"price\":0.075,*"                                                    },
    };
    CHECK_ROWS(rows);
}

Test(sim_sms, follows_the_eras)
{
    struct bh_test_http got;
    static const struct row old[] = {
        {"accept alone means nothing", "POST", "/api/sms", LIVE FORM ACCEPT, "to=01719999&text=e1",
         200,                                                                                                   "100"},
        {"no binary fields",           "POST", "/api/sms", LIVE FORM,        "json=1&to=01719999&text=e2", 200,
         "*\"parts\":1,\"price\":0.075*"                                                                             },
    };
    tell("config", "{\"gateway\":{\"era\":2021}}");
    CHECK_ROWS(old);
    bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, "json=1&to=01719999&text=e3", &got);
    cr_expect_str_eq(bh_test_http_header(&got, "Content-Type"), "text/plain; charset=utf-8");
    bh_test_http_release(&got);
    tell("config", "{\"gateway\":{\"era\":2023}}");
    bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, "json=1&to=01719999&text=e4", &got);
    cr_expect_str_eq(bh_test_http_header(&got, "Content-Type"), "application/json");
    bh_test_http_release(&got);
}

Test(sim_sms, counts_parts_and_detects_the_encoding)
{
    static const struct {
        const char *name, *piece;
        int times;
        const char *extra, *wanted;
    } rows[] = {
        {"160 septets",                 "a",            160, "",                  "\"gsm\",\"label\":null,\"parts\":1,"      },
        {"161 septets",                 "a",            161, "",                  "\"gsm\",\"label\":null,\"parts\":2,"      },
        {"306 septets",                 "a",            306, "",                  "\"gsm\",\"label\":null,\"parts\":2,"      },
        {"307 septets",                 "a",            307, "",                  "\"gsm\",\"label\":null,\"parts\":3,"      },
        {"80 euro signs",               "%E2%82%AC",    80,  "",                  "\"gsm\",\"label\":null,\"parts\":1,"      },
        {"81 euro signs",               "%E2%82%AC",    81,  "",                  "\"gsm\",\"label\":null,\"parts\":2,"      },
        {"umlauts are gsm",             "%C3%BC",       160, "",                  "\"gsm\",\"label\":null,\"parts\":1,"      },
        {"greek capital delta",         "%CE%94",       160, "",                  "\"gsm\",\"label\":null,\"parts\":1,"      },
        {"small c with cedilla is not", "%C3%A7",       70,  "",                  "\"ucs2\",\"label\":null,\"parts\":1,"     },
        {"backquote is not",            "%60",          71,  "",                  "\"ucs2\",\"label\":null,\"parts\":2,"     },
        {"35 emojis",                   "%F0%9F%98%80", 35,  "",                  "\"ucs2\",\"label\":null,\"parts\":1,"     },
        {"36 emojis",                   "%F0%9F%98%80", 36,  "",                  "\"ucs2\",\"label\":null,\"parts\":2,"     },
        {"forced unicode",              "a",            71,  "&unicode=1",        "\"ucs2\",\"label\":null,\"parts\":2,"     },
        {"latin1 is guessed",           "%FC",          1,   "",                  "\"text\":\"\\u00fc\",\"encoding\":\"gsm\""},
        {"latin1 with utf8 forced",     "%FC",          1,   "&utf8=1",
         "\"text\":\"\\ufffd\",\"encoding\":\"ucs2\""                                                                        },
        {"binary",                      "FF",           10,  "&udh=050003CC0201",
         "\"parts\":1,\"udh\":\"050003CC0201\",\"is_binary\":true"                                                           },
        {"binary of two parts",         "FF",           135, "&udh=050003CC0201", "\"parts\":2,\"udh\":"                     },
        {"udh without hex text",        "xyz",          1,   "&udh=050003CC0201",
         "\"udh\":\"050003CC0201\",\"is_binary\":false"                                                                      },
        {"udh that is no hex",          "FF",           1,   "&udh=myudh",        "\"udh\":\"myudh\",\"is_binary\":false"    },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        char body[4096] = "to=01719999&no_reload=1&text=", wanted[256];
        struct bh_test_http got;
        for (int time = 0; time < rows[at].times; time++)
            append(body, sizeof body, rows[at].piece);
        append(body, sizeof body, rows[at].extra);
        snprintf(wanted, sizeof wanted, "*%s*", rows[at].wanted);
        bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM ACCEPT, body, &got);
        cr_expect(bh_test_matches(wanted, got.body), "%s: %s", rows[at].name, got.body);
        bh_test_http_release(&got);
    }
}

Test(sim_sms, locks_the_same_text_to_the_same_recipient_for_its_time)
{
    static const struct row first[] = {
        POST_SMS("first", "to=01719999&text=lock&from=A", "100"),
        POST_SMS("again, other sender", "to=%2B491719999&text=lock&from=B", "402"),
        POST_SMS("other text", "to=01719999&text=lock2", "100"),
        POST_SMS("other recipient", "to=01718888&text=lock", "100"),
        POST_SMS("switched off for one request", "to=01719999&text=lock&no_reload=1", "100"),
        POST_SMS("twice in one request", "to=01717777,01717777&text=lock", "101"),
        POST_SMS("debug is not locked", "to=01719999&text=lock&debug=1", "100"),
        POST_SMS("debug does not lock", "to=01716666&text=lock&debug=1", "100"),
        POST_SMS("so this is new", "to=01716666&text=lock", "100"),
        POST_SMS("delayed ones lock at acceptance", "to=01715555&text=lock&delay=4000000000",
                 "100"),
        POST_SMS("and again", "to=01715555&text=lock", "402"),
        POST_SMS("refused ones do not lock", "to=01714444,0&text=x&from=abcdefghijkl", "201"),
        POST_SMS("so this is new too", "to=01714444&text=x", "100"),
    };
    static const struct row later[] = {
        POST_SMS("a millisecond is missing", "to=01718888&text=lock", "402"),
    };
    static const struct row after[] = {
        POST_SMS("the time is over", "to=01718888&text=lock", "100"),
        POST_SMS("and locked anew", "to=01718888&text=lock", "402"),
    };
    static const struct row off[] = {
        POST_SMS("lock switched off", "to=01718888&text=lock", "100"),
        POST_SMS("twice in one request passes", "to=01718888,01718888&text=lock", "100"),
    };
    CHECK_ROWS(first);
    tell("clock", "{\"advance_ms\":150000}");
    CHECK_ROWS(later);
    tell("clock", "{\"advance_ms\":31000}");
    CHECK_ROWS(after);
    tell("config", "{\"lock\":{\"enabled\":false}}");
    CHECK_ROWS(off);
    expect_number("stats", "locked", 5);
    expect_number("stats", "unlocked", 4);
    expect_number("stats?to=01718888&text=lock", "count", 5);
    tell("config", "{\"lock\":{\"enabled\":true,\"seconds\":0}}");
    static const struct row none[] = {
        POST_SMS("no seconds, first", "to=01711234&text=none", "100"),
        POST_SMS("no seconds, second", "to=01711234&text=none", "100"),
    };
    CHECK_ROWS(none);
}

Test(sim_sms, ends_at_the_daily_limit_until_midnight_in_berlin)
{
    static const struct row today[] = {
        POST_SMS("first", "to=01719999&text=1", "100"),
        POST_SMS("second", "to=01719999&text=2", "100"),
        POST_SMS("third", "to=01719999&text=3", "403"),
        POST_SMS("another number", "to=01718888&text=3", "100"),
    };
    static const struct row tomorrow[] = {POST_SMS("next day", "to=01719999&text=3", "100")};
    tell("config", "{\"account\":{\"daily_limit\":2}}");
    tell("clock", "{\"now\":1640991000}"); /* 2021-12-31 23:50 in Berlin */
    CHECK_ROWS(today);
    tell("clock", "{\"advance_ms\":601000}");
    CHECK_ROWS(tomorrow);
}

Test(sim_sms, ends_when_the_credit_does)
{
    static const struct row rows[] = {
        JSON_SMS("two of three", "{\"to\":\"01711111,01712222,01713333\",\"text\":\"m\"}",
                 "{\"success\":\"101\",\"total_price\":0.15,\"balance\":0.01,*\"error\":500,*"),
        JSON_SMS("nobody can be paid", "{\"to\":\"01711111,01712222\",\"text\":\"n\"}", "500"),
        POST_SMS("debug costs nothing", "to=01711111&text=n&debug=1", "100"),
        {"balance", "GET", "/api/balance", LIVE, NULL, 200, "0.01"},
    };
    static const struct row after[] = {POST_SMS("topped up", "to=01711111&text=n", "100")};
    tell("config", "{\"account\":{\"balance\":0.16}}");
    CHECK_ROWS(rows);
    tell("config", "{\"account\":{\"balance\":\"5.5\"}}");
    CHECK_ROWS(after);
    expect_number("stats", "accepted", 3);
}

Test(sim_sms, puts_links_for_files_and_tracked_addresses)
{
    static const struct row rows[] = {
        {"json file",                        "POST", "/api/sms", LIVE JSON ACCEPT,
         "{\"to\":\"01719999\",\"text\":\"see [[a.txt]] and [[b.txt]]\",\"files\":["
         "{\"name\":\"a.txt\",\"contents\":\"aGFsbG8=\"},"
         "{\"name\":\"b.txt\",\"contents\":\"aGFsbG8h\",\"validity\":3,\"password\":\"x\"}]}",    200, "*\"text\":\"see https:\\/\\/ul.gl\\/??????? and https:\\/\\/ul.gl\\/???????\"*"},
        {"form file",                        "POST", "/api/sms", LIVE FORM ACCEPT,
         "to=01719999&text=%5B%5Ba%5D%5D&files[0][name]=a&files%5B0%5D%5Bcontents%5D=aGFsbG8%3D", 200, "*\"text\":\"https:\\/\\/ul.gl\\/*\"*"                                          },
        {"placeholder without a file stays", "POST", "/api/sms", LIVE FORM ACCEPT,
         "to=01719999&text=[[c]]&files[0][name]=a&files[0][contents]=aGFsbG8%3D",                 200,
         "*\"text\":\"[[c]]\"*"                                                                                                                                                        },
        POST_SMS("no base64",
                 "to=01719999&text=[[a]]&files[0][name]=a&files[0][contents]=a*b=", "600"),
        POST_SMS("cut base64", "to=01719999&text=[[a]]&files[0][name]=a&files[0][contents]=aGFsbG8",
                 "600"),
        POST_SMS("no contents", "to=01719999&text=[[a]]&files[0][name]=a", "600"),
        POST_SMS("no name", "to=01719999&text=[[a]]&files[0][contents]=aGFsbG8%3D", "600"),
        {"tracking",                         "POST", "/api/sms", LIVE FORM ACCEPT,
         "to=01719999&performance_tracking=1&text=go+to+https://example.com/x?y=1.+Now",          200,
         "*\"text\":\"go to https:\\/\\/ul.gl\\/*. Now\"*"                                                                                                                             },
        {"no tracking",                      "POST", "/api/sms", LIVE FORM ACCEPT,
         "to=01719999&text=http://example.com/",                                                  200, "*\"text\":\"http:\\/\\/example.com\\/\"*"                                      },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct row row = rows[at];
        char wanted[512];
        snprintf(wanted, sizeof wanted, "%s", row.wanted);
        for (char *mark = wanted; (mark = strstr(mark, "???????")) != NULL;)
            memmove(mark + 1, mark + 7, strlen(mark + 7) + 1), *mark = '*';
        row.wanted = wanted;
        check_row(&row);
    }
    /* The same file sent again is the same SMS. */
    static const struct row again[] = {
        POST_SMS("again", "to=01719999&text=[[a]]&files[0][name]=a&files[0][contents]=aGFsbG8%3D",
                 "402"),
    };
    CHECK_ROWS(again);
}

Test(sim_sms, cancels_delayed_messages_in_three_spellings)
{
    static const struct row rows[] = {
        POST_SMS("1", "to=01719999&text=1&delay=4000000000", "100"), /* ...865 */
        POST_SMS("2", "to=01719999&text=2&delay=4000000000000", "100"), /* milliseconds */
        POST_SMS("3", "to=01719999&text=3&delay=2099-12-31+23:59", "100"), /* local */
        POST_SMS("4", "to=01719999&text=4&delay=2099-12-31+23:59:59", "100"), /* with seconds */
        POST_SMS("5", "to=01719999&text=5", "100"),
        POST_SMS("6, past", "to=01719999&text=6&delay=1000000000", "100"),
        POST_SMS("7, no date", "to=01719999&text=7&delay=2099-13-31+23:59", "100"),
        {"json",               "DELETE", "/api/sms",                                     LIVE JSON,          "{\"ids\":\"77214945865,1\"}", 200,
                                                                            "{\"success\":true,\"deleted\":[\"77214945865\"]}"                                                                                                                          },
        {"json list",          "DELETE", "/api/sms",                                     LIVE JSON,          "{\"ids\":[\"77214945866\"]}", 200,
                                                                            "{\"success\":true,\"deleted\":[\"77214945866\"]}"                                                                                                                          },
        {"form",               "DELETE", "/api/sms",                                     LIVE FORM,          "ids[0]=77214945867",          200,
                                                                            "{\"success\":true,\"deleted\":[\"77214945867\"]}"                                                                                                                          },
        {"query",              "DELETE", "/api/sms?ids[]=77214945868&ids[]=77214945868", LIVE,               NULL,                          200,
                                                                            "{\"success\":true,\"deleted\":[\"77214945868\"]}"                                                                                                                          },
        {"not delayed",        "DELETE", "/api/sms?ids=77214945869",                     LIVE,               NULL,                          200,
                                                                            "{\"success\":false,\"deleted\":null}"                                                                                                                                      },
        {"past",               "DELETE", "/api/sms?ids=77214945870",                     LIVE,               NULL,                          200,
                                                                            "{\"success\":false,\"deleted\":null}"                                                                                                                                      },
        {"bad date means now", "DELETE", "/api/sms?ids=77214945871",                     LIVE,               NULL,                          200,
                                                                            "{\"success\":false,\"deleted\":null}"                                                                                                                                      },
        {"again",              "DELETE", "/api/sms?ids=77214945865",                     LIVE,               NULL,                          200,
                                                                            "{\"success\":false,\"deleted\":null}"                                                                                                                                      },
        {"no number",          "DELETE", "/api/sms?ids=x",                               LIVE,               NULL,                          200,
                                                                            "{\"success\":false,\"deleted\":null}"                                                                                                                                      },
        {"empty",              "DELETE", "/api/sms",                                     LIVE JSON,          "{\"ids\":[]}",                200,
                                                                            "{\"success\":false,\"deleted\":[]}"                                                                                                                                        },
        {"nothing",            "DELETE", "/api/sms",                                     LIVE,               NULL,                          200, "{\"success\":false,\"deleted\":[]}"},
        {"wrong key",          "DELETE", "/api/sms?ids=77214945865",                     "X-Api-Key: x\r\n", NULL,                          200, "900"                               },
        {"refunded",           "GET",    "/api/balance",                                 LIVE,               NULL,                          200, "54.013"                            },
    };
    CHECK_ROWS(rows);
    expect_number("stats", "cancelled", 4);
}

Test(sim_sms, limits_label_and_foreign_id_when_told)
{
    static const struct row rows[] = {
        POST_SMS("foreign id", "to=01719999&text=1&foreign_id=a+b", "801"),
        POST_SMS("label", "to=01719999&text=1&label=%C3%A4", "802"),
        POST_SMS("fine", "to=01719999&text=1&label=a.b-c_d@e&foreign_id=A1", "100"),
    };
    static const struct row lax[] = {
        {"accepted", "POST", "/api/sms", LIVE FORM ACCEPT, "to=01719999&text=2&label=a+b", 200,
         "*\"label\":\"a b\"*"},
    };
    CHECK_ROWS(lax);
    tell("config", "{\"gateway\":{\"limit_parameters\":true}}");
    CHECK_ROWS(rows);
}

Test(sim_sms, remembers_who_sent_and_what_for)
{
    static const struct row rows[] = {
        {"send",                  "POST", "/api/sms",                                LIVE FORM "SentWith: bellhop\r\n",
         "to=01719999&text=1&foreign_id=job-1&label=L&ttl=1&flash=1",                                                         200, "100"},
        {"look",                  "GET",  "/_sim/messages?foreign_id=job-1",         NULL,                              NULL, 200,
         "[{\"id\":\"77214945865\",\"kind\":\"sms\",\"from\":\"SMS\",\"to\":\"491719999\",\"text\":"
         "\"1\","
         "\"label\":\"L\",\"foreign_id\":\"job-1\",\"udh\":null,\"connection\":\"bellhop\",*"
         "\"flash\":true,*"                                                                                                             },
        {"by number in any form", "GET",  "/_sim/messages?to=%2B491719999&kind=sms", NULL,                              NULL, 200,
         "[{\"id\":\"77214945865\",*"                                                                                                   },
        {"no such text",          "GET",  "/_sim/messages?text=2",                   NULL,                              NULL, 200, "[]" },
        {"other kind",            "GET",  "/_sim/messages?kind=voice",               NULL,                              NULL, 200, "[]" },
        {"newer only",            "GET",  "/_sim/messages?since=77214945866",        NULL,                              NULL, 200, "[]" },
        {"offset",                "GET",  "/_sim/messages?offset=1",                 NULL,                              NULL, 200, "[]" },
        {"limit",                 "GET",  "/_sim/messages?limit=0",                  NULL,                              NULL, 200, "[]" },
    };
    CHECK_ROWS(rows);
}
