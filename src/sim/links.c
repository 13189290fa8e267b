#include "sim/links.h"

#include <stdio.h>
#include <string.h>

#define FILES_MAX 100

static void
append_link(struct bh_sim_buf *buf, struct bh_sim_str a, struct bh_sim_str b)
{
    static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
    uint64_t hash = bh_sim_hash(b, bh_sim_hash(a, 7));
    bh_sim_buf_text(buf, "https://ul.gl/");
    for (int at = 0; at < 7; at++, hash /= sizeof letters - 1)
        bh_sim_buf_char(buf, letters[hash % (sizeof letters - 1)]);
}

static bool
is_base64(struct bh_sim_str text)
{
    size_t count = 0, padding = 0;
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '\r' || c == '\n')
            continue;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
        if (c == '=')
            padding++;
        else if (!letter || padding > 0)
            return false;
        count++;
    }
    return count > 0 && count % 4 == 0 && padding <= 2;
}

static bool
file_field(const struct bh_sim_params *params, int index, const char *field,
           struct bh_sim_str *ret_value)
{
    char key[64];
    snprintf(key, sizeof key, "files[%d][%s]", index, field);
    return bh_sim_params_get(params, key, ret_value);
}

/* Replace all [[name]] in `text`, in place of the buffer. */
static void
replace(struct bh_sim_buf *text, struct bh_sim_str name, struct bh_sim_str contents)
{
    struct bh_sim_buf mark = {0}, out = {0};
    bh_sim_buf_printf(&mark, "[[%.*s]]", BH_SIM_STR_ARGS(name));
    for (size_t at = 0; at < text->len;) {
        if (text->len - at >= mark.len && memcmp(text->ptr + at, mark.ptr, mark.len) == 0) {
            append_link(&out, name, contents);
            at += mark.len;
        } else {
            bh_sim_buf_char(&out, text->ptr[at++]);
        }
    }
    bh_sim_buf_release(&mark);
    bh_sim_buf_release(text);
    *text = out;
}

bool
bh_sim_links_files(const struct bh_sim_params *params, struct bh_sim_str text,
                   struct bh_sim_buf *buf)
{
    struct bh_sim_buf current = {0};
    bh_sim_buf_str(&current, text);
    bool good = true;
    for (int index = 0; good && index < FILES_MAX; index++) {
        struct bh_sim_str name = BH_SIM_STR_EMPTY, contents = BH_SIM_STR_EMPTY;
        bool has_name = file_field(params, index, "name", &name);
        bool has_contents = file_field(params, index, "contents", &contents);
        if (!has_name && !has_contents)
            break;
        good = name.len > 0 && is_base64(contents);
        if (good)
            replace(&current, name, contents);
    }
    if (good)
        bh_sim_buf_str(buf, bh_sim_buf_view(&current));
    bh_sim_buf_release(&current);
    return good;
}

void
bh_sim_links_track(struct bh_sim_str text, struct bh_sim_buf *buf)
{
    for (size_t at = 0; at < text.len;) {
        struct bh_sim_str rest = bh_sim_str_tail(text, at);
        if (!bh_sim_str_starts(rest, "http://") && !bh_sim_str_starts(rest, "https://")) {
            bh_sim_buf_char(buf, text.ptr[at++]);
            continue;
        }
        size_t len = 0;
        while (len < rest.len && (unsigned char)rest.ptr[len] > ' ' && rest.ptr[len] != '"' &&
               rest.ptr[len] != '<' && rest.ptr[len] != '>')
            len++;
        /* A full stop behind an address ends the sentence, not the address. */
        while (len > 8 && strchr(".,;:!?)", rest.ptr[len - 1]) != NULL)
            len--;
        append_link(buf, (struct bh_sim_str){rest.ptr, len}, BH_SIM_STR("tracked"));
        at += len;
    }
}
