#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "engine/fields.h"

static void
expect_field(const struct bh_field *field, const char *name, const char *value)
{
    cr_expect_str_eq(field->name, name);
    cr_expect(bh_str_equal_text(field->value, value), "%s: %.*s, wanted %s", name,
              BH_STR_ARGS(field->value), value);
}

Test(fields, keeps_names_and_copies_of_values_in_order)
{
    struct bh_fields fields;
    const struct bh_field *view;
    size_t count;
    char passing[] = "passing";
    bh_fields_init(&fields);
    bh_fields_add(&fields, "a", bh_str_from(passing));
    memset(passing, 'x', sizeof(passing) - 1);
    bh_fields_add(&fields, "empty", (struct bh_str){NULL, 0});
    bh_fields_add_text(&fields, "not there", NULL);
    bh_fields_add_text(&fields, "nor this", "");
    bh_fields_add_text(&fields, "b", "text");
    bh_fields_add_int(&fields, "c", INT64_MIN);
    bh_fields_add_micro(&fields, "d", 75000);
    bh_buf_append_text(bh_fields_begin(&fields, "e"), "pie");
    bh_buf_append_text(&fields.bytes, "ces");
    bh_fields_end(&fields);

    cr_assert_eq(bh_fields_view(&fields, &view, &count), BH_OK);
    cr_assert_eq(count, 6);
    expect_field(&view[0], "a", "passing");
    expect_field(&view[1], "empty", "");
    expect_field(&view[2], "b", "text");
    expect_field(&view[3], "c", "-9223372036854775808");
    expect_field(&view[4], "d", "0.075");
    expect_field(&view[5], "e", "pieces");

    bh_fields_clear(&fields);
    cr_assert_eq(bh_fields_view(&fields, &view, &count), BH_OK);
    cr_expect_eq(count, 0);
    bh_fields_release(&fields);
}

Test(fields, says_when_a_value_was_too_big)
{
    static char big[600 * 1024];
    struct bh_fields fields;
    const struct bh_field *view = NULL;
    size_t count = 77;
    memset(big, 'x', sizeof(big));
    bh_fields_init(&fields);
    bh_fields_add(&fields, "one", (struct bh_str){big, sizeof(big)});
    bh_fields_add(&fields, "two", (struct bh_str){big, sizeof(big)});
    bh_fields_add_text(&fields, "three", "small");
    cr_expect_eq(bh_fields_view(&fields, &view, &count), BH_ETOOBIG);
    cr_expect(view == NULL && count == 77, "written on failure");
    bh_fields_clear(&fields);
    bh_fields_add_text(&fields, "three", "small");
    cr_expect_eq(bh_fields_view(&fields, &view, &count), BH_OK, "usable again");
    bh_fields_release(&fields);
}

static void *
no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void *
no_more_memory(void *ptr, size_t size)
{
    (void)ptr;
    (void)size;
    return NULL;
}

Test(fields, says_when_memory_was_short)
{
    static const struct bh_allocator poor = {no_memory, no_more_memory, free};
    struct bh_fields fields;
    const struct bh_field *view;
    size_t count;
    bh_fields_init(&fields);
    bh_alloc_replace(&poor);
    bh_fields_add_text(&fields, "a", "b");
    cr_expect_eq(bh_fields_view(&fields, &view, &count), BH_ENOMEM);
    bh_alloc_replace(NULL);
    bh_fields_release(&fields);
}
