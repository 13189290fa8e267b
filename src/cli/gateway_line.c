#include "cli/gateway_line.h"

#include <uv.h>

#include "core/alloc.h"
#include "core/config.h"
#include "core/fault.h"
#include "core/gateway_profile.h"
#include "gateway/transport.h"

/* The price list of all countries is the longest. */
#define ANSWER_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct bh_gateway_line {
    const struct bh_config *config; /* borrowed from the command */
    uv_loop_t loop;
    struct bh_gateway_transport *transport;
    bool waiting;
    void (*on_answer)(void *arg, const struct bh_exchange *exchange);
    void *arg;
};

static const char *
given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void
transport_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct bh_gateway_line *line = arg;
    (void)slot;
    line->waiting = false;
    /* An answer that a timer brings comes before the loop waits, which would then be for nothing. */
    uv_stop(&line->loop);
    line->on_answer(line->arg, exchange);
}

static void
transport_on_stopped(void *arg)
{
    (void)arg; /* the loop is empty then, and ends */
}

static enum bh_status
start(struct bh_gateway_line *line, bool elsewhere)
{
    const struct bh_config_gateway *gateway = &line->config->gateway;
    const struct bh_gateway_transport_options options = {
        .max_connections = 1,
        .answer_bytes_max = ANSWER_BYTES_MAX,
        .connect_timeout_ms = gateway->connect_timeout_ms,
        .ca_file = elsewhere ? NULL : given(gateway->ca_file),
        .proxy = given(gateway->proxy),
    };
    enum bh_status status = bh_gateway_transport_global_init();
    if (status != BH_OK)
        return status;
    status = bh_gateway_transport_start(&line->loop, 1, &options, transport_on_answered, line,
                                        &line->transport);
    if (status != BH_OK)
        bh_gateway_transport_global_release();
    return status;
}

static enum bh_exit
open_line(const struct bh_cli *cli, bool elsewhere, struct bh_gateway_line **ret_line)
{
    struct bh_gateway_line *line = bh_alloc_zero(sizeof(*line));
    if (line == NULL || uv_loop_init(&line->loop) != 0) {
        bh_free(line);
        return bh_cli_fail("short of memory");
    }
    line->config = cli->config;
    if (start(line, elsewhere) != BH_OK) {
        (void)uv_loop_close(&line->loop);
        bh_free(line);
        return bh_cli_fail("the connection to the gateway cannot be set up: short of memory");
    }
    *ret_line = line;
    return BH_EXIT_DONE;
}

enum bh_exit
bh_gateway_line_open(const struct bh_cli *cli, struct bh_gateway_line **ret_line)
{
    return open_line(cli, false, ret_line);
}

enum bh_exit
bh_gateway_line_open_elsewhere(const struct bh_cli *cli, struct bh_gateway_line **ret_line)
{
    return open_line(cli, true, ret_line);
}

enum bh_status
bh_gateway_caller_init(const struct bh_cli *cli, struct bh_gateway_caller *ret_caller,
                       struct bh_error *ret_error)
{
    ret_caller->profile = bh_gateway_profile_from(&cli->config->gateway, "Bellhop/" BH_VERSION);
    enum bh_status status = bh_gateway_stamp_now(&ret_caller->text, &ret_caller->stamp);
    if (status != BH_OK)
        (void)bh_error_set(ret_error, "", "the system gives no random numbers");
    return status;
}

static void
submit_and_wait(struct bh_gateway_line *line, const struct bh_submit_command *submit,
                void (*on_answer)(void *arg, const struct bh_exchange *exchange), void *arg)
{
    line->on_answer = on_answer;
    line->arg = arg;
    line->waiting = true;
    bh_gateway_transport_submit(line->transport, submit);
    while (line->waiting)
        (void)uv_run(&line->loop, UV_RUN_ONCE);
}

void
bh_gateway_line_ask(struct bh_gateway_line *line, const struct bh_gateway_request *request,
                    void (*on_answer)(void *arg, const struct bh_exchange *exchange), void *arg)
{
    const struct bh_submit_command submit = {
        .url = bh_buf_text(&request->url),
        .headers = request->headers,
        .body = bh_buf_str(&request->body),
        .timeout_ms = line->config->gateway.timeout_ms,
    };
    submit_and_wait(line, &submit, on_answer, arg);
}

void
bh_gateway_line_get(struct bh_gateway_line *line, const char *url,
                    void (*on_answer)(void *arg, const struct bh_exchange *exchange), void *arg)
{
    static const char *const headers[] = {"Accept: */*", NULL};
    const struct bh_submit_command submit = {
        .url = url,
        .headers = headers,
        .timeout_ms = line->config->gateway.timeout_ms,
    };
    submit_and_wait(line, &submit, on_answer, arg);
}

void
bh_gateway_line_close(struct bh_gateway_line *line)
{
    if (line == NULL)
        return;
    bh_gateway_transport_stop(line->transport, transport_on_stopped, line);
    (void)uv_run(&line->loop, UV_RUN_DEFAULT);
    int closed = uv_loop_close(&line->loop);
    BH_ASSERT(closed == 0);
    bh_gateway_transport_global_release();
    bh_free(line);
}
