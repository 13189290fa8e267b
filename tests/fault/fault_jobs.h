/*
 * fault_jobs - what the tests of trouble around a rig have in common; their jobs are those of support/rig_jobs.h.
 */
#ifndef BH_TESTS_FAULT_FAULT_JOBS_H
#define BH_TESTS_FAULT_FAULT_JOBS_H

#include "support/rig_jobs.h"

#define FAULT_WAIT_MS 90000 /* for all jobs; no measure of speed */

/* Redis keeps what it acknowledged, and may be killed. */
extern const char *const fault_durable[];

/* A short lock, short timeouts, a short lease: for tests in which leases end and answers are lost. */
#define FAULT_GATEWAY "reload_lock = 20s\ntimeout = 2s\nconnect_timeout = 1s\n"
#define FAULT_POOL    "lease = 5s\n"
#define FAULT_REDIS   "command_timeout = 1s\nconnect_timeout = 500ms\n"
#define FAULT_SIM     "[lock]\nseconds = 20\n"

/* Wait for a line of daemon `index`, behind its mark; the rig fails without it. */
void fault_expect_line(struct bh_rig *rig, unsigned index, const char *part);

/* A daemon whose way to Redis is this line, as the rig's next one; `more`: further lines of [redis]. */
struct bh_daemon *fault_start_behind(struct bh_rig *rig, const char *line_path, const char *more);

#endif
