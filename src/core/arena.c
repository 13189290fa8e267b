#include "core/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "core/alloc.h"

#define ALIGNMENT alignof(max_align_t)

struct bh_arena_chunk {
    struct bh_arena_chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

void
bh_arena_init(struct bh_arena *arena, size_t chunk_bytes)
{
    *arena = (struct bh_arena){.chunk_bytes = chunk_bytes};
}

void
bh_arena_release(struct bh_arena *arena)
{
    struct bh_arena_chunk *next;
    for (struct bh_arena_chunk *chunk = arena->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        bh_free(chunk);
    }
    arena->chunks = NULL;
}

static void *
take(struct bh_arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct bh_arena_chunk) - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    struct bh_arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > arena->chunk_bytes ? size : arena->chunk_bytes;
        chunk = bh_alloc(sizeof(*chunk) + room);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct bh_arena_chunk){.next = arena->chunks, .size = room};
        arena->chunks = chunk;
    }
    void *taken = chunk->bytes + chunk->used;
    chunk->used += size;
    return taken;
}

void *
bh_arena_array(struct bh_arena *arena, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    void *taken = take(arena, count * size);
    if (taken != NULL)
        memset(taken, 0, count * size);
    return taken;
}

char *
bh_arena_text(struct bh_arena *arena, struct bh_str text)
{
    char *copy = text.len < SIZE_MAX ? take(arena, text.len + 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}
