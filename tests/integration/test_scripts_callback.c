/* The outbox of callbacks: what is taken, by whom, and what becomes of it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/callback.h"
#include "redis/queue_view.h"

#define TAKEN_MS ((bh_ms)20000)

TestSuite(callback_script, .init = stage_set_up, .fini = stage_tear_down);

static void
due(const char *id, bh_ms at)
{
    RUN("ZADD bellhop:{q}:callbacks %lld %s", (long long)at, id);
}

static const struct bh_callback_taken *
take(size_t most)
{
    static struct bh_callback_taken taken;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CALLBACK);
    bh_encode_callback_take(&call, &stage.keys, most, TAKEN_MS);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_callback_taken(reply, &taken), BH_OK);
    freeReplyObject(reply);
    return &taken;
}

/* Had something come in the meantime? */
static bool
tell(const struct bh_callback_entry *entry, enum bh_callback_outcome outcome, bh_ms delay_ms)
{
    bool has_error = outcome != BH_CALLBACK_DONE && outcome != BH_CALLBACK_DROPPED, changed;
    const struct bh_callback_word word = {outcome, entry->id, entry->ticket, delay_ms,
                                          has_error ? "it does not answer" : NULL};
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CALLBACK);
    bh_encode_callback_word(&call, &stage.keys, &word);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_callback_word(reply, &changed), BH_OK);
    freeReplyObject(reply);
    return changed;
}

static void
expect_field(const char *id, const char *field, const char *wanted)
{
    redisReply *reply =
        script_redis_command(&stage.redis, "HGET bellhop:{q}:status:%s %s", id, field);
    const char *found = reply->str != NULL ? reply->str : "";
    cr_expect_str_eq(found, wanted, "%s of %s is %s", field, id, found);
    freeReplyObject(reply);
}

static void
expect_due(const char *id, bh_ms wanted)
{
    int64_t score = stage_int("ZSCORE bellhop:{q}:callbacks %s", id);
    cr_expect_eq(score, wanted, "%s is due at %lld", id, (long long)score);
}

static bool
is_there(const char *id)
{
    redisReply *reply = script_redis_command(&stage.redis, "ZSCORE bellhop:{q}:callbacks %s", id);
    bool is = reply->str != NULL;
    freeReplyObject(reply);
    return is;
}

Test(callback_script, gives_what_is_due_once_and_says_when_to_look_again)
{
    cr_expect_eq(take(10)->next_ms, -1);
    due("late", T0 - 5);
    due("now", T0);
    due("soon", T0 + 700);
    const struct bh_callback_taken *taken = take(10);
    cr_assert_eq(taken->count, 2);
    cr_expect_str_eq(taken->entries[0].id, "late");
    cr_expect_str_eq(taken->entries[1].id, "now");
    cr_expect_eq(taken->next_ms, 700);
    cr_expect_eq(taken->waiting, 3);
    cr_expect_eq(taken->server_now.ms, T0);
    cr_expect_eq(take(10)->count, 0, "another process");
}

Test(callback_script, gives_no_more_than_was_asked_for)
{
    for (int i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof(id), "job-%d", i);
        due(id, T0 - i);
    }
    cr_expect_eq(take(3)->count, 3);
    const struct bh_callback_taken *taken = take(BH_CALLBACK_TAKE_MAX);
    cr_expect_eq(taken->count, BH_CALLBACK_TAKE_MAX);
    cr_expect_eq(taken->next_ms, 0);
    cr_expect_eq(taken->waiting, 200);
}

Test(callback_script, what_was_taken_by_one_who_died_is_given_again)
{
    due("job", T0);
    struct bh_callback_entry first = take(1)->entries[0];
    script_redis_set_clock(&stage.redis, T0 + TAKEN_MS);
    cr_expect_eq(take(1)->count, 0);
    script_redis_set_clock(&stage.redis, T0 + TAKEN_MS + 1);
    const struct bh_callback_taken *taken = take(1);
    cr_assert_eq(taken->count, 1);
    cr_expect_str_neq(taken->entries[0].ticket, first.ticket);
    /* He was only asleep: the second one's work stays his. */
    cr_expect(tell(&first, BH_CALLBACK_DONE, 0));
    cr_expect(is_there("job"));
    cr_expect_not(tell(&taken->entries[0], BH_CALLBACK_DONE, 0));
    cr_expect_not(is_there("job"));
}

Test(callback_script, done_is_done_and_noted)
{
    RUN("HSET bellhop:{q}:status:job state sent callback_error before");
    RUN("HSET bellhop:{q}:callbacks:tries job 3");
    due("job", T0);
    struct bh_callback_entry entry = take(1)->entries[0];
    cr_expect_eq(entry.failed, 3);
    cr_expect_not(tell(&entry, BH_CALLBACK_DONE, 0));
    cr_expect_not(is_there("job"));
    cr_expect_eq(stage_int("HLEN bellhop:{q}:callbacks:tries"), 0);
    expect_field("job", "callback_at", "1700000000000");
    expect_field("job", "callback_error", "");
    cr_expect_eq(stage_counter("callback:done"), 1);
}

static int64_t
failing_since(void)
{
    struct bh_call call;
    struct bh_queue_view view;
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, &stage.keys);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_inspect(reply, &view), BH_OK);
    const char *why = view.callbacks_failing_since.ms > 0 ? "it does not answer" : "";
    cr_expect(bh_str_equal_text(view.callbacks_error, why), "%.*s",
              BH_STR_ARGS(view.callbacks_error));
    freeReplyObject(reply);
    return view.callbacks_failing_since.ms;
}

Test(callback_script, a_receiver_fails_since_the_first_post_in_vain)
{
    due("a", T0);
    due("b", T0);
    struct bh_callback_taken taken = *take(2);
    cr_expect_eq(failing_since(), 0);
    cr_expect_not(tell(&taken.entries[0], BH_CALLBACK_AGAIN, 1000));
    cr_expect_eq(failing_since(), T0);
    script_redis_set_clock(&stage.redis, T0 + 500);
    cr_expect_not(tell(&taken.entries[1], BH_CALLBACK_AGAIN, 5000));
    cr_expect_eq(failing_since(), T0, "it still does");
    script_redis_set_clock(&stage.redis, T0 + 2000);
    taken = *take(1);
    cr_expect_not(tell(&taken.entries[0], BH_CALLBACK_DONE, 0));
    cr_expect_eq(failing_since(), 0, "the other is not held against it");
    script_redis_set_clock(&stage.redis, T0 + 6000);
    taken = *take(1);
    cr_expect_not(tell(&taken.entries[0], BH_CALLBACK_REFUSED, 1000));
    cr_expect_eq(failing_since(), T0 + 6000);
    script_redis_set_clock(&stage.redis, T0 + 8000);
    taken = *take(1);
    cr_expect_not(tell(&taken.entries[0], BH_CALLBACK_GIVEN_UP, 0));
    cr_expect_eq(failing_since(), 0, "nobody waits for it any more");
}

Test(callback_script, tells_when_the_first_is_due)
{
    struct bh_call call;
    struct bh_queue_view view;
    due("late", T0 - 700);
    due("soon", T0 + 700);
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, &stage.keys);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_inspect(reply, &view), BH_OK);
    cr_expect_eq(view.callbacks_due.ms, T0 - 700);
    freeReplyObject(reply);
}

/* clang-format off */
Test(callback_script, every_failure_is_written_where_it_is_looked_for)
{
    static const struct {
        enum bh_callback_outcome outcome;
        bh_ms delay_ms;
        bool stays;
        const char *counter;
    } rows[] = {
        {BH_CALLBACK_AGAIN,    60000, true,  "callback:again"},
        {BH_CALLBACK_GIVEN_UP, 0,     false, "callback:given_up"},
        {BH_CALLBACK_REFUSED,  60000, true,  "callback:refused"},
        {BH_CALLBACK_REFUSED,  -1,    false, "callback:refused"},
        {BH_CALLBACK_DROPPED,  0,     false, "callback:dropped"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bool drops = rows[i].outcome == BH_CALLBACK_DROPPED;
        RUN("FLUSHDB");
        script_redis_set_clock(&stage.redis, T0);
        RUN("HSET bellhop:{q}:status:job state sent");
        RUN("HSET bellhop:{q}:callbacks:tries job 1");
        due("job", T0);
        struct bh_callback_entry entry = take(1)->entries[0];
        cr_expect_not(tell(&entry, rows[i].outcome, rows[i].delay_ms), "row %zu", i);
        cr_expect_eq(is_there("job"), rows[i].stays, "row %zu", i);
        if (rows[i].stays)
            expect_due("job", T0 + 60000);
        cr_expect_eq(stage_int("HEXISTS bellhop:{q}:callbacks:tries job"), rows[i].stays, "row %zu", i);
        expect_field("job", "callback_error", drops ? "" : "it does not answer");
        cr_expect_eq(stage_counter(rows[i].counter), drops ? 0 : 1, "row %zu", i);
    }
}
/* clang-format on */

Test(callback_script, counts_posts_that_failed_in_a_row)
{
    due("job", T0);
    for (unsigned failed = 0; failed < 4; failed++) {
        struct bh_callback_entry entry = take(1)->entries[0];
        cr_expect_eq(entry.failed, failed);
        cr_expect_not(tell(&entry, BH_CALLBACK_AGAIN, 0));
    }
}

Test(callback_script, nothing_stays_when_nobody_looks_any_more)
{
    due("job", T0);
    struct bh_callback_entry entry = take(1)->entries[0];
    cr_expect_not(tell(&entry, BH_CALLBACK_AGAIN, 1000));
    cr_expect_gt(stage_int("PTTL bellhop:{q}:callbacks:tries"), DAY);
}

Test(callback_script, a_change_in_the_meantime_is_posted_whatever_became_of_the_post)
{
    static const enum bh_callback_outcome outcomes[] = {BH_CALLBACK_DONE, BH_CALLBACK_AGAIN,
                                                        BH_CALLBACK_GIVEN_UP, BH_CALLBACK_DROPPED};
    for (size_t i = 0; i < BH_ARRAY_LEN(outcomes); i++) {
        RUN("FLUSHDB");
        script_redis_set_clock(&stage.redis, T0);
        RUN("HSET bellhop:{q}:status:job state sent");
        due("job", T0);
        struct bh_callback_entry entry = take(1)->entries[0];
        due("job", T0 + 1); /* as _callback.lua does it */
        cr_expect(tell(&entry, outcomes[i], 60000), "outcome %zu", i);
        expect_due("job", T0 + 1);
        cr_expect_eq(stage_int("HLEN bellhop:{q}:callbacks:tries"), 0);
        expect_field("job", "callback_error", "");
    }
}

Test(callback_script, an_expired_status_does_not_come_back)
{
    static const enum bh_callback_outcome outcomes[] = {BH_CALLBACK_DONE, BH_CALLBACK_AGAIN,
                                                        BH_CALLBACK_GIVEN_UP, BH_CALLBACK_DROPPED};
    for (size_t i = 0; i < BH_ARRAY_LEN(outcomes); i++) {
        due("job", T0);
        struct bh_callback_entry entry = take(1)->entries[0];
        (void)tell(&entry, outcomes[i], 60000);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:status:job"), 0, "outcome %zu", i);
    }
}

Test(callback_script, the_status_keeps_its_end)
{
    RUN("HSET bellhop:{q}:status:job state sent");
    RUN("PEXPIRE bellhop:{q}:status:job 50000");
    due("job", T0);
    struct bh_callback_entry entry = take(1)->entries[0];
    (void)tell(&entry, BH_CALLBACK_DONE, 0);
    cr_expect_gt(stage_int("PTTL bellhop:{q}:status:job"), 0);
}

Test(callback_script, what_is_there_no_more_is_nobodys)
{
    const struct bh_callback_entry forged = {"job", "1700000020000.5", 0};
    cr_expect(tell(&forged, BH_CALLBACK_AGAIN, 1000));
    cr_expect_not(is_there("job"));
}
