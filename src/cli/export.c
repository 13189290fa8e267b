/* export: jobs as JSON lines, with their payload as it was pushed and their whole status. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/record.h"
#include "cli/selection.h"
#include "core/codec.h"
#include "core/json.h"
#include "core/utf8.h"

#define LINE_BYTES ((size_t)512 * 1024 * 1024) /* the longest payload, escaped */

struct export_options {
    const char *queue;
    const char *limit;
};

static const struct bh_option export_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME",  "this queue only",                      offsetof(struct export_options, queue)},
    {"limit", BH_OPTION_TEXT, "COUNT", "at most so many jobs (else no limit)",
     offsetof(struct export_options,                                                                           limit)},
};

struct export
{
    struct bh_buf line;
    struct bh_buf part;
};

static void
put_string(struct bh_json_writer *writer, const char *name, struct bh_str text)
{
    if (text.len > 0)
        bh_json_put_string(writer, name, text);
}

static void
put_time(struct bh_json_writer *writer, const char *name, struct bh_wall at)
{
    if (at.ms > 0)
        bh_json_put_int(writer, name, at.ms);
}

/* A JSON string gives the bytes back as they are, unless they are not UTF-8. */
static enum bh_status
put_payload(struct export *export, struct bh_json_writer *writer, const struct bh_found_job *job)
{
    bh_json_put_int(writer, "bytes", (int64_t)job->payload_bytes);
    if (!job->has_payload)
        return BH_OK;
    if (bh_utf8_is_valid(job->payload)) {
        bh_json_put_string(writer, "payload", job->payload);
        return BH_OK;
    }
    bh_buf_clear(&export->part);
    enum bh_status status = bh_base64_append(&export->part, job->payload.ptr, job->payload.len);
    bh_json_put_string(writer, "payload_base64", bh_buf_str(&export->part));
    return status;
}

static enum bh_status
put_status(struct export *export, struct bh_json_writer *writer, const struct bh_found_job *job)
{
    if (job->whole == NULL)
        return BH_OK;
    char id[BH_JOB_ID_MAX + 1];
    snprintf(id, sizeof(id), "%.*s", BH_STR_ARGS(job->id));
    const struct bh_record record = {job->queue_name, id, job->whole};
    bh_buf_clear(&export->part);
    enum bh_status status = bh_record_append_json(&record, &export->part);
    bh_json_put_raw(writer, "status", bh_buf_str(&export->part));
    return status;
}

static enum bh_exit
on_job(void *arg, const struct bh_found_job *job)
{
    struct export *export = arg;
    struct bh_json_writer writer;
    bh_buf_clear(&export->line);
    bh_json_writer_init(&writer, &export->line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", job->queue_name);
    put_string(&writer, "id", job->id);
    bh_json_put_text(&writer, "state", bh_filter_state_name(job->states));
    put_string(&writer, "reason", job->reason);
    bh_json_put_int(&writer, "attempts", job->attempts);
    put_time(&writer, "created_at", job->created);
    put_time(&writer, "next_at", job->next);
    if (job->has_head)
        put_time(&writer, "expires_at", job->head.expires);
    if (job->place == BH_PLACE_DEAD)
        put_time(&writer, "died_at", job->score);
    bh_json_put_bool(&writer, "uncertain", job->uncertain);
    enum bh_status status = put_status(export, &writer, job);
    if (status == BH_OK && job->place != BH_PLACE_GONE)
        status = put_payload(export, &writer, job);
    bh_json_close_object(&writer);
    if (status == BH_OK)
        status = bh_buf_status(&export->line);
    if (status != BH_OK)
        return bh_cli_fail("cannot write a job: %s",
                           status == BH_ENOMEM ? "short of memory" : "it is too long");
    fwrite(export->line.ptr, 1, export->line.len, stdout);
    putchar('\n');
    /* Nobody reads on, or the disk is full: told where the output is finished. */
    return ferror(stdout) != 0 ? BH_EXIT_FAILED : BH_EXIT_DONE;
}

static enum bh_exit
export_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct export_options *wanted = options;
    struct export export;
    struct bh_selection selection;
    size_t limit = BH_SELECTION_NO_LIMIT;
    enum bh_exit result = bh_selection_limit(wanted->limit, limit, &limit);
    if (result != BH_EXIT_DONE)
        return result;
    bh_buf_init(&export.line, LINE_BYTES);
    bh_buf_init(&export.part, LINE_BYTES);
    result = bh_selection_prepare(cli, operands, wanted->queue, BH_SELECT_ALL, &selection);
    if (result == BH_EXIT_DONE) {
        selection.read = BH_READ_STATUS | BH_READ_PAYLOAD | BH_READ_WHOLE;
        selection.limit = limit;
        selection.looked_max = SIZE_MAX;
        result = bh_selection_run(cli, &selection, on_job, &export);
    }
    if (ferror(stdout) != 0)
        result = BH_EXIT_DONE;
    if (result == BH_EXIT_DONE)
        bh_selection_tell_rest(&selection);
    if (result == BH_EXIT_DONE && selection.found == 0)
        result = BH_EXIT_NOTHING;
    bh_selection_release(&selection);
    bh_buf_release(&export.line);
    bh_buf_release(&export.part);
    return result;
}

const struct bh_command_row bh_command_export = {
    .name = "export",
    .summary = "write jobs as JSON lines, payloads and all",
    .usage = "[--queue NAME] [--limit COUNT] [FILTER...|ID...|-]",
    .text =
        "One line per job: queue, id, state, times, `status` (the whole status hash) and "
        "`payload`, "
        "the bytes\n"
        "that the producer pushed, as a JSON string; `payload_base64` instead where they are not "
        "UTF-8.\n"
        "Recipients and texts are not masked: guard the file.  Filters are those of bellhop list.  "
        "It is\n"
        "no snapshot: jobs move while they are written.\n\n"
        "examples:\n"
        "  bellhop export > jobs.jsonl\n"
        "  bellhop export state=dead queue=sms | jq -r .payload > again.jsonl\n"
        "  bellhop export state=held reason=credit | jq -r '[.id, .status.to] | @tsv'",
    .options = export_option_rows,
    .options_count = BH_ARRAY_LEN(export_option_rows),
    .options_size = sizeof(struct export_options),
    .run = export_run,
};
