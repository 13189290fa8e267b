#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "support/scripted_server.h"
#include "transport_client.h"

#define PATIENCE_MS 60000
#define BODY        "to=491711234567&text=Hello"

static char hundred[] = "100";

static void
script_serve(struct scripted_connection *connection, void *arg)
{
    while (scripted_read_request(connection))
        if (!scripted_answer(connection, arg))
            return;
}

/* Takes one request in and never answers. */
static void
script_hang(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (scripted_read_request(connection))
        scripted_wait_end(connection);
}

/* Turn the loop until the server has read so many requests; its threads do not wake our loop. */
static void
wait_for_requests(struct client *client, struct scripted_server *server, unsigned wanted)
{
    while (scripted_requests(server) < wanted) {
        uv_run(&client->loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

/* ---- the hidden resend -------------------------------------------------------------------------------- */

/* First connection: answer one request, take in the second one and end; all others: serve. */
static void
script_end_after_second(struct scripted_connection *connection, void *arg)
{
    const bool *with_reset = arg;
    if (scripted_number(connection) > 0) {
        script_serve(connection, hundred);
        return;
    }
    if (scripted_read_request(connection) && scripted_answer(connection, "100") &&
        scripted_read_request(connection) && *with_reset)
        scripted_reset_at_close(connection);
}

Test(transport_connections, never_sends_a_processed_request_again)
{
    for (int i = 0; i < 2; i++) {
        bool with_reset = i == 1;
        struct client client;
        struct scripted_server *server = scripted_start(script_end_after_second, &with_reset);
        client_start(&client, NULL, scripted_port(server));
        cr_expect_eq(client_ask(&client, BODY, PATIENCE_MS)->http_status, 200);

        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->handed_over, BH_HANDED_ALL, "reset %d", i);
        cr_expect_eq(exchange->http_status, 0, "reset %d", i);
        cr_expect_str_eq(bh_trouble_name(exchange->trouble), "reset");
        cr_expect_not(exchange->new_connection, "reset %d", i);
        cr_expect_eq(scripted_requests(server), 2, "reset %d: processed %u times", i,
                     scripted_requests(server) - 1);
        if (!with_reset)
            cr_expect_eq(bh_gateway_transport_stats(client.transport).resends_refused, 1);

        exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(exchange->http_status, 200, "the next one is free to go: %s",
                     exchange->detail);
        cr_expect_eq(scripted_requests(server), 3);
        client_stop(&client);
        scripted_stop(server);
    }
}

/* Answer one request; take in the second one and be gone. */
static void
script_vanish_after_second(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (scripted_read_request(connection) && scripted_answer(connection, "100") &&
        scripted_read_request(connection))
        scripted_refuse_others(connection);
}

/*
 * The library begins anew with a request whose connection died without an answer, and forgets what it has sent.  When
 * it does not get to another connection nothing asks whether it may send.
 */
Test(transport_connections, knows_what_was_sent_before_a_resend_that_finds_nobody)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct client client;
        struct scripted_server *server = scripted_start(script_vanish_after_second, NULL);
        client_start(&client, NULL, scripted_port(server));
        client_set_url(&client, "http", hosts[i], scripted_port(server));
        cr_expect_eq(client_ask(&client, BODY, PATIENCE_MS)->http_status, 200);
        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
        cr_expect_eq(scripted_requests(server), 2, "%s", hosts[i]);
        cr_expect_eq(exchange->handed_over, BH_HANDED_ALL, "%s: %s", hosts[i], exchange->detail);
        cr_expect_eq(exchange->http_status, 0, "%s", hosts[i]);
        cr_expect_str_eq(bh_trouble_name(exchange->trouble), "reset", "%s", hosts[i]);
        client_stop(&client);
        scripted_stop(server);
    }
}

/* First connection: one answer, then the end; all others: serve. */
static void
script_end_after_first(struct scripted_connection *connection, void *arg)
{
    const bool *with_reset = arg;
    if (scripted_number(connection) > 0) {
        script_serve(connection, hundred);
        return;
    }
    if (scripted_read_request(connection) && scripted_answer(connection, "100") && *with_reset)
        scripted_reset_at_close(connection);
}

Test(transport_connections, replaces_a_connection_that_was_closed_while_idle)
{
    for (int i = 0; i < 2; i++) {
        bool with_reset = i == 1;
        struct client client;
        struct scripted_server *server = scripted_start(script_end_after_first, &with_reset);
        client_start(&client, NULL, scripted_port(server));
        cr_expect_eq(client_ask(&client, BODY, PATIENCE_MS)->http_status, 200);
        const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);

        /* The close may still be on its way when the second request leaves: then it is uncertain. */
        bool was_too_quick = exchange->http_status == 0;
        cr_expect(was_too_quick || exchange->new_connection);
        cr_expect(!was_too_quick || exchange->handed_over == BH_HANDED_ALL);
        cr_expect_eq(scripted_requests(server), was_too_quick ? 1 : 2);
        client_stop(&client);
        scripted_stop(server);
    }
}

/* ---- how many ------------------------------------------------------------------------------------------- */

static void
submit_again(struct client *client, struct bh_slot_handle slot)
{
    if (client->left == 0)
        return;
    client->left--;
    client_submit(client, slot.index, BODY, PATIENCE_MS);
}

Test(transport_connections, reuses_fifty_connections_for_a_thousand_requests)
{
    struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 50, .idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, &options, scripted_port(server));
    client.on_answered = submit_again;
    client.left = 950;
    for (uint32_t i = 0; i < 50; i++)
        client_submit(&client, i, BODY, PATIENCE_MS);
    client_wait(&client, 1000);

    struct bh_gateway_transport_stats stats = bh_gateway_transport_stats(client.transport);
    cr_expect_eq(scripted_requests(server), 1000);
    cr_expect_eq(scripted_connections(server), 50);
    cr_expect_eq(stats.connections_opened, 50);
    cr_expect_eq(stats.open_connections, 50);
    cr_expect_eq(stats.in_flight, 0);
    cr_expect_eq(stats.submitted, 1000);
    cr_expect_eq(stats.answered, 1000);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport_connections, holds_the_bound_and_lets_the_others_wait)
{
    struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 4, .idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, &options, scripted_port(server));
    for (uint32_t i = 0; i < 100; i++)
        client_submit(&client, i, BODY, PATIENCE_MS);
    struct bh_gateway_transport_stats stats = bh_gateway_transport_stats(client.transport);
    cr_expect_eq(stats.in_flight, 4);
    cr_expect_eq(stats.waiting, 96);
    cr_expect_not(bh_gateway_transport_needs_connection(client.transport));
    client_wait(&client, 100);
    cr_expect_eq(scripted_requests(server), 100);
    cr_expect_leq(scripted_connections(server), 4);
    for (uint32_t i = 0; i < 100; i++)
        cr_expect_eq(client.answers[i].count, 1);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport_connections, gives_each_connection_only_so_many_requests)
{
    static const struct {
        unsigned per_connection, requests, wanted;
    } rows[] = {
        {1,   5,  5},
        {3,   10, 4},
        {10,  10, 1},
        {500, 10, 1},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct client client;
        struct bh_gateway_transport_options options = {
            .requests_per_connection = rows[i].per_connection, .idle_ms = PATIENCE_MS};
        struct scripted_server *server = scripted_start(script_serve, hundred);
        client_start(&client, &options, scripted_port(server));
        for (unsigned j = 0; j < rows[i].requests; j++) {
            const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
            cr_expect_eq(exchange->http_status, 200);
            cr_expect_eq(exchange->new_connection, j % rows[i].per_connection == 0, "%u", j);
        }
        cr_expect_eq(scripted_connections(server), rows[i].wanted, "%u per connection: %u",
                     rows[i].per_connection, scripted_connections(server));
        bool all_used_up = rows[i].requests % rows[i].per_connection == 0;
        cr_expect_eq(bh_gateway_transport_open_connections(client.transport), all_used_up ? 0 : 1);
        client_stop(&client);
        scripted_stop(server);
    }
}

Test(transport_connections, gives_connections_under_load_only_so_many_requests)
{
    struct client client;
    struct bh_gateway_transport_options options = {
        .max_connections = 5, .requests_per_connection = 7, .idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, &options, scripted_port(server));
    client.on_answered = submit_again;
    client.left = 330;
    for (uint32_t i = 0; i < 20; i++)
        client_submit(&client, i, BODY, PATIENCE_MS);
    client_wait(&client, 350);
    cr_expect_eq(scripted_requests(server), 350);
    cr_expect_geq(scripted_connections(server), 50);
    cr_expect_leq(scripted_connections(server), 54);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport_connections, closes_idle_connections_by_itself)
{
    struct client client;
    struct bh_gateway_transport_options options = {.idle_ms = 300};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, &options, scripted_port(server));
    client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_eq(bh_gateway_transport_open_connections(client.transport), 1);
    while (bh_gateway_transport_open_connections(client.transport) > 0)
        uv_run(&client.loop, UV_RUN_ONCE);
    const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_eq(exchange->http_status, 200);
    cr_expect(exchange->new_connection);
    cr_expect_eq(scripted_connections(server), 2);
    client_stop(&client);
    scripted_stop(server);
}

/* Answers at once, except for the very first request of all. */
static void
script_hold_the_first(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (scripted_number(connection) == 0)
        script_hang(connection, NULL);
    else
        script_serve(connection, hundred);
}

static void
timer_on_timeout(uv_timer_t *timer)
{
    bool *is_over = timer->data;
    *is_over = true;
}

static void
turn_for(struct client *client, uint64_t ms)
{
    bool is_over = false;
    uv_timer_t timer;
    uv_timer_init(&client->loop, &timer);
    timer.data = &is_over;
    uv_timer_start(&timer, timer_on_timeout, ms, 0);
    while (!is_over)
        uv_run(&client->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&client->loop, UV_RUN_NOWAIT);
}

Test(transport_connections, does_not_reuse_an_old_idle_connection_while_others_work)
{
    struct client client;
    struct bh_gateway_transport_options options = {.idle_ms = 2000};
    struct scripted_server *server = scripted_start(script_hold_the_first, NULL);
    client_start(&client, &options, scripted_port(server));
    client_submit(&client, 1, BODY, PATIENCE_MS);
    wait_for_requests(&client, server, 1);
    client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_not(bh_gateway_transport_needs_connection(client.transport));
    turn_for(&client, 2050);
    cr_expect(bh_gateway_transport_needs_connection(client.transport));
    const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect(exchange->new_connection);
    cr_expect_eq(scripted_connections(server), 3);
    client_stop(&client);
    scripted_stop(server);
}

Test(transport_connections, knows_when_the_next_request_needs_a_connection)
{
    struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 2, .idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, &options, scripted_port(server));
    struct bh_gateway_transport *transport = client.transport;
    cr_expect(bh_gateway_transport_needs_connection(transport), "nothing is there");
    client_submit(&client, 0, BODY, PATIENCE_MS);
    cr_expect(bh_gateway_transport_needs_connection(transport), "the first one is not for us");
    client_wait(&client, 1);
    cr_expect_not(bh_gateway_transport_needs_connection(transport), "one is idle");
    client_submit(&client, 0, BODY, PATIENCE_MS);
    cr_expect(bh_gateway_transport_needs_connection(transport), "the idle one is taken");
    client_submit(&client, 1, BODY, PATIENCE_MS);
    cr_expect_not(bh_gateway_transport_needs_connection(transport), "the bound: it waits for one");
    client_wait(&client, 3);
    cr_expect_not(bh_gateway_transport_needs_connection(transport));
    client_stop(&client);
    scripted_stop(server);
}

Test(transport_connections, obeys_changed_options_with_the_next_request)
{
    struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 1, .idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, &options, scripted_port(server));
    client_ask(&client, BODY, PATIENCE_MS);
    client_submit(&client, 1, BODY, PATIENCE_MS);
    client_submit(&client, 2, BODY, PATIENCE_MS);
    cr_expect_eq(bh_gateway_transport_stats(client.transport).waiting, 1);
    options.max_connections = 2;
    options.requests_per_connection = 1;
    options.answer_bytes_max = 2;
    cr_assert_eq(bh_gateway_transport_configure(client.transport, &options), BH_OK);
    client_wait(&client, 3);
    cr_expect_eq(client.answers[1].exchange.http_status, 200);
    const struct bh_exchange *exchange = client_ask(&client, BODY, PATIENCE_MS);
    cr_expect_str_eq(bh_trouble_name(exchange->trouble), "too_big");
    cr_expect_eq(bh_gateway_transport_open_connections(client.transport), 0);
    client_stop(&client);
    scripted_stop(server);
}

/* ---- cancel and stop ------------------------------------------------------------------------------------ */

Test(transport_connections, cancels_what_waits_and_what_runs)
{
    struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 1};
    struct scripted_server *server = scripted_start(script_hang, NULL);
    client_start(&client, &options, scripted_port(server));
    client_submit(&client, 0, BODY, PATIENCE_MS);
    client_submit(&client, 1, BODY, PATIENCE_MS);
    client_submit(&client, 2, BODY, PATIENCE_MS);

    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){1, 2}); /* stale */
    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){5, 1}); /* free */
    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){1, 1});
    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){1, 1});
    cr_expect_eq(client.answered, 0);
    client_wait(&client, 1);
    cr_expect_eq(client.answers[1].count, 1);
    cr_expect_eq(client.answers[1].exchange.handed_over, BH_HANDED_NOTHING);
    cr_expect_eq(client.answers[1].exchange.trouble, BH_TROUBLE_CANCELLED);

    wait_for_requests(&client, server, 1);
    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){0, 1});
    cr_expect_eq(client.answered, 1);
    client_wait(&client, 2);
    cr_expect_eq(client.answers[0].exchange.handed_over, BH_HANDED_ALL);
    cr_expect_eq(client.answers[0].exchange.trouble, BH_TROUBLE_CANCELLED);
    cr_expect_str_empty(client.answers[0].exchange.detail);

    /* Slot 2 has moved up; cancelled before the library did anything at all. */
    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){2, 1});
    client_wait(&client, 3);
    cr_expect_eq(client.answers[2].exchange.trouble, BH_TROUBLE_CANCELLED);
    bh_gateway_transport_cancel(client.transport, (struct bh_slot_handle){2, 1});
    turn_for(&client, 10);
    cr_expect_eq(client.answered, 3);
    client_stop(&client);
    scripted_stop(server);
}

static void
cancel_the_others(struct client *client, struct bh_slot_handle slot)
{
    for (uint32_t i = 0; i < 10; i++)
        if (i != slot.index)
            bh_gateway_transport_cancel(client->transport, (struct bh_slot_handle){i, 1});
}

Test(transport_connections, answers_once_when_answers_and_cancels_meet)
{
    struct client client;
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, NULL, scripted_port(server));
    client.on_answered = cancel_the_others;
    for (uint32_t i = 0; i < 10; i++)
        client_submit(&client, i, BODY, PATIENCE_MS);
    client_wait(&client, 10);
    turn_for(&client, 10);
    for (uint32_t i = 0; i < 10; i++)
        cr_expect_eq(client.answers[i].count, 1, "slot %u", i);
    client_stop(&client);
    scripted_stop(server);
}

static void
submit_while_stopping(struct client *client, struct bh_slot_handle slot)
{
    if (slot.index == 0 && client->left-- > 0)
        client_submit(client, 0, BODY, PATIENCE_MS);
}

Test(transport_connections, stops_with_requests_under_way_and_waiting)
{
    struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 3};
    struct scripted_server *server = scripted_start(script_hang, NULL);
    client_start(&client, &options, scripted_port(server));
    client.on_answered = submit_while_stopping;
    client.left = 2;
    for (uint32_t i = 0; i < 6; i++)
        client_submit(&client, i, BODY, PATIENCE_MS);
    wait_for_requests(&client, server, 3);
    client_stop(&client);
    cr_expect_eq(client.answered, 8);
    for (uint32_t i = 0; i < 6; i++)
        cr_expect_eq(client.answers[i].exchange.trouble, BH_TROUBLE_CANCELLED, "slot %u", i);
    for (uint32_t i = 3; i < 6; i++)
        cr_expect_eq(client.answers[i].exchange.handed_over, BH_HANDED_NOTHING, "slot %u", i);
    scripted_stop(server);
}

Test(transport_connections, stops_while_a_name_is_being_resolved)
{
    struct client client;
    client_start(&client, NULL, 1);
    client_set_url(
        &client, "http",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid", 80);
    client_submit(&client, 0, BODY, PATIENCE_MS);
    uv_run(&client.loop, UV_RUN_NOWAIT);
    client_stop(&client);
    cr_expect_eq(client.answered, 1);
}

static void
reuse_own_slot(struct client *client, struct bh_slot_handle slot)
{
    /* The answer that is being delivered must survive the slot's next request. */
    if (client->left > 0) {
        client->left--;
        client_submit(client, slot.index, BODY, PATIENCE_MS);
    }
    cr_expect_str_eq(client->answers[slot.index].body, "100");
}

Test(transport_connections, lets_the_receiver_fill_the_slot_at_once)
{
    struct client client;
    struct scripted_server *server = scripted_start(script_serve, hundred);
    client_start(&client, NULL, scripted_port(server));
    client.on_answered = reuse_own_slot;
    client.left = 5;
    client_submit(&client, 0, BODY, PATIENCE_MS);
    client_wait(&client, 6);
    cr_expect_eq(scripted_connections(server), 1);
    client_stop(&client);
    scripted_stop(server);
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

/* Counts down; the allocation at 0 fails, or from then on all do. */
static int allocations_left;
static bool all_fail;

static bool
may_allocate(void)
{
    allocations_left--;
    return allocations_left >= 0 || (!all_fail && allocations_left < -1);
}

static void *
alloc_or_fail(size_t size)
{
    return may_allocate() ? malloc(size) : NULL;
}

static void *
resize_or_fail(void *ptr, size_t size)
{
    return may_allocate() ? realloc(ptr, size) : NULL;
}

static void
ignore_answer(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    (void)arg;
    (void)slot;
    (void)exchange;
}

Test(transport_connections, does_not_start_without_memory)
{
    static const struct bh_allocator failing = {alloc_or_fail, resize_or_fail, free};
    struct bh_gateway_transport_options options = {.ca_file = "x", .proxy = "y"};
    uv_loop_t loop;
    uv_loop_init(&loop);
    bh_alloc_replace(&failing);
    allocations_left = INT32_MAX;
    cr_assert_eq(bh_gateway_transport_global_init(), BH_OK);
    all_fail = true;
    for (int nth = 0; nth < 4; nth++) {
        struct bh_gateway_transport *transport;
        allocations_left = nth;
        cr_expect_eq(
            bh_gateway_transport_start(&loop, 4, &options, ignore_answer, NULL, &transport),
            BH_ENOMEM, "allocation %d", nth);
    }
    allocations_left = INT32_MAX;
    bh_gateway_transport_global_release();
    bh_alloc_replace(NULL);
    cr_expect_eq(uv_loop_close(&loop), 0);
}

/*
 * Each allocation of an exchange fails once; whatever happens, there is one answer and nothing is left.
 * The library swallows some of the failures and ends the request by its timeout, hence the short one.
 */
Test(transport_connections, answers_once_whichever_allocation_fails)
{
    static const struct bh_allocator failing = {alloc_or_fail, resize_or_fail, free};
    struct scripted_server *server = scripted_start(script_serve, hundred);
    bh_alloc_replace(&failing);
    allocations_left = INT32_MAX;
    int nth = 0, accepted = 0, failed = 0;
    for (; nth < 400 && accepted < 3; nth++) {
        struct client client;
        client_start(&client, NULL, scripted_port(server));
        allocations_left = nth;
        client_submit(&client, 0, BODY, 1000);
        client_wait(&client, 1);
        allocations_left = INT32_MAX;
        const struct bh_exchange *exchange = &client.answers[0].exchange;
        bool is_good = exchange->http_status == 200 && exchange->body_complete;
        accepted += is_good ? 1 : 0;
        failed += is_good ? 0 : 1;
        cr_expect(is_good || exchange->trouble != BH_TROUBLE_NONE, "allocation %d", nth);
        client_stop(&client);
        cr_expect_eq(client.answered, 1, "allocation %d", nth);
    }
    bh_alloc_replace(NULL);
    cr_expect_eq(accepted, 3);
    cr_expect_gt(failed, 10);
    scripted_stop(server);
}
