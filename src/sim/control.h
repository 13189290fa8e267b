/*
 * control - /_sim/...: how a test steers the simulator and asks what really happened.
 *
 *   GET  /_sim/stats       counts; with ?to=, ?to=&text=, ?foreign_id= the count of that one;
 *                          ?limit= bounds the lists (default 1000)
 *   GET  /_sim/messages    accepted messages, oldest first; filters kind, to, text, foreign_id, since (id),
 *                          limit, offset
 *   POST /_sim/fault       add a fault (faults.h); answers its id
 *   GET  /_sim/faults      all faults with their hits
 *   POST /_sim/unfault     remove one (id) or all
 *   POST /_sim/config      {"section":{"key":value}}, as in the INI file; keys: {"key SECRET":{...}}
 *   GET  /_sim/config      the settings in force, as an INI text
 *   POST /_sim/clock       {"advance_ms":N} or {"now":unix seconds}
 *   POST /_sim/plan        {"to":number,"plan":"DELIVERED@1"}
 *   POST /_sim/inbound     {"from":number,"to":number,"text":...}: an SMS from a phone
 *   POST /_sim/reset       everything as after the start; ids go on rising
 */
#ifndef BH_SIM_CONTROL_H
#define BH_SIM_CONTROL_H

#include "sim/world.h"

/* `what` is the path behind "/_sim/". */
void bh_sim_control(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                    struct bh_sim_str what);

#endif
