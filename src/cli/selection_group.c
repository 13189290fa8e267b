#include <stdio.h>
#include <string.h>

#include "cli/selection_private.h"
#include "core/alloc.h"
#include "core/config.h"
#include "redis/reply_view.h"

#define PAYLOADS_BYTES_MAX                                                                         \
    ((uint64_t)8 * 1024 * 1024)                  /* read together, unless one alone is longer */
#define PAYLOAD_MAX ((uint64_t)48 * 1024 * 1024) /* longer ones are not read at all */
#define TO_MAX      ((size_t)256 * 1024)
#define SEEN_FIRST  1024

#define BIT(field) (UINT32_C(1) << (field))

/* What a status tells, or a payload where there is no status. */
#define OF_STATUS_OR_PAYLOAD                                                                       \
    (BIT(BH_FILTER_TYPE) | BIT(BH_FILTER_TO) | BIT(BH_FILTER_LABEL) | BIT(BH_FILTER_ID))
#define OF_STATUS (OF_STATUS_OR_PAYLOAD | BIT(BH_FILTER_CODE))

/* ---- what was handed over ---- */

/* FNV-1a, 64 bits; never 0. */
static uint64_t
hash_of(const struct bh_found_job *job)
{
    struct bh_str name = job->handle.len > 0 ? job->handle : job->id;
    uint64_t hash = UINT64_C(14695981039346656037) ^ job->queue ^ (job->handle.len > 0 ? 0 : 4096);
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT64_C(1099511628211);
    return hash != 0 ? hash : 1;
}

static uint64_t *
seen_place(uint64_t *table, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (table[at] != 0 && table[at] != hash)
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

static bool
seen_grow(struct bh_walk *walk)
{
    size_t capacity = walk->seen_capacity > 0 ? 2 * walk->seen_capacity : SEEN_FIRST;
    uint64_t *table = bh_alloc_array(capacity, sizeof(table[0]));
    if (table == NULL)
        return false;
    for (size_t i = 0; i < walk->seen_capacity; i++) {
        if (walk->seen[i] != 0)
            *seen_place(table, capacity, walk->seen[i]) = walk->seen[i];
    }
    bh_free(walk->seen);
    walk->seen = table;
    walk->seen_capacity = capacity;
    return true;
}

/* *ret_new: it was not there yet.  A job without any name is new each time. */
static enum bh_exit
remember(struct bh_walk *walk, const struct bh_found_job *job, bool *ret_new)
{
    *ret_new = true;
    if (job->handle.len == 0 && (job->id.len == 0 || job->place == BH_PLACE_RAW))
        return BH_EXIT_DONE;
    if (2 * walk->seen_count >= walk->seen_capacity && !seen_grow(walk))
        return bh_cli_fail("short of memory");
    uint64_t hash = hash_of(job);
    uint64_t *place = seen_place(walk->seen, walk->seen_capacity, hash);
    *ret_new = *place == 0;
    if (*ret_new) {
        *place = hash;
        walk->seen_count++;
    }
    return BH_EXIT_DONE;
}

/* ---- filling in ---- */

/* 0: only its status can tell. */
static uint32_t
states_of_dead(const struct bh_job_head *head)
{
    switch (head->waiting) {
    case BH_WAITING_UNCERTAIN: return BH_FILTER_DEAD | BH_FILTER_UNKNOWN;
    case BH_WAITING_NEW: return head->id[0] == '\0' ? BH_FILTER_DEAD | BH_FILTER_INVALID : 0;
    case BH_WAITING_SCHEDULED:
    case BH_WAITING_RETRY:
    case BH_WAITING_HELD: break;
    }
    return BH_FILTER_DEAD | BH_FILTER_FAILED;
}

static uint32_t
states_of_waiting(const struct bh_job_head *head, enum bh_place place)
{
    switch (head->waiting) {
    case BH_WAITING_NEW: return BH_FILTER_READY;
    case BH_WAITING_SCHEDULED:
        return BH_FILTER_SCHEDULED | (place == BH_PLACE_DUE ? 0 : BH_FILTER_READY);
    case BH_WAITING_RETRY: return BH_FILTER_RETRYING;
    case BH_WAITING_HELD: return BH_FILTER_HELD;
    case BH_WAITING_UNCERTAIN: return BH_FILTER_RETRYING | BH_FILTER_UNCERTAIN;
    }
    return 0;
}

/* What place and record tell. */
static void
fill_head(struct bh_found_job *job)
{
    const struct bh_job_head *head = &job->head;
    if (job->place == BH_PLACE_RAW)
        job->states = BH_FILTER_READY;
    if (!job->has_head)
        return;
    job->id = bh_str_from(head->id);
    job->attempts = head->attempts;
    job->created = head->created;
    job->uncertain = head->uncertain_since.ms != 0 || head->waiting == BH_WAITING_UNCERTAIN;
    if (job->place == BH_PLACE_DEAD) {
        job->states = states_of_dead(head);
        return;
    }
    job->states =
        job->place == BH_PLACE_LEASES ? BH_FILTER_SENDING : states_of_waiting(head, job->place);
    if (job->uncertain)
        job->states |= BH_FILTER_UNCERTAIN;
    if (job->place != BH_PLACE_LEASES)
        job->reason = bh_str_from(bh_reason_name(head->reason));
    if (job->place == BH_PLACE_DUE)
        job->next = job->score;
}

void
bh_group_ask_status(struct bh_batch *batch, const struct bh_queue_keys *keys, struct bh_str id)
{
    static const char *const names[] = {BH_STATUS_FIELDS};
    bh_batch_command(batch, "HMGET");
    bh_batch_add_status(batch, keys, id);
    for (size_t i = 0; i < BH_ARRAY_LEN(names); i++)
        bh_batch_add_text(batch, names[i]);
}

static int64_t
number_at(const struct redisReply *reply, size_t at)
{
    int64_t number;
    return bh_reply_number(reply, at, &number) ? number : 0;
}

/* What the record tells is newer than the status, which is written at settlements. */
static void
fill_status(struct bh_candidate *candidate, const struct redisReply *reply)
{
    struct bh_found_job *job = &candidate->job;
    struct bh_str reason = {"", 0};
    candidate->status_read = true;
    if (!bh_reply_str(reply, 0, &job->state))
        return;
    job->has_status = true;
    (void)bh_reply_str(reply, 1, &job->type);
    (void)bh_reply_str(reply, 2, &job->to);
    (void)bh_reply_str(reply, 3, &job->label);
    (void)bh_reply_str(reply, 4, &job->error);
    (void)bh_reply_str(reply, 5, &job->code);
    (void)bh_reply_str(reply, 6, &reason);
    if (job->place == BH_PLACE_DEAD || job->place == BH_PLACE_GONE)
        job->reason = reason;
    if (job->created.ms == 0)
        job->created.ms = number_at(reply, 8);
    if (job->has_head)
        return;
    job->attempts = (uint32_t)number_at(reply, 7);
    job->next.ms = number_at(reply, 9);
    job->states = bh_filter_state_bit(job->state);
    job->uncertain = job->states == BH_FILTER_UNKNOWN;
    if (job->place == BH_PLACE_DEAD)
        job->states |= BH_FILTER_DEAD;
}

/* A dead job whose record does not tell: it ended as its status says, or was never a valid job. */
static void
settle_state(struct bh_found_job *job)
{
    if (job->states != 0 || job->place != BH_PLACE_DEAD)
        return;
    uint32_t ended = bh_filter_state_bit(job->state) &
                     (BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID);
    job->states = BH_FILTER_DEAD | (ended != 0 ? ended : BH_FILTER_INVALID);
}

static void
append_recipients(struct bh_buf *buf, const struct bh_job *parsed)
{
    for (size_t i = 0; i < parsed->recipients_count; i++) {
        const struct bh_recipient *one = &parsed->recipients[i];
        if (i > 0)
            (void)bh_buf_append_char(buf, ',');
        (void)bh_buf_append_text(buf, one->msisdn != NULL ? one->msisdn : one->written);
    }
}

static void
fill_parsed(struct bh_candidate *candidate)
{
    struct bh_found_job *job = &candidate->job;
    const struct bh_job *parsed = candidate->parsed;
    job->from = bh_str_from(parsed->from);
    if (job->created.ms == 0)
        job->created.ms = parsed->enqueued_at_ms;
    if (job->id.len == 0 && parsed->id != NULL)
        job->id = bh_str_from(parsed->id);
    if (job->has_status)
        return;
    append_recipients(&candidate->to, parsed);
    job->to = bh_buf_str(&candidate->to);
    job->type = bh_str_from(bh_job_type_name(parsed->type));
    job->label = bh_str_from(parsed->label);
}

/* A payload is read as a worker would read it; what is no valid job may have an id all the same. */
static enum bh_exit
fill_payload(struct bh_walk *walk, struct bh_candidate *candidate)
{
    struct bh_found_job *job = &candidate->job;
    const struct bh_queue_config *config = walk->selection->queues.configs[job->queue];
    struct bh_job_rules rules = {.country = walk->cli->config->gateway.country};
    struct bh_error error = {.text = ""};
    candidate->payload_read = true;
    if (config != NULL) {
        rules.default_type = config->type;
        rules.bytes_max = (size_t)config->max_job_bytes;
        rules.bytes_max_with_files = (size_t)config->max_job_with_files_bytes;
    }
    if (!job->has_payload)
        return BH_EXIT_DONE;
    switch (bh_job_parse(job->payload.ptr, job->payload.len, &rules, &candidate->parsed, &error)) {
    case BH_JOB_VALID: fill_parsed(candidate); return BH_EXIT_DONE;
    case BH_JOB_NO_MEMORY: return bh_cli_fail("short of memory");
    case BH_JOB_BAD: break;
    }
    candidate->error = error;
    if (job->error.len == 0)
        job->error = bh_str_from(candidate->error.text);
    if (job->id.len == 0 && bh_job_peek_id(job->payload.ptr, job->payload.len, candidate->id))
        job->id = bh_str_from(candidate->id);
    return BH_EXIT_DONE;
}

/* ---- choosing ---- */

static uint32_t
known(const struct bh_candidate *candidate)
{
    const struct bh_found_job *job = &candidate->job;
    uint32_t bits = BIT(BH_FILTER_QUEUE) | BIT(BH_FILTER_NEXT);
    if (candidate->payload_read)
        return (UINT32_C(1) << BH_FILTER_FIELDS) - 1;
    if (job->id.len > 0)
        bits |= BIT(BH_FILTER_ID);
    if (job->created.ms > 0)
        bits |= BIT(BH_FILTER_AGE);
    if (job->has_head || job->place == BH_PLACE_RAW || job->has_status)
        bits |= BIT(BH_FILTER_ATTEMPTS);
    if (job->states != 0 || candidate->status_read)
        bits |= BIT(BH_FILTER_STATE);
    bool ended = job->place == BH_PLACE_DEAD || job->place == BH_PLACE_GONE;
    if (!ended || candidate->status_read)
        bits |= BIT(BH_FILTER_REASON);
    if (candidate->status_read)
        bits |= job->has_status ? OF_STATUS : BIT(BH_FILTER_CODE);
    return bits;
}

static bool
is_wanted(const struct bh_walk *walk, const struct bh_candidate *candidate)
{
    const struct bh_found_job *job = &candidate->job;
    struct bh_filter_facts facts = {
        .known = known(candidate),
        .states = job->states,
        .reason = job->reason,
        .queue = bh_str_from(job->queue_name),
        .id = job->id,
        .type = job->type,
        .label = job->label,
        .from = job->from,
        .to = job->to,
        .attempts = job->attempts,
        .code = -1,
        .age = -1,
        .waits = job->next.ms > 0,
        .next = job->next.ms - job->server_now.ms,
    };
    int64_t code;
    if (bh_str_to_int64(job->code, &code))
        facts.code = code;
    if (job->created.ms > 0)
        facts.age = bh_ms_max(0, job->server_now.ms - job->created.ms);
    /* A state that this version does not know is none of those that somebody asks for. */
    bool by_state = (facts.known & BIT(BH_FILTER_STATE)) == 0 ||
                    walk->states == BH_FILTER_STATES_ALL || (job->states & walk->states) != 0;
    return by_state && bh_filter_matches(&walk->selection->filter, &facts);
}

/* The id stands in the record, which has moved with the candidate. */
static void
move_views(struct bh_candidate *candidate)
{
    if (candidate->job.has_head)
        candidate->job.id = bh_str_from(candidate->job.head.id);
}

/* Drop whatever the filter refuses by now; order is kept. */
static void
drop_unwanted(struct bh_walk *walk)
{
    size_t kept = 0;
    for (size_t i = 0; i < walk->group_count; i++) {
        if (!is_wanted(walk, &walk->group[i]))
            continue;
        if (kept != i) {
            walk->group[kept] = walk->group[i];
            move_views(&walk->group[kept]);
        }
        kept++;
    }
    walk->group_count = kept;
}

/* ---- reading more ---- */

static bool
needs_status(const struct bh_walk *walk, const struct bh_candidate *candidate)
{
    const struct bh_found_job *job = &candidate->job;
    /* An id that no script has registered may be that of another job, and so may its status. */
    if (candidate->status_read || !job->has_head || job->id.len == 0)
        return false;
    uint32_t needs = OF_STATUS & ~BIT(BH_FILTER_ID);
    if (job->place == BH_PLACE_DEAD)
        needs |= BIT(BH_FILTER_REASON);
    return (walk->selection->read & (BH_READ_STATUS | BH_READ_WHOLE)) != 0 || job->states == 0 ||
           (walk->needs & needs) != 0;
}

static enum bh_exit
read_statuses(struct bh_walk *walk)
{
    struct bh_batch *batch = &walk->statuses;
    size_t at[BH_GROUP_MAX];
    bh_batch_clear(batch);
    for (size_t i = 0; i < walk->group_count; i++) {
        const struct bh_found_job *job = &walk->group[i].job;
        if (!needs_status(walk, &walk->group[i]))
            continue;
        at[batch->count] = i;
        bh_group_ask_status(batch, job->keys, job->id);
    }
    enum bh_exit result = bh_batch_run(walk->cli, "read the jobs' status", batch);
    for (size_t i = 0; i < batch->count && result == BH_EXIT_DONE; i++)
        fill_status(&walk->group[at[i]], batch->replies[i]);
    return result;
}

static bool
needs_payload(const struct bh_walk *walk, const struct bh_candidate *candidate)
{
    const struct bh_found_job *job = &candidate->job;
    if (candidate->payload_read || job->place == BH_PLACE_GONE || job->place == BH_PLACE_RAW)
        return false;
    uint32_t needs = BIT(BH_FILTER_FROM);
    if (!job->has_status)
        needs |= OF_STATUS_OR_PAYLOAD;
    if (job->created.ms == 0)
        needs |= BIT(BH_FILTER_AGE);
    return (walk->selection->read & BH_READ_PAYLOAD) != 0 || (walk->needs & needs) != 0 ||
           (!job->has_status && (walk->selection->read & BH_READ_STATUS) != 0);
}

static enum bh_exit
measure_payloads(struct bh_walk *walk)
{
    struct bh_batch *batch = &walk->payloads;
    size_t at[BH_GROUP_MAX];
    bh_batch_clear(batch);
    for (size_t i = 0; i < walk->group_count; i++) {
        const struct bh_found_job *job = &walk->group[i].job;
        if (!needs_payload(walk, &walk->group[i]))
            continue;
        at[batch->count] = i;
        bh_batch_command(batch, "HSTRLEN");
        bh_batch_add_key(batch, job->keys, BH_KEY_JOBS);
        bh_batch_add(batch, job->handle);
    }
    enum bh_exit result = bh_batch_run(walk->cli, "read the jobs", batch);
    for (size_t i = 0; i < batch->count && result == BH_EXIT_DONE; i++) {
        int64_t bytes = 0;
        (void)bh_reply_is_int(batch->replies[i], 0, INT64_MAX, &bytes);
        walk->group[at[i]].job.payload_bytes = (uint64_t)bytes;
    }
    return result;
}

/* Payloads from candidate `first` on, as many as are to be in memory together; *ret_end is behind the last. */
static enum bh_exit
read_payloads(struct bh_walk *walk, size_t first, size_t *ret_end)
{
    struct bh_batch *batch = &walk->payloads;
    size_t at[BH_GROUP_MAX];
    uint64_t bytes = 0;
    size_t i = first;
    bh_batch_clear(batch);
    for (; i < walk->group_count && (i == first || bytes <= PAYLOADS_BYTES_MAX); i++) {
        const struct bh_found_job *job = &walk->group[i].job;
        if (!needs_payload(walk, &walk->group[i]) || job->payload_bytes == 0 ||
            job->payload_bytes > PAYLOAD_MAX)
            continue;
        if (batch->count > 0 && bytes + job->payload_bytes > PAYLOADS_BYTES_MAX)
            break;
        bytes += job->payload_bytes;
        at[batch->count] = i;
        bh_batch_command(batch, "HMGET");
        bh_batch_add_key(batch, job->keys, BH_KEY_JOBS);
        bh_batch_add(batch, job->handle);
    }
    *ret_end = i;
    enum bh_exit result = bh_batch_run(walk->cli, "read the jobs", batch);
    for (size_t k = 0; k < batch->count && result == BH_EXIT_DONE; k++) {
        struct bh_found_job *job = &walk->group[at[k]].job;
        job->has_payload = bh_reply_str(batch->replies[k], 0, &job->payload);
    }
    return result;
}

/* The whole status of those in [first, end) that have one. */
static enum bh_exit
read_wholes(struct bh_walk *walk, size_t first, size_t end)
{
    struct bh_batch *batch = &walk->wholes;
    size_t at[BH_GROUP_MAX];
    bh_batch_clear(batch);
    if ((walk->selection->read & BH_READ_WHOLE) == 0)
        return BH_EXIT_DONE;
    for (size_t i = first; i < end; i++) {
        const struct bh_found_job *job = &walk->group[i].job;
        if (!job->has_status)
            continue;
        at[batch->count] = i;
        bh_batch_command(batch, "HGETALL");
        bh_batch_add_status(batch, job->keys, job->id);
    }
    enum bh_exit result = bh_batch_run(walk->cli, "read the jobs' status", batch);
    for (size_t i = 0; i < batch->count && result == BH_EXIT_DONE; i++) {
        if (bh_reply_count(batch->replies[i]) > 0)
            walk->group[at[i]].job.whole = batch->replies[i];
    }
    return result;
}

/* ---- handing over ---- */

static enum bh_exit
hand_over(struct bh_walk *walk, struct bh_candidate *candidate)
{
    struct bh_selection *selection = walk->selection;
    bool is_new;
    if (!is_wanted(walk, candidate))
        return BH_EXIT_DONE;
    enum bh_exit result = remember(walk, &candidate->job, &is_new);
    if (result != BH_EXIT_DONE || !is_new)
        return result;
    if (selection->found == selection->limit) {
        selection->limit_reached = walk->stop = true;
        return BH_EXIT_DONE;
    }
    selection->found++;
    return walk->on_job(walk->arg, &candidate->job);
}

static enum bh_exit
hand_over_range(struct bh_walk *walk, size_t first, size_t end)
{
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = first; i < end && result == BH_EXIT_DONE && !walk->stop; i++) {
        struct bh_candidate *candidate = &walk->group[i];
        bh_buf_init(&candidate->to, TO_MAX);
        settle_state(&candidate->job);
        if (candidate->job.place == BH_PLACE_RAW || needs_payload(walk, candidate))
            result = fill_payload(walk, candidate);
        if (result == BH_EXIT_DONE)
            result = hand_over(walk, candidate);
        bh_job_free(candidate->parsed);
        candidate->parsed = NULL;
        bh_buf_release(&candidate->to);
    }
    return result;
}

enum bh_exit
bh_group_flush(struct bh_walk *walk)
{
    enum bh_exit result = walk->group_count > 0 ? read_statuses(walk) : BH_EXIT_DONE;
    if (result == BH_EXIT_DONE) {
        for (size_t i = 0; i < walk->group_count; i++)
            settle_state(&walk->group[i].job);
        drop_unwanted(walk);
        result = measure_payloads(walk);
    }
    for (size_t first = 0, end = 0;
         first < walk->group_count && result == BH_EXIT_DONE && !walk->stop; first = end) {
        result = read_payloads(walk, first, &end);
        if (result == BH_EXIT_DONE)
            result = read_wholes(walk, first, end);
        if (result == BH_EXIT_DONE)
            result = hand_over_range(walk, first, end);
    }
    walk->group_count = 0;
    return result;
}

enum bh_exit
bh_group_offer(struct bh_walk *walk, const struct bh_found_job *job,
               const struct redisReply *status)
{
    struct bh_candidate *candidate = &walk->group[walk->group_count];
    *candidate = (struct bh_candidate){.job = *job};
    fill_head(&candidate->job);
    if (status != NULL)
        fill_status(candidate, status);
    if (!is_wanted(walk, candidate))
        return BH_EXIT_DONE;
    walk->group_count++;
    return walk->group_count == BH_GROUP_MAX ? bh_group_flush(walk) : BH_EXIT_DONE;
}
