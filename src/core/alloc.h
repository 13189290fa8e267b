/*
 * alloc - the one allocator, replaceable so that tests can make the n-th allocation fail.
 *
 * All functions return NULL when memory is short; nothing here aborts.  Sizes of arrays are
 * multiplied with a check.  bh_free accepts NULL.
 */
#ifndef BH_CORE_ALLOC_H
#define BH_CORE_ALLOC_H

#include <stddef.h>

#include "core/base.h"

struct bh_allocator {
    void *(*alloc)(size_t size); /* memory with any content, or NULL */
    void *(*resize)(void *ptr, size_t size);
    void (*release)(void *ptr);
};

/* Replace the allocator (NULL: back to the C library's).  Only at the start of a test program. */
void bh_alloc_replace(const struct bh_allocator *allocator);

void *bh_alloc(size_t size) BH_MUST_CHECK;
void *bh_alloc_zero(size_t size) BH_MUST_CHECK;
void *bh_alloc_array(size_t count, size_t size) BH_MUST_CHECK; /* zeroed */
void *bh_realloc(void *ptr, size_t size) BH_MUST_CHECK;
void *bh_realloc_array(void *ptr, size_t count, size_t size) BH_MUST_CHECK;
void bh_free(void *ptr);

/* A NUL-terminated copy of `len` bytes. */
char *bh_strndup(const char *text, size_t len) BH_MUST_CHECK;
char *bh_strdup(const char *text) BH_MUST_CHECK;

#endif
