#include "daemon/api.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/digest.h"
#include "core/gateway_profile.h"
#include "daemon/api_internal.h"
#include "daemon/api_render.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "http/dashboard.h"

/* A picture is made anew after this time, however many ask. */
#define PICTURE_MS BH_SECOND_MS

/* How old jobs are takes Redis some work. */
#define SHAPE_MS (10 * BH_SECOND_MS)

/* ---- answers ---- */

void
bh_api_refuse(struct bh_http_answer *answer, unsigned status, const char *text)
{
    struct bh_json_writer writer;
    answer->status = status;
    answer->content_type = "application/json";
    bh_buf_clear(&answer->body);
    bh_json_writer_init(&writer, &answer->body);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "error", text);
    bh_json_close_object(&writer);
}

static void
answer_picture(const struct bh_api_picture *picture, const struct bh_http_request *request,
               struct bh_http_answer *answer)
{
    answer->content_type = "application/json";
    answer->etag = picture->etag;
    if (bh_http_has_etag(request->if_none_match, picture->etag)) {
        answer->status = 304;
        return;
    }
    answer->status = 200;
    (void)bh_buf_append_str(&answer->body, bh_buf_str(&picture->body));
}

/* ---- pictures ---- */

static bool
is_fresh(const struct bh_api_picture *picture, bh_ms for_ms)
{
    return picture->made_at.ms != 0 && bh_clock_mono().ms - picture->made_at.ms < for_ms;
}

static void
seal(struct bh_api_picture *picture)
{
    struct bh_digest digest;
    const struct bh_str bytes = bh_buf_str(&picture->body);
    picture->etag[0] = '\0';
    picture->made_at = (struct bh_mono){0};
    if (bh_buf_status(&picture->body) != BH_OK || bh_digest_pieces(&bytes, 1, &digest) != BH_OK)
        return;
    (void)snprintf(picture->etag, sizeof(picture->etag), "\"%s\"", digest.hex);
    picture->made_at = bh_clock_mono();
}

static void
answer_made(struct bh_api_picture *picture, const struct bh_http_request *request,
            struct bh_http_answer *answer)
{
    if (picture->made_at.ms == 0)
        bh_api_refuse(answer, 500, "short of memory");
    else
        answer_picture(picture, request, answer);
}

static void
answer_overview(struct bh_api *api, const struct bh_http_request *request, bool admin,
                struct bh_http_answer *answer)
{
    struct bh_api_picture *picture = &api->overviews[admin];
    struct bh_json_writer writer;
    if (!is_fresh(picture, PICTURE_MS)) {
        const struct bh_api_viewer viewer = {
            .admin = admin,
            .token_is_known = api->config->http.admin_token.len > 0,
        };
        bh_buf_clear(&picture->body);
        bh_json_writer_init(&writer, &picture->body);
        bh_api_render_overview(&writer, bh_overview_look(api->options.overview), api->config,
                               viewer);
        seal(picture);
    }
    answer_made(picture, request, answer);
}

/* The queue's place in the configuration; false, and answered, when there is none of that name. */
static bool
find_queue(const struct bh_api *api, const struct bh_api_route *route, size_t *ret_at,
           struct bh_http_answer *answer)
{
    for (size_t i = 0; i < api->config->queues_count; i++) {
        if (strcmp(api->config->queues[i].name, route->queue) == 0) {
            *ret_at = i;
            return true;
        }
    }
    bh_api_refuse(answer, 404, "there is no such queue");
    return false;
}

static void
answer_history(struct bh_api *api, const struct bh_http_request *request,
               const struct bh_api_route *route, struct bh_http_answer *answer)
{
    struct bh_json_writer writer;
    size_t at;
    if (!find_queue(api, route, &at, answer))
        return;
    struct bh_api_picture *picture = &api->histories[at];
    if (!is_fresh(picture, PICTURE_MS) || strcmp(picture->queue, route->queue) != 0) {
        const struct bh_overview_queue *queue =
            bh_api_queue(bh_overview_look(api->options.overview), route->queue);
        if (queue == NULL) {
            bh_api_refuse(answer, 404, "there is no such queue");
            return;
        }
        (void)snprintf(picture->queue, sizeof(picture->queue), "%s", route->queue);
        bh_buf_clear(&picture->body);
        bh_json_writer_init(&writer, &picture->body);
        bh_api_render_history(&writer, queue);
        seal(picture);
    }
    answer_made(picture, request, answer);
}

void
bh_api_keep_shape(struct bh_api *api, const char *queue, struct bh_str json)
{
    for (size_t i = 0; i < api->config->queues_count; i++) {
        struct bh_api_picture *picture = &api->shapes[i];
        if (strcmp(api->config->queues[i].name, queue) != 0)
            continue;
        (void)snprintf(picture->queue, sizeof(picture->queue), "%s", queue);
        bh_buf_clear(&picture->body);
        (void)bh_buf_append_str(&picture->body, json);
        seal(picture);
    }
}

/* ---- what takes Redis ---- */

static bool
takes_redis(enum bh_api_kind kind)
{
    return kind == BH_API_SHAPE || kind == BH_API_JOBS || kind == BH_API_JOB ||
           bh_api_is_change(kind);
}

static void
answer_by_task(struct bh_api *api, const struct bh_http_request *request,
               const struct bh_api_route *route, bool admin, struct bh_http_answer *answer)
{
    struct bh_api_task more = {.word = 0};
    void (*begin)(struct bh_api_task * task) = bh_api_begin_change;
    size_t at = 0;
    if (route->queue[0] != '\0' && !find_queue(api, route, &at, answer))
        return;
    if (route->kind == BH_API_SHAPE && is_fresh(&api->shapes[at], SHAPE_MS) &&
        strcmp(api->shapes[at].queue, route->queue) == 0) {
        answer_picture(&api->shapes[at], request, answer);
        return;
    }
    if (bh_api_is_change(route->kind) && !bh_api_read_change(request, route, &more, answer))
        return;
    if (route->kind == BH_API_SHAPE)
        begin = bh_api_begin_shape;
    else if (route->kind == BH_API_JOBS)
        begin = bh_api_begin_jobs;
    else if (route->kind == BH_API_JOB)
        begin = bh_api_begin_job;
    bh_api_task_begin(api, request, route, admin, begin, &more, answer);
}

/* ---- who asks ---- */

static void
tell_refused(struct bh_api *api, const struct bh_http_request *request, const char *event,
             const char *text)
{
    unsigned kept_back;
    if (!bh_hush_may_say(&api->hush, event, NULL, bh_clock_mono(), &kept_back))
        return;
    const struct bh_log_field fields[] = {
        bh_log_string("address", request->address),
        bh_log_int("kept_back", kept_back),
    };
    bh_log_write(BH_LOG_WARN, event, fields, BH_ARRAY_LEN(fields), "%s", text);
}

static void
refuse_slowed(struct bh_api *api, const struct bh_http_request *request,
              struct bh_http_answer *answer)
{
    bh_ms wait_ms = bh_access_wait(&api->guard, request->address, bh_clock_mono());
    bh_api_refuse(answer, 429, "too many wrong tokens came from your address");
    answer->retry_after_s = (unsigned)((wait_ms + BH_SECOND_MS - 1) / BH_SECOND_MS);
}

static void
refuse_access(struct bh_api *api, const struct bh_http_request *request, enum bh_access access,
              struct bh_http_answer *answer)
{
    switch (access) {
    case BH_ACCESS_FOREIGN:
        bh_api_refuse(answer, 403,
                      "a change needs Content-Type: application/json, and no page of another "
                      "origin may ask for it");
        break;
    case BH_ACCESS_SLOWED: refuse_slowed(api, request, answer); break;
    case BH_ACCESS_WRONG:
        bh_api_refuse(answer, 401,
                      api->config->http.admin_token.len > 0
                          ? "this is not the administrator's token"
                          : "no administrator's token is configured: [http] admin_token");
        break;
    case BH_ACCESS_AFAR:
        bh_api_refuse(answer, 401, "from another machine this takes the administrator's token");
        break;
    case BH_ACCESS_MISNAMED:
        bh_api_refuse(answer, 403,
                      "by this name of the host the administrator's token is needed, or ask by "
                      "the address itself");
        break;
    case BH_ACCESS_STRANGER:
    case BH_ACCESS_ADMIN: bh_api_refuse(answer, 401, "this takes the administrator's token"); break;
    }
}

/* Those who guess or are misled; who only has no token is told so, and nobody else. */
static void
log_access(struct bh_api *api, const struct bh_http_request *request, enum bh_access access)
{
    if (access == BH_ACCESS_FOREIGN)
        tell_refused(api, request, "api_foreign",
                     "a change was asked for by a page of another site, or not as JSON");
    else if (access == BH_ACCESS_WRONG)
        tell_refused(api, request, "api_token_wrong",
                     "somebody showed a token that is not [http] admin_token");
}

static enum bh_access
judge_look(struct bh_api *api, const struct bh_http_request *request)
{
    const struct bh_config_http *http = &api->config->http;
    const struct bh_str token = {http->admin_token.bytes, http->admin_token.len};
    enum bh_access access = bh_access_judge_look(&api->guard, request, token,
                                                 bh_str_from(http->listen.host), bh_clock_mono());
    log_access(api, request, access);
    return access;
}

bool
bh_api_may_look(struct bh_api *api, const struct bh_http_request *request,
                struct bh_http_answer *ret_refusal)
{
    enum bh_access access = judge_look(api, request);
    if (access == BH_ACCESS_ADMIN || access == BH_ACCESS_STRANGER)
        return true;
    if (ret_refusal != NULL)
        refuse_access(api, request, access, ret_refusal);
    return false;
}

/* False, and answered: the request goes no further. */
static bool
let_in(struct bh_api *api, const struct bh_http_request *request, const struct bh_api_route *route,
       bool *ret_admin, struct bh_http_answer *answer)
{
    enum bh_access access = judge_look(api, request);
    *ret_admin = access == BH_ACCESS_ADMIN;
    if (*ret_admin || (access == BH_ACCESS_STRANGER && !bh_api_is_change(route->kind)))
        return true;
    refuse_access(api, request, access, answer);
    return false;
}

static void
serve_data(struct bh_api *api, const struct bh_http_request *request,
           const struct bh_api_route *route, struct bh_http_answer *answer)
{
    bool admin;
    if (!let_in(api, request, route, &admin, answer))
        return;
    if (route->kind == BH_API_OVERVIEW)
        answer_overview(api, request, admin, answer);
    else if (route->kind == BH_API_HISTORY)
        answer_history(api, request, route, answer);
    else if (takes_redis(route->kind))
        answer_by_task(api, request, route, admin, answer);
}

bool
bh_api_serve(struct bh_api *api, const struct bh_http_request *request,
             struct bh_http_answer *ret_answer)
{
    struct bh_api_route route;
    bh_api_route_parse(request, &route);
    switch (route.kind) {
    case BH_API_NONE: return false;
    case BH_API_NOT_FOUND: bh_api_refuse(ret_answer, 404, "there is no such thing here"); break;
    case BH_API_BAD: bh_api_refuse(ret_answer, 400, route.why); break;
    case BH_API_NOT_ALLOWED:
        bh_api_refuse(ret_answer, 405, "another method is needed");
        ret_answer->allow = route.allow;
        break;
    case BH_API_PAGE:
    case BH_API_SCRIPT:
    case BH_API_STYLE:
    case BH_API_ICON: bh_dashboard_answer(route.kind, request, ret_answer); break;
    case BH_API_OVERVIEW:
    case BH_API_HISTORY:
    case BH_API_SHAPE:
    case BH_API_JOBS:
    case BH_API_JOB:
    case BH_API_QUEUE_PAUSE:
    case BH_API_QUEUE_RESUME:
    case BH_API_ACCOUNT_PAUSE:
    case BH_API_ACCOUNT_RESUME:
    case BH_API_JOB_RETRY:
    case BH_API_JOB_CANCEL:
    case BH_API_JOB_RESOLVE: serve_data(api, request, &route, ret_answer); break;
    }
    return true;
}

/* ---- life ---- */

static void
set_account(struct bh_api *api)
{
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    if (bh_gateway_account_name(&api->config->gateway, account) == BH_OK)
        (void)!bh_account_keys_init(&api->account_keys, api->config->redis.prefix, account);
}

void
bh_api_configure(struct bh_api *api, const struct bh_config *config)
{
    bh_config_release(api->config);
    api->config = bh_config_retain(config);
    api->overviews[0].made_at = api->overviews[1].made_at = (struct bh_mono){0};
    set_account(api);
}

static void
connection_on_closed(void *arg)
{
    struct bh_api *api = arg;
    BH_ASSERT(api->tasks == 0);
    api->options.on_closed(api->options.arg);
}

static void
init_picture(struct bh_api_picture *picture)
{
    bh_buf_init(&picture->body, BH_HTTP_ANSWER_MAX);
}

enum bh_status
bh_api_new(uv_loop_t *loop, const struct bh_api_options *options, struct bh_api **ret_api,
           struct bh_error *error)
{
    struct bh_api *api = bh_alloc_zero(sizeof(*api));
    if (api == NULL)
        return BH_ENOMEM;
    api->options = *options;
    api->config = bh_config_retain(options->config);
    for (size_t i = 0; i < BH_ARRAY_LEN(api->overviews); i++)
        init_picture(&api->overviews[i]);
    for (size_t i = 0; i < BH_CONFIG_QUEUES_MAX; i++) {
        init_picture(&api->histories[i]);
        init_picture(&api->shapes[i]);
    }
    set_account(api);
    (void)snprintf(api->who, sizeof(api->who), "%s/dashboard", options->config->pool.instance);
    enum bh_status status = bh_settings_redis(&api->settings, api->config, api->who, error);
    if (status == BH_OK) {
        const struct bh_redis_listener listener = {.on_closed = connection_on_closed, .arg = api};
        status = bh_redis_connection_init(&api->connection, loop, &api->settings.redis, &listener,
                                          error);
    }
    if (status == BH_OK)
        *ret_api = api;
    /* A half-built one is left to the end of the process, which follows at once. */
    return status;
}

void
bh_api_start(struct bh_api *api)
{
    bh_redis_connection_start(&api->connection);
}

void
bh_api_stop(struct bh_api *api)
{
    if (api->stopping)
        return;
    api->stopping = true;
    bh_redis_connection_stop(&api->connection);
}

void
bh_api_free(struct bh_api *api)
{
    if (api == NULL)
        return;
    for (size_t i = 0; i < BH_ARRAY_LEN(api->overviews); i++)
        bh_buf_release(&api->overviews[i].body);
    for (size_t i = 0; i < BH_CONFIG_QUEUES_MAX; i++) {
        bh_buf_release(&api->histories[i].body);
        bh_buf_release(&api->shapes[i].body);
    }
    bh_redis_connection_release(&api->connection);
    bh_settings_release(&api->settings);
    bh_config_release(api->config);
    bh_free(api);
}
