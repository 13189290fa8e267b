/* workers: each bellhopd that reports, and its workers. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/picture.h"
#include "cli/picture_text.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/json.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"

#define LINE_MAX ((size_t)64 * 1024)

struct workers {
    struct bh_cli *cli;
    struct bh_processes processes;
    struct bh_wall now; /* of Redis */
};

/* ---- For people ---- */

static void
append_process(struct bh_buf *buf, const struct workers *workers, const struct bh_process_row *row)
{
    const struct bh_process_report *report = &row->report;
    bool alive = bh_process_is_alive(row, workers->now);
    (void)bh_display_append(buf, bh_str_from(report->instance));
    (void)bh_buf_append_text(buf, ": ");
    if (!alive)
        (void)bh_buf_append_text(buf, "GONE or cut off, ");
    else if (report->draining)
        (void)bh_buf_append_text(buf, "draining, ");
    (void)bh_buf_append_text(buf, "bellhopd ");
    (void)bh_display_append(buf, bh_str_from(report->version));
    (void)bh_buf_printf(buf, ", pid %" PRId64 ", up for %s, reported %s ago\n", report->pid,
                        bh_display_span(row->at.ms - report->started_at.ms).text,
                        bh_display_span(bh_ms_max(workers->now.ms - row->at.ms, 0)).text);
    (void)bh_buf_printf(buf,
                        "    gateway p50 %s, p95 %s, p99 %s, %u connections (%" PRIu64
                        " opened); Redis p50 %s, p99 %s, %" PRIu64 " reconnects\n",
                        bh_latency_text(report->gateway_p50_us).text,
                        bh_latency_text(report->gateway_p95_us).text,
                        bh_latency_text(report->gateway_p99_us).text, report->connections_open,
                        report->connections_opened, bh_latency_text(report->redis_p50_us).text,
                        bh_latency_text(report->redis_p99_us).text, report->redis_reconnects);
}

static void
add_titles(struct bh_table *table)
{
    static const char *const titles[] = {"INSTANCE", "WORKER",    "LOOP",   "LAG P99",
                                         "SLOTS",    "IN FLIGHT", "REDIS",  "GATEWAY",
                                         "CLAIMED",  "SENT",      "FAILED", "ATTEMPTS"};
    bh_table_init(table, BH_ARRAY_LEN(titles), 0xF3E);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(table, BH_STYLE_DIM, "%s", titles[i]);
}

static void
add_worker(struct bh_table *table, const char *instance, const struct bh_process_worker *worker)
{
    bool still = worker->turned_ms_ago > BH_WORKER_STANDS_STILL_MS;
    bh_table_add(table, BH_STYLE_BOLD, "%s", instance);
    bh_table_add(table, BH_STYLE_PLAIN, "%u", worker->number);
    bh_table_add(table, still ? BH_STYLE_BAD : BH_STYLE_PLAIN, "%s",
                 still ? bh_display_span(worker->turned_ms_ago).text : "turns");
    bh_table_add(table, BH_STYLE_PLAIN, "%s", bh_latency_text(worker->lag_p99_us).text);
    bh_table_add_count(table, BH_STYLE_PLAIN, worker->slots_used);
    bh_table_add_count(table, BH_STYLE_PLAIN, worker->in_flight);
    bh_table_add(table, worker->store_up ? BH_STYLE_PLAIN : BH_STYLE_BAD, "%s",
                 worker->store_up ? "up" : "down");
    bh_table_add(table, worker->breaker_open ? BH_STYLE_BAD : BH_STYLE_PLAIN, "%s",
                 worker->breaker_open ? "holds back" : "open");
    bh_table_add_count(table, BH_STYLE_PLAIN, (int64_t)worker->claimed);
    bh_table_add_count(table, BH_STYLE_GOOD, (int64_t)worker->sent);
    bh_table_add_count(table, BH_STYLE_BAD, (int64_t)worker->failed);
    bh_table_add_count(table, BH_STYLE_PLAIN, (int64_t)worker->attempts);
}

/* The instance's name is a stranger's as far as Redis is. */
static enum bh_status
add_process(struct bh_table *table, const struct bh_process_row *row)
{
    struct bh_buf name;
    bh_buf_init(&name, LINE_MAX);
    enum bh_status status = bh_display_append(&name, bh_str_from(row->report.instance));
    for (size_t i = 0; i < row->report.workers_count && status == BH_OK; i++)
        add_worker(table, bh_buf_text(&name), &row->report.workers[i]);
    bh_buf_release(&name);
    return status;
}

static enum bh_status
print_for_people(const struct workers *workers)
{
    struct bh_table table;
    struct bh_buf head;
    bh_buf_init(&head, LINE_MAX * 4);
    add_titles(&table);
    enum bh_status status = BH_OK;
    for (size_t i = 0; i < workers->processes.count && status == BH_OK; i++) {
        append_process(&head, workers, &workers->processes.rows[i]);
        status = add_process(&table, &workers->processes.rows[i]);
    }
    if (status == BH_OK)
        status = bh_buf_status(&head);
    if (status == BH_OK) {
        printf("%s\n", bh_buf_text(&head));
        status = bh_table_print(&table, stdout, workers->cli->colour);
    }
    bh_buf_release(&head);
    bh_table_release(&table);
    return status;
}

/* ---- For machines ---- */

static enum bh_status
print_json(const struct workers *workers)
{
    struct bh_buf line, report;
    enum bh_status status = BH_OK;
    bh_buf_init(&line, LINE_MAX);
    bh_buf_init(&report, LINE_MAX);
    for (size_t i = 0; i < workers->processes.count && status == BH_OK; i++) {
        const struct bh_process_row *row = &workers->processes.rows[i];
        struct bh_json_writer writer;
        bh_buf_clear(&line);
        bh_buf_clear(&report);
        status = bh_process_write(&report, &row->report);
        bh_json_writer_init(&writer, &line);
        bh_json_open_object(&writer, NULL);
        bh_json_put_bool(&writer, "alive", bh_process_is_alive(row, workers->now));
        bh_json_put_int(&writer, "reported_at", row->at.ms);
        bh_json_put_raw(&writer, "process", bh_buf_str(&report));
        bh_json_close_object(&writer);
        if (status == BH_OK)
            status = bh_buf_status(&line);
        if (status == BH_OK)
            printf("%s\n", bh_buf_text(&line));
    }
    bh_buf_release(&line);
    bh_buf_release(&report);
    return status;
}

/* ---- The command ---- */

static enum bh_exit
read_now(struct workers *workers)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("TIME")};
    struct bh_redis_survey survey = {.version = ""};
    struct redisReply *reply;
    struct bh_str seconds, micro;
    enum bh_exit result = bh_session_command(workers->cli, "read the time", 1, argv, &reply);
    if (result != BH_EXIT_DONE)
        return result;
    workers->now = bh_cli_now();
    if (bh_reply_str(reply, 0, &seconds) && bh_reply_str(reply, 1, &micro))
        bh_redis_survey_read_time(&survey, seconds, micro, workers->now);
    if (survey.clock_known)
        workers->now.ms += survey.clock_ahead_ms;
    bh_redis_reply_free(reply);
    return BH_EXIT_DONE;
}

static enum bh_exit
read_processes(struct workers *workers)
{
    char key[BH_KEY_MAX];
    struct bh_str argv[BH_PROCESSES_ARGC];
    struct redisReply *reply;
    enum bh_exit result = bh_configuration_load(workers->cli);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_processes_key(key, workers->cli->config->redis.prefix) != BH_OK)
        return bh_cli_fail("[redis] prefix cannot be used");
    bh_processes_read_argv(key, argv);
    result =
        bh_session_command(workers->cli, "read the processes", BH_PROCESSES_ARGC, argv, &reply);
    if (result != BH_EXIT_DONE)
        return result;
    enum bh_status status = bh_decode_processes(reply, &workers->processes);
    bh_redis_reply_free(reply);
    return status == BH_OK ? read_now(workers)
                           : bh_cli_fail("Redis' answer about the processes cannot be read");
}

static enum bh_exit
workers_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    struct workers workers = {.cli = cli};
    (void)options;
    if (operands.count > 0)
        return bh_cli_misuse("workers takes no operands");
    enum bh_exit result = read_processes(&workers);
    if (result == BH_EXIT_DONE && workers.processes.count == 0) {
        bh_cli_warn("no bellhopd has reported within a day");
        result = BH_EXIT_NOTHING;
    } else if (result == BH_EXIT_DONE &&
               (cli->json ? print_json(&workers) : print_for_people(&workers)) != BH_OK) {
        result = bh_cli_fail("short of memory");
    }
    bh_processes_release(&workers.processes);
    return result;
}

const struct bh_command_row bh_command_workers = {
    .name = "workers",
    .summary = "list every bellhopd and its workers",
    .usage = "",
    .text =
        "Each bellhopd reports every five seconds; one that has not for fifteen is gone or cut "
        "off, and is listed\n"
        "for a day.  LOOP turns, or has stood still for so long; LAG P99 is how late its timers "
        "are; GATEWAY\n"
        "\"holds back\" after failures in a row.  CLAIMED, SENT, FAILED and ATTEMPTS count since "
        "its start.\n\n"
        "examples:\n"
        "  bellhop workers\n"
        "  bellhop workers --json | jq 'select(.alive | not) | .process.instance'",
    .run = workers_run,
};
