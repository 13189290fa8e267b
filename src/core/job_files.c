#include <stdio.h>

#include "core/codec.h"
#include "core/fault.h"
#include "core/job_reader.h"
#include "core/placeholder.h"
#include "core/utf8.h"

#define FILES_MAX         10
#define PASSWORD_MAX      100
#define VALIDITY_DAYS_MAX 3650

/* One file while it is read; `name` of a member is told as "files[2].contents". */
struct file_reader {
    struct bh_job_reader *reader; /* borrowed */
    size_t index;
    struct bh_file file;
};

struct path {
    char text[BH_ERROR_FIELD_MAX];
};

static struct path
path_of_file(size_t index)
{
    struct path path;
    snprintf(path.text, sizeof(path.text), "files[%zu]", index);
    return path;
}

static struct path
path_of(const struct file_reader *reader, const char *member)
{
    struct path path;
    snprintf(path.text, sizeof(path.text), "files[%zu].%s", reader->index, member);
    return path;
}

static enum bh_status
read_name(struct file_reader *self, const struct bh_json_value *value)
{
    static const char rule[] = "a file name of 1 to 100 characters without [ and ]";
    struct bh_str text;
    struct bh_utf8_count count;
    if (!bh_json_string(value, &text) || !bh_placeholder_name_is_valid(text) ||
        !bh_utf8_count(text, &count) || count.code_points > BH_FILE_NAME_MAX)
        return bh_job_refuse(self->reader, path_of(self, "name").text, value, rule);
    return bh_job_keep(self->reader, text, &self->file.name);
}

static enum bh_status
read_contents(struct file_reader *self, const struct bh_json_value *value)
{
    static const char rule[] = "base64 without blanks and not empty";
    struct bh_str text;
    size_t bytes;
    if (!bh_json_string(value, &text) || !bh_base64_check(text, &bytes) || bytes == 0)
        return bh_job_refuse(self->reader, path_of(self, "contents").text, value, rule);
    return bh_job_keep(self->reader, text, &self->file.contents);
}

static enum bh_status
read_validity(struct file_reader *self, const struct bh_json_value *value)
{
    static const char rule[] = "a whole number of days from 1 to 3650";
    int64_t days;
    if (!bh_job_whole_number(self->reader, value, &days) || days < 1 || days > VALIDITY_DAYS_MAX)
        return bh_job_refuse(self->reader, path_of(self, "validity").text, value, rule);
    self->file.validity_days = (unsigned)days;
    return BH_OK;
}

/* A password is not told again in the sentence that refuses it. */
static enum bh_status
read_password(struct file_reader *self, const struct bh_json_value *value)
{
    struct bh_str text;
    struct bh_utf8_count count;
    if (!bh_json_string(value, &text) || text.len == 0 || !bh_utf8_count(text, &count) ||
        count.code_points > PASSWORD_MAX) {
        struct path path = path_of(self, "password");
        return bh_error_set(self->reader->error, path.text,
                            "field `%s` must be a string of 1 to %d characters", path.text,
                            PASSWORD_MAX);
    }
    return bh_job_keep(self->reader, text, &self->file.password);
}

static const struct {
    const char *name;
    enum bh_status (*read)(struct file_reader *self, const struct bh_json_value *value);
} members[] = {
    {"name",     read_name    },
    {"contents", read_contents},
    {"validity", read_validity},
    {"password", read_password},
};

static enum bh_status
read_member(struct file_reader *self, const struct bh_json_value *member)
{
    struct bh_str name = bh_json_name(member);
    for (size_t i = 0; i < BH_ARRAY_LEN(members); i++) {
        if (bh_str_equal_text(name, members[i].name))
            return members[i].read(self, member);
    }
    struct path path = path_of_file(self->index);
    return bh_error_set(
        self->reader->error, path.text,
        "field `%s` has an unknown member `%s`; a file has name, contents, validity "
        "and password",
        path.text, bh_quote(name).text);
}

static enum bh_status
read_file(struct bh_job_reader *reader, const struct bh_json_value *value, size_t index,
          struct bh_file *ret_file)
{
    struct file_reader self = {.reader = reader, .index = index};
    if (bh_json_type(value) != BH_JSON_OBJECT) {
        struct path path = path_of_file(index);
        return bh_job_refuse(reader, path.text, value, "an object");
    }
    const struct bh_json_value *member = bh_json_first(value);
    for (; member != NULL; member = bh_json_next(member)) {
        enum bh_status status = read_member(&self, member);
        if (status != BH_OK)
            return status;
    }
    const char *missing = self.file.name == NULL ? "name" : "contents";
    if (self.file.name == NULL || self.file.contents == NULL) {
        struct path path = path_of(&self, missing);
        return bh_error_set(reader->error, path.text, "field `%s` is missing", path.text);
    }
    *ret_file = self.file;
    return BH_OK;
}

static enum bh_status
check_new_name(const struct bh_job_reader *reader, const struct bh_file *files, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (bh_str_equal_text(bh_str_from(files[i].name), files[index].name))
            return bh_error_set(reader->error, "files", "field `files` has \"%s\" twice",
                                bh_quote(bh_str_from(files[i].name)).text);
    }
    return BH_OK;
}

enum bh_status
bh_job_read_files(struct bh_job_reader *reader, const struct bh_job_field *field,
                  const struct bh_json_value *value)
{
    size_t count = bh_json_count(value);
    if (bh_json_type(value) != BH_JSON_ARRAY)
        return bh_job_refuse(reader, field->name, value, field->rule);
    if (count == 0 || count > FILES_MAX)
        return bh_error_set(reader->error, field->name, "field `%s` has %zu files; it must be %s",
                            field->name, count, field->rule);

    struct bh_file *files = bh_arena_array(reader->arena, count, sizeof(*files));
    if (files == NULL)
        return BH_ENOMEM;
    const struct bh_json_value *item = bh_json_first(value);
    for (size_t i = 0; i < count; i++, item = bh_json_next(item)) {
        enum bh_status status = read_file(reader, item, i, &files[i]);
        if (status == BH_OK)
            status = check_new_name(reader, files, i);
        if (status != BH_OK)
            return status;
    }
    reader->job->files = files;
    reader->job->files_count = count;
    return BH_OK;
}

static bool
has_file(const struct bh_job *job, struct bh_str name)
{
    for (size_t i = 0; i < job->files_count; i++) {
        if (bh_str_equal_text(name, job->files[i].name))
            return true;
    }
    return false;
}

/* Without files, "[[...]]" is text like any other. */
enum bh_status
bh_job_check_placeholders(const struct bh_job_reader *reader)
{
    const struct bh_job *job = reader->job;
    struct bh_str text = bh_str_from(job->text), rest = text, name;
    if (job->files_count == 0)
        return BH_OK;
    for (size_t i = 0; i < job->files_count; i++) {
        name = bh_str_from(job->files[i].name);
        if (!bh_placeholder_stands_in(text, name))
            return bh_error_set(reader->error, "text",
                                "field `text` does not contain [[%s]], the place of that file",
                                bh_quote(name).text);
    }
    while (bh_placeholder_next(&rest, &name)) {
        if (!has_file(job, name))
            return bh_error_set(reader->error, "files",
                                "field `files` has no file for [[%s]] in `text`",
                                bh_quote(name).text);
    }
    return BH_OK;
}
