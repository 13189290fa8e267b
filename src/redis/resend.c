#include "redis/resend.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/job_word.h"
#include "redis/refusal.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"

/* The looks, in the order of sending. */
enum look { LOOK_TIME, LOOK_STATUS, LOOK_KEPT, LOOKS };

#define STATUS_FIELDS  6
#define EARLIER_FIELDS 3

struct work {
    struct bh_redis_connection *connection; /* borrowed */
    const struct bh_config *config;         /* owned reference */
    const struct bh_queue_config *queue;    /* of the configuration */
    struct bh_resend_errand errand;
    char id[BH_JOB_ID_MAX + 1];
    bh_resend_on_done *on_done;
    void *arg;

    unsigned asked, answered;
    unsigned hops; /* along the chain of jobs that were sent in each other's place */
    struct bh_wall now, accepted, expires;
    enum bh_delivery delivery;
    bool is_kept;
    char earlier_id
        [BH_JOB_ID_MAX +
         1]; /* in whose place it was sent; empty: it is the first, or the rest is looked at */
    bool earlier_arrived;
    struct bh_buf kept, made;

    struct bh_queue_keys keys;
    struct bh_script_call call;
    enum bh_status failed;
    char error_text[BH_REDIS_REFUSAL_TEXT];
    struct bh_resend_result result;
};

static void
work_free(struct work *work)
{
    bh_script_call_release(&work->call);
    bh_buf_release(&work->kept);
    bh_buf_release(&work->made);
    bh_config_release(work->config);
    bh_free(work);
}

static void
end(struct work *work, enum bh_status status)
{
    work->on_done(work->arg, status, &work->result,
                  work->error_text[0] != '\0' ? work->error_text : NULL);
    work_free(work);
}

/* False, and nothing is written, for what is no id. */
static bool
take_id(struct bh_str text, char *ret_id)
{
    if (!bh_job_is_word(text, BH_JOB_ID_MAX))
        return false;
    memcpy(ret_id, text.ptr, text.len);
    ret_id[text.len] = '\0';
    return true;
}

/* ---- 3: the script ---- */

static void
push_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    static const enum bh_resend_fate fates[] = {
        [BH_RESEND_CODE_PUSHED] = BH_RESEND_PUSHED,
        [BH_RESEND_CODE_TAKEN] = BH_RESEND_NOTHING,
        [BH_RESEND_CODE_LAPSED] = BH_RESEND_LAPSED,
    };
    struct work *work = arg;
    enum bh_resend_code code;
    (void)error_text;
    enum bh_status status = bh_redis_judge(work->connection, reply, work->error_text);
    if (status == BH_OK)
        status = bh_decode_resend(reply, &code);
    if (status == BH_OK)
        work->result.fate = fates[code];
    end(work, status);
}

static enum bh_status
push(struct work *work)
{
    bool is_made = work->result.resend.answer == BH_RESEND_MADE;
    struct bh_call *call = bh_script_call_begin(&work->call, work->connection, BH_SCRIPT_RESEND);
    bh_encode_resend(call, &work->keys, work->id, is_made ? work->result.new_id : "",
                     is_made ? bh_buf_str(&work->made) : (struct bh_str){"", 0},
                     work->config->status.events_max);
    enum bh_status status = bh_script_call_send(&work->call, push_on_reply, work);
    /* Others take the room just now: a job alone always has it. */
    return status == BH_ETOOBIG ? BH_EDOWN : status;
}

/* ---- 2: the new job ---- */

static enum bh_status
make(struct work *work)
{
    struct bh_resend *resend = &work->result.resend;
    const struct bh_resend_facts facts = {
        .queue = work->queue,
        .gateway = &work->config->gateway,
        .delivery = work->delivery,
        .id = work->id,
        .new_id = work->result.new_id,
        .now = work->now,
        .accepted = work->accepted,
        .expires = work->expires,
        .lock_ms = work->errand.lock_ms,
    };
    if (work->expires.ms == 0 || work->earlier_arrived) {
        resend->answer = work->earlier_arrived ? BH_RESEND_ARRIVED : BH_RESEND_EXPIRED;
        return BH_OK;
    }
    enum bh_status status = bh_resend_make(bh_buf_str(&work->kept), &facts, &work->made, resend);
    if (status != BH_ETOOBIG)
        return status;
    *resend = (struct bh_resend){.answer = BH_RESEND_UNREADABLE};
    snprintf(resend->error.text, sizeof(resend->error.text), "it has more than %zu bytes",
             work->made.max);
    return BH_OK;
}

static enum bh_status
make_and_push(struct work *work)
{
    const struct bh_uuid_text uuid = bh_uuid7_format(work->now, work->errand.random);
    snprintf(work->result.new_id, sizeof(work->result.new_id), "%s", uuid.text);
    enum bh_status status = make(work);
    return status == BH_OK ? push(work) : status;
}

/* ---- the messages before it ---- */

static enum bh_status look_at_earlier(struct work *work);

static void
take_earlier(struct work *work, const struct redisReply *reply)
{
    struct bh_str type, delivery, earlier;
    enum bh_delivery word = BH_DELIVERY_NONE;
    work->earlier_id[0] = '\0';
    if (bh_reply_str(reply, 0, &type) && bh_reply_str(reply, 1, &delivery))
        word = bh_delivery_from_word(delivery, bh_str_equal_text(type, "voice"));
    work->earlier_arrived = bh_resend_is_over(word);
    if (!work->earlier_arrived && ++work->hops <= BH_JOB_RESEND_NUMBER_MAX &&
        bh_reply_str(reply, 2, &earlier))
        take_id(earlier, work->earlier_id);
}

/* While this one was under way, a late report may have told that one before it has arrived after all. */
static void
earlier_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct work *work = arg;
    (void)error_text;
    enum bh_status status = bh_redis_judge(work->connection, reply, work->error_text);
    if (status == BH_OK && bh_reply_count(reply) != EARLIER_FIELDS)
        status = BH_EPROTO;
    if (status == BH_OK) {
        take_earlier(work, reply);
        status = work->earlier_id[0] != '\0' ? look_at_earlier(work) : make_and_push(work);
    }
    if (status != BH_OK)
        end(work, status);
}

static enum bh_status
look_at_earlier(struct work *work)
{
    struct bh_str argv[2 + EARLIER_FIELDS] = {BH_STR_LITERAL("HMGET"), BH_STR_LITERAL(""),
                                              BH_STR_LITERAL("type"), BH_STR_LITERAL("delivery"),
                                              BH_STR_LITERAL("resend_of")};
    struct bh_buf key;
    bh_buf_init(&key, 512);
    enum bh_status status = bh_key_append_status(&key, &work->keys, work->earlier_id);
    argv[1] = bh_buf_str(&key);
    if (status == BH_OK)
        status = bh_redis_connection_send(work->connection, BH_ARRAY_LEN(argv), argv, 0,
                                          earlier_on_reply, work);
    bh_buf_release(&key);
    return status;
}

/* ---- or call it back ---- */

static enum bh_status recall(struct work *work);

/* It has been sent, failed, too, and has a successor: then that is the one to be called back. */
static bool
go_to_next(struct work *work, struct bh_str next)
{
    return ++work->hops <= BH_JOB_RESEND_NUMBER_MAX && take_id(next, work->result.new_id);
}

static void
recall_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    static const enum bh_resend_fate fates[] = {
        [BH_RECALL_CODE_DONE] = BH_RESEND_RECALLED,
        [BH_RECALL_CODE_TOO_LATE] = BH_RESEND_TOO_LATE,
        [BH_RECALL_CODE_ALREADY] = BH_RESEND_NOTHING,
    };
    struct work *work = arg;
    enum bh_recall_code code;
    struct bh_str next;
    (void)error_text;
    enum bh_status status = bh_redis_judge(work->connection, reply, work->error_text);
    if (status == BH_OK)
        status = bh_decode_recall(reply, &code, &next);
    if (status == BH_OK && code == BH_RECALL_CODE_TOO_LATE && go_to_next(work, next)) {
        status = recall(work);
        if (status == BH_OK)
            return;
    } else if (status == BH_OK) {
        work->result.fate = fates[code];
    }
    end(work, status);
}

static enum bh_status
recall(struct work *work)
{
    struct bh_call *call = bh_script_call_begin(&work->call, work->connection, BH_SCRIPT_RECALL);
    bh_encode_recall(call, &work->keys, work->result.new_id, work->config->status.retention_ms);
    return bh_script_call_send(&work->call, recall_on_reply, work);
}

static void
go_on(struct work *work)
{
    enum bh_status status = work->failed;
    bool has_arrived = bh_resend_is_over(work->delivery);
    if (status == BH_OK && work->is_kept && !has_arrived)
        status = work->earlier_id[0] != '\0' ? look_at_earlier(work) : make_and_push(work);
    else if (status == BH_OK && has_arrived && work->result.new_id[0] != '\0')
        status = recall(work);
    else {
        end(work, status);
        return;
    }
    if (status != BH_OK)
        end(work, status);
}

/* ---- 1: looks ---- */

static enum bh_status
read_time(struct work *work, const struct redisReply *reply)
{
    int64_t seconds, microseconds;
    if (bh_reply_count(reply) != 2 || !bh_reply_number(reply, 0, &seconds) ||
        !bh_reply_number(reply, 1, &microseconds))
        return BH_EPROTO;
    work->now.ms = seconds * BH_SECOND_MS + microseconds / 1000;
    return BH_OK;
}

/* What is not there, or is no number, stays 0; the word is that of the status, which knows the whole story. */
static enum bh_status
read_status(struct work *work, const struct redisReply *reply)
{
    struct bh_str type, delivery, id;
    if (bh_reply_count(reply) != STATUS_FIELDS)
        return BH_EPROTO;
    if (!bh_reply_number(reply, 0, &work->accepted.ms))
        work->accepted.ms = 0;
    if (!bh_reply_number(reply, 1, &work->expires.ms))
        work->expires.ms = 0;
    if (bh_reply_str(reply, 2, &type) && bh_reply_str(reply, 3, &delivery))
        work->delivery = bh_delivery_from_word(delivery, bh_str_equal_text(type, "voice"));
    if (bh_reply_str(reply, 4, &id))
        take_id(id, work->result.new_id);
    if (bh_reply_str(reply, 5, &id))
        take_id(id, work->earlier_id);
    return BH_OK;
}

static enum bh_status
read_kept(struct work *work, const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return BH_OK;
    if (reply->type != REDIS_REPLY_STRING)
        return BH_EPROTO;
    work->is_kept = true;
    enum bh_status status = bh_buf_append(&work->kept, reply->str, reply->len);
    /* Longer than anything that a queue allows: not a job then. */
    return status == BH_ETOOBIG ? BH_OK : status;
}

static void
look_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    static enum bh_status (*const readers[LOOKS])(struct work *, const struct redisReply *) = {
        [LOOK_TIME] = read_time, [LOOK_STATUS] = read_status, [LOOK_KEPT] = read_kept};
    struct work *work = arg;
    (void)error_text;
    enum bh_status status = bh_redis_judge(work->connection, reply, work->error_text);
    if (status == BH_OK)
        status = readers[work->answered](work, reply);
    if (work->failed == BH_OK)
        work->failed = status;
    if (++work->answered == work->asked)
        go_on(work);
}

static enum bh_status
look(struct work *work, enum look which, struct bh_buf *key)
{
    /* When the end was written (updated_at), the gateway had taken the message. */
    struct bh_str argv[2 + STATUS_FIELDS] = {
        BH_STR_LITERAL("HMGET"),      BH_STR_LITERAL(""),          BH_STR_LITERAL("updated_at"),
        BH_STR_LITERAL("expires_at"), BH_STR_LITERAL("type"),      BH_STR_LITERAL("delivery"),
        BH_STR_LITERAL("resent_as"),  BH_STR_LITERAL("resend_of"),
    };
    size_t argc = BH_ARRAY_LEN(argv);
    enum bh_status status = BH_OK;
    bh_buf_clear(key);
    if (which == LOOK_TIME) {
        argv[0] = BH_STR_LITERAL("TIME");
        argc = 1;
    } else if (which == LOOK_STATUS) {
        status = bh_key_append_status(key, &work->keys, work->id);
    } else {
        argv[0] = BH_STR_LITERAL("GET");
        argc = 2;
        status = bh_key_append_kept(key, &work->keys, work->id);
    }
    argv[1] = bh_buf_str(key);
    if (status == BH_OK)
        status = bh_redis_connection_send(work->connection, argc, argv, 0, look_on_reply, work);
    if (status == BH_OK)
        work->asked++;
    return status;
}

static const struct bh_queue_config *
find_queue(const struct bh_config *config, const char *name)
{
    for (size_t i = 0; i < config->queues_count; i++) {
        if (strcmp(config->queues[i].name, name) == 0)
            return &config->queues[i];
    }
    return NULL;
}

enum bh_status
bh_resend_run(struct bh_redis_connection *connection, const struct bh_config *config,
              const struct bh_resend_errand *errand, bh_resend_on_done *on_done, void *arg)
{
    const struct bh_queue_config *queue = find_queue(config, errand->queue);
    struct bh_buf key;
    if (queue == NULL || strlen(errand->id) > BH_JOB_ID_MAX)
        return BH_EINVAL;
    struct work *work = bh_alloc_zero(sizeof(*work));
    if (work == NULL)
        return BH_ENOMEM;
    work->connection = connection;
    work->config = bh_config_retain(config);
    work->queue = queue;
    work->errand = *errand;
    snprintf(work->id, sizeof(work->id), "%s", errand->id);
    work->errand.id = work->id;
    work->errand.queue = queue->name;
    work->on_done = on_done;
    work->arg = arg;
    bh_buf_init(&work->kept, (size_t)queue->max_job_with_files_bytes);
    bh_buf_init(&work->made, BH_RESEND_BYTES_MAX);
    enum bh_status status = bh_queue_keys_init(&work->keys, config->redis.prefix, queue->name);
    BH_ASSERT(status == BH_OK);
    bh_buf_init(&key, 512);
    for (int which = LOOK_TIME; which < LOOKS && status == BH_OK; which++)
        status = look(work, (enum look)which, &key);
    bh_buf_release(&key);
    if (work->asked == 0) {
        work_free(work);
        return status;
    }
    /* Some are on their way: what could not be asked is told when they have been answered. */
    work->failed = status;
    return BH_OK;
}
