/* Pages of what nobody has claimed: in the order of the line, bounded, and without a change. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/job_peek.h"

#define KEY "bellhop:{q}"

TestSuite(peek_script, .init = stage_set_up, .fini = stage_tear_down);

static redisReply *last;

static struct bh_job_peek
peek(uint64_t before, unsigned count, size_t payload_max)
{
    const struct bh_job_peek_ask ask = {BH_KEY_RAW, before, count, payload_max};
    struct bh_job_peek page = {.count = 0};
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_PEEK);
    bh_encode_job_peek(&call, &stage.keys, &ask);
    if (last != NULL)
        freeReplyObject(last);
    last = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_job_peek(last, &page), BH_OK);
    return page;
}

static void
push(const char *bytes, size_t len)
{
    freeReplyObject(script_redis_command(&stage.redis, "LPUSH " KEY " %b", bytes, len));
}

static void
push_numbers(int count)
{
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "job %d", i);
        push(text, strlen(text));
    }
}

Test(peek_script, gives_pages_from_the_head_of_the_line)
{
    static const struct {
        uint64_t before;
        unsigned count;
        size_t wanted;
        bool more;
    } rows[] = {
        {0,    1,   1,  true },
        {0,    29,  29, true },
        {0,    30,  30, false},
        {0,    500, 30, false},
        {7,    8,   8,  true },
        {22,   8,   8,  false},
        {29,   8,   1,  false},
        {30,   8,   0,  false},
        {9999, 8,   0,  false},
        {0,    0,   0,  true },
    };
    push_numbers(30);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_job_peek page = peek(rows[i].before, rows[i].count, 100);
        cr_assert_eq(page.count, rows[i].wanted, "row %zu: %zu", i, page.count);
        cr_expect_eq(page.more, rows[i].more, "row %zu", i);
        for (size_t k = 0; k < page.count; k++) {
            struct bh_str payload;
            uint64_t bytes;
            char wanted[16];
            snprintf(wanted, sizeof(wanted), "job %d", (int)(rows[i].before + k));
            cr_assert(bh_job_peek_get(&page, k, &payload, &bytes));
            cr_expect(bh_str_equal_text(payload, wanted), "row %zu: %.*s", i, BH_STR_ARGS(payload));
            cr_expect_eq(bytes, payload.len);
        }
        struct bh_str none;
        uint64_t bytes;
        cr_expect_not(bh_job_peek_get(&page, page.count, &none, &bytes));
    }
    redisReply *length = script_redis_command(&stage.redis, "LLEN " KEY);
    cr_expect_eq(length->integer, 30);
    freeReplyObject(length);
    freeReplyObject(last);
    last = NULL;
}

Test(peek_script, of_an_empty_line_is_empty)
{
    struct bh_job_peek page = peek(0, 100, 100);
    cr_expect_eq(page.count, 0);
    cr_expect_not(page.more);
    freeReplyObject(last);
    last = NULL;
}

Test(peek_script, tells_the_length_of_what_is_too_long)
{
    struct bh_str payload;
    uint64_t bytes;
    push("a\0b", 3);
    push("12345", 5);
    struct bh_job_peek page = peek(0, 10, 4);
    cr_assert(bh_job_peek_get(&page, 0, &payload, &bytes));
    cr_expect(bh_str_equal(payload, (struct bh_str){"a\0b", 3}), "byte for byte");
    cr_assert(bh_job_peek_get(&page, 1, &payload, &bytes));
    cr_expect_eq(payload.len, 0);
    cr_expect_eq(bytes, 5);
    freeReplyObject(last);
    last = NULL;
}

/* Whatever strangers have pushed: a page is not much larger than its bound, and the walk comes to an end. */
Test(peek_script, is_bounded_in_bytes)
{
    size_t len = BH_JOB_PEEK_BYTES / 3 + 1, seen = 0;
    char *large = malloc(len);
    memset(large, 'x', len);
    for (int i = 0; i < 10; i++)
        push(large, len);
    free(large);
    struct bh_job_peek page = {.more = true};
    while (page.more) {
        page = peek(seen, BH_JOB_PEEK_MAX, BH_JOB_PEEK_BYTES);
        cr_assert_gt(page.count, 0);
        cr_expect_leq(page.count, 3);
        seen += page.count;
    }
    cr_expect_eq(seen, 10);
    freeReplyObject(last);
    last = NULL;
}
