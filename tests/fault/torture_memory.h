/*
 * torture_memory - let allocations from one number to another fail, and count what is outstanding.
 *
 * For one test at a time, which Criterion runs in a process of its own.
 */
#ifndef BH_TESTS_FAULT_TORTURE_MEMORY_H
#define BH_TESTS_FAULT_TORTURE_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/json.h"

static long made;        /* allocations so far */
static long fails_from;  /* the first that fails; negative: none */
static long fails_until; /* the first that succeeds again */
static long outstanding;

static bool
fails(void)
{
    long number = made++;
    return fails_from >= 0 && number >= fails_from && number < fails_until;
}

static void *
scarce_alloc(size_t size)
{
    void *ptr = fails() ? NULL : malloc(size);
    outstanding += ptr != NULL;
    return ptr;
}

static void *
scarce_resize(void *ptr, size_t size)
{
    void *grown = fails() ? NULL : realloc(ptr, size);
    outstanding += grown != NULL && ptr == NULL;
    return grown;
}

static void
counted_release(void *ptr)
{
    outstanding -= ptr != NULL;
    free(ptr);
}

static inline void
use_scarce_memory(void)
{
    static const struct bh_allocator scarce = {scarce_alloc, scarce_resize, counted_release};
    fails_from = -1;
    bh_alloc_replace(&scarce);
    bh_json_use_allocator();
}

#endif
