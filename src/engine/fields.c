#include "engine/fields.h"

#include <string.h>

#include "core/money.h"

/* Enough for the meta of a job, its error sentences, and results of a thousand recipients. */
#define FIELDS_BYTES_MAX ((size_t)1024 * 1024)

void
bh_fields_init(struct bh_fields *fields)
{
    fields->count = 0;
    bh_buf_init(&fields->bytes, FIELDS_BYTES_MAX);
}

void
bh_fields_release(struct bh_fields *fields)
{
    bh_buf_release(&fields->bytes);
    fields->count = 0;
}

void
bh_fields_clear(struct bh_fields *fields)
{
    bh_buf_clear(&fields->bytes);
    fields->count = 0;
}

struct bh_buf *
bh_fields_begin(struct bh_fields *fields, const char *name)
{
    BH_ASSERT(fields->count < BH_FIELDS_MAX);
    fields->names[fields->count] = name;
    fields->starts[fields->count] = fields->bytes.len;
    return &fields->bytes;
}

void
bh_fields_end(struct bh_fields *fields)
{
    fields->lengths[fields->count] = fields->bytes.len - fields->starts[fields->count];
    fields->count++;
}

void
bh_fields_add(struct bh_fields *fields, const char *name, struct bh_str value)
{
    bh_buf_append_str(bh_fields_begin(fields, name), value);
    bh_fields_end(fields);
}

void
bh_fields_add_text(struct bh_fields *fields, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        bh_fields_add(fields, name, bh_str_from(value));
}

void
bh_fields_add_int(struct bh_fields *fields, const char *name, int64_t value)
{
    bh_buf_append_int(bh_fields_begin(fields, name), value);
    bh_fields_end(fields);
}

void
bh_fields_add_micro(struct bh_fields *fields, const char *name, int64_t micro)
{
    bh_fields_add_text(fields, name, bh_money_format(micro).text);
}

enum bh_status
bh_fields_view(struct bh_fields *fields, const struct bh_field **ret_fields, size_t *ret_count)
{
    enum bh_status status = bh_buf_status(&fields->bytes);
    if (status != BH_OK)
        return status;
    const char *base = bh_buf_text(&fields->bytes);
    for (size_t i = 0; i < fields->count; i++)
        fields->view[i] = (struct bh_field){
            fields->names[i], {base + fields->starts[i], fields->lengths[i]}
        };
    *ret_fields = fields->view;
    *ret_count = fields->count;
    return BH_OK;
}
