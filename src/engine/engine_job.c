/*
 * A job's way through its slot once it is opened: put aside or admitted, submitted, answered.
 */
#include "engine/engine_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway_answer.h"
#include "core/gateway_profile.h"
#include "core/when.h"

/* ---- leases ---- */

void
bh_job_set_alarm(struct bh_engine *engine, struct bh_slot *slot)
{
    struct bh_mono at = bh_mono_min(slot->renew_at, slot->lease_until);
    bh_alarm_set(&engine->alarms, slot->index, slot->lease_ended ? BH_MONO_NEVER : at);
}

const char *
bh_job_first_recipient(const struct bh_slot *slot)
{
    if (slot->job == NULL)
        return NULL;
    const struct bh_recipient *to = &slot->job->recipients[0];
    return to->msisdn != NULL ? to->msisdn : to->written;
}

static void
note_slot(struct bh_engine *engine, const struct bh_slot *slot, enum bh_log_level level,
          const char *event, const char *text, const char *next)
{
    bh_engine_note(engine, &(struct bh_note){
                               .level = level,
                               .event = event,
                               .queue = slot->queue->name,
                               .id = slot->id[0] != '\0' ? slot->id : NULL,
                               .to = bh_job_first_recipient(slot),
                               .to_more = slot->job != NULL ? slot->job->recipients_count - 1 : 0,
                               .attempt = slot->head.attempts,
                               .took_ms = -1,
                               .text = text,
                               .next = next,
                           });
}

static void
unflag(struct bh_engine *engine, struct bh_slot *slot)
{
    engine->renew_due_count -= slot->renew_due;
    engine->cancel_due_count -= slot->cancel_due;
    slot->renew_due = slot->cancel_due = false;
}

/*
 * Forget a job without a word to Redis: its lease runs out and somebody takes it up again.  Without a reason
 * Redis has had its word, and the lease is gone already.
 */
void
bh_job_drop(struct bh_engine *engine, struct bh_slot *slot, const char *why)
{
    if (why == NULL) {
        bh_claim_lease_freed(engine, slot->claim.queue);
    } else {
        engine->stats.dropped++;
        note_slot(engine, slot, BH_LOG_WARN, "dropped", why,
                  "unless it has been settled, it is taken up again when its lease has run out");
    }
    unflag(engine, slot);
    bh_gate_give_back(engine, slot);
    bh_alarm_set(&engine->alarms, slot->index, BH_MONO_NEVER);
    bh_slot_reset(&engine->slots, slot);
}

void
bh_job_lease_ended(struct bh_engine *engine, struct bh_slot *slot)
{
    if (slot->lease_ended)
        return;
    engine->stats.leases_lost++;
    slot->lease_ended = true;
    bh_alarm_set(&engine->alarms, slot->index, BH_MONO_NEVER);
    switch (slot->stage) {
    case BH_STAGE_SCHEDULE:
    case BH_STAGE_GATED:
    case BH_STAGE_SUBMIT: bh_job_drop(engine, slot, "its lease ended before it was sent"); break;
    case BH_STAGE_ASK: bh_ask_abandon(engine, slot); break;
    case BH_STAGE_ASKING:
        slot->cancel_due = true;
        engine->cancel_due_count++;
        break;
    case BH_STAGE_SENDING:
        note_slot(
            engine, slot, BH_LOG_WARN, "lease_lost", "its lease ended while it was being sent",
            "the request is ended; its result still counts if nobody else has claimed the job");
        slot->cancel_due = true;
        engine->cancel_due_count++;
        break;
    case BH_STAGE_ADMITTING:
    case BH_STAGE_COMPARE:
    case BH_STAGE_COMPARING:
    case BH_STAGE_SETTLE:
    case BH_STAGE_SETTLING:
    case BH_STAGE_FREE: break; /* the answer of the store decides */
    }
}
/* ---- what is asked about a job at every step ---- */

struct bh_case
bh_job_case(struct bh_engine *engine, struct bh_slot *slot)
{
    return (struct bh_case){
        .job = slot->job,
        .queue = slot->queue,
        .gateway = &slot->config->gateway,
        .progress = &slot->progress,
        .asked = slot->asked,
        .asked_count = slot->asked_count,
        .ledger_held = slot->ledger_complete,
        .attempts = slot->head.attempts,
        .recovered = slot->recovered,
        .waiting = slot->head.waiting,
        .reason = slot->head.reason,
        .try = slot->plan.try,
        .journal = engine->account.journal,
        .lock = engine->account.lock,
        .looked = slot->ask.looked,
        .twins = slot->comparison.twins,
        .twins_ms = slot->comparison.twins_ms,
        .gateway_down = engine->breaker.open,
        .found = slot->ask.found,
        .doubled = slot->ask.doubled,
        .uncertain_since = slot->head.uncertain_since,
        .began = slot->began,
        .expires = slot->expires,
        .now = bh_engine_server_now(engine),
        .dice = bh_engine_dice(engine),
    };
}

bool
bh_job_is_expired(const struct bh_engine *engine, const struct bh_slot *slot)
{
    return bh_engine_server_now(engine).ms >= slot->expires.ms;
}

void
bh_job_expire(struct bh_engine *engine, struct bh_slot *slot)
{
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_expired(&the_case, &slot->verdict);
    bh_settle_verdict(engine, slot, NULL);
}

/* Nothing more is to be sent now: we drain, or the account is paused. */
bool
bh_job_must_go_back(const struct bh_engine *engine)
{
    return engine->draining || engine->account.state == BH_ACCOUNT_PAUSED;
}

void
bh_job_give_back(struct bh_engine *engine, struct bh_slot *slot)
{
    bool paused = engine->account.state == BH_ACCOUNT_PAUSED;
    bh_settle_give_back(engine, slot, paused ? engine->account.reason : BH_REASON_NONE);
}

bool
bh_job_is_in_question(const struct bh_slot *slot)
{
    return slot->head.uncertain_since.ms != 0 || slot->progress.open_due_s != 0 ||
           slot->ask.found || slot->asked_count == 0;
}

void
bh_job_line_up(struct bh_engine *engine, struct bh_slot *slot)
{
    if (slot->ahead)
        bh_slot_move_ahead(&engine->slots, slot, BH_STAGE_GATED);
    else
        bh_slot_move(&engine->slots, slot, BH_STAGE_GATED);
}

/* How long is the breaker's to say. */
static void
wait_for_breaker(struct bh_engine *engine, struct bh_slot *slot)
{
    if (!slot->verdict.delay_from_breaker)
        return;
    bh_ms delay_ms = bh_breaker_delay(&engine->breaker, bh_engine_dice(engine), engine->turn.mono);
    /* It has to be there when its time is over, to be told so. */
    bh_ms left_ms = slot->expires.ms - bh_engine_server_now(engine).ms;
    if (left_ms >= 0)
        delay_ms = bh_ms_min(delay_ms, left_ms);
    slot->verdict.delay_ms = delay_ms;
    snprintf(slot->verdict.next, sizeof(slot->verdict.next), "will be tried again in %s",
             bh_span(delay_ms).text);
}

static bool
is_planned(const struct bh_slot *slot, const struct bh_plan *plan)
{
    return slot->plan.try == plan->try && slot->plan.to_open == plan->to_open &&
           slot->plan.to_uncertain == plan->to_uncertain;
}

bool
bh_job_decide(struct bh_engine *engine, struct bh_slot *slot)
{
    struct bh_plan plan;
    struct bh_case the_case = bh_job_case(engine, slot);
    switch (bh_policy_next(&the_case, &plan, &slot->verdict)) {
    case BH_NEXT_SEND:
        if (is_planned(slot, &plan) || bh_job_list_asked(slot, &plan) == BH_OK)
            return true;
        bh_job_drop(engine, slot, "out of memory");
        return false;
    case BH_NEXT_LOOK_UP: bh_ask_begin(engine, slot, false); return false;
    case BH_NEXT_SETTLE: break;
    }
    wait_for_breaker(engine, slot);
    bh_settle_verdict(engine, slot, NULL);
    return false;
}

/* The last one first: each goes to the head of its line, so that the line is as it was. */
void
bh_job_give_back_waiting(struct bh_engine *engine)
{
    struct bh_slot *slot;
    while ((slot = bh_slot_last(&engine->slots, BH_STAGE_GATED)) != NULL)
        bh_job_give_back(engine, slot);
    while ((slot = bh_slot_last(&engine->slots, BH_STAGE_ASK)) != NULL)
        bh_ask_abandon(engine, slot);
}

/* ---- admission ---- */

static void
admit_command(struct bh_engine *engine, struct bh_slot *slot, enum bh_admit_mode mode,
              struct bh_command *ret_command)
{
    bh_settle_admit_fields(slot);
    struct bh_admit_command admit = {
        .slot = bh_slot_handle(slot),
        .claim = slot->claim,
        .mode = mode,
        .first = slot->first,
        .id = slot->id,
        .created = slot->created,
        .due = slot->due,
        .expires = slot->expires,
        .ledger = (const char(*)[33])slot->ledger,
        .ledger_count = mode == BH_ADMIT_SEND ? slot->ledger_count : 0,
        .ledger_ms = slot->config->gateway.reload_lock_ms + BH_LOCK_MARGIN_MS,
    };
    /* Fields that memory could not hold are left out rather than holding up a message. */
    if (bh_fields_view(&slot->fields, &admit.fields, &admit.fields_count) != BH_OK)
        admit.fields_count = 0;
    slot->admit_asked = engine->turn.mono;
    bh_slot_move(&engine->slots, slot, BH_STAGE_ADMITTING);
    *ret_command = (struct bh_command){.kind = BH_COMMAND_ADMIT, .admit = admit};
}

bool
bh_job_next_admit(struct bh_engine *engine, struct bh_command *ret_command)
{
    struct bh_slot *slot = bh_slot_first(&engine->slots, BH_STAGE_SCHEDULE);
    if (slot != NULL) {
        admit_command(engine, slot, BH_ADMIT_SCHEDULE, ret_command);
        return true;
    }
    while ((slot = bh_slot_first(&engine->slots, BH_STAGE_GATED)) != NULL) {
        if (bh_job_is_in_question(slot)) {
            if (!bh_job_decide(engine, slot))
                continue;
        } else if (bh_job_is_expired(engine, slot)) {
            bh_job_expire(engine, slot);
            continue;
        }
        if (!bh_gate_take(engine, slot))
            return false;
        admit_command(engine, slot, BH_ADMIT_SEND, ret_command);
        return true;
    }
    return false;
}

static void
admitted_duplicate(struct bh_engine *engine, struct bh_slot *slot)
{
    engine->stats.duplicate_ids++;
    note_slot(engine, slot, BH_LOG_WARN, "duplicate", "a job with this id has been seen before",
              "not sent again; the status of the first one stays as it is");
    bh_job_drop(engine, slot, NULL);
}

static void
admitted_locked(struct bh_engine *engine, struct bh_slot *slot, bh_ms wait_ms)
{
    bh_gate_give_back(engine, slot);
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_locked(&the_case, wait_ms, &slot->verdict);
    bh_settle_verdict(engine, slot, NULL);
}

static void
admit_failed(struct bh_engine *engine, struct bh_slot *slot)
{
    bh_gate_give_back(engine, slot);
    if (slot->lease_ended)
        bh_job_drop(engine, slot, "its lease ended before it was admitted");
    else if (bh_job_must_go_back(engine))
        bh_job_give_back(engine, slot);
    else if (slot->due.ms > bh_engine_server_now(engine).ms)
        bh_slot_move(&engine->slots, slot, BH_STAGE_SCHEDULE);
    else
        bh_job_line_up(engine, slot);
}

void
bh_job_admitted(struct bh_engine *engine, const struct bh_admitted_event *event)
{
    struct bh_slot *slot = bh_slot_find(&engine->slots, event->slot);
    if (slot == NULL || slot->stage != BH_STAGE_ADMITTING) {
        engine->stats.stale_handles++;
        return;
    }
    bh_claim_next_due(engine, slot->claim.queue, event->next_due_ms);
    switch (event->code) {
    case BH_ADMIT_OK:
        slot->first = false;
        bh_slot_move(&engine->slots, slot, BH_STAGE_SUBMIT);
        if (slot->lease_ended)
            bh_job_drop(engine, slot, "its lease ended before it was sent");
        break;
    case BH_ADMIT_SCHEDULED:
        note_slot(engine, slot, BH_LOG_INFO, "scheduled", "it is not due yet",
                  "held in Redis until it is");
        bh_job_drop(engine, slot, NULL);
        break;
    case BH_ADMIT_DUPLICATE: admitted_duplicate(engine, slot); break;
    case BH_ADMIT_CANCELLED:
        if (slot->head.uncertain_since.ms != 0)
            note_slot(engine, slot, BH_LOG_ERROR, "unknown",
                      "cancelled by an operator, but it may have been sent before",
                      "an operator decides: bellhop resolve");
        else
            note_slot(engine, slot, BH_LOG_INFO, "cancelled", "cancelled by an operator", "done");
        bh_job_drop(engine, slot, NULL);
        break;
    case BH_ADMIT_LOCKED:
        slot->first = false;
        admitted_locked(engine, slot, event->wait_ms);
        break;
    case BH_ADMIT_LOST: bh_job_drop(engine, slot, "its lease is not ours any more"); break;
    case BH_ADMIT_FAILED: admit_failed(engine, slot); break;
    }
}

/* ---- the request ---- */

static const char nonce_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

void
bh_job_throw_nonce(struct bh_engine *engine, char *ret_nonce)
{
    for (size_t i = 0; i < BH_NONCE_BYTES - 1; i++)
        ret_nonce[i] = nonce_letters[bh_dice_below(&engine->dice, sizeof(nonce_letters) - 1)];
    ret_nonce[BH_NONCE_BYTES - 1] = '\0';
}

static enum bh_status
render(struct bh_engine *engine, struct bh_slot *slot, struct bh_error *error)
{
    const struct bh_gateway_profile profile =
        bh_gateway_profile_from(&slot->config->gateway, engine->sent_with);
    char nonce[BH_NONCE_BYTES];
    bh_job_throw_nonce(engine, nonce);
    const struct bh_gateway_stamp stamp = {nonce, engine->turn.wall.ms / BH_SECOND_MS};
    bh_ms left_ms = slot->expires.ms - bh_engine_server_now(engine).ms;
    const struct bh_gateway_message message = {
        .job = slot->job,
        .recipients = slot->asked_recipients,
        .recipients_count = slot->asked_count,
        .ttl_minutes =
            slot->job->type == BH_JOB_SMS ? (left_ms + BH_MINUTE_MS - 1) / BH_MINUTE_MS : 0,
        .foreign_id = slot->job->foreign_id != NULL ? slot->job->foreign_id : slot->id,
    };
    return bh_gateway_request_message(&slot->request, &profile, &stamp, &message, error);
}

/* Admitted, and yet not sent: back it goes, with what admission took. */
static void
turn_back(struct bh_engine *engine, struct bh_slot *slot)
{
    bh_gate_give_back(engine, slot);
    if (!bh_job_is_expired(engine, slot))
        bh_job_give_back(engine, slot);
    else if (!bh_job_is_in_question(slot) || bh_job_decide(engine, slot))
        bh_job_expire(engine, slot);
}

/*
 * Admitted, and the moment for it has passed on the way: a guarded retry that proves nothing any more, or ledger
 * entries that could lapse before the next guarded retry renews them, so that a twin could slip in between.
 */
static bool
is_stale(struct bh_engine *engine, struct bh_slot *slot)
{
    const struct bh_config_gateway *gateway = &slot->config->gateway;
    bh_ms old_ms = engine->turn.mono.ms - slot->admit_asked.ms;
    struct bh_case the_case = bh_job_case(engine, slot);
    return bh_policy_is_guard_stale(&the_case) ||
           (slot->ledger_complete && old_ms > gateway->reload_lock_ms / 6 + BH_LOCK_MARGIN_MS / 2);
}

static void
line_up_again(struct bh_engine *engine, struct bh_slot *slot)
{
    bh_gate_give_back(engine, slot);
    bh_job_line_up(engine, slot);
    if (bh_job_is_in_question(slot))
        bh_job_decide(engine, slot);
}

/* How long the job has waited up to its first request; a retry has waited because it was told to. */
static bh_ms
waited_ms(const struct bh_slot *slot)
{
    int64_t since_ms = slot->due.ms > slot->created.ms ? slot->due.ms : slot->created.ms;
    bool is_first = slot->head.attempts == 0 && slot->head.uncertain_since.ms == 0;
    return is_first ? bh_ms_max(slot->began.ms - since_ms, 0) : -1;
}

bool
bh_job_next_submit(struct bh_engine *engine, struct bh_command *ret_command)
{
    struct bh_slot *slot;
    while ((slot = bh_slot_first(&engine->slots, BH_STAGE_SUBMIT)) != NULL) {
        if (bh_job_must_go_back(engine) || bh_job_is_expired(engine, slot)) {
            turn_back(engine, slot);
            continue;
        }
        if (is_stale(engine, slot)) {
            line_up_again(engine, slot);
            continue;
        }
        struct bh_error error = {"", ""};
        enum bh_status status = render(engine, slot, &error);
        if (status == BH_EINVAL) {
            bh_gate_give_back(engine, slot);
            bh_settle_invalid(engine, slot, &error);
            continue;
        }
        if (status != BH_OK) {
            bh_job_drop(engine, slot, "out of memory");
            continue;
        }
        slot->began = bh_engine_server_now(engine);
        slot->began_mono = engine->turn.mono;
        slot->requested = true;
        bh_slot_move(&engine->slots, slot, BH_STAGE_SENDING);
        *ret_command = (struct bh_command){
            .kind = BH_COMMAND_SUBMIT,
            .submit =
                {
                         .slot = bh_slot_handle(slot),
                         .mark =
                        {
                            .claim = slot->claim,
                            .payload = &slot->payload_digest,
                            .id = slot->id,
                            .attempts = slot->head.attempts + 1,
                            .uncertain_since = slot->head.uncertain_since,
                            .began = slot->began,
                        }, .url = bh_buf_text(&slot->request.url),
                         .headers = slot->request.headers,
                         .body = bh_buf_str(&slot->request.body),
                         .timeout_ms = slot->config->gateway.timeout_ms,
                         .not_after = slot->lease_until,
                         .waited_ms = waited_ms(slot),
                         .late_ms = slot->late_ms,
                         },
        };
        return true;
    }
    return false;
}

/* ---- the answer ---- */

static void
watch_unclassified(struct bh_engine *engine, struct bh_verdict *verdict)
{
    if (!verdict->unclassified)
        return;
    if (engine->turn.mono.ms - engine->unclassified_since.ms > BH_MINUTE_MS) {
        engine->unclassified_since = engine->turn.mono;
        engine->unclassified = 0;
    }
    if (++engine->unclassified <= BH_ENGINE_UNCLASSIFIED_MAX)
        return;
    engine->unclassified = 0;
    verdict->account_speaks = true;
    verdict->account = BH_ACCOUNT_SAYS_AUTH;
}

/* What an account was told that a reload has replaced meanwhile says nothing about the one in its place. */
static void
tell_account(struct bh_engine *engine, const struct bh_slot *slot, const struct bh_outcome *outcome)
{
    const struct bh_verdict *verdict = &slot->verdict;
    if (!bh_gateway_is_same_account(&slot->config->gateway, &engine->config->gateway))
        return;
    if (outcome->balance_micro != INT64_MIN)
        engine->stats.balance_micro = outcome->balance_micro;
    bool good = verdict->account == BH_ACCOUNT_SAYS_GOOD;
    if (!verdict->account_speaks || (good && !slot->trial))
        return;
    if (!good)
        bh_gate_pause(
            engine, verdict->account == BH_ACCOUNT_SAYS_CREDIT ? BH_REASON_CREDIT : BH_REASON_AUTH);
    bh_gate_say_account(engine, &(struct bh_account_command){
                                    .word = verdict->account,
                                    .code = outcome->code,
                                    .http_status = outcome->http_status,
                                    .balance_micro = outcome->balance_micro,
                                    .trial = slot->trial,
                                });
}

/* What memory could not read is judged by the bytes that left, the only thing still known. */
static void
outcome_without_memory(const struct bh_exchange *exchange, struct bh_outcome *ret_outcome)
{
    *ret_outcome = (struct bh_outcome){
        .kind = exchange->handed_over == BH_HANDED_ALL ? BH_OUTCOME_UNCERTAIN : BH_OUTCOME_UNSENT,
        .trouble = BH_TROUBLE_INTERNAL,
        .retry_after_ms = -1,
        .balance_micro = INT64_MIN,
        .total_price_micro = -1,
    };
    snprintf(ret_outcome->error, sizeof(ret_outcome->error),
             "the answer could not be read: out of memory");
}

static void
note_breaker(struct bh_engine *engine, bool was_open, const char *text)
{
    if (was_open == engine->breaker.open)
        return;
    bh_ms closed_ms = bh_ms_max(engine->breaker.closed_until.ms - engine->turn.mono.ms, 0);
    char next[64];
    snprintf(next, sizeof(next), "next try in %s", bh_span(closed_ms).text);
    bh_engine_note(engine, &(struct bh_note){
                               .level = was_open ? BH_LOG_INFO : BH_LOG_ERROR,
                               .event = was_open ? "gateway_up" : "gateway_down",
                               .took_ms = -1,
                               .text = text,
                               .next = was_open ? "sending again" : next,
                           });
}

void
bh_job_feed_breaker(struct bh_engine *engine, enum bh_gateway_mood mood, bh_ms retry_after_ms,
                    const struct bh_gateway_illness *illness, const char *text)
{
    bool was_open = engine->breaker.open;
    if (mood != BH_MOOD_NEUTRAL && mood != BH_MOOD_GOOD)
        engine->stats.gateway_illness = *illness;
    bh_breaker_feed(&engine->breaker, mood, retry_after_ms, bh_gate_in_flight(engine),
                    bh_engine_dice(engine), engine->turn.mono);
    note_breaker(engine, was_open, was_open ? "the gateway answers again" : text);
}

void
bh_job_hear_good(struct bh_engine *engine)
{
    bool was_open = engine->breaker.open;
    bh_breaker_hear_good(&engine->breaker);
    note_breaker(engine, was_open, "the gateway answers somebody else of this process");
}

static void
judge(struct bh_engine *engine, struct bh_slot *slot, const struct bh_outcome *outcome)
{
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_answer(&the_case, outcome, &slot->verdict);
    watch_unclassified(engine, &slot->verdict);
    tell_account(engine, slot, outcome);
    bh_gate_give_back(engine, slot);
    const struct bh_gateway_illness illness = {outcome->trouble, outcome->http_status,
                                               outcome->code, outcome->retry_after_ms >= 0};
    bh_job_feed_breaker(engine, slot->verdict.mood, slot->verdict.retry_after_ms, &illness,
                        slot->verdict.error);
    wait_for_breaker(engine, slot);
    engine->stats.attempts += slot->verdict.attempts - the_case.attempts;
    engine->stats.uncertain += outcome->kind == BH_OUTCOME_UNCERTAIN;
}

struct bh_wall
bh_job_earliest(const struct bh_slot *slot)
{
    const struct bh_job *job = slot->job;
    struct bh_wall at = slot->created, due;
    /* Its own delay, since `due` of the record may have been changed by hand after a first request. */
    if (job->resend_of != NULL && job->delay != NULL &&
        bh_when_parse(bh_str_from(job->delay), slot->created, slot->config->gateway.zone, &due,
                      NULL) == BH_OK &&
        due.ms > at.ms)
        at = due;
    return at;
}

void
bh_job_conclude(struct bh_engine *engine, struct bh_slot *slot)
{
    bh_slot_move(&engine->slots, slot, BH_STAGE_SETTLE);
    /* The judgement may end what the window is reckoned from. */
    struct bh_case the_case = bh_job_case(engine, slot);
    slot->ask.window = bh_policy_journal_window(&the_case, bh_job_earliest(slot));
    judge(engine, slot, &slot->outcome);
    if (slot->verdict.look_up)
        bh_ask_begin(engine, slot, true);
    else
        bh_settle_verdict(engine, slot, &slot->outcome);
}

static void
answered(struct bh_engine *engine, struct bh_slot *slot, const struct bh_exchange *exchange)
{
    slot->sent = exchange->handed_over != BH_HANDED_NOTHING;
    const struct bh_gateway_asked asked = {
        .type = slot->job->type,
        .debug = slot->job->debug,
        .recipients = slot->asked_recipients,
        .recipients_count = slot->asked_count,
    };
    if (bh_gateway_answer_read(exchange, &asked, &slot->outcome) != BH_OK)
        outcome_without_memory(exchange, &slot->outcome);
    struct bh_case the_case = bh_job_case(engine, slot);
    if (!bh_policy_rests_on_lock(&the_case, &slot->outcome) || !bh_twin_begin(engine, slot))
        bh_job_conclude(engine, slot);
}

void
bh_job_answered(struct bh_engine *engine, const struct bh_answered_event *event)
{
    struct bh_slot *slot = bh_slot_find(&engine->slots, event->slot);
    if (slot == NULL || (slot->stage != BH_STAGE_SENDING && slot->stage != BH_STAGE_ASKING)) {
        engine->stats.stale_handles++;
        return;
    }
    engine->cancel_due_count -= slot->cancel_due;
    slot->cancel_due = false;
    /* The tokens are spent once a request has gone out. */
    slot->took_request_token = slot->took_connection_token = false;
    if (slot->stage == BH_STAGE_ASKING)
        bh_ask_answered(engine, slot, event->exchange);
    else
        answered(engine, slot, event->exchange);
}
