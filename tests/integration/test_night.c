/*
 * The night-time drill: something breaks, somebody logs in, and the first line of `bellhop status` names the cause.
 *
 * A real bellhopd, a real Redis and a simulated gateway; each test breaks one thing and waits until the line says it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cli_stage.h"
#include "support/http_client.h"
#include "support/rig.h"

static struct bh_rig rig;

/* Reports are written every five seconds, and the sanitizers take their time. */
#define NAMED_MS 40000

static void
run_status(const char *const *args, struct run_result *result)
{
    const char *variable = bh_rig_text(&rig, "BELLHOP_CONFIG=%s", rig.daemons[0].config);
    cli_run_at(rig.dir, variable, args, NULL, result);
}

/* The first line; kept until stop. */
static const char *
first_line(void)
{
    static const char *const args[] = {"status", NULL};
    struct run_result result;
    run_status(args, &result);
    const char *line = bh_rig_text(&rig, "%.*s", (int)strcspn(result.out, "\n"), result.out);
    run_release(&result);
    return line;
}

static bool
names(const char *piece)
{
    return strstr(first_line(), piece) != NULL;
}

/* What machines are told. */
static void
expect_cause(const char *cause)
{
    static const char *const args[] = {"status", "--json", NULL};
    struct run_result result;
    run_status(args, &result);
    const char *wanted = bh_rig_text(&rig, "\"verdict\":{\"cause\":\"%s\"", cause);
    cr_expect_not_null(strstr(result.out, wanted), "no %s in %s%s", wanted, result.out, result.err);
    run_release(&result);
}

/* And what the page says. */
static bool
page_says(const char *cause)
{
    struct bh_test_http http;
    bh_test_http_call(bh_rig_http_port(&rig), "GET", "/api/v1/overview", NULL, NULL, &http);
    const char *wanted = bh_rig_text(&rig, "\"verdict\":{\"cause\":\"%s\"", cause);
    bool says = http.status == 200 && strstr(http.body, wanted) != NULL;
    bh_test_http_release(&http);
    return says;
}

static bool
has_counter(const char *name)
{
    return bh_rig_integer(&rig, "HEXISTS bellhop:{sms}:counters %s", name) == 1;
}

static long long
ago_ms(long long ms)
{
    redisReply *reply = bh_rig_command(&rig, "TIME");
    long long now_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000;
    freeReplyObject(reply);
    return now_ms - ms;
}

static void
push_many(int count)
{
    for (int i = 0; i < count; i++)
        bh_rig_push(&rig, "sms", bh_rig_text(&rig, "{\"to\":\"491719990600\",\"text\":\"%d\"}", i));
}

Test(night, all_is_well_while_it_is, .timeout = 120)
{
    const struct bh_rig_options options = {
        .redis_args = (const char *const[]){"--appendonly", "yes", NULL}
    };
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"491719990600\",\"text\":\"a\"}");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, names("All is well: 0 jobs wait"));
    expect_cause("none");
    bh_rig_stop(&rig);
}

Test(night, credit_runs_out, .timeout = 120)
{
    const struct bh_rig_options options = {.sim = "[account]\nbalance = 0.1\n"};
    bh_rig_start(&rig, &options);
    push_many(20);
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, names("The gateway account is out of credit"));
    cr_expect(names(": 19 jobs wait.  The reason: the gateway answered: "), "%s", first_line());
    cr_expect(names("Top it up; it is tried again by itself, next in "), "%s", first_line());
    expect_cause("account_paused");
    bh_rig_stop(&rig);
}

Test(night, the_gateway_hangs, .timeout = 120)
{
    const struct bh_rig_options options = {.gateway = "timeout = 2s\nconnect_timeout = 1s"};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault", "{\"kind\":\"hang\",\"count\":1000000}");
    push_many(20);
    BH_RIG_UNTIL_MS(
        &rig, NAMED_MS,
        names("The gateway does not answer as it should (no whole answer came in time, for "));
    expect_cause("gateway_down");
    bh_rig_stop(&rig);
}

/* Why, how long, and when it goes on; all of it on the page, too. */
Test(night, the_gateway_asks_for_patience, .timeout = 120)
{
    const struct bh_rig_options options = {.http = "listen = 127.0.0.1:0"};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault", "{\"kind\":\"503\",\"retry_after\":600,\"count\":1000000}");
    push_many(20);
    BH_RIG_UNTIL_MS(&rig, NAMED_MS,
                    names("The gateway asks for patience (the gateway is overloaded and asks to "
                          "come back later (HTTP 503), for "));
    cr_expect(names(": 1 of 1 worker sends nothing; "), "%s", first_line());
    expect_cause("gateway_down");
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, page_says("gateway_down"));
    bh_rig_stop(&rig);
}

Test(night, redis_is_full, .timeout = 120)
{
    const struct bh_rig_options options = {.queues = "[queue sms]\nrate = 1\n"};
    bh_rig_start(&rig, &options);
    push_many(10);
    freeReplyObject(bh_rig_command(&rig, "CONFIG SET maxmemory 1mb"));
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, names("Redis is full: "));
    cr_expect(names("producers cannot push"), "%s", first_line());
    expect_cause("redis_full");
    bh_rig_stop(&rig);
}

/* The limit tells at once that it will not do; nobody has to wait for the figures of a minute. */
Test(night, a_producer_floods, .timeout = 120)
{
    const struct bh_rig_options options = {.queues = "[queue sms]\nrate = 2\nttl = 10m\n"};
    bh_rig_start(&rig, &options);
    push_many(3000);
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, names("Queue sms is flooded: "));
    cr_expect(names("and expires after 10 min"), "%s", first_line());
    expect_cause("too_slow");
    bh_rig_stop(&rig);
}

/* Killed, not stopped: it could not say that it ends. */
Test(night, bellhopd_is_gone, .timeout = 120)
{
    const struct bh_rig_options options = {.queues = "[queue sms]\nrate = 1\n"};
    bh_rig_start(&rig, &options);
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, !names("No bellhopd"));
    bh_process_kill(&rig.daemons[0].process);
    push_many(3);
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, names("No bellhopd is running: the last one was heard "));
    expect_cause("no_process");
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    bh_rig_stop(&rig);
}

Test(night, redis_is_gone, .timeout = 120)
{
    static const char *const args[] = {"status", NULL};
    const struct bh_rig_options options = {.without_daemon = true};
    struct run_result result;
    bh_rig_start(&rig, &options);
    bh_daemon_init(&rig.daemons[0]);
    bh_daemon_configure(&rig.daemons[0], bh_rig_config(&rig, &rig.options, 0));
    bh_redis_process_kill(&rig.redis);
    run_status(args, &result);
    cr_expect_eq(result.exit_status, 1, "%s", result.out);
    cr_expect(strncmp(result.out, "Redis cannot be asked: ", 23) == 0, "%s%s", result.out,
              result.err);
    run_release(&result);
    bh_daemon_release(&rig.daemons[0]);
    bh_rig_start_redis(&rig);
    bh_rig_stop(&rig);
}

/* Nobody listens at the receiver's port, and hours are not waited for. */
Test(night, the_shop_takes_no_callbacks, .timeout = 120)
{
    const struct bh_rig_options options = {
        .http = "listen = 127.0.0.1:0",
        .queues = "[queue sms]\ncallback_url = http://127.0.0.1:1/shop\ncallback_all = yes\n",
    };
    bh_rig_start(&rig, &options);
    push_many(3);
    BH_RIG_UNTIL(&rig, has_counter("callbacks_failing_since"));
    freeReplyObject(bh_rig_command(&rig, "HSET bellhop:{sms}:counters callbacks_failing_since %lld",
                                   ago_ms(3 * 3600000LL)));
    BH_RIG_UNTIL_MS(
        &rig, NAMED_MS,
        names("Callbacks of queue sms fail: http://127.0.0.1:1 has taken none for 3 h "));
    cr_expect(names("; 3 wait.  Mend that receiver"), "%s", first_line());
    expect_cause("callbacks");
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, page_says("callbacks"));
    bh_rig_stop(&rig);
}

Test(night, nobody_reports_what_arrives, .timeout = 120)
{
    const struct bh_rig_options options = {
        .http = "listen = 127.0.0.1:0\nwebhook_token = t0ken-of-a-test",
        .queues = "[queue sms]\n",
        .without_daemon = true,
    };
    bh_rig_start(&rig, &options);
    freeReplyObject(bh_rig_command(&rig, "LPUSH bellhop:{sms}:minutes %s",
                                   bh_rig_text(&rig, "%lld 0 0 0 0 0 0 0", ago_ms(3600000LL))));
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_many(12);
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCARD bellhop:{sms}:open") == 12);
    freeReplyObject(
        bh_rig_command(&rig, "ZADD bellhop:{sms}:open %lld first", ago_ms(40 * 60000LL)));
    BH_RIG_UNTIL_MS(
        &rig, NAMED_MS,
        names("Messages of queue sms go out, and no delivery report has come for 40 min"));
    expect_cause("reports_silent");
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, page_says("reports_silent"));
    bh_rig_stop(&rig);
}

/* Something that no retry mends, and every job has it. */
Test(night, every_job_fails, .timeout = 120)
{
    const struct bh_rig_options options = {
        .http = "listen = 127.0.0.1:0",
        .queues = "[queue sms]\n",
        .without_daemon = true,
    };
    bh_rig_start(&rig, &options);
    freeReplyObject(bh_rig_command(&rig, "LPUSH bellhop:{sms}:minutes %s",
                                   bh_rig_text(&rig, "%lld 0 0 0 0 0 0 0", ago_ms(900000))));
    bh_rig_tell(&rig, "fault", "{\"kind\":\"code\",\"code\":305,\"count\":1000000}");
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_many(30);
    BH_RIG_UNTIL_MS(
        &rig, NAMED_MS,
        names("Jobs of queue sms fail: 30 of the 30 that ended within the last 15 min, "
              "and none was sent, most because the gateway says: the text is missing or "
              "invalid (code 305)."));
    expect_cause("jobs_fail");
    BH_RIG_UNTIL_MS(&rig, NAMED_MS, page_says("jobs_fail"));
    bh_rig_stop(&rig);
}
