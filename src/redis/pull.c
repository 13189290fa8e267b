#include "redis/pull.h"

#include <string.h>

#include "core/alloc.h"
#include "redis/refusal.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"

/* One taking under way. */
struct errand {
    struct bh_redis_connection *connection; /* borrowed */
    struct bh_queue_keys keys;
    bh_pull_on_taken *on_taken;
    void *arg;

    struct bh_script_call call;
    struct bh_pull_batch batch;
    bool known[BH_PULL_MESSAGES_MAX]; /* its job's status was found */
    size_t asked, answered;           /* looks into a status, answered in their order */
    size_t of_look[BH_PULL_MESSAGES_MAX];
    enum bh_status failed;
    char error_text[BH_REDIS_REFUSAL_TEXT];
};

/* ---- the end ---- */

static void
leave_out_unknown(struct errand *errand)
{
    struct bh_pull_batch *batch = &errand->batch;
    size_t kept = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (errand->known[i])
            batch->messages[kept++] = batch->messages[i];
    batch->count = kept;
}

static void
finish(struct errand *errand)
{
    bool ok = errand->failed == BH_OK;
    leave_out_unknown(errand);
    errand->on_taken(errand->arg, errand->failed, ok ? &errand->batch : NULL,
                     errand->error_text[0] != '\0' ? errand->error_text : NULL);
    bh_script_call_release(&errand->call);
    bh_free(errand);
}

static void
fail(struct errand *errand, enum bh_status status)
{
    errand->failed = status;
    finish(errand);
}

/* ---- 3: what the status says of the job ---- */

/* A job without a type is none; a foreign id that does not fit is none that a report would bear. */
static void
learn(struct errand *errand, size_t at, const struct redisReply *reply)
{
    struct bh_pull_message *message = &errand->batch.messages[at];
    struct bh_str type, foreign_id;
    if (!bh_reply_str(reply, 0, &type))
        return;
    errand->known[at] = true;
    message->call = bh_str_equal_text(type, "voice");
    if (!bh_reply_str(reply, 1, &foreign_id) || foreign_id.len == 0 ||
        foreign_id.len >= sizeof(message->foreign_id))
        return;
    memcpy(message->foreign_id, foreign_id.ptr, foreign_id.len);
    message->foreign_id[foreign_id.len] = '\0';
}

static void
status_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    size_t at = errand->of_look[errand->answered++];
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK && bh_reply_count(reply) == 2)
        learn(errand, at, reply);
    else if (errand->failed == BH_OK)
        errand->failed = status == BH_OK ? BH_EPROTO : status;
    if (errand->answered == errand->asked)
        finish(errand);
}

static enum bh_status
look_into(struct errand *errand, const char *id)
{
    struct bh_str argv[] = {
        BH_STR_LITERAL("HMGET"), {"", 0},
         BH_STR_LITERAL("type"), BH_STR_LITERAL("foreign_id")
    };
    struct bh_buf key;
    bh_buf_init(&key, 512);
    enum bh_status status = bh_key_append_status(&key, &errand->keys, id);
    if (status == BH_OK) {
        argv[1] = bh_buf_str(&key);
        status = bh_redis_connection_send(errand->connection, BH_ARRAY_LEN(argv), argv, 0,
                                          status_on_reply, errand);
    }
    bh_buf_release(&key);
    return status;
}

/* ---- 2: the jobs of the messages ---- */

static void
index_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_str id;
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK && bh_reply_count(reply) != errand->batch.count)
        status = BH_EPROTO;
    for (size_t i = 0; i < errand->batch.count && status == BH_OK; i++) {
        struct bh_pull_message *message = &errand->batch.messages[i];
        if (!bh_reply_str(reply, i, &id) || id.len == 0 || id.len >= sizeof(message->foreign_id))
            continue;
        memcpy(message->foreign_id, id.ptr, id.len);
        message->foreign_id[id.len] = '\0';
        status = look_into(errand, message->foreign_id);
        if (status == BH_OK)
            errand->of_look[errand->asked++] = i;
    }
    /* Some may be on their way: what could not be asked is told when they have been answered. */
    errand->failed = status;
    if (errand->asked == 0)
        finish(errand);
}

static enum bh_status
look_for_jobs(struct errand *errand)
{
    struct bh_str argv[1 + BH_PULL_MESSAGES_MAX] = {BH_STR_LITERAL("MGET")};
    size_t ends[BH_PULL_MESSAGES_MAX];
    struct bh_buf names;
    bh_buf_init(&names, BH_PULL_MESSAGES_MAX * ((size_t)BH_KEY_MAX + 24));
    for (size_t i = 0; i < errand->batch.count; i++) {
        (void)bh_key_append_message(&names, &errand->keys,
                                    bh_str_from(errand->batch.messages[i].id));
        ends[i] = names.len;
    }
    enum bh_status status = bh_buf_status(&names);
    const char *text = bh_buf_text(&names);
    for (size_t i = 0; i < errand->batch.count && status == BH_OK; i++) {
        size_t begin = i > 0 ? ends[i - 1] : 0;
        argv[1 + i] = (struct bh_str){text + begin, ends[i] - begin};
    }
    if (status == BH_OK)
        status = bh_redis_connection_send(errand->connection, 1 + errand->batch.count, argv, 0,
                                          index_on_reply, errand);
    bh_buf_release(&names);
    return status;
}

/* ---- 1: what is due ---- */

static void
taken_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK)
        status = bh_decode_pull(reply, &errand->batch);
    bool more = status == BH_OK && errand->batch.count > 0;
    if (more)
        status = look_for_jobs(errand);
    if (!more || status != BH_OK)
        fail(errand, status);
}

enum bh_status
bh_pull_take(struct bh_redis_connection *connection, const struct bh_queue_keys *keys,
             bh_ms age_max_ms, bh_pull_on_taken *on_taken, void *arg)
{
    struct errand *errand = bh_alloc_zero(sizeof(*errand));
    if (errand == NULL)
        return BH_ENOMEM;
    errand->connection = connection;
    errand->keys = *keys;
    errand->on_taken = on_taken;
    errand->arg = arg;
    struct bh_call *call = bh_script_call_begin(&errand->call, connection, BH_SCRIPT_PULL);
    bh_encode_pull(call, keys, BH_PULL_MESSAGES_MAX, age_max_ms);
    enum bh_status status = bh_script_call_send(&errand->call, taken_on_reply, errand);
    if (status != BH_OK) {
        bh_script_call_release(&errand->call);
        bh_free(errand);
    }
    return status;
}
