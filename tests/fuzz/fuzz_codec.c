/*
 * Encoded bytes are accepted and as long as before; accepted base64 and hex are the encoding of
 * what they decode to.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A decoder of its own, for text that was already accepted. */
static size_t
decode_base64(struct bh_str text, unsigned char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, text.ptr[i]) - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (unsigned char)(bits >> have);
        }
    }
    return len;
}

static void
check_accepted(struct bh_str text, unsigned char *scratch, struct bh_buf *buf)
{
    size_t decoded;
    if (bh_base64_check(text, &decoded)) {
        BH_ASSERT(decode_base64(text, scratch) == decoded);
        bh_buf_clear(buf);
        BH_ASSERT(bh_base64_append(buf, scratch, decoded) == BH_OK);
        BH_ASSERT(bh_str_equal(bh_buf_str(buf), text));
    }
    if (bh_hex_decode(text, scratch, text.len, &decoded)) {
        for (size_t i = 0; i < decoded; i++) {
            char pair[3];
            bh_hex_write(scratch + i, 1, pair);
            BH_ASSERT(bh_str_equal_nocase((struct bh_str){pair, 2},
                                          (struct bh_str){text.ptr + 2 * i, 2}));
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_str text = {(const char *)bytes, len};
    struct bh_buf buf;
    size_t decoded;
    unsigned char *scratch = bh_alloc(len);
    if (scratch == NULL)
        return 0;
    bh_buf_init(&buf, 4 * len + 4);
    check_accepted(text, scratch, &buf);

    bh_buf_clear(&buf);
    BH_ASSERT(bh_base64_append(&buf, bytes, len) == BH_OK);
    BH_ASSERT(bh_base64_check(bh_buf_str(&buf), &decoded) && decoded == len);

    bh_buf_clear(&buf);
    BH_ASSERT(bh_percent_append(&buf, text) == BH_OK);
    for (size_t i = 0; i < buf.len; i++)
        BH_ASSERT(buf.ptr[i] > 0x20 && buf.ptr[i] < 0x7F && strchr("&=+/?#", buf.ptr[i]) == NULL);
    bh_buf_release(&buf);
    bh_free(scratch);
    return 0;
}
