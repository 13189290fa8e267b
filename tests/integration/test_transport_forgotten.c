/*
 * Connections that the library closes without a word: their records must not pile up, nor count as open for longer than
 * their number is free.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/scripted_server.h"
#include "transport_client.h"

#define PATIENCE_MS 60000
#define ROUNDS      12
#define BODY        "to=491711234567&text=Hello"

/* A port whose line of waiting connections is full: the next one to come hangs in its connect. */
struct full_port {
    int listener, fillers[16];
    int port;
};

static void
full_port_open(struct full_port *full)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    full->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(full->listener >= 0 && bind(full->listener, (struct sockaddr *)&address, size) == 0 &&
              listen(full->listener, 0) == 0 &&
              getsockname(full->listener, (struct sockaddr *)&address, &size) == 0);
    full->port = ntohs(address.sin_port);
    for (size_t i = 0; i < BH_ARRAY_LEN(full->fillers); i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
        (void)connect(fd, (struct sockaddr *)&address, size);
        full->fillers[i] = fd;
    }
}

static void
full_port_close(const struct full_port *full)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(full->fillers); i++)
        close(full->fillers[i]);
    close(full->listener);
}

static void
script_serve(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    while (scripted_read_request(connection))
        if (!scripted_answer(connection, "100"))
            return;
}

/* `count` requests at once; their answers are in client->answers. */
static void
ask_all(struct client *client, uint32_t count)
{
    unsigned wanted = client->answered + count;
    for (uint32_t i = 0; i < count; i++)
        client_submit(client, i, BODY, PATIENCE_MS);
    client_wait(client, wanted);
}

/* A connect that runs out of time is such a case with some versions of the library. */
Test(transport_forgotten, connects_that_time_out_leave_no_pile_of_records, .timeout = 60)
{
    static const uint32_t at_once[] = {1, 8};
    for (size_t row = 0; row < BH_ARRAY_LEN(at_once); row++) {
        uint32_t count = at_once[row];
        struct full_port full;
        struct client client;
        const struct bh_gateway_transport_options options = {.connect_timeout_ms = 50,
                                                             .idle_ms = PATIENCE_MS};
        full_port_open(&full);
        client_start(&client, &options, full.port);
        for (unsigned round = 1; round <= ROUNDS; round++) {
            ask_all(&client, count);
            for (uint32_t i = 0; i < count; i++)
                cr_assert_eq(client.answers[i].exchange.handed_over, BH_HANDED_NOTHING, "%s",
                             client.answers[i].exchange.detail);
            struct bh_gateway_transport_stats stats = bh_gateway_transport_stats(client.transport);
            cr_assert_eq(stats.connections_opened, round * count);
            cr_assert_leq(stats.open_connections, count, "%u at once, round %u: %u records", count,
                          round, stats.open_connections);
        }
        /* The rest that follows the last request closes all, and forgets what was closed already. */
        struct scripted_server *server = scripted_start(script_serve, NULL);
        const struct bh_gateway_transport_options restful = {.idle_ms = 50};
        client_set_url(&client, "http", "127.0.0.1", scripted_port(server));
        cr_assert_eq(bh_gateway_transport_configure(client.transport, &restful), BH_OK);
        cr_expect_eq(client_ask(&client, BODY, PATIENCE_MS)->http_status, 200);
        while (bh_gateway_transport_open_connections(client.transport) > 0)
            uv_run(&client.loop, UV_RUN_ONCE);
        client_stop(&client); /* requires that all memory is given back */
        scripted_stop(server);
        full_port_close(&full);
    }
}

/* One answer, then the end. */
static void
script_serve_once(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    if (scripted_read_request(connection))
        (void)scripted_answer(connection, "100");
}

/* Nobody turns the loop while the peer hangs up, so nothing tells the library before the next requests. */
Test(transport_forgotten, idle_connections_that_the_peer_closed_leave_no_pile_of_records)
{
    struct client client;
    const struct bh_gateway_transport_options options = {.idle_ms = PATIENCE_MS};
    struct scripted_server *server = scripted_start(script_serve_once, NULL);
    client_start(&client, &options, scripted_port(server));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        ask_all(&client, 8);
        uv_sleep(
            10); /* most closes arrive; a request that is quicker is reset, which does no harm here */
        cr_assert_leq(bh_gateway_transport_open_connections(client.transport), 8, "round %u",
                      round);
    }
    cr_expect_geq(bh_gateway_transport_stats(client.transport).connections_opened, 8 * ROUNDS / 2,
                  "it did connect anew");
    client_stop(&client);
    scripted_stop(server);
}
