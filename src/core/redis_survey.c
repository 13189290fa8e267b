#include "core/redis_survey.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Leases and delays go by the server's clock, so only signed requests and people care; a minute misleads both. */
#define CLOCK_TOLERATED_MS (2 * BH_SECOND_MS)

#define VERSION_PART_MAX 1000000

/* 9999-12-31 23:59:59 UTC. */
#define SECONDS_MAX INT64_C(253402300799)

/* Above this part of maxmemory somebody should look. */
#define MEMORY_TIGHT_PERCENT 80

/* ---- reading ---- */

static void
copy(struct bh_str value, char *text, size_t size)
{
    size_t len = value.len < size - 1 ? value.len : size - 1;
    memcpy(text, value.ptr, len);
    text[len] = '\0';
}

static enum bh_known
known(bool yes)
{
    return yes ? BH_YES : BH_NO;
}

static bool
read_number(struct bh_str text, int64_t max, int64_t *ret_number)
{
    int64_t number;
    if (!bh_str_to_int64(text, &number) || number < 0 || number > max)
        return false;
    *ret_number = number;
    return true;
}

/* A version that is none counts as not told. */
static void
read_version(struct bh_redis_survey *survey, struct bh_str value)
{
    struct bh_str rest = value, piece;
    int64_t major, minor = 0;
    if (!bh_str_split(&rest, '.', &piece) || !read_number(piece, VERSION_PART_MAX, &major))
        return;
    if (bh_str_split(&rest, '.', &piece) && !read_number(piece, VERSION_PART_MAX, &minor))
        return;
    copy(value, survey->version, sizeof(survey->version));
    survey->major = (unsigned)major;
    survey->minor = (unsigned)minor;
}

static void
read_line(struct bh_redis_survey *survey, struct bh_str name, struct bh_str value)
{
    int64_t number;
    if (bh_str_equal_text(name, "redis_version"))
        read_version(survey, value);
    else if (bh_str_equal_text(name, "server_name"))
        survey->is_valkey = bh_str_equal_text(value, "valkey");
    else if (bh_str_equal_text(name, "role"))
        copy(value, survey->role, sizeof(survey->role));
    else if (bh_str_equal_text(name, "loading"))
        survey->loading = known(!bh_str_equal_text(value, "0"));
    else if (bh_str_equal_text(name, "aof_enabled"))
        survey->appendonly = known(!bh_str_equal_text(value, "0"));
    else if (bh_str_equal_text(name, "aof_last_write_status"))
        survey->append_writes = known(bh_str_equal_text(value, "ok"));
    else if (bh_str_equal_text(name, "maxmemory_policy"))
        copy(value, survey->eviction, sizeof(survey->eviction));
    else if (bh_str_equal_text(name, "used_memory") && bh_str_to_int64(value, &number))
        survey->memory_used = number;
    else if (bh_str_equal_text(name, "maxmemory") && bh_str_to_int64(value, &number))
        survey->memory_max = number;
}

void
bh_redis_survey_read_info(struct bh_redis_survey *survey, struct bh_str info)
{
    struct bh_str line;
    while (bh_str_split(&info, '\n', &line)) {
        struct bh_str value = bh_str_trim(line), name;
        if (value.len == 0 || value.ptr[0] == '#')
            continue;
        if (bh_str_split(&value, ':', &name) && value.ptr != NULL)
            read_line(survey, name, value);
    }
}

void
bh_redis_survey_read_time(struct bh_redis_survey *survey, struct bh_str seconds,
                          struct bh_str microseconds, struct bh_wall ours)
{
    int64_t s, us;
    survey->clock_known =
        read_number(seconds, SECONDS_MAX, &s) && read_number(microseconds, 999999, &us);
    if (survey->clock_known)
        survey->clock_ahead_ms = s * 1000 + us / 1000 - ours.ms;
}

/* ---- judging ---- */

struct judge {
    struct bh_finding *findings;
    size_t count;
};

static void BH_PRINTF(4, 5) find(struct judge *judge, enum bh_finding_level level,
                                 const char *topic, const char *format, ...)
{
    BH_ASSERT(judge->count < BH_FINDINGS_MAX);
    struct bh_finding *finding = &judge->findings[judge->count++];
    finding->level = level;
    finding->topic = topic;
    va_list args;
    va_start(args, format);
    vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
}

static void
judge_version(struct judge *judge, const struct bh_redis_survey *survey)
{
    const char *name = survey->is_valkey ? "Valkey, compatible with Redis" : "Redis";
    if (survey->version[0] == '\0')
        find(judge, BH_FINDING_NOTE, "version",
             "The server does not tell its version (INFO is not permitted); 6.2 or newer is "
             "needed.");
    else if (survey->major < 6 || (survey->major == 6 && survey->minor < 2))
        find(judge, BH_FINDING_FATAL, "version",
             "This is %s %s; 6.2 or newer is needed (BLMOVE). Nothing can be claimed from it.",
             name, survey->version);
    else
        find(judge, BH_FINDING_GOOD, "version", "This is %s %s.", name, survey->version);
}

static void
judge_role(struct judge *judge, const struct bh_redis_survey *survey)
{
    if (survey->role[0] == '\0')
        find(judge, BH_FINDING_NOTE, "role", "The server does not tell whether it is the master.");
    else if (strcmp(survey->role, "master") != 0)
        find(judge, BH_FINDING_FATAL, "role",
             "The server is a replica and takes no writes. Point [redis] url to the master.");
    else
        find(judge, BH_FINDING_GOOD, "role", "It is a master.");
}

static void
judge_snapshots(struct judge *judge, enum bh_known snapshots)
{
    static const char *const texts[] = {
        [BH_UNKNOWN] =
            "The append-only file is off: a crash of Redis loses at least all jobs since the "
            "last snapshot. Set \"appendonly yes\" in redis.conf.",
        [BH_NO] = "Redis keeps nothing over a restart: all waiting jobs would be lost. Set "
                  "\"appendonly yes\" in redis.conf.",
        [BH_YES] =
            "Only snapshots are kept: a crash of Redis loses all jobs since the last one. Set "
            "\"appendonly yes\" in redis.conf.",
    };
    find(judge, BH_FINDING_RISK, "persistence", "%s", texts[snapshots]);
}

static void
judge_fsync(struct judge *judge, const char *appendfsync)
{
    if (strcmp(appendfsync, "no") == 0)
        find(
            judge, BH_FINDING_RISK, "persistence",
            "\"appendfsync no\": a crash of the machine loses what the kernel had not written yet, "
            "mostly 30 s. Set \"appendfsync everysec\" or \"always\".");
    else if (strcmp(appendfsync, "always") == 0)
        find(judge, BH_FINDING_GOOD, "persistence",
             "Every write is on disk before it is acknowledged (appendfsync always).");
    else if (strcmp(appendfsync, "everysec") == 0)
        find(
            judge, BH_FINDING_GOOD, "persistence",
            "The append-only file is on; a crash of Redis' machine may take back the last second.");
    else
        find(judge, BH_FINDING_NOTE, "persistence",
             "The append-only file is on; how often it reaches the disk the server does not tell "
             "(CONFIG "
             "GET is not permitted). Only \"appendfsync no\" would be a risk.");
}

static void
judge_persistence(struct judge *judge, const struct bh_redis_survey *survey)
{
    if (survey->appendonly == BH_UNKNOWN) {
        find(judge, BH_FINDING_NOTE, "persistence",
             "The server does not tell how it keeps data. Without \"appendonly yes\" a restart of "
             "Redis "
             "loses jobs.");
        return;
    }
    if (survey->append_writes == BH_NO)
        find(judge, BH_FINDING_RISK, "persistence",
             "The append-only file cannot be written; Redis refuses writes or will lose them. Look "
             "at "
             "the disk and at Redis' log.");
    if (survey->appendonly == BH_NO)
        judge_snapshots(judge, survey->snapshots);
    else
        judge_fsync(judge, survey->appendfsync);
}

static void
judge_eviction(struct judge *judge, const struct bh_redis_survey *survey)
{
    if (survey->eviction[0] == '\0')
        find(judge, BH_FINDING_NOTE, "eviction",
             "The server does not tell its maxmemory-policy; anything but noeviction deletes jobs "
             "when memory is full.");
    else if (strcmp(survey->eviction, "noeviction") == 0)
        find(judge, BH_FINDING_GOOD, "eviction", "Nothing is evicted (noeviction).");
    else if (survey->memory_max == 0)
        find(judge, BH_FINDING_NOTE, "eviction",
             "maxmemory-policy is %s; it deletes nothing only because maxmemory is not set. Set "
             "\"maxmemory-policy noeviction\".",
             survey->eviction);
    else
        find(judge, BH_FINDING_RISK, "eviction",
             "maxmemory-policy is %s: when memory is full, Redis deletes keys, which may be jobs "
             "and "
             "ids already seen. Set \"maxmemory-policy noeviction\".",
             survey->eviction);
}

static void
judge_memory(struct judge *judge, const struct bh_redis_survey *survey)
{
    if (survey->memory_max <= 0 || survey->memory_used < 0)
        return;
    int64_t percent = survey->memory_used / (survey->memory_max / 100 + 1);
    if (percent >= MEMORY_TIGHT_PERCENT)
        find(judge, BH_FINDING_RISK, "memory",
             "%lld %% of maxmemory are in use. When it is full, producers can push nothing; the "
             "queues "
             "still drain. Raise maxmemory or shorten [status] retention.",
             (long long)percent);
    else
        find(judge, BH_FINDING_GOOD, "memory", "%lld %% of maxmemory are in use.",
             (long long)percent);
}

static void
judge_clock(struct judge *judge, const struct bh_redis_survey *survey)
{
    if (!survey->clock_known)
        return;
    bh_ms ahead = survey->clock_ahead_ms;
    bh_ms apart = ahead < 0 ? -ahead : ahead;
    if (apart <= CLOCK_TOLERATED_MS)
        find(judge, BH_FINDING_GOOD, "clock", "The clocks agree within %lld ms.", (long long)apart);
    else
        find(judge, BH_FINDING_RISK, "clock",
             "Redis' clock is %lld s %s this machine's. Delays and ttl go by Redis' clock, so "
             "messages "
             "leave that much %s. Check time synchronisation on both machines.",
             (long long)(apart / BH_SECOND_MS), ahead > 0 ? "ahead of" : "behind",
             ahead > 0 ? "early" : "late");
}

static void
judge_rights(struct judge *judge, const struct bh_redis_survey *survey)
{
    if (!survey->rights_known) {
        find(judge, BH_FINDING_NOTE, "rights",
             "Whether all commands are permitted could not be checked (that takes Redis 7 and the "
             "right "
             "to ACL DRYRUN).");
        return;
    }
    if (survey->denied_count == 0) {
        find(judge, BH_FINDING_GOOD, "rights", "All commands that are needed are permitted.");
        return;
    }
    char list[200] = "";
    size_t len = 0, shown = 0;
    for (; shown < survey->denied_count && shown < BH_SURVEY_DENIED_MAX; shown++) {
        size_t piece = strlen(survey->denied[shown]) + 2;
        if (len + piece >= sizeof(list))
            break;
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", shown > 0 ? ", " : "",
                                survey->denied[shown]);
    }
    char more[32] = "";
    if (shown < survey->denied_count)
        snprintf(more, sizeof(more), " and %zu more", survey->denied_count - shown);
    find(judge, BH_FINDING_FATAL, "rights",
         "The Redis user may not give: %s%s. README.md shows an ACL line that suffices.", list,
         more);
}

size_t
bh_redis_survey_judge(const struct bh_redis_survey *survey,
                      struct bh_finding findings[BH_FINDINGS_MAX])
{
    struct judge judge = {findings, 0};
    judge_version(&judge, survey);
    judge_role(&judge, survey);
    judge_persistence(&judge, survey);
    judge_eviction(&judge, survey);
    judge_memory(&judge, survey);
    judge_clock(&judge, survey);
    judge_rights(&judge, survey);
    return judge.count;
}
