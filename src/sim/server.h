/*
 * server - the sockets on which the simulator listens.
 *
 * libuv and an own HTTP reader instead of a server library: faults need control over every byte and
 * every close (connection.h).
 */
#ifndef BH_SIM_SERVER_H
#define BH_SIM_SERVER_H

#include <uv.h>

#include "sim/world.h"

struct bh_sim_server;

/* `world` and `loop` are borrowed and outlive the server. */
struct bh_sim_server *bh_sim_server_new(struct bh_sim_world *world, uv_loop_t *loop);

/*
 * "HOST:PORT", "[V6]:PORT" or "unix:PATH".  Port 0 takes a free one; *ret_url then names it.  A host beyond
 * loopback is refused unless the config allows it.  False: *ret_error says why.
 */
bool bh_sim_server_listen(struct bh_sim_server *server, const char *address,
                          struct bh_sim_buf *ret_url, struct bh_error *ret_error);

/* Close everything; run the loop until it is empty, then free. */
void bh_sim_server_stop(struct bh_sim_server *server);
void bh_sim_server_free(struct bh_sim_server *server);

#endif
