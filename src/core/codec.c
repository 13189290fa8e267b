#include "core/codec.h"

#include "core/ascii.h"

#define NOT_BASE64 0xFFu

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define NO NOT_BASE64

/* A table, because files of several megabytes pass through here on a loop thread. */
static const unsigned char base64_values[128] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62,
    NO, NO, NO, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO, NO, 0,
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, NO, NO, NO, NO, NO, NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
    39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
};

#undef NO

static unsigned
base64_value(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte < sizeof(base64_values) ? base64_values[byte] : NOT_BASE64;
}

bool
bh_base64_check(struct bh_str text, size_t *ret_len)
{
    if (text.len % 4 != 0)
        return false;
    if (text.len == 0) {
        *ret_len = 0;
        return true;
    }

    size_t padding = 0;
    while (padding < 2 && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    size_t digits = text.len - padding;
    for (size_t i = 0; i < digits; i++) {
        if (base64_value(text.ptr[i]) == NOT_BASE64)
            return false;
    }
    /* One padding character leaves two bits of the last digit unused, two leave four. */
    unsigned unused = padding == 0 ? 0 : padding == 1 ? 0x03 : 0x0F;
    if ((base64_value(text.ptr[digits - 1]) & unused) != 0)
        return false;
    *ret_len = text.len / 4 * 3 - padding;
    return true;
}

enum bh_status
bh_base64_append(struct bh_buf *buf, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    for (size_t at = 0; at < len; at += 3) {
        size_t have = len - at < 3 ? len - at : 3;
        uint32_t bits = (uint32_t)in[at] << 16;
        if (have > 1)
            bits |= (uint32_t)in[at + 1] << 8;
        if (have > 2)
            bits |= in[at + 2];
        char quantum[4] = {
            base64_digits[bits >> 18],
            base64_digits[bits >> 12 & 0x3F],
            have > 1 ? base64_digits[bits >> 6 & 0x3F] : '=',
            have > 2 ? base64_digits[bits & 0x3F] : '=',
        };
        bh_buf_append(buf, quantum, sizeof(quantum));
    }
    return bh_buf_status(buf);
}

bool
bh_hex_is_valid(struct bh_str text)
{
    if (text.len == 0 || text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (bh_hex_value(text.ptr[i]) < 0)
            return false;
    }
    return true;
}

bool
bh_hex_decode(struct bh_str text, unsigned char *bytes, size_t size, size_t *ret_len)
{
    if (text.len / 2 > size || !bh_hex_is_valid(text))
        return false;
    for (size_t i = 0; i < text.len / 2; i++)
        bytes[i] =
            (unsigned char)(bh_hex_value(text.ptr[2 * i]) * 16 + bh_hex_value(text.ptr[2 * i + 1]));
    *ret_len = text.len / 2;
    return true;
}

void
bh_hex_write(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 0x0F];
    }
    *out = '\0';
}

static bool
is_unreserved(char c)
{
    return bh_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

enum bh_status
bh_percent_append(struct bh_buf *buf, struct bh_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain_from = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i]))
            continue;
        unsigned char byte = (unsigned char)text.ptr[i];
        char escape[3] = {'%', digits[byte >> 4], digits[byte & 0x0F]};
        bh_buf_append(buf, text.ptr + plain_from, i - plain_from);
        bh_buf_append(buf, escape, sizeof(escape));
        plain_from = i + 1;
    }
    if (plain_from < text.len)
        bh_buf_append(buf, text.ptr + plain_from, text.len - plain_from);
    return bh_buf_status(buf);
}
