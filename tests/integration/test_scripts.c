#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/sent_table.h"
#include "integration/script_stage.h"
#include "redis/queue_view.h"

#define BLOCK      BH_SENT_HANDLES_BLOCK
#define HANDLE_MAX ((uint64_t)1 << 53)

TestSuite(scripts, .init = stage_set_up, .fini = stage_tear_down);

/* ---- shorthands ---------------------------------------------------------------------------------- */

static int64_t
length(enum bh_key key)
{
    static const char *const commands[BH_KEY_COUNT] = {
        [BH_KEY_RAW] = "LLEN %s",      [BH_KEY_IN] = "LLEN %s",      [BH_KEY_READY] = "LLEN %s",
        [BH_KEY_DUE] = "ZCARD %s",     [BH_KEY_LEASES] = "ZCARD %s", [BH_KEY_JOBS] = "HLEN %s",
        [BH_KEY_HEADS] = "HLEN %s",    [BH_KEY_DEAD] = "ZCARD %s",   [BH_KEY_CONTROL] = "HLEN %s",
        [BH_KEY_COUNTERS] = "HLEN %s", [BH_KEY_EVENTS] = "XLEN %s",  [BH_KEY_SUSPECTS] = "LLEN %s",
    };
    return stage_int(commands[key], stage.keys.text[key]);
}

/* A field of the status of `id` in a buffer that the next call overwrites; "(none)" when it is absent. */
static const char *
status(const char *id, const char *field)
{
    static char text[256];
    redisReply *reply =
        script_redis_command(&stage.redis, "HGET bellhop:{q}:status:%s %s", id, field);
    (void)snprintf(text, sizeof(text), "%s", reply->str != NULL ? reply->str : "(none)");
    freeReplyObject(reply);
    return text;
}

static void
push(const char *payload)
{
    RUN("LPUSH bellhop:{q} %s", payload);
}

static size_t
claim_as(const char *owner, unsigned count)
{
    return stage_claim(owner, &(struct bh_claim_command){.count = count});
}

static size_t
claim(unsigned count)
{
    return claim_as("me", count);
}

static const char *
payload(size_t at)
{
    return at < stage.claimed.event.jobs_count ? stage.claimed.jobs[at].payload.ptr : "(none)";
}

static enum bh_admit_code
admit(struct bh_claim_ref job, const char *id)
{
    return stage_admit("me", stage_admission(job, id)).code;
}

static struct bh_settle_command
settlement(struct bh_claim_ref job, const char *id, enum bh_disposition disposition,
           const char *state)
{
    return (struct bh_settle_command){.claim = job,
                                      .disposition = disposition,
                                      .waiting = BH_WAITING_NEW,
                                      .reason = "",
                                      .id = id,
                                      .state = state,
                                      .ledger_ms = 190000};
}

static enum bh_settle_code
end(struct bh_claim_ref job, const char *id, const char *state)
{
    return stage_settle("me", settlement(job, id, BH_SETTLE_FINAL, state)).code;
}

static struct bh_settle_command
waiting(struct bh_claim_ref job, const char *id, bh_ms delay, enum bh_waiting why,
        const char *reason)
{
    struct bh_settle_command settle =
        settlement(job, id, BH_SETTLE_WAIT, why == BH_WAITING_HELD ? "held" : "retrying");
    settle.delay_ms = delay;
    settle.waiting = (char)why;
    settle.reason = reason;
    settle.attempts = 1;
    return settle;
}

static enum bh_renew_code
renew_as(const char *owner, struct bh_claim_ref job)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, owner};
    struct bh_command command = {.kind = BH_COMMAND_RENEW, .renew = {.claim = job}};
    struct bh_renewed_event event;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_RENEW);
    bh_encode_renew(&call, &caller, &command, 1);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_renew(reply, 1, &event), BH_OK);
    freeReplyObject(reply);
    return event.code;
}

/* For how long a job of this queue may be the cause of a lock; 0: it is not. */
static bh_ms
twin_of(const char *digest)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, "me"};
    const struct bh_command commands[] = {
        {.kind = BH_COMMAND_TWIN, .twin = {.digest = "ffffffffffffffffffffffffffffffff"}},
        {.kind = BH_COMMAND_TWIN, .twin = {.digest = digest}                            },
    };
    struct bh_twin_event events[2];
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_TWIN);
    bh_encode_twin(&call, &caller, commands, 2);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_twin(reply, 2, events), BH_OK);
    freeReplyObject(reply);
    cr_expect_eq(events[0].code, BH_TWIN_NONE, "nobody has that one");
    cr_expect_eq(events[1].code, events[1].wait_ms > 0 ? BH_TWIN_HELD : BH_TWIN_NONE);
    return events[1].wait_ms;
}

static uint64_t
adopt_after(const char *owner, bool restarted, const uint64_t *known, size_t count)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, owner};
    char cursor[24] = "0";
    uint64_t total = 0;
    do {
        struct bh_call call;
        const struct bh_store_mark nothing = {0};
        struct bh_adopted adopted;
        bh_call_init(&call, BH_SCRIPT_ADOPT);
        bh_encode_adopt(&call, &caller, bh_str_from(cursor), restarted, &nothing, known, count);
        redisReply *reply = script_redis_run(&stage.redis, &call);
        cr_assert_eq(bh_decode_adopt(reply, &adopted), BH_OK);
        (void)snprintf(cursor, sizeof(cursor), "%.*s", BH_STR_ARGS(adopted.cursor));
        total += adopted.recovered;
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    return total;
}

/* The cursor is gone with the reply. */
static struct bh_adopted
adopt_met(const char *owner, struct bh_store_mark met)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, owner};
    struct bh_call call;
    struct bh_adopted adopted;
    bh_call_init(&call, BH_SCRIPT_ADOPT);
    bh_encode_adopt(&call, &caller, bh_str_from("0"), true, &met, NULL, 0);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_adopt(reply, &adopted), BH_OK);
    cr_assert(bh_str_equal_text(adopted.cursor, "0"));
    freeReplyObject(reply);
    return adopted;
}

static uint64_t
adopt(const char *owner, const uint64_t *known, size_t count)
{
    return adopt_after(owner, true, known, count);
}

/* The first line of the job's record. */
static const char *
head_line(struct bh_claim_ref job)
{
    static char line[256];
    redisReply *reply = script_redis_command(&stage.redis, "HGET %s %s",
                                             stage.keys.text[BH_KEY_HEADS], job.handle.ptr);
    (void)snprintf(line, sizeof(line), "%s", reply->str != NULL ? reply->str : "(none)");
    line[strcspn(line, "\n")] = '\0';
    freeReplyObject(reply);
    return line;
}

static void
expect_empty(void)
{
    static const enum bh_key places[] = {BH_KEY_RAW,    BH_KEY_IN,   BH_KEY_READY, BH_KEY_DUE,
                                         BH_KEY_LEASES, BH_KEY_JOBS, BH_KEY_HEADS};
    for (size_t i = 0; i < BH_ARRAY_LEN(places); i++)
        cr_expect_eq(length(places[i]), 0, "%s", stage.keys.text[places[i]]);
}

/* ---- claim --------------------------------------------------------------------------------------- */

Test(scripts, an_empty_queue_gives_nothing_and_nothing_to_wait_for)
{
    cr_expect_eq(claim(10), 0);
    cr_expect_eq(stage.claimed.event.code, BH_CLAIM_DONE);
    cr_expect_eq(stage.claimed.event.server_now.ms, T0);
    cr_expect_eq(stage.claimed.event.next_due_ms, -1);
    cr_expect_eq(stage.claimed.event.wait_ms, -1);
    cr_expect_eq(stage.claimed.event.token, 0);
    cr_expect_not(stage.claimed.event.more);
}

Test(scripts, jobs_come_in_the_order_of_pushing_and_byte_for_byte)
{
    const char bytes[] = "\0\n{\xff 9007199254740993}";
    push("one");
    RUN("LPUSH bellhop:{q} %b", bytes, sizeof(bytes) - 1);
    push("three");
    cr_assert_eq(claim(2), 2);
    cr_expect(stage.claimed.event.more);
    cr_expect_str_eq(payload(0), "one");
    cr_expect(
        bh_str_equal(stage.claimed.jobs[1].payload, (struct bh_str){bytes, sizeof(bytes) - 1}));
    cr_expect_eq(stage.claimed.event.token, 1);
    cr_expect(bh_str_equal_text(stage.claimed.jobs[0].head, "1 n - 0 0 me 1 0 0 0 0 0 \n"));
    cr_assert_eq(claim(10), 1);
    cr_expect_not(stage.claimed.event.more);
    cr_expect_str_eq(payload(0), "three");
    cr_expect_eq(length(BH_KEY_LEASES), 3);
    cr_expect_eq(length(BH_KEY_JOBS), 3);
}

Test(scripts, what_a_wait_moved_aside_comes_before_the_list)
{
    push("one");
    push("two");
    RUN("BLMOVE bellhop:{q} bellhop:{q}:in RIGHT LEFT 1");
    RUN("RPUSH bellhop:{q} jumper");
    cr_assert_eq(claim(3), 3);
    cr_expect_str_eq(payload(0), "one");
    cr_expect_str_eq(payload(1), "jumper");
    cr_expect_str_eq(payload(2), "two");
}

Test(scripts, a_claim_takes_at_most_64_whatever_is_asked)
{
    for (int i = 0; i < 70; i++)
        push("x");
    cr_expect_eq(claim(1000), 64);
    cr_expect(stage.claimed.event.more);
    cr_expect_eq(claim(64), 6);
    cr_expect_not(stage.claimed.event.more);
}

Test(scripts, a_payload_over_the_bound_is_told_by_its_length)
{
    stage.queue.payload_bytes_max = 4;
    push("12345");
    push("1234");
    cr_assert_eq(claim(2), 2);
    cr_expect_eq(stage.claimed.jobs[0].payload.len, 0);
    cr_expect_eq(stage.claimed.jobs[0].payload_bytes, 5);
    cr_expect_str_eq(payload(1), "1234");
    cr_expect_eq(length(BH_KEY_JOBS), 2, "both are kept");
}

Test(scripts, a_reply_stays_near_a_mebibyte_and_the_rest_keeps_its_order)
{
    static char big[600 * 1024];
    stage.queue.payload_bytes_max = sizeof(big);
    memset(big, 'x', sizeof(big));
    for (char i = 'a'; i < 'f'; i++) {
        big[0] = i;
        RUN("LPUSH bellhop:{q} %b", big, sizeof(big));
    }
    cr_assert_eq(claim(5), 2);
    cr_expect(stage.claimed.event.more);
    cr_expect_eq(payload(0)[0], 'a');
    cr_expect_eq(payload(1)[0], 'b');
    /* Those that are in the line already are treated alike. */
    RUN("SET test:clock %lld", (long long)(T0 + LEASE));
    cr_assert_eq(claim(5), 2);
    cr_expect_eq(payload(0)[0] + payload(1)[0], 'a' + 'b');
    cr_assert_eq(claim(5), 2);
    cr_expect_eq(payload(0)[0], 'c');
    cr_expect_eq(payload(1)[0], 'd');
    cr_assert_eq(claim(5), 1);
    cr_expect_eq(payload(0)[0], 'e');
    cr_expect_eq(length(BH_KEY_LEASES), 5);
}

Test(scripts, handles_are_given_without_gaps)
{
    static char big[300 * 1024];
    stage.queue.payload_bytes_max = sizeof(big);
    memset(big, 'x', sizeof(big));
    for (int i = 0; i < 2; i++)
        RUN("LPUSH bellhop:{q} %b", big, 10);
    for (int i = 0; i < 9; i++)
        RUN("LPUSH bellhop:{q} %b", big, sizeof(big));
    unsigned expected = 1;
    size_t got;
    while ((got = claim(11)) > 0) {
        for (size_t i = 0; i < got; i++, expected++)
            cr_expect_eq(strtoull(stage.claimed.jobs[i].handle.ptr, NULL, 10), expected);
        cr_expect_eq(stage_counter("handle"), expected - 1);
    }
    cr_expect_eq(expected, 12);
}

Test(scripts, a_claim_leaves_word_of_its_token_for_the_instance)
{
    push("a");
    push("b");
    push("c");
    cr_assert_eq(claim_as("me/0", 1), 1);
    cr_assert_eq(claim_as("me/1", 1), 1);
    cr_expect_eq(adopt_met("me/0", (struct bh_store_mark){0}).seen, 2);
    cr_expect_eq(adopt_met("you/0", (struct bh_store_mark){0}).seen, 0);
    cr_assert_eq(claim_as("you", 2), 2);
    cr_expect_eq(adopt_met("you", (struct bh_store_mark){0}).seen, 3);
    cr_expect_eq(adopt_met("me/2", (struct bh_store_mark){0}).seen, 2);
    cr_expect_gt(claim_as("me/0", 9), 0);
    cr_expect_eq(claim_as("me/0", 9), 0, "an empty claim says nothing");
    cr_expect_eq(adopt_met("me/0", (struct bh_store_mark){0}).seen, 4);
    redisReply *left = script_redis_command(&stage.redis, "PTTL bellhop:{q}:seen:me");
    cr_expect(left->integer > 86000000 && left->integer <= 86400000, "%lld", left->integer);
    freeReplyObject(left);
}

Test(scripts, adoption_raises_the_counters_and_counts_what_waits)
{
    push("a");
    push("b");
    push("c");
    RUN("LMOVE bellhop:{q} bellhop:{q}:in RIGHT LEFT");
    cr_assert_eq(claim(1), 1);
    struct bh_adopted adopted = adopt_met("me", (struct bh_store_mark){0});
    cr_expect_eq(adopted.token, 1);
    cr_expect_eq(adopted.handle, 1);
    cr_expect_eq(adopted.waiting, 2);
    adopted = adopt_met("me", (struct bh_store_mark){.token = 70, .handle = 1});
    cr_expect_eq(adopted.token, 1, "as it was before");
    cr_expect_eq(adopted.handle, BLOCK);
    adopted = adopt_met("me", (struct bh_store_mark){.token = 60, .handle = 5000});
    cr_expect_eq(adopted.token, 70, "never lowered");
    cr_expect_eq(adopted.handle, BLOCK, "it is a new block already");
    cr_assert_eq(claim(3), 3);
    cr_expect_eq(stage.claimed.event.token, 71);
    cr_expect_eq(stage_counter("handle"), BLOCK + 2);
}

/* So that no host that connects later moves the jobs that wait, by raising the counter to what it has met. */
Test(scripts, a_roll_back_begins_one_block_of_handles)
{
    static const struct {
        const char *name;
        uint64_t token, handle, seen; /* of Redis; seen 0: expired */
        struct bh_store_mark met;
        uint64_t wanted;
    } rows[] = {
        {"all is well",                 9, 50,        9, {9, 50, false},        50        },
        {"others went on",              9, 50,        7, {7, 40, false},        50        },
        {"first start",                 9, 50,        0, {0, 0, false},         50        },
        {"expired, and others went on", 9, 50,        0, {7, 40, false},        50        },
        {"claims are forgotten",        9, 50,        6, {7, 40, false},        BLOCK     },
        {"handles are forgotten",       9, 39,        7, {7, 40, false},        BLOCK     },
        {"all is forgotten",            0, 0,         0, {7, 40, false},        BLOCK     },
        {"another host has noticed",    9, BLOCK,     6, {7, 40, false},        BLOCK     },
        {"and has claimed since",       9, BLOCK + 8, 6, {7, 40, false},        BLOCK + 8 },
        {"others have met more",        9, BLOCK + 8, 6, {7, BLOCK + 9, false}, 2 * BLOCK },
        {"for the second time",         9, BLOCK + 8, 6, {7, BLOCK + 2, false}, 2 * BLOCK },
        {"nothing left",                9, 8,         6, {7, HANDLE_MAX, 0},    HANDLE_MAX},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        RUN("DEL bellhop:{q}:counters bellhop:{q}:seen:me");
        RUN("HSET bellhop:{q}:counters token %llu handle %llu", (unsigned long long)rows[i].token,
            (unsigned long long)rows[i].handle);
        if (rows[i].seen > 0)
            RUN("SET bellhop:{q}:seen:me %llu", (unsigned long long)rows[i].seen);
        for (int again = 0; again < 3; again++) {
            struct bh_adopted adopted = adopt_met("me", rows[i].met);
            cr_expect_eq(adopted.handle, rows[i].wanted, "%s: %llu", rows[i].name,
                         (unsigned long long)adopted.handle);
            cr_expect_eq(stage_counter("handle"), (int64_t)rows[i].wanted, "%s", rows[i].name);
        }
    }
}

/* What is popped and put back stands in the append-only file twice. */
Test(scripts, large_jobs_that_do_not_fit_are_not_moved)
{
    static char big[600 * 1024];
    stage.queue.payload_bytes_max = sizeof(big);
    memset(big, 'x', sizeof(big));
    for (int i = 0; i < 9; i++)
        RUN("LPUSH bellhop:{q} %b", big, sizeof(big));
    RUN("CONFIG RESETSTAT");
    cr_assert_eq(claim(9), 2);
    redisReply *reply = script_redis_command(&stage.redis, "INFO commandstats");
    cr_expect_not_null(strstr(reply->str, "cmdstat_rpop"));
    cr_expect_null(strstr(reply->str, "cmdstat_rpush"), "%s", reply->str);
    freeReplyObject(reply);
}

Test(scripts, a_paused_queue_gives_nothing_but_still_promotes_and_recovers)
{
    push("a");
    push("b");
    claim(2);
    struct bh_claim_ref a = stage_ref(0);
    admit(a, "a");
    stage_settle("me", waiting(a, "a", 1000, BH_WAITING_RETRY, ""));
    RUN("HSET bellhop:{q}:control paused 1");
    script_redis_set_clock(&stage.redis, T0 + LEASE);
    push("c");
    cr_expect_eq(claim(10), 0);
    cr_expect_eq(stage.claimed.event.code, BH_CLAIM_PAUSED);
    cr_expect_eq(length(BH_KEY_READY), 2);
    cr_expect_eq(length(BH_KEY_DUE), 0);
    cr_expect_eq(length(BH_KEY_LEASES), 0);
    RUN("HDEL bellhop:{q}:control paused");
    cr_expect_eq(claim(10), 3);
    cr_expect_str_eq(payload(0), "b", "the recovered one is at the head of the line");
}

Test(scripts, the_rate_is_a_bucket_of_one_second)
{
    stage.queue.rate = 4;
    for (int i = 0; i < 20; i++)
        push("x");
    cr_expect_eq(claim(10), 4, "the bucket begins full");
    cr_expect_eq(claim(10), 0);
    cr_expect_eq(stage.claimed.event.code, BH_CLAIM_LIMITED);
    cr_expect_eq(stage.claimed.event.wait_ms, 250);
    script_redis_set_clock(&stage.redis, T0 + 249);
    cr_expect_eq(claim(10), 0);
    cr_expect_eq(stage.claimed.event.wait_ms, 1);
    script_redis_set_clock(&stage.redis, T0 + 250);
    cr_expect_eq(claim(10), 1);
    script_redis_set_clock(&stage.redis, T0 + 60000);
    cr_expect_eq(claim(2), 2);
    cr_expect_eq(claim(10), 2, "a long pause saves up no more than the bucket holds");
    script_redis_set_clock(&stage.redis, T0);
    cr_expect_eq(claim(10), 0, "a clock that jumps back gives nothing");
    script_redis_set_clock(&stage.redis, T0 + 250);
    cr_expect_eq(claim(10), 1, "and takes nothing");
    RUN("HSET bellhop:{q}:control limit:rate 0");
    cr_expect_eq(claim(5), 5, "a limit set at run time goes first");
}

Test(scripts, concurrency_counts_leases_of_all_owners)
{
    stage.queue.concurrency = 3;
    for (int i = 0; i < 10; i++)
        push("x");
    cr_expect_eq(claim_as("a", 2), 2);
    struct bh_claim_ref first = stage_ref(0);
    cr_expect_eq(claim_as("b", 5), 1);
    cr_expect_eq(claim_as("b", 5), 0);
    cr_expect_eq(stage.claimed.event.code, BH_CLAIM_LIMITED);
    cr_expect_eq(stage.claimed.event.wait_ms, -1);
    stage_settle("a", settlement(first, "x1", BH_SETTLE_FINAL, "sent"));
    cr_expect_eq(claim_as("b", 5), 1);
    RUN("HSET bellhop:{q}:control limit:concurrency 5");
    cr_expect_eq(claim_as("b", 5), 2);
}

Test(scripts, both_limits_hold_together)
{
    stage.queue.concurrency = 1;
    stage.queue.rate = 2;
    for (int i = 0; i < 5; i++)
        push("x");
    cr_expect_eq(claim(5), 1);
    cr_expect_eq(claim(5), 0);
    cr_expect_eq(stage.claimed.event.wait_ms, -1, "no time tells when a lease ends");
    stage.queue.concurrency = 5;
    cr_expect_eq(claim(5), 1, "what the concurrency refused was not taken from the bucket");
    cr_expect_eq(claim(5), 0);
    cr_expect_eq(stage.claimed.event.wait_ms, 500);
}

Test(scripts, an_expired_lease_goes_to_the_head_of_the_line)
{
    push("a");
    claim(1);
    push("b");
    script_redis_set_clock(&stage.redis, T0 + LEASE - 1);
    cr_expect_eq(claim_as("other", 1), 1);
    cr_expect_str_eq(payload(0), "b");
    script_redis_set_clock(&stage.redis, T0 + LEASE);
    cr_expect_eq(claim_as("other", 1), 1);
    cr_expect_str_eq(payload(0), "a");
    cr_expect(bh_str_equal_text(stage.claimed.jobs[0].head, "1 n - 0 1 ~me 1 0 0 0 0 0 \n"),
              "not admitted, so no attempt is counted");
    cr_expect_eq(stage_counter("recovered"), 1);
}

Test(scripts, a_job_lost_while_being_sent_is_uncertain)
{
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    admit(job, "id1");
    script_redis_set_clock(&stage.redis, T0 + LEASE);
    RUN("HSET bellhop:{q}:control paused 1");
    claim(1);
    cr_expect_eq(stage_counter("now:uncertain"), 1);
    cr_expect_str_eq(
        head_line(job),
        "1 u uncertain 1 1 ~me 1 0 1700000000000 1700000000000 1700086400000 1700000000000 id1");
    RUN("HDEL bellhop:{q}:control paused");
    cr_expect_eq(claim(1), 1);
    cr_expect_eq(stage_counter("now:uncertain"), 0);
    /* The second loss keeps the first time. */
    struct bh_admit_command again = stage_admission(stage_ref(0), "id1");
    again.first = false;
    cr_expect_eq(stage_admit("me", again).code, BH_ADMIT_OK);
    script_redis_set_clock(&stage.redis, T0 + 2 * LEASE);
    claim(1);
    cr_expect_str_eq(
        head_line(job),
        "1 u uncertain 2 2 ~me 2 0 1700000000000 1700000000000 1700086400000 1700000000000 id1");
}

Test(scripts, handles_without_a_job_are_passed_over)
{
    RUN("RPUSH bellhop:{q}:ready 7 8");
    RUN("ZADD bellhop:{q}:due 1 9");
    RUN("ZADD bellhop:{q}:leases 1 10");
    push("a");
    cr_expect_eq(claim(10), 1);
    cr_expect_eq(length(BH_KEY_READY), 0);
    cr_expect_eq(length(BH_KEY_LEASES), 1);
}

Test(scripts, a_record_that_cannot_be_read_is_put_aside_with_its_job)
{
    static const char *const records[] = {"",
                                          "1",
                                          "2 n - 0 0 - 0 0 0 0 0 0 x\n",
                                          "1 n - 0 0 - 0 0 0 0 0 0 x",
                                          "1 z - 0 0 - 0 0 0 0 0 0 x\n",
                                          "1 n - -1 0 - 0 0 0 0 0 0 x\n"};
    for (size_t i = 0; i < BH_ARRAY_LEN(records); i++) {
        RUN("HSET bellhop:{q}:jobs %d payload", (int)i);
        RUN("HSET bellhop:{q}:heads %d %s", (int)i, records[i]);
        if (i % 2 == 0)
            RUN("RPUSH bellhop:{q}:ready %d", (int)i);
        else
            RUN("ZADD bellhop:{q}:leases 1 %d", (int)i);
    }
    cr_expect_eq(claim(10), 0);
    cr_expect_eq(length(BH_KEY_DEAD), BH_ARRAY_LEN(records));
    cr_expect_eq(length(BH_KEY_JOBS), BH_ARRAY_LEN(records));
    cr_expect_eq(stage_counter("unreadable"), BH_ARRAY_LEN(records));
}

Test(scripts, at_most_200_are_promoted_and_the_earliest_runs_first)
{
    for (int i = 0; i < 250; i++) {
        RUN("ZADD bellhop:{q}:due %lld %d", (long long)(T0 - 1000 + i), i);
        RUN("HSET bellhop:{q}:jobs %d %d", i, i);
        RUN("HSET bellhop:{q}:heads %d %s", i, "1 r - 0 0 - 0 0 0 0 0 0 x\n");
    }
    RUN("HSET bellhop:{q}:counters now:retrying 250");
    cr_expect_eq(claim(1), 1);
    cr_expect_str_eq(payload(0), "0");
    cr_expect_eq(length(BH_KEY_READY), 199);
    cr_expect_eq(length(BH_KEY_DUE), 50);
    cr_expect_eq(stage.claimed.event.next_due_ms, 0);
    cr_expect_eq(stage_counter("now:retrying"), 249);
}

/* ---- admit --------------------------------------------------------------------------------------- */

Test(scripts, admission_registers_and_marks_the_job)
{
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    script_redis_set_clock(&stage.redis, T0 + 5);
    cr_expect_eq(admit(job, "id1"), BH_ADMIT_OK);
    cr_expect_str_eq(
        head_line(job),
        "1 n - 0 0 me 1 1700000000005 1700000000000 1700000000000 1700086400000 0 id1");
    cr_expect_str_eq(status("id1", "state"), "sending");
    cr_expect_str_eq(status("id1", "created_at"), "1700000000000");
    cr_expect_str_eq(status("id1", "updated_at"), "1700000000005");
    cr_expect_str_eq(status("id1", "attempts"), "0");
    cr_expect_str_eq(status("id1", "to"), "491701234567");
    cr_expect_eq(stage_int("PTTL bellhop:{q}:status:%s", "id1"), -1);
}

Test(scripts, an_id_seen_before_is_not_sent_again)
{
    push("a");
    push("b");
    push("c");
    claim(3);
    struct bh_claim_ref first = stage_ref(0), second = stage_ref(1), third = stage_ref(2);
    cr_expect_eq(admit(first, "same"), BH_ADMIT_OK);
    cr_expect_eq(admit(second, "same"), BH_ADMIT_DUPLICATE, "while the first is under way");
    end(first, "same", "sent");
    cr_expect_eq(admit(third, "same"), BH_ADMIT_DUPLICATE, "and after its end");
    cr_expect_str_eq(status("same", "state"), "sent");
    cr_expect_eq(stage_counter("outcome:duplicate_id"), 2);
    cr_expect_eq(stage_counter("outcome:sent"), 1);
    expect_empty();
}

Test(scripts, admission_may_be_repeated_when_its_answer_was_lost)
{
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    cr_expect_eq(admit(job, "id1"), BH_ADMIT_OK);
    cr_expect_eq(admit(job, "id1"), BH_ADMIT_OK, "its own registration makes it no duplicate");
}

Test(scripts, admission_is_fenced_by_owner_and_token)
{
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0), wrong = job, unknown = job;
    wrong.token++;
    unknown.handle = bh_str_from("99");
    cr_expect_eq(stage_admit("you", stage_admission(job, "x")).code, BH_ADMIT_LOST);
    cr_expect_eq(admit(wrong, "x"), BH_ADMIT_LOST);
    cr_expect_eq(admit(unknown, "x"), BH_ADMIT_LOST);
    cr_expect_str_eq(status("x", "state"), "(none)");
    cr_expect_eq(admit(job, "x"), BH_ADMIT_OK);
}

Test(scripts, a_delayed_job_waits_until_it_is_due)
{
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    struct bh_admit_command admit = stage_admission(job, "id1");
    admit.mode = BH_ADMIT_SCHEDULE;
    admit.due.ms = T0 + 5000;
    stage.queue.events_cap = 10;
    struct bh_admitted_event event = stage_admit("me", admit);
    cr_expect_eq(event.code, BH_ADMIT_SCHEDULED);
    cr_expect_eq(event.next_due_ms, 5000);
    cr_expect_eq(event.server_now.ms, T0);
    cr_expect_str_eq(status("id1", "state"), "scheduled");
    cr_expect_str_eq(status("id1", "next_at"), "1700000005000");
    cr_expect_eq(stage_counter("now:scheduled"), 1);
    cr_expect_eq(length(BH_KEY_LEASES), 0);
    cr_expect_eq(length(BH_KEY_EVENTS), 1);
    script_redis_set_clock(&stage.redis, T0 + 4999);
    cr_expect_eq(claim(1), 0, "never early");
    cr_expect_eq(stage.claimed.event.next_due_ms, 1);
    script_redis_set_clock(&stage.redis, T0 + 5000);
    cr_expect_eq(claim(1), 1);
    cr_expect_eq(stage_counter("now:scheduled"), 0);
    admit = stage_admission(stage_ref(0), "id1");
    admit.first = false;
    cr_expect_eq(stage_admit("me", admit).code, BH_ADMIT_OK);
    cr_expect_str_eq(status("id1", "next_at"), "(none)");
}

Test(scripts, a_tombstone_ends_the_job_and_is_used_up)
{
    push("a");
    push("b");
    claim(2);
    RUN("SET bellhop:{q}:cancel:id1 1 PX 100000");
    stage.queue.events_cap = 10;
    cr_expect_eq(admit(stage_ref(0), "id1"), BH_ADMIT_CANCELLED);
    cr_expect_str_eq(status("id1", "state"), "cancelled");
    cr_expect_gt(stage_int("PTTL bellhop:{q}:status:%s", "id1"), 0);
    cr_expect_eq(stage_counter("outcome:cancelled"), 1);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:cancel:%s", "id1"), 0);
    cr_expect_eq(length(BH_KEY_EVENTS), 1);
    /* A second job of that id must not be able to cancel the first one's status. */
    RUN("SET bellhop:{q}:cancel:id1 1 PX 100000");
    cr_expect_eq(admit(stage_ref(1), "id1"), BH_ADMIT_DUPLICATE);
    expect_empty();
}

Test(scripts, the_ledger_excludes_other_jobs_but_not_its_own)
{
    const char both[2][33] = {"11111111111111111111111111111111",
                              "22222222222222222222222222222222"};
    const char one[1][33] = {"22222222222222222222222222222222"};
    push("a");
    push("b");
    claim(2);
    struct bh_claim_ref a = stage_ref(0), b = stage_ref(1);
    struct bh_admit_command admit_a = stage_admission(a, "a"), admit_b = stage_admission(b, "b");
    admit_a.ledger = both;
    admit_a.ledger_count = 2;
    admit_b.ledger = one;
    admit_b.ledger_count = 1;
    cr_expect_eq(stage_admit("me", admit_a).code, BH_ADMIT_OK);
    struct bh_admitted_event locked = stage_admit("me", admit_b);
    cr_expect_eq(locked.code, BH_ADMIT_LOCKED);
    cr_expect(locked.wait_ms > 100000 && locked.wait_ms <= 190000, "%lld",
              (long long)locked.wait_ms);
    cr_expect_str_eq(status("b", "state"), "held", "its id is registered although it waits");
    cr_expect_str_eq(status("b", "reason"), "reload_lock");
    cr_expect_str_eq(head_line(b),
                     "1 n - 0 0 me 1 0 1700000000000 1700000000000 1700086400000 0 b");

    struct bh_settle_command settle = settlement(a, "a", BH_SETTLE_FINAL, "failed");
    settle.ledger = both;
    settle.ledger_count = 2;
    settle.ledger_action = BH_LEDGER_FREE;
    stage_settle("me", settle);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:lock:%s bellhop:{q}:lock:%s", both[0], both[1]), 0);
    cr_expect_eq(stage_admit("me", admit_b).code, BH_ADMIT_OK);

    settle = settlement(b, "b", BH_SETTLE_FINAL, "sent");
    settle.ledger = one;
    settle.ledger_count = 1;
    settle.ledger_action = BH_LEDGER_ARM;
    settle.ledger_ms = 500000;
    stage_settle("me", settle);
    cr_expect_gt(stage_int("PTTL bellhop:{q}:lock:%s", one[0]), 190000);
    cr_expect_str_eq(status("b", "reason"), "(none)");
}

/* What was sent, or may have been, can have armed the lock; what the lock itself refused cannot. */
Test(scripts, tells_which_job_of_the_ledger_can_explain_a_lock)
{
    static const struct {
        const char *name;
        enum bh_disposition disposition;
        const char *state;
        uint32_t attempts;
        int64_t uncertain;
        enum bh_ledger_action action;
        bool explains;
    } rows[] = {
        {"accepted",            BH_SETTLE_FINAL, "sent",     1, 0,  BH_LEDGER_ARM,  true },
        {"not answered",        BH_SETTLE_WAIT,  "retrying", 1, T0, BH_LEDGER_KEEP, true },
        {"given up",            BH_SETTLE_DEAD,  "unknown",  1, 0,  BH_LEDGER_KEEP, true },
        {"a carrier's failure", BH_SETTLE_WAIT,  "retrying", 1, 0,  BH_LEDGER_KEEP, true },
        {"refused by the lock", BH_SETTLE_WAIT,  "held",     0, 0,  BH_LEDGER_KEEP, false},
        {"given back",          BH_SETTLE_READY, "held",     0, 0,  BH_LEDGER_FREE, false},
    };
    const char entry[1][33] = {"11111111111111111111111111111111"};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        cr_expect_eq(twin_of(entry[0]), 0, "%s", rows[i].name);
        push("a");
        claim(1);
        struct bh_claim_ref a = stage_ref(0);
        struct bh_admit_command admit_a = stage_admission(a, "a");
        admit_a.ledger = entry;
        admit_a.ledger_count = 1;
        cr_expect_eq(stage_admit("me", admit_a).code, BH_ADMIT_OK);
        cr_expect(twin_of(entry[0]) > 100000, "%s: while it is under way", rows[i].name);

        struct bh_settle_command settle = settlement(a, "a", rows[i].disposition, rows[i].state);
        settle.ledger = entry;
        settle.ledger_count = 1;
        settle.ledger_action = rows[i].action;
        settle.attempts = rows[i].attempts;
        settle.uncertain_since.ms = rows[i].uncertain;
        cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_OK);
        cr_expect_eq(twin_of(entry[0]) > 0, rows[i].explains, "%s", rows[i].name);
    }
    RUN("SET bellhop:{q}:lock:%s 4711", entry[0]);
    cr_expect_gt(twin_of(entry[0]), 0, "nobody knows that job: it may have been sent");
}

/* ---- finish -------------------------------------------------------------------------------------- */

Test(scripts, a_final_job_leaves_only_its_status)
{
    const struct bh_field fields[] = {
        {"message_id", {"77", 2}   },
        {"price",      {"0.075", 5}}
    };
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    admit(job, "id1");
    struct bh_settle_command settle = settlement(job, "id1", BH_SETTLE_FINAL, "sent");
    settle.fields = fields;
    settle.fields_count = 2;
    settle.attempts = 1;
    settle.sent = true;
    settle.code = 100;
    stage.queue.events_cap = 10;
    script_redis_set_clock(&stage.redis, T0 + 7);
    struct bh_settled_event event = stage_settle("me", settle);
    cr_expect_eq(event.code, BH_SETTLED_OK);
    cr_expect_eq(event.next_due_ms, -1);
    expect_empty();
    cr_expect_str_eq(status("id1", "state"), "sent");
    cr_expect_str_eq(status("id1", "message_id"), "77");
    cr_expect_str_eq(status("id1", "attempts"), "1");
    cr_expect_str_eq(status("id1", "updated_at"), "1700000000007");
    cr_expect_str_eq(status("id1", "created_at"), "1700000000000");
    cr_expect_gt(stage_int("PTTL bellhop:{q}:status:%s", "id1"), DAY - 60000);
    cr_expect_eq(stage_counter("outcome:sent"), 1);
    cr_expect_eq(stage_counter("attempts"), 1);
    cr_expect_eq(stage_counter("code:100"), 1);
    cr_expect_eq(stage_counter("spend_micro"), 75000);
    cr_expect_eq(length(BH_KEY_EVENTS), 1);
    cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_GONE, "asked again");
    cr_expect_eq(stage_counter("outcome:sent"), 1);
}

/* The value of a field of the newest entry of the stream of events. */
static const char *
told(const char *name)
{
    static char text[64];
    redisReply *reply =
        script_redis_command(&stage.redis, "XREVRANGE bellhop:{q}:events + - COUNT 1");
    cr_assert_eq(reply->elements, 1);
    const redisReply *fields = reply->element[0]->element[1];
    (void)snprintf(text, sizeof(text), "(none)");
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0)
            (void)snprintf(text, sizeof(text), "%s", fields->element[i + 1]->str);
    }
    freeReplyObject(reply);
    return text;
}

Test(scripts, an_event_echoes_what_the_producer_gave_the_job_along)
{
    const struct bh_field meta[] = {
        {"meta", {"{\"order\":7}", 11}}
    };
    push("a");
    push("b");
    claim(2);
    struct bh_claim_ref with = stage_ref(0), without = stage_ref(1);
    stage.queue.events_cap = 10;
    struct bh_admit_command admission = stage_admission(with, "with");
    admission.mode = BH_ADMIT_SCHEDULE;
    admission.due.ms = T0 + 5000;
    admission.fields = meta;
    admission.fields_count = 1;
    cr_expect_eq(stage_admit("me", admission).code, BH_ADMIT_SCHEDULED);
    cr_expect_str_eq(told("state"), "scheduled");
    cr_expect_str_eq(told("meta"), "{\"order\":7}");
    admit(without, "without");
    stage_settle("me", settlement(without, "without", BH_SETTLE_FINAL, "failed"));
    cr_expect_str_eq(told("state"), "failed");
    cr_expect_str_eq(told("meta"), "(none)");
    script_redis_set_clock(&stage.redis, T0 + 5000);
    cr_expect_eq(claim(1), 1);
    with = stage_ref(0);
    admission = stage_admission(with, "with");
    admission.first = false;
    cr_expect_eq(stage_admit("me", admission).code, BH_ADMIT_OK);
    stage_settle("me", settlement(with, "with", BH_SETTLE_FINAL, "sent"));
    cr_expect_str_eq(told("state"), "sent");
    cr_expect_str_eq(told("meta"), "{\"order\":7}");
}

Test(scripts, a_job_that_is_sent_in_parts_is_paid_for_once)
{
    const struct bh_field first[] = {
        {"price", {"0.075", 5}}
    };
    const struct bh_field both[] = {
        {"price", {"0.15", 4}}
    };
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    admit(job, "id1");
    struct bh_settle_command settle = waiting(job, "id1", 10, BH_WAITING_RETRY, "");
    settle.fields = first;
    settle.fields_count = 1;
    settle.sent = true;
    stage_settle("me", settle);
    script_redis_set_clock(&stage.redis, T0 + 20);
    claim(1);
    job = stage_ref(0);
    admit(job, "id1");
    settle = settlement(job, "id1", BH_SETTLE_FINAL, "sent");
    settle.fields = both;
    settle.fields_count = 1;
    settle.attempts = 2;
    settle.sent = true;
    stage_settle("me", settle);
    cr_expect_eq(stage_counter("spend_micro"), 150000, "the field holds the sum of all attempts");
}

Test(scripts, what_a_look_up_found_is_paid_for_once)
{
    static const struct {
        const char *name, *known, *price; /* NULL: none */
        unsigned attempts;
        int64_t wanted;
    } rows[] = {
        {"found after one request",    NULL,    "0.075", 1, 75000},
        {"found after two",            NULL,    "0.075", 2, 75000},
        {"after it died",              NULL,    "0.075", 0, 75000},
        {"written already",            "0.075", "0.075", 1, 0    },
        {"written already, after two", "0.075", "0.075", 2, 0    },
        {"another recipient's",        "0.075", "0.15",  1, 75000},
        {"no price",                   "0.075", NULL,    1, 0    },
        {"less",                       "0.075", "0.05",  1, 0    },
        {"nonsense",                   NULL,    "free",  1, 0    },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        push("a");
        claim(1);
        struct bh_claim_ref job = stage_ref(0);
        admit(job, "id1");
        if (rows[i].known != NULL)
            RUN("HSET bellhop:{q}:status:id1 price %s", rows[i].known);
        struct bh_settle_command settle = settlement(job, "id1", BH_SETTLE_FINAL, "sent");
        const struct bh_field price = {"price",
                                       bh_str_from(rows[i].price != NULL ? rows[i].price : "")};
        settle.fields = &price;
        settle.fields_count = rows[i].price != NULL;
        settle.attempts = rows[i].attempts;
        stage_settle("me", settle);
        cr_expect_eq(stage_counter("spend_micro"), rows[i].wanted, "%s", rows[i].name);
        cr_expect_eq(stage_counter("attempts"), 0, "%s: it sent nothing", rows[i].name);
    }
}

Test(scripts, a_reports_delivery_goes_before_the_journals)
{
    static const struct {
        const char *name, *reported, *reported_at, *wanted; /* NULL: none */
    } rows[] = {
        {"no report",            NULL,           NULL,            "DELIVERED"   },
        {"a report",             "NOTDELIVERED", "1700000000001", "NOTDELIVERED"},
        {"one that is not over", "BUFFERED",     "1700000000001", "BUFFERED"    },
        {"an earlier look-up",   "FAILED",       NULL,            "DELIVERED"   },
    };
    static const struct bh_field fields[] = {
        {"confirmed_by", {"journal", 7}  },
        {"delivery",     {"DELIVERED", 9}},
        {"message_id",   {"77", 2}       },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        push("a");
        claim(1);
        struct bh_claim_ref job = stage_ref(0);
        admit(job, "id1");
        if (rows[i].reported != NULL)
            RUN("HSET bellhop:{q}:status:id1 delivery %s", rows[i].reported);
        if (rows[i].reported_at != NULL)
            RUN("HSET bellhop:{q}:status:id1 delivered_at %s", rows[i].reported_at);
        struct bh_settle_command settle = settlement(job, "id1", BH_SETTLE_FINAL, "sent");
        settle.fields = fields;
        settle.fields_count = BH_ARRAY_LEN(fields);
        stage_settle("me", settle);
        cr_expect_str_eq(status("id1", "delivery"), rows[i].wanted, "%s", rows[i].name);
        cr_expect_str_eq(status("id1", "state"), "sent", "%s", rows[i].name);
        cr_expect_str_eq(status("id1", "message_id"), "77", "%s", rows[i].name);
        cr_expect_str_eq(status("id1", "confirmed_by"), "journal", "%s", rows[i].name);
    }
}

Test(scripts, codes_out_of_range_cannot_grow_the_counters)
{
    static const int codes[] = {1000, -1, 2000000000, 999, 0};
    for (size_t i = 0; i < BH_ARRAY_LEN(codes); i++) {
        push("a");
        claim(1);
        struct bh_settle_command settle = settlement(stage_ref(0), "", BH_SETTLE_FINAL, "sent");
        settle.sent = true;
        settle.code = codes[i];
        stage_settle("me", settle);
    }
    cr_expect_eq(stage_counter("code:other"), 3);
    cr_expect_eq(stage_counter("code:999"), 1);
    cr_expect_eq(stage_counter("code:0"), 1);
}

Test(scripts, a_waiting_job_keeps_what_is_known_about_it)
{
    const char memo[] = "memo\nwith\0bytes";
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0);
    admit(job, "id1");
    struct bh_settle_command settle = waiting(job, "id1", 5000, BH_WAITING_HELD, "gateway_down");
    settle.memo = (struct bh_str){memo, sizeof(memo) - 1};
    settle.uncertain_since.ms = T0;
    settle.first_error = bh_str_from("the first");
    struct bh_settled_event event = stage_settle("me", settle);
    cr_expect_eq(event.code, BH_SETTLED_OK);
    cr_expect_eq(event.next_due_ms, 5000);
    cr_expect_eq(stage_counter("now:held:gateway_down"), 1);
    cr_expect_str_eq(status("id1", "state"), "held");
    cr_expect_str_eq(status("id1", "reason"), "gateway_down");
    cr_expect_str_eq(status("id1", "next_at"), "1700000005000");
    cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_STALE, "asked again");
    cr_expect_eq(stage_counter("now:held:gateway_down"), 1);

    script_redis_set_clock(&stage.redis, T0 + 5000);
    cr_assert_eq(claim(1), 1);
    const char wanted[] = "1 h gateway_down 1 0 - 1 0 1700000000000 1700000000000 1700086400000 "
                          "1700000000000 id1\nmemo\nwith\0bytes";
    cr_expect(
        bh_str_equal(stage.claimed.jobs[0].head, (struct bh_str){wanted, sizeof(wanted) - 1}));
    cr_expect_eq(stage_counter("now:held:gateway_down"), 0);
    settle = settlement(stage_ref(0), "id1", BH_SETTLE_FINAL, "failed");
    settle.first_error = bh_str_from("the second");
    stage_settle("me", settle);
    cr_expect_str_eq(status("id1", "first_error"), "the first");
    cr_expect_str_eq(status("id1", "reason"), "(none)");
    cr_expect_str_eq(status("id1", "next_at"), "(none)");
}

Test(scripts, a_released_job_is_the_next_and_leaves_no_trace)
{
    push("a");
    push("b");
    claim(1);
    stage_settle("me", settlement(stage_ref(0), "id1", BH_SETTLE_READY, "held"));
    cr_expect_str_eq(status("id1", "state"), "(none)", "else its admission would find a duplicate");
    cr_expect_eq(claim(1), 1);
    cr_expect_str_eq(payload(0), "a");
    cr_expect_eq(admit(stage_ref(0), "id1"), BH_ADMIT_OK);
}

Test(scripts, the_dead_are_kept_but_not_too_many_and_not_for_ever)
{
    stage.queue.dead_max = 3;
    for (int i = 0; i < 5; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "d%d", i);
        push(id);
        claim(1);
        script_redis_set_clock(&stage.redis, T0 + i);
        struct bh_settle_command settle = settlement(stage_ref(0), id, BH_SETTLE_DEAD, "invalid");
        cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_OK);
        cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_GONE, "asked again");
        cr_expect_str_eq(status(id, "state"), "invalid");
        cr_expect_gt(stage_int("PTTL bellhop:{q}:status:%s", id), 0);
    }
    cr_expect_eq(length(BH_KEY_DEAD), 3);
    cr_expect_eq(length(BH_KEY_JOBS), 3);
    cr_expect_eq(length(BH_KEY_HEADS), 3);
    cr_expect_eq(stage_counter("outcome:invalid"), 5);
    script_redis_set_clock(&stage.redis, T0 + DAY + 3);
    push("x");
    claim(1);
    end(stage_ref(0), "x", "sent");
    cr_expect_eq(length(BH_KEY_DEAD), 1);
    cr_expect_eq(length(BH_KEY_JOBS), 1);
    cr_expect_eq(claim(10), 0, "no dead job is ever claimed");
}

Test(scripts, an_invalid_job_does_not_touch_the_status_of_its_namesake)
{
    push("a");
    push("b");
    claim(2);
    struct bh_claim_ref good = stage_ref(0), bad = stage_ref(1);
    admit(good, "same");
    end(good, "same", "sent");
    cr_expect_eq(stage_settle("me", settlement(bad, "same", BH_SETTLE_DEAD, "invalid")).code,
                 BH_SETTLED_OK);
    cr_expect_str_eq(status("same", "state"), "sent");
}

/* Redis has rolled back, and has given "other" the handle and the token that were ours for another job. */
Test(scripts, a_late_result_ends_no_other_job_that_was_given_its_token)
{
    static const struct {
        const char *name;
        bool admitted, scheduled, lapsed;
        const char *id; /* of the late result; the job's own is "theirs" */
        enum bh_settle_code wanted;
    } rows[] = {
        {"in their hands",               true,  false, false, "ours",   BH_SETTLED_STALE},
        {"the same one, in their hands", true,  false, false, "theirs", BH_SETTLED_STALE},
        {"waiting for its time",         true,  true,  false, "ours",   BH_SETTLED_STALE},
        {"without an id",                true,  true,  false, "",       BH_SETTLED_STALE},
        {"the same one, waiting",        true,  true,  false, "theirs", BH_SETTLED_LATE },
        {"lost by them",                 true,  false, true,  "ours",   BH_SETTLED_STALE},
        {"lost before its admission",    false, false, true,  "ours",   BH_SETTLED_STALE},
        {"neither has an id",            false, false, true,  "",       BH_SETTLED_STALE},
        {"the same one, lost by them",   true,  false, true,  "theirs", BH_SETTLED_LATE },
    };
    static const enum bh_disposition ends[] = {BH_SETTLE_FINAL, BH_SETTLE_DEAD};
    for (size_t i = 0; i < 2 * BH_ARRAY_LEN(rows); i++) {
        size_t row = i / 2;
        script_redis_reset(&stage.redis, T0);
        push("a");
        cr_assert_eq(claim_as("other", 1), 1);
        struct bh_claim_ref job = stage_ref(0);
        struct bh_admit_command admission = stage_admission(job, "theirs");
        if (rows[row].scheduled) {
            admission.mode = BH_ADMIT_SCHEDULE;
            admission.due = (struct bh_wall){T0 + 9000};
        }
        if (rows[row].admitted)
            cr_assert_eq(stage_admit("other", admission).code,
                         rows[row].scheduled ? BH_ADMIT_SCHEDULED : BH_ADMIT_OK);
        RUN("HSET bellhop:{q}:control paused 1");
        if (rows[row].lapsed)
            script_redis_set_clock(&stage.redis, T0 + LEASE);
        claim_as("third", 1);
        cr_expect_eq(stage_settle("me", settlement(job, rows[row].id, ends[i % 2], "sent")).code,
                     rows[row].wanted, "%s", rows[row].name);
        cr_expect_eq(length(BH_KEY_HEADS),
                     rows[row].wanted == BH_SETTLED_STALE || ends[i % 2] == BH_SETTLE_DEAD, "%s",
                     rows[row].name);
    }
}

Test(scripts, a_late_result_ends_a_job_that_nobody_has_claimed_again)
{
    static const struct {
        enum bh_disposition disposition;
        enum bh_settle_code wanted;
    } rows[] = {
        {BH_SETTLE_FINAL, BH_SETTLED_LATE },
        {BH_SETTLE_DEAD,  BH_SETTLED_LATE },
        {BH_SETTLE_WAIT,  BH_SETTLED_STALE},
        {BH_SETTLE_READY, BH_SETTLED_STALE},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        push("a");
        claim(1);
        struct bh_claim_ref job = stage_ref(0);
        admit(job, "id1");
        script_redis_set_clock(&stage.redis, T0 + LEASE);
        RUN("HSET bellhop:{q}:control paused 1");
        claim_as("other", 1);
        cr_expect_eq(stage_counter("now:uncertain"), 1);
        enum bh_settle_code code =
            stage_settle("me", settlement(job, "id1", rows[i].disposition, "sent")).code;
        cr_expect_eq(code, rows[i].wanted, "row %zu", i);
        cr_expect_eq(stage_counter("now:uncertain"), code == BH_SETTLED_STALE, "row %zu", i);
        RUN("HDEL bellhop:{q}:control paused");
        cr_expect_eq(claim_as("other", 1), code == BH_SETTLED_STALE, "row %zu", i);
        cr_expect_eq(length(BH_KEY_DEAD), rows[i].disposition == BH_SETTLE_DEAD, "row %zu", i);
    }
}

Test(scripts, a_result_under_an_old_lease_writes_nothing)
{
    push("a");
    claim(1);
    struct bh_claim_ref old = stage_ref(0);
    admit(old, "id1");
    script_redis_set_clock(&stage.redis, T0 + LEASE);
    claim_as("other", 1);
    struct bh_claim_ref now = stage_ref(0);
    for (int disposition = BH_SETTLE_FINAL; disposition <= BH_SETTLE_READY; disposition++) {
        struct bh_settle_command settle =
            settlement(old, "id1", (enum bh_disposition)disposition, "failed");
        cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_STALE);
    }
    cr_expect_str_eq(status("id1", "state"), "sending");
    cr_expect_eq(stage_settle("other", settlement(now, "id1", BH_SETTLE_FINAL, "sent")).code,
                 BH_SETTLED_OK);
    expect_empty();
}

/* ---- suspects ------------------------------------------------------------------------------------ */

static size_t
claim_alone(unsigned count)
{
    return stage_claim("me", &(struct bh_claim_command){.count = count, .alone = true});
}

/* The job of the last claim is lost: its worker starts anew. */
static void
lose(uint64_t times)
{
    for (; times > 0; times--) {
        cr_assert_eq(claim_alone(1), 1);
        cr_expect_eq(adopt("me", NULL, 0), 1);
    }
}

Test(scripts, a_suspect_waits_a_moment_and_is_given_out_alone)
{
    push("bad");
    lose(2);
    cr_expect_eq(length(BH_KEY_DUE), 1);
    cr_expect_eq(stage_counter("now:suspects"), 1);
    push("good");
    push("better");
    cr_expect_eq(claim_alone(1), 1);
    cr_expect_str_eq(payload(0), "good");
    cr_expect_eq(stage.claimed.event.suspects, 0);
    cr_expect_eq(stage.claimed.event.next_due_ms, 5000);
    script_redis_set_clock(&stage.redis, T0 + 5000);
    cr_expect_eq(claim(1), 1, "those who have something in hand pass it by");
    cr_expect_str_eq(payload(0), "better");
    cr_expect_eq(stage.claimed.event.suspects, 1);
    cr_expect_eq(claim(1), 0);
    cr_expect_eq(stage.claimed.event.suspects, 1);
    cr_expect_eq(stage.claimed.event.more, false, "nothing that an ordinary claim could take");
    cr_expect_eq(stage.claimed.event.next_due_ms, -1);
    push("best");
    cr_expect_eq(claim_alone(10), 1, "and nothing beside it");
    cr_expect_str_eq(payload(0), "bad");
    cr_expect_eq(stage.claimed.event.suspects, 0);
    cr_expect_eq(stage.claimed.event.more, true);
    cr_expect_eq(stage_counter("now:suspects"), 0);
    cr_expect_eq(claim_alone(10), 1);
    cr_expect_str_eq(payload(0), "best");
}

Test(scripts, suspects_are_not_told_of_while_the_queue_is_paused_or_limited)
{
    push("bad");
    lose(2);
    script_redis_set_clock(&stage.redis, T0 + 5000);
    cr_expect_eq(claim(1), 0);
    cr_expect_eq(stage.claimed.event.suspects, 1);
    RUN("HSET bellhop:{q}:control paused 1");
    cr_expect_eq(claim_alone(1), 0);
    cr_expect_eq(stage.claimed.event.suspects, 0);
    RUN("HDEL bellhop:{q}:control paused");
    push("good");
    cr_expect_eq(claim(1), 1);
    stage.queue.concurrency = 1;
    cr_expect_eq(claim_alone(1), 0);
    cr_expect_eq(stage.claimed.event.code, BH_CLAIM_LIMITED);
    cr_expect_eq(stage.claimed.event.suspects, 0);
    stage.queue.concurrency = 2;
    cr_expect_eq(claim_alone(1), 1);
    cr_expect_str_eq(payload(0), "bad");
}

Test(scripts, only_what_came_through_is_forgiven)
{
    static const struct {
        const char *name;
        enum bh_disposition disposition;
        bool sent, uncertain;
        int64_t wanted;
    } rows[] = {
        {"given back",                          BH_SETTLE_READY, false, false, 1},
        {"held for the gateway",                BH_SETTLE_WAIT,  false, false, 0},
        {"sent and refused",                    BH_SETTLE_WAIT,  true,  false, 0},
        {"sent, and again without an answer",   BH_SETTLE_WAIT,  true,  true,  0},
        {"its next moment is waited for",       BH_SETTLE_WAIT,  false, true,  1},
        {"ended, and an operator has it again", BH_SETTLE_DEAD,  false, false, 0},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        push("a");
        lose(1);
        claim(1);
        struct bh_claim_ref job = stage_ref(0);
        admit(job, "id1");
        struct bh_settle_command settle = settlement(job, "id1", rows[i].disposition, "retrying");
        settle.sent = rows[i].sent;
        settle.uncertain_since.ms = rows[i].uncertain ? T0 : 0;
        cr_expect_eq(stage_settle("me", settle).code, BH_SETTLED_OK, "%s", rows[i].name);
        long long recoveries = -1;
        (void)sscanf(head_line(job), "1 %*c %*s %*d %lld", &recoveries);
        cr_expect_eq(recoveries, rows[i].wanted, "%s: %s", rows[i].name, head_line(job));
    }
}

Test(scripts, a_job_put_aside_until_it_is_due_is_forgiven)
{
    push("a");
    lose(1);
    claim(1);
    struct bh_admit_command later = stage_admission(stage_ref(0), "id1");
    later.mode = BH_ADMIT_SCHEDULE;
    cr_expect_eq(stage_admit("me", later).code, BH_ADMIT_SCHEDULED);
    long long recoveries = -1;
    (void)sscanf(head_line(later.claim), "1 %*c %*s %*d %lld", &recoveries);
    cr_expect_eq(recoveries, 0);
}

Test(scripts, a_lost_claim_answer_counts_against_nobody)
{
    push("a");
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(claim(1), 1);
        cr_expect_eq(adopt_after("me", false, NULL, 0), 1);
    }
    cr_expect_eq(claim(1), 1);
    cr_expect(bh_str_equal_text(stage.claimed.jobs[0].head, "1 n - 0 0 ~me 5 0 0 0 0 0 \n"));
    cr_expect_eq(stage_counter("recovered"), 5);
}

Test(scripts, after_the_third_time_anybody_gets_it_without_its_payload)
{
    push("bad");
    lose(2);
    script_redis_set_clock(&stage.redis, T0 + 5000);
    claim(1);
    lose(1);
    cr_expect_eq(length(BH_KEY_READY), 1);
    push("good");
    cr_expect_eq(claim(10), 2);
    cr_expect_eq(stage.claimed.jobs[0].payload.len, 0);
    cr_expect_eq(stage.claimed.jobs[0].payload_bytes, 3);
    cr_expect(bh_str_equal_text(stage.claimed.jobs[0].head, "1 n - 0 3 ~me 3 0 0 0 0 0 \n"));
    cr_expect_str_eq(payload(1), "good");
}

/* Whoever gets a job for the last time is told the id that it says it has, and nothing else of it. */
Test(scripts, after_the_third_time_an_id_that_is_plain_is_told)
{
    static char deep[2048], longest[65536 + 1], longer[65536 + 2];
    static const struct {
        const char *name, *payload, *wanted;
    } rows[] = {
        {"its own",                                "{\"to\":\"1\",\"id\":\"a.B-c_9@d\",\"text\":\"t\"}", "a.B-c_9@d"},
        {"with spaces",                            " {\n \"id\" : \"a\" }\n",                            "a"        },
        {"written with escapes",                   "{\"id\":\"\\u0041\"}",                               "A"        },
        {"the word in a text",                     "{\"id\":\"a\",\"text\":\"say \\\"id\\\": b\"}",      "a"        },
        {"just as long as it may be",              longest,                                              "long"     },
        {"an id that is none, which others judge", "{\"id\":\"a b\"}",                                   "a b"      },
        {"none",                                   "{\"to\":\"1\"}",                                     ""         },
        {"empty",                                  "{\"id\":\"\"}",                                      ""         },
        {"a number",                               "{\"id\":7}",                                         ""         },
        {"null",                                   "{\"id\":null}",                                      ""         },
        {"an object",                              "{\"id\":{\"a\":\"b\"}}",                             ""         },
        {"an array",                               "{\"id\":[\"a\"]}",                                   ""         },
        {"twice",                                  "{\"id\":\"a\",\"id\":\"b\"}",                        ""         },
        {"twice the same",                         "{\"id\":\"a\",\"id\":\"a\"}",                        ""         },
        {"twice, the second in other letters",     "{\"id\":\"a\",\"\\u0069d\":\"b\"}",                  ""         },
        {"twice, the second in others yet",        "{\"id\":\"a\",\"i\\u0064\":\"b\"}",                  ""         },
        {"in other letters alone",                 "{\"\\u0069\\u0064\":\"b\"}",                         ""         },
        {"of something inside",                    "{\"x\":{\"id\":\"a\"}}",                             ""         },
        {"inside as well",                         "{\"id\":\"a\",\"x\":{\"id\":\"b\"}}",                ""         },
        {"65 bytes",
         "{\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",               ""         },
        {"not JSON",                               "{\"id\":\"a\"",                                      ""         },
        {"more behind it",                         "{\"id\":\"a\"} x",                                   ""         },
        {"no object: a string",                    "\"id\"",                                             ""         },
        {"no object: an array",                    "[\"id\"]",                                           ""         },
        {"nothing",                                "x",                                                  ""         },
        {"too deep",                               deep,                                                 ""         },
        {"too long",                               longer,                                               ""         },
    };
    (void)snprintf(deep, sizeof(deep), "{\"id\":\"a\",\"x\":");
    memset(deep + strlen(deep), '[', sizeof(deep) - 1 - strlen(deep));
    memset(longest, ' ', sizeof(longest) - 1);
    memset(longer, ' ', sizeof(longer) - 1);
    memcpy(longest, "{\"id\":\"long\"}", 13);
    memcpy(longer, "{\"id\":\"long\"}", 13);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        push(rows[i].payload);
        lose(2);
        script_redis_set_clock(&stage.redis, T0 + 5000);
        claim(1);
        lose(1);
        cr_expect_eq(claim(1), 1, "%s", rows[i].name);
        cr_expect(bh_str_equal_text(stage.claimed.jobs[0].payload, rows[i].wanted), "%s: %.*s",
                  rows[i].name, BH_STR_ARGS(stage.claimed.jobs[0].payload));
        cr_expect_eq(stage.claimed.jobs[0].payload_bytes, strlen(rows[i].payload), "%s",
                     rows[i].name);
    }
}

Test(scripts, after_the_third_time_the_record_s_own_id_is_enough)
{
    push("{\"id\":\"id1\"}");
    lose(2);
    script_redis_set_clock(&stage.redis, T0 + 5000);
    claim(1);
    cr_expect_eq(claim_alone(1), 1);
    admit(stage_ref(0), "id1");
    cr_expect_eq(adopt("me", NULL, 0), 1);
    cr_expect_eq(claim(1), 1);
    cr_expect_eq(stage.claimed.jobs[0].payload.len, 0);
    cr_expect_eq(stage.claimed.jobs[0].payload_bytes, 12);
}

Test(scripts, many_suspects_at_once_are_put_aside_in_bounded_steps)
{
    for (int i = 0; i < 450; i++)
        push("bad");
    for (int lost = 0; lost < 2; lost++) {
        while (claim(64) > 0)
            continue;
        cr_expect_eq(adopt("me", NULL, 0), 450);
    }
    push("good");
    script_redis_set_clock(&stage.redis, T0 + 5000);
    cr_expect_eq(claim(1), 0);
    cr_expect_eq(stage.claimed.event.suspects, 200);
    cr_expect_eq(stage.claimed.event.more, true, "the line goes on behind them");
    unsigned rounds = 0;
    while (claim(1) == 0 && rounds < 5)
        rounds++;
    cr_expect_str_eq(payload(0), "good");
    for (int i = 0; i < 450; i++) {
        cr_expect_eq(claim_alone(5), 1);
        cr_expect_str_eq(payload(0), "bad");
    }
    cr_expect_eq(claim_alone(5), 0);
    cr_expect_eq(length(BH_KEY_SUSPECTS), 0);
}

Test(scripts, a_late_result_ends_a_suspect_that_waits)
{
    static const enum bh_disposition rows[] = {BH_SETTLE_FINAL, BH_SETTLE_DEAD};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        for (int aside = 0; aside < 2; aside++) {
            script_redis_reset(&stage.redis, T0);
            push("a");
            lose(1);
            claim(1);
            struct bh_claim_ref job = stage_ref(0);
            admit(job, "id1");
            adopt("me", NULL, 0);
            script_redis_set_clock(&stage.redis, T0 + 5000 * aside);
            cr_expect_eq(claim_as("you", 1), 0);
            cr_expect_eq(length(BH_KEY_SUSPECTS), aside);
            cr_expect_eq(stage_settle("me", settlement(job, "id1", rows[i], "sent")).code,
                         BH_SETTLED_LATE);
            cr_expect_eq(stage_counter("now:suspects"), 0);
            script_redis_set_clock(&stage.redis, T0 + 10000);
            cr_expect_eq(claim_alone(1), 0);
            cr_expect_eq(length(BH_KEY_SUSPECTS), 0);
            cr_expect_eq(length(BH_KEY_DEAD), rows[i] == BH_SETTLE_DEAD);
        }
    }
}

/* ---- renew, adopt, control, inspect -------------------------------------------------------------- */

Test(scripts, a_lease_is_renewed_by_who_holds_it)
{
    push("a");
    claim(1);
    struct bh_claim_ref job = stage_ref(0), wrong = job;
    wrong.token++;
    script_redis_set_clock(&stage.redis, T0 + 20000);
    cr_expect_eq(renew_as("me", job), BH_RENEW_OK);
    cr_expect_eq(renew_as("you", job), BH_RENEW_LOST);
    cr_expect_eq(renew_as("me", wrong), BH_RENEW_LOST);
    script_redis_set_clock(&stage.redis, T0 + 20000 + LEASE - 1);
    cr_expect_eq(claim_as("you", 1), 0);
    script_redis_set_clock(&stage.redis, T0 + 20000 + LEASE);
    cr_expect_eq(claim_as("you", 1), 1);
    cr_expect_eq(renew_as("me", job), BH_RENEW_LOST);
    cr_expect_eq(length(BH_KEY_LEASES), 1);
}

Test(scripts, adoption_spares_known_claims_and_other_owners)
{
    for (int i = 0; i < 3; i++) {
        push("mine");
        claim(1);
    }
    uint64_t known = stage.claimed.event.token;
    push("other");
    claim_as("you", 1);
    cr_expect_eq(adopt("me", &known, 1), 2);
    cr_expect_eq(length(BH_KEY_LEASES), 2);
    cr_expect_eq(length(BH_KEY_READY), 2);
    cr_expect_eq(adopt("me", NULL, 0), 1);
    cr_expect_eq(adopt("me", NULL, 0), 0);
    cr_expect_eq(stage_counter("recovered"), 3);
}

Test(scripts, adoption_of_many_leases_goes_page_by_page)
{
    const struct bh_store_mark nothing = {0};
    struct bh_store_caller caller = {&stage.queue, &stage.keys, "me"};
    char cursor[24] = "0";
    uint64_t total = 0;
    int calls = 0;
    for (int i = 0; i < 1000; i++)
        push("x");
    while (claim(64) > 0)
        continue;
    do {
        struct bh_call call;
        struct bh_adopted adopted;
        bh_call_init(&call, BH_SCRIPT_ADOPT);
        bh_encode_adopt(&call, &caller, bh_str_from(cursor), true, &nothing, NULL, 0);
        redisReply *reply = script_redis_run(&stage.redis, &call);
        cr_assert_eq(bh_decode_adopt(reply, &adopted), BH_OK);
        cr_expect_leq(adopted.recovered, 300);
        (void)snprintf(cursor, sizeof(cursor), "%.*s", BH_STR_ARGS(adopted.cursor));
        total += adopted.recovered;
        calls++;
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    cr_expect_eq(total, 1000);
    cr_expect_gt(calls, 3);
    cr_expect_eq(length(BH_KEY_LEASES), 0);
}

static redisReply *inspected; /* what the last view borrows from */

static struct bh_queue_view
inspect(void)
{
    struct bh_queue_view view;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, &stage.keys);
    freeReplyObject(inspected);
    inspected = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_inspect(inspected, &view), BH_OK);
    return view;
}

static struct bh_queue_control controlled;

static bool
control(struct bh_call *call)
{
    redisReply *reply = script_redis_run(&stage.redis, call);
    cr_assert_eq(bh_decode_control(reply, &controlled), BH_OK);
    freeReplyObject(reply);
    return controlled.changed;
}

static bool
limit(int64_t rate, int64_t concurrency)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    bh_encode_queue_limit(&call, &stage.keys, bh_str_from("eve"), rate, concurrency);
    return control(&call);
}

/* "WHAT by WHO: BEFORE > AFTER" of each entry of the audit. */
static const char *
audited(const char *key)
{
    static char text[2048];
    size_t len = 0;
    redisReply *reply = script_redis_command(&stage.redis, "XRANGE %s - +", key);
    text[0] = '\0';
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *fields = reply->element[i]->element[1];
        const char *names[] = {"what", "who", "before", "after"};
        const char *values[] = {"", "", "", ""};
        for (size_t f = 0; f + 1 < fields->elements; f += 2) {
            for (size_t n = 0; n < BH_ARRAY_LEN(names); n++) {
                if (strcmp(fields->element[f]->str, names[n]) == 0)
                    values[n] = fields->element[f + 1]->str;
            }
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s by %s: %s > %s",
                                i > 0 ? "\n" : "", values[0], values[1], values[2], values[3]);
    }
    freeReplyObject(reply);
    return text;
}

Test(scripts, an_empty_queue_can_be_inspected)
{
    struct bh_queue_view view = inspect();
    cr_expect_eq(view.server_now.ms, T0);
    cr_expect_eq(view.raw + view.moved + view.ready + view.due + view.leases + view.dead, 0);
    cr_expect_eq(view.next_due.ms, 0);
    cr_expect_eq(view.ready_created.ms, 0);
    cr_expect_not(view.paused);
    cr_expect_eq(view.rate, BH_QUEUE_LIMIT_UNSET);
    cr_expect_eq(view.concurrency, BH_QUEUE_LIMIT_UNSET);
    cr_expect_eq(view.counters_count, 0);
    freeReplyObject(inspected);
}

Test(scripts, every_place_is_counted)
{
    for (int i = 0; i < 9; i++)
        push("x");
    claim(4);
    struct bh_claim_ref a = stage_ref(0), b = stage_ref(1), c = stage_ref(2);
    admit(a, "a");
    stage_settle("me", waiting(a, "a", 1000, BH_WAITING_RETRY, ""));
    stage_settle("me", settlement(b, "b", BH_SETTLE_DEAD, "invalid"));
    script_redis_set_clock(&stage.redis, T0 + 1);
    admit(c, "c");
    stage_settle("me", settlement(c, "c", BH_SETTLE_READY, "held"));
    RUN("LMOVE bellhop:{q} bellhop:{q}:in RIGHT LEFT");
    struct bh_queue_view view = inspect();
    cr_expect_eq(view.raw, 4);
    cr_expect_eq(view.moved, 1);
    cr_expect_eq(view.ready, 1);
    cr_expect_eq(view.due, 1);
    cr_expect_eq(view.leases, 1);
    cr_expect_eq(view.dead, 1);
    cr_expect_eq(view.next_due.ms, T0 + 1000);
    cr_expect_eq(view.ready_created.ms, T0);
    cr_expect_eq(bh_queue_view_find(&view, "now:retrying"), 1);
    cr_expect_eq(bh_queue_view_find(&view, "outcome:invalid"), 1);
    cr_expect_eq(bh_queue_view_find(&view, "outcome:sent"), 0);
    cr_expect_eq(view.overdue, 0);
    script_redis_set_clock(&stage.redis, T0 + 1000);
    view = inspect();
    cr_expect_eq(view.overdue, 1, "it is due");
    script_redis_set_clock(&stage.redis, T0 + LEASE);
    view = inspect();
    cr_expect_eq(view.overdue, 2, "and the lease has run out");
    freeReplyObject(inspected);
}

Test(scripts, pause_and_limits_can_be_set_and_taken_back)
{
    struct bh_call call;
    push("x");
    for (int again = 0; again < 2; again++) {
        bh_call_init(&call, BH_SCRIPT_CONTROL);
        bh_encode_queue_pause(&call, &stage.keys, bh_str_from("eve"), bh_str_from("for lunch"));
        cr_expect_eq(control(&call), again == 0);
    }
    struct bh_queue_view view = inspect();
    cr_expect(view.paused);
    cr_expect(bh_str_equal_text(view.reason, "for lunch"));
    cr_expect(bh_str_equal_text(view.by, "eve"));
    cr_expect_eq(view.since.ms, T0);
    cr_expect_eq(claim(1), 0);
    for (int again = 0; again < 2; again++) {
        bh_call_init(&call, BH_SCRIPT_CONTROL);
        bh_encode_queue_resume(&call, &stage.keys, bh_str_from("adam"), bh_str_from("eaten"));
        cr_expect_eq(control(&call), again == 0);
    }
    cr_expect_eq(claim(1), 1);
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    bh_encode_queue_drain(&call, &stage.keys, bh_str_from("eve"), bh_str_from("drain"));
    cr_expect(control(&call));
    cr_expect_str_eq(audited("bellhop:{q}:audit"),
                     "pause by eve: running > for lunch\n"
                     "resume by adam: paused by eve: for lunch > eaten\n"
                     "drain by eve: running > drain");
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    bh_encode_queue_resume(&call, &stage.keys, bh_str_from("eve"), bh_str_from(""));
    cr_expect(control(&call));

    static const int64_t limits[] = {0, 7, UINT32_MAX, BH_QUEUE_LIMIT_UNSET};
    for (size_t i = 0; i < BH_ARRAY_LEN(limits); i++) {
        cr_expect(limit(limits[i], limits[BH_ARRAY_LEN(limits) - 1 - i]));
        view = inspect();
        cr_expect_eq(view.rate, limits[i]);
        cr_expect_eq(view.concurrency, limits[BH_ARRAY_LEN(limits) - 1 - i]);
    }
    freeReplyObject(inspected);
}

Test(scripts, a_limit_that_is_not_named_stays)
{
    static const struct {
        const char *name;
        int64_t rate, concurrency;
        bool changed;
        int64_t rate_after, concurrency_after;
    } rows[] = {
        {"nothing",            BH_QUEUE_LIMIT_STAYS, BH_QUEUE_LIMIT_STAYS, false, BH_QUEUE_LIMIT_UNSET,
         BH_QUEUE_LIMIT_UNSET                                                                                               },
        {"a rate",             5,                    BH_QUEUE_LIMIT_STAYS, true,  5,                    BH_QUEUE_LIMIT_UNSET},
        {"the same again",     5,                    BH_QUEUE_LIMIT_STAYS, false, 5,                    BH_QUEUE_LIMIT_UNSET},
        {"the other",          BH_QUEUE_LIMIT_STAYS, 7,                    true,  5,                    7                   },
        {"one back",           BH_QUEUE_LIMIT_UNSET, BH_QUEUE_LIMIT_STAYS, true,  BH_QUEUE_LIMIT_UNSET, 7                   },
        {"none is no default", 0,                    BH_QUEUE_LIMIT_STAYS, true,  0,                    7                   },
        {"both back",          BH_QUEUE_LIMIT_UNSET, BH_QUEUE_LIMIT_UNSET, true,  BH_QUEUE_LIMIT_UNSET,
         BH_QUEUE_LIMIT_UNSET                                                                                               },
        {"back again",         BH_QUEUE_LIMIT_UNSET, BH_QUEUE_LIMIT_UNSET, false, BH_QUEUE_LIMIT_UNSET,
         BH_QUEUE_LIMIT_UNSET                                                                                               },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        cr_expect_eq(limit(rows[i].rate, rows[i].concurrency), rows[i].changed, "%s", rows[i].name);
        cr_expect_eq(controlled.rate, rows[i].rate_after, "%s: %lld", rows[i].name,
                     (long long)controlled.rate);
        cr_expect_eq(controlled.concurrency, rows[i].concurrency_after, "%s: %lld", rows[i].name,
                     (long long)controlled.concurrency);
    }
    cr_expect_str_eq(
        audited("bellhop:{q}:audit"),
        "limit by eve: rate as configured, concurrency as configured > rate 5, concurrency as "
        "configured\n"
        "limit by eve: rate 5, concurrency as configured > rate 5, concurrency 7\n"
        "limit by eve: rate 5, concurrency 7 > rate as configured, concurrency 7\n"
        "limit by eve: rate as configured, concurrency 7 > rate 0, concurrency 7\n"
        "limit by eve: rate 0, concurrency 7 > rate as configured, concurrency as configured");
}

/* ---- a full server ------------------------------------------------------------------------------- */

Test(scripts, a_full_server_still_lets_jobs_run_and_end)
{
    const char ledger[1][33] = {"33333333333333333333333333333333"};
    for (int i = 0; i < 4; i++)
        push("x");
    RUN("CONFIG SET maxmemory-policy noeviction");
    RUN("CONFIG SET maxmemory 1");
    redisReply *refused = script_redis_command(&stage.redis, "LPUSH bellhop:{q} y");
    cr_assert_eq(refused->type, REDIS_REPLY_ERROR, "the server has to be full for this test");
    freeReplyObject(refused);

    cr_assert_eq(claim(4), 4);
    struct bh_claim_ref a = stage_ref(0), b = stage_ref(1), c = stage_ref(2), d = stage_ref(3);
    struct bh_admit_command with_ledger = stage_admission(a, "a"), later = stage_admission(b, "b");
    with_ledger.ledger = ledger;
    with_ledger.ledger_count = 1;
    later.mode = BH_ADMIT_SCHEDULE;
    cr_expect_eq(stage_admit("me", with_ledger).code, BH_ADMIT_OK);
    cr_expect_eq(stage_admit("me", later).code, BH_ADMIT_SCHEDULED);
    cr_expect_eq(admit(c, "c"), BH_ADMIT_OK);
    cr_expect_eq(renew_as("me", a), BH_RENEW_OK);
    cr_expect_eq(end(a, "a", "sent"), BH_SETTLED_OK);
    cr_expect_eq(stage_settle("me", waiting(c, "c", 10, BH_WAITING_RETRY, "")).code, BH_SETTLED_OK);
    cr_expect_eq(stage_settle("me", settlement(d, "d", BH_SETTLE_DEAD, "invalid")).code,
                 BH_SETTLED_OK);
    cr_expect_eq(claim(4), 1, "the scheduled one, promoted and claimed");
    cr_expect_eq(adopt("me", NULL, 0), 1);
    cr_expect_str_eq(status("a", "state"), "sent");
}
