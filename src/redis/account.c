#include "redis/account.h"

#include "core/alloc.h"
#include "redis/refusal.h"
#include "redis/script_call.h"

/* One question under way. */
struct question {
    struct bh_script_call call;
    bh_account_on_done *on_done; /* one of the two */
    bh_account_on_read *on_read;
    void *arg;
};

static void question_on_reply(void *arg, const struct redisReply *reply, const char *error_text);

static struct question *
question_new(const struct bh_account_desk *desk, void *arg)
{
    struct question *question = bh_alloc_zero(sizeof(*question));
    if (question == NULL)
        return NULL;
    question->arg = arg;
    (void)bh_script_call_begin(&question->call, desk->connection, BH_SCRIPT_ACCOUNT);
    return question;
}

static void
question_free(struct question *question)
{
    bh_script_call_release(&question->call);
    bh_free(question);
}

/* Sends it; on failure it is gone. */
static enum bh_status
question_ask(struct question *question)
{
    enum bh_status status = bh_script_call_send(&question->call, question_on_reply, question);
    if (status != BH_OK)
        question_free(question);
    return status;
}

static void
answer_read(struct question *question, enum bh_status status, const struct redisReply *reply)
{
    struct bh_account_view view;
    if (status == BH_OK)
        status = bh_decode_account_read(reply, &view);
    question->on_read(question->arg, status, status == BH_OK ? &view : NULL);
}

static void
answer_done(struct question *question, enum bh_status status, const struct redisReply *reply)
{
    bool done = false;
    bh_ms wait_ms = -1;
    if (status == BH_OK)
        status = bh_decode_account_done(reply, &done, &wait_ms);
    if (question->on_done != NULL)
        question->on_done(question->arg, status, done, wait_ms);
}

static enum bh_status
judge(struct question *question, const struct redisReply *reply)
{
    if (reply == NULL)
        return BH_EDOWN;
    return bh_redis_refusal(question->call.connection, reply) == NULL ? BH_OK : BH_EIO;
}

static void
question_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct question *question = arg;
    (void)error_text;
    enum bh_status status = judge(question, reply);
    if (question->on_read != NULL)
        answer_read(question, status, reply);
    else
        answer_done(question, status, reply);
    question_free(question);
}

/* ---- operations ---------------------------------------------------------------------------------- */

enum bh_status
bh_account_read(const struct bh_account_desk *desk, bh_account_on_read *on_read, void *arg)
{
    struct question *question = question_new(desk, arg);
    if (question == NULL)
        return BH_ENOMEM;
    question->on_read = on_read;
    bh_encode_account_read(&question->call.call, &desk->keys);
    return question_ask(question);
}

static struct question *
done_question(const struct bh_account_desk *desk, bh_account_on_done *on_done, void *arg)
{
    struct question *question = question_new(desk, arg);
    if (question != NULL)
        question->on_done = on_done;
    return question;
}

enum bh_status
bh_account_pause(const struct bh_account_desk *desk, const char *reason, int code,
                 struct bh_str text, bh_ms longest_ms, bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_pause(&question->call.call, &desk->keys, reason, code, text, longest_ms);
    return question_ask(question);
}

enum bh_status
bh_account_resume(const struct bh_account_desk *desk, bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_resume(&question->call.call, &desk->keys);
    return question_ask(question);
}

enum bh_status
bh_account_probe(const struct bh_account_desk *desk, const char *who, bh_ms lease_ms,
                 bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_probe(&question->call.call, &desk->keys, who, lease_ms);
    return question_ask(question);
}

enum bh_status
bh_account_probed(const struct bh_account_desk *desk, bool usable, bh_ms longest_ms,
                  bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_probed(&question->call.call, &desk->keys, usable, longest_ms);
    return question_ask(question);
}

enum bh_status
bh_account_trial_take(const struct bh_account_desk *desk, const char *who, bh_ms lease_ms,
                      bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_trial_take(&question->call.call, &desk->keys, who, lease_ms);
    return question_ask(question);
}

enum bh_status
bh_account_trial_done(const struct bh_account_desk *desk, const char *who,
                      enum bh_account_trial trial, const char *reason, int code, struct bh_str text,
                      bh_ms longest_ms, bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_trial_done(&question->call.call, &desk->keys, who, trial, reason, code, text,
                                 longest_ms);
    return question_ask(question);
}

enum bh_status
bh_account_turn(const struct bh_account_desk *desk, const char *what, const char *who,
                bh_ms lease_ms, bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_turn(&question->call.call, &desk->keys, what, who, lease_ms);
    return question_ask(question);
}

enum bh_status
bh_account_balance(const struct bh_account_desk *desk, int64_t balance_micro,
                   bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_balance(&question->call.call, &desk->keys, balance_micro);
    return question_ask(question);
}

enum bh_status
bh_account_journal(const struct bh_account_desk *desk, enum bh_journal_access journal,
                   bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_journal(&question->call.call, &desk->keys, journal);
    return question_ask(question);
}

enum bh_status
bh_account_lock(const struct bh_account_desk *desk, enum bh_lock_knowledge lock, struct bh_str why,
                bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_lock(&question->call.call, &desk->keys, lock, why);
    return question_ask(question);
}
