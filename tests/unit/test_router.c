#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "http/router.h"

static struct {
    bool healthy, hidden; /* hidden: who asks may not look */
    unsigned looks;
    enum bh_http_taken taken;
    struct bh_delivery_report report;
    enum bh_http_proof proof;
    unsigned reports, sms, wrong_tokens, no_reports, strangers, forgeries, scrapes;
    const char *peer;
    bool later; /* the last answer */
    const char *unready;
    const char *content_type; /* of the last answer */
    char body[200];
} world;

static bool
may_look(void *arg, const struct bh_http_request *request, struct bh_http_answer *ret_refusal)
{
    (void)arg;
    cr_assert_not_null(request);
    world.looks++;
    if (world.hidden && ret_refusal != NULL) {
        ret_refusal->status = 401;
        bh_buf_append_text(&ret_refusal->body, "who asks?\n");
    }
    return !world.hidden;
}

static bool
is_healthy(void *arg)
{
    (void)arg;
    return world.healthy;
}

static const char *
why_unready(void *arg)
{
    (void)arg;
    return world.unready;
}

static const char *
write_metrics(void *arg, struct bh_buf *buf)
{
    (void)arg;
    world.scrapes++;
    bh_buf_append_text(buf, "up 1\n");
    return "text/of-metrics";
}

static bool
is_welcome(void *arg, const struct bh_http_request *request)
{
    (void)arg;
    return !bh_str_equal_text(request->peer, "192.0.2.66");
}

static enum bh_http_proof
is_genuine(void *arg, const struct bh_http_request *request, const char **ret_why)
{
    (void)arg;
    (void)request;
    *ret_why = world.proof == BH_HTTP_FORGED ? "because" : "";
    return world.proof;
}

static enum bh_http_taken
on_report(void *arg, const struct bh_http_report *posted)
{
    (void)arg;
    world.reports++;
    world.report = *posted->report;
    world.sms += posted->sms != NULL;
    cr_expect_eq(posted->sms != NULL, posted->report->event == BH_WEBHOOK_SMS_MO);
    return world.taken;
}

static void
on_refused(void *arg, const struct bh_http_request *request, enum bh_http_refusal refusal,
           const char *why)
{
    (void)arg;
    (void)request;
    world.wrong_tokens += refusal == BH_HTTP_WRONG_TOKEN;
    world.no_reports += refusal == BH_HTTP_NO_REPORT && why[0] != '\0';
    world.strangers += refusal == BH_HTTP_WRONG_ADDRESS;
    world.forgeries += refusal == BH_HTTP_WRONG_SIGNATURE && strcmp(why, "because") == 0;
}

static unsigned
ask(const char *token, enum bh_http_method method, const char *path, const char *query,
    const char *body)
{
    const struct bh_http_webhook webhook = {
        .token = bh_str_from(token),
        .is_welcome = is_welcome,
        .is_genuine = is_genuine,
        .on_report = on_report,
        .on_refused = on_refused,
    };
    const struct bh_http_routes routes = {
        .webhook = &webhook,
        .may_look = may_look,
        .is_healthy = is_healthy,
        .why_unready = why_unready,
        .write_metrics = write_metrics,
    };
    const struct bh_http_request request = {
        .method = method,
        .path = bh_str_from(path),
        .query = bh_str_from(query),
        .body = bh_str_from(body),
        .peer = bh_str_from(world.peer),
    };
    struct bh_http_answer answer = {.status = 0};
    bh_buf_init(&answer.body, 4096);
    bh_http_route(&routes, &request, &answer);
    world.later = answer.later;
    cr_expect_eq(answer.body.len == 0, answer.later, "%s", path);
    cr_expect_eq(answer.allow != NULL, answer.status == 405, "%s", path);
    world.content_type = answer.content_type;
    (void)snprintf(world.body, sizeof(world.body), "%s", bh_buf_text(&answer.body));
    bh_buf_release(&answer.body);
    return answer.status;
}

#define DLR "msg_id=77&status=DELIVERED"

Test(router, knows_its_routes_and_nothing_else)
{
    static const struct {
        const char *name, *token;
        enum bh_http_method method;
        const char *path, *query, *body;
        unsigned status, reports, wrong_tokens, no_reports;
    } rows[] = {
        {"health",                  "s3cret",          BH_HTTP_GET,  "/healthz",                   "",             "",      200, 0, 0, 0},
        {"health for the hurried",  "s3cret",          BH_HTTP_HEAD, "/healthz",                   "",             "",      200, 0, 0, 0},
        {"health is not posted",    "s3cret",          BH_HTTP_POST, "/healthz",                   "",             "",      405, 0, 0, 0},
        {"health with a slash",     "s3cret",          BH_HTTP_GET,  "/healthz/",                  "",             "",      404, 0, 0, 0},
        {"health, encoded",         "s3cret",          BH_HTTP_GET,  "/health%7a",                 "",             "",      404, 0, 0, 0},
        {"the root",                "s3cret",          BH_HTTP_GET,  "/",                          "",             "",      404, 0, 0, 0},
        {"a report by GET",         "s3cret",          BH_HTTP_GET,  "/webhook/s3cret",            DLR,            "",      200, 1, 0, 0},
        {"a report by POST",        "s3cret",          BH_HTTP_POST, "/webhook/s3cret",            "",             DLR,     200, 1, 0, 0},
        {"the token encoded",       "s3cret",          BH_HTTP_POST, "/webhook/%733%63ret",        "",             DLR,     200, 1, 0, 0},
        {"a token with everything", "a/b?c d\xc3\xa4", BH_HTTP_POST, "/webhook/a/b%3Fc%20d%c3%A4",
         "",                                                                                                       DLR,     200, 1, 0, 0},
        {"nothing",                 "s3cret",          BH_HTTP_POST, "/webhook/s3cret",            "",             "",      200, 0, 0, 0},
        {"another event",           "s3cret",          BH_HTTP_POST, "/webhook/s3cret",            "",
         "webhook_event=tracking&id=4",                                                                                     200, 1, 0, 0},
        {"no report",               "s3cret",          BH_HTTP_POST, "/webhook/s3cret",            "",             "hello", 400, 0, 0, 1},
        {"HEAD of the webhook",     "s3cret",          BH_HTTP_HEAD, "/webhook/s3cret",            DLR,            "",      405, 0, 0, 0},
        {"HEAD with a wrong token", "s3cret",          BH_HTTP_HEAD, "/webhook/x",                 DLR,            "",      404, 0, 1, 0},
        {"a wrong token",           "s3cret",          BH_HTTP_POST, "/webhook/s3creT",            "",             DLR,     404, 0, 1, 0},
        {"half a token",            "s3cret",          BH_HTTP_POST, "/webhook/s3cre",             "",             DLR,     404, 0, 1, 0},
        {"more than the token",     "s3cret",          BH_HTTP_POST, "/webhook/s3cret/",           "",             DLR,     404, 0, 1, 0},
        {"no token",                "s3cret",          BH_HTTP_POST, "/webhook/",                  "",             DLR,     404, 0, 1, 0},
        {"not even a slash",        "s3cret",          BH_HTTP_POST, "/webhook",                   "",             DLR,     404, 0, 0, 0},
        {"the token in the query",  "s3cret",          BH_HTTP_POST, "/webhook/",                  "token=s3cret", DLR,     404, 0,
         1,                                                                                                                            0},
        {"a NUL behind the token",  "s3cret",          BH_HTTP_POST, "/webhook/s3cret%00",         "",             DLR,     404, 0, 1,
         0                                                                                                                              },
        {"encoded twice",           "s3cret",          BH_HTTP_POST, "/webhook/%25733cret",        "",             DLR,     404, 0, 1, 0},
        {"badly encoded",           "s3cret",          BH_HTTP_POST, "/webhook/s3cret%",           "",             DLR,     404, 0, 1, 0},
        {"dots",                    "s3cret",          BH_HTTP_POST, "/webhook/x/../s3cret",       "",             DLR,     404, 0, 1, 0},
        {"the route in capitals",   "s3cret",          BH_HTTP_POST, "/Webhook/s3cret",            "",             DLR,     404, 0, 0, 0},
        {"two slashes",             "s3cret",          BH_HTTP_POST, "//webhook/s3cret",           "",             DLR,     404, 0, 0, 0},
        {"no token is configured",  "",                BH_HTTP_POST, "/webhook/",                  "",             DLR,     404, 0, 0, 0},
        {"nor any other",           "",                BH_HTTP_POST, "/webhook/x",                 "",             DLR,     404, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&world, 0, sizeof(world));
        world.healthy = true;
        unsigned got =
            ask(rows[i].token, rows[i].method, rows[i].path, rows[i].query, rows[i].body);
        cr_expect_eq(got, rows[i].status, "%s: %u", rows[i].name, got);
        cr_expect_eq(world.reports, rows[i].reports, "%s: %u reports", rows[i].name, world.reports);
        cr_expect_eq(world.wrong_tokens, rows[i].wrong_tokens, "%s", rows[i].name);
        cr_expect_eq(world.no_reports, rows[i].no_reports, "%s", rows[i].name);
        cr_expect(world.reports == 0 || world.report.event != BH_WEBHOOK_DLR ||
                      strcmp(world.report.message_id, "77") == 0,
                  "%s", rows[i].name);
    }
}

Test(router, never_reads_a_token_that_is_longer_than_any)
{
    char path[2000] = "/webhook/";
    memset(&world, 0, sizeof(world));
    memset(path + 9, 'x', sizeof(path) - 10);
    cr_expect_eq(ask("s3cret", BH_HTTP_POST, path, "", DLR), 404);
    cr_expect_eq(world.wrong_tokens, 1);
    char token[BH_HTTP_TOKEN_MAX + 1] = "";
    memset(token, 'x', BH_HTTP_TOKEN_MAX);
    path[9 + BH_HTTP_TOKEN_MAX] = '\0';
    cr_expect_eq(ask(token, BH_HTTP_POST, path, "", DLR), 200);
}

Test(router, asks_the_gateway_to_try_again_in_a_way_that_each_of_its_versions_understands)
{
    memset(&world, 0, sizeof(world));
    world.taken = BH_HTTP_NOT_TAKEN;
    cr_expect_eq(ask("s3cret", BH_HTTP_POST, "/webhook/s3cret", "", DLR), 500);
    cr_expect_eq(world.reports, 1);
}

Test(router, lets_an_answer_wait_for_whoever_takes_the_report)
{
    memset(&world, 0, sizeof(world));
    world.taken = BH_HTTP_LATER;
    cr_expect_eq(ask("s3cret", BH_HTTP_POST, "/webhook/s3cret", "", DLR), 0);
    cr_expect(world.later);
    static const struct {
        bool taken;
        unsigned status;
    } rows[] = {
        {true,  200},
        {false, 500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_http_answer answer = {.status = 0};
        bh_buf_init(&answer.body, 100);
        bh_http_webhook_answer(rows[i].taken, &answer);
        cr_expect_eq(answer.status, rows[i].status);
        cr_expect_gt(answer.body.len, 0);
        bh_buf_release(&answer.body);
    }
}

Test(router, looks_at_address_token_and_signature_in_this_order)
{
    static const struct {
        const char *name, *peer, *path, *body;
        enum bh_http_proof proof;
        unsigned status, reports, strangers, wrong_tokens, forgeries;
    } rows[] = {
        {"in order",               "192.0.2.1",  "/webhook/s3cret", DLR, BH_HTTP_GENUINE,     200, 1, 0, 0, 0},
        {"a stranger",             "192.0.2.66", "/webhook/s3cret", DLR, BH_HTTP_GENUINE,     404, 0, 1, 0, 0},
        {"a stranger who guesses", "192.0.2.66", "/webhook/x",      DLR, BH_HTTP_FORGED,      404, 0, 1, 0,
         0                                                                                                   },
        {"a stranger elsewhere",   "192.0.2.66", "/healthz",        "",  BH_HTTP_FORGED,      200, 0, 0, 0, 0},
        {"a wrong token",          "192.0.2.1",  "/webhook/x",      DLR, BH_HTTP_FORGED,      404, 0, 0, 1, 0},
        {"forged",                 "192.0.2.1",  "/webhook/s3cret", DLR, BH_HTTP_FORGED,      403, 0, 0, 0, 1},
        {"forged, and unreadable", "192.0.2.1",  "/webhook/s3cret", "x", BH_HTTP_FORGED,      403, 0, 0,
         0,                                                                                                 1},
        {"empty and unsigned",     "192.0.2.1",  "/webhook/s3cret", "",  BH_HTTP_FORGED,      200, 0, 0, 0, 0},
        {"blank and unsigned",     "192.0.2.1",  "/webhook/s3cret", " ", BH_HTTP_FORGED,      200, 0, 0, 0,
         0                                                                                                   },
        {"here before",            "192.0.2.1",  "/webhook/s3cret", DLR, BH_HTTP_REPEATED,    200, 0, 0, 0, 0},
        {"nobody can tell",        "192.0.2.1",  "/webhook/s3cret", DLR, BH_HTTP_CANNOT_TELL, 500, 0, 0, 0,
         0                                                                                                   },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&world, 0, sizeof(world));
        world.healthy = true;
        world.peer = rows[i].peer;
        world.proof = rows[i].proof;
        unsigned got = ask("s3cret", BH_HTTP_POST, rows[i].path, "", rows[i].body);
        if (strcmp(rows[i].path, "/healthz") == 0)
            got = ask("s3cret", BH_HTTP_GET, rows[i].path, "", "");
        cr_expect_eq(got, rows[i].status, "%s: %u", rows[i].name, got);
        cr_expect_eq(world.reports, rows[i].reports, "%s", rows[i].name);
        cr_expect_eq(world.strangers, rows[i].strangers, "%s", rows[i].name);
        cr_expect_eq(world.wrong_tokens, rows[i].wrong_tokens, "%s", rows[i].name);
        cr_expect_eq(world.forgeries, rows[i].forgeries, "%s", rows[i].name);
    }
}

Test(router, hands_on_an_sms_to_us_with_all_that_it_says)
{
    static const struct {
        const char *name, *body;
        unsigned status, sms;
    } rows[] = {
        {"an SMS",                  "webhook_event=sms_mo&data[id]=4&data[sender]=49171&data[text]=hi",       200, 1},
        {"in JSON",                 "{\"webhook_event\":\"sms_mo\",\"data\":{\"id\":\"4\",\"text\":\"hi\"}}", 200,
         1                                                                                                          },
        {"of nobody and no number", "webhook_event=sms_mo&data[text]=hi",                                     400, 0},
        {"with an id that is none", "webhook_event=sms_mo&id=x%00y&text=hi",                                  400, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&world, 0, sizeof(world));
        cr_expect_eq(ask("s3cret", BH_HTTP_POST, "/webhook/s3cret", "", rows[i].body),
                     rows[i].status, "%s", rows[i].name);
        cr_expect_eq(world.sms, rows[i].sms, "%s", rows[i].name);
    }
}

Test(router, says_when_a_loop_hangs)
{
    memset(&world, 0, sizeof(world));
    cr_expect_eq(ask("", BH_HTTP_GET, "/healthz", "", ""), 503);
}

Test(router, tells_why_it_is_not_ready)
{
    memset(&world, 0, sizeof(world));
    cr_expect_eq(ask("", BH_HTTP_GET, "/readyz", "", ""), 200);
    cr_expect_str_eq(world.body, "ready\n");
    world.unready = "draining: nothing more is claimed";
    cr_expect_eq(ask("", BH_HTTP_GET, "/readyz", "", ""), 503);
    cr_expect_str_eq(world.body, "draining: nothing more is claimed\n");
    cr_expect_eq(ask("", BH_HTTP_HEAD, "/readyz", "verbose", ""), 503);
    cr_expect_eq(ask("", BH_HTTP_POST, "/readyz", "", ""), 405);
    cr_expect_eq(ask("", BH_HTTP_GET, "/readyz/", "", ""), 404);
    cr_expect_eq(ask("", BH_HTTP_GET, "/ready", "", ""), 404);
}

Test(router, tells_no_reasons_to_those_who_may_not_look)
{
    memset(&world, 0, sizeof(world));
    world.healthy = world.hidden = true;
    cr_expect_eq(ask("", BH_HTTP_GET, "/healthz", "", ""), 200);
    cr_expect_eq(ask("", BH_HTTP_GET, "/readyz", "", ""), 200);
    cr_expect_str_eq(world.body, "ready\n");
    cr_expect_eq(world.looks, 0, "what is open to all asks nobody who he is");
    world.unready = "the gateway account is paused (credit)";
    cr_expect_eq(ask("", BH_HTTP_GET, "/readyz", "", ""), 503);
    cr_expect_str_eq(world.body, "not ready\n");
    cr_expect_eq(ask("", BH_HTTP_GET, "/metrics", "", ""), 401);
    cr_expect_str_eq(world.body, "who asks?\n");
    cr_expect_eq(ask("", BH_HTTP_HEAD, "/metrics", "", ""), 401);
    cr_expect_eq(world.scrapes, 0);
}

Test(router, gives_metrics_to_those_who_get_them)
{
    memset(&world, 0, sizeof(world));
    cr_expect_eq(ask("", BH_HTTP_GET, "/metrics", "", ""), 200);
    cr_expect_str_eq(world.body, "up 1\n");
    cr_expect_str_eq(world.content_type, "text/of-metrics");
    cr_expect_eq(ask("", BH_HTTP_HEAD, "/metrics", "name[]=up", ""), 200);
    cr_expect_eq(world.scrapes, 2);
    cr_expect_eq(ask("", BH_HTTP_POST, "/metrics", "", "up 2"), 405);
    cr_expect_eq(ask("", BH_HTTP_GET, "/metrics/", "", ""), 404);
    cr_expect_eq(ask("", BH_HTTP_GET, "/Metrics", "", ""), 404);
    cr_expect_eq(world.scrapes, 2);
}
