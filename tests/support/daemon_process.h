/*
 * daemon_process - a bellhopd of a test's own, with its configuration and log in a private directory.
 *
 * The program is BH_DAEMON_PROGRAM of the build, or what BELLHOP_TEST_DAEMON names.  It is told a
 * NOTIFY_SOCKET as by a service manager: that is how a test learns that signals are taken.
 */
#ifndef BH_TESTS_DAEMON_PROCESS_H
#define BH_TESTS_DAEMON_PROCESS_H

#include "support/process.h"

struct bh_daemon {
    struct bh_process process;
    char dir[64];
    char config[96]; /* path */
    int notices;     /* the socket of its notices; -1 none */
};

/* Make the directory; nothing runs yet. */
void bh_daemon_init(struct bh_daemon *daemon);

/* Write the configuration file, mode 0600; a running daemon reads it at SIGHUP. */
void bh_daemon_configure(struct bh_daemon *daemon, const char *text);

/* Run it.  `environment` as for bh_process_start.  Does not wait: see bh_process_wait_line. */
void bh_daemon_start(struct bh_daemon *daemon, const char *const *environment);

/* Wait until it has sent READY=1.  False when the time is up or it has ended. */
bool bh_daemon_wait_ready(struct bh_daemon *daemon, int timeout_ms);

/* Run it with further arguments, e.g. --check-config, to its end; its exit code. */
int bh_daemon_run(struct bh_daemon *daemon, const char *argument);

/* SIGTERM and wait for the end; its exit code, minus the signal's number, or -1000 when it does not end. */
int bh_daemon_stop(struct bh_daemon *daemon, int timeout_ms);

/* Kill it if it runs, and remove the directory. */
void bh_daemon_release(struct bh_daemon *daemon);

#endif
