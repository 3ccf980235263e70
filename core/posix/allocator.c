/* The C library's heap behind the allocator seam. One for the process; any thread. */
#include <stdlib.h>

#include "kaya/posix.h"

static void *allocate(struct kaya_allocator *allocator, size_t size)
{
    (void)allocator;
    return malloc(size);
}

static void release(struct kaya_allocator *allocator, void *memory, size_t size)
{
    (void)allocator;
    (void)size;
    free(memory);
}

struct kaya_allocator *kaya_posix_allocator(void)
{
    static struct kaya_allocator heap = { .allocate = allocate, .release = release };

    return &heap;
}
