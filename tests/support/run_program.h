/*
 * run_program - run a program to its end and keep what it wrote.
 */
#ifndef BH_TESTS_RUN_PROGRAM_H
#define BH_TESTS_RUN_PROGRAM_H

#include <stddef.h>

#define RUN_OUTPUT_MAX ((size_t)256 * 1024)
#define RUN_ARGS_MAX   32

/* What to run.  `environment` holds "NAME=value" beside ours, `args` all behind argv[0]; both end with NULL. */
struct run_request {
    const char *program;
    const char *directory; /* private; where input and output lie as files while it runs */
    const char *const *args;
    const char *const *environment;
    const char *input; /* for standard input; NULL: empty */
};

struct run_result {
    int exit_status; /* -1: it ended by a signal */
    char *out;       /* NUL-terminated; run_release frees */
    char *err;
};

/* Trouble with running it at all ends the test program with a sentence. */
void run_program(const struct run_request *request, struct run_result *ret_result);
void run_release(struct run_result *result);

#endif
