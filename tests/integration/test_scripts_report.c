/* What a delivery report writes into a status, and which job it is about. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/report_codec.h"

#define KEY "bellhop:{q}:status:job"

TestSuite(report_script, .init = stage_set_up, .fini = stage_tear_down);

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

static int
report(const char *message, enum bh_delivery delivery, bh_ms at)
{
    struct bh_delivery_report sent = {
        .event = BH_WEBHOOK_DLR,
        .foreign_id = "job",
        .status = delivery,
        .at = {at},
        .duration_s = -1,
        .price_per_minute_micro = -1,
    };
    struct bh_call call;
    struct bh_report_noted noted = {.code = BH_REPORT_CODE_NONE};
    snprintf(sent.message_id, sizeof(sent.message_id), "%s", message);
    bh_call_init(&call, BH_SCRIPT_REPORT);
    bh_encode_report(&call, &stage.keys,
                     &(struct bh_report_note){.id = "job", .report = &sent, .retention_ms = DAY});
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_report(reply, &noted), BH_OK);
    freeReplyObject(reply);
    return (int)noted.code;
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
            bh_str_from(rows[i].state), bh_str_from(rows[i].to), bh_str_from(rows[i].message_ids),
            bh_str_from(rows[i].own)};
        enum bh_report_match got = bh_report_match(&sent, &status);
        cr_expect_eq(got, rows[i].wanted, "%s: %d", rows[i].name, (int)got);
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
