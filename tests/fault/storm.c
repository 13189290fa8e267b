#include "storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dice.h"
#include "support/rig.h"

#define LAST_JOB_MS    60000
#define STEP_MS        10
#define WORKER_KILL_MS 500
#define REDIS_KILL_MS  1500
#define KICK_MS        500
#define DAEMONS        2

struct weather {
    struct bh_rig rig;
    struct bh_dice dice;
    struct storm_size size;
    struct storm_toll toll;
};

static unsigned long long
from_environment(const char *name, unsigned long long usual)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : usual;
}

/* Whether it is time; the next time comes after half to one and a half of the interval. */
static bool
strikes(struct weather *weather, long long *next_ms, unsigned interval_ms)
{
    long long now_ms = bh_now_ms();
    if (*next_ms == 0)
        *next_ms = now_ms + (long long)bh_dice_below(&weather->dice, interval_ms);
    if (now_ms < *next_ms)
        return false;
    *next_ms = now_ms + interval_ms / 2 + (long long)bh_dice_below(&weather->dice, interval_ms);
    return true;
}

static void
kill_worker(struct weather *weather)
{
    struct bh_daemon *daemon = &weather->rig.daemons[bh_dice_below(&weather->dice, DAEMONS)];
    bh_process_kill(&daemon->process);
    weather->toll.worker_kills++;
    bh_rig_restart_daemon(&weather->rig, daemon);
}

static void
kill_redis(struct weather *weather)
{
    bh_redis_process_kill(&weather->rig.redis);
    weather->toll.redis_kills++;
    bh_sleep_ms((long)bh_dice_below(&weather->dice, 200));
    bh_rig_start_redis(&weather->rig);
}

static void
kick_clients(struct weather *weather)
{
    bh_rig_integer(&weather->rig, "CLIENT KILL TYPE normal SKIPME yes");
    freeReplyObject(bh_rig_command(&weather->rig, "SCRIPT FLUSH"));
    weather->toll.kicks++;
}

static void
push_until(struct weather *weather, long long wanted)
{
    for (; weather->toll.jobs < wanted; weather->toll.jobs++) {
        long long number = weather->toll.jobs;
        char json[128];
        snprintf(json, sizeof(json),
                 "{\"id\":\"s%lld\",\"to\":\"+4917%08lld\",\"text\":\"Storm %lld\"}", number,
                 number, number);
        bh_rig_push(&weather->rig, "sms", json);
    }
}

static void
blow(struct weather *weather, const struct storm *storm)
{
    long long begin = bh_now_ms(), length = weather->size.seconds * 1000LL, age;
    long long worker_ms = 0, redis_ms = 0, clients_ms = 0;
    bool loses = storm->loses_answers;
    if (loses)
        bh_rig_tell(&weather->rig, "fault",
                    "{\"kind\":\"drop\",\"at\":\"after\",\"probability\":0.1,\"count\":-1}");
    while ((age = bh_now_ms() - begin) < length) {
        push_until(weather, weather->size.jobs * age / length);
        if (strikes(weather, &worker_ms, WORKER_KILL_MS))
            kill_worker(weather);
        if (storm->kills_redis && strikes(weather, &redis_ms, REDIS_KILL_MS))
            kill_redis(weather);
        if (storm->kicks_clients && strikes(weather, &clients_ms, KICK_MS))
            kick_clients(weather);
        /* Guarded retries begin after a quarter of the lock's time and shall find a good gateway. */
        if (loses && age > length / 2) {
            weather->toll.answers_lost = bh_rig_sim_number(&weather->rig, "faults", "hits");
            bh_rig_tell(&weather->rig, "unfault", "{\"all\":true}");
            loses = false;
        }
        bh_sleep_ms(STEP_MS);
    }
    push_until(weather, weather->size.jobs);
}

static long long
count_gauges_off(struct bh_rig *rig)
{
    long long count = 0;
    redisReply *reply = bh_rig_command(rig, "HGETALL bellhop:{sms}:counters");
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        count += strncmp(reply->element[i]->str, "now:", 4) == 0 &&
                 strcmp(reply->element[i + 1]->str, "0") != 0;
    freeReplyObject(reply);
    return count;
}

static void
take_stock(struct weather *weather)
{
    struct bh_rig *rig = &weather->rig;
    struct storm_toll *toll = &weather->toll;
    toll->accepted = bh_rig_sim_number(rig, "stats?limit=0", "accepted");
    toll->ids = bh_rig_sim_number(rig, "stats?limit=0", "foreign_ids_count");
    toll->doubled = bh_rig_sim_number(rig, "stats?limit=0", "foreign_ids_doubled_count");
    toll->sent = bh_rig_counter(rig, "sms", "outcome:sent");
    toll->recovered = bh_rig_counter(rig, "sms", "recovered");
    toll->dead = bh_rig_integer(rig, "ZCARD bellhop:{sms}:dead");
    toll->left = bh_rig_integer(rig, "HLEN bellhop:{sms}:jobs") +
                 bh_rig_integer(rig, "HLEN bellhop:{sms}:heads");
    toll->gauges_off = count_gauges_off(rig);
}

void
storm_run(const struct storm *storm, struct storm_toll *ret_toll)
{
    static const char *const keep_all[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    const struct bh_rig_options options = {
        .redis = "command_timeout = 3s",
        .gateway = "connect_timeout = 1s\ntimeout = 4s\nreload_lock = 30s",
        .pool = "workers = 3\nlease = 5s",
        .queues = "[queue sms]\nretry = 1s*",
        .sim = "[lock]\nseconds = 30\n[gateway]\nanswer_delay_ms = 20\n[reports]\nplan = none\n",
        .redis_args = keep_all,
    };
    static struct weather weather;
    weather = (struct weather){
        .size =
            {
                   .seconds = (unsigned)from_environment("BH_STORM_SECONDS", 6),
                   .jobs = (unsigned)from_environment("BH_STORM_JOBS", 600),
                   .seed = from_environment("BH_STORM_SEED", (unsigned long long)bh_unix_ms()),
                   },
    };
    bh_dice_init_number(&weather.dice, weather.size.seed);
    fprintf(stderr, "storm %s: BH_STORM_SEED=%llu\n", storm->name, weather.size.seed);

    bh_rig_start(&weather.rig, &options);
    bh_rig_start_daemon(&weather.rig, NULL, NULL);
    blow(&weather, storm);
    BH_RIG_UNTIL_MS(&weather.rig, LAST_JOB_MS, bh_rig_unfinished(&weather.rig, "sms") == 0);
    take_stock(&weather);
    bh_rig_stop(&weather.rig);
    *ret_toll = weather.toll;
}
