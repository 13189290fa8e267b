/*
 * job_head - the small record that Redis keeps beside a job's payload, in hash `Q:heads`.
 *
 * The first line is fields with single blanks between them, in the order of struct bh_job_head; the Lua
 * scripts read and write it.  Everything behind the first line feed is the worker's own *memo*: what it
 * learnt about the job so far, opaque to the scripts.  To change the record: raise the version, let
 * bh_job_head_parse read both, change the scripts' shared fragment in the same commit.
 *
 * The owner is "-" when nobody has the job, and "~NAME" from the moment when NAME lost it until the next
 * settlement.
 *
 *   1 version   2 waiting   3 reason     4 attempts  5 recoveries  6 owner  7 token
 *   8 started   9 created  10 due       11 expires  12 uncertain_since     13 id
 */
#ifndef BH_CORE_JOB_HEAD_H
#define BH_CORE_JOB_HEAD_H

#include <bellhop/job.h>
#include <bellhop/state.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"

#define BH_JOB_HEAD_VERSION 1

/*
 * A job whose worker ended, or lost it, so many times in a row is a suspect: it is tried apart from all others.
 * Once more, and it is buried.
 */
#define BH_SUSPECT_RECOVERIES 2

/* Why the job waited before it was claimed; the letter stands in the record. */
enum bh_waiting {
    BH_WAITING_NEW = 'n',       /* never admitted */
    BH_WAITING_SCHEDULED = 's', /* for its delay */
    BH_WAITING_RETRY = 'r',     /* after a transient failure */
    BH_WAITING_HELD = 'h',      /* for a cause outside the job: see reason */
    BH_WAITING_UNCERTAIN = 'u', /* an earlier request may have been accepted */
};

struct bh_job_head {
    enum bh_waiting waiting;
    enum bh_reason reason;
    uint32_t attempts;   /* requests really sent, or possibly sent */
    uint32_t recoveries; /* in a row: how often a lease of this job ran out or was adopted */
    struct bh_wall
        started; /* when it was last marked as being sent; 0: nothing handed over since */
    struct bh_wall created; /* first claim, or the producer's enqueued_at; 0 before admission */
    struct bh_wall due;     /* start of the ttl's clock; 0 before admission */
    struct bh_wall expires; /* 0 before admission */
    struct bh_wall
        uncertain_since; /* start of the lock's time that an unanswered request stands in; 0 none */
    char id[BH_JOB_ID_MAX + 1]; /* empty before admission */
    struct bh_str lost_by;      /* who lost it, nothing settled since; borrowed, empty: nobody */
    struct bh_str memo;         /* borrowed from the parsed bytes */
};

/* BH_EPROTO when the record is not one of ours.  `lost_by` and the memo are borrowed from `record`. */
enum bh_status bh_job_head_parse(struct bh_str record, struct bh_job_head *ret_head) BH_MUST_CHECK;

/*
 * Who has the job in hand, for people; borrowed from `record`, which bh_job_head_parse accepts.  The empty view: nobody
 * has.  Whether somebody may write is for the scripts alone to say.
 */
struct bh_str bh_job_head_owner(struct bh_str record);

#endif
