/*
 * worker - a store under test with its loop, its server, and all events that it has given.
 *
 * Waiting has an end: a test that waits too long fails with the condition's text.
 */
#ifndef BH_TESTS_WORKER_H
#define BH_TESTS_WORKER_H

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <uv.h>

#include "redis/store.h"
#include "support/redis_process.h"

#define WORKER_EVENTS_MAX 4096

/* An event, with copies of what it pointed to. */
struct heard {
    enum bh_event_kind kind;
    unsigned queue;
    uint32_t slot;
    int code;
    unsigned count;
    bh_ms wait_ms;
    bh_ms next_due_ms;
    bool more;
};

struct worker {
    uv_loop_t loop;
    uv_timer_t tick;
    unsigned ticks_left;
    struct bh_redis_url url;
    struct bh_store_options options;
    struct bh_store *store;
    bool closed;
    bool calling; /* inside a function of the store: no event may come */
    struct heard events[WORKER_EVENTS_MAX];
    size_t count;
    unsigned troubles;
    char trouble[300]; /* "WHAT: TEXT" of the last one */

    /* Of the last CLAIMED. */
    char handles[BH_CLAIM_MAX][24];
    char payloads[BH_CLAIM_MAX][64];
    char heads[BH_CLAIM_MAX][200];
    uint64_t token;

    struct bh_store_mark recalled;         /* what the store is told that we have met */
    struct bh_store_roll_back rolled_back; /* the last one; its queue's name is not kept */
    unsigned roll_backs;

    /* What on_event does beyond noting; NULL: nothing. */
    void (*when_event)(struct worker *worker, const struct bh_event *event);
};

void worker_init(struct worker *worker, const char *url, const char *owner);
/* Queue number 1 is "q"; then start and wait until it is up. */
void worker_come_up(struct worker *worker);
void worker_configure(struct worker *worker, const struct bh_store_queue *queues, size_t count);
struct bh_store_queue worker_queue(unsigned number, const char *name);
/* Stop if it runs, and assert that everything was answered and closed. */
void worker_finish(struct worker *worker);

/* Asserts that the command is taken; flush sends it. */
void worker_execute(struct worker *worker, struct bh_command command);
void worker_flush(struct worker *worker);

void worker_claim(struct worker *worker, unsigned queue, unsigned count);
void worker_wait(struct worker *worker, unsigned queue);
/* Of the last CLAIMED's job `at`; the slot's index is `at`. */
void worker_admit(struct worker *worker, size_t at, const char *id);
void worker_settle(struct worker *worker, size_t at, const char *id,
                   enum bh_disposition disposition, const char *state);
void worker_renew(struct worker *worker, size_t at);

/* How many events of that kind since `from`, and the last of them (NULL: none). */
size_t worker_count(const struct worker *worker, size_t from, enum bh_event_kind kind);
const struct heard *worker_last(const struct worker *worker, enum bh_event_kind kind);

void worker_begin_waiting(struct worker *worker);
bool worker_may_wait(struct worker *worker);

#define WORK_UNTIL(worker, condition)                                                              \
    do {                                                                                           \
        worker_begin_waiting(worker);                                                              \
        while (!(condition) && worker_may_wait(worker))                                            \
            uv_run(&(worker)->loop, UV_RUN_ONCE);                                                  \
        cr_assert(condition, "waited too long for: %s; last trouble: %s", #condition,              \
                  (worker)->trouble);                                                              \
    } while (0)

#endif
