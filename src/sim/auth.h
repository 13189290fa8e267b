/*
 * auth - who is asking, from where, with which right, and is the signature good.
 */
#ifndef BH_SIM_AUTH_H
#define BH_SIM_AUTH_H

#include "sim/world.h"

/*
 * 0 and exchange->key set, or the code of the refusal: 900 key, 903 address, 901 signature, 902 right.
 *
 * The key comes as X-Api-Key, as "Authorization: basic KEY" (not encoded, any case), as a bearer token,
 * as `p`, or as `u` with `p` (login; the password plain or as its MD5).  Several X-Api-Key headers are
 * joined by a comma, which makes a key that nobody has.
 */
int bh_sim_auth_check(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                      enum bh_sim_right right);

#endif
