/*
 * script_redis - a private Redis for tests of the scripts, with a clock that the test sets.
 *
 * The server listens on a unix socket in a directory of its own and keeps nothing.  BELLHOP_TEST_REDIS_SERVER
 * may name another server program, e.g. valkey-server.  Trouble with the server ends the process with a
 * sentence: no test can mean anything without it.
 */
#ifndef TESTS_SCRIPT_REDIS_H
#define TESTS_SCRIPT_REDIS_H

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include "core/instant.h"
#include "redis/call.h"
#include "redis/keys.h"

struct script_redis {
    pid_t pid;
    char directory[64];
    redisContext *context;
};

void script_redis_start(struct script_redis *redis);
void script_redis_stop(struct script_redis *redis);

/* Empty server, time set. */
void script_redis_reset(struct script_redis *redis, bh_ms now);
void script_redis_set_clock(struct script_redis *redis, bh_ms now);

/* One command; never NULL, but possibly an error reply.  The caller frees it. */
redisReply *script_redis_command(struct script_redis *redis, const char *format, ...);

/* Send the call without waiting; replies come in the order of sending.  The call stays the caller's. */
void script_redis_send(struct script_redis *redis, struct bh_call *call);
redisReply *script_redis_reply(struct script_redis *redis);

/* Send it, release it, wait for the reply; an error reply ends the process. */
redisReply *script_redis_run(struct script_redis *redis, struct bh_call *call);

#endif
