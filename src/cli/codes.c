/* codes: what the gateway has answered, by queue and code. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/picture.h"
#include "cli/picture_text.h"
#include "cli/table.h"
#include "core/alloc.h"
#include "core/gateway_code.h"
#include "core/json.h"

#define LINE_MAX  ((size_t)64 * 1024)
#define CODES_MAX 1024 /* of one queue: 0 to 999, and others */

struct codes_options {
    const char *queue;
};

static const struct bh_option codes_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME", "this queue only", offsetof(struct codes_options, queue)},
};

struct code_row {
    char code[16];
    int64_t m1, m15, m60; /* -1: not known */
    int64_t ever;
    const char *meaning;
};

struct code_rows {
    struct code_row *rows; /* owned */
    size_t count;
};

static const char *
meaning_of(struct bh_str code)
{
    int64_t number;
    if (!bh_str_to_int64(code, &number) || number < 0 || number > 999)
        return "a code that this version does not know";
    if (number == 0)
        return "no code: the HTTP status decided";
    return bh_gateway_code_find((int)number)->meaning;
}

/* The most frequent of all times first. */
static void
insert(struct code_rows *rows, const struct code_row *row)
{
    size_t at = rows->count++;
    for (; at > 0 && rows->rows[at - 1].ever < row->ever; at--)
        rows->rows[at] = rows->rows[at - 1];
    rows->rows[at] = *row;
}

static void
collect(struct code_rows *rows, const struct bh_picture_queue *queue)
{
    const struct bh_str prefix = BH_STR_LITERAL("code:");
    for (size_t i = 0; i < queue->view.counters_count && rows->count < CODES_MAX; i++) {
        struct code_row row = {.m1 = -1};
        struct bh_str name;
        char text[sizeof("code:") + sizeof(row.code)];
        bh_ms over_ms;
        if (!bh_queue_view_counter(&queue->view, i, &name, &row.ever) ||
            !bh_str_starts_with(name, prefix) || name.len - prefix.len >= sizeof(row.code))
            continue;
        const struct bh_str code = {name.ptr + prefix.len, name.len - prefix.len};
        (void)snprintf(text, sizeof(text), "%.*s", BH_STR_ARGS(name));
        (void)snprintf(row.code, sizeof(row.code), "%.*s", BH_STR_ARGS(code));
        row.m1 = bh_picture_grown(queue, text, BH_MINUTE_MS, &over_ms);
        row.m15 = bh_picture_grown(queue, text, 15 * BH_MINUTE_MS, &over_ms);
        row.m60 = bh_picture_grown(queue, text, BH_HOUR_MS, &over_ms);
        row.meaning = meaning_of(code);
        insert(rows, &row);
    }
}

/* ---- For people ---- */

static void
add_grown(struct bh_table *table, int64_t grown)
{
    if (grown < 0)
        bh_table_add(table, BH_STYLE_DIM, "?");
    else
        bh_table_add_count(table, BH_STYLE_PLAIN, grown);
}

static enum bh_status
add_row(struct bh_table *table, const char *queue, const struct code_row *row)
{
    struct bh_buf code;
    bh_buf_init(&code, LINE_MAX);
    enum bh_status status = bh_display_append(&code, bh_str_from(row->code));
    bh_table_add(table, BH_STYLE_BOLD, "%s", queue);
    bh_table_add(table, BH_STYLE_PLAIN, "%s", bh_buf_text(&code));
    add_grown(table, row->m1);
    add_grown(table, row->m15);
    add_grown(table, row->m60);
    bh_table_add_count(table, BH_STYLE_PLAIN, row->ever);
    bh_table_add(table, BH_STYLE_PLAIN, "%s", row->meaning);
    bh_buf_release(&code);
    return status;
}

/* ---- For machines ---- */

static void
put_grown(struct bh_json_writer *writer, const char *name, int64_t grown)
{
    if (grown < 0)
        bh_json_put_null(writer, name);
    else
        bh_json_put_int(writer, name, grown);
}

static enum bh_status
print_json_line(const char *queue, const struct code_row *row)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", queue);
    bh_json_put_text(&writer, "code", row->code);
    put_grown(&writer, "m1", row->m1);
    put_grown(&writer, "m15", row->m15);
    put_grown(&writer, "m60", row->m60);
    bh_json_put_int(&writer, "ever", row->ever);
    bh_json_put_text(&writer, "meaning", row->meaning);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

/* ---- The command ---- */

static enum bh_status
show_queue(const struct bh_cli *cli, const struct bh_picture_queue *queue, struct bh_table *table,
           size_t *shown)
{
    struct code_rows rows = {.count = 0};
    enum bh_status status = BH_OK;
    rows.rows = bh_alloc_array(CODES_MAX, sizeof(rows.rows[0]));
    if (rows.rows == NULL)
        return BH_ENOMEM;
    collect(&rows, queue);
    for (size_t i = 0; i < rows.count && status == BH_OK; i++)
        status = cli->json ? print_json_line(queue->name, &rows.rows[i])
                           : add_row(table, queue->name, &rows.rows[i]);
    *shown += rows.count;
    bh_free(rows.rows);
    return status;
}

static enum bh_exit
show(struct bh_cli *cli, const struct bh_picture *picture)
{
    static const char *const titles[] = {"QUEUE",  "CODE", "1 MIN",  "15 MIN",
                                         "60 MIN", "EVER", "MEANING"};
    struct bh_table table;
    size_t shown = 0;
    enum bh_status status = BH_OK;
    bh_table_init(&table, BH_ARRAY_LEN(titles), 0x3E);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(&table, BH_STYLE_DIM, "%s", titles[i]);
    for (size_t i = 0; i < picture->queues_count && status == BH_OK; i++)
        status = show_queue(cli, &picture->queues[i], &table, &shown);
    if (status == BH_OK && !cli->json && shown > 0)
        status = bh_table_print(&table, stdout, cli->colour);
    bh_table_release(&table);
    if (status != BH_OK)
        return bh_cli_fail("short of memory");
    if (shown == 0)
        bh_cli_warn("the gateway has not answered yet");
    return shown > 0 ? BH_EXIT_DONE : BH_EXIT_NOTHING;
}

static enum bh_exit
codes_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct codes_options *wanted = options;
    struct bh_queue_choice queues;
    struct bh_picture picture;
    if (operands.count > 0)
        return bh_cli_misuse("codes takes no operands; --queue NAME narrows it");
    enum bh_exit result = bh_configuration_queues(cli, wanted->queue, &queues);
    if (result != BH_EXIT_DONE)
        return result;
    bh_picture_take(cli, &queues, 0, &picture);
    result = picture.redis_up ? show(cli, &picture)
                              : bh_cli_fail("Redis cannot be asked: %s", picture.trouble.text);
    bh_picture_release(&picture);
    return result;
}

const struct bh_command_row bh_command_codes = {
    .name = "codes",
    .summary = "show what the gateway answered, by queue and code",
    .usage = "[--queue NAME]",
    .text = "How often each code of the gateway came within the last minute, 15 and 60 minutes, "
            "and since the queue\n"
            "began, and what it means.  \"?\" is shown while there are no figures that reach "
            "back.\n\n"
            "examples:\n"
            "  bellhop codes\n"
            "  bellhop codes --json | jq 'select(.code != \"100\" and .m15 > 0)'",
    .options = codes_option_rows,
    .options_count = BH_ARRAY_LEN(codes_option_rows),
    .options_size = sizeof(struct codes_options),
    .run = codes_run,
};
