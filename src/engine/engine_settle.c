/*
 * What is written about a job when its claim ends, and what the log is told.
 */
#include "engine/engine_internal.h"

#include <stdio.h>
#include <string.h>

#include <bellhop/sms.h>

#include "core/json.h"
#include "core/money.h"

/* ---- fields of the status hash ---- */

static void
add_recipients_written(struct bh_slot *slot)
{
    struct bh_buf *buf = bh_fields_begin(&slot->fields, "to");
    for (size_t i = 0; i < slot->job->recipients_count; i++) {
        const struct bh_recipient *to = &slot->job->recipients[i];
        if (i > 0)
            bh_buf_append_char(buf, ',');
        bh_buf_append_text(buf, to->msisdn != NULL ? to->msisdn : to->written);
    }
    bh_fields_end(&slot->fields);
}

static void
add_origin(struct bh_slot *slot)
{
    const struct bh_job *job = slot->job;
    bh_fields_add_text(&slot->fields, "type", bh_job_type_name(job->type));
    add_recipients_written(slot);
    bh_fields_add_int(&slot->fields, "created_at", slot->created.ms);
    if (slot->expires.ms != 0)
        bh_fields_add_int(&slot->fields, "expires_at", slot->expires.ms);
    if (slot->parts > 0)
        bh_fields_add_int(&slot->fields, "parts", slot->parts);
    bh_fields_add_text(&slot->fields, "foreign_id", job->foreign_id);
    bh_fields_add_text(&slot->fields, "label", job->label);
    bh_fields_add_text(&slot->fields, "meta", job->meta);
    bh_fields_add_text(&slot->fields, "resend_of", job->resend_of);
    if (job->resend_number > 0)
        bh_fields_add_int(&slot->fields, "resend_number", job->resend_number);
}

void
bh_settle_admit_fields(struct bh_slot *slot)
{
    bh_fields_clear(&slot->fields);
    if (!slot->first)
        return;
    add_origin(slot);
    bh_fields_add_text(&slot->fields, "callback_url", bh_job_callback_url(slot));
}

static void
add_message_ids(struct bh_slot *slot, const struct bh_outcome *outcome)
{
    struct bh_buf *buf = bh_fields_begin(&slot->fields, "message_id");
    size_t start = buf->len;
    for (size_t i = 0; i < slot->progress.recipients_count; i++) {
        const char *id = slot->progress.recipients[i].result.id;
        if (id[0] != '\0')
            bh_buf_printf(buf, "%s%s", buf->len > start ? "," : "", id);
    }
    for (size_t i = 0; outcome != NULL && i < outcome->extras_count; i++) {
        const char *id = outcome->extras[i].id;
        if (id[0] != '\0')
            bh_buf_printf(buf, "%s%s", buf->len > start ? "," : "", id);
    }
    if (buf->len > start)
        bh_fields_end(&slot->fields);
}

static void
add_sums(struct bh_engine *engine, struct bh_slot *slot)
{
    int parts = 0;
    int64_t price_micro = 0;
    bool priced = false, agrees = true;
    for (size_t i = 0; i < slot->progress.recipients_count; i++) {
        const struct bh_recipient_result *result = &slot->progress.recipients[i].result;
        parts += result->parts;
        if (result->accepted && result->parts > 0 && result->parts != slot->parts)
            agrees = false;
        if (result->accepted && result->price_micro >= 0) {
            price_micro += result->price_micro;
            priced = true;
        }
    }
    if (!agrees)
        engine->stats.parts_disagree++;
    if (parts > 0)
        bh_fields_add_int(&slot->fields, "parts", parts);
    if (priced)
        bh_fields_add_micro(&slot->fields, "price", price_micro);
}

static void
put_recipient(struct bh_json_writer *writer, const struct bh_recipient *to,
              const struct bh_recipient_progress *one)
{
    const struct bh_recipient_result *result = &one->result;
    bh_json_open_object(writer, NULL);
    bh_json_put_text(writer, "recipient", to->msisdn != NULL ? to->msisdn : to->written);
    /*
     * Null is what nobody knows yet, or any more; an operator's or a report's word may still settle it.  Nothing is
     * said of those whom no request may have reached: they wait, and no word about a request is about them.
     */
    if (one->state == BH_RECIPIENT_ACCEPTED || one->state == BH_RECIPIENT_FAILED ||
        one->state == BH_RECIPIENT_DUPLICATE)
        bh_json_put_bool(writer, "success", one->state == BH_RECIPIENT_ACCEPTED);
    else if (one->state != BH_RECIPIENT_OPEN)
        bh_json_put_null(writer, "success");
    if (result->id[0] != '\0')
        bh_json_put_text(writer, "id", result->id);
    if (result->code != 0)
        bh_json_put_int(writer, "code", result->code);
    if (result->error[0] != '\0')
        bh_json_put_text(writer, "error", result->error);
    if (result->price_micro >= 0 && result->accepted)
        bh_json_put_raw(writer, "price", bh_str_from(bh_money_format(result->price_micro).text));
    if (result->parts > 0)
        bh_json_put_int(writer, "parts", result->parts);
    bh_json_close_object(writer);
}

static void
add_recipient_results(struct bh_slot *slot)
{
    /* Nothing is known of them when the job was found to be invalid. */
    if (slot->job->recipients_count < 2 || slot->progress.recipients == NULL)
        return;
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, bh_fields_begin(&slot->fields, "recipients"));
    bh_json_open_array(&writer, NULL);
    for (size_t i = 0; i < slot->job->recipients_count; i++)
        put_recipient(&writer, &slot->job->recipients[i], &slot->progress.recipients[i]);
    bh_json_close_array(&writer);
    bh_fields_end(&slot->fields);
}

static void
add_result(struct bh_engine *engine, struct bh_slot *slot, const struct bh_outcome *outcome)
{
    const struct bh_verdict *verdict = &slot->verdict;
    if (verdict->code != 0)
        bh_fields_add_int(&slot->fields, "code", verdict->code);
    bh_fields_add_text(&slot->fields, "error", verdict->error);
    bh_fields_add_text(&slot->fields, "confirmed_by", verdict->confirmed_by);
    if (verdict->confirmed_by != NULL)
        bh_fields_add_int(
            &slot->fields, "sent_at",
            slot->ask.sent_at.ms != 0 ? slot->ask.sent_at.ms : bh_engine_server_now(engine).ms);
    bh_fields_add_text(&slot->fields, "delivery", slot->ask.delivery);
    if (outcome != NULL) {
        if (outcome->http_status != 0)
            bh_fields_add_int(&slot->fields, "http_status", outcome->http_status);
        if (outcome->balance_micro != INT64_MIN)
            bh_fields_add_micro(&slot->fields, "balance", outcome->balance_micro);
        bh_fields_add_text(&slot->fields, "encoding", outcome->encoding);
    } else if (!bh_state_is_final(verdict->state) && verdict->uncertain_since.ms == 0 &&
               slot->head.uncertain_since.ms == 0) {
        return;
    }
    /* While a question is open, whoever answers it goes by what stands here of each recipient. */
    add_message_ids(slot, outcome);
    add_sums(engine, slot);
    add_recipient_results(slot);
}

/* ---- the log ---- */

static enum bh_log_level
level_of(const struct bh_verdict *verdict)
{
    if (verdict->doubled)
        return BH_LOG_ERROR;
    if (verdict->contradicted)
        return BH_LOG_WARN;
    switch (verdict->state) {
    case BH_STATE_SENT:
    case BH_STATE_SCHEDULED:
    case BH_STATE_SENDING:
    case BH_STATE_CANCELLED: return BH_LOG_INFO;
    case BH_STATE_RETRYING:
    case BH_STATE_HELD:
    case BH_STATE_PARTIAL:
    case BH_STATE_EXPIRED:
    case BH_STATE_DUPLICATE:
    case BH_STATE_INVALID: return BH_LOG_WARN;
    case BH_STATE_FAILED:
    case BH_STATE_UNKNOWN: return BH_LOG_ERROR;
    }
    return BH_LOG_WARN;
}

/*
 * Whether the name of the field at fault may stand in a masked log: an unknown field's is the producer's, and
 * what got into the wrong place there may be a number or a text.  A misspelt name of ours stays readable.
 */
static bool
looks_like_a_field(const char *name)
{
    size_t len = strlen(name), digits = 0;
    for (size_t i = 0; i < len; i++) {
        digits = name[i] >= '0' && name[i] <= '9' ? digits + 1 : 0;
        bool fits = digits > 0 || (name[i] >= 'a' && name[i] <= 'z') || strchr("_.[]", name[i]);
        if (!fits || digits > 3)
            return false;
    }
    return len > 0 && len <= 40;
}

static const char *
words_of_witness(const char *confirmed_by)
{
    if (strcmp(confirmed_by, "journal") == 0)
        return "accepted by the gateway, as its journal shows";
    if (strcmp(confirmed_by, "reload_lock") == 0)
        return "accepted by the gateway, for its reload lock refuses it as sent already";
    return "accepted by the gateway";
}

static void
note_verdict(struct bh_engine *engine, const struct bh_slot *slot, const struct bh_outcome *outcome)
{
    const struct bh_verdict *verdict = &slot->verdict;
    bool asked = outcome != NULL;
    char breach[BH_ERROR_FIELD_MAX + 48];
    const char *text = verdict->error[0] != '\0'       ? verdict->error
                       : verdict->confirmed_by != NULL ? words_of_witness(verdict->confirmed_by)
                                                       : "not sent";
    if (verdict->quotes_field != NULL) {
        bool named = looks_like_a_field(verdict->quotes_field);
        snprintf(breach, sizeof(breach), "not a valid job%s%s%s", named ? ": see its field `" : "",
                 named ? verdict->quotes_field : "", named ? "`" : "");
        text = breach;
    }
    bh_engine_note(engine,
                   &(struct bh_note){
                       .level = level_of(verdict),
                       .event = verdict->silent ? "given_back" : bh_state_name(verdict->state),
                       .queue = slot->queue->name,
                       .id = slot->id,
                       .to = bh_job_first_recipient(slot),
                       .to_more = slot->job != NULL ? slot->job->recipients_count - 1 : 0,
                       .reason = bh_reason_name(verdict->reason),
                       .attempt = verdict->attempts,
                       .code = verdict->code,
                       .http_status = asked ? outcome->http_status : 0,
                       .took_ms = asked ? engine->turn.mono.ms - slot->began_mono.ms : -1,
                       .text = text,
                       .detail = verdict->quotes_field != NULL ? verdict->error : NULL,
                       .next = verdict->next,
                   });
}

/* ---- entering the stage ---- */

/* What was known of the account's lock has been contradicted: nothing is built on it any more. */
static void
doubt_lock(struct bh_engine *engine, const struct bh_slot *slot)
{
    if (!slot->verdict.lock_doubtful)
        return;
    engine->account.lock = BH_LOCK_UNKNOWN;
    bh_gate_say_account(engine, &(struct bh_account_command){
                                    .word = BH_ACCOUNT_SAYS_LOCK_DOUBTFUL,
                                    .code = slot->verdict.code,
                                    .balance_micro = INT64_MIN,
                                });
}

void
bh_settle_verdict(struct bh_engine *engine, struct bh_slot *slot, const struct bh_outcome *outcome)
{
    bh_fields_clear(&slot->fields);
    if (slot->job != NULL && !slot->verdict.silent) {
        if (slot->first)
            add_origin(slot);
        /* Again: the configuration may have changed since its admission, and the newest one counts. */
        bh_fields_add_text(&slot->fields, "callback_url", bh_job_callback_url(slot));
        add_result(engine, slot, outcome);
    }
    bh_buf_clear(&slot->memo);
    slot->progress.attempts = slot->verdict.attempts;
    if (slot->progress.recipients != NULL)
        bh_progress_format(&slot->progress, &slot->memo);
    else
        bh_buf_append(&slot->memo, slot->head.memo.ptr, slot->head.memo.len);
    note_verdict(engine, slot, outcome);
    doubt_lock(engine, slot);
    engine->stats.doubled += slot->verdict.doubled;
    engine->stats.by_state[slot->verdict.state]++;
    bh_slot_move(&engine->slots, slot, BH_STAGE_SETTLE);
}

void
bh_settle_invalid(struct bh_engine *engine, struct bh_slot *slot, const struct bh_error *error)
{
    /* It was valid once, by another configuration or version, and a request of it was not answered. */
    bool may_be_sent = slot->head.uncertain_since.ms != 0;
    slot->verdict = (struct bh_verdict){
        .state = may_be_sent ? BH_STATE_UNKNOWN : BH_STATE_INVALID,
        .disposition = BH_SETTLE_DEAD,
        .attempts = slot->head.attempts,
        .uncertain_since = slot->head.uncertain_since,
        .waiting = may_be_sent ? BH_WAITING_UNCERTAIN : BH_WAITING_NEW,
        .ledger = may_be_sent ? BH_LEDGER_KEEP : BH_LEDGER_FREE,
        .retry_after_ms = -1,
        .quotes_field = error->field,
    };
    snprintf(slot->verdict.error, sizeof(slot->verdict.error), "%s", error->text);
    /* The log may not quote what is wrong where it is masked; the status does. */
    snprintf(slot->verdict.next, sizeof(slot->verdict.next),
             "kept byte for byte in the dead set; `bellhop show %s` says what is wrong", slot->id);
    bh_settle_verdict(engine, slot, NULL);
    slot->head.memo = slot->head.lost_by = (struct bh_str){NULL, 0};
    slot->verdict.quotes_field = NULL;
    if (slot->job != NULL)
        return;
    bh_fields_add_text(&slot->fields, "type", bh_job_type_name(slot->queue->type));
    bh_fields_add(&slot->fields, "to", (struct bh_str){"", 0});
    bh_fields_add_text(&slot->fields, "error", error->text);
}

void
bh_settle_unopened(struct bh_engine *engine, struct bh_slot *slot)
{
    BH_ASSERT(slot->job == NULL);
    bh_settle_verdict(engine, slot, NULL);
    slot->head.memo = slot->head.lost_by = (struct bh_str){NULL, 0};
    bh_fields_add_text(&slot->fields, "error", slot->verdict.error);
    if (!slot->first)
        return;
    bh_fields_add_text(&slot->fields, "type", bh_job_type_name(slot->queue->type));
    bh_fields_add(&slot->fields, "to", (struct bh_str){"", 0});
}

void
bh_settle_give_back(struct bh_engine *engine, struct bh_slot *slot, enum bh_reason reason)
{
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_give_back(&the_case, reason, &slot->verdict);
    /* A job that was never registered has no status to write into, and stays as new as it was. */
    if (slot->first) {
        slot->verdict.silent = true;
        slot->verdict.waiting = slot->head.waiting;
    }
    bh_settle_verdict(engine, slot, NULL);
}

/* ---- commands and answers ---- */

/* For the journal of what was sent. */
static enum bh_sent_result
sent_result(const struct bh_slot *slot)
{
    const struct bh_progress *progress = &slot->progress;
    size_t accepted = 0, unknown = 0;
    for (size_t i = 0; i < progress->recipients_count; i++) {
        accepted += progress->recipients[i].state == BH_RECIPIENT_ACCEPTED;
        unknown += progress->recipients[i].state == BH_RECIPIENT_UNKNOWN;
    }
    if (accepted > 0 && accepted == progress->recipients_count)
        return BH_SENT_ACCEPTED;
    if (!slot->requested)
        return BH_SENT_OPEN;
    if (accepted > 0)
        return BH_SENT_PARTLY;
    bool open = unknown > 0 || slot->verdict.uncertain_since.ms != 0;
    return open ? BH_SENT_UNCERTAIN : BH_SENT_REFUSED;
}

static struct bh_str
message_ids(const struct bh_settle_command *settle)
{
    for (size_t i = 0; i < settle->fields_count; i++) {
        if (strcmp(settle->fields[i].name, "message_id") == 0)
            return settle->fields[i].value;
    }
    return (struct bh_str){"", 0};
}

static enum bh_callback
callback_of(const struct bh_slot *slot)
{
    if (slot->job == NULL)
        return BH_CALLBACK_LOOK;
    return bh_job_callback_url(slot) != NULL ? BH_CALLBACK_DUE : BH_CALLBACK_NONE;
}

/*
 * How long the payload of a message that was taken may still be needed, because a report may say that it failed.  One of
 * several recipients is not sent to again, and a debug job has no message.
 */
static bh_ms
kept_ms(const struct bh_engine *engine, const struct bh_slot *slot)
{
    const struct bh_job *job = slot->job;
    if (job == NULL || slot->verdict.state != BH_STATE_SENT || job->recipients_count != 1 ||
        job->debug)
        return 0;
    bool may_fail =
        job->type == BH_JOB_SMS ? slot->queue->resend_on_report : slot->queue->redial > 0;
    if (!may_fail)
        return 0;
    return bh_ms_max(slot->expires.ms - bh_engine_server_now(engine).ms, 0);
}

bool
bh_settle_next(struct bh_engine *engine, struct bh_command *ret_command)
{
    struct bh_slot *slot = bh_slot_first(&engine->slots, BH_STAGE_SETTLE);
    if (slot == NULL)
        return false;
    const struct bh_verdict *verdict = &slot->verdict;
    struct bh_settle_command settle = {
        .slot = bh_slot_handle(slot),
        .claim = slot->claim,
        .disposition = verdict->disposition,
        .delay_ms = verdict->delay_ms,
        .waiting = (char)verdict->waiting,
        .reason = bh_reason_name(verdict->reason),
        .attempts = verdict->attempts,
        .uncertain_since = verdict->uncertain_since,
        .memo = bh_buf_str(&slot->memo),
        .id = slot->id,
        .ledger = (const char(*)[33])slot->ledger,
        .ledger_count = slot->ledger_count,
        .ledger_action = verdict->ledger,
        .ledger_ms = slot->config->gateway.reload_lock_ms + BH_LOCK_MARGIN_MS,
        .state = verdict->silent ? "" : bh_state_name(verdict->state),
        .code = verdict->code,
        .sent = slot->sent,
        .result = sent_result(slot),
        .kept_ms = kept_ms(engine, slot),
        .callback = callback_of(slot),
        .first_error = bh_str_from(verdict->state == BH_STATE_SENT ? "" : verdict->error),
    };
    /* The result itself must not be lost for want of memory for its details. */
    if (bh_fields_view(&slot->fields, &settle.fields, &settle.fields_count) != BH_OK)
        settle.fields_count = 0;
    settle.message_ids = message_ids(&settle);
    bh_slot_move(&engine->slots, slot, BH_STAGE_SETTLING);
    *ret_command = (struct bh_command){.kind = BH_COMMAND_SETTLE, .settle = settle};
    return true;
}

void
bh_settle_done(struct bh_engine *engine, const struct bh_settled_event *event)
{
    struct bh_slot *slot = bh_slot_find(&engine->slots, event->slot);
    if (slot == NULL || slot->stage != BH_STAGE_SETTLING) {
        engine->stats.stale_handles++;
        return;
    }
    bh_claim_next_due(engine, slot->claim.queue, event->next_due_ms);
    switch (event->code) {
    case BH_SETTLED_FAILED: bh_slot_move(&engine->slots, slot, BH_STAGE_SETTLE); return;
    case BH_SETTLED_LATE: engine->stats.late++; break;
    case BH_SETTLED_STALE:
        engine->stats.stale++;
        bh_engine_note(engine, &(struct bh_note){
                                   .level = BH_LOG_WARN,
                                   .event = "stale",
                                   .queue = slot->queue->name,
                                   .id = slot->id,
                                   .attempt = slot->verdict.attempts,
                                   .took_ms = -1,
                                   .text = "its result came after somebody else had claimed it",
                                   .next = "nothing is written; the new owner decides",
                               });
        break;
    case BH_SETTLED_OK:
    case BH_SETTLED_GONE: break;
    }
    /* Given back to the head of the line: there is something to claim. */
    if (slot->verdict.disposition == BH_SETTLE_READY)
        engine->queues[slot->claim.queue].ready = true;
    bh_job_drop(engine, slot, NULL);
}
