/* bellhopd and its configuration: options, exit codes, environment, reload, and what its log does not tell. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "support/rig.h"

TestSuite(daemon_config, .timeout = 120);

#define ARGS_MAX 6

static const char *
program(void)
{
    const char *name = getenv("BELLHOP_TEST_DAEMON");
    return name != NULL && name[0] != '\0' ? name : BH_TEST_DAEMON_PROGRAM;
}

/* What a run wrote, in a buffer of this function. */
static const char *
output_of(const struct bh_process *process)
{
    static char text[256 * 1024];
    FILE *file = fopen(process->log, "r");
    size_t len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[len] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

/* Run to the end with "@" standing for the configuration's path; the exit code. */
static int
run(struct bh_daemon *daemon, const char *const *args, const char *const *environment)
{
    const char *argv[ARGS_MAX + 2] = {program()};
    for (size_t i = 0; i < ARGS_MAX && args[i] != NULL; i++)
        argv[i + 1] = strcmp(args[i], "@") == 0 ? daemon->config : args[i];
    unlink(daemon->process.log);
    bh_process_start(&daemon->process, argv, environment);
    cr_assert(bh_process_wait(&daemon->process, BH_RIG_WAIT_MS), "it does not end");
    return daemon->process.end;
}

#define GOOD                                                                                       \
    "[redis]\nurl = redis://127.0.0.1:1/0\n[gateway]\nurl = http://127.0.0.1:1/api\n"              \
    "api_key = k\n[queue sms]\n"

/* ---- options and exit codes ---- */

Test(daemon_config, answers_each_option_with_its_exit_code)
{
    struct row {
        const char *name, *config;
        const char *args[ARGS_MAX];
        int wanted;
        const char *part;
    };
    static const struct row rows[] = {
        {"help",                        GOOD,          {"--help"},                                0, "usage: bellhopd"              },
        {"help, short",                 GOOD,          {"-h"},                                    0, "Exit codes: 0 "               },
        {"version",                     GOOD,          {"--version"},                             0, "bellhopd 0."                  },
        {"help needs no configuration", GOOD,          {"--config", "/nonexistent", "--help"},    0, "usage:"                       },
        {"example",                     GOOD,          {"--print-example"},                       0, "[queue "                      },
        {"example needs none",          GOOD,          {"-c", "/nonexistent", "--print-example"}, 0, "[redis]"                      },
        {"good",                        GOOD,          {"--config", "@", "--check-config"},       0, "the configuration is good"    },
        {"good, short",                 GOOD,          {"-c", "@", "--check-config"},             0, "the configuration is good"    },
        {"print",                       GOOD,          {"-c", "@", "--print-config"},             0, "url = http://127.0.0.1:1/api" },
        {"warnings do not refuse",
         GOOD "[queue more]\nbundle = 5\n",
         {"-c", "@", "--check-config"},
         0,                                                                                          "warning: [queue more] bundle" },
        {"unknown option",              GOOD,          {"--frobnicate"},                          2, "usage: bellhopd"              },
        {"unknown short option",        GOOD,          {"-x"},                                    2, "usage: bellhopd"              },
        {"an argument too many",        GOOD,          {"-c", "@", "start"},                      2, "unexpected argument \"start\""},
        {"no file named",               GOOD,          {"--config"},                              2, "usage: bellhopd"              },
        {"a value where none belongs",  GOOD,          {"--check-config=yes"},                    2, "usage: bellhopd"              },
        {"bad",                         "[gateway]\n", {"-c", "@", "--check-config"},             3, "the configuration is refused" },
        {"bad, print",                  "[gateway]\n", {"-c", "@", "--print-config"},             3, "error:"                       },
        {"bad, run",                    "[gateway]\n", {"-c", "@"},                               3, "the configuration is refused" },
        {"empty",                       "",            {"-c", "@"},                               3, "error:"                       },
        {"no such file",                GOOD,          {"-c", "/nonexistent/b.ini"},              3, "/nonexistent/b.ini: error:"   },
        {"no such file, what to do",
         GOOD,                                         {"-c", "/nonexistent/b.ini"},
         3,                                                                                          "--print-example prints"       },
        {"a directory",                 GOOD,          {"-c", "/tmp"},                            3, "not a regular file"           },
        {"a device",                    GOOD,          {"-c", "/dev/zero"},                       3, "not a regular file"           },
    };
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_daemon_configure(&daemon, rows[i].config);
        int code = run(&daemon, rows[i].args, NULL);
        const char *output = output_of(&daemon.process);
        cr_expect_eq(code, rows[i].wanted, "%s: %d\n%s", rows[i].name, code, output);
        cr_expect_not_null(strstr(output, rows[i].part), "%s: no \"%s\" in\n%s", rows[i].name,
                           rows[i].part, output);
    }
    bh_daemon_release(&daemon);
}

Test(daemon_config, notices_that_its_output_could_not_be_written)
{
    static const char *const rows[][ARGS_MAX] = {
        {"--print-example"},
        { "-c", "@", "--print-config"},
    };
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    bh_daemon_configure(&daemon, GOOD);
    for (size_t i = 0; i < 2; i++) {
        const char *argv[] = {program(), rows[i][0], NULL, NULL, NULL};
        if (rows[i][1] != NULL) {
            argv[2] = daemon.config;
            argv[3] = rows[i][2];
        }
        snprintf(daemon.process.log, sizeof(daemon.process.log), "/dev/full");
        bh_process_start(&daemon.process, argv, NULL);
        cr_assert(bh_process_wait(&daemon.process, BH_RIG_WAIT_MS));
        cr_expect_eq(daemon.process.end, 1, "%s: %d", rows[i][0], daemon.process.end);
    }
    bh_daemon_release(&daemon);
}

Test(daemon_config, prints_the_example_that_stands_in_the_sources)
{
    static char wanted[256 * 1024];
    FILE *file = fopen(BH_TEST_EXAMPLE, "r");
    cr_assert_not_null(file);
    wanted[fread(wanted, 1, sizeof(wanted) - 1, file)] = '\0';
    fclose(file);
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    cr_expect_eq(run(&daemon, (const char *const[]){"--print-example", NULL}, NULL), 0);
    cr_expect_str_eq(output_of(&daemon.process), wanted);
    bh_daemon_release(&daemon);
}

Test(daemon_config, says_all_that_is_wrong_at_once_with_file_and_line)
{
    static const char bad[] = "[redis]\n"          /* 1 */
                              "url = ftp://x\n"    /* 2 */
                              "prefx = a\n"        /* 3 */
                              "[gateway]\n"        /* 4 */
                              "api_key = k\n"      /* 5 */
                              "timeout = 20\n"     /* 6: no unit */
                              "api_key = l\n"      /* 7: twice */
                              "[gatway]\n"         /* 8 */
                              "[queue SMS]\n"      /* 9 */
                              "[queue sms]\n"      /* 10 */
                              "retry = 5s,, 10s\n" /* 11 */
                              "what is this\n";    /* 12 */
    static const int lines[] = {2, 3, 6, 7, 8, 9, 11, 12};
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    bh_daemon_configure(&daemon, bad);
    cr_expect_eq(run(&daemon, (const char *const[]){"-c", "@", "--check-config", NULL}, NULL), 3);
    const char *output = output_of(&daemon.process);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char mark[160];
        snprintf(mark, sizeof(mark), "%s:%d", daemon.config, lines[i]);
        const char *found = strstr(output, mark);
        cr_expect(found != NULL && strstr(found, "error: ") != NULL, "nothing about line %d:\n%s",
                  lines[i], output);
    }
    cr_expect_not_null(strstr(output, "did you mean"), "%s", output);
    bh_daemon_release(&daemon);
}

/* ---- secrets and environment ---- */

Test(daemon_config, prints_no_secret)
{
    static const char config[] =
        "[redis]\nurl = redis://u:hush-1@127.0.0.1:1/0\n[gateway]\napi_key = hush-2\n"
        "signing_key = hush-3\n[http]\nadmin_token = hush-4\nwebhook_token = hush-5\n[queue sms]\n";
    static const char *const environment[] = {"BELLHOP_HTTP_ADMIN_TOKEN=hush-6",
                                              "BELLHOP_GATEWAY_SIGNING_KEY=hush-7", NULL};
    static const char *const modes[] = {"--print-config", "--check-config"};
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    bh_daemon_configure(&daemon, config);
    for (size_t i = 0; i < 2; i++) {
        int code = run(&daemon, (const char *const[]){"-c", "@", modes[i], NULL},
                       i == 0 ? environment : NULL);
        const char *output = output_of(&daemon.process);
        cr_expect_eq(code, 0, "%s", output);
        cr_expect_null(strstr(output, "hush-"), "%s: %s", modes[i], output);
    }
    cr_expect_eq(run(&daemon, (const char *const[]){"-c", "@", "--print-config", NULL}, NULL), 0);
    cr_expect_not_null(strstr(output_of(&daemon.process), "api_key = ********"));
    bh_daemon_release(&daemon);
}

Test(daemon_config, takes_values_from_the_environment)
{
    struct row {
        const char *name;
        const char *environment[3];
        int wanted;
        const char *part;
    };
    static const struct row rows[] = {
        {"a number",
         {"BELLHOP_POOL_WORKERS=3"},
         0,                                                                                      "# environment variable BELLHOP_POOL_WORKERS\nworkers = 3\n"              },
        {"of a queue",
         {"BELLHOP_QUEUE_SMS_TTL=3h"},
         0,                                                                                      "# environment variable BELLHOP_QUEUE_SMS_TTL\nttl = 3h\n"                },
        {"over the file",
         {"BELLHOP_GATEWAY_URL=http://127.0.0.1:2/x"},
         0,                                                                                      "# environment variable BELLHOP_GATEWAY_URL\nurl = http://127.0.0.1:2/x\n"},
        {"two",                       {"BELLHOP_LOG_LEVEL=debug", "BELLHOP_LOG_FORMAT=json"}, 0, "format = json\n"                                                         },
        {"not a number",              {"BELLHOP_POOL_WORKERS=three"},                         3, "BELLHOP_POOL_WORKERS: error:"                                            },
        {"out of range",              {"BELLHOP_POOL_WORKERS=0"},                             3, "BELLHOP_POOL_WORKERS: error:"                                            },
        {"an unknown key",            {"BELLHOP_POOL_WROKERS=1"},                             0, "BELLHOP_POOL_WROKERS: warning:"                                          },
        {"a queue that is not there",
         {"BELLHOP_QUEUE_FAX_TTL=3h"},
         0,                                                                                      "BELLHOP_QUEUE_FAX_TTL: warning:"                                         },
    };
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    bh_daemon_configure(&daemon, GOOD);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int code = run(&daemon, (const char *const[]){"-c", "@", "--print-config", NULL},
                       rows[i].environment);
        const char *output = output_of(&daemon.process);
        cr_expect_eq(code, rows[i].wanted, "%s: %d\n%s", rows[i].name, code, output);
        cr_expect_not_null(strstr(output, rows[i].part), "%s:\n%s", rows[i].name, output);
    }
    bh_daemon_release(&daemon);
}

Test(daemon_config, takes_the_files_place_from_the_environment)
{
    struct bh_daemon daemon;
    char variable[128];
    bh_daemon_init(&daemon);
    bh_daemon_configure(&daemon, GOOD);
    snprintf(variable, sizeof(variable), "BELLHOP_CONFIG=%s", daemon.config);
    const char *const environment[] = {variable, NULL};
    cr_expect_eq(run(&daemon, (const char *const[]){"--check-config", NULL}, environment), 0);
    cr_expect_eq(run(&daemon, (const char *const[]){"-c", "/nonexistent", "--check-config", NULL},
                     environment),
                 3, "the option wins");
    bh_daemon_release(&daemon);
}

/* ---- at work ---- */

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
send_one(struct bh_rig *rig, const char *queue, const char *id)
{
    bh_rig_push(
        rig, queue,
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"49171999999\",\"text\":\"hi %s\"}", id, id));
    bh_rig_wait_state(rig, queue, id, "sent");
}

Test(daemon_config, reads_the_key_from_a_file)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_daemon = true};
    bh_rig_start(&rig, &options);
    const char *path = bh_rig_text(&rig, "%s/key", rig.dir);
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL && fputs("sim-live-key\n", file) >= 0 && fclose(file) == 0);
    bh_daemon_init(&rig.daemons[0]);
    rig.daemons_count = 1;
    bh_daemon_configure(&rig.daemons[0],
                        bh_rig_text(&rig,
                                    "[redis]\nurl = %s\n[gateway]\nurl = http://127.0.0.1:%u/api\n"
                                    "api_key_file = %s\n[queue sms]\n",
                                    rig.redis.url, (unsigned)rig.sim_port, path));
    bh_daemon_start(&rig.daemons[0], NULL);
    send_one(&rig, "sms", "a");
    bh_rig_stop(&rig);
}

/* Whether the simulator's own port is free just now. */
static bool
port_is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    bool is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return is_free;
}

Test(daemon_config, the_example_runs_as_it_stands)
{
    static char example[256 * 1024];
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_daemon = true, .without_sim = true};
    bh_rig_start(&rig, &options);
    /* Where the port is taken, the environment leads to another one. */
    rig.sim_port = port_is_free(7077) ? 7077 : 0;
    bh_rig_start_sim(&rig);
    const char *const environment[] = {
        bh_rig_text(&rig, "BELLHOP_REDIS_URL=%s", rig.redis.url),
        rig.sim_port == 7077 ? NULL
                             : bh_rig_text(&rig, "BELLHOP_GATEWAY_URL=http://127.0.0.1:%u/api",
                                           (unsigned)rig.sim_port),
        NULL,
    };
    FILE *file = fopen(BH_TEST_EXAMPLE, "r");
    cr_assert_not_null(file);
    example[fread(example, 1, sizeof(example) - 1, file)] = '\0';
    fclose(file);
    bh_daemon_init(&rig.daemons[0]);
    rig.daemons_count = 1;
    bh_daemon_configure(&rig.daemons[0], example);
    bh_daemon_start(&rig.daemons[0], environment);
    send_one(&rig, "sms", "a");
    bh_rig_push(&rig, "voice", "{\"id\":\"v\",\"to\":\"49171999999\",\"text\":\"hi\"}");
    bh_rig_wait_state(&rig, "voice", "v", "sent");
    cr_expect_eq(bh_process_count(log_of(&rig), " warn  config "), 0, "it draws no warning");
    bh_rig_stop(&rig);
}

Test(daemon_config, refuses_an_instance_that_is_at_work_already)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = "[queue sms]\n"};
    bh_rig_start(&rig, &options);
    struct bh_daemon second;
    bh_daemon_init(&second);
    bh_daemon_configure(&second, bh_rig_config(&rig, NULL, 0));
    bh_daemon_start(&second, NULL);
    cr_expect_not(bh_daemon_wait_ready(&second, BH_RIG_WAIT_MS),
                  "it must not say that it is ready");
    cr_assert(bh_process_wait(&second.process, BH_RIG_WAIT_MS));
    cr_expect_eq(second.process.end, 4);
    cr_expect_eq(bh_process_count(&second.process, "already works as instance \\\"one\\\""), 1);
    cr_expect_eq(bh_process_count(&second.process, " not_started "), 1);
    send_one(&rig, "sms", "a");

    /* Under another name, or another prefix, it may. */
    bh_daemon_configure(&second, bh_rig_config(&rig, NULL, 1));
    bh_daemon_start(&second, NULL);
    cr_expect(bh_daemon_wait_ready(&second, BH_RIG_WAIT_MS));
    cr_expect_eq(bh_daemon_stop(&second, BH_RIG_WAIT_MS), 0);
    struct bh_rig_options other = options;
    other.redis = "prefix = other\n";
    bh_daemon_configure(&second, bh_rig_config(&rig, &other, 0));
    bh_daemon_start(&second, NULL);
    cr_expect(bh_daemon_wait_ready(&second, BH_RIG_WAIT_MS));
    cr_expect_eq(bh_daemon_stop(&second, BH_RIG_WAIT_MS), 0);
    bh_daemon_release(&second);

    /* The name is free as soon as its process is gone, however it went. */
    bh_process_kill(log_of(&rig));
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    send_one(&rig, "sms", "b");
    bh_rig_stop(&rig);
}

Test(daemon_config, tells_why_it_cannot_start)
{
    struct row {
        const char *name, *config, *part;
        int wanted;
    };
    static const struct row rows[] = {
        {"no such authority",
         "[redis]\nurl = rediss://127.0.0.1:1\ntls_ca = /nonexistent/ca.pem\n[gateway]\n"
         "url = http://127.0.0.1:1/api\napi_key = k\n[pool]\ninstance = lonely\n[queue sms]\n", "/nonexistent/ca.pem",   1},
        {"a sentinel",
         "[redis]\nurl = redis+sentinel://127.0.0.1:1/main/0\n[gateway]\n"
         "url = http://127.0.0.1:1/api\napi_key = k\n[pool]\ninstance = lonely\n[queue sms]\n", "one Redis server only", 3},
    };
    struct bh_daemon daemon;
    bh_daemon_init(&daemon);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_daemon_configure(&daemon, rows[i].config);
        int code = run(&daemon, (const char *const[]){"-c", "@", NULL}, NULL);
        const char *output = output_of(&daemon.process);
        cr_expect_eq(code, rows[i].wanted, "%s: %d\n%s", rows[i].name, code, output);
        cr_expect_not_null(strstr(output, rows[i].part), "%s:\n%s", rows[i].name, output);
    }
    bh_daemon_release(&daemon);
}

/* ---- reload ---- */

Test(daemon_config, a_bad_file_is_refused_as_a_whole)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = "[queue sms]\n"};
    struct bh_rig_options bad = options;
    bh_rig_start(&rig, &options);
    send_one(&rig, "sms", "a");
    bad.queues = "[queue sms]\nttl = 1\n[queue more]\n";
    bad.log = "level = error\n";
    bh_rig_reload(&rig, 0, &bad);
    expect_line(&rig, " error reload_refused ");
    cr_expect_eq(bh_process_count(log_of(&rig), " error config where="), 1);
    cr_expect_eq(bh_process_count(log_of(&rig), "bellhop.ini:"), 1, "the error");
    cr_expect_eq(bh_process_count(log_of(&rig), "config_changed"), 0);
    send_one(&rig, "sms", "b");
    expect_line(&rig, " info  sent ");
    bh_rig_push(&rig, "more", "{\"id\":\"x\",\"to\":\"49171999999\",\"text\":\"x\"}");

    /* Nothing at all is as bad, and the good one repairs it. */
    bh_process_set_mark(log_of(&rig));
    unlink(rig.daemons[0].config);
    bh_process_signal(log_of(&rig), SIGHUP);
    expect_line(&rig, " error reload_refused ");
    send_one(&rig, "sms", "c");
    cr_expect_eq(bh_rig_integer(&rig, "LLEN bellhop:{more}"), 1, "a refused queue is not served");

    bad.queues = "[queue sms]\n[queue more]\n";
    bad.log = NULL;
    bh_rig_reload(&rig, 0, &bad);
    expect_line(&rig, " info  reloaded ");
    bh_rig_wait_state(&rig, "more", "x", "sent");
    bh_rig_stop(&rig);
}

/* As when a file is changed and the daemon told so while it still starts: the signal must neither end it nor be lost. */
Test(daemon_config, a_reload_may_be_asked_for_before_the_daemon_listens)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_daemon = true};
    bh_rig_start(&rig, &options);
    const char *path = bh_rig_text(&rig, "%s/bellhopd", rig.dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    /* Held back by the mask that a process inherits, it waits until the daemon lets it in. */
    fprintf(
        file,
        "#!/bin/sh\nexec env --block-signal=HUP sh -c 'kill -HUP $$; exec %s \"$@\"' sh \"$@\"\n",
        BH_TEST_DAEMON_PROGRAM);
    fclose(file);
    cr_assert_eq(chmod(path, 0700), 0);
    setenv("BELLHOP_TEST_DAEMON", path, 1);
    bh_rig_start_daemon(&rig, NULL, NULL);
    expect_line(&rig, " info  reloaded ");
    send_one(&rig, "sms", "a");
    cr_expect_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    bh_rig_stop(&rig);
}

Test(daemon_config, a_reload_brings_levels_queues_and_formats)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.queues = "[queue sms]\n", .log = "level = error\n"};
    bh_rig_start(&rig, &options);
    send_one(&rig, "sms", "a");
    cr_expect_eq(bh_process_count(log_of(&rig), " sent "), 0);
    options.log = "level = info\n";
    options.queues = "[queue sms]\nttl = 1h\n[queue new]\n";
    bh_rig_reload(&rig, 0, &options);
    /* What changed is told under the old level, which is none; that it changed under the new one. */
    expect_line(&rig, " info  reloaded ");
    send_one(&rig, "sms", "b");
    expect_line(&rig, " info  sent ");
    send_one(&rig, "new", "c");

    options.queues = "[queue sms]\nttl = 2h\n";
    options.log = "level = info\nformat = json\n";
    bh_rig_reload(&rig, 0, &options);
    expect_line(&rig, " info  config_changed key=\"[queue sms] ttl\" was=1h now=2h");
    expect_line(&rig, " info  config_changed key=\"[queue new]\"");
    expect_line(&rig, "\"event\":\"reloaded\"");
    bh_rig_push(&rig, "new", "{\"id\":\"d\",\"to\":\"49171999999\",\"text\":\"d\"}");
    send_one(&rig, "sms", "e");
    cr_expect_eq(bh_rig_integer(&rig, "EXISTS bellhop:{new}:status:d"), 0, "served no more");
    bh_rig_stop(&rig);
}

/* What the gateway has taken meanwhile must be written, or somebody would send it again. */
Test(daemon_config, a_reload_leaves_no_job_of_a_queue_that_it_takes_out)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.queues = "[queue sms]\n[queue old]\n"};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault", "{\"kind\":\"delay\",\"ms\":2000,\"match\":{\"text\":\"slow\"}}");
    bh_rig_push(&rig, "old", "{\"id\":\"slow\",\"to\":\"49171999999\",\"text\":\"slow\"}");
    bh_rig_wait_state(&rig, "old", "slow", "sending");
    options.queues = "[queue sms]\n";
    bh_rig_reload(&rig, 0, &options);
    bh_rig_wait_state(&rig, "old", "slow", "sent");
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{old}:leases"), 0);
    send_one(&rig, "sms", "a");
    bh_rig_stop(&rig);
}

Test(daemon_config, a_reload_tells_what_needs_a_restart)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.queues = "[queue sms]\n", .pool = "workers = 1\n"};
    bh_rig_start(&rig, &options);
    options.pool = "workers = 2\n";
    options.redis = "prefix = elsewhere\nusername = u\npassword = hush-1\n";
    options.gateway = "timeout = 12s\n";
    bh_rig_reload(&rig, 0, &options);
    expect_line(&rig, " info  reloaded ");
    expect_line(&rig, "key=\"[pool] workers\" was=1 now=2 msg=\"needs a restart");
    expect_line(&rig, "key=\"[redis] prefix\" was=bellhop now=elsewhere msg=\"needs a restart");
    expect_line(&rig, "key=\"[redis] password\"");
    expect_line(&rig, "key=\"[gateway] timeout\" was=20s now=12s msg=\"in force now\"");
    cr_expect_eq(bh_process_count(log_of(&rig), "hush-"), 0, "secrets are masked");
    send_one(&rig, "sms", "a");
    bh_rig_stop(&rig);
}

static bool
hears(struct bh_rig *rig, const char *part)
{
    char notice[512];
    struct pollfd watched = {.fd = rig->daemons[0].notices, .events = POLLIN};
    long long until = bh_now_ms() + BH_RIG_WAIT_MS;
    while (bh_now_ms() < until) {
        if (poll(&watched, 1, 100) != 1)
            continue;
        ssize_t len = recv(watched.fd, notice, sizeof(notice) - 1, 0);
        notice[len > 0 ? len : 0] = '\0';
        if (strstr(notice, part) != NULL)
            return true;
    }
    return false;
}

Test(daemon_config, the_service_manager_hears_of_each_reload)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = "[queue sms]\n"};
    bh_rig_start(&rig, &options);
    for (int i = 0; i < 2; i++) {
        bh_daemon_configure(&rig.daemons[0], i == 0 ? bh_rig_config(&rig, NULL, 0) : "bad");
        bh_process_signal(log_of(&rig), SIGHUP);
        cr_expect(hears(&rig, "RELOADING=1\nMONOTONIC_USEC="), "%d", i);
        cr_expect(hears(&rig, "READY=1"), "%d", i);
    }
    bh_rig_stop(&rig);
}

Test(daemon_config, a_new_key_works_at_once_and_the_pause_of_the_old_one_does_not_hold_it)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.queues = "[queue sms]\n", .gateway = "api_key = wrong\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"49171999999\",\"text\":\"a\"}");
    expect_line(&rig, " account_paused ");
    bh_rig_wait_state(&rig, "sms", "a", "held");
    options.gateway = "api_key = sim-live-key\n";
    bh_rig_reload(&rig, 0, &options);
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    /* And the state of the new account is heard of. */
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":\"0\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"b\",\"to\":\"49171999998\",\"text\":\"b\"}");
    expect_line(&rig, " account_paused reason=credit");
    for (int i = 0; i < 3; i++) {
        options.gateway = i % 2 == 0 ? "api_key = other\n" : "api_key = sim-live-key\n";
        bh_rig_reload(&rig, 0, &options);
        expect_line(&rig, " info  reloaded ");
        /* The same once more, while the old account is still being left. */
        bh_rig_reload(&rig, 0, &options);
        expect_line(&rig, " info  reloaded ");
    }
    bh_rig_stop(&rig);
}

/* ---- the log ---- */

/* Numbers and texts in right and in wrong places. */
static const char *const private_jobs[] = {
    "{\"id\":\"ok\",\"to\":\"491715550001\",\"text\":\"XSECRETX\"}",
    "{\"id\":\"two\",\"to\":[\"491715550002\",\"0171-5550003\"],\"text\":\"XSECRETX\"}",
    "{\"id\":\"refused\",\"to\":\"491715550004\",\"text\":\"XSECRETX\",\"from\":\"491715550005\"}",
    "{\"id\":\"491715550006\",\"to\":\"XSECRETX?!\",\"text\":\"\"}",
    "{\"id\":\"491715550006 XSECRETX\",\"to\":\"491715550007\",\"text\":\"x\"}",
    "{\"id\":\"b1\",\"491715550008\":\"XSECRETX\",\"to\":\"491715550008\",\"text\":\"x\"}",
    "{\"id\":\"b0\",\"XSECRETX\":1,\"to\":\"491715550008\",\"text\":\"x\"}",
    "{\"id\":\"b2\",\"to\":\"491715550009\",\"text\":\"XSECRETX\",\"ttl\":\"491715550009\"}",
    "{\"id\":\"b3\",\"to\":\"4917155500090x\",\"text\":\"XSECRETX\"}",
    "{\"id\":\"b4\",\"to\":\"491715550010\",\"text\":\"XSECRETX\",\"delay\":\"491715550010\"}",
    "{\"id\":\"b5\",\"to\":\"491715550011\",\"text\":\"XSECRETX\",\"label\":\"491715550011 !\"}",
    "{\"id\":\"b6\",\"to\":\"491715550012\",\"text\":\"XSECRETX\",\"foreign_id\":\"+"
    "491715550012\"}",
    "{\"id\":\"b7\",\"to\":\"491715550013\",\"text\":\"[[XSECRETX]]\",\"files\":[]}",
    "{\"id\":\"b8\",\"to\":\"491715550014\",\"text\":\"XSECRETX\",\"type\":\"491715550014\"}",
    "{\"id\":\"b9\",\"to\":\"491715550015\",\"text\":\"XSECRETX\",\"retry\":\"491715550015\"}",
    "{\"id\":\"b10\",\"to\":\"491715550016\",\"text\":\"XSECRETX\",\"udh\":\"491715550016z\"}",
    "{\"id\":\"b11\",\"to\":\"491715550017\",\"text\":\"XSECRETX\",\"callback_url\":"
    "\"491715550017\"}",
    "{\"id\":\"b12\",\"to\":\"491715550018\",\"text\":\"XSECRETX\",\"meta\":\"491715550018\"}",
    "{\"id\":\"b13\",\"to\":\"491715550019\",\"to\":\"491715550019\",\"text\":\"XSECRETX\"}",
    "{\"id\":\"b14\",\"to\":\"491715550020\",\"text\":\"XSECRETX\"",
    "XSECRETX 491715550021",
    "\"491715550022 XSECRETX\"",
    "[\"491715550023\",\"XSECRETX\"]",
    "491715550024",
    "{\"id\":\"b15\",\"to\":\"491715550025,491715550025\",\"text\":\"XSECRETX\"}",
    "{\"id\":\"b16\",\"to\":{\"491715550026\":1},\"text\":\"XSECRETX\"}",
    "{\"id\":\"b17\",\"to\":\"491715550027\",\"text\":\"XSECRETX\",\"from\":"
    "\"XSECRETX491715550027\"}",
    "{\"id\":\"b18\",\"to\":\"491715550028\",\"text\":\"XSECRETX\",\"xml\":\"491715550028\"}",
    "{\"id\":\"b19\",\"type\":\"voice\",\"to\":\"491715550029,491715550030\",\"text\":"
    "\"XSECRETX\"}",
    "{\"id\":\"b20\",\"type\":\"voice\",\"to\":\"491715550031\",\"xml\":1,\"text\":\"<XSECRETX\"}",
};

#define PRIVATE_JOBS (sizeof(private_jobs) / sizeof(private_jobs[0]))

static void
push_private_jobs(struct bh_rig *rig)
{
    /* The gateway's word on a job may quote it as well. */
    for (size_t i = 0; i < PRIVATE_JOBS; i++)
        bh_rig_push(rig, "sms", private_jobs[i]);
    BH_RIG_UNTIL(rig, bh_rig_unfinished(rig, "sms") == 0);
    bh_rig_wait_state(rig, "sms", "ok", "sent");
    bh_rig_wait_state(rig, "sms", "b20", "invalid");
}

/* Lines that hold a number of ours in any notation, or the text; an id is a name and may look as it likes. */
static unsigned
count_leaks(struct bh_rig *rig, bool json)
{
    static const char *const parts[] = {"XSECRETX", "5550", "555 0", "555-0"};
    unsigned leaks = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        unsigned lines = bh_process_count(log_of(rig), parts[i]);
        unsigned by_id = i == 1 ? bh_process_count(log_of(rig), json ? "\"job\":\"491715550006\""
                                                                     : "job=491715550006 ")
                                : 0;
        leaks += lines - (by_id < lines ? by_id : lines);
    }
    if (leaks > 0)
        bh_process_show(log_of(rig));
    return leaks;
}

Test(daemon_config, a_masked_log_tells_neither_numbers_nor_texts)
{
    static const char *const logs[] = {
        "mask = yes\nlevel = info\n",
        "mask = yes\nlevel = debug\n",
        "mask = yes\nlevel = debug\nformat = json\n",
    };
    for (size_t i = 0; i < 3; i++) {
        struct bh_rig rig;
        const struct bh_rig_options options = {.queues = "[queue sms]\n", .log = logs[i]};
        bh_rig_start(&rig, &options);
        push_private_jobs(&rig);
        cr_expect_geq(bh_process_count(log_of(&rig), "invalid"), 20, "they are all told");
        cr_expect_eq(count_leaks(&rig, i == 2), 0, "%s", logs[i]);
        bh_rig_stop(&rig);
    }
}

Test(daemon_config, a_log_in_json_is_json_line_by_line)
{
    static char line[64 * 1024];
    struct bh_rig rig;
    const struct bh_rig_options options = {.queues = "[queue sms]\n",
                                           .log = "level = debug\nformat = json\nmask = no\n"};
    bh_rig_start(&rig, &options);
    push_private_jobs(&rig);
    bh_process_signal(log_of(&rig), SIGHUP);
    expect_line(&rig, "reloaded");
    bh_redis_process_kill(&rig.redis);
    expect_line(&rig, "redis_down");
    bh_process_signal(log_of(&rig), SIGTERM);
    cr_assert(bh_process_wait(log_of(&rig), BH_RIG_WAIT_MS));

    FILE *file = fopen(log_of(&rig)->log, "r");
    unsigned lines = 0;
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct bh_json *json = NULL;
        struct bh_error error = {"", ""};
        lines++;
        enum bh_status status =
            bh_json_parse(bh_str_from(line), sizeof(line), BH_JSON_STRICT, &json, &error);
        cr_expect_eq(status, BH_OK, "%s: %s", error.text, line);
        static const char *const names[] = {"time", "level", "event", "msg"};
        for (size_t i = 0; i < 4 && status == BH_OK; i++)
            cr_expect_eq(bh_json_type(bh_json_get(bh_json_root(json), names[i])), BH_JSON_STRING,
                         "%s is missing: %s", names[i], line);
        bh_json_free(json);
    }
    fclose(file);
    cr_expect_gt(lines, 30);
    bh_rig_stop(&rig);
}
