/*
 * Names with several addresses, and a resolver that takes its time.
 *
 * This program has a getaddrinfo of its own, which libuv's threads call instead of the C library's.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "integration/client.h"
#include "support/redis_process.h"

#define ADDRESSES_MAX 40

struct entry {
    struct addrinfo list;
    struct sockaddr_in address;
};

/* What the resolver says. */
static uint16_t ports[ADDRESSES_MAX]; /* of 127.0.0.1, up to the first 0 */
static int resolver_error;
static long resolver_delay_ms;

__attribute__((visibility("default"))) int
getaddrinfo(const char *restrict name, const char *restrict service,
            const struct addrinfo *restrict hints, struct addrinfo **restrict ret_list)
{
    (void)name, (void)service, (void)hints;
    struct timespec pause = {.tv_sec = resolver_delay_ms / 1000,
                             .tv_nsec = resolver_delay_ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
    if (resolver_error != 0)
        return resolver_error;
    struct addrinfo **end = ret_list;
    for (size_t i = 0; i < ADDRESSES_MAX && ports[i] != 0; i++) {
        struct entry *entry = calloc(1, sizeof(*entry));
        entry->address = (struct sockaddr_in){.sin_family = AF_INET,
                                              .sin_port = htons(ports[i]),
                                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        entry->list = (struct addrinfo){.ai_family = AF_INET,
                                        .ai_socktype = SOCK_STREAM,
                                        .ai_addrlen = sizeof(entry->address),
                                        .ai_addr = (struct sockaddr *)&entry->address};
        *end = &entry->list;
        end = &entry->list.ai_next;
    }
    return 0;
}

__attribute__((visibility("default"))) void
freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free((struct entry *)list);
        list = next;
    }
}

static struct bh_redis_process redis;
static int sockets[16]; /* to be closed at the end */
static size_t sockets_count;

static void
set_up(void)
{
    bh_redis_process_init(&redis);
    bh_redis_process_want_tcp(&redis);
    bh_redis_process_start(&redis, NULL);
}

static void
tear_down(void)
{
    while (sockets_count > 0)
        close(sockets[--sockets_count]);
    bh_redis_process_release(&redis);
}

TestSuite(names, .init = set_up, .fini = tear_down, .timeout = 60);

/* A port that refuses, or one whose queue is full so that it never answers. */
static uint16_t
bad_port(bool silent)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockets[sockets_count++] = fd;
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    if (!silent)
        return ntohs(address.sin_port);
    cr_assert_eq(listen(fd, 0), 0);
    for (int i = 0; i < 4; i++) {
        int filler = socket(AF_INET, SOCK_STREAM, 0);
        sockets[sockets_count++] = filler;
        fcntl(filler, F_SETFL, O_NONBLOCK);
        (void)connect(filler, (struct sockaddr *)&address, size);
    }
    return ntohs(address.sin_port);
}

Test(names, goes_on_to_the_next_address_when_one_refuses)
{
    struct client client;
    ports[0] = bad_port(false);
    ports[1] = bad_port(false);
    ports[2] = redis.port;
    client_init(&client, "redis://name.test");
    client_come_up(&client);
    client_finish(&client);
}

Test(names, leaves_time_for_the_next_address_when_one_is_silent)
{
    struct client client;
    ports[0] = bad_port(true);
    ports[1] = bad_port(true);
    ports[2] = redis.port;
    client_init(&client, "redis://name.test");
    client.options.connect_timeout_ms = 1500;
    uint64_t begin = uv_hrtime();
    client_come_up(&client);
    cr_expect_geq((uv_hrtime() - begin) / 1000000, 900, "twice a third of 1500 ms");
    client_finish(&client);
}

Test(names, gives_the_last_addresses_failure_as_the_reason)
{
    struct client client;
    ports[0] = bad_port(true);
    ports[1] = bad_port(false);
    client_init(&client, "redis://name.test");
    client.options.connect_timeout_ms = 200;
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    EXPECT_REASON(&client, "connection refused (127.0.0.1:");
    client_finish(&client);
}

Test(names, stops_in_the_middle_of_its_addresses)
{
    for (int turns = 0; turns < 12; turns++) {
        struct client client;
        for (size_t i = 0; i < 6; i++)
            ports[i] = i < 3 ? 1 : redis.port;
        client_init(&client, "redis://name.test");
        client_start(&client);
        client_begin_waiting(&client); /* turns go by even when nothing happens */
        for (int i = 0; i < turns; i++)
            uv_run(&client.loop, UV_RUN_ONCE);
        client_finish(&client);
    }
}

Test(names, tries_no_more_than_sixteen_addresses)
{
    struct client client;
    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        ports[i] = i < 16 ? 1 : redis.port;
    client_init(&client, "redis://name.test");
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    EXPECT_REASON(&client, "refused");
    ports[15] = redis.port;
    RUN_UNTIL(&client, client.ups == 1);
    client_finish(&client);
}

Test(names, asks_the_resolver_anew_for_each_attempt)
{
    struct client client;
    resolver_error = EAI_NONAME;
    client_init(&client, "redis://name.test:7");
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 2);
    EXPECT_REASON(&client, "the name cannot be resolved");
    EXPECT_REASON(&client, "name.test:7");
    resolver_error = 0;
    ports[0] = redis.port;
    RUN_UNTIL(&client, client.ups == 1);
    client_finish(&client);
}

Test(names, does_not_wait_for_a_slow_resolver_and_begins_no_second_one_beside_it)
{
    struct client client;
    resolver_delay_ms = 400;
    ports[0] = redis.port;
    client_init(&client, "redis://name.test:7");
    client.options.connect_timeout_ms = 100;
    uint64_t begin = uv_hrtime();
    client_start(&client);
    RUN_UNTIL(&client, client.downs == 1);
    cr_expect_lt((uv_hrtime() - begin) / 1000000, 390, "the loop was blocked");
    EXPECT_REASON(&client, "resolving the name took longer than 100 ms");
    cr_expect_eq(bh_redis_connection_state(&client.conn), BH_REDIS_CLOSING);
    RUN_UNTIL(&client, bh_redis_connection_state(&client.conn) == BH_REDIS_DOWN);
    cr_expect_geq((uv_hrtime() - begin) / 1000000, 390);
    resolver_delay_ms = 0;
    RUN_UNTIL(&client, client.ups == 1);
    client_finish(&client);
}
