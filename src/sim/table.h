/*
 * table - a bounded hash table from a 128-bit key to a count and an instant.
 *
 * Keys are hashes of texts; two texts with the same 128 bits would be taken for one, which at the
 * sizes here does not happen.  The text itself is kept only where somebody wants to list it.
 */
#ifndef BH_SIM_TABLE_H
#define BH_SIM_TABLE_H

#include "sim/base.h"

struct bh_sim_table_key {
    uint64_t a, b; /* never both 0 */
};

struct bh_sim_table_entry {
    struct bh_sim_table_key key; /* both 0: free */
    int64_t count;
    int64_t until_ms; /* may be dropped after this instant */
    char *text;       /* owned; NULL when not kept */
};

struct bh_sim_table {
    struct bh_sim_table_entry *entries; /* owned */
    size_t capacity;                    /* a power of two, or 0 */
    size_t used;
    size_t max;       /* most entries */
    uint64_t refused; /* entries that did not fit any more */
};

void bh_sim_table_init(struct bh_sim_table *table, size_t max);
void bh_sim_table_release(struct bh_sim_table *table);

/* The key of one to three texts; their borders count. */
struct bh_sim_table_key bh_sim_table_key(struct bh_sim_str a, struct bh_sim_str b,
                                         struct bh_sim_str c);

struct bh_sim_table_entry *bh_sim_table_find(struct bh_sim_table *table,
                                             struct bh_sim_table_key key);

/*
 * Find or make; a new entry is all zero but for its key.  NULL when the table is full even after dropping
 * what is over by `now_ms` (`refused` counts it).  Entries move: the pointer lives until the next put.
 */
struct bh_sim_table_entry *bh_sim_table_put(struct bh_sim_table *table, struct bh_sim_table_key key,
                                            int64_t now_ms);

/* `text` becomes the entry's; the old one is freed. */
void bh_sim_table_replace_text(struct bh_sim_table_entry *entry, char *text);

#define BH_SIM_TABLE_FOREVER INT64_MAX

#endif
