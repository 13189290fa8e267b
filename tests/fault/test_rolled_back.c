/*
 * Redis comes back with an older state: writes that it had acknowledged are gone, as after a crash with `appendfsync
 * everysec` or a fail-over to a replica that was behind.  What counts is the simulator's own count of messages.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/rig.h"

#define LAST_JOB_MS 120000
#define PLAIN       220 /* jobs without an id */
#define NAMED       80  /* and with one */
#define TWINS       8   /* pairs of the same bytes */
#define JOBS        (PLAIN + NAMED + 2 * TWINS)
#define MESSAGES    (PLAIN + NAMED + TWINS) /* different ones */

static struct bh_rig rig;
static char journal[128], pool[256];

static void
start(const char *journal_lines, const char *gateway, const char *sim)
{
    static const char *const keep_nothing[] = {"--save", "", NULL};
    rig = (struct bh_rig){0};
    snprintf(pool, sizeof(pool), "workers = 2\nconcurrency = 2\nlease = 5s\n%s", journal_lines);
    const struct bh_rig_options options = {
        .redis = "command_timeout = 3s",
        .gateway = gateway,
        .pool = pool,
        .queues = "[queue sms]\nretry = 1s*",
        .sim = sim,
        .redis_args = keep_nothing,
        .without_daemon = true,
    };
    bh_rig_start(&rig, &options);
}

static const char *
journal_in_rig(void)
{
    snprintf(journal, sizeof(journal), "/tmp/bellhop-journal.XXXXXX");
    cr_assert_not_null(mkdtemp(journal));
    static char lines[160];
    snprintf(lines, sizeof(lines), "journal = %s", journal);
    return lines;
}

static void
remove_journal(void)
{
    static const char *const names[] = {"one", "two"};
    char path[160];
    for (unsigned i = 0; i < rig.daemons_count; i++) {
        snprintf(path, sizeof(path), "%s/sent-%s", journal, names[i]);
        cr_expect_eq(unlink(path), 0);
    }
    cr_expect_eq(rmdir(journal), 0);
}

static void
push_job(int number)
{
    const char *id = number < NAMED ? bh_rig_text(&rig, "\"id\":\"n%d\",", number) : "";
    bh_rig_push(
        &rig, "sms",
        bh_rig_text(&rig, "{%s\"to\":\"+4917%08d\",\"text\":\"Roll %d\"}", id, number, number));
}

static void
push_all(void)
{
    for (int i = 0; i < MESSAGES; i++)
        push_job(i);
    for (int i = PLAIN + NAMED; i < MESSAGES; i++)
        push_job(i);
}

static long long
sim(const char *name)
{
    return bh_rig_sim_number(&rig, "stats?limit=0", name);
}

static void
copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(in >= 0 && out >= 0, "%s to %s", from, to);
    ssize_t got = read(in, bytes, sizeof(bytes));
    cr_assert(got > 0 && got < (ssize_t)sizeof(bytes));
    cr_assert_eq(write(out, bytes, (size_t)got), got);
    close(in);
    close(out);
}

static const char *
redis_file(const char *name)
{
    return bh_rig_text(&rig, "%s/%s", rig.redis.dir, name);
}

static void
take_snapshot(void)
{
    freeReplyObject(bh_rig_command(&rig, "SAVE"));
    copy_file(redis_file("dump.rdb"), redis_file("snapshot"));
}

/* Redis dies, and what comes back is as old as the snapshot. */
static void
roll_back(bool with_daemon)
{
    struct bh_process *daemon = &rig.daemons[0].process;
    bh_redis_process_kill(&rig.redis);
    if (with_daemon)
        bh_process_kill(daemon);
    copy_file(redis_file("snapshot"), redis_file("dump.rdb"));
    bh_rig_start_redis(&rig);
    if (with_daemon)
        bh_rig_restart_daemon(&rig, &rig.daemons[0]);
}

static void
until_accepted(long long count)
{
    BH_RIG_UNTIL_MS(&rig, LAST_JOB_MS, sim("accepted") >= count);
}

static void
take_stock(const char *name)
{
    fprintf(stderr,
            "rolled back, %s: %d jobs, %lld accepted, %lld different, %lld more than once, %lld "
            "refused by the lock\n",
            name, JOBS, sim("accepted"), sim("messages_count"), sim("doubled_count"),
            sim("locked"));
}

/* Each message once, twins twice, and nothing left over. */
static void
expect_each_once(const char *name)
{
    BH_RIG_UNTIL_MS(&rig, LAST_JOB_MS, bh_rig_unfinished(&rig, "sms") == 0);
    take_stock(name);
    cr_expect_eq(sim("messages_count"), MESSAGES, "lost");
    cr_expect_eq(sim("doubled_count"), TWINS, "doubled");
    cr_expect_eq(sim("accepted"), JOBS);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "HLEN bellhop:{sms}:heads"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "HLEN bellhop:{sms}:jobs"), 0);
    for (int i = 0; i < NAMED; i++)
        cr_expect(bh_rig_is(&rig, "sms", bh_rig_text(&rig, "n%d", i), "state", "sent"), "n%d", i);
}

static const char gateway_lines[] = "connect_timeout = 500ms\ntimeout = 1s\nreload_lock = 8s";
static const char sim_lines[] =
    "[lock]\nseconds = 8\n[gateway]\nanswer_delay_ms = 25\n[reports]\nplan = none\n";

static const char sim_without_lock[] =
    "[lock]\nenabled = no\n[gateway]\nanswer_delay_ms = 5\n[reports]\nplan = none\n";

Test(rolled_back, a_running_worker_sends_each_message_once)
{
    start(journal_in_rig(), gateway_lines, sim_lines);
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_all();
    until_accepted(40);
    take_snapshot();
    until_accepted(120);
    roll_back(false);
    until_accepted(180);
    roll_back(false);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, "redis_rolled_back", BH_RIG_WAIT_MS));
    expect_each_once("a running worker");
    bh_rig_stop(&rig);
    remove_journal();
}

Test(rolled_back, a_worker_that_died_too_sends_each_message_once)
{
    start(journal_in_rig(), gateway_lines, sim_lines);
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_all();
    take_snapshot();
    until_accepted(60);
    roll_back(true);
    until_accepted(100);
    take_snapshot();
    until_accepted(160);
    bh_process_kill(&rig.daemons[0].process);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    until_accepted(200);
    roll_back(true);
    expect_each_once("a worker that died too");
    bh_rig_stop(&rig);
    remove_journal();
}

Test(rolled_back, later_twins_of_forgotten_jobs_are_messages_of_their_own)
{
    start(journal_in_rig(), "connect_timeout = 500ms\ntimeout = 1s\nreload_lock = off",
          sim_without_lock);
    take_snapshot();
    bh_rig_start_daemon(&rig, NULL, NULL);
    for (int i = 0; i < 5; i++)
        bh_rig_push(&rig, "sms", "{\"to\":\"+491711234567\",\"text\":\"Ring!\"}");
    until_accepted(5);
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "sms") == 0);
    roll_back(false);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, "redis_rolled_back", BH_RIG_WAIT_MS));
    for (int i = 0; i < 3; i++)
        bh_rig_push(&rig, "sms", "{\"to\":\"+491711234567\",\"text\":\"Ring!\"}");
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "outcome:sent") == 3);
    cr_expect_eq(sim("accepted"), 8);
    bh_rig_stop(&rig);
    remove_journal();
}

/*
 * Three jobs are pushed to the head of the line and forgotten altogether: so another host gets the others' handles moved by
 * three, each one that was ours for another job.  It is told by the gateway's lock that they were sent, and is gone
 * before the lock has lapsed.
 */
Test(rolled_back, jobs_that_another_host_had_under_our_handles_are_not_sent_again)
{
    enum { WAITING = 12, FORGOTTEN = 3 };
    start(journal_in_rig(), "connect_timeout = 500ms\ntimeout = 1s\nreload_lock = 20s",
          "[lock]\nseconds = 20\n[gateway]\nanswer_delay_ms = 5\n[reports]\nplan = none\n");
    for (int i = 0; i < WAITING; i++)
        push_job(NAMED + i);
    take_snapshot();
    for (int i = 0; i < FORGOTTEN; i++)
        freeReplyObject(bh_rig_command(
            &rig, "RPUSH bellhop:{sms} %s",
            bh_rig_text(&rig, "{\"to\":\"+49171000000%d\",\"text\":\"Forgotten\"}", i)));
    bh_rig_start_daemon(&rig, NULL, NULL);
    until_accepted(WAITING + FORGOTTEN);
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "sms") == 0);
    bh_process_kill(&rig.daemons[0].process);
    roll_back(false);
    bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "now:held:reload_lock") == WAITING);
    bh_process_kill(&rig.daemons[1].process);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    BH_RIG_UNTIL_MS(&rig, LAST_JOB_MS, bh_rig_unfinished(&rig, "sms") == 0);
    cr_expect_eq(sim("locked"), WAITING);
    cr_expect_eq(sim("accepted"), WAITING + FORGOTTEN);
    cr_expect_eq(sim("doubled_count"), 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), WAITING);
    bh_rig_restart_daemon(&rig, &rig.daemons[1]);
    bh_rig_stop(&rig);
    remove_journal();
}

/* So that the tests above have something to prevent. */
Test(rolled_back, without_a_journal_messages_are_sent_again)
{
    start("journal = off", "connect_timeout = 500ms\ntimeout = 1s\nreload_lock = off",
          sim_without_lock);
    push_all();
    take_snapshot();
    bh_rig_start_daemon(&rig, NULL, NULL);
    until_accepted(100);
    roll_back(true);
    BH_RIG_UNTIL_MS(&rig, LAST_JOB_MS, bh_rig_unfinished(&rig, "sms") == 0);
    take_stock("without a journal");
    cr_expect_gt(sim("accepted"), JOBS);
    bh_rig_stop(&rig);
}
