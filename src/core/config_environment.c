/* BELLHOP_SECTION_KEY, BELLHOP_QUEUE_NAME_KEY: values that the environment sets over those of the file. */
#include <string.h>

#include "core/alloc.h"
#include "core/ascii.h"
#include "core/config_own.h"
#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/utf8.h"

#define PREFIX BH_STR_LITERAL("BELLHOP_")

struct variable {
    struct bh_str name;
    struct bh_str value;
};

/* What a variable may mean. */
struct meaning {
    const struct bh_config_section *section;
    size_t row;
    size_t queue;
    unsigned count; /* how many keys go by this name */
};

struct name {
    char text[160];
    size_t len;
};

static void
append(struct name *name, const char *text)
{
    for (; *text != '\0' && name->len < sizeof(name->text) - 1; text++) {
        char c = *text;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        name->text[name->len++] = c == '-' ? '_' : c;
    }
    name->text[name->len] = '\0';
}

/* "BELLHOP_SECTION_" or "BELLHOP_QUEUE_NAME_"; `queue` NULL for the other sections. */
static struct name
section_name(const struct bh_config_section *section, const char *queue)
{
    struct name name = {"", 0};
    append(&name, "BELLHOP_");
    append(&name, section->name);
    append(&name, "_");
    if (queue != NULL) {
        append(&name, queue);
        append(&name, "_");
    }
    return name;
}

static void
look_in(const struct bh_config_section *section, const char *queue, size_t queue_at,
        struct bh_str variable, struct meaning *meaning)
{
    struct name prefix = section_name(section, queue);
    if (!bh_str_starts_with(variable, (struct bh_str){prefix.text, prefix.len}))
        return;
    for (size_t r = 0; r < section->rows_count; r++) {
        struct name whole = prefix;
        append(&whole, section->rows[r].key);
        if (!bh_str_equal_text(variable, whole.text))
            continue;
        meaning->section = section;
        meaning->row = r;
        meaning->queue = queue_at;
        meaning->count++;
    }
}

/*
 * All keys that the name may mean.  More than one is possible: queues a-b and a_b give the same name, and
 * BELLHOP_QUEUE_X_DEAD_TTL is `dead_ttl` of queue x and `ttl` of queue x-dead.
 */
static struct meaning
find_meaning(const struct bh_config *config, struct bh_str variable)
{
    struct meaning meaning = {0};
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        if (!section->is_queue)
            look_in(section, NULL, 0, variable, &meaning);
        for (size_t q = 0; q < config->queues_count && section->is_queue; q++)
            look_in(section, config->queues[q].name, q, variable, &meaning);
    }
    return meaning;
}

/* The nearest name in the same section, made readable in *ret_guess; false: none is near. */
static bool
guess_in(const struct bh_config_section *section, const char *queue, struct bh_str variable,
         struct name *ret_guess)
{
    const char *keys[64];
    struct name prefix = section_name(section, queue);
    if (!bh_str_starts_with(variable, (struct bh_str){prefix.text, prefix.len}))
        return false;
    BH_ASSERT(section->rows_count <= BH_ARRAY_LEN(keys));
    for (size_t r = 0; r < section->rows_count; r++)
        keys[r] = section->rows[r].key;

    char lower[64];
    size_t len = variable.len - prefix.len;
    if (len >= sizeof(lower))
        return false;
    for (size_t i = 0; i < len; i++)
        lower[i] = bh_to_lower(variable.ptr[prefix.len + i]);
    const char *key = bh_did_you_mean((struct bh_str){lower, len}, keys, section->rows_count);
    if (key == NULL)
        return false;
    *ret_guess = prefix;
    append(ret_guess, key);
    return true;
}

/*
 * A name of ours that means nothing.  Only a warning: container platforms set variables such as
 * BELLHOP_REDIS_PORT for a service called bellhop-redis, which nobody wrote.  Names of no section
 * belong to other programs.
 */
static void
warn_of_unknown(const struct bh_config *config, struct bh_str variable,
                struct bh_config_report *report)
{
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        struct name prefix = section_name(section, NULL), guess;
        if (!bh_str_starts_with(variable, (struct bh_str){prefix.text, prefix.len}))
            continue;
        bool near = !section->is_queue && guess_in(section, NULL, variable, &guess);
        for (size_t q = 0; q < config->queues_count && section->is_queue && !near; q++)
            near = guess_in(section, config->queues[q].name, variable, &guess);
        bh_config_report_add(report, BH_CONFIG_WARNING, bh_quote(variable).text,
                             "no key goes by the name of this variable, so it has no effect%s%s%s",
                             near ? "; did you mean " : ".", near ? guess.text : "",
                             near ? "?" : "");
        return;
    }
}

static bool
is_clean(struct bh_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return bh_utf8_is_valid(value);
}

static enum bh_status
set_from_variable(struct bh_config *config, const struct meaning *meaning,
                  const struct variable *variable, struct bh_config_report *report)
{
    const struct bh_config_row *row = &meaning->section->rows[meaning->row];
    struct bh_config_slot *slot =
        bh_config_slot_get(config, meaning->section, meaning->row, meaning->queue);
    struct bh_error error;
    enum bh_status status =
        bh_config_slot_set_origin(slot, BH_CONFIG_FROM_ENVIRONMENT, variable->name);
    if (status != BH_OK)
        return status;
    slot->broken = false;

    status = bh_config_slot_read(row, bh_str_trim(variable->value), slot, &error);
    if (status != BH_EINVAL)
        return status;
    slot->broken = true;
    bh_config_report_add(
        report, BH_CONFIG_ERROR, slot->origin_name, "%s: %s",
        bh_config_label(config, meaning->section, meaning->row, meaning->queue).text, error.text);
    return BH_OK;
}

static enum bh_status
read_variable(struct bh_config *config, const struct variable *variable,
              struct bh_config_report *report)
{
    struct meaning meaning = find_meaning(config, variable->name);
    if (meaning.count == 0) {
        warn_of_unknown(config, variable->name, report);
        return BH_OK;
    }
    struct bh_quoted name = bh_quote(variable->name);
    if (meaning.count > 1) {
        bh_config_report_add(report, BH_CONFIG_ERROR, name.text,
                             "%u keys go by the name of this variable; set them in the file.",
                             meaning.count);
        return BH_OK;
    }
    if (!is_clean(variable->value)) {
        bh_config_report_add(report, BH_CONFIG_ERROR, name.text,
                             "the value holds control characters or is not UTF-8.");
        return BH_OK;
    }
    return set_from_variable(config, &meaning, variable, report);
}

enum bh_status
bh_config_read_environment(struct bh_config *config, const char *const *environment,
                           struct bh_config_report *report)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        struct bh_str entry = bh_str_from(*environment);
        const char *equals = entry.len > 0 ? memchr(entry.ptr, '=', entry.len) : NULL;
        if (equals == NULL || !bh_str_starts_with(entry, PREFIX))
            continue;
        struct variable variable = {
            .name = {entry.ptr,  (size_t)(equals - entry.ptr)                },
            .value = {equals + 1, entry.len - (size_t)(equals - entry.ptr) - 1},
        };
        if (read_variable(config, &variable, report) != BH_OK)
            return BH_ENOMEM;
    }
    return BH_OK;
}
