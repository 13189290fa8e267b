#include "transport_client.h"

#include <stdio.h>
#include <string.h>

static void
client_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct client *client = arg;
    struct answer *answer = &client->answers[slot.index];
    size_t len =
        exchange->body.len < sizeof(answer->body) ? exchange->body.len : sizeof(answer->body) - 1;
    answer->count++;
    answer->slot = slot;
    answer->exchange = *exchange;
    if (len > 0)
        memcpy(answer->body, exchange->body.ptr, len);
    answer->body[len] = '\0';
    answer->exchange.body = (struct bh_str){answer->body, exchange->body.len};
    client->answered++;
    uv_stop(&client->loop);
    if (client->on_answered != NULL)
        client->on_answered(client, slot);
}

static void
client_on_stopped(void *arg)
{
    struct client *client = arg;
    client->is_stopped = true;
    client->transport = NULL;
}

void
client_set_url(struct client *client, const char *scheme, const char *host, int port)
{
    snprintf(client->url, sizeof(client->url), "%s://%s:%d/api/sms", scheme, host, port);
}

void
client_start(struct client *client, const struct bh_gateway_transport_options *options, int port)
{
    static const struct bh_gateway_transport_options defaults;
    *client = (struct client){0};
    BH_ASSERT(bh_gateway_transport_global_init() == BH_OK);
    BH_ASSERT(uv_loop_init(&client->loop) == 0);
    BH_ASSERT(bh_gateway_transport_start(&client->loop, CLIENT_SLOTS,
                                         options != NULL ? options : &defaults, client_on_answered,
                                         client, &client->transport) == BH_OK);
    client_set_url(client, "http", "127.0.0.1", port);
}

void
client_stop(struct client *client)
{
    if (client->transport != NULL)
        bh_gateway_transport_stop(client->transport, client_on_stopped, client);
    while (uv_run(&client->loop, UV_RUN_DEFAULT) != 0)
        ; /* answers end it, too */
    BH_ASSERT(client->is_stopped);
    BH_ASSERT(uv_loop_close(&client->loop) == 0);
    bh_gateway_transport_global_release();
}

void
client_submit(struct client *client, uint32_t index, const char *body, bh_ms timeout_ms)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                          "Accept: application/json", "Expect:", NULL};
    struct bh_submit_command command = {
        .slot = {index, 1},
        .url = client->url,
        .headers = headers,
        .body = bh_str_from(body),
        .timeout_ms = timeout_ms,
    };
    unsigned before = client->answered;
    bh_gateway_transport_submit(client->transport, &command);
    BH_ASSERT(client->answered == before); /* never from within the call */
}

void
client_wait(struct client *client, unsigned answered)
{
    while (client->answered < answered)
        uv_run(&client->loop, UV_RUN_DEFAULT); /* an answer ends it */
}

const struct bh_exchange *
client_ask(struct client *client, const char *body, bh_ms timeout_ms)
{
    unsigned wanted = client->answered + 1;
    client_submit(client, 0, body, timeout_ms);
    client_wait(client, wanted);
    return &client->answers[0].exchange;
}
