#include "redis/processes.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/json.h"
#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

enum bh_status
bh_processes_key(char key[BH_KEY_MAX], const char *prefix)
{
    if (!bh_key_prefix_valid(bh_str_from(prefix)))
        return BH_EINVAL;
    (void)snprintf(key, BH_KEY_MAX, "%s:{@processes}", prefix);
    return BH_OK;
}

/* ---- writing ---- */

/* Numbers that others than we read: not beyond what a double holds. */
static int64_t
exact(uint64_t number)
{
    return number > (uint64_t)EXACT_MAX ? EXACT_MAX : (int64_t)number;
}

static void
write_worker(struct bh_json_writer *writer, const struct bh_process_worker *worker)
{
    bh_json_open_object(writer, NULL);
    bh_json_put_int(writer, "number", worker->number);
    bh_json_put_int(writer, "turned_ms_ago", worker->turned_ms_ago);
    bh_json_put_int(writer, "lag_p99_us", worker->lag_p99_us);
    bh_json_put_int(writer, "slots_used", worker->slots_used);
    bh_json_put_int(writer, "in_flight", worker->in_flight);
    bh_json_put_bool(writer, "store_up", worker->store_up);
    bh_json_put_bool(writer, "breaker_open", worker->breaker_open);
    bh_json_put_int(writer, "claimed", exact(worker->claimed));
    bh_json_put_int(writer, "sent", exact(worker->sent));
    bh_json_put_int(writer, "failed", exact(worker->failed));
    bh_json_put_int(writer, "attempts", exact(worker->attempts));
    bh_json_close_object(writer);
}

static void
write_illness(struct bh_json_writer *writer, const struct bh_process_report *report)
{
    const struct bh_gateway_illness *illness = &report->gateway_illness;
    bh_json_open_object(writer, "ill");
    bh_json_put_int(writer, "workers", report->gateway_holding);
    bh_json_put_int(writer, "for_ms", report->gateway_ill_ms);
    bh_json_put_int(writer, "wait_ms", report->gateway_wait_ms);
    bh_json_put_text(writer, "trouble", bh_trouble_name(illness->trouble));
    bh_json_put_int(writer, "http_status", illness->http_status);
    bh_json_put_int(writer, "code", illness->code);
    bh_json_put_bool(writer, "asks_patience", illness->asks_patience);
    bh_json_close_object(writer);
}

static void
write_gateway(struct bh_json_writer *writer, const struct bh_process_report *report)
{
    bh_json_open_object(writer, "gateway");
    bh_json_put_int(writer, "window_ms", report->window_ms);
    bh_json_put_int(writer, "count", exact(report->gateway_count));
    bh_json_put_int(writer, "p50_us", report->gateway_p50_us);
    bh_json_put_int(writer, "p95_us", report->gateway_p95_us);
    bh_json_put_int(writer, "p99_us", report->gateway_p99_us);
    bh_json_put_int(writer, "connections_open", report->connections_open);
    bh_json_put_int(writer, "connections_opened", exact(report->connections_opened));
    if (report->gateway_holding > 0)
        write_illness(writer, report);
    bh_json_close_object(writer);
}

static void
write_redis(struct bh_json_writer *writer, const struct bh_process_report *report)
{
    bh_json_open_object(writer, "redis");
    bh_json_put_int(writer, "reconnects", exact(report->redis_reconnects));
    bh_json_put_int(writer, "p50_us", report->redis_p50_us);
    bh_json_put_int(writer, "p99_us", report->redis_p99_us);
    bh_json_close_object(writer);
}

enum bh_status
bh_process_write(struct bh_buf *buf, const struct bh_process_report *report)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "instance", report->instance);
    bh_json_put_text(&writer, "version", report->version);
    bh_json_put_int(&writer, "pid", report->pid);
    bh_json_put_int(&writer, "started_at", report->started_at.ms);
    bh_json_put_text(&writer, "state", report->draining ? "draining" : "running");
    bh_json_open_array(&writer, "workers");
    for (size_t i = 0; i < report->workers_count; i++)
        write_worker(&writer, &report->workers[i]);
    bh_json_close_array(&writer);
    write_gateway(&writer, report);
    write_redis(&writer, report);
    bh_json_close_object(&writer);
    return bh_buf_status(buf);
}

void
bh_encode_process(struct bh_call *call, const char *key, const char *instance,
                  struct bh_str report_json)
{
    bh_call_key(call, bh_str_from(key));
    bh_call_text(call, instance);
    bh_call_str(call, report_json);
}

void
bh_encode_process_gone(struct bh_call *call, const char *key, const char *instance)
{
    bh_encode_process(call, key, instance, BH_STR_LITERAL(""));
}

/* ---- reading ---- */

/* Where a report is read from, and whether everything was as it has to be so far. */
struct reader {
    const struct bh_json *json;
    bool good;
};

static int64_t
get_int(struct reader *reader, const struct bh_json_value *object, const char *name, int64_t min,
        int64_t max)
{
    int64_t value;
    if (bh_json_int64(reader->json, bh_json_get(object, name), &value) && value >= min &&
        value <= max)
        return value;
    reader->good = false;
    return 0;
}

static uint64_t
get_count(struct reader *reader, const struct bh_json_value *object, const char *name)
{
    return (uint64_t)get_int(reader, object, name, 0, EXACT_MAX);
}

/* A duration, or -1 for none. */
static int64_t
get_us(struct reader *reader, const struct bh_json_value *object, const char *name)
{
    return get_int(reader, object, name, -1, EXACT_MAX);
}

static bool
get_bool(struct reader *reader, const struct bh_json_value *object, const char *name)
{
    bool flag = false;
    if (!bh_json_bool(bh_json_get(object, name), &flag))
        reader->good = false;
    return flag;
}

static void
get_text(struct reader *reader, const struct bh_json_value *object, const char *name, char *text,
         size_t size)
{
    struct bh_str view;
    if (!bh_json_string(bh_json_get(object, name), &view) || view.len >= size) {
        reader->good = false;
        return;
    }
    memcpy(text, view.ptr, view.len);
    text[view.len] = '\0';
}

static struct bh_process_worker
read_worker(struct reader *reader, const struct bh_json_value *object)
{
    return (struct bh_process_worker){
        .number = (unsigned)get_int(reader, object, "number", 0, BH_PROCESS_WORKERS_MAX - 1),
        .turned_ms_ago = get_int(reader, object, "turned_ms_ago", 0, EXACT_MAX),
        .lag_p99_us = get_us(reader, object, "lag_p99_us"),
        .slots_used = (unsigned)get_int(reader, object, "slots_used", 0, INT_MAX),
        .in_flight = (unsigned)get_int(reader, object, "in_flight", 0, INT_MAX),
        .store_up = get_bool(reader, object, "store_up"),
        .breaker_open = get_bool(reader, object, "breaker_open"),
        .claimed = get_count(reader, object, "claimed"),
        .sent = get_count(reader, object, "sent"),
        .failed = get_count(reader, object, "failed"),
        .attempts = get_count(reader, object, "attempts"),
    };
}

static void
read_workers(struct reader *reader, const struct bh_json_value *list,
             struct bh_process_report *report)
{
    const struct bh_json_value *item = bh_json_first(list);
    reader->good = reader->good && bh_json_type(list) == BH_JSON_ARRAY &&
                   bh_json_count(list) <= BH_PROCESS_WORKERS_MAX;
    for (; reader->good && item != NULL; item = bh_json_next(item))
        report->workers[report->workers_count++] = read_worker(reader, item);
}

static void
read_illness(struct reader *reader, const struct bh_json_value *ill,
             struct bh_process_report *report)
{
    char trouble[16] = "";
    if (ill == NULL)
        return;
    report->gateway_holding = (unsigned)get_int(reader, ill, "workers", 1, BH_PROCESS_WORKERS_MAX);
    report->gateway_ill_ms = get_int(reader, ill, "for_ms", 0, EXACT_MAX);
    report->gateway_wait_ms = get_int(reader, ill, "wait_ms", 0, EXACT_MAX);
    report->gateway_illness.http_status = (int)get_int(reader, ill, "http_status", 0, 999);
    report->gateway_illness.code = (int)get_int(reader, ill, "code", 0, INT_MAX);
    report->gateway_illness.asks_patience = get_bool(reader, ill, "asks_patience");
    get_text(reader, ill, "trouble", trouble, sizeof(trouble));
    if (!bh_trouble_from_name(trouble, &report->gateway_illness.trouble))
        reader->good = false;
}

static void
read_shells(struct reader *reader, const struct bh_json_value *root,
            struct bh_process_report *report)
{
    const struct bh_json_value *gateway = bh_json_get(root, "gateway");
    const struct bh_json_value *redis = bh_json_get(root, "redis");
    report->window_ms = get_int(reader, gateway, "window_ms", 0, EXACT_MAX);
    report->gateway_count = get_count(reader, gateway, "count");
    report->gateway_p50_us = get_us(reader, gateway, "p50_us");
    report->gateway_p95_us = get_us(reader, gateway, "p95_us");
    report->gateway_p99_us = get_us(reader, gateway, "p99_us");
    report->connections_open = (unsigned)get_int(reader, gateway, "connections_open", 0, INT_MAX);
    report->connections_opened = get_count(reader, gateway, "connections_opened");
    read_illness(reader, bh_json_get(gateway, "ill"), report);
    report->redis_reconnects = get_count(reader, redis, "reconnects");
    report->redis_p50_us = get_us(reader, redis, "p50_us");
    report->redis_p99_us = get_us(reader, redis, "p99_us");
}

static enum bh_status
read_report(const struct bh_json *json, struct bh_process_report *ret_report)
{
    const struct bh_json_value *root = bh_json_root(json);
    struct reader reader = {.json = json, .good = true};
    struct bh_process_report report = {.workers_count = 0};
    char state[16] = "";
    get_text(&reader, root, "instance", report.instance, sizeof(report.instance));
    get_text(&reader, root, "version", report.version, sizeof(report.version));
    get_text(&reader, root, "state", state, sizeof(state));
    report.pid = get_int(&reader, root, "pid", 0, EXACT_MAX);
    report.started_at.ms = get_int(&reader, root, "started_at", 0, EXACT_MAX);
    report.draining = strcmp(state, "draining") == 0;
    read_workers(&reader, bh_json_get(root, "workers"), &report);
    read_shells(&reader, root, &report);
    if (!reader.good)
        return BH_EPROTO;
    *ret_report = report;
    return BH_OK;
}

enum bh_status
bh_process_read(struct bh_str value, struct bh_wall *ret_at, struct bh_process_report *ret_report)
{
    struct bh_str text = value, number;
    struct bh_json *json;
    struct bh_error error = {"", ""};
    int64_t at;
    if (!bh_str_split(&text, ' ', &number) || text.ptr == NULL || !bh_str_to_int64(number, &at) ||
        at < 0 || at > EXACT_MAX)
        return BH_EPROTO;
    enum bh_status status =
        bh_json_parse(text, BH_PROCESS_BYTES_MAX, BH_JSON_LENIENT, &json, &error);
    if (status != BH_OK)
        return status == BH_ENOMEM ? BH_ENOMEM : BH_EPROTO;
    status = read_report(json, ret_report);
    bh_json_free(json);
    if (status == BH_OK)
        ret_at->ms = at;
    return status;
}

/* ---- all of them ---- */

void
bh_processes_read_argv(const char *key, struct bh_str argv[BH_PROCESSES_ARGC])
{
    argv[0] = BH_STR_LITERAL("HGETALL");
    argv[1] = bh_str_from(key);
}

static int
compare_rows(const void *a, const void *b)
{
    const struct bh_process_row *first = a, *second = b;
    return strcmp(first->report.instance, second->report.instance);
}

enum bh_status
bh_decode_processes(const struct redisReply *reply, struct bh_processes *ret_processes)
{
    struct bh_processes processes = {0};
    size_t count = bh_reply_count(reply) / 2;
    if (!bh_reply_is_array(reply))
        return BH_EPROTO;
    if (count > BH_PROCESSES_MAX)
        count = BH_PROCESSES_MAX;
    processes.rows = bh_alloc_array(count + 1, sizeof(*processes.rows));
    if (processes.rows == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct bh_process_row *row = &processes.rows[processes.count];
        struct bh_str value;
        if (!bh_reply_str(reply, 2 * i + 1, &value))
            continue;
        enum bh_status status = bh_process_read(value, &row->at, &row->report);
        if (status == BH_ENOMEM) {
            bh_processes_release(&processes);
            return status;
        }
        processes.count += status == BH_OK;
    }
    qsort(processes.rows, processes.count, sizeof(*processes.rows), compare_rows);
    *ret_processes = processes;
    return BH_OK;
}

void
bh_processes_release(struct bh_processes *processes)
{
    bh_free(processes->rows);
    *processes = (struct bh_processes){0};
}

bool
bh_process_is_alive(const struct bh_process_row *row, struct bh_wall server_now)
{
    bh_ms age_ms = server_now.ms - row->at.ms;
    /* From the future: the server's clock was set back, and who lives has reported since. */
    return age_ms < 3 * BH_PROCESS_EVERY_MS && age_ms > -3 * BH_PROCESS_EVERY_MS;
}
