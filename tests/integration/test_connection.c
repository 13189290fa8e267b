/* Coming up, commands, limits, and stopping at every moment.  Faults: test_connection_faults.c. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "integration/client.h"
#include "support/linecut.h"
#include "support/redis_process.h"
#include "support/scarce_memory.h"

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

TestSuite(connection, .init = set_up, .fini = tear_down, .timeout = 60);

/* A port of 127.0.0.1 that nobody listens on, or whose queue is full so that no SYN is answered. */
struct deaf_port {
    int listener;
    int fillers[4];
    char url[64];
};

static void
open_deaf_port(struct deaf_port *port, bool silent)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    port->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(port->listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(port->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(port->url, sizeof(port->url), "redis://127.0.0.1:%u", ntohs(address.sin_port));
    if (silent)
        cr_assert_eq(listen(port->listener, 0), 0);
    for (size_t i = 0; i < BH_ARRAY_LEN(port->fillers); i++) {
        port->fillers[i] = -1;
        if (!silent)
            continue;
        port->fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(port->fillers[i], F_SETFL, O_NONBLOCK);
        (void)connect(port->fillers[i], (struct sockaddr *)&address, size);
    }
}

static void
close_deaf_port(struct deaf_port *port)
{
    close(port->listener);
    for (size_t i = 0; i < BH_ARRAY_LEN(port->fillers); i++) {
        if (port->fillers[i] >= 0)
            close(port->fillers[i]);
    }
}

/* ---- coming up ------------------------------------------------------------------------------------- */

Test(connection, comes_up_by_itself_when_the_server_does)
{
    struct client client;
    client_init(&client, redis.url);
    client_start(&client);
    cr_expect_eq(TRY_SEND(&client, 0, "PING"), BH_EDOWN, "refused, not kept");
    RUN_UNTIL(&client, client.downs == 2);
    EXPECT_REASON(&client, "no such file or directory");
    EXPECT_REASON(&client, redis.socket_path);
    cr_expect_eq(client.losses, 0);
    cr_expect_eq(client.failures, 2);
    cr_expect(client.retry_after_ms >= 100 && client.retry_after_ms <= 150, "%lld",
              (long long)client.retry_after_ms);

    bh_redis_process_start(&redis, NULL);
    RUN_UNTIL(&client, client.ups == 1);
    cr_expect_eq(bh_redis_connection_state(&client.conn), BH_REDIS_READY);
    SEND(&client, "PING");
    SEND(&client, "CLIENT", "GETNAME");
    RUN_UNTIL(&client, client.answers == 2);
    cr_expect_str_eq(client.last_text, "test");
    client_finish(&client);
    cr_expect_str_eq(client.reason, "stopped");
    cr_expect_eq(client.retry_after_ms, -1);
}

Test(connection, waits_longer_after_each_failure)
{
    struct deaf_port port;
    struct client client;
    open_deaf_port(&port, false);
    client_init(&client, port.url);
    client.options.reconnect = (struct bh_reconnect_policy){.first_ms = 10, .max_ms = 40};
    uint64_t begin = uv_hrtime();
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 5);
    /* 10 + 20 + 40 + 40 at least; the dice lengthen only. */
    cr_expect_geq(uv_hrtime() - begin, 110 * 1000000u);
    EXPECT_REASON(&client, "connection refused");
    EXPECT_REASON(&client, port.url + strlen("redis://"));
    cr_expect(client.retry_after_ms >= 40 && client.retry_after_ms <= 60);
    cr_expect_eq(bh_redis_connection_counters(&client.conn)->attempts, 5);
    cr_expect_eq(bh_redis_connection_counters(&client.conn)->ups, 0);
    client_finish(&client);
    close_deaf_port(&port);
}

Test(connection, gives_up_an_attempt_that_nobody_answers)
{
    struct deaf_port port;
    struct client client;
    open_deaf_port(&port, true);
    client_init(&client, port.url);
    client.options.connect_timeout_ms = 100;
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 2);
    EXPECT_REASON(&client, "connecting took longer than 100 ms");
    EXPECT_REASON(&client, port.url + strlen("redis://"));
    cr_expect_eq(bh_redis_connection_counters(&client.conn)->timeouts, 2);
    client_finish(&client);
    close_deaf_port(&port);
}

Test(connection, says_that_a_name_does_not_exist)
{
    struct client client;
    client_init(&client, "redis://no-such-host.invalid:6379");
    client.options.connect_timeout_ms = 10000;
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    /* The second where no name server answers at all. */
    cr_expect(has_text(client.reason, "the name cannot be resolved") ||
                  has_text(client.reason, "resolving the name took longer"),
              "%s", client.reason);
    EXPECT_REASON(&client, "no-such-host.invalid:6379");
    client_finish(&client);
}

Test(connection, tries_every_address_of_a_name)
{
    char url[64];
    struct client client;
    bh_redis_process_want_tcp(&redis);
    bh_redis_process_start(&redis, NULL);
    /* Where this name has an IPv6 address, that one refuses. */
    snprintf(url, sizeof(url), "redis://localhost:%u", (unsigned)redis.port);
    client_init(&client, url);
    client_come_up(&client);
    client_finish(&client);
}

Test(connection, refuses_sentinels_and_clusters_with_a_sentence)
{
    static const char *const urls[] = {"redis+sentinel://h/master", "redis+cluster://h"};
    for (size_t i = 0; i < BH_ARRAY_LEN(urls); i++) {
        struct bh_redis_connection conn;
        struct bh_redis_url url;
        struct bh_redis_listener listener = {0};
        struct bh_error error = {0};
        uv_loop_t loop;
        cr_assert_eq(bh_redis_url_parse(bh_str_from(urls[i]), &url, NULL), BH_OK);
        cr_assert_eq(uv_loop_init(&loop), 0);
        struct bh_redis_options options = {.url = &url};
        cr_expect_eq(bh_redis_connection_init(&conn, &loop, &options, &listener, &error),
                     BH_EINVAL);
        cr_expect(has_text(error.text, "standalone server only"), "%s", error.text);
        cr_expect_eq(uv_loop_close(&loop), 0);
        bh_redis_url_release(&url);
    }
}

/* ---- commands -------------------------------------------------------------------------------------- */

#define PIPELINED 100000

static void
expect_in_order(struct client *client, const struct redisReply *reply)
{
    cr_assert_not_null(reply, "%s", client->last_text);
    cr_assert_eq(reply->integer, (long long)++client->order);
}

Test(connection, answers_100000_pipelined_commands_in_order_with_few_system_calls)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client.options.pending_max = PIPELINED;
    client.options.command_timeout_ms = 60000;
    client.when_reply = expect_in_order;
    client_come_up(&client);
    for (int i = 0; i < PIPELINED; i++)
        SEND(&client, "INCR", "counter");
    cr_expect_eq(TRY_SEND(&client, 0, "INCR", "counter"), BH_ETOOBIG);
    cr_expect_eq(client.answers, 0);
    RUN_UNTIL(&client, client.answers == PIPELINED);
    const struct bh_redis_counters *counters = bh_redis_connection_counters(&client.conn);
    cr_expect_leq(counters->writes, 10, "%llu", (unsigned long long)counters->writes);
    cr_expect_eq(counters->refused, 1);
    client_finish(&client);
}

static void
pump_on_turn(uv_prepare_t *pump)
{
    struct client *client = pump->data;
    if (client->ups > 0 && client->order < 20 && client->answers == client->order) {
        client->order++;
        SEND(client, "ECHO", "x");
    }
}

Test(connection, sends_at_once_what_a_prepare_callback_gives_it)
{
    struct client client;
    uv_prepare_t pump;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    pump.data = &client;
    uv_prepare_init(&client.loop, &pump);
    uv_prepare_start(&pump, pump_on_turn);
    client_come_up(&client);
    uv_timer_stop(&client.tick);
    /* Nothing else wakes this loop: with a forgotten flush it would sleep until a deadline. */
    while (client.answers < 20)
        uv_run(&client.loop, UV_RUN_ONCE);
    cr_expect_eq(client.nulls, 0);
    uv_close((uv_handle_t *)&pump, NULL);
    client_finish(&client);
}

static void
count_turn(uv_prepare_t *prepare)
{
    (*(unsigned *)prepare->data)++;
}

Test(connection, sleeps_when_there_is_nothing_to_do)
{
    struct client client;
    uv_prepare_t prepare;
    unsigned turns = 0, before;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    uv_prepare_init(&client.loop, &prepare);
    prepare.data = &turns;
    uv_prepare_start(&prepare, count_turn);
    client_come_up(&client);
    SEND(&client, "PING");
    RUN_UNTIL(&client, client.answers == 1);
    before = turns;
    client.ticks_left = 20;
    while (client_may_wait(&client))
        uv_run(&client.loop, UV_RUN_ONCE);
    cr_expect_leq(turns - before, 40, "%u turns for 20 ticks", turns - before);
    uv_close((uv_handle_t *)&prepare, NULL);
    client_finish(&client);
}

Test(connection, refuses_whole_commands_over_its_bounds_and_goes_on)
{
    char big[3000];
    struct client client;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client.options.outgoing_bytes_max = 4000;
    client.options.pending_max = 6;
    client_come_up(&client);
    SEND(&client, "ECHO", big);
    cr_expect_eq(TRY_SEND(&client, 0, "ECHO", big), BH_ETOOBIG);
    SEND(&client, "ECHO", "fits");
    RUN_UNTIL(&client, client.answers == 2);
    cr_expect_str_eq(client.last_text, "fits");
    for (int i = 0; i < 6; i++)
        SEND(&client, "PING");
    cr_expect_eq(TRY_SEND(&client, 0, "PING"), BH_ETOOBIG);
    RUN_UNTIL(&client, client.answers == 8);
    cr_expect_eq(client.nulls, 0);
    client_finish(&client);
}

static const struct bh_str any_bytes[2] = {
    {"ECHO",               4 },
    {"a\0\r\n$-1\r\n\xff", 10},
};

static void
expect_any_bytes(struct client *client, const struct redisReply *reply)
{
    (void)client;
    cr_assert_not_null(reply);
    cr_expect_eq(reply->len, any_bytes[1].len);
    cr_expect_arr_eq(reply->str, any_bytes[1].ptr, any_bytes[1].len);
}

Test(connection, carries_any_bytes)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client_come_up(&client);
    SEND(&client, "SET", "empty", "");
    SEND(&client, "STRLEN", "empty");
    RUN_UNTIL(&client, client.answers == 2);
    cr_expect_eq(client.last_integer, 0);
    client.when_reply = expect_any_bytes;
    cr_assert_eq(client_send_bytes(&client, 2, any_bytes, 0), BH_OK);
    RUN_UNTIL(&client, client.answers == 3);
    client_finish(&client);
}

/* ---- stopping -------------------------------------------------------------------------------------- */

static void
stop_now(struct client *client)
{
    bh_redis_connection_stop(&client->conn);
    cr_expect_eq(client->closes, 0, "closed from within stop");
    cr_expect_eq(TRY_SEND(client, 0, "PING"), BH_EDOWN);
}

static void
stop_at_reply(struct client *client, const struct redisReply *reply)
{
    (void)reply;
    stop_now(client);
}

static void
finish_after_close(struct client *client)
{
    RUN_UNTIL(client, client->closes == 1);
    client_finish(client);
}

Test(connection, stops_right_behind_its_start)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client_start(&client);
    stop_now(&client);
    finish_after_close(&client);
    cr_expect_eq(client.downs, 1);
}

Test(connection, stops_while_a_name_is_resolved)
{
    struct client client;
    client_init(&client, "redis://no-such-host.invalid");
    client_start(&client);
    stop_now(&client);
    finish_after_close(&client);
    cr_expect_str_eq(client.reason, "stopped");
}

Test(connection, stops_while_it_connects)
{
    struct deaf_port port;
    struct client client;
    open_deaf_port(&port, true);
    client_init(&client, port.url);
    client_start(&client);
    for (int i = 0; i < 10; i++)
        uv_run(&client.loop, UV_RUN_NOWAIT);
    stop_now(&client);
    finish_after_close(&client);
    close_deaf_port(&port);
}

Test(connection, stops_while_it_logs_in)
{
    char url[64];
    struct client client;
    struct bh_linecut *silent = bh_linecut_start(&(struct bh_linecut_options){0});
    snprintf(url, sizeof(url), "redis://u:p@127.0.0.1:%u/3", (unsigned)bh_linecut_port(silent));
    client_init(&client, url);
    client_start(&client);
    RUN_UNTIL(&client, bh_linecut_counters(silent).from_clients > 0);
    cr_expect_eq(bh_redis_connection_pending(&client.conn), 4);
    stop_now(&client);
    finish_after_close(&client);
    bh_linecut_stop(silent);
}

Test(connection, stops_while_it_waits_to_try_again)
{
    struct client client;
    client_init(&client, redis.url);
    client_start(&client);
    RUN_UNTIL(&client,
              client.downs == 1 && bh_redis_connection_state(&client.conn) == BH_REDIS_DOWN);
    stop_now(&client);
    finish_after_close(&client);
    cr_expect_eq(client.downs, 1, "there was nothing to end");
}

Test(connection, answers_open_commands_with_null_when_it_stops)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client_come_up(&client);
    SEND(&client, "BLPOP", "a", "0");
    SEND(&client, "PING");
    RUN_UNTIL(&client, bh_redis_connection_counters(&client.conn)->writes == 2);
    SEND(&client, "PING");
    stop_now(&client);
    cr_expect_eq(client.answers, 0);
    finish_after_close(&client);
    cr_expect_eq(client.nulls, 3);
    cr_expect_str_eq(client.last_text, "stopped");
}

Test(connection, stops_inside_on_up)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client.when_up = stop_now;
    client_start(&client);
    finish_after_close(&client);
    cr_expect_eq(client.losses, 1);
}

Test(connection, stops_inside_on_down)
{
    struct client client;
    client_init(&client, redis.url);
    client.when_down = stop_now;
    client_start(&client);
    finish_after_close(&client);
    cr_expect_eq(client.downs, 1);
}

Test(connection, stops_inside_a_reply_and_delivers_those_that_came_with_it)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client_come_up(&client);
    client.when_reply = stop_at_reply;
    SEND(&client, "MULTI");
    SEND(&client, "PING");
    SEND(&client, "BLPOP", "a", "0");
    finish_after_close(&client);
    cr_expect_eq(client.answers, 3);
    cr_expect_leq(client.nulls, 2);
}

Test(connection, stops_inside_a_null_reply)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client_come_up(&client);
    client.when_reply = stop_at_reply;
    SEND(&client, "BLPOP", "a", "0");
    SEND(&client, "BLPOP", "a", "0");
    bh_redis_connection_reconnect(&client.conn, NULL, "on purpose");
    finish_after_close(&client);
    cr_expect_eq(client.nulls, 2);
    EXPECT_REASON(&client, "on purpose");
}

Test(connection, can_be_started_again_after_its_close)
{
    struct client client;
    bh_redis_process_start(&redis, NULL);
    client_init(&client, redis.url);
    client_come_up(&client);
    stop_now(&client);
    RUN_UNTIL(&client, client.closes == 1);
    client.closes = 0;
    bh_redis_connection_start(&client.conn);
    RUN_UNTIL(&client, client.ups == 2);
    SEND(&client, "PING");
    RUN_UNTIL(&client, client.answers == 1);
    cr_expect_str_eq(client.last_text, "PONG");
    client_finish(&client);
}

/* ---- short of memory ------------------------------------------------------------------------------- */

Test(connection, survives_each_of_its_allocations_failing)
{
    bh_redis_process_start(&redis, NULL);
    unsigned ups = 0;
    for (unsigned n = 0; n < 16; n++) {
        struct client client;
        struct bh_redis_listener listener = {0};
        client_init(&client, redis.url);
        bh_use_scarce_memory();
        bh_allocations_left = n;
        if (bh_redis_connection_init(&client.conn, &client.loop, &client.options, &listener,
                                     NULL) != BH_OK) {
            bh_allocations_left = 1000;
            cr_expect_eq(uv_run(&client.loop, UV_RUN_NOWAIT), 0);
            uv_close((uv_handle_t *)&client.tick, NULL);
            uv_run(&client.loop, UV_RUN_DEFAULT);
            cr_expect_eq(uv_loop_close(&client.loop), 0);
            bh_redis_url_release(&client.url);
            continue;
        }
        bh_redis_connection_release(&client.conn);
        bh_allocations_left = n;
        client_start(&client);
        RUN_UNTIL(&client, client.downs + client.ups > 0);
        enum bh_status status = TRY_SEND(&client, 0, "ECHO", "0123456789012345678901234567890");
        cr_expect(status == BH_OK || status == BH_ENOMEM || status == BH_EDOWN);
        unsigned accepted = status == BH_OK;
        bh_allocations_left = 1000;
        RUN_UNTIL(&client, client.ups > 0);
        ups++;
        SEND(&client, "PING");
        RUN_UNTIL(&client, client.answers == accepted + 1);
        cr_expect_str_eq(client.last_text, "PONG");
        client_finish(&client);
    }
    cr_expect_gt(ups, 5);
}
