/*
 * transport_client - a transport on a loop of its own, and what it answered, for tests.
 */
#ifndef TESTS_INTEGRATION_TRANSPORT_CLIENT_H
#define TESTS_INTEGRATION_TRANSPORT_CLIENT_H

#include "gateway/transport.h"

#define CLIENT_SLOTS 128

struct answer {
    unsigned count; /* how often the slot was answered */
    struct bh_slot_handle slot;
    struct bh_exchange exchange; /* its body points to `body` */
    char body[512];              /* cut, NUL-terminated */
};

struct client {
    uv_loop_t loop;
    struct bh_gateway_transport *transport;
    struct answer answers[CLIENT_SLOTS];
    unsigned answered;
    bool is_stopped;
    char url[128];
    const char *path; /* default "/api/sms" */
    void (*on_answered)(struct client *client, struct bh_slot_handle slot);
    unsigned left; /* for the test's own counting */
};

/* A client for a server on that port of the loopback. */
void client_start(struct client *client, const struct bh_gateway_transport_options *options,
                  int port);

/* Stops the transport if the test has not, and requires that loop and library are left clean. */
void client_stop(struct client *client);

void client_set_url(struct client *client, const char *scheme, const char *host, int port);

/* A POST with that body, or a GET when it is NULL, on slot `index`, generation 1. */
void client_submit(struct client *client, uint32_t index, const char *body, bh_ms timeout_ms);

/* Turn the loop until so many answers have come in all. */
void client_wait(struct client *client, unsigned answered);

/* Submit on slot 0 and wait for it. */
const struct bh_exchange *client_ask(struct client *client, const char *body, bh_ms timeout_ms);

#endif
