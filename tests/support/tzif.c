#include "support/tzif.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct tzif_bytes
tzif_read(const char *name)
{
    struct tzif_bytes file = {.len = 0};
    char path[256];
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    FILE *stream = fopen(path, "rb");
    cr_assert_not_null(stream, "%s is missing; the tests need the package tzdata", path);
    file.len = fread(file.bytes, 1, sizeof(file.bytes), stream);
    cr_assert(feof(stream), "%s is longer than expected", path);
    fclose(stream);
    return file;
}

struct bh_zone *
tzif_load(const char *name)
{
    struct tzif_bytes file = tzif_read(name);
    struct bh_zone *zone = NULL;
    struct bh_error error = {.text = ""};
    cr_assert_eq(bh_zone_parse(file.bytes, file.len, &zone, &error), BH_OK, "%s: %s", name,
                 error.text);
    return zone;
}

static void
put(struct tzif_bytes *file, const void *bytes, size_t len)
{
    cr_assert_leq(len, sizeof(file->bytes) - file->len);
    memcpy(file->bytes + file->len, bytes, len);
    file->len += len;
}

static void
put_number(struct tzif_bytes *file, int64_t number, unsigned bytes)
{
    for (unsigned shift = bytes * 8; shift > 0; shift -= 8) {
        unsigned char byte = (unsigned char)((uint64_t)number >> (shift - 8));
        put(file, &byte, 1);
    }
}

static void
put_header(struct tzif_bytes *file, size_t changes_len, size_t types_len, size_t chars_len)
{
    put(file, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    put_number(file, 0, 4); /* UT indicators */
    put_number(file, 0, 4); /* standard indicators */
    put_number(file, 0, 4); /* leap seconds */
    put_number(file, (int64_t)changes_len, 4);
    put_number(file, (int64_t)types_len, 4);
    put_number(file, (int64_t)chars_len, 4);
}

struct tzif_bytes
tzif_build(const struct tzif_type *types, size_t types_len, const struct tzif_change *changes,
           size_t changes_len, const char *footer)
{
    struct tzif_bytes file = {.len = 0};
    put_header(&file, 0, 0, 0);
    put_header(&file, changes_len, types_len, 4);
    for (size_t i = 0; i < changes_len; i++)
        put_number(&file, changes[i].at_s, 8);
    for (size_t i = 0; i < changes_len; i++)
        put_number(&file, changes[i].type, 1);
    for (size_t i = 0; i < types_len; i++) {
        put_number(&file, types[i].offset_s, 4);
        put_number(&file, 0, 2); /* not summer time, name at 0 */
    }
    put(&file, "XXX", 4);
    put(&file, "\n", 1);
    put(&file, footer, strlen(footer));
    put(&file, "\n", 1);
    return file;
}
