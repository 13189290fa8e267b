#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/config_own.h"
#include "core/duration.h"
#include "core/money.h"
#include "core/redis_url.h"
#include "core/schedule.h"

/* Through a volatile pointer, or the compiler drops stores to memory that is freed next. */
void
bh_config_wipe(char *bytes, size_t len)
{
    volatile char *at = bytes;
    for (size_t i = 0; bytes != NULL && i < len; i++)
        at[i] = 0;
}

static void
release_value(struct bh_config_slot *slot)
{
    bh_config_wipe(slot->text, slot->len);
    bh_free(slot->text);
    bh_free(slot->host);
    bh_free(slot->schedule);
    slot->text = NULL;
    slot->len = 0;
    slot->number = 0;
    slot->host = NULL;
    slot->schedule = NULL;
}

void
bh_config_slot_release(struct bh_config_slot *slot)
{
    release_value(slot);
    bh_free(slot->origin_name);
    *slot = (struct bh_config_slot){0};
}

void
bh_config_slot_take_value(struct bh_config_slot *slot, struct bh_config_slot *fresh)
{
    release_value(slot);
    slot->text = fresh->text;
    slot->len = fresh->len;
    slot->number = fresh->number;
    slot->host = fresh->host;
    slot->schedule = fresh->schedule;
    fresh->text = NULL;
    fresh->host = NULL;
    fresh->schedule = NULL;
    bh_config_slot_release(fresh);
}

enum bh_status
bh_config_slot_set_origin(struct bh_config_slot *slot, enum bh_config_origin origin,
                          struct bh_str name)
{
    char *copy = bh_strndup(name.ptr, name.len);
    if (copy == NULL)
        return BH_ENOMEM;
    bh_free(slot->origin_name);
    slot->origin_name = copy;
    slot->origin = origin;
    return BH_OK;
}

static void
apply_text(const struct bh_config_row *row, const struct bh_config_slot *slot, char *member)
{
    if (row->type == BH_CONFIG_SECRET) {
        struct bh_config_secret secret = {slot->text, slot->len};
        memcpy(member, &secret, sizeof(secret));
    } else if (row->type == BH_CONFIG_LISTEN) {
        struct bh_config_listen listen = {slot->host, (uint16_t)slot->number};
        memcpy(member, &listen, sizeof(listen));
    } else if (row->type == BH_CONFIG_SCHEDULE) {
        const struct bh_schedule *schedule = slot->schedule;
        memcpy(member, &schedule, sizeof(schedule));
    } else {
        const char *text = slot->text;
        memcpy(member, &text, sizeof(text));
    }
}

/* An enum has the size of an int here; the assertion below holds the compiler to it. */
_Static_assert(sizeof(enum bh_job_type) == sizeof(int) && sizeof(enum bh_log_level) == sizeof(int),
               "members of type enum are set as int");

void
bh_config_slot_apply(const struct bh_config_row *row, const struct bh_config_slot *slot, void *base)
{
    char *member = (char *)base + row->offset;
    int small = (int)slot->number;
    bool truth = slot->number != 0;
    switch (row->type) {
    case BH_CONFIG_INT:
    case BH_CONFIG_ENUM: memcpy(member, &small, sizeof(small)); break;
    case BH_CONFIG_BOOL: memcpy(member, &truth, sizeof(truth)); break;
    case BH_CONFIG_LONG:
    case BH_CONFIG_DURATION:
    case BH_CONFIG_SIZE:
    case BH_CONFIG_MONEY: memcpy(member, &slot->number, sizeof(slot->number)); break;
    case BH_CONFIG_STRING:
    case BH_CONFIG_WORD:
    case BH_CONFIG_DIGITS:
    case BH_CONFIG_SECRET:
    case BH_CONFIG_PATH:
    case BH_CONFIG_SCHEDULE:
    case BH_CONFIG_REDIS_URL:
    case BH_CONFIG_HTTP_URL:
    case BH_CONFIG_PROXY_URL:
    case BH_CONFIG_LISTEN:
    case BH_CONFIG_ZONE: apply_text(row, slot, member); break;
    }
}

/* The value is a number and its text only one way to write it. */
static bool
is_number(const struct bh_config_row *row)
{
    return row->type == BH_CONFIG_INT || row->type == BH_CONFIG_LONG ||
           row->type == BH_CONFIG_BOOL || row->type == BH_CONFIG_DURATION ||
           row->type == BH_CONFIG_SIZE || row->type == BH_CONFIG_MONEY ||
           row->type == BH_CONFIG_ENUM;
}

static bool
schedules_equal(const struct bh_schedule *a, const struct bh_schedule *b)
{
    bool equal = a->steps_len == b->steps_len;
    for (size_t i = 0; equal && i < a->steps_len; i++)
        equal = a->steps[i].delay == b->steps[i].delay && a->steps[i].times == b->steps[i].times;
    return equal;
}

bool
bh_config_slot_equal(const struct bh_config_row *row, const struct bh_config_slot *a,
                     const struct bh_config_slot *b)
{
    if (is_number(row))
        return a->number == b->number;
    /* The default yields to the schedule of a gateway's code, so to write the same down is a change. */
    if (row->type == BH_CONFIG_SCHEDULE)
        return schedules_equal(a->schedule, b->schedule) &&
               (a->origin == BH_CONFIG_FROM_DEFAULT) == (b->origin == BH_CONFIG_FROM_DEFAULT);
    return bh_str_equal((struct bh_str){a->text, a->len}, (struct bh_str){b->text, b->len});
}

/* The URL was read before, so only memory can fail. */
static enum bh_status
show_redis_url(struct bh_str text, struct bh_buf *buf)
{
    struct bh_redis_url url = {0};
    enum bh_status status = bh_redis_url_parse(text, &url, NULL);
    if (status != BH_OK)
        return status;
    status = bh_redis_url_format_masked(&url, buf);
    bh_redis_url_release(&url);
    return status;
}

static enum bh_status
show_proxy_url(struct bh_str text, struct bh_buf *buf)
{
    struct bh_config_url url;
    if (!bh_config_url_split(text, &url) || url.login.ptr == NULL)
        return bh_buf_append_str(buf, text);
    const char *behind = url.login.ptr + url.login.len;
    return bh_buf_printf(buf, "%.*s://" BH_CONFIG_MASK "%.*s", BH_STR_ARGS(url.scheme),
                         (int)(text.ptr + text.len - behind), behind);
}

static enum bh_status
show_http_url(struct bh_str text, struct bh_buf *buf)
{
    struct bh_str rest = text, place = text;
    bool has_query = bh_str_split(&rest, '?', &place) && rest.ptr != NULL;
    (void)bh_buf_append_str(buf, place);
    return has_query ? bh_buf_append_text(buf, "?" BH_CONFIG_MASK) : bh_buf_status(buf);
}

enum bh_status
bh_config_slot_show(const struct bh_config_row *row, const struct bh_config_slot *slot,
                    struct bh_buf *buf)
{
    struct bh_str text = {slot->text, slot->len};
    if (row->type == BH_CONFIG_SECRET)
        return bh_buf_append_text(buf, slot->len > 0 ? BH_CONFIG_MASK : "");
    if (row->type == BH_CONFIG_REDIS_URL)
        return show_redis_url(text, buf);
    if (row->type == BH_CONFIG_PROXY_URL)
        return show_proxy_url(text, buf);
    if (row->type == BH_CONFIG_HTTP_URL)
        return show_http_url(text, buf);
    return bh_buf_append_str(buf, text);
}

static void
print_bound(const struct bh_config_row *row, int64_t bound, char *text, size_t size)
{
    if (row->type == BH_CONFIG_DURATION)
        snprintf(text, size, "%s", bh_duration_format(bound).text);
    else if (row->type == BH_CONFIG_SIZE)
        snprintf(text, size, "%s", bh_size_format((uint64_t)bound).text);
    else if (row->type == BH_CONFIG_MONEY)
        snprintf(text, size, "%s", bh_money_format(bound).text);
    else
        snprintf(text, size, "%lld", (long long)bound);
}

static void
print_numbers(const struct bh_config_row *row, struct bh_config_range *range)
{
    char min[32], max[32];
    print_bound(row, row->min, min, sizeof(min));
    print_bound(row, row->max, max, sizeof(max));
    snprintf(range->text, sizeof(range->text), "%s%s to %s%s%s",
             (row->flags & BH_CONFIG_OFF) != 0 ? "off, or " : "", min, max,
             row->unit != NULL ? " " : "", row->unit != NULL ? row->unit : "");
}

/* "basic, header or parameter"; the empty word is called "empty". */
static void
print_choices(const struct bh_config_row *row, struct bh_config_range *range)
{
    size_t len = 0;
    for (const struct bh_config_choice *choice = row->choices; choice->word != NULL; choice++) {
        const char *glue = choice == row->choices ? "" : choice[1].word == NULL ? " or " : ", ";
        int wrote = snprintf(range->text + len, sizeof(range->text) - len, "%s%s", glue,
                             choice->word[0] != '\0' ? choice->word : "empty");
        BH_ASSERT(wrote > 0 && (size_t)wrote < sizeof(range->text) - len);
        len += (size_t)wrote;
    }
}

struct bh_config_range
bh_config_row_range(const struct bh_config_row *row)
{
    struct bh_config_range range = {""};
    switch (row->type) {
    case BH_CONFIG_INT:
    case BH_CONFIG_LONG:
    case BH_CONFIG_DURATION:
    case BH_CONFIG_SIZE:
    case BH_CONFIG_MONEY: print_numbers(row, &range); break;
    case BH_CONFIG_ENUM: print_choices(row, &range); break;
    case BH_CONFIG_BOOL: snprintf(range.text, sizeof(range.text), "yes or no"); break;
    case BH_CONFIG_STRING:
    case BH_CONFIG_WORD:
    case BH_CONFIG_DIGITS:
    case BH_CONFIG_SECRET:
    case BH_CONFIG_PATH:
    case BH_CONFIG_SCHEDULE:
    case BH_CONFIG_REDIS_URL:
    case BH_CONFIG_HTTP_URL:
    case BH_CONFIG_PROXY_URL:
    case BH_CONFIG_LISTEN:
    case BH_CONFIG_ZONE: break;
    }
    return range;
}
