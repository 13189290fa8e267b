#include "core/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/* Shorten text that vsnprintf had to cut: not inside a UTF-8 sequence, and visibly. */
static void
mark_cut(char *text, size_t size)
{
    size_t at = size - 4;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    memcpy(text + at, "...", 4);
}

enum bh_status
bh_error_set(struct bh_error *error, const char *field, const char *format, ...)
{
    if (error == NULL)
        return BH_EINVAL;

    int len = snprintf(error->field, sizeof(error->field), "%s", field != NULL ? field : "");
    if (len >= (int)sizeof(error->field))
        mark_cut(error->field, sizeof(error->field));
    va_list args;
    va_start(args, format);
    len = vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    if (len >= (int)sizeof(error->text))
        mark_cut(error->text, sizeof(error->text));
    return BH_EINVAL;
}

/* Would it act on a line or a terminal instead of being seen? */
static bool
is_unprintable(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xFEFF;
}

/* The next character of *rest, as it is or escaped, into `piece`; its length, 0 at the end. */
static size_t
quote_next(struct bh_str *rest, char piece[sizeof("\\xNN") * 4])
{
    static const char digits[] = "0123456789ABCDEF";
    if (rest->len == 0)
        return 0;

    uint32_t code = 0;
    size_t bytes = bh_utf8_decode(*rest, &code);
    bool plain = bytes > 0 && !is_unprintable(code);
    if (bytes == 0)
        bytes = 1;

    size_t len = 0;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)rest->ptr[i];
        if (plain) {
            piece[len++] = (char)byte;
            continue;
        }
        piece[len++] = '\\';
        piece[len++] = 'x';
        piece[len++] = digits[byte >> 4];
        piece[len++] = digits[byte & 0x0F];
    }
    rest->ptr += bytes;
    rest->len -= bytes;
    return len;
}

struct bh_quoted
bh_quote(struct bh_str value)
{
    struct bh_quoted quoted;
    char piece[sizeof("\\xNN") * 4];
    const size_t room = sizeof(quoted.text) - sizeof("...");
    size_t len = 0;
    size_t piece_len;
    for (unsigned count = 0; (piece_len = quote_next(&value, piece)) > 0; count++) {
        if (count == BH_QUOTED_CHARACTERS_MAX || len + piece_len > room) {
            memcpy(quoted.text + len, "...", 3);
            len += 3;
            break;
        }
        memcpy(quoted.text + len, piece, piece_len);
        len += piece_len;
    }
    quoted.text[len] = '\0';
    return quoted;
}
