/*
 * storm - jobs flow through two daemons of three workers each while things are killed at random, and what came of it.
 *
 * The accounting is the simulator's: it counts what it accepted by the job's id, so that lost is told from doubled.
 */
#ifndef BH_TESTS_FAULT_STORM_H
#define BH_TESTS_FAULT_STORM_H

#include <stdbool.h>

/* What happens besides the workers being killed. */
struct storm {
    const char *name;
    bool kills_redis;   /* without losing what it acknowledged: appendfsync always */
    bool kicks_clients; /* all connections are closed, all scripts forgotten */
    bool loses_answers; /* of requests that the gateway has accepted */
};

/* From the environment, see CMakeLists.txt. */
struct storm_size {
    unsigned seconds;
    unsigned jobs;
    unsigned long long seed;
};

struct storm_toll {
    long long jobs, worker_kills, redis_kills, kicks;
    long long answers_lost; /* the simulator's count */
    long long accepted;     /* messages */
    long long ids, doubled; /* ids that were accepted, and those more than once */
    long long sent;         /* jobs that Redis says are sent */
    long long dead;         /* jobs in the dead set */
    long long left;         /* records and payloads that nobody will ever touch */
    long long gauges_off;   /* gauges that are not 0 although nothing waits */
    long long recovered;
};

/* Sixty seconds at most are waited for the last job after the storm. */
void storm_run(const struct storm *storm, struct storm_toll *ret_toll);

#endif
