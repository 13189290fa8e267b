#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/script_redis.h"
#include "redis/account_codec.h"

#define T0      ((bh_ms)1700000000000)
#define LONGEST ((bh_ms)900000)

static struct script_redis redis;
static struct bh_account_keys keys;
static bh_ms longest_ms; /* between two probes */

static void
set_up(void)
{
    cr_assert_eq(bh_account_keys_init(&keys, "bellhop", "0123456789ab"), BH_OK);
    script_redis_start(&redis);
    script_redis_reset(&redis, T0);
    longest_ms = LONGEST;
}

static void
tear_down(void)
{
    script_redis_stop(&redis);
}

TestSuite(account_script, .init = set_up, .fini = tear_down);

static bh_ms wait_ms; /* of the last operation */

static bool
done(struct bh_call *call)
{
    bool was_done;
    redisReply *reply = script_redis_run(&redis, call);
    cr_assert_eq(bh_decode_account_done(reply, &was_done, &wait_ms), BH_OK);
    freeReplyObject(reply);
    return was_done;
}

static struct bh_call *
fresh(void)
{
    static struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    return &call;
}

static bool
pause_for(const char *reason, int code)
{
    struct bh_call *call = fresh();
    bh_encode_account_pause(call, &keys, reason, code, bh_str_from("text"), longest_ms);
    return done(call);
}

static bool
resume(void)
{
    struct bh_call *call = fresh();
    bh_encode_account_resume(call, &keys);
    return done(call);
}

static bool
probe(const char *who)
{
    struct bh_call *call = fresh();
    bh_encode_account_probe(call, &keys, who, 30000);
    return done(call);
}

static bool
probed(bool usable)
{
    struct bh_call *call = fresh();
    bh_encode_account_probed(call, &keys, usable, longest_ms);
    return done(call);
}

static bool
trial_take(const char *who)
{
    struct bh_call *call = fresh();
    bh_encode_account_trial_take(call, &keys, who, 60000);
    return done(call);
}

static bool
trial_done(const char *who, enum bh_account_trial trial)
{
    struct bh_call *call = fresh();
    bh_encode_account_trial_done(call, &keys, who, trial, "credit", 500, bh_str_from("again"),
                                 LONGEST);
    return done(call);
}

static struct bh_account_view
view(void)
{
    struct bh_account_view read;
    struct bh_call *call = fresh();
    bh_encode_account_read(call, &keys);
    redisReply *reply = script_redis_run(&redis, call);
    cr_assert_eq(bh_decode_account_read(reply, &read), BH_OK);
    freeReplyObject(reply);
    return read;
}

static void
at(bh_ms since_start)
{
    script_redis_set_clock(&redis, T0 + since_start);
}

Test(account_script, an_unknown_account_is_open)
{
    struct bh_account_view read = view();
    cr_expect_eq(read.state, BH_ACCOUNT_OPEN);
    cr_expect_str_eq(read.reason, "");
    cr_expect_eq(read.balance_micro, INT64_MIN);
    cr_expect_eq(read.probe_wait_ms, -1);
    cr_expect_eq(read.trial_wait_ms, -1);
    cr_expect_str_eq(read.newest, "0-0");
    cr_expect_not(resume());
    cr_expect_not(probe("a"));
    cr_expect_eq(wait_ms, -1);
    cr_expect_not(probed(true));
    cr_expect_not(trial_take("a"));
    cr_expect_not(trial_done("a", BH_ACCOUNT_TRIAL_GOOD));
    cr_expect_eq(view().state, BH_ACCOUNT_OPEN);
}

Test(account_script, goes_from_a_pause_over_probe_and_trial_to_open)
{
    cr_expect(pause_for("credit", 500));
    cr_expect_not(pause_for("credit", 500), "it is paused for that already");
    struct bh_account_view read = view();
    cr_expect_eq(read.state, BH_ACCOUNT_PAUSED);
    cr_expect_str_eq(read.reason, "credit");
    cr_expect_eq(read.code, 500);
    cr_expect_str_eq(read.text, "text");
    cr_expect_eq(read.since.ms, T0);
    cr_expect_eq(read.probe_wait_ms, 60000);
    cr_expect_str_neq(read.newest, "0-0");

    at(59999);
    cr_expect_not(probe("a"));
    cr_expect_eq(wait_ms, 1);
    at(60000);
    cr_expect(probe("a"));
    cr_expect_not(probe("b"), "one at a time");
    cr_expect_eq(wait_ms, 30000);
    cr_expect(probed(true));
    cr_expect_eq(view().state, BH_ACCOUNT_TRIAL);
    cr_expect_str_eq(view().reason, "credit");

    cr_expect(trial_take("b"));
    cr_expect_not(trial_take("c"), "one job only");
    cr_expect_eq(wait_ms, 60000);
    cr_expect(trial_done("b", BH_ACCOUNT_TRIAL_GOOD));
    read = view();
    cr_expect_eq(read.state, BH_ACCOUNT_OPEN);
    cr_expect_str_eq(read.reason, "");
    cr_expect_eq(read.since.ms, T0 + 60000);
}

Test(account_script, probes_grow_apart_up_to_a_longest_distance)
{
    static const bh_ms distances[] = {60000, 120000, 240000, 480000, 900000, 900000};
    bh_ms now = 0;
    pause_for("auth", 900);
    for (size_t i = 0; i < BH_ARRAY_LEN(distances); i++) {
        cr_expect_eq(view().probe_wait_ms, distances[i], "%zu: %lld", i,
                     (long long)view().probe_wait_ms);
        now += distances[i];
        at(now);
        cr_expect(probe("a"), "%zu", i);
        cr_expect(probed(false), "%zu", i);
    }
    resume();
    pause_for("auth", 900);
    cr_expect_eq(view().probe_wait_ms, 60000, "a new pause begins anew");
}

Test(account_script, probes_are_never_further_apart_than_the_longest_distance)
{
    longest_ms = 10000;
    pause_for("credit", 500);
    for (bh_ms now = 10000; now <= 30000; now += 10000) {
        cr_expect_eq(view().probe_wait_ms, 10000);
        at(now);
        cr_expect(probe("a"));
        cr_expect(probed(false));
    }
}

Test(account_script, a_bad_trial_pauses_again_and_the_distance_goes_on_growing)
{
    pause_for("credit", 500);
    at(60000);
    probe("a");
    probed(true);
    trial_take("a");
    cr_expect_not(trial_done("b", BH_ACCOUNT_TRIAL_BAD), "he does not hold it");
    cr_expect(trial_done("a", BH_ACCOUNT_TRIAL_BAD));
    struct bh_account_view read = view();
    cr_expect_eq(read.state, BH_ACCOUNT_PAUSED);
    cr_expect_str_eq(read.text, "again");
    cr_expect_eq(read.probe_wait_ms, 120000);
}

Test(account_script, a_trial_that_is_refused_after_the_account_opened_is_a_pause_like_any_other)
{
    pause_for("credit", 500);
    at(60000);
    probe("a");
    probed(true);
    trial_take("a");
    cr_expect(trial_done("a", BH_ACCOUNT_TRIAL_GOOD));
    cr_expect(trial_done("a", BH_ACCOUNT_TRIAL_BAD),
              "the job behind it, sent before the news came");
    cr_expect_eq(view().state, BH_ACCOUNT_PAUSED);
    cr_expect_eq(view().probe_wait_ms, 60000);
    cr_expect_not(trial_done("a", BH_ACCOUNT_TRIAL_BAD), "known already");
}

Test(account_script, a_prober_or_trial_that_vanishes_is_replaced)
{
    pause_for("credit", 500);
    at(60000);
    cr_expect(probe("dies"));
    at(89999);
    cr_expect_not(probe("b"));
    at(90000);
    cr_expect(probe("b"));
    probed(true);
    cr_expect(trial_take("dies"));
    at(90000 + 59999);
    cr_expect_not(trial_take("c"));
    at(90000 + 60000);
    cr_expect(trial_take("c"));
    cr_expect_not(trial_done("dies", BH_ACCOUNT_TRIAL_NONE));
    cr_expect(trial_done("c", BH_ACCOUNT_TRIAL_NONE));
    cr_expect(trial_take("d"), "it was given back");
    cr_expect(trial_done("dies", BH_ACCOUNT_TRIAL_GOOD),
              "a message that got through is proof from anybody");
    cr_expect_eq(view().state, BH_ACCOUNT_OPEN);
}

Test(account_script, an_operators_pause_goes_before_all_and_ends_by_resume_alone)
{
    pause_for("credit", 500);
    cr_expect(pause_for("paused", 0));
    cr_expect_not(pause_for("credit", 500));
    cr_expect_not(pause_for("auth", 900));
    cr_expect_str_eq(view().reason, "paused");
    at(3600000);
    cr_expect_not(probe("a"));
    cr_expect_eq(wait_ms, -1);
    cr_expect_not(probed(true));
    cr_expect_eq(view().state, BH_ACCOUNT_PAUSED);
    cr_expect(resume());
    cr_expect_eq(view().state, BH_ACCOUNT_OPEN);
}

Test(account_script, a_worse_reason_replaces_the_first)
{
    pause_for("credit", 500);
    cr_expect(pause_for("auth", 900));
    cr_expect_str_eq(view().reason, "auth");
    cr_expect_eq(view().code, 900);
}

Test(account_script, the_balance_is_kept_with_its_time)
{
    static const int64_t values[] = {0, 12345678, -5, 9007199254740993};
    for (size_t i = 0; i < BH_ARRAY_LEN(values); i++) {
        struct bh_call *call = fresh();
        bh_encode_account_balance(call, &keys, values[i]);
        at((bh_ms)i);
        cr_expect(done(call));
        cr_expect_eq(view().balance_micro, values[i]);
        cr_expect_eq(view().balance_at.ms, T0 + (bh_ms)i);
    }
}

static bool
say_journal(enum bh_journal_access journal)
{
    struct bh_call *call = fresh();
    bh_encode_account_journal(call, &keys, journal);
    return done(call);
}

static bool
say_lock(enum bh_lock_knowledge lock, const char *why)
{
    struct bh_call *call = fresh();
    bh_encode_account_lock(call, &keys, lock, bh_str_from(why));
    return done(call);
}

Test(account_script, the_journal_is_known_with_its_time_and_news_wake_the_readers)
{
    struct bh_account_view read = view();
    cr_expect_eq(read.journal, BH_JOURNAL_UNKNOWN);
    cr_expect_eq(read.journal_at.ms, 0);
    cr_expect(say_journal(BH_JOURNAL_READABLE));
    read = view();
    cr_expect_eq(read.journal, BH_JOURNAL_READABLE);
    cr_expect_eq(read.journal_at.ms, T0);
    cr_expect_str_neq(read.newest, "0-0");

    at(86400000);
    cr_expect_not(say_journal(BH_JOURNAL_READABLE), "no news");
    cr_expect_eq(view().journal_at.ms, T0 + 86400000, "but known anew");
    cr_expect_str_eq(view().newest, read.newest);
    cr_expect(say_journal(BH_JOURNAL_DENIED));
    cr_expect_eq(view().journal, BH_JOURNAL_DENIED);
    cr_expect_str_neq(view().newest, read.newest);
}

Test(account_script, what_is_known_of_the_lock_is_taken_back_once)
{
    char longer[BH_ACCOUNT_TEXT_MAX + 100];
    struct bh_account_view read = view();
    cr_expect_eq(read.lock, BH_LOCK_UNKNOWN);
    cr_expect_eq(read.lock_at.ms, 0);
    cr_expect_str_eq(read.lock_why, "");
    cr_expect_not(say_lock(BH_LOCK_UNKNOWN, "nobody knew"));
    cr_expect_str_eq(view().lock_why, "", "what was not known cannot be doubted");
    cr_expect_str_eq(view().newest, "0-0");

    cr_expect(say_lock(BH_LOCK_ON, "tried"));
    read = view();
    cr_expect_eq(read.lock, BH_LOCK_ON);
    cr_expect_eq(read.lock_at.ms, T0);
    cr_expect_str_eq(read.lock_why, "tried");
    cr_expect_str_neq(read.newest, "0-0");
    at(1000);
    cr_expect(say_lock(BH_LOCK_ON, "tried again"), "a new date is news");
    cr_expect_eq(view().lock_at.ms, T0 + 1000);

    at(2000);
    cr_expect(say_lock(BH_LOCK_UNKNOWN, "contradicted"));
    cr_expect_not(say_lock(BH_LOCK_UNKNOWN, "contradicted by another"));
    read = view();
    cr_expect_eq(read.lock, BH_LOCK_UNKNOWN);
    cr_expect_eq(read.lock_at.ms, T0 + 2000);
    cr_expect_str_eq(read.lock_why, "contradicted");

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    cr_expect(say_lock(BH_LOCK_OFF, longer));
    cr_expect_eq(view().lock, BH_LOCK_OFF);
    cr_expect_eq(strlen(view().lock_why), BH_ACCOUNT_TEXT_MAX);
}

Test(account_script, what_is_known_of_journal_and_lock_outlives_pauses)
{
    say_journal(BH_JOURNAL_READABLE);
    say_lock(BH_LOCK_ON, "tried");
    pause_for("credit", 500);
    cr_expect_eq(view().journal, BH_JOURNAL_READABLE);
    cr_expect_eq(view().lock, BH_LOCK_ON);
    resume();
    cr_expect_eq(view().state, BH_ACCOUNT_OPEN);
    cr_expect_eq(view().lock, BH_LOCK_ON);
    cr_expect_str_eq(view().text, "");
}

static bool
turn(const char *what, const char *who, bh_ms lease_ms)
{
    struct bh_call *call = fresh();
    bh_encode_account_turn(call, &keys, what, who, lease_ms);
    return done(call);
}

Test(account_script, one_process_at_a_time_has_the_turn)
{
    cr_expect(turn("hooks", "one", 10000));
    cr_expect(turn("hooks", "one", 10000), "who has it may lengthen it");
    at(4000);
    cr_expect_not(turn("hooks", "two", 10000));
    cr_expect_eq(wait_ms, 6000);
    cr_expect_not(turn("hooks", "two", 0), "and only he gives it back");
    cr_expect_not(turn("hooks", "two", 10000));
    cr_expect(turn("other", "two", 10000), "each thing has a turn of its own");
    cr_expect(turn("hooks", "one", 0));
    cr_expect_not(turn("hooks", "one", 0), "it is given back already");
    cr_expect(turn("hooks", "two", 10000));
    at(14001);
    cr_expect(turn("hooks", "one", 10000), "who vanished has lost it");
    cr_expect_not(turn("hooks", "two", 0));
    cr_expect_eq(view().state, BH_ACCOUNT_OPEN);
}

/* What the daemon does by itself is in the log and nobody's doing. */
Test(account_script, an_operators_word_is_audited_and_nobody_elses)
{
    struct bh_str eve = bh_str_from("eve"), why = bh_str_from("the invoice");
    cr_expect(pause_for("credit", 500));
    for (int again = 0; again < 2; again++) {
        struct bh_call *call = fresh();
        bh_encode_operator_pause(call, &keys, eve, why);
        cr_expect_eq(done(call), again == 0);
    }
    cr_expect_str_eq(view().reason, "paused");
    cr_expect_str_eq(view().text, "the invoice, by eve");
    for (int again = 0; again < 2; again++) {
        struct bh_call *call = fresh();
        bh_encode_operator_resume(call, &keys, eve, bh_str_from(""));
        cr_expect_eq(done(call), again == 0);
    }
    cr_expect(pause_for("credit", 500));
    cr_expect(resume());
    redisReply *reply = script_redis_command(&redis, "XRANGE %s - +", keys.audit);
    cr_assert_eq(reply->elements, 2);
    static const char *const wanted[][4] = {
        {"eve", "pause",  "paused: text",                "the invoice"},
        {"eve", "resume", "paused: the invoice, by eve", ""           },
    };
    for (size_t i = 0; i < 2; i++) {
        const redisReply *fields = reply->element[i]->element[1];
        cr_expect_str_eq(fields->element[1]->str, wanted[i][0]);
        cr_expect_str_eq(fields->element[3]->str, wanted[i][1]);
        cr_expect_str_eq(fields->element[7]->str, wanted[i][2]);
        cr_expect_str_eq(fields->element[9]->str, wanted[i][3]);
    }
    freeReplyObject(reply);
    reply = script_redis_command(&redis, "PTTL %s", keys.audit);
    cr_expect_gt(reply->integer, 0);
    freeReplyObject(reply);
}

Test(account_script, everything_is_forgotten_some_day)
{
    pause_for("credit", 500);
    redisReply *reply = script_redis_command(&redis, "PTTL %s", keys.control);
    cr_expect_gt(reply->integer, 0);
    freeReplyObject(reply);
    for (int i = 0; i < 1000; i++)
        pause_for(i % 2 == 0 ? "auth" : "credit", i);
    reply = script_redis_command(&redis, "XLEN %s", keys.log);
    cr_expect_leq(reply->integer, 300);
    freeReplyObject(reply);
    reply = script_redis_command(&redis, "PTTL %s", keys.log);
    cr_expect_gt(reply->integer, 0);
    freeReplyObject(reply);
}

Test(account_script, works_when_the_server_is_full)
{
    freeReplyObject(script_redis_command(&redis, "CONFIG SET maxmemory 1"));
    cr_expect(pause_for("credit", 500));
    cr_expect_eq(view().state, BH_ACCOUNT_PAUSED);
    cr_expect(say_journal(BH_JOURNAL_READABLE));
    cr_expect(say_lock(BH_LOCK_ON, "tried"));
    cr_expect(say_lock(BH_LOCK_UNKNOWN, ""));
    cr_expect(resume());
}

Test(account_script, grants_never_exceed_rate_and_bucket)
{
    /* Over any stretch of time no more than burst + rate * time may be given, whatever is asked. */
    const uint32_t rate = 50;
    uint64_t given = 0, dice = 88172645463325252U;
    bh_ms now = 0;
    for (int i = 0; i < 2000; i++) {
        unsigned count;
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        now += (bh_ms)(dice % 40);
        at(now);
        struct bh_grant_command grant = {BH_LIMIT_CONNECTIONS, 1 + (unsigned)(dice >> 32) % 5};
        struct bh_call *call = fresh();
        bh_encode_grant(call, &keys, &grant, rate);
        redisReply *reply = script_redis_run(&redis, call);
        cr_assert_eq(bh_decode_grant(reply, grant.count, &count, &wait_ms), BH_OK);
        freeReplyObject(reply);
        given += count;
        cr_assert_leq(given, rate + (uint64_t)now * rate / 1000 + 1, "at %lld", (long long)now);
        cr_assert_leq(wait_ms, 1000 / rate);
    }
    cr_expect_gt(given, (uint64_t)now * rate / 1000 * 9 / 10, "and not much less");
}
