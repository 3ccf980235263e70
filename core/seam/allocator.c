/* Checked calls of the allocator seam. */
#include "kaya/seam/allocator.h"

#include <stdint.h>

#include "kaya/seam/status.h"

void *kaya_allocate(struct kaya_allocator *allocator, size_t size)
{
    void *memory;

    KAYA_ASSERT(allocator != NULL);
    KAYA_ASSERT(size > 0);
    memory = allocator->allocate(allocator, size);
    KAYA_ASSERT((uintptr_t)memory % _Alignof(max_align_t) == 0);
    return memory;
}

void kaya_release(struct kaya_allocator *allocator, void *memory, size_t size)
{
    KAYA_ASSERT(allocator != NULL);
    if (memory == NULL)
        return;
    KAYA_ASSERT(size > 0);
    allocator->release(allocator, memory, size);
}
