/*
 * A connection changes hands inside the library: when an answer comes in so quickly that it is read right behind the
 * request, the library sends the next request on the same connection before it tells us that the first has ended.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "support/scripted_server.h"
#include "transport_client.h"

#define PATIENCE_MS 60000
#define BODY        "to=491711234567&text=Hello"

/* Sent in one piece, so that all of it is there when a part of it is. */
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n100"

/* So many sends of this thread return only when there is something to read. */
static _Thread_local unsigned sends_to_hold;

/* Stands before the C library's own, for libcurl as well. */
__attribute__((visibility("default"))) ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
    ssize_t sent = sendto(fd, bytes, len, flags, NULL, 0);
    if (sends_to_hold > 0) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        sends_to_hold--;
        poll(&readable, 1, PATIENCE_MS);
    }
    return sent;
}

/* Answers two requests and ends at the third, when it is told to. */
static void
script_end_at_third(struct scripted_connection *connection, void *arg)
{
    const atomic_bool *may_end = arg;
    for (int i = 0; i < 2; i++)
        if (!scripted_read_request(connection) || !scripted_send(connection, ANSWER))
            return;
    if (scripted_read_request(connection))
        while (!atomic_load(may_end))
            uv_sleep(1);
}

Test(transport_handover, a_connection_belongs_to_the_request_that_is_on_it)
{
    static atomic_bool may_end;
    static struct client client;
    struct bh_gateway_transport_options options = {.max_connections = 4, .idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_end_at_third, &may_end);
    client_start(&client, &options, scripted_port(server));
    cr_assert_eq(client_ask(&client, BODY, PATIENCE_MS)->http_status, 200);

    sends_to_hold = 1;
    client_submit(&client, 1, BODY, PATIENCE_MS);
    client_submit(&client, 2, BODY, PATIENCE_MS);
    client_wait(&client, 2);
    cr_expect_eq(client.answers[1].exchange.http_status, 200);
    cr_assert_eq(sends_to_hold, 0, "the library sends with send()");
    cr_assert_eq(scripted_connections(server), 1, "the third went out on the second's connection");
    cr_expect(bh_gateway_transport_needs_connection(client.transport), "that one is not idle");

    atomic_store(&may_end, true);
    client_wait(&client, 3);
    cr_expect_eq(client.answers[2].exchange.http_status, 0);
    cr_expect_eq(client.answers[2].exchange.handed_over, BH_HANDED_ALL);
    cr_expect_not(client.answers[2].exchange.new_connection);
    client_stop(&client);
    scripted_stop(server);
}
