/*
 * reports - what becomes of a message after it was accepted: its plan of states.
 *
 * A plan text is "realistic", "none", or steps such as "ACCEPTED@0.3,TRANSMITTED@1,DELIVERED@5.2": states
 * with seconds after sending, divided by [reports] speed.  Calls: "initiated@0,ringing@2,
 * in-progress@6,completed@20"; the time between in-progress and completed is the call's duration.
 *
 * "realistic" follows recorded traffic: DELIVERED after 1.1 to 50.6 s (median 5.2 s, nine in ten within 10 s)
 * for 63 of 68, NOTDELIVERED within 8 s for 3, EXPIRED at the ttl for 2.
 */
#ifndef BH_SIM_REPORTS_H
#define BH_SIM_REPORTS_H

#include "sim/world.h"

#define BH_SIM_PLAN_TEXT_MAX 200

/* A plan for that recipient from now on, instead of the configured one.  False: it is none. */
bool bh_sim_reports_plan_for(struct bh_sim_world *world, struct bh_sim_str number,
                             struct bh_sim_str plan);

/* Fill steps and duration of a message whose kind, to and send_ms are set; `ttl_ms` is its validity. */
void bh_sim_reports_plan(struct bh_sim_world *world, struct bh_sim_message *message,
                         int64_t ttl_ms);

/*
 * By the share of early ones: all steps of a message whose time has come happen at once, before its sender has the answer.  The
 * answer's delay, or 0.
 */
int64_t bh_sim_reports_hasten(struct bh_sim_world *world, struct bh_sim_message *message);

/* Seconds of a call, for journal and webhook: those that passed, once it is over. */
int64_t bh_sim_reports_duration_s(const struct bh_sim_message *message, int64_t now_ms);

#endif
