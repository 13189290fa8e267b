#include "sim_test.h"

static void
start_usual(void)
{
    start("[account]\nbalance = 45.678\n[contacts]\nAnna = 01711111111\n[groups]\nAll = Anna\n"
          "[reports]\nvoice_plan = initiated@0,ringing@1,in-progress@3,completed@11\n");
}

TestSuite(sim_voice, .init = start_usual, .fini = stop);

#define CALL(name, body, wanted)                                                                   \
    {                                                                                              \
        name, "POST", "/api/voice", LIVE FORM, body, 200, wanted                                   \
    }

Test(sim_voice, answers_in_three_lines_or_json)
{
    static const struct row rows[] = {
        CALL("plain", "to=01719999999&text=Hello", "100\n1038704\n0.1"),
        {"query",   "GET",  "/api/voice?p=sim-live-key&to=01719999999&text=Hello", NULL,         NULL,                        200,
                                                                     "100\n1038705\n0.1"},
        CALL("contact", "to=Anna&text=Hello", "100\n1038706\n0.1"),
        CALL("debug", "to=01719999999&text=Hello&debug=1", "100\n123456789\n0"),
        {"sandbox", "POST", "/api/voice",                                          SANDBOX FORM, "to=01719999999&text=Hello", 200,
                                                                     "100\n123456789\n0"},
        CALL("json", "json=1&to=01719999999&text=%C3%A4&from=491771783131",
             "{\"success\":\"100\",\"total_price\":0.1,\"balance\":45.678,\"debug\":false,"
             "\"messages\":["
             "{\"id\":\"1038707\",\"sender\":\"491771783131\",\"recipient\":\"491719999999\","
             "\"text\":\"\\u00e4\",\"price\":0.1,\"success\":true,\"error\":null,\"error_text\":"
             "null}]}"),
        CALL("json debug", "json=1&debug=1&to=01719999999&text=x",
             "{\"success\":\"100\",\"total_price\":0,\"balance\":45.678,\"debug\":true,"
             "\"messages\":["
             "{\"id\":\"123456789\",\"sender\":\"491771783130\",*\"price\":0,*"),
        CALL("the same again is no lock", "to=01719999999&text=Hello", "100\n1038708\n0.1"),
    };
    static const struct row later[] = {
        CALL("id as a number", "json=1&to=01719999999&text=x", "*{\"id\":1038709,*"),
        CALL("one recipient only", "to=01719999999,01718888888&text=x", "202"),
    };
    static const struct row latest[] = {
        CALL("several recipients", "json=1&to=01719999999,01718888888&text=x",
             "{\"success\":\"100\",\"total_price\":0.2,*\"id\":1038710,*\"id\":1038711,*"),
    };
    CHECK_ROWS(rows);
    tell("config", "{\"gateway\":{\"era\":2023}}");
    CHECK_ROWS(later);
    tell("config", "{\"gateway\":{\"era\":2024}}");
    CHECK_ROWS(latest);
    expect_number("stats", "voice", 8);
    expect_number("stats", "debug", 3);
}

Test(sim_voice, refuses_with_the_table_of_codes)
{
    char long_text[11000];
    snprintf(long_text, sizeof long_text, "to=01719999999&text=%010001d", 1);
    const struct row rows[] = {
        CALL("to missing", "text=x", "301"),
        CALL("text missing", "to=01719999999", "305"),
        CALL("text too long", long_text, "401"),
        CALL("no number", "to=12&text=x", "202"),
        CALL("groups cannot be called", "to=All&text=x", "202"),
        CALL("sender too long", "to=01719999999&text=x&from=12345678901234567", "201"),
        {"wrong key", "POST", "/api/voice", FORM, "to=01719999999&text=x", 200, "900"},
        CALL("json", "json=1&to=12&text=x",
             "{\"success\":\"202\",*\"id\":null,*\"recipient\":null,*\"error\":202,*"),
    };
    static const struct row lines[] = {
        CALL("to missing, in lines", "text=x", "301\n\n0.1"),
        CALL("no number, in lines", "to=12&text=x", "202\n\n0.1"),
    };
    static const struct row broke[] = {CALL("no credit", "to=01719999999&text=x", "500")};
    CHECK_ROWS(rows);
    tell("config", "{\"gateway\":{\"voice_failure\":\"lines\"}}");
    CHECK_ROWS(lines);
    tell("config", "{\"gateway\":{\"voice_failure\":\"bare\"},\"account\":{\"balance\":0.09}}");
    CHECK_ROWS(broke);
    expect_number("stats", "accepted", 0);
}

Test(sim_voice, charges_a_call_by_its_duration_when_it_is_over)
{
    static const struct row rows[] = {
        CALL("call", "to=01719999999&text=Hello&xml=1", "100\n1038704\n0.1"),
        {"begins", "GET", "/api/journal/voice", LIVE, NULL, 200,
                                                                          "[{\"id\":\"1038704\",*\"price\":\"0\",\"xml\":true,\"duration\":\"0\",\"status\":"
         "\"initiated\",*"},
    };
    static const struct row over[] = {
        {"is over", "GET", "/api/journal/voice", LIVE, NULL, 200,
         "[{*\"price\":\"0.045\",\"xml\":true,\"duration\":\"8\",\"status\":\"completed\",*"},
    };
    CHECK_ROWS(rows);
    expect_number("stats", "balance", 45);
    tell("clock", "{\"advance_ms\":12000}");
    /* The charge is made by a timer; the journal alone knows at once. */
    for (int tries = 0; tries < 500 && bh_test_sim_number(&sim, "stats", "pending") > 0; tries++)
        nap_ms(1);
    CHECK_ROWS(over);
    static const struct row balance[] = {
        {"charged", "GET", "/api/balance", LIVE, NULL, 200, "45.633"}
    };
    CHECK_ROWS(balance);
}

Test(sim_voice, hangs_up_calls_in_progress_only)
{
    static const struct row rows[] = {
        CALL("call", "to=01719999999&text=Hello", "100\n1038704\n0.1"),
        {"too early",     "POST", "/api/voice/1038704/hangup", LIVE, NULL, 200,
                                                                    "{\"success\":false,\"error\":\"*"                                                           },
        {"unknown",       "POST", "/api/voice/1/hangup",       LIVE, NULL, 200,
                                                                    "{\"success\":false,\"error\":\"*"                                                           },
        {"no number",     "POST", "/api/voice/x/hangup",       LIVE, NULL, 200, "{\"success\":false,*"},
        {"no such thing", "POST", "/api/voice/1038704/hold",   LIVE, NULL, 404, "*"                   },
        {"no key",        "POST", "/api/voice/1038704/hangup", NULL, NULL, 200, "900"                 },
    };
    static const struct row running[] = {
        {"in progress", "POST", "/api/voice/1038704/hangup", LIVE, NULL, 200,
         "{\"success\":true,\"error\":null}"                                                        },
        {"journal",     "GET",  "/api/journal/voice",        LIVE, NULL, 200,
         "[{*\"duration\":\"2\",\"status\":\"completed\",*"                                         },
        {"again",       "POST", "/api/voice/1038704/hangup", LIVE, NULL, 200, "{\"success\":false,*"},
    };
    CHECK_ROWS(rows);
    tell("clock", "{\"advance_ms\":4500}");
    CHECK_ROWS(running);
}
