#include "gateway/webpost.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "gateway/transport.h"

#define URL_BYTES_MAX    4096
#define BODY_BYTES_MAX   ((size_t)64 * 1024)
#define ANSWER_BYTES_MAX ((size_t)16 * 1024)

struct bh_webpost {
    struct bh_webpost_options options;
    struct bh_gateway_transport *transport; /* NULL: stopped */
    struct bh_buf url, body;
    char agent[128];
    const char *headers[5];
    bool busy, stopping;
};

static const char *
words_of(const struct bh_exchange *exchange)
{
    if (exchange->detail[0] != '\0')
        return exchange->detail;
    return exchange->handed_over == BH_HANDED_NOTHING ? "it cannot be reached" : "no answer came";
}

static void
transport_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct bh_webpost *post = arg;
    int status = exchange->headers_complete ? exchange->http_status : 0;
    (void)slot;
    post->busy = false;
    if (post->stopping)
        return;
    struct bh_webpost_result result = {
        .taken = status >= 200 && status < 300,
        .may_again =
            status == 0 || status == 408 || status == 425 || status == 429 || status >= 500,
        .http_status = status,
    };
    if (status >= 300 && status < 400)
        snprintf(result.text, sizeof(result.text),
                 "it answers with HTTP %d, and redirects are not followed", status);
    else if (status != 0)
        snprintf(result.text, sizeof(result.text), "it answers with HTTP %d", status);
    else
        snprintf(result.text, sizeof(result.text), "%s", words_of(exchange));
    result.may_again &= !result.taken;
    post->options.on_done(post->options.arg, &result);
}

enum bh_status
bh_webpost_new(uv_loop_t *loop, const struct bh_webpost_options *options,
               struct bh_webpost **ret_post)
{
    const struct bh_gateway_transport_options transport = {
        .max_connections = 1,
        .connect_timeout_ms = options->timeout_ms,
        .answer_bytes_max = ANSWER_BYTES_MAX,
    };
    struct bh_webpost *post = bh_alloc_zero(sizeof(*post));
    if (post == NULL)
        return BH_ENOMEM;
    enum bh_status status = bh_gateway_transport_start(loop, 1, &transport, transport_on_answered,
                                                       post, &post->transport);
    if (status != BH_OK) {
        bh_free(post);
        return status;
    }
    post->options = *options;
    bh_buf_init(&post->url, URL_BYTES_MAX);
    bh_buf_init(&post->body, BODY_BYTES_MAX);
    snprintf(post->agent, sizeof(post->agent), "User-Agent: %s", options->user_agent);
    post->headers[0] = "Content-Type: application/json";
    post->headers[1] = "Accept: */*";
    post->headers[2] = "Expect:"; /* a small body is not announced first */
    post->headers[3] = post->agent;
    *ret_post = post;
    return BH_OK;
}

bool
bh_webpost_is_busy(const struct bh_webpost *post)
{
    return post->busy;
}

enum bh_status
bh_webpost_send(struct bh_webpost *post, const char *url, struct bh_str json)
{
    BH_ASSERT(!post->busy && !post->stopping);
    bh_buf_clear(&post->url);
    bh_buf_clear(&post->body);
    bh_buf_append_text(&post->url, url);
    bh_buf_append_str(&post->body, json);
    enum bh_status status = bh_buf_status(&post->url);
    if (status == BH_OK)
        status = bh_buf_status(&post->body);
    if (status != BH_OK)
        return status;
    const struct bh_submit_command submit = {
        .url = bh_buf_text(&post->url),
        .headers = post->headers,
        .body = bh_buf_str(&post->body),
        .timeout_ms = post->options.timeout_ms,
    };
    post->busy = true;
    bh_gateway_transport_submit(post->transport, &submit);
    return BH_OK;
}

static void
transport_on_stopped(void *arg)
{
    struct bh_webpost *post = arg;
    post->options.on_closed(post->options.arg);
}

void
bh_webpost_stop(struct bh_webpost *post)
{
    if (post->stopping)
        return;
    post->stopping = true;
    bh_gateway_transport_stop(post->transport, transport_on_stopped, post);
    post->transport = NULL;
}

void
bh_webpost_free(struct bh_webpost *post)
{
    if (post == NULL)
        return;
    bh_buf_release(&post->url);
    bh_buf_release(&post->body);
    bh_free(post);
}
