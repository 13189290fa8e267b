/*
 * May a request start now?  The account, the breaker's window, our share of the connections, and the
 * account-wide token buckets each can say no; nothing is admitted before all say yes.
 */
#include "engine/engine_internal.h"

#include <string.h>

/* Most tokens asked for at once; more would hoard what other workers need. */
#define GRANT_MAX 16

/* Tokens that are not used within this time are forgotten: the bucket is about now. */
#define TOKENS_FRESH_MS BH_SECOND_MS

unsigned
bh_gate_in_flight(const struct bh_engine *engine)
{
    return bh_slot_count(&engine->slots, BH_STAGE_ADMITTING) +
           bh_slot_count(&engine->slots, BH_STAGE_SUBMIT) +
           bh_slot_count(&engine->slots, BH_STAGE_SENDING) +
           bh_slot_count(&engine->slots, BH_STAGE_ASKING);
}

/* Who stands before the gate. */
static unsigned
waiting(const struct bh_engine *engine)
{
    return bh_slot_count(&engine->slots, BH_STAGE_GATED) +
           bh_slot_count(&engine->slots, BH_STAGE_ASK);
}

void
bh_gate_configure(struct bh_engine *engine)
{
    unsigned workers = (unsigned)engine->config->pool.workers;
    unsigned connections = (unsigned)engine->config->gateway.max_connections;
    unsigned share = connections / workers > 0 ? connections / workers : 1;
    unsigned concurrency = (unsigned)engine->config->pool.concurrency;
    engine->connections_share = share < concurrency ? share : concurrency;
}

static unsigned
room(const struct bh_engine *engine)
{
    unsigned in_flight = bh_gate_in_flight(engine);
    unsigned by_breaker = bh_breaker_room(&engine->breaker, in_flight, engine->turn.mono);
    unsigned by_share =
        engine->connections_share > in_flight ? engine->connections_share - in_flight : 0;
    return by_breaker < by_share ? by_breaker : by_share;
}

/* How many jobs may be in hand before their sending: as many again as may be in flight. */
unsigned
bh_gate_wanted(const struct bh_engine *engine)
{
    if (engine->account.state == BH_ACCOUNT_PAUSED)
        return 0;
    bool single = engine->account.state == BH_ACCOUNT_TRIAL || engine->breaker.open;
    unsigned in_hand = bh_gate_in_flight(engine) + waiting(engine) +
                       bh_slot_count(&engine->slots, BH_STAGE_SCHEDULE);
    if (single)
        return in_hand == 0 && room(engine) > 0 ? 1 : 0;
    if (!bh_mono_reached(engine->breaker.closed_until, engine->turn.mono))
        return 0;
    unsigned window = engine->breaker.window < engine->connections_share
                          ? engine->breaker.window
                          : engine->connections_share;
    unsigned target = 2 * window;
    return target > in_hand ? target - in_hand : 0;
}

/* ---- tokens ---- */

static bool
is_limited(const struct bh_engine *engine, enum bh_limit limit)
{
    return limit == BH_LIMIT_REQUESTS ? engine->config->gateway.requests_per_second > 0
                                      : engine->config->gateway.connections_per_second > 0;
}

static unsigned
stock(const struct bh_engine *engine, enum bh_limit limit)
{
    const struct bh_tokens *tokens = &engine->tokens[limit];
    return bh_mono_reached(tokens->fresh_until, engine->turn.mono) ? 0 : tokens->stock;
}

static bool
needs_connection(const struct bh_engine *engine)
{
    return bh_gate_in_flight(engine) >= engine->connections_open;
}

static bool
lacks(const struct bh_engine *engine, enum bh_limit limit)
{
    if (!is_limited(engine, limit) || stock(engine, limit) > 0)
        return false;
    return limit == BH_LIMIT_REQUESTS || needs_connection(engine);
}

static bool
may_go(const struct bh_engine *engine)
{
    if (engine->account.state == BH_ACCOUNT_PAUSED ||
        (engine->account.state == BH_ACCOUNT_TRIAL && engine->trial_running))
        return false;
    return room(engine) > 0;
}

static bool
take_tokens(struct bh_engine *engine, struct bh_slot *slot)
{
    if (lacks(engine, BH_LIMIT_REQUESTS) || lacks(engine, BH_LIMIT_CONNECTIONS))
        return false;
    if (is_limited(engine, BH_LIMIT_REQUESTS)) {
        engine->tokens[BH_LIMIT_REQUESTS].stock--;
        slot->took_request_token = true;
    }
    if (is_limited(engine, BH_LIMIT_CONNECTIONS) && needs_connection(engine)) {
        engine->tokens[BH_LIMIT_CONNECTIONS].stock--;
        slot->took_connection_token = true;
    }
    return true;
}

bool
bh_gate_take(struct bh_engine *engine, struct bh_slot *slot)
{
    if (!may_go(engine) || !take_tokens(engine, slot))
        return false;
    if (engine->account.state == BH_ACCOUNT_TRIAL) {
        engine->trial_running = true;
        slot->trial = true;
    }
    return true;
}

/* A question to the journal says nothing about credit, so it is no trial of the account. */
bool
bh_gate_take_look_up(struct bh_engine *engine, struct bh_slot *slot)
{
    return engine->account.state != BH_ACCOUNT_PAUSED && room(engine) > 0 &&
           take_tokens(engine, slot);
}

/* The slot passed the gate and then did not send. */
void
bh_gate_give_back(struct bh_engine *engine, struct bh_slot *slot)
{
    engine->tokens[BH_LIMIT_REQUESTS].stock += slot->took_request_token;
    engine->tokens[BH_LIMIT_CONNECTIONS].stock += slot->took_connection_token;
    slot->took_request_token = slot->took_connection_token = false;
    if (slot->trial)
        engine->trial_running = false;
    slot->trial = false;
}

bool
bh_gate_next_grant(struct bh_engine *engine, struct bh_command *ret_command)
{
    unsigned wanted = waiting(engine);
    if (wanted == 0 || !may_go(engine))
        return false;
    for (unsigned limit = 0; limit < BH_LIMIT_COUNT; limit++) {
        struct bh_tokens *tokens = &engine->tokens[limit];
        if (tokens->asked || !lacks(engine, (enum bh_limit)limit) ||
            !bh_mono_reached(tokens->wait_until, engine->turn.mono))
            continue;
        unsigned count = wanted < room(engine) ? wanted : room(engine);
        tokens->asked = true;
        *ret_command = (struct bh_command){
            .kind = BH_COMMAND_GRANT,
            .grant = {(enum bh_limit)limit, count < GRANT_MAX ? count : GRANT_MAX},
        };
        return true;
    }
    return false;
}

void
bh_gate_granted(struct bh_engine *engine, const struct bh_granted_event *event)
{
    struct bh_tokens *tokens = &engine->tokens[event->limit];
    tokens->asked = false;
    tokens->stock = event->count;
    tokens->fresh_until = bh_mono_add(engine->turn.mono, TOKENS_FRESH_MS);
    bh_ms wait_ms = event->wait_ms > 0 ? event->wait_ms : 1;
    tokens->wait_until =
        event->count > 0 ? engine->turn.mono : bh_mono_add(engine->turn.mono, wait_ms);
}

/* ---- account ---- */

static void
note_account(const struct bh_engine *engine)
{
    bool open = engine->account.state == BH_ACCOUNT_OPEN;
    if (engine->account.state == BH_ACCOUNT_TRIAL)
        return;
    bh_engine_note(engine, &(struct bh_note){
                               .level = open ? BH_LOG_INFO : BH_LOG_WARN,
                               .event = open ? "account_open" : "account_paused",
                               .reason = bh_reason_name(engine->account.reason),
                               .took_ms = -1,
                               .text = open ? "the account works" : "the account is paused",
                               .next = open ? "claiming again"
                                            : "claiming nothing until the account works again",
                           });
}

/* Paused without a reason: the shell has not heard yet what the account allows. */
static bool
is_known(const struct bh_account_event *account)
{
    return account->state != BH_ACCOUNT_PAUSED || account->reason != BH_REASON_NONE;
}

void
bh_gate_account(struct bh_engine *engine, const struct bh_account_event *event)
{
    bool was_known = is_known(&engine->account);
    bool changed = engine->account.state != event->state || !was_known;
    bool is_news = is_known(event) && (was_known || event->state != BH_ACCOUNT_OPEN);
    engine->account = *event;
    if (changed && is_news)
        note_account(engine);
    if (event->state == BH_ACCOUNT_PAUSED)
        bh_job_give_back_waiting(engine);
}

/* No need to wait for the keeper's word: the next request would get the same answer. */
void
bh_gate_pause(struct bh_engine *engine, enum bh_reason reason)
{
    struct bh_account_event paused = engine->account;
    paused.state = BH_ACCOUNT_PAUSED;
    paused.reason = reason;
    bh_gate_account(engine, &paused);
}

void
bh_gate_say_account(struct bh_engine *engine, const struct bh_account_command *word)
{
    if (engine->account_words_count == BH_ARRAY_LEN(engine->account_words)) {
        memmove(engine->account_words, engine->account_words + 1,
                sizeof(engine->account_words) - sizeof(engine->account_words[0]));
        engine->account_words_count--;
    }
    engine->account_words[engine->account_words_count++] = *word;
}

struct bh_mono
bh_gate_wake_at(const struct bh_engine *engine, struct bh_mono now)
{
    struct bh_mono at = bh_breaker_wake_at(&engine->breaker, now);
    if (waiting(engine) == 0)
        return at;
    for (unsigned limit = 0; limit < BH_LIMIT_COUNT; limit++) {
        const struct bh_tokens *tokens = &engine->tokens[limit];
        if (!tokens->asked && !bh_mono_reached(tokens->wait_until, now))
            at = bh_mono_min(at, tokens->wait_until);
    }
    return at;
}
