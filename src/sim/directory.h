/*
 * directory - /api/contacts and /api/groups: the address book that `to` may name.
 *
 * Two generations: "action=read|write|del" with codes 151 and 152, and paths with ids and JSON objects.
 */
#ifndef BH_SIM_DIRECTORY_H
#define BH_SIM_DIRECTORY_H

#include "sim/world.h"

void bh_sim_directory_contacts(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
void bh_sim_directory_contact(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                              struct bh_sim_str id);
void bh_sim_directory_groups(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
void bh_sim_directory_group(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                            struct bh_sim_str id);

#endif
