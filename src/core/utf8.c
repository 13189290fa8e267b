#include "core/utf8.h"

/* The smallest code point that needs so many bytes; smaller ones would be overlong. */
static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};

static size_t
sequence_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    /* 0x80..0xBF continue a character, 0xC0 and 0xC1 could only be overlong. */
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    if (lead < 0xE0)
        return 2;
    return lead < 0xF0 ? 3 : 4;
}

size_t
bh_utf8_decode(struct bh_str text, uint32_t *ret_code)
{
    if (text.len == 0)
        return 0;

    unsigned char lead = (unsigned char)text.ptr[0];
    size_t len = sequence_length(lead);
    if (len == 0 || len > text.len)
        return 0;
    if (len == 1) {
        *ret_code = lead;
        return 1;
    }

    uint32_t code = lead & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (byte & 0x3Fu);
    }
    if (code < smallest[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return len;
}

bool
bh_utf8_next(struct bh_str *rest, uint32_t *ret_code)
{
    size_t len = bh_utf8_decode(*rest, ret_code);
    if (len == 0)
        return false;
    rest->ptr += len;
    rest->len -= len;
    return true;
}

size_t
bh_utf8_valid_prefix(struct bh_str text)
{
    struct bh_str rest = text;
    uint32_t code;
    while (bh_utf8_next(&rest, &code))
        ;
    return text.len - rest.len;
}

bool
bh_utf8_is_valid(struct bh_str text)
{
    return bh_utf8_valid_prefix(text) == text.len;
}

bool
bh_utf8_count(struct bh_str text, struct bh_utf8_count *ret_count)
{
    struct bh_utf8_count count = {0, 0};
    uint32_t code;
    while (bh_utf8_next(&text, &code)) {
        count.code_points++;
        count.utf16_units += code > 0xFFFF ? 2 : 1;
    }
    if (text.len > 0)
        return false;
    *ret_count = count;
    return true;
}
