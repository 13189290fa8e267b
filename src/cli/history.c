#include "cli/history.h"

#include <stdio.h>
#include <string.h>

#include <bellhop/job.h>

#include "cli/batch.h"
#include "cli/display.h"
#include "core/alloc.h"
#include "core/config.h"
#include "core/job_head.h"
#include "core/json.h"
#include "engine/progress.h"
#include "redis/reply_view.h"

#define STREAM_PAGE      500
#define STREAM_PAGES_MAX 20
#define LINES_MAX        200 /* of each stream, the newest */
#define FIELD_BYTES_MAX  200
#define OWNER_MAX        160

/* One entry of a stream, oldest last while they are read. */
struct entry {
    struct bh_wall at;
    char first[FIELD_BYTES_MAX];  /* state, or who */
    char second[FIELD_BYTES_MAX]; /* reason, or what */
    char before[32], after[32];   /* of the audit */
    char delivery[32];            /* of a message, that has changed; "" another change */
    int64_t code;
    int64_t attempts;
};

struct lines {
    struct entry *entries; /* owned; LINES_MAX, NULL when there are none */
    size_t count;
    bool cut; /* there may be older ones */
};

struct bh_history {
    enum bh_place place;
    struct bh_wall score; /* by place */
    bool has_head;
    bool unreadable;
    struct bh_job_head head; /* neither memo nor lost_by */
    char owner[OWNER_MAX];
    char lost_by[OWNER_MAX];
    bool has_progress;
    struct bh_progress progress; /* owned */
    bool cancelled;              /* a tombstone waits for it */
    struct bh_wall callback_at;  /* when it is posted next; 0: nothing is to be posted */
    unsigned callback_failed;    /* posts since its last change */
    struct lines events;
    struct lines audit;
};

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
fill_entry(struct entry *entry, const struct redisReply *fields, enum bh_key stream)
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
take_entries(struct lines *lines, const struct redisReply *page, enum bh_key stream, const char *id,
             char *cursor, size_t cursor_size)
{
    for (size_t i = 0; i < bh_reply_count(page); i++) {
        const struct redisReply *entry = bh_reply_at(page, i);
        const struct redisReply *fields = bh_reply_at(entry, 1);
        struct bh_str entry_id;
        if (bh_reply_str(entry, 0, &entry_id))
            snprintf(cursor, cursor_size, "(%.*s", BH_STR_ARGS(entry_id));
        if (!bh_str_equal_text(field_of(fields, "id"), id))
            continue;
        if (lines->count == LINES_MAX) {
            lines->cut = true;
            return;
        }
        fill_entry(&lines->entries[lines->count++], fields, stream);
    }
}

static enum bh_exit
read_stream(struct bh_cli *cli, const struct bh_queue_keys *keys, enum bh_key stream,
            const char *id, struct bh_batch *batch, struct lines *lines)
{
    char cursor[64] = "+";
    lines->entries = bh_alloc_array(LINES_MAX, sizeof(lines->entries[0]));
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

/* ---- for people ---- */

/* Where to, and how. */
struct sheet {
    struct bh_buf *buf;
    struct bh_wall now;
    int width;
    bool colour;
};

static void
title(const struct sheet *sheet, const char *text)
{
    (void)bh_buf_printf(sheet->buf, "  %s%-*s%s", bh_style_begin(BH_STYLE_DIM, sheet->colour),
                        sheet->width, text, bh_style_end(BH_STYLE_DIM, sheet->colour));
}

static void
moment(const struct sheet *sheet, struct bh_wall at)
{
    (void)bh_buf_printf(
        sheet->buf, "%s (%s%s%s)", bh_display_time(at).text, at.ms > sheet->now.ms ? "in " : "",
        bh_display_span(at.ms - sheet->now.ms).text, at.ms > sheet->now.ms ? "" : " ago");
}

static void
append_place(const struct sheet *sheet, const struct bh_history *history)
{
    struct bh_buf *buf = sheet->buf;
    if (history->unreadable) {
        title(sheet, "record");
        (void)bh_buf_append_text(buf, "cannot be read\n");
    }
    if (!history->has_head)
        return;
    title(sheet, "where");
    switch (history->place) {
    case BH_PLACE_LEASES:
        (void)bh_buf_append_text(buf, "in the hands of ");
        (void)bh_display_append(
            buf, bh_str_from(history->owner[0] != '\0' ? history->owner : "a worker"));
        (void)bh_buf_append_text(buf, ", lease ends ");
        moment(sheet, history->score);
        break;
    case BH_PLACE_DUE: (void)bh_buf_append_text(buf, "waiting for its time"); break;
    case BH_PLACE_DEAD:
        (void)bh_buf_append_text(buf, "in the dead set since ");
        moment(sheet, history->score);
        break;
    case BH_PLACE_SUSPECTS:
        (void)bh_buf_append_text(buf, "apart from the others, because workers ended over it");
        break;
    case BH_PLACE_READY:
    case BH_PLACE_RAW:
    case BH_PLACE_GONE: (void)bh_buf_append_text(buf, "in the line, until a worker is free"); break;
    }
    (void)bh_buf_append_char(buf, '\n');
    if (history->cancelled) {
        title(sheet, "");
        (void)bh_buf_append_text(buf, "cancelled: it ends when a worker next takes it\n");
    }
}

/* A line of evidence; the title stands in front of the first only. */
static void
evidence(const struct sheet *sheet, bool *first, const char *text, struct bh_wall at)
{
    title(sheet, *first ? "evidence" : "");
    *first = false;
    (void)bh_buf_append_text(sheet->buf, text);
    if (at.ms > 0)
        moment(sheet, at);
    (void)bh_buf_append_char(sheet->buf, '\n');
}

static struct bh_wall
from_seconds(unsigned seconds)
{
    return (struct bh_wall){(int64_t)seconds * BH_SECOND_MS};
}

static void
append_recoveries(const struct sheet *sheet, const struct bh_history *history, bool *first)
{
    char text[OWNER_MAX + 64];
    if (history->head.recoveries > 0) {
        snprintf(text, sizeof(text), "workers ended over it, or lost it, %u times in a row",
                 (unsigned)history->head.recoveries);
        evidence(sheet, first, text, (struct bh_wall){0});
    }
    if (history->lost_by[0] != '\0') {
        snprintf(text, sizeof(text), "last lost by %s", history->lost_by);
        evidence(sheet, first, text, (struct bh_wall){0});
    }
}

static const struct {
    enum bh_recipient_state state;
    const char *name; /* in JSON */
    const char *text;
} recipient_rows[] = {
    {BH_RECIPIENT_OPEN,      "open",      "still to be sent to"},
    {BH_RECIPIENT_UNCERTAIN, "uncertain", "not answered"       },
    {BH_RECIPIENT_ACCEPTED,  "accepted",  "accepted"           },
    {BH_RECIPIENT_FAILED,    "failed",    "refused"            },
    {BH_RECIPIENT_DUPLICATE, "duplicate", "sent by another job"},
    {BH_RECIPIENT_UNKNOWN,   "unknown",   "never cleared up"   },
};

static void
append_progress(const struct sheet *sheet, const struct bh_progress *progress, bool *first)
{
    const struct {
        const char *text;
        unsigned at_s;
    } rows[] = {
        {"first request without an answer ",                  progress->first_lost_s},
        {"last request without an answer ",                   progress->last_lost_s },
        {"gateway's journal asked ",                          progress->looked_at_s },
        {"the journal did not know it ",                      progress->absent_at_s },
        {"last refusal that may have armed the reload lock ", progress->refused_at_s},
        {"those not answered are not sent to again before ",  progress->resend_due_s},
        {"those still open are not sent to before ",          progress->open_due_s  },
    };
    const struct {
        const char *text;
        unsigned count;
    } counts[] = {
        {"steps of the retry schedule used",    progress->retries      },
        {"waits for the gateway's reload lock", progress->lock_waits   },
        {"waits for the next day",              progress->daily_waits  },
        {"repetitions inside the reload lock",  progress->guarded_tries},
    };
    char text[96];
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (rows[i].at_s != 0)
            evidence(sheet, first, rows[i].text, from_seconds(rows[i].at_s));
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(counts); i++) {
        snprintf(text, sizeof(text), "%s: %u", counts[i].text, counts[i].count);
        if (counts[i].count != 0)
            evidence(sheet, first, text, (struct bh_wall){0});
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(recipient_rows) && progress->recipients_count > 1; i++) {
        size_t count = bh_progress_count(progress, recipient_rows[i].state);
        snprintf(text, sizeof(text), "recipients %s: %zu", recipient_rows[i].text, count);
        if (count > 0)
            evidence(sheet, first, text, (struct bh_wall){0});
    }
}

static void
append_callback(const struct sheet *sheet, const struct bh_history *history)
{
    if (history->callback_at.ms == 0)
        return;
    title(sheet, "callback");
    if (history->callback_failed > 0)
        (void)bh_buf_printf(sheet->buf, "failed %u times; ", history->callback_failed);
    (void)bh_buf_append_text(sheet->buf, "next post ");
    moment(sheet, history->callback_at);
    (void)bh_buf_append_char(sheet->buf, '\n');
}

static void
append_events(const struct sheet *sheet, const struct lines *lines)
{
    if (lines->cut) {
        title(sheet, "history");
        (void)bh_buf_append_text(sheet->buf, "(older changes are not looked for)\n");
    }
    for (size_t i = lines->count; i > 0; i--) {
        const struct entry *entry = &lines->entries[i - 1];
        title(sheet, i == lines->count && !lines->cut ? "history" : "");
        (void)bh_buf_printf(sheet->buf, "%s  ", bh_display_time(entry->at).text);
        (void)bh_display_append(sheet->buf, bh_str_from(entry->first));
        if (entry->second[0] != '\0') {
            (void)bh_buf_append_text(sheet->buf, ", ");
            (void)bh_display_append(sheet->buf, bh_str_from(entry->second));
        }
        if (entry->delivery[0] != '\0') {
            (void)bh_buf_append_text(sheet->buf, ", delivery ");
            (void)bh_display_append(sheet->buf, bh_str_from(entry->delivery));
        }
        if (entry->attempts > 0)
            (void)bh_buf_printf(sheet->buf, ", attempt %lld", (long long)entry->attempts);
        if (entry->code > 0)
            (void)bh_buf_printf(sheet->buf, ", code %lld", (long long)entry->code);
        (void)bh_buf_append_char(sheet->buf, '\n');
    }
}

static void
append_audit(const struct sheet *sheet, const struct lines *lines)
{
    for (size_t i = lines->count; i > 0; i--) {
        const struct entry *entry = &lines->entries[i - 1];
        title(sheet, i == lines->count ? "by hand" : "");
        (void)bh_buf_printf(sheet->buf, "%s  ", bh_display_time(entry->at).text);
        (void)bh_display_append(sheet->buf, bh_str_from(entry->second));
        (void)bh_buf_append_text(sheet->buf, " by ");
        (void)bh_display_append(sheet->buf, bh_str_from(entry->first));
        if (entry->before[0] != '\0' || entry->after[0] != '\0') {
            (void)bh_buf_append_text(sheet->buf, ": ");
            (void)bh_display_append(sheet->buf, bh_str_from(entry->before));
            (void)bh_buf_append_text(sheet->buf, " -> ");
            (void)bh_display_append(sheet->buf, bh_str_from(entry->after));
        }
        (void)bh_buf_append_char(sheet->buf, '\n');
    }
}

void
bh_history_append(const struct bh_history *history, struct bh_wall now, int width, bool colour,
                  struct bh_buf *buf)
{
    const struct sheet sheet = {buf, now, width, colour};
    bool first = true;
    append_place(&sheet, history);
    if (history->has_head) {
        if (history->head.started.ms > 0)
            evidence(&sheet, &first, "a request was begun ", history->head.started);
        if (history->head.uncertain_since.ms > 0)
            evidence(&sheet, &first, "may have been sent since ", history->head.uncertain_since);
        append_recoveries(&sheet, history, &first);
    }
    if (history->has_progress)
        append_progress(&sheet, &history->progress, &first);
    append_callback(&sheet, history);
    append_events(&sheet, &history->events);
    append_audit(&sheet, &history->audit);
}

/* ---- for machines ---- */

static void
put_time(struct bh_json_writer *writer, const char *name, int64_t ms)
{
    if (ms > 0)
        bh_json_put_int(writer, name, ms);
}

static void
put_count(struct bh_json_writer *writer, const char *name, unsigned count)
{
    if (count > 0)
        bh_json_put_int(writer, name, count);
}

static void
put_text(struct bh_json_writer *writer, const char *name, const char *text)
{
    if (text[0] != '\0')
        bh_json_put_text(writer, name, text);
}

static void
put_progress(struct bh_json_writer *writer, const struct bh_progress *progress)
{
    put_time(writer, "first_lost_at", from_seconds(progress->first_lost_s).ms);
    put_time(writer, "last_lost_at", from_seconds(progress->last_lost_s).ms);
    put_time(writer, "journal_asked_at", from_seconds(progress->looked_at_s).ms);
    put_time(writer, "journal_absent_at", from_seconds(progress->absent_at_s).ms);
    put_time(writer, "refused_at", from_seconds(progress->refused_at_s).ms);
    put_time(writer, "resend_not_before", from_seconds(progress->resend_due_s).ms);
    put_time(writer, "open_not_before", from_seconds(progress->open_due_s).ms);
    put_count(writer, "retries", progress->retries);
    put_count(writer, "lock_waits", progress->lock_waits);
    put_count(writer, "daily_waits", progress->daily_waits);
    put_count(writer, "guarded_tries", progress->guarded_tries);
    bh_json_open_object(writer, "recipients");
    for (size_t i = 0; i < BH_ARRAY_LEN(recipient_rows); i++)
        bh_json_put_int(writer, recipient_rows[i].name,
                        (int64_t)bh_progress_count(progress, recipient_rows[i].state));
    bh_json_close_object(writer);
}

static void
put_evidence(const struct bh_history *history, struct bh_json_writer *writer)
{
    bh_json_open_object(writer, "evidence");
    put_time(writer, "started_at", history->head.started.ms);
    put_time(writer, "uncertain_since", history->head.uncertain_since.ms);
    put_count(writer, "recoveries", history->head.recoveries);
    put_text(writer, "lost_by", history->lost_by);
    if (history->has_progress)
        put_progress(writer, &history->progress);
    bh_json_close_object(writer);
}

static void
put_lines(struct bh_json_writer *writer, const char *name, const struct lines *lines, bool audit)
{
    bh_json_open_array(writer, name);
    for (size_t i = lines->count; i > 0; i--) {
        const struct entry *entry = &lines->entries[i - 1];
        bh_json_open_object(writer, NULL);
        bh_json_put_int(writer, "at", entry->at.ms);
        bh_json_put_text(writer, audit ? "who" : "state", entry->first);
        put_text(writer, audit ? "what" : "reason", entry->second);
        put_text(writer, "before", entry->before);
        put_text(writer, "after", entry->after);
        put_text(writer, "delivery", entry->delivery);
        if (!audit) {
            bh_json_put_int(writer, "attempts", entry->attempts);
            bh_json_put_int(writer, "code", entry->code);
        }
        bh_json_close_object(writer);
    }
    bh_json_close_array(writer);
}

void
bh_history_put(const struct bh_history *history, struct bh_json_writer *writer)
{
    bh_json_put_text(writer, "place", bh_place_name(history->place));
    if (history->place == BH_PLACE_LEASES) {
        put_text(writer, "owner", history->owner);
        put_time(writer, "lease_until", history->score.ms);
    }
    if (history->place == BH_PLACE_DEAD)
        put_time(writer, "died_at", history->score.ms);
    if (history->cancelled)
        bh_json_put_bool(writer, "cancelling", true);
    if (history->has_head)
        put_evidence(history, writer);
    if (history->callback_at.ms > 0) {
        bh_json_open_object(writer, "callback");
        bh_json_put_int(writer, "next_at", history->callback_at.ms);
        bh_json_put_int(writer, "failed", history->callback_failed);
        bh_json_close_object(writer);
    }
    put_lines(writer, "history", &history->events, false);
    put_lines(writer, "audit", &history->audit, true);
}
