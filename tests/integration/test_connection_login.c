/* Login, database, TLS, and what a server says instead of taking us. */
#include <stdio.h>
#include <string.h>

#include "integration/client.h"
#include "support/linecut.h"
#include "support/redis_process.h"

static struct bh_redis_process redis;

static void
set_up(void)
{
    bh_redis_process_init(&redis);
}

static void
tear_down(void)
{
    bh_redis_process_release(&redis);
}

TestSuite(login, .init = set_up, .fini = tear_down, .timeout = 60);
TestSuite(tls, .init = set_up, .fini = tear_down, .timeout = 60);

static void
write_file(const char *name, const char *text)
{
    char path[128];
    bh_redis_process_path(&redis, name, path, sizeof(path));
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

/* Start a client with this URL and expect one failed attempt. */
static void
expect_refusal(const char *url, const char *reason, const char *advice, enum bh_redis_class class)
{
    struct client client;
    client_init(&client, url);
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    EXPECT_REASON(&client, reason);
    cr_expect(has_text(client.advice, advice), "%s: the advice is: %s", url, client.advice);
    cr_expect_eq(client.class, class, "%s: %s", url, bh_redis_class_name(client.class));
    cr_expect_not(has_text(client.reason, "geheim"), "the password is shown: %s", client.reason);
    if (class == BH_REDIS_ALARM)
        cr_expect_geq(client.retry_after_ms, 5000, "slowly, please");
    else
        cr_expect_leq(client.retry_after_ms, 75);
    cr_expect_eq(client.ups, 0);
    client_finish(&client);
}

static void
expect_up(const char *url)
{
    struct client client;
    client_init(&client, url);
    client_come_up(&client);
    SEND(&client, "GET", "x");
    RUN_UNTIL(&client, client.answers == 1);
    cr_expect_eq(client.nulls, 0);
    client_finish(&client);
}

static void
make_url(char *ret_url, size_t size, const char *login, const char *query)
{
    snprintf(ret_url, size, "unix://%s%s%s", login, redis.socket_path, query);
}

Test(login, of_an_acl_user_and_of_the_default_user)
{
    static const struct {
        const char *login;
        const char *reason; /* NULL: comes up */
        const char *advice;
    } rows[] = {
        {"worker:geheim@",          NULL,                       NULL                   },
        {":geheim2@",               NULL,                       NULL                   },
        {"default:geheim2@",        NULL,                       NULL                   },
        {"odd:geheim%20%C3%A4%40@", NULL,                       NULL                   },
        {"worker:geheimx@",         "login refused: WRONGPASS", "user name or password"},
        {"nobody:geheim@",          "login refused: WRONGPASS", "user name or password"},
        {"disabled:geheim@",        "login refused: WRONGPASS", "user is disabled"     },
        {":geheim@",                "login refused: WRONGPASS", "user name or password"},
        {"",                        "not ready: NOAUTH",        "asks for a password"  },
        {"worker@",                 "not ready: NOAUTH",        "asks for a password"  },
 /* May do what it has to, but neither PING nor CLIENT. */
        {"poor:geheim@",            NULL,                       NULL                   },
    };
    char acl[128];
    bh_redis_process_path(&redis, "users.acl", acl, sizeof(acl));
    write_file("users.acl", "user default on >geheim2 ~* +@all\n"
                            "user worker on >geheim ~* +@all\n"
                            "user disabled off >geheim ~* +@all\n"
                            "user poor on >geheim ~* +get\n");
    bh_redis_process_start(&redis, (const char *const[]){"--aclfile", acl, NULL});
    {
        struct client client;
        char url[160];
        make_url(url, sizeof(url), "worker:geheim@", "");
        client_init(&client, url);
        client_come_up(&client);
        SEND(&client, "ACL", "SETUSER", "odd", "on", ">geheim \xc3\xa4@", "~*", "+@all");
        RUN_UNTIL(&client, client.answers == 1);
        client_finish(&client);
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char url[160];
        make_url(url, sizeof(url), rows[i].login, "");
        if (rows[i].reason == NULL)
            expect_up(url);
        else
            expect_refusal(url, rows[i].reason, rows[i].advice, BH_REDIS_ALARM);
    }
}

Test(login, with_a_password_that_the_server_does_not_have)
{
    char url[160];
    bh_redis_process_start(&redis, NULL);
    make_url(url, sizeof(url), ":geheim@", "");
    expect_refusal(url, "login refused: ERR AUTH", "Redis has none", BH_REDIS_ALARM);
}

Test(login, of_a_server_that_repeats_what_it_does_not_know)
{
    char url[160];
    bh_redis_process_start(&redis, (const char *const[]){"--rename-command", "AUTH", "", NULL});
    make_url(url, sizeof(url), "user:geheim@", "");
    expect_refusal(url, "login refused: (its words are withheld", "does not know a command",
                   BH_REDIS_ALARM);
}

Test(login, selects_the_database)
{
    char url[160];
    struct client client;
    bh_redis_process_start(&redis, NULL);
    make_url(url, sizeof(url), "", "?db=5");
    client_init(&client, url);
    client_come_up(&client);
    SEND(&client, "SET", "x", "in 5");
    SEND(&client, "SELECT", "0");
    SEND(&client, "EXISTS", "x");
    RUN_UNTIL(&client, client.answers == 3);
    cr_expect_eq(client.last_integer, 0);
    SEND(&client, "SELECT", "5");
    SEND(&client, "GET", "x");
    RUN_UNTIL(&client, client.answers == 5);
    cr_expect_str_eq(client.last_text, "in 5");
    client_finish(&client);

    make_url(url, sizeof(url), "", "?db=16");
    expect_refusal(url, "database refused: ERR DB index", "number of the URL does not exist",
                   BH_REDIS_ALARM);
}

Test(login, waits_while_the_server_loads_its_data)
{
    struct client client;
    bh_redis_process_start(&redis, (const char *const[]){"--enable-debug-command", "yes", NULL});
    client_init(&client, redis.url);
    client_come_up(&client);
    SEND(&client, "DEBUG", "POPULATE", "200", "key", "1000");
    SEND(&client, "SAVE");
    RUN_UNTIL(&client, client.answers == 2);
    cr_assert_str_eq(client.last_text, "OK");
    bh_redis_process_kill(&redis);
    RUN_UNTIL(&client, client.losses == 1);

    /* 200 keys of 5 ms each. */
    bh_redis_process_start_loading(
        &redis, (const char *const[]){"--key-load-delay", "5000",
                                      "--loading-process-events-interval-bytes", "1024", NULL});
    RUN_UNTIL(&client, has_text(client.reason, "LOADING"));
    cr_expect_eq(client.class, BH_REDIS_WAIT);
    cr_expect_eq(client.ups, 1, "a loading server is not up");
    RUN_UNTIL(&client, client.ups == 2);
    SEND(&client, "DBSIZE");
    RUN_UNTIL(&client, client.answers == 3);
    cr_expect_eq(client.last_integer, 200);
    client_finish(&client);
}

Test(login, tells_the_words_of_a_server_that_throws_it_out)
{
    struct client first, second;
    bh_redis_process_start(&redis, (const char *const[]){"--maxclients", "1", NULL});
    client_init(&first, redis.url);
    client_start(&first);
    RUN_UNTIL(&first, first.ups == 1);
    client_init(&second, redis.url);
    client_start(&second);
    RUN_UNTIL(&second, second.downs == 1);
    EXPECT_REASON(&second, "max number of clients");
    cr_expect_eq(second.class, BH_REDIS_WAIT);
    client_finish(&second);
    client_finish(&first);
}

/* ---- TLS ------------------------------------------------------------------------------------------- */

struct tls_paths {
    char ca[128], cert[128], key[128], server_cert[128], server_key[128];
};

static struct tls_paths paths;

/* The server takes TLS on its TCP port; `clients` is for tls-auth-clients. */
static void
start_with_tls(const char *clients)
{
    char port[8];
    bh_redis_process_make_certificates(&redis);
    bh_redis_process_path(&redis, "ca.pem", paths.ca, sizeof(paths.ca));
    bh_redis_process_path(&redis, "client.pem", paths.cert, sizeof(paths.cert));
    bh_redis_process_path(&redis, "client.key", paths.key, sizeof(paths.key));
    bh_redis_process_path(&redis, "server.pem", paths.server_cert, sizeof(paths.server_cert));
    bh_redis_process_path(&redis, "server.key", paths.server_key, sizeof(paths.server_key));
    bh_redis_process_want_tcp(&redis);
    snprintf(port, sizeof(port), "%u", (unsigned)redis.port);
    bh_redis_process_start(
        &redis,
        (const char *const[]){"--port", "0", "--tls-port", port, "--tls-ca-cert-file", paths.ca,
                              "--tls-cert-file", paths.server_cert, "--tls-key-file",
                              paths.server_key, "--tls-auth-clients", clients, NULL});
}

static void
init_tls_client(struct client *client, const char *host, uint16_t port)
{
    char url[128];
    snprintf(url, sizeof(url), "rediss://%s:%u/1", host, (unsigned)port);
    client_init(client, url);
    client->options.tls.ca = paths.ca;
    /* A handshake takes its time under sanitizers and valgrind. */
    client->options.connect_timeout_ms = 10000;
}

static void
expect_tls_refusal(struct client *client, const char *reason, bool alarm)
{
    client_start(client);
    RUN_UNTIL(client, client->downs == 1);
    EXPECT_REASON(client, reason);
    cr_expect_eq(client->class == BH_REDIS_ALARM, alarm, "%s", client->reason);
    cr_expect_eq(client->ups, 0);
    client_finish(client);
}

Test(tls, carries_small_and_big_commands)
{
    static char big[300000];
    struct client client;
    start_with_tls("no");
    init_tls_client(&client, "localhost", redis.port);
    client_come_up(&client);
    memset(big, 'x', sizeof(big) - 1);
    SEND(&client, "SET", "big", big);
    for (int i = 0; i < 50; i++)
        SEND(&client, "GET", "big");
    SEND(&client, "STRLEN", "big");
    RUN_UNTIL(&client, client.answers == 52);
    cr_expect_eq(client.last_integer, (long long)sizeof(big) - 1);
    cr_expect_eq(client.nulls, 0);
    client_finish(&client);
}

Test(tls, knows_the_server_by_its_address_too)
{
    struct client client;
    start_with_tls("no");
    init_tls_client(&client, "127.0.0.1", redis.port);
    client_come_up(&client);
    client_finish(&client);
}

Test(tls, shows_its_own_certificate)
{
    struct client client;
    start_with_tls("yes");
    init_tls_client(&client, "localhost", redis.port);
    client.options.tls.cert = paths.cert;
    client.options.tls.key = paths.key;
    client_come_up(&client);
    client_finish(&client);

    init_tls_client(&client, "localhost", redis.port);
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    /* The server's alert, or only its closing: depends on which is noticed first. */
    cr_expect(has_text(client.reason, "TLS failed") || has_text(client.reason, "closed") ||
                  has_text(client.reason, "reset"),
              "%s", client.reason);
    client_finish(&client);
}

Test(tls, refuses_an_authority_that_it_does_not_know)
{
    struct client client;
    start_with_tls("no");
    init_tls_client(&client, "localhost", redis.port);
    client.options.tls.ca = NULL;
    expect_tls_refusal(&client, "certificate is refused", true);
}

Test(tls, refuses_a_certificate_of_another_host)
{
    struct client client;
    start_with_tls("no");
    /* An address of this machine that the certificate does not name. */
    struct bh_linecut *line = bh_linecut_start(
        &(struct bh_linecut_options){.upstream_port = redis.port, .listen_address = "127.0.0.2"});
    init_tls_client(&client, "127.0.0.2", bh_linecut_port(line));
    expect_tls_refusal(&client, "certificate is refused: IP address mismatch", true);
    bh_linecut_stop(line);
}

Test(tls, notices_a_server_that_speaks_plain_text)
{
    struct client client;
    bh_redis_process_make_certificates(&redis);
    bh_redis_process_path(&redis, "ca.pem", paths.ca, sizeof(paths.ca));
    bh_redis_process_want_tcp(&redis);
    bh_redis_process_start(&redis, NULL);
    init_tls_client(&client, "localhost", redis.port);
    /* Redis waits for a line's end in the handshake's bytes, or answers that it is no command. */
    client.options.connect_timeout_ms = 300;
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    cr_expect(has_text(client.reason, "TLS failed") ||
                  has_text(client.reason, "the TLS handshake took longer") ||
                  has_text(client.reason, "closed") || has_text(client.reason, "reset"),
              "%s", client.reason);
    cr_expect_eq(client.ups, 0);
    client_finish(&client);
}

Test(tls, is_noticed_by_a_client_that_speaks_plain_text)
{
    char url[64];
    struct client client;
    start_with_tls("no");
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", (unsigned)redis.port);
    client_init(&client, url);
    client.options.connect_timeout_ms = 1000;
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    cr_expect_eq(client.ups, 0);
    client_finish(&client);
}

Test(tls, gives_up_a_handshake_that_stalls)
{
    struct client client;
    struct bh_linecut *silent = bh_linecut_start(&(struct bh_linecut_options){0});
    bh_redis_process_make_certificates(&redis);
    bh_redis_process_path(&redis, "ca.pem", paths.ca, sizeof(paths.ca));
    init_tls_client(&client, "127.0.0.1", bh_linecut_port(silent));
    client.options.connect_timeout_ms = 100;
    expect_tls_refusal(&client, "the TLS handshake took longer than 100 ms", false);
    bh_linecut_stop(silent);
}

Test(tls, survives_a_handshake_byte_by_byte_and_a_cut_in_each_phase)
{
    struct client client;
    start_with_tls("no");
    struct bh_linecut *line =
        bh_linecut_start(&(struct bh_linecut_options){.upstream_port = redis.port});
    init_tls_client(&client, "127.0.0.1", bh_linecut_port(line));
    client.options.reconnect.max_ms = 60;
    bh_linecut_set(line, BH_LINECUT_TRICKLE, 7);
    client_come_up(&client);
    SEND(&client, "ECHO", "trickled");
    RUN_UNTIL(&client, client.answers == 1);
    cr_expect_str_eq(client.last_text, "trickled");

    for (unsigned i = 0; i < 12; i++) {
        unsigned downs = client.downs;
        uint64_t seen = bh_linecut_counters(line).to_clients;
        bh_linecut_cut(line, i % 2 == 0 ? BH_LINECUT_FIN : BH_LINECUT_RST);
        RUN_UNTIL(&client, client.downs > downs);
        RUN_UNTIL(&client, bh_linecut_counters(line).to_clients > seen + (uint64_t)i * 200 ||
                               bh_redis_connection_state(&client.conn) == BH_REDIS_READY);
    }
    bh_linecut_set(line, BH_LINECUT_PASS, 0);
    RUN_UNTIL(&client, bh_redis_connection_state(&client.conn) == BH_REDIS_READY);
    client_finish(&client);
    bh_linecut_stop(line);
}

Test(tls, what_the_system_does_not_take_at_once_goes_out_later_and_in_order)
{
    struct client client;
    start_with_tls("no");
    struct bh_linecut *line =
        bh_linecut_start(&(struct bh_linecut_options){.upstream_port = redis.port});
    init_tls_client(&client, "127.0.0.1", bh_linecut_port(line));
    client.options.outgoing_bytes_max = (size_t)16 * 1024 * 1024;
    client_come_up(&client);
    client_fill_and_drain(&client, line);
    client_finish(&client);
    bh_linecut_stop(line);
}

Test(tls, tells_an_end_in_order_from_a_cut)
{
    struct client client;
    start_with_tls("no");
    init_tls_client(&client, "localhost", redis.port);
    client_come_up(&client);
    SEND(&client, "QUIT");
    RUN_UNTIL(&client, client.downs == 1);
    cr_expect_eq(client.answers, 1);
    EXPECT_REASON(&client, "the server closed the connection");
    client_finish(&client);
}

Test(tls, drops_a_connection_whose_bytes_were_changed)
{
    struct client client;
    start_with_tls("no");
    struct bh_linecut *line =
        bh_linecut_start(&(struct bh_linecut_options){.upstream_port = redis.port});
    init_tls_client(&client, "127.0.0.1", bh_linecut_port(line));
    client_come_up(&client);
    bh_linecut_set(line, BH_LINECUT_CORRUPT, 8);
    SEND(&client, "ECHO", "changed");
    RUN_UNTIL(&client, client.answers == 1);
    cr_expect_eq(client.nulls, 1);
    RUN_UNTIL(&client, client.downs == 1);
    EXPECT_REASON(&client, "TLS failed");
    client_finish(&client);
    bh_linecut_stop(line);
}

Test(tls, refuses_files_that_it_cannot_use_with_a_sentence)
{
    bh_redis_process_make_certificates(&redis);
    char ca[128], cert[128], other_key[128], no_such[128];
    bh_redis_process_path(&redis, "ca.pem", ca, sizeof(ca));
    bh_redis_process_path(&redis, "client.pem", cert, sizeof(cert));
    bh_redis_process_path(&redis, "server.key", other_key, sizeof(other_key));
    bh_redis_process_path(&redis, "no-such-file", no_such, sizeof(no_such));
    const struct {
        struct bh_tls_files files;
        const char *field, *sentence;
    } rows[] = {
        {{.ca = no_such},                     "tls_ca",   "cannot be used"},
        {{.ca = other_key},                   "tls_ca",   "cannot be used"},
        {{.ca = ca, .cert = cert},            "tls_key",  "given together"},
        {{.ca = ca, .key = other_key},        "tls_cert", "given together"},
        {{.cert = no_such, .key = other_key}, "tls_cert", "cannot be used"},
        {{.cert = cert, .key = no_such},      "tls_key",  "cannot be used"},
        {{.cert = cert, .key = cert},         "tls_key",  "cannot be used"},
        {{.cert = cert, .key = other_key},    "tls_key",  ""              },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_tls_context *context;
        struct bh_error error = {0};
        cr_expect_eq(bh_tls_context_new(&rows[i].files, &context, &error), BH_EINVAL, "row %zu", i);
        cr_expect_str_eq(error.field, rows[i].field, "row %zu: %s", i, error.text);
        cr_expect(has_text(error.text, rows[i].sentence), "row %zu: %s", i, error.text);
    }
}
