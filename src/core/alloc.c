#include "core/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct bh_allocator system_allocator = {malloc, realloc, free};
static struct bh_allocator current = {malloc, realloc, free};

void
bh_alloc_replace(const struct bh_allocator *allocator)
{
    current = allocator != NULL ? *allocator : system_allocator;
}

void *
bh_alloc(size_t size)
{
    return current.alloc(size > 0 ? size : 1);
}

void *
bh_alloc_zero(size_t size)
{
    void *ptr = bh_alloc(size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void *
bh_alloc_array(size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    return bh_alloc_zero(count * size);
}

void *
bh_realloc(void *ptr, size_t size)
{
    return current.resize(ptr, size > 0 ? size : 1);
}

void *
bh_realloc_array(void *ptr, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    return bh_realloc(ptr, count * size);
}

void
bh_free(void *ptr)
{
    current.release(ptr);
}

char *
bh_strndup(const char *text, size_t len)
{
    char *copy = bh_alloc(len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *
bh_strdup(const char *text)
{
    return bh_strndup(text, strlen(text));
}
