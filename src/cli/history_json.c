/* A job's history for machines. */
#include "cli/history_own.h"
#include "core/json.h"

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
    put_time(writer, "first_lost_at", bh_history_seconds(progress->first_lost_s).ms);
    put_time(writer, "last_lost_at", bh_history_seconds(progress->last_lost_s).ms);
    put_time(writer, "journal_asked_at", bh_history_seconds(progress->looked_at_s).ms);
    put_time(writer, "journal_absent_at", bh_history_seconds(progress->absent_at_s).ms);
    put_time(writer, "refused_at", bh_history_seconds(progress->refused_at_s).ms);
    put_time(writer, "resend_not_before", bh_history_seconds(progress->resend_due_s).ms);
    put_time(writer, "open_not_before", bh_history_seconds(progress->open_due_s).ms);
    put_count(writer, "retries", progress->retries);
    put_count(writer, "lock_waits", progress->lock_waits);
    put_count(writer, "daily_waits", progress->daily_waits);
    put_count(writer, "guarded_tries", progress->guarded_tries);
    bh_json_open_object(writer, "recipients");
    for (size_t i = 0; i < BH_HISTORY_RECIPIENT_ROWS; i++)
        bh_json_put_int(writer, bh_history_recipient_rows[i].name,
                        (int64_t)bh_progress_count(progress, bh_history_recipient_rows[i].state));
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
put_lines(struct bh_json_writer *writer, const char *name, const struct bh_history_lines *lines,
          bool audit)
{
    bh_json_open_array(writer, name);
    for (size_t i = lines->count; i > 0; i--) {
        const struct bh_history_entry *entry = &lines->entries[i - 1];
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
