/*
 * worker - one loop thread: an engine, its store, its transport, and the pump between them.
 *
 * The pump runs once per turn of the loop, before it sleeps: it takes the engine's commands, hands them to
 * store and transport, and sets the one timer to the engine's next wish.  Events go straight into the
 * engine from the callbacks; the engine only remembers, and acts when the pump asks.
 *
 * Everything of a worker is used from its own thread, but for the mailbox and the atomics below.
 */
#ifndef BH_DAEMON_WORKER_H
#define BH_DAEMON_WORKER_H

#include <stdatomic.h>
#include <uv.h>

#include <bellhop/error.h>

#include "core/base.h"
#include "core/config.h"
#include "daemon/mailbox.h"
#include "daemon/meters.h"
#include "daemon/outage.h"
#include "daemon/quiet_room.h"
#include "daemon/sent_journal.h"
#include "engine/engine.h"

/* Shown to other threads; written by the worker at each turn. */
struct bh_worker_gauges {
    atomic_llong turned_at_ms; /* monotonic: the loop's last turn */
    atomic_llong balance_micro;
    atomic_uint slots_used;
    atomic_uint in_flight;
    atomic_bool store_up;
    atomic_bool breaker_open;
    atomic_llong
        breaker_until_ms; /* monotonic: nothing is sent before; the next try, if it is open */
    atomic_llong gateway_good_at_ms, gateway_bad_at_ms; /* monotonic: its last answers; 0: none */
    atomic_llong gateway_ill_since_ms; /* monotonic: no good answer since, but others; 0: not so */
    atomic_int gateway_trouble, gateway_http_status, gateway_code; /* struct bh_gateway_illness */
    atomic_bool gateway_asks_patience;
    atomic_ullong claimed, sent, failed, attempts;
    atomic_llong silent_since_ms; /* see bh_engine_silent_since */
    atomic_ullong claims_answered;
};

struct bh_worker;

struct bh_worker_options {
    unsigned number;
    const struct bh_config *config;  /* a reference is taken */
    const char *owner;               /* instance and worker, names its leases; copied */
    const char *life;                /* names this run of the process; copied */
    const char *account;             /* 12 hex digits; copied */
    const char *sent_with;           /* borrowed for the worker's life */
    struct bh_mailbox *to_main;      /* borrowed likewise */
    struct bh_sent_journal *journal; /* of what was sent; borrowed likewise; NULL: none is kept */
    struct bh_quiet_room *room;      /* of all workers of the process; borrowed likewise */
    const struct bh_account_event *account_state;
    struct bh_outage_notes *outages; /* of all workers of the process; borrowed likewise */
};

/* Build everything, in the caller's thread.  `error` says what could not be built. */
enum bh_status bh_worker_new(const struct bh_worker_options *options, struct bh_worker **ret_worker,
                             struct bh_error *error) BH_MUST_CHECK;

/* Before start: an earlier run of this process that is certainly over, or empty.  See bh_store_set_past. */
void bh_worker_set_past(struct bh_worker *worker, const char *life);

/* Start the thread. */
enum bh_status bh_worker_start(struct bh_worker *worker) BH_MUST_CHECK;

/* From any thread; what the worker is told is carried out in its own. */
void bh_worker_post(struct bh_worker *worker, const struct bh_message *message);

/* Behind its STOPPED message, or when it was never started. */
void bh_worker_free(struct bh_worker *worker);

const struct bh_worker_gauges *bh_worker_gauges(const struct bh_worker *worker);

/* To be read from any thread. */
const struct bh_meters *bh_worker_meters(const struct bh_worker *worker);

#endif
