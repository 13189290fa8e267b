/*
 * What a running daemon shows: metrics that agree with what the gateway counted, a real Prometheus that takes them, whether
 * it is ready, and what it leaves in Redis for others to see.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/form.h"
#include "core/json.h"
#include "support/http_client.h"
#include "support/remove_tree.h"
#include "support/rig.h"
#include "support/run_program.h"

#define HTTP "listen = 127.0.0.1:0\n"

/* ---- shorthands ---- */

/* The answer's body, kept until the rig's stop; *ret_status may be NULL. */
static const char *
get(struct bh_rig *rig, int port, const char *target, int *ret_status)
{
    struct bh_test_http got;
    bh_test_http_call(port, "GET", target, NULL, NULL, &got);
    const char *body = bh_rig_text(rig, "%s", got.body != NULL ? got.body : "");
    if (ret_status != NULL)
        *ret_status = got.status;
    bh_test_http_release(&got);
    return body;
}

static bool
answers(struct bh_rig *rig, int port, const char *target, int status, const char *part)
{
    int got;
    const char *body = get(rig, port, target, &got);
    return got == status && strstr(body, part) != NULL;
}

/* The value of the sample with exactly this name and these labels; -1 when there is none. */
static double
sample(const char *scrape, const char *series)
{
    size_t len = strlen(series);
    for (const char *at = scrape; at != NULL && *at != '\0';) {
        if (strncmp(at, series, len) == 0 && at[len] == ' ')
            return strtod(at + len, NULL);
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return -1;
}

static double
measure(struct bh_rig *rig, int port, const char *series)
{
    return sample(get(rig, port, "/metrics", NULL), series);
}

static void
push_jobs(struct bh_rig *rig, const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bh_rig_push(rig, "sms",
                    bh_rig_text(rig,
                                "{\"id\":\"%s-%u\",\"to\":\"4917199930%02u\",\"text\":\"%s "
                                "secret\",\"label\":\"label-of-a-job\",\"enqueued_at\":%lld}",
                                prefix, i, i, prefix, bh_unix_ms() - 2000));
}

/* ---- agreement ---- */

Test(daemon_metrics, agree_with_what_the_gateway_counted)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .pool = "workers = 2"};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    push_jobs(&rig, "met", 60);
    bh_rig_push(&rig, "sms", "{\"to\":\"no number at all\"}");
    bh_rig_push(&rig, "sms",
                "{\"id\":\"late\",\"to\":\"491719993099\",\"text\":\"x\",\"delay\":\"+2s\"}");
    /* Scraped all the time while they run. */
    BH_RIG_UNTIL(&rig,
                 measure(&rig, port, "bellhop_jobs_total{queue=\"sms\",outcome=\"sent\"}") >= 61);
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "sms") == 0);

    const char *scrape = get(&rig, port, "/metrics", NULL);
    double accepted = (double)bh_rig_sim_number(&rig, "stats", "accepted");
    cr_expect_eq(accepted, 61);
    cr_expect_eq(sample(scrape, "bellhop_jobs_total{queue=\"sms\",outcome=\"sent\"}"), accepted);
    cr_expect_eq(sample(scrape, "bellhop_jobs_total{queue=\"sms\",outcome=\"invalid\"}"), 1);
    cr_expect_eq(sample(scrape, "bellhop_attempts_total{queue=\"sms\",code=\"100\"}"), accepted);
    cr_expect_eq(sample(scrape, "bellhop_wait_seconds_count{queue=\"sms\"}"), accepted);
    cr_expect_eq(sample(scrape, "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"+Inf\"}"),
                 accepted);
    cr_expect_eq(sample(scrape, "bellhop_gateway_seconds_count{phase=\"total\"}"), accepted);
    cr_expect_eq(sample(scrape, "bellhop_gateway_seconds_count{phase=\"first_byte\"}"), accepted);
    cr_expect_eq(sample(scrape, "bellhop_schedule_lateness_seconds_count"), 1);
    cr_expect_eq(sample(scrape, "bellhop_jobs{queue=\"sms\",state=\"dead\"}"), 1);

    /* Each of them waited for two seconds before it was pushed, by its producer's word, but for the delayed one. */
    cr_expect_geq(sample(scrape, "bellhop_wait_seconds_sum{queue=\"sms\"}"), 120);
    cr_expect_eq(sample(scrape, "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"1\"}"), 1);

    /* The keeper's connections, for balance and journal, are not counted. */
    double opened = sample(scrape, "bellhop_gateway_connections_total");
    cr_expect(opened >= 1 && opened <= (double)bh_rig_sim_number(&rig, "stats", "connections"),
              "%f", opened);
    cr_expect_eq(opened, sample(scrape, "bellhop_gateway_seconds_count{phase=\"connect\"}"));
    cr_expect_gt(sample(scrape, "bellhop_redis_command_seconds_count"), 5);
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_loop_lag_seconds_count") >= 4);
    cr_expect_float_eq(sample(scrape, "bellhop_spend_total{queue=\"sms\"}"), 61 * 0.075, 0.0001);

    /* Nothing of a job but how many there are. */
    static const char *const secrets[] = {"4917199930", "9930", "secret",
                                          "label-of",   "met-", "sim-live-key"};
    for (size_t i = 0; i < BH_ARRAY_LEN(secrets); i++)
        cr_expect_null(strstr(scrape, secrets[i]), "%s", secrets[i]);
    bh_rig_stop(&rig);
}

Test(daemon_metrics, ask_redis_nothing)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_jobs{queue=\"sms\",state=\"ready\"}") == 0);
    bh_redis_process_pause(&rig.redis);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(measure(&rig, port, "bellhop_workers"), 1);
    bh_redis_process_resume(&rig.redis);

    /* Nor does more looking make more questions: a round takes a handful of calls and comes every two seconds. */
    long long begin_ms = bh_now_ms();
    bh_rig_begin_waiting(&rig, BH_RIG_WAIT_MS);
    redisReply *reply = bh_rig_command(&rig, "CONFIG RESETSTAT");
    freeReplyObject(reply);
    for (int i = 0; i < 300; i++)
        cr_assert_eq(measure(&rig, port, "bellhop_workers"), 1);
    reply = bh_rig_command(&rig, "INFO commandstats");
    const char *found = strstr(reply->str, "cmdstat_eval:calls=");
    long long calls = found != NULL ? strtoll(found + 19, NULL, 10) : 0;
    freeReplyObject(reply);
    long long rounds = 2 + (bh_now_ms() - begin_ms) / 1000;
    cr_expect_lt(calls, rounds * 8, "%lld calls in %lld rounds", calls, rounds);
    bh_rig_stop(&rig);
}

/* ---- Prometheus ---- */

static char *
read_file(const char *path)
{
    struct bh_buf buf;
    char part[4096];
    size_t len;
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    bh_buf_init(&buf, (size_t)1024 * 1024);
    while ((len = fread(part, 1, sizeof(part), file)) > 0)
        bh_buf_append(&buf, part, len);
    fclose(file);
    cr_assert_eq(bh_buf_status(&buf), BH_OK);
    char *text = bh_buf_take(&buf);
    cr_assert_not_null(text);
    return text;
}

/* Does a family or a sample of this name stand in the scrape? */
static bool
is_scraped(const char *scrape, const char *name)
{
    static const char *const ends[] = {" ", "{"};
    char line[200];
    (void)snprintf(line, sizeof(line), "\n# TYPE %s ", name);
    if (strstr(scrape, line) != NULL)
        return true;
    for (size_t i = 0; i < BH_ARRAY_LEN(ends); i++) {
        (void)snprintf(line, sizeof(line), "\n%s%s", name, ends[i]);
        if (strstr(scrape, line) != NULL)
            return true;
    }
    return false;
}

/* Every metric of ours that the text names has to be in the scrape. */
static unsigned
expect_metrics_exist(const char *scrape, const char *path)
{
    char *text = read_file(path);
    unsigned count = 0;
    for (const char *at = strstr(text, "bellhop_"); at != NULL; at = strstr(at + 1, "bellhop_")) {
        char name[100];
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        (void)snprintf(name, sizeof(name), "%.*s", (int)len, at);
        cr_expect(is_scraped(scrape, name), "%s: %s", path, name);
        count++;
    }
    bh_free(text);
    return count;
}

/* Every family of the scrape has its line in the manual page. */
static void
expect_families_told(const char *scrape, const char *path)
{
    char *text = read_file(path);
    for (const char *at = strstr(scrape, "# TYPE "); at != NULL; at = strstr(at + 1, "# TYPE ")) {
        char name[100];
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 7, " "), at + 7);
        cr_expect_not_null(strstr(text, name), "%s does not tell %s", path, name);
    }
    bh_free(text);
}

Test(daemon_metrics, are_what_rules_dashboard_and_manual_name)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP};
    struct run_result result;
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    push_jobs(&rig, "met", 3);
    bh_rig_wait_state(&rig, "sms", "met-0", "sent");
    BH_RIG_UNTIL(&rig,
                 measure(&rig, port, "bellhop_jobs_total{queue=\"sms\",outcome=\"sent\"}") == 3);
    const char *scrape = get(&rig, port, "/metrics", NULL);
    cr_expect_gt(expect_metrics_exist(scrape, BH_TEST_RULES), 20);
    cr_expect_gt(expect_metrics_exist(scrape, BH_TEST_DASHBOARD), 20);
    cr_expect_gt(expect_metrics_exist(scrape, BH_TEST_MANUAL), 20);
    expect_families_told(scrape, BH_TEST_MANUAL);

    static const char *const args[] = {"check", "metrics", NULL};
    const struct run_request request = {
        .program = BH_TEST_PROMTOOL,
        .directory = rig.dir,
        .args = args,
        .input = scrape,
    };
    run_program(&request, &result);
    cr_expect_eq(result.exit_status, 0, "%s%s", result.out, result.err);
    cr_expect_str_eq(result.err, "");
    run_release(&result);
    bh_rig_stop(&rig);
}

static void
start_prometheus(struct bh_rig *rig, int port, struct bh_process *process)
{
    const char *config = bh_rig_text(rig, "%s/prometheus.yml", rig->dir);
    const char *argv[] = {
        BH_TEST_PROMETHEUS,
        bh_rig_text(rig, "--config.file=%s", config),
        "--web.listen-address=127.0.0.1:0",
        bh_rig_text(rig, "--storage.tsdb.path=%s/tsdb", rig->dir),
        NULL,
    };
    FILE *file = fopen(config, "w");
    cr_assert_not_null(file);
    fprintf(file,
            "global:\n  scrape_interval: 500ms\n  scrape_timeout: 500ms\n"
            "  evaluation_interval: 1s\nrule_files:\n  - %s\n"
            "scrape_configs:\n  - job_name: bellhop\n    static_configs:\n"
            "      - targets: ['127.0.0.1:%d']\n",
            BH_TEST_RULES, port);
    fclose(file);
    (void)snprintf(process->log, sizeof(process->log), "%s/prometheus.log", rig->dir);
    bh_process_start(process, argv, NULL);
}

/* What Prometheus answers to an expression. */
static const char *
query(struct bh_rig *rig, int port, const char *expression)
{
    struct bh_buf target;
    bh_buf_init(&target, 16384);
    bh_buf_append_text(&target, "/api/v1/query?query=");
    for (const char *at = expression; *at != '\0'; at++) {
        if (isalnum((unsigned char)*at))
            bh_buf_append_char(&target, *at);
        else
            bh_buf_printf(&target, "%%%02X", (unsigned char)*at);
    }
    const char *body = get(rig, port, bh_buf_text(&target), NULL);
    bh_buf_release(&target);
    return body;
}

/* As the dashboard writes it, with its variables filled in. */
static const char *
fill_in(struct bh_rig *rig, struct bh_str expression)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"$__rate_interval", "1m"},
        {"$queue",           ".*"}
    };
    struct bh_buf buf;
    bh_buf_init(&buf, 4096);
    for (size_t i = 0; i < expression.len;) {
        const struct bh_str rest = {expression.ptr + i, expression.len - i};
        size_t row = 0;
        while (row < BH_ARRAY_LEN(rows) && !bh_str_starts_with(rest, bh_str_from(rows[row].name)))
            row++;
        if (row < BH_ARRAY_LEN(rows)) {
            bh_buf_append_text(&buf, rows[row].value);
            i += strlen(rows[row].name);
        } else {
            bh_buf_append_char(&buf, expression.ptr[i++]);
        }
    }
    const char *text = bh_rig_text(rig, "%s", bh_buf_text(&buf));
    bh_buf_release(&buf);
    return text;
}

static unsigned
try_targets(struct bh_rig *rig, int port, const struct bh_json_value *panel)
{
    unsigned count = 0;
    const struct bh_json_value *target = bh_json_first(bh_json_get(panel, "targets"));
    for (; target != NULL; target = bh_json_next(target)) {
        struct bh_str expression;
        cr_assert(bh_json_string(bh_json_get(target, "expr"), &expression));
        const char *filled = fill_in(rig, expression);
        const char *answer = query(rig, port, filled);
        cr_expect_not_null(strstr(answer, "\"status\":\"success\""), "%s: %s", filled, answer);
        count++;
    }
    return count;
}

static void
try_dashboard(struct bh_rig *rig, int port)
{
    char *text = read_file(BH_TEST_DASHBOARD);
    struct bh_json *json;
    struct bh_error error = {"", ""};
    unsigned count = 0;
    cr_assert_eq(
        bh_json_parse(bh_str_from(text), (size_t)1024 * 1024, BH_JSON_STRICT, &json, &error), BH_OK,
        "%s: %s", error.field, error.text);
    const struct bh_json_value *panel = bh_json_first(bh_json_get(bh_json_root(json), "panels"));
    for (; panel != NULL; panel = bh_json_next(panel))
        count += try_targets(rig, port, panel);
    cr_expect_gt(count, 30);
    bh_json_free(json);
    bh_free(text);
}

Test(daemon_metrics, are_taken_by_a_real_prometheus)
{
    struct bh_rig rig;
    struct bh_process prometheus = {0};
    const struct bh_rig_options options = {.http = HTTP};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    push_jobs(&rig, "met", 5);
    bh_rig_wait_state(&rig, "sms", "met-0", "sent");
    start_prometheus(&rig, port, &prometheus);
    int api = bh_rig_port_in_log(&rig, &prometheus, "msg=\"Listening on\"", "address=127.0.0.1:");
    BH_RIG_UNTIL(&rig, strstr(query(&rig, api, "up{job=\"bellhop\"} == 1"), "\"1\"]") != NULL);
    BH_RIG_UNTIL(&rig,
                 strstr(query(&rig, api, "bellhop_jobs_total{queue=\"sms\",outcome=\"sent\"} == 5"),
                        "\"5\"]") != NULL);
    cr_expect_not_null(strstr(
        query(&rig, api, "histogram_quantile(0.5, bellhop_wait_seconds_bucket{queue=\"sms\"}) > 1"),
        "\"value\""));
    try_dashboard(&rig, api);

    /* All rules are evaluated without trouble, and nothing fires in a process that is well. */
    BH_RIG_UNTIL(&rig,
                 strstr(get(&rig, api, "/api/v1/rules", NULL), "\"health\":\"unknown\"") == NULL);
    const char *rules = get(&rig, api, "/api/v1/rules", NULL);
    cr_expect_not_null(strstr(rules, "BellhopAccountPaused"));
    cr_expect_null(strstr(rules, "\"health\":\"err\""), "%s", rules);
    cr_expect_null(strstr(rules, "\"state\":\"firing\""), "%s", rules);
    bh_process_signal(&prometheus, SIGTERM);
    cr_expect(bh_process_wait(&prometheus, BH_RIG_WAIT_MS));
    bh_rig_stop(&rig);
}

/* ---- readiness ---- */

Test(daemon_metrics, ready_means_that_work_is_done)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP, .redis = "command_timeout = 2s", .sim = "[account]\nbalance = 0.08\n"};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/readyz", 200, "ready"));

    push_jobs(&rig, "pay", 3);
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/readyz", 503, "account is paused (credit)"));
    cr_expect_eq(measure(&rig, port, "bellhop_account_paused{reason=\"credit\"}"), 1);
    cr_expect_eq(measure(&rig, port, "bellhop_account_paused{reason=\"auth\"}"), 0);
    cr_expect_eq(measure(&rig, port, "bellhop_ready"), 0);
    cr_expect(answers(&rig, port, "/healthz", 200, "ok"));

    bh_rig_disconnect(&rig);
    bh_redis_process_stop(&rig.redis);
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/readyz", 503, "Redis is not usable: "));
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_redis_up") == 0);
    bh_rig_start_redis(&rig);
    /* It has kept nothing, the pause neither. */
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/readyz", 200, "ready"));
    cr_expect_geq(measure(&rig, port, "bellhop_redis_reconnects_total"), 1);
    bh_rig_stop(&rig);
}

Test(daemon_metrics, ready_is_taken_back_at_once_when_it_drains)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .gateway = "timeout = 25s"};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/readyz", 200, "ready"));
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"hang\",\"at\":\"after\",\"match\":{\"path\":\"/api/sms\"}}");
    push_jobs(&rig, "slow", 1);
    BH_RIG_UNTIL(&rig, bh_rig_sim_number(&rig, "stats", "accepted") == 1);
    bh_process_signal(&rig.daemons[0].process, SIGTERM);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, " drain ") == 1);
    cr_expect(answers(&rig, port, "/readyz", 503, "draining"));
    cr_expect(answers(&rig, port, "/healthz", 200, "ok"));
    bh_rig_stop(&rig);
}

Test(daemon_metrics, the_watchdog_is_fed_only_while_loops_turn)
{
    struct bh_rig rig;
    char notice[1024];
    const struct bh_rig_options options = {.http = HTTP, .without_daemon = true};
    static const char *const environment[] = {"WATCHDOG_USEC=400000",
                                              "BELLHOP_CRASH_POINT=hang=stand-still", NULL};
    bh_rig_start(&rig, &options);
    struct bh_daemon *daemon = bh_rig_start_daemon(&rig, NULL, environment);
    int port = bh_rig_http_port(&rig), fed = 0;
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/readyz", 200, "ready"));
    bh_rig_begin_waiting(&rig, BH_RIG_WAIT_MS);
    while (fed < 5 && bh_rig_may_wait(&rig)) {
        ssize_t len = recv(daemon->notices, notice, sizeof(notice) - 1, MSG_DONTWAIT);
        notice[len > 0 ? len : 0] = '\0';
        fed += strstr(notice, "WATCHDOG=1") != NULL;
    }
    cr_expect_eq(fed, 5);

    bh_rig_push(&rig, "sms", "{\"to\":\"4917199930\",\"text\":\"stand-still\"}");
    BH_RIG_UNTIL(&rig, answers(&rig, port, "/healthz", 503, "has not turned"));
    cr_expect(answers(&rig, port, "/readyz", 503, "no worker's loop turns"));
    cr_expect(bh_process_wait_line(&daemon->process, " hanging ", BH_RIG_WAIT_MS));
    while (recv(daemon->notices, notice, sizeof(notice), MSG_DONTWAIT) > 0)
        continue;
    /* Five times the distance that the service manager allows. */
    bh_sleep_ms(2000);
    fed = 0;
    for (;;) {
        ssize_t len = recv(daemon->notices, notice, sizeof(notice) - 1, MSG_DONTWAIT);
        if (len <= 0)
            break;
        notice[len] = '\0';
        fed += strstr(notice, "WATCHDOG=1") != NULL;
    }
    cr_expect_eq(fed, 0, "fed %d times though a loop hangs", fed);
    /* Nothing but force ends it, which is what the service manager would do now. */
    bh_process_kill(&daemon->process);
    bh_rig_stop(&rig);
}

/* ---- what others see ---- */

Test(daemon_metrics, processes_and_minutes_are_left_in_redis)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP};
    bh_rig_start(&rig, &options);
    (void)bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "HLEN bellhop:{@processes}") == 2);
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "LLEN bellhop:{sms}:minutes") == 1);
    cr_expect_eq(bh_rig_integer(&rig, "LLEN bellhop:{voice}:minutes"), 1,
                 "one, whoever came first");
    redisReply *reply = bh_rig_command(&rig, "HGET bellhop:{@processes} two");
    cr_expect(reply->str != NULL && strstr(reply->str, "\"instance\":\"two\"") != NULL, "%s",
              reply->str);
    freeReplyObject(reply);
    bh_process_signal(&rig.daemons[1].process, SIGTERM);
    cr_expect(bh_process_wait(&rig.daemons[1].process, BH_RIG_WAIT_MS));
    cr_expect_eq(bh_rig_integer(&rig, "HLEN bellhop:{@processes}"), 1, "it takes its leave");
    bh_rig_stop(&rig);
}

Test(daemon_metrics, go_with_the_configuration)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP};
    const struct bh_rig_options other = {
        .http = HTTP, .queues = "[queue sms]\ntype = sms\n[queue more]\ntype = sms\n"};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    push_jobs(&rig, "met", 4);
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_wait_seconds_count{queue=\"sms\"}") == 4);
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_jobs{queue=\"voice\",state=\"ready\"}") == 0);
    bh_rig_reload(&rig, 0, &other);
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_jobs{queue=\"more\",state=\"ready\"}") == 0);
    const char *scrape = get(&rig, port, "/metrics", NULL);
    cr_expect_null(strstr(scrape, "queue=\"voice\""), "a queue that went takes its series along");
    cr_expect_eq(sample(scrape, "bellhop_wait_seconds_count{queue=\"sms\"}"), 4);
    cr_expect_eq(sample(scrape, "bellhop_wait_seconds_count{queue=\"more\"}"), 0);
    bh_rig_stop(&rig);
}
