/*
 * wire - turn an answer into the bytes of an HTTP/1.1 response, whole or broken.
 */
#ifndef BH_SIM_WIRE_H
#define BH_SIM_WIRE_H

#include "sim/world.h"

struct bh_sim_wire {
    size_t head_bytes; /* length of status line, headers and the empty line */
    bool close;        /* the connection ends after this answer */
};

/*
 * Append the response for exchange->answer to `out`, in the framing of the config or of the effect.  `close`
 * asks for "Connection: close".
 */
struct bh_sim_wire bh_sim_wire_print(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                                     bool close, struct bh_sim_buf *out);

/* Replace the answer as the effect of a fault wants it, after (or instead of) processing. */
void bh_sim_wire_spoil_answer(struct bh_sim_world *world, struct bh_sim_exchange *exchange);

/* Break the printed bytes as the effect wants it; wire->close may become true. */
void bh_sim_wire_spoil_bytes(const struct bh_sim_effect *effect, struct bh_sim_wire *wire,
                             struct bh_sim_buf *out);

/* The reason phrase of a status. */
const char *bh_sim_wire_reason(int status);

#endif
