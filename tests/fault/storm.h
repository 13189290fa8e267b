/*
 * storm - jobs flow through two daemons while everything around them fails at once, and what came of it.
 *
 * The faults are drawn from a seed before anything starts: the same seed gives the same plan of faults and the
 * same jobs.  Each domain (a daemon's process, Redis, the line to it, the line to the gateway, the gateway) has one fault at
 * a time; the domains overlap as they like.  The accounting is the simulator's: it counts by recipient what it
 * accepted, so that lost is told from doubled.
 */
#ifndef BH_TESTS_FAULT_STORM_H
#define BH_TESTS_FAULT_STORM_H

#include <stdbool.h>
#include <stddef.h>

enum storm_fault {
    /* of a daemon's process */
    STORM_WORKER_KILL,   /* SIGKILL, started again at once: it takes up its own leases */
    STORM_WORKER_LOST,   /* SIGKILL, and away for longer than its lease: the other one takes over */
    STORM_WORKER_STOP,   /* SIGSTOP for longer than its lease, then SIGCONT */
    STORM_WORKER_STARVE, /* SIGSTOP for less than that */
    STORM_CRASH_POINT,   /* kills itself at one of the named places, which take turns */
    STORM_WORKER_DRAIN,  /* SIGTERM, started again */
    STORM_RELOAD,        /* SIGHUP */
    STORM_CLOCK_STEP,    /* its wall clock goes by hours, forwards or backwards */
    /* of Redis */
    STORM_REDIS_KILL,    /* SIGKILL, started again at once or after a while */
    STORM_REDIS_LOADING, /* the same, and it takes its time to read its file */
    STORM_REDIS_FROZEN,  /* SIGSTOP for longer than a command may take */
    STORM_REDIS_SLOW,    /* DEBUG SLEEP, again and again */
    STORM_SCRIPT_FLUSH,
    STORM_CLIENT_KILL,
    STORM_CLIENT_PAUSE,
    STORM_MEMORY_FULL,
    STORM_READ_ONLY,
    STORM_RIGHTS_GONE, /* one command is withdrawn from the daemons' user */
    /* of the line between a daemon and Redis */
    STORM_LINE_CUT,
    STORM_LINE_STALL, /* half-open: nothing passes, nothing is closed */
    STORM_LINE_MUTE,  /* commands pass, answers do not */
    STORM_LINE_SEVER, /* an answer ends in the middle */
    STORM_LINE_SLOW,
    STORM_LINE_REFUSED,
    /* of the line between the daemons and the gateway */
    STORM_WIRE_CUT,
    STORM_WIRE_STALL,
    STORM_WIRE_MUTE,
    STORM_WIRE_SEVER,
    STORM_WIRE_SLOW,
    STORM_WIRE_REFUSED,
    /* moods of the gateway */
    STORM_MOOD_DROP_BEFORE, /* reset before it has accepted */
    STORM_MOOD_DROP_AFTER,  /* and after it */
    STORM_MOOD_HANG_BODY,
    STORM_MOOD_HANG_HEAD,
    STORM_MOOD_HANG_AFTER,
    STORM_MOOD_CUT_HEAD,
    STORM_MOOD_CUT_BODY,
    STORM_MOOD_GARBAGE,
    STORM_MOOD_ENDLESS,
    STORM_MOOD_TWICE,
    STORM_MOOD_LATE,
    STORM_MOOD_EMPTY,
    STORM_MOOD_429,
    STORM_MOOD_503,
    STORM_MOOD_500,
    STORM_MOOD_CARRIER, /* code 600 */
    STORM_MOOD_CLOSES_IDLE,
    STORM_MOOD_REDIRECT,
    STORM_MOOD_NO_CREDIT,
    STORM_FAULTS,
    STORM_ALL_FAULTS, /* in a list: all of the above */
};

struct storm {
    const char *name;
    enum storm_fault faults[8]; /* the first `faults_count` */
    size_t faults_count;
    bool plain;          /* single messages alone, of one queue; else jobs of every kind */
    bool gentle_gateway; /* faults of the gateway and of its line end at half time */
    bool forgets;        /* appendfsync everysec, and a killed Redis has lost its last second */
};

struct storm_tally {
    unsigned struck;
    unsigned recovered;
    long worst_ms;
};

struct storm_toll {
    long long jobs, recipients;
    long long accepted; /* messages, by the simulator */
    long long sent;     /* jobs whose state is sent or partial */
    long long unknown;  /* jobs that policy `hold` has left to a person */
    long long
        undecided; /* of the same policy, or out of their ttl: the journal is asked once more, much later */
    long long expired, invalid;
    long long
        lost; /* jobs without a final state, and recipients called sent that nobody accepted */
    long long doubled; /* recipients with more messages than jobs, although nothing was uncertain */
    long long
        doubled_uncertain; /* the same after an answer that nothing could clear up, under `resend` */
    long long
        doubled_elsewhere; /* the same by another host, when Redis had forgotten the first one's claim */
    long long odd;         /* ended in another way than the job's kind allows */
    long long buried;      /* hit three times in a row, and kept for a person */
    long long early;       /* sent before their delay was over */
    long long forgotten;  /* pushed within the second that Redis lost: need not reach an end */
    long long left;       /* keys and records that nobody will ever touch */
    long long gauges_off; /* gauges that are not 0 although nothing waits */
    long long recovered;  /* claims that ended without their worker */
    long long kills;      /* of daemons and of Redis, by signal or at a crash point */
    long long descriptors_more;      /* of a daemon at rest, compared to its start */
    long rss_start_kib, rss_end_kib; /* the largest of the daemons */
    struct storm_tally faults[STORM_FAULTS];
};

/*
 * BH_STORM_SECONDS, BH_STORM_JOBS and BH_STORM_SEED in the environment go before `seconds` and `jobs`, and the clock.  With
 * BH_STORM_PLAN=only the plan is printed and nothing runs: *ret_toll is empty then, and false returned.
 */
bool storm_run(const struct storm *storm, unsigned seconds, unsigned jobs,
               struct storm_toll *ret_toll);

/* The table of faults and what came of the jobs, on standard error. */
void storm_print(const struct storm *storm, const struct storm_toll *toll);

/* Run it, print it, and expect that nothing was lost, doubled, left behind or out of step. */
void storm_must_hold(const struct storm *storm, unsigned seconds, unsigned jobs);

#endif
