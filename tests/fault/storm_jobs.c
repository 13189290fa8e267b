#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/storm_own.h"

#define DELAY_S 3

const char *
storm_job_queue(enum storm_job_kind kind)
{
    return kind == STORM_JOB_CALL ? "voice" : kind == STORM_JOB_CAREFUL ? "careful" : "sms";
}

bool
storm_job_has_id(enum storm_job_kind kind)
{
    return kind != STORM_JOB_NAMELESS;
}

/* Out of twenty. */
static enum storm_job_kind
draw_kind(struct storm_world *world)
{
    static const struct {
        enum storm_job_kind kind;
        unsigned upto;
    } shares[] = {
        {STORM_JOB_NAMELESS, 2 },
        {STORM_JOB_MANY,     5 },
        {STORM_JOB_TWIN,     6 },
        {STORM_JOB_DELAYED,  8 },
        {STORM_JOB_SHORT,    9 },
        {STORM_JOB_CAREFUL,  11},
        {STORM_JOB_CALL,     12},
        {STORM_JOB_INVALID,  13},
    };
    unsigned dice = (unsigned)bh_dice_below(&world->jobs.dice, 20);
    /* Before the storm nobody waits for a twin's lock. */
    if (world->begin_at == 0)
        return STORM_JOB_PLAIN;
    for (size_t i = 0; !world->storm->plain && i < sizeof(shares) / sizeof(shares[0]); i++)
        if (dice < shares[i].upto)
            return shares[i].kind;
    return STORM_JOB_PLAIN;
}

static struct storm_job *
new_job(struct storm_jobs *jobs, enum storm_job_kind kind)
{
    if (jobs->count == jobs->capacity) {
        jobs->capacity = jobs->capacity * 2 + 1024;
        jobs->items = realloc(jobs->items, jobs->capacity * sizeof(*jobs->items));
        if (jobs->items == NULL)
            abort();
    }
    struct storm_job *job = &jobs->items[jobs->count];
    /* The first of two twins is whatever stood before it. */
    bool twin = kind == STORM_JOB_TWIN && jobs->count > 0 && job[-1].kind == STORM_JOB_PLAIN;
    *job = (struct storm_job){
        .kind = kind == STORM_JOB_TWIN && !twin ? STORM_JOB_PLAIN : kind,
        .number = twin ? job[-1].number : jobs->numbers,
        .recipients = kind == STORM_JOB_MANY      ? 3
                      : kind == STORM_JOB_INVALID ? 0
                                                  : 1,
        .not_before = kind == STORM_JOB_DELAYED ? bh_unix_ms() + DELAY_S * 1000 : 0,
    };
    return job;
}

void
storm_job_print(const struct storm_job *job, size_t index, char *ret_json, size_t size)
{
    static const char *const more[STORM_JOB_KINDS] = {
        [STORM_JOB_SHORT] = ",\"ttl\":1",
        [STORM_JOB_INVALID] = ",\"ttll\":1",
    };
    char id[32] = "", to[96], delay[64] = "";
    if (storm_job_has_id(job->kind))
        snprintf(id, sizeof(id), "\"id\":\"s%zu\",", index);
    snprintf(to, sizeof(to), "\"+" STORM_PREFIX "%08u\"", job->number);
    if (job->recipients == 3)
        snprintf(to, sizeof(to),
                 "[\"" STORM_PREFIX "%08u\",\"" STORM_PREFIX "%08u\",\"00" STORM_PREFIX "%08u\"]",
                 job->number, job->number + 1, job->number + 2);
    if (job->not_before != 0)
        snprintf(delay, sizeof(delay), ",\"enqueued_at\":%lld,\"delay\":\"+%ds\"",
                 job->not_before - DELAY_S * 1000, DELAY_S);
    snprintf(ret_json, size, "{%s\"to\":%s,\"text\":\"Storm %u\"%s%s}", id, to, job->number, delay,
             more[job->kind] != NULL ? more[job->kind] : "");
}

bool
storm_job_push(struct storm_world *world)
{
    struct storm_jobs *jobs = &world->jobs;
    struct bh_dice before = jobs->dice;
    enum storm_job_kind kind = draw_kind(world);
    struct storm_job *job = new_job(jobs, kind);
    char json[320];
    storm_job_print(job, jobs->count, json, sizeof(json));
    /* Together, so that a Redis that forgot says by the number which pushes it has forgotten. */
    redisReply *reply = redisCommand(
        world->rig.context, "EVAL %s 2 bellhop:{%s} storm:pushed %s %lld",
        "redis.call('SET', KEYS[2], ARGV[2]) return redis.call('LPUSH', KEYS[1], ARGV[1])",
        storm_job_queue(job->kind), json, (long long)jobs->count + 1);
    if (reply == NULL)
        bh_rig_fail(&world->rig, "a push was not answered: %s", world->rig.context->errstr);
    bool taken = reply->type == REDIS_REPLY_INTEGER;
    freeReplyObject(reply);
    if (!taken) {
        jobs->dice = before;
        return false;
    }
    job->pushed_at = bh_now_ms();
    jobs->count++;
    if (job->kind != STORM_JOB_TWIN)
        jobs->numbers += job->recipients;
    return true;
}

void
storm_jobs_forget(struct storm_world *world)
{
    struct storm_jobs *jobs = &world->jobs;
    long long kept = bh_rig_integer(&world->rig, "INCRBY storm:pushed 0");
    for (size_t i = (size_t)kept; i < jobs->count; i++) {
        world->toll->forgotten += !jobs->items[i].forgotten;
        jobs->items[i].forgotten = true;
    }
}
