/*
 * hooks - the subscriptions of /api/hooks, and the queue of events that become webhooks.
 *
 * Delivery reports suffer as [reports] says: a share of them is told in another's place, again, behind an empty body, late, or never.
 * What is early is decided when a message is accepted (reports.h).
 *
 * Events wait in a heap ordered by time on the simulator's clock; one timer serves them.  Delivery is
 * the business of courier.h.  All functions accept hooks == NULL (tests without a loop): nothing happens.
 */
#ifndef BH_SIM_HOOKS_H
#define BH_SIM_HOOKS_H

#include <uv.h>

#include "sim/payload.h"
#include "sim/world.h"

#define BH_SIM_HOOKS_MAX 1000

enum bh_sim_hook_method { BH_SIM_HOOK_POST, BH_SIM_HOOK_GET, BH_SIM_HOOK_JSON };

struct bh_sim_hook {
    int64_t id;
    char *url, *event_type, *event_filter, *headers; /* owned; the last two may be NULL */
    enum bh_sim_hook_method method;
    int64_t created_ms;
    bool disabled;    /* nothing is sent to it any more */
    int64_t given_up; /* webhooks in a row */
};

struct bh_sim_hooks_stats {
    uint64_t scheduled, dropped; /* events that waited; that found the queue full */
    uint64_t attempts, delivered, retried, failed;
    uint64_t repeated, emptied, lost, late; /* by the shares of [reports] */
    uint64_t disabled;                      /* subscriptions */
    uint64_t remote_refused;                /* targets beyond loopback, or https */
};

/* `world` and `loop` are borrowed and outlive the hooks. */
struct bh_sim_hooks *bh_sim_hooks_new(struct bh_sim_world *world, uv_loop_t *loop);

/* Stop timers and deliveries; run the loop until it is empty, then free. */
void bh_sim_hooks_stop(struct bh_sim_hooks *hooks);
void bh_sim_hooks_free(struct bh_sim_hooks *hooks);

void bh_sim_hooks_reset(struct bh_sim_hooks *hooks);

/* The clock was moved: look again what is due. */
void bh_sim_hooks_wake(struct bh_sim_hooks *hooks);

/* Queue the coming steps of an accepted message; nothing when nobody listens to them. */
void bh_sim_hooks_schedule(struct bh_sim_world *world, struct bh_sim_message *message);
void bh_sim_hooks_schedule_from(struct bh_sim_world *world, struct bh_sim_message *message,
                                size_t first_step);

/* Tell subscribers of `event` at once; a subscription with a filter only when `subject` is that. */
void bh_sim_hooks_emit(struct bh_sim_world *world, const char *event,
                       const struct bh_sim_payload *payload, struct bh_sim_str subject);

/* Call one address by GET with the payload's fields, `after_ms` from now (validate_for_voice). */
void bh_sim_hooks_callback(struct bh_sim_world *world, struct bh_sim_str url,
                           const struct bh_sim_payload *payload, int64_t after_ms);

/* The endpoint, in its forms of all eras. */
void bh_sim_hooks_endpoint(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

const struct bh_sim_hooks_stats *bh_sim_hooks_stats(const struct bh_sim_hooks *hooks);
size_t bh_sim_hooks_pending(const struct bh_sim_hooks *hooks);

#endif
