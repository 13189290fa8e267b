/* A queue's minutes, what processes tell, and when the oldest job was pushed. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "integration/script_redis.h"
#include "redis/minutes.h"
#include "redis/processes.h"
#include "redis/queue_view.h"

#define T0  ((bh_ms)1700000000000)
#define DAY ((bh_ms)86400000)

static struct script_redis redis;
static struct bh_queue_keys keys;
static char processes_key[BH_KEY_MAX];

static void
set_up(void)
{
    cr_assert_eq(bh_queue_keys_init(&keys, "bellhop", "q"), BH_OK);
    cr_assert_eq(bh_processes_key(processes_key, "bellhop"), BH_OK);
    script_redis_start(&redis);
    script_redis_reset(&redis, T0);
}

static void
tear_down(void)
{
    script_redis_stop(&redis);
}

TestSuite(minutes_script, .init = set_up, .fini = tear_down);

#define RUN(...) freeReplyObject(script_redis_command(&redis, __VA_ARGS__))

static long long
integer(const char *format, const char *key)
{
    redisReply *reply = script_redis_command(&redis, format, key);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

/* ---- minutes ---- */

static bool
write_minute(bh_ms now, bh_ms oldest_ms, bh_ms *ret_wait_ms)
{
    struct bh_call call;
    bool written = false;
    script_redis_set_clock(&redis, now);
    bh_call_init(&call, BH_SCRIPT_MINUTE);
    bh_encode_minute(&call, &keys, oldest_ms);
    redisReply *reply = script_redis_run(&redis, &call);
    cr_assert_eq(bh_decode_minute(reply, &written, ret_wait_ms), BH_OK);
    freeReplyObject(reply);
    return written;
}

static void
read_minutes(struct bh_minutes *ret_minutes)
{
    struct bh_str argv[BH_MINUTES_ARGC];
    bh_minutes_read_argv(&keys, argv);
    redisReply *reply = script_redis_command(&redis, "%s %s %s %s", argv[0].ptr, argv[1].ptr,
                                             argv[2].ptr, argv[3].ptr);
    cr_assert_eq(bh_decode_minutes(reply, ret_minutes), BH_OK);
    freeReplyObject(reply);
}

Test(minutes_script, are_written_once_a_minute_whoever_asks)
{
    static const struct {
        const char *name;
        bh_ms at;
        bool written;
        bh_ms wait_ms;
    } rows[] = {
        {"the first",                 T0,          true,  60000},
        {"at once again",             T0,          false, 60000},
        {"a moment too early",        T0 + 59999,  false, 1    },
        {"in time",                   T0 + 60000,  true,  60000},
        {"another process",           T0 + 60001,  false, 59999},
        {"after a gap",               T0 + 600000, true,  60000},
        {"a clock that was set back", T0 + 500000, true,  60000},
        {"and goes on",               T0 + 530000, false, 30000},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bh_ms wait_ms = -1;
        bool written = write_minute(rows[i].at, 0, &wait_ms);
        cr_expect_eq(written, rows[i].written, "%s", rows[i].name);
        cr_expect_eq(wait_ms, rows[i].wait_ms, "%s: %" PRId64, rows[i].name, wait_ms);
    }
    cr_expect_eq(integer("LLEN %s", keys.text[BH_KEY_MINUTES]), 4);
    cr_expect_gt(integer("PTTL %s", keys.text[BH_KEY_MINUTES]), DAY - 60000);
}

Test(minutes_script, hold_what_the_queue_holds)
{
    struct bh_minutes minutes;
    bh_ms wait_ms;
    RUN("RPUSH bellhop:{q} a b c");
    RUN("RPUSH bellhop:{q}:in a b");
    RUN("RPUSH bellhop:{q}:ready 1 2 3 4");
    RUN("ZADD bellhop:{q}:due 1 a");
    RUN("ZADD bellhop:{q}:leases 1 a 2 b 3 c 4 d 5 e");
    RUN("ZADD bellhop:{q}:dead 1 a 2 b 3 c 4 d 5 e 6 f");
    RUN("HSET bellhop:{q}:counters handle 12 token 99 outcome:sent 9007199254740991 "
        "now:held:credit -1");
    RUN("HSET bellhop:{q}:counters %b 1 %b 2 odd x", "with blank", (size_t)10, "line\nfeed",
        (size_t)9);
    cr_assert(write_minute(T0, 1500, &wait_ms));
    read_minutes(&minutes);
    cr_assert_eq(minutes.count, 1);
    const struct bh_minute *minute = &minutes.rows[0];
    cr_expect_eq(minute->at.ms, T0);
    cr_expect(minute->raw == 3 && minute->moved == 2 && minute->ready == 4 && minute->due == 1 &&
              minute->leases == 5 && minute->dead == 6 && minute->oldest_ms == 1500);
    cr_expect_eq(bh_minute_find(minute, "handle"), 12);
    cr_expect_eq(bh_minute_find(minute, "outcome:sent"), INT64_C(9007199254740991));
    cr_expect_eq(bh_minute_find(minute, "now:held:credit"), -1);
    cr_expect_eq(bh_minute_find(minute, "token"), 0, "nobody wants to know");
    cr_expect_eq(bh_minute_find(minute, "blank"), 0);
    cr_expect_eq(bh_minute_find(minute, "odd"), 0);
    bh_minutes_release(&minutes);
}

Test(minutes_script, are_those_of_the_last_hour)
{
    struct bh_minutes minutes;
    bh_ms wait_ms;
    for (int i = 0; i < 100; i++)
        cr_assert(write_minute(T0 + i * BH_MINUTE_MS, i, &wait_ms));
    read_minutes(&minutes);
    cr_assert_eq(minutes.count, BH_MINUTES_MAX);
    cr_expect_eq(minutes.rows[0].oldest_ms, 99);
    cr_expect_eq(minutes.rows[60].oldest_ms, 39);
    cr_expect_eq(integer("LLEN %s", keys.text[BH_KEY_MINUTES]), BH_MINUTES_MAX);
    bh_minutes_release(&minutes);
}

Test(minutes_script, stay_short_however_many_counters_there_are)
{
    struct bh_minutes minutes;
    bh_ms wait_ms;
    for (int i = 0; i < 1000; i++)
        RUN("HSET bellhop:{q}:counters code:%d 9007199254740991", i);
    cr_assert(write_minute(T0, 0, &wait_ms));
    read_minutes(&minutes);
    cr_expect_eq(minutes.count, 1, "a line of at most %d bytes", BH_MINUTE_BYTES_MAX);
    bh_minutes_release(&minutes);
}

Test(minutes_script, begin_anew_behind_a_line_that_is_none)
{
    bh_ms wait_ms;
    RUN("LPUSH bellhop:{q}:minutes nonsense");
    cr_expect(write_minute(T0, 0, &wait_ms));
}

/* ---- processes ---- */

static void
report(bh_ms now, const char *instance, const char *json)
{
    struct bh_call call;
    script_redis_set_clock(&redis, now);
    bh_call_init(&call, BH_SCRIPT_PROCESS);
    if (json != NULL)
        bh_encode_process(&call, processes_key, instance, bh_str_from(json));
    else
        bh_encode_process_gone(&call, processes_key, instance);
    freeReplyObject(script_redis_run(&redis, &call));
}

Test(minutes_script, take_what_processes_tell_and_forget_those_that_are_gone)
{
    report(T0, "one", "{}");
    redisReply *reply = script_redis_command(&redis, "HGET bellhop:{@processes} one");
    cr_expect_str_eq(reply->str, "1700000000000 {}");
    freeReplyObject(reply);

    report(T0 + DAY, "two", "{}");
    cr_expect_eq(integer("HLEN %s", processes_key), 2, "a day is not over yet");
    report(T0 + DAY + 1, "two", "{}");
    cr_expect_eq(integer("HLEN %s", processes_key), 1);
    report(T0 + DAY + 2, "three", "{}");
    report(T0 + DAY + 3, "two", NULL);
    cr_expect_eq(integer("HLEN %s", processes_key), 1);
    report(T0 + DAY + 3, "nobody", NULL);
    cr_expect_eq(integer("HLEN %s", processes_key), 1);
    cr_expect_gt(integer("PTTL %s", processes_key), DAY - 60000);
}

/* ---- inspect ---- */

static int64_t
pushed_at(void)
{
    struct bh_queue_view view = {.pushed_at = {-1}};
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, &keys);
    redisReply *reply = script_redis_run(&redis, &call);
    cr_assert_eq(bh_decode_inspect(reply, &view), BH_OK);
    freeReplyObject(reply);
    return view.pushed_at.ms;
}

Test(minutes_script, tell_when_the_oldest_job_was_pushed)
{
    static const struct {
        const char *name, *payload;
        int64_t wanted;
    } rows[] = {
        {"milliseconds",       "{\"enqueued_at\":1699999999000}",                       1699999999000},
        {"seconds",            "{\"to\":\"1\",\"enqueued_at\" : 1699999999,\"a\":1}",   1699999999000},
        {"no word",            "{\"to\":\"1\"}",                                        0            },
        {"the future",         "{\"enqueued_at\":1700000001000}",                       0            },
        {"a text",             "{\"enqueued_at\":\"1699999999\"}",                      0            },
        {"a negative one",     "{\"enqueued_at\":-5}",                                  0            },
        {"within a text",      "{\"text\":\"\\\"enqueued_at\\\":1699999999\"}",         0            },
        {"as a value",         "{\"text\":\"enqueued_at\",\"x\":1699999999}",           0            },
        {"no JSON",            "\"enqueued_at\"",                                       0            },
        {"digits without end", "{\"enqueued_at\":99999999999999999999999999999999999}", 0            },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        RUN("DEL bellhop:{q}");
        RUN("LPUSH bellhop:{q} %s", rows[i].payload);
        RUN("LPUSH bellhop:{q} {\"enqueued_at\":1}");
        int64_t got = pushed_at();
        cr_expect_eq(got, rows[i].wanted, "%s: %" PRId64, rows[i].name, got);
    }
    RUN("DEL bellhop:{q}");
    cr_expect_eq(pushed_at(), 0);
    RUN("LPUSH bellhop:{q}:in {\"enqueued_at\":1699999990}");
    cr_expect_eq(pushed_at(), 1699999990000);
    RUN("LPUSH bellhop:{q} {\"enqueued_at\":1699999980}");
    cr_expect_eq(pushed_at(), 1699999980000);
}

Test(minutes_script, tell_how_many_messages_are_open_and_since_when_nobody_speaks)
{
    /* Messages by how long ago they were accepted, in seconds; -1: no more. */
    static const struct {
        const char *name;
        int ages[6];
        const char *reported_at;
        uint64_t open, open_for[BH_QUEUE_OPEN_AGES];
        int64_t silent_since;
    } rows[] = {
        {"none",                        {-1},                      NULL,            0, {0, 0, 0}, 0            },
        {"none, and a report long ago", {-1},                      "1600000000000", 0, {0, 0, 0}, 0            },
        {"fresh ones, never a report",  {5, 9, -1},                NULL,            2, {0, 0, 0}, 1699999991000},
        {"of all ages",                 {5, 60, 61, 300, 600, -1}, NULL,            5, {4, 2, 1}, 1699999400000},
        {"a report behind all of them", {5, 9, -1},                "1699999999000", 2, {0, 0, 0}, 0            },
        {"a report between them",       {5, 9, 700, -1},           "1699999992000", 3, {1, 1, 1}, 1699999995000},
        {"a report with the last one",  {9, -1},                   "1699999991000", 1, {0, 0, 0}, 0            },
        {"a report of the future",      {9, -1},                   "1800000000000", 1, {0, 0, 0}, 0            },
        {"a time that is none",         {9, -1},                   "soon",          1, {0, 0, 0}, 1699999991000},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_queue_view view = {.open = 77};
        struct bh_call call;
        RUN("DEL bellhop:{q}:open bellhop:{q}:counters");
        for (int at = 0; rows[i].ages[at] >= 0; at++)
            RUN("ZADD bellhop:{q}:open %lld m%d", (long long)(T0 - 1000 * rows[i].ages[at]), at);
        if (rows[i].reported_at != NULL)
            RUN("HSET bellhop:{q}:counters reported_at %s", rows[i].reported_at);
        bh_call_init(&call, BH_SCRIPT_INSPECT);
        bh_encode_inspect(&call, &keys);
        redisReply *reply = script_redis_run(&redis, &call);
        cr_assert_eq(bh_decode_inspect(reply, &view), BH_OK, "%s", rows[i].name);
        cr_expect_eq(view.open, rows[i].open, "%s", rows[i].name);
        for (size_t age = 0; age < BH_QUEUE_OPEN_AGES; age++)
            cr_expect_eq(view.open_for[age], rows[i].open_for[age], "%s, %zu: %" PRIu64,
                         rows[i].name, age, view.open_for[age]);
        cr_expect_eq(view.silent_since.ms, rows[i].silent_since, "%s: %" PRId64, rows[i].name,
                     view.silent_since.ms);
        freeReplyObject(reply);
    }
}
