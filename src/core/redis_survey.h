/*
 * redis_survey - what a Redis server says about itself, judged for a queue that must not lose jobs.
 *
 * Pure: text and numbers in, findings out.  redis/survey asks the server.
 */
#ifndef BH_CORE_REDIS_SURVEY_H
#define BH_CORE_REDIS_SURVEY_H

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"

enum bh_known {
    BH_UNKNOWN, /* not told: not permitted, or too old a server */
    BH_NO,
    BH_YES,
};

#define BH_SURVEY_DENIED_MAX 8

struct bh_redis_survey {
    char version[32]; /* as the server compares itself with Redis; "" unknown */
    unsigned major, minor;
    bool is_valkey;
    char role[16]; /* "master", "slave"; "" unknown */
    enum bh_known loading;
    enum bh_known appendonly;
    enum bh_known append_writes;     /* the last write of the append-only file succeeded */
    enum bh_known snapshots;         /* RDB snapshots are configured */
    char appendfsync[16];            /* "always", "everysec", "no"; "" unknown */
    char eviction[32];               /* maxmemory-policy; "" unknown */
    int64_t memory_used, memory_max; /* bytes; max 0: unlimited; -1 unknown */
    bool clock_known;
    bh_ms clock_ahead_ms; /* the server's clock minus ours */
    bool rights_known;
    char denied[BH_SURVEY_DENIED_MAX]
               [64];     /* commands that this user may not give: the first of them */
    size_t denied_count; /* all of them */
};

/* Take over what an INFO reply says; lines that are not understood are skipped. */
void bh_redis_survey_read_info(struct bh_redis_survey *survey, struct bh_str info);

/*
 * Take over what TIME replied; `ours` is our clock in the middle between question and answer.  What is no
 * time of the years 1970 to 9999 leaves the clock unknown.
 */
void bh_redis_survey_read_time(struct bh_redis_survey *survey, struct bh_str seconds,
                               struct bh_str microseconds, struct bh_wall ours);

enum bh_finding_level {
    BH_FINDING_GOOD,
    BH_FINDING_NOTE,  /* could not be found out, or may matter */
    BH_FINDING_RISK,  /* jobs can be lost or doubled, or the worker cannot work for long */
    BH_FINDING_FATAL, /* the worker cannot work with this server */
};

struct bh_finding {
    enum bh_finding_level level;
    const char
        *topic;     /* "version", "role", "persistence", "eviction", "memory", "clock", "rights" */
    char text[320]; /* what is at risk and what to do: full sentences */
};

#define BH_FINDINGS_MAX 16

/* Judge everything, one finding per topic at least; returns how many were written. */
size_t bh_redis_survey_judge(const struct bh_redis_survey *survey,
                             struct bh_finding findings[BH_FINDINGS_MAX]);

#endif
