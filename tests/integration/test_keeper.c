/*
 * The keeper of the account on a loop of its own, against a real Redis and a simulated gateway: what it tells
 * the workers about journal and reload lock, and that two processes know the same.
 */
#include <criterion/criterion.h>

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/gateway_profile.h"
#include "daemon/keeper.h"
#include "daemon/log.h"
#include "gateway/transport.h"
#include "support/config_fixture.h"
#include "support/redis_process.h"
#include "support/sim_process.h"
#include "support/timed_loop.h"

#define KEEPERS 2

static struct {
    struct bh_redis_process server;
    struct bh_test_sim sim;
    redisContext *side;
    struct timed_loop loop;
    struct bh_config *config;
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    struct bh_keeper *keepers[KEEPERS];
    struct bh_account_event told[KEEPERS];
    unsigned closed;
} t;

#define UNTIL(condition) TIMED_LOOP_UNTIL(&t.loop, condition)

static void
on_account(void *arg, const struct bh_account_event *event)
{
    *(struct bh_account_event *)arg = *event;
}

static void
on_closed(void *arg)
{
    (void)arg;
    t.closed++;
}

static struct bh_config *
read_config(const char *api_key, const char *more)
{
    char text[1024];
    struct bh_config *config = NULL;
    struct bh_config_report report = {0};
    snprintf(text, sizeof(text),
             "[redis]\nurl = %s\n[gateway]\nurl = %s/api\napi_key = %s\n%s[queue sms]\n",
             t.server.url, t.sim.url, api_key, more);
    struct bh_config_source source = fixture_source(bh_str_from(text));
    enum bh_status status = bh_config_read(&source, &report, &config);
    cr_assert_eq(status, BH_OK, "%s", report.count > 0 ? report.messages[0].text : "");
    bh_config_report_release(&report);
    return config;
}

static void
start_keeper(unsigned at)
{
    struct bh_error error = {"", ""};
    const struct bh_keeper_options options = {
        .config = t.config,
        .account = t.account,
        .sent_with = "Bellhop/test",
        .on_account = on_account,
        .on_closed = on_closed,
        .arg = &t.told[at],
    };
    cr_assert_eq(bh_keeper_new(&t.loop.uv, &options, &t.keepers[at], &error), BH_OK, "%s",
                 error.text);
    bh_keeper_start(t.keepers[at]);
}

/* A fault that harms nobody counts the questions. */
static const char counted[] = "{\"kind\":\"delay\",\"ms\":1,\"count\":-1,"
                              "\"match\":{\"path\":\"/api/journal/outbound\"}}";

static void
start_keepers(const char *sim_ini, const char *api_key, const char *more)
{
    cr_assert(bh_test_sim_start_with(&t.sim, sim_ini));
    t.config = read_config(api_key, more);
    cr_assert_eq(bh_gateway_account_name(&t.config->gateway, t.account), BH_OK);
    cr_assert(bh_test_sim_tell(&t.sim, "fault", counted));
    for (unsigned i = 0; i < KEEPERS; i++)
        start_keeper(i);
    UNTIL(bh_test_sim_number(&t.sim, "faults", "hits") >= KEEPERS);
    timed_loop_idle(&t.loop, 20); /* the answers come, and are written */
}

static void
set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(bh_gateway_transport_global_init(), BH_OK);
    bh_log_open();
    bh_redis_process_init(&t.server);
    bh_redis_process_start(&t.server, NULL);
    t.side = redisConnectUnix(t.server.socket_path);
    cr_assert(t.side != NULL && t.side->err == 0);
    timed_loop_open(&t.loop);
}

static void
tear_down(void)
{
    unsigned started = 0;
    for (unsigned i = 0; i < KEEPERS; i++) {
        if (t.keepers[i] == NULL)
            continue;
        bh_keeper_stop(t.keepers[i]);
        started++;
    }
    UNTIL(t.closed == started);
    for (unsigned i = 0; i < KEEPERS; i++)
        bh_keeper_free(t.keepers[i]);
    bh_config_release(t.config);
    timed_loop_close(&t.loop);
    if (bh_test_sim_stop(&t.sim) != 0)
        abort(); /* an assertion here would be printed and pass */
    bh_gateway_transport_global_release();
    redisFree(t.side);
    bh_redis_process_release(&t.server);
}

TestSuite(keeper, .init = set_up, .fini = tear_down);

static bool
both_know(enum bh_journal_access journal, enum bh_lock_knowledge lock)
{
    for (unsigned i = 0; i < KEEPERS; i++)
        if (t.told[i].journal != journal || t.told[i].lock != lock)
            return false;
    return true;
}

/* A field of the account; the caller frees. */
static redisReply *
field(const char *name)
{
    return redisCommand(t.side, "HGET bellhop:{@%s}:control %s", t.account, name);
}

static void
expect_field(const char *name, const char *wanted)
{
    redisReply *reply = field(name);
    const char *got = reply->type == REDIS_REPLY_STRING ? reply->str : "";
    cr_expect_str_eq(got, wanted, "%s: %s", name, got);
    freeReplyObject(reply);
}

/* What probe-lock writes. */
static void
know_lock(const char *word)
{
    freeReplyObject(redisCommand(t.side, "HSET bellhop:{@%s}:control lock %s lock:at 5 lock:why x",
                                 t.account, word));
    freeReplyObject(redisCommand(t.side, "XADD bellhop:{@%s}:log * wake 1", t.account));
}

static void
say(unsigned keeper, enum bh_account_word word, int code)
{
    bh_keeper_hear(t.keepers[keeper], &(struct bh_account_command){.word = word, .code = code});
}

Test(keeper, both_processes_learn_that_the_journal_may_be_read)
{
    start_keepers("", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    cr_expect_eq(t.told[0].state, BH_ACCOUNT_OPEN);
    expect_field("journal", "yes");
    cr_expect_eq(bh_test_sim_number(&t.sim, "stats", "accepted"), 0, "asking costs no message");
}

Test(keeper, both_processes_learn_that_the_journal_may_not_be_read)
{
    start_keepers("[key sim-live-key]\nrights = sms, balance\n", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_DENIED, BH_LOCK_UNKNOWN));
    cr_expect_eq(t.told[0].state, BH_ACCOUNT_OPEN, "the account itself is fine");
    expect_field("journal", "no");
}

Test(keeper, what_is_about_the_whole_key_says_nothing_about_the_journal)
{
    start_keepers("", "wrong-key", "");
    expect_field("journal", "");
    cr_expect(both_know(BH_JOURNAL_UNKNOWN, BH_LOCK_UNKNOWN));
}

Test(keeper, a_gateway_that_fails_is_asked_again)
{
    start_keepers("", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    cr_assert(bh_test_sim_tell(&t.sim, "fault",
                               "{\"kind\":\"status\",\"status\":500,\"count\":1,"
                               "\"match\":{\"path\":\"/api/journal/outbound\"}}"));
    struct bh_config *again = read_config("sim-live-key", "");
    bh_keeper_configure(t.keepers[0], again);
    bh_config_release(again);
    UNTIL(bh_test_sim_number(&t.sim, "faults", "hits") == KEEPERS + 1);
    timed_loop_idle(&t.loop, 20);
    expect_field("journal", "yes");
    cr_expect_eq(t.told[0].journal, BH_JOURNAL_READABLE, "what was known stays");
}

Test(keeper, a_reload_asks_anew)
{
    start_keepers("[key sim-live-key]\nrights = sms, balance\n", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_DENIED, BH_LOCK_UNKNOWN));
    cr_assert(bh_test_sim_tell(&t.sim, "config", "{\"key sim-live-key\":{\"rights\":\"all\"}}"));
    struct bh_config *again = read_config("sim-live-key", "timeout = 9s\n");
    bh_keeper_configure(t.keepers[1], again);
    bh_config_release(again);
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
}

Test(keeper, a_worker_whose_look_up_is_refused_tells_all)
{
    start_keepers("", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    say(0, BH_ACCOUNT_SAYS_NO_JOURNAL, 902);
    UNTIL(both_know(BH_JOURNAL_DENIED, BH_LOCK_UNKNOWN));
    cr_expect_eq(t.told[1].state, BH_ACCOUNT_OPEN, "and pauses nobody");
    expect_field("journal", "no");
}

Test(keeper, all_know_what_a_probe_has_shown)
{
    start_keepers("", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    know_lock("on");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_ON));
    know_lock("off");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_OFF));
}

Test(keeper, a_contradiction_takes_the_proof_back)
{
    start_keepers("", "sim-live-key", "");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    know_lock("on");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_ON));
    say(0, BH_ACCOUNT_SAYS_LOCK_DOUBTFUL, 100);
    say(1, BH_ACCOUNT_SAYS_LOCK_DOUBTFUL, 100);
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    expect_field("lock", "");
    expect_field("lock:why", "a repetition was accepted, although the reload lock was proven: a "
                             "message was sent twice");
    know_lock("off");
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_OFF));
    say(1, BH_ACCOUNT_SAYS_LOCK_DOUBTFUL, 402);
    UNTIL(both_know(BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN));
    cr_expect_eq(t.told[0].state, BH_ACCOUNT_OPEN, "a doubt pauses nobody");
}

Test(keeper, a_question_that_is_never_answered_does_not_keep_it_from_stopping)
{
    cr_assert(bh_test_sim_start_with(&t.sim, ""));
    cr_assert(bh_test_sim_tell(&t.sim, "fault",
                               "{\"kind\":\"hang\",\"at\":\"after\",\"count\":-1,"
                               "\"match\":{\"path\":\"/api/journal/outbound\"}}"));
    t.config = read_config("sim-live-key", "");
    cr_assert_eq(bh_gateway_account_name(&t.config->gateway, t.account), BH_OK);
    for (unsigned i = 0; i < KEEPERS; i++)
        start_keeper(i);
    UNTIL(bh_test_sim_number(&t.sim, "faults", "hits") == KEEPERS);
    cr_expect_eq(t.told[0].state, BH_ACCOUNT_OPEN, "work does not wait for it");
}
