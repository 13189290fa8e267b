#include <stdio.h>

#include "core/alloc.h"
#include "core/fault.h"
#include "core/job_reader.h"
#include "core/phone.h"

/* One entry of `to` as the producer wrote it. */
static enum bh_status
read_one(struct bh_job_reader *reader, struct bh_str text, size_t index,
         struct bh_recipient *ret_recipient)
{
    text = bh_str_trim(text);
    if (text.len == 0)
        return bh_error_set(reader->error, "to", "field `to` has nothing as recipient %zu",
                            index + 1);

    struct bh_address address;
    struct bh_error problem = {.text = ""};
    struct bh_str country = bh_str_from(reader->rules->country);
    enum bh_status status = bh_recipient_parse(text, country, &address, &problem);
    if (status == BH_EINVAL)
        return bh_error_set(reader->error, "to", "field `to`: %s", problem.text);
    if (status != BH_OK)
        return status;

    struct bh_recipient recipient = {NULL, NULL};
    status = bh_job_keep(reader, text, &recipient.written);
    if (status == BH_OK && address.is_number)
        status = bh_job_keep(reader, bh_str_from(address.msisdn.digits), &recipient.msisdn);
    if (status != BH_OK)
        return status;
    *ret_recipient = recipient;
    return BH_OK;
}

/* Room for `count` recipients, after a look at how many a job may have. */
static enum bh_status
make_room(struct bh_job_reader *reader, size_t count, struct bh_recipient **ret_room)
{
    if (reader->job->type == BH_JOB_VOICE && count != 1)
        return bh_error_set(reader->error, "to",
                            "field `to` has %zu recipients; a voice job has exactly one", count);
    if (count > BH_JOB_RECIPIENTS_MAX)
        return bh_error_set(reader->error, "to",
                            "field `to` has %zu recipients; at most %d are allowed", count,
                            BH_JOB_RECIPIENTS_MAX);
    struct bh_recipient *room = bh_arena_array(reader->arena, count, sizeof(*room));
    if (room == NULL)
        return BH_ENOMEM;
    reader->job->recipients = room;
    reader->job->recipients_count = count;
    *ret_room = room;
    return BH_OK;
}

static enum bh_status
read_string(struct bh_job_reader *reader, struct bh_str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',' ? 1 : 0;

    struct bh_recipient *room = NULL;
    enum bh_status status = make_room(reader, count, &room);
    struct bh_str piece;
    for (size_t i = 0; status == BH_OK && bh_str_split(&text, ',', &piece); i++)
        status = read_one(reader, piece, i, &room[i]);
    return status;
}

/* The text of an array's item: a string, or the digits of a whole number. */
static bool
item_text(const struct bh_job_reader *reader, const struct bh_json_value *item,
          struct bh_str *ret_text)
{
    int64_t number;
    if (bh_json_string(item, ret_text))
        return true;
    if (!bh_json_int64(reader->json, item, &number) || number < 0)
        return false;
    *ret_text = bh_json_raw(reader->json, item);
    return true;
}

static enum bh_status
refuse_item(const struct bh_job_reader *reader, const struct bh_json_value *item, size_t index)
{
    char path[BH_ERROR_FIELD_MAX];
    snprintf(path, sizeof(path), "to[%zu]", index);
    return bh_job_refuse(reader, path, item, "a string or a whole number");
}

static enum bh_status
read_array(struct bh_job_reader *reader, const struct bh_json_value *array)
{
    size_t count = bh_json_count(array);
    if (count == 0)
        return bh_error_set(reader->error, "to", "field `to` is an empty array");

    struct bh_recipient *room = NULL;
    enum bh_status status = make_room(reader, count, &room);
    const struct bh_json_value *item = bh_json_first(array);
    for (size_t i = 0; status == BH_OK && item != NULL; i++, item = bh_json_next(item)) {
        struct bh_str text;
        if (!item_text(reader, item, &text))
            return refuse_item(reader, item, i);
        status = read_one(reader, text, i, &room[i]);
    }
    return status;
}

static const char *
identity(const struct bh_recipient *recipient)
{
    return recipient->msisdn != NULL ? recipient->msisdn : recipient->written;
}

/* FNV-1a: good enough to spread phone numbers, and a collision only costs a comparison. */
static uint32_t
hash(struct bh_str text)
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < text.len; i++)
        value = (value ^ (unsigned char)text.ptr[i]) * 16777619u;
    return value;
}

static enum bh_status
refuse_twin(const struct bh_job_reader *reader, const struct bh_recipient *first,
            const struct bh_recipient *second)
{
    return bh_error_set(
        reader->error, "to", "field `to` has a recipient twice: \"%s\" and \"%s\" are the same",
        bh_quote(bh_str_from(first->written)).text, bh_quote(bh_str_from(second->written)).text);
}

/* A table twice as large as the list, with open addressing; 0 is a free place. */
static enum bh_status
check_twins(const struct bh_job_reader *reader)
{
    size_t count = reader->job->recipients_count;
    if (count < 2)
        return BH_OK;
    size_t places = count * 2;
    uint16_t *table = bh_alloc_array(places, sizeof(*table));
    if (table == NULL)
        return BH_ENOMEM;

    enum bh_status status = BH_OK;
    for (size_t i = 0; status == BH_OK && i < count; i++) {
        const struct bh_recipient *recipient = &reader->job->recipients[i];
        struct bh_str name = bh_str_from(identity(recipient));
        size_t at = hash(name) % places;
        for (; table[at] != 0; at = (at + 1) % places) {
            const struct bh_recipient *other = &reader->job->recipients[table[at] - 1];
            if (bh_str_equal_text(name, identity(other))) {
                status = refuse_twin(reader, other, recipient);
                break;
            }
        }
        table[at] = (uint16_t)(i + 1);
    }
    bh_free(table);
    return status;
}

_Static_assert(BH_JOB_RECIPIENTS_MAX < UINT16_MAX, "an index does not fit the table");

enum bh_status
bh_job_read_recipients(struct bh_job_reader *reader, const struct bh_job_field *field,
                       const struct bh_json_value *value)
{
    struct bh_str text;
    enum bh_status status;
    if (bh_json_type(value) == BH_JSON_ARRAY)
        status = read_array(reader, value);
    else if (!bh_json_string(value, &text))
        return bh_job_refuse(reader, field->name, value, field->rule);
    else if (bh_str_trim(text).len == 0)
        return bh_error_set(reader->error, field->name, "field `%s` is empty", field->name);
    else
        status = read_string(reader, text);
    return status == BH_OK ? check_twins(reader) : status;
}
