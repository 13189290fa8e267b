/*
 * client - a connection under test with its loop, and what its listener and its commands have heard.
 *
 * Everything that is waited for has an end: a test that waits too long fails with the condition's text.
 */
#ifndef BH_TESTS_CLIENT_H
#define BH_TESTS_CLIENT_H

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <uv.h>

#include "redis/connection.h"
#include "support/linecut.h"

struct client {
    uv_loop_t loop;
    uv_timer_t tick; /* so that conditions that no event of the loop changes are looked at, too */
    unsigned ticks_left;

    struct bh_redis_url url;
    struct bh_redis_options options;
    struct bh_redis_connection conn;

    unsigned ups;
    unsigned downs;  /* failed attempts, too */
    unsigned losses; /* of these: had been up */
    unsigned closes;
    char reason[300]; /* of the last on_down, as are the next */
    char advice[400];
    enum bh_redis_class class;
    unsigned failures;
    bh_ms retry_after_ms;

    /* What the listener does beyond counting; NULL: nothing. */
    void (*when_up)(struct client *client);
    void (*when_down)(struct client *client);
    void (*when_reply)(struct client *client, const struct redisReply *reply);

    unsigned answers; /* calls of on_reply */
    unsigned nulls;   /* of these: NULL */
    bool sending;     /* inside bh_redis_connection_send: no callback may come */
    uintptr_t order;  /* of the command whose reply is due next */
    long long last_integer;
    char last_text[300]; /* of the last reply, or the error text of the last NULL */
    int last_type;
};

/* Parse the URL, keep the loop.  Options may be set then; client_start does the rest. */
void client_init(struct client *client, const char *url);
void client_start(struct client *client);

/* Stop if it runs, and assert that nothing is left open. */
void client_finish(struct client *client);

/* Send words (NULL-terminated); asserts that the command is accepted. */
void client_send(struct client *client, const char *const *words);
enum bh_status client_send_bytes(struct client *client, size_t argc, const struct bh_str *argv,
                                 bh_ms timeout_ms);
enum bh_status client_try_send(struct client *client, const char *const *words, bh_ms timeout_ms);

#define SEND(client, ...) client_send((client), (const char *const[]){__VA_ARGS__, NULL})
#define TRY_SEND(client, timeout_ms, ...)                                                          \
    client_try_send((client), (const char *const[]){__VA_ARGS__, NULL}, (timeout_ms))

void client_begin_waiting(struct client *client);
bool client_may_wait(struct client *client);

/* Run the loop until the condition is true; at most about 20 s. */
#define RUN_UNTIL(client, condition)                                                               \
    do {                                                                                           \
        client_begin_waiting(client);                                                              \
        while (!(condition) && client_may_wait(client))                                            \
            uv_run(&(client)->loop, UV_RUN_ONCE);                                                  \
        cr_assert(condition, "waited too long for: %s; last reason: %s", #condition,               \
                  (client)->reason);                                                               \
    } while (0)

/* Start and wait until it is up. */
void client_come_up(struct client *client);

/*
 * Send more than the sockets hold while nothing passes the line, then more behind it, and let it pass:
 * all is answered, in order.  Needs outgoing_bytes_max of 16 MiB.
 */
void client_fill_and_drain(struct client *client, struct bh_linecut *line);

bool has_text(const char *text, const char *part);

#define EXPECT_REASON(client, part)                                                                \
    cr_expect(has_text((client)->reason, (part)), "the reason is: %s", (client)->reason)

#endif
