#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/config_own.h"
#include "core/fault.h"
#include "core/zone.h"

/* ---- Life ---- */

static struct bh_config_private *
new_private(struct bh_config *config, const char *file_name)
{
    struct bh_config_private *own = bh_alloc_zero(sizeof(*own));
    if (own == NULL)
        return NULL;
    atomic_init(&own->refs, 1);
    own->config = config;
    own->file_name = bh_strdup(file_name);
    own->slots = bh_alloc_array(bh_config_global_slots, sizeof(own->slots[0]));
    if (own->file_name == NULL || own->slots == NULL) {
        bh_free(own->file_name);
        bh_free(own->slots);
        bh_free(own);
        return NULL;
    }
    return own;
}

struct bh_config *
bh_config_new(const char *file_name)
{
    struct bh_config *config = bh_alloc_zero(sizeof(*config));
    if (config == NULL)
        return NULL;
    config->queues = bh_alloc_array(BH_CONFIG_QUEUES_MAX, sizeof(config->queues[0]));
    config->own = new_private(config, file_name);
    if (config->queues == NULL || config->own == NULL) {
        bh_free(config->queues);
        if (config->own != NULL) {
            bh_free(config->own->file_name);
            bh_free(config->own->slots);
        }
        bh_free(config->own);
        bh_free(config);
        return NULL;
    }
    return config;
}

static void
free_slots(struct bh_config_slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bh_config_slot_release(&slots[i]);
    bh_free(slots);
}

static void
free_config(struct bh_config *config)
{
    struct bh_config_private *own = config->own;
    free_slots(own->slots, bh_config_global_slots);
    for (size_t i = 0; i < config->queues_count; i++)
        free_slots(own->queues[i].slots, bh_config_queue_slots);
    bh_zone_free(own->zone);
    bh_free(own->file_name);
    bh_free(own);
    bh_free(config->queues);
    bh_free(config);
}

const struct bh_config *
bh_config_retain(const struct bh_config *config)
{
    unsigned before = atomic_fetch_add_explicit(&config->own->refs, 1, memory_order_relaxed);
    BH_ASSERT(before > 0);
    return config;
}

void
bh_config_release(const struct bh_config *config)
{
    if (config == NULL)
        return;
    /* Release, so that our reads are done before; acquire, so that the last one sees that of all others. */
    unsigned before = atomic_fetch_sub_explicit(&config->own->refs, 1, memory_order_acq_rel);
    BH_ASSERT(before > 0);
    if (before == 1)
        free_config(config->own->config);
}

/* ---- Queues ---- */

struct bh_config_queue_own *
bh_config_queue_add(struct bh_config *config, struct bh_str name)
{
    BH_ASSERT(config->queues_count < BH_CONFIG_QUEUES_MAX);
    BH_ASSERT(name.len >= 1 && name.len <= BH_CONFIG_QUEUE_NAME_MAX);
    struct bh_config_queue_own *own = &config->own->queues[config->queues_count];
    own->slots = bh_alloc_array(bh_config_queue_slots, sizeof(own->slots[0]));
    if (own->slots == NULL)
        return NULL;
    memcpy(config->queues[config->queues_count].name, name.ptr, name.len);
    config->queues_count++;
    return own;
}

const struct bh_queue_config *
bh_config_queue_get(const struct bh_config *config, struct bh_str name)
{
    for (size_t i = 0; i < config->queues_count; i++) {
        if (bh_str_equal_text(name, config->queues[i].name))
            return &config->queues[i];
    }
    return NULL;
}

enum bh_status
bh_config_number_queues(struct bh_config *fresh, const struct bh_config *old,
                        struct bh_error *error)
{
    unsigned used = old != NULL ? old->own->numbers_used : 0;
    for (size_t i = 0; i < fresh->queues_count; i++) {
        struct bh_queue_config *queue = &fresh->queues[i];
        const struct bh_queue_config *before =
            old != NULL ? bh_config_queue_get(old, bh_str_from(queue->name)) : NULL;
        if (before == NULL && used == BH_CONFIG_QUEUE_NUMBERS_MAX) {
            (void)bh_error_set(
                error, "",
                "this process has met %d names of queues since its start, which is all "
                "it can tell apart; restart it to take [queue %s] in.",
                BH_CONFIG_QUEUE_NUMBERS_MAX, queue->name);
            return BH_ETOOBIG;
        }
        queue->no = before != NULL ? before->no : used++;
    }
    fresh->own->numbers_used = used;
    return BH_OK;
}

/* ---- Slots ---- */

struct bh_config_slot *
bh_config_slot_get(const struct bh_config *config, const struct bh_config_section *section,
                   size_t row, size_t queue)
{
    BH_ASSERT(row < section->rows_count);
    if (!section->is_queue)
        return &config->own->slots[section->slots_at + row];
    BH_ASSERT(queue < config->queues_count);
    return &config->own->queues[queue].slots[row];
}

/* A schedule of the file beats the one that belongs to a code of the gateway; the default does not. */
static void
mark_written_schedules(struct bh_config *config)
{
    const struct bh_config_section *section = bh_config_section_get(BH_STR_LITERAL("queue"));
    const struct bh_config_row *row = bh_config_row_get(section, BH_STR_LITERAL("retry"));
    for (size_t q = 0; q < config->queues_count; q++) {
        const struct bh_config_slot *slot =
            bh_config_slot_get(config, section, (size_t)(row - section->rows), q);
        config->queues[q].retry_written = slot->origin != BH_CONFIG_FROM_DEFAULT;
    }
}

void
bh_config_apply(struct bh_config *config)
{
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        size_t times = section->is_queue ? config->queues_count : 1;
        for (size_t q = 0; q < times; q++) {
            void *base = section->is_queue ? (void *)&config->queues[q] : (void *)config;
            for (size_t r = 0; r < section->rows_count; r++)
                bh_config_slot_apply(&section->rows[r], bh_config_slot_get(config, section, r, q),
                                     base);
        }
    }
    mark_written_schedules(config);
    config->gateway.zone = config->own->zone;
}

struct bh_config_where
bh_config_slot_where(const struct bh_config *config, const struct bh_config_slot *slot)
{
    struct bh_config_where where;
    const char *file = config->own->file_name;
    if (slot->origin == BH_CONFIG_FROM_FILE)
        snprintf(where.text, sizeof(where.text), "%.400s:%u:%u", file, slot->line, slot->column);
    else if (slot->origin == BH_CONFIG_FROM_ENVIRONMENT ||
             slot->origin == BH_CONFIG_FROM_SECRET_FILE)
        snprintf(where.text, sizeof(where.text), "%.500s", slot->origin_name);
    else
        snprintf(where.text, sizeof(where.text), "%.500s", file);
    return where;
}

struct bh_config_label
bh_config_label(const struct bh_config *config, const struct bh_config_section *section, size_t row,
                size_t queue)
{
    struct bh_config_label label;
    snprintf(label.text, sizeof(label.text), "[%s%s%s] %s", section->name,
             section->is_queue ? " " : "", section->is_queue ? config->queues[queue].name : "",
             section->rows[row].key);
    return label;
}
