#include "integration/script_redis.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/base.h"

static _Noreturn void
give_up(const char *what, const char *why)
{
    fprintf(stderr, "script_redis: %s: %s\n", what, why);
    abort();
}

static void
become_server(const char *directory)
{
    char socket[96];
    const char *program = getenv("BELLHOP_TEST_REDIS_SERVER");
    if (program == NULL)
        program = "redis-server";
    (void)snprintf(socket, sizeof(socket), "%s/s", directory);
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(126);
    execlp(program, program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir",
           directory, "--appendonly", "no", "--daemonize", "no", (char *)NULL);
    _exit(127);
}

static redisContext *
connect_to(const char *directory)
{
    char socket[96];
    (void)snprintf(socket, sizeof(socket), "%s/s", directory);
    for (int tries = 0; tries < 1000; tries++) {
        redisContext *context = redisConnectUnix(socket);
        if (context != NULL && context->err == 0)
            return context;
        redisFree(context);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    give_up("connect", "no server within ten seconds");
}

void
script_redis_start(struct script_redis *redis)
{
    (void)snprintf(redis->directory, sizeof(redis->directory), "/tmp/bellhop-scripts.XXXXXX");
    if (mkdtemp(redis->directory) == NULL)
        give_up("mkdtemp", redis->directory);
    redis->pid = fork();
    if (redis->pid < 0)
        give_up("fork", "failed");
    if (redis->pid == 0)
        become_server(redis->directory);
    redis->context = connect_to(redis->directory);
}

void
script_redis_stop(struct script_redis *redis)
{
    char path[96];
    redisFree(redis->context);
    kill(redis->pid, SIGKILL);
    waitpid(redis->pid, NULL, 0);
    (void)snprintf(path, sizeof(path), "%s/s", redis->directory);
    (void)unlink(path);
    (void)rmdir(redis->directory);
}

redisReply *
script_redis_command(struct script_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(redis->context, format, args);
    va_end(args);
    if (reply == NULL)
        give_up(format, redis->context->errstr);
    return reply;
}

void
script_redis_set_clock(struct script_redis *redis, bh_ms now)
{
    freeReplyObject(script_redis_command(redis, "SET test:clock %lld", (long long)now));
}

void
script_redis_reset(struct script_redis *redis, bh_ms now)
{
    freeReplyObject(script_redis_command(redis, "FLUSHALL"));
    freeReplyObject(script_redis_command(redis, "CONFIG SET maxmemory 0"));
    for (size_t i = 0; i < BH_SCRIPT_COUNT; i++) {
        redisReply *reply = script_redis_command(redis, "SCRIPT LOAD %b", bh_scripts[i].text.ptr,
                                                 bh_scripts[i].text.len);
        if (reply->type != REDIS_REPLY_STRING || strcmp(reply->str, bh_scripts[i].digest) != 0)
            give_up(bh_scripts[i].name, reply->str);
        freeReplyObject(reply);
    }
    script_redis_set_clock(redis, now);
}

void
script_redis_send(struct script_redis *redis, struct bh_call *call)
{
    const struct bh_str *args;
    size_t argc;
    if (bh_call_argv(call, &args, &argc) != BH_OK)
        give_up(bh_scripts[call->script].name, "the call was not built");
    const char **argv = bh_alloc_array(argc, sizeof(*argv));
    size_t *lengths = bh_alloc_array(argc, sizeof(*lengths));
    if (argv == NULL || lengths == NULL)
        give_up("memory", "short");
    for (size_t i = 0; i < argc; i++) {
        argv[i] = args[i].len > 0 ? args[i].ptr : "";
        lengths[i] = args[i].len;
    }
    if (redisAppendCommandArgv(redis->context, (int)argc, argv, lengths) != REDIS_OK)
        give_up(bh_scripts[call->script].name, "cannot append");
    bh_free(argv);
    bh_free(lengths);
}

redisReply *
script_redis_reply(struct script_redis *redis)
{
    void *reply = NULL;
    if (redisGetReply(redis->context, &reply) != REDIS_OK || reply == NULL)
        give_up("reply", redis->context->errstr);
    return reply;
}

redisReply *
script_redis_run(struct script_redis *redis, struct bh_call *call)
{
    script_redis_send(redis, call);
    redisReply *reply = script_redis_reply(redis);
    if (reply->type == REDIS_REPLY_ERROR)
        give_up(bh_scripts[call->script].name, reply->str);
    bh_call_release(call);
    return reply;
}
