#include <criterion/criterion.h>

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "redis/account.h"
#include "support/redis_process.h"
#include "support/timed_loop.h"

#define ACCOUNT "0123456789ab"

/* A watcher, and a connection for a desk, on one loop. */
static struct {
    struct bh_redis_process server;
    struct timed_loop loop;
    struct bh_redis_url url;
    struct bh_redis_connection connection;
    struct bh_account_desk desk;
    struct bh_account_watcher *watcher;
    redisContext *side;
    struct bh_account_view seen;
    unsigned changes, answers, troubles, closed;
    enum bh_status status;
    bool done, calling;
    uint64_t changed_ns;
} t;

#define UNTIL(condition) TIMED_LOOP_UNTIL(&t.loop, condition)

static void
on_change(void *arg, const struct bh_account_view *view)
{
    (void)arg;
    t.seen = *view;
    t.changes++;
    t.changed_ns = uv_hrtime();
}

static void
on_trouble(void *arg, enum bh_redis_class class, const char *text, const char *advice)
{
    (void)arg;
    (void)class;
    (void)advice;
    cr_assert_not_null(text);
    t.troubles++;
}

static void
on_closed(void *arg)
{
    (void)arg;
    t.closed++;
}

static void
on_done(void *arg, enum bh_status status, bool done, bh_ms wait_ms)
{
    (void)arg;
    (void)wait_ms;
    cr_assert_not(t.calling, "an answer came from within the call");
    t.status = status;
    t.done = done;
    t.answers++;
}

static void
set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    bh_redis_process_init(&t.server);
    bh_redis_process_start(&t.server, NULL);
    t.side = redisConnectUnix(t.server.socket_path);
    cr_assert(t.side != NULL && t.side->err == 0);
    timed_loop_open(&t.loop);
    cr_assert_eq(bh_redis_url_parse(bh_str_from(t.server.url), &t.url, NULL), BH_OK);

    const struct bh_redis_options redis = {
        .url = &t.url, .reconnect = {.first_ms = 10, .max_ms = 50}
    };
    const struct bh_redis_listener listener = {.on_closed = on_closed};
    cr_assert_eq(bh_redis_connection_init(&t.connection, &t.loop.uv, &redis, &listener, NULL),
                 BH_OK);
    t.desk.connection = &t.connection;
    cr_assert_eq(bh_account_keys_init(&t.desk.keys, "bellhop", ACCOUNT), BH_OK);
    const struct bh_account_watcher_options options = {.redis = redis,
                                                       .prefix = "bellhop",
                                                       .account = ACCOUNT,
                                                       .on_change = on_change,
                                                       .on_trouble = on_trouble,
                                                       .on_closed = on_closed};
    cr_assert_eq(bh_account_watcher_new(&t.loop.uv, &options, &t.watcher, NULL), BH_OK);
    bh_redis_connection_start(&t.connection);
    bh_account_watcher_start(t.watcher);
    UNTIL(t.changes == 1 && bh_redis_connection_state(&t.connection) == BH_REDIS_READY);
}

static void
tear_down(void)
{
    bh_account_watcher_stop(t.watcher);
    bh_redis_connection_stop(&t.connection);
    UNTIL(t.closed == 2);
    bh_account_watcher_release(t.watcher);
    bh_redis_connection_release(&t.connection);
    bh_redis_url_release(&t.url);
    timed_loop_close(&t.loop);
    redisFree(t.side);
    bh_redis_process_release(&t.server);
}

TestSuite(account, .init = set_up, .fini = tear_down);

static void
run(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(t.side, format, args);
    va_end(args);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s", format);
    freeReplyObject(reply);
}

static void
ask_pause(const char *reason)
{
    t.calling = true;
    cr_assert_eq(
        bh_account_pause(&t.desk, reason, 500, bh_str_from("no money"), 900000, on_done, NULL),
        BH_OK);
    t.calling = false;
}

/* Run one question of the desk to its answer. */
#define ASK(question)                                                                              \
    do {                                                                                           \
        unsigned before_ = t.answers;                                                              \
        cr_assert_eq((question), BH_OK);                                                           \
        UNTIL(t.answers > before_);                                                                \
        cr_assert_eq(t.status, BH_OK);                                                             \
    } while (0)

Test(account, a_watcher_begins_with_the_state)
{
    cr_expect_eq(t.seen.state, BH_ACCOUNT_OPEN);
    cr_expect_eq(t.changes, 1);
}

Test(account, a_change_is_heard_at_once)
{
    uint64_t begin = uv_hrtime();
    ask_pause("credit");
    UNTIL(t.changes == 2 && t.answers == 1);
    cr_expect(t.done);
    cr_expect_eq(t.seen.state, BH_ACCOUNT_PAUSED);
    cr_expect_str_eq(t.seen.reason, "credit");
    cr_expect_str_eq(t.seen.text, "no money");
    cr_expect_lt(t.changed_ns - begin, (uint64_t)1000000000,
                 "within a second, however slow the machine");
    ask_pause("credit");
    UNTIL(t.answers == 2);
    cr_expect_not(t.done);
    ASK(bh_account_resume(&t.desk, on_done, NULL));
    UNTIL(t.changes == 3);
    cr_expect_eq(t.seen.state, BH_ACCOUNT_OPEN);
}

Test(account, the_desk_asks_all_questions)
{
    ask_pause("credit");
    UNTIL(t.answers == 1);
    ASK(bh_account_probe(&t.desk, "me", 1000, on_done, NULL));
    cr_expect_not(t.done, "too early");
    run("HDEL bellhop:{@" ACCOUNT "}:control probe:at");
    ASK(bh_account_probe(&t.desk, "me", 1000, on_done, NULL));
    cr_expect(t.done);
    ASK(bh_account_probed(&t.desk, true, 60000, on_done, NULL));
    ASK(bh_account_balance(&t.desk, 2500000, on_done, NULL));
    ASK(bh_account_trial_take(&t.desk, "me", 1000, on_done, NULL));
    cr_expect(t.done);
    ASK(bh_account_trial_done(&t.desk, "me", BH_ACCOUNT_TRIAL_GOOD, "", 0, bh_str_from(""), 60000,
                              on_done, NULL));
    cr_expect(t.done);
    UNTIL(t.seen.state == BH_ACCOUNT_OPEN && t.changes > 2);
    UNTIL(t.seen.balance_micro == 2500000);
}

Test(account, what_is_learnt_of_journal_and_lock_is_heard_at_once)
{
    uint64_t begin = uv_hrtime();
    ASK(bh_account_journal(&t.desk, BH_JOURNAL_DENIED, on_done, NULL));
    cr_expect(t.done);
    UNTIL(t.seen.journal == BH_JOURNAL_DENIED);
    ASK(bh_account_lock(&t.desk, BH_LOCK_ON, bh_str_from("tried"), on_done, NULL));
    UNTIL(t.seen.lock == BH_LOCK_ON);
    cr_expect_str_eq(t.seen.lock_why, "tried");
    ASK(bh_account_lock(&t.desk, BH_LOCK_UNKNOWN, bh_str_from("doubled"), on_done, NULL));
    cr_expect(t.done);
    UNTIL(t.seen.lock == BH_LOCK_UNKNOWN);
    cr_expect_str_eq(t.seen.lock_why, "doubled");
    cr_expect_lt(t.changed_ns - begin, (uint64_t)4000000000, "the log wakes, not the clock");
    ASK(bh_account_lock(&t.desk, BH_LOCK_UNKNOWN, bh_str_from("doubled"), on_done, NULL));
    cr_expect_not(t.done);
    /* The same once more is not worth waking anybody. */
    ASK(bh_account_journal(&t.desk, BH_JOURNAL_DENIED, on_done, NULL));
    cr_expect_not(t.done);
}

Test(account, a_change_behind_a_lost_connection_is_seen_afterwards)
{
    run("CLIENT KILL TYPE normal SKIPME yes");
    run("HSET bellhop:{@" ACCOUNT "}:control state paused reason auth code 900 text x since 5");
    UNTIL(t.seen.state == BH_ACCOUNT_PAUSED);
    cr_expect_str_eq(t.seen.reason, "auth");
    cr_expect_eq(t.seen.since.ms, 5);
    cr_expect_geq(t.troubles, 1);
}

Test(account, forgotten_scripts_are_loaded_again)
{
    run("SCRIPT FLUSH");
    ask_pause("auth");
    UNTIL(t.answers == 1 && t.changes == 2);
    cr_expect_eq(t.status, BH_OK);
    cr_expect(t.done);
}

Test(account, a_damaged_state_is_trouble_and_heals)
{
    static const char *const damages[] = {"state nonsense", "code x",        "since 1e99",
                                          "balance 1.5",    "journal maybe", "lock 1"};
    for (size_t i = 0; i < BH_ARRAY_LEN(damages); i++) {
        char command[128];
        (void)snprintf(command, sizeof(command), "HSET bellhop:{@" ACCOUNT "}:control %s",
                       damages[i]);
        unsigned troubles = t.troubles;
        run(command);
        run("XADD bellhop:{@" ACCOUNT "}:log * wake up");
        UNTIL(t.troubles > troubles);
        run("DEL bellhop:{@" ACCOUNT "}:control");
        unsigned changes = t.changes;
        ask_pause("auth");
        UNTIL(t.changes > changes && t.seen.state == BH_ACCOUNT_PAUSED);
    }
}

Test(account, questions_without_an_answer_are_told_so)
{
    bh_redis_process_pause(&t.server);
    ask_pause("auth");
    bh_redis_process_kill(&t.server);
    UNTIL(t.answers == 1);
    cr_expect_eq(t.status, BH_EDOWN);
    cr_expect_eq(bh_account_resume(&t.desk, on_done, NULL), BH_EDOWN);
}
