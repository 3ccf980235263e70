/* Conformance of allocators: memory is there, aligned, writable to its end, and nobody else's. */
#include <string.h>

#include "check.h"

enum { BLOCKS = 64, BLOCK_BYTES_MAX = 64 * 1024 };

struct block {
    unsigned char *bytes;
    size_t size;
};

static size_t size_of(size_t index)
{
    return 1 + index * index * index % BLOCK_BYTES_MAX;
}

static bool holds_only(const struct block *block, unsigned char value)
{
    for (size_t index = 0; index < block->size; index++) {
        if (block->bytes[index] != value)
            return false;
    }
    return true;
}

static void fill(struct kaya_allocator *allocator, struct block *blocks, size_t index,
                 struct kaya_conformance_result *result)
{
    struct block *block = &blocks[index];

    block->size = size_of(index);
    block->bytes = allocator->allocate(allocator, block->size);
    if (!kaya_conformance_check(result, "memory_is_given", block->bytes != NULL, "no memory for %zu bytes",
                                block->size))
        return;
    kaya_conformance_check(result, "memory_is_aligned", (uintptr_t)block->bytes % _Alignof(max_align_t) == 0,
                           "%zu bytes are at %p", block->size, (void *)block->bytes);
    memset(block->bytes, (int)index, block->size);
}

static void drop(struct kaya_allocator *allocator, struct block *blocks, size_t index,
                 struct kaya_conformance_result *result)
{
    struct block *block = &blocks[index];

    if (block->bytes == NULL)
        return;
    kaya_conformance_check(result, "memory_is_nobody_elses", holds_only(block, (unsigned char)index),
                           "a block of %zu bytes was changed from elsewhere", block->size);
    allocator->release(allocator, block->bytes, block->size);
    block->bytes = NULL;
}

/* All are taken, every second one given back and taken again, and all keep what was put into them. */
void kaya_conformance_allocator(struct kaya_allocator *allocator, struct kaya_conformance_result *result)
{
    struct block blocks[BLOCKS];

    memset(result, 0, sizeof *result);
    for (size_t index = 0; index < BLOCKS; index++)
        fill(allocator, blocks, index, result);
    for (unsigned round = 0; round < 4; round++) {
        for (size_t index = round % 2; index < BLOCKS; index += 2)
            drop(allocator, blocks, index, result);
        for (size_t index = round % 2; index < BLOCKS; index += 2)
            fill(allocator, blocks, index, result);
    }
    for (size_t index = 0; index < BLOCKS; index++)
        drop(allocator, blocks, index, result);
}
