#include "redis/request.h"

#define HEADER_MAX 24 /* mark, 20 digits, CR LF */

static void
append_header(struct bh_buf *buf, char mark, size_t number)
{
    char digits[20], header[HEADER_MAX];
    size_t count = 0, len = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);

    header[len++] = mark;
    while (count > 0)
        header[len++] = digits[--count];
    header[len++] = '\r';
    header[len++] = '\n';
    bh_buf_append(buf, header, len);
}

enum bh_status
bh_request_append(struct bh_buf *buf, size_t argc, const struct bh_str *argv)
{
    BH_ASSERT(argc > 0 && buf->failed == BH_OK);
    size_t before = buf->len;
    append_header(buf, '*', argc);
    for (size_t i = 0; i < argc; i++) {
        append_header(buf, '$', argv[i].len);
        bh_buf_append_str(buf, argv[i]);
        bh_buf_append(buf, "\r\n", 2);
    }
    enum bh_status status = bh_buf_status(buf);
    if (status != BH_OK) {
        buf->len = before;
        buf->failed = BH_OK;
    }
    return status;
}
