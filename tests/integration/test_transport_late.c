/*
 * A process that sleeps over its requests' timeouts: what has come meanwhile counts, what has not is a timeout.
 */
#include <criterion/criterion.h>
#include <time.h>

#include "support/scripted_server.h"
#include "transport_client.h"

#define TIMEOUT_MS 300
#define SLEPT_MS   1200

static void
sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static void
script_answer_each(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    while (scripted_read_request(connection))
        if (!scripted_answer(connection, "100"))
            return;
}

static void
script_say_nothing(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (scripted_read_request(connection))
        scripted_wait_end(connection);
}

/* Let the request go out, then do not turn the loop for longer than it may take. */
static void
submit_and_sleep(struct client *client, struct scripted_server *server)
{
    client_submit(client, 0, "to=49171", TIMEOUT_MS);
    while (scripted_requests(server) == 0) {
        uv_run(&client->loop, UV_RUN_NOWAIT);
        sleep_ms(1);
    }
    sleep_ms(SLEPT_MS);
}

Test(transport_late, an_answer_that_came_while_the_process_slept_counts)
{
    struct client client;
    struct scripted_server *server = scripted_start(script_answer_each, NULL);
    client_start(&client, NULL, scripted_port(server));
    submit_and_sleep(&client, server);
    client_wait(&client, 1);
    const struct answer *answer = &client.answers[0];
    cr_expect(answer->exchange.body_complete, "%s", answer->exchange.detail);
    cr_expect_eq(answer->exchange.http_status, 200);
    cr_expect_str_eq(answer->body, "100");
    client_stop(&client);
    scripted_stop(server);
}

/* Whoever was asleep while it connected must not send from a lease that others have taken over. */
Test(transport_late, nothing_leaves_behind_its_moment)
{
    static const struct {
        const char *name;
        bh_ms from_now_ms;
        bool bounded, leaves;
    } rows[] = {
        {"no bound", 0,      false, true },
        {"in time",  60000,  true,  true },
        {"now",      0,      true,  false},
        {"long ago", -60000, true,  false},
    };
    static const char *const headers[] = {"Expect:", NULL};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        struct scripted_server *server = scripted_start(script_answer_each, NULL);
        client_start(&client, NULL, scripted_port(server));
        struct bh_submit_command command = {
            .slot = {0, 1},
            .url = client.url,
            .headers = headers,
            .body = BH_STR_LITERAL("to=49171"),
            .timeout_ms = 10000,
        };
        if (rows[i].bounded)
            command.not_after = bh_mono_add(bh_mono_from_ns(uv_hrtime()), rows[i].from_now_ms);
        bh_gateway_transport_submit(client.transport, &command);
        client_wait(&client, 1);
        const struct bh_exchange *exchange = &client.answers[0].exchange;
        cr_expect_eq(exchange->handed_over, rows[i].leaves ? BH_HANDED_ALL : BH_HANDED_NOTHING,
                     "%s", rows[i].name);
        cr_expect_eq(exchange->trouble, rows[i].leaves ? BH_TROUBLE_NONE : BH_TROUBLE_CANCELLED,
                     "%s", rows[i].name);
        cr_expect_eq(scripted_requests(server), rows[i].leaves, "%s", rows[i].name);
        client_stop(&client);
        scripted_stop(server);
    }
}

Test(transport_late, a_silence_that_outlasts_the_sleep_is_a_timeout)
{
    struct client client;
    struct scripted_server *server = scripted_start(script_say_nothing, NULL);
    client_start(&client, NULL, scripted_port(server));
    submit_and_sleep(&client, server);
    client_wait(&client, 1);
    const struct bh_exchange *exchange = &client.answers[0].exchange;
    cr_expect_eq(exchange->handed_over, BH_HANDED_ALL);
    cr_expect_eq(exchange->trouble, BH_TROUBLE_TIMEOUT, "%s", bh_trouble_name(exchange->trouble));
    /* The slot serves the next one, with its own timeout. */
    client_submit(&client, 0, "to=49172", TIMEOUT_MS);
    client_wait(&client, 2);
    cr_expect_eq(client.answers[0].exchange.trouble, BH_TROUBLE_TIMEOUT);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport_late, may_be_stopped_while_a_request_is_put_off)
{
    struct client client;
    struct scripted_server *server = scripted_start(script_say_nothing, NULL);
    client_start(&client, NULL, scripted_port(server));
    submit_and_sleep(&client, server);
    uv_run(&client.loop, UV_RUN_NOWAIT);
    client_stop(&client);
    cr_expect_eq(client.answers[0].count, 1);
    scripted_stop(server);
}
