#include "engine/sim_store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

static void
push_right(struct sim_list *list, unsigned job)
{
    BH_ASSERT(list->count < BH_ARRAY_LEN(list->items));
    list->items[list->count++] = job;
}

static void
push_left(struct sim_list *list, unsigned job)
{
    BH_ASSERT(list->count < BH_ARRAY_LEN(list->items));
    memmove(list->items + 1, list->items, list->count * sizeof(list->items[0]));
    list->items[0] = job;
    list->count++;
}

static void
set_memo(struct sim_head *head, const char *memo)
{
    free(head->memo);
    head->memo = NULL;
    if (memo != NULL && memo[0] != '\0') {
        size_t size = strlen(memo) + 1;
        head->memo = malloc(size);
        BH_ASSERT(head->memo != NULL);
        memcpy(head->memo, memo, size);
    }
}

static void
end_job(struct sim_job *job, enum sim_place place, const char *state)
{
    BH_ASSERT(job->ends == 0);
    job->ends++;
    job->place = place;
    snprintf(job->state, sizeof(job->state), "%s", state);
}

static bool
is_suspect(const struct sim_job *job)
{
    return job->head.recoveries == BH_SUSPECT_RECOVERIES;
}

static void
recover(struct sim_store *store, struct sim_job *job, bool counts, int64_t now)
{
    struct sim_head *head = &job->head;
    if (head->started != 0) {
        head->waiting = 'u';
        snprintf(head->reason, sizeof(head->reason), "uncertain");
        head->attempts++;
        if (head->uncertain == 0)
            head->uncertain = head->started;
        head->started = 0;
        job->was_uncertain = true;
        job->blind++;
        sim_store_lose(job);
    }
    /* What it had been told may have died with its worker. */
    memset(job->known, 0, sizeof(job->known));
    head->recoveries += counts;
    head->lost_by = head->owner;
    head->owner = SIM_NOBODY;
    store->recovered++;
    if (counts && is_suspect(job)) {
        job->place = SIM_DUE;
        job->due_at = now + 5 * BH_SECOND_MS;
        return;
    }
    job->place = SIM_READY;
    push_right(&store->queues[job->queue].ready, (unsigned)(job - store->jobs));
}

static bh_ms
next_due(const struct sim_store *store, unsigned queue, int64_t now)
{
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < store->jobs_count; i++) {
        const struct sim_job *job = &store->jobs[i];
        if (job->place == SIM_DUE && job->queue == queue && job->due_at < first)
            first = job->due_at;
    }
    return first == INT64_MAX ? -1 : bh_ms_max(0, first - now);
}

/* ---- claim ---- */

static void
promote_and_reap(struct sim_store *store, unsigned queue, int64_t now)
{
    for (unsigned i = 0; i < store->jobs_count; i++) {
        struct sim_job *job = &store->jobs[i];
        if (job->queue != queue)
            continue;
        if (job->place == SIM_DUE && job->due_at <= now) {
            job->place = SIM_READY;
            push_left(&store->queues[queue].ready, i);
        } else if (job->place == SIM_LEASED && job->lease_end <= now) {
            recover(store, job, true, now);
        }
    }
}

static unsigned
leases(const struct sim_store *store, unsigned queue)
{
    unsigned count = 0;
    for (unsigned i = 0; i < store->jobs_count; i++)
        count += store->jobs[i].queue == queue && store->jobs[i].place == SIM_LEASED;
    return count;
}

static void
limit_claim(struct sim_store *store, const struct sim_request *request, int64_t now,
            struct bh_claimed_event *event, unsigned *count)
{
    struct sim_queue *queue = &store->queues[request->queue];
    if (queue->paused) {
        event->code = BH_CLAIM_PAUSED;
        *count = 0;
        return;
    }
    unsigned held = leases(store, request->queue);
    if (queue->concurrency > 0) {
        unsigned room = queue->concurrency > held ? queue->concurrency - held : 0;
        *count = *count < room ? *count : room;
    }
    if (queue->rate > 0) {
        double burst = queue->rate;
        queue->tokens += (double)(now - queue->tokens_at) * queue->rate / 1000.0;
        queue->tokens = queue->tokens < burst ? queue->tokens : burst;
        queue->tokens_at = now;
        if (queue->tokens < *count)
            *count = (unsigned)queue->tokens;
        event->wait_ms = *count == 0 ? (bh_ms)ceil((1 - queue->tokens) * 1000 / queue->rate) : -1;
    }
    if (*count == 0)
        event->code = BH_CLAIM_LIMITED;
}

static char *
record_of(const struct sim_head *head)
{
    char owner[16] = "-";
    if (head->lost_by != SIM_NOBODY)
        snprintf(owner, sizeof(owner), "~w%d", head->lost_by);
    size_t size = 400 + (head->memo != NULL ? strlen(head->memo) : 0);
    char *text = malloc(size);
    BH_ASSERT(text != NULL);
    if (head->owner != SIM_NOBODY)
        snprintf(owner, sizeof(owner), "w%d", head->owner);
    snprintf(text, size, "1 %c %s %u %u %s %llu %lld %lld %lld %lld %lld %s\n%s", head->waiting,
             head->reason[0] != '\0' ? head->reason : "-", head->attempts, head->recoveries, owner,
             (unsigned long long)head->token, (long long)head->started, (long long)head->created,
             (long long)head->due, (long long)head->expires, (long long)head->uncertain, head->id,
             head->memo != NULL ? head->memo : "");
    return text;
}

static void
take(struct sim_store *store, unsigned index, const struct sim_request *request, int64_t now,
     struct bh_claimed_event *event, struct sim_claimed *claimed)
{
    struct sim_job *job = &store->jobs[index];
    size_t n = event->jobs_count++;
    if (event->token == 0)
        event->token = ++store->token;
    claimed->heads[n] = record_of(&job->head);
    job->head.owner = request->owner;
    job->head.lost_by = SIM_NOBODY;
    job->head.token = event->token;
    job->place = SIM_LEASED;
    job->lease_end = now + SIM_LEASE_MS;
    job->buried = job->head.recoveries > BH_SUSPECT_RECOVERIES;
    snprintf(claimed->handles[n], sizeof(claimed->handles[n]), "%u", index);
    claimed->jobs[n] = (struct bh_claimed_job){
        .handle = bh_str_from(claimed->handles[n]),
        .head = bh_str_from(claimed->heads[n]),
        /* Of a job that is to be buried: the id that it says it has, where the record knows none. */
        .payload = bh_str_from(!job->buried              ? job->payload
                               : job->head.id[0] == '\0' ? job->id
                                                         : ""),
        .payload_bytes = strlen(job->payload),
    };
}

/* One suspect, and then nothing else. */
static void
take_apart(struct sim_store *store, const struct sim_request *request, int64_t now, unsigned *count,
           struct bh_claimed_event *event, struct sim_claimed *claimed)
{
    struct sim_list *suspects = &store->queues[request->queue].suspects;
    while (request->alone && event->jobs_count == 0 && *count > 0 && suspects->count > 0) {
        unsigned index = suspects->items[--suspects->count];
        if (store->jobs[index].place == SIM_READY && is_suspect(&store->jobs[index]))
            take(store, index, request, now, event, claimed);
    }
    if (event->jobs_count > 0)
        *count = 1;
}

static struct bh_event
claim(struct sim_store *store, const struct sim_request *request, int64_t now,
      struct sim_claimed *claimed)
{
    struct sim_queue *queue = &store->queues[request->queue];
    struct bh_claimed_event event = {
        .queue = request->queue,
        .asked_at = request->asked_at,
        .server_now = {now},
        .wait_ms = -1,
        .jobs = claimed->jobs,
    };
    unsigned count = request->count;
    BH_ASSERT(count >= 1 && count <= BH_CLAIM_MAX);
    promote_and_reap(store, request->queue, now);
    limit_claim(store, request, now, &event, &count);
    take_apart(store, request, now, &count, &event, claimed);
    while (event.jobs_count < count && queue->ready.count > 0) {
        unsigned index = queue->ready.items[--queue->ready.count];
        if (store->jobs[index].place != SIM_READY) /* it ended while it lay there */
            continue;
        if (is_suspect(&store->jobs[index]))
            push_left(&queue->suspects, index);
        else
            take(store, index, request, now, &event, claimed);
    }
    while (event.jobs_count < count && queue->raw.count > 0)
        take(store, queue->raw.items[--queue->raw.count], request, now, &event, claimed);
    if (event.jobs_count == 0)
        take_apart(store, request, now, &count, &event, claimed);
    if (event.code == BH_CLAIM_DONE)
        event.suspects = queue->suspects.count;
    if (queue->rate > 0)
        queue->tokens -= (double)event.jobs_count;
    event.next_due_ms = next_due(store, request->queue, now);
    event.more = event.code == BH_CLAIM_DONE && event.jobs_count >= count &&
                 queue->ready.count + queue->raw.count > 0;
    return (struct bh_event){.kind = BH_EVENT_CLAIMED, .claimed = event};
}

/* ---- admit ---- */

static struct sim_ledger *
find_entry(struct sim_store *store, unsigned queue, const char *digest, int64_t now)
{
    for (unsigned i = 0; i < store->ledger_count; i++) {
        struct sim_ledger *entry = &store->ledger[i];
        while (i < store->ledger_count && entry->until <= now)
            *entry = store->ledger[--store->ledger_count];
        if (i < store->ledger_count && entry->queue == queue && strcmp(entry->digest, digest) == 0)
            return entry;
    }
    return NULL;
}

static bool
is_seen(const struct sim_store *store, const struct sim_job *self, const char *id)
{
    for (unsigned i = 0; i < store->jobs_count; i++) {
        const struct sim_job *job = &store->jobs[i];
        if (job != self && strcmp(job->head.id, id) == 0)
            return true;
    }
    return false;
}

static bh_ms
locked_for(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    unsigned queue = store->jobs[request->job].queue;
    bh_ms wait_ms = 0;
    for (unsigned i = 0; i < request->ledger_count; i++) {
        struct sim_ledger *entry = find_entry(store, queue, request->ledger[i], now);
        if (entry != NULL && entry->job != request->job)
            wait_ms = bh_ms_max(wait_ms, bh_ms_max(1, entry->until - now));
    }
    return wait_ms;
}

static enum bh_admit_code
register_job(struct sim_store *store, const struct sim_request *request, int64_t now,
             bh_ms *ret_wait_ms)
{
    struct sim_job *job = &store->jobs[request->job];
    struct sim_head *head = &job->head;
    if (head->id[0] == '\0' && is_seen(store, job, request->id)) {
        store->duplicate_ids++;
        end_job(job, SIM_GONE, "duplicate_id");
        return BH_ADMIT_DUPLICATE;
    }
    snprintf(head->id, sizeof(head->id), "%s", request->id);
    if (job->cancelled) {
        bool unsure = head->uncertain != 0;
        end_job(job, unsure ? SIM_DEAD : SIM_GONE, unsure ? "unknown" : "cancelled");
        return BH_ADMIT_CANCELLED;
    }
    head->created = request->created;
    head->due = request->due;
    head->expires = request->expires;
    if (request->mode == BH_ADMIT_SCHEDULE) {
        job->place = SIM_DUE;
        job->due_at = request->due;
        head->waiting = 's';
        head->reason[0] = '\0';
        head->owner = SIM_NOBODY;
        head->started = 0;
        head->recoveries = 0;
        return BH_ADMIT_SCHEDULED;
    }
    *ret_wait_ms = locked_for(store, request, now);
    if (*ret_wait_ms > 0)
        return BH_ADMIT_LOCKED;
    for (unsigned i = 0; i < request->ledger_count; i++) {
        struct sim_ledger *entry = find_entry(store, job->queue, request->ledger[i], now);
        if (entry == NULL) {
            BH_ASSERT(store->ledger_count < SIM_LEDGER_MAX);
            entry = &store->ledger[store->ledger_count++];
        }
        entry->queue = job->queue;
        memcpy(entry->digest, request->ledger[i], sizeof(entry->digest));
        entry->job = request->job;
        entry->until = now + request->ledger_ms;
    }
    head->started = now;
    memset(job->asked, 0, sizeof(job->asked)); /* by what is about to leave */
    return BH_ADMIT_OK;
}

static bool
is_owner(const struct sim_job *job, const struct sim_request *request)
{
    return job->ends == 0 && job->head.owner == request->owner && job->head.token == request->token;
}

static struct bh_event
admit(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    struct sim_job *job = &store->jobs[request->job];
    struct bh_admitted_event event = {
        .slot = request->slot, .code = BH_ADMIT_LOST, .server_now = {now}};
    if (is_owner(job, request))
        event.code = register_job(store, request, now, &event.wait_ms);
    event.next_due_ms = next_due(store, job->queue, now);
    return (struct bh_event){.kind = BH_EVENT_ADMITTED, .admitted = event};
}

/* ---- finish ---- */

static void
settle_ledger(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    for (unsigned i = 0; i < request->ledger_count && request->action != BH_LEDGER_KEEP; i++) {
        struct sim_ledger *entry =
            find_entry(store, store->jobs[request->job].queue, request->ledger[i], now);
        if (entry == NULL || entry->job != request->job)
            continue;
        entry->until = request->action == BH_LEDGER_ARM ? now + request->ledger_ms : now;
    }
}

static void
move(struct sim_store *store, struct sim_job *job, const struct sim_request *request, int64_t now)
{
    struct sim_head *head = &job->head;
    if (request->id[0] != '\0' && request->state[0] != '\0')
        snprintf(head->id, sizeof(head->id), "%s", request->id);
    head->waiting = request->waiting;
    head->attempts = request->attempts;
    head->uncertain = request->uncertain;
    head->owner = head->lost_by = SIM_NOBODY;
    head->started = 0;
    if (request->disposition == BH_SETTLE_DEAD ||
        (request->disposition == BH_SETTLE_WAIT && (request->sent || request->uncertain == 0)))
        head->recoveries = 0;
    snprintf(head->reason, sizeof(head->reason), "%s", request->reason);
    set_memo(head, request->memo);
    /* Each attempt is a request that was sent, or one that a dead worker may have sent. */
    BH_ASSERT(head->attempts <= job->submits + job->blind);
    switch (request->disposition) {
    case BH_SETTLE_FINAL: end_job(job, SIM_GONE, request->state); break;
    case BH_SETTLE_DEAD: end_job(job, SIM_DEAD, request->state); break;
    case BH_SETTLE_WAIT:
        BH_ASSERT(request->delay_ms >= 0);
        job->place = SIM_DUE;
        job->due_at = now + request->delay_ms;
        break;
    case BH_SETTLE_READY:
        job->place = SIM_READY;
        push_right(&store->queues[job->queue].ready, request->job);
        break;
    }
}

static struct bh_event
finish(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    struct sim_job *job = &store->jobs[request->job];
    struct bh_settled_event event = {.slot = request->slot, .code = BH_SETTLED_STALE};
    bool ends = request->disposition == BH_SETTLE_FINAL || request->disposition == BH_SETTLE_DEAD;
    if (job->ends > 0)
        event.code = BH_SETTLED_GONE;
    else if (is_owner(job, request))
        event.code = BH_SETTLED_OK;
    else if (job->head.token == request->token && job->head.owner == SIM_NOBODY && ends)
        event.code = BH_SETTLED_LATE;
    if (event.code == BH_SETTLED_OK || event.code == BH_SETTLED_LATE) {
        settle_ledger(store, request, now);
        move(store, job, request, now);
    }
    store->late += event.code == BH_SETTLED_LATE;
    store->stale += event.code == BH_SETTLED_STALE;
    event.next_due_ms = next_due(store, job->queue, now);
    return (struct bh_event){.kind = BH_EVENT_SETTLED, .settled = event};
}

/* ---- the rest ---- */

static struct bh_event
renew(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    struct sim_job *job = &store->jobs[request->job];
    bool ours = is_owner(job, request);
    if (ours)
        job->lease_end = now + SIM_LEASE_MS;
    return (struct bh_event){
        .kind = BH_EVENT_RENEWED,
        .renewed = {request->slot, ours ? BH_RENEW_OK : BH_RENEW_LOST, request->asked_at},
    };
}

static struct bh_event
grant(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    double rate = request->limit_rate, *tokens = &store->limit_tokens[request->limit];
    *tokens += (double)(now - store->limit_at[request->limit]) * rate / 1000.0;
    *tokens = *tokens < rate ? *tokens : rate;
    store->limit_at[request->limit] = now;
    unsigned given = *tokens < request->count ? (unsigned)*tokens : request->count;
    *tokens -= given;
    bh_ms wait_ms = given < request->count ? (bh_ms)ceil((1 - *tokens) * 1000 / rate) : -1;
    return (struct bh_event){
        .kind = BH_EVENT_GRANTED,
        .granted = {request->limit, given, wait_ms},
    };
}

static struct bh_event
twin(struct sim_store *store, const struct sim_request *request, int64_t now)
{
    struct bh_twin_event event = {.slot = request->slot, .code = BH_TWIN_NONE};
    const struct sim_ledger *entry = find_entry(store, request->queue, request->ledger[0], now);
    if (entry != NULL) {
        const struct sim_job *job = &store->jobs[entry->job];
        const struct sim_head *head = &job->head;
        bool was_never_taken =
            job->ends == 0 && head->attempts == 0 && head->uncertain == 0 && head->started == 0;
        event.code = was_never_taken ? BH_TWIN_NONE : BH_TWIN_HELD;
        event.wait_ms = was_never_taken ? 0 : entry->until - now;
        store->twins_asked[event.code]++;
    }
    return (struct bh_event){.kind = BH_EVENT_TWIN, .twin = event};
}

struct bh_event
sim_store_execute(struct sim_store *store, const struct sim_request *request, int64_t now,
                  struct sim_claimed *claimed)
{
    switch (request->kind) {
    case BH_COMMAND_CLAIM: return claim(store, request, now, claimed);
    case BH_COMMAND_ADMIT: return admit(store, request, now);
    case BH_COMMAND_SETTLE: return finish(store, request, now);
    case BH_COMMAND_RENEW: return renew(store, request, now);
    case BH_COMMAND_GRANT: return grant(store, request, now);
    case BH_COMMAND_TWIN: return twin(store, request, now);
    case BH_COMMAND_WAIT:
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: break;
    }
    return (struct bh_event){.kind = BH_EVENT_WOKEN, .queue = request->queue};
}

struct bh_event
sim_store_failed(const struct sim_request *request)
{
    struct bh_event event = {.kind = BH_EVENT_WOKEN, .queue = request->queue};
    switch (request->kind) {
    case BH_COMMAND_CLAIM: event.kind = BH_EVENT_CLAIM_FAILED; break;
    case BH_COMMAND_ADMIT:
        event = (struct bh_event){
            .kind = BH_EVENT_ADMITTED,
            .admitted = {.slot = request->slot, .code = BH_ADMIT_FAILED, .next_due_ms = -1},
        };
        break;
    case BH_COMMAND_SETTLE:
        event = (struct bh_event){
            .kind = BH_EVENT_SETTLED,
            .settled = {request->slot, BH_SETTLED_FAILED, -1},
        };
        break;
    case BH_COMMAND_RENEW:
        event = (struct bh_event){
            .kind = BH_EVENT_RENEWED,
            .renewed = {request->slot, BH_RENEW_FAILED, request->asked_at},
        };
        break;
    case BH_COMMAND_GRANT:
        event = (struct bh_event){
            .kind = BH_EVENT_GRANTED,
            .granted = {request->limit, 0, BH_SECOND_MS},
        };
        break;
    case BH_COMMAND_TWIN:
        event = (struct bh_event){
            .kind = BH_EVENT_TWIN,
            .twin = {request->slot, BH_TWIN_FAILED, 0},
        };
        break;
    case BH_COMMAND_WAIT:
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: break;
    }
    return event;
}

void
sim_store_push(struct sim_store *store)
{
    BH_ASSERT(store->jobs_count < SIM_JOBS_MAX);
    struct sim_job *job = &store->jobs[store->jobs_count];
    job->place = SIM_RAW;
    job->head.waiting = 'n';
    job->head.owner = job->head.lost_by = SIM_NOBODY;
    push_left(&store->queues[job->queue].raw, store->jobs_count++);
}

void
sim_store_adopt(struct sim_store *store, int owner, bool restarted, int64_t now,
                const uint64_t *known, size_t known_count)
{
    for (unsigned i = 0; i < store->jobs_count; i++) {
        struct sim_job *job = &store->jobs[i];
        bool is_known = false;
        for (size_t k = 0; k < known_count; k++)
            is_known = is_known || known[k] == job->head.token;
        if (job->place == SIM_LEASED && job->head.owner == owner && !is_known)
            recover(store, job, restarted, now);
    }
}

void
sim_store_check(const struct sim_store *store)
{
    unsigned ready = 0, raw = 0, in_ready = 0, in_raw = 0;
    for (unsigned i = 0; i < store->jobs_count; i++) {
        const struct sim_job *job = &store->jobs[i];
        ready += job->place == SIM_READY;
        raw += job->place == SIM_RAW;
        BH_ASSERT((job->ends == 1) == (job->place == SIM_DEAD || job->place == SIM_GONE));
        BH_ASSERT((job->head.owner != SIM_NOBODY && job->ends == 0) == (job->place == SIM_LEASED));
    }
    for (unsigned q = 0; q < SIM_QUEUES; q++) {
        const struct sim_list *list = &store->queues[q].ready;
        in_raw += store->queues[q].raw.count;
        const struct sim_list *suspects = &store->queues[q].suspects;
        for (unsigned i = 0; i < suspects->count; i++)
            in_ready += store->jobs[suspects->items[i]].place == SIM_READY;
        for (unsigned i = 0; i < list->count; i++)
            in_ready += store->jobs[list->items[i]].place == SIM_READY;
    }
    BH_ASSERT(ready == in_ready && raw == in_raw);
}

void
sim_store_lose(struct sim_job *job)
{
    for (size_t i = 0; i < SIM_PEOPLE_MAX; i++) {
        if (!job->asked[i])
            continue;
        job->unsure[i] = true;
        job->lost_at[i] = job->sent_at;
    }
}

void
sim_store_release(struct sim_store *store)
{
    for (unsigned i = 0; i < store->jobs_count; i++)
        free(store->jobs[i].head.memo);
}
