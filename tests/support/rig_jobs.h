/*
 * rig_jobs - a row of plain jobs through a rig, and the account of them.
 *
 * The gateway counts what it accepted, so that lost and doubled are told apart.
 */
#ifndef BH_TESTS_RIG_JOBS_H
#define BH_TESTS_RIG_JOBS_H

#include "support/rig.h"

/* PREFIX-FROM ... up to, not including, PREFIX-TO, each with its own number and text. */
void bh_rig_push_jobs(struct bh_rig *rig, const char *queue, const char *prefix, unsigned from,
                      unsigned to);

/* How many messages the gateway has accepted in all. */
long long bh_rig_accepted_in_all(struct bh_rig *rig);

/*
 * Wait for the end of all; PREFIX-0 up to COUNT are `sent`, and the gateway accepted each exactly once and nothing
 * else.  The rig fails otherwise.
 */
void bh_rig_expect_all_sent_once(struct bh_rig *rig, const char *queue, const char *prefix,
                                 unsigned count, int timeout_ms);

#endif
