/* Goal: the memory of a boot is aligned, disjoint, reused, counted, and gone after a reset. Method: a long run of random
 * allocations and releases, each block filled with its own byte and compared before it goes. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/boot.h"

enum { BLOCKS = 64 };

struct held {
    unsigned char *bytes;
    size_t size;
};

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static bool all_are(const unsigned char *bytes, unsigned char value, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (bytes[at] != value)
            return false;
    return true;
}

static void churn(struct kaya_allocator *allocator, struct held *held, unsigned rounds, uint32_t *state)
{
    for (unsigned round = 0; round < rounds; round++) {
        unsigned index = next(state) % BLOCKS;
        struct held *one = &held[index];

        if (one->bytes) {
            cr_assert(all_are(one->bytes, (unsigned char)index, one->size), "block %u was overwritten", index);
            allocator->release(allocator, one->bytes, one->size);
            one->bytes = NULL;
            continue;
        }
        one->size = 1 + next(state) % (next(state) % 8 == 0 ? 100000 : 700);
        one->bytes = allocator->allocate(allocator, one->size);
        cr_assert(one->bytes != NULL);
        cr_assert(eq(sz, (uintptr_t)one->bytes % 16, 0));
        memset(one->bytes, (int)index, one->size);
    }
}

Test(memory, blocks_are_aligned_and_never_overlap)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);
    struct held held[BLOCKS];
    uint32_t state = 1;

    for (unsigned boot = 0; boot < 20; boot++) {
        memset(held, 0, sizeof held);
        churn(allocator, held, 2000, &state);
        kaya_sim_memory_reset(memory);
        cr_expect(eq(u64, kaya_sim_memory_in_use(memory), 0));
    }
    kaya_sim_memory_destroy(memory);
}

Test(memory, counts_what_was_asked_for_and_the_most_of_it_at_once)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);
    void *small = allocator->allocate(allocator, 10);
    void *large = allocator->allocate(allocator, 1000000);

    cr_expect(eq(u64, kaya_sim_memory_in_use(memory), 1000010));
    allocator->release(allocator, large, 1000000);
    cr_expect(eq(u64, kaya_sim_memory_in_use(memory), 10));
    cr_expect(eq(u64, kaya_sim_memory_peak(memory), 1000010));
    allocator->release(allocator, small, 10);
    kaya_sim_memory_reset(memory);
    cr_expect(eq(u64, kaya_sim_memory_peak(memory), 0));
    kaya_sim_memory_destroy(memory);
}

Test(memory, a_released_block_is_the_next_one_of_its_size)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);

    for (size_t size = 1; size < 3000000; size += 1 + size / 3) {
        void *first = allocator->allocate(allocator, size);

        allocator->release(allocator, first, size);
        cr_expect(eq(ptr, allocator->allocate(allocator, size), first), "size %zu", size);
    }
    kaya_sim_memory_destroy(memory);
}

Test(memory, a_reset_gives_the_same_places_again)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);
    void *first = allocator->allocate(allocator, 40);

    allocator->allocate(allocator, 500000);
    kaya_sim_memory_reset(memory);
    cr_expect(eq(ptr, allocator->allocate(allocator, 40), first));
    kaya_sim_memory_destroy(memory);
}

Test(memory, more_than_there_can_be_is_refused)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);

    cr_expect(eq(ptr, allocator->allocate(allocator, SIZE_MAX), NULL));
    cr_expect(eq(ptr, allocator->allocate(allocator, ((size_t)1 << 30) + 1), NULL));
    kaya_sim_memory_destroy(memory);
    kaya_sim_memory_destroy(NULL);
}
