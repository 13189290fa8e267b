/*
 * process - a program that a test runs: its output in a file, its end told exactly, gone with its test.
 *
 * The environment is the test's own, and with it the sanitizers' log_path: what a sanitizer says about the child is
 * found by run_criterion and fails the test.  Whatever goes wrong here ends the test program with a sentence.
 */
#ifndef BH_TESTS_PROCESS_H
#define BH_TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bh_process {
    pid_t pid;     /* 0: not running */
    int end;       /* once it has ended: its exit code, or minus the signal's number */
    char log[128]; /* where its output goes; appended to at each start */
    long mark;     /* wait_line and count look behind this offset of the log */
};

/*
 * Run argv[0], a path (NULL-terminated list).  `environment` is a NULL-terminated list of NAME=value to add, or NULL.
 * The log's path must have been set.
 */
void bh_process_start(struct bh_process *process, const char *const *argv,
                      const char *const *environment);

/* False when it is running no more; notices the end. */
bool bh_process_is_running(struct bh_process *process);

/* Wait for a line that holds `part`.  False when the time is up or the process has ended without it. */
bool bh_process_wait_line(struct bh_process *process, const char *part, int timeout_ms);

/* From now on look only at what is written later. */
void bh_process_set_mark(struct bh_process *process);

/* How many lines behind the mark hold `part`. */
unsigned bh_process_count(const struct bh_process *process, const char *part);

/* SIGSTOP returns when the process stands still. */
void bh_process_signal(struct bh_process *process, int number);

/* Wait for its end.  False when the time is up; it still runs then. */
bool bh_process_wait(struct bh_process *process, int timeout_ms);

/* SIGKILL and wait. */
void bh_process_kill(struct bh_process *process);

/* The log on standard error, its last part if it is long. */
void bh_process_show(const struct bh_process *process);

/* Microseconds of CPU time (user and system) that it has used so far; resident memory in KiB. */
long bh_process_cpu_us(pid_t pid);
long bh_process_rss_kib(pid_t pid);

/* How many descriptors it has open. */
unsigned bh_process_descriptors(pid_t pid);

void bh_sleep_ms(long ms);
long long bh_now_ms(void); /* monotonic */
long long bh_unix_ms(void);
long long bh_unix_us(void);

#endif
