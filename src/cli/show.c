/* show: what is known about jobs, from their status hashes. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/history.h"
#include "cli/line_input.h"
#include "cli/record.h"
#include "cli/table.h"
#include "cli/wording.h"
#include "core/fault.h"
#include "core/job_word.h"
#include "core/json.h"

#define RECORD_TEXT_MAX ((size_t)16 * 1024 * 1024)
#define TITLE_WIDTH     18
#define PUSHED_LOOKED   20000 /* most jobs without status that are looked at for an id */
#define PUSHED_SEARCHES 20    /* most ids that are looked for so */

struct show_options {
    const char *queue;
    bool brief;
};

static const struct bh_option show_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME", "look in this queue only",
     offsetof(struct show_options, queue)},
    {"brief", BH_OPTION_FLAG, NULL,   "the status only, without evidence and history",
     offsetof(struct show_options, brief)},
};

struct show {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    bool brief;
    size_t found;
    size_t missing;
    size_t searches; /* for ids without status */
};

/* ---- For people ---- */

/* How a field is shown. */
enum look {
    LOOK_TEXT,
    LOOK_TIME,
    LOOK_SECONDS,
    LOOK_WAY, /* "WORD@MS,...": a line each */
};

struct field_row {
    const char *field;
    const char *title;
    enum look look;
};

static const struct field_row field_rows[] = {
    {"type",             "type",              LOOK_TEXT   },
    {"to",               "to",                LOOK_TEXT   },
    {"attempts",         "attempts",          LOOK_TEXT   },
    {"created_at",       "created",           LOOK_TIME   },
    {"updated_at",       "changed",           LOOK_TIME   },
    {"next_at",          "goes on",           LOOK_TIME   },
    {"expires_at",       "expires",           LOOK_TIME   },
    {"sent_at",          "sent",              LOOK_TIME   },
    {"code",             "gateway's code",    LOOK_TEXT   },
    {"http_status",      "HTTP status",       LOOK_TEXT   },
    {"error",            "error",             LOOK_TEXT   },
    {"first_error",      "first error",       LOOK_TEXT   },
    {"message_id",       "message id",        LOOK_TEXT   },
    {"parts",            "parts",             LOOK_TEXT   },
    {"encoding",         "encoding",          LOOK_TEXT   },
    {"price",            "price",             LOOK_TEXT   },
    {"balance",          "balance then",      LOOK_TEXT   },
    {"confirmed_by",     "confirmed by",      LOOK_TEXT   },
    {"reported_ids",     "reported messages", LOOK_TEXT   },
    {"delivery",         "delivery",          LOOK_TEXT   },
    {"delivered_at",     "delivery reported", LOOK_TIME   },
    {"delivery_path",    "delivery, by time", LOOK_WAY    },
    {"duration",         "duration",          LOOK_SECONDS},
    {"caller_id",        "caller id",         LOOK_TEXT   },
    {"price_per_minute", "price per minute",  LOOK_TEXT   },
    {"resent_as",        "sent again as",     LOOK_TEXT   },
    {"resend_of",        "sent in place of",  LOOK_TEXT   },
    {"resend_number",    "resend number",     LOOK_TEXT   },
    {"foreign_id",       "foreign id",        LOOK_TEXT   },
    {"label",            "label",             LOOK_TEXT   },
    {"meta",             "meta",              LOOK_TEXT   },
    {"callback_url",     "callback to",       LOOK_TEXT   },
    {"callback_at",      "callback taken",    LOOK_TIME   },
    {"callback_error",   "callback failed",   LOOK_TEXT   },
};

static void
append_time(struct bh_buf *buf, int64_t at_ms, struct bh_wall now)
{
    struct bh_time_text span = bh_display_span(at_ms - now.ms);
    (void)bh_buf_append_text(buf, bh_display_time((struct bh_wall){at_ms}).text);
    if (at_ms > now.ms)
        (void)bh_buf_printf(buf, " (in %s)", span.text);
    else
        (void)bh_buf_printf(buf, " (%s ago)", span.text);
}

static void
append_title(struct bh_buf *buf, const char *title, bool colour)
{
    (void)bh_buf_printf(buf, "  %s%-*s%s", bh_style_begin(BH_STYLE_DIM, colour), TITLE_WIDTH, title,
                        bh_style_end(BH_STYLE_DIM, colour));
}

/* Fields that stay in the hash from earlier and would only confuse: what a sent job was held for, and the like. */
static bool
is_stale(const struct bh_record *record, const char *field)
{
    struct bh_str state = bh_record_get(record, "state");
    if (strcmp(field, "error") == 0)
        return bh_str_equal_text(state, "sent");
    if (strcmp(field, "first_error") == 0)
        return bh_str_equal(bh_record_get(record, "first_error"), bh_record_get(record, "error")) &&
               !bh_str_equal_text(state, "sent");
    if (strcmp(field, "expires_at") == 0)
        return bh_record_is_final(record) && !bh_str_equal_text(state, "expired");
    return false;
}

static void
append_way(struct bh_buf *buf, struct bh_str way, const char *title, bool colour)
{
    struct bh_str step, word;
    int64_t at_ms;
    for (bool first = true; way.len > 0 && bh_str_split(&way, ',', &step); first = false) {
        append_title(buf, first ? title : "", colour);
        bool timed = bh_str_split(&step, '@', &word) && bh_str_to_int64(step, &at_ms);
        if (timed)
            (void)bh_buf_printf(buf, "%s  ", bh_display_time((struct bh_wall){at_ms}).text);
        (void)bh_display_append(buf, word);
        (void)bh_buf_append_text(buf, "\n");
    }
}

static void
append_field(struct bh_buf *buf, const struct bh_record *record, const struct field_row *row,
             struct bh_wall now, bool colour)
{
    struct bh_str value = bh_record_get(record, row->field);
    int64_t number;
    if (value.len == 0 || is_stale(record, row->field))
        return;
    if (row->look == LOOK_WAY) {
        append_way(buf, value, row->title, colour);
        return;
    }
    append_title(buf, row->title, colour);
    if (row->look == LOOK_TIME && bh_str_to_int64(value, &number))
        append_time(buf, number, now);
    else
        (void)bh_display_append(buf, value);
    (void)bh_buf_append_text(buf, row->look == LOOK_SECONDS ? " s\n" : "\n");
}

/* A cell of the recipients' table: a string's content, a number's digits, "-" for nothing. */
static void
add_member(struct bh_table *table, enum bh_style style, const struct bh_json *json,
           const struct bh_json_value *recipient, const char *name)
{
    const struct bh_json_value *value = bh_json_get(recipient, name);
    struct bh_str text;
    struct bh_buf safe;
    bh_buf_init(&safe, 512);
    if (!bh_json_string(value, &text))
        text = value != NULL && bh_json_type(value) != BH_JSON_NULL ? bh_json_raw(json, value)
                                                                    : BH_STR_LITERAL("-");
    (void)bh_display_append(&safe, text);
    bh_table_add(table, style, "%s", bh_buf_text(&safe));
    bh_buf_release(&safe);
}

static void
add_recipient(struct bh_table *table, const struct bh_json *json,
              const struct bh_json_value *recipient)
{
    bool success;
    const struct bh_json_value *result = bh_json_get(recipient, "success");
    bh_table_add(table, BH_STYLE_PLAIN, "   ");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "recipient");
    if (result == NULL)
        bh_table_add(table, BH_STYLE_PLAIN, "not sent yet");
    else if (!bh_json_bool(result, &success))
        bh_table_add(table, BH_STYLE_WARN, "not known");
    else
        bh_table_add(table, success ? BH_STYLE_GOOD : BH_STYLE_BAD,
                     success ? "accepted" : "refused");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "delivery");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "id");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "code");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "parts");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "price");
    add_member(table, BH_STYLE_PLAIN, json, recipient, "error");
}

static enum bh_status
print_recipients(const struct bh_record *record, bool colour)
{
    static const char *const titles[] = {"   ",  "RECIPIENT", "RESULT", "DELIVERY", "ID",
                                         "CODE", "PARTS",     "PRICE",  "ERROR"};
    struct bh_json *json;
    struct bh_str text = bh_record_get(record, "recipients");
    if (text.len == 0 ||
        bh_json_parse(text, RECORD_TEXT_MAX, BH_JSON_LENIENT, &json, NULL) != BH_OK)
        return BH_OK;
    struct bh_table table;
    bh_table_init(&table, BH_ARRAY_LEN(titles), 0xE0);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(&table, BH_STYLE_DIM, "%s", titles[i]);
    const struct bh_json_value *recipient = bh_json_first(bh_json_root(json));
    for (; recipient != NULL; recipient = bh_json_next(recipient))
        add_recipient(&table, json, recipient);
    enum bh_status status = bh_table_print(&table, stdout, colour);
    bh_table_release(&table);
    bh_json_free(json);
    return status;
}

/* `history` may be NULL. */
static enum bh_status
print_for_people(const struct show *show, const struct bh_record *record,
                 const struct bh_history *history)
{
    bool colour = show->cli->colour;
    struct bh_wall now = bh_cli_now();
    enum bh_style style = bh_wording_style(record);
    struct bh_buf buf;
    bh_buf_init(&buf, RECORD_TEXT_MAX);

    (void)bh_buf_printf(&buf, "%s%s%s in queue %s\n", bh_style_begin(BH_STYLE_BOLD, colour),
                        record->id, bh_style_end(BH_STYLE_BOLD, colour), record->queue);
    append_title(&buf, "state", colour);
    (void)bh_buf_append_text(&buf, bh_style_begin(style, colour));
    (void)bh_display_append(&buf, bh_record_get(record, "state"));
    (void)bh_buf_append_text(&buf, bh_style_end(style, colour));
    if (bh_record_get(record, "reason").len > 0) {
        (void)bh_buf_append_text(&buf, ", reason ");
        (void)bh_display_append(&buf, bh_record_get(record, "reason"));
    }
    (void)bh_buf_append_char(&buf, '\n');
    for (size_t i = 0; i < BH_ARRAY_LEN(field_rows); i++)
        append_field(&buf, record, &field_rows[i], now, colour);
    if (history != NULL)
        bh_history_append(history, now, TITLE_WIDTH, colour, &buf);
    append_title(&buf, "what happens next", colour);
    bh_wording_append_next(record, now, &buf);
    (void)bh_buf_append_char(&buf, '\n');
    bh_wording_append_ways(record, TITLE_WIDTH + 2, &buf);

    enum bh_status status = bh_buf_status(&buf);
    if (status == BH_OK) {
        printf("%s%s", show->found > 0 ? "\n" : "", bh_buf_text(&buf));
        status = print_recipients(record, colour);
    }
    bh_buf_release(&buf);
    return status;
}

/* ---- For machines ---- */

static enum bh_status
print_json(const struct bh_record *record, const struct bh_history *history)
{
    struct bh_json_writer writer;
    struct bh_buf buf;
    bh_buf_init(&buf, RECORD_TEXT_MAX);
    bh_json_writer_init(&writer, &buf);
    bh_json_open_object(&writer, NULL);
    bh_record_put_members(record, &writer);
    if (history != NULL)
        bh_history_put(history, &writer);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&buf);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&buf));
    bh_buf_release(&buf);
    return status;
}

/* ---- Looking ---- */

static enum bh_exit
show_in_queue(struct show *show, size_t queue, const char *id)
{
    struct bh_record record;
    enum bh_exit result = bh_record_read(show->cli, show->queues.names[queue],
                                         &show->queues.keys[queue], id, &record);
    if (result != BH_EXIT_DONE)
        return result;
    struct bh_history *history = NULL;
    if (!show->brief)
        result = bh_history_read(show->cli, &show->queues.keys[queue], &record, &history);
    enum bh_status status = BH_OK;
    if (result == BH_EXIT_DONE)
        status = show->cli->json ? print_json(&record, history)
                                 : print_for_people(show, &record, history);
    bh_history_free(history);
    bh_record_release(&record);
    show->found++;
    if (result != BH_EXIT_DONE)
        return result;
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

/* A job that no worker has admitted has no status; what is known stands in what was pushed. */
static void
append_pushed_json(struct bh_buf *buf, const struct bh_found_job *job)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, buf);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", job->queue_name);
    bh_json_put_string(&writer, "id", job->id);
    bh_json_put_text(&writer, "state", bh_filter_state_name(job->states));
    bh_json_put_string(&writer, "type", job->type);
    bh_json_put_string(&writer, "to", job->to);
    if (job->created.ms > 0)
        bh_json_put_int(&writer, "created_at", job->created.ms);
    if (job->error.len > 0)
        bh_json_put_string(&writer, "error", job->error);
    bh_json_put_text(&writer, "place", bh_place_name(job->place));
    bh_json_close_object(&writer);
    (void)bh_buf_append_char(buf, '\n');
}

static void
append_pushed(struct bh_buf *buf, const struct bh_found_job *job, bool colour)
{
    (void)bh_buf_append_text(buf, bh_style_begin(BH_STYLE_BOLD, colour));
    (void)bh_display_append(buf, job->id);
    (void)bh_buf_printf(buf, "%s in queue %s\n", bh_style_end(BH_STYLE_BOLD, colour),
                        job->queue_name);
    append_title(buf, "state", colour);
    (void)bh_buf_append_text(buf, "pushed, and not yet claimed by a worker\n");
    append_title(buf, job->error.len > 0 ? "error" : "to", colour);
    (void)bh_display_append(buf, job->error.len > 0 ? job->error : job->to);
    (void)bh_buf_append_char(buf, '\n');
    if (job->created.ms > 0) {
        append_title(buf, "created", colour);
        append_time(buf, job->created.ms, job->server_now);
        (void)bh_buf_append_char(buf, '\n');
    }
    append_title(buf, "what happens next", colour);
    (void)bh_buf_append_text(buf, "A worker takes it when those before it are done; bellhop status "
                                  "tells whether the queue moves.\n");
}

static enum bh_exit
show_pushed(void *arg, const struct bh_found_job *job)
{
    struct show *show = arg;
    struct bh_buf buf;
    bh_buf_init(&buf, RECORD_TEXT_MAX);
    if (show->cli->json)
        append_pushed_json(&buf, job);
    else
        append_pushed(&buf, job, show->cli->colour);
    enum bh_status status = bh_buf_status(&buf);
    if (status == BH_OK)
        printf("%s%s", show->found > 0 && !show->cli->json ? "\n" : "", bh_buf_text(&buf));
    bh_buf_release(&buf);
    show->found++;
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

static enum bh_exit
look_among_pushed(struct show *show, const char *id)
{
    struct bh_selection selection = {
        .queues = show->queues, .states = BH_FILTER_READY, .looked_max = PUSHED_LOOKED};
    char term[BH_JOB_ID_MAX + 8];
    struct bh_error error;
    if (show->searches++ == PUSHED_SEARCHES)
        return BH_EXIT_DONE;
    snprintf(term, sizeof(term), "id=%s", id);
    bh_filter_init(&selection.filter);
    if (bh_filter_add(&selection.filter, bh_str_from(term), &error) != BH_OK)
        return bh_cli_fail("%s", error.text);
    return bh_selection_run(show->cli, &selection, show_pushed, show);
}

static enum bh_exit
show_id(void *arg, struct bh_str text)
{
    struct show *show = arg;
    if (!bh_job_is_word(text, BH_JOB_ID_MAX))
        return bh_cli_fail("\"%s\" is no id of a job: 1 to 64 characters of A-Z a-z 0-9 . _ @ -",
                           bh_quote(text).text);
    char id[80];
    snprintf(id, sizeof(id), "%.*s", BH_STR_ARGS(text));
    size_t before = show->found;
    for (size_t i = 0; i < show->queues.count; i++) {
        enum bh_exit result = show_in_queue(show, i, id);
        if (result != BH_EXIT_DONE && result != BH_EXIT_NOTHING)
            return result;
    }
    if (show->found == before) {
        enum bh_exit result = look_among_pushed(show, id);
        if (result != BH_EXIT_DONE)
            return result;
    }
    if (show->found > before)
        return BH_EXIT_DONE;
    show->missing++;
    bh_cli_warn("%s is not known: not claimed by a worker yet, never pushed, or ended so long ago "
                "that its status has been forgotten",
                id);
    return BH_EXIT_DONE;
}

static enum bh_exit
show_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct show_options *wanted = options;
    struct show show = {.cli = cli, .brief = wanted->brief};
    if (operands.count == 0)
        return bh_cli_misuse("which job?  bellhop show ID..., or `-` for ids on standard input");
    enum bh_exit result = bh_configuration_queues(cli, wanted->queue, &show.queues);
    for (size_t i = 0; i < operands.count && result == BH_EXIT_DONE; i++) {
        if (strcmp(operands.values[i], "-") == 0)
            result = bh_line_input_each(BH_JOB_ID_LINE_MAX, show_id, NULL, &show);
        else
            result = show_id(&show, bh_str_from(operands.values[i]));
    }
    if (result != BH_EXIT_DONE)
        return result;
    return show.found > 0 ? BH_EXIT_DONE : BH_EXIT_NOTHING;
}

const struct bh_command_row bh_command_show = {
    .name = "show",
    .summary = "tell what is known about jobs",
    .usage = "[--queue NAME] [--brief] ID...",
    .text =
        "Prints state, times, recipients, errors, where the job is, what speaks for and against "
        "its having\n"
        "been sent, its changes of state (while [status] events is set), what people did to it, "
        "and what\n"
        "happens next.  Looks in all queues of the configuration unless one is named.  `-` reads "
        "ids from\n"
        "standard input, one per line.\n"
        "A job has a status from its first claim until [status] retention after its end.\n\n"
        "examples:\n"
        "  bellhop show order-4711\n"
        "  bellhop show --json order-4711 | jq .message_id\n"
        "  bellhop send --queue sms --to +491701234567 --text hello | bellhop show -",
    .options = show_option_rows,
    .options_count = BH_ARRAY_LEN(show_option_rows),
    .options_size = sizeof(struct show_options),
    .run = show_run,
};
