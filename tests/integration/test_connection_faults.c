/* Servers that die, freeze, lie, and lines that break. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "integration/client.h"
#include "redis/sync.h"
#include "support/linecut.h"
#include "support/redis_process.h"

static struct bh_redis_process redis;
static struct bh_linecut *line;
static char line_url[160];

/* A client behind a line to the server. */
static void
set_up(void)
{
    char listen_path[128];
    signal(SIGPIPE, SIG_IGN);
    bh_redis_process_init(&redis);
    bh_redis_process_start(&redis, NULL);
    bh_redis_process_path(&redis, "line.sock", listen_path, sizeof(listen_path));
    snprintf(line_url, sizeof(line_url), "unix://%s", listen_path);
    line = bh_linecut_start(&(struct bh_linecut_options){.listen_path = listen_path,
                                                         .upstream_path = redis.socket_path});
}

static void
tear_down(void)
{
    bh_linecut_stop(line);
    bh_redis_process_release(&redis);
}

TestSuite(faults, .init = set_up, .fini = tear_down, .timeout = 60);

static void
record_order(struct client *client, const struct redisReply *reply)
{
    (void)reply;
    client->order++;
    cr_assert_eq(client->order, client->answers);
}

/* ---- loss ------------------------------------------------------------------------------------------ */

Test(faults, a_killed_server_answers_all_with_null_and_nothing_is_sent_again)
{
    struct client client;
    client_init(&client, redis.url);
    client.when_reply = record_order;
    client_come_up(&client);
    SEND(&client, "BLPOP", "list", "0");
    SEND(&client, "RPUSH", "other", "x");
    RUN_UNTIL(&client, bh_redis_connection_counters(&client.conn)->writes == 2);
    SEND(&client, "PING");
    bh_redis_process_kill(&redis);
    RUN_UNTIL(&client, client.downs == 1);
    cr_expect_eq(client.answers, 3);
    cr_expect_eq(client.nulls, 3);
    EXPECT_REASON(&client, "");
    cr_expect_neq(client.reason[0], '\0');
    cr_expect_eq(client.class, BH_REDIS_RECONNECT);
    cr_expect_eq(TRY_SEND(&client, 0, "PING"), BH_EDOWN);

    bh_redis_process_start(&redis, NULL);
    RUN_UNTIL(&client, client.ups == 2);
    SEND(&client, "EXISTS", "other");
    RUN_UNTIL(&client, client.answers == 4);
    cr_expect_eq(client.last_integer, 0, "a command was sent a second time");
    client_finish(&client);
}

Test(faults, an_executed_command_whose_answer_is_lost_is_not_repeated)
{
    struct client client;
    client_init(&client, line_url);
    client_come_up(&client);
    bh_linecut_set(line, BH_LINECUT_MUTE, 0);
    uint64_t seen = bh_linecut_counters(line).from_clients;
    SEND(&client, "INCR", "counter");
    RUN_UNTIL(&client, bh_linecut_counters(line).from_clients > seen);
    struct client witness;
    client_init(&witness, redis.url);
    client_come_up(&witness);
    do {
        SEND(&witness, "GET", "counter");
        RUN_UNTIL(&witness, witness.answers == witness.order + 1);
        witness.order++;
    } while (witness.last_type == REDIS_REPLY_NIL);

    bh_linecut_cut(line, BH_LINECUT_RST);
    RUN_UNTIL(&client, client.nulls == 1);
    bh_linecut_set(line, BH_LINECUT_PASS, 0);
    RUN_UNTIL(&client, client.ups == 2);
    SEND(&client, "GET", "counter");
    RUN_UNTIL(&client, client.answers == 2);
    cr_expect_str_eq(client.last_text, "1");
    client_finish(&witness);
    client_finish(&client);
}

Test(faults, a_client_that_is_killed_comes_back)
{
    struct client client, killer;
    client_init(&client, redis.url);
    client_come_up(&client);
    SEND(&client, "BLPOP", "list", "0");
    RUN_UNTIL(&client, bh_redis_connection_counters(&client.conn)->writes == 2);
    client_init(&killer, redis.url);
    client_come_up(&killer);
    SEND(&killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    RUN_UNTIL(&killer, killer.answers == 1);
    cr_expect_eq(killer.last_integer, 1);
    RUN_UNTIL(&client, client.ups == 2);
    cr_expect_eq(client.nulls, 1);
    EXPECT_REASON(&client, "the server closed the connection");
    client_finish(&killer);
    client_finish(&client);
}

Test(faults, a_reset_connection_comes_back)
{
    char url[64];
    struct client client;
    struct bh_linecut *tcp =
        bh_linecut_start(&(struct bh_linecut_options){.upstream_path = redis.socket_path});
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", (unsigned)bh_linecut_port(tcp));
    client_init(&client, url);
    client_come_up(&client);
    SEND(&client, "BLPOP", "list", "0");
    RUN_UNTIL(&client, bh_redis_connection_counters(&client.conn)->writes == 2);
    bh_linecut_cut(tcp, BH_LINECUT_RST);
    RUN_UNTIL(&client, client.ups == 2);
    EXPECT_REASON(&client, "connection reset");
    cr_expect_eq(client.nulls, 1);
    client_finish(&client);
    bh_linecut_stop(tcp);
}

Test(faults, a_server_that_drops_at_once_is_asked_less_and_less_often)
{
    struct client client;
    client_init(&client, line_url);
    client.options.reconnect = (struct bh_reconnect_policy){.first_ms = 1, .max_ms = 64};
    client_start(&client);
    for (unsigned i = 1; i <= 7; i++) {
        RUN_UNTIL(&client, client.ups == i);
        bh_linecut_cut(line, BH_LINECUT_FIN);
        RUN_UNTIL(&client, client.downs == i);
        bh_ms least = (bh_ms)1 << (i - 1);
        cr_expect(client.retry_after_ms >= least && client.retry_after_ms <= least + least / 2,
                  "loss %u: %lld", i, (long long)client.retry_after_ms);
    }
    client_finish(&client);
}

Test(faults, many_cuts_lose_nothing_but_what_was_open)
{
    struct client client;
    client_init(&client, line_url);
    client.options.reconnect = (struct bh_reconnect_policy){.first_ms = 1, .max_ms = 1};
    client.when_reply = record_order;
    client_start(&client);
    for (unsigned i = 0; i < 100; i++) {
        RUN_UNTIL(&client, bh_redis_connection_state(&client.conn) == BH_REDIS_READY);
        for (unsigned j = 0; j < 20; j++)
            SEND(&client, "INCR", "x");
        unsigned answers = client.answers;
        for (unsigned turns = 0; turns < i % 5; turns++)
            uv_run(&client.loop, UV_RUN_NOWAIT);
        bh_linecut_cut(line, BH_LINECUT_FIN);
        RUN_UNTIL(&client, client.losses == i + 1);
        cr_assert_leq(client.answers - answers, 20);
    }
    cr_expect_eq(client.answers, 2000);
    client_finish(&client);
}

Test(faults, readonly_is_met_by_reconnecting_with_its_row)
{
    struct client client;
    client_init(&client, redis.url);
    client_come_up(&client);
    SEND(&client, "REPLICAOF", "127.0.0.1", "1");
    SEND(&client, "SET", "a", "b");
    RUN_UNTIL(&client, client.answers == 2);
    cr_expect_eq(client.last_type, REDIS_REPLY_ERROR);
    const struct bh_redis_error *error = bh_redis_error_find(bh_str_from(client.last_text));
    cr_expect_eq(error->class, BH_REDIS_RECONNECT, "%s", client.last_text);
    bh_redis_connection_reconnect(&client.conn, error, "the server is a replica");
    cr_expect_eq(client.downs, 0, "ended from within the call");
    cr_expect_eq(TRY_SEND(&client, 0, "PING"), BH_EDOWN);
    RUN_UNTIL(&client, client.downs == 1);
    EXPECT_REASON(&client, "the server is a replica");
    cr_expect(has_text(client.advice, "This server is a replica"), "%s", client.advice);
    RUN_UNTIL(&client, client.ups == 2);
    client_finish(&client);
}

/* ---- silence --------------------------------------------------------------------------------------- */

Test(faults, a_frozen_server_is_left_after_the_deadline)
{
    struct client client;
    client_init(&client, redis.url);
    client.options.command_timeout_ms = 100;
    client.options.connect_timeout_ms = 100;
    client_come_up(&client);
    bh_redis_process_pause(&redis);
    uint64_t begin = uv_hrtime();
    SEND(&client, "PING");
    SEND(&client, "PING");
    RUN_UNTIL(&client, client.downs == 1);
    uint64_t took_ms = (uv_hrtime() - begin) / 1000000;
    cr_expect(took_ms >= 99 && took_ms < 5000, "%llu ms", (unsigned long long)took_ms);
    cr_expect_eq(client.nulls, 2);
    EXPECT_REASON(&client, "no reply in time, 2 commands open");
    cr_expect_eq(bh_redis_connection_counters(&client.conn)->timeouts, 1);
    RUN_UNTIL(&client, client.downs == 2);
    EXPECT_REASON(&client, "the login took longer than 100 ms");
    bh_redis_process_resume(&redis);
    RUN_UNTIL(&client, client.ups == 2);
    client_finish(&client);
}

Test(faults, a_blocking_command_may_have_a_deadline_of_its_own)
{
    struct client client;
    client_init(&client, redis.url);
    client.options.command_timeout_ms = 50;
    client_come_up(&client);
    cr_assert_eq(TRY_SEND(&client, 5000, "BLPOP", "list", "0.3"), BH_OK);
    RUN_UNTIL(&client, client.answers == 1);
    cr_expect_eq(client.nulls, 0);
    cr_expect_eq(client.last_type, REDIS_REPLY_NIL);

    /* The earliest deadline counts, wherever its command stands. */
    cr_assert_eq(TRY_SEND(&client, 5000, "BLPOP", "list", "0"), BH_OK);
    uint64_t begin = uv_hrtime();
    SEND(&client, "PING");
    RUN_UNTIL(&client, client.answers == 3);
    cr_expect_eq(client.nulls, 2);
    cr_expect_lt((uv_hrtime() - begin) / 1000000, 4000);
    client_finish(&client);
}

Test(faults, a_deadline_is_not_blamed_on_the_server_when_we_have_slept_ourselves)
{
    struct client client;
    client_init(&client, redis.url);
    client.options.command_timeout_ms = 50;
    client_come_up(&client);
    SEND(&client, "PING");
    RUN_UNTIL(&client, bh_redis_connection_counters(&client.conn)->writes == 2);
    if (client.answers == 0) {
        /* The answer waits in the socket, the deadline has passed: the answer wins. */
        uv_sleep(120);
        RUN_UNTIL(&client, client.answers == 1);
    }
    cr_expect_eq(client.nulls, 0);
    client_finish(&client);
}

Test(faults, deadlines_hold_under_a_steady_stream_of_answers)
{
    struct client client;
    client_init(&client, redis.url);
    client.options.command_timeout_ms = 200;
    client_come_up(&client);
    uint64_t begin = uv_hrtime();
    while (uv_hrtime() - begin < 500 * 1000000u) {
        SEND(&client, "PING");
        client.order++;
        RUN_UNTIL(&client, client.answers == client.order);
    }
    cr_expect_eq(client.nulls, 0);
    cr_expect_eq(client.downs, 0);
    client_finish(&client);
}

Test(faults, a_server_that_stops_reading_fills_the_buffer_and_no_more)
{
    char big[100001];
    struct client client;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    client_init(&client, redis.url);
    client.options.command_timeout_ms = 300;
    client.options.outgoing_bytes_max = 1000000;
    client_come_up(&client);
    bh_redis_process_pause(&redis);
    unsigned accepted = 0;
    enum bh_status status = BH_OK;
    for (unsigned i = 0; i < 1000 && status == BH_OK; i++) {
        status = TRY_SEND(&client, 0, "ECHO", big);
        accepted += status == BH_OK;
        uv_run(&client.loop, UV_RUN_NOWAIT);
    }
    cr_expect_eq(status, BH_ETOOBIG, "%u accepted", accepted);
    RUN_UNTIL(&client, client.downs > 0);
    cr_expect_eq(client.nulls, accepted);
    bh_redis_process_resume(&redis);
    RUN_UNTIL(&client, client.ups == 2);
    client_finish(&client);
}

Test(faults, what_the_system_does_not_take_at_once_goes_out_later_and_in_order)
{
    struct client client;
    client_init(&client, line_url);
    client.options.outgoing_bytes_max = (size_t)16 * 1024 * 1024;
    client_come_up(&client);
    client_fill_and_drain(&client, line);
    client_finish(&client);
}

Test(faults, a_write_in_flight_ends_with_its_connection)
{
    char big[100001];
    struct client client;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    client_init(&client, line_url);
    client_come_up(&client);
    for (unsigned i = 0; i < 3; i++) {
        RUN_UNTIL(&client, client.ups == i + 1);
        bh_linecut_set(line, BH_LINECUT_STALL, 0);
        for (unsigned j = 0; j < 30; j++)
            SEND(&client, "ECHO", big);
        for (unsigned j = 0; j < 5; j++)
            uv_run(&client.loop, UV_RUN_NOWAIT);
        cr_assert_gt(bh_redis_link_in_flight(&client.conn.link), 0);
        if (i == 0)
            bh_linecut_cut(line, BH_LINECUT_FIN);
        else if (i == 1)
            bh_redis_connection_reconnect(&client.conn, NULL, "on purpose");
        else
            bh_redis_connection_stop(&client.conn);
        RUN_UNTIL(&client, client.downs == i + 1);
        bh_linecut_set(line, BH_LINECUT_PASS, 0);
    }
    cr_expect_eq(client.nulls, 90);
    RUN_UNTIL(&client, client.closes == 1);
    client_finish(&client);
}

/* ---- nonsense -------------------------------------------------------------------------------------- */

struct nonsense {
    const char *said;
    const char *reason;
    bool while_open; /* a command waits for its reply */
};

static const struct nonsense nonsense[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n",                       "not a reply of Redis",                        false},
    {"HTTP/1.1 400 Bad Request\r\n\r\n",                       "not a reply of Redis",                        true },
    {"+surprise\r\n",                                          "nobody asked for",                            false},
    {"-ERR max number of clients reached\r\n",                 "max number of clients",                       false},
    {"%1\r\n+a\r\n+b\r\n",                                     "not a reply of Redis",                        true },
    {"$1099511627776\r\nx",                                    "no reply in time",                            true },
    {"$-7\r\n",                                                "not a reply of Redis",                        true },
    {"*4294967295\r\n",                                        "not a reply of Redis",                        true },
    {"*2147483647\r\n",                                        "not a reply of Redis: a reply with too many", true },
    {"*2000\r\n",                                              "not a reply of Redis: a reply with too many", true },
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "not a reply of Redis",                        true },
    {":12x\r\n",                                               "not a reply of Redis",                        true },
    {"\0\0\0",                                                 "not a reply of Redis",                        true },
    {"+half a line",                                           "no reply in time",                            true },
    {"-\x1b[2J evil\r\n",                                      "the server said: ?[2J evil",                  false},
};

Test(faults, nonsense_ends_the_connection_with_a_reason)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(nonsense); i++) {
        const struct nonsense *row = &nonsense[i];
        struct client client;
        client_init(&client, line_url);
        client.options.command_timeout_ms = 200;
        client.options.reply_elements_max = 1000;
        bh_linecut_set(line, BH_LINECUT_PASS, 0);
        client_come_up(&client);
        bh_linecut_set(line, BH_LINECUT_MUTE, 0);
        if (row->while_open)
            SEND(&client, "PING");
        bh_linecut_say(line, row->said, row->said[0] == '\0' ? 3 : strlen(row->said));
        RUN_UNTIL(&client, client.downs == 1);
        cr_expect(has_text(client.reason, row->reason), "row %zu: %s", i, client.reason);
        cr_expect_eq(client.nulls, row->while_open, "row %zu", i);
        client_finish(&client);
    }
}

Test(faults, a_reply_over_a_bound_ends_the_connection)
{
    static const struct {
        const char *words[5];
        const char *reason;
    } rows[] = {
        {{"EVAL", "return string.rep('x', 100001)", "0"},                        "a reply over the size limit"},
        {{"EVAL", "local t = {} for i = 1, 1001 do t[i] = i end return t", "0"},
         "too many elements"                                                                                  },
        {{"EVAL",
          "local o = {} for j = 1, 5 do local t = {} for i = 1, 300 do t[i] = 1 end o[j] = t end "
          "return o",
          "0"},
         "too many elements"                                                                                  },
        {{"EVAL", "return {{{{{{{{1}}}}}}}}", "0"},                              "depth"                      },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        client_init(&client, redis.url);
        client.options.reply_bytes_max = 100000;
        client.options.reply_elements_max = 1000;
        client_come_up(&client);
        SEND(&client, "EVAL", "return string.rep('x', 99000)", "0");
        SEND(&client, "EVAL", "local t = {} for i = 1, 1000 do t[i] = i end return t", "0");
        SEND(&client, "EVAL", "return {{{{{{{1}}}}}}}", "0");
        RUN_UNTIL(&client, client.answers == 3);
        cr_expect_eq(client.nulls, 0);
        client_send(&client, rows[i].words);
        RUN_UNTIL(&client, client.downs == 1);
        cr_expect(
            has_text(client.reason, rows[i].reason) || has_text(client.reason, "nested too deeply"),
            "row %zu: %s", i, client.reason);
        cr_expect_eq(client.nulls, 1);
        client_finish(&client);
    }
}

Test(faults, trickled_and_late_replies_arrive_whole)
{
    struct client client;
    client_init(&client, line_url);
    bh_linecut_set(line, BH_LINECUT_TRICKLE, 1);
    client_come_up(&client);
    SEND(&client, "EVAL", "return {1, 'two', {3, false}, string.rep('x', 200)}", "0");
    SEND(&client, "ECHO", "behind");
    RUN_UNTIL(&client, client.answers == 2);
    cr_expect_str_eq(client.last_text, "behind");
    bh_linecut_set(line, BH_LINECUT_DELAY, 30);
    SEND(&client, "ECHO", "late");
    RUN_UNTIL(&client, client.answers == 3);
    cr_expect_str_eq(client.last_text, "late");
    cr_expect_eq(client.nulls, 0);
    client_finish(&client);
}

/* ---- sync ------------------------------------------------------------------------------------------ */

static const struct bh_str ping[] = {
    {"PING", 4}
};

Test(faults, sync_calls_and_comes_back_after_a_loss)
{
    struct bh_redis_url url;
    struct bh_redis_sync *sync;
    struct redisReply *reply;
    struct bh_error error = {0};
    cr_assert_eq(bh_redis_url_parse(bh_str_from(line_url), &url, NULL), BH_OK);
    struct bh_redis_options options = {.url = &url, .outgoing_bytes_max = 1000};
    cr_assert_eq(bh_redis_sync_open(&options, &sync, &error), BH_OK, "%s", error.text);
    cr_assert_eq(bh_redis_sync_call(sync, 1, ping, 0, &reply, &error), BH_OK);
    cr_expect_str_eq(reply->str, "PONG");
    bh_redis_reply_free(reply);

    bh_linecut_cut(line, BH_LINECUT_FIN);
    cr_assert_eq(bh_redis_sync_call(sync, 1, ping, 0, &reply, &error), BH_OK, "%s", error.text);
    bh_redis_reply_free(reply);

    bh_linecut_set(line, BH_LINECUT_MUTE, 0);
    cr_expect_eq(bh_redis_sync_call(sync, 1, ping, 50, &reply, &error), BH_EDOWN);
    cr_expect(has_text(error.text, "may or may not have been executed") &&
                  has_text(error.text, "no reply in time"),
              "%s", error.text);
    bh_linecut_set(line, BH_LINECUT_PASS, 0);

    char big[2000] = {0};
    struct bh_str echo[] = {
        BH_STR_LITERAL("ECHO"), {big, sizeof(big)}
    };
    cr_expect_eq(bh_redis_sync_call(sync, 2, echo, 0, &reply, &error), BH_ETOOBIG);
    cr_expect(has_text(error.text, "too big"), "%s", error.text);

    bh_linecut_refuse(line, 1);
    bh_linecut_cut(line, BH_LINECUT_FIN);
    cr_expect_eq(bh_redis_sync_call(sync, 1, ping, 0, &reply, &error), BH_EDOWN);
    cr_expect(has_text(error.text, "no connection to Redis: "), "%s", error.text);
    bh_redis_sync_close(sync);
    cr_expect_eq(bh_redis_sync_open(&options, &sync, &error), BH_EDOWN);
    bh_redis_sync_close(NULL);
    bh_redis_url_release(&url);
}
