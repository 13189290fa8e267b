/*
 * sync - one command at a time, waiting for its reply; for the command-line tool and for tests.
 *
 * A connection of redis/connection.h with a private loop that runs only inside these calls.  Between two
 * calls nothing happens, so it is of no use to anything that has a loop of its own.
 *
 * Nothing is sent twice here either: after a lost reply the caller decides.  The program has to ignore
 * SIGPIPE.
 */
#ifndef BH_REDIS_SYNC_H
#define BH_REDIS_SYNC_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/str.h"
#include "redis/connection.h"
#include "redis/survey.h"

struct bh_redis_sync;

/*
 * Connect and log in, in one attempt.  `options` as for bh_redis_connection_init; what it points to must
 * live until close.  BH_EINVAL: the options cannot be used; BH_EDOWN: no connection; both with a sentence
 * in *ret_error (may be NULL).  BH_ENOMEM.
 */
enum bh_status bh_redis_sync_open(const struct bh_redis_options *options,
                                  struct bh_redis_sync **ret_sync,
                                  struct bh_error *ret_error) BH_MUST_CHECK;

/*
 * Send one command and wait for its reply, at most `timeout_ms` (0: the options' command timeout).  A
 * connection that was lost before the command could be sent is first made anew.
 *
 * BH_OK: *ret_reply is the caller's (bh_redis_reply_free of redis/reply_reader.h); it may be an error reply.
 * BH_EDOWN: no connection, or it was lost before the reply came: then the command may or may not have been
 * executed.  BH_ETOOBIG: over outgoing_bytes_max.  BH_ENOMEM.  *ret_error (may be NULL) gets a sentence.
 */
enum bh_status bh_redis_sync_call(struct bh_redis_sync *sync, size_t argc,
                                  const struct bh_str *argv, bh_ms timeout_ms,
                                  struct redisReply **ret_reply,
                                  struct bh_error *ret_error) BH_MUST_CHECK;

/*
 * Ask the server about itself, with what redis/survey.h asks.  BH_EDOWN: no connection, or it was lost
 * meanwhile.  BH_ENOMEM.  *ret_error (may be NULL) gets a sentence.
 */
enum bh_status bh_redis_sync_survey(struct bh_redis_sync *sync, const struct bh_queue_keys *queue,
                                    const struct bh_account_keys *account,
                                    struct bh_redis_survey *ret_survey,
                                    struct bh_error *ret_error) BH_MUST_CHECK;

/* One of several commands; its arguments are borrowed. */
struct bh_redis_sync_command {
    size_t argc;
    const struct bh_str *argv;
};

#define BH_REDIS_SYNC_COMMANDS_MAX 512

/*
 * Send up to BH_REDIS_SYNC_COMMANDS_MAX commands at once and wait for all replies, in the order of the commands;
 * otherwise as bh_redis_sync_call.  Anything but BH_OK: no reply is handed over, though some commands may have been
 * executed; so this is for reading.
 */
enum bh_status bh_redis_sync_calls(struct bh_redis_sync *sync,
                                   const struct bh_redis_sync_command *commands, size_t count,
                                   bh_ms timeout_ms, struct redisReply **ret_replies,
                                   struct bh_error *ret_error) BH_MUST_CHECK;

/* NULL is fine. */
void bh_redis_sync_close(struct bh_redis_sync *sync);

#endif
