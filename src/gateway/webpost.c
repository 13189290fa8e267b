#include "gateway/webpost.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "gateway/transport.h"

#define URL_BYTES_MAX    4096
#define BODY_BYTES_MAX   ((size_t)64 * 1024)
#define BODY_KEPT_MAX    ((size_t)64 * 1024) /* memory of a body that a slot keeps for its next */
#define HEADER_BYTES_MAX 1024
#define ANSWER_BYTES_MAX ((size_t)16 * 1024)
#define HEADERS_FIXED    4

/* One post under way. */
struct sending {
    bool busy;
    uint32_t generation;
    void *tag;
    struct bh_buf url, body;
    struct bh_buf own; /* the letter's headers, each with its NUL */
    const char *headers[HEADERS_FIXED + BH_WEBPOST_HEADERS_MAX + 1];
};

struct bh_webpost {
    struct bh_webpost_options options;
    struct bh_gateway_transport *transport; /* NULL: stopped */
    struct sending *sendings;               /* owned; options.parallel of them */
    unsigned busy;
    char agent[128];
    bool stopping;
};

static const char *
words_of(const struct bh_exchange *exchange)
{
    if (exchange->detail[0] != '\0')
        return exchange->detail;
    return exchange->handed_over == BH_HANDED_NOTHING ? "it cannot be reached" : "no answer came";
}

static void
set_text(struct bh_webpost_result *result, const struct bh_exchange *exchange)
{
    int status = result->http_status;
    if (status >= 300 && status < 400)
        snprintf(result->text, sizeof(result->text),
                 "it answers with HTTP %d, and redirects are not followed", status);
    else if (status != 0)
        snprintf(result->text, sizeof(result->text), "it answers with HTTP %d", status);
    else
        snprintf(result->text, sizeof(result->text), "%s", words_of(exchange));
}

static void
sending_free(struct bh_webpost *post, struct sending *sending)
{
    sending->busy = false;
    sending->generation++;
    post->busy--;
    if (sending->body.capacity > BODY_KEPT_MAX)
        bh_buf_release(&sending->body);
}

static void
transport_on_answered(void *arg, struct bh_slot_handle slot, const struct bh_exchange *exchange)
{
    struct bh_webpost *post = arg;
    struct sending *sending = &post->sendings[slot.index];
    int status = exchange->headers_complete ? exchange->http_status : 0;
    void *tag = sending->tag;
    sending_free(post, sending);
    if (post->stopping)
        return;
    struct bh_webpost_result result = {
        .taken = status >= 200 && status < 300,
        .may_again =
            status == 0 || status == 408 || status == 425 || status == 429 || status >= 500,
        .http_status = status,
        .retry_after_ms = exchange->retry_after_ms,
    };
    set_text(&result, exchange);
    post->options.on_done(post->options.arg, tag, &result);
}

static enum bh_status
make_sendings(struct bh_webpost *post)
{
    post->sendings = bh_alloc_array(post->options.parallel, sizeof(*post->sendings));
    if (post->sendings == NULL)
        return BH_ENOMEM;
    for (unsigned i = 0; i < post->options.parallel; i++) {
        struct sending *sending = &post->sendings[i];
        *sending = (struct sending){.busy = false};
        bh_buf_init(&sending->url, URL_BYTES_MAX);
        bh_buf_init(&sending->body, post->options.body_bytes_max);
        bh_buf_init(&sending->own, (size_t)BH_WEBPOST_HEADERS_MAX * HEADER_BYTES_MAX);
        sending->headers[0] = "Content-Type: application/json";
        sending->headers[1] = "Accept: */*";
        sending->headers[2] = "Expect:"; /* a body is not announced first */
        sending->headers[3] = post->agent;
    }
    return BH_OK;
}

enum bh_status
bh_webpost_new(uv_loop_t *loop, const struct bh_webpost_options *options,
               struct bh_webpost **ret_post)
{
    struct bh_webpost *post = bh_alloc_zero(sizeof(*post));
    if (post == NULL)
        return BH_ENOMEM;
    post->options = *options;
    if (post->options.parallel == 0)
        post->options.parallel = 1;
    if (post->options.body_bytes_max == 0)
        post->options.body_bytes_max = BODY_BYTES_MAX;
    snprintf(post->agent, sizeof(post->agent), "User-Agent: %s", options->user_agent);
    const struct bh_gateway_transport_options transport = {
        .max_connections = post->options.parallel,
        .connect_timeout_ms = options->timeout_ms,
        .answer_bytes_max = ANSWER_BYTES_MAX,
    };
    enum bh_status status = make_sendings(post);
    if (status == BH_OK)
        status = bh_gateway_transport_start(loop, post->options.parallel, &transport,
                                            transport_on_answered, post, &post->transport);
    if (status != BH_OK) {
        bh_free(post->sendings);
        bh_free(post);
        return status;
    }
    *ret_post = post;
    return BH_OK;
}

bool
bh_webpost_is_busy(const struct bh_webpost *post)
{
    return post->busy == post->options.parallel;
}

static struct sending *
find_free(struct bh_webpost *post)
{
    struct sending *sending = post->sendings;
    while (sending->busy)
        sending++;
    return sending;
}

/* Two rounds: while the buffer grows its text may move. */
static enum bh_status
copy_headers(struct sending *sending, const char *const *headers)
{
    size_t count = 0, at = 0;
    bh_buf_clear(&sending->own);
    for (; headers != NULL && headers[count] != NULL; count++)
        bh_buf_append(&sending->own, headers[count], bh_str_from(headers[count]).len + 1);
    BH_ASSERT(count <= BH_WEBPOST_HEADERS_MAX);
    if (bh_buf_status(&sending->own) != BH_OK)
        return bh_buf_status(&sending->own);
    for (size_t i = 0; i < count; i++) {
        sending->headers[HEADERS_FIXED + i] = sending->own.ptr + at;
        at += bh_str_from(headers[i]).len + 1;
    }
    sending->headers[HEADERS_FIXED + count] = NULL;
    return BH_OK;
}

static enum bh_status
copy_letter(struct sending *sending, const struct bh_webpost_letter *letter)
{
    bh_buf_clear(&sending->url);
    bh_buf_clear(&sending->body);
    bh_buf_append_text(&sending->url, letter->url);
    bh_buf_append_str(&sending->body, letter->json);
    enum bh_status status = bh_buf_status(&sending->url);
    if (status == BH_OK)
        status = bh_buf_status(&sending->body);
    return status == BH_OK ? copy_headers(sending, letter->headers) : status;
}

enum bh_status
bh_webpost_send(struct bh_webpost *post, const struct bh_webpost_letter *letter)
{
    BH_ASSERT(!bh_webpost_is_busy(post) && !post->stopping);
    struct sending *sending = find_free(post);
    enum bh_status status = copy_letter(sending, letter);
    if (status != BH_OK)
        return status;
    const struct bh_submit_command submit = {
        .slot = {(uint32_t)(sending - post->sendings), sending->generation},
        .url = bh_buf_text(&sending->url),
        .headers = sending->headers,
        .body = bh_buf_str(&sending->body),
        .timeout_ms = post->options.timeout_ms,
    };
    sending->busy = true;
    sending->tag = letter->tag;
    post->busy++;
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
    for (unsigned i = 0; i < post->options.parallel; i++) {
        bh_buf_release(&post->sendings[i].url);
        bh_buf_release(&post->sendings[i].body);
        bh_buf_release(&post->sendings[i].own);
    }
    bh_free(post->sendings);
    bh_free(post);
}
