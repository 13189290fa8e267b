/*
 * cli_stage - the real bellhop command on a real Redis with a configuration of its own.
 *
 * One for each test program of Criterion, which defines BH_TEST_BELLHOP.
 */
#ifndef BH_TESTS_CLI_STAGE_H
#define BH_TESTS_CLI_STAGE_H

#include <hiredis/hiredis.h>

#include "support/redis_process.h"
#include "support/run_program.h"

struct cli_stage {
    struct bh_redis_process server;
    redisContext *redis;
    char config_variable[160]; /* BELLHOP_CONFIG=... */
};

extern struct cli_stage stage;

/* Start Redis, and write a config.ini of its URL, an API key and these further sections. */
void cli_stage_open(const char *sections);
void cli_stage_close(void);

/* A file in the server's directory. */
void cli_stage_write(const char *name, const char *format, ...);

/* One command to Redis, which must not refuse it; the caller frees. */
redisReply *cli_stage_ask(const char *format, ...);

#define TELL(...) freeReplyObject(cli_stage_ask(__VA_ARGS__))

/* Run the command in that directory, where nothing else may write meanwhile; run_release of the result. */
void cli_run_with(const char *directory, const char *const *environment, const char *const *args,
                  const char *input, struct run_result *ret_result);

/* The same as most use it: with `variable` (that of the stage, say) for its configuration, a terminal by name, and UTC. */
void cli_run_at(const char *directory, const char *variable, const char *const *args,
                const char *input, struct run_result *ret_result);

/* On the stage. */
void cli_run(const char *const *args, const char *input, struct run_result *ret_result);

/* `text`, which is what row `name` wrote to `where`, must hold all pieces: at most `max`, or up to a NULL. */
void cli_expect_pieces(const char *name, const char *where, const char *text,
                       const char *const *pieces, size_t max);

#endif
