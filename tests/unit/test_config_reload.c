#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/config.h"
#include "support/config_fixture.h"
#include "support/scarce_memory.h"

#define LEAST "[gateway]\napi_key = k\n[queue sms]\n"

static struct bh_config *
read_config(const char *text)
{
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    struct bh_config_source source = fixture_source(bh_str_from(text));
    enum bh_status status = bh_config_read(&source, &report, &config);
    cr_assert_eq(status, BH_OK, "%s: %s", text, report.count > 0 ? report.messages[0].text : "");
    bh_config_report_release(&report);
    return config;
}

/* "KEY: WAS -> NOW (CLASS)" per line. */
static char *
describe(const struct bh_config_diff *diff)
{
    static const char *const classes[] = {"live", "next", "restart"};
    struct bh_buf buf;
    bh_buf_init(&buf, 1 << 20);
    bh_buf_append_text(&buf, "");
    for (size_t i = 0; i < diff->count; i++) {
        const struct bh_config_change *change = &diff->changes[i];
        bh_buf_printf(&buf, "%s: %s -> %s (%s)\n", change->key, change->was, change->now,
                      classes[change->reload]);
    }
    char *text = bh_strdup(bh_buf_text(&buf));
    bh_buf_release(&buf);
    return text;
}

Test(config_reload, tells_what_differs_by_value_not_by_spelling)
{
    static const struct {
        const char *name;
        const char *old;
        const char *fresh;
        const char *wanted;
        /* clang-format off */
    } rows[] = {
        {"nothing", LEAST, LEAST, ""},
        {"comments and order", LEAST, "# x\n[queue sms]\n[gateway]\napi_key = k\n", ""},
        {"default written down", LEAST "ttl = 48h\n[log]\nmask = true\n", LEAST, ""},
        {"other units", LEAST "ttl = 60m\nmax_job = 1MiB\n", LEAST "ttl = 1h\nmax_job = 1024KiB\n",
         ""},
        {"slashes", "[queue q]\n[gateway]\napi_key=k\nurl = https://h/a/\n",
         "[queue q]\n[gateway]\napi_key=k\nurl = https://h/a\n", ""},
        {"schedule's blanks", LEAST "retry = 1s,2s*\n", LEAST "retry = 1s,  2s*\n", ""},
        {"schedule's units", LEAST "retry = 60s\n", LEAST "retry = 1m\n", ""},
        {"schedule", LEAST "retry = 1s, 2s\n", LEAST "retry = 1s, 2s*\n",
         "[queue sms] retry: 1s, 2s -> 1s, 2s* (next)\n"},
        {"schedule's length", LEAST "retry = 1s, 2s\n", LEAST "retry = 1s\n",
         "[queue sms] retry: 1s, 2s -> 1s (next)\n"},
        {"values of every class", LEAST, LEAST "rate = 5\n[pool]\nworkers = 2\nlease = 1m\n",
         "[pool] workers: 1 -> 2 (restart)\n[pool] lease: 30s -> 1m (next)\n"
         "[queue sms] rate: 0 -> 5 (live)\n"},
        {"secrets stay hidden", LEAST, "[gateway]\napi_key = l\n[queue sms]\n",
         "[gateway] api_key: ******** -> ******** (next)\n"},
        {"so do logins", LEAST "[redis]\nurl=redis://a:b@h\n", LEAST "[redis]\nurl=redis://a:c@h\n",
         "[redis] url: redis://a:***@h:6379/0 -> redis://a:***@h:6379/0 (restart)\n"},
        {"listener", LEAST "[http]\nlisten =\n", LEAST,
         "[http] listen:  -> 127.0.0.1:9177 (restart)\n"},
        {"queues come and go", LEAST "[queue a]\nrate=1\n", LEAST "[queue b]\nrate=2\n",
         "[queue b]:  -> present (live)\n[queue a]: present ->  (live)\n"},
        {"queues in another order", LEAST "rate = 1\n[queue a]\n",
         "[queue a]\n[queue sms]\nrate = 2\n[gateway]\napi_key=k\n",
         "[queue sms] rate: 1 -> 2 (live)\n"},
        {"type brings its default along", LEAST, LEAST "type = voice\n",
         "[queue sms] type: sms -> voice (next)\n[queue sms] on_uncertain: resend -> hold "
         "(next)\n"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_config *old = read_config(rows[i].old), *fresh = read_config(rows[i].fresh);
        struct bh_config_diff diff;
        cr_assert_eq(bh_config_diff(old, fresh, &diff), BH_OK);
        char *text = describe(&diff);
        cr_expect_str_eq(text, rows[i].wanted, "%s: got\n%swanted\n%s", rows[i].name, text,
                         rows[i].wanted);
        cr_expect_eq(diff.restart_count > 0, strstr(text, "(restart)") != NULL);
        bh_free(text);
        bh_config_diff_release(&diff);
        bh_config_release(old);
        bh_config_release(fresh);
    }
}

static enum bh_status
succeed(struct bh_config *fresh, const struct bh_config *old, char *ret_message, size_t size)
{
    struct bh_config_report report = {0};
    enum bh_status status = bh_config_succeed(fresh, old, &report);
    snprintf(ret_message, size, "%s", report.count > 0 ? report.messages[0].text : "");
    cr_expect_eq(report.errors > 0, status == BH_EINVAL);
    bh_config_report_release(&report);
    return status;
}

Test(config_reload, keeps_what_only_a_restart_can_change)
{
    struct bh_config *old = read_config(
        LEAST "[pool]\nworkers = 2\n[redis]\nurl = redis://a:b@h\nprefix = p\n[http]\nlisten =\n");
    struct bh_config *fresh =
        read_config(LEAST "rate = 7\n[pool]\nworkers = 3\nlease = 1m\n[log]\nlevel = debug\n");
    char message[500];
    cr_assert_eq(succeed(fresh, old, message, sizeof(message)), BH_OK, "%s", message);
    cr_expect_eq(fresh->pool.workers, 2);
    cr_expect_str_eq(fresh->redis.url, "redis://a:b@h");
    cr_expect_str_eq(fresh->redis.prefix, "p");
    cr_expect_str_eq(fresh->http.listen.host, "");
    cr_expect_str_eq(fresh->pool.instance, "host-1");
    cr_expect_eq(fresh->pool.lease_ms, 60000);
    cr_expect_eq(fresh->log.level, BH_LOG_DEBUG);
    cr_expect_eq(fresh->queues[0].rate, 7);
    /* What was kept belongs to the new one alone. */
    bh_config_release(old);
    cr_expect_str_eq(fresh->redis.url, "redis://a:b@h");

    struct bh_buf out;
    bh_buf_init(&out, 1 << 20);
    cr_assert_eq(bh_config_print(fresh, &out), BH_OK);
    cr_expect_not_null(strstr(bh_buf_text(&out), "\nworkers = 2\n"));
    bh_buf_release(&out);
    bh_config_release(fresh);
}

Test(config_reload, is_refused_when_old_and_new_values_do_not_go_together)
{
    struct bh_config *old = read_config(LEAST "[redis]\ncommand_timeout = 20s\n");
    struct bh_config *fresh =
        read_config("[queue sms]\n[gateway]\napi_key=k\ntimeout=6s\n[redis]\ncommand_timeout = "
                    "2s\n[pool]\nlease = 7s\n");
    char message[500];
    cr_expect_eq(succeed(fresh, old, message, sizeof(message)), BH_EINVAL);
    cr_expect_str_eq(message,
                     "[redis] command_timeout (20s) must be less than [pool] lease (7s), or "
                     "a lease could end before its renewal is answered. (Some of these "
                     "values change only with a restart.)");
    bh_config_release(old);
    bh_config_release(fresh);
}

Test(config_reload, queues_keep_their_numbers_and_new_ones_get_fresh_ones)
{
    static const struct {
        const char *queues;
        unsigned wanted[4];
    } rows[] = {
        {"[queue a]\n[queue b]\n[queue c]\n",            {0, 1, 2}   },
        {"[queue c]\n[queue a]\n",                       {2, 0}      },
        {"[queue a]\n[queue b]\n[queue c]\n[queue d]\n", {0, 3, 2, 4}},
        {"[queue b]\n",                                  {3}         },
        {"[queue a]\n[queue b]\n",                       {5, 3}      },
    };
    struct bh_config *old = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[300], message[500];
        snprintf(text, sizeof(text), "[gateway]\napi_key = k\n%s", rows[i].queues);
        struct bh_config *fresh = read_config(text);
        if (old != NULL)
            cr_assert_eq(succeed(fresh, old, message, sizeof(message)), BH_OK, "%s", message);
        for (size_t q = 0; q < fresh->queues_count; q++)
            cr_expect_eq(fresh->queues[q].no, rows[i].wanted[q], "row %zu, %s", i,
                         fresh->queues[q].name);
        bh_config_release(old);
        old = fresh;
    }
    bh_config_release(old);
}

Test(config_reload, is_refused_when_numbers_are_used_up)
{
    struct bh_config *old = read_config(LEAST);
    for (int round = 0; round < 20; round++) {
        char text[8000], message[500];
        size_t len = (size_t)snprintf(text, sizeof(text), LEAST);
        for (int q = 0; q < 51; q++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "[queue r%d-%d]\n", round, q);
        struct bh_config *fresh = read_config(text);
        enum bh_status status = succeed(fresh, old, message, sizeof(message));
        /* 1 + 5 * 51 = 256 */
        cr_expect_eq(status, round < 5 ? BH_OK : BH_EINVAL, "round %d", round);
        if (status != BH_OK) {
            cr_expect_not_null(strstr(message, "restart it to take [queue r"), "%s", message);
            bh_config_release(fresh);
            continue;
        }
        cr_expect_eq(fresh->queues[0].no, 0);
        cr_expect_eq(fresh->queues[51].no, (unsigned)(round + 1) * 51);
        bh_config_release(old);
        old = fresh;
    }
    bh_config_release(old);
}

/* ---- Short memory ---- */

Test(config_reload, survives_each_allocation_that_fails)
{
    static const char later[] =
        LEAST "rate=1\nretry=1s\n[queue n]\n[redis]\nurl=redis://a:b@h\n[pool]\nworkers=3\n";
    bh_use_scarce_memory();
    enum bh_status status = BH_ENOMEM;
    long n;
    for (n = 0; status == BH_ENOMEM && n < 1000; n++) {
        bh_allocations_left = 100000;
        struct bh_config *old = read_config(LEAST), *fresh = read_config(later);
        struct bh_config_diff diff = {0};
        struct bh_config_report report = {0};
        bh_allocations_left = n;
        status = bh_config_diff(old, fresh, &diff);
        if (status == BH_OK)
            status = bh_config_succeed(fresh, old, &report);
        cr_assert(status == BH_OK || status == BH_ENOMEM, "allocation %ld", n);
        bh_config_diff_release(&diff);
        bh_config_report_release(&report);
        bh_config_release(old);
        bh_config_release(fresh);
    }
    cr_expect_eq(status, BH_OK);
    cr_expect_gt(n, 15, "%ld", n);
    bh_alloc_replace(NULL);
}
