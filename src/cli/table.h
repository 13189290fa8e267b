/*
 * table - rows of cells as aligned columns.
 *
 * Without colour and with the terminal's width ignored on purpose: a line that wraps can be read, a cell that was cut
 * cannot.
 */
#ifndef BH_CLI_TABLE_H
#define BH_CLI_TABLE_H

#include "cli/display.h"

#define BH_TABLE_COLUMNS_MAX 16

struct bh_table_cell {
    char *text; /* owned */
    enum bh_style style;
};

/* Private to table.c. */
struct bh_table {
    size_t columns;
    unsigned right;              /* bit per column: aligned to the right */
    struct bh_table_cell *cells; /* owned; row by row */
    size_t count;
    size_t capacity;
    enum bh_status failed;
};

void bh_table_init(struct bh_table *table, size_t columns, unsigned right);
void bh_table_release(struct bh_table *table);

/* The next cell; a row is full after `columns` of them.  Trouble is told by bh_table_print. */
void bh_table_add(struct bh_table *table, enum bh_style style, const char *format, ...)
    BH_PRINTF(3, 4);

/* A number; 0 as a faint dash, so that the eye finds the others. */
void bh_table_add_count(struct bh_table *table, enum bh_style style, int64_t count);

/* BH_ENOMEM: nothing was printed. */
enum bh_status bh_table_print(const struct bh_table *table, FILE *file, bool colour) BH_MUST_CHECK;

#endif
