#include "stingy.h"

#include <stddef.h>

static void *allocate(struct kaya_allocator *allocator, size_t size)
{
    struct stingy *stingy = (struct stingy *)allocator;

    return ++stingy->count == stingy->fail_at ? NULL : stingy->from->allocate(stingy->from, size);
}

static void release(struct kaya_allocator *allocator, void *memory, size_t size)
{
    struct stingy *stingy = (struct stingy *)allocator;

    stingy->from->release(stingy->from, memory, size);
}

struct stingy stingy_over(struct kaya_allocator *from)
{
    return (struct stingy){ .allocator = { allocate, release }, .from = from };
}
