#include <string.h>

#include "core/alloc.h"
#include "core/ascii.h"
#include "core/config_own.h"
#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/ini.h"

struct reader {
    const struct bh_config_source *source;
    struct bh_config_report *report;
    struct bh_config *config;
    const struct bh_config_section
        *section; /* that of the lines now read; NULL: none that we know */
    size_t queue;
    bool queue_seen; /* also one that was refused */
    unsigned section_lines[BH_CONFIG_SECTIONS];
};

static struct bh_config_where
where_in_file(const struct reader *reader, unsigned line, unsigned column)
{
    struct bh_config_slot here = {.origin = BH_CONFIG_FROM_FILE, .line = line, .column = column};
    return bh_config_slot_where(reader->config, &here);
}

#define FAULT(reader, line, column, ...)                                                           \
    bh_config_report_add((reader)->report, BH_CONFIG_ERROR,                                        \
                         where_in_file((reader), (line), (column)).text, __VA_ARGS__)

/* ---- Sections ---- */

static bool
is_queue_name(struct bh_str name)
{
    if (name.len == 0 || name.len > BH_CONFIG_QUEUE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !bh_is_digit(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* A section that stands twice is read on, so that what is wrong inside is told too. */
static enum bh_status
open_queue(struct reader *reader, const struct bh_ini_item *item)
{
    struct bh_config *config = reader->config;
    reader->queue_seen = true;
    reader->section = NULL;
    if (!is_queue_name(item->name)) {
        FAULT(reader, item->line, item->column,
              "a queue is written [queue NAME], its name 1 to %d characters of a-z, 0-9, - and "
              "_%s%s.",
              BH_CONFIG_QUEUE_NAME_MAX, item->name.len > 0 ? "; this is " : "",
              bh_quote(item->name).text);
        return BH_OK;
    }
    const struct bh_queue_config *twin = bh_config_queue_get(config, item->name);
    if (twin != NULL) {
        reader->queue = (size_t)(twin - config->queues);
        FAULT(reader, item->line, item->column, "[queue %s] stands already in line %u.", twin->name,
              config->own->queues[reader->queue].line);
    } else if (config->queues_count == BH_CONFIG_QUEUES_MAX) {
        FAULT(reader, item->line, item->column, "there are more than %d queues.",
              BH_CONFIG_QUEUES_MAX);
        return BH_OK;
    } else {
        struct bh_config_queue_own *own = bh_config_queue_add(config, item->name);
        if (own == NULL)
            return BH_ENOMEM;
        own->line = item->line;
        own->column = item->column;
        reader->queue = config->queues_count - 1;
    }
    reader->section = bh_config_section_get(item->section);
    return BH_OK;
}

static void
open_section(struct reader *reader, const struct bh_config_section *section,
             const struct bh_ini_item *item)
{
    unsigned *line = &reader->section_lines[section - bh_config_sections];
    reader->section = section;
    if (item->name.len > 0)
        FAULT(reader, item->line, item->column, "[%s] takes no name; only queues have one.",
              section->name);
    if (*line != 0)
        FAULT(reader, item->line, item->column, "[%s] stands already in line %u.", section->name,
              *line);
    else
        *line = item->line;
}

static enum bh_status
read_section(struct reader *reader, const struct bh_ini_item *item)
{
    const struct bh_config_section *section = bh_config_section_get(item->section);
    if (section != NULL && section->is_queue)
        return open_queue(reader, item);
    if (section != NULL) {
        open_section(reader, section, item);
        return BH_OK;
    }
    const char *names[BH_CONFIG_SECTIONS];
    for (size_t i = 0; i < BH_CONFIG_SECTIONS; i++)
        names[i] = bh_config_sections[i].name;
    const char *guess = bh_did_you_mean(item->section, names, BH_CONFIG_SECTIONS);
    FAULT(reader, item->line, item->column, "there is no section [%s]%s%s%s",
          bh_quote(item->section).text, guess != NULL ? "; did you mean [" : ".",
          guess != NULL ? guess : "", guess != NULL ? "]?" : "");
    reader->section = NULL;
    return BH_OK;
}

/* ---- Values ---- */

/* The section that has such a key, other than the one it was written in; NULL: none. */
static const struct bh_config_section *
find_home(struct bh_str key)
{
    for (size_t i = 0; i < BH_CONFIG_SECTIONS; i++) {
        if (bh_config_row_get(&bh_config_sections[i], key) != NULL)
            return &bh_config_sections[i];
    }
    return NULL;
}

static void
refuse_key(struct reader *reader, const struct bh_ini_item *item)
{
    const struct bh_config_section *section = reader->section;
    const char *names[64];
    BH_ASSERT(section->rows_count <= BH_ARRAY_LEN(names));
    for (size_t i = 0; i < section->rows_count; i++)
        names[i] = section->rows[i].key;
    const char *guess = bh_did_you_mean(item->key, names, section->rows_count);
    const struct bh_config_section *home = find_home(item->key);
    struct bh_quoted key = bh_quote(item->key);

    if (home != NULL)
        FAULT(reader, item->line, item->column, "[%s] has no key `%s`; it belongs to [%s%s].",
              section->name, key.text, home->name, home->is_queue ? " NAME" : "");
    else if (guess != NULL)
        FAULT(reader, item->line, item->column, "[%s] has no key `%s`; did you mean `%s`?",
              section->name, key.text, guess);
    else
        FAULT(reader, item->line, item->column, "[%s] has no key `%s`.", section->name, key.text);
}

/* There is no quoting, so whoever quotes gets the quotes. */
static bool
is_in_quotes(struct bh_str value)
{
    return value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
           value.ptr[value.len - 1] == value.ptr[0];
}

static enum bh_status
set_from_file(struct reader *reader, size_t row_at, struct bh_config_slot *slot,
              const struct bh_ini_item *item)
{
    const struct bh_config_row *row = &reader->section->rows[row_at];
    struct bh_config_label label =
        bh_config_label(reader->config, reader->section, row_at, reader->queue);
    struct bh_error error;
    slot->origin = BH_CONFIG_FROM_FILE;
    slot->line = item->line;
    slot->column = item->value_column;
    enum bh_status status = bh_config_slot_read(row, item->value, slot, &error);
    if (status == BH_EINVAL) {
        slot->broken = true;
        FAULT(reader, item->line, item->value_column, "%s: %s", label.text, error.text);
        return BH_OK;
    }
    if (status == BH_OK && is_in_quotes(item->value))
        bh_config_report_add(reader->report, BH_CONFIG_WARNING,
                             bh_config_slot_where(reader->config, slot).text,
                             "%s: the quotes are taken as part of the value.", label.text);
    return status;
}

static enum bh_status
read_value(struct reader *reader, const struct bh_ini_item *item)
{
    const struct bh_config_section *section = reader->section;
    if (section == NULL)
        return BH_OK;
    const struct bh_config_row *row = bh_config_row_get(section, item->key);
    if (row == NULL) {
        refuse_key(reader, item);
        return BH_OK;
    }
    size_t row_at = (size_t)(row - section->rows);
    struct bh_config_slot *slot =
        bh_config_slot_get(reader->config, section, row_at, reader->queue);
    if (slot->origin != BH_CONFIG_UNSET) {
        FAULT(reader, item->line, item->column, "%s: the key stands already in line %u.",
              bh_config_label(reader->config, section, row_at, reader->queue).text, slot->line);
        return BH_OK;
    }
    return set_from_file(reader, row_at, slot, item);
}

static enum bh_status
read_file(struct reader *reader)
{
    struct bh_ini ini;
    struct bh_ini_item item;
    enum bh_status status = BH_OK;
    bh_ini_init(&ini, reader->source->file_bytes);
    while (status == BH_OK && bh_ini_next(&ini, &item) != BH_INI_END) {
        if (item.kind == BH_INI_SECTION)
            status = read_section(reader, &item);
        else if (item.kind == BH_INI_VALUE)
            status = read_value(reader, &item);
        else
            FAULT(reader, item.line, item.column, "%s", item.fault.text);
    }
    return status;
}

/* ---- Defaults ---- */

/* What the table itself says must always be readable; a test reads every default. */
static enum bh_status
set_default(const struct bh_config_row *row, enum bh_job_type type, struct bh_config_slot *slot)
{
    struct bh_error error;
    const char *text = bh_config_row_fallback(row, type);
    enum bh_status status = bh_config_slot_read(row, bh_str_from(text), slot, &error);
    BH_ASSERT(status == BH_OK || status == BH_ENOMEM);
    if (slot->origin == BH_CONFIG_UNSET)
        slot->origin = BH_CONFIG_FROM_DEFAULT;
    return status;
}

static enum bh_status
set_defaults_of(struct bh_config *config, const struct bh_config_section *section, size_t queue)
{
    enum bh_job_type type = BH_JOB_SMS;
    for (size_t r = 0; r < section->rows_count; r++) {
        struct bh_config_slot *slot = bh_config_slot_get(config, section, r, queue);
        if (slot->text == NULL && set_default(&section->rows[r], type, slot) != BH_OK)
            return BH_ENOMEM;
        /* The type is the first row of a queue, since later defaults depend on it. */
        if (section->is_queue && r == 0)
            type = (enum bh_job_type)slot->number;
    }
    return BH_OK;
}

/* The host's name, as far as it is a word. */
static enum bh_status
set_instance(struct reader *reader)
{
    const struct bh_config_section *pool = bh_config_section_get(BH_STR_LITERAL("pool"));
    const struct bh_config_row *row = bh_config_row_get(pool, BH_STR_LITERAL("instance"));
    struct bh_config_slot *slot =
        bh_config_slot_get(reader->config, pool, (size_t)(row - pool->rows), 0);
    if (slot->len > 0)
        return BH_OK;

    char name[65];
    size_t len = 0;
    for (const char *c = reader->source->host_name; *c != '\0' && len < sizeof(name) - 1; c++) {
        bool word = bh_is_alnum(*c) || *c == '.' || *c == '_' || *c == '-';
        name[len++] = (char)(word ? *c : '-');
    }
    slot->origin = BH_CONFIG_FROM_SYSTEM;
    return bh_config_slot_read(row, (struct bh_str){name, len}, slot, NULL);
}

static enum bh_status
set_defaults(struct reader *reader)
{
    struct bh_config *config = reader->config;
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        size_t times = section->is_queue ? config->queues_count : 1;
        for (size_t q = 0; q < times; q++) {
            if (set_defaults_of(config, section, q) != BH_OK)
                return BH_ENOMEM;
        }
    }
    return set_instance(reader);
}

/* ---- The whole ---- */

/* A login in a URL is a secret too, and so is a query. */
static bool
holds_secret(const struct bh_config_row *row, const struct bh_config_slot *slot)
{
    struct bh_str text = {slot->text, slot->len};
    struct bh_config_url url;
    if (row->type == BH_CONFIG_SECRET)
        return slot->len > 0;
    if (row->type == BH_CONFIG_REDIS_URL || row->type == BH_CONFIG_PROXY_URL)
        return bh_config_url_split(text, &url) && url.login.ptr != NULL;
    if (row->type == BH_CONFIG_HTTP_URL)
        return text.len > 0 && memchr(text.ptr, '?', text.len) != NULL;
    return false;
}

static void
warn_of_exposure(const struct reader *reader)
{
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        for (size_t r = 0; r < section->rows_count && !section->is_queue; r++) {
            const struct bh_config_slot *slot = bh_config_slot_get(reader->config, section, r, 0);
            if (slot->origin != BH_CONFIG_FROM_FILE || !holds_secret(&section->rows[r], slot))
                continue;
            bh_config_report_add(reader->report, BH_CONFIG_WARNING,
                                 bh_config_slot_where(reader->config, slot).text,
                                 "%s: a secret stands in a file that others than the owner may "
                                 "read; take that right away, or use a file for the secret alone.",
                                 bh_config_label(reader->config, section, r, 0).text);
        }
    }
}

static enum bh_status
read_all(struct reader *reader)
{
    const struct bh_config_source *source = reader->source;
    struct bh_config *config = reader->config;
    if (read_file(reader) != BH_OK ||
        bh_config_read_environment(config, source->environment, reader->report) != BH_OK ||
        set_defaults(reader) != BH_OK ||
        bh_config_read_secrets(config, &source->files, reader->report) != BH_OK ||
        bh_config_read_zone(config, &source->files, reader->report) != BH_OK)
        return BH_ENOMEM;

    bh_config_apply(config);
    if (!reader->queue_seen)
        bh_config_report_add(reader->report, BH_CONFIG_ERROR, source->file_name,
                             "there is no queue; add a section like [queue sms].");
    bh_config_check(config, reader->report);
    if (source->file_exposed)
        warn_of_exposure(reader);
    return reader->report->failed;
}

enum bh_status
bh_config_read(const struct bh_config_source *source, struct bh_config_report *report,
               struct bh_config **ret_config)
{
    struct bh_config *config = bh_config_new(source->file_name);
    if (config == NULL)
        return BH_ENOMEM;
    struct reader reader = {.source = source, .report = report, .config = config};
    enum bh_status status = read_all(&reader);
    if (status == BH_OK && report->errors > 0)
        status = BH_EINVAL;
    if (status == BH_OK)
        status = bh_config_number_queues(config, NULL, NULL);
    if (status != BH_OK) {
        bh_config_release(config);
        return status;
    }
    *ret_config = config;
    return BH_OK;
}
