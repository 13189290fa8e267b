/*
 * rig - the whole: a Redis, a simulated gateway and one or more bellhopd, started by one call.
 *
 * Redis listens on a unix socket in a directory of its own, the gateway on a free port, and with `tap` every request to the
 * gateway is kept as it was sent.  Nothing here sleeps for a fixed time where an event can be waited for;
 * every wait has an end, and what it waited for too long is told together with the daemons' logs.  Whatever
 * goes wrong in the rig itself ends the test program.
 */
#ifndef BH_TESTS_RIG_H
#define BH_TESTS_RIG_H

#include <hiredis/hiredis.h>

#include "support/daemon_process.h"
#include "support/process.h"
#include "support/redis_process.h"
#include "support/tap.h"

#define BH_RIG_DAEMONS_MAX 4
#define BH_RIG_WAIT_MS     20000

struct bh_rig_options {
    /*
     * Further lines of a section; a key that is given here stands in place of the rig's own.  Without a line for it there is no
     * HTTP endpoint, since its default port is one for the whole machine.
     */
    const char *redis, *gateway, *pool, *status, *http, *log;
    const char *queues; /* whole sections; NULL: "sms" and "voice" with all defaults */
    const char *sim;    /* the simulator's INI; NULL: its defaults */
    const char *const *redis_args;
    bool tap;
    bool without_redis, without_sim, without_daemon; /* started later by the test */
};

struct bh_rig {
    struct bh_rig_options options;
    struct bh_redis_process redis;
    redisContext *context; /* NULL: not connected */
    char dir[64];
    struct bh_process sim;
    uint16_t sim_port; /* 0: not known yet */
    uint16_t
        gateway_port; /* what the daemons are told: the tap's, the simulator's, or what a test sets */
    struct bh_tap *tap; /* NULL: none */
    struct bh_daemon daemons[BH_RIG_DAEMONS_MAX];
    unsigned daemons_count;
    struct kept *kept; /* texts that were handed out */
    long long wait_until;
};

void bh_rig_start(struct bh_rig *rig, const struct bh_rig_options *options);

/*
 * SIGTERM to all daemons, which must end with 0, and the simulator too; then everything is taken away.
 */
void bh_rig_stop(struct bh_rig *rig);

/* For a rig without...: start it now.  The simulator comes up on `sim_port` when that is set. */
void bh_rig_start_redis(struct bh_rig *rig);
void bh_rig_start_sim(struct bh_rig *rig);

/*
 * One more daemon; its instance is "one", "two", ... by its place.  `options` NULL: as the rig.  Returns when it
 * has said that it is ready.
 */
struct bh_daemon *bh_rig_start_daemon(struct bh_rig *rig, const struct bh_rig_options *options,
                                      const char *const *environment);

/* Start a daemon of the rig that has ended, again, and wait for its word. */
void bh_rig_restart_daemon(struct bh_rig *rig, struct bh_daemon *daemon);
void bh_rig_restart_daemon_with(struct bh_rig *rig, struct bh_daemon *daemon,
                                const char *const *environment);

/* The configuration of daemon number `index` by these options; kept until stop. */
const char *bh_rig_config(struct bh_rig *rig, const struct bh_rig_options *options, unsigned index);

/* Write it and send SIGHUP. */
void bh_rig_reload(struct bh_rig *rig, unsigned index, const struct bh_rig_options *options);

/* Printed like printf; what is returned is kept until stop. */
const char *bh_rig_text(struct bh_rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Say what went wrong, show all logs, abort. */
_Noreturn void bh_rig_fail(struct bh_rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waiting: "until the condition is true, at most BH_RIG_WAIT_MS".  A daemon that crashes meanwhile fails the test. */
void bh_rig_begin_waiting(struct bh_rig *rig, int timeout_ms);
bool bh_rig_may_wait(struct bh_rig *rig);

#define BH_RIG_UNTIL_MS(rig, timeout_ms, condition)                                                \
    do {                                                                                           \
        bh_rig_begin_waiting((rig), (timeout_ms));                                                 \
        while (!(condition))                                                                       \
            if (!bh_rig_may_wait(rig))                                                             \
                bh_rig_fail((rig), "%s:%d: waited too long for: %s", __FILE__, __LINE__,           \
                            #condition);                                                           \
    } while (0)

#define BH_RIG_UNTIL(rig, condition) BH_RIG_UNTIL_MS(rig, BH_RIG_WAIT_MS, condition)

/* ---- Redis ---- */

void bh_rig_connect(struct bh_rig *rig);
void bh_rig_disconnect(struct bh_rig *rig);

/* One command by words or by a format; the caller frees the reply, which is never NULL and no error. */
redisReply *bh_rig_command(struct bh_rig *rig, const char *format, ...);

/* The integer it answers, freed. */
long long bh_rig_integer(struct bh_rig *rig, const char *format, ...);

/* LPUSH to a queue: a text, or bytes. */
void bh_rig_push(struct bh_rig *rig, const char *queue, const char *json);
void bh_rig_push_bytes(struct bh_rig *rig, const char *queue, const char *bytes, size_t len);

/* A field of a status hash; "" when it is not there.  Kept until stop. */
const char *bh_rig_field(struct bh_rig *rig, const char *queue, const char *id, const char *name);
long long bh_rig_number(struct bh_rig *rig, const char *queue, const char *id, const char *name);
bool bh_rig_is(struct bh_rig *rig, const char *queue, const char *id, const char *name,
               const char *value);

/* Where a daemon, and where the first one listens for HTTP, once it does; it has to be configured to. */
int bh_rig_http_port_of(struct bh_rig *rig, unsigned index);
int bh_rig_http_port(struct bh_rig *rig);

/* The number behind `mark` in the last line of a process' log that has `line_mark`, once there is one; not 0. */
int bh_rig_port_in_log(struct bh_rig *rig, struct bh_process *process, const char *line_mark,
                       const char *mark);

/* Wait until the job has this state. */
void bh_rig_wait_state(struct bh_rig *rig, const char *queue, const char *id, const char *state);

/* A field of Q:counters; 0 when it is not there. */
long long bh_rig_counter(struct bh_rig *rig, const char *queue, const char *name);

/* All that is waiting or in work: raw list, ready, due, suspects, leases. */
long long bh_rig_unfinished(struct bh_rig *rig, const char *queue);

/* ---- the simulator ---- */

/* GET "/_sim/WHAT"; the answer is kept until stop. */
const char *bh_rig_ask(struct bh_rig *rig, const char *what);

/* POST a JSON text there; anything but 200 fails the test. */
void bh_rig_tell(struct bh_rig *rig, const char *what, const char *json);

/* The number that follows "NAME": first in /_sim/WHAT; -1 when it is not there. */
long long bh_rig_sim_number(struct bh_rig *rig, const char *what, const char *name);

/* How often a job with this foreign_id was accepted. */
long long bh_rig_accepted(struct bh_rig *rig, const char *foreign_id);

/* The record of the first accepted message with this foreign_id: JSON text, "" when there is none. */
const char *bh_rig_message(struct bh_rig *rig, const char *foreign_id);

#endif
