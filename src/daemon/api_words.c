#include "daemon/api_words.h"

#include <string.h>

#include "core/ascii.h"
#include "core/buf.h"
#include "core/mask.h"

/* More recipients than this are counted, not named. */
#define RECIPIENTS_SHOWN 5

/* So many digits in a row, blanks and the like in between or not, may be somebody's number. */
#define NUMBER_DIGITS 6

#define WORDS_MAX 4096

void
bh_api_put_recipients(struct bh_json_writer *writer, struct bh_str to, bool admin)
{
    struct bh_str rest = to, recipient;
    int64_t count = 0;
    bh_json_open_array(writer, "to");
    while (to.len > 0 && bh_str_split(&rest, ',', &recipient)) {
        struct bh_str name = bh_str_trim(recipient);
        if (++count > RECIPIENTS_SHOWN)
            continue;
        if (admin)
            bh_json_put_string(writer, NULL, name);
        else
            bh_json_put_text(writer, NULL, bh_mask_msisdn(name).text);
    }
    bh_json_close_array(writer);
    bh_json_put_int(writer, "to_count", count);
}

/* The length of a run of digits, with single separators inside, and how many digits it has. */
static size_t
run_of_digits(const char *text, size_t len, size_t *ret_digits)
{
    size_t at = 0, end = 0, digits = 0;
    while (at < len) {
        bool separator = memchr(" -/()", text[at], 5) != NULL && at == end && at > 0;
        if (bh_is_digit(text[at])) {
            digits++;
            end = at + 1;
        } else if (!separator) {
            break;
        }
        at++;
    }
    *ret_digits = digits;
    return end;
}

static void
append_hidden(struct bh_buf *buf, struct bh_str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t digits = 0;
        size_t run = run_of_digits(text.ptr + at, text.len - at, &digits);
        if (run == 0) {
            (void)bh_buf_append_char(buf, text.ptr[at++]);
            continue;
        }
        for (size_t i = 0; i < run; i++) {
            bool hide = digits >= NUMBER_DIGITS && bh_is_digit(text.ptr[at + i]);
            (void)bh_buf_append_char(buf, hide ? '*' : text.ptr[at + i]);
        }
        at += run;
    }
}

void
bh_api_put_words(struct bh_json_writer *writer, const char *name, struct bh_str text, bool admin)
{
    const struct bh_str cut = {text.ptr, text.len < WORDS_MAX ? text.len : WORDS_MAX};
    struct bh_buf hidden;
    if (admin) {
        bh_json_put_string(writer, name, cut);
        return;
    }
    bh_buf_init(&hidden, WORDS_MAX + 1);
    append_hidden(&hidden, cut);
    bh_json_put_string(writer, name, bh_buf_str(&hidden));
    bh_buf_release(&hidden);
}

void
bh_api_hide(struct bh_str text, char *hidden, size_t size)
{
    const struct bh_str cut = {text.ptr, text.len < size ? text.len : size - 1};
    struct bh_buf buf;
    bh_buf_init(&buf, size);
    append_hidden(&buf, cut);
    struct bh_str shown = bh_buf_str(&buf);
    /* Short of memory nothing is told. */
    size_t len = bh_buf_status(&buf) == BH_OK ? shown.len : 0;
    if (len > 0)
        memcpy(hidden, shown.ptr, len);
    hidden[len] = '\0';
    bh_buf_release(&buf);
}
