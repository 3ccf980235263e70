/* Goal: a boot goes on from its middle more than once, and cannot tell. Method: a function that counts what it does on its stack, behind
 * its mark and before it; memory, runtime and disk that are changed behind it in every way, and asked again. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/disk.h"

#include "rewind.h"
#include "state.h"

enum { DEPTH = 5, RESUMED = 100, CHUNK_BYTES = 300000 };

struct walk {
    struct kaya_rewind *rewind;
    unsigned begun, marked, ended;
    unsigned sums[RESUMED + 1];
};

static unsigned descend(struct walk *walk, unsigned depth)
{
    volatile unsigned own[16];
    unsigned sum = 0;

    for (unsigned index = 0; index < 16; index++)
        own[index] = depth * 100 + index;
    if (depth < DEPTH) {
        sum = descend(walk, depth + 1);
    } else {
        kaya_rewind_mark(walk->rewind);
        walk->marked++;
    }
    for (unsigned index = 0; index < 16; index++) {
        sum += own[index];
        own[index] = 12345; /* the next one must not see it */
    }
    return sum;
}

static void body(void *user)
{
    struct walk *walk = user;

    unsigned sum;

    walk->begun++;
    sum = descend(walk, 0);
    walk->sums[walk->ended++] = sum;
}

Test(rewind, a_function_goes_on_from_its_mark_as_often_as_wanted)
{
    struct walk walk = { .rewind = kaya_rewind_create() };
    unsigned expected = 0;

    if (walk.rewind == NULL)
        cr_skip_test("a sanitizer watches the stack");
    for (unsigned depth = 0; depth <= DEPTH; depth++)
        expected += 16 * depth * 100 + 120;
    kaya_rewind_run(walk.rewind, body, &walk);
    for (unsigned count = 0; count < RESUMED; count++)
        kaya_rewind_resume(walk.rewind);
    cr_expect(eq(uint, walk.begun, 1));
    cr_expect(eq(uint, walk.marked, RESUMED + 1));
    cr_expect(eq(uint, walk.ended, RESUMED + 1));
    for (unsigned count = 0; count <= RESUMED; count++)
        cr_expect(eq(uint, walk.sums[count], expected), "the %u-th", count);
    walk.ended = 0;
    kaya_rewind_run(walk.rewind, body, &walk);
    kaya_rewind_resume(walk.rewind);
    cr_expect(eq(uint, walk.begun, 2));
    cr_expect(eq(uint, walk.ended, 2));
    kaya_rewind_destroy(walk.rewind);
}

Test(rewind, memory_is_as_it_was)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);
    struct kaya_kept_memory kept = { 0 };
    unsigned char *early = allocator->allocate(allocator, 1000);
    unsigned char *gone = allocator->allocate(allocator, 48);
    unsigned char *late = NULL, *again = NULL;
    struct kaya_rewind *rewind = kaya_rewind_create();

    if (rewind == NULL)
        cr_skip_test("a sanitizer watches the memory, too");
    kaya_rewind_destroy(rewind);
    memset(early, 7, 1000);
    allocator->release(allocator, gone, 48);
    cr_assert(eq(int, kaya_sim_memory_keep(memory, &kept), KAYA_OK));
    for (unsigned round = 0; round < 3; round++) {
        unsigned char *small = allocator->allocate(allocator, 48);
        unsigned char *fresh = allocator->allocate(allocator, 2000);

        cr_expect(eq(ptr, small, gone), "the free block is free again");
        cr_expect(round == 0 || fresh == late, "and the next one comes from where it came from");
        late = fresh;
        for (unsigned index = 0; index < 1000; index++)
            cr_assert(eq(u8, early[index], 7), "round %u, byte %u", round, index);
        memset(early, 9, 1000);
        memset(late, 9, 2000);
        again = allocator->allocate(allocator, CHUNK_BYTES); /* a chunk of its own */
        memset(again, 9, CHUNK_BYTES);
        allocator->release(allocator, early, 1000);
        kaya_sim_memory_bring_back(memory, &kept);
        cr_expect(eq(u64, kaya_sim_memory_in_use(memory), 1000));
    }
    kaya_kept_memory_release(&kept);
    kaya_sim_memory_destroy(memory);
}

Test(rewind, a_runtime_gives_the_same_bytes_again)
{
    struct kaya_sim_runtime *sim = kaya_sim_runtime_create(1);
    struct kaya_runtime *runtime = kaya_sim_runtime_seam(sim);
    struct kaya_kept_runtime kept = { 0 };
    uint8_t before[16], first[16], second[16];

    cr_assert(eq(int, kaya_random(runtime, before, sizeof before), KAYA_OK));
    cr_assert(eq(int, kaya_sim_runtime_keep(sim, &kept), KAYA_OK));
    cr_assert(eq(int, kaya_random(runtime, first, sizeof first), KAYA_OK));
    kaya_sim_runtime_bring_back(sim, &kept);
    cr_assert(eq(int, kaya_random(runtime, second, sizeof second), KAYA_OK));
    cr_expect(eq(int, memcmp(first, second, sizeof first), 0));
    cr_expect(ne(int, memcmp(before, second, sizeof before), 0));
    kaya_kept_memory_release(&kept.memory);
    kaya_sim_runtime_destroy(sim);
}

/* Two handles at the mark; behind it one is closed, another opened, a file written, another removed. */
Test(rewind, a_disk_is_in_the_middle_of_its_boot_again)
{
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_sim_disk_options options = { .choices = choices };
    struct kaya_sim_disk *sim, *kept;
    struct kaya_file *one, *two, *three;
    struct kaya_disk *disk;
    uint64_t bytes, calls;

    cr_assert(eq(int, kaya_sim_disk_create(&options, &sim), KAYA_OK));
    cr_assert(eq(int, kaya_sim_disk_fork(sim, choices, NULL, &kept), KAYA_OK));
    disk = kaya_sim_disk_boot(sim);
    cr_assert(eq(int, kaya_disk_create_directory(disk), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(disk, "one", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &one), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(disk, "two", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &two), KAYA_OK));
    cr_assert(eq(int, kaya_disk_truncate(disk, one, 100), KAYA_OK));
    calls = kaya_sim_disk_calls(sim);
    kaya_disk_keep(sim, kept);
    for (unsigned round = 0; round < 3; round++) {
        cr_expect(eq(u64, kaya_sim_disk_calls(sim), calls), "round %u", round);
        cr_assert(eq(int, kaya_disk_size(disk, one, &bytes), KAYA_OK));
        cr_expect(eq(u64, bytes, 100), "round %u", round);
        cr_assert(eq(int, kaya_disk_truncate(disk, one, 5000), KAYA_OK));
        kaya_disk_close(disk, one);
        cr_assert(eq(int, kaya_disk_open(disk, "three", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &three), KAYA_OK),
                  "round %u", round);
        cr_assert(eq(int, kaya_disk_unlink(disk, "two"), KAYA_OK), "round %u", round);
        if (round == 1)
            kaya_disk_close(disk, two);
        kaya_disk_bring_back(sim, kept);
    }
    kaya_disk_close(disk, two);
    kaya_disk_close(disk, one);
    kaya_sim_disk_power_loss(sim);
    cr_expect(eq(int, kaya_disk_unlink(disk, "two"), KAYA_GONE));
    kaya_sim_disk_destroy(kept);
    kaya_sim_disk_destroy(sim);
    kaya_choices_destroy(choices);
}
