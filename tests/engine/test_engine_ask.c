#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/story.h"

#define SMS   "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\"}"
#define TWO   "{\"id\":\"one\",\"to\":\"491710000001,491710000002\",\"text\":\"hello\"}"
#define HOLDS "[gateway]\napi_key = k\n[queue a]\non_uncertain = hold\n"

static struct rig rig; /* a test is a process of its own */
static struct story story;

static void
start(const char *ini, enum bh_journal_access journal, enum bh_lock_knowledge lock)
{
    rig_start(&rig, ini);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    rig_witnesses(&rig, journal, lock);
}

#define NO     BH_JOURNAL_UNKNOWN
#define YES    BH_JOURNAL_READABLE
#define DENIED BH_JOURNAL_DENIED
#define MAYBE  BH_LOCK_UNKNOWN
#define ON     BH_LOCK_ON

/* ---- several recipients ---- */

static struct bh_command
get(enum bh_command_kind kind)
{
    struct bh_command command;
    cr_assert(rig_take(&rig, kind, &command), "there is no command %d", kind);
    return command;
}

/* A look-up answers like a request. */
static struct bh_command
get_look_up(void)
{
    struct bh_command command = get(BH_COMMAND_LOOK_UP);
    command.submit = command.look_up;
    return command;
}

static void
answer_look_up(const struct bh_command *look_up, const char *what)
{
    char *body = story_journal(&story, look_up, what);
    rig_answered(&rig, look_up, body);
    free(body);
}

/* Bring the job to its first request, at which it is left. */
static struct bh_command
first_request(const char *payload)
{
    story_begin(&story, &rig, payload, "one");
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    story.created_ms = admit.admit.created.ms;
    story.expires_ms = admit.admit.expires.ms;
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    story.began_ms = rig.now_ms;
    story.has_begun = true;
    return get(BH_COMMAND_SUBMIT);
}

/* A request that is lost, and the look-up half a minute later. */
static struct bh_command
first_look_up(const char *payload)
{
    struct bh_command submit = first_request(payload);
    rig_silence(&rig, &submit, BH_HANDED_ALL, BH_TROUBLE_RESET);
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    story_come_back(&story, &settle);
    return get_look_up();
}

static bool
is_in_body(const struct bh_command *submit, const char *text)
{
    char body[2048];
    snprintf(body, sizeof(body), "%.*s", BH_STR_ARGS(submit->submit.body));
    return strstr(body, text) != NULL;
}

static void
expect_each(const struct bh_command *settle, const char *piece)
{
    const char *each = rig_field(settle->settle.fields, settle->settle.fields_count, "recipients");
    cr_assert_not_null(each, "no recipients beside %s", piece);
    cr_expect_not_null(strstr(each, piece), "no %s in %s", piece, each);
}

Test(engine_ask, looks_each_recipient_up_and_sends_again_only_to_who_is_absent)
{
    start("[gateway]\napi_key = k\n[queue a]\n", BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command look = first_look_up(TWO);
    cr_expect_not_null(strstr(look.submit.url, "to=491710000001"), "%s", look.submit.url);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_LOOK_UP), 0, "one after the other");
    answer_look_up(&look, "found");
    look = get_look_up();
    cr_expect_not_null(strstr(look.submit.url, "to=491710000002"), "%s", look.submit.url);
    answer_look_up(&look, "absent");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    cr_expect_eq(settle.settle.attempts, 1, "look-ups are none");
    cr_expect_not(settle.settle.sent);
    expect_each(&settle, "\"491710000001\",\"success\":true");
    expect_each(&settle, "\"491710000002\",\"success\":null");

    story_come_back(&story, &settle);
    look = get_look_up();
    cr_expect_not_null(strstr(look.submit.url, "to=491710000002"), "%s", look.submit.url);
    answer_look_up(&look, "absent");
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    cr_expect_eq(admit.admit.ledger_count, 1);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = get(BH_COMMAND_SUBMIT);
    cr_expect(is_in_body(&submit, "to=491710000002"));
    cr_expect_not(is_in_body(&submit, "491710000001"));
    rig_answered(&rig, &submit, "100");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "sent");
    cr_expect_eq(settle.settle.attempts, 2);
    cr_expect_eq(settle.settle.uncertain_since.ms, 0);
    cr_expect_str_eq(rig_field(settle.settle.fields, settle.settle.fields_count, "message_id"),
                     "4711");
    rig_stop(&rig);
}

static const char one_left_out[] =
    "{\"success\":\"101\",\"messages\":[{\"recipient\":\"491710000001\",\"success\":false,"
    "\"error\":\"600\"}]}";

Test(engine_ask, does_not_hold_up_who_was_refused_for_who_is_uncertain)
{
    start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command submit = first_request(TWO);
    rig_answered(&rig, &submit, one_left_out);
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    cr_expect(settle.settle.delay_ms >= 30000 && settle.settle.delay_ms <= 33000);
    expect_each(&settle, "\"491710000001\",\"code\":600");
    expect_each(&settle, "\"491710000002\",\"success\":null");
    story_come_back(&story, &settle);
    struct bh_command look = get_look_up();
    answer_look_up(&look, "absent");
    settle = get(BH_COMMAND_SETTLE);
    story_come_back(&story, &settle); /* a minute after the request */
    look = get_look_up();
    answer_look_up(&look, "absent");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.reason, "", "the other one's retry comes before the next look");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0);
    story_come_back(&story, &settle);
    cr_expect_geq(rig.now_ms - story.began_ms, 185000,
                  "behind the lock that the refusal may have armed");
    cr_expect_leq(rig.now_ms - story.began_ms, 196000);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    submit = get(BH_COMMAND_SUBMIT);
    cr_expect(is_in_body(&submit, "to=491710000001"));
    cr_expect_not(is_in_body(&submit, "491710000002"), "under hold never again");
    rig_answered(&rig, &submit, "100");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    story_come_back(&story, &settle);
    look = get_look_up();
    cr_expect_not_null(strstr(look.submit.url, "to=491710000002"), "%s", look.submit.url);
    answer_look_up(&look, "found");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "sent");
    rig_stop(&rig);
}

Test(engine_ask, says_what_is_known_of_each_when_one_stays_unknown)
{
    static const char answer[] =
        "{\"success\":\"101\",\"messages\":[{\"recipient\":\"491710000001\",\"success\":true,"
        "\"id\":\"77\"}]}";
    start(HOLDS, BH_JOURNAL_DENIED, BH_LOCK_ON);
    struct bh_command submit = first_request(TWO);
    rig_answered(&rig, &submit,
                 "{\"success\":\"101\",\"messages\":[{\"recipient\":\"491710000001\","
                 "\"success\":false,\"error\":\"600\"}]}");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "retrying");
    cr_expect_str_eq(settle.settle.reason, "");
    story_come_back(&story, &settle);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    submit = get(BH_COMMAND_SUBMIT);
    rig_answered(&rig, &submit, answer);
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "unknown");
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_DEAD);
    const char *each = rig_field(settle.settle.fields, settle.settle.fields_count, "recipients");
    cr_assert_not_null(each);
    cr_expect_not_null(strstr(each, "\"491710000001\",\"success\":true"), "%s", each);
    cr_expect_not_null(strstr(each, "\"491710000002\",\"success\":null"), "%s", each);
    rig_stop(&rig);
}

/* ---- the question itself ---- */

Test(engine_ask, writes_what_the_journal_shows)
{
    start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command look = first_look_up(SMS);
    cr_expect_eq(look.submit.body.len, 0);
    cr_expect_eq(look.submit.timeout_ms, 20000);
    answer_look_up(&look, "found");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    const struct bh_settle_command *done = &settle.settle;
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "message_id"), "4711");
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "price"), "0.075");
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "delivery"), "DELIVERED");
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "code"), "100");
    char sent_at[24];
    snprintf(sent_at, sizeof(sent_at), "%lld", (long long)(RIG_EPOCH_MS + story.began_ms + 1000));
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "sent_at"), sent_at);
    cr_expect_eq(done->attempts, 1);
    cr_expect_eq(done->ledger_action, BH_LEDGER_KEEP);
    cr_expect_not_null(strstr(rig.notes[rig.notes_count - 1].text, "journal"));
    cr_expect_eq(bh_engine_stats(rig.engine)->look_ups, 1);
    cr_expect_eq(bh_engine_stats(rig.engine)->found, 1);
    rig_stop(&rig);
}

Test(engine_ask, turns_the_journals_pages_but_not_for_ever)
{
    start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command look = first_look_up(SMS);
    cr_expect_not_null(strstr(look.submit.url, "offset=0"), "%s", look.submit.url);
    answer_look_up(&look, "full");
    look = get_look_up();
    cr_expect_not_null(strstr(look.submit.url, "offset=100"), "%s", look.submit.url);
    answer_look_up(&look, "found");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "sent");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    rig_stop(&rig);

    start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    look = first_look_up(SMS);
    for (unsigned page = 1; page < 10; page++) {
        answer_look_up(&look, "full");
        look = get_look_up();
    }
    answer_look_up(&look, "full");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_LOOK_UP), 0, "ten pages are enough");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    cr_expect_not_null(strstr(settle.settle.first_error.ptr, "cannot be read"));
    rig_stop(&rig);
}

Test(engine_ask, renews_its_lease_while_it_asks_and_leaves_the_job_alone_when_that_ends)
{
    start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command look = first_look_up(SMS), renew;
    rig_wait(&rig, 10000);
    renew = get(BH_COMMAND_RENEW);
    rig_renewed(&rig, &renew, BH_RENEW_LOST);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CANCEL), 1);
    rig_silence(&rig, &look, BH_HANDED_ALL, BH_TROUBLE_CANCELLED);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0, "not a word to the store");
    cr_expect_eq(bh_engine_stats(rig.engine)->slots_used, 0);
    cr_expect_eq(rig_noted(&rig, "dropped"), 1);
    rig_stop(&rig);
}

Test(engine_ask, settles_what_was_answered_though_its_lease_ends_while_it_looks_after_it)
{
    start(RIG_CONFIG, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command submit = first_request(SMS);
    rig_answered(&rig, &submit, "402");
    struct bh_command look = get_look_up(), renew;
    rig_wait(&rig, 10000);
    renew = get(BH_COMMAND_RENEW);
    rig_renewed(&rig, &renew, BH_RENEW_LOST);
    rig_silence(&rig, &look, BH_HANDED_ALL, BH_TROUBLE_CANCELLED);
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "held");
    cr_expect_str_eq(settle.settle.reason, "reload_lock");
    rig_stop(&rig);
}

Test(engine_ask, gives_back_who_waits_for_a_look_up_and_waits_for_one_under_way_when_it_drains)
{
    start("[gateway]\napi_key = k\nrequests_per_second = 1\n[queue a]\non_uncertain = hold\n",
          BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    story_begin(&story, &rig, TWO, "one");
    struct bh_command grant = get(BH_COMMAND_GRANT);
    rig_granted(&rig, &grant, 1, -1);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    story.created_ms = admit.admit.created.ms;
    story.expires_ms = admit.admit.expires.ms;
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = get(BH_COMMAND_SUBMIT);
    story.began_ms = rig.now_ms;
    rig_silence(&rig, &submit, BH_HANDED_ALL, BH_TROUBLE_RESET);
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    rig_forget(&rig, BH_COMMAND_GRANT);
    story_come_back(&story, &settle);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_LOOK_UP), 0, "no token yet");
    grant = get(BH_COMMAND_GRANT);
    rig_granted(&rig, &grant, 1, -1);
    struct bh_command look = get_look_up();
    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINING);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0, "it is awaited");
    answer_look_up(&look, "found");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_LOOK_UP), 0, "but no other is begun");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
    cr_expect_neq(settle.settle.uncertain_since.ms, 0);
    cr_expect_not_null(strstr(settle.settle.memo.ptr, "4711"), "what was found is kept");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINED);
    rig_stop(&rig);

    start("[gateway]\napi_key = k\nrequests_per_second = 1\n[queue a]\non_uncertain = hold\n",
          BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    rig_wait(&rig, BH_MINUTE_MS);
    rig_give_one(&rig, TWO, story.head);
    rig_wait(&rig, 1000);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_LOOK_UP), 0);
    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
    cr_expect_str_eq(settle.settle.state, "");
    rig_stop(&rig);
}

/* ---- the gate ---- */

static void
write_guarded(char *head, size_t size, bh_ms ago_ms)
{
    int64_t now = rig_server_now(&rig).ms, since = now - ago_ms;
    snprintf(head, size,
             "1 u uncertain 1 0 me 7 0 %lld %lld %lld %lld one\nr=0 f=%lld t=%lld s=%lld q0=1",
             (long long)since, (long long)since, (long long)now + 900000, (long long)since,
             (long long)since / 1000, (long long)since / 1000, (long long)since / 1000 + 5);
}

Test(engine_ask, lets_a_guarded_retry_go_before_fresh_jobs)
{
    char head[400];
    start("[gateway]\napi_key = k\nmax_connections = 2\n[queue a]\n", BH_JOURNAL_UNKNOWN,
          BH_LOCK_UNKNOWN);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    struct bh_command submit = rig_bring_to_submit(&rig, RIG_SMS("two"));
    rig_account(&rig, BH_ACCOUNT_OPEN, BH_REASON_NONE);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    struct bh_command claim = get(BH_COMMAND_CLAIM);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    write_guarded(head, sizeof(head), 50000);
    const struct rig_job jobs[] = {
        {RIG_SMS("a"), NULL},
        {SMS,          head},
        {RIG_SMS("b"), NULL},
    };
    rig_claimed(&rig, &claim, jobs, 3, false);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0);
    rig_silence(&rig, &submit, BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    cr_expect_str_eq(admit.admit.id, "one", "%s", admit.admit.id);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "one trial");
    rig_stop(&rig);
}

Test(engine_ask, abandons_a_guarded_retry_that_was_admitted_too_late)
{
    static const struct {
        const char *name;
        bh_ms ago_ms, admission_ms;
        bool is_sent;
    } rows[] = {
        {"in time",            100000, 29000, true },
        {"in the last moment", 121000, 29000, true },
        {"too late",           121001, 29000, false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char head[400];
        start(RIG_CONFIG, BH_JOURNAL_UNKNOWN, BH_LOCK_UNKNOWN);
        write_guarded(head, sizeof(head), rows[i].ago_ms);
        rig_give_one(&rig, SMS, head);
        struct bh_command admit = get(BH_COMMAND_ADMIT), settle;
        rig.now_ms += rows[i].admission_ms;
        rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), rows[i].is_sent, "%s", rows[i].name);
        if (!rows[i].is_sent) {
            settle = get(BH_COMMAND_SETTLE);
            cr_expect_str_eq(settle.settle.reason, "uncertain", "%s", rows[i].name);
            cr_expect_eq(settle.settle.ledger_action, BH_LEDGER_KEEP, "%s", rows[i].name);
            cr_expect_not(settle.settle.sent, "%s", rows[i].name);
            cr_expect_eq(settle.settle.attempts, 1, "%s", rows[i].name);
        }
        rig_stop(&rig);
    }
}

/* Between the decision and the request the account's keeper may hear that the lock does not work after all. */
Test(engine_ask, abandons_a_guarded_retry_under_a_lock_that_nobody_trusts_any_more)
{
    static const struct {
        const char *name;
        bool holds;
        enum bh_lock_knowledge lock;
        bool is_sent;
    } rows[] = {
        {"held, it works",            true,  BH_LOCK_ON,      true },
        {"held, it may not work",     true,  BH_LOCK_UNKNOWN, false},
        {"held, it does not work",    true,  BH_LOCK_OFF,     false},
        {"to be resent, it may not",  false, BH_LOCK_UNKNOWN, true },
        {"to be resent, it does not", false, BH_LOCK_OFF,     false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char head[400];
        start(rows[i].holds ? HOLDS : RIG_CONFIG, BH_JOURNAL_DENIED, BH_LOCK_ON);
        write_guarded(head, sizeof(head), 50000);
        rig_give_one(&rig, SMS, head);
        struct bh_command admit = get(BH_COMMAND_ADMIT), settle;
        rig_witnesses(&rig, BH_JOURNAL_DENIED, rows[i].lock);
        rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), rows[i].is_sent, "%s", rows[i].name);
        if (!rows[i].is_sent) {
            cr_assert(rig_take(&rig, BH_COMMAND_SETTLE, &settle), "%s", rows[i].name);
            cr_expect_str_eq(settle.settle.state, rows[i].holds ? "unknown" : "retrying", "%s",
                             rows[i].name);
            cr_expect_eq(settle.settle.ledger_action, BH_LEDGER_KEEP, "%s", rows[i].name);
            cr_expect_not(settle.settle.sent, "%s", rows[i].name);
            cr_expect_eq(settle.settle.attempts, 1, "%s", rows[i].name);
        }
        rig_stop(&rig);
    }
}

/* Nobody reads the status of what was sent; a contradiction between the witnesses has to be seen. */
Test(engine_ask, warns_when_the_lock_proves_what_the_journal_does_not_show)
{
    static const struct {
        const char *shows;
        enum bh_log_level level;
    } rows[] = {
        {"found",  BH_LOG_INFO},
        {"absent", BH_LOG_WARN},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char head[400];
        start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_ON);
        write_guarded(head, sizeof(head), 50000);
        rig_give_one(&rig, SMS, head);
        story = (struct story){.id = "one", .began_ms = rig.now_ms - 50000};
        struct bh_command look = get_look_up();
        answer_look_up(&look, "absent");
        struct bh_command admit = get(BH_COMMAND_ADMIT);
        rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        struct bh_command submit = get(BH_COMMAND_SUBMIT);
        rig_answered(&rig, &submit, "402");
        look = get_look_up();
        answer_look_up(&look, rows[i].shows);
        struct bh_command settle = get(BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, "sent", "%s", rows[i].shows);
        cr_expect_eq(rig.notes[rig.notes_count - 1].level, rows[i].level, "%s", rows[i].shows);
        rig_stop(&rig);
    }
}

/*
 * The message before it has the same foreign_id, text and recipient: what stands in the journal from before its delay is
 * not its own.
 */
Test(engine_ask, takes_no_message_before_a_resend_for_its_own)
{
    static const struct {
        const char *more, *state;
    } rows[] = {
        {",\"resend_of\":\"zero\",\"resend_number\":1", "held"},
        {"",                                            "sent"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char payload[400];
        start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
        long long now_ms = RIG_EPOCH_MS + rig.now_ms;
        snprintf(payload, sizeof(payload),
                 "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"t\",\"foreign_id\":"
                 "\"order\",\"enqueued_at\":%lld,\"delay\":%lld%s}",
                 now_ms - 130000, now_ms / 1000, rows[i].more);
        struct bh_command submit = first_request(payload);
        rig_answered(&rig, &submit, "402");
        struct bh_command look = get_look_up();
        story.id = "order";
        story.began_ms = rig.now_ms - 121000;
        answer_look_up(&look, "found");
        struct bh_command settle = get(BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, rows[i].state, "%s: %s", rows[i].more,
                         settle.settle.state);
        rig_stop(&rig);
    }
}

/* Its entries in the ledger would lapse before the lock's time, reckoned from the request, is over. */
Test(engine_ask, admits_again_what_was_admitted_long_ago)
{
    start(RIG_CONFIG, BH_JOURNAL_UNKNOWN, BH_LOCK_UNKNOWN);
    story_begin(&story, &rig, SMS, "one");
    struct bh_command admit = get(BH_COMMAND_ADMIT), renew;
    for (unsigned i = 0; i < 4; i++) {
        rig_wait(&rig, 10000);
        if (rig_take(&rig, BH_COMMAND_RENEW, &renew))
            rig_renewed(&rig, &renew, BH_RENEW_OK);
    }
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0);
    admit = get(BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 1);
    rig_stop(&rig);
}

Test(engine_ask, counts_a_look_up_among_the_requests_and_as_the_breakers_probe)
{
    start("[gateway]\napi_key = k\nmax_connections = 1\n[queue a]\non_uncertain = hold\n",
          BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    struct bh_command look = first_look_up(SMS);
    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    struct bh_command claim;
    if (rig_take(&rig, BH_COMMAND_CLAIM, &claim))
        rig_claimed(&rig, &claim, &(struct rig_job){RIG_SMS("two"), NULL}, 1, false);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "the only connection is in use");
    rig_silence(&rig, &look, BH_HANDED_NOTHING, BH_TROUBLE_CONNECT); /* and now it is down */
    struct bh_command settle = get(BH_COMMAND_SETTLE), admit = get(BH_COMMAND_ADMIT);
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    rig_admitted(&rig, &admit, BH_ADMIT_DUPLICATE, 0);
    story_come_back(&story, &settle);
    look = get_look_up();
    rig_silence(&rig, &look, BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.reason, "gateway_down");
    cr_expect_eq(settle.settle.attempts, 1);
    cr_expect_neq(settle.settle.uncertain_since.ms, 0);
    cr_expect_eq(rig_noted(&rig, "gateway_down"), 1);
    story_come_back(&story, &settle);
    look = get_look_up();
    answer_look_up(&look, "found");
    cr_expect_eq(rig_noted(&rig, "gateway_up"), 1);
    rig_stop(&rig);
}

/* ---- workers that died ---- */

Test(engine_ask, goes_on_where_a_dead_worker_was)
{
    static const struct {
        const char *name, *rest; /* of the record, behind its times */
        bh_ms ago_ms;
        bool holds;
        enum bh_journal_access journal;
        enum bh_lock_knowledge lock;
        const char *state;
        bh_ms least_ms, most_ms; /* until the next step */
    } rows[] = {
        {"a first request",                              "",                    5000,   true, YES,    MAYBE, "retrying",  25000, 27000},
        {"nobody knows of the journal yet",              "",                    5000,   true, NO,     MAYBE, "retrying",  30000, 31500},
        {"nor for a while",                              "",                    299000, true, NO,     MAYBE, "retrying",  30000, 31500},
        {"nor for too long",                             "",                    301000, true, NO,     MAYBE, "unknown",   0,     0    },
        {"nothing can tell",                             "",                    5000,   true, DENIED, MAYBE, "unknown",   0,     0    },
        {"a lock can",                                   "",                    5000,   true, NO,     ON,    "retrying",  40000, 40000},
        {"a look is due",                                "",                    40000,  true, YES,    MAYBE, "a look-up", 0,     0    },
        {"an operator wants it sent, and it died again", "r=0\n0 u 0 0 -1 - -", 5000,   true, YES,
         MAYBE,                                                                                              "retrying",  25000, 27000},
        {"a later request under a lock that works",      "r=0 f=1 t=1 q0=1",    900000, true, DENIED, ON,
         "unknown",                                                                                                       0,     0    },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char head[400];
        start(rows[i].holds ? HOLDS : RIG_CONFIG, rows[i].journal, rows[i].lock);
        int64_t now = rig_server_now(&rig).ms, since = now - rows[i].ago_ms;
        snprintf(head, sizeof(head), "1 u uncertain 1 1 ~other 7 0 %lld %lld %lld %lld one\n%s",
                 (long long)since, (long long)since, (long long)now + 900000, (long long)since,
                 rows[i].rest);
        rig_give_one(&rig, SMS, head);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "%s", rows[i].name);
        if (strcmp(rows[i].state, "a look-up") == 0) {
            cr_expect_eq(rig_count(&rig, BH_COMMAND_LOOK_UP), 1, "%s", rows[i].name);
        } else {
            struct bh_command settle = get(BH_COMMAND_SETTLE);
            cr_expect_str_eq(settle.settle.state, rows[i].state, "%s: %s", rows[i].name,
                             settle.settle.state);
            cr_expect(settle.settle.delay_ms >= rows[i].least_ms &&
                          settle.settle.delay_ms <= rows[i].most_ms,
                      "%s: %lld", rows[i].name, (long long)settle.settle.delay_ms);
        }
        rig_stop(&rig);
    }
}

/* It may have been valid when it was sent: by another configuration, or another version. */
Test(engine_ask, does_not_call_invalid_what_may_have_been_sent)
{
    static const char memo[] = "r=0 f=7 t=7 q0=2\n0 a 100 1 75000 77 491710000001";
    for (unsigned lost = 0; lost < 2; lost++) {
        char head[400];
        start(RIG_CONFIG, YES, MAYBE);
        int64_t now = rig_server_now(&rig).ms, since = lost ? now - 5000 : 0;
        snprintf(head, sizeof(head), "1 %s 1 0 - 7 0 %lld %lld %lld %lld one\n%s",
                 lost ? "u uncertain" : "r -", (long long)now - 9000, (long long)now - 9000,
                 (long long)now + 900000, (long long)since, memo);
        rig_give_one(&rig, "{\"to\":\"\"}", head);
        struct bh_command settle = get(BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, lost ? "unknown" : "invalid");
        cr_expect_eq(settle.settle.disposition, BH_SETTLE_DEAD);
        cr_expect_eq(settle.settle.uncertain_since.ms, since);
        cr_expect_eq(settle.settle.ledger_action, lost ? BH_LEDGER_KEEP : BH_LEDGER_FREE);
        cr_expect(bh_str_equal_text(settle.settle.memo, memo), "who has it must not be forgotten");
        rig_stop(&rig);
    }
}

Test(engine_ask, sends_again_what_an_operator_wants_sent_again)
{
    start(HOLDS, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN);
    char head[400];
    int64_t now = rig_server_now(&rig).ms;
    snprintf(head, sizeof(head),
             "1 r - 1 0 - 7 0 %lld %lld %lld %lld one\nr=0 f=7 t=7 k=9\n1 u 0 0 -1 - -\n"
             "0 a 100 1 75000 77 491710000001",
             (long long)now - 900000, (long long)now - 900000, (long long)now + 900000,
             (long long)now - 900000);
    rig_give_one(&rig, TWO, head);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = get(BH_COMMAND_SUBMIT);
    cr_expect(is_in_body(&submit, "to=491710000002"));
    cr_expect_not(is_in_body(&submit, "491710000001"));
    rig_answered(&rig, &submit, "100");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "sent");
    rig_stop(&rig);
}

/* ---- the ledgers of other queues ---- */

#define THREE     "[gateway]\napi_key = k\n[queue a]\n[queue b]\n[queue c]\n"
#define THEIRS_MS (150 * BH_SECOND_MS)

/* A request that is lost, and the answer to its guarded retry. */
static void
refuse_guarded_retry(const char *answer)
{
    struct bh_command submit = first_request(SMS);
    rig_silence(&rig, &submit, BH_HANDED_ALL, BH_TROUBLE_RESET);
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    story_come_back(&story, &settle);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    cr_assert_eq(admit.admit.ledger_count, 1);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_TWIN), 0, "not before there is an answer");
    submit = get(BH_COMMAND_SUBMIT);
    rig_answered(&rig, &submit, answer);
}

struct comparison {
    const char *name;
    enum bh_twin_code codes[2]; /* of each round, for all but one queue, and for that */
    unsigned failures;          /* rounds before it, in which nobody answers */
    bh_ms takes_ms;
    bool proves;
    const char *error; /* NULL: none */
};

static const char *
error_of(const struct bh_command *settle)
{
    const char *error = rig_field(settle->settle.fields, settle->settle.fields_count, "error");
    return error != NULL ? error : "";
}

static void
answer_twins(enum bh_twin_code first, enum bh_twin_code second, const char *name)
{
    cr_assert_eq(rig_count(&rig, BH_COMMAND_TWIN), 2, "%s: all but its own at once", name);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0, "%s", name);
    struct bh_command one = get(BH_COMMAND_TWIN), two = get(BH_COMMAND_TWIN);
    cr_expect_neq(one.twin.queue, two.twin.queue, "%s", name);
    cr_expect_str_eq(one.twin.digest, two.twin.digest, "%s", name);
    rig_twin(&rig, &two, second, second == BH_TWIN_HELD ? THEIRS_MS : 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0, "%s: one is not answered yet", name);
    rig_twin(&rig, &one, first, first == BH_TWIN_HELD ? THEIRS_MS : 0);
}

Test(engine_ask, takes_a_refusal_for_proof_only_when_no_other_queue_explains_it)
{
    static const struct comparison rows[] = {
        {"nobody",             {BH_TWIN_NONE, BH_TWIN_NONE},     0, 0,     true,  NULL                          },
        {"one",                {BH_TWIN_HELD, BH_TWIN_NONE},     0, 0,     false, "another queue with this text"},
        {"the other",          {BH_TWIN_NONE, BH_TWIN_HELD},     0, 0,     false, "another queue with this text"},
        {"both",               {BH_TWIN_HELD, BH_TWIN_HELD},     0, 0,     false, "another queue with this text"},
        {"one is enough",
         {BH_TWIN_FAILED, BH_TWIN_HELD},
         0,                                                         0,
         false,                                                                   "another queue with this text"},
        {"asked again",        {BH_TWIN_NONE, BH_TWIN_NONE},     1, 0,     true,  NULL                          },
        {"and again",          {BH_TWIN_NONE, BH_TWIN_HELD},     9, 0,     false, "another queue with this text"},
        {"never answered",     {BH_TWIN_FAILED, BH_TWIN_FAILED}, 9, 0,     false, "is not known"                },
        {"just in time",       {BH_TWIN_NONE, BH_TWIN_NONE},     0, 9999,  true,  NULL                          },
        {"too late to tell",   {BH_TWIN_NONE, BH_TWIN_NONE},     0, 10000, false, "is not known"                },
        {"late, but it is so",
         {BH_TWIN_NONE, BH_TWIN_HELD},
         0,                                                         10000,
         false,                                                                   "another queue with this text"},
        {"late without word",  {BH_TWIN_FAILED, BH_TWIN_NONE},   0, 10000, false, "is not known"                },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct comparison *row = &rows[i];
        start(THREE, NO, MAYBE);
        refuse_guarded_retry("402");
        for (unsigned n = 0; n < row->failures; n++)
            answer_twins(BH_TWIN_FAILED, BH_TWIN_NONE, row->name);
        rig_wait(&rig, row->takes_ms);
        answer_twins(row->codes[0], row->codes[1], row->name);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_TWIN), 0, "%s", row->name);
        struct bh_command settle = get(BH_COMMAND_SETTLE);
        const struct bh_settle_command *done = &settle.settle;
        cr_expect_str_eq(done->state, row->proves ? "sent" : "retrying", "%s: %s", row->name,
                         done->state);
        cr_expect_eq(done->attempts, 1, "%s", row->name);
        cr_expect_eq(done->ledger_action, row->proves ? BH_LEDGER_ARM : BH_LEDGER_KEEP, "%s",
                     row->name);
        if (row->error == NULL)
            cr_expect_str_eq(error_of(&settle), "", "%s: %s", row->name, error_of(&settle));
        else
            cr_expect_not_null(strstr(error_of(&settle), row->error), "%s: %s", row->name,
                               error_of(&settle));
        rig_stop(&rig);
    }
}

Test(engine_ask, asks_no_other_queue_about_what_proves_nothing_anyway)
{
    static const struct {
        const char *name, *config, *answer, *state;
    } rows[] = {
        {"there is no other queue", "[gateway]\napi_key = k\n[queue a]\n", "402", "sent"    },
        {"it is accepted",          THREE,                                 "100", "sent"    },
        {"a carrier's failure",     THREE,                                 "600", "retrying"},
        {"an answer that is none",  THREE,                                 "?",   "retrying"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        start(rows[i].config, NO, MAYBE);
        refuse_guarded_retry(rows[i].answer);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_TWIN), 0, "%s", rows[i].name);
        struct bh_command settle = get(BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, rows[i].state, "%s: %s", rows[i].name,
                         settle.settle.state);
        rig_stop(&rig);
    }
    start(THREE, NO, MAYBE);
    struct bh_command submit = first_request(SMS);
    rig_answered(&rig, &submit, "402");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_TWIN), 0, "a first request");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "held");
    cr_expect_eq(settle.settle.attempts, 0);
    rig_stop(&rig);
}

/* The second guarded retry is made, and after that nothing is left that could tell. */
Test(engine_ask, ends_unknown_when_a_twin_elsewhere_explains_every_refusal)
{
    start("[gateway]\napi_key = k\n[queue a]\non_uncertain = hold\n[queue b]\non_uncertain = hold\n"
          "[queue c]\non_uncertain = hold\n",
          DENIED, ON);
    refuse_guarded_retry("402");
    answer_twins(BH_TWIN_HELD, BH_TWIN_NONE, "the first");
    struct bh_command settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "retrying");
    story_come_back(&story, &settle);
    struct bh_command admit = get(BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = get(BH_COMMAND_SUBMIT);
    rig_answered(&rig, &submit, "402");
    answer_twins(BH_TWIN_HELD, BH_TWIN_NONE, "the second");
    settle = get(BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "unknown");
    cr_expect_not_null(strstr(error_of(&settle), "another queue"), "%s", error_of(&settle));
    cr_expect_not_null(strstr(error_of(&settle), "not known"), "%s", error_of(&settle));
    rig_stop(&rig);
}

Test(engine_ask, waits_for_redis_before_it_judges_a_refusal)
{
    static const struct {
        bh_ms away_ms;
        const char *state;
    } rows[] = {
        {2000,  "sent"    },
        {12000, "retrying"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        start(THREE, NO, MAYBE);
        refuse_guarded_retry("402");
        struct bh_command one = get(BH_COMMAND_TWIN), two = get(BH_COMMAND_TWIN);
        rig_feed_kind(&rig, BH_EVENT_STORE_DOWN);
        rig_twin(&rig, &one, BH_TWIN_FAILED, 0);
        rig_twin(&rig, &two, BH_TWIN_FAILED, 0);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_TWIN), 0, "row %zu: nobody is there", i);
        rig_wait(&rig, rows[i].away_ms);
        rig_feed_kind(&rig, BH_EVENT_STORE_UP);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_TWIN), 2, "row %zu", i);
        answer_twins(BH_TWIN_NONE, BH_TWIN_NONE, "back");
        struct bh_command settle = get(BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, rows[i].state, "row %zu: %s", i, settle.settle.state);
        rig_stop(&rig);
    }
}
