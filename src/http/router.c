#include "http/router.h"

#include "core/digest.h"
#include "core/form.h"

static void
answer(struct bh_http_answer *ret_answer, unsigned status, const char *text)
{
    ret_answer->status = status;
    bh_buf_append_text(&ret_answer->body, text);
    bh_buf_append_char(&ret_answer->body, '\n');
}

static void
answer_not_allowed(struct bh_http_answer *ret_answer, const char *allow)
{
    ret_answer->allow = allow;
    answer(ret_answer, 405, "method not allowed");
}

static void
answer_health(const struct bh_http_routes *routes, struct bh_http_answer *ret_answer)
{
    if (routes->is_healthy(routes->arg))
        answer(ret_answer, 200, "ok");
    else
        answer(ret_answer, 503, "a loop has not turned for too long");
}

static void
answer_ready(const struct bh_http_routes *routes, struct bh_http_answer *ret_answer)
{
    const char *why = routes->why_unready(routes->arg);
    answer(ret_answer, why == NULL ? 200 : 503, why == NULL ? "ready" : why);
}

static void
answer_metrics(const struct bh_http_routes *routes, struct bh_http_answer *ret_answer)
{
    ret_answer->status = 200;
    ret_answer->content_type = routes->write_metrics(routes->arg, &ret_answer->body);
}

/* What may be looked at and not changed; false: the path is none of these. */
static bool
answer_look(const struct bh_http_routes *routes, const struct bh_http_request *request,
            struct bh_http_answer *ret_answer)
{
    static const struct {
        const char *path;
        void (*answer)(const struct bh_http_routes *routes, struct bh_http_answer *ret_answer);
    } rows[] = {
        {"/healthz", answer_health },
        {"/readyz",  answer_ready  },
        {"/metrics", answer_metrics},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (!bh_str_equal_text(request->path, rows[i].path))
            continue;
        if (request->method == BH_HTTP_POST)
            answer_not_allowed(ret_answer, "GET, HEAD");
        else
            rows[i].answer(routes, ret_answer);
        return true;
    }
    return false;
}

static bool
knows_token(const struct bh_http_routes *routes, struct bh_str written)
{
    char token[BH_HTTP_TOKEN_MAX + 1];
    if (!bh_percent_decode(written, false, token, sizeof(token)))
        return false;
    return bh_secret_equal(bh_str_from(token), routes->webhook_token);
}

static void
answer_report(const struct bh_http_routes *routes, const struct bh_delivery_report *report,
              struct bh_http_answer *ret_answer)
{
    bool is_ours = report->event == BH_WEBHOOK_DLR || report->event == BH_WEBHOOK_VOICE;
    if (is_ours && routes->on_report(routes->arg, report) == BH_HTTP_NOT_TAKEN)
        answer(ret_answer, 500, "not now, please try again");
    else
        answer(ret_answer, 200, "ok");
}

static void
answer_webhook(const struct bh_http_routes *routes, const struct bh_http_request *request,
               struct bh_http_answer *ret_answer)
{
    struct bh_delivery_report report;
    struct bh_error error = {"", ""};
    if (request->method == BH_HTTP_HEAD) {
        answer_not_allowed(ret_answer, "GET, POST");
        return;
    }
    const struct bh_webhook_post post = {request->content_type, request->query, request->body};
    enum bh_status status = bh_delivery_report_parse(&post, routes->zone, &report, &error);
    if (status == BH_OK) {
        answer_report(routes, &report, ret_answer);
        return;
    }
    if (status != BH_EINVAL) {
        answer(ret_answer, 500, "not now, please try again");
        return;
    }
    routes->on_refused(routes->arg, BH_HTTP_NO_REPORT, error.text);
    answer(ret_answer, 400, error.text);
}

void
bh_http_route(const struct bh_http_routes *routes, const struct bh_http_request *request,
              struct bh_http_answer *ret_answer)
{
    static const struct bh_str webhook = {"/webhook/", 9};
    if (answer_look(routes, request, ret_answer))
        return;
    if (routes->webhook_token.len > 0 && bh_str_starts_with(request->path, webhook)) {
        const struct bh_str token = {request->path.ptr + webhook.len,
                                     request->path.len - webhook.len};
        if (knows_token(routes, token)) {
            answer_webhook(routes, request, ret_answer);
            return;
        }
        routes->on_refused(routes->arg, BH_HTTP_WRONG_TOKEN, "");
    }
    answer(ret_answer, 404, "not found");
}
