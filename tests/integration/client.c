#include "integration/client.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS   5
#define TICKS_MAX 4000

bool
has_text(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void
client_on_up(void *arg)
{
    struct client *client = arg;
    cr_assert_not(client->sending);
    client->ups++;
    if (client->when_up != NULL)
        client->when_up(client);
}

static void
client_on_down(void *arg, const struct bh_redis_down *down)
{
    struct client *client = arg;
    cr_assert_not(client->sending);
    cr_assert_eq(bh_redis_connection_pending(&client->conn), 0, "on_down before the last NULL");
    client->downs++;
    client->losses += down->was_up;
    snprintf(client->reason, sizeof(client->reason), "%s", down->reason);
    snprintf(client->advice, sizeof(client->advice), "%s",
             down->advice != NULL ? down->advice : "");
    client->class = down->class;
    client->failures = down->failures;
    client->retry_after_ms = down->retry_after_ms;
    if (client->when_down != NULL)
        client->when_down(client);
}

static void
client_on_closed(void *arg)
{
    struct client *client = arg;
    cr_assert_not(client->sending);
    cr_assert_eq(bh_redis_connection_handles(&client->conn), 0);
    client->closes++;
}

static void
client_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct client *client = arg;
    cr_assert_not(client->sending, "answered from within send");
    cr_assert_eq(reply == NULL, error_text != NULL);
    client->answers++;
    client->nulls += reply == NULL;
    client->last_type = reply != NULL ? reply->type : 0;
    client->last_integer = reply != NULL ? reply->integer : -1;
    const char *text = reply == NULL ? error_text : reply->str != NULL ? reply->str : "";
    snprintf(client->last_text, sizeof(client->last_text), "%s", text);
    if (client->when_reply != NULL)
        client->when_reply(client, reply);
}

static void
tick_on_due(uv_timer_t *tick)
{
    struct client *client = tick->data;
    if (client->ticks_left > 0)
        client->ticks_left--;
}

void
client_begin_waiting(struct client *client)
{
    client->ticks_left = TICKS_MAX;
    uv_timer_start(&client->tick, tick_on_due, TICK_MS, TICK_MS);
}

bool
client_may_wait(struct client *client)
{
    return client->ticks_left > 0;
}

void
client_init(struct client *client, const char *url)
{
    struct bh_error error = {0};
    signal(SIGPIPE, SIG_IGN);
    *client = (struct client){0};
    cr_assert_eq(bh_redis_url_parse(bh_str_from(url), &client->url, &error), BH_OK, "%s: %s", url,
                 error.text);
    client->options = (struct bh_redis_options){.url = &client->url, .client_name = "test"};
    cr_assert_eq(uv_loop_init(&client->loop), 0);
    uv_timer_init(&client->loop, &client->tick);
    client->tick.data = client;
}

void
client_start(struct client *client)
{
    struct bh_error error = {0};
    struct bh_redis_listener listener = {.on_up = client_on_up,
                                         .on_down = client_on_down,
                                         .on_closed = client_on_closed,
                                         .arg = client};
    cr_assert_eq(
        bh_redis_connection_init(&client->conn, &client->loop, &client->options, &listener, &error),
        BH_OK, "%s", error.text);
    client->sending = true;
    bh_redis_connection_start(&client->conn);
    client->sending = false;
}

void
client_come_up(struct client *client)
{
    client_start(client);
    RUN_UNTIL(client, client->ups > 0);
    cr_assert_eq(client->downs, 0, "%s", client->reason);
}

void
client_finish(struct client *client)
{
    if (client->closes == 0) {
        client->sending = true;
        bh_redis_connection_stop(&client->conn);
        bh_redis_connection_stop(&client->conn);
        client->sending = false;
        RUN_UNTIL(client, client->closes > 0);
    }
    uv_close((uv_handle_t *)&client->tick, NULL);
    cr_assert_eq(uv_run(&client->loop, UV_RUN_DEFAULT), 0);
    cr_assert_eq(client->closes, 1);
    const struct bh_redis_counters *counters = bh_redis_connection_counters(&client->conn);
    cr_assert_eq(counters->commands, counters->replies + counters->lost, "a command without end");
    cr_assert_eq(client->losses, counters->ups, "an up without its down");
    cr_assert_eq(client->downs, counters->attempts, "an attempt without its down");
    cr_assert_eq(uv_loop_close(&client->loop), 0, "the loop does not close clean");
    bh_redis_connection_release(&client->conn);
    bh_redis_url_release(&client->url);
}

enum bh_status
client_send_bytes(struct client *client, size_t argc, const struct bh_str *argv, bh_ms timeout_ms)
{
    client->sending = true;
    enum bh_status status =
        bh_redis_connection_send(&client->conn, argc, argv, timeout_ms, client_on_reply, client);
    client->sending = false;
    return status;
}

enum bh_status
client_try_send(struct client *client, const char *const *words, bh_ms timeout_ms)
{
    struct bh_str argv[16];
    size_t argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = bh_str_from(words[argc]);
    return client_send_bytes(client, argc, argv, timeout_ms);
}

void
client_send(struct client *client, const char *const *words)
{
    cr_assert_eq(client_try_send(client, words, 0), BH_OK, "%s was not accepted", words[0]);
}

/* 10 MB: the system takes some MB for a TCP socket. */
#define FILL_COMMANDS 100

/* The answers are the lengths 1, 2, 3... of a string that grows by one with each command. */
static void
expect_next_length(struct client *client, const struct redisReply *reply)
{
    cr_assert_not_null(reply, "%s", client->last_text);
    cr_assert_eq(reply->integer, (long long)++client->order);
}

void
client_fill_and_drain(struct client *client, struct bh_linecut *line)
{
    static char big[100001];
    memset(big, 'x', sizeof(big) - 1);
    client->when_reply = expect_next_length;
    bh_linecut_set(line, BH_LINECUT_STALL, 0);
    unsigned wanted = client->answers + 2 * FILL_COMMANDS;
    client_begin_waiting(client);
    for (unsigned i = 0; i < FILL_COMMANDS; i++) {
        SEND(client, "EVAL", "return redis.call('APPEND', KEYS[1], '1')", "1", "filled", big);
        uv_run(&client->loop, UV_RUN_NOWAIT);
    }
    cr_assert_gt(bh_redis_link_in_flight(&client->conn.link), 0, "the line took it all");
    for (unsigned i = 0; i < FILL_COMMANDS; i++)
        SEND(client, "APPEND", "filled", "1");
    bh_linecut_set(line, BH_LINECUT_PASS, 0);
    RUN_UNTIL(client, client->answers == wanted);
    cr_expect_eq(client->nulls, 0);
    cr_expect_eq(bh_redis_link_in_flight(&client->conn.link), 0);
}
