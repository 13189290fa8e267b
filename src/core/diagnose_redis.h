/*
 * diagnose_redis - judge what was found out about the Redis server.
 *
 * Pure.  The rules about the server itself are those of redis_survey, which the daemon tells at its start; here each
 * gets the lines that cure it.
 */
#ifndef BH_CORE_DIAGNOSE_REDIS_H
#define BH_CORE_DIAGNOSE_REDIS_H

#include "core/diagnosis.h"
#include "core/redis_survey.h"

/* Who asks, for the cure of missing rights.  Borrowed. */
struct bh_diagnose_redis_user {
    const char *name;   /* of the ACL user; "" or NULL: the default one */
    const char *prefix; /* [redis] prefix */
};

/* Version, role, persistence, eviction, memory, clock and rights: a line each at least. */
void bh_diagnose_survey(struct bh_diagnosis *diagnosis, const struct bh_redis_survey *survey,
                        const struct bh_diagnose_redis_user *user);

/*
 * Times of answered pings in microseconds; the array is sorted.  A job takes four round trips between push and
 * end, and every lease is renewed by one.
 */
void bh_diagnose_latency(struct bh_diagnosis *diagnosis, int64_t *times_us, size_t count);

/* The median of a sorted array: the lower one of two; 0 of nothing. */
int64_t bh_diagnose_median(const int64_t *sorted, size_t count);

/* Who is registered under the instance's name, as Redis has it. */
struct bh_diagnose_holder {
    bool registered;
    bool ended;       /* has given the name back */
    const char *host; /* borrowed; "" unknown */
    const char *pid;  /* likewise */
    bh_ms lapses_ms;  /* how long the registration still holds; <= 0: it has lapsed */
    bh_ms since_ms;   /* since when, before now */
};

/*
 * May a bellhopd of this machine, called `our_host`, work as `instance`?  A holder on a machine of that name is
 * taken for the one that runs here.
 */
void bh_diagnose_instance(struct bh_diagnosis *diagnosis, const char *instance,
                          const char *our_host, const struct bh_diagnose_holder *holder);

#endif
