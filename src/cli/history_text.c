/* A job's history in lines for people. */
#include <stdio.h>

#include "cli/display.h"
#include "cli/history_own.h"

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

static void
append_recoveries(const struct sheet *sheet, const struct bh_history *history, bool *first)
{
    char text[BH_HISTORY_OWNER_MAX + 64];
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
            evidence(sheet, first, rows[i].text, bh_history_seconds(rows[i].at_s));
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(counts); i++) {
        snprintf(text, sizeof(text), "%s: %u", counts[i].text, counts[i].count);
        if (counts[i].count != 0)
            evidence(sheet, first, text, (struct bh_wall){0});
    }
    for (size_t i = 0; i < BH_HISTORY_RECIPIENT_ROWS && progress->recipients_count > 1; i++) {
        size_t count = bh_progress_count(progress, bh_history_recipient_rows[i].state);
        snprintf(text, sizeof(text), "recipients %s: %zu", bh_history_recipient_rows[i].text,
                 count);
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
append_events(const struct sheet *sheet, const struct bh_history_lines *lines)
{
    if (lines->cut) {
        title(sheet, "history");
        (void)bh_buf_append_text(sheet->buf, "(older changes are not looked for)\n");
    }
    for (size_t i = lines->count; i > 0; i--) {
        const struct bh_history_entry *entry = &lines->entries[i - 1];
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
append_audit(const struct sheet *sheet, const struct bh_history_lines *lines)
{
    for (size_t i = lines->count; i > 0; i--) {
        const struct bh_history_entry *entry = &lines->entries[i - 1];
        title(sheet, i == lines->count ? "from outside" : "");
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
