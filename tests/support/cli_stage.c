#include "support/cli_stage.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct cli_stage stage;

void
cli_stage_open(const char *sections)
{
    char path[128];
    bh_redis_process_init(&stage.server);
    bh_redis_process_start(&stage.server, NULL);
    stage.redis = redisConnectUnix(stage.server.socket_path);
    cr_assert(stage.redis != NULL && stage.redis->err == 0);
    cli_stage_write("config.ini", "[redis]\nurl = %s\n[gateway]\napi_key = secret\n%s",
                    stage.server.url, sections);
    bh_redis_process_path(&stage.server, "config.ini", path, sizeof(path));
    snprintf(stage.config_variable, sizeof(stage.config_variable), "BELLHOP_CONFIG=%s", path);
}

void
cli_stage_close(void)
{
    redisFree(stage.redis);
    bh_redis_process_release(&stage.server);
}

void
cli_stage_write(const char *name, const char *format, ...)
{
    char path[128];
    bh_redis_process_path(&stage.server, name, path, sizeof(path));
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    cr_assert_eq(fclose(file), 0);
}

redisReply *
cli_stage_ask(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(stage.redis, format, args);
    va_end(args);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s: %s", format,
              reply != NULL ? reply->str : stage.redis->errstr);
    return reply;
}

void
cli_run_with(const char *directory, const char *const *environment, const char *const *args,
             const char *input, struct run_result *ret_result)
{
    const struct run_request request = {
        .program = BH_TEST_BELLHOP,
        .directory = directory,
        .args = args,
        .environment = environment,
        .input = input,
    };
    run_program(&request, ret_result);
}

void
cli_run_at(const char *directory, const char *variable, const char *const *args, const char *input,
           struct run_result *ret_result)
{
    const char *const environment[] = {variable, "TERM=xterm", "TZ=UTC", NULL};
    cli_run_with(directory, environment, args, input, ret_result);
}

void
cli_run(const char *const *args, const char *input, struct run_result *ret_result)
{
    cli_run_at(stage.server.dir, stage.config_variable, args, input, ret_result);
}

void
cli_expect_pieces(const char *name, const char *where, const char *text, const char *const *pieces,
                  size_t max)
{
    for (size_t i = 0; i < max && pieces[i] != NULL; i++)
        cr_expect_not_null(strstr(text, pieces[i]), "%s: no \"%s\" in %s: %s", name, pieces[i],
                           where, text);
}
