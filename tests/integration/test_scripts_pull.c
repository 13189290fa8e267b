/* Which messages the gateway is asked about, how often, and until when. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/pull.h"

#define PULL "bellhop:{q}:pull"
#define OPEN "bellhop:{q}:open"

#define AGE_MAX (3 * DAY)

TestSuite(pull_script, .init = stage_set_up, .fini = stage_tear_down);

static struct bh_pull_batch batch;

static void
pull(unsigned most)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_PULL);
    bh_encode_pull(&call, &stage.keys, most, AGE_MAX);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_pull(reply, &batch), BH_OK);
    freeReplyObject(reply);
}

static void
add(const char *id, bh_ms accepted, bh_ms due)
{
    RUN("ZADD " OPEN " %lld %s", (long long)accepted, id);
    RUN("ZADD " PULL " %lld %s", (long long)due, id);
}

Test(pull_script, asks_the_less_often_the_older_a_message_is)
{
    static const struct {
        const char *name;
        bh_ms age;
        bh_ms again; /* -1: given up */
    } rows[] = {
        {"just accepted",           0,                BH_PULL_NEAREST_MS },
        {"from the future",         -DAY,             BH_PULL_NEAREST_MS },
        {"young",                   BH_MINUTE_MS - 1, BH_PULL_NEAREST_MS },
        {"as old as the nearest",   BH_MINUTE_MS,     BH_MINUTE_MS       },
        {"twice as old",            2 * BH_MINUTE_MS, 2 * BH_MINUTE_MS   },
        {"an hour",                 BH_HOUR_MS,       BH_HOUR_MS         },
        {"half a day",              12 * BH_HOUR_MS,  BH_PULL_FARTHEST_MS},
        {"just not too old",        AGE_MAX - 1,      BH_PULL_FARTHEST_MS},
        {"too old",                 AGE_MAX,          -1                 },
        {"from before all of this", T0,               -1                 },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bool gone = rows[i].again < 0;
        script_redis_reset(&stage.redis, T0);
        add("77", T0 - rows[i].age, T0);
        pull(100);
        cr_expect_eq(batch.count, gone ? 0 : 1, "%s", rows[i].name);
        cr_expect_eq(batch.given_up, gone ? 1 : 0, "%s", rows[i].name);
        cr_expect_eq(batch.next_ms, rows[i].again, "%s: %lld", rows[i].name,
                     (long long)batch.next_ms);
        cr_expect_eq(stage_counter("delivery:none"), gone ? 1 : 0, "%s", rows[i].name);
        cr_expect_eq(stage_int("ZCARD " OPEN), gone ? 0 : 1, "%s", rows[i].name);
        cr_expect_eq(stage_int("ZCARD " PULL), gone ? 0 : 1, "%s", rows[i].name);
        if (!gone) {
            cr_expect_str_eq(batch.messages[0].id, "77", "%s", rows[i].name);
            cr_expect_eq(batch.messages[0].accepted.ms, T0 - rows[i].age, "%s", rows[i].name);
        }
    }
}

/* All questions about one message, from the first to the last, as the clock goes on. */
Test(pull_script, asks_about_a_message_some_twenty_times_and_then_no_more)
{
    int questions = 0;
    bh_ms now = T0 + 5 * BH_MINUTE_MS, before = now;
    script_redis_reset(&stage.redis, T0);
    add("77", T0, now);
    while (now < T0 + 10 * DAY) {
        script_redis_set_clock(&stage.redis, now);
        pull(100);
        questions += (int)batch.count;
        if (batch.next_ms < 0)
            break;
        cr_assert_geq(batch.next_ms, now - before);
        before = now;
        now += batch.next_ms;
    }
    cr_expect_eq(stage_int("ZCARD " PULL), 0);
    cr_expect_eq(stage_counter("delivery:none"), 1);
    cr_expect(questions >= 10 && questions <= 20, "%d questions", questions);
    cr_expect(now >= T0 + AGE_MAX && now < T0 + AGE_MAX + BH_PULL_FARTHEST_MS);
}

Test(pull_script, gives_nothing_before_its_time)
{
    script_redis_reset(&stage.redis, T0);
    pull(100);
    cr_expect_eq(batch.count, 0);
    cr_expect_eq(batch.next_ms, -1);
    add("77", T0, T0 + 5000);
    pull(100);
    cr_expect_eq(batch.count, 0);
    cr_expect_eq(batch.next_ms, 5000);
    script_redis_set_clock(&stage.redis, T0 + 4999);
    pull(100);
    cr_expect_eq(batch.count, 0);
    script_redis_set_clock(&stage.redis, T0 + 5000);
    pull(100);
    cr_expect_eq(batch.count, 1);
}

Test(pull_script, gives_one_message_to_one_of_two_who_ask)
{
    script_redis_reset(&stage.redis, T0);
    add("77", T0 - 1000, T0);
    pull(100);
    cr_expect_eq(batch.count, 1);
    pull(100);
    cr_expect_eq(batch.count, 0);
    cr_expect_eq(batch.next_ms, BH_PULL_NEAREST_MS);
}

/* What has had its final report has left `open`, whoever forgot to take it out of `pull`. */
Test(pull_script, asks_about_nothing_that_is_not_open)
{
    script_redis_reset(&stage.redis, T0);
    RUN("ZADD " PULL " 1 77");
    add("78", T0 - 1, T0);
    pull(100);
    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(batch.messages[0].id, "78");
    cr_expect_eq(batch.given_up, 0);
    cr_expect_eq(stage_int("ZCARD " PULL), 1);
    cr_expect_eq(stage_counter("delivery:none"), 0);
}

Test(pull_script, gives_a_hundred_at_a_time_the_longest_due_first)
{
    unsigned seen = 0;
    script_redis_reset(&stage.redis, T0);
    for (int i = 0; i < 250; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", 1000 + i);
        add(id, T0 - 1000, T0 - 1000 + i);
    }
    for (int turn = 0; turn < 3; turn++) {
        pull(turn == 0 ? 1000 : 100);
        cr_expect_eq(batch.count, turn < 2 ? 100 : 50);
        cr_expect_eq(batch.next_ms, turn < 2 ? 0 : BH_PULL_NEAREST_MS);
        for (size_t i = 0; i < batch.count; i++) {
            char id[16];
            snprintf(id, sizeof(id), "%u", 1000 + seen++);
            cr_expect_str_eq(batch.messages[i].id, id);
        }
    }
    cr_expect_eq(seen, 250);
}

/* Neither the many that are gone nor the many that are too old keep the others waiting for long. */
Test(pull_script, gets_past_what_is_gone_and_what_is_too_old)
{
    script_redis_reset(&stage.redis, T0);
    for (int i = 0; i < 60; i++) {
        RUN("ZADD " PULL " %d %d", i, 100 + i);
        RUN("ZADD " PULL " %d %d", 100 + i, 200 + i);
        RUN("ZADD " OPEN " %d %d", 1 + i, 200 + i);
    }
    add("77", T0 - 1, T0);
    pull(100);
    cr_expect_eq(batch.count, 1);
    cr_expect_eq(batch.given_up, 60);
    cr_expect_eq(stage_counter("delivery:none"), 60);
    cr_expect_eq(stage_int("ZCARD " PULL), 1);
    pull(1);
    cr_expect_eq(batch.count, 0);
}

Test(pull_script, leaves_out_what_is_no_number_of_a_message)
{
    static const char *const ids[] = {"-1", "+1", "7,8", "77x", "7&limit", "9999999999999999999999",
                                      "77"};
    script_redis_reset(&stage.redis, T0);
    for (size_t i = 0; i < BH_ARRAY_LEN(ids); i++)
        add(ids[i], T0 - 1, T0);
    pull(100);
    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(batch.messages[0].id, "77");
}

Test(pull_script, works_in_a_redis_that_is_full)
{
    script_redis_reset(&stage.redis, T0);
    add("77", T0 - 1, T0);
    add("78", T0 - AGE_MAX, T0);
    RUN("CONFIG SET maxmemory-policy noeviction");
    RUN("CONFIG SET maxmemory 1");
    pull(100);
    RUN("CONFIG SET maxmemory 0");
    cr_expect_eq(batch.count, 1);
    cr_expect_eq(batch.given_up, 1);
}

static void
expect_no_batch(const char *name, const char *script)
{
    redisReply *reply = script_redis_command(&stage.redis, "EVAL %s 0", script);
    cr_expect_eq(bh_decode_pull(reply, &batch), BH_EPROTO, "%s", name);
    freeReplyObject(reply);
}

Test(pull_script, takes_nothing_else_for_its_answer)
{
    script_redis_reset(&stage.redis, T0);
    expect_no_batch("nothing", "return false");
    expect_no_batch("a number", "return 0");
    expect_no_batch("too short", "return {0, 1, -1}");
    expect_no_batch("another code", "return {1, 1, -1, 0}");
    expect_no_batch("no time", "return {0, 'x', -1, 0}");
    expect_no_batch("before all", "return {0, 1, -2, 0}");
    expect_no_batch("fewer than none", "return {0, 1, -1, -1}");
    expect_no_batch("half a message", "return {0, 1, -1, 0, '77'}");
    expect_no_batch("a number in place of a text", "return {0, 1, -1, 0, 77, 1}");
    expect_no_batch("a text in place of a time", "return {0, 1, -1, 0, '77', '1'}");
    expect_no_batch("too many",
                    "local r = {0, 1, -1, 0} for i = 1, 101 do r[#r + 1] = '7' r[#r + 1] "
                    "= 1 end return r");
}
