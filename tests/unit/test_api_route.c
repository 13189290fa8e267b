#include <criterion/criterion.h>

#include <string.h>

#include "http/api_route.h"
#include "http/dashboard.h"

#define ID64 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"

static struct bh_api_route
parse(enum bh_http_method method, const char *path, const char *query)
{
    struct bh_api_route route;
    const struct bh_http_request request = {
        .method = method, .path = bh_str_from(path), .query = bh_str_from(query)};
    bh_api_route_parse(&request, &route);
    return route;
}

/* clang-format off */
Test(api_route, reads_what_is_looked_at)
{
    static const struct {
        const char *name, *path, *query;
        enum bh_api_kind kind;
        const char *queue, *id, *waiting, *cursor;
        enum bh_api_place place;
    } rows[] = {
        {"the page", "/", "", BH_API_PAGE, "", "", "", "", 0},
        {"the page with a query", "/", "?a=b", BH_API_PAGE, "", "", "", "", 0},
        {"its script", "/dashboard.js", "", BH_API_SCRIPT, "", "", "", "", 0},
        {"its style", "/dashboard.css", "", BH_API_STYLE, "", "", "", "", 0},
        {"its icon", "/dashboard.svg", "", BH_API_ICON, "", "", "", "", 0},
        {"overview", "/api/v1/overview", "", BH_API_OVERVIEW, "", "", "", "", 0},
        {"history", "/api/v1/history", "queue=sms", BH_API_HISTORY, "sms", "", "", "", 0},
        {"shape", "/api/v1/shape", "queue=sms-2_b", BH_API_SHAPE, "sms-2_b", "", "", "", 0},
        {"jobs", "/api/v1/jobs", "queue=sms&place=due", BH_API_JOBS, "sms", "", "", "", BH_API_PLACE_DUE},
        {"dead ones", "/api/v1/jobs", "place=dead&queue=sms", BH_API_JOBS, "sms", "", "", "", BH_API_PLACE_DEAD},
        {"of a state", "/api/v1/jobs", "queue=sms&place=due&state=held", BH_API_JOBS, "sms", "", "h", "", BH_API_PLACE_DUE},
        {"any state", "/api/v1/jobs", "queue=sms&place=leases&state=", BH_API_JOBS, "sms", "", "", "", BH_API_PLACE_LEASES},
        {"the next page", "/api/v1/jobs", "queue=sms&place=ready&cursor=100", BH_API_JOBS, "sms", "", "", "100", BH_API_PLACE_READY},
        {"a set's next page", "/api/v1/jobs", "queue=sms&place=suspects&cursor=1700000000000+17", BH_API_JOBS, "sms", "", "", "1700000000000 17", BH_API_PLACE_SUSPECTS},
        {"what nobody has seen", "/api/v1/jobs", "queue=sms&place=unclaimed", BH_API_JOBS, "sms", "", "", "", BH_API_PLACE_UNCLAIMED},
        {"unknown parameters", "/api/v1/jobs", "queue=sms&place=due&id=x&a&&=", BH_API_JOBS, "sms", "", "", "", BH_API_PLACE_DUE},
        {"a job", "/api/v1/job", "queue=sms&id=a.b_c@d-E9", BH_API_JOB, "sms", "a.b_c@d-E9", "", "", 0},
        {"an encoded id", "/api/v1/job", "queue=sms&id=a%40b", BH_API_JOB, "sms", "a@b", "", "", 0},
        {"the longest id", "/api/v1/job", "queue=sms&id=" ID64, BH_API_JOB, "sms", ID64, "", "", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_api_route route = parse(BH_HTTP_GET, rows[i].path, rows[i].query);
        cr_expect_eq(route.kind, rows[i].kind, "%s: %d", rows[i].name, route.kind);
        cr_expect_str_eq(route.queue, rows[i].queue, "%s: %s", rows[i].name, route.queue);
        cr_expect_str_eq(route.id, rows[i].id, "%s: %s", rows[i].name, route.id);
        cr_expect_str_eq(route.waiting, rows[i].waiting, "%s: %s", rows[i].name, route.waiting);
        cr_expect_str_eq(route.cursor, rows[i].cursor, "%s: %s", rows[i].name, route.cursor);
        cr_expect_eq(route.place, rows[i].place, "%s: %d", rows[i].name, route.place);
        cr_expect_not(bh_api_is_change(route.kind), "%s", rows[i].name);
        cr_expect_eq(parse(BH_HTTP_HEAD, rows[i].path, rows[i].query).kind, rows[i].kind, "%s", rows[i].name);
        route = parse(BH_HTTP_POST, rows[i].path, rows[i].query);
        cr_expect_eq(route.kind, BH_API_NOT_ALLOWED, "%s", rows[i].name);
        cr_expect_str_eq(route.allow, "GET, HEAD", "%s", rows[i].name);
    }
}

Test(api_route, reads_what_is_changed)
{
    static const struct {
        const char *name, *path;
        enum bh_api_kind kind;
        const char *queue, *id;
    } rows[] = {
        {"pause a queue", "/api/v1/queue/sms/pause", BH_API_QUEUE_PAUSE, "sms", ""},
        {"resume a queue", "/api/v1/queue/sms/resume", BH_API_QUEUE_RESUME, "sms", ""},
        {"a queue that is called as an operation", "/api/v1/queue/pause/pause", BH_API_QUEUE_PAUSE, "pause", ""},
        {"pause the account", "/api/v1/account/pause", BH_API_ACCOUNT_PAUSE, "", ""},
        {"resume the account", "/api/v1/account/resume", BH_API_ACCOUNT_RESUME, "", ""},
        {"retry", "/api/v1/job/sms/order-17/retry", BH_API_JOB_RETRY, "sms", "order-17"},
        {"cancel", "/api/v1/job/sms/" ID64 "/cancel", BH_API_JOB_CANCEL, "sms", ID64},
        {"resolve", "/api/v1/job/sms/a%40b/resolve", BH_API_JOB_RESOLVE, "sms", "a@b"},
        {"a job that is called as an operation", "/api/v1/job/sms/cancel/retry", BH_API_JOB_RETRY, "sms", "cancel"},
        {"dots are an id", "/api/v1/job/sms/../retry", BH_API_JOB_RETRY, "sms", ".."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_api_route route = parse(BH_HTTP_POST, rows[i].path, "queue=other&id=other");
        cr_expect_eq(route.kind, rows[i].kind, "%s: %d", rows[i].name, route.kind);
        cr_expect_str_eq(route.queue, rows[i].queue, "%s: %s", rows[i].name, route.queue);
        cr_expect_str_eq(route.id, rows[i].id, "%s: %s", rows[i].name, route.id);
        cr_expect(bh_api_is_change(route.kind) && bh_api_is_data(route.kind), "%s", rows[i].name);
        route = parse(BH_HTTP_GET, rows[i].path, "");
        cr_expect_eq(route.kind, BH_API_NOT_ALLOWED, "%s", rows[i].name);
        cr_expect_str_eq(route.allow, "POST", "%s", rows[i].name);
    }
}

Test(api_route, refuses_everything_else)
{
    static const struct {
        const char *name;
        enum bh_http_method method;
        const char *path, *query;
        enum bh_api_kind kind;
    } rows[] = {
        {"health is another's", BH_HTTP_GET, "/healthz", "", BH_API_NONE},
        {"the webhook too", BH_HTTP_POST, "/webhook/api/v1/overview", "", BH_API_NONE},
        {"two slashes", BH_HTTP_GET, "//", "", BH_API_NONE},
        {"nothing", BH_HTTP_GET, "", "", BH_API_NONE},
        {"another file", BH_HTTP_GET, "/dashboard.html", "", BH_API_NONE},
        {"capitals", BH_HTTP_GET, "/API/v1/overview", "", BH_API_NONE},
        {"upwards", BH_HTTP_GET, "/dashboard.js/../../etc/passwd", "", BH_API_NONE},
        {"api alone", BH_HTTP_GET, "/api/", "", BH_API_NOT_FOUND},
        {"another version", BH_HTTP_GET, "/api/v2/overview", "", BH_API_NOT_FOUND},
        {"a slash behind", BH_HTTP_GET, "/api/v1/overview/", "", BH_API_NOT_FOUND},
        {"encoded", BH_HTTP_GET, "/api/v1/%6fverview", "", BH_API_NOT_FOUND},
        {"upwards to a change", BH_HTTP_POST, "/api/v1/x/../account/pause", "", BH_API_NOT_FOUND},
        {"no queue", BH_HTTP_GET, "/api/v1/history", "", BH_API_BAD},
        {"an empty queue", BH_HTTP_GET, "/api/v1/history", "queue=", BH_API_BAD},
        {"a queue in capitals", BH_HTTP_GET, "/api/v1/history", "queue=SMS", BH_API_BAD},
        {"a queue with a brace", BH_HTTP_GET, "/api/v1/history", "queue=a%7Db", BH_API_BAD},
        {"a queue with a line feed", BH_HTTP_GET, "/api/v1/history", "queue=a%0Ab", BH_API_BAD},
        {"a queue that is too long", BH_HTTP_GET, "/api/v1/history", "queue=abcdefghijklmnopqrstuvwxyz0123456", BH_API_BAD},
        {"two queues", BH_HTTP_GET, "/api/v1/history", "queue=a&queue=b", BH_API_BAD},
        {"no place", BH_HTTP_GET, "/api/v1/jobs", "queue=sms", BH_API_BAD},
        {"another place", BH_HTTP_GET, "/api/v1/jobs", "queue=sms&place=jobs", BH_API_BAD},
        {"another state", BH_HTTP_GET, "/api/v1/jobs", "queue=sms&place=due&state=sent", BH_API_BAD},
        {"a cursor of words", BH_HTTP_GET, "/api/v1/jobs", "queue=sms&place=due&cursor=-inf", BH_API_BAD},
        {"a cursor that is too long", BH_HTTP_GET, "/api/v1/jobs", "queue=sms&place=due&cursor=00000000001111111111222222222233333333334444444444555555555566666", BH_API_BAD},
        {"no id", BH_HTTP_GET, "/api/v1/job", "queue=sms", BH_API_BAD},
        {"an id with a blank", BH_HTTP_GET, "/api/v1/job", "queue=sms&id=a+b", BH_API_BAD},
        {"an id with a NUL", BH_HTTP_GET, "/api/v1/job", "queue=sms&id=a%00", BH_API_BAD},
        {"an id that is too long", BH_HTTP_GET, "/api/v1/job", "queue=sms&id=" ID64 "x", BH_API_BAD},
        {"an id that names a key", BH_HTTP_GET, "/api/v1/job", "queue=sms&id=a%3Ab", BH_API_BAD},
        {"a change of nothing", BH_HTTP_POST, "/api/v1/queue/pause", "", BH_API_NOT_FOUND},
        {"an empty queue's change", BH_HTTP_POST, "/api/v1/queue//pause", "", BH_API_NOT_FOUND},
        {"another operation", BH_HTTP_POST, "/api/v1/queue/sms/delete", "", BH_API_NOT_FOUND},
        {"too many parts", BH_HTTP_POST, "/api/v1/job/sms/a/b/retry", "", BH_API_NOT_FOUND},
        {"endless parts", BH_HTTP_POST, "/api/v1/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", "", BH_API_NOT_FOUND},
        {"a slash inside of an id", BH_HTTP_POST, "/api/v1/job/sms/a%2Fb/retry", "", BH_API_NOT_FOUND},
        {"half an encoding", BH_HTTP_POST, "/api/v1/job/sms/a%4/retry", "", BH_API_NOT_FOUND},
        {"an id too long to change", BH_HTTP_POST, "/api/v1/job/sms/" ID64 "x/retry", "", BH_API_NOT_FOUND},
        {"an account with a name", BH_HTTP_POST, "/api/v1/account/x/pause", "", BH_API_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_api_route route = parse(rows[i].method, rows[i].path, rows[i].query);
        cr_expect_eq(route.kind, rows[i].kind, "%s: %d", rows[i].name, route.kind);
        cr_expect_eq(route.why != NULL, route.kind == BH_API_BAD, "%s", rows[i].name);
        cr_expect_not(bh_api_is_change(route.kind) || bh_api_is_data(route.kind), "%s", rows[i].name);
    }
}

Test(api_route, knows_its_own_host)
{
    static const struct {
        const char *name, *host, *listen;
        bool own;
    } rows[] = {
        {"an address", "127.0.0.1", "127.0.0.1", true},
        {"with its port", "127.0.0.1:9177", "127.0.0.1", true},
        {"another address", "192.0.2.7:80", "0.0.0.0", true},
        {"IPv6", "[::1]:9177", "::1", true},
        {"IPv6 without a port", "[2001:db8::1]", "::", true},
        {"localhost", "LocalHost:9177", "127.0.0.1", true},
        {"what is listened on", "bell.example:9177", "bell.example", true},
        {"a stranger's name", "evil.example", "127.0.0.1", false},
        {"a name that begins as an address", "127.0.0.1.evil.example", "127.0.0.1", false},
        {"a name that ends as localhost", "x.localhost", "127.0.0.1", false},
        {"localhost's friend", "localhost.evil.example:9177", "127.0.0.1", false},
        {"a dot behind", "localhost.", "127.0.0.1", false},
        {"a short address", "127.1", "127.0.0.1", false},
        {"a number", "2130706433", "127.0.0.1", false},
        {"brackets around a name", "[evil.example]", "127.0.0.1", false},
        {"an open bracket", "[::1", "::1", false},
        {"nothing", "", "127.0.0.1", false},
        {"a port alone", ":9177", "127.0.0.1", false},
        {"no host anywhere", "", "", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(bh_api_is_own_host(bh_str_from(rows[i].host), bh_str_from(rows[i].listen)), rows[i].own, "%s", rows[i].name);
    cr_expect_not(bh_api_is_own_host((struct bh_str){NULL, 0}, bh_str_from("127.0.0.1")), "no header at all");
}

Test(dashboard, is_given_once)
{
    static const struct {
        const char *name, *asked;
        bool has;
    } rows[] = {
        {"nothing", "", false},      {"the same", "\"abc\"", true},     {"a weak one", "W/\"abc\"", true}, {"any", "*", true},
        {"one of several", "\"x\", \"abc\"", true}, {"another", "\"abd\"", false}, {"without quotes", "abc", false}, {"half", "\"ab", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(bh_http_has_etag(bh_str_from(rows[i].asked), "\"abc\""), rows[i].has, "%s", rows[i].name);
}
/* clang-format on */

static struct bh_http_answer
ask(enum bh_api_kind kind, const char *if_none_match)
{
    struct bh_http_answer answer = {.status = 0};
    const struct bh_http_request request = {.if_none_match = bh_str_from(if_none_match)};
    bh_buf_init(&answer.body, BH_HTTP_ANSWER_MAX);
    bh_dashboard_answer(kind, &request, &answer);
    return answer;
}

Test(dashboard, has_all_its_parts_and_a_policy)
{
    static const struct {
        enum bh_api_kind kind;
        const char *type, *begins;
    } rows[] = {
        {BH_API_PAGE,   "text/html",       "<!doctype html>"},
        {BH_API_SCRIPT, "text/javascript", "'use strict';"  },
        {BH_API_STYLE,  "text/css",        "/*"             },
        {BH_API_ICON,   "image/svg+xml",   "<svg"           },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_http_answer answer = ask(rows[i].kind, "");
        cr_expect_eq(answer.status, 200);
        cr_expect(bh_str_starts_with(bh_str_from(answer.content_type), bh_str_from(rows[i].type)),
                  "%s", answer.content_type);
        cr_expect(bh_str_starts_with(bh_buf_str(&answer.body), bh_str_from(rows[i].begins)), "%s",
                  rows[i].begins);
        cr_expect(strstr(answer.content_policy, "default-src 'none'") != NULL);
        cr_expect(strstr(answer.content_policy, "unsafe") == NULL);
        struct bh_http_answer again = ask(rows[i].kind, answer.etag);
        cr_expect(again.status == 304 && again.body.len == 0, "%u", again.status);
        bh_buf_release(&answer.body);
        bh_buf_release(&again.body);
    }
}

Test(dashboard, asks_nobody_else_and_holds_no_handler)
{
    static const char *const forbidden[] = {
        "http:",          "https:",    " onclick=",   " onload=",
        " style=",        "innerHTML", "outerHTML",   "insertAdjacentHTML",
        "document.write", "eval(",     "new Function"};
    for (int kind = BH_API_PAGE; kind <= BH_API_STYLE; kind++) {
        struct bh_http_answer answer = ask((enum bh_api_kind)kind, "");
        for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
            const char *found = strstr(bh_buf_text(&answer.body), forbidden[i]);
            /* The name of a language of drawings is an address that nobody asks. */
            bool name = found != NULL && strncmp(found, "http://www.w3.org/", 18) == 0;
            cr_expect(found == NULL || name, "%d: %s", kind, forbidden[i]);
        }
        bh_buf_release(&answer.body);
    }
}
