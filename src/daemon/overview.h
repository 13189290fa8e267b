/*
 * overview - the main thread's picture of everything that somebody may want to see: queues, account, processes, and
 * this process itself.
 *
 * It asks Redis on a connection of its own, every two seconds while somebody looks and every five otherwise, and keeps
 * the picture; whoever answers a request reads the picture and asks nothing.  So a thousand who look cost Redis what one
 * does.  On the way it writes each queue's minute (redis/minutes.h) and this process' report (redis/processes.h).
 *
 * The picture is what was known last: when Redis is away, its figures stay and grow old, and `redis_up` is false.
 *
 * Belongs to the main thread.
 */
#ifndef BH_DAEMON_OVERVIEW_H
#define BH_DAEMON_OVERVIEW_H

#include <bellhop/error.h>
#include <bellhop/state.h>
#include <uv.h>

#include "core/config.h"
#include "core/gateway_status.h"
#include "core/histogram.h"
#include "core/redis_survey.h"
#include "daemon/worker.h"
#include "redis/account_codec.h"
#include "redis/minutes.h"
#include "redis/processes.h"
#include "redis/waiting.h"

/* The states that a queue's jobs are counted by now. */
enum bh_overview_state {
    BH_OVERVIEW_READY,     /* may run now and was never tried: pushed, moved aside, given back */
    BH_OVERVIEW_SCHEDULED, /* waits for its delay */
    BH_OVERVIEW_RETRYING,  /* waits after a failure, uncertain ones included */
    BH_OVERVIEW_HELD,
    BH_OVERVIEW_INFLIGHT, /* claimed by a worker */
    BH_OVERVIEW_DEAD,
};
#define BH_OVERVIEW_STATE_COUNT (BH_OVERVIEW_DEAD + 1)

struct bh_overview_counter {
    char name[48];
    int64_t value;
};

struct bh_overview_queue {
    char name[BH_QUEUE_NAME_MAX + 1];
    unsigned no;            /* its number in the configuration */
    bool known;             /* its figures were read at least once; else the rest is zero */
    struct bh_mono read_at; /* when, by our clock; `at` is the same by the server's */
    struct bh_wall at;
    uint64_t raw, moved, ready, due, leases, dead, overdue;
    uint64_t callbacks, callbacks_failing;                 /* see redis/queue_view.h */
    struct bh_wall callbacks_due, callbacks_failing_since; /* likewise */
    char callbacks_error[128];
    struct bh_wall next_due; /* 0: none waits */
    bh_ms
        oldest_ms; /* age of the oldest job that could run now, as far as known; 0: there is none */
    bool paused;
    char reason[128], by[64]; /* an operator's words */
    struct bh_wall since;
    int64_t rate, concurrency;                   /* set at run time, or BH_QUEUE_LIMIT_UNSET */
    uint64_t open, open_for[BH_QUEUE_OPEN_AGES]; /* see redis/queue_view.h */
    struct bh_wall silent_since;
    struct bh_overview_counter *counters; /* owned by the overview */
    size_t counters_count;
    struct bh_tally tally;
    struct bh_minutes minutes; /* the last hour; empty until it was read */
};

struct bh_overview_snapshot {
    /* This process, at the moment of the call. */
    struct bh_process_report self;
    bool workers_started; /* the instance's name is ours */
    bool stopping;
    bool loops_turn;
    struct bh_wall now; /* this machine's clock */
    struct bh_mono mono;

    /* Redis, as known last. */
    bool redis_up;                    /* our connection stands */
    char redis_trouble[256];          /* why not; or why it does not do what we ask; else "" */
    uint64_t pulled[BH_PULLED_COUNT]; /* questions about messages, by their answers' worth */
    int64_t low_balance_micro;        /* as configured; 0: no warning */
    bh_ms oldest_limit_ms;            /* likewise, of the alert; 0: none */
    struct bh_wall server_now;        /* of the last answer; 0: none yet */
    struct bh_mono answered_at;       /* when it came */
    const struct bh_overview_queue *queues;
    size_t queues_count; /* as the configuration has them, in its order */
    bool account_known;
    struct bh_account_view account;
    bool processes_known;
    struct bh_processes processes; /* all that report, this one included */
    bool waiting_known;
    struct bh_waiting_view waiting; /* reports that wait for their job */
    bool server_known;              /* false also when we may not ask (INFO) */
    struct bh_redis_survey server;  /* what the server says about itself */
};

/* How long things took in this process since its start. */
struct bh_overview_durations {
    struct bh_histogram wait[BH_CONFIG_QUEUES_MAX]; /* as the snapshot's queues */
    struct bh_histogram gateway[BH_GATEWAY_PHASE_COUNT];
    struct bh_histogram lateness, redis, lag;
};

struct bh_overview;

struct bh_overview_options {
    const struct bh_config *config;   /* a reference is taken */
    const char *account;              /* 12 hex digits; copied */
    struct bh_worker *const *workers; /* borrowed; may be filled until start */
    unsigned workers_count;
    void (*on_closed)(void *arg);
    void *arg;
};

enum bh_status bh_overview_new(uv_loop_t *loop, const struct bh_overview_options *options,
                               struct bh_overview **ret_overview,
                               struct bh_error *error) BH_MUST_CHECK;
void bh_overview_start(struct bh_overview *overview);

/* Other queues, another account; the connection's own settings take a restart. */
void bh_overview_configure(struct bh_overview *overview, const struct bh_config *config,
                           const char *account);

/* What the daemon is doing, for the report and the snapshot. */
void bh_overview_tell(struct bh_overview *overview, bool workers_started, bool draining,
                      bool stopping, bool loops_turn);

/* Likewise, of its questions to the gateway about what became of messages. */
void bh_overview_tell_pulled(struct bh_overview *overview, const uint64_t pulled[BH_PULLED_COUNT]);

/*
 * The picture; its own process' part is made anew by each call.  Borrowed until the next call of a function here, or
 * until the loop turns.  Also says that somebody looks.
 */
const struct bh_overview_snapshot *bh_overview_look(struct bh_overview *overview);

/* Made anew by each call; borrowed likewise. */
const struct bh_overview_durations *bh_overview_durations(struct bh_overview *overview);

/* The picture for those who look all the time (alerts): counts as nobody. */
const struct bh_overview_snapshot *bh_overview_peek(struct bh_overview *overview);

/* on_closed follows; then bh_overview_free. */
void bh_overview_stop(struct bh_overview *overview);
void bh_overview_free(struct bh_overview *overview);

/* ---- Readiness ---- */

/*
 * Whether this process does its work: NULL when it does; else why not, in a sentence that holds no secret.  Borrowed
 * from `text`, 400 bytes at least.
 */
#define BH_OVERVIEW_REASON_MAX 400
const char *bh_overview_unready(const struct bh_overview_snapshot *snapshot,
                                char text[BH_OVERVIEW_REASON_MAX]);

/* ---- Reading a queue ---- */

/* The counter or gauge of that name (queue_view.h), 0 when there is none. */
int64_t bh_overview_queue_find(const struct bh_overview_queue *queue, const char *name);

/* How many jobs are in that state now. */
uint64_t bh_overview_queue_count(const struct bh_overview_queue *queue,
                                 enum bh_overview_state state);
const char *bh_overview_state_name(enum bh_overview_state state);

/* Held for that reason. */
uint64_t bh_overview_queue_held(const struct bh_overview_queue *queue, enum bh_reason reason);

/* See bh_minutes_flow. */
bool bh_overview_queue_flow(const struct bh_overview_queue *queue, bh_ms window_ms,
                            struct bh_flow *ret_flow);

/* How much the counter has grown within about that time; 0 when nothing reaches back. */
int64_t bh_overview_queue_grown(const struct bh_overview_queue *queue, const char *name,
                                bh_ms window_ms);

#endif
