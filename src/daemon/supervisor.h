/*
 * supervisor - tell systemd how we are, by the protocol of sd_notify(3): one datagram of NAME=value lines.
 *
 * Our own, because it is one datagram, and the library for it would be a dependency of every build.
 * Without NOTIFY_SOCKET in the environment everything here does nothing.
 */
#ifndef BH_DAEMON_SUPERVISOR_H
#define BH_DAEMON_SUPERVISOR_H

#include "core/base.h"
#include "core/instant.h"

struct bh_supervisor {
    int fd;            /* -1: nobody listens */
    bh_ms watchdog_ms; /* how often the supervisor wants to hear from us; 0: never */
    bool ready_owed;   /* READY=1 could not be sent yet */
    char status[256];  /* the text sent last, so that it is sent on change only */
};

/* Read the environment and open the socket.  Failing to reach the supervisor is not fatal: fd is -1. */
void bh_supervisor_open(struct bh_supervisor *supervisor);
void bh_supervisor_close(struct bh_supervisor *supervisor);

void bh_supervisor_ready(struct bh_supervisor *supervisor);

/*
 * bh_supervisor_ready follows.  The time is CLOCK_MONOTONIC's to the microsecond: systemd does not accept one that
 * lies before its own SIGHUP, and rounding down to a millisecond would.
 */
void bh_supervisor_reloading(struct bh_supervisor *supervisor, int64_t monotonic_us);
void bh_supervisor_stopping(struct bh_supervisor *supervisor);

/*
 * A sign of life, if the supervisor wants any (watchdog_ms); call it twice in that time.  Also catches up on a
 * READY=1 that the supervisor did not take.
 */
void bh_supervisor_pet(struct bh_supervisor *supervisor);

/* One line for `systemctl status`, cut to 255 bytes. */
void bh_supervisor_status(struct bh_supervisor *supervisor, const char *format, ...)
    BH_PRINTF(2, 3);

#endif
