#include "daemon/sent_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/digest.h"
#include "core/sent_table.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/sent_file.h"
#include "redis/keys.h"

#define SYNC_EVERY_MS  BH_SECOND_MS
#define RETRY_USUAL_MS (10 * BH_SECOND_MS)

/* So many records of an outage are written at a time, so that the workers wait for no more than these. */
#define CATCH_UP_BATCH 256

/* An absent mark in Redis tells of a roll-back only if it cannot have expired; it lives for a day. */
#define FRESH_MS (BH_DAY_MS / 2)

struct queue_name {
    char text[BH_QUEUE_NAME_MAX + 1];
    struct bh_sent_name name;
};

struct bh_sent_journal {
    char path[BH_SENT_JOURNAL_PATH_MAX]; /* "": in memory only */
    char *prefix, *instance;             /* owned */
    uint32_t records;
    bh_ms retry_ms;

    uv_mutex_t mutex; /* guards all below */
    uv_cond_t changed;
    uv_thread_t thread;
    bool stopping;
    struct bh_sent_table table;
    uint64_t sequence; /* of the newest record */
    struct queue_name names[BH_SENT_QUEUES_MAX];
    size_t names_count;
    struct bh_sent_file file; /* while not healthy, the thread's alone */
    bool healthy;             /* the file is open and has every record that the table has */
    bool dirty;               /* written to since the last sync */
    bool rewrite;             /* what the file seems to have may not be on the disk */
    bool threaded;
    struct bh_sent_journal_figures figures;
};

/* ---- names --------------------------------------------------------------------------------------- */

/* NULL when short of memory, or of room. */
static const struct bh_sent_name *
name_of(struct bh_sent_journal *journal, const char *queue)
{
    for (size_t i = 0; i < journal->names_count; i++) {
        if (strcmp(journal->names[i].text, queue) == 0)
            return &journal->names[i].name;
    }
    const struct bh_str pieces[] = {bh_str_from(journal->prefix), bh_str_from(journal->instance),
                                    bh_str_from(queue)};
    struct queue_name *fresh = &journal->names[journal->names_count];
    struct bh_digest digest;
    if (journal->names_count == BH_SENT_QUEUES_MAX || strlen(queue) >= sizeof(fresh->text) ||
        bh_digest_pieces(pieces, BH_ARRAY_LEN(pieces), &digest) != BH_OK ||
        !bh_sent_name_from(&digest, &fresh->name))
        return NULL;
    memcpy(fresh->text, queue, strlen(queue) + 1);
    journal->names_count++;
    return &fresh->name;
}

/* Handles are numbers from a counter; 0 for what is none. */
static uint64_t
handle_number(struct bh_str handle)
{
    int64_t number;
    return bh_str_to_int64(handle, &number) && number > 0 ? (uint64_t)number : 0;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void
tell_trouble(const struct bh_sent_journal *journal, const struct bh_sent_file_trouble *trouble)
{
    const struct bh_log_field fields[] = {
        bh_log_text("file", journal->path),
        bh_log_text("step", trouble->step),
        bh_log_text("system", trouble->error != 0 ? strerror(trouble->error) : "-"),
    };
    bh_log_write(BH_LOG_ERROR, "journal_trouble", fields, BH_ARRAY_LEN(fields),
                 "the journal of what was sent is kept in memory only and would be lost with this "
                 "process.  %s.  The file is tried again every %lld s",
                 trouble->advice, (long long)(journal->retry_ms / BH_SECOND_MS));
}

/* Table and file; the record gets its sequence. */
static void
put(struct bh_sent_journal *journal, struct bh_sent_record *record)
{
    struct bh_sent_file_trouble trouble;
    record->sequence = ++journal->sequence;
    bh_sent_table_apply(&journal->table, record);
    if (!journal->healthy)
        return;
    if (!bh_sent_file_write(&journal->file, record, &trouble)) {
        journal->healthy = false;
        uv_cond_signal(&journal->changed);
        tell_trouble(journal, &trouble);
        return;
    }
    journal->figures.written++;
    if (!journal->dirty) {
        journal->dirty = true;
        uv_cond_signal(&journal->changed);
    }
}

void
bh_sent_journal_begin(struct bh_sent_journal *journal, const char *queue,
                      const struct bh_sent_mark *mark)
{
    struct bh_sent_record record = {
        .kind = BH_SENT_BEGUN,
        .result = BH_SENT_OPEN,
        .handle = handle_number(mark->claim.handle),
        .token = mark->claim.token,
        .at = mark->began,
        .uncertain_since = mark->uncertain_since,
        .attempts = mark->attempts,
    };
    if (!bh_sent_name_from(mark->payload, &record.payload))
        return;
    snprintf(record.id, sizeof(record.id), "%s", mark->id);
    uv_mutex_lock(&journal->mutex);
    const struct bh_sent_name *name = name_of(journal, queue);
    if (name != NULL) {
        record.queue = *name;
        put(journal, &record);
    }
    uv_mutex_unlock(&journal->mutex);
}

/* What the result makes of the entry; false: nothing new. */
static bool
take_result(struct bh_sent_record *record, const struct bh_settle_command *settle)
{
    bool own = record->token == settle->claim.token || record->other_token == settle->claim.token;
    /* A later claim of the same job has begun another request; only that it was accepted is news for that one. */
    if (!own && settle->result != BH_SENT_ACCEPTED)
        return false;
    if (record->result == settle->result || record->result == BH_SENT_ACCEPTED)
        return false;
    record->result = settle->result;
    if (record->kind == BH_SENT_BEGUN)
        record->kind = BH_SENT_ENDED;
    /* Not every request counts as an attempt: with more of them here than there, Redis would seem to have forgotten one. */
    if (own || settle->attempts > record->attempts)
        record->attempts = settle->attempts;
    /* An uncertain job that was given up is not uncertain any more for Redis, and is for us. */
    if (settle->result == BH_SENT_REFUSED || settle->uncertain_since.ms != 0)
        record->uncertain_since = settle->uncertain_since;
    bh_sent_record_set_message_ids(record, settle->message_ids);
    return true;
}

void
bh_sent_journal_end(struct bh_sent_journal *journal, const char *queue,
                    const struct bh_settle_command *settle)
{
    if (settle->result == BH_SENT_OPEN)
        return;
    uv_mutex_lock(&journal->mutex);
    const struct bh_sent_name *name = name_of(journal, queue);
    const struct bh_sent_record *begun =
        name != NULL ? bh_sent_table_begun(&journal->table, name,
                                           handle_number(settle->claim.handle), settle->claim.token)
                     : NULL;
    if (begun != NULL) {
        struct bh_sent_record record = *begun;
        if (take_result(&record, settle))
            put(journal, &record);
    }
    uv_mutex_unlock(&journal->mutex);
}

/* ---- looking up ---------------------------------------------------------------------------------- */

/* False: it says nothing that the job's record in Redis would have to be told. */
static bool
make_trace(const struct bh_sent_record *record, bool elsewhere, struct bh_sent_trace *ret_trace)
{
    bool open = record->uncertain_since.ms != 0 || record->result != BH_SENT_REFUSED;
    if (record->result != BH_SENT_ACCEPTED && !open)
        return false;
    *ret_trace = (struct bh_sent_trace){
        .accepted = record->result == BH_SENT_ACCEPTED,
        .forgotten = elsewhere,
        .since = record->uncertain_since.ms != 0 ? record->uncertain_since : record->at,
        .attempts = record->attempts,
        .id = record->id,
        .message_ids = record->message_ids,
        .message_ids_cut = record->message_ids_cut,
    };
    return true;
}

static void
look_up(struct bh_sent_journal *journal, const struct bh_sent_name *queue,
        const struct bh_claimed_event *claim, struct bh_claimed_job *job,
        struct bh_sent_memory *memory)
{
    struct bh_sent_name payload;
    uint64_t handle = handle_number(job->handle);
    bool moved;
    bh_sent_table_meet(&journal->table, queue, claim->token, handle, claim->server_now);
    if (!bh_sent_name_from(&job->payload_digest, &payload))
        return;
    const struct bh_sent_record *record =
        bh_sent_table_find(&journal->table, queue, &payload, handle, &moved);
    if (record == NULL)
        return;
    memory->record = *record;
    bool elsewhere = record->handle != handle;
    if (moved) {
        memory->record.kind = BH_SENT_TAKEN;
        memory->record.other_handle = memory->record.handle;
        memory->record.other_token = memory->record.token;
        memory->record.handle = handle;
        memory->record.token = claim->token;
        put(journal, &memory->record);
    }
    if (make_trace(&memory->record, elsewhere, &memory->trace))
        job->sent_before = &memory->trace;
}

void
bh_sent_journal_claimed(struct bh_sent_journal *journal, const char *queue,
                        const struct bh_claimed_event *claim, struct bh_claimed_job *job,
                        struct bh_sent_memory *memory)
{
    job->sent_before = NULL;
    /* What is too long comes without its payload, and is not sent. */
    bool whole = job->payload.len == job->payload_bytes;
    if (!whole || bh_digest_pieces(&job->payload, 1, &job->payload_digest) != BH_OK)
        job->payload_digest.hex[0] = '\0';
    uv_mutex_lock(&journal->mutex);
    const struct bh_sent_name *name = name_of(journal, queue);
    if (name != NULL)
        look_up(journal, name, claim, job, memory);
    uv_mutex_unlock(&journal->mutex);
}

/* ---- roll-backs ---------------------------------------------------------------------------------- */

struct bh_store_mark
bh_sent_journal_mark(struct bh_sent_journal *journal, const char *queue)
{
    struct bh_store_mark mark = {0};
    uv_mutex_lock(&journal->mutex);
    const struct bh_sent_name *name = name_of(journal, queue);
    if (name != NULL) {
        const struct bh_sent_queue *known = bh_sent_table_queue(&journal->table, name);
        mark = (struct bh_store_mark){
            .token = known->token,
            .handle = known->handle,
            .fresh = known->at.ms + FRESH_MS > bh_clock_wall().ms,
        };
    }
    uv_mutex_unlock(&journal->mutex);
    return mark;
}

/*
 * The handle behind which Redis may have begun to give handles a second time: the largest of those that it gave us up
 * to the claim that it remembers.  Not where its counter stands when we connect: other hosts may have claimed our jobs
 * since it is back, and let go of them again.  What an earlier roll-back has put in doubt stays so.
 */
static uint64_t
last_remembered(const struct bh_sent_journal *journal, const struct bh_sent_name *queue,
                const struct bh_store_roll_back *roll_back)
{
    uint64_t handle = 0;
    for (uint32_t place = 0; place < journal->table.capacity; place++) {
        const struct bh_sent_record *record = bh_sent_table_at(&journal->table, place);
        if (record != NULL && bh_sent_name_equal(&record->queue, queue) &&
            record->token <= roll_back->remembered && record->handle > handle)
            handle = record->handle;
    }
    const struct bh_sent_queue *known = bh_sent_table_queue(&journal->table, queue);
    if (known->doubts > 0 && known->doubt.handle < handle)
        handle = known->doubt.handle;
    return handle < roll_back->handle ? handle : roll_back->handle;
}

/* Requests that are in doubt now. */
static size_t
doubt(struct bh_sent_journal *journal, const struct bh_sent_name *queue,
      const struct bh_store_roll_back *roll_back)
{
    struct bh_sent_record record = {
        .kind = BH_SENT_DOUBT,
        .queue = *queue,
        .at = bh_clock_wall(),
        .handle = last_remembered(journal, queue, roll_back),
        .token = roll_back->remembered,
        .other_handle = roll_back->handle + roll_back->waiting,
        .other_token = roll_back->acknowledged,
    };
    put(journal, &record);
    return bh_sent_table_queue(&journal->table, queue)->doubts;
}

void
bh_sent_journal_rolled_back(struct bh_sent_journal *journal,
                            const struct bh_store_roll_back *roll_back)
{
    size_t doubts = 0;
    bool told = false;
    uv_mutex_lock(&journal->mutex);
    const struct bh_sent_name *name = name_of(journal, roll_back->queue);
    if (name != NULL) {
        const struct bh_sent_record *last = &bh_sent_table_queue(&journal->table, name)->doubt;
        /* Each worker finds out for itself; what was pushed since the first one did is new. */
        told = last->sequence != 0 && last->token == roll_back->remembered &&
               last->other_token == roll_back->acknowledged;
        doubts = told ? 0 : doubt(journal, name, roll_back);
    }
    uv_mutex_unlock(&journal->mutex);
    if (told)
        return;
    const struct bh_log_field fields[] = {
        bh_log_text("queue", roll_back->queue),
        bh_log_int("remembered", (int64_t)roll_back->remembered),
        bh_log_int("acknowledged", (int64_t)roll_back->acknowledged),
        bh_log_int("in_doubt", (int64_t)doubts),
    };
    bh_log_write(BH_LOG_WARN, "redis_rolled_back", fields, BH_ARRAY_LEN(fields),
                 "Redis has lost writes that it had acknowledged: claims %llu to %llu of this "
                 "process; %zu requests of theirs are in doubt and their jobs are not simply sent "
                 "again when Redis offers them",
                 (unsigned long long)roll_back->remembered + 1,
                 (unsigned long long)roll_back->acknowledged, doubts);
}

/* ---- the file, in the journal's own thread ------------------------------------------------------- */

/* A record that the file does not have: a request's, or a queue's doubt. */
struct missing {
    uint64_t sequence;
    uint32_t place; /* in the table; from its capacity on: of a queue */
};

static int
by_sequence(const void *a, const void *b)
{
    const struct missing *one = a, *two = b;
    return one->sequence < two->sequence ? -1 : one->sequence > two->sequence;
}

static const struct bh_sent_record *
record_of(const struct bh_sent_table *table, uint32_t place)
{
    return place < table->capacity ? bh_sent_table_at(table, place)
                                   : &table->queues[place - table->capacity].doubt;
}

/* All of more than `after`, oldest first; NULL with *ret_count not 0 when short of memory. */
static struct missing *
list_missing(const struct bh_sent_table *table, uint64_t after, size_t *ret_count)
{
    uint32_t places = table->capacity + (uint32_t)table->queues_count;
    size_t count = 0;
    for (uint32_t place = 0; place < places; place++) {
        const struct bh_sent_record *record = record_of(table, place);
        count += record != NULL && record->sequence > after;
    }
    *ret_count = count;
    struct missing *list = count > 0 ? bh_alloc_array(count, sizeof(*list)) : NULL;
    for (uint32_t place = 0; list != NULL && place < places; place++) {
        const struct bh_sent_record *record = record_of(table, place);
        if (record != NULL && record->sequence > after)
            list[--count] = (struct missing){record->sequence, place};
    }
    if (list != NULL)
        qsort(list, *ret_count, sizeof(*list), by_sequence);
    return list;
}

static bool
write_missing(struct bh_sent_journal *journal, struct bh_sent_file *file,
              const struct missing *list, size_t count)
{
    struct bh_sent_file_trouble trouble;
    bool written = true;
    for (size_t i = 0; written && i < count; i++) {
        if (i % CATCH_UP_BATCH == 0)
            uv_mutex_lock(&journal->mutex);
        const struct bh_sent_record *record = record_of(&journal->table, list[i].place);
        /* What has changed since stands at the end of the next list. */
        if (record != NULL && record->sequence == list[i].sequence)
            written = bh_sent_file_write(file, record, &trouble);
        if (!written || i + 1 == count || (i + 1) % CATCH_UP_BATCH == 0)
            uv_mutex_unlock(&journal->mutex);
    }
    return written;
}

/* Bring a file that was just opened up to date, and from then on use it.  False: tried again later. */
static bool
catch_up(struct bh_sent_journal *journal, struct bh_sent_file *file)
{
    for (;;) {
        size_t count;
        uv_mutex_lock(&journal->mutex);
        struct missing *list = list_missing(&journal->table, file->newest, &count);
        if (count == 0) {
            journal->file = *file;
            journal->healthy = journal->dirty = true;
        }
        uv_mutex_unlock(&journal->mutex);
        if (count == 0)
            return true;
        bool written = list != NULL && write_missing(journal, file, list, count);
        bh_free(list);
        if (!written)
            return false;
    }
}

static void
try_again(struct bh_sent_journal *journal)
{
    struct bh_sent_file file;
    struct bh_sent_file_trouble trouble;
    bh_sent_file_close(&journal->file);
    if (!bh_sent_file_open(&file, journal->path, journal->records, &trouble))
        return;
    /* If what is there is not what we left there, or did not reach the disk, everything goes behind it. */
    uv_mutex_lock(&journal->mutex);
    if (journal->rewrite || file.newest != journal->file.newest) {
        bh_sent_table_shift(&journal->table, file.newest);
        journal->sequence += file.newest;
        journal->rewrite = false;
    }
    uv_mutex_unlock(&journal->mutex);
    if (!catch_up(journal, &file)) {
        bh_sent_file_close(&file);
        return;
    }
    const struct bh_log_field field = bh_log_text("file", journal->path);
    bh_log_write(BH_LOG_INFO, "journal_healed", &field, 1,
                 "the journal of what was sent is on the disk again");
}

/* The mutex is held, and let go while the disk is waited for. */
static void
sync_now(struct bh_sent_journal *journal)
{
    struct bh_sent_file_trouble trouble;
    journal->dirty = false;
    uv_mutex_unlock(&journal->mutex);
    bool synced = bh_sent_file_sync(journal->file.fd, &trouble);
    uv_mutex_lock(&journal->mutex);
    journal->figures.syncs += synced;
    if (synced)
        return;
    /* The kernel may have thrown away what it could not write. */
    journal->rewrite = true;
    if (journal->healthy)
        tell_trouble(journal, &trouble);
    journal->healthy = false;
}

static void
sleep_for(struct bh_sent_journal *journal, bh_ms delay_ms)
{
    int woken =
        uv_cond_timedwait(&journal->changed, &journal->mutex, (uint64_t)delay_ms * 1000 * 1000);
    (void)woken;
}

static void
journal_main(void *arg)
{
    struct bh_sent_journal *journal = arg;
    uv_mutex_lock(&journal->mutex);
    while (!journal->stopping) {
        if (journal->healthy && !journal->dirty) {
            uv_cond_wait(&journal->changed, &journal->mutex);
        } else if (journal->healthy) {
            sleep_for(journal, SYNC_EVERY_MS);
            if (journal->healthy && journal->dirty)
                sync_now(journal);
        } else {
            sleep_for(journal, journal->retry_ms);
            uv_mutex_unlock(&journal->mutex);
            try_again(journal);
            uv_mutex_lock(&journal->mutex);
        }
    }
    if (journal->healthy && journal->dirty)
        sync_now(journal);
    uv_mutex_unlock(&journal->mutex);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void
visit(void *arg, const struct bh_sent_record *record)
{
    struct bh_sent_journal *journal = arg;
    bh_sent_table_apply(&journal->table, record);
}

static void
read_file(struct bh_sent_journal *journal)
{
    struct bh_sent_file_trouble trouble;
    if (!bh_sent_file_open(&journal->file, journal->path, journal->records, &trouble)) {
        tell_trouble(journal, &trouble);
        return;
    }
    journal->healthy = bh_sent_file_read(&journal->file, visit, journal);
    journal->sequence = journal->file.newest;
    journal->figures.read = journal->file.whole;
    journal->figures.damaged = journal->file.damaged;
    const struct bh_log_field fields[] = {
        bh_log_text("file", journal->path),
        bh_log_int("records", journal->file.whole),
        bh_log_int("damaged", journal->file.damaged),
        bh_log_int("room", journal->file.records),
    };
    bh_log_write(journal->file.damaged > 0 ? BH_LOG_WARN : BH_LOG_INFO, "journal", fields,
                 BH_ARRAY_LEN(fields), "%s",
                 journal->file.damaged > 0
                     ? "the journal of what was sent was read; some records are damaged and do not "
                       "count, as after a power cut"
                     : "the journal of what was sent was read");
}

static void
free_journal(struct bh_sent_journal *journal)
{
    bh_sent_table_release(&journal->table);
    bh_sent_file_close(&journal->file);
    bh_free(journal->prefix);
    bh_free(journal->instance);
    bh_free(journal);
}

static enum bh_status
make_journal(const struct bh_sent_journal_options *options, struct bh_sent_journal **ret_journal)
{
    struct bh_sent_journal *journal = bh_alloc_zero(sizeof(*journal));
    if (journal == NULL)
        return BH_ENOMEM;
    journal->file = BH_SENT_FILE_CLOSED;
    journal->records = options->records;
    journal->retry_ms = options->retry_ms > 0 ? options->retry_ms : RETRY_USUAL_MS;
    journal->prefix = bh_strdup(options->prefix);
    journal->instance = bh_strdup(options->instance);
    if (options->directory.len > 0)
        snprintf(journal->path, sizeof(journal->path), "%.*s/sent-%s",
                 BH_STR_ARGS(options->directory), options->instance);
    enum bh_status status = BH_ENOMEM;
    if (journal->prefix != NULL && journal->instance != NULL)
        status = bh_sent_table_init(&journal->table, options->records / 2 + 1);
    if (status != BH_OK) {
        free_journal(journal);
        return status;
    }
    *ret_journal = journal;
    return BH_OK;
}

enum bh_status
bh_sent_journal_open(const struct bh_sent_journal_options *options,
                     struct bh_sent_journal **ret_journal)
{
    struct bh_sent_journal *journal;
    enum bh_status status = make_journal(options, &journal);
    if (status != BH_OK)
        return status;
    if (uv_mutex_init(&journal->mutex) != 0) {
        free_journal(journal);
        return BH_EIO;
    }
    if (uv_cond_init(&journal->changed) != 0) {
        uv_mutex_destroy(&journal->mutex);
        free_journal(journal);
        return BH_EIO;
    }
    if (journal->path[0] != '\0') {
        read_file(journal);
        journal->threaded = uv_thread_create(&journal->thread, journal_main, journal) == 0;
    }
    if (journal->path[0] != '\0' && !journal->threaded) {
        bh_sent_journal_close(journal);
        return BH_EIO;
    }
    *ret_journal = journal;
    return BH_OK;
}

void
bh_sent_journal_close(struct bh_sent_journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->threaded) {
        uv_mutex_lock(&journal->mutex);
        journal->stopping = true;
        uv_cond_signal(&journal->changed);
        uv_mutex_unlock(&journal->mutex);
        uv_thread_join(&journal->thread);
    }
    uv_cond_destroy(&journal->changed);
    uv_mutex_destroy(&journal->mutex);
    free_journal(journal);
}

struct bh_sent_journal_figures
bh_sent_journal_figures(struct bh_sent_journal *journal)
{
    uv_mutex_lock(&journal->mutex);
    struct bh_sent_journal_figures figures = journal->figures;
    figures.on_disk = journal->healthy;
    uv_mutex_unlock(&journal->mutex);
    return figures;
}
