/* The table and a snapshot as text: effective values, the example file, the manual page's list. */
#include <string.h>

#include "core/config_own.h"

#define LINE_MAX_CHARS 100
#define ROFF_LINE_MAX  78
#define FACTS_MAX      4096

static const char *const reload_names[] = {
    [BH_CONFIG_LIVE] = "at once",
    [BH_CONFIG_NEXT_JOB] = "for the next attempts",
    [BH_CONFIG_RESTART] = "only after a restart",
};

/* ---- --print-config ---- */

static void
print_origin(const struct bh_config *config, const struct bh_config_slot *slot, struct bh_buf *buf)
{
    switch (slot->origin) {
    case BH_CONFIG_UNSET:
    case BH_CONFIG_FROM_DEFAULT: bh_buf_append_char(buf, ';'); break;
    case BH_CONFIG_FROM_FILE:
        bh_buf_printf(buf, "# %s:%u\n", config->own->file_name, slot->line);
        break;
    case BH_CONFIG_FROM_ENVIRONMENT:
        bh_buf_printf(buf, "# environment variable %s\n", slot->origin_name);
        break;
    case BH_CONFIG_FROM_SECRET_FILE:
        bh_buf_printf(buf, "# content of %s\n", slot->origin_name);
        break;
    case BH_CONFIG_FROM_SYSTEM: bh_buf_append_text(buf, "# name of this host\n"); break;
    }
}

static enum bh_status
print_values(const struct bh_config *config, const struct bh_config_section *section, size_t queue,
             struct bh_buf *buf)
{
    if (section->is_queue)
        bh_buf_printf(buf, "\n[queue %s]\n", config->queues[queue].name);
    else
        bh_buf_printf(buf, "\n[%s]\n", section->name);
    for (size_t r = 0; r < section->rows_count; r++) {
        const struct bh_config_slot *slot = bh_config_slot_get(config, section, r, queue);
        print_origin(config, slot, buf);
        bh_buf_printf(buf, "%s =%s", section->rows[r].key, slot->len > 0 ? " " : "");
        enum bh_status status = bh_config_slot_show(&section->rows[r], slot, buf);
        if (status != BH_OK)
            return status;
        bh_buf_append_char(buf, '\n');
    }
    return bh_buf_status(buf);
}

enum bh_status
bh_config_print(const struct bh_config *config, struct bh_buf *buf)
{
    bh_buf_append_text(buf,
                       "# What is in force, and above each value where it comes from.  Secrets "
                       "are masked.\n");
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        size_t times = section->is_queue ? config->queues_count : 1;
        for (size_t q = 0; q < times; q++) {
            enum bh_status status = print_values(config, section, q, buf);
            if (status != BH_OK)
                return status;
        }
    }
    return bh_buf_status(buf);
}

/* ---- What a row says about itself ---- */

/* "A duration, 1s to 5m." */
static void
print_values_allowed(const struct bh_config_row *row, struct bh_buf *buf)
{
    struct bh_config_range range = bh_config_row_range(row);
    if (row->type == BH_CONFIG_ENUM)
        bh_buf_printf(buf, "One of %s.", range.text);
    else
        bh_buf_printf(buf, "%s%s%s.", bh_config_type_name(row->type),
                      range.text[0] != '\0' ? ", " : "", range.text);
}

/* " A reload changes it for the next attempts." */
static void
print_reload(const struct bh_config_row *row, struct bh_buf *buf)
{
    bh_buf_printf(buf, " A reload changes it %s.", reload_names[row->reload]);
    if ((row->flags & BH_CONFIG_RESERVED) != 0)
        bh_buf_append_text(buf, " It has no effect in this version.");
}

/* ---- The example ---- */

/* Words of `text` in lines that begin with "# " and have at most 100 characters. */
static void
print_comment(struct bh_str text, struct bh_buf *buf)
{
    struct bh_str word;
    size_t column = 0;
    while (bh_str_split(&text, ' ', &word)) {
        if (column > 0 && column + 1 + word.len > LINE_MAX_CHARS) {
            bh_buf_append_char(buf, '\n');
            column = 0;
        }
        bh_buf_printf(buf, "%s %.*s", column == 0 ? "#" : "", BH_STR_ARGS(word));
        column += (column == 0 ? 2 : 1) + word.len;
    }
    bh_buf_append_char(buf, '\n');
}

static enum bh_status
print_example_row(const struct bh_config_row *row, struct bh_buf *buf)
{
    struct bh_buf facts;
    bh_buf_init(&facts, FACTS_MAX);
    print_values_allowed(row, &facts);
    print_reload(row, &facts);
    enum bh_status status = bh_buf_status(&facts);
    if (status == BH_OK) {
        bh_buf_append_char(buf, '\n');
        print_comment(bh_str_from(row->help), buf);
        print_comment(bh_buf_str(&facts), buf);
        const char *value = row->example != NULL ? row->example : row->fallback;
        bh_buf_printf(buf, "%s%s =%s%s\n", row->example != NULL ? "" : ";", row->key,
                      value[0] != '\0' ? " " : "", value);
    }
    bh_buf_release(&facts);
    return status;
}

static const char example_head[] =
    "# config.example.ini - every key that bellhopd knows.\n"
    "#\n"
    "# It runs as it stands against bellhop-sim on this machine.  For the real gateway delete the "
    "two\n"
    "# lines `url` and `api_key` in [gateway], and put your key into a file named by "
    "api_key_file.\n"
    "#\n"
    "# A line is a [section], `key = value`, or a comment; comments have a line of their own, and "
    "what\n"
    "# begins with `;` is a key with its default.  There is no quoting.  Durations carry a unit "
    "(500ms,\n"
    "# 30s, 5m, 2h, 7d), and so do sizes (B, KiB, MiB, GiB).\n"
    "#\n"
    "# Each key may also be set by an environment variable, which wins over the file:\n"
    "# BELLHOP_SECTION_KEY, such as BELLHOP_GATEWAY_API_KEY, and for queues "
    "BELLHOP_QUEUE_NAME_KEY,\n"
    "# such as BELLHOP_QUEUE_SMS_TTL, where - in a name becomes _.\n"
    "#\n"
    "# `bellhopd --check-config` reads a file and says all that is wrong with it; `bellhopd\n"
    "# --print-config` shows what is in force and where it comes from; SIGHUP makes a running "
    "daemon\n"
    "# read its file again.  This file is the output of `bellhopd --print-example`.\n";

static const char example_voice[] = "\n"
                                    "[queue voice]\n"
                                    "type = voice\n"
                                    ";on_uncertain = hold\n";

enum bh_status
bh_config_print_example(struct bh_buf *buf)
{
    bh_buf_append_text(buf, example_head);
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        bh_buf_append_text(buf, "\n\n");
        print_comment(bh_str_from(section->help), buf);
        bh_buf_printf(buf, "[%s%s]\n", section->name, section->is_queue ? " sms" : "");
        for (size_t r = 0; r < section->rows_count; r++) {
            enum bh_status status = print_example_row(&section->rows[r], buf);
            if (status != BH_OK)
                return status;
        }
        if (section->is_queue)
            bh_buf_append_text(buf, example_voice);
    }
    return bh_buf_status(buf);
}

/* ---- The manual page ---- */

/* A word of running text, without what roff would take for a request or an escape. */
static void
print_roff_word(struct bh_str word, bool starts_line, struct bh_buf *buf)
{
    if (starts_line && word.len > 0 && (word.ptr[0] == '.' || word.ptr[0] == '\''))
        bh_buf_append_text(buf, "\\&");
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\\')
            bh_buf_append_text(buf, "\\e");
        else
            bh_buf_append_char(buf, word.ptr[i]);
    }
}

/* Running text in short lines, each sentence on one of its own, so that roff sees where it ends. */
static void
print_roff(struct bh_str text, struct bh_buf *buf)
{
    struct bh_str word;
    size_t column = 0;
    bool ended = false;
    while (bh_str_split(&text, ' ', &word)) {
        if (column > 0 && (ended || column + 1 + word.len > ROFF_LINE_MAX)) {
            bh_buf_append_char(buf, '\n');
            column = 0;
        }
        if (column > 0)
            bh_buf_append_char(buf, ' ');
        print_roff_word(word, column == 0, buf);
        column += 1 + word.len;
        ended = word.len > 0 && word.ptr[word.len - 1] == '.';
    }
    bh_buf_append_char(buf, '\n');
}

static enum bh_status
print_mdoc_row(const struct bh_config_row *row, struct bh_buf *buf)
{
    struct bh_buf facts;
    bh_buf_init(&facts, FACTS_MAX);
    print_values_allowed(row, &facts);
    if (row->fallback_voice != NULL)
        bh_buf_printf(&facts, " Default: %s, for voice %s.", row->fallback, row->fallback_voice);
    else
        bh_buf_printf(&facts, " Default: %s.", row->fallback[0] != '\0' ? row->fallback : "empty");
    print_reload(row, &facts);
    enum bh_status status = bh_buf_status(&facts);
    if (status == BH_OK) {
        bh_buf_printf(buf, ".It Ic %s\n", row->key);
        print_roff(bh_str_from(row->help), buf);
        bh_buf_append_text(buf, ".Pp\n");
        print_roff(bh_buf_str(&facts), buf);
    }
    bh_buf_release(&facts);
    return status;
}

enum bh_status
bh_config_print_mdoc(struct bh_buf *buf)
{
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        bh_buf_printf(buf, ".Ss [%s%s]\\&\n", section->name, section->is_queue ? " NAME" : "");
        print_roff(bh_str_from(section->help), buf);
        bh_buf_append_text(buf, ".Bl -tag -width Ds\n");
        for (size_t r = 0; r < section->rows_count; r++) {
            enum bh_status status = print_mdoc_row(&section->rows[r], buf);
            if (status != BH_OK)
                return status;
        }
        bh_buf_append_text(buf, ".El\n");
    }
    return bh_buf_status(buf);
}
