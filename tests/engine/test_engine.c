#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "engine/rig.h"

#define SMS "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\"}"

static struct rig rig; /* a test is a process of its own */

static void
start(const char *ini)
{
    rig_start(&rig, ini);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
}

static void
finish(void)
{
    rig_stop(&rig);
}

/* Settle the next result, after checking what it says. */
static void
expect_settled(const char *state, const char *reason, enum bh_disposition disposition)
{
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, state);
    cr_expect_str_eq(settle.settle.reason, reason);
    cr_expect_eq(settle.settle.disposition, disposition);
    rig_settled(&rig, &settle, BH_SETTLED_OK);
}

static void
expect_idle(void)
{
    cr_expect_eq(bh_engine_stats(rig.engine)->slots_used, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0);
}

/* ---- the plain way ---- */

Test(engine, brings_a_job_from_its_claim_to_its_status)
{
    start(RIG_CONFIG);
    rig_give_one(&rig, SMS, NULL);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    cr_expect_str_eq(admit.admit.id, "one");
    cr_expect(admit.admit.first);
    cr_expect_eq(admit.admit.mode, BH_ADMIT_SEND);
    cr_expect_eq(admit.admit.created.ms, rig_server_now(&rig).ms);
    cr_expect_eq(admit.admit.due.ms, admit.admit.created.ms);
    cr_expect_eq(admit.admit.expires.ms, admit.admit.due.ms + 48 * BH_HOUR_MS);
    cr_expect_eq(admit.admit.ledger_count, 1);
    cr_expect_eq(admit.admit.ledger_ms, 190000);
    cr_expect_str_eq(rig_field(admit.admit.fields, admit.admit.fields_count, "to"), "491710000001");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0, "nothing is sent before it is admitted");

    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    cr_expect_str_eq(submit.submit.url, "http://127.0.0.1:7077/api/sms");
    cr_expect_eq(submit.submit.timeout_ms, 20000);
    rig_wait(&rig, 70);
    rig_answered(
        &rig, &submit,
        "{\"success\":\"100\",\"total_price\":0.075,\"balance\":9.5,\"sms_type\":\"direct\","
        "\"messages\":[{\"id\":\"77\",\"recipient\":\"491710000001\",\"parts\":1,"
        "\"price\":0.075,\"encoding\":\"gsm\",\"success\":true,\"error\":null}]}");
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    const struct bh_settle_command *done = &settle.settle;
    cr_expect_str_eq(done->state, "sent");
    cr_expect_eq(done->attempts, 1);
    cr_expect_eq(done->code, 100);
    cr_expect(done->sent);
    cr_expect_eq(done->ledger_action, BH_LEDGER_ARM);
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "message_id"), "77");
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "price"), "0.075");
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "balance"), "9.5");
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "confirmed_by"), "response");
    cr_expect_null(rig_field(done->fields, done->fields_count, "error"));
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    expect_idle();
    cr_expect_eq(rig_noted(&rig, "sent"), 1);
    cr_expect_eq(rig.notes_count, 1, "one note per decision");
    finish();
}

Test(engine, claims_nothing_before_the_store_is_there)
{
    rig_start(&rig, RIG_CONFIG);
    rig_pump(&rig);
    rig_wait(&rig, BH_MINUTE_MS);
    cr_expect_eq(rig.commands_count, 0);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DOWN);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_RUNNING);
    finish();
}

Test(engine, waits_for_an_empty_queue_instead_of_asking_it)
{
    start(RIG_CONFIG);
    rig_give(&rig, NULL, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_WAIT), 1);
    rig_wait(&rig, BH_DAY_MS);
    cr_expect_eq(rig.commands_count, 1, "a day without a word");
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    finish();
}

Test(engine, claims_in_batches_and_keeps_no_more_in_hand_than_it_can_send)
{
    static const char *const jobs[BH_CLAIM_MAX] = {RIG_SMS("a0"), RIG_SMS("a1"), RIG_SMS("a2"),
                                                   RIG_SMS("a3")};
    start("[gateway]\napi_key = k\nmax_connections = 2\n[queue a]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect_eq(claim.claim.count, 4, "twice what may be in flight");
    struct rig_job four[4];
    for (size_t i = 0; i < 4; i++)
        four[i] = (struct rig_job){jobs[i], NULL};
    rig_claimed(&rig, &claim, four, 4, true);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 2);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "two more are at hand");
    finish();
}

/* ---- jobs that are not sent ---- */

Test(engine, puts_a_delayed_job_aside_and_comes_back_when_it_is_due)
{
    start(RIG_CONFIG);
    rig_give_one(&rig, "{\"to\":\"491710000001\",\"text\":\"x\",\"delay\":\"+90s\"}", NULL);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    cr_expect_eq(admit.admit.mode, BH_ADMIT_SCHEDULE);
    cr_expect_eq(admit.admit.due.ms, rig_server_now(&rig).ms + 90000);
    cr_expect_eq(admit.admit.ledger_count, 0);
    cr_expect_eq(strlen(admit.admit.id), 36, "made up");
    rig_feed(&rig,
             &(struct bh_event){
                 .kind = BH_EVENT_ADMITTED,
                 .admitted = {admit.admit.slot, BH_ADMIT_SCHEDULED, 0, rig_server_now(&rig), 90000},
    });
    expect_idle();
    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_wait(&rig, 89999);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    rig_wait(&rig, 1);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    finish();
}

Test(engine, lets_a_job_expire_at_the_claim_and_right_before_it_is_sent)
{
    start(RIG_CONFIG);
    char old[200];
    snprintf(old, sizeof(old),
             "{\"to\":\"491710000001\",\"text\":\"x\",\"ttl\":1,\"enqueued_at\":%lld}",
             (long long)(rig_server_now(&rig).ms - 60000));
    rig_give_one(&rig, old, NULL);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0);
    expect_settled("expired", "", BH_SETTLE_FINAL);

    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    snprintf(old, sizeof(old),
             "{\"to\":\"491710000001\",\"text\":\"x\",\"ttl\":1,\"enqueued_at\":%lld}",
             (long long)(rig_server_now(&rig).ms - 59000));
    rig_give_one(&rig, old, NULL);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig.now_ms += 1000;
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "expired");
    cr_expect_eq(settle.settle.attempts, 0);
    cr_expect_not(settle.settle.sent);
    cr_expect_eq(settle.settle.ledger_action, BH_LEDGER_FREE);
    finish();
}

Test(engine, keeps_an_invalid_job_for_a_person)
{
    static const struct {
        const char *name, *payload, *id, *head, *error;
    } rows[] = {
        {"not JSON",                      "{",                                                       NULL,  NULL,                             NULL    },
        {"empty",                         "",                                                        NULL,  NULL,                             NULL    },
        {"unknown field",                 "{\"id\":\"x1\",\"to\":\"491710000001\",\"tekst\":\"x\"}", "x1",  NULL,
         "tekst"                                                                                                                                      },
        {"unusable delay",
         "{\"id\":\"x2\",\"to\":\"491710000001\",\"text\":\"x\",\"delay\":\"2026-02-30 10:00\"}",    "x2",  NULL,                             NULL    },
        {"no callbacks here, two people",
         "{\"id\":\"x3\",\"to\":\"491710000001,491710000002\",\"text\":\"x\",\"callback_url\":"
         "\"https://x.example/\"}",                                                                  "x3",  NULL,                             NULL    },
        {"damaged record",                SMS,                                                       NULL,  "nonsense",                       "record"},
        {"damaged memo",                  SMS,                                                       "one", "1 n - 0 0 me 7 0 0 0 0 0 \nr=x", "record"},
    };
    start(RIG_CONFIG);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        rig_give_one(&rig, rows[i].payload, rows[i].head);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        const struct bh_settle_command *done = &settle.settle;
        cr_expect_str_eq(done->state, "invalid", "%s", rows[i].name);
        cr_expect_eq(done->disposition, BH_SETTLE_DEAD, "%s", rows[i].name);
        cr_expect_neq(done->id[0], '\0', "%s", rows[i].name);
        if (rows[i].id != NULL)
            cr_expect_str_eq(done->id, rows[i].id, "%s", rows[i].name);
        const char *error = rig_field(done->fields, done->fields_count, "error");
        cr_assert_not_null(error, "%s", rows[i].name);
        if (rows[i].error != NULL)
            cr_expect_not_null(strstr(error, rows[i].error), "%s: %s", rows[i].name, error);
        rig_settled(&rig, &settle, BH_SETTLED_OK);
        rig_forget(&rig, BH_COMMAND_WAIT);
        rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    }
    cr_expect_eq(rig_noted(&rig, "invalid"), BH_ARRAY_LEN(rows));
    finish();
}

/* ---- what is remembered, and who is told ---- */

#define CALLBACKS "callback_url = https://a.example/hook/\n"
#define ACCEPTED                                                                                   \
    "{\"success\":\"100\",\"total_price\":0.075,\"balance\":9.5,\"sms_type\":\"direct\","          \
    "\"messages\":[{\"id\":\"77\",\"recipient\":\"491710000001\",\"parts\":1,"                     \
    "\"price\":0.075,\"encoding\":\"gsm\",\"success\":true,\"error\":null}]}"

Test(engine, keeps_a_payload_only_where_it_may_be_sent_again)
{
    static const struct {
        const char *name, *queue, *payload, *answer;
        bool kept;
    } rows[] = {
  /* clang-format off */
        {"by default", "", SMS, ACCEPTED, false},
        {"where it is switched on", "resend_on_report = yes\n", SMS, ACCEPTED, true},
        {"redialling is for calls", "redial = 3\n", SMS, ACCEPTED, false},
        {"refused", "resend_on_report = yes\n", SMS, "{\"success\":\"305\",\"messages\":[]}", false},
        {"one of several recipients", "resend_on_report = yes\n",
         "{\"id\":\"one\",\"to\":\"491710000001,491710000002\",\"text\":\"hello\"}",
         "{\"success\":\"100\",\"total_price\":0.15,\"balance\":9.5,\"sms_type\":\"direct\",\"messages\":["
         "{\"id\":\"77\",\"recipient\":\"491710000001\",\"parts\":1,\"price\":0.075,\"encoding\":\"gsm\",\"success\":true,\"error\":null},"
         "{\"id\":\"78\",\"recipient\":\"491710000002\",\"parts\":1,\"price\":0.075,\"encoding\":\"gsm\",\"success\":true,\"error\":null}]}", false},
        {"nothing was sent", "resend_on_report = yes\n",
         "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\",\"debug\":true}", ACCEPTED, false},
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char ini[1024];
        snprintf(ini, sizeof(ini), "%s%s", RIG_CONFIG, rows[i].queue);
        start(ini);
        struct bh_command submit = rig_bring_to_submit(&rig, rows[i].payload);
        rig_wait(&rig, 1000);
        rig_answered(&rig, &submit, rows[i].answer);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        /* Until its ttl is over: of 48 hours one second is gone. */
        cr_expect_eq(settle.settle.kept_ms, rows[i].kept ? 48 * BH_HOUR_MS - 1000 : 0, "%s: %lld",
                     rows[i].name, (long long)settle.settle.kept_ms);
        finish();
    }
}

Test(engine, says_who_is_told_when_a_job_ends)
{
    static const struct {
        const char *name, *queue, *own; /* the job's callback_url, NULL: none */
        const char *state, *wanted;     /* NULL: nobody */
    } rows[] = {
  /* clang-format off */
        {"nobody by default", "", NULL, "sent", NULL},
        {"a job that asks", CALLBACKS, "https://a.example/hook/7", "sent", "https://a.example/hook/7"},
        {"a job that does not ask", CALLBACKS, NULL, "sent", NULL},
        {"all of the queue", CALLBACKS "callback_all = yes\n", NULL, "sent", "https://a.example/hook"},
        {"its own goes before the queue's", CALLBACKS "callback_all = yes\n", "https://a.example/hook/7", "sent", "https://a.example/hook/7"},
        {"what is not allowed is not told", CALLBACKS "callback_all = yes\n", "https://b.example/", "invalid", NULL},
        {"not allowed at all", "", "https://a.example/hook/", "invalid", NULL},
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char ini[1024], payload[256];
        bool sent = strcmp(rows[i].state, "sent") == 0;
        snprintf(ini, sizeof(ini), "%s%s", RIG_CONFIG, rows[i].queue);
        snprintf(payload, sizeof(payload),
                 "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\"%s%s%s}",
                 rows[i].own != NULL ? ",\"callback_url\":\"" : "",
                 rows[i].own != NULL ? rows[i].own : "", rows[i].own != NULL ? "\"" : "");
        start(ini);
        rig_give_one(&rig, payload, NULL);
        if (sent) {
            struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
            const char *told =
                rig_field(admit.admit.fields, admit.admit.fields_count, "callback_url");
            cr_expect_eq(told != NULL, rows[i].wanted != NULL, "%s", rows[i].name);
            if (told != NULL && rows[i].wanted != NULL)
                cr_expect_str_eq(told, rows[i].wanted, "%s", rows[i].name);
            rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
            struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
            rig_answered(&rig, &submit, ACCEPTED);
        }
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        const struct bh_settle_command *done = &settle.settle;
        cr_expect_str_eq(done->state, rows[i].state, "%s", rows[i].name);
        cr_expect_eq(done->callback, rows[i].wanted != NULL ? BH_CALLBACK_DUE : BH_CALLBACK_NONE,
                     "%s", rows[i].name);
        const char *told = rig_field(done->fields, done->fields_count, "callback_url");
        cr_expect_eq(told != NULL, rows[i].wanted != NULL, "%s", rows[i].name);
        finish();
    }
    /* Of what cannot be opened its status may know more. */
    start(RIG_CONFIG);
    rig_give_one(&rig, "{", NULL);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(settle.settle.callback, BH_CALLBACK_LOOK);
    finish();
}

Test(engine, ends_what_the_store_will_not_admit)
{
    static const struct {
        const char *name;
        enum bh_admit_code code;
        const char *note;    /* NULL: none */
        const char *settled; /* state; NULL: nothing to settle */
    } rows[] = {
        {"an id seen before", BH_ADMIT_DUPLICATE, "duplicate", NULL  },
        {"cancelled",         BH_ADMIT_CANCELLED, "cancelled", NULL  },
        {"not ours",          BH_ADMIT_LOST,      "dropped",   NULL  },
        {"a twin is quicker", BH_ADMIT_LOCKED,    "held",      "held"},
    };
    start(RIG_CONFIG);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        rig_give_one(&rig, SMS, NULL);
        struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
        rig_admitted(&rig, &admit, rows[i].code, 100000);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0, "%s", rows[i].name);
        cr_expect_eq(rig_noted(&rig, rows[i].note), 1, "%s", rows[i].name);
        if (rows[i].settled != NULL) {
            struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
            cr_expect_str_eq(settle.settle.reason, "reload_lock");
            cr_expect(settle.settle.delay_ms >= 100000 && settle.settle.delay_ms <= 105000);
            cr_expect_eq(settle.settle.attempts, 0);
            rig_settled(&rig, &settle, BH_SETTLED_OK);
        }
        expect_idle();
        rig_forget(&rig, BH_COMMAND_WAIT);
        rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    }
    cr_expect_eq(rig.notes_count, BH_ARRAY_LEN(rows));
    finish();
}

/* ---- Redis away ---- */

Test(engine, survives_a_claim_that_failed)
{
    start(RIG_CONFIG);
    rig_get(&rig, BH_COMMAND_CLAIM);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_CLAIM_FAILED, .queue = 0});
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "not at once");
    rig_wait(&rig, BH_SECOND_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    finish();
}

Test(engine, admits_again_when_the_answer_was_lost)
{
    start(RIG_CONFIG);
    rig_give_one(&rig, SMS, NULL);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    const struct bh_event failed = {
        .kind = BH_EVENT_ADMITTED,
        .admitted = {admit.admit.slot, BH_ADMIT_FAILED, 0, {0}, -1},
    };
    bh_engine_feed(rig.engine, &failed, rig_turn(&rig));
    rig_feed_kind(&rig, BH_EVENT_STORE_DOWN);
    rig_wait(&rig, 5 * BH_SECOND_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 1);
    finish();
}

Test(engine, keeps_a_result_while_redis_is_away_and_settles_it_before_any_claim)
{
    start(RIG_CONFIG);
    struct bh_command submit = rig_bring_to_submit(&rig, SMS);
    rig_forget(&rig, BH_COMMAND_CLAIM);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_CLAIM_FAILED, .queue = 0});
    rig_feed_kind(&rig, BH_EVENT_STORE_DOWN);
    rig_answered(&rig, &submit, "100");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0);
    rig_wait(&rig, 2 * BH_SECOND_MS);

    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "sent");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "results first");
    rig_settled(&rig, &settle, BH_SETTLED_FAILED);
    settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "still not settled");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    cr_expect_eq(rig_noted(&rig, "sent"), 1, "said once");
    finish();
}

Test(engine, sends_what_was_admitted_while_redis_is_away)
{
    start(RIG_CONFIG);
    rig_give_one(&rig, SMS, NULL);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    bh_engine_feed(rig.engine,
                   &(struct bh_event){
                       .kind = BH_EVENT_ADMITTED,
                       .admitted = {admit.admit.slot, BH_ADMIT_OK, 0, rig_server_now(&rig), -1},
    },
                   rig_turn(&rig));
    rig_feed_kind(&rig, BH_EVENT_STORE_DOWN);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 1);
    finish();
}

/* ---- leases ---- */

Test(engine, renews_at_a_third_of_the_lease)
{
    start(RIG_CONFIG);
    rig_bring_to_submit(&rig, SMS);
    rig_wait(&rig, 9999);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_RENEW), 0);
    rig_wait(&rig, 1);
    struct bh_command renew = rig_get(&rig, BH_COMMAND_RENEW);
    rig_renewed(&rig, &renew, BH_RENEW_OK);
    rig_wait(&rig, 9999);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_RENEW), 0);
    rig_wait(&rig, 1);
    renew = rig_get(&rig, BH_COMMAND_RENEW);
    rig_renewed(&rig, &renew, BH_RENEW_FAILED);
    rig_wait(&rig, 999);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_RENEW), 0);
    rig_wait(&rig, 1);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_RENEW), 1, "asked again after a second");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CANCEL), 0);
    finish();
}

Test(engine, counts_a_lease_from_before_the_claim_was_asked)
{
    start(RIG_CONFIG);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed_late(&rig, &claim, &(struct rig_job){SMS, NULL}, 1, false, 30000);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "it has run out on the way");
    cr_expect_eq(rig_noted(&rig, "dropped"), 1);
    expect_idle();
    finish();
}

Test(engine, ends_a_request_whose_lease_is_lost)
{
    static const enum bh_renew_code ways[] = {BH_RENEW_LOST, BH_RENEW_FAILED};
    for (size_t i = 0; i < BH_ARRAY_LEN(ways); i++) {
        start(RIG_CONFIG);
        struct bh_command submit = rig_bring_to_submit(&rig, SMS);
        for (unsigned s = 0; s < 30 && rig_count(&rig, BH_COMMAND_CANCEL) == 0; s++) {
            struct bh_command renew;
            rig_wait(&rig, BH_SECOND_MS);
            if (rig_take(&rig, BH_COMMAND_RENEW, &renew))
                rig_renewed(&rig, &renew, ways[i]);
        }
        cr_expect_eq(rig_count(&rig, BH_COMMAND_CANCEL), 1);
        cr_expect_eq(rig.now_ms - BH_DAY_MS, ways[i] == BH_RENEW_LOST ? 10000 : 30000);
        rig_silence(&rig, &submit, BH_HANDED_ALL, BH_TROUBLE_CANCELLED);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, "retrying");
        rig_settled(&rig, &settle, BH_SETTLED_STALE);
        expect_idle();
        cr_expect_eq(rig_noted(&rig, "lease_lost"), 1);
        cr_expect_eq(rig_noted(&rig, "stale"), 1);
        finish();
    }
}

Test(engine, sends_nothing_from_a_lease_that_has_ended)
{
    enum stage { WAITING, ADMITTING, ADMITTING_THEN_FAILED, BETWEEN };
    for (int stage = WAITING; stage <= BETWEEN; stage++) {
        start("[gateway]\napi_key = k\nrequests_per_second = 1\n[queue a]\n");
        rig_give_one(&rig, SMS, NULL);
        struct bh_command grant = rig_get(&rig, BH_COMMAND_GRANT), admit;
        if (stage != WAITING) {
            rig_granted(&rig, &grant, 1, -1);
            admit = rig_get(&rig, BH_COMMAND_ADMIT);
        }
        if (stage == BETWEEN) {
            rig.now_ms += 30000;
            rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        } else {
            rig_wait(&rig, 30000); /* no renewal is answered */
        }
        if (stage == ADMITTING)
            rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        if (stage == ADMITTING_THEN_FAILED)
            rig_admitted(&rig, &admit, BH_ADMIT_FAILED, 0);
        if (stage == WAITING)
            rig_granted(&rig, &grant, 1, -1);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0, "stage %d", stage);
        cr_expect_eq(bh_engine_stats(rig.engine)->slots_used, 0, "stage %d", stage);
        cr_expect_eq(rig_noted(&rig, "dropped"), 1, "stage %d", stage);
        finish();
    }
}

Test(engine, ignores_answers_for_a_job_that_has_left)
{
    start(RIG_CONFIG);
    struct bh_command submit = rig_bring_to_submit(&rig, SMS);
    rig_answered(&rig, &submit, "100");
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    rig_answered(&rig, &submit, "202");
    cr_expect_eq(bh_engine_stats(rig.engine)->stale_handles, 1, "already answered");
    rig_settled(&rig, &settle, BH_SETTLED_OK);

    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    rig_give_one(&rig, RIG_SMS("two"), NULL); /* perhaps in the same slot */
    rig_answered(&rig, &submit, "202");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    struct bh_command late = {.admit = {.slot = submit.submit.slot}};
    rig_admitted(&rig, &late, BH_ADMIT_LOST, 0);
    late.renew.slot = submit.submit.slot;
    rig_renewed(&rig, &late, BH_RENEW_LOST);
    cr_expect_eq(bh_engine_stats(rig.engine)->stale_handles, 5);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 1, "the other job is untouched");
    cr_expect_eq(bh_engine_stats(rig.engine)->slots_used, 1);
    finish();
}

/* ---- draining ---- */

Test(engine, gives_back_what_is_unsent_and_finishes_the_rest_when_it_drains)
{
    static const char *const jobs[] = {RIG_SMS("a"), RIG_SMS("b"), RIG_SMS("c"), RIG_SMS("d")};
    start("[gateway]\napi_key = k\nmax_connections = 2\n[queue a]\n");
    rig_give(&rig, jobs, 4);
    struct bh_command first = rig_get(&rig, BH_COMMAND_ADMIT);
    struct bh_command second = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &first, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);

    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINING);
    for (unsigned i = 0; i < 2; i++)
        expect_settled("", "", BH_SETTLE_READY);
    rig_admitted(&rig, &second, BH_ADMIT_OK, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0, "admitted, but not sent any more");
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
    cr_expect_eq(settle.settle.ledger_action, BH_LEDGER_FREE);
    rig_settled(&rig, &settle, BH_SETTLED_OK);

    rig_answered(&rig, &submit, "100");
    expect_settled("sent", "", BH_SETTLE_FINAL);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINED);
    rig_wait(&rig, BH_HOUR_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    finish();
}

Test(engine, drains_what_a_claim_brings_too_late)
{
    start(RIG_CONFIG);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINING);
    rig_claimed(&rig, &claim, &(struct rig_job){SMS, NULL}, 1, true);
    expect_settled("", "", BH_SETTLE_READY);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINED);
    finish();
}

Test(engine, drains_when_an_admission_fails_behind_a_closed_gate)
{
    start(RIG_CONFIG);
    rig_give_one(&rig, SMS, NULL);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    rig_account(&rig, BH_ACCOUNT_PAUSED, BH_REASON_CREDIT);
    rig_admitted(&rig, &admit, BH_ADMIT_FAILED, 0);
    struct bh_command settle;
    cr_assert(rig_take(&rig, BH_COMMAND_SETTLE, &settle), "it would stay in hand for ever");
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINED);
    finish();
}

/* ---- the account ---- */

Test(engine, pauses_for_the_account_while_others_are_in_flight)
{
    static const struct {
        const char *answer, *reason;
        enum bh_account_word word;
    } rows[] = {
        {"500", "credit", BH_ACCOUNT_SAYS_CREDIT},
        {"900", "auth",   BH_ACCOUNT_SAYS_AUTH  },
    };
    static const char *const jobs[] = {RIG_SMS("a"), RIG_SMS("b"), RIG_SMS("c"), RIG_SMS("d")};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        start("[gateway]\napi_key = k\nmax_connections = 2\n[queue a]\n");
        rig_give(&rig, jobs, 4);
        struct bh_command submits[2];
        for (unsigned n = 0; n < 2; n++) {
            struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
            rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
            submits[n] = rig_get(&rig, BH_COMMAND_SUBMIT);
        }
        rig_forget(&rig, BH_COMMAND_CLAIM);
        rig_answered(&rig, &submits[0], rows[i].answer);
        struct bh_command word = rig_get(&rig, BH_COMMAND_ACCOUNT);
        cr_expect_eq(word.account.word, rows[i].word);
        cr_expect_not(word.account.trial);
        cr_expect_eq(rig_noted(&rig, "account_paused"), 1);
        for (unsigned n = 0; n < 3; n++) {
            struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
            cr_expect_str_eq(settle.settle.reason, rows[i].reason);
            cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
            cr_expect_eq(settle.settle.attempts, 0);
            rig_settled(&rig, &settle, BH_SETTLED_OK);
        }
        cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0);
        rig_answered(&rig, &submits[1], "100");
        expect_settled("sent", "", BH_SETTLE_FINAL);
        rig_wait(&rig, BH_HOUR_MS);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
        for (size_t n = 0; n < rig.notes_count; n++)
            cr_expect(strcmp(rig.notes[n].event, "sent") == 0 ||
                          strstr(rig.notes[n].text, "accepted") == NULL,
                      "%s: %s", rig.notes[n].event, rig.notes[n].text);

        rig_account(&rig, BH_ACCOUNT_OPEN, BH_REASON_NONE);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
        cr_expect_eq(rig_noted(&rig, "account_open"), 1);
        finish();
    }
}

Test(engine, tries_a_paused_account_with_one_job_at_a_time)
{
    static const char *const jobs[] = {RIG_SMS("a")};
    start(RIG_CONFIG);
    rig_account(&rig, BH_ACCOUNT_PAUSED, BH_REASON_CREDIT);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_CLAIM_FAILED, .queue = 0});
    rig_forget(&rig, BH_COMMAND_CLAIM);
    rig_wait(&rig, BH_MINUTE_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);

    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    cr_expect_eq(rig.commands[0].claim.count, 1);
    rig_give(&rig, jobs, 1);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "one is under way");

    /* The keeper changes its mind twice; the first trial is still under way. */
    rig_account(&rig, BH_ACCOUNT_PAUSED, BH_REASON_AUTH);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_AUTH);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT), 0);

    rig_answered(&rig, &submit, "100");
    struct bh_command word = rig_get(&rig, BH_COMMAND_ACCOUNT);
    cr_expect_eq(word.account.word, BH_ACCOUNT_SAYS_GOOD);
    cr_expect(word.account.trial);
    finish();
}

Test(engine, never_has_two_trials)
{
    static const char *const jobs[] = {RIG_SMS("a")};
    start(RIG_CONFIG);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    rig_give(&rig, jobs, 1);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    rig_account(&rig, BH_ACCOUNT_OPEN, BH_REASON_NONE);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    rig_claimed(&rig, &claim, &(struct rig_job){RIG_SMS("b"), NULL}, 1, false);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "the first is still out");
    rig_silence(&rig, &submit, BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 1);
    finish();
}

Test(engine, takes_many_unknown_refusals_for_a_broken_configuration)
{
    start(RIG_CONFIG);
    for (unsigned i = 0; i < 6; i++) {
        struct bh_command submit = rig_bring_to_submit(&rig, SMS);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_ACCOUNT), 0, "%u", i);
        rig_answered(&rig, &submit, "304");
        expect_settled("failed", "", BH_SETTLE_DEAD);
        rig_forget(&rig, BH_COMMAND_WAIT);
        rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    }
    struct bh_command word = rig_get(&rig, BH_COMMAND_ACCOUNT);
    cr_expect_eq(word.account.word, BH_ACCOUNT_SAYS_AUTH);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    finish();
}

/* ---- the gateway down ---- */

Test(engine, claims_nothing_while_the_breaker_is_open_and_then_one)
{
    static const char *const jobs[] = {RIG_SMS("a"), RIG_SMS("b"), RIG_SMS("c")};
    start(RIG_CONFIG);
    rig_give(&rig, jobs, 3);
    struct bh_command submits[3];
    for (unsigned i = 0; i < 3; i++) {
        struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
        rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        submits[i] = rig_get(&rig, BH_COMMAND_SUBMIT);
    }
    for (unsigned i = 0; i < 3; i++) {
        rig_silence(&rig, &submits[i], BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.reason, "gateway_down");
        cr_expect_eq(settle.settle.attempts, 0);
        cr_expect_geq(settle.settle.delay_ms, 2000);
        rig_settled(&rig, &settle, BH_SETTLED_OK);
    }
    cr_expect_eq(rig_noted(&rig, "gateway_down"), 1);
    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    struct bh_mono wake = bh_engine_wake_at(rig.engine, (struct bh_mono){rig.now_ms});
    cr_expect(wake.ms >= rig.now_ms + 2000 && wake.ms <= rig.now_ms + 2400);
    rig_wait(&rig, wake.ms - rig.now_ms);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect_eq(claim.claim.count, 1);
    rig_claimed(&rig, &claim, &(struct rig_job){SMS, NULL}, 1, true);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    rig_answered(&rig, &submit, "100");
    cr_expect_eq(rig_noted(&rig, "gateway_up"), 1);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    finish();
}

Test(engine, lets_one_of_those_at_hand_go_when_the_breaker_probes)
{
    static const char *const jobs[] = {RIG_SMS("a"), RIG_SMS("b"), RIG_SMS("c"),
                                       RIG_SMS("d"), RIG_SMS("e"), RIG_SMS("f")};
    start("[gateway]\napi_key = k\nmax_connections = 3\n[queue a]\n");
    rig_give(&rig, jobs, 6);
    struct bh_command submits[3];
    for (unsigned i = 0; i < 3; i++) {
        struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
        rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        submits[i] = rig_get(&rig, BH_COMMAND_SUBMIT);
    }
    for (unsigned i = 0; i < 3; i++)
        rig_silence(&rig, &submits[i], BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
    /* The window had halved, so one more has been let in before the breaker opened. */
    rig_forget(&rig, BH_COMMAND_SETTLE);
    unsigned let_in = rig_count(&rig, BH_COMMAND_ADMIT);
    cr_expect_leq(let_in, 1);
    struct bh_command admit;
    if (rig_take(&rig, BH_COMMAND_ADMIT, &admit))
        rig_admitted(&rig, &admit, BH_ADMIT_DUPLICATE, 0);
    rig_wait(&rig, 1999);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "closed");
    rig_wait(&rig, 401);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 1, "one probe");
    rig_wait(&rig, BH_SECOND_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 1, "and no second one");
    finish();
}

Test(engine, lets_a_job_wait_no_longer_for_the_gateway_than_it_lives)
{
    start(RIG_CONFIG);
    struct bh_command submit =
        rig_bring_to_submit(&rig, "{\"to\":\"491710000001\",\"text\":\"code\",\"ttl\":5}");
    rig_answered_status(&rig, &submit, 429, BH_HOUR_MS);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "held");
    cr_expect_eq(settle.settle.delay_ms, 5 * BH_MINUTE_MS, "%lld",
                 (long long)settle.settle.delay_ms);
    finish();
}

Test(engine, does_not_send_a_guarded_retry_whose_moment_has_passed_in_its_hands)
{
    char head[200];
    start(RIG_CONFIG);
    int64_t now = rig_server_now(&rig).ms;
    snprintf(head, sizeof(head), "1 u uncertain 1 0 me 7 0 %lld %lld %lld %lld one\nr=0 g=1",
             (long long)now - 140000, (long long)now - 140000, (long long)now + 900000,
             (long long)now - 140000);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    struct bh_command submit = rig_bring_to_submit(&rig, RIG_SMS("two"));
    rig_account(&rig, BH_ACCOUNT_OPEN, BH_REASON_NONE);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_account(&rig, BH_ACCOUNT_TRIAL, BH_REASON_CREDIT);
    rig_claimed(&rig, &claim, &(struct rig_job){SMS, head}, 1, false);
    rig_wait(&rig, 11000);
    rig_silence(&rig, &submit, BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0);
    struct bh_command settle;
    bool later = false;
    while (rig_take(&rig, BH_COMMAND_SETTLE, &settle))
        later = later || strcmp(settle.settle.reason, "uncertain") == 0;
    cr_expect(later, "it waits until the lock has lapsed");
    finish();
}

/* ---- limits ---- */

Test(engine, asks_for_tokens_before_it_admits)
{
    static const char *const jobs[] = {RIG_SMS("a"), RIG_SMS("b"), RIG_SMS("c")};
    start("[gateway]\napi_key = k\nrequests_per_second = 2\nconnections_per_second = 50\n"
          "[queue a]\n");
    bh_engine_set_connections(rig.engine, 0);
    rig_give(&rig, jobs, 3);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0);
    struct bh_command grant = rig_get(&rig, BH_COMMAND_GRANT);
    cr_expect_eq(grant.grant.limit, BH_LIMIT_REQUESTS);
    cr_expect_eq(grant.grant.count, 3);
    struct bh_command connections = rig_get(&rig, BH_COMMAND_GRANT);
    cr_expect_eq(connections.grant.limit, BH_LIMIT_CONNECTIONS);
    rig_granted(&rig, &grant, 2, 400);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "no connection may be opened yet");
    rig_granted(&rig, &connections, 3, -1);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 2);
    grant = rig_get(&rig, BH_COMMAND_GRANT);
    rig_granted(&rig, &grant, 0, 400);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_GRANT), 0, "not in a circle");
    rig_wait(&rig, 399);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_GRANT), 0);
    rig_wait(&rig, 1);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_GRANT), 1);
    finish();
}

Test(engine, needs_no_token_for_a_connection_that_is_open)
{
    start(RIG_CONFIG);
    bh_engine_set_connections(rig.engine, 1);
    rig_give_one(&rig, SMS, NULL);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_GRANT), 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 1);
    finish();
}

Test(engine, gives_tokens_back_that_were_not_used)
{
    static const char *const jobs[] = {RIG_SMS("a"), RIG_SMS("b")};
    start("[gateway]\napi_key = k\nrequests_per_second = 5\nmax_connections = 1\n[queue a]\n");
    bh_engine_set_connections(rig.engine, 9);
    rig_give(&rig, jobs, 2);
    struct bh_command grant = rig_get(&rig, BH_COMMAND_GRANT);
    cr_expect_eq(grant.grant.count, 1, "no more than may go now");
    rig_granted(&rig, &grant, 1, -1);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_DUPLICATE, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_GRANT), 0);
    admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_wait(&rig, 5000);
    rig_admitted(&rig, &admit, BH_ADMIT_FAILED, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_GRANT), 1, "a stale token is forgotten");
    finish();
}

Test(engine, leaves_limited_and_paused_queues_alone_for_a_while)
{
    static const struct {
        enum bh_claim_code code;
        bh_ms wait_ms, wanted_ms;
    } rows[] = {
        {BH_CLAIM_LIMITED, 250, 250 },
        {BH_CLAIM_LIMITED, -1,  1000},
        {BH_CLAIM_PAUSED,  -1,  1000},
    };
    start(RIG_CONFIG);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        rig_get(&rig, BH_COMMAND_CLAIM);
        rig_feed(&rig, &(struct bh_event){
                           .kind = BH_EVENT_CLAIMED,
                           .claimed = {.code = rows[i].code,
                                       .asked_at = {rig.now_ms},
                                       .server_now = rig_server_now(&rig),
                                       .next_due_ms = -1,
                                       .wait_ms = rows[i].wait_ms},
        });
        cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM) + rig_count(&rig, BH_COMMAND_WAIT), 0);
        rig_wait(&rig, rows[i].wanted_ms - 1);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "row %zu", i);
        rig_wait(&rig, 1);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1, "row %zu", i);
    }
    finish();
}

static void
answer_limited(void)
{
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_feed(&rig, &(struct bh_event){
                       .kind = BH_EVENT_CLAIMED,
                       .claimed = {.queue = claim.claim.queue,
                                   .code = BH_CLAIM_LIMITED,
                                   .asked_at = {rig.now_ms},
                                   .server_now = rig_server_now(&rig),
                                   .next_due_ms = -1,
                                   .wait_ms = -1},
    });
}

Test(engine, claims_again_at_once_when_a_job_of_a_full_queue_ends)
{
    start("[gateway]\napi_key = k\n[queue a]\nconcurrency = 1\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed(&rig, &claim, &(struct rig_job){RIG_SMS("a"), NULL}, 1, true);
    answer_limited();
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "its one lease is taken");

    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    rig_answered(&rig, &submit, "100");
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "it is not settled yet");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    answer_limited();
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "somebody else was quicker");
    rig_wait(&rig, 1000);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);

    rig_claimed(&rig, &claim, &(struct rig_job){RIG_SMS("b"), NULL}, 1, true);
    answer_limited();
    admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_DUPLICATE, 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1, "admission may end a lease, too");
    finish();
}

/* ---- several queues ---- */

/* Claim `jobs` one after the other, all queues being full; counts what each queue got. */
static void
claim_many(unsigned jobs, unsigned *got)
{
    for (unsigned i = 0; i < jobs; i++) {
        struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
        got[claim.claim.queue]++;
        rig_claimed(&rig, &claim, &(struct rig_job){"{", NULL}, 1, true);
        expect_settled("invalid", "", BH_SETTLE_DEAD);
        rig.notes_count = 0;
    }
}

Test(engine, serves_queues_in_proportion_to_their_weights)
{
    unsigned got[3] = {0};
    start("[gateway]\napi_key = k\n[queue a]\nweight = 1\n[queue b]\nweight = 3\n");
    claim_many(400, got);
    cr_expect(got[0] >= 99 && got[0] <= 101, "%u", got[0]);
    finish();
}

Test(engine, lets_no_queue_catch_up_for_the_time_when_it_was_idle)
{
    start("[gateway]\napi_key = k\n[queue a]\n[queue b]\n");
    unsigned got[3] = {0};
    for (unsigned idle = 0; idle < 2; idle++) {
        struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
        if (claim.claim.queue == 0) { /* a is empty, but something will be due in an hour */
            rig_feed(&rig, &(struct bh_event){
                               .kind = BH_EVENT_CLAIMED,
                               .claimed = {.queue = 0,
                                           .asked_at = {rig.now_ms},
                                           .server_now = rig_server_now(&rig),
                                           .next_due_ms = BH_HOUR_MS},
            });
        } else {
            rig_claimed(&rig, &claim, &(struct rig_job){"{", NULL}, 1, true);
            expect_settled("invalid", "", BH_SETTLE_DEAD);
        }
    }
    claim_many(500, got);
    cr_assert_eq(got[1], 500);
    rig.now_ms += BH_HOUR_MS;
    got[0] = got[1] = 0;
    claim_many(100, got);
    cr_expect(got[0] >= 48 && got[0] <= 52, "due again, a got %u of 100", got[0]);

    rig_configure(&rig, "[gateway]\napi_key = k\n[queue a]\n[queue b]\n[queue c]\n");
    memset(got, 0, sizeof(got));
    claim_many(99, got);
    cr_expect(got[2] >= 31 && got[2] <= 35, "new, c got %u of 99", got[2]);
    finish();
}

Test(engine, serves_a_strict_queue_first_but_not_alone)
{
    unsigned got[3] = {0};
    start("[gateway]\napi_key = k\n[queue a]\nweight = 100\n[queue b]\nstrict = yes\n");
    claim_many(50, got);
    cr_expect_eq(got[1], 50);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect_eq(claim.claim.queue, 1);
    rig_claimed(&rig, &claim, NULL, 0, false);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect_eq(claim.claim.queue, 0);
    finish();
}

/* ---- reloading ---- */

Test(engine, finishes_a_job_with_the_configuration_that_it_began_with)
{
    start("[gateway]\napi_key = k\nurl = http://127.0.0.1:1/old\n[queue a]\n[queue b]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_assert_eq(claim.claim.queue, 0);
    rig_claimed(&rig, &claim, &(struct rig_job){SMS, NULL}, 1, false);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_configure(&rig, "[gateway]\napi_key = k\nurl = http://127.0.0.1:1/new\n[queue b]\n");
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    cr_expect_str_eq(submit.submit.url, "http://127.0.0.1:1/old/sms");
    rig_answered(&rig, &submit, "100");
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(settle.settle.claim.queue, 0, "the queue is gone, its job is not");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    struct bh_command other;
    while (rig_take(&rig, BH_COMMAND_CLAIM, &other)) {
        cr_expect_eq(other.claim.queue, 1);
        rig_claimed(&rig, &other, NULL, 0, false);
    }
    finish();
}

#define ACCOUNT(key, path)                                                                         \
    "[queue a]\n[gateway]\napi_key = " key "\nurl = http://127.0.0.1:1/" path "\n"

/* Somebody has put a good key in the place of one that was revoked, while a request was under way. */
Test(engine, pauses_no_account_for_what_another_one_was_told)
{
    static const struct {
        const char *old, *fresh;
        unsigned pauses;
    } rows[] = {
        {ACCOUNT("revoked", "old"), ACCOUNT("good", "old"),                  0},
        {ACCOUNT("k",       "old"), ACCOUNT("k",    "new"),                  0},
        {ACCOUNT("k",       "old"), ACCOUNT("k",    "old") "timeout = 7s\n", 1},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        start(rows[i].old);
        rig_give(&rig, (const char *const[]){RIG_SMS("a")}, 1);
        struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
        rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
        struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
        rig_configure(&rig, rows[i].fresh);
        rig_forget(&rig, BH_COMMAND_CLAIM);
        rig_answered(&rig, &submit, "900");
        cr_expect_eq(rig_count(&rig, BH_COMMAND_ACCOUNT), rows[i].pauses, "%s", rows[i].fresh);
        cr_expect_eq(rig_noted(&rig, "account_paused"), rows[i].pauses, "%s", rows[i].fresh);
        rig_forget(&rig, BH_COMMAND_ACCOUNT);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
        cr_expect_eq(settle.settle.attempts, 0);
        rig_settled(&rig, &settle, BH_SETTLED_OK);
        rig_forget(&rig, BH_COMMAND_CLAIM);
        finish();
    }
}

Test(engine, leaves_jobs_alone_whose_queue_went_while_they_were_claimed)
{
    start("[gateway]\napi_key = k\n[queue a]\n[queue b]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_assert_eq(claim.claim.queue, 0);
    rig_configure(&rig, "[gateway]\napi_key = k\n[queue b]\n");
    rig_claimed(&rig, &claim, &(struct rig_job){SMS, NULL}, 1, true);
    expect_idle();
    cr_expect_eq(bh_engine_stats(rig.engine)->dropped, 1);
    rig_configure(&rig, "[gateway]\napi_key = k\n[queue a]\n[queue b]\n");
    rig_forget(&rig, BH_COMMAND_WAIT);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed(&rig, &claim, NULL, 0, false);
    struct bh_command next;
    cr_expect(rig_take(&rig, BH_COMMAND_CLAIM, &next), "b and the new a are both asked");
    finish();
}

/* ---- what is written ---- */

Test(engine, does_not_say_accepted_of_what_it_gives_back)
{
    start(RIG_CONFIG);
    char head[200];
    int64_t now = rig_server_now(&rig).ms;
    snprintf(head, sizeof(head), "1 r - 1 0 me 7 0 %lld %lld %lld 0 one\nr=1", (long long)now,
             (long long)now, (long long)now + 210000);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_account(&rig, BH_ACCOUNT_PAUSED, BH_REASON_CREDIT);
    rig_claimed(&rig, &claim, &(struct rig_job){SMS, head}, 1, false);
    expect_settled("held", "credit", BH_SETTLE_READY);
    for (size_t i = 0; i < rig.notes_count; i++)
        cr_expect_null(strstr(rig.notes[i].text, "accepted"), "%s: %s", rig.notes[i].event,
                       rig.notes[i].text);
    finish();
}

Test(engine, keeps_what_became_of_each_recipient_through_the_last_settlement)
{
    char head[300];
    start(RIG_CONFIG);
    int64_t now = rig_server_now(&rig).ms;
    snprintf(head, sizeof(head),
             "1 r - 1 0 me 7 0 %lld %lld %lld 0 one\nr=1\n0 a 100 1 75000 77 491710000001",
             (long long)now - 5000, (long long)now - 5000, (long long)now - 1);
    rig_give_one(&rig, "{\"to\":\"491710000001,491710000002\",\"text\":\"x\"}", head);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    const struct bh_settle_command *done = &settle.settle;
    cr_expect_str_eq(done->state, "partial");
    const char *recipients = rig_field(done->fields, done->fields_count, "recipients");
    cr_assert_not_null(recipients);
    cr_expect_not_null(strstr(recipients, "\"491710000002\",\"success\":false"), "%s", recipients);
    cr_expect_not_null(strstr(recipients, "\"491710000001\",\"success\":true"), "%s", recipients);
    cr_expect_str_eq(rig_field(done->fields, done->fields_count, "message_id"), "77");
    finish();
}

/* A word that comes later makes true of null; "success":false is a refusal, and stays one. */
Test(engine, calls_a_recipient_of_an_unknown_fate_neither_reached_nor_refused)
{
    char head[300];
    start(RIG_CONFIG);
    rig_witnesses(&rig, BH_JOURNAL_DENIED, BH_LOCK_UNKNOWN);
    int64_t now = rig_server_now(&rig).ms;
    snprintf(head, sizeof(head),
             "1 u uncertain 1 1 ~other 7 0 %lld %lld %lld %lld one\n"
             "r=1\n0 a 100 1 75000 77 491710000001\n1 f 202 0 -1 - 491710000002",
             (long long)now - 5000, (long long)now - 5000, (long long)now - 1,
             (long long)now - 4000);
    rig_give_one(&rig, "{\"to\":\"491710000001,491710000002,491710000003\",\"text\":\"x\"}", head);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    const struct bh_settle_command *done = &settle.settle;
    cr_expect_str_eq(done->state, "unknown");
    const char *recipients = rig_field(done->fields, done->fields_count, "recipients");
    cr_assert_not_null(recipients);
    cr_expect_not_null(strstr(recipients, "\"491710000001\",\"success\":true"), "%s", recipients);
    cr_expect_not_null(strstr(recipients, "\"491710000002\",\"success\":false"), "%s", recipients);
    cr_expect_not_null(strstr(recipients, "\"491710000003\",\"success\":null"), "%s", recipients);
    finish();
}

Test(engine, asks_for_what_is_left_of_the_ttl)
{
    start(RIG_CONFIG);
    char head[200];
    int64_t now = rig_server_now(&rig).ms;
    snprintf(head, sizeof(head), "1 r - 1 0 me 7 0 %lld %lld %lld 0 one\nr=1",
             (long long)now - 90000, (long long)now - 90000, (long long)now + 210000 - 1);
    rig_give_one(&rig, SMS, head);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    cr_expect_not(admit.admit.first);
    cr_expect_eq(admit.admit.fields_count, 0, "its origin stands there");
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    char body[2048];
    snprintf(body, sizeof(body), "%.*s", BH_STR_ARGS(submit.submit.body));
    cr_expect_not_null(strstr(body, "ttl=4"), "%s", body);
    finish();
}
