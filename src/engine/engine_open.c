/*
 * Opening: a claimed job gets a slot, is parsed and prepared, and goes where its record says.
 */
#include "engine/engine_internal.h"

#include <stdio.h>
#include <string.h>

#include <bellhop/sms.h>

#include "core/alloc.h"
#include "core/callback.h"
#include "core/digest.h"
#include "core/fault.h"
#include "core/job_word.h"
#include "core/uuid.h"
#include "core/when.h"

static struct bh_slot *
take_slot(struct bh_engine *engine, const struct bh_claimed_event *claim,
          const struct bh_claimed_job *claimed)
{
    struct bh_slot *slot = bh_slot_first(&engine->slots, BH_STAGE_FREE);
    BH_ASSERT(slot != NULL);
    BH_ASSERT(claimed->handle.len < sizeof(slot->handle));
    memcpy(slot->handle, claimed->handle.ptr, claimed->handle.len);
    slot->handle[claimed->handle.len] = '\0';
    slot->config = bh_config_retain(engine->config);
    slot->queue = engine->queues[claim->queue].config;
    slot->claim = (struct bh_claim_ref){
        claim->queue, {slot->handle, claimed->handle.len},
         claim->token
    };
    slot->payload_digest = claimed->payload_digest;
    slot->lease_until = bh_mono_add(claim->asked_at, slot->config->pool.lease_ms);
    slot->renew_at = bh_mono_add(claim->asked_at, slot->config->pool.lease_ms / 3);
    bh_slot_move(&engine->slots, slot, BH_STAGE_GATED);
    bh_job_set_alarm(engine, slot);
    return slot;
}

/* The job's own id, the one it was registered under, or a new one. */
static void
choose_id(struct bh_engine *engine, struct bh_slot *slot, const char *given)
{
    slot->first = slot->head.id[0] == '\0';
    if (!slot->first) {
        memcpy(slot->id, slot->head.id, sizeof(slot->id));
    } else if (given != NULL) {
        snprintf(slot->id, sizeof(slot->id), "%s", given);
    } else {
        unsigned char random[BH_UUID_RANDOM_BYTES];
        bh_dice_bytes(&engine->dice, random, sizeof(random));
        struct bh_uuid_text uuid = bh_uuid7_format(bh_engine_server_now(engine), random);
        snprintf(slot->id, sizeof(slot->id), "%s", uuid.text);
    }
}

/* What a job without an id of its own was sent under; Redis may have forgotten that. */
static const char *
id_of_before(const struct bh_claimed_job *claimed)
{
    const struct bh_sent_trace *trace = claimed->sent_before;
    return trace != NULL && trace->id[0] != '\0' ? trace->id : NULL;
}

/* A job names where we shall post to only within what the operator allows: no requests forged through jobs. */
static enum bh_status
check_callback(const struct bh_slot *slot, struct bh_error *error)
{
    const char *allowed = slot->queue->callback_url;
    const char *url = slot->job->callback_url;
    if (url == NULL)
        return BH_OK;
    if (allowed[0] == '\0')
        return bh_error_set(
            error, "callback_url",
            "field `callback_url`: queue `%s` allows no callbacks ([queue %s] callback_url "
            "is empty)",
            slot->queue->name, slot->queue->name);
    const char *problem = bh_callback_url_problem(bh_str_from(allowed), bh_str_from(url));
    if (problem != NULL)
        return bh_error_set(error, "callback_url",
                            "field `callback_url`: %s is not what queue `%s` allows; it %s",
                            bh_quote(bh_str_from(url)).text, slot->queue->name, problem);
    return BH_OK;
}

const char *
bh_job_callback_url(const struct bh_slot *slot)
{
    struct bh_error refused;
    if (slot->job == NULL || check_callback(slot, &refused) != BH_OK)
        return NULL;
    if (slot->job->callback_url != NULL)
        return slot->job->callback_url;
    bool all = slot->queue->callback_all && slot->queue->callback_url[0] != '\0';
    return all ? slot->queue->callback_url : NULL;
}

static enum bh_status
resolve_times(struct bh_engine *engine, struct bh_slot *slot, struct bh_error *error)
{
    if (slot->head.created.ms != 0) {
        slot->created = slot->head.created;
        slot->due = slot->head.due;
        slot->expires = slot->head.expires;
        return BH_OK;
    }
    struct bh_wall now = bh_engine_server_now(engine);
    slot->created = now;
    /* A producer's clock may run ahead; nothing is enqueued in the future. */
    if (slot->job->enqueued_at_ms > 0 && slot->job->enqueued_at_ms < now.ms)
        slot->created.ms = slot->job->enqueued_at_ms;
    slot->due = slot->created;
    if (slot->job->delay != NULL) {
        /* In the past too: what was meant for noon and pushed at three is three hours old. */
        enum bh_status status = bh_when_parse(bh_str_from(slot->job->delay), slot->created,
                                              slot->config->gateway.zone, &slot->due, error);
        if (status != BH_OK)
            return status;
    }
    bh_ms ttl_ms =
        slot->job->ttl_minutes > 0 ? slot->job->ttl_minutes * BH_MINUTE_MS : slot->queue->ttl_ms;
    slot->expires.ms = slot->due.ms + ttl_ms;
    return BH_OK;
}

static enum bh_status
list_recipients(struct bh_slot *slot, const struct bh_plan *plan)
{
    size_t count = slot->job->recipients_count;
    if (slot->asked == NULL)
        slot->asked = bh_alloc_array(count, sizeof(*slot->asked));
    if (slot->asked_recipients == NULL)
        slot->asked_recipients = bh_alloc_array(count, sizeof(*slot->asked_recipients));
    slot->asked_count = 0;
    if (slot->asked == NULL || slot->asked_recipients == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        enum bh_recipient_state state = slot->progress.recipients[i].state;
        bool is_asked = (state == BH_RECIPIENT_OPEN && plan->to_open) ||
                        (state == BH_RECIPIENT_UNCERTAIN && plan->to_uncertain);
        if (!is_asked)
            continue;
        slot->asked_recipients[slot->asked_count] = &slot->job->recipients[i];
        slot->asked[slot->asked_count++] = i;
    }
    return BH_OK;
}

/*
 * One ledger entry per recipient.  A job with more recipients than the ledger takes goes without: the
 * gateway's own lock then still refuses twins, at the price of a request.
 */
static enum bh_status
list_ledger(struct bh_slot *slot)
{
    bh_free(slot->ledger);
    slot->ledger = NULL;
    slot->ledger_count = 0;
    slot->ledger_complete = false;
    if (!bh_policy_uses_ledger(slot->job, &slot->config->gateway) ||
        slot->asked_count > BH_LEDGER_MAX)
        return BH_OK;
    slot->ledger = bh_alloc_array(slot->asked_count, sizeof(*slot->ledger));
    if (slot->ledger == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < slot->asked_count; i++) {
        const struct bh_recipient *to = slot->asked_recipients[i];
        const struct bh_str pieces[] = {
            bh_str_from(bh_job_type_name(slot->job->type)),
            bh_str_from(to->msisdn != NULL ? to->msisdn : to->written),
            bh_str_from(slot->job->text),
        };
        struct bh_digest digest;
        enum bh_status status = bh_digest_pieces(pieces, BH_ARRAY_LEN(pieces), &digest);
        if (status != BH_OK)
            return status;
        memcpy(slot->ledger[i], digest.hex, sizeof(digest.hex));
    }
    slot->ledger_count = slot->asked_count;
    slot->ledger_complete = true;
    return BH_OK;
}

enum bh_status
bh_job_list_asked(struct bh_slot *slot, const struct bh_plan *plan)
{
    slot->plan = *plan;
    enum bh_status status = list_recipients(slot, plan);
    return status == BH_OK ? list_ledger(slot) : status;
}

static void
measure(struct bh_slot *slot)
{
    if (slot->job->type != BH_JOB_SMS)
        return;
    struct bh_sms_options options = {
        .unicode = slot->job->unicode,
        .udh = slot->job->udh,
        .udh_len = slot->job->udh != NULL ? strlen(slot->job->udh) : 0,
    };
    struct bh_sms_size size;
    if (bh_sms_measure(slot->job->text, strlen(slot->job->text), &options, &size, NULL))
        slot->parts = (int)size.parts;
}

/* Where an opened job goes next. */
static void
dispatch(struct bh_engine *engine, struct bh_slot *slot)
{
    slot->ahead = slot->head.uncertain_since.ms != 0;
    bh_job_line_up(engine, slot);
    if (bh_job_is_in_question(slot) && !bh_job_decide(engine, slot))
        return;
    if (slot->due.ms > bh_engine_server_now(engine).ms)
        bh_slot_move(&engine->slots, slot, BH_STAGE_SCHEDULE);
    else if (bh_job_is_expired(engine, slot))
        bh_job_expire(engine, slot);
    else if (bh_job_must_go_back(engine))
        bh_job_give_back(engine, slot);
}

/*
 * What the journal of what was sent knows of the job.  A record in Redis that counts as many attempts knows it too, but
 * for one thing: a job that was accepted for everybody has no record any more.  One with a request that Redis has
 * forgotten goes on as if its worker had died while it was being sent.
 */
static void
recall(struct bh_slot *slot, const struct bh_sent_trace *trace)
{
    if (trace == NULL || trace->accepted || slot->head.attempts >= trace->attempts)
        return;
    slot->head.attempts = trace->attempts;
    slot->head.uncertain_since = trace->since;
    slot->head.waiting = BH_WAITING_UNCERTAIN;
    slot->recovered = true;
}

/* True: it was sent to everybody before, and is settled. */
static bool
was_sent_before(struct bh_engine *engine, struct bh_slot *slot, const struct bh_sent_trace *trace)
{
    if (trace == NULL || !trace->accepted)
        return false;
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_sent_before(&the_case, trace, &slot->verdict);
    bh_settle_verdict(engine, slot, NULL);
    return true;
}

/* Who is certain, who is not, and who is to be asked again. */
static void
take_up(struct bh_engine *engine, struct bh_slot *slot)
{
    struct bh_case the_case = bh_job_case(engine, slot);
    engine->stats.recovered += slot->recovered;
    bh_policy_take_up(&the_case);
    slot->head.uncertain_since = the_case.uncertain_since;
}

/* The parts of opening that only memory can stop. */
static enum bh_status
prepare(struct bh_engine *engine, struct bh_slot *slot, const struct bh_sent_trace *trace)
{
    static const struct bh_plan all = {BH_TRY_FRESH, true, true};
    enum bh_status status = bh_progress_init(&slot->progress, slot->job->recipients_count);
    if (status == BH_OK)
        status = bh_progress_parse(slot->head.memo, &slot->progress);
    if (status == BH_OK) {
        recall(slot, trace);
        take_up(engine, slot);
        status = bh_job_list_asked(slot, &all);
    }
    measure(slot);
    slot->head.memo = slot->head.lost_by = (struct bh_str){NULL, 0};
    return status;
}

static bh_ms
late_ms(const struct bh_engine *engine, const struct bh_slot *slot)
{
    bool was_put_aside = slot->head.waiting == BH_WAITING_SCHEDULED && slot->head.attempts == 0;
    return was_put_aside ? bh_ms_max(bh_engine_server_now(engine).ms - slot->due.ms, 0) : -1;
}

static bool
parse_payload(struct bh_engine *engine, struct bh_slot *slot, const struct bh_claimed_job *claimed)
{
    const struct bh_queue_config *queue = slot->queue;
    struct bh_job_rules rules = {
        .default_type = queue->type,
        .bytes_max = (size_t)queue->max_job_bytes,
        .bytes_max_with_files = (size_t)queue->max_job_with_files_bytes,
        .country = slot->config->gateway.country,
    };
    struct bh_error error = {"", ""};
    char id[BH_JOB_ID_MAX + 1];

    if (claimed->payload.len != claimed->payload_bytes) {
        choose_id(engine, slot, NULL);
        bh_error_set(&error, "", "the job is %llu bytes long, the queue allows %llu",
                     (unsigned long long)claimed->payload_bytes,
                     (unsigned long long)rules.bytes_max_with_files);
        bh_settle_invalid(engine, slot, &error);
        return false;
    }
    switch (bh_job_parse(claimed->payload.ptr, claimed->payload.len, &rules, &slot->job, &error)) {
    case BH_JOB_VALID:
        choose_id(engine, slot, slot->job->id != NULL ? slot->job->id : id_of_before(claimed));
        if (check_callback(slot, &error) == BH_OK && resolve_times(engine, slot, &error) == BH_OK)
            return true;
        bh_settle_invalid(engine, slot, &error);
        return false;
    case BH_JOB_BAD: {
        bool named = bh_job_peek_id(claimed->payload.ptr, claimed->payload.len, id);
        choose_id(engine, slot, named ? id : NULL);
        bh_settle_invalid(engine, slot, &error);
        return false;
    }
    case BH_JOB_NO_MEMORY: break;
    }
    bh_job_drop(engine, slot, "out of memory");
    return false;
}

static void
settle_damaged(struct bh_engine *engine, struct bh_slot *slot)
{
    static const struct bh_error damaged = {"", "its record in Redis is damaged"};
    bh_settle_invalid(engine, slot, &damaged);
}

/*
 * Whatever it is about this job that ends its workers: it is not looked into any more, so that whoever claims it
 * can say what became of it.  All that is known is its record, and perhaps the id that it claims to have.
 */
static void
bury(struct bh_engine *engine, struct bh_slot *slot, struct bh_str claimed_id)
{
    char id[BH_JOB_ID_MAX + 1];
    bool is_named = bh_job_is_word(claimed_id, BH_JOB_ID_MAX);
    const struct bh_job_head *head = &slot->head;
    bool may_be_sent = head->uncertain_since.ms != 0;
    bool is_partly_sent = bh_progress_memo_has_accepted(head->memo);
    if (is_named)
        snprintf(id, sizeof(id), "%.*s", BH_STR_ARGS(claimed_id));
    choose_id(engine, slot, is_named ? id : NULL);
    slot->verdict = (struct bh_verdict){
        .state = may_be_sent      ? BH_STATE_UNKNOWN
                 : is_partly_sent ? BH_STATE_PARTIAL
                                  : BH_STATE_FAILED,
        .disposition = BH_SETTLE_DEAD,
        .attempts = head->attempts,
        .uncertain_since = head->uncertain_since,
        .waiting = head->waiting,
        .ledger = BH_LEDGER_KEEP,
        .retry_after_ms = -1,
    };
    struct bh_str by = head->lost_by.len <= 80 ? head->lost_by : (struct bh_str){"", 0};
    snprintf(slot->verdict.error, sizeof(slot->verdict.error),
             "%lu times in a row its worker ended, or lost it, before there was a result%s%.*s",
             (unsigned long)head->recoveries, by.len > 0 ? "; the last time it was " : "",
             BH_STR_ARGS(by));
    snprintf(slot->verdict.next, sizeof(slot->verdict.next),
             "not tried again; kept byte for byte in the dead set for a person to look at");
    engine->stats.buried++;
    bh_settle_unopened(engine, slot);
}

void
bh_job_open(struct bh_engine *engine, const struct bh_claimed_event *claim,
            const struct bh_claimed_job *claimed)
{
    /*
     * The queue left the configuration while the claim was under way, or the answer is that of a claim that was
     * forgotten and finds no room: others take the job, or its lease lapses.
     */
    if (engine->queues[claim->queue].config == NULL ||
        bh_slot_first(&engine->slots, BH_STAGE_FREE) == NULL) {
        engine->stats.dropped++;
        return;
    }
    struct bh_slot *slot = take_slot(engine, claim, claimed);
    if (bh_job_head_parse(claimed->head, &slot->head) != BH_OK) {
        slot->head = (struct bh_job_head){.waiting = BH_WAITING_NEW};
        choose_id(engine, slot, NULL);
        settle_damaged(engine, slot);
        return;
    }
    slot->recovered = slot->head.lost_by.len > 0;
    bh_apart_opened(engine, slot);
    if (slot->head.recoveries > BH_SUSPECT_RECOVERIES) {
        bury(engine, slot, claimed->payload);
        return;
    }
    if (!parse_payload(engine, slot, claimed))
        return;
    slot->late_ms = late_ms(engine, slot);
    switch (prepare(engine, slot, claimed->sent_before)) {
    case BH_OK:
        if (!was_sent_before(engine, slot, claimed->sent_before))
            dispatch(engine, slot);
        break;
    case BH_EPROTO: settle_damaged(engine, slot); break;
    case BH_ENOMEM:
    case BH_EINVAL:
    case BH_ETOOBIG:
    case BH_ENOTFOUND:
    case BH_EIO:
    case BH_EDOWN:
    case BH_ETIMEOUT: bh_job_drop(engine, slot, "out of memory"); break;
    }
}
