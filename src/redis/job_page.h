/*
 * job_page - the jobs that lie in one place of a queue, page by page: calls of the script `list`, and what
 * they answer.
 *
 * A page tells records, not payloads, so that it stays small; what else is known about a job stands in its
 * status hash.  Each call looks at a bounded number of jobs; whoever wants all of them asks until the
 * cursor is empty, and bounds that too.
 */
#ifndef BH_REDIS_JOB_PAGE_H
#define BH_REDIS_JOB_PAGE_H

#include "core/base.h"
#include "core/instant.h"
#include "core/job_head.h"
#include "core/str.h"
#include "redis/call.h"
#include "redis/keys.h"

struct redisReply; /* of <hiredis/hiredis.h> */

#define BH_JOB_PAGE_MAX        500 /* most jobs that one call looks at */
#define BH_JOB_PAGE_CURSOR_MAX 64

struct bh_job_page_ask {
    enum bh_key place; /* BH_KEY_DUE, BH_KEY_LEASES, BH_KEY_DEAD, BH_KEY_READY or BH_KEY_SUSPECTS */
    struct bh_str cursor; /* empty to begin */
    unsigned count;       /* most jobs to return, at most BH_JOB_PAGE_MAX */
    const char *
        waiting; /* letters of enum bh_waiting to choose; "" for all.  Unknown ones lie in dead as 'u' */
};

/* Views borrow from the reply. */
struct bh_job_page {
    struct bh_wall server_now;
    struct bh_str next; /* cursor of the next page; empty: all has been looked at */
    uint64_t looked;    /* how many jobs this page looked at, chosen or not */
    size_t count;
    const struct redisReply *reply;
};

struct bh_listed_job {
    struct bh_str handle;
    struct bh_wall score; /* time due, end of the lease or time of death; 0 in lists */
    struct bh_job_head head;
};

/* Append a whole call to an initialised `call` of BH_SCRIPT_LIST; bh_call_argv tells failures. */
void bh_encode_job_page(struct bh_call *call, const struct bh_queue_keys *keys,
                        const struct bh_job_page_ask *ask);

/* BH_EPROTO: not what the script gives. */
enum bh_status bh_decode_job_page(const struct redisReply *reply,
                                  struct bh_job_page *ret_page) BH_MUST_CHECK;

/* The job `at` < count; false: its record cannot be read (skip it). */
bool bh_job_page_get(const struct bh_job_page *page, size_t at, struct bh_listed_job *ret_job);

#endif
