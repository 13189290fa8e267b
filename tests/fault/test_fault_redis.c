/*
 * Redis in every mood while jobs are under way, and workers that were away for longer than their lease.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault_jobs.h"
#include "support/linecut.h"

static const struct bh_rig_options usual = {
    .redis = FAULT_REDIS,
    .gateway = FAULT_GATEWAY,
    .pool = FAULT_POOL,
    .sim = FAULT_SIM "[gateway]\nanswer_delay_ms = 20\n",
    .redis_args = fault_durable,
};

static void
order(struct bh_rig *rig, const char *command)
{
    freeReplyObject(bh_rig_command(rig, command));
}

/* The socket of a line in the rig's own directory. */
static struct bh_linecut *
start_line(struct bh_rig *rig, const char **ret_path)
{
    *ret_path = bh_rig_text(rig, "%s/line", rig->dir);
    const struct bh_linecut_options options = {.listen_path = *ret_path,
                                               .upstream_path = rig->redis.socket_path};
    return bh_linecut_start(&options);
}

/* ---- stale workers ---- */

/* It has claimed jobs in hand that it has not sent; another worker takes them over. */
Test(stale_worker, sends_nothing_from_a_lease_that_ended_while_it_was_stopped)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    options.gateway = FAULT_GATEWAY "max_connections = 1\n";
    options.sim = FAULT_SIM "[gateway]\nanswer_delay_ms = 200\n";
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "stale", 0, 12);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 2);
    struct bh_process *stopped = &rig.daemons[0].process;
    bh_process_signal(stopped, SIGSTOP);
    long long leased = bh_rig_integer(&rig, "ZCARD bellhop:{sms}:leases");
    cr_expect_gt(leased, 1, "it has more in hand than what is on its way");
    bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);

    long long requests = bh_rig_sim_number(&rig, "stats?limit=0", "requests");
    long long accepted = bh_rig_accepted_in_all(&rig);
    bh_process_signal(stopped, SIGCONT);
    /* What it does for a new job shows that it has gone on. */
    bh_process_kill(&rig.daemons[1].process);
    rig.daemons[1].process.end = 0;
    bh_rig_push_jobs(&rig, "sms", "new", 100, 101);
    bh_rig_wait_state(&rig, "sms", "new-100", "sent");
    cr_expect_eq(bh_rig_accepted_in_all(&rig), accepted + 1, "nothing else was accepted");
    /* Asking the simulator counts as a request, too; only messages matter. */
    cr_expect_leq(bh_rig_sim_number(&rig, "stats?limit=0", "locked"), 2, "%lld", requests);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats?limit=0", "foreign_ids_doubled_count"), 0);
    cr_expect_eq(accepted, 12);
    bh_rig_stop(&rig);
}

/*
 * Its lease ended while the answer was on its way, and nobody has claimed the job since: the answer ends it.  It came in
 * time, so it is read although the process has slept over the request's timeout.
 */
Test(stale_worker, helps_with_a_late_answer)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    options.sim = FAULT_SIM "[gateway]\nanswer_delay_ms = 1000\n";
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "late", 0, 3);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) == 3);
    bh_process_signal(&rig.daemons[0].process, SIGSTOP);
    /* Another worker takes the leases back, but no jobs from a queue that is paused. */
    bh_rig_integer(&rig, "HSET bellhop:{sms}:control paused 1");
    bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "LLEN bellhop:{sms}:ready") == 3);
    bh_process_signal(&rig.daemons[0].process, SIGCONT);
    for (unsigned i = 0; i < 3; i++) {
        const char *id = bh_rig_text(&rig, "late-%u", i);
        bh_rig_wait_state(&rig, "sms", id, "sent");
        cr_expect(bh_rig_is(&rig, "sms", id, "confirmed_by", "response"), "%s", id);
        cr_expect_str_neq(bh_rig_field(&rig, "sms", id, "message_id"), "", "%s", id);
    }
    bh_rig_integer(&rig, "HDEL bellhop:{sms}:control paused");
    bh_rig_expect_all_sent_once(&rig, "sms", "late", 3, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

/* The other one has claimed the job since: the answer changes nothing, and journal or lock tell what became of it. */
Test(stale_worker, harms_nothing_with_an_answer_that_is_too_late)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    options.sim = FAULT_SIM "[gateway]\nanswer_delay_ms = 1000\n";
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "harm", 0, 3);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) == 3);
    bh_process_signal(&rig.daemons[0].process, SIGSTOP);
    bh_rig_start_daemon(&rig, NULL, NULL);
    for (unsigned i = 0; i < 3; i++)
        fault_expect_line(&rig, 1, bh_rig_text(&rig, "job=harm-%u ", i));
    bh_process_signal(&rig.daemons[0].process, SIGCONT);
    bh_rig_expect_all_sent_once(&rig, "sms", "harm", 3, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

/* Alive, and without Redis for longer than its lease: what it holds is another one's by then. */
Test(stale_worker, sends_nothing_when_it_was_cut_off_for_longer_than_its_lease)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    const char *path;
    options.without_daemon = true;
    options.gateway = FAULT_GATEWAY "max_connections = 1\n";
    options.sim = FAULT_SIM "[gateway]\nanswer_delay_ms = 200\n";
    bh_rig_start(&rig, &options);
    struct bh_linecut *line = start_line(&rig, &path);
    fault_start_behind(&rig, path, FAULT_REDIS);
    bh_rig_push_jobs(&rig, "sms", "cut", 0, 12);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 2);
    bh_linecut_set(line, BH_LINECUT_STALL, 0);
    bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);
    bh_linecut_set(line, BH_LINECUT_PASS, 0);
    fault_expect_line(&rig, 0, "redis_up");
    bh_rig_expect_all_sent_once(&rig, "sms", "cut", 12, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
    bh_linecut_stop(line);
}

/* ---- moods of the server ---- */

Test(redis_moods, a_server_that_loads_its_data_is_waited_for)
{
    struct bh_rig rig;
    bh_rig_start(&rig, &usual);
    bh_rig_push_jobs(&rig, "sms", "load", 0, 300);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 50);
    freeReplyObject(
        bh_rig_command(&rig, "EVAL %s 0", "for i=1,32768 do redis.call('SET','filler:'..i,i) end"));
    bh_redis_process_kill(&rig.redis);
    /* A server that loads its file looks up from it every 1024 commands only: here several times within our timeouts. */
    const char *args[] = {"--appendonly",
                          "yes",
                          "--appendfsync",
                          "always",
                          "--key-load-delay",
                          "200",
                          "--loading-process-events-interval-bytes",
                          "1024",
                          NULL};
    bh_process_set_mark(&rig.daemons[0].process);
    bh_redis_process_start_loading(&rig.redis, args);
    fault_expect_line(&rig, 0, "LOADING");
    cr_expect(bh_process_is_running(&rig.daemons[0].process));
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_process_count(&rig.daemons[0].process, "redis_up") > 0);
    bh_rig_connect(&rig);
    bh_rig_expect_all_sent_once(&rig, "sms", "load", 300, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

Test(redis_moods, a_master_that_becomes_a_replica_gets_the_results_when_it_takes_writes_again)
{
    struct bh_rig rig;
    bh_rig_start(&rig, &usual);
    bh_rig_push_jobs(&rig, "sms", "ro", 0, 1500);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 50);
    bh_process_set_mark(&rig.daemons[0].process);
    order(&rig, "REPLICAOF 127.0.0.1 1");
    fault_expect_line(&rig, 0, "READONLY");
    long long open = bh_rig_unfinished(&rig, "sms"), accepted = bh_rig_accepted_in_all(&rig);
    cr_expect_gt(open, 0);
    bh_sleep_ms(1500);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), accepted, "nothing is sent that cannot be admitted");
    order(&rig, "REPLICAOF NO ONE");
    bh_rig_expect_all_sent_once(&rig, "sms", "ro", 1500, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

Test(redis_moods, the_queue_drains_while_memory_is_full)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    options.without_daemon = true;
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "full", 0, 300);
    order(&rig, "CONFIG SET maxmemory 1");
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_expect_all_sent_once(&rig, "sms", "full", 300, FAULT_WAIT_MS);
    fault_expect_line(&rig, 0, "redis_trouble");
    /* Producers hear that it is full, and go on when it is not. */
    redisReply *refused = redisCommand(rig.context, "LPUSH bellhop:{sms} {}");
    cr_expect(refused != NULL && refused->type == REDIS_REPLY_ERROR);
    freeReplyObject(refused);
    order(&rig, "CONFIG SET maxmemory 0");
    bh_rig_push_jobs(&rig, "sms", "full", 300, 310);
    bh_rig_expect_all_sent_once(&rig, "sms", "full", 310, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

/* Each right on its own, taken while jobs flow and given back. */
Test(redis_moods, a_right_that_is_withdrawn_stops_the_flow_until_it_is_given_back)
{
    static const char *const commands[] = {"evalsha", "blmove", "xread", "script", "eval"};
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    unsigned count = 0;
    options.without_daemon = true;
    options.redis = FAULT_REDIS "username = worker\npassword = s3cr3t\n";
    bh_rig_start(&rig, &options);
    order(&rig, "ACL SETUSER worker on >s3cr3t ~* &* +@all");
    rig.options.redis = options.redis;
    bh_rig_start_daemon(&rig, NULL, NULL);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        bh_rig_push_jobs(&rig, "sms", "acl", count, count + 60);
        BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= count + 10);
        freeReplyObject(bh_rig_command(&rig, "ACL SETUSER worker -%s", commands[i]));
        count += 60;
        /* Without evalsha nothing can go on; without the others the work goes on as well as it may. */
        if (i == 0)
            fault_expect_line(&rig, 0, "NOPERM");
        else
            bh_sleep_ms(300);
        order(&rig, "ACL SETUSER worker +@all");
        BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);
    }
    bh_rig_expect_all_sent_once(&rig, "sms", "acl", count, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
}

/* The answers come while Redis is dead; they wait in memory and end their jobs when it is back. */
Test(redis_moods, results_wait_in_memory_while_redis_is_dead)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    options.pool = "lease = 60s\n";
    options.sim = FAULT_SIM "[gateway]\nanswer_delay_ms = 1500\n";
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "wait", 0, 8);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) == 8);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), 0, "no answer has come yet");
    bh_rig_disconnect(&rig);
    bh_redis_process_kill(&rig.redis);
    bh_sleep_ms(2500);
    bh_rig_start_redis(&rig);
    bh_rig_expect_all_sent_once(&rig, "sms", "wait", 8, FAULT_WAIT_MS);
    for (unsigned i = 0; i < 8; i++) {
        const char *id = bh_rig_text(&rig, "wait-%u", i);
        cr_expect(bh_rig_is(&rig, "sms", id, "attempts", "1"), "%s", id);
        cr_expect(bh_rig_is(&rig, "sms", id, "confirmed_by", "response"), "%s", id);
    }
    bh_rig_stop(&rig);
}

Test(redis_moods, slow_answers_cost_time_and_nothing_else)
{
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    const char *path;
    options.without_daemon = true;
    bh_rig_start(&rig, &options);
    struct bh_linecut *line = start_line(&rig, &path);
    bh_linecut_set(line, BH_LINECUT_DELAY, 100);
    fault_start_behind(&rig, path, FAULT_REDIS);
    bh_rig_push_jobs(&rig, "sms", "slow", 0, 60);
    bh_rig_expect_all_sent_once(&rig, "sms", "slow", 60, FAULT_WAIT_MS);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "redis_down"), 0, "slow is not away");
    for (unsigned i = 0; i < 60; i++)
        cr_expect(bh_rig_is(&rig, "sms", bh_rig_text(&rig, "slow-%u", i), "attempts", "1"));
    bh_rig_stop(&rig);
    bh_linecut_stop(line);
}

/* Half-open in one direction and in both; the connection is given up and made anew when the line is mended. */
Test(redis_moods, a_half_open_connection_is_given_up)
{
    static const enum bh_linecut_mode modes[] = {BH_LINECUT_STALL, BH_LINECUT_MUTE};
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    const char *path;
    options.without_daemon = true;
    bh_rig_start(&rig, &options);
    struct bh_linecut *line = start_line(&rig, &path);
    fault_start_behind(&rig, path, FAULT_REDIS);
    for (unsigned i = 0; i < 2; i++) {
        bh_rig_push_jobs(&rig, "sms", "half", i * 100, i * 100 + 100);
        BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= i * 100 + 20);
        unsigned before = bh_linecut_counters(line).accepted;
        bh_linecut_set(line, modes[i], 0);
        BH_RIG_UNTIL(&rig, bh_linecut_counters(line).accepted > before);
        bh_linecut_set(line, BH_LINECUT_PASS, 0);
        bh_rig_expect_all_sent_once(&rig, "sms", "half", i * 100 + 100, FAULT_WAIT_MS);
    }
    bh_rig_stop(&rig);
    bh_linecut_stop(line);
}

/*
 * One job at a time, and what Redis says about it ends behind each of its first bytes in turn: the wake-up, the answer
 * of the claim, that of the admission.  Which of them a byte belongs to is left open; all of them are passed.  Every
 * fifth byte, from another one each time; with BH_EVERY_BYTE=1 each.
 */
#define BYTES 320
#define STEP  5

Test(redis_moods, an_answer_may_end_behind_any_byte, .timeout = 600)
{
    bool each = getenv("BH_EVERY_BYTE") != NULL;
    unsigned first = each ? 0 : (unsigned)(bh_unix_ms() % STEP), step = each ? 1 : STEP;
    struct bh_rig rig;
    struct bh_rig_options options = usual;
    const char *path;
    options.without_daemon = true;
    options.sim = FAULT_SIM;
    options.pool = "lease = 60s\n";
    bh_rig_start(&rig, &options);
    struct bh_linecut *line = start_line(&rig, &path);
    fault_start_behind(&rig, path, FAULT_REDIS);
    bh_rig_push_jobs(&rig, "sms", "byte", 0, 1);
    bh_rig_expect_all_sent_once(&rig, "sms", "byte", 1, FAULT_WAIT_MS);
    unsigned count = 1;
    for (unsigned bytes = first; bytes < BYTES; bytes += step) {
        /* A new process, since an old one tries again at growing distances. */
        if (count % 4 == 0) {
            bh_process_kill(&rig.daemons[0].process);
            bh_rig_restart_daemon(&rig, &rig.daemons[0]);
            fault_expect_line(&rig, 0, "redis_up");
        }
        bh_linecut_set(line, BH_LINECUT_SEVER, bytes);
        bh_rig_push_jobs(&rig, "sms", "byte", count, count + 1);
        const char *id = bh_rig_text(&rig, "byte-%u", count);
        bh_rig_wait_state(&rig, "sms", id, "sent");
        cr_expect(bh_rig_is(&rig, "sms", id, "attempts", "1"), "behind byte %u: %s attempts", bytes,
                  bh_rig_field(&rig, "sms", id, "attempts"));
        count++;
    }
    cr_expect_gt(bh_linecut_counters(line).accepted, BYTES / step, "connections were cut");
    bh_rig_expect_all_sent_once(&rig, "sms", "byte", count, FAULT_WAIT_MS);
    bh_rig_stop(&rig);
    bh_linecut_stop(line);
}
