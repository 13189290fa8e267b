#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "support/scripted_server.h"
#include "transport_client.h"

/* Long enough for any machine: a test that needs it is a test that fails. */
#define PATIENCE_MS 60000
/* For servers that never answer. */
#define SHORT_MS 1000

#define BODY "to=491711234567&text=Hello"

/* ---- scripts ---------------------------------------------------------------------------------------- */

/* Read one request, send `arg`, end with FIN. */
static void
script_send(struct scripted_connection *connection, void *arg)
{
    if (scripted_read_request(connection))
        scripted_send(connection, arg);
}

/* The same, and stay without a word. */
static void
script_send_and_hang(struct scripted_connection *connection, void *arg)
{
    if (scripted_read_request(connection) && scripted_send(connection, arg))
        scripted_wait_end(connection);
}

static void
script_send_and_reset(struct scripted_connection *connection, void *arg)
{
    if (!scripted_read_request(connection))
        return;
    scripted_send(connection, arg);
    scripted_reset_at_close(connection);
}

static void
script_close_at_once(struct scripted_connection *connection, void *arg)
{
    (void)connection;
    (void)arg;
}

static void
script_reset_in_header(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    scripted_read(connection, 20);
    scripted_reset_at_close(connection);
}

static void
script_reset_in_body(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    scripted_read(connection, 1024);
    scripted_reset_at_close(connection);
}

static void
script_hang_in_body(struct scripted_connection *connection, void *arg)
{
    /* Not one byte more is read; the end comes by scripted_stop. */
    int *release = arg;
    scripted_read(connection, 1024);
    char byte;
    while (read(release[0], &byte, 1) < 0)
        ;
}

static void
script_refuse_in_body(struct scripted_connection *connection, void *arg)
{
    scripted_read(connection, 1024);
    scripted_send(connection, arg);
    scripted_finish(connection);
    scripted_wait_end(connection);
}

static void
script_endless_body(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (!scripted_read_request(connection))
        return;
    scripted_send(connection, "HTTP/1.1 200 OK\r\n\r\n");
    while (scripted_send(connection, "0123456789012345678901234567890123456789"))
        ;
}

static void
script_endless_headers(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (!scripted_read_request(connection))
        return;
    scripted_send(connection, "HTTP/1.1 200 OK\r\n");
    while (scripted_send(connection, "X-Header: 0123456789012345678901234567890123456789\r\n"))
        ;
}

static void
script_serve(struct scripted_connection *connection, void *arg)
{
    while (scripted_read_request(connection))
        if (!scripted_answer(connection, arg))
            return;
}

/* Says nothing and never reads: a TLS handshake that does not get on. */
static void
script_hang(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    scripted_wait_end(connection);
}

static void
script_greet(struct scripted_connection *connection, void *arg)
{
    scripted_send(connection, arg);
    scripted_finish(connection);
    scripted_wait_end(connection);
}

/* ---- one exchange each ------------------------------------------------------------------------------ */

#define NOTHING (1U << BH_HANDED_NOTHING)
#define PART    (1U << BH_HANDED_PART)
#define ALL     (1U << BH_HANDED_ALL)

struct row {
    const char *name;
    scripted_script *script;
    const char *text;
    unsigned handed_over; /* what may come out; two bits where the network decides */
    enum bh_trouble trouble;
    int http_status;
    bool headers_complete;
    bool body_complete;
    const char *body;
};

static void
check_exchange(const struct row *row, const struct bh_exchange *exchange)
{
    cr_expect((row->handed_over & (1U << exchange->handed_over)) != 0, "%s: handed over %d (%s)",
              row->name, exchange->handed_over, exchange->detail);
    cr_expect_str_eq(bh_trouble_name(exchange->trouble), bh_trouble_name(row->trouble), "%s: %s",
                     row->name, exchange->detail);
    cr_expect_eq(exchange->http_status, row->http_status, "%s: %d", row->name,
                 exchange->http_status);
    cr_expect_eq(exchange->headers_complete, row->headers_complete, "%s", row->name);
    cr_expect_eq(exchange->body_complete, row->body_complete, "%s", row->name);
    if (row->body != NULL)
        cr_expect_str_eq(exchange->body.ptr, row->body, "%s", row->name);
    cr_expect_eq(exchange->retry_after_ms, -1, "%s", row->name);
    cr_expect_geq(exchange->total_us, exchange->first_byte_at_us - 1, "%s", row->name);
}

static void
check_rows(const struct row *rows, size_t count, bh_ms timeout_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct client client;
        struct scripted_server *server =
            scripted_start(rows[i].script, (void *)(uintptr_t)rows[i].text);
        client_start(&client, NULL, scripted_port(server));
        check_exchange(&rows[i], client_ask(&client, BODY, timeout_ms));
        cr_expect_eq(scripted_connections(server), 1, "%s", rows[i].name);
        cr_expect_leq(scripted_requests(server), 1, "%s", rows[i].name);
        client_stop(&client);
        scripted_stop(server);
    }
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

Test(transport, takes_answers_as_their_framing_says)
{
    static const struct row rows[] = {
        {"length",                      script_send, OK_HEAD "Content-Length: 3\r\n\r\n100",       ALL, BH_TROUBLE_NONE, 200,
         true,                                                                                                                      true, "100"},
        {"more than its length",        script_send, OK_HEAD "Content-Length: 3\r\n\r\n1009",      ALL,
         BH_TROUBLE_NONE,                                                                                                200, true, true, "100"},
        {"length 0",                    script_send, OK_HEAD "Content-Length: 0\r\n\r\n",          ALL, BH_TROUBLE_NONE, 200,
         true,                                                                                                                      true, ""   },
        {"chunks and a trailer",        script_send,
         OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n10\r\n1;x=y\r\n0\r\n0\r\nRetry-After: "
                 "5\r\n\r\n",                                                                      ALL, BH_TROUBLE_NONE, 200, true, true, "100"},
        {"until the connection's end",  script_send, OK_HEAD "\r\n100",                            ALL, BH_TROUBLE_NONE, 200,
         true,                                                                                                                      true, "100"},
        {"HTTP/1.0",                    script_send, "HTTP/1.0 200 OK\r\n\r\n100",                 ALL, BH_TROUBLE_NONE, 200, true,
         true,                                                                                                                            "100"},
        {"100 Continue before",         script_send,
         "HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\n" OK_HEAD "Content-Length: 3\r\n\r\n100",
         ALL,                                                                                           BH_TROUBLE_NONE, 200, true, true, "100"},
        {"upgrade offered",             script_send,
         OK_HEAD "Upgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\n100",             ALL,
         BH_TROUBLE_NONE,                                                                                                200, true, true, "100"},
        {"204",                         script_send, "HTTP/1.1 204 No Content\r\n\r\n",            ALL, BH_TROUBLE_NONE, 204, true,
         true,                                                                                                                            ""   },
        {"no reason behind the status", script_send, "HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n",
         ALL,                                                                                           BH_TROUBLE_NONE, 500, true, true, ""   },
        {"redirect, not followed",      script_send,
         "HTTP/1.1 307 Temporary\r\nLocation: /api/sms\r\nContent-Length: 0\r\n\r\n",              ALL,
         BH_TROUBLE_NONE,                                                                                                307, true, true, ""   },
    };
    check_rows(rows, BH_ARRAY_LEN(rows), PATIENCE_MS);
}

Test(transport, knows_broken_answers_from_whole_ones)
{
    static const struct row rows[] = {
        {"nothing, FIN",                       script_send,            "",                                                         ALL, BH_TROUBLE_RESET,   0,   false, false, ""  },
        {"nothing, RST",                       script_send_and_reset,  "",                                                         ALL, BH_TROUBLE_RESET,   0,   false, false, ""  },
        {"half a status line, FIN",            script_send,            "HTTP/1.1 20",                                              ALL, BH_TROUBLE_RESET,   0,   false,
         false,                                                                                                                                                                ""  },
        {"100 Continue, FIN",                  script_send,            "HTTP/1.1 100 Continue\r\n\r\n",                            ALL, BH_TROUBLE_RESET,
         0,                                                                                                                                                      false, false, ""  },
        {"cut in headers, no length yet",      script_send,            OK_HEAD "Content-Ty",                                       ALL, BH_TROUBLE_RESET,
         200,                                                                                                                                                    false, false, ""  },
        {"cut between headers, no length yet", script_send,            OK_HEAD "Server: x\r\n",                                    ALL,
         BH_TROUBLE_RESET,                                                                                                                                  200, false, false, ""  },
        {"cut in headers, length known",       script_send,            OK_HEAD "Content-Length: 3\r\nX: y\r\n",                    ALL,
         BH_TROUBLE_RESET,                                                                                                                                  200, false, false, ""  },
        {"cut before the body",                script_send,            OK_HEAD "Content-Length: 3\r\n\r\n",                        ALL,
         BH_TROUBLE_RESET,                                                                                                                                  200, true,  false, ""  },
        {"cut in the body",                    script_send,            OK_HEAD "Content-Length: 4\r\n\r\n100",                     ALL,
         BH_TROUBLE_RESET,                                                                                                                                  200, true,  false, NULL},
        {"cut in a chunk",                     script_send,            OK_HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\n100",       ALL,
         BH_TROUBLE_RESET,                                                                                                                                  200, true,  false, NULL},
        {"cut before the last chunk",          script_send,
         OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n100\r\n",                                                                 ALL, BH_TROUBLE_RESET,   200, true,
         false,                                                                                                                                                                NULL},
        {"bad chunk",                          script_send,            OK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n100\r\n", ALL,
         BH_TROUBLE_RESET,                                                                                                                                  200, true,  false, NULL},
        {"not HTTP",                           script_send,            "SSH-2.0-OpenSSH_9.2\r\n",                                  ALL, BH_TROUBLE_GARBAGE, 0,   false,
         false,                                                                                                                                                                ""  },
        {"a page without headers",             script_send,            "<html>100</html>\n",                                       ALL, BH_TROUBLE_GARBAGE, 0,
         false,                                                                                                                                                         false, ""  },
        {"endless body",                       script_endless_body,    NULL,                                                       ALL, BH_TROUBLE_TOO_BIG, 200, true,  false,
         NULL                                                                                                                                                                      },
        {"endless headers",                    script_endless_headers, NULL,                                                       ALL, BH_TROUBLE_TOO_BIG, 200, false,
         false,                                                                                                                                                                ""  },
    };
    check_rows(rows, BH_ARRAY_LEN(rows), PATIENCE_MS);
}

Test(transport, gives_up_on_silent_servers_and_says_where)
{
    static const struct row rows[] = {
        {"no answer",          script_send_and_hang, "",                                     ALL, BH_TROUBLE_TIMEOUT, 0,   false, false, ""  },
        {"half a status line", script_send_and_hang, "HTTP/1.1 2",                           ALL, BH_TROUBLE_TIMEOUT, 0,
         false,                                                                                                                   false, ""  },
        {"half the headers",   script_send_and_hang, OK_HEAD "X: y\r\n",                     ALL, BH_TROUBLE_TIMEOUT, 200,
         false,                                                                                                                   false, ""  },
        {"half the body",      script_send_and_hang, OK_HEAD "Content-Length: 9\r\n\r\n100", ALL,
         BH_TROUBLE_TIMEOUT,                                                                                          200, true,  false, NULL},
    };
    check_rows(rows, BH_ARRAY_LEN(rows), SHORT_MS);
}

Test(transport, judges_early_ends_by_the_bytes_that_left)
{
    /* Whether the kernel took the request before it learnt of the close is up to the network. */
    static const struct row rows[] = {
        {"closed before reading", script_close_at_once,   NULL, ALL | NOTHING, BH_TROUBLE_RESET, 0,
         false,                                                                                            false, ""},
        {"reset in the header",   script_reset_in_header, NULL, ALL,           BH_TROUBLE_RESET, 0, false,
         false,                                                                                                   ""},
    };
    check_rows(rows, BH_ARRAY_LEN(rows), PATIENCE_MS);
}

static char *
make_big_body(size_t len)
{
    char *body = malloc(len + 1);
    cr_assert_not_null(body);
    memset(body, 'a', len);
    body[len] = '\0';
    return body;
}

Test(transport, knows_a_body_that_never_was_whole)
{
    int release[2];
    cr_assert_eq(pipe(release), 0);
    const struct row rows[] = {
        {"reset",         script_reset_in_body,  NULL,                               PART, BH_TROUBLE_RESET,   0,   false, false, ""},
        {"refused early", script_refuse_in_body,
         "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", PART,
         BH_TROUBLE_NONE,                                                                                      413, true,  true,  ""},
        {"hangs",         script_hang_in_body,   NULL,                               PART, BH_TROUBLE_TIMEOUT, 0,   false, false, ""},
    };
    char *body = make_big_body((size_t)20 * 1024 * 1024);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bool hangs = rows[i].script == script_hang_in_body;
        void *arg = hangs ? (void *)release : (void *)(uintptr_t)rows[i].text;
        struct client client;
        struct scripted_server *server = scripted_start(rows[i].script, arg);
        client_start(&client, NULL, scripted_port(server));
        check_exchange(&rows[i], client_ask(&client, body, hangs ? SHORT_MS : PATIENCE_MS));
        client_stop(&client);
        if (hangs)
            cr_assert_eq(write(release[1], "x", 1), 1);
        scripted_stop(server);
    }
    free(body);
    close(release[0]);
    close(release[1]);
}

/*
 * Not here: a DNS server that never answers.  The resolver asks the servers of the machine's own
 * configuration, and a test has no way to put another in their place without rights on the machine.
 */
Test(transport, sends_nothing_when_there_is_no_connection)
{
    static const struct {
        const char *name;
        const char *scheme;
        const char *host;
        enum bh_trouble trouble;
    } rows[] = {
        {"refused",         "http", "127.0.0.1",                                              BH_TROUBLE_CONNECT },
 /* A label is too long for DNS: no resolver asks anybody for it. */
        {"no such name",    "http",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid", BH_TROUBLE_RESOLVE },
        {"not HTTP at all", "ftp",  "127.0.0.1",                                              BH_TROUBLE_INTERNAL},
        {"a file",          "file", "",                                                       BH_TROUBLE_INTERNAL},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        int port = scripted_closed_port();
        client_start(&client, NULL, port);
        client_set_url(&client, rows[i].scheme, rows[i].host, port);
        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->handed_over, BH_HANDED_NOTHING, "%s", rows[i].name);
        cr_expect_str_eq(bh_trouble_name(exchange->trouble), bh_trouble_name(rows[i].trouble),
                         "%s: %s", rows[i].name, exchange->detail);
        cr_expect_eq(exchange->http_status, 0, "%s", rows[i].name);
        cr_expect_eq(bh_gateway_transport_open_connections(client.transport), 0, "%s",
                     rows[i].name);
        client_stop(&client);
    }
}

Test(transport, sends_nothing_without_a_trusted_tls_connection)
{
    static char greeting[] = "220 hello\r\n";
    const struct {
        const char *name;
        scripted_script *script;
        void *arg;
    } rows[] = {
        {"closed",  script_close_at_once,   NULL    },
        {"not TLS", script_greet,           greeting},
        {"hangs",   script_hang,            NULL    },
        {"RST",     script_reset_in_header, NULL    },
    };
    struct bh_gateway_transport_options options = {.connect_timeout_ms = SHORT_MS};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        struct scripted_server *server = scripted_start(rows[i].script, rows[i].arg);
        client_start(&client, &options, scripted_port(server));
        client_set_url(&client, "https", "127.0.0.1", scripted_port(server));
        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->handed_over, BH_HANDED_NOTHING, "%s", rows[i].name);
        cr_expect_str_eq(bh_trouble_name(exchange->trouble), "tls", "%s: %s", rows[i].name,
                         exchange->detail);
        client_stop(&client);
        scripted_stop(server);
    }
}

Test(transport, trusts_only_certificates_that_it_can_verify)
{
    static char body[] = "100";
    struct scripted_server *server = scripted_start_tls(script_serve, body);
    struct bh_gateway_transport_options options = {0};
    struct client client;

    client_start(&client, &options, scripted_port(server));
    client_set_url(&client, "https", "127.0.0.1", scripted_port(server));
    const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_str_eq(bh_trouble_name(exchange->trouble), "certificate", "%s", exchange->detail);
    cr_expect_eq(exchange->handed_over, BH_HANDED_NOTHING);

    options.ca_file = "/nonexistent/ca.pem";
    cr_assert_eq(bh_gateway_transport_configure(client.transport, &options), BH_OK);
    exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_str_eq(bh_trouble_name(exchange->trouble), "certificate", "%s", exchange->detail);
    cr_expect_eq(scripted_requests(server), 0);

    options.ca_file = scripted_ca_file(server);
    cr_assert_eq(bh_gateway_transport_configure(client.transport, &options), BH_OK);
    for (int i = 0; i < 3; i++) {
        exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->http_status, 200, "%s", exchange->detail);
        cr_expect_str_eq(exchange->body.ptr, "100");
        cr_expect_eq(exchange->new_connection, i == 0);
    }
    cr_expect_eq(scripted_requests(server), 3);

    /* Trusted, but for another name. */
    client_set_url(&client, "https", "localhost", scripted_port(server));
    exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_str_eq(bh_trouble_name(exchange->trouble), "certificate", "%s", exchange->detail);
    cr_expect_eq(scripted_requests(server), 3);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport, reads_retry_after_by_the_answers_own_clock)
{
    static const struct {
        const char *text;
        bh_ms wanted_ms;
    } rows[] = {
        {"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",                 7000},
        {"HTTP/1.1 503 Busy\r\nretry-after: 0\r\nContent-Length: 0\r\n\r\n",                 0   },
        {"HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:30 GMT\r\n"
         "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n", 7000},
        {"HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: "
         "Sun, 06 Nov 1994 08:49:30 GMT\r\nContent-Length: 0\r\n\r\n",              7000},
        {"HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
         "Content-Length: 0\r\n\r\n",                                               0   },
        {"HTTP/1.1 503 Busy\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",              -1  },
        {"HTTP/1.1 503 Busy\r\nRetry-After:\r\nContent-Length: 0\r\n\r\n",                   -1  },
        {"HTTP/1.1 503 Busy\r\nX-Retry-After: 7\r\nContent-Length: 0\r\n\r\n",               -1  },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        struct scripted_server *server =
            scripted_start(script_send, (void *)(uintptr_t)rows[i].text);
        client_start(&client, NULL, scripted_port(server));
        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->retry_after_ms, rows[i].wanted_ms, "%s", rows[i].text);
        client_stop(&client);
        scripted_stop(server);
    }
}

/* ---- what is sent ------------------------------------------------------------------------------------ */

static void
script_echo(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    while (scripted_read_request(connection))
        if (!scripted_answer(connection, scripted_request(connection)))
            return;
}

Test(transport, sends_what_it_was_given_and_little_else)
{
    struct client client;
    struct scripted_server *server = scripted_start(script_echo, NULL);
    client_start(&client, NULL, scripted_port(server));
    char wanted[512];
    snprintf(wanted, sizeof(wanted),
             "POST /api/sms HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             scripted_port(server), strlen(BODY), BODY);
    cr_expect_str_eq(client_ask(&client, BODY, PATIENCE_MS)->body.ptr, wanted);

    snprintf(wanted, sizeof(wanted), "GET /api/sms HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
             scripted_port(server));
    const struct bh_exchange *exchange = client_ask(&client, NULL, PATIENCE_MS);
    cr_expect_eq(strncmp(exchange->body.ptr, wanted, strlen(wanted)), 0, "%s", exchange->body.ptr);
    cr_expect_null(strstr(exchange->body.ptr, "Content-Length"));
    cr_expect_eq(exchange->handed_over, BH_HANDED_ALL);

    /* A GET must leave nothing behind for the POST that follows on the same handle. */
    exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_eq(strncmp(exchange->body.ptr, "POST ", 5), 0);
    cr_expect_not_null(strstr(exchange->body.ptr, "\r\n\r\n" BODY));
    client_stop(&client);
    scripted_stop(server);
}

Test(transport, ignores_proxies_of_the_environment_and_obeys_its_own)
{
    struct scripted_server *server = scripted_start(script_echo, NULL);
    char closed[64], proxy[64];
    snprintf(closed, sizeof(closed), "http://127.0.0.1:%d", scripted_closed_port());
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", scripted_port(server));
    setenv("http_proxy", closed, 1);
    setenv("all_proxy", closed, 1);
    setenv("no_proxy", "gateway.example", 1);

    struct client client;
    client_start(&client, NULL, scripted_port(server));
    cr_expect_eq(client_ask(&client, BODY, PATIENCE_MS)->http_status, 200);

    struct bh_gateway_transport_options options = {.proxy = proxy};
    cr_assert_eq(bh_gateway_transport_configure(client.transport, &options), BH_OK);
    client_set_url(&client, "http", "gateway.example", 80);
    const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_eq(exchange->http_status, 200, "%s", exchange->detail);
    const char *wanted = "POST http://gateway.example:80/api/sms ";
    cr_expect(strncmp(exchange->body.ptr, wanted, strlen(wanted)) == 0 ||
                  strncmp(exchange->body.ptr, "POST http://gateway.example/api/sms ", 36) == 0,
              "%s", exchange->body.ptr);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport, counts_nothing_as_sent_that_only_a_proxy_has_read)
{
    static const struct {
        const char *name;
        scripted_script *script;
        const char *text;
    } rows[] = {
        {"refused",          script_send,           "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
        {"FIN",              script_send,           ""                                            },
        {"RST",              script_send_and_reset, ""                                            },
        {"hangs",            script_send_and_hang,  ""                                            },
        {"tunnel to no TLS", script_send,           "HTTP/1.1 200 OK\r\n\r\nhello"                },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        char proxy[64];
        struct scripted_server *server =
            scripted_start(rows[i].script, (void *)(uintptr_t)rows[i].text);
        snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", scripted_port(server));
        struct bh_gateway_transport_options options = {.proxy = proxy,
                                                       .connect_timeout_ms = SHORT_MS};
        client_start(&client, &options, 443);
        client_set_url(&client, "https", "gateway.example", 443);
        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->handed_over, BH_HANDED_NOTHING, "%s", rows[i].name);
        cr_expect_eq(exchange->http_status, 0, "%s: %d", rows[i].name, exchange->http_status);
        cr_expect_neq(exchange->trouble, BH_TROUBLE_NONE, "%s", rows[i].name);
        client_stop(&client);
        scripted_stop(server);
    }
}
