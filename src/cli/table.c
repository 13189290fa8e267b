#include "cli/table.h"

#include <stdarg.h>

#include "core/alloc.h"

#define CELL_MAX 512

void
bh_table_init(struct bh_table *table, size_t columns, unsigned right)
{
    BH_ASSERT(columns > 0 && columns <= BH_TABLE_COLUMNS_MAX);
    *table = (struct bh_table){.columns = columns, .right = right};
}

void
bh_table_release(struct bh_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        bh_free(table->cells[i].text);
    bh_free(table->cells);
    *table = (struct bh_table){0};
}

static struct bh_table_cell *
next_cell(struct bh_table *table)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity > 0 ? 2 * table->capacity : 64;
        struct bh_table_cell *cells =
            bh_realloc_array(table->cells, capacity, sizeof(table->cells[0]));
        if (cells == NULL)
            return NULL;
        table->cells = cells;
        table->capacity = capacity;
    }
    return &table->cells[table->count];
}

void
bh_table_add(struct bh_table *table, enum bh_style style, const char *format, ...)
{
    char text[CELL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    struct bh_table_cell *cell = table->failed == BH_OK ? next_cell(table) : NULL;
    char *copy = cell != NULL ? bh_strdup(text) : NULL;
    if (copy == NULL) {
        table->failed = BH_ENOMEM;
        return;
    }
    *cell = (struct bh_table_cell){copy, style};
    table->count++;
}

void
bh_table_add_count(struct bh_table *table, enum bh_style style, int64_t count)
{
    if (count == 0)
        bh_table_add(table, BH_STYLE_DIM, "-");
    else
        bh_table_add(table, style, "%lld", (long long)count);
}

static void
measure(const struct bh_table *table, size_t *widths)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t width = bh_display_width(table->cells[i].text);
        size_t column = i % table->columns;
        if (width > widths[column])
            widths[column] = width;
    }
}

static void
print_blanks(FILE *file, size_t count)
{
    fprintf(file, "%*s", (int)count, "");
}

enum bh_status
bh_table_print(const struct bh_table *table, FILE *file, bool colour)
{
    if (table->failed != BH_OK)
        return table->failed;
    BH_ASSERT(table->count % table->columns == 0);
    size_t widths[BH_TABLE_COLUMNS_MAX] = {0};
    measure(table, widths);
    for (size_t i = 0; i < table->count; i++) {
        const struct bh_table_cell *cell = &table->cells[i];
        size_t column = i % table->columns;
        bool last = column + 1 == table->columns;
        bool right = (table->right & (1U << column)) != 0;
        size_t blanks = widths[column] - bh_display_width(cell->text);
        if (right)
            print_blanks(file, blanks);
        fprintf(file, "%s%s%s", bh_style_begin(cell->style, colour), cell->text,
                bh_style_end(cell->style, colour));
        if (!right && !last)
            print_blanks(file, blanks);
        fputs(last ? "\n" : "  ", file);
    }
    return BH_OK;
}
