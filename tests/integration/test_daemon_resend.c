/*
 * Sending again by a delivery report's word: a real daemon, a real Redis, the simulated gateway, and reports that come
 * from it or by hand.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"
#include "support/http_client.h"
#include "support/rig.h"
#include "support/rig_jobs.h"

#define HTTP "listen = 127.0.0.1:0\nwebhook_token = t0ken-of-a-test\n"
#define HOOK "/webhook/t0ken-of-a-test"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define SIM  "[reports]\nplan = none\nvoice_plan = none\n[lock]\nseconds = 2\n"

/* Our own lock has a margin of ten seconds: the jobs that do not test it ask the gateway for none. */
#define GATEWAY "reload_lock = 2s\n"

#define QUEUES                                                                                     \
    "[queue sms]\ntype = sms\nresend_on_report = yes\nretry = 1s, 2s\n"                            \
    "[queue slow]\ntype = sms\nresend_on_report = yes\nretry = 1h\n"                               \
    "[queue chain]\ntype = sms\nresend_on_report = yes\nretry = 1s, 1h\n"                          \
    "[queue off]\ntype = sms\n"                                                                    \
    "[queue voice]\ntype = voice\nredial = 2\nredial_after = 2s\n"

static const struct bh_rig_options all_options = {
    .http = HTTP, .sim = SIM, .gateway = GATEWAY, .queues = QUEUES};

/* ---- shorthands ---- */

static int
post_to(int port, const char *body)
{
    struct bh_test_http got;
    bh_test_http_call(port, "POST", HOOK, FORM, body, &got);
    int status = got.status;
    bh_test_http_release(&got);
    return status;
}

static int
post(struct bh_rig *rig, const char *body)
{
    return post_to(bh_rig_http_port(rig), body);
}

static const char *
sms_report(struct bh_rig *rig, const char *queue, const char *id, const char *word)
{
    return bh_rig_text(rig, "webhook_event=dlr&msg_id=%s&status=%s",
                       bh_rig_field(rig, queue, id, "message_id"), word);
}

static const char *
call_report(struct bh_rig *rig, const char *id, const char *word)
{
    return bh_rig_text(rig, "webhook_event=voice_status&id=%s&status=%s",
                       bh_rig_field(rig, "voice", id, "message_id"), word);
}

static void
push_sms(struct bh_rig *rig, const char *queue, const char *id, const char *more)
{
    static int number = 10;
    bh_rig_push(rig, queue,
                bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"4917199911%d\",\"text\":\"about %s\"%s}",
                            id, number++, id, more));
}

#define UNLOCKED ",\"no_reload\":true"

static void
expect(struct bh_rig *rig, const char *queue, const char *id, const char *name, const char *wanted)
{
    const char *got = bh_rig_field(rig, queue, id, name);
    cr_expect_str_eq(got, wanted, "%s of %s: %s", name, id, got);
}

static bool
has_said(struct bh_rig *rig, const char *event, const char *id, unsigned times)
{
    return bh_process_count(&rig->daemons[0].process, bh_rig_text(rig, " %s id=%s ", event, id)) ==
           times;
}

/* The job that was pushed in place of `id`, when it has been sent. */
static const char *
wait_for_next(struct bh_rig *rig, const char *queue, const char *id)
{
    BH_RIG_UNTIL(rig, bh_rig_field(rig, queue, id, "resent_as")[0] != '\0');
    const char *next = bh_rig_field(rig, queue, id, "resent_as");
    bh_rig_wait_state(rig, queue, next, "sent");
    expect(rig, queue, next, "resend_of", id);
    expect(rig, queue, id, "state", "sent");
    return next;
}

/* With all connections that a report needs. */
static void
start(struct bh_rig *rig, const struct bh_rig_options *options)
{
    bh_rig_start(rig, options);
    BH_RIG_UNTIL(rig, post(rig, "msg_id=1&foreign_id=nobody&status=DELIVERED") == 200);
}

/* ---- SMS ---- */

Test(daemon_resend, sends_an_sms_again_once_for_each_message_that_failed, .timeout = 120)
{
    static const char *const words[] = {"FAILED", "EXPIRED"};
    struct bh_rig rig;
    start(&rig, &all_options);
    for (size_t i = 0; i < 2; i++) {
        const char *id = words[i];
        push_sms(&rig, "sms", id, UNLOCKED ",\"label\":\"l\",\"meta\":{\"a\":1}");
        bh_rig_wait_state(&rig, "sms", id, "sent");
        const char *report = sms_report(&rig, "sms", id, words[i]);
        for (int times = 0; times < 3; times++)
            cr_expect_eq(post(&rig, report), 200);
        const char *next = wait_for_next(&rig, "sms", id);
        expect(&rig, "sms", id, "delivery", words[i]);
        expect(&rig, "sms", next, "resend_number", "1");
        expect(&rig, "sms", next, "label", "l");
        expect(&rig, "sms", next, "meta", "{\"a\":1}");
        expect(&rig, "sms", next, "confirmed_by", "response");
        cr_expect_str_neq(bh_rig_field(&rig, "sms", next, "message_id"),
                          bh_rig_field(&rig, "sms", id, "message_id"));
        cr_expect_eq(bh_rig_accepted(&rig, id), 1);
        cr_expect_eq(bh_rig_accepted(&rig, next), 1);

        /* The chain goes on, and ends with the schedule: two delays, two more messages. */
        cr_expect_eq(post(&rig, sms_report(&rig, "sms", next, "FAILED")), 200);
        const char *last = wait_for_next(&rig, "sms", next);
        expect(&rig, "sms", last, "resend_number", "2");
        cr_expect_eq(post(&rig, sms_report(&rig, "sms", last, "FAILED")), 200);
        BH_RIG_UNTIL(&rig, has_said(&rig, "not_resent", last, 1));
        expect(&rig, "sms", last, "resent_as", "");
        /* What comes late about the first one changes nothing. */
        cr_expect_eq(post(&rig, report), 200);
        cr_expect_eq(post(&rig, sms_report(&rig, "sms", last, "EXPIRED")), 200);
    }
    cr_expect_eq(bh_rig_counter(&rig, "sms", "resent"), 4);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 6);
    cr_expect_eq(bh_rig_unfinished(&rig, "sms"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "EXISTS bellhop:{sms}:kept:FAILED"), 0);
    bh_rig_stop(&rig);
}

/* The simulated gateway's own webhooks, which come shuffled and repeated, and its lock. */
Test(daemon_resend, waits_for_the_lock_of_the_first_message, .timeout = 120)
{
    struct bh_rig rig;
    struct bh_rig_options options = all_options;
    options.sim = SIM "[hooks]\norder = shuffled\nrepeat = 3\n";
    start(&rig, &options);
    struct bh_test_http got;
    const char *body = bh_rig_text(&rig,
                                   "action=subscribe&event_type=dlr&target_url=http%%3A%%2F%%2F127."
                                   "0.0.1%%3A%d%%2Fwebhook%%2Ft0ken-of-a-test",
                                   bh_rig_http_port(&rig));
    bh_test_http_call(rig.sim_port, "POST", "/api/hooks", FORM "X-Api-Key: sim-live-key\r\n", body,
                      &got);
    cr_assert_eq(got.status, 200);
    bh_test_http_release(&got);
    bh_rig_tell(&rig, "plan", "{\"to\":\"491719991201\",\"plan\":\"ACCEPTED@0.1,FAILED@0.3\"}");
    bh_rig_push(&rig, "sms", "{\"id\":\"locked\",\"to\":\"491719991201\",\"text\":\"x\"}");
    BH_RIG_UNTIL(&rig, bh_rig_field(&rig, "sms", "locked", "resent_as")[0] != '\0');
    bh_rig_tell(&rig, "plan", "{\"to\":\"491719991201\",\"plan\":\"DELIVERED@0.1\"}");
    const char *next = wait_for_next(&rig, "sms", "locked");
    expect(&rig, "sms", next, "attempts", "1");
    expect(&rig, "sms", next, "confirmed_by", "response");
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", next, "delivery", "DELIVERED"));
    expect(&rig, "sms", "locked", "delivery", "FAILED");
    long long apart = bh_rig_number(&rig, "sms", next, "updated_at") -
                      bh_rig_number(&rig, "sms", "locked", "updated_at");
    cr_expect_geq(apart, 12000, "%lld ms", apart);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "code:402"), 0);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 2);
    bh_rig_stop(&rig);
}

Test(daemon_resend, sends_nothing_again_that_it_must_not, .timeout = 120)
{
    static const struct {
        const char *id, *queue, *more, *word;
        unsigned said; /* in the log */
    } rows[] = {
        {"old",          "sms",  UNLOCKED ",\"ttl\":1",  "FAILED",       1},
        {"turned-off",   "off",  UNLOCKED,               "FAILED",       0},
        {"refused",      "sms",  UNLOCKED,               "REJECTED",     0},
        {"switched-off", "sms",  UNLOCKED,               "NOTDELIVERED", 0},
        {"arrived",      "sms",  UNLOCKED,               "DELIVERED",    0},
        {"on-its-way",   "sms",  UNLOCKED,               "BUFFERED",     0},
        {"no-schedule",  "slow", UNLOCKED ",\"ttl\":60", "FAILED",       1},
    };
    struct bh_rig rig;
    start(&rig, &all_options);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        push_sms(&rig, rows[i].queue, rows[i].id, rows[i].more);
    bh_rig_push(&rig, "sms",
                "{\"id\":\"two\",\"to\":\"491719991301,491719991302\",\"text\":\"x\"" UNLOCKED "}");
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bh_rig_wait_state(&rig, rows[i].queue, rows[i].id, "sent");
        const char *report = sms_report(&rig, rows[i].queue, rows[i].id, rows[i].word);
        cr_expect_eq(post(&rig, report), 200);
        cr_expect_eq(post(&rig, report), 200);
        BH_RIG_UNTIL(&rig, bh_rig_is(&rig, rows[i].queue, rows[i].id, "delivery", rows[i].word));
        BH_RIG_UNTIL(&rig, has_said(&rig, "not_resent", rows[i].id, rows[i].said));
    }
    /* Of several one has failed, and the other would get it twice. */
    bh_rig_wait_state(&rig, "sms", "two", "sent");
    const char *ids = bh_rig_field(&rig, "sms", "two", "message_id");
    cr_expect_eq(post(&rig, bh_rig_text(&rig, "webhook_event=dlr&msg_id=%.*s&status=FAILED",
                                        (int)strcspn(ids, ","), ids)),
                 200);
    cr_expect_eq(bh_rig_integer(&rig, "EXISTS bellhop:{sms}:kept:two"), 0);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        expect(&rig, rows[i].queue, rows[i].id, "resent_as", "");
        cr_expect(has_said(&rig, "not_resent", rows[i].id, rows[i].said), "%s", rows[i].id);
    }
    cr_expect_eq(bh_rig_counter(&rig, "sms", "resent"), 0);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), (long long)BH_ARRAY_LEN(rows) + 2);
    bh_rig_stop(&rig);
}

/* Words contradict each other at times; the last good one stops what an earlier bad one has begun. */
Test(daemon_resend, is_called_back_when_the_message_has_arrived_after_all, .timeout = 120)
{
    struct bh_rig rig;
    start(&rig, &all_options);
    push_sms(&rig, "slow", "slow", UNLOCKED);
    push_sms(&rig, "sms", "quick", UNLOCKED);
    bh_rig_wait_state(&rig, "slow", "slow", "sent");
    bh_rig_wait_state(&rig, "sms", "quick", "sent");
    cr_expect_eq(post(&rig, sms_report(&rig, "slow", "slow", "FAILED")), 200);
    BH_RIG_UNTIL(&rig, bh_rig_field(&rig, "slow", "slow", "resent_as")[0] != '\0');
    const char *next = bh_rig_field(&rig, "slow", "slow", "resent_as");
    bh_rig_wait_state(&rig, "slow", next, "scheduled");
    cr_expect_eq(post(&rig, sms_report(&rig, "slow", "slow", "DELIVERED")), 200);
    BH_RIG_UNTIL(&rig, has_said(&rig, "resend_recalled", "slow", 1));
    cr_expect_eq(post(&rig, sms_report(&rig, "slow", "slow", "DELIVERED")), 200);
    expect(&rig, "slow", "slow", "delivery", "DELIVERED");
    cr_expect_eq(
        bh_rig_integer(&rig, "EXISTS %s", bh_rig_text(&rig, "bellhop:{slow}:cancel:%s", next)), 1);

    cr_expect_eq(post(&rig, sms_report(&rig, "sms", "quick", "FAILED")), 200);
    wait_for_next(&rig, "sms", "quick");
    cr_expect_eq(post(&rig, sms_report(&rig, "sms", "quick", "DELIVERED")), 200);
    BH_RIG_UNTIL(&rig, has_said(&rig, "resend_too_late", "quick", 1));
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 3);
    bh_rig_stop(&rig);
}

/* What was sent in its place fails, too, before or after it is known that the first has arrived. */
Test(daemon_resend, sends_no_third_message_when_the_first_has_arrived, .timeout = 120)
{
    static const char *const ids[] = {"before", "after", "meanwhile"};
    const char *next[3];
    struct bh_rig rig;
    start(&rig, &all_options);
    for (size_t i = 0; i < 3; i++) {
        push_sms(&rig, "chain", ids[i], UNLOCKED);
        bh_rig_wait_state(&rig, "chain", ids[i], "sent");
        cr_expect_eq(post(&rig, sms_report(&rig, "chain", ids[i], "FAILED")), 200);
        next[i] = wait_for_next(&rig, "chain", ids[i]);
    }
    /* The third one waits for an hour when the good word comes. */
    cr_expect_eq(post(&rig, sms_report(&rig, "chain", next[0], "FAILED")), 200);
    BH_RIG_UNTIL(&rig, bh_rig_field(&rig, "chain", next[0], "resent_as")[0] != '\0');
    const char *third = bh_rig_field(&rig, "chain", next[0], "resent_as");
    bh_rig_wait_state(&rig, "chain", third, "scheduled");
    cr_expect_eq(post(&rig, sms_report(&rig, "chain", ids[0], "DELIVERED")), 200);
    BH_RIG_UNTIL(&rig, has_said(&rig, "resend_recalled", ids[0], 1));
    cr_expect_eq(
        bh_rig_integer(&rig, "EXISTS %s", bh_rig_text(&rig, "bellhop:{chain}:cancel:%s", third)),
        1);

    cr_expect_eq(post(&rig, sms_report(&rig, "chain", ids[1], "DELIVERED")), 200);
    BH_RIG_UNTIL(&rig, has_said(&rig, "resend_too_late", ids[1], 1));
    cr_expect_eq(post(&rig, sms_report(&rig, "chain", next[1], "FAILED")), 200);

    /* The good word came while a worker had the second one in hand, when no payload of it was kept. */
    (void)bh_rig_integer(&rig, "HSET bellhop:{chain}:status:meanwhile delivery DELIVERED");
    cr_expect_eq(post(&rig, sms_report(&rig, "chain", next[2], "FAILED")), 200);
    BH_RIG_UNTIL(&rig, has_said(&rig, "not_resent", next[2], 1));
    for (size_t i = 1; i < 3; i++) {
        expect(&rig, "chain", next[i], "delivery", "FAILED");
        expect(&rig, "chain", next[i], "resent_as", "");
    }
    cr_expect_eq(bh_rig_counter(&rig, "chain", "resent"), 4);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 6);
    bh_rig_stop(&rig);
}

/* A foreign_id of the producer's own is that of both messages; time tells them apart in the journal. */
Test(daemon_resend, keeps_two_messages_with_one_foreign_id_apart, .timeout = 120)
{
    struct bh_rig rig;
    start(&rig, &all_options);
    push_sms(&rig, "sms", "first", UNLOCKED ",\"foreign_id\":\"order-7\"");
    bh_rig_wait_state(&rig, "sms", "first", "sent");
    cr_expect_eq(post(&rig, sms_report(&rig, "sms", "first", "FAILED")), 200);
    BH_RIG_UNTIL(&rig, bh_rig_field(&rig, "sms", "first", "resent_as")[0] != '\0');
    const char *next = bh_rig_field(&rig, "sms", "first", "resent_as");
    bh_rig_wait_state(&rig, "sms", next, "scheduled");
    expect(&rig, "sms", next, "foreign_id", "order-7");
    long long apart = bh_rig_number(&rig, "sms", next, "next_at") -
                      bh_rig_number(&rig, "sms", "first", "updated_at");
    cr_expect(apart >= 120000 && apart < 125000, "%lld ms", apart);
    bh_rig_stop(&rig);
}

/* The report that tells that a lost request was taken tells that it came to nothing, too. */
Test(daemon_resend, sends_again_what_a_report_has_settled, .timeout = 120)
{
    struct bh_rig rig;
    struct bh_rig_options options = all_options;
    options.sim = "[key sim-live-key]\nrights = sms,voice,balance,hooks\n" SIM;
    options.queues =
        "[queue sms]\ntype = sms\nresend_on_report = yes\nretry = 1s\non_uncertain = hold\n";
    start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"drop\",\"at\":\"after\",\"match\":{\"text\":\"about lost\"}}");
    push_sms(&rig, "sms", "lost", UNLOCKED);
    /* At once, or after a while: that depends on whether it is known by then that the journal cannot be read. */
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "sms", "lost", "state", "unknown") ||
                           bh_rig_is(&rig, "sms", "lost", "state", "retrying"));
    const char *report = "webhook_event=dlr&msg_id=1&foreign_id=lost&status=FAILED";
    cr_expect_eq(post(&rig, report), 200);
    const char *next = wait_for_next(&rig, "sms", "lost");
    expect(&rig, "sms", "lost", "confirmed_by", "report");
    cr_expect_eq(post(&rig, report), 200);
    cr_expect_eq(bh_rig_accepted(&rig, next), 1);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 2);
    bh_rig_stop(&rig);
}

/* Two processes are told of the same, many times at once. */
Test(daemon_resend, sends_once_for_all_processes, .timeout = 120)
{
    struct bh_rig rig;
    start(&rig, &all_options);
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_sms(&rig, "sms", "both", UNLOCKED);
    bh_rig_wait_state(&rig, "sms", "both", "sent");
    const char *report = sms_report(&rig, "sms", "both", "FAILED");
    int ports[2] = {bh_rig_http_port(&rig), bh_rig_http_port_of(&rig, 1)};
    /* Connected to Redis as well. */
    for (size_t i = 0; i < 2; i++)
        BH_RIG_UNTIL(&rig, post_to(ports[i], "msg_id=1&foreign_id=nobody&status=DELIVERED") == 200);
    const char *request = bh_rig_text(
        &rig, "POST " HOOK " HTTP/1.1\r\nHost: x\r\n" FORM "Content-Length: %zu\r\n\r\n%s",
        strlen(report), report);
    int fds[20];
    for (size_t i = 0; i < BH_ARRAY_LEN(fds); i++) {
        fds[i] = bh_test_http_connect(ports[i % 2], 5000);
        cr_assert_geq(fds[i], 0);
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(fds); i++)
        cr_assert(bh_test_http_send(fds[i], request, strlen(request)));
    for (size_t i = 0; i < BH_ARRAY_LEN(fds); i++) {
        struct bh_test_http got;
        bh_test_http_read(fds[i], &got);
        cr_expect_eq(got.status, 200);
        bh_test_http_release(&got);
        close(fds[i]);
    }
    wait_for_next(&rig, "sms", "both");
    cr_expect_eq(bh_rig_counter(&rig, "sms", "resent"), 1);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 2);
    bh_rig_stop(&rig);
}

/* ---- calls ---- */

Test(daemon_resend, dials_again_so_many_times_and_at_that_distance, .timeout = 120)
{
    struct bh_rig rig;
    start(&rig, &all_options);
    bh_rig_push(&rig, "voice", "{\"id\":\"call\",\"to\":\"491719991401\",\"text\":\"x\"}");
    bh_rig_wait_state(&rig, "voice", "call", "sent");
    const char *id = "call";
    static const char *const words[] = {"no-answer", "failed"};
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(post(&rig, call_report(&rig, id, "ringing")), 200);
        redisReply *now = bh_rig_command(&rig, "TIME");
        long long before_s = strtoll(now->element[0]->str, NULL, 10);
        freeReplyObject(now);
        cr_expect_eq(post(&rig, call_report(&rig, id, words[i])), 200);
        cr_expect_eq(post(&rig, call_report(&rig, id, words[i])), 200);
        const char *next = wait_for_next(&rig, "voice", id);
        expect(&rig, "voice", next, "resend_number", i == 0 ? "1" : "2");
        cr_expect_geq(bh_rig_number(&rig, "voice", next, "updated_at"), (before_s + 2) * 1000);
        id = next;
    }
    cr_expect_eq(post(&rig, call_report(&rig, id, "no-answer")), 200);
    BH_RIG_UNTIL(&rig, has_said(&rig, "not_resent", id, 1));
    cr_expect_eq(bh_rig_counter(&rig, "voice", "resent"), 2);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 3);

    /* Somebody has answered. */
    bh_rig_push(&rig, "voice", "{\"id\":\"good\",\"to\":\"491719991402\",\"text\":\"x\"}");
    bh_rig_wait_state(&rig, "voice", "good", "sent");
    cr_expect_eq(post(&rig, call_report(&rig, "good", "completed")), 200);
    BH_RIG_UNTIL(&rig, bh_rig_is(&rig, "voice", "good", "delivery", "completed"));
    cr_expect_eq(bh_rig_integer(&rig, "EXISTS bellhop:{voice}:kept:good"), 0);
    expect(&rig, "voice", "good", "resent_as", "");
    bh_rig_stop(&rig);
}

/* ---- what goes wrong ---- */

/* Killed before it was pushed, and behind: the gateway, which was not answered, posts the same again. */
Test(daemon_resend, sends_once_when_the_process_is_killed_in_between, .timeout = 120)
{
    static const char *const points[] = {"BELLHOP_CRASH_POINT=before_resend",
                                         "BELLHOP_CRASH_POINT=after_resend"};
    struct bh_rig rig;
    start(&rig, &all_options);
    struct bh_daemon *daemon = &rig.daemons[0];
    for (size_t i = 0; i < BH_ARRAY_LEN(points); i++) {
        const char *environment[] = {points[i], NULL};
        const char *id = i == 0 ? "before" : "behind";
        bh_daemon_stop(daemon, 20000);
        bh_rig_restart_daemon_with(&rig, daemon, environment);
        push_sms(&rig, "sms", id, UNLOCKED);
        bh_rig_wait_state(&rig, "sms", id, "sent");
        const char *report = sms_report(&rig, "sms", id, "FAILED");
        cr_expect_neq(post(&rig, report), 200, "nobody was told that it was taken");
        cr_assert(bh_process_wait(&daemon->process, 20000));
        expect(&rig, "sms", id, "delivery", "FAILED");
        cr_expect_eq(bh_rig_field(&rig, "sms", id, "resent_as")[0] != '\0', i == 1);
        cr_expect_eq(
            bh_rig_integer(&rig, "EXISTS %s", bh_rig_text(&rig, "bellhop:{sms}:kept:%s", id)),
            1 - (long long)i);
        bh_rig_restart_daemon(&rig, daemon);
        BH_RIG_UNTIL(&rig, post(&rig, report) == 200);
        cr_expect_eq(post(&rig, report), 200);
        wait_for_next(&rig, "sms", id);
    }
    cr_expect_eq(bh_rig_counter(&rig, "sms", "resent"), 2);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 4);
    bh_rig_stop(&rig);
}
