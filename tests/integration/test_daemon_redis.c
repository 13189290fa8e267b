/* bellhopd and the Redis it finds: ways to reach it, rights, moods, and what is told about them. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/rig.h"

TestSuite(daemon_redis, .timeout = 120);

#define JOB(id) "{\"id\":\"" id "\",\"to\":\"49171999999\",\"text\":\"for " id "\"}"

/* Only the queue that is used: fewer connections, fewer lines. */
static const char one_queue[] = "[queue sms]\n";

static struct bh_rig_options
no_daemon(void)
{
    return (struct bh_rig_options){.queues = one_queue, .without_daemon = true};
}

static void
start_with_redis(struct bh_rig *rig, const char *lines)
{
    rig->options.redis = lines;
    bh_rig_start_daemon(rig, NULL, NULL);
}

static struct bh_process *
log_of(struct bh_rig *rig)
{
    return &rig->daemons[0].process;
}

static void
expect_line(struct bh_rig *rig, const char *part)
{
    if (!bh_process_wait_line(log_of(rig), part, BH_RIG_WAIT_MS))
        bh_rig_fail(rig, "no line holds: %s", part);
}

static void
expect_no_line(struct bh_rig *rig, const char *part)
{
    if (bh_process_count(log_of(rig), part) > 0)
        bh_rig_fail(rig, "a line holds: %s", part);
}

/* A line that holds both. */
static bool
has_line_with(struct bh_rig *rig, const char *part, const char *other)
{
    static char line[16384];
    bool found = false;
    FILE *file = fopen(log_of(rig)->log, "r");
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
        found = strstr(line, part) != NULL && strstr(line, other) != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

static void
expect_line_with(struct bh_rig *rig, const char *part, const char *other)
{
    BH_RIG_UNTIL(rig, has_line_with(rig, part, other));
}

/* ---- ways to reach it ---- */

static void
send_one(struct bh_rig *rig, const char *id)
{
    bh_rig_push(
        rig, "sms",
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"49171999999\",\"text\":\"hi %s\"}", id, id));
    bh_rig_wait_state(rig, "sms", id, "sent");
    cr_expect_eq(bh_rig_accepted(rig, id), 1);
}

Test(daemon_redis, works_over_a_unix_socket)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = one_queue};
    bh_rig_start(&rig, &options);
    send_one(&rig, "a");
    expect_line(&rig, "redis_up");
    expect_no_line(&rig, "redis_down");
    expect_no_line(&rig, "redis_trouble");
    bh_rig_stop(&rig);
}

static void
start_tcp(struct bh_rig *rig)
{
    struct bh_rig_options options = no_daemon();
    options.without_redis = true;
    bh_rig_start(rig, &options);
    bh_redis_process_want_tcp(&rig->redis);
    bh_rig_start_redis(rig);
}

Test(daemon_redis, works_over_tcp)
{
    struct bh_rig rig;
    start_tcp(&rig);
    start_with_redis(&rig,
                     bh_rig_text(&rig, "url = redis://127.0.0.1:%u\n", (unsigned)rig.redis.port));
    send_one(&rig, "a");
    bh_rig_stop(&rig);
}

Test(daemon_redis, works_in_another_database)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, bh_rig_text(&rig, "url = unix://%s?db=3\n", rig.redis.socket_path));
    freeReplyObject(bh_rig_command(&rig, "SELECT 3"));
    send_one(&rig, "a");
    freeReplyObject(bh_rig_command(&rig, "SELECT 0"));
    cr_expect_eq(bh_rig_integer(&rig, "DBSIZE"), 0, "nothing of ours stands in database 0");
    bh_rig_stop(&rig);
}

static bool
keys_begin_with(struct bh_rig *rig, const char *prefix)
{
    redisReply *keys = bh_rig_command(rig, "KEYS *");
    bool all = keys->elements > 0;
    for (size_t i = 0; i < keys->elements; i++)
        all &= strncmp(keys->element[i]->str, prefix, strlen(prefix)) == 0;
    freeReplyObject(keys);
    return all;
}

Test(daemon_redis, works_under_another_prefix)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, "prefix = town-hall\n");
    bh_rig_integer(&rig, "LPUSH town-hall:{sms} %s", JOB("a"));
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "HEXISTS town-hall:{sms}:status:a sent_at") == 1);
    cr_expect(keys_begin_with(&rig, "town-hall:"), "no key of another prefix");
    bh_rig_stop(&rig);
}

/* The server shows the certificate of `dir` on the port that is known. */
static void
start_tls(struct bh_rig *rig, const char *dir)
{
    const char *port = bh_rig_text(rig, "%u", (unsigned)rig->redis.port);
    bh_redis_process_start(
        &rig->redis, (const char *const[]){"--port", "0", "--tls-port", port, "--tls-cert-file",
                                           bh_rig_text(rig, "%s/server.pem", dir), "--tls-key-file",
                                           bh_rig_text(rig, "%s/server.key", dir),
                                           "--tls-auth-clients", "no", NULL});
    bh_rig_connect(rig);
}

static void
prepare_tls(struct bh_rig *rig)
{
    struct bh_rig_options options = no_daemon();
    options.without_redis = true;
    bh_rig_start(rig, &options);
    bh_redis_process_make_certificates(&rig->redis);
    bh_redis_process_want_tcp(&rig->redis);
}

static void
start_with_tls(struct bh_rig *rig)
{
    /* A handshake takes its time under sanitizers. */
    start_with_redis(rig, bh_rig_text(rig,
                                      "url = rediss://localhost:%u\ntls_ca = %s/ca.pem\n"
                                      "connect_timeout = 20s\n",
                                      (unsigned)rig->redis.port, rig->redis.dir));
}

Test(daemon_redis, works_over_tls)
{
    struct bh_rig rig;
    prepare_tls(&rig);
    start_tls(&rig, rig.redis.dir);
    start_with_tls(&rig);
    send_one(&rig, "a");
    expect_no_line(&rig, "redis_down");
    bh_rig_stop(&rig);
}

Test(daemon_redis, does_not_trust_a_stranger_and_goes_on_trying)
{
    struct bh_rig rig;
    struct bh_redis_process stranger;
    prepare_tls(&rig);
    bh_redis_process_init(&stranger);
    bh_redis_process_make_certificates(&stranger);
    start_tls(&rig, stranger.dir);
    start_with_tls(&rig);
    expect_line_with(&rig, " redis_down ", "certificate is refused");
    expect_line_with(&rig, " redis_down ", "Correct [redis] url or tls_ca");
    expect_no_line(&rig, "redis_up");

    bh_rig_disconnect(&rig);
    bh_redis_process_stop(&rig.redis);
    start_tls(&rig, rig.redis.dir);
    send_one(&rig, "a");
    expect_line(&rig, "redis_up");
    bh_redis_process_release(&stranger);
    bh_rig_stop(&rig);
}

/* ---- rights ---- */

static long long
info_number(struct bh_rig *rig, const char *section, const char *mark)
{
    redisReply *info = bh_rig_command(rig, "INFO %s", section);
    const char *found = strstr(info->str, mark);
    long long count = found != NULL ? strtoll(found + strlen(mark), NULL, 10) : -1;
    freeReplyObject(info);
    return count;
}

static long long
connections_taken(struct bh_rig *rig)
{
    return info_number(rig, "stats", "total_connections_received:");
}

/* The line of README.md, with a password in the place of SECRET. */
static const char *
readme_acl(struct bh_rig *rig)
{
    static char line[1024];
    FILE *file = fopen(BH_TEST_README, "r");
    cr_assert_not_null(file);
    const char *found = NULL;
    while (found == NULL && fgets(line, sizeof(line), file) != NULL)
        found = strstr(line, "user bellhop on >SECRET ");
    fclose(file);
    cr_assert_not_null(found, "README.md has no ACL line");
    line[strcspn(line, "\n")] = '\0';
    const char *rules = found + strlen("user bellhop on >SECRET ");
    return bh_rig_text(rig, "ACL SETUSER bellhop reset on >s3cr3t %s", rules);
}

static void
set_user(struct bh_rig *rig, const char *command)
{
    freeReplyObject(bh_rig_command(rig, command));
    freeReplyObject(bh_rig_command(rig, "ACL LOG RESET"));
}

/* What Redis has refused to whom; printed, since it names the command. */
static unsigned
refusals(struct bh_rig *rig)
{
    redisReply *log = bh_rig_command(rig, "ACL LOG");
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *entry = log->element[i];
        for (size_t k = 0; k + 1 < entry->elements; k += 2)
            if (entry->element[k + 1]->type == REDIS_REPLY_STRING)
                fprintf(stderr, "%s=%s ", entry->element[k]->str, entry->element[k + 1]->str);
        fprintf(stderr, "\n");
    }
    unsigned count = (unsigned)log->elements;
    freeReplyObject(log);
    return count;
}

static const char as_bellhop[] = "username = bellhop\npassword = s3cr3t\n";

Test(daemon_redis, the_acl_line_of_the_readme_suffices)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    options.status = "events = 1000\n";
    options.gateway = "balance_interval = 1m\n";
    bh_rig_start(&rig, &options);
    set_user(&rig, readme_acl(&rig));
    start_with_redis(&rig, as_bellhop);
    expect_line(&rig, "All commands that are needed are permitted.");
    expect_line(&rig, "This is Redis");
    expect_line(&rig, "It is a master.");
    expect_line(&rig, "Redis keeps nothing over a restart");
    expect_line(&rig, "The clocks agree");
    expect_no_line(&rig, "does not tell");

    send_one(&rig, "plain");
    bh_rig_push(&rig, "sms", "{\"id\":\"bad\",\"to\":\"49171999999\"}");
    bh_rig_push(&rig, "sms", "not even JSON");
    bh_rig_push(&rig, "sms", JOB("plain"));
    bh_rig_push(&rig, "sms",
                "{\"id\":\"late\",\"to\":\"49171999998\",\"text\":\"late\",\"delay\":\"+2s\"}");
    bh_rig_wait_state(&rig, "sms", "bad", "invalid");
    bh_rig_wait_state(&rig, "sms", "late", "sent");
    cr_expect_gt(bh_rig_integer(&rig, "XLEN bellhop:{sms}:events"), 0);

    /* The account is paused and goes on. */
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":\"0\"}}");
    bh_rig_push(&rig, "sms", JOB("poor"));
    expect_line(&rig, " account_paused ");
    bh_rig_wait_state(&rig, "sms", "poor", "held");

    /* A daemon that dies with jobs in hand, and adopts them. */
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":\"100\"}}");
    bh_process_kill(log_of(&rig));
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    expect_line(&rig, "All commands that are needed are permitted.");
    cr_expect_eq(bh_process_count(log_of(&rig), "redis_trouble"), 0);
    bh_process_signal(log_of(&rig), SIGTERM);
    cr_expect(bh_process_wait(log_of(&rig), BH_RIG_WAIT_MS));
    cr_expect_eq(refusals(&rig), 0, "nothing was refused from the start to the end");
    bh_rig_stop(&rig);
}

Test(daemon_redis, adopts_leases_with_the_rights_of_the_readme)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    set_user(&rig, readme_acl(&rig));
    rig.options.redis = as_bellhop;
    static const char *const dies[] = {"BELLHOP_CRASH_POINT=after_claim", NULL};
    bh_rig_start_daemon(&rig, NULL, dies);
    bh_rig_push(&rig, "sms", JOB("a"));
    cr_assert(bh_process_wait(log_of(&rig), BH_RIG_WAIT_MS), "it ends at its crash point");
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:leases"), 1);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    cr_expect_eq(refusals(&rig), 0);
    bh_rig_stop(&rig);
}

Test(daemon_redis, names_the_command_that_it_may_not_give)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    set_user(&rig, "ACL SETUSER bellhop reset on >s3cr3t ~bellhop:* +@all -blmove");
    start_with_redis(&rig, as_bellhop);
    expect_line(&rig, "The Redis user may not give: BLMOVE. README.md shows");
    cr_expect(has_line_with(&rig, " error ", "may not give: BLMOVE"));
    expect_line_with(&rig, " redis_trouble ", "blmove");
    /* Without the blocking wait the queue is asked once a second. */
    send_one(&rig, "a");
    cr_expect_eq(bh_process_count(log_of(&rig), " redis_trouble "), 1,
                 "it is told once, though it happens every second");
    long long refused = info_number(&rig, "commandstats",
                                    "cmdstat_blmove:calls=0,usec=0,"
                                    "usec_per_call=0.00,rejected_calls=");
    cr_expect(refused > 0 && refused < 50, "it is not asked in a circle: %lld times", refused);
    bh_rig_stop(&rig);
}

Test(daemon_redis, tells_what_a_server_before_6_2_lacks)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    options.redis_args = (const char *const[]){"--rename-command", "BLMOVE", "", NULL};
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, NULL);
    expect_line_with(&rig, " redis_trouble ", "it is older than 6.2, or the command was renamed");
    bh_rig_stop(&rig);
}

Test(daemon_redis, waits_slowly_for_a_password_to_be_corrected)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    set_user(&rig, "ACL SETUSER bellhop reset on >other ~* +@all");
    start_with_redis(&rig, as_bellhop);
    expect_line_with(&rig, " error redis_down ", "WRONGPASS");
    expect_line_with(&rig, " redis_down ", "Correct [redis] username and password");
    bh_rig_push(&rig, "sms", JOB("a"));
    expect_no_line(&rig, "s3cr3t");
    /* Each try is a connection: one of the keeper, the watcher, and a worker each; at most some tries a second in all. */
    long long before = connections_taken(&rig);
    bh_sleep_ms(1500);
    cr_expect_leq(connections_taken(&rig) - before, 6, "slowly");

    set_user(&rig, "ACL SETUSER bellhop >s3cr3t");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    expect_line(&rig, " redis_up ");
    bh_rig_stop(&rig);
}

/* ---- what is at risk ---- */

Test(daemon_redis, warns_of_a_server_that_deletes_or_forgets)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    options.redis_args =
        (const char *const[]){"--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", NULL};
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, NULL);
    expect_line_with(&rig, " warn  redis_check topic=eviction", "maxmemory-policy is allkeys-lru");
    expect_line_with(&rig, " warn  redis_check topic=persistence", "keeps nothing over a restart");
    expect_line_with(&rig, " info  redis_check topic=memory", "of maxmemory are in use");
    send_one(&rig, "a");
    bh_rig_stop(&rig);
}

Test(daemon_redis, is_content_with_a_server_that_keeps_everything)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    options.redis_args =
        (const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL};
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, NULL);
    expect_line_with(&rig, " info  redis_check topic=persistence", "on disk before");
    expect_line_with(&rig, " info  redis_check topic=rights", "are permitted");
    expect_no_line(&rig, " warn  redis");
    expect_no_line(&rig, " error ");
    bh_rig_stop(&rig);
}

Test(daemon_redis, waits_for_a_replica_to_be_promoted)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    /* Its master is nobody; it serves what it has, but takes no writes. */
    options.redis_args = (const char *const[]){"--replicaof", "127.0.0.1 1", NULL};
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, NULL);
    expect_line_with(&rig, " error redis_check topic=role", "takes no writes");
    expect_line_with(&rig, " redis_down ", "is a replica");
    freeReplyObject(bh_rig_command(&rig, "REPLICAOF NO ONE"));
    send_one(&rig, "a");
    bh_rig_stop(&rig);
}

/* ---- what the service manager is told ---- */

/* A STATUS=, READY=... that holds `part`; false when the time is up. */
static bool
hears(struct bh_rig *rig, const char *part, int timeout_ms)
{
    char notice[512];
    struct pollfd watched = {.fd = rig->daemons[0].notices, .events = POLLIN};
    long long until = bh_now_ms() + timeout_ms;
    for (long long left = timeout_ms; left > 0; left = until - bh_now_ms()) {
        if (poll(&watched, 1, (int)left) != 1)
            continue;
        ssize_t len = recv(watched.fd, notice, sizeof(notice) - 1, 0);
        notice[len > 0 ? len : 0] = '\0';
        if (strstr(notice, part) != NULL)
            return true;
    }
    return false;
}

static void
expect_notice(struct bh_rig *rig, const char *part)
{
    if (!hears(rig, part, BH_RIG_WAIT_MS))
        bh_rig_fail(rig, "no notice holds: %s", part);
}

Test(daemon_redis, is_ready_without_redis_and_tells_how_it_is)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    options.without_redis = true;
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, NULL); /* returns when READY=1 has come */
    expect_notice(&rig,
                  "STATUS=waiting for the instance's name; Redis away, gateway up, account not "
                  "heard of yet; 0 jobs in hand");
    expect_line_with(&rig, " redis_down ", "next_try=");

    bh_rig_start_redis(&rig);
    expect_notice(&rig, "STATUS=Redis up, gateway up, account open");
    send_one(&rig, "a");
    expect_notice(&rig, "1 sent");

    bh_redis_process_kill(&rig.redis);
    expect_notice(&rig, "STATUS=Redis away");
    bh_rig_disconnect(&rig);
    bh_rig_start_redis(&rig);
    expect_notice(&rig, "STATUS=Redis up");
    BH_RIG_UNTIL(&rig, bh_process_count(log_of(&rig), " redis_up ") == 2);
    bh_rig_stop(&rig);
}

Test(daemon_redis, tells_that_the_account_is_paused)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = one_queue, .sim = "[account]\nbalance = 0\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", JOB("a"));
    expect_notice(&rig, "account paused: credit");
    bh_rig_stop(&rig);
}

Test(daemon_redis, tells_that_it_drains)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = one_queue};
    bh_rig_start(&rig, &options);
    send_one(&rig, "a");
    bh_process_signal(log_of(&rig), SIGTERM);
    expect_notice(&rig, "STOPPING=1");
    expect_notice(&rig, "STATUS=draining");
    bh_rig_stop(&rig);
}

static unsigned
count_notices(struct bh_rig *rig, const char *part, int for_ms)
{
    unsigned count = 0;
    long long until = bh_now_ms() + for_ms;
    for (long long left = for_ms; left > 0; left = until - bh_now_ms())
        count += hears(rig, part, (int)left);
    return count;
}

Test(daemon_redis, feeds_the_watchdog_whatever_redis_does)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    static const char *const watched[] = {"WATCHDOG_USEC=400000", NULL};
    bh_rig_start_daemon(&rig, NULL, watched);
    for (int i = 0; i < 5; i++)
        expect_notice(&rig, "WATCHDOG=1");
    bh_redis_process_pause(&rig.redis);
    for (int i = 0; i < 5; i++)
        expect_notice(&rig, "WATCHDOG=1");
    bh_redis_process_resume(&rig.redis);
    expect_no_line(&rig, "hanging");
    bh_rig_stop(&rig);
}

Test(daemon_redis, does_not_feed_a_watchdog_that_nobody_has)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = one_queue};
    bh_rig_start(&rig, &options);
    cr_expect_eq(count_notices(&rig, "WATCHDOG", 2500), 0);
    bh_rig_stop(&rig);
}

/* ---- moods ---- */

Test(daemon_redis, survives_a_server_that_is_silent_for_longer_than_a_command_may_take)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    options.pool = "workers = 2\n";
    bh_rig_start(&rig, &options);
    start_with_redis(&rig, "command_timeout = 500ms\nconnect_timeout = 500ms\n");
    send_one(&rig, "before");
    bh_redis_process_pause(&rig.redis);
    expect_line_with(&rig, " redis_trouble ", "no reply in time");
    bh_sleep_ms(2000);
    bh_redis_process_resume(&rig.redis);
    send_one(&rig, "after");
    BH_RIG_UNTIL(&rig, hears(&rig, "STATUS=Redis up", 100));
    cr_expect_leq(bh_process_count(log_of(&rig), " redis_trouble "), 8, "told once by each worker");
    bh_rig_stop(&rig);
}

Test(daemon_redis, tells_about_a_server_that_runs_no_script)
{
    struct bh_rig rig;
    struct bh_rig_options options = no_daemon();
    bh_rig_start(&rig, &options);
    /* The login and the survey pass; the first script of the account stops everything behind it. */
    freeReplyObject(bh_rig_command(&rig, "CLIENT PAUSE 100000 WRITE"));
    start_with_redis(&rig, "command_timeout = 300ms\nconnect_timeout = 300ms\n");
    expect_line(&rig, "redis_check topic=rights");
    expect_line_with(&rig, " redis_down ", "no reply in time");
    freeReplyObject(bh_rig_command(&rig, "CLIENT UNPAUSE"));
    send_one(&rig, "a");
    cr_expect_eq(bh_process_count(log_of(&rig), "redis_check topic=role"), 1, "once");
    bh_rig_stop(&rig);
}
