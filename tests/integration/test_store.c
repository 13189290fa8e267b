#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "integration/worker.h"

static struct bh_redis_process server;
static struct worker worker;
static redisContext *side; /* what producers, operators and trouble do */

static void
connect_side(void)
{
    side = redisConnectUnix(server.socket_path);
    cr_assert(side != NULL && side->err == 0);
}

static void
set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    bh_redis_process_init(&server);
    bh_redis_process_start(&server, NULL);
    connect_side();
    worker_init(&worker, server.url, "alpha/0");
}

static void
tear_down(void)
{
    redisFree(side);
    bh_redis_process_release(&server);
}

TestSuite(store, .init = set_up, .fini = tear_down);

/* ---- shorthands ---------------------------------------------------------------------------------- */

/* Run a command beside the store; its integer, or what its text says as a number. */
static long long
run(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(side, format, args);
    va_end(args);
    cr_assert_not_null(reply, "%s: %s", format, side->errstr);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    long long value =
        reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : reply->integer;
    freeReplyObject(reply);
    return value;
}

static const char *
status(const char *id, const char *field)
{
    static char text[128];
    redisReply *reply = redisCommand(side, "HGET bellhop:{q}:status:%s %s", id, field);
    (void)snprintf(text, sizeof(text), "%s", reply->str != NULL ? reply->str : "(none)");
    freeReplyObject(reply);
    return text;
}

static bool
somebody_is_blocked(void)
{
    redisReply *info = redisCommand(side, "INFO clients");
    bool blocked = strstr(info->str, "blocked_clients:1") != NULL;
    freeReplyObject(info);
    return blocked;
}

static void
push(int count)
{
    for (int i = 0; i < count; i++)
        run("LPUSH bellhop:{q} job%d", i);
}

/* Claim and wait for the answer. */
static unsigned
claim_now(unsigned count)
{
    size_t before = worker_count(&worker, 0, BH_EVENT_CLAIMED);
    worker_claim(&worker, 1, count);
    worker_flush(&worker);
    WORK_UNTIL(&worker, worker_count(&worker, 0, BH_EVENT_CLAIMED) > before);
    return worker_last(&worker, BH_EVENT_CLAIMED)->count;
}

/* Send what was executed and wait for `count` events of that kind since `from`. */
static void
flush_for(size_t from, enum bh_event_kind kind, size_t count)
{
    worker_flush(&worker);
    WORK_UNTIL(&worker, worker_count(&worker, from, kind) >= count);
}

/* Another worker of the same server lives until `claimed` of its jobs are leased, then vanishes. */
static void
earlier_life(const char *owner, unsigned claimed)
{
    static struct worker other;
    worker_init(&other, server.url, owner);
    worker_come_up(&other);
    worker_claim(&other, 1, claimed);
    worker_flush(&other);
    WORK_UNTIL(&other, worker_count(&other, 0, BH_EVENT_CLAIMED) == 1);
    cr_assert_eq(worker_last(&other, BH_EVENT_CLAIMED)->count, claimed);
    worker_finish(&other);
}

static double
seconds_since(uint64_t begin)
{
    return (double)(uv_hrtime() - begin) / 1e9;
}

/* ---- the good way -------------------------------------------------------------------------------- */

Test(store, carries_a_job_from_the_list_to_its_status)
{
    push(1);
    worker_come_up(&worker);
    cr_expect_eq(worker.events[0].kind, BH_EVENT_STORE_UP);
    cr_assert_eq(claim_now(10), 1);
    cr_expect_str_eq(worker.payloads[0], "job0");
    cr_expect_str_eq(worker.heads[0], "1 n - 0 0 alpha/0 1 0 0 0 0 0 \n");

    worker_admit(&worker, 0, "id1");
    flush_for(0, BH_EVENT_ADMITTED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_ADMITTED)->code, BH_ADMIT_OK);
    cr_expect_str_eq(status("id1", "state"), "sending");

    worker_renew(&worker, 0);
    flush_for(0, BH_EVENT_RENEWED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_RENEWED)->code, BH_RENEW_OK);

    worker_settle(&worker, 0, "id1", BH_SETTLE_FINAL, "sent");
    flush_for(0, BH_EVENT_SETTLED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_OK);
    cr_expect_str_eq(status("id1", "state"), "sent");
    cr_expect_eq(run("HLEN bellhop:{q}:jobs"), 0);
    worker_finish(&worker);
    cr_expect_eq(worker.events[worker.count - 1].kind, BH_EVENT_STORE_DOWN);
}

Test(store, sends_the_commands_of_one_turn_in_few_calls)
{
    enum { JOBS = BH_CLAIM_MAX };
    char ids[JOBS][8];
    push(JOBS);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(JOBS), JOBS);
    uint64_t before = bh_store_counters(worker.store)->commands;
    for (size_t i = 0; i < JOBS; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "j%zu", i);
        worker_admit(&worker, i, ids[i]);
    }
    for (size_t i = 0; i < 3; i++)
        worker_renew(&worker, i);
    flush_for(0, BH_EVENT_ADMITTED, JOBS);
    cr_expect_eq(bh_store_counters(worker.store)->commands - before, 2);

    before = bh_store_counters(worker.store)->commands;
    for (size_t i = 0; i < JOBS; i++)
        worker_settle(&worker, i, ids[i], BH_SETTLE_FINAL, "sent");
    worker_settle(&worker, 0, ids[0], BH_SETTLE_FINAL, "sent");
    flush_for(0, BH_EVENT_SETTLED, JOBS + 1);
    cr_expect_eq(bh_store_counters(worker.store)->commands - before, 2, "64 and one more");
    for (size_t i = 0; i < JOBS; i++)
        cr_expect_eq(worker.events[worker.count - 1 - JOBS + i].slot, i, "answers keep the order");
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_GONE);
    worker_finish(&worker);
}

Test(store, large_results_are_spread_over_calls)
{
    static char big[300 * 1024];
    memset(big, 'x', sizeof(big));
    const struct bh_field field = {
        "meta", {big, sizeof(big)}
    };
    push(5);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(5), 5);
    uint64_t before = bh_store_counters(worker.store)->commands;
    for (size_t i = 0; i < 5; i++)
        worker_execute(&worker,
                       (struct bh_command){
                           .kind = BH_COMMAND_SETTLE,
                           .settle = {.claim = {1, bh_str_from(worker.handles[i]), worker.token},
                                      .reason = "",
                                      .id = worker.payloads[i],
                                      .state = "sent",
                                      .fields = &field,
                                      .fields_count = 1}
        });
    flush_for(0, BH_EVENT_SETTLED, 5);
    cr_expect_eq(bh_store_counters(worker.store)->commands - before, 2);
    cr_expect_eq(run("HSTRLEN bellhop:{q}:status:job4 meta"), (long long)sizeof(big));
    worker_finish(&worker);
}

Test(store, wakes_when_something_is_pushed)
{
    worker_come_up(&worker);
    cr_expect_eq(claim_now(1), 0);
    worker_wait(&worker, 1);
    worker_flush(&worker);
    WORK_UNTIL(&worker, somebody_is_blocked());
    cr_expect_eq(worker_count(&worker, 0, BH_EVENT_WOKEN), 0);
    push(1);
    WORK_UNTIL(&worker, worker_count(&worker, 0, BH_EVENT_WOKEN) == 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_WOKEN)->queue, 1);
    cr_expect_eq(claim_now(1), 1);
    worker_finish(&worker);
}

Test(store, a_wait_ends_when_nothing_comes)
{
    worker_come_up(&worker);
    worker_wait(&worker, 1);
    worker_flush(&worker);
    uint64_t begin = uv_hrtime();
    WORK_UNTIL(&worker, worker_count(&worker, 0, BH_EVENT_WOKEN) == 1);
    cr_expect_geq(seconds_since(begin), 4.5);
    worker_finish(&worker);
}

static void
kill_who_is_blocked(void)
{
    redisReply *list = redisCommand(side, "CLIENT LIST");
    cr_assert(list != NULL && list->type == REDIS_REPLY_STRING);
    /* "id=7 addr=... flags=b ..." line by line. */
    char *flags = strstr(list->str, "flags=b");
    cr_assert_not_null(flags);
    char *line = flags;
    while (line > list->str && line[-1] != '\n')
        line--;
    long long id = strtoll(line + strlen("id="), NULL, 10);
    freeReplyObject(list);
    cr_expect_eq(run("CLIENT KILL ID %lld", id), 1);
}

/* The job was moved aside for a client that never heard of it: waiting once more would not find it. */
Test(store, looks_again_when_the_answer_of_a_wait_is_lost)
{
    worker_come_up(&worker);
    worker_wait(&worker, 1);
    worker_flush(&worker);
    WORK_UNTIL(&worker, somebody_is_blocked());
    uint64_t begin = uv_hrtime();
    run("LPUSH bellhop:{q}:in moved");
    kill_who_is_blocked();
    WORK_UNTIL(&worker, worker_count(&worker, 0, BH_EVENT_WOKEN) == 1);
    cr_expect_leq(seconds_since(begin), 3.0);
    cr_expect_eq(claim_now(1), 1);
    worker_finish(&worker);
}

static void
wait_again_twice(struct worker *self, const struct bh_event *event)
{
    if (event->kind != BH_EVENT_WOKEN || worker_count(self, 0, BH_EVENT_WOKEN) > 2)
        return;
    worker_wait(self, 1);
    worker_claim(self, 1, 1);
    worker_flush(self);
}

Test(store, may_be_used_from_within_its_events)
{
    worker_come_up(&worker);
    worker.when_event = wait_again_twice;
    push(3);
    worker_wait(&worker, 1);
    worker_flush(&worker);
    WORK_UNTIL(&worker, worker_count(&worker, 0, BH_EVENT_WOKEN) == 3);
    WORK_UNTIL(&worker, worker_count(&worker, 0, BH_EVENT_CLAIMED) == 2);
    worker_finish(&worker);
}

Test(store, grants_tokens_of_the_account)
{
    worker.options.limits[BH_LIMIT_REQUESTS].rate = 2;
    bh_store_set_account(worker.store, worker.options.account, worker.options.limits);
    worker_come_up(&worker);
    static const struct {
        enum bh_limit limit;
        unsigned wanted, given;
        bool waits;
    } rows[] = {
        {BH_LIMIT_REQUESTS,    1,   1,   false},
        {BH_LIMIT_REQUESTS,    5,   1,   true },
        {BH_LIMIT_REQUESTS,    1,   0,   true },
        {BH_LIMIT_CONNECTIONS, 500, 500, false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        worker_execute(&worker,
                       (struct bh_command){
                           .kind = BH_COMMAND_GRANT, .grant = {rows[i].limit, rows[i].wanted}
        });
        flush_for(0, BH_EVENT_GRANTED, i + 1);
        const struct heard *granted = worker_last(&worker, BH_EVENT_GRANTED);
        cr_expect_eq(granted->count, rows[i].given, "row %zu", i);
        cr_expect_eq(granted->wait_ms > 0, rows[i].waits, "row %zu: %lld", i,
                     (long long)granted->wait_ms);
        cr_expect_leq(granted->wait_ms, 500, "row %zu", i);
    }
    worker_finish(&worker);
}

/* ---- adoption ------------------------------------------------------------------------------------ */

Test(store, gives_back_what_an_earlier_life_held)
{
    push(3);
    earlier_life("alpha/0", 2);
    cr_expect_eq(run("ZCARD bellhop:{q}:leases"), 2);
    worker_come_up(&worker);
    cr_expect_eq(bh_store_counters(worker.store)->adopted, 2);
    cr_assert_eq(claim_now(10), 3);
    cr_expect_str_eq(worker.payloads[2], "job2");
    worker_finish(&worker);
}

Test(store, does_not_touch_the_leases_of_others)
{
    push(2);
    earlier_life("beta/0", 2);
    worker_come_up(&worker);
    cr_expect_eq(bh_store_counters(worker.store)->adopted, 0);
    cr_expect_eq(run("ZCARD bellhop:{q}:leases"), 2);
    worker_finish(&worker);
}

Test(store, keeps_its_own_jobs_over_a_lost_connection)
{
    push(4);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(2), 2);
    worker_admit(&worker, 0, "a");
    flush_for(0, BH_EVENT_ADMITTED, 1);
    /* A claim whose answer is lost: the same owner's, under a token that the store has never seen. */
    earlier_life("alpha/0", 2);
    cr_expect_eq(run("ZCARD bellhop:{q}:leases"), 2, "the other life has adopted ours");
    cr_assert_eq(claim_now(2), 2);
    size_t from = worker.count;
    run("CLIENT KILL TYPE normal SKIPME yes");
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_UP) == 1);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_STORE_DOWN), 1);
    cr_expect_eq(bh_store_counters(worker.store)->adopted, 2, "the unknown ones");
    cr_expect_eq(run("ZCARD bellhop:{q}:leases"), 2, "the known ones are still held");
    worker_settle(&worker, 0, "x", BH_SETTLE_FINAL, "sent");
    worker_settle(&worker, 1, "y", BH_SETTLE_FINAL, "sent");
    flush_for(from, BH_EVENT_SETTLED, 2);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_OK);
    worker_finish(&worker);
}

/* ---- a Redis that has rolled back ------------------------------------------------------------------ */

/* The server forgets everything; then `pushes` jobs stand in the list. */
static void
forget_all(int pushes, bool reconnects)
{
    size_t from = worker.count;
    run("FLUSHALL");
    push(pushes);
    if (!reconnects)
        return;
    run("CLIENT KILL TYPE normal SKIPME yes");
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_UP) == 1);
}

Test(store, gives_no_token_and_no_handle_twice_when_redis_rolls_back)
{
    push(1);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(1), 1);
    worker_admit(&worker, 0, "a");
    flush_for(0, BH_EVENT_ADMITTED, 1);
    char old_handle[24];
    memcpy(old_handle, worker.handles[0], sizeof(old_handle));
    uint64_t old_token = worker.token;
    forget_all(1, true);
    cr_expect_eq(worker.roll_backs, 1);
    cr_expect_eq(worker.rolled_back.remembered, 0);
    cr_expect_eq(worker.rolled_back.acknowledged, old_token);
    cr_expect_eq(worker.rolled_back.handle, 1000000000, "a new block begins");
    cr_expect_eq(worker.rolled_back.waiting, 1);
    cr_assert_eq(claim_now(1), 1);
    cr_expect_gt(worker.token, old_token);
    cr_expect_str_eq(worker.handles[0], "1000000001");

    /* The result of the request that was under way all the time: it must not end the job's second life. */
    size_t from = worker.count;
    uint64_t new_token = worker.token;
    memcpy(worker.handles[0], old_handle, sizeof(old_handle));
    worker.token = old_token;
    worker_settle(&worker, 0, "a", BH_SETTLE_FINAL, "sent");
    flush_for(from, BH_EVENT_SETTLED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_GONE);
    cr_expect_eq(run("HLEN bellhop:{q}:heads"), 1);
    memcpy(worker.handles[0], "1000000001", sizeof("1000000001"));
    worker.token = new_token;
    worker_settle(&worker, 0, "a", BH_SETTLE_FINAL, "sent");
    flush_for(from, BH_EVENT_SETTLED, 2);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_OK);
    worker_finish(&worker);
}

Test(store, raises_redis_to_what_an_earlier_life_has_met)
{
    worker.recalled = (struct bh_store_mark){.token = 500, .handle = 9000};
    push(3);
    worker_come_up(&worker);
    cr_expect_eq(worker.roll_backs, 1, "the counter is behind");
    cr_expect_eq(worker.rolled_back.acknowledged, 500);
    cr_expect_eq(worker.rolled_back.handle, 1000000000);
    cr_expect_eq(worker.rolled_back.waiting, 3);
    cr_assert_eq(claim_now(3), 3);
    cr_expect_eq(worker.token, 501);
    cr_expect_str_eq(worker.handles[2], "1000000003");
    worker_finish(&worker);
}

Test(store, believes_redis_own_word_and_not_a_counter_that_others_have_raised)
{
    static const struct {
        const char *name;
        long long counter, seen; /* 0: not there */
        bool fresh;
        unsigned roll_backs;
        uint64_t remembered;
    } rows[] = {
        {"all is well",              100, 100, true,  0, 0 },
        {"others went on",           180, 100, false, 0, 0 },
        {"others went on from less", 180, 80,  false, 1, 80},
        {"its word has expired",     180, 0,   false, 0, 0 },
        {"its word is lost",         180, 0,   true,  1, 0 },
        {"the counter is behind",    70,  0,   false, 1, 70},
        {"both are behind",          70,  60,  true,  1, 60},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (i > 0)
            worker_init(&worker, server.url, "alpha/0");
        run("FLUSHALL");
        run("HSET bellhop:{q}:counters token %lld", rows[i].counter);
        if (rows[i].seen > 0)
            freeReplyObject(redisCommand(side, "SET bellhop:{q}:seen:alpha %lld", rows[i].seen));
        worker.recalled = (struct bh_store_mark){.token = 100, .fresh = rows[i].fresh};
        worker_come_up(&worker);
        cr_expect_eq(worker.roll_backs, rows[i].roll_backs, "%s", rows[i].name);
        cr_expect_eq(worker.rolled_back.remembered, rows[i].remembered, "%s", rows[i].name);
        cr_expect_eq(run("HGET bellhop:{q}:counters token"),
                     rows[i].counter > 100 ? rows[i].counter : 100, "%s", rows[i].name);
        worker_finish(&worker);
    }
}

Test(store, does_not_work_on_a_claim_whose_token_it_has_had_before)
{
    push(2);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(1), 1);
    cr_assert_eq(claim_now(1), 1);
    forget_all(2, false);
    size_t from = worker.count;
    worker_claim(&worker, 1, 2);
    worker_flush(&worker);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_UP) == 1);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_CLAIMED), 0);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_CLAIM_FAILED), 1);
    cr_expect_eq(worker.roll_backs, 1);
    cr_expect_eq(worker.rolled_back.remembered, 0);
    cr_expect_eq(worker.rolled_back.acknowledged, 2);
    cr_expect_eq(run("HGET bellhop:{q}:counters token"), 2);
    cr_expect_not_null(strstr(worker.trouble, "token"), "%s", worker.trouble);
    worker_finish(&worker);
}

/* ---- trouble ------------------------------------------------------------------------------------- */

Test(store, answers_everything_before_it_says_that_it_is_down)
{
    push(8);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(4), 4);
    worker_wait(&worker, 1);
    worker_flush(&worker);
    size_t from = worker.count;
    bh_redis_process_pause(&server); /* so that nothing is answered before the end */
    worker_admit(&worker, 0, "a");
    worker_settle(&worker, 1, "b", BH_SETTLE_FINAL, "sent");
    worker_renew(&worker, 2);
    worker_claim(&worker, 1, 1);
    worker_flush(&worker);
    worker_claim(&worker, 1, 1); /* gathered, not sent */
    cr_expect_eq(bh_store_open(worker.store), 6);
    bh_redis_process_kill(&server);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_DOWN) == 1);
    cr_expect_eq(worker.events[worker.count - 1].kind, BH_EVENT_STORE_DOWN);
    cr_expect_eq(bh_store_open(worker.store), 0);
    cr_expect_eq(worker_last(&worker, BH_EVENT_ADMITTED)->code, BH_ADMIT_FAILED);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_FAILED);
    cr_expect_eq(worker_last(&worker, BH_EVENT_RENEWED)->code, BH_RENEW_FAILED);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_CLAIM_FAILED), 2);

    /* While it is down, commands are taken and fail. */
    from = worker.count;
    worker_settle(&worker, 1, "b", BH_SETTLE_FINAL, "sent");
    worker_wait(&worker, 1);
    flush_for(from, BH_EVENT_SETTLED, 1);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_WOKEN) == 1);
    bh_redis_process_start(&server, NULL);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_UP) == 1);
    redisFree(side);
    connect_side();
    push(1);
    cr_expect_eq(claim_now(5), 1, "the new server has no scripts and no jobs");
    worker_finish(&worker);
}

Test(store, loads_a_script_that_redis_has_forgotten)
{
    push(2);
    worker_come_up(&worker);
    run("SCRIPT FLUSH");
    cr_assert_eq(claim_now(1), 1);
    cr_expect_eq(bh_store_counters(worker.store)->reloads, 1);
    cr_assert_eq(claim_now(1), 1);
    cr_expect_eq(bh_store_counters(worker.store)->reloads, 1);
    worker_settle(&worker, 0, "x", BH_SETTLE_FINAL, "sent");
    flush_for(0, BH_EVENT_SETTLED, 1);
    cr_expect_eq(bh_store_counters(worker.store)->reloads, 2, "each script by itself");
    cr_expect_eq(bh_store_counters(worker.store)->failed, 0);
    worker_finish(&worker);
}

Test(store, polls_when_redis_is_too_full_to_wait_in)
{
    worker_come_up(&worker);
    push(1);
    run("CONFIG SET maxmemory 1");
    uint64_t begin = uv_hrtime();
    worker_wait(&worker, 1);
    flush_for(0, BH_EVENT_WOKEN, 1);
    cr_expect_geq(seconds_since(begin), 0.9, "a refused wait must not make us spin");
    cr_expect_eq(strncmp(worker.trouble, "wait: OOM", 9), 0, "%s", worker.trouble);
    cr_expect_eq(claim_now(1), 1, "and claiming still works");
    run("CONFIG SET maxmemory 0");
    worker_finish(&worker);
}

Test(store, answers_late_what_a_person_has_to_mend)
{
    worker_come_up(&worker);
    run("SET bellhop:{q}:due text");
    uint64_t begin = uv_hrtime();
    worker_claim(&worker, 1, 1);
    flush_for(0, BH_EVENT_CLAIM_FAILED, 1);
    cr_expect_geq(seconds_since(begin), 0.9);
    cr_expect_not_null(strstr(worker.trouble, "WRONGTYPE"), "%s", worker.trouble);
    cr_expect_eq(bh_store_counters(worker.store)->errors, 1);
    run("DEL bellhop:{q}:due");
    cr_expect_eq(claim_now(1), 0);
    worker_finish(&worker);
}

Test(store, leaves_a_server_that_has_become_a_replica)
{
    push(1);
    worker_come_up(&worker);
    size_t from = worker.count;
    run("REPLICAOF 127.0.0.1 1");
    worker_claim(&worker, 1, 1);
    flush_for(from, BH_EVENT_CLAIM_FAILED, 1);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_DOWN) == 1);
    run("REPLICAOF NO ONE");
    WORK_UNTIL(&worker, bh_store_is_up(worker.store));
    cr_expect_eq(claim_now(1), 1);
    worker_finish(&worker);
}

/* ---- queues come and go -------------------------------------------------------------------------- */

Test(store, queues_may_come_and_go_while_it_runs)
{
    struct bh_store_queue both[] = {worker_queue(7, "q"), worker_queue(1, "other")};
    push(1);
    worker_come_up(&worker);
    worker_wait(&worker, 1);
    worker_flush(&worker);
    run("LPUSH bellhop:{other} there");
    worker_configure(&worker, both, 2);
    worker_claim(&worker, 1, 1);
    worker_claim(&worker, 7, 1);
    flush_for(0, BH_EVENT_CLAIMED, 2);
    cr_expect_eq(worker_last(&worker, BH_EVENT_CLAIMED)->queue, 1, "it had to be adopted first");
    cr_expect_str_eq(worker.payloads[0], "there");

    worker_wait(&worker, 1);
    worker_flush(&worker);
    size_t from = worker.count;
    worker_configure(&worker, both, 1);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_WOKEN) >= 1);
    worker_claim(&worker, 1, 1);
    worker_wait(&worker, 1);
    flush_for(from, BH_EVENT_CLAIM_FAILED, 1);
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_WOKEN) >= 2);
    worker_configure(&worker, both, 2);
    worker_claim(&worker, 1, 1);
    flush_for(from, BH_EVENT_CLAIMED, 1);
    worker_finish(&worker);
}

/* A reload takes it out, and perhaps in again under another number, while the gateway has its jobs. */
Test(store, ends_what_is_in_hand_of_a_queue_that_went)
{
    struct bh_store_queue other = worker_queue(2, "other"), again = worker_queue(3, "q");
    push(4);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(3), 3);
    for (size_t at = 0; at < 3; at++)
        worker_admit(&worker, at, at == 0 ? "a" : at == 1 ? "b" : "c");
    flush_for(0, BH_EVENT_ADMITTED, 3);
    worker_configure(&worker, &other, 1);
    worker_renew(&worker, 0);
    flush_for(0, BH_EVENT_RENEWED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_RENEWED)->code, BH_RENEW_OK);
    worker_settle(&worker, 0, "a", BH_SETTLE_FINAL, "sent");
    flush_for(0, BH_EVENT_SETTLED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_OK);
    cr_expect_str_eq(status("a", "state"), "sent");

    struct bh_store_queue both[] = {other, again};
    worker_configure(&worker, both, 2);
    size_t from = worker.count;
    run("CLIENT KILL TYPE normal SKIPME yes");
    WORK_UNTIL(&worker, worker_count(&worker, from, BH_EVENT_STORE_UP) == 1);
    cr_expect_eq(bh_store_counters(worker.store)->adopted, 0, "they are in hand, not lost");
    worker_settle(&worker, 1, "b", BH_SETTLE_FINAL, "sent");
    flush_for(from, BH_EVENT_SETTLED, 1);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_OK);

    worker_configure(&worker, &other, 1);
    worker_settle(&worker, 2, "c", BH_SETTLE_FINAL, "sent");
    flush_for(from, BH_EVENT_SETTLED, 2);
    cr_expect_eq(worker_last(&worker, BH_EVENT_SETTLED)->code, BH_SETTLED_OK);
    worker_claim(&worker, 1, 1);
    worker_claim(&worker, 3, 1);
    flush_for(from, BH_EVENT_CLAIM_FAILED, 2);
    cr_expect_eq(run("LLEN bellhop:{q}"), 1, "nothing more is claimed from it");
    cr_expect_eq(run("ZCARD bellhop:{q}:leases"), 0);
    worker_finish(&worker);
}

Test(store, refuses_impossible_sets_of_queues)
{
    const struct bh_store_queue rows[][2] = {
        {worker_queue(1, "a"), worker_queue(1, "b")                                },
        {worker_queue(1, "a"), worker_queue(2, "a")                                },
        {worker_queue(1, "a"), worker_queue(2, "")                                 },
        {worker_queue(1, "a"), worker_queue(2, "A")                                },
        {worker_queue(1, "a"), worker_queue(2, "x}")                               },
        {worker_queue(1, "a"), worker_queue(2, "abcdefghijklmnopqrstuvwxyz0123456")},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_store_configure(worker.store, rows[i], 2), BH_EINVAL, "row %zu", i);
    worker_come_up(&worker);
    worker_finish(&worker);
}

Test(store, refuses_options_that_would_break_its_records)
{
    static const struct {
        const char *prefix, *owner, *account;
    } rows[] = {
        {"",        "me",   "0123456789ab"},
        {"a{b",     "me",   "0123456789ab"},
        {"a b",     "me",   "0123456789ab"},
        {"bellhop", "",     "0123456789ab"},
        {"bellhop", "-",    "0123456789ab"},
        {"bellhop", "a b",  "0123456789ab"},
        {"bellhop", "a\nb", "0123456789ab"},
        {"bellhop", NULL,   "0123456789ab"},
        {"bellhop", "me",   "0123456789a" },
        {"bellhop", "me",   "0123456789AB"},
        {"bellhop", "me",   NULL          },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_store_options options = worker.options;
        struct bh_store *store = NULL;
        struct bh_error error = {0};
        options.prefix = rows[i].prefix;
        options.owner = rows[i].owner;
        options.account = rows[i].account;
        cr_expect_eq(bh_store_new(&worker.loop, &options, &store, &error), BH_EINVAL, "row %zu", i);
        cr_expect_gt(strlen(error.text), 10, "row %zu", i);
    }
    worker_come_up(&worker);
    worker_finish(&worker);
}

Test(store, may_be_stopped_in_the_middle_of_everything)
{
    push(2);
    worker_come_up(&worker);
    cr_assert_eq(claim_now(1), 1);
    size_t from = worker.count;
    bh_redis_process_pause(&server);
    worker_wait(&worker, 1);
    worker_settle(&worker, 0, "a", BH_SETTLE_FINAL, "sent");
    worker_flush(&worker);
    worker_claim(&worker, 1, 1);
    worker_finish(&worker);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_SETTLED), 1);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_WOKEN), 1);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_CLAIM_FAILED), 1);
    cr_expect_eq(worker_count(&worker, from, BH_EVENT_STORE_DOWN), 1);
    bh_redis_process_resume(&server);
}

/* ---- memory -------------------------------------------------------------------------------------- */

static long allocations_left = -1; /* -1: as many as are wanted */

static bool
may_allocate(void)
{
    if (allocations_left < 0)
        return true;
    if (allocations_left == 0)
        return false;
    allocations_left--;
    return true;
}

static void *
rationed_alloc(size_t size)
{
    return may_allocate() ? malloc(size) : NULL;
}

static void *
rationed_resize(void *ptr, size_t size)
{
    return may_allocate() ? realloc(ptr, size) : NULL;
}

/* As many commands as could be taken. */
static size_t
execute_rationed(const struct bh_command *commands, size_t count)
{
    size_t taken = 0;
    worker.calling = true;
    for (size_t i = 0; i < count; i++) {
        enum bh_status status = bh_store_execute(worker.store, &commands[i]);
        cr_assert(status == BH_OK || status == BH_ENOMEM);
        taken += status == BH_OK;
    }
    bh_store_flush(worker.store);
    worker.calling = false;
    return taken;
}

Test(store, short_of_memory_it_still_answers_each_command_once)
{
    static const struct bh_allocator rationed = {rationed_alloc, rationed_resize, free};
    const struct bh_claim_ref nobody = {
        1, {"999", 3},
         1
    };
    const struct bh_command commands[] = {
        {.kind = BH_COMMAND_CLAIM,  .claim = {1, 4}                           },
        {.kind = BH_COMMAND_ADMIT,  .admit = {.claim = nobody, .id = "x"}     },
        {.kind = BH_COMMAND_ADMIT,  .admit = {.claim = nobody, .id = "y"}     },
        {.kind = BH_COMMAND_SETTLE,
         .settle = {.claim = nobody, .reason = "", .id = "x", .state = "sent"}},
        {.kind = BH_COMMAND_RENEW,  .renew = {.claim = nobody}                },
        {.kind = BH_COMMAND_WAIT,   .wait_queue = 1                           },
        {.kind = BH_COMMAND_GRANT,  .grant = {BH_LIMIT_REQUESTS, 1}           },
        {.kind = BH_COMMAND_TWIN,
         .twin = {.queue = 1, .digest = "11111111111111111111111111111111"}   },
    };
    bh_alloc_replace(&rationed);
    worker_come_up(&worker);
    for (long ration = 0; ration < 40; ration++) {
        WORK_UNTIL(&worker, bh_store_is_up(worker.store));
        size_t answers = worker.count;
        push(1); /* ends the wait */
        allocations_left = ration;
        size_t taken = execute_rationed(commands, BH_ARRAY_LEN(commands));
        cr_assert_eq(bh_store_open(worker.store), taken, "ration %ld", ration);
        for (int turns = 0; turns < 3; turns++)
            uv_run(&worker.loop, UV_RUN_NOWAIT);
        allocations_left = -1;
        WORK_UNTIL(&worker, bh_store_open(worker.store) == 0);
        size_t heard = worker.count - answers - worker_count(&worker, answers, BH_EVENT_STORE_UP) -
                       worker_count(&worker, answers, BH_EVENT_STORE_DOWN);
        cr_assert_eq(heard, taken, "ration %ld: %zu answers to %zu commands", ration, heard, taken);
    }
    worker_finish(&worker);
}
