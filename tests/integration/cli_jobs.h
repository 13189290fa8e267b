/*
 * cli_jobs - the command's stage (support/cli_stage.h) with jobs on it as workers leave them behind.
 *
 * Whatever goes wrong with the stage itself ends the test.
 */
#ifndef BH_TESTS_CLI_JOBS_H
#define BH_TESTS_CLI_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "support/cli_stage.h"

#define CLI_PIECES_MAX 6

struct cli_jobs {
    long long now; /* unix ms, when it was set up */
    int handles;   /* given so far, over all queues */
};

extern struct cli_jobs cli_jobs;

/* For TestSuite: the queues sms and voice, empty. */
void cli_jobs_set_up(void);
void cli_jobs_tear_down(void);

/* A job; `place` is due, leases, dead, ready or suspects.  Members that are 0 or NULL have sensible values. */
struct cli_job {
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
int cli_jobs_put(const struct cli_job *job);

/* The usual set, one of each kind; see there. */
void cli_jobs_put_usual(void);

struct cli_row {
    const char *name;
    const char *args[RUN_ARGS_MAX];
    const char *input;
    int exit_status;
    const char *out[CLI_PIECES_MAX]; /* pieces of standard output; none: it must be empty */
    const char *err[CLI_PIECES_MAX]; /* pieces of standard error; none: it must be empty */
};

/* Runs each row, looks for its pieces, and for bytes that would steer a terminal. */
void cli_jobs_check(const struct cli_row *rows, size_t count);

/* Every line is one JSON object.  Returns how many there are. */
size_t cli_jobs_count_json(const char *name, const char *text);

#endif
