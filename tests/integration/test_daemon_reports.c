/*
 * Delivery reports come home: the simulator's webhooks to a real daemon, and what they do to its jobs.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http_client.h"
#include "support/rig.h"

#define HTTP "listen = 127.0.0.1:0\nwebhook_token = t0ken-of-a-test\n"
#define HOOK "/webhook/t0ken-of-a-test"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

/* The key may not read the journal, so that nothing but a report can tell what became of a message. */
#define SIM                                                                                        \
    "[key sim-live-key]\nrights = sms,voice,balance,hooks\n[reports]\nplan = none\nvoice_plan = "  \
    "none\n"

#define HOLD                                                                                       \
    "[queue sms]\ntype = sms\non_uncertain = hold\n[queue other]\ntype = sms\non_uncertain = "     \
    "hold\n"

/* ---- shorthands ---- */

static int
call(int port, const char *method, const char *target, const char *headers, const char *body)
{
    struct bh_test_http got;
    bh_test_http_call(port, method, target, headers, body, &got);
    int status = got.status;
    bh_test_http_release(&got);
    return status;
}

static int
post(int port, const char *body)
{
    return call(port, "POST", HOOK, FORM, body);
}

/* A webhook as the gateway's customer makes it. */
static void
subscribe(struct bh_rig *rig, int port, const char *event, const char *method)
{
    const char *body = bh_rig_text(rig,
                                   "action=subscribe&event_type=%s&request_method=%s&target_url="
                                   "http%%3A%%2F%%2F127.0.0.1%%3A%d%%2Fwebhook%%2Ft0ken-of-a-test",
                                   event, method, port);
    struct bh_test_http got;
    bh_test_http_call(rig->sim_port, "POST", "/api/hooks", FORM "X-Api-Key: sim-live-key\r\n", body,
                      &got);
    cr_assert(got.status == 200 && strstr(got.body, "\"success\":true") != NULL, "%d %s",
              got.status, got.body);
    bh_test_http_release(&got);
}

/* A job whose message is taken, and whose answer is lost. */
static void
push_unlucky(struct bh_rig *rig, const char *queue, const char *id, const char *number)
{
    bh_rig_tell(
        rig, "fault",
        bh_rig_text(
            rig, "{\"kind\":\"drop\",\"at\":\"after\",\"match\":{\"text\":\"unlucky %s.\"}}", id));
    bh_rig_push(
        rig, queue,
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"%s\",\"text\":\"unlucky %s.\"}", id, number, id));
}

static void
expect(struct bh_rig *rig, const char *queue, const char *id, const char *name, const char *wanted)
{
    cr_expect_str_eq(bh_rig_field(rig, queue, id, name), wanted, "%s of %s: %s (%s)", name, id,
                     bh_rig_field(rig, queue, id, name), bh_rig_field(rig, queue, id, "error"));
}

static const char *
message_id(struct bh_rig *rig, const char *foreign_id)
{
    const char *record = bh_rig_message(rig, foreign_id);
    const char *found = strstr(record, "\"id\":");
    return bh_rig_text(rig, "%lld",
                       found != NULL ? strtoll(found + 5 + (found[5] == '"'), NULL, 10) : -1);
}

static void
expect_settled(struct bh_rig *rig, const char *queue, const char *id)
{
    bh_rig_wait_state(rig, queue, id, "sent");
    BH_RIG_UNTIL(rig, bh_rig_is(rig, queue, id, "delivery", "DELIVERED"));
    expect(rig, queue, id, "confirmed_by", "report");
    expect(rig, queue, id, "message_id", message_id(rig, id));
    expect(rig, queue, id, "attempts", "1");
    expect(rig, queue, id, "handle", "");
    expect(rig, queue, id, "error", "");
    cr_expect_eq(bh_rig_accepted(rig, id), 1, "%s", id);
    cr_expect_eq(bh_rig_unfinished(rig, queue), 0, "%s", id);
    cr_expect_eq(bh_rig_integer(rig, "ZCARD bellhop:{%s}:dead", queue), 0, "%s", id);
    cr_expect_eq(bh_rig_integer(rig, "HLEN bellhop:{%s}:jobs", queue), 0, "%s", id);
    cr_expect_eq(bh_rig_counter(rig, queue, "now:uncertain"), 0, "%s", id);
}

/* ---- settling ---- */

Test(daemon_reports, settle_a_job_that_ended_as_unknown, .timeout = 250)
{
    static const char *const methods[] = {"POST", "GET", "JSON"};
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM, .queues = HOLD};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        const char *id = bh_rig_text(&rig, "late-%s", methods[i]);
        const char *number = bh_rig_text(&rig, "49171999060%zu", i);
        bh_rig_tell(
            &rig, "plan",
            bh_rig_text(&rig, "{\"to\":\"%s\",\"plan\":\"ACCEPTED@1000,DELIVERED@1002\"}", number));
        subscribe(&rig, port, "dlr", methods[i]);
        push_unlucky(&rig, "sms", id, number);
        bh_rig_wait_state(&rig, "sms", id, "unknown");
        cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s", id);
        bh_rig_tell(&rig, "clock", "{\"advance_ms\":1100000}");
        expect_settled(&rig, "sms", id);
    }
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:unknown"), 3);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), 3);
    bh_rig_stop(&rig);
}

Test(daemon_reports, settle_a_job_before_it_is_sent_again, .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    subscribe(&rig, bh_rig_http_port(&rig), "all", "POST");
    bh_rig_tell(&rig, "plan", "{\"to\":\"491719990610\",\"plan\":\"DELIVERED@1000\"}");
    push_unlucky(&rig, "sms", "soon", "491719990610");
    bh_rig_wait_state(&rig, "sms", "soon", "retrying");
    expect(&rig, "sms", "soon", "reason", "uncertain");
    bh_rig_tell(&rig, "clock", "{\"advance_ms\":1100000}");
    expect_settled(&rig, "sms", "soon");
    expect(&rig, "sms", "soon", "next_at", "");
    bh_rig_stop(&rig);
}

Test(daemon_reports, that_come_before_our_own_answer_harm_nothing, .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP, .sim = SIM, .queues = HOLD, .gateway = "timeout = 6s\nconnect_timeout = 1s"};
    bh_rig_start(&rig, &options);
    subscribe(&rig, bh_rig_http_port(&rig), "dlr", "JSON");
    bh_rig_tell(&rig, "plan", "{\"to\":\"491719990620\",\"plan\":\"DELIVERED@0.05\"}");
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"delay\",\"at\":\"after\",\"ms\":4000,\"match\":{\"text\":\"slow.\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"slow\",\"to\":\"491719990620\",\"text\":\"slow.\"}");
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", "slow", "delivery", "DELIVERED"));
    expect(&rig, "sms", "slow", "state", "sending");
    bh_rig_wait_state(&rig, "sms", "slow", "sent");
    expect(&rig, "sms", "slow", "confirmed_by", "response");
    expect(&rig, "sms", "slow", "message_id", message_id(&rig, "slow"));
    expect(&rig, "sms", "slow", "delivery", "DELIVERED");

    /* The report was there first, and then the answer is lost: it is remembered. */
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"hang\",\"at\":\"after\",\"match\":{\"text\":\"never.\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"never\",\"to\":\"491719990620\",\"text\":\"never.\"}");
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", "never", "delivery", "DELIVERED"));
    expect(&rig, "sms", "never", "state", "sending");
    expect_settled(&rig, "sms", "never");
    bh_rig_stop(&rig);
}

Test(daemon_reports, keep_what_they_know_when_redis_goes_away_or_forgets_its_scripts,
     .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP, .sim = SIM, .queues = HOLD, .redis = "command_timeout = 500ms"};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    push_unlucky(&rig, "sms", "kept", "491719990630");
    bh_rig_wait_state(&rig, "sms", "kept", "unknown");
    const char *report =
        bh_rig_text(&rig, "webhook_event=dlr&msg_id=%s&foreign_id=kept&status=DELIVERED",
                    message_id(&rig, "kept"));

    freeReplyObject(bh_rig_command(&rig, "SCRIPT FLUSH"));
    cr_expect_eq(post(port, report), 200);
    expect_settled(&rig, "sms", "kept");
    push_unlucky(&rig, "sms", "again", "491719990631");
    bh_rig_wait_state(&rig, "sms", "again", "unknown");

    /* Frozen, Redis answers nothing until its connections are given up: the gateway is to come again. */
    report =
        bh_rig_text(&rig, "msg_id=%s&foreign_id=again&status=DELIVERED", message_id(&rig, "again"));
    bh_process_set_mark(&rig.daemons[0].process);
    kill(rig.redis.pid, SIGSTOP);
    cr_expect_eq(post(port, report), 500);
    cr_expect_eq(call(port, "GET", "/healthz", NULL, NULL), 200);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, " redis_down ", BH_RIG_WAIT_MS));
    cr_expect_eq(post(port, report), 500);
    kill(rig.redis.pid, SIGCONT);
    BH_RIG_UNTIL(&rig, post(port, report) == 200);
    expect_settled(&rig, "sms", "again");

    /* Read-only, as behind a fail-over: not taken until it may be written again. */
    push_unlucky(&rig, "sms", "demoted", "491719990632");
    bh_rig_wait_state(&rig, "sms", "demoted", "unknown");
    report = bh_rig_text(&rig, "msg_id=%s&foreign_id=demoted&status=DELIVERED",
                         message_id(&rig, "demoted"));
    bh_process_set_mark(&rig.daemons[0].process);
    freeReplyObject(bh_rig_command(&rig, "REPLICAOF 127.0.0.1 1"));
    cr_expect_eq(post(port, report), 500);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, " redis_", BH_RIG_WAIT_MS));
    freeReplyObject(bh_rig_command(&rig, "REPLICAOF NO ONE"));
    BH_RIG_UNTIL(&rig, post(port, report) == 200);
    expect_settled(&rig, "sms", "demoted");

    bh_process_set_mark(&rig.daemons[0].process);
    bh_redis_process_kill(&rig.redis);
    bh_rig_disconnect(&rig);
    BH_RIG_UNTIL(&rig, post(port, "msg_id=1&foreign_id=nobody&status=DELIVERED") == 500);
    cr_expect_eq(call(port, "GET", "/healthz", NULL, NULL), 200);
    bh_rig_start_redis(&rig);
    BH_RIG_UNTIL(&rig, post(port, "msg_id=1&foreign_id=nobody&status=DELIVERED") == 200);
    bh_rig_stop(&rig);
}

/* ---- what is not for us ---- */

Test(daemon_reports, that_are_forged_or_for_nobody_change_nothing, .timeout = 120)
{
    static const struct {
        const char *name, *method, *target, *headers, *body;
        int wanted;
    } rows[] = {
        {"an id that nobody has",                 "POST", HOOK,                                             FORM,
         "webhook_event=dlr&msg_id=1&foreign_id=nobody&status=DELIVERED",                                                                                          200},
        {"no id of ours",                         "POST", HOOK,                                             FORM, "webhook_event=dlr&msg_id=1&status=DELIVERED",   200},
        {"an id of another queue's keys",         "POST", HOOK,                                             FORM,
         "webhook_event=dlr&msg_id=1&foreign_id=%7Bsms%7D:counters&status=DELIVERED",                                                                              200},
        {"another message of a job that is sent", "POST", HOOK,                                             FORM,
         "webhook_event=dlr&msg_id=1&foreign_id=sent&status=FAILED",                                                                                               200},
        {"a job of two recipients",               "GET",  HOOK "?msg_id=1&foreign_id=two&status=DELIVERED", NULL,
         NULL,                                                                                                                                                     200},
        {"a job in two queues",                   "POST", HOOK,                                             FORM, "msg_id=1&foreign_id=both&status=DELIVERED",
         200                                                                                                                                                          },
        {"nothing",                               "POST", HOOK,                                             FORM, "",                                              200},
        {"an SMS to us",                          "POST", HOOK,                                             FORM, "webhook_event=sms_mo&data[id]=4&data[text]=hi", 200},
        {"not readable",                          "POST", HOOK,                                             FORM, "hello",                                         400},
        {"a wrong token",                         "POST", "/webhook/t0ken-of-a-tesT",                       FORM,
         "msg_id=1&foreign_id=unlucky&status=DELIVERED",                                                                                                           404},
        {"no token",                              "POST", "/webhook/",                                      FORM, "msg_id=1&foreign_id=unlucky&status=DELIVERED",
         404                                                                                                                                                          },
        {"metrics by another name",               "GET",  "/metrics/",                                      NULL, NULL,                                            404},
        {"the root",                              "GET",  "/",                                              NULL, NULL,                                            200},
        {"health",                                "GET",  "/healthz",                                       NULL, NULL,                                            200},
        {"another method",                        "PUT",  HOOK,                                             NULL, NULL,                                            405},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM, .queues = HOLD};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    bh_rig_push(&rig, "sms", "{\"id\":\"sent\",\"to\":\"491719990640\",\"text\":\"sent\"}");
    push_unlucky(&rig, "sms", "unlucky", "491719990641");
    push_unlucky(&rig, "sms", "two", "491719990642,491719990643");
    push_unlucky(&rig, "sms", "both", "491719990644");
    push_unlucky(&rig, "other", "both", "491719990645");
    bh_rig_wait_state(&rig, "sms", "sent", "sent");
    bh_rig_wait_state(&rig, "sms", "unlucky", "unknown");
    bh_rig_wait_state(&rig, "sms", "two", "unknown");
    bh_rig_wait_state(&rig, "sms", "both", "unknown");
    bh_rig_wait_state(&rig, "other", "both", "unknown");
    /* What the daemon itself leaves there, once. */
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "EXISTS bellhop:{@processes} bellhop:{sms}:minutes "
                                            "bellhop:{other}:minutes") == 3);
    long long keys = bh_rig_integer(&rig, "DBSIZE");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int got = call(port, rows[i].method, rows[i].target, rows[i].headers, rows[i].body);
        cr_expect_eq(got, rows[i].wanted, "%s: %d", rows[i].name, got);
    }
    /* What was taken before has been done when a later one has. */
    cr_expect_eq(post(port, bh_rig_text(&rig, "msg_id=%s&foreign_id=sent&status=BUFFERED",
                                        message_id(&rig, "sent"))),
                 200);
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", "sent", "delivery", "BUFFERED"));
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", "two", "reported_ids", "1"));
    expect(&rig, "sms", "unlucky", "state", "unknown");
    expect(&rig, "sms", "two", "state", "unknown");
    expect(&rig, "sms", "both", "state", "unknown");
    expect(&rig, "other", "both", "state", "unknown");
    /* Those that wait for their job with their letters and counters, and the inbox with what was seen of it. */
    cr_expect_eq(bh_rig_integer(&rig, "DBSIZE"), keys + 5);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{@reports}:waiting"), 2);
    cr_expect_eq(bh_rig_integer(&rig, "XLEN bellhop:{@inbox}:events"), 1);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, " webhook_token_wrong "), 1,
                 "told once");
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, " report_ambiguous "), 1);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, " report_other_message "), 1);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "t0ken"), 0, "the token is in the log");
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 20000), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process,
                                  " taken=8 not_taken=0 noted=2 settled=0 repeated=0 no_job=3 "
                                  "ambiguous=1 other_message=1 came_home=0 sms=1 "),
                 1);
    bh_rig_stop(&rig);
}

/* ---- many ---- */

#define MANY 120

Test(daemon_reports, that_are_shuffled_and_repeated_end_as_the_gateway_says, .timeout = 250)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP,
        .sim = "[reports]\nplan = realistic\nspeed = 200\n[hooks]\norder = shuffled\nrepeat = "
               "3\nempty_every = 7\n"};
    bh_rig_start(&rig, &options);
    subscribe(&rig, bh_rig_http_port(&rig), "dlr", "POST");
    for (int i = 0; i < MANY; i++)
        bh_rig_push(
            &rig, "sms",
            bh_rig_text(&rig, "{\"id\":\"many-%d\",\"to\":\"4917199907%02d\",\"text\":\"many %d\"}",
                        i, i % 100, i));
    for (int i = 0; i < MANY; i++)
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "many-%d", i), "sent");
    /* Those that never arrive are told when their ttl is over. */
    bh_rig_tell(&rig, "clock", "{\"advance_ms\":2000000}");
    for (int i = 0; i < MANY; i++) {
        const char *id = bh_rig_text(&rig, "many-%d", i);
        const char *record = bh_rig_message(&rig, id);
        BH_RIG_UNTIL(
            &rig, strstr(record, bh_rig_text(&rig, "\"status\":\"%s\"}",
                                             bh_rig_field(&rig, "sms", id, "delivery"))) != NULL);
        expect(&rig, "sms", id, "confirmed_by", "response");
        expect(&rig, "sms", id, "message_id", message_id(&rig, id));
        expect(&rig, "sms", id, "state", "sent");
    }
    bh_rig_stop(&rig);
}

/* ---- life ---- */

Test(daemon_reports, follow_a_reload_of_the_token, .timeout = 120)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.http = "listen = 127.0.0.1:0", .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    cr_expect_eq(post(port, ""), 404, "there is no token");
    options.http = HTTP;
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " reloaded ", BH_RIG_WAIT_MS));
    cr_expect_eq(post(port, ""), 200);
    BH_RIG_UNTIL(&rig, post(port, "msg_id=1&foreign_id=nobody&status=DELIVERED") == 200);
    options.http = "listen = 127.0.0.1:1\nwebhook_token = another-token-of-it";
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " reloaded ", BH_RIG_WAIT_MS));
    cr_expect_eq(post(port, ""), 404, "the old one holds no more");
    cr_expect_eq(call(port, "POST", "/webhook/another-token-of-it", FORM, ""), 200);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "key=\"[http] listen\""), 1,
                 "said to need a restart");
    options.http = "listen = 127.0.0.1:0\nwebhook_token =";
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " reloaded ", BH_RIG_WAIT_MS));
    cr_expect_eq(call(port, "POST", "/webhook/another-token-of-it", FORM, ""), 404);
    bh_rig_stop(&rig);
}

Test(daemon_reports, are_taken_until_the_last_request_has_ended, .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM, .queues = HOLD};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    push_unlucky(&rig, "sms", "early", "491719990650");
    bh_rig_wait_state(&rig, "sms", "early", "unknown");
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"delay\",\"at\":\"after\",\"ms\":3000,\"match\":{\"text\":\"last.\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"last\",\"to\":\"491719990651\",\"text\":\"last.\"}");
    BH_RIG_UNTIL(&rig, bh_rig_accepted(&rig, "last") == 1);
    bh_process_signal(&rig.daemons[0].process, SIGTERM);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " drain ", BH_RIG_WAIT_MS));
    cr_expect_eq(call(port, "GET", "/healthz", NULL, NULL), 200);
    cr_expect_eq(post(port, bh_rig_text(&rig, "msg_id=%s&foreign_id=early&status=DELIVERED",
                                        message_id(&rig, "early"))),
                 200);
    bh_rig_wait_state(&rig, "sms", "last", "sent");
    bh_rig_wait_state(&rig, "sms", "early", "sent");
    cr_assert(bh_process_wait(&rig.daemons[0].process, 20000));
    cr_expect_eq(rig.daemons[0].process.end, 0);
    cr_expect_eq(bh_test_http_connect(port, 1000), -1, "somebody still listens");
    bh_rig_stop(&rig);
}

Test(daemon_reports, do_without_an_endpoint_whose_address_is_taken, .timeout = 120)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig);
    options.http =
        bh_rig_text(&rig, "listen = 127.0.0.1:%d\nwebhook_token = t0ken-of-a-test", port);
    struct bh_daemon *second = bh_rig_start_daemon(&rig, &options, NULL);
    cr_assert(bh_process_wait_line(&second->process, "error http_down", BH_RIG_WAIT_MS));
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 20000), 0);
    bh_rig_push(&rig, "sms", "{\"id\":\"alone\",\"to\":\"491719990660\",\"text\":\"alone\"}");
    bh_rig_wait_state(&rig, "sms", "alone", "sent");
    /* The first one has gone, so the second one gets it at its next try. */
    cr_expect_eq(bh_rig_http_port_of(&rig, 1), port);
    cr_expect_eq(call(port, "GET", "/healthz", NULL, NULL), 200);
    cr_expect_eq(bh_process_count(&second->process, "http_down"), 1);
    bh_rig_stop(&rig);
}

Test(daemon_reports, stay_within_bounds_when_strangers_hold_on_to_connections, .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = bh_rig_http_port(&rig), fds[100];
    for (size_t i = 0; i < 100; i++)
        cr_assert_geq(fds[i] = bh_test_http_connect(port, 20000), 0);
    bh_rig_push(&rig, "sms", "{\"id\":\"among\",\"to\":\"491719990670\",\"text\":\"among\"}");
    bh_rig_wait_state(&rig, "sms", "among", "sent");
    for (size_t i = 0; i < 100; i++)
        close(fds[i]);
    cr_expect_eq(call(port, "GET", "/healthz", NULL, NULL), 200);
    bh_rig_stop(&rig);
}
