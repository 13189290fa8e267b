#include "redis/survey.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "redis/reply_view.h"

struct survey {
    struct bh_survey_options options;
    struct bh_redis_survey facts;
    int64_t asked_at_ms;
    char user[128];
    unsigned open;  /* replies that are still to come */
    bool lost;      /* the connection went away in between */
    size_t rights_at; /* replies to DRYRUN come in order */
    bool rights_failed;
};

/* What the daemon does, one command of each kind; K stands for a key of the queue, A for the account's log. */
static const char *const rights[][6] = {
    {"BLMOVE", "K", "K", "RIGHT", "LEFT", "1"},
    {"EVALSHA", "0000000000000000000000000000000000000000", "1", "K"},
    {"SCRIPT", "LOAD", "return 1"},
    {"TIME"},
    {"LLEN", "K"},
    {"LINDEX", "K", "-1"},
    {"LPUSH", "K", "v"},
    {"RPUSH", "K", "v"},
    {"RPOP", "K"},
    {"HSET", "K", "f", "v"},
    {"HSETNX", "K", "f", "v"},
    {"HGET", "K", "f"},
    {"HMGET", "K", "f"},
    {"HGETALL", "K"},
    {"HDEL", "K", "f"},
    {"HINCRBY", "K", "f", "1"},
    {"ZADD", "K", "1", "m"},
    {"ZREM", "K", "m"},
    {"ZSCORE", "K", "m"},
    {"ZCARD", "K"},
    {"ZRANGE", "K", "0", "0"},
    {"ZRANGEBYSCORE", "K", "0", "1"},
    {"SET", "K", "v", "PX", "1"},
    {"MGET", "K"},
    {"PTTL", "K"},
    {"EXISTS", "K"},
    {"DEL", "K"},
    {"PEXPIRE", "K", "1"},
    {"XADD", "K", "*", "f", "v"},
    {"XREVRANGE", "A", "+", "-"},
    {"XREAD", "STREAMS", "A", "0"},
};

static int64_t
wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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

static void
ask(struct survey *survey, size_t argc, const char *const *argv, bh_redis_on_reply *on_reply)
{
    struct bh_str views[12];
    BH_ASSERT(argc <= BH_ARRAY_LEN(views));
    for (size_t i = 0; i < argc; i++)
        views[i] = bh_str_from(argv[i]);
    if (bh_redis_connection_send(survey->options.connection, argc, views, 0, on_reply, survey) !=
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
    struct bh_str seconds_text, micros_text;
    int64_t seconds, micros;
    survey->lost |= error_text != NULL;
    if (bh_reply_str(reply, 0, &seconds_text) && bh_reply_str(reply, 1, &micros_text) &&
        bh_str_to_int64(seconds_text, &seconds) && bh_str_to_int64(micros_text, &micros)) {
        int64_t middle = survey->asked_at_ms + (wall_ms() - survey->asked_at_ms) / 2;
        survey->facts.clock_known = true;
        survey->facts.clock_ahead_ms = seconds * 1000 + micros / 1000 - middle;
    }
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
dryrun_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    struct bh_redis_survey *facts = &survey->facts;
    const char *command = rights[survey->rights_at++][0];
    survey->lost |= error_text != NULL;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        survey->rights_failed = true;
    else if (reply->type == REDIS_REPLY_STRING && facts->denied_count < BH_SURVEY_DENIED_MAX)
        snprintf(facts->denied[facts->denied_count++], sizeof(facts->denied[0]), "%s", command);
    if (survey->rights_at == BH_ARRAY_LEN(rights))
        facts->rights_known = !survey->rights_failed;
    finish_one(survey);
}

static const char *
stand_in(const struct survey *survey, const char *word)
{
    if (strcmp(word, "K") == 0)
        return survey->options.queue->text[BH_KEY_READY];
    if (strcmp(word, "A") == 0)
        return survey->options.account->log;
    return word;
}

static void
whoami_on_reply(void *arg, const redisReply *reply, const char *error_text)
{
    struct survey *survey = arg;
    survey->lost |= error_text != NULL;
    bool named = reply != NULL && reply->type == REDIS_REPLY_STRING &&
                 reply->len < sizeof(survey->user);
    if (named && !survey->lost) {
        memcpy(survey->user, reply->str, reply->len);
        for (size_t i = 0; i < BH_ARRAY_LEN(rights); i++) {
            const char *argv[12] = {"ACL", "DRYRUN", survey->user};
            size_t argc = 3;
            for (size_t k = 0; k < BH_ARRAY_LEN(rights[i]) && rights[i][k] != NULL; k++)
                argv[argc++] = stand_in(survey, rights[i][k]);
            ask(survey, argc, argv, dryrun_on_reply);
        }
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
    static const char *const info[] = {"INFO"};
    static const char *const time_of_day[] = {"TIME"};
    static const char *const fsync_config[] = {"CONFIG", "GET", "appendfsync"};
    static const char *const save_config[] = {"CONFIG", "GET", "save"};
    static const char *const whoami[] = {"ACL", "WHOAMI"};
    ask(survey, 1, time_of_day, time_on_reply);
    ask(survey, 1, info, info_on_reply);
    ask(survey, 3, fsync_config, fsync_on_reply);
    ask(survey, 3, save_config, save_on_reply);
    ask(survey, 2, whoami, whoami_on_reply);
    if (survey->open > 0)
        return BH_OK;
    bh_free(survey);
    return BH_EDOWN;
}
