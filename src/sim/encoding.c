#include "sim/encoding.h"

#include <string.h>

/* The default alphabet beside the ASCII characters that it shares; ESC (0x1b) is no character. */
static const uint16_t gsm_beyond_ascii[] = {
    0x00a3, 0x00a5, 0x00e8, 0x00e9, 0x00f9, 0x00ec, 0x00f2, 0x00c7, 0x00d8, 0x00f8,
    0x00c5, 0x00e5, 0x0394, 0x03a6, 0x0393, 0x039b, 0x03a9, 0x03a0, 0x03a8, 0x03a3,
    0x0398, 0x039e, 0x00c6, 0x00e6, 0x00df, 0x00c9, 0x00a4, 0x00a1, 0x00c4, 0x00d6,
    0x00d1, 0x00dc, 0x00a7, 0x00bf, 0x00e4, 0x00f6, 0x00f1, 0x00fc, 0x00e0,
};

int
bh_sim_gsm_septets(uint32_t code)
{
    if (code < 0x80) {
        if (code == '\n' || code == '\r')
            return 1;
        if (code == '\f' || (code >= 0x20 && code < 0x7f && strchr("^{}\\[~]|", (int)code) != NULL))
            return 2;
        return code >= 0x20 && code < 0x7f && code != '`' ? 1 : 0;
    }
    if (code == 0x20ac)
        return 2;
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(gsm_beyond_ascii); at++)
        if (gsm_beyond_ascii[at] == code)
            return 1;
    return 0;
}

bool
bh_sim_utf8_next(struct bh_sim_str text, size_t *at, uint32_t *ret_code)
{
    if (*at >= text.len)
        return false;
    const unsigned char *bytes = (const unsigned char *)text.ptr + *at;
    if (bytes[0] < 0x80) {
        *ret_code = bytes[0];
        *at += 1;
        return true;
    }
    size_t extra = bytes[0] >= 0xf0 ? 3 : bytes[0] >= 0xe0 ? 2 : 1;
    static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || text.len - *at <= extra)
        return false;
    uint32_t code = bytes[0] & (0x3fu >> extra);
    for (size_t step = 1; step <= extra; step++) {
        if ((bytes[step] & 0xc0) != 0x80)
            return false;
        code = (code << 6) | (bytes[step] & 0x3fu);
    }
    if (code < lowest[extra] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return false;
    *ret_code = code;
    *at += extra + 1;
    return true;
}

bool
bh_sim_utf8_is_valid(struct bh_sim_str text)
{
    size_t at = 0;
    uint32_t code;
    while (at < text.len)
        if (!bh_sim_utf8_next(text, &at, &code))
            return false;
    return true;
}

static void
append_utf8(struct bh_sim_buf *buf, uint32_t code)
{
    if (code < 0x80) {
        bh_sim_buf_char(buf, (char)code);
    } else if (code < 0x800) {
        bh_sim_buf_char(buf, (char)(0xc0 | (code >> 6)));
        bh_sim_buf_char(buf, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        bh_sim_buf_char(buf, (char)(0xe0 | (code >> 12)));
        bh_sim_buf_char(buf, (char)(0x80 | ((code >> 6) & 0x3f)));
        bh_sim_buf_char(buf, (char)(0x80 | (code & 0x3f)));
    } else {
        bh_sim_buf_char(buf, (char)(0xf0 | (code >> 18)));
        bh_sim_buf_char(buf, (char)(0x80 | ((code >> 12) & 0x3f)));
        bh_sim_buf_char(buf, (char)(0x80 | ((code >> 6) & 0x3f)));
        bh_sim_buf_char(buf, (char)(0x80 | (code & 0x3f)));
    }
}

void
bh_sim_text_to_utf8(struct bh_sim_buf *buf, struct bh_sim_str text, bool forced)
{
    if (bh_sim_utf8_is_valid(text)) {
        bh_sim_buf_str(buf, text);
        return;
    }
    size_t at = 0;
    while (at < text.len) {
        uint32_t code;
        if (!forced)
            append_utf8(buf, (unsigned char)text.ptr[at++]);
        else if (bh_sim_utf8_next(text, &at, &code))
            append_utf8(buf, code);
        else {
            append_utf8(buf, 0xfffd);
            at++;
        }
    }
}

static size_t
parts_of(size_t units, size_t single, size_t segment)
{
    return units <= single ? 1 : (units + segment - 1) / segment;
}

struct bh_sim_measure
bh_sim_measure_text(struct bh_sim_str text, bool force_ucs2)
{
    struct bh_sim_measure measure = {.ucs2 = force_ucs2};
    size_t at = 0, septets = 0, units = 0;
    uint32_t code;
    while (bh_sim_utf8_next(text, &at, &code)) {
        int cost = bh_sim_gsm_septets(code);
        if (cost == 0)
            measure.ucs2 = true;
        septets += (size_t)cost;
        units += code > 0xffff ? 2 : 1;
        measure.chars++;
    }
    measure.units = measure.ucs2 ? units : septets;
    measure.parts = measure.ucs2 ? parts_of(units, 70, 67) : parts_of(septets, 160, 153);
    return measure;
}

size_t
bh_sim_measure_binary(size_t udh_bytes, size_t payload_bytes)
{
    /* One byte of the header's own length precedes it when the caller did not count it in; it does. */
    size_t room = udh_bytes < 139 ? 140 - udh_bytes : 1;
    return payload_bytes == 0 ? 1 : (payload_bytes + room - 1) / room;
}
