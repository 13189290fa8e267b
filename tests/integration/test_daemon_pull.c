/*
 * Where no webhook can reach us: what became of messages is asked for, from the simulator by a real daemon.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define PULLS "pull_reports = yes\npull_after = 1s\n"

/* Nothing of it can come home by itself: there is no endpoint for HTTP. */
#define PLANS "[reports]\nplan = DELIVERED@0.1\nvoice_plan = in-progress@0.1,completed@0.4\n"

#define WITHOUT_STATUS "[key sim-live-key]\nrights = sms, voice, balance, journal\n" PLANS
#define WITHOUT_RIGHTS "[key sim-live-key]\nrights = sms, voice, balance\n" PLANS

/* ---- shorthands ---- */

static void
start(struct bh_rig *rig, const char *sim)
{
    const struct bh_rig_options options = {.gateway = PULLS, .sim = sim, .tap = true};
    bh_rig_start(rig, &options);
}

static void
push(struct bh_rig *rig, const char *queue, const char *id, const char *number)
{
    bh_rig_push(
        rig, queue,
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"%s\",\"text\":\"t %s\"}", id, number, id));
}

static unsigned
told(struct bh_rig *rig, const char *words)
{
    return bh_process_count(&rig->daemons[0].process, words);
}

static bool
is(struct bh_rig *rig, const char *queue, const char *id, const char *delivery)
{
    return bh_rig_is(rig, queue, id, "delivery", delivery);
}

static long long
open_messages(struct bh_rig *rig, const char *queue)
{
    return bh_rig_integer(rig, "ZCARD bellhop:{%s}:open", queue);
}

/* Whatever is to be asked about later is to be asked about now. */
static void
make_due(struct bh_rig *rig, const char *queue)
{
    static const char script[] = "for _, m in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                                 "redis.call('ZADD', KEYS[1], 0, "
                                 "m) end return 0";
    (void)bh_rig_integer(rig, "EVAL %s 1 bellhop:{%s}:pull", script, queue);
}

/* Requests whose line has this part. */
static unsigned
requests(struct bh_rig *rig, const char *part)
{
    unsigned count = 0;
    const struct bh_tap_request *request;
    for (unsigned i = 0; (request = bh_tap_find(rig->tap, NULL, NULL, i)) != NULL; i++) {
        const char *end = strstr(request->head, "\r\n"), *found = strstr(request->head, part);
        count += found != NULL && (end == NULL || found < end);
    }
    return count;
}

/* ---- answers ---- */

Test(daemon_pull, brings_home_what_became_of_sms_and_calls, .timeout = 120)
{
    static const char *const eras[] = {"2022", "2024"};
    for (size_t i = 0; i < COUNT(eras); i++) {
        struct bh_rig rig;
        char sim[300];
        snprintf(sim, sizeof(sim), "[gateway]\nera = %s\n" PLANS, eras[i]);
        start(&rig, sim);
        bh_rig_tell(&rig, "plan", "{\"to\":\"491719990002\",\"plan\":\"NOTDELIVERED@0.1\"}");
        push(&rig, "sms", "one", "491719990001");
        BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
        push(&rig, "sms", "two", "491719990002");
        push(&rig, "sms", "three", "491719990003");
        push(&rig, "voice", "call", "491719990004");
        BH_RIG_UNTIL(&rig, is(&rig, "sms", "two", "NOTDELIVERED"));
        BH_RIG_UNTIL(&rig, is(&rig, "sms", "three", "DELIVERED"));
        BH_RIG_UNTIL(&rig, is(&rig, "voice", "call", "completed"));
        cr_expect_str_neq(bh_rig_field(&rig, "voice", "call", "duration"), "", "%s", eras[i]);
        /* In this century, and not later than now. */
        cr_expect_leq(bh_rig_number(&rig, "sms", "one", "delivered_at"), bh_unix_ms(), "%s",
                      eras[i]);
        cr_expect_geq(bh_rig_number(&rig, "sms", "one", "delivered_at"),
                      bh_rig_number(&rig, "sms", "one", "created_at") - 1000, "%s", eras[i]);
        BH_RIG_UNTIL(&rig, open_messages(&rig, "sms") == 0 && open_messages(&rig, "voice") == 0);
        cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:pull"), 0, "%s", eras[i]);
        cr_expect_eq(requests(&rig, "journal/outbound?limit=100"), 0, "%s", eras[i]);
        bh_rig_stop(&rig);
    }
}

Test(daemon_pull, finds_each_recipient_of_a_job, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, PLANS);
    bh_rig_tell(&rig, "plan", "{\"to\":\"491719990002\",\"plan\":\"EXPIRED@0.1\"}");
    push(&rig, "sms", "all", "491719990001,491719990002,491719990003");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "all", "EXPIRED"));
    const char *recipients = bh_rig_field(&rig, "sms", "all", "recipients");
    const char *first = strstr(recipients, "\"delivery\":\"DELIVERED\"");
    cr_assert_not_null(first, "%s", recipients);
    cr_expect_not_null(strstr(first + 1, "\"delivery\":\"DELIVERED\""), "%s", recipients);
    cr_expect_not_null(strstr(recipients, "\"delivery\":\"EXPIRED\""), "%s", recipients);
    BH_RIG_UNTIL(&rig, open_messages(&rig, "sms") == 0);
    bh_rig_stop(&rig);
}

Test(daemon_pull, asks_again_until_it_is_final, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, "[reports]\nplan = ACCEPTED@0.1\n");
    push(&rig, "sms", "slow", "491719990001");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "slow", "ACCEPTED"));
    cr_expect_eq(open_messages(&rig, "sms"), 1);
    /* Two more messages make what comes next a list. */
    bh_rig_tell(&rig, "config", "{\"reports\":{\"plan\":\"DELIVERED@0.1\"}}");
    push(&rig, "sms", "quick", "491719990002");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "quick", "DELIVERED"));
    unsigned before = requests(&rig, "/status?");
    make_due(&rig, "sms");
    BH_RIG_UNTIL(&rig, requests(&rig, "/status?") > before);
    cr_expect_eq(open_messages(&rig, "sms"), 1);
    cr_expect(is(&rig, "sms", "slow", "ACCEPTED"));
    bh_rig_stop(&rig);
}

Test(daemon_pull, asks_about_a_hundred_at_a_time, .timeout = 120)
{
    enum { JOBS = 450 };
    struct bh_rig rig;
    start(&rig, "[reports]\nplan = ACCEPTED@0.01\n");
    for (int i = 0; i < JOBS; i++)
        push(&rig, "sms", bh_rig_text(&rig, "m%d", i), bh_rig_text(&rig, "4917188%05d", i));
    BH_RIG_UNTIL(&rig, open_messages(&rig, "sms") == JOBS);
    /* One question at most is under way, of before. */
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCOUNT bellhop:{sms}:pull -inf %lld",
                                      bh_unix_ms() + 20000) == 0);
    unsigned before = requests(&rig, "/status?");
    make_due(&rig, "sms");
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCOUNT bellhop:{sms}:pull -inf 1") == 0);
    BH_RIG_UNTIL(&rig, requests(&rig, "/status?") >= before + 5);
    cr_expect_leq(requests(&rig, "/status?"), before + 6);
    cr_expect_eq(open_messages(&rig, "sms"), JOBS);
    bh_rig_stop(&rig);
}

/* ---- places that do not tell ---- */

Test(daemon_pull, looks_into_the_journal_where_the_status_is_not_told, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, WITHOUT_STATUS);
    push(&rig, "sms", "one", "491719990001");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    push(&rig, "sms", "two", "491719990002");
    push(&rig, "sms", "three", "491719990003");
    push(&rig, "voice", "call", "491719990004");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "two", "DELIVERED"));
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "three", "DELIVERED"));
    BH_RIG_UNTIL(&rig, is(&rig, "voice", "call", "completed"));
    cr_expect_eq(requests(&rig, "/status?"), 1);
    cr_expect_eq(told(&rig, "its journal is asked instead"), 1);
    cr_expect_eq(told(&rig, "give the key the right"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_pull, walks_through_the_pages_of_the_journal, .timeout = 120)
{
    enum { OTHERS = 230 };
    struct bh_rig rig;
    start(&rig, WITHOUT_STATUS);
    /* The oldest two lie behind those of others, of which nothing is asked any more. */
    push(&rig, "sms", "one", "491719990001");
    push(&rig, "sms", "two", "491719990002");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED") && is(&rig, "sms", "two", "DELIVERED"));
    const char *one = bh_rig_field(&rig, "sms", "one", "message_id");
    const char *two = bh_rig_field(&rig, "sms", "two", "message_id");
    for (int i = 0; i < OTHERS; i++)
        push(&rig, "sms", bh_rig_text(&rig, "o%d", i), bh_rig_text(&rig, "4917188%05d", i));
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "delivery:DELIVERED") == OTHERS + 2);
    for (int i = 0; i < 2; i++) {
        const char *id = i == 0 ? "one" : "two";
        freeReplyObject(
            bh_rig_command(&rig, "HDEL bellhop:{sms}:status:%s delivery delivered_at", id));
        freeReplyObject(bh_rig_command(&rig, "ZADD bellhop:{sms}:open %lld %s", bh_unix_ms(),
                                       i == 0 ? one : two));
        freeReplyObject(bh_rig_command(&rig, "ZADD bellhop:{sms}:pull 1 %s", i == 0 ? one : two));
    }
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED") && is(&rig, "sms", "two", "DELIVERED"));
    cr_expect_geq(requests(&rig, "offset=200"), 1);
    cr_expect_eq(requests(&rig, "offset=300"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_pull, says_once_that_the_key_has_no_right_and_asks_no_more, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, WITHOUT_RIGHTS);
    push(&rig, "sms", "one", "491719990001");
    push(&rig, "voice", "call", "491719990002");
    BH_RIG_UNTIL(&rig, told(&rig, "journal does not tell what became of SMS") == 1);
    BH_RIG_UNTIL(&rig, told(&rig, "journal of calls does not tell") == 1);
    for (int i = 0; i < 3; i++) {
        push(&rig, "sms", bh_rig_text(&rig, "more%d", i), "491719990003");
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "more%d", i), "sent");
        make_due(&rig, "sms");
        make_due(&rig, "voice");
    }
    bh_sleep_ms(1500);
    cr_expect_eq(requests(&rig, "/status?"), 1);
    cr_expect_eq(requests(&rig, "/journal/voice?"), 1);
    cr_expect_eq(told(&rig, " pull_refused "), 3);
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "one", "delivery"), "");

    /* The right is given, and a reload is the word that says so. */
    bh_rig_tell(&rig, "config", "{\"key sim-live-key\":{\"rights\":\"all\"}}");
    bh_rig_reload(&rig, 0, NULL);
    make_due(&rig, "sms");
    make_due(&rig, "voice");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    BH_RIG_UNTIL(&rig, is(&rig, "voice", "call", "completed"));
    bh_rig_stop(&rig);
}

Test(daemon_pull, asks_the_same_again_when_there_was_no_answer, .timeout = 90)
{
    struct bh_rig rig;
    start(&rig, PLANS);
    bh_rig_tell(
        &rig, "fault",
        "{\"kind\":\"status\",\"status\":503,\"count\":1,\"match\":{\"path\":\"/api/status\"}}");
    push(&rig, "sms", "one", "491719990001");
    BH_RIG_UNTIL(&rig, told(&rig, " pull_failed ") == 1);
    cr_expect_eq(requests(&rig, "/status?"), 1);
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    cr_expect_eq(requests(&rig, "/status?"), 2);
    cr_expect_eq(told(&rig, "the gateway tells again"), 1);
    cr_expect_eq(requests(&rig, "/journal/outbound?limit=100"), 0);
    bh_rig_stop(&rig);
}

/* What refuses the key here refuses it everywhere, and is no word about this place. */
Test(daemon_pull, does_not_turn_elsewhere_when_the_key_is_refused, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, PLANS);
    bh_rig_tell(
        &rig, "fault",
        "{\"kind\":\"code\",\"code\":900,\"count\":1,\"match\":{\"path\":\"/api/status\"}}");
    push(&rig, "sms", "one", "491719990001");
    BH_RIG_UNTIL(&rig, told(&rig, " pull_failed ") == 1);
    cr_expect_eq(told(&rig, " pull_refused "), 0);
    cr_expect_eq(requests(&rig, "/status?"), 1);
    bh_rig_reload(&rig, 0, NULL);
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    cr_expect_eq(requests(&rig, "/status?"), 2);
    cr_expect_eq(requests(&rig, "/journal/outbound?limit=100"), 0);
    bh_rig_stop(&rig);
}

/* ---- when nothing is asked ---- */

Test(daemon_pull, asks_nothing_while_the_account_is_paused, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, "[reports]\nplan = ACCEPTED@0.01\n");
    push(&rig, "sms", "one", "491719990001");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "ACCEPTED"));
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"code\",\"code\":900,\"count\":1,\"match\":{\"path\":\"/api/sms\"}}");
    push(&rig, "sms", "two", "491719990002");
    BH_RIG_UNTIL(&rig, told(&rig, "the balance is asked for until it works") == 1);
    unsigned before = requests(&rig, "/status?");
    make_due(&rig, "sms");
    bh_sleep_ms(2500);
    cr_expect_eq(requests(&rig, "/status?"), before);
    cr_expect_eq(bh_rig_integer(&rig, "ZCOUNT bellhop:{sms}:pull -inf 1"), 1);
    bh_rig_stop(&rig);
}

Test(daemon_pull, asks_nothing_while_it_is_off, .timeout = 90)
{
    struct bh_rig rig;
    const struct bh_rig_options off = {.gateway = "pull_after = 1s\n", .sim = PLANS, .tap = true};
    const struct bh_rig_options on = {.gateway = PULLS, .sim = PLANS, .tap = true};
    bh_rig_start(&rig, &off);
    push(&rig, "sms", "before", "491719990001");
    bh_rig_wait_state(&rig, "sms", "before", "sent");
    cr_expect_eq(open_messages(&rig, "sms"), 0);

    bh_rig_reload(&rig, 0, &on);
    BH_RIG_UNTIL(&rig, told(&rig, " reloaded ") == 1);
    push(&rig, "sms", "behind", "491719990002");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "behind", "DELIVERED"));
    cr_expect_str_eq(bh_rig_field(&rig, "sms", "before", "delivery"), "");

    push(&rig, "sms", "last", "491719990003");
    bh_rig_wait_state(&rig, "sms", "last", "sent");
    bh_rig_reload(&rig, 0, &off);
    BH_RIG_UNTIL(&rig, told(&rig, " reloaded ") == 1);
    unsigned before = requests(&rig, "/status?");
    bh_sleep_ms(2500);
    cr_expect_eq(requests(&rig, "/status?"), before);
    bh_rig_reload(&rig, 0, &on);
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "last", "DELIVERED"));
    bh_rig_stop(&rig);
}

Test(daemon_pull, gives_up_what_is_too_old, .timeout = 60)
{
    struct bh_rig rig;
    start(&rig, "[reports]\nplan = none\n");
    push(&rig, "sms", "old", "491719990001");
    bh_rig_wait_state(&rig, "sms", "old", "sent");
    BH_RIG_UNTIL(&rig, open_messages(&rig, "sms") == 1);
    freeReplyObject(bh_rig_command(&rig, "ZADD bellhop:{sms}:open 1 %s",
                                   bh_rig_field(&rig, "sms", "old", "message_id")));
    make_due(&rig, "sms");
    BH_RIG_UNTIL(&rig, open_messages(&rig, "sms") == 0);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:pull"), 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "delivery:none"), 1);
    bh_rig_stop(&rig);
}

/* ---- death ---- */

Test(daemon_pull, loses_no_message_when_it_is_killed_with_a_question_under_way, .timeout = 90)
{
    struct bh_rig rig;
    start(&rig, PLANS);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"hang\",\"count\":1,\"match\":{\"path\":\"/api/status\"}}");
    push(&rig, "sms", "one", "491719990001");
    push(&rig, "sms", "two", "491719990002");
    BH_RIG_UNTIL(&rig, requests(&rig, "/status?") == 1);
    bh_rig_wait_state(&rig, "sms", "one", "sent");
    bh_rig_wait_state(&rig, "sms", "two", "sent");
    bh_process_kill(&rig.daemons[0].process);
    cr_expect_eq(open_messages(&rig, "sms"), 2);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    make_due(&rig, "sms");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "two", "DELIVERED"));
    BH_RIG_UNTIL(&rig, open_messages(&rig, "sms") == 0);
    bh_rig_stop(&rig);
}

Test(daemon_pull, goes_on_when_redis_was_away, .timeout = 90)
{
    struct bh_rig rig;
    start(&rig, PLANS);
    push(&rig, "sms", "one", "491719990001");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    freeReplyObject(bh_rig_command(&rig, "CLIENT KILL TYPE normal SKIPME yes"));
    push(&rig, "sms", "two", "491719990002");
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "two", "DELIVERED"));
    bh_rig_stop(&rig);
}

/* An endpoint that answers and knows nothing; the journal does. */
Test(daemon_pull, turns_to_the_journal_when_the_status_never_tells_anything, .timeout = 90)
{
    struct bh_rig rig;
    start(&rig, PLANS);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"unparsable\",\"count\":-1,\"body\":\"[]\",\"match\":{\"path\":\"/api/"
                "status\"}}");
    push(&rig, "sms", "one", "491719990001");
    bh_rig_wait_state(&rig, "sms", "one", "sent");
    for (unsigned i = 1; i <= 5; i++) {
        BH_RIG_UNTIL(&rig, requests(&rig, "/status?") == i);
        BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCOUNT bellhop:{sms}:pull -inf 1") == 0);
        make_due(&rig, "sms");
    }
    BH_RIG_UNTIL(&rig, is(&rig, "sms", "one", "DELIVERED"));
    cr_expect_eq(requests(&rig, "/status?"), 5);
    bh_rig_stop(&rig);
}
