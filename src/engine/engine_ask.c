/*
 * Questions to the gateway's journal: what became of a request whose answer was lost?
 *
 * One question per recipient and page, one after the other, through the same gate as every request.  They are no
 * attempts, and nothing that goes wrong with them ends a job: the policy is told that they were in vain.
 */
#include "engine/engine_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway_profile.h"

/* Most pages of the journal for one recipient; with more it counts as unreadable. */
#define PAGES_MAX 10

static bool
find_marked(struct bh_slot *slot)
{
    struct bh_ask *ask = &slot->ask;
    while (ask->at < slot->progress.recipients_count && !slot->progress.recipients[ask->at].look_up)
        ask->at++;
    return ask->at < slot->progress.recipients_count;
}

static void
unmark_all(struct bh_slot *slot)
{
    for (size_t i = 0; i < slot->progress.recipients_count; i++)
        slot->progress.recipients[i].look_up = false;
}

/* ---- the end of a round ---- */

static void
conclude_after(struct bh_engine *engine, struct bh_slot *slot)
{
    unmark_all(slot);
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_looked_after(&the_case, &slot->verdict);
    bh_settle_verdict(engine, slot, &slot->outcome);
}

static void
conclude_before(struct bh_engine *engine, struct bh_slot *slot)
{
    unmark_all(slot);
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_looked(&the_case, slot->ask.looked);
    if (bh_progress_count(&slot->progress, BH_RECIPIENT_UNCERTAIN) == 0)
        slot->head.uncertain_since = (struct bh_wall){0};
    bh_job_line_up(engine, slot);
    if (bh_job_decide(engine, slot) && bh_job_must_go_back(engine))
        bh_job_give_back(engine, slot);
}

static void
conclude(struct bh_engine *engine, struct bh_slot *slot)
{
    if (slot->ask.after)
        conclude_after(engine, slot);
    else
        conclude_before(engine, slot);
}

void
bh_ask_abandon(struct bh_engine *engine, struct bh_slot *slot)
{
    bool is_left = bh_progress_count(&slot->progress, BH_RECIPIENT_OPEN) +
                       bh_progress_count(&slot->progress, BH_RECIPIENT_UNCERTAIN) >
                   0;
    unmark_all(slot);
    if (slot->ask.after) {
        slot->ask.looked = BH_LOOKED_IN_VAIN;
        conclude_after(engine, slot);
    } else if (slot->lease_ended) {
        bh_job_drop(engine, slot, "its lease ended while the gateway's journal was asked about it");
    } else if (is_left) {
        bh_job_give_back(engine, slot);
    } else {
        conclude_before(engine, slot);
    }
}

void
bh_ask_begin(struct bh_engine *engine, struct bh_slot *slot, bool after)
{
    struct bh_case the_case = bh_job_case(engine, slot);
    struct bh_ask *ask = &slot->ask;
    if (!after)
        ask->window = bh_policy_journal_window(&the_case, bh_job_earliest(slot));
    ask->after = after;
    ask->at = 0;
    ask->page = 0;
    if (slot->lease_ended || bh_job_must_go_back(engine)) {
        bh_ask_abandon(engine, slot);
        return;
    }
    ask->looked = BH_LOOKED_ABSENT;
    BH_ASSERT(find_marked(slot));
    bh_slot_move(&engine->slots, slot, BH_STAGE_ASK);
}

/* ---- the question ---- */

static enum bh_status
render(struct bh_engine *engine, struct bh_slot *slot)
{
    const struct bh_gateway_profile profile =
        bh_gateway_profile_from(&slot->config->gateway, engine->sent_with);
    char nonce[BH_NONCE_BYTES];
    bh_job_throw_nonce(engine, nonce);
    const struct bh_gateway_stamp stamp = {nonce, engine->turn.wall.ms / BH_SECOND_MS};
    const struct bh_gateway_journal_query query = {
        .msisdn = slot->job->recipients[slot->ask.at].msisdn,
        .from = slot->ask.window.from,
        .until = slot->ask.window.until,
        .zone = slot->config->gateway.zone,
        .page = slot->ask.page,
    };
    return bh_gateway_request_journal(&slot->request, &profile, &stamp, &query, NULL);
}

bool
bh_ask_next(struct bh_engine *engine, struct bh_command *ret_command)
{
    struct bh_slot *slot;
    while ((slot = bh_slot_first(&engine->slots, BH_STAGE_ASK)) != NULL) {
        if (!bh_gate_take_look_up(engine, slot))
            return false;
        if (render(engine, slot) != BH_OK) {
            bh_gate_give_back(engine, slot);
            slot->ask.looked = BH_LOOKED_IN_VAIN;
            conclude(engine, slot);
            continue;
        }
        engine->stats.look_ups++;
        bh_slot_move(&engine->slots, slot, BH_STAGE_ASKING);
        *ret_command = (struct bh_command){
            .kind = BH_COMMAND_LOOK_UP,
            .look_up =
                {
                          .slot = bh_slot_handle(slot),
                          .url = bh_buf_text(&slot->request.url),
                          .headers = slot->request.headers,
                          .body = bh_buf_str(&slot->request.body),
                          .timeout_ms = slot->config->gateway.timeout_ms,
                          .not_after = slot->lease_until,
                          },
        };
        return true;
    }
    return false;
}

/* ---- the answer ---- */

/* A status that is no success may be the journal's alone, so it says nothing about sending. */
static enum bh_gateway_mood
mood_of(const struct bh_exchange *exchange)
{
    int status = exchange->http_status;
    if (exchange->trouble == BH_TROUBLE_CANCELLED || exchange->trouble == BH_TROUBLE_INTERNAL)
        return BH_MOOD_NEUTRAL;
    if (status == 0)
        return exchange->trouble == BH_TROUBLE_CERTIFICATE ? BH_MOOD_BROKEN : BH_MOOD_BAD;
    if (status == 429 || (status == 503 && exchange->retry_after_ms >= 0))
        return BH_MOOD_THROTTLED;
    if (status < 200 || status > 299)
        return BH_MOOD_NEUTRAL;
    return exchange->body_complete ? BH_MOOD_GOOD : BH_MOOD_BAD;
}

/* The text is compared only where a producer's own foreign id may stand for several messages, and where it is left as it is. */
static enum bh_journal_finding
read_answer(struct bh_slot *slot, const struct bh_exchange *exchange,
            struct bh_journal_entry *ret_entry)
{
    const struct bh_job *job = slot->job;
    bool is_as_written = job->files_count == 0 && !job->performance_tracking && job->udh == NULL;
    const struct bh_journal_wanted wanted = {
        .foreign_id = job->foreign_id != NULL ? job->foreign_id : slot->id,
        .msisdn = job->recipients[slot->ask.at].msisdn,
        .text = job->foreign_id != NULL && is_as_written ? job->text : NULL,
        .from = slot->ask.window.from,
        .until = slot->ask.window.until,
        .skips_failed = slot->ask.window.skips_failed,
        .zone = slot->config->gateway.zone,
    };
    return bh_gateway_journal_read(exchange, &wanted, ret_entry);
}

/* The words for what became of a message that no later one replaces. */
static bool
is_final_delivery(const char *word)
{
    static const char *const words[] = {"DELIVERED", "NOTDELIVERED", "EXPIRED", "REJECTED",
                                        "FAILED"};
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

static void
found(struct bh_engine *engine, struct bh_slot *slot, const struct bh_journal_entry *entry)
{
    struct bh_case the_case = bh_job_case(engine, slot);
    bh_policy_found(&the_case, slot->ask.at, entry);
    engine->stats.found++;
    slot->ask.found = true;
    /* Of a contact or group there is an entry for each of its members. */
    if (slot->job->recipients[slot->ask.at].msisdn != NULL && entry->count > 1)
        slot->ask.doubled = true;
    if (slot->job->recipients_count > 1)
        return;
    slot->ask.sent_at = entry->sent_at;
    if (is_final_delivery(entry->delivery))
        memcpy(slot->ask.delivery, entry->delivery, sizeof(slot->ask.delivery));
}

/* 900 and 901 are about the key and the signature, so they hold for sending as well; the rest is about the journal. */
static void
refused(struct bh_engine *engine, const struct bh_exchange *exchange, int code)
{
    bool is_key = code == 900 || code == 901;
    struct bh_account_command word = {
        .word = is_key ? BH_ACCOUNT_SAYS_AUTH : BH_ACCOUNT_SAYS_NO_JOURNAL,
        .code = code,
        .http_status = exchange->http_status,
        .balance_micro = INT64_MIN,
    };
    if (is_key)
        bh_gate_pause(engine, BH_REASON_AUTH);
    else
        engine->account.journal = BH_JOURNAL_DENIED;
    bh_gate_say_account(engine, &word);
}

/* The round goes on with the next recipient, or comes to its end. */
static void
go_on(struct bh_engine *engine, struct bh_slot *slot)
{
    bool is_left = find_marked(slot);
    if (is_left && engine->account.journal != BH_JOURNAL_READABLE)
        slot->ask.looked = BH_LOOKED_UNREACHED;
    bool is_over = !is_left || slot->ask.looked == BH_LOOKED_UNREACHED;
    if (slot->lease_ended || (bh_job_must_go_back(engine) && !is_over) ||
        engine->account.state == BH_ACCOUNT_PAUSED)
        bh_ask_abandon(engine, slot);
    else if (is_over)
        conclude(engine, slot);
    else
        bh_slot_move(&engine->slots, slot, BH_STAGE_ASK);
}

void
bh_ask_answered(struct bh_engine *engine, struct bh_slot *slot, const struct bh_exchange *exchange)
{
    struct bh_ask *ask = &slot->ask;
    struct bh_journal_entry entry;
    enum bh_journal_finding finding = read_answer(slot, exchange, &entry);
    /* Out of the count of what is on its way, as every request whose end the breaker hears of. */
    bh_slot_move(&engine->slots, slot, BH_STAGE_SETTLE);
    const struct bh_gateway_illness illness = {exchange->trouble, exchange->http_status, 0,
                                               exchange->retry_after_ms >= 0};
    bh_job_feed_breaker(engine, mood_of(exchange), exchange->retry_after_ms, &illness,
                        "the gateway's journal is not answered");

    if (finding == BH_JOURNAL_MORE && ask->page + 1 < PAGES_MAX) {
        ask->page++;
        go_on(engine, slot);
        return;
    }
    slot->progress.recipients[ask->at].look_up = false;
    ask->page = 0;
    switch (finding) {
    case BH_JOURNAL_FOUND: found(engine, slot, &entry); break;
    case BH_JOURNAL_ABSENT: break;
    case BH_JOURNAL_REFUSED:
        refused(engine, exchange, entry.code);
        ask->looked = BH_LOOKED_IN_VAIN;
        break;
    case BH_JOURNAL_MORE:
    case BH_JOURNAL_UNREADABLE:
        ask->looked = exchange->http_status == 0 ? BH_LOOKED_UNREACHED : BH_LOOKED_IN_VAIN;
        break;
    }
    go_on(engine, slot);
}
