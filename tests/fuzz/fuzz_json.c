/*
 * Whatever is accepted can be written again, and what was written reads as the same tree: the second
 * writing equals the first byte for byte.  Raw views stay inside the text.
 */
#include "core/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void write_value(struct bh_json_writer *writer, const struct bh_json *json, const char *name,
                        const struct bh_json_value *value);

static void
write_children(struct bh_json_writer *writer, const struct bh_json *json,
               const struct bh_json_value *value)
{
    bool named = bh_json_type(value) == BH_JSON_OBJECT;
    const struct bh_json_value *child = bh_json_first(value);
    for (; child != NULL; child = bh_json_next(child))
        write_value(writer, json, named ? bh_json_name(child).ptr : NULL, child);
}

static void
write_value(struct bh_json_writer *writer, const struct bh_json *json, const char *name,
            const struct bh_json_value *value)
{
    struct bh_str text = {NULL, 0};
    bool flag = false;
    switch (bh_json_type(value)) {
    case BH_JSON_OBJECT:
        bh_json_open_object(writer, name);
        write_children(writer, json, value);
        bh_json_close_object(writer);
        return;
    case BH_JSON_ARRAY:
        bh_json_open_array(writer, name);
        write_children(writer, json, value);
        bh_json_close_array(writer);
        return;
    case BH_JSON_STRING:
        BH_ASSERT(bh_json_string(value, &text));
        bh_json_put_string(writer, name, text);
        return;
    case BH_JSON_BOOL:
        BH_ASSERT(bh_json_bool(value, &flag));
        bh_json_put_bool(writer, name, flag);
        return;
    case BH_JSON_NUMBER: bh_json_put_raw(writer, name, bh_json_raw(json, value)); return;
    case BH_JSON_NULL: bh_json_put_null(writer, name); return;
    case BH_JSON_NONE: break;
    }
    abort();
}

static bool
rewrite(struct bh_str text, enum bh_json_mode mode, struct bh_buf *ret_buf)
{
    struct bh_json *json;
    struct bh_error error = {.text = ""};
    enum bh_status status = bh_json_parse(text, 1 << 20, mode, &json, &error);
    if (status != BH_OK) {
        BH_ASSERT(status == BH_ENOMEM || error.text[0] != '\0');
        return false;
    }
    struct bh_str raw = bh_json_raw(json, bh_json_root(json));
    BH_ASSERT(raw.ptr >= text.ptr && raw.len > 0 && raw.ptr + raw.len <= text.ptr + text.len);

    struct bh_json_writer writer;
    bh_json_writer_init(&writer, ret_buf);
    write_value(&writer, json, NULL, bh_json_root(json));
    bh_json_free(json);
    return bh_buf_status(ret_buf) == BH_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str text = {(const char *)bytes, len};
    for (int mode = BH_JSON_STRICT; mode <= BH_JSON_LENIENT; mode++) {
        struct bh_buf once, twice;
        bh_buf_init(&once, 1 << 20);
        bh_buf_init(&twice, 1 << 20);
        if (rewrite(text, (enum bh_json_mode)mode, &once)) {
            BH_ASSERT(rewrite(bh_buf_str(&once), (enum bh_json_mode)mode, &twice));
            BH_ASSERT(bh_str_equal(bh_buf_str(&once), bh_buf_str(&twice)));
        }
        bh_buf_release(&once);
        bh_buf_release(&twice);
    }
    return 0;
}
