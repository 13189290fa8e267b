/*
 * alert_command - runs the operator's program for one alert.
 *
 * The program is started as it is, without a shell and without arguments: whoever needs a shell names a script.  It gets
 * the alert as JSON on standard input and in BELLHOP_ALERT_* of its environment; of ours it gets PATH, HOME, USER,
 * LOGNAME, SHELL, LANG, LC_ALL, TZ and TMPDIR alone, because the rest may hold keys.  Standard output goes nowhere; the
 * beginning of standard error is kept to explain a failure.
 *
 * It runs in a process group of its own.  After the time limit the group gets SIGTERM, and SIGKILL two seconds later.
 * One at a time.
 */
#ifndef BH_DAEMON_ALERT_COMMAND_H
#define BH_DAEMON_ALERT_COMMAND_H

#include <uv.h>

#include "core/alert.h"
#include "core/str.h"

struct bh_alert_command;

struct bh_alert_command_result {
    bool good;      /* exit code 0 */
    char text[320]; /* else why not, for people: with the beginning of what it said */
};

struct bh_alert_command_options {
    bh_ms timeout_ms;
    /* May run another one at once. */
    void (*on_done)(void *arg, const struct bh_alert_command_result *result);
    void (*on_closed)(void *arg);
    void *arg;
};

enum bh_status bh_alert_command_new(uv_loop_t *loop, const struct bh_alert_command_options *options,
                                    struct bh_alert_command **ret_command) BH_MUST_CHECK;

bool bh_alert_command_is_busy(const struct bh_alert_command *command);

/*
 * Start it; not while busy or after stop.  on_done follows once, never from within, also when there is no such program.
 * `json` is copied.  BH_ENOMEM: nothing was begun.
 */
enum bh_status bh_alert_command_run(struct bh_alert_command *command, const char *program,
                                    const struct bh_alert *alert, const char *instance,
                                    struct bh_str json) BH_MUST_CHECK;

/* A program that still runs is left to itself.  on_closed follows, then bh_alert_command_free. */
void bh_alert_command_stop(struct bh_alert_command *command);
void bh_alert_command_free(struct bh_alert_command *command);

#endif
