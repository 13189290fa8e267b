/*
 * sim_process - a bellhop-sim of one's own: started on a free port, stopped by its pid.
 *
 * The child dies with the test (parent-death signal), so a crashed test leaves nothing behind.  Its exit
 * code is part of the answer of stop: under the sanitizers a leak makes it non-zero.
 */
#ifndef BH_TESTS_SUPPORT_SIM_PROCESS_H
#define BH_TESTS_SUPPORT_SIM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bh_test_sim {
    pid_t pid;
    int port;
    char url[64]; /* "http://127.0.0.1:PORT", without a slash at the end */
    int out;      /* its standard output */
};

/*
 * Start with `--listen 127.0.0.1:0` and up to 16 further arguments (NULL-terminated list, or NULL), and wait
 * for the ready line, at most 30 s.  False: it did not come up; nothing is left running.
 */
bool bh_test_sim_start(struct bh_test_sim *sim, const char *const arguments[]);

/*
 * The same with the text of an INI file, written to a private temporary file that is gone when this
 * returns.
 */
bool bh_test_sim_start_with(struct bh_test_sim *sim, const char *ini);

/* SIGTERM, wait at most 30 s (then SIGKILL).  The exit code, or -1 when it was killed by a signal. */
int bh_test_sim_stop(struct bh_test_sim *sim);

/* POST a JSON text to "/_sim/WHAT".  True when it was answered with 200; prints the answer otherwise. */
bool bh_test_sim_tell(const struct bh_test_sim *sim, const char *what, const char *json);

/*
 * GET "/_sim/WHAT" and find the number that follows "NAME": in the answer, wherever it stands first.
 * -1 when there is none.
 */
long long bh_test_sim_number(const struct bh_test_sim *sim, const char *what, const char *name);

/* Run the program with these arguments to its end; the exit code, or -1.  Output is cut at `size`. */
int bh_test_sim_run(const char *const arguments[], char *output, size_t size);

#endif
