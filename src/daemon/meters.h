/*
 * meters - what a worker counts about time: written by its own thread alone, read by the main thread whenever it likes.
 *
 * Every number is a relaxed atomic with one writer; readers may see a duration's bucket before its sum, which no
 * figure that is shown to people minds.  Nothing locks, nothing allocates.
 */
#ifndef BH_DAEMON_METERS_H
#define BH_DAEMON_METERS_H

#include <stdatomic.h>

#include "core/config.h"
#include "core/histogram.h"
#include "core/outcome.h"
#include "engine/protocol.h"

enum bh_gateway_phase {
    BH_GATEWAY_CONNECT,    /* name, TCP and TLS; of requests that opened a connection */
    BH_GATEWAY_FIRST_BYTE, /* from the request's first byte to the answer's */
    BH_GATEWAY_TOTAL,      /* from the beginning to the answer's end */
};
#define BH_GATEWAY_PHASE_COUNT (BH_GATEWAY_TOTAL + 1)

const char *bh_gateway_phase_name(enum bh_gateway_phase phase);

struct bh_meter {
    atomic_ullong counts[BH_HISTOGRAM_BUCKETS];
    atomic_ullong sum_us;
};

struct bh_meters_sending; /* what is known of a slot's request until its answer */

struct bh_meters {
    struct bh_meter wait[BH_CONFIG_QUEUE_NUMBERS_MAX]; /* by the queue's number */
    struct bh_meter gateway[BH_GATEWAY_PHASE_COUNT];
    struct bh_meter lateness;
    struct bh_meter redis;
    struct bh_meter lag;
    atomic_ullong connections_opened;
    atomic_ullong redis_ups; /* times that its connection to Redis came to stand */
    atomic_uint connections_open;
    struct bh_meters_sending *sending; /* owned; by slot; the worker's alone */
    uint32_t slots;
};

/* BH_ENOMEM. */
enum bh_status bh_meters_init(struct bh_meters *meters, uint32_t slots) BH_MUST_CHECK;
void bh_meters_release(struct bh_meters *meters);

/* ---- The worker's side ---- */

void bh_meter_add(struct bh_meter *meter, int64_t us);

/* A request was handed to the transport.  Look-ups are not told. */
void bh_meters_submitted(struct bh_meters *meters, const struct bh_submit_command *command);

/* The answer of a slot, of a request or of a look-up. */
void bh_meters_answered(struct bh_meters *meters, struct bh_slot_handle slot,
                        const struct bh_exchange *exchange);

/* ---- The readers' side ---- */

/* Adds to `histogram`. */
void bh_meter_read(const struct bh_meter *meter, struct bh_histogram *histogram);

#endif
