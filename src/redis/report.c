#include "redis/report.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "redis/keys.h"
#include "redis/refusal.h"
#include "redis/report_codec.h"
#include "redis/resolve.h"
#include "redis/script_call.h"

#define NOWHERE ((size_t)-1)

/* One report under way. */
struct errand {
    struct bh_redis_connection *connection; /* borrowed */
    const struct bh_config *config;         /* owned reference */
    struct bh_delivery_report report;
    bh_report_on_done *on_done;
    void *arg;

    size_t asked, answered; /* looks */
    size_t by_name_at;      /* the queue whose look by the name is answered next */
    size_t by_message_at;   /* likewise by the message */
    size_t entry_at;        /* of the queues: the message is in its index; NOWHERE: in none */
    bool entries;           /* in more than one */
    char entry_id[BH_JOB_ID_MAX + 1]; /* the job that it leads to */

    size_t best_at; /* of the queues; NOWHERE: none yet */
    enum bh_report_match best;
    bool tied;       /* another one matches as well */
    bool may_settle; /* the best one's state leaves something to settle */
    bool unfinished; /* it has not ended */
    enum bh_status failed;
    char error_text[BH_REDIS_REFUSAL_TEXT];

    char id[BH_JOB_ID_MAX + 1]; /* the job that it is brought to */
    struct bh_queue_keys keys;  /* of that one's queue */
    struct bh_script_call call;
    enum bh_report_fate fate;
    bool may_resend;
};

static void
finish(struct errand *errand)
{
    const struct bh_report_result result = {
        .fate = errand->fate,
        .queue = errand->best_at != NOWHERE ? errand->config->queues[errand->best_at].name : NULL,
        .id = errand->best_at != NOWHERE ? errand->id : NULL,
        .may_resend = errand->may_resend,
    };
    errand->on_done(errand->arg, errand->failed, &result,
                    errand->error_text[0] != '\0' ? errand->error_text : NULL);
    bh_script_call_release(&errand->call);
    bh_config_release(errand->config);
    bh_free(errand);
}

static void
fail(struct errand *errand, enum bh_status status)
{
    errand->failed = status;
    finish(errand);
}

/* ---- 3: the delivery ---- */

/* What the script has found, where we know nothing better. */
static enum bh_report_fate
fate_of(enum bh_report_code code)
{
    switch (code) {
    case BH_REPORT_CODE_NOTED:
    case BH_REPORT_CODE_SEVERAL: return BH_REPORT_NOTED;
    case BH_REPORT_CODE_NOTHING_NEW: return BH_REPORT_REPEATED;
    case BH_REPORT_CODE_NONE: return BH_REPORT_NO_JOB;
    case BH_REPORT_CODE_OTHER: return BH_REPORT_OTHER_MESSAGE;
    }
    return BH_REPORT_NO_JOB;
}

static void
note_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_report_noted noted = {0};
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK)
        status = bh_decode_report(reply, &noted);
    if (status == BH_OK && errand->fate == BH_REPORT_NOTED) {
        errand->fate = fate_of(noted.code);
        if (errand->unfinished &&
            (errand->fate == BH_REPORT_NOTED || errand->fate == BH_REPORT_REPEATED))
            errand->fate = BH_REPORT_EARLY;
    }
    errand->may_resend = noted.may_resend;
    fail(errand, status);
}

static const struct bh_queue_config *
queue_of(const struct errand *errand)
{
    return &errand->config->queues[errand->best_at];
}

static void
note(struct errand *errand)
{
    struct bh_call *call =
        bh_script_call_begin(&errand->call, errand->connection, BH_SCRIPT_REPORT);
    bh_encode_report(call, &errand->keys,
                     &(struct bh_report_note){
                         .id = errand->id,
                         .report = &errand->report,
                         .retention_ms = errand->config->status.retention_ms,
                         .events_cap = (uint32_t)errand->config->status.events_max,
                         .tracking = bh_tracking_of(errand->config, queue_of(errand)),
                     });
    enum bh_status status = bh_script_call_send(&errand->call, note_on_reply, errand);
    if (status != BH_OK)
        fail(errand, status);
}

/* ---- 2: the uncertain job ---- */

static void
settle_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_resolved resolved;
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK)
        status = bh_decode_resolve(reply, &resolved);
    if (status != BH_OK) {
        fail(errand, status);
        return;
    }
    if (resolved.code == BH_RESOLVED_DONE)
        errand->fate = BH_REPORT_SETTLED;
    else if (resolved.code == BH_RESOLVED_LEASED)
        errand->fate = BH_REPORT_EARLY;
    note(errand);
}

static void
settle(struct errand *errand)
{
    const struct bh_field message_id = {"message_id", bh_str_from(errand->report.message_id)};
    const struct bh_resolve resolve = {
        .id = errand->id,
        .word = BH_RESOLVE_SENT,
        .source = BH_RESOLVE_BY_REPORT,
        .who = BH_STR_LITERAL("report"),
        .retention_ms = errand->config->status.retention_ms,
        .events_cap = (uint32_t)errand->config->status.events_max,
        .tracking = bh_tracking_of(errand->config, queue_of(errand)),
        .fields = &message_id,
        .fields_count = message_id.value.len > 0 ? 1 : 0,
    };
    struct bh_call *call =
        bh_script_call_begin(&errand->call, errand->connection, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(call, &errand->keys, &resolve);
    enum bh_status status = bh_script_call_send(&errand->call, settle_on_reply, errand);
    if (status != BH_OK)
        fail(errand, status);
}

/* ---- 1: which job ---- */

static void
bring(struct errand *errand)
{
    errand->fate = BH_REPORT_NOTED;
    enum bh_status status =
        bh_queue_keys_init(&errand->keys, errand->config->redis.prefix, queue_of(errand)->name);
    BH_ASSERT(status == BH_OK);
    if (errand->may_settle)
        settle(errand);
    else
        note(errand);
}

static void
choose_by_name(struct errand *errand)
{
    snprintf(errand->id, sizeof(errand->id), "%s", errand->report.foreign_id);
    if (errand->best == BH_REPORT_MATCH_NONE)
        errand->fate = BH_REPORT_NO_JOB;
    else if (errand->tied)
        errand->fate = BH_REPORT_AMBIGUOUS;
    else if (errand->best == BH_REPORT_MATCH_OTHER)
        errand->fate = BH_REPORT_OTHER_MESSAGE;
    else {
        bring(errand);
        return;
    }
    if (errand->tied)
        errand->best_at = NOWHERE;
    finish(errand);
}

static void
take_status(struct errand *errand, size_t at, const struct bh_reported_status *status)
{
    bool settled = bh_report_state_is_settled(status->state);
    bool several = bh_report_is_for_several(status);
    errand->best_at = at;
    errand->may_settle = !settled && !several;
    errand->unfinished = !settled && several && !bh_str_equal_text(status->state, "unknown");
}

static void
entry_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_reported_status found;
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK)
        status = bh_decode_reported_status(reply, &found);
    if (status != BH_OK) {
        fail(errand, status);
        return;
    }
    if (!bh_report_is_of(&errand->report, &found)) {
        choose_by_name(errand);
        return;
    }
    take_status(errand, errand->entry_at, &found);
    memcpy(errand->id, errand->entry_id, sizeof(errand->id));
    bring(errand);
}

/* The status `id` of a queue. */
static enum bh_status
ask_status(struct errand *errand, size_t queue, const char *id,
           void (*on_reply)(void *, const struct redisReply *, const char *))
{
    static const char *const fields[] = {BH_REPORT_STATUS_FIELDS};
    struct bh_str argv[2 + BH_ARRAY_LEN(fields)] = {BH_STR_LITERAL("HMGET")};
    struct bh_buf key;
    enum bh_status status = bh_queue_keys_init(&errand->keys, errand->config->redis.prefix,
                                               errand->config->queues[queue].name);
    BH_ASSERT(status == BH_OK);
    bh_buf_init(&key, 512);
    status = bh_key_append_status(&key, &errand->keys, id);
    if (status == BH_OK) {
        argv[1] = bh_buf_str(&key);
        for (size_t i = 0; i < BH_ARRAY_LEN(fields); i++)
            argv[2 + i] = bh_str_from(fields[i]);
        status = bh_redis_connection_send(errand->connection, BH_ARRAY_LEN(argv), argv, 0, on_reply,
                                          errand);
    }
    bh_buf_release(&key);
    return status;
}

static void
choose(struct errand *errand)
{
    if (errand->failed != BH_OK) {
        finish(errand);
        return;
    }
    bool named = errand->best == BH_REPORT_MATCH_EXACT && !errand->tied;
    if (errand->entries && !named) {
        errand->fate = BH_REPORT_AMBIGUOUS;
        errand->best_at = NOWHERE;
        finish(errand);
        return;
    }
    bool same = named && errand->best_at == errand->entry_at &&
                strcmp(errand->entry_id, errand->report.foreign_id) == 0;
    if (errand->entry_at == NOWHERE || errand->entries || same) {
        choose_by_name(errand);
        return;
    }
    enum bh_status status = ask_status(errand, errand->entry_at, errand->entry_id, entry_on_reply);
    if (status != BH_OK)
        fail(errand, status);
}

static void
weigh(struct errand *errand, size_t at, const struct bh_reported_status *status)
{
    enum bh_report_match match = bh_report_match(&errand->report, status);
    if (match == BH_REPORT_MATCH_NONE || match < errand->best)
        return;
    errand->tied = match == errand->best;
    errand->best = match;
    take_status(errand, at, status);
}

static void
looked(struct errand *errand, enum bh_status status)
{
    if (status != BH_OK && errand->failed == BH_OK)
        errand->failed = status;
    if (++errand->answered == errand->asked)
        choose(errand);
}

static void
status_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_reported_status found;
    size_t at = errand->by_name_at++;
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK)
        status = bh_decode_reported_status(reply, &found);
    if (status == BH_OK)
        weigh(errand, at, &found);
    looked(errand, status);
}

static void
message_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct errand *errand = arg;
    struct bh_str id = {"", 0};
    size_t at = errand->by_message_at++;
    (void)error_text;
    enum bh_status status = bh_redis_judge(errand->connection, reply, errand->error_text);
    if (status == BH_OK)
        status = bh_decode_message_entry(reply, &id);
    if (status == BH_OK && id.len > 0) {
        errand->entries = errand->entry_at != NOWHERE;
        errand->entry_at = at;
        snprintf(errand->entry_id, sizeof(errand->entry_id), "%.*s", BH_STR_ARGS(id));
    }
    looked(errand, status);
}

static enum bh_status
ask_message(struct errand *errand, size_t queue)
{
    struct bh_str argv[2] = {BH_STR_LITERAL("GET")};
    struct bh_buf key;
    enum bh_status status = bh_queue_keys_init(&errand->keys, errand->config->redis.prefix,
                                               errand->config->queues[queue].name);
    BH_ASSERT(status == BH_OK);
    bh_buf_init(&key, 512);
    status = bh_key_append_message(&key, &errand->keys, bh_str_from(errand->report.message_id));
    if (status == BH_OK) {
        argv[1] = bh_buf_str(&key);
        status = bh_redis_connection_send(errand->connection, BH_ARRAY_LEN(argv), argv, 0,
                                          message_on_reply, errand);
    }
    bh_buf_release(&key);
    return status;
}

static enum bh_status
look_into(struct errand *errand, size_t queue)
{
    enum bh_status status = BH_OK;
    if (errand->report.foreign_id[0] != '\0') {
        status = ask_status(errand, queue, errand->report.foreign_id, status_on_reply);
        errand->asked += status == BH_OK;
    }
    if (status == BH_OK && errand->report.message_id[0] != '\0') {
        status = ask_message(errand, queue);
        errand->asked += status == BH_OK;
    }
    return status;
}

enum bh_status
bh_report_deliver(struct bh_redis_connection *connection, const struct bh_config *config,
                  const struct bh_delivery_report *report, bh_report_on_done *on_done, void *arg)
{
    if (report->foreign_id[0] == '\0' && report->message_id[0] == '\0')
        return BH_EINVAL;
    struct errand *errand = bh_alloc_zero(sizeof(*errand));
    enum bh_status status = BH_OK;
    if (errand == NULL)
        return BH_ENOMEM;
    errand->connection = connection;
    errand->config = bh_config_retain(config);
    errand->report = *report;
    errand->on_done = on_done;
    errand->arg = arg;
    errand->best_at = errand->entry_at = NOWHERE;
    for (size_t i = 0; i < config->queues_count && status == BH_OK; i++)
        status = look_into(errand, i);
    if (errand->asked == 0) {
        bh_config_release(errand->config);
        bh_free(errand);
        return status;
    }
    /* Some are on their way: what could not be asked is told when they have been answered. */
    errand->failed = status;
    return BH_OK;
}
