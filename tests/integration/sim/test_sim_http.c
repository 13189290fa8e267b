#include "sim_test.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void
start_usual(void)
{
    start(NULL);
}

TestSuite(sim_http, .init = start_usual, .fini = stop);

#define GET_BALANCE "GET /api/balance HTTP/1.1\r\nHost: x\r\n" LIVE

/* Bytes as they are; then one response. */
static void
send_raw(int fd, const char *bytes, size_t len, struct bh_test_http *ret_response)
{
    (void)bh_test_http_send(fd, bytes, len); /* the server may have heard enough before the end */
    bh_test_http_read(fd, ret_response);
}

Test(sim_http, refuses_what_two_readers_could_read_differently)
{
    static const struct {
        const char *name, *bytes;
        int status;
    } rows[] = {
        {"fine",                        GET_BALANCE "\r\n",                                                      200},
        {"empty lines first",           "\r\n\r\n" GET_BALANCE "\r\n",                                           200},
        {"http/1.0 without host",       "GET /api/balance HTTP/1.0\r\n" LIVE "\r\n",                             200},
        {"length and chunks",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",                                                          400},
        {"two lengths",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n1234",              400},
        {"two equal lengths",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n1234",              400},
        {"length with a sign",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n1234",                                  400},
        {"negative length",             "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n1234",
         400                                                                                                        },
        {"length that is none",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 4x\r\n\r\n1234",                                  400},
        {"length list",                 "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\n1234",
         400                                                                                                        },
        {"empty length",                "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",          400},
        {"length beyond 64 bits",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",                    400},
        {"length over the limit",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 12582913\r\n\r\n",                                413},
        {"other coding",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",                        501},
        {"coding twice",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",                                                          400},
        {"chunks in http/1.0",
         "POST /api/sms HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",                                400},
        {"chunk size that is none",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",                         400},
        {"empty chunk size",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",                          400},
        {"chunk size with a sign",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",                        400},
        {"chunk size too large",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",                  413},
        {"chunk size of nine digits",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "000000001\r\n",                                                                                        413},
        {"chunk longer than its size",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1\r\nab\r\n",                                                                                          400},
        {"chunk line ends in LF alone",
         "POST /api/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1\na\r\n",                                                                                             400},
        {"no host",                     "GET / HTTP/1.1\r\n\r\n",                                                400},
        {"two hosts",                   "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",                          400},
        {"folded header",               "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",                       400},
        {"blank before the colon",      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",                                    400},
        {"no colon",                    "GET / HTTP/1.1\r\nHost: x\r\nabc\r\n\r\n",                              400},
        {"no name",                     "GET / HTTP/1.1\r\nHost: x\r\n: abc\r\n\r\n",                            400},
        {"CR in a value",               "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",                          400},
        {"LF alone",                    "GET / HTTP/1.1\nHost: x\n\r\n\r\n",                                     400},
        {"control byte in a value",     "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n",                          400},
        {"control byte in the target",  "GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n",                                 400},
        {"two blanks",                  "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",                                    400},
        {"blank in the target",         "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",                                  400},
        {"no target",                   "GET HTTP/1.1\r\nHost: x\r\n\r\n",                                       400},
        {"target without a slash",      "GET api HTTP/1.1\r\nHost: x\r\n\r\n",                                   400},
        {"https target",                "GET https://x/api HTTP/1.1\r\nHost: x\r\n\r\n",                         400},
        {"bad method",                  "G@T / HTTP/1.1\r\nHost: x\r\n\r\n",                                     400},
        {"lower-case version",          "GET / http/1.1\r\nHost: x\r\n\r\n",                                     400},
        {"version 9.9",                 "GET / HTTP/9.9\r\nHost: x\r\n\r\n",                                     505},
        {"version 2",                   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",                                      505},
        {"not http",                    "\x16\x03\x01\x02\x01 hello\r\n\r\n",                                    400},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_test_http got;
        int fd = bh_test_http_connect(sim.port, 10000);
        send_raw(fd, rows[at].bytes, strlen(rows[at].bytes), &got);
        cr_expect_eq(got.end, BH_TEST_HTTP_WHOLE, "%s: %s", rows[at].name,
                     bh_test_http_end_name(got.end));
        cr_expect_eq(got.status, rows[at].status, "%s: %d", rows[at].name, got.status);
        if (rows[at].status != 200 && got.status == rows[at].status)
            cr_expect_eq(bh_test_http_wait_end(fd), 'F', "%s: stays open", rows[at].name);
        bh_test_http_release(&got);
        close(fd);
    }
    expect_number("stats", "requests", 3);
    expect_number("stats", "accepted", 0);
}

Test(sim_http, bounds_header_target_and_body)
{
    static char bytes[13 * 1024 * 1024];
    static const struct {
        const char *name, *front;
        size_t fill;
        const char *back;
        int status;
    } rows[] = {
        {"header of 16000", GET_BALANCE "A: ",                                                16000,    "\r\n\r\n",                             200},
        {"header of 17000", GET_BALANCE "A: ",                                                17000,    "\r\n\r\n",                             431},
        {"endless header",  GET_BALANCE "A: ",                                                100000,   "",                                     431},
        {"target of 15000", "GET /api/balance?",                                              15000,    " HTTP/1.1\r\nHost: x\r\n" LIVE "\r\n",
         200                                                                                                                                       },
        {"target of 16000", "GET /api/balance?",                                              16000,    " HTTP/1.1\r\nHost: x\r\n" LIVE "\r\n",
         414                                                                                                                                       },
        {"endless target",  "GET /",                                                          100000,   "",                                     414},
        {"body of 12 MiB",
         "POST /api/balance HTTP/1.1\r\nHost: x\r\n" LIVE "Content-Length: 12582912\r\n\r\n",
         12582912,                                                                                      "",                                     200},
        {"chunk of 12 MiB",
         "POST /api/balance HTTP/1.1\r\nHost: x\r\n" LIVE
         "Transfer-Encoding: chunked\r\n\r\nC00000\r\n",                                      12582912, "\r\n0\r\n\r\n",                        200},
        {"one byte more",
         "POST /api/balance HTTP/1.1\r\nHost: x\r\n" LIVE
         "Transfer-Encoding: chunked\r\n\r\nC00000\r\n",                                      12582912, "\r\n1\r\nx\r\n0\r\n\r\n",              413},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_test_http got;
        size_t front = strlen(rows[at].front), back = strlen(rows[at].back);
        memcpy(bytes, rows[at].front, front);
        memset(bytes + front, 'x', rows[at].fill);
        memcpy(bytes + front + rows[at].fill, rows[at].back, back);
        int fd = bh_test_http_connect(sim.port, 20000);
        send_raw(fd, bytes, front + rows[at].fill + back, &got);
        cr_expect_eq(got.status, rows[at].status, "%s: %d %s", rows[at].name, got.status,
                     bh_test_http_end_name(got.end));
        bh_test_http_release(&got);
        close(fd);
    }
}

Test(sim_http, refuses_more_headers_than_a_hundred)
{
    char bytes[4096] = "GET /api/balance HTTP/1.1\r\nHost: x\r\n" LIVE;
    struct bh_test_http got;
    for (int header = 0; header < 98; header++)
        append(bytes, sizeof bytes, "A: b\r\n");
    size_t len = strlen(bytes);
    int fd = bh_test_http_connect(sim.port, 10000);
    append(bytes, sizeof bytes, "\r\n");
    send_raw(fd, bytes, len + 2, &got);
    cr_expect_eq(got.status, 200);
    bh_test_http_release(&got);
    bytes[len] = '\0';
    append(bytes, sizeof bytes, "A: b\r\n\r\n");
    send_raw(fd, bytes, len + 8, &got);
    cr_expect_eq(got.status, 431);
    bh_test_http_release(&got);
    close(fd);
}

Test(sim_http, reads_chunked_bodies_in_any_pieces)
{
    static const char request[] =
        "POST /api/sms HTTP/1.1\r\nHost: x\r\n" LIVE FORM ACCEPT
        "Transfer-Encoding: chunked\r\n\r\n"
        "3;name=\"v\"\r\nto=\r\nA\r\n0171999999\r\n00B\r\n&text=cafe9\r\n0\r\nTrailer: x\r\n\r\n";
    struct bh_test_http got;
    int fd = bh_test_http_connect(sim.port, 10000);
    for (size_t at = 0; at < sizeof request - 1; at++)
        cr_assert(bh_test_http_send(fd, request + at, 1));
    bh_test_http_read(fd, &got);
    cr_expect(
        bh_test_matches("{\"success\":\"100\",*\"recipient\":\"49171999999\",\"text\":\"cafe9\"*",
                        got.body),
        "%s", got.body);
    bh_test_http_release(&got);
    close(fd);
}

Test(sim_http, answers_chunked_without_a_length_unless_told)
{
    struct bh_test_http got;
    bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &got);
    cr_expect(got.chunked);
    cr_expect_null(bh_test_http_header(&got, "Content-Length"));
    cr_expect_str_eq(bh_test_http_header(&got, "Server"), "Apache");
    cr_expect_not(got.close_announced);
    bh_test_http_release(&got);

    tell("config", "{\"http\":{\"framing\":\"length\",\"upgrade_header\":true}}");
    bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &got);
    cr_expect_str_eq(bh_test_http_header(&got, "Content-Length"), "9");
    cr_expect_str_eq(bh_test_http_header(&got, "Upgrade"), "h2");
    bh_test_http_release(&got);

    tell("config", "{\"http\":{\"framing\":\"close\",\"upgrade_header\":false}}");
    bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &got);
    cr_expect(got.close_announced);
    cr_expect_str_eq(got.body, "1000000.5");
    bh_test_http_release(&got);
}

Test(sim_http, speaks_to_http_1_0)
{
    static const struct {
        const char *request;
        bool keeps;
    } rows[] = {
        {"GET /api/balance HTTP/1.0\r\n" LIVE "\r\n",                                          false},
        {"GET /api/balance HTTP/1.0\r\nConnection: Keep-Alive\r\n" LIVE "\r\n",                true },
        {"GET /api/balance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" LIVE "\r\n",          false},
        {"GET /api/balance HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\n" LIVE "\r\n",
         false                                                                                      },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct bh_test_http got;
        int fd = bh_test_http_connect(sim.port, 10000);
        send_raw(fd, rows[at].request, strlen(rows[at].request), &got);
        cr_expect_str_eq(got.body, "1000000.5");
        cr_expect_eq(got.chunked, strstr(rows[at].request, "HTTP/1.1") != NULL);
        cr_expect_eq(got.close_announced, !rows[at].keeps);
        if (!rows[at].keeps)
            cr_expect_eq(bh_test_http_wait_end(fd), 'F', "row %zu", at);
        bh_test_http_release(&got);
        close(fd);
    }
}

Test(sim_http, invites_large_bodies_when_asked)
{
    static const char head[] = "POST /api/sms HTTP/1.1\r\nHost: x\r\n" LIVE FORM
                               "Expect: 100-continue\r\nContent-Length: 25\r\n\r\n";
    struct bh_test_http got;
    char invitation[26] = "";
    int fd = bh_test_http_connect(sim.port, 10000);
    cr_assert(bh_test_http_send(fd, head, sizeof head - 1));
    for (size_t at = 0; at < 25; at++)
        cr_assert_eq(read(fd, invitation + at, 1), 1);
    cr_expect_str_eq(invitation, "HTTP/1.1 100 Continue\r\n\r\n");
    send_raw(fd, "to=01719999999&text=hello", 25, &got);
    cr_expect_str_eq(got.body, "100");
    bh_test_http_release(&got);
    close(fd);
}

Test(sim_http, keeps_connections_for_five_hundred_requests)
{
    struct bh_test_http got;
    int fd = bh_test_http_connect(sim.port, 10000);
    for (int request = 1; request <= 500; request++) {
        bh_test_http_call_on(fd, "GET", "/api/balance", LIVE, NULL, &got);
        cr_assert_eq(got.status, 200, "request %d", request);
        cr_assert_eq(got.close_announced, request == 500, "request %d", request);
        bh_test_http_release(&got);
    }
    cr_expect_eq(bh_test_http_wait_end(fd), 'F');
    close(fd);
    expect_number("stats", "requests", 500);
    /* Of the two questions the second is the third connection. */
    expect_number("stats", "connections", 3);
}

Test(sim_http, answers_thousands_of_pipelined_requests_in_order)
{
    enum { COUNT = 3000 };
    static char bytes[COUNT * 128];
    size_t len = 0;
    tell("config", "{\"http\":{\"requests_per_connection\":100000}}");
    for (int request = 0; request < COUNT; request++)
        len += (size_t)snprintf(
            bytes + len, sizeof bytes - len,
            "GET /api/sms?p=sim-live-key&to=01719999999&text=%d&json=1 HTTP/1.1\r\nHost: x\r\n\r\n",
            request);
    int fd = bh_test_http_connect(sim.port, 10000);
    cr_assert(bh_test_http_send(fd, bytes, len));
    for (int request = 0; request < COUNT; request++) {
        struct bh_test_http got;
        char wanted[64];
        snprintf(wanted, sizeof wanted, "*\"text\":\"%d\"*", request);
        bh_test_http_read(fd, &got);
        cr_assert(bh_test_matches(wanted, got.body), "request %d: %s", request, got.body);
        bh_test_http_release(&got);
    }
    close(fd);
    expect_number("stats", "accepted", COUNT);
    expect_number("stats", "doubled_count", 0);
}

Test(sim_http, closes_what_idles_or_dawdles)
{
    tell("config", "{\"http\":{\"idle_ms\":60,\"request_ms\":90}}");
    int idle = bh_test_http_connect(sim.port, 10000);
    int slow = bh_test_http_connect(sim.port, 10000);
    cr_assert(bh_test_http_send(slow, "GET /api", 8));
    cr_expect_eq(bh_test_http_wait_end(idle), 'F');
    cr_expect_eq(bh_test_http_wait_end(slow), 'F');
    close(idle);
    close(slow);
    expect_number("stats", "requests", 0);
}

Test(sim_http, still_answers_a_client_that_half_closes)
{
    struct bh_test_http got;
    int fd = bh_test_http_connect(sim.port, 10000);
    tell("config", "{\"gateway\":{\"answer_delay_ms\":50}}");
    cr_assert(bh_test_http_send(fd, GET_BALANCE "\r\n", strlen(GET_BALANCE "\r\n")));
    shutdown(fd, SHUT_WR);
    bh_test_http_read(fd, &got);
    cr_expect_str_eq(got.body, "1000000.5");
    bh_test_http_release(&got);
    close(fd);
}

Test(sim_http, limits_new_connections_per_second_as_configured)
{
    static const struct {
        const char *over;
        int status;
        enum bh_test_http_end end;
    } rows[] = {
        {"429",    429, BH_TEST_HTTP_WHOLE},
        {"503",    503, BH_TEST_HTTP_WHOLE},
        {"refuse", 0,   BH_TEST_HTTP_RESET},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        char json[128];
        int refused = 0, served = 0;
        snprintf(json, sizeof json,
                 "{\"http\":{\"connections_per_second\":3,\"over_limit\":\"%s\"}}", rows[at].over);
        tell("config", json);
        /* Forty connections cannot take ten seconds, so some are refused, on a slow machine too. */
        for (int connection = 0; connection < 40; connection++) {
            struct bh_test_http got;
            bh_test_http_call(sim.port, "GET", "/api/balance", LIVE, NULL, &got);
            if (got.status == 200) {
                served++;
            } else {
                refused++;
                cr_expect_eq(got.status, rows[at].status, "%s: %d", rows[at].over, got.status);
                cr_expect_eq(got.end, rows[at].end, "%s: %s", rows[at].over,
                             bh_test_http_end_name(got.end));
            }
            bh_test_http_release(&got);
        }
        cr_expect_gt(served, 0, "%s", rows[at].over);
        cr_expect_gt(refused, 0, "%s", rows[at].over);
        /* The control connection may hit the limit too: try until a new second begins. */
        struct bh_test_http got = {0};
        do {
            bh_test_http_release(&got);
            bh_test_http_call(sim.port, "POST", "/_sim/config", JSON,
                              "{\"http\":{\"connections_per_second\":0}}", &got);
        } while (got.status != 200);
        bh_test_http_release(&got);
    }
}

Test(sim_http, listens_on_several_sockets_and_survives_strangers)
{
    char directory[] = "/tmp/bellhop-sim-XXXXXX", path[64], argument[80];
    struct bh_test_sim other;
    struct bh_test_http got;
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    snprintf(argument, sizeof argument, "unix:%s", path);
    const char *const arguments[] = {"--listen", argument, "--listen", "[::1]:0", NULL};
    cr_assert(bh_test_sim_start(&other, arguments));
    /* The ready line of the first address comes before the socket of the second exists. */
    struct stat there;
    for (int tries = 0; tries < 2000 && stat(path, &there) != 0; tries++)
        nap_ms(1);
    int fd = bh_test_http_connect_unix(path, 10000);
    cr_assert_geq(fd, 0);
    bh_test_http_call_on(fd, "GET", "/api/balance", LIVE, NULL, &got);
    cr_expect_str_eq(got.body, "1000000.5");
    bh_test_http_release(&got);
    close(fd);
    cr_expect_eq(bh_test_sim_stop(&other), 0);
    cr_expect_neq(stat(path, &there), 0, "the socket is left behind");
    rmdir(directory);
}
