#include "sim/table.h"

#include <stdlib.h>

#define FIRST_CAPACITY 1024u

void
bh_sim_table_init(struct bh_sim_table *table, size_t max)
{
    *table = (struct bh_sim_table){.max = max};
}

static void
clear(struct bh_sim_table *table)
{
    for (size_t at = 0; at < table->capacity; at++)
        free(table->entries[at].text);
    free(table->entries);
    bh_sim_table_init(table, table->max);
}

void
bh_sim_table_release(struct bh_sim_table *table)
{
    clear(table);
}

struct bh_sim_table_key
bh_sim_table_key(struct bh_sim_str a, struct bh_sim_str b, struct bh_sim_str c)
{
    struct bh_sim_table_key key = {0, 0};
    const struct bh_sim_str parts[] = {a, b, c};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(parts); at++) {
        key.a = bh_sim_hash(parts[at], key.a + parts[at].len + 1);
        key.b = bh_sim_hash(parts[at], ~key.b + parts[at].len + 77);
    }
    key.b |= 1;
    return key;
}

static bool
is_free(const struct bh_sim_table_entry *entry)
{
    return entry->key.b == 0;
}

/* The entry of that key, or the free place where it belongs.  The table is never full. */
static struct bh_sim_table_entry *
slot_of(struct bh_sim_table_entry *entries, size_t capacity, struct bh_sim_table_key key)
{
    size_t at = (size_t)key.a & (capacity - 1);
    while (!is_free(&entries[at]) && (entries[at].key.a != key.a || entries[at].key.b != key.b))
        at = (at + 1) & (capacity - 1);
    return &entries[at];
}

struct bh_sim_table_entry *
bh_sim_table_find(struct bh_sim_table *table, struct bh_sim_table_key key)
{
    if (table->capacity == 0)
        return NULL;
    struct bh_sim_table_entry *entry = slot_of(table->entries, table->capacity, key);
    return is_free(entry) ? NULL : entry;
}

/* Move what is still wanted into a table of `capacity` places. */
static void
rebuild(struct bh_sim_table *table, size_t capacity, int64_t now_ms)
{
    struct bh_sim_table_entry *entries = bh_sim_alloc_zero(capacity * sizeof *entries);
    size_t used = 0;
    for (size_t at = 0; at < table->capacity; at++) {
        struct bh_sim_table_entry *entry = &table->entries[at];
        if (is_free(entry))
            continue;
        if (entry->until_ms <= now_ms) {
            free(entry->text);
            continue;
        }
        *slot_of(entries, capacity, entry->key) = *entry;
        used++;
    }
    free(table->entries);
    table->entries = entries;
    table->capacity = capacity;
    table->used = used;
}

static size_t
count_alive(const struct bh_sim_table *table, int64_t now_ms)
{
    size_t alive = 0;
    for (size_t at = 0; at < table->capacity; at++)
        if (!is_free(&table->entries[at]) && table->entries[at].until_ms > now_ms)
            alive++;
    return alive;
}

static void
make_room(struct bh_sim_table *table, int64_t now_ms)
{
    if (table->capacity == 0) {
        rebuild(table, FIRST_CAPACITY, now_ms);
        return;
    }
    if (table->used * 4 < table->capacity * 3)
        return;
    bool half_dead = count_alive(table, now_ms) * 2 < table->used;
    rebuild(table, half_dead ? table->capacity : table->capacity * 2, now_ms);
}

struct bh_sim_table_entry *
bh_sim_table_put(struct bh_sim_table *table, struct bh_sim_table_key key, int64_t now_ms)
{
    struct bh_sim_table_entry *entry = bh_sim_table_find(table, key);
    if (entry != NULL)
        return entry;
    if (table->used >= table->max && count_alive(table, now_ms) * 2 < table->used)
        rebuild(table, table->capacity, now_ms);
    if (table->used >= table->max) {
        table->refused++;
        return NULL;
    }
    make_room(table, now_ms);
    entry = slot_of(table->entries, table->capacity, key);
    entry->key = key;
    entry->until_ms = BH_SIM_TABLE_FOREVER;
    table->used++;
    return entry;
}

void
bh_sim_table_replace_text(struct bh_sim_table_entry *entry, char *text)
{
    free(entry->text);
    entry->text = text;
}
