/*
 * tzif - time zones for tests: from the system's files, and from bytes put together by hand.
 */
#ifndef BH_TEST_TZIF_H
#define BH_TEST_TZIF_H

#include <stddef.h>
#include <stdint.h>

#include "core/zone.h"

struct tzif_bytes {
    unsigned char bytes[4096];
    size_t len;
};

/* A zone of /usr/share/zoneinfo, raw; fails the test when there is none. */
struct tzif_bytes tzif_read(const char *name);

/* The same, parsed; the caller frees it. */
struct bh_zone *tzif_load(const char *name);

/*
 * A version 2 file: types with their offsets, a table of changes to types, and the footer.  Its
 * first block is empty.
 */
struct tzif_type {
    int32_t offset_s;
};

struct tzif_change {
    int64_t at_s;
    unsigned char type;
};

struct tzif_bytes tzif_build(const struct tzif_type *types, size_t types_len,
                             const struct tzif_change *changes, size_t changes_len,
                             const char *footer);

#endif
