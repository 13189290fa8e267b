#include "redis/survey.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "redis/reply_view.h"

#define ARGS_MAX 12

struct survey {
    struct bh_survey_options options;
    struct bh_redis_survey facts;
    int64_t asked_at_ms;
    char user[128];
    unsigned open;    /* replies that are still to come */
    bool lost;        /* the connection went away in between */
    size_t rights_at; /* replies to DRYRUN come in order */
    bool rights_failed;
};

/* What the daemon does, one command of each kind; K stands for a key of the queue, A for the account's log. */
static const char *const rights[] = {
    "BLMOVE K K RIGHT LEFT 1",
    "EVALSHA 0000000000000000000000000000000000000000 1 K",
    "SCRIPT LOAD return",
    "TIME",
    "LLEN K",
    "LINDEX K -1",
    "LRANGE K 0 0",
    "LTRIM K 0 0",
    "LPUSH K v",
    "RPUSH K v",
    "RPOP K",
    "HSET K f v",
    "HSETNX K f v",
    "HGET K f",
    "HMGET K f",
    "HEXISTS K f",
    "HGETALL K",
    "HDEL K f",
    "HLEN K",
    "HINCRBY K f 1",
    "HRANDFIELD K 1",
    "ZADD K 1 m",
    "ZREM K m",
    "ZSCORE K m",
    "ZMSCORE K m",
    "ZCARD K",
    "ZCOUNT K 0 1",
    "ZRANK K m",
    "ZSCAN K 0",
    "ZRANGE K 0 0",
    "ZRANGEBYSCORE K 0 1",
    "ZREMRANGEBYSCORE K 0 1",
    "ZREMRANGEBYRANK K 0 1",
    "SET K v PX 1",
    "GET K",
    "MGET K",
    "PTTL K",
    "EXISTS K",
    "DEL K",
    "PEXPIRE K 1",
    "PERSIST K",
    "TYPE K",
    "XADD K * f v",
    "XDEL K 1-1",
    "XTRIM K MINID 1",
    "XREVRANGE A + -",
    "XREAD STREAMS A 0",
};

static int64_t
wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return bh_wall_from_timespec(now.tv_sec, now.tv_nsec).ms;
}

static void
finish_one(struct survey *survey)
{
    if (--survey->open > 0)
        return;
    if (!survey->lost)
        survey->options.on_done(survey->options.arg, &survey->facts);
    bh_free(survey);
}

static struct bh_str
stand_in(const struct survey *survey, struct bh_str word)
{
    if (bh_str_equal_text(word, "K"))
        return bh_str_from(survey->options.queue->text[BH_KEY_READY]);
    if (bh_str_equal_text(word, "A"))
        return bh_str_from(survey->options.account->log);
    return word;
}

/* The words of `fixed` (ended by NULL), then those of `words`, which blanks part. */
static void
ask(struct survey *survey, const char *const *fixed, const char *words, bh_redis_on_reply *on_reply)
{
    struct bh_str argv[ARGS_MAX], rest = bh_str_from(words);
    size_t argc = 0;
    for (; *fixed != NULL; fixed++)
        argv[argc++] = bh_str_from(*fixed);
    while (argc < ARGS_MAX && bh_str_split(&rest, ' ', &argv[argc])) {
        argv[argc] = stand_in(survey, argv[argc]);
        argc++;
    }
    BH_ASSERT(rest.ptr == NULL);
    if (bh_redis_connection_send(survey->options.connection, argc, argv, 0, on_reply, survey) !=
        BH_OK)
        survey->lost = true;
    else
        survey->open++;
}

/* ---- replies ---- */

static void
info_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    survey->lost |= error_text != NULL;
    if (reply != NULL && reply->type == REDIS_REPLY_STRING)
        bh_redis_survey_read_info(&survey->facts, (struct bh_str){reply->str, reply->len});
    finish_one(survey);
}

static void
time_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    struct bh_str seconds, microseconds;
    survey->lost |= error_text != NULL;
    int64_t middle_ms = survey->asked_at_ms + (wall_ms() - survey->asked_at_ms) / 2;
    if (bh_reply_str(reply, 0, &seconds) && bh_reply_str(reply, 1, &microseconds))
        bh_redis_survey_read_time(&survey->facts, seconds, microseconds,
                                  (struct bh_wall){middle_ms});
    finish_one(survey);
}

static void
fsync_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    struct bh_str value;
    survey->lost |= error_text != NULL;
    if (bh_reply_str(reply, 1, &value))
        snprintf(survey->facts.appendfsync, sizeof(survey->facts.appendfsync), "%.*s",
                 BH_STR_ARGS(value));
    finish_one(survey);
}

static void
save_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    struct bh_str value;
    survey->lost |= error_text != NULL;
    if (bh_reply_str(reply, 1, &value))
        survey->facts.snapshots = value.len > 0 ? BH_YES : BH_NO;
    finish_one(survey);
}

static void
note_denied(struct bh_redis_survey *facts, struct bh_str command)
{
    if (facts->denied_count < BH_SURVEY_DENIED_MAX)
        snprintf(facts->denied[facts->denied_count], sizeof(facts->denied[0]), "%.*s",
                 BH_STR_ARGS(command));
    facts->denied_count++;
}

static void
dryrun_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    struct bh_redis_survey *facts = &survey->facts;
    struct bh_str rest = bh_str_from(rights[survey->rights_at++]), command;
    bool named = bh_str_split(&rest, ' ', &command);
    BH_ASSERT(named);
    survey->lost |= error_text != NULL;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        survey->rights_failed = true;
    else if (reply->type == REDIS_REPLY_STRING)
        note_denied(facts, command);
    if (survey->rights_at == BH_ARRAY_LEN(rights))
        facts->rights_known = !survey->rights_failed;
    finish_one(survey);
}

static void
whoami_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    survey->lost |= error_text != NULL;
    bool named =
        reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len < sizeof(survey->user);
    if (named && !survey->lost) {
        memcpy(survey->user, reply->str, reply->len);
        const char *const dryrun[] = {"ACL", "DRYRUN", survey->user, NULL};
        for (size_t i = 0; i < BH_ARRAY_LEN(rights); i++)
            ask(survey, dryrun, rights[i], dryrun_on_reply);
    }
    finish_one(survey);
}

enum bh_status
bh_survey_start(const struct bh_survey_options *options)
{
    struct survey *survey = bh_alloc_zero(sizeof(*survey));
    if (survey == NULL)
        return BH_ENOMEM;
    survey->options = *options;
    survey->facts.memory_used = survey->facts.memory_max = -1;
    survey->asked_at_ms = wall_ms();
    static const char *const nothing[] = {NULL};
    ask(survey, nothing, "TIME", time_on_reply);
    ask(survey, nothing, "INFO", info_on_reply);
    ask(survey, nothing, "CONFIG GET appendfsync", fsync_on_reply);
    ask(survey, nothing, "CONFIG GET save", save_on_reply);
    ask(survey, nothing, "ACL WHOAMI", whoami_on_reply);
    if (survey->open > 0)
        return BH_OK;
    bh_free(survey);
    return BH_EDOWN;
}
