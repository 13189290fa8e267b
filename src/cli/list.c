/* list: the jobs that a filter chooses. */
#include "cli/list.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "cli/table.h"
#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/json.h"

#define DEFAULT_FIELDS "id,queue,state,reason,age,attempts,next,to,error"
#define LINE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define TO_SHOWN       24 /* characters; --json has all of it */
#define ERROR_SHOWN    60

/* ---- columns ---- */

enum column {
    COLUMN_ID,
    COLUMN_QUEUE,
    COLUMN_STATE,
    COLUMN_REASON,
    COLUMN_AGE,
    COLUMN_ATTEMPTS,
    COLUMN_NEXT,
    COLUMN_TO,
    COLUMN_FROM,
    COLUMN_TYPE,
    COLUMN_LABEL,
    COLUMN_CODE,
    COLUMN_CREATED,
    COLUMN_DIED,
    COLUMN_BYTES,
    COLUMN_HANDLE,
    COLUMN_PLACE,
    COLUMN_UNCERTAIN,
    COLUMN_ERROR,
};

#define COLUMN_COUNT (COLUMN_ERROR + 1)

static const struct {
    const char *name;
    const char *title;
    unsigned read; /* what has to be read for it, beside the record */
    bool right;
} columns[] = {
    [COLUMN_ID] = {"id",        "ID",        BH_READ_STATUS,  false},
    [COLUMN_QUEUE] = {"queue",     "QUEUE",     0,               false},
    [COLUMN_STATE] = {"state",     "STATE",     0,               false},
    [COLUMN_REASON] = {"reason",    "REASON",    0,               false},
    [COLUMN_AGE] = {"age",       "AGE",       0,               true },
    [COLUMN_ATTEMPTS] = {"attempts",  "TRIES",     0,               true },
    [COLUMN_NEXT] = {"next",      "NEXT",      0,               true },
    [COLUMN_TO] = {"to",        "TO",        BH_READ_STATUS,  false},
    [COLUMN_FROM] = {"from",      "FROM",      BH_READ_PAYLOAD, false},
    [COLUMN_TYPE] = {"type",      "TYPE",      BH_READ_STATUS,  false},
    [COLUMN_LABEL] = {"label",     "LABEL",     BH_READ_STATUS,  false},
    [COLUMN_CODE] = {"code",      "CODE",      BH_READ_STATUS,  true },
    [COLUMN_CREATED] = {"created",   "CREATED",   0,               false},
    [COLUMN_DIED] = {"died",      "DIED",      0,               false},
    [COLUMN_BYTES] = {"bytes",     "BYTES",     BH_READ_PAYLOAD, true },
    [COLUMN_HANDLE] = {"handle",    "HANDLE",    0,               true },
    [COLUMN_PLACE] = {"place",     "PLACE",     0,               false},
    [COLUMN_UNCERTAIN] = {"uncertain", "UNCERTAIN", 0,               false},
    [COLUMN_ERROR] = {"error",     "ERROR",     BH_READ_STATUS,  false},
};

_Static_assert(BH_ARRAY_LEN(columns) == COLUMN_COUNT, "a column without a row");
_Static_assert(COLUMN_COUNT <= 32, "columns are counted in bits");

struct list {
    struct bh_cli *cli;
    enum column chosen[BH_TABLE_COLUMNS_MAX];
    size_t chosen_count;
    bool all; /* --json without --fields */
    struct bh_table table;
    struct bh_buf scratch;
};

static enum bh_exit
choose_column(struct list *list, struct bh_str name)
{
    struct bh_did_you_mean search;
    bh_did_you_mean_start(&search, name);
    if (list->chosen_count == BH_TABLE_COLUMNS_MAX)
        return bh_cli_misuse("--fields takes at most %d names", BH_TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (bh_str_equal_text(name, columns[i].name)) {
            list->chosen[list->chosen_count++] = (enum column)i;
            return BH_EXIT_DONE;
        }
        bh_did_you_mean_offer(&search, columns[i].name);
    }
    if (search.name != NULL)
        return bh_cli_misuse("--fields: there is no `%s`, did you mean `%s`?", bh_quote(name).text,
                             search.name);
    return bh_cli_misuse("--fields: there is no `%s`; there are id, queue, state, reason, age, "
                         "attempts, next, to, from, type, label, code, created, died, bytes, "
                         "handle, place, uncertain and error",
                         bh_quote(name).text);
}

static enum bh_exit
choose_columns(struct list *list, const char *fields)
{
    struct bh_str rest = bh_str_from(fields), name;
    enum bh_exit result = BH_EXIT_DONE;
    while (result == BH_EXIT_DONE && bh_str_split(&rest, ',', &name))
        result = choose_column(list, bh_str_trim(name));
    return result;
}

static unsigned
reads_of(const struct list *list)
{
    unsigned read = list->all ? BH_READ_STATUS : 0;
    for (size_t i = 0; i < list->chosen_count && !list->all; i++)
        read |= columns[list->chosen[i]].read;
    return read;
}

/* ---- for people ---- */

static enum bh_style
style_of(uint32_t states)
{
    if ((states & (BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID | BH_FILTER_PARTIAL |
                   BH_FILTER_EXPIRED)) != 0)
        return BH_STYLE_BAD;
    if ((states & (BH_FILTER_RETRYING | BH_FILTER_HELD | BH_FILTER_UNCERTAIN)) != 0)
        return BH_STYLE_WARN;
    return (states & BH_FILTER_SENT) != 0 ? BH_STYLE_GOOD : BH_STYLE_PLAIN;
}

/* At most `most` characters of it, safe for a terminal; valid until the next call. */
static const char *
shown(struct list *list, struct bh_str text, size_t most)
{
    struct bh_buf *buf = &list->scratch;
    size_t characters = 0;
    bh_buf_clear(buf);
    if (text.len == 0 || bh_display_append(buf, text) != BH_OK)
        return text.len == 0 ? "-" : "?";
    for (size_t i = 0; i < buf->len; i++) {
        if (((unsigned char)buf->ptr[i] & 0xC0) == 0x80 || ++characters <= most)
            continue;
        buf->len = i;
        buf->ptr[i] = '\0';
        (void)bh_buf_append_text(buf, "...");
        break;
    }
    return bh_buf_text(buf);
}

static void
add_next(struct bh_table *table, const struct bh_found_job *job)
{
    if (job->place == BH_PLACE_LEASES)
        bh_table_add(table, BH_STYLE_PLAIN, "in hand");
    else if (job->place == BH_PLACE_DEAD || job->place == BH_PLACE_GONE)
        bh_table_add(table, BH_STYLE_DIM, "-");
    else if ((job->states & BH_FILTER_HELD) != 0 &&
             bh_str_equal_text(job->reason, bh_reason_name(BH_REASON_OPERATOR)))
        bh_table_add(table, BH_STYLE_PLAIN, "when released");
    else if (job->next.ms <= job->server_now.ms)
        bh_table_add(table, BH_STYLE_PLAIN, "now");
    else
        bh_table_add(table, BH_STYLE_PLAIN, "in %s",
                     bh_display_span(job->next.ms - job->server_now.ms).text);
}

static void
add_time(struct bh_table *table, struct bh_wall at)
{
    if (at.ms > 0)
        bh_table_add(table, BH_STYLE_PLAIN, "%s", bh_display_time(at).text);
    else
        bh_table_add(table, BH_STYLE_DIM, "-");
}

static void
add_text(struct list *list, struct bh_str text, size_t most)
{
    bh_table_add(&list->table, text.len > 0 ? BH_STYLE_PLAIN : BH_STYLE_DIM, "%s",
                 shown(list, text, most));
}

static void
add_cell(struct list *list, enum column column, const struct bh_found_job *job)
{
    struct bh_table *table = &list->table;
    switch (column) {
    case COLUMN_ID:
        bh_table_add(table, BH_STYLE_BOLD, "%s", shown(list, job->id, BH_JOB_ID_MAX));
        return;
    case COLUMN_QUEUE: add_text(list, bh_str_from(job->queue_name), BH_QUEUE_NAME_MAX); return;
    case COLUMN_STATE:
        bh_table_add(table, style_of(job->states), "%s", bh_filter_state_name(job->states));
        return;
    case COLUMN_REASON: add_text(list, job->reason, TO_SHOWN); return;
    case COLUMN_AGE:
        if (job->created.ms > 0)
            bh_table_add(table, BH_STYLE_PLAIN, "%s",
                         bh_display_span(bh_ms_max(0, job->server_now.ms - job->created.ms)).text);
        else
            bh_table_add(table, BH_STYLE_DIM, "-");
        return;
    case COLUMN_ATTEMPTS: bh_table_add_count(table, BH_STYLE_PLAIN, job->attempts); return;
    case COLUMN_NEXT: add_next(table, job); return;
    case COLUMN_TO: add_text(list, job->to, TO_SHOWN); return;
    case COLUMN_FROM: add_text(list, job->from, TO_SHOWN); return;
    case COLUMN_TYPE: add_text(list, job->type, TO_SHOWN); return;
    case COLUMN_LABEL: add_text(list, job->label, BH_JOB_LABEL_MAX); return;
    case COLUMN_CODE: add_text(list, job->code, TO_SHOWN); return;
    case COLUMN_CREATED: add_time(table, job->created); return;
    case COLUMN_DIED:
        add_time(table, job->place == BH_PLACE_DEAD ? job->score : (struct bh_wall){0});
        return;
    case COLUMN_BYTES:
        bh_table_add_count(table, BH_STYLE_PLAIN, (int64_t)job->payload_bytes);
        return;
    case COLUMN_HANDLE: add_text(list, job->handle, TO_SHOWN); return;
    case COLUMN_PLACE: bh_table_add(table, BH_STYLE_PLAIN, "%s", bh_place_name(job->place)); return;
    case COLUMN_UNCERTAIN:
        bh_table_add(table, job->uncertain ? BH_STYLE_WARN : BH_STYLE_DIM,
                     job->uncertain ? "yes" : "-");
        return;
    case COLUMN_ERROR: add_text(list, job->error, ERROR_SHOWN); return;
    }
}

static void
begin_table(struct list *list)
{
    unsigned right = 0;
    for (size_t i = 0; i < list->chosen_count; i++)
        right |= columns[list->chosen[i]].right ? 1U << i : 0;
    bh_table_init(&list->table, list->chosen_count, right);
    for (size_t i = 0; i < list->chosen_count; i++)
        bh_table_add(&list->table, BH_STYLE_DIM, "%s", columns[list->chosen[i]].title);
}

/* ---- for machines ---- */

static void
put_time(struct bh_json_writer *writer, const char *name, struct bh_wall at)
{
    if (at.ms > 0)
        bh_json_put_int(writer, name, at.ms);
}

static void
put_string(struct bh_json_writer *writer, const char *name, struct bh_str text)
{
    if (text.len > 0)
        bh_json_put_string(writer, name, text);
}

static void
put_number(struct bh_json_writer *writer, const char *name, struct bh_str text)
{
    int64_t number;
    if (bh_str_to_int64(text, &number))
        bh_json_put_int(writer, name, number);
    else
        put_string(writer, name, text);
}

static void
put_member(struct bh_json_writer *writer, enum column column, const struct bh_found_job *job)
{
    switch (column) {
    case COLUMN_ID: put_string(writer, "id", job->id); return;
    case COLUMN_QUEUE: bh_json_put_text(writer, "queue", job->queue_name); return;
    case COLUMN_STATE: bh_json_put_text(writer, "state", bh_filter_state_name(job->states)); return;
    case COLUMN_REASON: put_string(writer, "reason", job->reason); return;
    case COLUMN_AGE:
        if (job->created.ms > 0)
            bh_json_put_int(writer, "age_ms", bh_ms_max(0, job->server_now.ms - job->created.ms));
        return;
    case COLUMN_ATTEMPTS: bh_json_put_int(writer, "attempts", job->attempts); return;
    case COLUMN_NEXT: put_time(writer, "next_at", job->next); return;
    case COLUMN_TO: put_string(writer, "to", job->to); return;
    case COLUMN_FROM: put_string(writer, "from", job->from); return;
    case COLUMN_TYPE: put_string(writer, "type", job->type); return;
    case COLUMN_LABEL: put_string(writer, "label", job->label); return;
    case COLUMN_CODE: put_number(writer, "code", job->code); return;
    case COLUMN_CREATED: put_time(writer, "created_at", job->created); return;
    case COLUMN_DIED:
        if (job->place == BH_PLACE_DEAD)
            put_time(writer, "died_at", job->score);
        return;
    case COLUMN_BYTES:
        if (job->payload_bytes > 0)
            bh_json_put_int(writer, "bytes", (int64_t)job->payload_bytes);
        return;
    case COLUMN_HANDLE: put_string(writer, "handle", job->handle); return;
    case COLUMN_PLACE: bh_json_put_text(writer, "place", bh_place_name(job->place)); return;
    case COLUMN_UNCERTAIN: bh_json_put_bool(writer, "uncertain", job->uncertain); return;
    case COLUMN_ERROR: put_string(writer, "error", job->error); return;
    }
}

static enum bh_exit
print_json(struct list *list, const struct bh_found_job *job)
{
    struct bh_json_writer writer;
    bh_buf_clear(&list->scratch);
    bh_json_writer_init(&writer, &list->scratch);
    bh_json_open_object(&writer, NULL);
    if (list->all) {
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            if (i != COLUMN_HANDLE) /* private, unless somebody asks for it */
                put_member(&writer, (enum column)i, job);
        }
        if (job->place == BH_PLACE_LEASES)
            put_time(&writer, "lease_until", job->score);
    } else {
        for (size_t i = 0; i < list->chosen_count; i++)
            put_member(&writer, list->chosen[i], job);
    }
    bh_json_close_object(&writer);
    if (bh_buf_status(&list->scratch) != BH_OK)
        return bh_cli_fail("short of memory");
    printf("%s\n", bh_buf_text(&list->scratch));
    return BH_EXIT_DONE;
}

/* ---- the command ---- */

static enum bh_exit
on_job(void *arg, const struct bh_found_job *job)
{
    struct list *list = arg;
    if (list->cli->json)
        return print_json(list, job);
    for (size_t i = 0; i < list->chosen_count; i++)
        add_cell(list, list->chosen[i], job);
    return BH_EXIT_DONE;
}

static enum bh_exit
run_list(struct list *list, struct bh_selection *selection)
{
    bh_buf_init(&list->scratch, LINE_BYTES_MAX);
    begin_table(list);
    enum bh_exit result = bh_selection_run(list->cli, selection, on_job, list);
    if (result == BH_EXIT_DONE && selection->found > 0 && !list->cli->json &&
        bh_table_print(&list->table, stdout, list->cli->colour) != BH_OK)
        result = bh_cli_fail("short of memory");
    if (result == BH_EXIT_DONE)
        bh_selection_tell_rest(selection);
    if (result == BH_EXIT_DONE && selection->found == 0) {
        if (selection->missing == 0)
            bh_cli_warn("there is no such job");
        result = BH_EXIT_NOTHING;
    }
    bh_table_release(&list->table);
    bh_buf_release(&list->scratch);
    return result;
}

enum bh_exit
bh_list_run(struct bh_cli *cli, const struct bh_list_options *options, struct bh_operands operands,
            uint32_t states, const char *fields)
{
    struct list list = {.cli = cli, .all = cli->json && options->fields == NULL};
    struct bh_selection selection;
    size_t limit = BH_SELECTION_LIMIT_LIST;
    enum bh_exit result = choose_columns(&list, options->fields != NULL ? options->fields : fields);
    if (result == BH_EXIT_DONE)
        result = bh_selection_limit(options->limit, limit, &limit);
    if (result != BH_EXIT_DONE)
        return result;
    result = bh_selection_prepare(cli, operands, options->queue, BH_SELECT_ALL, &selection);
    if (result == BH_EXIT_DONE) {
        selection.read = reads_of(&list);
        selection.limit = limit;
        selection.states = states;
        result = run_list(&list, &selection);
    }
    bh_selection_release(&selection);
    return result;
}

static const struct bh_option list_option_rows[] = {BH_LIST_OPTION_ROWS};

static enum bh_exit
list_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    return bh_list_run(cli, options, operands, 0, DEFAULT_FIELDS);
}

const struct bh_command_row bh_command_list = {
    .name = "list",
    .summary = "list the jobs that a filter chooses",
    .usage = "[--queue NAME] [--limit COUNT] [--fields NAMES] [FILTER...|ID...|-]",
    .text =
        "Lists jobs that wait, are being sent, or lie in the dead set; all of them without a "
        "filter.\n"
        "Terms of a filter, all of which have to hold:\n\n"
        "  state=retrying,held   ready scheduled retrying held sending uncertain, or among the "
        "dead:\n"
        "                        dead failed unknown invalid\n"
        "  reason=credit         reload_lock daily_limit credit auth gateway_down paused operator\n"
        "                        uncertain none\n"
        "  age>10m next<1h       ms s m h d; age since it was created, next until its next try\n"
        "  attempts>3 code=600   numbers: = != > >= < <=\n"
        "  to~4917* label!=news  queue id type to from label: =, != and ~ with * for anything\n\n"
        "A job that was sent, or ended as partial, expired, cancelled or duplicate, has left the\n"
        "queues and is found by its id only.  `-` reads ids from standard input, one per line.\n"
        "--fields takes id, queue, state, reason, age, attempts, next, to, from, type, label, "
        "code,\n"
        "created, died, bytes, handle, place, uncertain and error.\n\n"
        "examples:\n"
        "  bellhop list state=retrying code=600\n"
        "  bellhop list 'age>10m' 'to~4917*' queue=sms --limit 50\n"
        "  bellhop list state=held reason=credit --json | jq -r .id\n"
        "  bellhop list order-4711 order-4712 --fields id,state,error",
    .options = list_option_rows,
    .options_count = BH_ARRAY_LEN(list_option_rows),
    .options_size = sizeof(struct bh_list_options),
    .run = list_run,
};
