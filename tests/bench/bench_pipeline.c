/*
 * bench_pipeline - what the whole costs: jobs per second, CPU per job, latency, lateness, idling, memory.
 *
 * A private Redis (appendonly, everysec), bellhop-sim and bellhopd of the same build, one short SMS per job and request.
 * Everything is measured in one run, because figures of different hours of a shared machine cannot be compared.
 * CPU is user and system time of the whole process, per job.  Times of arrival are taken by a tap in front of the
 * simulator, when the last byte of a request is there.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#define PIPELINE     500
#define DELAY_S      2
#define LATENESS_GAP 5 /* ms between two pushes */

static struct settings {
    unsigned jobs, samples, idle_s, backlog;
} settings = {20000, 300, 10, 100000};

static const char *const durable[] = {"--appendonly", "yes", "--appendfsync", "everysec", NULL};

/* ---- helpers --------------------------------------------------------------------------------------- */

/* LPUSH many jobs, in pipelines; `more` are further members of each. */
static void
push_many(struct bh_rig *rig, const char *prefix, unsigned count, const char *more)
{
    char json[400];
    redisReply *reply;
    for (unsigned from = 0; from < count; from += PIPELINE) {
        unsigned to = from + PIPELINE < count ? from + PIPELINE : count;
        for (unsigned i = from; i < to; i++) {
            int len =
                snprintf(json, sizeof(json),
                         "{\"id\":\"%s-%08u\",\"to\":\"4917%08u\",\"text\":\"Your parcel %u is "
                         "on its way and arrives tomorrow between 10 and 12.\",\"from\":"
                         "\"Parcels\",\"label\":\"bench\"%s}",
                         prefix, i, i, i, more);
            redisAppendCommand(rig->context, "LPUSH bellhop:{sms} %b", json, (size_t)len);
        }
        for (unsigned i = from; i < to; i++) {
            if (redisGetReply(rig->context, (void **)&reply) != REDIS_OK)
                bh_rig_fail(rig, "LPUSH: %s", rig->context->errstr);
            freeReplyObject(reply);
        }
    }
}

static int
compare(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

static double
percentile_ms(const long long *sorted_us, unsigned count, unsigned percent)
{
    return (double)sorted_us[(count - 1) * percent / 100] / 1000.0;
}

static long long
redis_commands(struct bh_rig *rig)
{
    redisReply *reply = bh_rig_command(rig, "INFO stats");
    const char *found = strstr(reply->str, "total_commands_processed:");
    long long count =
        found != NULL ? strtoll(found + strlen("total_commands_processed:"), NULL, 10) : 0;
    freeReplyObject(reply);
    return count;
}

/* ---- throughput ------------------------------------------------------------------------------------ */

static void
measure_throughput(const char *name, const char *pool, unsigned processes)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .without_daemon = true,
        .redis_args = durable,
        .gateway = "max_connections = 50",
        .pool = pool,
        .log = "level = warn",
        .sim = "[gateway]\njournal_max = 1000\n",
    };
    bh_rig_start(&rig, &options);
    push_many(&rig, "j", settings.jobs, "");
    long redis_us = bh_process_cpu_us(rig.redis.pid), sim_us = bh_process_cpu_us(rig.sim.pid);
    long worker_us = 0;
    long long began_us = bh_unix_us();
    for (unsigned i = 0; i < processes; i++)
        bh_rig_start_daemon(&rig, NULL, NULL);
    BH_RIG_UNTIL_MS(&rig, 600000, bh_rig_unfinished(&rig, "sms") == 0);
    double seconds = (double)(bh_unix_us() - began_us) / 1e6, jobs = settings.jobs;
    for (unsigned i = 0; i < processes; i++)
        worker_us += bh_process_cpu_us(rig.daemons[i].process.pid);
    redis_us = bh_process_cpu_us(rig.redis.pid) - redis_us;
    sim_us = bh_process_cpu_us(rig.sim.pid) - sim_us;
    long long accepted = bh_rig_sim_number(&rig, "stats?limit=0", "accepted");
    if (accepted != (long long)settings.jobs)
        bh_rig_fail(&rig, "%u jobs, and %lld were accepted", settings.jobs, accepted);
    printf("%-34s %8.0f jobs/s   CPU us/job: worker %6.1f  Redis %6.1f  gateway %6.1f   RSS %5.1f "
           "MiB\n",
           name, jobs / seconds, (double)worker_us / jobs, (double)redis_us / jobs,
           (double)sim_us / jobs, (double)bh_process_rss_kib(rig.daemons[0].process.pid) / 1024);
    fflush(stdout);
    bh_rig_stop(&rig);
}

/* ---- latency and lateness -------------------------------------------------------------------------- */

static const struct bh_tap_request *
wait_arrival(struct bh_rig *rig, const char *id)
{
    const struct bh_tap_request *request;
    BH_RIG_UNTIL(rig, (request = bh_tap_find(rig->tap, "foreign_id", id, 0)) != NULL);
    return request;
}

/* One job at a time, each when the one before has been finished. */
static void
measure_pickup(struct bh_rig *rig)
{
    long long *us = calloc(settings.samples, sizeof(*us));
    for (unsigned i = 0; i < settings.samples; i++) {
        const char *id = bh_rig_text(rig, "p-%u", i);
        const char *json =
            bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"49171%06u\",\"text\":\"%s\"}", id, i, id);
        bh_sleep_ms(10);
        long long began_us = bh_unix_us();
        bh_rig_push(rig, "sms", json);
        us[i] = wait_arrival(rig, id)->at_us - began_us;
        bh_rig_wait_state(rig, "sms", id, "sent");
    }
    qsort(us, settings.samples, sizeof(*us), compare);
    printf("%-34s p50 %.2f ms   p99 %.2f ms   (%u samples)\n", "pickup on an idle system",
           percentile_ms(us, settings.samples, 50), percentile_ms(us, settings.samples, 99),
           settings.samples);
    fflush(stdout);
    free(us);
}

static void
measure_lateness(struct bh_rig *rig)
{
    long long *due_us = calloc(settings.samples, sizeof(*due_us));
    for (unsigned i = 0; i < settings.samples; i++) {
        long long now_ms = bh_unix_ms();
        due_us[i] = (now_ms + DELAY_S * 1000) * 1000;
        bh_rig_push(rig, "sms",
                    bh_rig_text(rig,
                                "{\"id\":\"d-%u\",\"to\":\"49172%06u\",\"text\":\"d "
                                "%u\",\"delay\":\"+%ds\",\"enqueued_at\":%lld}",
                                i, i, i, DELAY_S, now_ms));
        bh_sleep_ms(LATENESS_GAP);
    }
    for (unsigned i = 0; i < settings.samples; i++)
        due_us[i] = wait_arrival(rig, bh_rig_text(rig, "d-%u", i))->at_us - due_us[i];
    qsort(due_us, settings.samples, sizeof(*due_us), compare);
    printf("%-34s p50 %.2f ms   p99 %.2f ms   earliest %.2f ms\n", "delayed jobs, lateness",
           percentile_ms(due_us, settings.samples, 50), percentile_ms(due_us, settings.samples, 99),
           (double)due_us[0] / 1000.0);
    fflush(stdout);
    free(due_us);
}

/* ---- idling and memory ----------------------------------------------------------------------------- */

static void
measure_idle(struct bh_rig *rig)
{
    pid_t worker = rig->daemons[0].process.pid;
    BH_RIG_UNTIL(rig, bh_rig_unfinished(rig, "sms") == 0);
    bh_sleep_ms(500);
    long long commands = redis_commands(rig);
    long us = bh_process_cpu_us(worker);
    bh_sleep_ms((long)settings.idle_s * 1000);
    us = bh_process_cpu_us(worker) - us;
    commands = redis_commands(rig) - commands - 1; /* our own INFO */
    printf("%-34s worker %.2f ms CPU per s   Redis %.1f commands/s   RSS %.1f MiB\n", "idle",
           (double)us / 1000.0 / settings.idle_s, (double)commands / settings.idle_s,
           (double)bh_process_rss_kib(worker) / 1024);
    fflush(stdout);
}

/* All of it was looked at once and waits in Redis, due in a day. */
static void
measure_backlog(struct bh_rig *rig)
{
    pid_t worker = rig->daemons[0].process.pid;
    long redis_kib = bh_process_rss_kib(rig->redis.pid);
    long long began_us = bh_unix_us();
    push_many(rig, "b", settings.backlog, ",\"delay\":\"+1d\"");
    BH_RIG_UNTIL_MS(rig, 600000,
                    bh_rig_integer(rig, "ZCARD bellhop:{sms}:due") == (long long)settings.backlog);
    double seconds = (double)(bh_unix_us() - began_us) / 1e6;
    printf("%-34s worker RSS %.1f MiB   Redis %.0f bytes/job   put aside at %.0f jobs/s\n",
           bh_rig_text(rig, "backlog of %u delayed jobs", settings.backlog),
           (double)bh_process_rss_kib(worker) / 1024,
           (double)(bh_process_rss_kib(rig->redis.pid) - redis_kib) * 1024 / settings.backlog,
           settings.backlog / seconds);
    fflush(stdout);
}

/* ---- main ------------------------------------------------------------------------------------------ */

static bool
read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"jobs",    required_argument, NULL, 'j'},
        {"samples", required_argument, NULL, 's'},
        {"idle",    required_argument, NULL, 'i'},
        {"backlog", required_argument, NULL, 'b'},
        {NULL,      0,                 NULL, 0  },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        unsigned value = optarg != NULL ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        if (value == 0)
            return false;
        switch (option) {
        case 'j': settings.jobs = value; break;
        case 's': settings.samples = value; break;
        case 'i': settings.idle_s = value; break;
        case 'b': settings.backlog = value; break;
        default: return false;
        }
    }
    return optind == argc;
}

int
main(int argc, char **argv)
{
    if (!read_options(argc, argv)) {
        fputs("usage: bench_pipeline [--jobs N] [--samples N] [--idle SECONDS] [--backlog N]\n",
              stderr);
        return 2;
    }
    /* A daemon that ends while it is asked must not end the benchmark without a word. */
    signal(SIGPIPE, SIG_IGN);
    measure_throughput("throughput, 1 worker", "workers = 1", 1);
    measure_throughput("throughput, 2 workers", "workers = 2", 1);
    measure_throughput("throughput, 2 processes", "workers = 1", 2);

    struct bh_rig rig;
    const struct bh_rig_options options = {
        .redis_args = durable, .tap = true, .log = "level = warn"};
    bh_rig_start(&rig, &options);
    measure_pickup(&rig);
    measure_lateness(&rig);
    measure_idle(&rig);
    measure_backlog(&rig);
    bh_rig_stop(&rig);
    return 0;
}
