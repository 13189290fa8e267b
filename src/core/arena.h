/*
 * arena - many small allocations with one owner, freed all at once.
 *
 * For values that live and die together, such as the parts of a parsed job.  Nothing in it is freed or moved
 * before bh_arena_release.
 */
#ifndef BH_CORE_ARENA_H
#define BH_CORE_ARENA_H

#include "core/base.h"
#include "core/str.h"

struct bh_arena_chunk;

struct bh_arena {
    struct bh_arena_chunk *chunks; /* owned */
    size_t chunk_bytes;
};

/* Allocates nothing.  `chunk_bytes` is what will probably be needed in all; more is no error. */
void bh_arena_init(struct bh_arena *arena, size_t chunk_bytes);
void bh_arena_release(struct bh_arena *arena);

/* Zeroed, aligned for anything; NULL when short of memory or when count times size is too large. */
void *bh_arena_array(struct bh_arena *arena, size_t count, size_t size) BH_MUST_CHECK;

/* A NUL-terminated copy; NULL when short of memory. */
char *bh_arena_text(struct bh_arena *arena, struct bh_str text) BH_MUST_CHECK;

#endif
