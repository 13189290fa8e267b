/*
 * crash_point - named places where a test may let the process kill itself, or let an answer get lost.
 *
 * Compiled in by the CMake option BH_CRASH_POINTS only; in other builds it is nothing at all.  The environment variable
 * BELLHOP_CRASH_POINT holds a list with commas:
 *
 *   NAME        at the place's first passing; NAME:N at its N-th
 *   NAME=TEXT   at every passing that is about a job with this text in it: poison
 *
 * Places: after_claim, after_admit, before_send, after_answer, before_finish, after_finish, before_resend,
 * after_resend; about a job: on_open (its payload has come), before_send (it is admitted), after_send (its request has
 * left, and nobody hears of the answer).  "lose_claims" lets the answers of all claims get lost on the way from store to
 * engine, "lose_claim=TEXT" that of the first one that brings such a job.  "hang=TEXT" lets the worker that such a job
 * has come to stand still for good.
 */
#ifndef BH_DAEMON_CRASH_POINT_H
#define BH_DAEMON_CRASH_POINT_H

#include "core/base.h"
#include "core/str.h"
#include "engine/protocol.h"

#ifdef BH_CRASH_POINTS
void bh_crash_point(const char *name);

/* The place is about this job. */
void bh_crash_point_about(const char *name, struct bh_str job);

/* Remember whether the job in this slot is the one to die of, and die of it at the second call. */
void bh_crash_point_arm(const char *name, struct bh_str job, uint32_t slot);
void bh_crash_point_fire(uint32_t slot);

/* Whether the answer of a claim that brought these jobs gets lost here. */
bool bh_crash_point_loses_claim(const struct bh_claimed_event *claimed);

/* Does not return when the job is the one to hang at. */
void bh_crash_point_hang(struct bh_str job);
#else
static inline void
bh_crash_point(const char *name)
{
    (void)name;
}

static inline void
bh_crash_point_about(const char *name, struct bh_str job)
{
    (void)name;
    (void)job;
}

static inline void
bh_crash_point_arm(const char *name, struct bh_str job, uint32_t slot)
{
    (void)name;
    (void)job;
    (void)slot;
}

static inline void
bh_crash_point_fire(uint32_t slot)
{
    (void)slot;
}

static inline bool
bh_crash_point_loses_claim(const struct bh_claimed_event *claimed)
{
    (void)claimed;
    return false;
}

static inline void
bh_crash_point_hang(struct bh_str job)
{
    (void)job;
}
#endif

#endif
