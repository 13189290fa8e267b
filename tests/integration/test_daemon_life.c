/*
 * The daemon's life: servers that are absent, die and come back; reload, drain, kill; several workers and processes.  The gateway
 * counts what it accepted, so that lost and doubled are told apart.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon_rows.h"
#include "support/rig_jobs.h"

#define ALL_MS (3 * BH_RIG_WAIT_MS) /* for all jobs; no measure of speed */

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *const durable[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

/* A port that is free now; whoever binds it next has it. */
static uint16_t
free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* ---- Redis ----------------------------------------------------------------------------------------- */

Test(daemon_life, waits_for_a_redis_that_is_not_there_yet)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_redis = true};
    bh_rig_start(&rig, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "redis_down", BH_RIG_WAIT_MS));
    bh_rig_start_redis(&rig);
    bh_rig_push_jobs(&rig, "sms", "absent", 0, 5);
    bh_rig_expect_all_sent_once(&rig, "sms", "absent", 5, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_life, stops_cleanly_without_redis)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_redis = true};
    bh_rig_start(&rig, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "redis_down", BH_RIG_WAIT_MS));
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    bh_rig_stop(&rig);
}

Test(daemon_life, loses_and_doubles_nothing_when_redis_is_killed, .timeout = 150)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.redis_args = durable,
                                           .pool = "workers = 2\nlease = 10s",
                                           .gateway = "timeout = 5s\nconnect_timeout = 2s",
                                           .sim = "[gateway]\nanswer_delay_ms = 20\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "kill", 0, 800);
    for (int kills = 1; kills <= 3; kills++) {
        BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= kills * 150);
        bh_redis_process_kill(&rig.redis);
        bh_rig_start_redis(&rig);
    }
    bh_rig_expect_all_sent_once(&rig, "sms", "kill", 800, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_life, goes_on_when_redis_was_silent_for_a_while)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.redis = "command_timeout = 1s",
                                           .sim = "[gateway]\nanswer_delay_ms = 20\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "silent", 0, 300);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 50);
    bh_redis_process_pause(&rig.redis);
    cr_expect(bh_process_wait_line(&rig.daemons[0].process, "redis_down", BH_RIG_WAIT_MS));
    bh_redis_process_resume(&rig.redis);
    bh_rig_expect_all_sent_once(&rig, "sms", "silent", 300, ALL_MS);
    bh_rig_stop(&rig);
}

/* ---- the gateway ----------------------------------------------------------------------------------- */

Test(daemon_life, burns_no_attempt_on_a_gateway_that_is_absent, .timeout = 100)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = true, .without_daemon = true};
    bh_rig_start(&rig, &options);
    rig.sim_port = rig.gateway_port = free_port();
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_push_jobs(&rig, "sms", "gone", 0, 100);
    bh_rig_wait_state(&rig, "sms", "gone-0", "held");
    daemon_check_status(&rig, "sms", "gone-0", "gone-0", "reason=gateway_down");
    daemon_check_status(&rig, "sms", "gone-0", "gone-0", "attempts=0");
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "gateway_down", BH_RIG_WAIT_MS));
    bh_rig_start_sim(&rig);
    bh_rig_expect_all_sent_once(&rig, "sms", "gone", 100, ALL_MS);
    for (unsigned i = 0; i < 100; i++)
        daemon_check_status(&rig, "sms", bh_rig_text(&rig, "gone-%u", i), "gone", "attempts=1");
    bh_rig_stop(&rig);
}

/* ---- reload ---------------------------------------------------------------------------------------- */

Test(daemon_life, reloads_under_load_all_or_nothing)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.sim = "[gateway]\nanswer_delay_ms = 10\n",
                                     .gateway = "max_connections = 4"};
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "reload", 0, 400);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 40);

    options.queues = "[queue sms]\ntype = sms\n[queue voice]\ntype = voice\n[queue new]\ntype = "
                     "sms\nwieght = 2\n";
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "reload_refused", BH_RIG_WAIT_MS));
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "did you mean"), 1, "and it says why");
    bh_rig_push_jobs(&rig, "new", "reload", 400, 420);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 120);
    cr_expect_eq(bh_rig_integer(&rig, "LLEN bellhop:{new}"), 20,
                 "nothing of the bad one is in force");

    options.queues = "[queue sms]\ntype = sms\n[queue voice]\ntype = voice\n[queue new]\ntype = "
                     "sms\nweight = 2\n";
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "reloaded", BH_RIG_WAIT_MS));
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "new") == 0);
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "sms") == 0);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 420);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "foreign_ids_doubled_count"), 0);

    /* Gone from the configuration, left alone in Redis. */
    options.queues = NULL;
    bh_rig_reload(&rig, 0, &options);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, "reloaded", BH_RIG_WAIT_MS));
    bh_rig_push_jobs(&rig, "new", "left", 0, 5);
    bh_rig_push_jobs(&rig, "sms", "after", 0, 5);
    for (unsigned i = 0; i < 5; i++)
        bh_rig_wait_state(&rig, "sms", bh_rig_text(&rig, "after-%u", i), "sent");
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 425);
    cr_expect_eq(bh_rig_unfinished(&rig, "new"), 5);
    bh_rig_stop(&rig);
}

Test(daemon_life, survives_many_reloads)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.sim = "[gateway]\nanswer_delay_ms = 5\n",
                                     .pool = "workers = 2"};
    bh_rig_start(&rig, &options);
    for (unsigned i = 0; i < 30; i++) {
        bh_rig_push_jobs(&rig, "sms", "many", i * 20, i * 20 + 20);
        options.queues = i % 2 == 0 ? "[queue sms]\nconcurrency = 8\n[queue b]\n"
                                    : "[queue a]\n[queue sms]\nrate = 0\n";
        options.gateway = i % 3 == 0 ? "max_connections = 2" : "max_connections = 16";
        bh_rig_reload(&rig, 0, &options);
        cr_assert(bh_process_wait_line(&rig.daemons[0].process, "reloaded", BH_RIG_WAIT_MS), "%u",
                  i);
    }
    bh_rig_expect_all_sent_once(&rig, "sms", "many", 600, ALL_MS);
    bh_rig_stop(&rig);
}

/* ---- the end --------------------------------------------------------------------------------------- */

Test(daemon_life, drains_under_load)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "workers = 2\ndrain_timeout = 15s",
                                           .sim = "[gateway]\nanswer_delay_ms = 200\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", "drain", 0, 300);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 20);
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], 15000), 0);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:leases"), 0, "nothing is left in hand");
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "in_flight"), 0);
    long long sent = bh_rig_sim_number(&rig, "stats", "accepted");
    cr_expect_lt(sent, 300);
    cr_expect_eq(bh_rig_unfinished(&rig, "sms"), 300 - sent,
                 "what was accepted is settled, the rest waits");
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    bh_rig_expect_all_sent_once(&rig, "sms", "drain", 300, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_life, ends_at_once_at_the_second_signal)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "drain_timeout = 5m",
                                           .gateway = "timeout = 25s"};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"hang\",\"at\":\"after\",\"match\":{\"path\":\"/api/sms\"}}");
    bh_rig_push_jobs(&rig, "sms", "twice", 0, 1);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 1);
    bh_process_signal(&rig.daemons[0].process, SIGTERM);
    cr_assert(bh_process_wait_line(&rig.daemons[0].process, " drain ", BH_RIG_WAIT_MS));
    cr_expect(bh_process_is_running(&rig.daemons[0].process), "it waits for the answer");
    bh_process_signal(&rig.daemons[0].process, SIGTERM);
    cr_assert(bh_process_wait(&rig.daemons[0].process, 10000));
    cr_expect_eq(rig.daemons[0].process.end, 0);
    bh_rig_stop(&rig);
}

Test(daemon_life, ends_when_the_drain_has_lasted_long_enough)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "drain_timeout = 1s",
                                           .gateway = "timeout = 25s"};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"hang\",\"at\":\"after\",\"match\":{\"path\":\"/api/sms\"}}");
    bh_rig_push_jobs(&rig, "sms", "long", 0, 1);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 1);
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], 15000), 0);
    cr_expect_gt(bh_process_count(&rig.daemons[0].process, "drain_timeout"), 0);
    bh_rig_stop(&rig);
}

/* Killed at each interesting place, at the third job; the same instance comes back and takes up its leases. */
static const char *const crash_points[] = {"after_claim",    "after_admit:3",   "before_send:3",
                                           "after_answer:3", "before_finish:3", "after_finish:3"};

Test(daemon_life, loses_nothing_wherever_it_is_killed, .timeout = 200)
{
    for (size_t i = 0; i < COUNT(crash_points); i++) {
        struct bh_rig rig;
        const struct bh_rig_options options = {
            .without_daemon = true,
            .gateway = "reload_lock = 12s\ntimeout = 2s\nconnect_timeout = 1s",
            .pool = "lease = 5s",
            .redis = "command_timeout = 2s",
            .sim = "[lock]\nseconds = 12\n",
        };
        bh_rig_start(&rig, &options);
        bh_rig_push_jobs(&rig, "sms", "crash", 0, 8);
        const char *environment[] = {bh_rig_text(&rig, "BELLHOP_CRASH_POINT=%s", crash_points[i]),
                                     NULL};
        struct bh_daemon *daemon = bh_rig_start_daemon(&rig, NULL, environment);
        cr_assert(bh_process_wait(&daemon->process, BH_RIG_WAIT_MS), "%s was passed",
                  crash_points[i]);
        cr_assert_eq(daemon->process.end, -SIGKILL, "%s: %d", crash_points[i], daemon->process.end);
        bh_rig_restart_daemon(&rig, daemon);
        bh_rig_expect_all_sent_once(&rig, "sms", "crash", 8, ALL_MS);
        bh_rig_stop(&rig);
    }
}

Test(daemon_life, hands_the_jobs_of_a_killed_process_to_another, .timeout = 100)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .gateway = "reload_lock = 20s\ntimeout = 2s\nconnect_timeout = 1s",
        .pool = "lease = 5s",
        .redis = "command_timeout = 2s",
        .sim = "[lock]\nseconds = 20\n[gateway]\nanswer_delay_ms = 20\n",
    };
    bh_rig_start(&rig, &options);
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_push_jobs(&rig, "sms", "other", 0, 400);
    BH_RIG_UNTIL(&rig, bh_rig_accepted_in_all(&rig) >= 50);
    bh_process_kill(&rig.daemons[0].process);
    bh_rig_expect_all_sent_once(&rig, "sms", "other", 400, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_life, refuses_a_second_process_of_the_same_instance)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "instance = same"};
    bh_rig_start(&rig, &options);
    struct bh_daemon second;
    bh_daemon_init(&second);
    bh_daemon_configure(&second, bh_rig_config(&rig, NULL, 1));
    /* What never came to life is not taken down; the leak checker need not look. */
    const char *environment[] = {"ASAN_OPTIONS=detect_leaks=0", NULL};
    bh_daemon_start(&second, environment);
    cr_assert(bh_process_wait(&second.process, BH_RIG_WAIT_MS));
    cr_expect_eq(second.process.end, 4);
    cr_expect_eq(bh_process_count(&second.process, "another bellhopd"), 1);
    bh_daemon_release(&second);
    bh_rig_stop(&rig);
}

/* ---- many ------------------------------------------------------------------------------------------ */

Test(daemon_life, accepts_a_flood_once_with_two_processes_of_two_workers, .timeout = 150)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "workers = 2"};
    bh_rig_start(&rig, &options);
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_push_jobs(&rig, "sms", "flood", 0, 2000);
    bh_rig_expect_all_sent_once(&rig, "sms", "flood", 2000, ALL_MS);
    for (unsigned i = 0; i < 2; i++)
        cr_expect_gt(bh_process_count(&rig.daemons[i].process, " sent "), 0,
                     "both had their share");
    bh_rig_stop(&rig);
}

Test(daemon_life, shares_by_weight_and_lets_strict_queues_go_first)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true,
        .without_daemon = true,
        .pool = "concurrency = 1",
        .queues =
            "[queue otp]\nstrict = yes\n[queue heavy]\nweight = 3\n[queue light]\nweight = 1\n",
    };
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "light", "light", 0, 60);
    bh_rig_push_jobs(&rig, "heavy", "heavy", 100, 160);
    bh_rig_push_jobs(&rig, "otp", "otp", 200, 210);
    bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL(&rig, bh_tap_count(rig.tap, NULL, NULL) >= 130);
    unsigned heavy = 0, seen = 0, otp = 0;
    for (unsigned i = 0; seen < 50; i++) {
        const struct bh_tap_request *request = bh_tap_find(rig.tap, NULL, NULL, i);
        cr_assert_not_null(request);
        char *text = bh_tap_form(request, "text", NULL);
        if (text != NULL) {
            seen++;
            heavy += strncmp(text, "heavy", 5) == 0;
            otp += seen <= 10 && strncmp(text, "otp", 3) == 0;
        }
        free(text);
    }
    cr_expect_eq(otp, 10, "of the first ten");
    cr_expect(heavy >= 25 && heavy <= 35, "%u of 40", heavy);
    bh_rig_stop(&rig);
}

/* ---- what is no job -------------------------------------------------------------------------------- */

Test(daemon_life, sends_an_id_only_once)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{\"id\":\"same\",\"to\":\"491719990700\",\"text\":\"first\"}");
    bh_rig_wait_state(&rig, "sms", "same", "sent");
    long long updated = bh_rig_number(&rig, "sms", "same", "updated_at");
    bh_rig_push(&rig, "sms", "{\"id\":\"same\",\"to\":\"491719990701\",\"text\":\"second\"}");
    bh_rig_push(&rig, "sms", "{\"id\":\"same\",\"broken\":1}");
    bh_rig_push(&rig, "sms", "{\"id\":\"next\",\"to\":\"491719990702\",\"text\":\"third\"}");
    bh_rig_wait_state(&rig, "sms", "next", "sent");
    BH_RIG_UNTIL(&rig, bh_rig_unfinished(&rig, "sms") == 0);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 2);
    cr_expect_null(bh_tap_find(rig.tap, "text", "second", 0));
    daemon_check_status(&rig, "sms", "same", "same", "state=sent");
    cr_expect_eq(bh_rig_number(&rig, "sms", "same", "updated_at"), updated,
                 "its status stays as it is");
    bh_rig_stop(&rig);
}

struct bytes {
    const char *name, *bytes;
    size_t len;
};

#define BYTES(name, text)                                                                          \
    {                                                                                              \
        name, text, sizeof(text) - 1                                                               \
    }

static const struct bytes nonsense[] = {
    BYTES("nothing", ""),
    BYTES("a word", "hello"),
    BYTES("an array", "[1,2]"),
    BYTES("cut", "{\"id\":\"cut\",\"to\":\"49171"),
    BYTES("two objects", "{\"to\":\"491719990710\",\"text\":\"x\"}{}"),
    BYTES("no UTF-8", "{\"to\":\"491719990711\",\"text\":\"\xff\xfe\"}"),
    BYTES("a NUL byte", "{\"to\":\"491719990712\",\0\"text\":\"x\"}"),
    BYTES("a NUL escape", "{\"to\":\"491719990713\",\"text\":\"a\\u0000b\"}"),
    BYTES("half a surrogate pair", "{\"to\":\"491719990714\",\"text\":\"\\ud83d\"}"),
    BYTES("a name twice", "{\"to\":\"491719990715\",\"text\":\"x\",\"text\":\"y\"}"),
    BYTES("binary", "\x00\x01\x02\xff\xfe\x80"),
};

static bool
is_kept(struct bh_rig *rig, const struct bytes *wanted)
{
    redisReply *reply = bh_rig_command(rig, "HVALS bellhop:{sms}:jobs");
    bool kept = false;
    for (size_t i = 0; i < reply->elements; i++)
        kept = kept || (reply->element[i]->len == wanted->len &&
                        memcmp(reply->element[i]->str, wanted->bytes, wanted->len) == 0);
    freeReplyObject(reply);
    return kept;
}

Test(daemon_life, keeps_nonsense_byte_for_byte_and_sends_what_stands_between)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    for (unsigned i = 0; i < COUNT(nonsense); i++) {
        bh_rig_push_bytes(&rig, "sms", nonsense[i].bytes, nonsense[i].len);
        bh_rig_push_jobs(&rig, "sms", "between", i, i + 1);
    }
    bh_rig_expect_all_sent_once(&rig, "sms", "between", COUNT(nonsense), ALL_MS);
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead"), COUNT(nonsense));
    for (size_t i = 0; i < COUNT(nonsense); i++)
        cr_expect(is_kept(&rig, &nonsense[i]), "%s", nonsense[i].name);
    bh_rig_stop(&rig);
}

Test(daemon_life, refuses_jobs_that_are_too_large)
{
    static const struct {
        const char *id, *before, *after, *state;
        size_t filling;
    } rows[] = {
        {"large", "\"meta\":{\"x\":\"",                         "\"}",  "invalid", 70 * 1024 },
        {"meta",  "\"meta\":{\"x\":\"",                         "\"}",  "invalid", 5 * 1024  },
        {"small", "\"meta\":{\"x\":\"",                         "\"}",  "sent",    3 * 1024  },
        {"file",  "\"files\":[{\"name\":\"f\",\"contents\":\"", "\"}]", "sent",    200 * 1024},
        {"huge",  "\"files\":[{\"name\":\"f\",\"contents\":\"", "\"}]", NULL,
         9 * 1024 * 1024                                                                     }, /* no id is looked for in so much */
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *filling = malloc(rows[i].filling + 1);
        memset(filling, 'A', rows[i].filling);
        filling[rows[i].filling] = '\0';
        bh_rig_push(
            &rig, "sms",
            bh_rig_text(&rig,
                        "{\"id\":\"%s\",\"to\":\"491719990720\",\"text\":\"%s [[f]]\",%s%s%s}",
                        rows[i].id, rows[i].id, rows[i].before, filling, rows[i].after));
        free(filling);
    }
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].state != NULL)
            bh_rig_wait_state(&rig, "sms", rows[i].id, rows[i].state);
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead") == 3);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 2);
    bh_rig_stop(&rig);
}

/* ---- starting -------------------------------------------------------------------------------------- */

Test(daemon_life, says_all_that_is_wrong_with_a_configuration)
{
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    bh_daemon_configure(
        &daemon,
        "[gateway]\napi_key = x\ntimeuot = 5s\n[pool]\nworkers = 0\n[queue UPPER]\ntype = fax\n");
    cr_expect_eq(bh_daemon_run(&daemon, "--check-config"), 3);
    static const char *const wanted[] = {"bellhop.ini:3", "did you mean", "bellhop.ini:5",
                                         "bellhop.ini:6"};
    for (size_t i = 0; i < COUNT(wanted); i++)
        cr_expect_gt(bh_process_count(&daemon.process, wanted[i]), 0, "%s", wanted[i]);
    bh_daemon_start(&daemon, NULL);
    cr_assert(bh_process_wait(&daemon.process, BH_RIG_WAIT_MS));
    cr_expect_eq(daemon.process.end, 3);
    bh_daemon_configure(&daemon, "[gateway]\napi_key = secret-key-77\n[queue sms]\ntype = sms\n");
    cr_expect_eq(bh_daemon_run(&daemon, "--check-config"), 0);
    cr_expect_eq(bh_daemon_run(&daemon, "--print-config"), 0);
    cr_expect_eq(bh_process_count(&daemon.process, "secret-key-77"), 0, "secrets are masked");
    cr_expect_eq(bh_daemon_run(&daemon, "--no-such-option"), 2);
    bh_daemon_release(&daemon);
}

Test(daemon_life, hides_numbers_and_texts_in_its_log)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.log = "mask = yes\nlevel = debug"};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms",
                "{\"id\":\"good\",\"to\":\"491719876543\",\"text\":\"confidential words\"}");
    bh_rig_push(&rig, "sms",
                "{\"id\":\"bad\",\"to\":\"491719876543\",\"text\":\"confidential "
                "words\",\"from\":\"confidential sender\"}");
    bh_rig_wait_state(&rig, "sms", "good", "sent");
    bh_rig_wait_state(&rig, "sms", "bad", "invalid");
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "confidential"), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "1719876543"), 0);
    cr_expect_eq(bh_process_count(&rig.daemons[0].process, "sim-live-key"), 0);
    bh_rig_stop(&rig);
}
