/* What is written for Prometheus, when a process is ready, and what is told of a queue. */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics.h"
#include "daemon/metrics_reports.h"
#include "daemon/overview_internal.h"

static struct bh_overview_counter counters[] = {
    {"outcome:sent",         21           },
    {"outcome:unknown",      2            },
    {"outcome:duplicate",    2            },
    {"outcome:duplicate_id", 1            },
    {"code:100",             21           },
    {"code:0",               3            },
    {"code:other",           1            },
    {"recovered",            4            },
    {"resent",               2            },
    {"spend_micro",          1575000      },
    {"uncertain:journal",    5            },
    {"now:scheduled",        3            },
    {"now:retrying",         2            },
    {"now:uncertain",        1            },
    {"now:held:credit",      6            },
    {"now:held:paused",      1            },
    {"now:suspects",         1            },
    {"now:held:operator",    -1           },
    {"messages",             40           },
    {"delivery:DELIVERED",   17           },
    {"delivery:none",        2            },
    {"delivery_ms:5000",     10           },
    {"delivery_ms:60000",    4            },
    {"delivery_ms:over",     1            },
    {"delivery_ms:sum",      90061250     },
    {"reported_at",          1699999990000},
    {"callback:done",        12           },
    {"callback:given_up",    1            },
};

static struct bh_overview_queue queues[2];
static struct bh_overview_snapshot snapshot;
static struct bh_overview_durations durations;
static struct bh_webhook_counts webhooks;

/* A process with everything in order, two queues, the second of which was never read. */
static void
set_up(void)
{
    memset(&snapshot, 0, sizeof(snapshot));
    memset(&durations, 0, sizeof(durations));
    memset(queues, 0, sizeof(queues));
    queues[0] = (struct bh_overview_queue){
        .name = "sms",
        .known = true,
        .read_at = {100000},
        .at = {1700000000000},
        .raw = 10,
        .moved = 2,
        .ready = 4,
        .due = 11,
        .leases = 7,
        .dead = 8,
        .oldest_ms = 1500,
        .callbacks = 6,
        .callbacks_failing = 4,
        .callbacks_due.ms = 1700000000000 - 1500,
        .callbacks_failing_since.ms = 1700000000000 - 61250,
        .counters = counters,
        .counters_count = BH_ARRAY_LEN(counters),
    };
    (void)snprintf(queues[1].name, sizeof(queues[1].name), "voice");
    snapshot.queues = queues;
    snapshot.queues_count = 2;
    snapshot.mono.ms = 101000;
    snapshot.answered_at.ms = 100000;
    snapshot.workers_started = snapshot.loops_turn = snapshot.redis_up = true;
    snapshot.account_known = true;
    snapshot.account.balance_micro = 12345678;
    snapshot.low_balance_micro = 5000000;
    snapshot.self.workers_count = 2;
    snapshot.self.workers[0].store_up = true;
    snapshot.self.workers[1].store_up = true;
    snapshot.self.connections_opened = 9;
    snapshot.pulled[BH_PULLED_READ] = 21;
    snapshot.pulled[BH_PULLED_NOTHING] = 3;
    snapshot.self.redis_reconnects = 1;
    queues[0].open = 23;
    queues[0].open_for[0] = 9;
    queues[0].open_for[2] = 3;
    queues[0].silent_since.ms = queues[0].at.ms - 7250;
    snapshot.waiting_known = true;
    snapshot.waiting = (struct bh_waiting_view){
        .waiting = 6, .kept_unknown = 30, .kept_early = 4, .home = 20, .dropped_age = 8};
    webhooks = (struct bh_webhook_counts){.taken = 50, .not_taken = 3};
    webhooks.refused[BH_HTTP_WRONG_SIGNATURE] = 2;
    webhooks.events[BH_WEBHOOK_KIND_SMS_MO] = 1;
    bh_histogram_add(&durations.wait[0], 15000);
    bh_histogram_add(&durations.wait[0], 2500000);
    bh_histogram_add(&durations.wait[0], INT64_C(200000) * 1000000);
}

TestSuite(metrics, .init = set_up);

static struct bh_buf text;

static const char *
render(void)
{
    bh_buf_release(&text);
    bh_buf_init(&text, (size_t)2 * 1024 * 1024);
    cr_assert_eq(bh_metrics_write(&text, &snapshot, &durations), BH_OK);
    cr_assert_eq(bh_metrics_write_reports(&text, &snapshot, &webhooks), BH_OK);
    return bh_buf_text(&text);
}

static void
tear_down(void)
{
    bh_buf_release(&text);
}

/* Is the line there, whole? */
static bool
has(const char *line)
{
    char wanted[300];
    (void)snprintf(wanted, sizeof(wanted), "\n%s\n", line);
    return strstr(bh_buf_text(&text), wanted) != NULL;
}

Test(metrics, say_what_the_snapshot_says, .fini = tear_down)
{
    static const char *const rows[] = {
        "# TYPE bellhop_jobs_total counter",
        "# TYPE bellhop_wait_seconds histogram",
        "bellhop_jobs{queue=\"sms\",state=\"ready\"} 14",
        "bellhop_jobs{queue=\"sms\",state=\"scheduled\"} 3",
        "bellhop_jobs{queue=\"sms\",state=\"retrying\"} 3",
        "bellhop_jobs{queue=\"sms\",state=\"held\"} 7",
        "bellhop_jobs{queue=\"sms\",state=\"inflight\"} 7",
        "bellhop_jobs{queue=\"sms\",state=\"dead\"} 8",
        "bellhop_held_jobs{queue=\"sms\",reason=\"credit\"} 6",
        "bellhop_held_jobs{queue=\"sms\",reason=\"operator\"} 0",
        "bellhop_oldest_job_seconds{queue=\"sms\"} 1.5",
        "bellhop_queue_paused{queue=\"sms\"} 0",
        "bellhop_jobs_total{queue=\"sms\",outcome=\"sent\"} 21",
        "bellhop_jobs_total{queue=\"sms\",outcome=\"failed\"} 0",
        "bellhop_jobs_total{queue=\"sms\",outcome=\"duplicate\"} 3",
        "bellhop_duplicate_ids_total{queue=\"sms\"} 1",
        "bellhop_attempts_total{queue=\"sms\",code=\"100\"} 21",
        "bellhop_attempts_total{queue=\"sms\",code=\"0\"} 3",
        "bellhop_attempts_total{queue=\"sms\",code=\"other\"} 1",
        "bellhop_recovered_total{queue=\"sms\"} 4",
        "bellhop_resent_total{queue=\"sms\"} 2",
        "bellhop_uncertain_total{queue=\"sms\",resolution=\"journal\"} 5",
        "bellhop_uncertain_total{queue=\"sms\",resolution=\"operator\"} 0",
        "bellhop_uncertain_total{queue=\"sms\",resolution=\"unknown\"} 2",
        "bellhop_callbacks{queue=\"sms\",state=\"waiting\"} 6",
        "bellhop_callbacks{queue=\"sms\",state=\"failing\"} 4",
        "bellhop_callback_failing_seconds{queue=\"sms\"} 61.25",
        "bellhop_callback_late_seconds{queue=\"sms\"} 1.5",
        "bellhop_callbacks_total{queue=\"sms\",outcome=\"done\"} 12",
        "bellhop_callbacks_total{queue=\"sms\",outcome=\"again\"} 0",
        "bellhop_callbacks_total{queue=\"sms\",outcome=\"given_up\"} 1",
        "bellhop_callbacks_total{queue=\"sms\",outcome=\"refused\"} 0",
        "bellhop_spend_total{queue=\"sms\"} 1.575",
        "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"0.01\"} 0",
        "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"0.02\"} 1",
        "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"2\"} 1",
        "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"5\"} 2",
        "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"100000\"} 2",
        "bellhop_wait_seconds_bucket{queue=\"sms\",le=\"+Inf\"} 3",
        "bellhop_wait_seconds_sum{queue=\"sms\"} 200002.515",
        "bellhop_wait_seconds_count{queue=\"sms\"} 3",
        "bellhop_wait_seconds_count{queue=\"voice\"} 0",
        "bellhop_gateway_seconds_count{phase=\"connect\"} 0",
        "bellhop_gateway_seconds_count{phase=\"first_byte\"} 0",
        "bellhop_gateway_seconds_bucket{phase=\"total\",le=\"+Inf\"} 0",
        "bellhop_gateway_connections_total 9",
        "bellhop_pull_questions_total{answer=\"read\"} 21",
        "bellhop_pull_questions_total{answer=\"refused\"} 0",
        "bellhop_pull_questions_total{answer=\"none\"} 3",
        "bellhop_schedule_lateness_seconds_count 0",
        "bellhop_balance 12.345678",
        "bellhop_low_balance 5",
        "bellhop_account_paused{reason=\"credit\"} 0",
        "bellhop_redis_up 1",
        "bellhop_redis_reconnects_total 1",
        "bellhop_redis_command_seconds_count 0",
        "bellhop_loop_lag_seconds_sum 0",
        "bellhop_ready 1",
        "bellhop_messages_total{queue=\"sms\"} 40",
        "bellhop_reports_total{queue=\"sms\",status=\"DELIVERED\"} 17",
        "bellhop_reports_total{queue=\"sms\",status=\"none\"} 2",
        "bellhop_reports_total{queue=\"sms\",status=\"no-answer\"} 0",
        "bellhop_delivery_seconds_bucket{queue=\"sms\",le=\"5\"} 10",
        "bellhop_delivery_seconds_bucket{queue=\"sms\",le=\"30\"} 10",
        "bellhop_delivery_seconds_bucket{queue=\"sms\",le=\"60\"} 14",
        "bellhop_delivery_seconds_bucket{queue=\"sms\",le=\"600\"} 14",
        "bellhop_delivery_seconds_bucket{queue=\"sms\",le=\"+Inf\"} 15",
        "bellhop_delivery_seconds_sum{queue=\"sms\"} 90061.25",
        "bellhop_delivery_seconds_count{queue=\"sms\"} 15",
        "bellhop_open_messages{queue=\"sms\",longer_than=\"0\"} 23",
        "bellhop_open_messages{queue=\"sms\",longer_than=\"60\"} 9",
        "bellhop_open_messages{queue=\"sms\",longer_than=\"600\"} 3",
        "bellhop_report_silence_seconds{queue=\"sms\"} 7.25",
        "bellhop_reports_waiting 6",
        "bellhop_reports_kept_total{why=\"unknown\"} 30",
        "bellhop_reports_kept_total{why=\"early\"} 4",
        "bellhop_reports_found_total 20",
        "bellhop_reports_dropped_total{why=\"age\"} 8",
        "bellhop_reports_dropped_total{why=\"other\"} 0",
        "bellhop_webhook_requests_total{result=\"taken\"} 50",
        "bellhop_webhook_requests_total{result=\"not_taken\"} 3",
        "bellhop_webhook_requests_total{result=\"wrong_signature\"} 2",
        "bellhop_webhook_requests_total{result=\"wrong_token\"} 0",
        "bellhop_webhook_events_total{event=\"sms_mo\"} 1",
        "bellhop_webhook_events_total{event=\"other\"} 0",
    };
    render();
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect(has(rows[i]), "%s", rows[i]);
    cr_expect_not_null(strstr(bh_buf_text(&text), "bellhop_build_info{version=\""));
}

Test(metrics, leave_out_what_is_not_known_or_too_old, .fini = tear_down)
{
    const char *all = render();
    cr_expect_null(strstr(all, "bellhop_jobs{queue=\"voice\""), "never read");
    cr_expect_null(strstr(all, "bellhop_jobs_total{queue=\"voice\""), "never read");

    snapshot.mono.ms = queues[0].read_at.ms + 61000;
    all = render();
    cr_expect_null(strstr(all, "bellhop_jobs{"));
    cr_expect_null(strstr(all, "bellhop_held_jobs{"));
    cr_expect_null(strstr(all, "bellhop_oldest_job_seconds{"));
    cr_expect_null(strstr(all, "bellhop_queue_paused{"));
    cr_expect_null(strstr(all, "bellhop_open_messages{"));
    cr_expect_null(strstr(all, "bellhop_callbacks{"));
    cr_expect_null(strstr(all, "bellhop_callback_late_seconds{"));
    cr_expect_null(strstr(all, "bellhop_report_silence_seconds{"));
    cr_expect(has("bellhop_messages_total{queue=\"sms\"} 40"), "a counter stays");
    cr_expect(has("bellhop_jobs_total{queue=\"sms\",outcome=\"sent\"} 21"), "a counter stays");
    cr_expect(has("bellhop_ready 0"));

    snapshot.account.balance_micro = INT64_MIN;
    all = render();
    cr_expect_null(strstr(all, "\nbellhop_balance "));
    snapshot.account_known = false;
    all = render();
    cr_expect_null(strstr(all, "bellhop_account_paused{"));
    snapshot.waiting_known = false;
    all = render();
    cr_expect_null(strstr(all, "\nbellhop_reports_waiting "));
}

Test(metrics, tell_for_what_the_account_is_paused, .fini = tear_down)
{
    snapshot.account.state = BH_ACCOUNT_TRIAL;
    (void)snprintf(snapshot.account.reason, sizeof(snapshot.account.reason), "credit");
    snapshot.account.balance_micro = -500000;
    render();
    cr_expect(has("bellhop_account_paused{reason=\"credit\"} 1"));
    cr_expect(has("bellhop_account_paused{reason=\"auth\"} 0"));
    cr_expect(has("bellhop_balance -0.5"));
}

/* HELP and TYPE first, each once, and behind them samples of that family alone. */
Test(metrics, come_in_families, .fini = tear_down)
{
    char family[100] = "", line[300];
    for (const char *at = render(); *at != '\0'; at += strlen(line) + 1) {
        size_t len = strcspn(at, "\n");
        cr_assert_lt(len, sizeof(line));
        (void)snprintf(line, sizeof(line), "%.*s", (int)len, at);
        if (strncmp(line, "# HELP ", 7) == 0) {
            (void)snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "), line + 7);
            char again[120];
            (void)snprintf(again, sizeof(again), "# HELP %s ", family);
            cr_expect_null(strstr(at + 1, again), "%s twice", family);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            cr_expect_eq(strncmp(line + 7, family, strlen(family)), 0, "%s", line);
        } else {
            cr_expect_eq(strncmp(line, family, strlen(family)), 0, "%s in %s", line, family);
            char *end;
            const char *value = strrchr(line, ' ');
            cr_assert_not_null(value, "%s", line);
            strtod(value + 1, &end);
            cr_expect(*end == '\0' && (isdigit((unsigned char)value[1]) || value[1] == '-'), "%s",
                      line);
        }
    }
}

Test(metrics, escape_what_the_format_does_not_take)
{
    static const struct {
        const char *value, *wanted;
    } rows[] = {
        {"sms",          "sms"         },
        {"",             ""            },
        {"a\"b",         "a\\\"b"      },
        {"a\\b",         "a\\\\b"      },
        {"a\nb",         "a\\nb"       },
        {"\\n\"\n",      "\\\\n\\\"\\n"},
        {"\xc3\xa4\t{}", "\xc3\xa4\t{}"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_buf buf;
        bh_buf_init(&buf, 100);
        bh_metrics_append_label(&buf, bh_str_from(rows[i].value));
        cr_expect_str_eq(bh_buf_text(&buf), rows[i].wanted);
        bh_buf_release(&buf);
    }
}

Test(metrics, say_when_they_do_not_fit)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 1000);
    cr_expect_eq(bh_metrics_write(&buf, &snapshot, &durations), BH_ETOOBIG);
    bh_buf_release(&buf);
}

/* The largest set of queues that a configuration may have, and every code of the gateway in each. */
Test(metrics, of_the_largest_configuration_fit_into_an_answer, .fini = tear_down)
{
    static struct bh_overview_queue many[BH_CONFIG_QUEUES_MAX];
    static struct bh_overview_counter codes[100];
    for (size_t i = 0; i < BH_ARRAY_LEN(codes); i++)
        codes[i] = (struct bh_overview_counter){.value = INT64_C(1) << 52};
    for (size_t i = 0; i < BH_ARRAY_LEN(codes); i++)
        (void)snprintf(codes[i].name, sizeof(codes[i].name), "code:%zu", 100 + i);
    for (size_t i = 0; i < BH_ARRAY_LEN(many); i++) {
        many[i] = queues[0];
        (void)snprintf(many[i].name, sizeof(many[i].name), "a-queue-with-the-longest-name-%02zu",
                       i);
        many[i].counters = codes;
        many[i].counters_count = BH_ARRAY_LEN(codes);
    }
    snapshot.queues = many;
    snapshot.queues_count = BH_ARRAY_LEN(many);
    render();
    cr_expect_lt(text.len, (size_t)2 * 1024 * 1024, "%zu bytes", text.len);
}

/* ---- readiness ---- */

static void
drain(void)
{
    snapshot.self.draining = true;
}

static void
stop(void)
{
    snapshot.stopping = true;
}

static void
wait_for_name(void)
{
    snapshot.workers_started = false;
}

static void
hang_one(void)
{
    snapshot.self.workers[0].turned_ms_ago = 60000;
}

static void
hang_all(void)
{
    hang_one();
    snapshot.self.workers[1].turned_ms_ago = 60000;
}

static void
lose_redis(void)
{
    snapshot.redis_up = false;
    (void)snprintf(snapshot.redis_trouble, sizeof(snapshot.redis_trouble), "connection refused");
}

static void
be_refused_by_redis(void)
{
    snapshot.mono.ms = snapshot.answered_at.ms + 16000;
    (void)snprintf(snapshot.redis_trouble, sizeof(snapshot.redis_trouble), "LOADING");
}

static void
hear_nothing_of_redis(void)
{
    snapshot.answered_at.ms = 0;
}

static void
lose_worker_redis(void)
{
    snapshot.self.workers[0].store_up = snapshot.self.workers[1].store_up = false;
}

static void
lose_redis_of_one(void)
{
    snapshot.self.workers[0].store_up = false;
}

static void
pause_account(void)
{
    snapshot.account.state = BH_ACCOUNT_PAUSED;
    (void)snprintf(snapshot.account.reason, sizeof(snapshot.account.reason), "credit");
    (void)snprintf(snapshot.account.text, sizeof(snapshot.account.text), "code 500");
}

static void
forget_account(void)
{
    snapshot.account_known = false;
}

static void
change_nothing(void)
{
}

Test(metrics, know_when_a_process_is_ready)
{
    static const struct {
        const char *name;
        void (*change)(void);
        const char *wanted; /* a part of the reason; NULL: ready */
    } rows[] = {
        {"all is well",           change_nothing,        NULL                    },
        {"one worker hangs",      hang_one,              NULL                    },
        {"one without Redis",     lose_redis_of_one,     NULL                    },
        {"draining",              drain,                 "draining"              },
        {"stopping",              stop,                  "draining"              },
        {"no name yet",           wait_for_name,         "instance's name"       },
        {"all workers hang",      hang_all,              "no worker's loop turns"},
        {"Redis away",            lose_redis,            "connection refused"    },
        {"Redis is loading",      be_refused_by_redis,   "LOADING"               },
        {"Redis is silent",       hear_nothing_of_redis, "not answered"          },
        {"no worker has Redis",   lose_worker_redis,     "no worker is connected"},
        {"the account is paused", pause_account,         "(credit): code 500"    },
        {"nothing heard of it",   forget_account,        "not known"             },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char room[BH_OVERVIEW_REASON_MAX];
        set_up();
        rows[i].change();
        const char *got = bh_overview_unready(&snapshot, room);
        cr_expect_eq(got == NULL, rows[i].wanted == NULL, "%s: %s", rows[i].name, got);
        if (got != NULL && rows[i].wanted != NULL)
            cr_expect_not_null(strstr(got, rows[i].wanted), "%s: %s", rows[i].name, got);
    }
}

Test(metrics, never_count_less_than_nothing_as_ready)
{
    queues[0].ready = queues[0].due = 0;
    cr_expect_eq(bh_overview_queue_count(&queues[0], BH_OVERVIEW_READY), 12);
}
