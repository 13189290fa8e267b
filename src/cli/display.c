#include "cli/display.h"

#include <string.h>
#include <time.h>

#include "core/span.h"
#include "core/utf8.h"

const char *
bh_style_begin(enum bh_style style, bool colour)
{
    static const char *const sequences[] = {
        [BH_STYLE_PLAIN] = "",        [BH_STYLE_DIM] = "\033[2m",   [BH_STYLE_BOLD] = "\033[1m",
        [BH_STYLE_GOOD] = "\033[32m", [BH_STYLE_WARN] = "\033[33m", [BH_STYLE_BAD] = "\033[31m",
    };
    return colour ? sequences[style] : "";
}

const char *
bh_style_end(enum bh_style style, bool colour)
{
    return colour && style != BH_STYLE_PLAIN ? "\033[0m" : "";
}

static bool
is_harmless(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7F && code < 0xA0))
        return false;
    bool is_mark = code == 0x200E || code == 0x200F || code == 0x061C;
    bool is_separator = code == 0x2028 || code == 0x2029;
    bool is_embedding = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return !is_mark && !is_separator && !is_embedding;
}

enum bh_status
bh_display_append(struct bh_buf *buf, struct bh_str text)
{
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = bh_utf8_decode(text, &code);
        if (len > 0 && is_harmless(code))
            (void)bh_buf_append(buf, text.ptr, len);
        else
            (void)bh_buf_append_char(buf, '?');
        size_t step = len > 0 ? len : 1;
        text = (struct bh_str){text.ptr + step, text.len - step};
    }
    return bh_buf_status(buf);
}

size_t
bh_display_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

struct bh_time_text
bh_display_time(struct bh_wall at)
{
    struct bh_time_text text = {""};
    struct tm local;
    time_t seconds = (time_t)(at.ms / 1000);
    if (localtime_r(&seconds, &local) == NULL ||
        strftime(text.text, sizeof(text.text), "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(text.text, sizeof(text.text), "%lld ms", (long long)at.ms);
    return text;
}

struct bh_time_text
bh_display_span(bh_ms span)
{
    struct bh_time_text text;
    const struct bh_span_text words = bh_span_format(span);
    _Static_assert(sizeof(text.text) >= sizeof(words.text), "a span fits");
    memcpy(text.text, words.text, sizeof(words.text));
    return text;
}

struct bh_time_text
bh_display_bytes(int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct bh_time_text text;
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024.0 && unit + 1 < BH_ARRAY_LEN(units); unit++)
        value /= 1024.0;
    snprintf(text.text, sizeof(text.text), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}
