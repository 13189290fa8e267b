/*
 * bench_scripts - what claim, admit and finish cost Redis per job, at several batch sizes.
 *
 * Starts a Redis of its own (BELLHOP_TEST_REDIS_SERVER names another program) and prints one JSON line per
 * batch size, without and with messages that are remembered: microseconds of Redis' time inside each script
 * (INFO commandstats), and of its whole CPU (INFO cpu: reading, parsing and writing included), per job.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/script_redis.h"
#include "redis/store_codec.h"

#define JOBS 10000
#define RUNS 5

struct bench {
    struct script_redis redis;
    struct bh_queue_keys keys;
    struct bh_store_queue queue;
    double claim_us, admit_us, finish_us;
    size_t serial;
};

static double
info_number(struct bench *bench, const char *section, const char *name)
{
    redisReply *info = script_redis_command(&bench->redis, "INFO %s", section);
    const char *at = strstr(info->str, name);
    double value = at != NULL ? strtod(at + strlen(name), NULL) : 0;
    freeReplyObject(info);
    return value;
}

static double
cpu_us(struct bench *bench)
{
    return 1e6 * (info_number(bench, "cpu", "used_cpu_user_main_thread:") +
                  info_number(bench, "cpu", "used_cpu_sys_main_thread:"));
}

/* Time that Redis has spent in scripts so far. */
static double
evalsha_us(struct bench *bench)
{
    const char *name = "cmdstat_evalsha:";
    redisReply *info = script_redis_command(&bench->redis, "INFO commandstats");
    const char *at = strstr(info->str, name);
    at = at != NULL ? strstr(at, "usec=") : NULL;
    double value = at != NULL ? strtod(at + 5, NULL) : 0;
    freeReplyObject(info);
    return value;
}

static void
push_jobs(struct bench *bench)
{
    char payload[400];
    memset(payload, 'x', sizeof(payload));
    for (size_t i = 0; i < JOBS; i++)
        redisAppendCommand(bench->redis.context, "LPUSH bellhop:{q} %b", payload, sizeof(payload));
    for (size_t i = 0; i < JOBS; i++)
        freeReplyObject(script_redis_reply(&bench->redis));
}

/* Runs the call and adds Redis' time for it to *sum_us. */
static redisReply *
timed(struct bench *bench, struct bh_call *call, double *sum_us)
{
    freeReplyObject(script_redis_command(&bench->redis, "CONFIG RESETSTAT"));
    redisReply *reply = script_redis_run(&bench->redis, call);
    *sum_us += evalsha_us(bench);
    return reply;
}

static const char fields_text[] = "0123456789abcdef";

static const struct bh_field fields[] = {
    {"type",        {"sms", 3}           },
    {"to",          {fields_text, 12}    },
    {"message_id",  {fields_text, 8}     },
    {"parts",       {"1", 1}             },
    {"encoding",    {"gsm", 3}           },
    {"price",       {"0.075", 5}         },
    {"code",        {"100", 3}           },
    {"http_status", {"200", 3}           },
    {"sent_at",     {"1700000000000", 13}},
};

static size_t
round_of(struct bench *bench, unsigned batch, bool measure)
{
    static struct bh_claimed_job jobs[BH_CLAIM_MAX];
    static struct bh_command admits[BH_CLAIM_MAX], settles[BH_CLAIM_MAX];
    static char ids[BH_CLAIM_MAX][24], digests[BH_CLAIM_MAX][33], messages[BH_CLAIM_MAX][24];
    struct bh_store_caller caller = {&bench->queue, &bench->keys, "bench/0"};
    struct bh_claimed_event claimed = {0};
    struct bh_call call;
    redisReply *(*const run)(struct bench *, struct bh_call *, double *) = timed;
    bh_call_init(&call, BH_SCRIPT_CLAIM);
    bh_encode_claim(&call, &caller, &(struct bh_claim_command){.count = batch});
    redisReply *reply =
        measure ? run(bench, &call, &bench->claim_us) : script_redis_run(&bench->redis, &call);
    if (bh_decode_claim(reply, jobs, &claimed) != BH_OK)
        abort();
    for (size_t i = 0; i < claimed.jobs_count; i++) {
        struct bh_claim_ref ref = {0, jobs[i].handle, claimed.token};
        (void)snprintf(ids[i], sizeof(ids[i]), "id-%zu", bench->serial);
        (void)snprintf(messages[i], sizeof(messages[i]), "770%zu", bench->serial);
        (void)snprintf(digests[i], sizeof(digests[i]), "%032zx", bench->serial++);
        const char(*ledger)[33] = (const char(*)[33]) & digests[i];
        admits[i] = (struct bh_command){
            .kind = BH_COMMAND_ADMIT,
            .admit = {.claim = ref,
                      .first = true,
                      .id = ids[i],
                      .created = {1700000000000},
                      .due = {1700000000000},
                      .expires = {1700000000000},
                      .ledger = ledger,
                      .ledger_count = 1,
                      .ledger_ms = 190000,
                      .fields = fields,
                      .fields_count = 2}
        };
        settles[i] = (struct bh_command){
            .kind = BH_COMMAND_SETTLE,
            .settle = {.claim = ref,
                       .disposition = BH_SETTLE_FINAL,
                       .reason = "",
                       .attempts = 1,
                       .id = ids[i],
                       .ledger = ledger,
                       .ledger_count = 1,
                       .ledger_action = BH_LEDGER_ARM,
                       .ledger_ms = 190000,
                       .state = "sent",
                       .code = 100,
                       .sent = true,
                       .message_ids = bh_str_from(messages[i]),
                       .fields = fields + 2,
                       .fields_count = BH_ARRAY_LEN(fields) - 2}
        };
    }
    bh_call_init(&call, BH_SCRIPT_ADMIT);
    bh_encode_admit(&call, &caller, admits, claimed.jobs_count);
    freeReplyObject(measure ? run(bench, &call, &bench->admit_us)
                            : script_redis_run(&bench->redis, &call));
    bh_call_init(&call, BH_SCRIPT_FINISH);
    bh_encode_settle(&call, &caller, settles, claimed.jobs_count);
    freeReplyObject(measure ? run(bench, &call, &bench->finish_us)
                            : script_redis_run(&bench->redis, &call));
    freeReplyObject(reply);
    return claimed.jobs_count;
}

static void
keep_least(double *least, double value)
{
    if (*least == 0 || value < *least)
        *least = value;
}

/* `tracked`: messages are remembered, as with a webhook.  The least of some runs: what disturbs a run only ever lengthens it. */
static void
bench_batch(struct bench *bench, unsigned batch, bool tracked)
{
    bench->queue.tracking.open_ms = tracked ? 86400000 : 0;
    double claim = 0, admit = 0, finish = 0, whole = 0;
    for (int i = 0; i < RUNS; i++) {
        script_redis_reset(&bench->redis, 1700000000000);
        bench->claim_us = bench->admit_us = bench->finish_us = 0;
        push_jobs(bench);
        while (round_of(bench, batch, true) > 0)
            continue;
        push_jobs(bench);
        double before = cpu_us(bench);
        while (round_of(bench, batch, false) > 0)
            continue;
        keep_least(&whole, cpu_us(bench) - before);
        keep_least(&claim, bench->claim_us);
        keep_least(&admit, bench->admit_us);
        keep_least(&finish, bench->finish_us);
    }
    printf("{\"bench\":\"scripts\",\"batch\":%u,\"tracked\":%s,\"jobs\":%d,\"claim_us\":%.2f,"
           "\"admit_us\":%.2f,"
           "\"finish_us\":%.2f,\"scripts_us\":%.2f,\"redis_cpu_us\":%.2f}\n",
           batch, tracked ? "true" : "false", JOBS, claim / JOBS, admit / JOBS, finish / JOBS,
           (claim + admit + finish) / JOBS, whole / JOBS);
}

int
main(void)
{
    static const unsigned batches[] = {1, 16, 64};
    static struct bench bench = {
        .queue = {.name = "q",
                  .lease_ms = 30000,
                  .payload_bytes_max = 65536,
                  .dead_max = 10000,
                  .dead_ttl_ms = 86400000,
                  .retention_ms = 86400000}
    };
    if (bh_queue_keys_init(&bench.keys, "bellhop", "q") != BH_OK)
        return 1;
    script_redis_start(&bench.redis);
    for (size_t i = 0; i < BH_ARRAY_LEN(batches); i++) {
        bench_batch(&bench, batches[i], false);
        bench_batch(&bench, batches[i], true);
    }
    script_redis_stop(&bench.redis);
    return 0;
}
