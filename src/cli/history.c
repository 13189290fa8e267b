#include "cli/history_own.h"

#include <stdio.h>
#include <string.h>

#include "cli/batch.h"
#include "core/alloc.h"
#include "core/config.h"
#include "redis/reply_view.h"

#define STREAM_PAGE      500
#define STREAM_PAGES_MAX 20

/* ---- the record ---- */

static void
keep(char *text, size_t size, struct bh_str view)
{
    snprintf(text, size, "%.*s", (int)(view.len < size ? view.len : size - 1), view.ptr);
}

/* The memo counts recipients by their places in the payload. */
static enum bh_exit
read_progress(struct bh_cli *cli, struct bh_history *history, struct bh_str memo,
              struct bh_str payload)
{
    struct bh_job_rules rules = {.bytes_max = BH_JOB_BYTES_MAX_WITH_FILES,
                                 .country = cli->config->gateway.country};
    struct bh_job *job;
    rules.bytes_max_with_files = rules.bytes_max;
    if (memo.len == 0 || bh_job_parse(payload.ptr, payload.len, &rules, &job, NULL) != BH_JOB_VALID)
        return BH_EXIT_DONE;
    enum bh_status status = bh_progress_init(&history->progress, job->recipients_count);
    bh_job_free(job);
    if (status == BH_OK)
        status = bh_progress_parse(memo, &history->progress);
    if (status == BH_ENOMEM)
        return bh_cli_fail("short of memory");
    history->has_progress = status == BH_OK;
    return BH_EXIT_DONE;
}

static enum bh_exit
fill_head(struct bh_cli *cli, struct bh_history *history, const struct bh_record *record,
          struct redisReply *const *replies)
{
    struct bh_str text, payload = {NULL, 0};
    if (!bh_reply_str(replies[0], 0, &text))
        return BH_EXIT_DONE;
    if (bh_job_head_parse(text, &history->head) != BH_OK) {
        history->unreadable = true;
        return BH_EXIT_DONE;
    }
    if (strcmp(history->head.id, record->id) != 0)
        return BH_EXIT_DONE;
    history->has_head = true;
    keep(history->owner, sizeof(history->owner), bh_job_head_owner(text));
    keep(history->lost_by, sizeof(history->lost_by), history->head.lost_by);
    if (bh_reply_number(replies[1], 0, &history->score.ms))
        history->place = BH_PLACE_LEASES;
    else if (bh_reply_number(replies[2], 0, &history->score.ms))
        history->place = BH_PLACE_DUE;
    else if (bh_reply_number(replies[3], 0, &history->score.ms))
        history->place = BH_PLACE_DEAD;
    else if (history->head.recoveries == BH_SUSPECT_RECOVERIES)
        history->place = BH_PLACE_SUSPECTS;
    else
        history->place = BH_PLACE_READY;
    (void)bh_reply_str(replies[4], 0, &payload);
    enum bh_exit result = read_progress(cli, history, history->head.memo, payload);
    history->head.memo = history->head.lost_by = (struct bh_str){NULL, 0};
    return result;
}

static void
ask_hash(struct bh_batch *batch, const struct bh_queue_keys *keys, enum bh_key key,
         const char *command, struct bh_str handle)
{
    bh_batch_command(batch, command);
    bh_batch_add_key(batch, keys, key);
    bh_batch_add(batch, handle);
}

static enum bh_exit
read_record(struct bh_cli *cli, const struct bh_queue_keys *keys, const struct bh_record *record,
            struct bh_batch *batch, struct bh_history *history)
{
    struct bh_str handle = bh_record_get(record, "handle");
    struct bh_buf cancel;
    int64_t exists;
    history->place = BH_PLACE_GONE;
    if (handle.len == 0)
        return BH_EXIT_DONE;
    bh_batch_clear(batch);
    ask_hash(batch, keys, BH_KEY_HEADS, "HMGET", handle);
    ask_hash(batch, keys, BH_KEY_LEASES, "ZMSCORE", handle);
    ask_hash(batch, keys, BH_KEY_DUE, "ZMSCORE", handle);
    ask_hash(batch, keys, BH_KEY_DEAD, "ZMSCORE", handle);
    ask_hash(batch, keys, BH_KEY_JOBS, "HMGET", handle);
    bh_buf_init(&cancel, BH_KEY_MAX + BH_JOB_ID_MAX + 16);
    enum bh_status status = bh_key_append_cancel(&cancel, keys, record->id);
    bh_batch_command(batch, "EXISTS");
    bh_batch_add(batch, bh_buf_str(&cancel));
    bh_buf_release(&cancel);
    if (status != BH_OK)
        return bh_cli_fail("short of memory");
    enum bh_exit result = bh_batch_run(cli, "read the job's record", batch);
    if (result != BH_EXIT_DONE)
        return result;
    history->cancelled = bh_reply_is_int(batch->replies[5], 1, 1, &exists);
    return fill_head(cli, history, record, batch->replies);
}

/* ---- the outbox ---- */

static enum bh_exit
read_callback(struct bh_cli *cli, const struct bh_queue_keys *keys, const struct bh_record *record,
              struct bh_batch *batch, struct bh_history *history)
{
    struct bh_str score, whole;
    int64_t failed;
    bh_batch_clear(batch);
    ask_hash(batch, keys, BH_KEY_CALLBACKS, "ZMSCORE", bh_str_from(record->id));
    ask_hash(batch, keys, BH_KEY_CALLBACK_TRIES, "HMGET", bh_str_from(record->id));
    enum bh_exit result = bh_batch_run(cli, "read the job's callback", batch);
    if (result != BH_EXIT_DONE || !bh_reply_str(batch->replies[0], 0, &score))
        return result;
    /* A post under way has a time with a fraction. */
    if (bh_str_split(&score, '.', &whole))
        (void)bh_str_to_int64(whole, &history->callback_at.ms);
    if (bh_reply_number(batch->replies[1], 0, &failed) && failed > 0 && failed <= INT32_MAX)
        history->callback_failed = (unsigned)failed;
    return BH_EXIT_DONE;
}

/* ---- streams ---- */

/* The value of a field of an entry; the empty view: none. */
static struct bh_str
field_of(const struct redisReply *fields, const char *name)
{
    struct bh_str field, value;
    for (size_t i = 0; i + 1 < bh_reply_count(fields); i += 2) {
        if (bh_reply_str(fields, i, &field) && bh_str_equal_text(field, name) &&
            bh_reply_str(fields, i + 1, &value))
            return value;
    }
    return (struct bh_str){NULL, 0};
}

static int64_t
number_of(const struct redisReply *fields, const char *name)
{
    int64_t number;
    return bh_str_to_int64(field_of(fields, name), &number) ? number : 0;
}

static void
fill_entry(struct bh_history_entry *entry, const struct redisReply *fields, enum bh_key stream)
{
    bool audit = stream == BH_KEY_AUDIT;
    entry->at.ms = number_of(fields, "at");
    keep(entry->first, sizeof(entry->first), field_of(fields, audit ? "who" : "state"));
    keep(entry->second, sizeof(entry->second), field_of(fields, audit ? "what" : "reason"));
    keep(entry->before, sizeof(entry->before), field_of(fields, "before"));
    keep(entry->after, sizeof(entry->after), field_of(fields, "after"));
    keep(entry->delivery, sizeof(entry->delivery), field_of(fields, "delivery"));
    entry->code = number_of(fields, "code");
    entry->attempts = number_of(fields, "attempts");
}

/* The entries of one page that are about the job; *cursor is moved before its oldest. */
static void
take_entries(struct bh_history_lines *lines, const struct redisReply *page, enum bh_key stream,
             const char *id, char *cursor, size_t cursor_size)
{
    for (size_t i = 0; i < bh_reply_count(page); i++) {
        const struct redisReply *entry = bh_reply_at(page, i);
        const struct redisReply *fields = bh_reply_at(entry, 1);
        struct bh_str entry_id;
        if (bh_reply_str(entry, 0, &entry_id))
            snprintf(cursor, cursor_size, "(%.*s", BH_STR_ARGS(entry_id));
        if (!bh_str_equal_text(field_of(fields, "id"), id))
            continue;
        if (lines->count == BH_HISTORY_LINES_MAX) {
            lines->cut = true;
            return;
        }
        fill_entry(&lines->entries[lines->count++], fields, stream);
    }
}

static enum bh_exit
read_stream(struct bh_cli *cli, const struct bh_queue_keys *keys, enum bh_key stream,
            const char *id, struct bh_batch *batch, struct bh_history_lines *lines)
{
    char cursor[64] = "+";
    lines->entries = bh_alloc_array(BH_HISTORY_LINES_MAX, sizeof(lines->entries[0]));
    if (lines->entries == NULL)
        return bh_cli_fail("short of memory");
    for (int pages = 0; pages < STREAM_PAGES_MAX && !lines->cut; pages++) {
        char count[16];
        snprintf(count, sizeof(count), "%d", STREAM_PAGE);
        bh_batch_clear(batch);
        bh_batch_command(batch, "XREVRANGE");
        bh_batch_add_key(batch, keys, stream);
        bh_batch_add_text(batch, cursor);
        bh_batch_add_text(batch, "-");
        bh_batch_add_text(batch, "COUNT");
        bh_batch_add_text(batch, count);
        enum bh_exit result = bh_batch_run(cli, "read the job's history", batch);
        if (result != BH_EXIT_DONE)
            return result;
        take_entries(lines, batch->replies[0], stream, id, cursor, sizeof(cursor));
        if (bh_reply_count(batch->replies[0]) < STREAM_PAGE)
            return BH_EXIT_DONE;
    }
    lines->cut = true;
    return BH_EXIT_DONE;
}

enum bh_exit
bh_history_read(struct bh_cli *cli, const struct bh_queue_keys *keys,
                const struct bh_record *record, struct bh_history **ret_history)
{
    struct bh_history *history = bh_alloc_zero(sizeof(*history));
    struct bh_batch *batch = bh_alloc(sizeof(*batch));
    enum bh_exit result;
    if (history == NULL || batch == NULL) {
        bh_free(history);
        bh_free(batch);
        return bh_cli_fail("short of memory");
    }
    bh_batch_init(batch);
    result = read_record(cli, keys, record, batch, history);
    if (result == BH_EXIT_DONE)
        result = read_callback(cli, keys, record, batch, history);
    if (result == BH_EXIT_DONE)
        result = read_stream(cli, keys, BH_KEY_EVENTS, record->id, batch, &history->events);
    if (result == BH_EXIT_DONE)
        result = read_stream(cli, keys, BH_KEY_AUDIT, record->id, batch, &history->audit);
    bh_batch_release(batch);
    bh_free(batch);
    if (result == BH_EXIT_DONE)
        *ret_history = history;
    else
        bh_history_free(history);
    return result;
}

void
bh_history_free(struct bh_history *history)
{
    if (history == NULL)
        return;
    bh_progress_release(&history->progress);
    bh_free(history->events.entries);
    bh_free(history->audit.entries);
    bh_free(history);
}

const struct bh_history_recipient_row bh_history_recipient_rows[BH_HISTORY_RECIPIENT_ROWS] = {
    {BH_RECIPIENT_OPEN,      "open",      "still to be sent to"},
    {BH_RECIPIENT_UNCERTAIN, "uncertain", "not answered"       },
    {BH_RECIPIENT_ACCEPTED,  "accepted",  "accepted"           },
    {BH_RECIPIENT_FAILED,    "failed",    "refused"            },
    {BH_RECIPIENT_DUPLICATE, "duplicate", "sent by another job"},
    {BH_RECIPIENT_UNKNOWN,   "unknown",   "never cleared up"   },
};

struct bh_wall
bh_history_seconds(unsigned seconds)
{
    return (struct bh_wall){(int64_t)seconds * BH_SECOND_MS};
}
