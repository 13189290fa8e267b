#include <criterion/criterion.h>

#include <string.h>

#include "core/alloc.h"
#include "core/config.h"
#include "core/config_table.h"
#include "support/config_fixture.h"

static struct fixture_file files[] = {
    {"/run/pw", "hunter2-file\n", 0, false},
    {NULL,      NULL,             0, false},
};

/* Every kind of secret in every place where one may stand. */
static const char secretive[] = "[redis]\n"
                                "url = redis://bell:hunter2-url@10.0.0.1:6380/2\n"
                                "[gateway]\n"
                                "api_key = hunter2-key\n"
                                "signing_key_file = /run/pw\n"
                                "timezone = UTC\n"
                                "proxy = http://me:hunter2-proxy@proxy:3128\n"
                                "timeout = 15000ms\n"
                                "[queue sms]\n"
                                "retry = 1s, 2s*2\n"
                                "[http]\n"
                                "admin_token = hunter2-token\n"
                                "[alert]\n"
                                "url = https://host/hook?key=hunter2-query/\n";

static struct bh_config *
read_config(struct bh_str text, const char *const *environment, size_t warnings_wanted)
{
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source = fixture_source(text);
    source.files.arg = files;
    source.environment = environment;
    enum bh_status status = bh_config_read(&source, &report, &config);
    struct bh_buf messages;
    bh_buf_init(&messages, 1 << 20);
    cr_assert_eq(bh_config_report_print(&report, &messages), BH_OK);
    cr_assert_eq(status, BH_OK, "%s", bh_buf_text(&messages));
    cr_expect_eq(report.warnings, warnings_wanted, "%s", bh_buf_text(&messages));
    bh_buf_release(&messages);
    bh_config_report_release(&report);
    return config;
}

Test(config_print, shows_values_with_their_origins_and_no_secret)
{
    const char *environment[] = {"BELLHOP_POOL_LEASE=61s", "BELLHOP_HTTP_WEBHOOK_TOKEN=hunter2-env",
                                 NULL};
    struct bh_config *config = read_config(bh_str_from(secretive), environment, 2);
    struct bh_buf out;
    bh_buf_init(&out, 1 << 20);
    cr_assert_eq(bh_config_print(config, &out), BH_OK);
    const char *text = bh_buf_text(&out);
    static const char *const wanted[] = {
        "\n[redis]\n# b.conf:2\nurl = redis://bell:***@10.0.0.1:6380/2\n;username =\n",
        "\n;prefix = bellhop\n",
        "\n# b.conf:4\napi_key = ********\n;api_key_file =\n",
        "\n# content of /run/pw\nsigning_key = ********\n# b.conf:5\nsigning_key_file = /run/pw\n",
        "\n# b.conf:7\nproxy = http://********@proxy:3128\n",
        "\n# b.conf:8\ntimeout = 15000ms\n",
        "\n# environment variable BELLHOP_POOL_LEASE\nlease = 61s\n",
        "\n# name of this host\ninstance = host-1\n",
        "\n[queue sms]\n;type = sms\n",
        "\n# b.conf:10\nretry = 1s, 2s*2\n",
        "\n# environment variable BELLHOP_HTTP_WEBHOOK_TOKEN\nwebhook_token = ********\n",
        "\n# b.conf:12\nadmin_token = ********\n",
        "\n# b.conf:14\nurl = https://host/hook?********\n",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        cr_expect_not_null(strstr(text, wanted[i]), "wanted%sin\n%s", wanted[i], text);
    cr_expect_null(strstr(text, "hunter2"), "%s", text);
    bh_buf_release(&out);
    bh_config_release(config);
}

Test(config_print, what_it_shows_reads_back_the_same)
{
    static const char *const texts[] = {
        "[gateway]\napi_key_file = /run/pw\n[queue sms]\n[queue v]\ntype = voice\n",
        "[gateway]\napi_key_file = /run/pw\nlow_balance = 1.50\nreload_lock = "
        "off\nurl=https://h/a//\n"
        "[redis]\nurl = unix:///run/r.sock?db=1\n[queue a-b_9]\nretry = 1s*3,5m*\nstrict=1\n"
        "[log]\nmask = off\nformat = json\n[pool]\nlease = 2m\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bh_config *config = read_config(bh_str_from(texts[i]), NULL, 0);
        struct bh_buf out;
        bh_buf_init(&out, 1 << 20);
        cr_assert_eq(bh_config_print(config, &out), BH_OK);
        /* The key itself came from a file, and its mask would be refused. */
        struct bh_str text = bh_buf_str(&out);
        char *mask = strstr(out.ptr, "\napi_key = ********\n");
        cr_assert_not_null(mask);
        mask[1] = ';';
        struct bh_config *again = read_config(text, NULL, 0);
        struct bh_config_diff diff;
        cr_assert_eq(bh_config_diff(config, again, &diff), BH_OK);
        cr_expect_eq(diff.count, 0, "%s in\n%s", diff.count > 0 ? diff.changes[0].key : "",
                     bh_buf_text(&out));
        bh_config_diff_release(&diff);
        bh_config_release(again);
        bh_buf_release(&out);
        bh_config_release(config);
    }
}

Test(config_print, the_example_is_valid_as_it_stands)
{
    struct bh_buf example;
    bh_buf_init(&example, 1 << 20);
    cr_assert_eq(bh_config_print_example(&example), BH_OK);
    struct bh_config *config = read_config(bh_buf_str(&example), NULL, 0);
    cr_expect_str_eq(config->gateway.url, "http://127.0.0.1:7077/api");
    cr_expect_str_eq(config->gateway.api_key.bytes, "sim-live-key");
    cr_assert_eq(config->queues_count, 2);
    cr_expect_eq(config->queues[0].type, BH_JOB_SMS);
    cr_expect_eq(config->queues[1].type, BH_JOB_VOICE);
    cr_expect_eq(config->queues[1].on_uncertain, BH_ON_UNCERTAIN_HOLD);
    bh_config_release(config);
    bh_buf_release(&example);
}

/* Whoever takes the `;` away gets what the comment promised. */
Test(config_print, every_default_of_the_example_can_be_switched_on)
{
    struct bh_buf example, active;
    bh_buf_init(&example, 1 << 20);
    bh_buf_init(&active, 1 << 20);
    cr_assert_eq(bh_config_print_example(&example), BH_OK);
    struct bh_str rest = bh_buf_str(&example), line;
    size_t switched = 0;
    while (bh_str_split(&rest, '\n', &line)) {
        bool is_default = line.len > 0 && line.ptr[0] == ';';
        switched += is_default;
        bh_buf_append_str(&active, is_default ? (struct bh_str){line.ptr + 1, line.len - 1} : line);
        bh_buf_append_char(&active, '\n');
        cr_expect_leq(line.len, 100, "%.*s", BH_STR_ARGS(line));
    }
    cr_expect_eq(switched, bh_config_global_slots - 2 + bh_config_queue_slots - 1 + 1);

    struct bh_config *as_is = read_config(bh_buf_str(&example), NULL, 0);
    struct bh_config *all = read_config(bh_buf_str(&active), NULL, 0);
    struct bh_config_diff diff;
    cr_assert_eq(bh_config_diff(as_is, all, &diff), BH_OK);
    /* A retry schedule that is written beats the gateway's codes, even if it is the default. */
    cr_expect_eq(diff.count, 1);
    cr_expect_str_eq(diff.changes[0].key, "[queue sms] retry");
    cr_expect_str_eq(diff.changes[0].was, diff.changes[0].now);
    bh_config_diff_release(&diff);
    bh_config_release(as_is);
    bh_config_release(all);
    bh_buf_release(&example);
    bh_buf_release(&active);
}

Test(config_print, the_manual_names_every_key_and_has_no_stray_request)
{
    struct bh_buf out;
    bh_buf_init(&out, 1 << 20);
    cr_assert_eq(bh_config_print_mdoc(&out), BH_OK);
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        for (size_t r = 0; r < bh_config_sections[s].rows_count; r++) {
            char item[80];
            snprintf(item, sizeof(item), "\n.It Ic %s\n", bh_config_sections[s].rows[r].key);
            cr_expect_not_null(strstr(bh_buf_text(&out), item), "%s", item);
        }
    }
    struct bh_str rest = bh_buf_str(&out), line;
    while (bh_str_split(&rest, '\n', &line)) {
        if (line.len == 0 || line.ptr[0] != '.')
            continue;
        bool known = bh_str_starts_with(line, BH_STR_LITERAL(".Ss ")) ||
                     bh_str_starts_with(line, BH_STR_LITERAL(".It Ic ")) ||
                     bh_str_equal_text(line, ".Bl -tag -width Ds") ||
                     bh_str_equal_text(line, ".El") || bh_str_equal_text(line, ".Pp");
        cr_expect(known, "%.*s", BH_STR_ARGS(line));
    }
    bh_buf_release(&out);
}

Test(config_print, says_when_there_is_no_room)
{
    struct bh_config *config = read_config(bh_str_from(secretive), NULL, 1);
    for (size_t room = 0; room < 1400; room += 97) {
        struct bh_buf out;
        bh_buf_init(&out, room);
        cr_expect_eq(bh_config_print(config, &out), BH_ETOOBIG, "%zu", room);
        bh_buf_release(&out);
        bh_buf_init(&out, room);
        cr_expect_eq(bh_config_print_example(&out), BH_ETOOBIG, "%zu", room);
        bh_buf_release(&out);
        bh_buf_init(&out, room);
        cr_expect_eq(bh_config_print_mdoc(&out), BH_ETOOBIG, "%zu", room);
        bh_buf_release(&out);
    }
    bh_config_release(config);
}
