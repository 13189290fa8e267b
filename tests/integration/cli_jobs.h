/*
 * cli_stage - a Redis with jobs as workers leave them behind, and the real command before it.
 *
 * Each test has a stage of its own.  Whatever goes wrong with the stage itself ends the test.
 */
#ifndef BH_TESTS_CLI_STAGE_H
#define BH_TESTS_CLI_STAGE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "support/redis_process.h"
#include "support/run_program.h"

#define STAGE_PIECES_MAX 6

struct stage {
    struct bh_redis_process server;
    redisContext *redis;
    char config[160]; /* BELLHOP_CONFIG=... */
    long long now;    /* unix ms, when it was set up */
    int handles;      /* given so far, over all queues */
};

extern struct stage stage;

void stage_set_up(void);
void stage_tear_down(void);

/* One command, which must not fail; its reply is freed. */
void stage_tell(const char *format, ...);

/* A job; `place` is due, leases, dead, ready or suspects.  Members that are 0 or NULL have sensible values. */
struct stage_job {
    const char *queue; /* NULL: sms */
    const char *id;    /* "": never admitted */
    const char *place;
    char waiting;
    const char *reason;
    int attempts;
    int recoveries;
    long long age_ms;  /* since it was created */
    long long in_ms;   /* the place's score, from now */
    const char *state; /* of the status hash; NULL: there is none */
    const char *to;    /* of the status */
    const char *error; /* likewise */
    const char *code;  /* likewise */
    const char *label; /* likewise */
    const char *from;  /* of the payload */
    const char *memo;  /* of the record */
    const char *owner; /* of the record */
    long long uncertain_ms_ago;
    const char *payload; /* NULL: a valid job */
};

/* Returns its handle. */
int stage_put(const struct stage_job *job);

/* The usual set, one of each kind; see there. */
void stage_put_usual(void);

void stage_run(const char *const *args, const char *input, struct run_result *ret_result);

struct stage_row {
    const char *name;
    const char *args[RUN_ARGS_MAX];
    const char *input;
    int exit_status;
    const char *out[STAGE_PIECES_MAX]; /* pieces of standard output; none: it must be empty */
    const char *err[STAGE_PIECES_MAX]; /* pieces of standard error; none: it must be empty */
};

/* Runs each row, looks for its pieces, and for bytes that would steer a terminal. */
void stage_check(const struct stage_row *rows, size_t count);

/* Every line is one JSON object.  Returns how many there are. */
size_t stage_count_json(const char *name, const char *text);

#endif
