/*
 * fields - collect name and value pairs for a status hash.
 *
 * Values are copied, so that what they were made from may go.  The views given out by bh_fields_view live
 * until the next change.
 */
#ifndef BH_ENGINE_FIELDS_H
#define BH_ENGINE_FIELDS_H

#include "core/buf.h"
#include "engine/protocol.h"

#define BH_FIELDS_MAX 32

struct bh_fields {
    struct bh_buf bytes;
    const char *names[BH_FIELDS_MAX]; /* literals */
    size_t starts[BH_FIELDS_MAX];
    size_t lengths[BH_FIELDS_MAX];
    size_t count;
    struct bh_field view[BH_FIELDS_MAX];
};

void bh_fields_init(struct bh_fields *fields);
void bh_fields_release(struct bh_fields *fields);
void bh_fields_clear(struct bh_fields *fields);

/* `name` has to outlive the collection. */
void bh_fields_add(struct bh_fields *fields, const char *name, struct bh_str value);
void bh_fields_add_text(struct bh_fields *fields, const char *name,
                        const char *value); /* not when NULL or "" */
void bh_fields_add_int(struct bh_fields *fields, const char *name, int64_t value);

/* Millionths as a decimal number without needless zeros: 75000 -> "0.075". */
void bh_fields_add_micro(struct bh_fields *fields, const char *name, int64_t micro);

/* For a value that is built piece by piece: append to the buffer between begin and end. */
struct bh_buf *bh_fields_begin(struct bh_fields *fields, const char *name);
void bh_fields_end(struct bh_fields *fields);

/* BH_ENOMEM or BH_ETOOBIG when a value was lost. */
enum bh_status bh_fields_view(struct bh_fields *fields, const struct bh_field **ret_fields,
                              size_t *ret_count) BH_MUST_CHECK;

#endif
