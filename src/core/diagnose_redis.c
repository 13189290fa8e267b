#include "core/diagnose_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ascii.h"

/* Half of it in a second is still enough for leases, but a queue is slow then. */
#define PING_SLOW_US     INT64_C(20000)
#define PING_TOO_SLOW_US INT64_C(200000)
#define PING_STALL_US    INT64_C(1000000)

/* ---- The survey ---- */

static enum bh_grade
grade_of(enum bh_finding_level level)
{
    static const enum bh_grade grades[] = {
        [BH_FINDING_GOOD] = BH_GRADE_OK,
        [BH_FINDING_NOTE] = BH_GRADE_NOTE,
        [BH_FINDING_RISK] = BH_GRADE_RISK,
        [BH_FINDING_FATAL] = BH_GRADE_BAD,
    };
    return grades[level];
}

/* Both the running server and its file: either alone is undone by a restart or comes with one only. */
static void
cure_setting(struct bh_diagnosis *diagnosis, const char *name, const char *value)
{
    bh_diagnose_cure(diagnosis, "redis-cli CONFIG SET %s %s", name, value);
    bh_diagnose_cure(diagnosis, "redis.conf: %s %s", name, value);
}

static void
cure_persistence(struct bh_diagnosis *diagnosis, const struct bh_redis_survey *survey)
{
    if (survey->appendonly != BH_YES)
        cure_setting(diagnosis, "appendonly", "yes");
    else if (survey->append_writes == BH_NO)
        bh_diagnose_cure(diagnosis, "redis-cli INFO persistence");
    else
        cure_setting(diagnosis, "appendfsync", "everysec");
}

/* "SCRIPT" stands for "SCRIPT LOAD"; the rest are plain commands. */
static void
cure_rights(struct bh_diagnosis *diagnosis, const struct bh_redis_survey *survey,
            const struct bh_diagnose_redis_user *user)
{
    char list[200] = "";
    size_t len = 0;
    const char *name = user->name != NULL && user->name[0] != '\0' ? user->name : "default";
    if (!survey->rights_known) {
        bh_diagnose_cure(diagnosis, "redis-cli ACL SETUSER %s '+acl|whoami' '+acl|dryrun'", name);
        return;
    }
    for (size_t i = 0; i < survey->denied_count && i < BH_SURVEY_DENIED_MAX; i++) {
        const char *command = survey->denied[i];
        if (len + strlen(command) + 3 >= sizeof(list))
            break;
        list[len++] = ' ';
        list[len++] = '+';
        for (; *command != '\0'; command++)
            list[len++] = bh_to_lower(*command);
        list[len] = '\0';
    }
    bh_diagnose_cure(diagnosis, "redis-cli ACL SETUSER %s '~%s:*'%s", name, user->prefix, list);
    if (survey->denied_count > BH_SURVEY_DENIED_MAX)
        bh_diagnose_cure(diagnosis,
                         "redis-cli ACL SETUSER %s '~%s:*' +@read +@write +@connection +@scripting "
                         "+@stream -@dangerous +info +role '+config|get' +time '+acl|whoami' "
                         "'+acl|dryrun'",
                         name, user->prefix);
    bh_diagnose_cure(diagnosis, "redis-cli ACL SAVE (or the same in redis.conf, without it)");
}

static void
cure(struct bh_diagnosis *diagnosis, const char *topic, const struct bh_redis_survey *survey,
     const struct bh_diagnose_redis_user *user)
{
    if (strcmp(topic, "version") == 0)
        bh_diagnose_cure(diagnosis, "install Redis 6.2 or newer, or Valkey");
    else if (strcmp(topic, "role") == 0)
        bh_diagnose_cure(diagnosis, "[redis] url = redis://MASTER:6379");
    else if (strcmp(topic, "persistence") == 0)
        cure_persistence(diagnosis, survey);
    else if (strcmp(topic, "eviction") == 0)
        cure_setting(diagnosis, "maxmemory-policy", "noeviction");
    else if (strcmp(topic, "memory") == 0)
        bh_diagnose_cure(diagnosis, "redis-cli CONFIG SET maxmemory %lld",
                         (long long)survey->memory_max * 2);
    else if (strcmp(topic, "clock") == 0)
        bh_diagnose_cure(diagnosis, "timedatectl set-ntp true (on both machines)");
    else if (strcmp(topic, "rights") == 0)
        cure_rights(diagnosis, survey, user);
}

void
bh_diagnose_survey(struct bh_diagnosis *diagnosis, const struct bh_redis_survey *survey,
                   const struct bh_diagnose_redis_user *user)
{
    struct bh_finding findings[BH_FINDINGS_MAX];
    size_t count = bh_redis_survey_judge(survey, findings);
    for (size_t i = 0; i < count; i++) {
        enum bh_grade grade = grade_of(findings[i].level);
        bh_diagnose(diagnosis, grade, findings[i].topic, "%s", findings[i].text);
        if (grade != BH_GRADE_OK)
            cure(diagnosis, findings[i].topic, survey, user);
    }
    if (survey->memory_max == 0)
        bh_diagnose(diagnosis, BH_GRADE_OK, "memory",
                    "maxmemory is not set: Redis takes what it needs.");
    if (survey->loading == BH_YES)
        bh_diagnose(diagnosis, BH_GRADE_NOTE, "role",
                    "Redis is loading its data and answers later.");
}

/* ---- Latency ---- */

static int
compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

int64_t
bh_diagnose_median(const int64_t *sorted, size_t count)
{
    return count > 0 ? sorted[(count - 1) / 2] : 0;
}

void
bh_diagnose_latency(struct bh_diagnosis *diagnosis, int64_t *times_us, size_t count)
{
    if (count == 0) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "latency", "No ping was answered.");
        bh_diagnose_cure(diagnosis, "redis-cli --latency");
        return;
    }
    qsort(times_us, count, sizeof(times_us[0]), compare);
    int64_t half = bh_diagnose_median(times_us, count), most = times_us[count - 1];
    char figures[96];
    snprintf(figures, sizeof(figures), "%zu pings: p50 %lld.%02d ms, longest %lld.%02d ms", count,
             (long long)(half / 1000), (int)(half % 1000 / 10), (long long)(most / 1000),
             (int)(most % 1000 / 10));
    if (half >= PING_TOO_SLOW_US)
        bh_diagnose(diagnosis, BH_GRADE_RISK, "latency",
                    "%s. That is too far away: a job takes four round trips.", figures);
    else if (most >= PING_STALL_US)
        bh_diagnose(diagnosis, BH_GRADE_RISK, "latency",
                    "%s. Redis stood still in between: a slow command, a fork, or swapping.",
                    figures);
    else if (half >= PING_SLOW_US)
        bh_diagnose(
            diagnosis, BH_GRADE_NOTE, "latency",
            "%s. Each job takes four round trips, so a connection of its own to the gateway "
            "is idle for that long.",
            figures);
    else
        bh_diagnose(diagnosis, BH_GRADE_OK, "latency", "%s.", figures);
    if (half >= PING_SLOW_US)
        bh_diagnose_cure(diagnosis, "[redis] url = redis://SERVER-NEARBY:6379");
    else if (most >= PING_STALL_US)
        bh_diagnose_cure(diagnosis, "redis-cli SLOWLOG GET 10");
}

/* ---- The instance's name ---- */

void
bh_diagnose_instance(struct bh_diagnosis *diagnosis, const char *instance, const char *our_host,
                     const struct bh_diagnose_holder *holder)
{
    bool ours = holder->host[0] != '\0' && strcmp(holder->host, our_host) == 0;
    if (!holder->registered || holder->ended || holder->lapses_ms <= 0) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "instance", "\"%s\" is free: no live bellhopd has it.",
                    instance);
        return;
    }
    if (ours) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "instance",
                    "\"%s\" is a bellhopd on this machine, process %s, for %lld s.", instance,
                    holder->pid, (long long)(holder->since_ms / 1000));
        return;
    }
    bh_diagnose(
        diagnosis, BH_GRADE_BAD, "instance",
        "\"%s\" is taken: a live bellhopd on \"%s\" (process %s) has had it for %lld s. One "
        "that is started here under that name is refused and ends with 4.",
        instance, holder->host, holder->pid, (long long)(holder->since_ms / 1000));
    bh_diagnose_cure(diagnosis, "[pool] instance = %s-2", instance);
}
