#include "redis/account.h"

#include "core/alloc.h"
#include "redis/reply_view.h"

/* One question under way; kept until its answer, because Redis may not know the script yet. */
struct question {
    struct bh_redis_connection *connection;
    struct bh_call call;
    bool reloaded;
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
    question->connection = desk->connection;
    question->arg = arg;
    bh_call_init(&question->call, BH_SCRIPT_ACCOUNT);
    return question;
}

static void
question_free(struct question *question)
{
    bh_call_release(&question->call);
    bh_free(question);
}

static enum bh_status
question_send(struct question *question)
{
    const struct bh_str *argv;
    size_t argc;
    enum bh_status status = bh_call_argv(&question->call, &argv, &argc);
    if (status == BH_OK)
        status = bh_redis_connection_send(question->connection, argc, argv, 0, question_on_reply,
                                          question);
    return status;
}

/* Sends it; on failure it is gone. */
static enum bh_status
question_ask(struct question *question)
{
    enum bh_status status = question_send(question);
    if (status != BH_OK)
        question_free(question);
    return status;
}

static void
load_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    /* The question that follows tells how it went. */
    (void)arg;
    (void)reply;
    (void)error_text;
}

static bool
load_and_ask_again(struct question *question)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("SCRIPT"), BH_STR_LITERAL("LOAD"),
                                  bh_scripts[BH_SCRIPT_ACCOUNT].text};
    if (question->reloaded ||
        bh_redis_connection_send(question->connection, BH_ARRAY_LEN(argv), argv, 0, load_on_reply,
                                 NULL) != BH_OK ||
        question_send(question) != BH_OK)
        return false;
    question->reloaded = true;
    return true;
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
    struct bh_str text;
    if (reply == NULL)
        return BH_EDOWN;
    if (!bh_reply_error(reply, &text))
        return BH_OK;
    const struct bh_redis_error *row = bh_redis_error_find(text);
    if (row->class == BH_REDIS_RECONNECT)
        bh_redis_connection_reconnect(question->connection, row, row->word);
    return BH_EIO;
}

static void
question_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct question *question = arg;
    struct bh_str text;
    (void)error_text;
    if (bh_reply_error(reply, &text) && bh_redis_error_find(text)->class == BH_REDIS_LOAD_SCRIPT &&
        load_and_ask_again(question))
        return;
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
    bh_encode_account_read(&question->call, &desk->keys);
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
    bh_encode_account_pause(&question->call, &desk->keys, reason, code, text, longest_ms);
    return question_ask(question);
}

enum bh_status
bh_account_resume(const struct bh_account_desk *desk, bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_resume(&question->call, &desk->keys);
    return question_ask(question);
}

enum bh_status
bh_account_probe(const struct bh_account_desk *desk, const char *who, bh_ms lease_ms,
                 bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_probe(&question->call, &desk->keys, who, lease_ms);
    return question_ask(question);
}

enum bh_status
bh_account_probed(const struct bh_account_desk *desk, bool usable, bh_ms longest_ms,
                  bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_probed(&question->call, &desk->keys, usable, longest_ms);
    return question_ask(question);
}

enum bh_status
bh_account_trial_take(const struct bh_account_desk *desk, const char *who, bh_ms lease_ms,
                      bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_trial_take(&question->call, &desk->keys, who, lease_ms);
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
    bh_encode_account_trial_done(&question->call, &desk->keys, who, trial, reason, code, text,
                                 longest_ms);
    return question_ask(question);
}

enum bh_status
bh_account_balance(const struct bh_account_desk *desk, int64_t balance_micro,
                   bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_balance(&question->call, &desk->keys, balance_micro);
    return question_ask(question);
}

enum bh_status
bh_account_journal(const struct bh_account_desk *desk, enum bh_journal_access journal,
                   bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_journal(&question->call, &desk->keys, journal);
    return question_ask(question);
}

enum bh_status
bh_account_lock(const struct bh_account_desk *desk, enum bh_lock_knowledge lock, struct bh_str why,
                bh_account_on_done *on_done, void *arg)
{
    struct question *question = done_question(desk, on_done, arg);
    if (question == NULL)
        return BH_ENOMEM;
    bh_encode_account_lock(&question->call, &desk->keys, lock, why);
    return question_ask(question);
}
