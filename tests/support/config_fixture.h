/*
 * config_fixture - read a configuration in a test: secrets' files as a table, one zone, no system.
 *
 * Header only, since the fuzz targets are built from one file each.
 */
#ifndef BH_TESTS_CONFIG_FIXTURE_H
#define BH_TESTS_CONFIG_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/fault.h"

/* UTC as a version 2 file of RFC 8536: two headers with one type each, then the footer. */
#define FIXTURE_TZIF_HEAD(version)                                                                 \
    "TZif" version "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"                                             \
    "\0\0\0\0\0\0"                                                                                 \
    "UTC\0"
static const char fixture_utc[] = FIXTURE_TZIF_HEAD("2") FIXTURE_TZIF_HEAD("2") "\nUTC0\n";

struct fixture_file {
    const char *path;
    const char *bytes;
    size_t len; /* 0: strlen */
    bool exposed;
};

/* `arg` is an array of struct fixture_file that ends with a NULL path, or NULL. */
static enum bh_status
fixture_read_secret(void *arg, const char *path, struct bh_buf *ret_bytes, bool *ret_exposed,
                    struct bh_error *error)
{
    const struct fixture_file *file = arg;
    while (file != NULL && file->path != NULL && strcmp(file->path, path) != 0)
        file++;
    if (file == NULL || file->path == NULL)
        return bh_error_set(error, "", "no such file or directory.");
    *ret_exposed = file->exposed;
    enum bh_status status =
        bh_buf_append(ret_bytes, file->bytes, file->len > 0 ? file->len : strlen(file->bytes));
    return status == BH_ETOOBIG ? bh_error_set(error, "", "the file is too big.") : status;
}

static enum bh_status
fixture_read_zone(void *arg, const char *name, struct bh_buf *ret_bytes, struct bh_error *error)
{
    (void)arg;
    if (strcmp(name, "Broken/Zone") == 0)
        return bh_buf_append_text(ret_bytes, "TZif");
    if (strcmp(name, "Europe/Berlin") != 0 && strcmp(name, "UTC") != 0)
        return bh_error_set(error, "", "no such file or directory.");
    return bh_buf_append(ret_bytes, fixture_utc, sizeof(fixture_utc) - 1);
}

/* A source of `text` under the name "b.conf"; environment and files may be added. */
static inline struct bh_config_source
fixture_source(struct bh_str text)
{
    return (struct bh_config_source){
        .file_name = "b.conf",
        .file_bytes = text,
        .host_name = "host-1",
        .files = {.read_secret = fixture_read_secret, .read_zone = fixture_read_zone},
    };
}

#endif
