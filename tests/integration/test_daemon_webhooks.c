/*
 * Who may post a webhook to a real daemon, and what is kept of it: kills, signatures, addresses, crowds, and SMS to us.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/signing.h"
#include "support/http_client.h"
#include "support/rig.h"

#define TOKEN "webhook_token = t0ken-of-a-test\n"
#define HTTP  "listen = 127.0.0.1:0\n" TOKEN
#define HOOK  "/webhook/t0ken-of-a-test"
#define FORM  "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON  "Content-Type: application/json\r\n"
#define SIM   "[reports]\nplan = none\nvoice_plan = none\n"

#define WAITING "ZCARD bellhop:{@reports}:waiting"

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

/* Its connection for reports is up, by the name that it gives it. */
static bool
takes_reports(struct bh_rig *rig)
{
    redisReply *reply = bh_rig_command(rig, "CLIENT LIST");
    bool found = reply->str != NULL && strstr(reply->str, "/reports ") != NULL;
    freeReplyObject(reply);
    return found;
}

/* The port of the last start; returns when reports are taken. */
static int
port_of(struct bh_rig *rig, unsigned index)
{
    int port = bh_rig_http_port_of(rig, index);
    BH_RIG_UNTIL(rig, takes_reports(rig));
    return port;
}

static int
restart(struct bh_rig *rig)
{
    struct bh_daemon *daemon = &rig->daemons[0];
    bh_process_kill(&daemon->process);
    cr_assert(bh_process_wait(&daemon->process, BH_RIG_WAIT_MS));
    bh_rig_restart_daemon(rig, daemon);
    return port_of(rig, 0);
}

/* ---- kills ---- */

#define MANY 24

Test(daemon_webhooks, what_was_answered_200_survives_any_kill, .timeout = 250)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    for (int i = 0; i < MANY; i++)
        bh_rig_push(&rig, "sms",
                    bh_rig_text(&rig, "{\"id\":\"k%d\",\"to\":\"4917199908%02d\",\"text\":\"k%d\"}",
                                i, i, i));
    for (int i = 0; i < MANY; i++)
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "k%d", i), "sent");
    for (int i = 0; i < MANY; i++) {
        const char *id = bh_rig_text(&rig, "k%d", i);
        const char *body = bh_rig_text(&rig, "webhook_event=dlr&msg_id=%s&status=DELIVERED%s%s",
                                       bh_rig_field(&rig, "sms", id, "message_id"),
                                       i % 2 == 0 ? "&foreign_id=" : "", i % 2 == 0 ? id : "");
        /* As the gateway does: again until it is taken. */
        BH_RIG_UNTIL(&rig, post(port, body) == 200);
        if (i % 8 == 7)
            port = restart(&rig);
        cr_expect(bh_rig_is(&rig, "sms", id, "delivery", "DELIVERED"), "%s was lost", id);
    }
    bh_rig_stop(&rig);
}

Test(daemon_webhooks, a_report_that_comes_before_its_job_waits_in_redis, .timeout = 250)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(post(port, "webhook_event=dlr&foreign_id=late&status=DELIVERED"), 200);
    cr_expect_eq(post(port, "webhook_event=dlr&foreign_id=late&status=ACCEPTED"), 200);
    cr_expect_eq(post(port, "webhook_event=dlr&foreign_id=never&status=FAILED"), 200);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 3);
    port = restart(&rig);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 3);
    bh_rig_push(&rig, "sms", "{\"id\":\"late\",\"to\":\"491719990801\",\"text\":\"late\"}");
    bh_rig_wait_state(&rig, "sms", "late", "sent");
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", "late", "delivery", "DELIVERED"));
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, WAITING) == 1);
    cr_expect(bh_rig_is(&rig, "sms", "late", "state", "sent"));
    bh_rig_stop(&rig);
}

/* ---- a gateway with all its oddities, and a receiver that is killed ---- */

#define CROSSING 150

static void
cross(int era)
{
    static const char *const plans[] = {
        "ACCEPTED@0.1,TRANSMITTED@1,DELIVERED@2", "ACCEPTED@0.5,NOTDELIVERED@1.5",
        "BUFFERED@0.2,TRANSMITTED@2.5,EXPIRED@3", "DELIVERED@0.05", "FAILED@2"};
    const size_t plans_count = sizeof(plans) / sizeof(plans[0]);
    struct bh_rig rig;
    struct bh_rig_options options = {.http = HTTP};
    struct bh_test_http got;
    char sim[200];
    (void)snprintf(sim, sizeof(sim),
                   "[gateway]\nera = %d\n[hooks]\norder = shuffled\nrepeat = 2\nempty_every = 7\n",
                   era);
    options.sim = sim;
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 20000), 0);
    /* It comes back under the same address. */
    options.http = bh_rig_text(&rig, "listen = 127.0.0.1:%d\n" TOKEN, port);
    bh_daemon_configure(&rig.daemons[0], bh_rig_config(&rig, &options, 0));
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    cr_assert_eq(port_of(&rig, 0), port);
    bh_test_http_call(
        rig.sim_port, "POST", "/api/hooks", FORM "X-Api-Key: sim-live-key\r\n",
        bh_rig_text(&rig,
                    "action=subscribe&event_type=dlr&request_method=JSON&target_url=http%%3A%%2F%%"
                    "2F127.0.0.1%%3A%d%%2Fwebhook%%2Ft0ken-of-a-test",
                    port),
        &got);
    cr_assert_eq(got.status, 200);
    bh_test_http_release(&got);
    for (size_t i = 0; i < plans_count; i++)
        bh_rig_tell(&rig, "plan",
                    bh_rig_text(&rig, "{\"to\":\"49171999082%zu\",\"plan\":\"%s\"}", i, plans[i]));
    for (size_t i = 0; i < CROSSING; i++)
        bh_rig_push(
            &rig, "sms",
            bh_rig_text(&rig, "{\"id\":\"c%zu\",\"to\":\"49171999082%zu\",\"text\":\"c%zu\"}", i,
                        i % plans_count, i));
    for (size_t i = 0; i < CROSSING; i++)
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "c%zu", i), "sent");
    for (int i = 0; i < 3; i++)
        (void)restart(&rig);
    /* What was cut off or met nobody comes again by the hour, or sooner. */
    for (int hour = 0; hour < 3; hour++)
        bh_rig_tell(&rig, "clock", "{\"advance_ms\":3700000}");
    for (size_t i = 0; i < CROSSING; i++) {
        const char *id = bh_rig_text(&rig, "c%zu", i);
        const char *record = bh_rig_message(&rig, id);
        BH_RIG_UNTIL(
            &rig, strstr(record, bh_rig_text(&rig, "\"status\":\"%s\"}",
                                             bh_rig_field(&rig, "sms", id, "delivery"))) != NULL);
        cr_expect(bh_rig_is(&rig, "sms", id, "state", "sent"), "%s", id);
    }
    /* A record above may have been read before its last word was spoken. */
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCARD bellhop:{sms}:open") == 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "messages"), CROSSING);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "delivery:DELIVERED"), 2 * CROSSING / 5);
    bh_rig_stop(&rig);
}

Test(daemon_webhooks, of_the_older_gateway_end_as_its_journal_says, .timeout = 250)
{
    cross(2022);
}

Test(daemon_webhooks, of_the_newer_gateway_end_as_its_journal_says, .timeout = 250)
{
    cross(2024);
}

/* ---- signatures ---- */

#define KEY      "sim-signing-key"
#define URL_BASE "https://hooks.example"

/* Headers of a webhook that was signed now, plus `apart_s`. */
static const char *
signed_headers(struct bh_rig *rig, const char *key, const char *method, const char *url,
               const char *body, long apart_s, unsigned nonce)
{
    char signature[BH_SIGNATURE_BYTES];
    const char *text = bh_rig_text(rig, "%032u", nonce);
    const struct bh_signing_parts parts = {
        .timestamp_s = (int64_t)time(NULL) + apart_s,
        .nonce = bh_str_from(text),
        .method = bh_str_from(method),
        .url = bh_str_from(url),
        .body = bh_str_from(body),
    };
    cr_assert_eq(bh_signing_sign(bh_str_from(key), &parts, signature), BH_OK);
    return bh_rig_text(rig, "%sX-Timestamp: %lld\r\nX-Nonce: %s\r\nX-Signature: %s\r\n", FORM,
                       (long long)parts.timestamp_s, text, signature);
}

Test(daemon_webhooks, believe_only_what_is_signed_when_they_are_told_to, .timeout = 120)
{
    static const struct {
        const char *name, *key, *method, *url, *target, *signed_body, *body;
        long apart_s;
        int wanted;
    } rows[] = {
        {"the full URL",       KEY,     "POST", URL_BASE HOOK,                           HOOK,                           "msg_id=1&status=DELIVERED",
         "msg_id=1&status=DELIVERED",                                                                                                                          0,    200},
        {"the path",           KEY,     "POST", HOOK,                                    HOOK,                           "msg_id=1&status=DELIVERED",
         "msg_id=1&status=DELIVERED",                                                                                                                          0,    200},
        {"a GET",              KEY,     "GET",  URL_BASE HOOK "?msg_id=1&status=FAILED",
         HOOK "?msg_id=1&status=FAILED",                                                                                 "",                          NULL,    0,    200},
        {"another query",      KEY,     "GET",  URL_BASE HOOK "?msg_id=1&status=FAILED",
         HOOK "?msg_id=2&status=FAILED",                                                                                 "",                          NULL,    0,    403},
        {"without its query",  KEY,     "GET",  URL_BASE HOOK,                           HOOK "?msg_id=2&status=FAILED", "",                          NULL,
         0,                                                                                                                                                          403},
        {"another body",       KEY,     "POST", URL_BASE HOOK,                           HOOK,                           "msg_id=1&status=DELIVERED",
         "msg_id=2&status=DELIVERED",                                                                                                                          0,    403},
        {"another key",        "guess", "POST", URL_BASE HOOK,                           HOOK,                           "msg_id=2&status=DELIVERED",
         "msg_id=2&status=DELIVERED",                                                                                                                          0,    403},
        {"another host",       KEY,     "POST", "https://e.example" HOOK,                HOOK,                           "msg_id=2&status=DELIVERED",
         "msg_id=2&status=DELIVERED",                                                                                                                          0,    403},
        {"long ago",           KEY,     "POST", URL_BASE HOOK,                           HOOK,                           "msg_id=2&status=DELIVERED",
         "msg_id=2&status=DELIVERED",                                                                                                                          -400, 403},
        {"ahead of its time",  KEY,     "POST", URL_BASE HOOK,                           HOOK,                           "msg_id=2&status=DELIVERED",
         "msg_id=2&status=DELIVERED",                                                                                                                          400,  403},
        {"a wrong token",      KEY,     "POST", URL_BASE HOOK,                           "/webhook/guess",               "msg_id=2&status=DELIVERED",
         "msg_id=2&status=DELIVERED",                                                                                                                          0,    404},
        {"nothing",            "guess", "POST", URL_BASE HOOK,                           HOOK,                           "",                          "",      0,    200},
        {"nonsense",           KEY,     "POST", URL_BASE HOOK,                           HOOK,                           "hello",                     "hello", 0,    400},
        {"nonsense, unsigned", "guess", "POST", URL_BASE HOOK,                           HOOK,                           "hello",                     "hello", 0,    403},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP "webhook_signed = yes\nwebhook_url = " URL_BASE HOOK,
        .gateway = "signing_key = " KEY,
        .sim = SIM,
    };
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *headers = signed_headers(&rig, rows[i].key, rows[i].method, rows[i].url,
                                             rows[i].signed_body, rows[i].apart_s, i);
        int got = call(port, rows[i].method, rows[i].target, headers, rows[i].body);
        cr_expect_eq(got, rows[i].wanted, "%s: %d", rows[i].name, got);
    }
    cr_expect_eq(post(port, "msg_id=2&status=DELIVERED"), 403, "not signed at all");
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 2, "DELIVERED and FAILED of message 1");

    /* Once more, byte for byte: it was here. */
    const char *body = "msg_id=3&status=DELIVERED";
    const char *headers = signed_headers(&rig, KEY, "POST", URL_BASE HOOK, body, 0, 100);
    cr_expect_eq(call(port, "POST", HOOK, headers, body), 200);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 3);
    cr_expect_eq(bh_rig_integer(&rig, "DEL bellhop:{@reports}:waiting"), 1);
    cr_expect_eq(call(port, "POST", HOOK, headers, body), 200);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, " webhook_signature_wrong "), 1,
                 "told once");
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, KEY), 0, "the key is in the log");
    bh_rig_stop(&rig);
}

/* What was not taken may come again as it was signed, with the same nonce. */
Test(daemon_webhooks, forget_the_nonce_of_what_they_could_not_take, .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP "webhook_signed = yes\nwebhook_url = " URL_BASE "/",
        .gateway = "signing_key = " KEY,
        .redis = "command_timeout = 500ms",
        .sim = SIM,
    };
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    const char *body = "msg_id=3&status=DELIVERED";
    const char *headers = signed_headers(&rig, KEY, "POST", URL_BASE HOOK, body, 0, 1);
    BH_RIG_UNTIL(&rig, post(port, "") == 200);
    bh_redis_process_kill(&rig.redis);
    bh_rig_disconnect(&rig);
    cr_expect_eq(call(port, "POST", HOOK, headers, body), 500);
    bh_rig_start_redis(&rig);
    BH_RIG_UNTIL(&rig, call(port, "POST", HOOK, headers, body) == 200);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 1);
    bh_rig_stop(&rig);
}

Test(daemon_webhooks, understand_how_the_simulator_signs, .timeout = 120)
{
    static const char *const methods[] = {"POST", "GET", "JSON"};
    struct bh_rig rig;
    struct bh_rig_options options = {.http = HTTP, .sim = SIM, .gateway = "signing_key = " KEY};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    const char *url = bh_rig_text(&rig, "http://127.0.0.1:%d" HOOK, port);
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 20000), 0);
    options.http = bh_rig_text(
        &rig, "listen = 127.0.0.1:%d\n" TOKEN "webhook_signed = yes\nwebhook_url = %s", port, url);
    bh_rig_start_daemon(&rig, &options, NULL);
    cr_assert_eq(port_of(&rig, 1), port);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        const char *id = bh_rig_text(&rig, "signed-%s", methods[i]);
        const char *number = bh_rig_text(&rig, "49171999081%zu", i);
        struct bh_test_http got;
        bh_rig_tell(&rig, "plan",
                    bh_rig_text(&rig, "{\"to\":\"%s\",\"plan\":\"DELIVERED@0.1\"}", number));
        bh_test_http_call(rig.sim_port, "POST", "/api/hooks", FORM "X-Api-Key: sim-live-key\r\n",
                          bh_rig_text(&rig,
                                      "action=subscribe&event_type=dlr&request_method=%s&target_url"
                                      "=http%%3A%%2F%%2F127.0.0.1%%3A%d%%2Fwebhook%%2Ft0ken-of-a-"
                                      "test",
                                      methods[i], port),
                          &got);
        cr_assert_eq(got.status, 200);
        bh_test_http_release(&got);
        bh_rig_push(
            &rig, "sms",
            bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"%s\",\"text\":\"%s\"}", id, number, id));
        BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", id, "delivery", "DELIVERED"));
    }
    cr_expect_eq(bh_process_count(&rig.daemons[1].process, " webhook_signature_wrong "), 0);
    bh_rig_stop(&rig);
}

/* ---- addresses ---- */

Test(daemon_webhooks, come_from_where_they_may, .timeout = 120)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.http = HTTP "webhook_from = 192.0.2.0/24, 2001:db8::/32",
                                     .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    cr_expect_eq(post(port, ""), 404);
    cr_expect_eq(post(port, "msg_id=1&status=DELIVERED"), 404);
    cr_expect_eq(call(port, "GET", "/healthz", NULL, NULL), 200);
    cr_expect_eq(call(port, "GET", "/webhook", NULL, NULL), 404);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, " webhook_address_wrong "), 1);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "address=127.0.0.1"), 1);
    options.http = HTTP "webhook_from = 192.0.2.0/24,127.0.0.0/8";
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " reloaded ", BH_RIG_WAIT_MS));
    cr_expect_eq(post(port, ""), 200);
    BH_RIG_UNTIL(&rig, post(port, "msg_id=1&status=DELIVERED") == 200);
    options.http = HTTP "webhook_from = 127.0.0.1/8";
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "webhook_from", BH_RIG_WAIT_MS));
    cr_expect_eq(post(port, ""), 200, "the old list holds");
    bh_rig_stop(&rig);
}

/* ---- SMS to us, and other events ---- */

Test(daemon_webhooks, put_an_sms_to_us_into_the_inbox_and_not_into_the_log, .timeout = 120)
{
    static const struct {
        const char *name, *method, *target, *headers, *body;
    } rows[] = {
        {"JSON",                 "POST", HOOK,                                      JSON,
         "{\"data\":{\"id\":\"681590\",\"sender\":\"491771783130\",\"system\":\"491771783131\","
         "\"text\":\"Geheimnis\","
         "\"time\":\"1605878104\",\"message_type\":\"SMS\"},\"webhook_event\":\"sms_mo\",\"webhook_"
         "timestamp\":\"2020-12-02 11:55:44\"}"                                                                                       },
        {"the same by a form",   "POST", HOOK,                                      FORM,
         "webhook_event=sms_mo&data%5Bid%5D=681590&data%5Bsender%5D=491771783130&data%5Btext%5D="
         "Geheimnis"                                                                                                                  },
        {"the same by GET",      "GET",
         HOOK "?webhook_event=sms_mo&id=681590&sender=491771783130&text=Geheimnis", NULL, NULL                                        },
        {"another one",          "POST", HOOK,                                      FORM,
         "webhook_event=sms_mo&id=681591&sender=491771783130&text=Geheimnis+2"                                                        },
        {"a call to us",         "POST", HOOK,                                      FORM,
         "webhook_event=voice_call&id=1&caller=491771783130&system=49&time=1605878104"                                                },
        {"a key",                "POST", HOOK,                                      FORM, "webhook_event=voice_dtmf&id=1&dtmf_digit=7"},
        {"a click",              "POST", HOOK,                                      FORM, "webhook_event=tracking&type=click&sms_id=1"},
        {"an event of tomorrow", "POST", HOOK,                                      FORM, "webhook_event=fax_mo&id=1"                 },
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM, .log = "level = debug"};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(call(port, rows[i].method, rows[i].target, rows[i].headers, rows[i].body), 200,
                     "%s", rows[i].name);
    redisReply *reply = bh_rig_command(&rig, "XRANGE bellhop:{@inbox}:events - +");
    cr_assert_eq(reply->elements, 2, "%zu", reply->elements);
    const redisReply *fields = reply->element[0]->element[1];
    cr_assert_eq(fields->elements, 14);
    cr_expect_str_eq(fields->element[3]->str, "681590");
    cr_expect_str_eq(fields->element[5]->str, "491771783130");
    cr_expect_str_eq(fields->element[7]->str, "491771783131");
    cr_expect_str_eq(fields->element[13]->str, "Geheimnis");
    freeReplyObject(reply);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 0);
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 20000), 0);
    cr_expect_geq(bh_process_count(&rig.daemons[0].process, " inbox "), 4);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "Geheimnis"), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "491771783130"), 0);
    bh_rig_stop(&rig);
}

/* ---- crowds ---- */

#define CROWD  100
#define ROUNDS 10

Test(daemon_webhooks, take_a_thousand_at_once_and_each_of_them_once, .timeout = 250)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0), fds[CROWD];
    for (int i = 0; i < CROWD; i++)
        cr_assert_geq(fds[i] = bh_test_http_connect(port, 20000), 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CROWD; i++) {
            /* Two in three are repetitions. */
            const char *body =
                bh_rig_text(&rig, "msg_id=%d&status=DELIVERED", 1 + (round * CROWD + i) / 3);
            const char *text = bh_rig_text(
                &rig, "POST " HOOK " HTTP/1.1\r\nHost: x\r\n" FORM "Content-Length: %zu\r\n\r\n%s",
                strlen(body), body);
            cr_assert(bh_test_http_send(fds[i], text, strlen(text)));
        }
        for (int i = 0; i < CROWD; i++) {
            struct bh_test_http got;
            bh_test_http_read(fds[i], &got);
            cr_expect_eq(got.status, 200, "round %d, %d: %d", round, i, got.status);
            bh_test_http_release(&got);
        }
    }
    for (int i = 0; i < CROWD; i++)
        close(fds[i]);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), (CROWD * ROUNDS + 2) / 3);
    bh_rig_stop(&rig);
}

Test(daemon_webhooks, give_no_ground_to_hostile_requests, .timeout = 120)
{
    static const struct {
        const char *name, *text;
        int wanted; /* 0: closed or cut without an answer is fine, too */
    } rows[] = {
        {"two lengths",
         "POST " HOOK
         " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello",                     400},
        {"a length and a coding",
         "POST " HOOK
         " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",         400},
        {"a length behind a blank",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",                             400},
        {"a negative length",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",                             400},
        {"a body of a GET",           "GET " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
         400                                                                                                    },
        {"too long a body",           "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Length: 262145\r\n\r\n",
         413                                                                                                    },
        {"a body of another type",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
         "boundary=x\r\nContent-Length: 25\r\n\r\nmsg_id=1&status=DELIVERED",                                400},
        {"XML",
         "POST " HOOK
         " HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>",                  400},
        {"half a JSON",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
         "9\r\n\r\n{\"msg_id\"",                                                                             400},
        {"deep JSON",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
         "80\r\n\r\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
         "[[[[[[[[[[[[[[",                                                                                   400},
        {"an id with a line feed",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\n" FORM
         "Content-Length: 21\r\n\r\nmsg_id=1%0A2&status=X",                                                  400},
        {"an id of braces",
         "POST " HOOK " HTTP/1.1\r\nHost: x\r\n" FORM
         "Content-Length: 35\r\n\r\nforeign_id=%7Bother%7D:status&msg_id",                                   400},
        {"a method that is none",     "P0ST " HOOK " HTTP/1.1\r\nHost: x\r\n\r\n",                           405},
        {"the token in another case",
         "POST /webhook/T0ken-of-a-test HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",                   404},
        {"a path above",
         "POST /webhook/../webhook/t0ken-of-a-test HTTP/1.1\r\nHost: x\r\nContent-Length: "
         "0\r\n\r\n",                                                                                        404},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_test_http got;
        int fd = bh_test_http_connect(port, 20000);
        cr_assert_geq(fd, 0);
        cr_expect(bh_test_http_send(fd, rows[i].text, strlen(rows[i].text)), "%s", rows[i].name);
        bh_test_http_read(fd, &got);
        cr_expect_eq(got.status, rows[i].wanted, "%s: %d", rows[i].name, got.status);
        bh_test_http_release(&got);
        close(fd);
    }
    /* A slow one keeps nobody else waiting. */
    int slow = bh_test_http_connect(port, 20000);
    cr_expect(bh_test_http_send(
        slow, "POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nmsg",
        strlen("POST " HOOK " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nmsg")));
    cr_expect_eq(post(port, ""), 200);
    close(slow);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 0);
    bh_rig_stop(&rig);
}

/* ---- a slow Redis, and what is measured ---- */

Test(daemon_webhooks, are_asked_to_come_again_before_the_gateway_gives_up_waiting, .timeout = 120)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .http = HTTP, .sim = SIM, .redis = "command_timeout = 20s"};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    kill(rig.redis.pid, SIGSTOP);
    cr_expect_eq(post(port, "msg_id=1&status=DELIVERED"), 500,
                 "503 and 504 would be the end of it");
    kill(rig.redis.pid, SIGCONT);
    /* What was on its way is brought home all the same. */
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, WAITING) == 1);
    cr_expect_eq(post(port, "msg_id=1&status=DELIVERED"), 200);
    cr_expect_eq(bh_rig_integer(&rig, WAITING), 1);
    bh_rig_stop(&rig);
}

/* The value of a sample; -1: it is not there. */
static double
measure(struct bh_rig *rig, int port, const char *sample)
{
    struct bh_test_http got;
    bh_test_http_call(port, "GET", "/metrics", NULL, NULL, &got);
    const char *line = bh_rig_text(rig, "\n%s ", sample);
    const char *at = strstr(got.body, line);
    double value = at != NULL ? strtod(at + strlen(line), NULL) : -1;
    bh_test_http_release(&got);
    return value;
}

Test(daemon_webhooks, show_in_the_metrics_how_messages_arrive, .timeout = 120)
{
    static const struct {
        const char *sample;
        double wanted;
    } rows[] = {
        {"bellhop_reports_total{queue=\"sms\",status=\"DELIVERED\"}", 1},
        {"bellhop_reports_total{queue=\"sms\",status=\"FAILED\"}",    1},
        {"bellhop_reports_total{queue=\"sms\",status=\"none\"}",      0},
        {"bellhop_delivery_seconds_count{queue=\"sms\"}",             1},
        {"bellhop_delivery_seconds_bucket{queue=\"sms\",le=\"60\"}",  1},
        {"bellhop_open_messages{queue=\"sms\",longer_than=\"0\"}",    1},
        {"bellhop_open_messages{queue=\"sms\",longer_than=\"60\"}",   0},
        {"bellhop_report_silence_seconds{queue=\"sms\"}",             0},
        {"bellhop_reports_waiting",                                   1},
        {"bellhop_reports_kept_total{why=\"unknown\"}",               1},
        {"bellhop_webhook_requests_total{result=\"taken\"}",          4},
        {"bellhop_webhook_requests_total{result=\"unreadable\"}",     1},
        {"bellhop_webhook_requests_total{result=\"wrong_token\"}",    1},
        {"bellhop_webhook_events_total{event=\"dlr\"}",               3},
        {"bellhop_webhook_events_total{event=\"tracking\"}",          1},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.http = HTTP, .sim = SIM};
    bh_rig_start(&rig, &options);
    int port = port_of(&rig, 0);
    for (int i = 0; i < 3; i++) {
        bh_rig_push(&rig, "sms",
                    bh_rig_text(&rig, "{\"id\":\"m%d\",\"to\":\"49171999083%d\",\"text\":\"m%d\"}",
                                i, i, i));
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "m%d", i), "sent");
    }
    for (int i = 0; i < 2; i++)
        cr_expect_eq(post(port, bh_rig_text(&rig, "msg_id=%s&status=%s",
                                            bh_rig_field(&rig, "sms", bh_rig_text(&rig, "m%d", i),
                                                         "message_id"),
                                            i == 0 ? "DELIVERED" : "FAILED")),
                     200);
    cr_expect_eq(post(port, "msg_id=1&status=DELIVERED"), 200);
    cr_expect_eq(post(port, "webhook_event=tracking&sms_id=1"), 200);
    cr_expect_eq(post(port, "hello"), 400);
    cr_expect_eq(call(port, "POST", "/webhook/x", FORM, ""), 404);
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_messages_total{queue=\"sms\"}") == 3 &&
                           measure(&rig, port, "bellhop_reports_waiting") == 1 &&
                           measure(&rig, port, rows[1].sample) == 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double got = measure(&rig, port, rows[i].sample);
        cr_expect(got == rows[i].wanted, "%s %f", rows[i].sample, got);
    }
    /* One goes out after the last report. */
    bh_rig_push(&rig, "sms", "{\"id\":\"m4\",\"to\":\"491719990834\",\"text\":\"m4\"}");
    BH_RIG_UNTIL(&rig, measure(&rig, port, "bellhop_report_silence_seconds{queue=\"sms\"}") > 0);
    bh_rig_stop(&rig);
}
