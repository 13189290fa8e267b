/*
 * The server against bytes that no decent client sends.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_rig.h"
#include "support/http_client.h"
#include "support/process.h"

#define HOST "Host: x\r\n"
#define LAST HOST "Connection: close\r\n"
#define END  "\r\n"

static const struct bh_http_server_options defaults = {.port = 0};

static void
until_connections(const struct http_rig *rig, unsigned count)
{
    long long until = bh_now_ms() + 20000;
    while (http_rig_connections(rig) != count) {
        cr_assert(bh_now_ms() < until, "%u connections, not %u", http_rig_connections(rig), count);
        bh_sleep_ms(5);
    }
}

Test(http_server, hands_over_what_was_asked)
{
    static const struct {
        const char *name, *bytes, *wanted;
    } rows[] = {
        {"GET",                      "GET /a?b=c HTTP/1.1\r\n" LAST END,                        "GET /a?b=c  0 \n" },
        {"an HTTP/1.0 client",       "GET /a HTTP/1.0\r\n" END,                                 "GET /a?  0 \n"    },
        {"nothing is decoded",       "GET /%41%2f+?%42+%00 HTTP/1.1\r\n" LAST END,
         "GET /%41%2f+?%42+%00  0 \n"                                                                              },
        {"a second question mark",   "GET /a?b?c HTTP/1.1\r\n" LAST END,                        "GET /a?b?c  0 \n" },
        {"POST",
         "POST /p HTTP/1.1\r\n" LAST "Content-Type: text/x\r\nContent-Length: 3\r\n" END "abc",
         "POST /p? text/x 3 abc\n"                                                                                 },
        {"POST without a body",      "POST /p HTTP/1.1\r\n" LAST "Content-Length: 0\r\n" END,
         "POST /p?  0 \n"                                                                                          },
        {"chunks",
         "POST /p HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n" END
         "1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",                                                  "POST /p?  3 abc\n"},
        {"header names in any case",
         "POST /p HTTP/1.1\r\nhOST: x\r\nCONNECTION: Close\r\ncontent-LENGTH: 1\r\n" END "a",
         "POST /p?  1 a\n"                                                                                         },
    };
    struct http_rig *rig = http_rig_start(&defaults);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *all;
        char *got = http_rig_talk(rig, rows[i].bytes, strlen(rows[i].bytes), &all);
        cr_expect_str_eq(got, "200", "%s: %s", rows[i].name, all);
        cr_expect_not_null(strstr(all, rows[i].wanted), "%s: %s", rows[i].name, all);
        cr_expect_not_null(strstr(all, "Cache-Control: no-store"), "%s: %s", rows[i].name, all);
        free(got);
        free(all);
    }
    http_rig_stop(rig);
}

/* clang-format off */
Test(http_server, knows_who_asks_from_this_machine)
{
    static const struct {
        const char *name, *header, *wanted;
    } rows[] = {
        {"a program here",             "",                                    "local\n"},
        {"a browser here",             "Sec-Fetch-Site: same-origin\r\n",     "local\n"},
        {"passed on",                  "X-Forwarded-For: 192.0.2.1\r\n",      "afar\n" },
        {"in other letters",           "x-forwarded-FOR: 127.0.0.1\r\n",      "afar\n" },
        {"nobody in it",               "X-Forwarded-For:\r\n",                "afar\n" },
        {"by the newer name (RFC 7239)", "Forwarded: for=192.0.2.1\r\n",      "afar\n" },
        {"by another",                 "X-Real-IP: 192.0.2.1\r\n",            "afar\n" },
        {"as RFC 9110 wants it",       "Via: 1.1 proxy\r\n",                  "afar\n" },
        {"what begins like it",        "X-Forwarded-Fork: 1\r\n",             "local\n"},
    };
    struct http_rig *rig = http_rig_start(&defaults);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char bytes[256], *all;
        snprintf(bytes, sizeof(bytes), "GET /who HTTP/1.1\r\n" LAST "%s" END, rows[i].header);
        char *got = http_rig_talk(rig, bytes, strlen(bytes), &all);
        cr_expect_str_eq(got, "200", "%s: %s", rows[i].name, all);
        cr_expect_not_null(strstr(all, rows[i].wanted), "%s: %s", rows[i].name, all);
        free(got);
        free(all);
    }
    http_rig_stop(rig);
}
/* clang-format on */

#define SMUGGLED "GET /smuggled HTTP/1.1\r\n" HOST END

/* The library writes the head of an answer of its own twice when the request cannot be parsed. */
static bool
is_nothing_but(const char *statuses, const char *wanted)
{
    const char *at = statuses;
    while (strncmp(at, wanted, 3) == 0 && at[3] == ' ')
        at += 4;
    return strcmp(at, wanted) == 0;
}

Test(http_server, refuses_what_two_programs_could_read_differently)
{
    static const struct {
        const char *name, *bytes, *wanted;
        size_t len; /* 0: to the NUL */
    } rows[] = {
        {"a length beside chunks",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n" END
         "0\r\n\r\n" SMUGGLED,
         "400",                                                                                                           0 },
        {"chunks beside a length",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END
         "0\r\n\r\n" SMUGGLED,
         "400",                                                                                                           0 },
        {"two lengths",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 44\r\n" END SMUGGLED,
         "400",                                                                                                           0 },
        {"the same length twice",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n" END SMUGGLED,
         "400",                                                                                                           0 },
        {"a list of lengths",               "POST / HTTP/1.1\r\n" HOST "Content-Length: 0, 0\r\n" END SMUGGLED,
         "400",                                                                                                           0 },
        {"a length with a sign",            "POST / HTTP/1.1\r\n" HOST "Content-Length: +0\r\n" END SMUGGLED,
         "400",                                                                                                           0 },
        {"a negative length",               "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n" END SMUGGLED,
         "400",                                                                                                           0 },
        {"a length in hex",                 "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x10\r\n" END SMUGGLED,
         "400",                                                                                                           0 },
        {"no length in it",                 "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n" END SMUGGLED,        "400",
         0                                                                                                                  },
        {"a length beyond all numbers",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n" END SMUGGLED,
         "413",                                                                                                           0 },
        {"a blank before the colon",
         "POST / HTTP/1.1\r\n" HOST "Content-Length : 44\r\n" END SMUGGLED,                                        "400", 0 },
        {"two codings",
         "POST / HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n" SMUGGLED,
         "400",                                                                                                           0 },
        {"an unknown coding",               "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n" END SMUGGLED,
         "501",                                                                                                           0 },
        {"a list of codings",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n" END "0\r\n\r\n" SMUGGLED,
         "501",                                                                                                           0 },
        {"chunks of HTTP/1.0",
         "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n" SMUGGLED,
         "400",                                                                                                           0 },
        {"chunked with a tab",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \tchunked\x0b\r\n" END "0\r\n\r\n" SMUGGLED,
         "400",                                                                                                           0 },
        {"two hosts",                       "GET / HTTP/1.1\r\n" HOST HOST END,                                    "400", 0 },
        {"a body of GET",                   "GET / HTTP/1.1\r\n" HOST "Content-Length: 44\r\n" END SMUGGLED,       "400",
         0                                                                                                                  },
        {"chunks of GET",
         "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n" SMUGGLED,                      "400",
         0                                                                                                                  },
        {"no host",                         "GET / HTTP/1.1\r\n" END,                                              "400", 0 },
        {"a host with a control character", "GET / HTTP/1.1\r\nHost: a\x01\r\n" END,                               "400", 0 },
        {"a NUL in a name",                 "GET / HTTP/1.1\r\nHost: x\r\nA\0b: c\r\n\r\n",                        "400", 35},
        {"a name with parentheses",         "GET / HTTP/1.1\r\n" HOST "(a): b\r\n" END,                            "400", 0 },
        {"a later HTTP",                    "GET / HTTP/9.9\r\n" HOST END,                                         "505", 0 },
        {"another method",                  "DELETE / HTTP/1.1\r\n" HOST END,                                      "405", 0 },
        {"a method in lower case",          "get / HTTP/1.1\r\n" HOST END,                                         "405", 0 },
        {"a method that is none",           "FOO@ / HTTP/1.1\r\n" HOST END,                                        "405", 0 },
        {"CONNECT",                         "CONNECT a:1 HTTP/1.1\r\n" HOST END SMUGGLED,                          "405", 0 },
        {"OPTIONS *",                       "OPTIONS * HTTP/1.1\r\n" HOST END,                                     "405", 0 },
        {"a target of another host",        "GET http://b/ HTTP/1.1\r\n" HOST END,                                 "400", 0 },
        {"a target beyond ASCII",           "GET /\xc3\xa4 HTTP/1.1\r\n" HOST END,                                 "400", 0 },
        {"a bad chunk length",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END "zz\r\nab\r\n0\r\n\r\n",
         "400",                                                                                                           0 },
    };
    struct http_rig *rig = http_rig_start(&defaults);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *all;
        size_t len = rows[i].len != 0 ? rows[i].len : strlen(rows[i].bytes);
        char *got = http_rig_talk(rig, rows[i].bytes, len, &all);
        cr_expect(is_nothing_but(got, rows[i].wanted), "%s: %s", rows[i].name, all);
        cr_expect_null(strstr(all, "smuggled"), "%s: %s", rows[i].name, all);
        free(got);
        free(all);
    }
    struct bh_http_counters counters = http_rig_stop(rig);
    cr_expect_eq(counters.requests, 0, "%llu were served", (unsigned long long)counters.requests);
    cr_expect_eq(counters.timeouts, 0);
}

Test(http_server, answers_pipelined_requests_in_their_order)
{
    static const char bytes[] =
        "GET /1 HTTP/1.1\r\n" HOST END "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n" END "ab"
        "GET /3 HTTP/1.1\r\n" HOST END "BAD /4 HTTP/1.1\r\n" HOST END
        "GET /5 HTTP/1.1\r\n" HOST END;
    struct http_rig *rig = http_rig_start(&defaults);
    char *all;
    char *got = http_rig_talk(rig, bytes, strlen(bytes), &all);
    cr_expect_str_eq(got, "200 200 200 405", "%s", all);
    const char *one = strstr(all, "GET /1"), *two = strstr(all, "POST /2"),
               *three = strstr(all, "GET /3");
    cr_expect(one != NULL && two > one && three > two && strstr(all, "/5") == NULL, "%s", all);
    free(got);
    free(all);
    http_rig_stop(rig);
}

static char *
filled(const char *head, const char *piece, size_t times, const char *tail)
{
    size_t piece_len = strlen(piece), len = strlen(head);
    char *text = malloc(len + piece_len * times + strlen(tail) + 1);
    cr_assert_not_null(text);
    memcpy(text, head, len);
    for (size_t i = 0; i < times; i++, len += piece_len)
        memcpy(text + len, piece, piece_len);
    memcpy(text + len, tail, strlen(tail) + 1);
    return text;
}

Test(http_server, has_bounds)
{
    static const struct {
        const char *name, *head, *piece;
        size_t times;
        const char *tail, *wanted;
    } rows[] = {
        {"a body at the bound",     "POST / HTTP/1.1\r\n" LAST "Content-Length: 262144\r\n" END, "x",
         262144,                                                                                                          "",                       "200"},
        {"a body over it",          "POST / HTTP/1.1\r\n" LAST "Content-Length: 262145\r\n" END, "",              0,      "",
         "413"                                                                                                                                           },
        {"chunks at the bound",
         "POST / HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n" END "40000\r\n",            "x",             262144,
         "\r\n0\r\n\r\n",                                                                                                                           "200"},
        {"chunks over it: cut off",
         "POST / HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n" END "40001\r\n",            "x",             262145,
         "\r\n0\r\n\r\n",                                                                                                                           ""   },
        {"64 headers",              "GET / HTTP/1.1\r\n" LAST,                                   "A: b\r\n",      62,     END,                      "200"},
        {"65 headers",              "GET / HTTP/1.1\r\n" LAST,                                   "A: b\r\n",      63,     END,                      "431"},
        {"5000 headers",            "GET / HTTP/1.1\r\n" LAST,                                   "Ab: cdefg\r\n", 5000,   END,                      "431"},
        {"a header of 100 KB",      "GET / HTTP/1.1\r\n" LAST "A: ",                             "x",             100000, "\r\n" END,               "431"},
        {"a target of 8 KB",        "GET /",                                                     "x",             8000,   " HTTP/1.1\r\n" LAST END, "200"},
        {"a target of 100 KB",      "GET /",                                                     "x",             100000, " HTTP/1.1\r\n" LAST END, "414"},
    };
    struct http_rig *rig = http_rig_start(&defaults);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *bytes = filled(rows[i].head, rows[i].piece, rows[i].times, rows[i].tail);
        char *got = http_rig_talk(rig, bytes, strlen(bytes), NULL);
        /* Closing with bytes unread may take the answer with it: then there is none, and no other one. */
        bool lost = rows[i].times >= 5000 && got[0] == '\0' && strcmp(rows[i].wanted, "200") != 0;
        cr_expect(lost || is_nothing_but(got, rows[i].wanted), "%s: %s", rows[i].name, got);
        free(got);
        free(bytes);
    }
    http_rig_stop(rig);
}

Test(http_server, tells_a_client_that_asks_first_to_go_on_or_not_to)
{
    struct http_rig *rig = http_rig_start(&defaults);
    struct bh_test_http got;
    int fd = bh_test_http_connect(http_rig_port(rig), 20000);
    static const char head[] =
        "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n" END;
    char interim[128] = "";
    cr_assert(bh_test_http_send(fd, head, strlen(head)));
    cr_assert_gt(recv(fd, interim, sizeof(interim) - 1, 0), 0);
    cr_expect(strncmp(interim, "HTTP/1.1 100 ", 13) == 0, "%s", interim);
    cr_assert(bh_test_http_send(fd, "abc", 3));
    bh_test_http_read(fd, &got);
    cr_expect_eq(got.status, 200);
    cr_expect_str_eq(got.body, "POST /?  3 abc\n");
    bh_test_http_release(&got);
    close(fd);

    bh_test_http_call(http_rig_port(rig), "POST", "/",
                      "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "abc", &got);
    cr_expect_eq(got.status, 400, "%d", got.status);
    bh_test_http_release(&got);
    http_rig_stop(rig);
}

Test(http_server, cuts_off_who_is_too_slow)
{
    static const struct {
        const char *name, *bytes;
    } rows[] = {
        {"nothing at all",          ""                                                           },
        {"half a request line",     "GET / HT"                                                   },
        {"half a head",             "GET / HTTP/1.1\r\n" HOST "A: "                              },
        {"half a body",             "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n" END "abc"},
        {"half a chunk",
         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END "5\r\nabc"              },
        {"idle behind its request", "GET / HTTP/1.1\r\n" HOST END                                },
    };
    const struct bh_http_server_options options = {.request_timeout_ms = 300};
    struct http_rig *rig = http_rig_start(&options);
    int fds[sizeof(rows) / sizeof(rows[0])];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fds[i] = bh_test_http_connect(http_rig_port(rig), 20000);
        cr_assert(bh_test_http_send(fds[i], rows[i].bytes, strlen(rows[i].bytes)), "%s",
                  rows[i].name);
    }
    /* One byte now and then keeps a connection busy for ever, if only its silence is measured. */
    int drip = bh_test_http_connect(http_rig_port(rig), 20000);
    static const char head[] = "GET / HTTP/1.1\r\n" HOST "A: ";
    cr_assert(bh_test_http_send(drip, head, strlen(head)));
    long long until = bh_now_ms() + 20000;
    while (bh_test_http_send(drip, "a", 1)) {
        cr_assert(bh_now_ms() < until, "the drip is still served");
        bh_sleep_ms(50);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char rest[1024];
        ssize_t got;
        while ((got = recv(fds[i], rest, sizeof(rest), 0)) > 0)
            continue;
        cr_expect_leq(got, 0, "%s", rows[i].name);
        close(fds[i]);
    }
    close(drip);
    until_connections(rig, 0);
    struct bh_http_counters counters = http_rig_stop(rig);
    cr_expect_eq(counters.timeouts, 7, "%llu", (unsigned long long)counters.timeouts);
    cr_expect_eq(counters.requests, 1);
}

Test(http_server, takes_no_more_connections_than_it_may)
{
    const struct bh_http_server_options options = {.connections_max = 4,
                                                   .request_timeout_ms = 2000};
    struct http_rig *rig = http_rig_start(&options);
    int fds[12];
    struct bh_test_http got;
    for (size_t i = 0; i < 12; i++)
        cr_assert_geq(fds[i] = bh_test_http_connect(http_rig_port(rig), 20000), 0);
    until_connections(rig, 4);
    /* The others wait, and come when one goes. */
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    for (size_t i = 4; i < 12; i++) {
        bh_test_http_call_on(fds[i], "GET", "/", NULL, NULL, &got);
        cr_expect_eq(got.status, 200, "connection %zu: %s", i, bh_test_http_end_name(got.end));
        bh_test_http_release(&got);
        close(fds[i]);
    }
    until_connections(rig, 0);
    struct bh_http_counters counters = http_rig_stop(rig);
    cr_expect_eq(counters.connections, 12, "%llu", (unsigned long long)counters.connections);
}

Test(http_server, lets_nobody_keep_a_connection_when_few_are_left)
{
    const struct bh_http_server_options options = {.connections_max = 8};
    struct http_rig *rig = http_rig_start(&options);
    int fds[8];
    struct bh_test_http got;
    for (size_t i = 0; i < 8; i++) {
        cr_assert_geq(fds[i] = bh_test_http_connect(http_rig_port(rig), 20000), 0);
        bh_test_http_call_on(fds[i], "GET", i == 7 ? "/later" : "/", NULL, NULL, &got);
        cr_expect_eq(got.status, 200, "connection %zu", i);
        /* The seventh is closed behind its answer, and so is who comes next. */
        cr_expect_eq(got.close_announced, i >= 6, "connection %zu", i);
        bh_test_http_release(&got);
        if (i >= 6)
            until_connections(rig, 6);
    }
    for (size_t i = 0; i < 8; i++)
        close(fds[i]);
    until_connections(rig, 0);
    (void)http_rig_stop(rig);
}

/* The lowest descriptor that is free. */
static int
next_fd(void)
{
    int fd = open("/dev/null", O_RDONLY);
    cr_assert_geq(fd, 0);
    close(fd);
    return fd;
}

Test(http_server, waits_when_there_are_no_descriptors)
{
    struct http_rig *rig = http_rig_start(&defaults);
    struct rlimit before, tight;
    int fds[6];
    struct bh_test_http got;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 6; i++)
        cr_assert_geq(fds[i] = socket(AF_INET, SOCK_STREAM, 0), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)next_fd() + 2;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)http_rig_port(rig)),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(connect(fds[i], (const struct sockaddr *)&address, sizeof(address)), 0);
    until_connections(rig, 2);
    /* Four wait whom nobody can take.  It must not spin meanwhile. */
    bh_sleep_ms(500);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 6; i++) {
        bh_test_http_call_on(fds[i], "GET", "/", NULL, NULL, &got);
        cr_expect_eq(got.status, 200, "connection %zu: %s", i, bh_test_http_end_name(got.end));
        bh_test_http_release(&got);
        close(fds[i]);
    }
    struct bh_http_counters counters = http_rig_stop(rig);
    cr_expect(counters.starved >= 1 && counters.starved <= 20, "asked %llu times",
              (unsigned long long)counters.starved);
}

/* Like http_rig_talk, but our side stays open, as a browser's does. */
static char *
ask_and_wait(const struct http_rig *rig, const char *bytes, char answer[2048])
{
    size_t len = 0;
    ssize_t got;
    int fd = bh_test_http_connect(http_rig_port(rig), 20000);
    cr_assert(bh_test_http_send(fd, bytes, strlen(bytes)));
    while (len < 2047 && (got = recv(fd, answer + len, 2047 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
    return answer;
}

Test(http_server, answers_later_and_others_meanwhile)
{
    static const char later[] = "POST /later HTTP/1.1\r\n" HOST "Content-Length: 2\r\n" END "hi"
                                "GET /b HTTP/1.1\r\n" LAST END,
                      now[] = "GET /now HTTP/1.1\r\n" LAST END;
    struct http_rig *rig = http_rig_start(&defaults);
    char all[2048], *got;
    int waiting = bh_test_http_connect(http_rig_port(rig), 20000);
    cr_assert(bh_test_http_send(waiting, later, strlen(later)));
    got = http_rig_talk(rig, now, strlen(now), NULL);
    cr_expect_str_eq(got, "200", "who comes behind waits for nobody: %s", got);
    free(got);
    const char *first = strstr(ask_and_wait(rig, later, all), "POST /later?  2 hi\n");
    const char *second = strstr(all, "GET /b?  0 \n");
    cr_expect(first != NULL && second != NULL && first < second, "%s", all);
    close(waiting); /* answered or not: nobody is there to read it */
    until_connections(rig, 0);
    http_rig_stop(rig);
}

Test(http_server, tells_who_waits_in_vain)
{
    static const char never[] = "GET /never HTTP/1.1\r\n" LAST END;
    const struct bh_http_server_options hasty = {.request_timeout_ms = 1500};
    struct http_rig *rig = http_rig_start(&hasty);
    char all[2048];
    cr_expect_not_null(strstr(ask_and_wait(rig, never, all), "HTTP/1.1 504 "), "%s", all);
    cr_expect_eq(http_rig_stop(rig).timeouts, 1);
}

Test(http_server, stops_although_answers_are_owed)
{
    static const char never[] = "GET /never HTTP/1.1\r\n" HOST END;
    struct http_rig *rig = http_rig_start(&defaults);
    char answer[64] = "";
    int waiting = bh_test_http_connect(http_rig_port(rig), 20000);
    cr_assert(bh_test_http_send(waiting, never, strlen(never)));
    int left = bh_test_http_connect(http_rig_port(rig), 20000);
    cr_assert(bh_test_http_send(left, never, strlen(never)));
    until_connections(rig, 2);
    close(left);
    http_rig_stop(rig);
    cr_expect_gt(recv(waiting, answer, sizeof(answer) - 1, 0), 0);
    cr_expect_not_null(strstr(answer, " 503 "), "%s", answer);
    close(waiting);
}

Test(http_server, ends_what_has_begun_when_it_stops)
{
    struct http_rig *rig = http_rig_start(&defaults);
    int idle = bh_test_http_connect(http_rig_port(rig), 20000);
    int stuck = bh_test_http_connect(http_rig_port(rig), 20000);
    static const char half[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n" END "abc";
    cr_assert(bh_test_http_send(stuck, half, strlen(half)));
    until_connections(rig, 2);
    long long before = bh_now_ms();
    http_rig_stop(rig);
    cr_expect_lt(bh_now_ms() - before, 9000, "stopped only when the request's own time was over");
    cr_expect_neq(bh_test_http_wait_end(idle), 'T');
    cr_expect_neq(bh_test_http_wait_end(stuck), 'T');
    close(idle);
    close(stuck);
}

Test(http_server, says_why_it_cannot_listen)
{
    struct http_rig *rig = http_rig_start(&defaults);
    uv_loop_t loop;
    struct bh_http_server *server;
    struct bh_error error = {"", ""};
    cr_assert_eq(uv_loop_init(&loop), 0);
    struct bh_http_server_options options = {.host = "127.0.0.1",
                                             .port = (uint16_t)http_rig_port(rig)};
    cr_assert_eq(bh_http_server_new(&loop, &options, &server), BH_OK);
    cr_expect_eq(bh_http_server_listen(server, &error), BH_EIO);
    cr_expect_not_null(strstr(error.text, "in use"), "%s", error.text);
    http_rig_stop(rig);
    /* It was only taken: a later try may have it. */
    cr_expect_eq(bh_http_server_listen(server, &error), BH_OK, "%s", error.text);
    cr_expect_eq(bh_http_server_port(server), options.port);
    bh_http_server_stop(server);
    uv_run(&loop, UV_RUN_DEFAULT);
    bh_http_server_free(server);

    options = (struct bh_http_server_options){.host = "192.0.2.1", .port = 9};
    cr_assert_eq(bh_http_server_new(&loop, &options, &server), BH_OK);
    cr_expect_eq(bh_http_server_listen(server, &error), BH_EINVAL);
    cr_expect_not_null(strstr(error.text, "192.0.2.1:9"), "%s", error.text);
    bh_http_server_free(server);
    cr_expect_eq(uv_loop_close(&loop), 0);
}

Test(http_server, serves_ipv6_too)
{
    uv_loop_t loop;
    struct bh_http_server *server;
    struct bh_error error = {"", ""};
    cr_assert_eq(uv_loop_init(&loop), 0);
    const struct bh_http_server_options options = {.host = "::1"};
    cr_assert_eq(bh_http_server_new(&loop, &options, &server), BH_OK);
    enum bh_status status = bh_http_server_listen(server, &error);
    /* A machine without IPv6 says so; then there is nothing to serve. */
    cr_expect(status == BH_OK || status == BH_EINVAL, "%s", error.text);
    if (status == BH_OK) {
        cr_expect_neq(bh_http_server_port(server), 0);
        bh_http_server_stop(server);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    bh_http_server_free(server);
    cr_expect_eq(uv_loop_close(&loop), 0);
}
