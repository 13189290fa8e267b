/*
 * script_stage - the queue "q" in a Redis of script_redis.h, and the steps that a worker takes on it.
 *
 * One for each test program.  A step whose answer is not what its script gives fails the test.
 */
#ifndef TESTS_SCRIPT_STAGE_H
#define TESTS_SCRIPT_STAGE_H

#include "integration/script_redis.h"
#include "redis/store_codec.h"

/* The clock begins at a time that Lua would print as 1.7e+12. */
#define T0    ((bh_ms)1700000000000)
#define LEASE ((bh_ms)30000)
#define DAY   ((bh_ms)86400000)

struct script_stage {
    struct script_redis redis;
    struct bh_queue_keys keys;
    struct bh_store_queue queue; /* for tests to change */
    struct {
        redisReply *reply;
        struct bh_claimed_event event;
        struct bh_claimed_job jobs[BH_CLAIM_MAX];
    } claimed; /* by the last claim, whose views live until the next one */
};

extern struct script_stage stage;

/* For TestSuite. */
void stage_set_up(void);
void stage_tear_down(void);

/* One command whose answer does not matter. */
#define RUN(...) freeReplyObject(script_redis_command(&stage.redis, __VA_ARGS__))

/* A number that Redis gives, as a number or as text. */
int64_t stage_int(const char *format, ...);

/* A field of the queue's counters. */
int64_t stage_counter(const char *field);

/* How many jobs it gave. */
size_t stage_claim(const char *owner, const struct bh_claim_command *claim);

/* How the last claim's job `at` is named; the handle is a copy that lives for sixteen calls. */
struct bh_claim_ref stage_ref(size_t at);

/* The admission of a new job to be sent now. */
struct bh_admit_command stage_admission(struct bh_claim_ref job, const char *id);

struct bh_admitted_event stage_admit(const char *owner, struct bh_admit_command admit);
struct bh_settled_event stage_settle(const char *owner, struct bh_settle_command settle);

#endif
