/*
 * sent_table - what was sent, in memory: the last requests of this process, found by job.
 *
 * It is what the records of sent_record.h add up to, whether they are applied as they arise or read back from
 * a file.  An entry is the last record of a job; a new request of the job takes the place of the old one, and
 * when the table is full the oldest request is forgotten.
 *
 * Redis that rolled back forgets jobs in two ways.  Of a job that it had given a handle before, it has forgotten the
 * later history: the entry is found by queue and handle.  A job that it had in the producers' list gets
 * a new handle: DOUBT says which claims were forgotten (by their tokens) and which handles the jobs will get
 * that were in the lists then, and a job with such a handle is found by its payload.  An entry is found so only
 * once, because it moves to the new handle (TAKEN): twins are told from each other by counting them.
 *
 * Until we connect, it gives other hosts handles that it has given us for other jobs.  So a job is known by its
 * handle and its payload together, and several entries may have the same handle.
 *
 * Each roll-back that a host notices begins a new block of handles (see below), whose first ones are for the jobs that
 * waited.  One that we do not notice, because it took none of our claims, may so move our jobs once more: to as many
 * handles at the beginning of a later block.
 *
 * Every operation is O(1) but for DOUBT, which looks at all entries.
 */
#ifndef BH_CORE_SENT_TABLE_H
#define BH_CORE_SENT_TABLE_H

#include "core/sent_record.h"

#define BH_SENT_QUEUES_MAX 256 /* queues of a table; requests of further ones are not kept */

/* Handles of a block; the same as in the script `adopt`. */
#define BH_SENT_HANDLES_BLOCK UINT64_C(1000000000)

struct bh_sent_entry;

/* What the process knows of a queue; zero for one that it does not know. */
struct bh_sent_queue {
    struct bh_sent_name name;
    uint64_t token;              /* the largest that it has met */
    uint64_t handle;             /* likewise */
    struct bh_wall at;           /* the last time that it met one */
    size_t doubts;               /* entries that can be found by payload */
    struct bh_sent_record doubt; /* the last one; its sequence is 0 when there was none */
};

struct bh_sent_table {
    struct bh_sent_entry *entries; /* owned; a ring */
    uint32_t capacity;
    uint32_t next;
    uint32_t *by_handle; /* owned; heads of chains, index + 1 */
    uint32_t *by_payload;
    uint32_t buckets_mask;
    struct bh_sent_queue *queues; /* owned */
    size_t queues_count;
};

/* Room for `capacity` requests, 1 to 2^24.  BH_ENOMEM. */
enum bh_status bh_sent_table_init(struct bh_sent_table *table, uint32_t capacity) BH_MUST_CHECK;
void bh_sent_table_release(struct bh_sent_table *table);

void bh_sent_table_apply(struct bh_sent_table *table, const struct bh_sent_record *record);

/* A claim has given a job: remember token and handle as met. */
void bh_sent_table_meet(struct bh_sent_table *table, const struct bh_sent_name *queue,
                        uint64_t token, uint64_t handle, struct bh_wall at);

/* NULL: nothing is known of it.  Borrowed until the next call. */
const struct bh_sent_queue *bh_sent_table_queue(const struct bh_sent_table *table,
                                                const struct bh_sent_name *queue);

/*
 * What is known of a claimed job, or NULL.  With *ret_moved the entry was in doubt, and is another handle's unless Redis
 * has given the same one again: the caller applies a TAKEN, so that no other job finds it.  Borrowed until the next
 * call.
 */
const struct bh_sent_record *bh_sent_table_find(const struct bh_sent_table *table,
                                                const struct bh_sent_name *queue,
                                                const struct bh_sent_name *payload, uint64_t handle,
                                                bool *ret_moved);

/*
 * The entry that a result belongs to: that of the same claim, or what became of it by TAKEN or by a later claim of
 * the same job; NULL: forgotten, or jobs of several payloads have had the handle and none of them that claim.
 */
const struct bh_sent_record *bh_sent_table_begun(const struct bh_sent_table *table,
                                                 const struct bh_sent_name *queue, uint64_t handle,
                                                 uint64_t token);

/* The entry at a place below `capacity`, NULL when there is none: to write all of them. */
const struct bh_sent_record *bh_sent_table_at(const struct bh_sent_table *table, uint32_t place);

/* Add to the sequence of everything in it. */
void bh_sent_table_shift(struct bh_sent_table *table, uint64_t by);

/* Abort unless chains, entries and counts agree. */
void bh_sent_table_check(const struct bh_sent_table *table);

#endif
