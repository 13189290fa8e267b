/*
 * selection_private - shared by the files of selection alone.
 *
 * selection.c reads operands and knows the order of things, selection_walk.c reads places page by page,
 * selection_ids.c looks up ids, selection_group.c gathers some jobs, reads what else is needed about them, and hands
 * over those that the filter chooses.
 */
#ifndef BH_CLI_SELECTION_PRIVATE_H
#define BH_CLI_SELECTION_PRIVATE_H

#include <bellhop/job.h>

#include "cli/batch.h"
#include "cli/selection.h"

#define BH_GROUP_MAX 60 /* four commands for each fit in a batch */

/* A job on its way to the callback. */
struct bh_candidate {
    struct bh_found_job job;
    bool status_read;
    bool payload_read;
    struct bh_job *parsed; /* owned; NULL: no payload, or not a valid job */
    struct bh_buf to;      /* its recipients, when `parsed` is where they come from */
    char id[BH_JOB_ID_MAX + 1];
    struct bh_error error; /* why the payload is no valid job */
};

struct bh_walk {
    struct bh_cli *cli;
    struct bh_selection *selection;
    bh_selection_on_job *on_job;
    void *arg;
    uint32_t needs;       /* what the filter is about */
    uint32_t states;      /* what may be chosen */
    bool stop;            /* enough; not a failure */
    size_t pushed_looked; /* payloads in which ids were looked for */

    struct bh_candidate group[BH_GROUP_MAX];
    size_t group_count;

    struct bh_batch statuses;
    struct bh_batch payloads;
    struct bh_batch wholes;
    struct bh_batch located;
    struct bh_batch asked; /* of those who look up ids: the others are used by each flush */

    uint64_t *seen; /* owned; a hash table of what was handed over, 0: free */
    size_t seen_count;
    size_t seen_capacity; /* a power of two, or 0 */
};

/* The fields of a status hash that are read, in this order; `handle` for those who look up ids. */
#define BH_STATUS_FIELDS                                                                           \
    "state", "type", "to", "label", "error", "code", "reason", "attempts", "created_at",           \
        "next_at", "handle"
#define BH_STATUS_HANDLE 10

/* Append an HMGET of these fields. */
void bh_group_ask_status(struct bh_batch *batch, const struct bh_queue_keys *keys,
                         struct bh_str id);

/*
 * Take a job whose queue, place, score, handle and record (or payload, or id) are known, unless the filter refuses it
 * already.  `status` is the reply to bh_group_ask_status, or NULL when it was not asked for.  What is
 * borrowed lives until the next flush.  Flushes when the group is full.
 */
enum bh_exit bh_group_offer(struct bh_walk *walk, const struct bh_found_job *job,
                            const struct redisReply *status) BH_MUST_CHECK;

/* Read what is missing, hand over, and empty the group. */
enum bh_exit bh_group_flush(struct bh_walk *walk) BH_MUST_CHECK;

/* The places of the queue `queue`, those that may hold wanted jobs. */
enum bh_exit bh_walk_queue(struct bh_walk *walk, size_t queue) BH_MUST_CHECK;

/*
 * Find among the dead the jobs of these ids, whose status has been forgotten; `found[i]` is set for those that were.
 */
enum bh_exit bh_walk_dead_for(struct bh_walk *walk, size_t queue,
                              const char (*ids)[BH_JOB_ID_MAX + 1], size_t count,
                              bool *found) BH_MUST_CHECK;

/* The same among those that nobody has claimed; of several with one id the first is found. */
enum bh_exit bh_walk_pushed_for(struct bh_walk *walk, size_t queue,
                                const char (*ids)[BH_JOB_ID_MAX + 1], size_t count,
                                bool *found) BH_MUST_CHECK;

/* Look up the selection's ids. */
enum bh_exit bh_walk_ids(struct bh_walk *walk) BH_MUST_CHECK;

/* The filter's terms about queues choose this one. */
bool bh_walk_wants_queue(const struct bh_selection *selection, size_t queue);

#endif
