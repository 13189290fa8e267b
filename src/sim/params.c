#include "sim/params.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES_MAX (64u * 1024)

void
bh_sim_params_release(struct bh_sim_params *params)
{
    bh_sim_buf_release(&params->arena);
    free(params->items);
    *params = (struct bh_sim_params){0};
}

void
bh_sim_params_clear(struct bh_sim_params *params)
{
    if (params->arena.capacity > KEPT_BYTES_MAX)
        bh_sim_buf_release(&params->arena);
    params->arena.len = 0;
    params->count = 0;
    params->overflowed = false;
}

struct bh_sim_str
bh_sim_params_key(const struct bh_sim_params *params, size_t at)
{
    const struct bh_sim_param *item = &params->items[at];
    return (struct bh_sim_str){params->arena.ptr + item->key_at, item->key_len};
}

struct bh_sim_str
bh_sim_params_value(const struct bh_sim_params *params, size_t at)
{
    const struct bh_sim_param *item = &params->items[at];
    return (struct bh_sim_str){params->arena.ptr + item->value_at, item->value_len};
}

static size_t
count_list(const struct bh_sim_params *params, struct bh_sim_str base)
{
    size_t count = 0;
    for (size_t at = 0; at < params->count; at++) {
        struct bh_sim_str key = bh_sim_params_key(params, at);
        if (key.len > base.len + 1 && key.ptr[base.len] == '[' &&
            bh_sim_str_equal((struct bh_sim_str){key.ptr, base.len}, base))
            count++;
    }
    return count;
}

/* The key has just been appended to the arena at `key_at`. */
static size_t
number_open_brackets(struct bh_sim_params *params, size_t key_at)
{
    size_t len = params->arena.len - key_at;
    if (len < 3 || memcmp(params->arena.ptr + params->arena.len - 2, "[]", 2) != 0)
        return len;
    size_t index = count_list(params, (struct bh_sim_str){params->arena.ptr + key_at, len - 2});
    params->arena.len -= 1;
    bh_sim_buf_printf(&params->arena, "%zu]", index);
    return params->arena.len - key_at;
}

static struct bh_sim_param *
next_item(struct bh_sim_params *params)
{
    if (params->count == BH_SIM_PARAMS_MAX) {
        params->overflowed = true;
        return NULL;
    }
    if (params->count == params->capacity) {
        params->capacity = params->capacity > 0 ? params->capacity * 2 : 32;
        params->items = bh_sim_realloc(params->items, params->capacity * sizeof *params->items);
    }
    return &params->items[params->count];
}

void
bh_sim_params_add(struct bh_sim_params *params, struct bh_sim_str key, struct bh_sim_str value)
{
    struct bh_sim_param *item = next_item(params);
    if (item == NULL)
        return;
    item->key_at = params->arena.len;
    bh_sim_buf_str(&params->arena, key);
    item->key_len = number_open_brackets(params, item->key_at);
    item->value_at = params->arena.len;
    bh_sim_buf_str(&params->arena, value);
    item->value_len = value.len;
    params->count++;
}

static void
append_decoded(struct bh_sim_buf *buf, struct bh_sim_str text)
{
    bh_sim_buf_reserve(buf, text.len);
    char *out = buf->ptr + buf->len;
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '%' && at + 2 < text.len && bh_sim_hex_value(text.ptr[at + 1]) >= 0 &&
            bh_sim_hex_value(text.ptr[at + 2]) >= 0) {
            c = (char)(bh_sim_hex_value(text.ptr[at + 1]) * 16 +
                       bh_sim_hex_value(text.ptr[at + 2]));
            at += 2;
        } else if (c == '+') {
            c = ' ';
        }
        *out++ = c;
    }
    buf->len = (size_t)(out - buf->ptr);
}

static void
add_pair(struct bh_sim_params *params, struct bh_sim_str pair)
{
    struct bh_sim_str rest = pair, key;
    bh_sim_str_split(&rest, '=', &key);
    struct bh_sim_param *item = key.len > 0 ? next_item(params) : NULL;
    if (item == NULL)
        return;
    item->key_at = params->arena.len;
    append_decoded(&params->arena, key);
    item->key_len = number_open_brackets(params, item->key_at);
    item->value_at = params->arena.len;
    if (rest.ptr != NULL)
        append_decoded(&params->arena, rest);
    item->value_len = params->arena.len - item->value_at;
    params->count++;
}

void
bh_sim_params_add_form(struct bh_sim_params *params, struct bh_sim_str text)
{
    struct bh_sim_str rest = text, pair;
    while (rest.len > 0 && bh_sim_str_split(&rest, '&', &pair))
        add_pair(params, pair);
}

/* The text between `open` and the next quote, such as name="...". */
static struct bh_sim_str
quoted_after(struct bh_sim_str text, const char *open)
{
    size_t len = strlen(open);
    for (size_t at = 0; at + len <= text.len; at++) {
        if (memcmp(text.ptr + at, open, len) != 0)
            continue;
        struct bh_sim_str rest = bh_sim_str_tail(text, at + len), value;
        return bh_sim_str_split(&rest, '"', &value) ? value : BH_SIM_STR_EMPTY;
    }
    return BH_SIM_STR_EMPTY;
}

static size_t
find(struct bh_sim_str text, size_t from, struct bh_sim_str needle)
{
    for (size_t at = from; at + needle.len <= text.len; at++)
        if (memcmp(text.ptr + at, needle.ptr, needle.len) == 0)
            return at;
    return SIZE_MAX;
}

void
bh_sim_params_add_multipart(struct bh_sim_params *params, struct bh_sim_str content_type,
                            struct bh_sim_str body)
{
    size_t mark = find(content_type, 0, BH_SIM_STR("boundary="));
    struct bh_sim_str boundary =
        mark != SIZE_MAX ? bh_sim_str_tail(content_type, mark + 9) : BH_SIM_STR_EMPTY;
    if (boundary.len >= 2 && boundary.ptr[0] == '"' && boundary.ptr[boundary.len - 1] == '"')
        boundary = (struct bh_sim_str){boundary.ptr + 1, boundary.len - 2};
    if (boundary.len == 0 || boundary.len > 70)
        return;

    struct bh_sim_buf line = {0};
    bh_sim_buf_printf(&line, "--%.*s", BH_SIM_STR_ARGS(boundary));
    struct bh_sim_str delimiter = bh_sim_buf_view(&line);
    size_t part = find(body, 0, delimiter);
    while (part != SIZE_MAX) {
        size_t next = find(body, part + delimiter.len, delimiter);
        if (next == SIZE_MAX)
            break;
        struct bh_sim_str piece = {body.ptr + part + delimiter.len, next - part - delimiter.len};
        size_t head_end = find(piece, 0, BH_SIM_STR("\r\n\r\n"));
        if (head_end != SIZE_MAX && piece.len >= head_end + 6) {
            struct bh_sim_str head = {piece.ptr, head_end};
            struct bh_sim_str name = quoted_after(head, " name=\"");
            if (name.len > 0)
                bh_sim_params_add(
                    params, name,
                    (struct bh_sim_str){piece.ptr + head_end + 4, piece.len - head_end - 6});
        }
        part = next;
    }
    bh_sim_buf_release(&line);
}

bool
bh_sim_params_get(const struct bh_sim_params *params, const char *name,
                  struct bh_sim_str *ret_value)
{
    struct bh_sim_str wanted = bh_sim_str_from(name);
    for (size_t at = params->count; at-- > 0;) {
        if (bh_sim_str_equal(bh_sim_params_key(params, at), wanted)) {
            *ret_value = bh_sim_params_value(params, at);
            return true;
        }
    }
    return false;
}

struct bh_sim_str
bh_sim_params_text(const struct bh_sim_params *params, const char *name)
{
    struct bh_sim_str value = BH_SIM_STR_EMPTY;
    bh_sim_params_get(params, name, &value);
    return value;
}

bool
bh_sim_params_flag(const struct bh_sim_params *params, const char *name)
{
    struct bh_sim_str value;
    return bh_sim_params_get(params, name, &value) &&
           (bh_sim_str_is(value, "1") || bh_sim_str_is_nocase(value, "true"));
}

/* The `index`-th value of a list: name[...] in the order sent.  False when there are no more. */
static bool
list_value(const struct bh_sim_params *params, const char *name, size_t index,
           struct bh_sim_str *ret_value)
{
    struct bh_sim_str base = bh_sim_str_from(name);
    for (size_t at = 0; at < params->count; at++) {
        struct bh_sim_str key = bh_sim_params_key(params, at);
        if (key.len <= base.len + 1 || key.ptr[base.len] != '[' ||
            !bh_sim_str_equal((struct bh_sim_str){key.ptr, base.len}, base))
            continue;
        if (index-- == 0) {
            *ret_value = bh_sim_params_value(params, at);
            return true;
        }
    }
    return false;
}

bool
bh_sim_params_joined(const struct bh_sim_params *params, const char *name, struct bh_sim_buf *buf)
{
    struct bh_sim_str value;
    if (bh_sim_params_get(params, name, &value)) {
        bh_sim_buf_str(buf, value);
        return true;
    }
    size_t index = 0;
    for (; list_value(params, name, index, &value); index++) {
        if (index > 0)
            bh_sim_buf_char(buf, ',');
        bh_sim_buf_str(buf, value);
    }
    return index > 0;
}
