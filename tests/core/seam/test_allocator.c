/* The allocator's wrappers: what goes through, and what traps. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "kaya/seam/allocator.h"
#include "trap.h"

static _Alignas(max_align_t) unsigned char room[64];
static void *answer;
static void *released;
static size_t released_size;

static void *allocate(struct kaya_allocator *allocator, size_t size)
{
    (void)allocator;
    (void)size;
    return answer;
}

static void release(struct kaya_allocator *allocator, void *memory, size_t size)
{
    (void)allocator;
    released = memory;
    released_size = size;
}

static struct kaya_allocator fake = { .allocate = allocate, .release = release };

Test(allocator, memory_and_its_absence_go_through)
{
    answer = room;
    cr_expect(kaya_allocate(&fake, 1) == room);
    answer = NULL;
    cr_expect(kaya_allocate(&fake, 1) == NULL);
    kaya_release(&fake, room, 17);
    cr_expect(released == room);
    cr_expect(released_size == 17);
}

Test(allocator, releasing_null_asks_nobody)
{
    kaya_release(&fake, NULL, 0);
    kaya_release(&fake, NULL, 8);
    cr_expect(released == NULL);
}

static void allocate_nothing(void *argument)
{
    answer = room;
    (void)argument;
    (void)kaya_allocate(&fake, 0);
}

static void allocate_from_nobody(void *argument)
{
    (void)argument;
    (void)kaya_allocate(NULL, 1);
}

static void get_crooked_memory(void *argument)
{
    (void)argument;
    answer = room + 1;
    (void)kaya_allocate(&fake, 1);
}

static void release_nothing(void *argument)
{
    (void)argument;
    kaya_release(&fake, room, 0);
}

Test(allocator, broken_promises_trap)
{
    cr_expect(kaya_tests_traps(allocate_nothing, NULL));
    cr_expect(kaya_tests_traps(allocate_from_nobody, NULL));
    cr_expect(kaya_tests_traps(get_crooked_memory, NULL));
    cr_expect(kaya_tests_traps(release_nothing, NULL));
}
