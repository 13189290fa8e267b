#include "redis/store_codec.h"

#include <stdio.h>
#include <string.h>

#include "redis/reply_view.h"

/* ---- commands ------------------------------------------------------------------------------------ */

static void
add_keys(struct bh_call *call, const struct bh_store_caller *caller, const enum bh_key *keys,
         size_t count)
{
    for (size_t i = 0; i < count; i++)
        bh_call_key(call, bh_queue_key(caller->keys, keys[i]));
}

static void
add_ledger_keys(struct bh_call *call, const struct bh_store_caller *caller,
                const char (*ledger)[33], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bh_key_append_lock(bh_call_buf(call), caller->keys, ledger[i]);
        bh_call_end_key(call);
    }
}

/* The workers of a process share one: an owner is INSTANCE/WORKER. */
static void
add_seen_key(struct bh_call *call, const struct bh_store_caller *caller)
{
    const char *slash = strrchr(caller->owner, '/');
    struct bh_str instance = bh_str_from(caller->owner);
    if (slash != NULL)
        instance.len = (size_t)(slash - caller->owner);
    bh_key_append_seen(bh_call_buf(call), caller->keys, instance);
    bh_call_end_key(call);
}

static void
add_fields(struct bh_call *call, const struct bh_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bh_call_text(call, fields[i].name);
        bh_call_str(call, fields[i].value);
    }
}

/* The scripts' numbers carry no sign. */
static void
add_wall(struct bh_call *call, struct bh_wall at)
{
    bh_call_int(call, at.ms > 0 ? at.ms : 0);
}

static void
add_claim_ref(struct bh_call *call, const struct bh_claim_ref *claim)
{
    bh_call_str(call, claim->handle);
    bh_call_int(call, (int64_t)claim->token);
}

/* PEXPIRE refuses a lifetime of zero in SET, and means "delete" by it elsewhere. */
static bh_ms
lifetime(bh_ms ms)
{
    return ms > 0 ? ms : 1;
}

void
bh_encode_claim(struct bh_call *call, const struct bh_store_caller *caller,
                const struct bh_claim_command *claim)
{
    static const enum bh_key keys[] = {BH_KEY_RAW,      BH_KEY_IN,   BH_KEY_READY,   BH_KEY_DUE,
                                       BH_KEY_LEASES,   BH_KEY_JOBS, BH_KEY_HEADS,   BH_KEY_CONTROL,
                                       BH_KEY_COUNTERS, BH_KEY_DEAD, BH_KEY_SUSPECTS};
    add_keys(call, caller, keys, BH_ARRAY_LEN(keys));
    add_seen_key(call, caller);
    bh_call_text(call, caller->owner);
    bh_call_int(call, claim->count);
    bh_call_int(call, caller->queue->lease_ms);
    bh_call_int(call, (int64_t)caller->queue->payload_bytes_max);
    bh_call_int(call, (int64_t)BH_CLAIM_REPLY_BYTES);
    bh_call_int(call, caller->queue->rate);
    bh_call_int(call, caller->queue->concurrency);
    bh_call_int(call, claim->alone);
}

static void
add_admit(struct bh_call *call, const struct bh_admit_command *admit)
{
    add_claim_ref(call, &admit->claim);
    bh_call_char(call, admit->mode == BH_ADMIT_SEND ? 's' : 'w');
    bh_call_text(call, admit->id);
    add_wall(call, admit->created);
    add_wall(call, admit->due);
    add_wall(call, admit->expires);
    bh_call_int(call, lifetime(admit->ledger_ms));
    bh_call_int(call, (int64_t)admit->ledger_count);
    bh_call_int(call, (int64_t)admit->fields_count);
    add_fields(call, admit->fields, admit->fields_count);
}

void
bh_encode_admit(struct bh_call *call, const struct bh_store_caller *caller,
                const struct bh_command *commands, size_t count)
{
    static const enum bh_key keys[] = {
        BH_KEY_LEASES,   BH_KEY_JOBS,   BH_KEY_HEADS, BH_KEY_DUE,       BH_KEY_CONTROL,
        BH_KEY_COUNTERS, BH_KEY_EVENTS, BH_KEY_DEAD,  BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES};
    add_keys(call, caller, keys, BH_ARRAY_LEN(keys));
    for (size_t i = 0; i < count; i++) {
        const struct bh_admit_command *admit = &commands[i].admit;
        bh_key_append_status(bh_call_buf(call), caller->keys, admit->id);
        bh_call_end_key(call);
        bh_key_append_cancel(bh_call_buf(call), caller->keys, admit->id);
        bh_call_end_key(call);
        add_ledger_keys(call, caller, admit->ledger, admit->ledger_count);
    }
    bh_call_text(call, caller->owner);
    bh_call_int(call, lifetime(caller->queue->retention_ms));
    bh_call_int(call, caller->queue->events_cap);
    bh_call_int(call, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        add_admit(call, &commands[i].admit);
}

static char
disposition_letter(enum bh_disposition disposition)
{
    switch (disposition) {
    case BH_SETTLE_FINAL: return 'f';
    case BH_SETTLE_DEAD: return 'd';
    case BH_SETTLE_WAIT: return 'w';
    case BH_SETTLE_READY: return 'r';
    }
    BH_ASSERT(false && "a disposition");
    return 'r';
}

static char
ledger_letter(enum bh_ledger_action action)
{
    switch (action) {
    case BH_LEDGER_KEEP: return 'k';
    case BH_LEDGER_ARM: return 'a';
    case BH_LEDGER_FREE: return 'f';
    }
    BH_ASSERT(false && "a ledger action");
    return 'k';
}

static char
callback_letter(enum bh_callback callback)
{
    switch (callback) {
    case BH_CALLBACK_NONE: return '0';
    case BH_CALLBACK_DUE: return '1';
    case BH_CALLBACK_LOOK: return '2';
    }
    BH_ASSERT(false && "a callback");
    return '0';
}

static bool
next_message(struct bh_str *rest, struct bh_str *ret_id)
{
    while (rest->len > 0 && bh_str_split(rest, ',', ret_id)) {
        if (ret_id->len > 0)
            return true;
    }
    return false;
}

static size_t
count_messages(const struct bh_settle_command *settle)
{
    struct bh_str id, rest = settle->message_ids;
    size_t count = 0;
    while (next_message(&rest, &id))
        count++;
    return count;
}

/* What is looked at again when reports come.  Nothing of it when nobody brings reports. */
static void
add_message_keys(struct bh_call *call, const struct bh_store_caller *caller,
                 const struct bh_settle_command *settle)
{
    struct bh_str id, rest = settle->message_ids;
    while (caller->queue->tracking.open_ms > 0 && next_message(&rest, &id)) {
        bh_key_append_message(bh_call_buf(call), caller->keys, id);
        bh_call_end_key(call);
    }
    if (settle->kept_ms > 0) {
        bh_key_append_kept(bh_call_buf(call), caller->keys, settle->id);
        bh_call_end_key(call);
    }
}

static void
add_settle(struct bh_call *call, const struct bh_store_caller *caller,
           const struct bh_settle_command *settle)
{
    size_t messages_count = caller->queue->tracking.open_ms > 0 ? count_messages(settle) : 0;
    add_claim_ref(call, &settle->claim);
    bh_call_char(call, disposition_letter(settle->disposition));
    bh_call_int(call, bh_ms_max(settle->delay_ms, 0));
    bh_call_char(call, settle->waiting != '\0' ? settle->waiting : BH_WAITING_NEW);
    bh_call_text(call, settle->reason);
    bh_call_int(call, settle->attempts);
    add_wall(call, settle->uncertain_since);
    bh_call_text(call, settle->id);
    bh_call_text(call, settle->state);
    bh_call_int(call, settle->code);
    bh_call_int(call, settle->sent);
    bh_call_char(call, ledger_letter(settle->ledger_action));
    bh_call_int(call, lifetime(settle->ledger_ms));
    bh_call_int(call, (int64_t)settle->ledger_count);
    bh_call_int(call, (int64_t)messages_count);
    bh_call_int(call, bh_ms_max(settle->kept_ms, 0));
    bh_call_char(call, callback_letter(settle->callback));
    bh_call_str(call, settle->memo);
    bh_call_str(call, settle->first_error);
    bh_call_int(call, (int64_t)settle->fields_count);
    add_fields(call, settle->fields, settle->fields_count);
}

void
bh_encode_settle(struct bh_call *call, const struct bh_store_caller *caller,
                 const struct bh_command *commands, size_t count)
{
    static const enum bh_key keys[] = {
        BH_KEY_LEASES, BH_KEY_JOBS,      BH_KEY_HEADS,         BH_KEY_READY,  BH_KEY_DUE,
        BH_KEY_DEAD,   BH_KEY_CONTROL,   BH_KEY_COUNTERS,      BH_KEY_EVENTS, BH_KEY_OPEN,
        BH_KEY_PULL,   BH_KEY_CALLBACKS, BH_KEY_CALLBACK_TRIES};
    add_keys(call, caller, keys, BH_ARRAY_LEN(keys));
    for (size_t i = 0; i < count; i++) {
        const struct bh_settle_command *settle = &commands[i].settle;
        bh_key_append_status(bh_call_buf(call), caller->keys, settle->id != NULL ? settle->id : "");
        bh_call_end_key(call);
        add_message_keys(call, caller, settle);
        add_ledger_keys(call, caller, settle->ledger, settle->ledger_count);
    }
    bh_call_text(call, caller->owner);
    bh_call_int(call, lifetime(caller->queue->retention_ms));
    bh_call_int(call, caller->queue->events_cap);
    bh_call_int(call, caller->queue->dead_max);
    bh_call_int(call, caller->queue->dead_ttl_ms);
    bh_call_int(call, caller->queue->tracking.open_ms);
    bh_call_int(call, caller->queue->tracking.pull_after_ms);
    bh_call_int(call, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        add_settle(call, caller, &commands[i].settle);
}

void
bh_encode_renew(struct bh_call *call, const struct bh_store_caller *caller,
                const struct bh_command *commands, size_t count)
{
    static const enum bh_key keys[] = {BH_KEY_LEASES, BH_KEY_HEADS, BH_KEY_CONTROL};
    add_keys(call, caller, keys, BH_ARRAY_LEN(keys));
    bh_call_text(call, caller->owner);
    bh_call_int(call, caller->queue->lease_ms);
    for (size_t i = 0; i < count; i++)
        add_claim_ref(call, &commands[i].renew.claim);
}

void
bh_encode_twin(struct bh_call *call, const struct bh_store_caller *caller,
               const struct bh_command *commands, size_t count)
{
    bh_call_key(call, bh_queue_key(caller->keys, BH_KEY_HEADS));
    for (size_t i = 0; i < count; i++) {
        bh_key_append_lock(bh_call_buf(call), caller->keys, commands[i].twin.digest);
        bh_call_end_key(call);
    }
}

void
bh_encode_adopt(struct bh_call *call, const struct bh_store_caller *caller, struct bh_str cursor,
                bool restarted, const struct bh_store_mark *met, const uint64_t *known_tokens,
                size_t tokens_count)
{
    static const enum bh_key keys[] = {BH_KEY_LEASES,   BH_KEY_HEADS, BH_KEY_READY, BH_KEY_CONTROL,
                                       BH_KEY_COUNTERS, BH_KEY_DEAD,  BH_KEY_DUE};
    static const enum bh_key lists[] = {BH_KEY_RAW, BH_KEY_IN};
    add_keys(call, caller, keys, BH_ARRAY_LEN(keys));
    add_seen_key(call, caller);
    add_keys(call, caller, lists, BH_ARRAY_LEN(lists));
    bh_call_text(call, caller->owner);
    bh_call_str(call, cursor);
    bh_call_int(call, restarted);
    bh_call_int(call, (int64_t)met->token);
    bh_call_int(call, (int64_t)met->handle);
    for (size_t i = 0; i < tokens_count; i++)
        bh_call_int(call, (int64_t)known_tokens[i]);
}

void
bh_encode_adopt_past(struct bh_call *call, const char *life)
{
    char past[BH_STORE_LIFE_MAX + 2];
    (void)snprintf(past, sizeof(past), "#%s", life);
    bh_call_text(call, past);
}

static size_t
fields_size(const struct bh_field *fields, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += fields[i].value.len + 16;
    return size;
}

size_t
bh_encoded_size(const struct bh_command *command)
{
    const size_t fixed = 512, entry = BH_KEY_MAX + 33;
    if (command->kind == BH_COMMAND_ADMIT)
        return fixed + command->admit.ledger_count * entry +
               fields_size(command->admit.fields, command->admit.fields_count);
    if (command->kind == BH_COMMAND_SETTLE)
        return fixed + command->settle.ledger_count * entry + command->settle.memo.len +
               (count_messages(&command->settle) + 1) * (BH_KEY_MAX + 33) +
               command->settle.first_error.len +
               fields_size(command->settle.fields, command->settle.fields_count);
    return fixed;
}

/* ---- replies ------------------------------------------------------------------------------------- */

/* Scripts count in doubles, which are exact up to here. */
#define EXACT_MAX ((int64_t)1 << 53)

static bool
read_claim_header(const struct redisReply *reply, struct bh_claimed_event *claimed)
{
    int64_t code, more, token, suspects;
    if (!bh_reply_int(reply, 0, BH_CLAIM_DONE, BH_CLAIM_LIMITED, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &claimed->server_now.ms) ||
        !bh_reply_int(reply, 2, -1, EXACT_MAX, &claimed->next_due_ms) ||
        !bh_reply_int(reply, 3, -1, EXACT_MAX, &claimed->wait_ms) ||
        !bh_reply_int(reply, 4, 0, 1, &more) || !bh_reply_int(reply, 5, 0, EXACT_MAX, &token) ||
        !bh_reply_int(reply, 6, 0, EXACT_MAX, &suspects))
        return false;
    claimed->code = (enum bh_claim_code)code;
    claimed->more = more == 1;
    claimed->token = (uint64_t)token;
    claimed->suspects = (uint64_t)suspects;
    return true;
}

static bool
read_claimed_job(const struct redisReply *reply, size_t at, struct bh_claimed_job *job)
{
    int64_t length;
    *job = (struct bh_claimed_job){0};
    if (!bh_reply_str(reply, at, &job->handle) || job->handle.len == 0 ||
        !bh_reply_str(reply, at + 1, &job->head) || !bh_reply_str(reply, at + 2, &job->payload) ||
        !bh_reply_int(reply, at + 3, 0, EXACT_MAX, &length))
        return false;
    job->payload_bytes = (uint64_t)length;
    /* Nothing, an id in its place, or all of it. */
    return job->payload.len <= BH_JOB_ID_MAX ? job->payload.len <= job->payload_bytes
                                             : job->payload.len == job->payload_bytes;
}

enum bh_status
bh_decode_claim(const struct redisReply *reply, struct bh_claimed_job *jobs,
                struct bh_claimed_event *ret_claimed)
{
    const size_t header = 7, per_job = 4;
    struct bh_claimed_event claimed = {.jobs = jobs};
    size_t count = bh_reply_count(reply);

    if (count < header || (count - header) % per_job != 0 || !read_claim_header(reply, &claimed))
        return BH_EPROTO;
    claimed.jobs_count = (count - header) / per_job;
    if (claimed.jobs_count > BH_CLAIM_MAX || (claimed.jobs_count > 0) != (claimed.token > 0) ||
        (claimed.jobs_count > 0 && claimed.code != BH_CLAIM_DONE))
        return BH_EPROTO;
    for (size_t i = 0; i < claimed.jobs_count; i++) {
        if (!read_claimed_job(reply, header + i * per_job, &jobs[i]))
            return BH_EPROTO;
    }
    claimed.queue = ret_claimed->queue;
    claimed.asked_at = ret_claimed->asked_at;
    *ret_claimed = claimed;
    return BH_OK;
}

/* What replies about batches begin with. */
static bool
read_batch_header(const struct redisReply *reply, size_t header, size_t per_job, size_t count,
                  struct bh_wall *ret_now, bh_ms *ret_next_due_ms)
{
    int64_t code;
    *ret_next_due_ms = -1;
    return bh_reply_count(reply) == header + per_job * count &&
           bh_reply_int(reply, 0, 0, 0, &code) &&
           bh_reply_int(reply, 1, 0, EXACT_MAX, &ret_now->ms) &&
           (header < 3 || bh_reply_int(reply, 2, -1, EXACT_MAX, ret_next_due_ms));
}

enum bh_status
bh_decode_admit(const struct redisReply *reply, size_t count,
                struct bh_admitted_event *ret_admitted)
{
    struct bh_wall now;
    bh_ms next_due_ms;
    int64_t code, wait;
    if (!read_batch_header(reply, 3, 2, count, &now, &next_due_ms))
        return BH_EPROTO;
    for (size_t i = 0; i < count; i++) {
        if (!bh_reply_int(reply, 3 + 2 * i, BH_ADMIT_OK, BH_ADMIT_LOST, &code) ||
            !bh_reply_int(reply, 4 + 2 * i, 0, EXACT_MAX, &wait))
            return BH_EPROTO;
        ret_admitted[i].code = (enum bh_admit_code)code;
        ret_admitted[i].wait_ms = wait;
        ret_admitted[i].server_now = now;
        ret_admitted[i].next_due_ms = next_due_ms;
    }
    return BH_OK;
}

enum bh_status
bh_decode_settle(const struct redisReply *reply, size_t count, struct bh_settled_event *ret_settled)
{
    struct bh_wall now;
    bh_ms next_due_ms;
    int64_t code;
    if (!read_batch_header(reply, 3, 1, count, &now, &next_due_ms))
        return BH_EPROTO;
    for (size_t i = 0; i < count; i++) {
        if (!bh_reply_int(reply, 3 + i, BH_SETTLED_OK, BH_SETTLED_STALE, &code))
            return BH_EPROTO;
        ret_settled[i].code = (enum bh_settle_code)code;
        ret_settled[i].next_due_ms = next_due_ms;
    }
    return BH_OK;
}

enum bh_status
bh_decode_renew(const struct redisReply *reply, size_t count, struct bh_renewed_event *ret_renewed)
{
    struct bh_wall now;
    bh_ms next_due_ms;
    int64_t code;
    if (!read_batch_header(reply, 2, 1, count, &now, &next_due_ms))
        return BH_EPROTO;
    for (size_t i = 0; i < count; i++) {
        if (!bh_reply_int(reply, 2 + i, BH_RENEW_OK, BH_RENEW_LOST, &code))
            return BH_EPROTO;
        ret_renewed[i].code = (enum bh_renew_code)code;
    }
    return BH_OK;
}

enum bh_status
bh_decode_twin(const struct redisReply *reply, size_t count, struct bh_twin_event *ret_twins)
{
    struct bh_wall now;
    bh_ms next_due_ms;
    int64_t wait;
    if (!read_batch_header(reply, 2, 1, count, &now, &next_due_ms))
        return BH_EPROTO;
    for (size_t i = 0; i < count; i++) {
        if (!bh_reply_int(reply, 2 + i, 0, EXACT_MAX, &wait))
            return BH_EPROTO;
        ret_twins[i].code = wait > 0 ? BH_TWIN_HELD : BH_TWIN_NONE;
        ret_twins[i].wait_ms = wait;
    }
    return BH_OK;
}

/* A number that counts something. */
static bool
read_count(const struct redisReply *reply, size_t at, uint64_t *ret_count)
{
    int64_t count;
    if (!bh_reply_int(reply, at, 0, EXACT_MAX, &count))
        return false;
    *ret_count = (uint64_t)count;
    return true;
}

enum bh_status
bh_decode_adopt(const struct redisReply *reply, struct bh_adopted *ret_adopted)
{
    struct bh_adopted adopted;
    int64_t code;
    if (bh_reply_count(reply) != 7 || !bh_reply_int(reply, 0, 0, 0, &code) ||
        !bh_reply_str(reply, 1, &adopted.cursor) || adopted.cursor.len == 0 ||
        adopted.cursor.len > 20 || !read_count(reply, 2, &adopted.recovered) ||
        !read_count(reply, 3, &adopted.seen) || !read_count(reply, 4, &adopted.token) ||
        !read_count(reply, 5, &adopted.handle) || !read_count(reply, 6, &adopted.waiting))
        return BH_EPROTO;
    *ret_adopted = adopted;
    return BH_OK;
}
