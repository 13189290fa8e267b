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
answer_health(const struct bh_http_routes *routes, const struct bh_http_request *request,
              struct bh_http_answer *ret_answer)
{
    (void)request;
    if (routes->is_healthy(routes->arg))
        answer(ret_answer, 200, "ok");
    else
        answer(ret_answer, 503, "a loop has not turned for too long");
}

static void
answer_ready(const struct bh_http_routes *routes, const struct bh_http_request *request,
             struct bh_http_answer *ret_answer)
{
    const char *why = routes->why_unready(routes->arg);
    if (why == NULL)
        answer(ret_answer, 200, "ready");
    else
        answer(ret_answer, 503, routes->may_look(routes->arg, request, NULL) ? why : "not ready");
}

static void
answer_metrics(const struct bh_http_routes *routes, const struct bh_http_request *request,
               struct bh_http_answer *ret_answer)
{
    if (!routes->may_look(routes->arg, request, ret_answer))
        return;
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
        void (*answer)(const struct bh_http_routes *routes, const struct bh_http_request *request,
                       struct bh_http_answer *ret_answer);
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
            rows[i].answer(routes, request, ret_answer);
        return true;
    }
    return false;
}

static bool
knows_token(const struct bh_http_webhook *webhook, struct bh_str written)
{
    char token[BH_HTTP_TOKEN_MAX + 1];
    if (!bh_percent_decode(written, false, token, sizeof(token)))
        return false;
    return bh_secret_equal(bh_str_from(token), webhook->token);
}

void
bh_http_webhook_answer(bool taken, struct bh_http_answer *ret_answer)
{
    answer(ret_answer, taken ? 200 : 500, taken ? "ok" : "not now, please try again");
}

static void
answer_report(const struct bh_http_webhook *webhook, const struct bh_http_report *posted,
              struct bh_http_answer *ret_answer)
{
    enum bh_http_taken taken = webhook->on_report(webhook->arg, posted);
    if (taken == BH_HTTP_LATER)
        ret_answer->later = true;
    else
        bh_http_webhook_answer(taken == BH_HTTP_TAKEN, ret_answer);
}

static enum bh_status
read_post(const struct bh_http_webhook *webhook, const struct bh_webhook_post *post,
          struct bh_delivery_report *ret_report, struct bh_inbound_sms *ret_sms,
          struct bh_error *error)
{
    enum bh_status status = bh_delivery_report_parse(post, webhook->zone, ret_report, error);
    if (status == BH_OK && ret_report->event == BH_WEBHOOK_SMS_MO)
        status = bh_inbound_sms_parse(post, webhook->zone, ret_sms, error);
    return status;
}

/* The token is right. */
static void
read_webhook(const struct bh_http_webhook *webhook, const struct bh_http_request *request,
             struct bh_http_answer *ret_answer)
{
    struct bh_delivery_report report;
    struct bh_inbound_sms sms;
    struct bh_error error = {"", ""};
    const struct bh_webhook_post post = {request->content_type, request->query, request->body};
    enum bh_status status = read_post(webhook, &post, &report, &sms, &error);
    if (status == BH_EINVAL) {
        webhook->on_refused(webhook->arg, request, BH_HTTP_NO_REPORT, error.text);
        answer(ret_answer, 400, error.text);
    } else if (status != BH_OK || report.event == BH_WEBHOOK_NOTHING) {
        bh_http_webhook_answer(status == BH_OK, ret_answer);
    } else {
        const struct bh_http_report posted = {request, &report,
                                              report.event == BH_WEBHOOK_SMS_MO ? &sms : NULL};
        answer_report(webhook, &posted, ret_answer);
    }
}

static void
answer_webhook(const struct bh_http_webhook *webhook, const struct bh_http_request *request,
               struct bh_http_answer *ret_answer)
{
    const char *why = "";
    if (request->method == BH_HTTP_HEAD) {
        answer_not_allowed(ret_answer, "GET, POST");
        return;
    }
    /* Nothing at all means nothing, whoever says it: the gateway does, now and then. */
    if (request->query.len == 0 && bh_str_trim(request->body).len == 0) {
        bh_http_webhook_answer(true, ret_answer);
        return;
    }
    switch (webhook->is_genuine(webhook->arg, request, &why)) {
    case BH_HTTP_GENUINE: read_webhook(webhook, request, ret_answer); break;
    case BH_HTTP_REPEATED: bh_http_webhook_answer(true, ret_answer); break;
    case BH_HTTP_CANNOT_TELL: bh_http_webhook_answer(false, ret_answer); break;
    case BH_HTTP_FORGED:
        webhook->on_refused(webhook->arg, request, BH_HTTP_WRONG_SIGNATURE, why);
        answer(ret_answer, 403, "the signature is wrong");
        break;
    }
}

void
bh_http_route(const struct bh_http_routes *routes, const struct bh_http_request *request,
              struct bh_http_answer *ret_answer)
{
    static const struct bh_str beginning = {"/webhook/", 9};
    const struct bh_http_webhook *webhook = routes->webhook;
    if (answer_look(routes, request, ret_answer))
        return;
    if (webhook->token.len > 0 && bh_str_starts_with(request->path, beginning)) {
        const struct bh_str token = {request->path.ptr + beginning.len,
                                     request->path.len - beginning.len};
        if (!webhook->is_welcome(webhook->arg, request)) {
            webhook->on_refused(webhook->arg, request, BH_HTTP_WRONG_ADDRESS, "");
        } else if (knows_token(webhook, token)) {
            answer_webhook(webhook, request, ret_answer);
            return;
        } else {
            webhook->on_refused(webhook->arg, request, BH_HTTP_WRONG_TOKEN, "");
        }
    }
    answer(ret_answer, 404, "not found");
}
