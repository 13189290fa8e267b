#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/gateway_profile.h"
#include "daemon/settings.h"
#include "support/config_fixture.h"
#include "support/scarce_memory.h"

#define GATEWAY "[gateway]\napi_key = k\n"
#define QUEUE   "[queue sms]\n"

static struct bh_config *
read_config(const char *text)
{
    static const struct fixture_file files[] = {
        {.path = "/secret", .bytes = "from-file\n"},
        {.path = NULL                },
    };
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source = fixture_source(bh_str_from(text));
    source.files.arg = (void *)(uintptr_t)files;
    enum bh_status status = bh_config_read(&source, &report, &config);
    for (size_t i = 0; i < report.count && status != BH_OK; i++)
        fprintf(stderr, "%s: %s\n", report.messages[i].where, report.messages[i].text);
    cr_assert_eq(status, BH_OK, "%s", text);
    bh_config_report_release(&report);
    return config;
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

Test(settings, redis_gets_address_and_login)
{
    struct row {
        const char *name, *section;
        enum bh_redis_url_kind kind;
        bool tls;
        const char *host;
        uint16_t port;
        const char *path;
        int db;
        const char *username, *password;
    };
    static const struct row rows[] = {
        {"default",          "",                                        BH_REDIS_TCP,  false, "127.0.0.1", 6379, NULL, 0, NULL,      NULL       },
        {"address",          "url = redis://r.example:6380/3\n",        BH_REDIS_TCP,  false, "r.example", 6380,
         NULL,                                                                                                         3, NULL,      NULL       },
        {"tls",              "url = rediss://r.example\n",              BH_REDIS_TCP,  true,  "r.example", 6379, NULL, 0, NULL,
         NULL                                                                                                                                   },
        {"socket",           "url = unix:///run/redis.sock?db=2\n",     BH_REDIS_UNIX, false, NULL,        0,
         "/run/redis.sock",                                                                                            2, NULL,      NULL       },
        {"login in the url", "url = redis://u:p@h\n",                   BH_REDIS_TCP,  false, "h",         6379, NULL, 0, "u",
         "p"                                                                                                                                    },
        {"password alone",   "password = secret\n",                     BH_REDIS_TCP,  false, "127.0.0.1", 6379, NULL, 0,
         NULL,                                                                                                                       "secret"   },
        {"both",             "username = bellhop\npassword = secret\n", BH_REDIS_TCP,  false, "127.0.0.1", 6379,
         NULL,                                                                                                         0, "bellhop", "secret"   },
        {"from a file",      "password_file = /secret\n",               BH_REDIS_TCP,  false, "127.0.0.1", 6379, NULL,
         0,                                                                                                               NULL,      "from-file"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        char text[512];
        struct bh_settings settings;
        struct bh_error error = {"", ""};
        snprintf(text, sizeof(text), "[redis]\n%s" GATEWAY QUEUE, row->section);
        struct bh_config *config = read_config(text);
        cr_assert_eq(bh_settings_redis(&settings, config, "one/0", &error), BH_OK, "%s: %s",
                     row->name, error.text);
        const struct bh_redis_url *url = settings.redis.url;
        cr_expect_eq(url->kind, row->kind, "%s", row->name);
        cr_expect_eq(url->tls, row->tls, "%s", row->name);
        cr_expect_eq(url->hosts_count, row->host != NULL ? 1 : 0, "%s", row->name);
        if (row->host != NULL && url->hosts_count == 1) {
            cr_expect_str_eq(url->hosts[0].name, row->host, "%s", row->name);
            cr_expect_eq(url->hosts[0].port, row->port, "%s", row->name);
        }
        cr_expect(same_text(url->path, row->path), "%s", row->name);
        cr_expect_eq(url->db, row->db, "%s", row->name);
        cr_expect(same_text(url->username, row->username), "%s", row->name);
        cr_expect(same_text(url->password, row->password), "%s", row->name);
        cr_expect_str_eq(settings.redis.client_name, "one/0", "%s", row->name);
        /* What the shells borrow must not hang on the snapshot. */
        bh_config_release(config);
        cr_expect_str_eq(settings.redis.client_name, "one/0", "%s", row->name);
        cr_expect_eq(url->db, row->db, "%s", row->name);
        bh_settings_release(&settings);
        cr_expect_null(settings.redis.url);
        bh_settings_release(&settings);
    }
}

Test(settings, redis_gets_files_and_times)
{
    struct bh_settings settings, second;
    struct bh_config *config =
        read_config("[redis]\nurl = rediss://h\ntls_ca = /ca\ntls_cert = /cert\ntls_key = /key\n"
                    "connect_timeout = 1500ms\ncommand_timeout = 7s\n" GATEWAY QUEUE);
    cr_assert_eq(bh_settings_redis(&settings, config, "a", NULL), BH_OK);
    cr_assert_eq(bh_settings_redis(&second, config, "b", NULL), BH_OK);
    cr_expect_str_eq(settings.redis.tls.ca, "/ca");
    cr_expect_str_eq(settings.redis.tls.cert, "/cert");
    cr_expect_str_eq(settings.redis.tls.key, "/key");
    cr_expect_eq(settings.redis.connect_timeout_ms, 1500);
    cr_expect_eq(settings.redis.command_timeout_ms, 7000);
    cr_expect_neq(settings.redis.seed, second.redis.seed, "each connection has its own dice");
    bh_settings_release(&settings);
    bh_settings_release(&second);
    bh_config_release(config);

    config = read_config(GATEWAY QUEUE);
    cr_assert_eq(bh_settings_redis(&settings, config, "a", NULL), BH_OK);
    cr_expect_null(settings.redis.tls.ca);
    cr_expect_null(settings.redis.tls.cert);
    cr_expect_null(settings.redis.tls.key);
    cr_expect_eq(settings.redis.connect_timeout_ms, 2000);
    cr_expect_eq(settings.redis.command_timeout_ms, 5000);
    bh_settings_release(&settings);
    bh_config_release(config);
}

Test(settings, each_queue_becomes_one_of_the_store)
{
    struct bh_store_queue queues[BH_CONFIG_QUEUES_MAX];
    struct bh_config *config =
        read_config(GATEWAY "[pool]\nlease = 45s\n[status]\nretention = 3d\nevents = 1000\n"
                            "[queue sms]\nrate = 7\nconcurrency = 5\ndead_max = 77\ndead_ttl = 2d\n"
                            "[queue voice-2]\ntype = voice\n");
    cr_assert_eq(bh_settings_queues(config, queues), 2);
    cr_expect_str_eq(queues[0].name, "sms");
    cr_expect_eq(queues[0].number, config->queues[0].no);
    cr_expect_eq(queues[0].lease_ms, 45000);
    cr_expect_eq(queues[0].rate, 7);
    cr_expect_eq(queues[0].concurrency, 5);
    cr_expect_eq(queues[0].dead_max, 77);
    cr_expect_eq(queues[0].dead_ttl_ms, 2 * BH_DAY_MS);
    cr_expect_eq(queues[0].retention_ms, 3 * BH_DAY_MS);
    cr_expect_eq(queues[0].events_cap, 1000);
    cr_expect_eq(queues[0].payload_bytes_max, 8 * 1024 * 1024);

    cr_expect_str_eq(queues[1].name, "voice-2");
    cr_expect_neq(queues[1].number, queues[0].number);
    cr_expect_eq(queues[1].rate, 0);
    cr_expect_eq(queues[1].concurrency, 0);
    cr_expect_eq(queues[1].dead_max, 10000);
    cr_expect_eq(queues[1].dead_ttl_ms, 90 * BH_DAY_MS);
    bh_config_release(config);
}

Test(settings, messages_are_remembered_where_somebody_brings_reports)
{
    static const struct {
        const char *name, *text;
        bh_ms open_ms, pull_after_ms;
        bool keeps_sms, keeps_calls;
    } rows[] = {
  /* clang-format off */
        {"nobody does", GATEWAY "[queue a]\n", 0, 0, false, false},
        {"a webhook", GATEWAY "[http]\nwebhook_token = t0ken-of-a-test\n[queue a]\n", 3 * BH_DAY_MS, 0, false, false},
        {"for as long as there is a status", GATEWAY "[status]\nretention = 1d\n[http]\nwebhook_token = t0ken-of-a-test\n[queue a]\n", BH_DAY_MS, 0, false, false},
        {"we ask for them", GATEWAY "pull_reports = yes\npull_after = 90s\n[queue a]\n", 3 * BH_DAY_MS, 90000, false, false},
        {"nothing is asked unless it is switched on", GATEWAY "pull_after = 90s\n[queue a]\n", 0, 0, false, false},
        {"to send again", GATEWAY "[queue a]\nresend_on_report = yes\n", 3 * BH_DAY_MS, 0, true, false},
        {"to call again", GATEWAY "[queue a]\ntype = voice\nredial = 2\n", 3 * BH_DAY_MS, 0, false, true},
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_store_queue queues[BH_CONFIG_QUEUES_MAX];
        struct bh_config *config = read_config(rows[i].text);
        cr_assert_eq(bh_settings_queues(config, queues), 1);
        const struct bh_tracking *tracking = &queues[0].tracking;
        cr_expect_eq(tracking->open_ms, rows[i].open_ms, "%s", rows[i].name);
        cr_expect_eq(tracking->pull_after_ms, rows[i].pull_after_ms, "%s", rows[i].name);
        cr_expect_eq(tracking->keeps_sms, rows[i].keeps_sms, "%s", rows[i].name);
        cr_expect_eq(tracking->keeps_calls, rows[i].keeps_calls, "%s", rows[i].name);
        bh_config_release(config);
    }
}

Test(settings, as_many_queues_fit_as_may_be_configured)
{
    char text[8192] = GATEWAY;
    size_t len = strlen(text);
    struct bh_store_queue queues[BH_CONFIG_QUEUES_MAX];
    for (unsigned i = 0; i < BH_CONFIG_QUEUES_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "[queue q%u]\n", i);
    struct bh_config *config = read_config(text);
    cr_assert_eq(bh_settings_queues(config, queues), BH_CONFIG_QUEUES_MAX);
    cr_expect_str_eq(queues[BH_CONFIG_QUEUES_MAX - 1].name, "q63");
    bh_config_release(config);
}

Test(settings, connections_are_shared_out_and_everybody_gets_one)
{
    struct row {
        const char *connections, *workers;
        unsigned wanted;
    };
    static const struct row rows[] = {
        {"16", "1",  16},
        {"16", "2",  8 },
        {"16", "3",  5 },
        {"16", "16", 1 },
        {"1",  "4",  1 },
        {"3",  "64", 1 },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char text[256];
        snprintf(text, sizeof(text), GATEWAY "max_connections = %s\n[pool]\nworkers = %s\n" QUEUE,
                 rows[i].connections, rows[i].workers);
        struct bh_config *config = read_config(text);
        struct bh_gateway_transport_options options = bh_settings_transport(config);
        cr_expect_eq(options.max_connections, rows[i].wanted, "%s over %s: %u", rows[i].connections,
                     rows[i].workers, options.max_connections);
        bh_config_release(config);
    }
}

Test(settings, the_transport_gets_what_is_configured_and_nothing_else)
{
    struct bh_config *config = read_config(
        GATEWAY "connect_timeout = 3s\nrequests_per_connection = 40\nca_file = /ca.pem\n"
                "proxy = http://proxy.example:3128\n" QUEUE);
    struct bh_gateway_transport_options options = bh_settings_transport(config);
    cr_expect_eq(options.connect_timeout_ms, 3000);
    cr_expect_eq(options.requests_per_connection, 40);
    cr_expect_str_eq(options.ca_file, "/ca.pem");
    cr_expect_str_eq(options.proxy, "http://proxy.example:3128");
    bh_config_release(config);

    config = read_config(GATEWAY QUEUE);
    options = bh_settings_transport(config);
    cr_expect_eq(options.connect_timeout_ms, 5000);
    cr_expect_eq(options.requests_per_connection, 500);
    cr_expect_null(options.ca_file);
    cr_expect_null(options.proxy);
    bh_config_release(config);
}

Test(settings, limits_of_the_account_are_those_of_the_gateway_section)
{
    struct bh_store_limit limits[BH_LIMIT_COUNT];
    struct bh_config *config =
        read_config(GATEWAY "requests_per_second = 30\nconnections_per_second = 20\n" QUEUE);
    bh_settings_limits(config, limits);
    cr_expect_eq(limits[BH_LIMIT_REQUESTS].rate, 30);
    cr_expect_eq(limits[BH_LIMIT_CONNECTIONS].rate, 20);
    bh_config_release(config);

    config = read_config(GATEWAY QUEUE);
    bh_settings_limits(config, limits);
    cr_expect_eq(limits[BH_LIMIT_REQUESTS].rate, 0);
    cr_expect_eq(limits[BH_LIMIT_CONNECTIONS].rate, 50);
    bh_config_release(config);
}

static void
name_account(const char *gateway, char ret_name[13])
{
    char text[256];
    snprintf(text, sizeof(text), "[gateway]\n%s" QUEUE, gateway);
    struct bh_config *config = read_config(text);
    cr_assert_eq(bh_gateway_account_name(&config->gateway, ret_name), BH_OK);
    bh_config_release(config);
}

Test(settings, the_account_is_named_by_url_and_key_alone)
{
    static const char *const rows[] = {
        "url = https://a.example/api\napi_key = k\n",
        "url = https://b.example/api\napi_key = k\n",
        "url = https://a.example/api\napi_key = l\n",
        "url = https://a.example/ap\napi_key = ik\n",
        "url = https://a.example/api\napi_key_file = /secret\n",
        "api_key = k\n",
    };
    char names[BH_ARRAY_LEN(rows)][13], again[13];
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        name_account(rows[i], names[i]);
        cr_expect_eq(strlen(names[i]), 12);
        cr_expect_eq(strspn(names[i], "0123456789abcdef"), 12, "%s", names[i]);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(names[i], names[k], "rows %zu and %zu", i, k);
    }
    name_account("url = https://a.example/api/\napi_key = k\ntimeout = 10s\nauth = header\n",
                 again);
    cr_expect_str_eq(again, names[0], "other keys and a slash at the end make no other account");
    name_account("url = https://a.example/api\napi_key = from-file\n", again);
    cr_expect_str_eq(again, names[4], "nor where the key stands");
}

/* ---- memory ---- */

Test(settings, any_failing_allocation_leaves_nothing_behind)
{
    struct bh_settings settings;
    enum bh_status status = BH_ENOMEM;
    bh_use_scarce_memory();
    bh_allocations_left = INT32_MAX;
    struct bh_config *config =
        read_config("[redis]\nurl = redis://h/2\nusername = v\npassword = q\n" GATEWAY QUEUE);
    long tries = 0;
    for (; status != BH_OK; tries++) {
        cr_assert_lt(tries, 1000);
        bh_allocations_left = tries;
        status = bh_settings_redis(&settings, config, "one/0", NULL);
        cr_expect(status == BH_OK || status == BH_ENOMEM, "%s", bh_status_name(status));
    }
    cr_expect_gt(tries, 4);
    bh_settings_release(&settings);
    bh_config_release(config);
}

Test(settings, the_journal_lies_where_it_is_told_or_where_the_service_manager_says)
{
    static const struct {
        const char *section, *state_directory, *wanted;
        bool off;
    } rows[] = {
        {"",                           NULL,         "",           false},
        {"",                           "",           "",           false},
        {"",                           "/var/lib/a", "/var/lib/a", false},
        {"",                           "/a:/b",      "/a",         false},
        {"[pool]\njournal = /var/x\n", "/a",         "/var/x",     false},
        {"[pool]\njournal = off\n",    "/a",         "off",        true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), GATEWAY "%s" QUEUE, rows[i].section);
        struct bh_config *config = read_config(text);
        struct bh_sent_journal_options options =
            bh_settings_journal(config, bh_str_from(rows[i].state_directory));
        cr_expect(bh_str_equal_text(options.directory, rows[i].wanted), "row %zu: %.*s", i,
                  BH_STR_ARGS(options.directory));
        cr_expect_eq(bh_settings_journal_is_off(config), rows[i].off, "row %zu", i);
        cr_expect_eq(options.records, 65536);
        cr_expect_not_null(options.instance);
        bh_config_release(config);
    }
}
