/* Reading what Redis keeps of the last hour, and of processes: shapes that no script of ours writes among them. */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "redis/minutes.h"
#include "redis/processes.h"

#define NOW INT64_C(1700000000000)

/* An array of bulk strings, as it comes over the wire; the caller frees it. */
static redisReply *
bulk_array(const char *const *texts, size_t count)
{
    static char wire[65536];
    int len = snprintf(wire, sizeof(wire), "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++)
        len += snprintf(wire + len, sizeof(wire) - (size_t)len, "$%zu\r\n%s\r\n", strlen(texts[i]),
                        texts[i]);
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    cr_assert_eq(redisReaderFeed(reader, wire, (size_t)len), REDIS_OK);
    cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    cr_assert_not_null(reply);
    return reply;
}

static void
decode(const char *const *lines, size_t count, struct bh_minutes *ret_minutes)
{
    redisReply *reply = bulk_array(lines, count);
    cr_assert_eq(bh_decode_minutes(reply, ret_minutes), BH_OK);
    freeReplyObject(reply);
}

Test(minutes, leaves_out_what_is_no_line)
{
    static const struct {
        const char *line;
        bool good;
    } rows[] = {
        {"1700000000000 1 2 3 4 5 6 7",            true },
        {"1700000000000 1 2 3 4 5 6 7 handle 9",   true },
        {"1700000000000 1 2 3 4 5 6 7 handle",     true },
        {"1700000000000 1 2 3 4 5 6 7 handle x",   true },
        {"0 0 0 0 0 0 0 0",                        true },
        {"",                                       false},
        {" ",                                      false},
        {"1700000000000",                          false},
        {"1700000000000 1 2 3 4 5 6",              false},
        {"1700000000000 1 2 3 4 5 6 ",             false},
        {"1700000000000  1 2 3 4 5 6 7",           false},
        {"-1700000000000 1 2 3 4 5 6 7",           false},
        {"1700000000000 -1 2 3 4 5 6 7",           false},
        {"1700000000000 1 2 3 4 5 6 1e3",          false},
        {"99999999999999999999 1 2 3 4 5 6 7",     false},
        {"9007199254740993 1 2 3 4 5 6 7",         false},
        {"MS RAW IN READY DUE LEASES DEAD OLDEST", false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_minutes minutes;
        const char *lines[] = {rows[i].line, "5 0 0 0 0 0 0 0"};
        decode(lines, 2, &minutes);
        cr_expect_eq(minutes.count, rows[i].good ? 2 : 1, "%s", rows[i].line);
        cr_expect_eq(minutes.rows[minutes.count - 1].at.ms, 5, "%s", rows[i].line);
        bh_minutes_release(&minutes);
    }
}

Test(minutes, reads_members_and_counters)
{
    static const char *const lines[] = {
        "1700000000000 1 2 3 4 5 6 7 handle 9 outcome:sent 8 now:held:credit -2 odd x handles 4"};
    static const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"handle",          9 },
        {"outcome:sent",    8 },
        {"now:held:credit", -2},
        {"odd",             0 },
        {"handles",         4 },
        {"hand",            0 },
        {"",                0 },
        {"9",               0 },
        {"outcome:",        0 },
        {"x",               0 },
    };
    struct bh_minutes minutes;
    decode(lines, 1, &minutes);
    const struct bh_minute *minute = &minutes.rows[0];
    cr_expect(minute->raw == 1 && minute->moved == 2 && minute->ready == 3 && minute->due == 4 &&
              minute->leases == 5 && minute->dead == 6 && minute->oldest_ms == 7);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_minute_find(minute, rows[i].name), rows[i].value, "%s", rows[i].name);
    bh_minutes_release(&minutes);
}

Test(minutes, takes_no_more_lines_than_it_has_room_for)
{
    const char *lines[BH_MINUTES_MAX + 5];
    struct bh_minutes minutes;
    for (size_t i = 0; i < BH_ARRAY_LEN(lines); i++)
        lines[i] = "5 0 0 0 0 0 0 0";
    decode(lines, BH_ARRAY_LEN(lines), &minutes);
    cr_expect_eq(minutes.count, BH_MINUTES_MAX);
    bh_minutes_release(&minutes);
    decode(lines, 0, &minutes);
    cr_expect_eq(minutes.count, 0);
    bh_minutes_release(&minutes);
    cr_expect_eq(bh_decode_minutes(NULL, &minutes), BH_EPROTO);
}

/* ---- rates ---- */

/* One line per minute: `age` minutes ago 600 fewer were pushed and 300 fewer had ended. */
static void
steady_hour(struct bh_minutes *ret_minutes)
{
    static char texts[BH_MINUTES_MAX][200];
    const char *lines[BH_MINUTES_MAX];
    for (int age = 0; age < BH_MINUTES_MAX; age++) {
        lines[age] = texts[age];
        (void)snprintf(texts[age], sizeof(texts[0]),
                       "%" PRId64 " 10 0 0 0 0 0 0 handle %d outcome:sent %d outcome:failed 10",
                       NOW - age * BH_MINUTE_MS, 100000 - age * 600, 50000 - age * 300);
    }
    decode(lines, BH_MINUTES_MAX, ret_minutes);
}

Test(minutes, tells_rates_over_the_time_that_really_lies_between)
{
    static const struct {
        const char *name;
        bh_ms after, window, over;
    } rows[] = {
        {"one minute, just written",    0,     BH_MINUTE_MS,      BH_MINUTE_MS             },
        {"one minute, half one later",  29000, BH_MINUTE_MS,      BH_MINUTE_MS + 29000     },
        {"one minute, nearly the next", 59000, BH_MINUTE_MS,      59000                    },
        {"a quarter",                   20000, 15 * BH_MINUTE_MS, 15 * BH_MINUTE_MS + 20000},
        {"an hour",                     0,     BH_HOUR_MS,        BH_HOUR_MS               },
        {"a day is an hour",            0,     BH_DAY_MS,         BH_HOUR_MS               },
    };
    struct bh_minutes minutes;
    steady_hour(&minutes);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_tally now = bh_tally_of_minute(&minutes.rows[0]);
        struct bh_flow flow;
        now.at.ms += rows[i].after;
        now.pushed += rows[i].after / 100;
        now.left += rows[i].after / 200;
        cr_assert(bh_minutes_flow(&minutes, &now, rows[i].window, &flow), "%s", rows[i].name);
        cr_expect_eq(flow.over_ms, rows[i].over, "%s: %" PRId64, rows[i].name, flow.over_ms);
        cr_expect(flow.in_milli >= 9990 && flow.in_milli <= 10010, "%s: %" PRId64, rows[i].name,
                  flow.in_milli);
        cr_expect(flow.out_milli >= 4990 && flow.out_milli <= 5010, "%s: %" PRId64, rows[i].name,
                  flow.out_milli);
    }
    bh_minutes_release(&minutes);
}

Test(minutes, tells_no_rate_from_nothing_or_from_counters_that_fell)
{
    struct bh_minutes minutes = {.count = 0};
    const struct bh_tally now = {{NOW}, 5, 5};
    struct bh_flow flow;
    cr_expect_not(bh_minutes_flow(&minutes, &now, BH_MINUTE_MS, &flow));

    static const char *const young[] = {"1699999999000 0 0 0 0 0 0 0"};
    decode(young, 1, &minutes);
    cr_expect_not(bh_minutes_flow(&minutes, &now, BH_MINUTE_MS, &flow));
    bh_minutes_release(&minutes);

    static const char *const richer[] = {"1699999900000 0 0 0 0 0 0 0 handle 900 outcome:sent 800"};
    decode(richer, 1, &minutes);
    cr_assert(bh_minutes_flow(&minutes, &now, BH_MINUTE_MS, &flow));
    cr_expect(flow.in_milli == 0 && flow.out_milli == 0);
    bh_minutes_release(&minutes);

    /* A server whose clock was set back wrote lines from the future. */
    static const char *const future[] = {"1800000000000 0 0 0 0 0 0 0"};
    decode(future, 1, &minutes);
    cr_expect_not(bh_minutes_flow(&minutes, &now, BH_MINUTE_MS, &flow));
    bh_minutes_release(&minutes);
}

Test(minutes, tells_when_a_queue_will_be_empty)
{
    static const struct {
        struct bh_flow flow;
        uint64_t waiting;
        bh_ms wanted;
    } rows[] = {
        {{1000, 3000, 60000}, 10,         5000},
        {{0, 3000, 60000},    0,          0   },
        {{0, 0, 60000},       0,          0   },
        {{0, 0, 60000},       1,          -1  },
        {{3000, 3000, 60000}, 1,          -1  },
        {{5000, 3000, 60000}, 1,          -1  },
        {{0, 1, 60000},       UINT64_MAX, -1  },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_flow_drain_ms(&rows[i].flow, rows[i].waiting), rows[i].wanted, "%zu", i);
}

Test(minutes, tells_how_long_the_oldest_has_waited_whatever_its_producer_says)
{
    struct bh_minutes minutes;
    static const char *const counters[] = {"handle", "100"};
    static const char *const lines[] = {
        "1699999940000 5 0 0 0 0 0 0 handle 100", /* a minute ago: up to 105 */
        "1699999880000 1 0 0 0 0 0 0 handle 100", /* two: up to 101 */
        "1699999820000 3 0 0 0 0 0 0 handle 97",  /* three: up to 100, all of them taken */
    };
    /* The header of the script's answer, in whose place the view is written by hand. */
    const char *elements[BH_QUEUE_VIEW_HEADER + 2];
    for (size_t i = 0; i < BH_QUEUE_VIEW_HEADER; i++)
        elements[i] = "";
    elements[BH_QUEUE_VIEW_HEADER] = counters[0];
    elements[BH_QUEUE_VIEW_HEADER + 1] = counters[1];
    redisReply *reply = bulk_array(elements, BH_QUEUE_VIEW_HEADER + 2);
    struct bh_queue_view view = {
        .server_now = {NOW}, .raw = 7, .reply = reply, .counters_count = 1};
    decode(lines, 3, &minutes);
    cr_expect_eq(bh_minutes_oldest_ms(&minutes, &view), 2 * BH_MINUTE_MS);
    view.pushed_at.ms = NOW - BH_HOUR_MS;
    cr_expect_eq(bh_minutes_oldest_ms(&minutes, &view), BH_HOUR_MS);
    view.raw = 0;
    view.pushed_at.ms = 0;
    cr_expect_eq(bh_minutes_oldest_ms(&minutes, &view), 0);
    view.ready_created.ms = NOW - 5;
    view.next_due.ms = NOW + 5;
    cr_expect_eq(bh_minutes_oldest_ms(&minutes, &view), 5);
    view.next_due.ms = NOW - 9;
    cr_expect_eq(bh_minutes_oldest_ms(&minutes, &view), 9);
    bh_minutes_release(&minutes);
    freeReplyObject(reply);
}

/* ---- processes ---- */

static struct bh_process_report
a_report(const char *instance, size_t workers)
{
    struct bh_process_report report = {
        .version = "1.2.3",
        .pid = 4711,
        .started_at = {NOW},
        .draining = true,
        .workers_count = workers,
        .window_ms = 900000,
        .gateway_count = 12,
        .gateway_p50_us = 40000,
        .gateway_p95_us = 50000,
        .gateway_p99_us = -1,
        .gateway_holding = (unsigned)workers,
        .gateway_ill_ms = workers > 0 ? 720000 : 0,
        .gateway_wait_ms = workers > 0 ? 1500 : 0,
        .connections_open = 3,
        .connections_opened = 99,
        .redis_reconnects = 1,
        .redis_p50_us = 300,
        .redis_p99_us = 700,
    };
    (void)snprintf(report.instance, sizeof(report.instance), "%s", instance);
    if (workers > 0)
        report.gateway_illness = (struct bh_gateway_illness){BH_TROUBLE_TOO_BIG, 503, 900, true};
    for (size_t i = 0; i < workers; i++)
        report.workers[i] = (struct bh_process_worker){
            .number = (unsigned)i,
            .turned_ms_ago = 12,
            .lag_p99_us = -1,
            .slots_used = 64,
            .in_flight = 16,
            .store_up = true,
            .breaker_open = i % 2 == 0,
            .claimed = UINT64_C(1) << 50,
            .sent = 1,
            .failed = 2,
            .attempts = 3,
        };
    return report;
}

static const char *
as_value(const struct bh_process_report *report, struct bh_buf *buf)
{
    bh_buf_init(buf, BH_PROCESS_BYTES_MAX + 32);
    bh_buf_append_text(buf, "1700000000123 ");
    cr_assert_eq(bh_process_write(buf, report), BH_OK);
    return bh_buf_text(buf);
}

Test(processes, are_read_as_they_were_written)
{
    static const size_t rows[] = {0, 1, 4, BH_PROCESS_WORKERS_MAX};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        /* Quotation marks and backslashes are printable, and so may be a name. */
        struct bh_process_report wanted = a_report("one\"\\two", rows[i]), got;
        struct bh_wall at;
        struct bh_buf buf;
        cr_assert_eq(bh_process_read(bh_str_from(as_value(&wanted, &buf)), &at, &got), BH_OK);
        cr_expect_eq(at.ms, NOW + 123);
        cr_expect_str_eq(got.instance, wanted.instance);
        cr_expect_str_eq(got.version, wanted.version);
        cr_expect(got.pid == wanted.pid && got.started_at.ms == NOW && got.draining);
        cr_assert_eq(got.workers_count, rows[i]);
        for (size_t j = 0; j < rows[i]; j++) {
            const struct bh_process_worker *a = &got.workers[j], *b = &wanted.workers[j];
            cr_expect(a->number == b->number && a->turned_ms_ago == 12 && a->lag_p99_us == -1 &&
                      a->slots_used == 64 && a->in_flight == 16 && a->store_up &&
                      a->breaker_open == b->breaker_open && a->claimed == b->claimed &&
                      a->sent == 1 && a->failed == 2 && a->attempts == 3);
        }
        cr_expect(got.gateway_count == 12 && got.gateway_p50_us == 40000 &&
                  got.gateway_p99_us == -1 && got.connections_open == 3 &&
                  got.connections_opened == 99 && got.redis_reconnects == 1 &&
                  got.redis_p50_us == 300 && got.redis_p99_us == 700 && got.window_ms == 900000);
        cr_expect(got.gateway_holding == wanted.gateway_holding &&
                  got.gateway_ill_ms == wanted.gateway_ill_ms &&
                  got.gateway_wait_ms == wanted.gateway_wait_ms &&
                  got.gateway_illness.trouble == wanted.gateway_illness.trouble &&
                  got.gateway_illness.http_status == wanted.gateway_illness.http_status &&
                  got.gateway_illness.code == wanted.gateway_illness.code &&
                  got.gateway_illness.asks_patience == wanted.gateway_illness.asks_patience);
        bh_buf_release(&buf);
    }
}

/* The report with one part of it replaced. */
static enum bh_status
read_with(const char *part, const char *instead)
{
    struct bh_process_report report = a_report("one", 1);
    struct bh_wall at;
    struct bh_buf buf;
    char text[4096];
    const char *whole = as_value(&report, &buf), *found = strstr(whole, part);
    cr_assert_not_null(found, "%s", part);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(found - whole), whole, instead,
                   found + strlen(part));
    enum bh_status status = bh_process_read(bh_str_from(text), &at, &report);
    bh_buf_release(&buf);
    return status;
}

Test(processes, that_nobody_of_us_wrote_are_not_read)
{
    static const struct {
        const char *part, *instead;
    } rows[] = {
        {"1700000000123 ",    ""                                                                     },
        {"1700000000123 ",    "x "                                                                   },
        {"1700000000123 ",    "-1 "                                                                  },
        {"1700000000123",     "99999999999999999999"                                                 },
        {"{\"instance\"",     "[\"instance\""                                                        },
        {"\"instance\"",      "\"name\""                                                             },
        {"\"one\"",           "1"                                                                    },
        {"\"one\"",           "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
        {"\"1.2.3\"",         "null"                                                                 },
        {"4711",              "-1"                                                                   },
        {"4711",              "1.5"                                                                  },
        {"\"workers\":[",     "\"workers\":[[],"                                                     },
        {"\"workers\":[",     "\"workers\":7,\"x\":["                                                },
        {"\"number\":0",      "\"number\":64"                                                        },
        {"\"store_up\":true", "\"store_up\":1"                                                       },
        {"\"in_flight\":16",  "\"in_flight\":-1"                                                     },
        {"\"in_flight\":16",  "\"in_flight\":9999999999"                                             },
        {"\"p50_us\":40000",  "\"p50_us\":-2"                                                        },
        {"\"redis\":{",       "\"valkey\":{"                                                         },
        {"}}",                "}"                                                                    },
        {"}}",                "}} x"                                                                 },
    };
    cr_expect_eq(read_with("one", "two"), BH_OK);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(read_with(rows[i].part, rows[i].instead), BH_EPROTO, "%s", rows[i].instead);
}

Test(processes, are_listed_by_name_without_those_that_cannot_be_read)
{
    struct bh_process_report two = a_report("two", 1), one = a_report("one", 2);
    struct bh_buf two_text, one_text;
    struct bh_processes processes;
    const char *elements[] = {"two", as_value(&two, &two_text), "bad", "nonsense",
                              "one", as_value(&one, &one_text)};
    redisReply *reply = bulk_array(elements, BH_ARRAY_LEN(elements));
    cr_assert_eq(bh_decode_processes(reply, &processes), BH_OK);
    cr_assert_eq(processes.count, 2);
    cr_expect_str_eq(processes.rows[0].report.instance, "one");
    cr_expect_str_eq(processes.rows[1].report.instance, "two");
    cr_expect(bh_process_is_alive(&processes.rows[0], (struct bh_wall){NOW + 10000}));
    cr_expect_not(bh_process_is_alive(&processes.rows[0], (struct bh_wall){NOW + 20000}));
    cr_expect(bh_process_is_alive(&processes.rows[0], (struct bh_wall){NOW - 10000}));
    cr_expect_not(bh_process_is_alive(&processes.rows[0], (struct bh_wall){NOW - 3600000}),
                  "the server's clock was set back since");
    bh_processes_release(&processes);
    freeReplyObject(reply);
    bh_buf_release(&one_text);
    bh_buf_release(&two_text);
    cr_expect_eq(bh_decode_processes(NULL, &processes), BH_EPROTO);
}
