/*
 * Whatever stands in the place of a queue's minutes or of the processes' reports: what is taken is within its bounds, a rate is
 * never negative, and a report that was read is the same when it is written and read again.
 *
 * The input is what a server answers.
 */
#include <stdint.h>
#include <string.h>

#include "redis/minutes.h"
#include "redis/processes.h"
#include "redis/reply_reader.h"

static void
check_minutes(const struct redisReply *reply)
{
    struct bh_minutes minutes = {.count = 77};
    if (bh_decode_minutes(reply, &minutes) != BH_OK) {
        BH_ASSERT(minutes.count == 77);
        return;
    }
    BH_ASSERT(minutes.count <= BH_MINUTES_MAX);
    for (size_t i = 0; i < minutes.count; i++) {
        const struct bh_minute *minute = &minutes.rows[i];
        struct bh_tally tally = bh_tally_of_minute(minute);
        struct bh_flow flow;
        BH_ASSERT(minute->at.ms >= 0 && minute->oldest_ms >= 0);
        (void)bh_minute_find(minute, "handle");
        tally.at.ms += BH_MINUTE_MS;
        if (bh_minutes_flow(&minutes, &tally, BH_HOUR_MS, &flow)) {
            BH_ASSERT(flow.in_milli >= 0 && flow.out_milli >= 0 && flow.over_ms > 0);
            BH_ASSERT(bh_flow_drain_ms(&flow, minute->raw) >= -1);
        }
    }
    bh_minutes_release(&minutes);
}

static void
check_again(const struct bh_process_row *row)
{
    struct bh_process_report again;
    struct bh_wall at;
    struct bh_buf buf, second;
    bh_buf_init(&buf, (size_t)2 * BH_PROCESS_BYTES_MAX);
    bh_buf_printf(&buf, "%lld ", (long long)row->at.ms);
    enum bh_status status = bh_process_write(&buf, &row->report);
    if (status == BH_OK && buf.len <= BH_PROCESS_BYTES_MAX) {
        BH_ASSERT(bh_process_read(bh_buf_str(&buf), &at, &again) == BH_OK);
        bh_buf_init(&second, (size_t)2 * BH_PROCESS_BYTES_MAX);
        bh_buf_printf(&second, "%lld ", (long long)at.ms);
        BH_ASSERT(bh_process_write(&second, &again) == BH_OK);
        BH_ASSERT(bh_str_equal(bh_buf_str(&second), bh_buf_str(&buf)));
        bh_buf_release(&second);
    }
    bh_buf_release(&buf);
}

static void
check_processes(const struct redisReply *reply)
{
    struct bh_processes processes;
    if (bh_decode_processes(reply, &processes) != BH_OK)
        return;
    BH_ASSERT(processes.count <= BH_PROCESSES_MAX);
    for (size_t i = 0; i < processes.count; i++) {
        const struct bh_process_report *report = &processes.rows[i].report;
        BH_ASSERT(report->workers_count <= BH_PROCESS_WORKERS_MAX);
        BH_ASSERT(memchr(report->instance, '\0', sizeof(report->instance)) != NULL);
        check_again(&processes.rows[i]);
    }
    bh_processes_release(&processes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bh_reply_limits limits = {.bytes_max = 100000, .elements_max = 1000};
    struct bh_reply_reader reader;
    struct redisReply *reply = NULL;
    if (bh_reply_reader_init(&reader, &limits) != BH_OK)
        return 0;
    if (bh_reply_reader_feed(&reader, (const char *)data, size) == BH_OK) {
        while (bh_reply_reader_next(&reader, &reply) == BH_OK && reply != NULL) {
            check_minutes(reply);
            check_processes(reply);
            bh_redis_reply_free(reply);
        }
    }
    bh_reply_reader_release(&reader);
    return 0;
}
