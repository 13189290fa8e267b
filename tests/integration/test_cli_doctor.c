/*
 * `bellhop doctor` against the real things: a Redis that is set up badly, a gateway that refuses, certificates that
 * have ended, files that everybody may read.
 *
 * The service manager is a script of ours, since the machine that this runs on has another one, or none.
 */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base.h"
#include "support/redis_process.h"
#include "support/run_program.h"
#include "support/scripted_server.h"
#include "support/sim_process.h"

#define KEY      "sim-live-key"
#define PASSWORD "hunter2-of-redis"
#define TEXT_MAX 4096

#define UNIT_GOOD                                                                                  \
    "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\nUser=nobody\n"                 \
    "LimitNOFILESoft=524288\nOOMScoreAdjust=-500\nWatchdogUSec=30s\nStateDirectory=bellhop\n"

static struct bh_redis_process server;
static struct bh_test_sim sim;
static char config_path[128], state_path[128], search_path[1024];

/* What a scenario sets otherwise than the good one.  NULL: as in the good one. */
struct stage {
    const char *redis, *gateway, *pool, *http, *queue; /* lines of the sections */
    const char *unit;                                  /* what the service manager says */
    unsigned mode;                                     /* of the configuration; 0: 0600 */
};

/* ---- The stage ---- */

/* As root we are not the service's user, who has to get at his files. */
static void
give_to_service(const char *path)
{
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() == 0 && nobody != NULL)
        cr_assert_eq(chown(path, nobody->pw_uid, nobody->pw_gid), 0);
}

static void
write_file(const char *name, unsigned mode, const char *format, ...)
{
    char path[128];
    bh_redis_process_path(&server, name, path, sizeof(path));
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, mode), 0);
    give_to_service(path);
}

static void
set_up(void)
{
    char bin[128];
    bh_redis_process_init(&server);
    bh_redis_process_path(&server, "config.ini", config_path, sizeof(config_path));
    bh_redis_process_path(&server, "bin", bin, sizeof(bin));
    cr_assert_eq(mkdir(bin, 0755), 0);
    bh_redis_process_path(&server, "state", state_path, sizeof(state_path));
    cr_assert_eq(mkdir(state_path, 0700), 0);
    give_to_service(state_path);
    snprintf(search_path, sizeof(search_path), "PATH=%s:%s", bin, getenv("PATH"));
    cr_assert(bh_test_sim_start(&sim, NULL));
}

static void
tear_down(void)
{
    cr_assert_eq(bh_test_sim_stop(&sim), 0);
    bh_redis_process_release(&server);
}

TestSuite(cli_doctor, .init = set_up, .fini = tear_down);

static void
start_redis(const char *const *args)
{
    static const char *const kept[] = {"--appendonly", "yes", NULL};
    bh_redis_process_start(&server, args != NULL ? args : kept);
}

static const char *
given(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void
write_stage(const struct stage *stage)
{
    char redis[256], gateway[256], pool[256];
    snprintf(redis, sizeof(redis), "url = %s", server.url);
    snprintf(gateway, sizeof(gateway), "url = %s/api\napi_key = " KEY "\nlow_balance = 10",
             sim.url);
    snprintf(pool, sizeof(pool), "journal = %s\ninstance = one", state_path);
    write_file("bin/systemctl", 0755, "#!/bin/sh\ncat <<'END'\n%sEND\n",
               given(stage->unit, UNIT_GOOD));
    write_file("config.ini", stage->mode != 0 ? stage->mode : 0600,
               "[redis]\n%s\n[gateway]\n%s\n[pool]\n%s\n[http]\n%s\n%s\n",
               given(stage->redis, redis), given(stage->gateway, gateway), given(stage->pool, pool),
               given(stage->http, "listen ="), given(stage->queue, "[queue sms]"));
}

/* ---- Running and reading ---- */

static void
run(const char *const *args, struct run_result *ret_result)
{
    char variable[160];
    snprintf(variable, sizeof(variable), "BELLHOP_CONFIG=%s", config_path);
    const char *const environment[] = {variable, search_path, "TERM=xterm", "TZ=UTC", NULL};
    const struct run_request request = {
        .program = BH_TEST_BELLHOP,
        .directory = server.dir,
        .args = args,
        .environment = environment,
    };
    run_program(&request, ret_result);
    cr_expect_null(strstr(ret_result->out, KEY), "the key is shown: %s", ret_result->out);
    cr_expect_null(strstr(ret_result->err, KEY), "the key is shown: %s", ret_result->err);
    cr_expect_null(strstr(ret_result->out, PASSWORD), "the password is shown: %s", ret_result->out);
}

/* Does a line have this verdict and topic, and this piece anywhere? */
static bool
has_line(const char *out, const char *verdict, const char *topic, const char *piece)
{
    char head[128];
    snprintf(head, sizeof(head), "{\"verdict\":\"%s\",\"topic\":\"%s\"", verdict, topic);
    for (const char *at = strstr(out, head); at != NULL; at = strstr(at + 1, head)) {
        const char *end = strchr(at, '\n');
        const char *found = strstr(at, piece);
        if (found != NULL && end != NULL && found < end)
            return true;
    }
    return false;
}

struct line {
    const char *verdict, *topic, *piece;
};

#define LINES_MAX 6

static void
expect(const char *name, const char *const *args, int exit_status, const struct line *lines)
{
    struct run_result result;
    run(args, &result);
    cr_expect_eq(result.exit_status, exit_status, "%s: exit %d: %s%s", name, result.exit_status,
                 result.out, result.err);
    cr_expect_str_eq(result.err, "", "%s: %s", name, result.err);
    for (size_t i = 0; i < LINES_MAX && lines[i].verdict != NULL; i++)
        cr_expect(has_line(result.out, lines[i].verdict, lines[i].topic, lines[i].piece),
                  "%s: no %s of %s with \"%s\": %s", name, lines[i].verdict, lines[i].topic,
                  lines[i].piece, result.out);
    run_release(&result);
}

static const char *const as_json[] = {"doctor", "--json", NULL};
static const char *const offline[] = {"doctor", "--json", "--offline", NULL};

/* ---- All is well ---- */

Test(cli_doctor, finds_nothing_bad_where_nothing_is)
{
    static const char *const topics[] = {
        "configuration", "redis",   "version",      "role", "persistence", "eviction", "clock",
        "rights",        "latency", "instance",     "dns",  "tcp",         "key",      "balance",
        "journal",       "files",   "sent journal", "unit", "descriptors"};
    const struct stage stage = {0};
    struct run_result result;
    start_redis(NULL);
    write_stage(&stage);
    run(as_json, &result);
    cr_expect_eq(result.exit_status, 0, "%s%s", result.out, result.err);
    cr_expect_str_eq(result.err, "");
    for (size_t i = 0; i < BH_ARRAY_LEN(topics); i++)
        cr_expect(has_line(result.out, "ok", topics[i], ""), "%s: %s", topics[i], result.out);
    cr_expect_not_null(strstr(result.out, "\"risk\":0,\"bad\":0,"), "%s", result.out);
    cr_expect_null(strstr(result.out, "\"verdict\":\"risk\""), "%s", result.out);
    run_release(&result);
}

Test(cli_doctor, looks_for_us_among_those_who_get_reports)
{
    static const struct stage configured = {
        .http = "listen = 127.0.0.1:9\nwebhook_url = https://sms.example\n"
                "webhook_token = t0ken-of-a-test-0123"};
    static const struct line missing[LINES_MAX] = {
        {"bad",  "dlr",          "bellhop hooks add --event dlr"         },
        {"note", "voice_status", "bellhop hooks add --event voice_status"},
    };
    static const struct stage silent = {0};
    struct run_result result;
    start_redis(NULL);
    write_stage(&configured);
    expect("not subscribed", as_json, 1, missing);
    write_stage(&silent);
    run(as_json, &result);
    cr_expect_null(strstr(result.out, "\"dlr\""), "nobody waits for reports: %s", result.out);
    run_release(&result);
}

Test(cli_doctor, tells_people_what_to_change)
{
    static const char *const plain[] = {"doctor", NULL};
    static const char *const nothing[] = {NULL};
    const struct stage stage = {0};
    struct run_result result;
    start_redis(nothing);
    write_stage(&stage);
    run(plain, &result);
    cr_expect_eq(result.exit_status, 0, "%s", result.out);
    cr_expect_not_null(strstr(result.out, "\nrisk  persistence"), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "-> redis-cli CONFIG SET appendonly yes\n"), "%s",
                       result.out);
    cr_expect_not_null(strstr(result.out, " at risk, 0 bad: it works, but"), "%s", result.out);
    cr_expect_null(strchr(result.out, '\033'), "colours without a terminal");
    run_release(&result);
}

Test(cli_doctor, refuses_what_it_does_not_know)
{
    static const char *const rows[][4] = {
        {"doctor", "something", NULL   },
        {"doctor", "--unit",    "",      NULL},
        {"doctor",        "--unit=-x",            NULL},
        {"doctor",        "--off",            NULL    },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct run_result result;
        run(rows[i], &result);
        cr_expect_eq(result.exit_status, 2, "row %zu: %s", i, result.err);
        run_release(&result);
    }
}

/* ---- The configuration ---- */

Test(cli_doctor, goes_on_when_the_configuration_is_wrong)
{
    static const struct {
        const char *name;
        struct stage stage;
        struct line lines[LINES_MAX];
    } rows[] = {
        {"an unknown key",
         {.queue = "[queue sms]\nwieght = 3"},
         {{"bad", "configuration", "weight"},
          {"ok", "redis", ""},
          {"ok", "persistence", ""},
          {"ok", "tcp", ""}}                                                                     },
        {"a wrong value in the way",
         {.gateway = "api_key = " KEY "\nmax_connections = many"},
         {{"bad", "configuration", "max_connections"},
          {"ok", "redis", ""},
          {"note", "gateway", "Not looked at"},
          {"ok", "files", ""}}                                                                   },
        {"Redis' own section",
         {.redis = "url = ftp://x"},
         {{"bad", "configuration", ":2:"}, {"note", "redis", "Not looked at"}, {"ok", "tcp", ""}}},
        {"no key",
         {.gateway = "url = http://127.0.0.1:1/api"},
         {{"bad", "configuration", "api_key"}, {"bad", "tcp", ""}, {"ok", "descriptors", ""}}    },
    };
    start_redis(NULL);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        write_stage(&rows[i].stage);
        expect(rows[i].name, as_json, 1, rows[i].lines);
    }
    cr_assert_eq(unlink(config_path), 0);
    static const struct line lines[LINES_MAX] = {
        {"bad", "configuration", "No such file"}
    };
    expect("no file", as_json, 1, lines);
}

/* ---- Redis ---- */

Test(cli_doctor, judges_how_redis_is_set_up)
{
    static const struct {
        const char *name;
        const char *args[12];
        int exit_status;
        struct line lines[LINES_MAX];
    } rows[] = {
        {"no append-only file",
         {"--save", "900 1", NULL},
         0, {{"risk", "persistence", "redis.conf: appendonly yes"}}                       },
        {"never synced",
         {"--appendonly", "yes", "--appendfsync", "no", NULL},
         0, {{"risk", "persistence", "CONFIG SET appendfsync everysec"}}                  },
        {"it evicts",
         {"--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", NULL},
         0, {{"risk", "eviction", "maxmemory-policy noeviction"}, {"ok", "memory", ""}}   },
        {"a replica of nobody",
         {"--appendonly", "yes", "--replicaof", "127.0.0.1 1", NULL},
         1, {{"bad", "role", "[redis] url"}, {"ok", "persistence", ""}, {"ok", "key", ""}}},
    };
    const struct stage stage = {0};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        start_redis(rows[i].args);
        write_stage(&stage);
        expect(rows[i].name, as_json, rows[i].exit_status, rows[i].lines);
        bh_redis_process_stop(&server);
    }
}

Test(cli_doctor, names_the_rights_that_are_missing)
{
    static const char *const args[] = {"--appendonly", "yes",        "--user",     "queue",
                                       "on",           ">" PASSWORD, "~bellhop:*", "+@all",
                                       "-blmove",      "-zadd",      NULL};
    static const struct line lines[LINES_MAX] = {
        {"ok",  "redis",    ""                                            },
        {"bad", "rights",   "ACL SETUSER queue '~bellhop:*' +blmove +zadd"},
        {"ok",  "latency",  ""                                            },
        {"ok",  "instance", ""                                            },
        {"ok",  "key",      ""                                            },
    };
    char redis[256];
    start_redis(args);
    snprintf(redis, sizeof(redis), "url = %s\nusername = queue\npassword = " PASSWORD, server.url);
    const struct stage stage = {.redis = redis};
    write_stage(&stage);
    expect("denied", as_json, 1, lines);
    snprintf(redis, sizeof(redis), "url = %s\nusername = queue\npassword = not-" PASSWORD,
             server.url);
    write_stage(&stage);
    static const struct line refused[LINES_MAX] = {
        {"bad", "redis",       "WRONGPASS"},
        {"ok",  "key",         ""         },
        {"ok",  "descriptors", ""         },
    };
    expect("a wrong password", as_json, 1, refused);
}

Test(cli_doctor, goes_on_without_redis)
{
    static const struct line lines[LINES_MAX] = {
        {"bad", "redis",        "systemctl start redis-server"},
        {"ok",  "tcp",          ""                            },
        {"ok",  "balance",      ""                            },
        {"ok",  "sent journal", ""                            },
        {"ok",  "descriptors",  ""                            },
    };
    char redis[256];
    start_redis(NULL);
    snprintf(redis, sizeof(redis), "url = %s\nconnect_timeout = 200ms\ncommand_timeout = 500ms",
             server.url);
    const struct stage stage = {.redis = redis};
    write_stage(&stage);
    bh_redis_process_pause(&server);
    expect("silent", as_json, 1, lines);
    bh_redis_process_resume(&server);
    bh_redis_process_stop(&server);
    expect("down", as_json, 1, lines);
}

Test(cli_doctor, sees_who_has_the_name)
{
    const struct stage stage = {0};
    start_redis(NULL);
    write_stage(&stage);
    redisContext *redis = redisConnectUnix(server.socket_path);
    cr_assert(redis != NULL && redis->err == 0);
    redisReply *reply =
        redisCommand(redis, "HSET bellhop:{@instance:one} life 0123456789ab host elsewhere "
                            "pid 77 since 1 until 9000000000000");
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    static const struct line taken[LINES_MAX] = {
        {"bad", "instance", "[pool] instance = one-2"}
    };
    expect("taken", offline, 1, taken);

    reply = redisCommand(redis, "HSET bellhop:{@instance:one} ended 1");
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    static const struct line ended[LINES_MAX] = {
        {"ok", "instance", "free"}
    };
    expect("given back", offline, 0, ended);
    redisFree(redis);
}

/* ---- The gateway ---- */

Test(cli_doctor, judges_key_and_balance)
{
    static const struct {
        const char *name;
        const char *lines_of_gateway; /* behind the URL */
        const char *config;           /* the simulator's */
        int exit_status;
        struct line lines[LINES_MAX];
    } rows[] = {
        {"a wrong key",
         "api_key = not-a-" KEY,
         "{}",                               1,
         {{"ok", "tcp", ""}, {"bad", "key", "[gateway] api_key"}, {"ok", "descriptors", ""}}},
        {"a low balance",
         "api_key = " KEY "\nlow_balance = 100",
         "{\"account\":{\"balance\":99.5}}", 0,
         {{"ok", "key", ""}, {"risk", "balance", "99.5"}}                                   },
        {"nobody is warned",
         "api_key = " KEY,
         "{}",                               0,
         {{"note", "balance", "[gateway] low_balance"}}                                     },
        {"nothing left",
         "api_key = " KEY "\nlow_balance = 100",
         "{\"account\":{\"balance\":0}}",    1,
         {{"bad", "balance", "top up"}}                                                     },
        {"a wrong signature",
         "api_key = " KEY "\nsigning_key = wrong",
         "{}",                               1,
         {{"bad", "key", "[gateway] signing_key"}}                                          },
        {"a good signature",
         "api_key = " KEY "\nlow_balance = 1\nsigning_key = sim-signing-key",
         "{\"account\":{\"balance\":1000}}", 0,
         {{"ok", "key", "signature"}, {"ok", "journal", ""}}                                },
    };
    start_redis(NULL);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char gateway[256];
        snprintf(gateway, sizeof(gateway), "url = %s/api\n%s", sim.url, rows[i].lines_of_gateway);
        const struct stage stage = {.gateway = gateway};
        write_stage(&stage);
        cr_assert(bh_test_sim_tell(&sim, "config", rows[i].config));
        expect(rows[i].name, as_json, rows[i].exit_status, rows[i].lines);
    }
}

Test(cli_doctor, asks_the_gateway_nothing_offline)
{
    static const struct line lines[LINES_MAX] = {
        {"note", "gateway",     "--offline"         },
        {"note", "reload lock", "bellhop probe-lock"},
        {"ok",   "descriptors", ""                  },
    };
    const struct stage stage = {0};
    start_redis(NULL);
    write_stage(&stage);
    long long before = bh_test_sim_number(&sim, "stats", "requests");
    cr_assert_geq(before, 0);
    expect("offline", offline, 0, lines);
    cr_expect_eq(bh_test_sim_number(&sim, "stats", "requests"), before);
    expect("online", as_json, 0, &lines[1]);
    cr_expect_eq(bh_test_sim_number(&sim, "stats", "requests"), before + 2,
                 "balance and journal, and nothing else");
}

Test(cli_doctor, knows_what_probe_lock_found_out)
{
    static const char *const probe[] = {"probe-lock", "--to", "491701234567", "--yes", "--wait",
                                        "0s",         NULL};
    static const struct line proven[LINES_MAX] = {
        {"ok", "reload lock", "Proven"}
    };
    static const struct line off[LINES_MAX] = {
        {"risk", "reload lock", "[gateway] reload_lock = off"}
    };
    const struct stage stage = {0};
    struct run_result result;
    start_redis(NULL);
    write_stage(&stage);
    run(probe, &result);
    cr_assert_eq(result.exit_status, 0, "%s%s", result.out, result.err);
    run_release(&result);
    expect("proven", offline, 0, proven);

    cr_assert(bh_test_sim_tell(&sim, "config", "{\"lock\":{\"enabled\":false}}"));
    run(probe, &result);
    cr_assert_eq(result.exit_status, 1, "%s%s", result.out, result.err);
    run_release(&result);
    expect("off", offline, 0, off);
}

static void
script_silence(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    scripted_wait_end(connection);
}

static void
script_refuse(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    while (scripted_read_request(connection) && scripted_answer(connection, "900"))
        ;
}

static void
script_no_tls(struct scripted_connection *connection, void *arg)
{
    (void)arg;
    scripted_send(connection, "220 this is no TLS\r\n");
    scripted_wait_end(connection);
}

static void
expect_way(const char *name, const char *url, const char *more, int exit_status,
           const struct line *lines)
{
    char gateway[512];
    snprintf(gateway, sizeof(gateway), "url = %s\napi_key = " KEY "\n%s", url, more);
    const struct stage stage = {.gateway = gateway};
    write_stage(&stage);
    expect(name, as_json, exit_status, lines);
}

Test(cli_doctor, tells_where_the_way_to_the_gateway_ends)
{
    char url[128];
    start_redis(NULL);

    static const struct line refused[LINES_MAX] = {
        {"bad", "tcp",         "[gateway] url"},
        {"ok",  "descriptors", ""             },
    };
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/api", scripted_closed_port());
    expect_way("refused", url, "", 1, refused);

    static const struct line unknown[LINES_MAX] = {
        {"bad", "dns",         "getent ahosts gateway.invalid"},
        {"ok",  "descriptors", ""                             },
    };
    expect_way("no such name", "https://gateway.invalid/api", "", 1, unknown);

    struct scripted_server *plain = scripted_start(script_no_tls, NULL);
    static const struct line no_tls[LINES_MAX] = {
        {"bad", "tls", "no TLS connection"}
    };
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/api", scripted_port(plain));
    expect_way("no TLS there", url, "", 1, no_tls);
    scripted_stop(plain);

    struct scripted_server *silent = scripted_start(script_silence, NULL);
    static const struct line no_answer[LINES_MAX] = {
        {"bad", "tls", "[gateway] connect_timeout"}
    };
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/api", scripted_port(silent));
    expect_way("silence", url, "connect_timeout = 1s", 1, no_answer);
    scripted_stop(silent);
}

Test(cli_doctor, judges_certificates)
{
    static const struct {
        const char *name;
        long left_s;
        bool trusted;
        struct line lines[LINES_MAX];
    } rows[] = {
        {"signed by nobody",
         60 * 86400 + 600,
         false,                                      {{"bad", "tls", "good for 60 more days"}, {"bad", "tls", "openssl s_client"}}},
        {"trusted",          60 * 86400 + 600, true, {{"ok", "tcp", "127.0.0.1"}, {"ok", "tls", "TLSv1."}}                        },
        {"ends soon",        10 * 86400 + 600, true, {{"note", "tls", "10 more days"}}                                            },
        {"ends at once",     2 * 86400 + 600,  true, {{"risk", "tls", "2 more days"}}                                             },
        {"has ended",
         -3 * 86400 - 600,
         true,                                       {{"bad", "tls", "expired"}, {"bad", "tls", "ended 3 days ago"}}              },
    };
    start_redis(NULL);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char url[128], more[256];
        struct scripted_server *gateway =
            scripted_start_tls_until(script_refuse, NULL, rows[i].left_s);
        snprintf(url, sizeof(url), "https://127.0.0.1:%d/api", scripted_port(gateway));
        snprintf(more, sizeof(more), "%s%s", rows[i].trusted ? "ca_file = " : "",
                 rows[i].trusted ? scripted_ca_file(gateway) : "");
        /* The key is refused behind the handshake, so the end is bad in any case. */
        expect_way(rows[i].name, url, more, 1, rows[i].lines);
        scripted_stop(gateway);
    }
}

/* ---- The machine ---- */

Test(cli_doctor, judges_files_unit_and_endpoint)
{
    char pool[256], token[256], gateway[512];
    snprintf(pool, sizeof(pool), "journal = %s/none\ninstance = one", server.dir);
    snprintf(token, sizeof(token), "%s/key", server.dir);
    snprintf(gateway, sizeof(gateway), "url = %s/api\napi_key_file = %s\nlow_balance = 10", sim.url,
             token);
    char roots[256];
    snprintf(roots, sizeof(roots), "journal = %s\ninstance = one", server.dir);
    struct {
        const char *name;
        struct stage stage;
        int exit_status;
        struct line lines[LINES_MAX];
    } rows[] = {
        {"everybody reads the configuration",
         {.mode = 0644},
         1,                                                                         {{"bad", "files", "chmod"}, {"ok", "key", ""}}                 },
        {"everybody reads the key",
         {.gateway = gateway},
         1,                                                                         {{"bad", "files", "[gateway] api_key_file"}, {"ok", "key", ""}}},
        {"no directory for the journal",
         {.pool = pool},
         1,                                                                         {{"bad", "sent journal", "install -d"}}                        },
        {"journal off",                       {.pool = "journal = off"},         0, {{"risk", "sent journal", "[pool] journal"}}                   },
        {"no watchdog, few descriptors",
         {.unit = "LoadState=loaded\nUser=nobody\nUnitFileState=enabled\nLimitNOFILESoft=20\n"
                  "WatchdogUSec=0\nOOMScoreAdjust=0\n"},
         1,                                                                         {{"bad", "descriptors", "LimitNOFILE=1024"},
          {"risk", "unit", "WatchdogSec=30s"},
          {"note", "unit", "OOMScoreAdjust=-500"}}                                                                                      },
        {"no such unit",                      {.unit = "LoadState=not-found\n"}, 0, {{"note", "unit", "--unit NAME"}}                              },
        {"a manager that fails",
         {.unit = "x=1\nEND\nexit 1\n"},
         0,                                                                         {{"note", "unit", "No systemd"}}                               },
    };
    if (geteuid() != 0 || getpwnam("nobody") == NULL)
        rows[BH_ARRAY_LEN(rows) - 1] = rows[0];
    start_redis(NULL);
    write_file("key", 0644, KEY "\n");
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        write_stage(&rows[i].stage);
        expect(rows[i].name, as_json, rows[i].exit_status, rows[i].lines);
    }
}

static void
script_health(struct scripted_connection *connection, void *arg)
{
    const char *answer = arg;
    if (scripted_read_request(connection))
        scripted_send(connection, answer);
}

Test(cli_doctor, asks_whether_the_daemon_is_healthy)
{
    static const struct {
        const char *name;
        const char *answer; /* NULL: nobody listens */
        int exit_status;
        struct line lines[LINES_MAX];
    } rows[] = {
        {"healthy",  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, {{"ok", "http", "200"}}             },
        {"hanging",  "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 1, {{"bad", "http", "503"}}            },
        {"no HTTP",  "220 mail.example ready, come in\r\n",          0, {{"note", "http", "Protocol error"}}},
        {"hangs up", "HTTP",                                         0, {{"note", "http", "reset"}}         },
        {"nobody",   NULL,                                           0, {{"note", "http", "refused"}}       },
    };
    start_redis(NULL);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct scripted_server *daemon = NULL;
        char http[64];
        int port = scripted_closed_port();
        if (rows[i].answer != NULL) {
            daemon = scripted_start(script_health, (void *)(uintptr_t)rows[i].answer);
            port = scripted_port(daemon);
        }
        snprintf(http, sizeof(http), "listen = 127.0.0.1:%d", port);
        const struct stage stage = {.http = http};
        write_stage(&stage);
        expect(rows[i].name, offline, rows[i].exit_status, rows[i].lines);
        if (daemon != NULL)
            scripted_stop(daemon);
    }
}
