/* What a delivery report writes into a status, and which job it is about. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/report_codec.h"

#define KEY "bellhop:{q}:status:job"

/* Kept until the next but seven. */
static const char *
field(const char *name)
{
    static char texts[8][2048];
    static unsigned next;
    char *kept = texts[next++ % BH_ARRAY_LEN(texts)];
    redisReply *reply = script_redis_command(&stage.redis, "HGET " KEY " %s", name);
    (void)snprintf(kept, sizeof(texts[0]), "%s", reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return kept;
}

static struct bh_report_note note; /* for tests to change */
static struct bh_delivery_report said;

static void
set_up(void)
{
    stage_set_up();
    said = (struct bh_delivery_report){
        .event = BH_WEBHOOK_DLR, .duration_s = -1, .price_per_minute_micro = -1};
    note = (struct bh_report_note){
        .id = "job", .report = &said, .retention_ms = DAY, .tracking.open_ms = DAY};
}

TestSuite(report_script, .init = set_up, .fini = stage_tear_down);

static struct bh_report_noted
told(const char *message, enum bh_delivery delivery, bh_ms at)
{
    struct bh_report_noted noted = {.code = BH_REPORT_CODE_NONE};
    struct bh_call call;
    said.status = delivery;
    said.at.ms = at;
    snprintf(said.message_id, sizeof(said.message_id), "%s", message);
    bh_call_init(&call, BH_SCRIPT_REPORT);
    bh_encode_report(&call, &stage.keys, &note);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_report(reply, &noted), BH_OK);
    freeReplyObject(reply);
    return noted;
}

static int
report(const char *message, enum bh_delivery delivery, bh_ms at)
{
    return (int)told(message, delivery, at).code;
}

Test(report_script, keeps_the_last_word_whatever_the_order)
{
    static const struct {
        const char *name;
        struct {
            enum bh_delivery delivery;
            bh_ms at;
            int wanted;
        } steps[4];
        const char *delivery;
        bh_ms at;
    } rows[] = {
        {"in order",
         {{BH_DELIVERY_ACCEPTED, T0 + 1, 0},
          {BH_DELIVERY_TRANSMITTED, T0 + 2, 0},
          {BH_DELIVERY_DELIVERED, T0 + 3, 0}},
         "DELIVERED",   T0 + 3},
        {"in reverse",
         {{BH_DELIVERY_DELIVERED, T0 + 3, 0},
          {BH_DELIVERY_TRANSMITTED, T0 + 2, 0},
          {BH_DELIVERY_ACCEPTED, T0 + 1, 0}},
         "DELIVERED",   T0 + 3},
        {"repeated",
         {{BH_DELIVERY_DELIVERED, T0 + 3, 0},
          {BH_DELIVERY_DELIVERED, T0 + 3, 1},
          {BH_DELIVERY_DELIVERED, T0 + 9, 1}},
         "DELIVERED",   T0 + 3},
        {"a final word before a later one that is not",
         {{BH_DELIVERY_FAILED, T0 + 1, 0}, {BH_DELIVERY_BUFFERED, T0 + 5, 0}},
         "FAILED",      T0 + 1},
        {"a later final word before an earlier",
         {{BH_DELIVERY_EXPIRED, T0 + 5, 0}, {BH_DELIVERY_DELIVERED, T0 + 1, 0}},
         "EXPIRED",     T0 + 5},
        {"the other way round",
         {{BH_DELIVERY_DELIVERED, T0 + 1, 0}, {BH_DELIVERY_EXPIRED, T0 + 5, 0}},
         "EXPIRED",     T0 + 5},
        {"at the same moment the further one",
         {{BH_DELIVERY_CALL_RINGING, T0 + 1, 0},
          {BH_DELIVERY_CALL_INITIATED, T0 + 1, 0},
          {BH_DELIVERY_CALL_IN_PROGRESS, T0 + 1, 0}},
         "in-progress", T0 + 1},
        {"without a time it is now",
         {{BH_DELIVERY_BUFFERED, 0, 0}, {BH_DELIVERY_ACCEPTED, T0 - 1, 0}},
         "BUFFERED",    T0    },
        {"a word that nobody knows says nothing",
         {{BH_DELIVERY_OTHER, T0 + 1, 1}, {BH_DELIVERY_NONE, T0 + 2, 1}},
         "",            0     },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char at[24] = "";
        script_redis_reset(&stage.redis, T0);
        RUN("HSET " KEY " state sent to 491 message_id 77");
        for (size_t step = 0; step < 4 && rows[i].steps[step].delivery != BH_DELIVERY_NONE;
             step++) {
            int got = report("77", rows[i].steps[step].delivery, rows[i].steps[step].at);
            cr_expect_eq(got, rows[i].steps[step].wanted, "%s, step %zu: %d", rows[i].name, step,
                         got);
        }
        if (rows[i].at != 0)
            snprintf(at, sizeof(at), "%lld", (long long)rows[i].at);
        cr_expect_str_eq(field("delivery"), rows[i].delivery, "%s", rows[i].name);
        cr_expect_str_eq(field("delivered_at"), at, "%s", rows[i].name);
        cr_expect_str_eq(field("state"), "sent", "%s", rows[i].name);
    }
}

static bool
goes_on(enum bh_delivery first, bh_ms first_at, enum bh_delivery second, bh_ms second_at)
{
    RUN("DEL " KEY);
    RUN("HSET " KEY " state sent to 491 message_id 77");
    cr_assert_eq(report("77", first, first_at), 0, "%s", bh_delivery_name(first));
    cr_assert_str_eq(field("delivery"), bh_delivery_name(first));
    (void)report("77", second, second_at);
    return second != first && strcmp(field("delivery"), bh_delivery_name(second)) == 0;
}

/* The script has a list of words of its own; it must be that of the parser. */
Test(report_script, ranks_every_word_as_the_parser_does)
{
    for (int i = BH_DELIVERY_ACCEPTED; i < BH_DELIVERY_COUNT; i++) {
        for (int j = BH_DELIVERY_ACCEPTED; j < BH_DELIVERY_COUNT; j++) {
            enum bh_delivery a = (enum bh_delivery)i, b = (enum bh_delivery)j;
            if ((a < BH_DELIVERY_CALL_INITIATED) != (b < BH_DELIVERY_CALL_INITIATED))
                continue;
            cr_expect_eq(goes_on(a, T0 + 5, b, T0 + 5), b > a, "%s behind %s", bh_delivery_name(b),
                         bh_delivery_name(a));
            bool wanted = b != a && (bh_delivery_is_final(b) || !bh_delivery_is_final(a));
            cr_expect_eq(goes_on(a, T0 + 5, b, T0 + 6), wanted, "%s later than %s",
                         bh_delivery_name(b), bh_delivery_name(a));
        }
    }
}

Test(report_script, makes_no_status_and_keeps_the_time_of_the_one_there_is)
{
    cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NONE);
    redisReply *size = script_redis_command(&stage.redis, "DBSIZE");
    cr_expect_leq(size->integer, 1, "%lld keys", size->integer); /* the tests' clock */
    freeReplyObject(size);

    RUN("HSET " KEY " state sent to 491");
    RUN("PEXPIRE " KEY " 50000");
    cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NOTED);
    redisReply *left = script_redis_command(&stage.redis, "PTTL " KEY);
    cr_expect(left->integer > 0 && left->integer <= 50000, "%lld", left->integer);
    freeReplyObject(left);
    /* The lock's proof brings no id; the report does. */
    cr_expect_str_eq(field("message_id"), "77");
    redisReply *count =
        script_redis_command(&stage.redis, "HGET bellhop:{q}:counters delivery:DELIVERED");
    cr_expect_str_eq(count->str, "1");
    freeReplyObject(count);
}

Test(report_script, keeps_ids_as_evidence_where_there_are_several_recipients)
{
    RUN("HSET " KEY " state unknown to 491,492 message_id 77");
    cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NOTHING_NEW);
    cr_expect_eq(report("78", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_SEVERAL);
    cr_expect_eq(report("78", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NOTHING_NEW);
    cr_expect_eq(report("7", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_SEVERAL);
    cr_expect_eq(report("", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NOTHING_NEW);
    cr_expect_str_eq(field("reported_ids"), "78,7");
    cr_expect_str_eq(field("message_id"), "77");
    cr_expect_str_eq(field("delivery"), "");
    cr_expect_str_eq(field("state"), "unknown");
    for (int i = 1000; i < 2000; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        (void)report(id, BH_DELIVERY_DELIVERED, T0);
    }
    cr_expect_lt(strlen(field("reported_ids")), 1030, "%zu", strlen(field("reported_ids")));
}

Test(report_script, keeps_the_way_of_a_message_by_time)
{
    /* clang-format off */
    static const struct {
        enum bh_delivery delivery;
        bh_ms at;
        int code;
        const char *path;
    } steps[] = {
        {BH_DELIVERY_TRANSMITTED, T0 + 20, 0, "TRANSMITTED@1700000000020"},
        {BH_DELIVERY_TRANSMITTED, T0 + 25, 1, "TRANSMITTED@1700000000020"},
        {BH_DELIVERY_OTHER, T0 + 26, 1, "TRANSMITTED@1700000000020"},
        {BH_DELIVERY_DELIVERED, T0 + 30, 0, "TRANSMITTED@1700000000020,DELIVERED@1700000000030"},
        {BH_DELIVERY_ACCEPTED, T0 + 10, 0,
         "ACCEPTED@1700000000010,TRANSMITTED@1700000000020,DELIVERED@1700000000030"},
        {BH_DELIVERY_BUFFERED, T0 + 20, 0,
         "ACCEPTED@1700000000010,BUFFERED@1700000000020,TRANSMITTED@1700000000020,"
         "DELIVERED@1700000000030"},
        {BH_DELIVERY_DELIVERED, T0 + 31, 1,
         "ACCEPTED@1700000000010,BUFFERED@1700000000020,TRANSMITTED@1700000000020,"
         "DELIVERED@1700000000030"},
    };
    /* clang-format on */
    RUN("HSET " KEY " state sent to 491 message_id 77");
    for (size_t i = 0; i < BH_ARRAY_LEN(steps); i++) {
        cr_expect_eq(report("77", steps[i].delivery, steps[i].at), steps[i].code, "%zu", i);
        cr_expect_str_eq(field("delivery_path"), steps[i].path, "%zu: %s", i,
                         field("delivery_path"));
    }
    cr_expect_str_eq(field("delivery"), "DELIVERED");
    /* All words that there are fit, and rubbish that somebody wrote there does no harm. */
    RUN("HSET " KEY " delivery_path %s", "@,x@,@@5,DELIVERED@1,,");
    for (int i = BH_DELIVERY_ACCEPTED; i < BH_DELIVERY_COUNT; i++)
        (void)report("77", (enum bh_delivery)i, T0 + i);
    cr_expect_lt(strlen(field("delivery_path")), 500);
    size_t entries = 0;
    for (const char *at = field("delivery_path"); (at = strchr(at, '@')) != NULL; at++)
        entries++;
    cr_expect_leq(entries, 16, "%zu", entries);
}

Test(report_script, does_not_write_about_another_message)
{
    RUN("HSET " KEY " state sent to 491 message_id 77");
    cr_expect_eq(report("78", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_OTHER);
    cr_expect_eq(report("7", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_OTHER);
    cr_expect_str_eq(field("delivery"), "");
    cr_expect_str_eq(field("delivery_path"), "");
    cr_expect_eq(report("", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NOTED);
}

/* ---- several recipients ---- */

#define ONE            "{\"recipient\":\"491\",\"success\":true,\"id\":\"77\""
#define TWO            "{\"recipient\":\"492\",\"success\":true,\"id\":\"777\""
#define THREE          "{\"recipient\":\"493\",\"success\":false,\"code\":202,\"error\":\"x\"}"
#define TOLD(word, at) ",\"delivery\":\"" word "\",\"delivered_at\":17000000000" at

static const char *
recipients(const char *one, const char *two)
{
    static char texts[2][1024];
    static unsigned next;
    char *text = texts[next++ % 2];
    (void)snprintf(text, sizeof(texts[0]), "[%s%s,\"parts\":1},%s%s},%s]", ONE, one, TWO, two,
                   THREE);
    return text;
}

Test(report_script, gives_each_recipient_a_delivery_and_the_job_the_least_of_them)
{
    /* clang-format off */
    static const struct {
        const char *message;
        enum bh_delivery delivery;
        bh_ms at;
        int code;
        const char *one, *two, *delivery_of_all;
    } steps[] = {
        {"77", BH_DELIVERY_TRANSMITTED, T0 + 10, 0, TOLD("TRANSMITTED", "10"), "", ""},
        {"77", BH_DELIVERY_TRANSMITTED, T0 + 11, 1, TOLD("TRANSMITTED", "10"), "", ""},
        {"77", BH_DELIVERY_DELIVERED, T0 + 20, 0, TOLD("DELIVERED", "20"), "", ""},
        {"77", BH_DELIVERY_ACCEPTED, T0 + 30, 1, TOLD("DELIVERED", "20"), "", ""},
        {"777", BH_DELIVERY_FAILED, T0 + 15, 0, TOLD("DELIVERED", "20"), TOLD("FAILED", "15"),
         "FAILED"},
        {"777", BH_DELIVERY_FAILED, T0 + 16, 1, TOLD("DELIVERED", "20"), TOLD("FAILED", "15"),
         "FAILED"},
        {"777", BH_DELIVERY_DELIVERED, T0 + 17, 0, TOLD("DELIVERED", "20"), TOLD("DELIVERED", "17"),
         "DELIVERED"},
        {"7", BH_DELIVERY_FAILED, T0 + 18, 3, TOLD("DELIVERED", "20"), TOLD("DELIVERED", "17"),
         "DELIVERED"},
    };
    /* clang-format on */
    RUN("HSET " KEY " state partial to 491,492,493 message_id 77,777 recipients %s",
        recipients("", ""));
    for (size_t i = 0; i < BH_ARRAY_LEN(steps); i++) {
        cr_expect_eq(report(steps[i].message, steps[i].delivery, steps[i].at), steps[i].code, "%zu",
                     i);
        cr_expect_str_eq(field("recipients"), recipients(steps[i].one, steps[i].two), "%zu: %s", i,
                         field("recipients"));
        cr_expect_str_eq(field("delivery"), steps[i].delivery_of_all, "%zu", i);
    }
    cr_expect_str_eq(field("delivered_at"), "1700000000020", "when the last one was");
    cr_expect_str_eq(field("delivery_path"), "");
}

Test(report_script, waits_with_the_jobs_delivery_until_all_is_known)
{
    /* clang-format off */
    static const struct {
        const char *name, *state, *recipients, *wanted;
    } rows[] = {
        {"one of two", "sent", "[" ONE "}," TWO "}]", ""},
        {"the other was told", "sent", "[" ONE "}," TWO TOLD("UNKNOWN", "10") "}]", "UNKNOWN"},
        {"the other is on its way", "sent", "[" ONE "}," TWO TOLD("BUFFERED", "10") "}]", ""},
        {"the other was refused", "partial", "[" ONE "}," THREE "]", "DELIVERED"},
        {"the other was reached, by which message nobody knows", "sent",
         "[" ONE "},{\"recipient\":\"492\",\"success\":true}]", ""},
        {"the job goes on", "retrying", "[" ONE "},{\"recipient\":\"492\"}]", ""},
        {"a name that looks like a delivery", "sent",
         "[" ONE "},{\"recipient\":\"a\\\",\\\"success\\\":true,\\\"id\\\":\\\"5\",\"success\":true}]", ""},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        RUN("DEL " KEY);
        RUN("HSET " KEY " state %s to 491,492 message_id 77,777 recipients %s", rows[i].state,
            rows[i].recipients);
        cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0 + 9), 0, "%s", rows[i].name);
        cr_expect_str_eq(field("delivery"), rows[i].wanted, "%s: %s", rows[i].name,
                         field("delivery"));
        /* When the job has ended, a repetition makes up for it. */
        RUN("HSET " KEY " state sent recipients %s", "[" ONE TOLD("DELIVERED", "09") "}]");
        (void)report("77", BH_DELIVERY_DELIVERED, T0 + 9);
        cr_expect_str_eq(field("delivery"), "DELIVERED", "%s", rows[i].name);
    }
}

/* What is written into a recipient's object stays JSON, and finds no wrong one. */
Test(report_script, is_not_misled_by_names)
{
    static const char tricky[] =
        "[{\"recipient\":\"\\\"id\\\":\\\"77\\\"\",\"success\":true,\"id\":\"5\"},"
        "{\"recipient\":\"b}\",\"success\":true,\"id\":\"77\",\"error\":\"{\\\\\"}]";
    static const char wanted[] =
        "[{\"recipient\":\"\\\"id\\\":\\\"77\\\"\",\"success\":true,\"id\":\"5\"},"
        "{\"recipient\":\"b}\",\"success\":true,\"id\":\"77\"" TOLD("EXPIRED",
                                                                    "01") ",\"error\":\"{\\\\\"}]";
    RUN("HSET " KEY " state sent to a,b message_id 5,77 recipients %s", tricky);
    cr_expect_eq(report("77", BH_DELIVERY_EXPIRED, T0 + 1), 0);
    cr_expect_str_eq(field("recipients"), wanted, "%s", field("recipients"));
}

/* ---- what follows from it ---- */

static void
track(const char *message, bh_ms accepted)
{
    RUN("ZADD bellhop:{q}:open %lld %s", (long long)accepted, message);
    RUN("ZADD bellhop:{q}:pull %lld %s", (long long)accepted + 60000, message);
}

Test(report_script, counts_once_how_long_a_message_took)
{
    static const struct {
        const char *name;
        enum bh_delivery delivery;
        bh_ms took;         /* from its acceptance to the report's time */
        const char *bucket; /* "": none */
        int64_t sum;
        bool closed;
    } rows[] = {
        {"at once",                    BH_DELIVERY_DELIVERED,      0,        "5000",     0,        true },
        {"a bound is inside",          BH_DELIVERY_DELIVERED,      5000,     "5000",     5000,     true },
        {"the next",                   BH_DELIVERY_DELIVERED,      5001,     "15000",    5001,     true },
        {"a day",                      BH_DELIVERY_DELIVERED,      86400000, "86400000", 86400000, true },
        {"more",                       BH_DELIVERY_DELIVERED,      86400001, "over",     86400001, true },
        {"before it was taken",        BH_DELIVERY_DELIVERED,      -3000,    "5000",     0,        true },
        {"a call",                     BH_DELIVERY_CALL_COMPLETED, 59000,    "60000",    59000,    true },
        {"it failed",                  BH_DELIVERY_FAILED,         59000,    "",         0,        true },
        {"nobody answered",            BH_DELIVERY_CALL_NO_ANSWER, 59000,    "",         0,        true },
        {"on its way",                 BH_DELIVERY_TRANSMITTED,    59000,    "",         0,        false},
        {"nothing that anybody knows", BH_DELIVERY_OTHER,          59000,    "",         0,        false},
    };
    bh_ms now = T0 + 3 * DAY;
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, now);
        RUN("HSET " KEY " state sent to 491 message_id 77");
        track("77", now - 2 * DAY);
        for (int again = 0; again < 2; again++)
            (void)report("77", rows[i].delivery, now - 2 * DAY + rows[i].took);
        char name[32];
        snprintf(name, sizeof(name), "delivery_ms:%s", rows[i].bucket);
        cr_expect_eq(stage_counter(name), rows[i].bucket[0] != '\0', "%s", rows[i].name);
        cr_expect_eq(stage_counter("delivery_ms:sum"), rows[i].sum, "%s", rows[i].name);
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "open"), !rows[i].closed, "%s",
                     rows[i].name);
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "pull"), !rows[i].closed, "%s",
                     rows[i].name);
    }
    /* The future is nobody's to tell, and a forged time must not grow the sum. */
    script_redis_reset(&stage.redis, now);
    RUN("HSET " KEY " state sent to 491 message_id 77");
    track("77", now - 1000);
    (void)report("77", BH_DELIVERY_DELIVERED, INT64_C(253402300799000));
    cr_expect_eq(stage_counter("delivery_ms:sum"), 1000);
}

/* A report that came before the job's end could not close its message; said once more, it does. */
Test(report_script, closes_a_message_also_when_it_says_nothing_new)
{
    RUN("HSET " KEY " state sending to 491");
    cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0), 0);
    RUN("HSET " KEY " state sent");
    track("77", T0 - 7000);
    cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0), 1);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:%s", "open"), 0);
    cr_expect_eq(stage_counter("delivery_ms:15000"), 1);
    cr_expect_eq(stage_counter("delivery:DELIVERED"), 1);
    /* Without its id it is the job's only one. */
    track("77", T0 - 7000);
    cr_expect_eq(report("", BH_DELIVERY_DELIVERED, T0), 1);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:%s", "open"), 0);
}

Test(report_script, teaches_the_message_of_a_job)
{
    static const struct {
        const char *name, *state;
        enum bh_delivery delivery;
        bool remembers;
        int64_t entry, open, pull;
    } rows[] = {
        {"on its way",            "sent",    BH_DELIVERY_BUFFERED,  true,  1, 1, 1},
        {"final",                 "sent",    BH_DELIVERY_DELIVERED, true,  1, 0, 0},
        {"not yet ended",         "sending", BH_DELIVERY_BUFFERED,  true,  1, 0, 0},
        {"nothing is remembered", "sent",    BH_DELIVERY_BUFFERED,  false, 0, 0, 0},
        {"expired nevertheless",  "expired", BH_DELIVERY_BUFFERED,  true,  1, 0, 0},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        note.tracking = (struct bh_tracking){0};
        if (rows[i].remembers)
            note.tracking = (struct bh_tracking){.open_ms = DAY, .pull_after_ms = 60000};
        RUN("HSET " KEY " state %s to 491", rows[i].state);
        cr_expect_eq(report("77", rows[i].delivery, T0), 0, "%s", rows[i].name);
        cr_expect_str_eq(field("message_id"), "77", "%s", rows[i].name);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:%s", "message:77"), rows[i].entry, "%s",
                     rows[i].name);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:%s", "open"), rows[i].open, "%s", rows[i].name);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:%s", "pull"), rows[i].pull, "%s", rows[i].name);
    }
}

Test(report_script, says_when_the_payload_that_is_kept_may_be_sent_again)
{
    /* clang-format off */
    static const struct {
        const char *name, *to;
        enum bh_delivery deliveries[3];
        bool may, kept; /* after the last one */
    } rows[] = {
        {"failed", "491", {BH_DELIVERY_FAILED}, true, true},
        {"said twice", "491", {BH_DELIVERY_EXPIRED, BH_DELIVERY_EXPIRED}, true, true},
        {"an earlier word behind it", "491", {BH_DELIVERY_EXPIRED, BH_DELIVERY_BUFFERED}, true, true},
        {"delivered", "491", {BH_DELIVERY_DELIVERED}, false, false},
        {"delivered, then failed", "491", {BH_DELIVERY_DELIVERED, BH_DELIVERY_FAILED}, false, false},
        {"failed, then delivered", "491", {BH_DELIVERY_FAILED, BH_DELIVERY_DELIVERED}, false, false},
        {"on its way", "491", {BH_DELIVERY_TRANSMITTED}, false, true},
        {"nobody knows", "491", {BH_DELIVERY_UNKNOWN}, false, true},
        {"nobody knew", "491", {BH_DELIVERY_UNKNOWN, BH_DELIVERY_EXPIRED}, true, true},
        {"rejected", "491", {BH_DELIVERY_REJECTED}, false, false},
        {"not delivered", "491", {BH_DELIVERY_NOTDELIVERED}, false, false},
        {"nobody answered", "491", {BH_DELIVERY_CALL_RINGING, BH_DELIVERY_CALL_NO_ANSWER}, true, true},
        {"the call failed", "491", {BH_DELIVERY_CALL_FAILED}, true, true},
        {"the call was taken", "491", {BH_DELIVERY_CALL_COMPLETED}, false, false},
        {"several recipients", "491,492", {BH_DELIVERY_FAILED}, false, true},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_report_noted noted = {0};
        script_redis_reset(&stage.redis, T0);
        RUN("HSET " KEY " state sent to %s message_id 77", rows[i].to);
        RUN("SET bellhop:{q}:kept:job payload");
        for (int step = 0; step < 3 && rows[i].deliveries[step] != BH_DELIVERY_NONE; step++)
            noted = told("77", rows[i].deliveries[step], T0 + step);
        cr_expect_eq(noted.may_resend, rows[i].may, "%s", rows[i].name);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:%s", "kept:job"), rows[i].kept, "%s",
                     rows[i].name);
        RUN("DEL bellhop:{q}:kept:job");
        cr_expect_not(told("77", BH_DELIVERY_FAILED, T0 + 9).may_resend, "%s: it was taken",
                      rows[i].name);
    }
}

Test(report_script, tells_whoever_asked_and_the_stream_when_the_delivery_changes)
{
    static const struct {
        enum bh_delivery delivery;
        bh_ms at;
        bool changes;
    } steps[] = {
        {BH_DELIVERY_TRANSMITTED, T0 + 2, true },
        {BH_DELIVERY_TRANSMITTED, T0 + 3, false},
        {BH_DELIVERY_ACCEPTED,    T0 + 1, false},
        {BH_DELIVERY_DELIVERED,   T0 + 4, true },
        {BH_DELIVERY_FAILED,      T0 + 3, false},
    };
    int64_t events = 0;
    note.events_cap = 100;
    RUN("HSET " KEY " state sent to 491 message_id 77 callback_url https://a.example/");
    for (size_t i = 0; i < BH_ARRAY_LEN(steps); i++) {
        RUN("DEL bellhop:{q}:callbacks");
        RUN("HSET bellhop:{q}:callbacks:tries job 3");
        (void)report("77", steps[i].delivery, steps[i].at);
        events += steps[i].changes;
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "callbacks"), steps[i].changes, "%zu", i);
        cr_expect_eq(stage_int("HLEN bellhop:{q}:callbacks:%s", "tries"), !steps[i].changes, "%zu",
                     i);
        cr_expect_eq(stage_int("XLEN bellhop:{q}:%s", "events"), events, "%zu", i);
    }
    redisReply *last =
        script_redis_command(&stage.redis, "XREVRANGE bellhop:{q}:events + - COUNT 1");
    char line[256] = "";
    const redisReply *fields = last->element[0]->element[1];
    for (size_t i = 0; i < fields->elements; i++) {
        size_t len = strlen(line);
        snprintf(line + len, sizeof(line) - len, "%s ", fields->element[i]->str);
    }
    freeReplyObject(last);
    cr_expect_str_eq(line, "id job state sent delivery DELIVERED message_id 77 at 1700000000000 ",
                     "%s", line);
    /* Nobody asked. */
    RUN("HDEL " KEY " callback_url");
    RUN("DEL bellhop:{q}:callbacks");
    cr_expect_eq(report("77", BH_DELIVERY_NOTDELIVERED, T0 + 9), 0);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "callbacks"), 0);
}

Test(report_script, keeps_what_is_told_of_a_call)
{
    RUN("HSET " KEY " state sent to 491 message_id 77");
    said.event = BH_WEBHOOK_VOICE;
    (void)report("77", BH_DELIVERY_CALL_RINGING, T0);
    cr_expect_str_eq(field("duration"), "");
    said.duration_s = 12;
    said.price_per_minute_micro = 15000;
    snprintf(said.caller_id, sizeof(said.caller_id), "4915112345678");
    (void)report("77", BH_DELIVERY_CALL_COMPLETED, T0 + 5);
    cr_expect_str_eq(field("duration"), "12");
    cr_expect_str_eq(field("price_per_minute"), "0.015");
    cr_expect_str_eq(field("caller_id"), "4915112345678");
    cr_expect_str_eq(field("delivery_path"), "ringing@1700000000000,completed@1700000000005");
}

Test(report_script, writes_when_redis_is_full)
{
    RUN("HSET " KEY " state sent to 491");
    RUN("CONFIG SET maxmemory 1");
    cr_expect_eq(report("77", BH_DELIVERY_DELIVERED, T0), BH_REPORT_CODE_NOTED);
    RUN("CONFIG SET maxmemory 0");
    cr_expect_str_eq(field("delivery"), "DELIVERED");
}

Test(report_match, compares_names_and_messages)
{
    static const struct {
        const char *name, *foreign_id, *message_id;
        const char *state, *to, *message_ids, *own;
        enum bh_report_match wanted;
    } rows[] = {
        {"no such job",                        "job", "77", "",        "",        "",      "",        BH_REPORT_MATCH_NONE },
        {"no name in the report",              "",    "77", "sent",    "491",     "77",    "",        BH_REPORT_MATCH_NONE },
        {"its message",                        "job", "77", "sent",    "491",     "77",    "",        BH_REPORT_MATCH_EXACT},
        {"one of its messages",                "job", "78", "sent",    "491,492", "77,78", "",        BH_REPORT_MATCH_EXACT},
        {"no message known",                   "job", "77", "unknown", "491",     "",      "",        BH_REPORT_MATCH_NAME },
        {"no message in the report",           "job", "",   "sent",    "491",     "77",    "",        BH_REPORT_MATCH_NAME },
        {"another message",                    "job", "78", "sent",    "491",     "77",    "",        BH_REPORT_MATCH_OTHER},
        {"the beginning of its message",       "job", "7",  "sent",    "491",     "77",    "",
         BH_REPORT_MATCH_OTHER                                                                                             },
        {"another message, uncertain",         "job", "78", "unknown", "491",     "77",    "",
         BH_REPORT_MATCH_OTHER                                                                                             },
        {"several recipients, not all known",  "job", "78", "unknown", "491,492", "77",    "",
         BH_REPORT_MATCH_NAME                                                                                              },
        {"several recipients, settled",        "job", "79", "sent",    "491,492", "77,78", "",
         BH_REPORT_MATCH_OTHER                                                                                             },
        {"a name of its producer's, the same", "job", "77", "sent",    "491",     "77",    "job",
         BH_REPORT_MATCH_EXACT                                                                                             },
        {"a name of its producer's, another",  "job", "77", "sent",    "491",     "77",    "order-5",
         BH_REPORT_MATCH_NONE                                                                                              },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_delivery_report sent = {.event = BH_WEBHOOK_DLR};
        snprintf(sent.foreign_id, sizeof(sent.foreign_id), "%s", rows[i].foreign_id);
        snprintf(sent.message_id, sizeof(sent.message_id), "%s", rows[i].message_id);
        const struct bh_reported_status status = {
            .state = bh_str_from(rows[i].state),
            .to = bh_str_from(rows[i].to),
            .message_ids = bh_str_from(rows[i].message_ids),
            .foreign_id = bh_str_from(rows[i].own),
            .type = bh_str_from(i % 2 == 0 ? "sms" : ""),
        };
        enum bh_report_match got = bh_report_match(&sent, &status);
        cr_expect_eq(got, rows[i].wanted, "%s: %d", rows[i].name, (int)got);
        sent.event = BH_WEBHOOK_VOICE;
        got = bh_report_match(&sent, &status);
        cr_expect_eq(got, i % 2 == 0 ? BH_REPORT_MATCH_NONE : rows[i].wanted, "a call, %s: %d",
                     rows[i].name, (int)got);
    }
}

Test(report_match, knows_which_states_leave_something_to_settle)
{
    static const struct {
        const char *state;
        bool settled;
    } rows[] = {
        {"scheduled",            false},
        {"sending",              false},
        {"retrying",             false},
        {"held",                 false},
        {"unknown",              false},
        {"sent",                 true },
        {"partial",              true },
        {"failed",               true },
        {"expired",              true },
        {"cancelled",            true },
        {"duplicate",            true },
        {"invalid",              true },
        {"",                     true },
        {"nonsense",             true },
        {"sentsentsentsentsent", true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(bh_report_state_is_settled(bh_str_from(rows[i].state)), rows[i].settled, "%s",
                     rows[i].state);
}
