#include <criterion/criterion.h>
#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/reply_reader.h"

static const struct bh_reply_limits limits = {.bytes_max = 100000, .elements_max = 100};

#define TEXT_MAX 100

static void
append(char *text, const char *more)
{
    size_t len = strlen(text);
    snprintf(text + len, TEXT_MAX - len, "%s", more);
}

/* What a reply looks like: one character for each part of it. */
static void
describe(const struct redisReply *reply, char *text)
{
    static const char marks[] = "?$*:_+-";
    append(text, (const char[]){marks[reply->type], '\0'});
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        describe(reply->element[i], text);
    if (reply->type == REDIS_REPLY_ARRAY)
        append(text, ".");
}

static const struct {
    const char *bytes;
    const char *wanted; /* the replies one behind the other; "!" at the end: then refused */
    const char *error;  /* a part of it */
} rows[] = {
    {"+OK\r\n",                                                   "+",               NULL               },
    {"-ERR x\r\n:1\r\n$1\r\na\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n", "-:$__*.$",        NULL               },
    {"*3\r\n:1\r\n*1\r\n$1\r\na\r\n+x\r\n",                       "*:*$.+.",         NULL               },
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",          "*******:.......", NULL               },
    {"+",                                                         "",                NULL               },
    {"$5\r\nabc",                                                 "",                NULL               },
    {"*2\r\n:1\r\n",                                              "",                NULL               },
    {"*100\r\n",                                                  "",                NULL               },
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",    "!",               ""                 },
    {"*101\r\n",                                                  "!",               "too many elements"},
    {"*2\r\n*98\r\n",                                             "",                NULL               },
    {"*2\r\n*99\r\n",                                             "!",               "too many elements"},
    {":1\r\n*101\r\n",                                            ":!",              "too many elements"},
    {"*1\r\n:1\r\n*100\r\n",                                      "*:.",             NULL               },
    {"*4294967295\r\n",                                           "!",               ""                 },
    {"*9223372036854775807\r\n",                                  "!",               ""                 },
    {"$100001\r\n",                                               "",                NULL               },
    {"$9223372036854775807\r\nxxxxxxxx",                          "",                NULL               },
    {"$9223372036854775808\r\nxxxxxxxx",                          "!",               ""                 },
    {"$-2\r\n",                                                   "!",               ""                 },
    {"*-2\r\n",                                                   "!",               ""                 },
    {":abc\r\n",                                                  "!",               ""                 },
    {":99999999999999999999\r\n",                                 "!",               ""                 },
    {"%1\r\n+a\r\n+b\r\n",                                        "!",               ""                 },
    {"~1\r\n+a\r\n",                                              "!",               ""                 },
    {">1\r\n+a\r\n",                                              "!",               ""                 },
    {"#t\r\n",                                                    "!",               ""                 },
    {",1.5\r\n",                                                  "!",               ""                 },
    {"(123\r\n",                                                  "!",               ""                 },
    {"=5\r\ntxt:a\r\n",                                           "!",               ""                 },
    {"\r\n",                                                      "!",               ""                 },
    {"HTTP/1.1 200 OK\r\n",                                       "!",               ""                 },
    {"+OK\r\nx",                                                  "+!",              ""                 },
    {"*2\r\n:1\r\nx",                                             "!",               ""                 },
};

/* Feed in pieces of `piece` bytes and write down what came. */
static void
read_all(struct bh_reply_reader *reader, const char *bytes, size_t len, size_t piece, char *text)
{
    text[0] = '\0';
    for (size_t at = 0; at < len; at += piece) {
        struct redisReply *reply;
        size_t now = len - at < piece ? len - at : piece;
        cr_assert_eq(bh_reply_reader_feed(reader, bytes + at, now), BH_OK);
        enum bh_status status;
        while ((status = bh_reply_reader_next(reader, &reply)) == BH_OK && reply != NULL) {
            describe(reply, text);
            bh_redis_reply_free(reply);
        }
        if (status != BH_OK) {
            cr_assert_eq(status, BH_EPROTO);
            cr_expect_eq(bh_reply_reader_next(reader, &reply), BH_EPROTO, "the error stays");
            append(text, "!");
            return;
        }
    }
}

Test(reply_reader, reads_resp2_in_pieces_of_any_size_and_refuses_the_rest)
{
    static const size_t pieces[] = {1, 2, 3, 7, 1000};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            struct bh_reply_reader reader;
            char text[TEXT_MAX];
            cr_assert_eq(bh_reply_reader_init(&reader, &limits), BH_OK);
            read_all(&reader, rows[i].bytes, strlen(rows[i].bytes), pieces[j], text);
            cr_expect_str_eq(text, rows[i].wanted, "%s in pieces of %zu: %s", rows[i].bytes,
                             pieces[j], text);
            if (rows[i].error != NULL)
                cr_expect_not_null(strstr(bh_reply_reader_error(&reader), rows[i].error), "%s: %s",
                                   rows[i].bytes, bh_reply_reader_error(&reader));
            cr_assert_eq(bh_reply_reader_reset(&reader), BH_OK);
            read_all(&reader, "+OK\r\n", 5, 5, text);
            cr_expect_str_eq(text, "+", "%s: no use behind a reset", rows[i].bytes);
            bh_reply_reader_release(&reader);
        }
    }
}

/* A string of `len` bytes; returns the length of the whole. */
static size_t
make_string(char *bytes, size_t len)
{
    size_t header = (size_t)snprintf(bytes, 32, "$%zu\r\n", len);
    memset(bytes + header, 'x', len);
    memcpy(bytes + header + len, "\r\n", 2);
    return header + len + 2;
}

Test(reply_reader, has_a_bound_for_the_bytes_of_one_reply)
{
    static const struct {
        size_t len;
        const char *wanted;
    } sizes[] = {
        {99000,  "$$"},
        {99990,  "$$"},
        {99992,  "!" },
        {100001, "!" },
    };
    char *bytes = malloc(300000);
    char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bh_reply_reader reader;
        cr_assert_eq(bh_reply_reader_init(&reader, &limits), BH_OK);
        size_t len = make_string(bytes, sizes[i].len);
        len += make_string(bytes + len, sizes[i].len);
        read_all(&reader, bytes, len, 1, text);
        cr_expect_str_eq(text, sizes[i].wanted, "%zu bytes: %s", sizes[i].len, text);
        bh_reply_reader_release(&reader);
    }
    free(bytes);
}

Test(reply_reader, does_not_search_an_endless_line_again_and_again)
{
    static const char *const begins[] = {"+", "-", ":", "$", "*", "+a\n", "$1\n"};
    char *bytes = malloc(90000);
    char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        struct bh_reply_reader reader;
        memset(bytes, '1', 90000);
        memcpy(bytes, begins[i], strlen(begins[i]));
        cr_assert_eq(bh_reply_reader_init(&reader, &limits), BH_OK);
        read_all(&reader, bytes, 90000, 1000, text);
        cr_expect_str_eq(text, "!", "%s", begins[i]);
        cr_expect_str_eq(bh_reply_reader_error(&reader), "a line without an end");
        bh_reply_reader_release(&reader);
    }
    free(bytes);
}
