#include "cli/draft.h"

#include <string.h>

#include "cli/file.h"
#include "core/codec.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/str.h"

/* Text of any sensible length: the library knows the real bounds and says so better. */
#define TEXT_BYTES_MAX ((size_t)64 * 1024)

static const char *
or_else(const char *given, const char *other)
{
    return given != NULL ? given : other;
}

static enum bh_status
join_recipients(const struct bh_option_list *list, struct bh_buf *to)
{
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            (void)bh_buf_append_char(to, ',');
        (void)bh_buf_append_text(to, list->values[i]);
    }
    return bh_buf_status(to);
}

/* The text without the line end that editors and echo leave behind. */
static enum bh_status
read_text(const char *path, struct bh_buf *text, struct bh_error *error)
{
    enum bh_status status = bh_file_read(path, text, error);
    if (status != BH_OK)
        return status;
    if (text->len > 0 && memchr(text->ptr, '\0', text->len) != NULL)
        return bh_error_set(error, "text", "%s holds a NUL byte and is no text",
                            bh_quote(bh_str_from(path)).text);
    if (text->len > 0 && text->ptr[text->len - 1] == '\n')
        text->ptr[--text->len] = '\0';
    return BH_OK;
}

static struct bh_str
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return bh_str_from(slash != NULL ? slash + 1 : path);
}

static enum bh_status
put_file(struct bh_json_writer *writer, const char *path, const struct bh_draft_options *options,
         struct bh_error *error)
{
    struct bh_buf bytes, contents;
    bh_buf_init(&bytes, BH_JOB_BYTES_MAX_WITH_FILES);
    bh_buf_init(&contents, BH_JOB_BYTES_MAX_WITH_FILES * 2);
    enum bh_status status = bh_file_read(path, &bytes, error);
    if (status == BH_OK)
        status = bh_base64_append(&contents, bytes.ptr, bytes.len);
    if (status == BH_OK) {
        bh_json_open_object(writer, NULL);
        bh_json_put_string(writer, "name", base_name(path));
        bh_json_put_string(writer, "contents", bh_buf_str(&contents));
        if (options->file_validity != NULL)
            bh_json_put_text(writer, "validity", options->file_validity);
        if (options->file_password != NULL)
            bh_json_put_text(writer, "password", options->file_password);
        bh_json_close_object(writer);
    }
    bh_buf_release(&contents);
    bh_buf_release(&bytes);
    return status;
}

static enum bh_status
write_files(const struct bh_draft_options *options, struct bh_buf *files, struct bh_error *error)
{
    struct bh_json_writer writer;
    enum bh_status status = BH_OK;
    bh_json_writer_init(&writer, files);
    bh_json_open_array(&writer, NULL);
    for (size_t i = 0; i < options->files.count && status == BH_OK; i++)
        status = put_file(&writer, options->files.values[i], options, error);
    bh_json_close_array(&writer);
    if (status != BH_OK)
        return status;
    if (bh_buf_status(files) == BH_ETOOBIG)
        return bh_error_set(error, "files", "the files are too long for one job");
    return bh_buf_status(files);
}

static enum bh_status
gather(const struct bh_draft_options *options, struct bh_draft *draft, struct bh_error *error)
{
    enum bh_status status = join_recipients(&options->to, &draft->to);
    if (status == BH_ETOOBIG)
        return bh_error_set(error, "to", "the recipients are too long for one job");
    if (status == BH_OK && options->text_file != NULL)
        status = read_text(options->text_file, &draft->text, error);
    if (status == BH_OK && options->files.count > 0)
        status = write_files(options, &draft->files, error);
    return status;
}

static void
fill_fields(const struct bh_draft_options *options, const char *id, const char *enqueued_at,
            struct bh_draft *draft)
{
    draft->fields = (struct bh_job_draft){
        .id = or_else(options->id, id),
        .type = options->type,
        .to = options->to.count > 0 ? bh_buf_text(&draft->to) : NULL,
        .text = options->text_file != NULL ? bh_buf_text(&draft->text) : options->text,
        .from = options->from,
        .delay = options->delay,
        .ttl = options->ttl,
        .udh = options->udh,
        .label = options->label,
        .foreign_id = options->foreign_id,
        .files = options->files.count > 0 ? bh_buf_text(&draft->files) : NULL,
        .enqueued_at = or_else(options->enqueued_at, enqueued_at),
        .on_uncertain = options->on_uncertain,
        .retry = options->retry,
        .callback_url = options->callback_url,
        .meta = options->meta,
        .no_reload = options->no_reload,
        .unicode = options->unicode,
        .flash = options->flash,
        .utf8 = options->utf8,
        .performance_tracking = options->performance_tracking,
        .xml = options->xml,
        .debug = options->debug,
    };
}

enum bh_status
bh_draft_make(const struct bh_draft_options *options, const char *id, const char *enqueued_at,
              struct bh_draft *ret_draft, struct bh_error *ret_error)
{
    if (options->text != NULL && options->text_file != NULL)
        return bh_error_set(ret_error, "text", "give --text or --text-file, not both");
    bh_buf_init(&ret_draft->to, BH_JOB_BYTES_MAX);
    bh_buf_init(&ret_draft->text, TEXT_BYTES_MAX);
    bh_buf_init(&ret_draft->files, BH_JOB_BYTES_MAX_WITH_FILES);
    enum bh_status status = gather(options, ret_draft, ret_error);
    if (status != BH_OK) {
        bh_draft_release(ret_draft);
        return status;
    }
    fill_fields(options, id, enqueued_at, ret_draft);
    return BH_OK;
}

void
bh_draft_release(struct bh_draft *draft)
{
    bh_buf_release(&draft->to);
    bh_buf_release(&draft->text);
    bh_buf_release(&draft->files);
}
