/*
 * print_keys - a helper of the build: writes what follows from the table of keys.
 *
 *   print_keys example            config.example.ini
 *   print_keys mdoc TEMPLATE      the manual page: TEMPLATE with its line @KEYS@ replaced by the list
 *
 * To standard output; it is not installed.
 */
#include <stdio.h>
#include <string.h>

#include "core/config.h"

#define OUTPUT_MAX ((size_t)1024 * 1024)

static const char mark[] = "@KEYS@\n";

static int
print_example(struct bh_buf *out)
{
    return bh_config_print_example(out) == BH_OK ? 0 : 1;
}

static int
print_manual(const char *template_path, struct bh_buf *out)
{
    char line[1024];
    unsigned marks = 0;
    FILE *file = fopen(template_path, "r");
    if (file == NULL) {
        perror(template_path);
        return 1;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strcmp(line, mark) != 0) {
            bh_buf_append_text(out, line);
            continue;
        }
        marks++;
        if (bh_config_print_mdoc(out) != BH_OK)
            break;
    }
    bool whole = ferror(file) == 0;
    (void)fclose(file); /* only read */
    if (marks != 1)
        fprintf(stderr, "%s: the line @KEYS@ must stand there once\n", template_path);
    return whole && marks == 1 && bh_buf_status(out) == BH_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
    struct bh_buf out;
    int result = 2;
    bh_buf_init(&out, OUTPUT_MAX);
    if (argc == 2 && strcmp(argv[1], "example") == 0)
        result = print_example(&out);
    else if (argc == 3 && strcmp(argv[1], "mdoc") == 0)
        result = print_manual(argv[2], &out);
    else
        fprintf(stderr, "usage: print_keys example | mdoc TEMPLATE\n");
    if (result == 0 && fwrite(bh_buf_text(&out), 1, out.len, stdout) != out.len)
        result = 1;
    if (fflush(stdout) != 0)
        result = 1;
    bh_buf_release(&out);
    return result;
}
