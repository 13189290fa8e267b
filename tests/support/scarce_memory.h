/*
 * scarce_memory - let every allocation from the n-th on fail.
 *
 * For one test at a time, which Criterion runs in a process of its own.
 */
#ifndef BH_TEST_SCARCE_MEMORY_H
#define BH_TEST_SCARCE_MEMORY_H

#include <stdlib.h>

#include "core/alloc.h"

static long bh_allocations_left; /* set it before each try */

static void *
bh_scarce_alloc(size_t size)
{
    return bh_allocations_left-- > 0 ? malloc(size) : NULL;
}

static void *
bh_scarce_resize(void *ptr, size_t size)
{
    return bh_allocations_left-- > 0 ? realloc(ptr, size) : NULL;
}

/* From here on, until bh_alloc_replace(NULL). */
static inline void
bh_use_scarce_memory(void)
{
    static const struct bh_allocator scarce = {bh_scarce_alloc, bh_scarce_resize, free};
    bh_alloc_replace(&scarce);
}

#endif
