/*
 * The dashboard's API of a real daemon: who may do what, what strangers see, and what a crowd costs.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "support/http_client.h"
#include "support/rig.h"

#define TOKEN "a token of the administrator"
#define HTTP  "listen = 127.0.0.1:0\nadmin_token = " TOKEN "\n"
#define JSON  "Content-Type: application/json\r\n"
#define ADMIN "Authorization: Bearer " TOKEN "\r\n"

/* ---- shorthands ---- */

/* What came back; kept until the next but fifteen. */
struct got {
    int status;
    char *body; /* owned */
    char retry_after[16], etag[64];
};

static struct got *
call(int port, const char *method, const char *target, const char *headers, const char *body)
{
    static struct got all[16];
    static unsigned next;
    struct got *got = &all[next++ % 16];
    struct bh_test_http http;
    bh_test_http_call(port, method, target, headers, body, &http);
    free(got->body);
    got->status = http.status;
    got->body = strdup(http.body != NULL ? http.body : "");
    const char *retry_after = bh_test_http_header(&http, "Retry-After");
    snprintf(got->retry_after, sizeof(got->retry_after), "%s",
             retry_after != NULL ? retry_after : "");
    const char *etag = bh_test_http_header(&http, "ETag");
    snprintf(got->etag, sizeof(got->etag), "%s", etag != NULL ? etag : "");
    bh_test_http_release(&http);
    return got;
}

static struct got *
get(int port, const char *target, const char *headers)
{
    return call(port, "GET", target, headers, NULL);
}

/* `headers` must not hold a Host; the client's own is the address. */
static int
raw(int port, const char *request)
{
    struct bh_test_http http;
    int fd = bh_test_http_connect(port, 10000);
    cr_assert_geq(fd, 0);
    cr_assert(bh_test_http_send(fd, request, strlen(request)));
    bh_test_http_read(fd, &http);
    int status = http.status;
    bh_test_http_release(&http);
    close(fd);
    return status;
}

static const struct bh_rig_options options = {.http = HTTP};

static int
begin(struct bh_rig *rig)
{
    bh_rig_start(rig, &options);
    int port = bh_rig_http_port(rig);
    BH_RIG_UNTIL(rig, get(port, "/api/v1/jobs?queue=sms&place=due", NULL)->status == 200);
    return port;
}

/* ---- who may ask ---- */

static const char *const changes[] = {
    "/api/v1/queue/sms/pause",   "/api/v1/queue/sms/resume", "/api/v1/account/pause",
    "/api/v1/account/resume",    "/api/v1/job/sms/x/retry",  "/api/v1/job/sms/x/cancel",
    "/api/v1/job/sms/x/resolve",
};

/* clang-format off */
Test(daemon_api, each_change_takes_the_token_and_our_own_page, .timeout = 120)
{
    static const struct {
        const char *name, *method, *headers, *body;
        int wanted;
    } rows[] = {
        {"nobody", "POST", JSON, "{}", 401},
        {"an empty token", "POST", JSON "Authorization: Bearer \r\n", "{}", 401},
        {"another scheme", "POST", JSON "Authorization: Basic " TOKEN "\r\n", "{}", 401},
        {"the token as a cookie", "POST", JSON "Cookie: token=" TOKEN "\r\n", "{}", 401},
        {"a form of another site", "POST", ADMIN "Content-Type: application/x-www-form-urlencoded\r\n", "a=b", 403},
        {"a form that pretends to be text", "POST", ADMIN "Content-Type: text/plain\r\n", "{}", 403},
        {"no type", "POST", ADMIN, "{}", 403},
        {"another origin", "POST", ADMIN JSON "Origin: http://evil.example\r\n", "{}", 403},
        {"no origin that is told", "POST", ADMIN JSON "Origin: null\r\n", "{}", 403},
        {"another port of this host", "POST", ADMIN JSON "Origin: http://127.0.0.1:1\r\n", "{}", 403},
        {"the browser says cross-site", "POST", ADMIN JSON "Sec-Fetch-Site: cross-site\r\n", "{}", 403},
        {"or same-site", "POST", ADMIN JSON "Sec-Fetch-Site: same-site\r\n", "{}", 403},
        {"by GET", "GET", ADMIN JSON, NULL, 405},
    };
    struct bh_rig rig;
    int port = begin(&rig);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
            /* Wrong tokens are counted, and after ten of them the answer would be another one. */
            if (rows[j].wanted == 401 && strstr(rows[j].headers, "Authorization") != NULL && i > 1)
                continue;
            struct got *got = call(port, rows[j].method, changes[i], rows[j].headers, rows[j].body);
            cr_expect_eq(got->status, rows[j].wanted, "%s, %s: %d %s", changes[i], rows[j].name, got->status, got->body);
        }
    }
    cr_expect_eq(bh_rig_integer(&rig, "HEXISTS bellhop:{sms}:control paused"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "EXISTS bellhop:{sms}:audit"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_api, bodies_and_names_are_read_strictly, .timeout = 120)
{
    static const struct {
        const char *name, *target, *body;
        int wanted;
    } rows[] = {
        {"no body", "/api/v1/queue/sms/pause", "", 400},
        {"no object", "/api/v1/queue/sms/pause", "[]", 400},
        {"half an object", "/api/v1/queue/sms/pause", "{\"reason\":", 400},
        {"a reason that is a number", "/api/v1/queue/sms/pause", "{\"reason\":1}", 400},
        {"a reason twice", "/api/v1/queue/sms/pause", "{\"reason\":\"a\",\"reason\":\"b\"}", 400},
        {"a long reason", "/api/v1/queue/sms/pause", "{\"reason\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", 400},
        {"a NUL", "/api/v1/queue/sms/pause", "{\"reason\":\"\\u0000\"}", 400},
        {"no word", "/api/v1/job/sms/x/resolve", "{}", 400},
        {"another word", "/api/v1/job/sms/x/resolve", "{\"word\":\"lost\"}", 400},
        {"another queue", "/api/v1/queue/nobody/pause", "{}", 404},
        {"no queue", "/api/v1/queue//pause", "{}", 404},
        {"a job that nobody knows", "/api/v1/job/sms/nobody/retry", "{}", 404},
        {"to cancel it leaves a word for when it comes", "/api/v1/job/sms/nobody/cancel", "{}", 200},
        {"nor to resolve", "/api/v1/job/sms/nobody/resolve", "{\"word\":\"sent\"}", 404},
        {"pause", "/api/v1/queue/sms/pause", "{\"reason\":\"<b>\"}", 200},
        {"pause again", "/api/v1/queue/sms/pause", "{}", 200},
        {"resume", "/api/v1/queue/sms/resume", "{}", 200},
        {"the account", "/api/v1/account/pause", "{\"reason\":\"the invoice\"}", 200},
        {"the account again", "/api/v1/account/pause", "{}", 200},
        {"the account goes on", "/api/v1/account/resume", "{}", 200},
    };
    struct bh_rig rig;
    int port = begin(&rig);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct got *got = call(port, "POST", rows[i].target, ADMIN JSON, rows[i].body);
        cr_expect_eq(got->status, rows[i].wanted, "%s: %d %s", rows[i].name, got->status, got->body);
        cr_expect(strstr(got->body, got->status == 200 ? "\"done\":" : "\"error\":") != NULL, "%s: %s", rows[i].name, got->body);
    }
    cr_expect_eq(bh_rig_integer(&rig, "XLEN bellhop:{sms}:audit"), 3, "who cancelled, paused and resumed is kept");
    cr_expect_eq(bh_rig_integer(&rig, "EVAL %s 0", "return redis.call('XLEN', redis.call('KEYS', 'bellhop:{@*}:audit')[1])"), 2,
                 "so is who paused and resumed the account");
    bh_rig_stop(&rig);
}

Test(daemon_api, names_of_the_host_are_not_believed, .timeout = 120)
{
    static const struct {
        const char *name, *host, *more;
        int wanted;
    } rows[] = {
        {"the address", "127.0.0.1", "", 200},
        {"localhost", "localhost:9177", "", 200},
        {"a name that was made to lead here", "evil.example", "", 403},
        {"with the port", "evil.example:9177", "", 403},
        {"a name that begins well", "127.0.0.1.evil.example", "", 403},
        {"behind a proxy, with the token", "bell.example", ADMIN, 200},
        {"behind a proxy, with a wrong one", "bell.example", "Authorization: Bearer x\r\n", 401},
    };
    static const char *const targets[] = {"/api/v1/overview", "/api/v1/history?queue=sms", "/api/v1/shape?queue=sms", "/api/v1/jobs?queue=sms&place=due"};
    struct bh_rig rig;
    char request[512];
    int port = begin(&rig);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t j = 0; j < sizeof(targets) / sizeof(targets[0]); j++) {
            if (rows[i].wanted == 401 && j > 0)
                continue;
            snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", targets[j], rows[i].host, rows[i].more);
            int status = raw(port, request);
            cr_expect_eq(status, rows[i].wanted, "%s, %s: %d", rows[i].name, targets[j], status);
        }
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].host);
        cr_expect_eq(raw(port, request), 200, "the page says nothing: %s", rows[i].name);
    }
    bh_rig_stop(&rig);
}
/* clang-format on */

Test(daemon_api, who_guesses_is_slowed, .timeout = 120)
{
    struct bh_rig rig;
    int port = begin(&rig);
    struct got *got = NULL;
    unsigned wrong = 0;
    for (unsigned i = 0; i < 20; i++) {
        got = get(port, "/api/v1/overview", "Authorization: Bearer guess\r\n");
        wrong += got->status == 401;
    }
    cr_expect(wrong >= 9 && wrong <= 12, "%u tries", wrong);
    cr_expect_eq(got->status, 429);
    cr_expect(atoi(got->retry_after) >= 1 && atoi(got->retry_after) <= 60, "%s", got->retry_after);
    /* Not even the right one tells anything now, and who does not guess is let in. */
    cr_expect_eq(call(port, "POST", "/api/v1/account/pause", ADMIN JSON, "{}")->status, 429);
    cr_expect_eq(get(port, "/api/v1/overview", NULL)->status, 200);
    bh_rig_stop(&rig);
}

/* ---- what is seen ---- */

Test(daemon_api, strangers_see_no_numbers_and_nobody_sees_secrets, .timeout = 120)
{
    static const char *const targets[] = {
        "/api/v1/overview",
        "/api/v1/history?queue=sms",
        "/api/v1/shape?queue=sms",
        "/api/v1/jobs?queue=sms&place=due",
        "/api/v1/jobs?queue=sms&place=due&state=scheduled",
        "/api/v1/jobs?queue=sms&place=dead",
        "/api/v1/job?queue=sms&id=later",
        "/api/v1/job?queue=sms&id=wrong",
        "/api/v1/job?queue=sms&id=gone",
    };
    static const char *const hidden[] = {"1701234567", "1701234568", "1701234569", "17012345"};
    static const char *const secret[] = {TOKEN, "sim-live-key", "a text for one alone"};
    struct bh_rig rig;
    int port = begin(&rig);
    bh_rig_push(
        &rig, "sms",
        "{\"id\":\"later\",\"to\":\"+491701234567,+491701234568\",\"text\":\"a text for one "
        "alone\",\"delay\":\"+1h\",\"label\":\"l491701234567\"}");
    bh_rig_push(&rig, "sms",
                "{\"id\":\"wrong\",\"to\":\"+491701234569\",\"text\":\"a text for one "
                "alone\",\"from\":\"+49 170 12345 678 999 999 999\"}");
    bh_rig_push(&rig, "sms",
                "{\"id\":\"gone\",\"to\":\"+491701234567\",\"text\":\"a text for one "
                "alone\"}");
    bh_rig_wait_state(&rig, "sms", "later", "scheduled");
    bh_rig_wait_state(&rig, "sms", "wrong", "invalid");
    bh_rig_wait_state(&rig, "sms", "gone", "sent");
    freeReplyObject(bh_rig_command(&rig, "HSET bellhop:{sms}:status:wrong error %s",
                                   "no such number: +49 170 12345-69, 491701234569"));
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct got *got = get(port, targets[i], NULL);
        cr_expect_eq(got->status, 200, "%s: %d %s", targets[i], got->status, got->body);
        for (size_t j = 0; j < sizeof(hidden) / sizeof(hidden[0]); j++)
            cr_expect(strstr(got->body, hidden[j]) == NULL, "%s: %s", targets[i], got->body);
        struct got *admin = get(port, targets[i], ADMIN);
        cr_expect_eq(admin->status, 200, "%s: %d %s", targets[i], admin->status, admin->body);
        for (size_t j = 0; j < sizeof(secret) / sizeof(secret[0]); j++)
            cr_expect(
                strstr(got->body, secret[j]) == NULL && strstr(admin->body, secret[j]) == NULL,
                "%s: %s", targets[i], admin->body);
    }
    struct got *job = get(port, "/api/v1/job?queue=sms&id=later", ADMIN);
    cr_expect(strstr(job->body, "491701234568") != NULL, "%s", job->body);
    cr_expect(strstr(get(port, "/api/v1/jobs?queue=sms&place=due", NULL)->body,
                     "\"to\":[\"49*******567\",\"49*******568\"],\"to_count\":2") != NULL);
    bh_rig_stop(&rig);
}

Test(daemon_api, jobs_that_no_worker_has_seen_are_listed, .timeout = 120)
{
    struct bh_rig rig;
    int port = begin(&rig);
    cr_assert_eq(call(port, "POST", "/api/v1/queue/sms/pause", ADMIN JSON, "{}")->status, 200);
    bh_rig_push(&rig, "sms", "{\"id\":\"first\",\"to\":\"+491701234567\",\"text\":\"a\"}");
    bh_rig_push(&rig, "sms", "not even JSON \"<b>");
    for (unsigned i = 0; i < 149; i++)
        bh_rig_push(&rig, "sms", "{\"to\":[1],\"text\":\"b\"}");
    static const char target[] = "/api/v1/jobs?queue=sms&place=unclaimed";
    BH_RIG_UNTIL(&rig, strstr(get(port, target, NULL)->body, "\"looked\":100") != NULL);
    struct got *got = get(port, target, NULL);
    cr_expect(strstr(got->body, "\"id\":\"first\"") != NULL, "%s", got->body);
    cr_expect(strstr(got->body, "49*******567") != NULL && strstr(got->body, "1701234") == NULL);
    cr_expect(strstr(got->body, "\"next\":\"100\"") != NULL, "%s", got->body);
    cr_expect(strstr(get(port, target, ADMIN)->body, "491701234567") != NULL);
    got = get(port, "/api/v1/jobs?queue=sms&place=unclaimed&cursor=100", NULL);
    cr_expect(strstr(got->body, "\"next\":\"\"") != NULL && got->status == 200, "%s", got->body);
    bh_rig_stop(&rig);
}

Test(daemon_api, what_strangers_wrote_cannot_break_the_json, .timeout = 120)
{
    struct bh_rig rig;
    int port = begin(&rig);
    freeReplyObject(bh_rig_command(
        &rig, "HSET bellhop:{sms}:status:evil state %s error %s %s x handle %s to %s",
        "sent\",\"x\":\"", "\"}\\\n\x01<script>", "na\"me", "\"1", "\",\""));
    freeReplyObject(bh_rig_command(&rig, "HSET bellhop:{sms}:heads 1 %s", "not a record"));
    freeReplyObject(bh_rig_command(&rig, "XADD bellhop:{sms}:audit * id evil who %s", "\"]}"));
    freeReplyObject(bh_rig_command(&rig, "SET bellhop:{sms}:events %s", "no stream"));
    struct got *got = get(port, "/api/v1/job?queue=sms&id=evil", NULL);
    cr_expect_eq(got->status, 503, "an error of Redis is told: %d %s", got->status, got->body);
    freeReplyObject(bh_rig_command(&rig, "DEL bellhop:{sms}:events"));
    got = get(port, "/api/v1/job?queue=sms&id=evil", NULL);
    cr_expect_eq(got->status, 200, "%d %s", got->status, got->body);
    cr_expect(strstr(got->body, "\"state\":\"sent\\\",\\\"x\\\":\\\"\"") != NULL, "%s", got->body);
    cr_expect(strstr(got->body, "\\u0001") != NULL && strstr(got->body, "na\"me") == NULL, "%s",
              got->body);
    cr_expect(strstr(got->body, "\"record\":null") != NULL, "%s", got->body);
    freeReplyObject(bh_rig_command(&rig, "ZADD bellhop:{sms}:due 9999999999999 1"));
    cr_expect_eq(get(port, "/api/v1/jobs?queue=sms&place=due", NULL)->status, 200);
    bh_rig_stop(&rig);
}

/* ---- what a crowd costs ---- */

/* Seconds of processor time that the daemon has used: all of it, and its main thread alone. */
static double
cpu_s(pid_t pid, bool main_only)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    if (main_only)
        snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)pid);
    else
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(text, sizeof(text), file));
    fclose(file);
    const char *rest = strrchr(text, ')');
    cr_assert_not_null(rest);
    cr_assert_eq(
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
        2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double
now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * A thousand tabs ask every two seconds, so five hundred requests a second; here are three thousand, as fast as they are answered.
 * They are answered by few pictures, cost Redis nothing, and the workers nothing either.
 */
Test(daemon_api, a_thousand_tabs_cost_little_and_the_workers_nothing, .timeout = 240)
{
    enum { POLLS = 3000, CONNECTIONS = 20 };
    struct bh_rig rig;
    int port = begin(&rig), fds[CONNECTIONS];
    char etag[64] = "";
    unsigned pictures = 0, failed = 0;
    BH_RIG_UNTIL(&rig, strstr(get(port, "/api/v1/overview", NULL)->body, "\"known\":true") != NULL);
    for (int i = 0; i < CONNECTIONS; i++)
        fds[i] = bh_test_http_connect(port, 10000);
    pid_t pid = rig.daemons[0].process.pid;
    double main_before = cpu_s(pid, true), all_before = cpu_s(pid, false), began = now_s();
    for (unsigned i = 0; i < POLLS; i++) {
        struct bh_test_http http;
        bh_test_http_call_on(fds[i % CONNECTIONS], "GET", "/api/v1/overview", NULL, NULL, &http);
        const char *now = bh_test_http_header(&http, "ETag");
        failed += http.status != 200;
        if (now != NULL && strcmp(now, etag) != 0) {
            snprintf(etag, sizeof(etag), "%s", now);
            pictures++;
        }
        bh_test_http_release(&http);
    }
    double took = now_s() - began, main_used = cpu_s(pid, true) - main_before;
    double others = cpu_s(pid, false) - all_before - main_used;
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    printf("%d polls in %.1f s, main thread %.2f s (%.0f us each), others %.2f s, %u pictures\n",
           POLLS, took, main_used, main_used / POLLS * 1e6, others, pictures);
    cr_expect_eq(failed, 0, "%u failed", failed);
    cr_expect_leq(pictures, (unsigned)took + 3, "the same bytes are used again: %u", pictures);
    /* Five hundred a second would take a quarter of one processor even with all checks of this build. */
    cr_expect_lt(main_used / POLLS, 0.0005, "%.0f us each", main_used / POLLS * 1e6);
    cr_expect_lt(others, 0.1 * took + 0.5, "the workers have nothing to do with it: %.2f s",
                 others);
    bh_rig_stop(&rig);
}

/* Who looks at jobs asks Redis, so a crowd of those is asked to come again; the daemon lives on. */
Test(daemon_api, a_crowd_that_lists_jobs_is_slowed, .timeout = 120)
{
    enum { CROWD = 60 };
    static const char request[] =
        "GET /api/v1/jobs?queue=sms&place=due HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    struct bh_rig rig;
    int port = begin(&rig), fds[CROWD];
    unsigned answered = 0, slowed = 0;
    for (int i = 0; i < CROWD; i++) {
        fds[i] = bh_test_http_connect(port, 20000);
        cr_assert(bh_test_http_send(fds[i], request, sizeof(request) - 1));
    }
    for (int i = 0; i < CROWD; i++) {
        struct bh_test_http http;
        bh_test_http_read(fds[i], &http);
        answered += http.status == 200;
        slowed += http.status == 503 && bh_test_http_header(&http, "Retry-After") != NULL;
        bh_test_http_release(&http);
        close(fds[i]);
    }
    cr_expect_eq(answered + slowed, CROWD, "%u answered, %u slowed", answered, slowed);
    cr_expect(answered > 0 && slowed > 0, "%u answered, %u slowed", answered, slowed);
    /* The administrator gets through meanwhile. */
    cr_expect_eq(call(port, "POST", "/api/v1/queue/sms/resume", ADMIN JSON, "{}")->status, 200);
    bh_rig_stop(&rig);
}

Test(daemon_api, without_redis_figures_stay_and_jobs_are_refused, .timeout = 120)
{
    struct bh_rig rig;
    int port = begin(&rig);
    BH_RIG_UNTIL(&rig, strstr(get(port, "/api/v1/overview", NULL)->body, "\"known\":true") != NULL);
    bh_rig_disconnect(&rig);
    bh_redis_process_kill(&rig.redis);
    BH_RIG_UNTIL(&rig, strstr(get(port, "/api/v1/overview", NULL)->body, "\"up\":false") != NULL);
    cr_expect(strstr(get(port, "/api/v1/overview", NULL)->body, "\"known\":true") != NULL);
    BH_RIG_UNTIL(&rig, get(port, "/api/v1/jobs?queue=sms&place=due", NULL)->status == 503);
    struct got *got = call(port, "POST", "/api/v1/queue/sms/pause", ADMIN JSON, "{}");
    cr_expect_eq(got->status, 503, "%d %s", got->status, got->body);
    cr_expect_str_eq(got->retry_after, "1");
    bh_redis_process_start(&rig.redis, NULL);
    BH_RIG_UNTIL(&rig, get(port, "/api/v1/jobs?queue=sms&place=due", NULL)->status == 200);
    bh_rig_stop(&rig);
}

/* ---- the token ---- */

Test(daemon_api, a_reload_changes_the_token_at_once, .timeout = 120)
{
    static const struct bh_rig_options changed = {
        .http = "listen = 127.0.0.1:0\nadmin_token = another one of theirs\n"};
    static const struct bh_rig_options none = {.http = "listen = 127.0.0.1:0\n"};
    struct bh_rig rig;
    int port = begin(&rig);
    cr_expect_eq(get(port, "/api/v1/overview", ADMIN)->status, 200);
    bh_rig_reload(&rig, 0, &changed);
    BH_RIG_UNTIL(
        &rig,
        get(port, "/api/v1/overview", "Authorization: Bearer another one of theirs\r\n")->status ==
            200);
    cr_expect_eq(get(port, "/api/v1/overview", ADMIN)->status, 401);
    bh_rig_reload(&rig, 0, &none);
    BH_RIG_UNTIL(&rig, strstr(get(port, "/api/v1/overview", NULL)->body,
                              "\"token_is_known\":false") != NULL);
    cr_expect_eq(
        get(port, "/api/v1/overview", "Authorization: Bearer another one of theirs\r\n")->status,
        401);
    bh_rig_stop(&rig);
}

/* A proxy's header stands for a visitor who is elsewhere. */
#define AFAR "X-Forwarded-For: 192.0.2.7\r\n"

/* clang-format off */
Test(daemon_api, strangers_elsewhere_see_nothing, .timeout = 120)
{
    static const struct {
        const char *target;
        int stranger; /* elsewhere, without the token */
    } rows[] = {
        {"/", 200}, {"/dashboard.js", 200}, {"/dashboard.css", 200}, {"/dashboard.svg", 200},
        {"/healthz", 200}, {"/readyz", 200},
        {"/metrics", 401}, {"/api/v1/overview", 401}, {"/api/v1/history?queue=sms", 401}, {"/api/v1/shape?queue=sms", 401},
        {"/api/v1/jobs?queue=sms&place=due", 401}, {"/api/v1/job?queue=sms&id=x", 401},
    };
    struct bh_rig rig;
    struct got *got;
    int port = begin(&rig);
    BH_RIG_UNTIL(&rig, get(port, "/readyz", NULL)->status == 200);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        got = get(port, rows[i].target, AFAR);
        cr_expect_eq(got->status, rows[i].stranger, "%s: %d %s", rows[i].target, got->status, got->body);
        if (rows[i].stranger == 401) {
            cr_expect(strstr(got->body, "sms") == NULL && strlen(got->body) < 120, "%s tells %s", rows[i].target, got->body);
            got = get(port, rows[i].target, AFAR "Authorization: Bearer a wrong one\r\n");
            cr_expect_eq(got->status, 401, "%s: %d %s", rows[i].target, got->status, got->body);
        }
        /* By a proxy's name of the host, as well. */
        got = get(port, rows[i].target, AFAR ADMIN);
        cr_expect(got->status == 200 || (got->status == 404 && strstr(rows[i].target, "id=x") != NULL), "%s: %d %s",
                  rows[i].target, got->status, got->body);
    }
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        cr_expect_eq(call(port, "POST", changes[i], AFAR JSON, "{}")->status, 401, "%s", changes[i]);
    bh_rig_stop(&rig);
}
/* clang-format on */

Test(daemon_api, readiness_tells_reasons_here_and_the_status_elsewhere, .timeout = 120)
{
    struct bh_rig rig;
    int port = begin(&rig);
    BH_RIG_UNTIL(&rig, get(port, "/readyz", NULL)->status == 200);
    cr_expect_eq(
        call(port, "POST", "/api/v1/account/pause", ADMIN JSON, "{\"reason\":\"secret plans\"}")
            ->status,
        200);
    BH_RIG_UNTIL(&rig, get(port, "/readyz", NULL)->status == 503);
    cr_expect_not_null(strstr(get(port, "/readyz", NULL)->body, "secret plans"));
    cr_expect_not_null(strstr(get(port, "/readyz", AFAR ADMIN)->body, "secret plans"));
    struct got *got = get(port, "/readyz", AFAR);
    cr_expect_eq(got->status, 503);
    cr_expect_str_eq(got->body, "not ready\n");
    /* A page that made its own name lead here learns nothing. */
    cr_expect_eq(raw(port, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
    bh_rig_stop(&rig);
}

/* Prometheus with a stale token shall not try without end: it is slowed as others are. */
Test(daemon_api, who_guesses_at_the_metrics_is_slowed, .timeout = 120)
{
    struct bh_rig rig;
    int port = begin(&rig), last = 0;
    for (unsigned i = 0; i < 20; i++)
        last = get(port, "/metrics", "Authorization: Bearer guess\r\n")->status;
    cr_expect_eq(last, 429);
    cr_expect_eq(get(port, "/metrics", ADMIN)->status, 429);
    cr_expect_eq(get(port, "/healthz", ADMIN)->status, 200);
    bh_rig_stop(&rig);
}

Test(daemon_api, other_machines_are_not_let_in_without_a_token, .timeout = 120)
{
    static const struct bh_rig_options open = {.http = "listen = 0.0.0.0:0\n"};
    struct bh_rig rig;
    struct bh_rig_options without = options;
    without.without_daemon = true;
    bh_rig_start(&rig, &without);
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    bh_daemon_configure(&daemon, bh_rig_config(&rig, &open, 0));
    cr_expect_neq(bh_daemon_run(&daemon, "--check-config"), 0);
    bh_daemon_release(&daemon);
    bh_rig_stop(&rig);
}
