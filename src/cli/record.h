/*
 * record - a job's status hash as it came from Redis.
 */
#ifndef BH_CLI_RECORD_H
#define BH_CLI_RECORD_H

#include "cli/cli.h"
#include "core/buf.h"
#include "core/str.h"
#include "redis/keys.h"

struct redisReply;

struct bh_record {
    const char *queue;        /* borrowed */
    const char *id;           /* borrowed */
    struct redisReply *reply; /* owned; field and value in turn */
};

/*
 * Read the status of `id` in one queue.  BH_EXIT_NOTHING: there is none; nothing was written or told.
 * Otherwise a failure has been told.  After BH_EXIT_DONE: bh_record_release.
 */
enum bh_exit bh_record_read(struct bh_cli *cli, const char *queue, const struct bh_queue_keys *keys,
                            const char *id, struct bh_record *ret_record) BH_MUST_CHECK;
void bh_record_release(struct bh_record *record);

/* The value of a field, borrowed; the empty view when there is none. */
struct bh_str bh_record_get(const struct bh_record *record, const char *field);

/* The same as a number; 0 when there is none or it is none. */
int64_t bh_record_number(const struct bh_record *record, const char *field);

/* state and its finality; a word that this version does not know is not final. */
bool bh_record_is_final(const struct bh_record *record);

/* It may or may not have been sent: `bellhop resolve` takes a word about it. */
bool bh_record_is_uncertain(const struct bh_record *record);

/*
 * Append as one JSON object: queue, id, then the fields of the hash that are public; numbers as numbers,
 * `recipients` and `meta` as what they are, all else as strings.
 */
enum bh_status bh_record_append_json(const struct bh_record *record, struct bh_buf *buf);

/* The same, without the braces, into an object that the caller has opened. */
struct bh_json_writer;
void bh_record_put_members(const struct bh_record *record, struct bh_json_writer *writer);

#endif
