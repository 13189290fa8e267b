/*
 * Whatever the bytes: what the reader gives lies inside them and in order, keys and values keep the
 * dialect's promises, and what was read, written out again in the plainest form, reads back the same.
 */
#include <stdint.h>
#include <string.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/ini.h"
#include "core/utf8.h"

static void
check_view(struct bh_str whole, struct bh_str part)
{
    if (part.len == 0)
        return;
    BH_ASSERT(part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
    BH_ASSERT(bh_utf8_is_valid(part));
    for (size_t i = 0; i < part.len; i++)
        BH_ASSERT((unsigned char)part.ptr[i] >= 0x20 || part.ptr[i] == '\t');
}

static void
check_item(struct bh_str whole, const struct bh_ini_item *item, unsigned line)
{
    BH_ASSERT(item->line >= line && item->line >= 1);
    BH_ASSERT(item->column >= 1 && item->column <= BH_INI_LINE_MAX + 1);
    if (item->kind == BH_INI_FAULT) {
        BH_ASSERT(strlen(item->fault.text) > 10);
        return;
    }
    check_view(whole, item->section);
    check_view(whole, item->name);
    BH_ASSERT(item->section.len > 0);
    if (item->kind != BH_INI_VALUE)
        return;
    check_view(whole, item->key);
    check_view(whole, item->value);
    BH_ASSERT(item->key.len >= 1 && item->key.len <= BH_INI_KEY_MAX);
    BH_ASSERT(item->value_column > item->column);
}

/* The plainest file that says the same. */
static void
rewrite(struct bh_str bytes, struct bh_buf *out)
{
    struct bh_ini ini;
    struct bh_ini_item item;
    unsigned line = 0;
    bh_ini_init(&ini, bytes);
    while (bh_ini_next(&ini, &item) != BH_INI_END) {
        check_item(bytes, &item, line);
        line = item.line;
        if (item.kind == BH_INI_SECTION && item.name.len > 0)
            bh_buf_printf(out, "[%.*s %.*s]\n", BH_STR_ARGS(item.section), BH_STR_ARGS(item.name));
        else if (item.kind == BH_INI_SECTION)
            bh_buf_printf(out, "[%.*s]\n", BH_STR_ARGS(item.section));
        else if (item.kind == BH_INI_VALUE)
            bh_buf_printf(out, "%.*s=%.*s\n", BH_STR_ARGS(item.key), BH_STR_ARGS(item.value));
    }
    BH_ASSERT(bh_ini_next(&ini, &item) == BH_INI_END);
    BH_ASSERT(bh_buf_status(out) == BH_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bh_buf once, twice;
    bh_buf_init(&once, SIZE_MAX / 2);
    bh_buf_init(&twice, SIZE_MAX / 2);
    rewrite((struct bh_str){(const char *)data, size}, &once);
    rewrite(bh_buf_str(&once), &twice);
    BH_ASSERT(bh_str_equal(bh_buf_str(&once), bh_buf_str(&twice)));
    BH_ASSERT(once.len <= 2 * size);
    bh_buf_release(&once);
    bh_buf_release(&twice);
    return 0;
}
