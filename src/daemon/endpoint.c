#include "daemon/endpoint.h"

#include "core/alloc.h"
#include "daemon/api.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/metrics.h"
#include "daemon/metrics_reports.h"
#include "daemon/reports.h"
#include "daemon/webhooks.h"
#include "http/router.h"
#include "http/server.h"

#define LISTEN_AGAIN_MS (10 * BH_SECOND_MS)

/* Browsers keep theirs open between two looks; see server.h on what happens when it gets crowded. */
#define CONNECTIONS_MAX 256

struct bh_endpoint {
    struct bh_endpoint_options options;
    const struct bh_config *config; /* owned reference */
    uv_loop_t *loop;
    uv_timer_t timer;              /* the next try to listen; the end of what never listened */
    struct bh_http_server *server; /* NULL: no address is configured */
    struct bh_reports *reports;    /* NULL: neither a token nor pull_reports yet */
    struct bh_webhooks *webhooks;
    struct bh_api *api; /* NULL: no address is configured */
    bool listening, complained, stopping;
    char why_unready[BH_OVERVIEW_REASON_MAX];
};

/* ---- requests ---- */

static bool
route_may_look(void *arg, const struct bh_http_request *request, struct bh_http_answer *ret_refusal)
{
    struct bh_endpoint *endpoint = arg;
    return bh_api_may_look(endpoint->api, request, ret_refusal);
}

static bool
route_is_healthy(void *arg)
{
    struct bh_endpoint *endpoint = arg;
    return endpoint->options.is_healthy(endpoint->options.arg);
}

static const char *
route_why_unready(void *arg)
{
    struct bh_endpoint *endpoint = arg;
    return bh_overview_unready(bh_overview_look(endpoint->options.overview), endpoint->why_unready);
}

/* A buffer that has failed answers 500. */
static const char *
route_write_metrics(void *arg, struct bh_buf *buf)
{
    struct bh_endpoint *endpoint = arg;
    struct bh_overview *overview = endpoint->options.overview;
    const struct bh_overview_snapshot *snapshot = bh_overview_look(overview);
    (void)bh_metrics_write(buf, snapshot, bh_overview_durations(overview));
    (void)bh_metrics_write_reports(buf, snapshot, bh_webhooks_counts(endpoint->webhooks));
    return BH_METRICS_CONTENT_TYPE;
}

bool
bh_endpoint_report(struct bh_endpoint *endpoint, const struct bh_delivery_report *report)
{
    return endpoint->reports != NULL && bh_reports_take(endpoint->reports, report);
}

static void
server_on_request(void *arg, const struct bh_http_request *request,
                  struct bh_http_answer *ret_answer)
{
    struct bh_endpoint *endpoint = arg;
    const struct bh_http_routes routes = {
        .webhook = bh_webhooks_route(endpoint->webhooks),
        .may_look = route_may_look,
        .is_healthy = route_is_healthy,
        .why_unready = route_why_unready,
        .write_metrics = route_write_metrics,
        .arg = endpoint,
    };
    if (!bh_api_serve(endpoint->api, request, ret_answer))
        bh_http_route(&routes, request, ret_answer);
}

static void
reports_on_taken(void *arg, const struct bh_reports_receipt *receipt, bool taken)
{
    struct bh_endpoint *endpoint = arg;
    struct bh_http_answer answer = {.status = 0};
    bh_buf_init(&answer.body, BH_HTTP_ANSWER_MAX);
    bh_webhooks_note(endpoint->webhooks, receipt, taken);
    bh_http_webhook_answer(taken, &answer);
    bh_http_server_answer(endpoint->server, receipt->ticket, &answer);
}

static void
api_on_answer(void *arg, uint64_t ticket, struct bh_http_answer *answer)
{
    struct bh_endpoint *endpoint = arg;
    bh_http_server_answer(endpoint->server, ticket, answer);
}

/* ---- listening ---- */

static void
timer_on_fire(uv_timer_t *timer)
{
    bh_endpoint_start(timer->data);
}

void
bh_endpoint_start(struct bh_endpoint *endpoint)
{
    struct bh_error error = {"", ""};
    if (endpoint->server == NULL || endpoint->listening || endpoint->stopping)
        return;
    enum bh_status status = bh_http_server_listen(endpoint->server, &error);
    endpoint->listening = status == BH_OK;
    if (endpoint->listening) {
        const struct bh_log_field fields[] = {
            bh_log_text("host", endpoint->config->http.listen.host),
            bh_log_int("port", bh_http_server_port(endpoint->server)),
        };
        bh_log_write(BH_LOG_INFO, "http_up", fields, BH_ARRAY_LEN(fields), "listening for HTTP");
        return;
    }
    bool try_again = status != BH_EINVAL;
    if (!endpoint->complained)
        bh_log_write(BH_LOG_ERROR, "http_down", NULL, 0,
                     "the HTTP endpoint cannot be opened (%s); messages are sent all the same, and "
                     "%s",
                     error.text,
                     try_again ? "it is tried again every ten seconds"
                               : "it stays closed until [http] listen is right and bellhopd was "
                                 "restarted");
    endpoint->complained = true;
    if (try_again)
        uv_timer_start(&endpoint->timer, timer_on_fire, LISTEN_AGAIN_MS, 0);
}

/* ---- life ---- */

static void
endpoint_on_timer_closed(uv_handle_t *timer)
{
    struct bh_endpoint *endpoint = timer->data;
    endpoint->options.on_closed(endpoint->options.arg);
}

static void
api_on_closed(void *arg)
{
    struct bh_endpoint *endpoint = arg;
    uv_close((uv_handle_t *)&endpoint->timer, endpoint_on_timer_closed);
}

static void
reports_on_closed(void *arg)
{
    struct bh_endpoint *endpoint = arg;
    if (endpoint->api != NULL)
        bh_api_stop(endpoint->api);
    else
        api_on_closed(endpoint);
}

static void
server_on_closed(void *arg)
{
    struct bh_endpoint *endpoint = arg;
    endpoint->listening = false;
    if (endpoint->reports != NULL)
        bh_reports_stop(endpoint->reports);
    else
        reports_on_closed(endpoint);
}

void
bh_endpoint_stop(struct bh_endpoint *endpoint)
{
    if (endpoint->stopping)
        return;
    endpoint->stopping = true;
    uv_timer_stop(&endpoint->timer);
    /* The server gives those who wait a second, and then an answer that not every gateway repeats. */
    if (endpoint->reports != NULL)
        bh_reports_hurry(endpoint->reports);
    if (endpoint->listening)
        bh_http_server_stop(endpoint->server);
    else
        server_on_closed(endpoint);
}

/* Made when it is first wanted: it keeps a connection to Redis. */
static enum bh_status
want_reports(struct bh_endpoint *endpoint, struct bh_error *error)
{
    bool posted = endpoint->server != NULL && endpoint->config->http.webhook_token.len > 0;
    if (endpoint->reports != NULL || (!posted && !endpoint->config->gateway.pull_reports))
        return BH_OK;
    const struct bh_reports_options options = {
        .config = endpoint->config,
        .on_taken = reports_on_taken,
        .on_closed = reports_on_closed,
        .arg = endpoint,
    };
    enum bh_status status = bh_reports_new(endpoint->loop, &options, &endpoint->reports, error);
    if (status == BH_OK) {
        bh_reports_start(endpoint->reports);
        bh_webhooks_join(endpoint->webhooks, endpoint->reports);
    }
    return status;
}

/* The server, and what answers its requests. */
static enum bh_status
open_server(struct bh_endpoint *endpoint, struct bh_error *error)
{
    const struct bh_config_listen *listen = &endpoint->config->http.listen;
    if (listen->host[0] == '\0')
        return BH_OK;
    const struct bh_api_options api = {
        .config = endpoint->config,
        .overview = endpoint->options.overview,
        .on_answer = api_on_answer,
        .on_closed = api_on_closed,
        .arg = endpoint,
    };
    const struct bh_http_server_options server = {
        .host = listen->host,
        .port = listen->port,
        .connections_max = CONNECTIONS_MAX,
        .body_bytes_max = BH_WEBHOOK_BODY_MAX,
        .on_request = server_on_request,
        .on_closed = server_on_closed,
        .arg = endpoint,
    };
    enum bh_status status = bh_api_new(endpoint->loop, &api, &endpoint->api, error);
    if (status == BH_OK)
        status = bh_http_server_new(endpoint->loop, &server, &endpoint->server);
    if (status == BH_OK)
        bh_api_start(endpoint->api);
    return status;
}

enum bh_status
bh_endpoint_new(uv_loop_t *loop, const struct bh_endpoint_options *options,
                struct bh_endpoint **ret_endpoint, struct bh_error *error)
{
    struct bh_endpoint *endpoint = bh_alloc_zero(sizeof(*endpoint));
    enum bh_status status;
    if (endpoint == NULL)
        return BH_ENOMEM;
    endpoint->options = *options;
    endpoint->loop = loop;
    endpoint->config = bh_config_retain(options->config);
    uv_timer_init(loop, &endpoint->timer);
    endpoint->timer.data = endpoint;
    status = bh_webhooks_new(options->config, &endpoint->webhooks);
    if (status == BH_OK)
        status = open_server(endpoint, error);
    if (status == BH_OK)
        status = want_reports(endpoint, error);
    if (status == BH_OK)
        *ret_endpoint = endpoint;
    /* A half-built endpoint is left to the end of the process, which follows at once. */
    return status;
}

void
bh_endpoint_configure(struct bh_endpoint *endpoint, const struct bh_config *config)
{
    struct bh_error error = {"", ""};
    if (endpoint->stopping)
        return;
    bh_config_release(endpoint->config);
    endpoint->config = bh_config_retain(config);
    bh_webhooks_configure(endpoint->webhooks, config);
    if (endpoint->api != NULL)
        bh_api_configure(endpoint->api, config);
    if (endpoint->reports != NULL)
        bh_reports_configure(endpoint->reports, config);
    else if (want_reports(endpoint, &error) != BH_OK)
        bh_log_write(BH_LOG_ERROR, "reload_failed", NULL, 0, "delivery reports cannot be taken: %s",
                     error.text[0] != '\0' ? error.text : "out of memory");
}

void
bh_endpoint_free(struct bh_endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    bh_http_server_free(endpoint->server);
    bh_reports_free(endpoint->reports);
    bh_webhooks_free(endpoint->webhooks);
    bh_api_free(endpoint->api);
    bh_config_release(endpoint->config);
    bh_free(endpoint);
}
