#include "core/job_head.h"

#include <string.h>

/* The next field of the line; false when there is none. */
static bool
next_field(struct bh_str *line, struct bh_str *ret_field)
{
    return bh_str_split(line, ' ', ret_field);
}

/* Digits only: the scripts never write a sign. */
static bool
next_number(struct bh_str *line, int64_t max, int64_t *ret_value)
{
    struct bh_str field;
    int64_t value;
    if (!next_field(line, &field) || !bh_str_to_int64(field, &value))
        return false;
    if (field.ptr[0] == '-' || value > max)
        return false;
    *ret_value = value;
    return true;
}

static bool
next_count(struct bh_str *line, uint32_t *ret_count)
{
    int64_t value;
    if (!next_number(line, UINT32_MAX, &value))
        return false;
    *ret_count = (uint32_t)value;
    return true;
}

static bool
next_wall(struct bh_str *line, struct bh_wall *ret_at)
{
    return next_number(line, INT64_MAX, &ret_at->ms);
}

static bool
next_waiting(struct bh_str *line, enum bh_waiting *ret_waiting)
{
    struct bh_str field;
    if (!next_field(line, &field) || field.len != 1 || memchr("nsrhu", field.ptr[0], 5) == NULL)
        return false;
    *ret_waiting = (enum bh_waiting)field.ptr[0];
    return true;
}

/* The scripts write "-" where there is no reason. */
static bool
next_reason(struct bh_str *line, enum bh_reason *ret_reason)
{
    char word[32];
    struct bh_str field;
    if (!next_field(line, &field) || field.len == 0 || field.len >= sizeof(word) ||
        memchr(field.ptr, '\0', field.len) != NULL)
        return false;
    if (bh_str_equal_text(field, "-")) {
        *ret_reason = BH_REASON_NONE;
        return true;
    }
    memcpy(word, field.ptr, field.len);
    word[field.len] = '\0';
    return bh_reason_from_name(word, ret_reason);
}

/* Who has it, and the token, are for the scripts alone. */
static bool
next_lost_by(struct bh_str *line, struct bh_str *ret_lost_by)
{
    struct bh_str owner;
    int64_t token;
    if (!next_field(line, &owner) || owner.len == 0 || !next_number(line, INT64_MAX, &token))
        return false;
    bool lost = owner.ptr[0] == '~';
    *ret_lost_by = (struct bh_str){owner.ptr + 1, lost ? owner.len - 1 : 0};
    return true;
}

/* The last field; empty before admission, when the line ends with a blank. */
static bool
last_id(struct bh_str *line, char *ret_id)
{
    struct bh_str id, more;
    if (!next_field(line, &id) || id.len > BH_JOB_ID_MAX || next_field(line, &more) ||
        (id.len > 0 && memchr(id.ptr, '\0', id.len) != NULL))
        return false;
    if (id.len > 0)
        memcpy(ret_id, id.ptr, id.len);
    ret_id[id.len] = '\0';
    return true;
}

enum bh_status
bh_job_head_parse(struct bh_str record, struct bh_job_head *ret_head)
{
    struct bh_job_head head = {0};
    struct bh_str line;
    int64_t version;
    const char *end = record.len > 0 ? memchr(record.ptr, '\n', record.len) : NULL;

    if (end == NULL)
        return BH_EPROTO;
    line = (struct bh_str){record.ptr, (size_t)(end - record.ptr)};
    head.memo = (struct bh_str){end + 1, record.len - line.len - 1};

    if (!next_number(&line, BH_JOB_HEAD_VERSION, &version) || version != BH_JOB_HEAD_VERSION ||
        !next_waiting(&line, &head.waiting) || !next_reason(&line, &head.reason) ||
        !next_count(&line, &head.attempts) || !next_count(&line, &head.recoveries) ||
        !next_lost_by(&line, &head.lost_by) || !next_wall(&line, &head.started) ||
        !next_wall(&line, &head.created) || !next_wall(&line, &head.due) ||
        !next_wall(&line, &head.expires) || !next_wall(&line, &head.uncertain_since) ||
        !last_id(&line, head.id))
        return BH_EPROTO;

    *ret_head = head;
    return BH_OK;
}

struct bh_str
bh_job_head_owner(struct bh_str record)
{
    const struct bh_str nobody = {NULL, 0};
    struct bh_str line, field = nobody;
    const char *end = record.len > 0 ? memchr(record.ptr, '\n', record.len) : NULL;
    if (end == NULL)
        return nobody;
    line = (struct bh_str){record.ptr, (size_t)(end - record.ptr)};
    for (int i = 0; i < 6; i++) {
        if (!next_field(&line, &field))
            return nobody;
    }
    return field.len == 0 || field.ptr[0] == '-' || field.ptr[0] == '~' ? nobody : field;
}
