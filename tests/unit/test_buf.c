#include <criterion/criterion.h>

#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"

Test(buf, grows_to_its_bound_and_not_further)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 5);
    cr_expect_eq(bh_buf_append_text(&buf, "hello"), BH_OK);
    cr_expect_eq(bh_buf_append_char(&buf, '!'), BH_ETOOBIG);
    cr_expect_eq(bh_buf_append_text(&buf, ""), BH_ETOOBIG, "the first failure sticks");
    cr_expect_eq(bh_buf_status(&buf), BH_ETOOBIG);
    cr_expect_str_eq(bh_buf_text(&buf), "hello");
    bh_buf_clear(&buf);
    cr_expect_eq(bh_buf_printf(&buf, "%d-%s", 12, "ab"), BH_OK);
    cr_expect_str_eq(bh_buf_text(&buf), "12-ab");
    bh_buf_release(&buf);
}

Test(buf, consumes_and_hands_over)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 1000);
    cr_expect_str_eq(bh_buf_text(&buf), "");
    for (int i = 0; i < 100; i++)
        cr_assert_eq(bh_buf_append_int(&buf, i % 10), BH_OK);
    bh_buf_consume(&buf, 95);
    cr_expect_str_eq(bh_buf_text(&buf), "56789");
    bh_buf_consume(&buf, 95);
    cr_expect_eq(bh_buf_str(&buf).len, 0);
    bh_buf_append(&buf, "a\0b", 3);
    char *taken = bh_buf_take(&buf);
    cr_expect_eq(memcmp(taken, "a\0b", 4), 0);
    cr_expect_eq(buf.len, 0);
    bh_free(taken);
    taken = bh_buf_take(&buf);
    cr_expect_str_eq(taken, "");
    bh_free(taken);
    bh_buf_release(&buf);
}
