#include "sim_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TEXT_MAX 8192

/* A receiver of webhooks in this process: it accepts one request at a time. */
static int receiver;
static int receiver_port;

struct received {
    char head[TEXT_MAX];
    char body[TEXT_MAX];
};

static void
open_receiver(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    struct timeval timeout = {.tv_sec = 20};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(receiver, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(receiver, 64), 0);
    getsockname(receiver, (struct sockaddr *)&address, &len);
    setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    receiver_port = ntohs(address.sin_port);
}

static void
start_usual(void)
{
    start("[reports]\nplan = TRANSMITTED@0.01,DELIVERED@0.03\n"
          "voice_plan = initiated@0,ringing@0.02,in-progress@0.03,completed@2.04\n");
    open_receiver();
}

static void
stop_all(void)
{
    close(receiver);
    stop();
}

TestSuite(sim_hooks, .init = start_usual, .fini = stop_all);

/* Wait for the next webhook and answer it; status 0 closes without an answer. */
static void
receive(int status, struct received *ret_received)
{
    size_t len = 0, body_len = 0;
    *ret_received = (struct received){{0}, {0}};
    int fd = accept(receiver, NULL, NULL);
    cr_assert_geq(fd, 0, "no webhook came");
    while (strstr(ret_received->head, "\r\n\r\n") == NULL && len + 1 < TEXT_MAX)
        if (recv(fd, ret_received->head + len++, 1, 0) != 1)
            break;
    const char *length = strstr(ret_received->head, "Content-Length: ");
    size_t wanted = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    while (body_len < wanted && recv(fd, ret_received->body + body_len, 1, 0) == 1)
        body_len++;
    if (status != 0) {
        char answer[128];
        snprintf(answer, sizeof answer, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status);
        bh_test_http_send(fd, answer, strlen(answer));
    }
    close(fd);
}

/* Nothing else is on its way: the simulator's own queue is empty. */
static void
expect_no_more(void)
{
    for (int tries = 0; tries < 5000 && bh_test_sim_number(&sim, "stats", "pending") > 0; tries++)
        nap_ms(1);
    expect_number("stats", "pending", 0);
}

static void
subscribe(const char *event, const char *method, const char *extra)
{
    char body[512];
    struct row row = {"subscribe",
                      "POST",
                      "/api/hooks",
                      LIVE FORM,
                      body,
                      200,
                      "{\"success\":true,\"code\":null,\"id\":*}"};
    snprintf(body, sizeof body,
             "action=subscribe&target_url=http%%3A%%2F%%2F127.0.0.1%%3A%d%%2Fhook%%3Fa%%3Db&event_"
             "type=%s"
             "&request_method=%s%s",
             receiver_port, event, method, extra);
    check_row(&row);
}

static void
send_sms(const char *body)
{
    struct row row = {"send", "POST", "/api/sms", LIVE FORM, body, 200, "100"};
    check_row(&row);
}

#define MATCH(pattern, text) cr_expect(bh_test_matches(pattern, text), "%s", text)

Test(sim_hooks, manage_subscriptions_in_all_forms)
{
    static const struct row rows[] = {
        {"none",                                 "GET",    "/api/hooks?action=read",                LIVE,      NULL,                              200,
         "{\"success\":true,\"code\":null,\"hooks\":[]}"                                                                                                                                             },
        {"subscribe by get",                     "GET",
         "/api/hooks?action=subscribe&target_url=http://localhost/x&event_type=dlr&event_filter=F", LIVE,      NULL,                              200, "{\"success\":true,\"code\":null,\"id\":2045}"},
        {"subscribe by json, without an action", "POST",   "/api/hooks",                            LIVE JSON,
         "{\"target_url\":\"https://example.com/"
         "\",\"event_type\":\"all\",\"request_method\":\"JSON\"}",                                                                                200, "{\"success\":true,\"code\":null,\"id\":2046}"},
        {"list",                                 "GET",    "/api/hooks?action=read",                LIVE,      NULL,                              200,
         "{\"success\":true,\"code\":null,\"hooks\":[{\"id\":\"2045\",\"target_url\":\"http:\\/\\/"
         "localhost\\/x\","
         "\"event_type\":\"dlr\",\"event_filter\":\"F\",\"request_method\":\"POST\",\"enabled\":"
         "true,\"created\":\"*\"},"
         "{\"id\":\"2046\",*\"event_filter\":null,\"request_method\":\"JSON\",*}]}"                                                                                                                  },
        {"plain list",                           "GET",    "/api/hooks",                            LIVE,      NULL,                              200, "{*\"2045\"*\"2046\"*}"                       },
        {"bad scheme",                           "POST",   "/api/hooks",                            LIVE FORM,
         "action=subscribe&target_url=abc://x&event_type=dlr",                                                                                    200,
         "{\"success\":false,\"code\":null,\"error_message\":\"Invalid URL\"}"                                                                                                                       },
        {"no url",                               "POST",   "/api/hooks",                            LIVE FORM, "action=subscribe&event_type=dlr", 200,
         "{\"success\":false,*"                                                                                                                                                                      },
        {"url with a line end",                  "POST",   "/api/hooks",                            LIVE FORM,
         "action=subscribe&target_url=http://x/%0d%0aA:b&event_type=dlr",                                                                         200,
         "{\"success\":false,*"                                                                                                                                                                      },
        {"no host",                              "POST",   "/api/hooks",                            LIVE FORM,
         "action=subscribe&target_url=http:///x&event_type=dlr",                                                                                  200, "{\"success\":false,*"                        },
        {"bad event",                            "POST",   "/api/hooks",                            LIVE FORM,
         "action=subscribe&target_url=http://x&event_type=x",                                                                                     200, "{\"success\":false,*"                        },
        {"bad method",                           "POST",   "/api/hooks",                            LIVE FORM,
         "action=subscribe&target_url=http://x&event_type=dlr&request_method=PUT",                                                                200,
         "{\"success\":false,*"                                                                                                                                                                      },
        {"bad action",                           "POST",   "/api/hooks",                            LIVE FORM, "action=dance",                    200,
         "{\"success\":false,*"                                                                                                                                                                      },
        {"unsubscribe unknown",                  "POST",   "/api/hooks",                            LIVE FORM, "action=unsubscribe&id=1",         200,
         "{\"success\":false}"                                                                                                                                                                       },
        {"unsubscribe",                          "POST",   "/api/hooks",                            LIVE FORM, "action=unsubscribe&id=2046",      200,
         "{\"success\":true}"                                                                                                                                                                        },
        {"unsubscribe by the three",             "POST",   "/api/hooks",                            LIVE FORM,
         "action=unsubscribe&target_url=http://localhost/x&event_type=dlr&request_method=POST",                                                   200,
         "{\"success\":true}"                                                                                                                                                                        },
        {"delete unknown",                       "DELETE", "/api/hooks",                            LIVE JSON, "{\"id\":2045}",                   200,
         "{\"success\":false}"                                                                                                                                                                       },
        {"none again",                           "GET",    "/api/hooks",                            LIVE,      NULL,                              200,
         "{\"success\":true,\"code\":null,\"hooks\":[]}"                                                                                                                                             },
    };
    static const struct row old[] = {
        {"subscribe",    "POST", "/api/hooks?action=subscribe", LIVE FORM,
         "target_url=http://x&event_type=dlr",                                   200, "*"},
        {"list of 2021", "GET",  "/api/hooks?action=read",      LIVE,      NULL, 200,
         "{*\"event_type\":\"dlr\",\"request_method\":\"POST\",\"created\":\"*\"}]}"     },
    };
    static const struct row now[] = {
        {"list of 2024", "GET", "/api/hooks", LIVE, NULL, 200,
         "{*\"enabled\":true,*,\"headers\":\"\"}]}"},
    };
    CHECK_ROWS(rows);
    tell("config", "{\"gateway\":{\"era\":2021}}");
    CHECK_ROWS(old);
    tell("config", "{\"gateway\":{\"era\":2024}}");
    CHECK_ROWS(now);
}

Test(sim_hooks, report_deliveries_as_json)
{
    struct received got;
    subscribe("dlr", "JSON", "");
    send_sms("to=01711111111&text=x&foreign_id=job-1");
    receive(200, &got);
    MATCH("POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:*\r\n*Content-Type: application/json\r\n*",
          got.head);
    MATCH(
        "{\"data\":{\"msg_id\":\"77214945865\",\"status\":\"TRANSMITTED\",\"timestamp\":\"2*-* "
        "*:*.*000\","
        "\"foreign_id\":\"job-1\"},\"webhook_event\":\"dlr\",\"webhook_timestamp\":\"2*T*+0*:00\"}",
        got.body);
    receive(200, &got);
    MATCH("{\"data\":{\"msg_id\":\"77214945865\",\"status\":\"DELIVERED\",*", got.body);
    expect_no_more();
    expect_number("stats", "delivered", 2);
}

Test(sim_hooks, report_deliveries_as_form_and_query)
{
    struct received got;
    subscribe("all", "POST", "");
    send_sms("to=01711111111&text=x&foreign_id=j-%C3%A4+1");
    receive(200, &got);
    MATCH("*Content-Type: application/x-www-form-urlencoded\r\n*", got.head);
    MATCH("data%5Bmsg_id%5D=77214945865&data%5Bstatus%5D=TRANSMITTED&data%5Btimestamp%5D=2*&"
          "data%5Bforeign_id%5D=j-%C3%A4+1&webhook_event=dlr&webhook_timestamp=2*",
          got.body);
    receive(200, &got);
    expect_no_more();
    tell("config", "{\"hooks\":{\"body\":\"flat\"}}");
    send_sms("to=01711111111&text=y");
    receive(200, &got);
    MATCH(
        "msg_id=77214945866&status=TRANSMITTED&timestamp=2*&webhook_event=dlr&webhook_timestamp=2*",
        got.body);
    receive(200, &got);
    expect_no_more();

    tell("reset", "{}");
    tell("config", "{\"reports\":{\"plan\":\"DELIVERED@0\"}}");
    subscribe("dlr", "GET", "");
    send_sms("to=01711111111&text=z");
    receive(200, &got);
    MATCH("GET /hook?a=b&msg_id=77214945867&status=DELIVERED&timestamp=2*.* HTTP/1.1\r\n*",
          got.head);
    cr_expect_null(strstr(got.head, "000 HTTP"), "six decimals in a query: %s", got.head);
    cr_expect_null(strstr(got.head, "Content-Length"));
}

Test(sim_hooks, report_the_states_of_a_call)
{
    struct received got;
    static const struct row call[] = {
        {"call", "POST", "/api/voice", LIVE FORM, "to=01711111111&text=Hello&foreign_id=f", 200,
         "100\n1038704\n0.1"},
    };
    static const char *const wanted[] = {"initiated", "ringing", "in-progress"};
    subscribe("voice_status", "JSON", "");
    CHECK_ROWS(call);
    for (size_t at = 0; at < 3; at++) {
        char pattern[512];
        receive(200, &got);
        snprintf(pattern, sizeof pattern,
                 "{\"data\":{\"callerId\":\"491771783130\",\"recipient\":\"491711111111\",\"id\":"
                 "\"1038704\","
                 "\"status\":\"%s\",\"duration\":\"0\",\"pricePerMinute\":0.045,\"timestamp\":*,"
                 "\"foreign_id\":\"f\"},"
                 "\"webhook_event\":\"voice_status\",*",
                 wanted[at]);
        MATCH(pattern, got.body);
    }
    tell("clock", "{\"advance_ms\":3000}");
    receive(200, &got);
    MATCH("{*\"status\":\"completed\",\"duration\":\"2\",*", got.body);
}

/* Recompute the signature of what was received. */
static void
check_signature(const struct received *got, const char *method, const char *url)
{
    char timestamp[32] = "", nonce[64] = "", signature[80] = "", text[TEXT_MAX], hex[80] = "",
         md5[40] = "";
    unsigned char digest[64];
    unsigned len = 0;
    cr_assert_eq(sscanf(strstr(got->head, "X-Timestamp: "), "X-Timestamp: %31s", timestamp), 1);
    cr_assert_eq(sscanf(strstr(got->head, "X-Nonce: "), "X-Nonce: %63s", nonce), 1);
    cr_assert_eq(sscanf(strstr(got->head, "X-Signature: "), "X-Signature: %79s", signature), 1);
    cr_assert_eq(strlen(nonce), 32);
    EVP_Digest(got->body, strlen(got->body), digest, &len, EVP_md5(), NULL);
    for (unsigned at = 0; at < len; at++)
        snprintf(md5 + 2 * at, 3, "%02x", digest[at]);
    int text_len =
        snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s", timestamp, nonce, method, url, md5);
    HMAC(EVP_sha256(), "sim-signing-key", 15, (unsigned char *)text, (size_t)text_len, digest,
         &len);
    for (unsigned at = 0; at < len; at++)
        snprintf(hex + 2 * at, 3, "%02x", digest[at]);
    cr_expect_str_eq(signature, hex);
}

Test(sim_hooks, are_signed_over_the_full_address)
{
    struct received got;
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hook?a=b", receiver_port);
    subscribe("dlr", "JSON", "&headers=X-Mine:+one%0AX-Bad%0AX-Two:2");
    send_sms("to=01711111111&text=x");
    receive(200, &got);
    check_signature(&got, "POST", url);
    MATCH("*\r\nX-Mine: one\r\nX-Two: 2\r\n\r\n", got.head);
    receive(200, &got);
    check_signature(&got, "POST", url);
}

Test(sim_hooks, are_repeated_hourly_after_a_500_or_silence_in_the_old_eras)
{
    struct received got;
    static const struct {
        int status;
        bool again;
    } rows[] = {
        {500, true },
        {0,   true },
        {503, false},
        {404, false},
        {302, false}
    };
    tell("config", "{\"reports\":{\"plan\":\"DELIVERED@0\"}}");
    subscribe("dlr", "JSON", "");
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        char body[64], wanted[64];
        snprintf(body, sizeof body, "to=01711111111&text=%zu", at);
        snprintf(wanted, sizeof wanted, "*7721494586%zu*", at + 5);
        send_sms(body);
        receive(rows[at].status, &got);
        MATCH(wanted, got.body);
        /* The retry is queued once the answer was read. */
        for (int tries = 0;
             tries < 5000 && bh_test_sim_number(&sim, "stats", "attempts") < (int)at + 1; tries++)
            nap_ms(1);
        if (at == 0)
            expect_number("stats", "retried", 1);
    }
    expect_number("stats", "retried", 2);
    expect_number("stats", "pending", 2);
    tell("clock", "{\"advance_ms\":3590000}");
    expect_number("stats", "pending", 2);
    tell("clock", "{\"advance_ms\":11000}");
    receive(200, &got);
    receive(200, &got);
    expect_no_more();
}

Test(sim_hooks, are_given_up_after_seven_attempts)
{
    struct received got;
    tell("config", "{\"reports\":{\"plan\":\"DELIVERED@0\"}}");
    subscribe("dlr", "JSON", "");
    send_sms("to=01711111111&text=x");
    for (int attempt = 1; attempt <= 7; attempt++) {
        receive(500, &got);
        for (int tries = 0; tries < 5000 && bh_test_sim_number(&sim, "stats", "attempts") < attempt;
             tries++)
            nap_ms(1);
        tell("clock", "{\"advance_ms\":3601000}");
    }
    expect_no_more();
    expect_number("stats", "attempts", 7);
    expect_number("stats", "failed", 1);
}

Test(sim_hooks, are_repeated_sooner_and_longer_in_the_newest_era)
{
    struct received got;
    static const int statuses[] = {429, 502, 503, 504, 0, 500};
    tell("config",
         "{\"gateway\":{\"era\":2026},\"reports\":{\"plan\":\"DELIVERED@0\",\"speed\":1000}}");
    subscribe("dlr", "JSON", "");
    send_sms("to=01711111111&text=x");
    /* One minute is 60 ms at this speed. */
    for (size_t at = 0; at < sizeof statuses / sizeof statuses[0]; at++) {
        receive(statuses[at], &got);
        for (int tries = 0;
             tries < 5000 && bh_test_sim_number(&sim, "stats", "retried") < (int)at + 1; tries++)
            nap_ms(1);
        tell("clock", "{\"advance_ms\":36100}");
    }
    receive(404, &got);
    expect_no_more();
    expect_number("stats", "retried", 6);
    expect_number("stats", "failed", 1);
}

Test(sim_hooks, misbehave_on_demand)
{
    struct received got;
    subscribe("dlr", "JSON", "");
    tell("config", "{\"hooks\":{\"order\":\"reversed\"}}");
    send_sms("to=01711111111&text=1");
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);
    receive(200, &got);
    MATCH("*TRANSMITTED*", got.body);

    tell("config",
         "{\"hooks\":{\"order\":\"normal\",\"repeat\":2},\"reports\":{\"plan\":\"DELIVERED@0\"}}");
    send_sms("to=01711111111&text=2");
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);

    tell("config", "{\"hooks\":{\"repeat\":1,\"empty_every\":1}}");
    send_sms("to=01711111111&text=3");
    receive(200, &got);
    cr_expect_str_eq(got.body, "");
    MATCH("*\r\nContent-Length: 0\r\n*", got.head);

    tell("config", "{\"hooks\":{\"empty_every\":0,\"delay_ms\":60000}}");
    send_sms("to=01711111111&text=4");
    expect_number("stats", "pending", 1);
    tell("clock", "{\"advance_ms\":60500}");
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);
}

Test(sim_hooks, are_told_in_anothers_place_by_share)
{
    struct received got;
    subscribe("dlr", "JSON", "");
    tell("config", "{\"reports\":{\"shuffle\":1,\"plan\":\"ACCEPTED@0,DELIVERED@0.2\"}}");
    send_sms("to=01711111111&text=1");
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);
    receive(200, &got);
    MATCH("*ACCEPTED*", got.body);
    expect_no_more();
}

Test(sim_hooks, are_repeated_after_a_while_by_share)
{
    struct received got;
    subscribe("dlr", "JSON", "");
    tell("config", "{\"reports\":{\"repeat\":1,\"speed\":1000,\"plan\":\"DELIVERED@0\"}}");
    send_sms("to=01711111111&text=1");
    for (int at = 0; at < 4; at++) {
        receive(200, &got);
        MATCH("*DELIVERED*", got.body);
    }
    expect_no_more();
    expect_number("stats", "repeated", 3);
}

Test(sim_hooks, are_preceded_by_nothing_by_share)
{
    struct received got;
    static const char *const methods[] = {"JSON", "POST"};
    tell("config",
         "{\"hooks\":{\"parallel\":1},\"reports\":{\"empty\":1,\"plan\":\"DELIVERED@0\"}}");
    for (size_t at = 0; at < 2; at++) {
        subscribe("dlr", methods[at], "");
        send_sms(at == 0 ? "to=01711111111&text=1" : "to=01711111111&text=2");
        receive(200, &got);
        cr_expect_str_eq(got.body, "");
        MATCH("*\r\nContent-Length: 0\r\n*", got.head);
        receive(200, &got);
        MATCH("*DELIVERED*", got.body);
        tell("reset", "{}");
        tell("config",
             "{\"hooks\":{\"parallel\":1},\"reports\":{\"empty\":1,\"plan\":\"DELIVERED@0\"}}");
    }
    subscribe("dlr", "GET", "");
    send_sms("to=01711111111&text=3");
    receive(200, &got);
    MATCH("GET *status=DELIVERED*", got.head);
    expect_no_more();
}

Test(sim_hooks, are_lost_or_late_by_share)
{
    struct received got;
    subscribe("dlr", "JSON", "");
    tell("config", "{\"reports\":{\"lost\":1,\"plan\":\"DELIVERED@0\"}}");
    send_sms("to=01711111111&text=1");
    expect_no_more();
    expect_number("stats", "lost", 1);
    expect_number("stats", "attempts", 0);
    tell("config", "{\"reports\":{\"lost\":0,\"late\":1,\"late_s\":3600}}");
    send_sms("to=01711111111&text=2");
    expect_number("stats", "late", 1);
    expect_number("stats", "pending", 1);
    tell("clock", "{\"advance_ms\":3600000}");
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);
    expect_no_more();
}

/* The answer is held for a minute: whoever has the reports by then had them first. */
Test(sim_hooks, come_before_the_answer_by_share)
{
    struct received got;
    char request[256];
    subscribe("dlr", "JSON", "");
    tell("config",
         "{\"reports\":{\"early\":1,\"early_ms\":60000,\"plan\":\"ACCEPTED@5,DELIVERED@9\"}}");
    int fd = bh_test_http_connect(sim.port, 20000);
    cr_assert_geq(fd, 0);
    snprintf(request, sizeof request,
             "POST /api/sms HTTP/1.1\r\nHost: x\r\n" LIVE FORM "Content-Length: 21\r\n\r\n"
             "to=01711111111&text=x");
    cr_assert(bh_test_http_send(fd, request, strlen(request)));
    receive(200, &got);
    receive(200, &got);
    MATCH("*\"msg_id\":\"*", got.body);
    expect_no_more();
    expect_number("stats", "early", 1);
    expect_number("stats", "accepted", 1);
    expect_number("stats", "in_flight", 1);
    close(fd);
}

Test(sim_hooks, are_switched_off_after_failing_for_long)
{
    struct received got;
    struct row off = {"off", "GET", "/api/hooks", LIVE, NULL, 200, "{*\"enabled\":false,*}"};
    tell("config", "{\"gateway\":{\"era\":2026},\"hooks\":{\"disable_after\":2},"
                   "\"reports\":{\"plan\":\"DELIVERED@0\"}}");
    subscribe("dlr", "JSON", "");
    static const int statuses[] = {404, 200, 404, 410};
    for (size_t at = 0; at < sizeof statuses / sizeof statuses[0]; at++) {
        char body[64];
        snprintf(body, sizeof body, "to=01711111111&text=%zu", at);
        send_sms(body);
        receive(statuses[at], &got);
        expect_no_more();
    }
    expect_number("stats", "disabled", 1);
    check_row(&off);
    send_sms("to=01711111111&text=after");
    expect_no_more();
    expect_number("stats", "attempts", 4);
}

Test(sim_hooks, shares_are_between_nothing_and_all)
{
    static const char *const bad[] = {"-0.1", "1.1", "x", "", "50%"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++) {
        char json[96];
        struct row row = {"a share", "POST", "/_sim/config", JSON, json, 400, "*share*"};
        snprintf(json, sizeof json, "{\"reports\":{\"repeat\":\"%s\"}}", bad[at]);
        check_row(&row);
    }
    tell("config",
         "{\"reports\":{\"repeat\":0.1,\"shuffle\":0.3,\"empty\":0.02,\"early\":1,\"lost\":0}}");
}

Test(sim_hooks, follow_the_plan_of_a_number)
{
    struct received got;
    tell("plan", "{\"to\":\"0172 2222222\",\"plan\":\"NOTDELIVERED@0\"}");
    tell("plan", "{\"to\":\"01733333333\",\"plan\":\"none\"}");
    subscribe("dlr", "JSON", "");
    send_sms("to=01733333333&text=1");
    expect_number("stats", "pending", 0);
    send_sms("to=01722222222&text=1");
    receive(200, &got);
    MATCH("*\"status\":\"NOTDELIVERED\"*", got.body);
    static const struct row rows[] = {
        {"no number",   "POST", "/_sim/plan", JSON, "{\"to\":\"x\",\"plan\":\"none\"}",               400, "*"},
        {"no plan",     "POST", "/_sim/plan", JSON, "{\"to\":\"01711111111\"}",                       400, "*"},
        {"bad state",   "POST", "/_sim/plan", JSON, "{\"to\":\"01711111111\",\"plan\":\"LOST@1\"}",
         400,                                                                                              "*"},
        {"bad time",    "POST", "/_sim/plan", JSON, "{\"to\":\"01711111111\",\"plan\":\"FAILED@x\"}",
         400,                                                                                              "*"},
        {"time before", "POST", "/_sim/plan", JSON,
         "{\"to\":\"01711111111\",\"plan\":\"FAILED@-1\"}",                                           400, "*"},
    };
    CHECK_ROWS(rows);
}

Test(sim_hooks, reach_those_who_subscribe_late_and_not_those_who_left)
{
    struct received got;
    tell("config", "{\"reports\":{\"plan\":\"ACCEPTED@1,DELIVERED@100\"}}");
    send_sms("to=01711111111&text=1");
    tell("clock", "{\"advance_ms\":2000}");
    subscribe("dlr", "JSON", "");
    tell("clock", "{\"advance_ms\":100000}");
    receive(200, &got);
    MATCH("*DELIVERED*", got.body);
    send_sms("to=01711111111&text=2");
    static const struct row leave[] = {
        {"leave", "DELETE", "/api/hooks?id=2045", LIVE, NULL, 200, "{\"success\":true}"}
    };
    CHECK_ROWS(leave);
    tell("clock", "{\"advance_ms\":200000}");
    expect_no_more();
    expect_number("stats", "attempts", 1);
}

Test(sim_hooks, tell_of_messages_from_phones_and_of_validated_numbers)
{
    struct received got;
    char body[256];
    subscribe("sms_mo", "JSON", "&event_filter=491771783130");
    tell("inbound", "{\"from\":\"491711111111\",\"to\":\"491771783131\",\"text\":\"not for us\"}");
    tell("inbound", "{\"from\":\"491711111111\",\"to\":\"491771783130\",\"text\":\"a\\nb\"}");
    receive(200, &got);
    MATCH("{\"data\":{\"id\":\"2340101\",\"sender\":\"491711111111\",\"system\":\"491771783130\","
          "\"text\":\"a\\nb\","
          "\"time\":\"*\",\"message_type\":\"SMS\"},\"webhook_event\":\"sms_mo\",*",
          got.body);
    snprintf(body, sizeof body, "number=01711111111&callback=http://127.0.0.1:%d/cb",
             receiver_port);
    struct row validate = {"validate", "POST", "/api/validate_for_voice", LIVE FORM,
                           body,       200,    "{\"success\":true,*"};
    check_row(&validate);
    tell("clock", "{\"advance_ms\":11000}");
    receive(200, &got);
    MATCH("GET /cb?id=*&sender=491711111111&*&success=true&*", got.head);
}

Test(sim_hooks, never_leave_the_machine)
{
    static const char *const urls[] = {"http://192.0.2.1/x",       "http://example.invalid/x",
                                       "https://127.0.0.1/x",      "http://[2001:db8::1]/x",
                                       "http://127.0.0.1:99999/x", "http://0.0.0.0/x"};
    tell("config", "{\"reports\":{\"plan\":\"DELIVERED@0\"}}");
    for (size_t at = 0; at < sizeof urls / sizeof urls[0]; at++) {
        char body[256];
        struct row row = {urls[at], "POST", "/api/hooks",         LIVE FORM,
                          body,     200,    "{\"success\":true,*"};
        snprintf(body, sizeof body, "action=subscribe&event_type=dlr&target_url=%s", urls[at]);
        check_row(&row);
    }
    send_sms("to=01711111111&text=1");
    expect_no_more();
    expect_number("stats", "remote_refused", 6);
    expect_number("stats", "failed", 6);
}
