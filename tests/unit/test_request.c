#include <criterion/criterion.h>

#include <string.h>

#include "redis/request.h"

static const struct {
    struct bh_str argv[3];
    size_t argc;
    const char *wanted;
    size_t wanted_len;
} rows[] = {
    {{{"PING", 4}},                                1, "*1\r\n$4\r\nPING\r\n",                                  14},
    {{{"GET", 3}, {NULL, 0}},                      2, "*2\r\n$3\r\nGET\r\n$0\r\n\r\n",                         19},
    {{{"SET", 3}, {"a\0\r\n", 4}, {"*1\r\n$", 5}},
     3,                                               "*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$5\r\n*1\r\n$\r\n",
     34                                                                                                          },
};

Test(request, is_resp2_for_any_bytes)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_buf buf;
        bh_buf_init(&buf, rows[i].wanted_len);
        cr_expect_eq(bh_request_append(&buf, rows[i].argc, rows[i].argv), BH_OK, "row %zu", i);
        cr_assert_eq(buf.len, rows[i].wanted_len, "row %zu: %zu", i, buf.len);
        cr_expect_arr_eq(buf.ptr, rows[i].wanted, buf.len, "row %zu", i);
        bh_buf_release(&buf);
    }
}

Test(request, is_appended_whole_or_not_at_all)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        for (size_t room = 0; room < rows[i].wanted_len; room++) {
            struct bh_buf buf;
            bh_buf_init(&buf, 5 + room);
            bh_buf_append(&buf, "first", 5);
            cr_expect_eq(bh_request_append(&buf, rows[i].argc, rows[i].argv), BH_ETOOBIG);
            cr_expect_eq(buf.len, 5, "row %zu, room for %zu: a part stayed", i, room);
            cr_expect_eq(bh_buf_status(&buf), BH_OK, "no use any more");
            bh_buf_release(&buf);
        }
    }
}

Test(request, writes_long_numbers)
{
    static char big[1234567];
    char header[] = "*1\r\n$1234567\r\n";
    struct bh_str argv = {big, sizeof(big)};
    struct bh_buf buf;
    bh_buf_init(&buf, sizeof(big) + 100);
    cr_assert_eq(bh_request_append(&buf, 1, &argv), BH_OK);
    cr_expect_eq(memcmp(buf.ptr, header, strlen(header)), 0);
    cr_expect_eq(buf.len, strlen(header) + sizeof(big) + 2);
    bh_buf_release(&buf);
}
