#include "sim_test.h"

static void
start_usual(void)
{
    start("[account]\nbalance = 10.5\n[reports]\nplan = ACCEPTED@1,DELIVERED@5.2\n"
          "[contacts]\nAnna = 01711111111\n[groups]\nAll = Anna, 01722222222\n");
}

TestSuite(sim_records, .init = start_usual, .fini = stop);

#define SEND(name, body)                                                                           \
    {                                                                                              \
        name, "POST", "/api/sms", LIVE FORM, body, 200, "100"                                      \
    }
#define GET(name, target, wanted)                                                                  \
    {                                                                                              \
        name, "GET", target, LIVE, NULL, 200, wanted                                               \
    }

Test(sim_records, tell_the_status_of_a_message_as_time_passes)
{
    static const struct row before[] = {
        SEND("send", "to=01711111111&text=1"),
        GET("no report yet", "/api/status?msg_id=77214945865", "ACCEPTED\n2021-12-31 23:50:00.*"),
        GET("unknown", "/api/status?msg_id=1", "901"),
        GET("no number", "/api/status?msg_id=x", "901"),
        GET("nothing", "/api/status", "901"),
        GET("several", "/api/status?msg_id=77214945865,1",
            "[{\"id\":\"77214945865\",\"status\":null,\"status_time\":null},"
            "{\"id\":\"1\",\"status\":null,\"status_time\":null}]"),
    };
    static const struct row accepted[] = {
        GET("accepted", "/api/status?msg_id=77214945865", "ACCEPTED\n2021-12-31 23:50:01.*"),
    };
    static const struct row delivered[] = {
        GET("delivered", "/api/status?msg_id=77214945865", "DELIVERED\n2021-12-31 23:50:05.*"),
        {"post",                        "POST", "/api/status",                    LIVE FORM,   "msg_id=77214945865", 200, "DELIVERED\n*"},
        {"json is nothing in this era", "GET",  "/api/status?msg_id=77214945865", LIVE ACCEPT, NULL,
                                                                                             200,                                                                                                             "DELIVERED\n*"},
    };
    static const struct row era[] = {
        GET("unknown", "/api/status?msg_id=1", "600"),
        {"json",           "GET", "/api/status?msg_id=77214945865", LIVE ACCEPT, NULL, 200,
                                                    "[{\"id\":\"77214945865\",\"status\":\"DELIVERED\",\"status_time\":\"2021-12-31 "
         "23:50:05.*\"}]"                                                                                                                  },
        {"json, empty id", "GET", "/api/status?msg_id=",            LIVE ACCEPT, NULL, 200, "[]"},
    };
    static const struct row old[] = {
        GET("too long ago", "/api/status?msg_id=77214945865", "600"),
        GET("too long ago, among several", "/api/status?msg_id=77214945865,1",
            "[{\"id\":\"77214945865\",\"status\":null,*"),
        GET("the journal has it", "/api/journal/outbound?id=77214945865",
            "[{\"id\":\"77214945865\",*\"dlr\":\"DELIVERED\",*"),
    };
    tell("clock", "{\"now\":1640991000}");
    CHECK_ROWS(before);
    tell("clock", "{\"advance_ms\":1500}");
    CHECK_ROWS(accepted);
    tell("clock", "{\"advance_ms\":4000}");
    CHECK_ROWS(delivered);
    tell("config", "{\"gateway\":{\"era\":2024}}");
    CHECK_ROWS(era);
    tell("clock", "{\"advance_ms\":2591990000}");
    CHECK_ROWS(era);
    tell("clock", "{\"advance_ms\":20000}");
    CHECK_ROWS(old);
}

Test(sim_records, list_the_journal_newest_first_with_filters)
{
    static const struct row rows[] = {
        SEND("1", "to=01711111111&text=one&label=L&foreign_id=F"),
        SEND("2", "to=01722222222&text=two"),
        SEND("3", "to=01711111111&text=three&debug=1"),
        GET("all", "/api/journal/outbound",
            "[{\"id\":\"77214945866\",*},{\"id\":\"77214945865\",*}]"),
        GET("as a parameter", "/api/journal?type=outbound", "[{\"id\":\"77214945866\",*"),
        GET("undefined dates of a client",
            "/api/journal/outbound?date_from=undefined&date_to=undefined",
            "[{\"id\":\"77214945866\",*"),
        GET("by id", "/api/journal/outbound?id=77214945865",
            "[{\"id\":\"77214945865\",\"from\":\"SMS\",\"to\":\"491711111111\",\"text\":\"one\","
            "\"timestamp\":\"2021-12-31 23:50:00.*\",\"price\":\"0.0750\",\"dlr\":null,*"
            "\"type\":\"direct\",\"connection\":\"http\",\"label\":\"L\",\"foreign_id\":\"F\"}]"),
        GET("by number", "/api/journal/outbound?to=0049172-2222222",
            "[{\"id\":\"77214945866\",*}]"),
        GET("by number, none", "/api/journal/outbound?to=01799999999", "[]"),
        GET("limit", "/api/journal/outbound?limit=1",
            "[{\"id\":\"77214945866\",*\"foreign_id\":null}]"),
        GET("offset", "/api/journal/outbound?limit=1&offset=1",
            "[{\"id\":\"77214945865\",*\"foreign_id\":\"F\"}]"),
        GET("beyond", "/api/journal/outbound?offset=2", "[]"),
        GET("from today", "/api/journal/outbound?date_from=2021-12-31", "[{*},{*}]"),
        GET("from tomorrow", "/api/journal/outbound?date_from=2022-01-01", "[]"),
        GET("until today", "/api/journal/outbound?date_to=2021-12-31", "[{*},{*}]"),
        GET("until yesterday", "/api/journal/outbound?date_to=2021-12-30", "[]"),
        GET("state", "/api/journal/outbound?state=DELIVERED", "[]"),
        GET("voice", "/api/journal/voice", "[]"),
        GET("inbound", "/api/journal/inbound", "[]"),
        GET("replies", "/api/journal/replies", "[]"),
        GET("unknown type", "/api/journal/other", "600"),
    };
    static const struct row delivered[] = {
        GET("state", "/api/journal/outbound?state=delivered&limit=1",
            "[{*\"dlr\":\"DELIVERED\",\"dlr_timestamp\":\"2021-12-31 "
            "23:50:05.*\",\"mccmnc\":\"26201\","
            "\"latency\":\"5.2000\",*"),
    };
    tell("clock", "{\"now\":1640991000}");
    CHECK_ROWS(rows);
    tell("clock", "{\"advance_ms\":9000}");
    CHECK_ROWS(delivered);
}

Test(sim_records, show_nothing_without_retention_and_what_is_old_enough)
{
    static const struct row sent[] = {
        SEND("1", "to=01711111111&text=one&foreign_id=F"),
        GET("shown at once", "/api/journal/outbound", "[{*}]"),
    };
    static const struct row nothing[] = {
        GET("no retention", "/api/journal/outbound", "[]"),
        GET("no retention, by id", "/api/journal/outbound?id=77214945865", "[]"),
        GET("but the status is known", "/api/status?msg_id=77214945865", "ACCEPTED\n*"),
    };
    static const struct row young[] = {GET("too young", "/api/journal/outbound", "[]")};
    static const struct row both[] = {
        SEND("2", "to=01711111111&text=two"),
        GET("the old one", "/api/journal/outbound", "[{*\"foreign_id\":\"F\"}]"),
        GET("the young one takes no place", "/api/journal/outbound?offset=1", "[]"),
    };
    tell("clock", "{\"now\":1640991000}");
    CHECK_ROWS(sent);
    tell("config", "{\"journal\":{\"retention\":\"no\"}}");
    CHECK_ROWS(nothing);
    tell("config", "{\"journal\":{\"retention\":\"yes\",\"lag_ms\":60000}}");
    CHECK_ROWS(young);
    tell("clock", "{\"advance_ms\":60000}");
    CHECK_ROWS(both);
}

Test(sim_records, keep_the_journal_from_a_key_without_the_right)
{
    static const struct row rows[] = {
        GET("outbound", "/api/journal/outbound", "902"),
        GET("as a parameter", "/api/journal?type=outbound", "902"),
        SEND("but it may send", "to=01711111111&text=one"),
    };
    tell("config", "{\"key sim-live-key\":{\"rights\":\"sms,balance\"}}");
    CHECK_ROWS(rows);
}

Test(sim_records, keep_a_page_of_a_hundred_and_a_bounded_past)
{
    struct bh_test_http got;
    for (int message = 0; message < 130; message++) {
        char body[64];
        snprintf(body, sizeof body, "to=01711111111&text=%d", message);
        bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, body, &got);
        bh_test_http_release(&got);
    }
    bh_test_http_call(sim.port, "GET", "/api/journal/outbound?limit=1000", LIVE, NULL, &got);
    int count = 0;
    for (const char *at = got.body; (at = strstr(at, "\"id\":")) != NULL; at++)
        count++;
    cr_expect_eq(count, 100, "%d", count);
    bh_test_http_release(&got);

    struct bh_test_sim small;
    struct bh_test_sim usual = sim;
    cr_assert(bh_test_sim_start_with(&small, "[gateway]\njournal_max = 3\ncounters_max = 5\n"));
    sim = small;
    for (int message = 0; message < 20; message++) {
        char body[64];
        snprintf(body, sizeof body, "to=0171111%04d&text=%d", message, message);
        bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, body, &got);
        cr_expect_str_eq(got.body, "100");
        bh_test_http_release(&got);
    }
    static const struct row rows[] = {
        GET("the last three", "/api/journal/outbound",
            "[{\"id\":\"77214945884\",*},{\"id\":\"77214945883\",*},{\"id\":\"77214945882\",*}]"),
        GET("gone", "/api/status?msg_id=77214945881", "901"),
    };
    CHECK_ROWS(rows);
    expect_number("stats", "accepted", 20);
    expect_number("stats", "recipients_count", 5);
    expect_number("stats", "uncounted", 30);
    cr_expect_eq(bh_test_sim_stop(&small), 0);
    sim = usual;
}

Test(sim_records, take_messages_from_phones)
{
    static const struct row rows[] = {
        {"inbound",                     "POST", "/_sim/inbound", JSON,
         "{\"from\":\"491711111111\",\"to\":\"491771783130\",\"text\":\"yes\"}",                                     200,
         "{\"ok\":true,\"id\":2340100}"                                                                                                                      },
        {"nobody's",                    "POST", "/_sim/inbound", JSON, "{\"to\":\"491771783130\",\"text\":\"yes\"}",
         400,                                                                                                             "{\"error\":\"wants from and to\"}"},
        {"JSON that says it is a form", "POST", "/_sim/inbound", FORM,
         "{\"from\":\"491711111111\",\"to\":\"491771783130\",\"text\":\"yes=\"}",                                    400,
         "*Content-Type*"                                                                                                                                    },
        GET("journal", "/api/journal/inbound",
            "[{\"id\":\"2340100\",\"from\":\"491711111111\",\"to\":\"491771783130\",\"text\":"
            "\"yes\",*"),
    };
    CHECK_ROWS(rows);
}

Test(sim_records, answer_the_lookups)
{
    static const struct row rows[] = {
        GET("format", "/api/lookup?type=format&number=0171999999",
            "{\"success\":true,\"national\":\"0171999999\",\"carrier\":\"Telekom\",\"country_"
            "code\":\"49\","
            "\"country_iso\":\"DE\",\"country_name\":\"Germany\",\"international\":\"+"
            "49171999999\","
            "\"international_formatted\":\"+49 171 999999\",\"network_type\":\"mobile\"}"),
        GET("format of several", "/api/lookup?type=format&number=0171999999,0043664999",
            "[{*DE*},{*AT*}]"),
        GET("format of none", "/api/lookup?type=format&number=x",
            "{\"success\":false,\"international\":\"x\",*"),
        GET("format by path", "/api/lookup/format?number=0171999999", "[{\"success\":true,*}]"),
        GET("hlr", "/api/lookup?type=hlr&number=0171999999",
            "{\"status\":true,*\"country_prefix\":\"49\",*\"valid_number\":\"valid\",\"reachable\":"
            "\"reachable\",*"),
        GET("mnp in text", "/api/lookup?type=mnp&number=0171999999", "d1"),
        GET("mnp in json", "/api/lookup?type=mnp&number=0171999999&json=1",
            "{\"success\":true,\"code\":100,\"price\":0.005,\"mnp\":{\"country\":\"DE\",*"),
        GET("cnam", "/api/lookup?type=cnam&number=0171999999",
            "{\"success\":\"true\",\"code\":\"100\",\"number\":\"49171999999\",*"),
        GET("cnam by path", "/api/lookup/cnam?number=0171999999", "{\"success\":\"true\",*"),
        GET("unknown type", "/api/lookup?type=x&number=0171999999", "400"),
        GET("no number", "/api/lookup?type=format", "301"),
        GET("charged: hlr, mnp, cnam twice", "/api/balance", "10.465"),
        GET("pricing", "/api/pricing",
            "{\"countCountries\":6,\"countNetworks\":6,\"countries\":[{\"countryCode\":\"DE\",*"
            "\"price\":0.075,*"),
        GET("pricing of one", "/api/pricing?country=at", "{\"countCountries\":1,*\"AT\"*"),
        GET("pricing of none", "/api/pricing?country=zz",
            "{\"countCountries\":0,\"countNetworks\":0,\"countries\":[]}"),
        GET("pricing as csv", "/api/pricing?country=de&format=csv",
            "\"Country Code\";*\n\"DE\";\"Germany\";\"49\";*\"0.075\";*\n"),
        GET("analytics", "/api/analytics", "[{\"date\":\"20*\",\"sms\":0,*"),
        GET("analytics by path", "/api/analytics/country", "[{\"country\":\"DE\",*"),
        {"validate",         "POST", "/api/validate_for_voice", LIVE FORM, "number=0171999999",  200,
                                                                                   "{\"success\":true,\"code\":\"*\",\"error\":null}"     },
        {"validated",        "POST", "/api/validate_for_voice", LIVE FORM, "number=49171999999", 200,
                                                                                   "{\"id\":*,\"sender\":\"49171999999\",*\"voice\":true}"},
        {"validate nothing", "POST", "/api/validate_for_voice", LIVE FORM, "number=x",           200,
                                                                                   "{\"id\":null,\"sender\":\"x\",\"formatted_output\":null,\"success\":false,*\"voice\":"
         "false}"                                                                                                                         },
    };
    CHECK_ROWS(rows);
}

Test(sim_records, keep_the_address_book_in_both_generations)
{
    static const struct row rows[] = {
        GET("csv", "/api/contacts?action=read", "\"1\";\"Anna\";\"01711111111\"\n"),
        GET("json", "/api/contacts?action=read&json=1",
            "[{\"ID\":\"1\",\"Name\":\"Anna\",\"Number\":\"01711111111\"}]"),
        {"write",         "GET",    "/api/contacts?action=write&nick=Bob&empfaenger=01733333333",    LIVE,             NULL,
           200,                                                                                                                                                           "152\n2"                                        },
        {"used",          "POST",   "/api/sms",                                                      LIVE FORM ACCEPT, "to=Bob&text=x",                            200,
           "*\"recipient\":\"491733333333\"*"                                                                                                                                                                             },
        {"change",        "GET",    "/api/contacts?action=write&id=2&empfaenger=01744444444&json=1", LIVE,
           NULL,                                                                                                                                                     200, "{\"return\":\"152\",\"id\":\"2\"}"             },
        {"used again",    "POST",   "/api/sms",                                                      LIVE FORM ACCEPT, "to=bob&text=x",                            200,
           "*\"recipient\":\"491744444444\"*"                                                                                                                                                                             },
        {"change nobody", "GET",    "/api/contacts?action=write&id=9&nick=x",                        LIVE,             NULL,                                       200, "151"                                           },
        {"delete",        "POST",   "/api/contacts?action=del&id=2",                                 LIVE,             NULL,                                       200, "152"                                           },
        {"delete again",  "POST",   "/api/contacts?action=del&id=2",                                 LIVE,             NULL,                                       200, "151"                                           },
        {"gone",          "POST",   "/api/sms",                                                      LIVE FORM,        "to=Bob&text=x",                            200, "202"                                           },
        GET("list", "/api/contacts",
            "{\"pagingMetadata\":{*\"total\":1,*},\"data\":[{\"id\":1,*\"Anna\"*"),
        {"create",        "POST",   "/api/contacts",                                                 LIVE FORM,        "firstname=Cora&mobile_number=01755555555",
           200,                                                                                                                                                           "{\"id\":3,*\"mobile_number\":\"01755555555\",*"},
        GET("one", "/api/contacts/3", "{\"id\":3,*\"fullname\":\"Cora\",*"),
        {"patch",         "PATCH",  "/api/contacts/3",                                               LIVE FORM,        "firstname=Dora",                           200,
           "{\"id\":3,*\"fullname\":\"Dora\",*"                                                                                                                                                                           },
        {"unknown",       "GET",    "/api/contacts/7",                                               LIVE,             NULL,                                       404, "{\"success\":false}"                           },
        {"remove",        "DELETE", "/api/contacts/3",                                               LIVE,             NULL,                                       200, "{\"success\":true}"                            },
        {"remove again",  "DELETE", "/api/contacts/3",                                               LIVE,             NULL,                                       200, "{\"success\":false}"                           },
        GET("groups", "/api/groups", "[{\"id\":1,\"name\":\"All\",\"members_count\":2,*}]"),
        GET("group", "/api/groups/1", "{\"id\":1,\"name\":\"All\",*"),
        {"new group",     "POST",   "/api/groups",                                                   LIVE JSON,        "{\"name\":\"New\"}",                       200,
           "{\"id\":2,\"name\":\"New\",\"members_count\":0,*"                                                                                                                                                             },
        {"rename",        "PATCH",  "/api/groups/2",                                                 LIVE JSON,        "{\"name\":\"Old\"}",                       200,
           "{\"id\":2,\"name\":\"Old\",*"                                                                                                                                                                                 },
        {"drop",          "DELETE", "/api/groups/2?delete_contacts=false",                           LIVE,             NULL,                                       200,
           "{\"success\":true}"                                                                                                                                                                                           },
        {"unknown group", "GET",    "/api/groups/2",                                                 LIVE,             NULL,                                       404, "{\"success\":false}"                           },
    };
    CHECK_ROWS(rows);
}

Test(sim_records, show_the_balance_by_accept_header_in_the_newest_era_only)
{
    static const struct row old[] = {
        {"text", "GET", "/api/balance", LIVE ACCEPT, NULL, 200, "10.5"}
    };
    static const struct row now[] = {
        {"object", "GET", "/api/balance", LIVE ACCEPT, NULL, 200,
         "{\"amount\":10.5,\"currency\":\"EUR\"}"},
        GET("text", "/api/balance", "10.5"),
    };
    CHECK_ROWS(old);
    tell("config", "{\"gateway\":{\"era\":2024}}");
    CHECK_ROWS(now);
}
