#include "redis/store_private.h"

#include "core/alloc.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"

/* A refused send means that much is under way already, or that the store is down. */
#define CROWDED_MS ((bh_ms)100)

/* Nobody should name a queue that does not exist; whoever does must not spin on it. */
#define NO_QUEUE_MS ((bh_ms)1000)

static const struct {
    enum bh_script_id script;
    const char *name;
} operations[BH_STORE_KINDS] = {
    [BH_COMMAND_CLAIM] = {BH_SCRIPT_CLAIM,   "claim"  },
    [BH_COMMAND_ADMIT] = {BH_SCRIPT_ADMIT,   "admit"  },
    [BH_COMMAND_SETTLE] = {BH_SCRIPT_FINISH,  "finish" },
    [BH_COMMAND_RENEW] = {BH_SCRIPT_RENEW,   "renew"  },
    [BH_COMMAND_GRANT] = {BH_SCRIPT_ACCOUNT, "account"},
    [BH_COMMAND_TWIN] = {BH_SCRIPT_TWIN,    "twin"   },
};

static void batch_on_reply(void *arg, const struct redisReply *reply, const char *error_text);

/* ---- lists --------------------------------------------------------------------------------------- */

static void
list_add(struct bh_batch_list *list, struct bh_batch *batch)
{
    batch->next = NULL;
    if (list->last != NULL)
        list->last->next = batch;
    else
        list->first = batch;
    list->last = batch;
}

static struct bh_batch *
list_take(struct bh_batch_list *list)
{
    struct bh_batch *batch = list->first;
    if (batch == NULL)
        return NULL;
    list->first = batch->next;
    if (list->first == NULL)
        list->last = NULL;
    return batch;
}

static void
batch_free(struct bh_batch *batch)
{
    struct bh_store *store = batch->store;
    if (batch->line != NULL && --batch->line->batches == 0)
        bh_line_sweep(store);
    bh_free(batch->commands);
    bh_free(batch);
}

/* ---- gathering ----------------------------------------------------------------------------------- */

static struct bh_batch *
batch_new(struct bh_store *store, struct bh_line *line, enum bh_command_kind kind)
{
    struct bh_batch *batch = bh_alloc_zero(sizeof(*batch));
    if (batch == NULL)
        return NULL;
    batch->store = store;
    batch->line = line;
    batch->kind = kind;
    if (line != NULL)
        line->batches++;
    return batch;
}

static bool
may_share_a_call(enum bh_command_kind kind)
{
    return kind == BH_COMMAND_ADMIT || kind == BH_COMMAND_SETTLE || kind == BH_COMMAND_RENEW ||
           kind == BH_COMMAND_TWIN;
}

/* The batch of that kind and queue that has room; NULL: begin a new one. */
static struct bh_batch *
find_open_batch(struct bh_store *store, const struct bh_line *line, enum bh_command_kind kind,
                size_t bytes)
{
    if (!may_share_a_call(kind))
        return NULL;
    for (struct bh_batch *batch = store->gathered[kind].first; batch != NULL; batch = batch->next) {
        if (batch->line == line && batch->count < BH_STORE_BATCH &&
            batch->bytes + bytes <= BH_STORE_BATCH_BYTES)
            return batch;
    }
    return NULL;
}

static enum bh_status
batch_append(struct bh_batch *batch, const struct bh_command *command, size_t bytes)
{
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity == 0 ? 1 : 4 * batch->capacity;
        struct bh_command *commands =
            bh_realloc_array(batch->commands, capacity, sizeof(*commands));
        if (commands == NULL)
            return BH_ENOMEM;
        batch->commands = commands;
        batch->capacity = capacity;
    }
    batch->commands[batch->count++] = *command;
    batch->bytes += bytes;
    return BH_OK;
}

enum bh_status
bh_batch_take(struct bh_store *store, struct bh_line *line, const struct bh_command *command)
{
    size_t bytes = bh_encoded_size(command);
    struct bh_batch *batch = find_open_batch(store, line, command->kind, bytes);
    bool fresh = batch == NULL;
    if (fresh)
        batch = batch_new(store, line, command->kind);
    if (batch == NULL)
        return BH_ENOMEM;
    if (batch_append(batch, command, bytes) != BH_OK) {
        if (fresh)
            batch_free(batch);
        return BH_ENOMEM;
    }
    if (fresh)
        list_add(&store->gathered[command->kind], batch);
    store->open++;
    return BH_OK;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static void
emit_failure(struct bh_store *store, const struct bh_command *command)
{
    struct bh_event event = {0};
    switch (command->kind) {
    case BH_COMMAND_CLAIM:
        event.kind = BH_EVENT_CLAIM_FAILED;
        event.queue = command->claim.queue;
        break;
    case BH_COMMAND_ADMIT:
        event.kind = BH_EVENT_ADMITTED;
        event.admitted = (struct bh_admitted_event){
            .slot = command->admit.slot, .code = BH_ADMIT_FAILED, .next_due_ms = -1};
        break;
    case BH_COMMAND_SETTLE:
        event.kind = BH_EVENT_SETTLED;
        event.settled = (struct bh_settled_event){
            .slot = command->settle.slot, .code = BH_SETTLED_FAILED, .next_due_ms = -1};
        break;
    case BH_COMMAND_RENEW:
        event.kind = BH_EVENT_RENEWED;
        event.renewed =
            (struct bh_renewed_event){.slot = command->renew.slot, .code = BH_RENEW_FAILED};
        break;
    case BH_COMMAND_GRANT:
        event.kind = BH_EVENT_GRANTED;
        event.granted =
            (struct bh_granted_event){.limit = command->grant.limit, .wait_ms = CROWDED_MS};
        break;
    case BH_COMMAND_TWIN:
        event.kind = BH_EVENT_TWIN;
        event.twin = (struct bh_twin_event){.slot = command->twin.slot, .code = BH_TWIN_FAILED};
        break;
    case BH_COMMAND_WAIT: /* of a queue that does not exist */
        event.kind = BH_EVENT_WOKEN;
        event.queue = command->wait_queue;
        break;
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: BH_ASSERT(false && "a command of a batch");
    }
    store->counters.failed++;
    bh_store_emit(store, &event);
}

static void
emit_granted(struct bh_store *store, const struct bh_grant_command *grant, unsigned count,
             bh_ms wait_ms)
{
    struct bh_event event = {
        .kind = BH_EVENT_GRANTED,
        .granted = {.limit = grant->limit, .count = count, .wait_ms = wait_ms},
    };
    bh_store_emit(store, &event);
}

/* Answers all commands without a reply, and frees the batch. */
static void
answer_without_reply(struct bh_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->unlimited)
            emit_granted(batch->store, &batch->commands[i].grant, batch->commands[i].grant.count,
                         0);
        else
            emit_failure(batch->store, &batch->commands[i]);
    }
    batch_free(batch);
}

static void
answer_later(struct bh_batch *batch, bh_ms delay)
{
    struct bh_store *store = batch->store;
    batch->late_at = bh_mono_add(bh_store_now(store), delay);
    list_add(&store->late, batch);
    bh_store_arm(store);
}

void
bh_batch_answer_late(struct bh_store *store, bool all)
{
    struct bh_mono now = bh_store_now(store);
    struct bh_batch_list due = {0}, kept = {0};
    struct bh_batch *batch;
    while ((batch = list_take(&store->late)) != NULL)
        list_add(all || bh_mono_reached(batch->late_at, now) ? &due : &kept, batch);
    store->late = kept;
    for (size_t kind = 0; all && kind < BH_STORE_KINDS; kind++) {
        while ((batch = list_take(&store->gathered[kind])) != NULL)
            list_add(&due, batch);
    }
    while ((batch = list_take(&due)) != NULL)
        answer_without_reply(batch);
}

struct bh_mono
bh_batch_late_at(const struct bh_store *store)
{
    struct bh_mono at = BH_MONO_NEVER;
    for (const struct bh_batch *batch = store->late.first; batch != NULL; batch = batch->next)
        at = bh_mono_min(at, batch->late_at);
    return at;
}

static enum bh_status
answer_claim(struct bh_batch *batch, const struct redisReply *reply)
{
    struct bh_claimed_job jobs[BH_CLAIM_MAX];
    struct bh_event event = {
        .kind = BH_EVENT_CLAIMED,
        .claimed = {.queue = batch->commands[0].claim.queue, .asked_at = batch->asked_at},
    };
    enum bh_status status = bh_decode_claim(reply, jobs, &event.claimed);
    if (status != BH_OK)
        return status;
    if (!bh_line_meet(batch->line, &event.claimed)) {
        emit_failure(batch->store, &batch->commands[0]);
        bh_line_behind(batch->line);
        return BH_OK;
    }
    batch->store->counters.jobs += event.claimed.jobs_count;
    if (event.claimed.jobs_count > 0)
        bh_line_claimed(batch->line, event.claimed.token, event.claimed.jobs_count,
                        batch->asked_at);
    bh_store_emit(batch->store, &event);
    return BH_OK;
}

static enum bh_status
answer_admit(struct bh_batch *batch, const struct redisReply *reply)
{
    struct bh_admitted_event answers[BH_STORE_BATCH];
    enum bh_status status = bh_decode_admit(reply, batch->count, answers);
    if (status != BH_OK)
        return status;
    for (size_t i = 0; i < batch->count; i++) {
        const struct bh_admit_command *admit = &batch->commands[i].admit;
        struct bh_event event = {.kind = BH_EVENT_ADMITTED, .admitted = answers[i]};
        event.admitted.slot = admit->slot;
        if (answers[i].code != BH_ADMIT_OK && answers[i].code != BH_ADMIT_LOCKED)
            bh_line_ended(batch->line, admit->claim.token);
        bh_store_emit(batch->store, &event);
    }
    return BH_OK;
}

static enum bh_status
answer_settle(struct bh_batch *batch, const struct redisReply *reply)
{
    struct bh_settled_event answers[BH_STORE_BATCH];
    enum bh_status status = bh_decode_settle(reply, batch->count, answers);
    if (status != BH_OK)
        return status;
    for (size_t i = 0; i < batch->count; i++) {
        struct bh_event event = {.kind = BH_EVENT_SETTLED, .settled = answers[i]};
        event.settled.slot = batch->commands[i].settle.slot;
        bh_line_ended(batch->line, batch->commands[i].settle.claim.token);
        bh_store_emit(batch->store, &event);
    }
    return BH_OK;
}

static enum bh_status
answer_renew(struct bh_batch *batch, const struct redisReply *reply)
{
    struct bh_renewed_event answers[BH_STORE_BATCH];
    enum bh_status status = bh_decode_renew(reply, batch->count, answers);
    if (status != BH_OK)
        return status;
    for (size_t i = 0; i < batch->count; i++) {
        const struct bh_renew_command *renew = &batch->commands[i].renew;
        struct bh_event event = {.kind = BH_EVENT_RENEWED, .renewed = answers[i]};
        event.renewed.slot = renew->slot;
        event.renewed.asked_at = batch->asked_at;
        if (answers[i].code == BH_RENEW_OK)
            bh_line_renewed(batch->line, renew->claim.token, batch->asked_at);
        bh_store_emit(batch->store, &event);
    }
    return BH_OK;
}

static enum bh_status
answer_twin(struct bh_batch *batch, const struct redisReply *reply)
{
    struct bh_twin_event answers[BH_STORE_BATCH];
    enum bh_status status = bh_decode_twin(reply, batch->count, answers);
    if (status != BH_OK)
        return status;
    for (size_t i = 0; i < batch->count; i++) {
        struct bh_event event = {.kind = BH_EVENT_TWIN, .twin = answers[i]};
        event.twin.slot = batch->commands[i].twin.slot;
        bh_store_emit(batch->store, &event);
    }
    return BH_OK;
}

static enum bh_status
answer_grant(struct bh_batch *batch, const struct redisReply *reply)
{
    const struct bh_grant_command *grant = &batch->commands[0].grant;
    unsigned count;
    bh_ms wait_ms;
    enum bh_status status = bh_decode_grant(reply, grant->count, &count, &wait_ms);
    if (status == BH_OK)
        emit_granted(batch->store, grant, count, wait_ms);
    return status;
}

/* BH_OK: all commands are answered.  BH_EPROTO: none. */
static enum bh_status
answer(struct bh_batch *batch, const struct redisReply *reply)
{
    switch (batch->kind) {
    case BH_COMMAND_CLAIM: return answer_claim(batch, reply);
    case BH_COMMAND_ADMIT: return answer_admit(batch, reply);
    case BH_COMMAND_SETTLE: return answer_settle(batch, reply);
    case BH_COMMAND_RENEW: return answer_renew(batch, reply);
    case BH_COMMAND_GRANT: return answer_grant(batch, reply);
    case BH_COMMAND_TWIN: return answer_twin(batch, reply);
    case BH_COMMAND_WAIT:
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: break;
    }
    BH_ASSERT(false && "a command of a batch");
    return BH_EPROTO;
}

/* ---- sending ------------------------------------------------------------------------------------- */

static void
encode_grant(struct bh_call *call, const struct bh_store *store,
             const struct bh_grant_command *grant)
{
    uint32_t rate = store->options.limits[grant->limit].rate;
    bh_encode_grant(call, &store->account_keys, grant, rate);
}

static void
encode(const struct bh_batch *batch, struct bh_call *call)
{
    struct bh_store_caller caller = {0};
    if (batch->line != NULL)
        caller = bh_line_caller(batch->line);
    bh_call_init(call, operations[batch->kind].script);
    if (batch->kind == BH_COMMAND_CLAIM)
        bh_encode_claim(call, &caller, &batch->commands[0].claim);
    else if (batch->kind == BH_COMMAND_ADMIT)
        bh_encode_admit(call, &caller, batch->commands, batch->count);
    else if (batch->kind == BH_COMMAND_SETTLE)
        bh_encode_settle(call, &caller, batch->commands, batch->count);
    else if (batch->kind == BH_COMMAND_RENEW)
        bh_encode_renew(call, &caller, batch->commands, batch->count);
    else if (batch->kind == BH_COMMAND_TWIN)
        bh_encode_twin(call, &caller, batch->commands, batch->count);
    else
        encode_grant(call, batch->store, &batch->commands[0].grant);
}

static enum bh_status
send_call(struct bh_batch *batch)
{
    struct bh_call call;
    encode(batch, &call);
    enum bh_status status = bh_script_send(&batch->store->connection, &call, batch_on_reply, batch);
    bh_call_release(&call);
    return status;
}

static bool
is_unlimited(const struct bh_batch *batch)
{
    return batch->kind == BH_COMMAND_GRANT &&
           batch->store->options.limits[batch->commands[0].grant.limit].rate == 0;
}

static void
batch_send(struct bh_batch *batch)
{
    struct bh_store *store = batch->store;
    bool has_keys = batch->line != NULL || batch->kind == BH_COMMAND_GRANT;
    batch->unlimited = is_unlimited(batch);
    batch->asked_at = bh_store_now(store);
    if (batch->unlimited) {
        answer_later(batch, 0);
        return;
    }
    if (!store->up || !has_keys) {
        answer_later(batch, has_keys ? CROWDED_MS : NO_QUEUE_MS);
        return;
    }
    batch->sent_ns = uv_hrtime();
    if (send_call(batch) != BH_OK) {
        answer_later(batch, CROWDED_MS);
        return;
    }
    store->counters.commands++;
    if (batch->kind != BH_COMMAND_CLAIM && batch->kind != BH_COMMAND_GRANT)
        store->counters.jobs += batch->count;
}

static bool
must_wait(const struct bh_batch *batch)
{
    return batch->kind == BH_COMMAND_CLAIM && batch->store->up && batch->line != NULL &&
           !batch->line->adopted;
}

void
bh_batch_flush(struct bh_store *store)
{
    /* Settlements first: they give back the concurrency that claims take. */
    static const enum bh_command_kind order[] = {
        BH_COMMAND_SETTLE, BH_COMMAND_RENEW, BH_COMMAND_TWIN, BH_COMMAND_ADMIT,
        BH_COMMAND_CLAIM,  BH_COMMAND_GRANT, BH_COMMAND_WAIT};
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++) {
        struct bh_batch_list gathered = store->gathered[order[i]];
        struct bh_batch *batch;
        store->gathered[order[i]] = (struct bh_batch_list){0};
        while ((batch = list_take(&gathered)) != NULL) {
            if (must_wait(batch))
                list_add(&store->gathered[order[i]], batch);
            else
                batch_send(batch);
        }
    }
}

static void
load_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_store *store = arg;
    struct bh_str text;
    (void)error_text;
    if (bh_reply_error(reply, &text))
        (void)bh_store_error(store, &store->connection, "script load", text);
}

/* Redis did not run it, so this is no second sending.  False: it was tried before, or cannot be sent. */
static bool
load_and_send_again(struct bh_batch *batch, const struct redisReply *reply)
{
    struct bh_store *store = batch->store;
    if (!bh_script_teach(&store->connection, operations[batch->kind].script, reply,
                         &batch->reloaded, load_on_reply, store) ||
        send_call(batch) != BH_OK)
        return false;
    store->counters.reloads++;
    return true;
}

static void
batch_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_batch *batch = arg;
    struct bh_store *store = batch->store;
    struct bh_str text;
    (void)error_text;
    uint64_t microseconds = (uv_hrtime() - batch->sent_ns) / 1000;
    store->counters.microseconds += microseconds;
    if (store->options.on_timed != NULL && reply != NULL)
        store->options.on_timed(store->options.arg, microseconds);
    if (reply == NULL)
        answer_without_reply(batch);
    else if (load_and_send_again(batch, reply))
        return;
    else if (bh_reply_error(reply, &text))
        answer_later(batch,
                     bh_store_error(store, &store->connection, operations[batch->kind].name, text));
    else if (answer(batch, reply) == BH_OK)
        batch_free(batch);
    else
        answer_later(batch, bh_store_garbled(store, operations[batch->kind].name));
}
