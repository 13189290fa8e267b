/*
 * connection - one client's connection: read requests, carry answers out, and break both on demand.
 *
 * A state machine: READING (a request), WAITING (for a delay), HANGING, WRITING, DRIPPING, LINGERING (our
 * FIN is out), CLOSING.  One timer per connection serves all waits.  Bytes that arrive while a request is at
 * work (pipelining) wait in the backlog; beyond its bound reading stops.
 *
 * A connection frees itself in its last close callback; the hub's list knows the open ones.
 */
#ifndef BH_SIM_CONNECTION_H
#define BH_SIM_CONNECTION_H

#include <uv.h>

#include "sim/world.h"

struct bh_sim_connection;

/* What all connections share. */
struct bh_sim_hub {
    struct bh_sim_world *world; /* borrowed */
    uv_loop_t *loop;            /* borrowed */
    struct bh_sim_connection *connections;
    bool stopping;
    int64_t second; /* in which new connections are being counted */
    int64_t second_count;
    char *read_buffer; /* owned; one for all: libuv reads and calls back before the next read */
    char *endless;     /* owned; a chunk for endless bodies */
};

void bh_sim_hub_init(struct bh_sim_hub *hub, struct bh_sim_world *world, uv_loop_t *loop);

/* A listener has a connection to give. */
void bh_sim_hub_accept(struct bh_sim_hub *hub, uv_stream_t *listener, bool is_tcp);

/* Close all; run the loop until it is empty, then release. */
void bh_sim_hub_stop(struct bh_sim_hub *hub);
void bh_sim_hub_release(struct bh_sim_hub *hub);

#endif
