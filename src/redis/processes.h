/*
 * processes - what each bellhopd tells about itself, kept in Redis for whoever looks at all of them.
 *
 * One hash, a field per instance; its value is "MS JSON": the server's time of the report, and the report.  A process
 * reports every BH_PROCESS_EVERY_MS; one that has not for three times as long is gone, or cut off.  The script
 * `process` drops fields that are older than a day.
 */
#ifndef BH_REDIS_PROCESSES_H
#define BH_REDIS_PROCESSES_H

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/outcome.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/instance.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_PROCESS_EVERY_MS    (5 * BH_SECOND_MS)
#define BH_PROCESS_BYTES_MAX   16384 /* of a report */
#define BH_PROCESS_WORKERS_MAX 64
#define BH_PROCESSES_MAX       256 /* that are looked at */

struct bh_process_worker {
    unsigned number;
    bh_ms turned_ms_ago; /* its loop's last turn */
    int64_t lag_p99_us;  /* of its loop, lately; -1: not known */
    unsigned slots_used, in_flight;
    bool store_up, breaker_open;
    uint64_t claimed, sent, failed, attempts; /* since its start */
};

struct bh_process_report {
    char instance[BH_INSTANCE_NAME_MAX + 1];
    char version[32];
    int64_t pid;
    struct bh_wall started_at;
    bool draining;
    struct bh_process_worker workers[BH_PROCESS_WORKERS_MAX];
    size_t workers_count;

    /* Quantiles of the last `window_ms`; -1: nothing was counted. */
    bh_ms window_ms;
    uint64_t gateway_count;
    int64_t gateway_p50_us, gateway_p95_us, gateway_p99_us;

    /* Workers that send nothing because the gateway fails or asks for patience.  Processes of older versions do not tell. */
    unsigned gateway_holding;
    bh_ms gateway_ill_ms;  /* the longest time of theirs without a good answer */
    bh_ms gateway_wait_ms; /* until the first of them tries it again */
    struct bh_gateway_illness gateway_illness; /* why */

    unsigned connections_open;
    uint64_t connections_opened;
    uint64_t redis_reconnects;
    int64_t redis_p50_us, redis_p99_us;
};

/* BH_EINVAL when the prefix is not valid. */
enum bh_status bh_processes_key(char key[BH_KEY_MAX], const char *prefix) BH_MUST_CHECK;

/* Append the report as JSON; the buffer's status. */
enum bh_status bh_process_write(struct bh_buf *buf, const struct bh_process_report *report);

/* Appends a whole call to an initialised `call` of script BH_SCRIPT_PROCESS.  The answer is the server's time. */
void bh_encode_process(struct bh_call *call, const char *key, const char *instance,
                       struct bh_str report_json);

/* Appends a call that takes the instance's report away: it has ended as it should. */
void bh_encode_process_gone(struct bh_call *call, const char *key, const char *instance);

/* One value of the hash.  BH_EPROTO for what we would not write; BH_ENOMEM. */
enum bh_status bh_process_read(struct bh_str value, struct bh_wall *ret_at,
                               struct bh_process_report *ret_report) BH_MUST_CHECK;

/* ---- All of them ---- */

struct bh_process_row {
    struct bh_wall at; /* of its report, by the server's clock */
    struct bh_process_report report;
};

struct bh_processes {
    struct bh_process_row *rows; /* owned; by instance, in the order of the bytes */
    size_t count;
};

/* The plain command that reads them; `argv` borrows `key`. */
#define BH_PROCESSES_ARGC 2
void bh_processes_read_argv(const char *key, struct bh_str argv[BH_PROCESSES_ARGC]);

/* Its reply.  What cannot be read is left out.  BH_EPROTO: not an array; BH_ENOMEM.  Release it in the end. */
enum bh_status bh_decode_processes(const struct redisReply *reply,
                                   struct bh_processes *ret_processes) BH_MUST_CHECK;
void bh_processes_release(struct bh_processes *processes);

/* Whether the report is younger than three times the distance between reports, and not from the future by as much. */
bool bh_process_is_alive(const struct bh_process_row *row, struct bh_wall server_now);

#endif
