#include "integration/scripts_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES_BLOCK  1000000000 /* as in the script */
#define COPY(to, from) ((void)snprintf((to), sizeof(to), "%s", (from)))

size_t
model_id_number(const char *id)
{
    size_t number = (size_t)strtoul(id + 1, NULL, 10);
    BH_ASSERT(id[0] == 'i' && number < MODEL_IDS);
    return number;
}

bool
model_asks(const char *id)
{
    return model_id_number(id) % 2 == 1;
}

const char *
model_message(const char *id)
{
    static char texts[MODEL_IDS][8];
    size_t number = model_id_number(id);
    (void)snprintf(texts[number], sizeof(texts[0]), "%zu", 1000 + number);
    return texts[number];
}

size_t
model_lock_number(const char *id)
{
    return model_id_number(id) % MODEL_LOCKS;
}

void
model_lock_digest(size_t number, char *ret_digest)
{
    (void)snprintf(ret_digest, 33, "%032zx", number);
}

/* ---- lists, counters ----------------------------------------------------------------------------- */

static void
list_insert(struct model_list *list, size_t at, const char *item)
{
    BH_ASSERT(list->count < BH_ARRAY_LEN(list->items));
    memmove(list->items[at + 1], list->items[at], (list->count - at) * sizeof(list->items[0]));
    COPY(list->items[at], item);
    list->count++;
}

static void
list_push_left(struct model_list *list, const char *item)
{
    list_insert(list, 0, item);
}

static void
list_push_right(struct model_list *list, const char *item)
{
    list_insert(list, list->count, item);
}

static bool
list_pop_right(struct model_list *list, char *ret_item)
{
    if (list->count == 0)
        return false;
    memcpy(ret_item, list->items[--list->count], sizeof(list->items[0]));
    return true;
}

static int64_t *
counter(struct model *model, const char *name)
{
    for (size_t i = 0; i < model->counters_count; i++) {
        if (strcmp(model->counters[i].name, name) == 0)
            return &model->counters[i].value;
    }
    BH_ASSERT(model->counters_count < MODEL_NAMES);
    COPY(model->counters[model->counters_count].name, name);
    model->counters[model->counters_count].value = 0;
    return &model->counters[model->counters_count++].value;
}

static void
bump(struct model *model, const char *prefix, const char *name)
{
    char whole[32];
    (void)snprintf(whole, sizeof(whole), "%s%s", prefix, name);
    ++*counter(model, whole);
}

/* ---- jobs ---------------------------------------------------------------------------------------- */

static struct model_job *
find_job(struct model *model, int64_t handle)
{
    for (size_t i = 0; i < model->jobs_count; i++) {
        if (model->jobs[i].handle == handle)
            return &model->jobs[i];
    }
    return NULL;
}

static struct model_job *
find_ref(struct model *model, const struct bh_claim_ref *claim)
{
    return find_job(model, strtoll(claim->handle.ptr, NULL, 10));
}

static void
drop_job(struct model *model, struct model_job *job)
{
    *job = model->jobs[--model->jobs_count];
}

/* Redis orders equal scores by the bytes of the member. */
static int
compare_members(const void *left, const void *right)
{
    const struct model_job *a = *(const struct model_job *const *)left;
    const struct model_job *b = *(const struct model_job *const *)right;
    char text_a[24], text_b[24];
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    (void)snprintf(text_a, sizeof(text_a), "%lld", (long long)a->handle);
    (void)snprintf(text_b, sizeof(text_b), "%lld", (long long)b->handle);
    return strcmp(text_a, text_b);
}

static size_t
members(struct model *model, enum model_place place, struct model_job **ret_members)
{
    size_t count = 0;
    for (size_t i = 0; i < model->jobs_count; i++) {
        if (model->jobs[i].place == place)
            ret_members[count++] = &model->jobs[i];
    }
    qsort(ret_members, count, sizeof(*ret_members), compare_members);
    return count;
}

static void
to_ready(struct model *model, struct model_job *job, bool head_of_line)
{
    char handle[24];
    (void)snprintf(handle, sizeof(handle), "%lld", (long long)job->handle);
    job->place = MODEL_READY;
    if (head_of_line)
        list_push_right(&model->ready, handle);
    else
        list_push_left(&model->ready, handle);
}

static bool
is_suspect(const struct model_job *job)
{
    return job->recoveries == BH_SUSPECT_RECOVERIES;
}

static void
recover(struct model *model, struct model_job *job, bool counts)
{
    char owner[8];
    if (job->started != 0) {
        job->waiting = 'u';
        COPY(job->reason, "uncertain");
        job->attempts++;
        if (job->uncertain == 0)
            job->uncertain = job->started;
        job->started = 0;
    }
    COPY(owner, job->owner);
    (void)snprintf(job->owner, sizeof(job->owner), "~%.6s", owner);
    bump(model, "recovered", "");
    job->recoveries += counts;
    if (counts && is_suspect(job)) {
        job->place = MODEL_DUE;
        job->score = model->now + 5000;
    } else {
        to_ready(model, job, true);
    }
}

const struct model_job *
model_job(struct model *model, int64_t handle)
{
    const struct model_job *job = find_job(model, handle);
    BH_ASSERT(job != NULL);
    return job;
}

int64_t
model_next_due(const struct model *model)
{
    int64_t next = -1;
    for (size_t i = 0; i < model->jobs_count; i++) {
        const struct model_job *job = &model->jobs[i];
        int64_t wait = bh_ms_max(0, job->score - model->now);
        if (job->place == MODEL_DUE && (next < 0 || wait < next))
            next = wait;
    }
    return next;
}

/* ---- operations ---------------------------------------------------------------------------------- */

void
model_push(struct model *model, const char *payload, bool jump)
{
    if (jump)
        list_push_right(&model->raw, payload);
    else
        list_push_left(&model->raw, payload);
}

void
model_move_aside(struct model *model)
{
    char payload[24];
    if (list_pop_right(&model->raw, payload))
        list_push_left(&model->in, payload);
}

static void
promote_and_reap(struct model *model)
{
    struct model_job *found[MODEL_JOBS];
    size_t count = members(model, MODEL_DUE, found);
    for (size_t i = 0; i < count && found[i]->score <= model->now; i++)
        to_ready(model, found[i], false);
    count = members(model, MODEL_LEASED, found);
    for (size_t i = 0; i < count && found[i]->score <= model->now; i++)
        recover(model, found[i], true);
}

/* How many may be taken; sets code and wait. */
static size_t
apply_limits(struct model *model, size_t count, struct model_claimed *claimed)
{
    struct model_job *found[MODEL_JOBS];
    size_t leases = members(model, MODEL_LEASED, found);
    if (model->paused) {
        claimed->code = BH_CLAIM_PAUSED;
        return 0;
    }
    if (model->queue.concurrency > 0) {
        if (leases >= model->queue.concurrency) {
            claimed->code = BH_CLAIM_LIMITED;
            return 0;
        }
        if (count > model->queue.concurrency - leases)
            count = model->queue.concurrency - leases;
    }
    if (model->queue.rate > 0) {
        double rate = model->queue.rate, elapsed = (double)(model->now - model->tokens_at);
        double tokens = model->has_bucket ? model->tokens + elapsed * rate / 1000 : rate;
        if (tokens > rate)
            tokens = rate;
        model->has_bucket = true;
        model->tokens = tokens;
        model->tokens_at = model->now;
        if (tokens + 1e-6 < 1) {
            claimed->code = BH_CLAIM_LIMITED;
            double wait = (1 - tokens) * 1000 / rate - 1e-3;
            claimed->wait = (int64_t)wait + ((double)(int64_t)wait < wait);
            return 0;
        }
        if ((double)count > tokens + 1e-6)
            count = (size_t)(tokens + 1e-6);
    }
    return count;
}

/* Each owner of the test is an instance of its own. */
static int64_t *
seen_by(struct model *model, const char *owner)
{
    size_t i = 0;
    while (i < MODEL_OWNERS - 1 && model->seen[i].owner[0] != '\0' &&
           strcmp(model->seen[i].owner, owner) != 0)
        i++;
    COPY(model->seen[i].owner, owner);
    return &model->seen[i].token;
}

static void
take(struct model *model, struct model_job *job, const char *owner, struct model_claimed *claimed)
{
    if (claimed->token == 0)
        *seen_by(model, owner) = claimed->token = ++*counter(model, "token");
    COPY(job->owner, owner);
    job->token = claimed->token;
    job->place = MODEL_LEASED;
    job->score = model->now + model->queue.lease_ms;
    claimed->handles[claimed->count++] = job->handle;
}

static void
take_ready(struct model *model, const char *owner, size_t count, struct model_claimed *claimed)
{
    char handle[24];
    while (claimed->count < count && list_pop_right(&model->ready, handle)) {
        struct model_job *job = find_job(model, strtoll(handle, NULL, 10));
        if (job != NULL && is_suspect(job))
            list_push_left(&model->suspects, handle);
        else if (job != NULL)
            take(model, job, owner, claimed);
    }
}

static void
take_apart(struct model *model, const char *owner, size_t *count, struct model_claimed *claimed)
{
    char handle[24];
    while (claimed->count == 0 && *count > 0 && list_pop_right(&model->suspects, handle)) {
        struct model_job *job = find_job(model, strtoll(handle, NULL, 10));
        if (job != NULL)
            take(model, job, owner, claimed);
    }
    if (claimed->count > 0)
        *count = 1;
}

static void
take_new(struct model *model, struct model_list *list, const char *owner, size_t count,
         struct model_claimed *claimed)
{
    char payload[24];
    while (claimed->count < count && list_pop_right(list, payload)) {
        BH_ASSERT(model->jobs_count < MODEL_JOBS);
        struct model_job *job = &model->jobs[model->jobs_count++];
        *job = (struct model_job){.handle = ++*counter(model, "handle"), .waiting = 'n'};
        COPY(job->reason, "-");
        COPY(job->payload, payload);
        take(model, job, owner, claimed);
    }
}

void
model_claim(struct model *model, const char *owner, size_t count, bool alone,
            struct model_claimed *ret_claimed)
{
    struct model_claimed claimed = {.code = BH_CLAIM_DONE, .wait = -1};
    promote_and_reap(model);
    count = apply_limits(model, count, &claimed);
    if (alone)
        take_apart(model, owner, &count, &claimed);
    take_ready(model, owner, count, &claimed);
    take_new(model, &model->in, owner, count, &claimed);
    take_new(model, &model->raw, owner, count, &claimed);
    if (alone && claimed.count == 0)
        take_apart(model, owner, &count, &claimed);
    if (model->has_bucket && claimed.code == BH_CLAIM_DONE && model->queue.rate > 0)
        model->tokens -= (double)claimed.count;
    if (model->has_bucket) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%.6f", model->tokens);
        model->tokens = strtod(text, NULL);
    }
    claimed.next_due = model_next_due(model);
    claimed.more = claimed.code == BH_CLAIM_DONE && claimed.count >= count &&
                   model->ready.count + model->in.count + model->raw.count > 0;
    claimed.suspects = claimed.code == BH_CLAIM_DONE ? (int64_t)model->suspects.count : 0;
    *ret_claimed = claimed;
}

static struct model_status *
write_status(struct model *model, const struct model_job *job, const char *id, const char *state,
             const char *reason, int64_t next_at)
{
    struct model_status *status = &model->statuses[model_id_number(id)];
    if (job->id[0] == '\0') {
        *status = (struct model_status){.exists = true,
                                        .created_at = model->now,
                                        .attempts = job->attempts,
                                        .handle = job->handle};
        COPY(status->first_error, "-");
    }
    COPY(status->state, state);
    COPY(status->reason, reason[0] != '\0' ? reason : "-");
    status->next_at = next_at;
    status->updated_at = model->now;
    return status;
}

static void
tell_end(struct model *model, const char *id)
{
    size_t number = model_id_number(id);
    if (model->statuses[number].asks)
        model->callbacks[number] = model->now;
}

/* As write_status; a producer may have said when the job was made. */
static struct model_status *
admit_status(struct model *model, const struct model_job *before,
             const struct bh_admit_command *admit, const char *state, const char *reason,
             int64_t next_at)
{
    struct model_status *status = write_status(model, before, admit->id, state, reason, next_at);
    if (before->id[0] == '\0' && admit->created.ms != 0)
        status->created_at = admit->created.ms;
    status->asks |= model_asks(admit->id);
    return status;
}

/* Cancelled, but it may have been sent. */
static void
bury(struct model *model, struct model_job *job, const struct bh_admit_command *admit)
{
    COPY(job->id, admit->id);
    COPY(job->owner, "-");
    COPY(job->reason, "uncertain");
    job->waiting = 'u';
    job->token = job->started = job->recoveries = 0;
    job->created = admit->created.ms;
    job->due = admit->due.ms;
    job->expires = admit->expires.ms;
    job->place = MODEL_DEAD;
    job->score = model->now;
}

enum bh_admit_code
model_admit(struct model *model, const char *owner, const struct bh_admit_command *admit)
{
    struct model_job *job = find_ref(model, &admit->claim);
    size_t number = model_id_number(admit->id);
    if (job == NULL || strcmp(job->owner, owner) != 0 || job->token != (int64_t)admit->claim.token)
        return BH_ADMIT_LOST;
    if (job->id[0] == '\0' && model->statuses[number].exists) {
        bump(model, "outcome:", "duplicate_id");
        drop_job(model, job);
        return BH_ADMIT_DUPLICATE;
    }
    struct model_job before = *job;
    if (model->cancels[number]) {
        const char *state = job->uncertain != 0 ? "unknown" : "cancelled";
        model->cancels[number] = false;
        struct model_status *status = admit_status(model, &before, admit, state, "", 0);
        status->final = true;
        bump(model, "outcome:", state);
        tell_end(model, admit->id);
        if (job->uncertain != 0) {
            bury(model, job, admit);
            return BH_ADMIT_CANCELLED;
        }
        status->handle = 0;
        drop_job(model, job);
        return BH_ADMIT_CANCELLED;
    }
    COPY(job->id, admit->id);
    job->created = admit->created.ms;
    job->due = admit->due.ms;
    job->expires = admit->expires.ms;
    if (admit->mode == BH_ADMIT_SCHEDULE) {
        job->place = MODEL_DUE;
        job->score = job->due;
        job->waiting = 's';
        job->started = job->recoveries = 0;
        COPY(job->reason, "-");
        COPY(job->owner, "-");
        admit_status(model, &before, admit, "scheduled", "", job->due);
        return BH_ADMIT_SCHEDULED;
    }
    int64_t *lock = &model->locks[model_lock_number(admit->id)];
    if (admit->ledger_count > 0 && *lock != 0 && *lock != job->handle) {
        admit_status(model, &before, admit, "held", "reload_lock", 0);
        return BH_ADMIT_LOCKED;
    }
    if (admit->ledger_count > 0)
        *lock = job->handle;
    job->started = model->now;
    admit_status(model, &before, admit, "sending", "", 0);
    return BH_ADMIT_OK;
}

static enum bh_settle_code
fence(const struct model_job *job, const char *owner, const struct bh_settle_command *settle)
{
    bool ends = settle->disposition == BH_SETTLE_FINAL || settle->disposition == BH_SETTLE_DEAD;
    if (job == NULL)
        return BH_SETTLED_GONE;
    if (job->place == MODEL_DEAD)
        return BH_SETTLED_GONE;
    if (job->token == (int64_t)settle->claim.token) {
        if (job->place == MODEL_LEASED && strcmp(job->owner, owner) == 0)
            return BH_SETTLED_OK;
        bool ours = (job->owner[0] == '~' && strcmp(job->owner + 1, owner) == 0) ||
                    (job->id[0] != '\0' && strcmp(job->id, settle->id) == 0);
        if (job->place != MODEL_LEASED && ends && ours)
            return BH_SETTLED_LATE;
    }
    return BH_SETTLED_STALE;
}

static void
settle_status(struct model *model, struct model_job *job, const struct bh_settle_command *settle,
              bool ends)
{
    size_t number = model_id_number(settle->id);
    if (job->id[0] == '\0' && (!ends || model->statuses[number].exists))
        return;
    struct model_status *status =
        write_status(model, job, settle->id, settle->state, settle->reason,
                     settle->disposition == BH_SETTLE_WAIT ? model->now + settle->delay_ms : 0);
    status->attempts = settle->attempts;
    status->final = ends;
    status->handle = settle->disposition == BH_SETTLE_FINAL ? 0 : job->handle;
    COPY(job->id, settle->id);
    if (settle->first_error.len > 0 && strcmp(status->first_error, "-") == 0)
        COPY(status->first_error, settle->first_error.ptr);
    status->asks |= settle->fields_count > 0;
    if (settle->message_ids.len > 0) {
        model->messages[number].leads = true;
        if (ends) {
            model->messages[number].open = model->now;
            model->messages[number].pull = model->now + model->queue.tracking.pull_after_ms;
            bump(model, "messages", "");
        }
    }
    if (ends && settle->callback == BH_CALLBACK_DUE)
        model->callbacks[number] = model->now;
    else if (ends && settle->callback == BH_CALLBACK_LOOK)
        tell_end(model, settle->id);
}

static void
settle_counters(struct model *model, const struct bh_settle_command *settle, bool ends)
{
    char code[16];
    if (settle->sent) {
        (void)snprintf(code, sizeof(code), "%d", settle->code);
        bump(model, "attempts", "");
        bump(model, "code:", settle->code >= 0 && settle->code <= 999 ? code : "other");
    }
    if (ends)
        bump(model, "outcome:", settle->state);
}

static void
settle_lock(struct model *model, const struct model_job *job,
            const struct bh_settle_command *settle)
{
    int64_t *lock = &model->locks[model_lock_number(settle->id)];
    if (settle->ledger_count > 0 && settle->ledger_action == BH_LEDGER_FREE && *lock == job->handle)
        *lock = 0;
}

static void
move_job(struct model *model, struct model_job *job, const struct bh_settle_command *settle)
{
    if (settle->disposition == BH_SETTLE_FINAL) {
        drop_job(model, job);
        return;
    }
    job->waiting = settle->waiting;
    COPY(job->reason, settle->reason[0] != '\0' ? settle->reason : "-");
    COPY(job->owner, "-");
    COPY(job->memo, settle->memo.len > 0 ? settle->memo.ptr : "");
    job->attempts = settle->attempts;
    job->uncertain = settle->uncertain_since.ms;
    job->started = 0;
    if (settle->disposition == BH_SETTLE_DEAD ||
        (settle->disposition == BH_SETTLE_WAIT && (settle->sent || job->uncertain == 0)))
        job->recoveries = 0;
    if (settle->disposition == BH_SETTLE_READY) {
        to_ready(model, job, true);
        return;
    }
    job->place = settle->disposition == BH_SETTLE_WAIT ? MODEL_DUE : MODEL_DEAD;
    job->score = model->now + (job->place == MODEL_DUE ? settle->delay_ms : 0);
    if (job->place == MODEL_DEAD) {
        job->token = 0;
        if (strcmp(settle->state, "unknown") == 0) {
            job->waiting = 'u';
            COPY(job->reason, "uncertain");
        }
    }
}

enum bh_settle_code
model_settle(struct model *model, const char *owner, const struct bh_settle_command *settle)
{
    struct model_job *job = find_ref(model, &settle->claim);
    bool ends = settle->disposition == BH_SETTLE_FINAL || settle->disposition == BH_SETTLE_DEAD;
    enum bh_settle_code code = fence(job, owner, settle);
    if (code == BH_SETTLED_OK || code == BH_SETTLED_LATE) {
        settle_lock(model, job, settle);
        if (settle->disposition == BH_SETTLE_DEAD && job->place == MODEL_READY)
            job->handle = ++*counter(model, "handle");
        settle_status(model, job, settle, ends);
        settle_counters(model, settle, ends);
        move_job(model, job, settle);
    }
    return code;
}

/* ---- somebody's word ----------------------------------------------------------------------------- */

/* What is said about a job that is not uncertain. */
static enum bh_resolve_code
certain(const struct model_status *status, const struct model_job *job, enum bh_resolve_word word)
{
    bool resent = job != NULL && job->place != MODEL_DEAD && job->waiting == 'r' &&
                  strcmp(job->reason, "operator") == 0;
    bool so = strcmp(status->state, bh_resolve_word_name(word)) == 0 ||
              (word == BH_RESOLVE_RESEND && resent);
    return so ? BH_RESOLVED_ALREADY : BH_RESOLVED_CERTAIN;
}

static void
resolve_job(struct model *model, struct model_job *job, enum bh_resolve_word word)
{
    if (word == BH_RESOLVE_SENT) {
        drop_job(model, job);
        return;
    }
    job->waiting = 'r';
    job->token = job->started = job->uncertain = 0;
    COPY(job->owner, "-");
    COPY(job->reason, word == BH_RESOLVE_RESEND ? "operator" : "-");
    if (word == BH_RESOLVE_RESEND) {
        job->recoveries = 0;
        if (job->place != MODEL_READY)
            to_ready(model, job, false);
        return;
    }
    if (job->place == MODEL_READY)
        job->handle = ++*counter(model, "handle");
    job->place = MODEL_DEAD;
    job->score = model->now;
}

enum bh_resolve_code
model_resolve(struct model *model, const char *id, enum bh_resolve_word word)
{
    static const char *const states[] = {"sent", "failed", "retrying"};
    struct model_status *status = &model->statuses[model_id_number(id)];
    if (!status->exists)
        return BH_RESOLVED_NONE;
    struct model_job *job = find_job(model, status->handle);
    if (job != NULL && strcmp(job->id, id) != 0)
        job = NULL;
    if (job != NULL && job->place == MODEL_LEASED)
        return BH_RESOLVED_LEASED;
    bool uncertain = job == NULL || job->place == MODEL_DEAD
                         ? strcmp(status->state, "unknown") == 0
                         : job->waiting == 'u' || job->uncertain != 0;
    if (!uncertain)
        return certain(status, job, word);
    if (word == BH_RESOLVE_RESEND && job == NULL)
        return BH_RESOLVED_GONE;
    if (word == BH_RESOLVE_RESEND && job->expires != 0 && job->expires <= model->now)
        return BH_RESOLVED_EXPIRED;
    if (word == BH_RESOLVE_RESEND)
        model->cancels[model_id_number(id)] = false;
    if (job != NULL)
        status->attempts = job->attempts;
    COPY(status->state, states[word]);
    COPY(status->reason, word == BH_RESOLVE_RESEND ? "operator" : "-");
    status->next_at = 0;
    status->updated_at = model->now;
    status->final = word != BH_RESOLVE_RESEND;
    status->confirmed = word == BH_RESOLVE_SENT;
    if (status->final) {
        bump(model, "outcome:", states[word]);
        tell_end(model, id);
    }
    bump(model, "uncertain:", "operator");
    model->audited++;
    if (job != NULL) {
        int64_t *kept = &status->handle;
        bool renamed = word == BH_RESOLVE_FAILED && job->place == MODEL_READY;
        resolve_job(model, job, word);
        if (renamed)
            *kept = *counter(model, "handle");
    }
    if (word == BH_RESOLVE_SENT)
        status->handle = 0;
    return BH_RESOLVED_DONE;
}

/* ---- an operator's hand -------------------------------------------------------------------------- */

#define NEVER ((int64_t)253402300799000)

static void
steer_status(struct model *model, const struct model_job *job, const char *state,
             const char *reason, int64_t next_at)
{
    struct model_status *status = &model->statuses[model_id_number(job->id)];
    if (!status->exists) {
        *status = (struct model_status){.exists = true, .created_at = job->created};
        COPY(status->first_error, "-");
    }
    COPY(status->state, state);
    COPY(status->reason, reason);
    status->attempts = job->attempts;
    status->next_at = next_at;
    status->updated_at = model->now;
    status->handle = job->handle;
}

static void
leave_line(struct model *model, struct model_job *job, enum model_place place, int64_t score)
{
    if (job->place == MODEL_READY)
        job->handle = ++*counter(model, "handle");
    job->place = place;
    job->score = score;
}

static void
enter_line(struct model *model, struct model_job *job)
{
    if (job->place != MODEL_READY)
        to_ready(model, job, false);
}

static enum bh_steer_code
hold_job(struct model *model, struct model_job *job)
{
    leave_line(model, job, MODEL_DUE, NEVER);
    job->waiting = 'h';
    COPY(job->reason, "operator");
    steer_status(model, job, "held", "operator", 0);
    return BH_STEERED_DONE;
}

static enum bh_steer_code
release_job(struct model *model, struct model_job *job)
{
    bool untried = job->uncertain == 0 && job->attempts == 0;
    bool waits = untried && job->due > model->now && job->place == MODEL_DUE;
    job->waiting = job->uncertain != 0 ? 'u' : untried ? 's' : 'r';
    COPY(job->reason, job->uncertain != 0 ? "uncertain" : untried ? "-" : "operator");
    if (waits)
        job->score = job->due;
    else
        enter_line(model, job);
    steer_status(model, job, untried ? "scheduled" : "retrying", job->reason,
                 waits ? job->due : model->now);
    return BH_STEERED_DONE;
}

static enum bh_steer_code
retry_job(struct model *model, struct model_job *job)
{
    struct model_status *status = &model->statuses[model_id_number(job->id)];
    enter_line(model, job);
    if (job->due > model->now)
        job->due = model->now;
    if (status->exists)
        status->next_at = status->updated_at = model->now;
    return BH_STEERED_DONE;
}

static enum bh_steer_code
finish_job(struct model *model, struct model_job *job, const char *state)
{
    struct model_status *status = &model->statuses[model_id_number(job->id)];
    steer_status(model, job, state, "-", 0);
    status->handle = 0;
    status->final = true;
    bump(model, "outcome:", state);
    tell_end(model, job->id);
    drop_job(model, job);
    return BH_STEERED_DONE;
}

static enum bh_steer_code
cancel_uncertain(struct model *model, struct model_job *job)
{
    leave_line(model, job, MODEL_DEAD, model->now);
    job->waiting = 'u';
    job->token = job->started = job->recoveries = 0;
    COPY(job->owner, "-");
    COPY(job->reason, "uncertain");
    steer_status(model, job, "unknown", "-", 0);
    model->statuses[model_id_number(job->id)].final = true;
    bump(model, "outcome:", "unknown");
    tell_end(model, job->id);
    return BH_STEERED_UNKNOWN;
}

static enum bh_steer_code
requeue_job(struct model *model, struct model_job *job)
{
    if (job->place == MODEL_READY && job->waiting == 'r' && job->attempts == 0 &&
        strcmp(job->reason, "operator") == 0)
        return BH_STEERED_ALREADY;
    if (job->place == MODEL_DEAD && job->id[0] != '\0')
        model->cancels[model_id_number(job->id)] = false;
    enter_line(model, job);
    job->attempts = job->recoveries = job->token = job->started = 0;
    COPY(job->owner, "-");
    COPY(job->memo, "");
    if (job->created == 0) {
        if (job->id[0] != '\0')
            model->statuses[model_id_number(job->id)].exists = false;
        job->waiting = 'n';
        COPY(job->reason, "-");
        COPY(job->id, "");
        return BH_STEERED_DONE;
    }
    if (job->expires != 0)
        job->expires += model->now - job->due;
    job->due = model->now;
    job->waiting = 'r';
    COPY(job->reason, "operator");
    steer_status(model, job, "retrying", "operator", model->now);
    model->statuses[model_id_number(job->id)].final = false;
    COPY(model->statuses[model_id_number(job->id)].first_error, "-");
    return BH_STEERED_DONE;
}

static enum bh_steer_code
delete_job(struct model *model, struct model_job *job, struct model_status *status)
{
    if (status != NULL && status->handle == job->handle)
        status->handle = 0;
    drop_job(model, job);
    return BH_STEERED_DONE;
}

static enum bh_steer_code
steer_none(struct model *model, enum bh_steering operation, const char *id,
           const struct model_status *status)
{
    if (status == NULL) {
        if (operation != BH_STEER_CANCEL || id[0] == '\0')
            return BH_STEERED_NONE;
        model->cancels[model_id_number(id)] = true;
        return BH_STEERED_LEFT;
    }
    bool kept = strcmp(status->state, "failed") == 0 || strcmp(status->state, "unknown") == 0;
    if ((operation == BH_STEER_CANCEL && strcmp(status->state, "cancelled") == 0) ||
        (operation == BH_STEER_EXPIRE && strcmp(status->state, "expired") == 0))
        return BH_STEERED_ALREADY;
    return kept && (operation == BH_STEER_REQUEUE || operation == BH_STEER_DELETE)
               ? BH_STEERED_GONE
               : BH_STEERED_STATE;
}

static enum bh_steer_code
steer_waiting(struct model *model, enum bh_steering operation, struct model_job *job,
              bool uncertain)
{
    bool by_operator = job->waiting == 'h' && strcmp(job->reason, "operator") == 0;
    switch (operation) {
    case BH_STEER_HOLD:
        return by_operator ? BH_STEERED_ALREADY
               : uncertain ? BH_STEERED_UNCERTAIN
                           : hold_job(model, job);
    case BH_STEER_RELEASE:
        if (job->waiting != 'h')
            return job->place == MODEL_READY && strcmp(job->reason, "operator") == 0
                       ? BH_STEERED_ALREADY
                       : BH_STEERED_STATE;
        return release_job(model, job);
    case BH_STEER_CANCEL:
        return uncertain ? cancel_uncertain(model, job) : finish_job(model, job, "cancelled");
    case BH_STEER_EXPIRE:
        return uncertain ? BH_STEERED_UNCERTAIN : finish_job(model, job, "expired");
    case BH_STEER_RETRY:
        return by_operator                 ? BH_STEERED_HELD
               : job->place == MODEL_READY ? BH_STEERED_ALREADY
                                           : retry_job(model, job);
    case BH_STEER_REQUEUE:
    case BH_STEER_DELETE: break;
    }
    return BH_STEERED_STATE;
}

enum bh_steer_code
model_steer(struct model *model, enum bh_steering operation, const char *id, int64_t handle)
{
    struct model_status *status = id[0] != '\0' ? &model->statuses[model_id_number(id)] : NULL;
    if (status != NULL && !status->exists)
        status = NULL;
    struct model_job *job = find_job(model, handle);
    if (job == NULL || strcmp(job->id, id) != 0)
        job = status != NULL ? find_job(model, status->handle) : NULL;
    if (job == NULL || strcmp(job->id, id) != 0)
        return steer_none(model, operation, id, status);
    if (job->place == MODEL_LEASED) {
        if (operation != BH_STEER_CANCEL || id[0] == '\0')
            return BH_STEERED_IN_HAND;
        model->cancels[model_id_number(id)] = true;
        return BH_STEERED_LEFT;
    }
    bool dead = job->place == MODEL_DEAD;
    bool taken = status != NULL && status->handle != job->handle;
    if (taken && operation != BH_STEER_DELETE)
        return BH_STEERED_TAKEN;
    bool unknown = status != NULL && !taken && strcmp(status->state, "unknown") == 0;
    bool uncertain = job->waiting == 'u' || (dead ? unknown : job->uncertain != 0);
    if (id[0] == '\0' && !dead)
        return BH_STEERED_EARLY;
    if (operation == BH_STEER_REQUEUE && !uncertain)
        return job->waiting == 'h' && strcmp(job->reason, "operator") == 0
                   ? BH_STEERED_HELD
                   : requeue_job(model, job);
    if (operation == BH_STEER_DELETE && dead && !uncertain)
        return delete_job(model, job, status);
    if (operation == BH_STEER_REQUEUE || (operation == BH_STEER_DELETE && dead))
        return BH_STEERED_UNCERTAIN;
    return dead ? BH_STEERED_STATE : steer_waiting(model, operation, job, uncertain);
}

void
model_trim_dead(struct model *model)
{
    struct model_job *found[MODEL_JOBS];
    size_t count = members(model, MODEL_DEAD, found), gone = 0;
    while (gone < count && found[gone]->score <= model->now - model->queue.dead_ttl_ms)
        gone++;
    while (count - gone > model->queue.dead_max)
        gone++;
    int64_t handles[MODEL_JOBS];
    for (size_t i = 0; i < gone; i++)
        handles[i] = found[i]->handle;
    for (size_t i = 0; i < gone; i++)
        drop_job(model, find_job(model, handles[i]));
}

enum bh_renew_code
model_renew(struct model *model, const char *owner, const struct bh_claim_ref *claim)
{
    struct model_job *job = find_ref(model, claim);
    if (job == NULL || job->place != MODEL_LEASED || strcmp(job->owner, owner) != 0 ||
        job->token != (int64_t)claim->token)
        return BH_RENEW_LOST;
    job->score = model->now + model->queue.lease_ms;
    return BH_RENEW_OK;
}

static int64_t
raise_counter(struct model *model, const char *name, uint64_t least)
{
    int64_t *value = counter(model, name), was = *value;
    if (*value < (int64_t)least)
        *value = (int64_t)least;
    return was;
}

void
model_adopt(struct model *model, const char *owner, bool restarted, const struct bh_store_mark *met,
            const uint64_t *known, size_t count, struct model_adopted *ret_adopted)
{
    struct model_job *found[MODEL_JOBS];
    struct model_adopted adopted = {.waiting = model->raw.count + model->in.count};
    size_t leases = members(model, MODEL_LEASED, found);
    for (size_t i = 0; i < leases; i++) {
        bool spared = strcmp(found[i]->owner, owner) != 0;
        for (size_t k = 0; k < count; k++)
            spared = spared || known[k] == (uint64_t)found[i]->token;
        if (!spared) {
            recover(model, found[i], restarted);
            adopted.recovered++;
        }
    }
    adopted.seen = (uint64_t)*seen_by(model, owner);
    adopted.token = (uint64_t)raise_counter(model, "token", met->token);
    bool behind = adopted.token < met->token || (adopted.seen > 0 && adopted.seen < met->token);
    behind = raise_counter(model, "handle", met->handle) < (int64_t)met->handle || behind;
    /* A roll-back begins a new block of handles, if none was begun since. */
    if (behind)
        (void)raise_counter(model, "handle", (met->handle / HANDLES_BLOCK + 1) * HANDLES_BLOCK);
    adopted.handle = (uint64_t)*counter(model, "handle");
    *ret_adopted = adopted;
}

/* ---- the content as text ------------------------------------------------------------------------- */

static void
print_list(struct bh_buf *buf, const char *name, const struct model_list *list)
{
    bh_buf_printf(buf, "list %s", name);
    for (size_t i = 0; i < list->count; i++)
        bh_buf_printf(buf, " %s", list->items[i]);
    bh_buf_append_char(buf, '\n');
}

static void
print_set(struct model *model, struct bh_buf *buf, const char *name, enum model_place place)
{
    struct model_job *found[MODEL_JOBS];
    size_t count = members(model, place, found);
    bh_buf_printf(buf, "set %s", name);
    for (size_t i = 0; i < count; i++)
        bh_buf_printf(buf, " %lld %lld", (long long)found[i]->handle, (long long)found[i]->score);
    bh_buf_append_char(buf, '\n');
}

static int
compare_handles(const void *left, const void *right)
{
    char a[24], b[24];
    (void)snprintf(a, sizeof(a), "%lld", (long long)((const struct model_job *)left)->handle);
    (void)snprintf(b, sizeof(b), "%lld", (long long)((const struct model_job *)right)->handle);
    return strcmp(a, b);
}

static void
print_jobs(struct model *model, struct bh_buf *buf)
{
    qsort(model->jobs, model->jobs_count, sizeof(model->jobs[0]), compare_handles);
    for (size_t i = 0; i < model->jobs_count; i++) {
        const struct model_job *job = &model->jobs[i];
        bh_buf_printf(
            buf, "job %lld %s 1 %c %s %lld %lld %s %lld %lld %lld %lld %lld %lld %s\n%s\n",
            (long long)job->handle, job->payload, job->waiting, job->reason,
            (long long)job->attempts, (long long)job->recoveries, job->owner, (long long)job->token,
            (long long)job->started, (long long)job->created, (long long)job->due,
            (long long)job->expires, (long long)job->uncertain, job->id, job->memo);
    }
    bh_buf_printf(buf, "heads %zu\n", model->jobs_count);
}

static void
count_gauges(struct model *model)
{
    for (size_t i = 0; i < model->counters_count; i++) {
        if (strncmp(model->counters[i].name, "now:", 4) == 0)
            model->counters[i].value = 0;
    }
    for (size_t i = 0; i < model->jobs_count; i++) {
        const struct model_job *job = &model->jobs[i];
        if (job->place != MODEL_READY && job->place != MODEL_DUE)
            continue;
        if (is_suspect(job))
            bump(model, "now:", "suspects");
        switch (job->waiting) {
        case 's': bump(model, "now:", "scheduled"); break;
        case 'r': bump(model, "now:", "retrying"); break;
        case 'u': bump(model, "now:", "uncertain"); break;
        case 'h': bump(model, "now:held:", job->reason); break;
        default: break;
        }
    }
}

static int
compare_names(const void *left, const void *right)
{
    return strcmp(left, right); /* a counter begins with its name */
}

static void
print_counters(struct model *model, struct bh_buf *buf)
{
    count_gauges(model);
    qsort(model->counters, model->counters_count, sizeof(model->counters[0]), compare_names);
    for (size_t i = 0; i < model->counters_count; i++) {
        if (model->counters[i].value != 0)
            bh_buf_printf(buf, "counter %s %lld\n", model->counters[i].name,
                          (long long)model->counters[i].value);
    }
}

static void
print_status(struct bh_buf *buf, size_t number, const struct model_status *status)
{
    bh_buf_printf(buf, "status %zu %s %s %s %s %lld %lld %lld ", number,
                  status->final ? "expires" : "stays", status->state, status->reason,
                  status->first_error, (long long)status->attempts, (long long)status->created_at,
                  (long long)status->updated_at);
    if (status->next_at != 0)
        bh_buf_printf(buf, "%lld ", (long long)status->next_at);
    else
        bh_buf_append_text(buf, "- ");
    if (status->handle != 0)
        bh_buf_printf(buf, "%lld ", (long long)status->handle);
    else
        bh_buf_append_text(buf, "- ");
    bh_buf_append_text(buf, status->confirmed ? "operator\n" : "-\n");
}

void
model_print(struct model *model, struct bh_buf *buf)
{
    print_list(buf, "", &model->raw);
    print_list(buf, ":in", &model->in);
    print_list(buf, ":ready", &model->ready);
    print_list(buf, ":suspects", &model->suspects);
    print_set(model, buf, ":due", MODEL_DUE);
    print_set(model, buf, ":leases", MODEL_LEASED);
    print_set(model, buf, ":dead", MODEL_DEAD);
    print_jobs(model, buf);
    print_counters(model, buf);
    for (size_t i = 0; i < MODEL_IDS; i++) {
        if (model->statuses[i].exists)
            print_status(buf, i, &model->statuses[i]);
        if (model->cancels[i])
            bh_buf_printf(buf, "cancel %zu\n", i);
        if (model->callbacks[i] != 0)
            bh_buf_printf(buf, "callback %zu %lld\n", i, (long long)model->callbacks[i]);
        if (model->messages[i].leads)
            bh_buf_printf(buf, "message %zu i%zu %lld %lld\n", i, i,
                          (long long)model->messages[i].open, (long long)model->messages[i].pull);
    }
    for (size_t i = 0; i < MODEL_LOCKS; i++) {
        if (model->locks[i] != 0)
            bh_buf_printf(buf, "lock %zu %lld expires\n", i, (long long)model->locks[i]);
    }
    bh_buf_printf(buf, "control %s ", model->paused ? "1" : "-");
    if (model->has_bucket)
        bh_buf_printf(buf, "%.6f %lld", model->tokens, (long long)model->tokens_at);
    else
        bh_buf_append_text(buf, "- -");
    /* The stream is capped there, but not sharply. */
    bh_buf_printf(buf, "\naudit %d", model->audited < 1000 ? (int)model->audited : 1000);
}
