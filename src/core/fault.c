#include "core/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

    snprintf(error->field, sizeof(error->field), "%s", field != NULL ? field : "");
    va_list args;
    va_start(args, format);
    int len = vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    if (len >= (int)sizeof(error->text))
        mark_cut(error->text, sizeof(error->text));
    return BH_EINVAL;
}
