/*
 * session - the command's connection to Redis.
 *
 * Made when first used.  What goes wrong has been told to the person when a function here fails; callers
 * only leave.
 */
#ifndef BH_CLI_SESSION_H
#define BH_CLI_SESSION_H

#include <bellhop/error.h>

#include "cli/cli.h"
#include "core/str.h"
#include "redis/call.h"

struct bh_session;
struct redisReply;
struct bh_redis_sync_command; /* of redis/sync.h */

/*
 * Send one command and wait.  *ret_reply is the caller's (bh_redis_reply_free) and is no error reply.
 * `what` completes "cannot ..." when it fails, e.g. "read the job's status".
 */
enum bh_exit bh_session_command(struct bh_cli *cli, const char *what, size_t argc,
                                const struct bh_str *argv,
                                struct redisReply **ret_reply) BH_MUST_CHECK;

/*
 * Send several that only read, and wait for all; at most BH_REDIS_SYNC_COMMANDS_MAX.  On BH_EXIT_DONE as many
 * replies are the caller's, none of them an error; otherwise none.
 */
enum bh_exit bh_session_commands(struct bh_cli *cli, const char *what,
                                 const struct bh_redis_sync_command *commands, size_t count,
                                 struct redisReply **ret_replies) BH_MUST_CHECK;

/* The same for a script; Redis learns it first if it does not know it. */
enum bh_exit bh_session_script(struct bh_cli *cli, const char *what, struct bh_call *call,
                               struct redisReply **ret_reply) BH_MUST_CHECK;

/*
 * The last command that failed here may have been executed all the same: its reply was lost.  False after an
 * error reply, and when it was never sent.
 */
bool bh_session_in_doubt(const struct bh_cli *cli);

/* Where Redis is, without password; loads the configuration and connects.  On failure NULL. */
const char *bh_session_place(struct bh_cli *cli);

/*
 * Connect now, for who tells failures in his own way: the configuration is loaded, nobody is told, and
 * *ret_error has a sentence.
 */
enum bh_status bh_session_open(struct bh_cli *cli, struct bh_error *ret_error) BH_MUST_CHECK;

/* What carries the session, after it was opened.  Borrowed. */
struct bh_redis_sync *bh_session_sync(const struct bh_cli *cli);

/* NULL is fine. */
void bh_session_close(struct bh_session *session);

#endif
