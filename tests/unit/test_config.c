#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/config.h"
#include "core/config_table.h"
#include "core/schedule.h"
#include "core/zone.h"
#include "support/config_fixture.h"
#include "support/scarce_memory.h"

/* The least that is a configuration. */
#define LEAST "[gateway]\napi_key = k\n[queue sms]\n"

static char *
printed(const struct bh_config_report *report)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 1 << 20);
    cr_assert_eq(bh_config_report_print(report, &buf), BH_OK);
    char *text = bh_buf_take(&buf);
    cr_assert_not_null(text);
    return text;
}

struct row {
    const char *name;
    const char *text;
    const char *environment[5]; /* ends with NULL */
    const char *wanted;         /* the whole report */
};

static void
run(const struct row *rows, size_t count, enum bh_status wanted)
{
    for (size_t i = 0; i < count; i++) {
        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(bh_str_from(rows[i].text));
        source.environment = rows[i].environment;
        enum bh_status status = bh_config_read(&source, &report, &config);
        char *text = printed(&report);
        cr_expect_eq(status, wanted, "%s: %s\n%s", rows[i].name, bh_status_name(status), text);
        cr_expect_str_eq(text, rows[i].wanted, "%s: got\n%swanted\n%s", rows[i].name, text,
                         rows[i].wanted);
        cr_expect_eq(config != NULL, status == BH_OK, "%s", rows[i].name);
        bh_free(text);
        bh_config_release(config);
        bh_config_report_release(&report);
    }
}

static struct bh_config *
read_or_fail(const char *text, const char *const *environment)
{
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source = fixture_source(bh_str_from(text));
    source.environment = environment;
    enum bh_status status = bh_config_read(&source, &report, &config);
    char *messages = printed(&report);
    cr_assert_eq(status, BH_OK, "%s", messages);
    bh_free(messages);
    bh_config_report_release(&report);
    return config;
}

/* ---- The table ---- */

Test(config, every_row_of_the_table_is_whole)
{
    size_t slots = 0;
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        cr_expect_eq(bh_config_section_get(bh_str_from(section->name)), section);
        if (!section->is_queue) {
            cr_expect_eq(section->slots_at, slots, "%s", section->name);
            slots += section->rows_count;
        }
        for (size_t r = 0; r < section->rows_count; r++) {
            const struct bh_config_row *row = &section->rows[r];
            size_t help = strlen(row->help);
            cr_expect_eq(bh_config_row_get(section, bh_str_from(row->key)), row,
                         "[%s] %s stands twice", section->name, row->key);
            cr_expect_not_null(row->fallback, "%s", row->key);
            cr_expect(help > 15 && row->help[help - 1] == '.', "%s", row->key);
            cr_expect_leq(row->min, row->max, "%s", row->key);
            cr_expect_eq(row->type == BH_CONFIG_ENUM, row->choices != NULL, "%s", row->key);
            for (size_t other = 0; other < r; other++)
                cr_expect_neq(row->offset, section->rows[other].offset, "%s", row->key);
            /* A queue is taken in and let go without a restart, so its keys cannot ask for one. */
            cr_expect(!section->is_queue || row->reload != BH_CONFIG_RESTART, "%s", row->key);
        }
    }
    cr_expect_eq(slots, bh_config_global_slots);
    cr_expect_str_eq(bh_config_section_get(BH_STR_LITERAL("queue"))->rows[0].key, "type",
                     "later defaults of a queue depend on its type");
}

Test(config, every_secret_with_a_file_is_followed_by_its_path)
{
    size_t pairs = 0;
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        for (size_t r = 0; r + 1 < section->rows_count; r++) {
            char name[64];
            snprintf(name, sizeof(name), "%s_file", section->rows[r].key);
            bool has_file = bh_config_row_get(section, bh_str_from(name)) != NULL;
            bool pair = section->rows[r].type == BH_CONFIG_SECRET &&
                        section->rows[r + 1].type == BH_CONFIG_PATH;
            cr_expect_eq(has_file, pair, "%s", section->rows[r].key);
            cr_expect(!pair || strcmp(section->rows[r + 1].key, name) == 0, "%s", name);
            pairs += pair;
        }
    }
    cr_expect_eq(pairs, 4);
}

/* ---- What a good file gives ---- */

Test(config, the_least_file_gives_the_defaults)
{
    struct bh_config *c = read_or_fail(LEAST, NULL);
    cr_expect_str_eq(c->redis.url, "redis://127.0.0.1:6379/0");
    cr_expect_str_eq(c->redis.username, "");
    cr_expect_eq(c->redis.password.len, 0);
    cr_expect_str_eq(c->redis.password.bytes, "");
    cr_expect_str_eq(c->redis.prefix, "bellhop");
    cr_expect_str_eq(c->redis.tls_ca, "");
    cr_expect_eq(c->redis.connect_timeout_ms, 2000);
    cr_expect_eq(c->redis.command_timeout_ms, 5000);

    cr_expect_str_eq(c->gateway.url, "https://gateway.sms77.io/api");
    cr_expect_str_eq(c->gateway.api_key.bytes, "k");
    cr_expect_eq(c->gateway.api_key.len, 1);
    cr_expect_eq(c->gateway.auth, BH_CONFIG_AUTH_BASIC);
    cr_expect_eq(c->gateway.connect_timeout_ms, 5000);
    cr_expect_eq(c->gateway.timeout_ms, 20000);
    cr_expect_eq(c->gateway.max_connections, 16);
    cr_expect_eq(c->gateway.connections_per_second, 50);
    cr_expect_eq(c->gateway.requests_per_second, 0);
    cr_expect_eq(c->gateway.requests_per_connection, 500);
    cr_expect_str_eq(c->gateway.timezone, "Europe/Berlin");
    cr_expect_not_null(c->gateway.zone);
    cr_expect_eq(bh_zone_offset_s(c->gateway.zone, (struct bh_wall){0}), 0);
    cr_expect_str_eq(c->gateway.country, "49");
    cr_expect_eq(c->gateway.balance_interval_ms, 5 * BH_MINUTE_MS);
    cr_expect_eq(c->gateway.low_balance_micro, 0);
    cr_expect_eq(c->gateway.reload_lock_ms, 180000);

    cr_expect_eq(c->pool.workers, 1);
    cr_expect_eq(c->pool.concurrency, 64);
    cr_expect_eq(c->pool.lease_ms, 30000);
    cr_expect_eq(c->pool.drain_timeout_ms, 20000);
    cr_expect_str_eq(c->pool.instance, "host-1");

    cr_expect_eq(c->status.retention_ms, 7 * BH_DAY_MS);
    cr_expect_eq(c->status.events_max, 0);
    cr_expect_str_eq(c->http.listen.host, "127.0.0.1");
    cr_expect_eq(c->http.listen.port, 9177);
    cr_expect_eq(c->alert.repeat_ms, BH_HOUR_MS);
    cr_expect_eq(c->log.level, BH_LOG_INFO);
    cr_expect_eq(c->log.format, BH_LOG_TEXT);
    cr_expect(c->log.mask);
    bh_config_release(c);
}

Test(config, a_queue_has_defaults_by_its_type)
{
    struct bh_config *c =
        read_or_fail(LEAST "[queue calls]\non_uncertain = resend\ntype = voice\n"
                           "[queue v-2]\ntype=voice\nweight = 3\nstrict = on\nttl = 90m\n"
                           "retry = 1s*2, 1m*\ndead_max = 0\nmax_job = 2KiB\n",
                     NULL);
    cr_assert_eq(c->queues_count, 3);
    const struct bh_queue_config *sms = bh_config_queue_get(c, BH_STR_LITERAL("sms"));
    const struct bh_queue_config *calls = bh_config_queue_get(c, BH_STR_LITERAL("calls"));
    const struct bh_queue_config *v2 = bh_config_queue_get(c, BH_STR_LITERAL("v-2"));
    cr_assert(sms == &c->queues[0] && calls == &c->queues[1] && v2 == &c->queues[2]);
    cr_expect_null(bh_config_queue_get(c, BH_STR_LITERAL("SMS")));

    bh_ms delay;
    cr_expect_str_eq(sms->name, "sms");
    cr_expect_eq(sms->no, 0);
    cr_expect_eq(sms->type, BH_JOB_SMS);
    cr_expect_eq(sms->on_uncertain, BH_ON_UNCERTAIN_RESEND);
    cr_expect_eq(sms->weight, 1);
    cr_expect_not(sms->strict);
    cr_expect_eq(sms->rate, 0);
    cr_expect_eq(sms->concurrency, 0);
    cr_expect_eq(sms->ttl_ms, 48 * BH_HOUR_MS);
    cr_expect(bh_schedule_delay(sms->retry, 0, &delay) && delay == 5000);
    cr_expect(bh_schedule_delay(sms->retry, 99, &delay) && delay == 30 * BH_MINUTE_MS);
    cr_expect_eq(sms->bundle, 1);
    cr_expect_eq(sms->fair_by, BH_QUEUE_FAIR_BY_NOTHING);
    cr_expect_str_eq(sms->callback_url, "");
    cr_expect_eq(sms->dead_max, 10000);
    cr_expect_eq(sms->dead_ttl_ms, 90 * BH_DAY_MS);
    cr_expect_eq(sms->max_job_bytes, 64 * 1024);
    cr_expect_eq(sms->max_job_with_files_bytes, 8 * 1024 * 1024);

    cr_expect_eq(calls->type, BH_JOB_VOICE);
    cr_expect_eq(calls->on_uncertain, BH_ON_UNCERTAIN_RESEND);
    cr_expect_eq(v2->no, 2);
    cr_expect_eq(v2->on_uncertain, BH_ON_UNCERTAIN_HOLD);
    cr_expect_eq(v2->weight, 3);
    cr_expect(v2->strict);
    cr_expect_eq(v2->ttl_ms, 90 * BH_MINUTE_MS);
    cr_expect(bh_schedule_delay(v2->retry, 1, &delay) && delay == 1000);
    cr_expect(bh_schedule_delay(v2->retry, 2, &delay) && delay == BH_MINUTE_MS);
    cr_expect_eq(v2->dead_max, 0);
    cr_expect_eq(v2->max_job_bytes, 2048);
    bh_config_release(c);
}

Test(config, values_stand_as_they_are)
{
    static const struct {
        const char *line;
        const char *wanted;
    } rows[] = {
        {"api_key = a;b#c",    "a;b#c"},
        {"api_key = a ;b",     NULL   },
        {"api_key =\tx=y==  ", "x=y=="},
        {"api_key = \\n",      "\\n"  },
        {"api_key = %s%n",     "%s%n" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "[queue q]\n[gateway]\n%s\n", rows[i].line);
        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(bh_str_from(text));
        enum bh_status status = bh_config_read(&source, &report, &config);
        cr_expect_eq(status == BH_OK, rows[i].wanted != NULL, "%s", rows[i].line);
        if (status == BH_OK)
            cr_expect_str_eq(config->gateway.api_key.bytes, rows[i].wanted);
        bh_config_release(config);
        bh_config_report_release(&report);
    }
}

/* ---- What is refused ---- */

#define AT(place, text) "b.conf:" place ": error: " text "\n"

Test(config, refuses_what_it_does_not_know)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"unknown section", LEAST "[gatway]\nurl = x\n", {NULL},
         AT("4:2", "there is no section [gatway]; did you mean [gateway]?")},
        {"section in capitals", LEAST "[Pool]\n", {NULL},
         AT("4:2", "there is no section [Pool]; did you mean [pool]?")},
        {"unlike any section", LEAST "[zzz]\nfoo = 1\n[pool]\n", {NULL},
         AT("4:2", "there is no section [zzz].")},
        {"escape in a section", LEAST "[\xE2\x80\xAE]\n", {NULL},
         AT("4:2", "there is no section [\\xE2\\x80\\xAE].")},
        {"unknown key", LEAST "tll = 1h\n", {NULL},
         AT("4:1", "[queue] has no key `tll`; did you mean `ttl`?")},
        {"key in capitals", LEAST "TTL = 1h\n", {NULL},
         AT("4:1", "[queue] has no key `TTL`; did you mean `ttl`?")},
        {"key of another section", LEAST "lease = 30s\n", {NULL},
         AT("4:1", "[queue] has no key `lease`; it belongs to [pool].")},
        {"key of a queue elsewhere", LEAST "[pool]\n  retry = 1s\n", {NULL},
         AT("5:3", "[pool] has no key `retry`; it belongs to [queue NAME].")},
        {"repeated key", LEAST "ttl = 1h\nttl = 1h\n", {NULL},
         AT("5:1", "[queue sms] ttl: the key stands already in line 4.")},
        {"repeated key, the first refused", LEAST "ttl = x\nttl = 1h\n", {NULL},
         AT("4:7", "[queue sms] ttl: \"x\" is not a duration; write for example "
                   "500ms, 30s, 5m, 2h or 7d.")
         AT("5:1", "[queue sms] ttl: the key stands already in line 4.")},
        {"repeated section", LEAST "[gateway]\nauth = foo\n", {NULL},
         AT("4:2", "[gateway] stands already in line 1.")
         AT("5:8", "[gateway] auth: \"foo\" is not one of the words; it must be basic, header or "
                   "parameter.")},
        {"repeated queue", LEAST "[pool]\n[queue  sms]\nrate = -1\n", {NULL},
         AT("5:2", "[queue sms] stands already in line 3.")
         AT("6:8", "[queue sms] rate: \"-1\" is out of range; it must be 0 to 100000 jobs per second.")},
        {"name where none belongs", LEAST "[pool one]\n", {NULL},
         AT("4:2", "[pool] takes no name; only queues have one.")},
        {"fault of the file", LEAST "[pool\nlease = x\n[log]\nnothing\n", {NULL},
         AT("4:6", "the section header has no closing bracket.")
         AT("7:1", "this is neither a [section], nor `key = value`, nor a comment; values cannot go "
                   "on over several lines.")},
    };
    /* clang-format on */
    run(rows, sizeof(rows) / sizeof(rows[0]), BH_EINVAL);
}

#define NAME_RULE                                                                                  \
    "a queue is written [queue NAME], its name 1 to 32 characters of a-z, 0-9, - and _"

Test(config, refuses_odd_queues)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"none", "[gateway]\napi_key = k\n", {NULL},
         "b.conf: error: there is no queue; add a section like [queue sms].\n"},
        {"an empty file", "", {NULL},
         "b.conf: error: there is no queue; add a section like [queue sms].\n"
         "b.conf: error: [gateway] api_key: the account's API key is missing; set api_key, "
         "api_key_file or the variable BELLHOP_GATEWAY_API_KEY.\n"},
        {"without name", "[gateway]\napi_key = k\n[queue]\nttl = x\n", {NULL},
         AT("3:2", NAME_RULE ".")},
        {"capitals", LEAST "[queue SMS]\n", {NULL}, AT("4:2", NAME_RULE "; this is SMS.")},
        {"two words", LEAST "[queue a b]\n", {NULL}, AT("4:2", NAME_RULE "; this is a b.")},
        {"colon, which separates keys", LEAST "[queue a:b]\n", {NULL},
         AT("4:2", NAME_RULE "; this is a:b.")},
        {"brace, which ends the hash tag", LEAST "[queue a}]\n", {NULL},
         AT("4:2", NAME_RULE "; this is a}.")},
        {"asterisk", LEAST "[queue *]\n", {NULL}, AT("4:2", NAME_RULE "; this is *.")},
        {"umlaut", LEAST "[queue \xC3\xBC]\n", {NULL}, AT("4:2", NAME_RULE "; this is \xC3\xBC.")},
        {"33 characters", LEAST "[queue abcdefghijklmnopqrstuvwxyz0123456]\n", {NULL},
         AT("4:2", NAME_RULE "; this is abcdefghijklmnopqrstuvwxyz0123456.")},
    };
    /* clang-format on */
    run(rows, sizeof(rows) / sizeof(rows[0]), BH_EINVAL);
}

/* One key with a value that must be refused; the message must hold `wanted`. */
static const struct {
    const char *section;
    const char *key;
    const char *value;
    const char *wanted;
} bad_values[] = {
    {"redis",   "url",             "",                                            "has to begin with"         },
    {"redis",   "url",             "localhost",                                   ""                          },
    {"redis",   "url",             "http://localhost",                            ""                          },
    {"redis",   "url",             "redis+sentinel://h1:26379,h2:26379/master/0", "one Redis server only"     },
    {"redis",   "url",             "redis+cluster://h1:7000",                     "one Redis server only"     },
    {"redis",   "prefix",          "",                                            "empty"                     },
    {"redis",   "prefix",          "a b",                                         "not a word"                },
    {"redis",   "prefix",          "a{b}",                                        "not a word"                },
    {"redis",   "prefix",          "a*",                                          "not a word"                },
    {"redis",   "tls_ca",          "ca.pem",                                      "absolute path"             },
    {"redis",   "tls_ca",          "~/ca.pem",                                    "absolute path"             },
    {"redis",   "connect_timeout", "2",                                           "unit"                      },
    {"redis",   "connect_timeout", "0s",                                          "100ms to 1m"               },
    {"redis",   "connect_timeout", "61s",                                         "100ms to 1m"               },
    {"redis",   "connect_timeout", "-2s",                                         ""                          },
    {"redis",   "connect_timeout", "2 s",                                         ""                          },
    {"redis",   "connect_timeout", "1e3ms",                                       ""                          },
    {"redis",   "connect_timeout", "99999999999999999999d",                       ""                          },
    {"gateway", "url",             "",                                            "empty"                     },
    {"gateway", "url",             "gateway.sms77.io/api",                        "must start with http"      },
    {"gateway", "url",             "ftp://gateway/api",                           "must start with http"      },
    {"gateway", "url",             "https://",                                    "must name a host"          },
    {"gateway", "url",             "https:///api",                                "must name a host"          },
    {"gateway", "url",             "https://host:/api",                           "must have a port"          },
    {"gateway", "url",             "https://host:0/api",                          "must have a port"          },
    {"gateway", "url",             "https://host:65536/api",                      "must have a port"          },
    {"gateway", "url",             "https://ho st/api",                           "printable ASCII"           },
    {"gateway", "url",             "https://h\xC3\xB6st/api",                     "printable ASCII"           },
    {"gateway", "url",             "https://[::1/api",                            "must name a host"          },
    {"gateway", "url",             "https://[zz]/api",                            "must name a host"          },
    {"gateway", "url",             "https://user:secret@host/api",                "must not carry a user name"},
    {"gateway", "url",             "https://host/api?p=secret",                   "must end with its path"    },
    {"alert",   "url",             "https://host/hook?p=secret#x",                "must not have a fragment"  },
    {"alert",   "url",             "https://host/hook?p=secret x",                "printable ASCII"           },
    {"alert",   "url",             "https://u:secret@host/hook?p",                "must not carry a user name"},
    {"alert",   "url",             "?p=secret",                                   "must start with http"      },
    {"gateway", "url",             "https://host/api#x",                          "must not have a fragment"  },
    {"gateway", "url",             "file:///etc/passwd",                          "must start with http"      },
    {"gateway", "api_key_file",    "key",                                         "absolute path"             },
    {"gateway", "auth",            "",                                            "basic, header or parameter"},
    {"gateway", "auth",            "Basic",                                       "basic, header or parameter"},
    {"gateway", "max_connections", "0",                                           "1 to 1000 connections"     },
    {"gateway", "max_connections", "1001",                                        "1 to 1000 connections"     },
    {"gateway", "max_connections", "4294967297",                                  "1 to 1000 connections"     },
    {"gateway", "max_connections", "9223372036854775808",                         "not a whole number"        },
    {"gateway", "max_connections", "16.0",                                        "not a whole number"        },
    {"gateway", "max_connections", "0x10",                                        "not a whole number"        },
    {"gateway", "max_connections", "+1",                                          "not a whole number"        },
    {"gateway", "max_connections", "1_0",                                         "not a whole number"        },
    {"gateway", "max_connections", "",                                            "empty"                     },
    {"gateway", "max_connections", "16 ; sixteen",                                "not a whole number"        },
    {"gateway", "timezone",        "",                                            "empty"                     },
    {"gateway", "timezone",        "/etc/passwd",                                 "zone database"             },
    {"gateway", "timezone",        "../../../etc/passwd",                         "zone database"             },
    {"gateway", "timezone",        "Europe/../../x",                              "zone database"             },
    {"gateway", "timezone",        "Europe//Berlin",                              "zone database"             },
    {"gateway", "timezone",        "Europe/",                                     "zone database"             },
    {"gateway", "timezone",        "zone.tab",                                    "zone database"             },
    {"gateway", "timezone",        "Europe/Atlantis",                             "no such file"              },
    {"gateway", "timezone",        "Broken/Zone",                                 "zone database"             },
    {"gateway", "country",         "",                                            "digits"                    },
    {"gateway", "country",         "+49",                                         "digits"                    },
    {"gateway", "country",         "049",                                         "digits"                    },
    {"gateway", "country",         "0",                                           "digits"                    },
    {"gateway", "country",         "1234",                                        "digits"                    },
    {"gateway", "country",         "DE",                                          "digits"                    },
    {"gateway", "proxy",           "proxy:3128",                                  "proxy's URL"               },
    {"gateway", "proxy",           "ftp://proxy",                                 "proxy's URL"               },
    {"gateway", "proxy",           "http://proxy:3128/path",                      "ends with its port"        },
    {"gateway", "low_balance",     "",                                            "empty"                     },
    {"gateway", "low_balance",     "12,50",                                       "amount like 12.50"         },
    {"gateway", "low_balance",     "-1",                                          "amount like 12.50"         },
    {"gateway", "low_balance",     ".5",                                          "amount like 12.50"         },
    {"gateway", "low_balance",     "5.",                                          "amount like 12.50"         },
    {"gateway", "low_balance",     "1.1234567",                                   "amount like 12.50"         },
    {"gateway", "low_balance",     "1.2.3",                                       "amount like 12.50"         },
    {"gateway", "low_balance",     "12 EUR",                                      "amount like 12.50"         },
    {"gateway", "low_balance",     "1e5",                                         "amount like 12.50"         },
    {"gateway", "low_balance",     "1000000001",                                  "amount like 12.50"         },
    {"gateway", "low_balance",     "99999999999999999999999999",                  "amount like 12.50"         },
    {"gateway", "reload_lock",     "0",                                           ""                          },
    {"gateway", "reload_lock",     "0s",                                          "off, or 1s to 1d"          },
    {"gateway", "reload_lock",     "no",                                          "duration"                  },
    {"pool",    "journal",         "var/lib",                                     "absolute path"             },
    {"pool",    "journal",         "OFF",                                         "absolute path"             },
    {"redis",   "tls_key",         "off",                                         "absolute path"             },
    {"pool",    "journal_records", "1023",                                        "1024 to 1048576"           },
    {"pool",    "lease",           "4s",                                          "5s to 1h"                  },
    {"pool",    "workers",         "two",                                         "whole number"              },
    {"pool",    "instance",        "my host",                                     "not a word"                },
    {"pool",    "instance",        "a/b",                                         "not a word"                },
    {"queue q", "type",            "SMS",                                         "sms or voice"              },
    {"queue q", "strict",          "",                                            "empty"                     },
    {"queue q", "strict",          "maybe",                                       "not yes or no"             },
    {"queue q", "strict",          "2",                                           "not yes or no"             },
    {"queue q", "retry",           "",                                            ""                          },
    {"queue q", "retry",           "5",                                           ""                          },
    {"queue q", "retry",           "5s,",                                         ""                          },
    {"queue q", "retry",           "5s*, 10s",                                    ""                          },
    {"queue q", "retry",           "0s",                                          ""                          },
    {"queue q", "on_uncertain",    "default",                                     "hold or resend"            },
    {"queue q", "fair_by",         "to",                                          "empty, from or label"      },
    {"queue q", "max_job",         "65536",                                       ""                          },
    {"queue q", "max_job",         "64KB",                                        ""                          },
    {"queue q", "max_job",         "2MiB",                                        "1KiB to 1MiB"              },
    {"queue q", "max_job",         "99999999999GiB",                              ""                          },
    {"queue q", "callback_url",    "example.org",                                 "must start with http"      },
    {"queue q", "dead_max",        "-1",                                          "0 to 10000000 jobs"        },
    {"status",  "events",          "yes",                                         "whole number"              },
    {"http",    "listen",          "9177",                                        "address and port"          },
    {"http",    "listen",          ":9177",                                       "address and port"          },
    {"http",    "listen",          "127.0.0.1",                                   "address and port"          },
    {"http",    "listen",          "127.0.0.1:",                                  "address and port"          },
    {"http",    "listen",          "127.0.0.1:http",                              "address and port"          },
    {"http",    "listen",          "127.0.0.1:99999",                             "address and port"          },
    {"http",    "listen",          "::1:9177",                                    "address and port"          },
    {"http",    "listen",          "[::1]",                                       "address and port"          },
    {"http",    "listen",          "[::1]9177",                                   "address and port"          },
    {"log",     "level",           "warning",                                     "error, warn, info or debug"},
    {"log",     "format",          "xml",                                         "text or json"              },
    {"log",     "mask",            "masked",                                      "yes or no"                 },
};

Test(config, refuses_each_bad_value_with_its_place_and_a_reason)
{
    for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
        char text[300], place[120];
        bool gateway = strcmp(bad_values[i].section, "gateway") == 0;
        bool queue = strcmp(bad_values[i].section, "queue q") == 0;
        snprintf(text, sizeof(text), "[%s]\n%s = %s\n%sapi_key = k\n%s", bad_values[i].section,
                 bad_values[i].key, bad_values[i].value, gateway ? "" : "[gateway]\n",
                 queue ? "" : "[queue q]\n");
        snprintf(place, sizeof(place), "b.conf:2:%zu: error: [%s] %s: ",
                 strlen(bad_values[i].key) + (bad_values[i].value[0] != '\0' ? 4 : 3),
                 bad_values[i].section, bad_values[i].key);

        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(bh_str_from(text));
        cr_expect_eq(bh_config_read(&source, &report, &config), BH_EINVAL, "%s", text);
        char *messages = printed(&report);
        cr_expect_eq(report.errors, 1, "%s%s", text, messages);
        cr_expect_eq(strncmp(messages, place, strlen(place)), 0, "%s%swanted %s", text, messages,
                     place);
        cr_expect_not_null(strstr(messages, bad_values[i].wanted), "%s%swanted %s", text, messages,
                           bad_values[i].wanted);
        cr_expect_null(strstr(messages, "secret@"), "%s", messages);
        cr_expect_null(strstr(messages, "p=secret"), "%s", messages);
        bh_free(messages);
        bh_config_report_release(&report);
    }
}

Test(config, takes_each_good_value)
{
    static const struct {
        const char *section;
        const char *line;
    } rows[] = {
        {"redis",   "url = redis://10.0.0.1"                      },
        {"redis",   "url = unix:///run/redis.sock?db=3"           },
        {"redis",   "url = rediss://u:p%40ss@redis.example:6390/2"},
        {"redis",   "prefix = prod:bellhop.v2"                    },
        {"redis",   "connect_timeout = 100ms"                     },
        {"gateway", "url = https://gateway.seven.io/api/"         },
        {"gateway", "url = HTTPS://gateway.seven.io"              },
        {"gateway", "url = http://[::1]:7077/api"                 },
        {"gateway", "url = http://localhost:7077/api"             },
        {"alert",   "url = https://host/hook?token=a/b/&x=%20/"   },
        {"alert",   "url = https://host?token=x"                  },
        {"gateway", "timezone = UTC"                              },
        {"gateway", "country = 1"                                 },
        {"gateway", "country = 423"                               },
        {"gateway", "proxy = socks5h://user:pw@127.0.0.1:1080"    },
        {"gateway", "proxy = http://proxy/"                       },
        {"gateway", "proxy ="                                     },
        {"gateway", "low_balance = 12.5"                          },
        {"gateway", "low_balance = 0.000001"                      },
        {"gateway", "low_balance = 1000000000"                    },
        {"gateway", "reload_lock = off"                           },
        {"gateway", "reload_lock = OFF"                           },
        {"pool",    "drain_timeout = 30s"                         },
        {"pool",    "instance = web@1:a_b"                        },
        {"queue q", "strict = TRUE"                               },
        {"queue q", "retry = 1s"                                  },
        {"queue q", "retry = 1s*1000,1m*"                         },
        {"queue q", "bundle_wait = 0"                             },
        {"http",    "listen = [::1]:9177"                         },
        {"log",     "level = debug"                               },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[300];
        bool gateway = strcmp(rows[i].section, "gateway") == 0;
        bool queue = strcmp(rows[i].section, "queue q") == 0;
        snprintf(text, sizeof(text), "[%s]\n%s\n%sapi_key = k\n%s", rows[i].section, rows[i].line,
                 gateway ? "" : "[gateway]\n", queue ? "" : "[queue q]\n");
        if (queue)
            snprintf(text, sizeof(text), "[gateway]\napi_key = k\n[queue q]\n%s\n", rows[i].line);
        bh_config_release(read_or_fail(text, NULL));
    }
}

Test(config, amounts_and_switches_have_exact_values)
{
    static const struct {
        const char *text;
        int64_t micro;
    } rows[] = {
        {"0",          0                        },
        {"1",          1000000                  },
        {"12.5",       12500000                 },
        {"0.000001",   1                        },
        {"007.10",     7100000                  },
        {"1000000000", INT64_C(1000000000000000)},
        {"0.999999",   999999                   }
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[100];
        snprintf(text, sizeof(text), LEAST "[pool]\n[log]\nmask = off\n");
        char variable[100];
        snprintf(variable, sizeof(variable), "BELLHOP_GATEWAY_LOW_BALANCE=%s", rows[i].text);
        const char *environment[] = {variable, "BELLHOP_GATEWAY_RELOAD_LOCK=off", NULL};
        struct bh_config *config = read_or_fail(text, environment);
        cr_expect_eq(config->gateway.low_balance_micro, rows[i].micro, "%s", rows[i].text);
        cr_expect_eq(config->gateway.reload_lock_ms, 0);
        cr_expect_not(config->log.mask);
        bh_config_release(config);
    }
}

Test(config, checks_keys_against_each_other)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"timeout and lease", LEAST "[pool]\nlease = 20s\n", {NULL},
         AT("5:9", "[gateway] timeout (20s) must be less than [pool] lease (20s), or a job could be "
                   "sent by two workers.")},
        {"the written one is to blame", "[queue q]\n[gateway]\napi_key=k\ntimeout = 30s\n[pool]\ndrain_timeout=1m", {NULL},
         AT("4:11", "[gateway] timeout (30s) must be less than [pool] lease (30s), or a job could be "
                    "sent by two workers.")},
        {"connect and whole timeout", "[queue q]\n[gateway]\napi_key=k\ntimeout = 5s\n", {NULL},
         AT("4:11", "[gateway] connect_timeout (5s) must be less than [gateway] timeout (5s), which "
                    "it is a part of.")},
        {"command and lease", LEAST "[redis]\ncommand_timeout = 30s\n", {NULL},
         AT("5:19", "[redis] command_timeout (30s) must be less than [pool] lease (30s), or a lease "
                    "could end before its renewal is answered.")},
        {"lock and retention", LEAST "[status]\nretention = 3m\n", {NULL},
         AT("5:13", "[gateway] reload_lock (3m) must be less than [status] retention (3m), or a job "
                    "would be forgotten while its answer is still open.")},
        {"pull and retention", "[gateway]\napi_key = k\npull_reports = yes\npull_after = 1h\n[status]\nretention = 1h\n[queue q]\n", {NULL},
         AT("4:14", "[gateway] pull_after (1h) must be less than [status] retention (1h), or a job would "
                    "be forgotten before anybody asks what became of it.")},
        {"one broken value, no further complaint", LEAST "[pool]\nlease = 1s\n", {NULL},
         AT("5:9", "[pool] lease: \"1s\" is out of range; it must be 5s to 1h.")},
        {"no api key", "[queue q]\n[gateway]\napi_key =\n", {NULL},
         AT("3:10", "[gateway] api_key: the account's API key is missing; set api_key, api_key_file "
                    "or the variable BELLHOP_GATEWAY_API_KEY.")},
        {"blank in the key", "[queue q]\n[gateway]\napi_key = a b\n", {NULL},
         AT("3:11", "[gateway] api_key: the key holds a blank or a character that cannot stand in a "
                    "request's header.")},
        {"umlaut in the key", "[queue q]\n[gateway]\napi_key = k\nsigning_key = \xC3\xBC\n", {NULL},
         AT("4:15", "[gateway] signing_key: the key holds a blank or a character that cannot stand "
                    "in a request's header.")},
        {"the mask as key", "[queue q]\n[gateway]\napi_key = ********\n", {NULL},
         AT("3:11", "[gateway] api_key: the value is the mask that stands for a secret in print, not "
                    "a secret.")},
        {"login twice", LEAST "[redis]\nurl = redis://u:p@h\nusername = v\n", {NULL},
         AT("5:7", "[redis] url: the URL holds a login, and username, password or password_file are "
                   "set too; keep one of the two.")},
        {"signed reports without a key", LEAST "[http]\nwebhook_signed = yes\n", {NULL},
         AT("5:18", "[http] webhook_signed: there is no [gateway] signing_key to check a signature with.")
         AT("5:18", "[http] webhook_signed: the URL is a part of what is signed, so webhook_url must be set.")},
        {"signed reports without a URL", LEAST "[http]\nwebhook_signed = yes\n", {"BELLHOP_GATEWAY_SIGNING_KEY=k"},
         AT("5:18", "[http] webhook_signed: the URL is a part of what is signed, so webhook_url must be set.")},
        {"reports from a name", LEAST "[http]\nwebhook_from = 10.0.0.0/8, gateway.example\n", {NULL},
         AT("5:16", "[http] webhook_from: \"gateway.example\" is neither an address nor a network (names are not looked up).")},
        {"reports from half a network", LEAST "[http]\nwebhook_from = 192.0.2.1/24\n", {NULL},
         AT("5:16", "[http] webhook_from: \"192.0.2.1/24\" is an address inside of a network; the bits behind the first 24 must be "
                    "zero, or leave the slash out.")},
        {"half a certificate", LEAST "[redis]\nurl = rediss://h\ntls_cert = /c\n", {NULL},
         AT("6:12", "[redis] tls_cert: a certificate and its key go together: set tls_cert and "
                    "tls_key.")},
        {"open listener", LEAST "[http]\nlisten = 0.0.0.0:9177\n", {NULL},
         AT("5:10", "[http] listen: other machines can reach this address, so admin_token must be "
                    "set.")},
        {"a name that only looks like loopback", LEAST "[http]\nlisten = 127.evil.example:9177\n", {NULL},
         AT("5:10", "[http] listen: other machines can reach this address, so admin_token must be "
                    "set.")},
        {"callbacks to nowhere", LEAST "callback_all = yes\n", {NULL},
         AT("4:16", "[queue sms] callback_all: there is no callback_url to post to.")},
        {"callbacks that climb", LEAST "callback_url = https://app.example/hooks/../\n", {NULL},
         AT("4:16", "[queue sms] callback_url: it must not have . or .. in its path.")},
        {"callbacks that hide", LEAST "callback_url = https://app.example/%2e%2e/\n", {NULL},
         AT("4:16", "[queue sms] callback_url: it must not hide a slash, a dot, a percent sign or a control "
                    "character in its path as %XX.")},
        {"bundle of calls", LEAST "[queue v]\ntype = voice\nbundle = 2\n", {NULL},
         AT("6:10", "[queue v] bundle: a call has exactly one recipient.")
         "b.conf:6:10: warning: [queue v] bundle: the key has no effect in this version.\n"},
        {"sizes", LEAST "max_job = 1MiB\nmax_job_with_files = 1023KiB\n", {NULL},
         AT("4:11", "[queue sms] max_job: max_job must not be more than max_job_with_files.")},
        {"both a secret and its file", "[queue q]\n[gateway]\napi_key = k\napi_key_file = /k\n", {NULL},
         AT("4:16", "[gateway] api_key_file: `api_key` is set too; set one of them and leave the "
                    "other empty.")},
    };
    /* clang-format on */
    run(rows, sizeof(rows) / sizeof(rows[0]), BH_EINVAL);
}

#define WARN_AT(place, text) "b.conf:" place ": warning: " text "\n"

Test(config, warns_of_what_works_but_should_not_stay)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"nothing", LEAST, {NULL}, ""},
        {"plain http", "[queue q]\n[gateway]\napi_key=k\nurl = http://gateway.sms77.io/api\n", {NULL},
         WARN_AT("4:7", "[gateway] url: the API key and all messages will travel in the clear; use "
                        "https://.")},
        {"plain http to this machine", "[queue q]\n[gateway]\napi_key=k\nurl = http://127.0.0.1/\n", {NULL}, ""},
        {"resend for voice", LEAST "[queue v]\ntype=voice\non_uncertain = resend\n", {NULL},
         WARN_AT("6:16", "[queue v] on_uncertain: nothing protects a call from being made twice, so "
                         "an unanswered request may ring somebody a second time.")},
        {"short drain", LEAST "[pool]\ndrain_timeout = 5s\n", {NULL},
         WARN_AT("5:17", "[pool] drain_timeout: a stop waits 5s while a request may take 20s; "
                         "requests that are cut off end as uncertain.")},
        {"user without password", LEAST "[redis]\nusername = u\n", {NULL},
         WARN_AT("5:12", "[redis] username: there is a username but no password, so nobody will be "
                         "logged in.")},
        {"certificates for nothing", LEAST "[redis]\ntls_ca = /ca\n", {NULL},
         "b.conf: warning: [redis] url: tls_ca, tls_cert and tls_key have no effect, since the URL "
         "does not begin with rediss://.\n"},
        {"quoted", "[queue q]\n[gateway]\napi_key = \"k\"\n", {NULL},
         WARN_AT("3:11", "[gateway] api_key: the quotes are taken as part of the value.")},
        {"a token that can be guessed", LEAST "[http]\nwebhook_token = 123456789012345\n", {NULL},
         WARN_AT("5:17", "[http] webhook_token: a token of less than 16 characters can be guessed, and "
                         "whoever knows it can report messages as sent.")},
        {"signed reports, complete",
         LEAST "[http]\nwebhook_signed = yes\nwebhook_url = https://h.example\nwebhook_token = 1234567890123456\n",
         {"BELLHOP_GATEWAY_SIGNING_KEY=k"}, ""},
        {"addresses and networks", LEAST "[http]\nwebhook_from = 195.201.160.143, 2a01:4f8:13a:8e7::2, 10.0.0.0/8\n", {NULL}, ""},
        {"a token that cannot", LEAST "[http]\nwebhook_token = 1234567890123456\n", {NULL}, ""},
        {"resend without reports", LEAST "resend_on_report = yes\n", {NULL},
         WARN_AT("4:20", "[queue sms] resend_on_report: it has no effect, because no delivery reports come: set "
                         "[http] webhook_token, or [gateway] pull_reports.")},
        {"redial without reports", LEAST "[queue v]\ntype = voice\nredial = 1\n", {NULL},
         WARN_AT("6:10", "[queue v] redial: it has no effect, because no delivery reports come: set "
                         "[http] webhook_token, or [gateway] pull_reports.")},
        {"resend and redial in their places", LEAST "resend_on_report = yes\nredial = 0\n[queue v]\ntype = voice\n"
         "redial = 1\nredial_after = 1m\n[http]\nwebhook_token = 1234567890123456\n", {NULL}, ""},
        {"resend of calls", LEAST "[queue v]\ntype = voice\nresend_on_report = yes\n[http]\nwebhook_token = "
         "1234567890123456\n", {NULL},
         WARN_AT("6:20", "[queue v] resend_on_report: it is about SMS, and the jobs of this queue are calls unless "
                         "they say otherwise; for calls there is redial.")},
        {"redial of SMS", LEAST "redial = 2\n[http]\nwebhook_token = 1234567890123456\n", {NULL},
         WARN_AT("4:10", "[queue sms] redial: it is about calls, and the jobs of this queue are SMS unless they say "
                         "otherwise; for SMS there is resend_on_report.")},
        {"no pull and a short retention", "[gateway]\napi_key = k\npull_after = 1h\n[status]\nretention = 1h\n[queue q]\n", {NULL}, ""},
        {"a callback key that can be guessed", LEAST "[http]\ncallback_key = 123456789012345\n", {NULL},
         WARN_AT("5:16", "[http] callback_key: a key of less than 16 characters can be guessed, and "
                         "whoever knows it can forge callbacks.")},
        {"callbacks in the clear", LEAST "callback_url = http://app.example/hooks\n", {NULL},
         WARN_AT("4:16", "[queue sms] callback_url: recipients and results will travel in the clear; "
                         "use https://.")},
        {"callbacks to this machine", LEAST "callback_url = http://127.0.0.1:8080/\ncallback_all = yes\n", {NULL}, ""},
        {"reserved", LEAST "bundle = 5\nredial = 0\nfair_by =\nbundle_wait = 0ms\n", {NULL},
         WARN_AT("4:10", "[queue sms] bundle: the key has no effect in this version.")},
        {"reserved, as by default", LEAST "[http]\nlisten = 127.0.0.1:9177\n[alert]\nrepeat = 60m\n", {NULL}, ""},
    };
    /* clang-format on */
    run(rows, sizeof(rows) / sizeof(rows[0]), BH_OK);
}

/* ---- The environment ---- */

#define E(name, text) name ": error: " text "\n"
#define W(name, text) name ": warning: " text "\n"

Test(config, refuses_bad_variables_by_their_names)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"bad value", LEAST, {"BELLHOP_POOL_LEASE=1s"},
         E("BELLHOP_POOL_LEASE", "[pool] lease: \"1s\" is out of range; it must be 5s to 1h.")},
        {"empty value", LEAST, {"BELLHOP_POOL_WORKERS="},
         E("BELLHOP_POOL_WORKERS", "[pool] workers: the value is empty; it must be a whole number.")},
        {"control character", LEAST, {"BELLHOP_REDIS_PASSWORD=a\nb"},
         E("BELLHOP_REDIS_PASSWORD", "the value holds control characters or is not UTF-8.")},
        {"carriage return of an env file", LEAST, {"BELLHOP_GATEWAY_API_KEY=key\r"},
         E("BELLHOP_GATEWAY_API_KEY", "the value holds control characters or is not UTF-8.")},
        {"latin-1", LEAST, {"BELLHOP_REDIS_PASSWORD=\xFC"},
         E("BELLHOP_REDIS_PASSWORD", "the value holds control characters or is not UTF-8.")},
        {"secret with its file from two places", LEAST, {"BELLHOP_GATEWAY_API_KEY_FILE=/k"},
         E("BELLHOP_GATEWAY_API_KEY_FILE", "[gateway] api_key_file: `api_key` is set too; set one of "
           "them and leave the other empty.")},
        {"a rule between keys", LEAST, {"BELLHOP_GATEWAY_TIMEOUT=30s", "BELLHOP_POOL_DRAIN_TIMEOUT=30s"},
         E("BELLHOP_GATEWAY_TIMEOUT", "[gateway] timeout (30s) must be less than [pool] lease (30s), or "
           "a job could be sent by two workers.")},
        {"two queues by one name", LEAST "[queue a-b]\n[queue a_b]\n", {"BELLHOP_QUEUE_A_B_TTL=1h"},
         E("BELLHOP_QUEUE_A_B_TTL", "2 keys go by the name of this variable; set them in the file.")},
        {"two keys by one name", LEAST "[queue x]\n[queue x-dead]\n", {"BELLHOP_QUEUE_X_DEAD_TTL=1h"},
         E("BELLHOP_QUEUE_X_DEAD_TTL", "2 keys go by the name of this variable; set them in the file.")},
        {"does not heal the file", LEAST "ttl = x\n", {"BELLHOP_QUEUE_SMS_TTL=1h"},
         AT("4:7", "[queue sms] ttl: \"x\" is not a duration; write for example 500ms, "
                   "30s, 5m, 2h or 7d.")},
    };
    /* clang-format on */
    run(rows, sizeof(rows) / sizeof(rows[0]), BH_EINVAL);
}

Test(config, warns_of_variables_that_mean_nothing)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"a typing error", LEAST, {"BELLHOP_REDIS_PASWORD=x"},
         W("BELLHOP_REDIS_PASWORD", "no key goes by the name of this variable, so it has no effect; "
           "did you mean BELLHOP_REDIS_PASSWORD?")},
        {"in a queue", LEAST, {"BELLHOP_QUEUE_SMS_WEIGTH=3"},
         W("BELLHOP_QUEUE_SMS_WEIGTH", "no key goes by the name of this variable, so it has no effect; "
           "did you mean BELLHOP_QUEUE_SMS_WEIGHT?")},
        {"set by a container platform", LEAST, {"BELLHOP_REDIS_PORT_6379_TCP_ADDR=10.0.0.1"},
         W("BELLHOP_REDIS_PORT_6379_TCP_ADDR", "no key goes by the name of this variable, so it has no "
           "effect.")},
        {"a queue that does not exist", LEAST, {"BELLHOP_QUEUE_MAIL_TTL=1h"},
         W("BELLHOP_QUEUE_MAIL_TTL", "no key goes by the name of this variable, so it has no effect.")},
        {"of no section, in small letters, without value, not ours", LEAST,
         {"BELLHOP_CONFIG=/x", "bellhop_pool_lease=1s", "BELLHOP_POOL_LEASE", "XBELLHOP_POOL_LEASE=1s"}, ""},
        {"reserved", LEAST, {"BELLHOP_QUEUE_SMS_BUNDLE=2"},
         W("BELLHOP_QUEUE_SMS_BUNDLE", "[queue sms] bundle: the key has no effect in this version.")},
    };
    /* clang-format on */
    run(rows, sizeof(rows) / sizeof(rows[0]), BH_OK);
}

Test(config, variables_win_over_the_file)
{
    const char *environment[] = {
        "PATH=/bin",
        "BELLHOP_GATEWAY_API_KEY= key ",
        "BELLHOP_POOL_LEASE=60s",
        "BELLHOP_QUEUE_SMS_TTL=2h",
        "BELLHOP_QUEUE_A_B_RETRY=1s*",
        "BELLHOP_HTTP_LISTEN=",
        "BELLHOP_POOL_INSTANCE=",
        NULL,
    };
    struct bh_config *c = read_or_fail("[gateway]\napi_key = k\n[pool]\nlease = 1h\ninstance = i\n"
                                       "[queue sms]\nttl = 1h\n[queue a-b]\n",
                                       environment);
    cr_expect_str_eq(c->gateway.api_key.bytes, "key");
    cr_expect_eq(c->pool.lease_ms, 60000);
    cr_expect_eq(c->queues[0].ttl_ms, 2 * BH_HOUR_MS);
    bh_ms delay;
    cr_expect(bh_schedule_delay(c->queues[1].retry, 50, &delay) && delay == 1000);
    cr_expect_str_eq(c->http.listen.host, "");
    cr_expect_eq(c->http.listen.port, 0);
    cr_expect_str_eq(c->pool.instance, "host-1");
    bh_config_release(c);
}

/* What is printed must fit into a line of a file, which the environment does not know. */
Test(config, refuses_endless_variables_of_every_type)
{
    static char variable[100 + 5000];
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        for (size_t r = 0; r < section->rows_count; r++) {
            int len = snprintf(variable, 100, "BELLHOP_%s_%s%s=", section->name,
                               section->is_queue ? "SMS_" : "", section->rows[r].key);
            for (int i = 0; i < len; i++)
                variable[i] = (char)(variable[i] >= 'a' && variable[i] <= 'z' ? variable[i] - 32
                                                                              : variable[i]);
            /* Long forms of values that would be good if they were short. */
            bool path = section->rows[r].type == BH_CONFIG_PATH;
            memset(variable + len, path ? '/' : '0', 5000);
            variable[len + 4999] = '\0';
            const char *environment[] = {variable, NULL};
            struct bh_config_report report = {0};
            struct bh_config *config = NULL;
            struct bh_config_source source = fixture_source(bh_str_from(LEAST));
            source.environment = environment;
            cr_expect_eq(bh_config_read(&source, &report, &config), BH_EINVAL, "%.40s", variable);
            cr_expect_eq(report.errors, 1, "%.40s", variable);
            cr_expect_not_null(strstr(report.messages[0].text, "bytes"), "%s",
                               report.messages[0].text);
            bh_config_release(config);
            bh_config_report_release(&report);
        }
    }
}

Test(config, the_name_of_the_host_becomes_a_word)
{
    struct bh_config_report report = {0};
    struct bh_config *config;
    struct bh_config_source source = fixture_source(bh_str_from(LEAST));
    source.host_name = "a b/\xC3\xBC.0123456789012345678901234567890123456789012345678901234567890";
    cr_assert_eq(bh_config_read(&source, &report, &config), BH_OK);
    cr_expect_str_eq(config->pool.instance,
                     "a-b---.012345678901234567890123456789012345678901234567890123456");
    bh_config_release(config);
    bh_config_report_release(&report);
}

/* ---- Secrets in files ---- */

Test(config, takes_secrets_from_files_or_says_what_is_wrong_with_them)
{
    static struct fixture_file files[] = {
        {"/good",      "file-key\n",        0, false},
        {"/crlf",      "file-key\r\n",      0, false},
        {"/bare",      "file-key",          0, false},
        {"/open",      "file-key\n",        0, true },
        {"/empty",     "\n",                0, false},
        {"/two-ends",  "file-key\n\n",      0, false},
        {"/two-lines", "file-key\nother\n", 0, false},
        {"/nul",       "file\0key",         8, false},
        {"/tab",       "file\tkey",         0, false},
        {"/blank",     "file-key \n",       0, false},
        {"/bom",
         "\xEF\xBB\xBF"
         "file-key\n",                      0, false},
        {"/mask",      "********\n",        0, false},
        {NULL,         NULL,                0, false},
    };
    static const struct {
        const char *path;
        enum bh_status status;
        const char *wanted;
    } rows[] = {
        {"/good",      BH_OK,     ""                                               },
        {"/crlf",      BH_OK,     ""                                               },
        {"/bare",      BH_OK,     ""                                               },
        {"/open",      BH_OK,
         "warning: [gateway] api_key_file: others than the owner may read the file"},
        {"/none",      BH_EINVAL, "\"/none\": no such file"                        },
        {"/empty",     BH_EINVAL, "\"/empty\": the file is empty."                 },
        {"/two-ends",  BH_EINVAL, "more than one line"                             },
        {"/two-lines", BH_EINVAL, "more than one line"                             },
        {"/nul",       BH_EINVAL, "control characters"                             },
        {"/tab",       BH_EINVAL, "control characters"                             },
        {"/blank",     BH_EINVAL, "begins or ends with a blank"                    },
        {"/bom",       BH_EINVAL, "byte order mark"                                },
        {"/mask",      BH_EINVAL, "the mask that stands for a secret"              },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "[queue q]\n[gateway]\napi_key_file = %s\n", rows[i].path);
        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(bh_str_from(text));
        source.files.arg = files;
        enum bh_status status = bh_config_read(&source, &report, &config);
        char *messages = printed(&report);
        cr_expect_eq(status, rows[i].status, "%s: %s", rows[i].path, messages);
        cr_expect_not_null(strstr(messages, rows[i].wanted), "%s: %s", rows[i].path, messages);
        cr_expect_null(strstr(messages, "file-key"), "%s", messages);
        cr_expect_leq(report.count, 1, "%s", messages);
        if (status == BH_OK)
            cr_expect_str_eq(config->gateway.api_key.bytes, "file-key");
        bh_free(messages);
        bh_config_release(config);
        bh_config_report_release(&report);
    }
}

Test(config, a_secret_that_a_variable_empties_comes_from_its_file)
{
    static struct fixture_file files[] = {
        {"/good", "file-key\n", 0, false},
        {NULL,    NULL,         0, false},
    };
    const char *environment[] = {"BELLHOP_GATEWAY_API_KEY=", NULL};
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source =
        fixture_source(BH_STR_LITERAL("[queue q]\n[gateway]\napi_key_file = /good\n"));
    source.files.arg = files;
    source.environment = environment;
    cr_assert_eq(bh_config_read(&source, &report, &config), BH_OK);
    cr_expect_str_eq(config->gateway.api_key.bytes, "file-key");
    bh_config_release(config);
    bh_config_report_release(&report);
}

Test(config, warns_of_secrets_in_a_file_that_others_may_read)
{
    static const struct {
        const char *text;
        const char *variable;
        size_t warnings;
    } rows[] = {
        {"[queue q]\n[gateway]\napi_key = k\n",                                                     NULL,                        1},
        {"[queue q]\n[gateway]\napi_key = k\nproxy = http://u:p@h\n[redis]\nurl = redis://u:p@h\n",
         NULL,                                                                                                                   3},
        {"[queue q]\n[gateway]\n[redis]\nurl = redis://h\n",                                        "BELLHOP_GATEWAY_API_KEY=k", 0},
        {"[queue q]\n[gateway]\napi_key = k\n",                                                     "BELLHOP_GATEWAY_API_KEY=l", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(bh_str_from(rows[i].text));
        const char *environment[] = {rows[i].variable, NULL};
        source.environment = environment;
        source.file_exposed = true;
        cr_expect_eq(bh_config_read(&source, &report, &config), BH_OK, "%zu", i);
        cr_expect_eq(report.warnings, rows[i].warnings, "%zu", i);
        bh_config_release(config);
        bh_config_report_release(&report);
    }
}

/* ---- Bounds ---- */

Test(config, tells_the_first_hundred_errors_and_counts_the_rest)
{
    struct bh_buf text;
    bh_buf_init(&text, 1 << 20);
    bh_buf_append_text(&text, LEAST);
    for (int i = 0; i < 250; i++)
        bh_buf_printf(&text, "key%d = 1\n", i);
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source = fixture_source(bh_buf_str(&text));
    cr_expect_eq(bh_config_read(&source, &report, &config), BH_EINVAL);
    cr_expect_eq(report.count, BH_CONFIG_MESSAGES_MAX);
    cr_expect_eq(report.errors, 250);
    char *messages = printed(&report);
    cr_expect_not_null(strstr(messages, "b.conf:103:1: error: "));
    cr_expect_null(strstr(messages, "b.conf:104:1"));
    cr_expect_not_null(strstr(messages, "\n... and 150 more.\n"));
    bh_free(messages);
    bh_config_report_release(&report);
    bh_buf_release(&text);
}

Test(config, takes_64_queues_and_no_more)
{
    for (int count = BH_CONFIG_QUEUES_MAX; count <= BH_CONFIG_QUEUES_MAX + 1; count++) {
        struct bh_buf text;
        bh_buf_init(&text, 1 << 20);
        bh_buf_append_text(&text, "[gateway]\napi_key = k\n");
        for (int i = 0; i < count; i++)
            bh_buf_printf(&text, "[queue q%d]\nttl = 1h\n", i);
        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(bh_buf_str(&text));
        bool fits = count == BH_CONFIG_QUEUES_MAX;
        cr_expect_eq(bh_config_read(&source, &report, &config), fits ? BH_OK : BH_EINVAL);
        cr_expect_eq(report.errors, fits ? 0 : 1);
        if (fits) {
            cr_expect_eq(config->queues_count, BH_CONFIG_QUEUES_MAX);
            cr_expect_eq(config->queues[63].no, 63);
        }
        bh_config_release(config);
        bh_config_report_release(&report);
        bh_buf_release(&text);
    }
}

Test(config, is_freed_by_its_last_holder)
{
    struct bh_config *config = read_or_fail(LEAST, NULL);
    const struct bh_config *second = bh_config_retain(config);
    cr_expect_eq(second, config);
    bh_config_release(config);
    cr_expect_str_eq(second->queues[0].name, "sms");
    bh_config_release(second);
    bh_config_release(NULL);
}

/* ---- Short memory ---- */

Test(config, survives_each_allocation_that_fails)
{
    static struct fixture_file files[] = {
        {"/pw", "secret\n", 0, true },
        {NULL,  NULL,       0, false}
    };
    static const char *const environment[] = {"BELLHOP_POOL_LEASE=60s", "BELLHOP_POOL_LEESE=1",
                                              NULL};
    bh_use_scarce_memory();
    long n = 0;
    enum bh_status status;
    do {
        struct bh_config_report report = {0};
        struct bh_config *config = NULL;
        struct bh_config_source source = fixture_source(
            bh_str_from("[redis]\npassword_file = /pw\n[http]\nlisten=[::1]:1\n" LEAST));
        source.files.arg = files;
        source.environment = environment;
        bh_allocations_left = n;
        status = bh_config_read(&source, &report, &config);
        cr_assert(status == BH_OK || status == BH_ENOMEM, "allocation %ld: %s", n,
                  bh_status_name(status));
        cr_assert_eq(config != NULL, status == BH_OK, "allocation %ld", n);
        bh_config_release(config);
        bh_config_report_release(&report);
        n++;
    } while (status == BH_ENOMEM && n < 10000);
    cr_expect_eq(status, BH_OK);
    cr_expect_gt(n, 80, "%ld", n);
    bh_alloc_replace(NULL);
}
