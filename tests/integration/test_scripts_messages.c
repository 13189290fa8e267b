/* What is remembered of messages that were taken, and who is told: the index, open, pull, kept, and the outbox. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/resend.h"
#include "redis/resolve.h"
#include "redis/steer.h"

#define STATUS "bellhop:{q}:status:id1"

static void
set_up(void)
{
    stage_set_up();
    stage.queue.tracking = (struct bh_tracking){.open_ms = 3 * DAY, .pull_after_ms = 60000};
}

TestSuite(messages, .init = set_up, .fini = stage_tear_down);

/* ---- shorthands ---------------------------------------------------------------------------------- */

/* Kept until the next but seven; "(none)" when there is none. */
static const char *
text(const char *format, const char *argument)
{
    static char texts[8][1024];
    static unsigned next;
    char *kept = texts[next++ % BH_ARRAY_LEN(texts)];
    redisReply *reply = script_redis_command(&stage.redis, format, argument);
    (void)snprintf(kept, sizeof(texts[0]), "%s", reply->str != NULL ? reply->str : "(none)");
    freeReplyObject(reply);
    return kept;
}

/* The members and scores of a sorted set, less T0, with blanks in between. */
static const char *
set_of(const char *name)
{
    static char line[1024];
    redisReply *reply =
        script_redis_command(&stage.redis, "ZRANGE bellhop:{q}:%s 0 -1 WITHSCORES", name);
    line[0] = '\0';
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        size_t len = strlen(line);
        (void)snprintf(line + len, sizeof(line) - len, "%s%s@%lld", i > 0 ? " " : "",
                       reply->element[i]->str,
                       strtoll(reply->element[i + 1]->str, NULL, 10) - (long long)T0);
    }
    freeReplyObject(reply);
    return line;
}

static int64_t
exists(const char *key)
{
    return stage_int("EXISTS bellhop:{q}:%s", key);
}

/* Push, claim and admit a job of this id. */
static struct bh_claim_ref
begin(const char *id)
{
    RUN("LPUSH bellhop:{q} payload-of-%s", id);
    cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 1}), 1);
    struct bh_claim_ref job = stage_ref(0);
    cr_assert_eq(stage_admit("me", stage_admission(job, id)).code, BH_ADMIT_OK);
    return job;
}

static struct bh_settle_command
sent(struct bh_claim_ref job, const char *id, const char *messages)
{
    return (struct bh_settle_command){.claim = job,
                                      .disposition = BH_SETTLE_FINAL,
                                      .waiting = BH_WAITING_NEW,
                                      .reason = "",
                                      .attempts = 1,
                                      .id = id,
                                      .state = "sent",
                                      .message_ids = bh_str_from(messages),
                                      .ledger_ms = 190000};
}

static enum bh_settle_code
settle(struct bh_settle_command settle)
{
    return stage_settle("me", settle).code;
}

/* ---- finish -------------------------------------------------------------------------------------- */

Test(messages, lead_to_their_job_and_are_open_when_it_ends)
{
    static const struct {
        const char *name, *state, *messages;
        enum bh_disposition disposition;
        const char *entries; /* of 77, 78 and 79: 1 there is one */
        const char *open, *pull;
        int64_t counted;
    } rows[] = {
        {"one message",                "sent",     "77",       BH_SETTLE_FINAL, "100", "77@5",      "77@60005",          1},
        {"several",                    "partial",  "77,79",    BH_SETTLE_FINAL, "101", "77@5 79@5", "77@60005 79@60005",
         2                                                                                                                },
        {"dead, some were reached",    "unknown",  "78",       BH_SETTLE_DEAD,  "010", "78@5",      "78@60005",          1},
        {"it goes on with the others", "retrying", "77",       BH_SETTLE_WAIT,  "100", "",          "",                  0},
        {"no message",                 "sent",     "",         BH_SETTLE_FINAL, "000", "",          "",                  0},
        {"given back",                 "",         "",         BH_SETTLE_READY, "000", "",          "",                  0},
        {"commas of nobody's",         "sent",     ",77,,78,", BH_SETTLE_FINAL, "110", "77@5 78@5",
         "77@60005 78@60005",                                                                                            2},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char entries[4] = "000";
        script_redis_reset(&stage.redis, T0);
        struct bh_claim_ref job = begin("id1");
        script_redis_set_clock(&stage.redis, T0 + 5);
        struct bh_settle_command ends = sent(job, "id1", rows[i].messages);
        ends.state = rows[i].state;
        ends.disposition = rows[i].disposition;
        cr_expect_eq(settle(ends), BH_SETTLED_OK, "%s", rows[i].name);
        for (int message = 0; message < 3; message++) {
            char id[3];
            snprintf(id, sizeof(id), "%d", 77 + message);
            const char *leads = text("GET bellhop:{q}:message:%s", id);
            entries[message] = strcmp(leads, "id1") == 0 ? '1' : '0';
            if (entries[message] == '1')
                cr_expect_gt(stage_int("PTTL bellhop:{q}:message:%s", id), DAY - 60000);
        }
        cr_expect_str_eq(entries, rows[i].entries, "%s", rows[i].name);
        cr_expect_str_eq(set_of("open"), rows[i].open, "%s: %s", rows[i].name, set_of("open"));
        cr_expect_str_eq(set_of("pull"), rows[i].pull, "%s: %s", rows[i].name, set_of("pull"));
        cr_expect_eq(stage_counter("messages"), rows[i].counted, "%s", rows[i].name);
    }
}

Test(messages, of_one_call_stay_with_their_jobs)
{
    const struct bh_field ledger_less = {
        "message_id", {"1,2", 3}
    };
    static const char digest[1][33] = {"00000000000000000000000000000000"};
    struct bh_store_caller caller = {&stage.queue, &stage.keys, "me"};
    struct bh_command commands[3];
    struct bh_settled_event events[3];
    struct bh_call call;
    for (size_t i = 0; i < 3; i++) {
        static const char *const ids[] = {"a", "b", "c"}, *const messages[] = {"1,2", "", "3"};
        commands[i] = (struct bh_command){.kind = BH_COMMAND_SETTLE,
                                          .settle = sent(begin(ids[i]), ids[i], messages[i])};
    }
    commands[0].settle.kept_ms = 1000;
    commands[0].settle.fields = &ledger_less;
    commands[0].settle.fields_count = 1;
    commands[1].settle.kept_ms = 2000;
    commands[1].settle.ledger = digest;
    commands[1].settle.ledger_count = 1;
    commands[2].settle.callback = BH_CALLBACK_DUE;
    bh_call_init(&call, BH_SCRIPT_FINISH);
    bh_encode_settle(&call, &caller, commands, 3);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_settle(reply, 3, events), BH_OK);
    freeReplyObject(reply);
    cr_expect_str_eq(text("GET bellhop:{q}:message:%s", "1"), "a");
    cr_expect_str_eq(text("GET bellhop:{q}:message:%s", "2"), "a");
    cr_expect_str_eq(text("GET bellhop:{q}:message:%s", "3"), "c");
    cr_expect_str_eq(text("GET bellhop:{q}:kept:%s", "a"), "payload-of-a");
    cr_expect_str_eq(text("GET bellhop:{q}:kept:%s", "b"), "payload-of-b");
    cr_expect_eq(exists("kept:c"), 0);
    cr_expect_str_eq(set_of("open"), "1@0 2@0 3@0", "%s", set_of("open"));
    cr_expect_str_eq(set_of("callbacks"), "c@0", "%s", set_of("callbacks"));
}

Test(messages, keep_no_large_payload)
{
    static char payload[1024 * 1024 + 1];
    memset(payload, 'x', sizeof(payload));
    for (size_t over = 0; over < 2; over++) {
        const char *id = over == 0 ? "id1" : "id2";
        RUN("LPUSH bellhop:{q} %b", payload, sizeof(payload) - 1 + over);
        cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 1}), 1);
        struct bh_claim_ref job = stage_ref(0);
        cr_assert_eq(stage_admit("me", stage_admission(job, id)).code, BH_ADMIT_OK);
        struct bh_settle_command command = sent(job, id, "77");
        command.kept_ms = 1000;
        cr_expect_eq(settle(command), BH_SETTLED_OK);
    }
    cr_expect_eq(stage_int("STRLEN bellhop:{q}:kept:id1"), 1024 * 1024);
    cr_expect_eq(exists("kept:id2"), 0);
    cr_expect_eq(BH_RESEND_BYTES_MAX, 1024 * 1024, "the scripts know it by heart");
}

Test(messages, are_not_remembered_where_nobody_brings_reports)
{
    stage.queue.tracking = (struct bh_tracking){0};
    cr_expect_eq(settle(sent(begin("id1"), "id1", "77")), BH_SETTLED_OK);
    cr_expect_eq(exists("message:77") + exists("open") + exists("pull") + exists("kept:id1"), 0);
    cr_expect_eq(exists("callbacks") + exists("callbacks:tries"), 0);
    cr_expect_eq(stage_counter("messages"), 0);
    stage.queue.tracking.open_ms = DAY;
    cr_expect_eq(settle(sent(begin("id2"), "id2", "78")), BH_SETTLED_OK);
    cr_expect_eq(exists("open"), 1);
    cr_expect_eq(exists("pull"), 0, "nobody is asked");
}

Test(messages, of_a_result_that_does_not_count_are_not_remembered)
{
    struct bh_claim_ref job = begin("id1");
    script_redis_set_clock(&stage.redis, T0 + LEASE + 1);
    cr_assert_eq(stage_claim("other", &(struct bh_claim_command){.count = 1}), 1);
    cr_expect_eq(settle(sent(job, "id1", "77")), BH_SETTLED_STALE);
    cr_expect_eq(exists("message:77") + exists("open"), 0);
    /* An invalid job that bears the id of another one has no status, and nothing leads to it. */
    script_redis_reset(&stage.redis, T0);
    RUN("HSET " STATUS " state sent");
    RUN("LPUSH bellhop:{q} x");
    cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 1}), 1);
    struct bh_settle_command dies = sent(stage_ref(0), "id1", "77");
    dies.disposition = BH_SETTLE_DEAD;
    dies.state = "invalid";
    dies.callback = BH_CALLBACK_LOOK;
    cr_expect_eq(settle(dies), BH_SETTLED_OK);
    cr_expect_eq(exists("message:77") + exists("open") + exists("callbacks"), 0);
}

Test(messages, that_nobody_tells_of_any_more_are_trimmed_in_bounded_steps)
{
    for (int i = 0; i < 250; i++)
        RUN("ZADD bellhop:{q}:open %lld old%d", (long long)(T0 - 4 * DAY + i), i);
    RUN("ZADD bellhop:{q}:open %lld young", (long long)(T0 - DAY));
    RUN("ZADD bellhop:{q}:pull %lld old0", (long long)T0);
    cr_expect_eq(settle(sent(begin("id1"), "id1", "77")), BH_SETTLED_OK);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "open"), 52);
    cr_expect_eq(stage_counter("delivery:none"), 200);
    cr_expect_str_eq(set_of("pull"), "77@60000", "%s", set_of("pull"));
    cr_expect_eq(settle(sent(begin("id2"), "id2", "78")), BH_SETTLED_OK);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "open"), 3);
    cr_expect_eq(stage_counter("delivery:none"), 250);
}

/* More than one command may have arguments for. */
Test(messages, of_thousands_of_recipients_fit_into_one_call)
{
    static char messages[6 * 9000 + 1];
    for (int i = 0; i < 9000; i++)
        (void)snprintf(messages + 6 * i, sizeof(messages) - 6 * (size_t)i, "%s%05d",
                       i > 0 ? "," : "0", i);
    cr_expect_eq(settle(sent(begin("id1"), "id1", messages)), BH_SETTLED_OK);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "open"), 9000);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "pull"), 9000);
    cr_expect_eq(stage_counter("messages"), 9000);
    cr_expect_str_eq(text("GET bellhop:{q}:message:%s", "08999"), "id1");
}

Test(messages, keep_what_was_told_of_them_before_their_job_ended)
{
    static const char told[] = "[{\"recipient\":\"491\",\"success\":true,\"id\":\"77\","
                               "\"delivery\":\"DELIVERED\",\"delivered_at\":1700000000001},"
                               "{\"recipient\":\"492\",\"success\":true,\"id\":\"78\",\"delivery\":"
                               "\"BUFFERED\",\"delivered_at\":1700000000002},"
                               "{\"recipient\":\"493\",\"success\":null}]";
    static const char ends[] =
        "[{\"recipient\":\"491\",\"success\":true,\"id\":\"77\",\"parts\":1},"
        "{\"recipient\":\"492\",\"success\":true,\"id\":\"78\",\"parts\":1},"
        "{\"recipient\":\"493\",\"success\":true,\"id\":\"79\"}]";
    static const char wanted[] =
        "[{\"recipient\":\"491\",\"success\":true,\"id\":\"77\",\"delivery\":\"DELIVERED\","
        "\"delivered_at\":1700000000001,\"parts\":1},"
        "{\"recipient\":\"492\",\"success\":true,\"id\":\"78\",\"delivery\":\"BUFFERED\","
        "\"delivered_at\":1700000000002,\"parts\":1},"
        "{\"recipient\":\"493\",\"success\":true,\"id\":\"79\"}]";
    const struct bh_field field = {"recipients", bh_str_from(ends)};
    struct bh_claim_ref job = begin("id1");
    RUN("HSET " STATUS " recipients %s", told);
    struct bh_settle_command settled = sent(job, "id1", "77,78,79");
    settled.fields = &field;
    settled.fields_count = 1;
    cr_expect_eq(settle(settled), BH_SETTLED_OK);
    cr_expect_str_eq(text("HGET " STATUS " %s", "recipients"), wanted, "%s",
                     text("HGET " STATUS " %s", "recipients"));
    cr_expect_str_eq(set_of("open"), "78@0 79@0", "%s: the first one's final word has come",
                     set_of("open"));
}

/* The journal may know more than that it was taken. */
Test(messages, that_have_arrived_are_awaited_no_more)
{
    static const struct {
        const char *delivery, *open;
    } rows[] = {
        {"DELIVERED",   ""    },
        {"TRANSMITTED", "77@0"},
        {"FAILED",      "77@0"}, /* a report of it may lead to another message */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_field field = {"delivery", bh_str_from(rows[i].delivery)};
        script_redis_reset(&stage.redis, T0);
        struct bh_settle_command ends = sent(begin("id1"), "id1", "77");
        ends.fields = &field;
        ends.fields_count = 1;
        cr_expect_eq(settle(ends), BH_SETTLED_OK);
        cr_expect_str_eq(set_of("open"), rows[i].open, "%s", rows[i].delivery);
        cr_expect_eq(exists("message:77"), 1, "%s", rows[i].delivery);
    }
}

Test(messages, keep_their_payload_byte_for_byte_as_long_as_it_is_said)
{
    RUN("LPUSH bellhop:{q} %b", "a\0b\xff", (size_t)4);
    cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 1}), 1);
    struct bh_claim_ref job = stage_ref(0);
    cr_assert_eq(stage_admit("me", stage_admission(job, "id1")).code, BH_ADMIT_OK);
    struct bh_settle_command ends = sent(job, "id1", "77");
    ends.kept_ms = 50000;
    cr_expect_eq(settle(ends), BH_SETTLED_OK);
    redisReply *kept = script_redis_command(&stage.redis, "GET bellhop:{q}:kept:id1");
    cr_assert_eq(kept->len, 4);
    cr_expect_arr_eq(kept->str, "a\0b\xff", 4);
    freeReplyObject(kept);
    int64_t left = stage_int("PTTL bellhop:{q}:kept:%s", "id1");
    cr_expect(left > 0 && left <= 50000, "%lld", (long long)left);
}

/* ---- the outbox ---------------------------------------------------------------------------------- */

Test(messages, whoever_asked_is_told_when_a_job_ends_and_not_before)
{
    static const struct {
        const char *name;
        enum bh_disposition disposition;
        enum bh_callback callback;
        bool field; /* in the status */
        bool wanted;
    } rows[] = {
        {"ends",                     BH_SETTLE_FINAL, BH_CALLBACK_DUE,  false, true },
        {"dies",                     BH_SETTLE_DEAD,  BH_CALLBACK_DUE,  true,  true },
        {"waits",                    BH_SETTLE_WAIT,  BH_CALLBACK_DUE,  true,  false},
        {"is given back",            BH_SETTLE_READY, BH_CALLBACK_LOOK, true,  false},
        {"nobody asked",             BH_SETTLE_FINAL, BH_CALLBACK_NONE, false, false},
        {"not any more",             BH_SETTLE_FINAL, BH_CALLBACK_NONE, true,  false},
        {"buried, its status knows", BH_SETTLE_DEAD,  BH_CALLBACK_LOOK, true,  true },
        {"buried, nobody asked",     BH_SETTLE_DEAD,  BH_CALLBACK_LOOK, false, false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        struct bh_claim_ref job = begin("id1");
        RUN("HSET bellhop:{q}:callbacks:tries id1 3 id2 4");
        if (rows[i].field)
            RUN("HSET " STATUS " callback_url https://example.org/");
        struct bh_settle_command ends = sent(job, "id1", "");
        ends.disposition = rows[i].disposition;
        ends.callback = rows[i].callback;
        script_redis_set_clock(&stage.redis, T0 + 9);
        cr_expect_eq(settle(ends), BH_SETTLED_OK, "%s", rows[i].name);
        cr_expect_str_eq(set_of("callbacks"), rows[i].wanted ? "id1@9" : "", "%s: %s", rows[i].name,
                         set_of("callbacks"));
        cr_expect_str_eq(text("HGET bellhop:{q}:callbacks:tries %s", "id1"),
                         rows[i].wanted ? "(none)" : "3", "%s: a new word is tried anew",
                         rows[i].name);
        cr_expect_str_eq(text("HGET bellhop:{q}:callbacks:tries %s", "id2"), "4");
    }
}

/* A receiver that never answers: who has waited for longest goes, or else who would wait for longest; never the new one. */
Test(messages, the_outbox_has_a_bound)
{
    static const char *const ids[] = {"id1", "id2"};
    static const char *const gone[] = {"w1000000", "w1"};
    script_redis_reset(&stage.redis, T0);
    RUN("EVAL %s 1 bellhop:{q}:callbacks %lld",
        "for i = 0, 999000, 1000 do local rows = {} for k = 1, 1000 do rows[2 * k - 1] = ARGV[1] + "
        "i + k "
        "rows[2 * k] = 'w' .. i + k end redis.call('ZADD', KEYS[1], unpack(rows)) end",
        (long long)T0 + 1000);
    RUN("HSET bellhop:{q}:callbacks:tries w1 3 w2 4 w1000000 5");
    for (size_t i = 0; i < BH_ARRAY_LEN(ids); i++) {
        struct bh_claim_ref job = begin(ids[i]);
        struct bh_settle_command ends = sent(job, ids[i], "");
        ends.callback = BH_CALLBACK_DUE;
        if (i == 1)
            RUN("ZADD bellhop:{q}:callbacks 1 w1");
        cr_expect_eq(settle(ends), BH_SETTLED_OK);
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "callbacks"), 1000000);
        cr_expect_str_eq(text("ZSCORE bellhop:{q}:callbacks %s", gone[i]), "(none)", "%s", gone[i]);
        cr_expect_str_neq(text("ZSCORE bellhop:{q}:callbacks %s", ids[i]), "(none)", "%s", ids[i]);
        cr_expect_str_eq(text("HGET bellhop:{q}:callbacks:tries %s", gone[i]), "(none)");
        cr_expect_eq(stage_int("HGET bellhop:{q}:counters %s", "callback:given_up"),
                     (int64_t)i + 1);
    }
    cr_expect_str_eq(text("HGET bellhop:{q}:callbacks:tries %s", "w2"), "4");
}

Test(messages, whoever_asked_is_told_of_a_job_that_was_cancelled_at_its_admission)
{
    static const struct bh_field fields[] = {
        {"type",         {"sms", 3}                },
        {"callback_url", {"https://a.example/", 18}}
    };
    for (size_t count = 1; count <= 2; count++) {
        script_redis_reset(&stage.redis, T0);
        RUN("LPUSH bellhop:{q} x");
        RUN("SET bellhop:{q}:cancel:id1 1");
        cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 1}), 1);
        struct bh_admit_command admit = stage_admission(stage_ref(0), "id1");
        admit.fields = fields;
        admit.fields_count = count;
        cr_expect_eq(stage_admit("me", admit).code, BH_ADMIT_CANCELLED);
        cr_expect_str_eq(set_of("callbacks"), count == 2 ? "id1@0" : "", "%zu", count);
    }
}

/* A job that waits, of which somebody wants to be told, or not. */
static void
put_waiting(bool uncertain, const char *callback_url)
{
    script_redis_reset(&stage.redis, T0);
    struct bh_settle_command waits = sent(begin("id1"), "id1", "");
    waits.disposition = BH_SETTLE_WAIT;
    waits.state = "retrying";
    waits.delay_ms = 1000;
    waits.waiting = uncertain ? BH_WAITING_UNCERTAIN : BH_WAITING_RETRY;
    waits.uncertain_since.ms = uncertain ? T0 : 0;
    cr_assert_eq(settle(waits), BH_SETTLED_OK);
    if (callback_url != NULL)
        RUN("HSET " STATUS " callback_url %s", callback_url);
}

Test(messages, whoever_asked_is_told_of_what_an_operator_ends)
{
    static const struct {
        enum bh_steering operation;
        bool uncertain;
        const char *url;
        bool wanted;
    } rows[] = {
        {BH_STEER_CANCEL,  false, "https://a.example/", true },
        {BH_STEER_CANCEL,  true,  "https://a.example/", true },
        {BH_STEER_EXPIRE,  false, "https://a.example/", true },
        {BH_STEER_HOLD,    false, "https://a.example/", false},
        {BH_STEER_RETRY,   false, "https://a.example/", false},
        {BH_STEER_REQUEUE, false, "https://a.example/", false},
        {BH_STEER_CANCEL,  false, NULL,                 false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        put_waiting(rows[i].uncertain, rows[i].url);
        const struct bh_steer_job job = {.id = "id1"};
        const struct bh_steer steer = {.operation = rows[i].operation,
                                       .who = bh_str_from("eve"),
                                       .retention_ms = DAY,
                                       .jobs = &job,
                                       .count = 1};
        struct bh_steered steered;
        struct bh_str line;
        struct bh_call call;
        bh_call_init(&call, BH_SCRIPT_STEER);
        bh_encode_steer(&call, &stage.keys, &steer);
        redisReply *reply = script_redis_run(&stage.redis, &call);
        cr_assert_eq(bh_decode_steer(reply, 1, &steered, &line), BH_OK);
        freeReplyObject(reply);
        cr_expect_str_eq(set_of("callbacks"), rows[i].wanted ? "id1@0" : "", "%zu: %s", i,
                         set_of("callbacks"));
    }
}

/* ---- resolve ------------------------------------------------------------------------------------- */

static enum bh_resolve_code
resolve(enum bh_resolve_word word, const char *message, struct bh_tracking tracking)
{
    const struct bh_field field = {"message_id", bh_str_from(message)};
    const struct bh_resolve resolve = {.id = "id1",
                                       .word = word,
                                       .who = bh_str_from("eve"),
                                       .retention_ms = DAY,
                                       .tracking = tracking,
                                       .fields = &field,
                                       .fields_count = message[0] != '\0'};
    struct bh_resolved resolved;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &stage.keys, &resolve);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_resolve(reply, &resolved), BH_OK);
    freeReplyObject(reply);
    return resolved.code;
}

Test(messages, of_a_job_that_somebody_settles_are_remembered_too)
{
    static const struct bh_tracking all = {DAY, 60000, true, true}, none = {0},
                                    calls = {DAY, 0, false, true};
    static const struct {
        const char *name;
        enum bh_resolve_word word;
        const char *message, *to, *known;
        const struct bh_tracking *tracking;
        const char *entry, *open, *pull, *kept, *callbacks;
    } rows[] = {
        {"sent",                        BH_RESOLVE_SENT,   "77", "491",     NULL, &all,   "id1",    "77@0",      "77@60000",
         "payload-of-id1",                                                                                                                     "id1@0"},
        {"sent, nothing is remembered", BH_RESOLVE_SENT,   "77", "491",     NULL, &none,  "(none)", "",          "",
         "(none)",                                                                                                                             "id1@0"},
        {"sent, only calls are kept",   BH_RESOLVE_SENT,   "77", "491",     NULL, &calls, "id1",    "77@0",      "",
         "(none)",                                                                                                                             "id1@0"},
        {"sent, no message",            BH_RESOLVE_SENT,   "",   "491",     NULL, &all,   "(none)", "",          "",
         "payload-of-id1",                                                                                                                     "id1@0"},
        {"sent, one was known",         BH_RESOLVE_SENT,   "77", "491",     "76", &all,   "id1",    "76@0 77@0",
         "76@60000 77@60000",                                                                                                "payload-of-id1", "id1@0"},
        {"sent, several recipients",    BH_RESOLVE_SENT,   "77", "491,492", NULL, &all,   "id1",    "77@0",
         "77@60000",                                                                                                         "(none)",         "id1@0"},
        {"failed",                      BH_RESOLVE_FAILED, "77", "491",     NULL, &all,   "(none)", "",          "",         "(none)",         "id1@0"},
        {"to be sent again",            BH_RESOLVE_RESEND, "77", "491",     NULL, &all,   "(none)", "",          "",         "(none)",
         ""                                                                                                                                           },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        put_waiting(true, "https://a.example/");
        RUN("HSET " STATUS " to %s", rows[i].to);
        if (rows[i].known != NULL)
            RUN("HSET " STATUS " message_id %s", rows[i].known);
        cr_expect_eq(resolve(rows[i].word, rows[i].message, *rows[i].tracking), BH_RESOLVED_DONE,
                     "%s", rows[i].name);
        cr_expect_str_eq(text("GET bellhop:{q}:message:%s", "77"), rows[i].entry, "%s",
                         rows[i].name);
        cr_expect_str_eq(set_of("open"), rows[i].open, "%s: %s", rows[i].name, set_of("open"));
        cr_expect_str_eq(set_of("pull"), rows[i].pull, "%s: %s", rows[i].name, set_of("pull"));
        cr_expect_str_eq(text("GET bellhop:{q}:kept:%s", "id1"), rows[i].kept, "%s", rows[i].name);
        cr_expect_str_eq(set_of("callbacks"), rows[i].callbacks, "%s: %s", rows[i].name,
                         set_of("callbacks"));
    }
}

/* Else it would be the next job's of the same id, when this one has been forgotten. */
Test(messages, keep_no_payload_for_longer_than_the_status)
{
    static const struct bh_tracking all = {DAY, 60000, true, true};
    struct bh_settle_command ends = sent(begin("id1"), "id1", "77");
    ends.kept_ms = 30 * DAY;
    cr_expect_eq(settle(ends), BH_SETTLED_OK);
    cr_expect_leq(stage_int("PTTL bellhop:{q}:kept:id1"), stage_int("PTTL " STATUS) + 60000);

    put_waiting(true, NULL);
    RUN("HSET " STATUS " to 491");
    /* Its ttl ends in eleven days then. */
    script_redis_set_clock(&stage.redis, T0 - 10 * DAY);
    cr_expect_eq(resolve(BH_RESOLVE_SENT, "77", all), BH_RESOLVED_DONE);
    cr_expect_leq(stage_int("PTTL bellhop:{q}:kept:id1"), stage_int("PTTL " STATUS) + 60000);
}

Test(messages, all_of_it_is_written_when_redis_is_full)
{
    struct bh_claim_ref job = begin("id1");
    struct bh_settle_command ends = sent(job, "id1", "77");
    ends.kept_ms = 1000;
    ends.callback = BH_CALLBACK_DUE;
    RUN("CONFIG SET maxmemory 1");
    cr_expect_eq(settle(ends), BH_SETTLED_OK);
    RUN("CONFIG SET maxmemory 0");
    cr_expect_eq(exists("message:77") + exists("open") + exists("pull") + exists("kept:id1") +
                     exists("callbacks"),
                 5);
    /* Reports and posts may be switched off one day, and then nobody looks at these any more. */
    static const char *const keys[] = {"message:77", "open", "pull", "kept:id1", "callbacks"};
    for (size_t i = 0; i < BH_ARRAY_LEN(keys); i++)
        cr_expect_gt(stage_int("PTTL bellhop:{q}:%s", keys[i]), 0, "%s", keys[i]);
}
