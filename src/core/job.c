#include <bellhop/job.h>
#include <bellhop/sms.h>

#include <string.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "core/job_reader.h"
#include "core/job_word.h"
#include "core/phone.h"
#include "core/xml_check.h"

/* What a struct bh_job given out really is. */
struct owned_job {
    struct bh_job job; /* first, so that bh_job_free finds the rest */
    struct bh_arena arena;
};

/* Room beside the copies of the job's own bytes, so that most jobs need one chunk. */
#define ARENA_EXTRA 512

/* Larger jobs, with files, get further chunks. */
#define ARENA_CHUNK_MAX ((size_t)64 * 1024)

static struct bh_job_rules
fill_in(const struct bh_job_rules *rules)
{
    struct bh_job_rules filled =
        rules != NULL ? *rules : (struct bh_job_rules){BH_JOB_SMS, 0, 0, NULL};
    if (filled.bytes_max == 0)
        filled.bytes_max = BH_JOB_BYTES_MAX;
    if (filled.bytes_max_with_files == 0)
        filled.bytes_max_with_files = BH_JOB_BYTES_MAX_WITH_FILES;
    if (filled.bytes_max_with_files < filled.bytes_max)
        filled.bytes_max_with_files = filled.bytes_max;
    if (filled.country == NULL)
        filled.country = BH_COUNTRY_DEFAULT;
    return filled;
}

static enum bh_status
check_size(const struct bh_job_reader *reader, size_t len)
{
    size_t max = reader->rules->bytes_max;
    if (len <= max || bh_json_get(bh_json_root(reader->json), "files") != NULL)
        return BH_OK;
    return bh_error_set(reader->error, NULL,
                        "the job has %zu bytes; without files at most %zu are allowed", len, max);
}

static enum bh_status
read_member(struct bh_job_reader *reader, const struct bh_json_value *member)
{
    const struct bh_job_field *field = NULL;
    enum bh_status status = bh_job_field_find(reader, bh_json_name(member), &field);
    return status == BH_OK ? field->read(reader, field, member) : status;
}

/* The type comes first, wherever it stands: what the other fields may be depends on it. */
static enum bh_status
read_members(struct bh_job_reader *reader)
{
    const struct bh_json_value *root = bh_json_root(reader->json);
    const struct bh_json_value *type = bh_json_get(root, "type");
    enum bh_status status = type != NULL ? read_member(reader, type) : BH_OK;
    const struct bh_json_value *member = bh_json_first(root);
    for (; status == BH_OK && member != NULL; member = bh_json_next(member))
        status = read_member(reader, member);
    return status;
}

static enum bh_status
check_header_fits(const struct bh_job_reader *reader)
{
    const struct bh_job *job = reader->job;
    if (job->udh == NULL)
        return BH_OK;
    struct bh_sms_options options = {
        .unicode = job->unicode, .udh = job->udh, .udh_len = strlen(job->udh)};
    struct bh_sms_size size;
    struct bh_error problem = {.text = ""};
    if (bh_sms_measure(job->text, strlen(job->text), &options, &size, &problem))
        return BH_OK;
    return bh_error_set(reader->error, "udh", "field `udh`: %s", problem.text);
}

/* Rules about more than one field. */
static enum bh_status
check_whole(const struct bh_job_reader *reader)
{
    const struct bh_job *job = reader->job;
    if (job->recipients == NULL)
        return bh_error_set(reader->error, "to", "field `to` is missing");
    if (job->text == NULL)
        return bh_error_set(reader->error, "text", "field `text` is missing");
    if (job->xml)
        return bh_xml_check(bh_str_from(job->text), reader->error);
    enum bh_status status = bh_job_check_placeholders(reader);
    return status == BH_OK ? check_header_fits(reader) : status;
}

static enum bh_status
read_job(struct bh_job_reader *reader, size_t len)
{
    enum bh_json_type type = bh_json_type(bh_json_root(reader->json));
    if (type != BH_JSON_OBJECT)
        return bh_error_set(reader->error, NULL, "a job must be a JSON object, not %s",
                            bh_json_type_name(type));
    enum bh_status status = check_size(reader, len);
    if (status == BH_OK)
        status = read_members(reader);
    return status == BH_OK ? check_whole(reader) : status;
}

static struct owned_job *
new_job(enum bh_job_type type, size_t json_len)
{
    struct owned_job *owned = bh_alloc_zero(sizeof(*owned));
    if (owned == NULL)
        return NULL;
    size_t room = json_len + ARENA_EXTRA;
    bh_arena_init(&owned->arena, room < ARENA_CHUNK_MAX ? room : ARENA_CHUNK_MAX);
    owned->job.type = type;
    return owned;
}

static enum bh_status
parse_job(struct bh_str text, const struct bh_job_rules *rules, struct bh_job **ret_job,
          struct bh_error *error)
{
    if (!bh_country_is_valid(bh_str_from(rules->country)))
        return bh_error_set(error, NULL, "the country \"%s\" is not a calling code",
                            bh_quote(bh_str_from(rules->country)).text);
    struct bh_json *json;
    enum bh_status status =
        bh_json_parse(text, rules->bytes_max_with_files, BH_JSON_STRICT, &json, error);
    if (status != BH_OK)
        return status;

    struct owned_job *owned = new_job(rules->default_type, text.len);
    status = owned != NULL ? BH_OK : BH_ENOMEM;
    if (owned != NULL) {
        struct bh_job_reader reader = {json, rules, &owned->arena, &owned->job, error};
        status = read_job(&reader, text.len);
    }
    bh_json_free(json);
    if (status != BH_OK) {
        bh_job_free(owned != NULL ? &owned->job : NULL);
        return status;
    }
    *ret_job = &owned->job;
    return BH_OK;
}

enum bh_job_verdict
bh_job_parse(const char *json, size_t len, const struct bh_job_rules *rules,
             struct bh_job **ret_job, struct bh_error *ret_error)
{
    struct bh_job_rules filled = fill_in(rules);
    enum bh_status status = parse_job((struct bh_str){json, len}, &filled, ret_job, ret_error);
    if (status == BH_OK)
        return BH_JOB_VALID;
    return status == BH_ENOMEM ? BH_JOB_NO_MEMORY : BH_JOB_BAD;
}

void
bh_job_free(struct bh_job *job)
{
    if (job == NULL)
        return;
    struct owned_job *owned = (struct owned_job *)job;
    bh_arena_release(&owned->arena);
    bh_free(owned);
}

/* Of a repeated id neither is better than the other. */
static bool
find_id(const struct bh_json *json, struct bh_str *ret_id)
{
    const struct bh_json_value *root = bh_json_root(json), *found = NULL, *member;
    if (bh_json_type(root) != BH_JSON_OBJECT)
        return false;
    for (member = bh_json_first(root); member != NULL; member = bh_json_next(member)) {
        if (!bh_str_equal_text(bh_json_name(member), "id"))
            continue;
        if (found != NULL)
            return false;
        found = member;
    }
    return bh_json_string(found, ret_id) && bh_job_is_word(*ret_id, BH_JOB_ID_MAX);
}

bool
bh_job_peek_id(const char *json, size_t len, char *ret_id)
{
    struct bh_json *parsed;
    struct bh_str text = {json, len}, id;
    if (bh_json_parse(text, BH_JOB_BYTES_MAX_WITH_FILES, BH_JSON_LENIENT, &parsed, NULL) != BH_OK)
        return false;
    bool found = find_id(parsed, &id);
    if (found)
        memcpy(ret_id, id.ptr, id.len + 1);
    bh_json_free(parsed);
    return found;
}

const char *
bh_job_type_name(enum bh_job_type type)
{
    return type == BH_JOB_VOICE ? "voice" : "sms";
}
