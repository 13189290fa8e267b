/*
 * enqueue TO TEXT - push one SMS.  libbellhop checks it as the worker will and writes the JSON.
 *
 *   cc enqueue.c -o enqueue $(pkg-config --cflags --libs bellhop hiredis)
 */
#include <bellhop/job.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int
main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: enqueue TO TEXT\n"), 2;
    char now[24];
    snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
    const struct bh_job_draft draft = {.to = argv[1], .text = argv[2], .enqueued_at = now};
    struct bh_error error;
    char *json;
    enum bh_job_verdict verdict = bh_job_make(&draft, NULL, &json, &error);
    if (verdict != BH_JOB_VALID)
        return fprintf(stderr, "%s\n", verdict == BH_JOB_BAD ? error.text : "short of memory"), 1;

    redisContext *server = redisConnect("127.0.0.1", 6379);
    redisReply *reply = NULL;
    if (server != NULL && server->err == 0)
        reply = redisCommand(server, "LPUSH bellhop:{sms} %b", json, strlen(json));
    int pushed = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
    if (!pushed)
        fprintf(stderr, "cannot push: %s\n",
                reply != NULL    ? reply->str
                : server != NULL ? server->errstr
                                 : "short of memory");
    freeReplyObject(reply);
    if (server != NULL)
        redisFree(server);
    bh_job_json_free(json);
    return pushed ? 0 : 1;
}
