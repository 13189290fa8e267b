#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/redis_survey.h"

/* What the servers print, cut to the sections' telling lines and some of their neighbours. */
static const char redis_6_0[] = "# Server\r\n"
                                "redis_version:6.0.16\r\n"
                                "redis_git_sha1:00000000\r\n"
                                "redis_mode:standalone\r\n"
                                "os:Linux 5.10.0-8-amd64 x86_64\r\n"
                                "\r\n"
                                "# Clients\r\n"
                                "connected_clients:1\r\n"
                                "\r\n"
                                "# Memory\r\n"
                                "used_memory:873632\r\n"
                                "used_memory_human:853.16K\r\n"
                                "used_memory_rss:9957376\r\n"
                                "maxmemory:0\r\n"
                                "maxmemory_human:0B\r\n"
                                "maxmemory_policy:noeviction\r\n"
                                "\r\n"
                                "# Persistence\r\n"
                                "loading:0\r\n"
                                "rdb_last_bgsave_status:ok\r\n"
                                "aof_enabled:0\r\n"
                                "aof_last_bgrewrite_status:ok\r\n"
                                "aof_last_write_status:ok\r\n"
                                "\r\n"
                                "# Replication\r\n"
                                "role:master\r\n"
                                "connected_slaves:0\r\n"
                                "\r\n"
                                "# Keyspace\r\n"
                                "db0:keys=3,expires=1,avg_ttl=5102\r\n";

static const char redis_6_2[] = "# Server\r\n"
                                "redis_version:6.2.14\r\n"
                                "redis_mode:standalone\r\n"
                                "executable:/usr/bin/redis-server\r\n"
                                "config_file:/etc/redis/redis.conf\r\n"
                                "\r\n"
                                "# Memory\r\n"
                                "used_memory:97000000\r\n"
                                "used_memory_peak:98000000\r\n"
                                "used_memory_dataset_perc:12.50%\r\n"
                                "maxmemory:104857600\r\n"
                                "maxmemory_policy:allkeys-lru\r\n"
                                "\r\n"
                                "# Persistence\r\n"
                                "loading:0\r\n"
                                "current_cow_size:0\r\n"
                                "aof_enabled:1\r\n"
                                "aof_last_write_status:ok\r\n"
                                "aof_current_size:1024\r\n"
                                "\r\n"
                                "# Replication\r\n"
                                "role:slave\r\n"
                                "master_host:10.0.0.1\r\n"
                                "master_link_status:up\r\n"
                                "slave_read_only:1\r\n";

static const char redis_7_0[] = "# Server\r\n"
                                "redis_version:7.0.15\r\n"
                                "monotonic_clock:POSIX clock_gettime\r\n"
                                "listener0:name=tcp,bind=127.0.0.1,bind=::1,port=6379\r\n"
                                "\r\n"
                                "# Memory\r\n"
                                "used_memory:1048576\r\n"
                                "maxmemory:2147483648\r\n"
                                "maxmemory_policy:noeviction\r\n"
                                "\r\n"
                                "# Persistence\r\n"
                                "loading:0\r\n"
                                "async_loading:0\r\n"
                                "aof_enabled:1\r\n"
                                "aof_last_write_status:err\r\n"
                                "\r\n"
                                "# Replication\r\n"
                                "role:master\r\n";

static const char valkey_8[] = "# Server\r\n"
                               "redis_version:7.2.4\r\n"
                               "server_name:valkey\r\n"
                               "valkey_version:8.0.1\r\n"
                               "valkey_release_stage:ga\r\n"
                               "server_mode:standalone\r\n"
                               "\r\n"
                               "# Memory\r\n"
                               "used_memory:1048576\r\n"
                               "maxmemory:0\r\n"
                               "maxmemory_policy:volatile-ttl\r\n"
                               "\r\n"
                               "# Persistence\r\n"
                               "loading:1\r\n"
                               "aof_enabled:0\r\n"
                               "aof_last_write_status:ok\r\n"
                               "\r\n"
                               "# Replication\r\n"
                               "role:master\r\n";

static struct bh_redis_survey
blank(void)
{
    return (struct bh_redis_survey){.memory_used = -1, .memory_max = -1};
}

static struct bh_redis_survey
read_text(const char *info)
{
    struct bh_redis_survey survey = blank();
    bh_redis_survey_read_info(&survey, bh_str_from(info));
    return survey;
}

Test(redis_survey, reads_what_real_servers_print)
{
    struct row {
        const char *name, *info;
        const char *version;
        unsigned major, minor;
        bool is_valkey;
        const char *role;
        enum bh_known loading, appendonly, append_writes;
        const char *eviction;
        int64_t used, max;
    };
    static const struct row rows[] = {
        {"redis 6.0", redis_6_0, "6.0.16", 6, 0, false, "master", BH_NO,  BH_NO,  BH_YES,
         "noeviction",                                                                                    873632,   0         },
        {"redis 6.2", redis_6_2, "6.2.14", 6, 2, false, "slave",  BH_NO,  BH_YES, BH_YES,
         "allkeys-lru",                                                                                   97000000, 104857600 },
        {"redis 7.0", redis_7_0, "7.0.15", 7, 0, false, "master", BH_NO,  BH_YES, BH_NO,
         "noeviction",                                                                                    1048576,  2147483648},
        {"valkey 8",  valkey_8,  "7.2.4",  7, 2, true,  "master", BH_YES, BH_NO,  BH_YES, "volatile-ttl",
         1048576,                                                                                                   0         },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct bh_redis_survey got = read_text(row->info);
        cr_expect_str_eq(got.version, row->version, "%s", row->name);
        cr_expect_eq(got.major, row->major, "%s", row->name);
        cr_expect_eq(got.minor, row->minor, "%s", row->name);
        cr_expect_eq(got.is_valkey, row->is_valkey, "%s", row->name);
        cr_expect_str_eq(got.role, row->role, "%s", row->name);
        cr_expect_eq(got.loading, row->loading, "%s", row->name);
        cr_expect_eq(got.appendonly, row->appendonly, "%s", row->name);
        cr_expect_eq(got.append_writes, row->append_writes, "%s", row->name);
        cr_expect_str_eq(got.eviction, row->eviction, "%s", row->name);
        cr_expect_eq(got.memory_used, row->used, "%s", row->name);
        cr_expect_eq(got.memory_max, row->max, "%s", row->name);
        cr_expect_eq(got.snapshots, BH_UNKNOWN, "%s: INFO does not tell", row->name);
        cr_expect_eq(got.rights_known, false, "%s", row->name);
    }
}

static bool
same(const struct bh_redis_survey *a, const struct bh_redis_survey *b)
{
    return strcmp(a->version, b->version) == 0 && a->major == b->major && a->minor == b->minor &&
           a->is_valkey == b->is_valkey && strcmp(a->role, b->role) == 0 &&
           a->loading == b->loading && a->appendonly == b->appendonly &&
           a->append_writes == b->append_writes && strcmp(a->eviction, b->eviction) == 0 &&
           a->memory_used == b->memory_used && a->memory_max == b->memory_max;
}

Test(redis_survey, learns_nothing_from_lines_that_it_does_not_understand)
{
    static const char *const rows[] = {
        "",
        "\n",
        "\r\n\r\n\r\n",
        ":",
        "::::",
        ":1\r\nrole",
        "#role:master",
        "# redis_version:7.0.0",
        "Redis_Version:7.0.0",
        "redis_version",
        "redis_version:",
        "redis_version:\r\n",
        "redis_version:.",
        "redis_version:seven",
        "redis_version:-7.0",
        "redis_version:7.-1",
        "redis_version:7.x",
        "redis_version: 7",
        "redis_version:99999999999999999999.1",
        "redis_version:4294967303.2",
        "redis_version:7.99999999999",
        "used_memory:",
        "used_memory:12M",
        "used_memory:1e9",
        "used_memory:9223372036854775808",
        "maxmemory:-9223372036854775809",
        "maxmemory:0x10",
        "used_memory_human:853.16K",
        "xrole:master",
        "rolex:master",
    };
    const struct bh_redis_survey nothing = blank();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_redis_survey got = read_text(rows[i]);
        cr_expect(same(&got, &nothing), "row %zu: %s", i, rows[i]);
    }
}

Test(redis_survey, cuts_words_that_are_too_long)
{
    char info[4096];
    char word[1001];
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    snprintf(info, sizeof(info), "role:%s\r\nmaxmemory_policy:%s\r\nredis_version:7.0.%s\r\n", word,
             word, word);
    struct bh_redis_survey survey = read_text(info);
    cr_expect_eq(strlen(survey.role), sizeof(survey.role) - 1);
    cr_expect_eq(strlen(survey.eviction), sizeof(survey.eviction) - 1);
    cr_expect_eq(strlen(survey.version), sizeof(survey.version) - 1);
    cr_expect_eq(survey.major, 7);
}

Test(redis_survey, takes_bytes_of_any_kind)
{
    static const char bytes[] =
        "role:mas\0ter\r\n\xff\xfe:\x80\r\nmaxmemory_policy:\x1b[2J\nloading:0";
    struct bh_redis_survey survey = blank();
    bh_redis_survey_read_info(&survey, (struct bh_str){bytes, sizeof(bytes) - 1});
    cr_expect_eq(survey.loading, BH_NO, "a last line without an end counts");
    bh_redis_survey_read_info(&survey, (struct bh_str){NULL, 0});
    cr_expect_eq(survey.loading, BH_NO);
}

Test(redis_survey, reads_the_time_or_leaves_the_clock_unknown)
{
    struct row {
        const char *seconds, *microseconds;
        int64_t ours_ms;
        bool known;
        bh_ms ahead;
    };
    static const struct row rows[] = {
        {"1700000000",          "0",       1700000000000, true,  0              },
        {"1700000000",          "999999",  1700000000000, true,  999            },
        {"1700000000",          "500000",  1700000003000, true,  -2500          },
        {"0",                   "0",       1700000000000, true,  -1700000000000 },
        {"253402300799",        "0",       0,             true,  253402300799000},
        {"253402300800",        "0",       0,             false, 0              },
        {"9223372036854775807", "0",       0,             false, 0              },
        {"9223372036854775808", "0",       0,             false, 0              },
        {"-1",                  "0",       0,             false, 0              },
        {"1700000000",          "1000000", 0,             false, 0              },
        {"1700000000",          "-1",      0,             false, 0              },
        {"",                    "",        0,             false, 0              },
        {"now",                 "0",       0,             false, 0              },
        {"1700000000.5",        "0",       0,             false, 0              },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct bh_redis_survey survey = blank();
        bh_redis_survey_read_time(&survey, bh_str_from(row->seconds),
                                  bh_str_from(row->microseconds), (struct bh_wall){row->ours_ms});
        cr_expect_eq(survey.clock_known, row->known, "row %zu: %s %s", i, row->seconds,
                     row->microseconds);
        cr_expect_eq(survey.clock_ahead_ms, row->ahead, "row %zu: %lld", i,
                     (long long)survey.clock_ahead_ms);
    }
}

/* ---- the judge ---- */

/* A server that gives no reason for worry. */
static struct bh_redis_survey
good(void)
{
    return (struct bh_redis_survey){
        .version = "7.0.15",
        .major = 7,
        .role = "master",
        .loading = BH_NO,
        .appendonly = BH_YES,
        .append_writes = BH_YES,
        .snapshots = BH_YES,
        .appendfsync = "everysec",
        .eviction = "noeviction",
        .memory_used = 10,
        .memory_max = 1000,
        .clock_known = true,
        .rights_known = true,
    };
}

static const struct bh_finding *
find_topic(const struct bh_finding *findings, size_t count, const char *topic, size_t nth)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(findings[i].topic, topic) == 0 && nth-- == 0)
            return &findings[i];
    return NULL;
}

struct judged {
    const char *name;
    struct bh_redis_survey survey;
    const char *topic;
    size_t nth;
    enum bh_finding_level level;
    const char *part;
};

static void
expect_finding(const struct judged *row)
{
    struct bh_finding findings[BH_FINDINGS_MAX];
    size_t count = bh_redis_survey_judge(&row->survey, findings);
    cr_assert_leq(count, BH_FINDINGS_MAX);
    const struct bh_finding *found = find_topic(findings, count, row->topic, row->nth);
    cr_assert_not_null(found, "%s: no finding about %s", row->name, row->topic);
    cr_expect_eq(found->level, row->level, "%s: level %d: %s", row->name, (int)found->level,
                 found->text);
    cr_expect_not_null(strstr(found->text, row->part), "%s: \"%s\" is not in: %s", row->name,
                       row->part, found->text);
    size_t len = strlen(found->text);
    cr_expect(len > 0 && found->text[len - 1] == '.', "%s: no full sentence: %s", row->name,
              found->text);
    cr_expect_null(find_topic(findings, count, row->topic, row->nth + 1),
                   "%s: more about %s than wanted", row->name, row->topic);
}

Test(redis_survey, finds_nothing_to_worry_about_on_a_good_server)
{
    struct bh_finding findings[BH_FINDINGS_MAX];
    struct bh_redis_survey survey = good();
    size_t count = bh_redis_survey_judge(&survey, findings);
    cr_expect_eq(count, 7);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(findings[i].level, BH_FINDING_GOOD, "%s", findings[i].text);
}

Test(redis_survey, says_of_a_silent_server_what_it_could_not_find_out)
{
    static const char *const topics[] = {"version", "role", "persistence", "eviction", "rights"};
    struct bh_finding findings[BH_FINDINGS_MAX];
    struct bh_redis_survey survey = blank();
    size_t count = bh_redis_survey_judge(&survey, findings);
    cr_expect_eq(count, BH_ARRAY_LEN(topics));
    for (size_t i = 0; i < BH_ARRAY_LEN(topics); i++)
        cr_expect_not_null(find_topic(findings, count, topics[i], 0), "%s", topics[i]);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(findings[i].level, BH_FINDING_NOTE, "%s", findings[i].text);
}

Test(redis_survey, judges_the_version)
{
    struct row {
        const char *version;
        unsigned major, minor;
        bool is_valkey;
        enum bh_finding_level level;
        const char *part;
    };
    static const struct row rows[] = {
        {"7.0.15",      7,   0,   false, BH_FINDING_GOOD,  "This is Redis 7.0.15."               },
        {"6.2.0",       6,   2,   false, BH_FINDING_GOOD,  "Redis 6.2.0"                         },
        {"7.2.4",       7,   2,   true,  BH_FINDING_GOOD,  "Valkey, compatible with Redis 7.2.4."},
        {"255.255.255", 255, 255, false, BH_FINDING_GOOD,  "255.255.255"                         },
        {"6.0.16",      6,   0,   false, BH_FINDING_FATAL, "6.2 or newer is needed (BLMOVE)"     },
        {"6.1.240",     6,   1,   false, BH_FINDING_FATAL, "This is Redis 6.1.240;"              },
        {"5.0.7",       5,   0,   false, BH_FINDING_FATAL, "Nothing can be claimed"              },
        {"2.8.9",       2,   8,   false, BH_FINDING_FATAL, "2.8.9"                               },
        {"",            0,   0,   false, BH_FINDING_NOTE,  "does not tell its version"           },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct judged row = {rows[i].version, good(), "version", 0, rows[i].level, rows[i].part};
        snprintf(row.survey.version, sizeof(row.survey.version), "%s", rows[i].version);
        row.survey.major = rows[i].major;
        row.survey.minor = rows[i].minor;
        row.survey.is_valkey = rows[i].is_valkey;
        expect_finding(&row);
    }
}

Test(redis_survey, judges_the_role)
{
    struct row {
        const char *role;
        enum bh_finding_level level;
        const char *part;
    };
    static const struct row rows[] = {
        {"master", BH_FINDING_GOOD,  "It is a master."                       },
        {"slave",  BH_FINDING_FATAL, "Point [redis] url to the master"       },
        {"Master", BH_FINDING_FATAL, "takes no writes"                       },
        {"",       BH_FINDING_NOTE,  "does not tell whether it is the master"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct judged row = {rows[i].role, good(), "role", 0, rows[i].level, rows[i].part};
        snprintf(row.survey.role, sizeof(row.survey.role), "%s", rows[i].role);
        expect_finding(&row);
    }
}

Test(redis_survey, judges_persistence)
{
    struct row {
        const char *name;
        enum bh_known appendonly, append_writes, snapshots;
        const char *fsync;
        enum bh_finding_level level;
        const char *part;
    };
    static const struct row rows[] = {
        {"every write",      BH_YES,     BH_YES,     BH_NO,      "always",   BH_FINDING_GOOD,
         "on disk before it is acknowledged"                                                                 },
        {"every second",     BH_YES,     BH_YES,     BH_YES,     "everysec", BH_FINDING_GOOD,
         "take back the last second"                                                                         },
        {"status unknown",   BH_YES,     BH_UNKNOWN, BH_YES,     "everysec", BH_FINDING_GOOD,
         "take back the last second"                                                                         },
        {"the kernel",       BH_YES,     BH_YES,     BH_YES,     "no",       BH_FINDING_RISK,
         "Set \"appendfsync everysec\""                                                                      },
        {"CONFIG forbidden", BH_YES,     BH_YES,     BH_UNKNOWN, "",         BH_FINDING_NOTE,
         "CONFIG GET is not permitted"                                                                       },
        {"a new word",       BH_YES,     BH_YES,     BH_UNKNOWN, "hourly",   BH_FINDING_NOTE, "does not tell"},
        {"snapshots",        BH_NO,      BH_YES,     BH_YES,     "everysec", BH_FINDING_RISK,
         "Only snapshots are kept"                                                                           },
        {"nothing",          BH_NO,      BH_YES,     BH_NO,      "everysec", BH_FINDING_RISK,
         "keeps nothing over a restart"                                                                      },
        {"nothing known",    BH_NO,      BH_YES,     BH_UNKNOWN, "",         BH_FINDING_RISK,
         "The append-only file is off"                                                                       },
        {"INFO forbidden",   BH_UNKNOWN, BH_UNKNOWN, BH_YES,     "always",   BH_FINDING_NOTE,
         "does not tell how it keeps data"                                                                   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct judged row = {rows[i].name, good(), "persistence", 0, rows[i].level, rows[i].part};
        row.survey.appendonly = rows[i].appendonly;
        row.survey.append_writes = rows[i].append_writes;
        row.survey.snapshots = rows[i].snapshots;
        snprintf(row.survey.appendfsync, sizeof(row.survey.appendfsync), "%s", rows[i].fsync);
        expect_finding(&row);
    }
}

Test(redis_survey, says_first_that_the_append_only_file_cannot_be_written)
{
    struct bh_finding findings[BH_FINDINGS_MAX];
    struct bh_redis_survey survey = good();
    survey.append_writes = BH_NO;
    size_t count = bh_redis_survey_judge(&survey, findings);
    const struct bh_finding *first = find_topic(findings, count, "persistence", 0);
    const struct bh_finding *second = find_topic(findings, count, "persistence", 1);
    cr_assert_not_null(second);
    cr_expect_eq(first->level, BH_FINDING_RISK);
    cr_expect_not_null(strstr(first->text, "cannot be written"), "%s", first->text);
    cr_expect_eq(second->level, BH_FINDING_GOOD, "%s", second->text);
}

Test(redis_survey, judges_eviction)
{
    struct row {
        const char *policy;
        int64_t max;
        enum bh_finding_level level;
        const char *part;
    };
    static const struct row rows[] = {
        {"noeviction",   1000, BH_FINDING_GOOD, "Nothing is evicted"                   },
        {"noeviction",   0,    BH_FINDING_GOOD, "Nothing is evicted"                   },
        {"allkeys-lru",  0,    BH_FINDING_NOTE, "only because maxmemory is not set"    },
        {"allkeys-lru",  1000, BH_FINDING_RISK, "maxmemory-policy is allkeys-lru: when"},
        {"volatile-ttl", 1000, BH_FINDING_RISK, "Set \"maxmemory-policy noeviction\""  },
        {"allkeys-lru",  -1,   BH_FINDING_RISK, "deletes keys"                         },
        {"",             1000, BH_FINDING_NOTE, "does not tell its maxmemory-policy"   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct judged row = {rows[i].policy, good(), "eviction", 0, rows[i].level, rows[i].part};
        snprintf(row.survey.eviction, sizeof(row.survey.eviction), "%s", rows[i].policy);
        row.survey.memory_max = rows[i].max;
        expect_finding(&row);
    }
}

Test(redis_survey, judges_memory)
{
    struct row {
        const char *name;
        int64_t used, max;
        enum bh_finding_level level;
        const char *part;
    };
    static const struct row rows[] = {
        {"hardly any",     1,          1000000000, BH_FINDING_GOOD, "0 % of maxmemory"          },
        {"below",          790000000,  1000000000, BH_FINDING_GOOD, "78 % of maxmemory"         },
        {"tight",          810000000,  1000000000, BH_FINDING_RISK, "80 % of maxmemory"         },
        {"over",           1200000000, 1000000000, BH_FINDING_RISK, "119 % of maxmemory"        },
        {"one byte",       900000,     1,          BH_FINDING_RISK, "producers can push nothing"},
        {"absurd",         INT64_MAX,  1,          BH_FINDING_RISK, "maxmemory are in use"      },
        {"absurdly large", 0,          INT64_MAX,  BH_FINDING_GOOD, "0 % of maxmemory"          },
        {"both",           INT64_MAX,  INT64_MAX,  BH_FINDING_RISK, "% of maxmemory"            },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct judged row = {rows[i].name, good(), "memory", 0, rows[i].level, rows[i].part};
        row.survey.memory_used = rows[i].used;
        row.survey.memory_max = rows[i].max;
        expect_finding(&row);
    }
}

Test(redis_survey, has_nothing_to_say_about_memory_without_a_limit)
{
    static const int64_t rows[][2] = {
        {1000,      0        },
        {-1,        -1       },
        {-1,        10       },
        {5,         -1       },
        {5,         INT64_MIN},
        {INT64_MIN, 10       },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_finding findings[BH_FINDINGS_MAX];
        struct bh_redis_survey survey = good();
        survey.memory_used = rows[i][0];
        survey.memory_max = rows[i][1];
        size_t count = bh_redis_survey_judge(&survey, findings);
        cr_expect_null(find_topic(findings, count, "memory", 0), "row %zu", i);
    }
}

Test(redis_survey, judges_the_clock)
{
    struct row {
        bh_ms ahead;
        enum bh_finding_level level;
        const char *part;
    };
    static const struct row rows[] = {
        {0,               BH_FINDING_GOOD, "agree within 0 ms"          },
        {2000,            BH_FINDING_GOOD, "agree within 2000 ms"       },
        {-2000,           BH_FINDING_GOOD, "agree within 2000 ms"       },
        {2001,            BH_FINDING_RISK, "2 s ahead of this machine's"},
        {-61000,          BH_FINDING_RISK, "61 s behind this machine's" },
        {90000,           BH_FINDING_RISK, "leave that much early"      },
        {-90000,          BH_FINDING_RISK, "leave that much late"       },
        {253402300799000, BH_FINDING_RISK, "Check time synchronisation" },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct judged row = {"clock", good(), "clock", 0, rows[i].level, rows[i].part};
        row.survey.clock_ahead_ms = rows[i].ahead;
        expect_finding(&row);
    }
}

Test(redis_survey, judges_the_rights)
{
    struct judged row = {"unknown", good(), "rights", 0, BH_FINDING_NOTE, "takes Redis 7"};
    row.survey.rights_known = false;
    expect_finding(&row);

    row = (struct judged){"all", good(), "rights", 0, BH_FINDING_GOOD, "are permitted."};
    expect_finding(&row);

    row = (struct judged){"one", good(),           "rights",
                          0,     BH_FINDING_FATAL, "may not give: BLMOVE. README.md shows"};
    row.survey.denied_count = 1;
    snprintf(row.survey.denied[0], sizeof(row.survey.denied[0]), "BLMOVE");
    expect_finding(&row);

    row.name = "two";
    row.part = "may not give: BLMOVE, XREAD. README";
    row.survey.denied_count = 2;
    snprintf(row.survey.denied[1], sizeof(row.survey.denied[0]), "XREAD");
    expect_finding(&row);
}

Test(redis_survey, names_as_many_rights_as_fit_and_counts_the_rest)
{
    struct judged row = {"all", good(),           "rights",
                         0,     BH_FINDING_FATAL, ", ZRANGEBYSCORE and 23 more. README.md"};
    row.survey.denied_count = 31;
    for (size_t i = 0; i < BH_SURVEY_DENIED_MAX; i++)
        snprintf(row.survey.denied[i], sizeof(row.survey.denied[i]), "ZRANGEBYSCORE");
    expect_finding(&row);

    row.name = "names as long as they may be";
    row.part = " and 28 more. README.md shows an ACL line that suffices.";
    for (size_t i = 0; i < BH_SURVEY_DENIED_MAX; i++)
        memset(row.survey.denied[i], 'N', sizeof(row.survey.denied[i]) - 1);
    expect_finding(&row);
}

Test(redis_survey, keeps_every_sentence_whole)
{
    struct bh_redis_survey survey = good();
    struct bh_finding findings[BH_FINDINGS_MAX];
    memset(survey.version, '9', sizeof(survey.version) - 1);
    memset(survey.eviction, 'e', sizeof(survey.eviction) - 1);
    survey.is_valkey = true;
    survey.major = 1;
    survey.append_writes = BH_NO;
    survey.appendonly = BH_NO;
    survey.memory_used = INT64_MAX;
    survey.clock_ahead_ms = -253402300799000;
    size_t count = bh_redis_survey_judge(&survey, findings);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(findings[i].text);
        cr_expect_lt(len, sizeof(findings[i].text) - 1, "cut: %s", findings[i].text);
        cr_expect_eq(findings[i].text[len - 1], '.', "%s", findings[i].text);
    }
}
