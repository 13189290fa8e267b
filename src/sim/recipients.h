/*
 * recipients - from the parameter `to` to telephone numbers.
 *
 * A piece is a number (0049..., +49..., 49..., or 0... with Germany as the country), or the name of a contact
 * or group.  Blanks and the usual separators inside a number are ignored.
 */
#ifndef BH_SIM_RECIPIENTS_H
#define BH_SIM_RECIPIENTS_H

#include "sim/world.h"

#define BH_SIM_RECIPIENTS_MAX 10000

/* Append digits only, country code first.  False (and nothing appended) when it is no number. */
bool bh_sim_phone_normalise(struct bh_sim_str text, struct bh_sim_buf *buf);

/*
 * Read `to` into exchange->results: one per recipient, groups unfolded.  What is no number gets code 202
 * (301 when it is empty or zero) and an empty number.  False: there is no `to` at all.
 * Calls allow no groups.
 */
bool bh_sim_recipients_read(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                            bool groups_allowed);

#endif
