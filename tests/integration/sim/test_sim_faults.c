#include "sim_test.h"

#include <sys/socket.h>
#include <unistd.h>

static void
start_usual(void)
{
    start(NULL);
}

TestSuite(sim_faults, .init = start_usual, .fini = stop);

/* What a client sees of one faulty request, and whether it was accepted all the same. */
struct fault_row {
    const char *name, *fault;
    enum bh_test_http_end end;
    int status;
    const char *body; /* pattern */
    bool accepted;
};

static void
check_fault(const struct fault_row *row, size_t number)
{
    char body[128], query[128];
    struct bh_test_http got;
    snprintf(body, sizeof body, "to=01719999999&text=row%zu", number);
    snprintf(query, sizeof query, "stats?to=01719999999&text=row%zu", number);
    tell("fault", row->fault);
    bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM ACCEPT, body, &got);
    cr_expect_eq(got.end, row->end, "%s: %s", row->name, bh_test_http_end_name(got.end));
    cr_expect_eq(got.status, row->status, "%s: %d", row->name, got.status);
    cr_expect(bh_test_matches(row->body, got.body), "%s: %s", row->name, got.body);
    cr_expect_eq(bh_test_sim_number(&sim, query, "count"), row->accepted ? 1 : 0,
                 "%s: accepted wrongly", row->name);
    bh_test_http_release(&got);
    tell("unfault", "{}");
}

Test(sim_faults, break_what_they_say_and_count_what_was_accepted)
{
    static const struct fault_row rows[] = {
        {"no fault",                             "{\"kind\":\"delay\",\"ms\":1}",                                   BH_TEST_HTTP_WHOLE,    200,
         "{\"success\":\"100\"*",                                                                                                                                                        true },
        {"rst before reading",                   "{\"kind\":\"drop\",\"at\":\"connect\",\"end\":\"rst\"}",
         BH_TEST_HTTP_RESET,                                                                                                               0,   "",                                      false},
        {"fin after the head",                   "{\"kind\":\"drop\",\"at\":\"head\"}",                             BH_TEST_HTTP_CLOSED,   0,   "",
         false                                                                                                                                                                                },
        {"rst after the head",                   "{\"kind\":\"drop\",\"at\":\"head\",\"end\":\"rst\"}",
         BH_TEST_HTTP_RESET,                                                                                                               0,   "",                                      false},
        {"fin in the body",                      "{\"kind\":\"drop\",\"at\":\"body\",\"bytes\":5}",                 BH_TEST_HTTP_CLOSED,
         0,                                                                                                                                     "",                                      false},
        {"rst in the body",                      "{\"kind\":\"drop\",\"at\":\"body\",\"bytes\":5,\"end\":\"rst\"}",
         BH_TEST_HTTP_RESET,                                                                                                               0,   "",                                      false},
        {"fin before accepting",                 "{\"kind\":\"drop\",\"at\":\"before\"}",                           BH_TEST_HTTP_CLOSED,   0,
         "",                                                                                                                                                                             false},
        {"rst before accepting",                 "{\"kind\":\"drop\",\"at\":\"before\",\"end\":\"rst\"}",
         BH_TEST_HTTP_RESET,                                                                                                               0,   "",                                      false},
        {"fin after accepting",                  "{\"kind\":\"drop\",\"at\":\"after\"}",                            BH_TEST_HTTP_CLOSED,   0,   "",
         true                                                                                                                                                                                 },
        {"rst after accepting",                  "{\"kind\":\"drop\",\"at\":\"after\",\"end\":\"rst\"}",
         BH_TEST_HTTP_RESET,                                                                                                               0,   "",                                      true },
        {"code",                                 "{\"kind\":\"code\",\"code\":600}",                                BH_TEST_HTTP_WHOLE,    200, "600",                                   false},
        {"code after accepting",                 "{\"kind\":\"code\",\"code\":700,\"at\":\"after\"}",
         BH_TEST_HTTP_WHOLE,                                                                                                               200, "700",                                   true },
        {"two-digit code",                       "{\"kind\":\"code\",\"code\":11}",                                 BH_TEST_HTTP_WHOLE,    200, "11",                                    false},
        {"code of one recipient",
         "{\"kind\":\"code\",\"code\":403,\"recipient\":\"+491719999999\"}",                                        BH_TEST_HTTP_WHOLE,
         200,                                                                                                                                   "{\"success\":\"403\",*\"error\":403,*", false},
        {"code of another recipient",
         "{\"kind\":\"code\",\"code\":403,\"recipient\":\"+491718888888\"}",                                        BH_TEST_HTTP_WHOLE,
         200,                                                                                                                                   "{\"success\":\"100\"*",                 true },
        {"429",                                  "{\"kind\":\"429\",\"retry_after\":7}",                            BH_TEST_HTTP_WHOLE,    429, "*",                                     false},
        {"503",                                  "{\"kind\":\"503\"}",                                              BH_TEST_HTTP_WHOLE,    503, "*",                                     false},
        {"502 before",                           "{\"kind\":\"status\",\"status\":502,\"body\":\"oops\"}",          BH_TEST_HTTP_WHOLE,
         502,                                                                                                                                   "oops",                                  false},
        {"504 after",                            "{\"kind\":\"status\",\"status\":504,\"at\":\"after\"}",           BH_TEST_HTTP_WHOLE,
         504,                                                                                                                                   "*",                                     true },
        {"redirect",                             "{\"kind\":\"redirect\",\"location\":\"/x\"}",                     BH_TEST_HTTP_WHOLE,    307, "",
         false                                                                                                                                                                                },
        {"cut head",                             "{\"kind\":\"cut_head\"}",                                         BH_TEST_HTTP_CUT_HEAD, 0,   "",                                      true },
        {"cut status line",                      "{\"kind\":\"cut_head\",\"bytes\":11}",                            BH_TEST_HTTP_CUT_HEAD, 0,   "",
         true                                                                                                                                                                                 },
        {"cut to nothing",                       "{\"kind\":\"cut_head\",\"bytes\":0}",                             BH_TEST_HTTP_CLOSED,   0,   "",                                      true },
        {"cut head, nothing accepted",           "{\"kind\":\"cut_head\",\"at\":\"before\"}",
         BH_TEST_HTTP_CUT_HEAD,                                                                                                            0,   "",                                      false},
        {"cut head by rst",                      "{\"kind\":\"cut_head\",\"bytes\":0,\"end\":\"rst\"}",
         BH_TEST_HTTP_RESET,                                                                                                               0,   "",                                      true },
        {"cut body",                             "{\"kind\":\"cut_body\"}",                                         BH_TEST_HTTP_CUT_BODY, 200, "{\"success\":\"100\"*",
         true                                                                                                                                                                                 },
        {"cut body of known length",             "{\"kind\":\"cut_body\",\"framing\":\"length\",\"bytes\":9}",
         BH_TEST_HTTP_CUT_BODY,                                                                                                            200, "{\"success",                            true },
        {"cut body without framing looks whole",
         "{\"kind\":\"cut_body\",\"framing\":\"close\",\"bytes\":9}",                                               BH_TEST_HTTP_WHOLE,    200,
         "{\"success",                                                                                                                                                                   true },
        {"bad chunk",                            "{\"kind\":\"bad_chunk\"}",                                        BH_TEST_HTTP_GARBAGE,  200, "",                                      true },
        {"garbage",                              "{\"kind\":\"garbage\"}",                                          BH_TEST_HTTP_GARBAGE,  0,   "",                                      true },
        {"100 continue, then fin",               "{\"kind\":\"continue\"}",                                         BH_TEST_HTTP_CUT_HEAD, 0,   "",                                      true },
        {"endless",                              "{\"kind\":\"endless\"}",                                          BH_TEST_HTTP_TOO_LONG, 200, "xxx*",                                  true },
        {"drip",                                 "{\"kind\":\"drip\",\"ms\":1}",                                    BH_TEST_HTTP_WHOLE,    200, "{\"success\":\"100\"*",
         true                                                                                                                                                                                 },
        {"empty",                                "{\"kind\":\"empty\"}",                                            BH_TEST_HTTP_WHOLE,    200, "",                                      true },
        {"empty of known length",                "{\"kind\":\"empty\",\"framing\":\"length\"}",                     BH_TEST_HTTP_WHOLE,
         200,                                                                                                                                   "",                                      true },
        {"unparsable",                           "{\"kind\":\"unparsable\"}",                                       BH_TEST_HTTP_WHOLE,    200,
         "{\"success\":\"100\",\"messages\":[{\"id\":",                                                                                                                                  true },
        {"own body",                             "{\"kind\":\"unparsable\",\"body\":\"<html>\"}",                   BH_TEST_HTTP_WHOLE,    200,
         "<html>",                                                                                                                                                                       true },
        {"bare code",                            "{\"kind\":\"bare_code\"}",                                        BH_TEST_HTTP_WHOLE,    200, "100",                                   true },
        {"quoted code",                          "{\"kind\":\"quoted_code\"}",                                      BH_TEST_HTTP_WHOLE,    200, "\"100\"",                               true },
        {"delay before",                         "{\"kind\":\"delay\",\"ms\":5,\"at\":\"before\"}",                 BH_TEST_HTTP_WHOLE,    200,
         "{\"success\":\"100\"*",                                                                                                                                                        true },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++)
        check_fault(&rows[at], at);
    expect_number("stats", "in_flight", 0);
}

/* What a client sees of a close before reading is up to whether its request was there already. */
Test(sim_faults, close_before_reading)
{
    struct bh_test_http got;
    tell("fault", "{\"kind\":\"drop\",\"at\":\"connect\"}");
    bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM ACCEPT, "to=01719999999&text=unread",
                      &got);
    cr_expect(got.end == BH_TEST_HTTP_CLOSED || got.end == BH_TEST_HTTP_RESET, "%s",
              bh_test_http_end_name(got.end));
    cr_expect_eq(got.status, 0);
    bh_test_http_release(&got);
    tell("unfault", "{}");
    cr_expect_eq(bh_test_sim_number(&sim, "stats?to=01719999999&text=unread", "count"), 0);
}

Test(sim_faults, hang_without_an_answer)
{
    static const struct {
        const char *fault;
        int accepted;
    } rows[] = {
        {"{\"kind\":\"hang\",\"at\":\"connect\"}", 0},
        {"{\"kind\":\"hang\",\"at\":\"head\"}",    0},
        {"{\"kind\":\"hang\",\"at\":\"body\"}",    0},
        {"{\"kind\":\"hang\",\"at\":\"before\"}",  0},
        {"{\"kind\":\"hang\",\"at\":\"after\"}",   1},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_test_http got;
        char body[64], query[64];
        snprintf(body, sizeof body, "to=01719999999&text=h%zu", at);
        snprintf(query, sizeof query, "stats?to=01719999999&text=h%zu", at);
        tell("fault", rows[at].fault);
        int fd = bh_test_http_connect(sim.port, 150);
        bh_test_http_call_on(fd, "POST", "/api/sms", LIVE FORM, body, &got);
        cr_expect_eq(got.end, BH_TEST_HTTP_SILENT, "%s: %s", rows[at].fault,
                     bh_test_http_end_name(got.end));
        close(fd);
        expect_number(query, "count", rows[at].accepted);
        bh_test_http_release(&got);
    }
    /* The hanging ones that read are gone once their clients are; the unread one notices nothing. */
    for (int tries = 0; tries < 500 && bh_test_sim_number(&sim, "stats", "open") > 2; tries++)
        nap_ms(1);
    expect_number("stats", "in_flight", 0);
}

Test(sim_faults, carry_their_headers)
{
    struct bh_test_http got;
    tell("fault", "{\"kind\":\"429\",\"retry_after\":7}");
    tell("fault", "{\"kind\":\"redirect\",\"location\":\"/x\"}");
    bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &got);
    cr_expect_str_eq(bh_test_http_header(&got, "Retry-After"), "7");
    bh_test_http_release(&got);
    bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &got);
    cr_expect_str_eq(bh_test_http_header(&got, "Location"), "/x");
    bh_test_http_release(&got);
}

#define SEND(name, body, wanted)                                                                   \
    {                                                                                              \
        name, "POST", "/api/sms", LIVE FORM, body, 200, wanted                                     \
    }

Test(sim_faults, match_by_path_text_recipient_and_id)
{
    static const struct row rows[] = {
        {"other path", "GET", "/api/balance",                                  LIVE, NULL, 200, "1000000.5"},
        SEND("other text", "to=01711111111&text=a", "100"),
        SEND("part of the text", "to=01711111111&text=a+special+one", "600"),
        SEND("recipient in another form", "to=00491722222222&text=b", "700"),
        SEND("recipient among others", "to=01713333333,%2B491722222222&text=c", "700"),
        SEND("other recipient", "to=01713333333&text=c", "100"),
        SEND("foreign id", "to=01711111111&text=d&foreign_id=job-9", "11"),
        SEND("foreign id exactly", "to=01711111111&text=e&foreign_id=job-99", "100"),
        {"method",     "GET", "/api/sms?to=01711111111&text=f&p=sim-live-key", NULL, NULL, 200, "403"      },
    };
    tell("fault", "{\"kind\":\"code\",\"code\":600,\"count\":-1,\"match\":{\"path\":\"/api/"
                  "sms\",\"text\":\"special\"}}");
    tell("fault",
         "{\"kind\":\"code\",\"code\":700,\"count\":-1,\"match\":{\"to\":\"0172 2222222\"}}");
    tell("fault",
         "{\"kind\":\"code\",\"code\":11,\"count\":-1,\"match\":{\"foreign_id\":\"job-9\"}}");
    tell("fault", "{\"kind\":\"code\",\"code\":403,\"count\":-1,\"match\":{\"method\":\"GET\","
                  "\"path\":\"/api/sms\"}}");
    CHECK_ROWS(rows);
}

Test(sim_faults, count_their_matches)
{
    static const char wanted[] = "..66.6.6..";
    char got[16] = "";
    /* The third and fourth, then (of what is left) every second from the sixth on, twice. */
    tell("fault", "{\"kind\":\"code\",\"code\":600,\"count\":2,\"match\":{\"nth\":3}}");
    tell("fault", "{\"kind\":\"code\",\"code\":600,\"count\":2,\"match\":{\"nth\":4,\"every\":2}}");
    for (int request = 0; request < 10; request++) {
        struct bh_test_http answer;
        char body[64];
        snprintf(body, sizeof body, "to=01711111111&text=%d", request);
        bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, body, &answer);
        append(got, sizeof got, strcmp(answer.body, "600") == 0 ? "6" : ".");
        bh_test_http_release(&answer);
    }
    cr_expect_str_eq(got, wanted);
    static const struct row rows[] = {
        {"list", "GET", "/_sim/faults", NULL, NULL, 200,
         "[{\"id\":1,\"kind\":\"code\",\"at\":\"before\",\"left\":0,\"seen\":10,\"hits\":2},"
         "{\"id\":2,\"kind\":\"code\",\"at\":\"before\",\"left\":0,*"},
    };
    CHECK_ROWS(rows);
    tell("unfault", "{\"id\":1}");
    static const struct row one[] = {
        {"list", "GET", "/_sim/faults", NULL, NULL, 200, "[{\"id\":2,*}]"}
    };
    CHECK_ROWS(one);
}

Test(sim_faults, throw_seeded_dice)
{
    int failed = 0;
    tell("fault", "{\"kind\":\"code\",\"code\":600,\"count\":-1,\"probability\":0.3}");
    for (int request = 0; request < 300; request++) {
        struct bh_test_http got;
        char body[64];
        snprintf(body, sizeof body, "to=01711111111&text=%d", request);
        bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, body, &got);
        failed += strcmp(got.body, "600") == 0 ? 1 : 0;
        bh_test_http_release(&got);
    }
    /* Seeded, so always the same; the bounds say what a fair seed may give. */
    cr_expect(failed > 60 && failed < 120, "%d of 300", failed);
    expect_number("stats", "accepted", 300 - failed);
}

Test(sim_faults, fall_the_same_with_the_same_seed)
{
    char got[3][41] = {"", "", ""};
    static const char *const seeds[] = {"5", "6", "5"};
    tell("fault", "{\"kind\":\"code\",\"code\":600,\"count\":-1,\"probability\":0.5}");
    for (int round = 0; round < 3; round++) {
        char json[64];
        snprintf(json, sizeof json, "{\"gateway\":{\"dice\":%s}}", seeds[round]);
        tell("config", json);
        for (int request = 0; request < 40; request++) {
            struct bh_test_http answer;
            bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &answer);
            append(got[round], sizeof got[round], strcmp(answer.body, "600") == 0 ? "6" : ".");
            bh_test_http_release(&answer);
        }
    }
    cr_expect_str_eq(got[0], got[2]);
    cr_expect_str_neq(got[0], got[1]);
}

Test(sim_faults, hit_the_second_request_of_a_connection)
{
    struct bh_test_http got;
    tell("fault",
         "{\"kind\":\"drop\",\"at\":\"after\",\"count\":-1,\"match\":{\"connection_request\":2}}");
    int fd = bh_test_http_connect(sim.port, 10000);
    bh_test_http_call_on(fd, "POST", "/api/sms", LIVE FORM, "to=01711111111&text=1", &got);
    cr_expect_str_eq(got.body, "100");
    bh_test_http_release(&got);
    bh_test_http_call_on(fd, "POST", "/api/sms", LIVE FORM, "to=01711111111&text=2", &got);
    cr_expect_eq(got.end, BH_TEST_HTTP_CLOSED);
    bh_test_http_release(&got);
    close(fd);
    static const struct row told[] = {
        {"told apart", "GET", "/_sim/stats", NULL, NULL, 200, "*\"POST \\/api\\/sms dropped\":1*"}
    };
    CHECK_ROWS(told);
    expect_number("stats", "accepted", 2);
}

Test(sim_faults, close_an_idle_connection_behind_a_good_answer)
{
    static const struct {
        const char *fault;
        char end;
    } rows[] = {
        {"{\"kind\":\"close_idle\"}",                 'F'},
        {"{\"kind\":\"close_idle\",\"ms\":20}",       'F'},
        {"{\"kind\":\"close_idle\",\"end\":\"rst\"}", 'R'},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_test_http got;
        tell("fault", rows[at].fault);
        int fd = bh_test_http_connect(sim.port, 10000);
        bh_test_http_call_on(fd, "GET", "/api/balance", LIVE, NULL, &got);
        cr_expect_eq(got.status, 200);
        cr_expect_not(got.close_announced);
        cr_expect_eq(bh_test_http_wait_end(fd), rows[at].end, "%s", rows[at].fault);
        bh_test_http_release(&got);
        close(fd);
    }
}

Test(sim_faults, answer_twice)
{
    struct bh_test_http got;
    tell("fault", "{\"kind\":\"duplicate\"}");
    int fd = bh_test_http_connect(sim.port, 10000);
    bh_test_http_call_on(fd, "POST", "/api/sms", LIVE FORM, "to=01711111111&text=1", &got);
    cr_expect_str_eq(got.body, "100");
    bh_test_http_release(&got);
    bh_test_http_read(fd, &got);
    cr_expect_str_eq(got.body, "100");
    bh_test_http_release(&got);
    close(fd);
    expect_number("stats", "accepted", 1);
}

static long long
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

Test(sim_faults, delay_before_or_after_accepting_and_add_up)
{
    struct bh_test_http got;
    tell("fault", "{\"kind\":\"delay\",\"ms\":60,\"at\":\"before\"}");
    tell("fault", "{\"kind\":\"delay\",\"ms\":70}");
    tell("fault", "{\"kind\":\"code\",\"code\":600}");
    long long before = now_ms();
    bh_test_http_call(sim.port, "POST", "/api/sms", LIVE FORM, "to=01711111111&text=1", &got);
    cr_expect_geq(now_ms() - before, 130);
    cr_expect_str_eq(got.body, "600");
    bh_test_http_release(&got);

    tell("fault", "{\"kind\":\"delay\",\"ms\":20000,\"at\":\"before\"}");
    int fd = bh_test_http_connect(sim.port, 100);
    bh_test_http_call_on(fd, "POST", "/api/sms", LIVE FORM, "to=01711111111&text=2", &got);
    cr_expect_eq(got.end, BH_TEST_HTTP_SILENT);
    expect_number("stats", "accepted", 0);
    expect_number("stats", "in_flight", 1);
    bh_test_http_release(&got);
    close(fd);
}

Test(sim_faults, accept_what_a_client_has_given_up)
{
    static const struct linger now = {.l_onoff = 1, .l_linger = 0};
    static const char request[] = "POST /api/sms HTTP/1.1\r\nHost: x\r\n" LIVE FORM
                                  "Content-Length: 21\r\n\r\nto=01711111111&text=%d";
    tell("fault", "{\"kind\":\"delay\",\"ms\":100,\"at\":\"before\",\"count\":-1}");
    for (int by_reset = 0; by_reset < 2; by_reset++) {
        char bytes[512];
        int fd = bh_test_http_connect(sim.port, 10000);
        int len = snprintf(bytes, sizeof bytes, request, by_reset);
        cr_assert(bh_test_http_send(fd, bytes, (size_t)len));
        for (int tries = 0;
             tries < 5000 && bh_test_sim_number(&sim, "stats", "requests") <= by_reset; tries++)
            nap_ms(1);
        if (by_reset != 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fd);
        for (int tries = 0; tries < 5000 && bh_test_sim_number(&sim, "stats", "in_flight") > 0;
             tries++)
            nap_ms(1);
        expect_number("stats", "accepted", by_reset + 1);
    }
}

Test(sim_faults, are_refused_when_they_make_no_sense)
{
    static const struct row rows[] = {
        {"no kind",                   "POST", "/_sim/fault",   JSON, "{}",                                        400, "{\"error\":\"kind *"},
        {"unknown kind",              "POST", "/_sim/fault",   JSON, "{\"kind\":\"explode\"}",                    400, "*kind*"             },
        {"none",                      "POST", "/_sim/fault",   JSON, "{\"kind\":\"none\"}",                       400, "*kind*"             },
        {"unknown moment",            "POST", "/_sim/fault",   JSON, "{\"kind\":\"drop\",\"at\":\"never\"}",      400,
         "*at *"                                                                                                                            },
        {"answer before the request", "POST", "/_sim/fault",   JSON,
         "{\"kind\":\"code\",\"at\":\"head\"}",                                                                   400, "*at *"              },
        {"bad end",                   "POST", "/_sim/fault",   JSON, "{\"kind\":\"drop\",\"end\":\"boom\"}",      400,
         "*end *"                                                                                                                           },
        {"bad framing",               "POST", "/_sim/fault",   JSON, "{\"kind\":\"drop\",\"framing\":\"boom\"}",
         400,                                                                                                          "*framing *"         },
        {"probability",               "POST", "/_sim/fault",   JSON, "{\"kind\":\"drop\",\"probability\":1.5}",   400,
         "*probability*"                                                                                                                    },
        {"status",                    "POST", "/_sim/fault",   JSON, "{\"kind\":\"status\",\"status\":99}",       400,
         "*status*"                                                                                                                         },
        {"code",                      "POST", "/_sim/fault",   JSON, "{\"kind\":\"code\",\"code\":1000}",         400, "*code*"             },
        {"nth",                       "POST", "/_sim/fault",   JSON, "{\"kind\":\"code\",\"match\":{\"nth\":0}}", 400,
         "*nth*"                                                                                                                            },
        {"no json",                   "POST", "/_sim/fault",   JSON, "{",                                         400, "*JSON*"             },
        {"other method",              "GET",  "/_sim/fault",   NULL, NULL,                                        405, "*"                  },
        {"unfault unknown",           "POST", "/_sim/unfault", JSON, "{\"id\":7}",                                400, "*"                  },
        {"none was made",             "GET",  "/_sim/faults",  NULL, NULL,                                        200, "[]"                 },
    };
    CHECK_ROWS(rows);
}
